//! Model and input files on their way to another machine, each sent once and known there by its hash; outputs on
//! their way back.
//!
//! - `Bundle` is what belongs together: a model with its external data, or one file
//! - `Courier` is this side: it sends what is lacking over a worker's connection and remembers where it lies
//! - `Store` is the other side: content by hash, and folders in which it has its names again
//! - `outputs` is the way back: pieces of a file that a worker keeps
//!
//! Must not know how the other machine is reached.

mod bundle;
mod courier;
mod outputs;
mod store;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::launcher::{Launcher, WorkerError};
use super::shapes;

pub use bundle::Kind;
pub(super) use courier::Courier;
pub(super) use outputs::{bring_back, piece_of};
pub(super) use store::Store;

/// Largest piece of a file in one message, in bytes before they are encoded.
pub const PIECE_BYTES: u64 = 1 << 20;

/// A file as both sides know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place beside the other parts, with `/` between names: `model.onnx`, `weights/1.bin`.
    pub location: String,
    /// SHA-256 of its content, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// A piece of a file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// SHA-256 of the whole content.
    pub sha256: String,
    /// Size of the whole content.
    pub bytes: u64,
    /// Where this piece begins; pieces come in order, and 0 begins anew.
    pub offset: u64,
    /// Up to [`PIECE_BYTES`] of it, in base64.
    pub data: String,
}

/// Brings a file to the machine that measures, where that is another one, and tells in words how far it is.
pub(super) fn bring(
    path: &Path,
    kind: Kind,
    launcher: &Launcher,
    cancel: &Cancel,
    on_words: &mut dyn FnMut(String),
) -> Result<Option<String>, WorkerError> {
    let (name, target) = (shapes::file_name(path), launcher.target());
    let mut told = None;
    launcher.bring(path, kind, cancel, &mut |sent, total| {
        let percent = sent.saturating_mul(100).checked_div(total);
        if told != Some(percent) {
            told = Some(percent);
            let share = percent.map_or_else(String::new, |percent| format!(": {percent} %"));
            on_words(format!("sending {name} to `{target}`{share}"));
        }
    })
}

/// The same for a model that was read as `sha256`, and for the input file it is run on, where there is one.
pub(super) fn bring_model(
    model: (&Path, &str),
    inputs: Option<&Path>,
    launcher: &Launcher,
    cancel: &Cancel,
    on_words: &mut dyn FnMut(String),
) -> Result<(), WorkerError> {
    let (path, sha256) = model;
    let sent = bring(path, Kind::Model, launcher, cancel, on_words)?;
    if sent.is_some_and(|sent| sent != *sha256) {
        return Err(WorkerError::Refused(format!(
            "the model changed while it was sent to the other machine; try again: {}",
            path.display()
        )));
    }
    if let Some(inputs) = inputs {
        bring(inputs, Kind::File, launcher, cancel, on_words)?;
    }
    Ok(())
}
