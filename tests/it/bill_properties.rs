//! What must hold for every bill: the order of columns and rows means nothing, rows add up to the totals, an empty
//! cell is missing and never 0, and what was written as FOCUS is the same bill.
//!
//! Bills are the fixtures and those of `tests/focus`; random choices come from seeds, so a failure comes back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inferometer::bill::{self, Bill, FocusFile, Imported, Store};

/// Every bill as a table: its name, header and rows.
fn tables() -> Vec<(String, Vec<String>, Vec<Vec<String>>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    [
        "it/fixtures/bills/focus-1.2.csv",
        "it/fixtures/bills/euro.csv",
        "focus/bills/cur-2.csv",
        "focus/bills/oci.csv",
    ]
    .into_iter()
    .map(|name| {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(root.join(name)).unwrap();
        let mut rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
        let header = rows.next().unwrap();
        (name.to_owned(), header, rows.collect())
    })
    .collect()
}

/// A generator of Marsaglia's: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn order(&mut self, length: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..length).collect();
        for place in (1..length).rev() {
            places.swap(place, self.below(place + 1));
        }
        places
    }
}

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("bills"));
        Self { folder, store }
    }

    fn write(&self, name: &str, header: &[String], rows: &[Vec<String>]) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut writer = csv::Writer::from_path(&path).unwrap();
        writer.write_record(header).unwrap();
        for row in rows {
            writer.write_record(row).unwrap();
        }
        writer.flush().unwrap();
        path
    }

    fn import(&self, path: &Path) -> Imported {
        bill::import(path, &self.store, &mut |_done| (), &|| false).unwrap()
    }

    fn open(&self, imported: &Imported) -> Bill {
        Bill::open(&[&imported.hash], &self.store).unwrap()
    }
}

/// Rows as values by column, in an order of their own, without those of columns that a FOCUS export renames.
fn rows_of(bill: &Bill) -> Vec<BTreeMap<String, String>> {
    let view = bill.rows(&[], 0, 10_000).unwrap();
    assert_eq!(view.rows.len() as u64, view.total_rows);
    let mut rows: Vec<BTreeMap<String, String>> = view
        .rows
        .iter()
        .map(|row| {
            let filled = view.columns.iter().zip(row).filter_map(|(name, cell)| Some((name, cell.as_ref()?)));
            let of_focus = |name: &str| bill::columns::find(name).is_some() || name.starts_with("x_");
            filled
                .filter(|(name, _)| of_focus(name))
                .map(|(name, cell)| (name.clone(), cell.clone()))
                .collect()
        })
        .collect();
    rows.sort();
    rows
}

/// An amount as a count of 10⁻¹⁸, by the test's own arithmetic; `None` for what is no plain decimal number.
fn scaled(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let value: i128 = format!("{whole}{fraction:0<18}").parse().ok()?;
    Some(if negative { -value } else { value })
}

#[test]
fn the_order_of_columns_and_rows_means_nothing() {
    for (name, header, rows) in tables() {
        let bench = Bench::new();
        let first = bench.import(&bench.write("first.csv", &header, &rows));
        let expected = rows_of(&bench.open(&first));
        for seed in 1..=8_u64 {
            let mut random = Random(seed * 0x9E37_79B9_7F4A_7C15);
            let columns = random.order(header.len());
            let pick =
                |row: &Vec<String>| columns.iter().map(|place| row[*place].clone()).collect::<Vec<_>>();
            let order = random.order(rows.len());
            let mixed: Vec<Vec<String>> = order.iter().map(|place| pick(&rows[*place])).collect();
            let again = bench.import(&bench.write("again.csv", &pick(&header), &mixed));
            assert_eq!((&again.kind, &again.totals), (&first.kind, &first.totals), "{name}, seed {seed}");
            assert_eq!(rows_of(&bench.open(&again)), expected, "{name}, seed {seed}");
        }
    }
}

#[test]
fn rows_add_up_to_the_totals_in_any_split_into_files() {
    for (name, header, rows) in tables() {
        let bench = Bench::new();
        let whole = bench.import(&bench.write("whole.csv", &header, &rows));
        for seed in 1..=4_u64 {
            let mut random = Random(seed * 0x9E37_79B9_7F4A_7C15);
            let at = random.below(rows.len() - 1) + 1;
            let parts = [&rows[..at], &rows[at..]]
                .map(|part| bench.import(&bench.write("part.csv", &header, part)).hash);
            let bill = Bill::open(&parts, &bench.store).unwrap();
            let told = bill.totals(&[]).unwrap();
            assert_eq!(told.exact, bench.open(&whole).totals(&[]).unwrap().exact, "{name}, cut at {at}");
            for cost in bill::columns::COSTS {
                let cells = rows_of(&bill);
                let sum: i128 = cells.iter().filter_map(|row| scaled(row.get(cost)?)).sum();
                let total = told.exact.get(cost).map(|text| scaled(text).unwrap());
                assert_eq!(total, Some(sum), "{cost} of {name}");
            }
        }
    }
}

#[test]
fn an_emptied_cell_is_missing_and_never_zero() {
    // FOCUS alone: elsewhere a cost is made of several cells.
    for (name, header, rows) in tables().into_iter().filter(|(name, ..)| name.contains("fixtures")) {
        let bench = Bench::new();
        for seed in 1..=12_u64 {
            let mut random = Random(seed * 0x9E37_79B9_7F4A_7C15);
            let mut emptied = rows.clone();
            for _ in 0..header.len() {
                let (row, column) = (random.below(rows.len()), random.below(header.len()));
                // Rows of two currencies have no total.
                if header[column] != "BillingCurrency" {
                    emptied[row][column] = ["", "NULL", "  "][random.below(3)].to_owned();
                }
            }
            let imported = bench.import(&bench.write("emptied.csv", &header, &emptied));
            assert_eq!((imported.rows, imported.dropped), (rows.len() as u64, 0), "{name}, seed {seed}");
            let totals = bench.open(&imported).totals(&[]).unwrap();
            for cost in bill::columns::COSTS {
                let at = header.iter().position(|column| column == cost).unwrap();
                let cells: Vec<i128> = emptied.iter().filter_map(|row| scaled(row[at].trim())).collect();
                let missing = (rows.len() - cells.len()) as u64;
                assert_eq!(totals.missing.get(cost).copied().unwrap_or(0), missing, "{cost}, seed {seed}");
                let total = totals.exact.get(cost).map(|text| scaled(text).unwrap());
                let sum = (!cells.is_empty()).then(|| cells.iter().sum::<i128>());
                assert_eq!(total, sum, "{cost} of {name}, seed {seed}");
            }
        }
    }
}

#[test]
fn what_was_written_as_focus_is_the_same_bill() {
    for (name, header, rows) in tables() {
        let bench = Bench::new();
        let first = bench.import(&bench.write("first.csv", &header, &rows));
        let bill = bench.open(&first);
        let expected = rows_of(&bill);
        let of_focus = |rows: &[BTreeMap<String, String>]| -> Vec<BTreeMap<String, String>> {
            let mut kept: Vec<BTreeMap<String, String>> = rows
                .iter()
                .map(|row| {
                    let told = row.iter().filter(|(column, _)| {
                        // Amounts in the currency of the prices may be filled in, where it is the bill's.
                        bill::columns::find(column).is_some() && !column.starts_with("PricingCurrency")
                    });
                    told.map(|(column, cell)| (column.clone(), cell.clone())).collect()
                })
                .collect();
            kept.sort();
            kept
        };
        for (file, form) in [("out.csv", FocusFile::Csv), ("out.parquet", FocusFile::Parquet)] {
            let out = bench.folder.path().join(file);
            let written = bill.write_focus(&[], &out, form, &|| false).unwrap();
            assert_eq!(written.rows, first.rows, "{name}");
            let again = bench.import(&out);
            assert_eq!(again.totals, first.totals, "{name} as {file}");
            let found = rows_of(&bench.open(&again));
            assert_eq!(of_focus(&found), of_focus(&expected), "{name} as {file}");
            // Own columns that were `x_` already stay as they are called.
            let own = |rows: &[BTreeMap<String, String>]| {
                rows.iter().flatten().filter(|(n, _)| n.starts_with("x_")).count()
            };
            assert!(own(&found) >= own(&expected), "{name} as {file}");
        }
    }
}
