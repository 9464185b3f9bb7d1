//! Watches a bill: budgets and what the month will cost, unusual days and what made them so, what commitments save, what
//! is paid for and not used.
//!
//! [`Question`]s are asked of a [`Bill`] and answered from its sums by day, in the currency they were billed in. The statistics ([`decompose`],
//! [`forecast`], [`anomaly`]) are pure and know no bill; their floats become money again only as estimates, never as
//! sums of charges.

pub mod anomaly;
pub mod budget;
pub mod commitments;
pub mod day;
pub mod days;
pub mod decompose;
pub mod drivers;
pub mod forecast;
pub mod idle;
pub mod lumps;
pub mod months;
pub mod view;

pub use anomaly::Tuning;
pub use budget::{Budget, Expected, On, Standing, Tier, read_amount};
pub use commitments::{Commitment, Commitments, Committed};
pub use day::Day;
pub use drivers::Driver;
pub use forecast::Tested;
pub use idle::{Idle, IdleView};
pub use lumps::Gross;
pub use months::{MonthParts, Parts};
pub use view::{Anomaly, ComingDay, Judged, PastDay, Until, Watched, tested_parts};

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use self::days::Extent;
use super::query::Bill;
use super::{Basis, BillError, Filter, Rates};
use crate::units::Money;

/// What is asked of a bill under watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Its days, what comes, the unusual days.
    Days {
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost.
        basis: Basis,
        /// The column whose values are judged on their own.
        by: String,
        /// When a day is unusual.
        tuning: Tuning,
        /// The day it is, in UTC: it is not over, whatever the bill has of it.
        today: Day,
    },
    /// Where budgets stand.
    Budgets {
        /// The budgets.
        budgets: Vec<Budget>,
        /// Any day of the month; `None` = the month of the bill's last day.
        month: Option<Day>,
        /// The day it is, in UTC.
        today: Day,
    },
    /// What commitments did.
    Commitments {
        /// Rows considered.
        filters: Vec<Filter>,
    },
    /// What was paid for and not used.
    Idle {
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost.
        basis: Basis,
    },
}

/// The answer to a [`Question`] of the same name.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The bill under watch.
    Days(Box<Watched>),
    /// Each budget, or why nothing can be said of it.
    Budgets(Vec<Result<Standing, (String, String)>>),
    /// `None` when the bill tells of no commitments.
    Commitments(Option<Box<Commitments>>),
    /// Idle things.
    Idle(IdleView),
}

/// Asks a bill.
///
/// # Errors
/// An unknown column, rows in several currencies, a damaged store. A budget that cannot be answered is told of by name and
/// keeps no other from being answered.
pub fn ask(bill: &Bill, question: &Question) -> Result<Answer, BillError> {
    // A budget is in the currency that is billed; a rate that changes would look like a day that cost more.
    let bill = &bill.clone().shown_in(Rates::default());
    Ok(match question {
        Question::Days { filters, basis, by, tuning, today } => {
            Answer::Days(Box::new(Watched::of(bill, filters, *basis, by, tuning, *today)?))
        }
        Question::Budgets { budgets, month, today } => {
            let mut standings = Vec::with_capacity(budgets.len());
            // One pass over the bill for each cost that budgets are of.
            let mut extents: BTreeMap<Basis, Extent> = BTreeMap::new();
            for budget in budgets {
                let extent = match extents.entry(budget.basis) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(Extent::of(bill, budget.basis, *today)?),
                };
                let last = || extent.last_day().or_else(|| last_day(bill).map(|last| last.min(*today)));
                let Some(month) = month.or_else(last) else {
                    let reason = "the bill has no row with a readable charge period".to_owned();
                    standings.push(Err((budget.name.clone(), reason)));
                    continue;
                };
                let standing = Standing::of(bill, budget, month.month_start(), extent);
                standings.push(match standing {
                    // Nor because of a month that no bill is of.
                    Ok(standing)
                        if standing.actual == Money::ZERO
                            && extent.span().is_some_and(|days| is_outside(standing.month, days)) =>
                    {
                        let (first, last) = extent.span().unwrap_or_default();
                        let month = standing.month.month_words();
                        let reason =
                            format!("the bills run from {first} to {last} and have nothing of {month}");
                        Err((budget.name.clone(), reason))
                    }
                    // Nothing spent because of a mistyped filter is no good news.
                    Ok(standing) if standing.rows == 0 => Err((
                        budget.name.clone(),
                        "no row of the bills matches its filters and currency; change or remove it"
                            .to_owned(),
                    )),
                    Ok(standing) => Ok(standing),
                    Err(error) => Err((budget.name.clone(), error.to_string())),
                });
            }
            Answer::Budgets(standings)
        }
        Question::Commitments { filters } => {
            Answer::Commitments(Commitments::of(bill, filters)?.map(Box::new))
        }
        Question::Idle { filters, basis } => Answer::Idle(IdleView::of(bill, filters, *basis)?),
    })
}

/// Whether a month has none of these days.
fn is_outside(month: Day, (first, last): (Day, Day)) -> bool {
    month.next_month() <= first || last < month.month_start()
}

/// The last day of the latest charge period, from the import reports.
fn last_day(bill: &Bill) -> Option<Day> {
    let last = bill.imported().filter_map(|imported| imported.last_charge_unix_secs).max()?;
    Some(Day((last - 1).div_euclid(86_400)))
}
