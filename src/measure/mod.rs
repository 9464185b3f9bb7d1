//! Run and time models: the worker process, the ONNX Runtime it loads, sweeps, statistics, agreement of outputs.
//!
//! - [`runtime`] finds ONNX Runtime libraries and [`install`] fetches one; [`launcher`] starts a [`worker`] and
//!   speaks [`protocol`] with it; inside the worker, [`engine`] is the only user of ONNX Runtime
//! - [`sweep`] measures many configurations, each in a fresh worker; [`stats`] says what the samples say
//! - [`agreement`] compares two models' outputs and counts right answers; [`inputs`] reads `.npy` and `.npz`
//!
//! Must not know the project file, the window or the command line: callers get events and values.

pub mod agreement;
pub mod cancel;
pub mod engine;
mod exchange;
pub mod inputs;
pub mod install;
pub mod launcher;
pub mod model_file;
mod native;
pub mod protocol;
mod resources;
pub mod runtime;
pub mod shapes;
pub mod stats;
pub mod sweep;
mod tally;
pub mod worker;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hardware::Fingerprint;

/// What one configuration of a sweep asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Items in one inference.
    pub batch: u64,
    /// Intra-operator threads of the session.
    pub threads: u32,
    /// ONNX Runtime execution provider: `CPU`, `OpenVINO`, `CUDA`, `TensorRT`.
    pub provider: String,
    /// Values of dynamic dimensions, by name or by place (`images.2`).
    pub dims: BTreeMap<String, u64>,
    /// How long the steady state is measured, in seconds.
    pub seconds: f64,
    /// Seed of generated inputs.
    pub seed: u64,
    /// The input file: its name and the first 12 hex digits of its SHA-256 (`digits.npz 51035763e2ac`); `None` =
    /// generated inputs.
    #[serde(default)]
    pub inputs: Option<String>,
}

/// One finished measurement: raw samples and everything that could change them.
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
    /// Time to create the session, in nanoseconds.
    pub load_nanos: u64,
    /// The first inference after loading, in nanoseconds.
    pub first_inference_nanos: u64,
    /// Warm-up inferences between the first and the steady state; not among the samples.
    pub warm_up_inferences: u64,
    /// Every latency of the steady state, in nanoseconds, in order.
    pub latencies_nanos: Vec<u64>,
    /// Wall time of the steady state, in nanoseconds.
    pub wall_nanos: u64,
    /// CPU time (user + system, all threads) the worker used in the steady state, in nanoseconds.
    pub cpu_nanos: Option<u64>,
    /// Largest resident memory of the worker process, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// ONNX Runtime's version.
    pub runtime_version: String,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// Seconds since 1970-01-01 UTC at the start.
    pub started_unix_secs: u64,
}

/// What the samples of a [`Point`] say. Always derived, never stored alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Percentiles of latency, in milliseconds: the sample at rank ⌈p·n⌉ (inverse of the empirical CDF, Hyndman–Fan type 1).
    pub p50_ms: f64,
    /// See `p50_ms`.
    pub p90_ms: f64,
    /// See `p50_ms`.
    pub p95_ms: f64,
    /// See `p50_ms`.
    pub p99_ms: f64,
    /// Items per second: samples × batch ÷ wall time.
    pub throughput_per_second: f64,
    /// CPU time per item, in milliseconds.
    pub cpu_ms_per_item: Option<f64>,
    /// How many latencies there are.
    pub samples: usize,
}
