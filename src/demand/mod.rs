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
/// An interval that is missing in the file has no element: it is left out, not zero, so what follows a gap comes right
/// after what is before it (the import warns). [`Trace::starts`] says when intervals really were.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trace {
    /// Where it came from, in words.
    pub source: String,
    /// Seconds since 1970-01-01 UTC of the first interval's start.
    pub start_unix_secs: i64,
    /// Length of an interval, in seconds.
    pub interval_secs: f64,
    /// Requests in each interval.
    pub requests: Vec<f64>,
    /// Where intervals are missing, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// Intervals that a file does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Place of the first interval behind the gap.
    pub before: usize,
    /// How many are missing.
    pub intervals: u64,
}

impl Trace {
    /// When each interval starts, in seconds since 1970-01-01 UTC, gaps included.
    pub fn starts(&self) -> impl Iterator<Item = f64> {
        let (mut gaps, mut skipped) = (self.gaps.iter().peekable(), 0);
        (0..self.requests.len()).map(move |place| {
            while let Some(gap) = gaps.next_if(|gap| gap.before <= place) {
                skipped += gap.intervals;
            }
            self.start_unix_secs as f64 + (place as f64 + skipped as f64) * self.interval_secs
        })
    }
}
