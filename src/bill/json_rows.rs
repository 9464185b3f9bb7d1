//! Rows of a JSON bill: one object a line (exports of warehouses), or one document (answers of an API).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::BillError;
use super::formats::json_tables::json_table;
use super::formats::node::{Broken, Node};
use super::formats::{self, EachRow, JsonTable, json};
use super::import::RowStep;
use super::input::Input;
use super::source::{Packing, Source, mended};
use super::warnings::{Place, Trouble, Warnings};

/// The largest line, in bytes.
const MOST_LINE_BYTES: u64 = 64 << 20;
/// The largest document, in bytes: it is held in memory.
const MOST_DOCUMENT_BYTES: u64 = 256 << 20;
/// Most different names of members: more are no columns but data.
const MOST_COLUMNS: usize = 5_000;
/// Rows between two looks at progress and cancel.
const ROWS_PER_STEP: u64 = 2_048;
/// Lines, and bytes of them, that tell what a file is.
const HEAD_LINES: u64 = 200;
const HEAD_BYTES: u64 = 8 << 20;

/// A JSON file, its column names known.
pub struct JsonRows {
    header: Vec<String>,
    rows: Rows,
}

enum Rows {
    Lines { input: Input, packing: Packing, total_bytes: u64 },
    Table { rows: Vec<Vec<String>>, remarks: Vec<String> },
}

impl JsonRows {
    /// Opens the file to tell what it is: the names are those of the first lines.
    ///
    /// # Errors
    /// The file cannot be read, is too large for a document, or is no JSON.
    pub fn peek(input: &Input, packing: Packing) -> Result<Self, BillError> {
        Self::start(input, packing, true, &mut |_done| Ok(()))
    }

    /// Opens the file. Lines are read once to learn the names of all their members, because exports leave out those
    /// that have no value; `step` is told the share of that, and may stop it.
    ///
    /// # Errors
    /// As [`JsonRows::peek`], and those of `step`.
    pub fn open(input: &Input, packing: Packing, step: &mut RowStep<'_>) -> Result<Self, BillError> {
        Self::start(input, packing, false, step)
    }

    fn start(
        input: &Input,
        packing: Packing,
        only_head: bool,
        step: &mut RowStep<'_>,
    ) -> Result<Self, BillError> {
        let total_bytes = input.packed_bytes()?;
        if !is_lines(input, packing)? {
            return Self::document(input, packing);
        }
        let mut header: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut lines = Lines::open(input, packing)?;
        let (mut number, mut bytes) = (0, 0);
        while let Some(Line { text, .. }) = lines.next()? {
            bytes += text.len() as u64;
            for (name, _) in json::members(text).into_iter().flatten() {
                if !places.contains_key(name.as_ref()) {
                    places.insert(name.as_ref().to_owned(), header.len());
                    header.push(name.into_owned());
                }
            }
            if header.len() > MOST_COLUMNS {
                let found = format!(
                    "JSON whose objects have more than {MOST_COLUMNS} different names: names that are data (ids, dates) \
                     are no columns"
                );
                return Err(BillError::NotABill { found, path: input.shown().to_owned() });
            }
            number += 1;
            if only_head && (number >= HEAD_LINES || bytes >= HEAD_BYTES) {
                break;
            }
            if number % ROWS_PER_STEP == 0 {
                step(lines.share(total_bytes))?;
            }
        }
        // In an order that does not hang on which line has a member first.
        header.sort();
        if formats::recognise(&header).is_none() {
            let found = format!("JSON whose objects have {}", formats::some_names(&header));
            return Err(BillError::NotABill { found, path: input.shown().to_owned() });
        }
        Ok(Self { header, rows: Rows::Lines { input: input.clone(), packing, total_bytes } })
    }

    fn document(input: &Input, packing: Packing) -> Result<Self, BillError> {
        let text = read_document(input, packing)?;
        let not_a_bill = |found: String| BillError::NotABill { found, path: input.shown().to_owned() };
        // Pages of an answer may follow one after another.
        let mut documents =
            Node::parse_all(&text).map_err(|broken| not_a_bill(broken_words(&text, broken)))?;
        let document = match (documents.pop(), documents.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                documents.extend(last);
                Node::List(documents)
            }
        };
        let JsonTable { header, rows, remarks } = json_table(&document)
            .ok_or_else(|| not_a_bill("a JSON document that is no bill's".to_owned()))?;
        Ok(Self { header, rows: Rows::Table { rows, remarks } })
    }

    /// Whether it holds no more than the names.
    pub fn is_light(&self) -> bool {
        matches!(self.rows, Rows::Lines { .. })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Hands every row to `row` and the share that is done to `step`; returns how many lines were dropped because
    /// they are no JSON objects.
    ///
    /// # Errors
    /// The file cannot be read to its end, or a callback's error.
    pub fn read(
        self,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
        step: &mut RowStep<'_>,
    ) -> Result<u64, BillError> {
        let (input, packing, total_bytes) = match self.rows {
            Rows::Lines { input, packing, total_bytes } => (input, packing, total_bytes),
            Rows::Table { rows, remarks } => {
                for remark in remarks {
                    warnings.about_file(None, remark);
                }
                for (place, cells) in rows.iter().enumerate() {
                    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                    row(&cells, Place { line: None, row: place as u64 + 1 }, warnings)?;
                }
                step(1.0)?;
                return Ok(0);
            }
        };
        let places: HashMap<&str, usize> =
            self.header.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let mut lines = Lines::open(&input, packing)?;
        let (mut number, mut dropped) = (0, 0);
        while let Some(Line { number: line, text, was_utf8, share }) = lines.next_of(total_bytes)? {
            if !was_utf8 {
                warnings.add(Trouble::Encoding, Some(line), None, || {
                    "not UTF-8; the bytes that are none were read as Latin-1".to_owned()
                });
            }
            let Some(found) = json::members(text) else {
                dropped += 1;
                warnings.add(Trouble::NotJson, Some(line), None, || {
                    "the line is not a JSON object, it may be cut off; it was left out".to_owned()
                });
                continue;
            };
            number += 1;
            let mut cells = vec![std::borrow::Cow::Borrowed(""); places.len()];
            for (name, value) in found {
                if let Some(place) = places.get(name.as_ref()) {
                    cells[*place] = json::plain(value);
                }
            }
            let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
            row(&cells, Place { line: Some(line), row: number }, warnings)?;
            if number % ROWS_PER_STEP == 0 {
                step(share)?;
            }
        }
        Ok(dropped)
    }
}

/// The text of a document.
///
/// # Errors
/// The file cannot be read, or is too large to be held.
pub fn read_document(input: &Input, packing: Packing) -> Result<String, BillError> {
    let mut source = Source::open(input, packing)?;
    let mut bytes = Vec::new();
    let read = (&mut source).take(MOST_DOCUMENT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| source.explain(error))?;
    if bytes.len() as u64 > MOST_DOCUMENT_BYTES {
        let found = format!(
            "a JSON document of more than {} MiB; export it as one object a line, CSV or Parquet",
            MOST_DOCUMENT_BYTES >> 20
        );
        return Err(BillError::NotABill { found, path: input.shown().to_owned() });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        let found = format!("JSON that is not UTF-8 on line {line}; save it as UTF-8");
        BillError::NotABill { found, path: input.shown().to_owned() }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// Where a document breaks off, in words.
pub fn broken_words(text: &str, Broken(at): Broken) -> String {
    let before = &text.as_bytes()[..at.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    format!("JSON that ends or breaks off at line {line}, column {column}")
}

/// A line that is not blank.
struct Line<'t> {
    number: u64,
    text: &'t str,
    was_utf8: bool,
    /// The share of the file that was read with it.
    share: f64,
}

/// Lines of a file that are not blank, with their numbers.
struct Lines {
    path: PathBuf,
    reader: BufReader<Source>,
    taken: Arc<AtomicU64>,
    line: u64,
    text: String,
}

impl Lines {
    fn open(input: &Input, packing: Packing) -> Result<Self, BillError> {
        let reader = BufReader::with_capacity(256 * 1024, Source::open(input, packing)?);
        let taken = reader.get_ref().taken();
        Ok(Self { path: input.shown().to_owned(), reader, taken, line: 0, text: String::new() })
    }

    fn share(&self, total_bytes: u64) -> f64 {
        (self.taken.load(Ordering::Relaxed) as f64 / total_bytes.max(1) as f64).min(1.0)
    }

    fn next(&mut self) -> Result<Option<Line<'_>>, BillError> {
        self.next_of(1)
    }

    fn next_of(&mut self, total_bytes: u64) -> Result<Option<Line<'_>>, BillError> {
        loop {
            let mut bytes = std::mem::take(&mut self.text).into_bytes();
            bytes.clear();
            let read = (&mut self.reader).take(MOST_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
            let read = read.map_err(|error| self.reader.get_ref().explain(error))?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if bytes.len() as u64 > MOST_LINE_BYTES {
                let found =
                    format!("JSON whose line {} is longer than {} MiB", self.line, MOST_LINE_BYTES >> 20);
                return Err(BillError::NotABill { found, path: self.path.clone() });
            }
            let mut was_utf8 = true;
            self.text = String::from_utf8(bytes).unwrap_or_else(|error| {
                was_utf8 = false;
                mended(error.as_bytes())
            });
            if self.text.trim_start_matches('\u{feff}').trim().is_empty() {
                continue;
            }
            let share = self.share(total_bytes);
            let text = self.text.trim_start_matches('\u{feff}').trim();
            return Ok(Some(Line { number: self.line, text, was_utf8, share }));
        }
    }
}

/// Whether the first line is an object by itself, and no answer of an API. A line too long to be one of many is the
/// beginning of a document.
fn is_lines(input: &Input, packing: Packing) -> Result<bool, BillError> {
    let mut reader = BufReader::new(Source::open(input, packing)?);
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() {
        first.clear();
        let read = (&mut reader).take(MOST_LINE_BYTES + 1).read_until(b'\n', &mut first);
        if read.map_err(|error| reader.get_ref().explain(error))? == 0 {
            return Ok(false);
        }
        if first.starts_with(b"\xef\xbb\xbf") {
            first.drain(..3);
        }
    }
    let Ok(text) = std::str::from_utf8(&first) else { return Ok(first.len() as u64 <= MOST_LINE_BYTES) };
    let Ok(value @ Node::Object(_)) = Node::parse(text) else { return Ok(false) };
    Ok(json_table(&value).is_none())
}
