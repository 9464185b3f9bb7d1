//! Servers and language models: perf_analyzer, Model Analyzer, AIPerf, vLLM, llama-bench, SageMaker.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "Concurrency,Inferences/Second,Client Send,Server Queue,Client Recv,p50 latency,p90 latency\n1,",
        "{\"experiments\":[{\"experiment\":{\"mode\":\"concurrency\",\"value\":1},\"requests\":[",
        "Model,Batch,Concurrency,Model Config Path,Instance Group,Satisfies Constraints,Throughput (infer/sec),p99 Latency (ms)\n",
        "{\"schema_version\":\"1.0\",\"aiperf_version\":\"0.13.0\",\"request_latency\":{\"unit\":\"ms\",\"avg\":1,",
        "{\"metadata\":{\"request_start_ns\":1,\"request_end_ns\":2,\"benchmark_phase\":\"profiling\"},\"metrics\":{",
        "{\"model_id\":\"m\",\"num_prompts\":1,\"request_rate\":\"inf\",\"duration\":1,\"completed\":1,\"request_throughput\":",
        "build_commit,build_number,model_filename,model_type,n_batch,n_prompt,n_gen,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts\n",
        "[{\"build_commit\":\"a\",\"build_number\":1,\"model_type\":\"m\",\"n_prompt\":1,\"n_gen\":0,\"avg_ns\":1,\"avg_ts\":",
        "| model | size | params | backend | ngl | test | t/s |\n| - | -: | -: | - | -: | -: | -: |\n| llama 7B Q4_0 | 3 GiB | 6 B | CUDA | 99 | ",
        "{\"avg_latency\":1,\"latencies\":[1],\"percentiles\":{",
        "{\"elapsed_time\":1,\"num_requests\":1,\"requests_per_second\":1,\"tokens_per_second\":",
        "{\"JobName\":\"j\",\"JobType\":\"Default\",\"InferenceRecommendations\":[{\"Metrics\":{",
    ],
    bytes
));
