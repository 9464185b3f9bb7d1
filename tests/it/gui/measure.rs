//! The page Measure: what the form asks for, a sweep that was stopped, too few samples, a warm-up moved by hand,
//! curves over several measurements.
//!
//! Measurements are values added to the sample project; nothing here waits for ONNX Runtime.

use egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use inferometer::app::project::Project;
use inferometer::app::{Command, Measure, Theme, Unfinished};
use inferometer::measure::stats::steadiness;
use inferometer::measure::sweep::{Effort, Sweep};
use inferometer::measure::{Arrivals, Ended, Optimisation, Point, Rate, Scenario, Series, Summary};

use super::harness::{Desk, app_in, desk, sample, settle};
use super::pages::{copied, measured, point, state};

/// A window on the page Measure over the sample project with these measurements, the first of them chosen.
fn with_points(make: impl Fn(&inferometer::app::App) -> Vec<Point>) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let path = app.state().path.clone().unwrap();
    let points = make(&app);
    drop(app);
    let mut project = Project::open(&path).unwrap();
    for point in &points {
        project.add_point(point, &Summary::of(point)).unwrap();
    }
    drop(project);
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    app.take_reports();
    while app.next_notice().is_some() {}
    let first = app.state().points[0].id;
    app.handle(Command::Choose(Some(first))).unwrap();
    let mut desk = desk(folder, app, Theme::Light);
    desk.ctrl(Key::Num3);
    desk.rest();
    desk
}

/// The same run with other latencies, one query after another.
fn with_latencies(mut point: Point, latency_nanos: Vec<u64>) -> Point {
    let at = latency_nanos.iter().sum();
    let measured = &mut point.runs[0].measured;
    measured.queries = latency_nanos.len() as u64;
    measured.wall_nanos = at;
    measured.steadiness = Some(steadiness(&latency_nanos));
    measured.series = Series::one_after_another(latency_nanos);
    point
}

/// Scrolls to something and presses it.
fn press(desk: &mut Desk, name: &str) {
    desk.harness.get_by_label(name).scroll_to_me();
    desk.harness.run();
    desk.press(name);
}

/// Replaces what stands in a field.
fn fill(desk: &mut Desk, name: &str, text: &str) {
    desk.harness.get_by_label(name).scroll_to_me();
    desk.harness.get_by_label(name).focus();
    desk.harness.run();
    desk.ctrl(Key::A);
    desk.type_text(text);
}

/// Starts what the form asks for, and gives it.
fn started(desk: &mut Desk) -> Measure {
    desk.harness.get_by_label("Start measuring").scroll_to_me();
    desk.harness.run();
    desk.harness.get_by_label("Start measuring").click();
    desk.until("a sweep is started", |window| window.app().state().unfinished.is_some());
    let asked = state(desk).unfinished.clone().unwrap().measure;
    let running: Vec<_> = desk.harness.state().app().jobs().iter().map(|job| job.id).collect();
    assert!(!running.is_empty());
    asked
}

#[test]
fn the_form_as_it_is_asks_for_a_decision_on_every_model() {
    let mut desk = sample(Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    let Measure { models, sweep, target } = started(&mut desk);
    assert_eq!(target, None, "this machine");
    assert_eq!(models.len(), 3);
    assert_eq!(sweep.batches, [1, 2, 4, 8]);
    assert_eq!(sweep.scenarios, [Scenario::SingleStream]);
    assert_eq!(sweep.effort, Effort::default());
    assert_eq!((sweep.providers, sweep.instances, sweep.min_queries), (vec!["CPU".to_owned()], vec![1], 0));
}

#[test]
fn the_form_builds_the_sweep_that_is_typed_in() {
    let mut desk = sample(Theme::Light);
    desk.ctrl(Key::Num3);
    desk.rest();
    fill(&mut desk, "Batch sizes", "1, 3");
    fill(&mut desk, "Threads", "1");
    press(&mut desk, "Quick look");
    assert!(desk.says("1 run of each configuration"));
    press(&mut desk, "More settings");
    fill(&mut desk, "Sessions", "1, 2");
    press(&mut desk, "basic");
    press(&mut desk, "Add a scenario");
    fill(&mut desk, "In flight", "2, 4");
    press(&mut desk, "Add 2 scenarios");
    press(&mut desk, "Add a scenario");
    press(&mut desk, "Scenario");
    press(&mut desk, "Server");
    press(&mut desk, "As given");
    fill(&mut desk, "Queries a second", "25");
    press(&mut desk, "Add");
    press(&mut desk, "Add a scenario");
    press(&mut desk, "Scenario");
    press(&mut desk, "Idle gaps");
    fill(&mut desk, "Idle gaps", "0, 100");
    press(&mut desk, "Add 2 scenarios");
    press(&mut desk, "Remove SingleStream");
    let sweep: Sweep = started(&mut desk).sweep;
    assert_eq!((sweep.batches.as_slice(), sweep.threads.as_slice()), ([1, 3].as_slice(), [1].as_slice()));
    assert_eq!(sweep.effort, Effort::runs(1));
    assert_eq!(sweep.instances, [1, 2]);
    assert_eq!(sweep.optimisations, [Optimisation::Basic, Optimisation::All]);
    let closed = |in_flight, think_ms| Scenario::ClosedLoop { in_flight, think_ms };
    let server = Scenario::Server { arrivals: Arrivals::Poisson, rate: Rate::PerSecond(25.0), batcher: None };
    assert_eq!(sweep.scenarios, [closed(2, 0.0), closed(4, 0.0), server, closed(1, 0.0), closed(1, 100.0)]);
}

#[test]
fn without_a_scenario_nothing_can_be_started_and_it_is_said_where() {
    let mut desk = sample(Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    press(&mut desk, "More settings");
    press(&mut desk, "Remove SingleStream");
    assert!(desk.says("Add at least one"));
    assert!(desk.says("Nothing to start yet: see scenarios"));
    desk.ctrl(Key::Enter);
    assert!(!desk.harness.state().app().is_measuring());
}

#[test]
fn too_few_samples_are_said_in_the_table_and_are_no_number() {
    let desk = with_points(|app| {
        vec![with_latencies(point(app, 0, 1, 1, 1.0), (1..=300).map(|rank| 1_000_000 + rank).collect())]
    });
    // MLPerf's floor for p99 is 662.
    assert!(desk.says("p99 not enough samples: 300 of 662"));
    assert!(desk.says("p99 not known (not enough samples: 300 of 662)"), "the verdict says it too");
}

#[test]
fn a_stopped_sweep_is_offered_to_be_resumed_or_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let models = vec![app.state().models[0].model.sha256.clone()];
    let sweep = Sweep { batches: vec![1, 2, 4], effort: Effort::runs(2), ..Sweep::default() };
    let job =
        app.handle(Command::Measure(Box::new(Measure { models, sweep, target: None }))).unwrap().unwrap();
    app.handle(Command::Cancel(job)).unwrap();
    settle(&mut app);
    assert_eq!(app.state().unfinished.as_ref().unwrap().total, 3);
    let mut desk = desk(folder, app, Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    assert!(desk.says("0 of 3 configurations are measured; the sweep was stopped."));
    let before = desk.harness.state().app().jobs().len();
    desk.harness.get_by_label("Resume").click();
    desk.until("the sweep goes on", |window| window.app().jobs().len() > before);
    let last = desk.harness.state().app().jobs().last().unwrap();
    assert!(last.title.starts_with("Measure 1 model"), "{}", last.title);
    last.cancel();
    desk.rest();
    desk.press("Forget");
    assert_eq!(state(&desk).unfinished, None);
    assert!(!desk.says("the sweep was stopped"));
}

#[test]
fn a_stopped_sweep_says_what_is_measured_what_is_begun_and_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let failed = Ended::Failed { message: "killed".to_owned() };
    let points = [
        point(&app, 0, 1, 1, 1.0),
        Point { ended: Some(failed), ..point(&app, 0, 2, 1, 1.0) },
        Point { ended: None, ..point(&app, 0, 4, 1, 1.0) },
    ];
    let mut project = Project::open(app.state().path.as_ref().unwrap()).unwrap();
    let ids = points.map(|point| project.add_point(&point, &Summary::of(&point)).unwrap());
    let measure = Measure { models: vec![app.state().models[0].model.sha256.clone()], ..Measure::default() };
    project.put("sweep", "now", 0, &Unfinished { measure, points: ids.to_vec(), total: 4 }).unwrap();
    drop(project);
    app.handle(Command::OpenSample).unwrap();
    let mut desk = desk(folder, app, Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    assert!(desk.says(
        "1 of 4 configurations is measured, 2 more are begun (2 runs made), of which 1 failed; the sweep was stopped."
    ));
}

#[test]
fn the_warm_up_is_moved_by_dragging_its_line_and_goes_back_to_the_found_one() {
    let mut desk = with_points(|app| {
        let mut point =
            with_latencies(point(app, 0, 1, 1, 1.0), [vec![9_000_000; 100], vec![1_000_000; 900]].concat());
        point.runs[0].measured.warm_up = 100;
        vec![point]
    });
    let line = "End of the warm-up of run 1";
    desk.harness.get_by_label(line).scroll_to_me();
    desk.harness.run();
    let from = desk.harness.get_by_label(line).rect().center();
    let to = from + egui::vec2(60.0, 0.0);
    desk.harness.drag_at(from);
    desk.harness.step();
    for share in [0.3, 0.6, 1.0] {
        desk.harness.hover_at(from + (to - from) * share);
        desk.harness.step();
    }
    desk.harness.drop_at(to);
    desk.harness.run_steps(4);
    let run = &state(&desk).points[0].point.runs[0];
    let moved = run.moved_warm_up.expect("the warm-up was moved");
    assert!(moved > 110 && moved < 990, "{moved}");
    assert_eq!(state(&desk).points[0].summary.samples, 1_000 - moved);
    // The line is now where it was dropped.
    let now = desk.harness.get_by_label(line).rect().center().x;
    assert!((now - to.x).abs() < 3.0, "{now} and {}", to.x);
    press(&mut desk, "Back to the found 100");
    assert_eq!(state(&desk).points[0].point.runs[0].moved_warm_up, None);
    assert_eq!(state(&desk).points[0].summary.samples, 900);
}

#[test]
fn idle_gaps_of_one_configuration_become_a_curve() {
    let mut desk = with_points(|app| {
        [(0.0, 3.0), (10.0, 5.0), (100.0, 9.0)]
            .into_iter()
            .map(|(think_ms, millis)| {
                let mut point = point(app, 0, 1, 1, millis);
                point.config.scenario = Scenario::ClosedLoop { in_flight: 1, think_ms };
                point
            })
            .collect()
    });
    assert!(desk.says("Chart: Latency after an idle gap"));
    press(&mut desk, "Export or copy the chart Latency after an idle gap");
    let csv = copied(&mut desk, "Copy data as CSV");
    assert_eq!(
        csv.replace("\r\n", "\n").lines().collect::<Vec<_>>()[1..],
        ["Median latency,10,5", "Median latency,100,9", "without a gap 3.00 ms,,3"],
        "{csv}"
    );
}

#[test]
fn only_settings_that_differ_have_a_column_and_the_rest_is_said_once() {
    let desk = measured(Key::Num3);
    assert!(desk.says("8, all SingleStream · 1 thread · CPU"));
    assert!(desk.says("Sort by Batch") && !desk.says("Sort by Threads") && !desk.says("Sort by Provider"));
}

/// How many points of run 1 the chart of latencies over time draws, as its description says.
fn points_drawn(desk: &Desk) -> usize {
    let node = desk.harness.get_by_label("Chart: Latency over time");
    let description = node.accesskit_node().data().description().unwrap_or_default().to_owned();
    let (_, rest) = description.split_once("Run 1: ").expect("the run is described");
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn zooming_in_draws_every_sample_in_view_and_severe_outliers_are_marked() {
    // 100,000 queries of 1.00 to 1.09 ms in turn, but for one of 50 ms: the only one beyond Tukey's outer fences, which
    // lie at e^(±3·ln(1.07 ÷ 1.02)) times the quartiles, near 0.88 and 1.24 ms.
    let latencies: Vec<u64> = (0..100_000_u64)
        .map(|place| if place == 50_000 { 50_000_000 } else { 1_000_000 + place % 10 * 10_000 })
        .collect();
    let mut desk = with_points(|app| vec![with_latencies(point(app, 0, 1, 1, 1.0), latencies.clone())]);
    desk.harness.set_size(egui::vec2(1280.0, 2400.0));
    desk.harness.run();
    assert!(desk.says("Show Severe outliers (1)"));
    let whole = points_drawn(&desk);
    assert!(whole < 2_000, "{whole} points stand for 100,000 queries");
    let plane = desk.harness.get_by_label("Chart: Latency over time").rect();
    desk.harness.hover_at(plane.center());
    desk.harness.run();
    // 1,000 times closer: about a hundred queries are in view, and as coarse as before are the rest.
    for _step in 0..3 {
        desk.harness.event(egui::Event::Zoom(10.0));
        desk.harness.run();
    }
    let close = points_drawn(&desk);
    assert!((whole + 60..whole + 200).contains(&close), "{close} points, {whole} before");
    assert!(desk.says("Show Severe outliers (1)"), "the legend stays, wherever one looks");
}
