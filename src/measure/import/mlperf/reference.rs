//! `results.json` of MLPerf's reference harness in Python: one member `TestScenario.X` a scenario, in seconds.

use serde_json::Value;

use super::super::json::{self, number, number_at, number_in, text_at};
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantiles, Quantity, Results, Statistic, Unit};

const TOOL: &str = "MLPerf reference harness";
const PREFIX: &str = "TestScenario.";

pub(super) fn detects(head: &Head) -> bool {
    head.is_json() && head.keys(1).any(|key| key.starts_with(PREFIX)) && head.has_keys(2, &["took", "qps"])
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let json = json::whole(source)?;
    let mut results = source.results();
    let members = json.as_object().into_iter().flatten();
    for (key, run) in members.filter(|(key, _)| key.starts_with(PREFIX)) {
        let mut foreign = source.foreign(TOOL, key.as_str());
        foreign.scenario = key.strip_prefix(PREFIX).map(super::scenario_of);
        foreign.tool_version = None;
        let runtime = [text_at(&json, "runtime"), text_at(&json, "version")];
        let runtime: Vec<_> = runtime.into_iter().flatten().collect();
        foreign.framework = (!runtime.is_empty()).then(|| runtime.join(" "));
        if let Some(Value::Object(args)) = json.get("args") {
            foreign.model = args.get("model_name").and_then(json::text);
            for (key, value) in args {
                if let Some(value) = json::text(value) {
                    foreign.set(key, value);
                }
            }
        }
        foreign.add(Quantity::Completed, Statistic::Value, number_at(run, "count"), Unit::Count);
        foreign.add(Quantity::Duration, Statistic::Value, number_at(run, "took"), Unit::Seconds);
        foreign.add(Quantity::Throughput, Statistic::Value, number_at(run, "qps"), Unit::QueriesPerSecond);
        foreign.add_time(Quantity::Latency, Statistic::Mean, number_at(run, "mean"), 1e9);
        if let Some(Value::Object(percentiles)) = run.get("percentiles") {
            for (percentile, value) in percentiles {
                match number_in(percentile) {
                    Some(percentile) => {
                        let statistic = Statistic::Percentile(percentile);
                        foreign.add_time(Quantity::Latency, statistic, number(value), 1e9);
                    }
                    None => source.warn(key.as_str(), format!("{percentile:?} is no percentile")),
                }
            }
        }
        if number_at(run, "good_items") != Some(0.0)
            && let (Some(good), Some(total)) = (number_at(run, "good_items"), number_at(run, "total_items"))
            && total > 0.0
        {
            foreign.add(Quantity::Accuracy, Statistic::Value, Some(good / total), Unit::Share);
        }
        // numpy.percentile over the harness's own clock.
        foreign.quantiles = Quantiles::Linear;
        foreign.note(
            "Measured by the Python harness around the call to the runtime, not by LoadGen: it leaves out LoadGen's \
             own time and is not the submitted result.",
        );
        foreign.note(
            "A throughput is queries divided by the time of the whole run, loading of samples included.",
        );
        results.results.push(foreign);
    }
    Ok(results)
}
