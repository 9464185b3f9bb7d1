//! FOCUS "Cost and Usage": which version a header is, which columns are missing, what each column becomes.
//!
//! The version is told from columns that only newer ones have (FOCUS specification, column lists of 1.0 to 1.4). Rows
//! go through as their provider wrote them, but for two things that would part what is one: values of which FOCUS has a
//! list are spelt as it spells them, and names of the drafts before 1.0, which Oracle's FOCUS reports still have, are
//! those of the columns that replaced them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::{EachRow, Kind, Mapper, Plan, Target, json};
use crate::bill::columns::{self, ColumnType, FocusVersion};
use crate::bill::error::BillError;
use crate::bill::warnings::{Place, Warnings};

/// Fewer FOCUS names than this, and without the marks of a bill, a header is something else.
const ENOUGH_NAMES: usize = 8;
/// Together these are in no other format.
const MARKS: [&str; 3] = ["BilledCost", "ChargeCategory", "ChargePeriodStart"];
/// Without these no question about a bill can be answered.
const NEEDED: [&str; 4] = ["BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart"];
/// Columns of the drafts before 1.0, and what replaced them.
const DRAFT: [(&str, &str); 7] = [
    ("Provider", "ProviderName"),
    ("Publisher", "PublisherName"),
    ("InvoiceIssuer", "InvoiceIssuerName"),
    ("Region", "RegionId"),
    ("ChargeType", "ChargeCategory"),
    ("UsageQuantity", "ConsumedQuantity"),
    ("UsageUnit", "ConsumedUnit"),
];
/// Columns with a list of values in FOCUS 1.2; other values than these are kept.
const VALUES: [(&str, &[&str]); 7] = [
    ("CapacityReservationStatus", &["Used", "Unused"]),
    ("ChargeCategory", &["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    ("ChargeClass", &["Correction"]),
    ("ChargeFrequency", &["One-Time", "Recurring", "Usage-Based"]),
    ("CommitmentDiscountCategory", &["Spend", "Usage"]),
    ("CommitmentDiscountStatus", &["Used", "Unused"]),
    ("PricingCategory", &["Standard", "Dynamic", "Committed", "Other"]),
];
/// Google's FOCUS view has lists in these columns: one category, and the keys and values of tags.
const LISTED: &str = "ServiceCategory";
const TAGS: &str = "Tags";
/// Written by the importer; a bill that has it was exported from a store.
pub const RULE_COLUMN: &str = "x_InferenceRule";

/// The version of a FOCUS header; `None` when the header is something else.
pub fn version(header: &[String]) -> Option<FocusVersion> {
    let names: HashSet<&str> =
        header.iter().filter_map(|name| columns::find(name.trim())).map(|column| column.name).collect();
    let has = |name: &str| names.contains(name);
    if names.len() < ENOUGH_NAMES && !MARKS.iter().all(|name| has(name)) {
        return None;
    }
    Some(if has("ServiceProviderName") && !has("ProviderName") {
        FocusVersion::V1_4
    } else if has("ServiceProviderName") {
        FocusVersion::V1_3
    } else if has("InvoiceId") || has("PricingCurrency") || has("BillingAccountType") {
        FocusVersion::V1_2
    } else if has("SkuMeter") || has("ServiceSubcategory") {
        FocusVersion::V1_1
    } else {
        FocusVersion::V1_0
    })
}

/// What each column becomes, and what is odd about the header.
///
/// # Errors
/// A column that is needed is missing, or there twice.
pub fn plan(version: FocusVersion, header: &[String], path: &Path) -> Result<Plan, BillError> {
    let mut targets = Vec::with_capacity(header.len());
    let mut seen = HashSet::new();
    let is_there = |name: &str| header.iter().any(|other| other.trim().eq_ignore_ascii_case(name));
    let is_draft = is_there("Provider") && !is_there("ProviderName") && !is_there("ServiceProviderName");
    let mut renamed = Vec::new();
    for (index, name) in header.iter().enumerate() {
        let name = name.trim();
        let new =
            DRAFT.iter().find(|(old, new)| is_draft && old.eq_ignore_ascii_case(name) && !is_there(new));
        renamed.extend(new.map(|(old, new)| format!("{old} as {new}")));
        let target = target(index, new.map_or(name, |(_, new)| new));
        if !seen.insert(target.name.to_ascii_lowercase()) {
            return Err(BillError::DuplicateColumn { column: target.name, path: path.to_owned() });
        }
        targets.push(target);
    }
    let has = |name: &str| targets.iter().any(|target| target.name == name);
    let missing: Vec<String> = NEEDED.into_iter().filter(|name| !has(name)).map(str::to_owned).collect();
    if !missing.is_empty() {
        return Err(BillError::MissingColumns { missing, path: path.to_owned() });
    }

    let mut remarks = Vec::new();
    if version > FocusVersion::V1_2 {
        remarks.push((
            None,
            format!("FOCUS {version} is newer than 1.2; its additional columns are kept and not interpreted"),
        ));
    }
    let absent: Vec<&str> =
        columns::mandatory(version).map(|column| column.name).filter(|name| !has(name)).collect();
    if !absent.is_empty() {
        remarks.push((
            None,
            format!("FOCUS {version} demands columns this file does not have: {}", absent.join(", ")),
        ));
    }
    if !renamed.is_empty() {
        let words =
            "columns are called as in a draft before FOCUS 1.0 and are read as those that replaced them";
        remarks.push((None, format!("{words}: {}", renamed.join(", "))));
    }
    let mapper = Box::new(Spelling::new(&targets));
    Ok(Plan { kind: Kind::Focus(version), targets, remarks, mapper })
}

/// A column whose values are spelt as FOCUS does.
struct Listed {
    at: usize,
    column: &'static str,
    values: &'static [&'static str],
    /// Cells that were spelt otherwise, and the first of them.
    respelt: u64,
    first: String,
}

/// Hands rows on, the values that FOCUS lists in its spelling.
struct Spelling {
    listed: Vec<Listed>,
    category: Option<usize>,
    tags: Option<usize>,
}

impl Spelling {
    fn new(targets: &[Target]) -> Self {
        let at = |name: &str| targets.iter().position(|target| target.name == name);
        let listed = VALUES.iter().filter_map(|(column, values)| {
            Some(Listed { at: at(column)?, column, values, respelt: 0, first: String::new() })
        });
        Self { listed: listed.collect(), category: at(LISTED), tags: at(TAGS) }
    }
}

impl Mapper for Spelling {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let mut changed: Vec<(usize, Cow<'_, str>)> = Vec::new();
        for Listed { at, values, respelt, first, .. } in &mut self.listed {
            let cell = cells.get(*at).copied().unwrap_or("");
            if cell.is_empty() || values.contains(&cell) {
                continue;
            }
            if let Some(value) = values.iter().find(|value| value.eq_ignore_ascii_case(cell.trim())) {
                if *respelt == 0 {
                    cell.clone_into(first);
                }
                *respelt += 1;
                changed.push((*at, Cow::Borrowed(value)));
            }
        }
        if let Some(at) = self.category
            && let Some(list) = cells.get(at).filter(|cell| cell.starts_with('['))
            && let Some(&[only]) = json::items(list).as_deref()
        {
            changed.push((at, json::plain(only)));
        }
        if let Some(at) = self.tags
            && let Some(list) = cells.get(at).filter(|cell| cell.starts_with('['))
            && let Some(pairs) = json::pairs(list)
        {
            let text = if pairs.is_empty() { String::new() } else { Value::Object(pairs).to_string() };
            changed.push((at, Cow::Owned(text)));
        }
        if changed.is_empty() {
            return row(cells, place, warnings);
        }
        let mut cells = cells.to_vec();
        for (at, value) in &changed {
            cells[*at] = value;
        }
        row(&cells, place, warnings)
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        for Listed { column, respelt, first, .. } in self.listed.iter().filter(|listed| listed.respelt > 0) {
            let words = format!(
                "values are spelt in another case than FOCUS's, and were given its spelling: {respelt}, such as `{first}`"
            );
            warnings.about_file(Some(column), words);
        }
    }
}

fn target(index: usize, name: &str) -> Target {
    match columns::find(name) {
        Some(column) => Target { name: column.name.to_owned(), kind: column.kind },
        None if name.is_empty() => Target { name: format!("x_Unnamed{}", index + 1), kind: ColumnType::Text },
        None => Target { name: name.to_owned(), kind: ColumnType::Text },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::columns::COLUMNS;
    use crate::bill::formats::inputs::testing::table;

    /// All columns of a version, as a complete export has them.
    fn header(version: FocusVersion) -> Vec<String> {
        COLUMNS.iter().filter(|column| column.since <= version).map(|column| column.name.to_owned()).collect()
    }

    #[test]
    fn the_version_is_told_from_the_newest_columns() {
        for expected in [FocusVersion::V1_0, FocusVersion::V1_1, FocusVersion::V1_2, FocusVersion::V1_3] {
            assert_eq!(version(&header(expected)), Some(expected));
        }
        let mut newest = header(FocusVersion::V1_4);
        newest.retain(|name| name != "ProviderName" && name != "PublisherName");
        assert_eq!(version(&newest), Some(FocusVersion::V1_4));
    }

    /// The header of Oracle's FOCUS reports.
    const ORACLE: &str = "AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,\
        BillingPeriodEnd,BillingPeriodStart,ChargeCategory,ChargeDescription,ChargeFrequency,ChargePeriodEnd,\
        ChargePeriodStart,ChargeSubcategory,CommitmentDiscountCategory,CommitmentDiscountId,CommitmentDiscountName,\
        CommitmentDiscountType,EffectiveCost,InvoiceIssuer,ListCost,ListUnitPrice,PricingCategory,PricingQuantity,\
        PricingUnit,Provider,Publisher,Region,ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,SkuId,\
        SkuPriceId,SubAccountId,SubAccountName,Tags,UsageQuantity,UsageUnit,oci_ReferenceNumber";

    #[test]
    fn names_of_a_draft_are_those_of_the_columns_that_replaced_them() {
        let header: Vec<String> = ORACLE.to_lowercase().split(',').map(str::to_owned).collect();
        assert_eq!(version(&header), Some(FocusVersion::V1_0));
        let plan = plan(FocusVersion::V1_0, &header, Path::new("b.csv")).unwrap();
        let has = |name: &str| plan.targets.iter().any(|target| target.name == name);
        for (_, new) in DRAFT {
            assert!(has(new), "{new}");
        }
        assert!(has("oci_referencenumber") && !has("provider"));
        let said = plan.remarks.iter().find(|(_, words)| words.contains("draft")).unwrap();
        assert!(said.1.contains("Provider as ProviderName, Publisher as PublisherName"), "{}", said.1);
        // Beside the columns of 1.0 they are somebody's own.
        let mut own = super::tests::header(FocusVersion::V1_0);
        own.extend(["Provider", "Region"].map(str::to_owned));
        let own = super::plan(FocusVersion::V1_0, &own, Path::new("b.csv")).unwrap();
        assert!(own.targets.iter().any(|target| target.name == "Region") && own.remarks.is_empty());
    }

    #[test]
    fn values_that_focus_lists_are_spelt_as_it_spells_them() {
        let header = [
            "BilledCost",
            "BillingCurrency",
            "ChargeCategory",
            "ChargePeriodStart",
            "ChargeFrequency",
            "ServiceCategory",
            "Tags",
        ];
        let of = |category, frequency, service, tags| {
            [
                ("ChargeCategory", category),
                ("ChargeFrequency", frequency),
                ("ServiceCategory", service),
                ("Tags", tags),
            ]
        };
        let rows = [
            of("usage", "Usage-based", r#"["Compute"]"#, r#"[{"key":"team","value":"chat"}]"#),
            of("Usage", "Usage-Based", r#"["GCP","Compute"]"#, "[]"),
            of("Surcharge", "", "Compute", r#"{"team":"chat"}"#),
        ];
        let read = table(&header, &[], &[&rows[0], &rows[1], &rows[2]]);
        assert_eq!(read.column("ChargeCategory"), ["Usage", "Usage", "Surcharge"]);
        assert_eq!(read.column("ChargeFrequency"), ["Usage-Based", "Usage-Based", ""]);
        assert_eq!(read.column("ServiceCategory"), ["Compute", r#"["GCP","Compute"]"#, "Compute"]);
        assert_eq!(read.column("Tags"), [r#"{"team":"chat"}"#, "", r#"{"team":"chat"}"#]);
        assert_eq!(read.warnings.len(), 2, "{:?}", read.warnings);
        assert!(read.warns("1, such as `Usage-based`") && read.warns("1, such as `usage`"));
    }

    #[test]
    fn other_tables_are_not_focus() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(version(&names(&["date", "model", "cost_usd"])), None);
        assert_eq!(version(&names(&["BilledCost", "Tags", "ResourceId"])), None);
        assert_eq!(version(&[]), None);
    }

    #[test]
    fn missing_columns_are_named() {
        let mut header = header(FocusVersion::V1_2);
        header.retain(|name| name != "BilledCost" && name != "BillingCurrency");
        let error = plan(FocusVersion::V1_2, &header, Path::new("b.csv")).unwrap_err();
        assert!(error.to_string().contains("lacks the columns BilledCost, BillingCurrency"), "{error}");
    }

    #[test]
    fn a_mandatory_column_that_is_not_needed_is_a_remark() {
        let mut header = header(FocusVersion::V1_0);
        header.retain(|name| name != "ListCost" && name != "BillingAccountName");
        let plan = plan(FocusVersion::V1_0, &header, Path::new("b.csv")).unwrap();
        assert_eq!(plan.remarks.len(), 1);
        assert!(plan.remarks[0].1.contains("BillingAccountName, ListCost"), "{}", plan.remarks[0].1);
    }

    #[test]
    fn a_column_that_stands_twice_is_refused_however_it_is_capitalised() {
        let mut header = header(FocusVersion::V1_0);
        header.push("billedcost".to_owned());
        let error = plan(FocusVersion::V1_0, &header, Path::new("b.csv")).unwrap_err();
        assert!(matches!(error, BillError::DuplicateColumn { column, .. } if column == "BilledCost"));
    }
}
