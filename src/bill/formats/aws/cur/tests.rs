//! Lines of a Cost and Usage Report of every type, with costs worked out by hand.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::*;
use crate::bill::Warning;
use crate::bill::exact::Exact;

type Row = HashMap<String, String>;

struct Read {
    rows: Vec<Row>,
    warnings: Vec<Warning>,
}

impl Read {
    fn sum(&self, column: &str) -> String {
        let amounts = self.rows.iter().map(|row| row[column].as_str()).filter(|text| !text.is_empty());
        let sum = |sum: Exact, text| sum.checked_add(Exact::read(text).unwrap().value).unwrap();
        amounts.fold(Exact(0), sum).to_string()
    }

    fn warned(&self, words: &str) -> bool {
        self.warnings.iter().any(|warning| warning.message.contains(words))
    }
}

fn read(header: &[&str], rows: &[Vec<&str>]) -> Read {
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let mut plan = crate::bill::formats::plan(&header, &[], Path::new("cur.csv")).unwrap();
    let mut warnings = Warnings::new("cur.csv");
    let names: Vec<String> = plan.targets.iter().map(|target| target.name.clone()).collect();
    let mut found = Vec::new();
    for (number, cells) in rows.iter().enumerate() {
        let place = Place { line: Some(number as u64 + 2), row: number as u64 + 1 };
        plan.mapper
            .map(cells, place, &mut warnings, &mut |cells, _, _| {
                assert_eq!(cells.len(), names.len());
                found.push(names.iter().cloned().zip(cells.iter().map(|cell| (*cell).to_owned())).collect());
                Ok(())
            })
            .unwrap();
    }
    plan.mapper.finish(&mut warnings);
    Read { rows: found, warnings: warnings.finish().0 }
}

/// Reads rows that are given by column, so that each says only what it is about.
fn read_by_name(rows: &[&[(&str, &str)]]) -> Read {
    let mut header: Vec<&str> = Vec::new();
    let common = [
        ("lineItem/CurrencyCode", "USD"),
        ("lineItem/UsageStartDate", "2026-10-01T00:00:00Z"),
        ("lineItem/UsageEndDate", "2026-10-01T01:00:00Z"),
        ("bill/InvoiceId", "I-1"),
        ("lineItem/ResourceId", ""),
        ("lineItem/UnblendedCost", ""),
    ];
    for (name, _) in common.iter().chain(rows.iter().copied().flatten()) {
        if !header.contains(name) {
            header.push(name);
        }
    }
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| {
            let told = |name: &&str| row.iter().chain(&common).find(|(known, _)| known == name);
            header.iter().map(|name| told(name).map_or("", |(_, value)| *value)).collect()
        })
        .collect();
    read(&header, &rows)
}

const TYPE: &str = "lineItem/LineItemType";
const COST: &str = "lineItem/UnblendedCost";
const RI: (&str, &str) = ("reservation/ReservationARN", "arn:aws:ec2:us-east-1:1:reserved-instances/r1");
const PLAN: (&str, &str) = ("savingsPlan/SavingsPlanARN", "arn:aws:savingsplans::1:savingsplan/s1");

/// A closed month with a partly used reservation and a partly used Savings Plan, both bought in it and partly paid
/// upfront. Amounts of our own.
fn month() -> Read {
    let usage = |kind, cost| [(TYPE, kind), (COST, cost), ("pricing/publicOnDemandCost", cost)];
    let reserved = |cost: &'static str, effective| {
        [
            (TYPE, "DiscountedUsage"),
            (COST, "0"),
            RI,
            ("reservation/EffectiveCost", effective),
            ("pricing/publicOnDemandCost", cost),
        ]
    };
    let covered = |cost, effective| {
        [
            (TYPE, "SavingsPlanCoveredUsage"),
            (COST, cost),
            PLAN,
            ("savingsPlan/SavingsPlanEffectiveCost", effective),
            ("pricing/publicOnDemandCost", cost),
        ]
    };
    read_by_name(&[
        &[(TYPE, "Fee"), (COST, "120"), RI],
        &[
            (TYPE, "RIFee"),
            (COST, "31"),
            RI,
            ("lineItem/UsageType", "HeavyUsage:g5.xlarge"),
            ("reservation/AmortizedUpfrontFeeForBillingPeriod", "10"),
            ("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "2"),
            ("reservation/UnusedRecurringFee", "6.2"),
            ("reservation/UnusedQuantity", "148"),
            ("reservation/TotalReservedUnits", "744"),
            ("pricing/unit", "Hrs"),
        ],
        &reserved("40", "20.5"),
        &reserved("24", "12.3"),
        &[(TYPE, "SavingsPlanUpfrontFee"), (COST, "60"), PLAN],
        &[
            (TYPE, "SavingsPlanRecurringFee"),
            (COST, "20"),
            PLAN,
            ("savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod", "5"),
            ("savingsPlan/TotalCommitmentToDate", "25"),
            ("savingsPlan/UsedCommitment", "22.5"),
        ],
        &covered("24", "15"),
        &covered("12", "7.5"),
        &[(TYPE, "SavingsPlanNegation"), (COST, "-24"), PLAN, ("pricing/publicOnDemandCost", "-24")],
        &[(TYPE, "SavingsPlanNegation"), (COST, "-12"), PLAN],
        &usage("Usage", "7.25"),
        &[(TYPE, "Tax"), (COST, "1.5"), ("lineItem/TaxType", "VAT")],
        &[(TYPE, "Credit"), (COST, "-3")],
        &[(TYPE, "Refund"), (COST, "-0.5")],
    ])
}

/// Σ amortised − Σ amortised upfront + Σ upfront fees = Σ unblended: 71.25 − (10 + 5) + (120 + 60) = 236.25.
#[test]
fn amortised_costs_of_a_closed_month_true_up_to_the_unblended_ones() {
    let month = month();
    assert_eq!(month.sum("BilledCost"), "236.25");
    assert_eq!(month.sum(COST), "236.25", "a further row repeats no amount");
    assert_eq!(month.sum("EffectiveCost"), "71.25");
    // 64 of reserved and 36 of covered use at list price, 7.25 of other use, tax, credit and refund as billed.
    assert_eq!(month.sum("ListCost"), "105.25");
    let amortised_upfront = [
        "reservation/AmortizedUpfrontFeeForBillingPeriod",
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
    ]
    .map(|column| month.sum(column));
    assert_eq!(amortised_upfront, ["10", "5"]);
    assert!(month.warnings.is_empty(), "{:?}", month.warnings);
}

/// FOCUS 1.2, EffectiveCost-C-005, -C-012, -C-013 and the rules of the commitment columns.
#[test]
fn a_commitment_is_bought_used_and_left_unused_in_rows_of_their_own() {
    let month = month();
    let mut effective: BTreeMap<(&str, &str, &str), Exact> = BTreeMap::new();
    for row in month.rows.iter().filter(|row| !row["CommitmentDiscountId"].is_empty()) {
        let key = [&row["CommitmentDiscountType"], &row["ChargeCategory"], &row["CommitmentDiscountStatus"]];
        let sum = effective.entry((key[0], key[1], key[2])).or_default();
        *sum = sum.checked_add(Exact::read(&row["EffectiveCost"]).unwrap().value).unwrap();
        if row["ChargeCategory"] == "Purchase" {
            assert_ne!(row["ChargeFrequency"], "Usage-Based");
            assert_eq!(row["PricingCategory"], "Standard");
        } else {
            assert_eq!(row["PricingCategory"], "Committed");
        }
    }
    let found: Vec<_> = effective.iter().map(|(key, sum)| (*key, sum.to_string())).collect();
    assert_eq!(
        found,
        [
            (("Reserved Instance", "Purchase", ""), "0".to_owned()),
            (("Reserved Instance", "Usage", "Unused"), "8.2".to_owned()),
            (("Reserved Instance", "Usage", "Used"), "32.8".to_owned()),
            (("Savings Plan", "Purchase", ""), "0".to_owned()),
            (("Savings Plan", "Usage", "Unused"), "2.5".to_owned()),
            (("Savings Plan", "Usage", "Used"), "22.5".to_owned()),
        ]
    );
    let unused = month.rows.iter().find(|row| row["EffectiveCost"] == "8.2").unwrap();
    assert_eq!(unused["BilledCost"], "0");
    assert_eq!(unused["x_InstanceType"], "g5.xlarge");
    assert_eq!([&unused["CommitmentDiscountQuantity"], &unused["CommitmentDiscountUnit"]], ["148", "Hours"]);
    assert_eq!(
        [&unused["ConsumedQuantity"], &unused["PricingQuantity"], &unused["ListUnitPrice"]],
        ["", "", ""]
    );
    let unused = month.rows.iter().find(|row| row["EffectiveCost"] == "2.5").unwrap();
    assert_eq!([&unused["CommitmentDiscountQuantity"], &unused["CommitmentDiscountUnit"]], ["2.5", "USD"]);
}

#[test]
fn a_row_of_use_fills_every_column_that_the_report_tells() {
    let read = read_by_name(&[&[
        (TYPE, "Usage"),
        (COST, "110.08"),
        ("bill/PayerAccountId", "111122223333"),
        ("bill/BillingPeriodStartDate", "2026-10-01T00:00:00Z"),
        ("bill/InvoicingEntity", "Amazon Web Services EMEA SARL"),
        ("bill/BillingEntity", "AWS"),
        ("lineItem/UsageAccountId", "444455556666"),
        ("lineItem/UsageAmount", "2"),
        ("lineItem/UsageType", "USE1-BoxUsage:p5.48xlarge"),
        ("lineItem/Operation", "RunInstances"),
        ("lineItem/ProductCode", "AmazonEC2"),
        ("lineItem/ResourceId", "i-0123"),
        ("lineItem/AvailabilityZone", "us-east-1a"),
        ("lineItem/LineItemDescription", "$55.04 per On Demand Linux p5.48xlarge Instance Hour"),
        ("lineItem/LegalEntity", "Amazon Web Services EMEA SARL"),
        ("product/ProductName", "Amazon Elastic Compute Cloud"),
        ("product/instanceType", "p5.48xlarge"),
        ("product/vcpu", "192"),
        ("product/memory", "2,048 GiB"),
        ("product/gpu", "8"),
        ("product/operatingSystem", "Linux"),
        ("product/tenancy", "Shared"),
        ("pricing/RateCode", "VEAJ.JRTC.6YS6"),
        ("pricing/publicOnDemandCost", "110.08"),
        ("pricing/publicOnDemandRate", "55.04"),
        ("pricing/unit", "Hrs"),
        ("resourceTags/user:team", "chat"),
        ("resourceTags/user:Name", "node 7"),
        ("costCategory/Unit", "Research"),
    ]]);
    let row = &read.rows[0];
    for (column, value) in [
        ("BilledCost", "110.08"),
        ("EffectiveCost", "110.08"),
        ("ListCost", "110.08"),
        ("ContractedCost", "110.08"),
        ("BillingAccountId", "111122223333"),
        ("BillingCurrency", "USD"),
        ("PricingCurrency", "USD"),
        ("SubAccountId", "444455556666"),
        ("ProviderName", "AWS"),
        ("InvoiceIssuerName", "AWS"),
        ("PublisherName", "Amazon Web Services EMEA SARL"),
        ("x_InvoicingEntity", "Amazon Web Services EMEA SARL"),
        ("InvoiceId", "I-1"),
        ("ChargeCategory", "Usage"),
        ("ChargeClass", ""),
        ("ChargeFrequency", "Usage-Based"),
        ("ChargePeriodStart", "2026-10-01T00:00:00Z"),
        ("ChargePeriodEnd", "2026-10-01T01:00:00Z"),
        ("ServiceName", "Amazon Elastic Compute Cloud"),
        ("ServiceCategory", "Compute"),
        ("ServiceSubcategory", "Virtual Machines"),
        ("RegionId", "us-east-1"),
        ("RegionName", "US East (N. Virginia)"),
        ("AvailabilityZone", "us-east-1a"),
        ("ResourceId", "i-0123"),
        ("ResourceType", "instance"),
        ("ResourceName", "node 7"),
        ("SkuId", "VEAJ"),
        ("SkuPriceId", "VEAJ.JRTC.6YS6"),
        ("SkuMeter", "USE1-BoxUsage:p5.48xlarge"),
        (
            "SkuPriceDetails",
            r#"{"CoreCount":192,"GpuCount":8,"InstanceType":"p5.48xlarge","MemorySize":2048,"OperatingSystem":"Linux"}"#,
        ),
        ("PricingCategory", "Standard"),
        ("PricingQuantity", "2"),
        ("PricingUnit", "Hours"),
        ("PricingCurrencyListUnitPrice", "55.04"),
        ("PricingCurrencyEffectiveCost", "110.08"),
        ("ListUnitPrice", "55.04"),
        ("ContractedUnitPrice", "55.04"),
        ("ConsumedQuantity", "2"),
        ("ConsumedUnit", "Hours"),
        ("CommitmentDiscountId", ""),
        ("Tags", r#"{"Name":"node 7","team":"chat"}"#),
        ("x_CostCategories", r#"{"Unit":"Research"}"#),
        ("x_PurchaseOption", "On Demand"),
        // Kept as they are.
        ("product/tenancy", "Shared"),
        (COST, "110.08"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
}

#[test]
fn tax_credits_refunds_and_discounts_are_told_apart() {
    let read = read_by_name(&[
        &[
            (TYPE, "Tax"),
            (COST, "1"),
            ("lineItem/UsageAmount", "1"),
            ("pricing/unit", "x"),
            ("product/sku", "S"),
            ("lineItem/UsageType", "t"),
        ],
        &[(TYPE, "Credit"), (COST, "-2")],
        &[(TYPE, "Refund"), (COST, "-3"), ("lineItem/ProductCode", "ComputeSavingsPlans")],
        &[(TYPE, "Refund"), (COST, "-4")],
        &[(TYPE, "EdpDiscount"), (COST, "-5"), ("lineItem/UsageAmount", "7"), ("pricing/unit", "Hrs")],
        &[(TYPE, "Surprise"), (COST, "6")],
    ]);
    let of = |row: usize, column: &str| read.rows[row][column].as_str();
    let categories: Vec<&str> = (0..6).map(|row| of(row, "ChargeCategory")).collect();
    assert_eq!(categories, ["Tax", "Credit", "Purchase", "Usage", "Usage", ""]);
    let classes: Vec<&str> = (0..6).map(|row| of(row, "ChargeClass")).collect();
    assert_eq!(classes, ["", "", "Correction", "Correction", "", ""]);
    let effective: Vec<&str> = (0..6).map(|row| of(row, "EffectiveCost")).collect();
    assert_eq!(effective, ["1", "-2", "0", "-4", "-5", "6"]);
    for column in [
        "PricingQuantity",
        "PricingUnit",
        "PricingCategory",
        "SkuId",
        "SkuPriceId",
        "SkuMeter",
        "ConsumedQuantity",
    ] {
        assert_eq!(of(0, column), "", "{column} of a tax");
    }
    assert_eq!([of(4, "PricingQuantity"), of(4, "ConsumedQuantity"), of(4, "ListCost")], ["0", "0", "0"]);
    assert!(read.warned("`Surprise` is no known type of line"));
}

/// aws-usage-queries#8: pods on top of their nodes made the bill three times as large.
#[test]
fn split_rows_are_left_out_and_counted() {
    let read = read_by_name(&[
        &[(TYPE, "Usage"), (COST, "10"), ("lineItem/Operation", "RunInstances")],
        &[
            (TYPE, "Usage"),
            (COST, "0"),
            ("lineItem/Operation", "EKSPod-EC2"),
            ("splitLineItem/SplitCost", "6"),
        ],
        &[
            (TYPE, "Usage"),
            (COST, "0.25"),
            ("lineItem/Operation", "ECSTask-EC2"),
            ("splitLineItem/SplitCost", "4"),
        ],
    ]);
    assert_eq!((read.rows.len(), read.sum("BilledCost").as_str()), (1, "10"));
    assert!(read.warned("2 rows of split cost allocation"), "{:?}", read.warnings);
    assert!(read.warned("adds up to 0.25"));
}

#[test]
fn net_columns_count_and_discounts_that_may_count_twice_are_said() {
    let net = "lineItem/NetUnblendedCost";
    let usage: &[(&str, &str)] = &[
        (TYPE, "Usage"),
        (COST, "10"),
        (net, "9"),
        ("pricing/publicOnDemandCost", "10"),
        ("pricing/publicOnDemandRate", "5"),
        ("discount/TotalDiscount", "-1"),
        ("lineItem/UsageAmount", "2"),
        ("pricing/unit", "Hrs"),
    ];
    let read = read_by_name(&[usage, &[(TYPE, "EdpDiscount"), (COST, "-1"), (net, "0")]]);
    assert_eq!(
        ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"].map(|c| read.sum(c)),
        ["9", "9", "10", "9"]
    );
    assert_eq!([&read.rows[0]["ListUnitPrice"], &read.rows[0]["ContractedUnitPrice"]], ["5", ""]);
    assert!(!read.warned("may count twice"));
    let read = read_by_name(&[usage, &[(TYPE, "EdpDiscount"), (COST, "-1"), (net, "")]]);
    assert_eq!(read.sum("BilledCost"), "8");
    assert!(read.warned("1 rows of discounts have no net cost"), "{:?}", read.warnings);
}

#[test]
fn a_formula_without_its_cells_leaves_the_cost_empty() {
    let read = read_by_name(&[
        &[(TYPE, "SavingsPlanCoveredUsage"), (COST, "10"), PLAN],
        &[(TYPE, "SavingsPlanRecurringFee"), (COST, "3"), PLAN, ("savingsPlan/TotalCommitmentToDate", "3")],
        &[
            (TYPE, "DiscountedUsage"),
            (COST, "0"),
            ("reservation/SubscriptionId", "77"),
            ("reservation/EffectiveCost", "x"),
        ],
    ]);
    let effective: Vec<&str> = read.rows.iter().map(|row| row["EffectiveCost"].as_str()).collect();
    // The unreadable one goes to the store as it is, which counts it as unreadable.
    assert_eq!(effective, ["", "0", "", "x"]);
    assert_eq!(read.rows[2]["CommitmentDiscountStatus"], "Unused");
    assert_eq!(read.rows[3]["CommitmentDiscountId"], "77");
    assert!(read.warned("savingsPlan/SavingsPlanEffectiveCost has no value"));
    assert!(read.warned("savingsPlan/UsedCommitment has no value"));
}

#[test]
fn spot_marketplace_capacity_and_fees_are_told() {
    let read = read_by_name(&[
        &[
            (TYPE, "Usage"),
            (COST, "1"),
            ("lineItem/UsageType", "SpotUsage:g5.xlarge"),
            ("lineItem/LineItemDescription", "g5.2xlarge Linux/UNIX Spot Instance-hour"),
        ],
        &[
            (TYPE, "Usage"),
            (COST, "2"),
            ("bill/BillingEntity", "AWS Marketplace"),
            ("lineItem/LegalEntity", "Some Model Maker"),
            ("lineItem/ProductCode", "8x2m"),
            ("product/ProductName", "Claude (Amazon Bedrock Edition)"),
        ],
        &[
            (TYPE, "Usage"),
            (COST, "3"),
            ("lineItem/UsageType", "UnusedBox:p5.48xlarge"),
            ("reservation/ReservationARN", "arn:aws:ec2:us-east-1:1:capacity-reservation/cr-1"),
        ],
        &[
            (TYPE, "Fee"),
            (COST, "99"),
            ("lineItem/UsageEndDate", "2026-10-31T23:59:59Z"),
            ("pricing/publicOnDemandCost", "0.0"),
        ],
    ]);
    let of = |row: usize, columns: [&str; 3]| columns.map(|column| read.rows[row][column].clone());
    assert_eq!(
        of(0, ["PricingCategory", "x_InstanceType", "x_PurchaseOption"]),
        ["Dynamic", "g5.2xlarge", "Spot"]
    );
    assert_eq!(
        of(1, ["PublisherName", "ServiceSubcategory", "ProviderName"]),
        ["Some Model Maker", "Generative AI", "AWS"]
    );
    assert_eq!(
        of(2, ["CapacityReservationId", "CapacityReservationStatus", "CommitmentDiscountId"]),
        ["arn:aws:ec2:us-east-1:1:capacity-reservation/cr-1", "Unused", ""]
    );
    assert_eq!(
        of(3, ["ChargePeriodEnd", "ListCost", "ChargeFrequency"]),
        ["2026-11-01T00:00:00Z", "99", "One-Time"]
    );
}

const CUR2: [&str; 16] = [
    "bill_payer_account_id",
    "bill_payer_account_name",
    "line_item_usage_account_id",
    "line_item_usage_account_name",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_currency_code",
    "line_item_unblended_cost",
    "line_item_net_unblended_cost",
    "pricing_public_on_demand_cost",
    "product",
    "resource_tags",
    "cost_category",
    "discount",
    "savings_plan_savings_plan_a_r_n",
];

#[test]
fn maps_of_cur_2_are_read_whatever_the_order_of_columns() {
    let rows: [Vec<&str>; 2] = [
        vec![
            "1",
            "Payer",
            "2",
            "Team account",
            "Usage",
            "2026-10-01 00:00:00.000",
            "2026-10-01T01:00:00Z",
            "USD",
            "4E0",
            "3.5",
            "4",
            r#"{"product_name":"Amazon SageMaker","region":"eu-west-1","vcpu":"8"}"#,
            r#"{"user_team":"chat"}"#,
            r#"{"unit":"r"}"#,
            r#"{"edp_discount": "-0.5", "total_discount": "-0.5"}"#,
            "",
        ],
        vec![
            "1",
            "Payer",
            "2",
            "Team account",
            "SavingsPlanNegation",
            "2026-10-01T00:00:00Z",
            "2026-10-01T01:00:00Z",
            "USD",
            "-2",
            "",
            "-2",
            "{}",
            "{}",
            "{}",
            "{}",
            "arn:s",
        ],
    ];
    let straight = read(&CUR2, &rows);
    let row = &straight.rows[0];
    for (column, value) in [
        ("ServiceName", "Amazon SageMaker"),
        ("ServiceCategory", "AI and Machine Learning"),
        ("RegionId", "eu-west-1"),
        ("RegionName", "Europe (Ireland)"),
        ("BillingAccountName", "Payer"),
        ("SubAccountName", "Team account"),
        ("Tags", r#"{"team":"chat"}"#),
        ("x_CostCategories", r#"{"unit":"r"}"#),
        ("BilledCost", "3.5"),
        ("ContractedCost", "3.5"),
        ("product", r#"{"product_name":"Amazon SageMaker","region":"eu-west-1","vcpu":"8"}"#),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    assert_eq!(straight.rows[1]["CommitmentDiscountId"], "arn:s");
    assert_eq!([&straight.rows[1]["Tags"], &straight.rows[1]["x_Discounts"]], ["", ""]);

    let backwards: Vec<&str> = CUR2.iter().rev().copied().collect();
    let turned: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
    assert_eq!(read(&backwards, &turned).rows, straight.rows);
}

#[test]
fn the_report_is_told_from_its_header() {
    let kind = |names: &[&str]| recognise(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(kind(&["lineItem/LineItemType"]), Some(Kind::AwsCur));
    assert_eq!(kind(&["lineitem/lineitemtype"]), Some(Kind::AwsCur));
    assert_eq!(kind(&["line_item_line_item_type"]), Some(Kind::AwsCur));
    assert_eq!(kind(&CUR2), Some(Kind::AwsCur2));
    assert_eq!(kind(&["lineItem/tenantId", "lineItem/LineItemType"]), None);
    assert_eq!(kind(&["lineItem/intervalUsageStart", "cost/myCost"]), None);
}

#[test]
fn a_header_that_lacks_what_is_needed_is_refused_by_name() {
    let plan_of = |names: &[&str]| {
        let header: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        crate::bill::formats::plan(&header, &[], Path::new("cur.csv")).map(|_| ())
    };
    let error = plan_of(&["lineItem/LineItemType", "lineItem/UsageStartDate"]).unwrap_err();
    let expected = ["lineItem/UnblendedCost", "lineItem/CurrencyCode"];
    assert!(matches!(error, BillError::MissingColumns { missing, .. } if missing == expected));
    let mut twice =
        vec![TYPE, "lineItem/UsageStartDate", COST, "lineItem/CurrencyCode", "lineItem/unblendedCost"];
    assert!(matches!(plan_of(&twice), Err(BillError::DuplicateColumn { column, .. }) if column == COST));
    twice[2] = "lineItem/NetUnblendedCost";
    plan_of(&twice).unwrap();
}

/// A table made of reports of both kinds, as data pipelines make them.
#[test]
fn a_column_under_two_spellings_is_one() {
    let header = [
        "line_item_line_item_type",
        "line_item_usage_start_date",
        "line_item_unblended_cost",
        "line_item_currency_code",
        "reservation_effective_cost",
        "reservation_reservation_arn",
        "reservation_reservation_a_r_n",
    ];
    let row = |old, new| vec!["DiscountedUsage", "2026-10-01", "0", "USD", "1.5", old, new];
    let read = read(&header, &[row("r1", ""), row("", "r2")]);
    let ids: Vec<&str> = read.rows.iter().map(|row| row["CommitmentDiscountId"].as_str()).collect();
    assert_eq!(ids, ["r1", "r2"]);
    assert_eq!(read.sum("EffectiveCost"), "3");
}

#[test]
fn what_is_left_unused_counts_without_an_id_too() {
    let read = read_by_name(&[&[
        (TYPE, "SavingsPlanRecurringFee"),
        (COST, "3"),
        ("savingsPlan/TotalCommitmentToDate", "3"),
        ("savingsPlan/UsedCommitment", "2"),
    ]]);
    let of = |row: usize| {
        ["EffectiveCost", "CommitmentDiscountStatus"].map(|column| read.rows[row][column].as_str())
    };
    assert_eq!([of(0), of(1)], [["0", ""], ["1", ""]]);
    assert_eq!(read.sum("BilledCost"), "3");
}
