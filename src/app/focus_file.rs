//! Writes the open bills as FOCUS, off the caller's thread.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::jobs::JobId;
use super::{App, Finding, Level, Notice, info, words};
use crate::bill::{Bill, Filter, FocusFile, Store, Written};
use crate::units;

impl App {
    /// Writes the rows that all filters hold for to a file whose ending tells the form; a file that is there already
    /// is only lost where `replace` says so.
    pub(super) fn write_focus(
        &mut self,
        filters: Vec<Filter>,
        to: PathBuf,
        replace: bool,
    ) -> anyhow::Result<JobId> {
        let form = FocusFile::of_name(&to)
            .with_context(|| format!("a FOCUS file ends in .csv or .parquet: {}", to.display()))?;
        if self.state.bills.is_empty() {
            bail!("no bill is open; import one first");
        }
        if to.exists() && !replace {
            bail!("there is a file of this name already; choose another: {}", to.display());
        }
        let bills = self.counted();
        let store = Store::at(self.options.folders.bills());
        let rules = self.state.rules.clone();
        let name = to.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(self.jobs.start(format!("Write {name}"), move |link| {
            let bill = Bill::open_counted(&bills, &store).map_err(|error| words(&error))?;
            let bill = bill.with_rules(&rules, &store);
            let written = bill.write_focus(&filters, &to, form, &|| link.cancel.is_cancelled());
            let written = written.map_err(|error| words(&error))?;
            let rows = units::group_thousands(u128::from(written.rows));
            link.found(info(&format!("{rows} rows written as FOCUS 1.2: {}", to.display())));
            if let Some(text) = untold(&written) {
                link.found(Finding::Notice(Notice { level: Level::Warning, text }));
            }
            Ok(())
        }))
    }
}

/// What FOCUS demands and the bills do not tell; `None` when they tell all.
fn untold(written: &Written) -> Option<String> {
    let Written { rows, untold } = written;
    if untold.is_empty() {
        return None;
    }
    let named: Vec<String> = untold
        .iter()
        .map(|(column, count)| {
            if count == rows {
                column.clone()
            } else {
                format!("{column} (in {} rows)", units::group_thousands(u128::from(*count)))
            }
        })
        .collect();
    Some(format!(
        "FOCUS 1.2 demands values that the bill does not tell; they are null, never made up: {}",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bill_does_not_tell_is_named() {
        let written = |untold: &[(&str, u64)]| Written {
            rows: 2_000,
            untold: untold.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        };
        assert_eq!(untold(&written(&[])), None);
        let text = untold(&written(&[("ListCost", 2_000), ("ServiceName", 1_200)])).unwrap();
        assert!(text.ends_with("made up: ListCost, ServiceName (in 1,200 rows)"), "{text}");
    }
}
