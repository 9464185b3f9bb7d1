//! Grid lines inside the frame and the text of the axes around it.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align, Color32, FontId, Galley, Painter, Pos2, Rect, Shape, Stroke, Ui, pos2};
use egui_plot::PlotTransform;

use super::marks::second_from_first;
use super::tokens::Tokens;
use crate::chart::extent::Extent;
use crate::chart::ticks::{Tick, ticks};
use crate::chart::{Axis, Chart, Mark, Scale, format};

/// Between the frame and the labels of its ticks.
const GAP: f32 = 7.0;

/// Ticks of the three axes for the places in view.
pub(super) struct Ticks {
    pub x: Vec<Tick>,
    pub y: Vec<Tick>,
    /// Places of the second axis.
    pub y2: Vec<Tick>,
}

impl Ticks {
    /// `bounds`: places in view, x low, x high, y low, y high.
    pub fn new(chart: &Chart, fit: &Extent, bounds: [f64; 4], size: egui::Vec2) -> Self {
        let [x_low, x_high, y_low, y_high] = bounds;
        let (width, height) = (f64::from(size.x), f64::from(size.y));
        let between = if chart.x.scale == Scale::Time { 92.0 } else { 62.0 };
        let y = ticks(&chart.y, y_low, y_high, height, up_between(&chart.y.scale));
        let y2 = chart.y2.as_ref().zip(fit.y2).map(|(axis, second)| {
            if shares_grid(chart) {
                return on_same_places(&y, axis, fit.y, second);
            }
            let low = second_from_first(y_low, fit.y, second);
            let high = second_from_first(y_high, fit.y, second);
            ticks(axis, low, high, height, up_between(&axis.scale))
        });
        Self { x: ticks(&chart.x, x_low, x_high, width, between), y, y2: y2.unwrap_or_default() }
    }
}

/// Room from tick to tick on a vertical axis.
fn up_between(scale: &Scale) -> f64 {
    if *scale == Scale::Log10 { 19.0 } else { 28.0 }
}

/// Two linear axes from zero read on one grid.
fn shares_grid(chart: &Chart) -> bool {
    let from_zero = |axis: &Axis| matches!(axis.scale, Scale::Linear { from_zero: true });
    from_zero(&chart.y) && chart.y2.as_ref().is_some_and(from_zero)
}

/// Stretches the second axis so that the grid of the first falls on round values of it: as many round steps of the
/// one as of the other. `height`: of the frame.
pub(super) fn align_second(chart: &Chart, fit: &mut Extent, height: f32) {
    let Some(second) = fit.y2.as_mut().filter(|second| shares_grid(chart) && second[0] >= 0.0) else {
        return;
    };
    let places = ticks(&chart.y, fit.y[0], fit.y[1], f64::from(height), up_between(&chart.y.scale));
    if let [first, next, ..] = places.as_slice()
        && fit.y[0] >= 0.0
    {
        let steps = fit.y[1] / (next.place - first.place);
        second[0] = 0.0;
        second[1] = step_at_least(second[1] / steps) * steps;
    }
}

/// The smallest step with one round digit or a half. There are more of these than of the first axis' steps, because
/// a coarse step would leave the marks of the second axis low in the frame.
fn step_at_least(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factors = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    factors
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// The ticks of the second axis at the places of the first's.
fn on_same_places(first: &[Tick], axis: &Axis, fit: [f64; 2], second: [f64; 2]) -> Vec<Tick> {
    let value = |tick: &Tick| second_from_first(tick.place, fit, second);
    let step = if let [one, other, ..] = first { value(other) - value(one) } else { second[1] };
    let largest = first.iter().map(|tick| value(tick).abs()).fold(0.0, f64::max);
    first
        .iter()
        .map(|tick| {
            let rounded = (value(tick) / step).round() * step;
            Tick {
                place: rounded,
                label: Some(format::tick(rounded, step, largest, &axis.unit)),
                major: true,
            }
        })
        .collect()
}

/// Width that the labels of a vertical axis need, with the gap to the frame.
pub(super) fn label_width(ui: &Ui, ticks: &[Tick], tokens: &Tokens) -> f32 {
    ticks
        .iter()
        .filter_map(|tick| tick.label.as_ref())
        .map(|label| text(ui.painter(), label, tokens).size().x)
        .fold(0.0, f32::max)
        + GAP
}

/// Height that the labels of the horizontal axis need, with the gap to the frame.
pub(super) fn label_height(ui: &Ui, chart: &Chart, width: f32, tokens: &Tokens) -> f32 {
    let Scale::Categories(names) = &chart.x.scale else {
        return text(ui.painter(), "0", tokens).size().y + GAP;
    };
    let slot = width / names.len().max(1) as f32;
    names.iter().map(|name| category(ui.painter(), name, slot, tokens).size().y).fold(0.0, f32::max) + GAP
}

fn text(painter: &Painter, label: &str, tokens: &Tokens) -> Arc<Galley> {
    painter.layout_no_wrap(label.to_owned(), FontId::proportional(tokens.small_size), tokens.quiet)
}

/// The name of a category: wrapped to its slot, two lines at most.
fn category(painter: &Painter, name: &str, slot: f32, tokens: &Tokens) -> Arc<Galley> {
    let format = TextFormat {
        font_id: FontId::proportional(tokens.small_size + 0.5),
        color: tokens.strong,
        ..Default::default()
    };
    let mut job = LayoutJob::single_section(name.to_owned(), format);
    job.wrap = TextWrapping {
        max_width: (slot - 6.0).max(12.0),
        max_rows: 2,
        break_anywhere: false,
        overflow_character: Some('…'),
    };
    job.halign = Align::Center;
    painter.layout_job(job)
}

/// The grid, under everything else.
pub(super) fn grid(
    chart: &Chart,
    ticks: &Ticks,
    transform: &PlotTransform,
    tokens: &Tokens,
    out: &mut Vec<Shape>,
) {
    let frame = *transform.frame();
    let vertical = |place: f64, color: Color32| {
        let x = crisp(transform.position_from_point_x(place));
        Shape::line_segment([pos2(x, frame.top()), pos2(x, frame.bottom())], Stroke::new(1.0, color))
    };
    let horizontal = |place: f64, color: Color32| {
        let y = crisp(transform.position_from_point_y(place));
        Shape::line_segment([pos2(frame.left(), y), pos2(frame.right(), y)], Stroke::new(1.0, color))
    };
    let color = |tick: &Tick| if tick.major { tokens.grid } else { tokens.grid_minor };
    // Bars stand on their names and dates; lines between them would only compete.
    let bars = chart.marks.iter().any(|mark| matches!(mark, Mark::Bars { .. }));
    let upright = !bars && !matches!(chart.x.scale, Scale::Categories(_));
    for major in [false, true] {
        if upright {
            out.extend(ticks.x.iter().filter(|t| t.major == major).map(|t| vertical(t.place, color(t))));
        }
        out.extend(ticks.y.iter().filter(|t| t.major == major).map(|t| horizontal(t.place, color(t))));
    }
}

/// The text around the frame: tick labels, axis names, and short marks where the grid has no upright lines.
pub(super) fn labels(
    painter: &Painter,
    chart: &Chart,
    fit: &Extent,
    ticks: &Ticks,
    transform: &PlotTransform,
    tokens: &Tokens,
    outer: Rect,
) {
    let frame = *transform.frame();
    let stroke = Stroke::new(1.0, tokens.baseline);
    let bounds = transform.bounds();
    let linear = matches!(chart.y.scale, Scale::Linear { .. });
    let zero = linear && bounds.min()[1] <= 0.0 && bounds.max()[1] > 0.0;
    let y = crisp(if zero { transform.position_from_point_y(0.0) } else { frame.bottom() });
    painter.line_segment([pos2(frame.left(), y), pos2(frame.right(), y)], stroke);

    let slot = frame.width() / ticks.x.len().max(1) as f32;
    let mut last = f32::NEG_INFINITY;
    for tick in &ticks.x {
        let Some(label) = &tick.label else { continue };
        let x = transform.position_from_point_x(tick.place);
        if !frame.x_range().expand(0.5).contains(x) {
            continue;
        }
        if let Scale::Categories(names) = &chart.x.scale {
            let slot = if ticks.x.len() == names.len() { slot } else { frame.width() / ticks.x.len() as f32 };
            let galley = category(painter, label, slot, tokens);
            painter.galley(pos2(x, frame.bottom() + GAP - 1.0), galley, tokens.strong);
            continue;
        }
        let galley = text(painter, label, tokens);
        let half = galley.size().x / 2.0;
        let left = (x - half).clamp(outer.left(), (outer.right() - 2.0 * half).max(outer.left()));
        if left < last + 8.0 {
            continue;
        }
        last = left + 2.0 * half;
        if chart.x.scale == Scale::Time {
            let x = crisp(x);
            painter.line_segment([pos2(x, frame.bottom()), pos2(x, frame.bottom() + 4.0)], stroke);
        }
        painter.galley(pos2(left, frame.bottom() + GAP - 1.0), galley, tokens.quiet);
    }

    for tick in &ticks.y {
        let Some(label) = &tick.label else { continue };
        let y = transform.position_from_point_y(tick.place);
        if frame.y_range().expand(0.5).contains(y) {
            let galley = text(painter, label, tokens);
            let min = pos2(frame.left() - GAP - galley.size().x, y - galley.size().y / 2.0);
            painter.galley(min, galley, tokens.quiet);
        }
    }
    let Some(second) = fit.y2 else { return };
    for tick in &ticks.y2 {
        let Some(label) = &tick.label else { continue };
        let place = super::marks::first_from_second(tick.place, fit.y, second);
        let y = transform.position_from_point_y(place);
        if frame.y_range().expand(0.5).contains(y) {
            let galley = text(painter, label, tokens);
            painter.galley(pos2(frame.right() + GAP, y - galley.size().y / 2.0), galley, tokens.quiet);
        }
    }
}

/// Names of the axes: the vertical ones written level above their ends, the horizontal one at its right end. Where
/// the ticks already carry a currency's sign or `%`, the unit is not said again.
pub(super) fn name(axis: &Axis) -> String {
    let said = format::currency_sign(&axis.unit).is_some() || axis.unit == "%";
    if said || matches!(axis.scale, Scale::Categories(_) | Scale::Time) {
        axis.label.clone()
    } else {
        axis.heading()
    }
}

/// Writes an axis name with its left or right end at `at` and gives back its size.
pub(super) fn write_name(painter: &Painter, axis: &Axis, at: Pos2, to_right: bool, tokens: &Tokens) {
    let galley = painter.layout_no_wrap(name(axis), FontId::proportional(tokens.small_size), tokens.strong);
    let left = if to_right { at.x } else { at.x - galley.size().x };
    painter.galley(pos2(left, at.y), galley, tokens.strong);
}

/// The middle of the pixel (of a screen of one pixel a point): lines of one point stay one sharp line.
fn crisp(position: f32) -> f32 {
    position.floor() + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_axis_has_round_values_on_the_grid_of_the_first() {
        let from_zero = || Scale::Linear { from_zero: true };
        let mut chart =
            Chart::new("c", "C", Axis::new("X", "", from_zero()), Axis::new("Cost", "USD", from_zero()));
        chart.y2 = Some(Axis::new("Requests", "", from_zero()));
        let mut fit = Extent { x: [0.0, 1.0], y: [0.0, 1_460.0], y2: Some([0.0, 2_170_000.0]) };
        align_second(&chart, &mut fit, 400.0);
        let found = Ticks::new(&chart, &fit, [0.0, 1.0, 0.0, 1_460.0], egui::vec2(600.0, 400.0));
        let labels = |ticks: &[Tick]| ticks.iter().filter_map(|t| t.label.clone()).collect::<Vec<_>>();
        assert_eq!(labels(&found.y)[..3], ["$0", "$200", "$400"]);
        assert_eq!(labels(&found.y2)[..3], ["0", "0.3 M", "0.6 M"]);
        assert!(fit.y2.unwrap()[1] >= 2_170_000.0);
        for (first, second) in found.y.iter().zip(&found.y2) {
            let over = super::super::marks::first_from_second(second.place, fit.y, fit.y2.unwrap());
            assert!((over - first.place).abs() < 1e-6 * 1_460.0);
        }
    }

    #[test]
    fn the_unit_is_not_said_twice() {
        let linear = Scale::Linear { from_zero: true };
        assert_eq!(name(&Axis::new("Cost", "USD", linear.clone())), "Cost");
        assert_eq!(name(&Axis::new("Cost", "SEK", linear)), "Cost (SEK)");
        assert_eq!(name(&Axis::new("Latency", "ms", Scale::Log10)), "Latency (ms)");
    }
}
