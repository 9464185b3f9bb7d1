//! Tables of warehouses: the dialog that tries and connects one, the list of those the project names, and what is said
//! while one is not connected.

use std::collections::BTreeMap;

use egui::{Align, ComboBox, Context, Id, Layout, Modal, Response, ScrollArea, TextEdit, Ui};

use crate::app::jobs::{End, Job};
use crate::app::warehouse::{connect_title, try_title};
use crate::app::{App, Command, State};
use crate::bill::warehouse::drivers::{KNOWN, Known, known};
use crate::bill::warehouse::spec::USUAL_TIMEOUT_SECS;
use crate::bill::warehouse::{Dialect, Found, Look, Secrets, Spec, is_connected};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Icon, Table, TableState, Tone, banner_ui, card_ui, count_words, data_table_ui,
    dialog_frame, dialog_title_ui, form_row_ui, icon_button_ui, key_values_ui, line_edit, note_ui,
    primary_button_ui, progress_ui, quiet_button_ui, section_header_ui,
};

/// Width of the dialog, in points.
const WIDTH: f32 = 640.0;
/// Width of the column of names, in points.
const NAMES: f32 = 150.0;
/// What the choice of drivers calls one that is named by its path.
const OTHER: &str = "Another driver";

/// What the page remembers of warehouses.
#[derive(Default)]
pub(super) struct Warehouses {
    form: Option<Form>,
    table: TableState,
    chosen: Option<String>,
}

/// The open dialog.
struct Form {
    spec: Spec,
    /// What is typed, which never leaves the session.
    password: String,
    /// `KEY=VALUE` a line.
    options: String,
    timeout: String,
    /// The dialect was chosen by hand and stays when the driver changes.
    own_dialect: bool,
    /// Whether what is shown below is about this form.
    tried: bool,
    connecting: bool,
    problem: String,
}

impl Form {
    fn of(spec: &Spec) -> Self {
        let options: Vec<String> = spec.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Self {
            spec: spec.clone(),
            password: String::new(),
            options: options.join("\n"),
            timeout: if spec.timeout_secs == 0 { String::new() } else { spec.timeout_secs.to_string() },
            own_dialect: true,
            tried: false,
            connecting: false,
            problem: String::new(),
        }
    }

    fn new() -> Self {
        let first = KNOWN.first().map(|known| known.name.to_owned()).unwrap_or_default();
        let dialect = KNOWN.first().map(|known| known.dialect).unwrap_or_default();
        Self { own_dialect: false, ..Self::of(&Spec { driver: first, dialect, ..Spec::default() }) }
    }

    /// What is asked for, or what is wrong with it.
    fn read(&self) -> Result<Spec, String> {
        let mut options = BTreeMap::new();
        for line in self.options.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (key, value) = line
                .split_once('=')
                .filter(|(key, _)| !key.trim().is_empty())
                .ok_or_else(|| format!("“{line}” is no option of a driver; write KEY=VALUE, one a line."))?;
            options.insert(key.trim().to_owned(), value.trim().to_owned());
        }
        let timeout_secs = match self.timeout.trim() {
            "" => 0,
            text => text.parse().map_err(|_no_number| {
                format!("“{text}” is no number of seconds that a question may take.")
            })?,
        };
        if self.spec.driver.trim().is_empty() {
            return Err("Name the driver: the path of its library or manifest.".to_owned());
        }
        let spec = Spec { options, timeout_secs, ..self.spec.clone() };
        spec.check().map_err(|error| sentence(&error.to_string()))?;
        Ok(spec)
    }

    fn secrets(&self) -> Secrets {
        Secrets { password: Some(self.password.clone()).filter(|password| !password.is_empty()) }
    }
}

impl Warehouses {
    /// The button that opens the dialog.
    pub(super) fn button_ui(&mut self, ui: &mut Ui) {
        let hover = "A bill that lives in Spark, BigQuery, Snowflake, PostgreSQL or behind Flight SQL";
        if quiet_button_ui(ui, "Connect a warehouse…").on_hover_text(hover).clicked() {
            self.form = Some(Form::new());
        }
    }

    /// Says which tables nobody has connected since the project was opened.
    pub(super) fn missing_ui(&mut self, ui: &mut Ui, view: &View<'_>) {
        for (hash, spec) in &view.app.state().warehouses {
            if is_connected(hash) || running(view.app, &connect_title(spec)).is_some() {
                continue;
            }
            let text = format!("{} is not connected, so the bills cannot answer.", spec.place());
            banner_ui(ui, Tone::Warning, &text);
            if ui.button("Connect it…").clicked() {
                self.form = Some(Form::of(spec));
            }
        }
    }

    /// The list of the project's tables; nothing without one.
    pub(super) fn list_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let tables: Vec<(&String, &Spec)> = state.warehouses.iter().collect();
        if tables.is_empty() {
            return;
        }
        let place =
            tables.iter().position(|(hash, _)| Some(*hash) == self.chosen.as_ref()).unwrap_or_default();
        let (hash, spec) = tables[place];
        card_ui(ui, |ui| {
            section_header_ui(ui, "Warehouse tables", "", |ui| {
                if quiet_button_ui(ui, "Remove").on_hover_text("Takes the table out of the project").clicked()
                {
                    view.send(Command::RemoveBill(hash.clone()));
                }
                let words = if is_connected(hash) { "Connect again…" } else { "Connect…" };
                let hover = "Connecting again also reads its totals and values anew";
                if quiet_button_ui(ui, words).on_hover_text(hover).clicked() {
                    self.form = Some(Form::of(spec));
                }
            });
            let columns = [
                Column::fill("Table", 220.0),
                Column::text("Address", 260.0),
                Column::text("Driver", 100.0),
                Column::text("SQL", 100.0),
                Column::text("Connected", 90.0),
            ];
            let shape = Table {
                id: "warehouse tables",
                name: "Warehouse tables",
                columns: &columns,
                rows: tables.len(),
                revision: state.revision,
                selected: Some(place),
                height: 110.0,
            };
            let tokens = Tokens::of(ui);
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                let (hash, spec) = tables[row];
                match column {
                    0 => Cell::text(spec.table.clone()).hover(spec.table.clone()),
                    1 => Cell::text(spec.uri.clone()).hover(spec.uri.clone()),
                    2 => Cell::text(driver_words(&spec.driver)).hover(spec.driver.clone()),
                    3 => Cell::text(spec.dialect.words()),
                    _ if is_connected(hash) => Cell::text("yes").colour(tokens.good),
                    _ => Cell::text("no").quiet(),
                }
            });
            if let Some(row) = output.chosen {
                self.chosen = Some(tables[row].0.clone());
            }
        });
    }

    /// The dialog, where it is open.
    pub(super) fn dialog_ui(&mut self, ctx: &Context, view: &mut View<'_>) {
        let Some(form) = &mut self.form else { return };
        let mut close = false;
        let app = view.app;
        let (mut commands, mut copied) = (Vec::new(), Vec::new());
        let response = Modal::new(Id::unique("warehouse"))
            .frame(dialog_frame(ctx))
            .backdrop_color(Tokens::of_ctx(ctx).scrim)
            .show(ctx, |ui| {
                ui.set_width(WIDTH);
                ui.spacing_mut().item_spacing.y = space::S;
                ui.horizontal(|ui| {
                    dialog_title_ui(ui, "Connect a warehouse");
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        close |= icon_button_ui(ui, Icon::Close, "Close").clicked();
                    });
                });
                note_ui(
                    ui,
                    "Questions are sent to it as SQL that only reads; sums come back, and the rows you look at. The project \
                     keeps the address and the table, never the password.",
                );
                let room = (ctx.content_rect().height() - 190.0).max(200.0);
                let area = ScrollArea::vertical().max_height(room).min_scrolled_height(room);
                area.show(ui, |ui| {
                    form_ui(ui, form);
                    ui.add_space(space::S);
                    close |= outcome_ui(ui, app, form, &mut commands, &mut copied);
                });
                buttons_ui(ui, app, form, &mut commands);
            });
        close |= response.should_close();
        for command in commands {
            view.send(command);
        }
        view.actions.extend(copied);
        if close {
            self.form = None;
        }
    }
}

fn driver_words(driver: &str) -> &str {
    known(driver).map_or(driver, |known| known.words)
}

/// The first letter large, a full stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

fn running<'a>(app: &'a App, title: &str) -> Option<&'a Job> {
    app.jobs().iter().find(|job| job.end.is_none() && job.title == title)
}

/// A list to choose from, beside a name of the form.
fn choice_ui(ui: &mut Ui, id: &str, chosen: &str, add: impl FnOnce(&mut Ui)) -> Response {
    ComboBox::from_id_salt(("warehouse", id)).selected_text(chosen).width(220.0).show_ui(ui, add).response
}

fn form_ui(ui: &mut Ui, form: &mut Form) {
    let before = (form.spec.clone(), form.options.clone());
    // The bar that scrolls needs its place.
    let width = ui.available_width() - NAMES - space::S - 12.0;
    let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str| {
        form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, hint, width)))
    };
    let chosen: Option<&Known> = known(&form.spec.driver);
    form_row_ui(ui, "Driver", NAMES, |ui| {
        choice_ui(ui, "driver", chosen.map_or(OTHER, |known| known.words), |ui| {
            for known in KNOWN {
                if ui.selectable_label(chosen == Some(known), known.words).clicked() {
                    known.name.clone_into(&mut form.spec.driver);
                    if !form.own_dialect {
                        form.spec.dialect = known.dialect;
                    }
                }
            }
            if ui.selectable_label(chosen.is_none(), OTHER).clicked() && chosen.is_some() {
                form.spec.driver.clear();
            }
        })
    });
    if chosen.is_none() {
        field(ui, "Library or manifest", &mut form.spec.driver, "/path/to/libadbc_driver.so, or driver.toml");
    }
    let example = chosen.map_or("", |known| known.example);
    field(ui, "Address", &mut form.spec.uri, example)
        .on_hover_text("As the driver wants it, without a password");
    field(ui, "Table", &mut form.spec.table, "catalog.schema.table, in FOCUS")
        .on_hover_text("A table or view with FOCUS columns; parts with dots in them in quotes");
    form_row_ui(ui, "SQL", NAMES, |ui| {
        choice_ui(ui, "dialect", form.spec.dialect.words(), |ui| {
            for dialect in Dialect::ALL {
                if ui.selectable_label(form.spec.dialect == dialect, dialect.words()).clicked() {
                    form.spec.dialect = dialect;
                    form.own_dialect = true;
                }
            }
        })
    })
    .on_hover_text("LakeSail speaks Spark's SQL over Flight SQL, too");
    field(ui, "User", &mut form.spec.user, "where the address names none");
    form_row_ui(ui, "Password or token", NAMES, |ui| {
        ui.add(line_edit(&mut form.password, "for this session only", width).password(true))
    });
    field(ui, "Or a variable", &mut form.spec.password_env, "name of an environment variable")
        .on_hover_text("Read whenever the table is connected; the project keeps the variable's name");
    form_row_ui(ui, "Driver options", NAMES, |ui| {
        let hint = "KEY=VALUE, one a line; env:VARIABLE for secrets";
        ui.add(TextEdit::multiline(&mut form.options).hint_text(hint).desired_rows(2).desired_width(width))
    });
    field(ui, "Seconds a question", &mut form.timeout, &USUAL_TIMEOUT_SECS.to_string())
        .on_hover_text("A question that takes longer is stopped");
    if before != (form.spec.clone(), form.options.clone()) {
        form.tried = false;
    }
}

/// What trying and connecting have come to. True when it is connected and the dialog is to close.
fn outcome_ui(
    ui: &mut Ui,
    app: &App,
    form: &mut Form,
    commands: &mut Vec<Command>,
    copied: &mut Vec<Action>,
) -> bool {
    if !form.problem.is_empty() {
        banner_ui(ui, Tone::Warning, &form.problem);
    }
    for title in [try_title(&form.spec), connect_title(&form.spec)] {
        if let Some(job) = running(app, &title) {
            if progress_ui(ui, &title, &job.progress, job.elapsed().as_secs_f64()) {
                commands.push(Command::Cancel(job.id));
            }
            return false;
        }
    }
    if form.connecting {
        let title = connect_title(&form.spec);
        let ended = app.jobs().iter().rev().find(|job| job.title == title).and_then(|job| job.end.as_ref());
        match ended {
            Some(End::Done) => return true,
            Some(End::Failed(message)) => {
                banner_ui(ui, Tone::Danger, &sentence(message));
            }
            Some(End::Cancelled) => {
                note_ui(ui, "Stopped.");
            }
            None => {}
        }
    } else if form.tried {
        tried_ui(ui, app.state());
    }
    if let Some(tried) = app.state().warehouse_try.as_ref().filter(|_| form.tried)
        && let Some(sql) = &tried.view
        && ui
            .button("Copy SQL of a view")
            .on_hover_text("A view of this table in FOCUS: run it there, then connect the view")
            .clicked()
    {
        copied.push(Action::Copy { text: sql.clone(), what: "SQL of the view".to_owned() });
    }
    false
}

fn tried_ui(ui: &mut Ui, state: &State) {
    match state.warehouse_try.as_ref().map(|tried| &tried.outcome) {
        Some(Ok(found)) => found_ui(ui, found),
        Some(Err(problem)) => {
            banner_ui(ui, Tone::Danger, &sentence(problem));
        }
        None => {}
    }
}

fn found_ui(ui: &mut Ui, found: &Found) {
    let currencies: Vec<String> = found
        .currencies
        .iter()
        .map(|(currency, rows)| {
            let name = if currency.is_empty() { "no currency" } else { currency };
            format!("{name} in {} rows", count_words(*rows))
        })
        .collect();
    let own = found.columns.iter().filter(|(name, _)| name.starts_with("x_")).count();
    let columns = format!("{}, {own} of them with x_", found.columns.len());
    banner_ui(ui, Tone::Good, &format!("It answers: {}, {} rows.", found.kind, count_words(found.rows)));
    let costs: Vec<String> = found
        .columns
        .iter()
        .filter(|(name, _)| name.ends_with("Cost"))
        .map(|(name, held)| format!("{name} {held}"))
        .collect();
    let rows =
        [("Columns", columns), ("Costs held as", costs.join(", ")), ("Currencies", currencies.join(", "))];
    key_values_ui(ui, "warehouse found", &rows);
    for remark in &found.remarks {
        note_ui(ui, &sentence(remark));
    }
}

fn buttons_ui(ui: &mut Ui, app: &App, form: &mut Form, commands: &mut Vec<Command>) {
    let busy =
        [try_title(&form.spec), connect_title(&form.spec)].iter().any(|title| running(app, title).is_some());
    ui.add_enabled_ui(!busy, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let connect = primary_button_ui(ui, "Connect").clicked();
            let hover = "Connects and tells what the table is; nothing is kept";
            let test = ui.button("Test").on_hover_text(hover).clicked();
            if !connect && !test {
                return;
            }
            match form.read() {
                Ok(spec) => {
                    form.problem.clear();
                    form.connecting = connect;
                    form.tried = test;
                    let (spec, secrets) = (Box::new(spec), form.secrets());
                    commands.push(if connect {
                        Command::ConnectWarehouse(spec, secrets, Look::Values)
                    } else {
                        Command::TryWarehouse(spec, secrets)
                    });
                }
                Err(problem) => form.problem = problem,
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_table_or_says_what_is_wrong() {
        let mut form = Form::new();
        assert!(form.read().unwrap_err().contains("is no table's name"));
        "bills.focus".clone_into(&mut form.spec.table);
        " a = 1 \n\n b=env:B".clone_into(&mut form.options);
        "45".clone_into(&mut form.timeout);
        let spec = form.read().unwrap();
        assert_eq!((spec.timeout_secs, spec.driver.as_str()), (45, "flightsql"));
        assert_eq!(
            spec.options.into_iter().collect::<Vec<_>>(),
            [("a".into(), "1".into()), ("b".into(), "env:B".into())]
        );
        "soon".clone_into(&mut form.timeout);
        assert!(form.read().unwrap_err().contains("no number of seconds"));
        form.timeout.clear();
        "postgresql://me:pw@h/d".clone_into(&mut form.spec.uri);
        assert!(form.read().unwrap_err().starts_with("The address has a password"));
    }
}
