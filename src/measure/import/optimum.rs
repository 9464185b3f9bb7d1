//! `optimum-benchmark`: `benchmark_report.json` and `benchmark.json` (configuration and report together).
//!
//! Targets (load, first call, the call itself, a language model's parts) become one result. Percentiles are numpy's
//! (linear), the standard deviation the population's; a megabyte is a million bytes. Must not know the hub the files
//! lie on.

use serde_json::{Map, Value};

use super::fields::{self, disorder, find, nanos};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, json};

/// Targets and what their latency is.
static TARGETS: [(&str, Quantity); 12] = [
    ("load_model", Quantity::Load),
    ("load", Quantity::Load),
    ("first_forward", Quantity::FirstInference),
    ("first_generate", Quantity::FirstInference),
    ("first_call", Quantity::FirstInference),
    ("forward", Quantity::Latency),
    ("generate", Quantity::Latency),
    ("call", Quantity::Latency),
    ("prefill", Quantity::FirstToken),
    ("per_token", Quantity::InterToken),
    ("decode", Quantity::Other(String::new())),
    ("train", Quantity::Other(String::new())),
];

/// Whether JSON begins like one of the two.
pub(super) fn detects(head: &Head) -> bool {
    let targets = |depth| TARGETS.iter().any(|(name, _)| head.has_key(depth, name));
    let report = |depth| targets(depth) && (head.has_keys(depth + 1, &["latency", "memory"]));
    head.is_json() && (report(1) || (head.has_key(1, "report") && report(2)) || is_configured(head))
}

/// A configuration may fill the head before the report comes.
fn is_configured(head: &Head) -> bool {
    head.has_key(1, "config")
        && head.has_keys(2, &["backend", "scenario", "launcher"])
        && head.contains("optimum_benchmark")
}

/// Reads the report.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let report = value.get("report").unwrap_or(&value);
    let Some(targets) = report.as_object() else {
        return Err(source.broken("report", "it is no object", "export the benchmark again"));
    };
    let mut foreign =
        source.foreign("optimum-benchmark", if value.get("report").is_some() { "report" } else { "" });
    foreign.quantiles = Quantiles::Linear;
    foreign.includes = Includes { queueing: Some(false), transfers: None, network: Some(false) };
    if let Some(config) = value.get("config") {
        configured(config, &mut foreign);
    }
    for (name, target) in targets {
        read_target(source, name, target, targets, &mut foreign);
    }
    if foreign.metrics.is_empty() {
        return Err(source.broken(
            "the report",
            "none of its targets has a number",
            "switch on latency or memory in the scenario and run it again",
        ));
    }
    if let Some(problem) = disorder(&foreign) {
        foreign.note(format!("{problem}: the file contradicts itself."));
    }
    let mut results = source.results();
    results.results.push(foreign);
    Ok(results)
}

/// What was run where.
fn configured(config: &Value, foreign: &mut Foreign) {
    let backend = config.get("backend").unwrap_or(&Value::Null);
    let environment = config.get("environment").unwrap_or(&Value::Null);
    foreign.tool_version = json::text_at(environment, "optimum_benchmark_version");
    foreign.model = json::text_at(backend, "model");
    foreign.framework = json::text_at(backend, "name").map(|name| {
        json::text_at(backend, "version").map_or(name.clone(), |version| format!("{name} {version}"))
    });
    foreign.precision = json::text_at(backend, "torch_dtype").or_else(|| json::text_at(backend, "dtype"));
    foreign.batch = find(config, &["batch_size"], 5).and_then(json::count);
    let mut machine: Vec<String> = Vec::new();
    if let Some(gpus) = environment.get("gpu").and_then(Value::as_array) {
        machine.extend(gpus.iter().filter_map(json::text));
    }
    machine.extend(json::text_at(environment, "cpu"));
    foreign.system = (!machine.is_empty()).then(|| machine.join(", "));
    foreign.scenario = config.pointer("/scenario/name").and_then(json::text);
    if let Some(name) = json::text_at(config, "name") {
        foreign.set("name", name);
    }
    for key in [
        "device",
        "task",
        "library",
        "model_type",
        "provider",
        "intra_op_num_threads",
        "inter_op_num_threads",
    ] {
        if let Some(value) = json::text_at(backend, key) {
            foreign.set(key, value);
        }
    }
    if let Some(shapes) = config.pointer("/scenario/input_shapes").and_then(Value::as_object) {
        for (key, value) in shapes {
            if let Some(value) = json::text(value) {
                foreign.set(key, value);
            }
        }
    }
}

/// One target's latency, throughput, memory and energy.
fn read_target(
    source: &mut Source,
    name: &str,
    target: &Value,
    targets: &Map<String, Value>,
    foreign: &mut Foreign,
) {
    let Some(target) = target.as_object() else { return };
    let quantity = match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, Quantity::Other(_))) | None => Quantity::Other(name.to_owned()),
        Some((_, known)) => known.clone(),
    };
    let main = quantity == Quantity::Latency;
    if let Some(latency) = target.get("latency").and_then(Value::as_object) {
        read_latency(source, name, &quantity, latency, foreign);
    }
    if let Some(throughput) = target.get("throughput") {
        read_throughput(name, throughput, main, targets, foreign);
    }
    if let Some(memory) = target.get("memory") {
        let word = json::text_at(memory, "unit").unwrap_or_else(|| "MB".to_owned());
        let factor = fields::unit(&word, false).map_or(1e6, |(_, factor)| factor);
        for (key, known) in [
            ("max_ram", Quantity::Memory),
            ("max_process_vram", Quantity::AcceleratorMemory),
            ("max_global_vram", Quantity::Other("max_global_vram".to_owned())),
            ("max_reserved", Quantity::Other("max_reserved".to_owned())),
            ("max_allocated", Quantity::Other("max_allocated".to_owned())),
        ] {
            let bytes = json::number_at(memory, key).map(|value| value * factor);
            let quantity = if main { known } else { Quantity::Other(format!("{name} {key}")) };
            fields::add_amount(foreign, quantity, Statistic::Max, bytes, Unit::Bytes);
        }
    }
    if let Some(energy) = target.get("energy") {
        let word = json::text_at(energy, "unit").unwrap_or_else(|| "kWh".to_owned());
        let factor = fields::unit(&word, false).map_or(3.6e6, |(_, factor)| factor);
        for key in ["total", "cpu", "gpu", "ram"] {
            let joules = json::number_at(energy, key).map(|value| value * factor);
            let quantity = match (key, main) {
                ("total", true) => Quantity::Energy,
                _ => Quantity::Other(format!("{name} energy {key}")),
            };
            foreign.add(quantity, Statistic::Value, joules, Unit::Joules);
        }
    }
}

/// A target's latency with its raw values.
fn read_latency(
    source: &mut Source,
    name: &str,
    quantity: &Quantity,
    latency: &Map<String, Value>,
    foreign: &mut Foreign,
) {
    let word = latency.get("unit").and_then(json::text).unwrap_or_else(|| "s".to_owned());
    let Some((Unit::Nanos, factor)) = fields::unit(&word, false) else {
        source.warn(
            format!("{name}.latency.unit"),
            format!("{word:?} is no unit of time: the latency is left out"),
        );
        return;
    };
    for (key, value) in latency {
        // `stdev_` is a percentage of the mean; `total` is a sum over repetitions, which nothing here needs.
        if let Some(statistic) = fields::statistic(key).filter(|statistic| *statistic != Statistic::Total) {
            foreign.add_time(quantity.clone(), statistic, json::number(value), factor);
        }
    }
    let Some(values) = latency.get("values").and_then(Value::as_array).filter(|values| !values.is_empty())
    else {
        return;
    };
    let kept: Vec<u64> =
        values.iter().filter_map(json::number).filter_map(|value| nanos(value, factor)).collect();
    if kept.len() < values.len() {
        source.warn(
            format!("{name}.latency.values"),
            format!("{} values are no times: they are left out", values.len() - kept.len()),
        );
    }
    let count = latency.get("count").and_then(json::count).unwrap_or(values.len() as u64);
    if count != values.len() as u64 {
        source.warn(
            format!("{name}.latency"),
            format!("count is {count}, but there are {} values", values.len()),
        );
    }
    if values.len() < 11 && *quantity == Quantity::Latency {
        foreign.note(format!("{name} was measured only {} times: its percentiles say little.", values.len()));
    }
    if !kept.is_empty() {
        foreign.samples.push(Samples { quantity: quantity.clone(), nanos: kept, began_nanos: Vec::new() });
    }
}

/// A target's throughput, which this tool derives from the mean latency.
fn read_throughput(
    name: &str,
    throughput: &Value,
    main: bool,
    targets: &Map<String, Value>,
    foreign: &mut Foreign,
) {
    let Some(value) = json::number_at(throughput, "value") else { return };
    let word = json::text_at(throughput, "unit").unwrap_or_default();
    let (unit, factor) = fields::unit(&word, false).unwrap_or((Unit::Other(word.clone()), 1.0));
    let per_token =
        targets.get("per_token").is_some_and(|target| target.get("latency").is_some_and(Value::is_object));
    let (quantity, unit) = match name {
        // With per-token tracking, version 0.6 divides generated tokens by time here and still writes samples/s.
        "generate" if per_token => {
            foreign.note(
                "generate's throughput is left under its own name: with per-token tracking the tool counts tokens \
                 there but writes samples/s.",
            );
            (Quantity::Other("generate throughput".to_owned()), Unit::Other(word))
        }
        "decode" => (Quantity::OutputTokens, unit),
        _ if main => (Quantity::Throughput, unit),
        _ => (Quantity::Other(format!("{name} throughput")), unit),
    };
    foreign.add(quantity, Statistic::Value, Some(value * factor), unit);
    foreign.note("Throughput is items ÷ mean latency, not items over the wall time of the run.");
}
