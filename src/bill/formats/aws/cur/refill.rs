//! A row that differs from the one before in costs, quantities, times and the operation only: most rows of a report do,
//! and then names, places and tags stay as they are filled.

use super::columns::In;
use super::prices::fill_pricing_currency;
use super::{CurFill, Out, SPLIT_OPERATIONS};
use crate::bill::formats::mapping::Filled;
use crate::bill::warnings::{Place, Warnings};

/// What [`CurFill::fill_charge`] fills.
#[rustfmt::skip]
const OF_CHARGE: &[usize] = &[
    Out::ChargeCategory as usize, Out::ChargeFrequency as usize, Out::ChargeClass as usize, Out::BilledCost as usize,
    Out::EffectiveCost as usize, Out::ListCost as usize, Out::ContractedCost as usize, Out::PricingQuantity as usize,
    Out::PricingUnit as usize, Out::ConsumedQuantity as usize, Out::ConsumedUnit as usize, Out::ListUnitPrice as usize,
    Out::ContractedUnitPrice as usize, Out::x_PurchaseOption as usize, Out::PricingCategory as usize,
    Out::CommitmentDiscountId as usize, Out::CommitmentDiscountCategory as usize, Out::CommitmentDiscountType as usize,
    Out::CommitmentDiscountStatus as usize, Out::CommitmentDiscountQuantity as usize,
    Out::CommitmentDiscountUnit as usize, Out::CapacityReservationId as usize, Out::CapacityReservationStatus as usize,
    Out::PricingCurrencyEffectiveCost as usize, Out::PricingCurrencyListUnitPrice as usize,
    Out::PricingCurrencyContractedUnitPrice as usize,
];
/// What is filled again where a row differs from the one before in costs, quantities and times only.
pub(super) const REFILLED: &[usize] = &refilled();

const fn refilled() -> [usize; OF_CHARGE.len() + 3] {
    let mut all = [0; OF_CHARGE.len() + 3];
    let mut place = 0;
    while place < OF_CHARGE.len() {
        all[place] = OF_CHARGE[place];
        place += 1;
    }
    all[place] = Out::x_Operation as usize;
    all[place + 1] = Out::ChargePeriodStart as usize;
    all[place + 2] = Out::ChargePeriodEnd as usize;
    all
}

impl CurFill {
    /// As [`crate::bill::formats::mapping::Fill::refill`].
    pub(super) fn refill_slight(
        &mut self,
        cells: &[&str],
        changed: &[usize],
        out: &mut Filled,
        (place, warnings): (Place, &mut Warnings),
    ) -> Option<&'static [usize]> {
        let is_lasting = |column: &usize| self.is_lasting.get(*column).copied().unwrap_or(true);
        let operation = self.found.text(cells, In::Operation);
        if !self.is_plain || SPLIT_OPERATIONS.contains(&operation) || changed.iter().any(is_lasting) {
            return None;
        }
        let line = self.line(cells, place, warnings);
        out.set(Out::x_Operation, operation);
        self.fill_times(cells, out);
        out.clear(OF_CHARGE);
        self.fill_charge(cells, &line, out, place, warnings);
        fill_pricing_currency(out);
        Some(REFILLED)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::columns;
    use super::*;
    use crate::bill::error::BillError;
    use crate::bill::formats::{RowSink, SourceRow};

    /// Both ways of mapping, row after row.
    struct Both {
        names: Vec<String>,
        rows: Vec<Vec<String>>,
        /// Rows that came as what changed.
        changed: usize,
    }

    impl RowSink for Both {
        fn take(
            &mut self,
            cells: &[&str],
            changed: Option<&[usize]>,
            _place: Place,
            _warnings: &mut Warnings,
        ) -> Result<(), BillError> {
            if let Some(changed) = changed {
                self.changed += 1;
                let before = self.rows.last().unwrap();
                for (column, (cell, before)) in cells.iter().zip(before).enumerate() {
                    assert!(
                        cell == before || changed.contains(&column),
                        "{} changed unsaid",
                        self.names[column]
                    );
                }
            }
            self.rows.push(cells.iter().map(|cell| (*cell).to_owned()).collect());
            Ok(())
        }
    }

    /// Rows of few values in each column, so that neighbours have much in common, with every type of line.
    #[test]
    fn rows_mapped_by_what_changed_are_as_those_mapped_whole() {
        let mut header: Vec<String> =
            columns::INPUTS.iter().map(|(_, letters)| (*letters).to_owned()).collect();
        header.extend(["resourceTags/user:team", "costCategory/unit", "kept/Column"].map(str::to_owned));
        header[In::LineType as usize] = "lineItem/LineItemType".to_owned();
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 20) % below
        };
        let kinds = [
            "Usage",
            "SavingsPlanCoveredUsage",
            "DiscountedUsage",
            "RIFee",
            "Tax",
            "SavingsPlanNegation",
            "X",
        ];
        let mut value = |name: &str| -> String {
            let choices: &[&str] = match name {
                "lineItem/LineItemType" => &kinds,
                "lineitemoperation" => &["RunInstances", "EKSPod-EC2", "", "Hourly"],
                "lineitemusagestartdate" | "lineitemusageenddate" => {
                    &["2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z", "2026-10-02T23:59:59Z"]
                }
                "lineitemlegalentity" => &["", "Other Seller"],
                "product" => &["", r#"{"region":"eu-west-1"}"#],
                "discount" => &["{}", r#"{"total_discount":"1.5"}"#],
                "resourceTags/user:team" => &["", "chat"],
                _ => &["", "0", "1.5", "12"],
            };
            choices[draw(choices.len() as u64) as usize].to_owned()
        };
        let mut plans =
            [0, 1].map(|_| crate::bill::formats::plan(&header, &[], Path::new("cur.csv")).unwrap());
        let mut warnings = [0, 1].map(|_| Warnings::new("cur.csv"));
        let names: Vec<String> = plans[0].targets.iter().map(|target| target.name.clone()).collect();
        let mut whole = Both { names: names.clone(), rows: Vec::new(), changed: 0 };
        let mut by_change = Both { names, rows: Vec::new(), changed: 0 };
        let mut row: Vec<String> = header.iter().map(|name| value(name)).collect();
        let mut state = 7_u64;
        for number in 0..20_000_u64 {
            let mut changed = Vec::new();
            for (column, name) in header.iter().enumerate() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Costs and times change often, the others seldom.
                let slight =
                    columns::SLIGHT.iter().any(|slight| *slight as usize == column) || name == "kept/Column";
                if (state >> 33) % 1_000 < if slight { 300 } else { 4 } {
                    let new = value(name);
                    if new != row[column] {
                        row[column] = new;
                        changed.push(column);
                    }
                }
            }
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let place = Place { line: Some(number + 2), row: number + 1 };
            let [plan, other] = &mut plans;
            let [said, heard] = &mut warnings;
            plan.mapper
                .map(&cells, place, said, &mut |cells, place, said| whole.take(cells, None, place, said))
                .unwrap();
            let known = (number > 0).then_some(changed.as_slice());
            other
                .mapper
                .map_changed(&SourceRow { cells: &cells, place, changed: known }, heard, &mut by_change)
                .unwrap();
            assert_eq!(whole.rows.len(), by_change.rows.len(), "row {number}");
            for (column, (a, b)) in
                whole.rows.iter().flatten().zip(by_change.rows.iter().flatten()).enumerate()
            {
                assert_eq!(a, b, "{} of row {number}", whole.names[column % whole.names.len()]);
            }
            whole.rows.drain(..whole.rows.len().saturating_sub(1));
            by_change.rows.drain(..by_change.rows.len().saturating_sub(1));
        }
        assert!((2_000..18_000).contains(&by_change.changed), "{} rows by what changed", by_change.changed);
        let [said, heard] = warnings.map(Warnings::finish);
        assert_eq!(said, heard);
    }
}
