//! The columns of FOCUS "Cost and Usage": name, first version, type, requirement, nullability.
//!
//! Source: the FOCUS specification, versions 1.0 to 1.4 (43, 50, 57, 65 and 65 columns). Columns this table does
//! not name (`x_…` and others) are kept as text. This module knows no file format and no polars.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of the FOCUS specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum FocusVersion {
    #[serde(rename = "1.0")]
    V1_0,
    #[serde(rename = "1.1")]
    V1_1,
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.3")]
    V1_3,
    #[serde(rename = "1.4")]
    V1_4,
}

impl fmt::Display for FocusVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
        })
    }
}

/// What a column holds, and how the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Text, as it stands in the file.
    Text,
    /// A JSON object, kept as text; its keys can be grouped by (`Tags.team`).
    Json,
    /// An exact decimal number (see [`crate::bill::exact`]).
    Decimal,
    /// A moment in UTC, to the microsecond.
    Time,
}

/// How strongly the specification asks for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every file must have it.
    Mandatory,
    /// Needed where the provider has the concept.
    Conditional,
    /// Good to have.
    Recommended,
}

/// One column of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The first version that has it (columns older than 1.0 count as 1.0).
    pub since: FocusVersion,
    /// What it holds.
    pub kind: ColumnType,
    /// How strongly it is asked for.
    pub level: Level,
    /// May be empty.
    pub nullable: bool,
}

const fn column(
    name: &'static str,
    since: FocusVersion,
    kind: ColumnType,
    level: Level,
    nullable: bool,
) -> Column {
    Column { name, since, kind, level, nullable }
}

use ColumnType::{Decimal, Json, Text, Time};
use FocusVersion::{V1_0, V1_1, V1_2, V1_3, V1_4};
use Level::{Conditional, Mandatory, Recommended};

/// Every column of FOCUS 1.0 to 1.4, by name.
#[rustfmt::skip]
pub const COLUMNS: &[Column] = &[
    column("AllocatedMethodDetails", V1_3, Json, Recommended, true),
    column("AllocatedMethodId", V1_3, Text, Conditional, true),
    column("AllocatedResourceId", V1_3, Text, Conditional, true),
    column("AllocatedResourceName", V1_3, Text, Conditional, true),
    column("AllocatedTags", V1_3, Json, Conditional, true),
    column("AvailabilityZone", V1_0, Text, Recommended, true),
    column("BilledCost", V1_0, Decimal, Mandatory, false),
    column("BillingAccountId", V1_0, Text, Mandatory, false),
    column("BillingAccountName", V1_0, Text, Mandatory, true),
    column("BillingAccountType", V1_2, Text, Conditional, false),
    column("BillingCurrency", V1_0, Text, Mandatory, false),
    column("BillingPeriodEnd", V1_0, Time, Mandatory, false),
    column("BillingPeriodStart", V1_0, Time, Mandatory, false),
    column("CapacityReservationId", V1_1, Text, Conditional, true),
    column("CapacityReservationStatus", V1_1, Text, Conditional, true),
    column("ChargeCategory", V1_0, Text, Mandatory, false),
    column("ChargeClass", V1_0, Text, Mandatory, true),
    column("ChargeDescription", V1_0, Text, Mandatory, true),
    column("ChargeFrequency", V1_0, Text, Recommended, false),
    column("ChargePeriodEnd", V1_0, Time, Mandatory, false),
    column("ChargePeriodStart", V1_0, Time, Mandatory, false),
    column("CommitmentDiscountCategory", V1_0, Text, Conditional, true),
    column("CommitmentDiscountId", V1_0, Text, Conditional, true),
    column("CommitmentDiscountName", V1_0, Text, Conditional, true),
    column("CommitmentDiscountQuantity", V1_1, Decimal, Conditional, true),
    column("CommitmentDiscountStatus", V1_0, Text, Conditional, true),
    column("CommitmentDiscountType", V1_0, Text, Conditional, true),
    column("CommitmentDiscountUnit", V1_1, Text, Conditional, true),
    column("CommitmentProgramEligibilityDetails", V1_4, Json, Conditional, true),
    column("ConsumedQuantity", V1_0, Decimal, Conditional, true),
    column("ConsumedUnit", V1_0, Text, Conditional, true),
    column("ContractApplied", V1_3, Json, Conditional, true),
    column("ContractedCost", V1_0, Decimal, Mandatory, false),
    column("ContractedUnitPrice", V1_0, Decimal, Conditional, true),
    column("EffectiveCost", V1_0, Decimal, Mandatory, false),
    column("HostProviderName", V1_3, Text, Mandatory, true),
    column("InvoiceDetailId", V1_4, Text, Conditional, true),
    column("InvoiceId", V1_2, Text, Conditional, true),
    column("InvoiceIssuerName", V1_0, Text, Mandatory, false),
    column("ListCost", V1_0, Decimal, Mandatory, false),
    column("ListUnitPrice", V1_0, Decimal, Conditional, true),
    column("PricingCategory", V1_0, Text, Conditional, true),
    column("PricingCurrency", V1_2, Text, Conditional, false),
    column("PricingCurrencyContractedUnitPrice", V1_2, Decimal, Conditional, true),
    column("PricingCurrencyEffectiveCost", V1_2, Decimal, Conditional, false),
    column("PricingCurrencyListUnitPrice", V1_2, Decimal, Conditional, true),
    column("PricingQuantity", V1_0, Decimal, Mandatory, true),
    column("PricingUnit", V1_0, Text, Mandatory, true),
    column("ProviderName", V1_0, Text, Mandatory, false),
    column("PublisherName", V1_0, Text, Mandatory, false),
    column("RegionId", V1_0, Text, Conditional, true),
    column("RegionName", V1_0, Text, Conditional, true),
    column("ResourceId", V1_0, Text, Conditional, true),
    column("ResourceName", V1_0, Text, Conditional, true),
    column("ResourceType", V1_0, Text, Conditional, true),
    column("ServiceCategory", V1_0, Text, Mandatory, false),
    column("ServiceName", V1_0, Text, Mandatory, false),
    column("ServiceProviderName", V1_3, Text, Mandatory, false),
    column("ServiceSubcategory", V1_1, Text, Recommended, false),
    column("SkuId", V1_0, Text, Conditional, true),
    column("SkuMeter", V1_1, Text, Conditional, true),
    column("SkuPriceDetails", V1_1, Json, Conditional, true),
    column("SkuPriceId", V1_0, Text, Conditional, true),
    column("SubAccountId", V1_0, Text, Conditional, true),
    column("SubAccountName", V1_0, Text, Conditional, true),
    column("SubAccountType", V1_2, Text, Conditional, true),
    column("Tags", V1_0, Json, Conditional, true),
];

/// The four costs, in the order of [`crate::bill::Costs`].
pub const COSTS: [&str; 4] = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];

/// The specification's column of this name, however it is capitalised.
pub fn find(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The columns every file of a version must have.
pub fn mandatory(version: FocusVersion) -> impl Iterator<Item = &'static Column> {
    let renamed = move |name: &str| version >= V1_4 && (name == "ProviderName" || name == "PublisherName");
    COLUMNS
        .iter()
        .filter(move |column| column.level == Mandatory && column.since <= version && !renamed(column.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts as the specification's own column lists have them.
    #[test]
    fn each_version_has_as_many_columns_as_the_specification() {
        let until = |version| COLUMNS.iter().filter(|column| column.since <= version).count();
        assert_eq!([until(V1_0), until(V1_1), until(V1_2), until(V1_3)], [43, 50, 57, 65]);
        assert_eq!(until(V1_4), 65 + 2);
    }

    #[test]
    fn names_are_found_however_they_are_capitalised() {
        assert_eq!(find("billedcost").unwrap().name, "BilledCost");
        assert_eq!(find("TAGS").unwrap().kind, Json);
        assert!(find("x_ServiceCode").is_none());
    }

    #[test]
    fn the_four_costs_are_mandatory_in_every_version() {
        for version in [V1_0, V1_1, V1_2, V1_3, V1_4] {
            for cost in COSTS {
                assert!(mandatory(version).any(|column| column.name == cost), "{cost} in {version}");
            }
        }
        assert!(mandatory(V1_2).any(|column| column.name == "ProviderName"));
        assert!(!mandatory(V1_4).any(|column| column.name == "ProviderName"));
    }
}
