//! x
mod bootstrap;
pub mod early_stopping;
mod quantile;
mod special;
mod stop;
#[cfg(test)]
mod synthetic;
pub use bootstrap::{Bounds, Interval, Method, Statistic, interval};
pub use quantile::*;
pub use stop::*;
