//! OpenVINO's benchmark_app: its report as CSV and JSON, and its reports of operators' counters.

mod counters;
mod csv;
mod json;
mod report;

use super::Reader;

/// OpenVINO's formats.
pub(super) const READERS: &[Reader] = &[
    Reader { format: "OpenVINO benchmark_app report", detects: csv::detects, read: csv::read },
    Reader { format: "OpenVINO benchmark_app report (JSON)", detects: json::detects, read: json::read },
    Reader { format: "OpenVINO counters report", detects: counters::detects, read: counters::read },
];
