//! Tools for language models: `AIPerf`, GenAI-Perf, vLLM and its derivatives, llama-bench.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Validity};

use super::{MEAN, VALUE, near, noted, only, p, parsed, refused, sampled, warned};

pub(super) const AIPERF: &str = r#"{"schema_version":"1.4","aiperf_version":"0.13.0","request_throughput":{"unit":"requests/sec","avg":4.5},
"request_latency":{"unit":"ms","avg":120.5,"p50":110,"p99":300,"min":90,"max":310,"std":20.5,"count":98,"sum":11809},
"inter_token_latency":{"unit":"ms","avg":5.5,"p50":5},"benchmark_duration":{"unit":"sec","avg":22.5},
"output_token_throughput":{"unit":"tokens/sec","avg":900},"error_request_count":{"unit":"requests","avg":2},
"input_config":{"loadgen":{"concurrency":8},"endpoint":{"model_names":["org/net"],"streaming":true}},
"was_cancelled":false,"is_complete":false,"incomplete_reason":"records stalled",
"error_summary":[{"error_details":{"code":503,"type":"HTTP","message":"busy"},"count":2}]}"#;

#[test]
fn an_aiperf_summary_keeps_units_statistics_errors_and_the_verdict() {
    let text = AIPERF;
    let foreign = only(parsed(text));
    assert_eq!((foreign.tool.as_str(), foreign.tool_version.as_deref()), ("AIPerf", Some("0.13.0")));
    assert_eq!((foreign.model.as_deref(), foreign.concurrency), (Some("org/net"), Some(8.0)));
    near(foreign.value(&Quantity::Throughput, VALUE), 4.5);
    near(foreign.value(&Quantity::Latency, p(99.0)), 300e6);
    near(foreign.value(&Quantity::Latency, Statistic::StdDev), 20.5e6);
    near(foreign.value(&Quantity::TimePerOutputToken, MEAN), 5.5e6);
    near(foreign.value(&Quantity::Duration, VALUE), 22.5);
    near(foreign.value(&Quantity::Failed, VALUE), 2.0);
    assert_eq!(foreign.quantiles, Quantiles::Linear);
    assert_eq!(
        foreign.validity,
        Validity::Invalid(vec!["the run is incomplete: records stalled".to_owned()])
    );
    assert!(noted(&foreign, "busy") && noted(&foreign, "time per output token"));
}

#[test]
fn a_genai_perf_summary_is_told_from_aiperf() {
    let text = r#"{"request_throughput":{"unit":"requests/sec","avg":2.25},"request_latency":{"unit":"ms","avg":50,
"p25":40,"p99":99,"min":30,"max":100,"std":3},"input_config":{"model_names":["net"],"perf_analyzer":{"stimulus":
{"concurrency":3}}}}"#;
    let foreign = only(parsed(text));
    assert_eq!((foreign.tool.as_str(), foreign.concurrency), ("GenAI-Perf", Some(3.0)));
    near(foreign.value(&Quantity::Latency, p(25.0)), 40e6);
}

pub(super) const AGGREGATE: &str = r#"{"schema_version":"1.0","aiperf_version":"0.13.0","metadata":{"aggregation_type":"confidence",
"num_profile_runs":5,"num_successful_runs":4,"failed_runs":[]},"metrics":{"request_latency_p99":{"mean":200.5,"std":3,
"min":190,"max":210,"cv":0.015,"se":1.5,"ci_low":195.7,"ci_high":205.3,"t_critical":3.18,"unit":"ms"},
"request_throughput_avg":{"mean":7.5,"std":0,"min":7,"max":8,"cv":0,"se":0,"ci_low":7,"ci_high":8,"unit":"requests/sec"}}}"#;

#[test]
fn an_aiperf_aggregate_says_that_its_numbers_are_means_over_runs() {
    let text = AGGREGATE;
    let foreign = only(parsed(text));
    near(foreign.value(&Quantity::Latency, p(99.0)), 200.5e6);
    near(foreign.value(&Quantity::Throughput, MEAN), 7.5);
    assert_eq!(foreign.settings["request_latency_p99 interval"], "195.7 to 205.3 ms");
    assert!(noted(&foreign, "mean over runs") && noted(&foreign, "1 of 5 runs failed"));
}

pub(super) const RECORDS: &str = concat!(
    r#"{"metadata":{"session_num":0,"request_start_ns":900,"request_end_ns":950,"benchmark_phase":"warmup"},"metrics":{"request_latency":{"value":1,"unit":"ms"}},"error":null}"#,
    "\n",
    r#"{"metadata":{"session_num":1,"request_start_ns":2000,"request_end_ns":3502000,"benchmark_phase":"profiling","was_cancelled":false},"metrics":{"request_latency":{"value":3.5,"unit":"ms"},"time_to_first_token":{"value":0.5,"unit":"ms"},"inter_chunk_latency":{"value":[1.5,1.5],"unit":"ms"}},"error":null}"#,
    "\n",
    r#"{"metadata":{"session_num":2,"request_start_ns":1000,"request_end_ns":2501000,"benchmark_phase":"profiling","was_cancelled":false},"metrics":{"request_latency":{"value":2.5,"unit":"ms"},"time_to_first_token":{"value":0.25,"unit":"ms"}},"error":null}"#,
    "\n",
    r#"{"metadata":{"session_num":3,"request_start_ns":4000,"request_end_ns":5000,"benchmark_phase":"profiling"},"metrics":{},"error":{"code":500,"type":"HTTPError","message":"no"}}"#,
    "\n"
);

#[test]
fn aiperf_records_give_samples_of_answered_requests_and_count_the_rest() {
    let foreign = only(parsed(RECORDS));
    let latency = foreign.samples.iter().find(|samples| samples.quantity == Quantity::Latency).unwrap();
    assert_eq!(latency.nanos, [2_500_000, 3_500_000]);
    assert_eq!(latency.began_nanos, [0, 1_000]);
    let gaps = foreign.samples.iter().find(|samples| samples.quantity == Quantity::InterToken).unwrap();
    assert_eq!(gaps.nanos, [1_500_000, 1_500_000]);
    near(foreign.value(&Quantity::Latency, Statistic::Max), 3_500_000.0);
    near(foreign.value(&Quantity::FirstToken, MEAN), 375_000.0);
    near(foreign.value(&Quantity::Issued, VALUE), 3.0);
    near(foreign.value(&Quantity::Completed, VALUE), 2.0);
    near(foreign.value(&Quantity::Failed, VALUE), 1.0);
    assert!(noted(&foreign, "HTTPError") && noted(&foreign, "1 warm-up"));
    let cut = parsed(&RECORDS[..RECORDS.len() - 30]);
    assert!(warned(&cut, "line 4", "last line"));
    let broken = RECORDS.replacen("{\"metadata\":{\"session_num\":2", "{\"metadata\":{\"session_num\":", 1);
    assert!(refused(&broken).contains("line 3"));
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_samples_of_aiperf() {
    let foreign = only(sampled("aiperf/schema_example_profile_export_aiperf.json"));
    near(foreign.value(&Quantity::Latency, p(99.0)), 27_237.77e6);
    near(foreign.value(&Quantity::FirstToken, MEAN), 7_463.28e6);
    near(foreign.value(&Quantity::OutputTokens, VALUE), 6.85);
    near(foreign.value(&Quantity::Duration, VALUE), 138.89);
    assert_eq!(foreign.validity, Validity::Valid);
    let records = only(sampled("aiperf/docs_profile_export.jsonl"));
    let latency = records.samples.iter().find(|samples| samples.quantity == Quantity::Latency).unwrap();
    assert_eq!(latency.nanos, [297_525_228]);
    near(records.value(&Quantity::Issued, VALUE), 2.0);
    near(records.value(&Quantity::Failed, VALUE), 1.0);
    assert!(noted(&records, "RequestCancellationError"));
}

pub(super) const VLLM: &str = r#"{"date":"20260101-000000","backend":"vllm","model_id":"org/net","tokenizer_id":"org/net","num_prompts":12,
"request_rate":5.0,"burstiness":0.5,"max_concurrency":4,"duration":2.5,"completed":10,"failed":2,"total_input_tokens":100,
"total_output_tokens":200,"request_throughput":4.0,"request_goodput":3.5,"output_throughput":80.0,"total_token_throughput":120.0,
"max_output_tokens_per_s":95.0,"mean_ttft_ms":12.5,"median_ttft_ms":11.0,"std_ttft_ms":2.0,"p99_ttft_ms":20.25,
"p99.9_ttft_ms":21.5,"mean_tpot_ms":3.0,"median_itl_ms":2.5,"mean_e2el_ms":100.0,"p99_e2el_ms":140.0,
"mean_client_queue_time_ms":7.0,"mean_e2el_including_client_queue_ms":107.0,
"input_lens":[1,2,3],"ttfts":[0.011,0.0,0.012],"itls":[[0.001,0.002],[],[0.003]],"start_times":[100.5,100.25,100.75],
"generated_texts":["a","","b"],"errors":["","timeout",""]}"#;

#[test]
fn a_vllm_run_keeps_every_statistic_and_drops_the_samples_of_failed_requests() {
    let run = only(parsed(VLLM));
    assert_eq!((run.model.as_deref(), run.framework.as_deref()), (Some("org/net"), Some("vllm")));
    assert_eq!((run.rate_per_second, run.concurrency), (Some(5.0), Some(4.0)));
    assert_eq!(run.scenario.as_deref(), Some("gamma, burstiness 0.5"));
    near(run.value(&Quantity::FirstToken, p(99.9)), 21.5e6);
    near(run.value(&Quantity::FirstToken, p(50.0)), 11e6);
    near(run.value(&Quantity::TimePerOutputToken, MEAN), 3e6);
    near(run.value(&Quantity::InterToken, p(50.0)), 2.5e6);
    near(run.value(&Quantity::Latency, p(99.0)), 140e6);
    near(run.value(&Quantity::Client, MEAN), 7e6);
    near(run.value(&Quantity::Other("e2el_including_client_queue".to_owned()), MEAN), 107e6);
    near(run.value(&Quantity::Throughput, VALUE), 4.0);
    near(run.value(&Quantity::Goodput, VALUE), 3.5);
    near(run.value(&Quantity::OutputTokens, Statistic::Max), 95.0);
    near(run.value(&Quantity::Failed, VALUE), 2.0);
    let first = run.samples.iter().find(|samples| samples.quantity == Quantity::FirstToken).unwrap();
    assert_eq!(
        (&first.nanos[..], &first.began_nanos[..]),
        (&[11_000_000, 12_000_000][..], &[250_000_000, 500_000_000][..])
    );
    let gaps = run.samples.iter().find(|samples| samples.quantity == Quantity::InterToken).unwrap();
    assert_eq!(gaps.nanos, [1_000_000, 2_000_000, 3_000_000]);
    assert!(noted(&run, "2 of 12 requests failed") && noted(&run, "may not have been reached"));
    assert_eq!(run.quantiles, Quantiles::Linear);
}

#[test]
fn old_vllm_keys_and_endless_rates_are_understood() {
    let text = r#"{"model_id":"m","num_prompts":3,"request_rate":"inf","max_concurrency":null,"completed":2,"duration":1.0,
"request_throughput":2.0,"request_goodput:":1.5,"mean_ttft_ms":5.0}"#;
    let run = only(parsed(text));
    assert_eq!(run.scenario.as_deref(), Some("all at once"));
    assert_eq!((run.rate_per_second, run.concurrency), (None, None));
    near(run.value(&Quantity::Goodput, VALUE), 1.5);
    near(run.value(&Quantity::Failed, VALUE), 1.0);
    assert!(noted(&run, "misspelt") && noted(&run, "does not count failures"));
}

#[test]
fn times_without_a_suffix_are_seconds() {
    let text = r#"{"hw":"h200","conc":16,"model":"m","framework":"sglang","precision":"fp8","isl":1024,"osl":1024,"tp":8,
"tput_per_gpu":500.5,"mean_ttft":0.25,"p99_ttft":0.5,"median_tpot":0.0125,"mean_e2el":12.5,"mean_intvty":80}"#;
    let run = only(parsed(text));
    assert_eq!((run.tool.as_str(), run.system.as_deref()), ("InferenceX", Some("h200")));
    assert_eq!((run.concurrency, run.precision.as_deref()), (Some(16.0), Some("fp8")));
    near(run.value(&Quantity::FirstToken, p(99.0)), 0.5e9);
    near(run.value(&Quantity::TimePerOutputToken, p(50.0)), 12.5e6);
    near(run.value(&Quantity::Latency, MEAN), 12.5e9);
    near(run.value(&Quantity::Other("tput_per_gpu".to_owned()), VALUE), 500.5);
    near(run.value(&Quantity::Other("interactivity".to_owned()), MEAN), 80.0);
    assert_eq!(run.settings["tp"], "8");
    assert!(noted(&run, "taken as seconds"));
}

#[test]
fn sglang_runs_are_told_by_their_name_for_latency_and_an_infinite_rate_is_no_number() {
    let text = r#"{"backend":"sglang","dataset_name":"random","request_rate":Infinity,"max_concurrency":8,"duration":2.0,"completed":6,
"total_input_tokens":60,"total_output_tokens":90,"request_throughput":3.0,"input_throughput":30.0,"output_throughput":45.0,
"total_throughput":75.0,"mean_e2e_latency_ms":900.5,"p99_e2e_latency_ms":1000,"mean_ttft_ms":50,"concurrency":7.5}"#;
    let results = parsed(text);
    assert!(warned(&results, "line 1", "Infinity is no number"));
    let run = only(results);
    assert_eq!(
        (run.tool.as_str(), run.concurrency, run.rate_per_second),
        ("SGLang bench_serving", Some(8.0), None)
    );
    near(run.value(&Quantity::Latency, p(99.0)), 1e9);
    near(run.value(&Quantity::TotalTokens, VALUE), 75.0);
    near(run.value(&Quantity::InputTokens, VALUE), 30.0);
}

#[test]
fn appended_vllm_runs_are_one_result_a_line_and_a_cut_last_line_is_named() {
    let one = VLLM.replace('\n', "");
    let two = format!("{one}\n{}\n", one.replace("\"request_rate\":5.0", "\"request_rate\":9.0"));
    let results = parsed(&two);
    assert_eq!(results.results.len(), 2);
    assert_eq!(
        (results.results[1].place.as_str(), results.results[1].rate_per_second),
        ("line 2", Some(9.0))
    );
    let cut = parsed(&two[..two.len() - 20]);
    assert_eq!(cut.results.len(), 1);
    assert!(warned(&cut, "line 2", "last line"));
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_sample_curve_of_vllm() {
    let run = only(sampled("vllm/InferenceX_gpt-oss-120b_concurrency_128.json"));
    assert_eq!((run.model.as_deref(), run.concurrency), (Some("openai/gpt-oss-120b"), Some(128.0)));
    near(run.value(&Quantity::Throughput, VALUE), 8.172_148_683_730_65);
    near(run.value(&Quantity::FirstToken, p(99.9)), 1_516.856_569_517_171 * 1e6);
    near(run.value(&Quantity::Latency, p(90.0)), 16_522.489_271_452_65 * 1e6);
    near(run.value(&Quantity::Completed, VALUE), 1280.0);
    near(run.value(&Quantity::Failed, VALUE), 0.0);
    assert_eq!(run.value(&Quantity::Goodput, VALUE), None);
    let mut rates = Vec::new();
    for concurrency in [4, 8, 16, 32, 64, 128, 256, 512] {
        let run = only(sampled(&format!("vllm/InferenceX_gpt-oss-120b_concurrency_{concurrency}.json")));
        assert_eq!(run.concurrency, Some(f64::from(concurrency)));
        rates.push(run.value(&Quantity::OutputTokens, VALUE).unwrap());
    }
    assert!(rates.is_sorted(), "{rates:?}");
}

pub(super) const LLAMA: &str = r#"{"build_commit":"abc1234","build_number":6000,"cpu_info":"CPU X","gpu_info":"GPU Y","backends":"CUDA","model_filename":"models/net-Q4.gguf","model_type":"llama 7B Q4_K - Medium","model_size":100,"n_batch":2048,"n_prompt":0,"n_gen":128,"n_depth":512,"test_time":"2026-01-01T00:00:00Z","avg_ns":1000000000,"stddev_ns":1000,"avg_ts":128.0,"stddev_ts":0.5,"samples_ns":[999999000,1000001000],"samples_ts":[128.0,127.9]}"#;

#[test]
fn llama_bench_tests_are_told_apart_by_prompt_and_generation() {
    let test = only(parsed(&format!("[\n{LLAMA}\n]\n")));
    assert_eq!(test.scenario.as_deref(), Some("tg128 @ d512"));
    assert_eq!(test.model.as_deref(), Some("net-Q4.gguf"));
    assert_eq!(test.precision.as_deref(), Some("Q4_K - Medium"));
    assert_eq!(test.system.as_deref(), Some("GPU Y, CPU X"));
    assert_eq!(test.tool_version.as_deref(), Some("6000 (abc1234)"));
    near(test.value(&Quantity::OutputTokens, MEAN), 128.0);
    near(test.value(&Quantity::Latency, MEAN), 1e9);
    assert_eq!(test.samples[0].nanos, [999_999_000, 1_000_001_000]);
    let lines = parsed(&format!("{LLAMA}\n{}\n", LLAMA.replace("\"n_prompt\":0", "\"n_prompt\":64")));
    assert_eq!(lines.results[1].scenario.as_deref(), Some("pp64+tg128 @ d512"));
    near(lines.results[1].value(&Quantity::TotalTokens, MEAN), 128.0);
}

pub(super) const LLAMA_SQL: &str = "CREATE TABLE IF NOT EXISTS llama_bench (\n  build_commit TEXT,\n  model_filename TEXT,\n  avg_ns INTEGER,\n  \
avg_ts REAL\n);\n\nINSERT INTO llama_bench (build_commit, model_filename, model_type, n_prompt, n_gen, avg_ns, avg_ts) \
VALUES ('abc', 'it's.gguf', 'm', '512', '0', '50000000', '10240.5');\nINSERT INTO llama_bench (build_commit, model_fil\n";

#[test]
fn llama_bench_sql_is_read_by_name() {
    let text = LLAMA_SQL;
    let results = parsed(text);
    assert!(warned(&results, "line 9", "no whole INSERT"));
    let test = only(results);
    assert_eq!((test.scenario.as_deref(), test.model.as_deref()), (Some("pp512"), Some("it's.gguf")));
    near(test.value(&Quantity::InputTokens, MEAN), 10_240.5);
}

#[test]
fn a_ragged_llama_bench_row_is_used_only_when_it_proves_itself() {
    let header = "build_commit,model_filename,model_n_params,extra,n_prompt,n_gen,n_depth,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts\n";
    let good = r#""abc","m.gguf","7","512","0","0","2026-01-01T00:00:00Z","1000000000","10","512.0","0.1""#;
    let results = parsed(&format!("{header}{good}\n"));
    assert!(warned(&results, "line 2", "11 values under 12 column names"));
    near(only(results).value(&Quantity::InputTokens, MEAN), 512.0);
    // The rate contradicts tokens and time: the columns cannot be told.
    let message = refused(&format!("{header}{}\n", good.replace("512.0", "900.0")));
    assert!(message.contains("line 2") && message.contains("left out"), "{message}");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_samples_of_llama_bench() {
    let json = sampled("llama-bench/readme_example.json");
    near(json.results[0].value(&Quantity::InputTokens, MEAN), 7_100.002_165);
    near(json.results[1].value(&Quantity::OutputTokens, Statistic::StdDev), 1.041_811);
    assert_eq!(
        json.results[0].samples[0].nanos,
        [74_601_900, 71_632_900, 71_745_200, 71_952_700, 70_745_500]
    );
    let ascend = only(sampled("llama-bench/pr12994_ascend910b3.json"));
    assert_eq!(ascend.system.as_deref(), Some("Ascend910B3, CPU"));
    near(ascend.value(&Quantity::Latency, MEAN), 2_099_229_836.0);
    // Its rows have 41 values under 42 names.
    let ragged = sampled("llama-bench/readme_example.csv");
    assert_eq!((ragged.results.len(), ragged.warnings.len()), (2, 2));
    near(ragged.results[0].value(&Quantity::InputTokens, MEAN), 7_285.676_949);
    near(ragged.results[1].value(&Quantity::Latency, MEAN), 1_067_431_600.0);
    assert!(!ragged.results[0].settings.contains_key("embeddings"));
}
