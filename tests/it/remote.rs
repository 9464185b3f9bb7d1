//! Measuring on another machine, end to end: the real program behind a real `ssh` and `sshd` on the loopback, with a
//! line between them that is cut in the middle.

mod compared;
mod exported;
mod ssh;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inferometer::app::{App, Command, Folders, Measure, Options};
use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::launcher::{Launcher, WorkerError};
use inferometer::measure::protocol::{Event as Said, LaneSpec, Request, SessionSpec, Source, TurnSpec};
use inferometer::measure::runtime::Origin;
use inferometer::measure::sweep::{self, Effort, Event, Outcome, Sweep, Tools};
use inferometer::measure::transfer::Kind;
use inferometer::measure::{Optimisation, Point, Run, Target, model_file, shapes, survey};

use self::ssh::{Server, script};
use crate::measure::{field, model_file_of, node, number, value};

const PROGRAM: &str = env!("CARGO_BIN_EXE_inferometer");

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data").join(name)
}

fn quick(models: Vec<PathBuf>) -> Sweep {
    Sweep { models, seconds: 0.05, effort: Effort::runs(2), seed: 7, ..Sweep::default() }
}

/// Points with their raw samples, messages of what failed, and how it ended.
type Result3 = (Vec<Point>, Vec<String>, Outcome);

/// Runs a sweep on `target`; `on_event` sees each event, with the number of runs done so far.
fn run(sweep: &Sweep, target: &Target, on_event: &dyn Fn(&Event, usize)) -> Result3 {
    let launcher = Launcher::to(target);
    let there = survey::survey(&launcher, &Cancel::new()).unwrap();
    let runtimes = there.runtimes_for(&sweep.providers, launcher.target()).unwrap();
    let tools = Tools { launcher: &launcher, runtimes: &runtimes };
    let mut points: BTreeMap<usize, Point> = BTreeMap::new();
    let (mut failures, mut ran) = (Vec::new(), 0);
    let cancel = Cancel::new();
    let outcome = sweep::run(sweep, Vec::new(), tools, &there.machine, &cancel, &mut |event| {
        on_event(&event, ran);
        match event {
            Event::Ran { place, point, run, .. } => {
                ran += 1;
                let before: Vec<Run> = points.remove(&place).map_or_else(Vec::new, |point| point.runs);
                let runs = before.into_iter().chain([*run]).collect();
                points.insert(place, Point { runs, ..*point });
            }
            Event::Failed { message, .. } => failures.push(message),
            Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
        }
    });
    (points.into_values().collect(), failures, outcome)
}

fn measuring(event: &Event) -> bool {
    matches!(event, Event::Progress { now, .. } if now.ends_with(": measuring"))
}

/// `y = x + row`, the row in a file below the model's folder; only widths 48 and 1 go.
fn model_with_external_row(folder: &Path) -> PathBuf {
    std::fs::create_dir(folder.join("weights")).unwrap();
    std::fs::write(folder.join("weights/row.bin"), [0_u8; 48 * 4]).unwrap();
    let entry =
        |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let row = [
        number(1, 48),
        number(2, 1),
        field(8, b"row"),
        entry("location", "weights/row.bin"),
        entry("length", "192"),
        number(14, 1),
    ]
    .concat();
    let model = folder.join("beside.onnx");
    let bytes = model_file_of(&[
        node("Add", &["x", "row"], "y"),
        field(5, &row),
        field(11, &value("x", &["batch", "width"])),
        field(12, &value("y", &["batch", "out"])),
    ]);
    std::fs::write(&model, bytes).unwrap();
    model
}

#[test]
fn a_machine_over_ssh_tells_what_it_is() {
    let server = Server::start();
    let there = survey::survey(&Launcher::to(&server.target()), &Cancel::new()).unwrap();
    let here = Fingerprint::read();
    assert_eq!(there.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((&there.machine.cpu, there.machine.logical_cpus), (&here.cpu, here.logical_cpus));
    // Its own environment counts, not ours.
    let first = &there.runtimes[0];
    assert_eq!((first.origin, &first.path), (Origin::Environment, &crate::measure::runtimes()[0].path));
    assert_eq!(first.version.as_deref(), Some("1.31.1"));
    assert!(first.providers.contains(&"CPU".to_owned()));
}

#[test]
fn a_sweep_over_ssh_is_measured_there_and_sends_each_file_once() {
    let server = Server::start();
    let model = sample("models/digits-student.onnx");
    let sweep = Sweep { batches: vec![1, 4], ..quick(vec![model.clone()]) };
    let (points, failures, outcome) = run(&sweep, &server.target(), &|_, _| ());
    assert_eq!(failures, Vec::<String>::new());
    assert_eq!(outcome, Outcome { finished: 2, failed: 0, cancelled: false });
    let identity = model_file::read(&model).unwrap().sha256;
    for point in &points {
        assert_eq!((point.runs.len(), &point.model_sha256), (2, &identity));
        assert!(point.target.starts_with("ssh ") && point.target.contains("127.0.0.1"), "{}", point.target);
        assert_eq!(point.fingerprint.cpu, Fingerprint::read().cpu);
        assert!(point.runs.iter().all(|run| !run.measured.series.is_empty()));
    }
    assert_eq!(server.contents(), std::slice::from_ref(&identity));
    // Another process later, and another name: nothing is sent.
    let folder = tempfile::tempdir().unwrap();
    let renamed = folder.path().join("renamed.onnx");
    std::fs::copy(&model, &renamed).unwrap();
    for path in [&model, &renamed] {
        let launcher = Launcher::to(&server.target());
        let mut sent = Vec::new();
        let sha256 =
            launcher.bring(path, Kind::Model, &Cancel::new(), &mut |bytes, _| sent.push(bytes)).unwrap();
        assert_eq!((sha256, sent), (Some(identity.clone()), Vec::new()));
    }
    assert_eq!(server.contents(), [identity]);
}

#[test]
fn external_data_inputs_and_sizes_found_by_trying_work_over_ssh() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let model = model_with_external_row(folder.path());
    let (points, failures, _) = run(&quick(vec![model]), &server.target(), &|_, _| ());
    assert_eq!(failures, Vec::<String>::new());
    assert!([1, 48].contains(&points[0].found_dims["width"]), "{:?}", points[0].found_dims);
    assert_eq!(server.contents().len(), 2, "the model and its row");

    let inputs = Sweep {
        inputs: Some(sample("digits-test.npz")),
        ..quick(vec![sample("models/digits-student.onnx")])
    };
    let (points, failures, _) = run(&inputs, &server.target(), &|_, _| ());
    assert_eq!(failures, Vec::<String>::new());
    assert!(points[0].config.inputs.as_deref().unwrap().starts_with("digits-test.npz "));
    assert_eq!(server.contents().len(), 4);
}

/// What a comparison does: blocks on one worker, by paths of this machine.
#[test]
fn blocks_of_a_comparison_run_there_by_paths_of_this_machine() {
    let server = Server::start();
    let path = sample("models/digits-student.onnx");
    let model = model_file::read(&path).unwrap();
    let resolution = shapes::resolve(&model, 2, &BTreeMap::new(), None).unwrap();
    let sizes = resolution.shapes(&BTreeMap::new()).unwrap();
    let session = SessionSpec {
        runtime: crate::measure::runtimes()[0].path.clone(),
        model: path,
        provider: "CPU".to_owned(),
        threads: 1,
        optimisation: Optimisation::All,
    };
    let feed = shapes::feed_of(&model, &sizes, Source::Generated { seed: 1 });
    let turns = TurnSpec {
        least_lead: 1,
        lead_millis: 1.0,
        counted_millis: 1.0,
        millis: 5.0,
        least_rounds: 3,
        most_millis: 1e4,
        only: None,
        seed: 1,
    };
    let lanes = vec![LaneSpec { session, feed }; 2];
    let request = Request::Turns { set: 1, lanes, turns };
    let cancel = Cancel::new();
    let mut worker = Launcher::to(&server.target()).start(&cancel).unwrap();
    for first in [true, false] {
        let answer = worker.ask(&request, Duration::ZERO, &cancel, &mut |_| (), &mut || ()).unwrap();
        let Said::Turned { latency_nanos, load_nanos } = answer else { panic!("{answer:?}") };
        assert!(latency_nanos.len() == 2 && latency_nanos.iter().all(|lane| lane.len() >= 3));
        assert_eq!(load_nanos.len(), if first { 2 } else { 0 });
    }
}

#[test]
fn what_keeps_a_machine_from_being_reached_is_said_with_what_to_do() {
    let server = Server::start();
    std::fs::write(server.at("nobody"), "").unwrap();
    let stranger = server.command_with("stranger", "known");
    let unknown = server.command_with("user", "nobody");
    for (command, program, words) in [
        (server.command(), "/nonexistent/inferometer", ["is not there", "No such file or directory"]),
        (stranger, PROGRAM, ["Permission denied", "set up a key"]),
        (unknown, PROGRAM, ["Host key verification failed", "accept the host's key"]),
        ("ssh -F none -p 1 127.0.0.1".to_owned(), PROGRAM, ["could not connect", "Connection refused"]),
        ("no-such-launcher -x".to_owned(), PROGRAM, ["cannot start", "no-such-launcher -x"]),
    ] {
        let target = Target::parse("t", &command, program).unwrap();
        let error = Launcher::to(&target).start(&Cancel::new()).unwrap_err();
        let text = error.to_string();
        assert!(error.is_connection(), "{text}");
        assert!(words.iter().all(|words| text.contains(words)), "{text}");
    }
}

#[test]
fn a_command_that_waits_for_a_password_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    script(&folder.path().join("ask"), "echo 'password:' >&2; exec sleep 1000");
    let target = Target::parse("t", folder.path().join("ask").to_str().unwrap(), "").unwrap();
    let launcher = Launcher::to(&target).with_silence(Duration::from_millis(200));
    let text = launcher.start(&Cancel::new()).unwrap_err().to_string();
    assert!(text.contains("no worker greeted") && text.contains("password"), "{text}");
}

#[test]
fn another_version_over_there_is_named_with_ours() {
    let folder = tempfile::tempdir().unwrap();
    let hello = r#"echo '@inferometer {"hello":{"protocol":99,"version":"9.8.7"}}'; exec cat"#;
    script(&folder.path().join("newer"), hello);
    let target = Target::parse("t", folder.path().join("newer").to_str().unwrap(), "").unwrap();
    let error = Launcher::to(&target).start(&Cancel::new()).unwrap_err();
    assert!(matches!(&error, WorkerError::OtherVersion { protocol: 99, .. }), "{error:?}");
    let text = error.to_string();
    for words in
        ["9.8.7", "protocol 99", env!("CARGO_PKG_VERSION"), "Install the same version on both", "newer"]
    {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
}

#[test]
fn a_cut_line_costs_the_configuration_it_cuts_and_no_more() {
    let server = Server::start();
    let sweep = Sweep { batches: vec![1, 2, 4], ..quick(vec![sample("models/digits-student.onnx")]) };
    let cuts = Cell::new(0);
    let (points, failures, outcome) = run(&sweep, &server.target(), &|event, ran| {
        if ran == 1 && cuts.get() == 0 && measuring(event) {
            cuts.set(1);
            server.line.cut();
        }
    });
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(
        failures[0].contains("the connection to `ssh") && failures[0].contains("was lost"),
        "{failures:?}"
    );
    // What failed can be resumed, so the sweep has not come to its end.
    assert_eq!(outcome, Outcome { finished: 2, failed: 1, cancelled: true });
    assert_eq!(points.iter().filter(|point| point.ended.is_some() && point.runs.len() == 2).count(), 2);
}

#[test]
fn a_worker_killed_there_is_told_from_a_cut_line_and_the_sweep_goes_on() {
    let server = Server::start();
    let (noted, pid) = (server.at("noted"), server.at("pid"));
    script(&noted, &format!("echo $$ > {}\nexec {PROGRAM} \"$@\"", pid.display()));
    let target = Target { program: noted.display().to_string(), ..server.target() };
    let sweep = Sweep { batches: vec![1, 2], ..quick(vec![sample("models/digits-student.onnx")]) };
    let kills = Cell::new(0);
    let (points, failures, outcome) = run(&sweep, &target, &|event, ran| {
        if ran == 1 && kills.get() == 0 && measuring(event) {
            kills.set(1);
            let worker = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
            let worker = nix::unistd::Pid::from_raw(worker);
            nix::sys::signal::kill(worker, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    });
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("was killed there"), "{failures:?}");
    assert_eq!(outcome, Outcome { finished: 1, failed: 1, cancelled: false });
    assert_eq!(points.iter().map(|point| point.runs.len()).max(), Some(2), "what was measured is kept");
}

/// A launcher that is not ssh itself and whose connection is killed from outside.
#[test]
fn a_wrapper_that_kills_the_connection_costs_one_configuration() {
    let server = Server::start();
    let (target, axe) = server.wrapped();
    let sweep =
        Sweep { seconds: 0.5, batches: vec![1, 2], ..quick(vec![sample("models/digits-student.onnx")]) };
    let kills = Cell::new(0);
    let (points, failures, outcome) = run(&sweep, &target, &|event, ran| {
        if ran == 1 && kills.get() == 0 && measuring(event) {
            kills.set(1);
            std::fs::write(&axe, "").unwrap();
        }
    });
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0].contains("wrapper") && failures[0].contains("exit code 137"), "{failures:?}");
    assert_eq!((outcome.finished, outcome.failed), (1, 1));
    assert!(points.iter().any(|point| point.ended.is_some() && point.runs.len() == 2), "{}", points.len());
}

fn app_in(folder: &Path) -> App {
    let options = Options {
        folders: Folders::below(folder),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec![PROGRAM.to_owned()]),
    };
    App::new(options).unwrap()
}

/// Does something and waits for its job; the message of a job that failed.
fn wait(app: &mut App, command: Command, mut tick: impl FnMut(&App)) -> Option<String> {
    let job = app.handle(command).unwrap()?;
    match app.wait(job, |app| tick(app)) {
        inferometer::app::jobs::End::Failed(message) => Some(message),
        _ => None,
    }
}

#[test]
fn a_sweep_whose_machine_goes_away_stops_keeps_what_it_has_and_can_be_resumed() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let mut app = app_in(folder.path());
    app.handle(Command::OpenProject(project.clone())).unwrap();
    assert_eq!(wait(&mut app, Command::OpenFiles(vec![sample("models/digits-student.onnx")]), |_| ()), None);
    let models = vec![app.state().models[0].model.sha256.clone()];
    let sweep = Sweep { batches: vec![1, 2, 3, 4, 5], ..quick(Vec::new()) };
    let measure = Measure { models, sweep, target: Some("loopback".to_owned()) };

    let unknown = app.handle(Command::Measure(Box::new(measure.clone()))).unwrap_err().to_string();
    assert!(unknown.contains("“loopback”"), "{unknown}");
    app.handle(Command::PutTarget(Box::new(server.target()))).unwrap();
    let message = wait(&mut app, Command::Measure(Box::new(measure)), |app| {
        if app.state().points.len() == 2 {
            server.line.cut_for_good();
        }
    })
    .unwrap();
    assert!(message.contains("resuming the sweep"), "{message}");
    let kept = app.state().points.len();
    assert!((2..5).contains(&kept), "{kept}");
    let lost = app.state().failures.iter().filter(|failure| failure.config.is_some()).count();
    assert!(lost >= 2, "it goes on until three in a row are lost: {:?}", app.state().failures);
    assert!(app.state().failures.last().unwrap().message.contains("3 configurations in a row"));
    assert_eq!(app.state().unfinished.as_ref().unwrap().points.len(), kept);
    let machine = &app.state().points[0].point.fingerprint;
    assert_eq!(machine.cpu, app.state().surveys["loopback"].as_ref().unwrap().machine.cpu);

    // Another process, later: the machine is still among the user's, and the sweep goes on.
    drop(app);
    server.line.mend();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenProject(project)).unwrap();
    assert_eq!(app.state().targets, [server.target()]);
    assert_eq!(wait(&mut app, Command::Resume, |_| ()), None);
    assert!(app.state().unfinished.is_none());
    assert_eq!(app.state().points.len(), 5);
    assert!(app.state().points.iter().all(|stored| stored.point.runs.len() == 2));
    app.handle(Command::RemoveTarget("loopback".to_owned())).unwrap();
    assert!(app_in(folder.path()).state().targets.is_empty());
}

#[test]
fn the_command_line_checks_a_machine_and_measures_on_it() {
    let server = Server::start();
    let ssh = server.command();
    let output = crate::cli::command(&["targets", "check", &ssh, "--program", PROGRAM]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for words in [concat!("Inferometer ", env!("CARGO_PKG_VERSION")), "logical CPUs", "ONNX Runtime 1.31.1: "]
    {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
    let model = sample("models/digits-student.onnx");
    let output = crate::cli::command(&["bench", "--json", "--runs", "1", "--seconds", "0.05"])
        .args(["--target", &ssh, "--target-program", PROGRAM])
        .arg(&model)
        .output()
        .unwrap();
    assert!(crate::cli::is_done(&output), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["points"][0]["target"], server.target().prefix());
    assert_eq!(document["points"][0]["machine"]["cpu"], Fingerprint::read().cpu);

    let wrong = crate::cli::command(&["targets", "check", &ssh, "--program", "nonsense"]).output().unwrap();
    let text = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && text.contains("`nonsense` is not there"), "{text}");
}
