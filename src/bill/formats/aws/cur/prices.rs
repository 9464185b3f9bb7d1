//! Quantities, units and unit prices.

use super::super::charge::{Costs, LineType};
use super::super::names::unit_name;
use super::Out;
use crate::bill::formats::mapping::Filled;

/// Quantities and unit prices. `cells` are the usage amount, its unit and the public rate.
pub(super) fn fill_pricing(
    kind: LineType,
    cells: [&str; 3],
    category: &str,
    costs: &Costs<'_>,
    out: &mut Filled,
) {
    let [amount, unit, rate] = cells;
    if category == "Tax" || amount.is_empty() || unit.is_empty() {
        return;
    }
    // These take cost back or reduce it; what was used is on the rows they belong to.
    let amount = if matches!(kind, LineType::PlanNegation | LineType::Discount) { "0" } else { amount };
    out.set(Out::PricingQuantity, amount);
    let unit = unit_name(unit);
    out.set(Out::PricingUnit, &unit);
    // Money that is given back gives back no use.
    if category == "Usage" && kind != LineType::Refund {
        out.set(Out::ConsumedQuantity, amount);
        out.set(Out::ConsumedUnit, &unit);
    }
    if kind.is_use() || kind == LineType::PlanNegation {
        out.set(Out::ListUnitPrice, rate);
        if !costs.discounted {
            out.set(Out::ContractedUnitPrice, rate);
        }
    }
}

/// `total_discount` of a map of discounts; empty when it has none.
pub(super) fn total_discount(map: &str) -> &str {
    // The map is flat and small, and most rows have `{}`.
    let Some((_, after)) = map.split_once("\"total_discount\"") else { return "" };
    let after = after.trim_start().strip_prefix(':').unwrap_or("").trim_start();
    let after = after.strip_prefix('"').unwrap_or(after);
    let text = after.split(['"', ',', '}']).next().unwrap_or("").trim();
    if text == "null" { "" } else { text }
}

/// Amounts in the currency of the prices, which is the one of the bill in every report seen; else they are not told.
pub(super) fn fill_pricing_currency(out: &mut Filled) {
    if out.get(Out::PricingCurrency) != out.get(Out::BillingCurrency) {
        return;
    }
    for (column, from) in [
        (Out::PricingCurrencyEffectiveCost, Out::EffectiveCost),
        (Out::PricingCurrencyListUnitPrice, Out::ListUnitPrice),
        (Out::PricingCurrencyContractedUnitPrice, Out::ContractedUnitPrice),
    ] {
        let text = out.get(from).to_owned();
        out.set(column, &text);
    }
}
