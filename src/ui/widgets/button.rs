//! Things to press and to type into.

use std::ops::RangeInclusive;

use egui::{Button, Color32, DragValue, Frame, Margin, Response, RichText, Stroke, TextEdit, Ui};

use super::icon::{Icon, icon_ui};
use crate::ui::theme::{RADIUS, Tokens, space};

/// The one button of a page or dialog that does what the user came for.
pub fn primary_button_ui(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    filled_button_ui(ui, text, tokens.accent, tokens.on_accent)
}

/// A button that destroys or overwrites something.
pub fn danger_button_ui(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (fill, colour) = if tokens.dark {
        (tokens.soft(tokens.danger), tokens.danger)
    } else {
        (tokens.danger, tokens.on_accent)
    };
    filled_button_ui(ui, text, fill, colour)
}

fn filled_button_ui(ui: &mut Ui, text: &str, fill: Color32, colour: Color32) -> Response {
    let tokens = Tokens::of(ui);
    ui.scope(|ui| {
        let widgets = &mut ui.visuals_mut().widgets;
        for state in [&mut widgets.inactive, &mut widgets.hovered, &mut widgets.active] {
            state.weak_bg_fill = fill;
            state.bg_stroke = Stroke::new(1.0, fill);
        }
        widgets.hovered.bg_stroke = Stroke::new(1.0, tokens.text);
        widgets.active.bg_stroke = Stroke::new(1.5, tokens.text);
        ui.add(Button::new(RichText::new(text).color(colour)))
    })
    .inner
}

/// A button without a frame, for what is seldom needed.
pub fn quiet_button_ui(ui: &mut Ui, text: &str) -> Response {
    let tokens = Tokens::of(ui);
    ui.add(Button::new(RichText::new(text).color(tokens.accent_text)).frame_when_inactive(false))
}

/// A line that unfolds what is seldom needed; folded, `note` stands behind its name, cut where there is no room.
pub fn fold_ui(ui: &mut Ui, name: &str, open: &mut bool, note: &str) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let icon = if *open { Icon::Down } else { Icon::Right };
        let drawn = super::icon::icon_ui(ui, icon, tokens.accent_text);
        let text = RichText::new(name).color(tokens.accent_text);
        let label = ui.add(egui::Label::new(text).selectable(false).sense(egui::Sense::click()));
        label.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, *open, name));
        if label.has_focus() {
            ui.painter().rect_stroke(
                label.rect.expand(2.0),
                2,
                Stroke::new(1.0, tokens.accent_text),
                egui::StrokeKind::Outside,
            );
        }
        if label.clicked() || drawn.interact(egui::Sense::click()).clicked() {
            *open = !*open;
        }
        if !*open {
            ui.add_space(space::S);
            let width = ui.available_width();
            let note = RichText::new(note).color(tokens.text_quiet);
            ui.scope(|ui| {
                ui.set_max_width(width);
                ui.add(egui::Label::new(note).truncate());
            });
        }
    });
}

/// A choice of few, all in view. `name` says what is chosen, for those who cannot see it. True when it changed.
pub fn segmented_ui<T: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    options: &[(T, &str)],
) -> bool {
    let tokens = Tokens::of(ui);
    let mut changed = false;
    Frame::new()
        .fill(tokens.control)
        .stroke(Stroke::new(1.0, tokens.border_strong))
        .corner_radius(RADIUS)
        .inner_margin(Margin::same(2))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.spacing_mut().interact_size.y = space::CONTROL - 4.0;
            ui.spacing_mut().button_padding.y = 2.0;
            let widgets = &mut ui.visuals_mut().widgets;
            widgets.hovered.bg_stroke = Stroke::NONE;
            widgets.inactive.bg_stroke = Stroke::NONE;
            ui.horizontal(|ui| {
                for (option, text) in options {
                    let chosen = *value == *option;
                    let colour = if chosen { tokens.accent_text } else { tokens.text };
                    let button = Button::selectable(chosen, RichText::new(*text).color(colour))
                        .frame_when_inactive(chosen)
                        .corner_radius(RADIUS - 1);
                    let response = ui.add(button).on_hover_text(format!("{name}: {text}"));
                    if response.clicked() && !chosen {
                        *value = *option;
                        changed = true;
                    }
                }
            });
        });
    changed
}

/// How a number is typed in and shown.
#[derive(Debug, Clone)]
pub struct NumberField<'a> {
    /// Smallest and largest value allowed.
    pub range: RangeInclusive<f64>,
    /// Change for each point the mouse is dragged.
    pub speed: f64,
    /// Most digits after the point.
    pub decimals: usize,
    /// Written behind the number: `ms`, `%`; empty for none.
    pub unit: &'a str,
}

impl Default for NumberField<'_> {
    fn default() -> Self {
        Self { range: 0.0..=f64::MAX, speed: 1.0, decimals: 2, unit: "" }
    }
}

/// Several of few, all in view; at least one stays chosen, in the order of `options`. `name` says what is chosen.
pub fn toggles_ui<T: PartialEq + Copy>(ui: &mut Ui, name: &str, chosen: &mut Vec<T>, options: &[(T, &str)]) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.x = space::XS;
    for (option, text) in options {
        let on = chosen.contains(option);
        let colour = if on { tokens.accent_text } else { tokens.text_quiet };
        let edge = if on { tokens.accent_text } else { tokens.border_strong };
        let button = Button::selectable(on, RichText::new(*text).color(colour))
            .frame_when_inactive(true)
            .stroke(Stroke::new(1.0, edge));
        let response = ui.add(button).on_hover_text(format!("{name}: {text}"));
        if response.clicked() {
            if !on {
                chosen.push(*option);
            } else if chosen.len() > 1 {
                chosen.retain(|other| other != option);
            }
            chosen.sort_by_key(|value| options.iter().position(|(other, _)| other == value));
        }
    }
}

/// Something chosen that can be taken off. True when the user takes it off.
pub fn chip_ui(ui: &mut Ui, text: &str) -> bool {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.accent_soft)
        .corner_radius(RADIUS)
        .inner_margin(Margin { left: 8, right: 2, top: 0, bottom: 0 })
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                ui.label(RichText::new(text).color(tokens.text));
                super::icon::icon_button_ui(ui, Icon::Close, &format!("Remove {text}")).clicked()
            })
            .inner
        })
        .inner
}

/// A number with its name before it and its unit behind it. Drag, or click and type.
pub fn number_field_ui(ui: &mut Ui, name: &str, value: &mut f64, field: &NumberField<'_>) -> Response {
    labelled_ui(ui, name, |ui| {
        let suffix = if field.unit.is_empty() { String::new() } else { format!(" {}", field.unit) };
        ui.add(
            DragValue::new(value)
                .range(field.range.clone())
                .speed(field.speed)
                .max_decimals(field.decimals)
                .update_while_editing(false)
                .suffix(suffix),
        )
    })
}

/// A line of text with its name before it.
pub fn text_field_ui(ui: &mut Ui, name: &str, value: &mut String, hint: &str, width: f32) -> Response {
    labelled_ui(ui, name, |ui| ui.add(line_edit(value, hint, width)))
}

/// A field for one line, its text in the middle of its height. The hint is slanted, lest it is taken for what is typed.
pub fn line_edit<'a>(value: &'a mut String, hint: &'a str, width: f32) -> TextEdit<'a> {
    let hint = RichText::new(hint).italics();
    TextEdit::singleline(value).hint_text(hint).desired_width(width).align(egui::Align2::LEFT_CENTER)
}

/// Any widget with its name before it, which is also its accessible name.
pub fn labelled_ui(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        let label = ui.label(RichText::new(name).color(tokens.text_quiet));
        add(ui).labelled_by(label.id)
    })
    .inner
}

/// A line of a form: the name in a column `width` points wide, the widget behind it.
pub fn form_row_ui(ui: &mut Ui, name: &str, width: f32, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        let size = egui::vec2(width, space::CONTROL);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        let label = ui
            .allocate_ui_with_layout(size, layout, |ui| {
                ui.set_min_size(size);
                ui.label(RichText::new(name).color(tokens.text_quiet))
            })
            .inner;
        add(ui).labelled_by(label.id)
    })
    .inner
}

/// A field to search in, with the accessible name `name`.
pub fn search_ui(ui: &mut Ui, name: &str, value: &mut String, hint: &str, width: f32) -> Response {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        icon_ui(ui, Icon::Search, tokens.text_quiet);
        let response = ui.add(line_edit(value, hint, width));
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::SearchInput, ui.is_enabled(), name));
        response
    })
    .inner
}

/// A filter that is on: what it filters, and a cross to take it off. True when the user takes it off.
pub fn filter_chip_ui(ui: &mut Ui, column: &str, value: &str) -> bool {
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.accent_soft)
        .corner_radius(RADIUS)
        .inner_margin(Margin { left: 8, right: 2, top: 0, bottom: 0 })
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                ui.label(RichText::new(column).color(tokens.text_quiet));
                ui.label(RichText::new(value).color(tokens.text));
                super::icon::icon_button_ui(ui, Icon::Close, &format!("Remove the filter {column} {value}"))
                    .clicked()
            })
            .inner
        })
        .inner
}
