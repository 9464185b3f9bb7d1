//! Damaged files of every format: cut anywhere, mislabelled, of wrong types, empty, garbage. Nothing panics, everything
//! gets a message, and no number differs from the whole file's.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use inferometer::measure::import::{Foreign, ImportError, Results, read_bytes};

use super::fixtures;

/// What must be the same in a cut file wherever it is there at all: tool, place, quantity, statistic and value.
fn numbers(results: &Results) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for foreign in &results.results {
        let Foreign { tool, place, metrics, .. } = foreign;
        for metric in metrics {
            all.insert(format!(
                "{tool} {place} {:?} {:?} {}",
                metric.quantity, metric.statistic, metric.value
            ));
        }
    }
    all
}

/// A message with words in it, and the path last.
fn check_message(error: &ImportError, what: &str) {
    let message = error.to_string();
    assert!(message.len() > 30 && message.ends_with("cut.dat"), "{what}: {message}");
}

#[test]
fn more_runs_or_numbers_than_an_honest_file_has_do_not_fill_the_memory() {
    // As many lines as fit into what is read of such a file: what is parsed of them stops at the limit.
    let line = r#"{"model_id":"m","num_prompts":1,"tokenizer_id":"t","request_rate":1,"duration":1,"mean_ttft_ms":1}"#;
    let error = read_bytes("cut.dat", format!("{line}\n").repeat(20_001).as_bytes()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("more than 20000 runs"), "{message}");
    let lists = format!(
        "{{\"model_id\":\"m\",\"num_prompts\":1,\"tokenizer_id\":\"t\",\"itls\":[0{}]}}\n",
        ",0".repeat(500_000)
    );
    let message = read_bytes("cut.dat", lists.repeat(9).as_bytes()).unwrap_err().to_string();
    assert!(message.contains("more than 4000000 values"), "{message}");
    // One run of trtexec that tells numbers without end.
    let mut log = "&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec\n".to_owned();
    for qps in 0..20_000 {
        let _ = writeln!(log, "[11/22/2026-04:00:00] [I] Throughput: {qps} qps");
    }
    let read = read_bytes("cut.dat", log.as_bytes()).unwrap();
    let [run] = read.results.as_slice() else { panic!("{} runs", read.results.len()) };
    assert!((9_000..=10_000).contains(&run.metrics.len()), "{}", run.metrics.len());
    assert!(run.notes.iter().any(|note| note.contains("the rest is left out")), "{:?}", run.notes);
}

#[test]
fn files_cut_at_every_seventh_byte_give_a_message_or_true_numbers() {
    for (name, text) in fixtures() {
        let whole = read_bytes("cut.dat", text.as_bytes()).unwrap();
        let known = numbers(&whole);
        for length in (0..text.len()).step_by(7) {
            match read_bytes("cut.dat", &text.as_bytes()[..length]) {
                Ok(results) => {
                    // A file of lines that ends with a line is whole as far as anybody can tell.
                    let at_line_end = text[..length].ends_with('\n') || text[length..].starts_with('\n');
                    assert!(
                        at_line_end
                            || results.results.len() < whole.results.len()
                            || !results.warnings.is_empty()
                            || numbers(&results) == known,
                        "{name} cut at {length} of {}: read in silence",
                        text.len()
                    );
                    // Sums over all requests of records differ truly; single numbers must not.
                    if !name.contains("records") {
                        let strange: Vec<_> = numbers(&results).difference(&known).cloned().collect();
                        assert!(strange.is_empty(), "{name} cut at {length}: {strange:?}");
                    }
                }
                Err(error) => check_message(&error, name),
            }
        }
    }
}

#[test]
fn bytes_flipped_anywhere_never_panic() {
    for (name, text) in fixtures() {
        let bytes = text.into_bytes();
        for at in (0..bytes.len()).step_by(11) {
            for replacement in [b'"', b'\0', 0xFF, b',', b'{', b'-', b'9'] {
                let mut damaged = bytes.clone();
                damaged[at] = replacement;
                if let Err(error) = read_bytes("cut.dat", &damaged) {
                    check_message(&error, name);
                }
            }
        }
    }
}

#[test]
fn wrong_types_everywhere_never_panic() {
    for (name, text) in fixtures() {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
        for replacement in ["null", "\"x\"", "-1", "1e308", "[]", "{}", "true", "[[1]]"] {
            let with = serde_json::from_str::<serde_json::Value>(replacement).unwrap();
            for at in 0..leaves(&value) {
                let mut damaged = value.clone();
                replace(&mut damaged, &mut at.clone(), &with);
                if let Err(error) = read_bytes("cut.dat", damaged.to_string().as_bytes()) {
                    check_message(&error, name);
                }
            }
        }
    }
}

#[test]
fn nothing_negative_or_endless_comes_out_as_a_time() {
    for (name, text) in fixtures() {
        let negative = text.replace(": ", ":").replace(":1", ":-1").replace(",1", ",-1");
        let Ok(results) = read_bytes("cut.dat", negative.as_bytes()) else { continue };
        for foreign in &results.results {
            for metric in &foreign.metrics {
                assert!(metric.value.is_finite() && metric.value >= 0.0, "{name}: {metric:?}");
            }
        }
    }
}

#[test]
fn empty_files_garbage_and_other_tables_are_refused() {
    let garbage: Vec<u8> = (0..5000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let bill = "BilledCost,ChargePeriodStart,ServiceName\n1.5,2026-01-01,Compute\n";
    let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01 00:00:00,10,20\n";
    let json = r#"{"results":[{"name":"x","value":1}],"metrics":{"a":{"b":1}},"config":{},"report":{}}"#;
    for bytes in [
        &b""[..],
        b"\n\n  \n",
        &garbage,
        bill.as_bytes(),
        trace.as_bytes(),
        json.as_bytes(),
        b"[]",
        b"{}",
        b"null",
    ] {
        let error = read_bytes("cut.dat", bytes).unwrap_err();
        assert!(matches!(error, ImportError::Unknown { .. }), "{error}");
        check_message(&error, "refused");
    }
}

#[test]
fn a_table_with_far_too_many_rows_is_refused() {
    let mut text = String::from("Concurrency,Inferences/Second,Client Send,Client Recv,p50 latency\n");
    for _ in 0..20_002 {
        writeln!(text, "1,1,1,1,1").unwrap();
    }
    let error = read_bytes("cut.dat", text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 20000 rows"), "{error}");
}

#[test]
fn far_too_many_runs_and_endless_requests_are_refused() {
    let run = "{\"model_id\":\"m\",\"num_prompts\":1,\"request_rate\":1,\"request_throughput\":1,\"mean_ttft_ms\":1}\n";
    let error = read_bytes("cut.dat", run.repeat(20_001).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("more than 20000 runs"), "{error}");
    let mut text =
        String::from(r#"{"experiments":[{"experiment":{"mode":"concurrency","value":1},"requests":[{""#);
    text.push_str(&"a".repeat(65 * 1024 * 1024));
    let error = read_bytes("cut.dat", text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("one request is longer"), "{error}");
}

/// How many values of a JSON value are no list and no object.
fn leaves(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(list) => list.iter().map(leaves).sum(),
        serde_json::Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

/// Replaces the leaf of this number, counting down.
fn replace(value: &mut serde_json::Value, at: &mut usize, with: &serde_json::Value) {
    match value {
        serde_json::Value::Array(list) => list.iter_mut().for_each(|item| replace(item, at, with)),
        serde_json::Value::Object(members) => members.values_mut().for_each(|item| replace(item, at, with)),
        leaf => {
            if *at == 0 {
                *leaf = with.clone();
            }
            *at = at.wrapping_sub(1);
        }
    }
}
