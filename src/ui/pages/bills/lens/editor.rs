//! The dialog in which a rule is written, with a preview of the rows it would catch.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use egui::{ComboBox, Label, ScrollArea, Ui};

use super::conditions::{Typed, conditions_ui};
use crate::app::{Query, QueryResult, Scenario};
use crate::bill::lens::{Draft, Entry, OwnRule, Preview, Share};
use crate::bill::{Basis, Class, ColumnView, RuleSet};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{filter_words, money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::space;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Form, Icon, Pressed, Table, TableState, count_words, data_table_ui, form_dialog_ui,
    form_row_ui, icon_button_ui, line_edit, note_ui, section_header_ui,
};
use crate::units::{self, Money};

const WIDTH: f32 = 720.0;
const NAMES: f32 = 90.0;
/// How long nothing is typed before the preview is made.
const REST: Duration = Duration::from_millis(400);
/// Columns of the sample that tell most, as far as the bill has them.
const SAMPLE: [&str; 6] =
    ["ServiceName", "SkuMeter", "ChargeDescription", "ResourceId", "Tags", "ChargePeriodStart"];

/// An open dialog.
pub(super) struct Editor {
    title: &'static str,
    id: String,
    words: String,
    class: Class,
    counted: bool,
    /// Percent, as typed.
    share: String,
    on: bool,
    place: usize,
    /// The built-in rule that it asks for the same as.
    like: Option<String>,
    conditions: Vec<Typed>,
    preview: Asked,
    sample: TableState,
    /// What was typed last, and since when it has not changed.
    resting: Option<(Result<Draft, String>, Instant)>,
    first: bool,
}

impl Editor {
    /// `is_known` = the rules have it already.
    pub(super) fn of(draft: &Draft, is_known: bool) -> Self {
        let rule = &draft.rule;
        let percent = Money::from(rule.share).times(100.0).unwrap_or_default();
        Self {
            title: if is_known { "Edit a rule" } else { "Add a rule" },
            id: rule.id.clone(),
            words: rule.words.clone(),
            class: rule.class,
            counted: rule.counted,
            share: percent.to_string(),
            on: rule.on,
            place: draft.place,
            like: rule.like.clone(),
            conditions: if rule.all.is_empty() && rule.like.is_none() {
                vec![Typed::default()]
            } else {
                rule.all.iter().map(Typed::of).collect()
            },
            preview: Asked::default(),
            sample: TableState::default(),
            resting: None,
            first: true,
        }
    }

    /// The rule as it is typed, or what is wrong with it.
    fn draft(&self) -> Result<Draft, String> {
        self.draft_called(self.words.trim())
    }

    /// The same under another name: what a rule catches can be seen before it has one.
    fn draft_called(&self, words: &str) -> Result<Draft, String> {
        let percent: Money =
            self.share.trim().trim_end_matches('%').trim().parse().map_err(|_no_number| {
                format!("`{}` is not a share; give a percentage above 0 and at most 100", self.share)
            })?;
        // A hundredth is exact: the point moves two places.
        let share = Share::try_from(Money::from_scaled(percent.scaled() / 100))
            .map_err(|_range| "The share must be above 0 % and at most 100 %".to_owned())?;
        let rule = OwnRule {
            id: self.id.clone(),
            words: words.to_owned(),
            class: self.class,
            counted: self.counted,
            share,
            on: self.on,
            like: self.like.clone(),
            all: self.conditions.iter().map(Typed::condition).collect(),
        };
        rule.check().map_err(|error| error.to_string())?;
        Ok(Draft { rule, place: self.place })
    }

    /// Draws the dialog. The outer `None` keeps it open; `Some(None)` closes it and changes nothing.
    #[expect(clippy::option_option, reason = "open, closed, closed with a rule")]
    pub(super) fn ui(
        &mut self,
        ctx: &egui::Context,
        view: &mut View<'_>,
        scenario: &Scenario,
        columns: &[ColumnView],
    ) -> Option<Option<Draft>> {
        let form = Form {
            id: "rule editor",
            title: self.title,
            width: WIDTH,
            problem: "",
            can_save: self.draft().is_ok(),
        };
        let pressed = form_dialog_ui(ctx, &form, |ui| {
            self.fields_ui(ui, &view.app.state().rules, columns);
            let draft = match self.words.trim() {
                "" => self.draft_called("(not named yet)"),
                words => self.draft_called(words),
            };
            self.preview_ui(ui, view, scenario, &draft);
        });
        match pressed {
            Pressed::Nothing => None,
            Pressed::Cancel => Some(None),
            Pressed::Save => self.draft().ok().map(Some),
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, rules: &RuleSet, columns: &[ColumnView]) {
        let first = std::mem::take(&mut self.first);
        form_row_ui(ui, "Name", NAMES, |ui| {
            let response = ui.add(line_edit(&mut self.words, "What the rows are", 360.0));
            if first && self.words.is_empty() {
                response.request_focus();
            }
            response
        });
        form_row_ui(ui, "Class", NAMES, |ui| {
            let response = ComboBox::from_id_salt("rule class")
                .selected_text(self.class.words())
                .width(180.0)
                .show_ui(ui, |ui| {
                    for class in Class::ALL {
                        ui.selectable_value(&mut self.class, class, class.words());
                    }
                })
                .response;
            ui.add_space(space::S);
            ui.checkbox(&mut self.counted, "Counts as inference");
            response
        });
        form_row_ui(ui, "Claims", NAMES, |ui| {
            let response = ui.add(line_edit(&mut self.share, "100", 60.0));
            note_ui(ui, "% of each row's cost; the remainder stays in the rest");
            response
        });
        form_row_ui(ui, "Tried", NAMES, |ui| {
            let others: Vec<(usize, &str)> = rules
                .rules
                .iter()
                .filter(|rule| rule.id() != self.id)
                .map(Entry::words)
                .enumerate()
                .collect();
            let words = |place: usize| match others.get(place) {
                Some((_, words)) => format!("{}. before: {words}", place + 1),
                None => "last".to_owned(),
            };
            ComboBox::from_id_salt("rule place")
                .selected_text(words(self.place))
                .width(360.0)
                .height(300.0)
                .truncate()
                .show_ui(ui, |ui| {
                    for place in 0..=others.len() {
                        ui.selectable_value(&mut self.place, place, words(place));
                    }
                })
                .response
        });
        section_header_ui(ui, "Conditions", "All must hold; several values are parted by ;", |_| {});
        let like = self.like.as_deref().and_then(crate::bill::rules::rule);
        if let Some(like) = like {
            ui.horizontal_top(|ui| {
                if icon_button_ui(ui, Icon::Close, "Remove the built-in conditions").clicked() {
                    self.like = None;
                }
                let words = format!("As “{}”: {}", like.words, like.conditions().join("; and "));
                ui.add(Label::new(words).wrap());
            });
        }
        conditions_ui(ui, "rule", &mut self.conditions, columns);
    }

    fn preview_ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        scenario: &Scenario,
        draft: &Result<Draft, String>,
    ) {
        ui.separator();
        let rested = match &self.resting {
            Some((before, since)) if before == draft => since.elapsed() >= REST,
            _ => {
                self.resting = Some((draft.clone(), Instant::now()));
                false
            }
        };
        if !rested {
            ui.ctx().request_repaint_after(REST);
        }
        let height = 190.0;
        match draft {
            Err(problem) => {
                section_header_ui(ui, "Preview", "", |_| {});
                note_ui(ui, problem);
                ui.add_space(height);
            }
            Ok(draft) => {
                if rested {
                    let draft = Box::new(draft.clone());
                    self.preview.follow(
                        view,
                        Query::RulePreview { draft, filters: view.app.state().project_filters() },
                    );
                }
                let of = if self.words.trim().is_empty() {
                    "Give the rule a name to save it".to_owned()
                } else if scenario.filters.is_empty() {
                    String::new()
                } else {
                    filter_words(scenario)
                };
                section_header_ui(ui, "Preview", &of, |ui| {
                    if self.preview.is_waiting() {
                        reading_ui(ui);
                    }
                });
                match self.preview.answer() {
                    Some(Ok(QueryResult::RulePreview(preview))) => {
                        let rules = &view.app.state().rules;
                        found_ui(ui, preview, rules, scenario.basis);
                        sample_ui(ui, preview, scenario.basis, &mut self.sample, self.preview.version());
                    }
                    Some(Err(problem)) => problem_ui(ui, problem),
                    _ => {
                        ui.add_space(height);
                    }
                }
            }
        }
    }
}

/// How many rows, what they cost, where they come from.
fn found_ui(ui: &mut Ui, preview: &Preview, rules: &RuleSet, basis: Basis) {
    let currency = preview.currency.as_deref().unwrap_or_default();
    let mut words = format!(
        "Catches {} rows, {} {}.",
        count_words(preview.rows),
        money_or_dash(preview.costs.get(basis), currency),
        basis.column()
    );
    if preview.fits > preview.rows {
        let others = count_words(preview.fits - preview.rows);
        // Writing to a text cannot fail.
        let _ = write!(words, " {others} more fit, but a rule before it catches them.");
    }
    ui.label(words);
    if !preview.taken_from.is_empty() {
        let from: Vec<String> = preview
            .taken_from
            .iter()
            .take(3)
            .map(|taken| {
                let rule = taken.rule_id.as_deref().and_then(|id| rules.entry(id));
                let name = rule.map_or("the rest", Entry::words);
                format!("{} from {name}", count_words(taken.rows))
            })
            .collect();
        note_ui(ui, &format!("Now: {}", from.join(", ")));
    }
}

fn sample_ui(ui: &mut Ui, preview: &Preview, basis: Basis, table: &mut TableState, version: u64) {
    let sample = &preview.sample;
    let at = |name: &str| sample.columns.iter().position(|column| column == name);
    let cost = at(basis.column());
    let mut places: Vec<(usize, &str)> = SAMPLE.iter().filter_map(|name| Some((at(name)?, *name))).collect();
    // What a row costs is in view without scrolling.
    places.splice(places.len().min(1)..places.len().min(1), cost.map(|at| (at, basis.column())));
    let currency = preview.currency.as_deref().unwrap_or_default();
    let columns: Vec<Column> = places
        .iter()
        .map(|(_, name)| match *name {
            name if name == basis.column() => Column::number(name, 110.0),
            "Tags" | "ChargeDescription" => Column::text(*name, 220.0),
            _ => Column::text(*name, 130.0),
        })
        .collect();
    let shape = Table {
        id: "rule preview",
        name: "Rows the rule would catch",
        columns: &columns,
        rows: sample.rows.len(),
        revision: version,
        selected: None,
        height: 150.0,
    };
    ScrollArea::horizontal().id_salt("rule preview").show(ui, |ui| {
        data_table_ui(ui, &shape, table, |row, column| {
            let (place, name) = places[column];
            let cell = sample.rows[row].get(place).cloned().flatten();
            match cell {
                Some(text) if name == basis.column() => match text.parse::<Money>() {
                    Ok(cost) => Cell::number(cost.to_f64(), units::money_in_column(cost, currency))
                        .hover(format!("{text} {currency}, to the last digit")),
                    Err(_) => Cell::number(f64::NAN, text),
                },
                Some(text) => Cell::text(text.clone()).hover(text),
                None => Cell::text("–").quiet(),
            }
        });
    });
}
