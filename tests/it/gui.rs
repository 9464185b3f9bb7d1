//! The window and its pages, without a screen.

mod harness;
mod measure;
mod pages;
mod shell;
