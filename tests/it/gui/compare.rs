//! The page Compare: measurements that are not valid, races under several settings, and what can be set for one.

use egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use inferometer::app::project::Project;
use inferometer::app::{App, Command, Scenario, Theme};
use inferometer::measure::duel::{Contender, Duel};
use inferometer::measure::{Config, Summary};

use super::harness::{Desk, app_in, desk, settle};
use super::pages::{copied, copy, point, race, sample};

/// A window on the page over the measured sample project, with what `add` adds to the project.
fn compare(theme: Theme, add: impl Fn(&App, &mut Project)) -> Desk {
    let home = tempfile::tempdir().unwrap();
    copy(sample(), home.path());
    let mut app = app_in(home.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let mut project = Project::open(app.state().path.as_ref().unwrap()).unwrap();
    add(&app, &mut project);
    drop(project);
    app.handle(Command::OpenSample).unwrap();
    let mut desk = desk(home, app, theme);
    desk.ctrl(Key::Num5);
    desk.rest();
    desk
}

#[test]
fn a_measurement_that_is_not_valid_is_said_with_its_reason() {
    let mut open = compare(Theme::Dark, |app, project| {
        let mut late = point(app, 1, 16, 1, 0.5);
        late.runs[0].measured.invalid = vec!["queries were sent 3 ms late".to_owned()];
        for point in [point(app, 0, 16, 1, 1.0), late] {
            project.add_point(&point, &Summary::of(&point)).unwrap();
        }
    });
    let words = "1 of 5 rows has a measurement that is not valid. digits-cnn-int8.onnx: not valid: queries were \
                 sent 3 ms late";
    assert!(open.says(words));
    let csv = copied(&mut open, "Copy CSV");
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[0].ends_with(",machine,invalid") && lines[5].ends_with("queries were sent 3 ms late"),
        "{csv}"
    );
    assert!(lines[1].ends_with(",,"), "the others are valid: {csv}");
}

#[test]
fn a_race_shows_how_each_side_was_run_and_several_can_be_chosen_from() {
    let here = |app: &App| Duel { fingerprint: app.state().machine.clone(), ..race(app) };
    let earlier = |app: &App| {
        let first = here(app);
        let config = Config { batch: 4, threads: 2, ..first.a.config.clone() };
        let b = first.b.clone().map(|b| Contender { config, ..b });
        let sentence = "digits-cnn-int8.onnx (batch 4) is 1.10× as fast".to_owned();
        Duel { b, sentence, started_unix_secs: first.started_unix_secs - 86_400, ..first }
    };
    let mut open = compare(Theme::Light, |app, project| {
        for duel in [here(app), earlier(app)] {
            project.put("duel", &duel.key(), 0, &duel).unwrap();
        }
    });
    // The latest, and each side's own settings.
    assert!(open.says("digits-cnn-int8.onnx is 1.83× as fast as digits-cnn.onnx"));
    assert!(open.says("batch 1 · 1 thread · CPU · ONNX Runtime 1.31.1"));
    open.harness.get_by_label("Result").click();
    open.harness.run();
    // date -u -d @1779913600 → 2026-05-27.
    let words = "batch 1, 1 thread, CPU against batch 4, 2 threads, CPU (2026-05-27)";
    open.press(words);
    assert!(open.says("digits-cnn-int8.onnx (batch 4) is 1.10× as fast"));
    assert!(open.says("batch 4 · 2 threads · CPU · ONNX Runtime 1.31.1"));
}

#[test]
fn the_options_set_another_way_for_b_and_an_input_file() {
    let mut open = compare(Theme::Dark, |_, _| ());
    assert!(open.says("provider, inputs, other settings for B"));
    open.press("Options");
    assert!(open.says("Provider") && !open.says("Threads of B"));
    open.press("Other settings for B");
    assert!(open.says("Threads of A") && open.says("Threads of B") && open.says("Provider of B"));
    open.press("From a file");
    assert!(open.says("No file with inputs is named"));
    let button = open.harness.get_by_label("Run A against B");
    assert!(button.accesskit_node().is_disabled(), "a race without its inputs can be started");
    open.press("Use the labelled set");
    assert!(!open.says("No file with inputs is named"));

    // One model in both places is run against itself, or in two ways.
    let state = open.harness.state().app().state();
    let (first, scenario) = (state.models[0].model.sha256.clone(), state.scenario.clone());
    drop(open);
    let mut alone = compare(Theme::Dark, |_, project| {
        let compared = Some((first.clone(), first.clone()));
        project.put("scenario", "now", 0, &Scenario { compared, ..scenario.clone() }).unwrap();
    });
    assert!(alone.says("Run A against itself") && alone.says("What can this machine tell?"));
    alone.press("Options");
    alone.press("Other settings for B");
    assert!(alone.says("Run A against itself"), "the settings are still the same");
}
