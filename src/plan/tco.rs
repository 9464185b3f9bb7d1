//! The total cost of ownership of AI, line by line: from the bill where it has the line, entered by the user where it
//! has not, with its source.
//!
//! Lines: FinOps Foundation, "How to Forecast AI Services Costs in Cloud" and "FinOps for AI Overview" (CC BY 4.0).
//! A month has 365 ÷ 12 days, 730 hours.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::unit_cost::ratio;
use crate::bill::exact::{Exact, SCALE};
use crate::bill::lens::LedgerCell;
use crate::bill::{Class, Ledger, Line};
use crate::demand::Counts;
use crate::units::Money;

/// Lines that no bill of a cloud has, as the guidance lists them: their lasting names and words.
pub const OUTSIDE: [(&str, &str); 8] = [
    ("data_preparation", "Data preparation and labelling"),
    ("licences", "Licences and software"),
    ("evaluation", "Evaluation and observability tools"),
    ("staff", "Staff"),
    ("energy", "Energy and cooling"),
    ("hardware", "Own hardware, written off"),
    ("support", "Support contracts"),
    ("other", "Other"),
];

/// A line that the user entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entered {
    /// One of [`OUTSIDE`].
    pub line: String,
    /// Per month of 730 hours, in the currency of the bill.
    pub per_month: Money,
    /// Where the number comes from.
    #[serde(default)]
    pub source: String,
}

/// Where a line's number comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Rows of the bill.
    Bill,
    /// The user, who may have said where from.
    Entered(String),
    /// Nobody has entered it: it is not in the total.
    Missing,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TcoLine {
    /// Its lasting name.
    pub id: String,
    /// Its name for people.
    pub words: String,
    /// Where the number comes from.
    pub source: Source,
    /// Part of the total.
    pub included: bool,
    /// Over the days looked at.
    pub cost: Option<Money>,
    /// Per month of 730 hours.
    pub per_month: Option<Money>,
    /// Per 1,000 requests.
    pub per_thousand_requests: Option<Money>,
    /// Per million tokens in both directions.
    pub per_million_tokens: Option<Money>,
}

/// All lines and what they add up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tco {
    /// Days looked at.
    pub days: usize,
    /// Lines, those of the bill first.
    pub lines: Vec<TcoLine>,
    /// The lines that are included.
    pub total: TcoLine,
}

/// The line for rows that a rule caught and that, by the rule, are no inference.
const NOT_COUNTED: (&str, &str) = ("not_counted", "Rules that do not count as inference");

/// Lines that are not in the total unless they are put into it.
pub const LEFT_OUT: [&str; 3] = ["training", "unknown", NOT_COUNTED.0];

/// The line that the cost of a cell stands in: its name and words, and where it is shown.
fn line_of(cell: &LedgerCell) -> (usize, &'static str, &'static str) {
    let line = match cell.class {
        Class::Training => Line::Training,
        Class::Unknown => Line::Unknown,
        _ if !cell.counted => return (usize::MAX, NOT_COUNTED.0, NOT_COUNTED.1),
        _ => cell.line,
    };
    let place = Line::ALL.iter().position(|known| *known == line).unwrap_or_default();
    (place, line.id(), line.words())
}

/// Adds the lines up over days of the ledger. `left_out` names lines that are shown and not in the total.
pub fn tco(
    ledger: &Ledger,
    days: &[i64],
    counts: Counts,
    entered: &[Entered],
    left_out: &BTreeSet<String>,
) -> Tco {
    let wanted: BTreeSet<i64> = days.iter().copied().collect();
    let mut of_bill: BTreeMap<(usize, &str, &str), i128> = BTreeMap::new();
    for cell in ledger.cells.iter().filter(|cell| wanted.contains(&cell.day)) {
        *of_bill.entry(line_of(cell)).or_default() += cell.cost.0;
    }
    let line = |id: &str, words: &str, source: Source, cost: Option<i128>| {
        let included = source != Source::Missing && !left_out.contains(id);
        let cost = cost.map(Exact);
        TcoLine {
            id: id.to_owned(),
            words: words.to_owned(),
            source,
            included,
            cost: cost.map(Exact::to_money),
            per_month: cost.and_then(|cost| per_month(cost, days.len())),
            per_thousand_requests: cost.and_then(|cost| ratio(cost, 1_000, counts.requests?)),
            per_million_tokens: cost.and_then(|cost| ratio(cost, 1_000_000, counts.tokens()?)),
        }
    };
    let mut lines = Vec::new();
    let mut total = 0;
    for ((_, id, words), cost) in of_bill {
        let one = line(id, words, Source::Bill, Some(cost));
        if one.included {
            total += cost;
        }
        lines.push(one);
    }
    for (id, words) in OUTSIDE {
        let found = entered.iter().find(|entered| entered.line == id);
        let cost = found.and_then(|found| over_days(found.per_month, days.len()));
        let source = found.map_or(Source::Missing, |found| Source::Entered(found.source.clone()));
        let one = line(id, words, source, cost);
        if one.included {
            total += cost.unwrap_or_default();
        }
        lines.push(one);
    }
    let total = line("total", "Total", Source::Bill, Some(total));
    Tco { days: days.len(), lines, total: TcoLine { included: true, ..total } }
}

/// An amount a month over days: × 12 × days ÷ 365, to eighteen places; `None` where it does not fit.
fn over_days(per_month: Money, days: usize) -> Option<i128> {
    let whole = |count: usize| Some(Exact(i128::try_from(count).ok()?.checked_mul(10_i128.pow(SCALE))?));
    let days = whole(days.checked_mul(12)?)?;
    Some(Exact::from_money(per_month)?.checked_mul_div(days, whole(365)?)?.0)
}

/// cost × 365 ÷ 12 ÷ days.
fn per_month(cost: Exact, days: usize) -> Option<Money> {
    ratio(cost, 365, u64::try_from(days).ok()?.checked_mul(12)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Basis;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    /// By hand: 30 days of machines at 24 and of training at 1; 365 a month entered for staff is 12 a day.
    #[test]
    fn lines_come_from_the_bill_or_are_entered_and_only_what_is_included_is_added() {
        let cell = |day: i64, class, line, cost: &str| LedgerCell {
            day: day * 86_400,
            rule_id: String::new(),
            class,
            counted: true,
            line,
            cost: Exact::read(cost).unwrap().value,
        };
        let mut cells: Vec<LedgerCell> =
            (0..31).map(|day| cell(day, Class::Machine, Line::Machines, "24")).collect();
        cells.push(cell(3, Class::Training, Line::Training, "30"));
        let ledger = Ledger {
            basis: Basis::EffectiveCost,
            currency: Some("USD".to_owned()),
            cells,
            total: Exact::default(),
            rest: Exact::default(),
            undated: Exact::default(),
            spread_rows: 0,
            days: (0..31).map(|day| day * 86_400).collect(),
            partial_days: Vec::new(),
            empty_days: Vec::new(),
            providers: Vec::new(),
            quantities: Vec::new(),
            unread_units: BTreeMap::new(),
        };
        let days: Vec<i64> = (0..30).map(|day| day * 86_400).collect();
        let entered =
            [Entered { line: "staff".to_owned(), per_month: money("365"), source: "payroll".to_owned() }];
        let left_out = BTreeSet::from(["training".to_owned()]);
        let counts = Counts { requests: Some(1_080_000), ..Counts::default() };
        let answer = tco(&ledger, &days, counts, &entered, &left_out);
        let by_id = |id: &str| answer.lines.iter().find(|line| line.id == id).unwrap();
        assert_eq!(by_id("machines").cost, Some(money("720")));
        // 720 × 365 ÷ 360.
        assert_eq!(by_id("machines").per_month, Some(money("730")));
        assert_eq!((by_id("training").cost, by_id("training").included), (Some(money("30")), false));
        assert_eq!((by_id("staff").cost, by_id("staff").per_month), (Some(money("360")), Some(money("365"))));
        assert_eq!(by_id("staff").source, Source::Entered("payroll".to_owned()));
        assert_eq!((&by_id("energy").source, by_id("energy").cost), (&Source::Missing, None));
        assert_eq!(answer.total.cost, Some(money("1080")));
        assert_eq!(answer.total.per_thousand_requests, Some(money("1")));
        assert_eq!(answer.total.per_million_tokens, None);
        assert_eq!(answer.lines.len(), 2 + OUTSIDE.len());
        // What is of unknown purpose or does not count has a line of its own, whatever it is, and is left out by default.
        let mut odd = ledger;
        let idle = cell(2, Class::Unknown, Line::UnusedCapacity, "7");
        let own = LedgerCell { counted: false, ..cell(2, Class::Machine, Line::Machines, "11") };
        odd.cells.extend([idle, own, cell(2, Class::Training, Line::Tax, "1")]);
        let answer = tco(&odd, &days, counts, &entered, &LEFT_OUT.map(str::to_owned).into());
        let costs: Vec<_> = answer.lines.iter().take(4).map(|line| (line.id.as_str(), line.cost)).collect();
        let expected = [("machines", "720"), ("training", "31"), ("unknown", "7"), ("not_counted", "11")];
        assert_eq!(costs, expected.map(|(id, cost)| (id, Some(money(cost)))));
        assert_eq!(answer.total.cost, Some(money("1080")));
    }
}
