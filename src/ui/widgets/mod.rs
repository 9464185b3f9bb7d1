//! The vocabulary pages are written in: headers, cards, numbers, badges, tables, progress, charts.
//!
//! A widget knows the theme and what it is given; it never reads the application and never changes anything.

mod button;
mod chart;
mod dialog;
mod icon;
mod table;

use egui::{Frame, InnerResponse, Layout, Margin, Response, RichText, Sense, Stroke, Ui, vec2};

pub use button::{
    NumberField, chip_ui, danger_button_ui, filter_chip_ui, fold_ui, form_row_ui, labelled_ui, line_edit,
    number_field_ui, primary_button_ui, quiet_button_ui, search_ui, segmented_ui, text_field_ui, toggles_ui,
};
pub use chart::{bare_chart_ui, chart_menu_ui, chart_ui, timeline_ui};
pub use dialog::{Form, Pressed, dialog_frame, dialog_title_ui, form_dialog_ui};
pub use icon::{Icon, icon_button_ui, icon_ui};
pub use table::{Cell, Column, Table, TableOutput, TableState, data_table_ui, data_table_with_foot_ui};

use super::theme::{self, RADIUS, RADIUS_CARD, Tokens, space};
use crate::app::jobs::Progress;
use crate::units;

/// A page: its margin, and a scroll bar where it is longer than the window.
pub fn page_ui<R>(ui: &mut Ui, id: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    egui::ScrollArea::vertical()
        .id_salt(id)
        .auto_shrink([false, false])
        .show(ui, |ui| {
            Frame::new()
                .inner_margin(Margin::symmetric(space::XL as i8, space::XL as i8))
                .show(ui, |ui| {
                    ui.set_min_width(ui.available_width());
                    ui.spacing_mut().item_spacing.y = space::M;
                    add(ui)
                })
                .inner
        })
        .inner
}

/// The top of a page: its name, what it is for, and its buttons on the right.
pub fn page_header_ui(ui: &mut Ui, title: &str, subtitle: &str, actions: impl FnOnce(&mut Ui)) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            let heading = ui.label(RichText::new(title).text_style(theme::title()).color(tokens.text));
            heading.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
            if !subtitle.is_empty() {
                ui.label(RichText::new(subtitle).color(tokens.text_quiet));
            }
        });
        let size = vec2(ui.available_width(), space::CONTROL);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(egui::Align::Center), actions);
    });
    ui.add_space(space::XS);
}

/// A raised surface as wide as the page.
pub fn card_ui<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> InnerResponse<R> {
    card_frame(ui).show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = space::S;
        add(ui)
    })
}

/// The frame of a card, for layouts of one's own.
pub fn card_frame(ui: &Ui) -> Frame {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.raised)
        .stroke(Stroke::new(1.0, tokens.border))
        .corner_radius(RADIUS_CARD)
        .inner_margin(Margin::same(space::L as i8))
}

/// The name of a section, a quiet note behind it, and buttons on the right.
pub fn section_header_ui(ui: &mut Ui, title: &str, note: &str, actions: impl FnOnce(&mut Ui)) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.set_min_height(24.0);
        let heading = ui.label(RichText::new(title).text_style(theme::section()).color(tokens.text));
        heading.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
        if !note.is_empty() {
            ui.label(RichText::new(note).color(tokens.text_quiet));
        }
        ui.with_layout(Layout::right_to_left(egui::Align::Center), actions);
    });
}

/// An empty page or card: what is missing, why it matters, and the button that changes it. True when pressed.
pub fn empty_ui(ui: &mut Ui, what: &str, why: &str, button: &str) -> bool {
    let tokens = Tokens::of(ui);
    ui.vertical_centered(|ui| {
        ui.add_space(space::XXL);
        ui.label(RichText::new(what).text_style(theme::section()).color(tokens.text));
        ui.add_space(space::XS);
        let width = ui.available_width().min(520.0);
        ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(egui::Align::Center), |ui| {
            ui.label(RichText::new(why).color(tokens.text_quiet));
        });
        ui.add_space(space::S);
        let pressed = !button.is_empty() && primary_button_ui(ui, button).clicked();
        ui.add_space(space::XXL);
        pressed
    })
    .inner
}

/// A quiet note.
pub fn note_ui(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(text).color(tokens.text_quiet))
}

/// A number that a card is about.
#[derive(Debug, Clone, Default)]
pub struct Stat<'a> {
    /// What it counts.
    pub label: &'a str,
    /// The number, without its unit; `–` where there is none.
    pub value: &'a str,
    /// Its unit; empty for none.
    pub unit: &'a str,
    /// Small print below; empty for none.
    pub note: &'a str,
}

/// One number, large, with its name above and its unit behind. One text to assistive technology.
pub fn stat_ui(ui: &mut Ui, stat: &Stat<'_>) -> Response {
    let tokens = Tokens::of(ui);
    let Stat { label, value, unit, note } = stat;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.label(RichText::new(*label).small().color(tokens.text_quiet));
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            ui.label(RichText::new(*value).text_style(theme::number()).color(tokens.text));
            if !unit.is_empty() {
                ui.with_layout(Layout::left_to_right(egui::Align::Max), |ui| {
                    ui.label(RichText::new(*unit).color(tokens.text_quiet));
                });
            }
        });
        if !note.is_empty() {
            ui.label(RichText::new(*note).small().color(tokens.text_quiet));
        }
    })
    .response
}

/// Several numbers side by side, in columns of equal width.
pub fn stats_ui(ui: &mut Ui, stats: &[Stat<'_>]) {
    ui.columns(stats.len().max(1), |columns| {
        for (ui, stat) in columns.iter_mut().zip(stats) {
            stat_ui(ui, stat);
        }
    });
}

/// Names and values in two columns; the names are quiet.
pub fn key_values_ui<K: AsRef<str>, V: AsRef<str>>(ui: &mut Ui, id: &str, rows: &[(K, V)]) {
    let tokens = Tokens::of(ui);
    egui::Grid::new(id)
        .num_columns(2)
        .spacing(vec2(space::L, 6.0))
        .min_row_height(20.0)
        .min_col_width(72.0)
        .show(ui, |ui| {
            for (key, value) in rows {
                ui.label(RichText::new(key.as_ref()).color(tokens.text_quiet));
                ui.label(value.as_ref());
                ui.end_row();
            }
        });
}

/// A word that says what kind of thing something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the words")]
pub enum Badge {
    Assumed,
    Used,
    Measured,
    Imported,
    Best,
    Stay,
    Failed,
    FellBack,
    Missing,
    Steady,
    Drift,
    Unsteady,
    Short,
    Invalid,
}

impl Badge {
    /// The word shown.
    pub fn text(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::Used => "over the chart",
            Self::Measured => "measured",
            Self::Imported => "imported",
            Self::Best => "best",
            Self::Stay => "today",
            Self::Failed => "failed",
            Self::FellBack => "fell back",
            Self::Missing => "missing",
            Self::Steady => "steady",
            Self::Drift => "drift",
            Self::Unsteady => "unsteady",
            Self::Short => "too short",
            Self::Invalid => "not valid",
        }
    }

    /// What the word means, where the pointer rests on it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Assumed => "A price or a speed that stands over another machine's measurement",
            Self::Used => "Its price lies over the trade-off chart",
            Self::Measured => "Measured on this machine",
            Self::Imported => "Read from another tool's result",
            Self::Best => "The cheapest within the limit",
            Self::Stay => "What the bill shows today",
            Self::Failed => "Was asked for and could not be done",
            Self::FellBack => "Ran on another execution provider than the one asked for",
            Self::Missing => "The file is not where it was",
            Self::Steady => "Every run settled at one level; its warm-up does not count",
            Self::Drift => {
                "A run slowed down, or went on changing: its numbers depend on how long it was run"
            }
            Self::Unsteady => "A run never settled at one level",
            Self::Short => "A run is too short to tell whether it had settled",
            Self::Invalid => "A run broke the rules of its scenario: its numbers do not count",
        }
    }
}

/// Draws a [`Badge`].
pub fn badge_ui(ui: &mut Ui, badge: Badge) -> Response {
    let tokens = Tokens::of(ui);
    let colour = match badge {
        Badge::Assumed => tokens.assumed,
        Badge::Measured | Badge::Imported | Badge::Short | Badge::Steady => tokens.text_quiet,
        Badge::Best => tokens.good,
        Badge::Stay | Badge::Used => tokens.accent_text,
        Badge::Failed | Badge::Invalid | Badge::Unsteady => tokens.danger,
        Badge::FellBack | Badge::Missing | Badge::Drift => tokens.warning,
    };
    tag_ui(ui, badge.text(), colour).on_hover_text(badge.meaning())
}

/// A word in a soft box.
pub fn tag_ui(ui: &mut Ui, text: &str, colour: egui::Color32) -> Response {
    let tokens = Tokens::of(ui);
    let font = egui::TextStyle::Small.resolve(ui.style());
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, colour);
    let size = galley.size() + vec2(12.0, 4.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    if ui.is_rect_visible(rect) {
        ui.painter().rect_filled(rect, RADIUS - 1, tokens.soft(colour));
        ui.painter().galley(rect.min + vec2(6.0, 2.0), galley, colour);
    }
    response
}

/// How loud a banner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tone {
    Info,
    Good,
    Warning,
    Danger,
}

impl Tone {
    /// Its colour and icon.
    pub fn dress(self, tokens: &Tokens) -> (egui::Color32, Icon) {
        match self {
            Self::Info => (tokens.accent_text, Icon::Info),
            Self::Good => (tokens.good, Icon::Check),
            Self::Warning => (tokens.warning, Icon::Warning),
            Self::Danger => (tokens.danger, Icon::Warning),
        }
    }
}

/// A sentence that must not be overlooked, as wide as the page.
pub fn banner_ui(ui: &mut Ui, tone: Tone, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (colour, icon) = tone.dress(tokens);
    Frame::new()
        .fill(tokens.soft(colour))
        .stroke(Stroke::new(1.0, colour.gamma_multiply(0.35)))
        .corner_radius(RADIUS_CARD)
        .inner_margin(Margin::symmetric(space::M as i8, 10))
        .show(ui, |ui| {
            ui.horizontal_top(|ui| {
                icon_ui(ui, icon, colour);
                ui.add(egui::Label::new(RichText::new(text).color(tokens.text)).wrap());
                ui.add_space(ui.available_width());
            });
        })
        .response
}

/// A bar filled to `fraction`; `None` = not known, drawn empty.
pub fn bar_ui(ui: &mut Ui, name: &str, fraction: Option<f64>, width: f32) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 6.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, name));
    if ui.is_rect_visible(rect) {
        let done = fraction.unwrap_or(0.0).clamp(0.0, 1.0) as f32;
        ui.painter().rect_filled(rect, 3, tokens.hover);
        let filled = egui::Rect::from_min_size(rect.min, vec2(rect.width() * done, rect.height()));
        ui.painter().rect_filled(filled, 3, tokens.accent);
    }
    response
}

/// Long work: what it is, how far, what it is doing, how long it takes yet, and a way to stop it. True when the
/// user stops it.
pub fn progress_ui(ui: &mut Ui, title: &str, progress: &Progress, elapsed_secs: f64) -> bool {
    let tokens = Tokens::of(ui);
    let mut cancel = false;
    ui.horizontal(|ui| {
        ui.label(title);
        ui.label(RichText::new(progress_words(progress, elapsed_secs)).color(tokens.text_quiet));
        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
            cancel = ui.button("Cancel").on_hover_text("Stops soon; what is finished is kept").clicked();
        });
    });
    bar_ui(ui, title, progress.fraction, ui.available_width());
    note_ui(ui, if progress.doing.is_empty() { "Starting" } else { &progress.doing });
    cancel
}

/// `42 %, 12 s left`, or the time it has taken where nothing else is known.
pub fn progress_words(progress: &Progress, elapsed_secs: f64) -> String {
    let mut words = Vec::new();
    if let Some(fraction) = progress.fraction {
        words.push(format!("{:.0} %", fraction * 100.0));
    }
    match progress.seconds_left {
        Some(seconds) => words.push(format!("{} left", seconds_words(seconds))),
        None => words.push(format!("{} so far", seconds_words(elapsed_secs))),
    }
    words.join(", ")
}

/// `8 s`, `3 min 20 s`, `1 h 5 min`.
pub fn seconds_words(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// `1,234` for a whole number.
pub fn count_words(count: u64) -> String {
    units::group_thousands(u128::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_said_in_the_unit_that_reads_best() {
        assert_eq!(seconds_words(0.4), "0 s");
        assert_eq!(seconds_words(59.6), "1 min 0 s");
        assert_eq!(seconds_words(200.0), "3 min 20 s");
        assert_eq!(seconds_words(3_900.0), "1 h 5 min");
    }

    #[test]
    fn progress_says_what_it_knows_and_no_more() {
        let progress = Progress { fraction: Some(0.416), doing: String::new(), seconds_left: Some(12.0) };
        assert_eq!(progress_words(&progress, 3.0), "42 %, 12 s left");
        assert_eq!(progress_words(&Progress::default(), 3.0), "3 s so far");
    }
}
