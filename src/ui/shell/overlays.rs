//! Dialogs that only say something: the keyboard shortcuts, what this program is, the messages so far.

use egui::{Align, Context, Id, Layout, Modal, RichText, Ui, vec2};

use super::command::shortcut_words;
use super::toasts::Toasts;
use super::{Menu, TABLE};
use crate::app::App;
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{Icon, dialog_frame, dialog_title_ui, icon_button_ui, key_values_ui, note_ui};

/// Keys that belong to no command.
const OTHER_KEYS: [(&str, &str); 6] = [
    ("Next or previous control", "Tab, Shift+Tab"),
    ("Press the focused control", "Space or Enter"),
    ("Another row of a table", "Up, Down, Home, End"),
    ("Open the chosen row", "Enter"),
    ("Copy a table as CSV", "Ctrl+C in the table"),
    ("Close a dialog", "Escape"),
];

/// A dialog with a title and a cross; true when it should close.
fn say(ctx: &Context, id: &str, title: &str, width: f32, add: impl FnOnce(&mut Ui)) -> bool {
    let response = Modal::new(Id::unique(id))
        .frame(dialog_frame(ctx))
        .backdrop_color(Tokens::of_ctx(ctx).scrim)
        .show(ctx, |ui| {
            ui.set_width(width);
            let closed = ui
                .horizontal(|ui| {
                    dialog_title_ui(ui, title);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        icon_button_ui(ui, Icon::Close, "Close").clicked()
                    })
                    .inner
                })
                .inner;
            add(ui);
            closed
        });
    response.inner || response.should_close()
}

/// Every command with its keys.
pub fn shortcuts_ui(ctx: &Context) -> bool {
    say(ctx, "shortcuts", "Keyboard shortcuts", 640.0, |ui| {
        let os = ui.ctx().os();
        ui.spacing_mut().item_spacing.x = space::XXL;
        ui.columns(2, |columns| {
            let mut groups: Vec<(&str, Vec<(&str, String)>)> = Menu::ALL
                .iter()
                .map(|(menu, name)| {
                    let keys = |entry: &&super::Entry| entry.menu == *menu && !entry.shortcuts.is_empty();
                    let lines = TABLE.iter().filter(keys).map(|entry| {
                        let all: Vec<String> =
                            entry.shortcuts.iter().map(|keys| shortcut_words(*keys, os)).collect();
                        (entry.label.trim_end_matches('…'), all.join(", "))
                    });
                    (*name, lines.collect())
                })
                .collect();
            groups.push(("Everywhere", OTHER_KEYS.map(|(what, keys)| (what, keys.to_owned())).to_vec()));
            for (name, lines) in groups {
                // View is the longest; the rest share the other column.
                let ui = &mut columns[usize::from(name == "View" || name == "Everywhere")];
                group_ui(ui, name, &lines);
            }
        });
    })
}

fn group_ui(ui: &mut Ui, name: &str, lines: &[(&str, String)]) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing = vec2(space::S, 0.0);
    ui.label(RichText::new(name).color(tokens.accent_text));
    for (what, keys) in lines {
        ui.horizontal(|ui| {
            ui.label(*what);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(keys).small().color(tokens.text_quiet));
            });
        });
    }
    ui.add_space(space::M);
}

/// What this program is, and where it keeps things.
pub fn about_ui(ctx: &Context, app: &App) -> bool {
    say(ctx, "about", "About Inferometer", 560.0, |ui| {
        ui.label(
            "Measures how fast AI models really run, lays the price of hardware over the measurements, puts the \
             cloud bill beside them, and finds what would serve the same demand for less.",
        );
        ui.add_space(space::S);
        let folders = &app.options().folders;
        let offline = if app.options().offline {
            "Nothing is ever fetched"
        } else {
            "Only ONNX Runtime, once, when missing"
        };
        let facts = [
            ("Version", env!("CARGO_PKG_VERSION").to_owned()),
            ("Licence", env!("CARGO_PKG_LICENSE").to_owned()),
            ("Fetched from the network", offline.to_owned()),
            ("Data", folders.data.display().to_string()),
            ("Settings", folders.config.display().to_string()),
            ("System", app.state().machine.system.clone()),
        ];
        key_values_ui(ui, "about", &facts);
        ui.add_space(space::S);
        if ui.button("Copy").clicked() {
            let lines: Vec<String> = facts.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            ui.ctx().copy_text(lines.join("\n"));
        }
        note_ui(ui, "Everything stays on this machine, but for models that you measure on another.");
    })
}

/// All messages since the window opened.
pub fn history_ui(ctx: &Context, toasts: &mut Toasts) -> bool {
    say(ctx, "history", "Messages", 600.0, |ui| toasts.history_ui(ui))
}
