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

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::measure::launcher::Launcher;
    use crate::measure::protocol::PROTOCOL;

    /// `printf abc | sha256sum`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// What comes back from a worker that hands over `data` for each piece.
    fn brought(data: &str, bytes: u64, sha256: &str) -> Result<Vec<u8>, String> {
        let script = format!(
            "echo '@inferometer {{\"hello\":{{\"protocol\":{PROTOCOL},\"version\":\"0\"}}}}'; \
             while read x; do echo '@inferometer {{\"given\":{{\"data\":\"{data}\"}}}}'; done"
        );
        let launcher = Launcher::command(["sh", "-c", &script].map(str::to_owned).to_vec());
        let cancel = Cancel::new();
        let out = tempfile::NamedTempFile::new().unwrap();
        let mut worker = launcher.start(&cancel).unwrap();
        bring_back(&mut worker, (bytes, sha256), out.path(), &cancel).map_err(|error| error.to_string())?;
        Ok(std::fs::read(out.path()).unwrap())
    }

    #[test]
    fn pieces_are_put_together_and_checked() {
        // `printf abc | base64`; of a file of six bytes each piece is half.
        assert_eq!(brought("YWJj", 3, ABC), Ok(b"abc".to_vec()));
        let twice = hex(&Sha256::digest(b"abcabc"));
        assert_eq!(brought("YWJj", 6, &twice), Ok(b"abcabc".to_vec()));
        assert!(brought("YWJk", 3, ABC).unwrap_err().contains("changed on their way"));
        assert!(brought("YWJj", 2, ABC).unwrap_err().contains("3 bytes at byte 0 of 2"));
        assert!(brought("", 3, ABC).unwrap_err().contains("0 bytes at byte 0 of 3"));
        assert!(brought("?", 3, ABC).unwrap_err().contains("not base64"));
    }

    #[test]
    fn a_piece_begins_where_it_is_asked_for() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..PIECE_BYTES + 10).map(|place| (place % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let mut piece = |offset| STANDARD.decode(piece_of(&mut file, offset).unwrap()).unwrap();
        assert_eq!(piece(5), content[5..PIECE_BYTES as usize + 5]);
        assert_eq!(piece(PIECE_BYTES), content[PIECE_BYTES as usize..]);
        assert_eq!(piece(PIECE_BYTES + 10), Vec::<u8>::new());
    }
}
