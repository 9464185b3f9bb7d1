//! `inferometer bench MODEL…`: measure a sweep.

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::args::{Bench, Load, Sweep};
use super::session::Session;
use super::{points, targets};
use crate::app::project::Stored;
use crate::app::{Command, Failure, MEASUREMENTS_FORMAT, MEASUREMENTS_FORMAT_VERSION, Measure};
use crate::measure::inputs::Arrays;
use crate::measure::sweep::{self, Effort};
use crate::measure::{Ended, Estimate, Run, Scenario};

pub(super) fn run(session: &mut Session, what: Bench) -> anyhow::Result<()> {
    let taken_up = session.app.state().unfinished.as_ref().filter(|_| what.resume);
    let taken_up: Vec<i64> = taken_up.map(|unfinished| unfinished.points.clone()).unwrap_or_default();
    let before: Vec<i64> = session.app.state().points.iter().map(|stored| stored.id).collect();
    let before: Vec<i64> = before.into_iter().filter(|id| !taken_up.contains(id)).collect();
    let mut failures = Vec::new();
    let done = if what.resume {
        resume(session)
    } else {
        if let Some(inputs) = &what.sweep.inputs {
            Arrays::open(inputs)?;
        }
        let sweep = sweep_of(what.sweep, &what.load);
        for note in unused(&sweep)? {
            eprintln!("note: {note}");
        }
        let target = match &what.target {
            None => None,
            Some(text) => Some(targets::named(session, text, what.target_program.as_deref())?),
        };
        let (models, refused) = session.models(&what.models)?;
        match refused.as_slice() {
            [only] if models.is_empty() => bail!("{}", only.message),
            several => several.iter().for_each(|failure| eprintln!("warning: {}", failure.message)),
        }
        failures = refused;
        let measure = Measure { models, sweep, target };
        if measure.models.is_empty() { Ok(()) } else { session.run(Command::Measure(Box::new(measure))) }
    };
    if session.has_project
        && let Some(standing) = session.app.state().standing()
    {
        eprintln!("{standing}; `inferometer bench --resume` with the same --project goes on");
    }
    let state = session.app.state();
    failures.extend(state.failures.iter().cloned());
    let mut points: Vec<&Stored> =
        state.points.iter().filter(|stored| !before.contains(&stored.id)).collect();
    // Measured in random order, told in that of what was asked.
    let place = |sha256: &String| state.models.iter().position(|entry| entry.model.sha256 == *sha256);
    points.sort_by_cached_key(|stored| {
        let point = &stored.point;
        (place(&point.model_sha256), point.model.clone(), points::order(&point.config))
    });
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
        points::print(&points);
    }
    done?;
    let invalid = points.iter().filter(|stored| !stored.point.invalid().is_empty()).count();
    match (failures.len(), invalid) {
        (0, 0) => Ok(()),
        (0, invalid) => bail!(
            "{invalid} of {} configurations {} not valid; the reasons are with them",
            points.len(),
            if invalid == 1 { "is" } else { "are" }
        ),
        (failed, _) => bail!(
            "{failed} model{s} or configuration{s} could not be measured, {} {}; the warnings say why",
            points.len(),
            if points.len() == 1 { "was" } else { "were" },
            s = if failed == 1 { "" } else { "s" }
        ),
    }
}

/// Goes on with the project's sweep that was stopped, and says where it stands.
fn resume(session: &mut Session) -> anyhow::Result<()> {
    if !session.has_project {
        bail!("--resume goes on with the sweep that a project keeps; name that project: --project FILE");
    }
    let Some(standing) = session.app.state().standing() else {
        bail!(
            "no sweep of this project was stopped; there is nothing to resume: leave --resume out and name models"
        );
    };
    eprintln!("going on: {standing}");
    session.run(Command::Resume)
}

/// What of a sweep its scenarios leave unused, in words.
///
/// # Errors
/// When no scenario uses several sessions and they are asked for.
fn unused(sweep: &sweep::Sweep) -> anyhow::Result<Vec<String>> {
    let configs = sweep.configs();
    let most = |scenario: &Scenario| {
        let of_scenario = configs.iter().filter(|config| config.scenario == *scenario);
        of_scenario.map(|config| config.instances).max().unwrap_or(1)
    };
    let asked = sweep.instances.iter().copied().max().unwrap_or(1);
    if asked > 1 && sweep.scenarios.iter().all(|scenario| most(scenario) == 1) {
        let names: Vec<String> = sweep.scenarios.iter().map(ToString::to_string).collect();
        bail!(
            "--instances {asked} would do nothing: {} sends one query at a time, which one session answers; name a \
             scenario with several at once: --scenario multi:8, closed:4, offline or server:200",
            names.join(", ")
        );
    }
    let mut notes = Vec::new();
    for scenario in &sweep.scenarios {
        let used = most(scenario);
        if used < asked {
            let s = if used == 1 { "" } else { "s" };
            notes.push(format!("{scenario} uses {used} session{s} at most; {asked} are not measured there"));
        }
        let differs = |config: &&crate::measure::Config| {
            config.scenario == *scenario && !sweep.batches.contains(&config.batch)
        };
        if sweep.batches != [1]
            && let Some(config) = configs.iter().find(differs)
        {
            notes.push(format!(
                "{scenario} has batches of its own: up to {}, whatever --batch says",
                config.batch
            ));
        }
    }
    Ok(notes)
}

/// The sweep that is asked for. Without a scenario: pauses alone where some are given, else SingleStream.
pub(super) fn sweep_of(sweep: Sweep, load: &Load) -> sweep::Sweep {
    let idle = load.idle.iter().map(|think_ms| Scenario::ClosedLoop { in_flight: 1, think_ms: *think_ms });
    let mut scenarios: Vec<Scenario> = load.scenario.iter().cloned().chain(idle).collect();
    if scenarios.is_empty() {
        scenarios.push(Scenario::SingleStream);
    }
    let (least_runs, most_runs) = sweep.runs;
    let effort = Effort {
        least_runs,
        most_runs,
        p50: sweep.p50_within / 100.0,
        p99: sweep.p99_within / 100.0,
        most_seconds: sweep.most_seconds,
    };
    sweep::Sweep {
        models: Vec::new(),
        batches: sweep.batch,
        threads: sweep.threads,
        instances: load.instances.clone(),
        providers: sweep.provider,
        optimisations: sweep.optimisation,
        shapes: sweep::shapes_of(&sweep.dims),
        scenarios,
        seconds: sweep.seconds,
        min_queries: sweep.min_queries,
        effort,
        seed: sweep.seed,
        inputs: sweep.inputs,
    }
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
        "stopped": point.ended.as_ref().map(Ended::words),
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
