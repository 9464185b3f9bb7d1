//! Budgets: how much a month may cost, and when that is worth saying.
//!
//! The cost of a month is that of the rows whose charge period starts in it, as on the rest of the page. What the
//! month will have cost at its end is what whole days have cost, the charges for longer than a day that are there,
//! those that came in each of the months before and have not come yet, and the forecast of the remaining days.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::days::{Days, Extent, Incomplete, add};
use super::decompose::median;
use super::forecast::{Ahead, Outlook, days_needed};
use crate::bill::exact::Exact;
use crate::bill::query::Bill;
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

/// Months before that tell what charges for longer than a day are to come.
const MONTHS_BEFORE: usize = 3;

/// What a tier is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// What the month has cost so far.
    Actual,
    /// What it is expected to have cost at its end.
    Forecast,
}

/// A share of a budget that is worth saying when it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tier {
    /// Percent of the budget.
    pub percent: u32,
    /// Of what.
    pub on: On,
}

/// How much a part of the bill may cost a month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Budget {
    /// Its name, unique in a project.
    pub name: String,
    /// A month's amount.
    pub amount: Money,
    /// Its currency: rows in others do not count.
    pub currency: String,
    /// Which cost.
    pub basis: Basis,
    /// Rows that count.
    pub filters: Vec<Filter>,
    /// When it is worth saying.
    pub tiers: Vec<Tier>,
}

impl Budget {
    /// 50, 80 and 100 % of what was spent, and of what is expected.
    pub fn usual_tiers() -> Vec<Tier> {
        [On::Actual, On::Forecast]
            .into_iter()
            .flat_map(|on| [50, 80, 100].map(|percent| Tier { percent, on }))
            .collect()
    }

    /// What is wrong with it, in words.
    ///
    /// # Errors
    /// Without a name, an amount above zero, a currency or a tier.
    pub fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() {
            return Err("Give the budget a name.".to_owned());
        }
        if self.amount <= Money::ZERO {
            return Err("The amount of a month must be more than 0.".to_owned());
        }
        if self.currency.trim().is_empty() {
            return Err("Name the currency of the amount, such as USD.".to_owned());
        }
        if self.tiers.is_empty() || self.tiers.iter().any(|tier| !(1..=1_000).contains(&tier.percent)) {
            return Err("Give at least one tier from 1 to 1000 %.".to_owned());
        }
        Ok(())
    }

    /// The filters with the currency among them.
    pub fn all_filters(&self) -> Vec<Filter> {
        let mut filters = self.filters.clone();
        filters.push(Filter::is("BillingCurrency", [self.currency.clone()]));
        filters
    }

    /// An amount in percent of the budget.
    pub fn percent(&self, amount: Money) -> f64 {
        if self.amount == Money::ZERO { 0.0 } else { amount.to_f64() / self.amount.to_f64() * 100.0 }
    }
}

/// An expected sum of money with its intervals. Statistics, rounded to the places of [`Money`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// The middle.
    pub expected: Money,
    /// 80 % interval.
    pub interval_80: [Money; 2],
    /// 95 % interval.
    pub interval_95: [Money; 2],
}

impl Expected {
    /// What is known already and what is expected beside it.
    pub(super) fn beside(known: Money, ahead: &Ahead) -> Option<Self> {
        let on_top = |value: f64| Money::from_f64(value).and_then(|value| known.checked_add(value));
        let both = |[low, high]: [f64; 2]| Some([on_top(low)?, on_top(high)?]);
        Some(Self {
            expected: on_top(ahead.expected)?,
            interval_80: both(ahead.interval_80)?,
            interval_95: both(ahead.interval_95)?,
        })
    }

    fn at_least(self, spent: Money) -> Self {
        let raise = |ends: [Money; 2]| ends.map(|end| end.max(spent));
        Self {
            expected: self.expected.max(spent),
            interval_80: raise(self.interval_80),
            interval_95: raise(self.interval_95),
        }
    }
}

/// Where a budget stands in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The budget.
    pub budget: Budget,
    /// First day of the month.
    pub month: Day,
    /// Rows of the bill that count, in all months.
    pub rows: u64,
    /// What the month has cost so far, to the last digit of [`Money`].
    pub actual: Money,
    /// Days of the month that are whole.
    pub whole_days: u64,
    /// Days in the month.
    pub days_in_month: u64,
    /// What it will have cost at its end; `None` with the reason in `no_forecast`.
    pub forecast: Option<Expected>,
    /// Why there is no forecast; empty when there is one.
    pub no_forecast: String,
    /// Charges for longer than a day that came in each month before and are expected yet.
    pub lumps_to_come: Money,
    /// Days at the end of the bill that are not whole.
    pub incomplete: Option<Incomplete>,
    /// Cells of the cost that have no value and so count for nothing.
    pub missing_cells: u64,
    /// The tiers that are reached.
    pub reached: Vec<Tier>,
}

impl Standing {
    /// Where a budget stands in a month of the bill.
    ///
    /// # Errors
    /// A filter on an unknown column, and what [`Days::of`] says.
    pub fn of(bill: &Bill, budget: &Budget, month: Day, extent: &Extent) -> Result<Self, BillError> {
        let basis = budget.basis;
        let days = Days::of(bill, &budget.all_filters(), basis, extent)?;
        let (start, end) = (month.month_start(), month.next_month());
        let lumps = Days::lumped(&days.lumps, start, end, basis)?;
        let actual = add(days.ran(start, end, basis)?, lumps, basis)?.to_money();
        let whole_end = days.whole_end().0.clamp(start.0, end.0);
        let mut standing = Self {
            budget: budget.clone(),
            month: start,
            rows: days.rows,
            actual,
            whole_days: u64::try_from(whole_end - start.0).unwrap_or(0),
            days_in_month: u64::try_from(end.0 - start.0).unwrap_or(0),
            forecast: None,
            no_forecast: String::new(),
            lumps_to_come: Money::ZERO,
            incomplete: days.incomplete(),
            missing_cells: days.missing_cells,
            reached: Vec::new(),
        };
        match standing.look_ahead(&days, Day(whole_end), end, lumps)? {
            Ok(forecast) => standing.forecast = Some(forecast),
            Err(reason) => standing.no_forecast = reason,
        }
        standing.reached = budget.tiers.iter().filter(|tier| standing.reaches(**tier)).copied().collect();
        Ok(standing)
    }

    /// The month at its end, or why that cannot be said.
    fn look_ahead(
        &mut self,
        days: &Days,
        whole_end: Day,
        end: Day,
        lumps: Exact,
    ) -> Result<Result<Expected, String>, BillError> {
        let basis = self.budget.basis;
        let certain =
            |amount: Money| Expected { expected: amount, interval_80: [amount; 2], interval_95: [amount; 2] };
        if days.running.is_empty() {
            return Ok(Err("the bill has no charges for single days or hours".to_owned()));
        }
        if days.whole_end() >= end {
            // The month is over: what it cost is what it costs.
            return Ok(Ok(certain(self.actual)));
        }
        if days.whole_end() < self.month {
            return Ok(Err(format!("the bill ends before {}", self.month.month_words())));
        }
        let ahead = usize::try_from(end.0 - whole_end.0).unwrap_or(0);
        let outlook = match Outlook::of(&days.recent().days, ahead) {
            Ok(outlook) => outlook,
            Err(refused) => return Ok(Err(refused.to_string())),
        };
        let to_come = lumps_to_come(days, self.month, lumps, basis)?;
        self.lumps_to_come = to_come.to_money();
        let known =
            add(add(days.ran(self.month, whole_end, basis)?, lumps, basis)?, to_come, basis)?.to_money();
        let expected = Expected::beside(known, &outlook.sum(ahead));
        // What the days that are not whole have cost already will not go away, unless credits are still to come.
        let spent = (to_come >= Exact::default()).then_some(self.actual);
        Ok(expected
            .map(|expected| spent.map_or(expected, |spent| expected.at_least(spent)))
            .ok_or_else(|| "the amounts are too large to forecast".to_owned()))
    }

    fn reaches(&self, tier: Tier) -> bool {
        let amount = match tier.on {
            On::Actual => Some(self.actual),
            On::Forecast => self.forecast.map(|forecast| forecast.expected),
        };
        // Exact: amount ≥ budget × percent ÷ 100.
        amount.is_some_and(|amount| {
            amount.scaled().saturating_mul(100)
                >= self.budget.amount.scaled().saturating_mul(i128::from(tier.percent))
        })
    }

    /// Complete days that a forecast to the month's end takes.
    pub fn days_needed(&self) -> usize {
        days_needed(usize::try_from(self.days_in_month - self.whole_days).unwrap_or(0))
    }
}

/// What charges for longer than a day usually make in a month, those that happen once left out: the median of up to three
/// months before. A month counts when the bill's days begin before it does; without one nothing is usual.
pub(super) fn usual_lumps(days: &Days, month: Day, basis: Basis) -> Result<Option<f64>, BillError> {
    let mut before = Vec::new();
    let mut end = month;
    while before.len() < MONTHS_BEFORE {
        let start = end.plus(-1).month_start();
        if start < days.first {
            break;
        }
        let all = Days::lumped(&days.lumps, start, end, basis)?;
        let once = Days::lumped(&days.once, start, end, basis)?;
        before.push(all.checked_sub(once).unwrap_or_default().to_money().to_f64());
        end = start;
    }
    Ok((!before.is_empty()).then(|| median(&before)))
}

/// What of them is still to come in a month: the usual sum, less what has come `so_far`.
pub(super) fn lumps_to_come(
    days: &Days,
    month: Day,
    so_far: Exact,
    basis: Basis,
) -> Result<Exact, BillError> {
    let Some(usual) = usual_lumps(days, month, basis)? else { return Ok(Exact::default()) };
    let once = Days::lumped(&days.once, month, month.next_month(), basis)?;
    let come = so_far.checked_sub(once).unwrap_or_default().to_money();
    let to_come = usual - come.to_f64();
    // Credits that are still to come are as good as charges: what has the sign of the usual sum counts.
    let expected =
        if to_come * usual > 0.0 { Money::from_f64(to_come).unwrap_or_default() } else { Money::ZERO };
    Exact::read(&expected.to_string())
        .map(|read| read.value)
        .map_err(|_too_large| BillError::TooLarge { column: basis.column().to_owned() })
}
