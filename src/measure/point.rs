//! A measurement as a value: what was asked, what each run found, raw samples and everything that could change them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::monitor::{Finding, Readings, Timer};
use super::scenario::{Optimisation, Scenario};
use super::stats::warmup::Steadiness;
use crate::hardware::Fingerprint;

/// What one configuration of a sweep asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Items in one inference. With a dynamic batcher, the batcher's largest batch.
    pub batch: u64,
    /// Intra-operator threads of each session.
    pub threads: u32,
    /// ONNX Runtime execution provider: `CPU`, `OpenVINO`, `CUDA`, `TensorRT`.
    pub provider: String,
    /// Values of dynamic dimensions, by name or by place (`images.2`).
    pub dims: BTreeMap<String, u64>,
    /// Shortest steady state of one run, in seconds.
    pub seconds: f64,
    /// Fewest queries of one run's steady state.
    #[serde(default)]
    pub min_queries: u64,
    /// Seed of generated inputs and of random arrivals.
    pub seed: u64,
    /// The input file: its name and the first 12 hex digits of its SHA-256 (`digits.npz 51035763e2ac`); `None` =
    /// generated inputs.
    #[serde(default)]
    pub inputs: Option<String>,
    /// Sessions side by side.
    #[serde(default = "one")]
    pub instances: u32,
    /// How far the runtime may rewrite the graph.
    #[serde(default)]
    pub optimisation: Optimisation,
    /// How load is made.
    #[serde(default)]
    pub scenario: Scenario,
}

fn one() -> u32 {
    1
}

impl Default for Config {
    /// One item on one thread of the CPU, one query after another, as well optimised as it can be, for a second.
    fn default() -> Self {
        Self {
            batch: 1,
            threads: 1,
            provider: "CPU".to_owned(),
            dims: BTreeMap::new(),
            seconds: 1.0,
            min_queries: 0,
            seed: 0,
            inputs: None,
            instances: 1,
            optimisation: Optimisation::All,
            scenario: Scenario::SingleStream,
        }
    }
}

impl Config {
    /// What tells this configuration from others: everything but how long, how finely and with which random numbers it
    /// is measured. The tolerance of a search for the highest rate is fineness: the limit says what is looked for.
    pub fn key(&self) -> String {
        let Self { batch, threads, provider, dims, inputs: _, seconds: _, min_queries: _, seed: _, .. } =
            self;
        let Self { instances, optimisation, scenario, .. } = self;
        let mut key = format!("{provider} {batch} {threads} {instances} {} {scenario}", optimisation.key());
        for (name, size) in dims {
            // Writing to a text cannot fail.
            let _ = write!(key, " {name}={size}");
        }
        key
    }

    /// In words: `batch 4, 2 threads, CPU`, and what is not as usual.
    pub fn words(&self) -> String {
        self.parts().join(", ")
    }

    /// The same part by part.
    pub fn parts(&self) -> Vec<String> {
        let s = if self.threads == 1 { "" } else { "s" };
        let threads = format!("{} thread{s}", self.threads);
        [format!("batch {}", self.batch), threads, self.provider.clone()]
            .into_iter()
            .chain(self.unusual())
            .collect()
    }

    /// What is not as usual, in words: sessions, optimisation, scenario, sizes set.
    pub fn unusual(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.instances != 1 {
            words.push(format!("{} sessions", self.instances));
        }
        if self.optimisation != Optimisation::All {
            words.push(format!("optimisation {}", self.optimisation.key()));
        }
        if !self.scenario.is_single_stream() {
            words.push(self.scenario.to_string());
        }
        words.extend(self.dims.iter().map(|(name, size)| format!("{name}={size}")));
        words
    }

    /// Items that one entry of a [`Series`] stands for.
    pub fn items_per_query(&self) -> u64 {
        match &self.scenario {
            Scenario::MultiStream { samples_per_query } => u64::from(*samples_per_query),
            Scenario::Server { batcher: Some(_), .. } => 1,
            _ => self.batch,
        }
    }

    /// True where one session answers one query at a time.
    pub fn is_plain_but_for_optimisation(&self) -> bool {
        self.scenario.is_single_stream() && self.instances == 1
    }

    /// True for what the planner's queueing formulas start from: one session that answers one query at a time, as
    /// well optimised as it can be.
    pub fn is_plain(&self) -> bool {
        self.scenario.is_single_stream() && self.instances == 1 && self.optimisation == Optimisation::All
    }
}

/// One configuration as it was measured: several independent runs, each in a process of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// File name of the model.
    pub model: String,
    /// The model's identity ([`crate::model::Model::sha256`]).
    pub model_sha256: String,
    /// What was asked.
    pub config: Config,
    /// Shapes the inputs really had: name → dimensions.
    pub input_shapes: BTreeMap<String, Vec<u64>>,
    /// Values of dynamic dimensions that nobody set and that were found by trying: name → size.
    pub found_dims: BTreeMap<String, u64>,
    /// The runs, in the order they were made.
    pub runs: Vec<Run>,
    /// Why no further run was made; `None` while the sweep goes on, or was stopped.
    pub ended: Option<Ended>,
    /// ONNX Runtime's version.
    pub runtime_version: String,
    /// The machine that measured.
    pub fingerprint: Fingerprint,
    /// How that machine was reached: empty for this one, else the command prefix.
    #[serde(default)]
    pub target: String,
    /// Seconds since 1970-01-01 UTC at the start of the first run.
    pub started_unix_secs: u64,
}

/// Why a configuration got no further run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The intervals are as narrow as asked.
    Precise,
    /// As many runs as allowed were made; the intervals are wider than asked.
    MostRuns,
    /// The time allowed for one configuration is up; the intervals are wider than asked.
    TimeUp,
    /// A number of runs was asked for, whatever they say.
    AsAsked,
    /// A further run failed; those before it are kept.
    Failed {
        /// Why, in the words of that run.
        message: String,
    },
}

impl Ended {
    /// In words, to follow "stopped".
    pub fn words(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Precise => "as precise as asked",
            Self::MostRuns => "most runs allowed were made; less precise than asked",
            Self::TimeUp => "time allowed was up; less precise than asked",
            Self::AsAsked => "as many runs as asked were made",
            Self::Failed { message } => {
                return Cow::Owned(format!("a further run failed, with fewer runs than asked: {message}"));
            }
        })
    }

    /// Whether a run failed before the measurement was over.
    pub const fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

/// One run: a fresh process that loaded the model, ran it, and ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Seconds since 1970-01-01 UTC at its start.
    pub started_unix_secs: u64,
    /// What the process found.
    pub measured: Measured,
    /// How many queries of the series the user takes for warm-up, where that is not
    /// [`Measured::warm_up`]; `None` = the found one.
    #[serde(default)]
    pub moved_warm_up: Option<u64>,
}

/// What one run found: the worker's answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Time to create the session (the first, where there are several), in nanoseconds.
    pub load_nanos: u64,
    /// The first inference after loading, in nanoseconds.
    pub first_inference_nanos: u64,
    /// Inferences after the first and before the series.
    #[serde(default)]
    pub unrecorded_inferences: u64,
    /// Every query, in the order they were sent. Emptied where a point is kept without its raw samples.
    pub series: Series,
    /// Queries in the series; stays when the series is emptied.
    pub queries: u64,
    /// Queries at the start of the series that are warm-up, by change point; see [`super::stats::warmup`].
    pub warm_up: u64,
    /// What the run did over time: its latencies, the throughput of Offline, the inferences and the queue of Server;
    /// `None` where nothing can be said.
    pub steadiness: Option<Steadiness>,
    /// Wall time of the whole series, without the search for a rate, from its beginning to the last answer, in nanoseconds.
    pub wall_nanos: u64,
    /// CPU time (user + system, all threads) the worker used in that time, in nanoseconds.
    pub cpu_nanos: Option<u64>,
    /// Of that, what measuring itself used, as far as the system tells: the thread that sends the queries of an open
    /// loop on time, helpers of MultiStream that wait awake for the next query, and the monitor. What is not in it:
    /// the runtime's own threads that wait awake, and taking a query from the queue, which a server does as well.
    /// `None` = not told, or a run of an earlier version.
    #[serde(default)]
    pub own_cpu_nanos: Option<u64>,
    /// Largest resident memory the worker process ever had, loading and a search for a rate included, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Resident memory in the steady state, in bytes.
    #[serde(default)]
    pub steady_memory_bytes: Option<u64>,
    /// What the run's own rules say of it; empty = valid.
    #[serde(default)]
    pub invalid: Vec<String>,
    /// 50th, 99th percentile and largest delay between the intended and the actual time of sending, in
    /// nanoseconds; `None` where nobody's clock decides when to send.
    #[serde(default)]
    pub lateness_nanos: Option<[u64; 3]>,
    /// Rates tried on the way to the highest one, in order.
    #[serde(default)]
    pub trials: Vec<Trial>,
    /// Resolution of the clock and cost of reading it twice.
    #[serde(default)]
    pub timer: Option<Timer>,
    /// What the machine did during the series; in a search for the highest rate only while the rate found was measured
    /// once more.
    #[serde(default)]
    pub readings: Option<Box<Readings>>,
    /// What of that makes the numbers doubtful, in words, worst first.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Shapes the inputs really had.
    pub input_shapes: BTreeMap<String, Vec<u64>>,
    /// ONNX Runtime's version; `None` when it does not say.
    pub runtime_version: Option<String>,
}

/// Every query of a run, by column; columns have one length or, where said, are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Series {
    /// When each query began to count, in nanoseconds since the first could: the intended time in an open loop, the
    /// time of sending elsewhere.
    pub began_nanos: Vec<u64>,
    /// From then until its answer, in nanoseconds.
    pub latency_nanos: Vec<u64>,
    /// The inference alone, in nanoseconds, where a latency also has waiting in it; else empty.
    pub service_nanos: Vec<u64>,
    /// Items in the inference that answered it, where they vary; else empty.
    pub batch: Vec<u32>,
}

/// One rate tried on the way to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Queries a second.
    pub rate: f64,
    /// Queries sent.
    pub queries: u64,
    /// Queries over the limit.
    pub over: u64,
    /// 99th percentile of latency, in milliseconds, where there are queries enough.
    pub p99_ms: Option<f64>,
    /// Whether the limit holds with 99 % confidence (MLPerf's early stopping).
    pub passed: bool,
}

impl Series {
    /// Queries of these latencies, each sent when the one before was answered.
    pub fn one_after_another(latency_nanos: Vec<u64>) -> Self {
        let mut at = 0_u64;
        let began_nanos = latency_nanos
            .iter()
            .map(|latency| {
                let began = at;
                at = at.saturating_add(*latency);
                began
            })
            .collect();
        Self { began_nanos, latency_nanos, ..Self::default() }
    }

    /// Number of queries.
    pub fn len(&self) -> usize {
        self.latency_nanos.len()
    }

    /// True without queries.
    pub fn is_empty(&self) -> bool {
        self.latency_nanos.is_empty()
    }
}

impl Run {
    /// Queries at the start of the series that do not count.
    pub fn warm_up(&self) -> u64 {
        self.moved_warm_up.unwrap_or(self.measured.warm_up)
    }

    /// Latencies of the queries that count, in order; empty where the series is not at hand.
    pub fn steady_nanos(&self) -> &[u64] {
        let from = usize::try_from(self.warm_up()).unwrap_or(usize::MAX);
        self.measured.series.latency_nanos.get(from..).unwrap_or_default()
    }

    /// The inferences of the queries that count, in order; the latencies where the two are one.
    pub fn steady_service_nanos(&self) -> &[u64] {
        let services = &self.measured.series.service_nanos;
        if services.is_empty() {
            return self.steady_nanos();
        }
        let from = usize::try_from(self.warm_up()).unwrap_or(usize::MAX);
        services.get(from..).unwrap_or_default()
    }

    /// The same run without its raw samples.
    #[must_use]
    pub fn without_series(&self) -> Self {
        let mut run = self.clone();
        run.measured.series = Series::default();
        run
    }
}

impl Point {
    /// The same point without raw samples.
    #[must_use]
    pub fn without_series(&self) -> Self {
        Self { runs: self.runs.iter().map(Run::without_series).collect(), ..self.clone() }
    }

    /// Time to load the model: the median over the runs, in nanoseconds; 0 runs have none.
    pub fn load_nanos(&self) -> Option<u64> {
        median(self.runs.iter().map(|run| run.measured.load_nanos))
    }

    /// The first inference: the median over the runs, in nanoseconds.
    pub fn first_inference_nanos(&self) -> Option<u64> {
        median(self.runs.iter().map(|run| run.measured.first_inference_nanos))
    }

    /// Largest resident memory over the runs, in bytes.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        self.runs.iter().filter_map(|run| run.measured.peak_memory_bytes).max()
    }

    /// Resident memory in the steady state: the median over the runs, in bytes.
    pub fn steady_memory_bytes(&self) -> Option<u64> {
        median(self.runs.iter().filter_map(|run| run.measured.steady_memory_bytes))
    }

    /// Queries that count, over all runs.
    pub fn samples(&self) -> u64 {
        self.runs.iter().map(|run| run.measured.queries.saturating_sub(run.warm_up())).sum()
    }

    /// What makes the numbers doubtful, one of each kind (the gravest), with how many runs had it; gravest first.
    pub fn findings(&self) -> Vec<(&Finding, usize)> {
        let mut kinds: Vec<(&Finding, usize)> = Vec::new();
        for run in &self.runs {
            let mut seen = Vec::new();
            for finding in &run.measured.findings {
                let again = seen.contains(&finding.kind);
                seen.push(finding.kind);
                match kinds.iter_mut().find(|(known, _)| known.kind == finding.kind) {
                    Some((known, runs)) => {
                        *runs += usize::from(!again);
                        if finding.severity > known.severity {
                            *known = finding;
                        }
                    }
                    None => kinds.push((finding, 1)),
                }
            }
        }
        kinds.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
        kinds
    }

    /// Reasons why a run is not valid, each once.
    pub fn invalid(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for reason in self.runs.iter().flat_map(|run| &run.measured.invalid) {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

/// The lower median.
fn median(values: impl Iterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_finely_a_rate_is_searched_for_makes_no_other_configuration_but_the_limit_does() {
        let of = |text: &str| Config { scenario: text.parse().unwrap(), ..Config::default() };
        let coarse = of("server:p99=20:tolerance=0.1");
        assert_eq!(coarse.key(), of("server:p99=20:tolerance=0.01").key());
        assert_ne!(coarse.key(), of("server:p99=30:tolerance=0.1").key());
        assert_ne!(coarse.key(), of("server:p99=20:constant").key());
        assert_eq!(coarse.key(), Config { seconds: 9.0, min_queries: 7, seed: 5, ..coarse.clone() }.key());
        // As projects have it beside profiles: see `breakdown::key`.
        assert_eq!(Config::default().key(), "CPU 1 1 1 all SingleStream");
    }

    #[test]
    fn queries_one_after_another_begin_where_the_one_before_ended() {
        assert_eq!(Series::one_after_another(vec![5, 7, 1]).began_nanos, [0, 5, 12]);
    }

    #[test]
    fn why_a_measurement_ended_is_kept_as_it_was_written_before_failures_were() {
        assert_eq!(serde_json::from_str::<Ended>("\"time_up\"").unwrap(), Ended::TimeUp);
        let failed = Ended::Failed { message: "killed".to_owned() };
        let text = serde_json::to_string(&failed).unwrap();
        assert_eq!(serde_json::from_str::<Ended>(&text).unwrap(), failed);
    }
}
