//! OpenVINO's benchmark_app: its report as CSV and JSON, its log, and its reports of operators' counters.

mod counters;
mod csv;
mod json;
mod log;
mod report;

use super::{Foreign, Quantity, Reader, Results, Statistic, Validity};

const LOG: &str = "OpenVINO benchmark_app log";

/// OpenVINO's formats.
pub(super) const READERS: &[Reader] = &[
    Reader { format: "OpenVINO benchmark_app report", detects: csv::detects, read: csv::read },
    Reader { format: "OpenVINO benchmark_app report (JSON)", detects: json::detects, read: json::read },
    Reader { format: LOG, detects: log::detects, read: log::read },
    Reader { format: "OpenVINO counters report", detects: counters::detects, read: counters::read },
];

/// In a folder, a report and the log of the same run are one result: the log's, whose times are not rounded to
/// 0.01 ms and which says the precision, completed by what only the report says.
pub(super) fn join(found: &mut Vec<Results>) {
    let identity = |results: &Results| {
        let run = results.results.first().filter(|run| run.tool == report::TOOL)?;
        let value = |quantity| run.value(&quantity, Statistic::Value).map(f64::to_bits);
        Some((results.path.parent()?.to_owned(), value(Quantity::Throughput)?, value(Quantity::Completed)?))
    };
    let is_log = |results: &Results| results.format == LOG && results.results.len() == 1;
    for at in (0..found.len()).rev() {
        let Some(run) = found.get(at).filter(|results| is_log(results)).and_then(identity) else { continue };
        let Some(twin) =
            found.iter().position(|results| !is_log(results) && identity(results) == Some(run.clone()))
        else {
            continue;
        };
        let Results { results: mut reports, mut warnings, .. } = std::mem::take(&mut found[twin]);
        let log = &mut found[at];
        complete(&mut log.results[0], reports.remove(0));
        // What follows the first are groups of shapes, which the log's reader leaves to the report.
        log.results.append(&mut reports);
        log.warnings.append(&mut warnings);
        found.remove(twin);
    }
}

fn complete(log: &mut Foreign, report: Foreign) {
    log.model = report.model.or(log.model.take());
    log.batch = log.batch.or(report.batch);
    log.concurrency = report.concurrency.or(log.concurrency);
    log.scenario = report.scenario.or(log.scenario.take());
    if log.validity == Validity::NotStated {
        log.validity = report.validity;
    }
    for (key, value) in report.settings {
        log.settings.entry(key).or_insert(value);
    }
    for metric in report.metrics {
        if log.metric(&metric.quantity, metric.statistic).is_none() {
            log.metrics.push(metric);
        }
    }
}
