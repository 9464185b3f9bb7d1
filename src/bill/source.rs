//! Opens a bill file: packing and kind by its first bytes (never by its name), and a reader that counts.
//!
//! Knows bytes only: no columns, no rows.

use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use flate2::bufread::MultiGzDecoder;
use polars::io::utils::compression::{ByteSourceReader, SupportedCompression};

use super::error::BillError;
use super::input::Input;

/// How much of the unpacked text is looked at to tell what a file is.
const HEAD_BYTES: u64 = 64 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// How a file's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Packing {
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// What kind of table a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Separated text.
    Csv {
        /// How it is packed.
        packing: Packing,
        /// The byte between two cells.
        separator: u8,
        /// Its lines end with two bytes, `\r\n`.
        crlf: bool,
    },
    /// JSON: a document, or one object a line.
    Json {
        /// How it is packed.
        packing: Packing,
    },
    /// Apache Parquet.
    Parquet,
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// The file cannot be read, is empty, damaged, or clearly no table.
pub fn sniff(input: &Input) -> Result<Content, BillError> {
    let mut file = input.open(&Arc::default())?;
    let path = input.shown();
    let mut start = Vec::new();
    let read_error = |source| BillError::Read { path: path.to_owned(), source };
    (&mut file).take(8).read_to_end(&mut start).map_err(read_error)?;
    if start.is_empty() {
        return Err(BillError::Empty { path: path.to_owned() });
    }
    if start.starts_with(b"PAR1") {
        return Ok(Content::Parquet);
    }
    let packing = Packing::of(&start);
    let mut reader = Source::open(input, packing)?;
    let mut head = Vec::new();
    (&mut reader).take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| reader.explain(error))?;
    if head.is_empty() {
        return Err(BillError::Empty { path: path.to_owned() });
    }
    if is_json(&head) {
        return Ok(Content::Json { packing });
    }
    if let Some(found) = not_text(&head) {
        return Err(BillError::NotABill { found: found.to_owned(), path: path.to_owned() });
    }
    Ok(Content::Csv { packing, separator: separator(&head), crlf: ends_with_two(&head) })
}

/// Text that is not UTF-8, as Windows-1252, which is Latin-1 with signs such as `€` where that has none (WHATWG Encoding,
/// index-windows-1252). Every byte has a character.
fn western(bytes: &[u8]) -> String {
    const SIGNS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    bytes
        .iter()
        .map(|byte| match byte {
            0x80..=0x9f => SIGNS[usize::from(byte - 0x80)],
            other => char::from(*other),
        })
        .collect()
}

/// What is said of bytes that [`western`] read.
pub const WESTERN_WORDS: &str = "not UTF-8; the bytes that are none were read as Latin-1 (Windows-1252)";

/// Whether the first line that ends does so with `\r\n`.
fn ends_with_two(head: &[u8]) -> bool {
    let end = head.iter().position(|byte| *byte == b'\n');
    end.and_then(|end| end.checked_sub(1)).is_some_and(|before| head[before] == b'\r')
}

/// Text in which some bytes are no UTF-8: those are read by [`western`], and what is UTF-8 stays.
pub fn mended(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&western(chunk.invalid()));
    }
    text
}

/// Whether the text begins as JSON does.
fn is_json(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    matches!(text.first(), Some(b'{' | b'[')) && !head.contains(&0)
}

/// What the bytes are when they are no separated text.
fn not_text(head: &[u8]) -> Option<&'static str> {
    let text_start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    Some(match head {
        [0x89, b'P', b'N', b'G', ..] => "a PNG picture",
        [0xff, 0xd8, 0xff, ..] => "a JPEG picture",
        [b'P', b'K', 3, 4, ..] => {
            "a ZIP archive inside another (or an Excel workbook); unpack it first, or save the sheet as CSV"
        }
        [b'%', b'P', b'D', b'F', ..] => "a PDF document",
        [b'P', b'A', b'R', b'1', ..] => "a compressed Parquet file; unpack it first",
        [b'B', b'Z', b'h', ..] => "bzip2 data; unpack it first",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz data; unpack it first",
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => "an SQLite database",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "UTF-16 text; save it as UTF-8",
        _ if head.contains(&0) => "binary data",
        _ if text_start.first() == Some(&b'<') => "XML or HTML",
        _ if text_start.is_empty() => "nothing but white space",
        _ => return None,
    })
}

/// The byte that splits the first line into most cells, or else the first that any splits, because a title may stand
/// before the table: comma, semicolon or tab.
fn separator(head: &[u8]) -> u8 {
    const SEPARATORS: [u8; 3] = [b'\t', b';', b','];
    let is_split = |line: &&[u8]| line.iter().any(|byte| SEPARATORS.contains(byte));
    let Some(line) = head.split(|byte| matches!(byte, b'\n' | b'\r')).find(is_split) else { return b',' };
    let count = |byte: u8| line.split(|found| *found == byte).count();
    // In this order, so that a tie is a comma.
    SEPARATORS.into_iter().max_by_key(|byte| count(*byte)).unwrap_or(b',')
}

/// An unpacking reader over a file that counts the packed bytes it took and the unpacked bytes it gave, and stops
/// where one row would fill the memory: a quote that nothing closes makes a row of the rest of the file.
pub struct Source {
    reader: Box<dyn Read + Send>,
    path: PathBuf,
    packing: Packing,
    /// It lies in an archive, which packs it, too.
    is_member: bool,
    taken: Arc<AtomicU64>,
    given: u64,
    /// Quotes given, and the last byte.
    quotes: u64,
    last: Option<u8>,
    /// Bytes given since the last row, or since the beginning.
    since_row: u64,
    /// Most bytes until the next row; nothing is limited without one.
    limit: Option<u64>,
}

impl Source {
    /// Opens a file for one pass.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(input: &Input, packing: Packing) -> Result<Self, BillError> {
        let path = input.shown();
        let read_error = |source| BillError::Read { path: path.to_owned(), source };
        let taken = Arc::new(AtomicU64::new(0));
        let packed = BufReader::with_capacity(BUFFER_BYTES, input.open(&taken)?);
        let reader: Box<dyn Read + Send> = match packing {
            Packing::Plain => Box::new(packed),
            Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(
                ByteSourceReader::try_new(packed, Some(SupportedCompression::ZSTD))
                    .map(Unpacked)
                    .map_err(|error| read_error(io::Error::other(error)))?,
            ),
        };
        Ok(Self {
            reader,
            path: path.to_owned(),
            packing,
            is_member: input.is_member(),
            taken,
            given: 0,
            quotes: 0,
            last: None,
            since_row: 0,
            limit: None,
        })
    }

    /// Whether the bytes given so far end within a line, and whether a quote is open there, as far as quotes tell.
    pub fn ends_open(&self) -> (bool, bool) {
        (self.last.is_some_and(|byte| !matches!(byte, b'\n' | b'\r')), self.quotes % 2 == 1)
    }

    /// Says that a row is complete, and how many bytes the next may take at most (give or take a buffer's).
    pub fn next_row_within(&mut self, bytes: u64) {
        self.since_row = 0;
        self.limit = Some(bytes);
    }

    /// Counts the bytes of the file taken so far, from any thread.
    pub fn taken(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.taken)
    }

    /// A read error in the words of this file: a row without end and damaged data are told from a disk that does not
    /// answer. `line` is where the row begins.
    pub fn explain_at(&self, line: u64, source: io::Error) -> BillError {
        match self.limit.filter(|limit| self.since_row > *limit) {
            Some(limit) => BillError::LongRow { line, mebibytes: limit >> 20, path: self.path.clone() },
            None => self.explain(source),
        }
    }

    /// As [`Source::explain_at`], before there are rows.
    pub fn explain(&self, source: io::Error) -> BillError {
        let (path, bytes) = (self.path.clone(), self.given);
        match self.packing {
            Packing::Plain if self.is_member => BillError::Damaged { packing: "ZIP", bytes, path, source },
            Packing::Plain => BillError::Read { path, source },
            Packing::Gzip | Packing::Zstd => {
                BillError::Damaged { packing: self.packing.name(), bytes, path, source }
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.limit.is_some_and(|limit| self.since_row > limit) {
            return Err(io::Error::other("a row does not end"));
        }
        let read = self.reader.read(buffer)?;
        self.given += read as u64;
        self.since_row += read as u64;
        let new = &buffer[..read];
        self.quotes += memchr::memchr_iter(b'"', new).count() as u64;
        self.last = new.last().copied().or(self.last);
        Ok(read)
    }
}

/// polars' reader under the standard trait.
struct Unpacked<R: io::BufRead>(ByteSourceReader<R>);

impl<R: io::BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            ByteSourceReader::Zstd(reader) => reader.read(buffer),
            ByteSourceReader::UncompressedStream(reader) => reader.read(buffer),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_one_that_splits_the_header() {
        assert_eq!(separator(b"a,b,c\n1;2;3;4;5;6\n"), b',');
        assert_eq!(separator(b"a;b;c\r\n1,2;3,4;5\r\n"), b';');
        assert_eq!(separator(b"a\tb\tc"), b'\t');
        assert_eq!(separator(b"one"), b',');
        assert_eq!(separator(b"Kosten im Oktober\r\n\r\nDatum;Kosten\r\n"), b';');
    }

    #[test]
    fn only_the_bytes_that_are_no_utf_8_are_read_as_latin_1() {
        assert_eq!(mended(b"\xc3\xa4 \xe4\xff \xe2\x82\xac \xe2\x82"), "ä äÿ € â‚");
    }

    /// `bytes(range(256)).decode("cp1252")` of Python, where it decodes.
    #[test]
    fn western_text_has_the_signs_of_windows() {
        assert_eq!(western(b"Kosten (\x80) caf\xe9 \x93a\x94 \x96"), "Kosten (€) café “a” –");
        assert_eq!(western(&[0x81, 0xff, b'a']), "\u{81}ÿa");
    }

    #[test]
    fn what_is_no_text_is_named() {
        assert_eq!(not_text(b"\x89PNG\r\n\x1a\n"), Some("a PNG picture"));
        assert_eq!(not_text(b"\x08\x0a\x12\x07pytorch\x00"), Some("binary data"));
        assert!(is_json(b"\xef\xbb\xbf  {\"a\": 1}") && !is_json(b"a,{b}\n"));
        assert_eq!(not_text(b"a,b\n"), None);
    }
}
