//! The offers of the planner: a table in the planner's order, and the same as a chart.

use egui::{Layout, Ui};

use crate::app::derive::variant_id;
use crate::app::{State, figures};
use crate::chart::Chart;
use crate::hardware::Purchase;
use crate::plan::{Answer, Offer};
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{csv_text, field, threads_words};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Badge, Cell, Column, Icon, Table, TableState, bare_chart_ui, chart_menu_ui, count_words, data_table_ui,
    icon_ui, note_ui, quiet_button_ui, segmented_ui,
};
use crate::units;

/// Bars of the chart.
const BARS: usize = 6;

/// What the table remembers between frames.
#[derive(Default)]
pub struct Offers {
    table: TableState,
    as_chart: bool,
    of_chosen: bool,
    /// Places in the answer of the rows shown.
    shown: Memo<(u64, bool), Vec<usize>>,
    chart: Memo<u64, Chart>,
    selected: Option<(u64, usize)>,
}

impl Offers {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let Some(answer) = &state.answer else { return };
        let Self { table, as_chart, of_chosen, shown, chart, selected } = self;
        let currency = state.plan_currency();
        *of_chosen &= state.chosen_point().is_some();
        let shown = shown.get((state.revision, *of_chosen), || {
            let chosen = state.chosen_point().filter(|_| *of_chosen);
            let fits = |offer: &Offer| {
                chosen.is_none_or(|stored| {
                    let config = &stored.point.config;
                    offer.stay
                        || (offer.id == variant_id(stored)
                            && offer.batch == config.batch
                            && offer.threads == config.threads)
                })
            };
            let mut places: Vec<usize> =
                (0..answer.offers.len()).filter(|place| fits(&answer.offers[*place])).collect();
            // Staying is always in view, right behind the best.
            places.sort_by_key(|place| (answer.best != Some(*place), !answer.offers[*place].stay));
            places
        });
        ui.horizontal(|ui| {
            segmented_ui(ui, "Offers", as_chart, &[(false, "Table"), (true, "Chart")]);
            if let Some(stored) = state.chosen_point() {
                let config = &stored.point.config;
                segmented_ui(ui, "Offers of", of_chosen, &[(false, "All variants"), (true, "Chosen point")]);
                if *of_chosen {
                    let name = stored.point.model.trim_end_matches(".onnx");
                    let threads = threads_words(config.threads);
                    note_ui(ui, &format!("{name}, batch {}, {threads}", config.batch));
                }
            }
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                if *as_chart {
                    let chart = chart.get(state.revision, || figures::offers(answer, &currency, BARS));
                    chart_menu_ui(ui, view, chart);
                } else if quiet_button_ui(ui, "Copy CSV").clicked() {
                    let text = csv(answer, shown, &currency);
                    view.actions.push(Action::Copy { text, what: "Offers as CSV".to_owned() });
                }
                left_out_ui(ui, answer);
                let s = if shown.len() == 1 { "" } else { "s" };
                note_ui(ui, &format!("{} offer{s}", count_words(shown.len() as u64)));
            });
        });
        let height = ui.available_height();
        if *as_chart {
            let chart = chart.get(state.revision, || figures::offers(answer, &currency, BARS));
            bare_chart_ui(ui, chart, height.max(150.0), None);
            return;
        }
        let columns = columns(&currency);
        let chosen = selected.filter(|(revision, _)| *revision == state.revision).map(|(_, row)| row);
        let shape = Table {
            id: "offers",
            name: "Offers",
            columns: &columns,
            rows: shown.len(),
            revision: state.revision.wrapping_mul(2) + u64::from(*of_chosen),
            selected: chosen,
            height: height.max(120.0),
        };
        let tokens = Tokens::of(ui);
        let output = data_table_ui(ui, &shape, table, |row, column| {
            let place = shown[row];
            cell(state, &answer.offers[place], answer.best == Some(place), column, &currency, tokens)
        });
        if let Some(row) = output.chosen {
            *selected = Some((state.revision, row));
        }
    }
}

/// What was not offered, where the pointer rests.
fn left_out_ui(ui: &mut Ui, answer: &Answer) {
    if answer.left_out.is_empty() {
        return;
    }
    let tokens = Tokens::of(ui);
    let total: usize = answer.left_out.iter().map(|(_, count)| count).sum();
    let lines: Vec<String> = answer
        .left_out
        .iter()
        .map(|(what, count)| format!("{} {what}", count_words(*count as u64)))
        .collect();
    let text = format!("Left out: {}", lines.join("; "));
    icon_ui(ui, Icon::Info, tokens.text_quiet).on_hover_text(&text);
    note_ui(ui, &format!("{} left out", count_words(total as u64))).on_hover_text(text);
    ui.add_space(space::S);
}

fn columns(currency: &str) -> Vec<Column> {
    vec![
        Column::fill("Variant", 128.0),
        Column::text("Machine", 146.0),
        Column::number("Replicas", 50.0).hover("Machines needed"),
        Column::number("p99", 52.0).hover(
            "99th percentile: time to fill the batch + waiting in an M/D/c queue + measured p99 ÷ speed factor",
        ),
        Column::number("Cost a month", 134.0).hover(format!("730 hours, in {currency}")),
        Column::number("Against today", 80.0).hover("Cost a month less what it would replace"),
        Column::text("In limit", 42.0).hover("Whether p99 is within the limit"),
        Column::text("Purchase", 118.0),
        Column::text("Region", 104.0),
        Column::number("Batch", 44.0),
        Column::number("Threads", 52.0).hover("Threads of one session"),
        Column::number("Utilisation", 66.0).hover("Average use of the measured throughput"),
    ]
}

fn cell(state: &State, offer: &Offer, best: bool, column: usize, currency: &str, tokens: &Tokens) -> Cell {
    let why = || if offer.reason.is_empty() { "not known".to_owned() } else { offer.reason.clone() };
    if offer.stay && matches!(column, 2 | 7 | 8 | 9 | 10 | 11) {
        return Cell::unknown("What runs today is not known in this detail");
    }
    match column {
        0 if offer.stay => {
            let cell = Cell::text("Stay as you are").colour(tokens.accent_text);
            if best { cell.badge(Badge::Best) } else { cell }
        }
        0 => {
            let cell = Cell::text(offer.variant.trim_end_matches(".onnx")).hover(offer.variant.clone());
            if best { cell.badge(Badge::Best).colour(tokens.good) } else { cell }
        }
        1 if offer.stay => Cell::text("").badge(Badge::Stay).hover("What the bill pays for"),
        1 => {
            // How it is bought tells rows of one machine apart; its provider is in the hover text.
            let bought = offer.purchase.map_or("", Purchase::short);
            Cell::text(format!("{} {bought}", offer.instance)).hover(format!(
                "{} {}, {}, {}",
                offer.provider,
                offer.instance,
                offer.region,
                offer.purchase.map_or("", Purchase::label)
            ))
        }
        2 => Cell::number(offer.replicas as f64, count_words(offer.replicas))
            .hover(format!("{} sessions on each", offer.sessions_per_replica)),
        3 => match offer.p99_ms {
            Some(p99) => {
                let cell = Cell::number(p99, units::duration_ms(p99));
                if p99 > state.scenario.p99_limit_ms { cell.colour(tokens.danger) } else { cell }
            }
            None => Cell::unknown(why()),
        },
        4 => match offer.cost_per_month {
            Some(cost) => {
                let cell = Cell::number(cost.to_f64(), units::money(cost, currency));
                if offer.assumed { cell.badge(Badge::Assumed) } else { cell }
            }
            None => Cell::unknown(why()),
        },
        5 if offer.stay => Cell::number(0.0, "–").quiet(),
        5 => match offer.difference_per_month {
            Some(difference) => {
                let value = difference.to_f64();
                let sign = if value > 0.0 { "+" } else { "" };
                let cell = Cell::number(value, format!("{sign}{}", units::money(difference, currency)));
                cell.colour(if value < 0.0 { tokens.good } else { tokens.danger })
            }
            None => Cell::unknown("No bill in this currency says what is paid today"),
        },
        6 => match offer.meets_limit {
            Some(true) => Cell::text("yes").colour(tokens.good),
            Some(false) => Cell::text("no").colour(tokens.danger).hover(why()),
            None => Cell::unknown(why()),
        },
        7 => Cell::text(offer.purchase.map_or("", |purchase| purchase.label())),
        8 => Cell::text(offer.region.clone()).quiet(),
        9 => Cell::number(offer.batch as f64, offer.batch.to_string()),
        10 => Cell::number(f64::from(offer.threads), offer.threads.to_string()),
        _ => match offer.utilisation {
            Some(share) => Cell::number(share, format!("{:.0} %", share * 100.0)),
            None => Cell::unknown(why()),
        },
    }
}

/// The rows shown, for a machine: units in the header, money in full.
fn csv(answer: &Answer, shown: &[usize], currency: &str) -> String {
    let cost = format!("cost_per_month_{currency}");
    let difference = format!("difference_per_month_{currency}");
    let header = [
        "variant",
        "provider",
        "instance",
        "region",
        "purchase",
        "batch",
        "threads",
        "replicas",
        "sessions_per_replica",
        "p99_ms",
        "utilisation",
        &cost,
        &difference,
        "meets_limit",
        "assumed",
        "best",
        "stay",
        "reason",
    ];
    let rows = shown.iter().map(|place| {
        let offer = &answer.offers[*place];
        vec![
            offer.variant.clone(),
            offer.provider.clone(),
            offer.instance.clone(),
            offer.region.clone(),
            offer.purchase.map_or("", |purchase| purchase.key()).to_owned(),
            offer.batch.to_string(),
            offer.threads.to_string(),
            offer.replicas.to_string(),
            offer.sessions_per_replica.to_string(),
            field(offer.p99_ms),
            field(offer.utilisation),
            field(offer.cost_per_month),
            field(offer.difference_per_month),
            field(offer.meets_limit),
            offer.assumed.to_string(),
            (answer.best == Some(*place)).to_string(),
            offer.stay.to_string(),
            offer.reason.clone(),
        ]
    });
    csv_text(&header, rows)
}
