//! Real files of the tools.

use inferometer::measure::import::{Quantity, Statistic, Unit, Validity, read};

use super::loadgen::detail;
use super::{has, nanos, one, other, percentile, sample, samples, says, write};

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
    assert!((mean - 4_615.616_667).abs() < 1e-6, "{mean}");
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
    let run = sample("openvino/no_counters/stdout.log");
    assert_eq!(run.value(&Quantity::Latency, percentile(50.0)), Some(34_760.0));
    assert_eq!(run.precision.as_deref(), Some("bfloat16"));
    let found = read(&samples().join("openvino")).unwrap();
    assert_eq!(found.len(), 4, "three runs, each with its log, and one report of counters");
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
