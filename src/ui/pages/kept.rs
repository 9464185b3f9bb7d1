//! What a page keeps between frames so that nothing is made twice: values made from the state, answers of the
//! bills. Knows nothing of any page.

use crate::app::{Command, Query, QueryResult};
use crate::bill::Rates;
use crate::ui::view::View;

/// A value that is made again only when its key changes.
#[derive(Debug)]
pub struct Memo<K, T> {
    made: Option<(K, T)>,
}

impl<K, T> Default for Memo<K, T> {
    fn default() -> Self {
        Self { made: None }
    }
}

impl<K: PartialEq, T> Memo<K, T> {
    /// The value for `key`, made now when it was made for another.
    pub fn get(&mut self, key: K, make: impl FnOnce() -> T) -> &T {
        let made = match self.made.take() {
            Some(made) if made.0 == key => made,
            _ => (key, make()),
        };
        &self.made.insert(made).1
    }
}

/// The answer to a question to the bills. The previous one stays until the new one arrives, so that nothing
/// flickers while the user turns a knob.
#[derive(Debug, Default)]
pub struct Asked {
    shown: Option<(Query, Result<QueryResult, String>)>,
    /// The bills that the answer is about, and what its sums are shown in.
    bills: Vec<String>,
    /// The rules they were looked at through; see [`crate::app::State::rules_version`].
    rules: u64,
    rates: Rates,
    waiting: bool,
    version: u64,
}

impl Asked {
    /// Takes the answer to `query` when it is there, and asks when nobody has.
    pub fn follow(&mut self, view: &mut View<'_>, query: Query) {
        let state = view.app.state();
        let same_bills = state.bills.iter().map(|bill| &bill.hash).eq(self.bills.iter())
            && state.rates == self.rates
            && state.rules_version == self.rules;
        if same_bills && self.shown.as_ref().is_some_and(|(shown, _)| *shown == query) {
            self.waiting = false;
            return;
        }
        if let Some(answer) = state.queries.get(&query) {
            self.shown = Some((query, answer.clone()));
            self.bills = state.bills.iter().map(|bill| bill.hash.clone()).collect();
            self.rules = state.rules_version;
            self.rates.clone_from(&state.rates);
            self.waiting = false;
            self.version += 1;
            return;
        }
        self.waiting = true;
        if !state.asked.contains(&query) {
            view.send(Command::Ask(query));
        }
    }

    /// The latest answer, in words where it is none; `None` before the first.
    pub fn answer(&self) -> Option<Result<&QueryResult, &str>> {
        self.shown.as_ref().map(|(_, answer)| answer.as_ref().map_err(String::as_str))
    }

    /// The question that [`Self::answer`] answers.
    pub fn question(&self) -> Option<&Query> {
        self.shown.as_ref().map(|(query, _)| query)
    }

    /// Another answer than the one shown is on its way.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Counts up with each answer.
    pub fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_made_once_for_a_key_and_again_for_another() {
        let mut memo = Memo::default();
        let mut made = 0;
        for key in [1, 1, 2, 2, 1] {
            memo.get(key, || made += 1);
        }
        assert_eq!(made, 3);
    }
}
