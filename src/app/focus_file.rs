//! Writes the open bills as FOCUS, off the caller's thread.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::jobs::JobId;
use super::{App, info, words};
use crate::bill::{Bill, Filter, FocusFile, Store};
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
        let hashes: Vec<String> = self.state.bills.iter().map(|bill| bill.hash.clone()).collect();
        let store = Store::at(self.options.folders.bills());
        let rules = self.state.rules.clone();
        let name = to.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(self.jobs.start(format!("Write {name}"), move |link| {
            let bill = Bill::open(&hashes, &store).map_err(|error| words(&error))?.with_rules(&rules, &store);
            let rows = bill.write_focus(&filters, &to, form, &|| link.cancel.is_cancelled());
            let rows = rows.map_err(|error| words(&error))?;
            let rows = units::group_thousands(u128::from(rows));
            link.found(info(&format!("{rows} rows written as FOCUS 1.2: {}", to.display())));
            Ok(())
        }))
    }
}
