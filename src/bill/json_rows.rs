//! Rows of a JSON bill: one object a line or a list of objects (exports of warehouses), or one document (answers of an
//! API). Lines and lists are read piece by piece, however large they are.

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
use super::source::{Packing, Source, WESTERN_WORDS, mended};
use super::utf16;
use super::warnings::{Place, Trouble, Warnings};

/// The largest line or item of a list, in bytes.
const MOST_LINE_BYTES: u64 = 64 << 20;
/// The largest document, in bytes: it is held in memory, because what its rows are called hangs on all its pages (names of
/// accounts and groups, whether they are costs or usage).
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
    Pieces { input: Input, packing: Packing, cut: Cut, total_bytes: u64 },
    Table { rows: Vec<Vec<String>>, remarks: Vec<String> },
}

impl JsonRows {
    /// Opens the file to tell what it is: the names are those of the first rows.
    ///
    /// # Errors
    /// The file cannot be read, is too large for a document, or is no JSON.
    pub fn peek(input: &Input, packing: Packing) -> Result<Self, BillError> {
        Self::start(input, packing, true, &mut |_done| Ok(()))
    }

    /// Opens the file. Lines and lists are read once to learn the names of all their members, because exports leave out
    /// those that have no value; `step` is told the share of that, and may stop it.
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
        let Some(cut) = cut_of(input, packing)? else { return Self::document(input, packing) };
        let mut header: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut pieces = Pieces::open(input, packing, cut)?;
        let (mut number, mut bytes) = (0, 0);
        while let Some(Piece { text, share, .. }) = pieces.next_of(total_bytes)? {
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
            if cut == Cut::List && number == 1 && is_page(text) {
                return Self::document(input, packing);
            }
            if number % ROWS_PER_STEP == 0 {
                step(share)?;
            }
        }
        if cut == Cut::List && formats::recognise(&header).is_none() {
            return Self::document(input, packing);
        }
        // In an order that does not hang on which line has a member first.
        header.sort();
        if formats::recognise(&header).is_none() {
            let found = format!("JSON whose objects have {}", formats::some_names(&header));
            return Err(BillError::NotABill { found, path: input.shown().to_owned() });
        }
        Ok(Self { header, rows: Rows::Pieces { input: input.clone(), packing, cut, total_bytes } })
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
        let JsonTable { header, rows, mut remarks } = json_table(&document)
            .ok_or_else(|| not_a_bill("a JSON document that is no bill's".to_owned()))?;
        if Source::open(input, packing)?.is_utf16() {
            remarks.push(utf16::WORDS.to_owned());
        }
        Ok(Self { header, rows: Rows::Table { rows, remarks } })
    }

    /// Whether it holds no more than the names.
    pub fn is_light(&self) -> bool {
        matches!(self.rows, Rows::Pieces { .. })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Hands every row to `row` and the share that is done to `step`; returns how many lines or items were dropped
    /// because they are no JSON objects.
    ///
    /// # Errors
    /// The file cannot be read to its end, or a callback's error.
    pub fn read(
        self,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
        step: &mut RowStep<'_>,
    ) -> Result<u64, BillError> {
        let (input, packing, cut, total_bytes) = match self.rows {
            Rows::Pieces { input, packing, cut, total_bytes } => (input, packing, cut, total_bytes),
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
        let mut pieces = Pieces::open(&input, packing, cut)?;
        if pieces.reader.get_ref().is_utf16() {
            warnings.about_file(None, utf16::WORDS.to_owned());
        }
        let (mut number, mut dropped) = (0, 0);
        while let Some(Piece { line, text, was_utf8, share }) = pieces.next_of(total_bytes)? {
            if !was_utf8 {
                warnings.add(Trouble::Encoding, Some(line), None, || WESTERN_WORDS.to_owned());
            }
            let Some(found) = json::members(text) else {
                dropped += 1;
                warnings.add(Trouble::NotJson, Some(line), None, || match cut {
                    Cut::Lines => {
                        "the line is not a JSON object, it may be cut off; it was left out".to_owned()
                    }
                    Cut::List => "an item of the list is not a JSON object; it was left out".to_owned(),
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
            "a JSON document of more than {} MiB; put each page of the answer into a file of its own and import their \
             folder, or export it as a list of rows, one object a line, CSV or Parquet",
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

/// How the rows of a file are cut apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// One a line.
    Lines,
    /// Items of one list.
    List,
}

/// What may be a row: a line that is not blank, an item of a list.
struct Piece<'t> {
    /// The line that it begins on.
    line: u64,
    text: &'t str,
    was_utf8: bool,
    /// The share of the file that was read with it.
    share: f64,
}

/// The pieces of a file, one after the other.
struct Pieces {
    path: PathBuf,
    reader: BufReader<Source>,
    taken: Arc<AtomicU64>,
    cut: Cut,
    /// Line ends so far.
    line: u64,
    /// Of a list: its bracket was read; and the one that closes it.
    is_begun: bool,
    is_closed: bool,
    text: String,
}

impl Pieces {
    fn open(input: &Input, packing: Packing, cut: Cut) -> Result<Self, BillError> {
        let reader = BufReader::with_capacity(256 * 1024, Source::open(input, packing)?);
        let taken = reader.get_ref().taken();
        let path = input.shown().to_owned();
        let (line, text) = (0, String::new());
        Ok(Self { path, reader, taken, cut, line, is_begun: false, is_closed: false, text })
    }

    fn next_of(&mut self, total_bytes: u64) -> Result<Option<Piece<'_>>, BillError> {
        loop {
            let mut bytes = std::mem::take(&mut self.text).into_bytes();
            bytes.clear();
            let line = match self.cut {
                Cut::Lines => self.next_line(&mut bytes)?,
                Cut::List => self.next_item(&mut bytes)?,
            };
            let Some(line) = line else { return Ok(None) };
            let mut was_utf8 = true;
            self.text = String::from_utf8(bytes).unwrap_or_else(|error| {
                was_utf8 = false;
                mended(error.as_bytes())
            });
            if self.text.trim_start_matches('\u{feff}').trim().is_empty() {
                continue;
            }
            let taken = self.taken.load(Ordering::Relaxed);
            let share = (taken as f64 / total_bytes.max(1) as f64).min(1.0);
            let text = self.text.trim_start_matches('\u{feff}').trim();
            return Ok(Some(Piece { line, text, was_utf8, share }));
        }
    }

    /// Reads a line; its number, or `None` at the end.
    fn next_line(&mut self, bytes: &mut Vec<u8>) -> Result<Option<u64>, BillError> {
        let read = (&mut self.reader).take(MOST_LINE_BYTES + 1).read_until(b'\n', bytes);
        if read.map_err(|error| self.reader.get_ref().explain(error))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.len() as u64 > MOST_LINE_BYTES {
            return Err(self.too_long(self.line));
        }
        Ok(Some(self.line))
    }

    /// Reads an item of the list; the line it begins on, or `None` after the last.
    fn next_item(&mut self, bytes: &mut Vec<u8>) -> Result<Option<u64>, BillError> {
        if self.is_closed {
            return Ok(None);
        }
        if !self.is_begun {
            // It was seen to begin with a bracket.
            while self.byte()?.is_some_and(|byte| byte != b'[') {}
            self.is_begun = true;
        }
        let mut line = self.line + 1;
        let (mut depth, mut in_string, mut escaped, mut is_begun) = (0_u32, false, false, false);
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok([]) => return Err(self.broken("ends within a list")),
                Ok(buffer) => buffer,
                Err(error) => return Err(self.reader.get_ref().explain(error)),
            };
            // Up to the comma or bracket that ends the item, if it is in the buffer.
            let end = buffer.iter().position(|byte| {
                self.line += u64::from(*byte == b'\n');
                if in_string {
                    in_string = escaped || *byte != b'"';
                    escaped = !escaped && *byte == b'\\';
                    return false;
                }
                match *byte {
                    b',' | b']' if depth == 0 => return true,
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if !is_begun {
                    is_begun = !byte.is_ascii_whitespace();
                    line = self.line + 1;
                }
                false
            });
            let read = end.unwrap_or(buffer.len());
            bytes.extend_from_slice(&buffer[..read]);
            self.is_closed = end.is_some_and(|end| buffer[end] == b']');
            self.reader.consume(read + usize::from(end.is_some()));
            if bytes.len() as u64 > MOST_LINE_BYTES {
                return Err(self.too_long(line));
            }
            if end.is_some() {
                break;
            }
        }
        while self.is_closed
            && let Some(byte) = self.byte()?
        {
            if !byte.is_ascii_whitespace() {
                return Err(self.broken("goes on behind its list"));
            }
        }
        Ok(Some(line))
    }

    fn byte(&mut self) -> Result<Option<u8>, BillError> {
        let buffer = match self.reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) => return Err(self.reader.get_ref().explain(error)),
        };
        let Some(byte) = buffer.first().copied() else { return Ok(None) };
        self.reader.consume(1);
        self.line += u64::from(byte == b'\n');
        Ok(Some(byte))
    }

    fn too_long(&self, line: u64) -> BillError {
        let found =
            format!("JSON with a row on line {line} that is longer than {} MiB", MOST_LINE_BYTES >> 20);
        BillError::NotABill { found, path: self.path.clone() }
    }

    fn broken(&self, how: &str) -> BillError {
        let found = format!("JSON that {how} on line {}; it may be cut off", self.line + 1);
        BillError::NotABill { found, path: self.path.clone() }
    }
}

/// Whether an item of a list is a page of an API's answer, which has its rows within.
fn is_page(item: &str) -> bool {
    Node::parse(item).is_ok_and(|page| json_table(&page).is_some())
}

/// How the rows are cut apart: a list begins with a bracket; a first line that is an object by itself, and no answer of
/// an API, is one of many. `None` for one document; a line too long to be one of many is the beginning of one.
fn cut_of(input: &Input, packing: Packing) -> Result<Option<Cut>, BillError> {
    let mut reader = BufReader::new(Source::open(input, packing)?);
    let begins_list =
        |text: &[u8]| text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start().starts_with(b"[");
    // A list may be one line of any length.
    let head = match reader.fill_buf() {
        Ok(head) => head,
        Err(error) => return Err(reader.get_ref().explain(error)),
    };
    if begins_list(head) {
        return Ok(Some(Cut::List));
    }
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() {
        first.clear();
        let read = (&mut reader).take(MOST_LINE_BYTES + 1).read_until(b'\n', &mut first);
        if read.map_err(|error| reader.get_ref().explain(error))? == 0 {
            return Ok(None);
        }
        if first.starts_with(b"\xef\xbb\xbf") {
            first.drain(..3);
        }
    }
    if begins_list(&first) {
        return Ok(Some(Cut::List));
    }
    let Ok(text) = std::str::from_utf8(&first) else {
        return Ok((first.len() as u64 <= MOST_LINE_BYTES).then_some(Cut::Lines));
    };
    let Ok(value @ Node::Object(_)) = Node::parse(text) else { return Ok(None) };
    Ok(json_table(&value).is_none().then_some(Cut::Lines))
}
