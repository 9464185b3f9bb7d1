//! `LoadGen`'s two logs.

use std::io::Read as _;
use std::path::Path;

use inferometer::measure::import::{Metric, Quantiles, Quantity, Statistic, Unit, Validity, read};
use inferometer::measure::stats::{Percentile, early_stopping};

use super::{has, nanos, one, other, parse, percentile, says, write};

pub(super) const SINGLE_STREAM: &str = "\
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
    assert_eq!(run.concurrency, Some(1.0));
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
    assert_eq!(run.includes.queueing, None);
    says(&run, "queries came at fixed intervals");
    nanos(&run, Quantity::Latency, percentile(99.0), 4.9e7);
    nanos(&run, other("latency of a sample"), percentile(99.0), 4.8e7);
    nanos(&run, other("latency of a sample"), Statistic::Mean, 3.5e7);
    assert!(run.metric(&Quantity::Latency, Statistic::Mean).is_none());
    has(&run, other("samples per query"), Statistic::Value, 12.0, &Unit::Count);
}

pub(super) const SERVER: &str = "\
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

pub(super) fn event(key: &str, value: &str) -> String {
    format!(
        ":::MLLOG {{\"key\": \"{key}\", \"value\": {value}, \"time_ms\": 1.5, \"namespace\": \"mlperf::logging\", \
         \"event_type\": \"POINT_IN_TIME\", \"metadata\": {{\"is_error\": false, \"line_no\": 1}}}}\n"
    )
}

pub(super) fn detail() -> String {
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

/// A run of LoadGen 6.0.17 on one of the sample models: 700 queries, every sample kept, the logs as they were.
#[test]
fn percentiles_and_bounds_of_a_real_run_are_ours_of_its_samples() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mlperf_log_detail.txt", "mlperf_log_trace.json"] {
        let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/loadgen").join(name);
        let packed = std::fs::File::open(packed.with_added_extension("gz")).unwrap();
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut text).unwrap();
        write(folder.path(), name, text);
    }
    let results = read(folder.path()).unwrap();
    assert_eq!((results.len(), results[0].warnings.as_slice()), (1, [].as_slice()));
    let run = one(&results[0]);
    assert!(run.tool_version.as_deref().unwrap().starts_with("6.0"), "{:?}", run.tool_version);
    assert_eq!((run.scenario.as_deref(), &run.validity), (Some("SingleStream"), &Validity::Valid));
    let mut sorted = run.samples[0].nanos.clone();
    sorted.sort_unstable();
    // As they stand in the log, which is LoadGen's own account of these samples.
    for (ours, share, theirs) in [
        (Percentile::P50, 50.0, 81_734),
        (Percentile::P90, 90.0, 101_930),
        (Percentile::P95, 95.0, 183_788),
        (Percentile::P97, 97.0, 726_409),
        (Percentile::P99, 99.0, 28_722_104),
        (Percentile::P999, 99.9, 52_329_535),
    ] {
        assert_eq!(ours.of_as_loadgen(&sorted), Some(theirs), "p{share}");
        nanos(run, Quantity::Latency, percentile(share), theirs as f64);
    }
    // "Would discard 50 highest latency queries": the bound is the next one.
    for (ours, share, theirs, discarded) in
        [(Percentile::P90, 90.0, 122_297, 50), (Percentile::P99, 99.0, 52_329_535, 0)]
    {
        let bound = early_stopping::bound(&sorted, ours).unwrap();
        assert_eq!((bound.nanos, bound.t - 1, bound.queries), (theirs, discarded, 700), "p{share}");
        nanos(run, Quantity::Latency, Statistic::EarlyStopping(share), theirs as f64);
    }
    let mean = sorted.iter().sum::<u64>() / sorted.len() as u64;
    nanos(run, Quantity::Latency, Statistic::Mean, mean as f64);
}
