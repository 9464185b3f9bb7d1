//! How far a model seems to differ from itself: measured twice one after the other, and run in turn.
//!
//! The goal is a false difference of medians under 1 % in 19 of 20 interleaved comparisons on a 2-core machine under
//! load. Both ways get the same time.
//!
//! ```text
//! cargo bench --bench aa                             # REPEATS=20 SECONDS=2 by default
//! MODEL=model.onnx cargo bench --bench aa
//! ```
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::duel::{self, Settings, Side};
use inferometer::measure::launcher::Launcher;
use inferometer::measure::runtime::{self, Search};
use inferometer::measure::stats::Percentile;
use inferometer::measure::sweep::{self, Effort, Event, Sweep, Tools};
use inferometer::measure::{Config, Optimisation, Scenario};

fn main() {
    let repeats: u64 = setting("REPEATS", 20);
    let seconds: f64 = setting("SECONDS", 2.0);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models/digits-cnn.onnx");
    let model: PathBuf = std::env::var_os("MODEL").map_or(sample, PathBuf::from);
    let launcher = Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]);
    let runtimes = runtime::ensure(
        &Search::of_this_machine(None),
        &launcher,
        &["CPU".to_owned()],
        false,
        &Cancel::new(),
        &mut |line| println!("{line}"),
    )
    .unwrap();
    let tools = Tools { launcher: &launcher, runtimes: &runtimes };
    println!("{}, {repeats} comparisons with itself of {seconds} s each way", model.display());
    let (mut sequential, mut interleaved) = (Vec::new(), Vec::new());
    for repeat in 0..repeats {
        // In turn, too: both ways meet the same machine.
        let one_after_the_other = median(tools, &model, seconds / 2.0) / median(tools, &model, seconds / 2.0);
        let in_turn = in_turn(tools, &model, seconds, repeat);
        println!("  {:>2}: one after the other {one_after_the_other:.4}, in turn {in_turn:.4}", repeat + 1);
        sequential.push(one_after_the_other);
        interleaved.push(in_turn);
    }
    for (name, ratios) in [("one after the other", sequential), ("in turn", interleaved)] {
        let mut differences: Vec<f64> = ratios.iter().map(|ratio| ratio.ln().abs().exp_m1()).collect();
        differences.sort_by(f64::total_cmp);
        let within = differences.iter().filter(|difference| **difference < 0.01).count();
        println!(
            "{name:<20} under 1 %: {within} of {}; false difference: median {:.2} %, largest {:.2} %",
            ratios.len(),
            100.0 * differences[differences.len() / 2],
            100.0 * differences[differences.len() - 1]
        );
    }
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The median latency of one run, in nanoseconds.
fn median(tools: Tools<'_>, model: &Path, seconds: f64) -> f64 {
    let sweep =
        Sweep { models: vec![model.to_owned()], seconds, effort: Effort::runs(1), ..Sweep::default() };
    let mut latencies = Vec::new();
    let mut on_event = |event| match event {
        Event::Ran { run, .. } => latencies = run.steady_nanos().to_vec(),
        Event::Failed { message, .. } => panic!("{message}"),
        Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
    };
    sweep::run(&sweep, Vec::new(), tools, &Fingerprint::default(), &Cancel::new(), &mut on_event);
    latencies.sort_unstable();
    Percentile::P50.of(&latencies).unwrap() as f64
}

/// The ratio of medians of a model and itself, run in turn.
fn in_turn(tools: Tools<'_>, model: &Path, seconds: f64, seed: u64) -> f64 {
    let config = Config {
        batch: 1,
        threads: 1,
        provider: "CPU".to_owned(),
        dims: BTreeMap::new(),
        seconds: 0.0,
        min_queries: 0,
        seed: 0,
        inputs: None,
        instances: 1,
        optimisation: Optimisation::All,
        scenario: Scenario::SingleStream,
    };
    let side = Side { model: model.to_owned(), config, inputs: None, library: None };
    // As many processes as a race has by default, and no early end: all the time is used.
    let settings = Settings { seconds, within: 1e-9, seed, ..Settings::default() };
    let outcome =
        duel::run(&side, None, &settings, tools, &Fingerprint::default(), &Cancel::new(), &mut |_| ());
    outcome.duel.unwrap().same[0].estimate.unwrap().ratio
}
