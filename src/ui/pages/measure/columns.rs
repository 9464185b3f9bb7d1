//! The columns of the table of measurements: settings have one only where they differ; the rest is said once.

use crate::app::project::Stored;
use crate::measure::stats::Verdict;
use crate::measure::{Ended, Estimate, Point};
use crate::ui::pages::parts::{csv_text, field, threads_words};
use crate::ui::widgets::{Badge, Cell, Column, count_words};
use crate::units;

use super::scenarios;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Model,
    Scenario,
    Batch,
    Threads,
    Provider,
    Sessions,
    Optimisation,
    Shape,
    Inputs,
    Target,
    P50,
    P90,
    P95,
    P99,
    Rate,
    Runs,
    Verdict,
    Load,
    First,
    Memory,
    Cpu,
    Started,
}

/// Settings that have a column where they differ.
const SETTINGS: [Kind; 8] = [
    Kind::Scenario,
    Kind::Threads,
    Kind::Provider,
    Kind::Sessions,
    Kind::Optimisation,
    Kind::Shape,
    Kind::Inputs,
    Kind::Target,
];

/// The columns for these measurements, and what all of them share, in words. `all` = with those that a screen of usual
/// width has no room for.
pub(super) fn columns(points: &[Stored], all: bool) -> (Vec<Kind>, String) {
    let mut kinds = vec![Kind::Model, Kind::Batch];
    let mut shared = Vec::new();
    for kind in SETTINGS {
        let mut words = points.iter().map(|stored| setting(&stored.point, kind));
        let Some(first) = words.next() else { continue };
        if words.all(|other| other == first) {
            let plain = match kind {
                Kind::Sessions => first != "1",
                Kind::Optimisation => first != "all",
                _ => !first.is_empty(),
            };
            if plain {
                shared.push(match kind {
                    Kind::Threads => threads_words(points[0].point.config.threads),
                    Kind::Sessions => format!("{first} sessions"),
                    Kind::Optimisation => format!("optimisation {first}"),
                    Kind::Inputs => format!("inputs {first}"),
                    Kind::Target => format!("on {first}"),
                    _ => first,
                });
            }
        } else {
            kinds.push(kind);
        }
    }
    if all {
        kinds.extend([Kind::P50, Kind::P90, Kind::P95, Kind::P99, Kind::Rate, Kind::Memory, Kind::Cpu]);
        kinds.extend([Kind::Load, Kind::First, Kind::Runs, Kind::Verdict, Kind::Started]);
    } else {
        kinds.extend([Kind::P50, Kind::P90, Kind::P99, Kind::Rate, Kind::Memory, Kind::Runs, Kind::Verdict]);
    }
    (kinds, shared.join(" · "))
}

fn setting(point: &Point, kind: Kind) -> String {
    let config = &point.config;
    match kind {
        Kind::Scenario => scenarios::words(&config.scenario),
        Kind::Threads => config.threads.to_string(),
        Kind::Provider => config.provider.clone(),
        Kind::Sessions => config.instances.to_string(),
        Kind::Optimisation => config.optimisation.key().to_owned(),
        Kind::Shape => {
            let sizes: Vec<String> =
                config.dims.iter().map(|(name, size)| format!("{name}={size}")).collect();
            sizes.join(" ")
        }
        Kind::Inputs => config.inputs.clone().unwrap_or_default(),
        Kind::Target => point.target.clone(),
        _ => String::new(),
    }
}

/// Title, width and meaning.
pub(super) fn column(kind: Kind) -> Column {
    match kind {
        Kind::Model => Column::fill("Model", 132.0),
        Kind::Scenario => Column::text("Scenario", 120.0).hover("How load is made"),
        Kind::Batch => Column::number("Batch", 34.0).hover("Items in one inference"),
        Kind::Threads => Column::number("Threads", 46.0).hover("Intra-operator threads of each session"),
        Kind::Provider => Column::text("Provider", 62.0).hover("Execution provider"),
        Kind::Sessions => Column::number("Sessions", 50.0).hover("Sessions side by side in one process"),
        Kind::Optimisation => Column::text("Optimised", 60.0).hover("How far the runtime rewrites the graph"),
        Kind::Shape => Column::text("Sizes", 96.0).hover("Sizes set for dynamic dimensions"),
        Kind::Inputs => Column::text("Inputs", 90.0).hover("Input file; empty = generated inputs"),
        Kind::Target => Column::text("Machine", 90.0).hover("How the machine was reached; empty = this one"),
        Kind::P50 => Column::number_with_aside("p50", 108.0)
            .hover("Half of the queries took no longer; ± is half the 95 % interval over runs"),
        Kind::P90 => Column::number("p90", 56.0).hover("9 of 10 queries took no longer"),
        Kind::P95 => Column::number("p95", 56.0).hover("95 of 100 queries took no longer"),
        Kind::P99 => Column::number_with_aside("p99", 108.0)
            .hover("99 of 100 queries took no longer; ± is half the 95 % interval over runs"),
        Kind::Rate => Column::number("Items/s", 50.0).hover("Throughput over wall time"),
        Kind::Runs => Column::number("Runs", 30.0).hover("Independent runs, each in a process of its own"),
        Kind::Verdict => Column::text("Verdict", 62.0).hover(
            "Whether the runs kept their scenario's rules, and what they did over time: latency, in Offline throughput, \
             in Server inferences and queue",
        ),
        Kind::Load => Column::number("Load", 54.0).hover("Time to create the session, median of the runs"),
        Kind::First => {
            Column::number("First", 54.0).hover("First inference after loading, median of the runs")
        }
        Kind::Memory => Column::number("Memory", 62.0).hover("Largest resident memory of the worker process"),
        Kind::Cpu => Column::number("CPU/item", 54.0)
            .hover("CPU time of the worker for one item, without what measuring itself used"),
        Kind::Started => {
            Column::text("Started", 92.0).hover("Start of the first run, in this machine's time zone")
        }
    }
}

/// The cell of a measurement.
pub(super) fn cell(stored: &Stored, kind: Kind) -> Cell {
    let (point, summary) = (&stored.point, &stored.summary);
    let time = |millis: f64| Cell::number(millis, units::duration_ms(millis));
    let nanos = |nanos: Option<u64>| match nanos {
        Some(nanos) => time(nanos as f64 / 1e6),
        None => Cell::unknown("No run is finished yet"),
    };
    match kind {
        Kind::Model => Cell::text(point.model.trim_end_matches(".onnx")).hover(point.model.clone()),
        Kind::Scenario => Cell::text(setting(point, kind)).hover(point.config.scenario.to_string()),
        Kind::Batch => Cell::number(point.config.batch as f64, count_words(point.config.batch)),
        Kind::Threads => Cell::number(f64::from(point.config.threads), point.config.threads.to_string()),
        Kind::Sessions => Cell::number(f64::from(point.config.instances), point.config.instances.to_string()),
        Kind::Provider | Kind::Optimisation | Kind::Shape | Kind::Inputs | Kind::Target => {
            let words = setting(point, kind);
            Cell::text(words.clone()).hover(words)
        }
        Kind::P50 => estimate_cell(&summary.p50, true),
        Kind::P90 => estimate_cell(&summary.p90, false),
        Kind::P95 => estimate_cell(&summary.p95, false),
        Kind::P99 => estimate_cell(&summary.p99, true),
        Kind::Rate => {
            let rate = summary.throughput_per_second;
            Cell::number(rate, units::three_digits(rate))
        }
        Kind::Runs => {
            let why = point.ended.as_ref();
            let why = why.map_or("More runs are to come, or the sweep was stopped".into(), Ended::words);
            Cell::number(f64::from(summary.runs), summary.runs.to_string()).hover(why)
        }
        Kind::Verdict => verdict_cell(point),
        Kind::Load => nanos(point.load_nanos()),
        Kind::First => nanos(point.first_inference_nanos()),
        Kind::Memory => match point.peak_memory_bytes() {
            Some(bytes) => Cell::number(bytes as f64, units::bytes(bytes)),
            None => Cell::unknown("This system does not say how much memory the worker used"),
        },
        Kind::Cpu => match summary.cpu_ms_per_item {
            Some(millis) => time(millis),
            None => Cell::unknown("This system does not say how much CPU time the worker used"),
        },
        Kind::Started => {
            Cell::number(point.started_unix_secs as f64, moment(point.started_unix_secs)).quiet()
        }
    }
}

/// `21 Nov 23:04`, in this machine's time zone.
fn moment(unix_secs: u64) -> String {
    let moment = i64::try_from(unix_secs).ok().and_then(|secs| chrono::DateTime::from_timestamp(secs, 0));
    moment.map_or_else(
        || "–".to_owned(),
        |moment| moment.with_timezone(&chrono::Local).format("%-d %b %H:%M").to_string(),
    )
}

/// A percentile; `doubt` = with its interval behind it.
fn estimate_cell(estimate: &Estimate, doubt: bool) -> Cell {
    let Some(ms) = estimate.ms else {
        let words = estimate.words();
        // Without a value it sorts last, as everything unknown.
        let short = format!("{}/{}", estimate.have, estimate.need);
        let cell = Cell::number(f64::NAN, short).quiet().hover(words.clone()).spoken(words);
        return cell;
    };
    let mut hover = match estimate.interval_ms {
        Some((low, high)) => {
            format!("95 % interval over runs: {} to {}", units::duration_ms(low), units::duration_ms(high))
        }
        None => "One run, or too short runs: no interval".to_owned(),
    };
    if let Some(bound) = estimate.bound_ms {
        hover.push_str("\nAt most ");
        hover.push_str(&units::duration_ms(bound));
        hover.push_str(" at 99 % confidence (early stopping)");
    }
    let cell = Cell::number(ms, units::duration_ms(ms)).hover(hover);
    let aside = estimate.doubt().unwrap_or_default();
    if doubt { cell.aside(aside) } else { cell }
}

/// The worst that a run did.
pub(super) fn steadiness(point: &Point) -> Option<Badge> {
    let worst = |verdict: Verdict| match verdict {
        Verdict::Flat | Verdict::WarmUp => (0, Badge::Steady),
        Verdict::TooFew { .. } => (1, Badge::Short),
        Verdict::Drift => (2, Badge::Drift),
        Verdict::NoSteadyState => (3, Badge::Unsteady),
    };
    let found = point.runs.iter().filter_map(|run| run.measured.steadiness.as_ref());
    found.map(|found| worst(found.verdict)).max_by_key(|(order, _)| *order).map(|(_, badge)| badge)
}

/// What is as it should be is said quietly; only what is not has a box in a colour.
fn verdict_cell(point: &Point) -> Cell {
    let reasons = point.invalid();
    if !reasons.is_empty() {
        return Cell::text("").badge(Badge::Invalid).hover(reasons.join("\n"));
    }
    let Some(badge) = steadiness(point) else {
        let hover = "Kept the rules of its scenario; what it did over time is not judged: measured by an earlier \
                     version, or arrivals vary through a batcher";
        return Cell::text("valid").quiet().hover(hover);
    };
    let mut sentences = vec!["Kept the rules of its scenario.".to_owned()];
    sentences.extend(point.runs.iter().enumerate().filter_map(|(place, run)| {
        Some(format!("Run {}: {}", place + 1, run.measured.steadiness.as_ref()?.sentence))
    }));
    badge_cell(badge).hover(sentences.join("\n"))
}

/// A verdict about steadiness as a cell.
pub(super) fn badge_cell(badge: Badge) -> Cell {
    match badge {
        Badge::Steady | Badge::Short => Cell::text(badge.text()).quiet(),
        other => Cell::text("").badge(other),
    }
}

/// All measurements for a machine: units in the header.
pub(super) fn csv(points: &[Stored]) -> String {
    let header = [
        "model",
        "batch",
        "threads",
        "provider",
        "p50_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "throughput_per_second",
        "load_ms",
        "first_inference_ms",
        "peak_memory_bytes",
        "cpu_ms_per_item",
        "samples",
        "seconds",
        "runtime_version",
        "started_unix_secs",
        "scenario",
        "sessions",
        "optimisation",
        "sizes",
        "runs",
        "p50_low_ms",
        "p50_high_ms",
        "p99_low_ms",
        "p99_high_ms",
        "invalid",
    ];
    let rows = points.iter().map(|stored| {
        let (point, summary) = (&stored.point, &stored.summary);
        let low = |estimate: &Estimate| field(estimate.interval_ms.map(|(low, _)| low));
        let high = |estimate: &Estimate| field(estimate.interval_ms.map(|(_, high)| high));
        vec![
            point.model.clone(),
            point.config.batch.to_string(),
            point.config.threads.to_string(),
            point.config.provider.clone(),
            field(summary.p50.ms),
            field(summary.p90.ms),
            field(summary.p95.ms),
            field(summary.p99.ms),
            summary.throughput_per_second.to_string(),
            field(point.load_nanos().map(|nanos| nanos as f64 / 1e6)),
            field(point.first_inference_nanos().map(|nanos| nanos as f64 / 1e6)),
            field(point.peak_memory_bytes()),
            field(summary.cpu_ms_per_item),
            summary.samples.to_string(),
            point.config.seconds.to_string(),
            point.runtime_version.clone(),
            point.started_unix_secs.to_string(),
            point.config.scenario.to_string(),
            point.config.instances.to_string(),
            point.config.optimisation.key().to_owned(),
            setting(point, Kind::Shape),
            summary.runs.to_string(),
            low(&summary.p50),
            high(&summary.p50),
            low(&summary.p99),
            high(&summary.p99),
            point.invalid().join("; "),
        ]
    });
    csv_text(&header, rows)
}
