//! Everything the runs of one configuration say about its latency, in one value.

use serde::{Deserialize, Serialize};

use super::bootstrap::{Interval, Run, Statistic, interval_of};
use super::early_stopping::{self, Bound};
use super::quantile::{Percentile, Shown, order_interval};
use super::{Method, Outliers};

/// What is known about one percentile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Which.
    pub percentile: Percentile,
    /// What to show. Over several runs the value is the typical run's (the middle of `interval`), where every run is
    /// long enough to have the percentile; else a sample of all runs together.
    pub shown: Shown,
    /// The interval over runs; its `over_runs` is `None` with one run. `None` where `shown` is not a value.
    pub interval: Option<Interval>,
    /// The two-sided order-statistic interval of all samples together, in nanoseconds. True only if samples are
    /// independent of each other and runs alike; the narrowest there can be.
    pub order_interval_nanos: Option<[u64; 2]>,
    /// `MLPerf`'s upper bound at 99 % confidence, from all samples together.
    pub early_stopping: Option<Bound>,
}

/// What the runs of one configuration say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// [`Percentile::USUAL`], in that order.
    pub lines: Vec<Line>,
    /// The mean latency; `None` without samples.
    pub mean: Option<Interval>,
    /// Outliers of each run, by the run's own fences.
    pub outliers: Vec<Outliers>,
    /// Samples of all runs.
    pub samples: u64,
    /// Runs with at least one sample.
    pub runs: usize,
}

impl Described {
    /// What is known about `percentile`, if it is a usual one.
    pub fn line(&self, percentile: Percentile) -> Option<&Line> {
        self.lines.iter().find(|line| line.percentile == percentile)
    }

    /// The intervals of all lines that have one, for [`super::missed`].
    pub fn intervals(&self) -> Vec<Interval> {
        self.lines.iter().filter_map(|line| line.interval.clone()).collect()
    }
}

/// Describes the latencies of independent runs of one configuration, each in nanoseconds, in order of time and
/// without its warm-up. `level` is that of the intervals, usually 0.95.
pub fn describe(runs: &[&[u64]], level: f64) -> Described {
    let runs: Vec<Run<'_>> =
        runs.iter().filter(|latencies| !latencies.is_empty()).map(|latencies| Run::new(latencies)).collect();
    let mut pooled: Vec<u64> = runs.iter().flat_map(|run| &run.sorted).copied().collect();
    pooled.sort_unstable();
    let line = |percentile: Percentile| {
        let pooled_shown = Shown::of(percentile, &pooled);
        let interval = match pooled_shown {
            Shown::Value { .. } => interval_of(&runs, Statistic::Percentile(percentile), level),
            Shown::NotEnough { .. } => None,
        };
        let shown = match (&interval, pooled_shown) {
            (
                Some(Interval { method: Method::OverRuns, estimate_nanos, .. }),
                Shown::Value { samples, .. },
            ) => Shown::Value { nanos: *estimate_nanos, samples },
            _ => pooled_shown,
        };
        Line {
            percentile,
            shown,
            interval,
            order_interval_nanos: shown.nanos().and_then(|_| order_interval(&pooled, percentile, level)),
            early_stopping: early_stopping::bound(&pooled, percentile),
        }
    };
    Described {
        lines: Percentile::USUAL.map(line).into(),
        mean: interval_of(&runs, Statistic::Mean, level),
        outliers: runs.iter().map(|run| Outliers::of_sorted(run.series, &run.sorted)).collect(),
        samples: pooled.len() as u64,
        runs: runs.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{self, Source};
    use super::super::{Goal, missed};
    use super::*;

    #[test]
    fn several_runs_show_the_typical_run_inside_its_interval() {
        let mut source = Source::new(11);
        let made: Vec<Vec<u64>> = (0..5)
            .map(|_| {
                let effect = (0.05 * source.normal()).exp();
                synthetic::run(400, effect, 0.3, &mut source)
            })
            .collect();
        let runs: Vec<&[u64]> = made.iter().map(Vec::as_slice).collect();
        let found = describe(&runs, 0.95);
        assert_eq!((found.samples, found.runs, found.outliers.len()), (2_000, 5, 5));
        for percentile in [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99] {
            let line = found.line(percentile).unwrap();
            let interval = line.interval.as_ref().unwrap();
            assert!(interval.over_runs.unwrap().holds(line.shown.nanos().unwrap()), "{percentile}");
            assert!(line.early_stopping.unwrap().nanos > line.order_interval_nanos.unwrap()[0]);
        }
        let last = found.line(Percentile::P999).unwrap();
        assert_eq!(last.shown.to_string(), "not enough samples: 2,000 of 6,636");
        assert_eq!((&last.interval, last.order_interval_nanos, last.early_stopping), (&None, None, None));
        // Truth of the mean is 1.0678 ms (0.98 e^0.02 + 0.02 · 3 · e^0.125); ±10 % holds it.
        assert!((found.mean.as_ref().unwrap().estimate_nanos / 1.067_8e6 - 1.0).abs() < 0.1);
        assert_eq!(missed(&Goal::USUAL, &found.intervals()).len(), 2);
    }

    #[test]
    fn one_run_shows_a_sample() {
        let run: Vec<u64> = (1..=1_000).map(|n| n * 1_000).collect();
        let found = describe(&[&run], 0.95);
        let line = found.line(Percentile::P90).unwrap();
        assert_eq!(line.shown.to_string(), "900 µs");
        assert_eq!(line.order_interval_nanos, Some([881_000, 919_000]));
        assert_eq!(line.interval.as_ref().unwrap().method, Method::OneRun);
    }

    #[test]
    fn no_samples_are_words() {
        let found = describe(&[&[], &[]], 0.95);
        assert_eq!((found.samples, found.runs, found.mean.is_some()), (0, 0, false));
        assert!(found.lines.iter().all(|line| line.shown.nanos().is_none() && line.interval.is_none()));
    }

    #[test]
    fn it_is_kept_as_json() {
        let mut source = Source::new(3);
        let (a, b) = (synthetic::run(900, 1.0, 0.3, &mut source), synthetic::run(900, 1.1, 0.3, &mut source));
        let found = describe(&[&a, &b], 0.95);
        let kept = serde_json::to_string(&found).unwrap();
        let back: Described = serde_json::from_str(&kept).unwrap();
        let words = |described: &Described| -> Vec<String> {
            let line = |line: &Line| format!("{} {} {:?}", line.percentile, line.shown, line.early_stopping);
            described.lines.iter().map(line).collect()
        };
        assert_eq!(words(&back), words(&found));
        assert_eq!((back.samples, back.runs, back.mean.is_some()), (1_800, 2, true));
    }
}
