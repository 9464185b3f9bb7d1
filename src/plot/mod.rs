//! Draws a [`Chart`](crate::chart::Chart) with egui, the same on the screen and in an export. Knows charts and units; not eframe, not
//! the application.
//!
//! `egui_plot` gives the plane: dragging, zooming, the transform between places and the screen. Everything seen is
//! drawn here, because the charts need what it lacks: logarithmic and calendar axes, a legend that wraps, labels
//! that keep clear of the points, one tooltip with units, names for screen readers.

mod axes;
mod labels;
mod legend;
mod marker;
mod marks;
mod show;
mod tokens;
mod tooltip;
mod view;

pub use crate::chart::table::table;
pub use show::{Options, Response, show};
pub use tokens::Tokens;
