//! What a project keeps of the watch over its bills, and one check of everything watched.
//!
//! Budgets, settings, which anomalies somebody has seen, and which tiers a check has told of. What the bills say is
//! asked anew each time ([`Query::Watch`]).

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::project::{Item, Project};
use super::{App, Query, QueryResult, State};
use crate::bill::watch::{Anomaly, Answer, Budget, Day, Question, Standing, Tier, Tuning, Watched};
use crate::bill::{Basis, Filter};
use crate::units::Money;

const BUDGET: &str = "budget";
const MARK: &str = "anomaly";
const SETTINGS: &str = "watch";
const TOLD: &str = "budget-told";

/// What is watched, and when a day is unusual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchSettings {
    /// Which cost.
    pub basis: Basis,
    /// The column whose values are judged on their own.
    pub by: String,
    /// When a day is unusual.
    pub tuning: Tuning,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { basis: Basis::EffectiveCost, by: "ServiceName".to_owned(), tuning: Tuning::default() }
    }
}

/// What became of an anomaly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// Nobody has seen it.
    New,
    /// A check has told of it, or somebody has looked at it; it is still open.
    Known,
    /// Somebody has dealt with it.
    Acknowledged,
}

/// An anomaly somebody has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The currency of its rows.
    pub currency: String,
    /// The part of the bill; `None` = the whole.
    pub part: Option<String>,
    /// Its first day.
    pub first: Day,
    /// Its last day when it was marked.
    pub last: Day,
    /// It cost too much, not too little; `None` in marks of versions that did not say, which are of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// What became of it.
    pub seen: Seen,
}

impl Mark {
    /// A mark on an anomaly.
    pub fn of(anomaly: &Anomaly, currency: &str, seen: Seen) -> Self {
        let Anomaly { part, first, last, .. } = anomaly;
        let (currency, more) = (currency.to_owned(), Some(anomaly.difference() >= Money::ZERO));
        Self { currency, part: part.clone(), first: *first, last: *last, more, seen }
    }

    fn key(&self) -> String {
        format!("{} {} {}", self.first, self.currency, self.part.as_deref().unwrap_or("all"))
    }

    /// A spell that goes on, or begins a day earlier in a newer bill, is the same spell; a drop after a rise is not.
    fn is_same(&self, other: &Self) -> bool {
        let same_way = self.more.zip(other.more).is_none_or(|(one, other)| one == other);
        (&self.currency, &self.part) == (&other.currency, &other.part)
            && same_way
            && self.first <= other.last.plus(1)
            && other.first <= self.last.plus(1)
    }
}

/// What the project keeps of the watch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watch {
    /// The budgets, in the order they were made.
    pub budgets: Vec<Budget>,
    /// What is watched.
    pub settings: WatchSettings,
    /// Anomalies somebody has seen.
    pub marks: Vec<Mark>,
    /// Tiers that `bill check --once` has told of, by budget: the first day of the month and the tiers.
    pub told: BTreeMap<String, (Day, Vec<Tier>)>,
}

impl Watch {
    /// What became of an anomaly.
    pub fn seen(&self, anomaly: &Anomaly, currency: &str) -> Seen {
        let wanted = Mark::of(anomaly, currency, Seen::New);
        let marks = self.marks.iter().filter(|mark| mark.is_same(&wanted));
        marks.map(|mark| mark.seen).max().unwrap_or(Seen::New)
    }

    /// The tiers a budget has reached and nobody was told of.
    pub fn untold(&self, standing: &Standing) -> Vec<Tier> {
        let told = self.told.get(&standing.budget.name).filter(|(month, _)| *month == standing.month);
        let is_told = |tier: &&Tier| told.is_some_and(|(_, tiers)| tiers.contains(tier));
        standing.reached.iter().filter(|tier| !is_told(tier)).copied().collect()
    }

    /// Reads it from a project.
    pub(super) fn load(project: &Project) -> anyhow::Result<Self> {
        let values = |kind| -> anyhow::Result<Vec<Mark>> {
            Ok(project.all::<Mark>(kind)?.into_iter().map(|(_key, mark)| mark).collect())
        };
        Ok(Self {
            budgets: project.all::<Budget>(BUDGET)?.into_iter().map(|(_key, budget)| budget).collect(),
            settings: project.get(SETTINGS, "now")?.unwrap_or_default(),
            marks: values(MARK)?,
            told: project.all(TOLD)?.into_iter().collect(),
        })
    }
}

/// A change of what is watched.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchCommand {
    /// Adds a budget, or changes the one of the name `replaces`.
    PutBudget {
        /// The name it had; `None` for a new one.
        replaces: Option<String>,
        /// The budget.
        budget: Box<Budget>,
    },
    /// Takes a budget out, by name.
    RemoveBudget(String),
    /// Says what became of anomalies; [`Seen::New`] takes a mark off.
    Mark(Vec<Mark>),
    /// Changes what is watched.
    Set(WatchSettings),
    /// Says which tiers of budgets somebody was told of: name, month, tiers.
    Told(Vec<(String, Day, Vec<Tier>)>),
}

/// The currencies of the project's bills, the one with most rows first. Rows that count tokens and cost nothing have no
/// currency, which is none to watch.
pub fn currencies(state: &State) -> Vec<String> {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for bill in &state.bills {
        let costs = |currency: &str| {
            let known = bill.totals.get(currency);
            !currency.is_empty()
                || known.is_some_and(|costs| {
                    [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost]
                        .into_iter()
                        .any(|basis| costs.get(basis).is_some())
                })
        };
        for (currency, count) in bill.currencies.iter().filter(|(currency, _)| costs(currency)) {
            *rows.entry(currency).or_default() += count;
        }
    }
    let mut named: Vec<(&str, u64)> = rows.into_iter().collect();
    named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    named.into_iter().map(|(currency, _)| currency.to_owned()).collect()
}

/// The question for the days in one currency, by the project's settings.
pub fn days_question(state: &State, currency: &str) -> Query {
    let WatchSettings { basis, by, tuning } = state.watch.settings.clone();
    let filters = in_currency(state, currency);
    Query::Watch(Box::new(Question::Days { filters, basis, by, tuning, today: today() }))
}

/// The question for the project's budgets, in the month of the bills' last day or another.
pub fn budgets_question(state: &State, month: Option<Day>) -> Query {
    let budgets = state.watch.budgets.clone();
    Query::Watch(Box::new(Question::Budgets { budgets, month, today: today() }))
}

/// The day it is, in UTC, as bills count days.
pub fn today() -> Day {
    Day::of_micros(chrono::Utc::now().timestamp_micros())
}

/// The question for commitments in one currency.
pub fn commitments_question(state: &State, currency: &str) -> Query {
    Query::Watch(Box::new(Question::Commitments { filters: in_currency(state, currency) }))
}

/// The question for idle things in one currency.
pub fn idle_question(state: &State, currency: &str) -> Query {
    let (filters, basis) = (in_currency(state, currency), state.watch.settings.basis);
    Query::Watch(Box::new(Question::Idle { filters, basis }))
}

/// Only where there are several, so that the usual question is the simple one.
fn in_currency(state: &State, currency: &str) -> Vec<Filter> {
    if currencies(state).len() < 2 {
        return Vec::new();
    }
    vec![Filter::is("BillingCurrency", [currency])]
}

/// A budget's standing with the tiers nobody was told of, or its name and why nothing can be said.
pub type CheckedBudget = Result<(Standing, Vec<Tier>), (String, String)>;

/// Everything watched, looked at once.
#[derive(Debug, Clone)]
pub struct Check {
    /// Each budget.
    pub budgets: Vec<CheckedBudget>,
    /// The days in each currency.
    pub watched: Vec<(String, Watched)>,
    /// What became of the anomalies, in the same order.
    pub seen: Vec<Vec<Seen>>,
    /// The last day of the bills that has charges and has begun.
    pub last_day: Option<Day>,
}

impl Check {
    /// Anomalies nobody has seen, with their currency.
    pub fn fresh(&self) -> impl Iterator<Item = (&str, &Anomaly)> {
        self.watched.iter().zip(&self.seen).flat_map(|((currency, watched), seen)| {
            let with = watched.anomalies.iter().zip(seen).filter(|(_, seen)| **seen == Seen::New);
            with.map(|(anomaly, _)| (currency.as_str(), anomaly))
        })
    }

    /// How many budgets have reached a tier nobody was told of.
    pub fn reached(&self) -> usize {
        self.budgets.iter().flatten().filter(|(_, untold)| !untold.is_empty()).count()
    }

    /// What could not be looked at, in words.
    pub fn unchecked(&self) -> Vec<String> {
        let budgets = self.budgets.iter().filter_map(|budget| {
            budget.as_ref().err().map(|(name, reason)| format!("the budget “{name}”: {reason}"))
        });
        let days = self.watched.iter().filter(|(_, watched)| !watched.not_judged.is_empty());
        let days = days.map(|(currency, watched)| {
            let of = if self.watched.len() > 1 { format!(" in {currency}") } else { String::new() };
            format!("unusual days{of}: {}", watched.not_judged)
        });
        budgets.chain(days).collect()
    }

    /// Whether anything at all could be looked at.
    pub fn looked(&self) -> bool {
        self.budgets.iter().any(Result::is_ok)
            || self.watched.iter().any(|(_, watched)| watched.not_judged.is_empty())
    }

    /// What a check that tells each thing once keeps of it.
    pub fn told(&self) -> [WatchCommand; 2] {
        let marks = self.fresh().map(|(currency, anomaly)| Mark::of(anomaly, currency, Seen::Known));
        let tiers =
            self.budgets.iter().flatten().filter(|(standing, _)| !standing.reached.is_empty()).map(
                |(standing, _)| (standing.budget.name.clone(), standing.month, standing.reached.clone()),
            );
        [WatchCommand::Mark(marks.collect()), WatchCommand::Told(tiers.collect())]
    }
}

impl App {
    /// Looks at everything watched; budgets in the month of the bills' last day, or in another.
    ///
    /// # Errors
    /// Without bills, and when they cannot answer.
    pub fn check(&mut self, month: Option<Day>) -> anyhow::Result<Check> {
        if self.state.bills.is_empty() {
            bail!("the project has no bill to check; import one first");
        }
        let standings = if self.state.watch.budgets.is_empty() {
            Vec::new()
        } else {
            match self.watch_answer(&budgets_question(&self.state, month))? {
                Answer::Budgets(standings) => standings,
                _ => bail!("the bill store answered another question"),
            }
        };
        let mut watched = Vec::new();
        for currency in currencies(&self.state) {
            match self.watch_answer(&days_question(&self.state, &currency))? {
                Answer::Days(days) => watched.push((currency, *days)),
                _ => bail!("the bill store answered another question"),
            }
        }
        let kept = &self.state.watch;
        let budgets = standings
            .into_iter()
            .map(|standing| {
                standing.map(|standing| {
                    let untold = kept.untold(&standing);
                    (standing, untold)
                })
            })
            .collect();
        let seen = watched.iter().map(|(currency, days)| {
            days.anomalies.iter().map(|anomaly| kept.seen(anomaly, currency)).collect()
        });
        let seen = seen.collect();
        let last_day =
            watched.iter().filter_map(|(_, days)| days.days.last()).map(|last| last.day.min(today())).max();
        Ok(Check { budgets, watched, seen, last_day })
    }

    fn watch_answer(&mut self, query: &Query) -> anyhow::Result<Answer> {
        match self.answer(query)? {
            QueryResult::Watch(answer) => Ok(*answer),
            _ => bail!("the bill store answered another question"),
        }
    }

    /// Changes what is watched: in the project file first.
    pub(super) fn watch(&mut self, command: WatchCommand) -> anyhow::Result<()> {
        let Self { project, state, .. } = self;
        let watch = &mut state.watch;
        match command {
            WatchCommand::PutBudget { replaces, budget } => {
                budget.check().map_err(anyhow::Error::msg)?;
                let place = replaces.as_ref().map(|name| {
                    let place = watch.budgets.iter().position(|other| other.name == *name);
                    place.with_context(|| format!("there is no budget “{name}”"))
                });
                let place = place.transpose()?;
                let namesake = watch.budgets.iter().position(|other| other.name == budget.name);
                if namesake.is_some() && namesake != place {
                    bail!("there is a budget “{}” already; give this one another name", budget.name);
                }
                // What was told of was told of another amount, or of other rows.
                let before = place.map(|place| &watch.budgets[place]);
                let says_the_same =
                    |old: &Budget| Budget { tiers: old.tiers.clone(), ..(*budget).clone() } == *old;
                let mut gone = Vec::new();
                let changed = before.filter(|old| !says_the_same(old)).map(|old| old.name.clone());
                if let Some(old) = &changed {
                    gone.push((TOLD, old.clone()));
                    if *old != budget.name {
                        gone.push((BUDGET, old.clone()));
                    }
                }
                let item =
                    Item::new(BUDGET, budget.name.clone(), place.unwrap_or(watch.budgets.len()), &budget)?;
                project.change_items(&gone, &[item])?;
                if let Some(old) = changed {
                    watch.told.remove(&old);
                }
                match place {
                    Some(place) => watch.budgets[place] = *budget,
                    None => watch.budgets.push(*budget),
                }
            }
            WatchCommand::RemoveBudget(name) => {
                project.remove(BUDGET, &name)?;
                project.remove(TOLD, &name)?;
                watch.budgets.retain(|budget| budget.name != name);
                watch.told.remove(&name);
            }
            WatchCommand::Mark(marks) => {
                for mark in marks {
                    // One mark a spell: those it takes the place of go.
                    for old in watch.marks.iter().filter(|other| mark.is_same(other)) {
                        project.remove(MARK, &old.key())?;
                    }
                    watch.marks.retain(|other| !mark.is_same(other));
                    if mark.seen != Seen::New {
                        project.put(MARK, &mark.key(), 0, &mark)?;
                        watch.marks.push(mark);
                    }
                }
            }
            WatchCommand::Set(settings) => {
                project.put(SETTINGS, "now", 0, &settings)?;
                watch.settings = settings;
            }
            WatchCommand::Told(budgets) => {
                for (name, month, mut tiers) in budgets {
                    // A forecast that falls below a tier and reaches it again is no news, nor is a month gone by.
                    match watch.told.get(&name) {
                        Some((known, _)) if *known > month => continue,
                        Some((known, told)) if *known == month => {
                            tiers.extend(
                                told.iter().filter(|tier| !tiers.contains(tier)).copied().collect::<Vec<_>>(),
                            );
                        }
                        _ => {}
                    }
                    project.put(TOLD, &name, 0, &(month, &tiers))?;
                    watch.told.insert(name, (month, tiers));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Folders, Options};
    use crate::bill::watch::On;
    use crate::measure::launcher::Launcher;

    fn app() -> (tempfile::TempDir, App) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folders: Folders::below(folder.path()),
            runtime: None,
            offline: true,
            launcher: Launcher::command(vec!["false".to_owned()]),
        };
        let app = App::new(options).unwrap();
        (folder, app)
    }

    fn anomaly(first: i64, last: i64, actual: i64) -> Anomaly {
        Anomaly {
            id: String::new(),
            part: Some("Compute".to_owned()),
            first: Day(first),
            last: Day(last),
            goes_on: false,
            actual: Money::from_scaled(i128::from(actual)),
            expected: Money::from_scaled(100),
            score: 9.0,
            drivers: Vec::new(),
        }
    }

    #[test]
    fn a_spell_that_goes_on_stays_acknowledged_and_a_drop_after_a_rise_is_new() {
        let (_folder, mut app) = app();
        let acknowledge = |of: &Anomaly| WatchCommand::Mark(vec![Mark::of(of, "USD", Seen::Acknowledged)]);
        let rise = anomaly(10, 11, 300);
        app.watch(acknowledge(&rise)).unwrap();
        app.watch(acknowledge(&rise)).unwrap();
        let seen = |app: &App, of: &Anomaly| app.state.watch.seen(of, "USD");
        assert_eq!((app.state.watch.marks.len(), seen(&app, &rise)), (1, Seen::Acknowledged));
        assert_eq!(seen(&app, &anomaly(10, 14, 900)), Seen::Acknowledged);
        assert_eq!(seen(&app, &anomaly(12, 12, 20)), Seen::New, "another direction");
        assert_eq!(seen(&app, &anomaly(13, 13, 300)), Seen::New, "another spell");
        // A mark of a version that did not say the direction is of both.
        let old: Mark = serde_json::from_str(
            r#"{"currency":"USD","part":"Compute","first":"1970-01-31","last":"1970-01-31","seen":"known"}"#,
        )
        .unwrap();
        app.watch(WatchCommand::Mark(vec![old])).unwrap();
        assert_eq!(
            (seen(&app, &anomaly(30, 30, 20)), seen(&app, &anomaly(30, 30, 300))),
            (Seen::Known, Seen::Known)
        );
    }

    #[test]
    fn a_tier_that_was_told_is_not_told_again_when_the_forecast_crosses_it_again() {
        let (_folder, mut app) = app();
        let tier = |percent| Tier { percent, on: On::Forecast };
        let told = |month: i64, tiers: &[u32]| {
            let tiers = tiers.iter().map(|percent| tier(*percent)).collect();
            WatchCommand::Told(vec![("all".to_owned(), Day(month), tiers)])
        };
        app.watch(told(0, &[50, 80])).unwrap();
        app.watch(told(0, &[50])).unwrap();
        let kept = |app: &App| app.state.watch.told["all"].clone();
        assert_eq!(kept(&app), (Day(0), vec![tier(50), tier(80)]));
        app.watch(told(31, &[50])).unwrap();
        app.watch(told(0, &[100])).unwrap();
        assert_eq!(
            kept(&app),
            (Day(31), vec![tier(50)]),
            "a month gone by does not undo what was told of this one"
        );
    }
}
