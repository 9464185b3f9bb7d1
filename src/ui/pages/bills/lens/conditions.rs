//! The form in which conditions on rows are typed in: a column, how it is compared, with what.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, ComboBox, PopupCloseBehavior, Role, ScrollArea, Ui, WidgetInfo};

use crate::bill::ColumnView;
use crate::bill::columns::ColumnType;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::lens::{CLASS_COLUMN, Condition, DIMENSION_PREFIX, LINE_COLUMN, Op};
use crate::ui::widgets::{Icon, icon_button_ui, line_edit, quiet_button_ui};

/// Between values that are typed in.
const BETWEEN: char = ';';
/// Width of the choice of a column, of a comparison, and of the values.
const WIDTHS: [f32; 3] = [210.0, 140.0, 220.0];

/// A condition as it is typed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    column: String,
    op: Op,
    not: bool,
    values: String,
}

impl Typed {
    pub(super) fn of(condition: &Condition) -> Self {
        Self {
            column: condition.column.clone(),
            op: condition.op,
            not: condition.not,
            values: condition.values.join("; "),
        }
    }

    pub(super) fn condition(&self) -> Condition {
        let values = match self.op {
            Op::HasValue => Vec::new(),
            // A semicolon means something in a regular expression.
            Op::Matches => vec![self.values.trim().to_owned()],
            _ => self
                .values
                .split(BETWEEN)
                .map(str::trim)
                .filter(|v| !v.is_empty())
                .map(str::to_owned)
                .collect(),
        };
        Condition { column: self.column.trim().to_owned(), op: self.op, values, not: self.not }
    }
}

/// Draws conditions, each on a line, with a button that adds one. `id` is unique in the dialog.
pub(super) fn conditions_ui(ui: &mut Ui, id: &str, conditions: &mut Vec<Typed>, columns: &[ColumnView]) {
    let mut gone = None;
    for (place, typed) in conditions.iter_mut().enumerate() {
        ui.push_id((id, place), |ui| {
            ui.horizontal(|ui| {
                column_ui(ui, &mut typed.column, columns);
                let chosen = typed.op.words(typed.not);
                let comparison = ComboBox::from_id_salt("comparison")
                    .selected_text(chosen)
                    .width(WIDTHS[1])
                    .show_ui(ui, |ui| {
                        for op in Op::ALL {
                            for not in [false, true] {
                                let is_chosen = (typed.op, typed.not) == (op, not);
                                if ui.selectable_label(is_chosen, op.words(not)).clicked() {
                                    (typed.op, typed.not) = (op, not);
                                }
                            }
                        }
                    });
                comparison.response.widget_info(|| {
                    WidgetInfo::labeled(Role::ComboBox, true, format!("Comparison: {chosen}"))
                });
                if typed.op == Op::HasValue {
                    ui.add_space(WIDTHS[2]);
                } else {
                    values_ui(ui, typed, columns);
                }
                if icon_button_ui(ui, Icon::Close, "Remove the condition").clicked() {
                    gone = Some(place);
                }
            });
        });
    }
    if let Some(place) = gone {
        conditions.remove(place);
    }
    if quiet_button_ui(ui, "Add a condition").clicked() {
        conditions.push(Typed::default());
    }
}

/// A column, chosen from the bill's or typed in: rules may ask for what other months have.
pub(super) fn column_ui(ui: &mut Ui, column: &mut String, columns: &[ColumnView]) {
    ui.add(line_edit(column, "Column or Tags.KEY", WIDTHS[0] - 30.0));
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClick);
    let (response, _) = MenuButton::new("…").config(config).ui(ui, |ui| {
        ScrollArea::vertical().max_height(300.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.set_min_width(240.0);
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::Min), |ui| {
                let follows = [RULE_COLUMN, CLASS_COLUMN, LINE_COLUMN];
                let words = columns.iter().filter(|view| {
                    let known = !view.values.values.is_empty() || view.name.starts_with(DIMENSION_PREFIX);
                    view.kind == ColumnType::Text && known && !follows.contains(&view.name.as_str())
                });
                for view in words {
                    if ui.add(Button::selectable(*column == view.name, &view.name).truncate()).clicked() {
                        column.clone_from(&view.name);
                    }
                }
            });
        });
    });
    response.on_hover_text("Columns of the open bills");
}

fn values_ui(ui: &mut Ui, typed: &mut Typed, columns: &[ColumnView]) {
    let hint = if typed.op == Op::Matches { "Regular expression" } else { "Value; another" };
    ui.add(line_edit(&mut typed.values, hint, WIDTHS[2] - 30.0));
    let known = columns.iter().find(|view| view.name == typed.column).map(|view| &view.values.values);
    let Some(known) = known.filter(|known| !known.is_empty() && typed.op != Op::Matches) else {
        ui.add_space(30.0);
        return;
    };
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (response, _) = MenuButton::new("…").config(config).ui(ui, |ui| {
        ScrollArea::vertical().max_height(300.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.set_min_width(240.0);
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::Min), |ui| {
                let mut chosen = typed.condition().values;
                for value in known {
                    let on = chosen.contains(value);
                    if ui.add(Button::selectable(on, value).truncate()).clicked() {
                        if on {
                            chosen.retain(|other| other != value);
                        } else {
                            chosen.push(value.clone());
                        }
                        typed.values = chosen.join("; ");
                    }
                }
            });
        });
    });
    response.on_hover_text("Values in the open bills");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_semicolons_but_for_regular_expressions() {
        let typed =
            Typed { column: " Tags.app ".to_owned(), values: "a; b ;".to_owned(), ..Typed::default() };
        let condition = typed.condition();
        assert_eq!(
            (condition.column.as_str(), condition.values.as_slice()),
            ("Tags.app", &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!(Typed::of(&condition).condition(), condition);
        let typed = Typed { op: Op::Matches, values: "a;b".to_owned(), ..typed };
        assert_eq!(typed.condition().values, ["a;b"]);
    }
}
