//! What many tools' files share: tables with a header, words for units and statistics, cells that hold one number for
//! each GPU.
//!
//! Must not know any one format of results.

use std::io::{BufRead, Read};

use serde_json::Value;

use super::source::{Source, TEXT_LIMIT_BYTES, shorten};
use super::{Foreign, ImportError, Metric, Quantity, Statistic, Unit, json};

/// Most rows of a table that are kept: each becomes a result of its own.
const ROW_LIMIT: u64 = 20_000;

/// Nanoseconds in a microsecond, a millisecond, a second.
pub(super) const MICROS: f64 = 1e3;
/// See [`MICROS`].
pub(super) const MILLIS: f64 = 1e6;
/// See [`MICROS`].
pub(super) const SECS: f64 = 1e9;

/// One row of a table.
pub(super) struct Row<'a> {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    names: &'a [String],
    cells: &'a csv::StringRecord,
}

impl Row<'_> {
    /// Where it stands, for messages.
    pub(super) fn place(&self) -> String {
        format!("line {}", self.line)
    }

    /// Where one of its cells stands.
    pub(super) fn place_of(&self, name: &str) -> String {
        format!("line {}, column {name}", self.line)
    }

    /// Whether it has as many cells as the header has names.
    pub(super) fn fits(&self) -> bool {
        self.cells.len() == self.names.len()
    }

    /// What is wrong with a row that does not fit.
    pub(super) fn misfit(&self) -> String {
        format!("{} values under {} column names", self.cells.len(), self.names.len())
    }

    /// The text under this name; `None` where there is no such column or the cell is blank.
    pub(super) fn cell(&self, name: &str) -> Option<&str> {
        let at = self.names.iter().position(|column| column == name)?;
        self.cells.get(at).map(str::trim).filter(|cell| !cell.is_empty())
    }

    /// Every column's name and its cell, in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(String::as_str).zip(self.cells.iter().map(str::trim))
    }

    /// The cell `back` places before the last one (0 is the last).
    pub(super) fn back_from_end(&self, back: usize) -> Option<&str> {
        let at = self.cells.len().checked_sub(back + 1)?;
        self.cells.get(at).map(str::trim)
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        self.names
    }

    /// The number under this name. What stands there and is no number is said and absent.
    pub(super) fn number(&self, source: &mut Source, name: &str) -> Option<f64> {
        let cell = self.cell(name)?;
        let number = json::number_in(cell);
        if number.is_none() {
            source.warn(self.place_of(name), format!("{:?} is no number: it is left out", shorten(cell, 40)));
        }
        number
    }
}

/// A reader that remembers the last byte.
struct Ending<R> {
    inner: R,
    last: u8,
    read: u64,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(into)?;
        if let Some(last) = into[..count].last() {
            self.last = *last;
        }
        self.read += count as u64;
        Ok(count)
    }
}

/// Hands every row of a comma-separated table to `each`, one at a time. A last row without a line end is left out
/// with a warning unless its last cell is closed by a quote: where a file is cut, its last number is wrong, and nothing
/// in it tells.
pub(super) fn for_each_row(
    source: &mut Source,
    mut each: impl FnMut(&mut Source, &Row<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let reader: Box<dyn BufRead> = Box::new(source.reader()?.take(TEXT_LIMIT_BYTES + 1));
    let mut table = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(Ending {
        inner: reader,
        last: b'\n',
        read: 0,
    });
    let mut names: Option<Vec<String>> = None;
    let mut rows = 0_u64;
    let mut waiting: Option<(u64, csv::StringRecord)> = None;
    let mut bytes = csv::ByteRecord::new();
    loop {
        let more = table.read_byte_record(&mut bytes).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => source.read_error(&error),
            other => {
                source.broken("the table", format!("{other:?}"), "check that this is the tool's own file")
            }
        })?;
        if table.get_ref().read > TEXT_LIMIT_BYTES {
            return Err(source.too_large(format!("byte {TEXT_LIMIT_BYTES}")));
        }
        let complete = more || matches!(table.get_ref().last, b'\n' | b'\r');
        if let Some((line, cells)) = waiting.take()
            && let Some(names) = &names
        {
            let closed =
                table.get_ref().last == b'"' && cells.iter().next_back().is_some_and(|cell| !cell.is_empty());
            if complete || closed {
                each(source, &Row { line, names, cells: &cells })?;
            } else {
                source.warn(
                    format!("line {line}"),
                    "the last row has no line end, so its last value may be cut: it is left out (add a line end if \
                     the file is complete)",
                );
            }
        }
        if !more {
            return Ok(());
        }
        let line = bytes.position().map_or(0, csv::Position::line);
        let cells: csv::StringRecord = bytes.iter().map(String::from_utf8_lossy).collect();
        if names.is_none() {
            names = Some(cells.iter().map(|name| name.trim().to_owned()).collect());
            continue;
        }
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        rows += 1;
        if rows > ROW_LIMIT {
            return Err(source.broken(
                format!("line {line}"),
                format!("it has more than {ROW_LIMIT} rows, far more than any honest sweep"),
                "check that this is the tool's own file",
            ));
        }
        waiting = Some((line, cells));
    }
}

/// Refuses a list of more runs than any honest file has: each becomes a result of its own.
pub(super) fn check_count(source: &Source, count: usize) -> Result<(), ImportError> {
    if count as u64 <= ROW_LIMIT {
        return Ok(());
    }
    Err(source.broken(
        "the file",
        format!("it has more than {ROW_LIMIT} runs, far more than any honest sweep"),
        "check that this is the tool's own file",
    ))
}

/// The error for a file of which nothing could be used, with the first reason; `Ok` when there is a result.
pub(super) fn needs_results(source: &mut Source, results: &super::Results) -> Result<(), ImportError> {
    if !results.results.is_empty() {
        return Ok(());
    }
    let warnings = source.take_warnings();
    Err(match warnings.first() {
        Some(first) => source.broken(
            first.place.clone(),
            format!("no row of it can be used: {}", first.message),
            "export the results again",
        ),
        None => source.broken("the file", "it holds no result", "check that the run finished"),
    })
}

/// The base unit for a tool's word, and what to multiply by: `ms` → nanoseconds, 1e6. Megabytes are a million bytes
/// unless `binary`.
pub(super) fn unit(word: &str, binary: bool) -> Option<(Unit, f64)> {
    let kilo: f64 = if binary { 1024.0 } else { 1000.0 };
    Some(match word.trim().to_ascii_lowercase().as_str() {
        "ns" | "nanoseconds" => (Unit::Nanos, 1.0),
        "us" | "µs" | "μs" | "microseconds" => (Unit::Nanos, MICROS),
        "ms" | "milliseconds" => (Unit::Nanos, MILLIS),
        "s" | "sec" | "secs" | "second" | "seconds" => (Unit::Nanos, SECS),
        "requests/sec" | "requests/s" | "requests/second" | "req/s" | "qps" => (Unit::QueriesPerSecond, 1.0),
        "samples/s" | "samples/sec" | "images/s" | "images/sec" | "infer/sec" | "inferences/sec" => {
            (Unit::SamplesPerSecond, 1.0)
        }
        "tokens/sec" | "tokens/s" | "tokens/second" => (Unit::TokensPerSecond, 1.0),
        "b" | "bytes" => (Unit::Bytes, 1.0),
        "kb" => (Unit::Bytes, kilo),
        "mb" => (Unit::Bytes, kilo.powi(2)),
        "gb" => (Unit::Bytes, kilo.powi(3)),
        "tb" => (Unit::Bytes, kilo.powi(4)),
        "%" | "percent" => (Unit::Share, 0.01),
        "ratio" | "share" => (Unit::Share, 1.0),
        "w" | "watts" => (Unit::Watts, 1.0),
        // Case tells milliwatts and millijoules from mega-.
        "mw" if word.trim() == "mW" => (Unit::Watts, 1e-3),
        "j" | "joules" => (Unit::Joules, 1.0),
        "mj" if word.trim() == "mJ" => (Unit::Joules, 1e-3),
        "mj" if word.trim() == "MJ" => (Unit::Joules, 1e6),
        "kwh" => (Unit::Joules, 3.6e6),
        "requests" | "tokens" | "count" | "errors" | "images" | "users" | "blocks" | "videos" => {
            (Unit::Count, 1.0)
        }
        _ => return None,
    })
}

/// The statistic for a tool's word: `mean`, `avg`, `median`, `p99`, `p99.9`, `std`, `min`, `max`.
pub(super) fn statistic(word: &str) -> Option<Statistic> {
    Some(match word {
        "mean" | "avg" | "average" => Statistic::Mean,
        "median" => Statistic::Percentile(50.0),
        "std" | "stddev" | "stdev" => Statistic::StdDev,
        "min" => Statistic::Min,
        "max" => Statistic::Max,
        "sum" | "total" => Statistic::Total,
        other => {
            let percent = json::number_in(other.strip_prefix(['p', 'P'])?)?;
            if !(0.0..=100.0).contains(&percent) {
                return None;
            }
            Statistic::Percentile(percent)
        }
    })
}

/// What is wrong with the order of a quantity's statistics (the smallest above p50, p99 below p90), if anything: a
/// sign that a number was cut or that columns moved.
pub(super) fn disorder(foreign: &Foreign) -> Option<String> {
    let rank = |statistic: Statistic| match statistic {
        Statistic::Min => Some(-1.0),
        Statistic::Percentile(percent) => Some(percent),
        Statistic::Max => Some(101.0),
        _ => None,
    };
    let mut ranked: Vec<(&Quantity, f64, &Metric)> = foreign
        .metrics
        .iter()
        .filter_map(|metric| Some((&metric.quantity, rank(metric.statistic)?, metric)))
        .collect();
    ranked.sort_by(|one, two| one.0.cmp(two.0).then(one.1.total_cmp(&two.1)));
    ranked.windows(2).find_map(|pair| {
        let [low, high] = pair else { return None };
        // Two percentiles may differ in the last bit where a tool converts units.
        (low.0 == high.0 && low.2.value > high.2.value * (1.0 + 1e-9)).then(|| {
            format!(
                "{:?} {:?} is {} but {:?} is only {}",
                low.0, low.2.statistic, low.2.value, high.2.statistic, high.2.value
            )
        })
    })
}

/// The first scalar under one of these names, anywhere in the value, the shallowest member first; a list of one
/// scalar counts as that scalar.
pub(super) fn find<'a>(value: &'a Value, names: &[&str], depth: usize) -> Option<&'a Value> {
    if depth == 0 {
        return None;
    }
    let members = value.as_object()?;
    for name in names {
        match members.get(*name) {
            Some(Value::Array(list)) if list.len() == 1 && !list[0].is_object() => return list.first(),
            Some(found @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => return Some(found),
            _ => {}
        }
    }
    members.values().find_map(|member| find(member, names, depth - 1))
}

/// The last part of a path, for models named by their file; a name of one part stays as it is.
pub(super) fn last_part(path: &str) -> &str {
    let trimmed = path.trim().trim_end_matches(['/', '\\']);
    trimmed.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or(trimmed)
}

/// A cell with one number for each GPU, `uuid:value;uuid:value;`; `None` when a part does not read.
pub(super) fn gpu_cell(cell: &str) -> Option<Vec<(String, f64)>> {
    let mut values = Vec::new();
    for part in cell.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (uuid, value) = part.rsplit_once(':')?;
        values.push((uuid.trim().to_owned(), json::number_in(value).filter(|value| *value >= 0.0)?));
    }
    (!values.is_empty()).then_some(values)
}

/// Adds an amount of memory or money that cannot be negative; one that is, is left out and said.
pub(super) fn add_amount(
    foreign: &mut Foreign,
    quantity: Quantity,
    statistic: Statistic,
    amount: Option<f64>,
    unit: Unit,
) {
    match amount {
        Some(amount) if amount < 0.0 => {
            foreign.note(format!("{quantity:?} is {amount} in the file, which cannot be; it is left out."));
        }
        amount => foreign.add(quantity, statistic, amount, unit),
    }
}

/// Seconds as whole nanoseconds; `None` for what is negative, not finite or beyond 584 years.
pub(super) fn nanos(value: f64, nanos_per_unit: f64) -> Option<u64> {
    let nanos = (value * nanos_per_unit).round();
    (0.0..1.8e19).contains(&nanos).then_some(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_convert_to_the_base_unit_of_their_kind() {
        assert_eq!(unit("ms", false), Some((Unit::Nanos, 1e6)));
        assert_eq!(unit("MB", false), Some((Unit::Bytes, 1e6)));
        assert_eq!(unit("MB", true), Some((Unit::Bytes, 1_048_576.0)));
        assert_eq!(unit("mJ", false), Some((Unit::Joules, 1e-3)));
        assert_eq!(unit("MJ", false), Some((Unit::Joules, 1e6)));
        assert_eq!(unit("kWh", false), Some((Unit::Joules, 3.6e6)));
        assert_eq!(unit("furlongs", false), None);
    }

    #[test]
    fn statistics_are_told_by_their_word() {
        assert_eq!(statistic("p99.9"), Some(Statistic::Percentile(99.9)));
        assert_eq!(statistic("median"), Some(Statistic::Percentile(50.0)));
        assert_eq!(statistic("p101"), None);
        assert_eq!(statistic("prefill"), None);
    }

    #[test]
    fn a_cell_of_several_gpus_is_split_by_uuid() {
        let two = gpu_cell("GPU-a1:0.25;GPU-b2:0.75;").unwrap();
        assert_eq!(two, vec![("GPU-a1".to_owned(), 0.25), ("GPU-b2".to_owned(), 0.75)]);
        assert_eq!(gpu_cell("GPU-a1:0.25;GPU-b2:"), None);
        assert_eq!(gpu_cell(""), None);
    }

    #[test]
    fn falling_percentiles_are_found() {
        let mut foreign = Foreign::default();
        foreign.add_time(Quantity::Latency, Statistic::Percentile(90.0), Some(9.0), MICROS);
        foreign.add_time(Quantity::Latency, Statistic::Percentile(50.0), Some(5.0), MICROS);
        assert_eq!(disorder(&foreign), None);
        foreign.add_time(Quantity::Latency, Statistic::Percentile(99.0), Some(1.0), MICROS);
        assert!(disorder(&foreign).unwrap().contains("Percentile(99.0)"));
    }

    #[test]
    fn models_named_by_a_path_show_its_last_part() {
        assert_eq!(last_part("/data/local/tmp/albert_base.tflite"), "albert_base.tflite");
        assert_eq!(last_part(r"C:\models\a.onnx"), "a.onnx");
        assert_eq!(last_part("plain"), "plain");
        assert_eq!(last_part("a/b/"), "b");
    }
}
