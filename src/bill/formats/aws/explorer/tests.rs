//! Downloads and answers of Cost Explorer in the layouts it writes.

use std::collections::HashMap;

use super::*;
use crate::bill::formats::JsonTable;
use crate::bill::formats::node::Node;

type Row = HashMap<String, String>;

fn read(header: &[&str], rows: &[Vec<&str>]) -> (Vec<Row>, Vec<String>) {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(recognise(&header), Some(Kind::AwsCostExplorer));
    let mut plan = plan(&header, Path::new("costs.csv")).unwrap();
    let names: Vec<String> = plan.targets.iter().map(|target| target.name.clone()).collect();
    let mut warnings = Warnings::new("costs.csv");
    let mut found = Vec::new();
    for (number, cells) in rows.iter().enumerate() {
        let place = Place { line: Some(number as u64 + 2), row: number as u64 + 1 };
        plan.mapper
            .map(cells, place, &mut warnings, &mut |cells, _, _| {
                found.push(names.iter().cloned().zip(cells.iter().map(|cell| (*cell).to_owned())).collect());
                Ok(())
            })
            .unwrap();
    }
    plan.mapper.finish(&mut warnings);
    (found, warnings.finish().0.into_iter().map(|warning| warning.message).collect())
}

fn column<'r>(rows: &'r [Row], name: &str) -> Vec<&'r str> {
    rows.iter().map(|row| row[name].as_str()).collect()
}

const HEADER: [&str; 5] =
    ["Service", "Amazon Elastic Compute Cloud - Compute($)", "Amazon Bedrock($)", "Tax($)", "Total costs($)"];

#[test]
fn a_wide_row_becomes_a_row_for_each_service_that_cost_something() {
    let (rows, warnings) = read(
        &HEADER,
        &[
            vec!["Service total", "19811.52", "88.42", "0.5", "19900.44"],
            vec!["2026-10-01", "9905.76", "44.21", "", "9949.97"],
            vec!["2026-10-02", "9905.76", "44.21", "0.5", "9950.47"],
        ],
    );
    assert_eq!(column(&rows, "BilledCost"), ["9905.76", "44.21", "9905.76", "44.21", "0.5"]);
    assert_eq!(rows[1]["ServiceName"], "Amazon Bedrock");
    assert_eq!(rows[1]["ServiceSubcategory"], "Generative AI");
    assert_eq!(rows[1]["BillingCurrency"], "USD");
    assert_eq!(column(&rows, "ChargeCategory"), ["", "", "", "", "Tax"]);
    // The first row waits for the second, which shows that it is a day; the last is as long as those before it.
    assert_eq!(rows[0]["ChargePeriodEnd"], "2026-10-02T00:00:00Z");
    assert_eq!(rows[4]["ChargePeriodEnd"], "2026-10-03T00:00:00Z");
    assert_eq!(rows[4]["BillingPeriodEnd"], "2026-11-01T00:00:00Z");
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn months_hours_and_a_single_period_end_where_they_do() {
    let read_two = |first, second| {
        let total = vec!["Service total", "3", "0", "0", "3"];
        read(&HEADER, &[total, vec![first, "1", "0", "0", "1"], vec![second, "2", "0", "0", "2"]]).0
    };
    let ends = |rows: &[Row]| column(rows, "ChargePeriodEnd").join(" ");
    assert_eq!(ends(&read_two("2026-10-01", "2026-11-01")), "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z");
    assert_eq!(ends(&read_two("2026-10-15", "2026-11-01")), "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z");
    assert_eq!(
        ends(&read_two("2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z")),
        "2026-10-01T01:00:00Z 2026-10-01T02:00:00Z"
    );
    // A day or a month: the file does not tell.
    let (rows, _) =
        read(&HEADER, &[vec!["Service total", "1", "0", "0", "1"], vec!["2026-10-01", "1", "0", "0", "1"]]);
    assert_eq!(column(&rows, "ChargePeriodEnd"), [""]);
    // Without its line of totals nothing is known to follow, so nothing waits.
    let (rows, _) = read(&HEADER, &[vec!["2026-10-01", "1", "0", "0", "1"]]);
    assert_eq!(column(&rows, "BilledCost"), ["1"]);
}

#[test]
fn rows_that_are_missing_show_in_the_files_own_totals() {
    let (rows, warnings) = read(
        &HEADER,
        &[
            vec!["Service total", "5", "0", "0", "5"],
            vec!["2026-10-01", "1", "0", "0", "1"],
            vec!["2026-10-02", "x", "0", "0", "2"],
            vec!["Somewhen", "2", "0", "0", "2"],
        ],
    );
    assert_eq!(column(&rows, "BilledCost"), ["1", "x"]);
    assert!(
        warnings.iter().any(|text| text.contains("add up to 1, but the file's own total is 5")),
        "{warnings:?}"
    );
    assert!(warnings.iter().any(|text| text.contains("`Somewhen` is no date")));
    let (rows, warnings) = read(&["Service", "Total costs($)"], &[vec!["Rent", "9"], vec!["Power", "2"]]);
    assert!(rows.is_empty() && warnings.iter().any(|text| text.starts_with("no row begins with a date")));
    let cut = [vec!["Service total", "5", "0", "0", "5"], vec!["2026-10-01", "1", "0", "0", "1"]];
    let (rows, warnings) = read(&HEADER, &cut);
    assert!(rows.is_empty());
    assert!(warnings.iter().any(|text| text.contains("`2026-10-01` was left out")), "{warnings:?}");
}

#[test]
fn every_grouping_fills_its_own_columns() {
    let one = |dimension: &str, value: &str| {
        let amount = format!("{value}($)");
        let header = [dimension, &amount, "Total costs($)"];
        read(&header, &[vec!["2026-10-02", "1", "1"]]).0.remove(0)
    };
    for (dimension, value, name, expected) in [
        ("Linked account", "Research (123456789012)", "SubAccountId", "123456789012"),
        ("Linked account", "Research (123456789012)", "SubAccountName", "Research"),
        ("Region", "eu-west-1", "RegionName", "Europe (Ireland)"),
        ("Usage type", "USW2-Host:ml.g5.xlarge", "x_InstanceType", "ml.g5.xlarge"),
        ("Instance type", "p5.48xlarge", "x_InstanceType", "p5.48xlarge"),
        ("Instance type", "No instance type", "x_InstanceType", ""),
        ("Charge type", "Recurring reservation fee", "ChargeCategory", "Purchase"),
        ("Charge type", "Savings Plan Covered Usage", "ChargeCategory", "Usage"),
        ("Usage type group", "EC2: Running Hours", "x_UsageTypeGroup", "EC2: Running Hours"),
        ("team", "chat", "Tags", r#"{"team":"chat"}"#),
        ("team", "No tag key: team", "Tags", ""),
    ] {
        assert_eq!(one(dimension, value)[name], expected, "{dimension}: {value}");
    }
    let (rows, _) = read(&["Service", "Total costs(€)"], &[vec!["2026-10-02", "1.5"]]);
    assert_eq!([&rows[0]["BilledCost"], &rows[0]["BillingCurrency"]], ["1.5", "EUR"]);
}

#[test]
fn other_tables_are_not_cost_explorers() {
    for header in [
        &["Service", "Cost", "Total costs($)"][..],
        &["Month", "Cost ($)", "Subtotal ($)"],
        &["Service", "EC2($)"],
        &[],
    ] {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(recognise(&header), None, "{header:?}");
    }
}

fn of_answer(answer: &serde_json::Value) -> Option<JsonTable> {
    crate::bill::formats::json_tables::json_table(&Node::parse(&answer.to_string()).unwrap())
}

/// The rows of an answer.
fn read_answer(answer: &serde_json::Value) -> Vec<Row> {
    let JsonTable { header, rows, .. } = of_answer(answer).unwrap();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    read(&header, &cells).0
}

#[test]
fn a_row_grouped_by_two_tags_has_both_and_accounts_have_their_names() {
    let of = |types: [&str; 2], names: [&str; 2], keys: [&str; 2]| {
        let group = |at: usize| serde_json::json!({"Type": types[at], "Key": names[at]});
        read_answer(&serde_json::json!({
            "GroupDefinitions": [group(0), group(1)],
            "ResultsByTime": [{"TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"}, "Estimated": false,
                "Groups": [{"Keys": keys, "Metrics": {"UnblendedCost": {"Amount": "1", "Unit": "USD"}}}]}],
            "DimensionValueAttributes": [{"Value": "123456789012", "Attributes": {"description": "Research"}}]
        }))
        .remove(0)
    };
    let row = of(["TAG", "TAG"], ["team", "env"], ["team$chat", "env$prod"]);
    assert_eq!(row["Tags"], r#"{"env":"prod","team":"chat"}"#);
    let row = of(["TAG", "TAG"], ["team", "env"], ["team$chat", "env$"]);
    assert_eq!(row["Tags"], r#"{"team":"chat"}"#);
    let row = of(["DIMENSION", "TAG"], ["LINKED_ACCOUNT", "team"], ["123456789012", "team$chat"]);
    assert_eq!([&row["SubAccountId"], &row["SubAccountName"]], ["123456789012", "Research"]);
}

/// The answer of a first page, and one whose second group says nothing.
#[test]
fn pages_that_follow_and_groups_that_say_nothing_are_told_of() {
    let answer = serde_json::json!({"NextPageToken": "abc", "ResultsByTime": [{
        "TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"}, "Estimated": false,
        "Groups": [{"Keys": ["a"], "Metrics": {"UnblendedCost": {"Amount": "1", "Unit": "USD"}}}, {"Keys": ["b"]}]}]});
    let table = of_answer(&answer).unwrap();
    assert_eq!((table.rows.len(), table.remarks.len()), (1, 2));
    assert!(table.remarks[0].contains("NextPageToken"), "{:?}", table.remarks);
    assert!(table.remarks[1].starts_with("1 groups have no Keys or no Metrics"), "{:?}", table.remarks);
    let last = serde_json::json!([answer, {"ResultsByTime": [], "NextPageToken": null}]);
    assert_eq!(of_answer(&last).unwrap().remarks.len(), 1);
}

#[test]
fn answers_of_the_api_become_rows() {
    let answer = serde_json::json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "team"}],
        "ResultsByTime": [{
            "TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"},
            "Total": {},
            "Estimated": true,
            "Groups": [
                {"Keys": ["Amazon Bedrock", "team$chat"], "Metrics": {
                    "AmortizedCost": {"Amount": "7.5", "Unit": "USD"},
                    "UnblendedCost": {"Amount": "8", "Unit": "USD"},
                    "BlendedCost": {"Amount": "8.1", "Unit": "USD"},
                    "UsageQuantity": {"Amount": "168", "Unit": "N/A"}}},
                {"Keys": ["Tax", "team$"], "Metrics": {
                    "UnblendedCost": {"Amount": "0.5", "Unit": "USD"},
                    "UsageQuantity": {"Amount": "3", "Unit": "Hrs"}}}
            ]
        }]
    });
    let JsonTable { header, rows: cells, .. } = of_answer(&answer).unwrap();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    assert_eq!(
        header[..5],
        [PERIOD_START, PERIOD_END, "Estimated", "Group.DIMENSION.SERVICE", "Group.TAG.team"]
    );
    let cells: Vec<Vec<&str>> = cells.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let (rows, _) = read(&header, &cells);
    for (name, expected) in [
        ("BilledCost", ["8", "0.5"]),
        ("EffectiveCost", ["7.5", ""]),
        ("x_BlendedCost", ["8.1", ""]),
        ("ServiceName", ["Amazon Bedrock", "Tax"]),
        ("ChargeCategory", ["", "Tax"]),
        ("Tags", [r#"{"team":"chat"}"#, ""]),
        ("ConsumedQuantity", ["", "3"]),
        ("ConsumedUnit", ["", "Hrs"]),
        ("x_Estimated", ["true", "true"]),
        ("ChargePeriodEnd", ["2026-10-02T00:00:00Z"; 2]),
        ("BillingCurrency", ["USD"; 2]),
    ] {
        assert_eq!(column(&rows, name), expected, "{name}");
    }
    assert_eq!(rows[0]["ServiceCategory"], "AI and Machine Learning");
}

#[test]
fn ungrouped_answers_have_their_totals_and_pages_are_joined() {
    let page = |day: u32| {
        serde_json::json!({"ResultsByTime": [{
            "TimePeriod": {"Start": format!("2026-10-0{day}"), "End": format!("2026-10-0{}", day + 1)},
            "Total": {"NetUnblendedCost": {"Amount": "4", "Unit": "USD"}, "UnblendedCost": {"Amount": "5", "Unit": "USD"}},
            "Groups": [], "Estimated": false}]})
    };
    let JsonTable { header, rows: cells, .. } = of_answer(&serde_json::json!([page(1), page(2)])).unwrap();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let cells: Vec<Vec<&str>> = cells.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let (rows, _) = read(&header, &cells);
    // Net goes before gross, which is kept.
    assert_eq!([column(&rows, "BilledCost"), column(&rows, "x_UnblendedCost")], [["4", "4"], ["5", "5"]]);
    assert_eq!(of_answer(&serde_json::json!({"data": []})), None);
    assert_eq!(of_answer(&serde_json::json!([])), None);
    let header: Vec<String> = ["TimePeriod.Start", "Metrics.BlendedCost.Amount"].map(str::to_owned).to_vec();
    assert!(matches!(plan(&header, Path::new("x.json")), Err(BillError::MissingColumns { .. })));
}

#[test]
fn a_table_of_months_with_a_total_is_somebody_elses() {
    let is = |names: &[&str]| {
        let header: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        recognise(&header).is_some()
    };
    assert!(!is(&["Month", "Total costs($)"]) && !is(&["Month", "Rent($)", "Total cost ($)"]));
    assert!(!is(&["Item", "Total cost ($)"]) && !is(&["team", "Total costs($)"]));
    assert!(!is(&["Service", "Total cost ($)"]) && !is(&["Item", "Rent ($)", "Total cost ($)"]));
    assert!(is(&["Service", "Total costs($)"]) && is(&["Linked account", "Total costs($)"]));
    assert!(is(&["Service", "Amazon SageMaker($)", "Total costs($)"]));
    assert!(is(&["team", "chat($)", "search($)", "Total costs($)"]));
}
