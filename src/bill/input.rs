//! Where the bytes of a file of a bill are: on disk by themselves, or a member of a ZIP archive, which is read where
//! it lies.
//!
//! Knows bytes only. A member's length and checksum are held against what the archive says of it.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use tempfile::TempPath;
use zip::{CompressionMethod, ZipArchive};

use super::error::BillError;

/// Bytes read ahead.
const BUFFER_BYTES: usize = 256 * 1024;
/// Most members of an archive: months of large reports have thousands.
const MOST_MEMBERS: usize = 20_000;
/// Unpacked bytes from which on a member's packing is looked at.
const SUSPICIOUS_BYTES: u64 = 256 << 20;
/// How much smaller packed text of real bills is at most, with a lot to spare; deflate can do 1,032.
const MOST_RATIO: u64 = 500;

/// A file of a bill.
#[derive(Debug, Clone)]
pub struct Input {
    /// The file on disk.
    disk: PathBuf,
    /// What it is called in messages.
    shown: PathBuf,
    member: Option<Arc<Member>>,
}

/// A member of an archive.
#[derive(Debug)]
struct Member {
    start: u64,
    packed_bytes: u64,
    bytes: u64,
    crc32: u32,
    deflated: bool,
    /// The member as a file of its own, for readers that must jump in it.
    extracted: Mutex<Option<Arc<TempPath>>>,
}

/// Size and time of the last change.
pub type Stamp = (u64, Option<SystemTime>);

impl Input {
    /// A file by itself.
    pub fn file(path: &Path) -> Self {
        Self { disk: path.to_owned(), shown: path.to_owned(), member: None }
    }

    /// The file on disk: its own, or the archive's.
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// What it is called in messages: the path, a member's name behind that of its archive.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Whether it is a member of an archive.
    pub fn is_member(&self) -> bool {
        self.member.is_some()
    }

    /// Size and time of the last change of the file on disk.
    ///
    /// # Errors
    /// It is not there.
    pub fn stamp(&self) -> Result<Stamp, BillError> {
        let metadata = std::fs::metadata(&self.disk).map_err(|source| self.read_error(source))?;
        Ok((metadata.len(), metadata.modified().ok()))
    }

    /// Bytes that reading takes from the disk.
    ///
    /// # Errors
    /// It is not there.
    pub fn packed_bytes(&self) -> Result<u64, BillError> {
        match &self.member {
            Some(member) => Ok(member.packed_bytes),
            None => Ok(self.stamp()?.0),
        }
    }

    /// A reader from its beginning. `taken` counts the bytes that were taken from the disk.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self, taken: &Arc<AtomicU64>) -> Result<Box<dyn Read + Send>, BillError> {
        let read_error = |source| self.read_error(source);
        let mut file = File::open(&self.disk).map_err(read_error)?;
        let Some(member) = &self.member else {
            return Ok(Box::new(Counting { inner: file, count: Arc::clone(taken) }));
        };
        file.seek(SeekFrom::Start(member.start)).map_err(read_error)?;
        let packed = Counting { inner: file.take(member.packed_bytes), count: Arc::clone(taken) };
        let unpacked: Box<dyn Read + Send> = if member.deflated {
            Box::new(DeflateDecoder::new(BufReader::with_capacity(BUFFER_BYTES, packed)))
        } else {
            Box::new(packed)
        };
        Ok(Box::new(Checked { inner: unpacked, crc: Crc::new(), left: member.bytes, wanted: member.crc32 }))
    }

    /// A path under which its bytes are a file of their own: of a member a copy that goes with the last clone of this
    /// input.
    ///
    /// # Errors
    /// The member cannot be unpacked, or there is no room for it.
    pub fn on_disk(&self) -> Result<PathBuf, BillError> {
        let Some(member) = &self.member else { return Ok(self.disk.clone()) };
        let Ok(mut extracted) = member.extracted.lock() else {
            return Err(self.read_error(io::Error::other("another reader of it failed")));
        };
        if let Some(path) = extracted.as_ref() {
            return Ok(path.to_path_buf());
        }
        let no_room =
            |source| BillError::Unpack { folder: std::env::temp_dir(), path: self.shown.clone(), source };
        let mut copy = tempfile::NamedTempFile::new().map_err(no_room)?;
        let mut member = self.open(&Arc::default())?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut bytes = 0;
        loop {
            let read = match member.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => {
                    let path = self.shown.clone();
                    return Err(BillError::Damaged { packing: "ZIP", bytes, path, source });
                }
            };
            copy.write_all(&buffer[..read]).map_err(no_room)?;
            bytes += read as u64;
        }
        let path = copy.into_temp_path();
        let shown = path.to_path_buf();
        *extracted = Some(Arc::new(path));
        Ok(shown)
    }

    /// The bytes of a small file.
    ///
    /// # Errors
    /// It cannot be read, or has more than `most` bytes.
    pub fn read_small(&self, most: u64) -> Result<Vec<u8>, BillError> {
        let mut bytes = Vec::new();
        let mut reader = self.open(&Arc::default())?.take(most + 1);
        reader.read_to_end(&mut bytes).map_err(|source| self.read_error(source))?;
        if bytes.len() as u64 > most {
            return Err(self.read_error(io::Error::other(format!("it has more than {} MiB", most >> 20))));
        }
        Ok(bytes)
    }

    fn read_error(&self, source: io::Error) -> BillError {
        BillError::Read { path: self.shown.clone(), source }
    }
}

/// Whether these first bytes are those of a ZIP archive.
pub fn is_archive(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// The members of an archive that are files, in its order, each with its name.
///
/// # Errors
/// The archive is damaged, is an Excel workbook, or is made to unpack to far more than it should.
pub fn members(path: &Path) -> Result<Vec<(String, Input)>, BillError> {
    let read_error = |source| BillError::Read { path: path.to_owned(), source };
    let refused = |found: String| BillError::Archive { found, path: path.to_owned() };
    let damaged = |error: zip::result::ZipError| refused(format!("its list of members is damaged ({error})"));
    let file = File::open(path).map_err(read_error)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(damaged)?;
    if archive.len() > MOST_MEMBERS {
        return Err(refused(format!(
            "it has {} members, and at most {MOST_MEMBERS} are read",
            archive.len()
        )));
    }
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(refused(
            "its members lie over each other, as in an archive that is made to fill a disk".to_owned(),
        ));
    }
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(damaged)?;
        let name = member.name().map_err(damaged)?.into_owned();
        if name.starts_with("xl/workbook") {
            return Err(BillError::Workbook { path: path.to_owned() });
        }
        if member.is_dir() || name.ends_with('/') {
            continue;
        }
        let shown: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if member.encrypted() {
            return Err(refused(format!("{shown} in it is encrypted; unpack it first")));
        }
        let deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(refused(format!(
                    "{shown} in it is packed by a method that is not read ({other:?}); unpack it first"
                )));
            }
        };
        let (packed_bytes, bytes) = (member.compressed_size(), member.size());
        if bytes > SUSPICIOUS_BYTES && bytes / packed_bytes.max(1) > MOST_RATIO {
            return Err(refused(format!(
                "{shown} in it would unpack to {} times its size, as in an archive that is made to fill a disk",
                bytes / packed_bytes.max(1)
            )));
        }
        let start = member.data_start().ok_or_else(|| refused(format!("{shown} in it has no beginning")))?;
        let input = Input {
            disk: path.to_owned(),
            shown: path.join(shown.trim_start_matches(['/', '\\'])),
            member: Some(Arc::new(Member {
                start,
                packed_bytes,
                bytes,
                crc32: member.crc32(),
                deflated,
                extracted: Mutex::new(None),
            })),
        };
        found.push((shown, input));
    }
    Ok(found)
}

/// Counts what was taken from the disk.
struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Gives a member's bytes as long as they are as many as the archive says, and the very ones.
struct Checked<R> {
    inner: R,
    crc: Crc,
    left: u64,
    wanted: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            if self.left > 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("{} bytes are missing at its end", self.left),
                ));
            }
            if self.crc.sum() != self.wanted {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its checksum is wrong"));
            }
        }
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than the archive says")
        })?;
        self.crc.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = zip::ZipWriter::new(file.reopen().unwrap());
        for (name, bytes) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    #[test]
    fn members_are_read_where_they_lie_and_named_behind_their_archive() {
        let file = archive(&[("a/b.csv", b"one,two\n1,2\n"), ("c.csv", b"three\n")]);
        let found = members(file.path()).unwrap();
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a/b.csv", "c.csv"]);
        assert_eq!(found[0].1.shown(), file.path().join("a/b.csv"));
        assert_eq!(found[0].1.read_small(100).unwrap(), b"one,two\n1,2\n");
        let copy = found[1].1.on_disk().unwrap();
        assert_eq!(std::fs::read(&copy).unwrap(), b"three\n");
        assert_eq!(found[1].1.clone().on_disk().unwrap(), copy);
        drop(found);
        assert!(!copy.exists());
    }

    #[test]
    fn a_damaged_member_is_told_by_its_checksum() {
        let file = archive(&[("a.csv", &b"0123456789,abcdefghij\n".repeat(50))]);
        let (_, input) = members(file.path()).unwrap().remove(0);
        let mut bytes = std::fs::read(file.path()).unwrap();
        let stored = archive(&[]);
        // The checksum in the directory at the end, 16 bytes into its entry.
        let entry = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        bytes[entry + 16] ^= 1;
        std::fs::write(stored.path(), &bytes).unwrap();
        assert!(input.read_small(10_000).is_ok());
        let (_, damaged) = members(stored.path()).unwrap().remove(0);
        let error = crate::app::words(&damaged.read_small(10_000).unwrap_err());
        assert!(error.contains("checksum"), "{error}");
    }

    #[test]
    fn what_is_made_to_fill_a_disk_is_refused() {
        let zeros = vec![0_u8; (SUSPICIOUS_BYTES + 1) as usize];
        let file = archive(&[("a.csv", &zeros)]);
        let error = members(file.path()).unwrap_err().to_string();
        assert!(error.contains("times its size"), "{error}");
    }
}
