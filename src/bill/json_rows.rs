//! Rows of a JSON bill: one object a line (exports of warehouses), or one document (answers of an API).

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::error::BillError;
use super::formats::{self, EachRow, JsonTable, json};
use super::import::RowStep;
use super::source::{Packing, Source};
use super::warnings::{Place, Trouble, Warnings};

/// The largest line, in bytes.
const MOST_LINE_BYTES: u64 = 64 << 20;
/// The largest document, in bytes: it is held in memory.
const MOST_DOCUMENT_BYTES: u64 = 256 << 20;
/// Rows between two looks at progress and cancel.
const ROWS_PER_STEP: u64 = 2_048;

/// A JSON file, its column names known.
pub struct JsonRows {
    header: Vec<String>,
    rows: Rows,
}

enum Rows {
    Lines { path: PathBuf, packing: Packing, total_bytes: u64 },
    Table { rows: Vec<Vec<String>>, remarks: Vec<String> },
}

impl JsonRows {
    /// Opens the file. Lines are read once to learn the names of all their members: exports leave out those that
    /// have no value.
    ///
    /// # Errors
    /// The file cannot be read, is too large for a document, or is no JSON.
    pub fn open(path: &Path, packing: Packing) -> Result<Self, BillError> {
        let total_bytes = std::fs::metadata(path)
            .map_err(|source| BillError::Read { path: path.to_owned(), source })?
            .len();
        if !is_lines(path, packing)? {
            return Self::document(path, packing);
        }
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut lines = Lines::open(path, packing)?;
        while let Some((_, line)) = lines.next()? {
            for (name, _) in json::members(line).into_iter().flatten() {
                let next = places.len();
                places.entry(name.into_owned()).or_insert(next);
            }
        }
        let mut header = vec![String::new(); places.len()];
        for (name, place) in places {
            header[place] = name;
        }
        if formats::recognise(&header).is_none() {
            let found = format!("JSON whose objects have {}", formats::some_names(&header));
            return Err(BillError::NotABill { found, path: path.to_owned() });
        }
        Ok(Self { header, rows: Rows::Lines { path: path.to_owned(), packing, total_bytes } })
    }

    fn document(path: &Path, packing: Packing) -> Result<Self, BillError> {
        let mut source = Source::open(path, packing)?;
        let mut bytes = Vec::new();
        let read = (&mut source).take(MOST_DOCUMENT_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| source.explain(error))?;
        let not_a_bill = |found: String| BillError::NotABill { found, path: path.to_owned() };
        if bytes.len() as u64 > MOST_DOCUMENT_BYTES {
            return Err(not_a_bill(format!(
                "a JSON document of more than {} MiB; export it as one object a line, CSV or Parquet",
                MOST_DOCUMENT_BYTES >> 20
            )));
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let value: serde_json::Value = serde_json::from_slice(text).map_err(|error| {
            not_a_bill(format!(
                "JSON that ends or breaks off at line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let JsonTable { header, rows, remarks } = formats::json_table(&value)
            .ok_or_else(|| not_a_bill("a JSON document that is no bill's".to_owned()))?;
        Ok(Self { header, rows: Rows::Table { rows, remarks } })
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
        let (path, packing, total_bytes) = match self.rows {
            Rows::Lines { path, packing, total_bytes } => (path, packing, total_bytes),
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
        let mut lines = Lines::open(&path, packing)?;
        let taken = lines.reader.get_ref().taken();
        let (mut number, mut dropped) = (0, 0);
        while let Some((line, text)) = lines.next()? {
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
                step((taken.load(Ordering::Relaxed) as f64 / total_bytes.max(1) as f64).min(1.0))?;
            }
        }
        Ok(dropped)
    }
}

/// Lines of a file that are not blank, with their numbers.
struct Lines {
    path: PathBuf,
    reader: BufReader<Source>,
    line: u64,
    text: String,
}

impl Lines {
    fn open(path: &Path, packing: Packing) -> Result<Self, BillError> {
        let reader = BufReader::with_capacity(256 * 1024, Source::open(path, packing)?);
        Ok(Self { path: path.to_owned(), reader, line: 0, text: String::new() })
    }

    fn next(&mut self) -> Result<Option<(u64, &str)>, BillError> {
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
            // What is no UTF-8 is no JSON either; the line is told of as such.
            self.text = String::from_utf8(bytes)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            if !self.text.trim_start_matches('\u{feff}').trim().is_empty() {
                break;
            }
        }
        Ok(Some((self.line, self.text.trim_start_matches('\u{feff}').trim())))
    }
}

/// Whether the first line is an object by itself, and no answer of an API.
fn is_lines(path: &Path, packing: Packing) -> Result<bool, BillError> {
    let mut lines = Lines::open(path, packing)?;
    let Some((_, first)) = lines.next()? else { return Ok(false) };
    let Ok(value @ serde_json::Value::Object(_)) = serde_json::from_str(first) else { return Ok(false) };
    Ok(formats::json_table(&value).is_none())
}
