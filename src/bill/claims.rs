//! Which bills count where several tell the same charges: a month that was delivered again, the actual and the
//! amortized export of one month, one report opened twice under two names.
//!
//! Told by the rows, not by names ([`super::slices`]): files that share an account and a month and no rows are parts of
//! one delivery, and all of them count. Nothing is taken out of the store; what does not count is left out of queries.
//! Pure: bills and choices in, decisions out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::import::Imported;
use super::slices::{self, Slice, covered, repeated, sample_of, shared};
use super::warehouse;

/// From this share of common rows on, one of two deliveries is the other, or a part of it.
const SAME: f64 = 0.5;
/// Below this share, common rows are chance.
const CHANCE: f64 = 0.05;
/// A delivery of which the other has this share, and which has less than [`LACKS`] of the other, is a part of it.
const WHOLLY: f64 = 0.95;
/// From this often on, what rows are of repeats within a file, and to have it in common says little.
const COARSE: f64 = 1.1;
/// A delivery that reaches as far as another and lacks more than a tenth of its rows is no later state of it.
const LACKS: f64 = 0.9;

/// Rows of a bill that do not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exclusion {
    /// `BillingAccountId`; empty for rows without one.
    pub account: String,
    /// The billing period's start, in seconds since 1970-01-01 UTC; `None` for rows without one.
    pub period_unix_secs: Option<i64>,
    /// Files of the bill ([`super::import::FILE_COLUMN`]); empty = all.
    pub files: Vec<String>,
}

/// A bill as it is asked: all but some of its rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// The bill.
    pub hash: String,
    /// What is left out.
    pub without: Vec<Exclusion>,
}

impl Counted {
    /// All of a bill.
    pub fn whole(hash: impl Into<String>) -> Self {
        Self { hash: hash.into(), without: Vec::new() }
    }
}

/// What several deliveries have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The same charges, delivered again.
    Redelivered,
    /// The actual and the amortized export of the same charges.
    ActualAndAmortized,
    /// Some rows are in both; all are counted.
    PartlyTheSame,
    /// The account and month come in two formats; both are counted.
    TwoFormats,
}

impl Why {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Redelivered => "delivered again",
            Self::ActualAndAmortized => "actual and amortized",
            Self::PartlyTheSame => "partly the same rows",
            Self::TwoFormats => "in two formats",
        }
    }
}

/// One of several deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The bill.
    pub hash: String,
    /// Its name.
    pub bill: String,
    /// The files of it that are meant; empty = all.
    pub files: Vec<String>,
    /// `Actual`, `Amortized`, or empty.
    pub view: String,
    /// Rows.
    pub rows: u64,
    /// Latest start of a charge, in seconds since 1970-01-01 UTC.
    pub reaches_unix_secs: Option<i64>,
    /// It is in the totals.
    pub counts: bool,
}

/// An account's month that came several times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The family of formats, or two.
    pub family: String,
    /// `BillingAccountId`; empty where it is not told.
    pub account: String,
    /// Start of the billing period, in seconds since 1970-01-01 UTC.
    pub period_unix_secs: Option<i64>,
    /// What the deliveries have in common.
    pub why: Why,
    /// The share of common rows, in [0, 100], estimated; 0 where none was.
    pub shared_percent: u8,
    /// The deliveries, in the order they came.
    pub standings: Vec<Standing>,
    /// The user has chosen.
    pub is_chosen: bool,
}

impl Claim {
    /// What a choice is kept under.
    pub fn key(&self) -> String {
        key(&self.family, &self.account, self.period_unix_secs)
    }
}

fn key(family: &str, account: &str, period: Option<i64>) -> String {
    format!("{family}|{account}|{}", period.map_or_else(String::new, |secs| secs.to_string()))
}

/// What the user decided of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// All deliveries count: they are different charges.
    All,
    /// This one counts.
    Only {
        /// The bill.
        hash: String,
        /// The files of it that are meant.
        files: Vec<String>,
    },
}

/// What counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counting {
    /// The bills to ask, those without a row that counts left out.
    pub bills: Vec<Counted>,
    /// What came several times.
    pub claims: Vec<Claim>,
}

impl Counting {
    /// Bills of which some rows do not count.
    pub fn is_partly(&self, hash: &str) -> bool {
        !self.bills.iter().any(|bill| bill.hash == hash && bill.without.is_empty())
    }

    /// Bills of which nothing counts.
    pub fn is_out(&self, hash: &str) -> bool {
        !self.bills.iter().any(|bill| bill.hash == hash)
    }
}

/// A delivery, while it is compared.
struct Contender<'b> {
    bill: &'b Imported,
    family: &'static str,
    files: Vec<String>,
    view: &'b str,
    slices: Vec<&'b Slice>,
    sample: Vec<u64>,
    fine: Vec<u64>,
    reaches: Option<i64>,
    modified: Option<i64>,
    counts: bool,
}

impl<'b> Contender<'b> {
    fn of(bill: &'b Imported, slices: Vec<&'b Slice>) -> Self {
        let parts = || slices.iter().filter_map(|slice| bill.parts.get(slice.part));
        let files: BTreeSet<String> = parts().map(|part| part.file.clone()).collect();
        let first_kind = parts().next().map_or(bill.kind.as_str(), |part| part.kind.as_str());
        Self {
            bill,
            family: family(first_kind),
            files: files.into_iter().collect(),
            view: slices.iter().map(|slice| slice.view.as_str()).find(|view| !view.is_empty()).unwrap_or(""),
            sample: sample_of(slices.iter().map(|slice| slice.sample.as_slice())),
            fine: sample_of(slices.iter().map(|slice| slice.fine.as_slice())),
            reaches: slices.iter().filter_map(|slice| slice.reaches_unix_secs).max(),
            modified: parts().filter_map(|part| part.modified_unix_secs).max(),
            slices,
            counts: true,
        }
    }

    /// The share of rows of either that the other has, too. What rows are of does not tell where it repeats within a
    /// delivery, as where rows are told apart by their tags alone: then most of what tells them apart must be the same.
    fn shares(&self, other: &Self) -> f64 {
        let share = shared(&self.sample, &other.sample);
        let is_coarse = |one: &Self| repeated(one.rows(), &one.sample) >= COARSE;
        let has_fine = !self.fine.is_empty() && !other.fine.is_empty();
        if share < SAME || !has_fine || self.are_two_views(other) || !(is_coarse(self) || is_coarse(other)) {
            return share;
        }
        let fine = shared(&self.fine, &other.fine);
        if fine >= SAME { share } else { fine }
    }

    fn rows(&self) -> u64 {
        self.slices.iter().map(|slice| slice.rows).sum()
    }

    /// Whether all that it has is in the other, which has more: an export of one project or service beside that of the
    /// whole account.
    fn is_part_of(&self, other: &Self) -> bool {
        covered(&self.sample, &other.sample) >= WHOLLY && covered(&other.sample, &self.sample) < LACKS
    }

    fn are_two_views(&self, other: &Self) -> bool {
        !self.view.is_empty() && !other.view.is_empty() && self.view != other.view
    }

    fn is(&self, hash: &str, files: &[String]) -> bool {
        self.bill.hash == hash && (self.files == files || (files.is_empty() && self.files.is_empty()))
    }

    fn standing(&self) -> Standing {
        Standing {
            hash: self.bill.hash.clone(),
            bill: self.bill.file.clone(),
            files: self.files.clone(),
            view: self.view.to_owned(),
            rows: self.rows(),
            reaches_unix_secs: self.reaches,
            counts: self.counts,
        }
    }
}

/// The family of a kind as it is stored: `AWS CUR 2.0` and `AWS CUR` are one.
fn family(kind: &str) -> &'static str {
    const FAMILIES: [&str; 14] = [
        "FOCUS",
        "Google Cloud billing export",
        "Google Cloud cost table",
        "Google Cloud cost report",
        "OpenAI costs",
        "OpenAI token usage",
        "Anthropic cost",
        "Anthropic token usage",
        "DeepSeek costs",
        "AWS CUR",
        "AWS Cost Explorer",
        "Azure cost details",
        "Oracle Cloud cost report",
        "Databricks usage",
    ];
    if warehouse::is_kind(kind) {
        // Its rows cannot be compared with those of files, whose charges it may well have.
        return "warehouse table";
    }
    FAMILIES.into_iter().find(|family| kind.starts_with(family)).unwrap_or("other")
}

/// Decides what counts. `bills` are in the order they were imported; `choices` are kept by [`Claim::key`].
pub fn decide(bills: &[Imported], choices: &BTreeMap<String, Choice>) -> Counting {
    let mut claims: BTreeMap<(&str, Option<i64>), Vec<Contender<'_>>> = BTreeMap::new();
    for bill in bills {
        for (claim, slices) in slices::by_claim(&bill.slices) {
            claims.entry(claim).or_default().extend(contenders(bill, slices));
        }
    }
    let mut counting = Counting::default();
    let mut without: BTreeMap<&str, Vec<Exclusion>> = BTreeMap::new();
    for ((account, period), contenders) in claims {
        if contenders.len() < 2 {
            continue;
        }
        let mut families: BTreeMap<&str, Vec<Contender<'_>>> = BTreeMap::new();
        for contender in contenders {
            families.entry(contender.family).or_default().push(contender);
        }
        for (family, contenders) in &mut families {
            let choice = choices.get(&key(family, account, period));
            counting.claims.extend(resolve(contenders, choice).map(|(why, share)| Claim {
                family: (*family).to_owned(),
                account: account.to_owned(),
                period_unix_secs: period,
                why,
                shared_percent: (share * 100.0).round() as u8,
                standings: contenders.iter().map(Contender::standing).collect(),
                is_chosen: choice.is_some(),
            }));
        }
        if families.len() > 1 && !account.is_empty() {
            let names: Vec<&str> = families.keys().copied().collect();
            let family = names.join(" + ");
            let choice = choices.get(&key(&family, account, period));
            let mut all: Vec<Contender<'_>> = families.into_values().flatten().collect();
            if let Some(Choice::Only { hash, .. }) = choice {
                let chosen = all.iter().find(|one| one.bill.hash == *hash).map(|one| one.family);
                for other in
                    all.iter_mut().filter(|other| chosen.is_some_and(|chosen| other.family != chosen))
                {
                    other.counts = false;
                }
            }
            counting.claims.push(Claim {
                family,
                account: account.to_owned(),
                period_unix_secs: period,
                why: Why::TwoFormats,
                shared_percent: 0,
                standings: all.iter().map(Contender::standing).collect(),
                is_chosen: choice.is_some(),
            });
            exclude(&all, account, period, &mut without);
        } else {
            for contenders in families.values() {
                exclude(contenders, account, period, &mut without);
            }
        }
    }
    for bill in bills {
        let without = without.remove(bill.hash.as_str()).unwrap_or_default();
        let is_whole = |exclusion: &Exclusion| exclusion.files.is_empty();
        let claims = slices::by_claim(&bill.slices).len();
        if without.is_empty() || without.iter().filter(|exclusion| is_whole(exclusion)).count() < claims {
            counting.bills.push(Counted { hash: bill.hash.clone(), without });
        }
    }
    counting
}

fn exclude<'b>(
    contenders: &[Contender<'b>],
    account: &str,
    period: Option<i64>,
    without: &mut BTreeMap<&'b str, Vec<Exclusion>>,
) {
    let mut bills: BTreeMap<&str, Vec<&Contender<'b>>> = BTreeMap::new();
    for contender in contenders {
        bills.entry(&contender.bill.hash).or_default().push(contender);
    }
    for contenders in bills.into_values() {
        let out: Vec<&&Contender<'b>> = contenders.iter().filter(|contender| !contender.counts).collect();
        let Some(first) = out.first() else { continue };
        let files = if out.len() == contenders.len() {
            Vec::new()
        } else {
            out.iter().flat_map(|contender| contender.files.clone()).collect()
        };
        without.entry(&first.bill.hash).or_default().push(Exclusion {
            account: account.to_owned(),
            period_unix_secs: period,
            files,
        });
    }
}

/// The deliveries within one bill: the files of one folder and view are parts of one, unless two of them hold the
/// same rows, quantities and tags with them.
fn contenders<'b>(bill: &'b Imported, slices: Vec<&'b Slice>) -> Vec<Contender<'b>> {
    if bill.parts.len() < 2 {
        return vec![Contender::of(bill, slices)];
    }
    let mut groups: BTreeMap<(&str, &Path), Vec<&Slice>> = BTreeMap::new();
    for slice in slices {
        let file = bill.parts.get(slice.part).map_or("", |part| part.file.as_str());
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        groups.entry((&slice.view, folder)).or_default().push(slice);
    }
    let mut found: Vec<Contender<'_>> = Vec::new();
    for slices in groups.into_values() {
        if have_same_rows(&slices) {
            found.extend(slices.into_iter().map(|slice| Contender::of(bill, vec![slice])));
        } else {
            found.push(Contender::of(bill, slices));
        }
    }
    found.sort_by(|a, b| (a.modified, &a.files).cmp(&(b.modified, &b.files)));
    found
}

/// Whether any two of these hold the same rows; only those with a common hash are compared.
fn have_same_rows(slices: &[&Slice]) -> bool {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let mut pairs: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (place, slice) in slices.iter().enumerate() {
        for hash in finest(slice) {
            if let Some(other) = seen.insert(*hash, place).filter(|other| *other != place) {
                pairs.insert((other, place));
            }
        }
    }
    pairs.into_iter().any(|(a, b)| shared(finest(slices[a]), finest(slices[b])) >= SAME)
}

/// The sample that tells most rows apart.
fn finest(slice: &Slice) -> &[u64] {
    if slice.fine.is_empty() { &slice.sample } else { &slice.fine }
}

/// Decides which of the deliveries of one account and month count; what they have in common, if anything.
fn resolve(contenders: &mut [Contender<'_>], choice: Option<&Choice>) -> Option<(Why, f64)> {
    let mut found: Option<(Why, f64)> = None;
    let mut note = |why: Why, share: f64| {
        // What changes the totals goes before what does not.
        if found.is_none_or(|(known, most)| rank(why).cmp(&rank(known)).then(share.total_cmp(&most)).is_gt())
        {
            found = Some((why, share));
        }
    };
    let chosen = match choice {
        Some(Choice::Only { hash, files }) => contenders.iter().position(|one| one.is(hash, files)),
        _ => None,
    };
    for new in 0..contenders.len() {
        for old in 0..new {
            let share = contenders[new].shares(&contenders[old]);
            if share < CHANCE {
                continue;
            }
            if share < SAME {
                note(Why::PartlyTheSame, share);
            } else if contenders[new].are_two_views(&contenders[old]) {
                note(Why::ActualAndAmortized, share);
            } else {
                note(Why::Redelivered, share);
            }
            if matches!(choice, Some(Choice::All)) || chosen.is_some() || share < SAME {
                continue;
            }
            if !contenders[new].counts || !contenders[old].counts {
                continue;
            }
            let loser = if is_replaced(&contenders[old], &contenders[new]) { old } else { new };
            contenders[loser].counts = false;
        }
    }
    if let Some(chosen) = chosen {
        for other in (0..contenders.len()).filter(|other| *other != chosen) {
            let share = contenders[other].shares(&contenders[chosen]);
            contenders[other].counts = share < CHANCE;
        }
    }
    found
}

fn rank(why: Why) -> u8 {
    match why {
        Why::TwoFormats => 0,
        Why::PartlyTheSame => 1,
        Why::ActualAndAmortized => 2,
        Why::Redelivered => 3,
    }
}

/// Whether a new delivery takes the place of an old one: an earlier snapshot of a month does not, nor a part of it, nor
/// the other view of it. Of two views that came together the actual one counts, which is what was invoiced.
fn is_replaced(old: &Contender<'_>, new: &Contender<'_>) -> bool {
    if new.are_two_views(old) {
        return new.bill.hash == old.bill.hash && new.view == "Actual";
    }
    match new.reaches.cmp(&old.reaches) {
        Ordering::Less => false,
        Ordering::Equal => !new.is_part_of(old),
        Ordering::Greater => true,
    }
}

#[cfg(test)]
mod tests;
