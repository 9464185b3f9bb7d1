//! What a row of Azure cost details is a charge for, and whether it comes of an actual or an amortized export.
//!
//! An actual export bills a commitment when it is bought and shows what it covers at no cost; an amortized one
//! has no purchase, and spreads its cost over what it covered and what nobody used. `BilledCost` and `EffectiveCost`
//! are therefore told row by row, from charge type and pricing model.

use crate::bill::exact::Exact;

/// `ChargeType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Something was used.
    Usage,
    /// A commitment was not.
    Unused,
    /// Something was bought.
    Purchase,
    /// Something bought was given back.
    Refund,
    /// Tax.
    Tax,
    /// A credit.
    Credit,
    /// Rounding and whatever else.
    Adjustment,
    /// The cell is empty.
    Untold,
}

impl Charge {
    /// Reads a charge type; false with those that Microsoft does not document, which are adjustments.
    pub fn read(text: &str) -> (Self, bool) {
        let charge = match word(text).as_str() {
            "" => Self::Untold,
            "usage" => Self::Usage,
            "unusedreservation" | "unusedsavingsplan" => Self::Unused,
            "purchase" => Self::Purchase,
            "refund" => Self::Refund,
            "tax" => Self::Tax,
            "credit" => Self::Credit,
            "roundingadjustment" | "adjustment" => Self::Adjustment,
            _ => return (Self::Adjustment, false),
        };
        (charge, true)
    }

    /// FOCUS's `ChargeCategory`.
    pub fn category(self) -> &'static str {
        match self {
            Self::Usage | Self::Unused => "Usage",
            Self::Purchase | Self::Refund => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
            Self::Untold => "",
        }
    }
}

/// Lower case, without spaces: exports write `SavingsPlan` and `Savings Plan`.
pub fn word(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Which of the two exports has such a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Both.
    Either,
    /// The actual one.
    Actual,
    /// The amortized one.
    Amortized,
}

impl View {
    /// As it is stored; empty for rows that both have.
    pub fn words(self) -> &'static str {
        match self {
            Self::Either => "",
            Self::Actual => "Actual",
            Self::Amortized => "Amortized",
        }
    }
}

/// What the one cost of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of it.
    Whole,
    /// Nothing.
    Zero,
    /// Not in the file.
    Untold,
}

/// How the one cost of a row becomes billed and effective cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// `BilledCost`.
    pub billed: Share,
    /// `EffectiveCost`.
    pub effective: Share,
    /// Which export the row is of.
    pub view: View,
}

/// Splits the cost of a row. `committed` says that its pricing model is a reservation or savings plan.
pub fn split(charge: Charge, committed: bool, cost: Option<Exact>, quantity: Option<Exact>) -> Split {
    use Share::{Untold, Whole, Zero};
    let of = |billed, effective, view| Split { billed, effective, view };
    let zero = Some(Exact::default());
    match (charge, committed) {
        // Nothing was used, so nothing was covered: both exports have such a row.
        (Charge::Usage, true) if cost == zero && quantity == zero => of(Zero, Zero, View::Either),
        (Charge::Usage, true) if cost == zero => of(Zero, Untold, View::Actual),
        (Charge::Usage, true) if cost.is_none() => of(Zero, Untold, View::Either),
        (Charge::Usage, true) | (Charge::Unused, _) => of(Zero, Whole, View::Amortized),
        (Charge::Purchase | Charge::Refund, true) => of(Whole, Zero, View::Actual),
        _ => of(Whole, Whole, View::Either),
    }
}

/// Rows by the export they are of.
#[derive(Debug, Default)]
pub struct Counts {
    /// Rows in all.
    pub rows: u64,
    /// Commitments bought or given back.
    pub purchases: u64,
    /// Usage under a commitment, without its share of the commitment's cost.
    pub uncosted: u64,
    /// Usage under a commitment, with its share.
    pub amortized: u64,
    /// Commitments that nobody used.
    pub unused: u64,
}

impl Counts {
    /// Counts a row.
    pub fn add(&mut self, charge: Charge, view: View) {
        self.rows += 1;
        match (view, charge) {
            (View::Actual, Charge::Usage) => self.uncosted += 1,
            (View::Actual, _) => self.purchases += 1,
            (View::Amortized, Charge::Unused) => self.unused += 1,
            (View::Amortized, _) => self.amortized += 1,
            (View::Either, _) => {}
        }
    }

    /// What the file turned out to be; `None` for one without rows.
    pub fn verdict(&self) -> Option<String> {
        let Self { rows, purchases, uncosted, amortized, unused } = *self;
        if rows == 0 {
            return None;
        }
        Some(match (purchases + uncosted > 0, amortized + unused > 0) {
            (false, false) => {
                "no row is under a commitment, so the actual and the amortized export of this period \
                 have the same rows: import one of them, both would count everything twice"
                    .to_owned()
            }
            (true, false) => format!(
                "an actual cost export: rows of commitments bought or given back: {purchases}; usage under a \
                 commitment whose EffectiveCost is not in this file and stays empty: {uncosted}. The amortized export \
                 of the same period has it; the rows without a commitment are in both, so import one of them, both \
                 would count those twice"
            ),
            (false, true) => format!(
                "an amortized cost export: usage with its share of a commitment: {amortized}; commitments that nobody \
                 used: {unused}. What was paid for commitments is not in it, so its BilledCost is less than the \
                 invoice. The rows without a commitment are in the actual export too, so import one of them, both \
                 would count those twice"
            ),
            (true, true) => format!(
                "this file has rows of an actual cost export (commitments bought or given back: {purchases}; usage \
                 under a commitment without its cost: {uncosted}) and of an amortized one (usage with its share: \
                 {amortized}; not used by anybody: {unused}): if two whole exports were joined, the rows without a \
                 commitment are counted twice"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_export_of_a_row_is_told_from_its_charge() {
        use Share::{Untold, Whole, Zero};
        let exact = |text: &str| Exact::read(text).unwrap().value;
        let (some, zero) = (Some(exact("2.5")), Some(exact("0")));
        for (charge, committed, cost, expected) in [
            (Charge::Usage, false, some, (Whole, Whole, View::Either)),
            (Charge::Usage, true, some, (Zero, Whole, View::Amortized)),
            (Charge::Usage, true, zero, (Zero, Untold, View::Actual)),
            (Charge::Usage, true, None, (Zero, Untold, View::Either)),
            (Charge::Unused, true, some, (Zero, Whole, View::Amortized)),
            (Charge::Purchase, true, some, (Whole, Zero, View::Actual)),
            (Charge::Refund, true, some, (Whole, Zero, View::Actual)),
            (Charge::Purchase, false, some, (Whole, Whole, View::Either)),
            (Charge::Tax, false, some, (Whole, Whole, View::Either)),
        ] {
            let Split { billed, effective, view } = split(charge, committed, cost, some);
            assert_eq!((billed, effective, view), expected, "{charge:?} {committed} {cost:?}");
        }
        assert_eq!(split(Charge::Usage, true, zero, zero).view, View::Either);
    }
}
