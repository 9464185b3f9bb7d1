//! What the samples of a measurement say. Derived each time from the samples, never stored alone.
//!
//! Percentiles are samples, not interpolations: the sample at rank ⌈p·n⌉ of the sorted latencies, which is the
//! inverse of the empirical distribution function (type 1 of Hyndman and Fan, "Sample Quantiles in Statistical
//! Packages", The American Statistician 50(4), 1996). Throughput counts items over wall time, so that pauses
//! between inferences lower it, as they do in use.

use super::{Point, Summary};

/// The sample at rank ⌈percent·n ÷ 100⌉ of an ascending slice; `None` for an empty one.
///
/// `percent` in 1..=100; 0 counts as the smallest sample. The rank is computed in integers, so that 95 % of 20
/// samples is the 19th and never the 20th by a rounding error.
pub fn percentile(sorted: &[u64], percent: u32) -> Option<u64> {
    let rank = (u128::from(percent) * sorted.len() as u128).div_ceil(100).max(1);
    sorted.get(usize::try_from(rank - 1).ok()?).copied()
}

impl Summary {
    /// What `point` says. A point without samples (none is ever made by a measurement) has NaN percentiles and
    /// throughput: not a number, never zero.
    pub fn of(point: &Point) -> Self {
        let mut sorted = point.latencies_nanos.clone();
        sorted.sort_unstable();
        let millis = |percent| percentile(&sorted, percent).map_or(f64::NAN, |nanos| nanos as f64 / 1e6);
        let items = point.latencies_nanos.len() as f64 * point.config.batch as f64;
        let throughput_per_second = if sorted.is_empty() || point.wall_nanos == 0 {
            f64::NAN
        } else {
            items / (point.wall_nanos as f64 / 1e9)
        };
        Self {
            p50_ms: millis(50),
            p90_ms: millis(90),
            p95_ms: millis(95),
            p99_ms: millis(99),
            throughput_per_second,
            cpu_ms_per_item: point.cpu_nanos.filter(|_| items > 0.0).map(|nanos| nanos as f64 / 1e6 / items),
            samples: sorted.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Config;
    use super::*;
    use crate::hardware::Fingerprint;

    fn point(latencies_nanos: Vec<u64>, batch: u64, wall_nanos: u64) -> Point {
        Point {
            model: "m.onnx".to_owned(),
            model_sha256: String::new(),
            config: Config {
                batch,
                threads: 1,
                provider: "CPU".to_owned(),
                dims: BTreeMap::new(),
                seconds: 1.0,
                seed: 0,
                inputs: None,
            },
            input_shapes: BTreeMap::new(),
            found_dims: BTreeMap::new(),
            load_nanos: 1,
            first_inference_nanos: 1,
            warm_up_inferences: 0,
            latencies_nanos,
            wall_nanos,
            cpu_nanos: Some(wall_nanos / 2),
            peak_memory_bytes: None,
            runtime_version: String::new(),
            fingerprint: Fingerprint::default(),
            started_unix_secs: 0,
        }
    }

    #[test]
    fn percentiles_are_samples_at_the_ceiled_rank() {
        // numpy.percentile(range(1, n + 1), p, method="inverted_cdf"), numpy 2.2.
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50, 90, 95, 99].map(|p| percentile(&hundred, p)), [50, 90, 95, 99].map(Some));
        let twenty: Vec<u64> = (1..=20).collect();
        assert_eq!([50, 90, 95, 99].map(|p| percentile(&twenty, p)), [10, 18, 19, 20].map(Some));
        let three = [7, 8, 9];
        assert_eq!([50, 90, 95, 99].map(|p| percentile(&three, p)), [8, 9, 9, 9].map(Some));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn throughput_counts_items_over_wall_time() {
        // Four inferences of 8 items in 20 ms of wall time, half of it CPU: 1,600 items/s, 10 ms ÷ 32 items.
        let summary = Summary::of(&point(vec![4_000_000, 1_000_000, 3_000_000, 2_000_000], 8, 20_000_000));
        assert!((summary.throughput_per_second - 1_600.0).abs() < 1e-9);
        assert!((summary.cpu_ms_per_item.unwrap() - 0.3125).abs() < 1e-12);
        assert!((summary.p50_ms - 2.0).abs() < 1e-12);
        assert!((summary.p99_ms - 4.0).abs() < 1e-12);
        assert_eq!(summary.samples, 4);
    }

    #[test]
    fn no_samples_are_not_a_number_never_zero() {
        let summary = Summary::of(&point(Vec::new(), 1, 5));
        assert!(summary.p50_ms.is_nan() && summary.throughput_per_second.is_nan());
        assert_eq!((summary.samples, summary.cpu_ms_per_item), (0, None));
    }
}
