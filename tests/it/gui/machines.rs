//! The dialog "Machines to measure on". The machine of these tests is this one, reached by `env`.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::{Command, Theme};
use inferometer::hardware::Fingerprint;
use inferometer::measure::Target;

use super::harness::{Desk, app_in, desk, empty, settle};

fn open_dialog(desk: &mut Desk) {
    desk.ctrl(Key::K);
    desk.type_text("machines to measure");
    desk.key(Key::Enter);
    assert!(desk.says("A machine is reached by a command"));
}

/// Replaces what stands in a field.
fn fill(desk: &mut Desk, field: &str, text: &str) {
    desk.harness.get_by_role_and_label(Role::TextInput, field).focus();
    desk.harness.run();
    desk.ctrl(Key::A);
    desk.type_text(text);
}

#[test]
fn a_machine_is_added_checked_and_removed() {
    let mut desk = empty(Theme::Light);
    open_dialog(&mut desk);
    fill(&mut desk, "Name", "bench host");
    fill(&mut desk, "Command", "ssh");
    desk.press("Add and check");
    assert!(desk.says("names no host"), "what is no command is said and stays to be mended");
    assert!(desk.harness.state().app().state().targets.is_empty());

    let home = desk.folder.path().join("there");
    fill(&mut desk, "Inferometer there", env!("CARGO_BIN_EXE_inferometer"));
    fill(&mut desk, "Command", &format!("env INFEROMETER_HOME={}", home.display()));
    desk.press("Add and check");
    assert!(desk.says("A machine is reached by a command"), "the dialog stays open");
    desk.until("the machine has answered", |window| {
        window.app().state().surveys.get("bench host").is_some_and(Result::is_ok)
    });
    desk.rest();
    let cpu = Fingerprint::read().cpu;
    assert!(
        desk.says("bench host") && desk.says(&format!("{cpu}, ")) && desk.says(env!("CARGO_PKG_VERSION"))
    );

    desk.press("Remove");
    assert!(desk.harness.state().app().state().targets.is_empty());
    desk.key(Key::Escape);
    assert!(!desk.says("A machine is reached by a command"));
}

#[test]
fn a_machine_that_cannot_be_reached_says_why() {
    let mut desk = empty(Theme::Dark);
    open_dialog(&mut desk);
    fill(&mut desk, "Command", "env");
    fill(&mut desk, "Inferometer there", "/nonexistent/inferometer");
    desk.press("Add and check");
    desk.until("the machine was asked", |window| window.app().state().surveys.contains_key("env"));
    desk.rest();
    assert!(desk.says("is not there or cannot be run"));
}

#[test]
fn the_form_measures_on_the_machine_that_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let target = Target::parse("bench host", "env", "/nonexistent/inferometer").unwrap();
    app.handle(Command::PutTarget(Box::new(target))).unwrap();
    let mut desk = desk(folder, app, Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    desk.harness.get_by_role_and_label(Role::ComboBox, "Measure on").scroll_to_me();
    desk.harness.run();
    desk.harness.get_by_role_and_label(Role::ComboBox, "Measure on").click();
    desk.harness.run();
    desk.press("bench host");
    assert!(desk.says("It is asked what it is when the measurement starts"));
    desk.harness.get_by_label("Start measuring").scroll_to_me();
    desk.harness.run();
    desk.press("Start measuring");
    desk.rest();
    let state = desk.harness.state().app().state();
    assert_eq!(state.unfinished.as_ref().unwrap().measure.target.as_deref(), Some("bench host"));
    assert!(desk.says("is not there or cannot be run"), "and says why it cannot");
}
