//! The window and its pages, without a screen.

mod breakdown;
mod compare;
mod currencies;
mod deliveries;
mod harness;
mod lens;
#[cfg(unix)]
mod machines;
mod measure;
mod other_tools;
mod pages;
mod reconcile;
mod shell;
mod spend;
mod warehouse;
mod watch;
