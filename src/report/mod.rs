//! Charts and reports as files: SVG from the same drawing code as the screen, PNG from that SVG, CSV of the exact
//! data, one self-contained HTML page. Knows charts and how they are drawn; not the application's state.

mod breakdown;
mod export;
pub mod html;
mod lens;
mod png;
pub mod project;
mod reconcile;
mod shapes;
mod svg;
mod write;

use std::path::PathBuf;

pub use export::{Format, Picture, export_chart, export_chart_as};
pub use html::{Align, Block, Document, html};
pub use png::{chart_png, svg_to_png};
pub use svg::chart_svg;
pub use write::{Overwrite, write_file};

/// What an exported picture is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// White, as the light window.
    #[default]
    Light,
    /// Dark, as the dark window.
    Dark,
    /// White with black text and stronger lines, for paper.
    Print,
}

/// Why something was not exported.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are named in the messages")]
pub enum ExportError {
    /// The path's ending names no format.
    #[error(
        "cannot tell which format to export to: {found}; end the name in .svg, .png or .csv: {}",
        path.display()
    )]
    UnknownFormat { found: String, path: PathBuf },
    /// Nothing is overwritten unasked.
    #[error("a file of this name is already there; choose another name, or replace it (--force): {}", path.display())]
    Exists { path: PathBuf },
    /// There is no folder to write into.
    #[error("there is no folder {} to write into; make it, or choose another: {}", folder.display(), path.display())]
    NoFolder { folder: PathBuf, path: PathBuf },
    /// The disk said no.
    #[error("could not {doing}: {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// A shape has a coordinate that is not a finite number.
    #[error("chart `{chart}` has a shape with a coordinate that is not a finite number; no SVG was written")]
    NotFinite { chart: String },
    /// A picture of no size, or too large.
    #[error("a picture of {width} × {height} pixels cannot be made; ask for 1 to 16384 pixels a side")]
    Size { width: f32, height: f32 },
    /// Our own SVG could not be read back.
    #[error("could not rasterise the chart's SVG")]
    Svg(#[from] usvg::Error),
    /// The PNG encoder failed.
    #[error("could not encode the picture as PNG: {0}")]
    Png(String),
}
