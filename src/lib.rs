//! Inferometer measures how fast AI models really run, lays the price of every hardware choice over the
//! measurements, puts the real cloud bill beside them and asks "what if".
//!
//! The folders tell the story; imports only ever point up this list (a test checks it):
//!
//! - [`units`]: quantities that carry their unit, and the one place that formats them for people
//! - [`model`]: an ONNX file as a value; [`hardware`]: machines and prices; [`chart`]: a chart as a value
//! - [`measure`]: run and time models; [`bill`]: read cloud bills; [`demand`]: what was asked for, over time
//! - [`plan`]: what would serve that demand more cheaply
//! - [`app`]: the headless application: project file, state, commands, jobs
//! - [`plot`]: draw a chart with egui; [`report`]: write charts and reports to files
//! - [`ui`] and [`cli`]: the two doors
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics is a test that fails")
)]

pub mod app;
pub mod bill;
pub mod chart;
pub mod cli;
pub mod demand;
pub mod hardware;
pub mod measure;
pub mod model;
pub mod plan;
pub mod plot;
pub mod report;
pub mod ui;
pub mod units;
