//! What every dialog looks like, and the end of those that are filled in.

use egui::{Align, Id, Layout, Modal, RichText, Ui};

use super::{Tone, banner_ui, primary_button_ui};
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

/// A dialog that is filled in and saved.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// Unlike any other dialog's.
    pub id: &'static str,
    /// What it is for.
    pub title: &'a str,
    /// In points.
    pub width: f32,
    /// What stands against saving what was typed; empty where nothing is known to.
    pub problem: &'a str,
    /// False = Save cannot be pressed yet.
    pub can_save: bool,
}

/// What was pressed in a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// Nothing: it stays open.
    Nothing,
    /// Save.
    Save,
    /// Cancel, or anything else that closes a dialog.
    Cancel,
}

/// Draws the dialog around its fields: title above, problem, Save and Cancel below.
pub fn form_dialog_ui(ctx: &egui::Context, form: &Form<'_>, fields: impl FnOnce(&mut Ui)) -> Pressed {
    let response = Modal::new(Id::unique(form.id))
        .frame(dialog_frame(ctx))
        .backdrop_color(Tokens::of_ctx(ctx).scrim)
        .show(ctx, |ui| {
            ui.set_width(form.width);
            ui.spacing_mut().item_spacing.y = space::S;
            dialog_title_ui(ui, form.title);
            fields(ui);
            if !form.problem.is_empty() {
                banner_ui(ui, Tone::Warning, form.problem);
            }
            ui.add_space(space::XS);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let save = ui.add_enabled_ui(form.can_save, |ui| primary_button_ui(ui, "Save").clicked());
                let cancel = ui.button("Cancel").clicked();
                if save.inner {
                    Pressed::Save
                } else if cancel {
                    Pressed::Cancel
                } else {
                    Pressed::Nothing
                }
            })
            .inner
        });
    match response.inner {
        Pressed::Nothing if response.should_close() => Pressed::Cancel,
        pressed => pressed,
    }
}
