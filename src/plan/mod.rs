//! What would serve the same demand within the same latency limit more cheaply. Pure.

mod explain;
pub mod mdc;
pub mod offers;
pub mod pareto;
mod poisson;
pub mod queueing;
mod search;
mod sizing;
pub mod tco;
pub mod unit_cost;

pub use offers::{answer, answer_first};
pub use pareto::pareto_front;

use serde::{Deserialize, Serialize};

use crate::hardware::Purchase;
use crate::units::Money;

/// How p99 is estimated. Waiting is that of M/D/c: A. K. Crommelin, "Delay probability formulas when the holding
/// times are constant" (1932); G. J. Franx, "A simple solution for the M/D/c waiting time distribution" (2001);
/// G. P. Cosmetatos, approximate formulas for the mean wait (1975). See [`mdc`].
pub const METHOD: &str =
    "p99 = fill + wait + service; waiting by M/D/c (Crommelin 1932; Franx 2001; Cosmetatos 1975)";

/// A measured configuration, as the planner sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What makes the variant one: the model's hash and the values of its dimensions. Two variants may share a
    /// name, never this.
    pub id: String,
    /// Variant shown to people: the model's file name.
    pub variant: String,
    /// Items in one inference.
    pub batch: u64,
    /// Threads of one session.
    pub threads: u32,
    /// Execution provider.
    pub provider: String,
    /// Median latency of one inference of `batch` items, in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// Items per second of one session.
    pub throughput_per_second: f64,
    /// Peak memory of one session's process, in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Share of labelled inputs answered rightly, where a labelled set was given.
    pub accuracy: Option<f64>,
    /// Measured on the machine that profiles with `is_measured_machine` describe.
    pub same_machine: bool,
    /// How many inferences the percentiles come from.
    pub samples: usize,
}

/// What is asked of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Requests per second to be served.
    pub rps: f64,
    /// 99th percentile of latency allowed, waiting included, in milliseconds.
    pub p99_limit_ms: f64,
    /// Highest share of a replica's measured throughput that may be used on average, in (0, 1].
    pub utilisation: f64,
    /// What the bill shows for this service today, per month of 730 hours; `None` when no bill is open.
    pub today_per_month: Option<Money>,
    /// The currency of `today_per_month`.
    pub currency: String,
}

/// One way to serve the demand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// [`Measured::id`] of the variant; empty for "stay as you are".
    #[serde(default)]
    pub id: String,
    /// The measured variant; for "stay as you are" what runs today, in words.
    pub variant: String,
    /// Machine, as its provider names it.
    pub instance: String,
    /// Provider's name.
    pub provider: String,
    /// Region id.
    pub region: String,
    /// How it is bought; `None` for "stay as you are".
    pub purchase: Option<Purchase>,
    /// Items in one inference.
    pub batch: u64,
    /// Threads of one session.
    pub threads: u32,
    /// Machines needed.
    pub replicas: u64,
    /// Sessions on one machine.
    pub sessions_per_replica: u64,
    /// 99th percentile with batching and waiting, in milliseconds; `None` where unknown (stay as you are).
    pub p99_ms: Option<f64>,
    /// Average use of the measured throughput, in [0, 1].
    pub utilisation: Option<f64>,
    /// Cost of 730 hours; `None` when not known.
    pub cost_per_month: Option<Money>,
    /// Cost of 1,000 requests at this demand.
    pub cost_per_thousand: Option<Money>,
    /// Cost per month minus today's.
    pub difference_per_month: Option<Money>,
    /// Within the p99 limit; `None` = not known.
    pub meets_limit: Option<bool>,
    /// The price stands over another machine's measurement: the machine priced is not the one that measured.
    pub assumed: bool,
    /// True for the row "stay as you are".
    pub stay: bool,
    /// Why a value is missing or the limit is not met, in words; empty otherwise.
    pub reason: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Offers, those that meet the limit first, by cost; "stay as you are" among them.
    pub offers: Vec<Offer>,
    /// Place of the best one in `offers`: the cheapest within the limit, or "stay as you are" where today costs
    /// less than that (and how fast it answers is not known). `None` when no offer meets the limit.
    pub best: Option<usize>,
    /// Why the winner wins, or what stands in the way.
    pub why: String,
    /// What was not offered: a plural noun phrase and how many, e.g. `machines priced in another currency`, 12.
    #[serde(default)]
    pub left_out: Vec<(String, usize)>,
    /// How p99 was estimated, with the sources: [`METHOD`].
    #[serde(default)]
    pub method: String,
}
