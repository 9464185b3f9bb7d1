//! Two models beside each other on another machine: run in turn, their outputs compared, one of them profiled.

use std::path::Path;

use inferometer::app::{Agreeing, App, Command, Race};
use inferometer::hardware::Fingerprint;
use inferometer::measure::agreement::{self, Agreement, Question};
use inferometer::measure::cancel::Cancel;
use inferometer::measure::duel::{End, Settings};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::sweep::Tools;
use inferometer::measure::{Config, Optimisation, Scenario, Target};
use serde_json::Value;

use super::ssh::Server;
use super::{PROGRAM, app_in, model_with_external_row, sample, wait};
use crate::measure::{field, model_file_of, node, number, runtimes, value};

fn config() -> Config {
    Config {
        batch: 2,
        threads: 1,
        provider: "CPU".to_owned(),
        dims: std::collections::BTreeMap::new(),
        seconds: 0.0,
        min_queries: 0,
        seed: 7,
        inputs: None,
        instances: 1,
        optimisation: Optimisation::All,
        scenario: Scenario::SingleStream,
    }
}

/// An app with the two models and the target; their hashes.
fn app_with(folder: &Path, target: Target) -> (App, String, String) {
    let mut app = app_in(folder);
    app.handle(Command::UseTarget(Box::new(target))).unwrap();
    let files = vec![sample("models/digits-cnn.onnx"), sample("models/digits-student.onnx")];
    assert_eq!(wait(&mut app, Command::OpenFiles(files), |_| ()), None);
    let [a, b] = [0, 1].map(|place| app.state().models[place].model.sha256.clone());
    (app, a, b)
}

#[test]
fn a_race_over_ssh_runs_there_on_a_file_of_ours() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (mut app, a, b) = app_with(folder.path(), server.target());
    // Each process ends when it is first looked at.
    let settings = Settings { groups: 3, seconds: 60.0, within: 1e6, ..Settings::default() };
    let race = Race {
        a: (a.clone(), config()),
        b: Some((b.clone(), config())),
        library: None,
        settings,
        inputs: Some(sample("digits-test.npz")),
        target: Some("loopback".to_owned()),
    };
    assert_eq!(wait(&mut app, Command::Duel(Box::new(race)), |_| ()), None);
    let duel = app.state().duel(&a, &b).unwrap();
    assert_eq!((duel.groups, &duel.ended), (3, &End::Precise));
    assert_eq!(duel.target, server.target().prefix());
    assert_eq!(duel.fingerprint.cpu, Fingerprint::read().cpu);
    for side in [&duel.a, duel.b.as_ref().unwrap()] {
        assert!(side.config.inputs.as_deref().unwrap().starts_with("digits-test.npz "));
        assert_eq!(side.input_shapes["images"], [2, 1, 32, 32]);
        assert_eq!(side.load_nanos.len(), duel.sets as usize);
        assert_eq!(side.runtime_version, "1.31.1");
    }
    // 52.7 against 2.1 million operations.
    assert!(duel.ratios[0].estimate.unwrap().ratio > 1.5, "{}", duel.sentence);
    let method = duel.method();
    assert!(method.contains("inputs of digits-test.npz, on `ssh "), "{method}");
    assert_eq!(server.contents().len(), 3, "two models and the inputs");
    // Another place and other inputs are another race.
    assert_eq!(app.state().duel_of((&a, &config()), Some((&b, &config())), None, ""), None);
}

#[test]
fn a_connection_killed_during_a_race_leaves_the_rounds_that_were_run() {
    let server = Server::start();
    let (target, axe) = server.wrapped();
    let folder = tempfile::tempdir().unwrap();
    let (mut app, a, b) = app_with(folder.path(), target);
    let settings = Settings { groups: 1, seconds: 60.0, within: 1e-9, ..Settings::default() };
    let race = Race {
        a: (a.clone(), config()),
        b: Some((b.clone(), config())),
        library: None,
        settings,
        inputs: None,
        target: Some("wrapped".to_owned()),
    };
    let mut killed = false;
    let message = wait(&mut app, Command::Duel(Box::new(race)), |app| {
        let doing = app.racing().map_or("", |job| job.progress.doing.as_str());
        let pairs = doing.split(' ').find_map(|word| word.parse::<u64>().ok());
        if !killed && doing.ends_with(" blocks") && pairs.is_some_and(|pairs| pairs >= 12) {
            killed = true;
            std::fs::write(&axe, "").unwrap();
        }
    })
    .unwrap();
    assert!(message.contains("wrapper") && message.contains("exit code 137"), "{message}");
    let duel = app.state().duel(&a, &b).unwrap();
    assert!(message.contains(&format!("; the {} blocks that were run", duel.pairs)), "{message}");
    let rounds = app.rounds(&duel).unwrap();
    assert!(duel.pairs >= 12 && rounds.len() as u64 == duel.pairs, "{} pairs", duel.pairs);
    assert!(
        rounds.iter().all(|round| ![&round.a, &round.b, &round.again].iter().any(|block| block.is_empty()))
    );
    let End::Broken(problem) = &duel.ended else { panic!("{:?}", duel.ended) };
    assert!(message.starts_with(problem) && duel.method().contains("broken off"), "{message}");
    assert!(duel.ratios[0].estimate.is_some());
}

/// The same question asked here and there.
fn here_and_there(server: &Server, a: &Path, b: &Path, question: &Question) -> (Agreement, Agreement) {
    let ask = |launcher: &Launcher| {
        let tools = Tools { launcher, runtimes: runtimes() };
        agreement::agree(a, b, question, tools, &Cancel::new()).unwrap()
    };
    (ask(&Launcher::command(vec![PROGRAM.to_owned()])), ask(&Launcher::to(&server.target())))
}

#[test]
fn outputs_compared_over_ssh_are_those_of_this_machine() {
    let server = Server::start();
    let (a, b) = (sample("models/digits-cnn.onnx"), sample("models/digits-student.onnx"));
    for inputs in [None, Some(sample("digits-test.npz"))] {
        let labelled = inputs.is_some();
        let question = Question { inputs, ..Question::default() };
        let (here, there) = here_and_there(&server, &a, &b, &question);
        // One processor, one library, one thread: the same to the last bit.
        assert_eq!(Agreement { target: here.target.clone(), ..there.clone() }, here);
        assert_eq!(there.target, server.target().prefix());
        assert_eq!(there.accuracy_a.is_some(), labelled);
    }
    let mut app = app_in(tempfile::tempdir().unwrap().path());
    app.handle(Command::UseTarget(Box::new(server.target()))).unwrap();
    assert_eq!(wait(&mut app, Command::OpenFiles(vec![a, b]), |_| ()), None);
    let [a, b] = [0, 1].map(|place| app.state().models[place].model.sha256.clone());
    let agreeing = Agreeing { a, b, question: None, target: Some("loopback".to_owned()) };
    assert_eq!(wait(&mut app, Command::AgreeOn(Box::new(agreeing)), |_| ()), None);
}

/// `y = x + 1` of 48 columns, where `model_with_external_row` adds nothing.
fn adds_one(folder: &Path) -> std::path::PathBuf {
    let ones: Vec<u8> = [1.0_f32; 48].iter().flat_map(|value| value.to_le_bytes()).collect();
    let row = [number(1, 48), number(2, 1), field(8, b"row"), field(9, &ones)].concat();
    let bytes = model_file_of(&[
        node("Add", &["x", "row"], "y"),
        field(5, &row),
        field(11, &value("x", &["batch", "width"])),
        field(12, &value("y", &["batch", "out"])),
    ]);
    let path = folder.join("one.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// 4,000 rows of 48 zeros, as `NumPy` writes them (format version 1.0).
fn zeros(path: &Path) {
    let mut header = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let words = "{'descr': '<f4', 'fortran_order': False, 'shape': (4000, 48), }";
    header.extend(format!("{words:<117}\n").bytes());
    header.resize(header.len() + 4_000 * 48 * 4, 0);
    std::fs::write(path, header).unwrap();
}

/// 4,000 × 48 values of 8 bytes are more than one piece of 1 MiB.
#[test]
fn outputs_of_several_pieces_come_back_whole() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (none, one) = (model_with_external_row(folder.path()), adds_one(folder.path()));
    let inputs = folder.path().join("x.npy");
    zeros(&inputs);
    let question = Question { inputs: Some(inputs), ..Question::default() };
    let (here, there) = here_and_there(&server, &none, &one, &question);
    assert_eq!((there.max_abs, there.mean_abs, there.samples), (1.0, 1.0, 4_000));
    assert_eq!(there.outputs[0].values, 4_000 * 48);
    assert_eq!(Agreement { target: here.target.clone(), ..there }, here);
}

#[test]
fn the_command_line_compares_and_profiles_over_ssh() {
    let server = Server::start();
    let ssh = server.command();
    let run = |arguments: &[&str]| -> Value {
        let output = crate::cli::command(arguments)
            .args(["--json", "--target", &ssh, "--target-program", PROGRAM])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (a, b) = (sample("models/digits-cnn.onnx"), sample("models/digits-student.onnx"));
    let (a, b, npz) = (a.to_str().unwrap(), b.to_str().unwrap(), sample("digits-test.npz"));
    let prefix = server.target().prefix();

    let profile = run(&["profile", b, "--seconds", "0.1"]);
    assert_eq!(
        (&profile["target"], &profile["machine"]["cpu"]),
        (&prefix.as_str().into(), &Fingerprint::read().cpu.into())
    );
    let nodes = profile["nodes"].as_array().unwrap();
    assert!(!nodes.is_empty() && nodes.iter().all(|node| node["provider"] == "CPU"), "{nodes:?}");
    assert!(!profile["roofs"].as_array().unwrap().is_empty());
    assert!(
        nodes.iter().any(|node| node["roof"].is_object()),
        "operations are counted with the shapes run there"
    );

    let quick = ["--runs", "1", "--seconds", "0.05", "--race-seconds", "0.2", "--race-processes", "1"];
    let inputs = ["--inputs", npz.to_str().unwrap()];
    let compared = run(&[["compare", a, b].as_slice(), &quick, &inputs].concat());
    assert_eq!(compared["race"]["target"], prefix.as_str());
    assert_eq!(
        compared["race"]["a"]["inputs"].as_str().map(|name| name.starts_with("digits-test.npz ")),
        Some(true)
    );
    assert_eq!(compared["agreement"]["target"], prefix.as_str());
    // sample-data/numbers.json: 496 and 498 of 500.
    assert_eq!((&compared["accuracy"]["a"], &compared["accuracy"]["b"]), (&0.992.into(), &0.996.into()));

    let race = ["--race-seconds", "0.2", "--race-processes", "1"];
    let tested = run(&[["selftest", b].as_slice(), &race].concat());
    assert_eq!((&tested["target"], &tested["b"]), (&prefix.as_str().into(), &Value::Null));
    // Both models and the inputs, once.
    assert_eq!(server.contents().len(), 3);
}
