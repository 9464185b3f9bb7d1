//! Views of the bill that the project keeps by name: shown, saved, renamed, removed.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, Key, PopupCloseBehavior, Ui};

use crate::app::{Command, Scenario, ViewChange};
use crate::ui::theme::space;
use crate::ui::view::View;
use crate::ui::widgets::{Icon, icon_button_ui, note_ui, quiet_button_ui, text_field_ui};

/// What is typed into the menu.
#[derive(Default)]
pub(super) struct Views {
    name: String,
    /// The view that gets the name typed, instead of what is shown.
    renaming: Option<String>,
}

impl Views {
    /// The button with the name of the view that is shown, and its menu.
    pub(super) fn menu_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        let views = &view.app.state().views;
        let shown = views.iter().find(|saved| saved.is_shown(scenario));
        let words = shown.map_or_else(|| "Views".to_owned(), |shown| format!("View: {}", shown.name));
        let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let menu = MenuButton::new(words).config(config);
        menu.ui(ui, |ui| {
            ui.set_min_width(260.0);
            if views.is_empty() {
                note_ui(ui, "A view keeps grouping, filters, cost,\nperiod and comparison under a name.");
            }
            for saved in views {
                ui.horizontal(|ui| {
                    let on = saved.is_shown(scenario);
                    let width = ui.available_width() - 2.0 * (space::CONTROL + space::S);
                    let button =
                        Button::selectable(on, &saved.name).truncate().min_size(egui::vec2(width, 0.0));
                    if ui.add_sized([width, space::CONTROL], button).clicked() {
                        saved.apply(scenario);
                        ui.close();
                    }
                    if icon_button_ui(ui, Icon::Edit, &format!("Rename the view {}", saved.name)).clicked() {
                        self.name.clone_from(&saved.name);
                        self.renaming = Some(saved.name.clone());
                    }
                    if icon_button_ui(ui, Icon::Trash, &format!("Remove the view {}", saved.name)).clicked() {
                        view.actions.push(crate::ui::view::Action::Do(Command::View(ViewChange::Remove(
                            saved.name.clone(),
                        ))));
                        self.renaming = None;
                    }
                });
            }
            ui.separator();
            let field = text_field_ui(ui, "Name", &mut self.name, "Production by team", 180.0);
            let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let words = if self.renaming.is_some() { "Rename" } else { "Save this view" };
            let named = !self.name.trim().is_empty();
            let pressed = ui.add_enabled_ui(named, |ui| quiet_button_ui(ui, words).clicked()).inner;
            if named && (pressed || entered) {
                let name = std::mem::take(&mut self.name);
                let change = match self.renaming.take() {
                    Some(old) => ViewChange::Rename(old, name),
                    None => ViewChange::Save(name),
                };
                view.actions.push(crate::ui::view::Action::Do(Command::View(change)));
            }
        });
    }
}
