//! A chart as SVG: the screen's own drawing code in an egui without a window, its shapes written as vectors.

use egui::{Rect, UiBuilder, Vec2, pos2, vec2};

use super::shapes::{NotFinite, Writer, escape};
use super::{ExportError, Theme};
use crate::chart::{Chart, summary::summary};
use crate::plot::{self, Options, Tokens};

/// Around the chart, in user units.
const PADDING: f32 = 20.0;
/// Text is laid out for a screen this fine, so that letters are placed to a quarter of a unit.
const PIXELS_PER_POINT: f32 = 4.0;
/// What text asks for: the face it was laid out with, then a neighbour on each platform.
const FONTS: &str = "'Ubuntu Light', Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif";

/// The chart as one SVG document of `size` (width, height in user units = CSS pixels): everything the screen shows
/// but the pointer. The same chart gives the same bytes.
pub fn chart_svg(chart: &Chart, size: [f32; 2], theme: Theme) -> Result<String, ExportError> {
    let figure = figure(chart, size, theme, "", true)?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{figure}"))
}

/// The `<svg>` element alone. `prefix` keeps ids apart where several stand in one page; `framed`: with title and
/// notes.
pub(super) fn figure(
    chart: &Chart,
    size: [f32; 2],
    theme: Theme,
    prefix: &str,
    framed: bool,
) -> Result<String, ExportError> {
    let [width, height] = size;
    if !(1.0..=16_384.0).contains(&width) || !(1.0..=16_384.0).contains(&height) {
        return Err(ExportError::Size { width, height });
    }
    let tokens = match theme {
        Theme::Light => Tokens::light(),
        Theme::Dark => Tokens::dark(),
        Theme::Print => Tokens::print(),
    };
    let padding = if framed { PADDING } else { 4.0 };
    let output = draw(chart, vec2(width, height), tokens, padding, framed);
    let canvas = Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height));
    let mut writer = Writer::new(prefix, canvas);
    let body = writer.shapes(&output).and_then(|()| writer.finish());
    let body = body.map_err(|NotFinite| ExportError::NotFinite { chart: chart.id.clone() })?;
    let [red, green, blue, _] = tokens.surface.to_array();
    let title = escape(&chart.title);
    let description = escape(&summary(chart));
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FONTS}\">\n\
         <title>{title}</title>\n<desc>{description}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#{red:02x}{green:02x}{blue:02x}\"/>\n{body}</svg>\n"
    ))
}

/// Draws the chart twice: what the first frame learns settles in the second.
fn draw(
    chart: &Chart,
    size: Vec2,
    tokens: Tokens,
    padding: f32,
    framed: bool,
) -> Vec<egui::epaint::ClippedShape> {
    let ctx = egui::Context::default();
    let mut options = Options::new(size.y - 2.0 * padding, tokens);
    options.width = Some(size.x - 2.0 * padding);
    options.interactive = false;
    options.framed = framed;
    let mut shapes = Vec::new();
    for frame in 0..2_u8 {
        let mut input = egui::RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), size)),
            time: Some(f64::from(frame)),
            ..Default::default()
        };
        if let Some(viewport) = input.viewports.get_mut(&egui::ViewportId::ROOT) {
            viewport.native_pixels_per_point = Some(PIXELS_PER_POINT);
        }
        let mut output = ctx.run_ui(input, |ui| {
            let inside = Rect::from_min_size(pos2(padding, padding), size - Vec2::splat(2.0 * padding));
            let mut child = ui.new_child(UiBuilder::new().max_rect(inside));
            plot::show(&mut child, chart, &options);
        });
        shapes = std::mem::take(&mut output.shapes);
        output.drop_without_applying_deltas();
    }
    shapes
}
