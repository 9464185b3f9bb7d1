//! The files that belong together: found, measured and hashed on this side before anything is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{PIECE_BYTES, Part};
use crate::measure::launcher::WorkerError;
use crate::measure::model_file;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An ONNX model, with the files its external data is in.
    Model,
    /// A file that stands alone.
    File,
}

/// Files that belong together, the one asked for first.
#[derive(Debug)]
pub(super) struct Bundle {
    pub parts: Vec<Part>,
    /// Where each part is on this machine.
    pub paths: Vec<PathBuf>,
    /// Of all bytes, part after part: a model's identity, as [`model_file::read`] has it.
    pub sha256: String,
}

impl Bundle {
    /// Reads and hashes everything that `path` needs.
    pub(super) fn read(path: &Path, kind: Kind) -> Result<Self, WorkerError> {
        let refused = |error: io::Error, path: &Path| {
            WorkerError::Refused(format!("cannot read the file to be sent: {error}: {}", path.display()))
        };
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| {
                WorkerError::Refused(format!(
                    "its name cannot be sent to another machine (not Unicode); rename it: {}",
                    path.display()
                ))
            })?
            .to_owned();
        let mut files = vec![(name, path.to_owned())];
        if kind == Kind::Model {
            // A file that is no model we can read may be one for the runtime, which then says what it lacks.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            for location in model_file::external_locations(path).unwrap_or_default() {
                let beside = folder.unwrap_or(Path::new(".")).join(&location);
                if files.iter().all(|(known, _)| *known != location) {
                    files.push((location, beside));
                }
            }
        }
        let mut whole = Sha256::new();
        let (mut parts, mut paths) = (Vec::new(), Vec::new());
        for (location, path) in files {
            let (sha256, bytes) = hashed(&path, &mut whole).map_err(|error| refused(error, &path))?;
            parts.push(Part { location, sha256, bytes });
            paths.push(path);
        }
        Ok(Self { parts, paths, sha256: model_file::hex(&whole.finalize()) })
    }
}

/// The hash and size of one file; its bytes are added to `whole`, too.
fn hashed(path: &Path, whole: &mut Sha256) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut own = Sha256::new();
    let mut piece = vec![0; PIECE_BYTES as usize];
    let mut bytes = 0;
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((model_file::hex(&own.finalize()), bytes)),
            Ok(count) => {
                own.update(&piece[..count]);
                whole.update(&piece[..count]);
                bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_identity_that_reading_it_gives() {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models/digits-student.onnx");
        let bundle = Bundle::read(&model, Kind::Model).unwrap();
        assert_eq!(bundle.sha256, model_file::read(&model).unwrap().sha256);
        assert_eq!(bundle.parts.len(), 1);
        assert_eq!(bundle.parts[0].bytes, std::fs::metadata(&model).unwrap().len());
    }

    #[test]
    fn what_is_no_model_is_sent_alone_and_what_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.onnx");
        std::fs::write(&text, "abc").unwrap();
        let bundle = Bundle::read(&text, Kind::Model).unwrap();
        // `printf abc | sha256sum`
        assert_eq!(
            bundle.parts[0].sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let absent = Bundle::read(&folder.path().join("absent.npz"), Kind::File).unwrap_err().to_string();
        assert!(
            absent.contains("cannot read the file to be sent") && absent.contains("absent.npz"),
            "{absent}"
        );
    }
}
