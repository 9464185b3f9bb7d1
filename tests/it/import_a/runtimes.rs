//! `OpenVINO` and ONNX Runtime.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit, read_bytes};

use super::{has, nanos, other, parse, percentile, refused, says};

pub(super) const OPENVINO: &str = "\
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
    assert_eq!(all.model.as_deref(), Some("m.onnx"), "the file, not the name inside it");
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

pub(super) const COUNTERS: &str = "\
layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms)
x;Status.NOT_RUN;Parameter;unknown;0.000;0.000
conv;Status.EXECUTED;Convolution;brgconv_bf16;0.020;0.020
fc;EXECUTED;FullyConnected;gemm_f32;0.030;0.030
Total;;;;0.050;0.050
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

pub(super) const PERF_TEST: &str = "\
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

pub(super) const PERF_FILE: &str = "\
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

pub(super) const PROFILE: &str = r#"[
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

pub(super) const OPENVINO_LOG: &str = "\
[Step 1/11] Parsing and validating input arguments
[ INFO ] Parsing input parameters
[ INFO ] Build ................................. 2026.4.1-1
[Step 6/11] Configuring input of the model
[ INFO ] Model inputs:
[ INFO ]     x (node: x) : u8 / [N,C,H,W] / [1,3,8,8]
[Step 7/11] Loading the model to the device
[ INFO ] Compile model took 80.50 ms
[ INFO ]   INFERENCE_PRECISION_HINT: <Type: 'bfloat16'>
[Step 10/11] Measuring performance (Start inference synchronously, limits: 3000 ms duration)
[ INFO ] First inference took 1.25 ms
[Step 11/11] Dumping statistics report
[ INFO ] Count:            1000 iterations
[ INFO ] Duration:         3000.00 ms
[ INFO ] Latency:
[ INFO ]    Median:        34.76 us
[ INFO ]    Average:       0.07 ms
[ INFO ] Throughput:   1333.25 FPS
";

#[test]
fn an_openvino_log_says_the_precision_and_is_finer_than_the_report() {
    let run = parse(OPENVINO_LOG);
    let median = run.metric(&Quantity::Latency, percentile(50.0)).unwrap();
    assert_eq!((median.value, median.rounding), (34_760.0, Some(5.0)));
    assert_eq!(run.metric(&Quantity::Latency, Statistic::Mean).unwrap().rounding, Some(5000.0));
    assert_eq!(run.precision.as_deref(), Some("bfloat16"));
    assert_eq!(run.scenario.as_deref(), Some("sync"));
    assert_eq!(run.tool_version.as_deref(), Some("2026.4.1-1"));
    says(&run, "16-bit floating point");
    says(&run, "turned into u8");
    let cut = OPENVINO_LOG.replace("[ INFO ] Throughput", "[ ERROR ] out of memory\nx");
    assert!(super::refused("out.log", cut.as_bytes()).contains("the run failed: out of memory"));
}

#[test]
fn a_report_and_its_log_in_one_folder_are_one_result() {
    let folder = tempfile::tempdir().unwrap();
    super::write(folder.path(), "a/benchmark_report.csv", OPENVINO);
    super::write(folder.path(), "a/stdout.log", OPENVINO_LOG);
    super::write(folder.path(), "b/benchmark_report.csv", OPENVINO);
    let found = inferometer::measure::import::read(folder.path()).unwrap();
    let [joined, alone] = &found[..] else { panic!("{found:?}") };
    assert!(joined.path.ends_with("a/stdout.log"));
    assert_eq!((joined.results.len(), alone.results.len()), (3, 3), "the groups of shapes are kept");
    let run = &joined.results[0];
    assert_eq!(
        run.value(&Quantity::Latency, percentile(50.0)),
        Some(34_760.0),
        "the log's, not the report's 0.03 ms"
    );
    assert_eq!((run.model.as_deref(), run.batch), (Some("m.onnx"), Some(4)));
}
