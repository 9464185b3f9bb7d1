//! On which days and in which months a bill has rows, provider by provider.

use std::collections::{BTreeSet, HashMap};

use super::super::ledger::Covered;
use super::{Stored, month_of, value};
use crate::bill::moment;

/// Sub accounts whose days are kept apart.
const ACCOUNTS: usize = 5_000;
/// Days in a row that make a habit.
const HABIT: usize = 7;
/// Providers whose days are kept apart.
const PROVIDERS: usize = 50;
/// Sub accounts that stop are named up to this many.
const NAMED: usize = 40;

/// The days so far.
#[derive(Default)]
pub(super) struct Days {
    found: Vec<Covered>,
    /// Place of the provider of the row before.
    at: usize,
    /// Days of each provider's sub accounts, where to find them, and that of the row before.
    accounts: Vec<(usize, String, BTreeSet<i64>)>,
    account_at: HashMap<(usize, String), usize>,
    account: usize,
    /// Texts of the row before, with what they mean.
    last_start: (String, Option<i64>),
    last_end: (String, Option<i64>),
    start: Option<i64>,
}

impl Days {
    /// When the row added last begins, in microseconds.
    pub fn start(&self) -> Option<i64> {
        self.start
    }

    /// Adds a row of the store.
    pub fn add(&mut self, cells: &[&str], stored: &Stored) {
        let read = |last: &mut (String, Option<i64>), text: &str| {
            if last.0 != text {
                text.clone_into(&mut last.0);
                last.1 = moment::read(text);
            }
            last.1
        };
        let start = read(&mut self.last_start, value(cells, stored.start));
        let end = read(&mut self.last_end, value(cells, stored.end));
        self.start = start;
        let Some(start) = start else { return };
        let provider = value(cells, stored.provider);
        if self.found.get(self.at).is_none_or(|covered| covered.provider != provider) {
            let known = self.found.iter().position(|covered| covered.provider == provider);
            self.at = known.unwrap_or_else(|| {
                if self.found.len() < PROVIDERS {
                    let provider = provider.to_owned();
                    self.found.push(Covered { provider, ..Covered::default() });
                }
                self.found.len() - 1
            });
        }
        let covered = &mut self.found[self.at];
        let length = end.map_or(0, |end| end.saturating_sub(start));
        if length > moment::PER_DAY {
            // The months of the other rows follow from their days, at the end.
            *covered.months.entry(month_of(start)).or_default() += 1;
            covered.long_rows += 1;
            return;
        }
        let number = start.div_euclid(moment::PER_DAY);
        let day = covered.days.entry(number).or_default();
        day.rows += 1;
        let until = (end.unwrap_or(start) - moment::day_start(start)).div_euclid(moment::PER_SEC);
        day.until_secs = day.until_secs.max(until);
        let account = value(cells, stored.sub_account);
        if account.is_empty() {
            return;
        }
        let is = |(covered, name, _): &(usize, String, BTreeSet<i64>)| *covered == self.at && name == account;
        if !self.accounts.get(self.account).is_some_and(is) {
            let key = (self.at, account.to_owned());
            self.account = match self.account_at.get(&key) {
                Some(place) => *place,
                None if self.accounts.len() < ACCOUNTS => {
                    self.accounts.push((self.at, account.to_owned(), BTreeSet::new()));
                    self.account_at.insert(key, self.accounts.len() - 1);
                    self.accounts.len() - 1
                }
                None => return,
            };
        }
        self.accounts[self.account].2.insert(number);
    }

    /// Everything, once all rows are in.
    pub fn finish(self) -> Vec<Covered> {
        let mut found = self.found;
        for (covered, name, days) in self.accounts {
            let (Some(first), Some(last)) = (days.first(), days.last()) else { continue };
            let covered = &mut found[covered];
            let goes_on = covered.days.last_key_value().is_some_and(|(day, _)| day - last > 1);
            let every_day = (last - first + 1).unsigned_abs() == days.len() as u64;
            if goes_on && every_day && days.len() >= HABIT && covered.stopped.len() < NAMED {
                covered.stopped.push((name, *last));
            }
        }
        for covered in &mut found {
            covered.stopped.sort();
            for (day, of_day) in &covered.days {
                *covered.months.entry(month_of(day * moment::PER_DAY)).or_default() += of_day.rows;
            }
        }
        found
    }
}
