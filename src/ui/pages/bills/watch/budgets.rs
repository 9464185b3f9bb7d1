//! Budgets as bars: what was spent, what is expected with its interval, and the tiers.

use egui::{Layout, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

use super::anomalies::quiet_ui;
use super::editor::Editor;
use crate::app::watch::{self, WatchCommand};
use crate::app::{Command, QueryResult};
use crate::bill::watch::{Answer, Budget, On, Standing};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{problem_ui, reading_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{card_ui, empty_ui, quiet_button_ui, section_header_ui};
use crate::units::{self, Money};

/// Width of the names, of the words behind the bars and of the buttons; height of a bar.
const NAMES: f32 = 300.0;
const WORDS: f32 = 300.0;
const BUTTONS: f32 = 120.0;
const BAR: f32 = 12.0;

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Budgets {
    asked: Asked,
    editor: Option<Editor>,
}

impl Budgets {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, columns: &Asked, currency: &str) {
        let state = view.app.state();
        if let Some(editor) = &mut self.editor
            && let Some(answer) = editor.ui(ui.ctx(), columns)
        {
            let replaces = editor.replaces();
            self.editor = None;
            if let Some(budget) = answer {
                let budget = Box::new(budget);
                view.send(Command::Watch(Box::new(WatchCommand::PutBudget { replaces, budget })));
            }
        }
        card_ui(ui, |ui| {
            if state.watch.budgets.is_empty() {
                let why = "A budget says how much a month may cost, all of the bill or a part of it. Watch shows what is \
                           spent and what the month will have cost, and `inferometer bill check` tells cron or CI.";
                if empty_ui(ui, "No budget is set", why, "Add a budget…") {
                    self.editor = Some(Editor::fresh(state, currency));
                }
                return;
            }
            self.asked.follow(view, watch::budgets_question(state, None));
            let standings = match self.asked.answer() {
                Some(Ok(QueryResult::Watch(answer))) => match answer.as_ref() {
                    Answer::Budgets(standings) => standings.as_slice(),
                    _ => &[],
                },
                _ => &[],
            };
            let first = standings.iter().find_map(|standing| standing.as_ref().ok());
            let note = first.map_or_else(String::new, |standing| {
                let (whole, all) = (standing.whole_days, standing.days_in_month);
                format!(
                    "{}, by the month that charges start in; {whole} of {all} days whole",
                    standing.month.month_words()
                )
            });
            section_header_ui(ui, "Budgets", &note, |ui| {
                if quiet_button_ui(ui, "Add a budget…").clicked() {
                    self.editor = Some(Editor::fresh(state, currency));
                }
                if self.asked.is_waiting() {
                    reading_ui(ui);
                }
            });
            if let Some(Err(problem)) = self.asked.answer() {
                problem_ui(ui, problem);
            }
            for budget in &state.watch.budgets {
                let standing = standings.iter().find(|standing| match standing {
                    Ok(standing) => standing.budget.name == budget.name,
                    Err((name, _)) => *name == budget.name,
                });
                match row_ui(ui, budget, standing) {
                    Some(true) => self.editor = Some(Editor::of(budget, state)),
                    Some(false) => {
                        let command = WatchCommand::RemoveBudget(budget.name.clone());
                        view.send(Command::Watch(Box::new(command)));
                    }
                    None => {}
                }
            }
        });
    }
}

/// One budget. `Some(true)` = edit it, `Some(false)` = remove it.
fn row_ui(
    ui: &mut Ui,
    budget: &Budget,
    standing: Option<&Result<Standing, (String, String)>>,
) -> Option<bool> {
    let tokens = Tokens::of(ui);
    let mut wish = None;
    ui.horizontal(|ui| {
        let row = ui.available_width();
        let column = |ui: &mut Ui, width: f32, add: &mut dyn FnMut(&mut Ui)| {
            let layout = Layout::top_down(egui::Align::Min);
            ui.allocate_ui_with_layout(vec2(width, 34.0), layout, |ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 1.0;
                add(ui);
            });
        };
        column(ui, NAMES, &mut |ui| {
            ui.add(egui::Label::new(RichText::new(&budget.name).color(tokens.text)).truncate());
            let words = RichText::new(budget.scope()).small().color(tokens.text_quiet);
            let hover = format!("{}; {}", budget.scope(), budget.tier_words());
            ui.add(egui::Label::new(words).truncate()).on_hover_text(hover);
        });
        let width = (row - NAMES - WORDS - BUTTONS - 4.0 * space::S).max(120.0);
        match standing {
            Some(Ok(standing)) => {
                bar_ui(ui, standing, width);
                column(ui, WORDS, &mut |ui| words_ui(ui, standing));
            }
            Some(Err((_, reason))) => {
                column(ui, width + WORDS + space::S, &mut |ui| problem_ui(ui, reason));
            }
            None => column(ui, width + WORDS + space::S, &mut |ui| quiet_ui(ui, "Reading…")),
        }
        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
            if quiet_button_ui(ui, "Remove")
                .on_hover_text(format!("Removes the budget {}", budget.name))
                .clicked()
            {
                wish = Some(false);
            }
            if quiet_button_ui(ui, "Edit…")
                .on_hover_text(format!("Changes the budget {}", budget.name))
                .clicked()
            {
                wish = Some(true);
            }
        });
    });
    wish
}

fn words_ui(ui: &mut Ui, standing: &Standing) {
    let tokens = Tokens::of(ui);
    let Standing { budget, actual, .. } = standing;
    let money = |amount: Money| units::money(amount, &budget.currency);
    let colour = |on: On| {
        let highest = standing.reached.iter().filter(|tier| tier.on == on).map(|tier| tier.percent).max();
        match highest {
            Some(100..) => tokens.danger,
            Some(80..) => tokens.warning,
            _ => tokens.text,
        }
    };
    let spent = format!("{} of {} ({:.0} %)", money(*actual), money(budget.amount), budget.percent(*actual));
    ui.label(RichText::new(spent).color(colour(On::Actual)));
    match &standing.forecast {
        Some(_) if standing.whole_days >= standing.days_in_month => quiet_ui(ui, "the month is over"),
        Some(forecast) => {
            let words =
                format!("{} expected ({:.0} %)", money(forecast.expected), budget.percent(forecast.expected));
            let [low, high] = forecast.interval_80.map(money);
            let [lowest, highest] = forecast.interval_95.map(money);
            let mut hover = format!("80 % interval {low} to {high}; 95 % interval {lowest} to {highest}");
            for (amount, what) in
                [(standing.lumps_to_come, "charges for longer than a day"), (standing.taxes_to_come, "taxes")]
            {
                if amount != Money::ZERO {
                    let words = format!("; {} of {what} to come in it", money(amount));
                    hover.push_str(&words);
                }
            }
            ui.label(RichText::new(words).small().color(colour(On::Forecast))).on_hover_text(hover);
        }
        None => {
            let words = RichText::new(format!("No forecast: {}", standing.no_forecast));
            ui.add(egui::Label::new(words.small().color(tokens.text_quiet)).truncate())
                .on_hover_text(&standing.no_forecast);
        }
    }
}

/// The bar: spent, then expected as a line in its 80 % interval, on a ground as long as the budget; tiers are ticks.
fn bar_ui(ui: &mut Ui, standing: &Standing, width: f32) {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 34.0), Sense::hover());
    let Standing { budget, actual, forecast, .. } = standing;
    let name = format!("{}: {:.0} % spent", budget.name, budget.percent(*actual));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, &name));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let whole = budget.amount.to_f64();
    let most = [Some(*actual), forecast.map(|forecast| forecast.interval_80[1])];
    // What is beyond the budget is in view, at most as much again.
    let longest =
        most.into_iter().flatten().map(|amount| amount.to_f64() / whole).fold(1.0, f64::max).min(2.0);
    let bar = Rect::from_center_size(rect.center(), vec2(rect.width(), BAR));
    let at = |amount: f64| {
        let share = (amount / whole / longest).clamp(0.0, 1.0) as f32;
        bar.left() + share * bar.width()
    };
    let painter = ui.painter();
    let between = |from: f32, to: f32, by: f32| {
        Rect::from_min_max(pos2(from, bar.top() + by), pos2(to.max(from + 1.0), bar.bottom() - by))
    };
    painter.rect_filled(between(bar.left(), at(whole), 0.0), 3, tokens.hover);
    let tone = |amount: Money| {
        let percent = budget.percent(amount);
        if percent >= 100.0 {
            tokens.danger
        } else if percent >= 80.0 {
            tokens.warning
        } else {
            tokens.accent
        }
    };
    if let Some(forecast) = forecast.filter(|_| standing.whole_days < standing.days_in_month) {
        let colour = tone(forecast.expected);
        let [low, high] = forecast.interval_80.map(|end| at(end.to_f64()));
        painter.rect_filled(between(low, high, -3.0), 2, colour.gamma_multiply(0.28));
        let middle = at(forecast.expected.to_f64());
        painter.vline(middle, bar.top() - 5.0..=bar.bottom() + 5.0, Stroke::new(2.0, colour));
    }
    painter.rect_filled(between(bar.left(), at(actual.to_f64()), 0.0), 3, tone(*actual));
    for tier in budget.tiers.iter().filter(|tier| tier.on == On::Actual && tier.percent != 100) {
        let x = at(whole * f64::from(tier.percent) / 100.0);
        painter.vline(x, bar.top()..=bar.bottom(), Stroke::new(1.0, tokens.border_strong));
    }
    painter.vline(at(whole), bar.top() - 4.0..=bar.bottom() + 4.0, Stroke::new(1.5, tokens.text_quiet));
    response.on_hover_text(
        "Filled: spent. Line: expected at the month's end, shaded its 80 % interval. Ticks: tiers; the last one is the budget",
    );
}
