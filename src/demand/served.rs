//! What was served on each day, counted: requests, tokens in, tokens out. From a table of counts or from a trace.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::import::sniff_delimiter;
use super::{Trace, Warning, time};

/// Bytes of the largest table of days that is read: a row has some fifty.
const MOST_BYTES: u64 = 64 << 20;
const DAY_SECS: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
const DATES: [&str; 6] = ["date", "day", "timestamp", "time", "datetime", "starttimeiso"];
const REQUESTS: [&str; 5] = ["requests", "requestcount", "nummodelrequests", "numrequests", "calls"];
const TOKENS_IN: [&str; 5] = ["tokensin", "inputtokens", "prompttokens", "tokensinput", "intokens"];
const TOKENS_OUT: [&str; 6] =
    ["tokensout", "outputtokens", "completiontokens", "generationtokens", "tokensoutput", "outtokens"];

/// What was served in a time; `None` = not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Requests.
    pub requests: Option<u64>,
    /// Tokens read, cached ones among them.
    pub tokens_in: Option<u64>,
    /// Tokens written.
    pub tokens_out: Option<u64>,
}

impl Counts {
    /// Both together; what one of them did not count is not counted.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| a?.checked_add(b?);
        Self {
            requests: both(self.requests, other.requests),
            tokens_in: both(self.tokens_in, other.tokens_in),
            tokens_out: both(self.tokens_out, other.tokens_out),
        }
    }

    /// Nothing, counted.
    pub const NONE: Self = Self { requests: Some(0), tokens_in: Some(0), tokens_out: Some(0) };

    /// Whether anything was served.
    pub fn has_any(&self) -> bool {
        [self.requests, self.tokens_in, self.tokens_out].into_iter().flatten().any(|count| count > 0)
    }

    /// Tokens in both directions.
    pub fn tokens(&self) -> Option<u64> {
        self.tokens_in?.checked_add(self.tokens_out?)
    }
}

/// What was served, by day in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Served {
    /// Where it came from, in words.
    pub source: String,
    /// Whole days: their start in seconds since 1970-01-01 UTC. A day that is missing was not counted.
    pub days: BTreeMap<i64, Counts>,
    /// Days that were counted in part, and are therefore left out.
    pub partial_days: Vec<i64>,
}

impl Served {
    /// The requests of a trace by day. Days that the trace covers in part are left out; so are all where an interval
    /// is longer than a day. A day's requests are rounded to a whole number once.
    pub fn of_trace(trace: &Trace) -> Self {
        let mut days: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for (start, requests) in trace.starts().zip(&trace.requests) {
            let day = (start / DAY_SECS as f64).floor() as i64 * DAY_SECS;
            let slot = days.entry(day).or_default();
            slot.0 += requests;
            slot.1 += trace.interval_secs;
        }
        let is_whole = |secs: f64| (secs - DAY_SECS as f64).abs() < 1.0;
        let partial_days =
            days.iter().filter(|(_, (_, secs))| !is_whole(*secs)).map(|(day, _)| *day).collect();
        let whole = days.into_iter().filter(|(_, (_, secs))| is_whole(*secs));
        Self {
            source: trace.source.clone(),
            days: whole
                .map(|(day, (requests, _))| {
                    (day, Counts { requests: Some(requests.round() as u64), ..Counts::default() })
                })
                .collect(),
            partial_days,
        }
    }
}

/// A table of counts and what should be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedImport {
    /// What was served.
    pub served: Served,
    /// Rows read.
    pub rows: u64,
    /// What was missing or assumed.
    pub warnings: Vec<Warning>,
}

/// Why a file is no table of counts by day.
#[derive(Debug, thiserror::Error)]
pub enum ServedError {
    /// It cannot be read.
    #[error("reading a table of requests and tokens: the file cannot be read ({source}): {}", path.display())]
    Unreadable {
        /// The system's words.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Too large, not CSV, other columns.
    #[error("reading a table of requests and tokens: {what}: {}", path.display())]
    Other {
        /// What was found, where, and what to do.
        what: String,
        /// The file.
        path: PathBuf,
    },
}

/// Where a header has what.
struct Columns {
    date: usize,
    counts: [Option<usize>; 3],
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Option<Self> {
        let names: Vec<String> = header
            .iter()
            .map(|name| name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect())
            .collect();
        let place =
            |wanted: &[&str]| wanted.iter().find_map(|name| names.iter().position(|have| have == name));
        let counts = [place(&REQUESTS), place(&TOKENS_IN), place(&TOKENS_OUT)];
        counts[1].or(counts[2])?;
        Some(Self { date: place(&DATES)?, counts })
    }
}

fn open(path: &Path) -> Result<csv::Reader<impl Read>, ServedError> {
    let unreadable = |source| ServedError::Unreadable { source, path: path.to_owned() };
    let mut file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > MOST_BYTES {
        let what = format!("it is larger than {} MiB, more than any table of days", MOST_BYTES >> 20);
        return Err(ServedError::Other { what, path: path.to_owned() });
    }
    let mut text = Vec::new();
    file.by_ref().take(MOST_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let delimiter = sniff_delimiter(&text);
    let text = match text.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => text,
    };
    Ok(csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(std::io::Cursor::new(text)))
}

/// Whether a file's header names a date and counts of tokens.
pub fn is_served(path: &Path) -> bool {
    open(path).ok().and_then(|mut reader| Columns::of(reader.headers().ok()?)).is_some()
}

/// Reads a CSV file (comma, semicolon or tab; with a header): a date, and any of requests, tokens in, tokens out; at
/// least one count of tokens. Rows of one day are added up. A day with an empty cell is not counted in that column.
/// Times within a day must be evenly spaced and fill it; days they fill in part are left out.
///
/// # Errors
/// What is no such table; a cell that is no date or no whole number from 0.
pub fn read_served(path: &Path) -> Result<ServedImport, ServedError> {
    let other = |what: String| ServedError::Other { what, path: path.to_owned() };
    let mut reader = open(path)?;
    let header = reader.headers().map_err(|error| other(format!("it is not a CSV file ({error})")))?.clone();
    let columns = Columns::of(&header).ok_or_else(|| {
        other(
            "no date beside a count of tokens; name the columns date, requests, tokens_in, tokens_out"
                .to_owned(),
        )
    })?;
    let mut days: BTreeMap<i64, Counts> = BTreeMap::new();
    let mut moments: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let (mut rows, mut empty, mut first_empty) = (0, 0, None);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| other(format!("it is not a CSV file ({error})")))? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let date = cell(columns.date);
        let moment = time::parse(date)
            .ok_or_else(|| other(format!("line {line}: `{date}` is not a date; write 2026-10-19")))?;
        let secs = moment.nanos.div_euclid(NANOS);
        let day = secs.div_euclid(DAY_SECS) * DAY_SECS;
        let mut counts = [None; 3];
        for (slot, place) in counts.iter_mut().zip(columns.counts) {
            let Some(place) = place else { continue };
            let text = cell(place);
            if text.is_empty() {
                empty += 1;
                first_empty = first_empty.or(Some(line));
                continue;
            }
            *slot = Some(whole(text).ok_or_else(|| {
                let column = header.get(place).unwrap_or_default();
                other(format!("line {line}: `{text}` in column `{column}` is not a whole number from 0"))
            })?);
        }
        let [requests, tokens_in, tokens_out] = counts;
        let slot = days.entry(day).or_insert(Counts::NONE);
        *slot = slot.plus(Counts { requests, tokens_in, tokens_out });
        let of_day = moments.entry(day).or_default();
        if !of_day.contains(&secs) {
            of_day.push(secs);
        }
        rows += 1;
    }
    if days.is_empty() {
        return Err(other("it has a header and no rows".to_owned()));
    }
    let mut warnings = Vec::new();
    if empty > 0 {
        let message =
            format!("{empty} cells are empty: those days are not counted in that column, not taken as zero");
        warnings.push(Warning { line: first_empty, message });
    }
    let partial_days = partial(&moments);
    if !partial_days.is_empty() {
        let count = partial_days.len();
        let message = format!("{count} days are covered in part and left out");
        warnings.push(Warning { line: None, message });
        days.retain(|day, _| !partial_days.contains(day));
    }
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(ServedImport { served: Served { source: name, days, partial_days }, rows, warnings })
}

/// Days whose rows do not fill them. A day with one row at midnight is a whole one in a table of days.
fn partial(moments: &BTreeMap<i64, Vec<i64>>) -> Vec<i64> {
    let steps = moments.values().flat_map(|of_day| {
        let mut sorted = of_day.clone();
        sorted.sort_unstable();
        sorted.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
    });
    // The shortest step between rows; a table of days has none.
    let Some(step) = steps.min() else {
        return moments
            .iter()
            .filter(|(day, of_day)| of_day.as_slice() != [**day])
            .map(|(day, _)| *day)
            .collect();
    };
    moments
        .iter()
        .filter(|(_, of_day)| i64::try_from(of_day.len()).unwrap_or(0) * step != DAY_SECS)
        .map(|(day, _)| *day)
        .collect()
}

/// A whole number from 0; `12.0` is one.
fn whole(text: &str) -> Option<u64> {
    let bare = text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|byte| byte == b'0'));
    bare.map_or(text, |(whole, _)| whole).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::demand::Gap;

    fn read(text: &str) -> Result<ServedImport, ServedError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("served.csv");
        std::fs::write(&path, text).unwrap();
        read_served(&path)
    }

    /// date -u -d 2026-10-19 +%s
    const DAY: i64 = 1_792_368_000;

    #[test]
    fn counts_of_a_day_are_added_up_and_what_is_empty_is_not_zero() {
        let import = read(
            "\u{feff}Date;Requests;Tokens in;Output tokens\n2026-10-19;10;1000;50\n2026-10-19;5;500;20.0\n2026-10-20;7;;9\n",
        )
        .unwrap();
        let days = &import.served.days;
        assert_eq!(days[&DAY], Counts { requests: Some(15), tokens_in: Some(1_500), tokens_out: Some(70) });
        let second = days[&(DAY + DAY_SECS)];
        assert_eq!((second.requests, second.tokens_in, second.tokens_out), (Some(7), None, Some(9)));
        assert_eq!(second.tokens(), None);
        assert_eq!((import.rows, import.warnings.len(), import.warnings[0].line), (3, 1, Some(4)));
    }

    #[test]
    fn hours_that_do_not_fill_a_day_leave_it_out() {
        let mut text = "time,tokens_in\n".to_owned();
        for hour in 0..24 + 3 {
            let (day, hour) = (19 + hour / 24, hour % 24);
            writeln!(text, "2026-10-{day:02}T{hour:02}:00:00Z,2").unwrap();
        }
        let import = read(&text).unwrap();
        assert_eq!(import.served.days.len(), 1);
        assert_eq!(import.served.days[&DAY].tokens_in, Some(48));
        assert_eq!(import.served.partial_days, [DAY + DAY_SECS]);
    }

    #[test]
    fn what_is_no_table_of_counts_is_refused_with_its_line() {
        for (text, says) in [
            ("date,requests\n2026-10-19,5\n", "no date beside a count of tokens"),
            ("date,tokens_in\n19.10.2026,5\n", "line 2: `19.10.2026` is not a date"),
            ("date,tokens_in\n2026-10-19,-5\n", "line 2: `-5` in column `tokens_in` is not a whole number"),
            ("date,tokens_in\n2026-10-19,1.5\n", "is not a whole number"),
            ("date,tokens_in\n", "no rows"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_trace_gives_its_whole_days_only() {
        let trace = Trace {
            source: "t".to_owned(),
            start_unix_secs: DAY + 3_600 * 12,
            interval_secs: 3_600.0,
            requests: vec![10.4; 12 + 24 + 1],
            gaps: Vec::new(),
        };
        let served = Served::of_trace(&trace);
        let days: Vec<_> = served.days.iter().map(|(day, counts)| (*day, counts.requests)).collect();
        // 24 × 10.4 = 249.6.
        assert_eq!(days, [(DAY + DAY_SECS, Some(250))]);
        assert_eq!(served.partial_days, [DAY, DAY + 2 * DAY_SECS]);
        // From midnight, and the second day is missing: what comes behind it stays on its own day.
        let gaps = vec![Gap { before: 24, intervals: 24 }];
        let trace = Trace { start_unix_secs: DAY, requests: vec![10.4; 48], gaps, ..trace };
        let days: Vec<_> = Served::of_trace(&trace).days.into_keys().collect();
        assert_eq!(days, [DAY, DAY + 2 * DAY_SECS]);
    }
}
