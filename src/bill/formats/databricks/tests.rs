//! Usage with and without prices, priced by hand.

use super::prices::PriceRows;
use super::*;
use crate::bill::formats::inputs::testing::{Outcome, read, reversed, run, split};

const USAGE: &str = r#"record_id,account_id,workspace_id,sku_name,cloud,usage_start_time,usage_end_time,usage_date,custom_tags,usage_unit,usage_quantity,usage_metadata,record_type,billing_origin_product,usage_type
a,acc,w1,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA,AWS,2026-02-28T23:00:00.000+00:00,2026-03-01T00:00:00.000+00:00,2026-02-28,"{""workload"":""inference""}",DBU,10.000000000000000001,"{""cluster_id"":null,""endpoint_name"":""chat"",""node_type"":null}",ORIGINAL,MODEL_SERVING,COMPUTE_TIME
b,acc,w1,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA,AWS,2026-02-28T23:00:00.000+00:00,2026-03-01T00:00:00.000+00:00,2026-02-28,{},DBU,-4,"{""endpoint_name"":""chat""}",RETRACTION,MODEL_SERVING,COMPUTE_TIME
c,acc,w1,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA,AWS,2026-03-01T00:00:00.000+00:00,2026-03-01T01:00:00.000+00:00,2026-03-01,,DBU,2,,RESTATEMENT,MODEL_SERVING,TOKEN
d,acc,w1,PREMIUM_JOBS_COMPUTE_US_EAST_2,AZURE,2026-03-01T00:00:00.000+00:00,2026-03-01T01:00:00.000+00:00,2026-03-01,,DBU,3,"{""cluster_id"":""c-1"",""node_type"":""Standard_NC24ads_A100_v4""}",ORIGINAL,JOBS,COMPUTE_TIME
"#;

const PRICES: &str = r#"price_start_time,price_end_time,sku_name,cloud,currency_code,usage_unit,pricing
2026-01-01T00:00:00.000Z,2026-03-01T00:00:00.000Z,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA,AWS,USD,DBU,"{""default"":""0.15"",""effective_list"":{""default"":""0.12""}}"
2026-03-01T00:00:00.000Z,,ENTERPRISE_SERVERLESS_REAL_TIME_INFERENCE_US_EAST_N_VIRGINIA,AWS,USD,DBU,"{""default"":""0.2""}"
"#;

fn priced(usage: &str, prices: &str) -> Outcome {
    let (header, rows) = split(prices);
    let mut reader = PriceRows::new(&header, Path::new("p.csv")).unwrap();
    let mut warnings = Warnings::new("p.csv");
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        reader.push(&cells, Place { line: None, row: 1 }, &mut warnings);
    }
    let (header, rows) = split(usage);
    run(plan(&header, Path::new("u.csv"), Some(reader.finish())).unwrap(), &rows)
}

#[test]
fn without_prices_costs_are_empty_and_the_missing_file_is_named() {
    let outcome = read(USAGE);
    assert_eq!(outcome.kind, "Databricks usage");
    for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency"] {
        assert_eq!(outcome.column(cost), ["", "", "", ""], "{cost}");
    }
    assert!(outcome.remarks.iter().any(|remark| remark.contains("system.billing.list_prices")));
    assert_eq!(outcome.rows, reversed(USAGE).rows);
}

#[test]
fn a_quantity_costs_the_price_valid_when_it_was_used() {
    let outcome = priced(USAGE, PRICES);
    // 10.000000000000000001 × 0.12, −4 × 0.12, 2 × 0.2; the fourth SKU has no price.
    assert_eq!(outcome.column("BilledCost"), ["1.2", "-0.48", "0.4", ""]);
    // … × 0.15: the nineteenth place rounds to none.
    assert_eq!(outcome.column("ListCost"), ["1.5", "-0.6", "0.4", ""]);
    assert_eq!(outcome.sum("EffectiveCost"), "1.12");
    assert_eq!(outcome.column("BillingCurrency"), ["USD", "USD", "USD", ""]);
    assert_eq!(outcome.column("ChargeClass"), ["", "Correction", "Correction", ""]);
    assert!(outcome.warns("no price of these SKUs"), "{:?}", outcome.warnings);
    assert!(outcome.warns("`PREMIUM_JOBS_COMPUTE_US_EAST_2`"));
    assert!(outcome.warns("replace them; all are kept, so that sums are right: 2"));
    assert!(outcome.warns("Azure Databricks, which Microsoft invoices"));
}

#[test]
fn what_was_used_and_where_is_told() {
    let outcome = read(USAGE);
    assert_eq!(outcome.column("RegionId"), ["us-east-1", "us-east-1", "us-east-1", "eastus2"]);
    assert_eq!(outcome.column("ResourceId"), ["chat", "chat", "", "c-1"]);
    assert_eq!(outcome.column("ResourceType"), ["Serving endpoint", "Serving endpoint", "", "Cluster"]);
    assert_eq!(outcome.column("ServiceName")[0], "MODEL_SERVING");
    assert_eq!(outcome.column("ServiceCategory")[0], "AI and Machine Learning");
    assert_eq!(outcome.column("x_InstanceType")[3], "Standard_NC24ads_A100_v4");
    assert_eq!(outcome.column("SkuPriceDetails")[3], r#"{"InstanceType":"Standard_NC24ads_A100_v4"}"#);
    assert_eq!(outcome.column("Tags"), [r#"{"workload":"inference"}"#, "", "", ""]);
    assert_eq!(outcome.column("ChargePeriodEnd")[0], "2026-03-01T00:00:00Z");
    assert_eq!(outcome.column("BillingPeriodStart")[0], "2026-02-01T00:00:00Z");
    assert!(outcome.rows[0]["usage_metadata"].contains("chat"));
    assert_eq!(outcome.rows[0]["usage_date"], "2026-02-28");
}

#[test]
fn what_is_needed_is_named() {
    let (header, _) = split("sku_name,usage_quantity,usage_unit,billing_origin_product\n");
    let error = super::super::plan(&header, &[], Path::new("u.csv")).unwrap_err();
    assert!(error.to_string().contains("usage_start_time, cloud"), "{error}");
}

/// `SELECT u.*, p.price_start_time, p.currency_code, p.pricing FROM usage u LEFT JOIN list_prices p …`
#[test]
fn usage_that_a_query_has_joined_with_its_prices_is_a_bill() {
    let text = r#"record_id,workspace_id,sku_name,cloud,usage_start_time,usage_end_time,usage_unit,usage_quantity,billing_origin_product,price_start_time,price_end_time,currency_code,pricing
a,w1,JOBS,AWS,2026-03-01T00:00:00Z,2026-03-01T01:00:00Z,DBU,4,JOBS,2026-01-01T00:00:00Z,,USD,"{""default"":""0.15"",""effective_list"":{""default"":""0.12""}}"
b,w1,NEW,AWS,2026-03-01T00:00:00Z,2026-03-01T01:00:00Z,DBU,1,JOBS,,,,
"#;
    let outcome = read(text);
    assert_eq!(outcome.kind, "Databricks usage");
    // 4 × 0.15, 4 × 0.12; the second row found no price.
    assert_eq!(outcome.column("ListCost"), ["0.6", ""]);
    assert_eq!(outcome.column("BilledCost"), ["0.48", ""]);
    assert_eq!(outcome.column("BillingCurrency"), ["USD", ""]);
    assert!(outcome.warns("no price of these SKUs") && outcome.warns("`NEW`"), "{:?}", outcome.warnings);
    assert!(!outcome.remarks.iter().any(|remark| remark.contains("export the table")));
    // A price alone, as a query may name it.
    let flat = text
        .replace(",pricing\n", ",list_price\n")
        .replace(r#""{""default"":""0.15"",""effective_list"":{""default"":""0.12""}}""#, "0.15");
    assert_eq!(read(&flat).column("BilledCost"), ["0.6", ""]);
    let (header, _) = split(&flat.replace("currency_code", "note"));
    let error = super::super::plan(&header, &[], Path::new("u.csv")).unwrap_err();
    assert!(error.to_string().contains("currency_code"), "{error}");
}
