//! The page Prices: the machines of this project and what an hour of each costs, and the price book to add from.

mod book;
mod edit;

use egui::Ui;

use self::book::Book;
use self::edit::Editor;
use crate::app::{Command, Scenario, State};
use crate::hardware::Profile;
use crate::ui::theme::space;
use crate::ui::view::View;
use crate::ui::widgets::{
    Badge, Cell, Column, Table, TableState, card_ui, data_table_ui, empty_ui, note_ui, page_header_ui,
    page_ui, section_header_ui,
};
use crate::units::{self, Money};

/// Height of the project's list, in points; a longer one scrolls.
const LIST_HEIGHT: f32 = 270.0;

/// What the page remembers between frames.
#[derive(Default)]
pub struct Prices {
    list: TableState,
    /// Id of the chosen profile.
    chosen: Option<String>,
    book: Book,
    editor: Option<Editor>,
}

impl Prices {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let app = view.app;
        let state = app.state();
        page_ui(ui, "prices", |ui| {
            let subtitle = "What an hour of each machine costs. A price over another machine's measurement is \
                            assumed, and says so wherever it shows.";
            page_header_ui(ui, "Prices", subtitle, |_| {});
            card_ui(ui, |ui| self.project_ui(ui, state, view));
            ui.add_space(space::XS);
            card_ui(ui, |ui| self.book.ui(ui, state, view));
        });
        if let Some(editor) = &mut self.editor
            && let Some(answer) = editor.ui(ui.ctx())
        {
            self.editor = None;
            if let Some(profile) = answer {
                self.chosen = Some(profile.id.clone());
                view.send(Command::PutProfile(Box::new(profile)));
            }
        }
    }

    fn project_ui(&mut self, ui: &mut Ui, state: &State, view: &mut View<'_>) {
        let place =
            self.chosen.as_ref().and_then(|id| state.profiles.iter().position(|profile| profile.id == *id));
        let chosen = place.map(|place| &state.profiles[place]);
        section_header_ui(ui, "Machines of this project", &format!("{}", state.profiles.len()), |ui| {
            if ui.button("Add…").on_hover_text("A machine the price book does not know").clicked() {
                self.editor = Some(Editor::fresh(&state.profiles));
            }
            let own = state.profiles.iter().any(|profile| profile.id == "this-machine");
            if !own && ui.button("Add this machine…").clicked() {
                self.editor = Some(Editor::this_machine(&state.machine));
            }
            ui.add_enabled_ui(chosen.is_some(), |ui| {
                let why = "Choose a row first";
                if ui.button("Remove").on_disabled_hover_text(why).clicked()
                    && let Some(profile) = chosen
                {
                    view.send(Command::RemoveProfile(profile.id.clone()));
                }
                if ui.button("Edit…").on_disabled_hover_text(why).clicked()
                    && let Some(profile) = chosen
                {
                    self.editor = Some(Editor::of(profile));
                }
                let used =
                    chosen.is_some_and(|profile| state.scenario.price_profile.as_ref() == Some(&profile.id));
                let button = ui.add_enabled(!used, egui::Button::new("Use over the chart"));
                if button
                    .on_hover_text("Its price lies over the trade-off chart")
                    .on_disabled_hover_text(if used { "It lies over the chart already" } else { why })
                    .clicked()
                    && let Some(profile) = chosen
                {
                    let scenario =
                        Scenario { price_profile: Some(profile.id.clone()), ..state.scenario.clone() };
                    view.send(Command::SetScenario(Box::new(scenario)));
                }
            });
        });
        if state.profiles.is_empty() {
            let why = "Add machines from the price book below, or one of your own.";
            if empty_ui(ui, "No machines yet", why, "Add a machine…") {
                self.editor = Some(Editor::fresh(&state.profiles));
            }
            return;
        }
        let columns = [
            Column::fill("Machine", 180.0),
            Column::text("Region", 90.0),
            Column::text("Bought", 146.0),
            Column::number("Price per hour", 112.0),
            Column::number("vCPU", 48.0),
            Column::number("Memory (GiB)", 88.0),
            Column::text("Accelerator", 96.0),
            Column::number("Speed factor", 116.0)
                .hover("Throughput relative to the machine that measured, for the same threads; 1 = as fast"),
        ];
        let table = Table {
            id: "profiles",
            name: "Machines of this project",
            columns: &columns,
            rows: state.profiles.len(),
            revision: state.revision,
            selected: place,
            height: LIST_HEIGHT,
        };
        let over_chart = state.scenario.price_profile.as_deref();
        let output = data_table_ui(ui, &table, &mut self.list, |row, column| {
            cell(&state.profiles[row], column, over_chart)
        });
        if let Some(row) = output.chosen {
            self.chosen = Some(state.profiles[row].id.clone());
        }
        if let Some(row) = output.opened {
            self.editor = Some(Editor::of(&state.profiles[row]));
        }
        if let Some(row) = output.deleted {
            view.send(Command::RemoveProfile(state.profiles[row].id.clone()));
        }
        match chosen {
            Some(profile) => note_ui(ui, &format!("{}: {}", profile.name, profile.source)),
            None => {
                note_ui(ui, "Choose a machine to see where its price comes from; double-click to edit it.")
            }
        };
    }
}

fn cell(profile: &Profile, column: usize, over_chart: Option<&str>) -> Cell {
    match column {
        0 => {
            let cell = Cell::text(&profile.name).hover(&profile.source);
            if over_chart == Some(profile.id.as_str()) { cell.badge(Badge::Used) } else { cell }
        }
        1 => Cell::text(&profile.region),
        2 => Cell::text(profile.purchase.to_string()),
        3 => Cell::number(
            profile.price_per_hour.to_f64(),
            price_words(profile.price_per_hour, &profile.currency),
        ),
        4 => Cell::number(profile.vcpu, plain(profile.vcpu)),
        5 => match profile.memory_gib {
            Some(gib) => Cell::number(gib, plain(gib)),
            None => Cell::unknown("The source does not state the memory"),
        },
        6 => match &profile.accelerator {
            Some(name) if profile.accelerator_count > 1 => {
                Cell::text(format!("{} × {name}", profile.accelerator_count))
            }
            Some(name) => Cell::text(name),
            None => Cell::text(""),
        },
        _ => match profile.speed_factor {
            Some(factor) => {
                let cell = Cell::number(factor, format!("{factor:.2}"));
                cell.badge(if profile.is_measured_machine { Badge::Measured } else { Badge::Assumed })
            }
            None => Cell::unknown(
                "Not known: nothing measured elsewhere is priced on it. Edit it to say how fast",
            ),
        },
    }
}

/// The price of an hour with four decimals, so that prices line up: `$0.0893`, `€1.2000`.
fn price_words(price: Money, currency: &str) -> String {
    units::money_to(price, 4, currency)
}

/// A size as people write it: `2`, `7.5`, `0.125`.
fn plain(value: f64) -> String {
    let rounded = (value * 1_000.0).round() / 1_000.0;
    rounded.to_string()
}
