//! The window and its pages, without a screen.

mod harness;
#[cfg(unix)]
mod machines;
mod pages;
mod shell;
