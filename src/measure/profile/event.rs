//! One entry of ONNX Runtime's profile (Chrome's trace format, "complete" events), as it stands in the file.
//!
//! The profiler writes most numbers as text; other programs that save the same trace write them as numbers. Both
//! are read. What an entry says beyond this is skipped.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Unexpected, Visitor};

use super::TensorShape;

/// An entry.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    /// `Session`, `Node`, `Kernel` (a device's own), `Api`.
    #[serde(default)]
    pub cat: String,
    #[serde(default)]
    pub name: String,
    /// `X` = has a start and a length; everything else is passed over.
    #[serde(default)]
    pub ph: String,
    #[serde(default)]
    pub tid: Count,
    /// Start, from the profiler's own.
    #[serde(default)]
    pub ts: Option<Micros>,
    #[serde(default)]
    pub dur: Option<Micros>,
    #[serde(default)]
    pub args: Args,
}

/// What is said of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Args {
    pub op_name: String,
    pub domain: Option<String>,
    pub provider: String,
    pub node_index: Count,
    pub activation_size: Count,
    pub parameter_size: Count,
    pub output_size: Count,
    pub input_type_shape: Lenient<Vec<BTreeMap<String, Vec<i64>>>>,
    pub output_type_shape: Lenient<Vec<BTreeMap<String, Vec<i64>>>>,
    pub thread_scheduling_stats: Lenient<Scheduling>,
    /// For a device's kernel: the entry of the node that started it.
    pub parent_name: Option<String>,
}

/// What is there in the expected shape, or something else that is skipped (an empty text, usually).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Lenient<T> {
    Good(T),
    Other(IgnoredAny),
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl<T> Lenient<T> {
    pub fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

impl Lenient<Vec<BTreeMap<String, Vec<i64>>>> {
    /// The tensors, in order; an entry without a type (an input that is left out) has none.
    pub fn shapes(self) -> Vec<TensorShape> {
        let tensors = self.good().unwrap_or_default().into_iter().flatten();
        tensors.map(|(element, dims)| TensorShape { element, dims }).collect()
    }
}

/// How the thread pool worked on one call.
#[derive(Debug, Deserialize)]
pub(super) struct Scheduling {
    pub main_thread: MainThread,
    #[serde(default)]
    pub sub_threads: BTreeMap<String, SubThread>,
}

/// Another thread of the pool.
#[derive(Debug, Deserialize)]
pub(super) struct SubThread {
    /// Parts of work it has done since the pool was made.
    #[serde(default)]
    #[expect(dead_code, reason = "only how many threads there are is used")]
    pub num_run: Count,
}

/// The calling thread, in microseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct MainThread {
    pub distribution: Count,
    pub distribution_enqueue: Count,
    pub run: Count,
    pub wait: Count,
    pub wait_revoke: Count,
}

/// A whole number, plain or as text; `None` when it is neither.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count(pub Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(u64),
            Text(String),
            Other(IgnoredAny),
        }
        Ok(Self(match Raw::deserialize(deserializer)? {
            Raw::Number(number) => Some(number),
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Other(_) => None,
        }))
    }
}

/// A time in the file's microseconds, kept in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Micros {
    pub nanos: u64,
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MicrosVisitor)
    }
}

struct MicrosVisitor;

impl Visitor<'_> for MicrosVisitor {
    type Value = Micros;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a number of microseconds")
    }

    fn visit_u64<E: Error>(self, micros: u64) -> Result<Micros, E> {
        let nanos = micros.checked_mul(1_000);
        nanos
            .map(|nanos| Micros { nanos })
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(micros), &self))
    }

    fn visit_i64<E: Error>(self, micros: i64) -> Result<Micros, E> {
        match u64::try_from(micros) {
            Ok(micros) => self.visit_u64(micros),
            Err(_negative) => Err(E::invalid_value(Unexpected::Signed(micros), &self)),
        }
    }

    fn visit_f64<E: Error>(self, micros: f64) -> Result<Micros, E> {
        // Beyond 2⁵³ nanoseconds (104 days) a float no longer holds each one.
        let nanos = (micros * 1_000.0).round();
        if (0.0..9.007e15).contains(&nanos) {
            return Ok(Micros { nanos: nanos as u64 });
        }
        Err(E::invalid_value(Unexpected::Float(micros), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Micros, E> {
        match (text.trim().parse::<u64>(), text.trim().parse::<f64>()) {
            (Ok(micros), _) => self.visit_u64(micros),
            (_, Ok(micros)) => self.visit_f64(micros),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}
