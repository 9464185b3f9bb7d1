//! Other tools' results: `MLPerf`, trtexec, `OpenVINO`, ONNX Runtime, and what is refused.
//!
//! The texts here are our own writing in the formats of the tools; the expected numbers are those that stand in the
//! text, in other units. Tests on real files take theirs from the files by eye or with another program, as each says.

mod damaged;
mod folders;
mod loadgen;
mod real;
mod runtimes;
mod tables;
mod tensorrt;

use std::path::{Path, PathBuf};

use inferometer::measure::import::{Foreign, Quantity, Results, Statistic, Unit, read, read_bytes};

pub(crate) fn one(results: &Results) -> &Foreign {
    assert_eq!(results.results.len(), 1, "{:?}", results.results);
    &results.results[0]
}

pub(crate) fn parse(text: &str) -> Foreign {
    let results = read_bytes("some.file", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    one(&results).clone()
}

pub(crate) fn refused(name: &str, bytes: &[u8]) -> String {
    match read_bytes(name, bytes) {
        Err(error) => error.to_string(),
        Ok(results) => panic!("{name} was read: {results:?}"),
    }
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads better at every call")]
pub(crate) fn has(foreign: &Foreign, quantity: Quantity, statistic: Statistic, value: f64, unit: &Unit) {
    let metric = foreign.metric(&quantity, statistic).unwrap_or_else(|| {
        panic!("no {quantity:?} {statistic:?} among {:?}", foreign.metrics);
    });
    assert!(
        (metric.value - value).abs() <= value.abs() * 1e-12,
        "{quantity:?} {statistic:?} is {}",
        metric.value
    );
    assert_eq!(metric.unit, *unit, "{quantity:?} {statistic:?}");
}

#[track_caller]
pub(crate) fn nanos(foreign: &Foreign, quantity: Quantity, statistic: Statistic, value: f64) {
    has(foreign, quantity, statistic, value, &Unit::Nanos);
}

#[track_caller]
pub(crate) fn says(foreign: &Foreign, words: &str) {
    assert!(foreign.notes.iter().any(|note| note.contains(words)), "{words:?} not in {:?}", foreign.notes);
}

pub(crate) fn percentile(percent: f64) -> Statistic {
    Statistic::Percentile(percent)
}

pub(crate) fn other(name: &str) -> Quantity {
    Quantity::Other(name.to_owned())
}

pub(crate) fn samples() -> PathBuf {
    PathBuf::from(
        std::env::var_os("INFEROMETER_SAMPLES").expect("INFEROMETER_SAMPLES names the sample folder"),
    )
    .join("results")
}

pub(crate) fn sample(path: &str) -> Foreign {
    let path = samples().join(path);
    let results = read(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(results.len(), 1, "{}", path.display());
    assert_eq!(results[0].path, path);
    one(&results[0]).clone()
}

/// Writes a file and the folders above it.
pub(crate) fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
