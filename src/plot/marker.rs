//! The eight marker shapes, drawn to look equally large.

use egui::{Color32, Pos2, Shape, Stroke, Vec2, vec2};

use super::tokens::Tokens;
use crate::chart::palette::Marker;

/// Adds the outline of a marker, filled with what lies behind the chart: a point from elsewhere.
pub(super) fn hollow(
    marker: Marker,
    center: Pos2,
    radius: f32,
    color: Color32,
    tokens: &Tokens,
    out: &mut Vec<Shape>,
) {
    // Crosses have no inside, so their outline is theirs.
    let fill = if matches!(marker, Marker::Cross | Marker::Plus) { color } else { tokens.surface };
    draw(marker, center, radius - 0.5, fill, Stroke::new(1.25, color), out);
}

/// Adds a marker of the given radius. `edge` is its outline; crosses have none and are drawn in `fill`.
pub(super) fn draw(
    marker: Marker,
    center: Pos2,
    radius: f32,
    fill: Color32,
    edge: Stroke,
    out: &mut Vec<Shape>,
) {
    let polygon = |corners: &[Vec2]| {
        let points = corners.iter().map(|corner| center + *corner * radius).collect();
        Shape::convex_polygon(points, fill, edge)
    };
    match marker {
        Marker::Circle => {
            out.push(Shape::Circle(egui::epaint::CircleShape { center, radius, fill, stroke: edge }));
        }
        Marker::Square => {
            let half = 0.88;
            out.push(polygon(&[vec2(-half, -half), vec2(half, -half), vec2(half, half), vec2(-half, half)]));
        }
        Marker::Diamond => {
            let half = 1.25;
            out.push(polygon(&[vec2(0.0, -half), vec2(half, 0.0), vec2(0.0, half), vec2(-half, 0.0)]));
        }
        Marker::TriangleUp => {
            out.push(polygon(&[vec2(0.0, -1.25), vec2(1.12, 0.78), vec2(-1.12, 0.78)]));
        }
        Marker::TriangleDown => {
            out.push(polygon(&[vec2(-1.12, -0.78), vec2(1.12, -0.78), vec2(0.0, 1.25)]));
        }
        Marker::Hexagon => {
            let corner = |turn: f32| {
                let (sin, cos) = (turn * std::f32::consts::FRAC_PI_3).sin_cos();
                vec2(cos, sin) * 1.12
            };
            out.push(polygon(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(corner)));
        }
        Marker::Cross => arms(center, radius * 0.9, [vec2(1.0, 1.0), vec2(1.0, -1.0)], fill, out),
        Marker::Plus => arms(center, radius * 1.15, [vec2(1.0, 0.0), vec2(0.0, 1.0)], fill, out),
    }
}

fn arms(center: Pos2, reach: f32, directions: [Vec2; 2], color: Color32, out: &mut Vec<Shape>) {
    let stroke = Stroke::new((reach * 0.55).max(1.5), color);
    for direction in directions {
        out.push(Shape::line_segment([center - direction * reach, center + direction * reach], stroke));
    }
}
