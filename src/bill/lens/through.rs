//! Bills looked at through rules: which columns they then have, and where the rows with them come from.

use std::collections::BTreeSet;

use polars::prelude::LazyFrame;

use super::{CLASS_COLUMN, DIMENSION_PREFIX, LINE_COLUMN, Lens, Line, RuleSet};
use crate::bill::ColumnView;
use crate::bill::columns::ColumnType;
use crate::bill::error::BillError;
use crate::bill::profile::Values;
use crate::bill::query::{Bill, Part};
use crate::bill::rules::Class;
use crate::bill::store::Store;

impl Part {
    /// The rows with what the inference rules say of them, where one of these columns asks for it.
    pub(in crate::bill) fn scan_for<'n>(
        &self,
        columns: impl IntoIterator<Item = &'n str>,
    ) -> Result<LazyFrame, BillError> {
        self.with_lens(self.scan()?, columns)
    }

    /// The same for some of the rows.
    pub(in crate::bill) fn with_lens<'n>(
        &self,
        frame: LazyFrame,
        columns: impl IntoIterator<Item = &'n str>,
    ) -> Result<LazyFrame, BillError> {
        match self.lens.as_ref().filter(|lens| lens.is_needed(self, columns)) {
            Some(lens) => lens.attach(self, frame),
            None => Ok(frame),
        }
    }

    /// Whether one of these columns asks for what the rules say.
    pub(in crate::bill) fn needs_lens<'n>(&self, columns: impl IntoIterator<Item = &'n str>) -> bool {
        self.lens.as_ref().is_some_and(|lens| lens.is_needed(self, columns))
    }

    /// The name of the bill in the store.
    pub(in crate::bill) fn hash(&self) -> &str {
        &self.imported.hash
    }

    /// The columns in the store, with their types.
    pub(in crate::bill) fn stored_columns(&self) -> impl Iterator<Item = (&str, ColumnType)> {
        let names = self.imported.columns.iter().map(String::as_str);
        names.zip(self.imported.profiles.iter().map(|profile| profile.kind))
    }

    /// Whether the store has the column.
    pub(in crate::bill) fn is_stored(&self, column: &str) -> bool {
        self.imported.columns.iter().any(|name| name == column)
    }

    pub(in crate::bill) fn is_of_lens(&self, column: &str) -> bool {
        self.lens.as_ref().is_some_and(|lens| lens.columns().iter().any(|name| name == column))
    }

    /// The column of this name, however it is capitalised, stored or of the lens.
    pub(in crate::bill) fn named(&self, wanted: &str) -> Option<String> {
        let stored = self.imported.columns.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
        stored.or_else(|| {
            let columns = self.lens.as_ref()?.columns();
            columns.into_iter().find(|name| name.eq_ignore_ascii_case(wanted))
        })
    }
}

impl Bill {
    /// The same bills looked at through these rules: `x_InferenceRule` says what they say, and the columns of
    /// [`crate::bill::lens`] are there to group and filter by.
    #[must_use]
    pub fn with_rules(self, rules: &RuleSet, store: &Store) -> Self {
        self.with_lens(&Lens::new(rules.clone(), store))
    }

    pub(in crate::bill) fn with_lens(mut self, lens: &Lens) -> Self {
        for part in &mut self.parts {
            part.lens = Some(lens.for_part());
        }
        self
    }

    /// The rules it is looked at through; the built-in ones where none were given.
    pub fn rules(&self) -> RuleSet {
        let lens = self.parts.iter().find_map(|part| part.lens.as_ref());
        lens.map(|lens| lens.rules().clone()).unwrap_or_default()
    }

    /// The columns that rules add and people group by; values of dimensions are not known before somebody asks.
    pub(in crate::bill) fn lens_columns(&self) -> Vec<ColumnView> {
        let Some(lens) = self.parts.iter().find_map(|part| part.lens.as_ref()) else { return Vec::new() };
        let known = |name: &str| -> BTreeSet<String> {
            match name {
                CLASS_COLUMN => Class::ALL.map(|class| class.id().to_owned()).into(),
                LINE_COLUMN => Line::ALL.map(|line| line.id().to_owned()).into(),
                _ => BTreeSet::new(),
            }
        };
        let of_people = |name: &String| {
            [CLASS_COLUMN, LINE_COLUMN].contains(&name.as_str()) || name.starts_with(DIMENSION_PREFIX)
        };
        let view = |name: String| {
            let values = Values { filled: 0, values: known(&name), more: false };
            ColumnView { name, kind: ColumnType::Text, values, groupable: true }
        };
        lens.columns().into_iter().filter(of_people).map(view).collect()
    }
}
