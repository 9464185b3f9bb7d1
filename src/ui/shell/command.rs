//! Everything the window can be told to do by name: one table that the menus, the palette, the shortcuts and the
//! list of shortcuts are all made from, so that nothing is in one of them and not in the others.

use egui::os::OperatingSystem;
use egui::{Key, KeyboardShortcut, ModifierNames, Modifiers};

use crate::app::{State, Theme};
use crate::ui::view::Page;

/// Something the window can be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says what each does")]
pub enum UiCommand {
    NewProject,
    Open,
    OpenSample,
    SaveAs,
    ExportReport,
    ExportTradeOff,
    ExportBill,
    ExportOffers,
    ExportComparison,
    ExportRoofline,
    WriteFocus,
    Quit,
    Go(Page),
    QuickMeasure,
    Profile,
    Cancel,
    Machines,
    UseTheme(Theme),
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Palette,
    Notices,
    Shortcuts,
    About,
}

/// The menu a command stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Menu {
    File,
    Run,
    View,
    Help,
}

impl Menu {
    /// Every menu, from left to right, with its word.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::File, "File"), (Self::Run, "Run"), (Self::View, "View"), (Self::Help, "Help")];
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it does.
    pub command: UiCommand,
    /// What people read; ends in `…` where it asks more.
    pub label: &'static str,
    /// Its menu.
    pub menu: Menu,
    /// Whether a line is drawn above it in its menu.
    pub first_of_group: bool,
    /// Keys, the one shown first.
    pub shortcuts: &'static [KeyboardShortcut],
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);

const fn key(modifiers: Modifiers, key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(modifiers, key)
}

const fn entry(
    command: UiCommand,
    label: &'static str,
    menu: Menu,
    shortcuts: &'static [KeyboardShortcut],
) -> Entry {
    Entry { command, label, menu, first_of_group: false, shortcuts }
}

const fn group(
    command: UiCommand,
    label: &'static str,
    menu: Menu,
    shortcuts: &'static [KeyboardShortcut],
) -> Entry {
    Entry { command, label, menu, first_of_group: true, shortcuts }
}

/// The table, in the order of the menus and of the palette.
pub const TABLE: &[Entry] = &[
    entry(UiCommand::NewProject, "New project", Menu::File, &[key(CTRL, Key::N)]),
    entry(UiCommand::Open, "Open files…", Menu::File, &[key(CTRL, Key::O)]),
    entry(UiCommand::OpenSample, "Open sample project", Menu::File, &[]),
    entry(UiCommand::SaveAs, "Save project as…", Menu::File, &[key(CTRL_SHIFT, Key::S)]),
    group(UiCommand::ExportReport, "Export report…", Menu::File, &[key(CTRL, Key::E)]),
    entry(UiCommand::ExportTradeOff, "Export trade-off chart…", Menu::File, &[key(CTRL_SHIFT, Key::E)]),
    entry(UiCommand::ExportBill, "Export bill chart…", Menu::File, &[]),
    entry(UiCommand::ExportOffers, "Export offers chart…", Menu::File, &[]),
    entry(UiCommand::ExportComparison, "Export comparison chart…", Menu::File, &[]),
    entry(UiCommand::ExportRoofline, "Export roofline chart…", Menu::File, &[]),
    entry(UiCommand::WriteFocus, "Export bills as FOCUS…", Menu::File, &[]),
    group(UiCommand::Quit, "Quit", Menu::File, &[key(CTRL, Key::Q)]),
    entry(UiCommand::QuickMeasure, "Measure all models briefly", Menu::Run, &[key(CTRL, Key::R)]),
    entry(UiCommand::Profile, "Profile the chosen configuration", Menu::Run, &[]),
    entry(UiCommand::Cancel, "Cancel running work", Menu::Run, &[key(CTRL, Key::Period)]),
    group(UiCommand::Machines, "Machines to measure on…", Menu::Run, &[]),
    entry(UiCommand::Go(Page::Welcome), "Go to Welcome", Menu::View, &[key(CTRL, Key::Num1)]),
    entry(UiCommand::Go(Page::Models), "Go to Models", Menu::View, &[key(CTRL, Key::Num2)]),
    entry(UiCommand::Go(Page::Measure), "Go to Measure", Menu::View, &[key(CTRL, Key::Num3)]),
    entry(UiCommand::Go(Page::Explore), "Go to Explore", Menu::View, &[key(CTRL, Key::Num4)]),
    entry(UiCommand::Go(Page::Compare), "Go to Compare", Menu::View, &[key(CTRL, Key::Num5)]),
    entry(UiCommand::Go(Page::Bills), "Go to Bills", Menu::View, &[key(CTRL, Key::Num6)]),
    entry(UiCommand::Go(Page::Prices), "Go to Prices", Menu::View, &[key(CTRL, Key::Num7)]),
    entry(UiCommand::Go(Page::OtherTools), "Go to Imported", Menu::View, &[key(CTRL, Key::Num8)]),
    group(UiCommand::UseTheme(Theme::Light), "Light theme", Menu::View, &[]),
    entry(UiCommand::UseTheme(Theme::Dark), "Dark theme", Menu::View, &[]),
    entry(UiCommand::UseTheme(Theme::System), "Theme of the system", Menu::View, &[]),
    group(UiCommand::ZoomIn, "Zoom in", Menu::View, &[key(CTRL, Key::Plus), key(CTRL, Key::Equals)]),
    entry(UiCommand::ZoomOut, "Zoom out", Menu::View, &[key(CTRL, Key::Minus)]),
    entry(UiCommand::ZoomReset, "Reset zoom", Menu::View, &[key(CTRL, Key::Num0)]),
    entry(UiCommand::Palette, "Command palette…", Menu::Help, &[key(CTRL, Key::K), key(CTRL_SHIFT, Key::P)]),
    entry(UiCommand::Notices, "Messages", Menu::Help, &[]),
    entry(UiCommand::Shortcuts, "Keyboard shortcuts", Menu::Help, &[key(Modifiers::NONE, Key::F1)]),
    group(UiCommand::About, "About Inferometer", Menu::Help, &[]),
];

/// The line of a command.
pub fn find(command: UiCommand) -> Option<&'static Entry> {
    TABLE.iter().find(|entry| entry.command == command)
}

/// Why a command cannot be done now; `None` when it can.
pub fn hindrance(command: UiCommand, state: &State, working: bool) -> Option<&'static str> {
    match command {
        UiCommand::ExportTradeOff if state.points.is_empty() && state.results.is_empty() => {
            Some("Nothing has been measured yet")
        }
        UiCommand::ExportBill | UiCommand::WriteFocus if state.bills.is_empty() => Some("No bill is open"),
        UiCommand::ExportOffers if state.answer.is_none() => {
            Some("There is no plan yet: measure a model and set a demand")
        }
        UiCommand::ExportComparison if state.points.is_empty() || state.models.len() < 2 => {
            Some("Two measured models are needed")
        }
        UiCommand::ExportRoofline if state.breakdowns.is_empty() => Some("Nothing has been profiled yet"),
        UiCommand::Profile if state.chosen_point().is_none() => {
            Some("Choose a measurement first, on Measure or Explore")
        }
        UiCommand::QuickMeasure if !state.models.iter().any(|entry| entry.present) => {
            Some("There is no model to measure")
        }
        UiCommand::QuickMeasure | UiCommand::Profile if working => Some("Something is running"),
        UiCommand::Cancel if !working => Some("Nothing is running"),
        _ => None,
    }
}

/// The shortcut as it is written on this system: `Ctrl+Shift+S`, `Shift+Cmd+S`.
pub fn shortcut_words(shortcut: KeyboardShortcut, os: OperatingSystem) -> String {
    let is_mac = matches!(os, OperatingSystem::Mac | OperatingSystem::IOS);
    let modifiers = ModifierNames::NAMES.format(&shortcut.modifiers, is_mac);
    let key = shortcut.logical_key.symbol_or_name();
    if modifiers.is_empty() { key.to_owned() } else { format!("{modifiers}+{key}") }
}

/// The first shortcut of an entry, in words; empty where it has none.
pub fn words(entry: &Entry, os: OperatingSystem) -> String {
    entry.shortcuts.first().map(|shortcut| shortcut_words(*shortcut, os)).unwrap_or_default()
}

/// Takes the shortcuts pressed in this frame out of the input. Those with more modifiers first, or `Ctrl+S` would
/// answer to `Ctrl+Shift+S`; those that edit text are left to a focused text field.
pub fn pressed(ctx: &egui::Context) -> Vec<UiCommand> {
    let typing = ctx.egui_wants_keyboard_input();
    let mut shortcuts: Vec<(UiCommand, KeyboardShortcut)> = TABLE
        .iter()
        .flat_map(|entry| entry.shortcuts.iter().map(|shortcut| (entry.command, *shortcut)))
        .collect();
    shortcuts.sort_by_key(|(_, shortcut)| {
        std::cmp::Reverse(usize::from(shortcut.modifiers.shift) + usize::from(shortcut.modifiers.alt))
    });
    let is_function_key = |key: Key| key == Key::F1;
    ctx.input_mut(|input| {
        shortcuts
            .into_iter()
            .filter(|(_, shortcut)| {
                !typing || !shortcut.conflicts_with_text_editing() || is_function_key(shortcut.logical_key)
            })
            .filter(|(_, shortcut)| input.consume_shortcut(shortcut))
            .map(|(command, _)| command)
            .collect()
    })
}

/// How well `query` fits `text` as letters in the same order; smaller is better, `None` when it does not fit.
/// Letters in a row are free, starts of words are cheap, letters skipped cost one each, or a quarter where the next
/// match starts a word.
pub fn fuzzy(query: &str, text: &str) -> Option<usize> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let land = |place: usize, skipped: usize| {
        let starts_word = place == 0 || !text[place - 1].is_alphanumeric();
        if starts_word { 2 + skipped / 4 } else { 8 + skipped }
    };
    // The least cost of having matched all letters so far with the last of them at each place.
    let mut best: Option<Vec<Option<usize>>> = None;
    for wanted in query.to_lowercase().chars().filter(|letter| !letter.is_whitespace()) {
        let next = (0..text.len())
            .map(|place| {
                if text[place] != wanted {
                    return None;
                }
                let Some(before) = &best else { return Some(land(place, place)) };
                let from = |last: usize| {
                    let jump = if place == last + 1 { 0 } else { land(place, place - last - 1) };
                    Some(before[last]? + jump)
                };
                (0..place).filter_map(from).min()
            })
            .collect();
        best = Some(next);
    }
    best.map_or(Some(0), |costs| costs.into_iter().flatten().min())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the keys really are on a system: `COMMAND` is Cmd on a Mac and Ctrl elsewhere.
    fn real(shortcut: KeyboardShortcut, mac: bool) -> (bool, bool, bool, bool, Key) {
        let modifiers = shortcut.modifiers;
        let ctrl = modifiers.ctrl || (modifiers.command && !mac);
        let cmd = modifiers.mac_cmd || (modifiers.command && mac);
        (ctrl, cmd, modifiers.shift, modifiers.alt, shortcut.logical_key)
    }

    #[test]
    fn no_two_commands_share_a_shortcut_on_any_system() {
        for mac in [true, false] {
            let mut seen = std::collections::HashMap::new();
            for entry in TABLE {
                for shortcut in entry.shortcuts {
                    let other = seen.insert(real(*shortcut, mac), entry.label);
                    assert_eq!(other, None, "{} and {other:?} share {shortcut:?}", entry.label);
                }
            }
            // What text fields and the clipboard use is nobody else's.
            for text_key in [Key::C, Key::V, Key::X, Key::A, Key::Z, Key::Y] {
                let taken = seen.get(&real(KeyboardShortcut::new(CTRL, text_key), mac));
                assert_eq!(taken, None, "{taken:?} takes the text key {text_key:?}");
            }
        }
    }

    #[test]
    fn a_command_stands_in_the_table_once_and_a_label_too() {
        for (place, entry) in TABLE.iter().enumerate() {
            for other in &TABLE[place + 1..] {
                assert_ne!(entry.command, other.command);
                assert_ne!(entry.label, other.label);
            }
        }
    }

    #[test]
    fn every_page_has_a_command_with_its_number() {
        for (place, page) in Page::ALL.into_iter().enumerate() {
            let entry = find(UiCommand::Go(page)).unwrap();
            let keys = words(entry, OperatingSystem::Nix);
            assert_eq!(keys, format!("Ctrl+{}", place + 1));
        }
    }

    #[test]
    fn the_palette_prefers_starts_of_words_and_letters_in_a_row() {
        let best = |query: &str| {
            let mut found: Vec<(usize, &str)> =
                TABLE.iter().filter_map(|entry| Some((fuzzy(query, entry.label)?, entry.label))).collect();
            found.sort_unstable();
            found.first().map(|(_, label)| *label)
        };
        assert_eq!(best("meas"), Some("Measure all models briefly"));
        assert_eq!(best("go bil"), Some("Go to Bills"));
        assert_eq!(best("xtrad"), Some("Export trade-off chart…"));
        assert_eq!(best("etc"), Some("Export trade-off chart…"));
        assert_eq!(best("dark"), Some("Dark theme"));
        assert_eq!(best("qqq"), None);
    }

    #[test]
    fn shortcuts_are_written_as_the_system_writes_them() {
        let save = find(UiCommand::SaveAs).unwrap();
        assert_eq!(words(save, OperatingSystem::Nix), "Ctrl+Shift+S");
        assert_eq!(words(save, OperatingSystem::Mac), "Shift+Cmd+S");
    }
}
