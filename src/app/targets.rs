//! Machines to measure on besides this one.
//!
//! They are kept among the user's settings and never in a project: a target is a command that is run, and a project
//! may come from somebody else. A project only has their names.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::jobs::{JobId, Link, Progress};
use super::{App, Command, Finding, Level};
use crate::hardware::Fingerprint;
use crate::measure::launcher::Launcher;
use crate::measure::runtime::Found;
use crate::measure::{Target, survey};

impl App {
    fn targets_file(&self) -> PathBuf {
        self.options.folders.config.join("targets.json")
    }

    /// The targets that are kept; none where there is no file.
    fn kept_targets(&self) -> anyhow::Result<Vec<Target>> {
        let path = self.targets_file();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("could not read the other machines in {}", path.display()));
            }
        };
        serde_json::from_str(&text).with_context(|| {
            format!("the list of other machines is not readable; mend or delete {}", path.display())
        })
    }

    fn keep_targets(&self, targets: &[Target]) -> anyhow::Result<()> {
        let folder = &self.options.folders.config;
        std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, targets)?;
        file.persist(self.targets_file())?;
        Ok(())
    }

    /// Does what a command about targets says; any other does nothing.
    pub(super) fn handle_target(&mut self, command: Command) -> anyhow::Result<Option<JobId>> {
        match command {
            Command::PutTarget(target) => self.put_target(*target)?,
            Command::UseTarget(target) => self.use_target(*target),
            Command::RemoveTarget(name) => self.remove_target(&name)?,
            Command::CheckTarget(name) => return Ok(Some(self.check_target(&name)?)),
            _ => {}
        }
        Ok(None)
    }

    /// Reads the targets that are kept; a list that cannot be read is said and left as it is.
    pub(super) fn load_targets(&mut self) {
        match self.kept_targets() {
            Ok(targets) => self.state.targets = targets,
            Err(error) => self.notify(Level::Warning, format!("{error:#}")),
        }
    }

    /// Adds a machine, or changes the one with the same name; keeps it for the next time.
    fn put_target(&mut self, target: Target) -> anyhow::Result<()> {
        // Another window may have changed the list meanwhile.
        let mut kept = self.kept_targets()?;
        put(&mut kept, target.clone());
        self.keep_targets(&kept)?;
        self.use_target(target);
        Ok(())
    }

    /// The same for as long as this process lives.
    fn use_target(&mut self, target: Target) {
        if self.state.target(&target.name) != Some(&target) {
            self.state.surveys.remove(&target.name);
        }
        put(&mut self.state.targets, target);
    }

    fn remove_target(&mut self, name: &str) -> anyhow::Result<()> {
        let mut kept = self.kept_targets()?;
        kept.retain(|target| target.name != name);
        self.keep_targets(&kept)?;
        self.state.targets.retain(|target| target.name != name);
        self.state.surveys.remove(name);
        Ok(())
    }

    /// Asks a machine what it is; the answer comes into the state.
    fn check_target(&mut self, name: &str) -> anyhow::Result<JobId> {
        if self.is_measuring() {
            bail!("a measurement is running, which this might disturb; wait for it or cancel it");
        }
        let target = self.target_to_measure_on(Some(name))?.context("no machine is named")?;
        Ok(self.jobs.start(format!("Check {}", target.name), move |link| {
            link.progress(looking(&target.name));
            let found = survey::survey(&Launcher::to(&target), &link.cancel);
            if link.cancel.is_cancelled() {
                return Ok(());
            }
            let found = found.map_err(|error| super::words(&error));
            let problem = found.as_ref().err().cloned();
            link.found(Finding::Surveyed(target.name, Box::new(found)));
            problem.map_or(Ok(()), Err)
        }))
    }

    /// How a machine by that name is reached, as measurements name it ([`crate::measure::Point::target`]); `None` is
    /// this machine.
    pub fn target_prefix(&self, name: Option<&str>) -> String {
        match name.and_then(|name| self.state.target(name)) {
            Some(target) => target.prefix(),
            None => self.options.launcher.target().to_owned(),
        }
    }

    /// What the machine of a measurement ([`crate::measure::Point::target`]) is called: its name among the user's, or
    /// how it is reached; `None` for this machine.
    pub fn machine_name<'a>(&'a self, target: &'a str) -> Option<&'a str> {
        if target.is_empty() || target == self.options.launcher.target() {
            return None;
        }
        let known = self.state.targets.iter().find(|known| known.prefix() == target);
        Some(known.map_or(target, |known| &known.name))
    }

    /// The machine of that name; `None` is this one.
    pub(super) fn target_to_measure_on(&self, name: Option<&str>) -> anyhow::Result<Option<Target>> {
        let Some(name) = name else { return Ok(None) };
        let target = self.state.target(name).with_context(|| {
            format!(
                "there is no machine called “{name}” among yours; add it first, with “Machines to measure on…” in the \
                 window or `inferometer targets add`"
            )
        })?;
        Ok(Some(target.clone()))
    }
}

/// Another machine, ready to measure: how workers are started there, what it is, and its runtimes that between them
/// offer `providers`.
pub(super) fn reach(
    target: &Target,
    providers: &[String],
    link: &Link<Finding>,
) -> Result<(Launcher, Fingerprint, Vec<Found>), String> {
    link.progress(looking(&target.name));
    let launcher = Launcher::to(target);
    let survey = survey::survey(&launcher, &link.cancel).map_err(|error| super::words(&error))?;
    let (machine, runtimes) = (survey.machine.clone(), survey.runtimes_for(providers, launcher.target()));
    link.found(Finding::Surveyed(target.name.clone(), Box::new(Ok(survey))));
    Ok((launcher, machine, runtimes?))
}

fn looking(name: &str) -> Progress {
    Progress { fraction: None, doing: format!("Asking {name} what it is"), seconds_left: None }
}

fn put(targets: &mut Vec<Target>, target: Target) {
    match targets.iter_mut().find(|other| other.name == target.name) {
        Some(other) => *other = target,
        None => targets.push(target),
    }
}
