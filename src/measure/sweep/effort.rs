//! How many runs a configuration gets, and how long a sweep will take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sweep;
use crate::measure::load::peak;
use crate::measure::stats::{Percentile, stop};
use crate::measure::{Config, Ended, Point, Rate, Scenario, Summary};

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

/// How long a sweep takes: by its fewest and its most runs, and by how long one may last where nobody knows how long
/// the fewest queries take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Configurations, over all models.
    pub configurations: usize,
    /// With the fewest runs, as short as they may be.
    pub least: Duration,
    /// With the most runs that the time for one configuration allows, as long as they may be.
    pub most: Duration,
}

/// Loading and first inference of a configuration nobody has measured yet, in seconds.
pub(super) const FIRST_GUESS_SECS: f64 = 1.0;
/// Starting a process, and looking at what it found.
const AROUND_SECS: f64 = 0.3;
/// Rates tried until the highest is known.
const USUAL_TRIALS: f64 = 8.0;
/// Longest series, as a multiple of the shortest, when many queries are asked for of a slow model.
const LONGEST: f64 = 20.0;
/// Longest series at least, in seconds.
const LONGEST_SECS: f64 = 60.0;

impl Sweep {
    /// How long it will take; `known` are earlier measurements of its models, by hash: their load times tell, and of
    /// the same configuration how long a query takes.
    pub fn expected(&self, hashes: &[String], known: &[&Point]) -> Expected {
        let configs = self.configs();
        let (mut least, mut most) = (0.0, 0.0);
        for sha256 in hashes {
            let of_model: Vec<&Point> =
                known.iter().filter(|point| point.model_sha256 == *sha256).copied().collect();
            let start = of_model.iter().filter_map(|point| start_secs(point)).reduce(f64::max);
            let around = start.unwrap_or(FIRST_GUESS_SECS) + AROUND_SECS;
            for config in &configs {
                let key = config.key();
                let query =
                    of_model.iter().rev().filter(|p| p.config.key() == key).find_map(|p| query_secs(p));
                let (short, long) = series_secs(config, query);
                let settle = settle_secs(config.seconds);
                least += f64::from(self.effort.least_runs) * (short + settle + around);
                most += self.effort.longest(long + settle + around);
            }
        }
        let duration = |secs: f64| Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX);
        Expected {
            configurations: configs.len() * hashes.len(),
            least: duration(least),
            most: duration(most.max(least)),
        }
    }
}

impl Effort {
    /// How long one configuration takes at most, whose runs take `run_secs` each: after the fewest runs none is begun
    /// once the time is up.
    fn longest(&self, run_secs: f64) -> f64 {
        let runs = |count: u32| f64::from(count) * run_secs;
        if self.least_runs >= self.most_runs {
            return runs(self.least_runs);
        }
        runs(self.most_runs).min(runs(self.least_runs).max(self.most_seconds + run_secs))
    }
}

fn start_secs(point: &Point) -> Option<f64> {
    Some((point.load_nanos()? + point.first_inference_nanos()?) as f64 / 1e9)
}

/// Wall time of one query, on average over all runs.
fn query_secs(point: &Point) -> Option<f64> {
    let queries: u64 = point.runs.iter().map(|run| run.measured.queries).sum();
    let nanos: u64 = point.runs.iter().map(|run| run.measured.wall_nanos).sum();
    (queries > 0).then(|| nanos as f64 / 1e9 / queries as f64)
}

/// The shortest and the longest series of one run, in seconds; one number where it is known how long a query takes:
/// `query` in an earlier measurement, or by the rate asked for.
fn series_secs(config: &Config, query: Option<f64>) -> (f64, f64) {
    let most = most_series_secs(config.seconds);
    // The fewest queries take that long; what takes longer than allowed is cut off.
    let of = |shortest: f64, queries: u64, query: Option<f64>| match query {
        _ if queries == 0 => (shortest, shortest),
        Some(each) => {
            let secs = (queries as f64 * each).clamp(shortest, most.max(shortest));
            (secs, secs)
        }
        None => (shortest, most.max(shortest)),
    };
    match &config.scenario {
        Scenario::Server { rate: Rate::PerSecond(rate), .. } => {
            of(config.seconds, config.min_queries, Some(1.0 / rate))
        }
        Scenario::Server { rate: Rate::Highest { p99_limit_ms, tolerance }, .. } => {
            let shortest = config.seconds.max(peak::shortest(*p99_limit_ms, *tolerance).as_secs_f64());
            // Rates are tried around the one that is found, each until a p99 can be told.
            let queries = config.min_queries.max(Percentile::P99.floor());
            let (short, long) = of(shortest, queries, query);
            (short * USUAL_TRIALS, long * USUAL_TRIALS)
        }
        _ => of(config.seconds, config.min_queries, query),
    }
}

/// The longest series of a run, in seconds, whatever number of queries is asked for.
pub(super) fn most_series_secs(seconds: f64) -> f64 {
    (seconds * LONGEST).max(LONGEST_SECS)
}

/// Warm-up of one run, in seconds.
fn settle_secs(seconds: f64) -> f64 {
    0.2_f64.max(seconds / 10.0)
}

/// Warm-up and the shortest series of one run, in seconds.
pub(super) fn run_secs(config: &Config) -> f64 {
    series_secs(config, None).0 + settle_secs(config.seconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::hardware::Fingerprint;
    use crate::measure::{Estimate, Measured, Run};

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

    /// A measurement whose queries took so long.
    fn measured(config: &Config, queries: u64, wall_secs: u64) -> Point {
        let measured = Measured {
            load_nanos: 700_000_000,
            first_inference_nanos: 0,
            queries,
            wall_nanos: wall_secs * 1_000_000_000,
            ..Measured::default()
        };
        Point {
            model: "a.onnx".to_owned(),
            model_sha256: "a".to_owned(),
            config: config.clone(),
            input_shapes: BTreeMap::new(),
            found_dims: BTreeMap::new(),
            runs: vec![Run { started_unix_secs: 0, measured, moved_warm_up: None }],
            ended: None,
            runtime_version: String::new(),
            fingerprint: Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 0,
        }
    }

    fn close(found: Duration, secs: f64) {
        assert!((found.as_secs_f64() - secs).abs() < 1e-6, "{found:?} instead of {secs} s");
    }

    #[test]
    fn many_queries_take_as_long_as_they_took_before_and_a_range_where_nobody_knows() {
        let hashes = ["a".to_owned()];
        let sweep = Sweep { seconds: 2.0, min_queries: 1_000, effort: Effort::runs(1), ..Sweep::default() };
        // Nobody knows: 2 s to 60 s, and 0.2 s + 1 s + 0.3 s around them.
        let expected = sweep.expected(&hashes, &[]);
        close(expected.least, 3.5);
        close(expected.most, 61.5);
        // 100 queries took 1 s: 1,000 take 10 s; loading took 0.7 s.
        let config = sweep.configs().remove(0);
        let known = measured(&config, 100, 1);
        let expected = sweep.expected(&hashes, &[&known]);
        close(expected.least, 10.0 + 0.2 + 0.7 + 0.3);
        assert_eq!(expected.least, expected.most);
        // Another batch tells how long loading takes, and no more.
        let other = measured(&Config { batch: 8, ..config.clone() }, 100, 1);
        close(sweep.expected(&hashes, &[&other]).most, 60.0 + 0.2 + 0.7 + 0.3);
        // A query of a second: 1,000 do not fit, and 60 s is the most.
        close(sweep.expected(&hashes, &[&measured(&config, 3, 3)]).least, 60.0 + 1.2);
        // A rate says it: 1,000 at 50 a second are 20 s.
        let server = "server:50".parse().unwrap();
        let sweep = Sweep { scenarios: vec![server], ..sweep };
        close(sweep.expected(&hashes, &[]).most, 20.0 + 1.5);
    }

    #[test]
    fn the_time_for_one_configuration_bounds_its_further_runs() {
        let effort = Effort { least_runs: 5, most_runs: 100, most_seconds: 120.0, ..Effort::default() };
        // Runs of 10 s: none is begun after 120 s, so at most 13. Of 30 s: five are made in any case.
        assert!((effort.longest(10.0) - 130.0).abs() < 1e-9);
        assert!((effort.longest(30.0) - 150.0).abs() < 1e-9 && (effort.longest(1.0) - 100.0).abs() < 1e-9);
        assert!((Effort::runs(3).longest(100.0) - 300.0).abs() < 1e-9, "as many as asked, however long");
    }
}
