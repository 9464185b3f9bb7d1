//! Bills that live in a warehouse: tried, connected, kept in the project without secrets.
//!
//! A project only names a table and how it is reached. Nothing is connected when a project is opened: it may come from
//! somebody else, and connecting sends what is in the user's environment to the address it names.

use super::jobs::{JobId, Link, Progress};
use super::project::Project;
use super::{App, Command, Finding, info, words};
use crate::bill::Imported;
use crate::bill::warehouse::{self, Found, Look, Secrets, Spec, Stop, Table, WarehouseError};

/// Kind of the project's items.
pub(super) const KIND: &str = "warehouse";

/// The last try to reach a table.
#[derive(Debug, Clone)]
pub struct WarehouseTry {
    /// What was tried.
    pub spec: Spec,
    /// What was found, or why not.
    pub outcome: Result<Found, String>,
    /// The SQL of a view in FOCUS, where the table is another export that such a view is known of.
    pub view: Option<String>,
}

/// A question that ends when its job is cancelled.
pub(super) fn stop_of(link: &Link<Finding>) -> Stop {
    let cancel = link.cancel.clone();
    Stop::when(move || cancel.is_cancelled())
}

impl App {
    /// Does what a command about warehouses says; any other does nothing.
    pub(super) fn handle_warehouse(&mut self, command: Command) -> anyhow::Result<Option<JobId>> {
        Ok(match command {
            Command::TryWarehouse(spec, secrets) => Some(self.try_warehouse(*spec, secrets)?),
            Command::ConnectWarehouse(spec, secrets, look) => {
                Some(self.connect_warehouse(*spec, secrets, look)?)
            }
            _ => None,
        })
    }

    /// Connects and tells what the table is; nothing is kept.
    fn try_warehouse(&mut self, spec: Spec, secrets: Secrets) -> anyhow::Result<JobId> {
        spec.check()?;
        self.state.warehouse_try = None;
        let program = self.options.launcher.program().to_owned();
        Ok(self.jobs.start(try_title(&spec), move |link| {
            let stop = stop_of(link);
            let outcome =
                Table::connect(&spec, &secrets, &program, &stop).and_then(|table| table.look(&stop));
            let view = match &outcome {
                Err(WarehouseError::NotABill { view, .. }) => view.clone(),
                _ => None,
            };
            let outcome = outcome.map_err(|error| words(&error));
            link.found(Finding::WarehouseTried(Box::new(WarehouseTry { spec, outcome, view })));
            Ok(())
        }))
    }

    /// Connects a table, looks it through and takes it among the bills.
    fn connect_warehouse(&mut self, spec: Spec, secrets: Secrets, look: Look) -> anyhow::Result<JobId> {
        spec.check()?;
        let program = self.options.launcher.program().to_owned();
        Ok(self.jobs.start(connect_title(&spec), move |link| {
            let stop = stop_of(link);
            let mut progress = |done: f64, doing: &str| {
                link.progress(Progress { fraction: Some(done), doing: doing.to_owned(), seconds_left: None });
            };
            progress(0.0, "Connecting");
            let table = Table::connect(&spec, &secrets, &program, &stop).map_err(|error| words(&error))?;
            let table = table.look_through(look, &stop, &mut progress).map_err(|error| words(&error))?;
            let imported = warehouse::register(table).map_err(|error| words(&error))?;
            link.found(info(&format!(
                "{} is connected: {}, {} rows",
                spec.place(),
                imported.kind,
                crate::units::group_thousands(u128::from(imported.rows))
            )));
            link.found(Finding::Warehouse(Box::new(spec), Box::new(imported)));
            Ok(())
        }))
    }

    /// Keeps a connected table in the project.
    pub(super) fn take_warehouse(&mut self, spec: Spec, imported: Imported) -> anyhow::Result<()> {
        self.project.put(KIND, &imported.hash, self.state.warehouses.len(), &spec)?;
        self.state.warehouses.insert(imported.hash.clone(), spec);
        self.take_bill(imported)
    }

    /// Forgets a table that is taken out of the project.
    pub(super) fn remove_warehouse(&mut self, hash: &str) -> anyhow::Result<()> {
        if self.state.warehouses.remove(hash).is_some() {
            self.project.remove(KIND, hash)?;
            warehouse::forget(hash);
        }
        Ok(())
    }
}

/// The tables a project names, by hash.
pub(super) fn of_project(project: &Project) -> anyhow::Result<std::collections::BTreeMap<String, Spec>> {
    let all: Vec<(String, Spec)> = project.all(KIND)?;
    for (_, spec) in &all {
        warehouse::announce(spec);
    }
    Ok(all.into_iter().collect())
}

/// Title of the job that tries a table.
pub fn try_title(spec: &Spec) -> String {
    format!("Try {}", spec.table.trim())
}

/// Title of the job that connects a table.
pub fn connect_title(spec: &Spec) -> String {
    format!("Connect {}", spec.table.trim())
}
