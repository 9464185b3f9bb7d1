//! How many runs a configuration gets, and how long a sweep will take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sweep;
use crate::measure::load::peak;
use crate::measure::stats::stop;
use crate::measure::{Ended, Point, Rate, Scenario, Summary};

/// How many runs, and how precise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Runs every configuration gets.
    pub least_runs: u32,
    /// Runs no configuration gets more of.
    pub most_runs: u32,
    /// Half-width of the 95 % interval of p50 that is narrow enough, as a share of it.
    pub p50: f64,
    /// The same for p99, where there are samples enough for one.
    pub p99: f64,
    /// Time after which a configuration gets no further run, in seconds.
    pub most_seconds: f64,
}

impl Default for Effort {
    /// 5 to 10 runs, until p50 is known within 2 % and p99 within 5 %, or 2 minutes are over. Fewer than
    /// [`stop::MIN_RUNS`] give intervals that look narrow too often by chance.
    fn default() -> Self {
        Self { least_runs: stop::MIN_RUNS as u32, most_runs: 10, p50: 0.02, p99: 0.05, most_seconds: 120.0 }
    }
}

impl Effort {
    /// Exactly this many runs, whatever they say.
    pub fn runs(runs: u32) -> Self {
        Self { least_runs: runs, most_runs: runs, ..Self::default() }
    }

    /// Why a configuration with these `runs` gets no further one; `None` = it gets one.
    pub fn ended(
        &self,
        scenario: &Scenario,
        summary: &Summary,
        runs: usize,
        spent_secs: f64,
    ) -> Option<Ended> {
        let runs = u32::try_from(runs).unwrap_or(u32::MAX);
        if self.least_runs >= self.most_runs {
            return (runs >= self.most_runs).then_some(Ended::AsAsked);
        }
        if runs < self.least_runs {
            return None;
        }
        if self.is_met(scenario, summary) {
            return Some(Ended::Precise);
        }
        if runs >= self.most_runs {
            return Some(Ended::MostRuns);
        }
        (spent_secs >= self.most_seconds).then_some(Ended::TimeUp)
    }

    /// Whether both intervals are narrow enough; a p99 without samples enough is not. What Offline and the search for
    /// the highest rate find is a throughput: it has to be as sure as p50.
    fn is_met(&self, scenario: &Scenario, summary: &Summary) -> bool {
        let narrow = |width: Option<f64>, target: f64| width.is_some_and(|width| width <= target);
        if matches!(scenario, Scenario::Offline | Scenario::Server { rate: Rate::Highest { .. }, .. }) {
            return narrow(summary.throughput_half_width(), self.p50);
        }
        narrow(summary.p50.relative_half_width(), self.p50)
            && narrow(summary.p99.relative_half_width(), self.p99)
    }
}

/// How long a sweep takes, by its fewest and its most runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Configurations, over all models.
    pub configurations: usize,
    /// With the fewest runs.
    pub least: Duration,
    /// With the most.
    pub most: Duration,
}

/// Loading and first inference of a configuration nobody has measured yet, in seconds.
pub(super) const FIRST_GUESS_SECS: f64 = 1.0;
/// Starting a process, and looking at what it found.
const AROUND_SECS: f64 = 0.3;
/// Rates tried until the highest is known.
const USUAL_TRIALS: f64 = 8.0;

impl Sweep {
    /// How long it will take; `known` are earlier measurements of its models, by hash, whose load times tell.
    pub fn expected(&self, hashes: &[String], known: &[&Point]) -> Expected {
        let configs = self.configs();
        let each: f64 = hashes
            .iter()
            .map(|sha256| {
                let of_model: Vec<f64> = known
                    .iter()
                    .filter(|point| point.model_sha256 == *sha256)
                    .filter_map(|p| start_secs(p))
                    .collect();
                let start = of_model.iter().copied().reduce(f64::max).unwrap_or(FIRST_GUESS_SECS);
                configs
                    .iter()
                    .map(|config| run_secs(self.seconds, &config.scenario) + start + AROUND_SECS)
                    .sum::<f64>()
            })
            .sum();
        let secs = |runs: u32| Duration::try_from_secs_f64(each * f64::from(runs)).unwrap_or(Duration::MAX);
        Expected {
            configurations: configs.len() * hashes.len(),
            least: secs(self.effort.least_runs),
            most: secs(self.effort.most_runs.max(self.effort.least_runs)),
        }
    }
}

fn start_secs(point: &Point) -> Option<f64> {
    Some((point.load_nanos()? + point.first_inference_nanos()?) as f64 / 1e9)
}

/// Warm-up and series of one run, in seconds.
pub(super) fn run_secs(seconds: f64, scenario: &Scenario) -> f64 {
    let series = match scenario {
        Scenario::Server { rate: Rate::Highest { p99_limit_ms, tolerance }, .. } => {
            seconds.max(peak::shortest(*p99_limit_ms, *tolerance).as_secs_f64()) * USUAL_TRIALS
        }
        _ => seconds,
    };
    series + 0.2_f64.max(seconds / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Estimate;

    fn summary(p50: Option<(f64, f64)>, p99: Option<(f64, f64)>) -> Summary {
        let estimate = |interval: Option<(f64, f64)>| Estimate {
            ms: interval.map(|(low, high)| f64::midpoint(low, high)),
            interval_ms: interval,
            bound_ms: None,
            have: 1_000,
            need: 11,
        };
        Summary {
            p50: estimate(p50),
            p90: estimate(p50),
            p95: estimate(p50),
            p99: estimate(p99),
            p999: estimate(None),
            throughput_per_second: 1.0,
            throughput_interval: Some((0.9, 1.1)),
            cpu_ms_per_item: None,
            samples: 1_000,
            runs: 3,
        }
    }

    #[test]
    fn runs_end_when_both_intervals_are_narrow_or_nothing_more_is_allowed() {
        let effort = Effort::default();
        let narrow = summary(Some((0.99, 1.01)), Some((1.95, 2.05)));
        let wide = summary(Some((0.99, 1.01)), Some((1.8, 2.2)));
        assert_eq!(effort.ended(&Scenario::SingleStream, &narrow, 4, 1.0), None, "fewer than the fewest");
        assert_eq!(effort.ended(&Scenario::SingleStream, &narrow, 5, 1.0), Some(Ended::Precise));
        assert_eq!(effort.ended(&Scenario::SingleStream, &wide, 5, 1.0), None);
        assert_eq!(
            effort.ended(&Scenario::SingleStream, &summary(Some((0.99, 1.01)), None), 5, 1.0),
            None,
            "no p99 is not precise"
        );
        assert_eq!(effort.ended(&Scenario::SingleStream, &wide, 10, 1.0), Some(Ended::MostRuns));
        assert_eq!(effort.ended(&Scenario::SingleStream, &wide, 6, 120.0), Some(Ended::TimeUp));
        assert_eq!(effort.ended(&Scenario::Offline, &narrow, 5, 1.0), None, "its throughput is ±10 %");
        assert_eq!(Effort::runs(1).ended(&Scenario::SingleStream, &wide, 1, 1.0), Some(Ended::AsAsked));
        assert_eq!(Effort::runs(2).ended(&Scenario::SingleStream, &narrow, 1, 1.0), None);
    }

    #[test]
    fn the_time_expected_counts_runs_configurations_and_what_loading_took() {
        let sweep = Sweep { batches: vec![1, 2], seconds: 2.0, ..Sweep::default() };
        let expected = sweep.expected(&["a".to_owned()], &[]);
        // 2 configurations × (2 s + 0.2 s + 1 s guessed + 0.3 s) × 5 to 10 runs.
        assert_eq!(expected.configurations, 2);
        assert!((expected.least.as_secs_f64() - 35.0).abs() < 1e-6, "{expected:?}");
        assert!((expected.most.as_secs_f64() - 70.0).abs() < 1e-6, "{expected:?}");
    }
}
