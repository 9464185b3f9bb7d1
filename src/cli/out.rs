//! Standard output that may be closed or full.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes a line, or ends the program: quietly with success when the reader has left, else with the reason.
pub(super) fn line(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("inferometer: could not write to the standard output: {error}");
            std::process::exit(1);
        }
    }
}
