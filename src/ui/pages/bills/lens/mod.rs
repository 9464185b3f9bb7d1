//! The inference lens: what was spent on AI and which rule says so, what a request and a token cost, what it costs to
//! own.

mod by_dimension;
mod candidates;
mod conditions;
mod dimensions;
mod editor;
mod ownership;
mod share;
mod units;

use egui::Ui;

use self::by_dimension::ByDimension;
use self::candidates::Candidates;
use self::dimensions::DimensionEditor;
use self::editor::Editor;
use self::ownership::Ownership;
use self::share::Share;
use self::units::UnitCosts;
use super::chips::CurrencyChips;
use super::columns_of;
use super::filters::scope_ui;
use crate::app::spend::narrow;
use crate::app::{Command, LensAnswer, Query, QueryResult, Scenario, lens};
use crate::bill::lens::{Condition, DIMENSION_PREFIX, Draft, Entry, Op, OwnRule};
use crate::bill::{Class, Filter, Ledger, RuleSet};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::view::View;
use crate::ui::widgets::segmented_ui;

/// What is shown of the lens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shown {
    /// Spend, rule by rule.
    #[default]
    Spend,
    /// Cost of a request and of a token.
    Units,
    /// Cost of ownership.
    Ownership,
}

/// What the lens remembers between frames.
#[derive(Default)]
pub(super) struct Lens {
    shown: Shown,
    currencies: CurrencyChips,
    asked: Asked,
    ledger: Asked,
    answer: Memo<(u64, u64), Option<LensAnswer>>,
    share: Share,
    by_dimension: ByDimension,
    candidates: Candidates,
    units: UnitCosts,
    ownership: Ownership,
    editor: Option<Editor>,
    dimensions: Option<DimensionEditor>,
}

/// What a part of the lens asks for; done after the page is drawn.
enum Wish {
    /// Write a rule of one's own, or change one.
    Edit(Box<Draft>),
    /// Change what rows are told apart by.
    EditDimensions,
    /// Sort by other rules.
    Rules(Box<RuleSet>),
    /// Show only rows with a value.
    Only {
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
}

impl Lens {
    /// Draws the part of the page. True when the user wants to see the rows of a rule; its filter is then on.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        scenario: &mut Scenario,
        columns: &Asked,
    ) -> bool {
        let shown = [
            (Shown::Spend, "Spend by rule"),
            (Shown::Units, "Unit costs"),
            (Shown::Ownership, "Cost of ownership"),
        ];
        segmented_ui(ui, "What the lens shows", &mut self.shown, &shown);
        scope_ui(ui, scenario);
        let basis = scenario.basis;
        self.currencies.ask(view, scenario.filters.clone());
        self.currencies.ui(ui, view.app.state(), basis, scenario);
        let filters = view.app.state().project_filters();
        let mut wishes = Vec::new();
        match self.shown {
            Shown::Spend => {
                self.asked.follow(view, Query::Inference { filters: filters.clone(), basis });
                self.share.ui(ui, view, &self.asked, &mut wishes);
                self.by_dimension.ui(ui, view, (&filters, basis), &mut wishes);
                self.candidates.ui(ui, view, (&filters, basis), &mut wishes);
            }
            Shown::Units | Shown::Ownership => {
                self.ledger.follow(view, Query::Ledger { filters, basis });
                let state = view.app.state();
                let ledger = match self.ledger.answer() {
                    Some(Ok(QueryResult::Ledger(ledger))) => Some(ledger.clone()),
                    _ => None,
                };
                let answer = self.answer.get((self.ledger.version(), state.revision), || {
                    ledger.as_deref().map(|ledger| lens::answer(state, ledger))
                });
                if self.shown == Shown::Units {
                    self.units.ui(ui, view, &self.ledger, ledger.as_deref(), answer.as_ref());
                } else {
                    self.ownership.ui(ui, view, &self.ledger, ledger.as_deref(), answer.as_ref());
                }
            }
        }
        let mut show_rows = false;
        for wish in wishes {
            match wish {
                Wish::Edit(draft) => {
                    let is_known = view.app.state().rules.entry(&draft.rule.id).is_some();
                    self.editor = Some(Editor::of(&draft, is_known));
                }
                Wish::EditDimensions => {
                    self.dimensions = Some(DimensionEditor::of(&view.app.state().rules));
                }
                Wish::Rules(rules) => view.send(Command::SetRules(rules)),
                Wish::Only { column, value } => {
                    // A dimension is asked of what counts as inference, and so are its rows.
                    scenario.only_inference |= column.starts_with(DIMENSION_PREFIX);
                    narrow(&mut scenario.spend.drill, vec![Filter::is(column, [value])]);
                    show_rows = true;
                }
            }
        }
        self.dialogs_ui(ui, view, scenario, columns);
        show_rows
    }

    fn dialogs_ui(&mut self, ui: &Ui, view: &mut View<'_>, scenario: &Scenario, columns: &Asked) {
        let columns = columns_of(columns);
        if let Some(editor) = &mut self.editor
            && let Some(end) = editor.ui(ui.ctx(), view, scenario, columns)
        {
            if let Some(draft) = end {
                self.share.choose(&draft.rule.id);
                let rules = draft.into(&view.app.state().rules);
                view.send(Command::SetRules(Box::new(rules)));
            }
            self.editor = None;
        }
        if let Some(editor) = &mut self.dimensions
            && let Some(end) = editor.ui(ui.ctx(), columns)
        {
            if let Some(dimensions) = end {
                let rules = RuleSet { dimensions, ..view.app.state().rules.clone() };
                view.send(Command::SetRules(Box::new(rules)));
            }
            self.dimensions = None;
        }
    }
}

/// A rule nobody has written yet, to be tried first.
fn fresh_draft(rules: &RuleSet, words: &str, class: Class, all: Vec<Condition>) -> Draft {
    let rule = OwnRule {
        id: rules.free_id(),
        words: words.to_owned(),
        class,
        counted: true,
        share: crate::bill::lens::Share::WHOLE,
        on: true,
        like: None,
        all,
    };
    Draft { rule, place: 0 }
}

/// A draft of a rule that asks for the same as a built-in one, to be tried before it and changed; `None` for an own one.
fn copy_of(rules: &RuleSet, place: usize) -> Option<Draft> {
    let entry = rules.rules.get(place)?;
    let Entry::BuiltIn { built_in, .. } = entry else { return None };
    let rule = OwnRule {
        words: format!("{} (own)", entry.words()),
        counted: entry.counted(),
        like: Some(built_in.clone()),
        ..fresh_draft(rules, "", entry.class(), Vec::new()).rule
    };
    Some(Draft { rule, place })
}

/// A draft of the rule in a place of the list; `None` for a built-in one.
fn draft_of(rules: &RuleSet, place: usize) -> Option<Draft> {
    match rules.rules.get(place)? {
        Entry::Own(own) => Some(Draft { rule: own.clone(), place }),
        Entry::BuiltIn { .. } => None,
    }
}

fn condition(column: &str, op: Op, value: &str) -> Condition {
    Condition { column: column.to_owned(), op, values: vec![value.to_owned()], not: false }
}

/// Whether anything of the ledger is known yet, else what to say.
fn waiting(asked: &Asked, ledger: Option<&Ledger>) -> Option<Result<(), String>> {
    match (asked.answer(), ledger) {
        (Some(Err(problem)), _) => Some(Err(problem.to_owned())),
        (_, Some(_)) => None,
        _ => Some(Ok(())),
    }
}
