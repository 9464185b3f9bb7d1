//! The page Models: what is in each file, without running it.

use egui::{Align, Layout, Rect, RichText, Sense, Ui, pos2, vec2};

use crate::app::{Command, ModelEntry, State};
use crate::chart::Ink;
use crate::model::{Model, Port};
use crate::plot;
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Badge, Cell, Column, Table, TableState, Tone, banner_ui, card_ui, count_words, data_table_ui, empty_ui,
    key_values_ui, note_ui, page_header_ui, page_ui, primary_button_ui, section_header_ui,
};
use crate::units;

/// Height of the list, in points; a longer one scrolls.
const LIST_HEIGHT: f32 = 260.0;

/// What the page remembers between frames.
#[derive(Default)]
pub struct Models {
    list: TableState,
    operators: TableState,
    /// Hash of the model whose details are shown.
    chosen: Option<String>,
}

impl Models {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let app = view.app;
        let state = app.state();
        page_ui(ui, "models", |ui| {
            let subtitle = "What is in each file: inputs, operators, parameters, precision. Nothing is run.";
            page_header_ui(ui, "Models", subtitle, |ui| {
                if !state.models.is_empty() && primary_button_ui(ui, "Add models…").clicked() {
                    view.actions.push(Action::PickFiles);
                }
            });
            if state.models.is_empty() {
                card_ui(ui, |ui| {
                    let why = "Add an ONNX file, or several variants of one model to compare them. Dropping files \
                               on the window does the same.";
                    if empty_ui(ui, "No models yet", why, "Add models…") {
                        view.actions.push(Action::PickFiles);
                    }
                });
                return;
            }
            let place = self
                .chosen
                .as_ref()
                .and_then(|sha256| state.models.iter().position(|entry| entry.model.sha256 == *sha256))
                .unwrap_or(0);
            card_ui(ui, |ui| self.list_ui(ui, state, place, view));
            if let Some(entry) = state.models.get(place) {
                self.detail_ui(ui, state, entry, view);
            }
        });
    }

    fn list_ui(&mut self, ui: &mut Ui, state: &State, place: usize, view: &mut View<'_>) {
        let columns = [
            Column::fill("Model", 200.0),
            Column::number("File size", 92.0),
            Column::number("Parameters", 96.0),
            Column::number("FLOPs per inference", 132.0).hover("At batch 1; a multiply-add counts as two"),
            Column::text("Precision", 150.0).hover("Element types of the weights, by bytes"),
            Column::number("Opset", 60.0),
            Column::number("Accuracy", 84.0).hover("Share of the labelled inputs answered rightly"),
        ];
        let table = Table {
            id: "models",
            name: "Models",
            columns: &columns,
            rows: state.models.len(),
            revision: state.revision,
            selected: Some(place),
            height: LIST_HEIGHT,
        };
        let output =
            data_table_ui(ui, &table, &mut self.list, |row, column| cell(&state.models[row], column));
        if let Some(row) = output.chosen {
            self.chosen = Some(state.models[row].model.sha256.clone());
        }
        if let Some(row) = output.deleted {
            view.send(Command::RemoveModel(state.models[row].model.sha256.clone()));
        }
    }

    fn detail_ui(&mut self, ui: &mut Ui, state: &State, entry: &ModelEntry, view: &mut View<'_>) {
        let model = &entry.model;
        card_ui(ui, |ui| {
            let measured =
                state.points.iter().filter(|stored| stored.point.model_sha256 == model.sha256).count();
            let note = match measured {
                0 => "not measured yet".to_owned(),
                1 => "1 measurement".to_owned(),
                many => format!("{many} measurements"),
            };
            section_header_ui(ui, &model.name, &note, |ui| {
                let remove = ui.button("Remove from project");
                if remove.on_hover_text("The file and its measurements stay").clicked() {
                    view.send(Command::RemoveModel(model.sha256.clone()));
                }
            });
            if !entry.present {
                let text = format!(
                    "The file is not there any more, so it cannot be measured. Put it back or add it from where it \
                     is now: {}",
                    entry.path.display()
                );
                banner_ui(ui, Tone::Warning, &text);
            }
            ui.add_space(space::XS);
            let gap = space::XL;
            let half = ((ui.available_width() - gap) / 2.0).floor();
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                for side in 0..2 {
                    ui.allocate_ui_with_layout(vec2(half, 0.0), Layout::top_down(Align::Min), |ui| {
                        ui.set_width(half);
                        ui.spacing_mut().item_spacing = vec2(space::S, space::S);
                        if side == 0 { facts_ui(ui, entry) } else { self.operators_ui(ui, state, model) }
                    });
                }
            });
        });
    }

    fn operators_ui(&mut self, ui: &mut Ui, state: &State, model: &Model) {
        let nodes: u64 = model.operators.values().sum();
        let note = format!("{} nodes of {} types", count_words(nodes), model.operators.len());
        heading_ui(ui, "Operators", &note);
        let mut operators: Vec<(&str, u64, Option<u64>)> = model
            .operators
            .iter()
            .map(|(name, count)| (name.as_str(), *count, model.flops.by_operator.get(name).copied()))
            .collect();
        operators.sort_by_key(|(_, count, flops)| std::cmp::Reverse((*flops, *count)));
        let columns = [
            Column::fill("Type", 120.0),
            Column::number("Nodes", 70.0),
            Column::number("FLOPs", 90.0),
            Column::number("Share of FLOPs", 110.0),
        ];
        let table = Table {
            id: "operators",
            name: "Operators by type",
            columns: &columns,
            rows: operators.len(),
            // Another model has other rows at the same revision.
            revision: state.revision.rotate_left(32) ^ hash_prefix(&model.sha256),
            selected: None,
            height: 300.0,
        };
        let total = model.flops.total.unwrap_or(0) as f64;
        data_table_ui(ui, &table, &mut self.operators, |row, column| {
            let (name, count, flops) = operators[row];
            let uncounted = || Cell::unknown("The FLOPs of this operator are not counted");
            match (column, flops) {
                (0, _) => Cell::text(name),
                (1, _) => Cell::number(count as f64, count_words(count)),
                (2, Some(flops)) => Cell::number(flops as f64, units::si(flops as f64)),
                (_, Some(flops)) if total > 0.0 => {
                    let share = flops as f64 / total * 100.0;
                    Cell::number(share, format!("{share:.1} %"))
                }
                _ => uncounted(),
            }
        });
        if !model.flops.uncounted.is_empty() {
            let named: Vec<String> =
                model.flops.uncounted.iter().map(|(name, count)| format!("{count} × {name}")).collect();
            note_ui(ui, &format!("Not counted in the FLOPs: {}", named.join(", ")));
        }
        if !model.flops.assumed.is_empty() {
            let sizes: Vec<String> =
                model.flops.assumed.iter().map(|(name, size)| format!("{name} = {size}")).collect();
            note_ui(ui, &format!("FLOPs assume {}", sizes.join(", ")));
        }
    }
}

fn hash_prefix(sha256: &str) -> u64 {
    u64::from_str_radix(sha256.get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

fn cell(entry: &ModelEntry, column: usize) -> Cell {
    let model = &entry.model;
    match column {
        0 if entry.present => Cell::text(&model.name),
        0 => Cell::text(&model.name).badge(Badge::Missing),
        1 => Cell::number(model.file_bytes as f64, units::bytes(model.file_bytes)),
        2 => Cell::number(model.parameters as f64, units::si(model.parameters as f64))
            .hover(count_words(model.parameters)),
        3 => match model.flops.total {
            Some(flops) => Cell::number(flops as f64, units::si(flops as f64)).hover(count_words(flops)),
            None => Cell::unknown("No operator of this model could be counted"),
        },
        4 => Cell::text(precision_words(model)),
        5 => match model.opset.get("") {
            Some(version) => Cell::number(*version as f64, version.to_string()),
            None => Cell::unknown("The file imports no standard operators"),
        },
        _ => match entry.accuracy {
            Some(share) => Cell::number(share, format!("{:.1} %", share * 100.0)),
            None => Cell::unknown("Compare it on a labelled set to know"),
        },
    }
}

/// `float32`, `int8, float32`: element types with at least a hundredth of the bytes, most bytes first.
fn precision_words(model: &Model) -> String {
    let mut kinds: Vec<(&String, u64)> =
        model.bytes_by_precision.iter().map(|(kind, bytes)| (kind, *bytes)).collect();
    kinds.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let total: u64 = kinds.iter().map(|(_, bytes)| bytes).sum();
    let large = kinds.iter().filter(|(_, bytes)| bytes * 100 >= total);
    let named: Vec<&str> = large.map(|(kind, _)| kind.as_str()).collect();
    if named.is_empty() { "no weights".to_owned() } else { named.join(", ") }
}

fn heading_ui(ui: &mut Ui, title: &str, note: &str) {
    let tokens = Tokens::of(ui);
    ui.horizontal(|ui| {
        ui.label(RichText::new(title).color(tokens.text));
        ui.label(RichText::new(note).small().color(tokens.text_quiet));
    });
}

/// Inputs, outputs, precision and where it comes from.
fn facts_ui(ui: &mut Ui, entry: &ModelEntry) {
    let model = &entry.model;
    for (title, ports) in [("Inputs", &model.inputs), ("Outputs", &model.outputs)] {
        heading_ui(ui, title, "");
        let rows: Vec<(&str, String)> =
            ports.iter().map(|port| (port.name.as_str(), port_words(port))).collect();
        key_values_ui(ui, title, &rows);
        ui.add_space(space::XS);
    }
    heading_ui(ui, "Weights by precision", &units::bytes(model.weight_bytes));
    precision_ui(ui, model);
    ui.add_space(space::XS);
    heading_ui(ui, "File", "");
    let opsets: Vec<String> = model
        .opset
        .iter()
        .map(|(domain, version)| format!("{} {version}", if domain.is_empty() { "ai.onnx" } else { domain }))
        .collect();
    let producer = if model.producer.is_empty() { "not named" } else { &model.producer };
    let rows = [
        ("Producer", producer.to_owned()),
        ("Opset", opsets.join(", ")),
        ("IR version", model.ir_version.to_string()),
        ("SHA-256", format!("{}…", model.sha256.get(..16).unwrap_or(&model.sha256))),
        ("Path", end_of(&entry.path.display().to_string())),
    ];
    key_values_ui(ui, "file", &rows);
}

/// `float32 [batch, 3, 32, 32]`.
fn port_words(port: &Port) -> String {
    format!("{} {}", format!("{:?}", port.element).to_lowercase(), port.shape_words())
}

/// The end of a long path, which is what tells files apart.
fn end_of(path: &str) -> String {
    let letters = path.chars().count();
    if letters <= PATH_LETTERS {
        return path.to_owned();
    }
    let end: String = path.chars().skip(letters + 1 - PATH_LETTERS).collect();
    format!("…{end}")
}

/// Letters of a path that fit beside the operators.
const PATH_LETTERS: usize = 48;

/// A bar of the bytes of the weights by element type, and its legend.
fn precision_ui(ui: &mut Ui, model: &Model) {
    let tokens = Tokens::of(ui);
    let plot = plot::Tokens::for_ui(ui);
    let mut kinds: Vec<(&String, u64)> =
        model.bytes_by_precision.iter().map(|(kind, bytes)| (kind, *bytes)).collect();
    kinds.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let total: u64 = kinds.iter().map(|(_, bytes)| bytes).sum();
    if total == 0 {
        note_ui(ui, "The file holds no weights");
        return;
    }
    let words: Vec<String> =
        kinds.iter().map(|(kind, bytes)| format!("{kind} {}", units::bytes(*bytes))).collect();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 10.0), Sense::hover());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(
            egui::Role::Image,
            true,
            format!("Bytes by precision: {}", words.join(", ")),
        )
    });
    let mut left = rect.left();
    for (number, (_, bytes)) in kinds.iter().enumerate() {
        let width = rect.width() * (*bytes as f64 / total as f64) as f32;
        let part = Rect::from_min_max(pos2(left, rect.top()), pos2(left + width, rect.bottom()));
        ui.painter().rect_filled(part, 2, plot.ink(Ink::Series(number)));
        left += width;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        for (number, text) in words.iter().enumerate() {
            let (swatch, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            ui.painter().rect_filled(swatch, 2, plot.ink(Ink::Series(number)));
            ui.label(RichText::new(text).small().color(tokens.text_quiet));
            ui.add_space(space::S);
        }
    });
}
