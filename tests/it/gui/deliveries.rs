//! Bills of many files, and what was delivered several times, on the page Bills.

use std::fs;

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::Theme;

use super::harness::{Desk, empty};

const HEADER: &str =
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,BillingAccountId,ResourceId";

fn write(desk: &Desk, name: &str, rows: &[(&str, &str)]) -> std::path::PathBuf {
    let path = desk.folder.path().join("in").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let rows: Vec<String> = rows
        .iter()
        .map(|(cost, id)| {
            format!(
                "{cost},USD,Usage,2026-10-01,acct-7,{id}
"
            )
        })
        .collect();
    fs::write(
        &path,
        format!(
            "{HEADER}
{}",
            rows.concat()
        ),
    )
    .unwrap();
    path
}

#[test]
fn a_month_that_came_again_is_shown_and_the_other_can_be_chosen() {
    let mut desk = empty(Theme::Dark);
    write(&desk, "parts/one.csv", &[("1", "a"), ("2", "b")]);
    let parts = write(&desk, "parts/two.csv", &[("4", "c")]);
    let again = write(&desk, "again.csv", &[("1", "a"), ("2", "b"), ("5", "c")]);
    desk.drop_file(parts.parent().unwrap());
    assert_eq!(desk.harness.state().app().state().bills.len(), 1, "a folder is one bill");
    desk.drop_file(&again);
    desk.ctrl(Key::Num6);
    desk.harness.get_by_role_and_label(Role::Button, "Files").click();
    desk.harness.run();
    desk.rest();
    for words in
        ["Delivered several times", "delivered again", "acct-7", "again.csv", "two.csv", "Files of bills"]
    {
        assert!(desk.says(words), "{words}");
    }
    let counted = |desk: &Desk| -> Vec<bool> {
        let claims = &desk.harness.state().app().state().counting.claims;
        claims[0].standings.iter().map(|standing| standing.counts).collect()
    };
    assert_eq!(counted(&desk), [false, true]);
    desk.harness.get_by_label_contains("Delivery parts: one.csv and 1 more").scroll_to_me();
    desk.harness.run();
    desk.harness.get_by_label_contains("Delivery parts: one.csv and 1 more").click_accesskit();
    desk.harness.run();
    desk.rest();
    desk.press("Count only this one");
    desk.rest();
    assert_eq!(counted(&desk), [true, false]);
    desk.press("Count all");
    desk.rest();
    assert_eq!(counted(&desk), [true, true]);
    desk.press("Undo the choice");
    desk.rest();
    assert_eq!(counted(&desk), [false, true]);
}

#[test]
fn allocations_are_beside_the_bills() {
    let mut desk = empty(Theme::Light);
    let bill = write(&desk, "b.csv", &[("7", "i-1")]);
    let overlay = desk.folder.path().join("alloc.json");
    fs::write(
        &overlay,
        r#"{"code":200,"data":[{"ns":{"properties":{"cluster":"c1","namespace":"ns","providerID":"i-1"},"cpuCost":1.5,
        "gpuCost":2,"gpuHours":3,"totalCost":3.5},"__idle__":{"properties":{"cluster":"c1"},"totalCost":0.25}}]}"#,
    )
    .unwrap();
    desk.drop_file(&overlay);
    desk.ctrl(Key::Num6);
    assert!(desk.says("Cluster allocations"), "an overlay is shown without a bill, too");
    desk.drop_file(&bill);
    desk.harness.get_by_role_and_label(Role::Button, "Files").click();
    desk.harness.run();
    desk.rest();
    for words in ["never added to a total", "3.75", "0.25", "cost $7.00 in all"] {
        assert!(desk.says(words), "{words}");
    }
    desk.press("Remove the overlay");
    assert!(!desk.says("Cluster allocations"));
}
