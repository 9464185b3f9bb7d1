//! What a bill is of, piece by piece: the rows of one billing account, one billing period and one file, with a sample
//! of their identities.
//!
//! Two deliveries of the same charges are told by their rows: what a row is of (when, where, which resource, which
//! SKU) is hashed without its amounts, and the smallest hashes are kept. Of two such samples the share of rows that
//! both have can be estimated (bottom-k sketches: Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::formats::Target;
use super::formats::azure::COST_VIEW_COLUMN;
use super::moment::{self, PER_SEC};

/// Hashes kept of a slice: estimates are within some percent.
const KEPT: usize = 128;
/// Slices of a bill at most; a bill of more accounts and months has none.
pub(super) const MOST_SLICES: usize = 4_096;
/// What a row is of, besides its charge period. No amounts: a later delivery may have others.
const IDENTITY: [&str; 18] = [
    "SubAccountId",
    "ServiceName",
    "ResourceId",
    "ResourceName",
    "RegionId",
    "SkuId",
    "SkuPriceId",
    "SkuMeter",
    "ChargeCategory",
    "ChargeDescription",
    "CommitmentDiscountId",
    "x_UsageType",
    "x_Operation",
    "x_Model",
    "x_TokenType",
    "x_ApiKey",
    "AllocatedResourceId",
    "AllocatedResourceName",
];
/// What tells rows apart that are of the same: files without resources have a row for each set of tags. A later delivery
/// may have others here, too, as the month goes on.
const FURTHER: [&str; 3] = ["PricingQuantity", "ConsumedQuantity", "Tags"];

/// The rows of one account, period and file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Slice {
    /// `BillingAccountId`; empty where the file does not tell it.
    pub account: String,
    /// `BillingPeriodStart`, or else the month of the charges, in seconds since 1970-01-01 UTC.
    pub period_unix_secs: Option<i64>,
    /// Place of the file in [`super::Imported::parts`]; 0 for a bill of one file.
    pub part: usize,
    /// Which of two exports of the same charges: `Actual`, `Amortized`, or empty.
    pub view: String,
    /// Rows.
    pub rows: u64,
    /// Latest `ChargePeriodStart`, in seconds since 1970-01-01 UTC: how far the delivery reaches.
    pub reaches_unix_secs: Option<i64>,
    /// The smallest hashes of what its rows are of, in order.
    pub sample: Vec<u64>,
    /// The same with quantities and tags; empty in reports of versions that had none.
    #[serde(default)]
    pub fine: Vec<u64>,
}

/// Gathers slices while rows come in.
pub(super) struct Slicer {
    account_at: Option<usize>,
    period_at: Option<usize>,
    view_at: Option<usize>,
    identity: Vec<usize>,
    further: Vec<usize>,
    part: usize,
    found: Vec<Building>,
    places: HashMap<(String, Option<i64>, usize), usize>,
    last: Option<usize>,
    is_full: bool,
}

struct Building {
    slice: Slice,
    smallest: BTreeSet<u64>,
    finest: BTreeSet<u64>,
}

impl Slicer {
    pub fn new(targets: &[Target]) -> Self {
        let at = |name: &str| targets.iter().position(|target| target.name == name);
        Self {
            account_at: at("BillingAccountId"),
            period_at: at("BillingPeriodStart"),
            view_at: at(COST_VIEW_COLUMN),
            identity: IDENTITY.iter().filter_map(|name| at(name)).collect(),
            further: FURTHER.iter().filter_map(|name| at(name)).collect(),
            part: 0,
            found: Vec::new(),
            places: HashMap::new(),
            last: None,
            is_full: false,
        }
    }

    /// Places of the columns whose cells it looks at.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        let of_one = self.account_at.into_iter().chain(self.view_at);
        of_one.chain(self.identity.iter().copied()).chain(self.further.iter().copied())
    }

    /// Place of the column with the billing period among the targets.
    pub fn period_at(&self) -> Option<usize> {
        self.period_at
    }

    /// There are more slices than are kept, so that charges that come again in another bill cannot be told.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Says that the rows of the next file follow.
    pub fn begin_part(&mut self, part: usize) {
        self.part = part;
        self.last = None;
    }

    /// Adds a row: its cells, its billing period and its charge period in microseconds.
    pub fn add(&mut self, cells: &[&str], period: Option<i64>, start: Option<i64>, end: Option<i64>) {
        if self.is_full {
            return;
        }
        // As it is stored: what does not count is left out by this very text.
        let is_told = |cell: &&str| *cell != "NULL" && !cell.trim().is_empty();
        let account = self.account_at.map(|at| cells[at]).filter(is_told).unwrap_or("");
        let period =
            period.or_else(|| start.and_then(moment::month_start)).map(|micros| micros.div_euclid(PER_SEC));
        let Some(place) = self.place(account, period) else { return };
        let building = &mut self.found[place];
        let slice = &mut building.slice;
        slice.rows += 1;
        slice.reaches_unix_secs = slice.reaches_unix_secs.max(start.map(|micros| micros.div_euclid(PER_SEC)));
        if let Some(view) = self.view_at.map(|at| cells[at]).filter(|view| !view.is_empty())
            && slice.view.is_empty()
        {
            view.clone_into(&mut slice.view);
        }
        let mut hash = Hash::new();
        hash.add(&start.unwrap_or_default().to_le_bytes());
        hash.add(&end.unwrap_or_default().to_le_bytes());
        for at in &self.identity {
            hash.add(cells[*at].as_bytes());
        }
        keep(&mut building.smallest, hash.finish());
        for at in &self.further {
            hash.add(plain(cells[*at]).as_bytes());
        }
        keep(&mut building.finest, hash.finish());
    }

    fn place(&mut self, account: &str, period: Option<i64>) -> Option<usize> {
        // Rows of one account and month stand together more often than not.
        if let Some(last) = self.last {
            let slice = &self.found[last].slice;
            if slice.account == account && slice.period_unix_secs == period {
                return Some(last);
            }
        }
        let key = (account.to_owned(), period, self.part);
        let place = match self.places.get(&key) {
            Some(place) => *place,
            None if self.found.len() >= MOST_SLICES => {
                self.is_full = true;
                return None;
            }
            None => {
                let slice = Slice {
                    account: account.to_owned(),
                    period_unix_secs: period,
                    part: self.part,
                    ..Slice::default()
                };
                self.found.push(Building { slice, smallest: BTreeSet::new(), finest: BTreeSet::new() });
                self.places.insert(key, self.found.len() - 1);
                self.found.len() - 1
            }
        };
        self.last = Some(place);
        Some(place)
    }

    /// The slices; none when there are too many to keep.
    pub fn finish(self) -> Vec<Slice> {
        if self.is_full {
            return Vec::new();
        }
        let sampled = |building: Building| Slice {
            sample: building.smallest.into_iter().collect(),
            fine: building.finest.into_iter().collect(),
            ..building.slice
        };
        self.found.into_iter().map(sampled).collect()
    }
}

/// Keeps a hash if it is among the smallest.
fn keep(smallest: &mut BTreeSet<u64>, hash: u64) {
    if smallest.len() < KEPT {
        smallest.insert(hash);
    } else if smallest.last().is_some_and(|largest| hash < *largest) && smallest.insert(hash) {
        smallest.pop_last();
    }
}

/// A number without the zeros that one writer adds and another does not; anything else as it is.
fn plain(cell: &str) -> &str {
    let is_fraction =
        cell.contains('.') && cell.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-'));
    if is_fraction { cell.trim_end_matches('0').trim_end_matches('.') } else { cell }
}

/// About how often each of the things that `rows` rows are of is there: 1 where each row is of something else.
pub fn repeated(rows: u64, sample: &[u64]) -> f64 {
    let distinct = match sample.last() {
        // Of hashes that are spread evenly, so many lie below the largest of the sample.
        Some(largest) if sample.len() >= KEPT => {
            (sample.len() - 1) as f64 * (u64::MAX as f64 / (*largest).max(1) as f64)
        }
        _ => sample.len() as f64,
    };
    if distinct < 1.0 { 1.0 } else { (rows as f64 / distinct).max(1.0) }
}

/// The sample of several slices together.
pub fn sample_of<'s>(samples: impl IntoIterator<Item = &'s [u64]>) -> Vec<u64> {
    let mut limit = u64::MAX;
    let mut all = BTreeSet::new();
    for sample in samples {
        if sample.len() >= KEPT {
            limit = limit.min(sample.last().copied().unwrap_or(u64::MAX));
        }
        all.extend(sample);
    }
    // Above the end of a full sample not all hashes are known.
    all.into_iter().filter(|hash| *hash <= limit).collect()
}

/// The share of the rows of either that the other has, too: the larger of the two, in [0, 1], as far as the samples
/// tell.
pub fn shared(one: &[u64], other: &[u64]) -> f64 {
    covered(one, other).max(covered(other, one))
}

/// The share of the rows of `one` that the other has, too, in [0, 1], as far as the samples tell; 0 where they tell
/// nothing.
pub fn covered(one: &[u64], by: &[u64]) -> f64 {
    let limit = end(one).min(end(by));
    let by: BTreeSet<&u64> = by.iter().collect();
    let mine = one.iter().filter(|hash| **hash <= limit);
    let (all, both) =
        mine.fold((0_u32, 0_u32), |(all, both), hash| (all + 1, both + u32::from(by.contains(hash))));
    if all == 0 { 0.0 } else { f64::from(both) / f64::from(all) }
}

/// Up to where a sample knows all hashes.
fn end(sample: &[u64]) -> u64 {
    if sample.len() >= KEPT { sample.last().copied().unwrap_or(u64::MAX) } else { u64::MAX }
}

/// What the slices of a bill are, account by account and period by period.
pub fn by_claim(slices: &[Slice]) -> BTreeMap<(&str, Option<i64>), Vec<&Slice>> {
    let mut claims: BTreeMap<(&str, Option<i64>), Vec<&Slice>> = BTreeMap::new();
    for slice in slices {
        claims.entry((&slice.account, slice.period_unix_secs)).or_default().push(slice);
    }
    claims
}

/// A hash of 64 bits that is the same on every machine and in every version: eight bytes at a time, multiplied and
/// folded, with the finish of `MurmurHash3`.
struct Hash(u64);

impl Hash {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new() -> Self {
        Self(Self::PRIME)
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(Self::PRIME);
        self.0 ^= self.0 >> 29;
    }

    /// Adds a text with its length, so that `ab`, `c` is not `a`, `bc`.
    fn add(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(word));
        self.word(bytes.len() as u64);
    }

    /// The hash of what was added so far.
    fn finish(&self) -> u64 {
        let mut hash = self.0;
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 33;
        hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::columns::ColumnType;

    fn slices(rows: std::ops::Range<u32>, account: &str) -> Vec<Slice> {
        let targets = ["BillingAccountId", "ResourceId", "BilledCost"]
            .map(|name| Target { name: name.to_owned(), kind: ColumnType::Text });
        let mut slicer = Slicer::new(&targets);
        for row in rows {
            let (id, cost) = (format!("i-{row}"), row.to_string());
            let start = i64::from(row) * 3_600 * PER_SEC;
            slicer.add(&[account, &id, &cost], Some(0), Some(start), Some(start + 1));
        }
        slicer.finish()
    }

    #[test]
    fn the_share_of_common_rows_is_estimated() {
        let sample = |rows| sample_of(slices(rows, "a").iter().map(|slice| slice.sample.as_slice()));
        let whole = sample(0..10_000);
        assert_eq!(whole.len(), KEPT);
        assert!((shared(&whole, &sample(0..10_000)) - 1.0).abs() < 1e-9);
        // A month to date is in the whole month.
        assert!((shared(&whole, &sample(0..5_000)) - 1.0).abs() < 1e-9);
        assert!(shared(&whole, &sample(10_000..20_000)).abs() < 1e-9);
        let half = shared(&whole, &sample(5_000..15_000));
        assert!((0.3..0.7).contains(&half), "{half}");
        assert!(shared(&[], &whole).abs() < 1e-9);
        // Of the whole, half is in the month to date.
        let half = covered(&whole, &sample(0..5_000));
        assert!((0.3..0.7).contains(&half), "{half}");
        assert!((covered(&sample(0..5_000), &whole) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn how_often_a_thing_comes_is_estimated() {
        let whole = slices(0..10_000, "a").remove(0);
        assert!(
            (0.7..1.4).contains(&repeated(whole.rows, &whole.sample)),
            "{}",
            repeated(whole.rows, &whole.sample)
        );
        assert!((3.0..5.5).contains(&repeated(4 * whole.rows, &whole.sample)));
        let few = slices(0..20, "a").remove(0);
        assert!(
            (repeated(few.rows, &few.sample) - 1.0).abs() < 1e-9 && (repeated(0, &[]) - 1.0).abs() < 1e-9
        );
        assert_eq!(
            (plain("1.50"), plain("2.000"), plain("100"), plain("a.0"), plain("-0.10")),
            ("1.5", "2", "100", "a.0", "-0.1")
        );
    }

    #[test]
    fn rows_of_the_same_thing_are_told_apart_by_quantity_and_tags() {
        let targets = ["SkuId", "PricingQuantity", "Tags"]
            .map(|name| Target { name: name.to_owned(), kind: ColumnType::Text });
        let of = |rows: &[[&str; 3]]| {
            let mut slicer = Slicer::new(&targets);
            for row in rows {
                slicer.add(row, None, Some(0), None);
            }
            slicer.finish().remove(0)
        };
        let one = of(&[["s", "1.0", "a"], ["s", "2", "a"], ["s", "2", "b"]]);
        assert_eq!((one.sample.len(), one.fine.len()), (1, 3));
        assert_eq!(one.fine, of(&[["s", "1", "a"], ["s", "2.00", "a"], ["s", "2", "b"]]).fine);
    }

    #[test]
    fn each_account_and_file_is_a_slice_of_its_own() {
        let found = slices(0..3, "a");
        assert_eq!((found.len(), found[0].rows, found[0].reaches_unix_secs), (1, 3, Some(7_200)));
        let targets = [Target { name: "BillingAccountId".to_owned(), kind: ColumnType::Text }];
        let mut slicer = Slicer::new(&targets);
        for (part, account) in [(0, "a"), (0, "b"), (1, "a")] {
            slicer.begin_part(part);
            slicer.add(&[account], None, Some(0), None);
        }
        let found = slicer.finish();
        assert_eq!(found.len(), 3);
        assert_eq!(by_claim(&found)[&("a", Some(0))].len(), 2);
    }

    #[test]
    fn texts_that_are_cut_elsewhere_are_other_rows() {
        let hash = |texts: &[&str]| {
            let mut hash = Hash::new();
            for text in texts {
                hash.add(text.as_bytes());
            }
            hash.finish()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["", "a"]), hash(&["a", ""]));
        assert_eq!(hash(&["abcdefghij"]), hash(&["abcdefghij"]));
    }
}
