//! Questions to the open bills. They run off the caller's thread; the state keeps the answers until bills change.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use super::jobs::{self, JobId};
use super::spend::{SpendQuery, SpendResult};
use super::{App, Command, Finding};
use crate::bill::claims::Counted;
use crate::bill::lens::{Candidate, Draft, Preview};
use crate::bill::warehouse::Stop;
use crate::bill::{
    Basis, Bill, BillError, ColumnView, Filter, Granularity, Group, InferenceShare, Ledger, Rates, RowsView,
    RuleSet, Series, Store, Totals, watch,
};
use crate::units::Money;

/// Groups of candidates that are answered at most.
const CANDIDATES: usize = 100;

/// A question to the bills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Query {
    /// Sum of the four costs.
    Totals {
        /// Rows considered.
        filters: Vec<Filter>,
    },
    /// Costs by the values of columns.
    Groups {
        /// Columns, outermost first.
        by: Vec<String>,
        /// Rows considered.
        filters: Vec<Filter>,
        /// The cost that groups are sorted by.
        basis: Basis,
    },
    /// Cost over time, stacked by a column.
    Series {
        /// Column; `None` = one series.
        by: Option<String>,
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost.
        basis: Basis,
        /// Width of a bucket.
        per: Granularity,
        /// Series kept before the rest becomes "Other".
        top: usize,
    },
    /// The share that is inference.
    Inference {
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost the monthly mean is of.
        basis: Basis,
    },
    /// Cost of AI by day, rule and line.
    Ledger {
        /// Rows considered.
        filters: Vec<Filter>,
        /// Which cost.
        basis: Basis,
    },
    /// Rows that no rule caught and that smell of AI.
    Candidates {
        /// Rows considered.
        filters: Vec<Filter>,
    },
    /// What a rule being written would catch.
    RulePreview {
        /// The rule and its place.
        draft: Box<Draft>,
        /// Rows considered.
        filters: Vec<Filter>,
    },
    /// Columns and tag keys, with what they hold.
    Columns,
    /// Rows as they are in the file.
    Rows {
        /// Rows considered.
        filters: Vec<Filter>,
        /// First row.
        offset: u64,
        /// How many.
        limit: u64,
    },
    /// What only the Spend part asks.
    Spend(SpendQuery),
    /// Budgets, days, commitments, idle things.
    Watch(Box<watch::Question>),
}

/// The answer to a [`Query`] of the same name.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named after the questions")]
pub enum QueryResult {
    Totals(Totals),
    /// Shared, because there may be as many as rows.
    Groups(Arc<Vec<Group>>),
    Series(Series),
    Inference(Box<InferenceShare>, Option<Money>),
    Ledger(Arc<Ledger>),
    /// The most expensive, and how many there are.
    Candidates(Vec<Candidate>, usize),
    RulePreview(Box<Preview>),
    Columns(Vec<ColumnView>),
    Rows(RowsView),
    Watch(Box<watch::Answer>),
    Spend(SpendResult),
}

/// Title of the jobs that ask the bills.
pub(super) const ASK: &str = "Ask the bills";

impl App {
    /// Waits until everything asked of the bills is answered.
    pub fn wait_for_answers(&mut self) {
        while !self.state.asked.is_empty() && self.jobs.running().next().is_some() {
            self.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.poll();
    }

    /// Asks the bills and waits for the answer.
    ///
    /// # Errors
    /// In words, when the bills cannot answer or changed meanwhile.
    pub fn answer(&mut self, query: &Query) -> anyhow::Result<QueryResult> {
        self.handle(Command::Ask(query.clone()))?;
        self.wait_for_answers();
        match self.state.queries.get(query) {
            Some(Ok(result)) => Ok(result.clone()),
            Some(Err(message)) => bail!("{message}"),
            None => bail!("the bills did not answer, or changed meanwhile; try again"),
        }
    }

    /// Asks the bills in a job, unless the answer is known or on its way.
    pub(super) fn ask(&mut self, query: Query) -> Option<JobId> {
        if self.state.queries.contains_key(&query) || !self.state.asked.insert(query.clone()) {
            return None;
        }
        let bills = self.counted();
        let store = self.options.folders.bills();
        let looked = Looked { rates: self.state.rates.clone(), rules: self.state.rules.clone() };
        let generation = self.bills_generation;
        Some(self.jobs.start(ASK.to_owned(), move |link| {
            let stop = super::warehouse::stop_of(link);
            // Whatever happens in there, the question must not stay open.
            let answer = jobs::guard(|| ask(&bills, &store, &looked, &query, stop)).and_then(|answer| answer);
            link.found(Finding::Answer(generation, query, answer));
            Ok(())
        }))
    }
}

/// How the bills are looked at.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What sums are shown in.
    pub rates: Rates,
    /// The rules that sort spend.
    pub rules: RuleSet,
}

/// Asks these bills, without what does not count; sums are shown as the rates say. What a warehouse is
/// asked ends when `stop` is.
///
/// # Errors
/// In words, when a bill is not in the store any more, a column does not exist, or currencies are mixed.
pub fn ask(
    bills: &[Counted],
    store: &Path,
    looked: &Looked,
    query: &Query,
    stop: Stop,
) -> Result<QueryResult, String> {
    let run = || -> Result<QueryResult, BillError> {
        let Looked { rates, rules } = looked;
        let store = Store::at(store);
        let bill = Bill::open_counted(bills, &store)?
            .shown_in(rates.clone())
            .with_rules(rules, &store)
            .stopped_by(stop);
        Ok(match query {
            Query::Totals { filters } => QueryResult::Totals(bill.totals(filters)?),
            Query::Groups { by, filters, basis } => {
                QueryResult::Groups(Arc::new(bill.group_by(by, filters, *basis)?))
            }
            Query::Series { by, filters, basis, per, top } => {
                QueryResult::Series(bill.over_time(by.as_deref(), filters, *basis, *per, *top)?)
            }
            Query::Inference { filters, basis } => {
                let share = bill.inference(filters)?;
                let monthly = bill.monthly_inference(filters, *basis)?;
                QueryResult::Inference(Box::new(share), monthly)
            }
            Query::Ledger { filters, basis } => QueryResult::Ledger(Arc::new(bill.ledger(filters, *basis)?)),
            Query::Candidates { filters } => {
                let (found, all) = bill.candidates(filters, CANDIDATES)?;
                QueryResult::Candidates(found, all)
            }
            Query::RulePreview { draft, filters } => {
                QueryResult::RulePreview(Box::new(bill.preview(rules, draft, filters, &store)?))
            }
            Query::Columns => QueryResult::Columns(bill.columns()),
            Query::Rows { filters, offset, limit } => QueryResult::Rows(bill.rows(filters, *offset, *limit)?),
            Query::Spend(query) => query.ask(&bill)?,
            Query::Watch(question) => QueryResult::Watch(Box::new(watch::ask(&bill, question)?)),
        })
    };
    run().map_err(|error| crate::app::words(&error))
}
