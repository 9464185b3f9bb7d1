//! Google Cloud's billing export, standard and detailed: what was paid is the cost and all its credits, and the amortised
//! cost leaves out promotions ([`crate::bill::formats::gcp`]).

use super::{Held, Shown, There, case, first, is_list_of_pairs, listed, shown, step};
use crate::bill::formats::gcp::service_words;
use crate::bill::warehouse::dialect::Dialect;

/// The type of the credits of a commitment of money.
const SPEND: &str = "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE";

pub(super) fn view(there: &There<'_>, table: &str) -> Result<String, &'static str> {
    let dialect = there.dialect;
    let line = line(there)?;
    Ok(format!(
        "WITH gcp_line AS (\n  SELECT\n{}\n  FROM {table}\n),\n\
         gcp_charge AS (\n  SELECT gcp_line.*,\n{}\n  FROM gcp_line\n)\n\
         SELECT\n{}FROM gcp_charge",
        step(&line),
        step(&charge(there)),
        listed(dialect, &columns(there)),
    ))
}

/// The sum of the credits, with promotions or without; 0 where there are none.
fn credits(there: &There<'_>, with_promotions: bool) -> Result<String, &'static str> {
    let zero = there.zero();
    let Some(column) = there.find("credits") else { return Ok(zero) };
    let (dialect, sql) = (there.dialect, there.sql(column));
    let amount = |of: &str| dialect.decimal(&dialect.as_text(of), &Held::Text);
    let counted = |kind: &str, amount: String| {
        if with_promotions {
            amount
        } else {
            format!("CASE WHEN {kind} = 'PROMOTION' THEN {zero} ELSE {amount} END")
        }
    };
    let is_text = column.held == Held::Text;
    let list = match dialect {
        Dialect::Spark => {
            let list = if is_text {
                format!("FROM_JSON({sql}, 'ARRAY<STRUCT<type: STRING, amount: STRING>>')")
            } else {
                sql.clone()
            };
            let sum = there.combined("total", '+', &counted("credit.type", amount("credit.amount")));
            format!("AGGREGATE({list}, {zero}, (total, credit) -> {sum})")
        }
        Dialect::BigQuery if matches!(column.held, Held::Text | Held::Json) => {
            let part = |name: &str| format!("JSON_VALUE(credit, '$.{name}')");
            let each = counted(&part("type"), amount(&part("amount")));
            format!("(SELECT COALESCE(SUM({each}), {zero}) FROM UNNEST(JSON_QUERY_ARRAY({sql})) AS credit)")
        }
        Dialect::BigQuery => {
            let each = counted("credit.type", amount("credit.amount"));
            format!("(SELECT COALESCE(SUM({each}), {zero}) FROM UNNEST({sql}) AS credit)")
        }
        Dialect::Snowflake => {
            let list = if is_text { format!("CAST(PARSE_JSON({sql}) AS ARRAY)") } else { sql.clone() };
            let each = counted("CAST(credit:type AS VARCHAR)", amount("credit:amount"));
            format!("REDUCE({list}, {zero}, (total, credit) -> total + {each})")
        }
        Dialect::Postgres => {
            let each = counted("credit ->> 'type'", amount("credit ->> 'amount'"));
            format!(
                "(SELECT COALESCE(SUM({each}), {zero}) FROM JSONB_ARRAY_ELEMENTS(CAST({sql} AS JSONB)) AS credit)"
            )
        }
        Dialect::DataFusion => {
            return Err(
                "DataFusion has no function that adds up the list of credits, without which costs are too \
                        high; import the export as a file, or ask it with Spark or BigQuery",
            );
        }
    };
    let nothing =
        if is_text { format!("{sql} IS NULL OR TRIM({sql}) = ''") } else { format!("{sql} IS NULL") };
    Ok(format!("CASE WHEN {nothing} THEN {zero} ELSE {list} END"))
}

/// The type of a row's first credit of a commitment; NULL without one.
fn commitment(there: &There<'_>) -> String {
    let Some(column) = there.find("credits") else { return there.no_text() };
    let sql = there.sql(column);
    let like = "credit.type LIKE 'COMMITTED_USAGE%'";
    match (there.dialect, &column.held) {
        (Dialect::Spark, Held::Other(_)) => {
            format!("TRY_ELEMENT_AT(FILTER({sql}, credit -> {like}), 1).type")
        }
        (Dialect::BigQuery, Held::Other(_)) => format!(
            "(SELECT credit.type FROM UNNEST({sql}) AS credit WITH OFFSET AS place WHERE {like} ORDER BY place LIMIT 1)"
        ),
        // The types of credits stand in the text as they are.
        (dialect, held) => {
            let text = dialect.key(&sql, held);
            format!(
                "CASE WHEN {text} LIKE '%\"{SPEND}\"%' THEN '{SPEND}' WHEN {text} LIKE '%\"COMMITTED_USAGE%' THEN \
                 'COMMITTED_USAGE_DISCOUNT' END"
            )
        }
    }
}

fn line(there: &There<'_>) -> Result<Vec<(&'static str, String)>, &'static str> {
    let text = |name| there.field_text(name);
    let amount = |name| there.field_amount(name);
    let machine = there.within("systemlabels", "compute.googleapis.com/machine_spec");
    let labels = there.find("labels").and_then(|column| match (&column.held, there.dialect) {
        // A resource has a label once.
        (Held::Other(kind), Dialect::Spark) if is_list_of_pairs(kind) => {
            Some(format!("MAP_FROM_ENTRIES({})", there.sql(column)))
        }
        (held, dialect) => dialect.tags_text(&there.sql(column), held),
    });
    Ok(vec![
        ("l_account", text("billing_account_id")),
        ("l_service", text("service.description")),
        ("l_sku_id", text("sku.id")),
        ("l_sku", text("sku.description")),
        ("l_start", there.moment("usagestarttime")),
        ("l_end", there.moment("usageendtime")),
        ("l_project", text("project.id")),
        ("l_project_name", text("project.name")),
        ("l_region", text("location.region")),
        ("l_location", text("location.location")),
        ("l_zone", text("location.zone")),
        ("l_resource", text("resource.name")),
        ("l_resource_global", text("resource.global_name")),
        ("l_cost", amount("cost")),
        ("l_credits", credits(there, true)?),
        ("l_lasting", credits(there, false)?),
        ("l_at_list", amount("cost_at_list")),
        ("l_at_contract", amount("cost_at_effective_price_default")),
        ("l_currency", text("currency")),
        ("l_used", amount("usage.amount")),
        ("l_used_unit", text("usage.unit")),
        ("l_priced", amount("usage.amount_in_pricing_units")),
        ("l_priced_unit", text("usage.pricing_unit")),
        ("l_price", amount("price.effective_price")),
        ("l_month", text("invoice.month")),
        ("l_cost_type", text("cost_type")),
        ("l_adjustment", text("adjustment_info.id")),
        ("l_seller", text("seller_name")),
        ("l_subscription", text("subscription.instance_id")),
        ("l_model", text("consumption_model.description")),
        ("l_machine", machine.unwrap_or_else(|| there.no_text())),
        ("l_commitment", commitment(there)),
        ("l_labels", labels.unwrap_or_else(|| there.no_text())),
    ])
}

fn charge(there: &There<'_>) -> Vec<(&'static str, String)> {
    let when = |condition: &str, then: &str| (condition.to_owned(), then.to_owned());
    let category = case(
        &[
            when("l_cost_type = 'tax'", "'Tax'"),
            when("l_cost_type IN ('adjustment', 'rounding_error')", "'Adjustment'"),
            // The fee of a commitment is a purchase; what it covers comes as credits on use.
            when("l_sku LIKE 'Commitment%'", "'Purchase'"),
        ],
        "'Usage'",
    );
    let dialect = there.dialect;
    let day = "CONCAT(SUBSTR(l_month, 1, 4), '-', SUBSTR(l_month, 5, 2), '-01')";
    let told = dialect.moment(day, &Held::Text);
    let month = format!("CASE WHEN LENGTH(l_month) = 6 THEN {told} ELSE {} END", dialect.month("l_start"));
    vec![("l_category", category), ("l_period", month)]
}

fn columns(there: &There<'_>) -> Vec<Shown> {
    let when = |condition: &str, then: &str| (condition.to_owned(), then.to_owned());
    let if_not_tax = |sql: &str| format!("CASE WHEN l_category <> 'Tax' THEN {sql} END");
    let with_id = |name: &str, id: &str| format!("CASE WHEN {id} IS NOT NULL THEN {name} END");
    let covered = "l_category = 'Usage' AND (l_commitment IS NOT NULL OR l_subscription IS NOT NULL)";
    let bought = format!("l_subscription IS NOT NULL AND (({covered}) OR l_category = 'Purchase')");
    let frequency = case(
        &[when("l_category = 'Purchase'", "'Recurring'"), when("l_category = 'Usage'", "'Usage-Based'")],
        "'One-Time'",
    );
    let spot = "LOWER(l_sku) LIKE '%spot%' OR LOWER(l_sku) LIKE '%preemptible%'";
    let pricing = case(
        &[
            when(&format!("l_category = 'Usage' AND ({spot})"), "'Dynamic'"),
            when(covered, "'Committed'"),
            when("l_category IN ('Usage', 'Purchase')", "'Standard'"),
        ],
        "NULL",
    );
    let spend = format!(
        "l_commitment = '{SPEND}' OR (l_commitment IS NULL AND (LOWER(COALESCE(l_model, 'default')) <> 'default' OR \
         LOWER(l_sku) LIKE '%dollar based%'))"
    );
    let place = |of: fn((&'static str, &'static str)) -> &'static str, other: &str| {
        let arms: Vec<(String, String)> = service_words()
            .map(|(words, place)| {
                let like = there.dialect.text(&format!("%{words}%"));
                (format!("LOWER(l_service) LIKE {like}"), there.dialect.text(of(place)))
            })
            .collect();
        case(&arms, &there.dialect.text(other))
    };
    let not_here = |name, why| Shown { name, sql: there.no_text(), why };
    vec![
        shown("BilledCost", there.combined("l_cost", '+', "l_credits")),
        shown("EffectiveCost", there.combined("l_cost", '+', "l_lasting")),
        shown("ListCost", "l_at_list"),
        shown("ContractedCost", first(&["l_at_contract".to_owned(), "l_cost".to_owned()])),
        shown("BillingCurrency", "l_currency"),
        shown("PricingCurrency", "l_currency"),
        shown("BillingPeriodStart", "l_period"),
        shown("BillingPeriodEnd", there.later("l_period", "MONTH")),
        shown("ChargePeriodStart", "l_start"),
        shown("ChargePeriodEnd", "l_end"),
        shown("BillingAccountId", "l_account"),
        shown("BillingAccountType", with_id("'Billing account'", "l_account")),
        shown("SubAccountId", "l_project"),
        shown("SubAccountName", "l_project_name"),
        shown("SubAccountType", with_id("'Project'", "l_project")),
        shown("ProviderName", "'Google Cloud'"),
        shown("PublisherName", "COALESCE(l_seller, 'Google Cloud')"),
        shown("InvoiceIssuerName", "'Google Cloud'"),
        shown("ChargeCategory", "l_category"),
        shown("ChargeClass", with_id("'Correction'", "l_adjustment")),
        shown("ChargeDescription", "l_sku"),
        shown("ChargeFrequency", frequency),
        shown("ServiceName", "l_service"),
        shown("ServiceCategory", place(|(category, _)| category, "Other")),
        shown("ServiceSubcategory", place(|(_, subcategory)| subcategory, "Other (Other)")),
        shown("RegionId", "COALESCE(l_region, l_location)"),
        shown("RegionName", "COALESCE(l_location, l_region)"),
        shown("AvailabilityZone", "l_zone"),
        shown("ResourceId", "COALESCE(l_resource_global, l_resource)"),
        shown("ResourceName", "l_resource"),
        not_here("ResourceType", "told by the form of the name"),
        shown("SkuId", if_not_tax("l_sku_id")),
        shown("SkuMeter", if_not_tax("l_sku")),
        shown("SkuPriceId", if_not_tax("l_sku_id")),
        not_here("SkuPriceDetails", "a JSON object; x_InstanceType has the machine"),
        shown("PricingCategory", pricing),
        shown("PricingQuantity", "CASE WHEN l_category IN ('Usage', 'Purchase') THEN l_priced END"),
        shown("PricingUnit", "CASE WHEN l_category IN ('Usage', 'Purchase') THEN l_priced_unit END"),
        shown("ConsumedQuantity", "CASE WHEN l_category = 'Usage' THEN l_used END"),
        shown("ConsumedUnit", "CASE WHEN l_category = 'Usage' THEN l_used_unit END"),
        shown("ContractedUnitPrice", "l_price"),
        shown("CommitmentDiscountId", format!("CASE WHEN {bought} THEN l_subscription END")),
        shown(
            "CommitmentDiscountCategory",
            format!("CASE WHEN {bought} THEN CASE WHEN {spend} THEN 'Spend' ELSE 'Usage' END END"),
        ),
        shown("CommitmentDiscountType", format!("CASE WHEN {bought} THEN 'Committed Use Discount' END")),
        shown("CommitmentDiscountStatus", format!("CASE WHEN {bought} AND {covered} THEN 'Used' END")),
        not_here("CommitmentDiscountName", "stands in the credits"),
        Shown {
            name: "Tags",
            sql: "l_labels".to_owned(),
            why: "the labels of the resource; not those of the project, nor tags",
        },
        shown("x_CostBeforeCredits", "l_cost"),
        shown("x_Credits", "l_credits"),
        shown("x_CostType", "l_cost_type"),
        shown("x_InstanceType", "l_machine"),
    ]
}
