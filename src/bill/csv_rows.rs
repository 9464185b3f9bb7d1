//! Rows of separated text: header, cells, and the true line of each row.
//!
//! Read with the `csv` crate rather than polars: a row with a cell too few must not become a row of shifted
//! cells, a warning needs the line it is about, and memory must not grow with the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::error::BillError;
use super::formats::EachRow;
use super::import::RowStep;
use super::input::Input;
use super::source::{Packing, Source, WESTERN_WORDS, mended};
use super::warnings::{Place, Trouble, Warnings};

/// Rows between two looks at progress and cancel.
const ROWS_PER_STEP: u64 = 2_048;
/// Lines before the header at most.
const MOST_PREAMBLE: usize = 20;
/// Most bytes of a header: a table of ten thousand columns has less.
const HEADER_BYTES: u64 = 1 << 20;
/// Most bytes of a row: real ones, with all their tags, have some thousand.
const ROW_BYTES: u64 = 16 << 20;
/// A row over more lines than this most likely has a quote that nothing closes.
const SUSPICIOUS_LINES: u64 = 100;

/// A separated text file, its header read.
pub struct CsvRows {
    reader: Reader<Source>,
    header: Vec<String>,
    preamble: Vec<(String, String)>,
    taken: Arc<AtomicU64>,
    total_bytes: u64,
    /// Line ends the reader has counted when a row is complete: it takes `\n` with the row, of `\r\n` only the
    /// first half.
    counted_ends: u64,
    /// The line that the header ends on, where it was not UTF-8.
    not_utf8: Option<u64>,
    last_cells: LastCells,
}

impl CsvRows {
    /// Opens the file and reads its header.
    ///
    /// # Errors
    /// The file cannot be read or unpacked, or its first line does not end.
    pub fn open(input: &Input, packing: Packing, separator: u8, crlf: bool) -> Result<Self, BillError> {
        let total_bytes = input.packed_bytes()?;
        let source = Source::open(input, packing)?;
        let taken = source.taken();
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(256 * 1024)
            .from_reader(source);
        let mut before = 0;
        let mut not_utf8 = None;
        let mut skipped: Vec<Vec<String>> = Vec::new();
        // Some files say something about themselves first: the header is the first line that is a bill's, or else
        // the first.
        let header = loop {
            let mut record = ByteRecord::new();
            reader.get_mut().next_row_within(HEADER_BYTES);
            let read = reader.read_byte_record(&mut record);
            let is_row = read.map_err(|error| explain(&reader, before + 1, error))?;
            let (record, was_utf8) = decode(record);
            before = reader.position().line();
            if !was_utf8 {
                not_utf8 = not_utf8.or(Some(before.saturating_sub(u64::from(!crlf)).max(1)));
            }
            let names: Vec<String> =
                record.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
            if is_row && super::formats::recognise(&names).is_some() {
                break names;
            }
            skipped.push(names);
            if !is_row || skipped.len() > MOST_PREAMBLE {
                // No bill: told of by its first line.
                skipped.truncate(1);
                break skipped.pop().unwrap_or_default();
            }
        };
        let counted_ends = u64::from(!crlf);
        let pair = |cells: Vec<String>| {
            let mut cells = cells.into_iter();
            Some((cells.next().filter(|name| !name.is_empty())?, cells.next()?))
        };
        let preamble = skipped.into_iter().filter_map(pair).collect();
        let last_cells = LastCells::default();
        Ok(Self { reader, header, preamble, taken, total_bytes, counted_ends, not_utf8, last_cells })
    }

    /// What stands before the header, as names and values.
    pub fn preamble(&self) -> &[(String, String)] {
        &self.preamble
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Hands every whole row to `row` and the share of the file that is done to `step`; returns how many rows
    /// were dropped because their cells do not line up with the header.
    ///
    /// # Errors
    /// The file cannot be read to its end, or a callback's error.
    pub fn read(
        mut self,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
        step: &mut RowStep<'_>,
    ) -> Result<u64, BillError> {
        let width = self.header.len();
        let mut record = ByteRecord::new();
        let (mut number, mut dropped, mut headers) = (0, 0, 0_u64);
        if self.not_utf8.is_some() {
            warnings.add(Trouble::Encoding, self.not_utf8, None, || WESTERN_WORDS.to_owned());
        }
        loop {
            let before = self.reader.position().line();
            self.reader.get_mut().next_row_within(ROW_BYTES);
            let read = self.reader.read_byte_record(&mut record);
            if !read.map_err(|error| explain(&self.reader, before, error))? {
                let (in_line, in_quote) = self.reader.get_ref().ends_open();
                if let Some(why) = self.last_cells.is_cut(in_quote).filter(|_| in_line) {
                    warnings.about_file(
                        None,
                        format!(
                            "the file ends without a line end, and {why}: it may be cut off; compare its size or its rows \
                             with the source"
                        ),
                    );
                }
                if headers > 0 {
                    let words = format!(
                        "the header stands {headers} more time{} between the rows, as in files that were joined; these \
                         lines were left out",
                        if headers == 1 { "" } else { "s" }
                    );
                    warnings.about_file(None, words);
                }
                return Ok(dropped);
            }
            if record.len() == 1 && record[0].trim_ascii().is_empty() {
                continue;
            }
            let (text, was_utf8) = decode(std::mem::take(&mut record));
            // Counted back from the row's end, because blank lines may stand before it; the last row may lack
            // its line end, and then what was counted before it is right.
            let after = self.reader.position().line();
            let line = after.saturating_sub(line_ends_inside(&text) + self.counted_ends).max(before);
            if is_header(&text, &self.header) {
                headers += 1;
                record = text.into_byte_record();
                continue;
            }
            number += 1;
            if !was_utf8 {
                warnings.add(Trouble::Encoding, Some(line), None, || WESTERN_WORDS.to_owned());
            }
            let mut cells: Vec<&str> = text.iter().collect();
            if cells.len() > width && cells[width..].iter().all(|cell| cell.is_empty()) {
                cells.truncate(width);
            }
            if cells.len() == width {
                self.last_cells.add(cells.last().copied().unwrap_or(""));
                row(&cells, Place { line: Some(line), row: number }, warnings)?;
            } else {
                dropped += 1;
                let lines = after.saturating_sub(line);
                warnings.add(Trouble::Ragged, Some(line), None, || ragged(cells.len(), width, lines));
            }
            if number % ROWS_PER_STEP == 0 {
                let taken = self.taken.load(Ordering::Relaxed);
                step((taken as f64 / self.total_bytes.max(1) as f64).min(1.0))?;
            }
            record = text.into_byte_record();
        }
    }
}

/// Whether a row is the header again.
fn is_header(row: &StringRecord, header: &[String]) -> bool {
    let clean = |cell: &str, name: &String| cell.trim_start_matches('\u{feff}').trim() == name;
    row.len() == header.len() && row.iter().zip(header).all(|(cell, name)| clean(cell, name))
}

/// Characters of a cell that are told apart.
const LONGEST: usize = 63;

/// The cells of the last column, of which a file that is cut off loses a part.
#[derive(Debug)]
struct LastCells {
    rows: u64,
    /// How many have so many characters, of those before the last row.
    lengths: Vec<u64>,
    last: usize,
    /// The last one is a number, of which any part is a number, too.
    is_number: bool,
    /// A bracket of the last one is open.
    is_open: bool,
}

impl Default for LastCells {
    fn default() -> Self {
        Self { rows: 0, lengths: vec![0; LONGEST + 1], last: 0, is_number: false, is_open: false }
    }
}

impl LastCells {
    fn add(&mut self, cell: &str) {
        if self.rows > 0 {
            self.lengths[self.last] += 1;
        }
        self.rows += 1;
        self.last = cell.chars().take(LONGEST).count();
        self.is_number =
            !cell.is_empty() && cell.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
        self.is_open = cell.starts_with(['{', '[']) && !cell.trim_end().ends_with(['}', ']']);
    }

    /// Characters that at least half of the cells have; of numbers those of the longest, because a part of an amount
    /// would be another amount.
    fn usual(&self) -> usize {
        let wanted = if self.is_number { 1 } else { self.rows / 2 };
        let mut longer = 0;
        let lengths = self.lengths.iter().enumerate().rev();
        let usual = lengths.into_iter().find(|(_, count)| {
            longer += **count;
            longer >= wanted
        });
        usual.map_or(0, |(length, _)| length)
    }

    /// Why the last cell looks as if the rest of it was missing; a few rows say nothing about lengths.
    fn is_cut(&self, in_quote: bool) -> Option<&'static str> {
        if in_quote {
            Some("a quote of its last row is not closed")
        } else if self.is_open {
            Some("a bracket of its last cell is not closed")
        } else if self.rows > 3 && self.last < self.usual() {
            Some("its last cell is shorter than is usual in the last column")
        } else {
            None
        }
    }
}

fn ragged(cells: usize, width: usize, lines: u64) -> String {
    let why = if lines > SUSPICIOUS_LINES {
        format!("it runs over {lines} lines, so a quote is probably not closed")
    } else if cells < width {
        "it may be cut off, or a separator is missing".to_owned()
    } else {
        "a separator inside a cell may not be quoted".to_owned()
    };
    format!("the row has {cells} cells where the header has {width}; it was left out: {why}")
}

/// Line ends inside quoted cells.
fn line_ends_inside(record: &StringRecord) -> u64 {
    memchr::memchr_iter(b'\n', record.as_slice().as_bytes()).count() as u64
}

/// The record as text; false when it was not UTF-8.
fn decode(record: ByteRecord) -> (StringRecord, bool) {
    match StringRecord::from_byte_record(record) {
        Ok(text) => (text, true),
        Err(error) => {
            let bytes = error.into_byte_record();
            (bytes.iter().map(mended).collect(), false)
        }
    }
}

/// What went wrong in the row that begins on `line`.
fn explain(reader: &Reader<Source>, line: u64, error: csv::Error) -> BillError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    };
    reader.get_ref().explain_at(line, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_cell_that_lost_its_end_is_noticed() {
        let after = |cells: &[&str], in_quote| {
            let mut last = LastCells::default();
            for cell in cells {
                last.add(cell);
            }
            last.is_cut(in_quote)
        };
        let days = ["2026-10-01", "2026-10-02", "2026-10-03"];
        assert_eq!(after(&[&days[..], &["2026-10-04"]].concat(), false), None);
        assert!(after(&[&days[..], &["2026-1"]].concat(), false).unwrap().contains("shorter"));
        assert!(after(&[&days[..], &[""]].concat(), false).unwrap().contains("shorter"));
        assert_eq!(after(&["", "", "", "", ""], false), None);
        assert!(after(&["{\"a\":1}", "{\"a\":"], false).unwrap().contains("bracket"));
        assert!(after(&["a"], true).unwrap().contains("quote"));
        // A part of a number is a number; few of the others are as short.
        let amounts = ["0.0412", "12.5", "3", "0.12"];
        assert!(after(&[&amounts[..], &["0.0"]].concat(), false).unwrap().contains("shorter"));
        assert_eq!(after(&[&amounts[..], &["0.0413"]].concat(), false), None);
        // Tags that most rows have none of, and names of any length.
        assert_eq!(after(&["", "", "team", "", "te"], false), None);
        assert!(after(&["search", "ads", "ranking", "images", "se"], false).is_some());
    }

    #[test]
    fn a_header_that_comes_again_is_no_row() {
        let header = ["a".to_owned(), "b".to_owned()];
        assert!(is_header(&StringRecord::from(vec!["\u{feff}a", " b"]), &header));
        assert!(!is_header(&StringRecord::from(vec!["a", "c"]), &header));
        assert!(!is_header(&StringRecord::from(vec!["a"]), &header));
    }
}
