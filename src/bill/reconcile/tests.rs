//! Ledgers of small files, and what reconciling them says. Sums are worked out by hand.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::bill::formats;
use crate::bill::warnings::{Place, Warnings};
use crate::bill::{Basis, claims};

/// Reads separated text as a bill, as the importer does it, without a store.
fn bill(name: &str, text: &str) -> Imported {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    let mut preamble = Vec::new();
    let header = loop {
        let row: Vec<String> = records.next().unwrap();
        if formats::recognise(&row).is_some() {
            break row;
        }
        preamble.push((row[0].clone(), row.get(1).cloned().unwrap_or_default()));
    };
    let plan = formats::plan(&header, &preamble, Path::new(name)).unwrap();
    let mut mapper = plan.mapper;
    let mut keeper = Keeper::default();
    keeper.begin(name, false, plan.kind, (&header, &preamble), &plan.targets);
    let mut warnings = Warnings::new(name);
    let (mut dropped, mut rows) = (0, 0);
    for (number, row) in records.enumerate() {
        let place = Place { line: Some(number as u64 + 2 + preamble.len() as u64), row: number as u64 + 1 };
        if row.len() != header.len() {
            dropped += 1;
            warnings.add(Trouble::Ragged, place.line, None, || "short".to_owned());
            continue;
        }
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        keeper.read(&cells, place);
        mapper
            .map(&cells, place, &mut warnings, &mut |cells, place, _| {
                rows += 1;
                keeper.store(cells, None, place);
                Ok(())
            })
            .unwrap();
        keeper.done();
    }
    mapper.finish(&mut warnings);
    let ledger = keeper.finish(dropped, &warnings);
    Imported {
        hash: name.to_owned(),
        path: name.into(),
        file: name.to_owned(),
        kind: plan.kind.to_string(),
        rows,
        dropped,
        ledger: Some(Box::new(ledger)),
        ..Imported::default()
    }
}

/// All bills count.
fn all(bills: &[Imported], invoices: &[InvoiceTotal]) -> Vec<Reconciliation> {
    reconcile(bills, invoices, &claims::decide(bills, &BTreeMap::new()))
}

fn only(bill: &Imported, invoices: &[InvoiceTotal]) -> Reconciliation {
    all(std::slice::from_ref(bill), invoices).remove(0)
}

fn exact(text: &str) -> Exact {
    Exact::read(text).unwrap().value
}

fn sum_of(found: &Reconciliation, basis: Basis) -> &Sum {
    found.sums.iter().find(|sum| sum.basis == basis).unwrap()
}

fn invoice(period: Option<&str>, id: Option<&str>, currency: &str, total: &str) -> InvoiceTotal {
    InvoiceTotal {
        target: Target {
            account: None,
            period: period.map(str::to_owned),
            invoice: id.map(str::to_owned),
            currency: currency.to_owned(),
        },
        total: total.parse().unwrap(),
        tolerance: Money::ZERO,
    }
}

const CUR: &str = "identity/LineItemId,identity/TimeInterval,bill/InvoiceId,bill/PayerAccountId,\
bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/LineItemType,lineItem/UsageStartDate,\
lineItem/UsageEndDate,lineItem/Operation,lineItem/UnblendedCost,lineItem/CurrencyCode,\
savingsPlan/SavingsPlanEffectiveCost,savingsPlan/TotalCommitmentToDate,savingsPlan/UsedCommitment,\
savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod,pricing/publicOnDemandCost
a1,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Usage,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,RunInstances,10.001,USD,,,,,13
a2,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Usage,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,EKSPod-EC2,3,USD,,,,,3
a3,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,SavingsPlanCoveredUsage,2026-10-02T00:00:00Z,2026-10-02T01:00:00Z,RunInstances,4,USD,2.5,,,,4
a4,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,SavingsPlanNegation,2026-10-02T00:00:00Z,2026-10-02T01:00:00Z,RunInstances,-4,USD,,,,,
a5,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,SavingsPlanRecurringFee,2026-10-02T00:00:00Z,2026-10-02T01:00:00Z,,3,USD,,3,2.5,0,0
a6,t1,42,123,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Tax,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,,1.3,USD,,,,,0
short,row
";

#[test]
fn a_reports_own_sum_is_explained_to_the_last_digit() {
    let found = only(&bill("cur.csv", CUR), &[]);
    // Six rows and a short one; the fee becomes two rows, the split row none.
    assert_eq!(found.rows, (7, 5, 6));
    let reasons: Vec<_> = found.left_out.iter().map(|out| (out.reason, out.rows)).collect();
    assert_eq!(reasons, [(Reason::Misshapen, 1), (Reason::SplitCost, 1)]);
    assert_eq!(found.left_out[1].examples[0].words(), "line 3");
    assert_eq!(found.left_out[0].examples[0].words(), "line 8");
    // 10.001 + 3 + 4 − 4 + 3 + 1.3, and the same without the split row.
    let billed = sum_of(&found, Basis::BilledCost);
    assert_eq!((billed.own, billed.stored), (Some(exact("17.301")), Some(exact("14.301"))));
    assert_eq!(billed.column.as_deref(), Some("lineItem/UnblendedCost"));
    assert_eq!((billed.steps.len(), billed.is_explained()), (1, true));
    assert_eq!(billed.steps[0].amount, exact("-3"));
    // 10.001 + 2.5 + 0 + (3 − 2.5) + 1.3.
    let effective = sum_of(&found, Basis::EffectiveCost);
    assert_eq!(effective.stored, Some(exact("14.301")));
    assert!(effective.is_explained(), "{:?}", effective.steps);
    let steps = effective.steps.iter().fold(Exact(0), |sum, step| sum.checked_add(step.amount).unwrap());
    assert_eq!(Some(steps), effective.difference);
    // Split, covered use, negation and fee.
    assert_eq!(effective.steps.len(), 4);
    let [true_up] = found.true_up.as_slice() else { panic!("{:?}", found.true_up) };
    assert!(true_up.agrees, "{true_up:?}");
    assert_eq!(found.verdict, Verdict::NotChecked);
    assert!(found.traps.iter().any(|trap| trap.words.contains("1 row of split cost allocation (3.00 USD)")));
    assert_eq!(found.coverage[0].present, 2);
}

#[test]
fn an_invoice_that_agrees_reconciles_and_one_that_does_not_is_told_with_a_hint() {
    let bill = bill("cur.csv", CUR);
    // 14.301 rounds to 14.30.
    let found = only(&bill, &[invoice(None, None, "USD", "14.30")]);
    assert_eq!(found.verdict, Verdict::Reconciled);
    assert_eq!(found.headline, "Reconciled: 14.30 USD billed, as the invoice says");
    let found = only(&bill, &[invoice(Some("2026-10"), Some("42"), "USD", "13.00")]);
    assert_eq!(found.verdict, Verdict::Off);
    assert_eq!(found.headline, "Off by 1.30 USD (10.00 %): the bill has more than the invoice");
    assert_eq!(
        found.checks[0].hints,
        ["the difference is as much as the rows of Tax: the invoice may be without them"]
    );
    // As much as the split row.
    let found = only(&bill, &[invoice(Some("2026-10"), None, "USD", "17.30")]);
    assert_eq!(found.checks[0].difference, Some("-3".parse().unwrap()));
    assert_eq!(found.checks[0].hints, ["the difference is as much as rows that were left out"]);
    // A tolerance, and an invoice of something else.
    let near = InvoiceTotal { tolerance: "0.05".parse().unwrap(), ..invoice(None, None, "USD", "14.26") };
    let found = only(&bill, &[near]);
    assert_eq!(found.verdict, Verdict::Reconciled);
    assert_eq!(
        found.headline,
        "Reconciled: 14.30 USD billed, the invoice says 14.26 USD, within the tolerance of 0.05 USD"
    );
    assert_eq!(only(&bill, &[invoice(Some("2026-09"), None, "USD", "9")]).verdict, Verdict::NotChecked);
    assert_eq!(only(&bill, &[invoice(None, None, "EUR", "9")]).verdict, Verdict::NotChecked);
}

#[test]
fn an_invoice_that_no_bill_has_rows_of_is_told() {
    let bills = [bill("cur.csv", CUR)];
    let invoices =
        [invoice(Some("2026-10"), None, "USD", "14.30"), invoice(Some("2026-09"), None, "USD", "9")];
    assert_eq!(without_rows(&bills, &invoices), [&invoices[1]]);
}

/// Of one account: a thousand invoices in two currencies. Each is listed once, its month before it.
#[test]
fn charges_are_listed_by_month_and_invoice() {
    let header = FOCUS.lines().next().unwrap();
    let row = |number: usize| {
        let currency = if number.is_multiple_of(2) { "USD" } else { "EUR" };
        format!("1,1,1,1,{currency},2026-10-01,7,X,X,Usage,2026-10-01,2026-10-02,I{:03},a", number % 1_000)
    };
    let rows: Vec<String> = (0..3_000).map(row).collect();
    let bill = bill("focus.csv", &format!("{header}\n{}", rows.join("\n")));
    let ledger = bill.ledger.as_deref().unwrap();
    let found = charges(&[ledger, ledger]);
    assert_eq!(found.len(), 1_002);
    let words = |place: usize| {
        let Charged { target, rows, billed, bills, whole, .. } = &found[place];
        (target.words(), target.currency.clone(), *rows, billed.unwrap().to_string(), *bills, *whole)
    };
    assert_eq!(words(0), ("X 7, 2026-10".to_owned(), "EUR".to_owned(), 3_000, "3000".to_owned(), 2, true));
    assert_eq!(
        words(1),
        ("X 7, 2026-10, invoice I001".to_owned(), "EUR".to_owned(), 6, "6".to_owned(), 2, false)
    );
}

#[test]
fn one_of_two_invoices_is_partly_reconciled() {
    let two = CUR.replace("a6,t1,42,", "a6,t1,43,");
    let bill = bill("cur.csv", &two);
    let targets: Vec<String> =
        only(&bill, &[]).charges.iter().map(|charged| charged.target.words()).collect();
    assert_eq!(targets, ["AWS 123, 2026-10", "AWS 123, 2026-10, invoice 42", "AWS 123, 2026-10, invoice 43"]);
    let tax = invoice(Some("2026-10"), Some("43"), "USD", "1.30");
    assert_eq!(only(&bill, std::slice::from_ref(&tax)).verdict, Verdict::Partly);
    let wrong = invoice(Some("2026-10"), Some("42"), "USD", "14.00");
    assert_eq!(
        only(&bill, &[tax.clone(), wrong]).headline,
        "Off by 1.00 USD (7.14 %): the bill has less than the invoice (2026-10, invoice 42)"
    );
    let rest = invoice(Some("2026-10"), Some("42"), "USD", "13.00");
    let found = only(&bill, &[tax, rest]);
    assert_eq!(
        (found.verdict, found.headline.as_str()),
        (Verdict::Reconciled, "Reconciled: all 2 invoice totals agree")
    );
}

const FOCUS: &str = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingPeriodStart,\
BillingAccountId,ProviderName,InvoiceIssuerName,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,InvoiceId,ServiceName
1.5,1.25,2,2,USD,2026-10-01,7,X,X,Usage,2026-10-01,2026-10-02,I1,a
\"1,000.25\",0.5,1,1,USD,2026-10-01,7,X,X,Usage,2026-10-02,2026-10-03,I1,b
(2.00),-2,-2,-2,USD,2026-10-01,7,X,X,Credit,2026-10-05,2026-10-06,I1,c
abc,1,1,1,USD,2026-10-01,7,X,X,Usage,2026-10-05,2026-10-06,I1,d
3,3,3,3,EUR,2026-10-01,7,X,X,Usage,2026-10-05,2026-10-06,,e
";

#[test]
fn cells_that_are_not_plain_numbers_are_missed_and_told_with_what_they_are_worth() {
    let bill = bill("focus.csv", FOCUS);
    let found = only(&bill, &[]);
    let billed: Vec<&Sum> = found.sums.iter().filter(|sum| sum.basis == Basis::BilledCost).collect();
    assert_eq!(billed.len(), 2, "one a currency");
    assert_eq!((billed[0].currency.as_str(), billed[0].own), ("EUR", Some(exact("3"))));
    // 1.5 + 1000.25 − 2; the importer reads 1.5 only.
    assert_eq!((billed[1].own, billed[1].stored), (Some(exact("999.75")), Some(exact("1.5"))));
    assert_eq!(billed[1].unexplained(), exact("-998.25"));
    assert!(!billed[1].is_explained());
    assert_eq!(billed[1].without, 3);
    let own = &bill.ledger.as_ref().unwrap().own[0];
    assert_eq!((own.filled, own.odd, own.unreadable), (4, 2, 1));
    let texts: Vec<(String, &str)> =
        own.examples.iter().map(|(place, text)| (place.words(), text.as_str())).collect();
    assert_eq!(
        texts,
        [("line 3".to_owned(), "1,000.25"), ("line 4".to_owned(), "(2.00)"), ("line 5".to_owned(), "abc")]
    );
    assert!(
        found.points.iter().any(|point| point.contains("BilledCost differs from BilledCost by −998.25 USD")),
        "{:?}",
        found.points
    );
    assert!(sum_of(&found, Basis::EffectiveCost).is_explained());
    assert_eq!(found.coverage[0].missing, [("2026-10-03".to_owned(), "2026-10-04".to_owned())]);
    assert!(found.notes.iter().any(|note| note.contains("several currencies")));
    assert_eq!(found.uninvoiced, 1);
    // A total in euros says nothing of the dollars.
    let euro = only(&bill, &[invoice(None, None, "EUR", "3")]);
    assert_eq!(euro.verdict, Verdict::Partly);
}

#[test]
fn a_total_that_the_file_states_is_compared_and_never_counted() {
    let table = "Invoice number,55\nTotal amount due,$92.58\n\
Billing account ID,Service description,SKU description,Usage start date,Usage end date,Credit type,Cost type,Usage amount,Unrounded Cost ($),Cost ($)\n\
A,Compute,GPU,2026-10-01,2026-10-31,,Usage,\"1,000\",94.081234,94.08\n\
A,Compute,GPU,2026-10-01,2026-10-31,Discount,Usage,,-1.5,-1.50\n\
,,,,,,Total,,92.581234,92.58\n";
    let found = only(&bill("table.csv", table), &[]);
    assert_eq!(found.rows, (3, 2, 2));
    assert_eq!(found.left_out[0].reason, Reason::TotalLine);
    let billed = sum_of(&found, Basis::BilledCost);
    assert_eq!((billed.own, billed.difference), (Some(exact("92.581234")), Some(Exact(0))));
    let stated: Vec<_> = found.stated.iter().map(|check| (check.name.as_str(), check.agrees)).collect();
    assert_eq!(stated, [("Total amount due", true), ("Total", true)]);
    let wrong = only(&bill("table.csv", &table.replace("$92.58", "$99.00")), &[]);
    assert!(
        wrong.points.iter().any(|point| point.contains("states Total amount due as 99")),
        "{:?}",
        wrong.points
    );
    assert_eq!(
        (wrong.verdict, wrong.headline.as_str()),
        (
            Verdict::Off,
            "The file does not add up: it states Total amount due as 99, its rows add up to 92.581234"
        )
    );
    // Nor does an invoice that agrees with the rows make the file right.
    let agreed = invoice(None, None, "USD", "92.58");
    let wrong = only(&bill("table.csv", &table.replace("$92.58", "$99.00")), &[agreed]);
    assert_eq!((wrong.checks[0].agrees, wrong.verdict), (true, Verdict::Off));
}

#[test]
fn cost_explorers_rows_that_wait_for_the_next_are_counted_once() {
    let text = "Service,EC2($),S3($),Total costs($)\n\
Service total,30,3,33\n2026-10-01,10,1,11\n2026-10-02,20,2,22\n2026-10-03,0,0,0\nfoot,,,\n";
    let bill = bill("costs.csv", text);
    let found = only(&bill, &[]);
    let reasons: Vec<_> = found.left_out.iter().map(|out| (out.reason, out.rows)).collect();
    assert_eq!(reasons, [(Reason::TotalLine, 1), (Reason::NoUse, 1), (Reason::Undated, 1)]);
    assert_eq!(found.rows, (5, 2, 4));
    let billed = sum_of(&found, Basis::BilledCost);
    assert_eq!(
        (billed.own, billed.stored, billed.difference),
        (Some(exact("33")), Some(exact("33")), Some(Exact(0)))
    );
    assert!(found.stated.iter().all(|check| check.agrees), "{:?}", found.stated);
}

#[test]
fn rows_that_stand_twice_in_a_file_are_found_and_bills_that_count_together_are_checked_together() {
    let header = FOCUS.lines().next().unwrap();
    let row = |number: usize| {
        let day = number % 28 + 1;
        format!("{number}.5,1,1,1,USD,2026-10-01,7,X,X,Usage,2026-10-{day:02},2026-10-{day:02},I1,{number}")
    };
    let file = |rows: std::ops::Range<usize>| {
        rows.fold(header.to_owned(), |text, number| format!("{text}\n{}", row(number)))
    };
    // Joined from two copies.
    let twice = format!("{}\n{}", file(0..20), (0..20).map(row).collect::<Vec<_>>().join("\n"));
    let found = only(&bill("twice.csv", &twice), &[]);
    assert!(found.points[0].contains("every row stands 2 times"), "{:?}", found.points);
    // An invoice is of all bills that have its rows: what counts twice is off.
    let pair = [bill("a.csv", &file(0..10)), bill("b.csv", &file(0..10))];
    let found = all(&pair, &[invoice(None, None, "USD", "50")]);
    assert_eq!(found[0].verdict, Verdict::Off);
    assert_eq!(found[0].checks[0].hints, ["the bill is twice the invoice: it may be counted twice"]);
    // What both have together is said as that, and not as if each had it.
    assert_eq!(
        found[0].headline,
        "All 2 bills together: Off by 50.00 USD (100.00 %): the bills have more than the invoice"
    );
    let pair = [bill("a.csv", &file(0..10)), bill("b.csv", &file(10..20))];
    // 0.5 + … + 9.5 = 50, 10.5 + … + 19.5 = 150.
    let found = all(&pair, &[invoice(None, None, "USD", "200")]);
    assert_eq!(found[1].headline, "All 2 bills together: Reconciled: 200.00 USD billed, as the invoice says");
}

#[test]
fn a_ledger_survives_being_written_down_and_is_empty_in_older_reports() {
    let bill = bill("cur.csv", CUR);
    let text = serde_json::to_string(&bill).unwrap();
    let again: Imported = serde_json::from_str(&text).unwrap();
    assert_eq!(again, bill);
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old.as_object_mut().unwrap().remove("ledger");
    let old: Imported = serde_json::from_value(old).unwrap();
    assert_eq!(only(&old, &[]).verdict, Verdict::NoLedger);
    assert!(only(&old, &[]).headline.contains("import the file again"));
    // Nobody can import a table of a warehouse again.
    let table = Imported { hash: format!("{}1", crate::bill::warehouse::HASH_START), ..old };
    assert!(only(&table, &[]).headline.starts_with("In a warehouse"));
}

#[test]
fn a_sub_account_that_stops_while_others_go_on_is_told() {
    let header = "BilledCost,BillingCurrency,BillingPeriodStart,BillingAccountId,ProviderName,ChargeCategory,\
ChargePeriodStart,ChargePeriodEnd,SubAccountId,ServiceName";
    let row = |account: &str, day: u32| {
        format!("1,USD,2026-10-01,7,X,Usage,2026-10-{day:02},2026-10-{:02},{account},s", day + 1)
    };
    let mut rows = vec![header.to_owned()];
    rows.extend((1..30).map(|day| row("whole", day)));
    rows.extend((1..15).map(|day| row("stopped", day)));
    // Seldom used, and hardly begun: neither is a habit.
    rows.extend([3, 9, 12].map(|day| row("seldom", day)));
    let found = only(&bill("focus.csv", &rows.join("\n")), &[]);
    assert_eq!(found.coverage[0].stopped, [("stopped".to_owned(), "2026-10-14".to_owned())]);
    assert!(
        found.notes.contains(
            &"X: sub account stopped has rows every day until 2026-10-14 and none after".to_owned()
        ),
        "{:?}",
        found.notes
    );
    assert!(
        found.notes.contains(&"X: rows end on 2026-10-29, 2 days before the month does".to_owned()),
        "{:?}",
        found.notes
    );
}
