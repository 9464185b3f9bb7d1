//! The one tooltip of a chart: what the nearest real point is, with units.

use egui::{Align, Grid, Id, Layout, PopupAnchor, Pos2, Rect, RichText, Ui, vec2};

use super::legend::swatch;
use super::marks::Target;
use super::tokens::Tokens;
use crate::chart::extent::y_axis;
use crate::chart::{Chart, Scale, format};

/// How far from a point the pointer may be, in screen points.
const REACH: f32 = 12.0;

/// What the pointer is at: the bar under it, or the nearest point within reach. Among equals the last drawn.
pub(super) fn hit(targets: &[Target], pointer: Pos2) -> Option<Target> {
    let near = targets
        .iter()
        .filter(|target| target.bar.is_none())
        .map(|target| (target, target.pos.distance(pointer)))
        .filter(|(_, distance)| *distance <= REACH)
        .rev()
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(target, _)| *target);
    near.or_else(|| {
        targets.iter().rev().find(|target| target.bar.is_some_and(|bar| bar.contains(pointer))).copied()
    })
}

/// The lines of a datum's tooltip: its own, or its values on the axes.
pub(super) fn lines(chart: &Chart, target: Target) -> Vec<(String, String)> {
    let mark = &chart.marks[target.mark];
    let datum = &mark.data()[target.datum];
    if !datum.hover.is_empty() {
        return datum.hover.clone();
    }
    let y = y_axis(chart, mark);
    if let Scale::Categories(_) = chart.x.scale {
        return vec![(format::value(&chart.x, datum.x), format::value(y, datum.y))];
    }
    vec![
        (chart.x.label.clone(), format::value(&chart.x, datum.x)),
        (y.label.clone(), format::value(y, datum.y)),
    ]
}

/// Shows the tooltip beside the point.
pub(super) fn show(ui: &Ui, id: Id, chart: &Chart, target: Target, tokens: &Tokens) {
    let mark = &chart.marks[target.mark];
    let datum = &mark.data()[target.datum];
    let at = Rect::from_center_size(target.pos, vec2(16.0, 16.0));
    let mut tooltip = egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        id.with("tooltip"),
        PopupAnchor::ParentRect(at),
    );
    tooltip.popup = tooltip.popup.align(egui::RectAlign::RIGHT_START).width(260.0);
    let text = |text: &str, color| RichText::new(text).size(tokens.text_size).color(color);
    tooltip.gap(8.0).show(|ui| {
        // Lines stand as close as text does, not as buttons do.
        ui.spacing_mut().interact_size.y = 0.0;
        ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
        ui.horizontal(|ui| {
            swatch(ui, mark, tokens);
            ui.label(text(mark.name(), tokens.strong));
            if !datum.label.is_empty() && datum.hover.is_empty() {
                ui.label(text(&datum.label, tokens.quiet));
            }
        });
        let grid = Grid::new(id.with("values")).num_columns(2).min_row_height(0.0).spacing(vec2(18.0, 3.0));
        grid.show(ui, |ui| {
            for (name, value) in lines(chart, target) {
                ui.label(text(&name, tokens.quiet));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(text(&value, tokens.strong));
                });
                ui.end_row();
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn the_nearest_point_within_reach_wins_over_the_bar_under_it() {
        let point = |mark, x| Target { mark, datum: 0, pos: pos2(x, 0.0), bar: None, outermost: false };
        let bar = Target {
            mark: 9,
            datum: 3,
            pos: pos2(0.0, 0.0),
            bar: Some(Rect::from_min_max(pos2(-50.0, -50.0), pos2(50.0, 50.0))),
            outermost: true,
        };
        let targets = [bar, point(0, 0.0), point(1, 10.0), point(2, 10.0)];
        assert_eq!(hit(&targets, pos2(3.0, 0.0)).unwrap().mark, 0);
        assert_eq!(hit(&targets, pos2(9.0, 0.0)).unwrap().mark, 2);
        assert_eq!(hit(&targets, pos2(-40.0, 0.0)).unwrap().mark, 9);
        assert!(hit(&targets, pos2(-80.0, 0.0)).is_none());
    }
}
