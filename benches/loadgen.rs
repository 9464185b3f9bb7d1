//! This program against MLPerf `LoadGen` 6.0.17, both driving the same model in the same minute: the p90 of
//! SingleStream and the samples per second of Offline. The goal is a ratio within 3 % of 1.
//!
//! `LoadGen` drives ONNX Runtime's Python package by `loadgen.py` beside this file; this program loads the library
//! out of that same package, so that both run one build. Same inputs, same session settings, one thread, runs in the
//! order ABBA and BAAB by turns: short ones, since a shared machine changes its speed by a third within a minute. Ours
//! have a fresh process each, `LoadGen` one for every few rounds. The clock is read around each inference inside
//! `LoadGen`'s runs, too, and some runs have nothing to infer: that says how much of a difference is `LoadGen` and its
//! callback in Python. Rounds in which another program took the CPU from a run are not counted, and others made
//! instead. Before all that, one run with every sample kept checks that percentiles and bounds are defined alike: ours
//! of its samples must be its own.
//!
//! ```text
//! python3.11 -m venv venv && venv/bin/pip install mlcommons-loadgen==6.0.17 onnxruntime==1.31.1 numpy
//! INFEROMETER_PYTHON=$PWD/venv/bin/python cargo bench --profile release --bench loadgen
//! ```
//!
//! `MODEL`, `SCENARIOS=SingleStream,Offline`, `BATCHES=1,8`, `REPEATS=40` and `SECONDS=0.4` may be set; `SUT=run` lets `LoadGen` call `session.run`
//! instead of running with bound inputs and outputs.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails stops")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::import::{self, Foreign, Quantity, Statistic, Validity};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::protocol::Source;
use inferometer::measure::runtime::{self, Found, Search};
use inferometer::measure::stats::quantile::interval_ranks;
use inferometer::measure::stats::{Percentile, early_stopping};
use inferometer::measure::sweep::{self, Effort, Event, Sweep, Tools};
use inferometer::measure::{Scenario, inputs, model_file, shapes};
use inferometer::model::inputs::TensorData;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const SEED: u64 = 7;
/// Rounds tried at most, for each that is to be counted.
const MOST_ROUNDS: usize = 2;
/// Times that a run without a p90 is made.
const RUNS_TRIED: usize = 3;
/// Rounds that one process of `LoadGen` runs: where in memory a session lies makes a difference, too.
const ROUNDS_IN_PROCESS: usize = 5;
/// Rounds that also have a run of `LoadGen` with nothing to run.
const EXPLAINED_ROUNDS: usize = 5;
/// Resamples of the bootstrap.
const RESAMPLES: usize = 1_000;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/loadgen.py");
const WHERE: &str = "INFEROMETER_PYTHON names no Python that has LoadGen; make one and name it:\n\
    python3.11 -m venv venv && venv/bin/pip install mlcommons-loadgen==6.0.17 onnxruntime==1.31.1 numpy\n\
    INFEROMETER_PYTHON=$PWD/venv/bin/python cargo bench --profile release --bench loadgen";

fn main() {
    let Ok(python) = std::env::var("INFEROMETER_PYTHON") else {
        println!("{WHERE}");
        return;
    };
    let repeats: usize = setting("REPEATS", 40);
    let seconds: f64 = setting("SECONDS", 0.4);
    let batches: String = setting("BATCHES", "1,8".to_owned());
    let scenarios: String = setting("SCENARIOS", "SingleStream,Offline".to_owned());
    let way: String = setting("SUT", "binding".to_owned());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models/digits-cnn.onnx");
    let model: PathBuf = std::env::var_os("MODEL").map_or(sample, PathBuf::from);
    let launcher = Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]);
    let runtimes = runtimes(&python, &launcher);
    let tools = Tools { launcher: &launcher, runtimes: &runtimes };
    for batch in batches.split(',') {
        let batch = batch.trim().parse().unwrap();
        let bench = Bench {
            python: &python,
            way: &way,
            tools,
            model: &model,
            batch,
            seconds,
            script: RefCell::default(),
        };
        bench.check_definitions();
        for scenario in [Scenario::SingleStream, Scenario::Offline] {
            if scenarios.split(',').any(|wanted| *wanted == scenario.to_string()) {
                bench.compare(&scenario, repeats);
            }
        }
    }
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The library in the package that Python uses.
fn runtimes(python: &str, launcher: &Launcher) -> Vec<Found> {
    let search = Search { pythons: vec![python.to_owned()], ..Search::default() };
    let cpu = ["CPU".to_owned()];
    let found =
        runtime::ensure(&search, launcher, &cpu, true, &Cancel::new(), &mut |line| println!("{line}"));
    let found = found.unwrap_or_else(|error| panic!("{error}\n{WHERE}"));
    println!("ONNX Runtime {} at {}", found[0].version.as_deref().unwrap_or("?"), found[0].path.display());
    found
}

/// One model with one batch, to be driven by both.
struct Bench<'a> {
    python: &'a str,
    way: &'a str,
    tools: Tools<'a>,
    model: &'a Path,
    batch: u64,
    seconds: f64,
    script: RefCell<Option<Script>>,
}

/// `loadgen.py`, running.
struct Script {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Script {
    fn start(python: &str) -> Self {
        let mut command = Command::new(python);
        command.arg(SCRIPT).env("ORT_DISABLE_TELEMETRY", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.spawn();
        let mut child = started.unwrap_or_else(|error| panic!("cannot start {python}: {error}\n{WHERE}"));
        let (asks, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, asks, answers }
    }

    fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.asks, "{asked}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("loadgen.py ended; see above\n{WHERE}"))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Bench<'_> {
    /// `LoadGen`'s own percentiles and bound of a run must be ours of its samples, to the nanosecond.
    fn check_definitions(&self) {
        let run = self.loadgen("SingleStream", self.way, true);
        let mut sorted = run.log.samples[0].nanos.clone();
        sorted.sort_unstable();
        let said = |statistic| run.log.value(&Quantity::Latency, statistic);
        for (percentile, share) in [(Percentile::P50, 50.0), (Percentile::P90, 90.0), (Percentile::P99, 99.0)]
        {
            let ours = percentile.of_as_loadgen(&sorted).map(|nanos| nanos as f64);
            assert_eq!(ours, said(Statistic::Percentile(share)), "p{share} of {} samples", sorted.len());
        }
        let bound = early_stopping::bound(&sorted, Percentile::P90).map(|bound| bound.nanos as f64);
        assert_eq!(bound, said(Statistic::EarlyStopping(90.0)), "early stopping, {} samples", sorted.len());
        println!(
            "\nbatch {}: of the {} samples of a LoadGen run, our p50, p90, p99 and early-stopping bound are its own",
            self.batch,
            sorted.len()
        );
    }

    fn compare(&self, scenario: &Scenario, repeats: usize) {
        let single = scenario.is_single_stream();
        let (word, unit) = if single { ("p90", "us") } else { ("samples per second", "/s") };
        println!(
            "\n{}, batch {}, {scenario}, {word}, 1 thread, runs of {} s",
            file(self.model),
            self.batch,
            self.seconds
        );
        let mut rounds: Vec<Round> = Vec::new();
        let quiet = |rounds: &[Round]| rounds.iter().filter(|round| round.is_quiet()).count();
        while quiet(&rounds) < repeats && rounds.len() < MOST_ROUNDS * repeats {
            let round = self.round(scenario, rounds.len());
            println!(
                "  {:>2}: inferometer {:>9.2} {unit}, LoadGen {:>9.2} {unit}, ratio {:.4}{}",
                rounds.len() + 1,
                mean(&round.ours),
                mean(&round.theirs),
                round.ratio(),
                if round.is_quiet() { "" } else { "  (not counted: the machine was busy)" }
            );
            rounds.push(round);
        }
        report(&rounds, single, unit);
    }

    fn round(&self, scenario: &Scenario, number: usize) -> Round {
        let single = scenario.is_single_stream();
        let name = scenario.to_string();
        let mut round = Round::default();
        if number.is_multiple_of(ROUNDS_IN_PROCESS) {
            self.script.take();
        }
        for place in 0..4 {
            // ABBA, then BAAB.
            let ours_first = [0, 3].contains(&place);
            if ours_first == number.is_multiple_of(2) {
                // A run may be disturbed for so long that too little of it is steady.
                let mut tries = (0..RUNS_TRIED).filter_map(|_| self.inferometer(scenario));
                let (figure, cpu, nanos) =
                    tries.next().expect("steady runs are too short for p90; set SECONDS higher");
                round.ours.push(figure);
                round.our_nanos.extend(nanos);
                round.cpu_shares.push(cpu);
            } else {
                let run = self.loadgen(&name, self.way, single);
                round.theirs.push(run.figure(single));
                round.their_nanos.extend(run.log.samples.iter().flat_map(|samples| &samples.nanos));
                round.inner.push(run.inner_figure(single, self.batch));
                round.cpu_shares.push(run.cpu_share);
                round.invalid += usize::from(matches!(run.log.validity, Validity::Invalid(_)));
            }
        }
        if number < EXPLAINED_ROUNDS {
            let nothing = self.loadgen(&name, "nothing", false).figure(single);
            round.nothing =
                Some(if single { nothing / mean(&round.theirs) } else { mean(&round.theirs) / nothing });
        }
        round
    }

    /// p90 in microseconds, or items a second, as `bench` gives them for one run, and its CPU time ÷ its wall time;
    /// and its steady latencies in nanoseconds; `None` with too few samples.
    fn inferometer(&self, scenario: &Scenario) -> Option<(f64, f64, Vec<u64>)> {
        let sweep = Sweep {
            models: vec![self.model.to_owned()],
            batches: vec![self.batch],
            scenarios: vec![scenario.clone()],
            seconds: self.seconds,
            effort: Effort::runs(1),
            seed: SEED,
            ..Sweep::default()
        };
        let mut found = None;
        let mut on_event = |event| match event {
            Event::Ran { summary, run, .. } => {
                let p90_us = summary.p90.ms.map(|ms| ms * 1e3);
                let figure =
                    if scenario.is_single_stream() { p90_us } else { Some(summary.throughput_per_second) };
                let cpu = run.measured.cpu_nanos.unwrap() as f64 / run.measured.wall_nanos as f64;
                found = figure.map(|figure| (figure, cpu, run.steady_nanos().to_vec()));
            }
            Event::Failed { message, .. } => panic!("{message}"),
            Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
        };
        sweep::run(&sweep, Vec::new(), self.tools, &Fingerprint::default(), &Cancel::new(), &mut on_event);
        found
    }

    /// A run of `LoadGen`, as our own reader reads its log.
    fn loadgen(&self, scenario: &str, way: &str, trace: bool) -> Driven {
        let folder = tempfile::tempdir().unwrap();
        let answer = self.script(folder.path(), scenario, way, trace);
        let mut read = import::read(&folder.path().join("mlperf_log_detail.txt")).unwrap();
        let log = read.remove(0).results.remove(0);
        assert_eq!(log.scenario.as_deref(), Some(scenario));
        let version = log.tool_version.as_deref().unwrap_or("?");
        assert!(version.starts_with("6.0"), "LoadGen {version} instead of 6.0.17\n{WHERE}");
        let mut nanos: Vec<u64> = serde_json::from_value(answer["nanos"].clone()).unwrap();
        nanos.sort_unstable();
        Driven { log, cpu_share: answer["cpu_share"].as_f64().unwrap(), nanos }
    }

    fn script(&self, out: &Path, scenario: &str, way: &str, trace: bool) -> Value {
        let asked = json!({
            "model": self.model,
            "inputs": self.inputs(out),
            "batch": self.batch,
            "seconds": self.seconds,
            "scenario": scenario,
            "way": way,
            "trace": trace,
            "out": out,
        });
        let mut script = self.script.borrow_mut();
        let answer = script.get_or_insert_with(|| Script::start(self.python)).ask(&asked);
        assert_eq!(answer["onnxruntime"].as_str(), self.tools.runtimes[0].version.as_deref());
        answer
    }

    /// The inputs that the worker makes, as files.
    fn inputs(&self, folder: &Path) -> Vec<Value> {
        let model = model_file::read(self.model).unwrap();
        let resolution = shapes::resolve(&model, self.batch, &BTreeMap::new(), None).unwrap();
        let shapes = resolution.shapes(&BTreeMap::new()).unwrap();
        let tensors =
            inputs::tensors(&shapes::feed_of(&model, &shapes, Source::Generated { seed: SEED })).unwrap();
        let file = |(place, tensor): (usize, inferometer::model::inputs::Tensor)| {
            let (kind, bytes): (&str, Vec<u8>) = match tensor.data {
                TensorData::F32(values) => {
                    ("<f4", values.iter().flat_map(|value| value.to_le_bytes()).collect())
                }
                TensorData::I64(values) => {
                    ("<i8", values.iter().flat_map(|value| value.to_le_bytes()).collect())
                }
                TensorData::I32(values) => {
                    ("<i4", values.iter().flat_map(|value| value.to_le_bytes()).collect())
                }
                TensorData::U8(values) => ("u1", values),
                TensorData::Bool(values) => ("?", values.into_iter().map(u8::from).collect()),
                other => panic!("inputs of type {:?} are not handed to Python yet", other.element()),
            };
            let file = folder.join(format!("input-{place}"));
            std::fs::write(&file, bytes).unwrap();
            json!({"name": tensor.name, "file": file, "type": kind, "shape": tensor.shape})
        };
        tensors.into_iter().enumerate().map(file).collect()
    }
}

/// A run of `LoadGen`.
struct Driven {
    log: Foreign,
    /// CPU time ÷ wall time.
    cpu_share: f64,
    /// The inferences alone, sorted.
    nanos: Vec<u64>,
}

impl Driven {
    /// p90 in microseconds, or samples a second.
    fn figure(&self, single: bool) -> f64 {
        if single {
            self.log.value(&Quantity::Latency, Statistic::Percentile(90.0)).unwrap() / 1e3
        } else {
            self.log.value(&Quantity::Throughput, Statistic::Value).unwrap()
        }
    }

    /// The same of the inferences alone.
    fn inner_figure(&self, single: bool, batch: u64) -> f64 {
        if single {
            Percentile::P90.of(&self.nanos).unwrap() as f64 / 1e3
        } else {
            (self.nanos.len() as u64 * batch) as f64 / (self.nanos.iter().sum::<u64>() as f64 / 1e9)
        }
    }
}

/// Two runs of each, and what the difference is made of.
#[derive(Default)]
struct Round {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    /// Latencies of each query of both runs, in nanoseconds; of SingleStream.
    our_nanos: Vec<u64>,
    their_nanos: Vec<u64>,
    /// How much of a CPU each run had.
    cpu_shares: Vec<f64>,
    /// How many runs `LoadGen` called invalid.
    invalid: usize,
    /// The inferences alone of `LoadGen`'s runs.
    inner: Vec<f64>,
    /// `LoadGen` with nothing to run, as a share of what it counts.
    nothing: Option<f64>,
}

impl Round {
    fn ratio(&self) -> f64 {
        mean(&self.ours) / mean(&self.theirs)
    }

    fn inner_ratio(&self) -> f64 {
        mean(&self.ours) / mean(&self.inner)
    }

    /// The inference's share of what `LoadGen` counts.
    fn inner_share(&self, single: bool) -> f64 {
        let share = mean(&self.inner) / mean(&self.theirs);
        if single { share } else { 1.0 / share }
    }

    /// Nobody took the CPU away: a p90 among others' work is theirs, not the model's.
    fn is_quiet(&self) -> bool {
        self.cpu_shares.iter().all(|share| *share >= 0.97)
    }
}

/// What the rounds say.
fn report(rounds: &[Round], single: bool, unit: &str) {
    let quiet: Vec<&Round> = rounds.iter().filter(|round| round.is_quiet()).collect();
    let counted = if quiet.is_empty() { rounds.iter().collect() } else { quiet.clone() };
    if quiet.is_empty() {
        println!("  the machine was busy in every round: all are counted, and say little");
    }
    let [ours, theirs] = [|round: &Round| round.ours.clone(), |round: &Round| round.theirs.clone()]
        .map(|side| sorted(counted.iter().flat_map(|round| side(round)).collect()));
    println!(
        "  {} of {} rounds counted; medians: inferometer {:.2} {unit}, LoadGen {:.2} {unit}",
        counted.len(),
        rounds.len(),
        median(&ours),
        median(&theirs)
    );
    // Others' work only ever makes a run slower.
    let best = |values: &[f64]| if single { values[0] } else { values[values.len() - 1] };
    println!(
        "  best run of each: inferometer {:.2} {unit}, LoadGen {:.2} {unit}, ratio {:.4}",
        best(&ours),
        best(&theirs),
        best(&ours) / best(&theirs)
    );
    for (name, ratio) in [
        ("LoadGen", Round::ratio as fn(&Round) -> f64),
        ("the inferences alone inside LoadGen's runs", Round::inner_ratio),
    ] {
        let ratios = sorted(counted.iter().map(|round| ratio(round)).collect());
        let ranks = interval_ranks(Percentile::P50, ratios.len(), 0.95);
        let bound = |rank: Option<usize>| rank.map_or(f64::NAN, |rank| ratios[rank - 1]);
        let (low, high) = (bound(ranks.low), bound(ranks.high));
        let interval = if low.is_nan() {
            "too few rounds for an interval".to_owned()
        } else {
            format!("95 % {low:.4} to {high:.4}")
        };
        println!("  inferometer / {name}: {:.4}, {interval}: {}", median(&ratios), verdict(low, high));
    }
    let (ratio, low, high) = together(&counted, single);
    println!(
        "  inferometer / LoadGen, all queries of each taken as one run: {ratio:.4}, 95 % {low:.4} to {high:.4}: {}",
        verdict(low, high)
    );
    let shares = sorted(counted.iter().map(|round| round.inner_share(single)).collect());
    let nothing = sorted(rounds.iter().filter_map(|round| round.nothing).collect());
    println!(
        "  of what LoadGen counts, the inference is {:.2} %; with nothing to run it counts {:.2} % of it",
        100.0 * median(&shares),
        100.0 * median(&nothing)
    );
    let invalid: usize = counted.iter().map(|round| round.invalid).sum();
    if invalid > 0 {
        println!("  LoadGen called {invalid} of its {} runs too short", 2 * counted.len());
    }
}

fn verdict(low: f64, high: f64) -> &'static str {
    if low >= 0.97 && high <= 1.03 {
        "within 3 %"
    } else if high < 0.97 || low > 1.03 {
        "NOT within 3 %"
    } else {
        "3 % not decided: take more rounds, or a quieter machine"
    }
}

/// The ratio of p90 of all queries, or of samples per second of all runs, with its 95 % interval from a bootstrap
/// over rounds. A short run falls into a fast or a slow spell of a shared machine, and its p90 with it; all together
/// saw both.
fn together(rounds: &[&Round], single: bool) -> (f64, f64, f64) {
    let side = |rounds: &[&Round], nanos: fn(&Round) -> &[u64], figures: fn(&Round) -> &[f64]| {
        if single {
            let mut all: Vec<u64> = rounds.iter().flat_map(|round| nanos(round)).copied().collect();
            all.sort_unstable();
            Percentile::P90.of(&all).unwrap() as f64
        } else {
            let all: Vec<f64> = rounds.iter().flat_map(|round| figures(round)).copied().collect();
            mean(&all)
        }
    };
    let ratio = |rounds: &[&Round]| {
        side(rounds, |round| &round.our_nanos, |round| &round.ours)
            / side(rounds, |round| &round.their_nanos, |round| &round.theirs)
    };
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let drawn = (0..RESAMPLES).map(|_| {
        let again: Vec<&Round> =
            rounds.iter().map(|_| rounds[random.random_range(0..rounds.len())]).collect();
        ratio(&again)
    });
    let drawn = sorted(drawn.collect());
    (ratio(rounds), drawn[RESAMPLES / 40], drawn[RESAMPLES - 1 - RESAMPLES / 40])
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The middle of sorted values; NaN of none.
fn median(sorted: &[f64]) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    } else {
        sorted[middle]
    }
}

fn file(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
