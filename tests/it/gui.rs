//! The window and its pages, without a screen.

mod breakdown;
mod harness;
mod measure;
mod pages;
mod shell;
