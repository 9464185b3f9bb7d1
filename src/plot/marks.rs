//! Lines, points, bars and limits, from the chart's values to shapes on the screen.

use egui::epaint::RectShape;
use egui::{Color32, CornerRadius, FontId, Galley, Pos2, Rect, Shape, Stroke, Ui, Vec2, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::labels::{Obstacles, clip};
use super::marker;
use super::tokens::Tokens;
use crate::chart::extent::{self, Extent};
use crate::chart::palette::{self, Dash};
use crate::chart::{Chart, Datum, Ink, Mark, ticks};

/// Radius of a point.
pub(super) const RADIUS: f32 = 4.5;
/// What is left of a dimmed point's colour.
const DIMMED: f32 = 0.5;

/// Something that can be pointed at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub mark: usize,
    pub datum: usize,
    /// Middle of the point, or of the outer end of the bar.
    pub pos: Pos2,
    /// The bar, where it is one.
    pub bar: Option<Rect>,
    /// A bar that nothing is stacked on.
    pub outermost: bool,
}

/// The plane marks are drawn on.
pub(super) struct Canvas<'a> {
    pub ui: &'a Ui,
    pub chart: &'a Chart,
    pub tokens: &'a Tokens,
    pub transform: &'a PlotTransform,
    /// The ranges that fit: how the second axis lies over the first.
    pub fit: &'a Extent,
    pub visible: &'a dyn Fn(&str) -> bool,
    pub chosen: Option<u64>,
}

impl Canvas<'_> {
    fn frame(&self) -> Rect {
        *self.transform.frame()
    }

    /// Where a datum is on the screen; `None` where its value has no place on an axis.
    fn position(&self, mark: &Mark, datum: &Datum) -> Option<Pos2> {
        let x = ticks::place(&self.chart.x.scale, datum.x)?;
        let mut y = ticks::place(&extent::y_axis(self.chart, mark).scale, datum.y)?;
        if let (true, Some(second)) = (mark.on_second_axis(), self.fit.y2) {
            y = first_from_second(y, self.fit.y, second);
        }
        let at = self.transform.position_from_point(&PlotPoint::new(x, y));
        (at.x.is_finite() && at.y.is_finite()).then_some(at)
    }

    fn galley(&self, text: &str, size: f32, color: Color32) -> std::sync::Arc<Galley> {
        self.ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(size), color)
    }

    /// Draws all visible marks and says what can be pointed at.
    pub fn draw(&self, out: &mut Vec<Shape>) -> Vec<Target> {
        let mut targets = Vec::new();
        let mut obstacles = Obstacles::default();
        self.bands(out, &mut targets);
        self.bars(out, &mut targets, &mut obstacles);
        let limits = self.limits();
        for (_, ends) in &limits {
            self.stroke(ends, Stroke::new(1.25, self.tokens.strong), Some((5.0, 4.0)), out);
            obstacles.add_segment(ends[0], ends[1]);
        }
        let mut points = Vec::new();
        for (index, mark) in self.chart.marks.iter().enumerate() {
            if !(self.visible)(mark.name()) || !matches!(mark, Mark::Line { .. } | Mark::Points { .. }) {
                continue;
            }
            let places: Vec<Option<Pos2>> =
                mark.data().iter().map(|datum| self.position(mark, datum)).collect();
            let mut with_markers = true;
            if let Mark::Line { data, ink, dashed, markers, .. } = mark {
                self.line(data, &places, *ink, *dashed, *markers, out, &mut obstacles);
                with_markers = *markers;
            }
            for (datum, place) in places.iter().enumerate() {
                if let Some(pos) = place {
                    let target = Target { mark: index, datum, pos: *pos, bar: None, outermost: false };
                    points.push((with_markers, target));
                }
            }
        }
        // Dimmed points lie under the others, the chosen one on top. Points without a marker come first: where a line
        // joins the points of others, pointing there means those.
        points.sort_by_key(|(with_markers, target)| {
            let mark = &self.chart.marks[target.mark];
            let datum = &mark.data()[target.datum];
            let from_elsewhere = matches!(mark, Mark::Points { ink, .. } if *ink != Ink::Strong);
            (*with_markers, self.is_chosen(datum), !datum.dimmed && !from_elsewhere)
        });
        for (markers, target) in &points {
            self.point(*target, *markers, out, &mut obstacles);
        }
        for target in &targets {
            self.bar_label(target, out, &mut obstacles);
        }
        self.limit_names(&limits, out, &mut obstacles);
        for (_, target) in points.iter().rev() {
            self.label(*target, out, &mut obstacles);
        }
        targets.extend(points.into_iter().map(|(_, target)| target));
        targets
    }

    fn is_chosen(&self, datum: &Datum) -> bool {
        datum.key.is_some() && datum.key == self.chosen
    }

    fn fill(&self, datum: &Datum, ink: Ink) -> Color32 {
        let full = datum.shade.map_or_else(|| self.tokens.ink(ink), |position| self.tokens.shade(position));
        if datum.dimmed { self.tokens.faint(full, DIMMED) } else { full }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one mark, taken apart by the caller")]
    fn line(
        &self,
        data: &[Datum],
        places: &[Option<Pos2>],
        ink: Ink,
        dashed: bool,
        markers: bool,
        out: &mut Vec<Shape>,
        obstacles: &mut Obstacles,
    ) {
        let color = self.tokens.ink(ink);
        let width = if markers { 1.5 } else { 2.0 };
        let frame = self.frame().expand(8.0);
        let mut run: Vec<Pos2> = Vec::new();
        let mut run_dimmed = false;
        let finish = |run: &mut Vec<Pos2>, dimmed: bool, out: &mut Vec<Shape>| {
            if run.len() > 1 {
                let strength = match (dimmed, markers) {
                    (true, _) => 0.35,
                    (false, true) => 0.8,
                    (false, false) => 1.0,
                };
                let stroke = Stroke::new(width, self.tokens.faint(color, strength));
                let dash = match (dashed, palette::dash(ink)) {
                    (true, _) | (false, Dash::Dashed) => Some((7.0, 4.0)),
                    (false, Dash::Dotted) => Some((1.5, 3.5)),
                    (false, Dash::Solid) => None,
                };
                self.stroke(run, stroke, dash, out);
            }
            run.clear();
        };
        for (index, pair) in places.windows(2).enumerate() {
            let dimmed = data[index].dimmed || data[index + 1].dimmed;
            let piece = match pair {
                [Some(from), Some(to)] => clip(*from, *to, frame),
                _ => None,
            };
            let Some([from, to]) = piece else {
                finish(&mut run, run_dimmed, out);
                continue;
            };
            obstacles.add_segment(from, to);
            if run.last().is_none_or(|last| last.distance(from) > 0.01) || run_dimmed != dimmed {
                finish(&mut run, run_dimmed, out);
                run.push(from);
                run_dimmed = dimmed;
            }
            run.push(to);
        }
        finish(&mut run, run_dimmed, out);
    }

    fn point(&self, target: Target, markers: bool, out: &mut Vec<Shape>, obstacles: &mut Obstacles) {
        let (data, ink, hollow) = match &self.chart.marks[target.mark] {
            Mark::Line { data, ink, .. } => (data, ink, false),
            Mark::Points { data, ink, .. } => (data, ink, true),
            _ => return,
        };
        let datum = &data[target.datum];
        let chosen = self.is_chosen(datum);
        if !self.frame().expand(RADIUS).contains(target.pos) {
            return;
        }
        if let Some(ends) = datum.interval {
            self.whisker(&self.chart.marks[target.mark], datum.x, ends, self.fill(datum, *ink), out);
        }
        if hollow {
            marker::hollow(
                palette::marker(*ink),
                target.pos,
                RADIUS,
                self.fill(datum, *ink),
                self.tokens,
                out,
            );
        } else if markers {
            let fill = self.fill(datum, *ink);
            // Shaded points keep their series' colour as the edge; others a thin gap to what lies under them.
            let edge = if datum.shade.is_some() {
                let color = self.tokens.ink(*ink);
                Stroke::new(1.5, if datum.dimmed { self.tokens.faint(color, DIMMED) } else { color })
            } else {
                Stroke::new(1.0, self.tokens.surface)
            };
            let radius = if datum.dimmed { RADIUS - 0.75 } else { RADIUS };
            marker::draw(palette::marker(*ink), target.pos, radius, fill, edge, out);
        }
        if chosen {
            out.push(Shape::circle_stroke(target.pos, RADIUS + 5.0, Stroke::new(2.0, self.tokens.accent)));
        }
        if markers || chosen {
            let reach = if chosen { RADIUS + 6.0 } else { RADIUS + 0.5 };
            obstacles.add_box(Rect::from_center_size(target.pos, Vec2::splat(2.0 * reach)));
        }
    }

    /// An interval as a line with a cap at each end.
    fn whisker(&self, mark: &Mark, x: f64, ends: [f64; 2], color: Color32, out: &mut Vec<Shape>) {
        let [Some(low), Some(high)] = ends.map(|y| self.position(mark, &Datum::new(x, y))) else { return };
        let stroke = Stroke::new(1.5, color);
        let cap = vec2(RADIUS, 0.0);
        let frame = self.frame().expand(8.0);
        for [from, to] in [[low, high], [low - cap, low + cap], [high - cap, high + cap]] {
            out.extend(clip(from, to, frame).map(|piece| Shape::line_segment(piece, stroke)));
        }
    }

    fn label(&self, target: Target, out: &mut Vec<Shape>, obstacles: &mut Obstacles) {
        let datum = &self.chart.marks[target.mark].data()[target.datum];
        if datum.label.is_empty() || !self.frame().contains(target.pos) {
            return;
        }
        let chosen = self.is_chosen(datum);
        let color = match (chosen, datum.dimmed) {
            (true, _) => self.tokens.strong,
            (false, true) => self.tokens.faint(self.tokens.quiet, 0.75),
            (false, false) => self.tokens.quiet,
        };
        let galley = self.galley(&datum.label, self.tokens.small_size - 0.5, color);
        let gap = if chosen { RADIUS + 9.0 } else { RADIUS + 3.5 };
        if let Some(rect) = obstacles.place(target.pos, galley.size(), gap, !datum.dimmed, self.frame()) {
            out.push(Shape::galley(rect.min, galley, color));
        }
    }

    /// Shaded ranges, under all else; the part in the frame can be pointed at.
    fn bands(&self, out: &mut Vec<Shape>, targets: &mut Vec<Target>) {
        for (index, mark) in self.chart.marks.iter().enumerate() {
            let Mark::Band { name, data, ink, width } = mark else { continue };
            if !(self.visible)(name) {
                continue;
            }
            for (number, datum) in data.iter().enumerate() {
                let Some([low, high]) = datum.interval else { continue };
                let corner = |x: f64, y: f64| self.position(mark, &Datum::new(x, y));
                let half = width / 2.0;
                let (Some(one), Some(other)) = (corner(datum.x - half, low), corner(datum.x + half, high))
                else {
                    continue;
                };
                let rect = Rect::from_two_pos(one, other).intersect(self.frame());
                if !rect.is_positive() {
                    continue;
                }
                out.extend(band(rect, self.fill(datum, *ink), self.tokens));
                let (pos, outermost) = (rect.center_top(), true);
                targets.push(Target { mark: index, datum: number, pos, bar: Some(rect), outermost });
            }
        }
    }

    fn bars(&self, out: &mut Vec<Shape>, targets: &mut Vec<Target>, obstacles: &mut Obstacles) {
        let frame = self.frame();
        let mut chosen: Vec<Rect> = Vec::new();
        for bar in extent::bars(self.chart, self.visible) {
            let Mark::Bars { data, ink, .. } = &self.chart.marks[bar.mark] else { continue };
            let datum = &data[bar.datum];
            let base = if bar.y[0].is_finite() {
                self.transform.position_from_point_y(bar.y[0])
            } else {
                frame.bottom()
            };
            let end = self.transform.position_from_point_y(bar.y[1]);
            let (left, right) = (
                self.transform.position_from_point_x(bar.x[0]),
                self.transform.position_from_point_x(bar.x[1]),
            );
            if ![base, end, left, right].iter().all(|side| side.is_finite()) {
                continue;
            }
            let full = Rect::from_two_pos(pos2(left, base), pos2(right, end));
            let shown = full.intersect(frame.expand(1.0));
            if !shown.is_positive() {
                continue;
            }
            // A hair of surface between neighbours keeps thin bars and stacks readable.
            let between = (shown.width() * 0.12).min(1.0);
            let above = if bar.outermost || shown.height() < 3.0 { 0.0 } else { 0.75 };
            let mut rect = shown.shrink2(vec2(between / 2.0, 0.0));
            if end <= base {
                rect.min.y += above;
            } else {
                rect.max.y -= above;
            }
            let rounding = if bar.outermost && rect.width() > 10.0 && rect.height() > 4.0 { 2 } else { 0 };
            let corners = if end <= base {
                CornerRadius { nw: rounding, ne: rounding, sw: 0, se: 0 }
            } else {
                CornerRadius { nw: 0, ne: 0, sw: rounding, se: rounding }
            };
            let mut shape = RectShape::filled(rect, corners, self.fill(datum, *ink));
            // Snapping to whole pixels would make bars of equal width unequal.
            shape.round_to_pixels = Some(false);
            out.push(Shape::Rect(shape));
            if self.is_chosen(datum) {
                // Bars of a stack that share the key are chosen together.
                match chosen
                    .last_mut()
                    .filter(|ring: &&mut Rect| (ring.center().x - full.center().x).abs() < 0.5)
                {
                    Some(ring) => *ring = ring.union(shown),
                    None => chosen.push(shown),
                }
            }
            obstacles.add_box(full);
            targets.push(Target {
                mark: bar.mark,
                datum: bar.datum,
                pos: pos2(full.center().x, end),
                bar: Some(full),
                outermost: bar.outermost,
            });
        }
        for ring in chosen {
            let stroke = Stroke::new(2.0, self.tokens.accent);
            out.push(Shape::rect_stroke(ring.expand(1.5), 2, stroke, egui::StrokeKind::Middle));
        }
    }

    /// Above the bar where nothing is stacked on it, inside it where it fits.
    fn bar_label(&self, target: &Target, out: &mut Vec<Shape>, obstacles: &mut Obstacles) {
        let datum = &self.chart.marks[target.mark].data()[target.datum];
        let Some(bar) = target.bar.filter(|_| !datum.label.is_empty()) else { return };
        let color = if datum.dimmed { self.tokens.quiet } else { self.tokens.strong };
        let galley = self.galley(&datum.label, self.tokens.small_size, color);
        let size = galley.size();
        let upward = target.pos.y <= bar.center().y;
        let top = match (target.outermost, upward) {
            (true, true) => bar.top() - size.y - 2.0,
            (true, false) => bar.bottom() + 2.0,
            (false, _) if bar.height() >= size.y => bar.center().y - size.y / 2.0,
            (false, _) => return,
        };
        let rect = Rect::from_min_size(pos2(bar.center().x - size.x / 2.0, top), size);
        if size.x <= bar.width() * 1.6 && self.frame().expand(2.0).contains_rect(rect) {
            if target.outermost {
                out.push(Shape::rect_filled(rect.expand2(vec2(2.0, -1.0)), 2, self.tokens.surface));
            }
            out.push(Shape::galley(rect.min, galley, color));
            obstacles.add_box(rect);
        }
    }

    /// A line, over bars with a rim of the surface's colour so that it stays readable on any of them. `dash`:
    /// lengths of dash and gap.
    fn stroke(&self, points: &[Pos2], stroke: Stroke, dash: Option<(f32, f32)>, out: &mut Vec<Shape>) {
        if self.chart.marks.iter().any(|mark| matches!(mark, Mark::Bars { .. })) {
            let rim = Stroke::new(stroke.width + 2.0, self.tokens.surface.gamma_multiply(0.75));
            out.push(Shape::line(points.to_vec(), rim));
        }
        match dash {
            Some((dash, gap)) => out.extend(Shape::dashed_line(points, stroke, dash, gap)),
            None => out.push(Shape::line(points.to_vec(), stroke)),
        }
    }

    /// The limits in view: name and ends, the far end (right, top) last.
    fn limits(&self) -> Vec<(&str, [Pos2; 2])> {
        let frame = self.frame();
        let line = |mark| match mark {
            &Mark::HorizontalLimit { ref name, y } => {
                let y = self.transform.position_from_point_y(ticks::place(&self.chart.y.scale, y)?);
                Some((name.as_str(), [pos2(frame.left(), y), pos2(frame.right(), y)]))
            }
            &Mark::VerticalLimit { ref name, x } => {
                let x = self.transform.position_from_point_x(ticks::place(&self.chart.x.scale, x)?);
                Some((name.as_str(), [pos2(x, frame.bottom()), pos2(x, frame.top())]))
            }
            Mark::Line { .. } | Mark::Points { .. } | Mark::Bars { .. } | Mark::Band { .. } => None,
        };
        self.chart
            .marks
            .iter()
            .filter_map(line)
            .filter(|(_, [end, _])| frame.expand(0.5).contains(*end))
            .collect()
    }

    /// Names of the limits at their lines: at the far end, or where they cover nothing.
    fn limit_names(&self, limits: &[(&str, [Pos2; 2])], out: &mut Vec<Shape>, obstacles: &mut Obstacles) {
        let frame = self.frame();
        for (name, [near, far]) in limits.iter().filter(|(name, _)| !name.is_empty()) {
            let galley = self.galley(name, self.tokens.small_size, self.tokens.strong);
            let size = galley.size();
            let corners = if (near.y - far.y).abs() < 0.5 {
                let (above, below) = (far.y - size.y - 2.0, far.y + 2.0);
                let (right, left) = (frame.right() - size.x - 4.0, frame.left() + 4.0);
                [pos2(right, above), pos2(left, above), pos2(right, below), pos2(left, below)]
            } else {
                let (right, left) = (far.x + 5.0, far.x - 5.0 - size.x);
                let (top, bottom) = (frame.top() + 3.0, frame.bottom() - size.y - 3.0);
                [pos2(right, top), pos2(left, top), pos2(right, bottom), pos2(left, bottom)]
            };
            let places = corners.map(|min| Rect::from_min_size(min, size));
            let rect = obstacles.first_free(&places, frame);
            out.push(Shape::rect_filled(rect.expand2(vec2(3.0, 0.0)), 2, self.tokens.surface));
            out.push(Shape::galley(rect.min, galley, self.tokens.strong));
        }
    }
}

/// A shaded range: quiet enough to read points on it, with edges that show even where it is thin.
pub(super) fn band(rect: Rect, color: Color32, tokens: &Tokens) -> [Shape; 3] {
    let edge = Stroke::new(1.0, tokens.faint(color, 0.6));
    let mut shape = RectShape::filled(rect, 0, tokens.faint(color, 0.22));
    shape.round_to_pixels = Some(false);
    [
        Shape::Rect(shape),
        Shape::line_segment([rect.left_top(), rect.right_top()], edge),
        Shape::line_segment([rect.left_bottom(), rect.right_bottom()], edge),
    ]
}

/// Where a place on the second axis lies on the first: the two fitted ranges are laid over each other.
pub(super) fn first_from_second(place: f64, first: [f64; 2], second: [f64; 2]) -> f64 {
    first[0] + (place - second[0]) / (second[1] - second[0]) * (first[1] - first[0])
}

/// The inverse of [`first_from_second`].
pub(super) fn second_from_first(place: f64, first: [f64; 2], second: [f64; 2]) -> f64 {
    second[0] + (place - first[0]) / (first[1] - first[0]) * (second[1] - second[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_axis_lies_over_the_first() {
        let (first, second) = ([0.0, 10.0], [2.0, 4.0]);
        assert!((first_from_second(3.0, first, second) - 5.0).abs() < 1e-12);
        for place in [-1.0, 0.0, 3.7, 12.0] {
            let there_and_back = first_from_second(second_from_first(place, first, second), first, second);
            assert!((there_and_back - place).abs() < 1e-12);
        }
    }
}
