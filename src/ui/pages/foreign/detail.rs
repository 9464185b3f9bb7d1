//! Everything one result of another tool says: its numbers, its settings, and what must be known of them.

use egui::{Align, Label, Layout, RichText, Ui, vec2};

use crate::app::foreign::Row;
use crate::measure::import::{Foreign, Validity};
use crate::ui::pages::parts::halves_ui;
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{
    Badge, Tone, badge_ui, banner_ui, count_words, note_ui, quiet_button_ui, section_header_ui, tag_ui,
};

/// Numbers and settings that are listed unless all are asked for: most files have fewer.
const LISTED: usize = 30;
/// The share of a list's width that names take.
const NAMES_SHARE: f32 = 0.4;

pub(super) fn detail_ui(ui: &mut Ui, row: Row<'_>) {
    let result = row.result;
    let name = result.model.clone().unwrap_or_else(|| result.file.clone());
    section_header_ui(ui, &name, &result.tool_words(), |ui| {
        badge_ui(ui, Badge::Imported);
    });
    badges_ui(ui, result);
    if let Validity::Invalid(reasons) = &result.validity {
        let why = if reasons.is_empty() { "the tool says so".to_owned() } else { reasons.join("; ") };
        banner_ui(ui, Tone::Danger, &format!("Invalid by the tool's own rules: {why}"));
    }
    for note in &result.notes {
        note_ui(ui, note);
    }
    halves_ui(ui, |ui, left| {
        let id = if left { "foreign numbers" } else { "foreign settings" };
        let rows = if left { numbers(row) } else { settings(row) };
        let title = if left { "Numbers" } else { "How it was measured" };
        ui.label(RichText::new(title).strong());
        list_ui(ui, id, &format!("{} {}", row.file.key, row.place), &rows);
    });
}

/// Names and values in two columns that wrap, so that the page is all there is to scroll; `of` tells one result's list
/// from another's.
fn list_ui(ui: &mut Ui, id: &str, of: &str, rows: &[(String, String)]) {
    let tokens = Tokens::of(ui);
    let opened = egui::Id::unique((id, of));
    let mut all = ui.data(|data| data.get_temp::<bool>(opened)).unwrap_or(false);
    let listed = if all { rows.len() } else { rows.len().min(LISTED) };
    let width = ui.available_width() - space::S;
    for (name, value) in &rows[..listed] {
        ui.horizontal_top(|ui| {
            let name = RichText::new(name).color(tokens.text_quiet);
            for (text, share) in [(name, NAMES_SHARE), (RichText::new(value), 1.0 - NAMES_SHARE)] {
                ui.allocate_ui_with_layout(vec2(width * share, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width * share);
                    ui.add(Label::new(text).wrap());
                });
            }
        });
    }
    if rows.len() > LISTED {
        let words = if all {
            "Show fewer".to_owned()
        } else {
            format!("Show all {}", count_words(rows.len() as u64))
        };
        if quiet_button_ui(ui, &words).clicked() {
            all = !all;
            ui.data_mut(|data| data.insert_temp(opened, all));
        }
    }
}

/// What latency includes, how percentiles are picked, whether the run is valid: a short word each.
fn badges_ui(ui: &mut Ui, result: &Foreign) {
    let tokens = Tokens::of(ui);
    ui.horizontal_wrapped(|ui| {
        match &result.validity {
            Validity::NotStated => {}
            Validity::Valid => {
                tag_ui(ui, "valid", tokens.good).on_hover_text("Valid by the tool's own rules");
            }
            Validity::Invalid(_) => {
                tag_ui(ui, "invalid", tokens.danger).on_hover_text("Invalid by the tool's own rules");
            }
        }
        for (name, included) in result.includes.parts() {
            let (text, colour, hover) = match included {
                Some(true) => (format!("with {name}"), tokens.accent_text, "Latency includes it"),
                Some(false) => (format!("without {name}"), tokens.text_quiet, "Latency leaves it out"),
                None => (format!("{name}?"), tokens.assumed, "Whether latency includes it is not known"),
            };
            tag_ui(ui, &text, colour).on_hover_text(hover);
        }
        note_ui(ui, result.quantiles.words());
    });
}

/// The result's numbers, each with its unit.
fn numbers(row: Row<'_>) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = row
        .result
        .metrics
        .iter()
        .map(|metric| {
            let name = format!("{} {}", metric.quantity.words(), metric.statistic.words());
            (name.trim_end().to_owned(), format!("{} {}", metric.words(), metric.rounding_words()))
        })
        .collect();
    let samples = row.file.samples.iter().filter(|samples| samples.result == row.place);
    rows.extend(samples.map(|samples| {
        let count = count_words(samples.count as u64);
        (format!("{} samples", samples.quantity.words()), format!("{count}, kept in the project"))
    }));
    rows
}

/// Where the result is from and what was set.
fn settings(row: Row<'_>) -> Vec<(String, String)> {
    let result = row.result;
    let place = if result.place.is_empty() { String::new() } else { format!(", {}", result.place) };
    let mut rows = vec![("File".to_owned(), format!("{}{place}", row.file.results.path.display()))];
    let mut add = |name: &str, value: Option<String>| {
        rows.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    add("Format", Some(row.file.results.format.clone()));
    add("System", result.system.clone());
    add("Framework", result.framework.clone());
    add("Scenario", result.scenario.clone());
    add("Load", Some(result.load_words()));
    add("Precision", result.precision.clone());
    rows.extend(result.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
    rows
}
