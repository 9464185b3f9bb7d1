//! What every target does with bytes: hands them to the readers of results and holds the answer to its promises.
//!
//! A family's target puts the beginning of each of its formats before the bytes, so that the bytes reach its readers
//! however they are told.

use inferometer::bill::{self, BillError, Store};
use inferometer::measure::import::{Results, Unit, read_bytes};

const NAME: &str = "fuzzed";

/// Reads `bytes` as a file. Panics where a promise is broken: a result that holds nothing, a number that is none, an
/// error that does not end with the file.
pub fn read(bytes: &[u8]) {
    match read_bytes(NAME, bytes) {
        Ok(results) => holds(&results),
        Err(error) => assert!(error.to_string().ends_with(NAME), "{error}"),
    }
}

/// Reads `bytes` after each of `beginnings`.
pub fn read_after(beginnings: &[&str], bytes: &[u8]) {
    for beginning in beginnings {
        read(&[beginning.as_bytes(), bytes].concat());
    }
}

fn holds(results: &Results) {
    assert!(!results.results.is_empty() || !results.warnings.is_empty(), "nothing, and nothing said");
    for run in &results.results {
        for metric in &run.metrics {
            assert!(metric.value.is_finite(), "{metric:?}");
            assert!(metric.value >= 0.0 || metric.unit != Unit::Nanos, "{metric:?}");
            assert!(metric.rounding.is_none_or(|rounding| rounding >= 0.0 && rounding.is_finite()), "{metric:?}");
        }
        for samples in &run.samples {
            assert!(samples.began_nanos.is_empty() || samples.began_nanos.len() == samples.nanos.len());
        }
    }
}

/// Reads `bytes` as a bill of this name, and imports it. Panics where a promise is broken: an error that does not end with
/// the file, a warning of no file, an import that keeps other rows than were read.
pub fn read_bill(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    match bill::dry_run(&path) {
        Ok((rows, dropped, warnings)) => {
            let store = Store::at(folder.path().join("store"));
            match bill::import(&path, &store, &mut |_done| (), &|| false) {
                Ok(imported) => assert_eq!((imported.rows, imported.dropped), (rows, dropped)),
                Err(BillError::SeveralBills { .. } | BillError::TooLarge { .. }) => {}
                Err(error) => panic!("read, but not imported: {error}"),
            }
            assert!(warnings.iter().all(|warning| !warning.file.is_empty() && !warning.message.is_empty()));
            assert!(warnings.iter().all(|warning| warning.line != Some(0)), "{warnings:?}");
        }
        // A sum that does not fit names its column.
        Err(BillError::TooLarge { .. } | BillError::Query { .. }) => {}
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(&folder.path().display().to_string()), "{text}");
        }
    }
}

/// Reads `bytes` as a bill after each of `beginnings`.
pub fn read_bill_after(name: &str, beginnings: &[&str], bytes: &[u8]) {
    for beginning in beginnings {
        read_bill(name, &[beginning.as_bytes(), bytes].concat());
    }
}
