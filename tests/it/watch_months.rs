//! Months under watch: taxes that are expected, credits that are not, what is billed in another month, days that are not
//! judged, and what the command line says of it and of budgets.

use inferometer::bill::watch::{Answer, Budget, Day, Gross, Question, Tuning, Watched, ask};
use inferometer::bill::{Basis, Bill, Filter, Granularity};
use inferometer::units::Money;
use serde_json::Value;

use crate::watch::{Row, day, file, money, open, run, standing, steady, watched};

/// [`steady`], a tax of 10 % on April, which is marked to happen once as taxes often are, and a credit in April.
fn taxed() -> Vec<Row> {
    let month = |category, cost| Row {
        days: 30,
        category,
        frequency: "One-Time",
        ..Row::usage(day("2026-04-01"), "Taxes", "", cost)
    };
    let mut rows = steady(45);
    // 30 × 15.15 + 100 − 50 = 504.50 before tax.
    rows.extend([month("Credit", "-50"), month("Tax", "50.45")]);
    rows
}

/// (31 × 15.15 + 100) × 1.1 = 626.615 at the end of May; no credit is expected.
#[test]
fn taxes_are_expected_as_the_share_they_were_and_credits_are_not() {
    let (_folder, bill) = open(&taxed());
    let watched = watched(&bill);
    assert!((watched.tax_share.unwrap() - 0.1).abs() < 1e-9, "{:?}", watched.tax_share);
    let month = watched.month.as_ref().unwrap();
    assert_eq!(format!("{:.3}", month.sum.unwrap().expected.to_f64()), "626.615");
    let parts = month.parts.unwrap();
    assert_eq!(format!("{:.2}", parts.running.to_f64()), "469.65");
    assert_eq!(format!("{:.3}", parts.beside.taxes.to_f64()), "56.965");
    assert_eq!((parts.beside.fees, parts.beside.credits), (money("100"), Money::ZERO));
    // 90 days from 16 May to 13 August with the fees of June, July and August, and the taxes on both.
    let ahead = watched.ahead.as_ref().unwrap();
    assert!(ahead.refused.contains("takes 90 complete days"), "{}", ahead.refused);
    // What is left out of the days is told gross: 50.45 of tax and 50 of credit are not 0.45 of something.
    let beside =
        Gross { taxes: money("50.45"), fees: money("200"), credits: money("-50"), ..Gross::default() };
    assert_eq!(watched.beside, beside);
    let april = &watched.months[0];
    assert_eq!((april.month, april.total), (day("2026-04-01"), money("554.95")));
    assert_eq!((april.parts.running, april.parts.total()), (money("454.5"), april.total));
    // A budget is of the same month.
    let standing = standing(&bill, crate::watch::budget("500"));
    assert_eq!(format!("{:.3}", standing.forecast.unwrap().expected.to_f64()), "626.615");
    assert_eq!(format!("{:.3}", standing.taxes_to_come.to_f64()), "56.965");
}

#[test]
fn taxes_that_have_come_are_not_expected_again_and_those_of_a_first_month_are_not_made_up() {
    let tax = |month: &str, cost: &str| Row {
        days: 30,
        category: "Tax",
        frequency: "One-Time",
        ..Row::usage(day(month), "Taxes", "", cost)
    };
    // More than 10 % has come already.
    let mut rows = taxed();
    rows.push(tax("2026-05-01", "70"));
    let (_folder, bill) = open(&rows);
    let found = standing(&bill, crate::watch::budget("500"));
    assert_eq!(found.taxes_to_come, Money::ZERO);
    assert_eq!(format!("{:.2}", found.forecast.unwrap().expected.to_f64()), "639.65");
    // Days begin within the only month before: what share it is nobody knows.
    let rows: Vec<Row> = (0..35)
        .map(|place| Row::usage(day("2026-04-10").plus(place), "Compute", "vm", "10"))
        .chain([tax("2026-04-10", "21")])
        .collect();
    let (_folder, bill) = open(&rows);
    let watched = watched(&bill);
    assert_eq!((watched.tax_share, watched.month.unwrap().parts.unwrap().beside.taxes), (None, Money::ZERO));
    assert_eq!(watched.beside.taxes, money("21"));
}

/// A tax of a single day is no unusual day.
#[test]
fn a_tax_on_the_last_day_of_a_month_is_no_part_of_the_days() {
    let mut rows = steady(45);
    rows.push(Row { category: "Tax", ..Row::usage(day("2026-04-30"), "Taxes", "", "55.45") });
    let (_folder, bill) = open(&rows);
    let watched = watched(&bill);
    assert!(watched.anomalies.is_empty(), "{:?}", watched.anomalies);
    assert_eq!(watched.days[29].cost, money("15.15"));
    assert!((watched.tax_share.unwrap() - 0.1).abs() < 1e-9);
}

/// April's refund of 7 stands on May's invoice: 554.5 − 7 starts in April, 554.5 is billed in it.
fn corrected() -> Vec<Row> {
    let mut rows = steady(45);
    rows.push(Row {
        frequency: "One-Time",
        billed: Some(day("2026-05-01")),
        ..Row::usage(day("2026-04-20"), "Compute", "vm", "-7")
    });
    rows
}

#[test]
fn what_is_billed_in_another_month_than_it_starts_in_is_told_wherever_months_are() {
    let (folder, bill) = open(&corrected());
    let found = watched(&bill);
    let april = found.months[0].billed.as_ref().unwrap();
    assert_eq!(
        (april.by_charge, april.by_billing, april.both),
        (money("547.5"), money("554.5"), money("554.5"))
    );
    assert_eq!((april.billed_elsewhere(), april.charged_elsewhere()), (money("-7"), Money::ZERO));
    assert_eq!((found.months[0].total, found.months[0].parts.beside.refunds), (money("547.5"), money("-7")));
    let months = |bill: &Bill, filters: &[Filter]| {
        let series = bill.over_time(None, filters, Basis::BilledCost, Granularity::Month, 5).unwrap();
        series.billed.into_iter().map(|month| (month.month, month.by_billing)).collect::<Vec<_>>()
    };
    // May: 327.25 − 7.
    let both = [("2026-04".to_owned(), money("554.5")), ("2026-05".to_owned(), money("320.25"))];
    assert_eq!(months(&bill, &[]), both);
    // A month that is asked for alone is compared with all that is billed in it; a part of one is with nothing.
    assert_eq!(months(&bill, &[Filter::within("ChargePeriodStart", "2026-05", "2026-05")]), both[1..]);
    assert_eq!(months(&bill, &[Filter::within("ChargePeriodStart", "2026-04-02", "2026-04-30")]), []);
    let path = folder.path().join("bill.csv");
    let output = crate::cli::command(&["bill", path.to_str().unwrap(), "--per", "month"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("charge month"), "{text}");
    assert!(
        text.contains("2026-05: $320.25 by billing month, of it −$7.00 for charges of other months"),
        "{text}"
    );
    assert!(
        text.contains("2026-04: $554.50 by billing month; charges of −$7.00 are billed in another month"),
        "{text}"
    );
    // Bills whose months are the same say nothing of it.
    let (_folder, bill) = open(&steady(45));
    assert_eq!(months(&bill, &[]), []);
}

#[test]
fn days_that_are_only_learned_from_do_not_look_judged() {
    let (_folder, bill) = open(&steady(45));
    let watched = watched(&bill);
    let judged = watched.judged.clone().unwrap();
    assert_eq!((judged.first, judged.last, judged.learned_from), (day("2026-04-22"), day("2026-05-15"), 21));
    assert_eq!(
        judged.words(),
        "2026-04-22 to 2026-05-15 are judged; the 21 days before are only learned from"
    );
    let chart = inferometer::app::watch_figures::daily(&watched, &[], "USD");
    let bars = |name: &str| chart.marks.iter().find(|mark| mark.name() == name).map(|mark| mark.data().len());
    assert_eq!((bars("Cost"), bars("Cost, day not judged")), (Some(24), Some(21)));
    assert!(chart.notes.iter().any(|note| note.contains("only learned from")), "{:?}", chart.notes);
    // Of a long bill the last 90 days are judged, and it is not said that the others were learned from.
    let days: Vec<Row> =
        (0..150).map(|place| Row::usage(day("2026-01-01").plus(place), "Compute", "vm", "10")).collect();
    let (_folder, bill) = open(&days);
    let judged = crate::watch::watched(&bill).judged.unwrap();
    assert_eq!((judged.days, judged.learned_from, judged.older), (90, 21, 39));
    assert_eq!(
        judged.words(),
        "2026-03-02 to 2026-05-30 are judged, the last 90 whole days; the days before are not"
    );
}

#[test]
fn the_command_line_says_what_a_budget_is_of_and_reads_amounts_as_people_type_them() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let bill = file(folder.path(), &taxed());
    assert_eq!(run(&project, &["import", bill.to_str().unwrap()]).0, 0);
    let set = |amount: &str| {
        run(
            &project,
            &["bill", "budget", "set", "Disk", "--amount", amount, "--where", "ServiceName=Storage"],
        )
    };
    let (code, text, said) = set("1,400");
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        text.trim(),
        "budget Disk: $1,400.00 a month; effective cost, ServiceName is Storage, in USD; told at 50, 80 and 100 % spent \
         and at 50, 80 and 100 % expected"
    );
    assert!(set("1400.5").1.starts_with("budget Disk (changed): $1,400.50 a month"));
    for (typed, words) in [
        ("1.400", "can be 1400 or 1.4"),
        ("5k", "type it like 1400"),
        ("14,00,0.5.", "type it like 1400"),
        ("much", "type it like 1400"),
    ] {
        let (code, _, said) = set(typed);
        assert!(code != 0 && said.contains(words), "{typed}: {said}");
    }
    let (_, text, _) = run(&project, &["bill", "budget", "list"]);
    assert!(text.contains("effective cost, ServiceName is Storage, in USD"), "{text}");
    let (_, text, _) = run(&project, &["bill", "check"]);
    assert!(
        text.contains("budget Disk: $75.75 of $1,400.50") && text.contains("ServiceName is Storage"),
        "{text}"
    );
    assert!(text.contains("2026-05, charges that start in it, EffectiveCost: $626.6"), "{text}");
    assert!(
        text.contains("taxes +$56.9")
            && text.contains("credits, refunds and single charges are not expected"),
        "{text}"
    );
    assert!(text.contains("2026-04: $554.95, of it by the day $454.50, taxes +$50.45"), "{text}");
    assert!(text.contains("2026-04-22 to 2026-05-15 are judged; the 21 days before"), "{text}");
    let (_, text, _) = run(&project, &["bill", "check", "--json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["bills"][0]["beside_the_days"]["credits"], "-50");
    assert_eq!(document["bills"][0]["judged"]["first"], "2026-04-22");
    let (_, text, _) = run(&project, &["bill", "budget", "remove", "Disk"]);
    assert_eq!(text.trim(), "removed the budget Disk");
}

#[test]
fn a_bill_that_is_given_twice_counts_once_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let bill = file(folder.path(), &steady(3));
    let copy = folder.path().join("copy.csv");
    std::fs::copy(&bill, &copy).unwrap();
    let paths = [bill.to_str().unwrap(), copy.to_str().unwrap()];
    let output = crate::cli::command(&["bill", paths[0], paths[0], paths[1]]).output().unwrap();
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // 3 × 15.15 + 100.
    assert!(text.contains("7 rows, USD") && text.contains("$145.45"), "{text}");
    assert!(said.contains("bill.csv is taken in already, byte for byte: it counts once"), "{said}");
    assert!(said.contains("copy.csv is taken in already as bill.csv, byte for byte"), "{said}");
}

/// The bill that the application brings, over its 92 days, of which two weeks have a burst that nobody could expect.
/// With intervals that took bursts for errors which never come again, the 95 % interval held 8 of 11 weeks.
#[test]
fn the_interval_of_the_sample_bill_holds_about_as_often_as_it_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/bill-focus-1.2.csv.gz");
    let folder = tempfile::tempdir().unwrap();
    let store = inferometer::bill::Store::at(folder.path());
    let imported = inferometer::bill::import(&path, &store, &mut |_done| (), &|| false).unwrap();
    let bill = Bill::open(&[imported.hash], &store).unwrap();
    let question = Question::Days {
        filters: Vec::new(),
        basis: Basis::EffectiveCost,
        by: "ServiceName".to_owned(),
        tuning: Tuning::default(),
        today: Day::read("2026-11-05").unwrap(),
    };
    let Answer::Days(found) = ask(&bill, &question).unwrap() else { panic!("another answer") };
    let Watched { tested, tax_share, months, month, .. } = *found;
    assert_eq!((tested.ahead, tested.tried), (7, 11));
    assert!(tested.held_95 >= 10 && tested.held_80 >= 8, "{tested:?}");
    // 8 % sales tax (sample-data/README.md); corrections of earlier months move the share a little.
    assert!((tax_share.unwrap() - 0.08).abs() < 0.0005, "{tax_share:?}");
    // By Python's `decimal` over the file: 8,336.09 billed for September, 8,205.91 of charges that start in it.
    let september = months.iter().find(|month| month.month == Day::read("2026-09-01").unwrap()).unwrap();
    let billed = september.billed.as_ref().unwrap();
    let cents = |amount: Money| format!("{:.2}", amount.to_f64());
    assert_eq!((cents(billed.by_charge), cents(billed.by_billing)), ("8205.91".into(), "8336.09".into()));
    assert!(month.unwrap().parts.unwrap().beside.taxes > "600".parse().unwrap());
    // Most of eleven series: of the whole and of the largest services.
    let all = inferometer::bill::watch::tested_parts(
        &bill,
        Basis::EffectiveCost,
        "ServiceName",
        7,
        Day::read("2026-11-05").unwrap(),
    )
    .unwrap();
    let share = |held: u32| f64::from(held) / f64::from(all.tried);
    assert!(all.tried >= 100 && share(all.held_80) >= 0.8 && share(all.held_95) >= 0.95, "{all:?}");
}

#[test]
fn a_budget_says_its_cost_and_its_rows() {
    let all = crate::watch::budget("5");
    assert_eq!(all.scope(), "billed cost, all rows in USD");
    let filters = vec![Filter::is("ServiceName", ["A", "B"]), Filter::is("RegionId", ["x"]).negated()];
    let part = Budget { filters, tiers: all.tiers[..1].to_vec(), ..all };
    assert_eq!(part.scope(), "billed cost, ServiceName is A or B; RegionId is not x, in USD");
    assert_eq!(part.tier_words(), "told at 50 % spent");
}
