//! `inferometer import FILE…`: take files into a project, and tell what other tools' results say.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::session::Session;
use crate::app::project::Stored;
use crate::app::{FileReport, ResultFile};
use crate::measure::import::{self, Foreign, Metric};

/// Longest name in a table, in characters.
const NAME_CHARS: usize = 34;

pub(super) fn run(session: &mut Session, files: Vec<PathBuf>) -> anyhow::Result<()> {
    let known: BTreeSet<i64> = session.app.state().points.iter().map(|stored| stored.id).collect();
    let (reports, done) = session.take_in(files);
    if session.json {
        let files: Vec<Value> =
            reports.iter().map(|report| document(session, report)).collect::<anyhow::Result<_>>()?;
        Session::print_json(&json!({ "files": files }))?;
        return done;
    }
    for report in &reports {
        let Some(kind) = &report.kind else { continue };
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let count = match (report.rows, report.points, report.results) {
            (Some(rows), _, _) => format!(", {rows} row{}", plural(rows)),
            (None, Some(points), _) => format!(", {points} measurement{}", plural(points)),
            (None, None, Some(results)) => format!(", {results} result{}", plural(results)),
            (None, None, None) => String::new(),
        };
        say!("{kind}{count}: {}", report.path.display());
        if let Some(says) = &report.says {
            say!("  {says}");
        }
        tell_results(&result_files(session, report), &report.path);
        super::bill::print_warnings(&report.warnings);
    }
    let points = &session.app.state().points;
    let new: Vec<&Stored> = points.iter().filter(|stored| !known.contains(&stored.id)).collect();
    if !new.is_empty() {
        say!("");
        super::points::print(&new);
    }
    if !session.has_project && reports.iter().any(|report| report.kind.is_some()) {
        eprintln!(
            "no project was named, so this was only told and nothing was kept in one; to keep it: --project FILE"
        );
    }
    done
}

/// What became of a file, as JSON; other tools' results with everything that is known of them.
fn document(session: &Session, report: &FileReport) -> anyhow::Result<Value> {
    let mut document = json!({
        "path": report.path,
        "kind": report.kind,
        "warnings": report.warnings,
    });
    if !report.broken.is_empty() {
        document["broken"] = json!(report.broken);
    }
    if let Some(rows) = report.rows {
        document["rows"] = json!(rows);
    }
    if let Some(points) = report.points {
        document["points"] = json!(points);
    }
    if let Some(says) = &report.says {
        document["says"] = json!(says);
    }
    if let Some(error) = &report.error {
        document["reason"] = json!(error);
    }
    if let Some(results) = report.results {
        document["results"] = json!(results);
        let files = result_files(session, report).into_iter().map(|file| {
            let mut document = serde_json::to_value(session.app.full_results(file)?)?;
            document["key"] = json!(file.key);
            Ok(document)
        });
        document["result_files"] = files.collect::<anyhow::Result<_>>()?;
    }
    Ok(document)
}

/// The result files that a path gave, as the project has them.
fn result_files<'a>(session: &'a Session, report: &FileReport) -> Vec<&'a ResultFile> {
    let all = &session.app.state().results;
    report.result_files.iter().filter_map(|key| all.iter().find(|file| file.key == *key)).collect()
}

/// What files of other tools say: format and tool of each, a table of all, then what must be known of the numbers.
fn tell_results(files: &[&ResultFile], named: &Path) {
    if files.is_empty() {
        return;
    }
    for file in files {
        let results = &file.results.results;
        let mut tools: Vec<String> = results.iter().map(Foreign::tool_words).collect();
        tools.dedup();
        let count = results.len();
        let s = if count == 1 { "" } else { "s" };
        let inside = file.results.path.strip_prefix(named).unwrap_or(&file.results.path);
        let place =
            if inside.as_os_str().is_empty() { String::new() } else { format!(": {}", inside.display()) };
        say!("  {}, {}, {count} result{s}{place}", file.results.format, tools.join(", "));
    }
    say!("");
    let results = in_order(files);
    let rows: Vec<Vec<String>> = results.iter().map(|result| row(result)).collect();
    let several = files.len() > 1;
    let rows: Vec<Vec<String>> =
        if several { rows } else { rows.into_iter().map(|row| row[1..].to_vec()).collect() };
    super::table::print(
        &["Tool", "System", "Model", "Scenario", "Load", "Throughput", "p50", "p90", "p99", "Verdict"]
            [usize::from(!several)..],
        &rows,
    );
    let notes = merged(results.iter().flat_map(|result| notes_of(result)));
    if !notes.is_empty() {
        say!("");
    }
    for Note { text, count, alike } in notes {
        let own = if alike { "" } else { ", each with numbers of its own" };
        let of = if rows.len() > 1 { format!(" ({count} of {}{own})", rows.len()) } else { String::new() };
        say!("  note{of}: {text}");
    }
    say!("");
}

/// Results as they stand in their files; but where each file is one point of a curve (of one tool, model, machine and
/// scenario), the points by their load: batch 2 before batch 10.
fn in_order<'a>(files: &[&'a ResultFile]) -> Vec<&'a Foreign> {
    let mut groups: Vec<(_, Vec<&Foreign>)> = Vec::new();
    for file in files {
        for result in &file.results.results {
            let Foreign { tool, model, system, scenario, precision, .. } = result;
            let table = (file.results.results.len() > 1).then_some(&file.key);
            let key = (table, tool, model, system, scenario, precision);
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, members)) => members.push(result),
                None => groups.push((key, vec![result])),
            }
        }
    }
    let load = |result: &Foreign| {
        // What is not said comes first.
        let number = |value: Option<f64>| value.unwrap_or(-1.0);
        [
            number(result.batch.map(|batch| batch as f64)),
            number(result.concurrency),
            number(result.rate_per_second),
        ]
    };
    for (_, members) in &mut groups {
        members.sort_by(|one, two| {
            let pairs = load(one).into_iter().zip(load(two));
            pairs.map(|(one, two)| one.total_cmp(&two)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
    groups.into_iter().flat_map(|(_, members)| members).collect()
}

/// What must be known of some results.
struct Note {
    /// Of the first of them.
    text: String,
    /// Of how many.
    count: usize,
    /// Whether it is the same text for all, or differs in its numbers.
    alike: bool,
}

/// Each note once, in the order of the first; notes that differ only in their numbers are one.
fn merged(all: impl Iterator<Item = String>) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for text in all {
        let pattern = without_numbers(&text);
        if let Some(note) = places.get(&pattern).and_then(|place| notes.get_mut(*place)) {
            note.count += 1;
            note.alike &= note.text == text;
        } else {
            places.insert(pattern, notes.len());
            notes.push(Note { text, count: 1, alike: true });
        }
    }
    notes
}

/// A text with its numbers, and the units of time and size behind them, taken out.
fn without_numbers(text: &str) -> String {
    const UNITS: [&str; 12] = ["ns", "µs", "us", "ms", "s", "min", "h", "B", "KiB", "MiB", "GiB", "bytes"];
    let mut words = Vec::new();
    let mut after_number = false;
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|char: char| !char.is_alphanumeric());
        if after_number && UNITS.contains(&bare) {
            after_number = false;
            continue;
        }
        after_number = bare.starts_with(|char: char| char.is_ascii_digit());
        words.push(if after_number { "#" } else { word });
    }
    words.join(" ")
}

fn row(result: &Foreign) -> Vec<String> {
    let name = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or("–");
        if text.chars().count() > NAME_CHARS {
            text.chars().take(NAME_CHARS - 1).collect::<String>() + "…"
        } else {
            text.to_owned()
        }
    };
    let or_dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let number = |metric: Option<&Metric>| metric.map_or_else(|| "–".to_owned(), Metric::words);
    vec![
        result.tool.clone(),
        name(&result.system),
        name(&result.model),
        name(&result.scenario),
        or_dash(result.load_words()),
        number(result.throughput()),
        number(result.latency(50.0)),
        number(result.latency(90.0)),
        number(result.latency(99.0)),
        or_dash(result.validity.words().to_owned()),
    ]
}

/// What must be known of a result's numbers: its notes, what its latency includes, how it picks a percentile.
fn notes_of(result: &Foreign) -> Vec<String> {
    let mut notes = result.notes.clone();
    if let import::Validity::Invalid(reasons) = &result.validity {
        let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
        notes.push(format!("Invalid by the tool's own rules{why}."));
    }
    let has_latency = result.metrics.iter().any(|metric| metric.quantity == import::Quantity::Latency);
    if has_latency {
        notes.push(format!("Latency includes: {}; {}.", result.includes.words(), result.quantiles.words()));
        if result.latency(50.0).or(result.latency(90.0)).or(result.latency(99.0)).is_none() {
            notes.push(format!("Latency as the file has it: {}.", result.other_latency_words()));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_that_differ_only_in_numbers_are_one() {
        let texts = [
            "Latency as the file has it: mean 120 µs, most 9.51 ms.",
            "2 of 12 requests failed.",
            "Latency as the file has it: mean 1.5 ms, most 22.8 s.",
            "Times are rounded.",
            "Times are rounded.",
            "Latency as the file has it: mean 3 s, least 2 s.",
        ];
        let notes = merged(texts.iter().map(|text| (*text).to_owned()));
        let short: Vec<(&str, usize, bool)> =
            notes.iter().map(|note| (note.text.as_str(), note.count, note.alike)).collect();
        assert_eq!(
            short,
            [(texts[0], 2, false), (texts[1], 1, true), (texts[3], 2, true), (texts[5], 1, true)]
        );
    }

    #[test]
    fn a_curve_is_in_order_of_its_load_whatever_the_order_of_its_files() {
        let point = |model: &str, batch: u64, concurrency: f64| Foreign {
            model: Some(model.to_owned()),
            batch: Some(batch),
            concurrency: Some(concurrency),
            ..Foreign::default()
        };
        let file = |key: &str, results: &[Foreign]| ResultFile {
            key: key.to_owned(),
            results: import::Results { results: results.to_vec(), ..import::Results::default() },
            samples: Vec::new(),
        };
        let files = [
            file("1", &[point("b", 10, 1.0)]),
            file("2", &[point("b", 2, 128.0)]),
            file("3", &[point("a", 1, 1.0)]),
            file("4", &[point("b", 2, 16.0)]),
            file("5", &[point("b", 7, 1.0), point("c", 1, 1.0), point("b", 3, 1.0)]),
        ];
        let order: Vec<(Option<&str>, Option<u64>, Option<f64>)> =
            in_order(&files.iter().collect::<Vec<_>>())
                .into_iter()
                .map(|result| (result.model.as_deref(), result.batch, result.concurrency))
                .collect();
        let expected = [
            ("b", 2, 16.0),
            ("b", 2, 128.0),
            ("b", 10, 1.0),
            ("a", 1, 1.0),
            ("b", 3, 1.0),
            ("b", 7, 1.0),
            ("c", 1, 1.0),
        ];
        assert_eq!(order, expected.map(|(model, batch, load)| (Some(model), Some(batch), Some(load))));
    }
}
