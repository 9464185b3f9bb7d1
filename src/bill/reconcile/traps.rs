//! Double counting: within a bill, and between the bills that are open ([`crate::bill::claims`]).

use serde::Serialize;

use super::ledger::{Committed, Ledger, Reason};
use super::sums::amount_words;
use crate::bill::claims::{Claim, Counting, Standing, Why};
use crate::bill::exact::Exact;
use crate::bill::{Basis, Imported, moment};

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
}

impl Trap {
    fn new(certainty: Certainty, words: String) -> Self {
        Self { certainty, words }
    }
}

/// Traps within a bill.
pub(super) fn within(ledger: &Ledger) -> Vec<Trap> {
    let mut traps = Vec::new();
    for out in ledger.left_out.iter().filter(|out| out.reason == Reason::SplitCost) {
        let split = ledger.lines.iter().filter(|line| line.left_out == Some(Reason::SplitCost));
        let sums: Vec<String> = split
            .map(|line| (line.compared[0], line.currency.as_str()))
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
    traps.extend(
        ledger.committed.iter().map(|committed| Trap::new(Certainty::Certain, twice_words(committed))),
    );
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

/// `ListCost has 3 commitments twice: 12.00 USD where they are bought and 15.00 USD on the use that they cover; …`.
fn twice_words(committed: &Committed) -> String {
    let Committed { currency, commitments, .. } = committed;
    let parts: Vec<String> = [Basis::ListCost, Basis::ContractedCost]
        .into_iter()
        .filter_map(|basis| {
            let [bought, used] = committed.twice_in(basis)?.map(|amount| amount_words(amount, currency));
            let column = basis.column();
            Some(format!("{column} with {bought} where bought and {used} on the use that they cover"))
        })
        .collect();
    let what =
        if *commitments == 1 { "a commitment".to_owned() } else { format!("{commitments} commitments") };
    format!(
        "{what} stand{} twice in the sums of {}; BilledCost and EffectiveCost have each once",
        if *commitments == 1 { "s" } else { "" },
        parts.join(", and of ")
    )
}

/// Traps between deliveries of the same charges, of which a bill is one: what counts was decided by their rows, or by
/// the user.
pub(super) fn between(bill: &Imported, counting: &Counting) -> Vec<Trap> {
    let of_bill = |claim: &&Claim| claim.standings.iter().any(|standing| standing.hash == bill.hash);
    let trap = |claim: &Claim| {
        let name = |standing: &Standing| match standing.files.as_slice() {
            [] => standing.bill.clone(),
            [only] => format!("{}: {only}", standing.bill),
            [first, more @ ..] => format!("{}: {first} and {} more", standing.bill, more.len()),
        };
        let names = |counts: bool| {
            let names: Vec<String> =
                claim.standings.iter().filter(|standing| standing.counts == counts).map(name).collect();
            names.join(" and ")
        };
        let period =
            claim.period_unix_secs.and_then(|secs| secs.checked_mul(moment::PER_SEC)).map(moment::show);
        let month = period.as_deref().and_then(|text| text.get(..7)).unwrap_or("no period");
        let what = format!(
            "{} {}{month}",
            claim.family,
            match claim.account.as_str() {
                "" => String::new(),
                account => format!("{account} "),
            }
        );
        let all_count = claim.standings.iter().all(|standing| standing.counts);
        let (certainty, words) = match claim.why {
            Why::Redelivered | Why::ActualAndAmortized if !all_count => (
                Certainty::Avoided,
                format!("{what} is {}: {} counts, {} does not", claim.why.words(), names(true), names(false)),
            ),
            Why::Redelivered | Why::ActualAndAmortized | Why::PartlyTheSame => {
                let share = match claim.shared_percent {
                    0 => "rows".to_owned(),
                    percent => format!("about {percent} % of the rows"),
                };
                (Certainty::Certain, format!("{what}: {share} are in {} and count twice", names(true)))
            }
            Why::TwoFormats if !all_count => {
                (Certainty::Avoided, format!("{what} is in two formats: {} counts", names(true)))
            }
            Why::TwoFormats => (
                Certainty::Possible,
                format!("{what} is in {}: if both tell of the same charges, they count twice", names(true)),
            ),
        };
        Trap { certainty, words }
    };
    counting.claims.iter().filter(of_bill).map(trap).collect()
}
