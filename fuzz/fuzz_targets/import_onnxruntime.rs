//! ONNX Runtime: perf_test's output and file, profiles.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "Session creation time cost: 1 s\nFirst inference time cost: 1 ms\nNumber of inferences per second: 1\n",
        "m,0.002,36696064,96,0\n",
        "[{\"cat\":\"Session\",\"dur\":1,\"ts\":1,\"name\":\"session_initialization\"},{",
    ],
    bytes
));
