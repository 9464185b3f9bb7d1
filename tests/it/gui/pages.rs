//! The pages Measure, Explore, Compare and Bills, in a real window without a screen.
//!
//! The project is the sample project with measurements added as values, so that no test needs ONNX Runtime and
//! each number on a page is known. The sample's own numbers are those of `sample-data/numbers.json`, which Python
//! worked out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use egui::accesskit::Role;
use egui::{Key, OutputCommand, pos2, vec2};
use egui_kittest::kittest::Queryable as _;
use inferometer::app::project::Project;
use inferometer::app::{App, Command, Demand, State, Theme};
use inferometer::hardware::Fingerprint;
use inferometer::measure::duel::{Contender, Duel, End, Settings};
use inferometer::measure::stats::{Decision, Estimate, Percentile, Ratio};
use inferometer::measure::{Config, Ended, Measured, Point, Run, Series, Summary};
use inferometer::plan::Answer;
use inferometer::units::Money;
use tempfile::TempDir;

use super::harness::{Desk, app_in, desk, empty, settle};

/// A measurement whose latencies all are `millis`, but for the slowest 2 %, which take twice as long.
pub fn point(app: &App, model: usize, batch: u64, threads: u32, millis: f64) -> Point {
    let model = &app.state().models[model].model;
    let nanos = (millis * 1e6) as u64;
    let latency_nanos: Vec<u64> =
        (0..1_000).map(|place| if place % 50 == 0 { nanos * 2 } else { nanos }).collect();
    let at = latency_nanos.iter().sum();
    let measured = Measured {
        load_nanos: 20_000_000,
        first_inference_nanos: 3_000_000,
        queries: latency_nanos.len() as u64,
        wall_nanos: at,
        series: Series::one_after_another(latency_nanos),
        peak_memory_bytes: Some(64 << 20),
        ..Measured::default()
    };
    Point {
        model: model.name.clone(),
        model_sha256: model.sha256.clone(),
        config: Config { batch, threads, ..Config::default() },
        input_shapes: BTreeMap::from([("input".to_owned(), vec![batch, 1, 32, 32])]),
        found_dims: BTreeMap::new(),
        runs: vec![Run { started_unix_secs: 1_780_000_000, measured, moved_warm_up: None }],
        ended: Some(Ended::AsAsked),
        target: String::new(),
        runtime_version: "1.31.1".to_owned(),
        fingerprint: Fingerprint::read(),
        started_unix_secs: 1_780_000_000,
    }
}

/// The sample project with four measurements of each of its two CNNs, made once.
pub fn sample() -> &'static Path {
    static SAMPLE: OnceLock<TempDir> = OnceLock::new();
    let folder = SAMPLE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut app = app_in(folder.path());
        app.handle(Command::OpenSample).unwrap();
        settle(&mut app);
        assert_eq!((app.state().models.len(), app.state().bills.len()), (3, 1));
        let path = app.state().path.clone().unwrap();
        let points: Vec<Point> = [(0, 1.0), (1, 0.5)]
            .into_iter()
            .flat_map(|(model, speed)| [1, 2, 4, 8].map(|batch| (model, speed, batch)))
            .map(|(model, speed, batch)| point(&app, model, batch, 1, speed * (batch as f64).powf(0.8)))
            .collect();
        drop(app);
        let mut project = Project::open(&path).unwrap();
        for point in points {
            project.add_point(&point, &Summary::of(&point)).unwrap();
        }
        folder
    });
    folder.path()
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A window over the measured sample project, on the page with this number of the rail.
pub fn measured(page: Key) -> Desk {
    let home = tempfile::tempdir().unwrap();
    copy(sample(), home.path());
    let mut app = app_in(home.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    assert_eq!(app.state().points.len(), 8);
    let mut desk = desk(home, app, Theme::Dark);
    desk.ctrl(page);
    desk.rest();
    desk
}

pub fn state(desk: &Desk) -> &State {
    desk.harness.state().app().state()
}

/// Clicks and returns what was put on the clipboard.
pub fn copied(desk: &mut Desk, button: &str) -> String {
    desk.harness.get_by_label(button).scroll_to_me();
    desk.harness.run();
    desk.harness.get_by_label(button).click();
    for _frame in 0..4 {
        desk.harness.step();
        let commands = &desk.harness.output().platform_output.commands;
        let text = commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(text) = text {
            return text;
        }
    }
    panic!("{button} copied nothing");
}

fn set_limit(desk: &mut Desk, millis: f64) {
    let slider = desk.harness.get_by_role_and_label(Role::Slider, "p99 limit, waiting included");
    slider.set_value_accesskit(millis);
    desk.harness.run_steps(2);
}

#[test]
fn an_empty_project_says_on_each_page_what_to_do_next() {
    for (page, what, button) in [
        (Key::Num3, "No model to measure", "Open models…"),
        (Key::Num4, "Nothing to explore yet", "Open files…"),
        (Key::Num5, "Two models are needed", "Open models…"),
        (Key::Num6, "No bill is open", "Open a bill…"),
    ] {
        let mut open = empty(Theme::Dark);
        open.ctrl(page);
        assert!(open.says(what), "{what} is not said");
        assert!(open.says(button), "{what}: no button {button}");
    }
}

#[test]
fn measure_lists_the_measurements_and_copies_them_as_csv() {
    let mut open = measured(Key::Num3);
    // 500 inferences of 1 ms, 10 of them 2 ms: p50 1 ms, p99 2 ms; 500 ÷ 0.51 s = 980.39 a second.
    assert!(open.says("p50 1.00 ms, p90 1.00 ms, p99 2.00 ms, Items/s 980"));
    assert!(!open.says("p95 1.00 ms"));
    open.press("More columns");
    assert!(open.says("p50 1.00 ms, p90 1.00 ms, p95 1.00 ms, p99 2.00 ms, Items/s 980"));
    open.press("Fewer columns");
    let csv = copied(&mut open, "Copy CSV");
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("model,batch,threads,provider,p50_ms,"), "{csv}");
    assert!(lines.next().unwrap().starts_with("digits-cnn.onnx,1,1,CPU,1,1,1,2,"), "{csv}");
    assert_eq!(lines.count(), 7);
}

#[test]
fn a_measurement_chosen_in_the_table_shows_its_latencies_over_time_and_can_be_removed() {
    let mut open = measured(Key::Num3);
    assert_eq!(state(&open).chosen, None);
    // All of the page is in view.
    open.harness.set_size(vec2(1280.0, 2400.0));
    open.harness.run();
    open.harness.query_all_by_label_contains("Model digits-cnn-int8, Batch 8").next().unwrap().click();
    open.harness.run_steps(4);
    let chosen = state(&open).chosen_point().unwrap();
    assert_eq!((chosen.point.model.as_str(), chosen.point.config.batch), ("digits-cnn-int8.onnx", 8));
    assert!(open.says("Chart: Latency over time"));
    open.harness.get_by_label("Remove").scroll_to_me();
    open.harness.run();
    open.press("Remove");
    assert_eq!(state(&open).points.len(), 7);
    assert!(
        state(&open)
            .points
            .iter()
            .all(|stored| stored.point.config.batch != 8 || stored.point.model != "digits-cnn-int8.onnx")
    );
}

#[test]
fn what_is_typed_wrongly_is_said_and_nothing_can_be_started() {
    let mut open = measured(Key::Num3);
    assert!(open.says("12 configurations") || open.says("24 configurations"));
    open.harness.get_by_label("Batch sizes").focus();
    open.harness.run_steps(2);
    open.harness.get_by_label("Batch sizes").type_text("x");
    open.harness.run_steps(3);
    assert!(open.says("is no whole number from 1"));
    open.ctrl(Key::Enter);
    assert!(!open.harness.state().app().is_measuring());
}

#[test]
fn clicking_a_point_of_the_trade_off_chooses_it() {
    let mut open = measured(Key::Num4);
    let chart = open.harness.get_by_label_contains("Chart: Latency against throughput").rect();
    // Where the points are is the chart's to know: the frame is swept until one is hit.
    let mut place = chart.left_top() + vec2(6.0, 6.0);
    while state(&open).chosen.is_none() {
        open.harness.hover_at(place);
        open.harness.drag_at(place);
        open.harness.drop_at(place);
        open.harness.step();
        place.x += 9.0;
        if place.x > chart.right() {
            place = pos2(chart.left() + 6.0, place.y + 9.0);
            assert!(place.y < chart.bottom(), "no point of the chart can be clicked");
        }
    }
    open.harness.run_steps(3);
    let chosen = state(&open).chosen_point().expect("what was chosen is in the project");
    let words = format!("batch {} · 1 thread", chosen.point.config.batch);
    assert!(open.says(&words), "the panel does not show {words}");
    assert!(open.says("Chosen point"));
}

#[test]
fn moving_the_limit_changes_the_question_and_the_answer_within_a_frame() {
    let mut open = measured(Key::Num4);
    let before = state(&open).answer.clone().unwrap();
    set_limit(&mut open, 1.5);
    let state = state(&open);
    assert!((state.scenario.p99_limit_ms - 1.5).abs() < 0.1, "{}", state.scenario.p99_limit_ms);
    let after = state.answer.clone().unwrap();
    let within =
        |answer: &Answer| answer.offers.iter().filter(|offer| offer.meets_limit == Some(true)).count();
    assert!(within(&after) < within(&before), "{} and {}", within(&after), within(&before));
}

#[test]
fn the_offers_keep_the_row_that_stays_and_say_which_prices_are_assumed() {
    let mut open = measured(Key::Num4);
    let csv = copied(&mut open, "Copy CSV");
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|other| *other == name).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let stay: Vec<_> = rows.iter().filter(|row| &row[column("stay")] == "true").collect();
    assert_eq!(stay.len(), 1, "{csv}");
    assert_eq!(rows.iter().filter(|row| &row[column("best")] == "true").count(), 1);
    // Prices of the book over this machine's measurement.
    assert!(rows.iter().any(|row| &row[column("assumed")] == "true"));

    // Staying is in view at any limit.
    for limit in [10_000.0, 1.0] {
        set_limit(&mut open, limit);
        assert!(open.says("Variant Stay as you are, "), "with a limit of {limit} ms");
    }
}

#[test]
fn compare_says_in_one_sentence_what_the_smaller_model_gains() {
    let mut open = measured(Key::Num5);
    // 1 ms against 0.5 ms; 3,960,877 against 1,012,760 bytes (sample-data/numbers.json) = 3.91.
    assert!(open.says("digits-cnn-int8.onnx against digits-cnn.onnx: 2.00× as fast at batch 1"));
    assert!(open.says("3.9× smaller"));
    open.press("Swap");
    assert!(open.says("digits-cnn.onnx against digits-cnn-int8.onnx: 2.00× as slow"));
    let csv = copied(&mut open, "Copy CSV");
    // A line for each of the four batch sizes, below the header.
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("digits-cnn-int8.onnx,digits-cnn.onnx,CPU,1,1,0.5,1,"));
}

/// A race in which the second CNN of the sample is 1.83 times as fast as the first.
pub fn race(app: &App) -> Duel {
    let contender = |model: usize, p50_ms: f64| {
        let point = point(app, model, 1, 1, p50_ms);
        Contender {
            model: point.model,
            model_sha256: point.model_sha256,
            config: point.config,
            input_shapes: point.input_shapes,
            found_dims: BTreeMap::new(),
            library: None,
            runtime_version: point.runtime_version,
            samples: 300,
            p50_ms: Some(p50_ms),
            items_per_second: Some(1e3 / p50_ms),
            load_nanos: vec![20_000_000],
        }
    };
    let ratio = |percentile, estimate: Option<[f64; 3]>, decision| Ratio {
        percentile,
        estimate: estimate.map(|[ratio, low, high]| Estimate { ratio, low, high, p_value: 0.001 }),
        level: 0.95,
        decision,
        resolution: Some(0.0083),
        pairs: 40,
        sets: 16,
    };
    let few = Decision::NotEnough { have: 300, need: 662 };
    Duel {
        a: contender(0, 1.83),
        b: Some(contender(1, 1.0)),
        ratios: vec![
            ratio(Percentile::P50, Some([1.83, 1.79, 1.87]), Decision::Faster),
            ratio(Percentile::P90, Some([1.02, 0.97, 1.07]), Decision::Undecided),
            ratio(Percentile::P99, None, few),
        ],
        same: vec![ratio(Percentile::P50, Some([1.001, 0.993, 1.008]), Decision::Undecided)],
        tested: "digits-cnn.onnx".to_owned(),
        resolution: Some(0.0083),
        sentence: "digits-cnn-int8.onnx is 1.83× as fast as digits-cnn.onnx, 95 % 1.79–1.87; p90 not decided"
            .to_owned(),
        pairs: 40,
        groups: 4,
        sets: 16,
        seconds: 20.0,
        ended: End::Precise,
        settings: Settings::default(),
        fingerprint: Fingerprint::default(),
        target: String::new(),
        started_unix_secs: 1_780_000_000,
        rounds: Vec::new(),
        thinned: 1,
    }
}

#[test]
fn compare_says_which_is_faster_with_intervals_and_what_the_machine_can_tell() {
    let open = measured(Key::Num5);
    assert!(open.says("Which is faster?") && open.says("Not run against each other yet"));
    assert!(open.says("Run A against B") && open.says("Time at most"));

    let home = tempfile::tempdir().unwrap();
    copy(sample(), home.path());
    let mut app = app_in(home.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let (duel, path) = (race(&app), app.state().path.clone().unwrap());
    Project::open(&path).unwrap().put("duel", &duel.key(), 0, &duel).unwrap();
    app.handle(Command::OpenSample).unwrap();
    let mut open = desk(home, app, Theme::Light);
    open.ctrl(Key::Num5);
    open.rest();
    assert!(open.says("digits-cnn-int8.onnx is 1.83× as fast as digits-cnn.onnx, 95 % 1.79–1.87"));
    assert!(open.says("p90 not decided") && open.says("This machine's resolution"));
    assert!(open.says("Chart: How many times as fast digits-cnn-int8.onnx is"));
    open.press("Swap");
    assert!(open.says("digits-cnn.onnx is slower, 0.55× as fast as digits-cnn-int8.onnx"));
}

#[test]
fn compare_says_in_what_the_machines_differ() {
    let home = tempfile::tempdir().unwrap();
    copy(sample(), home.path());
    let mut app = app_in(home.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let path = app.state().path.clone().unwrap();
    let mut elsewhere = point(&app, 1, 16, 1, 0.5);
    elsewhere.fingerprint.cpu = "Another CPU".to_owned();
    let mut project = Project::open(&path).unwrap();
    for point in [point(&app, 0, 16, 1, 1.0), elsewhere] {
        project.add_point(&point, &Summary::of(&point)).unwrap();
    }
    app.handle(Command::OpenSample).unwrap();
    let mut open = desk(home, app, Theme::Dark);
    open.ctrl(Key::Num5);
    open.rest();
    let here = Fingerprint::read().cpu;
    let difference = format!("CPU: {here} for digits-cnn.onnx, Another CPU for digits-cnn-int8.onnx");
    assert!(open.says(&difference), "{difference}");
}

#[test]
fn bills_shows_the_files_totals_to_the_cent_and_the_groups_add_up() {
    let mut open = measured(Key::Num6);
    open.press("Files");
    // sample-data/numbers.json: BilledCost 25833.4880994347, ListCost 30735.209973233.
    assert!(open.says("Billed $25,833.49, Effective $25,833.49, List $30,735.21"));
    open.press("Spend");
    open.press("Limit to the project's filters");
    for filter in state(&open).scenario.filters.clone() {
        open.press(&format!("Remove the filter {} {}", filter.column, filter.values.join(", ")));
    }
    open.rest();
    let csv = copied(&mut open, "Copy CSV");
    let total: Money =
        csv.lines().skip(1).map(|line| line.rsplit(',').nth(4).unwrap().parse::<Money>().unwrap()).sum();
    assert_eq!(total.to_string(), "25833.4880994347", "{csv}");
    // The same file: Amazon Bedrock, 690 rows, 4023.2687934915.
    assert!(csv.contains("Amazon Bedrock,690,4023.2687934915,"), "{csv}");
}

#[test]
fn a_filter_is_chosen_by_value_shown_as_a_chip_and_taken_off_again() {
    let mut open = measured(Key::Num6);
    open.press("Limit to the project's filters");
    for filter in state(&open).scenario.filters.clone() {
        open.press(&format!("Remove the filter {} {}", filter.column, filter.values.join(", ")));
    }
    open.rest();
    open.press("Add a filter");
    open.harness.get_by_role_and_label(Role::Button, "Amazon Bedrock").click();
    open.harness.run();
    open.key(Key::Escape);
    open.rest();
    let filters = &state(&open).scenario.filters;
    assert_eq!((filters.len(), filters[0].column.as_str()), (1, "ServiceName"));
    assert_eq!(filters[0].values, ["Amazon Bedrock"]);
    let csv = copied(&mut open, "Copy CSV");
    assert_eq!(csv.lines().skip(1).count(), 1, "{csv}");

    let mut open = measured(Key::Num6);
    // The sample's bill opens whole.
    assert!(!open.says("Remove the filter"));
    open.press("Limit to the project's filters");
    let chip = open.harness.query_all_by_label_contains("Remove the filter").count();
    assert_eq!(chip, state(&open).scenario.filters.len());
    open.press("Remove the filter Tags.app digits");
    assert_eq!(state(&open).scenario.filters.len(), chip - 1);
}

#[test]
fn demand_from_the_bill_is_its_spend_at_a_stated_cost() {
    let mut open = measured(Key::Num4);
    open.press("Bill's spend");
    let state = state(&open);
    let Demand::Bill { share, cost_per_thousand } = &state.scenario.demand else {
        panic!("{:?}", state.scenario.demand)
    };
    let (spend, currency) = state.inference_per_month.as_ref().unwrap();
    // Spend a month ÷ cost of one request ÷ seconds in 730 hours.
    let wanted = spend.to_f64() * share / (cost_per_thousand.to_f64() / 1_000.0) / (730.0 * 3_600.0);
    assert_eq!(currency, "USD");
    assert!((state.rps.unwrap() / wanted - 1.0).abs() < 1e-6, "{:?} and {wanted}", state.rps);
    assert_eq!(state.answer.as_ref().unwrap().offers.iter().filter(|offer| offer.stay).count(), 1);
}

#[test]
fn every_page_is_drawn_in_the_light_theme_too() {
    for page in [Key::Num3, Key::Num4, Key::Num5, Key::Num6] {
        let mut open = measured(page);
        open.harness.ctx.set_theme(egui::Theme::Light);
        open.rest();
        assert_eq!(open.harness.ctx.theme(), egui::Theme::Light);
        assert!(!open.says("an error in Inferometer itself"));
    }
}
