//! The page Bills: the files that were read, cost over time, groups and rows, the share that is inference, and the
//! demand trace.

mod books;
mod cards;
mod deliveries;
mod files;
mod groups;
mod overlay;
mod rates;
mod reconcile;
mod rows;

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, PopupCloseBehavior, ScrollArea, Ui};

use self::deliveries::Deliveries;
use self::files::Files;
use self::groups::Groups;
use self::overlay::Overlays;
use self::rates::Currencies;
use self::rows::Rows;
use super::kept::{Asked, Memo};
use super::parts::{combo_ui, problem_ui, reading_ui, value_words};
use crate::app::{Command, Query, QueryResult, Scenario, State, figures};
use crate::bill::{Basis, ColumnView, Filter};
use crate::chart::Chart;
use crate::ui::theme::space;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    TableState, card_ui, chart_ui, empty_ui, filter_chip_ui, labelled_ui, note_ui, page_header_ui, page_ui,
    primary_button_ui, quiet_button_ui, search_ui, section_header_ui, segmented_ui,
};

/// Series of a chart before the rest becomes "Other".
pub(super) const SERIES: usize = 8;
/// Height of the chart of cost over time.
const CHART_HEIGHT: f32 = 320.0;

/// Width and height of the two lists that a filter is chosen from.
const FILTER_WIDTH: f32 = 240.0;
const FILTER_HEIGHT: f32 = 300.0;

/// What the lower table shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Detail {
    #[default]
    Groups,
    Rows,
}

/// What the page is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Tab {
    /// What was spent, on what, when.
    #[default]
    Spend,
    /// What was read, and whether it is whole.
    Files,
    /// The share that is inference, and the demand it served.
    Inference,
}

/// What the page remembers between frames.
#[derive(Default)]
pub struct Bills {
    tab: Tab,
    files: Files,
    currencies: Currencies,
    deliveries: Deliveries,
    overlays: Overlays,
    columns: Asked,
    series: Asked,
    share: Asked,
    rules: TableState,
    chart: Memo<u64, Chart>,
    demand: Memo<u64, Chart>,
    groups: Groups,
    rows: Rows,
    detail: Detail,
    /// What is typed into the search of values to filter by.
    filter_column: String,
    filter_search: String,
}

impl Bills {
    /// Shows a bill that was just imported among the files, with what reconciling it says.
    pub fn show_bill(&mut self, hash: &str) {
        self.tab = Tab::Files;
        self.files.choose(hash);
    }

    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        page_ui(ui, "bills", |ui| {
            let subtitle = "What was paid, for what, and how much of it is inference";
            page_header_ui(ui, "Bills", subtitle, |ui| {
                if primary_button_ui(ui, "Open a bill…").clicked() {
                    view.actions.push(Action::PickFiles);
                }
            });
            if state.bills.is_empty() {
                self.empty_ui(ui, view);
                return;
            }
            let tabs = [(Tab::Spend, "Spend"), (Tab::Files, "Files"), (Tab::Inference, "Inference")];
            segmented_ui(ui, "Part of the page", &mut self.tab, &tabs);
            ui.add_space(space::S);
            self.currencies.ui(ui, view);
            let mut scenario = state.scenario.clone();
            self.ask(view);
            match self.tab {
                Tab::Spend => {
                    self.over_time_ui(ui, view, &mut scenario);
                    self.detail_ui(ui, view, &mut scenario);
                }
                Tab::Files => {
                    if self.files.ui(ui, view) {
                        self.currencies.open(state);
                    }
                    self.deliveries.ui(ui, view);
                    self.overlays.ui(ui, view);
                }
                Tab::Inference => {
                    cards::inference_ui(ui, view, &self.share, &mut self.rules);
                    if state.trace.is_some() {
                        cards::demand_ui(ui, view, &mut self.demand);
                    }
                }
            }
            if scenario != state.scenario {
                view.send(Command::SetScenario(Box::new(scenario)));
                ui.ctx().request_repaint();
            }
        });
    }

    fn empty_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let pressed = card_ui(ui, |ui| {
            empty_ui(
                ui,
                "No bill is open",
                "Open what a provider bills you, as CSV, JSON or Parquet, a ZIP, a folder or a manifest of many files, or drop it anywhere on the window: FOCUS, \
                 AWS, Azure, Google Cloud, Oracle Cloud, Databricks, OpenAI, Anthropic, DeepSeek. It is read into a local store and never leaves this machine.",
                "Open a bill…",
            )
        });
        if pressed.inner {
            view.actions.push(Action::PickFiles);
        }
        self.overlays.ui(ui, view);
        if view.app.state().trace.is_some() {
            cards::demand_ui(ui, view, &mut self.demand);
        }
    }

    fn ask(&mut self, view: &mut View<'_>) {
        let scenario = view.app.state().scenario.clone();
        self.columns.follow(view, Query::Columns);
        self.series.follow(
            view,
            Query::Series {
                by: Some(scenario.group_by.clone()),
                filters: scenario.bill_filters(),
                basis: scenario.basis,
                monthly: scenario.monthly,
                top: SERIES,
            },
        );
        self.share
            .follow(view, Query::Inference { filters: scenario.filters.clone(), basis: scenario.basis });
    }

    fn over_time_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        let state = view.app.state();
        card_ui(ui, |ui| {
            ui.horizontal(|ui| {
                group_by_ui(ui, &self.columns, scenario, 170.0);
                ui.add_space(space::S);
                segmented_ui(ui, "Bars per", &mut scenario.monthly, &[(false, "Day"), (true, "Month")]);
                ui.add_space(space::S);
                basis_ui(ui, &mut scenario.basis);
                ui.add_space(space::S);
                ui.checkbox(&mut scenario.only_inference, "Only inference")
                    .on_hover_text("Only the rows that a rule calls inference");
                if self.series.is_waiting() {
                    reading_ui(ui);
                }
            });
            self.filters_ui(ui, scenario);
            match (self.series.answer(), self.series.question()) {
                (Some(Ok(QueryResult::Series(series))), Some(Query::Series { by, basis, monthly, .. })) => {
                    let chart = self.chart.get(self.series.version(), || {
                        let currency =
                            series.currency.as_deref().or(state.bill_currency()).unwrap_or_default();
                        figures::bill(series, by.as_deref().unwrap_or_default(), *basis, *monthly, currency)
                    });
                    chart_ui(ui, view, chart, CHART_HEIGHT, None);
                    if series.undated_rows > 0 {
                        let text =
                            format!("{} rows have no readable start and are in no bar", series.undated_rows);
                        note_ui(ui, &text);
                    }
                }
                (Some(Err(problem)), _) => problem_ui(ui, problem),
                _ => {
                    ui.allocate_space(egui::vec2(ui.available_width(), CHART_HEIGHT));
                }
            }
        });
    }

    /// The filters that are on, and a menu that adds one.
    fn filters_ui(&mut self, ui: &mut Ui, scenario: &mut Scenario) {
        ui.horizontal_wrapped(|ui| {
            note_ui(ui, "Filters");
            let mut gone = None;
            for (place, filter) in scenario.filters.iter().enumerate() {
                let values: Vec<&str> = filter.values.iter().map(|value| value_words(value)).collect();
                if filter_chip_ui(ui, &filter.column, &values.join(", ")) {
                    gone = Some(place);
                }
            }
            if let Some(place) = gone {
                scenario.filters.remove(place);
            }
            let columns = columns_of(&self.columns);
            let (column, search) = (&mut self.filter_column, &mut self.filter_search);
            let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
            MenuButton::new("Add a filter")
                .config(config)
                .ui(ui, |ui| add_filter_ui(ui, columns, column, search, scenario));
            if scenario.filters.len() > 1 && quiet_button_ui(ui, "Remove all").clicked() {
                scenario.filters.clear();
            }
        });
    }

    fn detail_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        card_ui(ui, |ui| {
            let name = match self.detail {
                Detail::Groups => format!("By {}", scenario.group_by),
                Detail::Rows => "Rows".to_owned(),
            };
            let Self { detail, groups, rows, .. } = self;
            match detail {
                Detail::Groups => groups.ask(view),
                Detail::Rows => rows.ask(view),
            }
            section_header_ui(ui, &name, "", |ui| {
                match detail {
                    Detail::Groups => groups.copy_ui(ui, view),
                    Detail::Rows => rows.copy_ui(ui, view),
                }
                segmented_ui(ui, "Show", detail, &[(Detail::Rows, "Rows"), (Detail::Groups, "Groups")]);
            });
            match detail {
                Detail::Groups => {
                    if groups.ui(ui, view, scenario) {
                        *detail = Detail::Rows;
                    }
                }
                Detail::Rows => rows.ui(ui, view),
            }
        });
    }
}

/// The columns and tag keys of the open bills; empty before the answer.
fn columns_of(columns: &Asked) -> &[ColumnView] {
    match columns.answer() {
        Some(Ok(QueryResult::Columns(columns))) => columns,
        _ => &[],
    }
}

/// The choice of the column that the bill is grouped by.
pub(super) fn group_by_ui(ui: &mut Ui, columns: &Asked, scenario: &mut Scenario, width: f32) {
    let chosen = scenario.group_by.clone();
    combo_ui(ui, "By", &chosen, width, |ui| {
        for column in columns_of(columns).iter().filter(|column| column.groupable || column.name == chosen) {
            ui.selectable_value(&mut scenario.group_by, column.name.clone(), &column.name);
        }
    });
}

/// The choice of the cost that is shown.
fn basis_ui(ui: &mut Ui, basis: &mut Basis) {
    labelled_ui(ui, "Cost", |ui| {
        egui::ComboBox::from_id_salt("basis")
            .selected_text(basis_words(*basis))
            .width(110.0)
            .show_ui(ui, |ui| {
                for other in [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost]
                {
                    ui.selectable_value(basis, other, basis_words(other)).on_hover_text(other.column());
                }
            })
            .response
    });
}

/// A cost as people say it.
fn basis_words(basis: Basis) -> &'static str {
    match basis {
        Basis::BilledCost => "Billed",
        Basis::EffectiveCost => "Effective",
        Basis::ListCost => "List",
        Basis::ContractedCost => "Contracted",
    }
}

/// Columns on the left, the values of the chosen one on the right. Only columns whose values are known and few can
/// be chosen from.
fn add_filter_ui(
    ui: &mut Ui,
    columns: &[ColumnView],
    column: &mut String,
    search: &mut String,
    scenario: &mut Scenario,
) {
    let listed = |view: &&ColumnView| !view.values.values.is_empty() && !view.values.more;
    if !columns.iter().filter(listed).any(|view| view.name == *column) {
        column.clone_from(&scenario.group_by);
    }
    ui.horizontal_top(|ui| {
        list_ui(ui, "filter columns", |ui| {
            for view in columns.iter().filter(listed) {
                if ui.add(Button::selectable(*column == view.name, &view.name)).clicked() {
                    column.clone_from(&view.name);
                    search.clear();
                }
            }
        });
        ui.vertical(|ui| {
            search_ui(ui, "Search values", search, "Search values", FILTER_WIDTH - 40.0);
            list_ui(ui, "filter values", |ui| {
                let wanted = search.to_lowercase();
                let none = String::new();
                let values = columns.iter().find(|view| view.name == *column).map(|view| &view.values.values);
                for value in values.into_iter().flatten().chain([&none]) {
                    let words = value_words(value);
                    if !words.to_lowercase().contains(&wanted) {
                        continue;
                    }
                    let on = scenario
                        .filters
                        .iter()
                        .any(|filter| filter.column == *column && filter.values.contains(value));
                    if ui.add(Button::selectable(on, words).truncate()).clicked() {
                        toggle_filter(scenario, column, value);
                    }
                }
            });
        });
    });
}

/// A list of a fixed size that scrolls.
fn list_ui(ui: &mut Ui, id: &str, add: impl FnOnce(&mut Ui)) {
    ui.allocate_ui(egui::vec2(FILTER_WIDTH, FILTER_HEIGHT), |ui| {
        ScrollArea::vertical().id_salt(id).max_height(FILTER_HEIGHT).auto_shrink([false, true]).show(
            ui,
            |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.with_layout(egui::Layout::top_down_justified(egui::Align::Min), add);
            },
        );
    });
}

/// Turns a value of a filter on or off; a filter without values is taken out.
fn toggle_filter(scenario: &mut Scenario, column: &str, value: &str) {
    match scenario.filters.iter_mut().find(|filter| filter.column == column) {
        Some(filter) if filter.values.iter().any(|other| other == value) => {
            filter.values.retain(|other| other != value);
        }
        Some(filter) => filter.values.push(value.to_owned()),
        None => scenario.filters.push(Filter { column: column.to_owned(), values: vec![value.to_owned()] }),
    }
    scenario.filters.retain(|filter| !filter.values.is_empty());
}

/// The currency of an answer, else of the bills.
fn currency_of(state: &State) -> &str {
    state.bill_currency().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_into_a_filter_and_taken_out_again() {
        let mut scenario = Scenario::default();
        for (value, left) in [("a", 1), ("b", 2), ("a", 1), ("b", 0)] {
            toggle_filter(&mut scenario, "RegionId", value);
            let values: usize = scenario.filters.iter().map(|filter| filter.values.len()).sum();
            assert_eq!(values, left, "after {value}");
        }
        assert!(scenario.filters.is_empty());
    }
}
