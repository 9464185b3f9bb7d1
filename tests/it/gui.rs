//! The window and its pages, without a screen.

mod breakdown;
mod harness;
mod pages;
mod shell;
