//! The one integration-test binary; a module a concern.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics is a test that fails")]

mod architecture;
mod bill;
mod bill_azure;
mod bill_deliveries;
mod bill_doors;
mod bill_explore;
mod bill_formats;
mod bill_lens;
mod bill_mutated;
mod bill_properties;
mod bill_rates;
mod bill_reconcile;
mod bill_robust;
mod chart;
mod cli;
mod cli_words;
mod duel;
mod gui;
mod hardware;
mod import_a;
mod import_b;
mod measure;
mod model;
mod plan;
mod profile;
mod project;
#[cfg(unix)]
mod remote;
mod results;
#[cfg(unix)]
mod resumed;
mod sample;
mod warehouse;
mod warehouse_questions;
mod warehouse_views;
mod watch;
mod watch_months;
mod wheels;
