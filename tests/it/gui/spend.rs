//! The Spend part of the page Bills. Numbers are those of the sample bill, which Python's `decimal` worked out.

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::{SavedView, Scenario, ViewChange};
use inferometer::bill::{Filter, Granularity, Period};

use super::harness::{Desk, sample};
use super::pages::{copied, state};
use inferometer::app::{Command, Theme};

/// The Spend part without filters.
fn spend() -> Desk {
    let mut open = sample(Theme::Dark);
    open.ctrl(Key::Num6);
    open.rest();
    // The sample shows its bill whole, beside filters that other pages go by.
    assert!(open.says("13,959 rows"));
    open.press("Limit to the project's filters");
    open.rest();
    for filter in state(&open).scenario.filters.clone() {
        open.press(&format!("Remove the filter {} {}", filter.column, filter.values.join(", ")));
    }
    open.rest();
    open
}

fn button(open: &mut Desk, name: &str) {
    open.harness.get_by_role_and_label(Role::Button, name).scroll_to_me();
    open.harness.run();
    open.harness.get_by_role_and_label(Role::Button, name).click();
    rest(open);
}

/// What is pressed in one frame is asked in the next.
fn rest(open: &mut Desk) {
    open.rest();
    open.rest();
}

#[test]
fn a_group_opens_to_the_level_below_and_closes_again() {
    let mut open = spend();
    button(&mut open, "Add a level");
    open.type_text("Tags.app");
    button(&mut open, "Tags.app");
    assert_eq!(state(&open).scenario.spend.then_by, ["Tags.app"]);
    open.harness.get_by_label("Copy CSV").scroll_to_me();
    open.harness.run();
    button(&mut open, "Open Amazon Elastic Compute Cloud");
    // 7,407 rows of forms-web cost 2355.58272, 29 untagged ones 24.24616992.
    assert!(open.says("ServiceName › Tags.app forms-web, Share 9.1 %, Rows 7,407, Billed $2,355.58"));
    assert!(open.says("ServiceName › Tags.app (no value), Share 0.1 %, Rows 29"));
    button(&mut open, "Close Amazon Elastic Compute Cloud");
    assert!(!open.says("forms-web, Share"));
    // All levels at once are asked by the first press.
    button(&mut open, "Copy CSV");
    let csv = copied(&mut open, "Copy CSV");
    assert!(csv.contains("Amazon Elastic Compute Cloud,forms-web,7407,"), "{csv}");
    assert!(csv.lines().next().unwrap().starts_with("ServiceName,Tags.app,Rows,"), "{csv}");
}

#[test]
fn a_search_narrows_everything_and_back_undoes_it() {
    let mut open = spend();
    assert!(open.says("13,959 rows"));
    open.harness.get_by_role_and_label(Role::SearchInput, "Search all text").focus();
    open.harness.run();
    open.type_text("nat");
    open.key(Key::Enter);
    rest(&mut open);
    assert_eq!(state(&open).scenario.spend.drill, [Filter::search("nat")]);
    assert!(open.says("368 rows"));
    button(&mut open, "Back");
    assert!(state(&open).scenario.spend.drill.is_empty());
    assert!(open.says("13,959 rows"));
}

#[test]
fn what_is_clicked_on_narrows_this_part_alone_until_it_is_told_otherwise() {
    let mut open = spend();
    open.harness.get_by_label("Copy CSV").scroll_to_me();
    open.harness.run();
    open.harness.get_by_label_contains("ServiceName Amazon Bedrock, Share").click_accesskit();
    rest(&mut open);
    button(&mut open, "Only this group");
    // sample-data/numbers.json: Amazon Bedrock has 690 rows.
    assert!(open.says("690 rows"));
    assert!(state(&open).scenario.filters.is_empty());
    assert!(state(&open).project_filters().is_empty());
    button(&mut open, "Use everywhere");
    assert_eq!(state(&open).project_filters(), [Filter::is("ServiceName", ["Amazon Bedrock"])]);
    open.press("Inference");
    assert!(open.says("Only rows with"));
    open.press("Remove the filter ServiceName Amazon Bedrock");
    assert!(state(&open).project_filters().is_empty());
}

#[test]
fn a_view_is_saved_shown_renamed_and_removed() {
    let mut open = spend();
    open.press("Week");
    rest(&mut open);
    button(&mut open, "Views");
    open.harness.get_by_role_and_label(Role::TextInput, "Name").focus();
    open.harness.run();
    open.type_text("Weekly");
    button(&mut open, "Save this view");
    let views = &state(&open).views;
    assert_eq!((views.len(), views[0].name.as_str(), views[0].per), (1, "Weekly", Granularity::Week));
    open.key(Key::Escape);
    open.press("Month");
    rest(&mut open);
    button(&mut open, "Views");
    button(&mut open, "Weekly");
    assert_eq!(state(&open).scenario.per, Granularity::Week);
    assert!(open.says("View: Weekly"));
    button(&mut open, "View: Weekly");
    button(&mut open, "Remove the view Weekly");
    assert!(state(&open).views.is_empty());
}

#[test]
fn views_outlive_the_window_and_names_are_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.inferometer");
    {
        let mut app = super::harness::app_in(folder.path());
        app.handle(Command::OpenProject(path.clone())).unwrap();
        let save = |name: &str| Command::View(ViewChange::Save(name.to_owned()));
        app.handle(save(" One ")).unwrap();
        let mut scenario = app.state().scenario.clone();
        scenario.per = Granularity::Month;
        scenario.spend.period = Some(Period::parse("2026-05").unwrap());
        app.handle(Command::SetScenario(Box::new(scenario))).unwrap();
        app.handle(save("Two")).unwrap();
        let rename = |from: &str, to: &str| Command::View(ViewChange::Rename(from.to_owned(), to.to_owned()));
        let taken = app.handle(rename("One", "Two")).unwrap_err().to_string();
        assert!(taken.contains("there is a view called Two already"), "{taken}");
        app.handle(rename("One", "Three")).unwrap();
        assert!(app.handle(save("  ")).unwrap_err().to_string().contains("needs a name"));
    }
    let mut app = super::harness::app_in(folder.path());
    app.handle(Command::OpenProject(path)).unwrap();
    let names: Vec<&str> = app.state().views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["Three", "Two"]);
    assert!(app.state().views[1].is_shown(&app.state().scenario));
    assert_eq!(app.state().views[0], SavedView::of("Three", &Scenario::default()));
}

#[test]
fn two_months_are_compared_and_their_drivers_named() {
    let mut open = spend();
    open.harness.query_all_by_label("Compare").last().unwrap().click();
    rest(&mut open);
    // September 8205.9051892588, October 9913.0315670779.
    assert!(open.says("October 2026 costs $1,707.13 more than September 2026 (+20.8 %)."));
    assert!(open.says("quantity +$592.73, price +$10.67, new +$746.56, ended −$274.18, not split +$631.34"));
    assert!(open.says("Amazon Elastic Compute Cloud, Before $4,154.93, After $5,425.37, Change +$1,270.44"));
    assert!(open.says("Chart: What changed from September 2026 to October 2026, by ServiceName"));
    let csv = copied(&mut open, "Copy CSV");
    assert!(csv.contains("Amazon Elastic Compute Cloud,4154.928336,5425.36684704,1270.43851104,"), "{csv}");
}

#[test]
fn rows_are_read_where_they_are_looked_at() {
    let mut open = spend();
    open.press("Rows");
    rest(&mut open);
    assert!(open.says("Rows 1 to 14 of 13,959"));
    open.harness.get_by_label("First row in view").scroll_to_me();
    open.harness.run();
    let bar = open.harness.get_by_label("First row in view").rect();
    let end = egui::pos2(bar.center().x, bar.bottom() - 1.0);
    open.harness.drag_at(end);
    open.harness.run();
    open.harness.drop_at(end);
    rest(&mut open);
    assert!(open.says("Rows 13,946 to 13,959 of 13,959"));
    // The largest charge is 280.8484608, the smallest -450.
    button(&mut open, "Sort by EffectiveCost");
    assert!(open.says("Rows 1 to 14 of 13,959, largest EffectiveCost first"));
    assert!(open.says("EffectiveCost 280.8484608"));
    button(&mut open, "Sort by EffectiveCost");
    assert!(open.says("EffectiveCost -450"));
}

#[test]
fn a_period_is_taken_off_and_its_days_tell_the_width_of_bars() {
    let mut open = spend();
    assert!(open.says("Chart: Cost per day by ServiceName"));
    button(&mut open, "Period: All days");
    open.harness.get_by_role_and_label(Role::TextInput, "Days").focus();
    open.harness.run();
    open.type_text("2026-08-01");
    button(&mut open, "Use these days");
    // The sample's use is told by the hour, so a single day is not one block.
    assert!(open.says("Chart: Cost per hour by ServiceName"));
    button(&mut open, "Show all days");
    assert_eq!(state(&open).scenario.spend.period, None);
    assert!(open.says("Chart: Cost per day by ServiceName"));
}

#[test]
fn a_sum_that_is_not_of_all_rows_is_marked_wherever_it_stands() {
    let mut desk = super::harness::empty(Theme::Dark);
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("part.csv");
    let table = "BilledCost,ListCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ServiceName
1,5,USD,Usage,2026-05-01,a
2,,USD,Usage,2026-05-01,a
4,0.000012,USD,Usage,2026-05-02,b
";
    std::fs::write(&path, table).unwrap();
    desk.drop_file(&path);
    rest(&mut desk);
    // 5 + 0.000012 of the three rows.
    assert!(desk.says("List $5.00 *"), "Files");
    assert!(desk.says("Of rows 2 of 3"), "the sums of the file");
    desk.press("Spend");
    rest(&mut desk);
    desk.harness.get_by_label("Copy CSV").scroll_to_me();
    desk.harness.run();
    assert!(desk.says("ServiceName a, Share"));
    assert!(desk.says("* not of all rows: ListCost 2 of 3"));
    // Columns have the places of their currency, and what is there is never nothing.
    assert!(desk.says("List $0.0000120"));
    assert!(desk.says("Total, Share –, Rows 3, Billed $7.00"));
    assert!(desk.says("List $5.00 *"));
}
