//! Reads ONNX Runtime's profile as a stream: one entry is held at a time, and of each only some bytes are kept, so
//! that a file of hundreds of megabytes needs little memory.
//!
//! The file is an array of entries, written when profiling ends (or an object with that array under `traceEvents`,
//! as trace viewers save it). An array that stops in the middle, as a killed process leaves it, is read up to its
//! last whole entry, with a warning.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::Profile;
use super::event::Event;
use super::gather::{Gather, MOST_ENTRIES, MOST_NODES};

/// Longest entry, in bytes. Real ones have some thousand, even with hundreds of inputs.
const LONGEST_ENTRY_BYTES: u64 = 16 << 20;
/// How much is read from the file at a time, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Why a file is not a profile we can read. The path is the caller's to add.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The system refuses to read on.
    #[error("cannot read the profile: {0}")]
    Io(io::Error),
    /// No bytes.
    #[error(
        "the profile is empty: ONNX Runtime writes it when profiling ends, so the process was probably stopped \
         before that; run it again and let it finish"
    )]
    Empty,
    /// Something else than JSON.
    #[error("this is not an ONNX Runtime profile: it should start with `[` and starts with {found}")]
    NotJson {
        /// The first characters.
        found: String,
    },
    /// JSON up to a place, and there something that cannot be.
    #[error(
        "the profile is damaged at line {line}, column {column}: {problem}; {entries} entries before it could be \
         read; profile again"
    )]
    Damaged {
        /// Line, from 1. ONNX Runtime writes one entry a line.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
        /// Entries read before.
        entries: u64,
    },
    /// An entry that never ends.
    #[error(
        "this is not an ONNX Runtime profile: after {entries} entries one is longer than {} MiB",
        LONGEST_ENTRY_BYTES >> 20
    )]
    LongEntry {
        /// Entries read before.
        entries: u64,
    },
    /// A trace that is not ONNX Runtime's.
    #[error(
        "this trace is not an ONNX Runtime profile: none of its {entries} entries is a model that was loaded, a \
         session that was made, a run or a node's time"
    )]
    OtherTrace {
        /// Entries read.
        entries: u64,
    },
    /// More entries than are kept.
    #[error(
        "the profile has more than {MOST_ENTRIES} entries; profile fewer runs (ONNX Runtime itself stops \
         after 1,000,000 unless told otherwise)"
    )]
    ManyEntries,
    /// More nodes than a graph has.
    #[error("the profile names more than {MOST_NODES} different nodes, more than any real graph has")]
    ManyNodes,
    /// Nothing is left after the warm-up.
    #[error(
        "the profile holds {runs} finished runs and the first {skip} were to be left out; profile more runs or \
         leave out fewer"
    )]
    AllSkipped {
        /// Finished runs.
        runs: u64,
        /// Runs to leave out.
        skip: u64,
    },
}

/// Reads a profile and leaves out its first `skip` runs, which are slower than the rest (memory is first asked for,
/// caches are cold).
pub fn read(source: impl Read, skip: u64) -> Result<Profile, ProfileError> {
    let since_entry = Cell::new(0);
    let too_long = Cell::new(false);
    let watched = Watched { source, since_entry: &since_entry, too_long: &too_long };
    let mut reader = BufReader::with_capacity(PIECE_BYTES, watched);
    start(&mut reader)?;

    let mut gather = Gather::default();
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let entries = Entries { gather: &mut gather, since_entry: &since_entry };
    let outcome = deserializer.deserialize_any(entries).and_then(|()| deserializer.end());
    if let Err(error) = outcome {
        if let Some(full) = gather.full.take() {
            return Err(full);
        }
        let entries = gather.entries;
        match error.classify() {
            Category::Io if too_long.get() => return Err(ProfileError::LongEntry { entries }),
            Category::Io => return Err(ProfileError::Io(error.into())),
            Category::Eof if gather.is_profile() => gather.warnings.push(format!(
                "the profile stops in the middle at line {}: the process was stopped while it wrote; {entries} \
                 entries before that are used",
                error.line()
            )),
            _ => {
                let (line, column) = (error.line(), error.column());
                // The message repeats the place, which is said already.
                let problem = error.to_string();
                let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
                return Err(ProfileError::Damaged { line, column, problem, entries });
            }
        }
    }
    if !gather.is_profile() {
        return Err(ProfileError::OtherTrace { entries: gather.entries });
    }
    gather.finish(skip)
}

/// Passes over a byte-order mark and looks at the first character.
fn start(reader: &mut impl BufRead) -> Result<(), ProfileError> {
    let head = reader.fill_buf().map_err(ProfileError::Io)?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        reader.consume(3);
    }
    let head = reader.fill_buf().map_err(ProfileError::Io)?;
    let visible = head.trim_ascii_start();
    match visible.first() {
        None => Err(ProfileError::Empty),
        Some(b'[' | b'{') => Ok(()),
        Some(_) => {
            let first: String =
                String::from_utf8_lossy(&visible[..visible.len().min(40)]).chars().take(20).collect();
            Err(ProfileError::NotJson { found: format!("{first:?}") })
        }
    }
}

/// Counts what is read since the last entry, so that no entry can fill the memory.
struct Watched<'c, R> {
    source: R,
    since_entry: &'c Cell<u64>,
    too_long: &'c Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let since = self.since_entry.get() + count as u64;
        self.since_entry.set(since);
        if since > LONGEST_ENTRY_BYTES {
            self.too_long.set(true);
            return Err(io::Error::other("an entry is too long"));
        }
        Ok(count)
    }
}

/// The array of entries.
struct Entries<'g> {
    gather: &'g mut Gather,
    since_entry: &'g Cell<u64>,
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of entries, as ONNX Runtime's profiler writes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(event) = entries.next_element::<Event>()? {
            self.since_entry.set(0);
            self.gather.entry(event).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { gather, since_entry } = self;
        while let Some(key) = map.next_key::<String>()? {
            if key == "traceEvents" {
                map.next_value_seed(Entries { gather: &mut *gather, since_entry })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}
