//! The inference lens of a project: its rules, what was served, and what follows: unit costs, cost of ownership.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::project::Project;
use super::state::State;
use super::{App, Command, Level, Query};
use crate::bill::exact::{Exact, SCALE};
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::lens::{Entry, QuantityKind, Share, dimension_column};
use crate::bill::{Basis, COUNTED, Class, Costs, Filter, Group, Ledger, RuleSet};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::demand::{Counts, Served};
use crate::plan::tco::{Entered, LEFT_OUT, Tco, tco};
use crate::plan::unit_cost::{Period, Question, Side, Unit, UnitCosts, Utilisation, Verdict, unit_costs};
use crate::units::{self, Money};

/// Where it is known from what was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DemandSource {
    /// The project's demand trace: requests.
    Trace,
    /// The project's table of requests and tokens by day.
    Counts,
    /// Tokens and requests that the bill itself counts.
    Bill,
}

impl DemandSource {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Trace => "Demand trace",
            Self::Counts => "Table of requests and tokens",
            Self::Bill => "Tokens in the bill",
        }
    }
}

/// What a unit cost is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitOf {
    /// 1,000 requests.
    #[default]
    Requests,
    /// A million tokens in both directions.
    Tokens,
    /// A million tokens read.
    TokensIn,
    /// A million tokens written.
    TokensOut,
}

impl UnitOf {
    /// All.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::TokensIn, Self::TokensOut];

    /// `1,000 requests`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Requests => "1,000 requests",
            Self::Tokens => "million tokens",
            Self::TokensIn => "million tokens in",
            Self::TokensOut => "million tokens out",
        }
    }

    /// The cost of it.
    pub fn of(self, side: &Side) -> Option<Money> {
        match self {
            Self::Requests => side.per_thousand_requests,
            Self::Tokens => side.per_million_tokens,
            Self::TokensIn => side.per_million_tokens_in,
            Self::TokensOut => side.per_million_tokens_out,
        }
    }
}

/// How unit costs and the cost of ownership are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LensSettings {
    /// Where the demand is from; `None` = the table, else the trace, else the bill.
    pub source: Option<DemandSource>,
    /// Classes whose cost is divided.
    pub classes: Vec<Class>,
    /// Use of capacity paid by the hour.
    pub utilisation: Utilisation,
    /// How many input tokens an output token weighs.
    pub output_weight: Option<Money>,
    /// Width of the periods.
    pub period: Period,
    /// The unit that charts and the matrix show.
    pub unit: UnitOf,
    /// What the same unit costs elsewhere (an API's price), to judge both bases by.
    pub reference: Option<Money>,
    /// Lines of the cost of ownership that no bill has.
    pub entered: Vec<Entered>,
    /// Lines that are not in its total.
    pub left_out: BTreeSet<String>,
}

impl Default for LensSettings {
    fn default() -> Self {
        Self {
            source: None,
            classes: vec![Class::ModelApi, Class::ManagedEndpoint, Class::Machine, Class::Supporting],
            utilisation: Utilisation::Unknown,
            output_weight: None,
            period: Period::Day,
            unit: UnitOf::Requests,
            reference: None,
            entered: Vec::new(),
            left_out: LEFT_OUT.map(str::to_owned).into(),
        }
    }
}

/// What follows from spend and demand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LensAnswer {
    /// Where the demand is from: the kind and the file.
    pub demand: Option<(DemandSource, String)>,
    /// Why there is none.
    pub demand_problem: Option<String>,
    /// Unit costs; `None` without a demand.
    pub units: Option<UnitCosts>,
    /// Cost of ownership over the joined days, or over all whole days of the bill where none are joined.
    pub tco: Tco,
    /// Both bases beside the reference, where all three are known.
    pub verdict: Option<Verdict>,
}

impl App {
    /// The rules a project keeps. Those that cannot be used give way to the built-in ones, which is said.
    pub(super) fn rules_of(&mut self, project: &Project) -> RuleSet {
        match project.get::<RuleSet>("rules", "now") {
            Ok(Some(rules)) => {
                let rules = rules.known().completed();
                match rules.check() {
                    Ok(()) => rules,
                    Err(error) => {
                        self.notify(
                            Level::Warning,
                            format!(
                                "the project's inference rules cannot be used, the built-in ones are: {error}"
                            ),
                        );
                        RuleSet::default()
                    }
                }
            }
            Ok(None) => RuleSet::default(),
            Err(error) => {
                self.notify(Level::Warning, format!("{error:#}; the built-in inference rules are used"));
                RuleSet::default()
            }
        }
    }

    /// Changes rules and settings of the lens: kept first, then shown.
    pub(super) fn handle_lens(&mut self, command: Command) -> anyhow::Result<()> {
        match command {
            Command::SetRules(rules) => {
                let rules = rules.completed();
                rules.check()?;
                self.project.put("rules", "now", 0, &rules)?;
                self.state.rules = rules;
                self.state.rules_version += 1;
                self.bills_changed();
            }
            Command::SetLens(settings) => {
                self.project.put("lens", "now", 0, &settings)?;
                self.state.lens = *settings;
            }
            Command::RemoveServed => {
                self.project.remove("served", "now")?;
                self.state.served = None;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in a table of requests and tokens, in the place of the one before.
    pub(super) fn take_served(&mut self, served: Served) -> anyhow::Result<()> {
        self.project.put("served", "now", 0, &served)?;
        self.state.served = Some(served);
        Ok(())
    }
}

/// The demand that unit costs are joined with, or why there is none.
///
/// # Errors
/// In words, what is missing and what to open.
pub fn demand(state: &State, ledger: &Ledger) -> Result<(DemandSource, Served), String> {
    let of_bill = || counted_in_bill(ledger);
    let source = state.lens.source.or_else(|| {
        if state.served.is_some() {
            Some(DemandSource::Counts)
        } else if state.trace.is_some() {
            Some(DemandSource::Trace)
        } else {
            of_bill().map(|_| DemandSource::Bill)
        }
    });
    match source {
        Some(DemandSource::Counts) => state.served.clone().map(|served| (DemandSource::Counts, served)).ok_or_else(|| {
            "No table of requests and tokens is open. Open a CSV file with the columns date, requests, tokens_in and \
             tokens_out."
                .to_owned()
        }),
        Some(DemandSource::Trace) => {
            let trace = state.trace.as_ref().ok_or("No demand trace is open. Open one, or a table of requests and tokens.")?;
            let served = Served::of_trace(trace);
            if served.days.is_empty() {
                return Err("The demand trace covers no whole day (UTC), so no day of the bill can be joined with it.".to_owned());
            }
            Ok((DemandSource::Trace, served))
        }
        Some(DemandSource::Bill) => of_bill().map(|served| (DemandSource::Bill, served)).ok_or_else(|| {
            "The bill counts no tokens. Open a usage export of the model API beside its costs, a demand trace or a table \
             of requests and tokens."
                .to_owned()
        }),
        None => Err("Nothing is known of what was served. Open a demand trace, a CSV file with the columns date, requests, \
                     tokens_in and tokens_out, or a usage export of a model API."
            .to_owned()),
    }
}

/// Tokens and requests that the bill counts, by whole day; `None` where it counts none.
fn counted_in_bill(ledger: &Ledger) -> Option<Served> {
    let has =
        |kinds: &[QuantityKind]| ledger.quantities.iter().any(|quantity| kinds.contains(&quantity.kind));
    let of_in = [QuantityKind::InputTokens, QuantityKind::CachedTokens];
    let counts_tokens = has(&of_in) || has(&[QuantityKind::OutputTokens]);
    let counts_requests = has(&[QuantityKind::Requests]);
    if !counts_tokens && !counts_requests {
        return None;
    }
    // A day without use counts 0 between days with some. Before and after, no export may have counted at all.
    let is_use = |kind| !matches!(kind, QuantityKind::MachineHours | QuantityKind::EndpointHours);
    let used = || ledger.quantities.iter().filter(|one| is_use(one.kind)).map(|one| one.day);
    let (first, last) = used().min().zip(used().max())?;
    let mut days: BTreeMap<i64, [i128; 3]> =
        ledger.days.iter().filter(|day| (first..=last).contains(*day)).map(|day| (*day, [0; 3])).collect();
    for quantity in &ledger.quantities {
        let Some(slots) = days.get_mut(&quantity.day) else { continue };
        let place = match quantity.kind {
            QuantityKind::Requests => 0,
            QuantityKind::InputTokens | QuantityKind::CachedTokens => 1,
            QuantityKind::OutputTokens => 2,
            QuantityKind::MachineHours | QuantityKind::EndpointHours => continue,
        };
        slots[place] += quantity.amount.0;
    }
    // A count of 10⁻¹⁸ to the nearest whole.
    let whole = |count: i128| u64::try_from((count + ONE / 2) / ONE).ok();
    let days = days
        .into_iter()
        .map(|(day, [requests, read, written])| {
            let counts = Counts {
                requests: whole(requests).filter(|_| counts_requests),
                tokens_in: whole(read).filter(|_| counts_tokens),
                tokens_out: whole(written).filter(|_| counts_tokens),
            };
            (day, counts)
        })
        .collect();
    Some(Served { source: "the open bills".to_owned(), days, partial_days: Vec::new() })
}

const ONE: i128 = 10_i128.pow(SCALE);
/// Said where the demand is what the bill counts.
const ONLY_APIS: &str = "The bill counts the use of model APIs, so only their cost is divided by it. For machines and endpoints, \
                         open a demand trace or a table of requests and tokens.";

/// Unit costs and cost of ownership from a ledger and the state's demand and settings.
pub fn answer(state: &State, ledger: &Ledger) -> LensAnswer {
    let settings = &state.lens;
    let (demand, demand_problem) = match demand(state, ledger) {
        Ok(found) => (Some(found), None),
        Err(problem) => (None, Some(problem)),
    };
    // What a bill counts is the use of model APIs, and says nothing of what machines served.
    let of_apis = demand.as_ref().is_some_and(|(source, _)| *source == DemandSource::Bill);
    let divided = |class: &Class| !of_apis || *class == Class::ModelApi;
    let classes: Vec<Class> = settings.classes.iter().copied().filter(divided).collect();
    let units = demand.as_ref().map(|(_, served)| {
        let mut units = unit_costs(&Question {
            ledger,
            served,
            classes: &classes,
            utilisation: settings.utilisation,
            output_weight: settings.output_weight,
            period: settings.period,
        });
        if classes.len() < settings.classes.len() {
            units.notes.insert(0, ONLY_APIS.to_owned());
        }
        units
    });
    let joined = units.as_ref().map(|units| units.joined.as_slice()).unwrap_or_default();
    let counts =
        units.as_ref().and_then(|units| units.total).map_or_else(Counts::default, |unit| unit.counts);
    let days = if joined.is_empty() { &ledger.days } else { joined };
    let tco = tco(ledger, days, counts, &settings.entered, &settings.left_out);
    let total = units.as_ref().and_then(|units| units.total);
    let verdict = total.and_then(|unit| {
        let allocation = settings.unit.of(&unit.allocation)?;
        let usage = settings.unit.of(&unit.usage?)?;
        Some(Verdict::of(allocation, usage, settings.reference?))
    });
    LensAnswer {
        demand: demand.map(|(source, served)| (source, served.source)),
        demand_problem,
        units,
        tco,
        verdict,
    }
}

/// The question for inference spend by a dimension; [`of_dimension`] makes the answer of what comes back.
pub fn by_dimension(filters: &[Filter], dimension: &str, basis: Basis) -> Query {
    let mut filters = filters.to_vec();
    filters.push(Filter::is(COUNTED, ["yes"]));
    // By rule, too, because a rule may claim a part of what its rows cost.
    Query::Groups { by: vec![dimension_column(dimension), RULE_COLUMN.to_owned()], filters, basis }
}

/// Inference spend by the values of a dimension, the most expensive first: of each rule's rows what it claims, so that
/// all together are what counts as inference.
pub fn of_dimension(groups: &[Group], rules: &RuleSet, basis: Basis) -> Vec<Group> {
    /// Of the rows with a value: how many, their sums, and for each cost how many are not in its sum.
    #[derive(Default)]
    struct Working {
        rows: u64,
        sums: [Option<Exact>; 4],
        missing: [u64; 4],
    }
    const BASES: [Basis; 4] =
        [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];
    let mut values: BTreeMap<Option<String>, Working> = BTreeMap::new();
    for group in groups {
        let [value, rule] = group.key.as_slice() else { continue };
        let share = rule.as_deref().and_then(|id| rules.entry(id)).map_or(Share::WHOLE, Entry::share);
        let Working { rows, sums, missing } = values.entry(value.clone()).or_default();
        *rows += group.rows;
        for (missing, more) in missing.iter_mut().zip(group.missing) {
            *missing += more;
        }
        for (sum, basis) in sums.iter_mut().zip(BASES) {
            let claimed = group.costs.get(basis).and_then(Exact::from_money).map(|cost| share.split(cost).0);
            if let Some(claimed) = claimed {
                *sum = sum.unwrap_or_default().checked_add(claimed);
            }
        }
    }
    let group = |(value, Working { rows, sums, missing }): (Option<String>, Working)| {
        let [billed_cost, effective_cost, list_cost, contracted_cost] =
            sums.map(|sum| sum.map(Exact::to_money));
        let costs = Costs { billed_cost, effective_cost, list_cost, contracted_cost };
        Group { key: vec![value], rows, costs, missing }
    };
    let mut found: Vec<Group> = values.into_iter().map(group).collect();
    found.sort_by(|a, b| b.costs.get(basis).cmp(&a.costs.get(basis)).then_with(|| a.key.cmp(&b.key)));
    found
}

/// Cost of a unit over time, on both bases.
pub fn chart(units: &UnitCosts, of: UnitOf, period: Period, basis: Basis, currency: &str) -> Chart {
    let per = match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
    };
    let line = |name: &str, side: &dyn Fn(&Unit) -> Option<Side>, number: usize| {
        let data = units.periods.iter().filter_map(|unit| {
            let cost = of.of(&side(unit)?)?;
            let hover = vec![
                ("Basis".to_owned(), name.to_owned()),
                (format!("Per {}", of.words()), units::money(cost, currency)),
                ("Days joined".to_owned(), unit.days.to_string()),
            ];
            Some(Datum { hover, ..Datum::new(unit.start_unix_secs as f64, cost.to_f64()) })
        });
        Mark::Line {
            name: name.to_owned(),
            data: data.collect(),
            ink: Ink::Series(number),
            dashed: number > 0,
            markers: true,
            second_axis: false,
        }
    };
    let mut chart = Chart::new(
        "unit-cost",
        format!("Cost per {} by {per}", of.words()),
        Axis::new(format!("Start of the {per}"), "UTC", Scale::Time),
        Axis::new(format!("Cost per {}", of.words()), currency, Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!("{}, {currency}", basis.column());
    chart.marks = [
        line("Allocation: all that is paid for", &|unit| Some(unit.allocation), 0),
        line("Usage: the part that was used", &|unit| unit.usage, 1),
    ]
    .into_iter()
    .filter(|mark| !mark.data().is_empty())
    .collect();
    chart.notes.clone_from(&units.notes);
    chart
}
