//! Names and values in two columns, where values may be long: they wrap and never widen what is around them.

use egui::{Label, RichText, Ui, vec2};

use crate::ui::theme::{Tokens, space};

/// Width of the names.
const NAMES: f32 = 112.0;

/// Draws them as wide as there is room.
pub(super) fn facts_ui(ui: &mut Ui, facts: &[(&'static str, String)]) {
    let tokens = Tokens::of(ui);
    let width = ui.available_width();
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::M, 6.0);
        ui.spacing_mut().interact_size.y = 18.0;
        for (name, value) in facts {
            ui.horizontal_top(|ui| {
                let layout = egui::Layout::left_to_right(egui::Align::Min);
                ui.allocate_ui_with_layout(vec2(NAMES, 18.0), layout, |ui| {
                    ui.set_min_width(NAMES);
                    ui.label(RichText::new(*name).color(tokens.text_quiet));
                });
                ui.scope(|ui| {
                    ui.set_max_width((width - NAMES - space::XL).max(80.0));
                    ui.add(Label::new(RichText::new(value).color(tokens.text)).wrap());
                });
            });
        }
    });
}
