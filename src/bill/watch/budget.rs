//! Budgets: how much a month may cost, and when that is worth saying.
//!
//! The cost of a month is that of the rows whose charge period starts in it, as on the rest of the page. What the
//! month will have cost at its end is in [`super::months`].

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::days::{Days, Extent, Incomplete, add};
use super::forecast::{Ahead, Outlook, days_needed};
use super::months::month_end;
use crate::bill::query::Bill;
use crate::bill::reconcile::read_total;
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

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

    /// Which rows count, of which cost: `effective cost, all rows in USD`, `billed cost, ServiceName is Compute, in USD`.
    pub fn scope(&self) -> String {
        let cost = match self.basis {
            Basis::BilledCost => "billed",
            Basis::EffectiveCost => "effective",
            Basis::ListCost => "list",
            Basis::ContractedCost => "contracted",
        };
        let currency = &self.currency;
        let filters: Vec<String> = self.filters.iter().map(ToString::to_string).collect();
        match filters.as_slice() {
            [] => format!("{cost} cost, all rows in {currency}"),
            _ => format!("{cost} cost, {}, in {currency}", filters.join("; ")),
        }
    }

    /// When it is told of: `told at 50, 80 and 100 % spent and at 100 % expected`.
    pub fn tier_words(&self) -> String {
        let of = |on: On, words: &str| {
            let percents: Vec<String> =
                self.tiers.iter().filter(|tier| tier.on == on).map(|tier| tier.percent.to_string()).collect();
            let (last, first) = percents.split_last()?;
            let list =
                if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) };
            Some(format!("at {list} % {words}"))
        };
        let both: Vec<String> =
            [of(On::Actual, "spent"), of(On::Forecast, "expected")].into_iter().flatten().collect();
        format!("told {}", both.join(" and "))
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

/// The amount of a month as people type it: `1400`, `1,400`, `1,400.50`, `$1,400`.
///
/// # Errors
/// In words what to type instead: what is no number, has a word in it (`5k`), or could be read as two (`1.400`).
pub fn read_amount(text: &str) -> Result<Money, String> {
    let text = text.trim();
    let refused = || format!("“{text}” is not an amount; type it like 1400, 1,400 or 1,400.50");
    if text.is_empty() {
        return Err("type how much a month may cost, like 1400".to_owned());
    }
    if text.chars().any(char::is_alphabetic) {
        return Err(refused());
    }
    let number = text.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '-' && c != '−');
    // Three digits behind a single point are thousands to one half of the world and thousandths to the other.
    if let Some((whole, fraction)) = number.split_once('.')
        && fraction.len() == 3
        && (1..=3).contains(&whole.len())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
        && !whole.starts_with('0')
    {
        return Err(format!(
            "“{text}” can be {whole}{fraction} or {whole}.{}; type one of them",
            fraction.trim_end_matches('0')
        ));
    }
    read_total(text).ok_or_else(refused)
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
    /// Taxes that are expected yet, on what is charged by the month's end.
    pub taxes_to_come: Money,
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
        let lumps = days.lumped(start, end, basis)?.total(basis)?;
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
            taxes_to_come: Money::ZERO,
            incomplete: days.incomplete(),
            missing_cells: days.missing_cells,
            reached: Vec::new(),
        };
        match standing.look_ahead(&days, Day(whole_end), end)? {
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
        let Some(month) = month_end(days, self.month, whole_end, &outlook.sum(ahead), basis)? else {
            return Ok(Err("the amounts are too large to forecast".to_owned()));
        };
        self.lumps_to_come = month.lumps_to_come;
        self.taxes_to_come = month.taxes_to_come;
        // What the days that are not whole have cost already will not go away, unless credits are still to come.
        let stays = month.lumps_to_come >= Money::ZERO;
        Ok(Ok(if stays { month.expected.at_least(self.actual) } else { month.expected }))
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
