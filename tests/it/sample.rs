//! The sample data says what its numbers file says.
//!
//! `sample-data/numbers.json` was worked out with Python from the same files (`sample-data/make/write_numbers.py`),
//! so each comparison here is between two independent readings.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use inferometer::units::Money;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The limit for everything under `sample-data/`.
const SIZE_LIMIT_BYTES: u64 = 15_000_000;
const COSTS: [&str; 4] = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data")
}

fn numbers() -> Value {
    serde_json::from_slice(&fs::read(folder().join("numbers.json")).unwrap()).unwrap()
}

/// Files under `folder`, leaving out what Python leaves behind when the scripts are run.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "__pycache__") {
                found.extend(files_under(&path));
            }
        } else {
            found.push(path);
        }
    }
    found
}

/// Rows of the bill as records, with the header's names.
fn bill_rows() -> (Vec<String>, Vec<csv::StringRecord>) {
    let packed = File::open(folder().join("bill-focus-1.2.csv.gz")).unwrap();
    let mut reader = csv::Reader::from_reader(GzDecoder::new(packed));
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.records().map(Result::unwrap).collect())
}

fn column(header: &[String], name: &str) -> usize {
    header.iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"))
}

/// Rows and sums of the four costs of `rows`, in the shape of the numbers file.
fn sums<'a>(header: &[String], rows: impl Iterator<Item = &'a csv::StringRecord>) -> (u64, [String; 4]) {
    let places = COSTS.map(|cost| column(header, cost));
    let mut count = 0;
    let mut totals = [Money::ZERO; 4];
    for row in rows {
        count += 1;
        for (total, place) in totals.iter_mut().zip(places) {
            *total += row[place].parse::<Money>().unwrap();
        }
    }
    (count, totals.map(|total| total.to_string()))
}

fn expected(group: &Value) -> (u64, [String; 4]) {
    (group["rows"].as_u64().unwrap(), COSTS.map(|cost| group[cost].as_str().unwrap().to_owned()))
}

#[test]
fn the_sample_data_is_small_enough_to_carry_along() {
    let total: u64 = files_under(&folder()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(total < SIZE_LIMIT_BYTES, "sample-data holds {total} bytes");
}

#[test]
fn every_file_is_the_one_the_numbers_were_taken_from() {
    let numbers = numbers();
    let files = numbers["files"].as_object().unwrap();
    for (name, facts) in files {
        let content = fs::read(folder().join(name)).unwrap();
        let hash = Sha256::digest(&content).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        assert_eq!(hash, facts["sha256"].as_str().unwrap(), "{name}");
        assert_eq!(content.len() as u64, facts["bytes"].as_u64().unwrap(), "{name}");
    }
    // No model, image, bill or trace without its numbers.
    let data = files_under(&folder())
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(folder()).unwrap().to_str().unwrap().replace('\\', "/");
            let is_data =
                !["make/", ".", "README.md", "numbers.json"].iter().any(|other| name.starts_with(other));
            is_data.then_some(name)
        })
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(data, files.keys().cloned().collect());
}

#[test]
fn the_student_is_about_ten_times_smaller_than_the_full_model() {
    let numbers = numbers();
    let parameters = |model: &str| numbers["models"][model]["parameters"].as_f64().unwrap();
    let full = parameters("digits-cnn.onnx");
    assert!((500_000.0..=2_000_000.0).contains(&full), "{full}");
    let ratio = full / parameters("digits-student.onnx");
    assert!((8.0..=12.0).contains(&ratio), "{ratio}");
}

#[test]
fn the_bill_has_the_rows_and_totals_of_the_numbers_file_to_the_last_digit() {
    let bill = &numbers()["bill"];
    let (header, rows) = bill_rows();
    assert_eq!(header.len() as u64, bill["columns"].as_u64().unwrap());
    assert_eq!(sums(&header, rows.iter()), expected(bill));
    for (group, name) in [
        ("by_service_name", "ServiceName"),
        ("by_charge_category", "ChargeCategory"),
        ("by_billing_period_start", "BillingPeriodStart"),
    ] {
        let place = column(&header, name);
        for (value, facts) in bill[group].as_object().unwrap() {
            let members = rows.iter().filter(|row| &row[place] == value);
            assert_eq!(sums(&header, members), expected(facts), "{name} = {value}");
        }
    }
}

#[test]
fn the_commitment_is_amortised_in_full_and_partly_unused() {
    let (header, rows) = bill_rows();
    let status = column(&header, "CommitmentDiscountStatus");
    let category = column(&header, "ChargeCategory");
    let unused = sums(&header, rows.iter().filter(|row| &row[status] == "Unused"));
    assert_eq!(unused, expected(&numbers()["bill"]["unused_commitment"]));

    // FOCUS 1.2: what a commitment's purchases bill is what its used and unused hours amortise.
    let billed = |row: &&csv::StringRecord| &row[category] == "Purchase";
    let amortised = |row: &&csv::StringRecord| !row[status].is_empty();
    let (_, [fee, fee_effective, ..]) = sums(&header, rows.iter().filter(billed));
    let (_, [usage_billed, usage_effective, ..]) = sums(&header, rows.iter().filter(amortised));
    assert_eq!((fee, fee_effective.as_str()), (usage_effective, "0"));
    assert_eq!(usage_billed, "0");
}

#[test]
fn the_demand_trace_has_the_totals_of_the_numbers_file() {
    let demand = &numbers()["demand"];
    let mut reader = csv::Reader::from_path(folder().join("demand-week.csv")).unwrap();
    let rows: Vec<(String, u64)> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len() as u64, demand["intervals"].as_u64().unwrap());
    assert_eq!(rows[0].0, demand["start"].as_str().unwrap());
    let total: u64 = rows.iter().map(|(_, requests)| requests).sum();
    assert_eq!(total, demand["total_requests"].as_u64().unwrap());

    let interval = demand["interval_seconds"].as_i64().unwrap();
    let mean = total as f64 / (rows.len() as f64 * interval as f64);
    assert!((mean - demand["mean_requests_per_second"].as_f64().unwrap()).abs() < 1e-6);
    let peak = rows.iter().map(|(_, requests)| *requests).max().unwrap() as f64 / interval as f64;
    assert!((peak - demand["peak_requests_per_second"].as_f64().unwrap()).abs() < 1e-6);

    // One week without a gap.
    let starts: Vec<i64> = rows
        .iter()
        .map(|(stamp, _)| chrono::DateTime::parse_from_rfc3339(stamp).unwrap().timestamp())
        .collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == interval));
    assert_eq!(starts[starts.len() - 1] + interval - starts[0], 7 * 86_400);
}
