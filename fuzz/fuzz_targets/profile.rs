//! ONNX Runtime's profile, node by node.
#![no_main]

use inferometer::measure::profile::read;
use libfuzzer_sys::fuzz_target;

/// What is put before the bytes: nothing, a profile whose next entry they are, a trace viewer's wrapping.
const BEGINNINGS: [&str; 3] = [
    "",
    "[{\"cat\" : \"Session\",\"pid\" :1,\"tid\" :1,\"dur\" :1,\"ts\" :1,\"ph\" : \"X\",\"name\" :\"model_run\",\
     \"args\" : {}},\n{\"cat\" : \"Node\",",
    "{\"traceEvents\":[",
];

fuzz_target!(|bytes: &[u8]| {
    for beginning in BEGINNINGS {
        let whole = [beginning.as_bytes(), bytes].concat();
        for skip in [0, 1] {
            let Ok(profile) = read(&whole[..], skip) else { continue };
            assert_eq!(profile.model_run_nanos.len() as u64, profile.runs);
            for node in &profile.nodes {
                assert!(node.self_nanos <= node.total_nanos, "{node:?}");
                assert!(
                    node.min_nanos <= node.median_nanos && node.median_nanos <= node.max_nanos,
                    "{node:?}"
                );
                assert!(node.mean_nanos.is_finite(), "{node:?}");
            }
            assert!(profile.by_op.iter().all(|op| (0.0..=1.0 + 1e-9).contains(&op.share)), "{profile:?}");
        }
    }
});
