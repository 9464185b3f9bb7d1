//! x
pub mod bootstrap;
pub mod early_stopping;
mod pelt;
mod quantile;
mod special;
pub mod warmup;
mod stop;
#[cfg(test)]
mod synthetic;
pub use bootstrap::{Bounds, Interval, Method, Statistic, interval};
pub use quantile::*;
pub use stop::*;
