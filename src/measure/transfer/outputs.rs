//! Outputs on their way back from another machine: pieces of a file that the worker there keeps, written here and
//! checked against its hash. Neither side ever holds more than a piece.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::PIECE_BYTES;
use crate::measure::cancel::Cancel;
use crate::measure::launcher::{Worker, WorkerError};
use crate::measure::model_file::hex;
use crate::measure::protocol::{Event, Request};

/// The piece of a file from `offset` on, in base64; empty at its end.
pub(crate) fn piece_of(file: &mut File, offset: u64) -> io::Result<String> {
    let mut data = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(PIECE_BYTES).read_to_end(&mut data)?;
    Ok(STANDARD.encode(&data))
}

/// Writes the outputs that the worker keeps, so many `bytes` with this `sha256`, to `out`.
pub(crate) fn bring_back(
    worker: &mut Worker,
    (bytes, sha256): (u64, &str),
    out: &Path,
    cancel: &Cancel,
) -> Result<(), WorkerError> {
    let cannot = |error: io::Error| {
        WorkerError::Refused(format!("cannot keep the outputs: {error}: {}", out.display()))
    };
    let mut file = File::create(out).map_err(cannot)?;
    let mut hash = Sha256::new();
    let mut offset = 0;
    while offset < bytes {
        let request = Request::Give { offset };
        let answer = worker.ask_as_it_is(&request, Duration::ZERO, cancel, &mut |_| (), &mut || ())?;
        let Event::Given { data } = answer else {
            return Err(WorkerError::Protocol(format!("{answer:?} instead of a piece of the outputs")));
        };
        let piece = STANDARD.decode(data).map_err(|error| {
            WorkerError::Protocol(format!("a piece of the outputs is not base64: {error}"))
        })?;
        if piece.is_empty() || offset + piece.len() as u64 > bytes {
            return Err(WorkerError::Protocol(format!(
                "{} bytes at byte {offset} of {bytes} bytes of outputs",
                piece.len()
            )));
        }
        hash.update(&piece);
        file.write_all(&piece).map_err(cannot)?;
        offset += piece.len() as u64;
    }
    let found = hex(&hash.finalize());
    if found == sha256 {
        return Ok(());
    }
    Err(WorkerError::Protocol(format!(
        "the outputs were changed on their way: SHA-256 {found} came instead of {sha256}"
    )))
}
