//! Rows of our own in the layouts of the export and of the console.

use std::path::Path;

use crate::bill::formats::inputs::testing::{Outcome, table};
use crate::bill::formats::{self, Kind};

/// The nested export, as JSON lines have it.
const NESTED: [&str; 18] = [
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
    "cost_type",
    "currency",
    "usage",
    "credits",
    "invoice",
    "subscription",
    "consumption_model",
];
/// What every row of it says.
const HOUR: [(&str, &str); 6] = [
    ("billing_account_id", "01-02"),
    ("service", r#"{"id":"6F81","description":"Compute Engine"}"#),
    ("usage_start_time", "2026-10-31 23:00:00 UTC"),
    ("usage_end_time", "2026-11-01 00:00:00 UTC"),
    ("currency", "USD"),
    ("invoice", r#"{"month":"202611"}"#),
];
/// The flat one.
const FLAT: [&str; 12] = [
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

fn nested(rows: &[&[(&str, &str)]]) -> Outcome {
    let rows: Vec<Vec<(&str, &str)>> = rows.iter().map(|row| [&HOUR[..], row].concat()).collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    table(&NESTED, &[], &rows)
}

/// The header of a cost table in a currency of this sign.
fn cost_table(preamble: &[(&str, &str)], sign: &str, rows: &[&[(&str, &str)]]) -> Outcome {
    let [exact, rounded] = ["Unrounded Cost", "Cost"].map(|name| format!("{name} ({sign})"));
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
        &exact,
        &rounded,
    ];
    let named = |row: &&[(&str, &str)]| -> Vec<(String, String)> {
        row.iter().map(|(name, value)| (name.replace('¤', sign), (*value).to_owned())).collect()
    };
    let rows: Vec<Vec<(String, String)>> = rows.iter().map(named).collect();
    let rows: Vec<Vec<(&str, &str)>> = rows
        .iter()
        .map(|row| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
        .collect();
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    table(&header, preamble, &rows)
}

fn kind(names: &[&str]) -> Option<Kind> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    formats::recognise(&names)
}

fn refusal(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    formats::plan(&names, &[], Path::new("f.csv")).unwrap_err().to_string()
}

#[test]
fn all_credits_of_a_row_count_and_promotions_are_no_discount() {
    let read = nested(&[&[
        (
            "sku",
            r#"{"id":"AB","description":"Nvidia L4 GPU attached to Spot Preemptible VMs running in Iowa"}"#,
        ),
        (
            "project",
            r#"{"id":"prod-1","name":"prod","labels":[{"key":"team","value":"platform"},{"key":"env","value":"prod"}]}"#,
        ),
        ("labels", r#"[{"key":"team","value":"search"}]"#),
        (
            "system_labels",
            r#"[{"key":"compute.googleapis.com/machine_spec","value":"g2-standard-4"},{"key":"compute.googleapis.com/cores","value":"4"}]"#,
        ),
        ("location", r#"{"location":"us-central1","region":"us-central1","zone":"us-central1-a"}"#),
        ("resource", r#"{"name":"vm","global_name":"//compute/vm"}"#),
        ("cost", "10.123456789012345"),
        (
            "usage",
            r#"{"amount":3600.0,"unit":"seconds","amount_in_pricing_units":1.0,"pricing_unit":"hour"}"#,
        ),
        (
            "credits",
            r#"[{"type":"SUSTAINED_USAGE_DISCOUNT","amount":-1.5},{"type":"PROMOTION","amount":-2.25}]"#,
        ),
    ]]);
    assert_eq!((read.kind.as_str(), read.rows.len()), ("Google Cloud billing export", 1));
    assert!(read.warnings.is_empty() && read.remarks.is_empty(), "{:?} {:?}", read.warnings, read.remarks);
    read.expect(
        0,
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

/// The columns of Google's own query for FOCUS: the subscription is the commitment, its credit tells of what.
#[test]
fn a_commitment_is_told_where_it_is_bought_and_where_it_is_used() {
    let subscription = ("subscription", r#"{"instance_id":"769c55ea"}"#);
    let read = nested(&[
        &[
            ("sku", r#"{"description":"Commitment v1: Cpu in Americas for 1 Year"}"#),
            ("cost", "7"),
            subscription,
        ],
        &[
            ("sku", r#"{"description":"Commitment - dollar based v1: Cloud SQL for 1 year"}"#),
            ("cost", "3"),
            subscription,
        ],
        &[
            ("sku", r#"{"description":"N2 Instance Core running in Americas"}"#),
            ("cost", "10"),
            ("credits", r#"[{"type":"COMMITTED_USAGE_DISCOUNT","full_name":"CUD: CPU","amount":-10}]"#),
            subscription,
        ],
        &[
            ("sku", r#"{"description":"Cloud SQL vCPU"}"#),
            ("cost", "5"),
            ("credits", r#"[{"type":"COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE","name":"CUD","amount":-4}]"#),
            subscription,
        ],
        &[
            ("sku", r#"{"description":"N2 Instance Core running in Americas"}"#),
            ("cost", "4.6"),
            subscription,
            ("consumption_model", r#"{"id":"5515","description":"Compute Flexible CUD - 1 Year"}"#),
        ],
        &[
            ("sku", r#"{"description":"N2 Instance Core running in Americas"}"#),
            ("cost", "1"),
            ("credits", r#"[{"type":"COMMITTED_USAGE_DISCOUNT","amount":-1}]"#),
            ("resource", r#"{"name":"vm"}"#),
            ("location", r#"{"region":"us-central1"}"#),
        ],
        &[("sku", r#"{"description":"Tax"}"#), ("cost_type", "tax"), ("cost", "1"), subscription],
    ]);
    let column = |name| read.column(name);
    assert_eq!(column("ChargeCategory"), ["Purchase", "Purchase", "Usage", "Usage", "Usage", "Usage", "Tax"]);
    let id = "769c55ea";
    assert_eq!(column("CommitmentDiscountId"), [id, id, id, id, id, "", ""]);
    assert_eq!(column("CommitmentDiscountCategory"), ["Usage", "Spend", "Usage", "Spend", "Spend", "", ""]);
    assert_eq!(column("CommitmentDiscountStatus"), ["", "", "Used", "Used", "Used", "", ""]);
    assert_eq!(column("CommitmentDiscountName"), ["", "", "CUD: CPU", "CUD", "", "", ""]);
    assert_eq!(column("CommitmentDiscountType")[..2], ["Committed Use Discount"; 2]);
    // A credit shows the cover where the export does not name the commitment.
    assert_eq!(
        column("PricingCategory"),
        ["Standard", "Standard", "Committed", "Committed", "Committed", "Committed", ""]
    );
    // Standing alone, a resource's name is its identifier and a region's id its name.
    read.expect(5, &[("ResourceId", "vm"), ("ResourceName", "vm"), ("RegionName", "us-central1")]);
    // 7 + 3 + 0 + 1 + 4.6 + 0 + 1.
    assert_eq!(read.sum("BilledCost"), "16.6");
}

#[test]
fn the_flat_export_is_the_same_and_pythons_lists_are_read() {
    let hour = [
        ("billing_account_id", "a"),
        ("usage_start_time", "2026-10-01 00:00:00 UTC"),
        ("usage_end_time", "2026-10-01 01:00:00 UTC"),
        ("currency", "EUR"),
    ];
    let used = [
        ("service.description", "Gemini API"),
        ("sku.description", "Generate content output token count"),
        ("cost", "2"),
        ("credits", "[{'name': 'Bob\\'s \"deal\"', 'type': 'DISCOUNT', 'amount': -0.5, 'id': None}]"),
        ("cost_type", "regular"),
        ("labels", "{\"app\": \"chat\"}"),
    ];
    let tax = [("service.description", "Invoice"), ("cost", "1"), ("cost_type", "tax")];
    let broken = [("service.description", "X"), ("cost", "1"), ("credits", "[{'amount': ")];
    let rows = [[&hour[..], &used].concat(), [&hour[..], &tax].concat(), [&hour[..], &broken].concat()];
    let read = table(&FLAT, &[], &[&rows[0], &rows[1], &rows[2]]);
    read.expect(
        0,
        &[
            ("BilledCost", "1.5"),
            ("ServiceSubcategory", "Generative AI"),
            ("BillingPeriodStart", "2026-10-01T00:00:00Z"),
            ("Tags", r#"{"app":"chat"}"#),
            ("PricingCategory", "Standard"),
        ],
    );
    let wanted =
        [("ChargeCategory", "Tax"), ("BilledCost", "1"), ("PricingQuantity", ""), ("PricingCategory", "")];
    read.expect(1, &wanted);
    // What is paid is not known where the credits are not: no cost rather than too much.
    read.expect(2, &[("BilledCost", ""), ("x_CostBeforeCredits", "1")]);
    assert!(read.warnings.len() == 1 && read.warns("no list of amounts"), "{:?}", read.warnings);
}

#[test]
fn an_export_without_what_is_needed_is_refused() {
    let error = refusal(&["billing_account_id", "service", "sku", "usage", "cost"]);
    assert!(error.contains("currency") && error.contains("usage_start_time"), "{error}");
    let mut flattened: Vec<&str> = FLAT.into_iter().filter(|name| *name != "credits").collect();
    flattened.push("credits.amount");
    let error = refusal(&flattened);
    assert!(error.contains("credits are flattened"), "{error}");
}

#[test]
fn a_row_without_credits_costs_what_it_costs() {
    let rows = ["[]", "{}", "", r#"[{"amount":-1}]"#].map(|credits| [("cost", "10"), ("credits", credits)]);
    let read = nested(&[&rows[0], &rows[1], &rows[2], &rows[3]]);
    assert_eq!(read.column("BilledCost"), ["10", "10", "10", "9"]);
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
}

#[test]
fn the_cost_table_has_credits_as_rows_and_its_invoice_before_the_header() {
    let gpu = [
        ("Billing account ID", "0-0"),
        ("Service description", "Compute Engine"),
        ("SKU description", "Nvidia L4 GPU running in Americas"),
        ("Cost type", "Usage"),
    ];
    let october = [("Usage start date", "2026-10-01"), ("Usage end date", "2026-10-31")];
    let used = [("Usage amount", "1,168.00"), ("Usage unit", "hour"), ("Unrounded Cost (¤)", "1,094.081234")];
    let discount = [("Credit type", "Sustained use discount"), ("Unrounded Cost (¤)", "-1.50")];
    let late =
        [("Usage start date", "2026-09-30"), ("Usage end date", "2026-09-30"), ("Unrounded Cost (¤)", "2")];
    let rows = [
        [&gpu[..], &october, &used].concat(),
        [&gpu[..], &october, &discount].concat(),
        [&gpu[..], &late].concat(),
    ];
    let rows: [&[_]; 3] = [&rows[0], &rows[1], &rows[2]];
    let preamble = [("Invoice number", "1234567890"), ("Invoice date", "2026-10-31"), ("Currency", "AUD")];
    let read = cost_table(&preamble, "$", &rows);
    assert_eq!(read.kind, "Google Cloud cost table");
    read.expect(
        0,
        &[
            ("BilledCost", "1094.081234"),
            ("BillingCurrency", "AUD"),
            ("InvoiceId", "1234567890"),
            ("ConsumedQuantity", "1168.00"),
            ("ChargePeriodEnd", "2026-11-01T00:00:00Z"),
            ("ChargeCategory", "Usage"),
        ],
    );
    read.expect(1, &[("BilledCost", "-1.5"), ("ChargeCategory", "Credit"), ("ConsumedQuantity", "")]);
    // Late use of September is on October's invoice.
    assert_eq!(read.column("BillingPeriodStart"), ["2026-10-01T00:00:00Z"; 3]);
    assert_eq!(read.column("BillingPeriodEnd"), ["2026-11-01T00:00:00Z"; 3]);
    assert_eq!(read.column("ChargePeriodStart")[2], "2026-09-30T00:00:00Z");
    assert!(read.remarks.iter().any(|words| words.contains("Pacific")), "{:?}", read.remarks);
    // Without an invoice's month the use tells.
    let read = cost_table(&[("Currency", "AUD")], "$", &rows);
    assert_eq!(read.column("BillingPeriodStart")[2], "2026-09-01T00:00:00Z");
}

/// Sums below a table: 110 − 15 and a rounding of −0.01 are 94.99, however often the table says so again.
#[test]
fn lines_of_totals_are_not_counted_again() {
    let line = |service, credit, kind, cost| {
        [
            ("Service description", service),
            ("SKU description", service),
            ("Credit type", credit),
            ("Cost type", kind),
            ("Usage start date", "2026-10-01"),
            ("Usage end date", "2026-10-31"),
            ("Unrounded Cost (¤)", cost),
            ("Cost (¤)", cost),
        ]
    };
    let read = cost_table(
        &[],
        "€",
        &[
            &line("Vertex AI", "", "Usage", "110"),
            &line("Vertex AI", "Promotion", "Usage", "-15"),
            &line("", "", "Rounding error", "-0.01"),
            &line("", "", "Total", "94.99"),
            &line("Vertex AI", "", "Usage", "0,125"),
        ],
    );
    // A comma that is no thousands separator is not read as one: missing, not 125.
    assert_eq!(read.column("BilledCost"), ["110", "-15", "-0.01", ""]);
    // A promotion is paid with, and is no discount.
    assert_eq!(read.column("EffectiveCost")[1], "0");
    assert_eq!(read.column("ChargeCategory")[2], "Adjustment");
    assert!(read.warns("1 lines of totals") && read.warns("0,125"), "{:?}", read.warnings);
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
        ("Date", "2026-10-15"),
        ("Service description", "Gemini API"),
        ("SKU description", "tokens"),
        ("Usage amount", "622,403"),
        ("List cost (£)", "1,001.56"),
        ("Negotiated savings (£)", "-1.06"),
        ("Unrounded subtotal (£)", "1,000.4999"),
        ("Subtotal (£)", "1,000.50"),
    ];
    let read = table(&header, &[], &[&row]);
    assert_eq!(read.kind, "Google Cloud cost report");
    read.expect(
        0,
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
    assert!(read.remarks.iter().any(|words| words.contains("taken as GBP")), "{:?}", read.remarks);
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
    let row = [
        ("Month", "2026-10"),
        ("Service description", "Gemini API"),
        ("Cost (₹)", "12,34,567.50"),
        ("Savings programs (₹)", "-1"),
        ("Subtotal (₹)", "1,234,566.50"),
    ];
    let read = table(&header, &[], &[&row]);
    assert_eq!(read.kind, "Google Cloud cost report");
    read.expect(0, &[("BilledCost", "1234566.5"), ("ListCost", "1234567.5"), ("BillingCurrency", "INR")]);
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
    let row = [
        ("Service description", "Vertex AI"),
        ("Cost ($)", "1,200.50"),
        ("Discounts ($)", "-200.25"),
        ("Promotions and others ($)", "0"),
        ("Subtotal ($)", "1,000.25"),
    ];
    let sum = [("Promotions and others ($)", "Subtotal"), ("Subtotal ($)", "1,000.25")];
    let read = table(&by_service, &[], &[&row, &sum]);
    assert_eq!((read.kind.as_str(), read.rows.len()), ("Google Cloud cost report", 1));
    let wanted = [("BilledCost", "1000.25"), ("ListCost", "1200.5"), ("ServiceName", "Vertex AI")];
    read.expect(0, &wanted);
    // It has no dates.
    read.expect(0, &[("ChargePeriodStart", ""), ("BillingPeriodStart", "")]);
    assert_eq!(kind(&["Service description", "Service ID", "Subtotal ($)"]), Some(Kind::GcpReport));

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
    let row = [
        ("Month", "2026-10"),
        ("Project ID", "inference-prod"),
        ("List cost (€)", "10"),
        ("Savings programs (€)", "-1"),
        ("Unrounded subtotal (€)", "8.996"),
        ("Subtotal (€)", "9.00"),
    ];
    let sum = [("Unrounded subtotal (€)", "Total"), ("Subtotal (€)", "9.00")];
    let read = table(&by_project, &[], &[&row, &sum]);
    assert_eq!((read.kind.as_str(), read.rows.len()), ("Google Cloud cost report", 1));
    read.expect(
        0,
        &[
            ("BilledCost", "8.996"),
            ("BillingCurrency", "EUR"),
            ("SubAccountId", "inference-prod"),
            ("SubAccountType", "Project"),
            ("ChargePeriodStart", "2026-10-01T00:00:00Z"),
            ("ServiceName", ""),
            ("ServiceCategory", ""),
        ],
    );
    // Somebody's own table of projects is no report.
    assert_eq!(kind(&["Project name", "Owner", "Subtotal ($)"]), None);
}
