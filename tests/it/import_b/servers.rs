//! Triton's tools: `perf_analyzer`'s table and profile export, Model Analyzer's tables.

use std::fmt::Write as _;

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit, Validity, read_bytes};

use super::{MEAN, VALUE, near, noted, only, p, parsed, refused, sampled, warned};

pub(super) const PERF_TABLE: &str = "Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,\
Server Compute Input,Server Compute Infer,Server Compute Output,Client Recv,p50 latency,p90 latency,p95 latency,\
p99 latency\n1,100.5,20,300,40,50,9000,60,5,9900,10100,10200,10900\n4,210.25,21,310,9000,51,9100,61,6,18900,19000,\
19100,19900\n";

#[test]
fn a_perf_analyzer_table_gives_one_result_a_load_in_nanoseconds() {
    let results = parsed(PERF_TABLE);
    assert_eq!(results.format, "perf_analyzer table");
    let [one, four] = &results.results[..] else { panic!("two rows") };
    assert_eq!((one.place.as_str(), four.place.as_str()), ("line 2", "line 3"));
    assert_eq!((one.concurrency, four.concurrency), (Some(1.0), Some(4.0)));
    near(one.value(&Quantity::Throughput, VALUE), 100.5);
    near(four.value(&Quantity::Latency, p(99.0)), 19_900_000.0);
    near(four.value(&Quantity::Queue, MEAN), 9_000_000.0);
    near(four.value(&Quantity::Compute, MEAN), 9_100_000.0);
    // Sending and receiving: 20 + 5 µs.
    near(one.value(&Quantity::Client, MEAN), 25_000.0);
    let metric = one.metric(&Quantity::Latency, p(50.0)).unwrap();
    assert_eq!((metric.unit.clone(), metric.rounding), (Unit::Nanos, Some(500.0)));
    assert_eq!(one.quantiles, Quantiles::Nearest);
    assert_eq!(one.includes.network, Some(true));
    assert!(noted(one, "sorts its rows") && noted(one, "cut off"));
}

pub(super) const VERBOSE_TABLE: &str = "Request Rate,Inferences/Second,Client Send,Client Recv,p50 latency,p90 latency,p95 latency,p97 latency,\
p99 latency,Avg latency,request/response,response wait,Avg GPU Utilization,Avg GPU Power Usage,Max GPU Memory Usage,\
Total GPU Memory\n50,49.5,10,2,900,950,960,970,990,905,12,890,GPU-a:0.25;GPU-b:0.75;,GPU-a:100;GPU-b:50.5;,\
GPU-a:1000;GPU-b:500;,GPU-a:4000;GPU-b:4000;\n";

#[test]
fn a_verbose_perf_analyzer_table_has_gpu_cells_averages_and_its_own_percentile() {
    let text = VERBOSE_TABLE;
    let row = only(parsed(text));
    assert_eq!((row.rate_per_second, row.concurrency), (Some(50.0), None));
    near(row.value(&Quantity::Latency, p(97.0)), 970_000.0);
    near(row.value(&Quantity::Latency, MEAN), 905_000.0);
    near(row.value(&Quantity::AcceleratorUse, MEAN), 0.5);
    near(row.value(&Quantity::Power, MEAN), 150.5);
    near(row.value(&Quantity::AcceleratorMemory, Statistic::Max), 1500.0);
    assert_eq!(row.settings["GPUs"], "GPU-a, GPU-b");
    assert_eq!(row.includes.network, None);
    assert!(noted(&row, "really sent"));
}

#[test]
fn the_table_of_a_composing_model_claims_no_client_times() {
    let text = "Concurrency,Inferences/Second,Client Send,Network+Server Send/Recv,Server Queue,Server Compute Input,\
Server Compute Infer,Server Compute Output,Client Recv\n1,10,0,5,6,7,8,9,0\n";
    let row = only(parsed(text));
    assert_eq!(row.value(&Quantity::Client, MEAN), None);
    near(row.value(&Quantity::Compute, MEAN), 8_000.0);
    assert!(noted(&row, "composing model"));
}

#[test]
fn a_cut_or_shifted_row_is_never_a_number() {
    // The last row of a file that was cut inside p99: 19900 became 199.
    let cut = &PERF_TABLE[..PERF_TABLE.len() - 3];
    let results = parsed(cut);
    assert_eq!(results.results.len(), 1);
    assert!(warned(&results, "line 3", "no line end"));
    // A row whose percentiles fall has lost digits or columns.
    let fallen = PERF_TABLE.replace("19900", "199");
    assert!(warned(&parsed(&fallen), "line 3", "cannot be"));
    let short = PERF_TABLE.replace(",10900", "");
    assert!(warned(&parsed(&short), "line 2", "12 values under 13 column names"));
    let word = PERF_TABLE.replace("10100", "n/a");
    let results = parsed(&word);
    assert!(warned(&results, "line 2, column p90 latency", "no number"));
    assert_eq!(results.results[0].value(&Quantity::Latency, p(90.0)), None);
}

#[test]
fn a_perf_analyzer_table_without_a_usable_row_is_an_error() {
    let header = PERF_TABLE.lines().next().unwrap();
    assert!(refused(&format!("{header}\n")).contains("holds no result"));
    let message = refused(&format!("{header}\n1,2\n"));
    assert!(message.contains("line 2") && message.contains("2 values"), "{message}");
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_sample_tables_of_perf_analyzer() {
    let results = sampled("perf_analyzer/docs_inception_graphdef.csv");
    let loads: Vec<_> = results.results.iter().map(|row| row.concurrency.unwrap()).collect();
    assert_eq!(loads, [1.0, 3.0, 4.0, 2.0]);
    near(results.results[2].value(&Quantity::Latency, p(99.0)), 64_886_000.0);
    near(results.results[3].value(&Quantity::Throughput, VALUE), 87.2);
    near(results.results[1].value(&Quantity::Queue, MEAN), 21_673_000.0);
    let old = sampled("perf_analyzer/docs_old_perf_client_resnet50_netdef.csv");
    assert_eq!(old.results.len(), 4);
    near(old.results[0].value(&Quantity::Compute, MEAN), 4_801_000.0);
    near(old.results[3].value(&Quantity::Latency, p(50.0)), 9_545_000.0);
    // 208.4 stands before 209.2, but 207.8 before both: sorted.
    assert!(noted(&old.results[0], "sorts its rows"));
    assert!(old.warnings.is_empty() && results.warnings.is_empty());
}

pub(super) const EXPORT: &str = r#"{"experiments":[{"experiment":{"mode":"concurrency","value":2},"requests":[
{"timestamp":1000000000,"request_inputs":{"text":"a \"quoted\" [word"},"response_timestamps":[1000500000],"response_outputs":[{}]},
{"timestamp":1000100000,"sequence_id":3,"response_timestamps":[1000900000]},
{"timestamp":1000600000,"response_timestamps":[]},
{"timestamp":1001000000,"response_timestamps":[1002000000]}],
"window_boundaries":[1000000000,1002000000]}],"version":"2.57.0","service_kind":"triton","endpoint":"v2/models"}"#;

#[test]
fn a_profile_export_keeps_every_request_and_counts_those_without_an_answer() {
    let foreign = only(parsed(EXPORT));
    assert_eq!(foreign.tool_version.as_deref(), Some("2.57.0"));
    assert_eq!(foreign.concurrency, Some(2.0));
    let [samples] = &foreign.samples[..] else { panic!("latencies only: nothing streams") };
    assert_eq!(samples.nanos, [500_000, 800_000, 1_000_000]);
    assert_eq!(samples.began_nanos, [0, 100_000, 1_000_000]);
    // Computed from the three latencies: the second of three is the median, the mean is 2.3 ms ÷ 3.
    near(foreign.value(&Quantity::Latency, p(50.0)), 800_000.0);
    near(foreign.value(&Quantity::Latency, MEAN), 2_300_000.0 / 3.0);
    assert_eq!(foreign.quantiles, Quantiles::InverseCdf);
    near(foreign.value(&Quantity::Issued, VALUE), 4.0);
    near(foreign.value(&Quantity::Failed, VALUE), 1.0);
    near(foreign.value(&Quantity::Duration, VALUE), 0.002);
    near(foreign.value(&Quantity::Throughput, VALUE), 1500.0);
    assert_eq!(foreign.includes.network, Some(true));
}

#[test]
fn streamed_responses_give_the_first_and_the_last_token() {
    let text = r#"{"service_kind":"openai","experiments":[{"experiment":{"mode":"request_rate","value":1.5},"requests":[
{"timestamp":100,"response_timestamps":[150,170,200]}]}]}"#;
    let foreign = only(parsed(text));
    assert_eq!(foreign.rate_per_second, Some(1.5));
    let first = foreign.samples.iter().find(|samples| samples.quantity == Quantity::FirstToken).unwrap();
    let whole = foreign.samples.iter().find(|samples| samples.quantity == Quantity::Latency).unwrap();
    assert_eq!((&first.nanos[..], &whole.nanos[..]), (&[50][..], &[100][..]));
}

#[test]
fn a_request_answered_before_it_was_sent_is_named() {
    let results = parsed(&EXPORT.replace("[1000900000]", "[900000]"));
    assert!(warned(&results, "experiments[0].requests[1]", "before it was sent"));
    near(only(results).value(&Quantity::Failed, VALUE), 2.0);
}

#[test]
fn a_cut_profile_export_is_refused_with_the_place() {
    let message = refused(&EXPORT[..EXPORT.len() / 2]);
    assert!(message.contains("ends in the middle") && message.contains("line 3"), "{message}");
    let none =
        EXPORT.replace("[1000500000]", "[]").replace("[1000900000]", "[]").replace("[1002000000]", "[]");
    assert!(refused(&none).contains("no answered request"));
}

#[test]
fn a_large_profile_export_is_read_as_a_stream() {
    // 70 MB: more than any format that is held whole may have.
    let words = "lorem ipsum ".repeat(60);
    let mut text =
        String::from(r#"{"experiments":[{"experiment":{"mode":"concurrency","value":1},"requests":["#);
    let count = 90_000_u64;
    for at in 0..count {
        if at > 0 {
            text.push(',');
        }
        let sent = 1_000_000 * at;
        let answered = sent + 5_000 + at;
        write!(
            text,
            r#"{{"timestamp":{sent},"request_inputs":{{"text":"{words}"}},"response_timestamps":[{answered}]}}"#
        )
        .unwrap();
    }
    text.push_str(r#"]}],"version":"1"}"#);
    assert!(text.len() > 64 * 1024 * 1024);
    let foreign = only(read_bytes("big.json", text.as_bytes()).unwrap());
    assert_eq!(foreign.samples[0].nanos.len() as u64, count);
    assert_eq!(foreign.samples[0].nanos.last(), Some(&(5_000 + count - 1)));
    let message = read_bytes("big.json", &text.as_bytes()[..text.len() - 40]).unwrap_err().to_string();
    assert!(message.contains("ends in the middle"), "{message}");
}

pub(super) const MODEL_ANALYZER: &str = "Model,Batch,Concurrency,Model Config Path,Instance Group,Max Batch Size,Satisfies Constraints,\
Throughput (infer/sec),p99 Latency (ms),Server Queue Time (ms)\nnet,4,8,net_config_1,1:GPU,8,No,1234.5,0.7,0.1\n\n";

#[test]
fn model_analyzer_rows_keep_the_batch_the_unit_and_the_coarse_rounding() {
    let text = MODEL_ANALYZER;
    let row = only(parsed(text));
    assert_eq!((row.model.as_deref(), row.batch, row.concurrency), (Some("net"), Some(4), Some(8.0)));
    near(row.value(&Quantity::Throughput, VALUE), 1234.5);
    let latency = row.metric(&Quantity::Latency, p(99.0)).unwrap();
    near(Some(latency.value), 700_000.0);
    assert_eq!(latency.rounding, Some(50_000.0));
    near(row.value(&Quantity::Queue, MEAN), 100_000.0);
    assert_eq!(row.settings["Model Config Path"], "net_config_1");
    assert!(noted(&row, "misses a limit"));
    assert_eq!(row.validity, Validity::NotStated);
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_sample_tables_of_model_analyzer() {
    let folder = "model_analyzer/single-model-ckpt";
    let inference = sampled(&format!("{folder}/golden-metrics-model-inference.csv"));
    assert_eq!((inference.results.len(), inference.warnings.len()), (16, 0));
    near(inference.results[0].value(&Quantity::Throughput, VALUE), 13_205.0);
    near(inference.results[14].value(&Quantity::Latency, p(99.0)), 900_000.0);
    let gpu = sampled(&format!("{folder}/golden-metrics-model-gpu.csv"));
    assert_eq!(gpu.results.len(), 16);
    near(gpu.results[0].value(&Quantity::AcceleratorMemory, Statistic::Max), 872_400_000.0);
    near(gpu.results[0].value(&Quantity::AcceleratorUse, MEAN), 0.055);
    near(gpu.results[15].value(&Quantity::Power, MEAN), 56.6);
    let server = only(sampled(&format!("{folder}/golden-metrics-server-only.csv")));
    near(server.value(&Quantity::Power, MEAN), 56.0);
    assert_eq!(server.settings["GPU UUID"], "GPU-8557549f-9c89-4384-8bd6-1fd823c342e0");
    assert!(noted(&server, "no model loaded"));
}
