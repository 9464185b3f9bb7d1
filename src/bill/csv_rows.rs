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
use super::source::{Packing, Source, mended};
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
        let mut skipped: Vec<Vec<String>> = Vec::new();
        // Some files say something about themselves first: the header is the first line that is a bill's, or else
        // the first.
        let header = loop {
            let mut record = ByteRecord::new();
            reader.get_mut().next_row_within(HEADER_BYTES);
            let read = reader.read_byte_record(&mut record);
            let is_row = read.map_err(|error| explain(&reader, before + 1, error))?;
            let (record, _) = decode(record);
            before = reader.position().line();
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
        Ok(Self { reader, header, preamble, taken, total_bytes, counted_ends, last_cells })
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
        let (mut number, mut dropped) = (0, 0);
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
            number += 1;
            if !was_utf8 {
                warnings.add(Trouble::Encoding, Some(line), None, || {
                    "not UTF-8; the bytes that are none were read as Latin-1".to_owned()
                });
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

/// The cells of the last column, of which a file that is cut off loses a part.
#[derive(Debug, Default)]
struct LastCells {
    rows: u64,
    /// Characters of the shortest, of those before the last row.
    shortest: usize,
    last: usize,
    /// A bracket of the last one is open.
    is_open: bool,
}

impl LastCells {
    fn add(&mut self, cell: &str) {
        self.shortest = if self.rows <= 1 { self.last } else { self.shortest.min(self.last) };
        self.rows += 1;
        self.last = cell.chars().count();
        self.is_open = cell.starts_with(['{', '[']) && !cell.trim_end().ends_with(['}', ']']);
    }

    /// Why the last cell looks as if the rest of it was missing; a few rows say nothing about lengths.
    fn is_cut(&self, in_quote: bool) -> Option<&'static str> {
        if in_quote {
            Some("a quote of its last row is not closed")
        } else if self.is_open {
            Some("a bracket of its last cell is not closed")
        } else if self.rows > 3 && self.last < self.shortest {
            Some("its last cell is shorter than any other of the last column")
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
    record.as_slice().bytes().filter(|byte| *byte == b'\n').count() as u64
}

/// The record as text; false when some of its bytes were not UTF-8 and were read as Latin-1.
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
    }
}
