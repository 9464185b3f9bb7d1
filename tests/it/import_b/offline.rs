//! `llama-bench`'s Markdown tables, and vLLM without a server: latency of a batch, throughput of a data set.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit};

use super::{MEAN, VALUE, near, noted, only, p, parsed, refused, warned};

/// The first two rows and the last line are those of llama.cpp's own README; the log line is a CUDA backend's.
pub(super) const LLAMA_TABLE: &str = "\
ggml_cuda_init: found 1 CUDA devices:
  Device 0: NVIDIA GeForce RTX 3090, compute capability 8.6, VMM: yes
| model                          |       size |     params | backend    | ngl | test       |              t/s |
| ------------------------------ | ---------: | ---------: | ---------- | --: | ---------- | ---------------: |
| llama 7B mostly Q4_0           |   3.56 GiB |     6.74 B | CUDA       |  99 | pp 512     |  2368.80 ± 93.24 |
| llama 7B mostly Q4_0           |   3.56 GiB |     6.74 B | CUDA       |  99 | tg 128     |    131.42 ± 0.59 |
| llama 7B mostly Q4_0           |   3.56 GiB |     6.74 B | CUDA       |  99 | pp512+tg128 @ d4096 |    201.5 ± 0.0 |

build: 8cf427ff (5163)
";

#[test]
fn a_llama_bench_table_is_one_result_a_row_with_its_rounding() {
    let results = parsed(LLAMA_TABLE);
    assert_eq!(results.format, "llama-bench table");
    assert_eq!((results.results.len(), results.warnings.len()), (3, 0), "{:?}", results.warnings);
    let prompt = &results.results[0];
    assert_eq!((prompt.place.as_str(), prompt.scenario.as_deref()), ("line 5", Some("pp512")));
    assert_eq!(prompt.tool_version.as_deref(), Some("5163 (8cf427ff)"));
    assert_eq!(prompt.system.as_deref(), Some("NVIDIA GeForce RTX 3090"));
    assert_eq!(prompt.framework.as_deref(), Some("llama.cpp CUDA"));
    assert_eq!(prompt.model.as_deref(), Some("llama 7B mostly Q4_0"));
    assert_eq!(prompt.precision.as_deref(), Some("mostly Q4_0"));
    assert_eq!((prompt.settings["ngl"].as_str(), prompt.settings["size"].as_str()), ("99", "3.56 GiB"));
    near(prompt.value(&Quantity::InputTokens, MEAN), 2368.80);
    near(prompt.value(&Quantity::InputTokens, Statistic::StdDev), 93.24);
    let rate = prompt.metric(&Quantity::InputTokens, MEAN).unwrap();
    assert_eq!(rate.unit, Unit::TokensPerSecond);
    near(rate.rounding, 0.005);
    near(results.results[1].value(&Quantity::OutputTokens, MEAN), 131.42);
    let both = &results.results[2];
    assert_eq!(both.scenario.as_deref(), Some("pp512+tg128 @ d4096"));
    near(both.value(&Quantity::TotalTokens, MEAN), 201.5);
    near(both.metric(&Quantity::TotalTokens, MEAN).unwrap().rounding, 0.05);
    // The table has no times: none is made up from tokens and rate.
    assert!(both.metrics.iter().all(|metric| metric.quantity != Quantity::Latency));
}

#[test]
fn several_llama_bench_tables_in_notes_are_read_and_other_tables_are_not() {
    let other = "Notes, with a table of something else:\n\n| field | type | meaning |\n| - | - | - |\n| a | b | c |\n\n";
    let text = format!("{other}{LLAMA_TABLE}\n{other}{}", LLAMA_TABLE.replace("5163", "5200"));
    let results = parsed(&text);
    assert!(results.warnings.is_empty(), "{:?}", results.warnings);
    let builds: Vec<&str> =
        results.results.iter().filter_map(|foreign| foreign.tool_version.as_deref()).collect();
    assert_eq!(builds, [["5163 (8cf427ff)"; 3], ["5200 (8cf427ff)"; 3]].concat());
}

#[test]
fn a_llama_bench_table_that_is_cut_says_so() {
    let rows_only = &LLAMA_TABLE[..LLAMA_TABLE.find("\nbuild").unwrap()];
    let results = parsed(rows_only);
    assert!(noted(&results.results[0], "it may be cut"));
    assert_eq!(results.results[0].tool_version, None);
    // In the middle of a number: 201.5 must not become 20.
    let in_a_row = &LLAMA_TABLE[..LLAMA_TABLE.find("1.5 ±").unwrap()];
    let results = parsed(in_a_row);
    assert_eq!(results.results.len(), 2);
    assert!(warned(&results, "line 7", "the last line has no line end"));
    let results = parsed(&format!("{in_a_row}\n"));
    assert_eq!(results.results.len(), 2);
    assert!(warned(&results, "line 7", "does not end with |"));
    // A row that is no test, one that is no rate, and one with a value too many.
    let text = LLAMA_TABLE
        .replace("pp 512 ", "perplex")
        .replace("131.42 ± 0.59", "nan ± 0")
        .replace("0.0 |", "0.0 | 1 |");
    let message = refused(&text);
    assert!(message.contains("line 5") && message.contains("no test like pp512"), "{message}");
}

/// As `vllm/benchmarks/latency.py` writes it; the percentiles are numpy's of the four latencies.
pub(super) const VLLM_LATENCY: &str = r#"{
    "avg_latency": 1.4,
    "std_latency": 0.24748737341529164,
    "latencies": [1.25, 1.15, 1.4, 1.8],
    "percentiles": {
        "10": 1.18,
        "25": 1.225,
        "50": 1.325,
        "75": 1.5,
        "90": 1.68,
        "99": 1.788
    }
}"#;

#[test]
fn a_vllm_batch_latency_is_that_of_a_whole_batch_in_seconds() {
    let results = parsed(VLLM_LATENCY);
    assert_eq!(results.format, "vLLM bench latency result");
    let run = only(results);
    assert_eq!((run.tool.as_str(), run.concurrency), ("vLLM bench latency", Some(1.0)));
    near(run.value(&Quantity::Latency, MEAN), 1.4e9);
    near(run.value(&Quantity::Latency, Statistic::StdDev), 247_487_373.415_291_64);
    near(run.value(&Quantity::Latency, p(90.0)), 1.68e9);
    near(run.value(&Quantity::Latency, p(99.0)), 1.788e9);
    assert_eq!(run.quantiles, Quantiles::Linear);
    assert_eq!(run.samples[0].nanos, [1_250_000_000, 1_150_000_000, 1_400_000_000, 1_800_000_000]);
    near(run.value(&Quantity::Completed, VALUE), 4.0);
    assert!(noted(&run, "whole batch") && noted(&run, "does not say model"));
    // Older versions have no spread, and a percentile below a lower one is no honest file's.
    let crossed =
        VLLM_LATENCY.replace("    \"std_latency\": 0.24748737341529164,\n", "").replace("1.788", "1.1");
    let run = only(parsed(&crossed));
    assert_eq!(run.value(&Quantity::Latency, Statistic::StdDev), None);
    assert!(noted(&run, "contradicts itself"));
    let message = refused(r#"{"avg_latency": null, "latencies": []}"#);
    assert!(message.contains("it has no latency"), "{message}");
}

/// As `vllm/benchmarks/throughput.py` writes it.
pub(super) const VLLM_THROUGHPUT: &str = r#"{
    "elapsed_time": 12.5,
    "num_requests": 1000,
    "total_num_tokens": 400000,
    "requests_per_second": 80.0,
    "tokens_per_second": 32000.0
}"#;

#[test]
fn a_vllm_throughput_counts_prompts_and_has_no_latency() {
    let results = parsed(VLLM_THROUGHPUT);
    assert_eq!(results.format, "vLLM bench throughput result");
    let run = only(results);
    assert_eq!(run.scenario.as_deref(), Some("all at once"));
    near(run.value(&Quantity::Throughput, VALUE), 80.0);
    assert_eq!(run.metric(&Quantity::Throughput, VALUE).unwrap().unit, Unit::QueriesPerSecond);
    near(run.value(&Quantity::TotalTokens, VALUE), 32_000.0);
    near(run.value(&Quantity::Duration, VALUE), 12.5);
    near(run.value(&Quantity::Completed, VALUE), 1000.0);
    assert_eq!(run.settings["total_num_tokens"], "400000");
    assert!(noted(&run, "count prompts") && noted(&run, "no latencies"));
    let wrong = only(parsed(&VLLM_THROUGHPUT.replace("80.0", "85.0")));
    assert!(noted(&wrong, "num_requests ÷ elapsed_time is 80"));
}
