//! The page of other tools' results: all of them as a table, and everything one of them says.

mod detail;

use std::collections::BTreeMap;

use egui::Ui;

use self::detail::detail_ui;
use super::kept::Memo;
use super::parts::{combo_ui, csv_text};
use crate::app::foreign::{CSV_HEADER, PERCENTILES, Row, csv_row, rows};
use crate::app::{Command, State};
use crate::measure::import::{Foreign, Validity};
use crate::ui::theme::Tokens;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, count_words, data_table_ui, empty_ui, note_ui, page_header_ui,
    page_ui, primary_button_ui, quiet_button_ui, section_header_ui,
};

/// Height of the table at most.
const TABLE_HEIGHT: f32 = 350.0;

/// What the page remembers between frames.
#[derive(Default)]
pub struct OtherTools {
    table: TableState,
    /// The tool whose results are shown; `None` = all.
    tool: Option<String>,
    /// The chosen result: the key of its file and its place there.
    chosen: Option<(String, usize)>,
    tools: Memo<u64, BTreeMap<String, usize>>,
    /// Counts up when the filter changes, so that the table is put in order again.
    filtered: u64,
}

impl OtherTools {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let title = "Other tools' results";
        let subtitle =
            "As their files say them: shown beside your measurements, never priced or planned with";
        page_ui(ui, "other tools", |ui| {
            if state.results.is_empty() {
                page_header_ui(ui, title, subtitle, |_| {});
                let why = "Open files of MLPerf, trtexec, OpenVINO, Triton, vLLM, llama-bench and others, or drop a \
                           whole folder of them on the window. They are told apart by their content.";
                if card_ui(ui, |ui| empty_ui(ui, "No results of other tools", why, "Open files…")).inner {
                    view.actions.push(Action::PickFiles);
                }
                return;
            }
            page_header_ui(ui, title, subtitle, |ui| {
                if primary_button_ui(ui, "Open files…").clicked() {
                    view.actions.push(Action::PickFiles);
                }
            });
            self.table_ui(ui, view, state);
            let chosen = self.chosen.as_ref().and_then(|(key, place)| {
                rows(state).into_iter().find(|row| row.file.key == *key && row.place == *place)
            });
            match chosen {
                Some(row) => {
                    card_ui(ui, |ui| detail_ui(ui, row));
                }
                None => {
                    note_ui(ui, "Choose a result to see everything its file says.");
                }
            }
        });
    }

    fn table_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, state: &State) {
        let tools = self.tools.get(state.revision, || {
            let mut tools: BTreeMap<String, usize> = BTreeMap::new();
            for row in rows(state) {
                *tools.entry(row.result.tool.clone()).or_default() += 1;
            }
            tools
        });
        if self.tool.as_ref().is_some_and(|tool| !tools.contains_key(tool)) {
            self.tool = None;
        }
        let all: Vec<Row<'_>> = rows(state)
            .into_iter()
            .filter(|row| self.tool.as_ref().is_none_or(|tool| row.result.tool == *tool))
            .collect();
        card_ui(ui, |ui| {
            section_header_ui(ui, "Results", &count_words(all.len() as u64), |ui| {
                if quiet_button_ui(ui, "Copy CSV").clicked() {
                    let text = csv_text(&CSV_HEADER, all.iter().map(|row| csv_row(row.result)));
                    view.actions.push(Action::Copy { text, what: "Other tools' results as CSV".to_owned() });
                }
                let all_of_them = quiet_button_ui(ui, "Remove all shown");
                if all_of_them.on_hover_text("Takes out every file that has a result in this table").clicked()
                {
                    let mut keys: Vec<String> = all.iter().map(|row| row.file.key.clone()).collect();
                    keys.dedup();
                    view.send(Command::RemoveResults(keys));
                }
                if let Some((key, _)) = &self.chosen
                    && all.iter().any(|row| row.file.key == *key)
                    && quiet_button_ui(ui, "Remove file")
                        .on_hover_text("Takes out the chosen result's file")
                        .clicked()
                {
                    view.send(Command::RemoveResults(vec![key.clone()]));
                }
            });
            let shown = self.tool.clone().unwrap_or_else(|| "All".to_owned());
            let before = self.tool.clone();
            combo_ui(ui, "Tool", &shown, 190.0, |ui| {
                ui.selectable_value(&mut self.tool, None, "All");
                for (tool, count) in tools {
                    let text = format!("{tool} ({count})");
                    ui.selectable_value(&mut self.tool, Some(tool.clone()), text);
                }
            });
            if before != self.tool {
                self.filtered += 1;
            }
            let columns = columns();
            let is_chosen = |row: &Row<'_>| {
                self.chosen.as_ref().is_some_and(|(key, place)| row.file.key == *key && row.place == *place)
            };
            let shape = Table {
                id: "other tools",
                name: "Other tools' results",
                columns: &columns,
                rows: all.len(),
                // The filter changes the rows as much as the state does.
                revision: state.revision.wrapping_mul(1_000).wrapping_add(self.filtered),
                selected: all.iter().position(is_chosen),
                height: TABLE_HEIGHT,
            };
            let tokens = Tokens::of(ui);
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                cell(all[row].result, column, tokens)
            });
            if let Some(row) = output.chosen {
                self.chosen = Some((all[row].file.key.clone(), all[row].place));
            }
            if let Some(row) = output.deleted {
                view.send(Command::RemoveResults(vec![all[row].file.key.clone()]));
            }
        });
    }
}

fn columns() -> Vec<Column> {
    let latency = "As the tool defines it; rest on a number for how, and what it includes";
    vec![
        Column::text("Tool", 118.0),
        Column::fill("Model", 120.0),
        Column::text("Scenario", 84.0),
        Column::text("Load", 116.0).hover("Batch, queries in flight, queries sent per second"),
        Column::number("Throughput", 112.0).hover("In the tool's own unit"),
        Column::number("p50", 54.0).hover(latency),
        Column::number("p90", 54.0).hover(latency),
        Column::number("p99", 54.0).hover(latency),
        Column::text("Verdict", 54.0).hover("Valid or invalid, where the tool itself says so"),
        Column::text("Latency includes", 160.0),
        Column::text("System", 170.0),
        Column::text("File", 170.0),
    ]
}

fn cell(result: &Foreign, column: usize, tokens: &Tokens) -> Cell {
    let named = |text: &Option<String>, what: &str| match text {
        Some(text) => Cell::text(text.clone()).hover(text.clone()),
        None => Cell::unknown(format!("The file does not say the {what}")),
    };
    match column {
        0 => Cell::text(result.tool.clone()).hover(tool_hover(result)),
        1 => named(&result.model, "model"),
        2 => named(&result.scenario, "scenario"),
        3 => {
            let words = result.load_words();
            if words.is_empty() { Cell::unknown("The file does not say the load") } else { Cell::text(words) }
        }
        4 => match result.throughput() {
            Some(metric) => Cell::number(metric.value, metric.words()).hover(metric.rounding_words()),
            None => Cell::unknown("The file has no throughput"),
        },
        5..=7 => latency_cell(result, PERCENTILES[column - 5]),
        8 => match &result.validity {
            Validity::NotStated => Cell::unknown("The tool does not say whether the run is valid"),
            Validity::Valid => Cell::text("valid").colour(tokens.good),
            Validity::Invalid(reasons) => {
                Cell::text("invalid").colour(tokens.danger).hover(reasons.join("\n"))
            }
        },
        9 => Cell::text(result.includes.words()).quiet(),
        10 => named(&result.system, "system"),
        _ => {
            Cell::text(result.file.clone()).hover(format!("{} {}", result.file, result.place).trim()).quiet()
        }
    }
}

fn tool_hover(result: &Foreign) -> String {
    let mut lines = vec![result.tool_words()];
    lines.extend(result.framework.clone());
    lines.extend(result.notes.iter().cloned());
    lines.join("\n")
}

fn latency_cell(result: &Foreign, percent: f64) -> Cell {
    let Some(metric) = result.latency(percent) else {
        let there = result.other_latency_words();
        return Cell::unknown(if there.is_empty() {
            "The file has no latency".to_owned()
        } else {
            format!("The file has not this percentile; it has {there}")
        });
    };
    let includes = format!("Includes: {}", result.includes.words());
    let lines = [metric.rounding_words(), result.quantiles.words().to_owned(), includes];
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    Cell::number(metric.value, metric.words()).hover(lines.join("\n"))
}
