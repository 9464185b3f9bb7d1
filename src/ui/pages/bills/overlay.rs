//! The card of allocations that `OpenCost` or Kubecost made: how clusters' cost is shared out, beside what the bills say of
//! the same machines. Never part of a total.

use egui::Ui;

use crate::app::{Command, Query, QueryResult};
use crate::bill::overlay::{Component, Item, Overlay};
use crate::bill::{Basis, Filter};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{day_words, money_or_dash};
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Stat, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui, segmented_ui, stats_ui,
};
use crate::units::Money;

/// Height of the table.
const HEIGHT: f32 = 280.0;
/// Ids of machines asked for at most.
const MOST_IDS: usize = 2_000;
/// Components with a column of their own.
const SHOWN: [Component; 6] = [
    Component::Cpu,
    Component::Gpu,
    Component::Ram,
    Component::Storage,
    Component::Network,
    Component::LoadBalancer,
];

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Overlays {
    place: usize,
    table: TableState,
    chosen: Option<usize>,
    machines: Asked,
    /// The overlay whose machines are asked for, and their ids, which take a pass over all of it.
    ids: (String, Vec<String>),
}

impl Overlays {
    /// The card; nothing without an overlay.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let overlays = &state.overlays;
        let Self { place, table, chosen, machines, ids } = self;
        *place = (*place).min(overlays.len().saturating_sub(1));
        let Some(overlay) = overlays.get(*place) else { return };
        if ids.0 != overlay.key {
            *ids = (overlay.key.clone(), overlay.resource_ids());
        }
        let left_out = ids.1.len().saturating_sub(MOST_IDS);
        let asks = !ids.1.is_empty() && !state.bills.is_empty();
        if asks {
            machines.follow(view, machines_of(ids.1.iter().take(MOST_IDS).cloned().collect()));
        }
        card_ui(ui, |ui| {
            let note = format!("{}, {}; never added to a total", overlay.kind, window_words(overlay));
            section_header_ui(ui, "Cluster allocations", &note, |ui| {
                if quiet_button_ui(ui, "Remove the overlay").clicked() {
                    view.send(Command::RemoveOverlay(overlay.key.clone()));
                }
                if overlays.len() > 1 {
                    let names: Vec<(usize, &str)> =
                        overlays.iter().map(|overlay| overlay.file.as_str()).enumerate().collect();
                    segmented_ui(ui, "Overlay", place, &names);
                }
            });
            stats_of_ui(ui, overlay);
            table_ui(ui, overlay, state.revision, table, chosen);
            if asks {
                machines_ui(ui, machines, state.bill_currency().unwrap_or_default());
                if left_out > 0 {
                    let words = format!(
                        "{} of its machines are not among them: {} are asked for at most.",
                        count_words(left_out as u64),
                        count_words(MOST_IDS as u64)
                    );
                    note_ui(ui, &words);
                }
            } else if !state.bills.is_empty() {
                note_ui(
                    ui,
                    "It names no machine of a provider, so it cannot be laid beside the bills' rows.",
                );
            }
            for problem in &overlay.problems {
                note_ui(ui, problem);
            }
        });
    }
}

/// What the bills say of machines.
fn machines_of(ids: Vec<String>) -> Query {
    Query::Groups {
        by: vec!["ResourceId".to_owned()],
        filters: vec![Filter::is("ResourceId", ids)],
        basis: Basis::EffectiveCost,
    }
}

fn window_words(overlay: &Overlay) -> String {
    match (overlay.from_unix_secs, overlay.until_unix_secs) {
        (Some(from), Some(until)) => format!("{} to {}", day_words(from), day_words(until)),
        _ => "window not told".to_owned(),
    }
}

/// An amount of the overlay: its currency is not in the file.
fn amount_words(amount: Option<Money>) -> String {
    money_or_dash(amount, "")
}

fn stats_of_ui(ui: &mut Ui, overlay: &Overlay) {
    let (total, gpu) = (amount_words(overlay.total()), amount_words(overlay.component(Component::Gpu)));
    let idle = amount_words(overlay.idle());
    let idle_note = if overlay.idle().is_some() {
        "used by nothing"
    } else {
        "not in the file; ask with includeIdle=true"
    };
    let items = count_words(overlay.items.len() as u64);
    let unit = "in OpenCost's currency";
    stats_ui(
        ui,
        &[
            Stat { label: "Allocated", value: &total, unit: "", note: unit },
            Stat { label: "GPU", value: &gpu, unit: "", note: unit },
            Stat { label: "Idle", value: &idle, unit: "", note: idle_note },
            Stat { label: "Allocations", value: &items, unit: "", note: "" },
        ],
    );
}

fn table_ui(
    ui: &mut Ui,
    overlay: &Overlay,
    revision: u64,
    table: &mut TableState,
    chosen: &mut Option<usize>,
) {
    let mut columns = vec![
        Column::fill("Name", 110.0),
        Column::text("Cluster", 96.0),
        Column::text("Namespace", 90.0),
        Column::text("Controller", 90.0),
        Column::number("Total", 80.0),
    ];
    columns.extend(SHOWN.iter().map(|component| Column::number(component.words(), 72.0)));
    columns.push(Column::number("GPU hours", 72.0));
    let shape = Table {
        id: "overlay",
        name: "Cluster allocations",
        columns: &columns,
        rows: overlay.items.len(),
        revision,
        selected: chosen.filter(|row| *row < overlay.items.len()),
        height: HEIGHT,
    };
    let output = data_table_ui(ui, &shape, table, |row, column| cell(&overlay.items[row], column));
    if let Some(row) = output.chosen {
        *chosen = Some(row);
    }
}

fn cell(item: &Item, column: usize) -> Cell {
    let property = |name: &str| match item.properties.get(name) {
        Some(value) => Cell::text(value.clone()).hover(value.clone()),
        None => Cell::unknown("Not in the file"),
    };
    let money = |amount: Option<Money>| match amount {
        Some(amount) => Cell::number(amount.to_f64(), amount_words(Some(amount))).hover(amount.to_string()),
        None => Cell::unknown("Not in the file"),
    };
    match column {
        0 if item.is_idle() => Cell::text("Idle").hover(item.name.clone()).quiet(),
        0 => Cell::text(item.name.clone()).hover(item.name.clone()),
        1 => property("cluster"),
        2 => property("namespace"),
        3 => property("controller"),
        4 => money(item.total),
        11 => match item.gpu_hours.parse::<f64>() {
            Ok(hours) => Cell::number(hours, item.gpu_hours.clone()),
            Err(_) => Cell::unknown("Not in the file"),
        },
        other => money(SHOWN.get(other - 5).and_then(|component| item.parts.get(component)).copied()),
    }
}

/// What the bills say of the machines that the allocations are about.
fn machines_ui(ui: &mut Ui, machines: &Asked, currency: &str) {
    match machines.answer() {
        Some(Ok(QueryResult::Groups(groups))) if groups.is_empty() => {
            note_ui(ui, "No row of the bills is about one of its machines (by ResourceId).");
        }
        Some(Ok(QueryResult::Groups(groups))) => {
            let costs = groups.iter().map(|group| group.costs.effective_cost.or(group.costs.billed_cost));
            let total = costs.flatten().try_fold(Money::ZERO, Money::checked_add);
            let words = format!(
                "On the bills, its machines ({} of them by ResourceId) cost {} in all the time the bills cover.",
                count_words(groups.len() as u64),
                money_or_dash(total, currency)
            );
            note_ui(ui, &words);
        }
        Some(Err(problem)) => {
            note_ui(ui, &format!("The bills' rows cannot be laid beside it: {problem}."));
        }
        _ => {}
    }
}
