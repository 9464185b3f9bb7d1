//! What was asked for, over time: a trace from a file, its size in numbers, or requests behind a sum of money.
//!
//! Knows nothing of models, machines or bills' rows.

mod arrivals;
mod counting;
mod import;
mod served;
mod stats;
mod time;

pub use import::{Import, ImportError, Problem, Warning, read};
pub use served::{Counts, Served, ServedError, ServedImport, is_served, read_served};
pub use stats::{Summary, from_spend};

use serde::{Deserialize, Serialize};

/// Requests per interval, evenly spaced.
///
/// An interval that is missing in the file has no element: it is left out, not zero, so times behind a gap are
/// nearer to the start than in the file (the import warns).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Where it came from, in words.
    pub source: String,
    /// Seconds since 1970-01-01 UTC of the first interval's start.
    pub start_unix_secs: i64,
    /// Length of an interval, in seconds.
    pub interval_secs: f64,
    /// Requests in each interval.
    pub requests: Vec<f64>,
}
