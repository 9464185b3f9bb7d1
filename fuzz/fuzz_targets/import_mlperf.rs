//! MLPerf: LoadGen's logs, tables of results, the Endpoints tool, the reference harness.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| families::read_after(
    &[
        "MLPerf Results Summary\n",
        "MLPerf Results Summary\nScenario : Server\nSamples per second: 1\n",
        ":::MLLOG {\"key\": \"result_min_latency_ns\", \"value\": 1}\n",
        "\"pid\": 1, \"tid\": 1, \"ts\": 1ns : LoadgenVersionInfo:\n",
        "Organization,Availability,MlperfModel,Model,Scenario,Units,version,Result\n",
        "{\"0\":{\"Organization\":\"o\",\"Availability\":\"a\",\"MlperfModel\":\"m\",\"Scenario\":\"Offline\",\"Result\":",
        "{\"n_samples_issued\":1,\"n_samples_completed\":1,\"duration_ns\":1,",
        "{\"timestamp_ns\":1,\"state\":\"s\",\"metrics\":[{\"type\":\"series\",\"name\":",
        "{\"TestScenario.Server\":{\"took\":1,\"qps\":1,",
    ],
    bytes
));
