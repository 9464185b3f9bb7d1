//! The price book on the page Prices: every cloud's machines, searched at each key press.

use egui::{ComboBox, RichText, Ui};

use super::{plain, price_words};
use crate::app::{Command, State};
use crate::hardware::{Entry, PriceBook, Purchase, Query};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Table, TableState, count_words, data_table_ui, note_ui, primary_button_ui, search_ui,
    section_header_ui, segmented_ui,
};

/// Height of the results, in points; longer ones scroll.
const HEIGHT: f32 = 360.0;

/// What the search remembers between frames.
pub(super) struct Book {
    query: Query,
    purchase: Purchase,
    /// The answer of `asked`, kept until the query changes.
    found: Vec<Entry<'static>>,
    asked: Option<Query>,
    /// Counts answers, so that the table knows its rows have changed.
    answers: u64,
    table: TableState,
    chosen: Option<usize>,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            query: Query::default(),
            purchase: Purchase::OnDemand,
            found: Vec::new(),
            asked: None,
            answers: 0,
            table: TableState::default(),
            chosen: None,
        }
    }
}

/// The ways of buying the book has prices for.
const WAYS: [(Purchase, &str); 4] = [
    (Purchase::OnDemand, "On demand"),
    (Purchase::Spot, "Spot"),
    (Purchase::Committed1y, "1 year"),
    (Purchase::Committed3y, "3 years"),
];

impl Book {
    pub(super) fn ui(&mut self, ui: &mut Ui, state: &State, view: &mut View<'_>) {
        let book = PriceBook::builtin();
        let note = format!("{} machines in regions", count_words(book.len() as u64));
        let mut add = false;
        let can_add = self.chosen.is_some();
        section_header_ui(ui, "Price book", &note, |ui| {
            ui.add_enabled_ui(can_add, |ui| {
                add = primary_button_ui(ui, "Add to project")
                    .on_disabled_hover_text("Choose a row first")
                    .clicked();
            });
        });
        self.filters_ui(ui, book);
        self.answer(book);
        let columns = [
            Column::text("Provider", 70.0),
            Column::fill("Instance", 180.0),
            Column::text("Region", 150.0),
            Column::number("Price per hour", 112.0),
            Column::number("vCPU", 56.0),
            Column::number("Memory (GiB)", 92.0),
            Column::text("Accelerator", 170.0),
        ];
        let table = Table {
            id: "book",
            name: "Price book",
            columns: &columns,
            rows: self.found.len(),
            revision: self.answers,
            selected: self.chosen,
            height: HEIGHT,
        };
        let (found, purchase, currency) = (&self.found, self.purchase, book.currency());
        let output = data_table_ui(ui, &table, &mut self.table, |row, column| {
            cell(&found[row], column, purchase, currency)
        });
        if let Some(row) = output.chosen {
            self.chosen = Some(row);
        }
        if self.found.is_empty() {
            note_ui(ui, "Nothing fits. Fewer words or fewer conditions find more.");
        }
        let wanted = output.opened.or(self.chosen.filter(|_| add));
        if let Some(entry) = wanted.and_then(|row| self.found.get(row)) {
            add_to_project(*entry, purchase, state, view);
        }
        sources_ui(ui, book);
    }

    fn filters_ui(&mut self, ui: &mut Ui, book: &'static PriceBook) {
        ui.horizontal_wrapped(|ui| {
            let hint = "Instance, accelerator or region";
            search_ui(ui, "Search the price book", &mut self.query.text, hint, 220.0);
            let provider = self.query.provider.clone().unwrap_or_else(|| "All providers".to_owned());
            let choice = ComboBox::from_id_salt("provider").width(120.0).selected_text(provider);
            let choice = choice.show_ui(ui, |ui| {
                let before = self.query.provider.clone();
                ui.selectable_value(&mut self.query.provider, None, "All providers");
                for name in book.providers() {
                    ui.selectable_value(&mut self.query.provider, Some(name.to_owned()), name);
                }
                if self.query.provider != before {
                    self.query.region = None;
                }
            });
            name_choice(&choice.response, "Provider");
            let region = self.query.region.clone().unwrap_or_else(|| "All regions".to_owned());
            let regions =
                self.query.provider.as_deref().map(|provider| book.regions(provider)).unwrap_or_default();
            ui.add_enabled_ui(!regions.is_empty(), |ui| {
                let choice = ComboBox::from_id_salt("region").width(130.0).selected_text(region);
                let choice = choice.show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.query.region, None, "All regions");
                    for name in regions {
                        ui.selectable_value(&mut self.query.region, Some(name.to_owned()), name);
                    }
                });
                name_choice(&choice.response, "Region");
            });
            segmented_ui(
                ui,
                "Accelerator",
                &mut self.query.accelerator,
                &[(None, "All"), (Some(false), "CPU"), (Some(true), "GPU")],
            );
            segmented_ui(ui, "Bought", &mut self.purchase, &WAYS);
        });
        self.query.purchase = Some(self.purchase);
    }

    fn answer(&mut self, book: &'static PriceBook) {
        if self.asked.as_ref() == Some(&self.query) {
            return;
        }
        self.found = book.search(&self.query);
        self.asked = Some(self.query.clone());
        self.answers += 1;
        self.chosen = None;
    }
}

/// Gives a drop-down list an accessible name; what is chosen is seen in it.
fn name_choice(response: &egui::Response, name: &str) {
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, response.enabled(), name));
}

fn cell(entry: &Entry<'_>, column: usize, purchase: Purchase, currency: &str) -> Cell {
    match column {
        0 => Cell::text(entry.provider()),
        1 => Cell::text(entry.instance()),
        2 => Cell::text(entry.region()),
        3 => match entry.price(purchase) {
            Some(price) => Cell::number(price.to_f64(), price_words(price, currency)),
            None => Cell::unknown("The source has no such price"),
        },
        4 => match entry.vcpu() {
            Some(vcpu) => Cell::number(vcpu, plain(vcpu)),
            None => Cell::unknown("The source does not state it"),
        },
        5 => match entry.memory_gib() {
            Some(gib) => Cell::number(gib, plain(gib)),
            None => Cell::unknown("The source does not state it"),
        },
        _ => match (entry.accelerator(), entry.accelerator_count()) {
            (Some(name), Some(count)) if (count - 1.0).abs() > f64::EPSILON => {
                Cell::text(format!("{} × {name}", plain(count)))
            }
            (Some(name), _) => Cell::text(name),
            (None, _) => Cell::text(""),
        },
    }
}

/// CPU machines are added with the speed factor 1, marked as assumed, as the default ones are; GPU machines with none.
fn add_to_project(entry: Entry<'_>, purchase: Purchase, state: &State, view: &mut View<'_>) {
    let Some(profile) = entry.profile(purchase) else {
        view.say("This machine cannot be added: its number of vCPUs is not known");
        return;
    };
    if state.profiles.iter().any(|other| other.id == profile.id) {
        view.say(format!("{} ({}, {purchase}) is in the project already", profile.name, profile.region));
        return;
    }
    let words = format!("Added {} ({}, {purchase})", profile.name, profile.region);
    let profile = if profile.accelerator.is_none() { profile.assuming_same_speed() } else { profile };
    view.send(Command::PutProfile(Box::new(profile)));
    view.say(words);
}

/// Where the prices come from, and of which day they are.
fn sources_ui(ui: &mut Ui, book: &PriceBook) {
    let tokens = Tokens::of(ui);
    for source in book.sources() {
        let text = format!(
            "{}: {} {}, {}, {} ({})",
            source.provider, source.source, source.revision, source.date, source.prices, source.licence
        );
        ui.add(egui::Label::new(RichText::new(text).small().color(tokens.text_quiet)).wrap());
    }
}
