//! The dialog in which a budget is made or changed.

use egui::{ComboBox, Ui};

use super::super::spend::{basis_words, columns_of};
use crate::app::State;
use crate::bill::filter::{ANY_COLUMN, How};
use crate::bill::watch::{Budget, On, Tier};
use crate::bill::{Basis, Filter};
use crate::ui::pages::kept::Asked;
use crate::ui::theme::space;
use crate::ui::widgets::{
    Form, Pressed, filter_chip_ui, form_dialog_ui, form_row_ui, line_edit, quiet_button_ui,
};
use crate::units::Money;

/// Width of the column of names and of a field.
const NAMES: f32 = 150.0;
const FIELD: f32 = 320.0;

/// An open dialog. Numbers are texts until they are checked, so that nothing typed is lost.
pub(super) struct Editor {
    replaces: Option<String>,
    name: String,
    amount: String,
    currency: String,
    basis: Basis,
    filters: Vec<Filter>,
    /// The filters of Spend, to be taken over.
    of_spend: Vec<Filter>,
    filter: String,
    actual: String,
    forecast: String,
    problem: String,
    first: bool,
}

fn percents(tiers: &[Tier], on: On) -> String {
    let each: Vec<String> =
        tiers.iter().filter(|tier| tier.on == on).map(|tier| tier.percent.to_string()).collect();
    each.join(", ")
}

impl Editor {
    /// A budget nobody has made yet.
    pub(super) fn fresh(state: &State, currency: &str) -> Self {
        let budget = Budget {
            name: String::new(),
            amount: Money::ZERO,
            currency: currency.to_owned(),
            basis: state.watch.settings.basis,
            filters: Vec::new(),
            tiers: Budget::usual_tiers(),
        };
        Self { replaces: None, amount: String::new(), ..Self::of(&budget, state) }
    }

    /// Changes a budget.
    pub(super) fn of(budget: &Budget, state: &State) -> Self {
        Self {
            replaces: Some(budget.name.clone()),
            name: budget.name.clone(),
            amount: budget.amount.to_string(),
            currency: budget.currency.clone(),
            basis: budget.basis,
            filters: budget.filters.clone(),
            of_spend: state.scenario.spend_filters(),
            filter: String::new(),
            actual: percents(&budget.tiers, On::Actual),
            forecast: percents(&budget.tiers, On::Forecast),
            problem: String::new(),
            first: true,
        }
    }

    /// The name of the budget that is changed.
    pub(super) fn replaces(&self) -> Option<String> {
        self.replaces.clone()
    }

    /// Draws the dialog. The outer `None` keeps it open; `Some(None)` closes it and changes nothing.
    #[expect(clippy::option_option, reason = "open, closed, closed with a budget")]
    pub(super) fn ui(&mut self, ctx: &egui::Context, columns: &Asked) -> Option<Option<Budget>> {
        let title = match &self.replaces {
            Some(name) => format!("Edit {name}"),
            None => "Add a budget".to_owned(),
        };
        let problem = self.problem.clone();
        let width = NAMES + FIELD + space::S;
        let form = Form { id: "budget editor", title: &title, width, problem: &problem, can_save: true };
        match form_dialog_ui(ctx, &form, |ui| self.fields_ui(ui, columns)) {
            Pressed::Nothing => return None,
            Pressed::Cancel => return Some(None),
            Pressed::Save => {}
        }
        match self.budget() {
            Ok(budget) => Some(Some(budget)),
            Err(problem) => {
                self.problem = problem;
                None
            }
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, columns: &Asked) {
        let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str| {
            form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, hint, FIELD)))
        };
        let name = field(ui, "Name", &mut self.name, "Inference");
        if std::mem::take(&mut self.first) {
            name.request_focus();
        }
        field(ui, "Amount a month", &mut self.amount, "5000");
        field(ui, "Currency", &mut self.currency, "USD");
        form_row_ui(ui, "Cost", NAMES, |ui| {
            ComboBox::from_id_salt("budget basis")
                .selected_text(basis_words(self.basis))
                .show_ui(ui, |ui| {
                    for basis in
                        [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost]
                    {
                        ui.selectable_value(&mut self.basis, basis, basis_words(basis));
                    }
                })
                .response
        });
        if !self.filters.is_empty() {
            form_row_ui(ui, "Rows", NAMES, |ui| {
                let chips = ui.horizontal_wrapped(|ui| {
                    let mut gone = None;
                    for (place, filter) in self.filters.iter().enumerate() {
                        if filter_chip_ui(ui, filter.column_words(), &filter.words()) {
                            gone = Some(place);
                        }
                    }
                    gone
                });
                if let Some(place) = chips.inner {
                    self.filters.remove(place);
                }
                chips.response
            });
        }
        form_row_ui(ui, "Only rows with", NAMES, |ui| {
            let response = ui.add(line_edit(&mut self.filter, "ServiceName=Amazon Bedrock", FIELD - 60.0));
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if (ui.button("Add").clicked() || entered) && !self.filter.trim().is_empty() {
                self.add_filter(columns);
            }
            response
        });
        if !self.of_spend.is_empty()
            && self.filters != self.of_spend
            && quiet_button_ui(ui, "Take the filters of Spend").clicked()
        {
            self.filters.clone_from(&self.of_spend);
        }
        field(ui, "Tell at % spent", &mut self.actual, "50, 80, 100")
            .on_hover_text("Shares of the budget that are worth telling when they are spent");
        field(ui, "Tell at % expected", &mut self.forecast, "50, 80, 100")
            .on_hover_text("Shares that are worth telling when the month is expected to cost as much");
    }

    fn add_filter(&mut self, columns: &Asked) {
        match Filter::parse(&self.filter) {
            Ok(filter) => {
                let known = filter.column == ANY_COLUMN
                    || columns_of(columns)
                        .iter()
                        .any(|column| column.name.eq_ignore_ascii_case(&filter.column));
                if !known && !columns_of(columns).is_empty() {
                    self.problem = format!("The bills have no column {}.", filter.column);
                    return;
                }
                self.problem.clear();
                let like = |other: &&mut Filter| {
                    (&other.column, other.how, other.not) == (&filter.column, filter.how, filter.not)
                        && filter.how != How::Within
                };
                match self.filters.iter_mut().find(like) {
                    Some(other) => other.values.extend(filter.values),
                    None => self.filters.push(filter),
                }
                self.filter.clear();
            }
            Err(error) => self.problem = error.to_string(),
        }
    }

    /// The budget as typed, or the first thing that stands against it.
    fn budget(&self) -> Result<Budget, String> {
        let amount: Money =
            self.amount.trim().parse().map_err(|error| format!("The amount of a month: {error}"))?;
        let tiers = |text: &str, on: On| -> Result<Vec<Tier>, String> {
            let each = text.split([',', ' ', '%']).filter(|part| !part.is_empty());
            each.map(|part| {
                let percent: u32 = part
                    .parse()
                    .map_err(|_not_a_number| format!("“{part}” is not a whole number of percent"))?;
                Ok(Tier { percent, on })
            })
            .collect()
        };
        if !self.filter.trim().is_empty() {
            return Err("A filter is typed and not added: press Add, or clear it.".to_owned());
        }
        let budget = Budget {
            name: self.name.trim().to_owned(),
            amount,
            currency: self.currency.trim().to_uppercase(),
            basis: self.basis,
            filters: self.filters.clone(),
            tiers: [tiers(&self.actual, On::Actual)?, tiers(&self.forecast, On::Forecast)?].concat(),
        };
        budget.check()?;
        Ok(budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Editor {
        let state = State::default();
        let mut editor = Editor::fresh(&state, "USD");
        editor.name = "Inference".to_owned();
        editor.amount = "5000".to_owned();
        editor
    }

    #[test]
    fn what_is_typed_becomes_a_budget_with_the_usual_tiers() {
        let budget = filled().budget().unwrap();
        assert_eq!((budget.name.as_str(), budget.currency.as_str()), ("Inference", "USD"));
        assert_eq!(budget.tiers, Budget::usual_tiers());
    }

    #[test]
    fn what_cannot_be_read_is_said_and_never_becomes_zero() {
        type Break = fn(&mut Editor);
        let broken: [(Break, &str); 5] = [
            (|editor| editor.amount = "much".to_owned(), "amount"),
            (|editor| editor.amount = "0".to_owned(), "amount"),
            (|editor| editor.name.clear(), "name"),
            (|editor| editor.actual = "half".to_owned(), "percent"),
            (|editor| editor.filter = "RegionId=x".to_owned(), "Add"),
        ];
        for (break_it, word) in broken {
            let mut editor = filled();
            break_it(&mut editor);
            let problem = editor.budget().unwrap_err();
            assert!(problem.contains(word), "{problem} does not say {word:?}");
        }
    }
}
