//! What every dialog looks like.

use egui::{RichText, Ui};

use crate::ui::theme::{self, Tokens, space};

/// The frame of every dialog.
pub fn dialog_frame(ctx: &egui::Context) -> egui::Frame {
    egui::Frame::popup(&ctx.global_style()).inner_margin(egui::Margin::same(20))
}

/// The name of a dialog.
pub fn dialog_title_ui(ui: &mut Ui, title: &str) {
    let tokens = Tokens::of(ui);
    let heading = ui.label(RichText::new(title).text_style(theme::section()).color(tokens.text));
    heading.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
    ui.add_space(space::XS);
}
