//! Reservations, Savings Plans and capacity reservations: what they are called and how much of them a line is.

use super::super::charge::LineType;
use super::super::names::unit_name;
use super::columns::In;
use super::{CurFill, Line, Out, UnusedRow};
use crate::bill::formats::mapping::Filled;

impl CurFill {
    pub(super) fn fill_commitment(&self, cells: &[&str], line: &Line<'_>, covered: bool, out: &mut Filled) {
        let (id, category, kind) = if line.plan.is_empty() {
            (line.reservation, "Usage", "Reserved Instance")
        } else {
            (line.plan, "Spend", "Savings Plan")
        };
        out.set(Out::CommitmentDiscountId, id);
        out.set(Out::CommitmentDiscountCategory, category);
        out.set(Out::CommitmentDiscountType, kind);
        if covered {
            out.set(Out::CommitmentDiscountStatus, "Used");
        }
        let text = |column| self.found.text(cells, column);
        let (quantity, unit) = match line.kind {
            LineType::PlanCoveredUsage => (text(In::PlanEffective), text(In::Currency)),
            LineType::PlanNegation => ("0", text(In::Currency)),
            LineType::PlanRecurringFee => (text(In::PlanTotal), text(In::Currency)),
            LineType::DiscountedUsage => self.reserved(cells, In::NormalizedAmount, In::Amount),
            LineType::ReservationFee => self.reserved(cells, In::ReservedNormalized, In::ReservedUnits),
            _ => ("", ""),
        };
        if !quantity.is_empty() && !unit.is_empty() {
            out.set(Out::CommitmentDiscountQuantity, quantity);
            out.set(Out::CommitmentDiscountUnit, &unit_name(unit));
        }
    }

    /// A quantity of a reservation, in normalized units where it counts for instances of several sizes.
    fn reserved<'c>(&self, cells: &[&'c str], normalized: In, plain: In) -> (&'c str, &'c str) {
        let text = |column| self.found.text(cells, column);
        let units = text(normalized);
        if units.is_empty() { (text(plain), text(In::Unit)) } else { (units, "Normalized units") }
    }

    pub(super) fn unused_row(&self, cells: &[&str], line: &Line<'_>, cost: &str) -> UnusedRow {
        let (quantity, unit) = if line.kind == LineType::PlanRecurringFee {
            (cost, self.found.text(cells, In::Currency))
        } else {
            self.reserved(cells, In::UnusedNormalized, In::UnusedUnits)
        };
        let quantity = if unit.is_empty() { "" } else { quantity };
        UnusedRow { cost: cost.to_owned(), quantity: quantity.to_owned(), unit: unit_name(unit).into_owned() }
    }

    pub(super) fn fill_capacity(&self, cells: &[&str], line: &Line<'_>, out: &mut Filled) {
        if line.capacity.is_empty() {
            return;
        }
        out.set(Out::CapacityReservationId, line.capacity);
        let told = self.found.text(cells, In::CapacityStatus);
        // Without a status the usage type tells: `UnusedBox:p5.48xlarge`, `UnusedDed:…`.
        let unused = ["UnusedBox", "UnusedDed"].iter().any(|word| line.usage_type.contains(word));
        let status = match told.to_ascii_lowercase().as_str() {
            "unused" => "Unused",
            "used" => "Used",
            "" if unused => "Unused",
            "" if line.kind.is_use() => "Used",
            _ => "",
        };
        out.set(Out::CapacityReservationStatus, status);
    }
}
