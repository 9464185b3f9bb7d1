//! The window: a shell around one page at a time.
//!
//! - [`shell`]: menus, rail, status bar, palette, dialogs, messages; does what pages wish for
//! - [`pages`]: one file a page; each reads a [`view::View`] and pushes [`view::Action`]s
//! - [`widgets`] and [`theme`]: what pages are written in, and how it looks

pub mod pages;
pub mod shell;
pub mod theme;
pub mod view;
pub mod widgets;

pub use shell::run;
