//! What a project keeps of the watch over its bills, and one check of everything watched.
//!
//! Budgets, settings, which anomalies somebody has seen, and which tiers a check has told of. What the bills say is
//! asked anew each time ([`Query::Watch`]).

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::project::Project;
use super::{App, Query, QueryResult, State};
use crate::bill::watch::{Anomaly, Answer, Budget, Day, Question, Standing, Tier, Tuning, Watched};
use crate::bill::{Basis, Filter};

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
    /// What became of it.
    pub seen: Seen,
}

impl Mark {
    /// A mark on an anomaly.
    pub fn of(anomaly: &Anomaly, currency: &str, seen: Seen) -> Self {
        let Anomaly { part, first, last, .. } = anomaly;
        Self { currency: currency.to_owned(), part: part.clone(), first: *first, last: *last, seen }
    }

    fn key(&self) -> String {
        format!("{} {} {}", self.first, self.currency, self.part.as_deref().unwrap_or("all"))
    }

    /// A spell that goes on, or begins a day earlier in a newer bill, is the same spell.
    fn is_of(&self, anomaly: &Anomaly, currency: &str) -> bool {
        self.currency == currency
            && self.part == anomaly.part
            && self.first <= anomaly.last.plus(1)
            && anomaly.first <= self.last.plus(1)
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
        let marks = self.marks.iter().filter(|mark| mark.is_of(anomaly, currency));
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

/// The currencies of the project's bills, the one with most rows first.
pub fn currencies(state: &State) -> Vec<String> {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for (currency, count) in state.bills.iter().flat_map(|bill| &bill.currencies) {
        *rows.entry(currency).or_default() += count;
    }
    let mut named: Vec<(&str, u64)> = rows.into_iter().collect();
    named.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    named.into_iter().map(|(currency, _)| currency.to_owned()).collect()
}

/// The question for the days in one currency, by the project's settings.
pub fn days_question(state: &State, currency: &str) -> Query {
    let WatchSettings { basis, by, tuning } = state.watch.settings.clone();
    Query::Watch(Box::new(Question::Days { filters: in_currency(state, currency), basis, by, tuning }))
}

/// The question for the project's budgets, in the month of the bills' last day or another.
pub fn budgets_question(state: &State, month: Option<Day>) -> Query {
    let budgets = state.watch.budgets.clone();
    Query::Watch(Box::new(Question::Budgets { budgets, month: month.map(|day| day.0) }))
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
    /// The last day of the bills that has charges.
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
            self.budgets.iter().flatten().map(|(standing, _)| {
                (standing.budget.name.clone(), standing.month, standing.reached.clone())
            });
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
        let last_day = watched.iter().filter_map(|(_, days)| days.days.last().map(|last| last.day)).max();
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
                if let Some(old) = replaces.filter(|old| *old != budget.name) {
                    project.remove(BUDGET, &old)?;
                    project.remove(TOLD, &old)?;
                    watch.told.remove(&old);
                }
                project.put(BUDGET, &budget.name, place.unwrap_or(watch.budgets.len()), &budget)?;
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
                    let same = |other: &Mark| {
                        (&other.currency, &other.part) == (&mark.currency, &mark.part)
                            && other.first <= mark.last.plus(1)
                            && mark.first <= other.last.plus(1)
                    };
                    for old in watch.marks.iter().filter(|other| same(other)) {
                        project.remove(MARK, &old.key())?;
                    }
                    watch.marks.retain(|other| !same(other));
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
                for (name, month, tiers) in budgets {
                    project.put(TOLD, &name, 0, &(month, &tiers))?;
                    watch.told.insert(name, (month, tiers));
                }
            }
        }
        Ok(())
    }
}
