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

const SAMPLES: [&str; 2] = ["models/digits-cnn.onnx", "models/digits-student.onnx"];

/// What `compare --json` prints, with a short race.
fn compared() -> Value {
    let quick = ["--runs", "1", "--seconds", "0.05", "--race-seconds", "0.2", "--race-processes", "1"];
    crate::cli::json(&[["compare", "--json"].as_slice(), &quick].concat(), &SAMPLES.map(sample))
}

#[test]
fn a_race_of_another_machine_brings_every_latency() {
    let folder = tempfile::tempdir().unwrap();
    let document = compared();
    let mut app = app_in(folder.path());
    assert_eq!(open(&mut app, folder.path(), &document.to_string()), None);
    let report = app.take_reports().remove(0);
    assert_eq!(report.kind.unwrap().to_string(), "race");
    assert_eq!(report.says.as_deref(), document["race"]["sentence"].as_str());
    let notice = app.next_notice().unwrap().text;
    assert!(notice.contains("digits-cnn.onnx, digits-student.onnx"), "{notice}");
    let hash = |side: &str| document[side]["sha256"].as_str().unwrap().to_owned();
    let duel = app.state().duel(&hash("a"), &hash("b")).unwrap();
    assert_eq!(document["race"]["pairs"], duel.pairs);
    // The medians of blocks, worked out again from the latencies, are those that were printed.
    let rounds = app.rounds(&duel).unwrap();
    for (name, block) in [("a_p50_ms", 0), ("b_p50_ms", 1), ("a_again_p50_ms", 2)] {
        let printed = document["race"]["blocks"][name].as_array().unwrap();
        assert_eq!(printed.len(), rounds.len());
        for (printed, round) in printed.iter().zip(&rounds) {
            let mut block = [&round.a, &round.b, &round.again][block].clone();
            block.sort_unstable();
            let lower = block[(block.len() - 1) / 2] as f64 / 1e6;
            let upper = block[block.len() / 2] as f64 / 1e6;
            let printed = printed.as_f64().unwrap();
            assert!((lower - 1e-9..=upper + 1e-9).contains(&printed), "{lower} {printed} {upper}");
        }
    }

    // The same race of a third machine is kept beside it, and nothing of a damaged one.
    let mut other = document.clone();
    other["measurement"]["duel"]["fingerprint"]["cpu"] = "Z80".into();
    let mut newer = document.clone();
    newer["format_version"] = 99.into();
    let mut fewer = document.clone();
    fewer["measurement"]["rounds"].as_array_mut().unwrap().pop();
    let mut bent = document.clone();
    bent["measurement"]["rounds"][3]["b"] = "AAAA".into();
    let mut bare = document.clone();
    bare.as_object_mut().unwrap().remove("measurement");
    let text = document.to_string();
    for (text, words) in [
        (newer.to_string(), "newer Inferometer"),
        (fewer.to_string(), "blocks and has the latencies of"),
        (bent.to_string(), "round 4 are damaged"),
        (bare.to_string(), "lacks its “measurement”"),
        (text[..text.len() - 2].to_owned(), "ends too early"),
    ] {
        let message = open(&mut app, folder.path(), &text).unwrap();
        assert!(message.contains(words) && message.contains("r.json"), "{words} is not in: {message}");
    }
    assert_eq!(open(&mut app, folder.path(), &other.to_string()), None);
    assert_eq!(app.take_losses(), [""; 0]);
    let cpus: Vec<&str> = app.state().duels.iter().map(|duel| duel.fingerprint.cpu.as_str()).collect();
    assert_eq!(cpus, [&duel.fingerprint.cpu, "Z80"]);
    assert_eq!(app.state().duels[0], duel);
}

#[test]
fn a_profile_of_another_machine_is_shown_beside_its_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["profile", "--json", "--seconds", "0.05"];
    let document = crate::cli::json(&arguments, &[sample("models/digits-student.onnx")]);
    let mut app = app_in(folder.path());
    assert_eq!(open(&mut app, folder.path(), &document.to_string()), None);
    let report = app.take_reports().remove(0);
    assert_eq!(report.kind.unwrap().to_string(), "profile");
    assert_eq!(report.says.as_deref(), document["sentences"][0].as_str());
    let notice = app.next_notice().unwrap().text;
    assert!(notice.contains("digits-student.onnx at batch 1, 1 thread, CPU"), "{notice}");
    let breakdown = app.state().breakdowns.values().next().unwrap();
    let nodes = document["nodes"].as_array().unwrap();
    assert_eq!(breakdown.profile.nodes.len(), nodes.len());
    assert!(
        breakdown.profile.nodes.iter().zip(nodes).all(|(node, told)| told["self_nanos"] == node.self_nanos)
    );
    assert_eq!(breakdown.fingerprint.cpu, document["machine"]["cpu"].as_str().unwrap());

    // With the measurement of the same configuration, the page finds it.
    let bench = bench(&[]);
    assert_eq!(open(&mut app, folder.path(), &bench), None);
    let point = &app.state().points[0].point;
    assert!(app.state().breakdown(&point.model_sha256, &point.config, &point.target).is_some());
    let mut other = document.clone();
    other["measurement"]["breakdown"]["fingerprint"]["cpu"] = "Z80".into();
    assert_eq!(open(&mut app, folder.path(), &other.to_string()), None);
    assert!(app.take_losses().join("; ").contains("Z80"));
    assert_ne!(app.state().breakdowns.values().next().unwrap().fingerprint.cpu, "Z80");
}
