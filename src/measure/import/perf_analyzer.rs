//! Triton `perf_analyzer`: the table that `-f FILE` writes, one row a load.
//!
//! Columns, units and the rule of percentiles are those of its `report_writer.cc` and `inference_profiler.cc`
//! (`index = p·(n − 1) + 0.5`, cut to a whole number, of the sorted latencies); times are whole microseconds, cut,
//! not rounded. Old tables have one `Server Compute` column. Must not know the raw export of the same tool, which
//! [`super::profile_export`] reads.

use super::fields::{self, MICROS, Row, disorder, for_each_row, gpu_cell, needs_results};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Statistic, Unit, json};

/// Half of the last digit of a whole microsecond.
const HALF_MICRO: f64 = 0.5;

/// Whether a table begins with this tool's header.
pub(super) fn detects(head: &Head) -> bool {
    let columns = head.columns(',');
    matches!(columns.first(), Some(&("Concurrency" | "Request Rate")))
        && columns.contains(&"Inferences/Second")
        && (columns.contains(&"Client Send") || columns.iter().any(|name| percentile_of(name).is_some()))
}

/// Reads the table.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut rates = Vec::new();
    for_each_row(source, |source, row| {
        if !row.fits() {
            source.warn(row.place(), format!("{}: the row is left out", row.misfit()));
            return Ok(());
        }
        if let Some(foreign) = read_row(source, row) {
            rates.extend(foreign.value(&Quantity::Throughput, Statistic::Value));
            results.results.push(foreign);
        }
        Ok(())
    })?;
    needs_results(source, &results)?;
    if rates.len() > 1 && rates.is_sorted() {
        for foreign in &mut results.results {
            foreign.note("perf_analyzer sorts its rows by throughput: their order is not that of the runs.");
        }
    }
    Ok(results)
}

/// The percentile in a column's name: `p99 latency` → 99.
fn percentile_of(name: &str) -> Option<f64> {
    match fields::statistic(name.strip_suffix(" latency")?)? {
        Statistic::Percentile(percent) => Some(percent),
        _ => None,
    }
}

/// One load.
fn read_row(source: &mut Source, row: &Row<'_>) -> Option<Foreign> {
    let mut foreign = source.foreign("perf_analyzer", row.place());
    foreign.quantiles = Quantiles::Nearest;
    read_load(source, row, &mut foreign);
    let names: Vec<String> = row.names().to_vec();
    let composing = !names.iter().any(|name| percentile_of(name).is_some() || name == "Avg latency");
    for name in &names {
        read_column(source, row, name, composing, &mut foreign);
    }
    read_client(row, composing, &mut foreign);
    foreign.includes = Includes {
        queueing: Some(true),
        transfers: Some(true),
        network: names.iter().any(|name| name == "Network+Server Send/Recv").then_some(true),
    };
    foreign.note("Times are whole microseconds, cut off: each may be up to 1 µs more.");
    if composing {
        foreign.note(
            "A composing model of an ensemble: its throughput is the ensemble's, scaled by how often it ran, and \
             there is no latency of its own.",
        );
    }
    if foreign.metric(&Quantity::Throughput, Statistic::Value).is_none() {
        source.warn(row.place(), "it has no throughput: the row is left out");
        return None;
    }
    if let Some(problem) = disorder(&foreign) {
        source.warn(row.place(), format!("{problem}, which cannot be: the row is left out"));
        return None;
    }
    Some(foreign)
}

/// How load was made.
fn read_load(source: &mut Source, row: &Row<'_>, foreign: &mut Foreign) {
    if row.cell("Concurrency").is_some() {
        foreign.scenario = Some("concurrency".to_owned());
        foreign.concurrency = row.number(source, "Concurrency").filter(|number| *number > 0.0);
    } else {
        foreign.scenario = Some("request rate".to_owned());
        foreign.rate_per_second = row.number(source, "Request Rate").filter(|number| *number > 0.0);
        foreign.note(
            "Latency counts from the moment a request was really sent, not from when it was due: what waited in \
             the client is not in it.",
        );
    }
}

/// One column's number.
fn read_column(source: &mut Source, row: &Row<'_>, name: &str, composing: bool, foreign: &mut Foreign) {
    let other = |name: &str| Quantity::Other(name.to_owned());
    let (quantity, statistic) = match name {
        "Concurrency" | "Request Rate" => return,
        "Inferences/Second" => {
            let value = row.number(source, name);
            foreign.add(Quantity::Throughput, Statistic::Value, value, Unit::SamplesPerSecond);
            return;
        }
        "Response Throughput" => {
            let value = row.number(source, name);
            foreign.add(other(name), Statistic::Value, value, Unit::Other("responses/s".to_owned()));
            return;
        }
        "Avg GPU Utilization" | "Avg GPU Power Usage" | "Max GPU Memory Usage" | "Total GPU Memory" => {
            read_gpus(source, row, name, foreign);
            return;
        }
        // The client of a composing model is written as 0 because nobody measured it.
        "Client Send" | "Client Recv" if composing => return,
        "Server Queue" => (Quantity::Queue, Statistic::Mean),
        "Server Compute" | "Server Compute Infer" => (Quantity::Compute, Statistic::Mean),
        "Avg latency" => (Quantity::Latency, Statistic::Mean),
        "Avg First Token Latency" => (Quantity::FirstToken, Statistic::Mean),
        "Avg Token-to-Token Latency" => (Quantity::InterToken, Statistic::Mean),
        _ => match percentile_of(name) {
            Some(percent) => (Quantity::Latency, Statistic::Percentile(percent)),
            None => (other(name), Statistic::Mean),
        },
    };
    let value = row.number(source, name);
    foreign.add_rounded_time(quantity, statistic, value, MICROS, HALF_MICRO);
}

/// The client's share of latency: sending and receiving together.
fn read_client(row: &Row<'_>, composing: bool, foreign: &mut Foreign) {
    if composing {
        return;
    }
    let number = |name: &str| row.cell(name).and_then(json::number_in);
    let both = number("request/response")
        .or_else(|| Some(number("Client Send")? + number("Client Recv")?))
        .filter(|micros| *micros >= 0.0);
    foreign.add_rounded_time(Quantity::Client, Statistic::Mean, both, MICROS, 2.0 * HALF_MICRO);
}

/// A cell with a number for each GPU: utilisation as a mean, power and memory as a sum over them.
fn read_gpus(source: &mut Source, row: &Row<'_>, name: &str, foreign: &mut Foreign) {
    let Some(cell) = row.cell(name) else { return };
    let Some(gpus) = gpu_cell(cell) else {
        source.warn(row.place_of(name), "it is not a list of GPU:value; and left out");
        return;
    };
    let sum: f64 = gpus.iter().map(|(_, value)| value).sum();
    let count = gpus.len() as f64;
    let (quantity, statistic, value, unit) = match name {
        "Avg GPU Utilization" => {
            // Triton reports 0 to 1; a larger number can only be a percentage.
            let percent = gpus.iter().any(|(_, value)| *value > 1.0);
            if percent {
                foreign.note("GPU utilisation is above 1 and taken as a percentage.");
            }
            let value = sum / count / if percent { 100.0 } else { 1.0 };
            (Quantity::AcceleratorUse, Statistic::Mean, value, Unit::Share)
        }
        "Avg GPU Power Usage" => (Quantity::Power, Statistic::Mean, sum, Unit::Watts),
        "Max GPU Memory Usage" => (Quantity::AcceleratorMemory, Statistic::Max, sum, Unit::Bytes),
        _ => (Quantity::Other(name.to_owned()), Statistic::Value, sum, Unit::Bytes),
    };
    foreign.add(quantity, statistic, Some(value), unit);
    foreign.set("GPUs", gpus.iter().map(|(uuid, _)| uuid.as_str()).collect::<Vec<_>>().join(", "));
    if gpus.len() > 1 {
        foreign.set(name, cell);
        foreign.note(format!(
            "{} GPUs: utilisation is their mean, power and memory are their sum; the settings have each one.",
            gpus.len()
        ));
    }
}
