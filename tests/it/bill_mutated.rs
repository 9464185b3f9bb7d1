//! Bills of every format with bytes changed, cut, doubled and swapped: whatever they hold, reading them ends with rows or
//! with an error that names the file, and never with a panic. The same seeds in every run; `INFEROMETER_MUTATIONS` sets
//! how many mutations of each bill are read. `fuzz/` has the same readers for libFuzzer.

use std::io::Write;
use std::path::Path;

use inferometer::bill::{self, BillError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Mutations of each bill, unless told otherwise.
const MUTATIONS: usize = 60;

fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(bytes).unwrap();
    archive.finish().unwrap().into_inner()
}

/// A beginning of each format with a row or two.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/bills");
    let fixture = |name: &str| std::fs::read(fixtures.join(name)).unwrap();
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("focus.csv", fixture("focus-1.2.csv")),
        ("focus.csv.gz", fixture("focus-1.2.csv.gz")),
        ("focus.csv.zst", fixture("focus-1.2.csv.zst")),
        ("focus.parquet", fixture("focus-1.2.parquet")),
        ("traps.csv", fixture("traps-1.0.csv")),
        ("focus.zip", zipped("a/b.csv", &fixture("focus-1.2.csv"))),
        (
            "cur.csv",
            text(
                "identity/LineItemId,bill/PayerAccountId,lineItem/LineItemType,lineItem/UsageStartDate,\
                 lineItem/UnblendedCost,lineItem/CurrencyCode,lineItem/UsageAccountId,lineItem/UsageType\r\n\
                 a,1,Usage,2026-10-01T00:00:00Z,1.5,USD,2,BoxUsage:p5.48xlarge\r\n",
            ),
        ),
        (
            "azure.csv",
            text(
                "MeterId,MeterCategory,CostInBillingCurrency,PartNumber,Date,ChargeType,PricingModel,Tags,Quantity,\
                 BillingCurrency\nm,Virtual Machines,1.25,p,10/01/2026,Usage,OnDemand,\"\"\"team\"\": \"\"a\"\"\",1,EUR\n",
            ),
        ),
        (
            "explorer.csv",
            text("\"Service\",\"SageMaker($)\",\"Total costs($)\"\nService total,3,3\n2026-10-01,1,1\n2026-10-02,2,2\n"),
        ),
        (
            "explorer.json",
            text(
                r#"{"ResultsByTime":[{"TimePeriod":{"Start":"2026-10-01","End":"2026-10-02"},"Estimated":false,
                "Groups":[{"Keys":["a"],"Metrics":{"UnblendedCost":{"Amount":"1","Unit":"USD"}}}]}]}"#,
            ),
        ),
        (
            "openai.json",
            text(
                r#"{"object":"page","has_more":false,"data":[{"object":"bucket","start_time":1730419200,
                "end_time":1730505600,"results":[{"amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-4o input"}]}]}"#,
            ),
        ),
        (
            "gcp.jsonl",
            text(
                "{\"billing_account_id\":\"a\",\"service\":{\"id\":\"1\"},\"sku\":{\"id\":\"2\"},\"cost\":0.1,\"currency\":\"USD\",\
                 \"usage\":{\"amount\":1},\"usage_start_time\":\"2026-10-01 00:00:00 UTC\",\"credits\":[{\"amount\":-0.05}]}\n",
            )
            .repeat(2),
        ),
        (
            "opencost.json",
            text(
                r#"{"code":200,"data":[{"a":{"properties":{"cluster":"c"},"cpuCost":1,"gpuCost":2.5,"totalCost":3.5}}]}"#,
            ),
        ),
        (
            "r-Manifest.json",
            text(r#"{"assemblyId":"a","reportName":"r","account":"1","reportKeys":["p/r/20261001-20261101/a/r-1.csv"]}"#),
        ),
    ]
}

/// Words that readers stumble over.
const WORDS: [&str; 14] = [
    "\"",
    "\n",
    "\r\n",
    ",",
    "{",
    "}",
    "[",
    "\u{feff}",
    "\0",
    "NULL",
    "1e400",
    "-",
    "\u{e9}",
    "9999999999999999999999",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..random.random_range(1..4) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        let at = random.random_range(0..length);
        let until = (at + random.random_range(1..40)).min(length);
        match random.random_range(0..6) {
            0 => bytes[at] = random.random(),
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..until)),
            3 => {
                let copy = bytes[at..until].to_vec();
                let to = random.random_range(0..length);
                bytes.splice(to..to, copy);
            }
            4 => {
                let word = WORDS[random.random_range(0..WORDS.len())].bytes();
                bytes.splice(at..at, word);
            }
            _ => bytes[at] ^= 1 << random.random_range(0..8),
        }
    }
}

#[test]
fn damaged_bills_end_in_rows_or_in_words() {
    let count = std::env::var("INFEROMETER_MUTATIONS").ok().and_then(|text| text.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in seeds() {
        let path = folder.path().join(name);
        for number in 0..count.unwrap_or(MUTATIONS) {
            let mut bytes = seed.clone();
            mutate(&mut bytes, &mut ChaCha8Rng::seed_from_u64(number as u64));
            std::fs::write(&path, &bytes).unwrap();
            let overlay = bill::overlay::open(&path);
            assert!(!matches!(overlay, Ok(Some(overlay)) if overlay.items.is_empty()), "{name} {number}");
            match bill::dry_run(&path) {
                Ok((_rows, _dropped, warnings)) => {
                    assert!(
                        warnings.iter().all(|warning| warning.line != Some(0)),
                        "{name} {number}: {warnings:?}"
                    );
                }
                Err(BillError::TooLarge { .. } | BillError::Query { .. }) => {}
                Err(error) => assert!(error.to_string().contains(name), "{name} {number}: {error}"),
            }
        }
        std::fs::remove_file(&path).unwrap();
    }
}
