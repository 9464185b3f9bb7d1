//! The runs side by side: how much one differs from the next, and what each took to load and to answer first.

use egui::Ui;

use super::columns;
use super::looked::RunFigures;
use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::stats::Verdict;
use crate::ui::pages::parts::halves_ui;
use crate::ui::view::View;
use crate::ui::widgets::{
    Badge, Cell, Column, Table, TableState, bare_chart_ui, card_ui, chart_menu_ui, count_words,
    data_table_ui, section_header_ui,
};
use crate::units;

/// Height of the table and of the chart.
const HEIGHT: f32 = 240.0;

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Runs {
    table: TableState,
}

impl Runs {
    pub fn card(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored, figures: &[RunFigures]) {
        let count = stored.point.runs.len();
        if count == 0 {
            return;
        }
        card_ui(ui, |ui| {
            let chart = run_chart(stored, figures);
            let note = "each a process of its own, that loads the model anew";
            section_header_ui(ui, "Runs", note, |ui| {
                if let Some(chart) = &chart {
                    chart_menu_ui(ui, view, chart);
                }
            });
            match chart {
                Some(chart) => halves_ui(ui, |ui, left| {
                    if left {
                        self.table_ui(ui, stored, figures, view.app.state().revision);
                    } else {
                        bare_chart_ui(ui, &chart, HEIGHT, None);
                    }
                }),
                None => self.table_ui(ui, stored, figures, view.app.state().revision),
            }
        });
    }

    fn table_ui(&mut self, ui: &mut Ui, stored: &Stored, figures: &[RunFigures], revision: u64) {
        let columns = [
            Column::number("Run", 22.0),
            Column::number("p50", 52.0),
            Column::number("p99", 52.0),
            Column::number("Queries", 60.0).hover("Queries that count"),
            Column::number("Warm-up", 50.0).hover("Queries at its start that do not count"),
            Column::number("Load", 50.0).hover("Time to create the session"),
            Column::number("First", 50.0).hover("First inference after loading"),
            Column::fill("Steadiness", 62.0),
        ];
        let shape = Table {
            id: "runs",
            name: "Runs",
            columns: &columns,
            rows: stored.point.runs.len(),
            // What is worked out comes later than the runs.
            revision: revision.wrapping_mul(2).wrapping_add(u64::from(figures.is_empty())),
            selected: None,
            height: HEIGHT,
        };
        data_table_ui(ui, &shape, &mut self.table, |row, column| cell(stored, figures, row, column));
    }
}

fn cell(stored: &Stored, figures: &[RunFigures], row: usize, column: usize) -> Cell {
    let Some(run) = stored.point.runs.get(row) else { return Cell::text("") };
    let time = |millis: f64| Cell::number(millis, units::duration_ms(millis));
    let own = |of: fn(&RunFigures) -> Option<f64>| match figures.get(row) {
        Some(figures) => of(figures).map_or_else(|| Cell::unknown("Not enough samples in this run"), time),
        None => Cell::unknown("Being worked out"),
    };
    match column {
        0 => Cell::number(row as f64, (row + 1).to_string()),
        1 => own(|figures| figures.p50_ms),
        2 => own(|figures| figures.p99_ms),
        3 => {
            let queries = run.measured.queries.saturating_sub(run.warm_up());
            Cell::number(queries as f64, count_words(queries))
        }
        4 => {
            let hover = match run.moved_warm_up {
                Some(_) => format!("Moved by hand; found {}", count_words(run.measured.warm_up)),
                None => "Found by change point".to_owned(),
            };
            Cell::number(run.warm_up() as f64, count_words(run.warm_up())).hover(hover)
        }
        5 => time(run.measured.load_nanos as f64 / 1e6),
        6 => time(run.measured.first_inference_nanos as f64 / 1e6),
        _ => match &run.measured.steadiness {
            Some(found) => {
                let badge = match found.verdict {
                    Verdict::Flat | Verdict::WarmUp => Badge::Steady,
                    Verdict::Drift => Badge::Drift,
                    Verdict::NoSteadyState => Badge::Unsteady,
                    Verdict::TooFew { .. } => Badge::Short,
                };
                columns::badge_cell(badge).hover(found.sentence.clone())
            }
            None => Cell::unknown(
                "Not judged: measured by an earlier version, or arrivals vary through a batcher",
            ),
        },
    }
}

/// Each run's median beside the others; `None` for one run, or while it is worked out.
fn run_chart(stored: &Stored, figures: &[RunFigures]) -> Option<Chart> {
    if figures.len() < 2 {
        return None;
    }
    let mut chart = Chart::new(
        "runs",
        "Median latency of each run",
        Axis::new("Run", "", Scale::Categories((1..=figures.len()).map(|run| run.to_string()).collect())),
        Axis::new("Latency p50", "ms", Scale::Linear { from_zero: false }),
    );
    let data = figures
        .iter()
        .enumerate()
        .filter_map(|(place, run)| Some(Datum::new(place as f64, run.p50_ms?)))
        .collect();
    chart.marks.push(Mark::Line {
        name: "p50 of the run".to_owned(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers: true,
        second_axis: false,
    });
    if let Some((low, high)) = stored.summary.p50.interval_ms {
        for (name, y) in [("95 % interval", high), ("", low)] {
            chart.marks.push(Mark::HorizontalLimit { name: name.to_owned(), y });
        }
    }
    Some(chart)
}
