//! `winml perf` (microsoft/winml-cli): one JSON object a run.
//!
//! Its percentile is `sorted[⌊n·p⌋]` and its throughput the batch over the mean latency, both from its source. Must not
//! know its live monitor.

use serde_json::Value;

use super::fields::{self, MILLIS, disorder, last_part, nanos};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, json};

/// Half of the last digit of its milliseconds, which have three.
const HALF_DIGIT_MS: f64 = 0.0005;

/// Whether JSON begins like such a report.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_key(1, "benchmark_info")
        && (head.has_key(1, "latency_ms") || head.has_key(1, "model_info"))
}

/// Reads the report.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let info = value.get("benchmark_info").unwrap_or(&Value::Null);
    let mut foreign = source.foreign("winml perf", "");
    foreign.tool_version = json::text_at(info, "version");
    foreign.quantiles = Quantiles::FloorIndex;
    foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: Some(false) };
    foreign.model = json::text_at(info, "model_id").map(|id| last_part(&id).to_owned());
    foreign.framework = Some(json::text_at(info, "runtime").unwrap_or_else(|| "ONNX Runtime".to_owned()));
    foreign.precision = json::text_at(info, "precision").filter(|precision| precision != "auto");
    foreign.batch = json::count_at(info, "batch_size");
    foreign.concurrency = Some(1.0);
    for key in ["device", "ep", "task", "iterations", "warmup", "timestamp"] {
        if let Some(text) = json::text_at(info, key) {
            foreign.set(key, text);
        }
    }
    shapes(&value, &mut foreign);
    let latency = value.get("latency_ms").and_then(Value::as_object);
    for (key, number) in latency.into_iter().flatten() {
        let (quantity, statistic) = match (key.as_str(), fields::statistic(key)) {
            ("warmup_mean", _) => (Quantity::WarmUp, Statistic::Mean),
            (_, Some(statistic)) => (Quantity::Latency, statistic),
            _ => continue,
        };
        foreign.add_rounded_time(quantity, statistic, json::number(number), MILLIS, HALF_DIGIT_MS);
    }
    if foreign.metrics.is_empty() {
        return Err(source.broken(
            "latency_ms",
            "it has no latency",
            "check that the run finished: the report is written at its end",
        ));
    }
    if let Some(throughput) = value.get("throughput") {
        let number = |key| json::number_at(throughput, key);
        foreign.add(
            Quantity::Throughput,
            Statistic::Value,
            number("samples_per_sec"),
            Unit::SamplesPerSecond,
        );
        let batches = Quantity::Other("batches per second".to_owned());
        foreign.add(batches, Statistic::Value, number("batches_per_sec"), Unit::QueriesPerSecond);
        foreign.note("Throughput is the batch ÷ mean latency, not items over the wall time of the run.");
    }
    memory(&value, &mut foreign);
    raw(source, &value, info, &mut foreign);
    foreign.note("Times are milliseconds with at most three digits after the point.");
    if let Some(problem) = disorder(&foreign) {
        foreign.note(format!("{problem}: the file contradicts itself."));
    }
    let mut results = source.results();
    results.results.push(foreign);
    Ok(results)
}

/// The inputs' shapes.
fn shapes(value: &Value, foreign: &mut Foreign) {
    let list = |key: &str| value.pointer(&format!("/model_info/{key}")).and_then(Value::as_array);
    let (Some(names), Some(shapes)) = (list("input_names"), list("input_shapes")) else { return };
    for (name, shape) in names.iter().zip(shapes) {
        if let Some(name) = json::text(name) {
            foreign.set(format!("input {name}"), shape.to_string());
        }
    }
}

/// Memory, in megabytes of 1,024² bytes.
fn memory(value: &Value, foreign: &mut Foreign) {
    for (key, number) in value.get("memory").and_then(Value::as_object).into_iter().flatten() {
        let Some(name) = key.strip_suffix("_mb") else { continue };
        let bytes = json::number(number).map(|megabytes| megabytes * 1_048_576.0);
        let (quantity, statistic) = match name {
            "rss_peak" | "peak_rss" => (Quantity::Memory, Statistic::Max),
            "vram_peak" | "peak_vram" => (Quantity::AcceleratorMemory, Statistic::Max),
            other => (Quantity::Other(other.to_owned()), Statistic::Value),
        };
        fields::add_amount(foreign, quantity, statistic, bytes, Unit::Bytes);
    }
    if value.get("memory").is_some_and(Value::is_object) {
        foreign.note("Megabytes of memory are taken as 1,024² bytes.");
    }
}

/// The samples, whose number is checked against the iterations.
fn raw(source: &mut Source, value: &Value, info: &Value, foreign: &mut Foreign) {
    let Some(list) = value.get("raw_samples_ms").and_then(Value::as_array).filter(|list| !list.is_empty())
    else {
        return;
    };
    let kept: Vec<u64> = list.iter().filter_map(json::number).filter_map(|ms| nanos(ms, MILLIS)).collect();
    if kept.len() < list.len() {
        source.warn(
            "raw_samples_ms",
            format!("{} values are no times: they are left out", list.len() - kept.len()),
        );
    }
    let iterations = json::count_at(info, "iterations");
    foreign.add(Quantity::Completed, Statistic::Value, iterations.map(|count| count as f64), Unit::Count);
    if let Some(iterations) = iterations.filter(|count| *count != list.len() as u64) {
        source.warn("raw_samples_ms", format!("it has {} samples of {iterations} iterations", list.len()));
        foreign.note(format!(
            "Only {} of {iterations} samples are in the file: statistics over them are not those of the run.",
            list.len()
        ));
    }
    if !kept.is_empty() {
        foreign.samples.push(Samples { quantity: Quantity::Latency, nanos: kept, began_nanos: Vec::new() });
    }
}
