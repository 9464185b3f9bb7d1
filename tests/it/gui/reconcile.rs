//! The Files part of the page Bills: a bill that was dropped is reconciled, and the invoice's total is typed there.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::Theme;
use inferometer::bill::reconcile::Verdict;

use super::harness::{Desk, empty};

const CUR: &str = "bill/InvoiceId,bill/PayerAccountId,bill/BillingPeriodStartDate,lineItem/LineItemType,lineItem/UsageStartDate,\
lineItem/UsageEndDate,lineItem/Operation,lineItem/UnblendedCost,lineItem/CurrencyCode
42,123,2026-10-01T00:00:00Z,Usage,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,RunInstances,100.004,USD
42,123,2026-10-01T00:00:00Z,Usage,2026-10-01T00:00:00Z,2026-10-01T01:00:00Z,ECSTask-EC2,30,USD
42,123,2026-10-01T00:00:00Z,Tax,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,,19,USD
";

/// Replaces what stands in the invoice's field and leaves it.
fn type_total(desk: &mut Desk, total: &str) {
    let field = desk.harness.get_by_role_and_label(Role::TextInput, "Invoice total of AWS 123, 2026-10");
    field.focus();
    desk.harness.run();
    desk.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    desk.harness.run();
    desk.type_text(total);
    desk.key(Key::Enter);
    desk.rest();
}

#[test]
fn a_dropped_bill_is_shown_with_what_reconciling_it_says_and_its_invoice_is_typed() {
    let mut desk = empty(Theme::Dark);
    let path = desk.folder.path().join("cur.csv");
    std::fs::write(&path, CUR).unwrap();
    // Only files of the user's own are shown so; those of the data folder are the sample's.
    let outside = tempfile::tempdir().unwrap();
    let own = outside.path().join("cur.csv");
    std::fs::rename(&path, &own).unwrap();
    desk.drop_file(&own);
    assert!(desk.says("Reconciliation"), "the page Bills was not shown");
    assert!(desk.says("Not checked against an invoice"));
    assert!(desk.says("1 row of split cost allocation (30.00 USD) left out"));
    type_total(&mut desk, "$118.00");
    assert!(desk.says("Off by 1.00 USD (0.85 %): the bill has more than the invoice"));
    type_total(&mut desk, "119");
    assert!(desk.says("Reconciled: 119.00 USD billed, as the invoice says"));
    let state = desk.harness.state().app().state();
    assert_eq!(state.invoices.len(), 1);
    assert_eq!(state.reconciliations()[0].verdict, Verdict::Reconciled);
}
