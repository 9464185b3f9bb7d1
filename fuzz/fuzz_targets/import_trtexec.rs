//! TensorRT: trtexec's log and exports, TREX.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec\n",
        "[I] === Performance summary ===\n[I] Throughput: 1 qps\n",
        "[{\"startComputeMs\":1,\"endComputeMs\":1,\"computeMs\":1,\"latencyMs\":",
        "[{\"count\":1},{\"name\":\"a\",\"timeMs\":1,\"percentage\":1,\"averageMs\":",
        "{\"performance_summary\":{\"Throughput\":1,",
    ],
    bytes
));
