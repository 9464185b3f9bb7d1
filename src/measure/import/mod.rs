//! Other tools' results: files of benchmark tools read into one shape, each number with its unit, its quantile
//! definition, what it includes and where it stood.
//!
//! A file is told by its content, never by its name. Nothing here is measured by us, and nothing is converted
//! silently: what a tool rounded, truncated or counted per minute is said in [`Foreign::notes`]. Must not know the
//! project, the window or the command line.

#![allow(clippy::doc_markdown, reason = "names of formats and tools are products' names, not code")]

mod aiperf;
mod aiperf_records;
mod fields;
mod folder;
mod hyperfine;
mod json;
mod llama_bench;
mod llama_table;
mod mlperf;
mod model_analyzer;
mod more;
mod onnxruntime;
mod openvino;
mod optimum;
mod perf_analyzer;
mod profile_export;
mod sagemaker;
mod samples;
mod source;
mod tflite;
mod trtexec;
mod vllm;
mod vllm_offline;
mod winml;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use source::{Head, Source};

/// One format: how it is told and how it is read.
pub(crate) struct Reader {
    /// What the format is called; also what [`detect`] answers.
    pub(crate) format: &'static str,
    /// Whether a file that begins like this is one. Must not claim bills, demand traces or our own files.
    pub(crate) detects: fn(&Head) -> bool,
    /// Reads it all, or refuses it all.
    pub(crate) read: fn(&mut Source) -> Result<Results, ImportError>,
}

/// Most settings that one result keeps: no tool has more.
const SETTING_LIMIT: usize = 10_000;
/// Most numbers of a result that are kept.
const METRIC_LIMIT: usize = 10_000;

/// Every format there is, the most telling first.
fn readers() -> impl Iterator<Item = &'static Reader> {
    let own = [mlperf::READERS, trtexec::READERS, openvino::READERS, onnxruntime::READERS];
    own.into_iter().flatten().chain(more::READERS)
}

/// What the file is called if it is another tool's result, from the first 64 KiB of its content; the name does not
/// matter. `None` for anything else: bills, traces, models, our own files, folders, what cannot be opened.
pub fn detect(path: &Path) -> Option<&'static str> {
    let source = Source::open(path).ok()?;
    readers().find(|reader| (reader.detects)(source.head())).map(|reader| reader.format)
}

/// Reads a result file, or every result file in a folder (sub-folders too, in the order of their names).
///
/// A folder's answer never holds one run twice: where a run left both of MLPerf `LoadGen`'s logs, the detail log is
/// read and the summary only completes it. Files in a folder that no reader knows are passed over; those that are
/// broken are named by a first [`Results`] that stands for the folder. A folder without any result is an error.
pub fn read(path: &Path) -> Result<Vec<Results>, ImportError> {
    if path.is_dir() { folder::read(path) } else { Ok(vec![read_source(Source::open(path)?)?]) }
}

/// Reads a result file that is in memory; `name` stands for its path and nothing is looked for beside it.
pub fn read_bytes(name: &str, bytes: &[u8]) -> Result<Results, ImportError> {
    read_source(Source::from_bytes(name, bytes.to_vec())?)
}

/// Finds the reader and reads.
fn read_source(mut source: Source) -> Result<Results, ImportError> {
    let Some(reader) = readers().find(|reader| (reader.detects)(source.head())) else {
        return Err(source.unknown());
    };
    source.set_format(reader.format);
    let mut results = (reader.read)(&mut source)?;
    let mut warnings = source.take_warnings();
    warnings.append(&mut results.warnings);
    results.warnings = warnings;
    if results.results.is_empty() && results.warnings.is_empty() {
        return Err(source.broken("the file", "it holds no result", "check that the run finished"));
    }
    Ok(results)
}

/// What one file, or one folder, of another tool holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Results {
    /// What the format is called: `MLPerf LoadGen summary`, `trtexec log`.
    pub format: String,
    /// The file or folder.
    pub path: PathBuf,
    /// What was measured, in the file's order.
    pub results: Vec<Foreign>,
    /// What could not be used, each with its place.
    pub warnings: Vec<Warning>,
    /// Of a folder: its files that are broken, each with the reason; nothing of them is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<Warning>,
}

/// Something that was left out, or read with a doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `line 12`, `experiments[3]`, `row 4, column p99 latency`.
    pub place: String,
    /// What was found and what was done about it.
    pub message: String,
}

/// One configuration as another tool measured it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Foreign {
    /// `MLPerf LoadGen`, `trtexec`, `vLLM bench serve`.
    pub tool: String,
    /// Its version, where the file says it.
    pub tool_version: Option<String>,
    /// The file's name.
    pub file: String,
    /// Where in the file: `line 12`, `[3]`; empty when the file holds one result.
    pub place: String,
    /// The model's name as the file has it.
    pub model: Option<String>,
    /// The machine in words: `8x NVIDIA H200-SXM-141GB, 2x Intel Xeon Platinum 8592+`.
    pub system: Option<String>,
    /// The framework that ran the model: `TensorRT 10.2.0`.
    pub framework: Option<String>,
    /// `SingleStream`, `Server`, `concurrency`, …: the tool's own word for how load was made.
    pub scenario: Option<String>,
    /// Items in one inference.
    pub batch: Option<u64>,
    /// Queries in flight.
    pub concurrency: Option<f64>,
    /// Queries sent per second, where the load was a rate.
    pub rate_per_second: Option<f64>,
    /// Numeric precision: `fp16`, `int8`.
    pub precision: Option<String>,
    /// Everything else that was set, in the file's own words.
    pub settings: BTreeMap<String, String>,
    /// What was measured.
    pub metrics: Vec<Metric>,
    /// Raw samples, where the file has them.
    pub samples: Vec<Samples>,
    /// How the tool defines a percentile.
    pub quantiles: Quantiles,
    /// What latency includes.
    pub includes: Includes,
    /// What the tool itself says of the run.
    pub validity: Validity,
    /// Traps of this format that touch these numbers, in sentences for people.
    pub notes: Vec<String>,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// What it measures.
    pub quantity: Quantity,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// The value, in `unit`.
    pub value: f64,
    /// Its unit, converted to the base unit of its kind.
    pub unit: Unit,
    /// Half of the last digit the tool wrote, in `unit`, where it rounds so coarsely that it matters.
    pub rounding: Option<f64>,
}

/// What a number measures.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// From the moment a query was (to be) sent to its answer; see [`Includes`].
    Latency,
    /// The device's computing alone.
    Compute,
    /// Copies to the device.
    HostToDevice,
    /// Copies from the device.
    DeviceToHost,
    /// Time to put work into the device's queue.
    Enqueue,
    /// Time in the server's queue.
    Queue,
    /// Time in the client: waiting for a slot, sending, receiving.
    Client,
    /// Time to the first token.
    FirstToken,
    /// Time per output token after the first.
    TimePerOutputToken,
    /// Time between tokens.
    InterToken,
    /// Reading, compiling, creating the session.
    Load,
    /// The first inference.
    FirstInference,
    /// Warm-up inferences.
    WarmUp,
    /// Items per second.
    Throughput,
    /// Queries per second within the limits of an objective.
    Goodput,
    /// Prompt tokens per second.
    InputTokens,
    /// Generated tokens per second.
    OutputTokens,
    /// Prompt and generated tokens per second.
    TotalTokens,
    /// Length of the measurement.
    Duration,
    /// Queries sent.
    Issued,
    /// Queries answered.
    Completed,
    /// Queries that failed.
    Failed,
    /// Main memory.
    Memory,
    /// Memory of the accelerator.
    AcceleratorMemory,
    /// Use of the CPUs, 0 to 1.
    CpuUse,
    /// Use of the accelerator, 0 to 1.
    AcceleratorUse,
    /// Power.
    Power,
    /// Energy.
    Energy,
    /// Accuracy of the answers, as the file states it.
    Accuracy,
    /// Price of an hour of the machine.
    CostPerHour,
    /// Price of one inference.
    CostPerInference,
    /// Something else, by the file's name for it.
    Other(String),
}

/// Which statistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The one value there is.
    Value,
    /// Arithmetic mean.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Standard deviation.
    StdDev,
    /// A percentile: 50.0, 99.9.
    Percentile(f64),
    /// Sum.
    Total,
    /// An upper bound of this percentile that holds with 99 % confidence (MLPerf early stopping).
    EarlyStopping(f64),
}

/// Units, one of each kind: readers convert into these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// Samples, images, items per second.
    SamplesPerSecond,
    /// Queries (requests) per second.
    QueriesPerSecond,
    /// Tokens per second.
    TokensPerSecond,
    /// Seconds, for the length of a measurement.
    Seconds,
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// 0 to 1.
    Share,
    /// Watts.
    Watts,
    /// Joules.
    Joules,
    /// US dollars, or the currency the file names.
    Currency(String),
    /// As the file has it.
    Other(String),
}

/// Raw samples of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// What was sampled.
    pub quantity: Quantity,
    /// The samples in order, in nanoseconds.
    pub nanos: Vec<u64>,
    /// When each began, in nanoseconds since the first; empty where the file does not say.
    pub began_nanos: Vec<u64>,
}

/// How a tool picks a percentile from n sorted samples (0-based index).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantiles {
    /// The file does not say and the tool's source was not read.
    #[default]
    Unknown,
    /// `sorted[⌊n·p⌋]` (MLPerf LoadGen).
    FloorIndex,
    /// `sorted[⌈n·p⌉ − 1]`: the inverse of the empirical distribution (ours).
    InverseCdf,
    /// Linear interpolation between neighbours (numpy's default).
    Linear,
    /// `sorted[round(p·(n − 1))]`, nearest rank.
    Nearest,
    /// Estimated from a histogram's buckets.
    Histogram,
}

/// What a latency includes: `None` where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Includes {
    /// Waiting for the model to be free.
    pub queueing: Option<bool>,
    /// Copies between host and device.
    pub transfers: Option<bool>,
    /// A network and a server's front.
    pub network: Option<bool>,
}

/// What the tool says of the run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// It says nothing.
    #[default]
    NotStated,
    /// Valid by its own rules.
    Valid,
    /// Not valid, and why.
    Invalid(Vec<String>),
}

/// Why a file could not be used. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("could not read results: {problem}: {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// No reader knows it.
    #[error("this is no result file that Inferometer knows: {found}; {advice}: {}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: String,
        /// What to do.
        advice: String,
    },
    /// It is what it seems, but broken.
    #[error("could not read this {format}: {place}: {problem}; {advice}: {}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What it was taken for.
        format: String,
        /// `line 12`, `byte 3041`.
        place: String,
        /// What was found there.
        problem: String,
        /// What to do.
        advice: String,
    },
}

impl Foreign {
    /// The number for this quantity and statistic, if the file had it.
    pub fn metric(&self, quantity: &Quantity, statistic: Statistic) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.quantity == *quantity && metric.statistic == statistic)
    }

    /// The value of [`Foreign::metric`], in its unit.
    pub fn value(&self, quantity: &Quantity, statistic: Statistic) -> Option<f64> {
        self.metric(quantity, statistic).map(|metric| metric.value)
    }

    /// Adds a number that is there. What cannot be (not finite; a negative time, rate or count) is left out and said
    /// in the notes, never turned into 0.
    pub(crate) fn add(&mut self, quantity: Quantity, statistic: Statistic, value: Option<f64>, unit: Unit) {
        let Some(value) = value else { return };
        if self.metrics.len() + self.notes.len() >= METRIC_LIMIT {
            self.note(format!(
                "The file has more than {METRIC_LIMIT} numbers of this run: the rest is left out."
            ));
            return;
        }
        let signed = matches!(unit, Unit::Bytes | Unit::Currency(_) | Unit::Other(_));
        if !value.is_finite() || (value < 0.0 && !signed) {
            self.notes.push(format!(
                "{quantity:?} ({statistic:?}) is {value} in the file, which cannot be; it is left out."
            ));
            return;
        }
        self.metrics.push(Metric { quantity, statistic, value, unit, rounding: None });
    }

    /// Adds a time given in a unit of `nanos_per_unit` nanoseconds: 1e6 for milliseconds.
    pub(crate) fn add_time(
        &mut self,
        quantity: Quantity,
        statistic: Statistic,
        value: Option<f64>,
        nanos_per_unit: f64,
    ) {
        // 0.00341797 ms is 3,417.97 ns, not 3,417.9700000000003: no tool writes less than a picosecond.
        let nanos = value
            .map(|value| value * nanos_per_unit)
            .map(|nanos| if nanos.abs() < 9e12 { (nanos * 1e3).round() / 1e3 } else { nanos });
        self.add(quantity, statistic, nanos, Unit::Nanos);
    }

    /// As [`Foreign::add_time`], for a tool that rounds: `rounding` is half of its last digit, in the same unit.
    pub(crate) fn add_rounded_time(
        &mut self,
        quantity: Quantity,
        statistic: Statistic,
        value: Option<f64>,
        nanos_per_unit: f64,
        rounding: f64,
    ) {
        let before = self.metrics.len();
        self.add_time(quantity, statistic, value, nanos_per_unit);
        for metric in &mut self.metrics[before..] {
            metric.rounding = Some(rounding * nanos_per_unit);
        }
    }

    /// Keeps a setting in the file's own words, unless it is empty.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        if !value.trim().is_empty() && self.settings.len() < SETTING_LIMIT {
            self.settings.insert(key.into(), value);
        }
    }

    /// Says a trap once.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
