//! The page Welcome: what this is, where one is on the way round, and every way in.

use std::path::PathBuf;

use egui::{Align, Align2, FontId, Layout, RichText, Sense, Stroke, Ui, vec2};

use crate::app::{Command, State};
use crate::ui::theme::{self, Tokens, space};
use crate::ui::view::{Action, Page, View};
use crate::ui::widgets::{
    Icon, card_ui, count_words, icon_ui, note_ui, page_header_ui, page_ui, primary_button_ui,
    section_header_ui,
};
use crate::units;

/// What the page remembers between frames.
#[derive(Default)]
pub struct Welcome {
    /// Files opened lately and whether they are there, latest first; the shell keeps it.
    pub recent: Vec<(PathBuf, bool)>,
}

/// One step of the loop.
struct Step {
    title: &'static str,
    /// What is there, or what the step is for while nothing is.
    state: String,
    done: bool,
    button: &'static str,
    action: Action,
}

/// `1 model`, `3 models`.
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", count_words(count as u64), if count == 1 { one } else { many })
}

fn steps(state: &State) -> [Step; 5] {
    let models = state.models.len();
    let points = state.points.len();
    let step = |title, done, state: String, button, action| Step { title, state, done, button, action };
    let models_step = if models == 0 {
        let why = "An ONNX file: full, quantized, distilled. Several make a comparison.".to_owned();
        step("Add models", false, why, "Add models…", Action::PickFiles)
    } else {
        let bytes: u64 = state.models.iter().map(|entry| entry.model.file_bytes).sum();
        let text = format!("{}, {}", counted(models, "model", "models"), units::bytes(bytes));
        step("Add models", true, text, "Models", Action::Go(Page::Models))
    };
    let measured = if points == 0 {
        "Latency, throughput and memory on this machine, by batch and threads.".to_owned()
    } else {
        counted(points, "measurement", "measurements")
    };
    let profiles = state.profiles.len();
    // A new project has profiles already: a price is laid over something once something is measured.
    let has_priced = points > 0 && state.price_profile().is_some();
    let priced = match state.price_profile() {
        Some(profile) => {
            let price = units::money(profile.price_per_hour, &profile.currency);
            format!("{} at {price} an hour, of {}", profile.name, counted(profiles, "profile", "profiles"))
        }
        None if profiles > 0 => format!("{} to choose from", counted(profiles, "profile", "profiles")),
        None => "What an hour of hardware costs, on every cloud or on your own.".to_owned(),
    };
    let rows: u64 = state.bills.iter().map(|bill| bill.rows).sum();
    let bill_step = if state.bills.is_empty() {
        let why = "A bill of your cloud or model API: what you pay today, and how much of it is inference."
            .to_owned();
        step("Put the bill beside them", false, why, "Add a bill…", Action::PickFiles)
    } else {
        let files = counted(state.bills.len(), "file", "files");
        let text = format!("{files}, {} rows", count_words(rows));
        step("Put the bill beside them", true, text, "Bills", Action::Go(Page::Bills))
    };
    let answer = state.answer.as_ref();
    let best = answer.and_then(|answer| answer.best);
    let what_if = match answer {
        // The first sentence is the answer; the page Explore says what it rests on.
        Some(answer) => answer.why.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned(),
        None => "The same demand on other models and machines, within a latency limit.".to_owned(),
    };
    [
        models_step,
        step("Measure", points > 0, measured, "Measure", Action::Go(Page::Measure)),
        step("Price", has_priced, priced, "Prices", Action::Go(Page::Prices)),
        bill_step,
        step("Ask “what if”", best.is_some(), what_if, "Explore", Action::Go(Page::Explore)),
    ]
}

impl Welcome {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        page_ui(ui, "welcome", |ui| {
            page_header_ui(
                ui,
                "Find the cheaper way to serve your models",
                "Measure how fast they really run, lay the price of hardware over it, put the bill beside it, and \
                 see what to change.",
                |_| {},
            );
            let gap = space::L;
            let right = 320.0;
            let left = ui.available_width() - right - gap;
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = gap;
                ui.allocate_ui_with_layout(vec2(left, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(left);
                    loop_ui(ui, view);
                });
                ui.allocate_ui_with_layout(vec2(right, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(right);
                    ui.spacing_mut().item_spacing.y = gap;
                    self.ways_in_ui(ui, view);
                });
            });
        });
    }

    fn ways_in_ui(&self, ui: &mut Ui, view: &mut View<'_>) {
        card_ui(ui, |ui| {
            section_header_ui(ui, "Sample project", "", |_| {});
            note_ui(
                ui,
                "Three trained image classifiers, a three-month cloud bill and a week of demand, ready to measure.",
            );
            if ui.button("Open sample project").clicked() {
                view.send(Command::OpenSample);
            }
        });
        card_ui(ui, |ui| {
            section_header_ui(ui, "Your files", "", |_| {});
            note_ui(ui, "Models, bills, demand traces, labelled inputs, projects: drop them anywhere.");
            if ui.button("Open files…").clicked() {
                view.actions.push(Action::PickFiles);
            }
        });
        if self.recent.is_empty() {
            return;
        }
        card_ui(ui, |ui| {
            section_header_ui(ui, "Opened lately", "", |_| {});
            ui.spacing_mut().item_spacing.y = 0.0;
            for (path, present) in self.recent.iter().take(6) {
                let response = recent_ui(ui, path, *present);
                if response.clicked() {
                    view.actions.push(Action::Open(path.clone()));
                }
            }
        });
    }
}

fn loop_ui(ui: &mut Ui, view: &mut View<'_>) {
    let steps = steps(view.app.state());
    let next = steps.iter().position(|step| !step.done);
    card_ui(ui, |ui| {
        let done = steps.iter().filter(|step| step.done).count();
        section_header_ui(ui, "Once around the loop", &format!("{done} of {} steps", steps.len()), |_| {});
        let last = steps.len() - 1;
        for (number, step) in steps.into_iter().enumerate() {
            if let Some(action) = step_ui(ui, number, step, next == Some(number), number == last) {
                view.actions.push(action);
            }
        }
    });
}

/// One step: its number or a tick, what is there, its button on the right.
fn step_ui(ui: &mut Ui, number: usize, step: Step, next: bool, last: bool) -> Option<Action> {
    let tokens = Tokens::of(ui);
    let mut pressed = false;
    let top = ui.cursor().top();
    let row = ui.horizontal_top(|ui| {
        ui.set_min_height(58.0);
        let (mark, _) = ui.allocate_exact_size(vec2(28.0, 28.0), Sense::hover());
        let centre = mark.center();
        let painter = ui.painter();
        if step.done {
            painter.circle_filled(centre, 12.0, tokens.soft(tokens.good));
            Icon::Check.paint_sized(painter, centre, 13.0, tokens.good);
        } else {
            let (fill, ink) =
                if next { (tokens.accent, tokens.on_accent) } else { (tokens.control, tokens.text_quiet) };
            painter.circle_filled(centre, 12.0, fill);
            let text = (number + 1).to_string();
            painter.text(centre, Align2::CENTER_CENTER, text, FontId::proportional(13.0), ink);
        }
        ui.add_space(space::XS);
        let button_width = 116.0;
        let width = ui.available_width() - button_width - space::M;
        ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
            ui.set_width(width);
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(3.0);
            ui.label(RichText::new(step.title).text_style(theme::section()).color(tokens.text));
            ui.add(egui::Label::new(RichText::new(&step.state).color(tokens.text_quiet)).wrap());
            ui.add_space(space::M);
        });
        let size = vec2(ui.available_width(), space::CONTROL);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            pressed = if next {
                primary_button_ui(ui, step.button).clicked()
            } else {
                ui.button(step.button).clicked()
            };
        });
        centre
    });
    if !last {
        // The line to the next step.
        let x = row.inner.x;
        let line = Stroke::new(1.0, tokens.border);
        ui.painter().vline(x, (top + 34.0)..=(row.response.rect.bottom() + space::XS), line);
    }
    pressed.then_some(step.action)
}

/// A file opened lately: its name, its folder below; grey when it is gone.
fn recent_ui(ui: &mut Ui, path: &std::path::Path, present: bool) -> egui::Response {
    let tokens = Tokens::of(ui);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let icon = if path.extension().is_some_and(|ending| ending == "inferometer") {
        Icon::Folder
    } else {
        Icon::File
    };
    let response = ui
        .add_enabled_ui(present, |ui| {
            ui.horizontal(|ui| {
                icon_ui(ui, icon, tokens.text_quiet);
                let colour = if present { tokens.text } else { tokens.text_quiet };
                let button = egui::Button::new(RichText::new(&name).color(colour))
                    .frame_when_inactive(false)
                    .truncate();
                ui.add(button)
            })
            .inner
        })
        .inner;
    response
        .on_hover_text(path.display().to_string())
        .on_disabled_hover_text(format!("This file is not there any more: {}", path.display()))
}
