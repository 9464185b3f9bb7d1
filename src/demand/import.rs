//! Demand from a CSV file: counts per interval, a rate per interval, or one row a request.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::counting::{Distances, NANOS, Requests};
use super::time::{self, Time};
use super::{Gap, Trace};

/// Names of the time column, compared without case, blanks, `_`, `-` and `.`; the first that is there is taken.
const TIME_COLUMNS: [&str; 13] = [
    "timestamp",
    "time",
    "datetime",
    "date",
    "ts",
    "t",
    "arrivaltime",
    "arrivedat",
    "arrival",
    "starttime",
    "intervalstart",
    "minute",
    "hour",
];
/// Names of a column of counts.
const COUNT_COLUMNS: [&str; 9] =
    ["requests", "requestcount", "count", "value", "invocations", "hits", "numrequests", "calls", "n"];
/// Names of a column of requests per second.
const RATE_COLUMNS: [&str; 6] = ["raterps", "rps", "qps", "requestspersecond", "requestrate", "rate"];

/// A trace and what should be known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The demand.
    pub trace: Trace,
    /// What was missing or assumed.
    pub warnings: Vec<Warning>,
}

/// Something that was not as expected, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line in the file, counted from 1; `None` when it concerns the whole file.
    pub line: Option<u64>,
    /// In words.
    pub message: String,
}

/// Why a file is no demand trace.
#[derive(Debug, thiserror::Error)]
#[error("reading a demand trace: {problem}: {}", path.display())]
pub struct ImportError {
    /// The file.
    pub path: PathBuf,
    /// What was found, where, and what to do.
    pub problem: Problem,
}

/// What was found in the file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("the file cannot be read ({0})")]
    Unreadable(#[from] std::io::Error),
    /// Not CSV, or not UTF-8.
    #[error("it is not a CSV file ({0})")]
    NotCsv(#[from] csv::Error),
    /// Something else than lines of cells.
    #[error("it is not a table ({0})")]
    NotTable(&'static str),
    /// A row that does not end.
    #[error(
        "line {line}: the row that begins here is longer than {} MiB; a quote is probably not closed",
        LONGEST_ROW >> 20
    )]
    LongRow {
        /// Line, from 1.
        line: u64,
    },
    /// No header.
    #[error("the file is empty; a header and at least two rows are needed")]
    Empty,
    /// A header without rows, or too few.
    #[error("the file has {0} rows with numbers; at least two are needed to know the length of an interval")]
    TooFew(usize),
    /// More rows than a trace may have.
    #[error(
        "line {line}: the file has more than {MOST_INTERVALS} intervals; add them up to longer ones, such as minutes"
    )]
    TooMany {
        /// Line, from 1.
        line: u64,
    },
    /// Nothing in the header is a time.
    #[error("no time column among `{0}`; name one `timestamp`")]
    NoTimeColumn(String),
    /// Rows at even distances, but nothing in the header is a number of requests.
    #[error(
        "the rows are {interval} s apart but no column among `{columns}` says how many requests; name it `requests`"
    )]
    NoCountColumn {
        /// Seconds between rows.
        interval: f64,
        /// The header.
        columns: String,
    },
    /// A cell is not a time.
    #[error(
        "line {line}: `{found}` in column `{column}` is not a time; write ISO 8601 (2026-05-01T12:00:00Z) or \
         seconds since 1970"
    )]
    NotATime {
        /// Line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The cell.
        found: String,
    },
    /// A cell is not a number of requests.
    #[error("line {line}: `{found}` in column `{column}` is not a number of requests, zero or more")]
    NotACount {
        /// Line, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// The cell.
        found: String,
    },
    /// Time goes back, or stands still between intervals.
    #[error("line {line}: `{found}` is not later than the row before (`{before}`); sort the rows by time")]
    Unsorted {
        /// Line, from 1.
        line: u64,
        /// The cell.
        found: String,
        /// The same column one row before.
        before: String,
    },
    /// The rows are not a multiple of one interval apart.
    #[error(
        "line {line}: {found} s after the row before, where most rows are {interval} s apart; intervals must be \
         equally long"
    )]
    Uneven {
        /// Line, from 1.
        line: u64,
        /// Seconds since the row before.
        found: f64,
        /// The usual distance, in seconds.
        interval: f64,
    },
}

/// Reads a CSV file (comma, semicolon or tab; with a header) as demand.
///
/// Three kinds, told apart by the header:
/// - `timestamp,requests`: requests in the interval that begins at the time. The most frequent distance between
///   rows is the interval. Missing rows and empty cells are left out with a warning, never taken as zero.
/// - `timestamp,rps`: a rate; requests = rate × interval.
/// - a time column alone (others are ignored): one row a request, counted per second up to a day, per minute up
///   to a year, else per hour. Here an interval without a row is zero: the file lists every request.
///
/// Times without a zone are taken as UTC, with a warning.
pub fn read(path: &Path) -> Result<Import, ImportError> {
    let fail = |problem| ImportError { path: path.to_owned(), problem };
    let file = File::open(path).map_err(|error| fail(error.into()))?;
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    read_from(BufReader::with_capacity(LONGEST_HEADER, file), &name).map_err(fail)
}

/// One interval.
struct Row {
    line: u64,
    nanos: i64,
    /// Count or rate.
    amount: f64,
}

/// Rows as they are read: intervals are kept, single requests are counted.
#[derive(Default)]
struct Rows {
    intervals: Vec<Row>,
    requests: Requests,
    distances: Distances,
}

/// Most intervals of a trace: nine years of minutes, 57 days of seconds.
const MOST_INTERVALS: usize = 5_000_000;

/// Which cell holds what.
struct Columns {
    time: usize,
    amount: Option<usize>,
    is_rate: bool,
}

/// Bytes of the longest header that is read: a table of a thousand columns has less.
const LONGEST_HEADER: usize = 1 << 16;
/// Bytes of the longest row that is read.
const LONGEST_ROW: usize = 1 << 20;

/// Refuses to read on within a row that fills the memory: a quote that nothing closes makes one of the whole file.
struct RowMeter<R> {
    inner: R,
    since_row: usize,
}

impl<R> RowMeter<R> {
    fn is_over(&self) -> bool {
        self.since_row > LONGEST_ROW
    }
}

impl<R: Read> Read for RowMeter<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.is_over() {
            return Err(std::io::Error::other("a row does not end"));
        }
        let count = self.inner.read(into)?;
        self.since_row += count;
        Ok(count)
    }
}

fn read_from(mut input: impl BufRead, source: &str) -> Result<Import, Problem> {
    let head = input.fill_buf()?;
    if matches!(head.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'[')) {
        return Err(Problem::NotTable("it begins like JSON"));
    }
    if head.len() >= LONGEST_HEADER && !head.contains(&b'\n') {
        return Err(Problem::NotTable("its first line is longer than a header can be"));
    }
    let delimiter = sniff_delimiter(head);
    let metered = RowMeter { inner: input, since_row: 0 };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(metered);
    let header = reader.headers().cloned();
    let header = match header {
        Ok(header) => header,
        Err(_) if reader.get_ref().is_over() => return Err(Problem::LongRow { line: 1 }),
        Err(error) => return Err(error.into()),
    };
    if header.iter().all(str::is_empty) {
        return Err(Problem::Empty);
    }
    let columns = find_columns(&header)?;
    let mut warnings = Vec::new();
    let Rows { intervals, requests, distances } = read_rows(&mut reader, &header, &columns, &mut warnings)?;
    let count = intervals.len() + requests.rows;
    if count < 2 {
        return Err(Problem::TooFew(count));
    }
    let trace = if let Some(first) = intervals.first() {
        let start_unix_secs = first.nanos.div_euclid(NANOS);
        let in_order = in_order(&intervals, &distances, columns.is_rate, &mut warnings)?;
        Trace { source: source.to_owned(), start_unix_secs, ..in_order }
    } else if let Some(interval) = distances.even() {
        return Err(Problem::NoCountColumn { interval, columns: some_names(&header) });
    } else {
        requests.trace(source)
    };
    Ok(Import { trace, warnings })
}

/// The most frequent of comma, semicolon and tab in the first line.
pub(super) fn sniff_delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let cells = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    // `max_by_key` takes the last of equals: the comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| cells(*delimiter)).unwrap_or(b',')
}

fn find_columns(header: &csv::StringRecord) -> Result<Columns, Problem> {
    let names: Vec<String> = header
        .iter()
        .map(|name| {
            name.trim_start_matches('\u{feff}').to_lowercase().replace(|c: char| " _-.".contains(c), "")
        })
        .collect();
    let place = |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|have| have == name));
    let time = place(&TIME_COLUMNS)
        .or_else(|| names.iter().position(|name| name.starts_with("timestamp")))
        .ok_or_else(|| Problem::NoTimeColumn(some_names(header)))?;
    let count = place(&COUNT_COLUMNS);
    let amount = count.or_else(|| place(&RATE_COLUMNS));
    Ok(Columns { time, amount, is_rate: count.is_none() })
}

/// The first names of a header, and how many more there are.
fn some_names(header: &csv::StringRecord) -> String {
    const SHOWN: usize = 12;
    let mut names = header.iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if header.len() > SHOWN {
        // Writing to a text cannot fail.
        let _ = write!(names, " and {} more", header.len() - SHOWN);
    }
    names
}

fn read_rows(
    reader: &mut csv::Reader<RowMeter<impl BufRead>>,
    header: &csv::StringRecord,
    columns: &Columns,
    warnings: &mut Vec<Warning>,
) -> Result<Rows, Problem> {
    let column =
        |index: usize| header.get(index).unwrap_or_default().trim_start_matches('\u{feff}').to_owned();
    let mut rows = Rows::default();
    let (mut unzoned, mut empty, mut first_empty) = (0_usize, 0_usize, None);
    let mut record = csv::StringRecord::new();
    let mut before = String::new();
    let mut last_nanos = None;
    loop {
        reader.get_mut().since_row = 0;
        let begins = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if reader.get_ref().is_over() => return Err(Problem::LongRow { line: begins }),
            Err(error) => return Err(error.into()),
        }
        let line = record.position().map_or(0, csv::Position::line);
        let cell = record.get(columns.time).unwrap_or_default();
        let Time { nanos, zoned } = time::parse(cell).ok_or_else(|| Problem::NotATime {
            line,
            column: column(columns.time),
            found: cell.to_owned(),
        })?;
        unzoned += usize::from(!zoned);
        // Two requests may come at the same moment; two intervals may not.
        if last_nanos.is_some_and(|last| nanos < last || (columns.amount.is_some() && nanos == last)) {
            return Err(Problem::Unsorted { line, found: cell.to_owned(), before });
        }
        last_nanos = Some(nanos);
        cell.clone_into(&mut before);
        match columns.amount {
            None => rows.requests.push(nanos),
            Some(index) => match record.get(index).unwrap_or_default() {
                "" => {
                    empty += 1;
                    first_empty = first_empty.or(Some(line));
                    continue;
                }
                text => {
                    let amount = amount(text).ok_or_else(|| Problem::NotACount {
                        line,
                        column: column(index),
                        found: text.to_owned(),
                    })?;
                    if rows.intervals.len() == MOST_INTERVALS {
                        return Err(Problem::TooMany { line });
                    }
                    rows.intervals.push(Row { line, nanos, amount });
                }
            },
        }
        rows.distances.push(nanos);
    }
    if unzoned > 0 {
        warnings.push(Warning { line: None, message: "the times name no zone: taken as UTC".to_owned() });
    }
    if empty > 0 {
        let message = format!("{empty} intervals have no number: left out, not taken as zero");
        warnings.push(Warning { line: first_empty, message });
    }
    Ok(rows)
}

/// A finite number, zero or more.
fn amount(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0)
}

/// The intervals: their length in seconds, the requests of each, and where some are missing.
fn in_order(
    rows: &[Row],
    distances: &Distances,
    is_rate: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Trace, Problem> {
    let interval = distances.usual().map_or(NANOS, |(distance, _)| distance);
    let secs = |nanos: i64| nanos as f64 / NANOS as f64;
    let (mut missing, mut first_gap) = (0, None);
    let mut gaps = Vec::new();
    for (place, pair) in rows.windows(2).enumerate() {
        let distance = pair[1].nanos - pair[0].nanos;
        if distance % interval != 0 {
            return Err(Problem::Uneven {
                line: pair[1].line,
                found: secs(distance),
                interval: secs(interval),
            });
        }
        if distance > interval {
            let intervals = (distance / interval - 1).unsigned_abs();
            missing += intervals;
            gaps.push(Gap { before: place + 1, intervals });
            first_gap = first_gap.or(Some(pair[1].line));
        }
    }
    if first_gap.is_some() {
        let message = format!(
            "{missing} intervals of {} s have no number in the file, the first before this line: left out, not taken \
             as zero, so later times move towards the start",
            secs(interval)
        );
        warnings.push(Warning { line: first_gap, message });
    }
    let factor = if is_rate { secs(interval) } else { 1.0 };
    let requests = rows.iter().map(|row| row.amount * factor).collect();
    Ok(Trace { interval_secs: secs(interval), requests, gaps, ..Trace::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Import, Problem> {
        read_from(text.as_bytes(), "test.csv")
    }

    #[test]
    fn counts_per_interval_are_read_as_they_are() {
        let import = read_text(
            "timestamp,requests\n2026-05-01T12:00:00Z,10\n2026-05-01T12:05:00Z,0\n2026-05-01T12:10:00Z,2.5\n",
        )
        .unwrap();
        let expected = Trace {
            source: "test.csv".to_owned(),
            start_unix_secs: 1_777_636_800,
            interval_secs: 300.0,
            requests: vec![10.0, 0.0, 2.5],
            gaps: Vec::new(),
        };
        assert_eq!((import.trace, import.warnings), (expected, Vec::new()));
    }

    #[test]
    fn more_intervals_than_a_trace_may_have_are_refused() {
        let mut text = "timestamp,requests\n".to_owned();
        for second in 0..=MOST_INTERVALS {
            let _ = writeln!(text, "{second},3");
        }
        let problem = read_text(&text).unwrap_err();
        assert!(matches!(problem, Problem::TooMany { line: 5_000_002 }), "{problem}");
        assert!(problem.to_string().contains("such as minutes"), "{problem}");
    }

    #[test]
    fn what_is_no_table_is_refused_before_it_fills_the_memory() {
        let refused = |text: &str| read_text(text).unwrap_err();
        assert!(matches!(refused("  {\"timestamp\": 1}"), Problem::NotTable("it begins like JSON")));
        // A first line without end: not even its first piece is taken for a header.
        let endless = format!("timestamp,requests{}", ",x".repeat(LONGEST_HEADER));
        let Problem::NotTable(what) = refused(&endless) else { panic!("taken for a table") };
        assert!(what.contains("first line is longer"), "{what}");
        // The same in a quoted name, behind a first line end.
        let quoted = format!("timestamp,\"a\n{}\"\n0,1\n1,2\n", "x".repeat(LONGEST_ROW + LONGEST_HEADER));
        assert!(matches!(refused(&quoted), Problem::LongRow { line: 1 }));
        // A quote that nothing closes; the rows before it are not kept.
        let open = format!("timestamp,requests\n0,1\n60,\"2\n{}", "120,3\n".repeat(LONGEST_ROW / 4));
        assert!(matches!(refused(&open), Problem::LongRow { line: 3 }), "{}", refused(&open));
        // As many bytes in honest rows are read.
        let mut honest = "timestamp,requests\n".to_owned();
        for minute in 0..LONGEST_ROW / 4 {
            let _ = writeln!(honest, "{},3", minute * 60);
        }
        assert_eq!(read_text(&honest).unwrap().trace.requests.len(), LONGEST_ROW / 4);
    }

    #[test]
    fn other_delimiters_names_and_units_are_recognised() {
        let semicolons = read_text("\u{feff}Date Time;Request_Count\n1777636800;1\n1777636860;2\n").unwrap();
        assert_eq!(semicolons.trace.requests, [1.0, 2.0]);
        let rate = read_text("t_s\trate_rps\tclients\n0\t1.5\t4\n600\t2\t4\n").unwrap();
        assert_eq!((rate.trace.interval_secs, rate.trace.requests), (600.0, vec![900.0, 1_200.0]));
    }

    #[test]
    fn missing_intervals_are_left_out_and_said() {
        let import = read_text("time,count\n0,1\n60,2\n240,3\n300,\n360,5\n").unwrap();
        assert_eq!(import.trace.requests, [1.0, 2.0, 3.0, 5.0]);
        assert_eq!(import.trace.starts().collect::<Vec<_>>(), [0.0, 60.0, 240.0, 360.0]);
        let lines: Vec<Option<u64>> = import.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [Some(5), Some(4)]);
        assert!(
            import.warnings[1].message.starts_with("3 intervals of 60 s have no number"),
            "{:?}",
            import.warnings
        );
    }

    #[test]
    fn one_row_a_request_is_counted() {
        let text = "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-05-01 12:00:00.9799600,4808,10\n\
                    2026-05-01 12:00:00.9799600,1,1\n2026-05-01 12:00:03.0,3180,8\n";
        let import = read_text(text).unwrap();
        assert_eq!((import.trace.interval_secs, import.trace.start_unix_secs), (1.0, 1_777_636_800));
        assert_eq!(import.trace.requests, [2.0, 0.0, 0.0, 1.0]);
        assert_eq!(import.warnings.len(), 1, "the times name no zone");
        let week = read_text("ts\n59\n61\n604800\n").unwrap().trace;
        assert_eq!((week.interval_secs, week.requests.len(), week.requests[1]), (60.0, 10_081, 1.0));
    }

    #[test]
    fn bad_files_get_an_error_that_says_where_and_what_to_do() {
        for (text, words) in [
            ("", "the file is empty"),
            ("\n", "the file is empty"),
            ("timestamp,requests\n", "has 0 rows"),
            ("timestamp,requests\n0,1\n", "has 1 rows"),
            ("when,requests\n0,1\n60,1\n", "no time column among `when, requests`"),
            ("timestamp,requests\n0,1\nnoon,1\n", "line 3: `noon` in column `timestamp` is not a time"),
            ("timestamp,requests\n0,1\n60,-1\n", "line 3: `-1` in column `requests` is not a number"),
            ("timestamp,requests\n0,1\n60,many\n", "line 3: `many`"),
            ("timestamp,requests\n0,1\n60,NaN\n", "line 3: `NaN`"),
            ("timestamp,requests\n60,1\n0,1\n", "line 3: `0` is not later than the row before (`60`)"),
            ("timestamp,requests\n60,1\n60,1\n", "line 3: `60` is not later"),
            ("timestamp\n60\n59\n", "line 3: `59` is not later"),
            (
                "timestamp,requests\n0,1\n60,1\n120,1\n150,1\n",
                "line 5: 30 s after the row before, where most rows are 60 s",
            ),
            (
                "timestamp,traffic\n0,1\n60,1\n120,1\n",
                "the rows are 60 s apart but no column among `timestamp, traffic`",
            ),
            ("timestamp,requests\n0,1\n60,1,9\n", "not a CSV file"),
        ] {
            let error = read_text(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named_last() {
        let error = read(Path::new("no/such/trace.csv")).unwrap_err().to_string();
        assert!(
            error.starts_with("reading a demand trace: the file cannot be read (")
                && error.ends_with("no/such/trace.csv"),
            "{error}"
        );
    }
}
