//! Amazon Web Services: Cost and Usage Reports, legacy and 2.0, and Cost Explorer.

mod charge;
pub mod cur;
pub mod explorer;
mod names;
mod tags;

pub(in crate::bill) use names::{regions, service_keys};
