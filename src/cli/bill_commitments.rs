//! `inferometer bill commitments`, `bill idle`: what commitments of a project's bills cover, waste and save; what is paid
//! for and not used.

use anyhow::bail;
use serde_json::{Value, json};

use super::session::Session;
use super::table;
use crate::app::watch::{commitments_question, currencies, idle_question};
use crate::app::{Query, QueryResult};
use crate::bill::reconcile::rows_words;
use crate::bill::watch::{Answer, Commitments, Committed, IdleView};
use crate::units::{self, Money};

/// Commitments, and idle resources of a rule, named in text; `--json` has all.
const NAMED: usize = 20;

fn ask(session: &mut Session, query: &Query) -> anyhow::Result<Answer> {
    match session.ask(query)? {
        QueryResult::Watch(answer) => Ok(*answer),
        _ => bail!("the bill store answered another question"),
    }
}

fn of_currencies(session: &Session) -> anyhow::Result<Vec<String>> {
    let currencies = currencies(session.app.state());
    if currencies.is_empty() {
        bail!("the project has no bill to look at; import one first");
    }
    Ok(currencies)
}

pub(super) fn commitments(session: &mut Session) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for currency in of_currencies(session)? {
        let query = commitments_question(session.app.state(), &currency);
        let Answer::Commitments(found) = ask(session, &query)? else {
            bail!("the bill store answered another question")
        };
        match found {
            Some(found) if session.json => documents.push(commitments_document(&found, &currency)),
            Some(found) => print_commitments(&found, &currency),
            None if session.json => {}
            None => say!("the bills in {currency} tell of no reservation, savings plan or committed use"),
        }
    }
    if session.json { Session::print_json(&json!(documents)) } else { Ok(()) }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "not known".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn print_commitments(found: &Commitments, currency: &str) {
    let money = |amount: Money| units::money(amount, currency);
    let known = |amount: Option<Money>| amount.map_or_else(|| "not known".to_owned(), money);
    let Commitments { all, uncovered, .. } = found;
    if let Some((first, last)) = found.days {
        say!("{first} to {last}, {currency}");
    }
    say!(
        "effective savings rate {} over list prices, {} over contracted prices",
        percent(found.savings_rate),
        percent(found.savings_rate_contracted)
    );
    say!("coverage {}, {} not covered", percent(found.coverage), known(*uncovered));
    say!(
        "utilisation {}, break-even {}, waste {}",
        percent(all.utilisation()),
        percent(all.break_even()),
        money(all.unused)
    );
    say!("saved by commitments, waste taken off: {}", known(all.saved()));
    if found.unpriced_rows > 0 {
        say!(
            "{} of covered usage without a contracted cost: what commitments saved is not known",
            rows_words(found.unpriced_rows)
        );
    }
    if found.unlisted_rows > 0 {
        let cost = money(found.unlisted);
        say!(
            "{} of usage ({cost}) without a list cost: left out of the savings rate",
            rows_words(found.unlisted_rows)
        );
    }
    say!("");
    let rows: Vec<Vec<String>> = found
        .each
        .iter()
        .take(NAMED)
        .map(|each| {
            vec![
                each.name.clone().unwrap_or_else(|| each.id.clone()),
                each.kind.clone().unwrap_or_default(),
                money(each.sums.used),
                money(each.sums.unused),
                percent(each.sums.utilisation()),
                percent(each.sums.break_even()),
                known(each.sums.saved()),
            ]
        })
        .collect();
    table::print(&["commitment", "type", "used", "unused", "utilisation", "break-even", "saved"], &rows);
    let more = found.each.len().saturating_sub(NAMED);
    if more > 0 {
        say!("and {more} more with less waste");
    }
}

/// The documented JSON form.
fn commitments_document(found: &Commitments, currency: &str) -> Value {
    let told = |sums: &Committed| {
        json!({
            "used": sums.used,
            "unused": sums.unused,
            "on_demand": sums.on_demand,
            "utilisation": sums.utilisation(),
            "break_even": sums.break_even(),
            "saved": sums.saved(),
        })
    };
    let each: Vec<Value> = found
        .each
        .iter()
        .map(|each| {
            let mut told = told(&each.sums);
            told["id"] = json!(each.id);
            told["name"] = json!(each.name);
            told["type"] = json!(each.kind);
            told
        })
        .collect();
    json!({
        "currency": currency,
        "days": found.days,
        "all": told(&found.all),
        "coverage": found.coverage,
        "uncovered": found.uncovered,
        "savings_rate": found.savings_rate,
        "savings_rate_contracted": found.savings_rate_contracted,
        "unpriced_rows": found.unpriced_rows,
        "unlisted_rows": found.unlisted_rows,
        "unlisted": found.unlisted,
        "commitments": each,
    })
}

pub(super) fn idle(session: &mut Session) -> anyhow::Result<()> {
    let mut documents = Vec::new();
    for currency in of_currencies(session)? {
        let query = idle_question(session.app.state(), &currency);
        let Answer::Idle(found) = ask(session, &query)? else {
            bail!("the bill store answered another question")
        };
        if session.json {
            let mut document = json!(found);
            document["currency"] = json!(currency);
            documents.push(document);
        } else {
            print_idle(&found, &currency);
        }
    }
    if session.json { Session::print_json(&json!(documents)) } else { Ok(()) }
}

fn print_idle(found: &IdleView, currency: &str) {
    let money = |amount: Money| units::money(amount, currency);
    if found.found.is_empty() {
        say!("the bills in {currency} tell of nothing idle");
    } else {
        say!("paid for and not used: {} of {}", money(found.total), found.basis.column());
    }
    for idle in &found.found {
        let how = if idle.told { "the bill says so" } else { "rows of traffic are missing" };
        say!("{}: {}, {} in all ({how})", idle.words, money(idle.cost), idle.count);
        for (name, cost) in idle.resources.iter().take(NAMED) {
            say!("  {} {}", name.as_deref().unwrap_or("(not named)"), money(*cost));
        }
    }
    for words in &found.not_tried {
        say!("not looked for: {words}");
    }
}
