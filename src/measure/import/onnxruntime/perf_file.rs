//! onnxruntime_perf_test's result file: rows `model,seconds,peak bytes,CPU %,run` without a heading, then, after a
//! blank line, percentiles.

use super::super::json::number_in;
use super::super::samples::{describe, keep, nanos};
use super::super::source::{Head, Source, shorten};
use super::super::{ImportError, Quantiles, Quantity, Results, Statistic, Unit};
use super::PERF_TEST;

/// Most runs of one model whose times are kept.
const RUN_LIMIT: usize = 5_000_000;

/// Most measurements in one file.
const MODEL_LIMIT: usize = 10_000;

/// One row.
struct Run<'a> {
    model: &'a str,
    time: f64,
    whole: bool,
    peak_bytes: f64,
    cpu_percent: f64,
    index: u64,
}

impl<'a> Run<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let cells: Vec<&str> = line.trim().split(',').collect();
        let [model, time, peak_bytes, cpu_percent, index] = cells[..] else { return None };
        let whole = time.bytes().all(|byte| byte.is_ascii_digit());
        let named = !model.trim().is_empty() && number_in(model).is_none();
        let counts = [peak_bytes, cpu_percent, index].map(|cell| cell.trim().parse::<u64>().ok());
        let [Some(peak_bytes), Some(cpu_percent), Some(index)] = counts else { return None };
        named.then_some(Self {
            model,
            time: number_in(time).filter(|time| *time >= 0.0)?,
            whole,
            peak_bytes: peak_bytes as f64,
            cpu_percent: cpu_percent as f64,
            index,
        })
    }
}

pub(super) fn detects(head: &Head) -> bool {
    if head.is_json() {
        return false;
    }
    // Rows that count up from 0: no table with a heading and no trace does.
    let mut next = None;
    let mut rows = 0;
    let cut = usize::from(!head.whole());
    let lines: Vec<&str> = head.lines().collect();
    for line in lines.iter().take(lines.len().saturating_sub(cut)).take_while(|line| !line.trim().is_empty())
    {
        let Some(run) = Run::of(line) else { return false };
        // A process takes more than 64 KiB, a CPU is not used above 100 %.
        let honest = run.peak_bytes >= 65_536.0 && run.cpu_percent <= 100.0;
        if !honest || (run.index != 0 && next != Some(run.index)) {
            return false;
        }
        next = Some(run.index + 1);
        rows += 1;
        if rows == 50 {
            break;
        }
    }
    rows > 0
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut foreign = source.foreign(PERF_TEST, "line 1");
    let mut times: Vec<u64> = Vec::new();
    let mut peak: f64 = 0.0;
    let mut cpu: f64 = 0.0;
    let mut old = false;
    let mut models = 1_usize;
    let mut close = |foreign: &mut super::Foreign, times: &mut Vec<u64>, peak: f64, cpu: f64, old: bool| {
        let count = times.len();
        foreign.add(Quantity::Completed, Statistic::Value, Some(count as f64), Unit::Count);
        describe(foreign, &Quantity::Latency, times);
        keep(foreign, Quantity::Latency, std::mem::take(times), Vec::new());
        foreign.add(Quantity::Memory, Statistic::Max, Some(peak), Unit::Bytes);
        foreign.add(Quantity::CpuUse, Statistic::Mean, Some(cpu / 100.0), Unit::Share);
        foreign.quantiles = Quantiles::InverseCdf;
        foreign.includes.network = Some(false);
        foreign.note(
            "Percentiles are ours, from the file's samples; its own lines of percentiles are not used.",
        );
        foreign
            .note("The file has no throughput: runs can overlap, so it does not follow from the latencies.");
        if old {
            foreign.note("Times are whole numbers: an old version wrote nanoseconds.");
        }
        results.results.push(std::mem::take(foreign));
    };
    source.for_each_line(|source, number, line| {
        let line = line.trim();
        if line.is_empty() || line.contains(" Latency") {
            return Ok(());
        }
        let Some(run) = Run::of(line) else {
            source.warn(format!("line {number}"), format!("left out, no run: {:?}", shorten(line, 60)));
            return Ok(());
        };
        if run.index == 0 && !times.is_empty() {
            models += 1;
            if models > MODEL_LIMIT {
                let problem = format!("it holds more than {MODEL_LIMIT} measurements");
                return Err(source.broken(format!("line {number}"), problem, "split the file"));
            }
            close(&mut foreign, &mut times, peak, cpu, old);
            foreign = source.foreign(PERF_TEST, format!("line {number}"));
            peak = 0.0;
        }
        foreign.model = Some(run.model.trim().to_owned());
        // Seconds have a point; whole numbers that large can only be nanoseconds.
        old = run.whole && run.time >= 1000.0;
        let Some(time) = nanos(run.time, if old { 1.0 } else { 1e9 }) else {
            source.warn(format!("line {number}"), "the time is too long to be one and left out");
            return Ok(());
        };
        if times.len() >= RUN_LIMIT {
            let problem = format!("it has more than {RUN_LIMIT} runs of one model");
            return Err(source.broken(format!("line {number}"), problem, "split the file"));
        }
        times.push(time);
        peak = peak.max(run.peak_bytes);
        cpu = run.cpu_percent;
        Ok(())
    })?;
    if times.is_empty() {
        return Err(source.broken("the file", "it holds no run", "repeat the run with a result file"));
    }
    close(&mut foreign, &mut times, peak, cpu, old);
    if let [only] = &mut results.results[..] {
        only.place.clear();
    }
    Ok(results)
}
