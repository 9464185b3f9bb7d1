//! A sweep that was stopped: how far it is, and the buttons that go on with it or forget it.

use egui::{Frame, Layout, Margin, RichText, Stroke, Ui};

use crate::app::{Command, State};
use crate::ui::theme::{RADIUS_CARD, Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{Icon, icon_ui, quiet_button_ui};

/// The banner; nothing while something is measured, or when no sweep was stopped.
pub(super) fn ui(ui: &mut Ui, view: &mut View<'_>) {
    if view.app.is_measuring() {
        return;
    }
    let Some(words) = words(view.app.state()) else { return };
    let tokens = Tokens::of(ui);
    Frame::new()
        .fill(tokens.soft(tokens.accent_text))
        .stroke(Stroke::new(1.0, tokens.accent_text.gamma_multiply(0.35)))
        .corner_radius(RADIUS_CARD)
        .inner_margin(Margin::symmetric(space::M as i8, space::S as i8))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                icon_ui(ui, Icon::Info, tokens.accent_text);
                ui.label(RichText::new(words).color(tokens.text));
                ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                    if ui.button("Resume").on_hover_text("Measures what is not measured yet").clicked() {
                        view.send(Command::Resume);
                    }
                    let forget = quiet_button_ui(ui, "Forget");
                    if forget.on_hover_text("What is measured stays in the project").clicked() {
                        view.send(Command::ForgetSweep);
                    }
                });
            });
        });
}

/// `13 of 24 configurations are measured, 2 more are begun (3 runs made); the sweep was stopped.`
fn words(state: &State) -> Option<String> {
    Some(format!("{}; the sweep was stopped.", state.standing()?))
}
