//! Everything that can be done to a project. The window and the command line send the same commands.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::jobs::JobId;
use super::lens::LensSettings;
use super::query::Query;
use super::race::Race;
use super::spend::ViewChange;
use super::state::Scenario;
use super::watch::WatchCommand;
use crate::bill::claims::Choice;
use crate::bill::reconcile::{InvoiceTotal, Target as InvoiceTarget};
use crate::bill::warehouse::{Look, Secrets, Spec};
use crate::bill::{Filter, Rates, RuleSet};
use crate::hardware::Profile;
use crate::measure::Config;
use crate::measure::Target;
use crate::measure::agreement::Question;
use crate::measure::install::Flavour;
use crate::measure::sweep::Sweep;

/// What a sweep measures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measure {
    /// Hashes of the project's models.
    pub models: Vec<String>,
    /// Everything else; its list of model files is filled in from `models`.
    pub sweep: Sweep,
    /// Name of the machine that measures, among [`super::State::targets`]; `None` = this one.
    #[serde(default)]
    pub target: Option<String>,
}

/// What is profiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Profiling {
    /// Hash of the model.
    pub model: String,
    /// The configuration.
    pub config: Config,
    /// Shapes of the inputs, where a measurement has found them; see [`crate::measure::breakdown::Ask`].
    pub shapes: Option<BTreeMap<String, Vec<u64>>>,
    /// How long, in seconds.
    pub seconds: f64,
    /// Name of the machine that runs it, among [`super::State::targets`]; `None` = this one.
    pub target: Option<String>,
}

/// Whose answers are compared, and where.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreeing {
    /// Hash of one model.
    pub a: String,
    /// Hash of the other.
    pub b: String,
    /// On which inputs; `None` = the labelled set where it fits, else generated ones.
    pub question: Option<Question>,
    /// Name of the machine that runs them, among [`super::State::targets`]; `None` = this one.
    pub target: Option<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Opens a project file, or makes it.
    OpenProject(PathBuf),
    /// Opens the sample project, unpacking it first where it is not there yet.
    OpenSample,
    /// Starts an empty project in memory.
    NewProject,
    /// Writes the project to a new file and goes on there.
    SaveAs(PathBuf),
    /// Takes in files of any kind: models, bills, demand traces, labelled sets, hardware profiles,
    /// other tools' results and folders of them.
    OpenFiles(Vec<PathBuf>),
    /// Takes in ONNX models: what is something else is refused, whatever it is called.
    OpenModels(Vec<PathBuf>),
    /// The same for bills: a folder or pattern without one is said to have none, whatever else it has.
    OpenBills(Vec<PathBuf>),
    /// Asks the bills that are open with what another project has decided of its own: rates, rules, what was served, which
    /// deliveries count. That project stays as it is.
    BorrowBillSettings(PathBuf),
    /// Takes a model out; its measurements stay.
    RemoveModel(String),
    /// Takes measurements out.
    RemovePoints(Vec<i64>),
    /// Takes files of other tools' results out, by their keys ([`super::ResultFile::key`]).
    RemoveResults(Vec<String>),
    /// Takes a bill out of the project; the store keeps its rows for the next import.
    RemoveBill(String),
    /// Connects to a table of a warehouse and tells what it is; the answer comes into [`super::State::warehouse_try`].
    TryWarehouse(Box<Spec>, Secrets),
    /// Connects a table of a warehouse and takes it among the bills, or connects one of them again.
    ConnectWarehouse(Box<Spec>, Secrets, Look),
    /// Keeps what an invoice says, to compare the bills with it.
    PutInvoice(Box<InvoiceTotal>),
    /// Forgets what an invoice says.
    RemoveInvoice(Box<InvoiceTarget>),
    /// Decides which of several deliveries of the same charges counts.
    CountBill {
        /// The claim ([`crate::bill::claims::Claim::key`]).
        claim: String,
        /// The decision; `None` leaves it to the rows.
        choice: Option<Choice>,
    },
    /// Takes an overlay out, by its key.
    RemoveOverlay(String),
    /// Writes the open bills as FOCUS.
    WriteFocus {
        /// Rows written.
        filters: Vec<Filter>,
        /// The file; `.csv` or `.parquet`.
        to: PathBuf,
        /// A file that is there may be lost.
        replace: bool,
    },
    /// Takes the demand trace out.
    RemoveTrace,
    /// Sorts spend by other rules.
    SetRules(Box<RuleSet>),
    /// Changes how unit costs and the cost of ownership are made.
    SetLens(Box<LensSettings>),
    /// Takes the table of requests and tokens served out.
    RemoveServed,
    /// Measures a sweep.
    Measure(Box<Measure>),
    /// Goes on with the sweep that was stopped.
    Resume,
    /// Forgets the sweep that was stopped.
    ForgetSweep,
    /// Moves the warm-up of a run: a measurement, the place of its run, and how many queries at the start do not
    /// count; `None` = as found.
    MoveWarmUp(i64, usize, Option<u64>),
    /// Runs two models, by hash, on the same inputs and compares what they answer.
    Agree(String, String),
    /// The same with inputs, threads and dimensions of one's own, or on another machine.
    AgreeOn(Box<Agreeing>),
    /// Finds out where the time of one configuration goes.
    Profile(Box<Profiling>),
    /// Looks for ONNX Runtime libraries on this machine, to know which execution providers there are.
    LookForRuntimes,
    /// Runs two models, or one in two ways, in turn, and tells which is faster.
    Duel(Box<Race>),
    /// Fetches an ONNX Runtime.
    InstallRuntime(Flavour),
    /// Stops a job; what it finished is kept.
    Cancel(JobId),
    /// Adds a hardware profile, or changes the one with the same id.
    PutProfile(Box<Profile>),
    /// Takes a hardware profile out, by id.
    RemoveProfile(String),
    /// Adds a machine to measure on, or changes the one with the same name, and keeps it among the user's settings.
    PutTarget(Box<Target>),
    /// The same for as long as the process lives; nothing is written.
    UseTarget(Box<Target>),
    /// Takes a machine out, by name.
    RemoveTarget(String),
    /// Asks a machine what it is, by name; the answer comes into [`super::State::surveys`].
    CheckTarget(String),
    /// Changes what is asked and shown.
    SetScenario(Box<Scenario>),
    /// Chooses a measurement, or none.
    Choose(Option<i64>),
    /// Changes budgets, what is watched, or what became of anomalies.
    Watch(Box<WatchCommand>),
    /// Changes the currency that the bills' sums are shown in, and the rates to it.
    SetRates(Box<Rates>),
    /// Asks the bills something; the answer appears in the state.
    Ask(Query),
    /// Keeps, renames or takes out a view of the bill.
    View(ViewChange),
}

impl Command {
    /// Whether what the plan is made from may change. What is chosen, asked or stopped changes nothing of it.
    pub(super) fn changes_plan(&self) -> bool {
        !matches!(
            self,
            Self::Choose(_)
                | Self::Cancel(_)
                | Self::Ask(_)
                | Self::PutInvoice(_)
                | Self::RemoveInvoice(_)
                | Self::View(_)
                | Self::Watch(_)
                | Self::LookForRuntimes
                | Self::PutTarget(_)
                | Self::UseTarget(_)
                | Self::RemoveTarget(_)
                | Self::CheckTarget(_)
                | Self::TryWarehouse(..)
        )
    }
}
