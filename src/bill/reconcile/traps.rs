//! Double counting: within a bill, and between the bills that are open.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ledger::{Ledger, Reason};
use super::sums::amount_words;
use crate::bill::exact::Exact;
use crate::bill::{Basis, Imported};

/// What share of rows two bills must have in common to be called overlapping; below it the sample tells nothing.
const OVERLAP: f64 = 0.05;
/// From this share on two bills are one.
const SAME: f64 = 0.95;
/// Rows of a sample that can tell of rows that are repeated throughout.
const LEAST_ROWS: usize = 8;

/// How sure it is that money counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// It would have, and was left out.
    Avoided,
    /// It may.
    Possible,
    /// It does.
    Certain,
}

/// A way in which money counts twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trap {
    /// How sure it is.
    pub certainty: Certainty,
    /// What was found, in a sentence.
    pub words: String,
    /// The other bill, where it takes two.
    pub other: Option<String>,
}

impl Trap {
    fn new(certainty: Certainty, words: String) -> Self {
        Self { certainty, words, other: None }
    }
}

/// Traps within a bill.
pub(super) fn within(ledger: &Ledger) -> Vec<Trap> {
    let mut traps = Vec::new();
    for out in ledger.left_out.iter().filter(|out| out.reason == Reason::SplitCost) {
        let own = ledger.own.iter().position(|own| own.against.contains(&Basis::BilledCost));
        let split = ledger.lines.iter().filter(|line| line.left_out == Some(Reason::SplitCost));
        let sums: Vec<String> = split
            .filter_map(|line| Some((line.own[own?], line.currency.as_str())))
            .filter(|(sum, _)| *sum != Exact(0))
            .map(|(sum, currency)| amount_words(sum, currency))
            .collect();
        let worth = if sums.is_empty() { String::new() } else { format!(" ({})", sums.join(", ")) };
        traps.push(Trap::new(
            Certainty::Avoided,
            format!(
                "{} of split cost allocation{worth} left out: the machines whose cost they divide have rows of their own",
                super::rows_words(out.rows)
            ),
        ));
    }
    let rows_of = |view: &str| ledger.views.get(view).copied().unwrap_or(0);
    let (actual, amortized) = (rows_of("Actual"), rows_of("Amortized"));
    if actual > 0 && amortized > 0 {
        traps.push(Trap::new(
            Certainty::Possible,
            format!(
                "rows of an actual export ({actual}) and of an amortized one ({amortized}) stand in one file: rows without a \
                 commitment are in both exports and count twice if both are whole"
            ),
        ));
    }
    let (repeated, least) = ledger.sketch.repeated();
    let sampled = ledger.sketch.len();
    let share = repeated as f64 / sampled.max(1) as f64;
    if least > 1 && sampled >= LEAST_ROWS {
        let words = format!(
            "every row stands {least} times or more in the file: it may have been joined from copies"
        );
        traps.push(Trap::new(Certainty::Certain, words));
    } else if ledger.has_identity && repeated > 0 {
        let words = format!(
            "about {:.0} % of the rows stand more than once, with the same line item id and time: parts may overlap",
            (share * 100.0).max(1.0)
        );
        traps.push(Trap::new(Certainty::Certain, words));
    } else if share >= 0.5 && sampled >= LEAST_ROWS {
        let words = format!(
            "about {:.0} % of the rows stand more than once, alike in all that tells rows apart",
            share * 100.0
        );
        traps.push(Trap::new(Certainty::Possible, words));
    }
    traps
}

/// Traps between a bill and another, told of the one.
pub(super) fn between(one: &Imported, other: &Imported) -> Option<Trap> {
    let (a, b) = (one.ledger.as_deref()?, other.ledger.as_deref()?);
    let trap = |certainty, words: String| Some(Trap { certainty, words, other: Some(other.file.clone()) });
    let comparable = a.has_identity == b.has_identity;
    let (of_a, of_b) = (a.sketch.shared_with(&b.sketch), b.sketch.shared_with(&a.sketch));
    if comparable && let (Some(of_a), Some(of_b)) = (of_a, of_b) {
        let name = &other.file;
        if of_a >= SAME && of_b >= SAME {
            return trap(
                Certainty::Certain,
                format!("{name} has the same rows: the bill counts twice, remove one"),
            );
        }
        if of_a >= SAME {
            return trap(
                Certainty::Certain,
                format!("all its rows are in {name}, too: they count twice, remove this bill"),
            );
        }
    }
    let months = |ledger: &Ledger| -> BTreeSet<(String, String)> {
        let dated = ledger.scopes.iter().filter(|scope| !scope.period.is_empty());
        dated.map(|scope| (scope.account.clone(), scope.period.clone())).collect()
    };
    let common: Vec<(String, String)> = months(a).intersection(&months(b)).cloned().collect();
    // Without a month in common there may still be rows in common.
    let (account, period) = common.first().cloned().unwrap_or_default();
    let more =
        if common.len() > 1 { format!(" and {} more months", common.len() - 1) } else { String::new() };
    let what = format!("{account}, {period}{more}");
    let view = |ledger: &Ledger| {
        let has = |view: &str| ledger.views.contains_key(view);
        (has("Actual"), has("Amortized"))
    };
    let views = (view(a), view(b));
    if !common.is_empty() && matches!(views, ((true, false), (false, true)) | ((false, true), (true, false)))
    {
        let words = format!(
            "{} is the {} export of {what}: rows without a commitment are in both and count twice",
            other.file,
            if view(b).0 { "actual" } else { "amortized" }
        );
        return trap(Certainty::Certain, words);
    }
    if comparable
        && let (Some(of_a), Some(of_b)) = (of_a, of_b)
        && (of_a >= OVERLAP || of_b >= OVERLAP)
    {
        let share = (of_a * 100.0).max(1.0);
        let words = format!("about {share:.0} % of its rows are in {}, too, and count twice", other.file);
        return trap(Certainty::Certain, words);
    }
    if common.is_empty() {
        return None;
    }
    if one.kind != other.kind {
        let words = format!(
            "{} has {what}, too, as {}: if both tell of the same charges, they count twice",
            other.file, other.kind
        );
        return trap(Certainty::Possible, words);
    }
    let days = |ledger: &Ledger| -> BTreeSet<(String, i64)> {
        let of = |covered: &super::ledger::Covered| {
            let provider = covered.provider.clone();
            covered.days.keys().map(move |day| (provider.clone(), *day)).collect::<Vec<_>>()
        };
        ledger.covered.iter().flat_map(of).collect()
    };
    let shared_days = days(a).intersection(&days(b)).count();
    if shared_days == 0 && a.covered.iter().chain(&b.covered).any(|covered| !covered.days.is_empty()) {
        return None;
    }
    let words = format!(
        "{} has {what}, too, with other rows: as parts of one delivery they belong together, as two deliveries of one month \
         the older one must go",
        other.file
    );
    trap(Certainty::Possible, words)
}
