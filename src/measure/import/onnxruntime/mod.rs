//! ONNX Runtime: what onnxruntime_perf_test prints and writes, and profiles of its sessions.

mod perf_file;
mod perf_test;
mod profile;

use super::{Foreign, Quantiles, Quantity, Reader, Statistic};

/// ONNX Runtime's formats.
pub(super) const READERS: &[Reader] = &[
    Reader { format: "onnxruntime_perf_test output", detects: perf_test::detects, read: perf_test::read },
    Reader {
        format: "onnxruntime_perf_test result file",
        detects: perf_file::detects,
        read: perf_file::read,
    },
    Reader { format: "ONNX Runtime profile", detects: profile::detects, read: profile::read },
];

const PERF_TEST: &str = "onnxruntime_perf_test";

/// Fewest samples from which a percentile means something at 99 % confidence (MLPerf's early stopping).
const FLOORS: [(f64, f64); 5] = [(50.0, 11.0), (90.0, 64.0), (95.0, 130.0), (99.0, 662.0), (99.9, 6636.0)];

/// Definitions and traps of perf_test's numbers.
fn finish(foreign: &mut Foreign) {
    foreign.quantiles = Quantiles::FloorIndex;
    foreign.includes.network = Some(false);
    let Some(runs) = foreign.value(&Quantity::Completed, Statistic::Value) else { return };
    let weak: Vec<String> = FLOORS
        .iter()
        .filter(|(percentile, floor)| {
            runs < *floor && foreign.metric(&Quantity::Latency, Statistic::Percentile(*percentile)).is_some()
        })
        .map(|(percentile, _)| format!("p{percentile}"))
        .collect();
    if !weak.is_empty() {
        foreign.note(format!(
            "The tool prints every percentile, however few runs there are: {runs} runs do not carry {}.",
            weak.join(", ")
        ));
    }
}

/// The number in `P999`: 99.9.
fn percentile(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('P')?;
    let number: f64 = digits.parse::<u32>().ok()?.into();
    Some(if digits.len() > 2 { number / 10_f64.powi(i32::try_from(digits.len()).ok()? - 2) } else { number })
}
