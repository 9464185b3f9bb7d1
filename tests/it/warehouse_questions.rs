//! Every question a bill can be asked, of the same bill out of the local store and out of a warehouse ([`crate::warehouse`]
//! says which): the answers must be equal to the last digit.

use std::collections::BTreeMap;

use inferometer::bill::claims::{Counted, Exclusion};
use inferometer::bill::lens::{Condition, Draft, Op, OwnRule};
use inferometer::bill::watch::{self, Tuning};
use inferometer::bill::{Basis, Bill, BillError, Class, Filter, Ledger, Period, RowsView, RuleSet, Store};

use crate::warehouse::{filters, same};

/// Filters of every kind on every kind of column.
const FILTERS: &[&str] = &[
    "ServiceName~SÖHNE",
    "-ServiceName~amazon",
    "-ServiceName=",
    "-ServiceName=Amazon Bedrock",
    "ServiceName~%",
    "ServiceName~_",
    "*~G5.XLARGE",
    "-*~token",
    "*~'",
    "BilledCost=0.1",
    "BilledCost=",
    "-BilledCost=",
    "BilledCost=..0",
    "-BilledCost=1..",
    "EffectiveCost=-0.000000002..7.5",
    "EffectiveCost=",
    "ChargePeriodStart=2026-05-03..2026-05-05",
    "-ChargePeriodStart=2026-05",
    "ChargePeriodEnd=",
    "ChargePeriodEnd=2026-05-09T10:00:00Z",
    "ChargePeriodEnd=..2026-04",
    "BillingPeriodStart=2026-05",
    "BillingPeriodStart=",
    "Tags.team~ZÜ",
    "-Tags.team=search",
    "-Tags.team~a",
    "Tags.size=2",
    "Tags.no such key=",
    "x_NoSuchColumn=",
    "x_InferenceClass=machine",
    "-x_InferenceRule=managed-endpoint",
    "x_InferenceCounted=yes",
];

/// Asks both everything.
pub fn answer_alike(name: &str, bills: &(Bill, Bill), store: &Store) {
    // What is held alike in both bills is asked of one of them.
    let differs = |wanted: &&&str| ["Tags.", "Billing", "Billed"].iter().any(|start| wanted.contains(start));
    for wanted in FILTERS.iter().filter(|wanted| name.starts_with("doubles") || differs(wanted)) {
        let told = wanted.trim_start_matches('-').starts_with("x_NoSuchColumn");
        if told {
            let error = |bill: &Bill| bill.totals(&filters(&[wanted])).unwrap_err().to_string();
            assert_eq!(error(&bills.0), error(&bills.1));
            continue;
        }
        same(bills, &format!("{name} {wanted}"), |bill| bill.totals_by_currency(&filters(&[wanted])));
    }
    assert!(same(bills, "starts", Bill::starts).hours);
    let totals = same(bills, "currencies", |bill| bill.totals_by_currency(&[]));
    assert_eq!(totals.keys().collect::<Vec<_>>(), ["USD"]);

    let (before, after) =
        (Period::parse("2026-05-02..2026-05-05").unwrap(), Period::parse("2026-05-06..2026-05-09").unwrap());
    for by in [&["ServiceName"][..], &["Tags.team", "RegionId"], &["x_InferenceRule"]] {
        let compared = same(bills, &format!("{name} compared by {by:?}"), |bill| {
            bill.compare(by, &[], Basis::EffectiveCost, &before, &after)
        });
        assert!(
            compared.effects.is_some() && compared.drivers.len() > 2 && compared.before.rows > 100,
            "{compared:?}"
        );
    }
    let tuning = Tuning::default();
    for question in [
        watch::Question::Days {
            filters: Vec::new(),
            basis: Basis::BilledCost,
            by: "ServiceCategory".to_owned(),
            tuning,
            today: watch::Day::read("2026-11-01").unwrap(),
        },
        watch::Question::Commitments { filters: Vec::new() },
        watch::Question::Idle {
            filters: filters(&["ChargePeriodStart=2026-05"]),
            basis: Basis::EffectiveCost,
        },
    ] {
        same(bills, &format!("{name} {question:?}"), |bill| {
            Ok(format!("{:?}", watch::ask(bill, &question)?))
        });
    }
    rows_alike(name, bills);
    counted_alike(name, bills, store);
    answer_by_rules_alike(name, bills, store);
}

/// Asks both what inference rules are tried for.
pub fn answer_by_rules_alike(name: &str, bills: &(Bill, Bill), store: &Store) {
    for wanted in [&[][..], &["ChargePeriodStart=2026-05"], &["Tags.team=search"]] {
        let wanted = filters(wanted);
        let ledger = same(bills, &format!("{name} ledger {wanted:?}"), |bill| ledger(bill, &wanted));
        assert!(!ledger.cells.is_empty() && !ledger.quantities.is_empty() && !ledger.unread_units.is_empty());
    }
    for by in [
        &["x_InferenceRule", "x_InferenceLine"][..],
        &["ServiceName", "x_InferenceClass"],
        &["x_Dimension_Team", "Tags.team"],
    ] {
        let groups =
            same(bills, &format!("{name} by {by:?}"), |bill| bill.group_by(by, &[], Basis::BilledCost));
        assert!(groups.len() > 3, "{groups:?}");
    }
    let (_, all) = same(bills, "candidates", |bill| bill.candidates(&[], 20));
    assert!(all > 0);

    let condition = |column: &str, op, values: &[&str], not| Condition {
        column: column.to_owned(),
        op,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        not,
    };
    for all in [
        vec![condition("ServiceName", Op::Contains, &["compute"], false)],
        vec![
            condition("Tags.team", Op::Is, &["SEARCH"], false),
            condition("RegionId", Op::Matches, &["^us-"], true),
        ],
        vec![condition("ResourceId", Op::StartsWith, &["i-06"], false)],
        vec![condition("Tags.cost-centre", Op::HasValue, &[], false)],
    ] {
        let rule = OwnRule {
            id: "own".to_owned(),
            words: "Own".to_owned(),
            class: Class::ALL[0],
            counted: true,
            share: inferometer::bill::lens::Share::read("0.5").unwrap(),
            on: true,
            like: None,
            all,
        };
        let draft = Draft { rule, place: 0 };
        let (preview, shown) = same(bills, &format!("{name} {draft:?}"), |bill| {
            let mut preview = bill.preview(&RuleSet::default(), &draft, &[], store)?;
            // The order of rows is the files' own here, and by date there.
            let shown = std::mem::take(&mut preview.sample.rows).len();
            preview.sample.columns.clear();
            Ok((preview, shown as u64))
        });
        assert!(preview.fits > 0 && preview.fits == preview.rows, "{preview:?}");
        assert_eq!(shown, preview.rows.min(20));
    }
}

/// The cells of rows by their columns; key and value of tags come in another order from some engines.
fn cells(view: &RowsView) -> Vec<BTreeMap<&str, &str>> {
    let mut rows: Vec<BTreeMap<&str, &str>> = view
        .rows
        .iter()
        .map(|row| {
            let cells = view.columns.iter().zip(row).filter(|(name, _)| *name != "Tags");
            cells.filter_map(|(name, cell)| Some((name.as_str(), cell.as_deref()?))).collect()
        })
        .collect();
    rows.sort();
    rows
}

fn rows_alike(name: &str, bills: &(Bill, Bill)) {
    for wanted in [
        &["RegionId=us-east-1"][..],
        &["x_InferenceRule=managed-endpoint"],
        &["-x_InferenceRule=", "ChargePeriodStart=2026-05"],
        &["-x_InferenceCounted=yes"],
        &["Tags.user:cost-centre=a.b 'c' \"d\""],
        &["-Tags.team="],
        &["ServiceName=no such service"],
    ] {
        let wanted = filters(wanted);
        let rows = |bill: &Bill| bill.rows(&wanted, 0, 3_000).unwrap();
        let (local, there) = (rows(&bills.0), rows(&bills.1));
        assert_eq!(local.total_rows, there.total_rows, "{name} {wanted:?}");
        assert!(
            cells(&local) == cells(&there),
            "{name} {wanted:?}: {:?}\n{:?}",
            cells(&local).first(),
            cells(&there).first()
        );
        if there.rows.len() > 40 {
            let next = bills.1.rows(&wanted, 20, 20).unwrap();
            assert_eq!(next.rows[..], there.rows[20..40], "{name} {wanted:?}");
        }
    }
    for (column, descending) in [("EffectiveCost", true), ("EffectiveCost", false), ("ChargePeriodEnd", true)]
    {
        let wanted = filters(&["ChargeCategory=Usage"]);
        let sorted =
            |bill: &Bill, offset, limit| bill.rows_by(&wanted, column, descending, offset, limit).unwrap();
        let (local, there) = (sorted(&bills.0, 0, 3_000), sorted(&bills.1, 0, 3_000));
        let values = |view: &RowsView| -> Vec<Option<String>> {
            let place = view.columns.iter().position(|name| name == column).unwrap();
            view.rows.iter().map(|row| row[place].clone()).collect()
        };
        assert_eq!(values(&local), values(&there), "{name} sorted by {column}");
        assert_eq!(local.total_rows, there.total_rows);
        assert_eq!(sorted(&bills.1, 30, 15).rows[..], there.rows[30..45], "{name} sorted by {column}");
    }
    let error = |bill: &Bill| bill.rows_by(&[], "ServiceName", true, 0, 5).unwrap_err().to_string();
    assert_eq!(error(&bills.0), error(&bills.1));
}

/// What does not count because it came several times.
fn counted_alike(name: &str, bills: &(Bill, Bill), store: &Store) {
    let may = Some(1_777_593_600);
    for (account, period_unix_secs) in
        [("000123456789", may), ("000123456789", None), ("", may), ("other", may)]
    {
        let without = vec![Exclusion { account: account.to_owned(), period_unix_secs, files: Vec::new() }];
        let open = |bill: &Bill| {
            let hash = bill.imported().next().unwrap().hash.clone();
            let counted = Counted { hash, without: without.clone() };
            Bill::open_counted(&[counted], store).unwrap().with_rules(&RuleSet::default(), store)
        };
        let parts = (open(&bills.0), open(&bills.1));
        let what = format!("{name} without {without:?}");
        let totals = same(&parts, &what, |bill| bill.totals(&[]));
        assert_eq!(
            totals.rows < 3_000,
            (account, period_unix_secs) == ("000123456789", may),
            "{what}: {totals:?}"
        );
        same(&parts, &what, |bill| bill.covered_secs(&[]));
        same(&parts, &what, Bill::starts);
        same(&parts, &what, |bill| Ok(bill.rows(&[Filter::is("RegionId", [""])], 0, 1)?.total_rows));
        same(&parts, &what, |bill| ledger(bill, &[]));
    }
}

/// Cost by day, without what only the books of an import know.
fn ledger(bill: &Bill, filters: &[Filter]) -> Result<Ledger, BillError> {
    let ledger = bill.ledger(filters, Basis::BilledCost)?;
    Ok(Ledger { providers: Vec::new(), ..ledger })
}
