//! The shell, and the pages Welcome, Models and Prices.

use egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use inferometer::app::{Settings, Theme};
use inferometer::ui::shell::TABLE;
use inferometer::ui::view::Page;

use super::harness::{empty, sample, sample_file};

const NUMBERS: [Key; 7] = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7];

#[test]
fn every_page_draws_empty_and_full_in_both_themes_with_accessible_names() {
    for theme in [Theme::Dark, Theme::Light] {
        for make in [empty, sample] {
            let mut desk = make(theme);
            for (page, key) in Page::ALL.into_iter().zip(NUMBERS) {
                desk.ctrl(key);
                desk.rest();
                assert_eq!(desk.harness.state().page(), page);
            }
        }
    }
}

#[test]
fn an_empty_page_says_what_to_do_next_and_has_the_button_for_it() {
    let mut desk = empty(Theme::Dark);
    desk.ctrl(Key::Num2);
    assert!(desk.says("No models yet"));
    desk.press("Add models…");
    assert!(desk.says("Path of a file to open"), "the button asks for a file");
}

#[test]
fn welcome_shows_the_way_and_what_is_done() {
    let desk = sample(Theme::Light);
    for step in ["Add models", "Measure", "Price", "Put the bill beside them", "Ask “what if”"] {
        assert!(desk.says(step), "{step}");
    }
    assert!(desk.says("3 models"));
    assert!(
        desk.says("2 of 5 steps"),
        "models and the bill are there; nothing is measured, so nothing is priced"
    );
    assert!(empty(Theme::Light).says("0 of 5 steps"), "a new project has only the profiles it comes with");
}

#[test]
fn the_palette_runs_a_command_and_refuses_a_hindered_one() {
    let mut desk = empty(Theme::Dark);
    desk.ctrl(Key::K);
    desk.type_text("go pric");
    desk.key(Key::Enter);
    assert_eq!(desk.harness.state().page(), Page::Prices);

    desk.ctrl(Key::K);
    desk.type_text("export trade");
    assert!(desk.says("Export trade-off chart…"));
    desk.key(Key::Enter);
    assert!(desk.says("Export trade-off chart…"), "a hindered command leaves the palette open");
    desk.key(Key::Escape);
    assert!(!desk.says("Export trade-off chart…"));
}

#[test]
fn a_dropped_model_becomes_a_model_and_a_message() {
    let mut desk = empty(Theme::Dark);
    desk.drop_file(&sample_file("models/digits-student.onnx"));
    let models = &desk.harness.state().app().state().models;
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].model.name, "digits-student.onnx");
    assert!(desk.says("Read digits-student.onnx: model"));
}

#[test]
fn files_over_the_window_are_told_what_will_happen_to_them() {
    let mut desk = empty(Theme::Light);
    for name in ["a.onnx", "bill.csv"] {
        desk.harness
            .input_mut()
            .hovered_files
            .push(egui::HoveredFile { path: Some(name.into()), ..egui::HoveredFile::default() });
    }
    desk.harness.step();
    desk.harness.step();
    assert!(desk.says("Drop to open 2 files"));
    assert!(desk.says("becomes a model of this project"));
    assert!(desk.says("is read as a bill, a demand trace or hardware profiles"));
}

#[test]
fn an_error_stays_until_it_is_closed_and_is_kept_in_the_list() {
    let mut desk = empty(Theme::Dark);
    let path = desk.folder.path().join("broken.onnx");
    std::fs::write(&path, b"this is not a model").unwrap();
    desk.drop_file(&path);
    assert!(desk.says("broken.onnx"), "the error names the file");
    for _ in 0..400 {
        desk.harness.step();
    }
    assert!(desk.says("broken.onnx"), "an error does not go away by itself");
    desk.press("Close the message");
    assert!(!desk.says("broken.onnx"));
    desk.press("Messages: 1");
    assert!(desk.says("broken.onnx"));
}

#[test]
fn the_path_field_opens_a_file_and_says_what_is_wrong_with_another() {
    let mut desk = empty(Theme::Light);
    desk.ctrl(Key::O);
    desk.type_text("/no/such/file.onnx");
    desk.key(Key::Enter);
    assert!(desk.says("There is no such file"));
    desk.key(Key::Escape);
    assert!(!desk.says("Path of a file to open"), "Escape closes the dialog");

    desk.ctrl(Key::O);
    desk.type_text(&sample_file("models/digits-student.onnx").display().to_string());
    desk.harness.key_press(Key::Enter);
    desk.until("the model is taken in", |window| window.app().state().models.len() == 1);
}

#[test]
fn the_report_is_written_where_the_user_says() {
    let mut desk = sample(Theme::Dark);
    let path = desk.folder.path().join("out.html");
    desk.ctrl(Key::E);
    // The field holds a proposed name, which is replaced.
    desk.ctrl(Key::A);
    desk.type_text(&path.display().to_string());
    desk.harness.key_press(Key::Enter);
    desk.harness.step();
    desk.harness.step();
    desk.rest();
    let html = std::fs::read_to_string(&path).unwrap();
    assert!(html.contains("<html"), "{}", &html[..html.len().min(200)]);
}

#[test]
fn the_theme_is_switched_and_remembered() {
    let mut desk = empty(Theme::Dark);
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Dark);
    desk.ctrl(Key::K);
    desk.type_text("light theme");
    desk.key(Key::Enter);
    desk.harness.run();
    assert_eq!(desk.harness.ctx.theme(), egui::Theme::Light);
    let kept = Settings::load(&desk.folder.path().join("config")).unwrap();
    assert_eq!(kept.theme, Theme::Light);
}

#[test]
fn the_list_of_shortcuts_names_every_command_that_has_one() {
    let mut desk = empty(Theme::Dark);
    desk.key(Key::F1);
    for entry in TABLE.iter().filter(|entry| !entry.shortcuts.is_empty()) {
        let label = entry.label.trim_end_matches('…');
        assert!(desk.says(label), "{label} is not in the list");
    }
    desk.key(Key::Escape);
    assert!(!desk.says("Next or previous control"));
}

#[test]
fn arrow_keys_walk_through_the_models() {
    let mut desk = sample(Theme::Dark);
    desk.ctrl(Key::Num2);
    let names: Vec<String> =
        desk.harness.state().app().state().models.iter().map(|entry| entry.model.name.clone()).collect();
    desk.harness.get_by_label_contains(&format!("Model {},", names[0])).click();
    desk.harness.run();
    desk.key(Key::ArrowDown);
    let second = format!("Model {},", names[1]);
    let row = desk.harness.get_by_label_contains(&second);
    assert_eq!(format!("{:?}", row.accesskit_node().toggled()), "Some(True)", "the next row is chosen");
}

#[test]
fn a_machine_from_the_price_book_is_added_to_the_project() {
    let mut desk = empty(Theme::Light);
    let before = desk.harness.state().app().state().profiles.len();
    desk.ctrl(Key::Num7);
    desk.harness.get_by_label("Search the price book").focus();
    desk.harness.run();
    desk.type_text("m7i.2xlarge us-east-1");
    desk.harness.get_by_label_contains("Instance m7i.2xlarge,").click();
    desk.harness.run();
    desk.press("Add to project");
    let profiles = &desk.harness.state().app().state().profiles;
    assert_eq!(profiles.len(), before + 1);
    let added = profiles.last().unwrap();
    assert_eq!(added.id, "aws/m7i.2xlarge/us-east-1/on_demand");
    // AWS names 8 virtual CPUs and 32 GiB for this type.
    assert_eq!((added.vcpu, added.memory_gib), (8.0, Some(32.0)));
}
