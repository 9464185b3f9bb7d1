//! trtexec and TREX.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit, read_bytes};

use super::{has, nanos, one, other, parse, percentile, says};

pub(super) const TRTEXEC: &str = "\
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

pub(super) const TIMES: &str = r#"[
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
