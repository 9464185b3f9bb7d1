//! What the samples of a measurement say, and how sure it is.
//!
//! - [`quantile`]: which sample a percentile is, and when there are too few to say
//! - [`early_stopping`]: what `MLPerf` lets one claim; [`bootstrap`]: intervals from several runs; [`stop`]: how
//!   many it takes
//! - [`warmup`]: where the steady state begins, by the change points of `pelt`; [`outliers`]: what lies far off
//! - [`ratio`]: A against B from blocks run in turn, and what difference this machine can tell; its mean and interval
//!   are `trimmed`
//!
//! Slices and seeds in, values out: must not know a clock, a disk, a model or where samples come from. The same
//! input gives the same answer every time.

pub mod bootstrap;
pub mod early_stopping;
mod levels;
pub mod outliers;
mod pelt;
pub mod quantile;
pub mod ratio;
mod special;
pub mod stop;
#[cfg(test)]
pub(super) mod synthetic;
mod trimmed;
pub mod warmup;

pub use bootstrap::{Bounds, Interval, Method, OverRuns, Statistic, interval, over_runs};
pub use early_stopping::ServerVerdict;
pub use outliers::{Clustering, Outliers};
pub use quantile::{DEFINITION, Percentile, Shown};
pub use ratio::{Decision, Estimate, Pair, Ratio, compare, resolution, sentence};
#[cfg(test)]
pub(super) use trimmed::interval as trimmed_interval;
pub use warmup::{Segment, Steadiness, Verdict, steadiness};
