//! Work that runs models: measuring, comparing answers, fetching a runtime. Each is a job.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::command::{Agreeing, Measure};
use super::jobs::{Job, JobId, Link, Progress};
use super::state::{Failure, Unfinished};
use super::{App, Finding, Options, Ran, info, targets, words};
use crate::demand::Trace;
use crate::measure::agreement::{self, Question};
use crate::measure::install::{self, Flavour};
use crate::measure::model_file;
use crate::measure::runtime::{self, Found, Search};
use crate::measure::scenario::{MOST_SESSIONS, check_provider};
use crate::measure::sweep::{self, Effort, Event, Sweep, Tools};
use crate::measure::{Arrivals, Config, Point, Scenario};

/// The longest steady state one may ask for, in seconds: a day.
const LONGEST_SECS: f64 = 86_400.0;

/// Where runtimes are looked for: the user's choice, the environment, our own folder, Python, the system.
pub fn runtime_search(options: &Options) -> Search {
    Search {
        data_folder: Some(options.folders.runtimes()),
        ..Search::of_this_machine(options.runtime.clone())
    }
}

impl App {
    /// Measures a sweep. One at a time: two would disturb each other.
    pub(super) fn measure(&mut self, measure: Measure) -> anyhow::Result<JobId> {
        self.start_sweep(measure, &[])
    }

    /// Goes on with the sweep that was stopped: what it has measured keeps its runs.
    pub(super) fn resume(&mut self) -> anyhow::Result<JobId> {
        let unfinished =
            self.state.unfinished.clone().context("no sweep was stopped; there is nothing to resume")?;
        self.start_sweep(unfinished.measure, &unfinished.points)
    }

    fn start_sweep(&mut self, measure: Measure, measured: &[i64]) -> anyhow::Result<JobId> {
        if self.comparing().is_some() {
            bail!(
                "two models' outputs are being compared, which would disturb a measurement; wait for it or cancel it"
            );
        }
        if self.is_measuring() {
            bail!("a measurement is running; two at once would disturb each other. Wait for it or cancel it");
        }
        self.refuse_while_profiling("measuring")?;
        let models: Vec<PathBuf> = measure
            .models
            .iter()
            .filter_map(|sha256| self.state.model(sha256))
            .map(|entry| entry.path.clone())
            .collect();
        if models.is_empty() {
            bail!("no model is chosen; choose at least one to measure");
        }
        let target = self.target_to_measure_on(measure.target.as_deref())?;
        let mut sweep = Sweep { models, ..measure.sweep.clone() };
        for provider in &mut sweep.providers {
            *provider = provider_name(provider);
        }
        for scenario in &mut sweep.scenarios {
            fill_trace(scenario, self.state.trace.as_ref())?;
        }
        check(&sweep)?;
        let stored = self.state.points.iter().filter(|stored| measured.contains(&stored.id));
        let before: Vec<(i64, Point)> = stored
            .map(|stored| Ok((stored.id, self.project.full_point(stored)?)))
            .collect::<anyhow::Result<_>>()?;
        let total = sweep.configs().len() * sweep.models.len();
        let unfinished = Unfinished { measure, points: before.iter().map(|(id, _)| *id).collect(), total };
        self.project.put("sweep", "now", 0, &unfinished)?;
        self.state.unfinished = Some(unfinished);
        self.sweeps += 1;
        let (options, machine, number) = (self.options.clone(), self.state.machine.clone(), self.sweeps);
        let count = sweep.models.len();
        let on = target.as_ref().map_or_else(String::new, |target| format!(" on {}", target.name));
        let title = format!("{MEASURE} {count} model{}{on}", if count == 1 { "" } else { "s" });
        // Runs of a configuration that was begun before go to its measurement.
        let (known, before): (Vec<i64>, Vec<Point>) = before.into_iter().unzip();
        Ok(self.jobs.start(title, move |link| {
            let (launcher, machine, runtimes) = match &target {
                None => {
                    (options.launcher.clone(), machine, find_runtimes(&options, &sweep.providers, link)?)
                }
                Some(target) => targets::reach(target, &sweep.providers, link)?,
            };
            let tools = Tools { launcher: &launcher, runtimes: &runtimes };
            let found = |place: usize, before: Option<usize>, point: Point, run, summary| {
                let id = before.and_then(|before| known.get(before).copied());
                link.found(Finding::Ran(Box::new(Ran { place: (number, place), id, point, run, summary })));
            };
            let outcome =
                sweep::run(&sweep, before, tools, &machine, &link.cancel, &mut |event| match event {
                    Event::Started { .. } => {}
                    Event::TakenUp(places) => {
                        let taken = places.iter().filter_map(|place| known.get(*place).copied()).collect();
                        link.found(Finding::TakenUp(taken));
                    }
                    Event::Progress { fraction, now, seconds_left, .. } => link.progress(Progress {
                        fraction: Some(fraction),
                        doing: now,
                        seconds_left: Some(seconds_left),
                    }),
                    Event::Ran { place, before, point, run, summary } => {
                        found(place, before, *point, Some(*run), *summary);
                    }
                    Event::Ended { place, before, point, summary } => {
                        found(place, before, *point, None, *summary);
                    }
                    Event::Failed { model, config, message } => link.found(Finding::Failure(Failure {
                        model: super::intake::file_name(&model),
                        config: config.map(|config| *config),
                        message,
                    })),
                });
            if !outcome.cancelled {
                link.found(Finding::SweepEnded);
            }
            if outcome.cancelled && !link.cancel.is_cancelled() {
                return Err(
                    "the connection to the machine that measures broke; what was measured is kept, and resuming \
                     the sweep goes on from there"
                        .to_owned(),
                );
            }
            if outcome.finished == 0 && outcome.failed > 0 {
                return Err("nothing could be measured; each configuration's own message says why".to_owned());
            }
            Ok(())
        }))
    }

    /// Whether a measurement or a race is running.
    pub fn is_measuring(&self) -> bool {
        self.measuring().is_some() || self.racing().is_some()
    }

    /// The measurement that is running.
    pub fn measuring(&self) -> Option<&Job> {
        self.jobs.running().find(|job| job.title.starts_with(MEASURE))
    }

    /// The comparison of outputs that is running.
    pub fn comparing(&self) -> Option<&Job> {
        self.jobs.running().find(|job| job.title.starts_with(AGREE))
    }

    /// Runs two models on the same inputs: those of the question, else the labelled set where it fits, else
    /// generated ones.
    pub(super) fn agree(&mut self, agreeing: Agreeing) -> anyhow::Result<JobId> {
        if self.is_measuring() {
            bail!("a measurement is running, which this would disturb; wait for it or cancel it");
        }
        self.refuse_while_profiling("comparing")?;
        let find = |sha256: &str| {
            let entry = self.state.model(sha256).context("that model is not in the project any more")?;
            anyhow::Ok((entry.path.clone(), entry.model.clone()))
        };
        let Agreeing { a, b, question, target } = agreeing;
        let ((path_a, model_a), (path_b, model_b)) = (find(&a)?, find(&b)?);
        let target = self.target_to_measure_on(target.as_deref())?;
        let options = self.options.clone();
        let may_fall_back = question.is_none();
        let question = question
            .unwrap_or_else(|| Question { inputs: self.state.labelled.clone(), ..Question::default() });
        let on = target.as_ref().map_or_else(String::new, |target| format!(" on {}", target.name));
        let title = format!("{AGREE} {} and {}{on}", model_a.name, model_b.name);
        Ok(self.jobs.start(title, move |link| {
            for (path, model) in [(&path_a, &model_a), (&path_b, &model_b)] {
                let now = model_file::read(path).map_err(|error| words(&error))?;
                if now.sha256 != model.sha256 {
                    return Err(format!(
                        "the file has changed since it was added; add it again: {}",
                        path.display()
                    ));
                }
            }
            let providers = std::slice::from_ref(&question.provider);
            let (launcher, runtimes) = match &target {
                None => (options.launcher.clone(), find_runtimes(&options, providers, link)?),
                Some(target) => {
                    let (launcher, _machine, runtimes) = targets::reach(target, providers, link)?;
                    (launcher, runtimes)
                }
            };
            let doing = format!("Running {} and {}", model_a.name, model_b.name);
            link.progress(Progress { fraction: None, doing, seconds_left: None });
            let tools = Tools { launcher: &launcher, runtimes: &runtimes };
            let ask = |question: &Question| {
                agreement::agree(&path_a, &path_b, question, tools, &link.cancel)
                    .map_err(|error| words(&error))
            };
            let agreement = ask(&question).or_else(|problem| {
                if !may_fall_back || question.inputs.is_none() || link.cancel.is_cancelled() {
                    return Err(problem);
                }
                link.found(info(&format!(
                    "The labelled set does not fit these models ({problem}); generated inputs were used."
                )));
                ask(&Question { inputs: None, ..question.clone() })
            })?;
            for (model, accuracy) in [(&model_a, agreement.accuracy_a), (&model_b, agreement.accuracy_b)] {
                if let Some(accuracy) = accuracy {
                    link.found(Finding::Accuracy(model.sha256.clone(), accuracy));
                }
            }
            link.found(Finding::Agreement(model_a.sha256, model_b.sha256, Box::new(agreement)));
            Ok(())
        }))
    }

    /// Looks for the runtimes of this machine, once at a time and never beside a measurement: each is asked in a
    /// process of its own.
    pub(super) fn look_for_runtimes(&mut self) -> Option<JobId> {
        if self.is_measuring() || self.jobs.running().any(|job| job.title == LOOK) {
            return None;
        }
        let options = self.options.clone();
        Some(self.jobs.start(LOOK.to_owned(), move |link| {
            link.found(Finding::Runtimes(list_runtimes(&options, link)?));
            Ok(())
        }))
    }

    /// Fetches a runtime through pip.
    pub(super) fn install_runtime(&mut self, flavour: Flavour) -> anyhow::Result<JobId> {
        if self.options.offline {
            bail!(
                "--offline (or the setting) forbids fetching a runtime; allow it, or name a library with --runtime"
            );
        }
        let search = runtime_search(&self.options);
        let (folder, options) = (self.options.folders.runtimes(), self.options.clone());
        Ok(self.jobs.start("Install ONNX Runtime".to_owned(), move |link| {
            let mut say = |text: &str| link.found(info(text));
            install::install(flavour, &folder, &search.pythons, &link.cancel, &mut say)
                .map_err(|error| words(&error))?;
            link.found(Finding::Runtimes(list_runtimes(&options, link)?));
            Ok(())
        }))
    }
}

/// Title of the job that looks for runtimes.
pub(super) const LOOK: &str = "Look for ONNX Runtime";

fn list_runtimes(options: &Options, link: &Link<Finding>) -> Result<Vec<Found>, String> {
    runtime::list(&runtime_search(options), &options.launcher, &link.cancel).map_err(|error| words(&error))
}

/// How the title of a measuring job starts.
const MEASURE: &str = "Measure";
/// How the title of a comparing job starts.
const AGREE: &str = "Compare the outputs of";

/// An execution provider by the name it is stored under, however it is capitalised.
pub(super) fn provider_name(name: &str) -> String {
    const KNOWN: [&str; 6] = ["CPU", "CUDA", "TensorRT", "OpenVINO", "DirectML", "CoreML"];
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    known.unwrap_or(name.trim()).to_owned()
}

/// Arrivals taken from a trace at most; then it begins again.
const MOST_ARRIVALS: usize = 200_000;
/// The trace's requests are spread over its intervals alike in every sweep.
const TRACE_SEED: u64 = 1;

/// Arrivals like those of the demand trace get its times.
fn fill_trace(scenario: &mut Scenario, trace: Option<&Trace>) -> anyhow::Result<()> {
    let Scenario::Server { arrivals: Arrivals::Trace { times_secs, name }, .. } = scenario else {
        return Ok(());
    };
    if times_secs.is_empty() {
        let trace = trace.context(
            "arrivals as in the demand trace are asked for, but the project has no trace; take one in first: \
             inferometer import TRACE --project FILE",
        )?;
        *times_secs = trace.arrival_times(TRACE_SEED, MOST_ARRIVALS);
        name.clone_from(&trace.source);
    }
    Ok(())
}

/// Refuses what no sweep can do.
fn check(sweep: &Sweep) -> anyhow::Result<()> {
    for (what, empty) in [
        ("batch size", sweep.batches.is_empty()),
        ("thread count", sweep.threads.is_empty()),
        ("number of sessions", sweep.instances.is_empty()),
        ("execution provider", sweep.providers.is_empty()),
        ("optimisation level", sweep.optimisations.is_empty()),
        ("input shape", sweep.shapes.is_empty()),
        ("scenario", sweep.scenarios.is_empty()),
    ] {
        if empty {
            bail!("no {what} is given; give at least one");
        }
    }
    if sweep.batches.contains(&0) {
        bail!("a batch of 0 has nothing to measure; give batch sizes from 1");
    }
    if sweep.threads.contains(&0) {
        bail!("0 threads cannot run anything; give thread counts from 1");
    }
    if sweep.instances.contains(&0) {
        bail!("0 sessions cannot run anything; give numbers of sessions from 1");
    }
    if let Some(many) = sweep.instances.iter().find(|count| **count > MOST_SESSIONS) {
        bail!("{many} sessions are more than a process should have; give at most {MOST_SESSIONS}");
    }
    for scenario in &sweep.scenarios {
        scenario.check().map_err(|problem| anyhow::anyhow!("{scenario}: {problem}"))?;
    }
    for Config { provider, scenario, instances, .. } in sweep.configs() {
        check_provider(&provider, &scenario, instances)
            .map_err(|problem| anyhow::anyhow!("{scenario}: {problem}"))?;
    }
    let seconds = sweep.seconds;
    if !(seconds.is_finite() && seconds > 0.0 && seconds <= LONGEST_SECS) {
        bail!("{seconds} seconds cannot be measured; give more than 0 and at most {LONGEST_SECS}");
    }
    let Effort { least_runs, most_runs, p50, p99, most_seconds } = sweep.effort;
    if least_runs == 0 || most_runs < least_runs {
        bail!(
            "{least_runs} to {most_runs} runs cannot be made; give from 1 run, and no fewer most than least"
        );
    }
    for (what, value) in [("p50", p50), ("p99", p99), ("time for one configuration", most_seconds)] {
        if !(value.is_finite() && value > 0.0) {
            bail!("{what}: {value} is no limit to stop at; give a number above 0");
        }
    }
    Ok(())
}

/// Runtimes that between them offer the providers; fetched where there is none.
pub(super) fn find_runtimes(
    options: &Options,
    providers: &[String],
    link: &Link<Finding>,
) -> Result<Vec<Found>, String> {
    let mut say = |text: &str| link.found(info(text));
    runtime::ensure(
        &runtime_search(options),
        &options.launcher,
        providers,
        options.offline,
        &link.cancel,
        &mut say,
    )
    .map_err(|error| words(&error))
}
