//! `inferometer bench MODEL…`: measure a sweep.

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::args::{Bench, Sweep};
use super::session::Session;
use super::table;
use super::targets;
use crate::app::project::Stored;
use crate::app::{Command, Failure, MEASUREMENTS_FORMAT, MEASUREMENTS_FORMAT_VERSION, Measure, config_words};
use crate::measure::monitor::Severity;
use crate::measure::sweep::{self, Effort};
use crate::measure::{Ended, Estimate, Run, Scenario};
use crate::units;

pub(super) fn run(session: &mut Session, what: Bench) -> anyhow::Result<()> {
    let taken_up = session.app.state().unfinished.as_ref().filter(|_| what.resume);
    let taken_up: Vec<i64> = taken_up.map(|unfinished| unfinished.points.clone()).unwrap_or_default();
    let before: Vec<i64> = session.app.state().points.iter().map(|stored| stored.id).collect();
    let before: Vec<i64> = before.into_iter().filter(|id| !taken_up.contains(id)).collect();
    let mut failures = Vec::new();
    let done = if what.resume {
        session.run(Command::Resume)
    } else {
        let (models, refused) = session.models(&what.models)?;
        for failure in &refused {
            eprintln!("warning: {}", failure.message);
        }
        failures = refused;
        let target = match &what.target {
            None => None,
            Some(text) => Some(targets::named(session, text, what.target_program.as_deref())?),
        };
        let measure = Measure { target, ..measure(models, what.sweep) };
        if measure.models.is_empty() { Ok(()) } else { session.run(Command::Measure(Box::new(measure))) }
    };
    if session.has_project && session.app.state().unfinished.is_some() {
        eprintln!("what was measured is kept; `inferometer bench --resume` with the same --project goes on");
    }
    let state = session.app.state();
    failures.extend(state.failures.iter().cloned());
    let points: Vec<&Stored> = state.points.iter().filter(|stored| !before.contains(&stored.id)).collect();
    if session.json {
        let documents = points
            .iter()
            .map(|stored| {
                let mut document = point_document(stored);
                if !what.no_samples {
                    document["measurement"] = session.app.measurement_document(stored)?;
                }
                Ok(document)
            })
            .collect::<anyhow::Result<Vec<Value>>>()?;
        let document = json!({
            "format": MEASUREMENTS_FORMAT,
            "format_version": MEASUREMENTS_FORMAT_VERSION,
            "points": documents,
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
    let idle = sweep.idle.iter().map(|think_ms| Scenario::ClosedLoop { in_flight: 1, think_ms: *think_ms });
    // Asked for pauses alone, nobody asked for a scenario.
    let scenarios: Vec<Scenario> = if sweep.idle.is_empty() {
        sweep.scenario
    } else {
        sweep.scenario.into_iter().filter(|scenario| !scenario.is_single_stream()).chain(idle).collect()
    };
    let (least_runs, most_runs) = sweep.runs;
    let effort = Effort {
        least_runs,
        most_runs,
        p50: sweep.p50_within / 100.0,
        p99: sweep.p99_within / 100.0,
        most_seconds: sweep.most_seconds,
    };
    let sweep = sweep::Sweep {
        models: Vec::new(),
        batches: sweep.batch,
        threads: sweep.threads,
        instances: sweep.instances,
        providers: sweep.provider,
        optimisations: sweep.optimisation,
        shapes: sweep::shapes_of(&sweep.dims),
        scenarios,
        seconds: sweep.seconds,
        min_queries: sweep.min_queries,
        effort,
        seed: sweep.seed,
        inputs: sweep.inputs,
    };
    Measure { models, sweep, target: None }
}

/// The documented JSON form of a measurement.
pub(super) fn point_document(stored: &Stored) -> Value {
    let (point, summary) = (&stored.point, &stored.summary);
    let latencies: Map<String, Value> = summary
        .percentiles()
        .into_iter()
        .map(|(name, estimate)| (name.to_owned(), json!(estimate.ms)))
        .collect();
    let doubts: Map<String, Value> = summary
        .percentiles()
        .into_iter()
        .map(|(name, estimate)| (name.to_owned(), doubt_document(&estimate)))
        .collect();
    let mut document = json!({
        "model": point.model,
        "model_sha256": point.model_sha256,
        "batch": point.config.batch,
        "threads": point.config.threads,
        "provider": point.config.provider,
        "instances": point.config.instances,
        "optimisation": point.config.optimisation.key(),
        "scenario": point.config.scenario,
        "latency_ms": latencies,
        "throughput_per_second": summary.throughput_per_second,
        "latency_interval_ms": doubts,
        "load_ms": point.load_nanos().map(|nanos| nanos as f64 / 1e6),
        "first_inference_ms": point.first_inference_nanos().map(|nanos| nanos as f64 / 1e6),
        "peak_memory_bytes": point.peak_memory_bytes(),
        "steady_memory_bytes": point.steady_memory_bytes(),
        "cpu_ms_per_inference": summary.cpu_ms_per_item,
        "samples": summary.samples,
        "runs": point.runs.iter().map(run_document).collect::<Vec<_>>(),
        "stopped": point.ended.map(Ended::words),
        "invalid": point.invalid(),
        "target": point.target,
        "input_shapes": point.input_shapes,
        "found_dimensions": point.found_dims,
        "runtime_version": point.runtime_version,
        "machine": point.fingerprint,
        "started_unix_seconds": point.started_unix_secs,
    });
    if point.peak_memory_bytes().is_none() {
        document["peak_memory_reason"] = json!("this system does not tell a process's peak memory");
    }
    if summary.cpu_ms_per_item.is_none() {
        document["cpu_reason"] = json!("this system does not tell a process's CPU time");
    }
    document
}

/// The 95 % interval over runs, or why there is none.
fn doubt_document(estimate: &Estimate) -> Value {
    match (estimate.interval_ms, estimate.lacking()) {
        (Some((low, high)), _) => json!({ "low": low, "high": high, "level": 0.95 }),
        (None, Some(lacking)) => json!({ "reason": lacking }),
        (None, None) => json!({ "reason": "one run, or runs too short for this percentile" }),
    }
}

/// One run.
fn run_document(run: &Run) -> Value {
    let measured = &run.measured;
    json!({
        "started_unix_seconds": run.started_unix_secs,
        "load_ms": measured.load_nanos as f64 / 1e6,
        "first_inference_ms": measured.first_inference_nanos as f64 / 1e6,
        "queries": measured.queries,
        "warm_up_queries": run.warm_up(),
        "steadiness": measured.steadiness.as_ref().map(|steadiness| &steadiness.sentence),
        "seconds": measured.wall_nanos as f64 / 1e9,
        "lateness_ms": measured.lateness_nanos.map(|late| late.map(|nanos| nanos as f64 / 1e6)),
        "trials": measured.trials,
        "invalid": measured.invalid,
        "timer": measured.timer,
        "resources": measured.readings.as_ref().map(|readings| readings.summary()),
        "energy": measured.readings.as_ref().map(|readings| &readings.energy),
        "not_known": measured.readings.as_ref().map(|readings| &readings.reasons),
        "findings": measured.findings,
    })
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

/// Measurements as a table, and what must be known of them.
pub(super) fn print(points: &[&Stored]) {
    let millis = |nanos: Option<u64>| {
        nanos.map_or_else(|| "not known".to_owned(), |nanos| units::duration_ms(nanos as f64 / 1e6))
    };
    let latency = |estimate: &Estimate| match (estimate.ms, estimate.doubt()) {
        (Some(ms), Some(doubt)) => format!("{} {doubt}", units::duration_ms(ms)),
        (Some(ms), None) => units::duration_ms(ms),
        (None, _) => format!("{} of {} samples", estimate.have, estimate.need),
    };
    let rows: Vec<Vec<String>> = points
        .iter()
        .map(|stored| {
            let (point, summary) = (&stored.point, &stored.summary);
            vec![
                std::iter::once(point.model.clone())
                    .chain(point.config.unusual())
                    .collect::<Vec<_>>()
                    .join(", "),
                point.config.batch.to_string(),
                point.config.threads.to_string(),
                latency(&summary.p50),
                latency(&summary.p90),
                latency(&summary.p95),
                latency(&summary.p99),
                units::three_digits(summary.throughput_per_second),
                millis(point.load_nanos()),
                millis(point.first_inference_nanos()),
                point.peak_memory_bytes().map_or_else(|| "not known".to_owned(), units::bytes),
                format!("{}, {}", summary.samples, summary.runs),
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
        "items/s",
        "load",
        "first",
        "peak memory",
        "samples, runs",
    ];
    table::print(&head, &rows);
    for stored in points {
        for (name, size) in &stored.point.found_dims {
            let words = config_words(Some(&stored.point.config));
            say!("{}{words}: {name} = {size} was found by trying", stored.point.model);
        }
    }
    for stored in points {
        let name = || format!("{}{}", stored.point.model, config_words(Some(&stored.point.config)));
        for reason in stored.point.invalid() {
            say!("{}: not valid: {reason}", name());
        }
        for (finding, runs) in stored.point.findings() {
            if finding.severity > Severity::Note {
                say!("{}, {runs} of {} runs: {}", name(), stored.point.runs.len(), finding.words);
            }
        }
        for (place, run) in stored.point.runs.iter().enumerate() {
            if let Some(steadiness) = run.measured.steadiness.as_ref().filter(|found| !found.is_well()) {
                say!("{}, run {}: {}", name(), place + 1, steadiness.sentence);
            }
        }
    }
    if points.iter().any(|stored| stored.summary.runs > 1) {
        say!("± is half the 95 % interval over independent runs; a percentile is that of a typical run.");
    }
    if let Some(first) = points.first() {
        let machine = &first.point.fingerprint;
        say!(
            "ONNX Runtime {} on {}, {} logical CPUs",
            first.point.runtime_version,
            machine.cpu,
            machine.logical_cpus
        );
        if !first.point.target.is_empty() {
            say!("Measured there: {}", first.point.target);
        }
    }
}
