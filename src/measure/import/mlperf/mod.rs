//! MLPerf: `LoadGen`'s logs, submission folders and tables of results, the Endpoints tool, the reference harness.
//!
//! [`summary`] and [`detail`] read the two logs of one run; what one of them leaves out, the other and what lies
//! around it ([`tree`], [`trace`], [`power`]) completes. [`tables`], [`endpoints`] and [`reference`] are formats of
//! their own.

mod detail;
mod endpoints;
mod power;
mod reference;
mod summary;
mod tables;
mod trace;
mod tree;

use std::path::{Path, PathBuf};

use super::source::Source;
use super::{Foreign, ImportError, Quantiles, Quantity, Reader, Results, Statistic, Unit, Validity};

/// What the summary log is called.
pub(super) const SUMMARY: &str = "MLPerf LoadGen summary";
/// What the detail log is called.
pub(super) const DETAIL: &str = "MLPerf LoadGen detail log";
const TOOL: &str = "MLPerf LoadGen";

/// MLPerf's formats.
pub(super) const READERS: &[Reader] = &[
    Reader { format: DETAIL, detects: detail::detects, read: read_detail },
    Reader { format: SUMMARY, detects: summary::detects, read: read_summary },
    Reader { format: "MLPerf table of results", detects: tables::detects_csv, read: tables::read_csv },
    Reader {
        format: "MLPerf table of results (JSON)",
        detects: tables::detects_json,
        read: tables::read_json,
    },
    Reader {
        format: "MLPerf Endpoints summary",
        detects: endpoints::detects_summary,
        read: endpoints::read_summary,
    },
    Reader {
        format: "MLPerf Endpoints snapshot",
        detects: endpoints::detects_snapshot,
        read: endpoints::read_snapshot,
    },
    Reader { format: "MLPerf reference results", detects: reference::detects, read: reference::read },
];

/// What a log says, and where it stood in time.
struct Facts {
    foreign: Foreign,
    /// Begin and end of the run as the log writes them: `07-22-2024 15:32:56.828`.
    power_window: Option<(String, String)>,
}

/// Fewest queries for which `LoadGen`'s early stopping gives a percentile at 99 % confidence.
const FLOORS: [(f64, f64); 6] =
    [(50.0, 11.0), (90.0, 64.0), (95.0, 130.0), (97.0, 219.0), (99.0, 662.0), (99.9, 6636.0)];

fn read_detail(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    if !source.head().contains(":::MLLOG") {
        // Before 1.0 the detail log had settings and the run's window, but no result.
        let advice = "open the mlperf_log_summary.txt of the same run";
        let Some(mut beside) =
            partner(source, "detail", "summary").filter(|beside| summary::detects(beside.head()))
        else {
            return Err(source.broken(
                "the file",
                "LoadGen before 1.0 wrote no results into its detail log",
                advice,
            ));
        };
        let old = detail::parse_old(source)?;
        let mut facts = summary::parse(&mut beside)?;
        complete(&mut facts, old);
        results.results.push(finish(source, facts));
        return Ok(results);
    }
    let Some(mut facts) = detail::parse(source)? else {
        source.warn("the file", "the log of an accuracy run: it holds no performance");
        return Ok(results);
    };
    if let Some(mut beside) =
        partner(source, "detail", "summary").filter(|beside| summary::detects(beside.head()))
    {
        match summary::parse(&mut beside) {
            Ok(other) => complete(&mut facts, other),
            Err(error) => source.warn("the summary beside it", error.to_string()),
        }
    }
    if let Some(beside) = partner(source, "detail", "trace") {
        trace::add(source, &mut facts.foreign, beside);
    }
    results.results.push(finish(source, facts));
    Ok(results)
}

fn read_summary(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut facts = summary::parse(source)?;
    if let Some(mut beside) =
        partner(source, "summary", "detail").filter(|beside| detail::detects(beside.head()))
    {
        let other = if beside.head().contains(":::MLLOG") {
            detail::parse(&mut beside)
        } else {
            detail::parse_old(&mut beside).map(Some)
        };
        match other {
            Ok(Some(other)) => complete(&mut facts, other),
            Ok(None) => {}
            Err(error) => source.warn("the detail log beside it", error.to_string()),
        }
    }
    results.results.push(finish(source, facts));
    Ok(results)
}

/// The path of the other log of the same run: `mlperf_log_summary.txt` for `mlperf_log_detail.txt`.
pub(super) fn partner_path(path: &Path, word: &str, other: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let mut partner = name.replace(word, other);
    if other == "trace" {
        partner = partner.replace(".txt", ".json");
    }
    (partner != name).then(|| path.with_file_name(partner))
}

/// The other log, if it is there.
fn partner(source: &Source, word: &str, other: &str) -> Option<Source> {
    source.folder()?;
    let path = partner_path(source.path(), word, other)?;
    path.is_file().then(|| Source::open(&path).ok()).flatten()
}

/// Takes over what only the other log of the same run says.
fn complete(facts: &mut Facts, other: Facts) {
    let Facts { foreign, power_window } = other;
    let Foreign {
        tool_version,
        model,
        system,
        scenario,
        rate_per_second,
        settings,
        metrics,
        validity,
        notes,
        ..
    } = foreign;
    let own = &mut facts.foreign;
    if facts.power_window.is_none() {
        facts.power_window = power_window;
    }
    own.tool_version = own.tool_version.take().or(tool_version);
    own.model = own.model.take().or(model);
    own.system = own.system.take().or(system);
    own.scenario = own.scenario.take().or(scenario);
    own.rate_per_second = own.rate_per_second.or(rate_per_second);
    if own.validity == Validity::NotStated {
        own.validity = validity;
    }
    for (key, value) in settings {
        own.settings.entry(key).or_insert(value);
    }
    for metric in metrics {
        if own.metric(&metric.quantity, metric.statistic).is_none() {
            own.metrics.push(metric);
        }
    }
    for note in notes {
        own.note(note);
    }
}

/// What holds for every `LoadGen` result: definitions, traps, and what the folders around it say.
fn finish(source: &mut Source, facts: Facts) -> Foreign {
    let Facts { mut foreign, power_window } = facts;
    foreign.quantiles = Quantiles::FloorIndex;
    let scenario = foreign.scenario.clone().unwrap_or_default();
    let queries = foreign.value(&Quantity::Completed, Statistic::Value);
    let legacy = foreign.metric(&Quantity::Other("samples per query".to_owned()), Statistic::Value).is_some();
    match scenario.as_str() {
        "Offline" => {
            foreign.includes.queueing = Some(true);
            foreign.note(
                "Offline latencies are queueing times: all samples are sent at once, so they say how long the whole \
                 run took, not how long a sample takes. Use samples per second.",
            );
        }
        "Server" => foreign.includes.queueing = Some(true),
        "SingleStream" => {
            foreign.includes.queueing = Some(false);
            foreign.concurrency = Some(1.0);
        }
        "MultiStream" if legacy => {
            foreign.note(
                "MultiStream of LoadGen before 1.1: queries came at fixed intervals, and the result is how many \
                 samples a query may have. Not comparable with MultiStream today.",
            );
        }
        "MultiStream" => {
            foreign.includes.queueing = Some(false);
            foreign.concurrency = Some(1.0);
            foreign.note("MultiStream latencies are of whole queries: of all samples of a query together.");
        }
        _ => {}
    }
    if scenario != "Offline"
        && let Some(queries) = queries
    {
        let weak: Vec<String> = FLOORS
            .iter()
            .filter(|(percentile, floor)| {
                queries < *floor
                    && foreign.metric(&Quantity::Latency, Statistic::Percentile(*percentile)).is_some()
            })
            .map(|(percentile, floor)| format!("p{percentile} (needs {floor})"))
            .collect();
        if !weak.is_empty() {
            foreign.note(format!(
                "The run has {queries} queries, too few for {} at 99 % confidence.",
                weak.join(", ")
            ));
        }
    }
    if let Some((begin, end)) = &power_window
        && let Some(seconds) = power::seconds_between(begin, end)
    {
        foreign.add(Quantity::Duration, Statistic::Value, Some(seconds), Unit::Seconds);
    }
    if let Some(folder) = source.folder().map(Path::to_owned) {
        power::add(source, &mut foreign, &folder, power_window.as_ref());
        tree::add(source, &mut foreign, &folder);
        let test = folder.ancestors().filter_map(|folder| folder.file_name()?.to_str()).find(|name| {
            name.strip_prefix("TEST")
                .is_some_and(|number| number.starts_with(|char: char| char.is_ascii_digit()))
        });
        if let Some(test) = test {
            foreign.note(format!("A compliance run ({test}): it audits a result and is none itself."));
        }
    }
    foreign
}

/// `SingleStream` for `Single Stream` (0.5) and `singlestream` (folders).
fn scenario_of(word: &str) -> String {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    for known in ["SingleStream", "MultiStream", "Server", "Offline", "Interactive"] {
        if plain.eq_ignore_ascii_case(known) {
            return known.to_owned();
        }
    }
    word.trim().to_owned()
}
