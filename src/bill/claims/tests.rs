//! Deliveries of our own: which count, by their rows.

use super::*;
use crate::bill::import::Part;

const MONTH: i64 = 1_790_812_800;

/// A slice of one account and month whose rows are these, each an hour after the other.
fn slice(part: usize, view: &str, rows: std::ops::Range<u64>) -> Slice {
    // Hashes that are spread over all 64 bits; below the limit of a sample all are kept.
    let mut sample: Vec<u64> =
        rows.clone().map(|row| (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    sample.sort_unstable();
    Slice {
        account: "1".to_owned(),
        period_unix_secs: Some(MONTH),
        part,
        view: view.to_owned(),
        rows: rows.end - rows.start,
        reaches_unix_secs: Some(MONTH + 3_600 * i64::try_from(rows.end).unwrap()),
        fine: sample.clone(),
        sample,
    }
}

fn bill(hash: &str, kind: &str, files: &[&str], slices: Vec<Slice>) -> Imported {
    let part = |file: &&str| Part {
        file: (*file).to_owned(),
        kind: kind.to_owned(),
        bytes: 1,
        rows: 1,
        dropped: 0,
        modified_unix_secs: None,
    };
    Imported {
        hash: hash.to_owned(),
        file: format!("{hash}.csv"),
        kind: kind.to_owned(),
        parts: files.iter().map(part).collect(),
        slices,
        ..Imported::default()
    }
}

fn cur(hash: &str, rows: std::ops::Range<u64>) -> Imported {
    bill(hash, "AWS CUR", &[], vec![slice(0, "", rows)])
}

fn counted(counting: &Counting) -> Vec<&str> {
    counting.bills.iter().map(|bill| bill.hash.as_str()).collect()
}

#[test]
fn a_month_that_comes_again_replaces_the_one_before() {
    let bills = [cur("a", 0..50), cur("b", 0..60)];
    let counting = decide(&bills, &BTreeMap::new());
    assert_eq!(counted(&counting), ["b"]);
    assert_eq!((counting.claims.len(), counting.claims[0].why), (1, Why::Redelivered));
    assert!(counting.is_out("a") && !counting.is_out("b"));
    // An earlier snapshot does not replace a later one, whenever it comes.
    let counting = decide(&[cur("b", 0..60), cur("a", 0..50)], &BTreeMap::new());
    assert_eq!(counted(&counting), ["b"]);
    // The newer format of the same family does.
    let newer = bill("c", "AWS CUR 2.0", &[], vec![slice(0, "", 0..60)]);
    assert_eq!(counted(&decide(&[cur("b", 0..60), newer], &BTreeMap::new())), ["c"]);
}

#[test]
fn files_without_a_common_row_are_parts_and_all_count() {
    let bills = [cur("a", 0..50), cur("b", 50..100)];
    let counting = decide(&bills, &BTreeMap::new());
    assert_eq!(counted(&counting), ["a", "b"]);
    assert_eq!(counting.claims, []);
    // Opened one by one, then again as a whole: the whole counts.
    let whole = bill("c", "AWS CUR", &["1.csv", "2.csv"], vec![slice(0, "", 0..50), slice(1, "", 50..100)]);
    let counting = decide(&[cur("a", 0..50), cur("b", 50..100), whole], &BTreeMap::new());
    assert_eq!(counted(&counting), ["c"]);
}

#[test]
fn a_part_of_a_month_never_replaces_the_month() {
    // As far as the whole month, and a third of its rows: the export of one project.
    let part = |hash| bill(hash, "AWS CUR", &[], vec![slice(0, "", 40..60)]);
    for (bills, whole) in [([cur("w", 0..60), part("p")], "w"), ([part("p"), cur("w", 0..60)], "w")] {
        let counting = decide(&bills, &BTreeMap::new());
        assert_eq!(counted(&counting), [whole]);
        assert_eq!(counting.claims[0].why, Why::Redelivered);
    }
    // A later state of the month may lack a row or two that were taken back.
    let mut later = slice(0, "", 2..60);
    later.reaches_unix_secs = slice(0, "", 0..60).reaches_unix_secs;
    let later = bill("l", "AWS CUR", &[], vec![later]);
    assert_eq!(counted(&decide(&[cur("w", 0..60), later], &BTreeMap::new())), ["l"]);
}

#[test]
fn files_whose_rows_only_tags_tell_apart_are_parts() {
    // Ten things in 40 rows each; no row of the one is in the other.
    let coarse = |part: usize, fine: std::ops::Range<u64>| Slice {
        rows: 40,
        fine: slice(0, "", fine).sample,
        ..slice(part, "", 0..10)
    };
    let files = ["1.csv", "2.csv"];
    let parts = |second| bill("f", "AWS CUR", &files, vec![coarse(0, 100..140), coarse(1, second)]);
    assert_eq!(decide(&[parts(200..240)], &BTreeMap::new()).claims, []);
    // The same rows again.
    let counting = decide(&[parts(100..140)], &BTreeMap::new());
    assert_eq!(counting.bills[0].without[0].files, ["1.csv"]);
    // Opened one by one.
    let one = |hash, fine| bill(hash, "AWS CUR", &[], vec![coarse(0, fine)]);
    assert_eq!(counted(&decide(&[one("a", 100..140), one("b", 200..240)], &BTreeMap::new())), ["a", "b"]);
    assert_eq!(counted(&decide(&[one("a", 100..140), one("b", 100..140)], &BTreeMap::new())), ["b"]);
    // A month's rows grow as the month goes on: what each is of stays.
    let grown = |hash, fine| {
        bill(hash, "AWS CUR", &[], vec![Slice { fine: slice(0, "", fine).sample, ..slice(0, "", 0..50) }])
    };
    assert_eq!(counted(&decide(&[grown("a", 100..150), grown("b", 200..250)], &BTreeMap::new())), ["b"]);
}

#[test]
fn some_common_rows_are_told_and_counted() {
    let counting = decide(&[cur("a", 0..50), cur("b", 40..100)], &BTreeMap::new());
    assert_eq!(counted(&counting), ["a", "b"]);
    // 10 of the 50 rows of the smaller.
    assert_eq!((counting.claims[0].why, counting.claims[0].shared_percent), (Why::PartlyTheSame, 20));
}

#[test]
fn the_user_chooses() {
    let bills = [cur("a", 0..50), cur("b", 0..50)];
    let key = decide(&bills, &BTreeMap::new()).claims[0].key();
    let only = |hash: &str| Choice::Only { hash: hash.to_owned(), files: Vec::new() };
    for (choice, expected) in
        [(only("a"), &["a"][..]), (only("b"), &["b"]), (Choice::All, &["a", "b"]), (only("gone"), &["b"])]
    {
        let counting = decide(&bills, &BTreeMap::from([(key.clone(), choice)]));
        assert_eq!(counted(&counting), expected);
        assert!(counting.claims[0].is_chosen);
    }
}

#[test]
fn actual_and_amortized_are_never_both_counted() {
    let azure = |hash: &str, view: &str| {
        bill(hash, "Azure cost details (Enterprise Agreement)", &[], vec![slice(0, view, 0..50)])
    };
    let counting = decide(&[azure("m", "Amortized"), azure("a", "Actual")], &BTreeMap::new());
    assert_eq!(counted(&counting), ["m"]);
    assert_eq!(counting.claims[0].why, Why::ActualAndAmortized);
    // Both in one folder: what was invoiced counts, and the files of the other are left out.
    let both = bill(
        "f",
        "Azure cost details (Enterprise Agreement)",
        &["actual/p.csv", "amortized/p.csv"],
        vec![slice(0, "Actual", 0..50), slice(1, "Amortized", 0..50)],
    );
    let counting = decide(&[both], &BTreeMap::new());
    let left_out = Exclusion {
        account: "1".to_owned(),
        period_unix_secs: Some(MONTH),
        files: vec!["amortized/p.csv".to_owned()],
    };
    assert_eq!(counting.bills, [Counted { hash: "f".to_owned(), without: vec![left_out] }]);
}

#[test]
fn two_files_of_a_folder_with_the_same_rows_count_once() {
    let files = ["v1.csv", "v2.csv", "other.csv"];
    let slices = vec![slice(0, "", 0..50), slice(1, "", 0..60), slice(2, "", 100..150)];
    let counting = decide(&[bill("f", "FOCUS 1.2", &files, slices)], &BTreeMap::new());
    assert_eq!(counting.bills[0].without[0].files, ["v1.csv"]);
}

#[test]
fn only_the_month_that_came_again_is_replaced() {
    let mut november = slice(0, "", 200..250);
    november.period_unix_secs = Some(MONTH + 31 * 86_400);
    let year = bill("y", "AWS CUR", &[], vec![slice(0, "", 0..50), november]);
    let counting = decide(&[year, cur("o", 0..50)], &BTreeMap::new());
    assert_eq!(counted(&counting), ["y", "o"]);
    assert_eq!(counting.bills[0].without.len(), 1);
    assert_eq!(counting.bills[0].without[0].period_unix_secs, Some(MONTH));
    assert!(counting.is_partly("y") && !counting.is_out("y") && !counting.is_partly("o"));
}

#[test]
fn one_account_in_two_formats_is_told() {
    let focus = bill("f", "FOCUS 1.2", &[], vec![slice(0, "", 500..550)]);
    let bills = [cur("a", 0..50), focus];
    let counting = decide(&bills, &BTreeMap::new());
    assert_eq!(counted(&counting), ["a", "f"]);
    assert_eq!((counting.claims[0].why, counting.claims[0].standings.len()), (Why::TwoFormats, 2));
    let only = Choice::Only { hash: "f".to_owned(), files: Vec::new() };
    let counting = decide(&bills, &BTreeMap::from([(counting.claims[0].key(), only)]));
    assert_eq!(counted(&counting), ["f"]);
}

#[test]
fn charges_of_a_file_that_may_be_in_a_warehouse_too_are_told() {
    // Rows of a table cannot be compared: it has accounts and months, and no sample.
    let table = |hash: &str| {
        let slices = vec![Slice { sample: Vec::new(), ..slice(0, "", 0..50) }];
        bill(hash, "FOCUS 1.2 in Spark", &[], slices)
    };
    let file = bill("f", "FOCUS 1.2", &[], vec![slice(0, "", 0..50)]);
    let bills = [file, table("t")];
    let counting = decide(&bills, &BTreeMap::new());
    assert_eq!(counted(&counting), ["f", "t"]);
    assert_eq!((counting.claims.len(), counting.claims[0].why), (1, Why::TwoFormats));
    let only = Choice::Only { hash: "f".to_owned(), files: Vec::new() };
    let counting = decide(&bills, &BTreeMap::from([(counting.claims[0].key(), only)]));
    assert_eq!(counted(&counting), ["f"]);
    // Nor can those of two tables; where their totals are the same, that is told when the second is connected.
    assert!(decide(&[table("t"), table("u")], &BTreeMap::new()).claims.is_empty());
}
