//! The project file survives: the process killed in the middle of a sweep, a project made by one command and used
//! by the next.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use inferometer::app::jobs::End;
use inferometer::app::project::Project;
use inferometer::app::{App, Command, Demand, Folders, Measure, Options, Query, QueryResult, Scenario};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::sweep::Sweep;

use crate::cli::{command, sample};

#[test]
fn killing_the_process_in_a_sweep_loses_nothing_that_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.inferometer");
    let mut child =
        command(&["bench", "--batch", "1,2,3,4,5,6,7,8", "--seconds", "0.2", "--runs", "1", "--project"])
            .arg(&path)
            .arg(sample("models/digits-student.onnx"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
    // Each finished measurement is one line; the second says that at least two are committed.
    let mut said = Vec::new();
    let mut finished = 0;
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        finished += usize::from(line.contains(": p50 "));
        said.push(line);
        if finished == 2 {
            break;
        }
    }
    // SIGKILL on Unix: no handler, no flush, no goodbye.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(finished, 2, "the sweep ended early: {said:?}");

    let project = Project::open(&path).unwrap();
    let points = project.points().unwrap();
    assert!(points.len() >= 2 && points.len() < 8, "{} points after the kill", points.len());
    for stored in &points {
        let series = project.series(stored.id).unwrap();
        assert_eq!(series.len(), stored.point.runs.len());
        for (run, series) in stored.point.runs.iter().zip(&series) {
            assert_eq!(series.len() as u64, run.measured.queries);
            assert!(!series.is_empty());
        }
    }
}

/// An application that may not fetch anything and keeps its files below `home`.
fn app(home: &Path) -> App {
    App::new(Options {
        folders: Folders::below(home),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]),
    })
    .unwrap()
}

fn take_in(app: &mut App, files: Vec<PathBuf>) {
    let job = app.handle(Command::OpenFiles(files)).unwrap().unwrap();
    assert_eq!(app.wait(job, |_app| {}), End::Done);
}

fn settle(app: &mut App) {
    while let Some(id) = app.jobs().iter().find(|job| job.end.is_none()).map(|job| job.id) {
        app.wait(id, |_app| {});
    }
}

#[test]
fn everything_a_project_holds_is_there_after_opening_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.inferometer");
    let mut first = app(folder.path());
    first.handle(Command::OpenProject(path.clone())).unwrap();
    take_in(
        &mut first,
        vec![
            sample("models/digits-cnn.onnx"),
            sample("bill-focus-1.2.csv.gz"),
            sample("demand-week.csv"),
            sample("digits-test.npz"),
        ],
    );
    let scenario = Scenario { demand: Demand::Typed { rps: 7.0 }, p99_limit_ms: 33.0, ..Scenario::default() };
    first.handle(Command::SetScenario(Box::new(scenario.clone()))).unwrap();
    let removed = first.state().profiles[0].id.clone();
    first.handle(Command::RemoveProfile(removed.clone())).unwrap();
    let kept = first.state().profiles.clone();
    drop(first);

    let mut second = app(folder.path());
    second.handle(Command::OpenProject(path)).unwrap();
    settle(&mut second);
    let state = second.state();
    assert_eq!(state.models.len(), 1);
    assert_eq!(state.bills[0].rows, 13_959);
    assert_eq!(state.trace.as_ref().unwrap().requests.len(), 10_080);
    assert!(state.labelled.is_some());
    assert_eq!(state.scenario, scenario);
    assert_eq!(state.rps, Some(7.0));
    assert_eq!(state.profiles, kept, "a profile that was removed came back, or one was lost");
    // The bill was asked by itself: today's spend is known without anybody opening the page.
    let (spend, currency) = state.inference_per_month.clone().unwrap();
    assert_eq!(currency, "USD");
    let (replaced, _) = state.replaceable_per_month.clone().unwrap();
    assert!(replaced < spend, "supporting cost is not replaced by another machine");
}

#[test]
fn answers_about_an_earlier_set_of_bills_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    take_in(&mut app, vec![sample("bill-focus-1.2.csv.gz")]);
    settle(&mut app);
    let query = Query::Totals { filters: Vec::new() };
    // Asked, and the bill removed before the answer is taken in.
    app.handle(Command::Ask(query.clone())).unwrap().unwrap();
    let hash = app.state().bills[0].hash.clone();
    app.handle(Command::RemoveBill(hash)).unwrap();
    settle(&mut app);
    assert!(app.state().queries.is_empty() && app.state().asked.is_empty());
    assert_eq!(app.state().inference_per_month, None);
    // Asked again once the bill is back, it is answered.
    take_in(&mut app, vec![sample("bill-focus-1.2.csv.gz")]);
    app.handle(Command::Ask(query.clone())).unwrap();
    settle(&mut app);
    let Some(Ok(QueryResult::Totals(totals))) = app.state().queries.get(&query) else { panic!() };
    assert_eq!(totals.rows, 13_959);
}

#[test]
fn one_bad_file_stops_no_other_and_each_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.onnx");
    std::fs::write(&empty, b"").unwrap();
    let mut app = app(folder.path());
    let files = vec![empty, folder.path().join("absent.csv"), sample("models/digits-student.onnx")];
    let job = app.handle(Command::OpenFiles(files)).unwrap().unwrap();
    let End::Failed(message) = app.wait(job, |_app| {}) else { panic!() };
    assert!(message.contains("empty.onnx") && message.contains("absent.csv"), "{message}");
    let reports = app.take_reports();
    assert_eq!(reports.iter().filter(|report| report.error.is_some()).count(), 2);
    assert_eq!(app.state().models.len(), 1);
}

#[test]
fn saving_under_another_name_never_overwrites_and_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    take_in(&mut app, vec![sample("models/digits-student.onnx")]);
    let taken = folder.path().join("taken.inferometer");
    std::fs::write(&taken, b"mine").unwrap();
    assert!(app.handle(Command::SaveAs(taken.clone())).is_err());
    assert_eq!(std::fs::read(&taken).unwrap(), b"mine");
    let free = folder.path().join("free.inferometer");
    app.handle(Command::SaveAs(free.clone())).unwrap();
    assert_eq!(app.state().path.as_deref(), Some(free.as_path()));
    assert_eq!(app.state().models.len(), 1);
}

#[test]
fn measuring_nothing_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app(folder.path());
    take_in(&mut app, vec![sample("models/digits-student.onnx")]);
    let model = app.state().models[0].model.sha256.clone();
    let good =
        Measure { models: vec![model], sweep: Sweep { seconds: 0.1, ..Sweep::default() }, target: None };
    let with = |change: &dyn Fn(&mut Sweep)| {
        let mut bad = good.clone();
        change(&mut bad.sweep);
        bad
    };
    for (bad, word) in [
        (Measure { models: Vec::new(), ..good.clone() }, "model"),
        (with(&|sweep| sweep.batches = vec![0]), "batch"),
        (with(&|sweep| sweep.threads = vec![]), "thread"),
        (with(&|sweep| sweep.instances = vec![0]), "sessions"),
        (with(&|sweep| sweep.scenarios = vec!["server:5:trace".parse().unwrap()]), "demand trace"),
        (with(&|sweep| sweep.effort.most_runs = 0), "runs"),
        (with(&|sweep| sweep.effort.p99 = 0.0), "p99"),
        (with(&|sweep| sweep.seconds = f64::NAN), "seconds"),
        (with(&|sweep| sweep.seconds = 0.0), "seconds"),
    ] {
        let message = format!("{:#}", app.handle(Command::Measure(Box::new(bad))).unwrap_err());
        assert!(message.contains(word), "{message}");
    }
}
