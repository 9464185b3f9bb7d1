//! Exploring bills: filters, widths of time, comparisons and pages of rows. Sums of the sample bill are what Python's
//! `decimal` finds in the file; the others stand in the few rows of the test.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use inferometer::bill::{
    self, Basis, Bill, Effects, Filter, Granularity, Imported, NO_COLUMN, Period, Store,
};
use inferometer::units::Money;

fn money(text: &str) -> Money {
    text.parse().unwrap()
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

    fn import(&self, path: &Path) -> Imported {
        bill::import(path, &self.store, &mut |_done| (), &|| false).unwrap()
    }

    /// Opens bills of these texts.
    fn open(&self, texts: &[&str]) -> Bill {
        let hashes: Vec<String> = texts
            .iter()
            .enumerate()
            .map(|(place, text)| {
                let path = self.folder.path().join(format!("{place}.csv"));
                fs::write(&path, text).unwrap();
                self.import(&path).hash
            })
            .collect();
        Bill::open(&hashes, &self.store).unwrap()
    }
}

fn sample() -> (Bench, Bill) {
    let bench = Bench::new();
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/bill-focus-1.2.csv.gz");
    let bill = Bill::open(&[bench.import(&path).hash], &bench.store).unwrap();
    (bench, bill)
}

fn rows(bill: &Bill, filters: &[&str]) -> u64 {
    let filters: Vec<Filter> = filters.iter().map(|text| Filter::parse(text).unwrap()).collect();
    bill.totals(&filters).unwrap().rows
}

#[test]
fn filters_leave_out_search_and_range() {
    let (_bench, bill) = sample();
    assert_eq!(rows(&bill, &["-ChargeCategory=Usage"]), 65);
    assert_eq!(rows(&bill, &["ServiceName~LOAD"]), 371);
    assert_eq!(rows(&bill, &["*~nat"]), 368);
    assert_eq!(rows(&bill, &["*~nat", "-*~nat"]), 0);
    assert_eq!(rows(&bill, &["EffectiveCost=0.5..1"]), 2_217);
    assert_eq!(rows(&bill, &["EffectiveCost=0.5..1", "-EffectiveCost=0.5..1"]), 0);
    assert_eq!(rows(&bill, &["-EffectiveCost=0.5..1"]), 13_959 - 2_217);
    assert_eq!(rows(&bill, &["EffectiveCost=..-450"]), 2);
    assert_eq!(rows(&bill, &["EffectiveCost=-450"]), 2);
    let half = Filter::parse("EffectiveCost=0.5..1").unwrap();
    assert_eq!(bill.totals(&[half]).unwrap().exact["EffectiveCost"], "1262.419023795");
    let week = Filter::parse("ChargePeriodStart=2026-08-03..2026-08-09").unwrap();
    assert_eq!(bill.totals(&[week]).unwrap().exact["EffectiveCost"], "1569.5201736755");
    // 1,184 rows of digits, 7,407 of forms-web, 29 untagged.
    assert_eq!(rows(&bill, &["ServiceName~elastic compute", "-Tags.app=digits"]), 7_407 + 29);
    assert_eq!(rows(&bill, &["ServiceName~elastic compute", "Tags.app~FORM"]), 7_407);
    assert_eq!(rows(&bill, &["ServiceName~elastic compute", "-Tags.app="]), 8_620 - 29);
}

#[test]
fn time_is_cut_into_hours_and_weeks_too() {
    let (_bench, bill) = sample();
    let starts = bill.starts().unwrap();
    // 2026-08-01T00:00:00Z and 2026-10-31T23:00:00Z, by `DuckDB`.
    assert_eq!(starts.first_and_last, Some((1_785_542_400_000_000, 1_793_487_600_000_000)));
    assert!(starts.hours);
    let weeks = bill.over_time(None, &[], Basis::EffectiveCost, Granularity::Week, 1).unwrap();
    // 2026-08-01 is a Saturday: its week began on Monday 27 July; `date -u -d 2026-07-27 +%s`.
    assert_eq!((weeks.buckets[0], weeks.buckets[1]), (1_785_110_400, 1_785_715_200));
    assert_eq!(weeks.series[0].1[1], money("1569.5201736755"));
    let august = Period::parse("2026-08-01").unwrap().filter();
    let hours = bill.over_time(None, &[august], Basis::EffectiveCost, Granularity::Hour, 1).unwrap();
    assert_eq!(hours.buckets.len(), 24);
    assert_eq!(hours.series[0].1[14], money("1.06684"));

    let bench = Bench::new();
    let days = bench
        .open(&["BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n1,USD,Usage,2026-05-01\n"]);
    assert!(!days.starts().unwrap().hours);
}

#[test]
fn two_months_of_the_sample_differ_by_service_price_and_quantity() {
    let (_bench, bill) = sample();
    let (before, after) = (Period::parse("2026-09").unwrap(), Period::parse("2026-10").unwrap());
    let found = bill.compare(&["ServiceName"], &[], Basis::EffectiveCost, &before, &after).unwrap();
    assert_eq!(found.change, money("1707.1263778191"));
    let effects = found.effects.unwrap();
    assert_eq!(
        effects,
        Effects {
            quantity: money("592.72867785"),
            price: money("10.66975"),
            new: money("746.559828"),
            ended: money("-274.176"),
            not_split: money("631.3441219691"),
        }
    );
    let first = &found.drivers[0];
    assert_eq!(first.key, [Some("Amazon Elastic Compute Cloud".to_owned())]);
    assert_eq!((first.before, first.after), (Some(money("4154.928336")), Some(money("5425.36684704"))));
    assert_eq!(first.effects.unwrap().quantity, money("338.89971"));
    assert_eq!(first.effects.unwrap().not_split, money("448.48522304"));
    assert_eq!(found.drivers.len(), 10);
    assert_eq!(found.drivers.iter().map(|driver| driver.change).sum::<Money>(), found.change);
}

#[test]
fn a_change_is_split_by_sku_and_unit() {
    let bench = Bench::new();
    let bill = bench.open(&["\
BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,SkuId,PricingUnit,PricingQuantity,RegionId
20,USD,Usage,2026-05-01,a,Hours,10,eu
15,USD,Usage,2026-06-01,a,Hours,5,eu
30,USD,Usage,2026-06-02,a,Hours,10,eu
7,USD,Usage,2026-05-03,b,Hours,1,eu
4,USD,Usage,2026-06-30T23:59:59Z,c,Hours,1,us
1,USD,Tax,2026-05-31,,,,eu
3,USD,Tax,2026-06-01,,,,eu
5,USD,Usage,2026-05-01,d,Hours,1,us
6,USD,Usage,2026-06-01,d,Days,1,us
9,USD,Usage,2026-05-01,e,Hours,3,us
11,USD,Usage,2026-06-01,e,Hours,,us
100,USD,Usage,2026-04-30,a,Hours,1,eu
100,USD,Usage,2026-07-01,a,Hours,1,eu
"]);
    let (before, after) = (Period::parse("2026-05").unwrap(), Period::parse("2026-06").unwrap());
    let found = bill.compare(&["RegionId"], &[], Basis::BilledCost, &before, &after).unwrap();
    assert_eq!((found.before.rows, found.before.cost), (5, money("42")));
    assert_eq!((found.after.rows, found.after.cost), (6, money("69")));
    let parts = |effects: Effects| {
        [effects.quantity, effects.price, effects.new, effects.ended, effects.not_split]
            .map(|amount| amount.to_string())
    };
    // a: 20 at 10 hours, 45 at 15: ten more for five hours more, fifteen for the price; b ended, c is new, d changed its
    // unit, the tax has no SKU and e no quantity.
    assert_eq!(parts(found.effects.unwrap()), ["10", "15", "10", "-12", "4"]);
    let keys: Vec<_> = found.drivers.iter().map(|driver| driver.key[0].as_deref().unwrap()).collect();
    assert_eq!(keys, ["eu", "us"]);
    assert_eq!(parts(found.drivers[0].effects.unwrap()), ["10", "15", "0", "-7", "2"]);
    assert_eq!(found.drivers[0].change, money("20"));
    assert_eq!(found.drivers[1].rows, [2, 3]);
    // Without a SKU there is nothing to split.
    let bench = Bench::new();
    let bill = bench.open(&["\
BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart
20,USD,Usage,2026-05-01
"]);
    let found = bill.compare::<&str>(&[], &[], Basis::BilledCost, &before, &after).unwrap();
    assert_eq!((found.effects, found.change), (None, money("-20")));
    assert_eq!((found.drivers[0].before, found.drivers[0].after), (Some(money("20")), None));
}

#[test]
fn an_empty_cell_and_a_missing_column_are_told_apart() {
    let bench = Bench::new();
    let bill = bench.open(&[
        "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,RegionId\n1,USD,Usage,2026-05-01,eu\n2,USD,Usage,2026-05-01,\n",
        "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n4,USD,Usage,2026-05-01\n",
    ]);
    let groups = bill.group_by(&["RegionId"], &[], Basis::BilledCost).unwrap();
    let found: Vec<_> =
        groups.iter().map(|group| (group.key[0].as_deref(), group.costs.billed_cost.unwrap())).collect();
    assert_eq!(found, [(Some(NO_COLUMN), money("4")), (None, money("2")), (Some("eu"), money("1"))]);
    // “No value” alone means both; each can be had alone.
    assert_eq!(rows(&bill, &["RegionId="]), 2);
    assert_eq!(rows(&bill, &["RegionId=", "-RegionId=(no such column)"]), 1);
    assert_eq!(rows(&bill, &["RegionId=(no such column)"]), 1);
    assert_eq!(rows(&bill, &["-RegionId=eu"]), 2);
    let series = bill.over_time(Some("RegionId"), &[], Basis::BilledCost, Granularity::Day, 9).unwrap();
    let names: Vec<&str> = series.series.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [NO_COLUMN, "(no value)", "eu"]);
}

/// Every page of a filtered and of a sorted bill, against the same done by hand.
#[test]
fn pages_of_rows_are_those_that_a_slow_reader_finds() {
    let header = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ResourceId,RegionId";
    // A linear congruential generator: the same rows each time.
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut texts = [format!("{header}\n"), format!("{header}\n")];
    let mut all = Vec::new();
    for row in 0..3_000 {
        let cost = i64::try_from(next() % 50).unwrap() - 10;
        let region = ["eu", "us", ""][(next() % 3) as usize];
        let cost = if next() % 20 == 0 { String::new() } else { cost.to_string() };
        all.push((cost.clone(), format!("r{row:04}"), region));
        writeln!(texts[usize::from(row >= 1_400)], "{cost},USD,Usage,2026-05-01,r{row:04},{region}").unwrap();
    }
    let bench = Bench::new();
    let bill = bench.open(&[&texts[0], &texts[1]]);
    // Parts stand in the order of their hashes.
    let whole = bill.rows(&[], 0, 3_000).unwrap();
    let at = whole.columns.iter().position(|column| column == "ResourceId").unwrap();
    let names = |view: &bill::RowsView| -> Vec<String> {
        view.rows.iter().map(|row| row[at].clone().unwrap()).collect()
    };
    let order = names(&whole);
    assert_eq!((whole.total_rows, order.len()), (3_000, 3_000));
    let of = |name: &String| all.iter().find(|(_, other, _)| other == name).unwrap();
    for filter in ["RegionId=eu", "-RegionId=eu", "BilledCost=5..20", "ResourceId~7", "RegionId=nowhere"] {
        let filters = [Filter::parse(filter).unwrap()];
        let keeps = |(cost, name, region): &(String, String, &str)| match filter {
            "RegionId=eu" => *region == "eu",
            "-RegionId=eu" => *region != "eu",
            "BilledCost=5..20" => cost.parse::<i64>().is_ok_and(|cost| (5..=20).contains(&cost)),
            "ResourceId~7" => name.contains('7'),
            _ => false,
        };
        let wanted: Vec<String> = order.iter().filter(|name| keeps(of(name))).cloned().collect();
        let mut found = Vec::new();
        for offset in (0..3_100).step_by(170) {
            let page = bill.rows(&filters, offset, 170).unwrap();
            assert_eq!(page.total_rows, wanted.len() as u64, "{filter}");
            found.extend(names(&page));
        }
        assert_eq!(found, wanted, "{filter}");

        for descending in [true, false] {
            let mut sorted: Vec<(Option<i64>, usize)> =
                wanted.iter().enumerate().map(|(place, name)| (of(name).0.parse().ok(), place)).collect();
            sorted.sort_by_key(|(cost, place)| {
                (cost.is_none(), cost.map(|cost| if descending { -cost } else { cost }), *place)
            });
            let wanted: Vec<String> = sorted.iter().map(|(_, place)| wanted[*place].clone()).collect();
            let mut found = Vec::new();
            for offset in (0..3_100).step_by(700) {
                found.extend(names(&bill.rows_by(&filters, "billedcost", descending, offset, 700).unwrap()));
            }
            assert_eq!(found, wanted, "{filter}, descending {descending}");
        }
    }
    let error = bill.rows_by(&[], "RegionId", true, 0, 1).unwrap_err().to_string();
    assert!(error.contains("sorted by amounts and dates"), "{error}");
}

/// Sums as in the tests above.
#[test]
fn the_command_line_filters_compares_and_cuts_time() {
    use super::cli::{failure, json, text};

    let file = [Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/bill-focus-1.2.csv.gz")];
    let document =
        json(&["bill", "--json", "--per", "week", "--from", "2026-08-03", "--to", "2026-08-09"], &file);
    assert_eq!(document["over_time"]["starts"], serde_json::json!(["2026-08-03T00:00:00Z"]));
    assert_eq!(document["over_time"]["series"][0]["amounts"][0], "1569.5201736755");
    assert_eq!(document["total"]["EffectiveCost"], "1569.5201736755");
    let filter = "ServiceName~elastic compute,-Tags.app=digits|";
    assert_eq!(json(&["bill", "--json", "--filter", filter], &file)["rows"], 7_407);
    assert_eq!(json(&["bill", "--json", "--where", "-ChargeCategory=Usage"], &file)["rows"], 65);

    let compare = ["--by", "ServiceName", "--from", "2026-10", "--to", "2026-10", "--compare", "2026-09"];
    let document = json(&[&["bill", "--json"], &compare[..]].concat(), &file);
    let found = &document["comparison"];
    assert_eq!(found["change"], "1707.1263778191");
    assert_eq!(found["effects"]["quantity"], "592.72867785");
    assert_eq!(found["drivers"][0]["key"][0], "Amazon Elastic Compute Cloud");
    assert_eq!(found["periods"]["before"]["to"], "2026-09-30");
    let csv = text(&[&["bill", "--csv"], &compare[..]].concat(), &file);
    let second = csv.lines().nth(1).unwrap();
    assert_eq!(
        second,
        "Amazon Elastic Compute Cloud,4154.928336,5425.36684704,1270.43851104,338.89971,10.66975,746.559828,-274.176,448.48522304,USD"
    );
    let csv = text(&["bill", "--csv", "--by", "ServiceName"], &file);
    assert!(csv.contains("\nAmazon Bedrock,690,4023.2687934915,"), "{csv}");

    let said = failure(&["bill", "--compare", "2026-09"], &file);
    assert!(said.contains("--from"), "{said}");
    let said = failure(&["bill", "--from", "May"], &file);
    assert!(said.contains("`May` is not a month"), "{said}");
}

/// 5 + 7 of three rows; of the two in eu one has a list cost.
#[test]
fn a_sum_that_is_not_of_all_rows_says_of_how_many() {
    use super::cli::{json, text};

    let table = "\
BilledCost,ListCost,BillingCurrency,ChargeCategory,ChargePeriodStart,RegionId
1,5,USD,Usage,2026-05-01,eu
2,,USD,Usage,2026-05-01,eu
4,7,USD,Usage,2026-05-01,us
";
    let bench = Bench::new();
    let bill = bench.open(&[table]);
    let totals = bill.totals(&[]).unwrap();
    assert_eq!((totals.costs.list_cost, totals.missing(Basis::ListCost)), (Some(money("12")), 1));
    let groups = bill.group_by(&["RegionId"], &[], Basis::BilledCost).unwrap();
    let missing: Vec<_> = groups
        .iter()
        .map(|group| {
            let [billed, list] = [Basis::BilledCost, Basis::ListCost].map(|basis| group.missing(basis));
            (group.key[0].as_deref().unwrap(), billed, list)
        })
        .collect();
    assert_eq!(missing, [("us", 0, 0), ("eu", 0, 1)]);

    let file = [bench.folder.path().join("0.csv")];
    let said = text(&["bill", "--by", "RegionId"], &file);
    assert!(said.contains("$12.00 (2 of 3 rows)"), "{said}");
    assert!(said.contains("$5.00 (1 of 2 rows)"), "{said}");
    assert!(!said.contains("$7.00 (1 of 1"), "{said}");
    let document = json(&["bill", "--json", "--by", "RegionId", "--cost", "billed"], &file);
    assert_eq!(document["missing_cells"]["ListCost"], 1);
    assert_eq!(document["groups"][1]["missing_cells"]["ListCost"], 1);
    assert_eq!(document["groups"][0]["missing_cells"]["ListCost"], serde_json::Value::Null);
    let said = text(&["bill", "--reconcile"], &file);
    let list = said.lines().find(|line| line.starts_with("ListCost")).unwrap();
    assert!(list.contains("2 of 3"), "{said}");
}

/// A day's cost and a month's fee begin at midnight: no hour costs them.
#[test]
fn hours_hold_what_is_for_an_hour_and_nothing_longer() {
    let header = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd\n";
    let bench = Bench::new();
    let bill = bench.open(&[&format!(
        "{header}\
0.25,USD,Usage,2026-05-01T10:00:00Z,2026-05-01T11:00:00Z
0.5,USD,Usage,2026-05-01T11:00:00Z,2026-05-01T12:00:00Z
24,USD,Usage,2026-05-01T00:00:00Z,2026-05-02T00:00:00Z
30,USD,Purchase,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z
"
    )]);
    assert!(bill.starts().unwrap().hours);
    let hours = bill.over_time(None, &[], Basis::BilledCost, Granularity::Hour, 1).unwrap();
    // `date -u -d 2026-05-01T10:00 +%s`.
    assert_eq!(hours.buckets, [1_777_629_600, 1_777_633_200]);
    assert_eq!(hours.series[0].1, [money("0.25"), money("0.5")]);
    assert_eq!((hours.long_rows, hours.long), (2, money("54")));
    let days = bill.over_time(None, &[], Basis::BilledCost, Granularity::Day, 1).unwrap();
    assert_eq!((days.series[0].1[0], days.long_rows), (money("54.75"), 0));
    let said = super::cli::text(
        &["bill", "--per", "hour", "--cost", "billed"],
        &[bench.folder.path().join("0.csv")],
    );
    assert!(said.contains("2 rows ($54.00) are for longer than an hour"), "{said}");

    // Days that begin in the morning are no hours either.
    let bench = Bench::new();
    let days = bench.open(&[&format!("{header}1,USD,Usage,2026-05-01T06:00:00Z,2026-05-02T06:00:00Z\n")]);
    assert!(!days.starts().unwrap().hours);
}

/// 8.63 + 1.26 × 0.75.
#[test]
fn rows_without_a_currency_are_left_out_of_a_sum_and_that_is_said() {
    use inferometer::bill::{Rate, Rates};

    let bench = Bench::new();
    let bill = bench.open(&["\
BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart
8.63,USD,Usage,2026-05-01
1.26,CAD,Usage,2026-05-01
0.5,,Usage,2026-05-01
"]);
    let said = bill.totals(&[]).unwrap_err().to_string();
    assert!(said.ends_with("such as BillingCurrency=CAD"), "{said}");
    let mut rates = Rates { display: Some("USD".to_owned()), ..Rates::default() };
    rates.put(Rate::new("CAD", "USD", "0.75", "", "").unwrap());
    let shown = bill.shown_in(rates);
    let totals = shown.totals(&[]).unwrap();
    assert_eq!((totals.rows, totals.costs.billed_cost), (2, Some(money("9.575"))));
    let words = totals.converted.unwrap().to_string();
    assert_eq!(words, "converted at 1 CAD = 0.75 USD, without 1 row that names no currency");
    let series = shown.over_time(None, &[], Basis::BilledCost, Granularity::Day, 1).unwrap();
    assert_eq!(series.series[0].1[0], money("9.575"));
    // Where there is nothing else, there is nothing to show.
    let alone = shown.totals(&[Filter::parse("BillingCurrency=").unwrap()]).unwrap_err().to_string();
    assert!(alone.contains("rows that name no currency cannot be shown in USD"), "{alone}");
}
