//! What the samples of a measurement say. Derived from the samples; the copy beside them only saves reading them.
//!
//! A percentile is that of a typical run (see [`super::stats::bootstrap`]), with one run, or where a run is too short,
//! a sample; it is left out where there are too few samples for it by MLPerf's own rule. Its interval is over
//! independent runs, never over the samples of one. Throughput counts items over wall time, so that pauses between
//! inferences lower it, as they do in use.

use serde::{Deserialize, Serialize};

use super::point::{Point, Run};
use super::scenario::Scenario;
use super::stats::{Percentile, bootstrap, early_stopping};
use crate::units;

/// A percentile of latency, as it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The percentile in milliseconds; see [`super::stats::DEFINITION`]. `None` = not enough samples.
    pub ms: Option<f64>,
    /// 95 % interval over the runs, in milliseconds; `None` with one run.
    pub interval_ms: Option<(f64, f64)>,
    /// What the percentile does not exceed with 99 % confidence, were the samples independent (MLPerf's early
    /// stopping), in milliseconds; `None` = not enough samples.
    #[serde(default)]
    pub bound_ms: Option<f64>,
    /// Samples there are.
    pub have: u64,
    /// Samples needed: the fewest from which MLPerf's early stopping can say anything of this percentile.
    pub need: u64,
}

/// What the samples of a [`Point`] say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "percentiles of latency")]
pub struct Summary {
    pub p50: Estimate,
    pub p90: Estimate,
    pub p95: Estimate,
    pub p99: Estimate,
    pub p999: Estimate,
    /// Items per second: counted queries × their items ÷ wall time. NaN without samples.
    pub throughput_per_second: f64,
    /// 95 % interval of the runs' own items per second; `None` with one run.
    #[serde(default)]
    pub throughput_interval: Option<(f64, f64)>,
    /// CPU time of the worker per item, in milliseconds, over whole series; what its load generator and its monitor
    /// used is taken off where the system tells ([`super::Measured::own_cpu_nanos`]).
    pub cpu_ms_per_item: Option<f64>,
    /// How many latencies count.
    pub samples: u64,
    /// How many runs they come from.
    pub runs: u32,
}

impl Estimate {
    /// `not enough samples: 300 of 662`; `None` when there are enough.
    pub fn lacking(&self) -> Option<String> {
        self.ms.is_none().then(|| format!("not enough samples: {} of {}", self.have, self.need))
    }

    /// For people: `1.23 ms`, or `not enough samples: 300 of 662`.
    pub fn words(&self) -> String {
        match self.ms {
            Some(ms) => units::duration_ms(ms),
            None => format!("not enough samples: {} of {}", self.have, self.need),
        }
    }

    /// How sure: `±2.1 %`; `±>100 %` where the interval is so wide that its digits mean nothing; `None` without one.
    pub fn doubt(&self) -> Option<String> {
        let width = self.relative_half_width()?;
        Some(if width >= 1.0 { "±>100 %".to_owned() } else { format!("±{:.1} %", width * 100.0) })
    }

    /// The value, or NaN where there are too few samples: for scales and orders, never for people.
    pub fn or_nan(&self) -> f64 {
        self.ms.unwrap_or(f64::NAN)
    }

    /// Half the interval's width ÷ the value.
    pub fn relative_half_width(&self) -> Option<f64> {
        let (ms, (low, high)) = (self.ms?, self.interval_ms?);
        Some((high - low) / 2.0 / ms)
    }
}

impl Summary {
    /// Half the interval of the throughput ÷ the throughput.
    pub fn throughput_half_width(&self) -> Option<f64> {
        let (low, high) = self.throughput_interval?;
        Some((high - low) / 2.0 / self.throughput_per_second)
    }

    /// The percentiles, with their names.
    pub fn percentiles(&self) -> [(&'static str, Estimate); 5] {
        [("p50", self.p50), ("p90", self.p90), ("p95", self.p95), ("p99", self.p99), ("p99.9", self.p999)]
    }

    /// What `point` says; its runs must have their series.
    pub fn of(point: &Point) -> Self {
        // Offline has all samples wait from the beginning: how long says how long the run was, so that the inference
        // itself is what a percentile is of.
        let offline = matches!(point.config.scenario, Scenario::Offline);
        let counted =
            |run: &Run| if offline { run.steady_service_nanos() } else { run.steady_nanos() }.to_vec();
        let mut runs: Vec<Vec<u64>> = point.runs.iter().map(counted).collect();
        runs.retain(|run| !run.is_empty());
        let mut sorted: Vec<u64> = runs.concat();
        sorted.sort_unstable();
        let samples = sorted.len() as u64;
        let slices: Vec<&[u64]> = runs.iter().map(Vec::as_slice).collect();
        let estimate = |percentile: Percentile| {
            let need = percentile.floor();
            let enough = samples >= need;
            let pooled = percentile.of(&sorted).filter(|_| enough).map(|nanos| nanos as f64 / 1e6);
            let over_runs = pooled.and_then(|_| interval_of(&slices, percentile));
            let (ms, interval_ms) = match over_runs {
                Some((estimate, low, high)) => (Some(estimate), Some((low, high))),
                None => (pooled, None),
            };
            let bound = early_stopping::bound(&sorted, percentile);
            Estimate {
                ms,
                interval_ms,
                // Runs that differ may put the bound of all their samples below the percentile of a typical one.
                bound_ms: bound
                    .map(|bound| bound.nanos as f64 / 1e6)
                    .filter(|bound| ms.is_some_and(|ms| ms <= *bound)),
                have: samples,
                need,
            }
        };
        let each = point.config.items_per_query();
        let wall: u64 = point.runs.iter().map(steady_wall_nanos).sum();
        let items = samples as f64 * each as f64;
        let all_items: f64 = point.runs.iter().map(|run| run.measured.queries as f64 * each as f64).sum();
        let cpu_of = |run: &Run| {
            let all = run.measured.cpu_nanos?;
            Some(all.saturating_sub(run.measured.own_cpu_nanos.unwrap_or(0)))
        };
        let cpu: Option<u64> = point.runs.iter().map(cpu_of).sum();
        Self {
            p50: estimate(Percentile::P50),
            p90: estimate(Percentile::P90),
            p95: estimate(Percentile::P95),
            p99: estimate(Percentile::P99),
            p999: estimate(Percentile::P999),
            throughput_interval: throughput_interval(point),
            throughput_per_second: if items > 0.0 && wall > 0 {
                items / (wall as f64 / 1e9)
            } else {
                f64::NAN
            },
            cpu_ms_per_item: cpu.filter(|_| all_items > 0.0).map(|nanos| nanos as f64 / 1e6 / all_items),
            samples,
            runs: u32::try_from(runs.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Estimate and 95 % interval over runs, in milliseconds.
fn interval_of(runs: &[&[u64]], percentile: Percentile) -> Option<(f64, f64, f64)> {
    let found = bootstrap::interval(runs, bootstrap::Statistic::Percentile(percentile), 0.95)?;
    let bounds = found.over_runs?;
    Some((found.estimate_nanos / 1e6, bounds.low_nanos / 1e6, bounds.high_nanos / 1e6))
}

/// 95 % interval over the runs' own throughput, in items per second.
fn throughput_interval(point: &Point) -> Option<(f64, f64)> {
    let each = point.config.items_per_query() as f64;
    let rates: Vec<f64> = point
        .runs
        .iter()
        .filter_map(|run| {
            let wall = steady_wall_nanos(run);
            let queries = run.measured.queries.saturating_sub(run.warm_up());
            (wall > 0 && queries > 0).then(|| queries as f64 * each / (wall as f64 / 1e9))
        })
        .collect();
    let found = bootstrap::over_runs(&rates, 0.95)?;
    Some((found.low, found.high))
}

/// Wall time of what counts, to the last answer: from the beginning of the series, or from the first query after the
/// warm-up; in Offline, whose queries all begin at once, from the end of the last inference before it.
fn steady_wall_nanos(run: &Run) -> u64 {
    let series = &run.measured.series;
    if series.is_empty() {
        return 0;
    }
    let from = match usize::try_from(run.warm_up()) {
        Ok(0) => Some(0),
        Ok(cut) if series.began_nanos.last() == Some(&0) => series.latency_nanos.get(cut - 1).copied(),
        Ok(cut) => series.began_nanos.get(cut).copied(),
        Err(_too_many) => None,
    };
    from.map_or(0, |from| run.measured.wall_nanos.saturating_sub(from))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Config, Measured, Series};
    use super::*;
    use crate::hardware::Fingerprint;

    fn run(latency_nanos: Vec<u64>, warm_up: u64) -> Run {
        let at = latency_nanos.iter().sum();
        let measured = Measured {
            load_nanos: 1,
            first_inference_nanos: 1,
            queries: latency_nanos.len() as u64,
            wall_nanos: at,
            cpu_nanos: Some(at / 2),
            warm_up,
            series: Series::one_after_another(latency_nanos),
            ..Measured::default()
        };
        Run { started_unix_secs: 0, measured, moved_warm_up: None }
    }

    fn point(runs: Vec<Run>, batch: u64) -> Point {
        Point {
            model: "m.onnx".to_owned(),
            model_sha256: String::new(),
            config: Config { batch, ..Config::default() },
            input_shapes: BTreeMap::new(),
            found_dims: BTreeMap::new(),
            runs,
            ended: None,
            runtime_version: String::new(),
            fingerprint: Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 0,
        }
    }

    #[test]
    fn an_interval_wider_than_the_value_is_said_without_digits() {
        let estimate = |low, high| Estimate {
            ms: Some(10.0),
            interval_ms: Some((low, high)),
            ..Summary::of(&point(vec![run(vec![5_000_000; 100], 0)], 1)).p50
        };
        assert_eq!(estimate(9.0, 11.0).doubt().unwrap(), "±10.0 %");
        assert_eq!(estimate(0.0, 20.0).doubt().unwrap(), "±>100 %");
    }

    #[test]
    fn throughput_counts_items_over_the_wall_time_that_counts() {
        // 100 inferences of 8 items after a warm-up of 10 slow ones; 5 ms each: 1,600 items/s.
        let latencies = [vec![50_000_000; 10], vec![5_000_000; 100]].concat();
        let summary = Summary::of(&point(vec![run(latencies, 10)], 8));
        assert!((summary.throughput_per_second - 1_600.0).abs() < 1e-9);
        // Half of 1 s of wall time over all 110 × 8 items.
        assert!((summary.cpu_ms_per_item.unwrap() - 500.0 / 880.0).abs() < 1e-9);
        assert_eq!((summary.samples, summary.p50.ms), (100, Some(5.0)));
    }

    #[test]
    fn what_measuring_itself_used_is_no_cost_of_an_item() {
        // Two runs of 100 × 10 ms, half of it CPU time, of which the generator and the monitor used 100 ms in one:
        // (500 + 500 − 100) ms over 200 items.
        let mut runs = vec![run(vec![10_000_000; 100], 0), run(vec![10_000_000; 100], 0)];
        runs[0].measured.own_cpu_nanos = Some(100_000_000);
        let summary = Summary::of(&point(runs, 1));
        assert!((summary.cpu_ms_per_item.unwrap() - 4.5).abs() < 1e-9);
    }

    #[test]
    fn too_few_samples_are_said_and_never_a_number() {
        let summary = Summary::of(&point(vec![run((1..=300).map(|ms| ms * 1_000_000).collect(), 0)], 1));
        assert_eq!(summary.p95.ms, Some(285.0));
        assert_eq!(summary.p99.ms, None);
        assert_eq!(summary.p99.lacking().unwrap(), "not enough samples: 300 of 662");
        assert_eq!(summary.p50.interval_ms, None, "one run has no interval");
    }

    #[test]
    fn a_moved_warm_up_moves_what_counts() {
        let mut moved = run([vec![9_000_000; 50], vec![1_000_000; 50]].concat(), 0);
        moved.moved_warm_up = Some(50);
        let summary = Summary::of(&point(vec![moved], 1));
        assert_eq!((summary.samples, summary.p90.have), (50, 50));
        assert_eq!(summary.p50.ms, Some(1.0));
        assert!((summary.throughput_per_second - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn runs_that_differ_give_a_wide_interval_around_the_estimate() {
        let runs = [10, 11, 12].map(|ms| run(vec![ms * 1_000_000; 200], 0));
        let summary = Summary::of(&point(runs.to_vec(), 1));
        let (low, high) = summary.p50.interval_ms.unwrap();
        assert!(low < 10.5 && high > 11.5, "{low} to {high}");
        // The geometric mean of 10, 11 and 12.
        assert!((summary.p50.ms.unwrap() - 1_320_f64.cbrt()).abs() < 1e-9);
    }

    #[test]
    fn no_samples_are_not_a_number_never_zero() {
        let summary = Summary::of(&point(vec![run(Vec::new(), 0)], 1));
        assert!(summary.p50.ms.is_none() && summary.throughput_per_second.is_nan());
        assert_eq!((summary.samples, summary.cpu_ms_per_item), (0, None));
    }
}
