//! Tables of results, the Endpoints tool, the reference harness.

use inferometer::measure::import::{Quantiles, Quantity, Statistic, Unit, Validity, read_bytes};

use super::{has, nanos, one, parse, percentile, says};

pub(super) const TABLE: &str = "\
Organization,Availability,Division,SystemType,SystemName,Platform,Model,MlperfModel,Scenario,Result,Accuracy,\
number_of_nodes,host_processor_model_name,host_processors_per_node,accelerator_model_name,accelerators_per_node,\
framework,version,inferred,has_power,Units
Org,available,closed,datacenter,Box,BoxA,llama2-70b-99,llama2-70b-99,Server,29715.3,44.5,1,\"CPU, 9\",2,ACME,8,TRT,v4.1,0,False,Queries/s
Org,available,closed,datacenter,Box,BoxA,resnet50,resnet,Server,1000.5,76.1,1,\"CPU, 9\",2,ACME,8,TRT,v4.1,1,False,Queries/s
Org,available,closed,edge,Box,BoxA,resnet50,resnet,SingleStream,0.25,76.1,2,CPU 9,2,,,TRT,v4.1,0,False,Latency (ms)
Org,available,closed,edge,Box,BoxA,resnet50,resnet,Offline,n/a,76.1,1,CPU 9,2,,,TRT,v4.1,0,False,Samples/s
Org,available,closed,edge
";

#[test]
fn a_table_of_results_gets_its_units_right_where_the_table_does_not() {
    let results = read_bytes("summary.csv", TABLE.as_bytes()).unwrap();
    let [tokens, server, latency] = &results.results[..] else { panic!("{results:?}") };
    has(tokens, Quantity::OutputTokens, Statistic::Value, 29715.3, &Unit::TokensPerSecond);
    says(tokens, "calls the unit Queries/s");
    assert!(tokens.metric(&Quantity::Throughput, Statistic::Value).is_none());
    has(server, Quantity::Throughput, Statistic::Value, 1000.5, &Unit::QueriesPerSecond);
    assert_eq!(server.system.as_deref(), Some("8x ACME, 2x CPU, 9"));
    says(server, "inferred");
    nanos(latency, Quantity::Latency, percentile(90.0), 250_000.0);
    assert_eq!(latency.system.as_deref(), Some("2 nodes of 2x CPU 9"));
    assert_eq!(latency.place, "line 4");
    let places: Vec<_> = results.warnings.iter().map(|warning| warning.place.as_str()).collect();
    assert_eq!(
        places,
        ["line 5", "line 6"],
        "a result that is no number and a ragged row: {:?}",
        results.warnings
    );
}

#[test]
fn a_table_in_json_keeps_the_order_of_its_numbers() {
    let row = |model: &str| {
        format!(
            r#"{{"Organization":"O","Availability":"a","MlperfModel":"m","Model":"{model}","Scenario":"Offline","Result":5,"Units":"Samples/s"}}"#
        )
    };
    let text = format!("{{\"0\":{},\"10\":{},\"9\":{}}}", row("first"), row("last"), row("middle"));
    let results = read_bytes("summary.json", text.as_bytes()).unwrap();
    let models: Vec<_> = results.results.iter().map(|run| run.model.as_deref().unwrap()).collect();
    assert_eq!(models, ["first", "middle", "last"]);
}

pub(super) const ENDPOINTS: &str = r#"{"version":"0.1.0","n_samples_issued":10,"n_samples_completed":9,"n_samples_failed":1,
"duration_ns":2500000000,"state":"interrupted","complete":false,
"ttft":{"total":100,"min":1000,"max":9000,"median":5000,"avg":5500.5,"std_dev":10.5,
 "percentiles":{"99.9":8900,"50.0":5000},"early_stopping_percentiles":{"99.0":null,"50.0":6000}},
"latency":{"min":NaN,"max":90000,"avg":55000},"qps":4.0,"tps":100.5,
"run_config":{"load_pattern":{"type":"concurrency","target_qps":null,"target_concurrency":16}}}"#;

#[test]
fn mlperf_endpoints_keeps_bounds_and_drops_what_is_no_number() {
    let results = read_bytes("result_summary.json", ENDPOINTS.as_bytes()).unwrap();
    let run = one(&results);
    assert_eq!(run.concurrency, Some(16.0));
    assert_eq!(run.rate_per_second, None);
    nanos(run, Quantity::FirstToken, percentile(99.9), 8900.0);
    nanos(run, Quantity::FirstToken, Statistic::EarlyStopping(50.0), 6000.0);
    assert!(run.metric(&Quantity::FirstToken, Statistic::EarlyStopping(99.0)).is_none());
    assert!(run.metric(&Quantity::Latency, Statistic::Min).is_none());
    assert_eq!(results.warnings[0].place, "line 5, column 18");
    assert!(results.warnings[0].message.contains("NaN is no number"));
    assert_eq!(run.validity, Validity::Invalid(vec!["the run is not complete: interrupted".to_owned()]));
    has(run, Quantity::Duration, Statistic::Value, 2.5, &Unit::Seconds);
    has(run, Quantity::OutputTokens, Statistic::Value, 100.5, &Unit::TokensPerSecond);
    says(run, "1 queries failed");
}

pub(super) const SNAPSHOT: &str = r#"{"counter": 3, "timestamp_ns": 5, "state": "complete", "metrics": [
 {"type": "counter", "name": "tracked_samples_completed", "value": 4},
 {"type": "counter", "name": "tracked_duration_ns", "value": 2000000000},
 {"type": "series", "name": "sample_latency_ns", "count": 4, "total": 20, "min": 2, "max": 8, "sum_sq": 120,
  "percentiles": {"50.0": 5}, "histogram": [[[2, 8], 4]]}]}"#;

#[test]
fn an_endpoints_snapshot_gives_mean_and_deviation_of_its_sums() {
    let run = parse(SNAPSHOT);
    nanos(&run, Quantity::Latency, Statistic::Mean, 5.0);
    // 120 / 4 − 5² = 5.
    nanos(&run, Quantity::Latency, Statistic::StdDev, 5.0_f64.sqrt());
    has(&run, Quantity::Duration, Statistic::Value, 2.0, &Unit::Seconds);
    has(&run, Quantity::Completed, Statistic::Value, 4.0, &Unit::Count);
}

pub(super) const REFERENCE: &str = r#"{"TestScenario.SingleStream":{"count":100,"good_items":75,"mean":0.002,
"percentiles":{"50.0":0.0019,"99.9":0.004},"qps":450.5,"took":0.25,"total_items":100},
"args":{"model_name":"resnet50","threads":2},"runtime":"onnxruntime","version":"1.28.0"}"#;

#[test]
fn the_reference_harness_counts_in_seconds() {
    let run = parse(REFERENCE);
    nanos(&run, Quantity::Latency, Statistic::Mean, 2e6);
    nanos(&run, Quantity::Latency, percentile(99.9), 4e6);
    assert_eq!(run.quantiles, Quantiles::Linear);
    assert_eq!(run.framework.as_deref(), Some("onnxruntime 1.28.0"));
    has(&run, Quantity::Accuracy, Statistic::Value, 0.75, &Unit::Share);
    assert_eq!(run.place, "TestScenario.SingleStream");
}
