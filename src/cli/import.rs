//! `inferometer import FILE…`: take files into a project, and tell what other tools' results say.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde_json::{Value, json};

use super::session::Session;
use crate::app::{FileReport, ResultFile};
use crate::measure::import::{self, Foreign, Metric};

/// Longest name in a table, in characters.
const NAME_CHARS: usize = 34;

pub(super) fn run(session: &mut Session, files: Vec<PathBuf>) -> anyhow::Result<()> {
    // What other tools' results say can be told without keeping it.
    let only_results = |path: &PathBuf| path.is_dir() || import::detect(path).is_some();
    if !session.has_project && !files.iter().all(only_results) {
        bail!(
            "name the project that takes the files in: --project FILE (it is made where it is not there); only \
             results of benchmark tools can be looked at without one"
        );
    }
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
    if !session.has_project && reports.iter().any(|report| report.results.is_some()) {
        eprintln!("nothing was kept; to keep results beside measurements, name a project: --project FILE");
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
    let rows: Vec<Vec<String>> = files.iter().flat_map(|file| &file.results.results).map(row).collect();
    let several = files.len() > 1;
    let rows: Vec<Vec<String>> =
        if several { rows } else { rows.into_iter().map(|row| row[1..].to_vec()).collect() };
    super::table::print(
        &["Tool", "System", "Model", "Scenario", "Load", "Throughput", "p50", "p90", "p99", "Verdict"]
            [usize::from(!several)..],
        &rows,
    );
    let mut notes: Vec<(String, usize)> = Vec::new();
    for result in files.iter().flat_map(|file| &file.results.results) {
        for note in notes_of(result) {
            match notes.iter_mut().find(|(other, _)| *other == note) {
                Some((_, count)) => *count += 1,
                None => notes.push((note, 1)),
            }
        }
    }
    if !notes.is_empty() {
        say!("");
    }
    let several = rows.len() > 1;
    for (note, count) in notes {
        let of = if several { format!(" ({count} of {})", rows.len()) } else { String::new() };
        say!("  note{of}: {note}");
    }
    say!("");
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
