//! What is written down about a bill while it is read: its rows and what became of each, its own sums beside those
//! of the store, what it covers. Kept with the bill, so that every later question is answered without reading it
//! again. Values only; the one who writes is [`super::keeper`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sketch::Sketch;
use crate::bill::Basis;
use crate::bill::exact::Exact;
use crate::bill::warnings::Tally;

/// Why a row of the file is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Fewer or more cells than the header, or a line that is no JSON object.
    Misshapen,
    /// It divides the cost of a machine that has a row of its own (`EKSPod-EC2`, `ECSTask-EC2`).
    SplitCost,
    /// It sums up other rows.
    TotalLine,
    /// It names a time and nothing that was used or charged then.
    NoUse,
    /// It names no time.
    Undated,
    /// Something else, which the warnings tell.
    Other,
}

impl Reason {
    /// What such rows are, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Misshapen => "not in line with the header, or cut off",
            Self::SplitCost => {
                "split cost allocation: parts of the cost of machines that have rows of their own"
            }
            Self::TotalLine => "sums of other rows",
            Self::NoUse => "a time at which nothing was used or charged",
            Self::Undated => "without a date",
            Self::Other => "left out for what the warnings say",
        }
    }

    /// Whether charges may be lost with such rows.
    pub fn loses_money(self) -> bool {
        matches!(self, Self::Misshapen | Self::Undated | Self::Other)
    }
}

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Where {
    /// The file's name.
    pub file: String,
    /// Its line, counted from 1; `None` for a file without lines.
    pub line: Option<u64>,
    /// Its row, counted from 1 without the header; `None` where only the line is known.
    pub row: Option<u64>,
}

impl Where {
    /// `line 12`, or `row 3` where there are no lines.
    pub fn words(&self) -> String {
        match (self.line, self.row) {
            (Some(line), _) => format!("line {line}"),
            (None, Some(row)) => format!("row {row}"),
            (None, None) => "whole file".to_owned(),
        }
    }
}

/// Rows of the file that are not in the store, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub rows: u64,
    /// The first of them.
    pub examples: Vec<Where>,
}

/// A column of the file that says what its rows cost, or a sum of such columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnColumn {
    /// The name that the file has for it.
    pub name: String,
    /// The costs of FOCUS that it is compared with.
    pub against: Vec<Basis>,
    /// Made by a formula from several columns of a row; checks a cost and is no sum that the file shows.
    pub formula: bool,
    /// Cells with a value.
    pub filled: u64,
    /// Cells without one.
    pub empty: u64,
    /// Cells with a number that is not plainly written, such as `(1.23)`. They are in the file's own sum.
    pub odd: u64,
    /// Cells with something that is no number. They are in no sum.
    pub unreadable: u64,
    /// The first odd and unreadable cells, and what they say.
    pub examples: Vec<(Where, String)>,
}

/// Rows of one kind and one currency: the file's sums and the store's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Currency as the file has it, in capitals.
    pub currency: String,
    /// The file's own word for the kind of row: `SavingsPlanNegation`, `Tax`, `Usage, Reservation`.
    pub kind: String,
    /// Why the rows are not in the store; `None` = they are.
    pub left_out: Option<Reason>,
    /// Rows of the file.
    pub rows: u64,
    /// Their sum by own column, odd cells included.
    pub own: Vec<Exact>,
    /// Their sum by cost of FOCUS, of whichever own column it is compared with in the file that has the row.
    pub compared: [Exact; 4],
    /// The sum of the odd cells alone among those.
    pub odd: [Exact; 4],
    /// Rows of the store that they became.
    pub stored_rows: u64,
    /// The store's four costs.
    pub stored: [Exact; 4],
    /// Their cells with a value.
    pub stored_filled: [u64; 4],
}

/// A total that the file itself states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// What it is called there: `Total amount due`, `Service total`.
    pub name: String,
    /// The amount.
    pub amount: Exact,
    /// Decimal places it is written with.
    pub places: u32,
    /// Where it stands.
    pub place: Where,
}

/// Rows that one invoice charges, as far as the file tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Who charges, and on which account: `AWS 123456789012`.
    pub account: String,
    /// `BillingAccountId` alone; empty where the file does not tell.
    pub account_id: String,
    /// The file of a bill of many that has the rows; empty for a bill of one.
    pub part: String,
    /// `BillingPeriodStart`, or else the month of the charges, in seconds since 1970-01-01 UTC.
    pub period_unix_secs: Option<i64>,
    /// The month that it is in: `2026-10`; empty where the file does not tell.
    pub period: String,
    /// The invoice; empty where there is none yet, which makes an estimate.
    pub invoice: String,
    /// The currency.
    pub currency: String,
    /// Rows of the store.
    pub rows: u64,
    /// The four costs.
    pub sums: [Exact; 4],
    /// Cells of the four costs with a value.
    pub filled: [u64; 4],
    /// Billed cost by category, and by seller where that tells them apart: what an invoice may leave out.
    pub parts: BTreeMap<String, Exact>,
}

/// Days and months with rows, of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Covered {
    /// Whose rows.
    pub provider: String,
    /// Rows of a day or less, by day (days since 1970-01-01 UTC) on which they begin.
    pub days: BTreeMap<i64, Day>,
    /// All rows, by month (`2026-10`) in which they begin.
    pub months: BTreeMap<String, u64>,
    /// Rows of more than a day, such as fees of a month.
    pub long_rows: u64,
    /// Sub accounts that have rows on each of a week's days and more, and then none while others go on; with the last
    /// day (days since 1970-01-01 UTC).
    #[serde(default)]
    pub stopped: Vec<(String, i64)>,
}

impl Covered {
    /// Whether rows are of days (or hours) rather than of months: fees of a month stand beside days, and days beside a
    /// bill of months are few.
    pub fn is_daily(&self) -> bool {
        let short_rows: u64 = self.days.values().map(|day| day.rows).sum();
        !self.days.is_empty() && short_rows >= self.long_rows
    }
}

/// A day with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Day {
    /// How many.
    pub rows: u64,
    /// When the last of them ends, in seconds since the day began.
    pub until_secs: i64,
}

/// Amazon's check of an amortised month (CUDOS, `summary_view`): amortised − amortised upfront + upfront fees =
/// unblended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrueUp {
    /// Billing period, `2026-10`.
    pub period: String,
    /// Currency.
    pub currency: String,
    /// Amortised by the formula, before discounts that the report nets.
    pub amortised: Exact,
    /// What upfront payments amount to in the period.
    pub upfront_amortised: Exact,
    /// What was paid upfront in it, and given back.
    pub upfront_fees: Exact,
    /// As charged.
    pub unblended: Exact,
    /// Rows of Savings Plans and reservations.
    pub commitment_rows: u64,
    /// Cells that the formula needs and that have no value.
    pub missing: u64,
    /// Rows that have no invoice.
    pub uninvoiced: u64,
    /// All rows.
    pub rows: u64,
}

impl TrueUp {
    /// What the two sides differ by; zero where the check holds. `None` when a sum does not fit.
    pub fn difference(&self) -> Option<Exact> {
        let Self { amortised, upfront_amortised, upfront_fees, unblended, .. } = *self;
        amortised.checked_sub(upfront_amortised)?.checked_add(upfront_fees)?.checked_sub(unblended)
    }
}

/// What commitments cost at list and at contracted prices, where they were bought and on the use that they cover. In
/// `BilledCost` and `EffectiveCost` a commitment stands once; in these two it stands in both places, so that their sum
/// has it twice (FOCUS 1.2, `ListCost`: list unit price × pricing quantity, of a purchase as of use).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Committed {
    /// Currency.
    pub currency: String,
    /// Commitments that are bought in the bill and used in it.
    pub commitments: u64,
    /// What their purchases cost, at list and at contracted prices.
    pub bought: [Exact; 2],
    /// What the use of them costs, covered or not used, at the same prices.
    pub used: [Exact; 2],
}

impl Committed {
    /// What stands twice in the sum of a cost: where it is bought, and on the use; `None` where nothing does.
    pub fn twice_in(&self, basis: Basis) -> Option<[Exact; 2]> {
        let place = match basis {
            Basis::ListCost => 0,
            Basis::ContractedCost => 1,
            Basis::BilledCost | Basis::EffectiveCost => return None,
        };
        let sums = [self.bought[place], self.used[place]];
        (!sums.contains(&Exact(0))).then_some(sums)
    }
}

/// Everything that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each says something else about the whole bill")]
pub struct Ledger {
    /// Rows of the file, without its header.
    pub rows_read: u64,
    /// Rows of the file that are in the store.
    pub rows_kept: u64,
    /// Rows of the store: one of the file may become several.
    pub rows_stored: u64,
    /// Rows that are not, by reason.
    pub left_out: Vec<LeftOut>,
    /// The file's own columns of costs.
    pub own: Vec<OwnColumn>,
    /// Sums, by currency and kind of row.
    pub lines: Vec<Line>,
    /// Kinds of rows past the first few hundred are summed up as one.
    pub kinds_lumped: bool,
    /// Totals that the file states.
    pub stated: Vec<Stated>,
    /// Cells and rows that were not understood.
    pub troubles: Vec<Tally>,
    /// What invoices charge.
    pub scopes: Vec<Scope>,
    /// Scopes past the first thousands are summed up as one.
    pub scopes_lumped: bool,
    /// What is covered.
    pub covered: Vec<Covered>,
    /// Rows by cost view (`Actual`, `Amortized`), where the format has two.
    pub views: BTreeMap<String, u64>,
    /// Amazon's check of the amortised cost.
    pub true_up: Vec<TrueUp>,
    /// Commitments that are bought and used in the bill, by currency; empty in reports of versions that kept none.
    pub committed: Vec<Committed>,
    /// A sample of the rows.
    pub sketch: Sketch,
    /// The rows have an identity of their own (`identity/LineItemId`), so two alike are one row twice.
    pub has_identity: bool,
    /// A sum did not fit.
    pub too_large: bool,
}

impl Ledger {
    /// The names of the own columns that a cost is compared with; none where the file has none.
    pub fn compared_with(&self, basis: Basis) -> Option<String> {
        let own = self.own.iter().filter(|own| own.against.contains(&basis));
        let names: Vec<&str> = own.map(|own| own.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(" or "))
    }

    /// The same file may come under another name.
    pub(in crate::bill) fn rename(&mut self, from: &str, to: &str) {
        let rename = |name: &mut String| {
            if name == from {
                to.clone_into(name);
            }
        };
        let Self { left_out, own, stated, troubles, .. } = self;
        let places = left_out.iter_mut().flat_map(|out| &mut out.examples);
        let cells = own.iter_mut().flat_map(|own| &mut own.examples).map(|(place, _)| place);
        let totals = stated.iter_mut().map(|stated| &mut stated.place);
        for place in places.chain(cells).chain(totals) {
            rename(&mut place.file);
        }
        for warning in troubles.iter_mut().flat_map(|tally| &mut tally.examples) {
            rename(&mut warning.file);
        }
    }
}
