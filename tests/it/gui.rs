//! The window and its pages, without a screen.

mod harness;
mod other_tools;
mod pages;
mod shell;
