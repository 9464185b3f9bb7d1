//! One file to be read with bounded memory: its head, its whole text up to a limit, its lines, its bytes as a stream.
//!
//! Gzip is unpacked and UTF-16 turned into UTF-8 on the way. Must not know any format of results.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::{ImportError, Warning};

/// How much of a file is looked at to tell its format.
pub(crate) const HEAD_BYTES: usize = 64 * 1024;
/// Most text that is held in memory at once. The largest honest files of tools that are read whole (vLLM with
/// details, profile exports) stay below it; what is larger is read as a stream or refused.
pub(crate) const TEXT_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Longest line that is held in memory: a detail log's list of loaded samples stays far below it.
pub(crate) const LINE_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Most warnings that are kept; the rest is counted.
const WARNING_LIMIT: usize = 200;

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No bytes, or only white space.
    Empty,
    /// Not text.
    Binary,
    /// One JSON value.
    Json,
    /// One JSON object a line, more than one line.
    JsonLines,
    /// Its first line has separators: `,`, `;` or tabs.
    Csv,
    /// Other text.
    Text,
}

/// The beginning of a file as text.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    text: String,
    kind: Kind,
    whole: bool,
    keys: Vec<(usize, String)>,
}

impl Head {
    /// Looks at the first bytes; `whole` when there are no more.
    fn new(bytes: &[u8], whole: bool) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let kind = kind_of(bytes, &text);
        let keys = if matches!(kind, Kind::Json | Kind::JsonLines) { keys_of(&text) } else { Vec::new() };
        Self { text, kind, whole, keys }
    }

    /// What it looks like.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it is JSON or JSON Lines.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.kind, Kind::Json | Kind::JsonLines)
    }

    /// The text: at most 64 KiB, bytes that are no UTF-8 replaced.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether [`Head::text`] is the whole file.
    pub(crate) fn whole(&self) -> bool {
        self.whole
    }

    /// Its lines without their ends; the last may be cut.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// The first line that is not blank.
    pub(crate) fn first_line(&self) -> &str {
        self.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim()
    }

    /// Whether one of the first lines contains `needle`.
    pub(crate) fn contains(&self, needle: &str) -> bool {
        self.text.contains(needle)
    }

    /// Whether JSON has this key, `depth` brackets deep: 1 for the members of the top object, 2 for those of objects
    /// in a top list.
    pub(crate) fn has_key(&self, depth: usize, key: &str) -> bool {
        self.keys.iter().any(|(at, name)| *at == depth && name == key)
    }

    /// Whether all of these keys are there at this depth.
    pub(crate) fn has_keys(&self, depth: usize, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.has_key(depth, key))
    }

    /// The JSON keys at this depth, in the order of the file, repeated as they repeat.
    pub(crate) fn keys(&self, depth: usize) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(at, _)| *at == depth).map(|(_, key)| key.as_str())
    }

    /// The names of the first line of a table, split at `separator`, trimmed, without quotes.
    pub(crate) fn columns(&self, separator: char) -> Vec<&str> {
        self.first_line().split(separator).map(|name| name.trim().trim_matches('"')).collect()
    }
}

/// Tells the kind from the first bytes.
fn kind_of(bytes: &[u8], text: &str) -> Kind {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Kind::Empty;
    }
    let odd = bytes.iter().filter(|byte| **byte < 9 || (14..32).contains(*byte) && **byte != 27).count();
    if bytes.contains(&0) || odd * 20 > bytes.len() {
        return Kind::Binary;
    }
    let mut chars = trimmed.chars();
    let first = chars.next();
    let second = chars.find(|char| !char.is_whitespace());
    match (first, second) {
        (Some('{'), Some('"' | '}') | None) => {
            let mut lines = trimmed.lines().map(str::trim).filter(|line| !line.is_empty());
            let (one, two) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
            if one.ends_with('}') && two.starts_with('{') { Kind::JsonLines } else { Kind::Json }
        }
        (Some('['), Some('{' | '[' | ']' | '"') | None) => Kind::Json,
        _ if trimmed.lines().next().is_some_and(|line| line.contains([',', ';', '\t'])) => Kind::Csv,
        _ => Kind::Text,
    }
}

/// The keys of JSON text with their depth, down to the fourth. Works on text that is cut.
fn keys_of(text: &str) -> Vec<(usize, String)> {
    let bytes = text.as_bytes();
    let mut keys = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let from = at + 1;
                at = from;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let after = bytes.get(at + 1..).unwrap_or_default();
                let is_key = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                if is_key
                    && depth <= 4
                    && let Some(key) = text.get(from..at)
                {
                    keys.push((depth, key.to_owned()));
                }
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

/// Where the bytes are.
#[derive(Debug, Clone)]
enum Content {
    File,
    Bytes(Arc<[u8]>),
}

/// How the text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { little_endian: bool },
}

/// One file, opened anew for every pass.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    content: Content,
    encoding: Encoding,
    head: Head,
    format: &'static str,
    warnings: Vec<Warning>,
    more_warnings: usize,
}

impl Source {
    /// Opens a file and reads its head.
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        Self::new(path.to_owned(), Content::File)
    }

    /// The same for bytes in memory.
    pub(crate) fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, ImportError> {
        Self::new(PathBuf::from(name), Content::Bytes(bytes.into()))
    }

    fn new(path: PathBuf, content: Content) -> Result<Self, ImportError> {
        let mut source = Self {
            path,
            content,
            encoding: Encoding::Utf8,
            head: Head::new(&[], true),
            format: "result file",
            warnings: Vec::new(),
            more_warnings: 0,
        };
        let mut mark = Vec::new();
        source.unpacked()?.take(2).read_to_end(&mut mark).map_err(|error| source.io(&error))?;
        source.encoding = match mark[..] {
            [0xFF, 0xFE] => Encoding::Utf16 { little_endian: true },
            [0xFE, 0xFF] => Encoding::Utf16 { little_endian: false },
            _ => Encoding::Utf8,
        };
        let mut head = Vec::new();
        let read = source.reader()?.take(HEAD_BYTES as u64 + 1).read_to_end(&mut head);
        // What broke inside the head of a gzip file is said when it is read; until then the head is what came out.
        if let Err(error) = read
            && head.is_empty()
        {
            return Err(source.io(&error));
        }
        let whole = head.len() <= HEAD_BYTES;
        head.truncate(HEAD_BYTES);
        source.head = Head::new(&head, whole);
        Ok(source)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name without its folders.
    pub(crate) fn file_name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// The folder it lies in, for what lies beside it; `None` for bytes in memory.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self.content {
            Content::File => self.path.parent(),
            Content::Bytes(_) => None,
        }
    }

    /// Its beginning.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// What it was taken for: the format in every error from here on.
    pub(crate) fn set_format(&mut self, format: &'static str) {
        self.format = format;
    }

    /// Remembers something that was left out or doubtful.
    pub(crate) fn warn(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.warnings.len() < WARNING_LIMIT {
            self.warnings.push(Warning { place: place.into(), message: message.into() });
        } else {
            self.more_warnings += 1;
        }
    }

    /// What was remembered so far.
    pub(crate) fn take_warnings(&mut self) -> Vec<Warning> {
        let mut warnings = std::mem::take(&mut self.warnings);
        let more = std::mem::take(&mut self.more_warnings);
        if more > 0 {
            let message = format!("{more} more warnings like these");
            warnings.push(Warning { place: "the rest of the file".to_owned(), message });
        }
        warnings
    }

    /// An empty answer for this file, to be filled.
    pub(crate) fn results(&self) -> super::Results {
        super::Results {
            format: self.format.to_owned(),
            path: self.path.clone(),
            ..super::Results::default()
        }
    }

    /// An empty result of this file, to be filled.
    pub(crate) fn foreign(&self, tool: &str, place: impl Into<String>) -> super::Foreign {
        super::Foreign {
            tool: tool.to_owned(),
            file: self.file_name(),
            place: place.into(),
            ..super::Foreign::default()
        }
    }

    /// The error for a file that is what it seems, but broken.
    pub(crate) fn broken(
        &self,
        place: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> ImportError {
        ImportError::Broken {
            path: self.path.clone(),
            format: self.format.to_owned(),
            place: place.into(),
            problem: problem.into(),
            advice: advice.into(),
        }
    }

    /// The error for a file that no reader knows.
    pub(crate) fn unknown(&self) -> ImportError {
        let (found, advice) = match self.head.kind {
            Kind::Empty => ("it is empty".to_owned(), "check that the run finished and wrote it"),
            Kind::Binary => ("it is not text".to_owned(), "choose the tool's text, CSV or JSON output"),
            Kind::Json | Kind::JsonLines => (
                format!("JSON with {}", shown_keys(&self.head)),
                "choose the file that the benchmark tool wrote as its result",
            ),
            Kind::Csv | Kind::Text => (
                format!("text that begins {:?}", shorten(self.head.first_line(), 60)),
                "choose the file that the benchmark tool wrote as its result",
            ),
        };
        ImportError::Unknown { path: self.path.clone(), found, advice: advice.to_owned() }
    }

    fn io(&self, error: &std::io::Error) -> ImportError {
        ImportError::Io { path: self.path.clone(), problem: error.to_string() }
    }

    /// What a failed read means: gzip that ends early is a broken file, the rest the system's refusal.
    pub(crate) fn read_error(&self, error: &std::io::Error) -> ImportError {
        use std::io::ErrorKind;
        if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput)
        {
            self.broken("the data", error.to_string(), "copy the file again")
        } else {
            self.io(error)
        }
    }

    /// The bytes, unpacked.
    fn unpacked(&self) -> Result<Box<dyn BufRead>, ImportError> {
        let mut raw: Box<dyn BufRead> = match &self.content {
            Content::File => {
                // A pipe or a device would be waited for, or never end.
                if self.path.metadata().is_ok_and(|data| !data.is_file()) {
                    let problem = "it is no regular file".to_owned();
                    return Err(ImportError::Io { path: self.path.clone(), problem });
                }
                Box::new(BufReader::new(File::open(&self.path).map_err(|error| self.io(&error))?))
            }
            Content::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        };
        let packed = raw.fill_buf().map_err(|error| self.io(&error))?.starts_with(&[0x1F, 0x8B]);
        Ok(if packed { Box::new(BufReader::new(MultiGzDecoder::new(raw))) } else { raw })
    }

    /// The text as a stream of UTF-8 bytes without a byte-order mark (bytes that are no UTF-8 come as they are).
    pub(crate) fn reader(&self) -> Result<Box<dyn BufRead>, ImportError> {
        let mut bytes = self.unpacked()?;
        match self.encoding {
            Encoding::Utf16 { little_endian } => Ok(Box::new(BufReader::new(FromUtf16 {
                inner: bytes,
                little_endian,
                ready: Vec::new(),
                at: 0,
            }))),
            Encoding::Utf8 => {
                let marked = bytes.fill_buf().is_ok_and(|start| start.starts_with(b"\xEF\xBB\xBF"));
                if marked {
                    bytes.consume(3);
                }
                Ok(bytes)
            }
        }
    }

    /// The whole text, up to 64 MiB.
    pub(crate) fn text(&mut self) -> Result<String, ImportError> {
        let mut bytes = Vec::new();
        self.reader()?
            .take(TEXT_LIMIT_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.read_error(&error))?;
        if bytes.len() as u64 > TEXT_LIMIT_BYTES {
            return Err(self.too_large(format!("byte {TEXT_LIMIT_BYTES}")));
        }
        Ok(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let place = format!("byte {}", error.utf8_error().valid_up_to());
                self.warn(place, "bytes that are no UTF-8 text are replaced by \u{FFFD}");
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        })
    }

    /// As [`Source::for_each_line`], for a format that is always small: more than 64 MiB of lines are an error.
    pub(crate) fn for_each_line_of_text(
        &mut self,
        mut each: impl FnMut(&mut Self, u64, &str) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut bytes = 0;
        self.for_each_line(|source, number, line| {
            bytes += line.len() as u64 + 1;
            if bytes > TEXT_LIMIT_BYTES {
                return Err(source.too_large(format!("line {number}")));
            }
            each(source, number, line)
        })
    }

    /// The error for a file of which more would have to be read than any honest one of its kind has.
    pub(crate) fn too_large(&self, place: String) -> ImportError {
        let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
        let size = match &self.content {
            Content::File => self.path.metadata().map_or(0, |data| data.len()),
            Content::Bytes(bytes) => bytes.len() as u64,
        };
        let limit = mebibytes(TEXT_LIMIT_BYTES);
        // A packed file is smaller than what is in it.
        let found = if size > TEXT_LIMIT_BYTES {
            format!("the file has {} MiB", mebibytes(size))
        } else {
            format!("unpacked, the file has more than {limit} MiB")
        };
        let problem =
            format!("{found}; results of this kind are read up to {limit} MiB, and real ones are smaller");
        self.broken(place, problem, "export fewer runs or requests into one file, or split it")
    }

    /// Hands every line to `each` with its number from 1, without its end, until the end or an error. Lines are held
    /// one at a time; one of more than 16 MiB is an error; a last one that may be cut is left out and said.
    pub(crate) fn for_each_line(
        &mut self,
        mut each: impl FnMut(&mut Self, u64, &str) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let mut reader = self.reader()?;
        let mut bytes = Vec::new();
        let mut number = 0_u64;
        let mut replaced = false;
        loop {
            bytes.clear();
            let read = (&mut reader)
                .take(LINE_LIMIT_BYTES as u64 + 1)
                .read_until(b'\n', &mut bytes)
                .map_err(|error| self.read_error(&error))?;
            if read == 0 {
                return Ok(());
            }
            number += 1;
            if bytes.len() > LINE_LIMIT_BYTES {
                return Err(self.broken(
                    format!("line {number}"),
                    "it is longer than any honest line of this kind (16 MiB)",
                    "check that this is the tool's own file",
                ));
            }
            let line = String::from_utf8_lossy(&bytes);
            if matches!(line, Cow::Owned(_)) && !replaced {
                replaced = true;
                self.warn(format!("line {number}"), "bytes that are no UTF-8 text are replaced by \u{FFFD}");
            }
            // The last line of a file that breaks off would give a shorter number, and nothing in it tells; one that is
            // closed is whole.
            if !line.ends_with('\n') && !line.trim_end().ends_with(['}', '|', ';']) {
                if !line.trim().is_empty() {
                    self.warn(
                        format!("line {number}"),
                        "the last line has no line end, so it may be cut: it is left out (add a line end if the file is \
                         complete)",
                    );
                }
                return Ok(());
            }
            each(self, number, line.trim_end_matches(['\n', '\r']))?;
        }
    }
}

/// UTF-16 in, UTF-8 out, in pieces.
struct FromUtf16<R> {
    inner: R,
    little_endian: bool,
    ready: Vec<u8>,
    at: usize,
}

impl<R: BufRead> FromUtf16<R> {
    fn unit(&mut self) -> std::io::Result<Option<u16>> {
        let mut pair = [0_u8; 2];
        for place in &mut pair {
            let Some(byte) = self.inner.fill_buf()?.first().copied() else { return Ok(None) };
            *place = byte;
            self.inner.consume(1);
        }
        Ok(Some(if self.little_endian { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }))
    }
}

impl<R: BufRead> Read for FromUtf16<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.ready.len() {
            self.at = 0;
            self.ready.clear();
            let mut units = Vec::with_capacity(1025);
            while units.len() < 1024 {
                let Some(unit) = self.unit()? else { break };
                units.push(unit);
            }
            // A pair of surrogates must not be cut in two.
            if units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit))
                && let Some(unit) = self.unit()?
            {
                units.push(unit);
            }
            let text: String = char::decode_utf16(units)
                .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
                .filter(|char| *char != '\u{FEFF}')
                .collect();
            self.ready = text.into_bytes();
        }
        let left = &self.ready[self.at..];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Text for a message: at most `limit` characters.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut short: String = text.chars().take(limit).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The first keys of JSON, for a message.
fn shown_keys(head: &Head) -> String {
    let depth = if head.text.trim_start().starts_with('[') { 2 } else { 1 };
    let keys: Vec<_> = head.keys(depth).take(4).map(|key| shorten(key, 40)).collect();
    if keys.is_empty() { "no keys".to_owned() } else { format!("the keys {}", keys.join(", ")) }
}
