//! Costs, prices, quantities and periods of a row of Azure cost details.

use super::super::charges::{Charge, Share, View, split, word};
use super::super::units;
use super::{In, Notes, Out, Row};
use crate::bill::exact::Exact;
use crate::bill::formats::inputs::count_word;
use crate::bill::formats::mapping::Filled;
use crate::bill::moment;
use crate::bill::warnings::{Trouble, Warnings};

/// Billed and effective cost.
pub(super) fn costs(row: &Row<'_, '_>, filled: &mut Filled) -> View {
    let split = split(row.charge, row.committed, row.cost, row.quantity);
    let of = |share, whole| match share {
        Share::Whole => whole,
        Share::Zero => "0",
        Share::Untold => "",
    };
    // A cost that cannot be read was warned of when it was asked for.
    let cost = if row.cost.is_some() { row.cell(In::Cost) } else { "" };
    filled.set(Out::BilledCost, of(split.billed, cost));
    filled.set(Out::EffectiveCost, of(split.effective, cost));
    let in_pricing_currency = of(split.effective, row.cell(In::CostInPricingCurrency));
    filled.set(Out::PricingCurrencyEffectiveCost, in_pricing_currency);
    filled.set(Out::x_CostView, split.view.words());
    filled.set(Out::PricingCurrency, pricing_currency(row));
    split.view
}

/// An agreement that has no other currency for its prices has them in the one it bills in.
fn pricing_currency<'c>(row: &Row<'_, 'c>) -> &'c str {
    row.cell(if row.inputs.has(In::PricingCurrency) { In::PricingCurrency } else { In::Currency })
}

/// List and contracted costs and prices, quantities and units.
pub(super) fn prices(row: &Row<'_, '_>, filled: &mut Filled, notes: &mut Notes, warnings: &mut Warnings) {
    filled.set(Out::ChargeCategory, row.charge.category());
    match row.charge {
        // FOCUS: a tax has neither quantity nor unit price, and what it is at list prices is not told.
        Charge::Tax => return,
        // FOCUS: what is no share of another charge costs the same on every list.
        Charge::Credit | Charge::Adjustment => {
            let cost = filled.get(Out::BilledCost).to_owned();
            filled.set(Out::ListCost, &cost);
            filled.set(Out::ContractedCost, &cost);
            return;
        }
        _ => {}
    }
    quantities(row, filled, notes, warnings);
    filled.set(Out::PricingCategory, pricing_category(row));

    let billing = row.cell(In::Currency);
    let pricing = pricing_currency(row);
    let other_currency = !pricing.is_empty() && !pricing.eq_ignore_ascii_case(billing);
    let rate = if other_currency {
        row.amount(In::ExchangeRate, warnings)
    } else {
        Exact::read("1").ok().map(|one| one.value)
    };
    let zero = Exact::default();
    // A price of 0 is one only where nothing was charged and no commitment paid instead.
    let free = row.cost == Some(zero) && !row.committed;
    let told = |price: Option<Exact>| price.filter(|price| *price != zero || free);

    let list = row.amount(In::ListPrice, warnings);
    let contracted = row.amount(In::UnitPrice, warnings);
    notes.no_list_price += u64::from(list == Some(zero) && !free);
    notes.no_contract_price += u64::from(contracted == Some(zero) && !free);
    let (list, contracted) = (told(list), told(contracted));
    notes.no_rate += u64::from(rate.is_none() && (list.is_some() || contracted.is_some()));
    if row.inputs.has(In::PricingCurrency) && !pricing.is_empty() {
        set(filled, Out::PricingCurrencyListUnitPrice, list);
        set(filled, Out::PricingCurrencyContractedUnitPrice, contracted);
    }
    let in_billing = |price: Option<Exact>| price?.checked_mul(rate?);
    let (list, contracted) = (in_billing(list), in_billing(contracted));
    // A refund's quantity may be written without its sign: what contradicts the cost is not told.
    let agrees = |amount: &Exact| row.cost.is_none_or(|cost| cost.0.signum() * amount.0.signum() >= 0);
    let product = |price: Option<Exact>| price?.checked_mul(row.quantity?);
    let times_quantity = |price: Option<Exact>| product(price).filter(agrees);
    notes.other_sign +=
        u64::from([list, contracted].into_iter().filter_map(product).any(|cost| !agrees(&cost)));
    set(filled, Out::ListUnitPrice, list);
    set(filled, Out::ContractedUnitPrice, contracted);
    set(filled, Out::ContractedCost, times_quantity(contracted));
    let told_cost = row.amount(In::ListCost, warnings);
    match told_cost.filter(|cost| *cost != zero || free) {
        Some(_) => filled.set(Out::ListCost, row.cell(In::ListCost)),
        None => set(filled, Out::ListCost, times_quantity(list)),
    }
}

fn set(filled: &mut Filled, column: Out, amount: Option<Exact>) {
    if let Some(amount) = amount {
        filled.set_amount(column, amount);
    }
}

fn quantities(row: &Row<'_, '_>, filled: &mut Filled, notes: &mut Notes, warnings: &mut Warnings) {
    let measure = row.cell(In::UnitOfMeasure);
    let unit = units::read(measure, row.cell(In::MeterName));
    match &unit {
        Some(unit) => {
            if !unit.known {
                count_word(&mut notes.measures, measure);
            }
            filled.set_amount(Out::x_PricingBlockSize, unit.block);
        }
        None if measure.is_empty() => {}
        None => warnings.add(Trouble::Unreadable, row.place.line, Some("UnitOfMeasure"), || {
            format!("`{measure}` is not a unit of measure like 100 Hours; what was consumed stays empty")
        }),
    }
    // FOCUS: where there is no quantity there is no unit.
    let Some(quantity) = row.quantity else { return };
    filled.set(Out::PricingQuantity, row.cell(In::Quantity));
    filled.set(Out::PricingUnit, unit.as_ref().map_or(measure, |unit| &unit.pricing));
    // FOCUS: only what was used was consumed, and an unused commitment was not.
    if row.charge == Charge::Usage
        && let Some(unit) = unit
        && let Some(consumed) = quantity.checked_mul(unit.block)
    {
        filled.set_amount(Out::ConsumedQuantity, consumed);
        filled.set(Out::ConsumedUnit, &unit.consumed);
    }
}

fn pricing_category(row: &Row<'_, '_>) -> &'static str {
    // FOCUS: buying a commitment is no use of it.
    let bought = matches!(row.charge, Charge::Purchase | Charge::Refund);
    match word(row.cell(In::PricingModel)).as_str() {
        "ondemand" => "Standard",
        "spot" => "Dynamic",
        _ if row.committed && bought => "Standard",
        _ if row.committed => "Committed",
        "" if row.cell(In::MeterName).ends_with(" Spot") => "Dynamic",
        "" => "",
        _ => "Other",
    }
}

pub(super) fn periods(row: &Row<'_, '_>, filled: &mut Filled, warnings: &mut Warnings) {
    let next_day = |day: i64| moment::day_start(day) + moment::PER_DAY;
    let mut charge = row.date(In::Date, warnings).map(|day| (day, next_day(day)));
    if matches!(row.charge, Charge::Purchase | Charge::Refund)
        && let Some(start) = row.date(In::ServiceStart, warnings)
        && let Some(end) = row.date(In::ServiceEnd, warnings)
        && start <= end
    {
        charge = Some((start, next_day(end)));
    }
    filled.charge_period(charge.map(|(start, _)| start), charge.map(|(_, end)| end));
    if let Some(start) = row.date(In::PeriodStart, warnings) {
        filled.set(Out::BillingPeriodStart, &moment::show(start));
    }
    // Azure writes the last day of the period, FOCUS the first moment after it.
    if let Some(end) = row.date(In::PeriodEnd, warnings) {
        filled.set(Out::BillingPeriodEnd, &moment::show(next_day(end)));
    }
    let frequency = match word(row.cell(In::Frequency)).as_str() {
        "onetime" => "One-Time",
        "recurring" => "Recurring",
        // FOCUS: nothing is bought by use.
        "usagebased" if matches!(row.charge, Charge::Purchase | Charge::Refund) => "",
        "usagebased" => "Usage-Based",
        _ if matches!(row.charge, Charge::Usage | Charge::Unused) => "Usage-Based",
        _ => "",
    };
    filled.set(Out::ChargeFrequency, frequency);
    if row.charge == Charge::Refund {
        filled.set(Out::ChargeClass, "Correction");
    }
}
