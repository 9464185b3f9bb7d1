//! Races: which of two is faster, and what this machine can tell. A job; its result is kept in the project.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::jobs::{Job, JobId, Progress};
use super::state::State;
use super::work::{find_runtimes, provider_name};
use super::{App, Finding, Level, targets, words};
use crate::hardware::Fingerprint;
use crate::measure::duel::{self, Duel, End, Event, Round, Settings, Side};
use crate::measure::sweep::Tools;
use crate::measure::{Config, model_file};

/// A race to run: models by hash, and how each is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// The side compared with.
    pub a: (String, Config),
    /// The side compared; `None` = only tell the machine's resolution.
    pub b: Option<(String, Config)>,
    /// The ONNX Runtime library of `b`, by its path on the machine that runs it; `None` = the one chosen for the
    /// provider, as for `a`.
    pub library: Option<PathBuf>,
    /// How long and how precise.
    pub settings: Settings,
    /// A `.npy` or `.npz` file with the inputs of both; `None` = generated ones.
    pub inputs: Option<PathBuf>,
    /// Name of the machine that runs them, among [`State::targets`]; `None` = this one.
    pub target: Option<String>,
}

/// How the title of a racing job starts.
const RACE: &str = "Run in turn:";

/// What a race is kept under in the project, and its latencies.
const KIND: &str = "duel";
const ROUNDS: &str = "duel rounds";

impl App {
    /// Runs two sides in turn. Nothing else may be measured meanwhile.
    pub(super) fn race(&mut self, race: Race) -> anyhow::Result<JobId> {
        if self.comparing().is_some() {
            bail!(
                "two models' outputs are being compared, which would disturb a race; wait for it or cancel it"
            );
        }
        if self.is_measuring() {
            bail!("a measurement is running, which a race would disturb; wait for it or cancel it");
        }
        self.refuse_while_profiling("a race")?;
        let Race { a, b, library, settings, inputs, target } = race;
        let target = self.target_to_measure_on(target.as_deref())?;
        settings.check().map_err(anyhow::Error::msg)?;
        let side = |(sha256, config): (String, Config)| {
            let entry = self.state.model(&sha256).context("that model is not in the project any more")?;
            let config = Config { provider: provider_name(&config.provider), ..config };
            let model = entry.path.clone();
            let side = Side { model, config, inputs: inputs.clone(), library: None };
            anyhow::Ok((side, entry.model.name.clone(), sha256))
        };
        let (a, mut b) = (side(a)?, b.map(side).transpose()?);
        if let Some((b, ..)) = &mut b {
            b.library = library;
        }
        let what = match &b {
            Some(b) if b.2 != a.2 => format!("{} and {}", a.1, b.1),
            Some(_) => format!("{} in two ways", a.1),
            None => format!("{} and itself", a.1),
        };
        let on = target.as_ref().map_or_else(String::new, |target| format!(" on {}", target.name));
        let title = format!("{RACE} {what}{on}");
        let (options, machine) = (self.options.clone(), self.state.machine.clone());
        Ok(self.jobs.start(title, move |link| {
            for (side, _, sha256) in std::iter::once(&a).chain(&b) {
                unchanged(&side.model, sha256)?;
            }
            let providers: Vec<String> =
                std::iter::once(&a).chain(&b).map(|(side, ..)| side.config.provider.clone()).collect();
            let (launcher, machine, runtimes) = match &target {
                None => (options.launcher.clone(), machine, find_runtimes(&options, &providers, link)?),
                Some(target) => targets::reach(target, &providers, link)?,
            };
            let tools = Tools { launcher: &launcher, runtimes: &runtimes };
            let b = b.as_ref().map(|(side, ..)| side);
            let outcome =
                duel::run(&a.0, b, &settings, tools, &machine, &link.cancel, &mut |event| match event {
                    Event::Progress { fraction, now, seconds_left } => link.progress(Progress {
                        fraction: Some(fraction),
                        doing: now,
                        seconds_left: (seconds_left > 0.0).then_some(seconds_left),
                    }),
                });
            let pairs = outcome.duel.as_ref().map_or(0, |duel| duel.pairs);
            if let Some(duel) = outcome.duel {
                link.found(Finding::Duel(Box::new(duel)));
            }
            outcome.problem.map_or(Ok(()), |problem| Err(broken_off(&problem, pairs)))
        }))
    }

    /// The race that is running.
    pub fn racing(&self) -> Option<&Job> {
        self.jobs.running().find(|job| job.title.starts_with(RACE))
    }

    /// The latencies of a race, round by round; see [`Duel::thinned`].
    ///
    /// # Errors
    /// When they are damaged.
    pub fn rounds(&self, duel: &Duel) -> anyhow::Result<Vec<Round>> {
        if let Some(rounds) = self.project.get(ROUNDS, &duel.key())? {
            return Ok(rounds);
        }
        // Kept from the other side.
        let turned = duel.turned();
        let rounds = self.project.get(ROUNDS, &turned.key())?.unwrap_or_default();
        Ok(Duel { rounds, ..turned }.turned().rounds)
    }

    /// Keeps a race. One that was stopped does not take the place of one that came to its end.
    pub(super) fn take_duel(&mut self, duel: &Duel) -> anyhow::Result<()> {
        let key = duel.key();
        let whole = |duel: &Duel| matches!(duel.ended, End::Precise | End::TimeUp);
        let earlier = self.state.duels.iter().find(|other| other.key() == key);
        if !duel.has_estimate() || (!whole(duel) && earlier.is_some_and(whole)) {
            let stays = if earlier.is_some() { " The earlier result stays." } else { "" };
            self.notify(Level::Warning, format!("{}{stays}", duel.not_kept_sentence()));
            return Ok(());
        }
        let light = duel.without_rounds();
        let place = usize::try_from(duel.started_unix_secs).unwrap_or(0);
        self.project.put(ROUNDS, &key, place, &duel.rounds)?;
        self.project.put(KIND, &key, place, &light)?;
        self.state.duels.retain(|other| other.key() != key);
        self.state.duels.push(light);
        Ok(())
    }

    /// Keeps a race from a file, unless the project has another machine's of the same models and settings: that one
    /// stays, for nobody asked for it to go.
    pub(super) fn take_opened_duel(&mut self, duel: &Duel) -> anyhow::Result<()> {
        let earlier = self.state.duels.iter().find(|other| other.key() == duel.key());
        if let Some(earlier) = earlier.filter(|other| !is_same_machine(&other.fingerprint, &duel.fingerprint))
        {
            bail!(
                "the project has this race already, run on {}; open the one of {} in another project",
                earlier.fingerprint.cpu,
                duel.fingerprint.cpu
            );
        }
        let sides = std::iter::once(&duel.a).chain(&duel.b);
        let absent: Vec<&str> = sides
            .filter(|side| self.state.model(&side.model_sha256).is_none())
            .map(|side| side.model.as_str())
            .collect();
        if !absent.is_empty() {
            let text = format!(
                "The page Compare shows the race once its models are open, too: {}.",
                absent.join(", ")
            );
            self.notify(Level::Info, text);
        }
        self.take_duel(duel)
    }

    /// Races of a project. They can be run again: one that cannot be read must not keep the project closed.
    pub(super) fn duels_of(&mut self, project: &super::project::Project) -> Vec<Duel> {
        match project.all::<Duel>(KIND) {
            Ok(duels) => duels.into_iter().map(|(_key, duel)| duel).collect(),
            Err(error) => {
                self.notify(Level::Warning, format!("{error:#}; run the models in turn again"));
                Vec::new()
            }
        }
    }
}

impl State {
    /// The latest race between two models, told as A against B.
    pub fn duel(&self, a: &str, b: &str) -> Option<Duel> {
        self.duels.iter().rev().find_map(|duel| {
            let (of_a, of_b) = (&duel.a.model_sha256, &duel.b.as_ref()?.model_sha256);
            if of_a == a && of_b == b {
                return Some(duel.clone());
            }
            (of_a == b && of_b == a).then(|| duel.turned())
        })
    }

    /// The latest race of a model against itself alone.
    pub fn self_test(&self, sha256: &str) -> Option<&Duel> {
        self.duels.iter().rev().find(|duel| duel.b.is_none() && duel.a.model_sha256 == sha256)
    }

    /// The race of exactly these two ways to run two models on one machine ([`Duel::target`]), told as A against B;
    /// with the libraries chosen for their providers.
    pub fn duel_of(&self, a: (&str, &Config), b: Option<(&str, &Config)>, target: &str) -> Option<Duel> {
        let is = |contender: &duel::Contender, (sha256, config): (&str, &Config)| {
            let theirs = &contender.config;
            contender.library.is_none()
                && contender.model_sha256 == sha256
                && theirs.key() == config.key()
                && theirs.inputs == config.inputs
        };
        // One that came in a file and names no target is another machine's, which a race here would not repeat.
        let is_there = |duel: &&Duel| {
            duel.target == target && (!target.is_empty() || is_same_machine(&duel.fingerprint, &self.machine))
        };
        let there = self.duels.iter().rev().filter(is_there);
        there.into_iter().find_map(|duel| match (&duel.b, b) {
            (None, None) => is(&duel.a, a).then(|| duel.clone()),
            (Some(of_b), Some(b)) if is(&duel.a, a) && is(of_b, b) => Some(duel.clone()),
            (Some(of_b), Some(b)) => (is(&duel.a, b) && is(of_b, a)).then(|| duel.turned()),
            _ => None,
        })
    }
}

/// Whether two fingerprints are of the same machine as far as results are concerned; its settings may have changed.
pub(super) fn is_same_machine(one: &Fingerprint, other: &Fingerprint) -> bool {
    let machine = |of: &Fingerprint| (of.cpu.clone(), of.logical_cpus, of.memory_bytes, of.gpus.clone());
    machine(one) == machine(other)
}

/// What broke a race off, and what it leaves.
fn broken_off(problem: &str, pairs: u64) -> String {
    match pairs {
        0 => problem.to_owned(),
        1 => format!("{problem}; the block that was run until then is kept"),
        many => format!("{problem}; the {many} blocks that were run until then are kept"),
    }
}

/// Refuses a file that is another model than the one asked for.
fn unchanged(path: &Path, sha256: &str) -> Result<(), String> {
    let now = model_file::read(path).map_err(|error| words(&error))?;
    if now.sha256 == *sha256 {
        return Ok(());
    }
    Err(format!("the file has changed since it was added; add it again: {}", path.display()))
}
