//! The tables of two models: files, operators, speed, answers. Every ratio is B ÷ A.

use std::collections::BTreeSet;

use egui::Ui;

use crate::app::State;
use crate::app::comparison::{Comparison, Speed, machine_differences};
use crate::chart::format::currency_sign;
use crate::model::Model;
use crate::ui::pages::parts::{csv_text, estimate_cell, field};
use crate::ui::theme::Tokens;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Badge, Cell, Column, Stat, Table, TableState, Tone, banner_ui, card_ui, count_words, data_table_ui,
    note_ui, quiet_button_ui, section_header_ui, segmented_ui, stats_ui,
};
use crate::units;

/// A line of the table of files: what, its value in A and B, and how it is shown.
struct Line {
    name: String,
    values: (Option<f64>, Option<f64>),
    shown: fn(f64) -> String,
    hover: String,
}

/// Size, parameters, bytes by precision, FLOPs, accuracy.
pub(super) fn files_ui(ui: &mut Ui, state: &State, compared: &Comparison, table: &mut TableState) {
    let lines = lines(compared);
    card_ui(ui, |ui| {
        section_header_ui(ui, "Files", "", |_| {});
        let columns = [
            Column::fill("", 120.0),
            Column::number("A", 88.0).hover(compared.a.model.name.clone()),
            Column::number("B", 88.0).hover(compared.b.model.name.clone()),
            Column::number("B ÷ A", 60.0),
        ];
        let shape = Table {
            id: "compare files",
            name: "Files",
            columns: &columns,
            rows: lines.len(),
            revision: state.revision,
            selected: None,
            height: 400.0,
        };
        data_table_ui(ui, &shape, table, |row, column| {
            let line = &lines[row];
            let value = |value: Option<f64>| match value {
                Some(value) => Cell::number(value, (line.shown)(value)),
                None => Cell::unknown(line.hover.clone()),
            };
            match column {
                0 => Cell::text(line.name.clone()).quiet().hover(line.hover.clone()),
                1 => value(line.values.0),
                2 => value(line.values.1),
                _ => match line.values {
                    (Some(a), Some(b)) if a > 0.0 => ratio_cell(b / a),
                    _ => Cell::unknown("There is nothing to divide by"),
                },
            }
        });
    });
}

fn lines(compared: &Comparison) -> Vec<Line> {
    let (a, b) = (&compared.a.model, &compared.b.model);
    let bytes = |value: f64| units::bytes(value as u64);
    let line = |name: &str, of: &dyn Fn(&Model) -> Option<f64>, shown: fn(f64) -> String, hover: &str| Line {
        name: name.to_owned(),
        values: (of(a), of(b)),
        shown,
        hover: hover.to_owned(),
    };
    let mut lines = vec![
        line("File", &|model| Some(model.file_bytes as f64), bytes, "Without external data"),
        line("Weights", &|model| Some(model.weight_bytes as f64), bytes, "External data included"),
    ];
    let precisions: BTreeSet<&String> =
        a.bytes_by_precision.keys().chain(b.bytes_by_precision.keys()).collect();
    for precision in precisions {
        lines.push(Line {
            name: format!("Weights in {precision}"),
            values: (
                Some(a.bytes_by_precision.get(precision).copied().unwrap_or(0) as f64),
                Some(b.bytes_by_precision.get(precision).copied().unwrap_or(0) as f64),
            ),
            shown: bytes,
            hover: "Bytes of weights of this element type".to_owned(),
        });
    }
    lines.push(line(
        "Parameters",
        &|model| Some(model.parameters as f64),
        units::si,
        "Elements of all weights",
    ));
    lines.push(line(
        "FLOPs",
        &|model| model.flops.total.map(|total| total as f64),
        units::si,
        "Floating-point operations of one inference at batch 1; a multiply-add counts as two",
    ));
    let nodes = |model: &Model| Some(model.operators.values().sum::<u64>() as f64);
    lines.push(line("Nodes", &nodes, |value| count_words(value as u64), "Operators of the graph"));
    lines.push(Line {
        name: "Accuracy".to_owned(),
        values: (compared.a.accuracy, compared.b.accuracy),
        shown: |share| format!("{:.2} %", share * 100.0),
        hover: "Share of the labelled set answered rightly; open a labelled .npz and compare outputs"
            .to_owned(),
    });
    lines
}

/// `0.28×`.
fn ratio_cell(ratio: f64) -> Cell {
    Cell::number(ratio, format!("{}×", units::three_digits(ratio)))
}

/// What the two answer on the same inputs.
pub(super) fn agreement_ui(ui: &mut Ui, view: &mut View<'_>, compared: &Comparison, table: &mut TableState) {
    let state = view.app.state();
    card_ui(ui, |ui| {
        let Some(agreement) = &compared.agreement else {
            section_header_ui(ui, "Answers", "", |_| {});
            note_ui(
                ui,
                "Compare the outputs of both on the same inputs to see how far they agree. With a labelled set \
                 open, accuracy is computed too.",
            );
            return;
        };
        let mut note = format!("on {} items", count_words(agreement.samples));
        if let Some(machine) = view.app.machine_name(&agreement.target) {
            note.push_str(", run on ");
            note.push_str(machine);
        }
        section_header_ui(ui, "Answers", &note, |_| {});
        let percent =
            |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |s| format!("{:.1}", s * 100.0));
        let (top1, a, b) =
            (percent(agreement.top1), percent(agreement.accuracy_a), percent(agreement.accuracy_b));
        stats_ui(
            ui,
            &[
                Stat { label: "Same top-1 answer", value: &top1, unit: "%", note: "" },
                Stat { label: "Accuracy of A", value: &a, unit: "%", note: "" },
                Stat { label: "Accuracy of B", value: &b, unit: "%", note: "" },
            ],
        );
        let columns = [
            Column::fill("Output", 90.0),
            Column::number("Max |Δ|", 84.0).hover("Largest absolute difference of any two values"),
            Column::number("Mean |Δ|", 84.0).hover("Mean absolute difference"),
            Column::number("Cosine", 84.0)
                .hover("Cosine of the angle between all values; 1 = same direction"),
        ];
        let outputs = &agreement.outputs;
        let shape = Table {
            id: "compare outputs",
            name: "Agreement by output",
            columns: &columns,
            rows: outputs.len() + 1,
            revision: state.revision,
            selected: None,
            height: 240.0,
        };
        data_table_ui(ui, &shape, table, |row, column| {
            let (name, max, mean, cosine) = match row.checked_sub(1).map(|place| &outputs[place]) {
                None => ("All outputs", agreement.max_abs, agreement.mean_abs, agreement.cosine),
                Some(output) => (output.name.as_str(), output.max_abs, output.mean_abs, output.cosine),
            };
            match column {
                0 if row == 0 => Cell::text(name).quiet(),
                0 => Cell::text(name).hover(name),
                1 => Cell::number(max, units::three_digits(max)),
                2 => Cell::number(mean, units::three_digits(mean)),
                _ => Cell::number(cosine, format!("{cosine:.6}")),
            }
        });
    });
}

/// Latency, throughput and cost of each configuration measured for both.
pub(super) fn speed_ui(ui: &mut Ui, view: &mut View<'_>, compared: &Comparison, table: &mut TableState) {
    let state = view.app.state();
    let profile = state.price_profile();
    let currency = profile.map_or("", |profile| profile.currency.as_str());
    card_ui(ui, |ui| {
        let note = profile.map_or_else(String::new, |profile| {
            let assumed = if profile.is_measured_machine { "" } else { ", assumed" };
            format!("cost on {}{assumed}", profile.name)
        });
        section_header_ui(ui, "Speed and cost", &note, |ui| {
            if quiet_button_ui(ui, "Copy CSV").clicked() {
                let text = csv(compared, currency);
                view.actions.push(Action::Copy { text, what: "Comparison as CSV".to_owned() });
            }
        });
        let sign = currency_sign(currency).unwrap_or(if currency.is_empty() { "Cost" } else { currency });
        let several = compared.speed.iter().any(|speed| speed.provider != "CPU");
        let mut columns = vec![
            Column::fill("Batch", 40.0),
            Column::number("Threads", 48.0),
            Column::number("p50 A", 66.0),
            Column::number("p50 B", 66.0),
            Column::number("B ÷ A", 56.0).hover("Below 1: B answers sooner"),
            Column::number("p99 A", 66.0),
            Column::number("p99 B", 66.0),
            Column::number("Items/s A", 66.0),
            Column::number("Items/s B", 66.0),
            Column::number("B ÷ A", 56.0).hover("Above 1: B does more"),
            Column::number(format!("{sign}/million A"), 76.0)
                .hover("Cost of a million items of A, idle time of the machine included"),
            Column::number(format!("{sign}/million B"), 76.0)
                .hover("Cost of a million items of B, idle time of the machine included"),
        ];
        if several {
            columns.push(Column::text("Provider", 70.0));
        }
        let machines = compared.speed.iter().any(|speed| !speed.machine.is_empty());
        if machines {
            columns.push(Column::text("Machine", 90.0));
        }
        let invalid = invalid_measurements(compared);
        if !invalid.is_empty() {
            columns.push(Column::text("Verdict", 66.0));
        }
        // What stands in the columns behind the twelve that are always there.
        let more: Vec<More> =
            [(several, More::Provider), (machines, More::Machine), (!invalid.is_empty(), More::Verdict)]
                .into_iter()
                .filter_map(|(there, what)| there.then_some(what))
                .collect();
        let shape = Table {
            id: "compare speed",
            name: "Speed and cost",
            columns: &columns,
            rows: compared.speed.len(),
            revision: state.revision,
            selected: None,
            height: 360.0,
        };
        let tokens = Tokens::of(ui);
        data_table_ui(ui, &shape, table, |row, column| {
            let speed = &compared.speed[row];
            match column.checked_sub(FIXED).and_then(|place| more.get(place)) {
                None => speed_cell(speed, column, currency, tokens),
                Some(More::Provider) => Cell::text(speed.provider.clone()),
                Some(More::Machine) if speed.machine.is_empty() => Cell::text("this one").quiet(),
                Some(More::Machine) => Cell::text(speed.machine.clone()).hover(speed.machine.clone()),
                Some(More::Verdict) if speed.invalid.is_empty() => Cell::text("").quiet(),
                Some(More::Verdict) => Cell::text("").badge(Badge::Invalid).hover(speed.invalid.join("\n")),
            }
        });
        if !invalid.is_empty() {
            banner_ui(ui, Tone::Warning, &invalid);
        }
        let differences = machine_differences(compared);
        if !differences.is_empty() {
            let text = format!("Not measured on the same machine. {}", differences.join("; "));
            banner_ui(ui, Tone::Warning, &text);
        }
    });
}

fn speed_cell(speed: &Speed, column: usize, currency: &str, tokens: &Tokens) -> Cell {
    let rate = |rate: f64| Cell::number(rate, units::three_digits(rate));
    let good = |better: bool, cell: Cell| if better { cell.colour(tokens.good) } else { cell };
    let cost = |of: usize| match speed.cost_per_million {
        Some((a, b)) => {
            let cost = if of == 0 { a } else { b };
            Cell::number(cost.to_f64(), units::money(cost, "")).hover(units::money(cost, currency))
        }
        None => Cell::unknown("No price is known for both"),
    };
    match column {
        0 => Cell::number(speed.batch as f64, count_words(speed.batch)),
        1 => Cell::number(f64::from(speed.threads), speed.threads.to_string()),
        2 => estimate_cell(&speed.p50.0),
        3 => estimate_cell(&speed.p50.1),
        4 => good(speed.latency_ratio() < 1.0, ratio_cell(speed.latency_ratio())),
        5 => estimate_cell(&speed.p99.0),
        6 => estimate_cell(&speed.p99.1),
        7 => rate(speed.throughput_per_second.0),
        8 => rate(speed.throughput_per_second.1),
        9 => good(speed.throughput_ratio() > 1.0, ratio_cell(speed.throughput_ratio())),
        10 => cost(0),
        _ => cost(1),
    }
}

/// Columns of the table of speed that are always there.
const FIXED: usize = 12;

/// Columns that are there where they say something.
#[derive(Debug, Clone, Copy)]
enum More {
    Provider,
    Machine,
    Verdict,
}

/// Why measurements compared are not valid by their own rules, each reason once; empty where all are.
fn invalid_measurements(compared: &Comparison) -> String {
    let rows = compared.speed.iter().filter(|speed| !speed.invalid.is_empty()).count();
    if rows == 0 {
        return String::new();
    }
    let reasons: BTreeSet<&str> =
        compared.speed.iter().flat_map(|speed| &speed.invalid).map(String::as_str).collect();
    let shown: Vec<&str> = reasons.iter().copied().take(MOST_REASONS).collect();
    let more = match reasons.len().saturating_sub(MOST_REASONS) {
        0 => String::new(),
        more => format!("; and {more} more, in the rows"),
    };
    let (all, have) = (compared.speed.len(), if rows == 1 { "has" } else { "have" });
    format!("{rows} of {all} rows {have} a measurement that is not valid. {}{more}", shown.join("; "))
}

/// Reasons that are listed below the table.
const MOST_REASONS: usize = 3;

fn csv(compared: &Comparison, currency: &str) -> String {
    let costs =
        [format!("cost_per_million_items_a_{currency}"), format!("cost_per_million_items_b_{currency}")];
    let header = [
        "model_a",
        "model_b",
        "provider",
        "batch",
        "threads",
        "p50_ms_a",
        "p50_ms_b",
        "p99_ms_a",
        "p99_ms_b",
        "throughput_per_second_a",
        "throughput_per_second_b",
        &costs[0],
        &costs[1],
        "machine",
        "invalid",
    ];
    let rows = compared.speed.iter().map(|speed| {
        let (cost_a, cost_b) =
            speed.cost_per_million.map_or_else(Default::default, |(a, b)| (a.to_string(), b.to_string()));
        vec![
            compared.a.model.name.clone(),
            compared.b.model.name.clone(),
            speed.provider.clone(),
            speed.batch.to_string(),
            speed.threads.to_string(),
            field(speed.p50.0.ms),
            field(speed.p50.1.ms),
            field(speed.p99.0.ms),
            field(speed.p99.1.ms),
            speed.throughput_per_second.0.to_string(),
            speed.throughput_per_second.1.to_string(),
            cost_a,
            cost_b,
            speed.machine.clone(),
            speed.invalid.join("; "),
        ]
    });
    csv_text(&header, rows)
}

/// Operators by type, with what differs.
pub(super) fn operators_ui(
    ui: &mut Ui,
    state: &State,
    compared: &Comparison,
    table: &mut TableState,
    all: &mut bool,
) {
    let rows: Vec<(&String, u64, u64)> = compared
        .operators
        .iter()
        .map(|(name, (a, b))| (name, *a, *b))
        .filter(|(_, a, b)| *all || a != b)
        .collect();
    card_ui(ui, |ui| {
        let differing = compared.operators.values().filter(|(a, b)| a != b).count();
        let note = format!("{differing} of {} types differ", compared.operators.len());
        section_header_ui(ui, "Operators", &note, |ui| {
            segmented_ui(ui, "Operators", all, &[(true, "All"), (false, "Differences")]);
        });
        if rows.is_empty() {
            note_ui(ui, "Both have the same number of each operator.");
            return;
        }
        let columns = [
            Column::fill("Operator", 140.0),
            Column::number("A", 64.0),
            Column::number("B", 64.0),
            Column::number("Δ", 64.0).hover("B less A"),
        ];
        let shape = Table {
            id: "compare operators",
            name: "Operators",
            columns: &columns,
            rows: rows.len(),
            revision: state.revision.wrapping_mul(2) + u64::from(*all),
            selected: None,
            height: 256.0,
        };
        data_table_ui(ui, &shape, table, |row, column| {
            let (name, a, b) = rows[row];
            match column {
                0 => Cell::text(name.clone()),
                1 => Cell::number(a as f64, count_words(a)),
                2 => Cell::number(b as f64, count_words(b)),
                _ if a == b => Cell::number(0.0, "0").quiet(),
                _ if b > a => Cell::number((b - a) as f64, format!("+{}", count_words(b - a))),
                _ => Cell::number(-((a - b) as f64), format!("−{}", count_words(a - b))),
            }
        });
    });
}
