//! A chart as a value: marks, axes, scales, units, palette. Pure; knows no egui.

use serde::{Deserialize, Serialize};

/// A whole chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Stable, unique on a page (`tradeoff`); the file name of its export.
    pub id: String,
    /// Above the chart.
    pub title: String,
    /// Under the title: what, where, when.
    pub subtitle: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// A second vertical axis, on the right, where a mark says so.
    pub y2: Option<Axis>,
    /// Marks, drawn in order.
    pub marks: Vec<Mark>,
    /// Small print below: source, method, what was left out.
    pub notes: Vec<String>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// `Latency p99`.
    pub label: String,
    /// `ms`; empty for a pure number.
    pub unit: String,
    /// How values map to places.
    pub scale: Scale,
}

/// How values map to places on an axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scale {
    /// Evenly; with zero always in view where `from_zero`.
    Linear {
        /// Zero is always in view.
        from_zero: bool,
    },
    /// By decades. Values ≤ 0 are not drawn, and counted in the notes.
    Log10,
    /// Seconds since 1970-01-01 UTC, shown as dates.
    Time,
    /// One place for each name: 0, 1, 2…
    Categories(Vec<String>),
}

/// A place in a chart: values on its axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Datum {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Written beside the point; empty for none.
    pub label: String,
    /// Lines of the hover text: name, value with unit.
    pub hover: Vec<(String, String)>,
    /// What choosing this point chooses; `None` = cannot be chosen.
    pub key: Option<u64>,
    /// Drawn faintly (dominated, out of limit).
    pub dimmed: bool,
    /// Position on the colour scale in [0, 1], where the series is coloured by value.
    pub shade: Option<f64>,
}

/// Which colour: the palette has eight that stay apart for colour-blind readers, with a marker shape each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ink {
    /// Number in the palette, modulo its length.
    Series(usize),
    /// The text colour, for fronts and limits.
    Strong,
    /// Quiet grey.
    Quiet,
    /// Accent (the chosen point, the winner).
    Accent,
}

/// Something drawn. `second_axis` = read on `y2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are named after what the marks above say")]
pub enum Mark {
    /// Points joined in order, with markers.
    Line { name: String, data: Vec<Datum>, ink: Ink, dashed: bool, markers: bool, second_axis: bool },
    /// Bars stacked on the bars of earlier `Bars` marks at the same x; width in x units.
    Bars { name: String, data: Vec<Datum>, ink: Ink, width: f64 },
    /// A horizontal limit across the chart (`p99 limit 50 ms`).
    HorizontalLimit { name: String, y: f64 },
    /// A vertical limit.
    VerticalLimit { name: String, x: f64 },
}
