//! The menu bar: the table of commands, menu by menu.

use std::path::PathBuf;

use egui::{Button, MenuBar, RichText, Stroke, Ui};

use super::command::words;
use super::dialog::file_name;
use super::{Menu, TABLE, UiCommand, Window, hindrance};
use crate::ui::theme::{Tokens, space};

impl Window {
    /// Draws the menu bar; what was chosen.
    pub(super) fn menu_ui(&mut self, ui: &mut Ui) -> Vec<UiCommand> {
        let tokens = Tokens::of(ui);
        let mut chosen = Vec::new();
        let mut open: Option<PathBuf> = None;
        let frame =
            egui::Frame::new().fill(tokens.panel).inner_margin(egui::Margin::symmetric(space::S as i8, 3));
        egui::Panel::top("menu").frame(frame).show_separator_line(true).show(ui, |ui| {
            MenuBar::new().ui(ui, |ui| {
                for (menu, name) in Menu::ALL {
                    ui.menu_button(name, |ui| {
                        ui.set_min_width(260.0);
                        if let Some(command) = self.entries_ui(ui, menu, &mut open) {
                            chosen.push(command);
                        }
                    });
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let widgets = &mut ui.visuals_mut().widgets;
                    widgets.inactive.weak_bg_fill = tokens.field;
                    widgets.inactive.bg_stroke = Stroke::new(1.0, tokens.border);
                    ui.spacing_mut().button_padding = egui::vec2(10.0, 4.0);
                    let palette = Button::new(RichText::new("Search commands").color(tokens.text_quiet))
                        .right_text(RichText::new(palette_words(ui.ctx())).small().color(tokens.text_quiet))
                        .min_size(egui::vec2(240.0, 0.0));
                    if ui.add(palette).clicked() {
                        chosen.push(UiCommand::Palette);
                    }
                });
            });
        });
        if let Some(path) = open {
            self.open(vec![path]);
        }
        chosen
    }

    fn entries_ui(&self, ui: &mut Ui, menu: Menu, open: &mut Option<PathBuf>) -> Option<UiCommand> {
        let tokens = Tokens::of(ui);
        let working = self.running().next().is_some();
        let os = ui.ctx().os();
        let mut chosen = None;
        for entry in TABLE.iter().filter(|entry| entry.menu == menu) {
            if entry.first_of_group {
                ui.separator();
            }
            let hindrance = hindrance(entry.command, self.app.state(), working);
            let marked = entry.command == UiCommand::UseTheme(self.settings.theme);
            let button = Button::new(entry.label)
                .selected(marked)
                .shortcut_text(RichText::new(words(entry, os)).color(tokens.text_quiet));
            let response = ui.add_enabled(hindrance.is_none(), button);
            if response.on_disabled_hover_text(hindrance.unwrap_or_default()).clicked() {
                chosen = Some(entry.command);
                ui.close();
            }
            if entry.command == UiCommand::OpenSample {
                self.recent_menu_ui(ui, open);
            }
        }
        chosen
    }

    fn recent_menu_ui(&self, ui: &mut Ui, open: &mut Option<PathBuf>) {
        ui.add_enabled_ui(!self.recent.is_empty(), |ui| {
            ui.menu_button("Open recent", |ui| {
                for (path, present) in &self.recent {
                    let button = ui.add_enabled(*present, Button::new(file_name(path)));
                    let button = button
                        .on_hover_text(path.display().to_string())
                        .on_disabled_hover_text("This file is not there any more");
                    if button.clicked() {
                        *open = Some(path.clone());
                        ui.close();
                    }
                }
            });
        });
    }
}

fn palette_words(ctx: &egui::Context) -> String {
    super::find(UiCommand::Palette).map(|entry| words(entry, ctx.os())).unwrap_or_default()
}
