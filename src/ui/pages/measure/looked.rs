//! What is worked out from the raw samples of the chosen measurement, once: the samples themselves, and the figures of
//! each run. Millions of samples are worked on beside the window, which shows what it has meanwhile.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use egui::Context;

use crate::app::App;
use crate::app::project::Stored;
use crate::measure::stats::{Outliers, Percentile, Shown};
use crate::measure::{Run, Series};

/// Samples from which on they are worked on beside the window.
const MANY: usize = 400_000;

/// The figures of one run's steady state.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunFigures {
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub outliers: Outliers,
}

/// The measurement, its runs, and where their warm-ups end.
type Key = (i64, Vec<u64>);

#[derive(Default)]
pub(super) struct Looked {
    /// Measurement and number of runs that the series are of.
    series_of: Option<(i64, usize)>,
    series: Option<Result<Arc<Vec<Series>>, String>>,
    figures_of: Option<Key>,
    figures: Vec<RunFigures>,
    coming: Option<Receiver<Vec<RunFigures>>>,
}

impl Looked {
    /// Brings everything up to date with the measurement.
    pub fn follow(&mut self, ctx: &Context, app: &App, stored: &Stored) {
        let series_of = Some((stored.id, stored.point.runs.len()));
        if self.series_of != series_of {
            self.series_of = series_of;
            self.figures_of = None;
            self.figures.clear();
            self.series = Some(app.series(stored.id).map(Arc::new).map_err(|error| format!("{error:#}")));
        }
        let key = (stored.id, stored.point.runs.iter().map(Run::warm_up).collect::<Vec<u64>>());
        if self.figures_of.as_ref() != Some(&key)
            && let Some(Ok(series)) = &self.series
        {
            let (series, cuts) = (Arc::clone(series), key.1.clone());
            self.figures_of = Some(key);
            if series.iter().map(Series::len).sum::<usize>() < MANY {
                self.coming = None;
                self.figures = figures(&series, &cuts);
            } else {
                let (sender, receiver) = channel();
                let ctx = ctx.clone();
                self.coming = Some(receiver);
                std::thread::spawn(move || {
                    // Nobody waits any more when another measurement was chosen.
                    if sender.send(figures(&series, &cuts)).is_ok() {
                        ctx.request_repaint();
                    }
                });
            }
        }
        if let Some(figures) = self.coming.as_ref().and_then(|coming| coming.try_recv().ok()) {
            self.figures = figures;
            self.coming = None;
        }
    }

    /// The raw samples, or why there are none.
    pub fn series(&self) -> Result<&Arc<Vec<Series>>, &str> {
        match &self.series {
            Some(Ok(series)) => Ok(series),
            Some(Err(problem)) => Err(problem),
            None => Err("The samples are not read yet"),
        }
    }

    /// The figures of each run; empty while they are worked out.
    pub fn figures(&self) -> &[RunFigures] {
        &self.figures
    }
}

fn figures(series: &[Series], cuts: &[u64]) -> Vec<RunFigures> {
    series
        .iter()
        .zip(cuts)
        .map(|(series, cut)| {
            let from = usize::try_from(*cut).unwrap_or(usize::MAX);
            let steady = series.latency_nanos.get(from..).unwrap_or_default();
            let mut sorted = steady.to_vec();
            sorted.sort_unstable();
            let millis = |percentile| Shown::of(percentile, &sorted).nanos().map(|nanos| nanos / 1e6);
            RunFigures {
                p50_ms: millis(Percentile::P50),
                p99_ms: millis(Percentile::P99),
                outliers: Outliers::of(steady),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_percentiles_of_what_counts() {
        let slow = vec![9_000_000; 10];
        let steady: Vec<u64> = (1..=1_000).map(|rank| 1_000_000 + rank * 1_000).collect();
        let series = Series { latency_nanos: [slow, steady].concat(), ..Series::default() };
        let found = &figures(&[series], &[10])[0];
        // Ranks 500 and 990 of 1,000.
        assert_eq!((found.p50_ms, found.p99_ms), (Some(1.5), Some(1.99)));
        assert_eq!(found.outliers.samples, 1_000);
    }
}
