//! The part Watch of the page Bills, in a real window without a screen.

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::watch::Seen;
use inferometer::app::{Command, Theme};

use super::harness::{app_in, desk, settle};
use crate::watch::{file, with_a_spike};

#[test]
fn a_budget_is_made_and_an_unusual_day_is_looked_at_and_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let bill = file(folder.path(), &with_a_spike());
    let mut app = app_in(folder.path());
    app.handle(Command::NewProject).unwrap();
    app.handle(Command::OpenFiles(vec![bill])).unwrap();
    settle(&mut app);
    let mut desk = desk(folder, app, Theme::Dark);
    desk.ctrl(Key::Num6);
    desk.rest();
    desk.press("Watch");
    desk.rest();
    assert!(desk.says("No budget is set"), "an empty card says what to do");
    assert!(desk.says("+$300.00 (+100 %)"), "the unusual day is told of");

    desk.press("Add a budget…");
    // The name has the focus; Tab leads to the amount.
    desk.type_text("Everything");
    desk.key(Key::Tab);
    desk.type_text("12000");
    desk.press("Save");
    desk.rest();
    let state = desk.harness.state().app().state();
    assert_eq!(state.watch.budgets.len(), 1);
    let budget = &state.watch.budgets[0];
    assert_eq!((budget.name.as_str(), budget.currency.as_str()), ("Everything", "USD"));
    assert!(desk.says("of $12,000.00"), "the budget's bar says what is spent of it");

    // Further down than the window is high.
    desk.harness.get_by_label("Acknowledge").click_accesskit();
    desk.harness.run();
    desk.rest();
    let marks = &desk.harness.state().app().state().watch.marks;
    assert_eq!((marks.len(), marks[0].seen), (1, Seen::Acknowledged));
    desk.harness.get_by_label("Show on Spend").click_accesskit();
    desk.harness.run();
    desk.rest();
    let scenario = &desk.harness.state().app().state().scenario;
    assert_eq!(
        (scenario.spend.drill[0].column.as_str(), scenario.spend.drill[0].values[0].as_str()),
        ("ServiceName", "Compute")
    );
    assert!(scenario.spend.whole && scenario.filters.is_empty());
}
