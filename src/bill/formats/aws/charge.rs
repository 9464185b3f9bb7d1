//! What a line of Amazon's Cost and Usage Report is, and what it costs on each of the four bases.
//!
//! The amortised cost is the one of AWS's own dashboards (CUDOS, `summary_view`), with one difference in form: the
//! fee of a commitment is a purchase without effective cost, and the part of the commitment that nothing used
//! becomes a row of its own, as FOCUS 1.2 has it. The sums are the same. Knows amounts, no columns.

use std::borrow::Cow;

use crate::bill::exact::Exact;
use crate::bill::formats::mapping::amount;
use crate::bill::warnings::{Place, Trouble, Warnings};

/// `lineItem/LineItemType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineType {
    Usage,
    DiscountedUsage,
    PlanCoveredUsage,
    PlanNegation,
    PlanRecurringFee,
    PlanUpfrontFee,
    ReservationFee,
    Fee,
    FlatRate,
    Tax,
    Credit,
    Refund,
    /// Enterprise, private-rate, bundled and other discounts that are lines of their own.
    Discount,
    Unknown,
}

impl LineType {
    /// The type of this name.
    pub fn read(name: &str) -> Self {
        match name {
            "Usage" => Self::Usage,
            "DiscountedUsage" => Self::DiscountedUsage,
            "SavingsPlanCoveredUsage" => Self::PlanCoveredUsage,
            "SavingsPlanNegation" => Self::PlanNegation,
            "SavingsPlanRecurringFee" => Self::PlanRecurringFee,
            "SavingsPlanUpfrontFee" => Self::PlanUpfrontFee,
            "RIFee" => Self::ReservationFee,
            "Fee" => Self::Fee,
            "FlatRateSubscription" => Self::FlatRate,
            "Tax" => Self::Tax,
            "Credit" => Self::Credit,
            "Refund" => Self::Refund,
            other if other.ends_with("Discount") => Self::Discount,
            _ => Self::Unknown,
        }
    }

    /// Capacity or requests that were used, and have a price.
    pub fn is_use(self) -> bool {
        matches!(self, Self::Usage | Self::DiscountedUsage | Self::PlanCoveredUsage)
    }

    /// `ChargeCategory`; empty for a type that is not known.
    pub fn category(self, refunds_commitment: bool, taxed: bool) -> &'static str {
        match self {
            // A refund is of the category of what is refunded.
            Self::Refund if refunds_commitment => "Purchase",
            Self::Refund if taxed => "Tax",
            Self::Usage
            | Self::DiscountedUsage
            | Self::PlanCoveredUsage
            | Self::PlanNegation
            | Self::Discount
            | Self::Refund => "Usage",
            Self::PlanRecurringFee
            | Self::PlanUpfrontFee
            | Self::ReservationFee
            | Self::Fee
            | Self::FlatRate => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Unknown => "",
        }
    }

    /// `ChargeFrequency`.
    pub fn frequency(self) -> &'static str {
        match self {
            Self::Usage
            | Self::DiscountedUsage
            | Self::PlanCoveredUsage
            | Self::PlanNegation
            | Self::Discount => "Usage-Based",
            Self::PlanRecurringFee | Self::ReservationFee | Self::FlatRate => "Recurring",
            Self::PlanUpfrontFee | Self::Fee | Self::Tax | Self::Credit | Self::Refund => "One-Time",
            Self::Unknown => "",
        }
    }
}

/// The cells that the formulas need; empty where the file has none.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cells<'c> {
    pub unblended: &'c str,
    pub net_unblended: &'c str,
    pub public_on_demand: &'c str,
    /// `discount/TotalDiscount` or `total_discount` of the map.
    pub discount: &'c str,
    pub plan_effective: &'c str,
    pub plan_net_effective: &'c str,
    pub plan_total: &'c str,
    pub plan_used: &'c str,
    pub reserved_effective: &'c str,
    pub reserved_net_effective: &'c str,
    pub unused_upfront: &'c str,
    pub unused_recurring: &'c str,
    pub net_unused_upfront: &'c str,
    pub net_unused_recurring: &'c str,
}

/// The part of a commitment that nothing used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unused {
    Nothing,
    Cost(Exact),
    /// The file does not say.
    Untold,
}

/// The four costs as text; empty where the file does not tell.
#[derive(Debug)]
pub(super) struct Costs<'c> {
    pub billed: &'c str,
    pub effective: &'c str,
    pub list: &'c str,
    pub contracted: Cow<'c, str>,
    /// The price is reduced by a discount that the row carries itself.
    pub discounted: bool,
    pub unused: Unused,
}

/// What kind of thing a line is about, as far as its costs depend on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub line: LineType,
    pub has_reservation: bool,
    pub is_plan_product: bool,
}

/// The costs of a line.
pub(super) fn costs<'c>(about: About, cells: &Cells<'c>, place: Place, warnings: &mut Warnings) -> Costs<'c> {
    use LineType as L;
    let line = about.line;
    let billed = either(cells.net_unblended, cells.unblended);
    let mut unused = Unused::Nothing;
    let effective = match line {
        L::PlanCoveredUsage => needed(
            either(cells.plan_net_effective, cells.plan_effective),
            "savingsPlan/SavingsPlanEffectiveCost",
            place,
            warnings,
        ),
        L::DiscountedUsage => needed(
            either(cells.reserved_net_effective, cells.reserved_effective),
            "reservation/EffectiveCost",
            place,
            warnings,
        ),
        L::PlanRecurringFee => {
            let names = ["savingsPlan/TotalCommitmentToDate", "savingsPlan/UsedCommitment"];
            let of = [cells.plan_total, cells.plan_used];
            unused = combined(names, of, Exact::checked_sub, place, warnings);
            "0"
        }
        L::ReservationFee => {
            let names =
                ["reservation/UnusedAmortizedUpfrontFeeForBillingPeriod", "reservation/UnusedRecurringFee"];
            let of = [
                either(cells.net_unused_upfront, cells.unused_upfront),
                either(cells.net_unused_recurring, cells.unused_recurring),
            ];
            unused = combined(names, of, Exact::checked_add, place, warnings);
            "0"
        }
        L::PlanNegation | L::PlanUpfrontFee => "0",
        L::Fee if about.has_reservation => "0",
        L::Refund if about.is_plan_product => "0",
        _ => billed,
    };
    let list = match line {
        L::PlanNegation | L::Discount => "0",
        // FOCUS 1.2, ListCost-C-008: what has no price of its own counts as it is billed.
        L::Tax | L::Credit | L::Refund => billed,
        // What a commitment covers has its list cost on the rows of its use.
        L::PlanRecurringFee | L::PlanUpfrontFee | L::ReservationFee => either(cells.public_on_demand, "0"),
        L::Fee if about.has_reservation => either(cells.public_on_demand, "0"),
        // Other fees have no public price, which the report writes as 0.
        L::Fee | L::FlatRate if is_zero(cells.public_on_demand) => billed,
        // Nor has what others sell over the Marketplace: at 0 what costs something would be given away at list price.
        L::Usage if has_no_public_price(cells) => either(cells.unblended, billed),
        _ => cells.public_on_demand,
    };
    let mut discounted = false;
    let contracted = if line.is_use() && !is_zero(cells.discount) {
        discounted = true;
        let read = |text, column, warnings: &mut Warnings| amount(text, column, place, warnings);
        let discount = read(cells.discount, "discount/TotalDiscount", warnings);
        let list = read(list, "pricing/publicOnDemandCost", warnings);
        // A discount is less to pay, whatever sign it is written with.
        let reduced = |list: Exact, discount: Exact| list.checked_sub(Exact(discount.0.abs()));
        let contracted = list.zip(discount).and_then(|(list, discount)| reduced(list, discount));
        Cow::Owned(contracted.map(|amount| amount.to_string()).unwrap_or_default())
    } else if matches!(line, L::Discount) {
        Cow::Borrowed(billed)
    } else {
        Cow::Borrowed(list)
    };
    Costs { billed, effective, list, contracted, discounted, unused }
}

/// Use that is paid for, and whose public price is told as 0.
pub(super) fn has_no_public_price(cells: &Cells<'_>) -> bool {
    !cells.public_on_demand.is_empty() && is_zero(cells.public_on_demand) && !is_zero(cells.unblended)
}

/// The first that has a value.
pub(super) fn either<'c>(first: &'c str, second: &'c str) -> &'c str {
    if first.is_empty() { second } else { first }
}

/// Nothing, or a zero however it is written.
pub(super) fn is_zero(text: &str) -> bool {
    text.is_empty() || Exact::read(text).is_ok_and(|read| read.value == Exact(0))
}

fn needed<'c>(text: &'c str, column: &str, place: Place, warnings: &mut Warnings) -> &'c str {
    if text.is_empty() {
        incomplete("EffectiveCost", column, place, warnings);
    }
    text
}

fn incomplete(result: &str, column: &str, place: Place, warnings: &mut Warnings) {
    warnings.add(Trouble::Incomplete, place.line, Some(column), || {
        format!("{result}{} stays empty because {column} has no value", place.words())
    });
}

fn combined(
    names: [&str; 2],
    cells: [&str; 2],
    operation: fn(Exact, Exact) -> Option<Exact>,
    place: Place,
    warnings: &mut Warnings,
) -> Unused {
    for (name, cell) in names.iter().zip(cells) {
        if cell.is_empty() {
            incomplete("the cost of what a commitment left unused", name, place, warnings);
        }
    }
    let [a, b] = [0, 1].map(|at| amount(cells[at], names[at], place, warnings));
    match a.zip(b).and_then(|(a, b)| operation(a, b)) {
        Some(Exact(0)) => Unused::Nothing,
        Some(cost) => Unused::Cost(cost),
        None => Unused::Untold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked(line: &str, about: (bool, bool), cells: &Cells<'_>) -> ([String; 4], Unused, u64) {
        let mut warnings = Warnings::new("cur.csv");
        let about = About { line: LineType::read(line), has_reservation: about.0, is_plan_product: about.1 };
        let place = Place { line: Some(2), row: 1 };
        let costs = costs(about, cells, place, &mut warnings);
        let found = [costs.billed, costs.effective, costs.list, &costs.contracted].map(str::to_owned);
        (found, costs.unused, warnings.finish().1)
    }

    fn exact(text: &str) -> Unused {
        Unused::Cost(Exact::read(text).unwrap().value)
    }

    /// The formulas of `summary_view`, worked out by hand.
    #[test]
    fn every_type_of_line_has_the_costs_of_the_formula() {
        let all = Cells {
            unblended: "10",
            public_on_demand: "12",
            plan_effective: "6.5",
            plan_total: "4",
            plan_used: "3.25",
            reserved_effective: "7.5",
            unused_upfront: "0.5",
            unused_recurring: "1.75",
            ..Cells::default()
        };
        let free = Cells { public_on_demand: "0.0", ..all };
        let no = (false, false);
        for (line, about, cells, expected, unused) in [
            ("Usage", no, &all, ["10", "10", "12", "12"], Unused::Nothing),
            ("Usage", no, &free, ["10", "10", "10", "10"], Unused::Nothing),
            ("Usage", no, &Cells { unblended: "0", ..free }, ["0", "0", "0.0", "0.0"], Unused::Nothing),
            ("SavingsPlanCoveredUsage", no, &all, ["10", "6.5", "12", "12"], Unused::Nothing),
            ("SavingsPlanNegation", no, &all, ["10", "0", "0", "0"], Unused::Nothing),
            ("SavingsPlanRecurringFee", no, &free, ["10", "0", "0.0", "0.0"], exact("0.75")),
            ("SavingsPlanUpfrontFee", no, &free, ["10", "0", "0.0", "0.0"], Unused::Nothing),
            ("DiscountedUsage", no, &all, ["10", "7.5", "12", "12"], Unused::Nothing),
            ("RIFee", no, &free, ["10", "0", "0.0", "0.0"], exact("2.25")),
            ("Fee", (true, false), &free, ["10", "0", "0.0", "0.0"], Unused::Nothing),
            ("Fee", no, &free, ["10", "10", "10", "10"], Unused::Nothing),
            ("Refund", (false, true), &free, ["10", "0", "10", "10"], Unused::Nothing),
            ("Refund", no, &free, ["10", "10", "10", "10"], Unused::Nothing),
            ("Credit", no, &free, ["10", "10", "10", "10"], Unused::Nothing),
            ("Tax", no, &free, ["10", "10", "10", "10"], Unused::Nothing),
            ("EdpDiscount", no, &free, ["10", "10", "0", "10"], Unused::Nothing),
        ] {
            let (found, left, warnings) = worked(line, about, cells);
            assert_eq!(found, expected, "{line}");
            assert_eq!((left, warnings), (unused, 0), "{line}");
        }
    }

    #[test]
    fn net_amounts_go_before_gross_ones() {
        let cells = Cells {
            unblended: "10",
            net_unblended: "9",
            public_on_demand: "12",
            discount: "-1.5",
            plan_effective: "6",
            plan_net_effective: "5.4",
            reserved_effective: "7",
            reserved_net_effective: "6.3",
            unused_upfront: "1",
            unused_recurring: "2",
            net_unused_upfront: "0.9",
            net_unused_recurring: "1.8",
            ..Cells::default()
        };
        assert_eq!(worked("Usage", (false, false), &cells).0, ["9", "9", "12", "10.5"]);
        assert_eq!(worked("SavingsPlanCoveredUsage", (false, false), &cells).0[1], "5.4");
        assert_eq!(worked("DiscountedUsage", (false, false), &cells).0[1], "6.3");
        assert_eq!(worked("RIFee", (false, false), &cells).1, exact("2.7"));
        assert_eq!(worked("EdpDiscount", (false, false), &Cells { net_unblended: "0", ..cells }).0[0], "0");
    }

    #[test]
    fn a_cell_that_a_formula_lacks_leaves_its_result_empty_and_is_said() {
        let cells = Cells { unblended: "10", plan_total: "4", ..Cells::default() };
        let (costs, _, warnings) = worked("SavingsPlanCoveredUsage", (false, false), &cells);
        assert_eq!((costs[1].as_str(), warnings), ("", 1));
        let (costs, unused, warnings) = worked("SavingsPlanRecurringFee", (false, false), &cells);
        assert_eq!((costs[1].as_str(), unused, warnings), ("0", Unused::Untold, 1));
        let cells = Cells { unused_upfront: "1", unused_recurring: "No Upfront", ..Cells::default() };
        let (_, unused, warnings) = worked("RIFee", (false, false), &cells);
        assert_eq!((unused, warnings), (Unused::Untold, 1));
    }
}
