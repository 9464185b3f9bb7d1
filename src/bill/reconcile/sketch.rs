//! A small sample of a bill's rows, by which repeated rows are noticed.
//!
//! Kept are the rows whose hashes are lowest, with how often each stands in the bill (bottom-k sampling, Cohen and
//! Kaplan, "Summarizing data using bottom-k sketches", 2007). Unlike the samples of [`crate::bill::slices`], which tell
//! what two deliveries have in common, this one counts, and amounts belong to what a row is. Shares are estimates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Rows kept: shares are right to about 1 ÷ √256 = 6 %.
const KEPT: usize = 256;

/// The sample.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sketch {
    /// Hash of a row and how often it stands in the bill.
    rows: BTreeMap<u64, u64>,
}

/// A hash of cells that is the same on every machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash(u64);

impl Hash {
    pub fn new() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }

    /// Takes a cell in. Its length goes in too, so that cells do not run into each other.
    pub fn add(&mut self, cell: &str) {
        let mut mix = |word: u64| self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mix(cell.len() as u64);
        for chunk in cell.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(u64::from_le_bytes(word));
        }
    }

    /// The hash, its bits spread evenly (the finaliser of `SplitMix64`).
    pub fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^ (hash >> 31)
    }
}

impl Sketch {
    /// Counts a row.
    pub(super) fn add(&mut self, hash: u64) {
        if self.rows.len() == KEPT && self.rows.last_key_value().is_some_and(|(largest, _)| hash > *largest) {
            return;
        }
        *self.rows.entry(hash).or_default() += 1;
        if self.rows.len() > KEPT {
            self.rows.pop_last();
        }
    }

    /// Rows in the sample, each counted once.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the bill has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Of the sampled rows, how many stand in the bill more than once; and how often they stand there at the least.
    pub fn repeated(&self) -> (usize, u64) {
        let more = self.rows.values().filter(|count| **count > 1).count();
        (more, self.rows.values().min().copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(rows: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for row in rows {
            let mut hash = Hash::new();
            hash.add(&row.to_string());
            hash.add("USD");
            sketch.add(hash.finish());
        }
        sketch
    }

    #[test]
    fn rows_that_stand_twice_are_counted_whatever_their_order() {
        let twice = sketch((0..5_000).chain(0..5_000));
        assert_eq!(twice.repeated(), (KEPT, 2));
        let some = sketch((0..1_000).chain([1, 1, 2]));
        assert_eq!(some.repeated().1, 1);
        let mut hash = Hash::new();
        hash.add("ab");
        hash.add("c");
        let mut other = Hash::new();
        other.add("a");
        other.add("bc");
        assert_ne!(hash.finish(), other.finish());
    }
}
