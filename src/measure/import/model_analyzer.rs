//! Triton Model Analyzer: `metrics-model-inference.csv`, `metrics-model-gpu.csv` and `metrics-server-only.csv`.
//!
//! It drives `perf_analyzer` and writes one row a model configuration and load, every number with one digit after the
//! point. Must not know that the three tables belong to one run: each is read for itself.

use super::fields::{self, Row, disorder, for_each_row, needs_results};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Statistic, Unit, Validity};

/// Half of the digit that all its numbers end in.
const HALF_DIGIT: f64 = 0.05;

/// Whether a table begins with one of the three headers.
pub(super) fn detects(head: &Head) -> bool {
    let columns = head.columns(',');
    let has = |name: &str| columns.contains(&name);
    has("Model")
        && ((has("Model Config Path")
            && (has("Throughput (infer/sec)") || columns.iter().any(|c| c.ends_with("Latency (ms)"))))
            || (has("GPU UUID")
                && columns.iter().any(|column| column.starts_with("GPU ") && column.contains('('))))
}

/// Reads the table.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    for_each_row(source, |source, row| {
        if !row.fits() {
            source.warn(row.place(), format!("{}: the row is left out", row.misfit()));
            return Ok(());
        }
        results.results.extend(read_row(source, row));
        Ok(())
    })?;
    needs_results(source, &results)?;
    Ok(results)
}

/// One configuration under one load.
fn read_row(source: &mut Source, row: &Row<'_>) -> Option<Foreign> {
    let mut foreign = source.foreign("Triton Model Analyzer", row.place());
    foreign.model = row.cell("Model").map(str::to_owned);
    foreign.quantiles = Quantiles::Nearest;
    foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network: None };
    let names: Vec<String> = row.names().to_vec();
    for name in &names {
        read_column(source, row, name, &mut foreign);
    }
    if foreign.metrics.is_empty() {
        source.warn(row.place(), "it has no number that can be used: the row is left out");
        return None;
    }
    if let Some(problem) = disorder(&foreign) {
        source.warn(row.place(), format!("{problem}, which cannot be: the row is left out"));
        return None;
    }
    if row.cell("Model") == Some("triton-server") && row.cell("Model Config Path").is_none() {
        foreign.note("The server with no model loaded: what the models need is what is above this.");
    }
    if let Some(verdict) =
        row.cell("Satisfies Constraints").filter(|verdict| verdict.eq_ignore_ascii_case("no"))
    {
        foreign.validity = Validity::NotStated;
        foreign
            .note(format!("Satisfies Constraints: {verdict}. It misses a limit that the search was given."));
    }
    foreign.note(
        "Numbers have one digit after the point, so that a latency of half a millisecond is known to 10 %.",
    );
    Some(foreign)
}

/// One column's cell: a setting or a number.
fn read_column(source: &mut Source, row: &Row<'_>, name: &str, foreign: &mut Foreign) {
    match name {
        "Model" => return,
        "Batch" => {
            foreign.batch =
                row.number(source, name).filter(|n| *n >= 1.0 && n.fract() == 0.0).map(|n| n as u64);
            return;
        }
        "Concurrency" => {
            foreign.concurrency = row.number(source, name).filter(|number| *number > 0.0);
            if foreign.concurrency.is_some() {
                foreign.scenario = Some("concurrency".to_owned());
            }
            return;
        }
        "Request Rate" => {
            foreign.rate_per_second = row.number(source, name).filter(|number| *number > 0.0);
            if foreign.rate_per_second.is_some() {
                foreign.scenario = Some("request rate".to_owned());
                foreign.note(
                    "Latency counts from the moment a request was really sent, not from when it was due.",
                );
            }
            return;
        }
        _ => {}
    }
    let Some((what, word)) = name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")) else {
        if let Some(cell) = row.cell(name) {
            foreign.set(name, cell);
        }
        return;
    };
    let Some(value) = row.number(source, name) else { return };
    if value < 0.0 {
        source.warn(row.place_of(name), format!("{value} cannot be: it is left out"));
        return;
    }
    let (quantity, statistic) = meaning(what);
    // Memory is bytes ÷ 10⁶, as the tool computes it.
    let (unit, factor) = fields::unit(word, false).unwrap_or((Unit::Other(word.to_owned()), 1.0));
    let before = foreign.metrics.len();
    foreign.add(quantity, statistic, Some(value * factor), unit);
    for metric in &mut foreign.metrics[before..] {
        metric.rounding = Some(HALF_DIGIT * factor);
    }
}

/// What a column without its unit measures.
fn meaning(what: &str) -> (Quantity, Statistic) {
    match what {
        "Throughput" => (Quantity::Throughput, Statistic::Value),
        "Avg Latency" | "Average Latency" => (Quantity::Latency, Statistic::Mean),
        "Server Queue Time" => (Quantity::Queue, Statistic::Mean),
        "Server Compute Infer Time" | "Server Compute Time" => (Quantity::Compute, Statistic::Mean),
        "Request/Response Time" => (Quantity::Client, Statistic::Mean),
        "GPU Memory Usage" => (Quantity::AcceleratorMemory, Statistic::Max),
        "GPU Utilization" => (Quantity::AcceleratorUse, Statistic::Mean),
        "GPU Power Usage" => (Quantity::Power, Statistic::Mean),
        "RAM Usage" | "CPU Used RAM" => (Quantity::Memory, Statistic::Max),
        other => match other.strip_suffix(" Latency").and_then(fields::statistic) {
            Some(statistic) => (Quantity::Latency, statistic),
            None => (Quantity::Other(other.to_owned()), Statistic::Value),
        },
    }
}
