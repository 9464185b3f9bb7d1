//! The second half of the table of formats: servers, language models and other runtimes.

use super::Reader;

/// Formats that are tried after those of the folder's own table.
pub(super) const READERS: &[Reader] = &[];
