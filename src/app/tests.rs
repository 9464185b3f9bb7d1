//! What the application keeps: races from either side and of several machines, runs that the disk refuses, sweeps that
//! were stopped, measurements of several machines.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::project::{Project, Stored};
use super::state::Unfinished;
use super::{App, Command, Finding, Folders, Measure, Options, Ran, comparison, derive, tradeoff};
use crate::hardware::Fingerprint;
use crate::measure::duel::{Contender, Duel, End, Round, Settings};
use crate::measure::launcher::Launcher;
use crate::measure::stats::{Decision, Estimate, Percentile, Ratio};
use crate::measure::{Config, Ended, Measured, Point, Run, Series, Summary};

/// An application with the project `p.inferometer` in `folder`.
fn app(folder: &Path) -> App {
    let options = Options {
        folders: Folders::below(folder),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec!["inferometer".to_owned()]),
    };
    let mut app = App::new(options).unwrap();
    app.handle(Command::OpenProject(folder.join("p.inferometer"))).unwrap();
    app
}

/// Makes the disk refuse `what`, as it would if it were full by then.
fn refuse(folder: &Path, what: &str) -> Connection {
    let other = Connection::open(folder.join("p.inferometer")).unwrap();
    let trigger = format!("CREATE TRIGGER full BEFORE {what} BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    other.execute_batch(&trigger).unwrap();
    other
}

fn config(threads: u32) -> Config {
    Config { threads, seconds: 0.0, ..Config::default() }
}

fn contender(model: &str, threads: u32) -> Contender {
    Contender {
        model: format!("{model}.onnx"),
        model_sha256: model.to_owned(),
        config: config(threads),
        input_shapes: BTreeMap::new(),
        found_dims: BTreeMap::new(),
        runtime_version: "1.31.1".to_owned(),
        library: None,
        samples: 2,
        p50_ms: Some(1.0),
        items_per_second: Some(1e3),
        load_nanos: vec![1],
    }
}

/// A race of A and B on this machine that came to its end; A took `nanos`, B a nanosecond more.
fn duel(app: &App, a: &str, b: &str, started_unix_secs: u64, nanos: u64) -> Duel {
    Duel {
        a: contender(a, 1),
        b: Some(contender(b, 1)),
        ratios: vec![Ratio {
            percentile: Percentile::P50,
            estimate: Some(Estimate { ratio: 2.0, low: 1.9, high: 2.1, p_value: 0.001 }),
            level: 0.95,
            decision: Decision::Faster,
            resolution: None,
            pairs: 1,
            sets: 1,
        }],
        same: Vec::new(),
        tested: a.to_owned(),
        resolution: None,
        sentence: String::new(),
        pairs: 1,
        groups: 1,
        sets: 1,
        seconds: 1.0,
        ended: End::Precise,
        settings: Settings::default(),
        fingerprint: app.state().machine.clone(),
        target: String::new(),
        started_unix_secs,
        rounds: vec![Round { group: 0, set: 0, a: vec![nanos], b: vec![nanos + 1], again: Vec::new() }],
        thinned: 1,
    }
}

fn started(app: &App) -> Vec<u64> {
    app.state().duels.iter().map(|duel| duel.started_unix_secs).collect()
}

#[test]
fn a_race_under_another_library_is_found_by_both_sides_and_not_by_the_library_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    let library = Path::new("/opt/libonnxruntime.so");
    let under_it =
        |duel: Duel| Duel { b: duel.b.map(|b| Contender { library: Some(library.to_owned()), ..b }), ..duel };
    let (first, second) = (under_it(duel(&app, "m", "m", 1, 10)), under_it(duel(&app, "n", "n", 2, 20)));
    for duel in [&first, &second] {
        app.take_duel(duel).unwrap();
    }
    let find = |model: &str, threads: u32, library: Option<&Path>| {
        let config = config(threads);
        let found = app.state().duel_of((model, &config), Some((model, &config)), library, "");
        found.map(|duel| duel.started_unix_secs)
    };
    assert_eq!(find("m", 1, Some(library)), Some(1), "the later race of another model was taken for it");
    assert_eq!(find("n", 1, Some(library)), Some(2));
    assert_eq!(find("m", 2, Some(library)), None);
    assert_eq!(find("m", 1, Some(Path::new("/opt/other.so"))), None);
    assert_eq!(find("m", 1, None), None);
    let of_a_file = Config { inputs: Some("x.npz 0123456789ab".to_owned()), ..config(1) };
    let (a, b) = (("m", &of_a_file), Some(("m", &of_a_file)));
    assert_eq!(app.state().duel_of(a, b, Some(library), ""), None);
}

#[test]
fn a_provider_is_the_same_however_it_is_capitalised() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.take_duel(&duel(&app, "m", "n", 1, 10)).unwrap();
    let typed = Config { provider: "cpu".to_owned(), ..config(1) };
    assert!(app.state().duel_of(("m", &typed), Some(("n", &typed)), None, "").is_some());
}

#[test]
fn a_race_asked_for_from_either_side_is_one_race_with_its_own_latencies() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.take_duel(&duel(&app, "m", "n", 1, 10)).unwrap();
    app.take_duel(&duel(&app, "n", "m", 2, 20)).unwrap();
    assert_eq!(started(&app), [2], "the race told from the other side stayed beside the later one");
    let there = app.state().duel("m", "n").unwrap();
    let rounds = app.rounds(&there).unwrap();
    // M was B in the later race: 21 ns.
    assert_eq!((&rounds[0].a, &rounds[0].b), (&vec![21], &vec![20]));
    let back = app.state().duel("n", "m").unwrap();
    assert_eq!(app.rounds(&back).unwrap()[0].a, [20]);
    // What somebody still holds of the earlier race is not given the later one's latencies.
    let message = app.rounds(&duel(&app, "m", "n", 1, 10)).unwrap_err().to_string();
    assert!(message.contains("another race"), "{message}");
}

/// Up to now the key said which side was A and did not say on which machine.
fn old_key(duel: &Duel) -> String {
    let side = |side: &Contender| format!("{} {}", side.model_sha256, side.config.key());
    format!("{} | {}", side(&duel.a), duel.b.as_ref().map_or_else(String::new, side))
}

#[test]
fn races_of_older_projects_are_found_with_their_own_latencies() {
    let folder = tempfile::tempdir().unwrap();
    let (older, newer, other) = {
        let app = app(folder.path());
        let newer = duel(&app, "n", "m", 2, 20);
        assert_ne!(newer.key(), old_key(&newer));
        (duel(&app, "m", "n", 1, 10), newer, duel(&app, "m", "o", 3, 30))
    };
    let project = Project::open(&folder.path().join("p.inferometer")).unwrap();
    for duel in [&older, &newer, &other] {
        project.put("duel rounds", &old_key(duel), 0, &duel.rounds).unwrap();
        project.put("duel", &old_key(duel), 0, &duel.without_rounds()).unwrap();
    }
    drop(project);
    // Twice: what was brought up to date is found again.
    for _open in 0..2 {
        let app = app(folder.path());
        assert_eq!(started(&app), [2, 3]);
        let there = app.state().duel("m", "n").unwrap();
        assert_eq!(app.rounds(&there).unwrap()[0].a, [21]);
        let third = app.state().duel("m", "o").unwrap();
        assert_eq!(app.rounds(&third).unwrap()[0].a, [30]);
    }
}

#[test]
fn a_race_and_its_latencies_are_committed_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.take_duel(&duel(&app, "m", "n", 1, 10)).unwrap();
    let refusing = refuse(folder.path(), "INSERT ON item WHEN NEW.kind = 'duel'");
    let message = format!("{:#}", app.take_duel(&duel(&app, "m", "n", 2, 20)).unwrap_err());
    assert!(message.contains("disk full"), "{message}");
    assert_eq!(started(&app), [1]);
    let kept = app.state().duel("m", "n").unwrap();
    assert_eq!(app.rounds(&kept).unwrap()[0].a, [10], "half of the refused race was kept");
    refusing.execute_batch("DROP TRIGGER full").unwrap();
    app.take_duel(&duel(&app, "m", "n", 2, 20)).unwrap();
    assert_eq!(started(&app), [2]);
}

#[test]
fn races_of_two_machines_stay_beside_each_other_and_a_stopped_one_gives_way_only_to_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    let elsewhere = Fingerprint { cpu: "Z80".to_owned(), ..app.state().machine.clone() };
    let foreign = Duel { fingerprint: elsewhere, ..duel(&app, "m", "n", 1, 10) };
    app.take_opened_duel(&foreign).unwrap();
    // A local one that was stopped is not refused because another machine's came to its end.
    let stopped = Duel { ended: End::Stopped, ..duel(&app, "m", "n", 2, 20) };
    app.take_duel(&stopped).unwrap();
    assert_eq!(started(&app), [1, 2]);
    let (a, b) = (config(1), config(1));
    let here = app.state().duel_of(("m", &a), Some(("n", &b)), None, "").unwrap();
    assert_eq!(here.started_unix_secs, 2);
    // A whole one takes its place, and the other machine's stays; opening that again replaces nothing of this one.
    app.take_duel(&duel(&app, "m", "n", 3, 30)).unwrap();
    app.take_opened_duel(&foreign).unwrap();
    assert_eq!(started(&app), [1, 3]);
    app.take_duel(&Duel { started_unix_secs: 4, ..stopped }).unwrap();
    assert_eq!(started(&app), [1, 3], "a stopped race took the place of a whole one");
    let all = app.state().duels_between("n", "m");
    assert_eq!(all.iter().map(|duel| duel.started_unix_secs).collect::<Vec<_>>(), [3, 1]);
}

fn run(number: u64) -> Run {
    let latency_nanos = vec![number * 1_000_000; 100];
    let measured = Measured {
        queries: 100,
        wall_nanos: number * 100_000_000,
        series: Series::one_after_another(latency_nanos),
        ..Measured::default()
    };
    Run { started_unix_secs: number, measured, moved_warm_up: None }
}

fn point(model: &str, batch: u64, runs: Vec<Run>, ended: Option<Ended>) -> Point {
    Point {
        model: format!("{model}.onnx"),
        model_sha256: model.to_owned(),
        config: Config { batch, ..Config::default() },
        input_shapes: BTreeMap::new(),
        found_dims: BTreeMap::new(),
        runs,
        ended,
        runtime_version: String::new(),
        fingerprint: Fingerprint::default(),
        target: String::new(),
        started_unix_secs: 1,
    }
}

/// What a sweep tells after its run `number`: it knows nothing of what the project could not keep.
fn ran(number: u64, ended: Option<Ended>) -> Finding {
    let full = point("m", 1, (1..=number).map(run).collect(), ended);
    let (summary, run) = (Summary::of(&full), full.runs.last().cloned());
    Finding::Ran(Box::new(Ran { place: (1, 0), id: None, point: full.without_series(), run, summary }))
}

/// What the state has of measurements is what the file has.
fn is_as_on_disk(app: &App, folder: &Path) -> bool {
    let project = Project::open(&folder.join("p.inferometer")).unwrap();
    let on_disk = project.points().unwrap();
    // Text may change the last bit of a number with a point.
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * other.abs();
    on_disk.len() == app.state().points.len()
        && on_disk.iter().zip(&app.state().points).all(|(disk, memory)| {
            let full = project.full_point(disk).unwrap();
            let again = Summary::of(&full);
            disk.id == memory.id
                && disk.point == memory.point
                && full.runs.iter().all(|run| run.measured.series.len() as u64 == run.measured.queries)
                && again.samples == memory.summary.samples
                && near(again.throughput_per_second, memory.summary.throughput_per_second)
        })
}

#[test]
fn a_run_that_the_project_cannot_keep_is_no_part_of_the_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.take(ran(1, None)).unwrap();
    let refusing = refuse(folder.path(), "INSERT ON run");
    let before = app.state().points.clone();
    assert!(app.take(ran(2, None)).is_err());
    assert_eq!(app.state().points, before);
    refusing.execute_batch("DROP TRIGGER full").unwrap();
    app.take(ran(3, Some(Ended::AsAsked))).unwrap();
    let stored = &app.state().points[0];
    let began: Vec<u64> = stored.point.runs.iter().map(|run| run.started_unix_secs).collect();
    assert_eq!(began, [1, 3]);
    assert_eq!(stored.summary.samples, 200);
    let words = stored.point.ended.as_ref().unwrap().words().into_owned();
    assert!(words.contains("could not be kept"), "{words}");
    assert!(is_as_on_disk(&app, folder.path()));
}

#[test]
fn a_measurement_whose_first_run_was_refused_begins_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    app.state.unfinished = Some(Unfinished { measure: Measure::default(), points: Vec::new(), total: 1 });
    let refusing = refuse(folder.path(), "INSERT ON item WHEN NEW.kind = 'sweep'");
    assert!(app.take(ran(1, None)).is_err());
    assert_eq!(
        (app.state().points.len(), &app.state().unfinished.as_ref().unwrap().points),
        (0, &Vec::new())
    );
    refusing.execute_batch("DROP TRIGGER full").unwrap();
    app.take(ran(2, None)).unwrap();
    assert_eq!(app.state().points[0].point.runs.len(), 1);
    assert!(is_as_on_disk(&app, folder.path()));
}

#[test]
fn a_stopped_sweep_counts_neither_what_failed_nor_what_it_could_not_go_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    let failed = Ended::Failed { message: "killed".to_owned() };
    let points = [
        point("m", 1, vec![run(1), run(2)], Some(Ended::AsAsked)),
        point("m", 2, vec![run(1)], Some(failed)),
        point("m", 4, vec![run(1), run(2)], None),
        point("of another machine", 1, vec![run(1)], Some(Ended::AsAsked)),
    ];
    app.take(Finding::Points(points.to_vec())).unwrap();
    let ids: Vec<i64> = app.state().points.iter().map(|stored| stored.id).collect();
    app.state.unfinished = Some(Unfinished { measure: Measure::default(), points: ids.clone(), total: 4 });
    app.take(Finding::TakenUp(ids[..3].to_vec())).unwrap();
    assert_eq!(
        app.state().standing().unwrap(),
        "1 of 4 configurations is measured, 2 more are begun (3 runs made), of which 1 failed"
    );
    // Kept, too.
    drop(app);
    let again = self::app(folder.path());
    assert_eq!(again.state().unfinished.as_ref().unwrap().points, ids[..3]);
}

#[test]
fn a_measurement_of_another_machine_hides_none_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    let here = app.state().machine.clone();
    let elsewhere = Fingerprint { cpu: "Z80".to_owned(), ..here.clone() };
    let of = |model: &str, machine: &Fingerprint, millis: u64| Point {
        fingerprint: machine.clone(),
        started_unix_secs: millis,
        ..point(model, 1, vec![run(millis)], Some(Ended::AsAsked))
    };
    let points = vec![of("m", &here, 1), of("m", &here, 2), of("m", &elsewhere, 30), of("n", &elsewhere, 40)];
    app.take(Finding::Points(points)).unwrap();
    app.derive();
    let ids: Vec<i64> = derive::latest(app.state()).iter().map(|stored| stored.id).collect();
    let all: Vec<i64> = app.state().points.iter().map(|stored| stored.id).collect();
    assert_eq!(ids, all[1..], "the earlier one of this machine alone is replaced");
    let machines: Vec<String> = tradeoff::rows(app.state()).into_iter().map(|row| row.machine).collect();
    assert_eq!(machines, [String::new(), elsewhere.identity(), elsewhere.identity()]);
    // Planned with what this machine does, where it was measured.
    let planned = derive::one_of_each(app.state());
    assert_eq!(planned.iter().map(|stored| stored.id).collect::<Vec<_>>(), [all[1], all[3]]);
}

fn model(name: &str) -> super::ModelEntry {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models").join(name);
    let model = crate::measure::model_file::read(&path).unwrap();
    super::ModelEntry { path, model, accuracy: None, present: true }
}

#[test]
fn two_models_are_compared_on_one_machine_where_one_measured_both() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    let entries = [model("digits-cnn.onnx"), model("digits-student.onnx")];
    let [a, b] = entries.each_ref().map(|entry| entry.model.sha256.clone());
    for entry in entries {
        app.take(Finding::Model(Box::new(entry))).unwrap();
    }
    let here = app.state().machine.clone();
    let elsewhere = Fingerprint { cpu: "Z80".to_owned(), ..here.clone() };
    let of = |model: &str, machine: &Fingerprint, millis: u64| Point {
        fingerprint: machine.clone(),
        ..point(model, 1, vec![run(millis)], Some(Ended::AsAsked))
    };
    app.take(Finding::Points(vec![of(&a, &here, 8), of(&a, &elsewhere, 100), of(&b, &elsewhere, 50)]))
        .unwrap();
    let speeds = |app: &App| -> Vec<(String, f64, usize)> {
        let speed = comparison::compare(app.state(), &a, &b).unwrap().speed;
        speed.into_iter().map(|s| (s.machine.clone(), s.latency_ratio(), s.differences.len())).collect()
    };
    assert_eq!(speeds(&app), [(elsewhere.identity(), 0.5, 0)]);
    app.take(Finding::Points(vec![of(&b, &here, 2)])).unwrap();
    assert_eq!(speeds(&app), [(String::new(), 0.25, 0), (elsewhere.identity(), 0.5, 0)]);
    // Where no machine measured both, what differs is said.
    let on_b: Vec<i64> = app
        .state()
        .points
        .iter()
        .filter(|stored: &&Stored| stored.summary.p50.ms == Some(50.0))
        .map(|s| s.id)
        .collect();
    let on_a: Vec<i64> = app
        .state()
        .points
        .iter()
        .filter(|stored: &&Stored| stored.summary.p50.ms == Some(8.0))
        .map(|s| s.id)
        .collect();
    app.handle(Command::RemovePoints([on_a, on_b].concat())).unwrap();
    assert_eq!(speeds(&app), [(String::new(), 0.02, 1)]);
}
