//! Files of our own in every variant of the format; expectations worked out by hand from the formulas in `charges`.

use std::path::Path;

use crate::bill::formats::inputs::testing::{Outcome, read, reversed, split};
use crate::bill::formats::{Kind, plan, recognise};

use super::Agreement;

const ENTERPRISE: &str = "\u{feff}BillingAccountId,BillingAccountName,BillingPeriodStartDate,BillingPeriodEndDate,\
    SubscriptionId,SubscriptionName,Date,Product,PartNumber,MeterId,ServiceFamily,MeterCategory,MeterSubCategory,\
    MeterName,Quantity,EffectivePrice,Cost,UnitPrice,PayGPrice,BillingCurrency,ResourceLocation,ConsumedService,\
    ResourceId,ResourceName,AdditionalInfo,Tags,UnitOfMeasure,ResourceGroup,ReservationId,ReservationName,\
    ProductOrderName,PublisherName,ChargeType,Frequency,PublisherType,PricingModel,benefitId,benefitName,CostCenter";

/// A row under [`ENTERPRISE`]: what differs between the tests' rows; the rest is the same.
struct Line {
    date: &'static str,
    category: &'static str,
    meter: &'static str,
    quantity: &'static str,
    cost: &'static str,
    unit_price: &'static str,
    list_price: &'static str,
    measure: &'static str,
    charge: &'static str,
    model: &'static str,
    benefit: &'static str,
    info: &'static str,
}

const USED: Line = Line {
    date: "09/04/2023",
    category: "Virtual Machines",
    meter: "D2 v3/D2s v3",
    quantity: "24",
    cost: "2.64",
    unit_price: "0.11",
    list_price: "0.12",
    measure: "1 Hour",
    charge: "Usage",
    model: "OnDemand",
    benefit: "",
    info: "",
};

const RESERVATION: &str = "/providers/Microsoft.Capacity/reservationOrders/O1/reservations/R1";
const SAVINGS_PLAN: &str = "/providers/Microsoft.BillingBenefits/savingsPlanOrders/S1";

impl Line {
    fn text(&self) -> String {
        let Self {
            date,
            category,
            meter,
            quantity,
            cost,
            unit_price,
            list_price,
            measure,
            charge,
            model,
            benefit,
            info,
        } = self;
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let info = quoted(info);
        let tags = quoted(r#""env": "prod","Team": "a, b""#);
        let order = if benefit.is_empty() {
            ""
        } else {
            "\"Reserved VM Instance, Standard_NC24ads_A100_v4, UK South, 3 Years\""
        };
        let frequency = if *charge == "Purchase" { "Recurring" } else { "UsageBased" };
        format!(
            "861,Trey,09/01/2023,09/30/2023,sub-1,Research,{date},Product {meter},PN-1,M-1,Compute,{category},Sub,{meter},\
             {quantity},0.1,{cost},{unit_price},{list_price},USD,UKSouth,Microsoft.Compute,\
             /subscriptions/SUB-1/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/Vm1,,{info},{tags},{measure},\
             RG,,,{order},Microsoft,{charge},{frequency},Azure,{model},{benefit},Plan,CC1"
        )
    }
}

fn enterprise(lines: &[Line]) -> String {
    let rows: Vec<String> = lines.iter().map(Line::text).collect();
    format!("{ENTERPRISE}\n{}\n", rows.join("\n"))
}

/// Four costs of a row.
fn costs(outcome: &Outcome, row: usize) -> [&str; 4] {
    ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"].map(|name| outcome.column(name)[row])
}

#[test]
fn an_actual_export_bills_the_purchase_and_leaves_what_it_covers_unknown() {
    let bought = Line {
        charge: "Purchase",
        model: "Reservation",
        benefit: RESERVATION,
        quantity: "1",
        cost: "730",
        unit_price: "730",
        list_price: "0",
        ..USED
    };
    let covered = Line { model: "Reservation", benefit: RESERVATION, cost: "0", list_price: "0", ..USED };
    let refund = Line {
        charge: "Refund",
        model: "SavingsPlan",
        benefit: SAVINGS_PLAN,
        quantity: "1",
        cost: "-10.5",
        unit_price: "10.5",
        ..USED
    };
    let outcome = read(&enterprise(&[bought, covered, refund, USED]));
    assert_eq!(outcome.kind, "Azure cost details (Enterprise Agreement)");
    // A list price of 0 for what is not free is none.
    assert_eq!(costs(&outcome, 0), ["730", "0", "", "730"]);
    assert_eq!(costs(&outcome, 1), ["0", "", "", "2.64"]);
    assert_eq!(costs(&outcome, 2), ["-10.5", "0", "", ""]);
    assert_eq!(costs(&outcome, 3), ["2.64", "2.64", "2.88", "2.64"]);
    assert_eq!(outcome.column("x_CostView"), ["Actual", "Actual", "Actual", ""]);
    assert_eq!(outcome.column("ChargeCategory"), ["Purchase", "Usage", "Purchase", "Usage"]);
    assert_eq!(outcome.column("ChargeClass"), ["", "", "Correction", ""]);
    // FOCUS: a purchase is never usage-based.
    assert_eq!(outcome.column("ChargeFrequency"), ["Recurring", "Usage-Based", "", "Usage-Based"]);
    assert_eq!(outcome.column("PricingCategory"), ["Standard", "Committed", "Standard", "Standard"]);
    assert_eq!(outcome.column("CommitmentDiscountStatus"), ["", "Used", "", ""]);
    assert_eq!(outcome.column("CommitmentDiscountType"), ["Reservation", "Reservation", "Savings Plan", ""]);
    assert_eq!(outcome.column("CommitmentDiscountCategory"), ["Usage", "Usage", "Spend", ""]);
    assert_eq!(outcome.column("CommitmentDiscountId")[0], RESERVATION.to_lowercase());
    // 24 hours were used; a purchase consumes nothing.
    assert_eq!(outcome.column("ConsumedQuantity"), ["", "24", "", "24"]);
    assert!(
        outcome.warns("an actual cost export: rows of commitments bought or given back: 2;"),
        "{:?}",
        outcome.warnings
    );
    assert!(outcome.warns("stays empty: 1."));
    assert!(outcome.warns("ListCost: empty in rows whose PayGPrice is 0 although they are not free: 2"));
    // 1 × 10.5 for a refund of −10.5.
    assert!(outcome.warns("another sign than the cost"));
}

#[test]
fn an_amortized_export_bills_nothing_under_a_commitment() {
    let used = Line {
        model: "SavingsPlan",
        benefit: SAVINGS_PLAN,
        quantity: "0.32085564",
        cost: "0.006000000468",
        unit_price: "0.0416",
        list_price: "0.0416",
        info: r#"{"ServiceType":"Standard_B2s","VCPUs":2}"#,
        ..USED
    };
    let unused = Line {
        charge: "UnusedReservation",
        model: "Reservation",
        benefit: RESERVATION,
        quantity: "3",
        cost: "0.184932",
        unit_price: "0",
        list_price: "0",
        ..USED
    };
    let outcome = read(&enterprise(&[used, unused, USED]));
    // 0.32085564 × 0.0416.
    assert_eq!(costs(&outcome, 0), ["0", "0.006000000468", "0.013347594624", "0.013347594624"]);
    assert_eq!(costs(&outcome, 1), ["0", "0.184932", "", ""]);
    assert_eq!(outcome.sum("BilledCost"), "2.64");
    assert_eq!(outcome.sum("EffectiveCost"), "2.830932000468");
    assert_eq!(outcome.column("x_CostView"), ["Amortized", "Amortized", ""]);
    assert_eq!(outcome.column("CommitmentDiscountStatus"), ["Used", "Unused", ""]);
    assert_eq!(outcome.column("PricingCategory"), ["Committed", "Committed", "Standard"]);
    assert_eq!(outcome.column("ConsumedQuantity"), ["0.32085564", "", "24"]);
    // What a commitment that nobody used was for stands in the name of its order.
    assert_eq!(outcome.column("x_InstanceType"), ["Standard_B2s", "Standard_NC24ads_A100_v4", ""]);
    assert_eq!(outcome.column("SkuPriceDetails")[0], r#"{"CoreCount":2,"InstanceType":"Standard_B2s"}"#);
    assert!(outcome.warns("an amortized cost export: usage with its share of a commitment: 1; commitments that nobody used: 1."), "{:?}", outcome.warnings);
    assert!(
        outcome.warns("ContractedCost: empty in rows whose UnitPrice is 0 although they are not free: 1")
    );
}

#[test]
fn without_commitments_both_exports_are_the_same_and_that_is_said() {
    let outcome = read(&enterprise(&[
        USED,
        Line { quantity: "0", cost: "0", model: "Reservation", benefit: RESERVATION, ..USED },
    ]));
    assert!(outcome.warns("no row is under a commitment"), "{:?}", outcome.warnings);
    // Nothing was used and nothing was paid: both costs are known.
    assert_eq!(costs(&outcome, 1), ["0", "0", "0", "0"]);
    let joined = read(&enterprise(&[
        Line { charge: "Purchase", model: "Reservation", benefit: RESERVATION, ..USED },
        Line { model: "Reservation", benefit: RESERVATION, ..USED },
    ]));
    assert!(joined.warns("rows without a commitment are counted twice"));
}

#[test]
fn blocks_are_priced_whole_and_consumed_in_units() {
    let outcome = read(&enterprise(&[
        Line {
            quantity: "0.0004",
            cost: "0.00004",
            unit_price: "0.1",
            list_price: "0.1",
            measure: "10K",
            ..USED
        },
        Line { quantity: "24.5", measure: "1 GB/Month", ..USED },
        Line {
            meter: "gpt-4o-mini-0718-Inp-glbl Tokens",
            category: "Cognitive Services",
            quantity: "1500",
            measure: "1K",
            ..USED
        },
        Line { measure: "7 Widgets", quantity: "2", ..USED },
        Line { measure: "0 Hours", ..USED },
        Line { quantity: "", ..USED },
    ]));
    assert!(outcome.warns("`0 Hours` is not a unit of measure"), "{:?}", outcome.warnings);
    // Without a quantity there is no unit either.
    assert_eq!(outcome.column("PricingUnit")[4..], ["0 Hours", ""]);
    assert_eq!(outcome.column("ConsumedUnit")[4..], ["", ""]);
    assert_eq!(costs(&outcome, 5), ["2.64", "2.64", "", ""]);
    assert_eq!(outcome.column("ContractedCost")[0], "0.00004");
    assert_eq!(outcome.column("PricingQuantity")[..3], ["0.0004", "24.5", "1500"]);
    assert_eq!(outcome.column("PricingUnit")[..4], ["10000 Units", "GB-Months", "1000 Tokens", "7 Widgets"]);
    assert_eq!(outcome.column("ConsumedQuantity")[..4], ["4", "24.5", "1500000", "14"]);
    assert_eq!(outcome.column("ConsumedUnit")[..4], ["Units", "GB-Months", "Tokens", "Widgets"]);
    assert!(
        outcome.warns("units of measure that are not in our table keep the file's own words: `7 Widgets`"),
        "{:?}",
        outcome.warnings
    );
}

#[test]
fn dates_in_every_form_become_periods_with_an_exclusive_end() {
    let at = |date| read(&enterprise(&[Line { date, ..USED }]));
    for date in ["09/04/2023", "9/4/2023", "2023-09-04", "2023-09-04T00:00:00Z"] {
        let outcome = at(date);
        assert_eq!(outcome.column("ChargePeriodStart"), ["2023-09-04T00:00:00Z"], "{date}");
        assert_eq!(outcome.column("ChargePeriodEnd"), ["2023-09-05T00:00:00Z"], "{date}");
        assert_eq!(outcome.column("BillingPeriodStart"), ["2023-09-01T00:00:00Z"]);
        assert_eq!(outcome.column("BillingPeriodEnd"), ["2023-10-01T00:00:00Z"]);
    }
    let outcome = at("13/09/2023");
    assert_eq!(outcome.column("ChargePeriodStart"), [""]);
    assert!(outcome.warns("`13/09/2023` is not a date"), "{:?}", outcome.warnings);
}

#[test]
fn words_become_focus_and_nothing_is_lost() {
    let outcome = read(&enterprise(&[USED]));
    let row = &outcome.rows[0];
    for (column, expected) in [
        ("Tags", r#"{"env": "prod","Team": "a, b"}"#),
        (
            "ResourceId",
            "/subscriptions/sub-1/resourcegroups/rg/providers/microsoft.compute/virtualmachines/vm1",
        ),
        ("ResourceName", "Vm1"),
        ("ResourceType", "microsoft.compute/virtualmachines"),
        ("x_ResourceGroupName", "rg"),
        ("RegionId", "uksouth"),
        ("RegionName", "UK South"),
        ("ServiceName", "Virtual Machines"),
        ("ServiceCategory", "Compute"),
        ("ServiceSubcategory", "Virtual Machines"),
        ("SubAccountType", "Subscription"),
        ("BillingAccountType", "Billing Account"),
        ("InvoiceIssuerName", "Microsoft"),
        ("ProviderName", "Microsoft"),
        ("SkuId", "M-1"),
        ("SkuPriceId", "PN-1"),
        ("SkuMeter", "D2 v3/D2s v3"),
        ("x_CostCenter", "CC1"),
        ("x_PricingModel", "OnDemand"),
        ("ConsumedService", "Microsoft.Compute"),
        ("UnitOfMeasure", "1 Hour"),
    ] {
        assert_eq!(row.get(column).map(String::as_str), Some(expected), "{column}");
    }
}

#[test]
fn the_traffic_of_a_machine_is_no_machine() {
    let info = r#"{"ServiceType":"Standard_NC24ads_A100_v4","VMCapacityReservationId":"CR-1"}"#;
    let outcome = read(&enterprise(&[
        Line { info, ..USED },
        Line { info, category: "Bandwidth", ..USED },
        // Brackets may be missing here as in tags.
        Line { info: r#""ServiceType": "Standard_NC24ads_A100_v4""#, ..USED },
    ]));
    let machine = "Standard_NC24ads_A100_v4";
    assert_eq!(outcome.column("x_InstanceType"), [machine, "", machine]);
    assert_eq!(outcome.column("SkuPriceDetails")[1], "");
    assert_eq!(outcome.column("AdditionalInfo")[0], info);
    assert_eq!(outcome.column("CapacityReservationId"), ["cr-1", "cr-1", ""]);
    assert_eq!(outcome.column("CapacityReservationStatus"), ["Used", "Used", ""]);
}

#[test]
fn what_azure_does_not_tell_has_no_column() {
    let outcome = read(&enterprise(&[USED]));
    assert!(!outcome.rows[0].contains_key("InvoiceId"));
    assert!(!outcome.rows[0].contains_key("PricingCurrencyListUnitPrice"));
    // It names one currency, which its prices are in.
    assert_eq!(outcome.column("PricingCurrency"), outcome.column("BillingCurrency"));
    let text = enterprise(&[USED]).replace("PayGPrice", "SomethingElse");
    let outcome = read(&text);
    assert!(!outcome.rows[0].contains_key("ListCost"));
    assert!(outcome.remarks.iter().any(|remark| remark.contains("ListCost")), "{:?}", outcome.remarks);
    assert_eq!(outcome.rows[0]["SomethingElse"], "0.12");
}

#[test]
fn a_cost_that_cannot_be_read_is_missing_and_not_zero() {
    let outcome = read(&enterprise(&[Line { cost: "2;64", ..USED }, Line { charge: "Mystery", ..USED }]));
    assert_eq!(costs(&outcome, 0), ["", "", "2.88", "2.64"]);
    assert!(outcome.warns("counts as missing, not as 0"), "{:?}", outcome.warnings);
    assert_eq!(outcome.column("ChargeCategory")[1], "Adjustment");
    assert!(outcome.warns("`Mystery` is no charge type"));
}

#[test]
fn taxes_and_credits_have_no_unit_prices() {
    let outcome = read(&enterprise(&[
        Line { charge: "Tax", ..USED },
        Line { charge: "Credit", cost: "-5", ..USED },
        Line { charge: "RoundingAdjustment", cost: "0.01", ..USED },
    ]));
    assert_eq!(outcome.column("ChargeCategory"), ["Tax", "Credit", "Adjustment"]);
    for column in ["PricingQuantity", "PricingUnit", "ListUnitPrice", "ConsumedQuantity", "PricingCategory"] {
        assert_eq!(outcome.column(column), ["", "", ""], "{column}");
    }
    assert_eq!(outcome.column("SkuId")[0], "");
    assert_eq!(costs(&outcome, 0), ["2.64", "2.64", "", ""]);
    assert_eq!(costs(&outcome, 1), ["-5", "-5", "-5", "-5"]);
}

const CUSTOMER: &str = "invoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,date,\
    servicePeriodStartDate,servicePeriodEndDate,billingPeriodStartDate,billingPeriodEndDate,meterId,meterName,\
    meterCategory,meterSubCategory,ProductId,ProductName,SubscriptionId,publisherType,publisherName,resourceGroupName,\
    ResourceId,resourceLocation,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,pricingCurrency,\
    costInBillingCurrency,costInPricingCurrency,costInUsd,exchangeRatePricingToBilling,PayGPrice,unitPrice,\
    paygCostInBillingCurrency,frequency,pricingModel,tags";

const CUSTOMER_ROWS: &str = "\
I-1,A1,Account,P1,Profile,10/05/2026,10/05/2026,10/05/2026,10/01/2026,10/31/2026,M1,gpt-4o Inp glbl Tokens,Foundry Models,\
Azure OpenAI,DZH1,GPT,S1,Microsoft,,RG,/subscriptions/S1/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/ai,\
SwedenCentral,0.002,1000,1K,Usage,EUR,USD,1.8,2,2,0.9,0.0025,0.002,2.25,UsageBased,OnDemand,{}
I-1,A1,Account,P1,Profile,10/07/2026,10/01/2026,10/31/2026,10/01/2026,10/31/2026,M2,Seat,SaaS,,DZH2,Seats,S1,Marketplace,\
Contoso,,,,10,3,1,Purchase,EUR,USD,27,30,30,,12,10,,Recurring,,
";

#[test]
fn a_customer_agreement_prices_in_one_currency_and_bills_in_another() {
    let outcome = read(&format!("{CUSTOMER}\n{CUSTOMER_ROWS}"));
    assert_eq!(outcome.kind, "Azure cost details (Microsoft Customer Agreement)");
    // List cost as told; contracted 0.002 USD × 1000 × 0.9.
    assert_eq!(costs(&outcome, 0), ["1.8", "1.8", "2.25", "1.8"]);
    assert_eq!(outcome.column("ListUnitPrice")[0], "0.00225");
    assert_eq!(outcome.column("PricingCurrencyListUnitPrice")[0], "0.0025");
    assert_eq!(outcome.column("PricingCurrencyEffectiveCost"), ["2", "30"]);
    assert_eq!(outcome.column("BillingAccountId"), ["P1", "P1"]);
    assert_eq!(outcome.column("BillingAccountType")[0], "Billing Profile");
    assert_eq!(outcome.column("InvoiceId")[0], "I-1");
    assert_eq!(outcome.column("ServiceName"), ["Azure OpenAI", "SaaS"]);
    assert_eq!(outcome.column("ServiceSubcategory")[0], "Generative AI");
    assert_eq!(outcome.column("ConsumedUnit")[0], "Tokens");
    assert_eq!((outcome.column("SkuId")[0], outcome.column("SkuPriceId")[0]), ("DZH1", "M1"));
    // Without an exchange rate neither is known; both are in the pricing currency.
    assert_eq!(costs(&outcome, 1), ["27", "27", "", ""]);
    assert_eq!(outcome.column("PricingCurrencyContractedUnitPrice")[1], "10");
    assert!(outcome.warns("no exchange rate is told"), "{:?}", outcome.warnings);
    // A purchase is for its service period.
    assert_eq!(outcome.column("ChargePeriodStart")[1], "2026-10-01T00:00:00Z");
    assert_eq!(outcome.column("ChargePeriodEnd"), ["2026-10-06T00:00:00Z", "2026-11-01T00:00:00Z"]);
    assert_eq!(outcome.column("PublisherName"), ["Microsoft", "Contoso"]);
    assert_eq!(outcome.rows[0]["costInUsd"], "2");
    assert!(outcome.warns("not in our table of services"));
}

#[test]
fn the_older_usage_of_a_pay_as_you_go_subscription_is_read() {
    let outcome = read(
        "SubscriptionGuid,ResourceGroup,ResourceLocation,UsageDateTime,MeterCategory,MeterSubcategory,MeterId,MeterName,\
         UsageQuantity,ResourceRate,PreTaxCost,ConsumedService,ResourceType,InstanceId,Tags,Currency,UnitOfMeasure\n\
         g-1,RG,US East,2021-02-02,Load Balancer,Standard,m,Rules,3,0.025,0.075,Microsoft.Network,\
         Microsoft.Network/loadBalancers,/subscriptions/g-1/LB,,USD,100 Hours\n",
    );
    assert_eq!(outcome.kind, "Azure cost details (pay-as-you-go)");
    let row = &outcome.rows[0];
    for (column, expected) in [
        ("BilledCost", "0.075"),
        ("EffectiveCost", "0.075"),
        ("ChargeCategory", "Usage"),
        ("ChargeFrequency", "Usage-Based"),
        ("ConsumedQuantity", "300"),
        ("ConsumedUnit", "Hours"),
        ("PricingQuantity", "3"),
        ("PricingUnit", "100 Hours"),
        ("RegionId", "eastus"),
        ("SubAccountId", "g-1"),
        ("ResourceName", "LB"),
        ("ResourceType", "Microsoft.Network/loadBalancers"),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert!(!row.contains_key("BillingAccountId") && !row.contains_key("ListCost"));
}

#[test]
fn localised_names_are_read_by_what_stands_in_their_brackets() {
    let text = enterprise(&[USED])
        .replace("ResourceGroup,", "Ressourcengruppe (ResourceGroup),")
        .replace(",Cost,", ",Kosten (Cost),")
        .replace(",Date,", ",Datum (Date),")
        .replace("MeterCategory", "Kategorie der Verbrauchseinheit (MeterCategory)")
        .replace("MeterId", "ID (MeterId)");
    assert_eq!(read(&text).rows, read(&enterprise(&[USED])).rows);
}

#[test]
fn the_order_of_columns_does_not_matter() {
    for text in [
        enterprise(&[USED, Line { model: "Reservation", benefit: RESERVATION, ..USED }]),
        format!("{CUSTOMER}\n{CUSTOMER_ROWS}"),
    ] {
        assert_eq!(read(&text).rows, reversed(&text).rows);
    }
}

#[test]
fn agreements_are_told_apart_and_other_tables_are_none() {
    let kind = |text: &str| recognise(&split(&format!("{text}\n")).0);
    let lower = ENTERPRISE.to_lowercase();
    assert_eq!(kind(&lower), Some(Kind::Azure(Agreement::Enterprise)));
    assert_eq!(
        kind(&format!("PartnerName,customerTenantId,{CUSTOMER}")),
        Some(Kind::Azure(Agreement::Partner))
    );
    // Resellers stand in customers' files too.
    let resold = format!("resellerName,resellerMpnId,{CUSTOMER}");
    assert_eq!(kind(&resold), Some(Kind::Azure(Agreement::Customer)));
    assert_eq!(kind("MeterId,MeterCategory,UnitPrice,PartNumber"), None);
    let focus = "BilledCost,ChargeCategory,ChargePeriodStart,BillingCurrency,MeterId,MeterCategory,Cost";
    assert!(matches!(kind(focus), Some(Kind::Focus(_))));
}

#[test]
fn what_is_needed_is_named() {
    let (header, _) = split("MeterId,MeterCategory,Quantity\n");
    let error = plan(&header, &[], Path::new("f.csv")).unwrap_err();
    assert!(error.to_string().contains("Date, CostInBillingCurrency, BillingCurrency"), "{error}");
}
