//! Other tools' results: MLPerf, trtexec, OpenVINO, ONNX Runtime, and what is refused.
//!
//! The texts here are our own writing in the formats of the tools; the expected numbers are those that stand in the
//! text, in other units. Tests on real files take theirs from the files by eye or with another program, as each says.

use std::path::{Path, PathBuf};

use inferometer::measure::import::{
    Foreign, ImportError, Metric, Quantiles, Quantity, Results, Statistic, Unit, Validity, detect, read,
    read_bytes,
};

fn one(results: &Results) -> &Foreign {
    assert_eq!(results.results.len(), 1, "{:?}", results.results);
    &results.results[0]
}

fn parse(text: &str) -> Foreign {
    let results = read_bytes("some.file", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    one(&results).clone()
}

fn refused(name: &str, bytes: &[u8]) -> String {
    match read_bytes(name, bytes) {
        Err(error) => error.to_string(),
        Ok(results) => panic!("{name} was read: {results:?}"),
    }
}

#[track_caller]
fn has(foreign: &Foreign, quantity: Quantity, statistic: Statistic, value: f64, unit: &Unit) {
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
fn nanos(foreign: &Foreign, quantity: Quantity, statistic: Statistic, value: f64) {
    has(foreign, quantity, statistic, value, &Unit::Nanos);
}

#[track_caller]
fn says(foreign: &Foreign, words: &str) {
    assert!(foreign.notes.iter().any(|note| note.contains(words)), "{words:?} not in {:?}", foreign.notes);
}

fn percentile(percent: f64) -> Statistic {
    Statistic::Percentile(percent)
}

fn other(name: &str) -> Quantity {
    Quantity::Other(name.to_owned())
}

fn samples() -> PathBuf {
    PathBuf::from(
        std::env::var_os("INFEROMETER_SAMPLES").expect("INFEROMETER_SAMPLES names the sample folder"),
    )
    .join("results")
}

fn sample(path: &str) -> Foreign {
    let path = samples().join(path);
    let results = read(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(results.len(), 1, "{}", path.display());
    assert_eq!(results[0].path, path);
    one(&results[0]).clone()
}

// ---- MLPerf LoadGen ----------------------------------------------------------------------------------------------

const SINGLE_STREAM: &str = "\
================================================
MLPerf Results Summary
================================================
SUT name : TinySUT
Scenario : SingleStream
Mode     : PerformanceOnly
90.0th percentile latency (ns) : 2500000
Result is : VALID
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Early Stopping Result:
 * Processed at least 64 queries (800).
 * Would discard 61 highest latency queries.
 * Early stopping 90.0th percentile estimate: 2600000
 * Early stopping 99.0th percentile estimate: 3900000

================================================
Additional Stats
================================================
QPS w/ loadgen overhead         : 400.25
QPS w/o loadgen overhead        : 410.50

Min latency (ns)                : 2000000
Max latency (ns)                : 4000000
Mean latency (ns)               : 2436053
50.00 percentile latency (ns)   : 2400000
90.00 percentile latency (ns)   : 2500000
99.90 percentile latency (ns)   : 4000000

================================================
Test Parameters Used
================================================
samples_per_query : 1
target_qps : 1000
target_latency (ns): 0
min_duration (ms): 2000
min_query_count : 100

No warnings encountered during test.

No errors encountered during test.
";

#[test]
fn a_loadgen_summary_keeps_units_bounds_and_validity() {
    let run = parse(SINGLE_STREAM);
    assert_eq!(run.tool, "MLPerf LoadGen");
    assert_eq!(run.scenario.as_deref(), Some("SingleStream"));
    assert_eq!(run.validity, Validity::Valid);
    assert_eq!(run.quantiles, Quantiles::FloorIndex);
    assert_eq!(run.includes.queueing, Some(false));
    nanos(&run, Quantity::Latency, percentile(90.0), 2.5e6);
    nanos(&run, Quantity::Latency, percentile(99.9), 4e6);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(90.0), 2.6e6);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(99.0), 3.9e6);
    has(&run, Quantity::Throughput, Statistic::Value, 400.25, &Unit::QueriesPerSecond);
    has(&run, Quantity::Completed, Statistic::Value, 800.0, &Unit::Count);
    assert_eq!(run.settings["target_latency_ns"], "0");
    assert_eq!(run.rate_per_second, None, "the target rate of SingleStream is no load");
    says(&run, "800 queries, too few for p99.9 (needs 6636)");
    // The headline's percentile is not there twice.
    let p90 = |metric: &&Metric| metric.statistic == percentile(90.0);
    assert_eq!(run.metrics.iter().filter(p90).count(), 1);
}

#[test]
fn the_spelling_of_loadgen_0_5_is_read() {
    let old = SINGLE_STREAM
        .replace("SingleStream", "Single Stream")
        .replace("PerformanceOnly", "Performance")
        .replace("90.0th", "90th")
        .replace("99.0th", "99th");
    let run = parse(&old);
    assert_eq!(run.scenario.as_deref(), Some("SingleStream"));
    nanos(&run, Quantity::Latency, percentile(90.0), 2.5e6);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(90.0), 2.6e6);
}

#[test]
fn multi_stream_of_0_5_tells_queries_from_samples() {
    let run = parse(
        "================================================
MLPerf Results Summary
================================================
SUT name :
Scenario : Multi Stream
Mode     : Performance
Samples per query : 12
Result is : VALID
  Performance constraints satisfied : Yes
  Min duration satisfied : Yes
  Min queries satisfied : Yes

================================================
Additional Stats
================================================
Intervals between each IssueQuery:  \"qps\" : 20, \"ms\" : 50
50.00 percentile : 1
99.90 percentile : 2

Per-query latency:  \"target_ns\" : 50000000, \"target_ms\" : 50
99.00 percentile latency (ns)   : 49000000

Per-sample latency:
Mean latency (ns)               : 35000000
99.00 percentile latency (ns)   : 48000000

================================================
Test Parameters Used
================================================
samples_per_query : 12
",
    );
    assert_eq!(run.scenario.as_deref(), Some("MultiStream"));
    nanos(&run, Quantity::Latency, percentile(99.0), 4.9e7);
    nanos(&run, other("latency of a sample"), percentile(99.0), 4.8e7);
    nanos(&run, other("latency of a sample"), Statistic::Mean, 3.5e7);
    assert!(run.metric(&Quantity::Latency, Statistic::Mean).is_none());
    has(&run, other("samples per query"), Statistic::Value, 12.0, &Unit::Count);
}

const SERVER: &str = "\
================================================
MLPerf Results Summary
================================================
SUT name : TokenSUT
Scenario : Server
Mode     : PerformanceOnly
Completed samples per second    : 7.25
Completed tokens per second: 2100.50
Result is : INVALID
  Performance constraints satisfied : NO
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: NO
Recommendations:
 * Reduce target QPS to improve latency.
TTFT Early Stopping Result:
 * Run unsuccessful.
 * Processed 200 queries.
 * Would need to run at least 259 more queries,
 with the run being successful if every additional
 query were under latency.
TPOT Early Stopping Result:
 * Run successful.

================================================
Additional Stats
================================================
Scheduled samples per second : 7.50
Mean latency (ns)               : 4200000000
99.00 percentile latency (ns)   : 9000000000

Completed tokens per second                 : 2100.50
Mean First Token latency (ns)               : 1000000000
99.00 percentile first token latency (ns)   : 2100000000
Mean Time per Output Token (ns)                : 140000000
99.00 percentile time to output token (ns)   : 198000000

================================================
Test Parameters Used
================================================
samples_per_query : 1
target_qps : 7.5
ttft_latency (ns): 2000000000
tpot_latency (ns): 200000000
";

#[test]
fn an_invalid_server_run_says_why_and_keeps_tokens() {
    let run = parse(SERVER);
    let Validity::Invalid(reasons) = &run.validity else { panic!("{:?}", run.validity) };
    assert_eq!(
        reasons,
        &[
            "Performance constraints satisfied: NO",
            "Early stopping satisfied: NO",
            "Reduce target QPS to improve latency.",
            "Run unsuccessful.",
            "Processed 200 queries.",
            "Would need to run at least 259 more queries, with the run being successful if every additional query \
             were under latency.",
            "Run successful.",
        ]
    );
    assert_eq!(run.rate_per_second, Some(7.5));
    assert_eq!(run.includes.queueing, Some(true));
    has(&run, Quantity::Throughput, Statistic::Value, 7.25, &Unit::SamplesPerSecond);
    has(&run, other("scheduled samples per second"), Statistic::Value, 7.5, &Unit::SamplesPerSecond);
    has(&run, Quantity::OutputTokens, Statistic::Value, 2100.5, &Unit::TokensPerSecond);
    nanos(&run, Quantity::FirstToken, percentile(99.0), 2.1e9);
    nanos(&run, Quantity::TimePerOutputToken, Statistic::Mean, 1.4e8);
    nanos(&run, Quantity::TimePerOutputToken, percentile(99.0), 1.98e8);
    assert_eq!(run.settings["ttft_latency_ns"], "2000000000");
}

#[test]
fn offline_latencies_are_said_to_be_queueing_times() {
    let run = parse(
        "================================================
MLPerf Results Summary
================================================
SUT name : X
Scenario : Offline
Mode     : PerformanceOnly
Samples per second: 411.357
Result is : VALID

================================================
Additional Stats
================================================
Mean latency (ns)               : 331326669739
================================================
Test Parameters Used
================================================
samples_per_query : 24576
",
    );
    has(&run, Quantity::Throughput, Statistic::Value, 411.357, &Unit::SamplesPerSecond);
    assert_eq!(run.includes.queueing, Some(true));
    says(&run, "Offline latencies are queueing times");
}

fn event(key: &str, value: &str) -> String {
    format!(
        ":::MLLOG {{\"key\": \"{key}\", \"value\": {value}, \"time_ms\": 1.5, \"namespace\": \"mlperf::logging\", \
         \"event_type\": \"POINT_IN_TIME\", \"metadata\": {{\"is_error\": false, \"line_no\": 1}}}}\n"
    )
}

fn detail() -> String {
    [
        event("loadgen_version", "\"4.1 @ 0123456789\""),
        event("test_datetime", "\"2026-01-02T03:04:00Z\""),
        event("sut_name", "\"TinySUT\""),
        event("effective_scenario", "\"SingleStream\""),
        event("effective_test_mode", "\"PerformanceOnly\""),
        event("effective_samples_per_query", "1"),
        event("loaded_qsl_set", "[3,1,2]"),
        event("power_begin", "\"01-02-2026 03:04:00.500\""),
        event("power_end", "\"01-02-2026 03:04:04.500\""),
        event("result_validity", "\"VALID\""),
        event("result_query_count", "3"),
        event("result_qps_with_loadgen_overhead", "0.75"),
        event("early_stopping_latency_ss", "0"),
        event("result_min_latency_ns", "1000000"),
        event("result_mean_latency_ns", "2000000"),
        event("result_90.00_percentile_latency_ns", "3000000"),
        event("num_errors", "0"),
    ]
    .concat()
}

#[test]
fn a_detail_log_is_typed_and_a_missing_bound_is_absent() {
    let run = parse(&detail());
    assert_eq!(run.tool_version.as_deref(), Some("4.1 @ 0123456789"));
    nanos(&run, Quantity::Latency, percentile(90.0), 3e6);
    has(&run, Quantity::Completed, Statistic::Value, 3.0, &Unit::Count);
    has(&run, Quantity::Duration, Statistic::Value, 4.0, &Unit::Seconds);
    // LoadGen writes 0 where the run was too short for a bound: absent, not 0.
    assert!(run.metric(&Quantity::Latency, Statistic::EarlyStopping(90.0)).is_none());
}

#[test]
fn a_detail_log_of_tokens_and_queries_of_samples_is_read() {
    let run = parse(
        &[
            event("effective_scenario", "\"MultiStream\""),
            event("result_validity", "\"INVALID\""),
            event("result_min_queries_met", "false"),
            event("result_99.00_percentile_per_query_latency_ns", "5000"),
            event("result_first_token_mean_latency_ns", "7000"),
            event("result_first_token_99.00_percentile_latency_ns", "8000"),
            event("result_time_per_output_token_99.00_percentile_ns", "9000"),
            event("result_time_to_output_token_min", "100"),
            event("result_completed_tokens_per_second", "12.5"),
        ]
        .concat(),
    );
    nanos(&run, Quantity::Latency, percentile(99.0), 5000.0);
    nanos(&run, Quantity::FirstToken, Statistic::Mean, 7000.0);
    nanos(&run, Quantity::FirstToken, percentile(99.0), 8000.0);
    nanos(&run, Quantity::TimePerOutputToken, percentile(99.0), 9000.0);
    nanos(&run, Quantity::TimePerOutputToken, Statistic::Min, 100.0);
    has(&run, Quantity::OutputTokens, Statistic::Value, 12.5, &Unit::TokensPerSecond);
    assert_eq!(run.validity, Validity::Invalid(vec!["result_min_queries_met: false".to_owned()]));
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

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
    let power: String = watts
        .iter()
        .map(|(second, watts)| {
            format!("Time,01-02-2026 03:04:0{second}.100,Watts,{watts:.1},Volts,230.0,Mark,m\n")
        })
        .collect();
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
    assert_eq!(found[0].warnings.len(), 1);
    assert!(found[0].warnings[0].place.ends_with("mlperf_log_detail.txt"));
    assert_eq!(one(&found[1]).scenario.as_deref(), Some("SingleStream"));
    assert_eq!(one(&found[2]).scenario.as_deref(), Some("Server"));
    let empty = tempfile::tempdir().unwrap();
    let message = read(empty.path()).unwrap_err().to_string();
    assert!(message.contains("a folder with 0 files"), "{message}");
}

const TABLE: &str = "\
Organization,Availability,Division,SystemType,SystemName,Platform,Model,MlperfModel,Scenario,Result,Accuracy,\
number_of_nodes,host_processor_model_name,host_processors_per_node,accelerator_model_name,accelerators_per_node,\
framework,version,inferred,has_power,Units
Org,available,closed,datacenter,Box,BoxA,llama2-70b-99,llama2-70b-99,Server,29715.3,44.5,1,\"CPU, 9\",2,ACME,8,TRT,v4.1,0,False,Queries/s
Org,available,closed,datacenter,Box,BoxA,resnet50,resnet,Server,1000.5,76.1,1,\"CPU, 9\",2,ACME,8,TRT,v4.1,1,False,Queries/s
Org,available,closed,edge,Box,BoxA,resnet50,resnet,SingleStream,0.25,76.1,2,CPU 9,2,,,TRT,v4.1,0,False,Latency (ms)
Org,available,closed,edge,Box,BoxA,resnet50,resnet,Offline,n/a,76.1,1,CPU 9,2,,,TRT,v4.1,0,False,Samples/s
Org,available,closed,edge
";

#[test]
fn a_table_of_results_gets_its_units_right_where_the_table_does_not() {
    let results = read_bytes("summary.csv", TABLE.as_bytes()).unwrap();
    let [tokens, server, latency] = &results.results[..] else { panic!("{results:?}") };
    has(tokens, Quantity::OutputTokens, Statistic::Value, 29715.3, &Unit::TokensPerSecond);
    says(tokens, "calls the unit Queries/s");
    assert!(tokens.metric(&Quantity::Throughput, Statistic::Value).is_none());
    has(server, Quantity::Throughput, Statistic::Value, 1000.5, &Unit::QueriesPerSecond);
    assert_eq!(server.system.as_deref(), Some("8x ACME, 2x CPU, 9"));
    says(server, "inferred");
    nanos(latency, Quantity::Latency, percentile(90.0), 250_000.0);
    assert_eq!(latency.system.as_deref(), Some("2 nodes of 2x CPU 9"));
    assert_eq!(latency.place, "line 4");
    let places: Vec<_> = results.warnings.iter().map(|warning| warning.place.as_str()).collect();
    assert_eq!(
        places,
        ["line 5", "line 6"],
        "a result that is no number and a ragged row: {:?}",
        results.warnings
    );
}

#[test]
fn a_table_in_json_keeps_the_order_of_its_numbers() {
    let row = |model: &str| {
        format!(
            r#"{{"Organization":"O","Availability":"a","MlperfModel":"m","Model":"{model}","Scenario":"Offline","Result":5,"Units":"Samples/s"}}"#
        )
    };
    let text = format!("{{\"0\":{},\"10\":{},\"9\":{}}}", row("first"), row("last"), row("middle"));
    let results = read_bytes("summary.json", text.as_bytes()).unwrap();
    let models: Vec<_> = results.results.iter().map(|run| run.model.as_deref().unwrap()).collect();
    assert_eq!(models, ["first", "middle", "last"]);
}

const ENDPOINTS: &str = r#"{"version":"0.1.0","n_samples_issued":10,"n_samples_completed":9,"n_samples_failed":1,
"duration_ns":2500000000,"state":"interrupted","complete":false,
"ttft":{"total":100,"min":1000,"max":9000,"median":5000,"avg":5500.5,"std_dev":10.5,
 "percentiles":{"99.9":8900,"50.0":5000},"early_stopping_percentiles":{"99.0":null,"50.0":6000}},
"latency":{"min":NaN,"max":90000,"avg":55000},"qps":4.0,"tps":100.5,
"run_config":{"load_pattern":{"type":"concurrency","target_qps":null,"target_concurrency":16}}}"#;

#[test]
fn mlperf_endpoints_keeps_bounds_and_drops_what_is_no_number() {
    let results = read_bytes("result_summary.json", ENDPOINTS.as_bytes()).unwrap();
    let run = one(&results);
    assert_eq!(run.concurrency, Some(16.0));
    assert_eq!(run.rate_per_second, None);
    nanos(run, Quantity::FirstToken, percentile(99.9), 8900.0);
    nanos(run, Quantity::FirstToken, Statistic::EarlyStopping(50.0), 6000.0);
    assert!(run.metric(&Quantity::FirstToken, Statistic::EarlyStopping(99.0)).is_none());
    assert!(run.metric(&Quantity::Latency, Statistic::Min).is_none());
    assert_eq!(results.warnings[0].place, "line 5, column 18");
    assert!(results.warnings[0].message.contains("NaN is no number"));
    assert_eq!(run.validity, Validity::Invalid(vec!["the run is not complete: interrupted".to_owned()]));
    has(run, Quantity::Duration, Statistic::Value, 2.5, &Unit::Seconds);
    has(run, Quantity::OutputTokens, Statistic::Value, 100.5, &Unit::TokensPerSecond);
    says(run, "1 queries failed");
}

const SNAPSHOT: &str = r#"{"counter": 3, "timestamp_ns": 5, "state": "complete", "metrics": [
 {"type": "counter", "name": "tracked_samples_completed", "value": 4},
 {"type": "counter", "name": "tracked_duration_ns", "value": 2000000000},
 {"type": "series", "name": "sample_latency_ns", "count": 4, "total": 20, "min": 2, "max": 8, "sum_sq": 120,
  "percentiles": {"50.0": 5}, "histogram": [[[2, 8], 4]]}]}"#;

#[test]
fn an_endpoints_snapshot_gives_mean_and_deviation_of_its_sums() {
    let run = parse(SNAPSHOT);
    nanos(&run, Quantity::Latency, Statistic::Mean, 5.0);
    // 120 / 4 − 5² = 5.
    nanos(&run, Quantity::Latency, Statistic::StdDev, 5.0_f64.sqrt());
    has(&run, Quantity::Duration, Statistic::Value, 2.0, &Unit::Seconds);
    has(&run, Quantity::Completed, Statistic::Value, 4.0, &Unit::Count);
}

const REFERENCE: &str = r#"{"TestScenario.SingleStream":{"count":100,"good_items":75,"mean":0.002,
"percentiles":{"50.0":0.0019,"99.9":0.004},"qps":450.5,"took":0.25,"total_items":100},
"args":{"model_name":"resnet50","threads":2},"runtime":"onnxruntime","version":"1.28.0"}"#;

#[test]
fn the_reference_harness_counts_in_seconds() {
    let run = parse(REFERENCE);
    nanos(&run, Quantity::Latency, Statistic::Mean, 2e6);
    nanos(&run, Quantity::Latency, percentile(99.9), 4e6);
    assert_eq!(run.quantiles, Quantiles::Linear);
    assert_eq!(run.framework.as_deref(), Some("onnxruntime 1.28.0"));
    has(&run, Quantity::Accuracy, Statistic::Value, 0.75, &Unit::Share);
    assert_eq!(run.place, "TestScenario.SingleStream");
}

// ---- trtexec -----------------------------------------------------------------------------------------------------

const TRTEXEC: &str = "\
&&&& RUNNING TensorRT.trtexec [TensorRT v110102] # trtexec --onnx=m.onnx
[01/02/2026-03:04:05] [I] === Model Options ===
[01/02/2026-03:04:05] [I] Model: m.onnx
[01/02/2026-03:04:05] [I] === Build Options ===
[01/02/2026-03:04:05] [I] Precision: FP32+FP16
[01/02/2026-03:04:05] [I] === Inference Options ===
[01/02/2026-03:04:05] [I] Input inference shapes: x=8x3x32x32+mask=8x10
[01/02/2026-03:04:05] [I] Inference Streams: 2
[01/02/2026-03:04:05] [I] Data transfers: Disabled
[01/02/2026-03:04:05] [I] === Device Information ===
[01/02/2026-03:04:05] [I] Selected Device: ACME X1
[01/02/2026-03:04:05] [I] 
[01/02/2026-03:04:06] [I] Engine deserialized in 0.25 sec.
[01/02/2026-03:04:09] [I] Timing trace has 300 queries over 3.0 s
[01/02/2026-03:04:09] [I] === Performance summary ===
[01/02/2026-03:04:09] [I] Throughput: 100.5 qps
[01/02/2026-03:04:09] [I] Latency: min = 1.5 ms, max = 2.5 ms, mean = 2 ms, median = 1.9 ms, percentile(90%) = 2.25 ms
[01/02/2026-03:04:09] [I] H2D Latency: min = 0 ms, max = 0 ms, mean = 0 ms, median = 0 ms, percentile(90%) = 0 ms
[01/02/2026-03:04:09] [I] GPU Compute Time: min = 1.5 ms, max = 2.5 ms, mean = 2 ms, median = 1.9 ms, percentile(90%) = 2.25 ms
[01/02/2026-03:04:09] [I] Total Host Walltime: 3.01 s
[01/02/2026-03:04:09] [W] * GPU compute time is unstable, with coefficient of variance = 3.1%.
[01/02/2026-03:04:09] [W]   If not already in use, locking GPU clock frequency may help.
&&&& PASSED TensorRT.trtexec [TensorRT v110102] # trtexec --onnx=m.onnx
";

#[test]
fn a_trtexec_log_says_what_it_leaves_out() {
    let run = parse(TRTEXEC);
    assert_eq!(run.tool_version.as_deref(), Some("11.1.2"));
    assert_eq!(run.model.as_deref(), Some("m.onnx"));
    assert_eq!(run.precision.as_deref(), Some("FP32+FP16"));
    assert_eq!(run.system.as_deref(), Some("ACME X1"));
    assert_eq!((run.batch, run.concurrency), (Some(8), Some(2.0)));
    assert_eq!(run.includes.transfers, Some(false));
    assert_eq!(run.quantiles, Quantiles::InverseCdf);
    nanos(&run, Quantity::Latency, percentile(90.0), 2.25e6);
    nanos(&run, Quantity::Latency, percentile(50.0), 1.9e6);
    nanos(&run, Quantity::Compute, Statistic::Mean, 2e6);
    nanos(&run, Quantity::Load, Statistic::Value, 2.5e8);
    has(&run, Quantity::Throughput, Statistic::Value, 100.5, &Unit::QueriesPerSecond);
    has(&run, Quantity::Duration, Statistic::Value, 3.01, &Unit::Seconds);
    says(&run, "Copies between host and device are left out");
    says(&run, "From TensorRT 11 on");
    says(&run, "With several streams");
    says(&run, "counts queries, not items");
    says(&run, "trtexec warns: GPU compute time is unstable, with coefficient of variance = 3.1%.");
}

#[test]
fn a_log_with_several_runs_gives_each_with_its_line() {
    let results = read_bytes("two.log", format!("{TRTEXEC}{TRTEXEC}").as_bytes()).unwrap();
    let places: Vec<_> = results.results.iter().map(|run| run.place.as_str()).collect();
    assert_eq!(places, ["line 1", "line 24"]);
    let failed = format!(
        "{TRTEXEC}&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec --onnx=n.onnx\n\
         [01/02/2026-03:05:00] [E] Error[1]: no such file\n&&&& FAILED TensorRT.trtexec [TensorRT v8502]\n"
    );
    let results = read_bytes("two.log", failed.as_bytes()).unwrap();
    assert_eq!(results.results.len(), 1);
    assert!(results.warnings[0].message.contains("without a performance summary"));
}

#[test]
fn end_to_end_of_tensorrt_8_is_kept_apart() {
    let run = parse(
        "&&&& RUNNING TensorRT.trtexec [TensorRT v8205] # trtexec
[04/14/2026-01:43:16] [I] === Performance summary ===
[04/14/2026-01:43:16] [I] Throughput: 24.5 qps
[04/14/2026-01:43:16] [I] Latency: min = 40.5 ms, max = 40.8 ms, mean = 40.6 ms, median = 40.6 ms, percentile(99%) = 40.8 ms
[04/14/2026-01:43:16] [I] End-to-End Host Latency: min = 40.5 ms, max = 80.9 ms, mean = 60.5 ms, median = 60.6 ms, percentile(99%) = 80.9 ms
[04/14/2026-01:43:16] [I] H2D Latency: min = 0.48 ms, max = 0.59 ms, mean = 0.54 ms, median = 0.54 ms, percentile(99%) = 0.59 ms
",
    );
    assert_eq!(run.tool_version.as_deref(), Some("8.2.5"));
    nanos(&run, Quantity::Latency, percentile(99.0), 4.08e7);
    nanos(&run, other("end-to-end latency"), percentile(99.0), 8.09e7);
    assert_eq!(run.includes.transfers, Some(true));
    says(&run, "End-to-end latency");
}

#[test]
fn the_layout_of_tensorrt_7_is_read() {
    let run = parse(
        "&&&& RUNNING TensorRT.trtexec # trtexec --onnx=m.onnx
[02/03/2020-10:00:00] [I] === Inference Options ===
[02/03/2020-10:00:00] [I] Batch: 4
[02/03/2020-10:00:00] [I] Streams: 1
[02/03/2020-10:00:03] [I] Host Latency
[02/03/2020-10:00:03] [I] min: 1.5 ms (end to end 2.5 ms)
[02/03/2020-10:00:03] [I] max: 3.5 ms (end to end 4.5 ms)
[02/03/2020-10:00:03] [I] mean: 2 ms (end to end 3 ms)
[02/03/2020-10:00:03] [I] median: 1.75 ms (end to end 2.75 ms)
[02/03/2020-10:00:03] [I] percentile: 3.25 ms at 99% (end to end 4.25 ms at 99%)
[02/03/2020-10:00:03] [I] throughput: 2000 qps
[02/03/2020-10:00:03] [I] walltime: 3.0 s
[02/03/2020-10:00:03] [I] GPU Compute
[02/03/2020-10:00:03] [I] min: 1.25 ms
[02/03/2020-10:00:03] [I] percentile: 3 ms at 99%
",
    );
    assert_eq!(run.batch, Some(4));
    nanos(&run, Quantity::Latency, percentile(99.0), 3.25e6);
    nanos(&run, other("end-to-end latency"), percentile(99.0), 4.25e6);
    nanos(&run, Quantity::Latency, percentile(50.0), 1.75e6);
    nanos(&run, Quantity::Compute, Statistic::Min, 1.25e6);
    nanos(&run, Quantity::Compute, percentile(99.0), 3e6);
    has(&run, Quantity::Throughput, Statistic::Value, 2000.0, &Unit::QueriesPerSecond);
}

const TIMES: &str = r#"[
  { "startEnqMs" : 0.5, "endEnqMs" : 0.75, "startH2dMs" : 1, "endH2dMs" : 1.25, "startComputeMs" : 1.25, "endComputeMs" : 2.25, "startD2hMs" : 2.25, "endD2hMs" : 2.5, "h2dMs" : 0.25, "computeMs" : 1, "d2hMs" : 0.25, "latencyMs" : 1.5 }
, { "startEnqMs" : 2.5, "endEnqMs" : 2.75, "startH2dMs" : 3, "endH2dMs" : 3.5, "startComputeMs" : 3.5, "endComputeMs" : 5.5, "startD2hMs" : 5.5, "endD2hMs" : 6, "h2dMs" : 0.5, "computeMs" : 2, "d2hMs" : 0.5, "latencyMs" : 3 }
]"#;

#[test]
fn exported_times_are_samples() {
    let run = parse(TIMES);
    assert_eq!(run.samples[0].nanos, [1_500_000, 3_000_000]);
    assert_eq!(run.samples[0].began_nanos, [0, 2_000_000]);
    nanos(&run, Quantity::Latency, Statistic::Mean, 2.25e6);
    nanos(&run, Quantity::Latency, percentile(50.0), 1.5e6);
    nanos(&run, Quantity::HostToDevice, Statistic::Max, 5e5);
    nanos(&run, Quantity::Enqueue, Statistic::Mean, 2.5e5);
    // Two queries from 1 ms to 6 ms.
    has(&run, Quantity::Throughput, Statistic::Value, 400.0, &Unit::QueriesPerSecond);
    assert_eq!(run.includes.transfers, Some(true));
    let old = parse(
        r#"[{"startInMs":1,"endInMs":1.5,"startComputeMs":1.5,"endComputeMs":2,"startOutMs":2,"endOutMs":2.5,
            "inMs":0.5,"computeMs":0.5,"outMs":0.5,"latencyMs":1.5,"endToEndMs":4}]"#,
    );
    nanos(&old, Quantity::HostToDevice, Statistic::Mean, 5e5);
    nanos(&old, other("end-to-end latency"), Statistic::Mean, 4e6);
}

#[test]
fn a_layer_profile_and_trex_lists_of_five_and_seven_are_read() {
    let run = parse(
        r#"[ { "count" : 10 }, { "name" : "conv", "timeMs" : 5, "averageMs" : 0.5, "medianMs" : 0.4, "percentage" : 50 },
            { "name" : "fc", "timeMs" : 5, "averageMs" : 0.5, "medianMs" : 0.5, "percentage" : 50 } ]"#,
    );
    nanos(&run, Quantity::Compute, Statistic::Mean, 1e6);
    nanos(&run, other("layer conv"), percentile(50.0), 4e5);
    let trex = |numbers: &str| {
        let text = format!(
            r#"{{"performance_summary": {{"Throughput": 10.5, "Latency": [{numbers}], "GPU Compute Time": [1,2,3,4,5]}},
                "inference_options": {{"Data transfers": "Enabled"}}, "device_information": {{"Selected Device": "ACME"}}}}"#
        );
        read_bytes("x.profile.metadata.json", text.as_bytes()).unwrap()
    };
    let five = trex("1, 5, 2, 3, 4");
    nanos(one(&five), Quantity::Latency, percentile(99.0), 4e6);
    assert_eq!(one(&five).includes.transfers, Some(true));
    let seven = trex("1, 9, 2, 3, 5, 6, 7");
    nanos(one(&seven), Quantity::Latency, percentile(90.0), 5e6);
    nanos(one(&seven), Quantity::Latency, percentile(99.0), 7e6);
    let six = trex("1, 9, 2, 3, 5, 6");
    nanos(one(&six), Quantity::Latency, percentile(50.0), 3e6);
    assert!(one(&six).metric(&Quantity::Latency, percentile(99.0)).is_none());
    assert!(six.warnings[0].message.contains("6 numbers"), "{:?}", six.warnings);
}

// ---- OpenVINO ----------------------------------------------------------------------------------------------------

const OPENVINO: &str = "\
Command line parameters
-m;m.onnx
-pcseq;

Configuration setup
topology;Model0
target device;CPU
API;sync
inference_only;True
precision;UNSPECIFIED
batch size;4
number of parallel infer requests;1

Execution results
compile model time (ms);80.50
first inference time (ms);1.25
total execution time (ms);3000.00
total number of iterations;1000
latency (ms);0.03
avg latency;0.07
group; x: [1,3,8,8]
avg latency;0.06
group; x: [2,3,8,8], m: [2,8]
avg latency;0.08
throughput;1333.25
";

#[test]
fn an_openvino_report_says_how_coarse_it_is() {
    let results = read_bytes("benchmark_report.csv", OPENVINO.as_bytes()).unwrap();
    let [all, first, second] = &results.results[..] else { panic!("{results:?}") };
    nanos(all, Quantity::Latency, percentile(50.0), 30_000.0);
    let median = all.metric(&Quantity::Latency, percentile(50.0)).unwrap();
    assert_eq!(median.rounding, Some(5000.0), "0.03 ms is 25 to 35 µs");
    nanos(all, Quantity::Load, Statistic::Value, 8.05e7);
    has(all, Quantity::Throughput, Statistic::Value, 1333.25, &Unit::SamplesPerSecond);
    has(all, Quantity::Duration, Statistic::Value, 3.0, &Unit::Seconds);
    assert_eq!((all.batch, all.precision.as_deref()), (Some(4), None));
    assert_eq!(all.includes.queueing, Some(false));
    assert_eq!(all.quantiles, Quantiles::InverseCdf);
    says(all, "rounded to 0.01 ms");
    says(all, "bfloat16");
    nanos(first, Quantity::Latency, Statistic::Mean, 60_000.0);
    assert_eq!((first.batch, second.batch), (Some(1), Some(2)));
    assert_eq!(second.model.as_deref(), Some("Model0"));
    assert!(first.metric(&Quantity::Throughput, Statistic::Value).is_none());
}

#[test]
fn a_failed_openvino_run_is_an_error_with_its_reason() {
    let (head, _) = OPENVINO.split_once("compile model time").unwrap();
    let message =
        refused("report.csv", format!("{head}error;Exception from src/x.cpp: bad shape\n").as_bytes());
    assert!(message.contains("the run failed: Exception from src/x.cpp: bad shape"), "{message}");
    let message = refused("report.csv", head.as_bytes());
    assert!(message.contains("ends before the throughput"), "{message}");
}

#[test]
fn openvino_json_is_read_from_both_tools() {
    let python = parse(
        r#"{"cmd_options": {"-json_stats": ""}, "configuration_setup": {"target device": "CPU", "API": "async",
            "inference_only": true, "batch size": "1"},
            "execution_results": {"latency (ms)": "0.10", "max latency": "14.01", "throughput": "18320.24"}}"#,
    );
    nanos(&python, Quantity::Latency, percentile(50.0), 100_000.0);
    assert_eq!(python.metric(&Quantity::Latency, Statistic::Max).unwrap().rounding, Some(5000.0));
    let native = parse(
        r#"{"configuration_setup": {"target_device": "CPU", "nireq": 4, "batch_size": 2},
            "execution_results": {"compile_model_time": 12.345678, "iterations_num": 40, "latency_median": 0.0347,
            "latency_average": 0.05, "latency_min": 0.03, "latency_max": 1.5, "throughput": 2000.5}}"#,
    );
    let median = native.metric(&Quantity::Latency, percentile(50.0)).unwrap();
    assert_eq!((median.value, median.rounding), (34_700.0, None), "numbers are not rounded");
    nanos(&native, Quantity::Load, Statistic::Value, 12_345_678.0);
    assert_eq!((native.batch, native.concurrency), (Some(2), Some(4.0)));
    assert_eq!(native.quantiles, Quantiles::Unknown);
    has(&native, Quantity::Completed, Statistic::Value, 40.0, &Unit::Count);
}

const COUNTERS: &str = "\
layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms)
x;Status.NOT_RUN;Parameter;unknown;0.000;0.000
conv;Status.EXECUTED;Convolution;brgconv_bf16;0.020;0.020
fc;EXECUTED;FullyConnected;gemm_f32;0.030;0.030
";

#[test]
fn counters_tell_what_ran_and_in_which_precision() {
    let run = parse(COUNTERS);
    nanos(&run, Quantity::Compute, Statistic::Mean, 50_000.0);
    nanos(&run, other("layer conv"), Statistic::Mean, 20_000.0);
    assert!(run.metric(&other("layer x"), Statistic::Mean).is_none());
    assert_eq!(run.settings["layer conv"], "Convolution run by brgconv_bf16");
    says(&run, "16-bit floating point");
}

// ---- ONNX Runtime ------------------------------------------------------------------------------------------------

const PERF_TEST: &str = "\
using CUDAExecutionProvider
Setting intra_op_num_threads to 4
Session creation time cost: 0.25 s
First inference time cost: 12 ms
Total inference time cost: 1.5 s
Total inference requests: 100
Average inference time cost total: 15.000000 ms
Total inference run time: 1.6 s
Number of inferences per second: 62.5
Avg CPU usage: 50 %
Peak working set size: 1048576 bytes
Avg CPU usage:50
Peak working set size:1048576
Runs:100
Min Latency: 0.01 s
Max Latency: 0.02 s
P50 Latency: 0.015 s
P99 Latency: 0.019 s
P999 Latency: 0.02 s
";

#[test]
fn perf_test_output_is_read_and_its_percentiles_doubted() {
    let run = parse(PERF_TEST);
    nanos(&run, Quantity::Load, Statistic::Value, 2.5e8);
    nanos(&run, Quantity::FirstInference, Statistic::Value, 1.2e7);
    assert_eq!(run.metric(&Quantity::FirstInference, Statistic::Value).unwrap().rounding, Some(5e5));
    nanos(&run, Quantity::Latency, Statistic::Mean, 1.5e7);
    nanos(&run, Quantity::Latency, percentile(99.9), 2e7);
    has(&run, Quantity::CpuUse, Statistic::Mean, 0.5, &Unit::Share);
    has(&run, Quantity::Memory, Statistic::Max, 1_048_576.0, &Unit::Bytes);
    has(&run, Quantity::Throughput, Statistic::Value, 62.5, &Unit::QueriesPerSecond);
    assert_eq!(run.settings["intra_op_num_threads"], "4");
    assert_eq!(run.settings["provider"], "CUDAExecutionProvider");
    says(&run, "100 runs do not carry p99, p99.9");
}

const PERF_FILE: &str = "\
tiny,0.002,36696064,96,0
tiny,0.001,36696066,90,1
tiny,0.003,36696065,96,2

Min Latency: 0.001 s
P50 Latency: 0.002 s
big,2500000,99999999,10,0
";

#[test]
fn a_perf_test_result_file_is_told_without_a_heading() {
    let results = read_bytes("out.csv", PERF_FILE.as_bytes()).unwrap();
    let [tiny, big] = &results.results[..] else { panic!("{results:?}") };
    assert_eq!(tiny.samples[0].nanos, [2_000_000, 1_000_000, 3_000_000]);
    nanos(tiny, Quantity::Latency, percentile(50.0), 2e6);
    has(tiny, Quantity::Memory, Statistic::Max, 36_696_066.0, &Unit::Bytes);
    assert_eq!(big.samples[0].nanos, [2_500_000], "whole numbers are nanoseconds");
    assert_eq!((big.model.as_deref(), big.place.as_str()), (Some("big"), "line 7"));
}

const PROFILE: &str = r#"[
{"cat" : "Session","pid" :1,"tid" :1,"dur" :300,"ts" :6,"ph" : "X","name" :"model_loading_uri","args" : {}},
{"cat" : "Session","pid" :1,"tid" :1,"dur" :2700,"ts" :400,"ph" : "X","name" :"session_initialization","args" : {}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :50,"ts" :5000,"ph" : "X","name" :"conv_kernel_time","args" : {"provider" : "CUDAExecutionProvider","node_index" : "1"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :20,"ts" :5060,"ph" : "X","name" :"fc_kernel_time","args" : {"provider" : "CPUExecutionProvider","node_index" : "2"}},
{"cat" : "Session","pid" :1,"tid" :1,"dur" :100,"ts" :5000,"ph" : "X","name" :"model_run","args" : {}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :40,"ts" :6000,"ph" : "X","name" :"conv_kernel_time","args" : {"provider" : "CUDAExecutionProvider","node_index" : "1"}},
{"cat" : "Session","pid" :1,"tid" :1,"dur" :60,"ts" :6000,"ph" : "X","name" :"model_run","args" : {}}
]
"#;

#[test]
fn a_runtime_profile_gives_load_runs_and_providers() {
    let run = parse(PROFILE);
    nanos(&run, Quantity::Load, Statistic::Value, 3e6);
    nanos(&run, Quantity::FirstInference, Statistic::Value, 1e5);
    nanos(&run, Quantity::Latency, Statistic::Mean, 8e4);
    assert_eq!(run.samples[0].began_nanos, [0, 1_000_000]);
    assert_eq!(run.settings["nodes on CUDAExecutionProvider"], "1");
    assert_eq!(run.settings["nodes on CPUExecutionProvider"], "1");
}

// ---- What is refused ---------------------------------------------------------------------------------------------

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

#[test]
fn a_file_cut_anywhere_is_read_or_refused_with_a_message() {
    for (name, text) in texts() {
        for end in (0..text.len()).step_by(7).filter(|end| text.is_char_boundary(*end)) {
            match read_bytes(name, &text.as_bytes()[..end]) {
                Ok(results) => {
                    assert!(!results.results.is_empty() || !results.warnings.is_empty(), "{name} {end}")
                }
                Err(error) => is_a_message(name, &error),
            }
        }
        // The whole file is read.
        read_bytes(name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn json_that_is_cut_says_so_with_its_place() {
    for (name, text) in texts().into_iter().filter(|(_, text)| text.starts_with(['{', '['])) {
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
    assert!(message.contains("larger than any honest file of this kind (64 MiB)"), "{message}");
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

// ---- Real files --------------------------------------------------------------------------------------------------

const V4_1: &str = "mlperf/inference_results_v4.1/closed";

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn real_loadgen_logs_give_their_numbers() {
    // By eye from the files.
    let run = sample(&format!(
        "{V4_1}/Lenovo/results/Lenovo_2xL40S_TRT/resnet50/SingleStream/performance/run_1/mlperf_log_detail.txt"
    ));
    assert_eq!(run.tool_version.as_deref(), Some("4.1 @ 2ed9555be0"));
    assert_eq!(run.system.as_deref(), Some("2x NVIDIA L40S, 1x AMD EPYC 8124P 16-Core Processor"));
    assert_eq!(run.framework.as_deref(), Some("TensorRT 9.3.0, CUDA 12.3"));
    assert_eq!(run.validity, Validity::Valid);
    nanos(&run, Quantity::Latency, percentile(90.0), 332_402.0);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(90.0), 332_412.0);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(99.0), 336_889.0);
    has(&run, Quantity::Completed, Statistic::Value, 1_852_063.0, &Unit::Count);
    has(&run, Quantity::Throughput, Statistic::Value, 3086.77, &Unit::QueriesPerSecond);
    has(&run, Quantity::Duration, Statistic::Value, 600.001, &Unit::Seconds);
    let run = sample(&format!(
        "{V4_1}/Lenovo/results/Lenovo_2xL40S_TRT/resnet50/MultiStream/performance/run_1/mlperf_log_summary.txt"
    ));
    nanos(&run, Quantity::Latency, percentile(99.0), 525_414.0);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(99.0), 525_463.0);
    let run = sample(&format!(
        "{V4_1}/AMD/results/8xMI300X_2xEPYC-TURIN/llama2-70b-99/Server/performance/run_1/mlperf_log_summary.txt"
    ));
    assert_eq!(
        run.system.as_deref(),
        Some("8x AMD Instinct MI300X-NPS1-SPX-192GB-750W, 2xAMD EPYC TURIN"),
        "the name has its number already"
    );
    assert_eq!(run.rate_per_second, Some(76.0));
    has(&run, Quantity::OutputTokens, Statistic::Value, 22020.92, &Unit::TokensPerSecond);
    nanos(&run, Quantity::FirstToken, percentile(99.0), 1_660_370_476.0);
    nanos(&run, Quantity::TimePerOutputToken, percentile(99.9), 209_742_680.0);
    let run = sample(&format!(
        "{V4_1}/ASUSTeK/results/ESC4000A_E12_4XH100_TRT/bert-99/Server/performance/run_1/mlperf_log_detail.txt"
    ));
    has(&run, Quantity::Accuracy, Statistic::Value, 90.356_761_515_519_18, &Unit::Other("f1".to_owned()));
    assert_eq!(run.settings["accuracy exact_match"], "82.92336802270577");
    has(&run, Quantity::Throughput, Statistic::Value, 17001.6, &Unit::SamplesPerSecond);
    has(&run, other("queries over the latency bound"), Statistic::Value, 0.0, &Unit::Count);
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn a_real_submission_tree_is_read_once_a_run() {
    let found = read(&samples().join(V4_1)).unwrap();
    let logs: Vec<_> = found.iter().filter(|results| results.format.contains("LoadGen")).collect();
    // `find -name mlperf_log_summary.txt | wc -l` says 8; two of them have a detail log beside.
    assert_eq!(logs.len(), 8);
    assert_eq!(logs.iter().filter(|results| results.format == "MLPerf LoadGen detail log").count(), 2);
    let nvidia = logs
        .iter()
        .find(|results| results.path.components().any(|part| part.as_os_str() == "NVIDIA"))
        .unwrap();
    assert!(
        nvidia
            .warnings
            .iter()
            .any(|warning| warning.place == "spl.txt" && warning.message.contains("not used")),
        "a power log that cannot be cut to its run is not used: {:?}",
        nvidia.warnings
    );
    let offline = one(nvidia);
    has(offline, Quantity::Throughput, Statistic::Value, 41.664, &Unit::SamplesPerSecond);
    assert!(offline.metric(&Quantity::Power, Statistic::Mean).is_none());
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn real_power_is_cut_to_the_run_and_agrees_with_the_published_mean() {
    // The detail log is not among the samples; its window is set to ten minutes within the run. Their mean:
    // awk -F, '$2 > "07-12-2024 07:20:00.000" && $2 < "07-12-2024 07:30:00.000" {s += $4; n++} END {print n, s / n}'
    // says 600 readings of 4615.616667 W. The published table says 4,613.62 W for the whole run.
    let real = samples().join(format!(
        "{V4_1}/NVIDIA/results/H200-SXM-141GBx8_TRT_MaxQ/3d-unet-99/Offline/performance/run_1"
    ));
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(real.join("spl.txt"), folder.path().join("spl.txt")).unwrap();
    let log = detail()
        .replace("01-02-2026 03:04:00.500", "07-12-2024 07:20:00.000")
        .replace("01-02-2026 03:04:04.500", "07-12-2024 07:30:00.000");
    write(folder.path(), "mlperf_log_detail.txt", log);
    let found = read(&folder.path().join("mlperf_log_detail.txt")).unwrap();
    let mean = one(&found[0]).value(&Quantity::Power, Statistic::Mean).unwrap();
    assert!((mean - 4615.616_667).abs() < 1e-6, "{mean}");
    assert!((mean / 4613.62 - 1.0).abs() < 0.001, "{mean}");
    let joules = one(&found[0]).value(&Quantity::Energy, Statistic::Total).unwrap();
    assert!((joules - 2_769_370.0).abs() < 1.0, "600 s of it: {joules}");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn loadgen_6_logs_keep_every_sample_of_the_trace() {
    let found = read(&samples().join("mlperf-generated")).unwrap();
    let [server, single] = &found[..] else { panic!("{found:?}") };
    let (server, single) = (one(server), one(single));
    assert_eq!(server.scenario.as_deref(), Some("Server"));
    assert!(server.samples.is_empty(), "the trace is empty: tracing was off");
    assert!(
        matches!(&server.validity, Validity::Invalid(reasons) if reasons.contains(&"early_stopping_met: false".to_owned()))
    );
    // 478 queries: n = 478 gives a bound of p90 but none of p99.
    nanos(single, Quantity::Latency, Statistic::EarlyStopping(90.0), 6_656_688.0);
    assert!(single.metric(&Quantity::Latency, Statistic::EarlyStopping(99.0)).is_none());
    let latencies = &single.samples[0].nanos;
    assert_eq!(latencies.len(), 478);
    // The samples give LoadGen's own percentiles by its own definition, sorted[floor(n·p)].
    let mut sorted = latencies.clone();
    sorted.sort_unstable();
    for (percent, expected) in [(50.0, 3_936_804), (90.0, 5_861_778), (99.0, 8_133_378), (99.9, 8_582_865)] {
        assert_eq!(sorted[(478.0 * percent / 100.0) as usize], expected, "p{percent}");
    }
    nanos(single, Quantity::Latency, Statistic::Mean, 4_135_086.0);
    assert_eq!(latencies.iter().sum::<u64>() / 478, 4_135_086);
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_tables_of_a_round_agree_on_what_is_a_token() {
    let table = read(&samples().join(V4_1).join("GigaComputing/summary.csv")).unwrap();
    let published = read(&samples().join("../performance/mlperf/v4.1_summary_results.json")).unwrap();
    let published = &published[0].results;
    // `python3 -c "import json; print(len(json.load(open(…))))"` says 937.
    assert_eq!(published.len(), 937);
    let table = &table[0].results;
    // `wc -l summary.csv` without the heading.
    assert_eq!(table.len(), 26);
    let mut tokens = 0;
    for row in table {
        let twin = published
            .iter()
            .find(|run| {
                run.settings.get("Organization").map(String::as_str) == Some("GigaComputing")
                    && run.settings.get("Location") == row.settings.get("Location")
            })
            .unwrap_or_else(|| panic!("{:?}", row.settings.get("Location")));
        assert_eq!(row.metrics[0].quantity, twin.metrics[0].quantity, "{:?}", row.model);
        assert_eq!(row.metrics[0].unit, twin.metrics[0].unit, "{:?}", row.model);
        assert!((row.metrics[0].value - twin.metrics[0].value).abs() < 1e-9);
        tokens += usize::from(row.metrics[0].unit == Unit::TokensPerSecond);
    }
    assert!(tokens > 0);
    let power =
        published.iter().filter(|run| run.metric(&Quantity::Power, Statistic::Mean).is_some()).count();
    assert_eq!(power, 29, "11 + 10 + 8 rows in Watts");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn real_results_of_round_6_1_are_read() {
    let run = sample("mlperf/inference_results_v6.1/result_summary.trimmed.json");
    nanos(&run, Quantity::FirstToken, percentile(99.0), 303_546_985.0);
    nanos(&run, Quantity::Latency, Statistic::EarlyStopping(99.9), 897_200_287_878.0);
    assert_eq!(run.rate_per_second, Some(325.0));
    says(&run, "window from the first to the last query sent");
    let run = sample("mlperf/inference_results_v6.1/resnet50_onnxruntime_singlestream_results.json");
    nanos(&run, Quantity::Latency, percentile(90.0), 1_407_861.710);
    let found = read(&samples().join("mlperf/inference_results_v6.1/summary.first.json")).unwrap();
    let [offline, single] = &found[0].results[..] else { panic!("{found:?}") };
    has(offline, Quantity::Throughput, Statistic::Value, 10891.1, &Unit::SamplesPerSecond);
    nanos(single, Quantity::Latency, percentile(90.0), 20_603_024_726.0);
    assert_eq!(single.place, "[3]");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn real_trtexec_files_are_read() {
    let run = sample("trtexec/trtexec_stdout_notebook1.log");
    assert_eq!(run.tool_version.as_deref(), Some("10.3.0"));
    assert_eq!((run.batch, run.includes.transfers), (Some(1), Some(true)));
    has(&run, Quantity::Throughput, Statistic::Value, 873.17, &Unit::QueriesPerSecond);
    nanos(&run, Quantity::Latency, percentile(99.0), 1_222_290.0);
    nanos(&run, Quantity::DeviceToHost, Statistic::Min, 3_417.97);
    has(&run, Quantity::Completed, Statistic::Value, 2622.0, &Unit::Count);
    nanos(&run, other("engine build"), Statistic::Value, 15_678_000_000.0);
    let folder = "trtexec/A100_resnet_fp16/resnet.onnx.engine";
    let run = sample(&format!("{folder}.timing.json"));
    // `grep -c latencyMs` says 3698; the mean by awk over latencyMs.
    assert_eq!(run.samples[0].nanos.len(), 3698);
    assert!((run.value(&Quantity::Latency, Statistic::Mean).unwrap() - 862_354.5).abs() < 1.0);
    assert_eq!(run.includes.transfers, Some(false));
    let run = sample(&format!("{folder}.profile.metadata.json"));
    nanos(&run, Quantity::Latency, percentile(99.0), 871_338.0);
    assert!(run.metric(&Quantity::Latency, percentile(90.0)).is_none(), "five numbers have p99 alone");
    assert_eq!((run.batch, run.precision.as_deref()), (Some(32), Some("FP32+FP16")));
    says(&run, "Copies between host and device are left out");
    let run = sample(&format!("{folder}.profile.json"));
    // The sum of averageMs by awk: 1.016832 ms.
    nanos(&run, Quantity::Compute, Statistic::Mean, 1_016_832.0);
    assert_eq!(run.settings["layers"], "36");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn real_openvino_and_onnx_runtime_files_are_read() {
    let run = sample("openvino/no_counters/benchmark_report.csv");
    let median = run.metric(&Quantity::Latency, percentile(50.0)).unwrap();
    // The tool's own log of the same run has a median of 34.76 µs; the report 0.03 ms.
    assert_eq!((median.value, median.rounding), (30_000.0, Some(5000.0)));
    assert!((median.value - 34_760.0).abs() <= 5000.0);
    let found = read(&samples().join("openvino/average_counters/benchmark_report.csv")).unwrap();
    assert_eq!(found[0].results.iter().map(|run| run.batch).collect::<Vec<_>>(), [None, Some(1), Some(2)]);
    nanos(&found[0].results[0], Quantity::Latency, percentile(99.0), 230_000.0);
    nanos(&found[0].results[2], Quantity::Latency, Statistic::Max, 22_750_000.0);
    let run = sample("openvino/json/benchmark_report.json");
    has(&run, Quantity::Throughput, Statistic::Value, 18320.24, &Unit::SamplesPerSecond);
    let run = sample("openvino/average_counters/benchmark_average_counters_report.csv");
    says(&run, "16-bit floating point");
    let run = sample("onnxruntime/perf_test_stdout_arm_sme2_r5.txt");
    nanos(&run, Quantity::Latency, percentile(99.9), 101_519_000.0);
    says(&run, "5 runs do not carry p50, p90, p95, p99, p99.9");
    let run = sample("onnxruntime/schema_example_perf_test_result_file.csv");
    assert_eq!(run.samples[0].nanos, [1_856_740, 1_834_040, 1_903_120]);
    let run = sample("onnxruntime/cnn_profile_2026-11-21_17-38-08_891.json");
    nanos(&run, Quantity::Load, Statistic::Value, 3_037_000.0);
    assert_eq!(run.samples[0].nanos.len(), 20);
    assert_eq!(run.settings["nodes on CPUExecutionProvider"], "6");
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
