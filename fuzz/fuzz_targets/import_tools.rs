//! Other tools: optimum-benchmark, TFLite, winml, hyperfine.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "{\"forward\":{\"memory\":null,\"latency\":{\"unit\":\"s\",\"values\":[",
        "Inference timings in us: Init: 1, First inference: 2, Warmup (avg): 3, Inference (avg): ",
        "{\"schema_version\":2,\"benchmark_info\":{\"runtime\":\"r\",\"model_id\":\"m\"},\"latency_ms\":{\"mean\":",
        "{\"results\":[{\"command\":\"c\",\"mean\":1,\"stddev\":1,\"median\":1,\"times\":[",
    ],
    bytes
));
