//! The dialog in which rates between currencies are typed in, on the page Bills.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::Theme;

use super::harness::sample;
use super::pages::state;

/// The sample bill is in US dollars: 25833.4880994347 × 0.9 = 23250.13928949123 (Python's `decimal`).
#[test]
fn sums_are_shown_in_another_currency_and_say_at_which_rate() {
    let mut open = sample(Theme::Light);
    open.ctrl(Key::Num6);
    open.press("Files");
    open.rest();
    open.press("Currencies…");
    open.rest();
    // The field has the focus.
    open.type_text("eur");
    open.harness.get_by_role_and_label(Role::TextInput, "1 USD =").focus();
    open.harness.run();
    open.type_text("0,9");
    open.press("Save");
    assert!(open.says("`0,9` is no rate from USD to EUR"), "a comma is refused and the dialog stays");
    open.harness.get_by_role_and_label(Role::TextInput, "1 USD =").focus();
    open.harness.run();
    for _ in 0..3 {
        open.key(Key::Backspace);
    }
    open.type_text("0.9");
    open.press("Save");
    open.rest();
    assert_eq!(state(&open).rates.find("USD").map(ToString::to_string), Some("1 USD = 0.9 EUR".to_owned()));
    assert!(open.says("Sums are in EUR, converted at 1 USD = 0.9 EUR."));
    assert_eq!(state(&open).bill_currency(), Some("EUR"));
}
