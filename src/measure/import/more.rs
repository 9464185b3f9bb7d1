//! The second half of the table of formats: servers, language models and other runtimes.

use super::{
    Reader, aiperf, aiperf_records, hyperfine, llama_bench, llama_table, model_analyzer, optimum,
    perf_analyzer, profile_export, sagemaker, tflite, vllm, vllm_offline, winml,
};

/// Formats that are tried after those of the folder's own table.
pub(super) const READERS: &[Reader] = &[
    Reader { format: "perf_analyzer table", detects: perf_analyzer::detects, read: perf_analyzer::read },
    Reader {
        format: "perf_analyzer profile export",
        detects: profile_export::detects,
        read: profile_export::read,
    },
    Reader { format: "Model Analyzer table", detects: model_analyzer::detects, read: model_analyzer::read },
    Reader { format: "AIPerf records", detects: aiperf_records::detects, read: aiperf_records::read },
    Reader { format: "AIPerf or GenAI-Perf summary", detects: aiperf::detects, read: aiperf::read },
    Reader { format: "llama-bench result", detects: llama_bench::detects, read: llama_bench::read },
    Reader { format: "llama-bench table", detects: llama_table::detects, read: llama_table::read },
    Reader { format: "vLLM bench result", detects: vllm::detects, read: vllm::read },
    Reader {
        format: "vLLM bench latency result",
        detects: vllm_offline::detects_latency,
        read: vllm_offline::read_latency,
    },
    Reader {
        format: "vLLM bench throughput result",
        detects: vllm_offline::detects_throughput,
        read: vllm_offline::read_throughput,
    },
    Reader { format: "optimum-benchmark report", detects: optimum::detects, read: optimum::read },
    Reader { format: "TFLite benchmark_model log", detects: tflite::detects, read: tflite::read },
    Reader { format: "winml perf report", detects: winml::detects, read: winml::read },
    Reader { format: "hyperfine export", detects: hyperfine::detects, read: hyperfine::read },
    Reader { format: "SageMaker recommendation job", detects: sagemaker::detects, read: sagemaker::read },
];
