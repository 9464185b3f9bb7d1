//! `benchmark_report.json` (`-json_stats`): the same three sections; text in the Python tool, numbers in the C++ one.

use serde_json::Value;

use super::super::json::{text, whole};
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Results, Validity};
use super::report::{Cell, TOOL, batch_of, configuration, finish, result};

pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_key(1, "execution_results")
        && (head.has_key(1, "configuration_setup") || head.has_key(1, "cmd_options"))
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let json = whole(source)?;
    let mut results = source.results();
    let mut all = source.foreign(TOOL, "");
    let mut python = false;
    for (name, value) in members(&json, "cmd_options") {
        all.set(format!("argument {name}"), text(value).unwrap_or_else(|| "yes".to_owned()));
    }
    for (name, value) in members(&json, "configuration_setup") {
        if let Some(value) = text(value) {
            python |= value == "None" || name == "inference_only";
            configuration(&mut all, name, &value);
        }
    }
    let mut groups = Vec::new();
    for (name, value) in members(&json, "execution_results") {
        let place = format!("execution_results, {name}");
        match value {
            Value::Array(entries) => {
                for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.is_object()) {
                    let place = format!("{place}[{at}]");
                    let mut group = source.foreign(TOOL, place.as_str());
                    for (name, value) in entry.as_object().into_iter().flatten() {
                        let value_text = text(value).unwrap_or_default();
                        let exact = value.is_number();
                        if name == "group" || super::report::plain(name) == "data shape" {
                            group.batch = batch_of(&value_text);
                            group.set("group", value_text);
                        } else if !result(
                            source,
                            &mut group,
                            &place,
                            name,
                            &Cell { text: &value_text, exact },
                        ) {
                            source.warn(place.as_str(), format!("not understood: {name:?}"));
                        }
                    }
                    groups.push(group);
                }
            }
            _ => {
                let value_text = text(value).unwrap_or_default();
                let cell = Cell { text: &value_text, exact: value.is_number() };
                if !result(source, &mut all, &place, name, &cell) {
                    source.warn(place, "not understood and left out");
                }
            }
        }
    }
    if all.metrics.iter().all(|metric| metric.quantity != Quantity::Throughput) {
        let problem = match &all.validity {
            Validity::Invalid(reasons) => format!("the run failed: {}", reasons.join("; ")),
            _ => "it holds no throughput".to_owned(),
        };
        return Err(source.broken("execution_results", problem, "repeat the run"));
    }
    results.results.push(all);
    results.results.append(&mut groups);
    for foreign in &mut results.results {
        finish(foreign, python);
    }
    Ok(results)
}

fn members<'a>(json: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    json.get(section).and_then(Value::as_object).into_iter().flatten()
}
