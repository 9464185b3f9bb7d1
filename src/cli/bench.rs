//! `inferometer bench MODEL…`: measure a sweep.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::{Value, json};

use super::args::{Bench, Sweep};
use super::session::Session;
use super::table;
use crate::app::project::Stored;
use crate::app::{Command, Failure, Measure, config_words};
use crate::units;

pub(super) fn run(session: &mut Session, what: Bench) -> anyhow::Result<()> {
    let (models, mut failures) = session.models(&what.models)?;
    for failure in &failures {
        eprintln!("warning: {}", failure.message);
    }
    let before: Vec<i64> = session.app.state().points.iter().map(|stored| stored.id).collect();
    let done =
        if models.is_empty() { Ok(()) } else { session.run(Command::Measure(measure(models, what.sweep))) };
    let state = session.app.state();
    failures.extend(state.failures.iter().cloned());
    let points: Vec<&Stored> = state.points.iter().filter(|stored| !before.contains(&stored.id)).collect();
    if session.json {
        let document = json!({
            "points": points.iter().map(|stored| point_document(stored)).collect::<Vec<_>>(),
            "failures": failures.iter().map(failure_document).collect::<Vec<_>>(),
        });
        Session::print_json(&document)?;
    } else if !points.is_empty() {
        print(&points);
    }
    done?;
    match failures.as_slice() {
        [] => Ok(()),
        [only] => bail!("{}{}: {}", only.model, config_words(only.config.as_ref()), only.message),
        several => {
            bail!("{} models or configurations could not be measured; {} were", several.len(), points.len())
        }
    }
}

pub(super) fn measure(models: Vec<String>, sweep: Sweep) -> Measure {
    Measure {
        models,
        batches: sweep.batch,
        threads: sweep.threads,
        providers: sweep.provider,
        dims: sweep.dims.into_iter().collect::<BTreeMap<_, _>>(),
        seconds: sweep.seconds,
        seed: sweep.seed,
        inputs: sweep.inputs,
    }
}

/// The documented JSON form of a measurement.
pub(super) fn point_document(stored: &Stored) -> Value {
    let (point, summary) = (&stored.point, &stored.summary);
    let mut document = json!({
        "model": point.model,
        "model_sha256": point.model_sha256,
        "batch": point.config.batch,
        "threads": point.config.threads,
        "provider": point.config.provider,
        "latency_ms": {
            "p50": summary.p50_ms,
            "p90": summary.p90_ms,
            "p95": summary.p95_ms,
            "p99": summary.p99_ms,
        },
        "throughput_per_second": summary.throughput_per_second,
        "load_ms": point.load_nanos as f64 / 1e6,
        "first_inference_ms": point.first_inference_nanos as f64 / 1e6,
        "peak_memory_bytes": point.peak_memory_bytes,
        "cpu_ms_per_inference": summary.cpu_ms_per_item,
        "samples": summary.samples,
        "warm_up_inferences": point.warm_up_inferences,
        "steady_state_seconds": point.wall_nanos as f64 / 1e9,
        "input_shapes": point.input_shapes,
        "found_dimensions": point.found_dims,
        "runtime_version": point.runtime_version,
        "machine": point.fingerprint,
        "started_unix_seconds": point.started_unix_secs,
    });
    if point.peak_memory_bytes.is_none() {
        document["peak_memory_reason"] = json!("this system does not tell a process's peak memory");
    }
    if summary.cpu_ms_per_item.is_none() {
        document["cpu_reason"] = json!("this system does not tell a process's CPU time");
    }
    document
}

fn failure_document(failure: &Failure) -> Value {
    json!({
        "model": failure.model,
        "batch": failure.config.as_ref().map(|config| config.batch),
        "threads": failure.config.as_ref().map(|config| config.threads),
        "provider": failure.config.as_ref().map(|config| config.provider.clone()),
        "message": failure.message,
    })
}

fn print(points: &[&Stored]) {
    let millis = |value: f64| units::duration_ms(value);
    let rows: Vec<Vec<String>> = points
        .iter()
        .map(|stored| {
            let (point, summary) = (&stored.point, &stored.summary);
            vec![
                point.model.clone(),
                point.config.batch.to_string(),
                point.config.threads.to_string(),
                millis(summary.p50_ms),
                millis(summary.p90_ms),
                millis(summary.p95_ms),
                millis(summary.p99_ms),
                units::three_digits(summary.throughput_per_second),
                millis(point.load_nanos as f64 / 1e6),
                millis(point.first_inference_nanos as f64 / 1e6),
                point.peak_memory_bytes.map_or_else(|| "not known".to_owned(), units::bytes),
                summary.samples.to_string(),
            ]
        })
        .collect();
    let head = [
        "model",
        "batch",
        "threads",
        "p50",
        "p90",
        "p95",
        "p99",
        "inferences/s",
        "load",
        "first",
        "peak memory",
        "samples",
    ];
    table::print(&head, &rows);
    for stored in points {
        for (name, size) in &stored.point.found_dims {
            let words = config_words(Some(&stored.point.config));
            say!("{}{words}: {name} = {size} was found by trying", stored.point.model);
        }
    }
    if let Some(first) = points.first() {
        let machine = &first.point.fingerprint;
        say!(
            "ONNX Runtime {} on {}, {} logical CPUs",
            first.point.runtime_version,
            machine.cpu,
            machine.logical_cpus
        );
    }
}
