//! A chart as a value: marks, axes, scales, units, palette. Pure; knows no egui.
//!
//! - [`palette`]: which colour, marker and dash an [`Ink`] is, on each background
//! - [`ticks`]: where an axis has its marks and what is written at them; [`mod@format`]: values as text
//! - [`extent`]: what range of each axis the marks need, and what can't be drawn
//! - [`table`]: the same data as rows of text; [`csv`]: the same as a file; [`summary`]: the same in a sentence

use serde::{Deserialize, Serialize};

pub mod csv;
pub mod extent;
pub mod format;
pub mod palette;
pub mod summary;
pub mod table;
pub mod ticks;

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
    /// What the colour of shaded points means; without it [`Datum::shade`] has no legend.
    #[serde(default)]
    pub shade: Option<ShadeScale>,
}

impl Chart {
    /// A chart without marks.
    pub fn new(id: impl Into<String>, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            subtitle: String::new(),
            x,
            y,
            y2: None,
            marks: Vec::new(),
            notes: Vec::new(),
            shade: None,
        }
    }
}

/// What the colour of shaded points means: `low` is position 0 of the colour scale, `high` position 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShadeScale {
    /// `Cost per 1,000`.
    pub label: String,
    /// `USD`; empty for a pure number.
    pub unit: String,
    /// Value at position 0.
    pub low: f64,
    /// Value at position 1.
    pub high: f64,
    /// Positions go by the logarithm of the value (both ends above zero).
    pub log: bool,
}

impl ShadeScale {
    /// Position of a value on the colour scale, clamped to [0, 1]; `None` when it has none (not finite, or not
    /// above zero on a logarithmic scale).
    pub fn position(&self, value: f64) -> Option<f64> {
        let (value, low, high) = if self.log {
            (value.log10(), self.low.log10(), self.high.log10())
        } else {
            (value, self.low, self.high)
        };
        if !(value.is_finite() && low.is_finite() && high.is_finite()) {
            return None;
        }
        if high <= low {
            return Some(0.5);
        }
        Some(((value - low) / (high - low)).clamp(0.0, 1.0))
    }

    /// The value at a position in [0, 1]: the inverse of [`Self::position`].
    pub fn value(&self, position: f64) -> f64 {
        if self.log {
            10_f64.powf(self.low.log10() + position * (self.high.log10() - self.low.log10()))
        } else {
            self.low + position * (self.high - self.low)
        }
    }
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

impl Axis {
    /// An axis with the given scale.
    pub fn new(label: impl Into<String>, unit: impl Into<String>, scale: Scale) -> Self {
        Self { label: label.into(), unit: unit.into(), scale }
    }

    /// `Latency p99 (ms)`; without brackets where there is no unit.
    pub fn heading(&self) -> String {
        if self.unit.is_empty() { self.label.clone() } else { format!("{} ({})", self.label, self.unit) }
    }
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
    /// Vertical interval around the point, low and high, drawn as a whisker; of a band, what is shaded.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
}

impl Datum {
    /// A plain point: no label, no hover text, no interval, not choosable.
    pub const fn new(x: f64, y: f64) -> Self {
        Self {
            x,
            y,
            label: String::new(),
            hover: Vec::new(),
            key: None,
            dimmed: false,
            shade: None,
            interval: None,
        }
    }
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
    /// Points that stand alone, drawn hollow: measured elsewhere, or to be told from the line they lie on.
    Points { name: String, data: Vec<Datum>, ink: Ink },
    /// Bars stacked on the bars of earlier `Bars` marks at the same x; width in x units.
    Bars { name: String, data: Vec<Datum>, ink: Ink, width: f64 },
    /// Shaded ranges under everything else: each datum's `interval`, `width` in x units around its x.
    Band { name: String, data: Vec<Datum>, ink: Ink, width: f64 },
    /// A horizontal limit across the chart (`p99 limit 50 ms`).
    HorizontalLimit { name: String, y: f64 },
    /// A vertical limit.
    VerticalLimit { name: String, x: f64 },
}

impl Mark {
    /// The name in the legend, or of the limit.
    pub fn name(&self) -> &str {
        match self {
            Self::Line { name, .. }
            | Self::Points { name, .. }
            | Self::Bars { name, .. }
            | Self::Band { name, .. }
            | Self::HorizontalLimit { name, .. }
            | Self::VerticalLimit { name, .. } => name,
        }
    }

    /// The points of a line, points, bars or bands; empty for a limit.
    pub fn data(&self) -> &[Datum] {
        match self {
            Self::Line { data, .. }
            | Self::Points { data, .. }
            | Self::Bars { data, .. }
            | Self::Band { data, .. } => data,
            Self::HorizontalLimit { .. } | Self::VerticalLimit { .. } => &[],
        }
    }

    /// Whether the mark is read on the second vertical axis.
    pub const fn on_second_axis(&self) -> bool {
        matches!(self, Self::Line { second_axis: true, .. })
    }
}
