//! The finished measurements as a table, and the chosen one's latencies over time.

use egui::{Layout, Ui};

use super::breakdown::BreakdownCard;
use super::samples::timeline;
use crate::app::Command;
use crate::app::project::Stored;
use crate::chart::Chart;
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{config_words, csv_text, estimate_cell, field, problem_ui};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, chart_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui,
};
use crate::units;

/// Height of the table at most.
const TABLE_HEIGHT: f32 = 400.0;
/// Height of the chart of samples.
const CHART_HEIGHT: f32 = 280.0;

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Results {
    table: TableState,
    samples: Memo<i64, Result<Chart, String>>,
    breakdown: BreakdownCard,
}

impl Results {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let points = &state.points;
        if points.is_empty() {
            card_ui(ui, |ui| {
                section_header_ui(ui, "Measurements", "", |_| {});
                note_ui(ui, "Each configuration appears here as soon as it is measured.");
            });
            return;
        }
        let place = points.iter().position(|stored| Some(stored.id) == state.chosen);
        card_ui(ui, |ui| {
            section_header_ui(ui, "Measurements", &count_words(points.len() as u64), |ui| {
                if quiet_button_ui(ui, "Copy CSV").clicked() {
                    let text = csv(points);
                    view.actions.push(Action::Copy { text, what: "Measurements as CSV".to_owned() });
                }
                if let Some(stored) = place.map(|place| &points[place])
                    && quiet_button_ui(ui, "Remove").on_hover_text("Takes out the chosen one").clicked()
                {
                    view.send(Command::RemovePoints(vec![stored.id]));
                }
            });
            let columns = columns();
            let shape = Table {
                id: "points",
                name: "Measurements",
                columns: &columns,
                rows: points.len(),
                revision: state.revision,
                selected: place,
                height: TABLE_HEIGHT,
            };
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| cell(&points[row], column));
            if let Some(row) = output.chosen {
                view.send(Command::Choose(Some(points[row].id)));
            }
            if let Some(row) = output.deleted {
                view.send(Command::RemovePoints(vec![points[row].id]));
            }
        });
        if let Some(stored) = place.map(|place| &points[place]) {
            self.samples_ui(ui, view, stored);
            self.breakdown.ui(ui, view, stored);
        }
    }

    fn samples_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored) {
        let app = view.app;
        let chart = self.samples.get(stored.id, || {
            let series = app.series(stored.id).map_err(|error| format!("{error:#}"))?;
            Ok(timeline(stored, &series))
        });
        card_ui(ui, |ui| {
            match chart {
                Ok(chart) => {
                    chart_ui(ui, view, chart, CHART_HEIGHT, None);
                }
                Err(problem) => problem_ui(ui, problem),
            }
            let point = &stored.point;
            ui.with_layout(Layout::left_to_right(egui::Align::Min).with_main_wrap(true), |ui| {
                let shapes: Vec<String> = point
                    .input_shapes
                    .iter()
                    .map(|(name, shape)| {
                        let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
                        format!("{name} {}", sizes.join("×"))
                    })
                    .collect();
                let mut words = vec![
                    config_words(&point.config),
                    format!("inputs {}", shapes.join(", ")),
                    format!("ONNX Runtime {}", point.runtime_version),
                    format!("{}, {} logical CPUs", point.fingerprint.cpu, point.fingerprint.logical_cpus),
                ];
                if !point.found_dims.is_empty() {
                    let found: Vec<String> =
                        point.found_dims.iter().map(|(name, size)| format!("{name} = {size}")).collect();
                    words.push(format!("sizes found by trying: {}", found.join(", ")));
                }
                note_ui(ui, &words.join("; "));
            });
        });
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::fill("Model", 130.0),
        Column::number("Batch", 36.0).hover("Items in one inference"),
        Column::number("Threads", 46.0).hover("Intra-operator threads of the session"),
        Column::number("p50", 56.0).hover("Half of the inferences took no longer"),
        Column::number("p90", 56.0),
        Column::number("p95", 56.0),
        Column::number("p99", 56.0),
        Column::number("Items/s", 50.0).hover("Throughput over wall time"),
        Column::number("Load", 54.0).hover("Time to create the session"),
        Column::number("First", 56.0).hover("First inference after loading"),
        Column::number("Memory", 62.0).hover("Largest resident memory of the worker process"),
        Column::number("CPU/item", 54.0).hover("CPU time of all threads for one item"),
        Column::number("Samples", 50.0).hover("Inferences of the steady state"),
    ]
}

fn cell(stored: &Stored, column: usize) -> Cell {
    let (point, summary) = (&stored.point, &stored.summary);
    let time = |millis: f64| Cell::number(millis, units::duration_ms(millis));
    let nanos = |nanos: Option<u64>| match nanos {
        Some(nanos) => time(nanos as f64 / 1e6),
        None => Cell::unknown("No run is finished yet"),
    };
    match column {
        0 => Cell::text(point.model.trim_end_matches(".onnx")).hover(point.model.clone()),
        1 => Cell::number(point.config.batch as f64, count_words(point.config.batch)),
        2 => Cell::number(f64::from(point.config.threads), point.config.threads.to_string()),
        3 => estimate_cell(&summary.p50),
        4 => estimate_cell(&summary.p90),
        5 => estimate_cell(&summary.p95),
        6 => estimate_cell(&summary.p99),
        7 => {
            let rate = summary.throughput_per_second;
            Cell::number(rate, units::three_digits(rate))
        }
        8 => nanos(point.load_nanos()),
        9 => nanos(point.first_inference_nanos()),
        10 => match point.peak_memory_bytes() {
            Some(bytes) => Cell::number(bytes as f64, units::bytes(bytes)),
            None => Cell::unknown("This system does not say how much memory the worker used"),
        },
        11 => match summary.cpu_ms_per_item {
            Some(millis) => time(millis),
            None => Cell::unknown("This system does not say how much CPU time the worker used"),
        },
        _ => Cell::number(summary.samples as f64, count_words(summary.samples)),
    }
}

/// All measurements for a machine: units in the header.
fn csv(points: &[Stored]) -> String {
    let header = [
        "model",
        "batch",
        "threads",
        "provider",
        "p50_ms",
        "p90_ms",
        "p95_ms",
        "p99_ms",
        "throughput_per_second",
        "load_ms",
        "first_inference_ms",
        "peak_memory_bytes",
        "cpu_ms_per_item",
        "samples",
        "seconds",
        "runtime_version",
        "started_unix_secs",
    ];
    let rows = points.iter().map(|stored| {
        let (point, summary) = (&stored.point, &stored.summary);
        vec![
            point.model.clone(),
            point.config.batch.to_string(),
            point.config.threads.to_string(),
            point.config.provider.clone(),
            field(summary.p50.ms),
            field(summary.p90.ms),
            field(summary.p95.ms),
            field(summary.p99.ms),
            summary.throughput_per_second.to_string(),
            field(point.load_nanos().map(|nanos| nanos as f64 / 1e6)),
            field(point.first_inference_nanos().map(|nanos| nanos as f64 / 1e6)),
            field(point.peak_memory_bytes()),
            field(summary.cpu_ms_per_item),
            summary.samples.to_string(),
            point.config.seconds.to_string(),
            point.runtime_version.clone(),
            point.started_unix_secs.to_string(),
        ]
    });
    csv_text(&header, rows)
}
