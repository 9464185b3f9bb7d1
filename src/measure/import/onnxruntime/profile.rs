//! A profile of an ONNX Runtime session as a result: load, runs, and how many nodes ran on which provider.
//!
//! Operators in detail are read elsewhere; here only what stands beside other tools' results.

use std::collections::{BTreeMap, BTreeSet};

use super::super::json::{for_each_element, number_at};
use super::super::samples::{describe, keep, nanos};
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Results, Statistic, Unit};

/// Most runs whose times are kept.
const RUN_LIMIT: usize = 5_000_000;
/// Most different nodes that are told apart.
const NODE_LIMIT: usize = 1_000_000;

pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.first_line().starts_with('[')
        && head.has_keys(2, &["cat", "dur", "ts", "name"])
        && (head.contains("\"model_loading_") || head.contains("\"session_initialization\""))
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut load: Option<f64> = None;
    let mut runs: Vec<u64> = Vec::new();
    let mut began: Vec<f64> = Vec::new();
    let mut providers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut nodes = 0_usize;
    for_each_element(source, |_, event| {
        let text = |key: &str| event.get(key).and_then(serde_json::Value::as_str);
        let (Some(category), Some(name)) = (text("cat"), text("name")) else { return Ok(()) };
        let micros = number_at(&event, "dur");
        if category == "Session" {
            let Some(micros) = micros else { return Err(format!("{name} has no duration")) };
            match name {
                "session_initialization" => load = Some(load.unwrap_or(0.0) + micros),
                _ if name.starts_with("model_loading_") => load = Some(load.unwrap_or(0.0) + micros),
                "model_run" => {
                    runs.push(nanos(micros, 1e3).ok_or_else(|| format!("a run takes {micros} µs"))?);
                    began.extend(number_at(&event, "ts"));
                    if runs.len() > RUN_LIMIT {
                        return Err(format!("it has more than {RUN_LIMIT} runs"));
                    }
                }
                _ => {}
            }
        } else if category == "Node"
            && let Some(node) = name.strip_suffix("_kernel_time")
            && let Some(provider) = event.get("args").and_then(|args| args.get("provider")?.as_str())
            && nodes < NODE_LIMIT
        {
            let node = event.get("args").and_then(|args| args.get("node_index")?.as_str()).unwrap_or(node);
            nodes += usize::from(providers.entry(provider.to_owned()).or_default().insert(node.to_owned()));
        }
        Ok(())
    })?;
    let mut results = source.results();
    let mut foreign = source.foreign("ONNX Runtime profiler", "");
    foreign.add_rounded_time(Quantity::Load, Statistic::Value, load, 1e3, 0.5);
    if runs.is_empty() && foreign.metrics.is_empty() {
        return Err(source.broken(
            "the file",
            "it holds neither loading nor a run",
            "repeat the profiled run",
        ));
    }
    foreign.add(Quantity::Completed, Statistic::Value, Some(runs.len() as f64), Unit::Count);
    if let Some(first) = runs.first() {
        foreign.add_rounded_time(Quantity::FirstInference, Statistic::Value, Some(*first as f64), 1.0, 500.0);
    }
    describe(&mut foreign, &Quantity::Latency, &runs);
    if let Some(first) = began.first().copied().filter(|_| began.len() == runs.len()) {
        let began = began.iter().map(|micros| nanos(micros - first, 1e3).unwrap_or(0)).collect();
        keep(&mut foreign, Quantity::Latency, runs, began);
    }
    for (provider, nodes) in &providers {
        foreign.set(format!("nodes on {provider}"), nodes.len().to_string());
    }
    foreign.quantiles = super::super::Quantiles::InverseCdf;
    foreign.includes.queueing = Some(false);
    foreign.includes.network = Some(false);
    foreign.note("Times are whole microseconds, and the profiler itself slows each run down.");
    foreign.note("The first run is among the latencies: the profile does not tell warm-up from the rest.");
    results.results.push(foreign);
    Ok(results)
}
