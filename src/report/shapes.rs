//! egui's shapes as SVG elements. Vector stays vector, text stays text.
//!
//! Coordinates are egui's points = SVG's user units. Shadows (blurred rectangles) and paint callbacks are left
//! out: no chart has them.

use std::fmt::Write as _;

use egui::epaint::{
    BandShape, CircleShape, ClippedShape, CornerRadius, CubicBezierShape, EllipseShape, Mesh, PathShape,
    PathStroke, QuadraticBezierShape, RectShape, TextShape,
};
use egui::{Color32, FontFamily, Pos2, Rect, Shape, Stroke, StrokeKind};

/// A coordinate was not a finite number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotFinite;

type Done = Result<(), NotFinite>;

/// Escapes text for an XML or HTML text node or a quoted attribute. Characters XML cannot hold become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Writes shapes as SVG elements; clip paths get ids that start with `prefix`.
pub(super) struct Writer<'a> {
    prefix: &'a str,
    canvas: Rect,
    clips: Vec<Rect>,
    body: String,
}

impl<'a> Writer<'a> {
    pub fn new(prefix: &'a str, canvas: Rect) -> Self {
        Self { prefix, canvas, clips: Vec::new(), body: String::new() }
    }

    /// All shapes in order, neighbours with the same clip in one group.
    pub fn shapes(&mut self, shapes: &[ClippedShape]) -> Done {
        let mut open: Option<Rect> = None;
        for ClippedShape { clip_rect, shape, transform_after_tessellation } in shapes {
            if matches!(shape, Shape::Noop) {
                continue;
            }
            // Only popups on their way into place have a transform; at rest it is the identity.
            let moved;
            let shape = if *transform_after_tessellation == egui::emath::TSTransform::IDENTITY {
                shape
            } else {
                let mut copy = shape.clone();
                copy.transform(*transform_after_tessellation);
                moved = copy;
                &moved
            };
            let clip = (!clip_rect.contains_rect(self.canvas)).then_some(*clip_rect);
            if clip != open {
                if open.is_some() {
                    self.body.push_str("</g>\n");
                }
                if let Some(rect) = clip {
                    let index = self.clip(rect);
                    let prefix = self.prefix;
                    let _ = writeln!(self.body, r#"<g clip-path="url(#{prefix}clip{index})">"#);
                }
                open = clip;
            }
            self.shape(shape)?;
        }
        if open.is_some() {
            self.body.push_str("</g>\n");
        }
        Ok(())
    }

    /// The clip paths and the elements.
    pub fn finish(self) -> Result<String, NotFinite> {
        let mut defs = String::new();
        for (index, rect) in self.clips.iter().enumerate() {
            let rect = rect.intersect(self.canvas);
            let rect =
                if rect.is_positive() { rect } else { Rect::from_min_size(Pos2::ZERO, egui::Vec2::ZERO) };
            let _ = write!(
                defs,
                r#"<clipPath id="{}clip{index}"><rect {}/></clipPath>"#,
                self.prefix,
                rect_attributes(rect)?
            );
        }
        let defs = if defs.is_empty() { defs } else { format!("<defs>{defs}</defs>\n") };
        Ok(defs + &self.body)
    }

    fn clip(&mut self, rect: Rect) -> usize {
        self.clips.iter().position(|known| *known == rect).unwrap_or_else(|| {
            self.clips.push(rect);
            self.clips.len() - 1
        })
    }

    fn shape(&mut self, shape: &Shape) -> Done {
        match shape {
            Shape::Noop | Shape::Callback(_) => Ok(()),
            Shape::Vec(shapes) => shapes.iter().try_for_each(|shape| self.shape(shape)),
            Shape::Circle(circle) => self.circle(circle),
            Shape::Ellipse(ellipse) => self.ellipse(ellipse),
            Shape::LineSegment { points, stroke } => self.segment(*points, *stroke),
            Shape::Path(path) => self.path(path),
            Shape::Band(band) => self.band(band),
            Shape::Rect(rect) => self.rect(rect),
            Shape::Text(text) => self.text(text),
            Shape::Mesh(mesh) => self.mesh(mesh),
            Shape::QuadraticBezier(curve) => self.quadratic(curve),
            Shape::CubicBezier(curve) => self.cubic(curve),
        }
    }

    fn element(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    fn circle(&mut self, circle: &CircleShape) -> Done {
        let CircleShape { center, radius, fill, stroke } = circle;
        let paint = paint(*fill, *stroke);
        if !paint.is_empty() {
            let (x, y, r) = (num(center.x)?, num(center.y)?, num(*radius)?);
            self.element(&format!(r#"<circle cx="{x}" cy="{y}" r="{r}"{paint}/>"#));
        }
        Ok(())
    }

    fn ellipse(&mut self, ellipse: &EllipseShape) -> Done {
        let EllipseShape { center, radius, fill, stroke, angle } = ellipse;
        let paint = paint(*fill, *stroke);
        if !paint.is_empty() {
            let (x, y) = (num(center.x)?, num(center.y)?);
            let (rx, ry) = (num(radius.x)?, num(radius.y)?);
            let turn = rotation(*angle, *center)?;
            self.element(&format!(r#"<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"{paint}{turn}/>"#));
        }
        Ok(())
    }

    fn segment(&mut self, [from, to]: [Pos2; 2], stroke: Stroke) -> Done {
        if !stroke.is_empty() {
            let paint = paint(Color32::TRANSPARENT, stroke);
            let (x1, y1, x2, y2) = (num(from.x)?, num(from.y)?, num(to.x)?, num(to.y)?);
            self.element(&format!(r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{paint}/>"#));
        }
        Ok(())
    }

    fn path(&mut self, path: &PathShape) -> Done {
        let PathShape { points, closed, fill, stroke } = path;
        let fill = if *closed { *fill } else { Color32::TRANSPARENT };
        let paint = paint(fill, plain(stroke));
        if points.len() > 1 && !paint.is_empty() {
            let element = if *closed { "polygon" } else { "polyline" };
            let join = if *closed { "" } else { r#" stroke-linejoin="round""# };
            self.element(&format!(r#"<{element} points="{}"{paint}{join}/>"#, point_list(points)?));
        }
        Ok(())
    }

    fn band(&mut self, band: &BandShape) -> Done {
        let BandShape { points, fill, stroke, stroke_kind: _, angle } = band;
        let upper = points.iter().map(|point| Pos2::new(point.x, point.y.min));
        let lower = points.iter().rev().map(|point| Pos2::new(point.x, point.y.max));
        let outline: Vec<Pos2> = upper.chain(lower).collect();
        let paint = paint(*fill, *stroke);
        if outline.len() > 2 && !paint.is_empty() {
            let turn = rotation(*angle, Pos2::ZERO)?;
            self.element(&format!(r#"<polygon points="{}"{paint}{turn}/>"#, point_list(&outline)?));
        }
        Ok(())
    }

    fn rect(&mut self, shape: &RectShape) -> Done {
        if shape.blur_width > 0.0 || shape.brush.is_some() {
            return Ok(());
        }
        let paint = paint(shape.fill, shape.stroke);
        if paint.is_empty() {
            return Ok(());
        }
        let half = if shape.stroke.is_empty() { 0.0 } else { shape.stroke.width / 2.0 };
        let rect = match shape.stroke_kind {
            StrokeKind::Inside => shape.rect.shrink(half),
            StrokeKind::Middle => shape.rect,
            StrokeKind::Outside => shape.rect.expand(half),
        };
        let turn = rotation(shape.angle, rect.center())?;
        let CornerRadius { nw, ne, sw, se } = shape.corner_radius;
        let most = rect.width().min(rect.height()) / 2.0;
        if nw == ne && ne == sw && sw == se {
            let radius = f32::from(nw).min(most);
            let rounding = if radius > 0.0 { format!(r#" rx="{}""#, num(radius)?) } else { String::new() };
            self.element(&format!("<rect {}{rounding}{paint}{turn}/>", rect_attributes(rect)?));
        } else {
            let outline = rounded(rect, [nw, ne, se, sw].map(|corner| f32::from(corner).min(most)))?;
            self.element(&format!(r#"<path d="{outline}"{paint}{turn}/>"#));
        }
        Ok(())
    }

    fn mesh(&mut self, mesh: &Mesh) -> Done {
        for triangle in mesh.indices.chunks_exact(3) {
            let corners: Vec<_> =
                triangle.iter().filter_map(|index| mesh.vertices.get(*index as usize)).collect();
            let [a, b, c] = corners.as_slice() else { continue };
            let mean = |channel: usize| {
                let sum: u16 = [a, b, c].iter().map(|vertex| u16::from(vertex.color[channel])).sum();
                (sum / 3) as u8
            };
            let color = Color32::from_rgba_premultiplied(mean(0), mean(1), mean(2), mean(3));
            if color.a() > 0 {
                let points = point_list(&[a.pos, b.pos, c.pos])?;
                let paint = paint(color, Stroke::NONE);
                // Without anti-aliasing, or the seams between triangles show.
                self.element(&format!(r#"<polygon points="{points}"{paint} shape-rendering="crispEdges"/>"#));
            }
        }
        Ok(())
    }

    fn quadratic(&mut self, curve: &QuadraticBezierShape) -> Done {
        let [from, control, to] = curve.points;
        let (from, control, to) = (pair(from)?, pair(control)?, pair(to)?);
        self.curve(&format!("M{from}Q{control} {to}"), curve.closed, curve.fill, &curve.stroke);
        Ok(())
    }

    fn cubic(&mut self, curve: &CubicBezierShape) -> Done {
        let [from, one, two, to] = curve.points;
        let (from, one, two, to) = (pair(from)?, pair(one)?, pair(two)?, pair(to)?);
        self.curve(&format!("M{from}C{one} {two} {to}"), curve.closed, curve.fill, &curve.stroke);
        Ok(())
    }

    fn curve(&mut self, d: &str, closed: bool, fill: Color32, stroke: &PathStroke) {
        let paint = paint(if closed { fill } else { Color32::TRANSPARENT }, plain(stroke));
        if !paint.is_empty() {
            let end = if closed { "Z" } else { "" };
            self.element(&format!(r#"<path d="{d}{end}"{paint}/>"#));
        }
    }

    /// One `<text>` a row and format, placed by its baseline, with its laid-out length so that another font than
    /// ours takes the same room.
    fn text(&mut self, shape: &TextShape) -> Done {
        let TextShape {
            pos,
            galley,
            underline: _,
            fallback_color,
            override_text_color,
            opacity_factor,
            angle,
        } = shape;
        let turn = rotation(*angle, *pos)?;
        let mut byte = 0;
        for placed in &galley.rows {
            let glyphs = &placed.row.glyphs;
            let mut start = 0;
            while start < glyphs.len() {
                let section =
                    galley.job.sections.iter().find(|section| {
                        section.byte_range.start.0 <= byte && byte < section.byte_range.end.0
                    });
                let Some(section) = section.or_else(|| galley.job.sections.last()) else { break };
                let mut end = start;
                let mut text = String::new();
                while end < glyphs.len() && (end == start || byte < section.byte_range.end.0) {
                    text.push(glyphs[end].chr);
                    byte += glyphs[end].chr.len_utf8();
                    end += 1;
                }
                let (first, last) = (&glyphs[start], &glyphs[end - 1]);
                start = end;
                if text.trim().is_empty() {
                    continue;
                }
                let color = override_text_color.unwrap_or(section.format.color);
                let color = if color == Color32::PLACEHOLDER { *fallback_color } else { color };
                let fill = paint(color.gamma_multiply(*opacity_factor), Stroke::NONE);
                let left = pos.x + placed.pos.x + first.pos.x;
                let length = last.pos.x + last.advance_width - first.pos.x;
                let baseline = pos.y + placed.pos.y + first.pos.y;
                let font = font(&section.format.font_id.family);
                let spaces = text.contains("  ") || text.trim() != text;
                let spaces = if spaces { r#" xml:space="preserve""# } else { "" };
                self.element(&format!(
                    r#"<text x="{}" y="{}" font-size="{}" textLength="{}" lengthAdjust="spacingAndGlyphs"{font}{fill}{spaces}{turn}>{}</text>"#,
                    num(left)?,
                    num(baseline)?,
                    num(section.format.font_id.size)?,
                    num(length)?,
                    escape(&text),
                ));
            }
            if placed.ends_with_newline {
                byte += 1;
            }
        }
        Ok(())
    }
}

/// The family is set once on the root; only another one is said.
fn font(family: &FontFamily) -> &'static str {
    match family {
        FontFamily::Monospace => r#" font-family="Hack, Consolas, Menlo, monospace""#,
        FontFamily::Proportional | FontFamily::Name(_) => "",
    }
}

/// Two decimals are a fiftieth of a printer's dot; no trailing zeros, no `-0`.
fn num(value: f32) -> Result<String, NotFinite> {
    if !value.is_finite() {
        return Err(NotFinite);
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Ok(if text == "-0" { "0".to_owned() } else { text.to_owned() })
}

fn pair(pos: Pos2) -> Result<String, NotFinite> {
    Ok(format!("{} {}", num(pos.x)?, num(pos.y)?))
}

fn point_list(points: &[Pos2]) -> Result<String, NotFinite> {
    let mut list = String::new();
    for (index, point) in points.iter().enumerate() {
        let _ = write!(list, "{}{},{}", if index > 0 { " " } else { "" }, num(point.x)?, num(point.y)?);
    }
    Ok(list)
}

fn rect_attributes(rect: Rect) -> Result<String, NotFinite> {
    let (x, y) = (num(rect.min.x)?, num(rect.min.y)?);
    let (width, height) = (num(rect.width())?, num(rect.height())?);
    Ok(format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#))
}

/// Outline of a rectangle whose corners have the radii north-west, north-east, south-east, south-west.
fn rounded(rect: Rect, [nw, ne, se, sw]: [f32; 4]) -> Result<String, NotFinite> {
    let Rect { min, max } = rect;
    let mut d = format!("M{}", pair(Pos2::new(min.x + nw, min.y))?);
    let sides = [
        (Pos2::new(max.x - ne, min.y), Pos2::new(max.x, min.y + ne), ne),
        (Pos2::new(max.x, max.y - se), Pos2::new(max.x - se, max.y), se),
        (Pos2::new(min.x + sw, max.y), Pos2::new(min.x, max.y - sw), sw),
        (Pos2::new(min.x, min.y + nw), Pos2::new(min.x + nw, min.y), nw),
    ];
    for (before, after, radius) in sides {
        let _ = write!(d, "L{}", pair(before)?);
        if radius > 0.0 {
            let radius = num(radius)?;
            let _ = write!(d, "A{radius} {radius} 0 0 1 {}", pair(after)?);
        }
    }
    d.push('Z');
    Ok(d)
}

fn rotation(angle: f32, around: Pos2) -> Result<String, NotFinite> {
    if angle == 0.0 {
        return Ok(String::new());
    }
    Ok(format!(r#" transform="rotate({} {})""#, num(angle.to_degrees())?, pair(around)?))
}

fn plain(stroke: &PathStroke) -> Stroke {
    match stroke.color {
        egui::epaint::ColorMode::Solid(color) => Stroke::new(stroke.width, color),
        egui::epaint::ColorMode::UV(_) => Stroke::NONE,
    }
}

/// ` fill=… stroke=…`; empty where nothing would be seen.
fn paint(fill: Color32, stroke: Stroke) -> String {
    let mut attributes = String::new();
    if fill.a() == 0 && stroke.is_empty() {
        return attributes;
    }
    color(&mut attributes, "fill", fill);
    if !stroke.is_empty() {
        color(&mut attributes, "stroke", stroke.color);
        if let Ok(width) = num(stroke.width)
            && width != "1"
        {
            let _ = write!(attributes, r#" stroke-width="{width}""#);
        }
    }
    attributes
}

fn color(attributes: &mut String, name: &str, color: Color32) {
    let [red, green, blue, alpha] = color.to_srgba_unmultiplied();
    if alpha == 0 {
        let _ = write!(attributes, r#" {name}="none""#);
        return;
    }
    let _ = write!(attributes, r##" {name}="#{red:02x}{green:02x}{blue:02x}""##);
    if alpha < 255 {
        let _ = write!(attributes, r#" {name}-opacity="{:.3}""#, f32::from(alpha) / 255.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::epaint::{BandPoint, Vertex, WHITE_UV};
    use egui::{pos2, vec2};

    fn clipped(clip_rect: Rect, shape: Shape) -> ClippedShape {
        ClippedShape::new(clip_rect, shape)
    }

    fn written(shape: Shape) -> Result<String, NotFinite> {
        let canvas = Rect::from_min_size(Pos2::ZERO, vec2(100.0, 100.0));
        let mut writer = Writer::new("t", canvas);
        writer.shapes(&[clipped(canvas, shape)])?;
        writer.finish()
    }

    #[test]
    fn every_vector_shape_becomes_its_element() {
        let red = Color32::from_rgb(255, 0, 0);
        let stroke = Stroke::new(2.0, red);
        let rect = Rect::from_min_max(pos2(10.0, 20.0), pos2(30.0, 60.0));
        let band = BandShape::new(
            vec![BandPoint::new(0.0, 1.0..=2.0), BandPoint::new(5.0, 0.5..=4.0)],
            red,
            Stroke::NONE,
        );
        let mut mesh = Mesh::default();
        for pos in [pos2(0.0, 0.0), pos2(4.0, 0.0), pos2(0.0, 4.0)] {
            mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color: red });
        }
        mesh.indices = vec![0, 1, 2];
        for (shape, element) in [
            (
                Shape::circle_filled(pos2(1.0, 2.0), 3.0, red),
                r##"<circle cx="1" cy="2" r="3" fill="#ff0000"/>"##,
            ),
            (
                Shape::line_segment([pos2(0.0, 0.0), pos2(1.5, -0.001)], stroke),
                r##"<line x1="0" y1="0" x2="1.5" y2="0" fill="none" stroke="#ff0000" stroke-width="2"/>"##,
            ),
            (
                Shape::convex_polygon(
                    vec![pos2(0.0, 0.0), pos2(1.0, 0.0), pos2(0.0, 1.0)],
                    red,
                    Stroke::NONE,
                ),
                r##"<polygon points="0,0 1,0 0,1" fill="#ff0000"/>"##,
            ),
            (
                Shape::rect_stroke(rect, 0, stroke, StrokeKind::Inside),
                r##"<rect x="11" y="21" width="18" height="38" fill="none" stroke="#ff0000" stroke-width="2"/>"##,
            ),
            (
                Shape::rect_filled(rect, CornerRadius { nw: 2, ne: 2, sw: 0, se: 0 }, red),
                r##"<path d="M12 20L28 20A2 2 0 0 1 30 22L30 60L10 60L10 22A2 2 0 0 1 12 20Z" fill="#ff0000"/>"##,
            ),
            (Shape::Band(band), r##"<polygon points="0,1 5,0.5 5,4 0,2" fill="#ff0000"/>"##),
            (
                Shape::mesh(mesh),
                r##"<polygon points="0,0 4,0 0,4" fill="#ff0000" shape-rendering="crispEdges"/>"##,
            ),
        ] {
            assert_eq!(written(shape).unwrap().trim(), element);
        }
        let curve = CubicBezierShape::from_points_stroke(
            [pos2(0.0, 0.0), pos2(1.0, 0.0), pos2(1.0, 1.0), pos2(2.0, 2.0)],
            false,
            red,
            stroke,
        );
        assert!(written(Shape::CubicBezier(curve)).unwrap().contains(r#"d="M0 0C1 0 1 1 2 2" fill="none""#));
    }

    #[test]
    fn translucent_colours_keep_their_opacity_and_invisible_shapes_are_left_out() {
        let half = Color32::from_rgba_unmultiplied(0, 0, 255, 51);
        let svg = written(Shape::circle_filled(pos2(1.0, 1.0), 1.0, half)).unwrap();
        assert!(svg.contains(r##"fill="#0000ff" fill-opacity="0.200""##), "{svg}");
        assert_eq!(written(Shape::circle_filled(Pos2::ZERO, 1.0, Color32::TRANSPARENT)).unwrap(), "");
    }

    #[test]
    fn coordinates_that_are_not_finite_are_refused() {
        let shape = Shape::circle_filled(pos2(f32::NAN, 0.0), 1.0, Color32::RED);
        assert_eq!(written(shape), Err(NotFinite));
        let shape =
            Shape::line_segment([Pos2::ZERO, pos2(f32::INFINITY, 0.0)], Stroke::new(1.0, Color32::RED));
        assert_eq!(written(shape), Err(NotFinite));
    }

    #[test]
    fn clips_are_shared_and_named_with_the_prefix() {
        let canvas = Rect::from_min_size(Pos2::ZERO, vec2(100.0, 100.0));
        let clip_rect = Rect::from_min_max(pos2(10.0, 10.0), pos2(50.0, 50.0));
        let shape = Shape::circle_filled(pos2(1.0, 1.0), 1.0, Color32::RED);
        let inside = clipped(clip_rect, shape.clone());
        let open = clipped(Rect::EVERYTHING, shape);
        let mut writer = Writer::new("fig1-", canvas);
        writer.shapes(&[inside.clone(), inside.clone(), open, inside]).unwrap();
        let svg = writer.finish().unwrap();
        assert_eq!(svg.matches("<clipPath").count(), 1, "{svg}");
        assert_eq!(svg.matches(r#"<g clip-path="url(#fig1-clip0)">"#).count(), 2, "{svg}");
        assert_eq!(svg.matches("</g>").count(), 2);
    }

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">&'\u{1}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}");
    }
}
