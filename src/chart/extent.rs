//! What range of each axis the marks need, where stacked bars lie, and which values cannot be drawn.

use std::collections::HashMap;

use super::ticks::place;
use super::{Axis, Chart, Mark, Scale};

/// Ranges of places (see [`super::ticks`]) that show every visible mark with a margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Horizontal, low and high.
    pub x: [f64; 2],
    /// Vertical.
    pub y: [f64; 2],
    /// Second vertical axis, where the chart has one.
    pub y2: Option<[f64; 2]>,
}

/// One bar of a stack, in places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Index of its mark in the chart.
    pub mark: usize,
    /// Index of its datum in the mark.
    pub datum: usize,
    /// Left and right side.
    pub x: [f64; 2],
    /// The end it stands on and the end it reaches; the first is −∞ on a logarithmic axis (the floor).
    pub y: [f64; 2],
    /// Nothing is stacked further out.
    pub outermost: bool,
}

/// How many data cannot be drawn, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Undrawn {
    /// Not a number, or infinite.
    pub not_finite: usize,
    /// Not above zero where an axis is logarithmic.
    pub not_positive: usize,
}

impl Undrawn {
    /// Counts over the whole chart, hidden series included.
    pub fn count(chart: &Chart) -> Self {
        let mut counts = Self::default();
        for mark in &chart.marks {
            let y_axis = y_axis(chart, mark);
            for datum in mark.data() {
                if !(datum.x.is_finite() && datum.y.is_finite()) {
                    counts.not_finite += 1;
                } else if place(&chart.x.scale, datum.x).is_none() || place(&y_axis.scale, datum.y).is_none()
                {
                    counts.not_positive += 1;
                }
            }
        }
        counts
    }

    /// Sentences for the small print; empty when everything is drawn.
    pub fn notes(self) -> Vec<String> {
        let mut notes = Vec::new();
        let values = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
        let are = |count: usize| if count == 1 { "is" } else { "are" };
        if self.not_finite > 0 {
            let (values, are) = (values(self.not_finite), are(self.not_finite));
            notes.push(format!("Not drawn: {values} that {are} not known."));
        }
        if self.not_positive > 0 {
            let (values, have) =
                (values(self.not_positive), if self.not_positive == 1 { "has" } else { "have" });
            notes.push(format!(
                "Not drawn: {values} of 0 or less, which {have} no place on a logarithmic axis."
            ));
        }
        notes
    }
}

/// The vertical axis a mark is read on.
pub fn y_axis<'a>(chart: &'a Chart, mark: &Mark) -> &'a Axis {
    match &chart.y2 {
        Some(second) if mark.on_second_axis() => second,
        _ => &chart.y,
    }
}

/// The bars of all visible `Bars` marks, stacked in order at equal x; negative values stack downwards.
pub fn bars(chart: &Chart, visible: &dyn Fn(&str) -> bool) -> Vec<Bar> {
    let mut ends: HashMap<u64, [f64; 2]> = HashMap::new();
    let mut outermost: HashMap<(u64, bool), usize> = HashMap::new();
    let mut bars: Vec<Bar> = Vec::new();
    for (mark_index, mark) in chart.marks.iter().enumerate() {
        let Mark::Bars { name, data, width, .. } = mark else { continue };
        if !visible(name) {
            continue;
        }
        for (datum_index, datum) in data.iter().enumerate() {
            if !(datum.x.is_finite() && datum.y.is_finite()) {
                continue;
            }
            // -0.0 and 0.0 are the same place.
            let at = (datum.x + 0.0).to_bits();
            let negative = datum.y < 0.0;
            let end = &mut ends.entry(at).or_default()[usize::from(negative)];
            let (from, to) = (*end, *end + datum.y);
            let (Some(left), Some(right), Some(reach)) = (
                place(&chart.x.scale, datum.x - width / 2.0),
                place(&chart.x.scale, datum.x + width / 2.0),
                place(&chart.y.scale, to),
            ) else {
                continue;
            };
            *end = to;
            let base = place(&chart.y.scale, from).unwrap_or(f64::NEG_INFINITY);
            if let Some(below) = outermost.insert((at, negative), bars.len()) {
                bars[below].outermost = false;
            }
            bars.push(Bar {
                mark: mark_index,
                datum: datum_index,
                x: [left, right],
                y: [base, reach],
                outermost: true,
            });
        }
    }
    bars
}

/// The ranges that show all visible marks.
pub fn fit(chart: &Chart, visible: &dyn Fn(&str) -> bool) -> Extent {
    let (mut x, mut y, mut y2) = (Range::default(), Range::default(), Range::default());
    let mut has_bars = false;
    for mark in chart.marks.iter().filter(|mark| visible(mark.name())) {
        if matches!(mark, Mark::Bars { .. }) {
            has_bars = true;
            continue;
        }
        let second = mark.on_second_axis() && chart.y2.is_some();
        let axis = y_axis(chart, mark);
        for datum in mark.data() {
            if let (Some(across), Some(up)) = (place(&chart.x.scale, datum.x), place(&axis.scale, datum.y)) {
                x.include(across);
                if let Mark::Band { width, .. } = mark {
                    let sides = [datum.x - width / 2.0, datum.x + width / 2.0];
                    sides
                        .into_iter()
                        .filter_map(|side| place(&chart.x.scale, side))
                        .for_each(|at| x.include(at));
                }
                let ends = datum.interval.into_iter().flatten().filter_map(|end| place(&axis.scale, end));
                for up in ends.chain([up]) {
                    if second { y2.include(up) } else { y.include(up) }
                }
            }
        }
    }
    // A single bar of time is no block that fills the chart: there is room for some beside it.
    let bar_places: Vec<[f64; 2]> = bars(chart, visible).iter().map(|bar| bar.x).collect();
    if matches!(chart.x.scale, Scale::Time) && !bar_places.is_empty() {
        let widest = bar_places.iter().map(|[left, right]| right - left).fold(0.0, f64::max);
        let left = bar_places.iter().map(|[left, _]| *left).fold(f64::INFINITY, f64::min);
        let right = bar_places.iter().map(|[_, right]| *right).fold(f64::NEG_INFINITY, f64::max);
        let lacks = (LEAST_BARS * widest - (right - left)).max(0.0);
        x.include(left - lacks / 2.0);
        x.include(right + lacks / 2.0);
    }
    for bar in bars(chart, visible) {
        x.include(bar.x[0]);
        x.include(bar.x[1]);
        y.include(bar.y[1]);
        if bar.y[0].is_finite() {
            y.include(bar.y[0]);
        }
    }
    for mark in &chart.marks {
        match mark {
            Mark::HorizontalLimit { y: limit, .. } => y.include_near(place(&chart.y.scale, *limit)),
            Mark::VerticalLimit { x: limit, .. } => x.include_near(place(&chart.x.scale, *limit)),
            Mark::Line { .. } | Mark::Points { .. } | Mark::Bars { .. } | Mark::Band { .. } => {}
        }
    }
    Extent {
        x: x.finish(&chart.x.scale, if has_bars { 0.01 } else { 0.05 }),
        y: y.finish(&chart.y.scale, 0.07),
        y2: chart.y2.as_ref().map(|axis| y2.finish(&axis.scale, 0.07)),
    }
}

/// Bars of time that there is room for at least.
const LEAST_BARS: f64 = 5.0;

/// A growing range of places.
#[derive(Debug, Clone, Copy, Default)]
struct Range(Option<[f64; 2]>);

impl Range {
    fn include(&mut self, place: f64) {
        self.0 = Some(match self.0 {
            None => [place, place],
            Some([low, high]) => [low.min(place), high.max(place)],
        });
    }

    /// Limits come into view only when they are near: a limit of 10 s must not squash points around 1 ms.
    fn include_near(&mut self, place: Option<f64>) {
        let Some(place) = place else { return };
        let near = self.0.is_none_or(|[low, high]| {
            let reach = (high - low).max(high.abs() * 0.2).max(1e-9);
            place >= low - reach && place <= high + reach
        });
        if near {
            self.include(place);
        }
    }

    fn finish(self, scale: &Scale, margin: f64) -> [f64; 2] {
        if let Scale::Categories(names) = scale {
            return [-0.5, names.len().max(1) as f64 - 0.5];
        }
        let from_zero = matches!(scale, Scale::Linear { from_zero: true });
        let [mut low, mut high] = self.0.unwrap_or([0.0, 1.0]);
        if from_zero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if high <= low {
            let half = match scale {
                Scale::Log10 => 0.5,
                Scale::Time => 43_200.0,
                Scale::Linear { .. } | Scale::Categories(_) => (low.abs() * 0.1).max(0.5),
            };
            (low, high) = (low - half, high + half);
            if from_zero {
                low = 0.0;
            }
        }
        let span = high - low;
        // An axis that stands on zero has no gap below it.
        let below = if from_zero && low >= 0.0 { 0.0 } else { span * margin };
        let above = if from_zero && high <= 0.0 { 0.0 } else { span * margin };
        [low - below, high + above]
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these places are exact in binary")]
mod tests {
    use super::*;
    use crate::chart::{Datum, Ink};

    fn all(_: &str) -> bool {
        true
    }

    fn chart(x: Scale, y: Scale, marks: Vec<Mark>) -> Chart {
        let mut chart = Chart::new("id", "Title", Axis::new("X", "", x), Axis::new("Y", "", y));
        chart.marks = marks;
        chart
    }

    fn line(points: &[(f64, f64)]) -> Mark {
        Mark::Line {
            name: "line".into(),
            data: points.iter().map(|(x, y)| Datum::new(*x, *y)).collect(),
            ink: Ink::Series(0),
            dashed: false,
            markers: true,
            second_axis: false,
        }
    }

    fn bar_mark(name: &str, points: &[(f64, f64)]) -> Mark {
        Mark::Bars {
            name: name.into(),
            data: points.iter().map(|(x, y)| Datum::new(*x, *y)).collect(),
            ink: Ink::Series(0),
            width: 0.8,
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_counted_and_kept_out_of_the_range() {
        let chart = chart(
            Scale::Log10,
            Scale::Log10,
            vec![line(&[(1.0, 10.0), (100.0, 1_000.0), (0.0, 5.0), (f64::NAN, 2.0), (3.0, f64::INFINITY)])],
        );
        let counts = Undrawn::count(&chart);
        assert_eq!(counts, Undrawn { not_finite: 2, not_positive: 1 });
        assert_eq!(
            counts.notes(),
            [
                "Not drawn: 2 values that are not known.",
                "Not drawn: 1 value of 0 or less, which has no place on a logarithmic axis."
            ]
        );
        let extent = fit(&chart, &all);
        assert!((extent.x[0] + 0.1).abs() < 1e-9 && (extent.x[1] - 2.1).abs() < 1e-9, "{extent:?}");
        assert!((extent.y[0] - 0.86).abs() < 1e-9 && (extent.y[1] - 3.0 - 0.14).abs() < 1e-9, "{extent:?}");
    }

    #[test]
    fn bars_stack_in_order_and_negative_ones_downwards() {
        let chart = chart(
            Scale::Categories(vec!["a".into(), "b".into()]),
            Scale::Linear { from_zero: true },
            vec![
                bar_mark("one", &[(0.0, 3.0), (1.0, -2.0)]),
                bar_mark("two", &[(0.0, 4.0), (1.0, -1.0)]),
                bar_mark("three", &[(0.0, -5.0)]),
            ],
        );
        let bars = bars(&chart, &all);
        let ys: Vec<_> = bars.iter().map(|bar| bar.y).collect();
        assert_eq!(ys, [[0.0, 3.0], [0.0, -2.0], [3.0, 7.0], [-2.0, -3.0], [0.0, -5.0]]);
        let outer: Vec<_> = bars.iter().map(|bar| bar.outermost).collect();
        assert_eq!(outer, [false, false, true, true, true]);
        let extent = fit(&chart, &all);
        assert_eq!(extent.x, [-0.5, 1.5]);
        assert!(extent.y[0] < -5.0 && extent.y[1] > 7.0);
        let without_two = super::bars(&chart, &|name| name != "two");
        assert_eq!(without_two.len(), 3);
    }

    #[test]
    fn a_single_bar_of_time_does_not_fill_the_chart() {
        let day = 86_400.0;
        let bars = |count: usize| {
            let data = (0..count).map(|at| Datum::new(at as f64 * day, 1.0)).collect();
            let (name, ink) = ("bars".to_owned(), Ink::Series(0));
            let mark = Mark::Bars { name, data, ink, width: 0.8 * day };
            fit(&chart(Scale::Time, Scale::Linear { from_zero: true }, vec![mark]), &all).x
        };
        let share = |[low, high]: [f64; 2]| 0.8 * day / (high - low);
        assert!(share(bars(1)) < 0.2 && share(bars(1)) > 0.15, "{}", share(bars(1)));
        // Many bars are drawn from the first to the last, as before.
        let [low, high] = bars(30);
        assert!((high - low - 29.8 * day * 1.02).abs() < 1.0, "{}", (high - low) / day);
    }

    #[test]
    fn a_far_limit_does_not_squash_the_points() {
        let mut marks = vec![line(&[(1.0, 1.0), (2.0, 2.0)])];
        marks.push(Mark::HorizontalLimit { name: "far".into(), y: 500.0 });
        marks.push(Mark::HorizontalLimit { name: "near".into(), y: 2.5 });
        let linear = Scale::Linear { from_zero: false };
        let extent = fit(&chart(linear.clone(), linear, marks), &all);
        assert!(extent.y[1] > 2.5 && extent.y[1] < 3.0, "{extent:?}");
    }

    #[test]
    fn a_band_is_in_view_with_both_its_ends_and_sides() {
        let band = Mark::Band {
            name: "band".into(),
            data: vec![Datum { interval: Some([0.5, 2.0]), ..Datum::new(3.0, 1.0) }],
            ink: Ink::Quiet,
            width: 2.0,
        };
        let linear = || Scale::Linear { from_zero: false };
        let extent = fit(&chart(linear(), Scale::Log10, vec![band]), &all);
        // 2 to 4 across and log10 of 0.5 to 2 up, and a margin.
        assert!(
            extent.x[0] < 2.0 && extent.x[0] > 1.8 && extent.x[1] > 4.0 && extent.x[1] < 4.2,
            "{extent:?}"
        );
        assert!(extent.y[0] < -0.301 && extent.y[1] > 0.301 && extent.y[1] < 0.36, "{extent:?}");
    }

    #[test]
    fn one_point_and_no_point_have_a_range_too() {
        for scale in [Scale::Log10, Scale::Time, Scale::Linear { from_zero: true }] {
            for marks in [vec![], vec![line(&[(7.0, 7.0)])]] {
                let extent = fit(&chart(scale.clone(), scale.clone(), marks), &all);
                assert!(extent.x[1] > extent.x[0] && extent.y[1] > extent.y[0], "{scale:?} {extent:?}");
            }
        }
    }
}
