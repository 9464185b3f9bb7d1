//! Submission folders and what lies around a log.

use std::path::Path;

use inferometer::measure::import::{Quantity, Statistic, Unit, read};

use super::loadgen::{SERVER, SINGLE_STREAM, detail};
use super::{has, nanos, one, percentile, write};

/// A submission with power: readings of 100, 200, 300 W fall into the four seconds of the run, 5,000 W before and
/// 7,000 W after it, and one reading of 0 is none.
fn submission(folder: &Path) {
    let run = "closed/Org/results/BoxA/tiny/SingleStream/performance/run_1";
    write(folder, &format!("{run}/mlperf_log_detail.txt"), detail());
    write(folder, &format!("{run}/mlperf_log_summary.txt"), SINGLE_STREAM);
    let sample = |seq: u64, micros: f64, nanos: u64| {
        format!(
            "{{\"name\":\"Sample\",\"cat\":\"default\",\"ph\":\"b\",\"pid\":1,\"id\":{seq},\"ts\":{micros},\"args\":\
             {{\"sample_seq\":{seq},\"query_seq\":{seq},\"sample_idx\":9,\"issue_start_ns\":0,\"complete_ns\":{nanos}}}}},\n"
        )
    };
    let trace = [
        "{\"traceEvents\":[\n".to_owned(),
        sample(0, 10.0, 1_000_000),
        sample(1, 1_020.5, 2_000_000),
        sample(2, 3_030.25, 3_000_000),
        "{\"name\":\"LastTrace\"}\n]}\n".to_owned(),
    ]
    .concat();
    write(folder, &format!("{run}/mlperf_log_trace.json"), trace);
    let watts = [(0, 5000.0), (1, 100.0), (2, 200.0), (3, 300.0), (4, 0.0), (5, 7000.0)];
    let reading = |(second, watts): (u64, f64)| {
        format!("Time,01-02-2026 03:04:0{second}.100,Watts,{watts:.1},Volts,230.0,Mark,m\n")
    };
    let power = watts.map(reading).concat();
    write(folder, &format!("{run}/spl.txt"), power);
    write(
        folder,
        "closed/Org/systems/BoxA.json",
        r#"{"accelerator_model_name": "ACME X1", "accelerators_per_node": "4", "host_processor_model_name": "CPU 9",
            "host_processors_per_node": 2, "number_of_nodes": 1, "framework": "TinyRT 1.2", "system_name": "Box A"}"#,
    );
    write(
        folder,
        "closed/Org/measurements/BoxA/tiny/SingleStream/measurements.json",
        r#"{"weight_data_types": "int8", "input_data_types": "int8", "retraining": "N"}"#,
    );
    write(
        folder,
        "closed/Org/results/BoxA/tiny/SingleStream/accuracy/accuracy.txt",
        "Reading examples...\naccuracy=76.014%, good=38007, total=50000\nhash=0\n",
    );
    write(folder, "closed/Org/code/README.md", "# How to run\n");
}

#[test]
fn a_submission_is_one_result_a_run_with_all_that_lies_around_it() {
    let folder = tempfile::tempdir().unwrap();
    submission(folder.path());
    let found = read(folder.path()).unwrap();
    assert_eq!(found.len(), 1, "the two logs of a run are one result: {found:?}");
    let run = one(&found[0]);
    assert_eq!(run.file, "mlperf_log_detail.txt");
    assert_eq!(run.model.as_deref(), Some("tiny"));
    assert_eq!(run.system.as_deref(), Some("4x ACME X1, 2x CPU 9"));
    assert_eq!(run.framework.as_deref(), Some("TinyRT 1.2"));
    assert_eq!(run.precision.as_deref(), Some("int8"));
    has(run, Quantity::Accuracy, Statistic::Value, 76.014, &Unit::Other("accuracy".to_owned()));
    // (100 + 200 + 300) W / 3, over 4 s.
    has(run, Quantity::Power, Statistic::Mean, 200.0, &Unit::Watts);
    has(run, Quantity::Energy, Statistic::Total, 800.0, &Unit::Joules);
    // The detail log's number goes before the summary's, which adds what only it has.
    nanos(run, Quantity::Latency, percentile(90.0), 3e6);
    nanos(run, Quantity::Latency, percentile(50.0), 2.4e6);
    assert_eq!(run.samples.len(), 1);
    assert_eq!(run.samples[0].nanos, [1_000_000, 2_000_000, 3_000_000]);
    assert_eq!(run.samples[0].began_nanos, [0, 1_010_500, 3_020_250]);
}

#[test]
fn a_cut_trace_is_left_out_whole_and_a_foreign_clock_gives_no_power() {
    let folder = tempfile::tempdir().unwrap();
    submission(folder.path());
    let run = folder.path().join("closed/Org/results/BoxA/tiny/SingleStream/performance/run_1");
    let trace = std::fs::read_to_string(run.join("mlperf_log_trace.json")).unwrap();
    let cut = trace.find("\"query_seq\":2").unwrap();
    std::fs::write(run.join("mlperf_log_trace.json"), &trace[..cut]).unwrap();
    std::fs::write(run.join("spl.txt"), "Time,01-02-2026 23:04:01.100,Watts,100.0\n").unwrap();
    let found = read(&run.join("mlperf_log_detail.txt")).unwrap();
    assert!(one(&found[0]).samples.is_empty());
    assert!(one(&found[0]).metric(&Quantity::Power, Statistic::Mean).is_none());
    let warnings: Vec<_> = found[0].warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(
        warnings.iter().any(|text| text.contains("holds 2 of 3 queries: it is cut and left out")),
        "{warnings:?}"
    );
    assert!(warnings.iter().any(|text| text.contains("no reading falls into the run")), "{warnings:?}");
}

#[test]
fn a_detail_log_from_before_1_0_completes_its_summary() {
    let old = "\
\"pid\": 1, \"tid\": 1, \"ts\": 86ns : LoadgenVersionInfo:
\"pid\": 1, \"tid\": 1, \"ts\": 86ns : version : .5a1 @ abcdef
\"pid\": 1, \"tid\": 1, \"ts\": 90ns : Effective Settings:
\"pid\": 1, \"tid\": 1, \"ts\": 90ns : Scenario : Single Stream
\"pid\": 1, \"tid\": 1, \"ts\": 90ns : max_async_queries : 1
\"pid\": 1, \"tid\": 1, \"ts\": 99ns : POWER_BEGIN: \"mode\" : Performance, \"time\" : 09-22-2020 06:35:37.000
\"pid\": 1, \"tid\": 1, \"ts\": 99ns : POWER_END: \"mode\" : Performance, \"time\" : 09-22-2020 06:35:39.500
";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mlperf_log_detail.txt", old);
    let message = read(&folder.path().join("mlperf_log_detail.txt")).unwrap_err().to_string();
    assert!(message.contains("before 1.0 wrote no results"), "{message}");
    write(folder.path(), "mlperf_log_summary.txt", SINGLE_STREAM);
    for name in ["", "mlperf_log_detail.txt", "mlperf_log_summary.txt"] {
        let found = read(&folder.path().join(name)).unwrap();
        assert_eq!(found.len(), 1);
        let run = one(&found[0]);
        assert_eq!(run.tool_version.as_deref(), Some(".5a1 @ abcdef"));
        nanos(run, Quantity::Latency, percentile(90.0), 2.5e6);
        has(run, Quantity::Duration, Statistic::Value, 2.5, &Unit::Seconds);
    }
}

#[test]
fn a_folder_reads_the_rest_when_one_log_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a/mlperf_log_detail.txt", &detail()[..900]);
    write(folder.path(), "a/mlperf_log_summary.txt", SINGLE_STREAM);
    write(folder.path(), "b/mlperf_log_summary.txt", SERVER);
    let found = read(folder.path()).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].format, "folder");
    assert!(found[0].results.is_empty());
    assert_eq!((found[0].warnings.len(), found[0].broken.len()), (0, 1));
    assert!(found[0].broken[0].place.ends_with("mlperf_log_detail.txt"));
    assert_eq!(one(&found[1]).scenario.as_deref(), Some("SingleStream"));
    assert_eq!(one(&found[2]).scenario.as_deref(), Some("Server"));
    let empty = tempfile::tempdir().unwrap();
    let message = read(empty.path()).unwrap_err().to_string();
    assert!(message.contains("a folder with 0 files"), "{message}");
}

#[test]
fn accuracy_is_found_in_the_words_of_each_benchmark() {
    for (text, name, value) in [
        ("mAP=37.353%\n", "mAP", 37.353),
        ("Word Error Rate: 7.45%, accuracy=92.54%\n", "accuracy", 92.54),
        ("Accuracy: mean = 0.86170, kidney = 0.9, tumor = 0.8\n", "Accuracy: mean", 0.8617),
        ("{'gen_len': 43000, 'rouge1': 44.5, 'rougeL': 28.9, 'tokens_per_sample': 294.4}\n", "rouge1", 44.5),
        ("{\"exact_match\": 82.9, \"f1\": 90.4}\n", "f1", 90.4),
    ] {
        let folder = tempfile::tempdir().unwrap();
        submission(folder.path());
        write(folder.path(), "closed/Org/results/BoxA/tiny/SingleStream/accuracy/accuracy.txt", text);
        let found = read(folder.path()).unwrap();
        has(one(&found[0]), Quantity::Accuracy, Statistic::Value, value, &Unit::Other(name.to_owned()));
    }
}
