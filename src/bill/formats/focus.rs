//! FOCUS "Cost and Usage": which version a header is, which columns are missing, what each column becomes.
//!
//! The version is told from columns that only newer ones have (FOCUS specification, column lists of 1.0 to 1.4).

use std::collections::HashSet;
use std::path::Path;

use super::{Kind, Plan, Same, Target};
use crate::bill::columns::{self, ColumnType, FocusVersion};
use crate::bill::error::BillError;

/// Fewer FOCUS names than this, and without the marks of a bill, a header is something else.
const ENOUGH_NAMES: usize = 8;
/// Together these are in no other format.
const MARKS: [&str; 3] = ["BilledCost", "ChargeCategory", "ChargePeriodStart"];
/// Without these no question about a bill can be answered.
const NEEDED: [&str; 4] = ["BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart"];
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
    for (index, name) in header.iter().enumerate() {
        let target = target(index, name.trim());
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
    Ok(Plan { kind: Kind::Focus(version), targets, remarks, mapper: Box::new(Same) })
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
