//! What follows from the state: the rate planned for, today's spend, the planner's answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::App;
use super::project::Stored;
use super::query::{Query, QueryResult};
use super::state::{Demand, Scenario, State, TraceRate};
use crate::bill::{Basis, Class, Filter, InferenceShare};
use crate::demand;
use crate::measure::Point;
use crate::plan::{Answer, Measured, Question, answer};
use crate::units::Money;

impl App {
    /// Brings everything derived up to date. Called after each command that changes what the plan is made from,
    /// and after each batch of findings.
    pub(super) fn derive(&mut self) {
        let scenario = &self.state.scenario;
        let spend = Query::Inference { filters: scenario.filters.clone(), basis: scenario.basis };
        let before_tax = Query::Inference { filters: before_tax(&scenario.filters), basis: scenario.basis };
        if !self.state.bills.is_empty() {
            self.ask(spend.clone());
            self.ask(before_tax.clone());
        }
        let state = &mut self.state;
        let currency = state.bill_currency().map(str::to_owned);
        let answered = |query: &Query| match state.queries.get(query) {
            Some(Ok(QueryResult::Inference(share, monthly))) => Some((share, monthly.as_ref()?)),
            _ => None,
        };
        let inference = answered(&spend).map(|(_, monthly)| *monthly);
        let replaceable = answered(&before_tax)
            .and_then(|(share, monthly)| monthly.times(replaceable_share(share, state.scenario.basis)?));
        state.inference_per_month = inference.zip(currency.clone());
        state.replaceable_per_month = replaceable.zip(currency);
        let rps = rate(state, &state.scenario);
        state.answer = if state.points.is_empty() {
            None
        } else {
            plan(state, &state.scenario).ok().map(|(_, answer)| answer)
        };
        (state.rps, state.demand_problem) = match rps {
            Ok(rps) => (Some(rps), String::new()),
            Err(problem) => (None, problem),
        };
        state.revision += 1;
    }
}

/// The rows that are not tax: offers are priced before tax too.
fn before_tax(filters: &[Filter]) -> Vec<Filter> {
    let categories = ["Usage", "Purchase", "Credit", "Adjustment"].map(str::to_owned).to_vec();
    let mut filters = filters.to_vec();
    filters.push(Filter::is("ChargeCategory", categories));
    filters
}

/// The rate planned for and the planner's answer to a scenario, from what is measured, priced and billed.
///
/// # Errors
/// In words, when there is no rate to plan for.
pub fn plan(state: &State, scenario: &Scenario) -> Result<(f64, Answer), String> {
    let rps = rate(state, scenario)?;
    // A bill in a currency that no machine is priced in cannot be compared with any offer.
    let currency = state.plan_currency();
    let today = state.replaceable_per_month.as_ref().filter(|(_, of_bill)| *of_bill == currency);
    let question = Question {
        rps,
        p99_limit_ms: scenario.p99_limit_ms,
        utilisation: scenario.utilisation,
        today_per_month: today.map(|(spend, _)| *spend),
        currency,
    };
    let measured = measured(state);
    let mut answer = answer(&question, &measured, &state.profiles);
    let loaded = one_of_each(state).iter().filter(|stored| !stored.point.config.is_plain()).count();
    if loaded > 0 {
        if measured.is_empty() {
            let s = if loaded == 1 { "" } else { "s" };
            answer.why = format!(
                "None of the {loaded} measurement{s} can be planned with: measure SingleStream, with one session and all \
                 graph optimisations. Queueing is the plan's own."
            );
        }
        answer.left_out.push(("measurements under load, or less optimised".to_owned(), loaded));
    }
    Ok((rps, answer))
}

/// The share of inference spend that other machines would replace: everything but supporting cost.
fn replaceable_share(share: &InferenceShare, basis: Basis) -> Option<f64> {
    let total = share.inference.get(basis)?.to_f64();
    let replaced: Money = share
        .by_rule
        .iter()
        .filter(|rule| rule.counted && rule.class != Class::Supporting)
        .filter_map(|rule| rule.costs.get(basis))
        .sum();
    (total > 0.0).then(|| replaced.to_f64() / total)
}

/// Requests per second planned for, or why there are none.
fn rate(state: &State, scenario: &Scenario) -> Result<f64, String> {
    match &scenario.demand {
        Demand::Typed { rps } => Ok(*rps),
        Demand::Trace { rate } => {
            let trace = state
                .trace
                .as_ref()
                .ok_or("No demand trace is open. Open one, or type in the requests per second.")?;
            let summary = trace.summary().ok_or(
                "The demand trace has no intervals. Open another, or type in the requests per second.",
            )?;
            Ok(match rate {
                TraceRate::Mean => summary.mean_rps,
                TraceRate::BusiestHour => summary.peak_hour_rps,
                TraceRate::Peak => summary.peak_rps,
            })
        }
        Demand::Bill { share, cost_per_thousand } => {
            if state.bills.is_empty() {
                return Err("No bill is open. Open one, or type in the requests per second.".to_owned());
            }
            let Some((spend, _currency)) = &state.inference_per_month else {
                return Err("The bill's inference spend is not known yet.".to_owned());
            };
            let part = spend.times(*share);
            let each = cost_per_thousand.times(1e-3);
            part.zip(each).and_then(|(part, each)| demand::from_spend(part, each)).ok_or_else(|| {
                "The cost of a million requests must be more than 0 to turn spend into requests.".to_owned()
            })
        }
    }
}

/// What a measured variant is called: the model's file name, with the start of its hash where another model has the
/// same name, and the sizes somebody set for its dynamic dimensions.
pub fn variant_name(state: &State, stored: &Stored) -> String {
    let point = &stored.point;
    let namesake = state
        .points
        .iter()
        .any(|other| other.point.model == point.model && other.point.model_sha256 != point.model_sha256);
    let mut more: Vec<String> = Vec::new();
    if namesake {
        more.extend(point.model_sha256.get(..8).map(str::to_owned));
    }
    more.extend(point.config.unusual());
    if more.is_empty() { point.model.clone() } else { format!("{} ({})", point.model, more.join(", ")) }
}

/// The latest measurement of each configuration on each machine ([`crate::hardware::Fingerprint::identity`]).
pub fn latest(state: &State) -> Vec<&Stored> {
    let mut by_config = BTreeMap::new();
    for stored in &state.points {
        let Point { model_sha256, config, fingerprint, .. } = &stored.point;
        let key = (model_sha256, config.batch, config.threads, config.key(), fingerprint.identity());
        by_config.insert(key, stored);
    }
    let mut latest: Vec<&Stored> = by_config.into_values().collect();
    latest.sort_by_key(|stored| stored.id);
    latest
}

/// One measurement of each configuration: this machine's where there is one, else the latest of another.
pub(super) fn one_of_each(state: &State) -> Vec<&Stored> {
    let mut by_config: BTreeMap<(&String, String), &Stored> = BTreeMap::new();
    for stored in latest(state) {
        let key = (&stored.point.model_sha256, stored.point.config.key());
        let is_worse = |other: &&Stored| same_machine(state, other) && !same_machine(state, stored);
        if by_config.get(&key).is_none_or(|other| !is_worse(other)) {
            by_config.insert(key, stored);
        }
    }
    let mut chosen: Vec<&Stored> = by_config.into_values().collect();
    chosen.sort_by_key(|stored| stored.id);
    chosen
}

/// Identity of a measured variant: the model's hash and what is not as usual about its configuration.
pub fn variant_id(stored: &Stored) -> String {
    let mut id = stored.point.model_sha256.clone();
    for unusual in stored.point.config.unusual() {
        let _ = write!(id, " {unusual}");
    }
    id
}

/// Whether a measurement was taken on the machine this runs on.
pub fn same_machine(state: &State, stored: &Stored) -> bool {
    stored.point.fingerprint.is_same_machine(&state.machine)
}

fn measured(state: &State) -> Vec<Measured> {
    // Queueing is the planner's own: it starts from inferences that waited for nothing.
    one_of_each(state)
        .into_iter()
        .filter(|stored| stored.point.config.is_plain())
        .map(|stored| {
            let (point, summary) = (&stored.point, &stored.summary);
            Measured {
                id: variant_id(stored),
                variant: variant_name(state, stored),
                batch: point.config.batch,
                threads: point.config.threads,
                provider: point.config.provider.clone(),
                p50_ms: summary.p50.or_nan(),
                p99_ms: summary.p99.or_nan(),
                throughput_per_second: summary.throughput_per_second,
                peak_memory_bytes: point.peak_memory_bytes(),
                accuracy: state.model(&point.model_sha256).and_then(|entry| entry.accuracy),
                same_machine: same_machine(state, stored),
                samples: usize::try_from(summary.samples).unwrap_or(usize::MAX),
            }
        })
        .collect()
}
