//! Puts what the rules say beside the rows of a bill, as columns that every query can group and filter by.
//!
//! Rules look at some columns only, and most rows look alike in them. So the distinct sets of cells are found first,
//! judged once each, and joined to the rows. The judged sets are kept beside the bill in the store, under the name of
//! the rules, until other rules take their place.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use polars::prelude::*;

use super::compiled::{self, Compiled};
use super::ruleset::RuleSet;
use super::{CANDIDATE_COLUMN, CLASS_COLUMN, LINE_COLUMN};
use crate::bill::columns::ColumnType;
use crate::bill::error::BillError;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::parquet_rows::scan;
use crate::bill::query::{Part, Query};
use crate::bill::store::{READER_VERSION, Store};

/// Raised whenever the same rules say something else of the same row: the kept answers are then found again.
const LENS_VERSION: u32 = 2;
/// Rule sets whose answers are kept for a bill.
const KEPT: usize = 4;
/// One bill is judged at a time: whoever waits finds the answers of the one before.
static JUDGING: Mutex<()> = Mutex::new(());

/// The rules that a bill is looked at through.
#[derive(Debug, Clone)]
pub(in crate::bill) struct Lens {
    rules: Arc<RuleSet>,
    store: Store,
    /// A rule being written: nothing is kept of what it finds.
    draft: Option<Arc<DraftOf>>,
    judged: Arc<OnceLock<Judged>>,
}

/// The distinct sets of cells and what the rules say of each.
struct Judged(LazyFrame);

impl std::fmt::Debug for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judged")
    }
}

/// Says what the rules make of cells, wherever they come from.
pub(in crate::bill) struct Judge {
    compiled: Compiled,
    /// The rules without the draft, and the draft's place among those with it.
    before: Option<(Compiled, usize)>,
    /// The columns whose cells it looks at, in order.
    pub(in crate::bill) on: Vec<String>,
}

impl Judge {
    /// The values of [`Lens::columns`] in their order; `cells` are those of [`Judge::on`], empty where there is no value.
    pub(in crate::bill) fn values(&self, cells: &[&str]) -> Vec<Option<String>> {
        let id = |of: &Compiled, rule: Option<usize>| rule.and_then(|rule| of.ids.get(rule)).cloned();
        let verdict = self.compiled.judge(cells);
        let mut values = vec![
            id(&self.compiled, verdict.rule),
            verdict.class.map(|(class, _)| class.id().to_owned()),
            verdict.class.map(|(_, line)| line.id().to_owned()),
            verdict.candidate,
        ];
        values.extend(verdict.dimensions);
        if let Some((before, draft)) = &self.before {
            values.push(id(before, before.judge(cells).rule));
            values.push(self.compiled.holds(*draft, cells).then(|| "yes".to_owned()));
        }
        values
    }
}

/// What a preview asks beside the rules: how the rows stood before, and which the draft fits.
#[derive(Debug)]
pub(super) struct DraftOf {
    /// The rules as they are.
    pub(super) before: RuleSet,
    /// The place of the draft in the rules as they would be.
    pub(super) place: usize,
}

/// The rule that a row has without the draft.
pub(super) const BEFORE_COLUMN: &str = "x_InferenceRuleBefore";
/// `yes` where the conditions of the draft hold.
pub(super) const FITS_COLUMN: &str = "x_InferenceRuleFits";

impl Lens {
    pub(in crate::bill) fn new(rules: RuleSet, store: &Store) -> Self {
        Self { rules: Arc::new(rules), store: store.clone(), draft: None, judged: Arc::default() }
    }

    pub(super) fn with_draft(rules: RuleSet, draft: DraftOf, store: &Store) -> Self {
        Self { draft: Some(Arc::new(draft)), ..Self::new(rules, store) }
    }

    /// The same rules for another part of the bill.
    pub(in crate::bill) fn for_part(&self) -> Self {
        Self { judged: Arc::default(), ..self.clone() }
    }

    /// The rules.
    pub(in crate::bill) fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The rules made ready for cells of columns that `stored` knows, by their names there.
    pub(in crate::bill) fn judge_of(&self, stored: impl Fn(&str) -> Option<String>) -> Judge {
        self.judge_on(self.columns_on(stored))
    }

    fn judge_on(&self, on: Vec<String>) -> Judge {
        let before = self.draft.as_ref().map(|draft| (Compiled::new(&draft.before, &on), draft.place));
        Judge { compiled: Compiled::new(&self.rules, &on), before, on }
    }

    /// The columns that the rules look at, those of a draft's time before too.
    fn columns_on(&self, stored: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let mut columns = compiled::columns(&self.rules, &stored);
        if let Some(draft) = &self.draft {
            for column in compiled::columns(&draft.before, &stored) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        columns
    }

    /// The columns that it adds. The rule's own is stored with the bill, too; the stored one serves while the rules
    /// are as they come.
    pub(in crate::bill) fn columns(&self) -> Vec<String> {
        let mut columns = vec![
            RULE_COLUMN.to_owned(),
            CLASS_COLUMN.to_owned(),
            LINE_COLUMN.to_owned(),
            CANDIDATE_COLUMN.to_owned(),
        ];
        columns.extend(self.rules.dimensions.iter().map(|one| super::dimension_column(&one.name)));
        if self.draft.is_some() {
            columns.extend([BEFORE_COLUMN.to_owned(), FITS_COLUMN.to_owned()]);
        }
        columns
    }

    /// Whether a query that names these columns needs what the lens adds.
    pub(in crate::bill) fn is_needed<'n>(
        &self,
        part: &Part,
        names: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let columns = self.columns();
        // What an older reader has stored was said by older rules.
        let is_current = part.hash().ends_with(&format!("-{READER_VERSION}"));
        let stored_will_do = is_current && self.draft.is_none() && self.rules.rules_are_default();
        names.into_iter().any(|name| {
            columns.iter().any(|column| column == name) && !(stored_will_do && name == RULE_COLUMN)
        })
    }

    /// The rows of a part with what the rules say of them.
    pub(in crate::bill) fn attach(&self, part: &Part, frame: LazyFrame) -> Result<LazyFrame, BillError> {
        let on = self.looked_at(part);
        if on.is_empty() {
            // A bill without a column of words that a rule looks at: no rule fires.
            let none = self.columns().into_iter().map(|name| lit(NULL).cast(DataType::String).alias(name));
            return Ok(frame.with_columns(none.collect::<Vec<_>>()));
        }
        let judged = self.judged(part, &on)?;
        // The stored answer of the built-in rules gives way.
        let frame = if part.is_stored(RULE_COLUMN) {
            frame.drop(Selector::ByName { names: [PlSmallStr::from(RULE_COLUMN)].into(), strict: true })
        } else {
            frame
        };
        let keys: Vec<Expr> = on.iter().map(|name| col(name.as_str())).collect();
        Ok(frame
            .join_builder()
            .with(judged)
            .how(JoinType::Left)
            .left_on(&keys)
            .right_on(&keys)
            .join_nulls(true)
            .maintain_order(MaintainOrderJoin::Left)
            .finish())
    }

    /// The stored columns of words that the rules look at.
    fn looked_at(&self, part: &Part) -> Vec<String> {
        let stored = |name: &str| {
            part.stored_columns()
                .find(|(known, kind)| {
                    known.eq_ignore_ascii_case(name)
                        && matches!(kind, ColumnType::Text | ColumnType::Json)
                        && *known != RULE_COLUMN
                })
                .map(|(known, _)| known.to_owned())
        };
        self.columns_on(stored)
    }

    fn judged(&self, part: &Part, on: &[String]) -> Result<LazyFrame, BillError> {
        if let Some(judged) = self.judged.get() {
            return Ok(judged.0.clone());
        }
        let _one = JUDGING.lock().unwrap_or_else(PoisonError::into_inner);
        let judged = if self.draft.is_some() {
            self.judge(part, on)?.lazy()
        } else {
            let path = self.kept_path(part);
            if !path.is_file() {
                let frame = self.judge(part, on)?;
                self.keep(&path, frame, part)?;
            }
            let failed = |source| BillError::Query { doing: "open what the rules said", source };
            scan(&path).map_err(failed)?
        };
        Ok(self.judged.get_or_init(|| Judged(judged)).0.clone())
    }

    /// `<hash>.rules-<version>-<name of the rules>.parquet`.
    fn kept_path(&self, part: &Part) -> PathBuf {
        let rules = self.rules.fingerprint();
        self.store.folder().join(format!("{}.rules-{LENS_VERSION}-{rules}.parquet", part.hash()))
    }

    fn keep(&self, path: &std::path::Path, mut frame: DataFrame, part: &Part) -> Result<(), BillError> {
        let error =
            |source| BillError::Store { doing: "keep what the rules said", path: path.to_owned(), source };
        let mut file = self.store.temporary()?;
        ParquetWriter::new(file.as_file_mut())
            .finish(&mut frame)
            .map_err(|source| BillError::Query { doing: "write what the rules said", source })?;
        file.persist(path).map_err(|persist| error(persist.error))?;
        // What earlier rules said is of use only as long as somebody goes back to them.
        let start = format!("{}.rules-", part.hash());
        let entries = std::fs::read_dir(self.store.folder()).map_err(error)?;
        let mut old: Vec<(std::time::SystemTime, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        old.sort();
        let surplus = old.len().saturating_sub(KEPT);
        for (_, gone) in old.into_iter().take(surplus).filter(|(_, gone)| gone != path) {
            // Another process may have it open, or have removed it; it is only a copy.
            let _ = std::fs::remove_file(gone);
        }
        Ok(())
    }

    /// Judges each distinct set of cells.
    fn judge(&self, part: &Part, on: &[String]) -> Result<DataFrame, BillError> {
        let doing = "try the inference rules";
        let failed = |source| BillError::Query { doing, source };
        let keys: Vec<Expr> = on.iter().map(|name| col(name.as_str())).collect();
        let query = part.stored()?.group_by(keys).agg([len().alias("rows_alike")]);
        let frame = Query(doing).collect(query)?;
        let judge = self.judge_on(on.to_vec());
        let text = |name: &str| frame.column(name).and_then(|column| column.str().cloned()).map_err(failed);
        let cells = on.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
        let names = self.columns();
        let mut built: Vec<StringChunkedBuilder> = names
            .iter()
            .map(|name| StringChunkedBuilder::new(name.as_str().into(), frame.height()))
            .collect();
        let mut row: Vec<&str> = Vec::with_capacity(on.len());
        for place in 0..frame.height() {
            row.clear();
            row.extend(cells.iter().map(|column| column.get(place).unwrap_or_default()));
            for (builder, value) in built.iter_mut().zip(judge.values(&row)) {
                builder.append_option(value);
            }
        }
        let mut judged = frame.select(on.iter().map(String::as_str)).map_err(failed)?;
        for builder in built {
            judged.with_column(builder.finish().into_column()).map_err(failed)?;
        }
        Ok(judged)
    }
}
