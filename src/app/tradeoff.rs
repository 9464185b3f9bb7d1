//! Latency against throughput, with a price laid over the measurements: the rows behind the trade-off chart.

use std::collections::BTreeMap;

use super::derive::{latest, same_machine, variant_name};
use super::foreign;
use super::project::Stored;
use super::state::{CostAs, LatencyAxis, State};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale, ShadeScale};
use crate::hardware::{self, Profile};
use crate::measure::{Estimate, Scenario as MeasuredScenario, Summary};
use crate::plan::pareto::pareto_front;
use crate::units::{self, Money};

/// A measured configuration with its price.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The measurement's number.
    pub id: i64,
    /// The variant's name ([`super::derive::variant_name`]).
    pub model: String,
    /// Items in one inference.
    pub batch: u64,
    /// Threads of a session.
    pub threads: u32,
    /// Execution provider.
    pub provider: String,
    /// The machine that measured, where that is not this one and measurements of several are shown; else empty.
    pub machine: String,
    /// Latency at the percentile asked for, in milliseconds.
    pub latency_ms: f64,
    /// Items per second, of all sessions that were measured side by side.
    pub throughput_per_second: f64,
    /// The measurement's statistics.
    pub summary: Summary,
    /// Cost of a million items on the priced machine, or why there is none.
    pub cost_per_million: Result<Money, String>,
    /// The price belongs to another machine than the one measured.
    pub assumed: bool,
    /// No other row is both faster to answer and higher in throughput.
    pub on_front: bool,
}

/// Latency of a summary at the percentile asked for, in milliseconds; NaN where there are too few samples.
pub fn latency_ms(summary: &Summary, axis: LatencyAxis) -> f64 {
    estimate(summary, axis).or_nan()
}

/// The percentile asked for.
pub fn estimate(summary: &Summary, axis: LatencyAxis) -> Estimate {
    match axis {
        LatencyAxis::P50 => summary.p50,
        LatencyAxis::P90 => summary.p90,
        LatencyAxis::P95 => summary.p95,
        LatencyAxis::P99 => summary.p99,
    }
}

/// `p99`.
pub fn latency_name(axis: LatencyAxis) -> &'static str {
    match axis {
        LatencyAxis::P50 => "p50",
        LatencyAxis::P90 => "p90",
        LatencyAxis::P95 => "p95",
        LatencyAxis::P99 => "p99",
    }
}

/// Cost of a million items of a measurement on a machine: as many sessions as fit, at a utilisation in (0, 1].
///
/// # Errors
/// In words, when the machine cannot be priced over this measurement.
pub fn cost_per_million(stored: &Stored, profile: &Profile, utilisation: f64) -> Result<Money, String> {
    let (point, summary) = (&stored.point, &stored.summary);
    // What was measured on a machine is as fast there as it was measured.
    let own = profile.is_measured_machine.then_some(1.0);
    let factor = profile.speed_factor.or(own).ok_or_else(|| {
        format!("how fast {} is, relative to the measured machine, is not known", profile.name)
    })?;
    let config = &point.config;
    let threads = match &config.scenario {
        MeasuredScenario::SingleStream => config.threads,
        MeasuredScenario::Offline => config.threads.saturating_mul(config.instances),
        _ => return Err("only SingleStream and Offline show what a machine can do".to_owned()),
    };
    let sessions = hardware::sessions(profile, &config.provider, threads, point.peak_memory_bytes())
        .map_err(|unfit| format!("{}: {unfit}", profile.name))?;
    let throughput = summary.throughput_per_second * factor * sessions as f64;
    hardware::cost_per_million(profile.price_per_hour, throughput, utilisation)
        .ok_or_else(|| "the price of an item is too large or not a number".to_owned())
}

/// One row for the latest measurement of each configuration on each machine.
pub fn rows(state: &State) -> Vec<Row> {
    let scenario = &state.scenario;
    let profile = state.price_profile();
    let several = latest(state)
        .windows(2)
        .any(|two| !two[0].point.fingerprint.is_same_machine(&two[1].point.fingerprint));
    let mut rows: Vec<Row> = latest(state)
        .into_iter()
        .map(|stored| {
            let config = &stored.point.config;
            Row {
                id: stored.id,
                model: variant_name(state, stored),
                batch: config.batch,
                threads: config.threads,
                provider: config.provider.clone(),
                machine: if several && !same_machine(state, stored) {
                    stored.point.fingerprint.identity()
                } else {
                    String::new()
                },
                latency_ms: latency_ms(&stored.summary, scenario.latency),
                throughput_per_second: stored.summary.throughput_per_second,
                summary: stored.summary,
                cost_per_million: match profile {
                    Some(profile) => cost_per_million(stored, profile, scenario.utilisation),
                    None => Err("no hardware profile is chosen".to_owned()),
                },
                assumed: profile
                    .is_some_and(|profile| !(profile.is_measured_machine && same_machine(state, stored))),
                on_front: false,
            }
        })
        .collect();
    let places: Vec<(f64, f64)> = rows
        .iter()
        .map(|row| {
            (if row.latency_ms.is_nan() { f64::INFINITY } else { row.latency_ms }, row.throughput_per_second)
        })
        .collect();
    for (row, on_front) in rows.iter_mut().zip(pareto_front(&places)) {
        row.on_front = on_front;
    }
    rows
}

/// ` assumed` where a price belongs to another machine than the one measured.
fn assumed_word(assumed: bool) -> &'static str {
    if assumed { " (assumed)" } else { "" }
}

/// The trade-off chart: one curve a model, threads, provider and machine; points labelled with their batch.
pub fn chart(state: &State) -> Chart {
    let scenario = &state.scenario;
    let (rows, lacking): (Vec<Row>, Vec<Row>) =
        rows(state).into_iter().partition(|row| row.latency_ms.is_finite());
    let currency = state.price_profile().map_or("USD", |profile| profile.currency.as_str());
    let range = CostRange::of(&rows);
    let as_colour = range.filter(|_| scenario.cost_as == CostAs::Colour);
    let near = foreign::Near::of(state, &rows);
    let as_axis = range.is_some() && scenario.cost_as == CostAs::SecondAxis;
    let mut marks = curves(&rows, scenario.latency, currency, as_colour, as_axis);
    marks.extend(front(&rows, scenario.latency, currency));
    let series = |mark: &Mark| match mark {
        Mark::Line { ink: Ink::Series(number), .. } => Some(number + 1),
        _ => None,
    };
    let own = marks.iter().filter_map(series).max().unwrap_or(0);
    marks.extend(foreign::marks(state, own, near));
    if !rows.is_empty() {
        let name = format!("p99 limit {}", units::duration_ms(scenario.p99_limit_ms));
        // The limit is one of p99; against another percentile it would say something else.
        if scenario.latency == LatencyAxis::P99 {
            marks.push(Mark::VerticalLimit { name, x: scenario.p99_limit_ms });
        }
    }
    let cost_label = "Cost per million items".to_owned();
    let scale = |log: bool| if log { Scale::Log10 } else { Scale::Linear { from_zero: true } };
    let axis = |label: String, unit: &str, scale: Scale| Axis { label, unit: unit.to_owned(), scale };
    let latency = format!("Latency {}", latency_name(scenario.latency));
    let mut chart = Chart::new(
        "trade-off",
        "Latency against throughput",
        axis(latency, "ms", scale(scenario.log_axes.0)),
        axis("Throughput".to_owned(), "items/s", scale(scenario.log_axes.1)),
    );
    chart.subtitle = if state.points.is_empty() {
        "Results of other tools".to_owned()
    } else {
        format!("Measured on {}", machine_words(state))
    };
    chart.y2 = as_axis.then(|| axis(cost_label.clone(), currency, Scale::Linear { from_zero: true }));
    chart.shade = as_colour.map(|CostRange { low, high }| ShadeScale {
        label: cost_label,
        unit: currency.to_owned(),
        low,
        high,
        log: true,
    });
    chart.marks = marks;
    if !state.points.is_empty() {
        chart.notes = notes(state, currency);
    }
    if let Some(first) = lacking.first() {
        let s = if lacking.len() == 1 { "" } else { "s" };
        chart.notes.push(format!(
            "{} measurement{s} without a {} are not drawn: {}.",
            lacking.len(),
            latency_name(scenario.latency),
            estimate(&first.summary, scenario.latency).words()
        ));
    }
    chart.notes.extend(foreign::notes(state, near));
    chart
}

/// The smallest and the largest cost of a million items above zero.
#[derive(Debug, Clone, Copy)]
struct CostRange {
    low: f64,
    high: f64,
}

impl CostRange {
    fn of(rows: &[Row]) -> Option<Self> {
        let costs = rows.iter().filter_map(|row| row.cost_per_million.as_ref().ok());
        let mut range: Option<Self> = None;
        for cost in costs.map(|cost| cost.to_f64()).filter(|cost| *cost > 0.0) {
            let known = range.unwrap_or(Self { low: cost, high: cost });
            range = Some(Self { low: known.low.min(cost), high: known.high.max(cost) });
        }
        range
    }

    /// Position between low and high by ratios, in [0, 1]; the middle when all costs are equal.
    fn shade(self, cost: f64) -> f64 {
        let Self { low, high } = self;
        if high > low { ((cost / low).ln() / (high / low).ln()).clamp(0.0, 1.0) } else { 0.5 }
    }
}

fn curves(
    rows: &[Row],
    latency: LatencyAxis,
    currency: &str,
    as_colour: Option<CostRange>,
    as_axis: bool,
) -> Vec<Mark> {
    let mut series: BTreeMap<(&str, u32, &str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        series.entry((&row.model, row.threads, &row.provider, &row.machine)).or_default().push(row);
    }
    let several_providers = rows.iter().any(|row| row.provider != rows[0].provider);
    let mut marks = Vec::new();
    for (number, ((model, threads, provider, machine), mut members)) in series.into_iter().enumerate() {
        members.sort_by_key(|row| row.batch);
        let s = if threads == 1 { "" } else { "s" };
        let mut name = format!("{} · {threads} thread{s}", model.replace(".onnx", ""));
        if several_providers {
            name.push_str(" · ");
            name.push_str(provider);
        }
        if !machine.is_empty() {
            name.push_str(" · ");
            name.push_str(machine);
        }
        let cost = |row: &Row| row.cost_per_million.as_ref().ok().map(|cost| cost.to_f64());
        let datum = |row: &Row, y: f64, label: String| Datum {
            x: row.latency_ms,
            y,
            label,
            hover: hover(row, latency, currency),
            key: u64::try_from(row.id).ok(),
            dimmed: !row.on_front,
            shade: as_colour.and_then(|range| Some(range.shade(cost(row).filter(|cost| *cost > 0.0)?))),
            interval: None,
        };
        let ink = Ink::Series(number);
        let data =
            members.iter().map(|row| datum(row, row.throughput_per_second, row.batch.to_string())).collect();
        marks.push(Mark::Line {
            name: name.clone(),
            data,
            ink,
            dashed: false,
            markers: true,
            second_axis: false,
        });
        if as_axis {
            let data = members.iter().filter_map(|row| Some(datum(row, cost(row)?, String::new()))).collect();
            let name = format!("{name} · cost");
            marks.push(Mark::Line { name, data, ink, dashed: true, markers: false, second_axis: true });
        }
    }
    marks
}

/// The line through the points that nothing beats; `None` for fewer than two.
fn front(rows: &[Row], latency: LatencyAxis, currency: &str) -> Option<Mark> {
    let mut front: Vec<&Row> = rows.iter().filter(|row| row.on_front).collect();
    let first = front.first()?;
    let series = |row: &Row| (row.model.clone(), row.threads, row.provider.clone(), row.machine.clone());
    // Over a single curve that nothing beats, the front would only be that curve again.
    if front.len() == rows.len() && rows.iter().all(|row| series(row) == series(first)) {
        return None;
    }
    front.sort_by(|a, b| a.latency_ms.total_cmp(&b.latency_ms));
    (front.len() > 1).then(|| Mark::Line {
        name: "Pareto front".to_owned(),
        // The front lies over the points it joins: pointing at it is pointing at them.
        data: front
            .iter()
            .map(|row| Datum {
                hover: hover(row, latency, currency),
                key: u64::try_from(row.id).ok(),
                ..Datum::new(row.latency_ms, row.throughput_per_second)
            })
            .collect(),
        ink: Ink::Strong,
        dashed: true,
        markers: false,
        second_axis: false,
    })
}

fn notes(state: &State, currency: &str) -> Vec<String> {
    let scenario = &state.scenario;
    let mut notes =
        vec!["Labels are batch sizes. Faint points are beaten in both latency and throughput.".to_owned()];
    if let Some(profile) = state.price_profile().filter(|_| scenario.cost_as != CostAs::Hidden) {
        let mut note = format!(
            "Cost: {} an hour for {} ({}), {:.0} % utilisation, as many sessions as fit on it, assumed not to slow each other; {}.",
            units::money(profile.price_per_hour, currency),
            profile.name,
            profile.region,
            scenario.utilisation * 100.0,
            profile.source
        );
        if !profile.is_measured_machine {
            note.push_str(" Assumed: measured on another machine.");
        }
        notes.push(note);
    }
    notes
}

/// The machines the measurements were taken on, in words.
pub fn machine_words(state: &State) -> String {
    let mut cpus: Vec<String> = state
        .points
        .iter()
        .map(|stored| {
            let machine = &stored.point.fingerprint;
            format!("{}, {} logical CPUs", machine.cpu, machine.logical_cpus)
        })
        .collect();
    cpus.sort();
    cpus.dedup();
    if cpus.is_empty() { "no machine yet".to_owned() } else { cpus.join("; ") }
}

/// `1.23 ms ±2.1 %`.
fn latency_words(estimate: &Estimate) -> String {
    let doubt = estimate.doubt().map_or_else(String::new, |doubt| format!(" {doubt}"));
    estimate.words() + &doubt
}

fn hover(row: &Row, axis: LatencyAxis, currency: &str) -> Vec<(String, String)> {
    let mut lines = vec![
        ("Model".to_owned(), row.model.clone()),
        ("Batch".to_owned(), row.batch.to_string()),
        ("Threads".to_owned(), row.threads.to_string()),
        (format!("Latency {}", latency_name(axis)), latency_words(&estimate(&row.summary, axis))),
        ("Throughput".to_owned(), format!("{} items/s", units::three_digits(row.throughput_per_second))),
    ];
    lines.push((
        "Cost per million items".to_owned(),
        match &row.cost_per_million {
            Ok(cost) => format!("{}{}", units::money(*cost, currency), assumed_word(row.assumed)),
            Err(reason) => format!("not known: {reason}"),
        },
    ));
    if !row.machine.is_empty() {
        lines.push(("Machine".to_owned(), row.machine.clone()));
    }
    lines.push(("Samples".to_owned(), row.summary.samples.to_string()));
    lines
}
