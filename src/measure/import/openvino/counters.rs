//! `benchmark_{average,detailed,sort_detailed}_counters_report.csv`: time of each operator, and what ran it.

use super::super::json::number_in;
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Results, Statistic};
use super::report::TOOL;

pub(super) fn detects(head: &Head) -> bool {
    let first = head.first_line();
    first.starts_with("layerName;execStatus;layerType;execType;")
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let mut columns: Vec<String> = Vec::new();
    let mut total = 0.0;
    let mut executed = 0_u64;
    let mut low = false;
    let mut ended = false;
    source.for_each_line_of_text(|source, number, line| {
        let line = line.trim();
        let cells: Vec<&str> = line.split(';').map(str::trim).collect();
        if cells.first() == Some(&"layerName") {
            // Detailed reports repeat the heading for every request.
            if !columns.is_empty() {
                source.warn(format!("line {number}"), "a second request's counters follow and are left out");
                columns.clear();
                columns.push(String::new());
                return Ok(());
            }
            columns = cells.iter().map(|cell| (*cell).to_owned()).collect();
            return Ok(());
        }
        if line.is_empty() || columns.len() < 4 {
            return Ok(());
        }
        let at = |name: &str| {
            columns.iter().position(|column| column.starts_with(name)).and_then(|at| cells.get(at).copied())
        };
        let (Some(layer), Some(status)) = (at("layerName"), at("execStatus")) else { return Ok(()) };
        if layer.eq_ignore_ascii_case("total") {
            ended = true;
            return Ok(());
        }
        if !status.ends_with("EXECUTED") {
            return Ok(());
        }
        let Some(millis) = at("realTime").and_then(number_in) else {
            source.warn(format!("line {number}"), format!("the time of {layer} is no number and left out"));
            return Ok(());
        };
        executed += 1;
        total += millis;
        let kind = at("execType").unwrap_or_default();
        low |= kind.ends_with("bf16") || kind.ends_with("f16");
        foreign.add_rounded_time(
            Quantity::Other(format!("layer {layer}")),
            Statistic::Mean,
            Some(millis),
            1e6,
            0.0005,
        );
        foreign
            .set(format!("layer {layer}"), format!("{} run by {kind}", at("layerType").unwrap_or_default()));
        Ok(())
    })?;
    if executed == 0 {
        return Err(source.broken("the file", "no layer was executed", "repeat the run with -report_type"));
    }
    if ended {
        foreign.add_time(Quantity::Compute, Statistic::Mean, Some(total), 1e6);
        foreign.note(
            "Compute is the sum of the layers' times, measured with counters on; each is rounded to 0.001 ms.",
        );
    } else {
        let message = "the row Total, its last, is missing, so layers may be too: their sum is left out";
        source.warn("the end of the file", message);
    }
    if low {
        foreign.note("Layers ran in 16-bit floating point (bf16 or f16): not comparable with a run in fp32.");
    }
    results.results.push(foreign);
    Ok(results)
}
