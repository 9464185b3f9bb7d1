//! The highest rate at which 99 % of the queries are answered within a limit, by bisection.
//!
//! Starts from the throughput of a short closed loop on all answerers, at the largest batch: no open loop can do
//! better for long. A rate passes when MLPerf's early-stopping rule says with 99 % confidence that at most 1 % of
//! its queries are over the limit; a trial lasts until there are queries enough for that rule to pass, and long enough
//! for a queue that grows to be seen.

use std::time::Duration;

use super::pool::{self, Order};
use super::{Answerer, Plan, Record, closed};
use crate::measure::point::Trial;
use crate::measure::scenario::{Arrivals, Batcher, Scenario};
use crate::measure::stats::Percentile;
use crate::measure::stats::early_stopping::ServerVerdict;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// 99th percentile allowed, in milliseconds.
    pub limit_ms: f64,
    /// Share by which the highest passing and the lowest failing rate may differ.
    pub tolerance: f64,
}

/// Length of the closed loop that says where to look.
const LOOK: Duration = Duration::from_millis(300);
/// Rates tried before giving up: enough for a tolerance of 0.1 % over three powers of ten.
const MOST_TRIALS: usize = 24;
/// Share of the closed loop's throughput below which no rate is tried.
const LOWEST: f64 = 1e-3;

/// The highest rate that passed, measured once more, with all trials; `begins` is called before that last one.
pub(super) fn highest<A: Answerer>(
    plan: Plan<'_>,
    arrivals: &Arrivals,
    batcher: Option<Batcher>,
    goal: Goal,
    answerers: &mut [A],
    begins: &dyn Fn(),
) -> Result<Record, String> {
    let batch = batcher.map_or(plan.batch, |batcher| batcher.max_batch);
    let per_query = if batcher.is_some() { 1 } else { batch };
    let look =
        Plan { scenario: &Scenario::Offline, batch, least: LOOK, most: LOOK * 4, min_queries: 4, ..plan };
    let capacity = closed::closed_loop(look, Duration::ZERO, answerers)?;
    if batcher.is_none() {
        let mut alone = capacity.series.latency_nanos.clone();
        alone.sort_unstable();
        if let Some(median) = Percentile::P50.of(&alone).map(|nanos| nanos as f64 / 1e6)
            && median > goal.limit_ms
        {
            return Err(format!(
                "no rate keeps the p99 within {} ms: half of the inferences take {median:.3} ms or more without any \
                 waiting; allow a longer latency",
                goal.limit_ms
            ));
        }
    }
    let queries = capacity.series.len() as f64 * f64::from(batch) / f64::from(per_query);
    let most = queries / capacity.wall.as_secs_f64();
    // A little above it, since a closed loop of one client an answerer waits between answers.
    let (mut passed, mut failed) = (0.0_f64, most * 1.2);
    let mut has_failed = false;
    let mut trials = Vec::new();
    while trials.len() < MOST_TRIALS && failed > most * LOWEST {
        if failed - passed <= goal.tolerance * failed {
            if has_failed {
                break;
            }
            // Everything passed so far: the short look was too low.
            failed *= 1.5;
        }
        // While nothing has passed, quickly down; then halving.
        let rate = if passed > 0.0 { f64::midpoint(passed, failed) } else { failed * 0.5 };
        let record = attempt(plan, arrivals, batcher, goal, rate, answerers)?;
        let (queries, need) = (record.series.len() as u64, Percentile::P99.floor());
        if record.invalid.is_empty() && queries < need {
            // Lower rates have even fewer.
            return Err(format!(
                "only {queries} queries fit into the {:.1} s that one rate is tried for at {rate:.2} a second, and a p99 \
                 takes {need}; allow a longer run",
                plan.most.as_secs_f64()
            ));
        }
        let mut trial = judge(&record, rate, goal);
        if !trial.passed && record.invalid.is_empty() && trial.over * 100 <= trial.queries {
            // Not over the limit, only too few queries to be sure of it.
            trials.push(trial);
            let longer = Plan { min_queries: trial.queries * 4, ..plan };
            trial = judge(&attempt(longer, arrivals, batcher, goal, rate, answerers)?, rate, goal);
        }
        trials.push(trial);
        if trial.passed {
            passed = rate;
        } else {
            failed = rate;
            has_failed = true;
        }
    }
    if passed <= 0.0 {
        let slowest = trials.last();
        let p99 = slowest.and_then(|trial| trial.p99_ms);
        return Err(format!(
            "no rate keeps the p99 within {} ms: at {:.2} a second {}; allow a longer latency, or a longer run",
            goal.limit_ms,
            slowest.map_or(f64::NAN, |trial| trial.rate),
            p99.map_or_else(|| "queries were given up".to_owned(), |p99| format!("it was {p99:.3} ms")),
        ));
    }
    // What passed was chosen because it passed: it is measured once more, with other arrivals.
    let again = Plan { seed: plan.seed ^ 0x5EED_0FA6_A1C0_DE00, ..plan };
    begins();
    let mut record = attempt(again, arrivals, batcher, goal, passed, answerers)?;
    let trial = judge(&record, passed, goal);
    if !trial.passed {
        record.invalid.push(format!(
            "the rate found, {passed:.1} a second, did not hold when measured again: {} of {} queries over {} ms",
            trial.over, trial.queries, goal.limit_ms
        ));
    }
    record.trials = trials;
    Ok(record)
}

fn attempt<A: Answerer>(
    plan: Plan<'_>,
    arrivals: &Arrivals,
    batcher: Option<Batcher>,
    goal: Goal,
    rate: f64,
    answerers: &mut [A],
) -> Result<Record, String> {
    let limit = Duration::from_secs_f64(goal.limit_ms / 1e3);
    let order = Order { arrivals, rate, batcher, patience: (limit * 10).max(Duration::from_millis(200)) };
    let plan = Plan {
        min_queries: plan.min_queries.max(Percentile::P99.floor()),
        least: plan.least.max(shortest(goal.limit_ms, goal.tolerance)),
        most: plan.most.max(shortest(goal.limit_ms, goal.tolerance)),
        ..plan
    };
    pool::server(plan, order, answerers)
}

/// How long a rate must be tried: a queue that grows because the rate is too high by a share s reaches the limit L
/// after L/s, and half the tolerance is to be seen.
pub(in crate::measure) fn shortest(limit_ms: f64, tolerance: f64) -> Duration {
    Duration::try_from_secs_f64(2.0 * limit_ms / 1e3 / tolerance).unwrap_or(Duration::MAX)
}

fn judge(record: &Record, rate: f64, goal: Goal) -> Trial {
    let limit = goal.limit_ms * 1e6;
    let queries = record.series.len() as u64;
    let over = record.series.latency_nanos.iter().filter(|latency| **latency as f64 > limit).count() as u64;
    let mut sorted = record.series.latency_nanos.clone();
    sorted.sort_unstable();
    let enough = queries >= Percentile::P99.floor();
    Trial {
        rate,
        queries,
        over,
        p99_ms: Percentile::P99.of(&sorted).filter(|_| enough).map(|nanos| nanos as f64 / 1e6),
        passed: record.invalid.is_empty() && ServerVerdict::of(queries, over, Percentile::P99).passed(),
    }
}
