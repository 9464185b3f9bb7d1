//! The window and its pages, without a screen.

mod breakdown;
mod compare;
mod deliveries;
mod harness;
#[cfg(unix)]
mod machines;
mod measure;
mod other_tools;
mod pages;
mod shell;
mod spend;
mod watch;
