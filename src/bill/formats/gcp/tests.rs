//! Rows of our own in the layouts of the export and of the console.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bill::formats::{self, Kind};
use crate::bill::warnings::{Place, Warnings};

type Row = BTreeMap<String, String>;

/// The rows that a table becomes, without empty cells, and the warnings.
fn rows_of(header: &[&str], preamble: &[(&str, &str)], rows: &[&[&str]]) -> (Kind, Vec<Row>, Vec<String>) {
    let owned = |text: &&str| (*text).to_owned();
    let names: Vec<String> = header.iter().map(owned).collect();
    let preamble: Vec<(String, String)> =
        preamble.iter().map(|(key, value)| (owned(key), owned(value))).collect();
    let mut plan = formats::plan(&names, &preamble, Path::new("f.csv")).unwrap();
    let mut warnings = Warnings::new("f.csv");
    let mut found = Vec::new();
    for cells in rows {
        let mut each = |cells: &[&str], _: Place, _: &mut Warnings| {
            let named = plan.targets.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            found.push(named.map(|(target, cell)| (target.name.clone(), (*cell).to_owned())).collect());
            Ok(())
        };
        plan.mapper.map(cells, Place { line: Some(2), row: 1 }, &mut warnings, &mut each).unwrap();
    }
    plan.mapper.finish(&mut warnings);
    let mut said: Vec<String> = plan.remarks.into_iter().map(|(_, words)| words).collect();
    said.extend(warnings.finish().0.into_iter().map(|warning| warning.message));
    (plan.kind, found, said)
}

fn expect(row: &Row, wanted: &[(&str, &str)]) {
    for (column, value) in wanted {
        assert_eq!(row.get(*column).map_or("", String::as_str), *value, "{column}");
    }
}

const NESTED: [&str; 15] = [
    "billing_account_id",
    "service",
    "sku",
    "usage_start_time",
    "usage_end_time",
    "project",
    "labels",
    "system_labels",
    "location",
    "resource",
    "cost",
    "currency",
    "usage",
    "credits",
    "invoice",
];

#[test]
fn all_credits_of_a_row_count_and_promotions_are_no_discount() {
    let row = [
        "01-02",
        r#"{"id":"6F81","description":"Compute Engine"}"#,
        r#"{"id":"AB","description":"Nvidia L4 GPU attached to Spot Preemptible VMs running in Iowa"}"#,
        "2026-10-31 23:00:00 UTC",
        "2026-11-01 00:00:00 UTC",
        r#"{"id":"prod-1","name":"prod","labels":[{"key":"team","value":"platform"},{"key":"env","value":"prod"}]}"#,
        r#"[{"key":"team","value":"search"}]"#,
        r#"[{"key":"compute.googleapis.com/machine_spec","value":"g2-standard-4"},{"key":"compute.googleapis.com/cores","value":"4"}]"#,
        r#"{"location":"us-central1","region":"us-central1","zone":"us-central1-a"}"#,
        r#"{"name":"vm","global_name":"//compute/vm"}"#,
        "10.123456789012345",
        "USD",
        r#"{"amount":3600.0,"unit":"seconds","amount_in_pricing_units":1.0,"pricing_unit":"hour"}"#,
        r#"[{"type":"SUSTAINED_USAGE_DISCOUNT","amount":-1.5},{"type":"PROMOTION","amount":-2.25}]"#,
        r#"{"month":"202611"}"#,
    ];
    let (kind, rows, said) = rows_of(&NESTED, &[], &[&row]);
    assert_eq!((kind, rows.len(), said), (Kind::GcpExport, 1, Vec::new()));
    expect(
        &rows[0],
        &[
            // 10.123456789012345 − 1.5 − 2.25, and without the promotion.
            ("BilledCost", "6.373456789012345"),
            ("EffectiveCost", "8.623456789012345"),
            ("ContractedCost", "10.123456789012345"),
            ("ListCost", ""),
            ("x_Credits", "-3.75"),
            ("x_CreditTypes", "PROMOTION, SUSTAINED_USAGE_DISCOUNT"),
            // The invoice is November's, the use October's.
            ("BillingPeriodStart", "2026-11-01T00:00:00Z"),
            ("BillingPeriodEnd", "2026-12-01T00:00:00Z"),
            ("ChargePeriodStart", "2026-10-31 23:00:00 UTC"),
            ("PricingCategory", "Dynamic"),
            ("ServiceCategory", "Compute"),
            ("RegionId", "us-central1"),
            ("AvailabilityZone", "us-central1-a"),
            ("ResourceId", "//compute/vm"),
            ("ConsumedQuantity", "3600.0"),
            ("PricingUnit", "hour"),
            ("SkuPriceDetails", r#"{"CoreCount":4,"InstanceType":"g2-standard-4"}"#),
            ("Tags", r#"{"env":"prod","team":"search"}"#),
            ("SubAccountId", "prod-1"),
        ],
    );
}

#[test]
fn the_flat_export_is_the_same_and_pythons_lists_are_read() {
    let header = [
        "billing_account_id",
        "service.id",
        "service.description",
        "sku.id",
        "sku.description",
        "usage_start_time",
        "usage_end_time",
        "cost",
        "currency",
        "credits",
        "cost_type",
        "labels",
    ];
    let row = [
        "a",
        "6F81",
        "Gemini API",
        "S",
        "Generate content output token count",
        "2026-10-01 00:00:00 UTC",
        "2026-10-01 01:00:00 UTC",
        "2",
        "EUR",
        "[{'name': 'Bob\\'s \"deal\"', 'type': 'DISCOUNT', 'amount': -0.5, 'id': None}]",
        "regular",
        "{\"app\": \"chat\"}",
    ];
    let tax = [
        "a",
        "",
        "Invoice",
        "",
        "Tax",
        "2026-10-01 00:00:00 UTC",
        "2026-10-02 00:00:00 UTC",
        "1",
        "EUR",
        "",
        "tax",
        "",
    ];
    let broken =
        ["a", "", "X", "", "Y", "2026-10-01 00:00:00 UTC", "", "1", "EUR", "[{'amount': ", "regular", ""];
    let (_, rows, said) = rows_of(&header, &[], &[&row, &tax, &broken]);
    expect(
        &rows[0],
        &[
            ("BilledCost", "1.5"),
            ("ServiceSubcategory", "Generative AI"),
            ("BillingPeriodStart", "2026-10-01T00:00:00Z"),
            ("Tags", r#"{"app":"chat"}"#),
            ("PricingCategory", "Standard"),
        ],
    );
    expect(
        &rows[1],
        &[("ChargeCategory", "Tax"), ("BilledCost", "1"), ("PricingQuantity", ""), ("PricingCategory", "")],
    );
    // What is paid is not known where the credits are not: no cost rather than too much.
    expect(&rows[2], &[("BilledCost", ""), ("x_CostBeforeCredits", "1")]);
    assert!(said.len() == 1 && said[0].contains("no list of amounts"), "{said:?}");
}

#[test]
fn an_export_without_what_is_needed_is_refused() {
    let names = ["billing_account_id", "service", "sku", "usage", "cost"].map(str::to_owned);
    let error = formats::plan(&names, &[], Path::new("f.json")).unwrap_err().to_string();
    assert!(error.contains("currency") && error.contains("usage_start_time"), "{error}");
}

#[test]
fn the_cost_table_has_credits_as_rows_and_its_invoice_before_the_header() {
    let header = [
        "Billing account name",
        "Billing account ID",
        "Project name",
        "Project ID",
        "Project hierarchy",
        "Service description",
        "Service ID",
        "SKU description",
        "SKU ID",
        "Consumption model description",
        "Credit type",
        "Cost type",
        "Usage start date",
        "Usage end date",
        "Usage amount",
        "Usage unit",
        "Unrounded Cost ($)",
        "Cost ($)",
    ];
    let gpu = |credit, amount, cost| {
        [
            "Example",
            "0-0",
            "prod",
            "prod-1",
            "org",
            "Compute Engine",
            "6F81",
            "Nvidia L4 GPU running in Americas",
            "AA",
            "Default",
            credit,
            "Usage",
            "2026-10-01",
            "2026-10-31",
            amount,
            "hour",
            cost,
            "0",
        ]
    };
    let preamble = [("Invoice number", "1234567890"), ("Currency", "AUD")];
    let (kind, rows, _) = rows_of(
        &header,
        &preamble,
        &[&gpu("", "1,168.00", "1,094.081234"), &gpu("Sustained use discount", "", "-1.50")],
    );
    assert_eq!(kind, Kind::GcpCostTable);
    expect(
        &rows[0],
        &[
            ("BilledCost", "1094.081234"),
            ("BillingCurrency", "AUD"),
            ("InvoiceId", "1234567890"),
            ("ConsumedQuantity", "1168.00"),
            ("ChargePeriodEnd", "2026-11-01T00:00:00Z"),
            ("ChargeCategory", "Usage"),
        ],
    );
    expect(&rows[1], &[("BilledCost", "-1.5"), ("ChargeCategory", "Credit"), ("ConsumedQuantity", "")]);
}

#[test]
fn a_report_tells_its_currency_by_a_sign() {
    let header = [
        "Date",
        "Service description",
        "Service ID",
        "SKU description",
        "SKU ID",
        "Usage amount",
        "Usage unit",
        "List cost (£)",
        "Negotiated savings (£)",
        "Savings programmes (£)",
        "Other savings (£)",
        "Unrounded subtotal (£)",
        "Subtotal (£)",
    ];
    let row = [
        "2026-10-15",
        "Gemini API",
        "A",
        "tokens",
        "B",
        "622,403",
        "count",
        "1,001.56",
        "-1.06",
        "0",
        "0",
        "1,000.4999",
        "1,000.50",
    ];
    let (kind, rows, said) = rows_of(&header, &[], &[&row]);
    assert_eq!(kind, Kind::GcpReport);
    expect(
        &rows[0],
        &[
            ("BilledCost", "1000.4999"),
            ("ListCost", "1001.56"),
            // 1,001.56 − 1.06.
            ("ContractedCost", "1000.5"),
            ("BillingCurrency", "GBP"),
            ("ConsumedQuantity", "622403"),
            ("ChargePeriodEnd", "2026-10-16T00:00:00Z"),
        ],
    );
    assert!(said.iter().any(|words| words.contains("taken as GBP")), "{said:?}");
}

/// Sums below a table: 110 − 15 and a rounding of −0.01 are 94.99, however often the table says so again.
#[test]
fn lines_of_totals_are_not_counted_again() {
    let header = [
        "Billing account name",
        "Billing account ID",
        "Project name",
        "Project ID",
        "Project hierarchy",
        "Service description",
        "Service ID",
        "SKU description",
        "SKU ID",
        "Consumption model description",
        "Credit type",
        "Cost type",
        "Usage start date",
        "Usage end date",
        "Usage amount",
        "Usage unit",
        "Unrounded Cost (€)",
        "Cost (€)",
    ];
    let line = |service, credit, kind, cost| {
        [
            "",
            "",
            "",
            "",
            "",
            service,
            "",
            service,
            "",
            "",
            credit,
            kind,
            "2026-10-01",
            "2026-10-31",
            "",
            "",
            cost,
            cost,
        ]
    };
    let (_, rows, said) = rows_of(
        &header,
        &[],
        &[
            &line("Vertex AI", "", "Usage", "110"),
            &line("Vertex AI", "Promotion", "Usage", "-15"),
            &line("", "", "Rounding error", "-0.01"),
            &line("", "", "Total", "94.99"),
            &line("Vertex AI", "", "Usage", "0,125"),
        ],
    );
    let billed: Vec<&str> = rows.iter().map(|row| row.get("BilledCost").map_or("", String::as_str)).collect();
    // A comma that is no thousands separator is not read as one: missing, not 125.
    assert_eq!(billed, ["110", "-15", "-0.01", ""]);
    // A promotion is paid with, and is no discount.
    assert_eq!(rows[1]["EffectiveCost"], "0");
    assert_eq!(rows[2]["ChargeCategory"], "Adjustment");
    assert!(said.iter().any(|words| words.starts_with("1 lines of totals")), "{said:?}");
    assert!(said.iter().any(|words| words.contains("0,125")), "{said:?}");
}

#[test]
fn a_report_is_read_after_its_savings() {
    let header = [
        "Month",
        "Service description",
        "SKU description",
        "Cost (₹)",
        "Savings programs (₹)",
        "Subtotal (₹)",
    ];
    let row = ["2026-10", "Gemini API", "tokens", "12,34,567.50", "-1", "1,234,566.50"];
    let (kind, rows, _) = rows_of(&header, &[], &[&row]);
    assert_eq!(kind, Kind::GcpReport);
    expect(&rows[0], &[("BilledCost", "1234566.5"), ("ListCost", "1234567.5"), ("BillingCurrency", "INR")]);
}

#[test]
fn a_row_without_credits_costs_what_it_costs() {
    let header = [
        "billing_account_id",
        "service",
        "sku",
        "usage",
        "usage_start_time",
        "usage_end_time",
        "cost",
        "currency",
        "credits",
    ];
    let row = |credits| {
        [
            "a",
            r#"{"description":"Compute Engine"}"#,
            r#"{"description":"N2"}"#,
            "{}",
            "2026-10-01",
            "2026-10-02",
            "10",
            "USD",
            credits,
        ]
    };
    let (_, rows, said) =
        rows_of(&header, &[], &[&row("[]"), &row("{}"), &row(""), &row(r#"[{"amount":-1}]"#)]);
    let billed: Vec<&str> = rows.iter().map(|row| row["BilledCost"].as_str()).collect();
    assert_eq!((billed, said), (vec!["10", "10", "10", "9"], Vec::new()));
    let flattened = [
        "billing_account_id",
        "service.id",
        "sku.id",
        "cost",
        "credits.amount",
        "currency",
        "usage_start_time",
        "service.description",
    ];
    let error =
        formats::plan(&flattened.map(str::to_owned), &[], Path::new("f.csv")).unwrap_err().to_string();
    assert!(error.contains("credits are flattened"), "{error}");
}

#[test]
fn a_report_grouped_by_service_or_project_alone_is_read_too() {
    let by_service = [
        "Service description",
        "Service ID",
        "Cost ($)",
        "Discounts ($)",
        "Promotions and others ($)",
        "Subtotal ($)",
    ];
    let row = ["Vertex AI", "C7E2-9256-1C43", "1,200.50", "-200.25", "0", "1,000.25"];
    let (kind, rows, _) = rows_of(&by_service, &[], &[&row, &["", "", "", "", "Subtotal", "1,000.25"]]);
    assert_eq!((kind, rows.len()), (Kind::GcpReport, 1));
    expect(&rows[0], &[("BilledCost", "1000.25"), ("ListCost", "1200.5"), ("ServiceName", "Vertex AI")]);
    assert!(!rows[0].contains_key("ChargePeriodStart"), "it has no dates");

    let by_project = [
        "Month",
        "Project name",
        "Project ID",
        "Project number",
        "List cost (€)",
        "Savings programs (€)",
        "Unrounded subtotal (€)",
        "Subtotal (€)",
    ];
    let row = ["2026-10", "Inference", "inference-prod", "123", "10", "-1", "8.996", "9.00"];
    let total = ["", "", "", "", "", "", "Total", "9.00"];
    let (kind, rows, said) = rows_of(&by_project, &[], &[&row, &total]);
    assert_eq!((kind, rows.len()), (Kind::GcpReport, 1), "{said:?}");
    expect(
        &rows[0],
        &[
            ("BilledCost", "8.996"),
            ("BillingCurrency", "EUR"),
            ("SubAccountId", "inference-prod"),
            ("SubAccountType", "Project"),
            ("ChargePeriodStart", "2026-10-01T00:00:00Z"),
        ],
    );
    assert!(!rows[0].contains_key("ServiceName") && !rows[0].contains_key("ServiceCategory"));
    // Somebody's own table of projects is no report.
    let own = ["Project name", "Owner", "Subtotal ($)"].map(str::to_owned);
    assert_eq!(formats::recognise(&own), None);
}
