//! The bill by the values of columns, level below level: rows, the four costs and the share of each. What is below a
//! group is asked when the group is opened.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use egui::Ui;

use super::filters::group_words;
use crate::app::spend::{group_filters, narrow};
use crate::app::{Query, QueryResult, Scenario, State};
use crate::bill::{Basis, Costs, Filter, Group, NO_COLUMN, Totals};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{csv_text, field, problem_ui, reading_ui};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, count_words, data_table_with_foot_ui, note_ui, quiet_button_ui,
};
use crate::units::{self, Money};

/// Height of the table.
const HEIGHT: f32 = 340.0;
/// The costs in the order of their columns.
const BASES: [Basis; 4] = [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];
/// Behind a sum that is not of all rows.
const PARTIAL: &str = "*";
/// Behind a sum that has commitments twice, and what is said of it.
const TWICE: &str = "2×";
const TWICE_WORDS: &str = "Commitments are in this sum where they are bought and on the use that they cover";

/// What the columns of numbers show of a line.
#[derive(Clone, Copy)]
struct Amounts {
    rows: u64,
    costs: Costs,
    /// Rows that are not in the sum of each cost.
    missing: [u64; 4],
}

/// `* not of all rows: ListCost 10 of 11, ContractedCost 10 of 11`; `None` where all sums are whole.
fn partial_words(line: &Amounts) -> Option<String> {
    let of = |(basis, missing): (Basis, u64)| {
        let [have, all] = [line.rows - missing, line.rows].map(count_words);
        format!("{} {have} of {all}", basis.column())
    };
    let some = |(_, missing): &(Basis, u64)| *missing > 0 && *missing < line.rows;
    let parts: Vec<String> = BASES.into_iter().zip(line.missing).filter(some).map(of).collect();
    (!parts.is_empty()).then(|| format!("{PARTIAL} not of all rows: {}", parts.join(", ")))
}

/// The values that lead to a group, outermost first.
type Path = Vec<Option<String>>;

/// What the table remembers between frames.
#[derive(Default)]
pub(super) struct Groups {
    asked: Asked,
    totals: Asked,
    /// Groups whose levels below are shown.
    open: BTreeSet<Path>,
    lines: Vec<Line>,
    /// What the lines were made for; see [`Made`].
    made: Option<Made>,
    /// Counts up with the lines.
    version: u64,
    /// A level below is on its way.
    waiting: bool,
    table: TableState,
    chosen: Option<Path>,
    /// The line of the chosen group, found once among what may be very many.
    chosen_line: Memo<(u64, Option<Path>), Option<usize>>,
    /// The whole table was asked for, to be copied.
    copying: Option<Query>,
}

/// A line of the tree. There may be as many as the bill has rows, so that none owns what its level has.
struct Line {
    level: Arc<Level>,
    what: What,
    /// Whether what is below is shown; `None` on the last level.
    fold: Option<bool>,
}

/// The groups below a group.
struct Level {
    /// The values that lead here.
    above: Path,
    groups: Arc<Vec<Group>>,
}

enum What {
    /// Its place in the level.
    Group(usize),
    Reading,
    Problem(String),
}

impl Line {
    /// The group; `None` for a line that only says something.
    fn group(&self) -> Option<&Group> {
        match &self.what {
            What::Group(place) => self.level.groups.get(*place),
            What::Reading | What::Problem(_) => None,
        }
    }

    /// The last value of its path; `None` = no value.
    fn value(&self) -> Option<&str> {
        self.group().and_then(value)
    }

    /// The values that lead to it.
    fn path(&self) -> Path {
        let mut path = self.level.above.clone();
        path.push(self.value().map(str::to_owned));
        path
    }

    fn is_at(&self, path: &Path) -> bool {
        let Some((last, above)) = path.split_last() else { return false };
        self.group().is_some() && self.value() == last.as_deref() && self.level.above == above
    }
}

/// What lines are made of.
#[derive(PartialEq)]
struct Made {
    answer: u64,
    levels: Vec<String>,
    open: BTreeSet<Path>,
    sort: Option<(usize, bool)>,
    /// Of the state, while something is missing.
    revision: Option<u64>,
}

/// What the user wants to see of a group.
pub(super) enum Wish {
    /// Its rows; its filters are on.
    Rows,
    /// Only its filters, or those of everything else.
    Filters,
}

/// The columns of all levels.
pub(super) fn levels(scenario: &Scenario) -> Vec<String> {
    std::iter::once(&scenario.group_by).chain(&scenario.spend.then_by).cloned().collect()
}

impl Groups {
    pub(super) fn ask(&mut self, view: &mut View<'_>) {
        let state = view.app.state();
        let (scenario, filters) = (&state.scenario, state.bill_filters());
        let by = vec![scenario.group_by.clone()];
        let basis = scenario.basis;
        self.totals.follow(view, Query::Totals { filters: filters.clone() });
        self.asked.follow(view, Query::Groups { by, filters, basis });
        if let Some(query) = self.copying.take() {
            match state.queries.get(&query) {
                Some(Ok(QueryResult::Groups(groups))) => {
                    let by = levels(scenario);
                    let text = csv(groups, &by, state.shown_currency().as_deref().unwrap_or_default());
                    let what = format!("Costs by {} as CSV", by.join(", "));
                    view.actions.push(Action::Copy { text, what });
                }
                Some(Err(problem)) => view.say(problem.clone()),
                _ => self.copying = Some(query),
            }
        }
    }

    /// The sums of everything shown.
    pub(super) fn total(&self) -> Option<&Totals> {
        match self.totals.answer() {
            Some(Ok(QueryResult::Totals(totals))) => Some(totals),
            _ => None,
        }
    }

    pub(super) fn copy_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        if matches!(self.asked.answer(), Some(Ok(_))) && quiet_button_ui(ui, "Copy CSV").clicked() {
            let query = Query::Groups {
                by: levels(&state.scenario),
                filters: state.bill_filters(),
                basis: state.scenario.basis,
            };
            if !state.queries.contains_key(&query) {
                view.send(crate::app::Command::Ask(query.clone()));
            }
            self.copying = Some(query);
        }
        if self.asked.is_waiting() || self.copying.is_some() {
            reading_ui(ui);
        }
    }

    /// Draws the table; says what the user wants of a group.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) -> Option<Wish> {
        if let Some(Err(problem)) = self.asked.answer() {
            problem_ui(ui, problem);
            return None;
        }
        let Some(Query::Groups { filters, basis, .. }) = self.asked.question().cloned() else { return None };
        self.make_lines(view, &filters, basis);
        let state = view.app.state();
        let currency = state.shown_currency().unwrap_or_default();
        let levels = levels(scenario);
        let costs = self.total().map(|totals| Amounts {
            rows: totals.rows,
            costs: totals.costs,
            missing: BASES.map(|basis| totals.missing(basis)),
        });
        let twice = BASES.map(|basis| !state.twice_in(basis).is_empty());
        let partial = costs.map_or([false; 4], |line| line.missing.map(|missing| missing > 0));
        let marked: [bool; 4] = std::array::from_fn(|place| twice[place] || partial[place]);
        let Self { lines, version, table, chosen, chosen_line, open, .. } = self;
        let columns = columns(&levels.join(" › "), marked);
        let selected = *chosen_line.get((*version, chosen.clone()), || {
            chosen.as_ref().and_then(|path| lines.iter().position(|line| line.is_at(path)))
        });
        let shape = Table {
            id: "bill groups",
            name: "Costs by group",
            columns: &columns,
            rows: lines.len(),
            revision: *version,
            selected,
            height: HEIGHT,
        };
        table.given_order = true;
        let total = costs.and_then(|line| line.costs.get(basis));
        let foot = |column: usize| match (column, costs) {
            (0, _) => Cell::text("Total"),
            (_, Some(line)) => {
                let cell = number(column, &line, basis, total, &currency);
                let is_twice = column.checked_sub(3).and_then(|place| twice.get(place)) == Some(&true);
                if is_twice { cell.aside(TWICE).hover(TWICE_WORDS) } else { cell }
            }
            (_, None) => Cell::text(""),
        };
        let output = data_table_with_foot_ui(
            ui,
            &shape,
            table,
            |row, column| cell(&lines[row], column, basis, total, &currency),
            Some(&foot),
        );
        if let Some(path) = output.toggled.and_then(|row| lines.get(row)).map(Line::path)
            && !open.remove(&path)
        {
            open.insert(path);
        }
        if let Some(line) = output.chosen.and_then(|row| lines.get(row)) {
            *chosen = Some(line.path());
        }
        if let Some(words) = costs.and_then(|line| partial_words(&line)) {
            note_ui(ui, &words);
        }
        if let Some(words) = twice.contains(&true).then_some(TWICE_WORDS) {
            note_ui(ui, &format!("{TWICE} {words}"));
        }
        let wish = Self::wish_ui(ui, selected.and_then(|row| lines.get(row)), scenario);
        let opened = output.opened.and_then(|row| lines.get(row));
        if let Some(line) = opened {
            let path = line.path();
            only(scenario, &levels, &path, tells_absent(lines, &path));
            return Some(Wish::Rows);
        }
        wish
    }

    /// The buttons below the table.
    fn wish_ui(ui: &mut Ui, line: Option<&Line>, scenario: &mut Scenario) -> Option<Wish> {
        let mut wish = None;
        let levels = levels(scenario);
        let path = line.filter(|line| line.group().is_some()).map(Line::path);
        ui.horizontal(|ui| match path {
            Some(path) => {
                if quiet_button_ui(ui, "Only this group").clicked() {
                    only(scenario, &levels, &path, true);
                    wish = Some(Wish::Filters);
                }
                if path.len() == 1 && quiet_button_ui(ui, "All but this group").clicked() {
                    let value = path[0].clone().unwrap_or_default();
                    scenario.spend.drill.push(Filter::is(levels[0].clone(), [value]).negated());
                    wish = Some(Wish::Filters);
                }
                if quiet_button_ui(ui, "Show its rows").clicked() {
                    only(scenario, &levels, &path, true);
                    wish = Some(Wish::Rows);
                }
            }
            None => {
                note_ui(ui, "Choose a group to filter by it; double-click to see its rows");
            }
        });
        wish
    }

    /// Puts the lines together again, where something has changed; asks for levels that are open and not known.
    fn make_lines(&mut self, view: &mut View<'_>, filters: &[Filter], basis: Basis) {
        let state = view.app.state();
        let revision = self.waiting.then_some(state.revision);
        let levels = levels(&state.scenario);
        // Groups of levels that are gone are closed.
        self.open.retain(|path| path.len() < levels.len());
        let made = Made {
            answer: self.asked.version(),
            levels: levels.clone(),
            open: self.open.clone(),
            sort: self.table.sort,
            revision,
        };
        if self.made.as_ref() == Some(&made) {
            return;
        }
        self.version += 1;
        let mut lines = Vec::new();
        let mut missing = Vec::new();
        if let Some(Ok(QueryResult::Groups(groups))) = self.asked.answer() {
            let tree = Tree { state, levels: &levels, open: &self.open, sort: self.table.sort, basis };
            tree.add(groups, &[], filters, &mut lines, &mut missing);
        }
        self.lines = lines;
        self.waiting = !missing.is_empty();
        self.made = Some(Made { revision: self.waiting.then_some(state.revision), ..made });
        for query in missing {
            if !state.asked.contains(&query) {
                view.send(crate::app::Command::Ask(query));
            }
        }
    }
}

/// What the lines are made from.
struct Tree<'a> {
    state: &'a State,
    levels: &'a [String],
    open: &'a BTreeSet<Path>,
    sort: Option<(usize, bool)>,
    basis: Basis,
}

impl Tree<'_> {
    /// Adds the groups of a level, and below each that is open the next.
    fn add(
        &self,
        groups: &Arc<Vec<Group>>,
        above: &[Option<String>],
        filters: &[Filter],
        lines: &mut Vec<Line>,
        missing: &mut Vec<Query>,
    ) {
        let depth = above.len();
        let column = &self.levels[depth.min(self.levels.len() - 1)];
        let has_below = depth + 1 < self.levels.len();
        let absent = has_below && groups.iter().any(|group| value(group) == Some(NO_COLUMN));
        let is_here = |path: &&Path| path.len() == depth + 1 && path.starts_with(above);
        let open: BTreeSet<Option<&str>> =
            self.open.iter().filter(is_here).filter_map(|path| path.last().map(Option::as_deref)).collect();
        let level = Arc::new(Level { above: above.to_vec(), groups: Arc::clone(groups) });
        lines.reserve(groups.len());
        for place in order(groups, self.sort, self.basis) {
            let group = &groups[place];
            let fold = has_below.then(|| !open.is_empty() && open.contains(&value(group)));
            lines.push(Line { level: Arc::clone(&level), what: What::Group(place), fold });
            if fold != Some(true) {
                continue;
            }
            let mut path = above.to_vec();
            path.push(value(group).map(str::to_owned));
            let mut filters = filters.to_vec();
            narrow(&mut filters, group_filters(column, value(group), absent));
            let query = Query::Groups {
                by: vec![self.levels[depth + 1].clone()],
                filters: filters.clone(),
                basis: self.basis,
            };
            let says = |what: What| {
                let level = Arc::new(Level { above: path.clone(), groups: Arc::default() });
                Line { level, what, fold: None }
            };
            match self.state.queries.get(&query) {
                Some(Ok(QueryResult::Groups(groups))) => self.add(groups, &path, &filters, lines, missing),
                Some(Err(problem)) => lines.push(says(What::Problem(problem.clone()))),
                _ => {
                    missing.push(query);
                    lines.push(says(What::Reading));
                }
            }
        }
    }
}

/// The places of groups in the order that is wanted; as they came without one.
fn order(groups: &[Group], sort: Option<(usize, bool)>, basis: Basis) -> Vec<usize> {
    let mut order: Vec<usize> = (0..groups.len()).collect();
    let Some((by, descending)) = sort else { return order };
    // Each name is made small once, not once a comparison.
    let low: Vec<String> = match by {
        0 => groups.iter().map(|group| value(group).unwrap_or_default().to_lowercase()).collect(),
        _ => Vec::new(),
    };
    order.sort_by(|a, b| {
        let found = match by {
            0 => units::number_order(&low[*a], &low[*b]),
            _ => compare(&groups[*a], &groups[*b], by, basis),
        };
        if descending { found.reverse() } else { found }
    });
    order
}

fn value(group: &Group) -> Option<&str> {
    group.key.first().and_then(Option::as_deref)
}

fn compare(a: &Group, b: &Group, column: usize, basis: Basis) -> Ordering {
    match column {
        2 => a.rows.cmp(&b.rows),
        3 => a.costs.billed_cost.cmp(&b.costs.billed_cost),
        4 => a.costs.effective_cost.cmp(&b.costs.effective_cost),
        5 => a.costs.list_cost.cmp(&b.costs.list_cost),
        6 => a.costs.contracted_cost.cmp(&b.costs.contracted_cost),
        _ => a.costs.get(basis).cmp(&b.costs.get(basis)),
    }
}

/// Whether rows of bills without the column are a line of their own beside this one.
fn tells_absent(lines: &[Line], path: &Path) -> bool {
    lines.iter().any(|line| line.level.above.len() + 1 == path.len() && line.value() == Some(NO_COLUMN))
}

/// Keeps only the rows of a group.
fn only(scenario: &mut Scenario, levels: &[String], path: &Path, tells_absent: bool) {
    for (column, value) in levels.iter().zip(path) {
        narrow(
            &mut scenario.spend.drill,
            group_filters(column, value.as_deref(), tells_absent && value.is_none()),
        );
    }
}

fn columns(by: &str, marked: [bool; 4]) -> Vec<Column> {
    let cost = |place: usize, title: &str| {
        let column = if marked[place] { Column::number_with_mark } else { Column::number };
        column(title, if marked[place] { 126.0 } else { 110.0 }).hover(BASES[place].column())
    };
    vec![
        Column::fill(by, 200.0),
        Column::number("Share", 120.0).hover("Share of the cost shown in the chart"),
        Column::number("Rows", 64.0),
        cost(0, "Billed"),
        cost(1, "Effective"),
        cost(2, "List"),
        cost(3, "Contracted"),
    ]
}

fn cell(line: &Line, column: usize, basis: Basis, total: Option<Money>, currency: &str) -> Cell {
    let level = u8::try_from(line.level.above.len()).unwrap_or(u8::MAX);
    if let Some(group) = line.group() {
        if column > 0 {
            let line = Amounts { rows: group.rows, costs: group.costs, missing: group.missing };
            return number(column, &line, basis, total, currency);
        }
        let (words, quiet) = group_words(value(group));
        let cell = Cell::text(words).hover(words).fold(level, line.fold);
        return if quiet { cell.quiet() } else { cell };
    }
    match (&line.what, column) {
        (What::Reading, 0) => Cell::text("Reading…").quiet().fold(level, None),
        (What::Problem(problem), 0) => {
            Cell::text(problem.clone()).hover(problem.clone()).quiet().fold(level, None)
        }
        _ => Cell::text(""),
    }
}

/// The cells of numbers, of a group or of the total.
fn number(column: usize, line: &Amounts, basis: Basis, total: Option<Money>, currency: &str) -> Cell {
    let Amounts { rows, costs, missing } = *line;
    let cost = |place: usize| match costs.get(BASES[place]) {
        Some(amount) => {
            let cell = Cell::number(amount.to_f64(), units::money_in_column(amount, currency));
            let exact = format!("{amount} {currency}, to the last digit");
            match missing[place] {
                0 => cell.hover(exact),
                missing => {
                    let [have, all] = [rows - missing, rows].map(count_words);
                    let name = BASES[place].column();
                    cell.aside(PARTIAL)
                        .hover(format!("{exact}; of the {have} of {all} rows that have a {name}"))
                }
            }
        }
        None => Cell::unknown("The file has no such column, or no value in it"),
    };
    match column {
        1 => match (costs.get(basis), total.map(Money::to_f64)) {
            (Some(cost), Some(total)) if total > 0.0 => {
                let share = cost.to_f64() / total;
                Cell::number(share, format!("{:.1} %", share * 100.0)).bar(share)
            }
            _ => Cell::unknown("Without a total above zero there is no share"),
        },
        2 => Cell::number(rows as f64, count_words(rows)),
        3 => cost(0),
        4 => cost(1),
        5 => cost(2),
        _ => cost(3),
    }
}

fn csv(groups: &[Group], by: &[String], currency: &str) -> String {
    let mut header: Vec<&str> = by.iter().map(String::as_str).collect();
    header.extend(["Rows", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency"]);
    let partial = BASES.map(|basis| groups.iter().any(|group| group.missing(basis) > 0));
    let of_missing = BASES
        .into_iter()
        .zip(partial)
        .filter(|(_, partial)| *partial)
        .map(|(basis, _)| basis)
        .collect::<Vec<_>>();
    let named: Vec<String> =
        of_missing.iter().map(|basis| format!("RowsWithout{}", basis.column())).collect();
    header.extend(named.iter().map(String::as_str));
    let rows = groups.iter().map(|group| {
        let mut cells: Vec<String> =
            group.key.iter().map(|value| value.clone().unwrap_or_default()).collect();
        cells.extend([
            group.rows.to_string(),
            field(group.costs.billed_cost),
            field(group.costs.effective_cost),
            field(group.costs.list_cost),
            field(group.costs.contracted_cost),
            currency.to_owned(),
        ]);
        cells.extend(of_missing.iter().map(|basis| group.missing(*basis).to_string()));
        cells
    });
    csv_text(&header, rows)
}
