//! The binary: parse arguments, open the window or run one command.

fn main() {}
