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
    assert!(desk.says("a condition without a column"));
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

/// 690 rows of Amazon Bedrock (sample-data/numbers.json).
#[test]
fn a_built_in_rule_says_what_it_asks_for_and_is_copied_as_ones_own() {
    let mut desk = lens();
    let is_row = |node: &egui_kittest::Node<'_>| node.accesskit_node().role() == Role::Row;
    let row = || "Model API paid by token";
    desk.harness.query_all_by_label_contains(row()).find(is_row).unwrap().scroll_to_me();
    desk.harness.run();
    desk.harness.query_all_by_label_contains(row()).find(is_row).unwrap().click_accesskit();
    desk.harness.run();
    assert!(desk.says("Rows of which ServiceName contains “bedrock”, “openai”"));
    assert!(desk.says("ConsumedUnit or PricingUnit contains “token”"));
    desk.press("Copy as my own…");
    desk.rest();
    assert!(desk.says("As “Model API paid by token”: ServiceName contains “bedrock”"));
    desk.press("Save");
    desk.rest();
    desk.rest();
    let rules = &state(&desk).rules;
    let place = rules.rules.iter().position(|rule| rule.words() == "Model API paid by token (own)").unwrap();
    assert_eq!(rules.rules[place + 1].id(), "token-api", "it is tried before the one it copies");
    // It is chosen, and catches what that caught.
    assert!(desk.says("Switch off") && desk.says("Edit…"), "the new rule is not chosen");
    assert_eq!(rules.rules[place].conditions(), rules.rules[place + 1].conditions());
}

#[test]
fn what_a_rule_would_catch_is_shown_before_it_has_a_name() {
    let mut desk = lens();
    for filter in state(&desk).scenario.filters.clone() {
        desk.press(&format!("Remove the filter {} {}", filter.column, filter.values.join(", ")));
    }
    desk.rest();
    desk.press("Add a rule…");
    let field = desk
        .harness
        .query_all_by_role(Role::TextInput)
        .find(|node| node.accesskit_node().placeholder() == Some("Column or Tags.KEY"));
    field.expect("a field for the column").focus();
    desk.harness.run();
    desk.type_text("ServiceName");
    let field = desk
        .harness
        .query_all_by_role(Role::TextInput)
        .find(|node| node.accesskit_node().placeholder() == Some("Value; another"));
    field.expect("a field for the values").focus();
    desk.harness.run();
    desk.type_text("Amazon Bedrock");
    desk.until("the preview is there", |window| {
        let answers = &window.app().state().queries;
        answers.keys().any(|query| matches!(query, inferometer::app::Query::RulePreview { .. }))
    });
    desk.rest();
    assert!(desk.says("Catches 690 rows"));
    assert!(desk.says("Give the rule a name to save it"));
    assert!(desk.says("ServiceName Amazon Bedrock, EffectiveCost $"), "no cost in the preview");
}

#[test]
fn inference_in_two_currencies_is_shown_one_at_a_time() {
    let mut desk = super::harness::empty(Theme::Dark);
    let outside = tempfile::tempdir().unwrap();
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,BillingAccountId,ServiceName";
    for (name, rows) in [
        ("usd.csv", "3,3,USD,Usage,2026-10-01,a,Amazon Bedrock\n1,1,USD,Usage,2026-10-02,a,Amazon S3\n"),
        ("eur.csv", "8,8,EUR,Usage,2026-10-01,b,Amazon Bedrock\n"),
    ] {
        let path = outside.path().join(name);
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        desk.drop_file(&path);
    }
    desk.ctrl(Key::Num6);
    desk.press("Inference");
    desk.rest();
    desk.rest();
    assert!(desk.says("Currencies are never added up"));
    assert!(!desk.says("cannot be added up"));
    // Of the two US dollar rows one is inference: 3 of 4.
    assert!(desk.says("75.0"), "the share in US dollars");
    desk.press("EUR  €8.00");
    desk.rest();
    desk.rest();
    assert!(desk.says("100.0"), "the share in euros");
}
