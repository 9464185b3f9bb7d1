//! Amazon's Cost and Usage Report: the legacy one as CSV (`lineItem/UnblendedCost`) and as Parquet
//! (`line_item_unblended_cost`), and CUR 2.0, where product, tags, cost categories and discounts are maps.
//!
//! All three are one format under different spellings, so a column is found by its letters alone. The set of
//! columns changes from month to month and with what an account uses: none but `NEEDED` is relied on.

mod books;
mod columns;
mod commitments;
mod prices;
mod refill;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::charge::{About, Cells, LineType, Unused, costs, either, has_no_public_price};
use super::names::{Services, instance_type, is_spot, region_name, region_of_zone, resource_type};
use super::tags::{Pairs, name_tag};
use crate::bill::error::BillError;
use crate::bill::formats::mapping::{Fill, Filled, Mapping, outputs};
use crate::bill::formats::{Kind, Plan};
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};
use books::Seen;
pub(in crate::bill) use columns::letters;
use columns::{Found, In, is_amount};
use prices::{fill_pricing, fill_pricing_currency, total_discount};

/// Without these nothing can be said: what a line is, when, how much, in which currency.
const NEEDED: [(In, &str); 4] = [
    (In::LineType, "lineItem/LineItemType"),
    (In::UsageStart, "lineItem/UsageStartDate"),
    (In::Unblended, "lineItem/UnblendedCost"),
    (In::Currency, "lineItem/CurrencyCode"),
];
/// Their cells stand in a filled column as they are, so they are not kept a second time.
#[rustfmt::skip]
const TAKEN_OVER: &[In] = &[
    In::InvoiceId, In::InvoicingEntity, In::BillingEntity, In::BillType, In::PayerId, In::PayerName, In::PeriodStart,
    In::PeriodEnd, In::AccountId, In::AccountName, In::LineType, In::UsageStart, In::UsageEnd, In::ProductCode,
    In::UsageType, In::Operation, In::Zone, In::Resource, In::Currency, In::Description, In::Discounts, In::ProductName,
    In::ProductFamily, In::InstanceType, In::Sku, In::PlanArn,
];
/// Details of prices that are remembered.
const MOST_DETAILS: usize = 20_000;
/// Rows that divide the cost of a machine, which has a row of its own, among the pods and tasks on it.
const SPLIT_OPERATIONS: [&str; 2] = ["EKSPod-EC2", "ECSTask-EC2"];
/// Whom FOCUS calls provider and issuer of the invoice. One word for both: FOCUS 1.2 (BilledCost-C-005) takes
/// different ones for a sale by a third party.
const AMAZON: &str = "AWS";

outputs!(
    BillingAccountName,
    SubAccountName,
    InvoiceId,
    ChargeClass,
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
    ListUnitPrice,
    ContractedUnitPrice,
    PricingCurrencyEffectiveCost,
    PricingCurrencyListUnitPrice,
    PricingCurrencyContractedUnitPrice,
    CommitmentDiscountId,
    CommitmentDiscountCategory,
    CommitmentDiscountType,
    CommitmentDiscountStatus,
    CommitmentDiscountQuantity,
    CommitmentDiscountUnit,
    CapacityReservationId,
    CapacityReservationStatus,
    Tags,
    x_LineItemType,
    x_ServiceCode,
    x_UsageType,
    x_Operation,
    x_InstanceType,
    x_ProductFamily,
    x_PurchaseOption,
    x_BillType,
    x_BillingEntity,
    x_InvoicingEntity,
    x_CostCategories,
    x_Discounts,
);

/// The format of this header, when it is one of Amazon's reports.
pub fn recognise(header: &[String]) -> Option<Kind> {
    let has = |wanted: &str| header.iter().any(|name| name.trim().eq_ignore_ascii_case(wanted));
    if has("lineItem/LineItemType") && !has("lineItem/tenantId") {
        return Some(Kind::AwsCur);
    }
    has("line_item_line_item_type").then_some(if has("bill_payer_account_name") {
        Kind::AwsCur2
    } else {
        Kind::AwsCur
    })
}

/// How to read a report with this header.
///
/// # Errors
/// A column that is needed is missing, or there twice.
pub fn plan(kind: Kind, header: &[String], path: &Path) -> Result<Plan, BillError> {
    let found = Found::new(header);
    let missing: Vec<String> = NEEDED
        .into_iter()
        // A report may have net amounts only.
        .filter(|(column, _)| *column != In::Unblended || found.at(In::NetUnblended).is_none())
        .filter(|(column, _)| found.at(*column).is_none())
        .map(|(_, name)| name.to_owned())
        .collect();
    if !missing.is_empty() {
        return Err(BillError::MissingColumns { missing, path: path.to_owned() });
    }
    if let Some(column) = found.twice(header) {
        return Err(BillError::DuplicateColumn { column, path: path.to_owned() });
    }
    let mut remarks = Vec::new();
    if found.at(In::NetUnblended).is_some() && found.at(In::PlanTotal).is_some() {
        remarks.push((
            Some("EffectiveCost".to_owned()),
            "costs are net of discounts where the report has net columns; it has none for the unused part of Savings \
             Plans, which counts before discounts"
                .to_owned(),
        ));
    }
    if found.at(In::Resource).is_none() {
        remarks.push((
            Some("ResourceId".to_owned()),
            "the report was made without resource ids, so costs cannot be told by resource".to_owned(),
        ));
    }
    let tags = Pairs::tags(header);
    let categories = Pairs::categories(header);
    let mut used: Vec<usize> = TAKEN_OVER.iter().filter_map(|column| found.at(*column)).collect();
    used.extend(tags.used().chain(categories.used()));
    let once = header.iter().map(|name| is_amount(name)).collect();
    let mut is_lasting = vec![false; header.len()];
    for place in found.lasting().chain(tags.used()).chain(categories.used()) {
        is_lasting[place] = true;
    }
    let fill = CurFill {
        found,
        tags,
        categories,
        once,
        services: Services::default(),
        product: (String::new(), Map::new()),
        unused: None,
        seen: Seen::default(),
        details: RefCell::default(),
        is_lasting,
        is_plain: false,
    };
    let (targets, mapping) = Mapping::new(fill, Out::NAMES, header, &used);
    Ok(Plan { kind, targets, remarks, mapper: Box::new(mapping) })
}

/// The row that the unused part of a commitment becomes.
struct UnusedRow {
    cost: String,
    quantity: String,
    unit: String,
}

struct CurFill {
    found: Found,
    tags: Pairs,
    categories: Pairs,
    once: Vec<bool>,
    services: Services,
    /// The product map read last, with its text: neighbours often have the same.
    product: (String, Map<String, Value>),
    unused: Option<UnusedRow>,
    seen: Seen,
    /// `SkuPriceDetails` by what they are made of.
    details: RefCell<HashMap<String, String>>,
    /// By column of the report, whether more hangs on it than [`refill::REFILLED`] lists.
    is_lasting: Vec<bool>,
    /// The row before is use, which becomes one row.
    is_plain: bool,
}

impl Fill for CurFill {
    fn fill(&mut self, cells: &[&str], out: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        self.unused = None;
        let operation = self.found.text(cells, In::Operation);
        if SPLIT_OPERATIONS.contains(&operation) {
            let cost =
                either(self.found.text(cells, In::NetUnblended), self.found.text(cells, In::Unblended));
            self.seen.leave_out(cost);
            return false;
        }
        self.read_product(cells, place, warnings);
        let line = self.line(cells, place, warnings);
        self.is_plain = line.kind.is_use();
        self.fill_account(cells, out);
        self.fill_times(cells, out);
        self.fill_names(cells, &line, out);
        self.fill_place(cells, out);
        self.fill_charge(cells, &line, out, place, warnings);
        fill_pricing_currency(out);
        let Self { found, tags, categories, .. } = self;
        let tags = tags.json(cells);
        // The console shows the tag `Name` as the name of a resource.
        if !out.get(Out::ResourceId).is_empty() {
            out.set(Out::ResourceName, &name_tag(&tags));
        }
        out.set(Out::Tags, &tags);
        out.set(Out::x_CostCategories, &categories.json(cells));
        for (column, from) in [
            (Out::x_LineItemType, In::LineType),
            (Out::x_ServiceCode, In::ProductCode),
            (Out::x_UsageType, In::UsageType),
            (Out::x_Operation, In::Operation),
            (Out::x_BillType, In::BillType),
            (Out::x_BillingEntity, In::BillingEntity),
            (Out::x_InvoicingEntity, In::InvoicingEntity),
        ] {
            out.set(column, found.text(cells, from));
        }
        out.set(
            Out::x_Discounts,
            Some(found.text(cells, In::Discounts)).filter(|map| *map != "{}").unwrap_or(""),
        );
        true
    }

    fn refill(
        &mut self,
        cells: &[&str],
        changed: &[usize],
        out: &mut Filled,
        place: Place,
        warnings: &mut Warnings,
    ) -> Option<&'static [usize]> {
        self.refill_slight(cells, changed, out, (place, warnings))
    }

    fn further(&mut self, out: &mut Filled) -> bool {
        let Some(UnusedRow { cost, quantity, unit }) = self.unused.take() else { return false };
        // FOCUS has no status without a commitment's id, which some reports leave out.
        let has_id = !out.get(Out::CommitmentDiscountId).is_empty();
        let [quantity, unit] = if has_id { [quantity, unit] } else { Default::default() };
        out.charge("Usage", "Usage-Based");
        for (column, text) in [
            (Out::CommitmentDiscountStatus, if has_id { "Unused" } else { "" }),
            (Out::PricingCategory, "Committed"),
            (Out::BilledCost, "0"),
            (Out::EffectiveCost, &cost),
            (Out::ListCost, "0"),
            (Out::ContractedCost, "0"),
            (Out::CommitmentDiscountQuantity, &quantity),
            (Out::CommitmentDiscountUnit, if quantity.is_empty() { "" } else { &unit }),
            (Out::PricingQuantity, ""),
            (Out::PricingUnit, ""),
            (Out::ListUnitPrice, ""),
            (Out::ContractedUnitPrice, ""),
        ] {
            out.set(column, text);
        }
        fill_pricing_currency(out);
        true
    }

    fn counts_once(&self, column: usize) -> bool {
        self.once.get(column).copied().unwrap_or(false)
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        self.seen.say(warnings);
    }
}

/// What the columns of a row depend on together.
struct Line<'c> {
    kind: LineType,
    product_code: &'c str,
    usage_type: &'c str,
    plan: &'c str,
    reservation: &'c str,
    capacity: &'c str,
    is_plan_product: bool,
}

impl CurFill {
    fn read_product(&mut self, cells: &[&str], place: Place, warnings: &mut Warnings) {
        let text = self.found.text(cells, In::Product);
        if text == self.product.0 {
            return;
        }
        text.clone_into(&mut self.product.0);
        self.product.1 = match serde_json::from_str(text) {
            Ok(map) => map,
            Err(_) if text.is_empty() => Map::new(),
            Err(error) => {
                warnings.add(Trouble::NotJson, place.line, Some("product"), || {
                    format!("the products{} cannot be read ({error})", place.words())
                });
                Map::new()
            }
        };
    }

    /// An attribute of the product, from its column or from the map.
    fn product<'s>(&'s self, cells: &[&'s str], column: In, key: &str) -> &'s str {
        let own = self.found.text(cells, column);
        let map = || self.product.1.get(key).and_then(Value::as_str).unwrap_or("");
        let text = if own.is_empty() { map() } else { own };
        if text == "NA" { "" } else { text }
    }

    fn line<'c>(&self, cells: &[&'c str], place: Place, warnings: &mut Warnings) -> Line<'c> {
        let text = |column| self.found.text(cells, column);
        let name = text(In::LineType);
        let kind = LineType::read(name);
        if kind == LineType::Unknown {
            warnings.add(Trouble::Unreadable, place.line, Some("lineItem/LineItemType"), || {
                format!("`{name}`{} is no known type of line; its cost counts as it is billed", place.words())
            });
        }
        let arn = text(In::ReservationArn);
        // Capacity that is held, which is no discount, has its ARN in the same column.
        let (reservation, held) = if arn.contains(":capacity-reservation/") { ("", arn) } else { (arn, "") };
        // Old reports have no ARN. Every line has a subscription, but only on these two it is a reservation's.
        let reservation = match kind {
            LineType::DiscountedUsage | LineType::ReservationFee => {
                either(reservation, text(In::SubscriptionId))
            }
            LineType::Usage => "",
            // The fee paid at the beginning says so in words.
            LineType::Fee if text(In::Description).starts_with("Sign up charge for subscription") => {
                either(reservation, text(In::SubscriptionId))
            }
            _ => reservation,
        };
        let product_code = text(In::ProductCode);
        Line {
            kind,
            product_code,
            usage_type: text(In::UsageType),
            plan: if kind == LineType::Usage { "" } else { text(In::PlanArn) },
            reservation,
            capacity: either(text(In::CapacityArn), held),
            is_plan_product: product_code.ends_with("SavingsPlans"),
        }
    }

    fn fill_times(&self, cells: &[&str], out: &mut Filled) {
        out.set(Out::ChargePeriodStart, self.found.text(cells, In::UsageStart));
        out.set(Out::ChargePeriodEnd, &exclusive(self.found.text(cells, In::UsageEnd)));
    }

    fn fill_account(&self, cells: &[&str], out: &mut Filled) {
        let text = |column| self.found.text(cells, column);
        for (column, from) in [
            (Out::BillingCurrency, In::Currency),
            (Out::BillingPeriodStart, In::PeriodStart),
            (Out::BillingPeriodEnd, In::PeriodEnd),
            (Out::BillingAccountName, In::PayerName),
            (Out::InvoiceId, In::InvoiceId),
            (Out::ChargeDescription, In::Description),
        ] {
            out.set(column, text(from));
        }
        out.set(Out::PricingCurrency, either(text(In::PricingCurrency), text(In::Currency)));
        out.account(text(In::PayerId), "Payer account");
        out.sub_account(text(In::AccountId), "Usage account");
        if !text(In::AccountId).is_empty() {
            out.set(Out::SubAccountName, text(In::AccountName));
        }
        out.sold_by(AMAZON);
        // On the Marketplace the legal entity is the seller.
        out.set(Out::PublisherName, either(text(In::LegalEntity), either(text(In::InvoicingEntity), AMAZON)));
    }

    fn fill_names(&mut self, cells: &[&str], line: &Line<'_>, out: &mut Filled) {
        let service = either(self.product(cells, In::ProductName, "product_name"), line.product_code);
        out.set(Out::ServiceName, service);
        let place = self.services.category(out.get(Out::ServiceName), line.product_code);
        out.service_place(place);
        let product = self.product(cells, In::InstanceType, "instance_type");
        let description = self.found.text(cells, In::Description);
        let instance = instance_type(product, line.usage_type, description);
        out.set(Out::x_InstanceType, instance);
        out.set(Out::x_ProductFamily, self.product(cells, In::ProductFamily, "product_family"));
        if line.kind == LineType::Tax {
            return;
        }
        let rate = self.found.text(cells, In::RateCode);
        // A rate code is SKU.TERM.RATE.
        let sku = either(self.product(cells, In::Sku, "sku"), rate.split('.').next().unwrap_or(""));
        out.set(Out::SkuId, sku);
        if !sku.is_empty() {
            out.set(Out::SkuMeter, line.usage_type);
        }
        let price = either(rate, self.found.text(cells, In::RateId));
        out.set(Out::SkuPriceId, price);
        if !price.is_empty() {
            out.set(Out::SkuPriceDetails, &self.details(cells, instance));
        }
    }

    /// The properties of a price that FOCUS names.
    fn details(&self, cells: &[&str], instance: &str) -> String {
        let texts = [
            instance,
            self.product(cells, In::System, "operating_system"),
            self.product(cells, In::Memory, "memory"),
            self.product(cells, In::Cores, "vcpu"),
            self.product(cells, In::Gpus, "gpu"),
        ];
        if texts.iter().all(|text| text.is_empty()) {
            return String::new();
        }
        // Prices are few beside the rows.
        let key = texts.join("\u{1f}");
        if let Some(known) = self.details.borrow().get(&key) {
            return known.clone();
        }
        let details = price_details(texts);
        let mut known = self.details.borrow_mut();
        if known.len() >= MOST_DETAILS {
            known.clear();
        }
        known.insert(key, details.clone());
        details
    }

    fn fill_place(&self, cells: &[&str], out: &mut Filled) {
        let text = |column| self.found.text(cells, column);
        let zone = text(In::Zone);
        out.set(Out::AvailabilityZone, zone);
        let region = [
            self.product(cells, In::RegionCode, "region_code"),
            self.product(cells, In::Region, "region"),
            self.product(cells, In::FromRegion, "from_region_code"),
        ]
        .into_iter()
        .find(|region| !["", "global", "any"].iter().any(|none| region.eq_ignore_ascii_case(none)))
        .or_else(|| region_of_zone(zone));
        if let Some(region) = region {
            out.set(Out::RegionId, region);
            let location = self.product(cells, In::Location, "location");
            let is_region = self.product(cells, In::LocationType, "location_type") == "AWS Region";
            out.set(Out::RegionName, region_name(region).unwrap_or(if is_region { location } else { "" }));
        }
        let resource = text(In::Resource);
        out.set(Out::ResourceId, resource);
        out.set(Out::ResourceType, resource_type(resource, text(In::ProductCode)).unwrap_or(""));
    }

    fn fill_charge(
        &mut self,
        cells: &[&str],
        line: &Line<'_>,
        out: &mut Filled,
        place: Place,
        warnings: &mut Warnings,
    ) {
        let kind = line.kind;
        let money = self.money(cells);
        let about = About {
            line: kind,
            has_reservation: !line.reservation.is_empty(),
            is_plan_product: line.is_plan_product,
        };
        let costs = costs(about, &money, place, warnings);
        self.seen.note(kind, &money, !self.found.text(cells, In::InvoiceId).is_empty());
        let text = |column| self.found.text(cells, column);
        let committed = !(line.plan.is_empty() && line.reservation.is_empty());
        let category = kind.category(committed || line.is_plan_product, !text(In::TaxType).is_empty());
        out.charge(category, kind.frequency());
        if kind == LineType::Refund {
            out.set(Out::ChargeClass, "Correction");
        }
        out.set(Out::BilledCost, costs.billed);
        out.set(Out::EffectiveCost, costs.effective);
        out.set(Out::ListCost, costs.list);
        out.set(Out::ContractedCost, &costs.contracted);
        let rate = if has_no_public_price(&money) { "" } else { text(In::PublicRate) };
        fill_pricing(kind, [text(In::Amount), text(In::Unit), rate], category, &costs, out);
        let covered =
            matches!(kind, LineType::PlanCoveredUsage | LineType::PlanNegation | LineType::DiscountedUsage);
        let option = match kind {
            LineType::PlanCoveredUsage => "Savings Plan",
            LineType::DiscountedUsage => "Reserved",
            LineType::Usage if is_spot(line.usage_type) => "Spot",
            LineType::Usage => "On Demand",
            _ => "",
        };
        out.set(Out::x_PurchaseOption, option);
        let pricing = match category {
            "Usage" | "Purchase" if covered => "Committed",
            "Usage" if is_spot(line.usage_type) => "Dynamic",
            "Usage" | "Purchase" => "Standard",
            _ => "",
        };
        out.set(Out::PricingCategory, pricing);
        if committed {
            self.fill_commitment(cells, line, covered, out);
        }
        self.fill_capacity(cells, line, out);
        self.unused = match costs.unused {
            Unused::Nothing => None,
            Unused::Cost(cost) => Some(self.unused_row(cells, line, &cost.to_string())),
            Unused::Untold => Some(self.unused_row(cells, line, "")),
        };
    }

    fn money<'c>(&self, cells: &[&'c str]) -> Cells<'c> {
        let text = |column| self.found.text(cells, column);
        Cells {
            unblended: text(In::Unblended),
            net_unblended: text(In::NetUnblended),
            public_on_demand: text(In::PublicCost),
            discount: either(text(In::Discount), total_discount(text(In::Discounts))),
            plan_effective: text(In::PlanEffective),
            plan_net_effective: text(In::PlanNetEffective),
            plan_total: text(In::PlanTotal),
            plan_used: text(In::PlanUsed),
            reserved_effective: text(In::ReservedEffective),
            reserved_net_effective: text(In::ReservedNetEffective),
            unused_upfront: text(In::UnusedUpfront),
            unused_recurring: text(In::UnusedRecurring),
            net_unused_upfront: text(In::NetUnusedUpfront),
            net_unused_recurring: text(In::NetUnusedRecurring),
        }
    }
}

/// Instance type, operating system, memory, cores and accelerators of a price as a JSON object; empty without any.
fn price_details([instance, system, memory, cores, gpus]: [&str; 5]) -> String {
    let mut details = Map::new();
    for (name, text) in [("InstanceType", instance), ("OperatingSystem", system)] {
        if !text.is_empty() {
            details.insert(name.to_owned(), Value::from(text));
        }
    }
    let memory = memory.strip_suffix("GiB").unwrap_or("").trim();
    for (name, text) in [("CoreCount", cores), ("GpuCount", gpus), ("MemorySize", memory)] {
        if let Ok(number) = text.replace(',', "").parse::<serde_json::Number>() {
            details.insert(name.to_owned(), Value::Number(number));
        }
    }
    if details.is_empty() { String::new() } else { Value::Object(details).to_string() }
}

/// Some fees end a second before the hour (`2023-11-30T23:59:59Z`); ends are exclusive here.
fn exclusive(end: &str) -> Cow<'_, str> {
    if end.contains(":59:59")
        && let Some(micros) = moment::read(end)
    {
        return Cow::Owned(moment::show((micros / moment::PER_SEC + 1) * moment::PER_SEC));
    }
    Cow::Borrowed(end)
}

#[cfg(test)]
mod tests;
