//! `inferometer bill` over rows in several currencies: each is answered by itself, because they are never added up.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::bill::{Answer, Bill, answer_of};
use super::bill_explore::More;
use super::session::Session;
use crate::app::{Query, QueryResult, SpendQuery, SpendResult};
use crate::bill::error::NO_CURRENCY;
use crate::bill::{Filter, Totals};

/// The answers, by currency; the empty name is no currency.
pub(super) struct Several(BTreeMap<String, (Answer, More)>, String);

impl Several {
    /// Asks for each currency by itself; `None` where all rows that cost something are in one.
    pub(super) fn of(session: &mut Session, what: &Bill, filters: &[Filter]) -> anyhow::Result<Option<Self>> {
        if session.app.state().bill_currency().is_some() {
            return Ok(None);
        }
        let query = Query::Spend(SpendQuery::Currencies { filters: filters.to_vec() });
        let QueryResult::Spend(SpendResult::Currencies(totals)) = session.ask(&query)? else {
            bail!("the bill store answered another question");
        };
        if totals.values().filter(|totals| !totals.exact.is_empty()).count() < 2 {
            return Ok(None);
        }
        let advice = advice(&totals);
        if what.csv && (what.per.is_some() || what.compare.is_some()) {
            let names: Vec<&str> = totals.keys().map(|name| name_of(name)).collect();
            bail!(
                "the rows are in several currencies ({}), and this CSV has one column of amounts for each series; {advice}",
                names.join(", ")
            );
        }
        let mut answers = BTreeMap::new();
        for currency in totals.into_keys() {
            let mut filters = filters.to_vec();
            filters.push(Filter::is("BillingCurrency", [currency.clone()]));
            // A comparison takes the filters of the command.
            let mut of_one = what.clone();
            of_one.filters.push(format!("BillingCurrency={currency}"));
            answers.insert(currency, answer_of(session, &of_one, &filters)?);
        }
        Ok(Some(Self(answers, advice)))
    }

    pub(super) fn print(&self, session: &Session, what: &Bill) -> anyhow::Result<()> {
        let Self(answers, advice) = self;
        let by = &what.by;
        if what.csv {
            for (place, (answer, more)) in answers.values().enumerate() {
                let text = more.csv(by, &answer.groups, &answer.currency)?;
                // One header for all.
                let text =
                    if place == 0 { text.as_str() } else { text.split_once('\n').map_or("", |cut| cut.1) };
                if !text.trim().is_empty() {
                    say!("{}", text.trim_end());
                }
            }
            return Ok(());
        }
        if session.json {
            let mut by_currency = Map::new();
            for (currency, (answer, more)) in answers {
                let mut document = answer.document();
                more.add_to(&mut document);
                by_currency.insert(currency.clone(), document);
            }
            let mut document =
                json!({ "currency": Value::Null, "by_currency": by_currency, "advice": advice });
            super::bill_deliveries::add_to(&mut document, session.app.state());
            return Session::print_json(&document);
        }
        super::bill_deliveries::print(session.app.state());
        let names: Vec<&str> = answers.keys().map(|name| name_of(name)).collect();
        say!(
            "The rows are in {} currencies ({}), which are not added up: {advice}.",
            names.len(),
            names.join(", ")
        );
        say!("");
        for (answer, more) in answers.values() {
            answer.print(by);
            more.print(by);
        }
        Ok(())
    }
}

fn name_of(currency: &str) -> &str {
    if currency.is_empty() { NO_CURRENCY } else { currency }
}

/// `to see them in one, add --in USD --rate CAD=…; to see one, add --where BillingCurrency=CAD`.
fn advice(totals: &BTreeMap<String, Totals>) -> String {
    let named: Vec<&str> = totals.keys().filter(|name| !name.is_empty()).map(String::as_str).collect();
    let most = totals.iter().filter(|(name, _)| !name.is_empty()).max_by_key(|(_, totals)| totals.rows);
    let Some((to, _)) = most else {
        return "leave rows out with --where".to_owned();
    };
    let rates: Vec<String> =
        named.iter().filter(|name| *name != to).map(|name| format!(" --rate {name}=RATE")).collect();
    format!(
        "to see them in one, add --in {to}{}; to see one, add --where BillingCurrency={to}",
        rates.join("")
    )
}
