//! What was asked for, over time.

use serde::{Deserialize, Serialize};

/// Requests per interval, evenly spaced.
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
