//! The MLPerf Endpoints tool: `result_summary.json` and `final_snapshot.json`, in nanoseconds.

use serde_json::Value;

use super::super::json::{self, count_at, number, number_at, number_in, text_at};
use super::super::source::{Head, Source};
use super::super::{Foreign, ImportError, Quantity, Results, Statistic, Unit, Validity};

const TOOL: &str = "MLPerf Endpoints";

pub(super) fn detects_summary(head: &Head) -> bool {
    head.is_json() && head.has_keys(1, &["n_samples_issued", "n_samples_completed", "duration_ns"])
}

pub(super) fn detects_snapshot(head: &Head) -> bool {
    head.is_json()
        && head.has_keys(1, &["timestamp_ns", "state", "metrics"])
        && head.has_keys(3, &["type", "name"])
}

pub(super) fn read_summary(source: &mut Source) -> Result<Results, ImportError> {
    let json = json::whole(source)?;
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    foreign.tool_version = text_at(&json, "version");
    let seconds = number_at(&json, "duration_ns").map(|nanos| nanos / 1e9);
    foreign.add(Quantity::Duration, Statistic::Value, seconds, Unit::Seconds);
    for (key, quantity) in [
        ("n_samples_issued", Quantity::Issued),
        ("n_samples_completed", Quantity::Completed),
        ("n_samples_failed", Quantity::Failed),
    ] {
        foreign.add(quantity, Statistic::Value, number_at(&json, key), Unit::Count);
    }
    foreign.add(Quantity::Throughput, Statistic::Value, number_at(&json, "qps"), Unit::QueriesPerSecond);
    foreign.add(Quantity::OutputTokens, Statistic::Value, number_at(&json, "tps"), Unit::TokensPerSecond);
    for (key, quantity) in TIMES {
        if let Some(series) = json.get(key).filter(|series| series.is_object()) {
            statistics(source, &mut foreign, key, &quantity, series, &Unit::Nanos);
        }
    }
    if let Some(lengths) = json.get("output_sequence_lengths") {
        let quantity = Quantity::Other("output tokens of a query".to_owned());
        statistics(source, &mut foreign, "output_sequence_lengths", &quantity, lengths, &Unit::Count);
    }
    settings(&mut foreign, &json);
    state(&mut foreign, &json);
    traps(&mut foreign);
    if foreign.metrics.is_empty() {
        return Err(source.broken("the file", "it holds no numbers", "check that the run finished"));
    }
    results.results.push(foreign);
    Ok(results)
}

const TIMES: [(&str, Quantity); 3] =
    [("ttft", Quantity::FirstToken), ("tpot", Quantity::TimePerOutputToken), ("latency", Quantity::Latency)];

/// min, max, mean, percentiles and upper bounds of percentiles.
fn statistics(
    source: &mut Source,
    foreign: &mut Foreign,
    name: &str,
    quantity: &Quantity,
    series: &Value,
    unit: &Unit,
) {
    for (key, statistic) in [
        ("min", Statistic::Min),
        ("max", Statistic::Max),
        ("avg", Statistic::Mean),
        ("mean", Statistic::Mean),
        ("std_dev", Statistic::StdDev),
    ] {
        foreign.add(quantity.clone(), statistic, number_at(series, key), unit.clone());
    }
    let mut percentiles = |key: &str, statistic: fn(f64) -> Statistic| {
        let Some(Value::Object(values)) = series.get(key) else { return };
        let mut sorted: Vec<_> = values.iter().collect();
        sorted.sort_by(|one, two| {
            number_in(one.0).unwrap_or_default().total_cmp(&number_in(two.0).unwrap_or_default())
        });
        for (percentile, value) in sorted {
            match number_in(percentile).filter(|percentile| (0.0..=100.0).contains(percentile)) {
                Some(percentile) => {
                    foreign.add(quantity.clone(), statistic(percentile), number(value), unit.clone());
                }
                None => source.warn(format!("{name}.{key}"), format!("{percentile:?} is no percentile")),
            }
        }
    };
    percentiles("percentiles", Statistic::Percentile);
    percentiles("early_stopping_percentiles", Statistic::EarlyStopping);
    if foreign.metric(quantity, Statistic::Percentile(50.0)).is_none() {
        foreign.add(quantity.clone(), Statistic::Percentile(50.0), number_at(series, "median"), unit.clone());
    }
}

/// How load was made.
fn settings(foreign: &mut Foreign, json: &Value) {
    let Some(config) = json.get("run_config") else { return };
    if let Some(load) = config.get("load_pattern") {
        foreign.scenario = text_at(load, "type");
        foreign.rate_per_second = number_at(load, "target_qps");
        foreign.concurrency = number_at(load, "target_concurrency");
        if load.get("use_legacy_loadgen_qps_metrics") == Some(&Value::Bool(true)) {
            foreign.note(
                "Rates are over the window from the first to the last query sent (LoadGen's old way), which is \
                 shorter than the run: the requests that finish later count too.",
            );
        }
        if foreign.scenario.as_deref() == Some("max_throughput") {
            foreign.includes.queueing = Some(true);
            foreign.note("All queries are sent at once: latencies are queueing times.");
        }
    }
    if let Some(Value::Object(warm_up)) = config.get("warmup") {
        for (key, value) in warm_up {
            if let Some(value) = json::text(value) {
                foreign.set(format!("warmup {key}"), value);
            }
        }
    }
    for key in ["scheduler_random_seed", "dataloader_random_seed"] {
        if let Some(seed) = text_at(config, key) {
            foreign.set(key, seed);
        }
    }
}

fn state(foreign: &mut Foreign, json: &Value) {
    let failed = count_at(json, "n_samples_failed").unwrap_or(0);
    let mut reasons = Vec::new();
    if json.get("complete") == Some(&Value::Bool(false)) {
        reasons.push(format!("the run is not complete: {}", text_at(json, "state").unwrap_or_default()));
    }
    if !reasons.is_empty() {
        foreign.validity = Validity::Invalid(reasons);
    }
    if failed > 0 {
        foreign.note(format!("{failed} queries failed; their latencies are not among the percentiles."));
    }
}

fn traps(foreign: &mut Foreign) {
    foreign.includes.network = Some(true);
    foreign
        .note("Latency counts from the moment a query was really sent: waiting in the client is not in it.");
}

pub(super) fn read_snapshot(source: &mut Source) -> Result<Results, ImportError> {
    let json = json::whole(source)?;
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let metrics = json.get("metrics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, metric) in metrics.iter().enumerate() {
        let Some(name) = text_at(metric, "name") else {
            source.warn(format!("metrics[{at}]"), "a metric without a name is left out");
            continue;
        };
        if text_at(metric, "type").as_deref() == Some("counter") {
            counter(&mut foreign, &name, number_at(metric, "value"));
        } else {
            series(source, &mut foreign, &name, metric);
        }
    }
    foreign.set("state", text_at(&json, "state").unwrap_or_default());
    traps(&mut foreign);
    if foreign.metrics.is_empty() {
        return Err(source.broken("metrics", "it holds no numbers", "check that the run finished"));
    }
    results.results.push(foreign);
    Ok(results)
}

fn counter(foreign: &mut Foreign, name: &str, value: Option<f64>) {
    let (quantity, value, unit) = match name {
        "tracked_samples_issued" => (Quantity::Issued, value, Unit::Count),
        "tracked_samples_completed" => (Quantity::Completed, value, Unit::Count),
        "tracked_samples_failed" => (Quantity::Failed, value, Unit::Count),
        "tracked_duration_ns" => (Quantity::Duration, value.map(|nanos| nanos / 1e9), Unit::Seconds),
        other if other.ends_with("_ns") => (Quantity::Other(other.to_owned()), value, Unit::Nanos),
        other => (Quantity::Other(other.to_owned()), value, Unit::Count),
    };
    foreign.add(quantity, Statistic::Value, value, unit);
}

fn series(source: &mut Source, foreign: &mut Foreign, name: &str, metric: &Value) {
    let (quantity, unit) = match name {
        "sample_latency_ns" => (Quantity::Latency, Unit::Nanos),
        "ttft_ns" => (Quantity::FirstToken, Unit::Nanos),
        "tpot_ns" => (Quantity::TimePerOutputToken, Unit::Nanos),
        "chunk_delta_ns" => (Quantity::InterToken, Unit::Nanos),
        other if other.ends_with("_ns") => (Quantity::Other(other.to_owned()), Unit::Nanos),
        other => (Quantity::Other(other.to_owned()), Unit::Count),
    };
    statistics(source, foreign, name, &quantity, metric, &unit);
    // The file has sums; mean and deviation follow from them.
    let (count, total) = (number_at(metric, "count"), number_at(metric, "total"));
    if let (Some(count), Some(total)) = (count.filter(|count| *count > 0.0), total) {
        let mean = total / count;
        if foreign.metric(&quantity, Statistic::Mean).is_none() {
            foreign.add(quantity.clone(), Statistic::Mean, Some(mean), unit.clone());
        }
        let variance = number_at(metric, "sum_sq").map(|sum| sum / count - mean * mean);
        if let Some(variance) = variance.filter(|variance| *variance >= 0.0) {
            foreign.add(quantity, Statistic::StdDev, Some(variance.sqrt()), unit);
        }
    }
}
