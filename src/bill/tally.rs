//! Adds up amounts by keys, exactly: what questions of cost end in.
//!
//! Rows come in batches whose cells are numbers into the batch's distinct values ([`Coded`]), as the pages of the store
//! have them. Each distinct value is read once, a JSON text for its key, a moment for its day; from then on rows
//! compare numbers and no words. Amounts are added as integers, and a sum that does not fit is an error. Knows no
//! files and no filters.

use polars::prelude::PlHashMap;

use super::error::BillError;
use super::exact::Exact;
use super::moment;
use super::profile::json_key;

/// The code of a cell without a value.
pub(super) const NO_VALUE: u32 = u32::MAX;

/// Cells of a column: for each row the place of its value, or [`NO_VALUE`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Coded<T> {
    /// By row.
    pub(super) codes: Vec<u32>,
    /// What the codes mean; the same value may be there more than once.
    pub(super) values: Vec<T>,
}

/// Cells of a key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyCells {
    /// Words, JSON among them.
    Texts(Coded<Box<str>>),
    /// Microseconds since 1970-01-01 UTC.
    Moments(Coded<i64>),
}

impl KeyCells {
    /// No cells yet, of moments or of words.
    pub(super) fn none(is_time: bool) -> Self {
        if is_time { Self::Moments(Coded::default()) } else { Self::Texts(Coded::default()) }
    }
}

/// How the cells of a key column become the key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading<'q> {
    /// Words as they are, moments to the microsecond.
    AsIs,
    /// The value of a key in a JSON text.
    JsonKey(&'q str),
    /// The beginning of the day or hour that a moment falls in.
    Span {
        /// How long those are.
        width_micros: i64,
    },
}

/// Values of a key column that were seen, by number.
struct Values<'q> {
    reading: Reading<'q>,
    numbers: PlHashMap<String, u32>,
    no_value: Option<u32>,
    /// Those that took reading.
    of_json: PlHashMap<Box<str>, u32>,
    of_moments: PlHashMap<i64, u32>,
}

impl Values<'_> {
    /// JSON texts remembered at most: there may be as many as rows.
    const JSON_TEXTS: usize = 100_000;

    fn number(&mut self, value: Option<&str>) -> u32 {
        let next = self.numbers.len() as u32 + u32::from(self.no_value.is_some());
        match value {
            Some(value) => *self.numbers.entry_ref(value).or_insert(next),
            None => *self.no_value.get_or_insert(next),
        }
    }

    fn of_text(&mut self, text: &str) -> u32 {
        let Reading::JsonKey(key) = self.reading else { return self.number(Some(text)) };
        if let Some(known) = self.of_json.get(text) {
            return *known;
        }
        let number = self.number(json_key(text, key).as_deref());
        if self.of_json.len() >= Self::JSON_TEXTS {
            self.of_json.clear();
        }
        self.of_json.insert(text.into(), number);
        number
    }

    fn of_moment(&mut self, micros: i64) -> u32 {
        let start = match self.reading {
            Reading::Span { width_micros } => micros.saturating_sub(micros.rem_euclid(width_micros)),
            Reading::AsIs | Reading::JsonKey(_) => micros,
        };
        if let Some(known) = self.of_moments.get(&start) {
            return *known;
        }
        let number = self.number(Some(&moment::show(start)));
        self.of_moments.insert(start, number);
        number
    }

    /// The numbers of the values with these codes; `of` finds that of a value that no row had before.
    fn of_codes<T>(
        &mut self,
        codes: &[u32],
        values: &[T],
        numbers: &mut Vec<u32>,
        of: impl Fn(&mut Self, &T) -> u32,
    ) {
        let mut known: Vec<Option<u32>> = vec![None; values.len()];
        numbers.clear();
        numbers.extend(codes.iter().map(|code| match known.get_mut(*code as usize) {
            Some(known) => *known.get_or_insert_with(|| of(self, &values[*code as usize])),
            None => self.number(None),
        }));
    }

    /// In the order of their numbers.
    fn in_order(self) -> Vec<Option<String>> {
        let mut values = vec![None; self.numbers.len() + usize::from(self.no_value.is_some())];
        for (value, number) in self.numbers {
            values[number as usize] = Some(value);
        }
        values
    }
}

/// The codes of these rows, or of all.
fn picked<'c>(codes: &'c [u32], rows: Option<&[u32]>, into: &'c mut Vec<u32>) -> &'c [u32] {
    let Some(rows) = rows else { return codes };
    into.clear();
    into.extend(rows.iter().map(|row| codes[*row as usize]));
    into
}

/// The groups that a key makes of those of the keys before it.
struct Pairs {
    /// Of a group before and a value.
    numbers: PlHashMap<(u32, u32), u32>,
    /// The last few, each at the one place that its bits give it: most rows end here.
    recent: Box<[(u64, u32); Pairs::RECENT]>,
}

impl Pairs {
    const RECENT: usize = 1 << 9;

    fn new() -> Self {
        // No pair: there are never so many groups.
        Self { numbers: PlHashMap::default(), recent: Box::new([(u64::MAX, 0); Self::RECENT]) }
    }

    fn refine(&mut self, groups: &mut [u32], values: &[u32]) {
        for (group, value) in groups.iter_mut().zip(values) {
            let pair = (u64::from(*group) << 32) | u64::from(*value);
            let mixed = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Self::RECENT.ilog2());
            let recent = &mut self.recent[mixed as usize % Self::RECENT];
            if recent.0 != pair {
                let next = self.numbers.len() as u32;
                *recent = (pair, *self.numbers.entry((*group, *value)).or_insert(next));
            }
            *group = recent.1;
        }
    }
}

/// A column of amounts, by group.
struct Amounts {
    name: &'static str,
    sums: Vec<i128>,
    empty: Vec<u64>,
}

impl Amounts {
    fn add(&mut self, codes: &[u32], values: &[i128], groups: &[u32], count: usize) -> Result<(), BillError> {
        self.sums.resize(count, 0);
        self.empty.resize(count, 0);
        let mut is_over = false;
        for (group, code) in groups.iter().zip(codes) {
            if let Some(amount) = values.get(*code as usize) {
                let sum = &mut self.sums[*group as usize];
                let (added, over) = sum.overflowing_add(*amount);
                *sum = added;
                is_over |= over;
            } else {
                self.empty[*group as usize] += 1;
            }
        }
        if is_over { Err(BillError::TooLarge { column: self.name.to_owned() }) } else { Ok(()) }
    }
}

/// An amount added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amount {
    /// Its sum.
    pub(super) sum: Exact,
    /// The rows that have one.
    pub(super) filled: u64,
}

/// A group of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// A value for each key.
    pub(super) key: Vec<Option<String>>,
    /// Its rows.
    pub(super) rows: u64,
    /// In the order that they were asked for.
    pub(super) amounts: Vec<Amount>,
}

/// Sums of amounts by keys.
pub(super) struct Tally<'q> {
    keys: Vec<(Values<'q>, Pairs)>,
    /// By group.
    rows: Vec<u64>,
    amounts: Vec<Amounts>,
    /// Memory that batches use one after the other: the groups of their rows, numbers of values, codes.
    reused: [Vec<u32>; 3],
}

impl<'q> Tally<'q> {
    /// For batches of these keys and amounts, in this order.
    pub(super) fn new(keys: &[Reading<'q>], amounts: &[&'static str]) -> Self {
        let key = |reading: &Reading<'q>| {
            let values = Values {
                reading: *reading,
                numbers: PlHashMap::default(),
                no_value: None,
                of_json: PlHashMap::default(),
                of_moments: PlHashMap::default(),
            };
            (values, Pairs::new())
        };
        let amounts = amounts.iter().map(|name| Amounts { name, sums: Vec::new(), empty: Vec::new() });
        let (keys, amounts) = (keys.iter().map(key).collect(), amounts.collect());
        Self { keys, rows: Vec::new(), amounts, reused: Default::default() }
    }

    /// Adds these rows of a batch of `height` rows, or all.
    ///
    /// # Errors
    /// A sum that does not fit.
    pub(super) fn add(
        &mut self,
        keys: &[KeyCells],
        amounts: &[Coded<i128>],
        height: usize,
        rows: Option<&[u32]>,
    ) -> Result<(), BillError> {
        let [groups, numbers, codes] = &mut self.reused;
        groups.clear();
        groups.resize(rows.map_or(height, <[u32]>::len), 0);
        for ((known, pairs), cells) in self.keys.iter_mut().zip(keys) {
            match cells {
                KeyCells::Texts(cells) => {
                    let codes = picked(&cells.codes, rows, codes);
                    known.of_codes(codes, &cells.values, numbers, |known, text| known.of_text(text));
                }
                KeyCells::Moments(cells) => {
                    let codes = picked(&cells.codes, rows, codes);
                    known.of_codes(codes, &cells.values, numbers, |known, micros| known.of_moment(*micros));
                }
            }
            pairs.refine(groups, numbers);
        }
        let count = self.keys.last().map_or(1, |(_, pairs)| pairs.numbers.len());
        self.rows.resize(count, 0);
        for group in groups.iter() {
            self.rows[*group as usize] += 1;
        }
        for (amounts, cells) in self.amounts.iter_mut().zip(amounts) {
            amounts.add(picked(&cells.codes, rows, codes), &cells.values, groups, count)?;
        }
        Ok(())
    }

    /// The groups that have rows.
    pub(super) fn groups(self) -> impl Iterator<Item = Found> {
        let Self { keys, rows, amounts, .. } = self;
        let mut found: Vec<Vec<Option<String>>> = vec![Vec::new()];
        for (values, pairs) in keys {
            let values = values.in_order();
            let mut refined = vec![Vec::new(); pairs.numbers.len()];
            for ((before, value), group) in pairs.numbers {
                let key = found[before as usize].iter().chain([&values[value as usize]]);
                refined[group as usize] = key.cloned().collect();
            }
            found = refined;
        }
        let rows = found.into_iter().zip(rows).enumerate();
        // Nothing at all is no group.
        rows.filter(|(_, (_, rows))| *rows > 0).map(move |(group, (key, rows))| {
            let amount = |amounts: &Amounts| Amount {
                sum: Exact(amounts.sums[group]),
                filled: rows - amounts.empty[group],
            };
            Found { key, rows, amounts: amounts.iter().map(amount).collect() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(codes: &[u32], values: &[&str]) -> KeyCells {
        KeyCells::Texts(Coded {
            codes: codes.to_vec(),
            values: values.iter().map(|text| (*text).into()).collect(),
        })
    }

    fn amounts(values: &[i128]) -> Coded<i128> {
        Coded { codes: (0..values.len() as u32).collect(), values: values.to_vec() }
    }

    type Told = Vec<(Vec<String>, u64, Vec<(i128, u64)>)>;

    fn found(tally: Tally<'_>) -> Told {
        let mut found: Told = tally
            .groups()
            .map(|Found { key, rows, amounts }| {
                let key = key.into_iter().map(|value| value.unwrap_or_else(|| "-".to_owned())).collect();
                (key, rows, amounts.iter().map(|amount| (amount.sum.0, amount.filled)).collect())
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn the_same_value_is_one_group_whatever_its_code() {
        let mut tally = Tally::new(&[Reading::AsIs, Reading::AsIs], &["BilledCost"]);
        let keys = [texts(&[0, 1, 2, NO_VALUE], &["a", "b", "a"]), texts(&[0, 0, 0, 0], &["x"])];
        tally.add(&keys, &[amounts(&[1, 20, 300, 4000])], 4, None).unwrap();
        let keys = [texts(&[0, 0], &["b"]), texts(&[0, 1], &["x", "y"])];
        tally.add(&keys, &[amounts(&[5, 6])], 2, None).unwrap();
        let key = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let expected = vec![
            (key("-", "x"), 1, vec![(4000, 1)]),
            (key("a", "x"), 2, vec![(301, 2)]),
            (key("b", "x"), 2, vec![(25, 2)]),
            (key("b", "y"), 1, vec![(6, 1)]),
        ];
        assert_eq!(found(tally), expected);
    }

    #[test]
    fn only_the_rows_that_are_meant_count_and_make_groups() {
        let mut tally = Tally::new(&[Reading::AsIs], &["BilledCost"]);
        let cells = Coded { codes: vec![0, NO_VALUE, 1, 2], values: vec![1, 20, 300] };
        tally.add(&[texts(&[0, 1, 0, 2], &["a", "b", "c"])], &[cells], 4, Some(&[1, 2])).unwrap();
        let expected =
            vec![(vec!["a".to_owned()], 1, vec![(20, 1)]), (vec!["b".to_owned()], 1, vec![(0, 0)])];
        assert_eq!(found(tally), expected);
    }

    #[test]
    fn without_keys_there_is_one_group_or_none() {
        let mut tally = Tally::new(&[], &["BilledCost"]);
        tally.add(&[], &[amounts(&[])], 0, None).unwrap();
        tally.add(&[], &[amounts(&[1, 2])], 2, Some(&[])).unwrap();
        assert_eq!(tally.groups().count(), 0);
        let mut tally = Tally::new(&[], &["BilledCost"]);
        tally.add(&[], &[amounts(&[1, 2])], 2, None).unwrap();
        assert_eq!(found(tally), [(vec![], 2, vec![(3, 2)])]);
    }

    #[test]
    fn json_and_moments_are_grouped_by_what_they_say() {
        let day = Reading::Span { width_micros: moment::PER_DAY };
        let mut tally = Tally::new(&[Reading::JsonKey("team"), day], &[]);
        let json = texts(&[0, 1, 2], &[r#"{"team":"a","x":"1"}"#, r#"{"team":"a"}"#, "no JSON"]);
        // 2026-05-01T23:00:00Z, 2026-05-01T00:00:00Z and the last microsecond of 1969.
        let moments = vec![1_777_676_400_000_000, 1_777_593_600_000_000, -1];
        let moments = KeyCells::Moments(Coded { codes: vec![0, 1, 2], values: moments });
        tally.add(&[json, moments], &[], 3, None).unwrap();
        let key = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let expected = vec![
            (key("-", "1969-12-31T00:00:00Z"), 1, vec![]),
            (key("a", "2026-05-01T00:00:00Z"), 2, vec![]),
        ];
        assert_eq!(found(tally), expected);
    }

    #[test]
    fn groups_more_than_are_remembered_stay_apart() {
        let count = Pairs::RECENT as u32 * 3;
        let values: Vec<String> = (0..count).map(|value| value.to_string()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let codes: Vec<u32> = (0..count).collect();
        let mut tally = Tally::new(&[Reading::AsIs, Reading::AsIs], &["BilledCost"]);
        for _twice in 0..2 {
            let keys = [texts(&codes, &values), texts(&codes, &values)];
            let costs: Vec<i128> = codes.iter().map(|code| i128::from(*code)).collect();
            tally.add(&keys, &[amounts(&costs)], count as usize, None).unwrap();
        }
        for Found { key, rows, amounts } in tally.groups() {
            let value: i128 = key[0].as_ref().unwrap().parse().unwrap();
            assert_eq!((&key[1], rows, amounts[0].sum.0), (&key[0], 2, value * 2));
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let mut tally = Tally::new(&[], &["ListCost"]);
        let error = tally.add(&[], &[amounts(&[i128::MAX, 1])], 2, None).unwrap_err();
        assert!(matches!(error, BillError::TooLarge { column } if column == "ListCost"));
    }
}
