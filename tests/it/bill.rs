//! Bills: fixtures of our own and the public samples. Expected sums are what `fixtures/bills/make.py` prints
//! (Python's `decimal`), rounded to the ten places of `Money` where they have more.

mod aws;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use inferometer::bill::{
    self, Basis, Bill, BillError, Costs, Filter, Granularity, Imported, MissingCells, Store, Warning,
};
use inferometer::units::Money;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/bills").join(name)
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn costs(billed: &str, effective: &str, list: &str, contracted: &str) -> Costs {
    Costs {
        billed_cost: Some(money(billed)),
        effective_cost: Some(money(effective)),
        list_cost: Some(money(list)),
        contracted_cost: Some(money(contracted)),
    }
}

fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap()
}

/// A store in a folder of its own, gone at the end of the test.
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

    fn import(&self, path: &Path) -> Result<Imported, BillError> {
        bill::import(path, &self.store, &mut |_done| (), &|| false)
    }

    /// Imports bytes as a file of this name.
    fn import_bytes(&self, name: &str, bytes: &[u8]) -> Result<Imported, BillError> {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        self.import(&path)
    }

    fn open(&self, imported: &[&Imported]) -> Bill {
        let hashes: Vec<&str> = imported.iter().map(|imported| imported.hash.as_str()).collect();
        Bill::open(&hashes, &self.store).unwrap()
    }

    /// Files left in the store.
    fn stored(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.store.folder()) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// The sums of `focus-1.2.*` over all rows.
fn all() -> Costs {
    costs("132.3523200414", "35.6856533747", "142.8523200413", "141.3523200413")
}

#[test]
fn every_packing_of_a_bill_reads_the_same() {
    for name in ["focus-1.2.csv", "focus-1.2.csv.gz", "focus-1.2.csv.zst", "focus-1.2.parquet"] {
        let bench = Bench::new();
        assert_eq!(bill::detect(&fixture(name)).unwrap().to_string(), "FOCUS 1.2", "{name}");
        let imported = bench.import(&fixture(name)).unwrap();
        assert_eq!((imported.rows, imported.dropped), (12, 0), "{name}");
        assert_eq!(imported.kind, "FOCUS 1.2", "{name}");
        assert_eq!(imported.totals["USD"], all(), "{name}");
        assert_eq!(imported.missing.len(), 0, "{name}");
        // 2026-05-02T00:00:00Z and 2026-06-10T23:00:00Z from `date -u +%s`.
        assert_eq!(imported.first_charge_unix_secs, Some(1_777_680_000), "{name}");
        assert_eq!(imported.last_charge_unix_secs, Some(1_781_132_400), "{name}");
        let bill = bench.open(&[&imported]);
        let totals = bill.totals(&[]).unwrap();
        assert_eq!(
            (totals.rows, totals.currency.as_deref(), totals.costs),
            (12, Some("USD"), all()),
            "{name}"
        );
        assert!(totals.missing.is_empty(), "{name}");
        let accounts = bill.group_by(&["BillingAccountId"], &[], Basis::BilledCost).unwrap();
        assert_eq!(accounts[0].key, [Some("000000000042".to_owned())], "{name}");
        let tax = bill.rows(&[filter("ChargeCategory=Tax")], 0, 10).unwrap();
        let place = tax.columns.iter().position(|column| column == "ChargeDescription").unwrap();
        assert_eq!(tax.rows[0][place].as_deref(), Some("VAT, \"reduced\"\nsecond line"), "{name}");
    }
}

#[test]
fn a_parquet_bill_with_binary_floats_says_so() {
    let imported = Bench::new().import(&fixture("focus-1.2.parquet")).unwrap();
    assert_eq!(imported.warnings.len(), 1, "{:?}", imported.warnings);
    assert_eq!(imported.warnings[0].column.as_deref(), Some("PricingQuantity"));
    assert!(imported.warnings[0].message.contains("binary floats"));
}

#[test]
fn a_clean_bill_has_no_warnings() {
    let imported = Bench::new().import(&fixture("focus-1.2.csv")).unwrap();
    assert_eq!((imported.warnings, imported.warnings_total), (Vec::new(), 0));
}

#[test]
fn groups_are_sorted_by_cost_and_add_up() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let groups = bill.group_by(&["ServiceName"], &[], Basis::BilledCost).unwrap();
    let names: Vec<_> = groups.iter().map(|group| group.key[0].as_deref().unwrap()).collect();
    assert_eq!(names, ["Example Compute", "Tax", "Example Storage", "Amazon Bedrock"]);
    assert_eq!(groups[0].costs, costs("130.1000000001", "33.4333333334", "138.6", "137.1"));
    assert_eq!(groups[3].costs, costs("-1.9976799588", "-1.9976799588", "0.0023200413", "0.0023200413"));
    assert_eq!(groups.iter().map(|group| group.rows).collect::<Vec<_>>(), [7, 1, 1, 3]);
}

#[test]
fn tags_group_and_filter_like_columns() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let groups = bill.group_by(&["Tags.team"], &[], Basis::EffectiveCost).unwrap();
    let found: Vec<_> = groups.iter().map(|group| (group.key[0].as_deref(), group.rows)).collect();
    assert_eq!(
        found,
        [(Some("search"), 4), (Some("web"), 1), (None, 5), (Some("research"), 1), (Some("ads"), 1)]
    );
    assert_eq!(groups[0].costs, costs("18.0000000414", "18.0000000414", "21.0000000413", "19.5000000413"));
    let search = bill.totals(&[filter("Tags.team=search")]).unwrap();
    assert_eq!((search.rows, search.costs), (4, groups[0].costs));
    let untagged = bill.totals(&[filter("Tags.team=")]).unwrap();
    assert_eq!((untagged.rows, untagged.costs), (5, costs("102.85", "6.1833333333", "108.85", "108.85")));
    let two = Filter::is("tags.team", ["ads", "web"]);
    assert_eq!(bill.totals(&[two]).unwrap().rows, 2);
    let instances = bill.group_by(&["SkuPriceDetails.InstanceType"], &[], Basis::BilledCost).unwrap();
    assert_eq!(instances[0].key, [Some("m6i.large".to_owned())]);
    let both = bill.group_by(&["ServiceCategory", "Tags.team"], &[], Basis::ListCost).unwrap();
    assert_eq!(both.len(), 9);
}

#[test]
fn filters_hold_together_and_know_dates_and_empty_cells() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let rows = |filters: &[&str]| {
        bill.totals(&filters.iter().map(|text| filter(text)).collect::<Vec<_>>()).unwrap().rows
    };
    assert_eq!(rows(&["ChargePeriodStart=2026-05"]), 7);
    assert_eq!(rows(&["ChargePeriodStart=2026-06-01"]), 2);
    assert_eq!(rows(&["chargeperiodstart=2026-06-01T00:00:00Z", "ServiceCategory=Storage"]), 1);
    assert_eq!(rows(&["CommitmentDiscountId="]), 10);
    assert_eq!(rows(&["ServiceName=nothing of the kind"]), 0);
    let none = bill.totals(&[filter("ServiceName=nothing of the kind")]).unwrap();
    assert_eq!((none.currency, none.costs), (None, costs("0", "0", "0", "0")));
}

#[test]
fn questions_that_make_no_sense_are_refused_with_a_way_out() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let error = bill.totals(&[filter("Service=x")]).unwrap_err().to_string();
    assert!(error.contains("no column Service; did you mean"), "{error}");
    let error = bill.group_by(&["BilledCost"], &[], Basis::BilledCost).unwrap_err().to_string();
    assert!(error.contains("cannot group by BilledCost"), "{error}");
    let error = bill.totals(&[filter("ListCost=four")]).unwrap_err().to_string();
    assert!(error.contains("cannot filter by ListCost: `four` is not an amount"), "{error}");
    let error = bill.totals(&[filter("ServiceName=1..4")]).unwrap_err().to_string();
    assert!(error.contains("its values are words"), "{error}");
    let error = bill.totals(&[filter("ListCost~4")]).unwrap_err().to_string();
    assert!(error.contains("its values are amounts"), "{error}");
    let error = bill.totals(&[filter("ChargePeriodStart=May")]).unwrap_err().to_string();
    assert!(error.contains("is not a month"), "{error}");
    assert!(matches!(Bill::open::<&str>(&[], &bench.store), Err(BillError::NoBill)));
    assert!(matches!(Bill::open(&["feed"], &bench.store), Err(BillError::NotStored { .. })));
}

#[test]
fn cost_over_time_has_no_gaps_and_stacks_the_rest() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let days = bill.over_time(None, &[], Basis::BilledCost, Granularity::Day, 5).unwrap();
    // 2 May to 10 June.
    assert_eq!(days.buckets.len(), 40);
    assert_eq!(days.buckets[0], 1_777_680_000);
    assert!(days.buckets.windows(2).all(|pair| pair[1] - pair[0] == 86_400));
    let (name, amounts) = &days.series[0];
    assert_eq!((name.as_str(), days.series.len()), ("BilledCost", 1));
    let shown: Vec<String> = [0, 1, 2, 3, 29, 30, 31, 39].map(|at| amounts[at].to_string()).into();
    assert_eq!(shown, ["14.2500000001", "1.1", "0.0023200413", "0", "7.5", "7.75", "1.75", "100"]);

    let months =
        bill.over_time(Some("ServiceName"), &[], Basis::EffectiveCost, Granularity::Month, 2).unwrap();
    // 2026-05-01 and 2026-06-01.
    assert_eq!(months.buckets, [1_777_593_600, 1_780_272_000]);
    let names: Vec<_> = months.series.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Example Compute", "Tax", "Other (2 more)"]);
    assert_eq!(months.series[2].1, [money("0.0023200413"), money("-1.5")]);
    assert_eq!((months.currency.as_deref(), months.undated_rows, months.missing_cells), (Some("USD"), 0, 0));
}

#[test]
fn inference_is_found_rule_by_rule() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    let share = bill.inference(&[]).unwrap();
    assert_eq!((share.rows, share.inference_rows, share.total), (12, 6, all()));
    assert_eq!(share.inference, costs("16.0023200414", "16.0023200414", "21.0023200413", "19.5023200413"));
    let rules: Vec<_> =
        share.by_rule.iter().map(|rule| (rule.rule_id.as_str(), rule.rows, rule.counted)).collect();
    assert_eq!(
        rules,
        [
            ("idle-commitment", 1, false),
            ("token-api", 3, true),
            ("accelerator-serving", 1, true),
            ("accelerator-training", 1, false),
            ("accelerator-unknown", 1, false),
            ("compute-serving", 1, true),
            ("storage-serving", 1, true),
        ]
    );
    let months: Vec<_> =
        share.months.iter().map(|(month, costs)| (*month, costs.billed_cost.unwrap().to_string())).collect();
    assert_eq!(months, [(1_777_593_600, "17.5023200414".to_owned()), (1_780_272_000, "-1.5".to_owned())]);
    let by_rule = bill.group_by(&["x_InferenceRule"], &[], Basis::BilledCost).unwrap();
    assert_eq!(by_rule.len(), 8);
}

/// Usage runs from 2 May 00:00 to 1 June 23:00, which is 743 hours: 16.0023200414 × 730 ÷ 743 (Python's `decimal`).
#[test]
fn monthly_inference_is_scaled_from_the_hours_the_bill_covers() {
    let bench = Bench::new();
    let bill = bench.open(&[&bench.import(&fixture("focus-1.2.csv")).unwrap()]);
    assert_eq!(bill.covered_secs(&[]).unwrap(), Some(743 * 3_600));
    assert_eq!(bill.monthly_inference(&[], Basis::EffectiveCost).unwrap(), Some(money("15.7223332843")));
}

#[test]
fn what_real_files_get_wrong_is_read_or_named_with_its_line() {
    let bench = Bench::new();
    let imported = bench.import(&fixture("traps-1.0.csv")).unwrap();
    assert_eq!((imported.kind.as_str(), imported.rows, imported.dropped), ("FOCUS 1.0", 6, 2));
    // 0.0000008 + 15 + 3 + 6 − 0.25; 0 + 1.5 + 2 + 3 + 6 − 0.25; 0.5 + 1.5 + 2 + 3 + 6; 1.5 + 2 + 3 + 6.
    assert_eq!(imported.totals["USD"], costs("23.7500008", "12.25", "13", "12.5"));
    let missing: Vec<_> = imported.missing.iter().map(|(name, cells)| (name.as_str(), *cells)).collect();
    assert_eq!(
        missing,
        [
            ("BilledCost", MissingCells { empty: 0, unreadable: 1 }),
            ("ContractedCost", MissingCells { empty: 1, unreadable: 1 }),
            ("ListCost", MissingCells { empty: 1, unreadable: 0 }),
        ]
    );
    let at = |line: u64| -> Vec<&Warning> {
        imported.warnings.iter().filter(|warning| warning.line == Some(line)).collect()
    };
    let column = |line: u64| at(line).iter().map(|w| w.column.as_deref().unwrap_or("")).collect::<Vec<_>>();
    assert_eq!(column(2), ["ContractedCost"]);
    assert_eq!(column(3), [""; 0]);
    assert_eq!(column(5), ["BilledCost"]);
    assert!(at(5)[0].message.contains("`1,234.50` cannot be read"), "{}", at(5)[0].message);
    assert_eq!(column(7), ["ChargePeriodStart", "Tags"]);
    assert!(at(8)[0].message.contains("8 cells where the header has 14"), "{}", at(8)[0].message);
    assert!(at(9)[0].message.contains("16 cells where the header has 14"), "{}", at(9)[0].message);
    assert_eq!(column(10), [""; 0]);
    assert_eq!(column(11), ["ListCost", "ContractedCost"]);
    assert!(imported.columns.iter().any(|column| column == "Id"));
    assert!(imported.warnings[0].message.contains("demands columns this file does not have"));

    let bill = bench.open(&[&imported]);
    let totals = bill.totals(&[]).unwrap();
    assert_eq!(totals.costs, imported.totals["USD"]);
    assert_eq!(totals.missing["ContractedCost"], 2);
    let time = bill.over_time(None, &[], Basis::BilledCost, Granularity::Day, 3).unwrap();
    assert_eq!((time.undated_rows, time.undated.to_string(), time.missing_cells), (1, "3".to_owned(), 1));
    assert_eq!(bill.group_by(&["Tags.k"], &[], Basis::BilledCost).unwrap().len(), 2);
}

#[test]
fn line_numbers_are_true_with_every_line_end() {
    for (end, blank) in [("\n", ""), ("\r\n", ""), ("\n", "\n"), ("\r\n", "\r\n")] {
        let bench = Bench::new();
        let header = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart";
        let good = "1,USD,Usage,2026-01-01";
        let text = format!(
            "{header}{end}{good}{end}bad,USD,Usage,2026-01-01{end}2,USD,\"a{end}b{end}c\",2026-01-01{end}{blank}bad,USD,Usage,2026-01-01{end}{good}{end}bad,USD,Usage,2026-01-01"
        );
        let imported = bench.import_bytes("lines.csv", text.as_bytes()).unwrap();
        let lines: Vec<u64> = imported.warnings.iter().filter_map(|warning| warning.line).collect();
        let shift = u64::from(!blank.is_empty());
        assert_eq!(lines, [3, 7 + shift, 9 + shift], "{end:?} {blank:?}");
    }
}

#[test]
fn the_same_file_is_imported_once_and_keeps_its_report() {
    let bench = Bench::new();
    let first = bench.import(&fixture("traps-1.0.csv")).unwrap();
    let rows = fs::metadata(&first.path).unwrap().modified().unwrap();
    let mut told = Vec::new();
    let copy = bench.folder.path().join("another-name.csv");
    fs::copy(fixture("traps-1.0.csv"), &copy).unwrap();
    let second = bill::import(&copy, &bench.store, &mut |done| told.push(done), &|| false).unwrap();
    assert_eq!(second.hash, first.hash);
    assert_eq!(second.totals, first.totals);
    assert_eq!(second.warnings_total, first.warnings_total);
    assert_eq!(second.warnings[0].file, "another-name.csv");
    assert_eq!(fs::metadata(&second.path).unwrap().modified().unwrap(), rows);
    assert_eq!(told.last(), Some(&1.0));
    assert_eq!(bench.stored().len(), 2);
    // Without its rows a bill is imported again.
    fs::remove_file(&first.path).unwrap();
    assert!(bench.store.get(&first.hash).unwrap().is_none());
    assert_eq!(bench.import(&copy).unwrap().totals, first.totals);
    // With a damaged report too.
    fs::write(first.path.with_extension("json"), "{").unwrap();
    assert!(matches!(Bill::open(&[&first.hash], &bench.store), Err(BillError::Report { .. })));
    assert_eq!(bench.import(&copy).unwrap().totals, first.totals);
    assert_eq!(bench.open(&[&first]).totals(&[]).unwrap().rows, first.rows);
}

#[test]
fn bills_of_several_currencies_are_not_added_up() {
    let bench = Bench::new();
    let usd = bench.import(&fixture("focus-1.2.csv")).unwrap();
    let eur = bench.import(&fixture("euro.csv")).unwrap();
    let bill = bench.open(&[&usd, &eur]);
    for error in [
        bill.totals(&[]).unwrap_err(),
        bill.group_by(&["ServiceName"], &[], Basis::BilledCost).unwrap_err(),
        bill.over_time(None, &[], Basis::BilledCost, Granularity::Day, 3).unwrap_err(),
        bill.inference(&[]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("2 currencies (EUR, USD)"), "{error}");
    }
    assert_eq!(bill.totals(&[filter("BillingCurrency=USD")]).unwrap().costs, all());
    let each = bill.totals_by_currency(&[]).unwrap();
    assert_eq!(each["EUR"].costs.billed_cost, Some(money("14.2500000001")));
    assert_eq!(each["USD"].costs, all());
}

#[test]
fn several_bills_are_asked_as_one() {
    let bench = Bench::new();
    let new = bench.import(&fixture("focus-1.2.csv")).unwrap();
    let old = bench.import(&fixture("traps-1.0.csv")).unwrap();
    let bill = bench.open(&[&new, &old, &new]);
    let totals = bill.totals(&[]).unwrap();
    assert_eq!(totals.rows, 18);
    // 132.35232004135 + 23.7500008.
    assert_eq!(totals.costs.billed_cost, Some(money("156.1023208414")));
    // The older bill has no RegionId: its rows have no value there, and are told apart from empty cells.
    let regions = bill.group_by(&["RegionId"], &[], Basis::BilledCost).unwrap();
    let found: Vec<_> = regions.iter().map(|group| (group.key[0].as_deref(), group.rows)).collect();
    assert_eq!(found, [(Some("eu-north-1"), 12), (Some(bill::NO_COLUMN), 6)]);
    assert_eq!(bill.totals(&[filter("RegionId=")]).unwrap().rows, 6);
    let page = bill.rows(&[], 10, 5).unwrap();
    assert_eq!((page.rows.len(), page.total_rows), (5, 18));
    let service = page.columns.iter().position(|column| column == "ServiceName").unwrap();
    assert!(page.rows.iter().all(|row| row.len() == page.columns.len() && row[service].is_some()));
    let team = bill.columns().into_iter().find(|column| column.name == "Tags.team").unwrap();
    assert!(team.groupable);
    assert_eq!(team.values.values.into_iter().collect::<Vec<_>>(), ["ads", "research", "search", "web"]);
}

#[test]
fn what_is_no_bill_is_refused_and_nothing_is_kept() {
    let bench = Bench::new();
    for (name, bytes, expected) in [
        ("empty.csv", &b""[..], "is empty (0 bytes)"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "found a PNG picture"),
        ("model.onnx", b"\x08\x0a\x12\x07pytorch\x1a\x05\0\0\0", "found binary data"),
        ("text.csv", b"Dear team,\nhere is the bill.\n", "first line is `Dear team`"),
        ("trace.csv", b"timestamp,requests\n1,2\n", "first line is `timestamp`, `requests`"),
        ("page.html", b"<!doctype html>", "XML or HTML"),
        ("bill.json", b"{\"a\":1}", "found JSON"),
        ("wide.csv", b"\xff\xfeB\0i\0l\0", "first line is `Bil`"),
        ("unmarked.csv", b"B\0i\0l\0l\0e\0d\0", "UTF-16 text without a byte order mark; save it as UTF-8"),
        ("wider.csv", b"\xff\xfe\0\0B\0\0\0", "UTF-32 text; save it as UTF-8"),
        ("white.csv", b"\n\n  \n", "nothing but white space"),
        ("cut.parquet", b"PAR1\x15\x04\x15\x10", "cannot read the Parquet bill"),
        (
            "short.csv",
            b"BilledCost,ChargeCategory,ChargePeriodStart\n1,Usage,2026-01-01\n",
            "lacks the column BillingCurrency",
        ),
        (
            "twice.csv",
            b"BilledCost,billedcost,BillingCurrency,ChargeCategory,ChargePeriodStart\n",
            "column BilledCost twice",
        ),
    ] {
        let error = bench.import_bytes(name, bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(error.ends_with(name), "the path comes last: {error}");
    }
    let error = bench.import(Path::new("no-such-bill.csv")).unwrap_err();
    assert!(matches!(error, BillError::Read { .. }), "{error}");
    assert!(bench.stored().is_empty(), "{:?}", bench.stored());
}

/// A first line and a quote without end are refused before they fill the memory, packed or not.
#[test]
fn a_header_or_a_row_that_does_not_end_is_refused_with_its_line() {
    let head = b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n";
    let endless = [&head[..head.len() - 1], &b",another column"[..].repeat(200_000)].concat();
    let row = b"1,USD,Usage,2026-01-01\n";
    let open_quote = [&head[..], &row[..], b"2,USD,\"Usage,2026-01-01\n", &row[..].repeat(900_000)].concat();
    let bench = Bench::new();
    for (name, text, expected) in [
        ("line.csv", &endless, "the first line is longer than 1 MiB"),
        ("quote.csv", &open_quote, "the row that begins on line 3 is longer than 16 MiB"),
    ] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        for bytes in [text, &gzip.finish().unwrap()] {
            let error = bench.import_bytes(name, bytes).unwrap_err();
            assert!(matches!(error, BillError::LongRow { .. }), "{name}: {error:?}");
            let message = error.to_string();
            assert!(message.contains(expected) && message.ends_with(name), "{message}");
        }
    }
    assert!(bench.stored().is_empty(), "{:?}", bench.stored());
    // As large, and with as many columns as any table: read.
    let wide: Vec<String> = (0..2_000).map(|column| format!("x_column_of_ours_{column}")).collect();
    let header = format!("BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,{}\n", wide.join(","));
    let line = format!("1,USD,Usage,2026-01-01{}\n", ",".repeat(2_000));
    let text = header + &line.repeat(9_000);
    assert!(text.len() > 17 << 20, "{}", text.len());
    assert_eq!(bench.import_bytes("wide.csv", text.as_bytes()).unwrap().rows, 9_000);
}

#[test]
fn compressed_bills_that_are_cut_off_are_refused_and_nothing_is_kept() {
    let mut text = b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n".to_vec();
    for row in 0..200_000 {
        writeln!(text, "{}.{:06},USD,Usage,2026-01-01", row % 7, row * 7919 % 1_000_003).unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    let bench = Bench::new();
    let error = bench.import_bytes("cut.csv.gz", &gzip[..gzip.len() / 2]).unwrap_err().to_string();
    assert!(error.contains("gzip data is damaged or cut off after"), "{error}");
    let error = bench.import_bytes("tail.csv.gz", &gzip[..gzip.len() - 4]).unwrap_err().to_string();
    assert!(error.contains("gzip data is damaged or cut off after"), "{error}");
    let zstd = fs::read(fixture("focus-1.2.csv.zst")).unwrap();
    let error = bench.import_bytes("cut.zst", &zstd[..zstd.len() - 20]).unwrap_err().to_string();
    assert!(error.contains("zstd data is damaged or cut off after"), "{error}");
    assert!(bench.stored().is_empty(), "{:?}", bench.stored());
    assert_eq!(bench.import_bytes("whole.csv.gz", &gzip).unwrap().rows, 200_000);
}

/// On some of these footers polars panics; an import must not.
#[test]
fn damaged_parquet_bills_are_refused_without_a_panic() {
    let good = fs::read(fixture("focus-1.2.parquet")).unwrap();
    let bench = Bench::new();
    let mut refused = 0;
    for at in (good.len() - 12_000..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x5a;
        bytes[at - 40] = 0xff;
        refused += usize::from(bench.import_bytes("damaged.parquet", &bytes).is_err());
    }
    assert!(refused > 50, "only {refused} were refused");
    assert!(bench.import_bytes("cut.parquet", &good[..good.len() / 2]).is_err());
}

#[test]
fn a_file_cut_off_in_a_row_loses_that_row_and_says_so() {
    let text = fs::read(fixture("focus-1.2.csv")).unwrap();
    let bench = Bench::new();
    let imported = bench.import_bytes("cut.csv", &text[..text.len() - 200]).unwrap();
    assert_eq!((imported.rows, imported.dropped), (11, 1));
    // The tax row before it runs over two lines: the last row is on line 14.
    assert_eq!(imported.warnings[0].line, Some(14));
    assert!(imported.warnings[0].message.contains("may be cut off"), "{}", imported.warnings[0].message);
}

#[test]
fn a_header_without_rows_is_a_bill_of_nothing() {
    let bench = Bench::new();
    let imported = bench
        .import_bytes("header.csv", b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n")
        .unwrap();
    assert_eq!(imported.rows, 0);
    assert!(imported.warnings.iter().any(|warning| warning.message.contains("no rows")));
    let bill = bench.open(&[&imported]);
    let totals = bill.totals(&[]).unwrap();
    assert_eq!((totals.rows, totals.currency), (0, None));
    // A column the file does not have is not a cost of nothing.
    assert_eq!((totals.costs.billed_cost, totals.costs.effective_cost), (Some(Money::ZERO), None));
    assert_eq!(bill.group_by(&["ChargeCategory"], &[], Basis::BilledCost).unwrap(), []);
    assert_eq!(
        bill.over_time(None, &[], Basis::BilledCost, Granularity::Day, 3).unwrap().buckets,
        [0_i64; 0]
    );
    assert_eq!(bill.rows(&[], 0, 10).unwrap().rows.len(), 0);
    assert_eq!(bill.monthly_inference(&[], Basis::BilledCost).unwrap(), None);
}

#[test]
fn bytes_that_are_not_utf8_are_read_as_latin_1_and_named() {
    let bench = Bench::new();
    let imported = bench
        .import_bytes(
            "latin.csv",
            b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,RegionName\n1,EUR,Usage,2026-01-01,Z\xfcrich\n",
        )
        .unwrap();
    assert_eq!(imported.warnings.iter().filter_map(|warning| warning.line).collect::<Vec<_>>(), [2]);
    let bill = bench.open(&[&imported]);
    assert_eq!(bill.totals(&[filter("RegionName=Zürich")]).unwrap().rows, 1);
}

#[test]
fn semicolons_separate_as_well_as_commas() {
    let bench = Bench::new();
    let imported = bench
        .import_bytes(
            "excel.csv",
            b"BilledCost;BillingCurrency;ChargeCategory;ChargePeriodStart\r\n1.5;EUR;Usage;2026-01-01\r\n1,5;EUR;Usage;2026-01-01\r\n",
        )
        .unwrap();
    assert_eq!(imported.totals["EUR"].billed_cost, Some(money("1.5")));
    assert_eq!(imported.missing["BilledCost"], MissingCells { empty: 0, unreadable: 1 });
    assert_eq!(imported.totals["EUR"].list_cost, None);
}

#[test]
fn a_cancelled_import_keeps_nothing() {
    let bench = Bench::new();
    let asked = std::cell::Cell::new(0);
    let cancel = || {
        asked.set(asked.get() + 1);
        asked.get() > 1
    };
    let mut text = String::from("BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n");
    for _ in 0..5_000 {
        text.push_str("1,USD,Usage,2026-01-01\n");
    }
    let path = bench.folder.path().join("bill.csv");
    fs::write(&path, text).unwrap();
    let error = bill::import(&path, &bench.store, &mut |_done| (), &cancel).unwrap_err();
    assert!(matches!(error, BillError::Cancelled), "{error}");
    assert!(bench.stored().is_empty(), "{:?}", bench.stored());
}

#[test]
fn sums_of_many_rows_are_exact() {
    let bench = Bench::new();
    let mut text = String::from("BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n");
    // 150,000 rows, which is three batches: 0.1 in binary floats would not add up to 15,000.
    for _ in 0..150_000 {
        text.push_str("0.100000000000000001,USD,Usage,2026-01-01\n");
    }
    let imported = bench.import_bytes("many.csv", text.as_bytes()).unwrap();
    let expected = Some(money("15000.0000000000"));
    assert_eq!(imported.totals["USD"].billed_cost, expected);
    let bill = bench.open(&[&imported]);
    assert_eq!(bill.totals(&[]).unwrap().costs.billed_cost, expected);
    let far = bill.rows(&[], 149_999, 10).unwrap();
    assert_eq!((far.rows.len(), far.rows[0][0].as_deref()), (1, Some("0.100000000000000001")));
}

fn samples() -> PathBuf {
    PathBuf::from(
        std::env::var_os("INFEROMETER_SAMPLES")
            .expect("INFEROMETER_SAMPLES names the folder of sample files"),
    )
}

/// Sums from Python's `decimal` over the file: AWS 18.00663861840 / 13 / 18.14931764060 / 13, Microsoft 1.97651418586 /
/// 1.97651418586 / 1.97651418586 / 1.97626039326, Oracle 0.53707392473 / 0 / 0.26507392473 / NULL in all 7 rows.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_real_focus_1_0_sample_adds_up() {
    let bench = Bench::new();
    let imported = bench.import(&samples().join("bills/focus-1.0/focus_sample.csv")).unwrap();
    assert_eq!((imported.kind.as_str(), imported.rows, imported.dropped), ("FOCUS 1.0", 1_000, 0));
    assert_eq!(
        imported.totals["USD"],
        costs("20.5202267290", "14.9765141859", "20.3909057512", "14.9762603933")
    );
    assert_eq!(imported.missing["ContractedCost"], MissingCells { empty: 7, unreadable: 0 });
    let bill = bench.open(&[&imported]);
    assert_eq!(bill.totals(&[]).unwrap().costs, imported.totals["USD"]);
    let groups = bill.group_by(&["ProviderName"], &[], Basis::BilledCost).unwrap();
    let found: Vec<_> =
        groups.iter().map(|group| (group.key[0].as_deref().unwrap(), group.rows, group.costs)).collect();
    let mut oracle = costs("0.5370739247", "0", "0.2650739247", "0");
    oracle.contracted_cost = None;
    assert_eq!(
        found,
        [
            ("AWS", 942, costs("18.0066386184", "13", "18.1493176406", "13")),
            ("Microsoft", 51, costs("1.9765141859", "1.9765141859", "1.9765141859", "1.9762603933")),
            ("Oracle", 7, oracle),
        ]
    );
}

/// Sums from Python's `decimal`: 21301.989519510921250 / the same / 30428.227347141217070 / 29063.988698858121250 and
/// 33666.809693382031500 / the same / 45681.521703161035000 / 43893.510524863031500.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_focus_1_2_samples_add_up() {
    for (name, expected) in [
        ("aws", costs("21301.9895195109", "21301.9895195109", "30428.2273471412", "29063.9886988581")),
        ("gcp", costs("33666.8096933820", "33666.8096933820", "45681.5217031610", "43893.5105248630")),
    ] {
        let bench = Bench::new();
        let path = samples().join(format!("bills/focus-1.2/focus_1_2_cost_and_usage_{name}.csv"));
        let imported = bench.import(&path).unwrap();
        assert_eq!((imported.kind.as_str(), imported.rows, imported.dropped), ("FOCUS 1.2", 1_000, 0));
        assert_eq!(imported.totals["USD"], expected, "{name}");
        assert!(imported.missing.is_empty(), "{name}: {:?}", imported.missing);
        let bill = bench.open(&[&imported]);
        assert_eq!(bill.totals(&[]).unwrap().costs, expected, "{name}");
        let months = bill.over_time(None, &[], Basis::ListCost, Granularity::Month, 1).unwrap();
        assert_eq!(months.series[0].1, [expected.list_cost.unwrap()], "{name}");
    }
}
