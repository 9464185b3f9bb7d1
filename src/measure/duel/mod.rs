//! A against B: two models, or one model under two configurations, run in turn.
//!
//! Measured one after the other, the same model differs from itself by up to a fifth on a shared machine; in turn by
//! less than a hundredth. So A and B are loaded in one process (where they use the same ONNX Runtime) and take turns
//! of an inference or two, in rounds of random order. Two sessions of one model, too, differ by up to a hundredth,
//! by where in memory they lie: so sessions are created anew several times in a process, in random order, and in
//! several processes; such a set of sessions is the unit of the statistics. And A runs once more as a third lane,
//! against which A must not differ: what it seems to differ by is this machine's resolution, and differences of B
//! below it are not decided. The arithmetic is in [`super::stats::ratio`].
//!
//! Must not know the project, the window or the command line.

mod order;
mod run;
mod runner;
mod stop;
mod turns;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Config;
use super::stats::{Decision, Estimate, Ratio};
use crate::hardware::Fingerprint;
pub use run::{Event, Outcome, run};
pub(super) use turns::Set;

/// One of the two: a model and how it is run. The scenario must be SingleStream with one session; how long a
/// configuration is measured plays no part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The model file.
    pub model: PathBuf,
    /// How it is run; [`Config::inputs`] is filled in.
    pub config: Config,
    /// A `.npy` or `.npz` file whose first items are the inputs; `None` = generated from the configuration's seed.
    #[serde(default)]
    pub inputs: Option<PathBuf>,
    /// The ONNX Runtime library, by its path on the machine that runs it; `None` = the one chosen for the provider.
    #[serde(default)]
    pub library: Option<PathBuf>,
}

/// How long and how precise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Fresh processes, at least; more are started while time is left and the interval is too wide.
    pub groups: u32,
    /// Time for blocks, in seconds; loading and warming up come on top, and the few rounds without which nothing can
    /// be decided are run in any case.
    pub seconds: f64,
    /// Half-width of the ratio of medians' 95 % interval that is narrow enough, as a share of it.
    pub within: f64,
    /// Run A against itself, too, which tells the machine's resolution.
    pub self_test: bool,
    /// Seed of the random order.
    pub seed: u64,
}

impl Default for Settings {
    /// 20 s in four processes or more, ±1 %.
    fn default() -> Self {
        Self { groups: 4, seconds: 20.0, within: 0.01, self_test: true, seed: 1 }
    }
}

/// The longest race one may ask for, in seconds: an hour.
const LONGEST_SECS: f64 = 3_600.0;
/// Most processes one may ask for.
const MOST_GROUPS: u32 = 100;

impl Settings {
    /// Refuses what cannot be done.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        let Self { groups, seconds, within, self_test: _, seed: _ } = *self;
        if !(1..=MOST_GROUPS).contains(&groups) {
            return Err(format!("{groups} processes cannot race; give 1 to {MOST_GROUPS}"));
        }
        if !(seconds.is_finite() && seconds > 0.0 && seconds <= LONGEST_SECS) {
            return Err(format!(
                "{seconds} seconds cannot be raced; give more than 0 and at most {LONGEST_SECS}"
            ));
        }
        if !(within.is_finite() && within > 0.0) {
            return Err(format!("{within} is no width to stop at; give a number above 0"));
        }
        Ok(())
    }
}

/// What ran, and how fast it was by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// File name of the model.
    pub model: String,
    /// The model's identity ([`crate::model::Model::sha256`]).
    pub model_sha256: String,
    /// How it was run.
    pub config: Config,
    /// Shapes of its inputs.
    pub input_shapes: BTreeMap<String, Vec<u64>>,
    /// Values of dynamic dimensions that nobody set.
    pub found_dims: BTreeMap<String, u64>,
    /// ONNX Runtime's version.
    pub runtime_version: String,
    /// Its library, where one was named.
    #[serde(default)]
    pub library: Option<PathBuf>,
    /// Inferences that count.
    pub samples: u64,
    /// Their median latency, in milliseconds; `None` without any. For orientation: the ratio is not made from it.
    pub p50_ms: Option<f64>,
    /// Items per second while its blocks ran; `None` without any.
    pub items_per_second: Option<f64>,
    /// Time to create its session in each process, in nanoseconds.
    pub load_nanos: Vec<u64>,
}

impl Contender {
    /// What tells it from others: [`side_key`].
    pub fn key(&self) -> String {
        side_key(&self.model_sha256, &self.config, self.library.as_deref())
    }
}

/// What tells one side of a race from others: the model by hash, how it is run, on which inputs, and the library where
/// one is named.
pub fn side_key(model_sha256: &str, config: &Config, library: Option<&Path>) -> String {
    let inputs = config.inputs.as_ref().map_or_else(String::new, |inputs| format!(" on {inputs}"));
    let with = library.map_or_else(String::new, |path| format!(" with {}", path.display()));
    format!("{model_sha256} {}{inputs}{with}", config.key())
}

/// Why no more was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The interval is as narrow as asked.
    Precise,
    /// The time is up.
    TimeUp,
    /// Somebody stopped it.
    Stopped,
    /// A worker failed, in its own words.
    Broken(String),
}

/// A race of A against B, or of A against itself alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Duel {
    /// The side compared with.
    pub a: Contender,
    /// The side compared; `None` where only the machine's resolution was asked for.
    pub b: Option<Contender>,
    /// How many times as fast B is as A, for p50, p90 and p99; empty without B. Per item where the batches differ.
    pub ratios: Vec<Ratio>,
    /// A against itself, for the same percentiles; empty without a self-test.
    pub same: Vec<Ratio>,
    /// What ran against itself: A, or B where the race is told from the other side.
    pub tested: String,
    /// Smallest relative difference of medians that this machine can tell, from `same`.
    pub resolution: Option<f64>,
    /// The verdict in a sentence.
    pub sentence: String,
    /// Blocks.
    pub pairs: u64,
    /// Processes.
    pub groups: u32,
    /// Sets of sessions, over all processes; 0 in races of versions that created one set a process.
    #[serde(default)]
    pub sets: u32,
    /// Time its blocks took, in seconds.
    pub seconds: f64,
    /// Why it ended.
    pub ended: End,
    /// What was asked.
    pub settings: Settings,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// How that machine was reached: empty for this one, else the command prefix.
    pub target: String,
    /// Seconds since 1970-01-01 UTC at its start.
    pub started_unix_secs: u64,
    /// The latencies, block by block; empty where they are kept elsewhere.
    #[serde(default)]
    pub rounds: Vec<Round>,
    /// Only each so-many-th latency of a block is in `rounds`, from the first on; 1 = all. The ratios are from all.
    #[serde(default = "one")]
    pub thinned: u64,
}

fn one() -> u64 {
    1
}

/// A block: for a while, all took turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Which process, counted from 0.
    pub group: u32,
    /// Which set of sessions, counted from 0 over all processes.
    #[serde(default)]
    pub set: u32,
    /// Latencies of A in nanoseconds, in order.
    pub a: Vec<u64>,
    /// Of B; empty without B.
    pub b: Vec<u64>,
    /// Of A once more; empty without a self-test.
    pub again: Vec<u64>,
}

impl Duel {
    /// What tells this race from others: both models, how they were run, on what, on which machine and how that was
    /// reached. The same from either side.
    pub fn key(&self) -> String {
        let mut sides = [self.a.key(), self.b.as_ref().map_or_else(String::new, Contender::key)];
        sides.sort();
        let [one, other] = sides;
        let there = if self.target.is_empty() { String::new() } else { format!(" | {}", self.target) };
        format!("{one} | {other} | {}{there}", self.fingerprint.identity())
    }

    /// The same without latencies.
    #[must_use]
    pub fn without_rounds(&self) -> Self {
        Self { rounds: Vec::new(), ..self.clone() }
    }

    /// The same race told from the other side: A is B and B is A. What ran against itself stays.
    #[must_use]
    pub fn turned(&self) -> Self {
        let Some(b) = &self.b else { return self.clone() };
        let ratios = self.ratios.iter().map(turned).collect();
        let rounds = self.rounds.iter().cloned();
        let rounds = rounds.map(|round| Round { a: round.b, b: round.a, ..round }).collect();
        let turned = Self { a: b.clone(), b: Some(self.a.clone()), ratios, rounds, ..self.clone() };
        Self { sentence: words::sentence(&turned), ..turned }
    }

    /// Whether it came to its end by itself.
    pub fn is_whole(&self) -> bool {
        matches!(self.ended, End::Precise | End::TimeUp)
    }

    /// What A and B are called in sentences.
    pub fn names(&self) -> (String, String) {
        words::names(&self.a, self.b.as_ref())
    }

    /// What the machine can tell, in a sentence; `None` without a self-test.
    pub fn resolution_sentence(&self) -> Option<String> {
        words::resolution(self)
    }

    /// How it was made: `312 blocks of turns in random order, 16 sets of new sessions in 4 fresh processes, 20 s`.
    pub fn method(&self) -> String {
        words::method(self)
    }

    /// Why it is not kept, and what was found until then.
    pub fn not_kept_sentence(&self) -> String {
        words::not_kept(self)
    }

    /// Which ONNX Runtime ran it: `ONNX Runtime 1.31.1`, or of each side.
    pub fn runtimes(&self) -> String {
        words::runtimes(self)
    }

    /// Whether it says anything of the medians.
    pub fn has_estimate(&self) -> bool {
        self.ratios.iter().chain(&self.same).any(|ratio| ratio.estimate.is_some())
    }
}

fn turned(ratio: &Ratio) -> Ratio {
    let estimate = ratio.estimate.map(|found| Estimate {
        ratio: 1.0 / found.ratio,
        low: 1.0 / found.high,
        high: 1.0 / found.low,
        ..found
    });
    let decision = match ratio.decision {
        Decision::Faster => Decision::Slower,
        Decision::Slower => Decision::Faster,
        other => other,
    };
    Ratio { estimate, decision, ..ratio.clone() }
}
