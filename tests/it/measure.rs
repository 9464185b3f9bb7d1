//! Measuring from end to end: real workers of the real program, a real ONNX Runtime (fetched once with pip into the
//! test cache), the sample models and models of our own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
#[cfg(unix)]
use std::time::Duration;

use inferometer::hardware::Fingerprint;
use inferometer::measure::agreement::{self, Question};
use inferometer::measure::cancel::Cancel;
use inferometer::measure::install::{self, Flavour};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::protocol::{self, LoadSpec, Request, SessionSpec, Source, Stage};
use inferometer::measure::runtime::{self, Found, Origin, RuntimeError, Search};
use inferometer::measure::sweep::{self, Effort, Event, Outcome, Sweep, Tools};
use inferometer::measure::{Optimisation, Point, Run, Scenario, Summary, model_file, shapes};

use crate::wheels;

const PROGRAM: &str = env!("CARGO_BIN_EXE_inferometer");

/// Where tests keep the runtime: below `INFEROMETER_TEST_CACHE`, or beside the models of [`wheels`].
pub(crate) fn runtimes_folder() -> PathBuf {
    match std::env::var_os("INFEROMETER_TEST_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => directories::BaseDirs::new().unwrap().cache_dir().join("inferometer-test"),
    }
    .join("runtimes")
}

pub(crate) fn pythons() -> Vec<String> {
    ["python3", "python"].map(str::to_owned).to_vec()
}

fn launcher() -> Launcher {
    Launcher::command(vec![PROGRAM.to_owned()])
}

/// The pinned CPU runtime, as a worker describes it.
pub(crate) fn runtimes() -> &'static [Found] {
    static FOUND: OnceLock<Vec<Found>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let folder = runtimes_folder();
        install::install(Flavour::Cpu, &folder, &pythons(), &Cancel::new(), &mut |_| ()).unwrap();
        let search = Search { data_folder: Some(folder), ..Search::default() };
        let cpu = ["CPU".to_owned()];
        runtime::ensure(&search, &launcher(), &cpu, true, &Cancel::new(), &mut |_| ()).unwrap()
    })
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data").join(name)
}

fn quick(models: Vec<PathBuf>) -> Sweep {
    Sweep { models, seconds: 0.1, effort: Effort::runs(1), seed: 7, ..Sweep::default() }
}

/// Runs a sweep; gives its points, its failures (model, message) and how it ended.
fn run(sweep: &Sweep, launcher: &Launcher) -> (Vec<Point>, Vec<(PathBuf, String)>, Outcome) {
    let (mut points, mut failures) = (Vec::new(), Vec::new());
    let tools = Tools { launcher, runtimes: runtimes() };
    let machine = Fingerprint { cpu: "test".to_owned(), ..Fingerprint::default() };
    let outcome = sweep::run(sweep, Vec::new(), tools, &machine, &Cancel::new(), &mut |event| match event {
        Event::Ran { place, point, run, .. } => keep(&mut points, place, *point, *run),
        Event::Failed { model, message, .. } => failures.push((model, message)),
        Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
    });
    // In the order of the configurations, not in the random one they were measured in.
    points.sort_by_key(|(place, _)| *place);
    (points.into_iter().map(|(_, point)| point).collect(), failures, outcome)
}

/// Adds a run to its point, raw samples and all.
fn keep(points: &mut Vec<(usize, Point)>, place: usize, head: Point, run: Run) {
    let known = points.iter().position(|(other, _)| *other == place);
    let mut runs = known.map_or_else(Vec::new, |known| points.swap_remove(known).1.runs);
    runs.push(run);
    points.push((place, Point { runs, ..head }));
}

#[test]
fn a_sweep_keeps_loading_first_inference_and_steady_state_apart() {
    let sweep = Sweep {
        batches: vec![1, 4],
        threads: vec![1, 2],
        ..quick(vec![sample("models/digits-student.onnx")])
    };
    let (points, failures, outcome) = run(&sweep, &launcher());
    assert_eq!(failures, []);
    assert_eq!(outcome, Outcome { finished: 4, failed: 0, cancelled: false });
    let order: Vec<(u64, u32)> =
        points.iter().map(|point| (point.config.batch, point.config.threads)).collect();
    assert_eq!(order, [(1, 1), (4, 1), (1, 2), (4, 2)]);
    for point in &points {
        assert!(point.load_nanos().unwrap() > 0 && point.first_inference_nanos().unwrap() > 0);
        let [run] = point.runs.as_slice() else { panic!("{} runs", point.runs.len()) };
        let (measured, series) = (&run.measured, &run.measured.series);
        assert!(!series.is_empty() && series.latency_nanos.iter().all(|nanos| *nanos > 0));
        assert_eq!((measured.queries as usize, series.began_nanos.len()), (series.len(), series.len()));
        // Inferences do not overlap, and the series lasts as long as asked.
        assert!(measured.wall_nanos >= series.latency_nanos.iter().sum());
        assert!(measured.wall_nanos >= 100_000_000);
        assert!(measured.cpu_nanos.unwrap() > 0);
        // The library alone is 29 MB; the machine has less than a terabyte.
        let peak = point.peak_memory_bytes().unwrap();
        assert!((1 << 23..1 << 40).contains(&peak), "{peak}");
        assert_eq!(point.input_shapes["images"], [point.config.batch, 1, 32, 32]);
        assert_eq!(point.runtime_version, "1.31.1");
        assert_eq!((point.model.as_str(), point.model_sha256.len()), ("digits-student.onnx", 64));
        assert_eq!(point.fingerprint.cpu, "test");
        let summary = Summary::of(point);
        assert_eq!(summary.samples, measured.queries - run.warm_up());
        assert!(summary.p50.ms.unwrap() <= summary.p90.ms.unwrap());
        assert!(summary.throughput_per_second > 0.0);
    }
}

/// A dynamic batcher, helpers of MultiStream and Offline with the real library.
#[test]
fn every_scenario_tells_what_measuring_itself_used_and_what_the_run_did_over_time() {
    let scenarios = ["server:400:batch=4:delay=3", "multi:4", "offline"];
    let sweep = Sweep {
        scenarios: scenarios.map(|text| text.parse().unwrap()).to_vec(),
        instances: vec![2],
        seconds: 0.4,
        ..quick(vec![sample("models/digits-student.onnx")])
    };
    let (points, failures, _) = run(&sweep, &launcher());
    assert_eq!((failures, points.len()), (Vec::new(), 3));
    for point in &points {
        let (measured, scenario) = (&point.runs[0].measured, &point.config.scenario);
        let readings = measured.readings.as_ref().unwrap();
        // Watched from just before the series to just after it.
        assert!(readings.run_nanos >= measured.wall_nanos, "{scenario}");
        assert!(measured.own_cpu_nanos.unwrap() <= measured.cpu_nanos.unwrap() + 1_000_000, "{scenario}");
        assert!(measured.steadiness.is_some(), "{scenario}");
    }
    let batches = &points[0].runs[0].measured.series.batch;
    assert!(!batches.is_empty() && batches.iter().all(|batch| (1..=4).contains(batch)), "{batches:?}");
}

#[test]
fn a_model_the_runtime_refuses_is_reported_in_its_own_words_and_the_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.onnx");
    let bytes = std::fs::read(sample("models/digits-student.onnx")).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let unknown = folder.path().join("unknown.onnx");
    std::fs::write(&unknown, model_with_operator("NoSuchOperator")).unwrap();
    let missing = folder.path().join("missing.onnx");
    let empty = folder.path().join("empty.onnx");
    std::fs::write(&empty, "").unwrap();
    let inside = folder.path().join("folder.onnx");
    std::fs::create_dir(&inside).unwrap();
    let bad = [broken, unknown, missing, empty, inside];
    let models = bad.iter().cloned().chain([sample("models/digits-student.onnx")]).collect();
    let sweep = Sweep { batches: vec![1, 2], ..quick(models) };
    let (points, failures, outcome) = run(&sweep, &launcher());
    let done: Vec<(&str, u64)> =
        points.iter().map(|point| (point.model.as_str(), point.config.batch)).collect();
    assert_eq!(done, [("digits-student.onnx", 1), ("digits-student.onnx", 2)]);
    assert_eq!(outcome, Outcome { finished: 2, failed: 10, cancelled: false });
    // Each bad file is reported, and none by half: those that can be read at all may fail for each batch.
    let mut reported: Vec<PathBuf> = failures.iter().map(|(model, _)| model.clone()).collect();
    // Files that cannot be read come first, the others in the order of the runs.
    reported.sort();
    reported.dedup();
    let mut all: Vec<PathBuf> = bad.to_vec();
    all.sort();
    assert_eq!(reported, all);
    let words = |place: usize| &failures.iter().find(|(model, _)| *model == bad[place]).unwrap().1;
    // ONNX Runtime 1.31.1's words, as its Python package prints them for the same files.
    assert!(words(0).contains("Protobuf parsing failed"), "{failures:?}");
    assert!(words(1).contains("No Op registered for NoSuchOperator"), "{failures:?}");
    assert!(words(2).contains("cannot read the model"), "{failures:?}");
    assert!(!words(3).is_empty() && words(4).contains("this is a folder"), "{failures:?}");
}

#[test]
fn a_provider_that_is_not_there_is_named_with_those_that_are() {
    let sweep = Sweep {
        providers: vec!["CUDA".to_owned(), "CPU".to_owned()],
        ..quick(vec![sample("models/digits-student.onnx")])
    };
    let (points, failures, _) = run(&sweep, &launcher());
    assert_eq!(points.len(), 1);
    assert!(failures[0].1.contains("CUDA") && failures[0].1.contains("CPU"), "{failures:?}");
}

/// A real worker that is made to abort in the middle of its steady state.
#[cfg(unix)]
#[test]
fn a_worker_that_aborts_costs_one_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (script, pid) = (folder.path().join("launch"), folder.path().join("pid"));
    // `exec` keeps the process number, so the file names the worker itself.
    std::fs::write(&script, "echo $$ > \"$1\"\nexec \"$2\" \"$3\"\n").unwrap();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let launcher = Launcher::command(vec!["sh".to_owned(), text(&script), text(&pid), PROGRAM.to_owned()]);
    let sweep =
        Sweep { batches: vec![1, 2, 4], seconds: 1.0, ..quick(vec![sample("models/digits-student.onnx")]) };
    let tools = Tools { launcher: &launcher, runtimes: runtimes() };
    let (mut batches, mut failures) = (Vec::new(), Vec::new());
    let outcome =
        sweep::run(&sweep, Vec::new(), tools, &Fingerprint::default(), &Cancel::new(), &mut |event| {
            match event {
                Event::Progress { now, .. } if now.contains("batch 2") && now.ends_with("measuring") => {
                    let worker = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
                    // It may be gone already when this is reported a second time.
                    let _: Result<(), _> = nix::sys::signal::kill(
                        nix::unistd::Pid::from_raw(worker),
                        nix::sys::signal::Signal::SIGABRT,
                    );
                }
                Event::Ran { point, .. } => batches.push(point.config.batch),
                Event::Failed { message, .. } => failures.push(message),
                Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
            }
        });
    batches.sort_unstable();
    assert_eq!(batches, [1, 4]);
    assert_eq!(outcome, Outcome { finished: 2, failed: 1, cancelled: false });
    assert!(failures[0].contains("was killed by SIGABRT"), "{failures:?}");
}

/// What is left of the app when it is killed: the closed end of a pipe.
#[test]
fn a_worker_whose_app_is_gone_ends_in_the_middle_of_a_measurement() {
    let model = model_file::read(&sample("models/digits-student.onnx")).unwrap();
    let shapes = BTreeMap::from([(model.inputs[0].name.clone(), vec![1, 1, 32, 32])]);
    let request = Request::Bench {
        session: SessionSpec {
            runtime: runtimes()[0].path.clone(),
            model: sample("models/digits-student.onnx"),
            provider: "CPU".to_owned(),
            threads: 1,
            optimisation: Optimisation::All,
        },
        feeds: vec![shapes::feed_of(&model, &shapes, Source::Generated { seed: 7 })],
        load: LoadSpec {
            scenario: Scenario::SingleStream,
            batch: 1,
            instances: 1,
            seconds: 60.0,
            min_queries: 0,
            most_seconds: 60.0,
            seed: 7,
        },
    };
    let mut worker = Command::new(PROGRAM)
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = worker.stdin.take().unwrap();
    writeln!(input, "{}", serde_json::to_string(&request).unwrap()).unwrap();
    let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines().map(Result::unwrap);
    let steady = protocol::Event::Stage { stage: Stage::Steady };
    let mut events = lines.by_ref().filter_map(|line| protocol::event_in(&line)).map(Result::unwrap);
    assert!(events.any(|event| event == steady));
    drop(input);
    // Its output ends with the process; one that went on would say what it measured, a minute later.
    assert_eq!(events.next(), None);
    assert_eq!(worker.wait().unwrap().code(), Some(0));
}

/// Ctrl-C in a terminal signals the workers, too; only the app decides what it means.
#[cfg(unix)]
#[test]
fn an_interrupt_does_not_end_a_worker() {
    let mut worker = launcher().start(&Cancel::new()).unwrap();
    let process = nix::unistd::Pid::from_raw(i32::try_from(worker.pid()).unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    let describe = Request::Describe { runtime: runtimes()[0].path.clone() };
    let answer = worker.ask(&describe, Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap();
    assert!(matches!(answer, protocol::Event::Described { .. }), "{answer:?}");
}

#[test]
fn cancelling_keeps_what_is_done() {
    let sweep = Sweep {
        batches: vec![1, 2],
        seconds: 0.1,
        ..quick(vec![sample("models/digits-student.onnx"), sample("models/digits-cnn.onnx")])
    };
    let cancel = Cancel::new();
    let mut points = 0;
    let tools = Tools { launcher: &launcher(), runtimes: runtimes() };
    let outcome =
        sweep::run(&sweep, Vec::new(), tools, &Fingerprint::default(), &cancel.clone(), &mut |event| {
            match event {
                Event::Ran { .. } => {
                    points += 1;
                    cancel.cancel();
                }
                Event::Started { total } => assert_eq!(total, 4),
                Event::Progress { done, total, seconds_left, .. } => {
                    assert!(done <= total && seconds_left >= 0.0 && seconds_left.is_finite());
                }
                Event::Failed { message, .. } => panic!("{message}"),
                Event::TakenUp(places) => panic!("nothing was measured before, but {places:?}"),
                Event::Ended { .. } => panic!("nothing failed"),
            }
        });
    assert_eq!((points, outcome), (1, Outcome { finished: 1, failed: 0, cancelled: true }));
}

#[test]
fn inputs_come_from_a_file_and_a_wrong_one_is_said() {
    let sweep = Sweep {
        batches: vec![1, 3],
        inputs: Some(sample("digits-test.npz")),
        ..quick(vec![sample("models/digits-student.onnx")])
    };
    let (points, failures, _) = run(&sweep, &launcher());
    assert_eq!(failures, []);
    assert_eq!(points[1].input_shapes["images"], [3, 1, 32, 32]);
    // As `sha256sum` prints it.
    assert!(
        points.iter().all(|point| point.config.inputs.as_deref() == Some("digits-test.npz 51035763e2ac"))
    );

    let text = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(text.path(), "1,2,3\n").unwrap();
    let sweep = Sweep { inputs: Some(text.path().to_owned()), ..sweep };
    let (points, failures, _) = run(&sweep, &launcher());
    assert_eq!((points.len(), failures.len()), (0, 1));
    assert!(failures[0].1.contains("neither a .npy nor a .npz"), "{failures:?}");

    let sweep = Sweep { inputs: Some(PathBuf::from("no-such-file.npz")), ..sweep };
    let (_, failures, outcome) = run(&sweep, &launcher());
    assert_eq!((outcome.finished, outcome.failed), (0, 2));
    assert!(failures[0].1.contains("no-such-file.npz"), "{failures:?}");
}

#[test]
fn dimensions_nobody_set_are_found_by_trying() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("square.onnx");
    std::fs::write(&model, model_adding_a_row(48)).unwrap();
    let (points, failures, _) = run(&quick(vec![model.clone()]), &launcher());
    assert_eq!(failures, []);
    // The model adds a vector of 48: only widths 48 and 1 broadcast with it.
    assert_eq!(points[0].found_dims.get("width"), Some(&points[0].input_shapes["x"][1]));
    assert!([1, 48].contains(&points[0].found_dims["width"]), "{:?}", points[0].found_dims);

    let set =
        Sweep { shapes: vec![BTreeMap::from([("width".to_owned(), 48)])], ..quick(vec![model.clone()]) };
    let (points, _, _) = run(&set, &launcher());
    assert_eq!((points[0].input_shapes["x"].clone(), points[0].found_dims.len()), (vec![1, 48], 0));

    let wrong = Sweep { shapes: vec![BTreeMap::from([("width".to_owned(), 5)])], ..quick(vec![model]) };
    let (_, failures, _) = run(&wrong, &launcher());
    assert!(failures[0].1.contains("48 by 5") || failures[0].1.contains("5 by 48"), "{failures:?}");
}

#[test]
fn a_model_made_for_one_batch_is_measured_at_that_batch_only() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("eight.onnx");
    let bytes = model_file_of(&[
        node("Relu", &["x"], "y"),
        field(11, &fixed_value("x", &[8, 16])),
        field(12, &fixed_value("y", &[8, 16])),
    ]);
    std::fs::write(&model, bytes).unwrap();
    let sweep = Sweep { batches: vec![1, 8, 16], ..quick(vec![model.clone()]) };
    let (points, failures, outcome) = run(&sweep, &launcher());
    assert_eq!(outcome, Outcome { finished: 1, failed: 2, cancelled: false });
    assert_eq!((points[0].config.batch, &points[0].input_shapes["x"]), (8, &vec![8, 16]));
    for (_, message) in &failures {
        assert!(message.contains("made for batches of 8; use --batch 8"), "{failures:?}");
    }
    let tools = Tools { launcher: &launcher(), runtimes: runtimes() };
    let same = agreement::agree(&model, &model, &Question::default(), tools, &Cancel::new()).unwrap();
    // All 8 rows of each inference count.
    assert_eq!((same.samples, same.top1), (8 * agreement::GENERATED_RUNS, Some(1.0)));
}

/// Models that people use: sizes nobody set are found, and the models run.
#[test]
fn the_models_of_rapidocr_and_silero_vad_are_measured_without_any_setting() {
    let ocr = wheels::rapidocr();
    let models = vec![
        ocr.join("ch_PP-OCRv4_det_infer.onnx"),
        ocr.join("ch_PP-OCRv4_rec_infer.onnx"),
        ocr.join("ch_ppocr_mobile_v2.0_cls_infer.onnx"),
        wheels::silero().join("silero_vad.onnx"),
    ];
    let (points, failures, outcome) = run(&quick(models), &launcher());
    assert_eq!(failures, []);
    assert_eq!(outcome, Outcome { finished: 4, failed: 0, cancelled: false });
    for point in &points {
        assert!(!point.found_dims.is_empty(), "{}: {:?}", point.model, point.input_shapes);
        assert!(point.found_dims.values().all(|size| *size > 0));
    }
    // The recogniser's own documentation: pictures are 48 pixels high. The detector halves five times: both sides
    // are multiples of 32. The voice detector takes 512 samples (and 64 of context before them) at 16 kHz.
    let shape = |place: usize, input: &str| points[place].input_shapes[input].clone();
    assert_eq!((shape(0, "x")[2] % 32, shape(0, "x")[3] % 32), (0, 0), "{:?}", shape(0, "x"));
    assert_eq!(shape(1, "x")[..3], [1, 3, 48]);
    assert!([512, 576].contains(&shape(3, "input")[1]), "{:?}", shape(3, "input"));
}

#[test]
fn the_sample_models_have_the_accuracy_that_was_written_down() {
    let numbers: serde_json::Value =
        serde_json::from_slice(&std::fs::read(sample("numbers.json")).unwrap()).unwrap();
    let tools = Tools { launcher: &launcher(), runtimes: runtimes() };
    let question = Question { inputs: Some(sample("digits-test.npz")), ..Question::default() };
    for name in ["digits-cnn.onnx", "digits-cnn-int8.onnx", "digits-student.onnx"] {
        let path = sample("models").join(name);
        let accuracy = agreement::accuracy(&path, &question, tools, &Cancel::new()).unwrap();
        assert_eq!(Some(accuracy.total), numbers["models"][name]["held_out_images"].as_u64(), "{name}");
        assert_eq!(Some(accuracy.right), numbers["models"][name]["correct"].as_u64(), "{name}");
    }
}

#[test]
fn a_quantized_model_agrees_closely_and_a_model_agrees_with_itself() {
    let tools = Tools { launcher: &launcher(), runtimes: runtimes() };
    let (full, int8) = (sample("models/digits-cnn.onnx"), sample("models/digits-cnn-int8.onnx"));
    let same = agreement::agree(&full, &full, &Question::default(), tools, &Cancel::new()).unwrap();
    assert!(same.max_abs == 0.0 && (same.cosine - 1.0).abs() < 1e-12, "{same:?}");
    assert_eq!((same.top1, same.samples, same.accuracy_a), (Some(1.0), agreement::GENERATED_RUNS, None));

    let labelled = Question { inputs: Some(sample("digits-test.npz")), ..Question::default() };
    let close = agreement::agree(&full, &int8, &labelled, tools, &Cancel::new()).unwrap();
    assert_eq!(close.samples, 500);
    assert!(close.max_abs > 0.0 && close.cosine > 0.99, "{close:?}");
    // Each is right on 496 of 500, so they can differ on 8 at most.
    assert!(close.top1.unwrap() >= 492.0 / 500.0, "{close:?}");
    assert_eq!((close.accuracy_a, close.accuracy_b), (Some(0.992), Some(0.992)));
}

#[test]
fn models_with_other_inputs_cannot_be_compared_and_it_is_said_why() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.onnx");
    std::fs::write(&other, model_adding_a_row(48)).unwrap();
    let tools = Tools { launcher: &launcher(), runtimes: runtimes() };
    let error = agreement::agree(
        &sample("models/digits-cnn.onnx"),
        &other,
        &Question::default(),
        tools,
        &Cancel::new(),
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("other.onnx") && error.contains("shape"), "{error}");
}

#[test]
fn without_a_runtime_offline_says_both_ways_out() {
    let empty = tempfile::tempdir().unwrap();
    let search = Search { data_folder: Some(empty.path().to_owned()), ..Search::default() };
    let cpu = ["CPU".to_owned()];
    let error = runtime::ensure(&search, &launcher(), &cpu, true, &Cancel::new(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, RuntimeError::Offline { .. }));
    let words = error.to_string();
    assert!(words.contains("inferometer runtime install") && words.contains("--runtime"), "{words}");
    assert!(words.contains("ORT_DYLIB_PATH"), "{words}");

    let search = Search { pythons: vec!["no-such-python".to_owned()], ..search };
    let words = runtime::ensure(&search, &launcher(), &cpu, false, &Cancel::new(), &mut |_| ())
        .unwrap_err()
        .to_string();
    assert!(words.contains("pip") && words.contains("--runtime"), "{words}");
}

#[test]
fn a_named_library_that_is_none_is_an_error_and_a_found_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let name = runtimes()[0].path.file_name().unwrap();
    let fake = folder.path().join(name);
    std::fs::write(&fake, "not a library").unwrap();
    let real = runtimes()[0].path.clone();
    let cpu = ["CPU".to_owned()];
    let named = Search { setting: Some(fake), ..Search::default() };
    let words = runtime::ensure(&named, &launcher(), &cpu, true, &Cancel::new(), &mut |_| ())
        .unwrap_err()
        .to_string();
    assert!(words.contains("the setting") && words.contains("cannot load ONNX Runtime"), "{words}");

    let both = Search {
        system_folders: vec![folder.path().to_owned(), real.parent().unwrap().to_owned()],
        ..Search::default()
    };
    let mut said = Vec::new();
    let usable = runtime::ensure(&both, &launcher(), &cpu, true, &Cancel::new(), &mut |line| {
        said.push(line.to_owned());
    })
    .unwrap();
    assert_eq!((usable.len(), usable[0].origin, &usable[0].path), (1, Origin::System, &real));
    assert!(said[0].starts_with("passing over"), "{said:?}");
    let listed = runtime::list(&both, &launcher(), &Cancel::new()).unwrap();
    assert_eq!(listed.iter().map(|found| found.problem.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(listed[1].version.as_deref(), Some("1.31.1"));
    assert!(listed[1].providers.contains(&"CPU".to_owned()));
}

/// Official builds send usage data unless told not to, and leave a device id in the home folder when they do.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_leaves_nothing_in_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let set = format!("HOME={}", home.path().display());
    let launcher = Launcher::command(
        ["env", "-u", "XDG_CACHE_HOME", "-u", "ORT_DISABLE_TELEMETRY", &set, PROGRAM]
            .map(str::to_owned)
            .to_vec(),
    );
    let (points, failures, _) = run(&quick(vec![sample("models/digits-student.onnx")]), &launcher);
    assert_eq!((points.len(), failures.len()), (1, 0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

// ONNX files of our own, written field by field (onnx.proto3: field numbers as comments there have them).

pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

pub(crate) fn number(field_number: u8, value: u8) -> Vec<u8> {
    assert!(value < 0x80);
    vec![field_number << 3, value]
}

/// A `ModelProto` of opset 17 around the fields of a `GraphProto`.
pub(crate) fn model_file_of(graph: &[Vec<u8>]) -> Vec<u8> {
    let graph = [field(2, b"g"), graph.concat()].concat();
    let opset = [field(1, b""), number(2, 17)].concat();
    [number(1, 8), field(7, &graph), field(8, &opset)].concat()
}

pub(crate) fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
    node.extend(field(2, output.as_bytes()));
    node.extend(field(3, b"n"));
    node.extend(field(4, operator.as_bytes()));
    field(1, &node)
}

/// `ValueInfoProto` of float32 with dimensions by name.
pub(crate) fn value(name: &str, dims: &[&str]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| field(1, &field(2, dim.as_bytes()))).collect();
    let tensor = [number(1, 1), field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// `ValueInfoProto` of float32 with dimensions by size.
fn fixed_value(name: &str, dims: &[u8]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|dim| field(1, &number(1, *dim))).collect();
    let tensor = [number(1, 1), field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

fn model_with_operator(operator: &str) -> Vec<u8> {
    model_file_of(&[
        node(operator, &["x"], "y"),
        field(11, &value("x", &["batch", "width"])),
        field(12, &value("y", &["batch", "width"])),
    ])
}

/// y = x + row, where row has `width` elements: x must have that width, or 1.
fn model_adding_a_row(width: u8) -> Vec<u8> {
    let zeros = vec![0_u8; usize::from(width) * 4];
    let row = [number(1, width), number(2, 1), field(8, b"row"), field(9, &zeros)].concat();
    model_file_of(&[
        node("Add", &["x", "row"], "y"),
        field(5, &row),
        field(11, &value("x", &["batch", "width"])),
        field(12, &value("y", &["batch", "out"])),
    ])
}
