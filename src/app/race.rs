//! Races: which of two is faster, and what this machine can tell. A job; its result is kept in the project.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::jobs::{Job, JobId, Progress};
use super::project::{Item, Project};
use super::state::State;
use super::work::{find_runtimes, provider_name};
use super::{App, Finding, Level, targets, words};
use crate::measure::duel::{self, Duel, Event, Round, Settings, Side};
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

    /// The latencies of a race of the project, round by round, told from its side; see [`Duel::thinned`].
    ///
    /// # Errors
    /// When they are damaged, or another race has taken its place since.
    pub fn rounds(&self, duel: &Duel) -> anyhow::Result<Vec<Round>> {
        let key = duel.key();
        let is_it = |other: &&Duel| other.started_unix_secs == duel.started_unix_secs && other.key() == key;
        let kept = self.state.duels.iter().find(is_it);
        let kept =
            kept.context("another race has taken the place of this one in the project; look at it anew")?;
        let rounds: Vec<Round> = self.project.get(ROUNDS, &key)?.unwrap_or_default();
        if rounds.len() as u64 != duel.pairs {
            bail!(
                "the project has the latencies of {} blocks of this race, which has {}; run the models in turn again",
                rounds.len(),
                duel.pairs
            );
        }
        if kept.a.key() == duel.a.key() {
            return Ok(rounds);
        }
        Ok(rounds.into_iter().map(|round| Round { a: round.b, b: round.a, ..round }).collect())
    }

    /// Keeps a race. One that was stopped does not take the place of one that came to its end.
    pub(super) fn take_duel(&mut self, duel: &Duel) -> anyhow::Result<()> {
        let key = duel.key();
        let earlier = self.state.duels.iter().find(|other| other.key() == key);
        if !duel.has_estimate() || (!duel.is_whole() && earlier.is_some_and(Duel::is_whole)) {
            let stays = if earlier.is_some() { " The earlier result stays." } else { "" };
            self.notify(Level::Warning, format!("{}{stays}", duel.not_kept_sentence()));
            return Ok(());
        }
        let light = duel.without_rounds();
        let kept = [
            Item::new(ROUNDS, key.clone(), place(duel), &duel.rounds)?,
            Item::new(KIND, key.clone(), place(duel), &light)?,
        ];
        self.project.change_items(&[], &kept)?;
        self.state.duels.retain(|other| other.key() != key);
        self.state.duels.push(light);
        self.state.duels.sort_by_key(|duel| duel.started_unix_secs);
        Ok(())
    }

    /// Keeps a race from a file. Another machine's of the same models and settings stays beside it.
    pub(super) fn take_opened_duel(&mut self, duel: &Duel) -> anyhow::Result<()> {
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

    /// Races of a project, the latest last. They can be run again: one that cannot be read must not keep the project
    /// closed.
    pub(super) fn duels_of(&mut self, project: &mut Project) -> Vec<Duel> {
        let kept = match project.all::<Duel>(KIND) {
            Ok(kept) => kept,
            Err(error) => {
                self.notify(Level::Warning, format!("{error:#}; run the models in turn again"));
                return Vec::new();
            }
        };
        let (duels, replaced) = settled(kept);
        if let Err(error) = rename(project, &duels, &replaced) {
            self.notify(
                Level::Warning,
                format!("the project's races could not be brought up to date: {error:#}"),
            );
        }
        duels.into_iter().map(|(_key, duel)| duel).collect()
    }
}

/// Where a race stands among others.
fn place(duel: &Duel) -> usize {
    usize::try_from(duel.started_unix_secs).unwrap_or(0)
}

/// The races of a project with the keys they are under, one for each [`Duel::key`], the latest last; and the keys of
/// those that gave way. Earlier versions kept a race told from either side under two keys, without its machine.
fn settled(kept: Vec<(String, Duel)>) -> (Vec<(String, Duel)>, Vec<String>) {
    let (mut duels, mut replaced): (Vec<(String, Duel)>, Vec<String>) = (Vec::new(), Vec::new());
    for (key, duel) in kept {
        let worth = |duel: &Duel| (duel.is_whole(), duel.started_unix_secs);
        match duels.iter_mut().find(|(_, other)| other.key() == duel.key()) {
            None => duels.push((key, duel)),
            Some(other) if worth(&other.1) > worth(&duel) => replaced.push(key),
            Some(other) => replaced.push(std::mem::replace(other, (key, duel)).0),
        }
    }
    duels.sort_by_key(|(_, duel)| duel.started_unix_secs);
    (duels, replaced)
}

/// Puts races and their latencies under the keys of this version; nothing is written where they are.
fn rename(project: &mut Project, duels: &[(String, Duel)], replaced: &[String]) -> anyhow::Result<()> {
    let mut removed: Vec<(&str, String)> =
        replaced.iter().flat_map(|key| [(KIND, key.clone()), (ROUNDS, key.clone())]).collect();
    let mut kept = Vec::new();
    for (key, duel) in duels.iter().filter(|(key, duel)| *key != duel.key()) {
        removed.extend([(KIND, key.clone()), (ROUNDS, key.clone())]);
        kept.push(Item::new(KIND, duel.key(), place(duel), duel)?);
        if let Some(rounds) = project.get::<Vec<Round>>(ROUNDS, key)? {
            kept.push(Item::new(ROUNDS, duel.key(), place(duel), &rounds)?);
        }
    }
    if removed.is_empty() { Ok(()) } else { project.change_items(&removed, &kept) }
}

impl State {
    /// The latest race between two models, told as A against B.
    pub fn duel(&self, a: &str, b: &str) -> Option<Duel> {
        self.duels_between(a, b).into_iter().next()
    }

    /// Every race between two models, the latest first, told as A against B.
    pub fn duels_between(&self, a: &str, b: &str) -> Vec<Duel> {
        let told = |duel: &Duel| {
            let (of_a, of_b) = (&duel.a.model_sha256, &duel.b.as_ref()?.model_sha256);
            if of_a == a && of_b == b {
                return Some(duel.clone());
            }
            (of_a == b && of_b == a).then(|| duel.turned())
        };
        self.duels.iter().rev().filter_map(told).collect()
    }

    /// The races of a model against itself alone, the latest first.
    pub fn self_tests(&self, sha256: &str) -> Vec<Duel> {
        let of_it = |duel: &&Duel| duel.b.is_none() && duel.a.model_sha256 == sha256;
        self.duels.iter().rev().filter(of_it).cloned().collect()
    }

    /// The race of exactly these two ways to run two models on one machine ([`Duel::target`]), told as A against B;
    /// `library` is the one named for B, where one is ([`Race::library`]).
    pub fn duel_of(
        &self,
        a: (&str, &Config),
        b: Option<(&str, &Config)>,
        library: Option<&Path>,
        target: &str,
    ) -> Option<Duel> {
        let key = |(sha256, config): (&str, &Config), library| {
            let config = Config { provider: provider_name(&config.provider), ..config.clone() };
            duel::side_key(sha256, &config, library)
        };
        let (a, b) = (key(a, None), b.map(|b| key(b, library)));
        // One that came in a file and names no target is another machine's, which a race here would not repeat.
        let is_there = |duel: &&Duel| {
            duel.target == target && (!target.is_empty() || duel.fingerprint.is_same_machine(&self.machine))
        };
        self.duels.iter().rev().filter(is_there).find_map(|duel| {
            match (duel.a.key(), duel.b.as_ref().map(duel::Contender::key)) {
                (of_a, of_b) if of_a == a && of_b == b => Some(duel.clone()),
                (of_a, Some(of_b)) if of_b == a && Some(&of_a) == b.as_ref() => Some(duel.turned()),
                _ => None,
            }
        })
    }
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
