//! The export of billing data to BigQuery: nested, as JSON lines and Parquet have it, or flattened to dotted names.
//!
//! What was paid is the cost and all its credits, not the first alone; the amortised cost leaves out promotions, which
//! pay for use of any kind. The invoice's month is the billing period, whatever day the use was on: it is counted in
//! Pacific time, and use of its last hours can stand on the next.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::path::Path;

use super::services;
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::{Fill, Filled, Header, Mapping, amount, cell, outputs};
use crate::bill::formats::{Kind, Plan, json};
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

outputs!(
    ChargeClass,
    SubAccountName,
    RegionId,
    RegionName,
    AvailabilityZone,
    ResourceId,
    ResourceName,
    ResourceType,
    SkuPriceId,
    SkuPriceDetails,
    PricingCategory,
    PricingQuantity,
    PricingUnit,
    ContractedUnitPrice,
    CommitmentDiscountCategory,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountStatus,
    CommitmentDiscountType,
    Tags,
    x_CostBeforeCredits,
    x_Credits,
    x_CreditTypes,
    x_CostType,
    x_InstanceType,
);

const GOOGLE: &str = "Google Cloud";
/// Without these nothing can be said.
const NEEDED: [&str; 4] = ["cost", "currency", "service.description", "usage_start_time"];

/// Whether a header is the export's: nested columns, or dotted ones.
pub fn recognise(header: &[String]) -> Option<Kind> {
    let header = Header::new(header);
    let nested = header.has(&["billing_account_id", "service", "sku", "usage", "cost"]);
    let dotted = header.has(&["billing_account_id", "service.id", "sku.id", "cost"]);
    (nested || dotted).then_some(Kind::GcpExport)
}

/// How to read it.
///
/// # Errors
/// A column that is needed is missing.
pub fn plan(names: &[String], path: &Path) -> Result<Plan, BillError> {
    let header = Header::new(names);
    let export = Export::new(&header);
    let missing: Vec<String> = NEEDED
        .iter()
        .filter(|name| !Field::of(&header, name).is_there())
        .map(|name| (*name).to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(BillError::MissingColumns { missing, path: path.to_owned() });
    }
    let mut remarks = Vec::new();
    let is_flattened = |name: &String| name.to_ascii_lowercase().starts_with("credits.");
    if names.iter().any(is_flattened) {
        // Without them the costs would be too high.
        return Err(BillError::NotABill {
            found: "a Google Cloud export whose credits are flattened into columns of their own; export them as the \
                    list they are (JSON)"
                .to_owned(),
            path: path.to_owned(),
        });
    }
    if !export.credits.is_there() {
        remarks.push((
            None,
            "the file has no column of credits, so discounts that Google gives as credits are not in its costs".to_owned(),
        ));
    }
    let used = header.at(&["currency"]).into_iter().collect::<Vec<_>>();
    let (targets, mapping) = Mapping::new(export, Out::NAMES, names, &used);
    Ok(Plan { kind: Kind::GcpExport, targets, remarks, mapper: Box::new(mapping) })
}

/// A value of the export: a column of its own, or a member of a nested column.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    at: Option<usize>,
    /// Place of the nested column, and the member's name.
    inside: Option<(usize, &'static str)>,
}

impl Field {
    fn of(header: &Header<'_>, name: &'static str) -> Self {
        let inside = name.split_once('.').and_then(|(column, member)| Some((header.at(&[column])?, member)));
        Self { at: header.at(&[name]), inside }
    }

    fn is_there(&self) -> bool {
        self.at.is_some() || self.inside.is_some()
    }
}

/// The members of a nested cell, each with the text of its value.
type Members<'c> = Vec<(Cow<'c, str>, &'c str)>;

/// A row whose nested cells are taken apart once.
struct Nested<'c> {
    cells: &'c [&'c str],
    apart: Vec<OnceCell<Members<'c>>>,
}

impl<'c> Nested<'c> {
    fn new(cells: &'c [&'c str]) -> Self {
        Self { cells, apart: cells.iter().map(|_| OnceCell::new()).collect() }
    }

    fn get(&self, field: Field) -> Cow<'c, str> {
        if field.at.is_some() {
            return Cow::Borrowed(cell(self.cells, field.at));
        }
        let Some((at, member)) = field.inside else { return Cow::Borrowed("") };
        let Some(slot) = self.apart.get(at) else { return Cow::Borrowed("") };
        let members = slot.get_or_init(|| json::members(self.cells[at]).unwrap_or_default());
        members
            .iter()
            .find(|(name, _)| name == member)
            .map_or(Cow::Borrowed(""), |(_, value)| json::plain(value))
    }
}

struct Export {
    account: Field,
    service: Field,
    sku_id: Field,
    sku: Field,
    start: Field,
    end: Field,
    project_id: Field,
    project: Field,
    project_labels: Field,
    labels: Field,
    system_labels: Field,
    tags: Field,
    region: Field,
    location: Field,
    zone: Field,
    resource: Field,
    resource_global: Field,
    cost: Field,
    at_list: Field,
    at_contract: Field,
    currency: Field,
    used: Field,
    used_unit: Field,
    priced: Field,
    priced_unit: Field,
    price: Field,
    credits: Field,
    month: Field,
    cost_type: Field,
    adjustment: Field,
    seller: Field,
    subscription: Field,
    consumption: Field,
}

impl Export {
    fn new(header: &Header<'_>) -> Self {
        let of = |name| Field::of(header, name);
        Self {
            account: of("billing_account_id"),
            service: of("service.description"),
            sku_id: of("sku.id"),
            sku: of("sku.description"),
            start: of("usage_start_time"),
            end: of("usage_end_time"),
            project_id: of("project.id"),
            project: of("project.name"),
            project_labels: of("project.labels"),
            labels: of("labels"),
            system_labels: of("system_labels"),
            tags: of("tags"),
            region: of("location.region"),
            location: of("location.location"),
            zone: of("location.zone"),
            resource: of("resource.name"),
            resource_global: of("resource.global_name"),
            cost: of("cost"),
            at_list: of("cost_at_list"),
            at_contract: of("cost_at_effective_price_default"),
            currency: of("currency"),
            used: of("usage.amount"),
            used_unit: of("usage.unit"),
            priced: of("usage.amount_in_pricing_units"),
            priced_unit: of("usage.pricing_unit"),
            price: of("price.effective_price"),
            credits: of("credits"),
            month: of("invoice.month"),
            cost_type: of("cost_type"),
            adjustment: of("adjustment_info.id"),
            seller: of("seller_name"),
            subscription: of("subscription.instance_id"),
            consumption: of("consumption_model.description"),
        }
    }

    /// The costs; hands back the credits, none where they cannot be read.
    fn money(
        &self,
        row: &Nested<'_>,
        filled: &mut Filled,
        place: Place,
        warnings: &mut Warnings,
    ) -> Vec<Credit> {
        let mut read = |field, name: &str| amount(&row.get(field), name, place, warnings);
        let (cost, list, contract) = (
            read(self.cost, "cost"),
            read(self.at_list, "cost_at_list"),
            read(self.at_contract, "cost_at_effective_price_default"),
        );
        let price = read(self.price, "price.effective_price");
        if let Some(list) = list {
            filled.set_amount(Out::ListCost, list);
        }
        // The cost before credits is what the account's own prices give.
        if let Some(contract) = contract.or(cost) {
            filled.set_amount(Out::ContractedCost, contract);
        }
        if let Some(price) = price {
            filled.set_amount(Out::ContractedUnitPrice, price);
        }
        if let Some(cost) = cost {
            filled.set_amount(Out::x_CostBeforeCredits, cost);
        }
        let text = row.get(self.credits);
        let Some(credits) = credits(&text) else {
            warnings.add(Trouble::Unreadable, place.line, Some("credits"), || {
                "the credits are no list of amounts, so what was paid is not known; the costs count as missing".to_owned()
            });
            return Vec::new();
        };
        let Some(cost) = cost else { return credits };
        let sum = |promotions: bool| {
            let mut counted = credits.iter().filter(|credit| promotions || credit.kind != "PROMOTION");
            counted.try_fold(Exact::default(), |sum, credit| sum.checked_add(credit.amount))
        };
        let (Some(all), Some(lasting)) = (sum(true), sum(false)) else { return credits };
        for (column, off) in [(Out::BilledCost, all), (Out::EffectiveCost, lasting)] {
            if let Some(paid) = cost.checked_add(off) {
                filled.set_amount(column, paid);
            }
        }
        if !credits.is_empty() {
            filled.set_amount(Out::x_Credits, all);
            let mut kinds: Vec<&str> = credits.iter().map(|credit| credit.kind.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            filled.set(Out::x_CreditTypes, &kinds.join(", "));
        }
        credits
    }

    /// How it is priced, and the commitment it belongs to. As in Google's own query for FOCUS, a commitment is the
    /// subscription that the row names, and the type of its credit tells whether it is of money or of resources; where a
    /// row has no such credit (a fee, or use under a consumption model of its own) its words tell.
    fn commitment(&self, row: &Nested<'_>, credits: &[Credit], filled: &mut Filled) {
        let category = filled.get(Out::ChargeCategory).to_owned();
        let sku = row.get(self.sku).to_lowercase();
        let credit = credits.iter().find(|credit| credit.kind.starts_with("COMMITTED_USAGE"));
        let subscription = row.get(self.subscription);
        let is_covered = category == "Usage" && (credit.is_some() || !subscription.is_empty());
        let is_spot = ["spot", "preemptible"].iter().any(|word| sku.contains(word));
        let pricing = match category.as_str() {
            "Usage" if is_spot => "Dynamic",
            "Usage" if is_covered => "Committed",
            // FOCUS: buying a commitment is no use of it.
            "Usage" | "Purchase" => "Standard",
            _ => "",
        };
        filled.set(Out::PricingCategory, pricing);
        if subscription.is_empty() || !(is_covered || category == "Purchase") {
            return;
        }
        let consumption = row.get(self.consumption);
        let own_model = !consumption.is_empty() && !consumption.eq_ignore_ascii_case("default");
        let is_spend = match credit {
            Some(credit) => credit.kind == "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE",
            None => own_model || sku.contains("dollar based"),
        };
        for (column, text) in [
            (Out::CommitmentDiscountId, subscription.as_ref()),
            (Out::CommitmentDiscountCategory, if is_spend { "Spend" } else { "Usage" }),
            (Out::CommitmentDiscountType, "Committed Use Discount"),
            (Out::CommitmentDiscountName, credit.map_or("", |credit| credit.name.as_str())),
            (Out::CommitmentDiscountStatus, if is_covered { "Used" } else { "" }),
        ] {
            filled.set(column, text);
        }
    }

    fn when(&self, row: &Nested<'_>, filled: &mut Filled) {
        for (column, field) in [(Out::ChargePeriodStart, self.start), (Out::ChargePeriodEnd, self.end)] {
            filled.set(column, &row.get(field));
        }
        let month = row.get(self.month);
        filled.billed_with(match (month.get(..4), month.get(4..6), month.len()) {
            (Some(year), Some(month), 6) => moment::read(&format!("{year}-{month}-01")),
            _ => moment::read(&row.get(self.start)),
        });
    }
}

impl Fill for Export {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let row = Nested::new(cells);
        let sku = row.get(self.sku);
        let cost_type = row.get(self.cost_type);
        let (category, frequency) = match cost_type.as_ref() {
            "tax" => ("Tax", "One-Time"),
            "adjustment" | "rounding_error" => ("Adjustment", "One-Time"),
            // The fee of a commitment is a purchase; what it covers comes as credits on use.
            _ if sku.starts_with("Commitment") => ("Purchase", "Recurring"),
            _ => ("Usage", "Usage-Based"),
        };
        filled.charge(category, frequency);
        filled.set(Out::x_CostType, &cost_type);
        if !row.get(self.adjustment).is_empty() {
            filled.set(Out::ChargeClass, "Correction");
        }
        let credits = self.money(&row, filled, place, warnings);
        self.commitment(&row, &credits, filled);
        self.when(&row, filled);

        let service = row.get(self.service);
        filled.service_place(services::category(&service));
        filled.sold_by(GOOGLE);
        let seller = row.get(self.seller);
        if !seller.is_empty() {
            filled.set(Out::PublisherName, &seller);
        }
        filled.account(&row.get(self.account), "Billing account");
        filled.sub_account(&row.get(self.project_id), "Project");
        filled.currency(&row.get(self.currency));
        let first = |fields: [Field; 2]| {
            let [first, second] = fields.map(|field| row.get(field));
            if first.is_empty() { second } else { first }
        };
        let resource = first([self.resource_global, self.resource]);
        for (column, text) in [
            (Out::ServiceName, service),
            (Out::ChargeDescription, sku.clone()),
            // FOCUS: a tax has no SKU.
            (Out::SkuMeter, if category == "Tax" { Cow::default() } else { sku }),
            (Out::SkuId, if category == "Tax" { Cow::default() } else { row.get(self.sku_id) }),
            // Prices have no number of their own: they are looked up by SKU.
            (Out::SkuPriceId, if category == "Tax" { Cow::default() } else { row.get(self.sku_id) }),
            (Out::SubAccountName, row.get(self.project)),
            (Out::RegionName, first([self.location, self.region])),
            (Out::RegionId, first([self.region, self.location])),
            (Out::AvailabilityZone, row.get(self.zone)),
            (Out::ResourceId, resource),
            (Out::ResourceName, row.get(self.resource)),
        ] {
            filled.set(column, &text);
        }
        filled.set(Out::ResourceType, resource_type(&row.get(self.resource_global)));
        if category == "Usage" {
            filled.set(Out::ConsumedQuantity, &row.get(self.used));
            filled.set(Out::ConsumedUnit, &row.get(self.used_unit));
        }
        if category == "Usage" || category == "Purchase" {
            filled.set(Out::PricingQuantity, &row.get(self.priced));
            filled.set(Out::PricingUnit, &row.get(self.priced_unit));
        }
        let system = pairs(&row.get(self.system_labels));
        let of_system =
            |key: &str| system.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value.as_str());
        let machine = of_system("compute.googleapis.com/machine_spec");
        if !machine.is_empty() {
            filled.set(Out::x_InstanceType, machine);
            let mut details = serde_json::Map::new();
            details.insert("InstanceType".to_owned(), machine.into());
            if let Ok(cores) = of_system("compute.googleapis.com/cores").parse::<u64>() {
                details.insert("CoreCount".to_owned(), cores.into());
            }
            // FOCUS: properties of a price need the price.
            if !filled.get(Out::SkuPriceId).is_empty() {
                filled.set(Out::SkuPriceDetails, &serde_json::Value::Object(details).to_string());
            }
        }
        // A resource's own labels count before those it inherits.
        let mut tags = serde_json::Map::new();
        for field in [self.labels, self.tags, self.project_labels] {
            for (key, value) in pairs(&row.get(field)) {
                tags.entry(key).or_insert_with(|| value.into());
            }
        }
        if !tags.is_empty() {
            filled.set(Out::Tags, &serde_json::Value::Object(tags).to_string());
        }
        true
    }
}

/// The collection that a resource's full name says it is in: `//compute.googleapis.com/projects/p/zones/z/instances/1`
/// is one of the `instances`; empty where the name has no such part.
fn resource_type(global_name: &str) -> &str {
    let path =
        global_name.strip_prefix("//").and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    let mut parts = path.rsplit('/');
    parts.next().and(parts.next()).unwrap_or("")
}

/// A credit of a row; its amount is negative.
struct Credit {
    kind: String,
    name: String,
    amount: Exact,
}

/// The credits of a row; `None` when the text is no list of them.
fn credits(text: &str) -> Option<Vec<Credit>> {
    list(text)?
        .iter()
        .map(|item| {
            let amount = json::member(item, "amount")?;
            let amount = Exact::read(&json::plain(amount)).ok()?.value;
            let text = |name: &str| json::member(item, name).map(|value| json::plain(value).into_owned());
            let name = text("full_name").or_else(|| text("name")).unwrap_or_default();
            Some(Credit { kind: text("type").unwrap_or_default(), name, amount })
        })
        .collect()
}

/// Keys and values of labels: a list of `{"key":…,"value":…}`, or an object. What is neither has none.
fn pairs(text: &str) -> Vec<(String, String)> {
    let owned = |key: &str, value: &str| (key.to_owned(), json::plain(value).into_owned());
    if let Some(members) = json::members(text) {
        return members.iter().map(|(key, value)| owned(key, value)).collect();
    }
    let items = list(text).unwrap_or_default();
    let pair = |item: &String| {
        let key = json::plain(json::member(item, "key")?).into_owned();
        Some((key, json::plain(json::member(item, "value").unwrap_or("null")).into_owned()))
    };
    items.iter().filter_map(pair).collect()
}

/// The items of a list as JSON texts; an empty cell is an empty list. Some pipelines write lists as Python does.
fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    if text.is_empty() || text == "{}" {
        return Some(Vec::new());
    }
    let owned = |items: Vec<&str>| items.into_iter().map(str::to_owned).collect();
    json::items(text).map(owned).or_else(|| json::items(&from_python(text)).map(owned))
}

/// Python's `repr` of lists and dictionaries as JSON: quotes and the names of nothing, true and false.
fn from_python(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            Some(open) if c == open => {
                quote = None;
                json.push('"');
            }
            Some(_) if c == '\\' => match chars.next() {
                Some('\'') => json.push('\''),
                Some(other) => json.extend(['\\', other]),
                None => json.push('\\'),
            },
            Some(_) if c == '"' => json.push_str("\\\""),
            Some(_) => json.push(c),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                json.push('"');
            }
            None if c.is_alphabetic() => {
                word.push(c);
            }
            None => {
                json.push_str(word_of_python(&word));
                word.clear();
                json.push(c);
            }
        }
    }
    json.push_str(word_of_python(&word));
    json
}

fn word_of_python(word: &str) -> &str {
    match word {
        "None" => "null",
        "True" => "true",
        "False" => "false",
        other => other,
    }
}
