//! The folder imported bills live in: `<hash>.parquet` with the rows and `<hash>.json` with the import report.
//!
//! Content-addressed: the hash is the SHA-256 of the source file and the version of the reader, so the same file
//! is never read twice, and a better reader reads it again. Files appear by rename; the report comes last, so
//! what has a report is whole. The files may be removed at any time; the bill is then imported again.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::error::BillError;
use super::import::Imported;

/// Raised whenever the same file would be stored differently: columns, types, inference rules, what is written down
/// about it.
pub const READER_VERSION: u32 = 5;

/// How the files of imports that are not finished begin.
const UNFINISHED: &str = ".importing-";
/// What nobody has written to for so long, a process has left that was killed.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

/// A bill store in a folder.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Report {
    reader_version: u32,
    imported: Imported,
}

impl Store {
    /// The store in this folder; it is made when the first bill comes.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the rows of a bill are, or would be.
    pub fn rows_path(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}.parquet"))
    }

    fn report_path(&self, hash: &str) -> PathBuf {
        self.folder.join(format!("{hash}.json"))
    }

    /// The report of a bill in the store; `None` when it is not there whole.
    ///
    /// # Errors
    /// The report is there and cannot be read.
    pub fn get(&self, hash: &str) -> Result<Option<Imported>, BillError> {
        let path = self.report_path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BillError::Store { doing: "read a report", path, source }),
        };
        let report: Report =
            serde_json::from_slice(&bytes).map_err(|source| BillError::Report { path, source })?;
        let rows = self.rows_path(hash);
        // The name of a bill has the version of its reader; what an older one has stored is still a bill.
        if report.reader_version > READER_VERSION || !rows.is_file() {
            return Ok(None);
        }
        // The folder may have moved since.
        Ok(Some(Imported { path: rows, ..report.imported }))
    }

    /// A file in the store's folder that is gone when dropped.
    pub(super) fn temporary(&self) -> Result<NamedTempFile, BillError> {
        let error = |source| BillError::Store { doing: "make a file", path: self.folder.clone(), source };
        fs::create_dir_all(&self.folder).map_err(error)?;
        self.remove_abandoned();
        tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder).map_err(error)
    }

    /// Removes what killed imports have left, which nothing else would: such a file may be as large as a bill. One that
    /// cannot be removed is in nobody's way.
    fn remove_abandoned(&self) {
        let is_abandoned = |entry: &fs::DirEntry| {
            let age = |about: fs::Metadata| SystemTime::now().duration_since(about.modified().ok()?).ok();
            entry.file_name().to_string_lossy().starts_with(UNFINISHED)
                && entry.metadata().ok().and_then(age).is_some_and(|age| age > ABANDONED_AFTER)
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten().filter(is_abandoned) {
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Puts a finished bill in its place: the rows first, then the report.
    pub(super) fn put(&self, rows: NamedTempFile, imported: &Imported) -> Result<(), BillError> {
        let error = |source| BillError::Store { doing: "keep a bill", path: self.folder.clone(), source };
        rows.as_file().sync_all().map_err(error)?;
        // The report is on disk before the rows are in their place: without it nothing would ever remove them.
        let mut report = self.temporary()?;
        let content = Report { reader_version: READER_VERSION, imported: imported.clone() };
        let mut writer = io::BufWriter::new(report.as_file_mut());
        serde_json::to_writer(&mut writer, &content).map_err(|json| error(json.into()))?;
        writer.flush().map_err(error)?;
        drop(writer);
        report.as_file().sync_all().map_err(error)?;
        rows.persist(self.rows_path(&imported.hash)).map_err(|persist| error(persist.error))?;
        report.persist(self.report_path(&imported.hash)).map_err(|persist| error(persist.error))?;
        Ok(())
    }
}

/// A file being written, which keeps the system's own words when it refuses: polars hands on some of them as text.
pub(super) struct Watched {
    file: File,
    refused: Refused,
}

/// What the system said when it refused to write.
pub(super) type Refused = Arc<Mutex<Option<io::Error>>>;

impl Watched {
    /// The file, and where its refusal will be.
    pub fn new(file: File) -> (Self, Refused) {
        let refused = Refused::default();
        (Self { file, refused: Arc::clone(&refused) }, refused)
    }

    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let copy = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            if let Ok(mut refused) = self.refused.lock() {
                *refused = Some(copy);
            }
        })
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.file.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.file.flush();
        self.keep(result)
    }
}

/// The name a file has in the store: its SHA-256 and the reader's version, `<64 hex digits>-4`.
///
/// # Errors
/// The file cannot be read; or `each`, told the share that is done in [0, 1], returns an error.
pub fn hash_file(
    path: &Path,
    mut each: impl FnMut(f64) -> Result<(), BillError>,
) -> Result<String, BillError> {
    let read_error = |source| BillError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(read_error)?;
    let total = file.metadata().map_err(read_error)?.len().max(1);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut done: u64 = 0;
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(read_error(error)),
        };
        hasher.update(&buffer[..read]);
        done += read as u64;
        each((done as f64 / total as f64).min(1.0))?;
    }
    Ok(name_of(hasher))
}

/// The name of a bill of many files: of the names of their content, and their own names, in order.
pub fn hash_of_many<'n>(files: impl IntoIterator<Item = (&'n str, &'n str)>) -> String {
    let mut hasher = Sha256::new();
    for (content, name) in files {
        hasher.update(content);
        hasher.update([0]);
        hasher.update(name);
        hasher.update([0]);
    }
    name_of(hasher)
}

/// The name of a bill that two files make together, from the names each has alone.
pub fn hash_of_both(one: &str, other: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(one);
    hasher.update(other);
    name_of(hasher)
}

fn name_of(hasher: Sha256) -> String {
    let mut hash = String::with_capacity(72);
    for byte in hasher.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    format!("{hash}-{READER_VERSION}")
}
