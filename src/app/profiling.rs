//! Profiling as a job: where the time of one configuration goes, kept in the project.

use anyhow::{Context, bail};

use super::command::Profiling;
use super::jobs::{Job, JobId, Progress};
use super::project::Stored;
use super::work::{find_runtimes, provider_name};
use super::{App, Finding, Level, targets, words};
use crate::measure::breakdown::{self, Ask, Breakdown, MOST_SECONDS, SECONDS};
use crate::measure::model_file;
use crate::measure::sweep::Tools;

/// How the title of a profiling job starts.
const PROFILE: &str = "Profile";
/// Kind of the project's items.
pub(super) const KIND: &str = "breakdown";

impl App {
    /// What profiling a measurement's configuration asks, where it was measured; `None` when that machine is not among
    /// the user's any more.
    pub fn profiling_of(&self, stored: &Stored) -> Option<Profiling> {
        let point = &stored.point;
        let target = self.state.targets.iter().find(|target| target.prefix() == point.target);
        let here = point.target.is_empty() || point.target == self.options.launcher.target();
        (here || target.is_some()).then(|| Profiling {
            model: point.model_sha256.clone(),
            config: point.config.clone(),
            shapes: Some(point.input_shapes.clone()),
            seconds: SECONDS,
            target: target.map(|target| target.name.clone()),
        })
    }

    /// Profiles one configuration of a model. Not beside a measurement, which it would disturb and be disturbed by.
    pub(super) fn profile(&mut self, profiling: Profiling) -> anyhow::Result<JobId> {
        let Profiling { model: sha256, mut config, shapes, seconds, target } = profiling;
        let target = self.target_to_measure_on(target.as_deref())?;
        if self.is_measuring() {
            bail!("a measurement is running, which profiling would disturb; wait for it or cancel it");
        }
        if self.comparing().is_some() {
            bail!("two models are being compared, which would disturb the profile; wait for it or cancel it");
        }
        self.refuse_while_profiling("profiling again")?;
        if !(seconds.is_finite() && seconds > 0.0 && seconds <= MOST_SECONDS) {
            bail!("{seconds} seconds cannot be profiled; give more than 0 and at most {MOST_SECONDS}");
        }
        for (what, number) in [("batch", config.batch), ("number of threads", config.threads.into())] {
            if number == 0 {
                bail!("a {what} of 0 has nothing to profile; give 1 or more");
            }
        }
        let entry = self.state.model(&sha256).context("that model is not in the project any more")?;
        let (path, name) = (entry.path.clone(), entry.model.name.clone());
        config.provider = provider_name(&config.provider);
        let ask = Ask { model: path, config, shapes, seconds };
        let (options, machine) = (self.options.clone(), self.state.machine.clone());
        let on = target.as_ref().map_or_else(String::new, |target| format!(" on {}", target.name));
        let title = format!("{PROFILE} {name}{on} ({})", ask.config.words());
        Ok(self.jobs.start(title, move |link| {
            let now = model_file::read(&ask.model).map_err(|error| words(&error))?;
            if now.sha256 != sha256 {
                return Err(format!(
                    "the file has changed since it was added; add it again: {}",
                    ask.model.display()
                ));
            }
            drop(now);
            let providers = std::slice::from_ref(&ask.config.provider);
            let (launcher, machine, runtimes) = match &target {
                None => (options.launcher.clone(), machine, find_runtimes(&options, providers, link)?),
                Some(target) => targets::reach(target, providers, link)?,
            };
            let tools = Tools { launcher: &launcher, runtimes: &runtimes };
            let mut on_progress = |fraction: f64, doing: &str| {
                link.progress(Progress {
                    fraction: Some(fraction),
                    doing: doing.to_owned(),
                    seconds_left: None,
                });
            };
            let breakdown = breakdown::run(&ask, tools, &machine, &link.cancel, &mut on_progress)
                .map_err(|error| format!("{name} could not be profiled: {error}"))?;
            link.found(Finding::Breakdown(Box::new(breakdown)));
            Ok(())
        }))
    }

    /// The profiling that is running.
    pub fn profiling(&self) -> Option<&Job> {
        self.jobs.running().find(|job| job.title.starts_with(PROFILE))
    }

    pub(super) fn refuse_while_profiling(&self, what: &str) -> anyhow::Result<()> {
        match self.profiling() {
            Some(_) => bail!(
                "a model is being profiled, which would be disturbed; wait for it or cancel it before {what}"
            ),
            None => Ok(()),
        }
    }

    /// Keeps a breakdown from a file, unless the project has another machine's of the same configuration.
    pub(super) fn take_opened_breakdown(&mut self, breakdown: Breakdown) -> anyhow::Result<()> {
        let pair = (breakdown.model_sha256.clone(), breakdown::key(&breakdown.config, &breakdown.target));
        let earlier = self.state.breakdowns.get(&pair);
        let (ours, theirs) = (earlier.map(|other| &other.fingerprint), &breakdown.fingerprint);
        if let Some(ours) = ours.filter(|ours| !ours.is_same_machine(theirs)) {
            bail!(
                "the project has a profile of this configuration already, made on {}; open the one of {} in another \
                 project",
                ours.cpu,
                theirs.cpu
            );
        }
        let is_shown = |stored: &Stored| {
            let point = &stored.point;
            point.model_sha256 == pair.0 && breakdown::key(&point.config, &point.target) == pair.1
        };
        if !self.state.points.iter().any(is_shown) {
            let text = format!(
                "The page Measure shows the profile beside a measurement of {} at {}, which the project does not have \
                 yet; open what `bench --json` printed there.",
                breakdown.model,
                breakdown.config.words()
            );
            self.notify(Level::Info, text);
        }
        self.take_breakdown(breakdown)
    }

    /// Keeps a breakdown in the place of an earlier one of the same configuration.
    pub(super) fn take_breakdown(&mut self, breakdown: Breakdown) -> anyhow::Result<()> {
        let pair = (breakdown.model_sha256.clone(), breakdown::key(&breakdown.config, &breakdown.target));
        self.project.put(KIND, &format!("{} {}", pair.0, pair.1), 0, &breakdown)?;
        self.state.breakdowns.insert(pair, breakdown);
        Ok(())
    }
}
