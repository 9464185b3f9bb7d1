//! The window and its pages, without a screen.

mod harness;
mod pages;
mod shell;
