//! One chart to one file, in the format its name asks for.

use std::path::Path;

use super::{ExportError, Overwrite, Theme, chart_png, chart_svg, write_file};
use crate::chart::Chart;
use crate::chart::csv::to_csv;

/// What a chart can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Vector picture.
    Svg,
    /// Pixels.
    Png,
    /// The exact data.
    Csv,
}

impl Format {
    /// By the ending of the name, in either case.
    pub fn of(path: &Path) -> Result<Self, ExportError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some("csv") => Ok(Self::Csv),
            Some(other) => Err(ExportError::UnknownFormat {
                found: format!("`.{other}` is none of ours"),
                path: path.into(),
            }),
            None => Err(ExportError::UnknownFormat {
                found: "the name has no ending".to_owned(),
                path: path.into(),
            }),
        }
    }
}

/// How a picture is made. CSV ignores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picture {
    /// Width and height in CSS pixels.
    pub size: [f32; 2],
    /// Background and colours.
    pub theme: Theme,
    /// Pixels a unit, for PNG.
    pub scale: f32,
}

impl Default for Picture {
    fn default() -> Self {
        Self { size: [960.0, 600.0], theme: Theme::Light, scale: 2.0 }
    }
}

/// Writes a chart as SVG, PNG or CSV, by the ending of `path`: 960 × 600, light, PNG at two pixels a unit.
pub fn export_chart(chart: &Chart, path: &Path, overwrite: Overwrite) -> Result<(), ExportError> {
    export_chart_as(chart, path, &Picture::default(), overwrite)
}

/// Writes a chart as SVG, PNG or CSV, by the ending of `path`.
pub fn export_chart_as(
    chart: &Chart,
    path: &Path,
    picture: &Picture,
    overwrite: Overwrite,
) -> Result<(), ExportError> {
    let Picture { size, theme, scale } = *picture;
    let bytes = match Format::of(path)? {
        Format::Svg => chart_svg(chart, size, theme)?.into_bytes(),
        Format::Png => chart_png(chart, size, theme, scale)?,
        Format::Csv => to_csv(chart).into_bytes(),
    };
    write_file(path, &bytes, overwrite)
}
