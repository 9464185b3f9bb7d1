//! One row of Azure cost details as a FOCUS row.

mod facts;
mod money;

use std::path::Path;

use super::Agreement;
use super::charges::{Charge, Counts, word};
use crate::bill::columns::{self, Level};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::inputs::{Inputs, Without, inputs, listed};
use crate::bill::formats::mapping::{Fill, Filled, Mapping, amount, outputs};
use crate::bill::formats::{Mapper, Target};
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

inputs! {
    Date: ["Date", "UsageDateTime", "UsageDate"],
    Cost: ["CostInBillingCurrency", "Cost", "PreTaxCost", "ExtendedCost"],
    Currency: ["BillingCurrency", "BillingCurrencyCode", "Currency"],
    Quantity: ["Quantity", "UsageQuantity", "ConsumedQuantity"],
    EffectivePrice: ["EffectivePrice", "ResourceRate"],
    UnitPrice: ["UnitPrice"],
    ListPrice: ["PayGPrice", "MarketPrice"],
    ListCost: ["PaygCostInBillingCurrency"],
    PricingCurrency: ["PricingCurrency", "PricingCurrencyCode"],
    CostInPricingCurrency: ["CostInPricingCurrency"],
    ExchangeRate: ["ExchangeRatePricingToBilling", "ExchangeRate"],
    UnitOfMeasure: ["UnitOfMeasure"],
    ChargeType: ["ChargeType"],
    PricingModel: ["PricingModel"],
    Frequency: ["Frequency"],
    BenefitId: ["BenefitId"],
    BenefitName: ["BenefitName"],
    ReservationId: ["ReservationId"],
    ReservationName: ["ReservationName"],
    PeriodStart: ["BillingPeriodStartDate", "BillingPeriodStart"],
    PeriodEnd: ["BillingPeriodEndDate", "BillingPeriodEnd"],
    ServiceStart: ["ServicePeriodStartDate", "ServicePeriodStart"],
    ServiceEnd: ["ServicePeriodEndDate", "ServicePeriodEnd"],
    AccountId: ["BillingAccountId"],
    AccountName: ["BillingAccountName"],
    ProfileId: ["BillingProfileId"],
    ProfileName: ["BillingProfileName"],
    InvoiceId: ["InvoiceId"],
    PartnerName: ["PartnerName"],
    PublisherName: ["PublisherName"],
    PublisherType: ["PublisherType"],
    SubscriptionId: ["SubscriptionId", "SubscriptionGuid"],
    SubscriptionName: ["SubscriptionName"],
    MeterId: ["MeterId"],
    MeterName: ["MeterName"],
    MeterCategory: ["MeterCategory"],
    MeterSubCategory: ["MeterSubCategory"],
    MeterRegion: ["MeterRegion"],
    ServiceFamily: ["ServiceFamily"],
    ServiceName: ["ServiceName"],
    ConsumedService: ["ConsumedService"],
    Product: ["ProductName", "Product"],
    ProductId: ["ProductId"],
    PartNumber: ["PartNumber"],
    OrderId: ["ProductOrderId"],
    OrderName: ["ProductOrderName"],
    Term: ["Term"],
    OfferId: ["OfferId"],
    PlanName: ["PlanName"],
    Location: ["ResourceLocation", "ResourceLocationNormalized", "Location"],
    Zone: ["AvailabilityZone"],
    ResourceId: ["ResourceId", "InstanceId", "InstanceName"],
    ResourceName: ["ResourceName"],
    ResourceType: ["ResourceType"],
    ResourceGroup: ["ResourceGroup", "ResourceGroupName"],
    SectionId: ["InvoiceSectionId"],
    SectionName: ["InvoiceSectionName", "InvoiceSection"],
    CostCenter: ["CostCenter"],
    AdditionalInfo: ["AdditionalInfo"],
    Tags: ["Tags"],
}

outputs!(
    ChargeClass,
    BillingAccountName,
    InvoiceId,
    SubAccountName,
    RegionId,
    RegionName,
    AvailabilityZone,
    CapacityReservationId,
    CapacityReservationStatus,
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
    CommitmentDiscountCategory,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountStatus,
    CommitmentDiscountType,
    Tags,
    x_CostView,
    x_ChargeType,
    x_PricingModel,
    x_BillingAccountId,
    x_BillingAccountName,
    x_BillingProfileId,
    x_BillingProfileName,
    x_InstanceType,
    x_EffectiveUnitPrice,
    x_PricingBlockSize,
    x_ResourceGroupName,
    x_InvoiceSectionId,
    x_InvoiceSectionName,
    x_CostCenter,
    x_PublisherCategory,
    x_SkuMeterId,
    x_SkuMeterCategory,
    x_SkuMeterSubcategory,
    x_SkuServiceFamily,
    x_SkuRegion,
    x_SkuPartNumber,
    x_SkuOrderId,
    x_SkuOrderName,
    x_SkuTerm,
    x_SkuOfferId,
    x_SkuPlanName,
);

/// Cells that go over as they are.
const COPIED: &[(In, Out)] = &[
    (In::Currency, Out::BillingCurrency),
    (In::InvoiceId, Out::InvoiceId),
    (In::SubscriptionName, Out::SubAccountName),
    (In::Zone, Out::AvailabilityZone),
    (In::EffectivePrice, Out::x_EffectiveUnitPrice),
    (In::SectionId, Out::x_InvoiceSectionId),
    (In::SectionName, Out::x_InvoiceSectionName),
    (In::CostCenter, Out::x_CostCenter),
    (In::AccountId, Out::x_BillingAccountId),
    (In::AccountName, Out::x_BillingAccountName),
    (In::ProfileId, Out::x_BillingProfileId),
    (In::ProfileName, Out::x_BillingProfileName),
    (In::ChargeType, Out::x_ChargeType),
    (In::PricingModel, Out::x_PricingModel),
    (In::PublisherType, Out::x_PublisherCategory),
    (In::MeterId, Out::x_SkuMeterId),
    (In::MeterCategory, Out::x_SkuMeterCategory),
    (In::MeterSubCategory, Out::x_SkuMeterSubcategory),
    (In::ServiceFamily, Out::x_SkuServiceFamily),
    (In::MeterRegion, Out::x_SkuRegion),
    (In::PartNumber, Out::x_SkuPartNumber),
    (In::OrderId, Out::x_SkuOrderId),
    (In::OrderName, Out::x_SkuOrderName),
    (In::Term, Out::x_SkuTerm),
    (In::OfferId, Out::x_SkuOfferId),
    (In::PlanName, Out::x_SkuPlanName),
];

/// What only some files can fill: the columns it comes of, one of which is enough.
const FILLED_FROM: &[(Out, &[In])] = &[
    (Out::ListCost, &[In::ListCost, In::ListPrice]),
    (Out::ContractedCost, &[In::UnitPrice]),
    (Out::BillingPeriodStart, &[In::PeriodStart]),
    (Out::BillingPeriodEnd, &[In::PeriodEnd]),
    (Out::BillingAccountId, &[In::AccountId, In::ProfileId]),
    (Out::BillingAccountName, &[In::AccountName, In::ProfileName]),
    (Out::BillingAccountType, &[In::AccountId, In::ProfileId]),
    (Out::SubAccountId, &[In::SubscriptionId]),
    (Out::SubAccountType, &[In::SubscriptionId]),
    (Out::PricingQuantity, &[In::Quantity]),
    (Out::ConsumedQuantity, &[In::Quantity]),
    (Out::PricingUnit, &[In::UnitOfMeasure]),
    (Out::ConsumedUnit, &[In::UnitOfMeasure]),
    (Out::x_PricingBlockSize, &[In::UnitOfMeasure]),
    (Out::ListUnitPrice, &[In::ListPrice]),
    (Out::ContractedUnitPrice, &[In::UnitPrice]),
    (Out::PricingCurrencyEffectiveCost, &[In::CostInPricingCurrency]),
    (Out::PricingCurrencyListUnitPrice, &[In::PricingCurrency]),
    (Out::PricingCurrencyContractedUnitPrice, &[In::PricingCurrency]),
    (Out::CommitmentDiscountCategory, &[In::BenefitId, In::ReservationId]),
    (Out::CommitmentDiscountId, &[In::BenefitId, In::ReservationId]),
    (Out::CommitmentDiscountName, &[In::BenefitName, In::ReservationName]),
    (Out::CommitmentDiscountStatus, &[In::BenefitId, In::ReservationId]),
    (Out::CommitmentDiscountType, &[In::BenefitId, In::ReservationId]),
    (Out::RegionId, &[In::Location]),
    (Out::RegionName, &[In::Location]),
    (Out::ResourceId, &[In::ResourceId]),
    (Out::ResourceName, &[In::ResourceName, In::ResourceId]),
    (Out::ResourceType, &[In::ResourceType, In::ResourceId]),
    (Out::x_ResourceGroupName, &[In::ResourceGroup]),
    (Out::CapacityReservationId, &[In::AdditionalInfo]),
    (Out::CapacityReservationStatus, &[In::AdditionalInfo]),
    (Out::SkuPriceId, &[In::PartNumber, In::ProductId]),
    (Out::SkuPriceDetails, &[In::PartNumber, In::ProductId]),
    (Out::Tags, &[In::Tags]),
];

/// Cells that only a part of goes over, or only in some rows: their columns stay beside what is filled.
const KEPT: [In; 14] = [
    In::AdditionalInfo,
    In::ListPrice,
    In::UnitPrice,
    In::ListCost,
    In::CostInPricingCurrency,
    In::ExchangeRate,
    In::UnitOfMeasure,
    In::Frequency,
    In::ReservationId,
    In::ReservationName,
    In::ServiceStart,
    In::ServiceEnd,
    In::ServiceName,
    In::ConsumedService,
];

const NEEDED: [In; 3] = [In::Date, In::Cost, In::Currency];

type Mapped = (Vec<Target>, Vec<(Option<String>, String)>, Box<dyn Mapper>);

/// The mapper for a header.
pub(super) fn mapping(agreement: Agreement, header: &[String], path: &Path) -> Result<Mapped, BillError> {
    let inputs = Inputs::of(In::NAMES, header);
    inputs.need(&NEEDED, path)?;
    let copied = COPIED.iter().filter(|(from, _)| !inputs.has(*from)).map(|(_, to)| *to);
    let untold = FILLED_FROM.iter().filter(|(_, from)| !from.iter().any(|from| inputs.has(*from)));
    let absent: Vec<usize> = copied.chain(untold.map(|(to, _)| *to)).map(usize::from).collect();
    let names: Vec<&str> = absent
        .iter()
        .map(|at| Out::NAMES[*at])
        .filter(|name| columns::find(name).is_some_and(|column| column.level == Level::Mandatory))
        .collect();
    let mut remarks = Vec::new();
    if !names.is_empty() {
        remarks.push((None, format!("this export says nothing of {}", names.join(", "))));
    }
    if !inputs.has(In::PricingModel) {
        remarks.push((
            None,
            "there is no column PricingModel: a row is under a commitment where it names a reservation or benefit"
                .to_owned(),
        ));
    }
    let used = inputs.found_but(&KEPT);
    let fill = Details { agreement, inputs, counts: Counts::default(), notes: Notes::default() };
    let (mut targets, mapper) = Mapping::new(fill, Out::NAMES, header, &used);
    let mapper = Without::columns(&absent, &mut targets, mapper);
    Ok((targets, remarks, Box::new(mapper)))
}

/// What is said once, at the end.
#[derive(Debug, Default)]
struct Notes {
    no_list_price: u64,
    no_contract_price: u64,
    other_sign: u64,
    no_rate: u64,
    services: Vec<(String, u64)>,
    regions: Vec<(String, u64)>,
    measures: Vec<(String, u64)>,
}

struct Details {
    agreement: Agreement,
    inputs: Inputs,
    counts: Counts,
    notes: Notes,
}

/// A row being filled.
struct Row<'r, 'c> {
    inputs: &'r Inputs,
    cells: &'r [&'c str],
    place: Place,
    charge: Charge,
    /// The pricing model is a reservation or savings plan.
    committed: bool,
    cost: Option<Exact>,
    quantity: Option<Exact>,
}

impl<'c> Row<'_, 'c> {
    fn cell(&self, column: In) -> &'c str {
        self.inputs.cell(self.cells, column)
    }

    /// The first of these cells that has a value.
    fn first(&self, columns: &[In]) -> &'c str {
        columns.iter().map(|column| self.cell(*column)).find(|text| !text.is_empty()).unwrap_or("")
    }

    fn amount(&self, column: In, warnings: &mut Warnings) -> Option<Exact> {
        amount(self.cell(column), self.inputs.name(column), self.place, warnings)
    }

    /// A date; one that cannot be read is a warning.
    fn date(&self, column: In, warnings: &mut Warnings) -> Option<i64> {
        let text = self.cell(column);
        let read = moment::read_us(text);
        if read.is_none() && !text.is_empty() {
            let name = self.inputs.name(column);
            warnings.add(Trouble::Unreadable, self.place.line, Some(name), || {
                format!("`{text}` is not a date like 09/02/2023 or 2023-09-02; the cell counts as missing")
            });
        }
        read
    }
}

impl Fill for Details {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let Self { agreement, inputs, counts, notes } = self;
        let mut row = Row {
            inputs,
            cells,
            place,
            charge: Charge::Untold,
            committed: false,
            cost: None,
            quantity: None,
        };
        row.charge = charge(&row, warnings);
        row.committed = committed(&row);
        row.cost = row.amount(In::Cost, warnings);
        row.quantity = row.amount(In::Quantity, warnings);
        for (from, to) in COPIED {
            filled.set(*to, row.cell(*from));
        }
        let view = money::costs(&row, filled);
        counts.add(row.charge, view);
        money::prices(&row, filled, notes, warnings);
        money::periods(&row, filled, warnings);
        facts::parties(&row, *agreement, filled);
        facts::what(&row, filled, notes);
        facts::resource(&row, filled, notes);
        facts::commitment(&row, filled);
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        let Self { counts, notes, .. } = self;
        if let Some(verdict) = counts.verdict() {
            warnings.about_file(None, verdict);
        }
        let Notes { no_list_price, no_contract_price, other_sign, no_rate, services, regions, measures } =
            notes;
        let mut say = |column: &str, words: String| warnings.about_file(Some(column), words);
        if *no_list_price > 0 {
            let words = "empty in rows whose PayGPrice is 0 although they are not free";
            say("ListCost", format!("{words}: {no_list_price}"));
        }
        if *no_contract_price > 0 {
            let words = "empty in rows whose UnitPrice is 0 although they are not free";
            say("ContractedCost", format!("{words}: {no_contract_price}"));
        }
        if *other_sign > 0 {
            let words = "quantity × price has another sign than the cost, so list and contracted cost are empty in rows";
            say("ContractedCost", format!("{words}: {other_sign}"));
        }
        if *no_rate > 0 {
            let words = "prices are in another currency than costs and no exchange rate is told; list and contracted \
                         costs and prices are empty in such rows";
            say("PricingCurrency", format!("{words}: {no_rate}"));
        }
        if !services.is_empty() {
            let words = "meter categories that are not in our table of services, so the category is that of their \
                         service family, or Other";
            say("ServiceCategory", format!("{words}: {}", listed(services)));
        }
        if !regions.is_empty() {
            let words = "regions that are not in our table keep the file's own words";
            say("RegionName", format!("{words}: {}", listed(regions)));
        }
        if !measures.is_empty() {
            let words = "units of measure that are not in our table keep the file's own words";
            say("ConsumedUnit", format!("{words}: {}", listed(measures)));
        }
    }
}

/// What the row is a charge for. The older usage files have no charge type: all their rows are usage.
fn charge(row: &Row<'_, '_>, warnings: &mut Warnings) -> Charge {
    if !row.inputs.has(In::ChargeType) {
        return Charge::Usage;
    }
    let text = row.cell(In::ChargeType);
    let (charge, known) = Charge::read(text);
    if !known {
        warnings.add(Trouble::Unreadable, row.place.line, Some("ChargeType"), || {
            format!("`{text}` is no charge type that Microsoft documents; it counts as an adjustment")
        });
    }
    charge
}

fn committed(row: &Row<'_, '_>) -> bool {
    match word(row.cell(In::PricingModel)).as_str() {
        "reservation" | "savingsplan" => true,
        "" => row.charge == Charge::Unused || !row.first(&[In::BenefitId, In::ReservationId]).is_empty(),
        _ => row.charge == Charge::Unused,
    }
}
