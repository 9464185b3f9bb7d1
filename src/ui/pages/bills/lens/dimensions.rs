//! The dialog in which dimensions are made: what rows are told apart by, beside their class.

use egui::{ScrollArea, Ui};

use super::conditions::{Typed, column_ui, conditions_ui};
use crate::bill::lens::{Dimension, DimensionRule};
use crate::bill::{ColumnView, RuleSet};
use crate::ui::widgets::{
    Form, Icon, Pressed, card_frame, form_dialog_ui, icon_button_ui, line_edit, note_ui, quiet_button_ui,
};

const WIDTH: f32 = 720.0;

/// A rule of a dimension as it is typed in.
enum TypedRule {
    Key(String),
    Value(String, Vec<Typed>),
}

/// An open dialog.
pub(super) struct DimensionEditor {
    dimensions: Vec<(String, Vec<TypedRule>)>,
    problem: String,
}

impl DimensionEditor {
    pub(super) fn of(rules: &RuleSet) -> Self {
        let typed = |rule: &DimensionRule| match rule {
            DimensionRule::Key { key } => TypedRule::Key(key.clone()),
            DimensionRule::Value { value, all } => {
                TypedRule::Value(value.clone(), all.iter().map(Typed::of).collect())
            }
        };
        let dimensions = rules
            .dimensions
            .iter()
            .map(|dimension| (dimension.name.clone(), dimension.rules.iter().map(typed).collect()))
            .collect();
        Self { dimensions, problem: String::new() }
    }

    fn made(&self) -> Result<Vec<Dimension>, String> {
        let rule = |typed: &TypedRule| match typed {
            TypedRule::Key(key) => DimensionRule::Key { key: key.trim().to_owned() },
            TypedRule::Value(value, all) => DimensionRule::Value {
                value: value.trim().to_owned(),
                all: all.iter().map(Typed::condition).collect(),
            },
        };
        let dimensions: Vec<Dimension> = self
            .dimensions
            .iter()
            .map(|(name, rules)| Dimension {
                name: name.trim().to_owned(),
                rules: rules.iter().map(rule).collect(),
            })
            .collect();
        let set = RuleSet { dimensions, ..RuleSet::default() };
        set.check().map_err(|error| error.to_string())?;
        Ok(set.dimensions)
    }

    /// Draws the dialog. The outer `None` keeps it open; `Some(None)` closes it and changes nothing.
    #[expect(clippy::option_option, reason = "open, closed, closed with dimensions")]
    pub(super) fn ui(
        &mut self,
        ctx: &egui::Context,
        columns: &[ColumnView],
    ) -> Option<Option<Vec<Dimension>>> {
        let problem = self.problem.clone();
        let form = Form {
            id: "dimension editor",
            title: "Dimensions",
            width: WIDTH,
            problem: &problem,
            can_save: true,
        };
        match form_dialog_ui(ctx, &form, |ui| self.fields_ui(ui, columns)) {
            Pressed::Nothing => return None,
            Pressed::Cancel => return Some(None),
            Pressed::Save => {}
        }
        match self.made() {
            Ok(dimensions) => Some(Some(dimensions)),
            Err(problem) => {
                self.problem = problem;
                None
            }
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, columns: &[ColumnView]) {
        note_ui(
            ui,
            "A row gets the value of the first line that gives one. Where Purpose says serving or training, the built-in \
             rules follow it; else they read the usual tags themselves.",
        );
        ScrollArea::vertical().max_height(440.0).auto_shrink([false, true]).show(ui, |ui| {
            let mut gone = None;
            for (place, (name, rules)) in self.dimensions.iter_mut().enumerate() {
                ui.push_id(("dimension", place), |ui| {
                    card_frame(ui).show(ui, |ui| {
                        ui.set_min_width(ui.available_width());
                        ui.horizontal(|ui| {
                            ui.add(line_edit(name, "Name", 200.0));
                            if quiet_button_ui(ui, "Remove the dimension").clicked() {
                                gone = Some(place);
                            }
                        });
                        rules_ui(ui, rules, columns);
                    });
                });
            }
            if let Some(place) = gone {
                self.dimensions.remove(place);
            }
            if ui.button("Add a dimension").clicked() {
                self.dimensions.push((String::new(), vec![TypedRule::Key("Tags.".to_owned())]));
            }
        });
    }
}

fn rules_ui(ui: &mut Ui, rules: &mut Vec<TypedRule>, columns: &[ColumnView]) {
    let mut gone = None;
    for (place, rule) in rules.iter_mut().enumerate() {
        ui.push_id(("rule of dimension", place), |ui| match rule {
            TypedRule::Key(key) => {
                ui.horizontal(|ui| {
                    note_ui(ui, "The value of");
                    column_ui(ui, key, columns);
                    if icon_button_ui(ui, Icon::Close, "Remove the line").clicked() {
                        gone = Some(place);
                    }
                });
            }
            TypedRule::Value(value, all) => {
                ui.horizontal(|ui| {
                    ui.add(line_edit(value, "Value", 160.0));
                    note_ui(ui, "where");
                    if icon_button_ui(ui, Icon::Close, "Remove the line").clicked() {
                        gone = Some(place);
                    }
                });
                ui.indent("conditions", |ui| conditions_ui(ui, "dimension", all, columns));
            }
        });
    }
    if let Some(place) = gone {
        rules.remove(place);
    }
    ui.horizontal(|ui| {
        if quiet_button_ui(ui, "Add a tag or column").clicked() {
            rules.push(TypedRule::Key("Tags.".to_owned()));
        }
        if quiet_button_ui(ui, "Add a value by conditions").clicked() {
            rules.push(TypedRule::Value(String::new(), vec![Typed::default()]));
        }
    });
}
