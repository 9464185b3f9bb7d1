//! Other tools' results on the axes of ours: which can be drawn, where, and why the others are not; the same as CSV.
//!
//! They are only shown: never on the Pareto front, never priced, never planned with.

use std::collections::BTreeMap;

use super::results::ResultFile;
use super::state::{LatencyAxis, State};
use super::tradeoff::{self, latency_name};
use crate::chart::palette::{self, Marker};
use crate::chart::ticks::place;
use crate::chart::{Datum, Ink, Mark, Scale};
use crate::measure::import::{Foreign, Metric, Quantiles, Unit, Validity};
use crate::units;

/// Tools with an entry of their own in the legend.
const TOOLS: usize = 5;
/// Longest text in a tooltip, in characters.
const HOVER_CHARS: usize = 44;

/// One result with the file it stands in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// The file.
    pub file: &'a ResultFile,
    /// Its place in the file.
    pub place: usize,
    /// What it says.
    pub result: &'a Foreign,
}

/// Every result of the project, file by file.
pub fn rows(state: &State) -> Vec<Row<'_>> {
    state
        .results
        .iter()
        .flat_map(|file| {
            let results = file.results.results.iter().enumerate();
            results.map(move |(place, result)| Row { file, place, result })
        })
        .collect()
}

/// A result where it lies on the axes of the trade-off.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// The result.
    pub row: Row<'a>,
    /// Latency at the percentile asked for, in milliseconds.
    pub latency_ms: f64,
    /// Inferences per second.
    pub per_second: f64,
    /// The throughput as the file has it.
    pub throughput: &'a Metric,
}

/// Why a result is not drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotDrawn {
    /// Its throughput counts tokens.
    Tokens,
    /// It has no throughput.
    NoThroughput,
    /// It has not this percentile of latency.
    NoPercentile,
    /// All its queries were sent at once: its latencies are those of waiting.
    Waiting,
}

impl NotDrawn {
    /// The reason in words; `percentile` is the one asked for.
    fn words(self, percentile: &str) -> String {
        match self {
            Self::Tokens => "counts tokens, which are not inferences".to_owned(),
            Self::NoThroughput => "has no throughput".to_owned(),
            Self::NoPercentile => format!("has no {percentile} of latency"),
            Self::Waiting => "sent all its queries at once, so its latencies are waiting".to_owned(),
        }
    }
}

/// The percentile asked for, in percent.
fn percent(axis: LatencyAxis) -> f64 {
    match axis {
        LatencyAxis::P50 => 50.0,
        LatencyAxis::P90 => 90.0,
        LatencyAxis::P95 => 95.0,
        LatencyAxis::P99 => 99.0,
    }
}

/// Where a result lies on the axes of the trade-off.
///
/// # Errors
/// With the reason, when its units are not those of the axes or a number is missing.
pub fn point(row: Row<'_>, axis: LatencyAxis) -> Result<Point<'_>, NotDrawn> {
    let result = row.result;
    let throughput = result.throughput().ok_or(NotDrawn::NoThroughput)?;
    let per_second = match throughput.unit {
        Unit::SamplesPerSecond => throughput.value,
        // A query is a batch where the file says how large one is.
        Unit::QueriesPerSecond => throughput.value * result.batch.unwrap_or(1) as f64,
        _ => return Err(NotDrawn::Tokens),
    };
    // MLPerf's word for one query of everything there is; other tools do not use it.
    if result.scenario.as_deref() == Some("Offline") {
        return Err(NotDrawn::Waiting);
    }
    let latency_ms = result.latency(percent(axis)).ok_or(NotDrawn::NoPercentile)?.value / 1e6;
    Ok(Point { row, latency_ms, per_second, throughput })
}

/// The part of the trade-off's axes that the own measurements take up, with as much around it as other tools' results
/// may use without squeezing them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Places of latency and of throughput, from and to.
    places: [[f64; 2]; 2],
    /// Which of the axes are logarithmic.
    log: [bool; 2],
}

impl Near {
    /// `own`: the own measurements, of which those with a latency count. `None` without any: then nothing is far.
    pub fn of(state: &State, own: &[tradeoff::Row]) -> Option<Self> {
        let log = [state.scenario.log_axes.0, state.scenario.log_axes.1];
        let range = |log: bool, value: fn(&tradeoff::Row) -> f64| {
            let drawn = || own.iter().filter(|row| row.latency_ms.is_finite());
            let places = || drawn().filter_map(|row| on_axis(log, value(row)));
            let (low, high) = (places().min_by(f64::total_cmp)?, places().max_by(f64::total_cmp)?);
            // Half of what there is again on either side; of a single point a factor of 3.
            let reach = (0.5 * (high - low)).max(if log { 0.5 } else { high });
            Some([low - reach, high + reach])
        };
        let places = [range(log[0], |row| row.latency_ms)?, range(log[1], |row| row.throughput_per_second)?];
        Some(Self { places, log })
    }

    fn holds(&self, point: &Point<'_>) -> bool {
        [point.latency_ms, point.per_second].into_iter().zip(self.log).zip(self.places).all(
            |((value, log), [low, high])| {
                on_axis(log, value).is_none_or(|place| (low..=high).contains(&place))
            },
        )
    }
}

/// The place of a value on an axis of the trade-off.
fn on_axis(log: bool, value: f64) -> Option<f64> {
    place(&if log { Scale::Log10 } else { Scale::Linear { from_zero: true } }, value)
}

/// How many results lie far from the own measurements; 0 when other tools' results are switched off.
pub fn far(state: &State, near: Option<Near>) -> usize {
    drawn(state).iter().filter(|point| near.is_some_and(|near| !near.holds(point))).count()
}

/// The results that have a place in the trade-off; none when they are switched off.
pub fn drawn(state: &State) -> Vec<Point<'_>> {
    let scenario = &state.scenario;
    if !scenario.show_imported {
        return Vec::new();
    }
    rows(state).into_iter().filter_map(|row| point(row, scenario.latency).ok()).collect()
}

/// The marks of the results that the trade-off shows, in inks from `first_series` on: one for each of the tools with
/// the most points, and one for the rest. Those outside `near` only where they are asked for.
pub fn marks(state: &State, first_series: usize, near: Option<Near>) -> Vec<Mark> {
    let near = near.filter(|_| !state.scenario.show_far);
    let axis = state.scenario.latency;
    let mut tools: BTreeMap<&str, Vec<Datum>> = BTreeMap::new();
    for point in drawn(state).iter().filter(|point| near.is_none_or(|near| near.holds(point))) {
        tools.entry(&point.row.result.tool).or_default().push(datum(point, axis));
    }
    let mut rest = Vec::new();
    while tools.len() > TOOLS {
        let fewest = tools.iter().min_by_key(|(_, data)| data.len()).map(|(tool, _)| *tool);
        rest.extend(fewest.and_then(|tool| tools.remove(tool)).unwrap_or_default());
    }
    // Crosses have no inside that could be left empty.
    let mut inks = (first_series..)
        .map(Ink::Series)
        .filter(|ink| !matches!(palette::marker(*ink), Marker::Cross | Marker::Plus));
    let named = tools.into_iter().map(|(tool, data)| (format!("Imported: {tool}"), data));
    let rest = (!rest.is_empty()).then(|| ("Imported: other tools".to_owned(), rest));
    let marks = named.chain(rest).zip(&mut inks).map(|((name, data), ink)| Mark::Points { name, data, ink });
    marks.collect()
}

/// What the trade-off's small print says of the results it shows, and of those it does not.
pub fn notes(state: &State, near: Option<Near>) -> Vec<String> {
    let (all, axis) = (rows(state), state.scenario.latency);
    if all.is_empty() {
        return Vec::new();
    }
    if !state.scenario.show_imported {
        return vec![format!("{} of other tools are hidden.", results_words(all.len()))];
    }
    let mut notes = Vec::new();
    let mut left_out: BTreeMap<NotDrawn, usize> = BTreeMap::new();
    let mut shown = 0;
    for row in &all {
        match point(*row, axis) {
            Ok(_) => shown += 1,
            Err(reason) => *left_out.entry(reason).or_default() += 1,
        }
    }
    if shown > 0 {
        notes.push(
            "Hollow points are other tools' results, as their files say them: measured elsewhere and by other \
             definitions, neither priced nor planned with. Faint ones are invalid by their own tool's word."
                .to_owned(),
        );
    }
    let far = far(state, near);
    if far > 0 && !state.scenario.show_far {
        let (results, lie) = (results_words(far), if far == 1 { "lies" } else { "lie" });
        notes.push(format!(
            "Not drawn: {results} of other tools that {lie} far from the own measurements and would squeeze them."
        ));
    }
    let percentile = latency_name(axis);
    notes.extend(left_out.into_iter().map(|(reason, count)| {
        format!("Not drawn: {} of other tools, as each {}.", results_words(count), reason.words(percentile))
    }));
    notes
}

fn results_words(count: usize) -> String {
    format!("{count} result{}", if count == 1 { "" } else { "s" })
}

fn datum(point: &Point<'_>, axis: LatencyAxis) -> Datum {
    let Point { row, latency_ms, per_second, throughput } = point;
    let result = row.result;
    let mut hover = vec![("Tool".to_owned(), result.tool_words()), ("File".to_owned(), result.file.clone())];
    let mut line = |name: &str, value: Option<String>| {
        hover.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    line("Model", result.model.clone());
    line("System", result.system.clone());
    line("Scenario", result.scenario.clone());
    line("Load", Some(result.load_words()));
    let latency = result.latency(percent(axis));
    let rounding = latency.map(Metric::rounding_words).filter(|words| !words.is_empty());
    let rounding = rounding.map_or_else(String::new, |words| format!(" {words}"));
    let name = format!("Latency {}", latency_name(axis));
    line(&name, Some(units::duration_ms(*latency_ms) + &rounding));
    let mut words = throughput.words();
    if throughput.unit == Unit::QueriesPerSecond && result.batch.is_some_and(|batch| batch > 1) {
        words = format!("{words} × batch = {} items/s", units::three_digits(*per_second));
    }
    line("Throughput", Some(words));
    line("Latency includes", Some(result.includes.words()));
    line("Percentile", Some(definition(result.quantiles).to_owned()));
    if let Validity::Invalid(reasons) = &result.validity {
        line("Invalid", Some(reasons.first().cloned().unwrap_or_else(|| "the tool says so".to_owned())));
    }
    for (_, value) in &mut hover {
        shorten(value);
    }
    let dimmed = matches!(result.validity, Validity::Invalid(_));
    Datum { hover, dimmed, ..Datum::new(*latency_ms, *per_second) }
}

/// The definition of a percentile, short.
fn definition(quantiles: Quantiles) -> &'static str {
    match quantiles {
        Quantiles::Unknown => "definition not known",
        Quantiles::FloorIndex => "sorted[floor(n·p)]",
        Quantiles::InverseCdf => "sorted[ceil(n·p) − 1], as ours",
        Quantiles::Linear => "interpolated",
        Quantiles::Nearest => "nearest rank",
        Quantiles::Histogram => "from a histogram",
    }
}

/// Cuts what is too long for a tooltip.
fn shorten(text: &mut String) {
    if text.chars().count() > HOVER_CHARS {
        *text = text.chars().take(HOVER_CHARS - 1).collect::<String>() + "…";
    }
}

/// Percentiles in the columns of tables.
pub const PERCENTILES: [f64; 3] = [50.0, 90.0, 99.0];

/// The columns of [`csv_row`].
pub const CSV_HEADER: [&str; 22] = [
    "tool",
    "tool_version",
    "file",
    "place",
    "model",
    "system",
    "framework",
    "scenario",
    "batch",
    "in_flight",
    "sent_per_second",
    "precision",
    "throughput",
    "throughput_unit",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "percentile_definition",
    "includes",
    "validity",
    "invalid_because",
    "notes",
];

/// A result for a machine; empty where the file does not say.
pub fn csv_row(result: &Foreign) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let throughput = result.throughput();
    let percentile = |percent| number(result.latency(percent).map(|metric| metric.value / 1e6));
    let [p50, p90, p99] = PERCENTILES.map(percentile);
    let reasons = match &result.validity {
        Validity::Invalid(reasons) => reasons.join("; "),
        _ => String::new(),
    };
    vec![
        result.tool.clone(),
        text(&result.tool_version),
        result.file.clone(),
        result.place.clone(),
        text(&result.model),
        text(&result.system),
        text(&result.framework),
        text(&result.scenario),
        result.batch.map_or_else(String::new, |batch| batch.to_string()),
        number(result.concurrency),
        number(result.rate_per_second),
        text(&result.precision),
        number(throughput.map(|metric| metric.value)),
        throughput.map_or_else(String::new, |metric| metric.unit.words().to_owned()),
        p50,
        p90,
        p99,
        definition(result.quantiles).to_owned(),
        result.includes.words(),
        result.validity.words().to_owned(),
        reasons,
        result.notes.join(" "),
    ]
}
