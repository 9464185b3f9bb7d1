//! Reads a model from disk: the ONNX file and the external data beside it.
//!
//! Holds the file once: the decoder's weights are slices of the buffer the file was read into. External data is
//! hashed in pieces and never held.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use prost::bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::model::Model;
use crate::model::onnx::{self, External, ExternalProblem, MAX_FILE_BYTES, ModelError};

/// Why a model could not be read from disk.
#[derive(Debug, thiserror::Error)]
pub enum ModelFileError {
    /// The file is not there or the system refuses it.
    #[error("cannot read the model: {}: {}", system_words(problem), path.display())]
    Unreadable {
        /// What the system says.
        problem: io::Error,
        /// The model's path.
        path: PathBuf,
    },
    /// A folder where a file is needed.
    #[error("cannot read the model: this is a folder{}: {}", folder_words(models), path.display())]
    Folder {
        /// Names of the `.onnx` files in it.
        models: Vec<String>,
        /// The path given.
        path: PathBuf,
    },
    /// The file was read and is no model we understand.
    #[error("cannot read the model: {source}: {}", path.display())]
    Model {
        /// What is wrong.
        source: ModelError,
        /// The model's path.
        path: PathBuf,
    },
    /// External data that was there cannot be hashed.
    #[error("cannot read the model's external data: {}: {}", system_words(problem), path.display())]
    ExternalUnreadable {
        /// What the system says.
        problem: io::Error,
        /// The external file's path.
        path: PathBuf,
    },
}

/// What the system says of a file it does not give; common things without their numbers.
pub(crate) fn system_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; check its name and folder".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system does not allow reading it; check its rights".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a folder; give a file in it".to_owned(),
        _ => error.to_string(),
    }
}

/// Names of the `.onnx` files in a folder, sorted.
fn models_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| Path::new(&entry.file_name()).extension().is_some_and(|ending| ending == "onnx"))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Names of a folder's models that a message tells.
const NAMES_TOLD: usize = 3;

fn folder_words(models: &[String]) -> String {
    let told = models.get(..NAMES_TOLD).unwrap_or(models).join(", ");
    match models.len() {
        0 => " without an .onnx file in it; give the file itself".to_owned(),
        count if count > NAMES_TOLD => {
            format!(" with {count} .onnx files in it ({told}, …); give the files themselves")
        }
        1 => format!("; give the file in it, {told}"),
        _ => format!("; give the files in it: {told}"),
    }
}

/// Whether a file is an ONNX model by its outermost fields, whatever it is called: each is one of `ModelProto`
/// (`onnx.proto3`) with its wire type, the last ends with the file, and there is a graph. Reads the fields' heads
/// only. What cannot be read is none.
pub fn is_model(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return false };
    has_model_fields(&mut BufReader::new(file), length).unwrap_or(false)
}

fn has_model_fields(file: &mut BufReader<File>, length: u64) -> io::Result<bool> {
    let mut has_graph = false;
    let mut fields = 0_u32;
    while file.stream_position()? < length {
        fields += 1;
        if fields > MOST_FIELDS {
            return Ok(false);
        }
        let Some(tag) = varint(file)? else { return Ok(false) };
        let Some(value) = varint(file)? else { return Ok(false) };
        match (tag >> 3, tag & 7) {
            // ir_version and model_version
            (1 | 5, 0) => {}
            // texts, opset_import, metadata_props, training_info, functions, configuration, and the graph itself
            (field @ (2 | 3 | 4 | 6 | 7 | 8 | 14 | 20 | 25 | 26), 2) => {
                has_graph |= field == 7;
                let Some(end) = file.stream_position()?.checked_add(value) else { return Ok(false) };
                if end > length {
                    return Ok(false);
                }
                file.seek_relative(i64::try_from(value).unwrap_or(i64::MAX))?;
            }
            _ => return Ok(false),
        }
    }
    Ok(has_graph)
}

/// Outermost fields that are looked at: a model has a few, and one for each function and metadata entry.
const MOST_FIELDS: u32 = 1_000_000;

/// A protobuf variable-length integer; `None` where it has no end.
fn varint(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut value = 0_u64;
    for index in 0..10 {
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7F).checked_shl(7 * index).unwrap_or(0);
        if byte[0] & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Reads the model at `path` and everything that belongs to it.
///
/// Its `sha256` is that of the file's bytes followed by those of its external files in the order of their
/// locations; without external data it is what `sha256sum` prints.
pub fn read(path: &Path) -> Result<Model, ModelFileError> {
    let unreadable = |problem| ModelFileError::Unreadable { problem, path: path.to_owned() };
    let wrong = |source| ModelFileError::Model { source, path: path.to_owned() };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(ModelFileError::Folder { models: models_in(path), path: path.to_owned() });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(wrong(ModelError::TooLarge { bytes: metadata.len() }));
    }
    let mut hash = Sha256::new();
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    let mut file = File::open(path).map_err(unreadable)?;
    // Each piece is hashed while it is still in the processor's cache. A file that grows is read no further than
    // the limit.
    loop {
        let from = bytes.len();
        let piece = (&mut file).take(PIECE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
        hash.update(&bytes[from..]);
        if piece == 0 || bytes.len() as u64 > MAX_FILE_BYTES {
            break;
        }
    }
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let folder = Folder::of(path);
    let onnx::Parsed { mut model, external } =
        onnx::parse(&name, Bytes::from(bytes), &folder).map_err(wrong)?;
    for location in external {
        let path = folder.path.join(&location);
        hash_file(&path, &mut hash)
            .map_err(|problem| ModelFileError::ExternalUnreadable { problem, path })?;
    }
    model.sha256 = hex(&hash.finalize());
    Ok(model)
}

/// Locations of a model's external data, below the model's folder, in the order in which [`read`] hashes them.
pub(super) fn external_locations(path: &Path) -> Result<Vec<String>, ModelFileError> {
    let unreadable = |problem| ModelFileError::Unreadable { problem, path: path.to_owned() };
    let wrong = |source| ModelFileError::Model { source, path: path.to_owned() };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(wrong(ModelError::TooLarge { bytes }));
    }
    let bytes = Bytes::from(fs::read(path).map_err(unreadable)?);
    Ok(onnx::parse("", bytes, &Folder::of(path)).map_err(wrong)?.external)
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
        text
    })
}

/// How much is read before it is hashed, in bytes.
const PIECE_BYTES: u64 = 1 << 20;

/// Adds the bytes of the file at `path` to `hash`, in pieces.
pub(super) fn hash_file(path: &Path, hash: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES as usize];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => hash.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The folder a model lies in.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn of(model: &Path) -> Self {
        let parent = model.parent().filter(|parent| !parent.as_os_str().is_empty());
        Self { path: parent.unwrap_or(Path::new(".")).to_owned() }
    }
}

impl External for Folder {
    fn length(&self, location: &str) -> Result<u64, ExternalProblem> {
        let problem = |error: &io::Error| match error.kind() {
            io::ErrorKind::NotFound => ExternalProblem::Missing,
            _ => ExternalProblem::Unreadable(error.to_string()),
        };
        let folder = self.path.canonicalize().map_err(|error| problem(&error))?;
        let file = self.path.join(location).canonicalize().map_err(|error| problem(&error))?;
        if !file.starts_with(&folder) {
            return Err(ExternalProblem::Outside);
        }
        let metadata = fs::metadata(&file).map_err(|error| problem(&error))?;
        if !metadata.is_file() {
            return Err(ExternalProblem::Unreadable("it is not a file".to_owned()));
        }
        Ok(metadata.len())
    }
}
