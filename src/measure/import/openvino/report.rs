//! What one benchmark_app report says, however it is written: rows of a name and a value.

use super::super::json::number_in;
use super::super::source::Source;
use super::super::{Foreign, Metric, Quantiles, Quantity, Statistic, Unit, Validity};

pub(super) const TOOL: &str = "OpenVINO benchmark_app";

/// A value as it is written, which tells how it was rounded.
pub(super) struct Cell<'a> {
    pub(super) text: &'a str,
    /// Whether the file has it as a number, not as text: then nothing is known of rounding.
    pub(super) exact: bool,
}

/// One name for the CSV's, the Python tool's and the C++ tool's spelling: `first inference time`.
pub(super) fn plain(name: &str) -> String {
    let name = name.trim().replace('_', " ").to_ascii_lowercase();
    name.strip_suffix("(ms)").unwrap_or(&name).trim().to_owned()
}

/// Takes over a row of the configuration.
pub(super) fn configuration(foreign: &mut Foreign, name: &str, value: &str) {
    match plain(name).as_str() {
        "topology" => foreign.model = Some(value.to_owned()).filter(|name| !name.is_empty()),
        "target device" => foreign.system = Some(value.to_owned()),
        "precision" if value != "UNSPECIFIED" => foreign.precision = Some(value.to_owned()),
        "batch size" => foreign.batch = value.parse().ok(),
        "number of parallel infer requests" | "nireq" => foreign.concurrency = number_in(value),
        "api" => foreign.scenario = Some(value.to_owned()),
        _ => {}
    }
    foreign.set(name, value);
}

/// Takes over a row of the results; `false` when it is not known.
pub(super) fn result(
    source: &mut Source,
    foreign: &mut Foreign,
    place: &str,
    name: &str,
    cell: &Cell,
) -> bool {
    let plain = plain(name);
    if plain == "error" {
        foreign.validity = match std::mem::take(&mut foreign.validity) {
            Validity::Invalid(mut reasons) => {
                reasons.push(cell.text.to_owned());
                Validity::Invalid(reasons)
            }
            _ => Validity::Invalid(vec![cell.text.to_owned()]),
        };
        return true;
    }
    let Some((quantity, statistic, unit)) = meaning(&plain) else { return false };
    let Some(value) = number_in(cell.text) else {
        source.warn(place, format!("{name} is no number and left out: {:?}", cell.text));
        return true;
    };
    // Two digits after the point: the value can be off by half of the last one.
    let rounding = cell.text.split_once('.').filter(|_| !cell.exact).map_or(0.5, |(_, decimals)| {
        0.5 * 10_f64.powi(-i32::try_from(decimals.trim().len()).unwrap_or(i32::MAX))
    });
    match unit {
        Unit::Seconds => foreign.add(quantity, statistic, Some(value / 1e3), Unit::Seconds),
        Unit::Nanos if cell.exact => foreign.add_time(quantity, statistic, Some(value), 1e6),
        Unit::Nanos => foreign.add_rounded_time(quantity, statistic, Some(value), 1e6, rounding),
        unit => foreign.add(quantity, statistic, Some(value), unit),
    }
    true
}

fn meaning(name: &str) -> Option<(Quantity, Statistic, Unit)> {
    let other = |name: &str| Quantity::Other(name.to_owned());
    Some(match name {
        "throughput" => (Quantity::Throughput, Statistic::Value, Unit::SamplesPerSecond),
        "total number of iterations" | "iterations num" => {
            (Quantity::Completed, Statistic::Value, Unit::Count)
        }
        "total execution time" | "execution time" => (Quantity::Duration, Statistic::Value, Unit::Seconds),
        "first inference time" => (Quantity::FirstInference, Statistic::Value, Unit::Nanos),
        "compile model time" | "load model time" | "load network time" => {
            (Quantity::Load, Statistic::Value, Unit::Nanos)
        }
        "read model time" | "read network time" => (other("read model"), Statistic::Value, Unit::Nanos),
        "reshape model time" | "reshape network time" => {
            (other("reshape model"), Statistic::Value, Unit::Nanos)
        }
        "latency" | "latency median" | "median latency" => {
            (Quantity::Latency, Statistic::Percentile(50.0), Unit::Nanos)
        }
        "avg latency" | "latency average" | "latency avg" => {
            (Quantity::Latency, Statistic::Mean, Unit::Nanos)
        }
        "min latency" | "latency min" => (Quantity::Latency, Statistic::Min, Unit::Nanos),
        "max latency" | "latency max" => (Quantity::Latency, Statistic::Max, Unit::Nanos),
        _ => {
            // "latency (99 percentile)"
            let percentile = name.strip_prefix("latency (")?.strip_suffix("percentile)")?;
            (Quantity::Latency, Statistic::Percentile(number_in(percentile)?), Unit::Nanos)
        }
    })
}

/// The batch of a group's shapes: `x: [1,3,64,64]`.
pub(super) fn batch_of(shapes: &str) -> Option<u64> {
    let mut batches = shapes.split('[').skip(1).map(|shape| {
        let first: String = shape.chars().take_while(char::is_ascii_digit).collect();
        first.parse::<u64>().ok()
    });
    let first = batches.next()??;
    batches.all(|batch| batch == Some(first)).then_some(first)
}

/// Definitions and traps of every report. `python` where the Python tool wrote it.
pub(super) fn finish(foreign: &mut Foreign, python: bool) {
    // The topology is the name inside the file, often a converter's word; the argument is the file.
    if let Some(file) = foreign.settings.get("argument -m") {
        foreign.model = file.rsplit(['/', '\\']).next().map(str::to_owned);
    }
    // The Python tool takes sorted[ceil(n·p/100) - 1].
    foreign.quantiles = if python { Quantiles::InverseCdf } else { Quantiles::Unknown };
    foreign.includes.network = Some(false);
    match foreign.scenario.as_deref() {
        Some("sync") => foreign.includes.queueing = Some(false),
        Some("async") => foreign.note(
            "Asynchronous requests: latency also holds waiting where there are more requests than streams.",
        ),
        _ => {}
    }
    // The log writes microseconds with two digits, the reports milliseconds.
    let is_coarse = |metric: &Metric| {
        metric.quantity == Quantity::Latency && metric.rounding.is_some_and(|nanos| nanos >= 1000.0)
    };
    if foreign.metrics.iter().any(is_coarse) {
        foreign.note(
            "Latencies are rounded to 0.01 ms in this report: short ones are coarse (0.03 ms is 0.025 to 0.035 ms).",
        );
    }
    if foreign.precision.is_none() {
        foreign.note(
            "The report does not say in which precision the model ran: on CPUs with bfloat16 OpenVINO uses it for \
             fp32 models unless told otherwise, and image inputs become u8. Do not compare with fp32 without the \
             tool's log.",
        );
    }
    if foreign.settings.get("inference_only").is_some_and(|value| value.eq_ignore_ascii_case("false")) {
        foreign.note("Filling the inputs is part of the measured loop (inference_only is false).");
    }
}
