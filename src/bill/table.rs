//! Turns rows of text cells into typed columns, batch by batch, and keeps the books while it does: sums,
//! empty and unreadable cells, distinct values. What a reader of any format hands its rows to.

use std::collections::{BTreeMap, HashMap};

use polars::prelude::*;

use super::columns::{self, COSTS, ColumnType};
use super::error::BillError;
use super::exact::{self, Exact};
use super::formats::Target;
use super::formats::focus::RULE_COLUMN;
use super::inference::{Classifier, FactSource};
use super::moment;
use super::profile::Profile;
use super::slices::{Slice, Slicer};
use super::warnings::{Place, Trouble, Warnings};
use super::{Costs, MissingCells};

/// Rows in a batch, which is also a row group of the store: enough to compress well, few enough that a row of
/// some kilobytes keeps the memory in the hundreds of megabytes.
pub const BATCH_ROWS: usize = 65_536;

enum Cells {
    Text(StringChunkedBuilder),
    Decimal(PrimitiveChunkedBuilder<Int128Type>),
    Time(PrimitiveChunkedBuilder<Int64Type>),
}

impl Cells {
    fn new(name: &str, kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text | ColumnType::Json => {
                Self::Text(StringChunkedBuilder::new(name.into(), BATCH_ROWS))
            }
            ColumnType::Decimal => Self::Decimal(PrimitiveChunkedBuilder::new(name.into(), BATCH_ROWS)),
            ColumnType::Time => Self::Time(PrimitiveChunkedBuilder::new(name.into(), BATCH_ROWS)),
        }
    }

    fn finish(self) -> PolarsResult<Series> {
        Ok(match self {
            Self::Text(builder) => builder.finish().into_series(),
            Self::Decimal(builder) => {
                builder.finish().into_decimal(exact::PRECISION, exact::SCALE as usize)?.into_series()
            }
            Self::Time(builder) => {
                builder.finish().into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series()
            }
        })
    }

    fn dtype(kind: ColumnType) -> DataType {
        match kind {
            ColumnType::Text | ColumnType::Json => DataType::String,
            ColumnType::Decimal => DataType::Decimal(exact::PRECISION, exact::SCALE as usize),
            ColumnType::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        }
    }
}

struct TableColumn {
    name: String,
    kind: ColumnType,
    cells: Cells,
    profile: Profile,
    empty: u64,
    unreadable: u64,
    rounded: u64,
    /// Dates come in long runs of the same text.
    last_time: (String, Option<i64>),
    /// Place among the four costs.
    cost: Option<usize>,
    nullable: bool,
}

/// What a cell meant, for the books.
enum Pushed {
    Nothing,
    Amount(Exact),
    Moment(i64),
}

impl TableColumn {
    /// Adds a cell; what cannot be read becomes "no value" and a warning.
    fn push(&mut self, value: Option<&str>, place: Place, warnings: &mut Warnings) -> Pushed {
        let Some(value) = value else {
            self.empty += 1;
            if !self.nullable {
                warnings.add(Trouble::Empty, place.line, Some(&self.name), || {
                    format!("no value{} where FOCUS demands one", place.words())
                });
            }
            match &mut self.cells {
                Cells::Text(builder) => builder.append_null(),
                Cells::Decimal(builder) => builder.append_null(),
                Cells::Time(builder) => builder.append_null(),
            }
            return Pushed::Nothing;
        };
        let unreadable = match &mut self.cells {
            Cells::Text(builder) => {
                builder.append_value(value);
                if !self.profile.add(value) {
                    warnings.add(Trouble::NotJson, place.line, Some(&self.name), || {
                        let (cell, row) = (short(value), place.words());
                        format!("`{cell}`{row} is not a JSON object; kept as text, its keys are not known")
                    });
                }
                return Pushed::Nothing;
            }
            Cells::Decimal(builder) => match Exact::read(value) {
                Ok(read) => {
                    builder.append_value(read.value.0);
                    self.rounded += u64::from(read.rounded);
                    self.profile.count();
                    return Pushed::Amount(read.value);
                }
                Err(error) => {
                    builder.append_null();
                    reason(&error)
                }
            },
            Cells::Time(builder) => {
                if self.last_time.0 != value {
                    self.last_time = (value.to_owned(), moment::read(value));
                }
                builder.append_option(self.last_time.1);
                if let Some(micros) = self.last_time.1 {
                    self.profile.count();
                    return Pushed::Moment(micros);
                }
                "not a date like 2026-05-01T00:00:00Z"
            }
        };
        self.unreadable += 1;
        warnings.add(Trouble::Unreadable, place.line, Some(&self.name), || {
            let (cell, row) = (short(value), place.words());
            format!("`{cell}`{row} cannot be read ({unreadable}); the cell counts as missing, not as 0")
        });
        Pushed::Nothing
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
    rules: StringChunkedBuilder,
    rule_profile: Profile,
    classifier: Classifier,
    currency_at: Option<usize>,
    start_at: Option<usize>,
    end_at: Option<usize>,
    slicer: Slicer,
    sums: HashMap<String, Sums>,
    in_batch: usize,
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
                cells: Cells::new(&target.name, target.kind),
                profile: Profile::new(target.kind),
                empty: 0,
                unreadable: 0,
                rounded: 0,
                last_time: (String::new(), None),
                cost: COSTS.iter().position(|cost| *cost == target.name),
                nullable: !is_focus || columns::find(&target.name).is_none_or(|column| column.nullable),
            })
            .collect();
        let at = |name: &str| targets.iter().position(|target| target.name == name);
        Self {
            classifier: Classifier::new(&FactSource::of(at)),
            currency_at: at("BillingCurrency"),
            start_at: at("ChargePeriodStart"),
            end_at: at("ChargePeriodEnd"),
            slicer: Slicer::new(targets),
            columns,
            rules: StringChunkedBuilder::new(RULE_COLUMN.into(), BATCH_ROWS),
            rule_profile: Profile::new(ColumnType::Text),
            sums: HashMap::new(),
            in_batch: 0,
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

    /// Rows taken so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Says that the rows of the next file of the bill follow.
    pub fn begin_part(&mut self, part: usize) {
        self.slicer.begin_part(part);
    }

    /// Adds a row. `cells` has one entry for each target.
    ///
    /// # Errors
    /// A sum that does not fit.
    pub fn push(&mut self, cells: &[&str], place: Place, warnings: &mut Warnings) -> Result<(), BillError> {
        let currency = self.currency_at.map_or("", |at| value_of(cells[at]).unwrap_or(""));
        if !self.sums.contains_key(currency) {
            self.sums.insert(currency.to_owned(), Sums::default());
        }
        // INVARIANT: inserted above when absent.
        let Some(sums) = self.sums.get_mut(currency) else { return Ok(()) };
        sums.rows += 1;
        let (mut start, mut end, mut period) = (None, None, None);
        let period_at = self.slicer.period_at();
        for (index, (column, cell)) in self.columns.iter_mut().zip(cells).enumerate() {
            match column.push(value_of(cell), place, warnings) {
                Pushed::Amount(amount) => {
                    let Some(cost) = column.cost else { continue };
                    sums.filled[cost] += 1;
                    sums.costs[cost] = sums.costs[cost]
                        .checked_add(amount)
                        .ok_or_else(|| BillError::TooLarge { column: column.name.clone() })?;
                }
                Pushed::Moment(micros) if self.start_at == Some(index) => start = Some(micros),
                Pushed::Moment(micros) if self.end_at == Some(index) => end = Some(micros),
                Pushed::Moment(micros) if period_at == Some(index) => period = Some(micros),
                Pushed::Nothing | Pushed::Moment(_) => {}
            }
        }
        let rule = self.classifier.classify(cells);
        self.rules.append_option(rule);
        if let Some(rule) = rule {
            self.rule_profile.add(rule);
        }
        self.slicer.add(cells, period, start, end);
        self.first_start = earlier(self.first_start, start);
        self.last_end = self.last_end.max(end.or(start));
        self.in_batch += 1;
        self.rows += 1;
        Ok(())
    }

    /// True when [`Table::take`] should be called.
    pub fn is_full(&self) -> bool {
        self.in_batch >= BATCH_ROWS
    }

    /// The rows since the last call, as a batch.
    ///
    /// # Errors
    /// polars refuses the columns.
    pub fn take(&mut self) -> PolarsResult<DataFrame> {
        let mut series = Vec::with_capacity(self.columns.len() + 1);
        for column in &mut self.columns {
            let cells = std::mem::replace(&mut column.cells, Cells::new(&column.name, column.kind));
            if column.name != RULE_COLUMN {
                series.push(cells.finish()?.into_column());
            }
        }
        let rules =
            std::mem::replace(&mut self.rules, StringChunkedBuilder::new(RULE_COLUMN.into(), BATCH_ROWS));
        series.push(rules.finish().into_column());
        let height = std::mem::take(&mut self.in_batch);
        DataFrame::new(height, series)
    }

    /// Closes the books.
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
    if cell.is_empty() || cell == "NULL" || cell.trim().is_empty() { None } else { Some(cell) }
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
