//! The headless application: everything the window and the command line do, without either.
//!
//! [`App::handle`] is the one place where project state changes, by a [`Command`]; long work runs as a job and its
//! findings are taken in by [`App::poll`]. What is derived from the state (the rate planned for, the answer of the
//! planner) is brought up to date in the same place, so that no reader ever sees a stale one.

mod borrow;
mod command;
pub mod comparison;
pub mod counting;
pub mod derive;
mod documents;
mod exported;
pub mod figures;
mod focus_file;
mod folders;
pub mod foreign;
mod intake;
pub mod jobs;
mod keep;
mod layout;
pub mod lens;
mod notice;
mod opening;
mod overlays;
mod profiling;
pub mod project;
mod query;
mod race;
mod rates;
mod reconcile;
pub mod results;
pub mod roofline;
mod sample;
mod series_blob;
mod settings;
pub mod spend;
mod state;
mod targets;
#[cfg(test)]
mod tests;
pub mod tradeoff;
pub mod warehouse;
pub mod watch;
pub mod watch_figures;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;

use self::query::ASK;
pub use command::{Agreeing, Command, Measure, Profiling};
pub use documents::profile_document;
pub use exported::{
    FORMAT as MEASUREMENTS_FORMAT, FORMAT_VERSION as MEASUREMENTS_FORMAT_VERSION, measurements,
};
pub use folders::Folders;
pub use intake::{FileReport, Kind};
pub use lens::{LensAnswer, LensSettings};
pub use notice::{Level, Notice, words};
pub use query::{Query, QueryResult};
pub use race::Race;
pub use results::{ResultFile, SampleCount};
pub use sample::{scenario as sample_scenario, unpack as unpack_sample};
pub use settings::{Settings, Theme};
pub use spend::{SavedView, Spend, SpendQuery, SpendResult, ViewChange};
pub use state::{CostAs, Demand, Failure, LatencyAxis, ModelEntry, Scenario, State, TraceRate, Unfinished};
pub use work::runtime_search;

use self::jobs::{End, JobId, Jobs};
use self::project::Project;
use crate::bill::overlay::Overlay;
use crate::bill::warehouse::Spec;
use crate::bill::{Imported, RuleSet};
use crate::demand::{Served, Trace};
use crate::hardware::{Fingerprint, Profile};
use crate::measure::agreement::Agreement;
use crate::measure::breakdown::{self, Breakdown};
use crate::measure::duel::Duel;
use crate::measure::launcher::Launcher;
use crate::measure::runtime::Found;
use crate::measure::{Config, Point, Run, Series, Summary, Survey};

/// What jobs find.
enum Finding {
    Notice(Notice),
    File(FileReport),
    Model(Box<ModelEntry>),
    Bill(Box<Imported>),
    Overlay(Box<Overlay>),
    Trace(Trace),
    Served(Served),
    Rules(Box<RuleSet>),
    Labelled(PathBuf),
    Profiles(Vec<Profile>),
    /// Measurements of another project, with their raw samples.
    Points(Vec<Point>),
    /// Files of other tools.
    Results(Vec<results::Read>),
    /// A run of the sweep that is going on; see [`crate::measure::sweep::Event::Ran`].
    Ran(Box<Ran>),
    /// The measurements of an earlier sweep that the one going on adds to, by their numbers.
    TakenUp(Vec<i64>),
    /// The sweep came to its end: nothing of it is left to resume.
    SweepEnded,
    Failure(Failure),
    /// Libraries on this machine.
    Runtimes(Vec<Found>),
    Accuracy(String, f64),
    Agreement(String, String, Box<Agreement>),
    Breakdown(Box<Breakdown>),
    /// A race and a profile from files: they never take the place of another machine's.
    OpenedDuel(Box<Duel>),
    OpenedBreakdown(Box<Breakdown>),
    /// What a target answered, by its name.
    Surveyed(String, Box<Result<Survey, String>>),
    Duel(Box<Duel>),
    /// What a try to reach a warehouse's table found.
    WarehouseTried(Box<warehouse::WarehouseTry>),
    /// A warehouse's table that was connected.
    Warehouse(Box<Spec>, Box<Imported>),
    Answer(u64, Query, Result<QueryResult, String>),
}

/// One run of a sweep, or the end of a measurement that has runs.
struct Ran {
    /// Which configuration of which sweep: runs of one go to one measurement.
    place: (u64, usize),
    /// The measurement it belongs to, where an earlier sweep began it.
    id: Option<i64>,
    /// The measurement with all its runs, without raw samples.
    point: Point,
    /// The run, with its raw samples; `None` where there is nothing new but why there are no more.
    run: Option<Run>,
    summary: Summary,
}

/// What does not change while the application runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its own files are.
    pub folders: Folders,
    /// ONNX Runtime library to use before any other.
    pub runtime: Option<PathBuf>,
    /// Never fetch anything.
    pub offline: bool,
    /// How workers are started.
    pub launcher: Launcher,
}

/// The application without a face.
pub struct App {
    options: Options,
    project: Project,
    state: State,
    jobs: Jobs<Finding>,
    notices: VecDeque<Notice>,
    reports: Vec<FileReport>,
    /// Counts up when the set of bills changes, so that late answers about the old set are dropped.
    bills_generation: u64,
    /// Since when the scenario differs from the one in the project file.
    unsaved_since: Option<Instant>,
    /// What jobs found and the project could not keep.
    losses: Vec<String>,
    /// Measurements of sweeps of this process, by the sweep and the place of the configuration in it.
    sweep_points: BTreeMap<(u64, usize), i64>,
    /// Counts the sweeps of this process.
    sweeps: u64,
    /// Pages of rows that are kept, the oldest first.
    pages: VecDeque<Query>,
}

/// How long a scenario may rest unwritten: a slider being dragged is not a write a frame.
const SCENARIO_REST: Duration = Duration::from_millis(300);

impl App {
    /// An application with an empty project in memory.
    ///
    /// # Errors
    /// When `SQLite` cannot start.
    pub fn new(options: Options) -> anyhow::Result<Self> {
        let mut app = Self {
            options,
            project: Project::in_memory()?,
            state: State::default(),
            jobs: Jobs::new(Arc::new(|| {})),
            notices: VecDeque::new(),
            reports: Vec::new(),
            bills_generation: 0,
            unsaved_since: None,
            losses: Vec::new(),
            sweep_points: BTreeMap::new(),
            sweeps: 0,
            pages: VecDeque::new(),
        };
        app.load_targets();
        app.load(Project::in_memory()?)?;
        Ok(app)
    }

    /// Sets what is called, from any thread, when a job has news: the window asks for a frame.
    pub fn set_waker(&mut self, waker: Arc<dyn Fn() + Send + Sync>) {
        self.jobs.set_waker(waker);
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What does not change.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Counts up when the bills change: answers about an earlier set are worth nothing.
    pub fn bills_generation(&self) -> u64 {
        self.bills_generation
    }

    /// Jobs that run or have run.
    pub fn jobs(&self) -> &[jobs::Job] {
        self.jobs.all()
    }

    /// Takes the oldest message nobody has shown yet.
    pub fn next_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// What became of each file taken in since the last call.
    pub fn take_reports(&mut self) -> Vec<FileReport> {
        std::mem::take(&mut self.reports)
    }

    /// The raw samples of a measurement: one series for each run.
    ///
    /// # Errors
    /// When it is not in the project or damaged.
    pub fn series(&self, id: i64) -> anyhow::Result<Vec<Series>> {
        self.project.series(id)
    }

    /// Says something to the user.
    pub fn notify(&mut self, level: Level, text: impl Into<String>) {
        self.notices.push_back(Notice { level, text: text.into() });
    }

    /// Runs work that changes no state (an export) as a job; what it returns is told to the user when it ends.
    pub fn run(
        &mut self,
        title: &str,
        work: impl FnOnce() -> anyhow::Result<String> + Send + 'static,
    ) -> JobId {
        self.jobs.start(title.to_owned(), move |link| {
            let text = work().map_err(|error| format!("{error:#}"))?;
            link.found(Finding::Notice(Notice { level: Level::Info, text }));
            Ok(())
        })
    }

    /// Does one thing. Long work is started as a job, whose number is returned.
    ///
    /// # Errors
    /// When it cannot be done; then nothing has changed.
    #[expect(clippy::too_many_lines, reason = "one arm a command, each a line or two")]
    pub fn handle(&mut self, command: Command) -> anyhow::Result<Option<JobId>> {
        let changes_plan = command.changes_plan();
        let job = match command {
            Command::OpenProject(path) => {
                self.refuse_while_busy("another project is opened")?;
                self.load(Project::open(&path)?)?;
                None
            }
            Command::OpenSample => {
                self.refuse_while_busy("the sample project is opened")?;
                self.open_sample()?
            }
            Command::NewProject => {
                self.refuse_while_busy("a new project is started")?;
                self.load(self.draft()?)?;
                None
            }
            Command::SaveAs(path) => {
                self.refuse_while_busy("the project is saved under another name")?;
                self.flush()?;
                self.project.copy_to(&path)?;
                self.load(Project::open(&path)?)?;
                None
            }
            Command::OpenFiles(paths) => Some(self.take_in(paths, intake::read)),
            Command::OpenModels(paths) => Some(self.take_in(paths, intake::read_model)),
            Command::OpenBills(paths) => Some(self.take_in(paths, intake::read_bill)),
            Command::BorrowBillSettings(path) => {
                self.borrow_bill_settings(&path)?;
                None
            }
            Command::RemoveModel(sha256) => {
                self.project.remove("model", &sha256)?;
                self.state.models.retain(|entry| entry.model.sha256 != sha256);
                None
            }
            Command::RemovePoints(ids) => {
                self.project.remove_points(&ids)?;
                self.state.points.retain(|stored| !ids.contains(&stored.id));
                None
            }
            Command::RemoveResults(keys) => {
                self.remove_results(&keys)?;
                None
            }
            Command::RemoveBill(hash) => {
                self.project.remove("bill", &hash)?;
                self.remove_warehouse(&hash)?;
                self.state.bills.retain(|bill| bill.hash != hash);
                self.bills_changed();
                None
            }
            command @ (Command::TryWarehouse(..) | Command::ConnectWarehouse(..)) => {
                self.handle_warehouse(command)?
            }
            Command::PutInvoice(invoice) => {
                self.put_invoice(*invoice)?;
                None
            }
            Command::RemoveInvoice(target) => {
                self.remove_invoice(&target)?;
                None
            }
            Command::CountBill { claim, choice } => {
                self.choose_counted(claim, choice)?;
                None
            }
            Command::RemoveOverlay(key) => {
                self.remove_overlay(&key)?;
                None
            }
            Command::RemoveTrace => {
                self.project.remove("trace", "now")?;
                self.state.trace = None;
                None
            }
            command @ (Command::SetRules(_) | Command::SetLens(_) | Command::RemoveServed) => {
                self.handle_lens(command)?;
                None
            }
            Command::Measure(measure) => Some(self.measure(*measure)?),
            Command::Resume => Some(self.resume()?),
            Command::ForgetSweep => {
                self.project.remove("sweep", "now")?;
                self.state.unfinished = None;
                None
            }
            Command::MoveWarmUp(id, run, queries) => {
                self.move_warm_up(id, run, queries)?;
                None
            }
            Command::Agree(a, b) => Some(self.agree(Agreeing { a, b, ..Agreeing::default() })?),
            Command::AgreeOn(agreeing) => Some(self.agree(*agreeing)?),
            Command::Profile(profiling) => Some(self.profile(*profiling)?),
            Command::LookForRuntimes => self.look_for_runtimes(),
            Command::Duel(race) => Some(self.race(*race)?),
            Command::WriteFocus { filters, to, replace } => Some(self.write_focus(filters, to, replace)?),
            Command::InstallRuntime(flavour) => Some(self.install_runtime(flavour)?),
            Command::Cancel(id) => {
                if let Some(job) = self.jobs.get(id) {
                    job.cancel();
                }
                None
            }
            Command::PutProfile(profile) => {
                profile.check()?;
                self.keep_profile(*profile)?;
                None
            }
            Command::RemoveProfile(id) => {
                self.project.remove("profile", &id)?;
                self.state.profiles.retain(|profile| profile.id != id);
                None
            }
            command @ (Command::PutTarget(_)
            | Command::UseTarget(_)
            | Command::RemoveTarget(_)
            | Command::CheckTarget(_)) => self.handle_target(command)?,
            Command::SetScenario(scenario) => {
                self.state.scenario = *scenario;
                self.unsaved_since.get_or_insert_with(Instant::now);
                None
            }
            Command::Choose(id) => {
                self.project.put("chosen", "now", 0, &id)?;
                self.state.chosen = id;
                None
            }
            Command::Watch(command) => {
                self.watch(*command)?;
                None
            }
            Command::Ask(query) => self.ask(query),
            Command::View(change) => self.change_views(change)?,
            Command::SetRates(rates) => {
                self.set_rates(*rates)?;
                None
            }
        };
        if changes_plan {
            self.derive();
        } else {
            self.state.revision += 1;
        }
        Ok(job)
    }

    /// Writes what rests unwritten to the project file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        if self.unsaved_since.is_some() {
            self.project.put("scenario", "now", 0, &self.state.scenario)?;
            self.unsaved_since = None;
        }
        Ok(())
    }

    /// Takes what jobs found and the project could not keep, in words; empty when all went well.
    pub fn take_losses(&mut self) -> Vec<String> {
        std::mem::take(&mut self.losses)
    }

    /// Work that must end before another project takes this one's place, or its findings would land there.
    fn refuse_while_busy(&self, what: &str) -> anyhow::Result<()> {
        match self.jobs.running().find(|job| job.title != ASK && job.title != work::LOOK) {
            Some(job) => bail!("“{}” is still running; wait for it or cancel it before {what}", job.title),
            None => Ok(()),
        }
    }

    /// Takes in what jobs have found. Returns the jobs that have ended since the last call.
    pub fn poll(&mut self) -> Vec<JobId> {
        let (found, ended) = self.jobs.poll();
        let changed = !found.is_empty();
        for finding in found {
            if let Err(error) = self.take(finding) {
                self.losses.push(format!("{error:#}"));
                self.notify(Level::Error, format!("{error:#}"));
            }
        }
        if self.unsaved_since.is_some_and(|since| since.elapsed() >= SCENARIO_REST)
            && let Err(error) = self.flush()
        {
            self.unsaved_since = None;
            self.notify(Level::Error, format!("the settings of the project could not be kept: {error:#}"));
        }
        for id in &ended {
            let failed = self.jobs.get(*id).and_then(|job| match &job.end {
                Some(End::Failed(message)) => Some(message.clone()),
                _ => None,
            });
            if let Some(message) = failed {
                self.notify(Level::Error, message);
            }
        }
        if changed {
            self.derive();
        }
        self.jobs.forget(|job| (job.title == ASK || job.title == work::LOOK) && job.end.is_some());
        ended
    }

    /// Waits for a job, taking in what all jobs find; `tick` is called between.
    pub fn wait(&mut self, id: JobId, mut tick: impl FnMut(&mut Self)) -> End {
        loop {
            self.poll();
            tick(self);
            match self.jobs.get(id) {
                None => return End::Done,
                Some(job) => {
                    if let Some(end) = &job.end {
                        return end.clone();
                    }
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Reads everything from a project and goes on with it.
    fn load(&mut self, mut project: Project) -> anyhow::Result<()> {
        self.flush()?;
        // They can be computed again: one that cannot be read must not keep the project closed.
        let agreements = project.all::<((String, String), Agreement)>("agreement").unwrap_or_else(|error| {
            self.notify(Level::Warning, format!("{error:#}; compare the models' outputs again"));
            Vec::new()
        });
        let breakdowns = project.all::<Breakdown>(profiling::KIND).unwrap_or_else(|error| {
            self.notify(Level::Warning, format!("{error:#}; profile the configurations again"));
            Vec::new()
        });
        let breakdowns = breakdowns.into_iter().map(|(_key, breakdown)| {
            (
                (breakdown.model_sha256.clone(), breakdown::key(&breakdown.config, &breakdown.target)),
                breakdown,
            )
        });
        let duels = self.duels_of(&mut project);
        let mut state = State {
            path: project.path().map(Path::to_owned),
            models: project.all("model")?.into_iter().map(|(_key, entry)| entry).collect(),
            points: project.points()?,
            profiles: project.all("profile")?.into_iter().map(|(_key, profile)| profile).collect(),
            results: results::load(&project)?,
            bills: project.all("bill")?.into_iter().map(|(_key, bill)| bill).collect(),
            warehouses: warehouse::of_project(&project)?,
            invoices: project.all(reconcile::KIND)?.into_iter().map(|(_key, invoice)| invoice).collect(),
            views: project.all(spend::KIND)?.into_iter().map(|(_key, view)| view).collect(),
            trace: project.all("trace")?.into_iter().map(|(_key, trace)| trace).next(),
            served: project.get("served", "now")?,
            rules: self.rules_of(&project),
            rules_version: self.state.rules_version + 1,
            lens: project.get("lens", "now")?.unwrap_or_default(),
            watch: watch::Watch::load(&project)?,
            rates: project.get(rates::KIND, "now")?.unwrap_or_default(),
            labelled: project.get("labelled", "now")?,
            agreements: agreements.into_iter().map(|(_key, pair)| pair).collect(),
            breakdowns: breakdowns.collect(),
            duels,
            scenario: project.get("scenario", "now")?.unwrap_or_default(),
            chosen: project.get::<Option<i64>>("chosen", "now")?.flatten(),
            // A sweep of another version is not worth a project that cannot be opened.
            unfinished: project.get("sweep", "now").unwrap_or_default(),
            revision: self.state.revision + 1,
            machine: std::mem::take(&mut self.state.machine),
            runtimes: self.state.runtimes.take(),
            targets: std::mem::take(&mut self.state.targets),
            surveys: std::mem::take(&mut self.state.surveys),
            ..State::default()
        };
        if state.machine == Fingerprint::default() {
            state.machine = Fingerprint::read();
        }
        for entry in &mut state.models {
            entry.present = entry.path.exists();
        }
        let fresh = project.get::<bool>("profiles", "filled")?.is_none();
        self.jobs.restart();
        self.project = project;
        self.state = state;
        self.load_choices()?;
        self.load_overlays()?;
        if fresh {
            for profile in crate::hardware::defaults(&self.state.machine) {
                self.keep_profile(profile)?;
            }
            self.project.put("profiles", "filled", 0, &true)?;
        }
        self.bills_generation += 1;
        self.derive();
        Ok(())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.flush();
    }
}

fn info(text: &str) -> Finding {
    Finding::Notice(Notice { level: Level::Info, text: text.to_owned() })
}

/// ` (batch 4, 2 threads)`, or nothing.
pub fn config_words(config: Option<&Config>) -> String {
    config.map_or_else(String::new, |config| format!(" ({})", config.words()))
}
