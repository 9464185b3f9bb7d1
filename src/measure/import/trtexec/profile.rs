//! `--exportProfile`: the time of each layer.

use serde_json::Value;

use super::super::json::{number_at, text_at, whole};
use super::super::source::{Head, Source};
use super::super::{ImportError, Includes, Quantity, Results, Statistic, Unit};
use super::TOOL;

pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.first_line().starts_with('[')
        && head.has_keys(2, &["name", "timeMs", "averageMs", "percentage"])
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let json = whole(source)?;
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let mut total = 0.0;
    let mut layers = 0_u64;
    for (at, entry) in json.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        if let Some(count) = number_at(entry, "count") {
            foreign.add(Quantity::Completed, Statistic::Value, Some(count), Unit::Count);
            continue;
        }
        let (Some(name), Some(average)) = (text_at(entry, "name"), number_at(entry, "averageMs")) else {
            source.warn(format!("[{at}]"), format!("left out, no layer: {}", keys(entry)));
            continue;
        };
        layers += 1;
        total += average;
        let layer = Quantity::Other(format!("layer {name}"));
        foreign.add_time(layer.clone(), Statistic::Mean, Some(average), 1e6);
        foreign.add_time(layer.clone(), Statistic::Percentile(50.0), number_at(entry, "medianMs"), 1e6);
        foreign.add_time(layer, Statistic::Total, number_at(entry, "timeMs"), 1e6);
    }
    if layers == 0 {
        return Err(source.broken("the file", "it holds no layer", "repeat the run with --exportProfile"));
    }
    foreign.add_time(Quantity::Compute, Statistic::Mean, Some(total), 1e6);
    foreign.includes = Includes { queueing: Some(false), transfers: Some(false), network: Some(false) };
    foreign.set("layers", layers.to_string());
    foreign.note(
        "Compute is the sum of the layers' means, measured with the profiler on, which keeps layers from \
         overlapping: it is slower than a run without.",
    );
    results.results.push(foreign);
    Ok(results)
}

fn keys(entry: &Value) -> String {
    let keys: Vec<_> = entry.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).take(4).collect();
    keys.join(", ")
}
