//! What is cut, mislabelled, too large or no result at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use inferometer::measure::import::{Foreign, ImportError, Quantity, Results, detect, read, read_bytes};

use super::loadgen::{SERVER, SINGLE_STREAM, detail, event};
use super::runtimes::{COUNTERS, OPENVINO, OPENVINO_LOG, PERF_FILE, PERF_TEST, PROFILE};
use super::tables::{ENDPOINTS, REFERENCE, SNAPSHOT, TABLE};
use super::tensorrt::{TIMES, TRTEXEC};
use super::{nanos, one, percentile, refused, samples, write};

/// Every format of this file, written by us.
fn texts() -> Vec<(&'static str, String)> {
    vec![
        ("summary", SINGLE_STREAM.to_owned()),
        ("server", SERVER.to_owned()),
        ("detail", detail()),
        ("table", TABLE.to_owned()),
        ("endpoints", ENDPOINTS.to_owned()),
        ("snapshot", SNAPSHOT.to_owned()),
        ("reference", REFERENCE.to_owned()),
        ("trtexec", TRTEXEC.to_owned()),
        ("times", TIMES.to_owned()),
        ("openvino", OPENVINO.to_owned()),
        ("openvino log", OPENVINO_LOG.to_owned()),
        ("counters", COUNTERS.to_owned()),
        ("perf_test", PERF_TEST.to_owned()),
        ("perf_file", PERF_FILE.to_owned()),
        ("profile", PROFILE.to_owned()),
    ]
}

/// A message names what was found and what to do, and ends with the path.
#[track_caller]
fn is_a_message(name: &str, error: &ImportError) {
    let message = error.to_string();
    assert!(message.ends_with(name), "{message}");
    assert!(message.len() > name.len() + 30, "{message}");
    assert!(!message.contains("; :"), "{message}");
}

/// The numbers of a file, each with the place it stands at.
fn numbers(results: &Results) -> BTreeSet<String> {
    let of = |foreign: &Foreign| {
        let at = format!("{} {:?}", foreign.tool, foreign.scenario);
        let metrics = foreign.metrics.iter();
        metrics
            .map(move |it| format!("{at} {:?} {:?} {}", it.quantity, it.statistic, it.value))
            .collect::<Vec<_>>()
    };
    results.results.iter().flat_map(of).collect()
}

/// A file that breaks off is refused with its place, or read as far as it goes with a word about it: never with a number
/// that the whole file has not, and never in silence unless it says what the whole file says.
#[test]
fn a_file_cut_anywhere_is_refused_or_gives_true_numbers_and_says_so() {
    // Its numbers are of all rows there are: fewer rows have others.
    let of_all_rows = ["perf_file"];
    let mut wrong = Vec::new();
    for (name, text) in texts() {
        let whole = read_bytes(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let known = numbers(&whole);
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            match read_bytes(name, &text.as_bytes()[..end]) {
                Ok(results) => {
                    let found = numbers(&results);
                    let at_line_end = text[..end].ends_with('\n') || text[end..].starts_with('\n');
                    let strange: Vec<_> = found.difference(&known).collect();
                    let may_differ = of_all_rows.contains(&name) && at_line_end;
                    if !strange.is_empty() && !may_differ {
                        wrong.push(format!("{name} cut at {end}: {strange:?}"));
                    }
                    let said = !results.warnings.is_empty() || results.results.len() < whole.results.len();
                    if !said && !at_line_end && found != known {
                        wrong.push(format!("{name} cut at {end}: read in silence"));
                    }
                }
                Err(error) => is_a_message(name, &error),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn json_that_is_cut_says_so_with_its_place() {
    for (name, text) in
        texts().into_iter().filter(|(_, text)| text.starts_with(['{', '[']) && !text.starts_with("[Step"))
    {
        let message = refused(name, &text.as_bytes()[..text.len() - 40]);
        assert!(message.contains("the JSON ends in the middle"), "{message}");
        assert!(message.contains("line ") && message.contains("column "), "{message}");
    }
}

#[test]
fn the_name_does_not_matter_and_packing_and_encoding_neither() {
    use std::io::Write;
    for (name, text) in texts() {
        let plain = read_bytes("x", text.as_bytes()).unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        let little: Vec<u8> =
            [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let windows = text.replace('\n', "\r\n").into_bytes();
        for (kind, bytes) in [
            ("packed", &packed),
            ("marked", &marked),
            ("UTF-16LE", &little),
            ("UTF-16BE", &big),
            ("CRLF", &windows),
        ] {
            let read = read_bytes("x", bytes).unwrap_or_else(|error| panic!("{name} {kind}: {error}"));
            assert_eq!(read.results, plain.results, "{name} {kind}");
        }
        let cut = refused(name, &packed[..packed.len() / 2]);
        assert!(cut.ends_with(name), "{cut}");
    }
}

#[test]
fn what_is_no_result_is_refused_with_what_it_looks_like() {
    assert!(refused("empty.json", b"").contains("it is empty"));
    assert!(refused("blank.txt", b" \n\n").contains("it is empty"));
    assert!(refused("noise.log", &[0, 159, 146, 150, 0, 1, 2, 3]).contains("it is not text"));
    assert!(
        refused("bill.csv", b"BillingPeriod,Cost\n2026-01,3.5\n")
            .contains("text that begins \"BillingPeriod,Cost\"")
    );
    let message = refused("a.json", br#"{"name": "x", "version": 3}"#);
    assert!(message.contains("JSON with the keys name, version"), "{message}");
    assert!(message.ends_with("a.json"), "{message}");
}

#[test]
fn detection_looks_at_the_content_and_claims_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mlperf_log_summary.txt", "BilledCost,ChargePeriodStart\n1,2026-01-01\n");
    write(folder.path(), "anything.bin", SINGLE_STREAM);
    assert_eq!(detect(&folder.path().join("mlperf_log_summary.txt")), None);
    assert_eq!(detect(&folder.path().join("anything.bin")), Some("MLPerf LoadGen summary"));
    assert_eq!(detect(folder.path()), None);
    assert_eq!(detect(&folder.path().join("absent")), None);
}

#[test]
fn warnings_without_end_are_counted_not_kept() {
    let text = SINGLE_STREAM.replace("No warnings", &"what is this?\n".repeat(5000));
    let results = read_bytes("x", text.as_bytes()).unwrap();
    assert_eq!(results.warnings.len(), 201);
    assert!(results.warnings[200].message.ends_with("more warnings like these"));
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_before_it_is_waited_for() {
    let message = read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(message.contains("no regular file"), "{message}");
}

/// Text of `head`, then `line` again and again until it is `bytes` long.
fn long_file(path: &Path, head: &str, line: &str, bytes: usize) {
    use std::io::Write;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    file.write_all(head.as_bytes()).unwrap();
    let mut written = 0;
    while written < bytes {
        file.write_all(line.as_bytes()).unwrap();
        written += line.len();
    }
    file.flush().unwrap();
}

#[test]
fn a_file_that_is_too_large_is_refused_and_a_long_log_is_streamed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    // Read whole: refused at 64 MiB, whatever follows.
    long_file(
        &path,
        r#"{"n_samples_issued":1,"n_samples_completed":1,"duration_ns":1,"#,
        "\"a\":  1,\n",
        70 << 20,
    );
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("results of this kind are read up to 64 MiB"), "{message}");
    // Many small values: refused before they fill the memory.
    long_file(
        &path,
        r#"{"n_samples_issued":1,"n_samples_completed":1,"duration_ns":1,"x":["#,
        "0,0,0,0,",
        12 << 20,
    );
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("more than 4000000 values"), "{message}");
    // One endless line.
    long_file(&path, ":::MLLOG {\"key\": \"a", "xxxxxxxxxxxxxxxx", 20 << 20);
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("line 1") && message.contains("16 MiB"), "{message}");
    // One endless element of a list.
    long_file(
        &path,
        "[{\"startComputeMs\":1,\"endComputeMs\":1,\"computeMs\":1,\"latencyMs\":\"",
        "xxxxxxxx",
        40 << 20,
    );
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("16 MiB"), "{message}");
    // A log of 70 MiB whose lines are short is read line by line.
    long_file(&path, &detail(), &event("generic_message", "\"again\""), 70 << 20);
    let found = read(&path).unwrap();
    nanos(one(&found[0]), Quantity::Latency, percentile(90.0), 3e6);
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn no_bill_price_or_trace_is_taken_for_a_result() {
    let root = samples().join("..");
    let mut looked_at = 0;
    for part in ["bills", "prices", "traces", "vectors"] {
        for path in files(&root.join(part)) {
            looked_at += 1;
            assert_eq!(detect(&path), None, "{}", path.display());
        }
    }
    assert!(looked_at > 50, "{looked_at}");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn a_real_file_cut_anywhere_is_read_or_refused_with_a_message() {
    for path in files(&samples()) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Every seventh byte of what is small; of what is large, some thousand places.
        let step = (bytes.len() / 1500).max(7);
        for end in (0..bytes.len().min(100_000)).step_by(step) {
            if let Err(error) = read_bytes(name, &bytes[..end]) {
                is_a_message(name, &error);
            }
        }
    }
}
