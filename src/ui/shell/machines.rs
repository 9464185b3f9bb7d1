//! The dialog "Machines to measure on": other machines, what each said of itself, and a form to add one.

use egui::{Align, Context, Id, Layout, Modal, RichText, Ui};

use crate::app::{App, Command};
use crate::measure::{Survey, Target, USUAL_PROGRAM};
use crate::ui::theme::{self, Tokens, space};
use crate::ui::widgets::{
    Badge, Cell, Column, Icon, Table, TableState, Tone, banner_ui, data_table_ui, dialog_frame,
    dialog_title_ui, form_row_ui, icon_button_ui, key_values_ui, line_edit, note_ui, primary_button_ui,
    progress_words,
};
use crate::units;

/// Width of the dialog, in points.
const WIDTH: f32 = 680.0;
/// Width of the column of names, in points.
const NAMES: f32 = 150.0;
/// Height of the list, in points; a longer one scrolls.
const LIST_HEIGHT: f32 = 150.0;

/// The open dialog.
#[derive(Default)]
pub(super) struct Machines {
    table: TableState,
    /// Name of the chosen machine.
    chosen: Option<String>,
    /// Name of the machine that the form changes; `None` = it adds one.
    editing: Option<String>,
    name: String,
    command: String,
    program: String,
    problem: String,
}

impl Machines {
    /// Draws the dialog; true when it is to close. Wishes go to `commands`.
    pub(super) fn ui(&mut self, ctx: &Context, app: &App, commands: &mut Vec<Command>) -> bool {
        let response = Modal::new(Id::unique("machines"))
            .frame(dialog_frame(ctx))
            .backdrop_color(Tokens::of_ctx(ctx).scrim)
            .show(ctx, |ui| {
                ui.set_width(WIDTH);
                ui.spacing_mut().item_spacing.y = space::S;
                let closed = ui
                    .horizontal(|ui| {
                        dialog_title_ui(ui, "Machines to measure on");
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            icon_button_ui(ui, Icon::Close, "Close").clicked()
                        })
                        .inner
                    })
                    .inner;
                note_ui(
                    ui,
                    "A machine is reached by a command that starts Inferometer there. Models are sent once; \
                     numbers and fingerprint are that machine's.",
                );
                let room = (ctx.content_rect().height() - 140.0).max(200.0);
                // Without the second, a dialog never grows again once it was small.
                let area = egui::ScrollArea::vertical().max_height(room).min_scrolled_height(room);
                area.show(ui, |ui| {
                    self.list_ui(ui, app, commands);
                    ui.add_space(space::S);
                    self.form_ui(ui, app, commands);
                });
                closed
            });
        response.inner || response.should_close()
    }

    fn list_ui(&mut self, ui: &mut Ui, app: &App, commands: &mut Vec<Command>) {
        let state = app.state();
        if state.targets.is_empty() {
            return;
        }
        let place = state.targets.iter().position(|target| Some(&target.name) == self.chosen.as_ref());
        let columns = [
            Column::text("Name", 150.0),
            Column::fill("Reached by", 200.0),
            Column::text("What it is", 250.0),
        ];
        let table = Table {
            id: "targets",
            name: "Machines to measure on",
            columns: &columns,
            rows: state.targets.len(),
            revision: state.revision,
            selected: place,
            height: LIST_HEIGHT,
        };
        let output = data_table_ui(ui, &table, &mut self.table, |row, column| {
            let target = &state.targets[row];
            match column {
                0 => Cell::text(&target.name),
                1 => Cell::text(target.prefix()).hover(target.prefix()),
                _ => match state.surveys.get(&target.name) {
                    None => Cell::unknown("Not asked yet since the window opened"),
                    Some(Ok(survey)) => Cell::text(&survey.machine.cpu).hover(&survey.machine.cpu),
                    Some(Err(problem)) => Cell::text("").badge(Badge::Failed).hover(problem),
                },
            }
        });
        if let Some(row) = output.chosen.or(output.opened) {
            self.chosen = Some(state.targets[row].name.clone());
        }
        let Some(target) = place.map(|place| &state.targets[place]) else {
            note_ui(ui, "Choose a machine to check, change or remove it.");
            return;
        };
        ui.horizontal(|ui| {
            let asking = app.jobs().iter().find(|job| job.end.is_none() && job.title == check_title(target));
            if let Some(job) = asking {
                if ui.button("Cancel").clicked() {
                    commands.push(Command::Cancel(job.id));
                }
                let words = progress_words(&job.progress, job.elapsed().as_secs_f64());
                note_ui(ui, &format!("Asking it what it is, {words}"));
                return;
            }
            let free = !app.is_measuring();
            let check = ui.add_enabled(free, egui::Button::new("Check"));
            let check = check.on_hover_text("Asks for its version, processor and ONNX Runtimes");
            if check.on_disabled_hover_text("A measurement is running, which this might disturb").clicked() {
                commands.push(Command::CheckTarget(target.name.clone()));
            }
            if ui.button("Change").on_hover_text("Puts it into the form below").clicked() {
                self.edit(target);
            }
            if ui.button("Remove").on_hover_text("What it measured stays").clicked() {
                commands.push(Command::RemoveTarget(target.name.clone()));
            }
        });
        match state.surveys.get(&target.name) {
            None => {}
            Some(Ok(survey)) => key_values_ui(ui, "survey", &facts(survey)),
            Some(Err(problem)) => {
                banner_ui(ui, Tone::Warning, problem);
            }
        }
    }

    fn edit(&mut self, target: &Target) {
        self.editing = Some(target.name.clone());
        self.name.clone_from(&target.name);
        self.command = target.prefix();
        self.program.clone_from(&target.program);
        self.problem.clear();
    }

    fn form_ui(&mut self, ui: &mut Ui, app: &App, commands: &mut Vec<Command>) {
        let tokens = Tokens::of(ui);
        let title = match &self.editing {
            None => "Add a machine".to_owned(),
            Some(name) => format!("Change {name}"),
        };
        let heading = ui.label(RichText::new(&title).text_style(theme::section()).color(tokens.text));
        heading.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title.as_str()));
        let width = ui.available_width() - NAMES - space::S;
        let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str| {
            form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, hint, width)))
        };
        field(ui, "Name", &mut self.name, "optional");
        field(ui, "Command", &mut self.command, "ssh user@host, or kubectl exec -i pod --").on_hover_text(
            "Split into words as a shell would. It must start without asking: use a key or an agent",
        );
        field(ui, "Inferometer there", &mut self.program, USUAL_PROGRAM)
            .on_hover_text("The program on that machine, as one would type it there");
        if !self.problem.is_empty() {
            banner_ui(ui, Tone::Warning, &self.problem);
        }
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let save = if self.editing.is_some() { "Save" } else { "Add and check" };
                if primary_button_ui(ui, save).clicked() {
                    self.save(app, commands);
                }
                if self.editing.is_some() && ui.button("Discard changes").clicked() {
                    *self = Self { chosen: self.chosen.take(), ..Self::default() };
                }
            });
        });
    }

    fn save(&mut self, app: &App, commands: &mut Vec<Command>) {
        let target = match Target::parse(&self.name, &self.command, &self.program) {
            Ok(target) => target,
            Err(problem) => {
                self.problem = sentence(&problem.to_string());
                return;
            }
        };
        let other = app.state().target(&target.name).filter(|_| self.editing.as_ref() != Some(&target.name));
        if other.is_some() {
            self.problem =
                format!("There is a machine called “{}” already; choose another name.", target.name);
            return;
        }
        if let Some(before) = self.editing.as_ref().filter(|before| **before != target.name) {
            commands.push(Command::RemoveTarget(before.clone()));
        }
        let name = target.name.clone();
        commands.push(Command::PutTarget(Box::new(target)));
        if !app.is_measuring() {
            commands.push(Command::CheckTarget(name.clone()));
        }
        *self = Self { chosen: Some(name), ..Self::default() };
    }
}

/// The title of the job that checks a machine.
fn check_title(target: &Target) -> String {
    format!("Check {}", target.name)
}

/// The same with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a machine said of itself, for two columns.
fn facts(survey: &Survey) -> Vec<(&'static str, String)> {
    let Survey { version, host, machine, runtimes } = survey;
    let mut facts = Vec::new();
    facts.extend(host.clone().map(|host| ("Host", host)));
    facts.push(("Inferometer", version.clone()));
    facts.push(("Processor", format!("{}, {} logical CPUs", machine.cpu, machine.logical_cpus)));
    facts.extend(machine.memory_bytes.map(|bytes| ("Memory", units::bytes(bytes))));
    facts.push(("System", machine.system.clone()));
    if !machine.gpus.is_empty() {
        facts.push(("GPUs", machine.gpus.join(", ")));
    }
    for found in runtimes {
        let words = match (&found.problem, &found.version) {
            (Some(problem), _) => format!("cannot be used: {problem}"),
            (None, Some(version)) => format!("{version}: {}", found.providers.join(", ")),
            (None, None) => found.providers.join(", "),
        };
        facts.push(("ONNX Runtime", words));
    }
    if survey.usable().next().is_none() {
        facts.push(("ONNX Runtime", "none; run “inferometer runtime install” there".to_owned()));
    }
    facts
}
