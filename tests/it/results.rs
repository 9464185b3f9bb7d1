//! Other tools' results from the files to people: the command line, the project, the trade-off chart, the report.
//!
//! The files are our own writing in the tools' formats; expected numbers stand in their text, in other units.

use std::path::{Path, PathBuf};
use std::process::Output;

use inferometer::app::jobs::End;
use inferometer::app::{
    App, Command, FileReport, Folders, LatencyAxis, Options, Scenario, foreign, tradeoff,
};
use inferometer::chart::{Chart, Mark, table};
use inferometer::measure::import::{Quantity, Samples};
use inferometer::measure::launcher::Launcher;
use inferometer::report;
use serde_json::Value;

/// trtexec 10 on a batch of 8: 250 queries a second are 2,000 items.
pub const TRTEXEC: &str = "&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --onnx=cnn.onnx --shapes=x:8x3x32x32
[11/21/2026-10:00:00] [I] === Model Options ===
[11/21/2026-10:00:00] [I] Format: ONNX
[11/21/2026-10:00:00] [I] Model: cnn.onnx
[11/21/2026-10:00:00] [I] === Inference Options ===
[11/21/2026-10:00:00] [I] Batch: Explicit
[11/21/2026-10:00:00] [I] Input inference shape : x=8x3x32x32
[11/21/2026-10:00:00] [I] Streams: 1
[11/21/2026-10:00:00] [I] === Device Information ===
[11/21/2026-10:00:00] [I] Selected Device: NVIDIA Test GPU
[11/21/2026-10:00:00] [I] === Performance summary ===
[11/21/2026-10:00:00] [I] Throughput: 250 qps
[11/21/2026-10:00:00] [I] Latency: min = 3.5 ms, max = 6.25 ms, mean = 4.1 ms, median = 4 ms, percentile(90%) = 4.5 ms, percentile(95%) = 4.75 ms, percentile(99%) = 5.5 ms
[11/21/2026-10:00:00] [I] Enqueue Time: min = 0.1 ms, max = 0.4 ms, mean = 0.2 ms, median = 0.2 ms, percentile(90%) = 0.25 ms, percentile(95%) = 0.3 ms, percentile(99%) = 0.35 ms
[11/21/2026-10:00:00] [I] H2D Latency: min = 0.1 ms, max = 0.4 ms, mean = 0.2 ms, median = 0.2 ms, percentile(90%) = 0.25 ms, percentile(95%) = 0.3 ms, percentile(99%) = 0.35 ms
[11/21/2026-10:00:00] [I] GPU Compute Time: min = 3 ms, max = 5 ms, mean = 3.6 ms, median = 3.5 ms, percentile(90%) = 4 ms, percentile(95%) = 4.2 ms, percentile(99%) = 4.8 ms
[11/21/2026-10:00:00] [I] D2H Latency: min = 0.1 ms, max = 0.4 ms, mean = 0.2 ms, median = 0.2 ms, percentile(90%) = 0.25 ms, percentile(95%) = 0.3 ms, percentile(99%) = 0.35 ms
[11/21/2026-10:00:00] [I] Total Host Walltime: 3 s
&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec --onnx=cnn.onnx --shapes=x:8x3x32x32
";

/// vLLM's serving benchmark: 2.5 requests and 500 tokens a second; p99 of a whole request 1.8 s.
pub const VLLM: &str = r#"{"date": "20261121-100000", "endpoint_type": "vllm", "backend": "vllm", "label": null,
 "model_id": "some/chat-7b", "tokenizer_id": "some/chat-7b", "num_prompts": 100, "request_rate": "inf", "burstiness": 1.0,
 "max_concurrency": 4, "duration": 40.0, "completed": 100, "failed": 0, "total_input_tokens": 10000,
 "total_output_tokens": 20000, "request_throughput": 2.5, "request_goodput": null, "output_throughput": 500.0,
 "total_token_throughput": 750.0, "mean_ttft_ms": 30.0, "median_ttft_ms": 29.0, "std_ttft_ms": 3.0, "p99_ttft_ms": 55.0,
 "mean_tpot_ms": 7.0, "median_tpot_ms": 6.9, "std_tpot_ms": 0.2, "p99_tpot_ms": 8.0, "mean_itl_ms": 7.0,
 "median_itl_ms": 6.9, "std_itl_ms": 0.2, "p99_itl_ms": 9.0, "mean_e2el_ms": 1500.0, "median_e2el_ms": 1450.0,
 "std_e2el_ms": 90.0, "p99_e2el_ms": 1800.0}"#;

/// A single-stream run of LoadGen that is invalid: too short.
pub const LOADGEN: &str = "================================================
MLPerf Results Summary
================================================
SUT name : test bench
Scenario : SingleStream
Mode     : PerformanceOnly
90.0th percentile latency (ns) : 2500000
Result is : INVALID
  Min duration satisfied : NO
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Recommendations:
 * Increase expected performance so the loadgen pre-generates more (coalesced) queries.

================================================
Additional Stats
================================================
QPS w/ loadgen overhead         : 400.00
QPS w/o loadgen overhead        : 401.00

Min latency (ns)                : 2000000
Max latency (ns)                : 4000000
Mean latency (ns)               : 2490000
50.00 percentile latency (ns)   : 2400000
90.00 percentile latency (ns)   : 2500000
95.00 percentile latency (ns)   : 2600000
97.00 percentile latency (ns)   : 2700000
99.00 percentile latency (ns)   : 3000000
99.90 percentile latency (ns)   : 3900000

================================================
Test Parameters Used
================================================
samples_per_query : 1
target_qps : 400
target_latency (ns): 0
max_async_queries : 1
min_duration (ms): 60000
max_duration (ms): 0
min_query_count : 100
max_query_count : 0
qsl_rng_seed : 1
sample_index_rng_seed : 2
schedule_rng_seed : 3
accuracy_log_rng_seed : 0
accuracy_log_probability : 0
accuracy_log_sampling_target : 0
print_timestamps : 0
performance_issue_unique : 0
performance_issue_same : 0
performance_issue_same_index : 0
performance_sample_count : 1024

No warnings encountered during test.

No errors encountered during test.
";

/// trtexec's exported times of four queries: 1, 2, 3 and 4 ms of latency, raw samples.
const TIMES: &str = r#"[{"startH2dMs": 0, "endH2dMs": 0.1, "startComputeMs": 0.1, "endComputeMs": 0.9, "startD2hMs": 0.9, "endD2hMs": 1, "h2dMs": 0.1, "computeMs": 0.8, "d2hMs": 0.1, "latencyMs": 1},
{"startH2dMs": 1, "endH2dMs": 1.1, "startComputeMs": 1.1, "endComputeMs": 2.9, "startD2hMs": 2.9, "endD2hMs": 3, "h2dMs": 0.1, "computeMs": 1.8, "d2hMs": 0.1, "latencyMs": 2},
{"startH2dMs": 3, "endH2dMs": 3.1, "startComputeMs": 3.1, "endComputeMs": 5.9, "startD2hMs": 5.9, "endD2hMs": 6, "h2dMs": 0.1, "computeMs": 2.8, "d2hMs": 0.1, "latencyMs": 3},
{"startH2dMs": 6, "endH2dMs": 6.1, "startComputeMs": 6.1, "endComputeMs": 9.9, "startD2hMs": 9.9, "endD2hMs": 10, "h2dMs": 0.1, "computeMs": 3.8, "d2hMs": 0.1, "latencyMs": 4}]"#;

/// Writes files into a folder and gives their paths.
pub fn write(folder: &Path, files: &[(&str, &str)]) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).unwrap();
    let paths = files.iter().map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    paths.collect()
}

/// The program with a home of its own. Nothing here needs ONNX Runtime.
fn run(folder: &Path, first: &[&str], rest: &[PathBuf]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_inferometer"))
        .args(first)
        .args(rest)
        .env("INFEROMETER_HOME", folder.join("home"))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An application that keeps its files below `home`.
fn app(home: &Path) -> App {
    App::new(Options {
        folders: Folders::below(home),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]),
    })
    .unwrap()
}

fn take_in(app: &mut App, files: Vec<PathBuf>) -> (Vec<FileReport>, End) {
    let job = app.handle(Command::OpenFiles(files)).unwrap().unwrap();
    let end = app.wait(job, |_app| {});
    (app.take_reports(), end)
}

/// The points of the chart that are other tools': the mark's name, place and whether it is faint.
fn hollow(chart: &Chart) -> Vec<(String, f64, f64, bool)> {
    let points = chart.marks.iter().filter(|mark| matches!(mark, Mark::Points { .. }));
    points
        .flat_map(|mark| {
            mark.data().iter().map(|datum| (mark.name().to_owned(), datum.x, datum.y, datum.dimmed))
        })
        .collect()
}

#[test]
fn import_tells_what_it_found_without_a_project() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), &[("a.log", TRTEXEC), ("b.json", VLLM), ("c.txt", LOADGEN)]);
    let output = run(folder.path(), &["import"], &files);
    let (said, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{error}");
    for words in [
        "results, 1 result: ",
        "trtexec log, trtexec 10.3.0, 1 result",
        "250 queries/s",
        "4.00 ms",
        "5.50 ms",
        "batch 8",
        "some/chat-7b",
        "2.50 queries/s",
        "1.45 s",
        "1.80 s",
        "SingleStream",
        "400 queries/s",
        "3.00 ms",
        "invalid",
        "Invalid by the tool's own rules",
        "Throughput counts queries, not items",
        "sorted[floor(n·p)]",
    ] {
        assert!(said.contains(words), "{words:?} is not said in:\n{said}");
    }
    assert!(error.contains("--project"), "that nothing was kept is not said: {error}");
}

#[test]
fn the_document_has_every_number_with_its_unit_and_the_raw_samples() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), &[("times.json", TIMES), ("b.json", VLLM)]);
    let output = run(folder.path(), &["import", "--json"], &files);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = &document["files"][0];
    assert_eq!((&file["kind"], &file["results"]), (&Value::from("results"), &Value::from(1)));
    let samples = file["result_files"][0]["results"][0]["samples"].as_array().unwrap();
    let latency = samples.iter().find(|samples| samples["quantity"] == "latency").unwrap();
    assert_eq!(latency["nanos"], serde_json::json!([1_000_000, 2_000_000, 3_000_000, 4_000_000]));
    let vllm = &document["files"][1]["result_files"][0];
    assert_eq!(vllm["format"], "vLLM bench result");
    let metrics = vllm["results"][0]["metrics"].as_array().unwrap();
    let requests = metrics.iter().find(|metric| metric["quantity"] == "throughput").unwrap();
    assert_eq!(
        (&requests["value"], &requests["unit"]),
        (&Value::from(2.5), &Value::from("queries_per_second"))
    );
}

#[test]
fn what_cannot_be_read_is_said_ends_the_command_with_an_error_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let cut = &VLLM[..VLLM.len() / 2];
    let bad = [
        ("cut.json", cut, "cut.json"),
        ("empty.json", "", "empty"),
        // A log of trtexec whose measuring never began.
        ("early.log", &TRTEXEC[..TRTEXEC.find("=== Performance").unwrap()], "early.log"),
        ("notes.txt", "just some notes\nof no tool\n", "results of benchmark tools"),
    ];
    for (name, content, said) in bad {
        let project = folder.path().join(format!("{name}.inferometer"));
        let files = write(folder.path(), &[(name, content), ("good.log", TRTEXEC)]);
        let mut arguments = vec!["import", "--project"];
        let shown = project.display().to_string();
        arguments.push(&shown);
        let output = run(folder.path(), &arguments, &files);
        let error = text(&output.stderr);
        assert!(!output.status.success(), "{name} was taken in: {}", text(&output.stdout));
        assert!(error.contains(said) && error.contains(name), "{name}: {error}");
        let mut app = app(&folder.path().join("home"));
        app.handle(Command::OpenProject(project)).unwrap();
        let kept: Vec<&str> =
            app.state().results.iter().map(|file| file.results.results[0].file.as_str()).collect();
        assert_eq!(kept, ["good.log"], "{name}");
    }
}

#[test]
fn an_unknown_file_is_refused_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let files = write(folder.path(), &[("notes.txt", "just some notes\n")]);
    let output = run(folder.path(), &["import"], &files);
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("just some notes") && !said.contains("--project"), "{said}");
    assert!(said.trim_end().ends_with("notes.txt"), "the path comes last: {said}");
}

#[test]
fn results_survive_the_project_with_their_samples_and_a_second_import_replaces_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.inferometer");
    let files = write(&folder.path().join("tree/sub"), &[("times.json", TIMES), ("a.log", TRTEXEC)]);
    let mut first = app(folder.path());
    first.handle(Command::OpenProject(path.clone())).unwrap();
    // A folder is searched.
    let (reports, end) = take_in(&mut first, vec![folder.path().join("tree")]);
    assert_eq!(end, End::Done);
    assert_eq!(reports[0].results, Some(2));
    take_in(&mut first, vec![files[0].clone()]);
    assert_eq!(first.state().results.len(), 2, "the same content is kept once");
    let kept = first.state().results.clone();
    drop(first);

    let mut second = app(folder.path());
    second.handle(Command::OpenProject(path.clone())).unwrap();
    assert_eq!(second.state().results, kept);
    let times = kept.iter().find(|file| !file.samples.is_empty()).unwrap();
    assert!(times.results.results[0].samples.is_empty(), "raw samples stay out of memory");
    let samples: Vec<Samples> = second.result_samples(times).unwrap();
    let latency = samples.iter().find(|samples| samples.quantity == Quantity::Latency).unwrap();
    assert_eq!(latency.nanos, [1_000_000, 2_000_000, 3_000_000, 4_000_000]);
    second.handle(Command::RemoveResults(vec![times.key.clone()])).unwrap();
    assert_eq!(second.state().results.len(), 1);
    assert!(second.result_samples(times).is_err(), "the samples of a removed file are still there");
    drop(second);

    let mut third = app(folder.path());
    third.handle(Command::OpenProject(path)).unwrap();
    assert_eq!(third.state().results.len(), 1);
    assert_eq!(third.state().results[0].results.results[0].tool, "trtexec");
}

#[test]
fn the_trade_off_shows_imported_points_where_the_units_allow() {
    let folder = tempfile::tempdir().unwrap();
    let llama = r#"[{"build_commit": "8cf427ff", "build_number": 5163, "cpu_info": "Some CPU", "gpu_info": "", "backends": "CPU",
      "model_filename": "m.gguf", "model_type": "llama 7B Q4_0", "model_size": 3791660032, "model_n_params": 6738415616,
      "n_batch": 2048, "n_ubatch": 512, "n_threads": 8, "type_k": "f16", "type_v": "f16", "n_gpu_layers": 0,
      "n_prompt": 512, "n_gen": 0, "test_time": "2026-11-21T10:00:00Z", "avg_ns": 5120000000, "stddev_ns": 1000,
      "avg_ts": 100.0, "stddev_ts": 0.1, "samples_ns": [5120000000], "samples_ts": [100.0]}]"#;
    let files = write(
        folder.path(),
        &[("a.log", TRTEXEC), ("b.json", VLLM), ("c.txt", LOADGEN), ("llama.json", llama)],
    );
    let mut app = app(folder.path());
    let (_, end) = take_in(&mut app, files);
    assert_eq!(end, End::Done);
    assert_eq!(app.state().scenario.latency, LatencyAxis::P99);
    let chart = tradeoff::chart(app.state());
    // 250 queries of 8 items; 2.5 requests; 400 queries of one, whose run was invalid.
    assert_eq!(
        hollow(&chart),
        [
            ("Imported: MLPerf LoadGen".to_owned(), 3.0, 400.0, true),
            ("Imported: trtexec".to_owned(), 5.5, 2_000.0, false),
            ("Imported: vLLM bench serve".to_owned(), 1_800.0, 2.5, false),
        ]
    );
    let notes = chart.notes.join("\n");
    assert!(notes.contains("1 result of other tools, as each counts tokens"), "{notes}");
    let trtexec = chart.marks.iter().find(|mark| mark.name() == "Imported: trtexec").unwrap();
    let datum = &trtexec.data()[0];
    let said: Vec<String> = datum.hover.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let said = said.join("\n");
    for words in ["trtexec 10.3.0", "a.log", "250 queries/s × batch = 2,000 items/s", "transfers", "as ours"]
    {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    assert_eq!(datum.key, None, "what is imported cannot be chosen for the plan");
    assert!(
        tradeoff::rows(app.state()).is_empty() && app.state().answer.is_none(),
        "it was priced or planned with"
    );
    assert_eq!(table::table(&chart).rows.len(), 3);

    // p90: vLLM's file has none.
    let scenario = Scenario { latency: LatencyAxis::P90, ..app.state().scenario.clone() };
    app.handle(Command::SetScenario(Box::new(scenario.clone()))).unwrap();
    let chart = tradeoff::chart(app.state());
    let places: Vec<(f64, f64)> = hollow(&chart).into_iter().map(|(_, x, y, _)| (x, y)).collect();
    assert_eq!(places, [(2.5, 400.0), (4.5, 2_000.0)]);
    assert!(
        chart.notes.join("\n").contains("1 result of other tools, as each has no p90"),
        "{:?}",
        chart.notes
    );

    let document = report::project::document(&mut app, "now".to_owned()).unwrap();
    let html = report::html(&document).unwrap();
    assert!(html.contains("a.log") && html.contains("trtexec 10.3.0") && html.contains("c.txt"));

    let hidden = Scenario { show_imported: false, ..scenario };
    app.handle(Command::SetScenario(Box::new(hidden))).unwrap();
    assert_eq!(hollow(&tradeoff::chart(app.state())), []);
    assert_eq!(foreign::rows(app.state()).len(), 4);
}

#[test]
fn an_older_scenario_shows_what_is_imported() {
    let old: Scenario = serde_json::from_str(r#"{"p99_limit_ms": 20.0}"#).unwrap();
    assert!(old.show_imported);
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_whole_folder_of_real_results_is_taken_in_by_one_command() {
    let samples = PathBuf::from(std::env::var_os("INFEROMETER_SAMPLES").expect("it names the sample folder"));
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["import", "--json"], &[samples.join("results")]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = document["files"][0]["result_files"].as_array().unwrap();
    let mut tools: Vec<&str> = files
        .iter()
        .flat_map(|file| file["results"].as_array().unwrap())
        .map(|result| result["tool"].as_str().unwrap())
        .collect();
    tools.sort_unstable();
    tools.dedup();
    // The tools whose files lie in the folder, by its own list of sources.
    for tool in ["MLPerf LoadGen", "trtexec", "OpenVINO benchmark_app", "perf_analyzer", "vLLM bench serve"] {
        assert!(tools.contains(&tool), "{tool} is not among {tools:?}");
    }
    assert!(document["files"][0]["results"].as_u64().unwrap() >= 100);
}
