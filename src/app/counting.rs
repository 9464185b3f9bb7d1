//! Which of the project's bills count: decided by their rows, or by the user, whose choices the project keeps.

use std::collections::BTreeSet;

use super::project::Project;
use super::{App, Level};
use crate::bill::claims::{self, Choice, Claim, Counted, Standing, Why};
use crate::bill::moment;

/// Where choices stand in the project's table of items.
const KIND: &str = "bill choice";
/// Months named in a notice at most.
const NAMED: usize = 3;

impl App {
    /// The bills to ask: what does not count is left out.
    pub(super) fn counted(&self) -> Vec<Counted> {
        self.state.counting.bills.clone()
    }

    /// Decides anew which bills count.
    pub(super) fn recount(&mut self) {
        self.state.counting = claims::decide(&self.state.bills, &self.state.choices);
    }

    /// Reads the user's choices of a project that was just opened.
    pub(super) fn load_choices(&mut self) -> anyhow::Result<()> {
        self.state.choices = self.project.all(KIND)?.into_iter().collect();
        self.recount();
        Ok(())
    }

    /// Takes over the choices of another project.
    pub(super) fn borrow_choices(&mut self, other: &Project) -> anyhow::Result<()> {
        for (key, choice) in other.all::<Choice>(KIND)? {
            self.choose_counted(key, Some(choice))?;
        }
        Ok(())
    }

    /// Keeps what the user decided of a claim; `None` forgets it.
    pub(super) fn choose_counted(&mut self, key: String, choice: Option<Choice>) -> anyhow::Result<()> {
        if let Some(choice) = choice {
            self.project.put(KIND, &key, 0, &choice)?;
            self.state.choices.insert(key, choice);
        } else {
            self.project.remove(KIND, &key)?;
            self.state.choices.remove(&key);
        }
        self.bills_changed();
        Ok(())
    }

    /// Says what a bill that has just come replaces or doubles; `before` are the claims without it.
    pub(super) fn tell_claims(&mut self, hash: &str, before: &[Claim]) {
        let of_bill = |claim: &&Claim| {
            !before.contains(claim) && claim.standings.iter().any(|standing| standing.hash == hash)
        };
        let claims: Vec<Claim> = self.state.counting.claims.iter().filter(of_bill).cloned().collect();
        for why in [Why::Redelivered, Why::ActualAndAmortized, Why::PartlyTheSame, Why::TwoFormats] {
            let alike: Vec<&Claim> = claims.iter().filter(|claim| claim.why == why).collect();
            if let Some(first) = alike.first() {
                let text = notice(first, &alike);
                self.notify(Level::Warning, text);
            }
        }
    }
}

/// `2026-10`, of the start of a billing period.
pub fn month_words(period_unix_secs: Option<i64>) -> String {
    match period_unix_secs.and_then(|secs| secs.checked_mul(moment::PER_SEC)) {
        Some(micros) => moment::show(micros).chars().take(7).collect(),
        None => "no period".to_owned(),
    }
}

/// The name of a delivery: its bill, and the files of it that are meant.
pub fn standing_words(standing: &Standing) -> String {
    let view = if standing.view.is_empty() { String::new() } else { format!(" ({})", standing.view) };
    match standing.files.as_slice() {
        [] => format!("{}{view}", standing.bill),
        [only] => format!("{}: {only}{view}", standing.bill),
        [first, more @ ..] => format!("{}: {first} and {} more{view}", standing.bill, more.len()),
    }
}

/// What is said of claims that have the same reason.
fn notice(first: &Claim, alike: &[&Claim]) -> String {
    let mut months: Vec<String> = alike.iter().map(|claim| month_words(claim.period_unix_secs)).collect();
    months.sort();
    months.dedup();
    let more =
        if months.len() > NAMED { format!(" and {} more", months.len() - NAMED) } else { String::new() };
    months.truncate(NAMED);
    let accounts: BTreeSet<&str> =
        alike.iter().map(|claim| claim.account.as_str()).filter(|account| !account.is_empty()).collect();
    let account = match accounts.len() {
        0 => String::new(),
        1 => format!(" of account {}", first.account),
        several => format!(" of {several} accounts"),
    };
    let what = format!("{} {}{more}{account}", first.family, months.join(", "));
    let names = |counts: bool| {
        let names: Vec<String> =
            first.standings.iter().filter(|standing| standing.counts == counts).map(standing_words).collect();
        names.join(" and ")
    };
    let choose = "choose otherwise under Bills, Files";
    match first.why {
        Why::Redelivered => {
            format!("{what} came again: {} counts, {} does not; {choose}", names(true), names(false))
        }
        Why::ActualAndAmortized => format!(
            "{what} came as actual and as amortized cost, which must not be added up: {} counts, {} does not; {choose}",
            names(true),
            names(false)
        ),
        Why::PartlyTheSame => format!(
            "{what}: about {} % of the rows of {} are in both and count twice; {choose}",
            first.shared_percent,
            names(true)
        ),
        Why::TwoFormats => {
            format!("{what}: the same account and month are in {}, and count twice; {choose}", names(true))
        }
    }
}
