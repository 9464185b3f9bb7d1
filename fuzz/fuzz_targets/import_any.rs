//! Any bytes as a file of results.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read(bytes));
