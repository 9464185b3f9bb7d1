//! The page Bills: what was spent on what and when, the files that were read, the share that is inference, and the
//! demand trace.

mod books;
mod cards;
mod chips;
mod compare;
mod deliveries;
mod files;
mod filters;
mod groups;
mod lens;
mod overlay;
mod rates;
mod reconcile;
mod rows;
mod spend;
mod views;
mod warehouse;
mod watch;

use egui::Ui;

use self::deliveries::Deliveries;
use self::files::Files;
use self::lens::Lens;
use self::overlay::Overlays;
use self::rates::Currencies;
use self::spend::{SpendPart, columns_of};
use self::warehouse::Warehouses;
use self::watch::Watching;
use super::kept::{Asked, Memo};
use super::parts::combo_ui;
use crate::app::{Command, Scenario};
use crate::bill::Granularity;
use crate::chart::Chart;
use crate::ui::theme::space;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{card_ui, empty_ui, page_header_ui, page_ui, primary_button_ui, segmented_ui};

/// Series of a chart before the rest becomes "Other".
pub(super) const SERIES: usize = 8;

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
    /// Budgets, what comes, what was unusual, what is wasted.
    Watch,
}

/// What the page remembers between frames.
#[derive(Default)]
pub struct Bills {
    tab: Tab,
    spend: SpendPart,
    files: Files,
    warehouses: Warehouses,
    currencies: Currencies,
    deliveries: Deliveries,
    overlays: Overlays,
    lens: Lens,
    watching: Watching,
    demand: Memo<u64, Chart>,
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
                self.warehouses.button_ui(ui);
            });
            self.warehouses.dialog_ui(ui.ctx(), view);
            self.warehouses.missing_ui(ui, view);
            if state.bills.is_empty() {
                self.empty_ui(ui, view);
                return;
            }
            let tabs = [
                (Tab::Spend, "Spend"),
                (Tab::Files, "Files"),
                (Tab::Inference, "Inference"),
                (Tab::Watch, "Watch"),
            ];
            segmented_ui(ui, "Part of the page", &mut self.tab, &tabs);
            ui.add_space(space::S);
            self.currencies.ui(ui, view);
            let mut scenario = state.scenario.clone();
            match self.tab {
                Tab::Spend => self.spend.ui(ui, view, &mut scenario),
                Tab::Files => {
                    if self.files.ui(ui, view) {
                        self.currencies.open(state);
                    }
                    self.deliveries.ui(ui, view);
                    self.overlays.ui(ui, view);
                    self.warehouses.list_ui(ui, view);
                }
                Tab::Watch => {
                    if self.watching.ui(ui, view) {
                        // Its filters are on their way; the scenario of this frame must not undo them.
                        self.tab = Tab::Spend;
                        return;
                    }
                }
                Tab::Inference => {
                    let columns = self.spend.columns(view);
                    if self.lens.ui(ui, view, &mut scenario, columns) {
                        self.tab = Tab::Spend;
                        self.spend.show_rows();
                    }
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
}

/// A width of bars as people say it.
pub(super) fn per_words(per: Granularity) -> &'static str {
    match per {
        Granularity::Hour => "Hour",
        Granularity::Day => "Day",
        Granularity::Week => "Week",
        Granularity::Month => "Month",
    }
}

/// The choice of the column that the bill is grouped by, of those with few values.
pub(super) fn group_by_ui(ui: &mut Ui, columns: &Asked, scenario: &mut Scenario, width: f32) {
    let chosen = scenario.group_by.clone();
    combo_ui(ui, "By", &chosen, width, |ui| {
        for column in columns_of(columns).iter().filter(|column| column.groupable || column.name == chosen) {
            ui.selectable_value(&mut scenario.group_by, column.name.clone(), &column.name);
        }
    });
}
