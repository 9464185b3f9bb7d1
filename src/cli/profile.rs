//! `inferometer profile MODEL`: where the time of an inference goes.

use anyhow::Context;
use serde_json::{Value, json};

use super::args::Profile;
use super::session::Session;
use super::{table, targets};
use crate::app::{Command, Profiling, profile_document};
use crate::measure::breakdown::Breakdown;
use crate::measure::profile::{NodeTime, OpTime, percent, short_provider};
use crate::measure::roof::{RoofPlace, bytes_words, flops_words};
use crate::measure::{Config, Scenario};
use crate::units;

pub(super) fn run(session: &mut Session, what: Profile) -> anyhow::Result<()> {
    let models = session.all_models(std::slice::from_ref(&what.model))?;
    let model = models.first().cloned().context("no model was read")?;
    let config = Config {
        batch: what.batch,
        threads: what.threads,
        provider: what.provider,
        dims: what.dims.into_iter().collect(),
        seconds: what.seconds,
        min_queries: 0,
        seed: what.seed,
        inputs: None,
        instances: 1,
        optimisation: what.optimisation,
        scenario: Scenario::SingleStream,
    };
    let target = match &what.target {
        None => None,
        Some(text) => Some(targets::named(session, text, what.target_program.as_deref())?),
    };
    let profiling = Profiling { model: model.clone(), config, shapes: None, seconds: what.seconds, target };
    session.run(Command::Profile(Box::new(profiling)))?;
    let breakdowns = &session.app.state().breakdowns;
    let newest = breakdowns.values().filter(|breakdown| breakdown.model_sha256 == model);
    let newest = newest.max_by_key(|breakdown| breakdown.started_unix_secs);
    let breakdown = newest.context("the profile was not kept")?;
    if session.json {
        return Session::print_json(&profile_document(document(breakdown), breakdown));
    }
    print(breakdown, if what.all { usize::MAX } else { what.most });
    Ok(())
}

/// The documented JSON form.
fn document(breakdown: &Breakdown) -> Value {
    let profile = &breakdown.profile;
    let all = profile.kernel_nanos().max(1) as f64;
    let config = &breakdown.config;
    let nodes = profile.nodes.iter().map(|node| {
        json!({
            "name": node.name,
            "operator": node.op_type,
            "domain": node.domain,
            "provider": short_provider(&node.provider),
            "as_asked": breakdown.is_asked(&node.provider),
            "calls": node.calls,
            "self_nanos": node.self_nanos,
            "total_nanos": node.total_nanos,
            "mean_nanos": node.mean_nanos,
            "median_nanos": node.median_nanos,
            "min_nanos": node.min_nanos,
            "max_nanos": node.max_nanos,
            "share": node.self_nanos as f64 / all,
            "inputs": node.inputs,
            "outputs": node.outputs,
            "flops": node.flops,
            "bytes": node.bytes(),
            "threads": node.threads,
            "device_nanos": node.device_nanos,
            "parent": node.parent.and_then(|parent| profile.nodes.get(parent)).map(|parent| &parent.name),
            "roof": breakdown.place(node),
        })
    });
    let operators = profile.by_op.iter().map(|op| {
        json!({
            "operator": op.op_type,
            "provider": short_provider(&op.provider),
            "nodes": op.nodes,
            "calls": op.calls,
            "total_nanos": op.total_nanos,
            "share": op.share,
            "flops": op.flops,
            "roof": breakdown.place_op(op),
        })
    });
    json!({
        "model": breakdown.model,
        "model_sha256": breakdown.model_sha256,
        "batch": config.batch,
        "threads": config.threads,
        "provider": config.provider,
        "optimisation": config.optimisation.key(),
        "dimensions": config.dims,
        "input_shapes": breakdown.input_shapes,
        "sentences": sentences(breakdown),
        "runs": profile.runs,
        "skipped_runs": profile.skipped_runs,
        "run_nanos": profile.model_run_nanos,
        "run_nanos_without_profiler": breakdown.plain_nanos,
        "load_nanos": profile.load_nanos,
        "init_nanos": profile.init_nanos,
        "outside_nodes_nanos": profile.overhead_nanos,
        "device": profile.device,
        "providers": profile.providers,
        "fallbacks": breakdown.fallbacks(),
        "operators": operators.collect::<Vec<_>>(),
        "nodes": nodes.collect::<Vec<_>>(),
        "costs": breakdown.costs,
        "roofs": breakdown.roofs,
        "whole": breakdown.whole(),
        "warnings": breakdown.all_warnings().collect::<Vec<_>>(),
        "runtime_version": breakdown.runtime_version,
        "target": breakdown.target,
        "machine": breakdown.fingerprint,
        "started_unix_seconds": breakdown.started_unix_secs,
    })
}

/// What it all says, in sentences.
fn sentences(breakdown: &Breakdown) -> Vec<String> {
    let mut all = vec![breakdown.takes_most(), breakdown.fallbacks().sentence, breakdown.bound()];
    all.extend(breakdown.profiling_cost());
    all
}

fn print(breakdown: &Breakdown, most: usize) {
    let profile = &breakdown.profile;
    say!("{}, {}", breakdown.model, breakdown.config.words());
    say!("");
    for sentence in sentences(breakdown) {
        say!("{sentence}");
    }
    for warning in breakdown.all_warnings() {
        say!("Note: {}", warning.trim_end_matches('.'));
    }
    say!("");
    let rows: Vec<Vec<String>> = profile.by_op.iter().map(|op| op_row(breakdown, op)).collect();
    let head = ["operator", "provider", "nodes", "a run", "share", "FLOP/s", "of roof", "bytes/s", "of roof"];
    table::print(&head, &rows);
    say!("");
    let mut nodes: Vec<&NodeTime> = profile.nodes.iter().collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(node.self_nanos));
    let rows: Vec<Vec<String>> = nodes.iter().take(most).map(|node| node_row(breakdown, node)).collect();
    let head = ["node", "operator", "provider", "a run", "share", "FLOP/s", "of roof", "bytes/s", "of roof"];
    table::print(&head, &rows);
    if nodes.len() > most {
        let more = nodes.len() - most;
        say!("{more} more node{}; --all prints them", if more == 1 { "" } else { "s" });
    }
    say!("");
    for roof in &breakdown.roofs {
        say!("Roof, {}: {}.", roof.precision, roof.how);
    }
    say!("ONNX Runtime {} on {}", breakdown.runtime_version, breakdown.fingerprint.cpu);
}

fn op_row(breakdown: &Breakdown, op: &OpTime) -> Vec<String> {
    let mut row = vec![
        op.op_type.clone(),
        short_provider(&op.provider).to_owned(),
        op.nodes.to_string(),
        a_run(breakdown, op.total_nanos),
        percent(op.share),
    ];
    row.extend(place_cells(breakdown.place_op(op)));
    row
}

fn node_row(breakdown: &Breakdown, node: &NodeTime) -> Vec<String> {
    let all = breakdown.profile.kernel_nanos().max(1) as f64;
    let mut row = vec![
        node.name.clone(),
        node.op_type.clone(),
        short_provider(&node.provider).to_owned(),
        a_run(breakdown, node.self_nanos),
        percent(node.self_nanos as f64 / all),
    ];
    row.extend(place_cells(breakdown.place(node)));
    row
}

/// Mean time a run.
fn a_run(breakdown: &Breakdown, nanos: u64) -> String {
    units::duration_ms(nanos as f64 / breakdown.profile.runs.max(1) as f64 / 1e6)
}

/// FLOP/s, its share of the roof, bytes/s, its share; `-` where not known.
fn place_cells(place: Option<RoofPlace>) -> [String; 4] {
    let dash = || "-".to_owned();
    let Some(place) = place else { return [dash(), dash(), dash(), dash()] };
    [
        place.flops_per_second.map_or_else(dash, flops_words),
        place.share_of_compute_roof.map_or_else(dash, percent),
        place.bytes_per_second.map_or_else(dash, bytes_words),
        place.share_of_memory_roof.map_or_else(dash, percent),
    ]
}
