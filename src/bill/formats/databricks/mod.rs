//! Databricks' `system.billing.usage`, priced with `system.billing.list_prices`.
//!
//! The usage table has quantities and no money: without prices all costs stay empty. A retraction is a row of
//! negative quantity that takes an original back, a restatement its replacement; all three stay, so that sums are
//! right. Columns: Databricks' documentation of its system tables.

pub mod prices;

use std::path::Path;

use prices::{Found, JoinedPrices, Prices};

use super::azure::words;
use super::inputs::{Inputs, count_word, inputs, listed};
use super::json::scalar;
use super::mapping::{Fill, Filled, Mapping, amount, outputs};
use super::{Kind, Plan};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::warnings::{Place, Warnings};

inputs! {
    Sku: ["sku_name"],
    Quantity: ["usage_quantity"],
    Unit: ["usage_unit"],
    Start: ["usage_start_time"],
    End: ["usage_end_time"],
    Cloud: ["cloud"],
    Account: ["account_id"],
    Workspace: ["workspace_id"],
    RecordId: ["record_id"],
    RecordType: ["record_type"],
    Product: ["billing_origin_product"],
    UsageType: ["usage_type"],
    CustomTags: ["custom_tags"],
    Metadata: ["usage_metadata"],
    Endpoint: ["usage_metadata.endpoint_name", "usage_metadata_endpoint_name"],
    Warehouse: ["usage_metadata.warehouse_id", "usage_metadata_warehouse_id"],
    Cluster: ["usage_metadata.cluster_id", "usage_metadata_cluster_id"],
    Job: ["usage_metadata.job_id", "usage_metadata_job_id"],
    Node: ["usage_metadata.node_type", "usage_metadata_node_type"],
}

outputs!(
    ChargeClass,
    RegionId,
    RegionName,
    ResourceId,
    ResourceName,
    ResourceType,
    SkuPriceId,
    SkuPriceDetails,
    PricingCategory,
    PricingQuantity,
    PricingUnit,
    ListUnitPrice,
    ContractedUnitPrice,
    Tags,
    x_UsageType,
    x_Operation,
    x_InstanceType,
    x_Cloud,
    x_RecordId,
    x_RecordType,
);

/// Cells that go over as they are.
const COPIED: &[(In, Out)] = &[
    (In::Sku, Out::SkuId),
    (In::Sku, Out::SkuPriceId),
    (In::Sku, Out::SkuMeter),
    (In::Quantity, Out::PricingQuantity),
    (In::Unit, Out::PricingUnit),
    (In::Quantity, Out::ConsumedQuantity),
    (In::Unit, Out::ConsumedUnit),
    (In::UsageType, Out::x_UsageType),
    (In::Product, Out::x_Operation),
    (In::Cloud, Out::x_Cloud),
    (In::RecordId, Out::x_RecordId),
    (In::RecordType, Out::x_RecordType),
    (In::CustomTags, Out::Tags),
];

/// Usage, prices, or neither.
pub fn kind(header: &[String]) -> Option<Kind> {
    let inputs = Inputs::of(In::NAMES, header);
    // Usage that a query has joined with its prices has the columns of both.
    if prices::is_prices(header) && !inputs.has(In::Quantity) {
        return Some(Kind::DatabricksPrices);
    }
    let has = |columns: &[In]| columns.iter().all(|column| inputs.has(*column));
    let marked = [In::Product, In::RecordType, In::Workspace].iter().any(|column| inputs.has(*column));
    (has(&[In::Sku, In::Quantity, In::Unit]) && marked).then_some(Kind::DatabricksUsage)
}

/// How to read usage, with the prices of its SKUs or without.
///
/// # Errors
/// Columns without which nothing can be said are missing.
pub fn plan(header: &[String], path: &Path, prices: Option<Prices>) -> Result<Plan, BillError> {
    let inputs = Inputs::of(In::NAMES, header);
    inputs.need(&[In::Sku, In::Quantity, In::Unit, In::Start, In::Cloud], path)?;
    let mut remarks = Vec::new();
    let joined = if prices.is_none() { JoinedPrices::of(header, path)? } else { None };
    if joined.is_some() {
        remarks.push((
            Some("BilledCost".to_owned()),
            "costs are the quantity times the price that stands in the same row; a query that joins a row with \
             several prices has it several times"
                .to_owned(),
        ));
    } else if prices.is_none() {
        remarks.push((
            Some("BilledCost".to_owned()),
            "Databricks' usage has quantities and no money, so all costs are empty: export the table \
             system.billing.list_prices into the same folder, and import the usage again"
                .to_owned(),
        ));
    }
    // The metadata say more than what is filled: they stay.
    let kept = [In::Metadata, In::Endpoint, In::Warehouse, In::Cluster, In::Job];
    let used = inputs.found_but(&kept);
    let fill = Usage {
        inputs,
        prices,
        joined,
        unpriced: Vec::new(),
        ambiguous: Vec::new(),
        corrections: 0,
        on_azure: 0,
        services: Vec::new(),
    };
    let (targets, mapper) = Mapping::new(fill, Out::NAMES, header, &used);
    Ok(Plan { kind: Kind::DatabricksUsage, targets, remarks, mapper: Box::new(mapper) })
}

struct Usage {
    inputs: Inputs,
    prices: Option<Prices>,
    joined: Option<JoinedPrices>,
    /// SKUs without a price, and with several.
    unpriced: Vec<(String, u64)>,
    ambiguous: Vec<(String, u64)>,
    corrections: u64,
    on_azure: u64,
    services: Vec<(String, u64)>,
}

impl Fill for Usage {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        for (from, to) in COPIED {
            filled.set(*to, self.inputs.cell(cells, *from));
        }
        if filled.get(Out::Tags) == "{}" {
            filled.set(Out::Tags, "");
        }
        let [start, end] =
            [In::Start, In::End].map(|column| self.inputs.moment(cells, column, place, warnings));
        filled.charge_period(start, end);
        filled.billed_with(start);
        self.costs(cells, filled, start, place, warnings);
        self.what(cells, filled);
        self.resource(cells, filled);
        let cell = |column: In| self.inputs.cell(cells, column);
        filled.charge("Usage", "Usage-Based");
        let record = cell(In::RecordType);
        if ["RETRACTION", "RESTATEMENT"].iter().any(|kind| record.eq_ignore_ascii_case(kind)) {
            self.corrections += 1;
            filled.set(Out::ChargeClass, "Correction");
        }
        self.on_azure += u64::from(cell(In::Cloud).eq_ignore_ascii_case("azure"));
        filled.sold_by("Databricks");
        filled.account(cell(In::Account), "Account");
        filled.sub_account(cell(In::Workspace), "Workspace");
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        let Self { unpriced, ambiguous, corrections, on_azure, services, .. } = self;
        let rows = |counts: &[(String, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
        let mut say = |column: &str, words: String| warnings.about_file(Some(column), words);
        if !unpriced.is_empty() {
            let words =
                "there is no price of these SKUs at the time of their use, so costs are empty in rows";
            say("BilledCost", format!("{words}: {} ({})", rows(unpriced), listed(unpriced)));
        }
        if !ambiguous.is_empty() {
            let words = "the price table has several prices of these SKUs for one moment (other currencies, or \
                         overlapping), so costs are empty in rows";
            say("BilledCost", format!("{words}: {} ({})", rows(ambiguous), listed(ambiguous)));
        }
        if *corrections > 0 {
            let words = "rows take earlier ones back or replace them; all are kept, so that sums are right";
            say("ChargeClass", format!("{words}: {corrections}"));
        }
        if *on_azure > 0 {
            let words = "rows are Azure Databricks, which Microsoft invoices: an Azure bill of the period has this cost too";
            say("InvoiceIssuerName", format!("{words}: {on_azure}"));
        }
        if !services.is_empty() {
            say(
                "ServiceCategory",
                format!("products that are not in our table count as Other: {}", listed(services)),
            );
        }
    }
}

impl Usage {
    fn cell<'c>(&self, cells: &[&'c str], column: In) -> &'c str {
        self.inputs.cell(cells, column)
    }

    /// Quantity × the price that was valid.
    fn costs(
        &mut self,
        cells: &[&str],
        filled: &mut Filled,
        start: Option<i64>,
        place: Place,
        warnings: &mut Warnings,
    ) {
        let [sku, cloud, unit] = [In::Sku, In::Cloud, In::Unit].map(|column| self.inputs.cell(cells, column));
        let (currency, list_price, price) = if let Some(joined) = &self.joined {
            match joined.price(cells, place, warnings) {
                Some(price) => price,
                None => return count_word(&mut self.unpriced, sku),
            }
        } else {
            let Some(prices) = &self.prices else { return };
            match start.map_or(Found::None, |start| prices.find(sku, cloud, unit, start)) {
                Found::One(price) => (price.currency.clone(), price.list, price.effective),
                Found::None => return count_word(&mut self.unpriced, sku),
                Found::Several => return count_word(&mut self.ambiguous, sku),
            }
        };
        filled.currency(&currency);
        filled.set(Out::PricingCategory, "Standard");
        filled.set_amount(Out::ListUnitPrice, list_price);
        filled.set_amount(Out::ContractedUnitPrice, price);
        let quantity = amount(self.inputs.cell(cells, In::Quantity), "usage_quantity", place, warnings);
        let cost = |price: Exact| quantity.and_then(|quantity| quantity.checked_mul(price));
        if let Some(list) = cost(list_price) {
            filled.set_amount(Out::ListCost, list);
        }
        filled.paid(cost(price));
    }

    /// Service, description, region.
    fn what(&mut self, cells: &[&str], filled: &mut Filled) {
        let product = self.inputs.cell(cells, In::Product);
        let sku = self.inputs.cell(cells, In::Sku);
        filled.set(Out::ServiceName, if product.is_empty() { "Databricks" } else { product });
        filled.service_place(product_place(product).unwrap_or_else(|| {
            if !product.is_empty() {
                count_word(&mut self.services, product);
            }
            ("Other", "Other (Other)")
        }));
        let description = if product.is_empty() { sku.to_owned() } else { format!("{product}: {sku}") };
        filled.set(Out::ChargeDescription, &description);
        if let Some((id, name)) = region_of(sku, self.inputs.cell(cells, In::Cloud)) {
            filled.set(Out::RegionId, id);
            filled.set(Out::RegionName, name);
        }
    }

    /// What was used: the endpoint, warehouse, cluster or job that the metadata name first.
    fn resource(&self, cells: &[&str], filled: &mut Filled) {
        let metadata = self.cell(cells, In::Metadata);
        let told = |column: In, key: &str| {
            let own = self.cell(cells, column);
            if own.is_empty() { scalar(metadata, &[key]).unwrap_or_default() } else { own.to_owned() }
        };
        for (column, key, kind) in [
            (In::Endpoint, "endpoint_name", "Serving endpoint"),
            (In::Warehouse, "warehouse_id", "SQL warehouse"),
            (In::Cluster, "cluster_id", "Cluster"),
            (In::Job, "job_id", "Job"),
        ] {
            let id = told(column, key);
            if !id.is_empty() {
                filled.set(Out::ResourceId, &id);
                filled.set(Out::ResourceType, kind);
                if column == In::Endpoint {
                    filled.set(Out::ResourceName, &id);
                }
                break;
            }
        }
        let node = told(In::Node, "node_type");
        filled.set(Out::x_InstanceType, &node);
        if !node.is_empty() {
            let mut details = serde_json::Map::new();
            details.insert("InstanceType".to_owned(), node.into());
            filled.set(Out::SkuPriceDetails, &serde_json::Value::Object(details).to_string());
        }
    }
}

/// Category and subcategory of a product of Databricks'.
fn product_place(product: &str) -> Option<(&'static str, &'static str)> {
    let ai = "AI and Machine Learning";
    Some(match product.to_ascii_uppercase().as_str() {
        "MODEL_SERVING" => (ai, "Machine Learning"),
        "AI_FUNCTIONS" | "AI_GATEWAY" | "AI_RUNTIME" | "AGENT_EVALUATION" | "AGENT_BRICKS" => {
            (ai, "Generative AI")
        }
        "FINE_TUNING" | "FOUNDATION_MODEL_TRAINING" | "MLFLOW" | "FEATURE_STORE" | "ONLINE_TABLES" => {
            (ai, "Machine Learning")
        }
        "VECTOR_SEARCH" => (ai, "AI Platforms"),
        "JOBS" | "DLT" | "LAKEFLOW_CONNECT" | "PREDICTIVE_OPTIMIZATION" => ("Analytics", "Data Processing"),
        "ALL_PURPOSE" | "INTERACTIVE" | "NOTEBOOKS" | "SHARED_SERVERLESS_COMPUTE" => {
            ("Analytics", "Analytics Platforms")
        }
        "SQL" => ("Databases", "Data Warehouses"),
        "DATABASE" | "LAKEBASE" => ("Databases", "Relational Databases"),
        "DEFAULT_STORAGE" => ("Storage", "Object Storage"),
        "NETWORKING" => ("Networking", "Network Connectivity"),
        "APPS" => ("Web", "Application Platforms"),
        "LAKEHOUSE_MONITORING" | "DATA_QUALITY_MONITORING" => ("Management and Governance", "Observability"),
        "DATA_CLASSIFICATION" => ("Management and Governance", "Data Governance"),
        _ => return None,
    })
}

/// How SKUs of AWS end, and the region.
const AWS_REGIONS: &[(&str, &str, &str)] = &[
    ("US_EAST_N_VIRGINIA", "us-east-1", "US East (N. Virginia)"),
    ("US_EAST_OHIO", "us-east-2", "US East (Ohio)"),
    ("US_WEST_OREGON", "us-west-2", "US West (Oregon)"),
    ("US_WEST_CALIFORNIA", "us-west-1", "US West (N. California)"),
    ("EUROPE_IRELAND", "eu-west-1", "Europe (Ireland)"),
    ("EUROPE_LONDON", "eu-west-2", "Europe (London)"),
    ("EUROPE_FRANCE", "eu-west-3", "Europe (Paris)"),
    ("EUROPE_FRANKFURT", "eu-central-1", "Europe (Frankfurt)"),
    ("AP_MUMBAI", "ap-south-1", "Asia Pacific (Mumbai)"),
    ("AP_SEOUL", "ap-northeast-2", "Asia Pacific (Seoul)"),
    ("AP_SINGAPORE", "ap-southeast-1", "Asia Pacific (Singapore)"),
    ("AP_SYDNEY", "ap-southeast-2", "Asia Pacific (Sydney)"),
    ("AP_TOKYO", "ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("SA_BRAZIL", "sa-east-1", "South America (Sao Paulo)"),
    ("CANADA", "ca-central-1", "Canada (Central)"),
];

/// The region that a SKU's name ends with: `…_US_EAST_N_VIRGINIA` on AWS, `…_US_EAST_2` on Azure.
fn region_of(sku: &str, cloud: &str) -> Option<(&'static str, &'static str)> {
    let sku = sku.to_ascii_uppercase();
    if cloud.eq_ignore_ascii_case("aws") {
        let ends = |end: &str| sku.strip_suffix(end).is_some_and(|before| before.ends_with('_'));
        return AWS_REGIONS.iter().find(|(end, _, _)| ends(end)).map(|(_, id, name)| (*id, *name));
    }
    if !cloud.eq_ignore_ascii_case("azure") {
        return None;
    }
    let parts: Vec<&str> = sku.split('_').collect();
    // The longest end that is a region: `US_SOUTH_CENTRAL` and not `CENTRAL`.
    (2..=4)
        .rev()
        .filter(|length| *length < parts.len())
        .find_map(|length| words::region(&parts[parts.len() - length..].join(" ")))
}

#[cfg(test)]
mod tests;
