//! `inferometer bill` about bills of many files, about what was delivered several times, and about overlays.

use anyhow::bail;
use serde_json::{Value, json};

use super::session::Session;
use super::table;
use crate::app::counting::{month_words, standing_words};
use crate::app::{Command, State};
use crate::bill::claims::Choice;
use crate::bill::overlay::Component;
use crate::units::{self, Money};

/// Rows of a table of allocations at most; `--json` has them all.
const MOST_ROWS: usize = 40;

/// Decides which deliveries count: `all`, or the names of bills or files.
pub(super) fn count(session: &mut Session, names: &[String]) -> anyhow::Result<()> {
    for name in names {
        let claims = session.app.state().counting.claims.clone();
        let mut found = false;
        for claim in &claims {
            let is_meant = |text: &str| text == name || text.ends_with(&format!("/{name}"));
            let meant = claim
                .standings
                .iter()
                .find(|one| is_meant(&one.bill) || one.files.iter().any(|file| is_meant(file)));
            let choice = match meant {
                _ if name == "all" => Choice::All,
                Some(one) => Choice::Only { hash: one.hash.clone(), files: one.files.clone() },
                None => continue,
            };
            found = true;
            session.run(Command::CountBill { claim: claim.key(), choice: Some(choice) })?;
        }
        if !found && name != "all" {
            let known: Vec<String> =
                claims.iter().flat_map(|claim| &claim.standings).map(|one| one.bill.clone()).collect();
            if known.is_empty() {
                bail!("--count {name}: nothing was delivered several times, so there is nothing to decide");
            }
            bail!(
                "--count {name}: no bill or file of that name came several times; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// The files of bills of many, and what came several times.
pub(super) fn print(state: &State) {
    for bill in state.bills.iter().filter(|bill| !bill.parts.is_empty()) {
        say!("{}: {}, {} files", bill.file, bill.kind, bill.parts.len());
        let rows: Vec<Vec<String>> = bill
            .parts
            .iter()
            .take(MOST_ROWS)
            .map(|part| vec![part.file.clone(), part.rows.to_string(), part.dropped.to_string()])
            .collect();
        table::print(&["file", "rows", "dropped"], &rows);
        if bill.parts.len() > MOST_ROWS {
            say!("and {} more (all of them with --json)", bill.parts.len() - MOST_ROWS);
        }
        for skipped in &bill.skipped {
            say!("left out: {}: {}", skipped.file, skipped.why);
        }
        say!("");
    }
    let claims = &state.counting.claims;
    if claims.is_empty() {
        return;
    }
    let rows: Vec<Vec<String>> = claims
        .iter()
        .flat_map(|claim| claim.standings.iter().map(move |one| (claim, one)))
        .map(|(claim, one)| {
            vec![
                month_words(claim.period_unix_secs),
                claim.account.clone(),
                standing_words(one),
                one.rows.to_string(),
                claim.why.words().to_owned(),
                if one.counts { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    table::print(&["delivered several times", "account", "delivery", "rows", "why", "counts"], &rows);
    say!("");
}

/// The same as JSON.
pub(super) fn add_to(document: &mut Value, state: &State) {
    let bills: Vec<Value> = state
        .bills
        .iter()
        .map(|bill| {
            json!({
                "file": bill.file,
                "kind": bill.kind,
                "rows": bill.rows,
                "dropped": bill.dropped,
                "counts": !state.counting.is_out(&bill.hash),
                "parts": bill.parts,
                "skipped": bill.skipped,
            })
        })
        .collect();
    document["bills"] = json!(bills);
    document["delivered_several_times"] = json!(state.counting.claims);
    if !state.overlays.is_empty() {
        document["overlays"] = json!(state.overlays);
    }
}

/// Allocations, which are in no total.
pub(super) fn print_overlays(session: &Session) -> anyhow::Result<()> {
    let overlays = &session.app.state().overlays;
    if session.json {
        return Session::print_json(&json!({ "overlays": overlays }));
    }
    let words = |amount: Option<Money>| {
        amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, ""))
    };
    for overlay in overlays {
        say!(
            "{}: {}, {} allocations; an overlay, in no total",
            overlay.file,
            overlay.kind,
            overlay.items.len()
        );
        let rows: Vec<Vec<String>> = overlay
            .items
            .iter()
            .take(MOST_ROWS)
            .map(|item| {
                let part = |component| words(item.parts.get(&component).copied());
                vec![
                    item.name.clone(),
                    part(Component::Cpu),
                    part(Component::Gpu),
                    part(Component::Ram),
                    words(item.total),
                ]
            })
            .chain([vec![
                "all".to_owned(),
                words(overlay.component(Component::Cpu)),
                words(overlay.component(Component::Gpu)),
                words(overlay.component(Component::Ram)),
                words(overlay.total()),
            ]])
            .collect();
        table::print(&["allocated", "CPU", "GPU", "RAM", "total"], &rows);
        match overlay.idle() {
            Some(idle) => say!("idle: {}", words(Some(idle))),
            None => say!("idle: not in the file; ask OpenCost with includeIdle=true"),
        }
        say!("amounts are in the currency that OpenCost is set to");
        say!("");
    }
    Ok(())
}
