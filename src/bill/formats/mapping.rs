//! What formats that are not FOCUS share: finding columns by name, and filling FOCUS columns row by row.

use super::{ColumnType, EachRow, Mapper, RowSink, SourceRow, Target};
use crate::bill::columns;
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

/// Hands the columns that every format fills, and then its own, to another macro. The common ones come first and in one
/// order, so that what all formats fill alike is filled in one place ([`Filled`]).
macro_rules! with_common {
    ($then:path; $($own:ident),* $(,)?) => {
        $then! {
            [BilledCost,
            EffectiveCost,
            ListCost,
            ContractedCost,
            BillingCurrency,
            PricingCurrency,
            BillingPeriodStart,
            BillingPeriodEnd,
            BillingAccountId,
            BillingAccountType,
            SubAccountId,
            SubAccountType,
            ProviderName,
            PublisherName,
            InvoiceIssuerName,
            ChargeCategory,
            ChargeDescription,
            ChargeFrequency,
            ChargePeriodStart,
            ChargePeriodEnd,
            ServiceName,
            ServiceCategory,
            ServiceSubcategory,
            SkuId,
            SkuMeter,
            ConsumedQuantity,
            ConsumedUnit,]
            $($own),*
        }
    };
}
pub(super) use with_common;

/// An enum of columns whose numbers are their places, and a list of their names.
macro_rules! define_outputs {
    ([$($common:ident),* $(,)?] $($own:ident),* $(,)?) => {
        /// The columns that this format fills.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(non_camel_case_types, reason = "FOCUS writes x_ before columns that are not its own")]
        enum Out {
            $(#[allow(dead_code, reason = "what is filled alike in all formats is filled by `Filled`")] $common,)*
            $($own),*
        }

        impl Out {
            /// Their names, in order.
            const NAMES: &[&str] = &[$(stringify!($common),)* $(stringify!($own)),*];
        }

        impl From<Out> for usize {
            fn from(column: Out) -> usize {
                column as usize
            }
        }
    };
}
pub(super) use define_outputs;

/// Names the columns that a format fills beside those that every format does.
macro_rules! outputs {
    ($($own:ident),* $(,)?) => {
        $crate::bill::formats::mapping::with_common!($crate::bill::formats::mapping::define_outputs; $($own),*);
    };
}
pub(super) use outputs;

/// The same for [`Filled`], which knows only what is common.
macro_rules! define_common {
    ([$($column:ident),* $(,)?]) => {
        #[derive(Debug, Clone, Copy)]
        #[allow(dead_code, reason = "some of the columns are set by the formats alone; all have their places")]
        enum Common { $($column),* }

        impl From<Common> for usize {
            fn from(column: Common) -> usize {
                column as usize
            }
        }
    };
}
with_common!(define_common;);

/// A header, to find columns in.
pub struct Header<'h> {
    names: &'h [String],
}

impl<'h> Header<'h> {
    /// Of these names.
    pub fn new(names: &'h [String]) -> Self {
        Self { names }
    }

    /// The place of the first of `names` that the header has, however it is capitalised. A localised name that
    /// carries the English one in brackets, `Ressourcengruppe (ResourceGroup)`, is found by both; a column of exactly
    /// that name goes before it.
    pub fn at(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|wanted| {
            let is = |name: &str| name.trim().eq_ignore_ascii_case(wanted);
            let localised = || self.names.iter().position(|name| bracketed(name).is_some_and(is));
            self.names.iter().position(|name| is(name)).or_else(localised)
        })
    }

    /// Whether all of these are there.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.at(&[name]).is_some())
    }
}

/// The text in the brackets that end a name.
fn bracketed(name: &str) -> Option<&str> {
    let (_, inside) = name.trim().strip_suffix(')')?.rsplit_once('(')?;
    Some(inside)
}

/// The cell of a column; empty where the file has no such column, or the cell has no value.
pub fn cell<'c>(cells: &[&'c str], at: Option<usize>) -> &'c str {
    match at.and_then(|at| cells.get(at)) {
        Some(text) => trimmed(text),
        None => "",
    }
}

/// A cell without the blanks around it; empty where it says that it has no value.
pub fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_plain = |byte: Option<&u8>| byte.is_some_and(|byte| (b'!'..=b'~').contains(byte));
    // Nearly all cells have no blanks around them, which their ends tell.
    let text = if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() };
    if text == "NULL" { "" } else { text }
}

/// Cells being filled: one for each column that the format fills, empty until it is.
#[derive(Debug, Default)]
pub struct Filled {
    cells: Vec<String>,
}

impl Filled {
    /// Sets a column.
    pub fn set(&mut self, column: impl Into<usize>, text: &str) {
        let cell = &mut self.cells[column.into()];
        cell.clear();
        cell.push_str(text);
    }

    /// Empties columns.
    pub fn clear(&mut self, columns: &[usize]) {
        for column in columns {
            self.cells[*column].clear();
        }
    }

    /// Sets a column to an amount.
    pub fn set_amount(&mut self, column: impl Into<usize>, amount: Exact) {
        self.cells[column.into()] = amount.to_string();
    }

    /// What a column was set to.
    pub fn get(&self, column: impl Into<usize>) -> &str {
        &self.cells[column.into()]
    }

    /// One firm provides, publishes and invoices it.
    pub fn sold_by(&mut self, name: &str) {
        for column in [Common::ProviderName, Common::PublisherName, Common::InvoiceIssuerName] {
            self.set(column, name);
        }
    }

    /// The account that is billed, and what the seller calls such; without an id it is of no type.
    pub fn account(&mut self, id: &str, kind: &str) {
        self.set(Common::BillingAccountId, id);
        self.set(Common::BillingAccountType, if id.is_empty() { "" } else { kind });
    }

    /// The account that used it, and what the seller calls such; without an id it is of no type.
    pub fn sub_account(&mut self, id: &str, kind: &str) {
        self.set(Common::SubAccountId, id);
        self.set(Common::SubAccountType, if id.is_empty() { "" } else { kind });
    }

    /// The currency, where prices are in the one that is billed.
    pub fn currency(&mut self, name: &str) {
        self.set(Common::BillingCurrency, name);
        self.set(Common::PricingCurrency, name);
    }

    /// Category and subcategory of the service.
    pub fn service_place(&mut self, (category, subcategory): (&str, &str)) {
        self.set(Common::ServiceCategory, category);
        self.set(Common::ServiceSubcategory, subcategory);
    }

    /// What kind of charge it is, and how often it comes.
    pub fn charge(&mut self, category: &str, frequency: &str) {
        self.set(Common::ChargeCategory, category);
        self.set(Common::ChargeFrequency, frequency);
    }

    /// Without a commitment what is billed is what was agreed on and what it effectively cost; nothing where that is
    /// not told.
    pub fn paid(&mut self, amount: Option<Exact>) {
        for column in [Common::BilledCost, Common::EffectiveCost, Common::ContractedCost] {
            if let Some(amount) = amount {
                self.set_amount(column, amount);
            }
        }
    }

    /// When it was used, in microseconds.
    pub fn charge_period(&mut self, start: Option<i64>, end: Option<i64>) {
        for (column, moment) in [(Common::ChargePeriodStart, start), (Common::ChargePeriodEnd, end)] {
            self.set(column, &moment.map(moment::show).unwrap_or_default());
        }
    }

    /// It is billed with the calendar month of a moment; with none where that is not told.
    pub fn billed_with(&mut self, moment: Option<i64>) {
        let (first, next) = (moment.and_then(moment::month_start), moment.and_then(moment::next_month));
        for (column, moment) in [(Common::BillingPeriodStart, first), (Common::BillingPeriodEnd, next)] {
            self.set(column, &moment.map(moment::show).unwrap_or_default());
        }
    }
}

/// How a format fills its columns from a row of the file.
pub trait Fill: Send {
    /// Fills the columns, which are all empty; false leaves the row out, and then `warnings` says why.
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool;

    /// Fills again what may be other than in the row before, when that became one row: what was filled for it is still
    /// there, and the cells of the file differ in the columns `changed` only. Returns the columns that may have another
    /// value now; `None` where it is not as simple, and then nothing is done and nothing said.
    fn refill(
        &mut self,
        _cells: &[&str],
        _changed: &[usize],
        _filled: &mut Filled,
        _place: Place,
        _warnings: &mut Warnings,
    ) -> Option<&'static [usize]> {
        None
    }

    /// Asked after each row: turns what was filled into a further row of the same source row; false when there is
    /// none.
    fn further(&mut self, _filled: &mut Filled) -> bool {
        false
    }

    /// A column of the file that counts once, such as an amount: it stays empty in further rows.
    fn counts_once(&self, _column: usize) -> bool {
        false
    }

    /// Says what is only known once all rows are in.
    fn finish(&mut self, _warnings: &mut Warnings) {}
}

/// A mapper that fills some columns and keeps the file's others as they are.
pub struct Mapping<F> {
    fill: F,
    filled: Filled,
    kept: Vec<usize>,
    /// Of each column of the file where it is among the cells handed on, if it is kept.
    kept_at: Vec<Option<usize>>,
    /// The row before became one row, and what is filled is of it.
    follows: bool,
    /// Memory for the columns that changed.
    changed: Vec<usize>,
}

impl<F: Fill> Mapping<F> {
    /// For the columns `fills` (FOCUS names and `x_` names), with the columns of `header` that are not in `used`
    /// kept under their own names. The targets belong into [`super::Plan::targets`].
    pub fn new(fill: F, fills: &[&str], header: &[String], used: &[usize]) -> (Vec<Target>, Self) {
        let target = |name: &str| Target {
            name: name.to_owned(),
            kind: columns::find(name).map_or(ColumnType::Text, |c| c.kind),
        };
        let mut targets: Vec<Target> = fills.iter().map(|name| target(name)).collect();
        let mut kept = Vec::new();
        for (place, name) in header.iter().enumerate() {
            if used.contains(&place) {
                continue;
            }
            let name = if name.trim().is_empty() {
                format!("x_Unnamed{}", place + 1)
            } else {
                name.trim().to_owned()
            };
            let taken = |name: &str| {
                targets.iter().any(|target| target.name.eq_ignore_ascii_case(name))
                    || columns::find(name).is_some()
            };
            // A column of the file may be called as one that is filled: it is kept, under another name.
            let name = if taken(&name) { format!("x_Source_{name}") } else { name };
            let name = if taken(&name) { format!("{name}_{}", place + 1) } else { name };
            targets.push(Target { name, kind: ColumnType::Text });
            kept.push(place);
        }
        let filled = Filled { cells: vec![String::new(); fills.len()] };
        let mut kept_at = vec![None; header.len()];
        for (number, place) in kept.iter().enumerate() {
            kept_at[*place] = Some(fills.len() + number);
        }
        (targets, Self { fill, filled, kept, kept_at, follows: false, changed: Vec::new() })
    }
}

impl<F> Mapping<F> {
    /// What is filled, and the cells of the file that are kept.
    fn handed_on<'c>(&'c self, cells: &[&'c str]) -> Vec<&'c str> {
        let filled = self.filled.cells.iter().map(String::as_str);
        let kept = self.kept.iter().map(|place| cells.get(*place).copied().unwrap_or(""));
        filled.chain(kept).collect()
    }

    /// What fills the columns, for a mapper that makes several rows of one.
    pub fn fill_mut(&mut self) -> &mut F {
        &mut self.fill
    }
}

impl<F: Fill> Mapper for Mapping<F> {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        for cell in &mut self.filled.cells {
            cell.clear();
        }
        if !self.fill.fill(cells, &mut self.filled, place, warnings) {
            return Ok(());
        }
        row(&self.handed_on(cells), place, warnings)?;
        while self.fill.further(&mut self.filled) {
            let filled = self.filled.cells.iter().map(String::as_str);
            let kept = self.kept.iter().map(|place| {
                if self.fill.counts_once(*place) { "" } else { cells.get(*place).copied().unwrap_or("") }
            });
            let all: Vec<&str> = filled.chain(kept).collect();
            row(&all, place, warnings)?;
        }
        Ok(())
    }

    fn map_changed(
        &mut self,
        row: &SourceRow<'_>,
        warnings: &mut Warnings,
        sink: &mut dyn RowSink,
    ) -> Result<(), BillError> {
        let SourceRow { cells, place, changed } = *row;
        let follows = std::mem::take(&mut self.follows);
        if let Some(changed) = changed.filter(|_| follows)
            && let Some(refilled) = self.fill.refill(cells, changed, &mut self.filled, place, warnings)
        {
            self.follows = true;
            self.changed.clear();
            self.changed.extend_from_slice(refilled);
            self.changed
                .extend(changed.iter().filter_map(|column| self.kept_at.get(*column).copied().flatten()));
            return sink.take(&self.handed_on(cells), Some(&self.changed), place, warnings);
        }
        let mut rows = 0;
        self.map(cells, place, warnings, &mut |cells, place, warnings| {
            rows += 1;
            sink.take(cells, None, place, warnings)
        })?;
        self.follows = rows == 1;
        Ok(())
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        self.fill.finish(warnings);
    }
}

/// The amount in a cell that a formula needs; a cell that is no number is a warning and `None`. An empty cell is
/// `None` without one.
pub fn amount(text: &str, column: &str, place: Place, warnings: &mut Warnings) -> Option<Exact> {
    if text.is_empty() {
        return None;
    }
    match Exact::read(text) {
        Ok(read) => Some(read.value),
        Err(error) => {
            warnings.add(Trouble::Unreadable, place.line, Some(column), || {
                format!("{error}; the cell counts as missing, not as 0")
            });
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum;

    outputs!(x_Kind);

    impl Fill for Sum {
        fn fill(
            &mut self,
            cells: &[&str],
            filled: &mut Filled,
            place: Place,
            warnings: &mut Warnings,
        ) -> bool {
            let add = |at| amount(cell(cells, Some(at)), "a", place, warnings).unwrap_or_default();
            let [a, b] = [0, 1].map(add);
            filled.set_amount(Out::BilledCost, a.checked_add(b).unwrap());
            filled.set(Out::x_Kind, "sum");
            cells[0] != "skip"
        }
    }

    #[test]
    fn columns_are_filled_and_the_others_kept() {
        let header = ["a", "b", "BilledCost", "", "note"].map(str::to_owned);
        let (targets, mut mapping) = Mapping::new(Sum, Out::NAMES, &header, &[0, 1]);
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names[0], "BilledCost");
        assert_eq!(names[27..], ["x_Kind", "x_Source_BilledCost", "x_Unnamed4", "note"]);
        assert_eq!(targets[0].kind, ColumnType::Decimal);
        let mut rows = Vec::new();
        let mut warnings = Warnings::new("f.csv");
        let place = Place { line: Some(2), row: 1 };
        for cells in [["1.25", "2", "9", "", "n"], ["skip", "", "", "", ""], ["x", "1", "", "u", ""]] {
            mapping
                .map(&cells, place, &mut warnings, &mut |cells, _, _| {
                    rows.push(cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>());
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!([&rows[0][0], &rows[1][0]], ["3.25", "1"]);
        assert_eq!([&rows[0][27..], &rows[1][27..]], [["sum", "9", "", "n"], ["sum", "", "u", ""]]);
        // `skip` and `x` are no numbers.
        assert_eq!(warnings.finish().1, 2);
    }

    #[test]
    fn a_localised_name_is_found_by_the_name_in_its_brackets() {
        let names = ["Ressourcengruppe (ResourceGroup)", "MeterId"].map(str::to_owned);
        let header = Header::new(&names);
        assert_eq!(header.at(&["resourcegroup"]), Some(0));
        assert_eq!(header.at(&["Nothing", "meterid"]), Some(1));
        assert!(header.has(&["MeterId", "ResourceGroup"]) && !header.has(&["MeterId", "Cost"]));
        let names = ["Effective (Cost)", "Cost"].map(str::to_owned);
        assert_eq!(Header::new(&names).at(&["Cost"]), Some(1));
    }
}
