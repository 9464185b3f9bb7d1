//! Turns rows of text cells into typed columns, batch by batch, and keeps the books while it does: sums,
//! empty and unreadable cells, distinct values. What a reader of any format hands its rows to.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use polars::prelude::*;

use super::cells::{Cells, Texts};
use super::columns::{self, COSTS, ColumnType};
use super::error::BillError;
use super::exact::{self, Exact};
use super::formats::Target;
use super::formats::focus::RULE_COLUMN;
use super::inference::{Classifier, FactSource};
use super::moment;
use super::profile::Profile;
use super::row_batch::RowBatch;
use super::slices::{Slice, Slicer};
use super::store_writer::RowGroup;
use super::warnings::{Place, Trouble, Warnings};
use super::{Costs, MissingCells};

/// Rows in a row group of the store, give or take those that are added at once: enough to compress well, few enough that a row of
/// some kilobytes keeps the memory in the hundreds of megabytes.
const GROUP_ROWS: usize = 65_536;

struct TableColumn {
    name: String,
    kind: ColumnType,
    cells: Cells,
    profile: Profile,
    empty: u64,
    unreadable: u64,
    rounded: u64,
    /// Place among the four costs.
    cost: Option<usize>,
    nullable: bool,
}

/// What was not understood in a cell, until it is said in the order of the rows.
struct Unclear {
    row: usize,
    column: usize,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Empty,
    NotJson,
    Unreadable(&'static str),
}

impl TableColumn {
    /// Adds cells; what cannot be read becomes "no value". `amounts` and `moments` are told what the cells of a cost and
    /// of a time are, with the row.
    fn push_all(
        &mut self,
        (column, rows): (usize, &RowBatch),
        amounts: &mut dyn FnMut(usize, Exact) -> Option<()>,
        moments: &mut dyn FnMut(usize, i64),
        unclear: &mut Vec<Unclear>,
    ) -> Option<()> {
        let Self { cells, profile, empty, unreadable, rounded, nullable, kind, cost, .. } = self;
        for (run, cell) in rows.runs(column) {
            let (count, more) = (run.len() as u64, run.len() - 1);
            let mut doubt = |run: Range<usize>, what: What| {
                unclear.extend(run.map(|row| Unclear { row, column, what }));
            };
            let Some(value) = cell.and_then(value_of) else {
                *empty += count;
                if !*nullable {
                    doubt(run.clone(), What::Empty);
                }
                cells.push_nothing(run.len());
                continue;
            };
            let why = match cells {
                Cells::Text(texts) => {
                    let is_new = texts.push(value);
                    texts.repeat(more);
                    profile.count(more as u64);
                    if !is_new && *kind == ColumnType::Text {
                        profile.count(1);
                    } else if !profile.add(value) {
                        doubt(run, What::NotJson);
                    }
                    continue;
                }
                Cells::Decimal(numbers) => match Exact::read(value) {
                    Ok(read) => {
                        numbers.push(read.value.0, run.len());
                        *rounded += u64::from(read.rounded) * count;
                        profile.count(count);
                        if cost.is_some() {
                            run.into_iter().try_for_each(|row| amounts(row, read.value))?;
                        }
                        continue;
                    }
                    Err(error) => reason(&error),
                },
                Cells::Time(numbers) => {
                    if let Some(micros) = moment::read(value) {
                        numbers.push(micros, run.len());
                        profile.count(count);
                        run.into_iter().for_each(|row| moments(row, micros));
                        continue;
                    }
                    "not a date like 2026-05-01T00:00:00Z"
                }
            };
            cells.push_nothing(run.len());
            *unreadable += count;
            doubt(run, What::Unreadable(why));
        }
        Some(())
    }

    /// Says what was not understood in a cell.
    fn say(&self, what: &What, cell: &str, place: Place, warnings: &mut Warnings) {
        let name = Some(self.name.as_str());
        match what {
            What::Empty => warnings.add(Trouble::Empty, place.line, name, || {
                format!("no value{} where FOCUS demands one", place.words())
            }),
            What::NotJson => warnings.add(Trouble::NotJson, place.line, name, || {
                let (cell, row) = (short(cell), place.words());
                format!("`{cell}`{row} is not a JSON object; kept as text, its keys are not known")
            }),
            What::Unreadable(why) => warnings.add(Trouble::Unreadable, place.line, name, || {
                let (cell, row) = (short(cell), place.words());
                format!("`{cell}`{row} cannot be read ({why}); the cell counts as missing, not as 0")
            }),
        }
    }
}

/// Sums of one currency.
#[derive(Debug, Clone, Default)]
struct Sums {
    rows: u64,
    costs: [Exact; 4],
    filled: [u64; 4],
}

/// What is known of a table once all its rows are in.
pub struct Books {
    /// Rows kept.
    pub rows: u64,
    /// Rows for each currency; the empty name is "no currency".
    pub currencies: BTreeMap<String, u64>,
    /// Sums for each currency.
    pub totals: BTreeMap<String, Costs>,
    /// Cells of the four costs that hold no value.
    pub missing: BTreeMap<String, MissingCells>,
    /// Earliest `ChargePeriodStart`, in microseconds.
    pub first_start: Option<i64>,
    /// Latest `ChargePeriodEnd` (or start, where the file has no ends), in microseconds.
    pub last_end: Option<i64>,
    /// What each column holds.
    pub profiles: Vec<(String, ColumnType, Profile)>,
    /// What the rows are of.
    pub slices: Vec<Slice>,
}

/// The table being built.
pub struct Table {
    columns: Vec<TableColumn>,
    rules: Texts,
    rule_profile: Profile,
    classifier: Classifier,
    currency_at: Option<usize>,
    start_at: Option<usize>,
    end_at: Option<usize>,
    slicer: Slicer,
    /// By currency, of which most bills have one.
    sums: Vec<(String, Sums)>,
    sums_at: HashMap<String, usize>,
    last_sums: usize,
    /// The columns that rules and slices are told by.
    told_by: Vec<usize>,
    in_group: usize,
    rows: u64,
    first_start: Option<i64>,
    last_end: Option<i64>,
}

impl Table {
    /// For source columns that go to these targets. A column of our own in the source is not taken over.
    /// `is_focus` says that the file claims to be FOCUS, whose mandatory cells must have values.
    pub fn new(targets: &[Target], is_focus: bool) -> Self {
        let columns: Vec<TableColumn> = targets
            .iter()
            .map(|target| TableColumn {
                name: target.name.clone(),
                kind: target.kind,
                cells: Cells::new(target.kind),
                profile: Profile::new(target.kind),
                empty: 0,
                unreadable: 0,
                rounded: 0,
                cost: COSTS.iter().position(|cost| *cost == target.name),
                nullable: !is_focus || columns::find(&target.name).is_none_or(|column| column.nullable),
            })
            .collect();
        let at = |name: &str| targets.iter().position(|target| target.name == name);
        let (facts, slicer) = (FactSource::of(at), Slicer::new(targets));
        let mut told_by: Vec<usize> = facts.needed().chain(slicer.columns()).collect();
        told_by.sort_unstable();
        told_by.dedup();
        Self {
            classifier: Classifier::new(&facts),
            currency_at: at("BillingCurrency"),
            start_at: at("ChargePeriodStart"),
            end_at: at("ChargePeriodEnd"),
            slicer,
            columns,
            rules: Texts::default(),
            rule_profile: Profile::new(ColumnType::Text),
            sums: Vec::new(),
            sums_at: HashMap::new(),
            last_sums: 0,
            told_by,
            in_group: 0,
            rows: 0,
            first_start: None,
            last_end: None,
        }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> Schema {
        let mut schema: Schema = self
            .columns
            .iter()
            .filter(|column| column.name != RULE_COLUMN)
            .map(|column| Field::new(column.name.as_str().into(), Cells::dtype(column.kind)))
            .collect();
        schema.with_column(RULE_COLUMN.into(), DataType::String);
        schema
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Says that the rows of the next file of the bill follow.
    pub fn begin_part(&mut self, part: usize) {
        self.slicer.begin_part(part);
    }

    /// Adds rows of one file, whose warnings these are, column by column: what a column needs stays at hand. Each has one
    /// cell for each target.
    ///
    /// # Errors
    /// A sum that does not fit.
    pub fn add(&mut self, rows: &RowBatch, warnings: &mut Warnings) -> Result<(), BillError> {
        let height = rows.len();
        let mut whose = Vec::with_capacity(height);
        for row in 0..height {
            let currency = self.currency_at.map_or("", |at| value_of(rows.cell(row, at)).unwrap_or(""));
            whose.push(self.sums_of(currency));
        }
        let nothing = || vec![None; height];
        let (mut starts, mut ends, mut periods) = (nothing(), nothing(), nothing());
        let period_at = self.slicer.period_at();
        let mut unclear = Vec::new();
        for (index, column) in self.columns.iter_mut().enumerate() {
            let (sums, cost) = (&mut self.sums, column.cost.unwrap_or_default());
            let mut amounts = |row: usize, amount: Exact| {
                let sums: &mut Sums = &mut sums[whose[row]].1;
                sums.filled[cost] += 1;
                sums.costs[cost] = sums.costs[cost].checked_add(amount)?;
                Some(())
            };
            let mut moments = |row: usize, micros: i64| {
                if self.start_at == Some(index) {
                    starts[row] = Some(micros);
                } else if self.end_at == Some(index) {
                    ends[row] = Some(micros);
                } else if period_at == Some(index) {
                    periods[row] = Some(micros);
                }
            };
            if column.push_all((index, rows), &mut amounts, &mut moments, &mut unclear).is_none() {
                return Err(BillError::TooLarge { column: column.name.clone() });
            }
        }
        unclear.sort_by_key(|of| (of.row, of.column));
        for Unclear { row, column, what } in unclear {
            self.columns[column].say(&what, rows.cell(row, column), rows.places()[row], warnings);
        }
        let mut cells = vec![""; self.columns.len()];
        for row in 0..height {
            rows.some(row, &self.told_by, &mut cells);
            match self.classifier.classify(&cells) {
                Some(rule) => {
                    self.rules.push(rule);
                    self.rule_profile.add(rule);
                }
                None => self.rules.push_nothing(1),
            }
            let (start, end) = (starts[row], ends[row]);
            self.slicer.add(&cells, periods[row], start, end);
            self.first_start = earlier(self.first_start, start);
            self.last_end = self.last_end.max(end.or(start));
        }
        self.in_group += height;
        self.rows += height as u64;
        Ok(())
    }

    /// Place of a currency's sums, with a row more.
    fn sums_of(&mut self, currency: &str) -> usize {
        let last = self.sums.get(self.last_sums).filter(|(known, _)| known == currency);
        let known = last.map(|_| self.last_sums).or_else(|| self.sums_at.get(currency).copied());
        self.last_sums = known.unwrap_or_else(|| {
            self.sums_at.insert(currency.to_owned(), self.sums.len());
            self.sums.push((currency.to_owned(), Sums::default()));
            self.sums.len() - 1
        });
        self.sums[self.last_sums].1.rows += 1;
        self.last_sums
    }

    /// True when [`Table::take`] should be called.
    pub fn is_full(&self) -> bool {
        self.in_group >= GROUP_ROWS
    }

    /// The rows since the last call.
    ///
    /// # Errors
    /// Columns that polars refuses.
    pub fn take(&mut self) -> Result<RowGroup, BillError> {
        let height = std::mem::take(&mut self.in_group);
        let failed = |source| BillError::Query { doing: "build the columns of the bill", source };
        let mut columns = Vec::with_capacity(self.columns.len() + 1);
        for column in &mut self.columns {
            let cells = column.cells.take(height).map_err(failed)?;
            if column.name != RULE_COLUMN {
                columns.push(cells);
            }
        }
        columns.push(self.rules.take(height).map_err(failed)?);
        Ok(RowGroup { height, columns })
    }

    /// Closes the books, after [`Table::take`].
    pub fn finish(self, warnings: &mut Warnings) -> Books {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        let present = COSTS.map(has);
        let mut missing = BTreeMap::new();
        let mut profiles = Vec::with_capacity(self.columns.len() + 1);
        for column in self.columns {
            if column.rounded > 0 {
                warnings.about_file(
                    Some(&column.name),
                    format!(
                        "{} values have more than {} decimal places and were rounded to that",
                        column.rounded,
                        exact::SCALE
                    ),
                );
            }
            if column.cost.is_some() && column.nullable && column.empty > 0 {
                let message = format!(
                    "{} of {} rows tell no such cost; it is missing there, not 0",
                    column.empty, self.rows
                );
                warnings.about_file(Some(&column.name), message);
            }
            if column.cost.is_some() && column.empty + column.unreadable > 0 {
                let cells = MissingCells { empty: column.empty, unreadable: column.unreadable };
                missing.insert(column.name.clone(), cells);
            }
            if column.name != RULE_COLUMN {
                profiles.push((column.name, column.kind, column.profile));
            }
        }
        profiles.push((RULE_COLUMN.to_owned(), ColumnType::Text, self.rule_profile));
        if self.slicer.is_full() {
            let words = "the bill has too many accounts, months and files to tell whether another bill has the same \
                         charges; open each charge once only";
            warnings.about_file(None, words.to_owned());
        }
        let mut currencies = BTreeMap::new();
        let mut totals = BTreeMap::new();
        for (currency, sums) in self.sums {
            currencies.insert(currency.clone(), sums.rows);
            totals.insert(currency, Costs::from_sums(present, sums.rows, sums.filled, sums.costs));
        }
        Books {
            rows: self.rows,
            currencies,
            totals,
            missing,
            first_start: self.first_start,
            last_end: self.last_end,
            profiles,
            slices: self.slicer.finish(),
        }
    }
}

/// A cell without a value is empty or the word `NULL`, as some exports write it.
fn value_of(cell: &str) -> Option<&str> {
    let first = *cell.as_bytes().first()?;
    // Blank cells begin with a blank, which may be one beyond ASCII.
    let is_blank = || (first <= b' ' || first >= 0x80) && cell.trim().is_empty();
    if cell == "NULL" || is_blank() { None } else { Some(cell) }
}

fn earlier(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A cell in a message: one line, not long.
pub fn short(cell: &str) -> String {
    let mut text: String =
        cell.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cell.chars().nth(60).is_some() {
        text.push('…');
    }
    text
}

fn reason(error: &crate::units::MoneyError) -> &'static str {
    match error {
        crate::units::MoneyError::Empty => "empty",
        crate::units::MoneyError::NotANumber(_) => "not a plain decimal number",
        crate::units::MoneyError::TooLarge(_) => "more than 20 digits before the point",
    }
}
