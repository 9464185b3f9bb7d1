//! Amazon's Cost and Usage Report, legacy (as Athena has it) and 2.0.
//!
//! Formulas and names are those of [`crate::bill::formats::aws`]: the amortised cost is the one of CUDOS, and what a
//! commitment left unused becomes a row of its own.

use super::{Shown, There, case, first, listed, shown, step};
use crate::bill::formats::aws::{regions, service_keys};

/// Rows that divide the cost of a machine, which has a row of its own.
const SPLIT: &str = "'EKSPod-EC2', 'ECSTask-EC2'";
const IS_USE: &str = "l_type IN ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')";
const IS_COVERED: &str = "l_type IN ('SavingsPlanCoveredUsage', 'SavingsPlanNegation', 'DiscountedUsage')";
const IS_PLAN_PRODUCT: &str = "l_product LIKE '%SavingsPlans'";

pub(super) fn view(there: &There<'_>, table: &str) -> String {
    let dialect = there.dialect;
    let operation = there.text("lineitemoperation");
    let usual = columns(there, false);
    let unused = columns(there, true);
    format!(
        "WITH cur_line AS (\n  SELECT\n{}\n  FROM {table}\n  WHERE {operation} IS NULL OR {operation} NOT IN ({SPLIT})\n),\n\
         cur_known AS (\n  SELECT cur_line.*,\n{}\n  FROM cur_line\n),\n\
         cur_charge AS (\n  SELECT cur_known.*,\n{}\n  FROM cur_known\n)\n\
         SELECT\n{}FROM cur_charge\n\
         UNION ALL\nSELECT\n{}FROM cur_charge\n\
         WHERE l_type IN ('SavingsPlanRecurringFee', 'RIFee') AND (l_unused IS NULL OR l_unused <> {})",
        step(&line(there)),
        step(&known(there)),
        step(&charge(there)),
        listed(dialect, &usual),
        listed(dialect, &unused),
        there.zero(),
    )
}

/// What the table says, by names of our own.
fn line(there: &There<'_>) -> Vec<(&'static str, String)> {
    let text = |letters| there.text(letters);
    let amount = |letters| there.amount(letters);
    let product = |column: &str, key: &str| {
        let within = there.within("product", key);
        let own = Some(there.text(column)).filter(|_| there.find(column).is_some());
        let all: Vec<String> = own.into_iter().chain(within).collect();
        let value = if all.is_empty() { there.no_text() } else { first(&all) };
        format!("NULLIF({value}, 'NA')")
    };
    let discount = match (there.find("discounttotaldiscount"), there.within("discount", "total_discount")) {
        (None, Some(within)) => there.dialect.decimal(&within, &super::Held::Text),
        _ => amount("discounttotaldiscount"),
    };
    vec![
        ("l_type", text("lineitemlineitemtype")),
        ("l_invoice", text("billinvoiceid")),
        ("l_invoicing", text("billinvoicingentity")),
        ("l_billing", text("billbillingentity")),
        ("l_bill_type", text("billbilltype")),
        ("l_payer", text("billpayeraccountid")),
        ("l_payer_name", text("billpayeraccountname")),
        ("l_period_start", there.moment("billbillingperiodstartdate")),
        ("l_period_end", there.moment("billbillingperiodenddate")),
        ("l_account", text("lineitemusageaccountid")),
        ("l_account_name", text("lineitemusageaccountname")),
        ("l_start", there.moment("lineitemusagestartdate")),
        ("l_end", there.moment("lineitemusageenddate")),
        ("l_product", text("lineitemproductcode")),
        ("l_usage_type", text("lineitemusagetype")),
        ("l_operation", text("lineitemoperation")),
        ("l_zone", text("lineitemavailabilityzone")),
        ("l_resource", text("lineitemresourceid")),
        ("l_amount", amount("lineitemusageamount")),
        ("l_normalized", amount("lineitemnormalizedusageamount")),
        ("l_currency", text("lineitemcurrencycode")),
        ("l_unblended", amount("lineitemunblendedcost")),
        ("l_billed", first(&[amount("lineitemnetunblendedcost"), amount("lineitemunblendedcost")])),
        ("l_description", text("lineitemlineitemdescription")),
        ("l_tax_type", text("lineitemtaxtype")),
        ("l_entity", text("lineitemlegalentity")),
        ("l_discount", discount),
        ("l_product_name", product("productproductname", "product_name")),
        ("l_family", product("productproductfamily", "product_family")),
        ("l_instance", product("productinstancetype", "instance_type")),
        ("l_region_code", product("productregioncode", "region_code")),
        ("l_region", product("productregion", "region")),
        ("l_from_region", product("productfromregioncode", "from_region_code")),
        ("l_sku", product("productsku", "sku")),
        ("l_rate_code", text("pricingratecode")),
        ("l_rate_id", text("pricingrateid")),
        ("l_pricing_currency", text("pricingcurrency")),
        ("l_public_cost", amount("pricingpublicondemandcost")),
        ("l_public_rate", amount("pricingpublicondemandrate")),
        ("l_unit", text("pricingunit")),
        ("l_arn", text("reservationreservationarn")),
        ("l_subscription", text("reservationsubscriptionid")),
        ("l_reserved", first(&[amount("reservationneteffectivecost"), amount("reservationeffectivecost")])),
        ("l_reserved_normalized", amount("reservationtotalreservednormalizedunits")),
        ("l_reserved_units", amount("reservationtotalreservedunits")),
        ("l_unused_normalized", amount("reservationunusednormalizedunitquantity")),
        ("l_unused_units", amount("reservationunusedquantity")),
        (
            "l_unused_upfront",
            first(&[
                amount("reservationnetunusedamortizedupfrontfeeforbillingperiod"),
                amount("reservationunusedamortizedupfrontfeeforbillingperiod"),
            ]),
        ),
        (
            "l_unused_recurring",
            first(&[amount("reservationnetunusedrecurringfee"), amount("reservationunusedrecurringfee")]),
        ),
        ("l_plan_arn", text("savingsplansavingsplanarn")),
        ("l_plan_effective", amount("savingsplansavingsplaneffectivecost")),
        (
            "l_plan_cost",
            first(&[
                amount("savingsplannetsavingsplaneffectivecost"),
                amount("savingsplansavingsplaneffectivecost"),
            ]),
        ),
        ("l_plan_total", amount("savingsplantotalcommitmenttodate")),
        ("l_plan_used", amount("savingsplanusedcommitment")),
        ("l_capacity", text("capacityreservationcapacityreservationarn")),
        ("l_capacity_status", text("capacityreservationcapacityreservationstatus")),
        ("l_tags", tags(there).0),
    ]
}

/// The tags, and what to say of them.
fn tags(there: &There<'_>) -> (String, &'static str) {
    let map = there.find("resourcetags").or_else(|| there.find("tags"));
    match map {
        Some(column) => (there.sql(column), "keys are spelt as in the report: user_team"),
        None => (there.no_text(), "tags that are columns of their own are not gathered here"),
    }
}

/// What a line belongs to.
fn known(there: &There<'_>) -> Vec<(&'static str, String)> {
    const HELD: &str = "l_arn LIKE '%:capacity-reservation/%'";
    let arn = format!("CASE WHEN {HELD} THEN NULL ELSE l_arn END");
    let either = format!("COALESCE({arn}, l_subscription)");
    let service = there.erased("COALESCE(l_product_name, l_product)", "[^A-Za-z0-9]");
    let service = there.erased(&format!("LOWER({service})"), "^(amazon|aws)");
    let service = there.erased(&format!("REPLACE({service}, 'foraws', 'for')"), "(aws)+$");
    let of = |name: &str| format!("CASE WHEN LOWER({name}) IN ('global', 'any') THEN NULL ELSE {name} END");
    vec![
        (
            "l_reservation",
            case(
                &[
                    when("l_type IN ('DiscountedUsage', 'RIFee')", &either),
                    when("l_type = 'Usage'", "NULL"),
                    when("l_type = 'Fee' AND l_description LIKE 'Sign up charge for subscription%'", &either),
                ],
                &arn,
            ),
        ),
        ("l_plan", "CASE WHEN l_type = 'Usage' THEN NULL ELSE l_plan_arn END".to_owned()),
        ("l_held", format!("COALESCE(l_capacity, CASE WHEN {HELD} THEN l_arn END)")),
        ("l_service", service),
        (
            "l_region_id",
            format!("COALESCE({}, {}, {})", of("l_region_code"), of("l_region"), of("l_from_region")),
        ),
    ]
}

/// What a line is charged for.
fn charge(there: &There<'_>) -> Vec<(&'static str, String)> {
    let zero = there.zero();
    let category = case(
        &[
            when(
                &format!(
                    "l_type = 'Refund' AND (l_plan IS NOT NULL OR l_reservation IS NOT NULL OR {IS_PLAN_PRODUCT})"
                ),
                "'Purchase'",
            ),
            when("l_type = 'Refund' AND l_tax_type IS NOT NULL", "'Tax'"),
            when(
                &format!(
                    "{IS_USE} OR l_type IN ('SavingsPlanNegation', 'Refund') OR l_type LIKE '%Discount'"
                ),
                "'Usage'",
            ),
            when(
                "l_type IN ('SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'RIFee', 'Fee', 'FlatRateSubscription')",
                "'Purchase'",
            ),
            when("l_type IN ('Tax', 'Credit')", "l_type"),
        ],
        "NULL",
    );
    let unused = case(
        &[
            when("l_type = 'SavingsPlanRecurringFee'", &there.combined("l_plan_total", '-', "l_plan_used")),
            when("l_type = 'RIFee'", &there.combined("l_unused_upfront", '+', "l_unused_recurring")),
        ],
        "NULL",
    );
    let public = format!("COALESCE(l_public_cost, {zero})");
    // Nor has what others sell over the Marketplace a public price: at 0 it would be given away at list price.
    let unpriced = format!("l_public_cost = {zero} AND COALESCE(l_unblended, {zero}) <> {zero}");
    let list = case(
        &[
            when("l_type = 'SavingsPlanNegation' OR l_type LIKE '%Discount'", &zero),
            when("l_type IN ('Tax', 'Credit', 'Refund')", "l_billed"),
            when("l_type IN ('SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee', 'RIFee')", &public),
            when("l_type = 'Fee' AND l_reservation IS NOT NULL", &public),
            when(&format!("l_type IN ('Fee', 'FlatRateSubscription') AND {public} = {zero}"), "l_billed"),
            when(&format!("l_type = 'Usage' AND {unpriced}"), "COALESCE(l_unblended, l_billed)"),
        ],
        "l_public_cost",
    );
    vec![
        ("l_category", category),
        ("l_unused", unused),
        ("l_list", list),
        ("l_is_discounted", format!("{IS_USE} AND COALESCE(l_discount, {zero}) <> {zero}")),
        ("l_rate", format!("CASE WHEN {unpriced} THEN NULL ELSE l_public_rate END")),
    ]
}

/// The columns of FOCUS: of a line, or of what a commitment left unused.
fn columns(there: &There<'_>, is_unused: bool) -> Vec<Shown> {
    let half = Half { there, is_unused, zero: there.zero(), no_text: there.no_text() };
    let parts = [
        half.costs(),
        half.parties(),
        half.charge(),
        half.service(),
        half.place(),
        half.pricing(),
        half.commitment(),
        half.own(),
    ];
    parts.into_iter().flatten().collect()
}

fn when(condition: &str, then: &str) -> (String, String) {
    (condition.to_owned(), then.to_owned())
}

fn with_id(name: &str, id: &str) -> String {
    format!("CASE WHEN {id} IS NOT NULL THEN {name} END")
}

/// The rows of the lines, or those of what is left unused.
struct Half<'t> {
    there: &'t There<'t>,
    is_unused: bool,
    zero: String,
    no_text: String,
}

impl Half<'_> {
    /// What differs between the two rows of a line.
    fn of(&self, line: impl Into<String>, unused: &str) -> String {
        if self.is_unused { unused.to_owned() } else { line.into() }
    }

    /// A column that SQL says too clumsily.
    fn not_here(&self, name: &'static str, why: &'static str) -> Shown {
        Shown { name, sql: self.no_text.clone(), why }
    }

    fn costs(&self) -> Vec<Shown> {
        let zero = &self.zero;
        let effective = case(
            &[
                when("l_type = 'SavingsPlanCoveredUsage'", "l_plan_cost"),
                when("l_type = 'DiscountedUsage'", "l_reserved"),
                when(
                    "l_type IN ('SavingsPlanRecurringFee', 'RIFee', 'SavingsPlanNegation', 'SavingsPlanUpfrontFee')",
                    zero,
                ),
                when("l_type = 'Fee' AND l_reservation IS NOT NULL", zero),
                when(&format!("l_type = 'Refund' AND {IS_PLAN_PRODUCT}"), zero),
            ],
            "l_billed",
        );
        let contracted = case(
            &[
                when("l_is_discounted", &self.there.combined("l_list", '-', "ABS(l_discount)")),
                when("l_type LIKE '%Discount'", "l_billed"),
            ],
            "l_list",
        );
        vec![
            shown("BilledCost", self.of("l_billed", zero)),
            shown("EffectiveCost", self.of(effective, "l_unused")),
            shown("ListCost", self.of("l_list", zero)),
            shown("ContractedCost", self.of(contracted, zero)),
            shown("BillingCurrency", "l_currency"),
            shown("PricingCurrency", "COALESCE(l_pricing_currency, l_currency)"),
        ]
    }

    fn parties(&self) -> Vec<Shown> {
        // Some fees end a second before the hour; ends are exclusive.
        let ends_early = format!("{} LIKE '%:59:59%'", self.there.dialect.as_text("l_end"));
        let end =
            format!("CASE WHEN {ends_early} THEN {} ELSE l_end END", self.there.later("l_end", "SECOND"));
        vec![
            shown("BillingPeriodStart", "l_period_start"),
            shown("BillingPeriodEnd", "l_period_end"),
            shown("ChargePeriodStart", "l_start"),
            shown("ChargePeriodEnd", end),
            shown("BillingAccountId", "l_payer"),
            shown("BillingAccountName", "l_payer_name"),
            shown("BillingAccountType", with_id("'Payer account'", "l_payer")),
            shown("SubAccountId", "l_account"),
            shown("SubAccountName", with_id("l_account_name", "l_account")),
            shown("SubAccountType", with_id("'Usage account'", "l_account")),
            shown("ProviderName", "'AWS'"),
            shown("PublisherName", "COALESCE(l_entity, l_invoicing, 'AWS')"),
            shown("InvoiceIssuerName", "'AWS'"),
            shown("InvoiceId", "l_invoice"),
        ]
    }

    fn charge(&self) -> Vec<Shown> {
        let frequency = case(
            &[
                when(
                    &format!("{IS_USE} OR l_type = 'SavingsPlanNegation' OR l_type LIKE '%Discount'"),
                    "'Usage-Based'",
                ),
                when("l_type IN ('SavingsPlanRecurringFee', 'RIFee', 'FlatRateSubscription')", "'Recurring'"),
                when("l_category IS NOT NULL", "'One-Time'"),
            ],
            "NULL",
        );
        vec![
            shown("ChargeCategory", self.of("l_category", "'Usage'")),
            shown("ChargeClass", "CASE WHEN l_type = 'Refund' THEN 'Correction' END"),
            shown("ChargeDescription", "l_description"),
            shown("ChargeFrequency", self.of(frequency, "'Usage-Based'")),
        ]
    }

    fn service(&self) -> Vec<Shown> {
        let there = self.there;
        let category_of = |place: fn((&'static str, &'static str)) -> &'static str, other: &str| {
            let arms = service_keys().map(|(of, keys)| {
                let keys = there.any_of(keys.iter().copied());
                (format!("l_service IN ({keys})"), there.dialect.text(place(of)))
            });
            let bedrock = place(("AI and Machine Learning", "Generative AI"));
            let more = when("l_service LIKE '%bedrock%'", &there.dialect.text(bedrock));
            case(&arms.chain([more]).collect::<Vec<_>>(), &there.dialect.text(other))
        };
        // A rate code is SKU.TERM.RATE.
        let sku = format!("COALESCE(l_sku, {})", there.erased("l_rate_code", "[.].*$"));
        let not_tax = |sql: &str| format!("CASE WHEN l_type = 'Tax' THEN NULL ELSE {sql} END");
        vec![
            shown("ServiceName", "COALESCE(l_product_name, l_product)"),
            shown("ServiceCategory", category_of(|(category, _)| category, "Other")),
            shown("ServiceSubcategory", category_of(|(_, subcategory)| subcategory, "Other (Other)")),
            shown("SkuId", not_tax(&sku)),
            shown("SkuMeter", not_tax(&with_id("l_usage_type", &sku))),
            shown("SkuPriceId", not_tax("COALESCE(l_rate_code, l_rate_id)")),
            self.not_here(
                "SkuPriceDetails",
                "a JSON object of several attributes; x_InstanceType has the one that matters most",
            ),
        ]
    }

    fn place(&self) -> Vec<Shown> {
        let text = |text: &str| self.there.dialect.text(text);
        let regions: Vec<(String, String)> =
            regions().map(|(id, name)| (format!("l_region_id = {}", text(id)), text(name))).collect();
        vec![
            shown("RegionId", "l_region_id"),
            shown("RegionName", case(&regions, "NULL")),
            shown("AvailabilityZone", "l_zone"),
            shown("ResourceId", "l_resource"),
            self.not_here("ResourceName", "the tag Name, which each engine keeps otherwise"),
            self.not_here("ResourceType", "told by the form of the identifier"),
        ]
    }

    fn pricing(&self) -> Vec<Shown> {
        let zero = &self.zero;
        let (no_text, no_amount) = (&self.no_text, self.there.no_amount());
        let pricing = case(
            &[
                when(&format!("l_category IN ('Usage', 'Purchase') AND {IS_COVERED}"), "'Committed'"),
                when("l_category = 'Usage' AND l_usage_type LIKE '%Spot%'", "'Dynamic'"),
                when("l_category IN ('Usage', 'Purchase')", "'Standard'"),
            ],
            "NULL",
        );
        let has_amount = "l_amount IS NOT NULL AND l_unit IS NOT NULL AND COALESCE(l_category, '') <> 'Tax'";
        let amount = format!(
            "CASE WHEN l_type = 'SavingsPlanNegation' OR l_type LIKE '%Discount' THEN {zero} ELSE l_amount END"
        );
        let unit = unit();
        let if_priced = |then: &str| format!("CASE WHEN {has_amount} THEN {then} END");
        let if_used = |then: &str| {
            format!("CASE WHEN {has_amount} AND l_category = 'Usage' AND l_type <> 'Refund' THEN {then} END")
        };
        let is_rated = format!("{has_amount} AND ({IS_USE} OR l_type = 'SavingsPlanNegation')");
        let rate = format!("CASE WHEN {is_rated} THEN l_rate END");
        let contracted = format!("CASE WHEN {is_rated} AND NOT l_is_discounted THEN l_rate END");
        vec![
            shown("PricingCategory", self.of(pricing, "'Committed'")),
            shown("PricingQuantity", self.of(if_priced(&amount), &no_amount)),
            shown("PricingUnit", self.of(if_priced(&unit), no_text)),
            shown("ConsumedQuantity", if_used(&amount)),
            shown("ConsumedUnit", if_used(&unit)),
            shown("ListUnitPrice", self.of(rate, &no_amount)),
            shown("ContractedUnitPrice", self.of(contracted, &no_amount)),
        ]
    }

    fn commitment(&self) -> Vec<Shown> {
        const COMMITTED: &str = "(l_plan IS NOT NULL OR l_reservation IS NOT NULL)";
        let if_id = |then: &str| format!("CASE WHEN {COMMITTED} THEN {then} END");
        let quantity = case(
            &[
                when("l_type = 'SavingsPlanCoveredUsage'", "l_plan_effective"),
                when("l_type = 'SavingsPlanNegation'", &self.zero),
                when("l_type = 'SavingsPlanRecurringFee'", "l_plan_total"),
                when("l_type = 'DiscountedUsage'", "COALESCE(l_normalized, l_amount)"),
                when("l_type = 'RIFee'", "COALESCE(l_reserved_normalized, l_reserved_units)"),
            ],
            "NULL",
        );
        let left = "CASE WHEN l_type = 'SavingsPlanRecurringFee' THEN l_unused ELSE COALESCE(l_unused_normalized, \
                    l_unused_units) END";
        let in_units = |quantity: &str, normalized: &str| {
            let of = case(
                &[
                    when("l_type LIKE 'SavingsPlan%'", "l_currency"),
                    when(&format!("{normalized} IS NOT NULL"), "'Normalized units'"),
                ],
                &unit(),
            );
            format!("CASE WHEN {COMMITTED} AND {quantity} IS NOT NULL THEN {of} END")
        };
        let normalized = "CASE WHEN l_type = 'RIFee' THEN l_reserved_normalized ELSE l_normalized END";
        let status = case(
            &[
                when("l_held IS NULL", "NULL"),
                when("LOWER(l_capacity_status) = 'unused'", "'Unused'"),
                when("LOWER(l_capacity_status) = 'used'", "'Used'"),
                when("l_usage_type LIKE '%UnusedBox%' OR l_usage_type LIKE '%UnusedDed%'", "'Unused'"),
                when(IS_USE, "'Used'"),
            ],
            "NULL",
        );
        let used = format!("CASE WHEN {COMMITTED} AND {IS_COVERED} THEN 'Used' END");
        let kind = |plan: &str, reservation: &str| {
            case(&[when("l_plan IS NOT NULL", plan), when("l_reservation IS NOT NULL", reservation)], "NULL")
        };
        vec![
            shown("CommitmentDiscountId", "COALESCE(l_plan, l_reservation)"),
            shown("CommitmentDiscountCategory", kind("'Spend'", "'Usage'")),
            shown("CommitmentDiscountType", kind("'Savings Plan'", "'Reserved Instance'")),
            shown("CommitmentDiscountStatus", self.of(used, &if_id("'Unused'"))),
            shown("CommitmentDiscountQuantity", self.of(if_id(&quantity), &if_id(left))),
            shown(
                "CommitmentDiscountUnit",
                self.of(in_units(&quantity, normalized), &in_units(left, "l_unused_normalized")),
            ),
            shown("CapacityReservationId", "l_held"),
            shown("CapacityReservationStatus", status),
        ]
    }

    /// Columns that are not FOCUS's.
    fn own(&self) -> Vec<Shown> {
        let option = case(
            &[
                when("l_type = 'SavingsPlanCoveredUsage'", "'Savings Plan'"),
                when("l_type = 'DiscountedUsage'", "'Reserved'"),
                when("l_type = 'Usage' AND l_usage_type LIKE '%Spot%'", "'Spot'"),
                when("l_type = 'Usage'", "'On Demand'"),
            ],
            "NULL",
        );
        vec![
            Shown { name: "Tags", sql: "l_tags".to_owned(), why: tags(self.there).1 },
            shown("x_LineItemType", "l_type"),
            shown("x_ServiceCode", "l_product"),
            shown("x_UsageType", "l_usage_type"),
            shown("x_Operation", "l_operation"),
            Shown {
                name: "x_InstanceType",
                sql: "l_instance".to_owned(),
                why: "as the product says it; not read out of usage types",
            },
            shown("x_ProductFamily", "l_family"),
            shown("x_PurchaseOption", option),
            shown("x_BillType", "l_bill_type"),
            shown("x_BillingEntity", "l_billing"),
            shown("x_InvoicingEntity", "l_invoicing"),
        ]
    }
}

/// The unit as FOCUS writes it, of those that reports have most.
fn unit() -> String {
    case(
        &[
            when("LOWER(l_unit) IN ('hr', 'hrs', 'hour', 'hours')", "'Hours'"),
            when("l_unit = 'GB-Mo'", "'GB-Months'"),
            when("l_unit = 'Obj-Month'", "'Obj-Months'"),
        ],
        "l_unit",
    )
}
