//! `inferometer plan --project P`: the cheapest way to serve a demand within a latency limit.

use anyhow::bail;
use serde_json::{Value, json};

use super::args::Plan;
use super::session::Session;
use super::table;
use crate::app::{Demand, Scenario, State, derive};
use crate::plan::{Answer, Offer};
use crate::units::{self, Money};

pub(super) fn run(session: &mut Session, what: &Plan) -> anyhow::Result<()> {
    let scenario = scenario(session.app.state(), what);
    if scenario.demand == Scenario::default().demand && what.rps.is_none() {
        bail!(
            "the project says no demand; give it with --rps, or take a demand trace in: inferometer import TRACE"
        );
    }
    session.settle();
    let state = session.app.state();
    if state.points.is_empty() {
        bail!(
            "the project has no measurements to plan with; make some first: inferometer bench MODEL --project FILE"
        );
    }
    // Asked on a copy: the project's own demand and limit stay as they are.
    let (rps, answer) = derive::plan(state, &scenario).map_err(anyhow::Error::msg)?;
    let currency = state.plan_currency();
    if session.json {
        Session::print_json(&document(state, &scenario, rps, &answer, &currency))?;
    } else {
        print(&answer, what.most, &currency);
    }
    if answer.best.is_none() {
        bail!("no offer is known to meet the limit");
    }
    Ok(())
}

/// The documented JSON form of an answer. Money under `usd_…` is only there when the plan is in US dollars.
fn document(state: &State, scenario: &Scenario, rps: f64, answer: &Answer, currency: &str) -> Value {
    let in_dollars = currency == "USD";
    let of_bill = |spend: &Option<(Money, String)>| {
        spend.as_ref().filter(|(_, of_bill)| of_bill == "USD").map(|(spend, _)| *spend)
    };
    let today = of_bill(&state.replaceable_per_month);
    let offers: Vec<Value> = answer.offers.iter().map(|offer| offer_document(offer, currency)).collect();
    let mut document = json!({
        "offers": offers,
        "best": answer.best,
        "why": answer.why,
        "method": answer.method,
        "currency": currency,
        "requests_per_second": rps,
        "p99_limit_ms": scenario.p99_limit_ms,
        "utilisation": scenario.utilisation,
        "today_usd_per_month": today,
        "today_with_supporting_usd_per_month": of_bill(&state.inference_per_month),
    });
    if answer.best.is_none() {
        document["best_reason"] = json!(answer.why);
    }
    if today.is_none() {
        document["today_reason"] = json!("no bill in US dollars with inference spend is open");
    }
    if !in_dollars {
        document["usd_reason"] = json!(format!("the machines are priced in {currency}; see per_month"));
    }
    document
}

/// The project's question with what the command line overrides.
fn scenario(state: &State, what: &Plan) -> Scenario {
    let mut scenario = state.scenario.clone();
    if let Some(rps) = what.rps {
        scenario.demand = Demand::Typed { rps };
    }
    if let Some(limit) = what.p99_ms {
        scenario.p99_limit_ms = limit;
    }
    if let Some(utilisation) = what.utilisation {
        scenario.utilisation = utilisation;
    }
    scenario
}

fn offer_document(offer: &Offer, currency: &str) -> Value {
    let usd = |amount: Option<Money>| amount.filter(|_| currency == "USD");
    let mut document = json!({
        "variant": offer.variant,
        "instance": offer.instance,
        "provider": offer.provider,
        "region": offer.region,
        "purchase": offer.purchase,
        "batch": offer.batch,
        "threads": offer.threads,
        "replicas": offer.replicas,
        "sessions_per_replica": offer.sessions_per_replica,
        "p99_ms": offer.p99_ms,
        "utilisation": offer.utilisation,
        "usd_per_month": usd(offer.cost_per_month),
        "per_month": offer.cost_per_month,
        "usd_per_thousand_requests": usd(offer.cost_per_thousand),
        "usd_per_month_difference": usd(offer.difference_per_month),
        "meets_limit": offer.meets_limit,
        "price_assumed": offer.assumed,
        "stay_as_you_are": offer.stay,
    });
    if offer.stay {
        for unknown in
            ["instance", "provider", "region", "batch", "threads", "replicas", "sessions_per_replica"]
        {
            document[unknown] = Value::Null;
        }
    }
    if !offer.reason.is_empty() {
        document["reason"] = json!(offer.reason);
    }
    document
}

fn print(answer: &Answer, most: usize, currency: &str) {
    say!("{}\n", answer.why);
    let money = |amount: Option<Money>| {
        amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, currency))
    };
    let stay = answer.offers.iter().position(|offer| offer.stay);
    let rows: Vec<Vec<String>> = answer
        .offers
        .iter()
        .enumerate()
        .filter(|(place, _)| *place < most || Some(*place) == stay)
        .map(|(place, offer)| {
            let mark = if Some(place) == answer.best { "best" } else { "" };
            if offer.stay {
                let mut row = vec![mark.to_owned(), "stay as you are".to_owned()];
                row.extend(std::iter::repeat_n(String::new(), 5));
                row.push("not known".to_owned());
                row.push(money(offer.cost_per_month));
                row.push(String::new());
                return row;
            }
            vec![
                mark.to_owned(),
                offer.variant.clone(),
                format!("{} × {}", offer.replicas, offer.instance),
                format!("{} {}", offer.provider, offer.region),
                offer.purchase.map_or_else(String::new, |purchase| purchase.to_string()),
                offer.batch.to_string(),
                offer.threads.to_string(),
                offer.p99_ms.map_or_else(|| "not known".to_owned(), units::duration_ms),
                money(offer.cost_per_month) + if offer.assumed { " assumed" } else { "" },
                match offer.meets_limit {
                    Some(true) => "yes".to_owned(),
                    Some(false) => format!("no: {}", offer.reason),
                    None => "not known".to_owned(),
                },
            ]
        })
        .collect();
    let head = [
        "",
        "variant",
        "machines",
        "where",
        "purchase",
        "batch",
        "threads",
        "p99",
        "a month",
        "within limit",
    ];
    table::print(&head, &rows);
    if answer.offers.len() > rows.len() {
        say!("and {} more offers (all of them with --json)", answer.offers.len() - rows.len());
    }
}
