//! What the application knows: the project's content, and what is derived from it.
//!
//! Pages and the command line read this; only [`super::App::handle`] and finished jobs change it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::command::Measure;
use super::lens::LensSettings;
use super::project::Stored;
use super::query::{Query, QueryResult};
use super::results::ResultFile;
use super::spend::{SavedView, Spend};
use super::warehouse::WarehouseTry;
use super::watch::Watch;
use crate::bill::claims::{Choice, Counting};
use crate::bill::overlay::Overlay;
use crate::bill::reconcile::InvoiceTotal;
use crate::bill::warehouse::Spec;
use crate::bill::{Basis, COUNTED, Filter, Granularity, Imported, Rates, RuleSet};
use crate::demand::{Served, Trace};
use crate::hardware::{Fingerprint, Profile};
use crate::measure::agreement::Agreement;
use crate::measure::breakdown::{self, Breakdown};
use crate::measure::duel::Duel;
use crate::measure::runtime::Found;
use crate::measure::{Config, Survey, Target};
use crate::model::Model;
use crate::plan::Answer;
use crate::units::Money;

/// A model of the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// Where the file is.
    pub path: PathBuf,
    /// What is known of it.
    pub model: Model,
    /// Share of the labelled set answered rightly; `None` until it was computed.
    pub accuracy: Option<f64>,
    /// False when the file is not there any more (looked up when the project is opened).
    #[serde(skip, default = "yes")]
    pub present: bool,
}

fn yes() -> bool {
    true
}

/// A configuration that could not be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The model's file name.
    pub model: String,
    /// What was asked; `None` when the model failed before any configuration.
    pub config: Option<Config>,
    /// What went wrong, in the runtime's own words where it has any.
    pub message: String,
}

/// A sweep that was stopped before its end, and what it has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// What was asked.
    pub measure: Measure,
    /// Measurements it has made, by their numbers: some may lack runs.
    pub points: Vec<i64>,
    /// Configurations in all.
    pub total: usize,
}

/// Where the demand comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Demand {
    /// Requests per second, typed in.
    Typed {
        /// Requests per second.
        rps: f64,
    },
    /// A share of the bill's inference spend, turned into requests at a stated cost each.
    Bill {
        /// Share of the spend, in (0, 1].
        share: f64,
        /// What 1,000 requests cost today.
        cost_per_thousand: Money,
    },
    /// The demand trace of the project.
    Trace {
        /// Which of the trace's rates is planned for.
        rate: TraceRate,
    },
}

/// Which rate of a trace is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TraceRate {
    /// Mean over the trace.
    Mean,
    /// The busiest hour.
    BusiestHour,
    /// The busiest interval.
    Peak,
}

/// What the latency axis of the trade-off shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "percentiles")]
pub enum LatencyAxis {
    P50,
    P90,
    P95,
    P99,
}

/// How the trade-off chart shows cost per million items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CostAs {
    /// Not at all.
    Hidden,
    /// As the points' colour.
    Colour,
    /// On a second vertical axis.
    SecondAxis,
}

/// What the user asks and how the pages show it: everything that can be changed without measuring or importing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own in the window")]
pub struct Scenario {
    /// Where the demand comes from.
    pub demand: Demand,
    /// 99th percentile allowed, waiting included, in milliseconds.
    pub p99_limit_ms: f64,
    /// Highest average use of the measured throughput, in (0, 1].
    pub utilisation: f64,
    /// The profile whose price lies over the trade-off chart.
    pub price_profile: Option<String>,
    /// Latency axis of the trade-off.
    pub latency: LatencyAxis,
    /// How cost is shown there.
    pub cost_as: CostAs,
    /// Logarithmic axes there: horizontal, vertical.
    pub log_axes: (bool, bool),
    /// Other tools' results are drawn there.
    pub show_imported: bool,
    /// Those among them that lie so far from the own measurements that the axes must grow for them, too.
    pub show_far: bool,
    /// Cost basis of the bill views.
    pub basis: Basis,
    /// Column (or `Tags.KEY`) the bill is grouped by.
    pub group_by: String,
    /// Filters of everything that is told of the bill; those of the Spend part alone are in `spend`.
    pub filters: Vec<Filter>,
    /// Width of a bar of cost over time.
    #[serde(alias = "monthly", deserialize_with = "super::spend::read_per")]
    pub per: Granularity,
    /// Only the spend that is inference.
    pub only_inference: bool,
    /// What else the Spend part shows.
    pub spend: Spend,
    /// The pair on the Compare page, by model hash.
    pub compared: Option<(String, String)>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            demand: Demand::Typed { rps: 50.0 },
            p99_limit_ms: 100.0,
            utilisation: 0.6,
            price_profile: None,
            latency: LatencyAxis::P99,
            cost_as: CostAs::Colour,
            log_axes: (true, true),
            show_imported: true,
            show_far: false,
            basis: Basis::EffectiveCost,
            group_by: "ServiceName".to_owned(),
            filters: Vec::new(),
            per: Granularity::Day,
            only_inference: false,
            spend: Spend::default(),
            compared: None,
        }
    }
}

impl Scenario {
    /// The filters that the user set for the whole project, the restriction to inference among them; see also
    /// [`State::project_filters`].
    pub fn bill_filters(&self) -> Vec<Filter> {
        self.restricted(self.filters.clone())
    }

    /// The filters of the Spend part, without its period.
    pub fn spend_filters(&self) -> Vec<Filter> {
        let mut filters = if self.spend.whole { Vec::new() } else { self.filters.clone() };
        filters.extend(self.spend.drill.iter().cloned());
        self.restricted(filters)
    }

    fn restricted(&self, mut filters: Vec<Filter>) -> Vec<Filter> {
        if self.only_inference {
            filters.push(Filter::is(COUNTED, ["yes"]));
        }
        filters
    }
}

/// Everything a page may read.
#[derive(Debug, Default)]
pub struct State {
    /// The project file; `None` for one in memory.
    pub path: Option<PathBuf>,
    /// Models, in the order they were added.
    pub models: Vec<ModelEntry>,
    /// Finished measurements, oldest first.
    pub points: Vec<Stored>,
    /// Configurations that failed since the project was opened.
    pub failures: Vec<Failure>,
    /// Other tools' results, a file each, without their raw samples.
    pub results: Vec<ResultFile>,
    /// Hardware profiles.
    pub profiles: Vec<Profile>,
    /// Bills.
    pub bills: Vec<Imported>,
    /// Those of the bills that are tables of warehouses, by hash: how each is reached.
    pub warehouses: BTreeMap<String, Spec>,
    /// The last try to reach a table of a warehouse.
    pub warehouse_try: Option<WarehouseTry>,
    /// What invoices say, to reconcile the bills with.
    pub invoices: Vec<InvoiceTotal>,
    /// What the bills' sums are shown in.
    pub rates: Rates,
    /// Which of the bills count, and what came several times.
    pub counting: Counting,
    /// What the user decided of what came several times, by [`crate::bill::claims::Claim::key`].
    pub choices: BTreeMap<String, Choice>,
    /// Allocations of `OpenCost` and Kubecost, beside the bills and never added to them.
    pub overlays: Vec<Overlay>,
    /// The demand trace.
    pub trace: Option<Trace>,
    /// Requests and tokens served by day, from a table of counts.
    pub served: Option<Served>,
    /// The rules that sort spend into inference and the rest.
    pub rules: RuleSet,
    /// Counts up when the rules change: what was asked of the bills before is then asked again.
    pub rules_version: u64,
    /// How unit costs and the cost of ownership are made from spend and demand.
    pub lens: LensSettings,
    /// Labelled inputs (`.npz`) that accuracy and agreement are computed on.
    pub labelled: Option<PathBuf>,
    /// Agreement of outputs by the pair of model hashes.
    pub agreements: BTreeMap<(String, String), Agreement>,
    /// Where the time of a configuration goes, by model hash and [`breakdown::key`].
    pub breakdowns: BTreeMap<(String, String), Breakdown>,
    /// Races, the latest last, without latencies: one for each pair of sides.
    pub duels: Vec<Duel>,
    /// Budgets, and what became of anomalies.
    pub watch: Watch,
    /// The sweep that was stopped before its end.
    pub unfinished: Option<Unfinished>,
    /// What is asked.
    pub scenario: Scenario,
    /// How the bill was shown, by name.
    pub views: Vec<SavedView>,
    /// The chosen measurement.
    pub chosen: Option<i64>,
    /// This machine.
    pub machine: Fingerprint,
    /// ONNX Runtime libraries on this machine; `None` until they were looked for ([`super::Command::LookForRuntimes`]).
    pub runtimes: Option<Vec<Found>>,
    /// Other machines to measure on, in the order they were added. The user's own, not the project's.
    pub targets: Vec<Target>,
    /// What those that were asked said of themselves, or why they did not, by name.
    pub surveys: BTreeMap<String, Result<Survey, String>>,

    /// The bill's mean inference spend a month, where a bill is open and has been asked; its currency.
    pub inference_per_month: Option<(Money, String)>,
    /// The part of it that other machines would replace: machines, endpoints and model APIs. Supporting cost
    /// (traffic, storage, load balancers) stays whatever serves the requests, so offers are compared without it.
    pub replaceable_per_month: Option<(Money, String)>,
    /// The answer to the scenario's question; `None` while nothing has been measured.
    pub answer: Option<Answer>,
    /// Why there is no rate to plan for (no bill, no trace); empty when there is one.
    pub demand_problem: String,
    /// Requests per second planned for.
    pub rps: Option<f64>,
    /// Results of bill queries asked since the bills last changed.
    pub queries: BTreeMap<Query, Result<QueryResult, String>>,
    /// Queries on their way.
    pub asked: BTreeSet<Query>,
    /// Counts up whenever anything above changes: what is drawn from it may be kept until then.
    pub revision: u64,
}

impl State {
    /// Where the sweep that was stopped stands: `3 of 24 configurations are measured, 5 more are begun (9 runs made)`;
    /// `None` without one. One that failed after some runs is begun: it is tried again when the sweep goes on.
    pub fn standing(&self) -> Option<String> {
        let unfinished = self.unfinished.as_ref()?;
        let of_sweep = self.points.iter().filter(|stored| unfinished.points.contains(&stored.id));
        let is_measured =
            |stored: &&Stored| stored.point.ended.as_ref().is_some_and(|ended| !ended.is_failure());
        let (measured, begun): (Vec<&Stored>, Vec<&Stored>) = of_sweep.partition(is_measured);
        let is = |count: usize| if count == 1 { "is" } else { "are" };
        let (total, measured) = (unfinished.total, measured.len());
        let mut words = format!("{measured} of {total} configurations {} measured", is(measured));
        if !begun.is_empty() {
            let runs = begun.iter().map(|stored| stored.point.runs.len()).sum::<usize>();
            let more = if measured == 0 { "" } else { " more" };
            let s = if runs == 1 { "" } else { "s" };
            // Writing to a text cannot fail.
            let _ = write!(words, ", {}{more} {} begun ({runs} run{s} made)", begun.len(), is(begun.len()));
            let failed = begun.iter().filter(|stored| stored.point.ended.is_some()).count();
            if failed > 0 {
                let _ = write!(words, ", of which {failed} failed");
            }
        }
        Some(words)
    }

    /// The model with this hash.
    pub fn model(&self, sha256: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|entry| entry.model.sha256 == sha256)
    }

    /// The other machine with this name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// The chosen measurement, while it is in the project.
    pub fn chosen_point(&self) -> Option<&Stored> {
        self.points.iter().find(|stored| Some(stored.id) == self.chosen)
    }

    /// Where the time of a model's configuration goes on the machine that `target` reaches (empty = this one), once it
    /// was profiled.
    pub fn breakdown(&self, sha256: &str, config: &Config, target: &str) -> Option<&Breakdown> {
        self.breakdowns.get(&(sha256.to_owned(), breakdown::key(config, target)))
    }

    /// The profile whose price lies over the trade-off chart: the chosen one, else the first that can be priced.
    pub fn price_profile(&self) -> Option<&Profile> {
        let id = self.scenario.price_profile.as_ref();
        self.profiles
            .iter()
            .find(|profile| id == Some(&profile.id))
            .or_else(|| self.profiles.iter().find(|profile| profile.speed_factor.is_some()))
    }

    /// Currency the plan is in: the bill's where a profile is priced in it, else that of the first profile.
    pub fn plan_currency(&self) -> String {
        let priced_in = |currency: &str| self.profiles.iter().any(|profile| profile.currency == currency);
        match self.bill_currency().filter(|currency| priced_in(currency)) {
            Some(currency) => currency.to_owned(),
            None => {
                self.profiles.first().map_or_else(|| "USD".to_owned(), |profile| profile.currency.clone())
            }
        }
    }

    /// The pair on the Compare page: the chosen one, else the first two models.
    pub fn compared_pair(&self) -> Option<(String, String)> {
        let chosen = self.scenario.compared.clone();
        chosen.filter(|(a, b)| self.model(a).is_some() && self.model(b).is_some()).or_else(|| {
            let mut models = self.models.iter().map(|entry| entry.model.sha256.clone());
            Some((models.next()?, models.next()?))
        })
    }

    /// Currency of the bills' sums: the one they are shown in, else the rows' own; `None` without one or with several.
    pub fn bill_currency(&self) -> Option<&str> {
        if !self.bills.is_empty() && self.rates.display.is_some() {
            return self.rates.display.as_deref();
        }
        match self.row_currencies().as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}
