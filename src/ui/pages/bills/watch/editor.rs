//! The dialog in which a budget is made or changed.

use egui::{ComboBox, Response, RichText, ScrollArea, Ui};

use super::super::filters::{Picker, chips_ui};
use super::super::spend::{basis_words, columns_of};
use crate::app::{State, watch};
use crate::bill::watch::{Budget, On, Tier, read_amount};
use crate::bill::{Basis, Filter};
use crate::ui::pages::kept::Asked;
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{Form, Pressed, form_dialog_ui, form_row_ui, line_edit, quiet_button_ui};
use crate::units::Money;

/// Width of the column of names and of a field.
const NAMES: f32 = 150.0;
const FIELD: f32 = 360.0;
/// Height that is kept for the chips of filters, and for what is said of a field: nothing moves when there is more.
const CHIPS: f32 = 60.0;
const MESSAGE: f32 = 16.0;
/// Column that filters are picked of first.
const FIRST_COLUMN: &str = "ServiceName";

/// An open dialog. Numbers are texts until they are checked, so that nothing typed is lost.
pub(super) struct Editor {
    replaces: Option<String>,
    /// Names of the other budgets.
    taken: Vec<String>,
    /// Currencies of the bills.
    currencies: Vec<String>,
    name: String,
    amount: String,
    currency: String,
    basis: Basis,
    filters: Vec<Filter>,
    picker: Picker,
    /// The filters of Spend, to be taken over.
    of_spend: Vec<Filter>,
    actual: String,
    forecast: String,
    /// Save was pressed: what stands against it is said, until it does no more.
    tried: bool,
    first: bool,
}

/// What stands against saving, each at its field; empty where nothing does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Problems {
    name: String,
    amount: String,
    currency: String,
    actual: String,
    forecast: String,
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
        let mut currencies = watch::currencies(state);
        if !currencies.contains(&budget.currency) && !budget.currency.is_empty() {
            currencies.push(budget.currency.clone());
        }
        let others = state.watch.budgets.iter().filter(|other| other.name != budget.name);
        Self {
            replaces: Some(budget.name.clone()),
            taken: others.map(|other| other.name.clone()).collect(),
            currencies,
            name: budget.name.clone(),
            amount: budget.amount.to_string(),
            currency: budget.currency.clone(),
            basis: budget.basis,
            filters: budget.filters.clone(),
            picker: Picker::default(),
            of_spend: state.scenario.spend_filters(),
            actual: percents(&budget.tiers, On::Actual),
            forecast: percents(&budget.tiers, On::Forecast),
            tried: false,
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
        let width = NAMES + FIELD + space::S;
        let form = Form { id: "budget editor", title: &title, width, problem: "", can_save: true };
        match form_dialog_ui(ctx, &form, |ui| self.fields_ui(ui, columns)) {
            Pressed::Nothing => return None,
            Pressed::Cancel => return Some(None),
            Pressed::Save => {}
        }
        self.tried = true;
        self.budget().ok().map(Some)
    }

    fn fields_ui(&mut self, ui: &mut Ui, columns: &Asked) {
        let problems = if self.tried { self.budget().err().unwrap_or_default() } else { Problems::default() };
        let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str, problem: &str| {
            with_message_ui(ui, problem, |ui| {
                form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, hint, FIELD)))
            })
        };
        let name = field(ui, "Name", &mut self.name, "Inference", &problems.name);
        if std::mem::take(&mut self.first) {
            name.request_focus();
        }
        field(ui, "Amount a month", &mut self.amount, "5,000", &problems.amount);
        with_message_ui(ui, &problems.currency, |ui| {
            form_row_ui(ui, "Currency", NAMES, |ui| {
                ComboBox::from_id_salt("budget currency")
                    .selected_text(self.currency.as_str())
                    .width(110.0)
                    .show_ui(ui, |ui| {
                        for currency in &self.currencies {
                            ui.selectable_value(&mut self.currency, currency.clone(), currency);
                        }
                    })
                    .response
            })
        });
        with_message_ui(ui, "", |ui| {
            form_row_ui(ui, "Cost", NAMES, |ui| {
                ComboBox::from_id_salt("budget basis")
                    .selected_text(basis_words(self.basis))
                    .width(110.0)
                    .show_ui(ui, |ui| {
                        for basis in
                            [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost]
                        {
                            ui.selectable_value(&mut self.basis, basis, basis_words(basis));
                        }
                    })
                    .response
            })
        });
        self.rows_ui(ui, columns);
        field(ui, "Tell at % spent", &mut self.actual, "50, 80, 100", &problems.actual)
            .on_hover_text("Shares of the budget that are worth telling when they are spent");
        field(ui, "Tell at % expected", &mut self.forecast, "50, 80, 100", &problems.forecast)
            .on_hover_text("Shares that are worth telling when the month is expected to cost as much");
    }

    /// Which rows count: filters as chips, what adds one, and those of Spend.
    fn rows_ui(&mut self, ui: &mut Ui, columns: &Asked) {
        let Self { filters, picker, of_spend, .. } = self;
        form_row_ui(ui, "Only rows with", NAMES, |ui| {
            let response = picker.ui(ui, columns_of(columns), FIRST_COLUMN, filters);
            let differs = !of_spend.is_empty() && *filters != *of_spend;
            let take = ui.add_enabled_ui(differs, |ui| quiet_button_ui(ui, "Take the filters of Spend"));
            let why = "Spend has no filters, or the same";
            if take.inner.on_disabled_hover_text(why).clicked() {
                filters.clone_from(of_spend);
            }
            response
        });
        let layout = egui::Layout::left_to_right(egui::Align::Min);
        ui.allocate_ui_with_layout(egui::vec2(NAMES + FIELD, CHIPS), layout, |ui| {
            ui.set_height(CHIPS);
            ui.add_space(NAMES + ui.spacing().item_spacing.x);
            ScrollArea::vertical().id_salt("budget filters").max_height(CHIPS).show(ui, |ui| {
                ui.set_min_width(FIELD);
                if filters.is_empty() {
                    let tokens = Tokens::of(ui);
                    ui.label(RichText::new("All rows count.").color(tokens.text_quiet));
                } else {
                    ui.horizontal_wrapped(|ui| chips_ui(ui, filters));
                }
            });
        });
    }

    /// The budget as typed, or what stands against it.
    fn budget(&self) -> Result<Budget, Problems> {
        let mut problems = Problems::default();
        let name = self.name.trim().to_owned();
        if name.is_empty() {
            "Give the budget a name".clone_into(&mut problems.name);
        } else if self.taken.contains(&name) {
            problems.name = format!("There is a budget “{name}” already");
        }
        let amount = read_amount(&self.amount).unwrap_or_else(|problem| {
            problems.amount = capital(&problem);
            Money::ZERO
        });
        if problems.amount.is_empty() && amount <= Money::ZERO {
            "The amount of a month must be more than 0".clone_into(&mut problems.amount);
        }
        if self.currency.trim().is_empty() {
            "Choose the currency of the amount".clone_into(&mut problems.currency);
        }
        let actual = tiers(&self.actual, On::Actual).unwrap_or_else(|problem| {
            problems.actual = problem;
            Vec::new()
        });
        let forecast = tiers(&self.forecast, On::Forecast).unwrap_or_else(|problem| {
            problems.forecast = problem;
            Vec::new()
        });
        let tiers = [actual, forecast].concat();
        if tiers.is_empty() && problems.actual.is_empty() && problems.forecast.is_empty() {
            "Give at least one share here or below, such as 80".clone_into(&mut problems.actual);
        }
        if problems != Problems::default() {
            return Err(problems);
        }
        let budget = Budget {
            name,
            amount,
            currency: self.currency.trim().to_uppercase(),
            basis: self.basis,
            filters: self.filters.clone(),
            tiers,
        };
        // What no field has said is said at the first.
        budget.check().map_err(|problem| Problems { name: problem, ..Problems::default() })?;
        Ok(budget)
    }
}

/// The shares as typed, or which of them is none.
fn tiers(text: &str, on: On) -> Result<Vec<Tier>, String> {
    let each = text.split([',', ' ', '%']).filter(|part| !part.is_empty());
    each.map(|part| match part.parse() {
        Ok(percent @ 1..=1_000) => Ok(Tier { percent, on }),
        _ => Err(format!("“{part}” is not a whole number of percent from 1 to 1000")),
    })
    .collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A field with room under it for what stands against what it holds, kept also where nothing does.
fn with_message_ui(ui: &mut Ui, problem: &str, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        let response = add(ui);
        let layout = egui::Layout::left_to_right(egui::Align::Min);
        ui.allocate_ui_with_layout(egui::vec2(NAMES + FIELD, MESSAGE), layout, |ui| {
            ui.set_height(MESSAGE);
            ui.add_space(NAMES + ui.spacing().item_spacing.x);
            if !problem.is_empty() {
                let tokens = Tokens::of(ui);
                let text = RichText::new(problem).small().color(tokens.danger);
                ui.add(egui::Label::new(text).truncate()).on_hover_text(problem);
            }
        });
        response
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Editor {
        let state = State::default();
        let mut editor = Editor::fresh(&state, "USD");
        editor.name = "Inference".to_owned();
        editor.amount = "5,000".to_owned();
        editor
    }

    #[test]
    fn what_is_typed_becomes_a_budget_with_the_usual_tiers() {
        let budget = filled().budget().unwrap();
        assert_eq!((budget.name.as_str(), budget.currency.as_str()), ("Inference", "USD"));
        assert_eq!((budget.amount.to_string().as_str(), budget.tiers), ("5000", Budget::usual_tiers()));
    }

    #[test]
    fn what_cannot_be_read_is_said_at_its_field_and_never_becomes_zero() {
        type Break = fn(&mut Editor);
        type At = fn(&Problems) -> &String;
        let broken: [(Break, At, &str); 7] = [
            (|editor| editor.amount = "much".to_owned(), |found| &found.amount, "type it like 1400"),
            (|editor| editor.amount = "0".to_owned(), |found| &found.amount, "more than 0"),
            (|editor| editor.name.clear(), |found| &found.name, "name"),
            (|editor| editor.taken.push("Inference".to_owned()), |found| &found.name, "already"),
            (|editor| editor.currency.clear(), |found| &found.currency, "currency"),
            (|editor| editor.forecast = "half".to_owned(), |found| &found.forecast, "“half”"),
            (|editor| editor.actual = "0".to_owned(), |found| &found.actual, "from 1 to 1000"),
        ];
        for (break_it, at, word) in broken {
            let mut editor = filled();
            break_it(&mut editor);
            let found = editor.budget().unwrap_err();
            assert!(at(&found).contains(word), "{found:?} does not say {word:?} there");
            let said = [&found.name, &found.amount, &found.currency, &found.actual, &found.forecast];
            assert_eq!(said.iter().filter(|problem| !problem.is_empty()).count(), 1, "{found:?}");
        }
    }
}
