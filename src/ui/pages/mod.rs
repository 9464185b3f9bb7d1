//! The pages, one file each: a page reads a [`crate::ui::view::View`], draws, and pushes wishes into it.
//!
//! A page owns what it remembers between frames (the row chosen, the text in a filter) and nothing of the project.

mod bills;
mod compare;
mod explore;
mod foreign;
mod kept;
mod measure;
mod models;
mod parts;
mod prices;
mod welcome;

pub use bills::Bills;
pub use compare::Compare;
pub use explore::Explore;
pub use foreign::OtherTools;
pub use measure::Measure;
pub use models::Models;
pub use prices::Prices;
pub use welcome::Welcome;
