//! How load is made: the scenarios of a sweep as chips, and the editor that adds to them.

use egui::{ComboBox, DragValue, Frame, Margin, Ui};

use super::fields::{NAMES, Problem, gaps, list_row_ui, problem_row_ui, rates, row_ui, small_counts};
use crate::measure::{Arrivals, Batcher, Rate, Scenario};
use crate::ui::theme::{RADIUS, Tokens, space};
use crate::ui::widgets::{chip_ui, form_row_ui, note_ui, quiet_button_ui, segmented_ui};

/// What is being added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Multi,
    Closed,
    Gaps,
    Offline,
    Server,
}

const KINDS: [(Kind, &str, &str); 6] = [
    (Kind::Single, "SingleStream", "One query after another: the latency of a single inference."),
    (
        Kind::Multi,
        "MultiStream",
        "Queries of several samples, one query after another: latency is until the last sample is done.",
    ),
    (
        Kind::Closed,
        "Closed loop",
        "A fixed number of clients, each sending its next query when the last is answered. Several numbers give a load \
         curve.",
    ),
    (
        Kind::Gaps,
        "Idle gaps",
        "One query at a time after a pause: what caches, clocks and sleeping threads cost a service that is seldom asked.",
    ),
    (
        Kind::Offline,
        "Offline",
        "All samples are there at once: the highest throughput. Latencies are queueing times.",
    ),
    (
        Kind::Server,
        "Server",
        "Queries arrive on their own, as at a server. Latency counts from the intended time of sending.",
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Poisson,
    Constant,
    Gamma,
    Trace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Rates,
    Highest,
}

/// The chosen scenarios, and what is typed into the editor.
#[derive(Debug)]
pub(super) struct Scenarios {
    chosen: Vec<Scenario>,
    open: bool,
    kind: Kind,
    samples: u32,
    in_flight: String,
    think_ms: f64,
    gaps: String,
    shape: Shape,
    cv: f64,
    asked: Asked,
    rates: String,
    limit_ms: f64,
    tolerance: f64,
    batched: bool,
    max_batch: u32,
    delay_ms: f64,
}

impl Default for Scenarios {
    fn default() -> Self {
        Self {
            chosen: vec![Scenario::SingleStream],
            open: false,
            kind: Kind::Closed,
            samples: 8,
            in_flight: "1, 2, 4, 8".to_owned(),
            think_ms: 0.0,
            gaps: "0, 1, 10, 100, 300".to_owned(),
            shape: Shape::Poisson,
            cv: 2.0,
            asked: Asked::Highest,
            rates: "50, 100, 200".to_owned(),
            limit_ms: 100.0,
            tolerance: 0.05,
            batched: false,
            max_batch: 8,
            delay_ms: 5.0,
        }
    }
}

impl Scenarios {
    /// The scenarios asked for.
    pub fn chosen(&self) -> Result<Vec<Scenario>, Problem> {
        if self.chosen.is_empty() {
            return Err(Problem::of("Scenarios")("none is chosen. Add at least one".to_owned()));
        }
        Ok(self.chosen.clone())
    }

    /// What differs from the usual, in words; empty = one query after another.
    pub fn unusual(&self) -> String {
        match self.chosen.as_slice() {
            [Scenario::SingleStream] => String::new(),
            [one] => words(one),
            several => format!("{} scenarios", several.len()),
        }
    }

    /// What the editor says: one scenario for each number of a list.
    fn edited(&self, has_trace: bool) -> Result<Vec<Scenario>, String> {
        let scenarios: Vec<Scenario> = match self.kind {
            Kind::Single => vec![Scenario::SingleStream],
            Kind::Offline => vec![Scenario::Offline],
            Kind::Multi => vec![Scenario::MultiStream { samples_per_query: self.samples }],
            Kind::Closed => small_counts(&self.in_flight)?
                .into_iter()
                .map(|in_flight| Scenario::ClosedLoop { in_flight, think_ms: self.think_ms })
                .collect(),
            Kind::Gaps => gaps(&self.gaps)?
                .into_iter()
                .map(|think_ms| Scenario::ClosedLoop { in_flight: 1, think_ms })
                .collect(),
            Kind::Server => self.servers(has_trace)?,
        };
        for scenario in &scenarios {
            // The times of a trace are filled in when the measurement starts.
            if !matches!(scenario, Scenario::Server { arrivals: Arrivals::Trace { .. }, .. }) {
                scenario.check()?;
            }
        }
        Ok(scenarios)
    }

    fn servers(&self, has_trace: bool) -> Result<Vec<Scenario>, String> {
        let arrivals = match self.shape {
            Shape::Poisson => Arrivals::Poisson,
            Shape::Constant => Arrivals::Constant,
            Shape::Gamma => Arrivals::Gamma { cv: self.cv },
            Shape::Trace if has_trace => {
                Arrivals::Trace { times_secs: Vec::new(), name: "the demand trace".to_owned() }
            }
            Shape::Trace => {
                return Err(
                    "The project has no demand trace. Drop one on the window, or choose other arrivals"
                        .to_owned(),
                );
            }
        };
        let batcher =
            self.batched.then_some(Batcher { max_batch: self.max_batch, max_delay_ms: self.delay_ms });
        let rates = match self.asked {
            Asked::Rates => rates(&self.rates)?.into_iter().map(Rate::PerSecond).collect(),
            Asked::Highest => {
                vec![Rate::Highest { p99_limit_ms: self.limit_ms, tolerance: self.tolerance }]
            }
        };
        Ok(rates
            .into_iter()
            .map(|rate| Scenario::Server { arrivals: arrivals.clone(), rate, batcher })
            .collect())
    }

    pub fn ui(&mut self, ui: &mut Ui, has_trace: bool) {
        note_ui(ui, "Scenarios: how load is made");
        let mut removed = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(space::S, space::XS);
            for (place, scenario) in self.chosen.iter().enumerate() {
                if chip_ui(ui, &words(scenario)) {
                    removed = Some(place);
                }
            }
            if !self.open && quiet_button_ui(ui, "Add a scenario").clicked() {
                self.open = true;
            }
        });
        if let Some(place) = removed {
            self.chosen.remove(place);
        }
        if let Err(problem) = self.chosen() {
            let tokens = Tokens::of(ui);
            ui.label(egui::RichText::new(format!("No scenario: {}", problem.words)).color(tokens.warning));
        }
        if self.open {
            let tokens = Tokens::of(ui);
            Frame::new().fill(tokens.panel).corner_radius(RADIUS).inner_margin(Margin::same(12)).show(
                ui,
                |ui| {
                    ui.set_min_width(ui.available_width());
                    self.editor_ui(ui, has_trace);
                },
            );
        }
    }

    fn editor_ui(&mut self, ui: &mut Ui, has_trace: bool) {
        let named = |kind: Kind| KINDS.iter().find(|(other, ..)| *other == kind);
        let (name, meaning) = named(self.kind).map_or(("", ""), |(_, name, meaning)| (*name, *meaning));
        form_row_ui(ui, "Scenario", NAMES, |ui| {
            ComboBox::from_id_salt("scenario kind")
                .selected_text(name)
                .width(150.0)
                .show_ui(ui, |ui| {
                    for (kind, name, meaning) in KINDS {
                        ui.selectable_value(&mut self.kind, kind, name).on_hover_text(meaning);
                    }
                })
                .response
        });
        let quiet = Tokens::of(ui).text_quiet;
        ui.add(egui::Label::new(egui::RichText::new(meaning).color(quiet)).wrap());
        match self.kind {
            Kind::Single | Kind::Offline => {}
            Kind::Multi => {
                let samples = DragValue::new(&mut self.samples).range(1..=65_536).speed(0.1);
                form_row_ui(ui, "Samples a query", NAMES, |ui| ui.add(samples.update_while_editing(false)));
            }
            Kind::Closed => {
                list_row_ui(ui, "In flight", &mut self.in_flight, small_counts, "");
                millis_row_ui(ui, "Think time", &mut self.think_ms);
            }
            Kind::Gaps => {
                list_row_ui(ui, "Idle gaps", &mut self.gaps, gaps, "ms");
            }
            Kind::Server => self.server_ui(ui),
        }
        let edited = self.edited(has_trace);
        if let (Kind::Server, Err(problem)) = (self.kind, &edited)
            && !(self.asked == Asked::Rates && rates(&self.rates).is_err())
        {
            problem_row_ui(ui, problem);
        }
        ui.horizontal(|ui| {
            let count = edited.as_ref().map_or(0, Vec::len);
            let text = if count > 1 { format!("Add {count} scenarios") } else { "Add".to_owned() };
            let add = ui.add_enabled(edited.is_ok(), egui::Button::new(text));
            if let (true, Ok(edited)) = (add.clicked(), edited) {
                for scenario in edited {
                    if !self.chosen.contains(&scenario) {
                        self.chosen.push(scenario);
                    }
                }
                self.open = false;
            }
            if quiet_button_ui(ui, "Close").clicked() {
                self.open = false;
            }
        });
    }

    fn server_ui(&mut self, ui: &mut Ui) {
        row_ui(ui, "Rate", |ui| {
            let ways = [(Asked::Highest, "Highest within a limit"), (Asked::Rates, "As given")];
            segmented_ui(ui, "Rate", &mut self.asked, &ways);
        });
        match self.asked {
            Asked::Rates => {
                list_row_ui(ui, "Queries a second", &mut self.rates, rates, "");
            }
            Asked::Highest => {
                form_row_ui(ui, "p99 at most", NAMES, |ui| {
                    let limit = DragValue::new(&mut self.limit_ms).range(0.001..=600_000.0).speed(0.5);
                    ui.add(limit.max_decimals(3).update_while_editing(false).suffix(" ms"))
                });
                let mut percent = self.tolerance * 100.0;
                let drag = DragValue::new(&mut percent).range(0.1..=50.0).speed(0.1).max_decimals(1);
                let drag = drag.update_while_editing(false).prefix("±").suffix(" %");
                let hover = "The search ends when the highest rate that passed and the lowest that failed differ by this";
                if form_row_ui(ui, "Found within", NAMES, |ui| ui.add(drag)).on_hover_text(hover).changed() {
                    self.tolerance = percent / 100.0;
                }
            }
        }
        let shapes = [
            (Shape::Poisson, "Poisson"),
            (Shape::Constant, "Constant"),
            (Shape::Gamma, "Gamma"),
            (Shape::Trace, "Demand trace"),
        ];
        let name = shapes.iter().find(|(shape, _)| *shape == self.shape).map_or("", |(_, name)| name);
        form_row_ui(ui, "Arrivals", NAMES, |ui| {
            ComboBox::from_id_salt("arrivals")
                .selected_text(name)
                .width(150.0)
                .show_ui(ui, |ui| {
                    for (shape, name) in shapes {
                        ui.selectable_value(&mut self.shape, shape, name);
                    }
                })
                .response
        });
        if self.shape == Shape::Gamma {
            let hover = "Standard deviation of the gaps ÷ their mean; 1 is Poisson, more is burstier";
            let cv = DragValue::new(&mut self.cv).range(0.01..=100.0).speed(0.02).max_decimals(2);
            form_row_ui(ui, "CV of the gaps", NAMES, |ui| ui.add(cv.update_while_editing(false)))
                .on_hover_text(hover);
        }
        row_ui(ui, "", |ui| {
            let hover = "Joins waiting queries into one inference, as model servers do";
            ui.checkbox(&mut self.batched, "Dynamic batcher").on_hover_text(hover);
        });
        if self.batched {
            let most = DragValue::new(&mut self.max_batch).range(1..=65_536).speed(0.1);
            form_row_ui(ui, "Largest batch", NAMES, |ui| ui.add(most.update_while_editing(false)));
            millis_row_ui(ui, "Longest delay", &mut self.delay_ms);
        }
    }
}

fn millis_row_ui(ui: &mut Ui, name: &str, millis: &mut f64) {
    let drag = DragValue::new(millis).range(0.0..=600_000.0).speed(0.1).max_decimals(3);
    form_row_ui(ui, name, NAMES, |ui| ui.add(drag.update_while_editing(false).suffix(" ms")));
}

/// A scenario in few words, for a chip.
pub(super) fn words(scenario: &Scenario) -> String {
    match scenario {
        Scenario::SingleStream | Scenario::Offline => scenario.to_string(),
        Scenario::MultiStream { samples_per_query } => format!("MultiStream × {samples_per_query}"),
        Scenario::ClosedLoop { in_flight: 1, think_ms } => format!("Idle gap {think_ms} ms"),
        Scenario::ClosedLoop { in_flight, think_ms } if *think_ms > 0.0 => {
            format!("{in_flight} in flight, think {think_ms} ms")
        }
        Scenario::ClosedLoop { in_flight, .. } => format!("{in_flight} in flight"),
        Scenario::Server { arrivals, rate, batcher } => {
            let rate = match rate {
                Rate::PerSecond(rate) => format!("Server {rate}/s"),
                Rate::Highest { p99_limit_ms, .. } => format!("Server p99 ≤ {p99_limit_ms} ms"),
            };
            let arrivals = match arrivals {
                Arrivals::Poisson => String::new(),
                Arrivals::Constant => ", constant".to_owned(),
                Arrivals::Gamma { cv } => format!(", gamma CV {cv}"),
                Arrivals::Trace { .. } => ", trace".to_owned(),
            };
            let batcher = batcher
                .map(|batcher| format!(", batch ≤ {} in {} ms", batcher.max_batch, batcher.max_delay_ms))
                .unwrap_or_default();
            format!("{rate}{arrivals}{batcher}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_a_scenario_for_each_number() {
        let gaps = Scenarios { kind: Kind::Gaps, gaps: "0 1 300".to_owned(), ..Scenarios::default() };
        let closed = |in_flight, think_ms| Scenario::ClosedLoop { in_flight, think_ms };
        assert_eq!(gaps.edited(false), Ok(vec![closed(1, 0.0), closed(1, 1.0), closed(1, 300.0)]));
        let load = Scenarios { kind: Kind::Closed, in_flight: "2, 4".to_owned(), ..Scenarios::default() };
        assert_eq!(load.edited(false), Ok(vec![closed(2, 0.0), closed(4, 0.0)]));
    }

    #[test]
    fn a_server_has_its_arrivals_its_rate_and_its_batcher() {
        let server = Scenarios {
            kind: Kind::Server,
            shape: Shape::Gamma,
            cv: 3.0,
            asked: Asked::Rates,
            rates: "20".to_owned(),
            batched: true,
            ..Scenarios::default()
        };
        let expected = Scenario::Server {
            arrivals: Arrivals::Gamma { cv: 3.0 },
            rate: Rate::PerSecond(20.0),
            batcher: Some(Batcher { max_batch: 8, max_delay_ms: 5.0 }),
        };
        assert_eq!(server.edited(false), Ok(vec![expected.clone()]));
        assert_eq!(words(&expected), "Server 20/s, gamma CV 3, batch ≤ 8 in 5 ms");
        let trace = Scenarios { shape: Shape::Trace, ..server };
        assert!(trace.edited(false).unwrap_err().contains("no demand trace"));
        assert_eq!(trace.edited(true).map(|all| all.len()), Ok(1));
    }

    #[test]
    fn without_a_scenario_nothing_can_be_measured() {
        let none = Scenarios { chosen: Vec::new(), ..Scenarios::default() };
        assert!(none.chosen().unwrap_err().sentence().contains("Add at least one"));
    }
}
