//! OpenVINO: benchmark_app's reports.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "Configuration setup\ntopology;m\n\nExecution results\nthroughput;1\n",
        "Command line parameters\n\nConfiguration setup\n",
        "{\"cmd_options\":{},\"execution_results\":{\"throughput\":1,",
        "layerName;execStatus;layerType;execType;realTime (ms);cpuTime (ms)\n",
    ],
    bytes
));
