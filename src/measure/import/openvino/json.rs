//! `benchmark_report.json` (`-json_stats`): the same three sections; text in the Python tool, numbers in the C++ one.

use serde_json::Value;

use super::super::json::{text, whole};
use super::super::source::{Head, Source};
use super::super::{Foreign, ImportError, Quantity, Results, Validity};
use super::report::{Cell, TOOL, batch_of, configuration, finish, plain, result};

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
        if let Value::Array(entries) = value {
            for (at, entry) in entries.iter().enumerate() {
                groups.extend(group(source, &format!("{place}[{at}]"), entry));
            }
        } else if !cell(source, &mut all, &place, name, value) {
            source.warn(place, "not understood and left out");
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

/// One group of shapes.
fn group(source: &mut Source, place: &str, entry: &Value) -> Option<Foreign> {
    let mut group = source.foreign(TOOL, place);
    for (name, value) in entry.as_object()? {
        if name == "group" || plain(name) == "data shape" {
            let shapes = text(value).unwrap_or_default();
            group.batch = batch_of(&shapes);
            group.set("group", shapes);
        } else if !cell(source, &mut group, place, name, value) {
            source.warn(place, format!("not understood: {name:?}"));
        }
    }
    Some(group)
}

fn cell(source: &mut Source, foreign: &mut Foreign, place: &str, name: &str, value: &Value) -> bool {
    let written = text(value).unwrap_or_default();
    result(source, foreign, place, name, &Cell { text: &written, exact: value.is_number() })
}

fn members<'a>(json: &'a Value, section: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    json.get(section).and_then(Value::as_object).into_iter().flatten()
}
