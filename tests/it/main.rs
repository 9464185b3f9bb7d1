//! The one integration-test binary; a module a concern.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics is a test that fails")]

mod architecture;
mod bill;
mod chart;
mod cli;
mod duel;
mod gui;
mod hardware;
mod measure;
mod model;
mod plan;
mod project;
mod sample;
mod wheels;
