//! x
pub mod bootstrap;
pub mod early_stopping;
mod pelt;
mod quantile;
mod special;
mod stop;
#[cfg(test)]
mod synthetic;
pub mod warmup;
pub use bootstrap::{Bounds, Interval, Method, Statistic, interval};
pub use quantile::*;
pub use stop::*;
