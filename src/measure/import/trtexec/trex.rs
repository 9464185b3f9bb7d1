//! TREX's `*.profile.metadata.json`: trtexec's performance summary as lists of numbers without names.

use serde_json::Value;

use super::super::json::{number, number_at, text, text_at, whole};
use super::super::source::{Head, Source};
use super::super::{Foreign, ImportError, Quantity, Results, Statistic, Unit};
use super::{TOOL, batch_of, finish, quantity};

pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_key(1, "performance_summary")
        && (head.has_key(2, "GPU Compute Time") || head.has_key(2, "Throughput"))
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let json = whole(source)?;
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let summary = json.get("performance_summary").and_then(Value::as_object);
    for (name, value) in summary.into_iter().flatten() {
        match (name.as_str(), quantity(name), value) {
            (_, Some(measured), Value::Array(values)) => list(source, &mut foreign, name, &measured, values),
            ("Throughput", ..) => {
                foreign.add(Quantity::Throughput, Statistic::Value, number(value), Unit::QueriesPerSecond);
            }
            ("Total Host Walltime", ..) => {
                foreign.add(Quantity::Duration, Statistic::Value, number(value), Unit::Seconds);
            }
            ("Total GPU Compute Time", ..) => {
                let total = Quantity::Other("total GPU compute time".to_owned());
                foreign.add_time(total, Statistic::Total, number(value), 1e9);
            }
            _ => source.warn(format!("performance_summary, {name}"), "not understood and left out"),
        }
    }
    if foreign.metrics.is_empty() {
        return Err(source.broken(
            "performance_summary",
            "it holds no numbers",
            "make it again from the log",
        ));
    }
    for (name, value) in json.get("inference_options").and_then(Value::as_object).into_iter().flatten() {
        if let Some(value) = text(value) {
            match name.as_str() {
                "Streams" | "Inference Streams" => {
                    foreign.concurrency = super::super::json::number_in(&value);
                }
                "Input inference shape" | "Input inference shapes" => foreign.batch = batch_of(&value),
                _ => {}
            }
            foreign.set(name, value);
        }
    }
    if let Some(device) = json.get("device_information") {
        foreign.system = text_at(device, "Selected Device");
        for (name, value) in device.as_object().into_iter().flatten() {
            if let Some(value) = text(value).filter(|_| name != "Selected Device") {
                foreign.set(name, value);
            }
        }
    }
    build(source, &mut foreign);
    finish(&mut foreign);
    results.results.push(foreign);
    Ok(results)
}

/// Five numbers are smallest, largest, mean, median and p99; seven have p90 and p95 before p99.
fn list(source: &mut Source, foreign: &mut Foreign, name: &str, measured: &Quantity, values: &[Value]) {
    const COMMON: [Statistic; 4] =
        [Statistic::Min, Statistic::Max, Statistic::Mean, Statistic::Percentile(50.0)];
    let percentiles: &[f64] = match values.len() {
        4 => &[],
        5 => &[99.0],
        7 => &[90.0, 95.0, 99.0],
        other => {
            let message =
                format!("it has {other} numbers; known are lists of 5 and 7; the percentiles are left out");
            source.warn(format!("performance_summary, {name}"), message);
            &[]
        }
    };
    let statistics = COMMON.into_iter().chain(percentiles.iter().copied().map(Statistic::Percentile));
    for (statistic, value) in statistics.zip(values) {
        foreign.add_time(measured.clone(), statistic, number(value), 1e6);
    }
}

/// Model and precision stand in `*.build.metadata.json` beside it.
fn build(source: &mut Source, foreign: &mut Foreign) {
    let name = source.file_name();
    let beside = name.replace("profile.metadata", "build.metadata");
    let Some(path) = source.folder().map(|folder| folder.join(&beside)).filter(|path| path.is_file()) else {
        return;
    };
    if beside == name {
        return;
    }
    match Source::open(&path).and_then(|mut file| whole(&mut file)) {
        Ok(json) => {
            let part = |part: &str, key: &str| json.get(part).and_then(|part| text_at(part, key));
            foreign.model = part("model_options", "Model");
            foreign.precision = part("build_options", "Precision");
            if let Some(batch) = json.get("build_options").and_then(|build| number_at(build, "Max batch")) {
                foreign.set("Max batch", batch.to_string());
            }
        }
        Err(error) => source.warn(beside, error.to_string()),
    }
}
