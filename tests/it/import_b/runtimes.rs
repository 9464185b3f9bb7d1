//! Single-machine tools and jobs: optimum-benchmark, `TFLite`, winml perf, hyperfine, `SageMaker`.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit, Validity};

use super::{MEAN, VALUE, near, noted, only, p, parsed, refused, sampled, warned};

pub(super) const OPTIMUM: &str = r#"{"load_model":{"memory":null,"latency":{"unit":"s","values":[0.5],"count":1,"total":0.5,"mean":0.5,"p50":0.5,
"p90":0.5,"p95":0.5,"p99":0.5,"stdev":0,"stdev_":0},"throughput":null,"energy":null,"efficiency":null},
"first_forward":{"memory":null,"latency":{"unit":"s","values":[0.1],"count":1,"mean":0.1},"throughput":null},
"forward":{"memory":{"unit":"MB","max_ram":1000.5,"max_process_vram":200},"latency":{"unit":"s","values":[0.01,0.02],
"count":2,"total":0.03,"mean":0.015,"p50":0.015,"p90":0.019,"stdev":0.005,"stdev_":33.3},
"throughput":{"unit":"samples/s","value":66.5},"energy":{"unit":"kWh","cpu":1e-7,"ram":0,"gpu":0,"total":2e-7}}}"#;

#[test]
fn an_optimum_report_tells_load_first_call_and_steady_state_apart() {
    let foreign = only(parsed(OPTIMUM));
    near(foreign.value(&Quantity::Load, MEAN), 0.5e9);
    near(foreign.value(&Quantity::FirstInference, MEAN), 0.1e9);
    near(foreign.value(&Quantity::Latency, p(90.0)), 19e6);
    near(foreign.value(&Quantity::Latency, Statistic::StdDev), 5e6);
    near(foreign.value(&Quantity::Throughput, VALUE), 66.5);
    near(foreign.value(&Quantity::Memory, Statistic::Max), 1_000_500_000.0);
    near(foreign.value(&Quantity::AcceleratorMemory, Statistic::Max), 200e6);
    // 2e-7 kWh × 3.6e6 J/kWh.
    near(foreign.value(&Quantity::Energy, VALUE), 0.72);
    let samples = foreign.samples.iter().find(|samples| samples.quantity == Quantity::Latency).unwrap();
    assert_eq!(samples.nanos, [10_000_000, 20_000_000]);
    assert!(noted(&foreign, "mean latency") && noted(&foreign, "only 2 times"));
    assert_eq!(foreign.quantiles, Quantiles::Linear);
}

#[test]
fn an_optimum_benchmark_with_its_configuration_names_model_backend_and_machine() {
    let text = format!(
        r#"{{"config":{{"name":"run","backend":{{"name":"onnxruntime","version":"1.22.0","_target_":"optimum_benchmark.x","model":"org/net",
"device":"cpu","torch_dtype":"float16"}},"scenario":{{"name":"inference","input_shapes":{{"batch_size":2,"sequence_length":16}}}},
"launcher":{{}},"environment":{{"cpu":" CPU Z","gpu":["GPU A"],"optimum_benchmark_version":"0.6.0"}}}},"report":{OPTIMUM}}}"#
    );
    let foreign = only(parsed(&text));
    assert_eq!(foreign.framework.as_deref(), Some("onnxruntime 1.22.0"));
    assert_eq!((foreign.model.as_deref(), foreign.batch), (Some("org/net"), Some(2)));
    assert_eq!(
        (foreign.system.as_deref(), foreign.precision.as_deref()),
        (Some("GPU A, CPU Z"), Some("float16"))
    );
    assert_eq!(foreign.tool_version.as_deref(), Some("0.6.0"));
    near(foreign.value(&Quantity::Latency, MEAN), 15e6);
}

#[test]
fn a_generate_throughput_that_counts_tokens_is_not_taken_for_samples() {
    let text = r#"{"generate":{"memory":null,"latency":{"unit":"s","mean":1.0},"throughput":{"unit":"samples/s","value":99}},
"decode":{"memory":null,"latency":{"unit":"s","mean":0.9},"throughput":{"unit":"tokens/s","value":110}},
"per_token":{"memory":null,"latency":{"unit":"s","mean":0.009},"throughput":null}}"#;
    let foreign = only(parsed(text));
    assert_eq!(foreign.value(&Quantity::Throughput, VALUE), None);
    near(foreign.value(&Quantity::OutputTokens, VALUE), 110.0);
    near(foreign.value(&Quantity::InterToken, MEAN), 9e6);
    assert!(noted(&foreign, "counts tokens"));
}

pub(super) const TFLITE: &str = "INFO: STARTING!\nINFO: Num threads: [4]\nINFO: Graph: [/data/local/tmp/net.tflite]\n\
INFO: Loaded model /data/local/tmp/net.tflite\n\
INFO: count=1 curr=2732148\n\
INFO: count=2 first=2732148 curr=2731000 min=2731000 max=2732148 avg=2.73157e+06 std=574\n\n\
INFO: count=50 first=2719000 curr=2720000 min=2718000 max=2721000 avg=2.71985e+06 std=800 p5=2718100 median=2719500 p95=2720900\n\n\
INFO: Inference timings in us: Init: 458883, First inference: 2732148, Warmup (avg): 2.73157e+06, Inference (avg): 2.71985e+06\n\
INFO: Memory footprint delta from the start of the tool (MB): init=2.5 overall=63.4023\n";

#[test]
fn a_tflite_log_gives_load_first_warm_up_and_steady_state() {
    let run = only(parsed(TFLITE));
    assert_eq!(run.model.as_deref(), Some("net.tflite"));
    assert_eq!(run.settings["Num threads"], "4");
    near(run.value(&Quantity::Load, VALUE), 458_883_000.0);
    near(run.value(&Quantity::FirstInference, VALUE), 2_732_148_000.0);
    near(run.value(&Quantity::WarmUp, MEAN), 2_731_570_000.0);
    let mean = run.metric(&Quantity::Latency, MEAN).unwrap();
    near(Some(mean.value), 2_719_850_000.0);
    // Six significant digits of 2.71985e+06 µs: ± 5 µs.
    assert_eq!(mean.rounding, Some(5_000.0));
    near(run.value(&Quantity::Latency, p(95.0)), 2_720_900_000.0);
    near(run.value(&Quantity::Latency, Statistic::StdDev), 800_000.0);
    near(run.value(&Quantity::Completed, VALUE), 50.0);
    near(run.value(&Quantity::Memory, VALUE), 63.4023 * 1_048_576.0);
}

#[test]
fn several_tflite_runs_in_one_log_are_several_results_and_unfinished_ones_are_named() {
    let unfinished: String = TFLITE.split_inclusive('\n').take(7).collect();
    let results = parsed(&format!("{TFLITE}{unfinished}{TFLITE}"));
    assert_eq!(results.results.len(), 2);
    assert!(warned(&results, "line 12", "did not end"), "{:?}", results.warnings);
    assert!(refused(&unfinished).contains("did not end"));
}

#[test]
fn a_tflite_average_that_was_cut_is_found_out() {
    let cut = &TFLITE[..TFLITE.find("2.71985e+06\nINFO: Memory").unwrap() + 4];
    assert!(cut.ends_with("(avg): 2.71"));
    assert!(refused(cut).contains("the last line has no line end"));
    assert!(refused(&format!("{cut}\n")).contains("the log is cut"));
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_samples_of_tflite() {
    let albert = only(sampled("tflite/benchmark_model_albert.txt"));
    assert_eq!(albert.model.as_deref(), Some("albert_base.tflite"));
    near(albert.value(&Quantity::Latency, MEAN), 266_473_000.0);
    near(albert.value(&Quantity::Latency, Statistic::Max), 268_116_000.0);
    near(albert.value(&Quantity::FirstInference, VALUE), 339_304_000.0);
    let segmenter = only(sampled("tflite/benchmark_model_segmenter_nnapi.txt"));
    near(segmenter.value(&Quantity::Load, VALUE), 34_939_000.0);
    near(segmenter.value(&Quantity::Memory, VALUE), 63.4023 * 1_048_576.0);
    assert_eq!(segmenter.settings["Use NNAPI"], "1");
    assert!(noted(&segmenter, "delegate did not run"));
}

pub(super) const WINML: &str = r#"{"schema_version":2,"benchmark_info":{"runtime":"winml","model_id":"net.onnx","device":"npu","ep":"QNN","precision":"fp16",
"iterations":4,"warmup":1,"batch_size":2},"model_info":{"input_names":["x"],"input_shapes":[[2,3]]},"latency_ms":{"mean":5.5,"p50":5.25,
"p90":6,"p95":6,"p99":6,"min":5,"max":6,"std":0.4,"warmup_mean":14},"throughput":{"samples_per_sec":363.64,"batches_per_sec":181.82},
"raw_samples_ms":[5,5.25,5.75,6],"memory":{"rss_peak_mb":100}}"#;

#[test]
fn a_winml_report_says_how_many_samples_are_missing() {
    let text = WINML;
    let foreign = only(parsed(text));
    assert_eq!((foreign.batch, foreign.precision.as_deref()), (Some(2), Some("fp16")));
    near(foreign.value(&Quantity::Latency, p(50.0)), 5.25e6);
    near(foreign.value(&Quantity::WarmUp, MEAN), 14e6);
    near(foreign.value(&Quantity::Throughput, VALUE), 363.64);
    near(foreign.value(&Quantity::Memory, Statistic::Max), 104_857_600.0);
    assert_eq!(foreign.samples[0].nanos, [5_000_000, 5_250_000, 5_750_000, 6_000_000]);
    assert_eq!(foreign.quantiles, Quantiles::FloorIndex);
    assert_eq!(foreign.settings["input x"], "[2,3]");
    let short = parsed(&text.replace("[5,5.25,5.75,6]", "[5]"));
    assert!(warned(&short, "raw_samples_ms", "1 samples of 4 iterations"));
}

pub(super) const HYPERFINE: &str = r#"{"results":[{"command":"run a","mean":0.25,"stddev":null,"median":0.2,"user":0.1,"system":0.05,"min":0.2,"max":0.3,
"times":[0.2,0.3],"memory_usage_byte":[1000,3000],"exit_codes":[0,1],"parameters":{"threads":"4"}},
{"command":"run b","mean":1.5,"stddev":0.1,"median":1.5,"user":1,"system":0,"min":1.4,"max":1.6,"times":[1.4,1.6],"exit_codes":[0,0]}]}"#;

#[test]
fn hyperfine_counts_failed_commands_and_says_that_it_times_processes() {
    let text = HYPERFINE;
    let results = parsed(text);
    let [a, b] = &results.results[..] else { panic!("two commands") };
    near(a.value(&Quantity::Latency, MEAN), 0.25e9);
    assert_eq!(a.value(&Quantity::Latency, Statistic::StdDev), None);
    assert_eq!(a.samples[0].nanos, [200_000_000, 300_000_000]);
    near(a.value(&Quantity::Memory, Statistic::Max), 3000.0);
    near(a.value(&Quantity::Failed, VALUE), 1.0);
    assert!(matches!(&a.validity, Validity::Invalid(reasons) if reasons[0].contains("1 of 2 runs failed")));
    assert_eq!((b.validity.clone(), b.place.as_str()), (Validity::NotStated, "results[1]"));
    assert_eq!(a.settings["threads"], "4");
    assert!(noted(a, "whole process"));
}

pub(super) const SAGEMAKER: &str = r#"{"JobName":"j","JobType":"Advanced","Status":"COMPLETED","InputConfig":{"ModelName":"net"},"InferenceRecommendations":[
{"Metrics":{"CostPerHour":0.6,"CostPerInference":1e-5,"MaxInvocations":1000,"ModelLatency":90000,"CpuUtilization":NaN,
"MemoryUtilization":40.0},"EndpointConfiguration":{"InstanceType":"ml.c5.xlarge","InitialInstanceCount":2}},
{"Metrics":{"CostPerHour":1.2,"CostPerInference":9e-5,"MaxInvocations":4000,"ModelLatency":5000}}]}"#;

#[test]
fn sagemaker_rates_are_per_minute_and_the_unit_of_latency_is_inferred() {
    let text = SAGEMAKER;
    let results = parsed(text);
    assert!(warned(&results, "line 2", "NaN is no number"));
    let [one, two] = &results.results[..] else { panic!("two recommendations") };
    near(one.value(&Quantity::Throughput, VALUE), 1000.0 / 60.0);
    near(one.value(&Quantity::Latency, VALUE), 90e6);
    near(one.value(&Quantity::CostPerInference, VALUE), 1e-5);
    assert_eq!(one.metric(&Quantity::CostPerHour, VALUE).unwrap().unit, Unit::Currency("USD".to_owned()));
    assert_eq!(one.value(&Quantity::CpuUse, VALUE), None);
    near(one.value(&Quantity::Other("memory use".to_owned()), VALUE), 0.4);
    assert_eq!(one.system.as_deref(), Some("2x ml.c5.xlarge"));
    assert!(noted(one, "taken as microseconds") && noted(one, "CpuUtilization is not a number"));
    // 5,000 alone could be either; the job's other test decides. And 1.2/60/4000 is 5e-6, not 9e-5.
    near(two.value(&Quantity::Latency, VALUE), 5e6);
    assert!(noted(two, "CostPerInference is 0.00009"));
}

#[test]
fn a_sagemaker_latency_of_undecidable_unit_is_no_latency() {
    let text = r#"{"InferenceRecommendations":[{"Metrics":{"CostPerHour":1.2,"MaxInvocations":6000,"ModelLatency":5000}}]}"#;
    let foreign = only(parsed(text));
    assert_eq!(foreign.value(&Quantity::Latency, VALUE), None);
    let raw = foreign.metric(&Quantity::Other("ModelLatency".to_owned()), VALUE).unwrap();
    assert_eq!((raw.value, raw.unit.clone()), (5000.0, Unit::Other("ms or µs".to_owned())));
    let failed = r#"{"JobName":"j","JobType":"Default","InputConfig":{},"Status":"FAILED","FailureReason":"no image","InferenceRecommendations":[]}"#;
    assert!(refused(failed).contains("FAILED: no image"));
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_samples_of_optimum_winml_and_sagemaker() {
    let optimum = only(sampled("optimum-benchmark/schema_example_benchmark_report.json"));
    near(optimum.value(&Quantity::Load, MEAN), 810e6);
    near(optimum.value(&Quantity::FirstInference, MEAN), 45e6);
    near(optimum.value(&Quantity::Latency, p(99.0)), 10_198_000.0);
    near(optimum.value(&Quantity::Throughput, VALUE), 198.0);
    near(optimum.value(&Quantity::Memory, Statistic::Max), 1_301_200_000.0);
    let winml = sampled("winml/docs_perf_report.json");
    assert!(warned(&winml, "raw_samples_ms", "2 samples of 50"));
    let winml = only(winml);
    near(winml.value(&Quantity::Latency, p(99.0)), 7_650_000.0);
    assert_eq!(winml.settings["ep"], "CPUExecutionProvider");
    let job = only(sampled("sagemaker/partly_docs_describe_default_job.json"));
    near(job.value(&Quantity::Throughput, VALUE), 10.8);
    near(job.value(&Quantity::Latency, VALUE), 263_596_000.0);
    near(job.value(&Quantity::CostPerInference, VALUE), 5.246_913_588_052_848e-6);
    assert!(noted(&job, "taken as microseconds"));
    assert!(!noted(&job, "but the hour's price"));
}
