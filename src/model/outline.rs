//! What a file's bytes are, before they are decoded: another format, text, or a message cut short.

use super::onnx::{MAX_FILE_BYTES, ModelError};

/// Files that people take for ONNX models, by their first bytes.
pub(super) fn other_format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = &bytes[..bytes.len().min(512)];
    let trimmed = head.trim_ascii_start();
    let lower = trimmed.get(..64).unwrap_or(trimmed).to_ascii_lowercase();
    let convert = "export it to ONNX first";
    if lower.starts_with(b"version https://git-lfs") {
        return Some(("a Git LFS pointer", "fetch the file itself (`git lfs pull`)"));
    }
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
        return Some(("a web page", "download the file itself rather than the page about it"));
    }
    if head.starts_with(b"PK\x03\x04") {
        return Some(("a zip archive (perhaps a PyTorch checkpoint)", convert));
    }
    if head.starts_with(b"\x89HDF") {
        return Some(("an HDF5 file (perhaps a Keras model)", convert));
    }
    if head.get(4..8) == Some(b"TFL3") {
        return Some(("a TensorFlow Lite model", convert));
    }
    if head.starts_with(b"SQLite format 3\0") {
        return Some(("an SQLite database (perhaps a project)", "a project is named with --project"));
    }
    if head.starts_with(b"\x93NUMPY") {
        return Some(("a NumPy array", "give the .onnx file"));
    }
    if head.starts_with(b"PAR1") {
        return Some(("a Parquet table", "give the .onnx file"));
    }
    if head.starts_with(b"GGUF") {
        return Some(("a GGUF model", convert));
    }
    if head.starts_with(b"\x1f\x8b") {
        return Some(("a gzip archive", "unpack it first"));
    }
    // ONNX starts with small numbers (field tags and lengths), text never has them.
    let is_text = head
        .iter()
        .all(|byte| *byte >= 0x20 && *byte != 0x7F || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C));
    is_text.then_some(("a text file", "give the .onnx file"))
}

/// Walks the outermost fields, so that a file cut short is told from one that is something else.
pub(super) fn check_outline(bytes: &[u8]) -> Result<(), ModelError> {
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let odd = |why: String| ModelError::NotOnnx { why };
        let (tag, after_tag) = varint(bytes, at, start)?;
        let (field, wire) = (tag >> 3, tag & 7);
        // ModelProto has fields 1 to 26 and 30 (onnx.proto3); anything far beyond is another format.
        if field == 0 || field > 100 {
            return Err(odd(format!("byte {start} should start a field and says field number {field}")));
        }
        at = after_tag;
        let needed = match wire {
            0 => {
                at = varint(bytes, at, start)?.1;
                continue;
            }
            1 => 8,
            2 => {
                let (length, after) = varint(bytes, at, start)?;
                at = after;
                length
            }
            5 => 4,
            _ => return Err(odd(format!("byte {start} should start a field and has wire type {wire}"))),
        };
        let end = usize::try_from(needed).ok().and_then(|needed| at.checked_add(needed));
        match end {
            Some(end) if end <= bytes.len() => at = end,
            // Only a field that a model has may claim that bytes are missing, and not more than a file can have.
            _ if field <= 30 && needed <= MAX_FILE_BYTES => {
                let found = (bytes.len() - at) as u64;
                return Err(ModelError::Truncated { at: at as u64, needed, found });
            }
            _ => return Err(odd(format!("the field at byte {start} claims {needed} bytes"))),
        }
    }
    Ok(())
}

/// A protobuf variable-length integer: its value and where it ends.
fn varint(bytes: &[u8], from: usize, field_start: usize) -> Result<(u64, usize), ModelError> {
    let mut value = 0_u64;
    for (index, byte) in bytes[from..].iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).checked_shl(7 * index as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Ok((value, from + index + 1));
        }
    }
    if bytes.len() - from < 10 {
        return Err(ModelError::Truncated { at: from as u64, needed: 1, found: 0 });
    }
    Err(ModelError::NotOnnx { why: format!("the field at byte {field_start} has no end") })
}
