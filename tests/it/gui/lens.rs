//! The inference lens in the window: rules are switched and kept, a rule that cannot be used is not saved, unit costs
//! and the cost of ownership are shown and copied.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use inferometer::app::Theme;

use super::harness::{Desk, sample};
use super::pages::{copied, state};

fn lens() -> Desk {
    let mut desk = sample(Theme::Dark);
    desk.ctrl(Key::Num6);
    desk.rest();
    desk.press("Inference");
    desk.rest();
    desk
}

#[test]
fn a_rule_is_switched_off_and_its_rows_go_to_the_next() {
    let mut desk = lens();
    assert!(desk.says("Model API paid by token"));
    let is_row = |node: &egui_kittest::Node<'_>| node.accesskit_node().role() == Role::Row;
    desk.harness.query_all_by_label_contains("Model API paid by token").find(is_row).unwrap().scroll_to_me();
    desk.harness.run();
    desk.harness
        .query_all_by_label_contains("Model API paid by token")
        .find(is_row)
        .unwrap()
        .click_accesskit();
    desk.harness.run();
    desk.press("Switch off");
    desk.rest();
    let rules = &state(&desk).rules;
    assert!(!rules.entry("token-api").unwrap().is_on());
    assert!(desk.says("Model API paid by token (off)"));
    desk.press("Built-in rules only");
    desk.rest();
    assert!(state(&desk).rules.rules_are_default());
    let json = copied(&mut desk, "Copy as JSON");
    assert!(json.contains("\"format\": \"inferometer rules\""), "{json}");
}

#[test]
fn a_rule_that_would_catch_every_row_is_not_saved() {
    let mut desk = lens();
    let before = state(&desk).rules.clone();
    desk.press("Add a rule…");
    assert!(desk.says("a rule has no name"));
    desk.type_text("Everything");
    assert!(desk.says("a condition without a column"));
    desk.press("Remove the condition");
    assert!(desk.says("would catch every row"));
    desk.press("Save");
    assert_eq!(state(&desk).rules, before);
    desk.press("Cancel");
    assert!(!desk.says("would catch every row"));
}

/// The sample's demand is the week from 19 October 2026.
#[test]
fn unit_costs_are_by_day_of_the_demand_and_ownership_has_the_bills_lines() {
    let mut desk = lens();
    desk.press("Unit costs");
    desk.rest();
    assert!(desk.says("Days joined"));
    assert!(desk.says("Compute for inference: how much of it was used is not known"));
    let csv = copied(&mut desk, "Copy CSV");
    // A line for each basis of each of seven days, and the header.
    assert_eq!(csv.lines().count(), 15, "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("2026-10-19,1,"), "{csv}");
    desk.press("Cost of ownership");
    desk.rest();
    assert!(desk.says("Compute for inference"));
    let csv = copied(&mut desk, "Copy CSV");
    for line in ["Compute for inference", "Storage", "Network and egress", "Staff"] {
        assert!(csv.contains(line), "{line}: {csv}");
    }
    assert!(csv.contains("\nTotal,bill,true,"), "{csv}");
}
