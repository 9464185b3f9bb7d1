//! Files of our own in the layouts that consoles and APIs write.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::bill::exact::Exact;
use crate::bill::formats::{self, Kind};
use crate::bill::warnings::{Place, Warnings};

type Row = BTreeMap<String, String>;

/// The rows that a table becomes, without empty cells, and the warnings.
fn rows_of(header: &[&str], rows: &[&[&str]]) -> (Kind, Vec<Row>, Vec<String>) {
    let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let mut plan = formats::plan(&names, &[], Path::new("f.csv")).unwrap();
    let mut warnings = Warnings::new("f.csv");
    let mut found = Vec::new();
    for (place, cells) in rows.iter().enumerate() {
        let place = Place { line: Some(place as u64 + 2), row: place as u64 + 1 };
        let mut each = |cells: &[&str], _: Place, _: &mut Warnings| {
            let named = plan.targets.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            found.push(named.map(|(target, cell)| (target.name.clone(), (*cell).to_owned())).collect());
            Ok(())
        };
        plan.mapper.map(cells, place, &mut warnings, &mut each).unwrap();
    }
    plan.mapper.finish(&mut warnings);
    let warnings = warnings.finish().0.into_iter().map(|warning| warning.message).collect();
    (plan.kind, found, warnings)
}

fn sum(rows: &[Row], column: &str) -> Exact {
    let amounts = rows.iter().filter_map(|row| row.get(column)).map(|text| Exact::read(text).unwrap().value);
    amounts.fold(Exact::default(), |sum, amount| sum.checked_add(amount).unwrap())
}

fn exact(text: &str) -> Exact {
    Exact::read(text).unwrap().value
}

const OPENAI_COSTS: [&str; 10] = [
    "start_time",
    "end_time",
    "start_time_iso",
    "end_time_iso",
    "amount_value",
    "amount_currency",
    "line_item",
    "project_id",
    "organization_id",
    "organization_name",
];

#[test]
fn openai_costs_become_rows_and_days_without_use_are_counted() {
    let day = ["1759622400", "1759708800", "2025-10-05T00:00:00+00:00", "2025-10-06T00:00:00+00:00"];
    let used =
        [&day[..], &["0.8958740000000000", "usd", "gpt-5-mini cached input", "proj_x", "org-x", "Example"]]
            .concat();
    let empty = [&day[..], &["", "", "", "", "", ""]].concat();
    let (kind, rows, warnings) = rows_of(&OPENAI_COSTS, &[&used, &empty, &empty]);
    assert_eq!((kind, rows.len()), (Kind::OpenAiCosts, 1));
    assert_eq!(sum(&rows, "BilledCost"), exact("0.895874"));
    assert_eq!(sum(&rows, "EffectiveCost"), exact("0.895874"));
    let row = &rows[0];
    assert!(!row.contains_key("ListCost"));
    for (column, value) in [
        ("BillingCurrency", "USD"),
        ("x_Model", "gpt-5-mini"),
        ("x_TokenType", "cached input tokens"),
        ("SkuMeter", "gpt-5-mini cached input tokens"),
        ("ChargeDescription", "gpt-5-mini cached input"),
        ("ServiceCategory", "AI and Machine Learning"),
        ("SubAccountId", "proj_x"),
        ("BillingAccountName", "Example"),
        ("BillingPeriodStart", "2025-10-01T00:00:00Z"),
        ("BillingPeriodEnd", "2025-11-01T00:00:00Z"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    assert_eq!(warnings, ["2 rows name times and no use; they were left out"]);
}

#[test]
fn openai_usage_counts_cached_tokens_once() {
    let header = [
        "start_time",
        "end_time",
        "start_time_iso",
        "end_time_iso",
        "project_id",
        "num_model_requests",
        "user_id",
        "api_key_id",
        "model",
        "batch",
        "service_tier",
        "input_tokens",
        "output_tokens",
        "input_cached_tokens",
    ];
    let row = [
        "1",
        "2",
        "2025-10-27T00:00:00+00:00",
        "2025-10-27T00:01:00+00:00",
        "proj_x",
        "5",
        "",
        "key_x",
        "gpt-5-mini",
        "true",
        "default",
        "1000",
        "500",
        "800",
    ];
    let (kind, rows, _) = rows_of(&header, &[&row]);
    assert_eq!(kind, Kind::OpenAiUsage);
    let counts: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["x_TokenType"].as_str(), row["ConsumedQuantity"].as_str())).collect();
    // 1,000 input tokens, of which 800 were cached.
    assert_eq!(
        counts,
        [
            ("input tokens", "200"),
            ("cached input tokens", "800"),
            ("output tokens", "500"),
            ("model requests", "5")
        ]
    );
    assert!(rows.iter().all(|row| row["x_Tier"] == "batch" && !row.contains_key("BilledCost")));
}

fn of_document(document: &serde_json::Value) -> Option<formats::JsonTable> {
    formats::json_tables::json_table(&formats::node::Node::parse(&document.to_string()).unwrap())
}

#[test]
fn an_openai_page_is_the_dashboards_table() {
    let page = json!({"object": "page", "has_more": true, "data": [{"object": "bucket", "start_time": 1_730_419_200,
        "end_time": 1_730_505_600, "results": [{"amount": {"value": 0.06, "currency": "usd"},
        "line_item": "gpt-4o input", "project_id": "p"}]}]});
    let table = of_document(&page).unwrap();
    assert_eq!(formats::recognise(&table.header), Some(Kind::OpenAiCosts));
    // From `date -u -d @1730419200`.
    assert_eq!(table.rows[0][2], "2024-11-01T00:00:00Z");
    assert_eq!(table.rows[0][4..7], ["0.06", "usd", "gpt-4o input"]);
    assert!(table.remarks[0].contains("more pages"));
    let usage = json!({"object": "page", "data": [{"object": "bucket", "start_time": 1, "end_time": 2,
        "results": [{"input_tokens": 7, "output_tokens": 2, "model": "m", "num_model_requests": 1}]}]});
    let table = of_document(&usage).unwrap();
    assert_eq!(formats::recognise(&table.header), Some(Kind::OpenAiUsage));
    assert_eq!(of_document(&json!({"object": "list", "data": []})), None);
    // Images are counted, and no export of the dashboard has columns for them: no rows without use are made of them.
    let images = json!({"object": "page", "data": [{"object": "bucket", "start_time": 1, "end_time": 2,
        "results": [{"object": "organization.usage.images.result", "images": 2, "num_model_requests": 2}]}]});
    assert_eq!(of_document(&images), None);
}

#[test]
fn anthropics_console_tells_list_prices_and_its_api_cents() {
    let header = [
        "usage_date_utc",
        "model",
        "workspace",
        "api_key",
        "usage_type",
        "context_window",
        "token_type",
        "cost_usd",
        "list_price_usd",
        "cost_type",
        "inference_geo",
        "speed",
    ];
    let row = [
        "2026-10-04",
        "Claude Haiku 4.5",
        "Default",
        "demo",
        "batch",
        "≤ 200k",
        "input_cache_read",
        "18.71",
        "20.00",
        "token",
        "not_available",
        "",
    ];
    let (kind, rows, _) = rows_of(&header, &[&row]);
    assert_eq!(kind, Kind::AnthropicCosts);
    let row = &rows[0];
    assert_eq!((sum(&rows, "BilledCost"), sum(&rows, "ListCost")), (exact("18.71"), exact("20")));
    assert_eq!(row["ChargePeriodEnd"], "2026-10-05T00:00:00Z");
    assert_eq!((row["x_TokenType"].as_str(), row["x_Tier"].as_str()), ("input cache read tokens", "batch"));
    assert!(!row.contains_key("RegionId") && row["BillingCurrency"] == "USD");

    let report = json!({"data": [{"starting_at": "2026-10-04T00:00:00Z", "ending_at": "2026-10-05T00:00:00Z",
        "results": [{"amount": "123.45", "currency": "USD", "cost_type": "tokens", "model": "claude-haiku-4-5",
        "token_type": "uncached_input_tokens", "service_tier": "standard", "workspace_id": null,
        "description": "Claude Haiku 4.5 Usage - Input Tokens"}]}], "has_more": false});
    let table = of_document(&report).unwrap();
    let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
    let cells: Vec<&str> = table.rows[0].iter().map(String::as_str).collect();
    let (kind, rows, _) = rows_of(&header, &[&cells]);
    assert_eq!((kind, sum(&rows, "BilledCost")), (Kind::AnthropicReport, exact("1.2345")));
    assert_eq!(rows[0]["ChargeDescription"], "Claude Haiku 4.5 Usage - Input Tokens");
}

#[test]
fn anthropics_token_counts_are_a_row_a_kind() {
    let header = [
        "usage_date_utc",
        "model_version",
        "api_key",
        "workspace",
        "usage_type",
        "context_window",
        "usage_input_tokens_no_cache",
        "usage_input_tokens_cache_write_5m",
        "usage_input_tokens_cache_write_1h",
        "usage_input_tokens_cache_read",
        "usage_output_tokens",
        "web_search_count",
    ];
    let row = [
        "2026-10-04",
        "claude-haiku-4-5",
        "k",
        "w",
        "standard",
        "≤ 200k",
        "100000",
        "0",
        "0",
        "250000",
        "50000",
        "3",
    ];
    let (kind, rows, _) = rows_of(&header, &[&row]);
    assert_eq!(kind, Kind::AnthropicTokens);
    let counts: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            (row["x_TokenType"].as_str(), row["ConsumedQuantity"].as_str(), row["ConsumedUnit"].as_str())
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("input tokens", "100000", "Tokens"),
            ("cache read tokens", "250000", "Tokens"),
            ("output tokens", "50000", "Tokens"),
            ("web searches", "3", "Requests"),
        ]
    );
}

/// The answer of `usage_report/messages`, in the layout of Anthropic's documentation.
#[test]
fn anthropics_usage_report_is_the_consoles_table() {
    let report = json!({"data": [{"starting_at": "2026-10-04T00:00:00Z", "ending_at": "2026-10-04T01:00:00Z",
        "results": [{"uncached_input_tokens": 1500, "cache_creation": {"ephemeral_1h_input_tokens": 1000,
        "ephemeral_5m_input_tokens": 500}, "cache_read_input_tokens": 200, "output_tokens": 300,
        "server_tool_use": {"web_search_requests": 10}, "api_key_id": "apikey_1", "workspace_id": "wrkspc_1",
        "model": "claude-haiku-4-5", "service_tier": "batch", "context_window": "0-200k"}]}], "has_more": true});
    let table = of_document(&report).unwrap();
    assert!(table.remarks[0].contains("more pages"), "{:?}", table.remarks);
    let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
    let cells: Vec<&str> = table.rows[0].iter().map(String::as_str).collect();
    let (kind, rows, _) = rows_of(&header, &[&cells]);
    assert_eq!(kind, Kind::AnthropicTokens);
    let counts: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["x_TokenType"].as_str(), row["ConsumedQuantity"].as_str())).collect();
    assert_eq!(
        counts,
        [
            ("input tokens", "1500"),
            ("cache write 5m tokens", "500"),
            ("cache write 1h tokens", "1000"),
            ("cache read tokens", "200"),
            ("output tokens", "300"),
            ("web searches", "10"),
        ]
    );
    for (column, value) in [
        ("x_Model", "claude-haiku-4-5"),
        ("x_Tier", "batch"),
        ("x_ApiKey", "apikey_1"),
        ("SubAccountId", "wrkspc_1"),
        ("ChargePeriodEnd", "2026-10-04T01:00:00Z"),
        ("context_window", "0-200k"),
    ] {
        assert_eq!(rows[0][column], value, "{column}");
    }
    assert!(rows.iter().all(|row| !row.contains_key("BilledCost")));
}

#[test]
fn what_a_granted_balance_paid_for_is_never_invoiced() {
    let header = ["user_id", "start_time_iso", "end_time_iso", "model", "wallet_type", "cost", "currency"];
    let row = |wallet, cost| {
        ["u1", "2026-09-22T08:00:00+08:00", "2026-09-22T09:00:00+08:00", "deepseek-chat", wallet, cost, "CNY"]
    };
    let (kind, rows, warnings) =
        rows_of(&header, &[&row("CHARGED", "0.42"), &row("GRANTED", "0.10"), &row("CHARGED", "x")]);
    assert_eq!(kind, Kind::DeepSeek);
    assert_eq!((sum(&rows, "BilledCost"), sum(&rows, "ContractedCost")), (exact("0.42"), exact("0.52")));
    // The unreadable one has no cost at all, and says so.
    assert!(!rows[2].contains_key("BilledCost") && warnings.len() == 1, "{warnings:?}");
}

#[test]
fn an_openai_export_without_any_use_has_only_its_times() {
    let header = ["start_time", "end_time", "start_time_iso", "end_time_iso"];
    let row = ["1759622400", "1759708800", "2025-10-05T00:00:00+00:00", "2025-10-06T00:00:00+00:00"];
    let (kind, rows, warnings) = rows_of(&header, &[&row, &row]);
    assert_eq!((kind, rows.len()), (Kind::OpenAiCosts, 0));
    assert_eq!(warnings, ["2 rows name times and no use; they were left out"]);
    let more = ["start_time", "end_time", "start_time_iso", "end_time_iso", "note"].map(str::to_owned);
    assert_eq!(formats::recognise(&more), None);
}

#[test]
fn rows_that_count_nothing_are_counted_and_contradictions_are_told() {
    let header = [
        "start_time",
        "end_time",
        "start_time_iso",
        "end_time_iso",
        "num_model_requests",
        "model",
        "input_tokens",
        "output_tokens",
        "input_cached_tokens",
        "input_uncached_tokens",
    ];
    let row = |input, output, cached, uncached| {
        ["1", "2", "2025-10-27T00:00:00Z", "2025-10-27T00:01:00Z", "1", "m", input, output, cached, uncached]
    };
    let (_, rows, warnings) = rows_of(
        &header,
        &[
            &row("0", "0", "0", "0"),
            &row("10", "3", "40", ""),
            &row("10", "0", "4", "6"),
            &row("", "", "", ""),
        ],
    );
    let counts: Vec<(&str, &str)> =
        rows.iter().map(|row| (row["x_TokenType"].as_str(), row["ConsumedQuantity"].as_str())).collect();
    // 10 − 40 would be −30 tokens.
    assert_eq!(
        counts,
        [
            ("cached input tokens", "40"),
            ("output tokens", "3"),
            ("model requests", "1"),
            ("input tokens", "6"),
            ("cached input tokens", "4"),
            ("model requests", "1")
        ]
    );
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(warnings.iter().any(|words| words.contains("10 input tokens, of which 40 are to be cached")));
    assert!(warnings.contains(&"1 rows count 0 of everything; they were left out".to_owned()));

    let header = ["usage_date_utc", "model_version", "usage_input_tokens_no_cache", "usage_output_tokens"];
    let (_, rows, warnings) =
        rows_of(&header, &[&["2026-10-04", "m", "0", "0"], &["2026-10-04", "m", "1", "0"]]);
    assert_eq!(rows.len(), 1);
    assert_eq!(warnings, ["1 rows count 0 of everything; they were left out"]);
}
