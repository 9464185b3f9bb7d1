//! Azure cost details, actual and amortized: Enterprise Agreement, Microsoft Customer Agreement, partners, and the
//! older pay-as-you-go usage.
//!
//! The header tells the agreement, never whether costs are actual or amortized: both exports have the same one.
//! That is told row by row (`charges`). Mapping: Microsoft's "Convert Cost Management data to FOCUS"; where it
//! and real exports differ (a quantity is in priced blocks, not in single units), the exports decide.

mod charges;
mod row;
#[cfg(test)]
mod tests;
pub mod units;
pub mod words;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::mapping::Header;
use super::{Kind, Plan};
use crate::bill::error::BillError;

/// Says of each row which export it is of: `Actual`, `Amortized`, or nothing where both have it. Two bills whose
/// columns hold different values are two exports, and count what has no commitment twice when they cover one period.
pub const COST_VIEW_COLUMN: &str = "x_CostView";

/// Under which agreement a file was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Agreement {
    /// Enterprise Agreement.
    Enterprise,
    /// Microsoft Customer Agreement.
    Customer,
    /// Microsoft Partner Agreement.
    Partner,
    /// The older usage of pay-as-you-go and Enterprise subscriptions.
    PayAsYouGo,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enterprise => "Enterprise Agreement",
            Self::Customer => "Microsoft Customer Agreement",
            Self::Partner => "Microsoft Partner Agreement",
            Self::PayAsYouGo => "pay-as-you-go",
        })
    }
}

/// The agreement of a header of cost details; `None` when the header is something else.
pub fn agreement(header: &[String]) -> Option<Agreement> {
    let header = Header::new(header);
    if header.has(&["BilledCost", "ChargeCategory"]) {
        return None;
    }
    let any = |names: &[&str]| header.at(names).is_some();
    let amounts =
        ["CostInBillingCurrency", "Cost", "PreTaxCost", "Quantity", "UsageQuantity", "UsageDateTime"];
    if !header.has(&["MeterId", "MeterCategory"]) || !any(&amounts) {
        return None;
    }
    Some(if any(&["PartnerName", "customerTenantId"]) {
        Agreement::Partner
    } else if any(&["costInPricingCurrency", "exchangeRatePricingToBilling", "paygCostInUsd", "invoiceId"]) {
        Agreement::Customer
    } else if any(&["PreTaxCost", "UsageQuantity", "UsageDateTime"]) {
        Agreement::PayAsYouGo
    } else {
        Agreement::Enterprise
    })
}

/// How to read cost details.
///
/// # Errors
/// Columns without which nothing can be said are missing.
pub fn plan(agreement: Agreement, header: &[String], path: &Path) -> Result<Plan, BillError> {
    let (targets, remarks, mapper) = row::mapping(agreement, header, path)?;
    Ok(Plan { kind: Kind::Azure(agreement), targets, remarks, mapper })
}
