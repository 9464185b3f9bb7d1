//! What a reader has done to a chart: zoomed, hidden a series, walked to a point. Kept by egui for the session,
//! never saved: the data may be other tomorrow.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use egui::{Id, Ui};

use crate::chart::extent::Extent;
use crate::chart::{Axis, Chart, Scale};

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// The places in view, where the reader has moved: x low, x high, y low, y high.
    zoom: Option<[f64; 4]>,
    /// Names of the series that are switched off.
    hidden: BTreeSet<String>,
    /// The point that the arrow keys have reached: mark and datum.
    pub cursor: Option<(usize, usize)>,
    /// What the axes were; a zoom does not survive another axis.
    axes: u64,
}

impl View {
    pub fn load(ui: &Ui, id: Id, chart: &Chart) -> Self {
        let mut view: Self = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        let axes = axes(chart);
        if view.axes != axes {
            view.zoom = None;
            view.cursor = None;
            view.axes = axes;
        }
        view
    }

    pub fn store(self, ui: &Ui, id: Id) {
        ui.data_mut(|data| data.insert_temp(id, self));
    }

    pub fn is_visible(&self, name: &str) -> bool {
        !self.hidden.contains(name)
    }

    pub fn toggle(&mut self, name: &str) {
        if !self.hidden.remove(name) {
            self.hidden.insert(name.to_owned());
        }
    }

    /// Shows `name` alone; again: everything.
    pub fn solo<'a>(&mut self, name: &str, all: impl Iterator<Item = &'a str>) {
        let others: BTreeSet<String> = all.filter(|other| *other != name).map(str::to_owned).collect();
        self.hidden = if self.hidden == others { BTreeSet::new() } else { others };
    }

    pub const fn is_zoomed(&self) -> bool {
        self.zoom.is_some()
    }

    /// The places in view: the reader's, or what fits. A zoom that no longer meets the data is let go.
    pub fn bounds(&mut self, fit: &Extent) -> [f64; 4] {
        let fitted = [fit.x[0], fit.x[1], fit.y[0], fit.y[1]];
        if let Some(zoom) = self.zoom {
            let meets = zoom[0] < fit.x[1] && zoom[1] > fit.x[0] && zoom[2] < fit.y[1] && zoom[3] > fit.y[0];
            if meets {
                return zoom;
            }
            self.zoom = None;
        }
        fitted
    }

    /// Takes over where the reader has moved to, unless that is too small or too large to mean anything.
    pub fn moved(&mut self, to: [f64; 4], fit: &Extent) {
        let sane = |low: f64, high: f64, [fit_low, fit_high]: [f64; 2]| {
            let ratio = (high - low) / (fit_high - fit_low);
            ratio.is_finite() && (1e-6..=100.0).contains(&ratio)
        };
        if sane(to[0], to[1], fit.x) && sane(to[2], to[3], fit.y) {
            self.zoom = Some(to);
        }
    }

    pub const fn fit(&mut self) {
        self.zoom = None;
    }
}

fn axes(chart: &Chart) -> u64 {
    let mut hasher = DefaultHasher::new();
    for axis in [Some(&chart.x), Some(&chart.y), chart.y2.as_ref()] {
        axis.map(|Axis { label, unit, scale }| {
            let categories: &[String] = if let Scale::Categories(names) = scale { names } else { &[] };
            (label, unit, std::mem::discriminant(scale), categories)
        })
        .hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these places are exact in binary")]
mod tests {
    use super::*;

    const FIT: Extent = Extent { x: [0.0, 10.0], y: [0.0, 1.0], y2: None };

    #[test]
    fn a_zoom_that_has_lost_the_data_is_let_go() {
        let mut view = View::default();
        view.moved([2.0, 3.0, 0.2, 0.3], &FIT);
        assert_eq!(view.bounds(&FIT), [2.0, 3.0, 0.2, 0.3]);
        let elsewhere = Extent { x: [100.0, 200.0], ..FIT };
        assert_eq!(view.bounds(&elsewhere), [100.0, 200.0, 0.0, 1.0]);
        assert!(!view.is_zoomed());
    }

    #[test]
    fn senseless_ranges_are_not_taken_over() {
        let mut view = View::default();
        for to in [[0.0, 0.0, 0.0, 1.0], [0.0, 1e9, 0.0, 1.0], [f64::NAN, 1.0, 0.0, 1.0]] {
            view.moved(to, &FIT);
            assert!(!view.is_zoomed(), "{to:?}");
        }
    }

    #[test]
    fn solo_shows_one_series_and_then_all_again() {
        let mut view = View::default();
        view.solo("a", ["a", "b", "c"].into_iter());
        assert!(view.is_visible("a") && !view.is_visible("b") && !view.is_visible("c"));
        view.solo("a", ["a", "b", "c"].into_iter());
        assert!(view.is_visible("b"));
    }
}
