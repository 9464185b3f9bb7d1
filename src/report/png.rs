//! SVG to PNG with resvg and the very fonts egui draws with, so the picture does not depend on the machine.

use std::sync::{Arc, OnceLock};

use usvg::fontdb;

use super::{ExportError, Theme, chart_svg};
use crate::chart::Chart;

/// The chart as PNG: its SVG of `size`, every unit drawn as `scale` pixels (2 for sharp text on most screens).
pub fn chart_png(chart: &Chart, size: [f32; 2], theme: Theme, scale: f32) -> Result<Vec<u8>, ExportError> {
    svg_to_png(&chart_svg(chart, size, theme)?, scale)
}

/// An SVG as PNG, every user unit drawn as `scale` pixels.
pub fn svg_to_png(svg: &str, scale: f32) -> Result<Vec<u8>, ExportError> {
    let options = usvg::Options { font_family: "Ubuntu".to_owned(), fontdb: fonts(), ..Default::default() };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    let size_error = || ExportError::Size { width, height };
    if !(1.0..=16_384.0).contains(&width) || !(1.0..=16_384.0).contains(&height) {
        return Err(size_error());
    }
    let mut pixmap =
        resvg::tiny_skia::Pixmap::new(width.round() as u32, height.round() as u32).ok_or_else(size_error)?;
    let transform = resvg::tiny_skia::Transform::from_scale(scale, scale);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| ExportError::Png(error.to_string()))
}

/// egui's own fonts, once for the process: parsing them takes longer than drawing a chart.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    Arc::clone(FONTS.get_or_init(|| {
        let mut database = fontdb::Database::new();
        for font in egui::FontDefinitions::default().font_data.values() {
            let bytes: &[u8] = (*font.font).as_ref();
            database.load_font_data(bytes.to_vec());
        }
        database.set_sans_serif_family("Ubuntu");
        database.set_monospace_family("Hack");
        Arc::new(database)
    }))
}
