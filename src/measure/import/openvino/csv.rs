//! `benchmark_report.csv`: three sections of `name;value` rows.

use super::super::source::{Head, Source, shorten};
use super::super::{Foreign, ImportError, Results, Validity};
use super::report::{Cell, TOOL, batch_of, configuration, finish, result};

const CONFIGURATION: &str = "Configuration setup";
const EXECUTION: &str = "Execution results";
const COMMAND: &str = "Command line parameters";

pub(super) fn detects(head: &Head) -> bool {
    let first = head.first_line();
    !head.is_json()
        && (first == COMMAND || first == CONFIGURATION)
        && head.lines().any(|line| matches!(line.trim(), CONFIGURATION | EXECUTION))
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut section = "";
    let mut all = source.foreign(TOOL, "");
    let mut groups: Vec<Foreign> = Vec::new();
    let mut python = false;
    let mut last = 0;
    source.for_each_line_of_text(|source, number, line| {
        last = number;
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        for heading in [COMMAND, CONFIGURATION, EXECUTION] {
            if line == heading {
                section = heading;
                return Ok(());
            }
        }
        let place = format!("line {number}");
        let Some((name, value)) = line.split_once(';') else {
            source.warn(place, format!("not understood: {:?}", shorten(line, 60)));
            return Ok(());
        };
        let (name, value) = (name.trim(), value.trim_matches([';', ' ']));
        if section == COMMAND {
            all.set(format!("argument {name}"), if value.is_empty() { "yes" } else { value });
        } else if section == CONFIGURATION {
            python |= value == "None" || value == "True" || value == "False";
            configuration(&mut all, name, value);
        } else if name == "group" || name == "data shape" {
            let mut group = source.foreign(TOOL, format!("line {number}, {value}"));
            group.batch = batch_of(value);
            group.set("group", value);
            groups.push(group);
        } else {
            // What belongs to all is written before the groups, but for the throughput at the end.
            let of_all = groups.is_empty() || name == "throughput" || name == "error";
            let foreign = if of_all { &mut all } else { groups.last_mut().unwrap_or(&mut all) };
            if !result(source, foreign, &place, name, &Cell { text: value, exact: false }) {
                source.warn(place, format!("not understood: {name:?}"));
            }
        }
        Ok(())
    })?;
    if all.metrics.iter().all(|metric| metric.quantity != super::super::Quantity::Throughput) {
        let (problem, advice) = match &all.validity {
            Validity::Invalid(reasons) => {
                (format!("the run failed: {}", reasons.join("; ")), "repeat the run")
            }
            _ => ("it ends before the throughput".to_owned(), "copy the file again or repeat the run"),
        };
        return Err(source.broken(format!("line {last}"), problem, advice));
    }
    for group in &mut groups {
        inherit(group, &all);
    }
    if !groups.is_empty() {
        all.note(
            "Latency and throughput are over all groups of shapes together; each group follows by itself.",
        );
    }
    results.results.push(all);
    results.results.append(&mut groups);
    for foreign in &mut results.results {
        finish(foreign, python);
    }
    Ok(results)
}

/// A group was run with the settings of all.
fn inherit(group: &mut Foreign, all: &Foreign) {
    group.model.clone_from(&all.model);
    group.system.clone_from(&all.system);
    group.precision.clone_from(&all.precision);
    group.scenario.clone_from(&all.scenario);
    group.concurrency = all.concurrency;
    group.validity.clone_from(&all.validity);
    for (key, value) in &all.settings {
        group.settings.entry(key.clone()).or_insert_with(|| value.clone());
    }
}
