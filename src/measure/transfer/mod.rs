//! Model and input files on their way to another machine, each sent once and known there by its hash.
//!
//! - `Bundle` is what belongs together: a model with its external data, or one file
//! - `Courier` is this side: it sends what is lacking over a worker's connection and remembers where it lies
//! - `Store` is the other side: content by hash, and folders in which it has its names again
//!
//! Must not know how the other machine is reached.

mod bundle;
mod courier;
mod store;

use serde::{Deserialize, Serialize};

pub use bundle::Kind;
pub(super) use courier::Courier;
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
