//! What the Spend part of the page Bills shows: its settings beyond those that other pages share, views kept by name,
//! and its own questions to the bills.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde::{Deserialize, Deserializer, Serialize};

use super::App;
use super::jobs::JobId;
use super::query::{Query, QueryResult};
use super::state::{Scenario, State};
use crate::bill::exact::Exact;
use crate::bill::over_time::Starts;
use crate::bill::reconcile::amount_words;
use crate::bill::{Basis, Bill, BillError, Comparison, Filter, Granularity, How, Period, RowsView, Totals};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::units::{self, Money};

/// The kind under which the project keeps views.
pub(super) const KIND: &str = "view";
/// Pages of rows whose answers are kept: a long scroll through a large bill must not fill the memory.
const PAGES_KEPT: usize = 48;

/// How the Spend part shows the bill, beside what the scenario says already.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// Columns of the further levels, below the scenario's `group_by`.
    pub then_by: Vec<String>,
    /// Lines instead of stacked bars.
    pub lines: bool,
    /// The width of a bar was chosen by the user, and is not told by how many days are shown.
    pub per_chosen: bool,
    /// The currency shown where bills are in several; `None` = that of most rows.
    pub currency: Option<String>,
    /// What was clicked on: filters of this part alone, beside the scenario's, which all pages go by.
    pub drill: Vec<Filter>,
    /// The scenario's filters do not hold here.
    pub whole: bool,
    /// Only charges that begin in these days.
    pub period: Option<Period>,
    /// The earlier and the later period that are compared.
    pub compare: Option<(Period, Period)>,
}

/// How the bill is shown, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// Unique in the project.
    pub name: String,
    /// Cost basis.
    pub basis: Basis,
    /// Column of the first level.
    pub group_by: String,
    /// Filters.
    pub filters: Vec<Filter>,
    /// Width of a bar.
    pub per: Granularity,
    /// Only the spend that is inference.
    pub only_inference: bool,
    /// The rest.
    pub spend: Spend,
}

impl SavedView {
    /// What a scenario shows now.
    pub fn of(name: impl Into<String>, scenario: &Scenario) -> Self {
        let Scenario { basis, group_by, filters, per, only_inference, spend, .. } = scenario.clone();
        Self { name: name.into(), basis, group_by, filters, per, only_inference, spend }
    }

    /// Shows it.
    pub fn apply(&self, scenario: &mut Scenario) {
        let Self { name: _, basis, group_by, filters, per, only_inference, spend } = self.clone();
        scenario.basis = basis;
        scenario.group_by = group_by;
        scenario.filters = filters;
        scenario.per = per;
        scenario.only_inference = only_inference;
        scenario.spend = spend;
    }

    /// Whether the scenario shows exactly this.
    pub fn is_shown(&self, scenario: &Scenario) -> bool {
        *self == Self::of(self.name.clone(), scenario)
    }
}

/// What is done to the views of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// Keeps what is shown under a name; a view of that name is replaced.
    Save(String),
    /// Gives a view another name.
    Rename(String, String),
    /// Takes one out.
    Remove(String),
}

impl App {
    /// Changes the views of the project, at once: there is no job.
    ///
    /// # Errors
    /// A name that is empty, taken or not there; the disk refuses.
    pub(super) fn change_views(&mut self, change: ViewChange) -> anyhow::Result<Option<JobId>> {
        let views = &self.state.views;
        let place_of = |name: &str| views.iter().position(|view| view.name == name);
        match change {
            ViewChange::Save(name) => {
                let name = named(&name)?;
                let view = SavedView::of(name.clone(), &self.state.scenario);
                let place = place_of(&name).unwrap_or(views.len());
                self.project.put(KIND, &name, place, &view)?;
                if place < self.state.views.len() {
                    self.state.views[place] = view;
                } else {
                    self.state.views.push(view);
                }
            }
            ViewChange::Rename(from, to) => {
                let to = named(&to)?;
                let place =
                    place_of(&from).with_context(|| format!("the project has no view called {from}"))?;
                if to == from {
                    return Ok(None);
                }
                if place_of(&to).is_some() {
                    bail!("there is a view called {to} already; choose another name");
                }
                let view = SavedView { name: to.clone(), ..views[place].clone() };
                let item = super::project::Item::new(KIND, to, place, &view)?;
                self.project.change_items(&[(KIND, from)], &[item])?;
                self.state.views[place] = view;
            }
            ViewChange::Remove(name) => {
                self.project.remove(KIND, &name)?;
                self.state.views.retain(|view| view.name != name);
            }
        }
        Ok(None)
    }

    /// Lets go of the oldest pages of rows; what is in view is asked again.
    pub(super) fn forget_pages(&mut self, newest: &Query) {
        if !is_page(newest) {
            return;
        }
        self.pages.push_back(newest.clone());
        while self.pages.len() > PAGES_KEPT {
            if let Some(oldest) = self.pages.pop_front() {
                self.state.queries.remove(&oldest);
            }
        }
    }
}

/// A name without space around it.
fn named(name: &str) -> anyhow::Result<String> {
    let name = name.trim();
    if name.is_empty() {
        bail!("a view needs a name; type one");
    }
    Ok(name.to_owned())
}

/// Whether a question is for a page of rows.
pub fn is_page(query: &Query) -> bool {
    matches!(query, Query::Rows { .. } | Query::Spend(SpendQuery::RowsBy { .. }))
}

impl State {
    /// The currency that the bill views show: the only one, else the chosen one, else that of most rows.
    pub fn shown_currency(&self) -> Option<String> {
        if let Some(only) = self.bill_currency() {
            return Some(only.to_owned());
        }
        let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
        for (currency, count) in self.bills.iter().flat_map(|bill| &bill.currencies) {
            *rows.entry(currency).or_default() += count;
        }
        let chosen = self.scenario.spend.currency.as_deref().filter(|chosen| rows.contains_key(chosen));
        let most = || rows.iter().max_by_key(|(_, count)| **count).map(|(currency, _)| *currency);
        chosen.or_else(most).map(str::to_owned)
    }

    /// The filters of the Spend part: those of the scenario and its own, its period, and one currency where there are
    /// several.
    pub fn bill_filters(&self) -> Vec<Filter> {
        let mut filters = self.compare_filters();
        filters.extend(self.scenario.spend.period.as_ref().map(Period::filter));
        filters
    }

    /// The same without the period, which a comparison has two of.
    pub fn compare_filters(&self) -> Vec<Filter> {
        self.in_one_currency(self.scenario.spend_filters())
    }

    /// The filters of what other pages and reports tell of the bill: those of the scenario, and one currency where there
    /// are several.
    pub fn project_filters(&self) -> Vec<Filter> {
        self.in_one_currency(self.scenario.bill_filters())
    }

    fn in_one_currency(&self, mut filters: Vec<Filter>) -> Vec<Filter> {
        if self.bill_currency().is_none()
            && let Some(currency) = self.shown_currency()
        {
            filters.push(Filter::is("BillingCurrency", [currency]));
        }
        filters
    }

    /// The width of a bar: the chosen one, or else what the days that are shown call for. `period` limits those, where
    /// something other than all days is shown.
    pub fn shown_per(&self, period: Option<&Period>) -> Granularity {
        let Scenario { per, spend, .. } = &self.scenario;
        if spend.per_chosen || *per != Granularity::default() {
            return *per;
        }
        let days = period.and_then(Period::length_days);
        let days = days.or_else(|| self.bill_days().and_then(|days| days.length_days()));
        let hours = self.bill_starts().is_some_and(|starts| starts.hours);
        days.map_or(*per, |days| per_of(days, hours))
    }

    /// When charges of the open bills begin, once [`SpendQuery::Starts`] is answered.
    pub fn bill_starts(&self) -> Option<Starts> {
        match self.queries.get(&Query::Spend(SpendQuery::Starts)) {
            Some(Ok(QueryResult::Spend(SpendResult::Starts(starts)))) => Some(*starts),
            _ => None,
        }
    }

    /// What commitments cost that stand twice in the sums of a cost, where they are bought and where they are used, by
    /// currency; empty where none do. Of all rows of the open bills, whatever is filtered.
    pub fn twice_in(&self, basis: Basis) -> BTreeMap<&str, [Exact; 2]> {
        let mut found: BTreeMap<&str, [Exact; 2]> = BTreeMap::new();
        let ledgers = self.bills.iter().filter_map(|bill| bill.ledger.as_deref());
        for committed in ledgers.flat_map(|ledger| &ledger.committed) {
            let Some(more) = committed.twice_in(basis) else { continue };
            let sums = found.entry(&committed.currency).or_default();
            for (sum, more) in sums.iter_mut().zip(more) {
                *sum = sum.checked_add(more).unwrap_or(*sum);
            }
        }
        found
    }

    /// The same in a sentence, of the currency that is shown; `None` where nothing stands twice in it.
    pub fn twice_words(&self, basis: Basis) -> Option<String> {
        let shown = if self.bill_currency().is_none() { self.shown_currency() } else { None };
        let sums: Vec<String> = self
            .twice_in(basis)
            .into_iter()
            .filter(|(currency, _)| shown.as_deref().is_none_or(|shown| shown == *currency))
            .map(|(currency, sums)| {
                let [bought, used] = sums.map(|sum| amount_words(sum, currency));
                format!("{bought} where they are bought and {used} on the use that they cover")
            })
            .collect();
        let of = if self.bills.len() == 1 { "the bill" } else { "the bills" };
        (!sums.is_empty())
            .then(|| format!("{} of {of} has commitments twice: {}.", basis.column(), sums.join("; ")))
    }

    /// The days that charges of the open bills begin on; `None` when none has a date. Before [`SpendQuery::Starts`] is
    /// answered: up to the last day that any is for, which for a month's fee or a term of years is days to come.
    pub fn bill_days(&self) -> Option<Period> {
        if let Some(Starts { first_and_last, .. }) = self.bill_starts() {
            let (first, last) = first_and_last?;
            return Period::of_micros(first, last.checked_add(1)?);
        }
        let first = self.bills.iter().filter_map(|bill| bill.first_charge_unix_secs).min()?;
        let last = self.bills.iter().filter_map(|bill| bill.last_charge_unix_secs).max()?;
        let micros = crate::bill::moment::PER_SEC;
        Period::of_micros(first.checked_mul(micros)?, last.checked_mul(micros)?.max(first * micros + 1))
    }
}

/// The width of a bar that so many days call for: not so many bars that each is a sliver, and not one block.
fn per_of(days: i64, hours: bool) -> Granularity {
    // Three months, two years.
    const DAYS: i64 = 93;
    const WEEKS: i64 = 731;
    if days <= 2 && hours {
        Granularity::Hour
    } else if days <= DAYS {
        Granularity::Day
    } else if days <= WEEKS {
        Granularity::Week
    } else {
        Granularity::Month
    }
}

/// A question that only the Spend part asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpendQuery {
    /// Rows and costs of each currency.
    Currencies {
        /// Rows considered.
        filters: Vec<Filter>,
    },
    /// When charges begin: the days there are, and whether hours tell more.
    Starts,
    /// Two periods beside each other.
    Compare {
        /// Columns, outermost first.
        by: Vec<String>,
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost.
        basis: Basis,
        /// The earlier period.
        before: Period,
        /// The later one.
        after: Period,
    },
    /// Rows sorted by a column.
    RowsBy {
        /// Rows considered.
        filters: Vec<Filter>,
        /// A column of amounts or dates.
        column: String,
        /// The largest first.
        descending: bool,
        /// First row.
        offset: u64,
        /// How many.
        limit: u64,
    },
}

/// The answer to a [`SpendQuery`] of the same name.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named after the questions")]
pub enum SpendResult {
    Currencies(BTreeMap<String, Totals>),
    Starts(Starts),
    Compare(Arc<Comparison>),
}

impl SpendQuery {
    /// Asks the bills.
    pub(super) fn ask(&self, bill: &Bill) -> Result<QueryResult, BillError> {
        Ok(QueryResult::Spend(match self {
            Self::Currencies { filters } => SpendResult::Currencies(bill.totals_by_currency(filters)?),
            Self::Starts => SpendResult::Starts(bill.starts()?),
            Self::Compare { by, filters, basis, before, after } => {
                SpendResult::Compare(Arc::new(bill.compare(by, filters, *basis, before, after)?))
            }
            Self::RowsBy { filters, column, descending, offset, limit } => {
                let rows: RowsView = bill.rows_by(filters, column, *descending, *offset, *limit)?;
                return Ok(QueryResult::Rows(rows));
            }
        }))
    }
}

/// The width of a bar as older projects have it, which was a month or not, or as they have it now.
pub(super) fn read_per<'de, D: Deserializer<'de>>(from: D) -> Result<Granularity, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Monthly(bool),
        Per(Granularity),
    }
    Ok(match Written::deserialize(from)? {
        Written::Monthly(true) => Granularity::Month,
        Written::Monthly(false) => Granularity::Day,
        Written::Per(per) => per,
    })
}

/// The filter that keeps the rows of a group, beside those that hold already. `value` is a value of a
/// [`crate::bill::Group`]. Where other groups lack the column altogether (`tells_absent`), "no value" leaves them out.
pub fn group_filters(column: &str, value: Option<&str>, tells_absent: bool) -> Vec<Filter> {
    let mut filters = vec![Filter::is(column, [value.unwrap_or_default()])];
    if value.is_none() && tells_absent {
        filters.push(Filter::is(column, [crate::bill::NO_COLUMN]).negated());
    }
    filters
}

/// Adds filters; of a column that is filtered by value already, the new values take the place of the old.
pub fn narrow(filters: &mut Vec<Filter>, more: Vec<Filter>) {
    for filter in more {
        let same = |other: &Filter| {
            other.column.eq_ignore_ascii_case(&filter.column)
                && other.how == How::Is
                && filter.how == How::Is
                && other.not == filter.not
        };
        filters.retain(|other| !same(other));
        filters.push(filter);
    }
}

/// What changed between two periods, a bar for each of the `most` groups that changed most, the rest in one.
pub fn drivers_chart(
    comparison: &Comparison,
    by: &str,
    basis: Basis,
    (before, after): &(String, String),
    most: usize,
) -> Chart {
    let currency = comparison.currency.as_deref().unwrap_or_default();
    let name = |key: &[Option<String>]| {
        let words: Vec<&str> = key.iter().map(|value| value.as_deref().unwrap_or("(no value)")).collect();
        words.join(" › ")
    };
    let (shown, rest) = comparison.drivers.split_at(most.min(comparison.drivers.len()));
    let mut bars: Vec<(String, Money)> =
        shown.iter().map(|driver| (name(&driver.key), driver.change)).collect();
    if !rest.is_empty() {
        let sum = rest.iter().map(|driver| driver.change).sum();
        bars.push((format!("Other ({} more)", rest.len()), sum));
    }
    let data = |more: bool| {
        let wanted = move |change: Money| (change.scaled() >= 0) == more;
        bars.iter()
            .enumerate()
            .filter(move |(_, (_, change))| wanted(*change))
            .map(|(place, (name, change))| Datum {
                hover: vec![
                    (by.to_owned(), name.clone()),
                    ("Change".to_owned(), units::money(*change, currency)),
                ],
                ..Datum::new(place as f64, change.to_f64())
            })
            .collect::<Vec<_>>()
    };
    let marks = [("Costs more", data(true), 1), ("Costs less", data(false), 2)]
        .into_iter()
        .filter(|(_, data, _)| !data.is_empty())
        .map(|(name, data, ink)| Mark::Bars {
            name: name.to_owned(),
            data,
            ink: Ink::Series(ink),
            width: 0.66,
        })
        .collect();
    let names = bars.iter().map(|(name, _)| name.clone()).collect();
    let mut chart = Chart::new(
        "bill-change",
        format!("What changed from {before} to {after}, by {by}"),
        Axis::new("", "", Scale::Categories(names)),
        Axis::new("Change", currency, Scale::Linear { from_zero: true }),
    );
    chart.subtitle = match currency {
        "" => basis.column().to_owned(),
        currency => format!("{}, {currency}", basis.column()),
    };
    chart.marks = marks;
    chart.notes.extend(comparison.converted.as_ref().map(|conversion| format!("Amounts are {conversion}.")));
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_of_an_older_version_keeps_its_months() {
        let read = |text: &str| serde_json::from_str::<Scenario>(text).unwrap().per;
        assert_eq!(read(r#"{"monthly":true}"#), Granularity::Month);
        assert_eq!(read(r#"{"monthly":false}"#), Granularity::Day);
        assert_eq!(read(r#"{"per":"week"}"#), Granularity::Week);
        assert_eq!(read("{}"), Granularity::Day);
        let scenario = Scenario { per: Granularity::Hour, ..Scenario::default() };
        assert_eq!(read(&serde_json::to_string(&scenario).unwrap()), Granularity::Hour);
    }

    #[test]
    fn a_view_shows_what_it_was_made_of() {
        let mut scenario = Scenario {
            group_by: "RegionId".to_owned(),
            filters: vec![Filter::is("ServiceName", ["a"]).negated()],
            spend: Spend {
                then_by: vec!["Tags.team".to_owned()],
                period: Some(Period::parse("2026-05").unwrap()),
                ..Spend::default()
            },
            ..Scenario::default()
        };
        let view = SavedView::of("EU", &scenario);
        assert!(view.is_shown(&scenario));
        scenario.group_by = "ServiceName".to_owned();
        scenario.p99_limit_ms = 7.0;
        assert!(!view.is_shown(&scenario));
        view.apply(&mut scenario);
        assert!(view.is_shown(&scenario));
        assert!((scenario.p99_limit_ms - 7.0).abs() < 1e-12, "what a view does not show stays");
    }

    /// A month's fee is for days to come, on which nothing begins: the month is not whole on the 28th.
    #[test]
    fn the_days_of_a_bill_end_with_the_last_charge_that_begins() {
        let secs = |text: &str| crate::bill::moment::read(text).unwrap() / crate::bill::moment::PER_SEC;
        let mut state = State::default();
        state.bills.push(crate::bill::Imported {
            first_charge_unix_secs: Some(secs("2026-03-01")),
            last_charge_unix_secs: Some(secs("2026-06-01")),
            ..crate::bill::Imported::default()
        });
        assert_eq!(state.bill_days().unwrap().to, "2026-05-31");
        let micros = |text: &str| crate::bill::moment::read(text).unwrap();
        let starts = Starts {
            first_and_last: Some((micros("2026-03-01"), micros("2026-05-28T18:00:00Z"))),
            hours: true,
        };
        let answer = Ok(QueryResult::Spend(SpendResult::Starts(starts)));
        state.queries.insert(Query::Spend(SpendQuery::Starts), answer);
        let days = state.bill_days().unwrap();
        assert_eq!((days.from.as_str(), days.to.as_str()), ("2026-03-01", "2026-05-28"));
        let (before, after) = days.compared().unwrap();
        assert_eq!((before.words(), after.words()), ("March 2026".to_owned(), "April 2026".to_owned()));
    }

    #[test]
    fn the_width_of_a_bar_follows_the_days_until_it_is_chosen() {
        let secs = |text: &str| crate::bill::moment::read(text).unwrap() / crate::bill::moment::PER_SEC;
        let mut state = State::default();
        let bill = |from: &str, to: &str| crate::bill::Imported {
            first_charge_unix_secs: Some(secs(from)),
            last_charge_unix_secs: Some(secs(to)),
            ..crate::bill::Imported::default()
        };
        for (from, to, per) in [
            ("2026-03-01", "2026-04-01", Granularity::Day),
            ("2025-09-01", "2026-06-01", Granularity::Week),
            ("2021-02-02", "2026-06-01", Granularity::Month),
        ] {
            state.bills = vec![bill(from, to)];
            assert_eq!(state.shown_per(None), per, "{from} to {to}");
        }
        let day = Period::parse("2026-05-03").unwrap();
        assert_eq!(state.shown_per(Some(&day)), Granularity::Day, "no hours are known");
        let micros = |text: &str| crate::bill::moment::read(text).unwrap();
        let starts =
            Starts { first_and_last: Some((micros("2021-02-02"), micros("2026-05-31"))), hours: true };
        let answer = Ok(QueryResult::Spend(SpendResult::Starts(starts)));
        state.queries.insert(Query::Spend(SpendQuery::Starts), answer);
        assert_eq!(state.shown_per(Some(&day)), Granularity::Hour);
        assert_eq!(state.shown_per(None), Granularity::Month);
        state.scenario.spend.per_chosen = true;
        assert_eq!(state.shown_per(Some(&day)), Granularity::Day, "as chosen");
        state.scenario = Scenario { per: Granularity::Week, ..Scenario::default() };
        assert_eq!(state.shown_per(None), Granularity::Week, "as an older project has it");
    }

    #[test]
    fn a_group_narrows_the_filters() {
        let mut filters = vec![Filter::is("RegionId", ["a", "b"]), Filter::search("x")];
        narrow(&mut filters, group_filters("regionid", Some("a"), true));
        let said: Vec<String> = filters.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["Any text contains x", "regionid is a"]);
        narrow(&mut filters, group_filters("Tags.k", None, true));
        assert_eq!(filters[2].to_string(), "Tags.k is (no value)");
        assert_eq!(filters[3].to_string(), "Tags.k is not (no such column)");
    }
}
