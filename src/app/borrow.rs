//! Bills that are asked by themselves, with what a project has decided of its own: `bill FILE… --project P`.

use std::path::Path;

use anyhow::bail;

use super::lens::LensSettings;
use super::project::Project;
use super::{App, Command, rates};
use crate::bill::Rates;
use crate::demand::{Served, Trace};

impl App {
    /// Takes over how another project answers, not what it is about: the rates between currencies, the rules and settings
    /// of the inference lens with what was served, and which of several deliveries count. Its bills, invoices and budgets
    /// are of its own. Nothing is written to it.
    pub(super) fn borrow_bill_settings(&mut self, path: &Path) -> anyhow::Result<()> {
        if !path.exists() {
            bail!("there is no such project: {}", path.display());
        }
        let project = Project::open(path)?;
        self.set_rates(project.get::<Rates>(rates::KIND, "now")?.unwrap_or_default())?;
        let rules = self.rules_of(&project);
        self.handle_lens(Command::SetRules(Box::new(rules)))?;
        let settings = project.get::<LensSettings>("lens", "now")?.unwrap_or_default();
        self.handle_lens(Command::SetLens(Box::new(settings)))?;
        if let Some(served) = project.get::<Served>("served", "now")? {
            self.take_served(served)?;
        }
        if let Some(trace) = project.get::<Trace>("trace", "now")? {
            self.project.put("trace", "now", 0, &trace)?;
            self.state.trace = Some(trace);
        }
        self.borrow_choices(&project)
    }
}
