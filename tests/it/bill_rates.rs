//! Bills of two currencies shown in one, at rates of the user's: the core, the project, and the command line.

use std::path::{Path, PathBuf};

use inferometer::bill::{self, Basis, Bill, Filter, Granularity, Imported, Rate, Rates, Store};
use inferometer::units::Money;

use crate::cli::{failure, json, text};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/bills").join(name)
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn rates(display: &str, list: &[(&str, &str)]) -> Rates {
    let mut rates = Rates { display: Some(display.to_owned()), ..Rates::default() };
    for (from, rate) in list {
        rates.put(Rate::new(from, display, rate, "2026-05-29", "ECB").unwrap());
    }
    rates
}

/// `focus-1.2.csv` bills 132.3523200414 USD (rounded to ten places), `euro.csv` 14.2500000001 EUR;
/// × 1.0837 = 15.44272500010837 by `bc`.
#[test]
fn sums_of_two_currencies_are_added_up_after_the_rate_and_never_without() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let import = |name: &str| -> Imported {
        bill::import(&fixture(name), &store, &mut |_done| (), &|| false).unwrap()
    };
    let (usd, eur) = (import("focus-1.2.csv"), import("euro.csv"));
    let bill = Bill::open(&[&usd.hash, &eur.hash], &store).unwrap();
    assert!(bill.totals(&[]).unwrap_err().to_string().contains("set rates"));
    let shown = bill.clone().shown_in(rates("USD", &[("EUR", "1.0837")]));
    let totals = shown.totals(&[]).unwrap();
    assert_eq!((totals.rows, totals.currency.as_deref()), (14, Some("USD")));
    assert_eq!(totals.costs.billed_cost, Some(money("147.7950450415")));
    let euros = shown.totals(&[Filter::parse("BillingCurrency=EUR").unwrap()]).unwrap();
    assert_eq!(euros.exact["BilledCost"], "15.44272500010837");
    let words = totals.converted.unwrap().to_string();
    assert_eq!(words, "converted at 1 EUR = 1.0837 USD (ECB, 2026-05-29)");

    // Groups, time and the share that is inference are of the same sums; a group by currency keeps the rows' own.
    let total: Money = totals.costs.billed_cost.unwrap();
    let by = |column: &str| shown.group_by(&[column], &[], Basis::BilledCost).unwrap();
    let near = |sum: Money| assert!((sum - total).scaled().abs() < 20, "{sum} is not {total}");
    near(by("ServiceName").iter().filter_map(|group| group.costs.billed_cost).sum());
    let currencies = by("BillingCurrency");
    assert_eq!(currencies[1].key, [Some("EUR".to_owned())]);
    assert_eq!(currencies[1].costs.billed_cost, Some(money("15.4427250001")));
    let series =
        shown.over_time(Some("BillingCurrency"), &[], Basis::BilledCost, Granularity::Month, 9).unwrap();
    assert_eq!(series.currency.as_deref(), Some("USD"));
    assert!(series.converted.is_some());
    let undated = series.undated;
    near(series.series.iter().flat_map(|(_, amounts)| amounts.iter().copied()).sum::<Money>() + undated);
    assert_eq!(shown.inference(&[]).unwrap().total.billed_cost, totals.costs.billed_cost);

    // Rows stay as they were billed.
    let rows = shown.rows(&[Filter::parse("BillingCurrency=EUR").unwrap()], 0, 10).unwrap();
    assert_eq!(rows.total_rows, 2);
    let error = bill.clone().shown_in(rates("GBP", &[("EUR", "0.84")])).totals(&[]).unwrap_err().to_string();
    assert!(error.contains("rows in USD cannot be shown in GBP"), "{error}");
    // What needs no rate is not called converted.
    let only = Bill::open(&[&usd.hash], &store).unwrap().shown_in(rates("USD", &[("EUR", "1.08")]));
    assert_eq!(only.totals(&[]).unwrap().converted, None);
}

#[test]
fn the_command_line_takes_rates_and_a_project_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    // Of another account: the same account's month would be taken for the same bill, delivered again.
    let euros = std::fs::read_to_string(fixture("euro.csv")).unwrap().replace("000000000042", "000000000077");
    let other = folder.path().join("euro-77.csv");
    std::fs::write(&other, euros).unwrap();
    let bills = [fixture("focus-1.2.csv"), other];
    // Without rates each currency is answered by itself, and it is said how to have them in one.
    let said = text(&["bill", "--by", "ServiceName"], &bills);
    assert!(said.contains("2 currencies (EUR, USD), which are not added up"), "{said}");
    assert!(said.contains("--in USD --rate EUR=RATE"), "{said}");
    assert!(said.contains("2 rows, EUR") && said.contains("12 rows, USD"), "{said}");
    assert!(said.contains("€14.25") && said.contains("$132.35"), "{said}");
    let document = json(&["bill", "--json"], &bills);
    assert_eq!(document["by_currency"]["EUR"]["total"]["BilledCost"], "14.2500000001");
    assert_eq!(document["by_currency"]["USD"]["rows"], 12);
    let csv = text(&["bill", "--csv", "--by", "BillingCurrency"], &bills);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 3, "one header and a line each: {csv}");
    assert!(lines[1].starts_with("EUR,2,14.2500000001,") && lines[2].starts_with("USD,12,"), "{csv}");
    let message = failure(&["bill", "--csv", "--per", "day"], &bills);
    assert!(message.contains("--rate EUR=RATE"), "{message}");
    let first = ["bill", "--json", "--in", "usd", "--rate", "EUR=1.0837", "--rate-source", "ECB"];
    let document = json(&first, &bills);
    assert_eq!(document["currency"], "USD");
    // To the last digit, by Python's `decimal`.
    assert_eq!(document["total"]["BilledCost"], "147.79504504145837");
    assert_eq!(document["converted_at"][0]["rate"], "1.0837");
    // A project keeps them.
    let named = project.to_str().unwrap();
    text(&["import", "--project", named], &bills);
    let none: [PathBuf; 0] = [];
    let set = ["bill", "--in", "USD", "--rate", "EUR=1.0837", "--rate-source", "ECB", "--project", named];
    text(&set, &none);
    let shown = text(&["bill", "--project", named], &none);
    assert!(shown.contains("14 rows, USD, converted at 1 EUR = 1.0837 USD (ECB)"), "{shown}");
    let message = failure(&["bill", "--in", "CHF", "--project", named], &none);
    assert!(message.contains("cannot be shown in CHF"), "{message}");
    let own = text(&["bill", "--in", "own", "--project", named], &none);
    assert!(own.contains("which are not added up"), "{own}");
    let message = failure(&["bill", "--rate", "EUR=1.08"], &bills);
    assert!(message.contains("--in USD"), "{message}");
}
