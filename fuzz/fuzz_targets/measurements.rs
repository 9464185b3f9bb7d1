//! What `bench --json` prints, as another machine sends it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(points) = inferometer::app::measurements(bytes) {
        for run in points.iter().flat_map(|point| &point.runs) {
            assert_eq!(run.measured.series.len() as u64, run.measured.queries);
        }
    }
});
