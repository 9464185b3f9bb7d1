//! Work that runs models: measuring, comparing answers, fetching a runtime. Each is a job.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::command::Measure;
use super::jobs::{Job, JobId, Link, Progress};
use super::state::Failure;
use super::{App, Finding, Options, info, words};
use crate::measure::agreement::{self, Question};
use crate::measure::install::{self, Flavour};
use crate::measure::model_file;
use crate::measure::runtime::{self, Found, Search};
use crate::measure::sweep::{self, Event, Sweep, Tools};

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
        if self.comparing().is_some() {
            bail!(
                "two models' outputs are being compared, which would disturb a measurement; wait for it or cancel it"
            );
        }
        if self.is_measuring() {
            bail!("a measurement is running; two at once would disturb each other. Wait for it or cancel it");
        }
        let models: Vec<PathBuf> = measure
            .models
            .iter()
            .filter_map(|sha256| self.state.model(sha256))
            .map(|entry| entry.path.clone())
            .collect();
        if models.is_empty() {
            bail!("no model is chosen; choose at least one to measure");
        }
        let sweep = Sweep {
            models,
            batches: measure.batches,
            threads: measure.threads,
            providers: measure.providers.iter().map(|name| provider_name(name)).collect(),
            dims: measure.dims,
            seconds: measure.seconds,
            seed: measure.seed,
            inputs: measure.inputs,
        };
        check(&sweep)?;
        let (options, machine) = (self.options.clone(), self.state.machine.clone());
        let count = sweep.models.len();
        let title = format!("{MEASURE} {count} model{}", if count == 1 { "" } else { "s" });
        Ok(self.jobs.start(title, move |link| {
            let runtimes = find_runtimes(&options, &sweep.providers, link)?;
            let tools = Tools { launcher: &options.launcher, runtimes: &runtimes };
            let outcome = sweep::run(&sweep, tools, &machine, &link.cancel, &mut |event| match event {
                Event::Started { .. } => {}
                Event::Progress { done, total, now, seconds_left } => link.progress(Progress {
                    fraction: (total > 0).then(|| done as f64 / total as f64),
                    doing: now,
                    seconds_left: Some(seconds_left),
                }),
                Event::Finished(point) => link.found(Finding::Points(vec![*point])),
                Event::Failed { model, config, message } => link.found(Finding::Failure(Failure {
                    model: super::intake::file_name(&model),
                    config: config.map(|config| *config),
                    message,
                })),
            });
            if outcome.finished == 0 && outcome.failed > 0 {
                return Err("nothing could be measured; each configuration's own message says why".to_owned());
            }
            Ok(())
        }))
    }

    /// Whether a measurement is running.
    pub fn is_measuring(&self) -> bool {
        self.measuring().is_some()
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
    pub(super) fn agree(&mut self, a: &str, b: &str, question: Option<Question>) -> anyhow::Result<JobId> {
        if self.is_measuring() {
            bail!("a measurement is running, which this would disturb; wait for it or cancel it");
        }
        let find = |sha256: &str| {
            let entry = self.state.model(sha256).context("that model is not in the project any more")?;
            anyhow::Ok((entry.path.clone(), entry.model.clone()))
        };
        let ((path_a, model_a), (path_b, model_b)) = (find(a)?, find(b)?);
        let options = self.options.clone();
        let may_fall_back = question.is_none();
        let question = question
            .unwrap_or_else(|| Question { inputs: self.state.labelled.clone(), ..Question::default() });
        let title = format!("{AGREE} {} and {}", model_a.name, model_b.name);
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
            let runtimes = find_runtimes(&options, std::slice::from_ref(&question.provider), link)?;
            let tools = Tools { launcher: &options.launcher, runtimes: &runtimes };
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

    /// Fetches a runtime through pip.
    pub(super) fn install_runtime(&mut self, flavour: Flavour) -> anyhow::Result<JobId> {
        if self.options.offline {
            bail!(
                "--offline (or the setting) forbids fetching a runtime; allow it, or name a library with --runtime"
            );
        }
        let search = runtime_search(&self.options);
        let folder = self.options.folders.runtimes();
        Ok(self.jobs.start("Install ONNX Runtime".to_owned(), move |link| {
            let mut say = |text: &str| link.found(info(text));
            install::install(flavour, &folder, &search.pythons, &link.cancel, &mut say)
                .map_err(|error| words(&error))?;
            Ok(())
        }))
    }
}

/// How the title of a measuring job starts.
const MEASURE: &str = "Measure";
/// How the title of a comparing job starts.
const AGREE: &str = "Compare the outputs of";

/// An execution provider by the name it is stored under, however it is capitalised.
fn provider_name(name: &str) -> String {
    const KNOWN: [&str; 6] = ["CPU", "CUDA", "TensorRT", "OpenVINO", "DirectML", "CoreML"];
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    known.unwrap_or(name.trim()).to_owned()
}

/// Refuses what no sweep can do.
fn check(sweep: &Sweep) -> anyhow::Result<()> {
    for (what, empty) in [
        ("batch size", sweep.batches.is_empty()),
        ("thread count", sweep.threads.is_empty()),
        ("execution provider", sweep.providers.is_empty()),
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
    let seconds = sweep.seconds;
    if !(seconds.is_finite() && seconds > 0.0 && seconds <= LONGEST_SECS) {
        bail!("{seconds} seconds cannot be measured; give more than 0 and at most {LONGEST_SECS}");
    }
    Ok(())
}

/// Runtimes that between them offer the providers; fetched where there is none.
fn find_runtimes(
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
