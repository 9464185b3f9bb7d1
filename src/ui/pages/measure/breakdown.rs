//! Where the time of the chosen configuration goes: sentences, flame bars, a table and the roofline chart.

use egui::{Align, Layout, Ui};

use super::flame::{colour, flame_ui, inks, shape_words};
use crate::app::project::Stored;
use crate::app::{Command, roofline};
use crate::chart::Chart;
use crate::measure::breakdown::{Breakdown, key};
use crate::measure::profile::flame::{Flame, Grouping};
use crate::measure::profile::{Fallbacks, NodeTime, OpTime, percent, short_provider};
use crate::measure::roof::{RoofPlace, bytes_words, flops_words};
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{csv_text, field};
use crate::ui::theme::space;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Badge, Cell, Column, Icon, Table, TableState, Tone, card_ui, chart_ui, count_words, data_table_ui,
    icon_ui, note_ui, progress_ui, quiet_button_ui, search_ui, section_header_ui, segmented_ui,
};
use crate::ui::{theme::Tokens, widgets::banner_ui};
use crate::units;

/// Height of the table at most, in points.
const TABLE_HEIGHT: f32 = 330.0;
/// Height of the roofline chart, in points.
const CHART_HEIGHT: f32 = 380.0;
/// Width of the field to search in, in points.
const SEARCH_WIDTH: f32 = 220.0;
/// Nodes from which on they can be searched.
const SEARCHED_FROM: usize = 16;

/// Model and configuration, and when it was profiled.
type Shown = (String, String, u64);

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct BreakdownCard {
    by_node: bool,
    search: String,
    shown: Option<Shown>,
    close: Option<(f64, f64)>,
    types: TableState,
    nodes: TableState,
    flame: Memo<(Shown, bool), Option<Flame>>,
    roofline: Memo<(Shown, bool), Option<Chart>>,
    said: Memo<Shown, Said>,
    /// Where the operator types stand.
    places: Memo<Shown, Vec<Option<RoofPlace>>>,
    /// The nodes that the search leaves, by their places.
    found: Memo<(Shown, String), Vec<usize>>,
}

impl BreakdownCard {
    /// Draws the card for a measurement.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored) {
        let app = view.app;
        let point = &stored.point;
        let breakdown = app.state().breakdown(&point.model_sha256, &point.config, &point.target);
        let profiling = app.profiling_of(stored);
        let unreachable = profiling.is_none();
        card_ui(ui, |ui| {
            let note = match breakdown {
                Some(breakdown) => format!("ONNX Runtime {}'s own profile", breakdown.runtime_version),
                None => String::new(),
            };
            section_header_ui(ui, "Where time goes", &note, |ui| {
                let (busy, text) = match (app.profiling(), app.is_measuring() || app.comparing().is_some()) {
                    (Some(_), _) => (true, "A profile is being made"),
                    (None, true) => (true, "A measurement is running, which a profile would disturb"),
                    (None, false) if unreachable => {
                        (true, "The machine that measured this is not among yours any more")
                    }
                    (None, false) => (false, ""),
                };
                let name = if breakdown.is_some() { "Profile again" } else { "Profile this configuration" };
                ui.add_enabled_ui(!busy, |ui| {
                    let button =
                        if breakdown.is_some() { quiet_button_ui(ui, name) } else { ui.button(name) };
                    let button = button
                        .on_hover_text(
                            "Runs the model for a second under ONNX Runtime's profiler, then measures how \
                                        fast this machine multiplies matrices and copies memory",
                        )
                        .on_disabled_hover_text(text);
                    if let Some(profiling) = profiling.filter(|_| button.clicked()) {
                        view.send(Command::Profile(Box::new(profiling)));
                    }
                });
                if let Some(breakdown) = breakdown
                    && quiet_button_ui(ui, "Copy as CSV")
                        .on_hover_text("Every node, with units in the header")
                        .clicked()
                {
                    let what = "Profile as CSV".to_owned();
                    view.actions.push(Action::Copy { text: csv(breakdown), what });
                }
            });
            if let Some(job) = app.profiling()
                && progress_ui(ui, &job.title, &job.progress, job.elapsed().as_secs_f64())
            {
                view.send(Command::Cancel(job.id));
            }
            match breakdown {
                Some(breakdown) => self.content_ui(ui, view, breakdown),
                None if app.profiling().is_none() => {
                    note_ui(
                        ui,
                        "Which operators and nodes take the time of an inference, which execution provider really ran \
                         each of them, and how close they come to what this machine can do.",
                    );
                }
                None => {}
            }
        });
    }

    fn content_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, breakdown: &Breakdown) {
        let shown = (
            breakdown.model_sha256.clone(),
            key(&breakdown.config, &breakdown.target),
            breakdown.started_unix_secs,
        );
        if self.shown.as_ref() != Some(&shown) {
            self.close = None;
            self.search.clear();
            self.shown = Some(shown.clone());
        }
        let said = self.said.get(shown.clone(), || Said::of(breakdown));
        sentences_ui(ui, breakdown, said);
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            let options = [(false, "By operator type"), (true, "By node, in order")];
            if segmented_ui(ui, "Show the time", &mut self.by_node, &options) {
                self.close = None;
            }
            if self.close.is_some() && quiet_button_ui(ui, "Show the whole run").clicked() {
                self.close = None;
            }
            if self.by_node && breakdown.profile.nodes.len() >= SEARCHED_FROM {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let size = egui::vec2(SEARCH_WIDTH + 30.0, space::CONTROL);
                    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                        search_ui(
                            ui,
                            "Search nodes",
                            &mut self.search,
                            "Node, operator or provider",
                            SEARCH_WIDTH,
                        );
                    });
                });
            }
        });
        let grouping = if self.by_node { Grouping::Order } else { Grouping::OpType };
        let made = (shown.clone(), self.by_node);
        if let Some(flame) = self.flame.get(made.clone(), || breakdown.profile.flame(grouping)) {
            flame_ui(ui, breakdown, flame, &mut self.close);
            if flame.concurrent {
                note_ui(ui, "Nodes ran at the same time, so that their bars together are longer than a run.");
            }
        }
        if self.by_node {
            self.nodes_ui(ui, breakdown, shown);
        } else {
            self.types_ui(ui, breakdown, shown);
        }
        let by_node = self.by_node;
        if let Some(chart) = self.roofline.get(made, || roofline::chart(breakdown, by_node)) {
            ui.add_space(space::S);
            chart_ui(ui, view, chart, CHART_HEIGHT, None);
        }
    }

    fn types_ui(&mut self, ui: &mut Ui, breakdown: &Breakdown, shown: Shown) {
        let ops = &breakdown.profile.by_op;
        let mut columns = vec![
            Column::fill("Operator", 110.0),
            Column::text("Provider", 130.0),
            Column::number("Nodes", 46.0),
        ];
        columns.extend(place_columns());
        let inks = inks(breakdown);
        let shape = Table {
            id: "operators",
            name: "Operators",
            columns: &columns,
            rows: ops.len(),
            revision: breakdown.started_unix_secs,
            selected: None,
            height: TABLE_HEIGHT,
        };
        let swatches: Vec<_> =
            ops.iter().map(|op| inks.get(op.op_type.as_str()).map(|ink| colour(ui, *ink))).collect();
        let places = self.places.get(shown, || ops.iter().map(|op| breakdown.place_op(op)).collect());
        data_table_ui(ui, &shape, &mut self.types, |row, column| {
            let op: &OpTime = &ops[row];
            match column {
                0 => match swatches[row] {
                    Some(swatch) => Cell::text(&op.op_type).swatch(swatch),
                    None => Cell::text(&op.op_type),
                },
                1 => provider_cell(breakdown, &op.provider),
                2 => Cell::number(op.nodes as f64, count_words(op.nodes)),
                _ => place_cell(breakdown, column - 3, op.total_nanos, places[row].as_ref()),
            }
        });
    }

    fn nodes_ui(&mut self, ui: &mut Ui, breakdown: &Breakdown, shown: Shown) {
        let nodes = &breakdown.profile.nodes;
        let wanted = self.search.trim().to_lowercase();
        let found = self.found.get((shown, wanted.clone()), || {
            let fits = |node: &NodeTime| {
                [node.name.as_str(), &node.op_type, short_provider(&node.provider)]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&wanted))
            };
            (0..nodes.len()).filter(|place| fits(&nodes[*place])).collect()
        });
        if found.is_empty() {
            note_ui(ui, "No node's name, operator or provider has this text.");
            return;
        }
        let mut columns = vec![
            Column::fill("Node", 130.0),
            Column::text("Operator", 112.0),
            Column::text("Provider", 120.0),
        ];
        columns.extend(place_columns());
        let shape = Table {
            id: "nodes",
            name: "Nodes",
            columns: &columns,
            rows: found.len(),
            revision: breakdown.started_unix_secs.wrapping_mul(31).wrapping_add(wanted.len() as u64),
            selected: None,
            height: TABLE_HEIGHT,
        };
        data_table_ui(ui, &shape, &mut self.nodes, |row, column| {
            let node = &nodes[found[row]];
            match column {
                0 => Cell::text(&node.name).hover(node_words(node)),
                1 => Cell::text(&node.op_type).quiet(),
                2 => provider_cell(breakdown, &node.provider),
                _ => place_cell(breakdown, column - 3, node.self_nanos, breakdown.place(node).as_ref()),
            }
        });
    }
}

/// The sentences.
struct Said {
    takes_most: String,
    fallbacks: Fallbacks,
    bound: String,
    cost: Option<String>,
}

impl Said {
    fn of(breakdown: &Breakdown) -> Self {
        Self {
            takes_most: breakdown.takes_most(),
            fallbacks: breakdown.fallbacks(),
            bound: breakdown.bound(),
            cost: breakdown.profiling_cost(),
        }
    }
}

/// What it all says.
fn sentences_ui(ui: &mut Ui, breakdown: &Breakdown, said: &Said) {
    let tokens = Tokens::of(ui);
    let Said { takes_most, fallbacks, bound, cost } = said;
    let (tone, icon) =
        if fallbacks.count > 0 { (tokens.warning, Icon::Warning) } else { (tokens.good, Icon::Check) };
    for (icon, colour, text) in [
        (Icon::Info, tokens.accent_text, takes_most),
        (icon, tone, &fallbacks.sentence),
        (Icon::Info, tokens.accent_text, bound),
    ] {
        ui.horizontal_top(|ui| {
            icon_ui(ui, icon, colour);
            ui.add(egui::Label::new(text).wrap());
        });
    }
    if let Some(cost) = cost {
        note_ui(ui, cost);
    }
    for warning in breakdown.all_warnings() {
        banner_ui(ui, Tone::Warning, warning);
    }
}

fn place_columns() -> [Column; 6] {
    [
        Column::number("Time a run", 70.0).hover("Mean time a run, without that of nodes in sub-graphs"),
        Column::number("Share", 62.0).hover("Of the time of all nodes"),
        Column::number("FLOP/s", 88.0).hover("Floating-point operations a second; a multiply-add is two"),
        Column::number("of roof", 76.0).hover("Of what matrix products reach here"),
        Column::number("Bytes/s", 76.0).hover("Inputs, weights and outputs, each counted once"),
        Column::number("of copy", 76.0)
            .hover("Of what copying memory reaches here; above 100 % its tensors stay in the caches"),
    ]
}

fn place_cell(breakdown: &Breakdown, column: usize, nanos: u64, place: Option<&RoofPlace>) -> Cell {
    let profile = &breakdown.profile;
    let share = nanos as f64 / profile.kernel_nanos().max(1) as f64;
    let known = |value: Option<f64>, words: fn(f64) -> String| match value {
        Some(value) => Cell::number(value, words(value)),
        None => Cell::unknown("Not known from the model or from the profile"),
    };
    match column {
        0 => {
            let millis = nanos as f64 / profile.runs.max(1) as f64 / 1e6;
            Cell::number(millis, units::duration_ms(millis))
        }
        1 => Cell::number(share, percent(share)).bar(share),
        2 => known(place.and_then(|place| place.flops_per_second), flops_words),
        3 => known(place.and_then(|place| place.share_of_compute_roof), percent),
        4 => known(place.and_then(|place| place.bytes_per_second), bytes_words),
        _ => known(place.and_then(|place| place.share_of_memory_roof), percent),
    }
}

fn provider_cell(breakdown: &Breakdown, provider: &str) -> Cell {
    let cell = match short_provider(provider) {
        "" => Cell::unknown("The profile does not say which provider ran it"),
        name => Cell::text(name),
    };
    if breakdown.is_asked(provider) { cell } else { cell.badge(Badge::FellBack) }
}

/// Shapes and calls of a node.
fn node_words(node: &NodeTime) -> String {
    let shapes = |tensors: &[crate::measure::profile::TensorShape]| {
        tensors.iter().map(shape_words).collect::<Vec<_>>().join(", ")
    };
    let mut words = vec![node.name.clone()];
    for (name, tensors) in [("inputs", &node.inputs), ("outputs", &node.outputs)] {
        if !tensors.is_empty() {
            words.push(format!("{name} {}", shapes(tensors)));
        }
    }
    words.push(format!(
        "{} calls, {} to {}",
        count_words(node.calls),
        units::duration_ms(node.min_nanos as f64 / 1e6),
        units::duration_ms(node.max_nanos as f64 / 1e6)
    ));
    words.join("\n")
}

/// Every node for a machine: units in the header.
fn csv(breakdown: &Breakdown) -> String {
    let header = [
        "node",
        "operator",
        "provider",
        "as_asked",
        "calls",
        "self_nanos",
        "mean_nanos",
        "median_nanos",
        "min_nanos",
        "max_nanos",
        "share_of_nodes",
        "flops",
        "bytes",
        "flops_per_second",
        "share_of_compute_roof",
        "bytes_per_second",
        "share_of_memory_roof",
    ];
    let all = breakdown.profile.kernel_nanos().max(1) as f64;
    let rows = breakdown.profile.nodes.iter().map(|node| {
        let place = breakdown.place(node);
        let of = |value: fn(&RoofPlace) -> Option<f64>| field(place.as_ref().and_then(value));
        vec![
            node.name.clone(),
            node.op_type.clone(),
            short_provider(&node.provider).to_owned(),
            breakdown.is_asked(&node.provider).to_string(),
            node.calls.to_string(),
            node.self_nanos.to_string(),
            node.mean_nanos.to_string(),
            node.median_nanos.to_string(),
            node.min_nanos.to_string(),
            node.max_nanos.to_string(),
            (node.self_nanos as f64 / all).to_string(),
            field(node.flops),
            field(node.bytes()),
            of(|place| place.flops_per_second),
            of(|place| place.share_of_compute_roof),
            of(|place| place.bytes_per_second),
            of(|place| place.share_of_memory_roof),
        ]
    });
    csv_text(&header, rows)
}
