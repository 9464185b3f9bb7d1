//! Races between real workers: two models, one model in two ways, and a model against itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inferometer::app::{App, Command, Folders, Options, Race};
use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::duel::{self, End, Event, Outcome, Settings, Side};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::sweep::Tools;
use inferometer::measure::{Config, Optimisation, Scenario};

use crate::measure::runtimes;
use crate::profile::openvino;

fn launcher() -> Launcher {
    Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()])
}

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models").join(name)
}

fn config() -> Config {
    Config {
        batch: 1,
        threads: 1,
        provider: "CPU".to_owned(),
        dims: BTreeMap::new(),
        seconds: 0.0,
        min_queries: 0,
        seed: 7,
        inputs: None,
        instances: 1,
        optimisation: Optimisation::All,
        scenario: Scenario::SingleStream,
    }
}

fn side(name: &str) -> Side {
    Side { model: model(name), config: config(), inputs: None, library: None }
}

/// Each process ends when it is first looked at, after two sets, however busy the machine is.
fn quick() -> Settings {
    Settings { groups: 3, seconds: 60.0, within: 1e6, ..Settings::default() }
}

fn run(a: &Side, b: Option<&Side>, settings: Settings, cancel: &Cancel) -> Outcome {
    let launcher = launcher();
    let tools = Tools { launcher: &launcher, runtimes: runtimes() };
    duel::run(a, b, &settings, tools, &Fingerprint::default(), cancel, &mut |_| ())
}

#[test]
fn two_models_run_in_turn_and_the_small_one_is_faster() {
    let (full, small) = (side("digits-cnn.onnx"), side("digits-student.onnx"));
    let outcome = run(&full, Some(&small), quick(), &Cancel::new());
    assert_eq!(outcome.problem, None);
    let duel = outcome.duel.unwrap();
    assert_eq!(duel.rounds.len() as u64, duel.pairs);
    assert_eq!((duel.groups, duel.sets, &duel.ended), (3, 6, &End::Precise));
    let mut sets: Vec<(u32, u32)> = duel.rounds.iter().map(|round| (round.group, round.set)).collect();
    assert!(sets.is_sorted());
    sets.dedup();
    assert_eq!(sets, [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 5)]);
    for round in &duel.rounds {
        assert!(!round.a.is_empty() && !round.b.is_empty() && !round.again.is_empty());
    }
    let b = duel.b.as_ref().unwrap();
    let count = |side: fn(&duel::Round) -> &Vec<u64>| -> u64 {
        duel.rounds.iter().map(|round| side(round).len() as u64).sum()
    };
    assert_eq!((duel.thinned, duel.a.samples, b.samples), (1, count(|r| &r.a), count(|r| &r.b)));
    assert_eq!((duel.a.load_nanos.len(), b.load_nanos.len()), (6, 6));
    assert_eq!(b.runtime_version, "1.31.1");
    assert_eq!(b.input_shapes["images"], [1, 1, 32, 32]);
    // 52.7 against 2.1 million operations: no machine is so busy as to turn that round.
    let first = &duel.ratios[0];
    // Neighbouring pairs are joined where a block has few samples.
    assert!((2..=6).contains(&first.sets) && first.pairs >= 6, "{first:?}");
    assert!(first.estimate.unwrap().ratio > 1.5, "{first:?}");
    assert!(
        duel.sentence.contains("digits-student.onnx") && duel.sentence.contains("as fast as digits-cnn.onnx")
    );
    assert_eq!(duel.same.len(), 3);
    assert_eq!(first.resolution, duel.resolution);
    assert!(duel.resolution.unwrap() > 0.0);
    let text = serde_json::to_string(&duel).unwrap();
    let again = serde_json::from_str::<duel::Duel>(&text).unwrap();
    // Numbers with a point may come back with another last bit.
    assert_eq!(
        (&again.rounds, &again.sentence, &again.settings),
        (&duel.rounds, &duel.sentence, &duel.settings)
    );
    assert_eq!((again.key(), again.ratios.len(), again.pairs), (duel.key(), duel.ratios.len(), duel.pairs));
}

#[test]
fn a_model_alone_only_tells_the_resolution() {
    let settings = Settings { groups: 1, self_test: false, ..quick() };
    let duel = run(&side("digits-student.onnx"), None, settings, &Cancel::new()).duel.unwrap();
    assert!(duel.b.is_none() && duel.ratios.is_empty());
    assert!(duel.rounds.iter().all(|round| round.b.is_empty() && !round.again.is_empty()));
    assert_eq!((duel.same.len(), duel.sentence.clone()), (3, duel.resolution_sentence().unwrap()));
}

/// Two libraries cannot be loaded into one process.
#[test]
fn two_runtimes_race_each_in_a_worker_of_its_own() {
    let launcher = launcher();
    // The one built for another device comes first, and the plain one still runs the CPU.
    let both: Vec<_> = openvino().into_iter().chain(runtimes().iter().cloned()).collect();
    let tools = Tools { launcher: &launcher, runtimes: &both };
    let there =
        Side { config: Config { provider: "OpenVINO".to_owned(), ..config() }, ..side("digits-cnn.onnx") };
    let machine = Fingerprint::default();
    let mut ignored = |_| ();
    let outcome = duel::run(
        &side("digits-cnn.onnx"),
        Some(&there),
        &quick(),
        tools,
        &machine,
        &Cancel::new(),
        &mut ignored,
    );
    assert_eq!(outcome.problem, None);
    let duel = outcome.duel.unwrap();
    let b = duel.b.as_ref().unwrap();
    // The versions that `install` pins.
    assert_eq!((duel.a.runtime_version.as_str(), b.runtime_version.as_str()), ("1.31.1", "1.24.1"));
    let sets = duel.sets as usize;
    assert_eq!((duel.groups, duel.a.load_nanos.len(), b.load_nanos.len()), (3, sets, sets));
    assert!(duel.ratios[0].estimate.is_some() && duel.resolution.is_some(), "{:?}", duel.ratios);
    assert!(duel.sentence.contains("OpenVINO") && duel.sentence.contains("CPU"), "{}", duel.sentence);
}

#[test]
fn one_provider_races_in_two_versions_of_the_runtime() {
    let old = openvino().remove(0).path;
    let there = Side { library: Some(old.clone()), ..side("digits-student.onnx") };
    let settings = Settings { groups: 1, ..quick() };
    let outcome = run(&side("digits-student.onnx"), Some(&there), settings, &Cancel::new());
    assert_eq!(outcome.problem, None);
    let duel = outcome.duel.unwrap();
    assert_eq!(duel.names(), ("ONNX Runtime 1.31.1".to_owned(), "ONNX Runtime 1.24.1".to_owned()));
    assert_eq!(duel.runtimes(), "ONNX Runtime 1.31.1 for A and 1.24.1 for B");
    assert_eq!(duel.b.unwrap().library, Some(old.clone()));
    // What is no library, and a provider that it lacks.
    for (library, provider, words) in [
        (PathBuf::from("/nonexistent/libonnxruntime.so"), "CPU", "cannot load ONNX Runtime"),
        (old, "CUDA", "does not offer CUDA; it offers"),
    ] {
        let config = Config { provider: provider.to_owned(), ..config() };
        let side = Side { library: Some(library), config, ..side("digits-student.onnx") };
        let problem = run(&side, None, quick(), &Cancel::new()).problem.unwrap();
        assert!(problem.contains(words), "{problem}");
    }
}

#[test]
fn batches_that_differ_are_compared_per_item() {
    let settings = Settings { groups: 1, self_test: false, ..quick() };
    let four = Side { config: Config { batch: 4, ..config() }, ..side("digits-cnn.onnx") };
    let duel = run(&side("digits-cnn.onnx"), Some(&four), settings, &Cancel::new()).duel.unwrap();
    let b = duel.b.as_ref().unwrap();
    assert!(duel.same.is_empty() && duel.resolution.is_none());
    assert!(duel.sentence.contains("batch 4") && duel.sentence.contains("per item"), "{}", duel.sentence);
    // The ratio of medians per item, made from the pairs, is near that of all samples together; a quarter of it
    // or four times it would be the ratio of latencies; on a busy machine the two medians are of other moments.
    let pooled = 4.0 * duel.a.p50_ms.unwrap() / b.p50_ms.unwrap();
    let found = duel.ratios[0].estimate.unwrap().ratio;
    assert!((found / pooled).ln().abs() < 1.2, "{found} and {pooled}");
}

#[test]
fn what_cannot_race_is_refused_in_words() {
    let offline =
        Side { config: Config { scenario: Scenario::Offline, ..config() }, ..side("digits-cnn.onnx") };
    let missing =
        Side { config: Config { provider: "CUDA".to_owned(), ..config() }, ..side("digits-cnn.onnx") };
    let absent = Side { model: model("absent.onnx"), config: config(), inputs: None, library: None };
    let never = Settings { seconds: 0.0, ..quick() };
    for (side, settings, words) in [
        (offline, quick(), "one query at a time"),
        (missing, quick(), "CUDA"),
        (absent, quick(), "absent.onnx"),
        (side("digits-cnn.onnx"), never, "0 seconds"),
    ] {
        let outcome = run(&side, None, settings, &Cancel::new());
        let problem = outcome.problem.unwrap();
        assert!(outcome.duel.is_none() && problem.contains(words), "{problem}");
    }
}

#[test]
fn a_race_that_is_stopped_keeps_what_it_has() {
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let launcher = launcher();
    let tools = Tools { launcher: &launcher, runtimes: runtimes() };
    let settings = Settings { groups: 1, seconds: 60.0, within: 1e-9, ..quick() };
    let (a, b) = (side("digits-cnn.onnx"), side("digits-student.onnx"));
    let mut rounds = 0;
    let outcome = duel::run(&a, Some(&b), &settings, tools, &Fingerprint::default(), &cancel, &mut |event| {
        let Event::Progress { now, .. } = event;
        rounds += u32::from(now.contains("blocks"));
        if rounds == 8 {
            stop.cancel();
        }
    });
    let duel = outcome.duel.unwrap();
    assert_eq!((duel.ended.clone(), outcome.problem.as_deref()), (End::Stopped, Some("stopped")));
    assert_eq!(duel.pairs, 8);
}

/// The system ends a process that has used more CPU time than it may.
#[cfg(unix)]
#[test]
fn a_worker_that_dies_says_how_and_keeps_what_was_run() {
    let script = format!("ulimit -t 2; exec '{}' \"$@\"", env!("CARGO_BIN_EXE_inferometer"));
    let limited = Launcher::command(["sh", "-c", &script, "sh"].map(str::to_owned).to_vec());
    let tools = Tools { launcher: &limited, runtimes: runtimes() };
    let settings = Settings { groups: 1, seconds: 60.0, within: 1e-9, ..quick() };
    let (a, b) = (side("digits-cnn.onnx"), side("digits-student.onnx"));
    let machine = Fingerprint::default();
    let outcome = duel::run(&a, Some(&b), &settings, tools, &machine, &Cancel::new(), &mut |_| ());
    let problem = outcome.problem.unwrap();
    assert!(problem.contains("was killed by SIG"), "{problem}");
    let duel = outcome.duel.unwrap();
    assert_eq!((duel.ended, duel.groups), (End::Broken(problem), 1));
    assert!(duel.pairs > 0 && duel.rounds.len() as u64 == duel.pairs);
}

fn app(folder: &Path) -> App {
    App::new(Options {
        folders: Folders::below(folder),
        runtime: Some(runtimes()[0].path.clone()),
        offline: true,
        launcher: launcher(),
    })
    .unwrap()
}

#[test]
fn a_race_is_kept_in_the_project_and_told_from_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.inferometer");
    let mut first = app(folder.path());
    first.handle(Command::OpenProject(path.clone())).unwrap();
    let files = vec![model("digits-cnn.onnx"), model("digits-student.onnx")];
    let job = first.handle(Command::OpenFiles(files)).unwrap().unwrap();
    first.wait(job, |_| {});
    let [a, b] = [0, 1].map(|place| first.state().models[place].model.sha256.clone());
    let race = Race {
        a: (a.clone(), config()),
        b: Some((b.clone(), config())),
        library: None,
        settings: quick(),
        inputs: None,
        target: None,
    };
    let job = first.handle(Command::Duel(Box::new(race.clone()))).unwrap().unwrap();
    assert!(first.racing().is_some() && first.is_measuring());
    let refused = first.handle(Command::Duel(Box::new(race))).unwrap_err().to_string();
    assert!(refused.contains("is running"), "{refused}");
    let refused = first.handle(Command::Agree(a.clone(), b.clone())).unwrap_err().to_string();
    assert!(refused.contains("is running"), "{refused}");
    first.wait(job, |_| {});
    assert_eq!(first.state().duels.len(), 1);
    drop(first);

    let mut second = app(folder.path());
    second.handle(Command::OpenProject(path)).unwrap();
    let (there, back) = (second.state().duel(&a, &b).unwrap(), second.state().duel(&b, &a).unwrap());
    assert!(there.rounds.is_empty());
    let (rounds, turned) = (second.rounds(&there).unwrap(), second.rounds(&back).unwrap());
    assert_eq!(rounds.len() as u64, there.pairs);
    assert!(rounds.iter().zip(&turned).all(|(one, other)| one.a == other.b && one.b == other.a));
    assert!(back.sentence.contains("as fast as digits-student.onnx"), "{}", back.sentence);
    let here = launcher().target().to_owned();
    let exact = second.state().duel_of((&a, &config()), Some((&b, &config())), None, &here);
    assert_eq!(exact, Some(there));
    let other = Config { threads: 2, ..config() };
    assert_eq!(second.state().duel_of((&a, &other), Some((&b, &config())), None, &here), None);
    assert_eq!(second.state().duel_of((&a, &config()), Some((&b, &config())), None, "ssh elsewhere"), None);
    let of_a_file = Config { inputs: Some("x.npz 0123456789ab".to_owned()), ..config() };
    assert_eq!(second.state().duel_of((&a, &of_a_file), Some((&b, &of_a_file)), None, &here), None);
}
