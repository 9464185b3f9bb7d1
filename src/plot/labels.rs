//! Where labels of points go: near their point, clear of markers, lines and each other, inside the frame.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// What labels must keep clear of.
#[derive(Debug, Default)]
pub(super) struct Obstacles {
    boxes: Vec<Rect>,
    segments: Vec<[Pos2; 2]>,
}

impl Obstacles {
    pub fn add_box(&mut self, rect: Rect) {
        self.boxes.push(rect);
    }

    pub fn add_segment(&mut self, from: Pos2, to: Pos2) {
        self.segments.push([from, to]);
    }

    /// The first of some places that is in the frame and covers nothing; else the first in the frame; it is then
    /// taken. The first of all where none is in the frame.
    pub fn first_free(&mut self, places: &[Rect; 4], frame: Rect) -> Rect {
        let inside = || places.iter().filter(|place| frame.contains_rect(**place));
        let free = inside().find(|place| self.boxes.iter().all(|taken| !taken.intersects(**place)));
        let best = *free.or_else(|| inside().next()).unwrap_or(&places[0]);
        self.boxes.push(best);
        best
    }

    /// The best free place for a text of `size` near `point`, which is then taken; `None` where all are covered.
    /// First choice is a place that no line crosses; then, where the label matters (`needed`), one that only lines
    /// cross.
    pub fn place(&mut self, point: Pos2, size: Vec2, gap: f32, needed: bool, frame: Rect) -> Option<Rect> {
        let free = |rect: &Rect| {
            // Two numbers side by side would read as one.
            let apart = rect.expand2(vec2(2.5, -0.5));
            frame.contains_rect(*rect) && self.boxes.iter().all(|taken| !taken.intersects(apart))
        };
        let candidates = candidates(point, size, gap).map(|min| Rect::from_min_size(min, size));
        let clear = |rect: &&Rect| self.segments.iter().all(|[from, to]| !crosses(*from, *to, **rect));
        let open: Vec<Rect> = candidates.into_iter().filter(free).collect();
        let best = open.iter().find(clear).or_else(|| open.first().filter(|_| needed)).copied()?;
        self.boxes.push(best);
        Some(best)
    }
}

/// Upper left corners, best first: beside and above read best, below last.
fn candidates(point: Pos2, size: Vec2, gap: f32) -> [Pos2; 8] {
    let near = gap * 0.7;
    let Vec2 { x: width, y: height } = size;
    [
        vec2(near, -near - height),
        vec2(gap, -height / 2.0),
        vec2(-width / 2.0, -gap - height),
        vec2(-near - width, -near - height),
        vec2(near, near),
        vec2(-gap - width, -height / 2.0),
        vec2(-width / 2.0, gap),
        vec2(-near - width, near),
    ]
    .map(|offset| pos2(point.x + offset.x, point.y + offset.y))
}

/// Whether a segment touches a rectangle.
fn crosses(from: Pos2, to: Pos2, rect: Rect) -> bool {
    clip(from, to, rect).is_some()
}

/// The part of a segment inside a rectangle (Liang and Barsky, 1984); `None` where there is none.
pub(super) fn clip(from: Pos2, to: Pos2, rect: Rect) -> Option<[Pos2; 2]> {
    let delta = to - from;
    if !(delta.x.is_finite() && delta.y.is_finite() && from.x.is_finite() && from.y.is_finite()) {
        return None;
    }
    let (mut enter, mut leave) = (0.0_f32, 1.0_f32);
    for (along, start, low, high) in
        [(delta.x, from.x, rect.min.x, rect.max.x), (delta.y, from.y, rect.min.y, rect.max.y)]
    {
        if along.abs() < 1e-12 {
            if start < low || start > high {
                return None;
            }
            continue;
        }
        let (one, other) = ((low - start) / along, (high - start) / along);
        enter = enter.max(one.min(other));
        leave = leave.min(one.max(other));
    }
    (enter <= leave).then(|| [from + delta * enter, from + delta * leave])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Rect = Rect { min: Pos2::ZERO, max: pos2(200.0, 100.0) };

    #[test]
    fn labels_never_cover_markers_or_each_other_or_leave_the_frame() {
        let mut obstacles = Obstacles::default();
        let points: Vec<Pos2> =
            (0..30).map(|i| pos2(5.0 + 6.5 * i as f32, 50.0 + 30.0 * (i as f32 * 0.7).sin())).collect();
        let markers: Vec<Rect> =
            points.iter().map(|point| Rect::from_center_size(*point, Vec2::splat(8.0))).collect();
        for marker in &markers {
            obstacles.add_box(*marker);
        }
        let placed: Vec<Rect> = points
            .iter()
            .filter_map(|point| obstacles.place(*point, vec2(22.0, 9.0), 7.0, true, FRAME))
            .collect();
        assert!(placed.len() > 8, "only {} labels found a place", placed.len());
        for (index, rect) in placed.iter().enumerate() {
            assert!(FRAME.contains_rect(*rect));
            let others = placed[..index].iter().chain(&markers);
            assert!(others.into_iter().all(|other| !other.intersects(rect.shrink(0.6))));
        }
    }

    #[test]
    fn a_label_moves_off_a_line_when_it_can() {
        let mut obstacles = Obstacles::default();
        obstacles.add_segment(pos2(0.0, 100.0), pos2(200.0, 0.0));
        let rect = obstacles.place(pos2(100.0, 50.0), vec2(20.0, 10.0), 6.0, false, FRAME).unwrap();
        assert!(!crosses(pos2(0.0, 100.0), pos2(200.0, 0.0), rect), "{rect:?}");
    }

    #[test]
    fn segments_are_clipped_to_the_frame() {
        let [from, to] = clip(pos2(-100.0, 50.0), pos2(1e7, 50.0), FRAME).unwrap();
        assert!(from.x.abs() < 1.0 && (to.x - 200.0).abs() < 1.0, "{from:?} {to:?}");
        assert!(clip(pos2(-10.0, -10.0), pos2(-5.0, 300.0), FRAME).is_none());
        assert!(clip(pos2(f32::NAN, 0.0), pos2(1.0, 1.0), FRAME).is_none());
    }
}
