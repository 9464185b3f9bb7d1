//! Measurements of a machine without a network, opened elsewhere: what `bench --json` prints, read back.

use std::path::Path;

use inferometer::app::{App, Command};
use serde_json::Value;

use super::{app_in, sample, wait};

/// What `bench --json` prints of two configurations.
fn bench(extra: &[&str]) -> String {
    let output =
        crate::cli::command(&["bench", "--json", "--runs", "2", "--seconds", "0.05", "--batch", "1,2"])
            .args(extra)
            .arg(sample("models/digits-student.onnx"))
            .output()
            .unwrap();
    assert!(crate::cli::is_done(&output), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Opens a file; gives what was said against it.
fn open(app: &mut App, folder: &Path, text: &str) -> Option<String> {
    let path = folder.join("r.json");
    std::fs::write(&path, text).unwrap();
    wait(app, Command::OpenFiles(vec![path]), |_| ())
}

#[test]
fn a_document_of_another_machine_brings_its_points_and_every_raw_sample() {
    let folder = tempfile::tempdir().unwrap();
    let text = bench(&[]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut app = app_in(folder.path());
    assert_eq!(open(&mut app, folder.path(), &text), None);
    let reports = app.take_reports();
    assert_eq!(
        (reports[0].points, reports[0].kind.as_ref().unwrap().to_string()),
        (Some(2), "measurements".to_owned())
    );
    let points = &app.state().points;
    assert_eq!(points.len(), 2);
    for (stored, written) in points.iter().zip(document["points"].as_array().unwrap()) {
        assert_eq!(stored.point.model_sha256, written["model_sha256"]);
        assert_eq!(stored.point.config.batch, written["batch"]);
        assert_eq!(stored.point.fingerprint.cpu, written["machine"]["cpu"]);
        // Worked out again from the samples, the numbers are those that were printed.
        assert_eq!(stored.summary.samples, written["samples"]);
        let p50 = written["latency_ms"]["p50"].as_f64().unwrap();
        assert!((stored.summary.p50.ms.unwrap() - p50).abs() <= p50 * 1e-12, "{p50}");
        let series = app.series(stored.id).unwrap();
        assert_eq!(series.len(), 2);
        for (series, run) in series.iter().zip(written["runs"].as_array().unwrap()) {
            assert_eq!(series.len() as u64, run["queries"]);
            assert_eq!(series.began_nanos.len(), series.len());
        }
    }
    // The same file again adds nothing.
    assert_eq!(open(&mut app, folder.path(), &text), None);
    assert_eq!(app.state().points.len(), 2);
    // Without a project the command line tells what is in it.
    let told = crate::cli::text(&["import"], &[folder.path().join("r.json")]);
    assert!(told.starts_with("measurements, 2 measurements: "), "{told}");
    assert!(told.contains("p50") && told.matches("digits-student.onnx").count() >= 2, "{told}");
}

#[test]
fn damaged_documents_are_refused_whole_and_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let text = bench(&[]);
    let mut app = app_in(folder.path());
    let samples = {
        let document: Value = serde_json::from_str(&text).unwrap();
        document["points"][1]["measurement"]["samples"][0].as_str().unwrap().to_owned()
    };
    let short = &samples[..samples.len() / 2 / 4 * 4];
    for (bent, words) in [
        (text[..text.len() / 2].to_owned(), "ends too early"),
        (text.replace("\"format_version\": 1", "\"format_version\": 99"), "newer Inferometer"),
        (text.replace(&samples, short), "samples of run 1 are damaged"),
        (text.replace(&samples, "?"), "not base64"),
        (text.replace("\"queries\"", "\"querys\""), "damaged"),
        (bench(&["--no-samples"]), "--no-samples"),
        ("{\"format\": \"inferometer measurements\"}".to_owned(), "format_version"),
    ] {
        let message = open(&mut app, folder.path(), &bent).unwrap();
        assert!(message.contains(words) && message.contains("r.json"), "{words} is not in: {message}");
        assert!(app.state().points.is_empty(), "{words}");
    }
}
