//! Load generators: they send queries to something that answers them, and record each query.
//!
//! What answers is a trait, so that the generators are tested with answers of known length and benchmarked against
//! nothing at all. They must not know ONNX Runtime. Clock readings are those of [`std::time::Instant`]; a query of
//! an open loop counts from the moment it should have been sent, whenever it really was (Schroeder et al., "Open
//! versus closed", NSDI 2006; MLPerf LoadGen).

pub mod arrivals;
mod closed;
mod gate;
mod offline;
pub(super) mod peak;
mod pool;
mod team;
mod wait;

use std::time::{Duration, Instant};

use super::point::{Series, Trial};
use super::scenario::{Rate, Scenario};
use super::stats::Percentile;

/// Something that answers queries, for one thread.
pub trait Answerer: Send {
    /// Runs one inference with `batch` items and says when it began and when it ended. Fails in words.
    fn answer(&mut self, batch: u32) -> Result<(Instant, Instant), String>;
}

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// How load is made.
    pub scenario: &'a Scenario,
    /// Items in one inference; a dynamic batcher chooses for itself.
    pub batch: u32,
    /// Shortest series.
    pub least: Duration,
    /// Longest series, whatever `min_queries` says.
    pub most: Duration,
    /// Fewest queries.
    pub min_queries: u64,
    /// Seed of random arrivals.
    pub seed: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// Every query, in the order they began to count.
    pub series: Series,
    /// From the beginning to the last answer.
    pub wall: Duration,
    /// How late queries were sent: median, 99th percentile and largest, in nanoseconds; `None` where no schedule
    /// says when.
    pub lateness_nanos: Option<[u64; 3]>,
    /// CPU time the generator itself used in that time, waiting awake for the next moment to send, in nanoseconds;
    /// `None` where the system does not tell. What it does around an inference is too little to be told apart.
    pub generator_cpu_nanos: Option<u64>,
    /// Rates tried.
    pub trials: Vec<Trial>,
    /// Why the run is not valid; empty = valid.
    pub invalid: Vec<String>,
}

/// How many answerers a scenario needs beside each other, for so many sessions.
pub fn answerers(scenario: &Scenario, instances: u32) -> u32 {
    match scenario {
        Scenario::SingleStream => 1,
        Scenario::ClosedLoop { in_flight, .. } => (*in_flight).max(1),
        Scenario::MultiStream { .. } | Scenario::Offline | Scenario::Server { .. } => instances.max(1),
    }
}

/// Sends the queries of `plan` to `answerers`, as many as [`answerers`] says.
///
/// # Errors
/// In words, when an inference fails or the plan cannot be run.
pub fn run<A: Answerer>(plan: Plan<'_>, answerers: &mut [A]) -> Result<Record, String> {
    run_watched(plan, answerers, &|| ())
}

/// Like [`run`], and calls `begins` right before the series of the record begins: after the search where a rate is
/// searched for.
///
/// # Errors
/// Those of [`run`].
pub fn run_watched<A: Answerer>(
    plan: Plan<'_>,
    answerers: &mut [A],
    begins: &dyn Fn(),
) -> Result<Record, String> {
    let Some(first) = answerers.first_mut() else {
        return Err("there is nothing that could answer".to_owned());
    };
    if !matches!(plan.scenario, Scenario::Server { rate: Rate::Highest { .. }, .. }) {
        begins();
    }
    let mut record = match plan.scenario {
        Scenario::SingleStream => closed::single_stream(plan, first)?,
        Scenario::MultiStream { samples_per_query } => {
            closed::multi_stream(plan, *samples_per_query, answerers)?
        }
        Scenario::ClosedLoop { think_ms, .. } => {
            closed::closed_loop(plan, Duration::from_secs_f64(think_ms / 1e3), answerers)?
        }
        Scenario::Offline => offline::offline(plan, answerers)?,
        Scenario::Server { arrivals, rate: Rate::PerSecond(rate), batcher } => {
            let order = pool::Order { arrivals, rate: *rate, batcher: *batcher, patience: pool::PATIENCE };
            pool::server(plan, order, answerers)?
        }
        Scenario::Server { arrivals, rate: Rate::Highest { p99_limit_ms, tolerance }, batcher } => {
            let goal = peak::Goal { limit_ms: *p99_limit_ms, tolerance: *tolerance };
            peak::highest(plan, arrivals, *batcher, goal, answerers, begins)?
        }
    };
    judge(plan, &mut record);
    Ok(record)
}

/// Whether the series is long enough, and was sent on time.
fn judge(plan: Plan<'_>, record: &mut Record) {
    let queries = record.series.len() as u64;
    if queries < plan.min_queries {
        record.invalid.push(format!(
            "too few queries: {queries} of the {} asked for in {:.0} s; allow a longer run",
            plan.min_queries,
            plan.most.as_secs_f64()
        ));
    }
    if record.wall < plan.least {
        record.invalid.push(format!(
            "too short: {:.2} s of the {:.2} s asked for",
            record.wall.as_secs_f64(),
            plan.least.as_secs_f64()
        ));
    }
    let Some([_, p99, _]) = record.lateness_nanos else { return };
    let mut sorted = record.series.latency_nanos.clone();
    sorted.sort_unstable();
    let latency = Percentile::P99.of(&sorted).unwrap_or(0);
    let allowed = LATENESS.max(Duration::from_nanos(latency / 10));
    if Duration::from_nanos(p99) > allowed {
        record.invalid.push(format!(
            "the generator was late: 1 % of the queries were sent more than {:.2} ms after their time ({:.2} ms is \
             allowed); lower the rate, the threads or what else this machine does",
            p99 as f64 / 1e6,
            allowed.as_secs_f64() * 1e3
        ));
    }
}

/// Lateness at the 99th percentile that never makes a run invalid: a tenth of the p99 latency may be more.
const LATENESS: Duration = Duration::from_micros(200);

/// A duration in whole nanoseconds.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Room for samples made before they come: 32 MiB of address space at most, used only as far as it is filled.
fn room(plan: Plan<'_>, each: Duration) -> usize {
    let expected = (plan.least.as_nanos() / each.as_nanos().max(1)).saturating_add(16);
    usize::try_from(expected).unwrap_or(usize::MAX).min(1 << 22)
}

#[cfg(test)]
mod tests;
