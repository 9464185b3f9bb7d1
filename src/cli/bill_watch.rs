//! `inferometer bill check`, `bill budget`, `bill acknowledge`: the watch over a project's bills, for cron and CI.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::bill_explore::Cost;
use super::session::Session;
use super::table;
use crate::app::Command;
use crate::app::watch::{Check, Mark, Seen, WatchCommand, today};
use crate::app::watch_figures::gross_words;
use crate::bill::Filter;
use crate::bill::filter::How;
use crate::bill::watch::{Anomaly, Budget, Day, On, Standing, Tier, Watched, read_amount};
use crate::units::{self, Money};

/// Exit code of a check that has something to tell.
pub(super) const EXIT_ALERT: u8 = 2;
/// Values named for an anomaly in text; `--json` has all that were found.
const DRIVERS_SHOWN: usize = 3;
/// Known anomalies told of in text.
const KNOWN_SHOWN: usize = 5;

/// A check has something to tell; in words what.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Alert(String);

/// `bill check`, `bill budget`, `bill acknowledge`
#[derive(Debug, Clone, Subcommand)]
pub enum BillCommand {
    /// Check budgets and unusual days of the project's bills; ends with 2 when there is something to tell
    ///
    /// 0: nothing new. 2: a budget has reached a tier, or an anomaly is new. 1: could not check.
    Check(CheckArgs),
    /// Show, set or remove monthly budgets
    Budget {
        /// What to do
        #[command(subcommand)]
        what: BudgetCommand,
    },
    /// Say that anomalies were dealt with, so that no check tells of them again
    Acknowledge {
        /// Anomalies as `bill check` names them, or `all`
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Show what commitments (reservations, savings plans, committed use) cover, waste and save
    Commitments,
    /// Show what is paid for and not used
    Idle,
}

/// `bill check`
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Month to check the budgets in [default: the month of the bills' last day]
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub month: Option<Day>,
    /// Fail when the bills' last day is longer ago
    #[arg(long, value_name = "DAYS")]
    pub max_age: Option<u32>,
    /// Tell of each tier and each anomaly once: what is told now is kept in the project as known
    #[arg(long)]
    pub once: bool,
}

/// `bill budget`
#[derive(Debug, Clone, Subcommand)]
pub enum BudgetCommand {
    /// Show the budgets and where they stand
    List,
    /// Add a budget, or change the one with this name
    Set(BudgetArgs),
    /// Remove a budget
    Remove {
        /// Its name
        name: String,
    },
}

/// `bill budget set`
#[derive(Debug, Clone, Args)]
pub struct BudgetArgs {
    /// Its name
    pub name: String,
    /// How much a month may cost
    #[arg(long, value_name = "MONEY", value_parser = read_amount, allow_hyphen_values = true)]
    pub amount: Money,
    /// Currency of the amount; rows in others do not count [default: the bills', where they have only one]
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// Which cost counts
    #[arg(long, value_enum, default_value = "effective")]
    pub cost: Cost,
    /// Count only rows with this value; several of one column are alternatives
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub filters: Vec<String>,
    /// Percent of what was spent that is worth telling
    #[arg(long, value_delimiter = ',', value_name = "PERCENT,…", default_values_t = [50, 80, 100])]
    pub actual: Vec<u32>,
    /// Percent of what the month is expected to cost that is worth telling
    #[arg(long, value_delimiter = ',', value_name = "PERCENT,…", default_values_t = [50, 80, 100])]
    pub forecast: Vec<u32>,
}

fn month(text: &str) -> Result<Day, String> {
    let day = (text.len() == 7).then(|| Day::read(text)).flatten();
    day.ok_or_else(|| "write a month as 2026-05".to_owned())
}

pub(super) fn run(session: &mut Session, what: &BillCommand) -> anyhow::Result<()> {
    if !session.has_project {
        bail!("what is watched belongs to a project; name it: --project FILE");
    }
    match what {
        BillCommand::Check(what) => check(session, what),
        BillCommand::Budget { what: BudgetCommand::List } => list(session),
        BillCommand::Budget { what: BudgetCommand::Set(what) } => set(session, what),
        BillCommand::Budget { what: BudgetCommand::Remove { name } } => {
            if !session.app.state().watch.budgets.iter().any(|budget| budget.name == *name) {
                bail!("the project has no budget “{name}”");
            }
            send(session, WatchCommand::RemoveBudget(name.clone()))?;
            if session.json {
                return Session::print_json(&json!({ "removed": name }));
            }
            say!("removed the budget {name}");
            Ok(())
        }
        BillCommand::Acknowledge { ids } => acknowledge(session, ids),
        BillCommand::Commitments => super::bill_commitments::commitments(session),
        BillCommand::Idle => super::bill_commitments::idle(session),
    }
}

fn send(session: &mut Session, command: WatchCommand) -> anyhow::Result<()> {
    session.run(Command::Watch(Box::new(command)))
}

fn check(session: &mut Session, what: &CheckArgs) -> anyhow::Result<()> {
    let check = session.app.check(what.month)?;
    if let Some(most) = what.max_age {
        let last = check.last_day.context(
            "the bills have no charges for single days or hours, so --max-age cannot tell their age",
        )?;
        let age = today().0 - last.0;
        if age > i64::from(most) {
            bail!(
                "the bills' last day is {last}, {age} days ago, and --max-age allows {most}; import newer bills"
            );
        }
    }
    let unchecked = check.unchecked();
    if !check.looked() {
        bail!("nothing could be checked: {}", unchecked.join("; "));
    }
    if session.json {
        Session::print_json(&document(&check))?;
    } else {
        print(&check);
    }
    if what.once {
        for command in check.told() {
            send(session, command)?;
        }
    }
    let (reached, fresh) = (check.reached(), check.fresh().count());
    if reached == 0 && fresh == 0 {
        return match check.budgets.iter().flatten().count() {
            // A budget that was to be checked and could not be is no good news.
            found if found < check.budgets.len() => bail!("could not check {}", unchecked.join("; ")),
            _ => Ok(()),
        };
    }
    let mut words = Vec::new();
    if reached > 0 {
        words
            .push(format!("{reached} budget{} reached a tier", if reached == 1 { " has" } else { "s have" }));
    }
    if fresh > 0 {
        words.push(format!("{fresh} anomal{} new", if fresh == 1 { "y is" } else { "ies are" }));
    }
    Err(Alert(words.join(" and ")).into())
}

fn print(check: &Check) {
    for budget in &check.budgets {
        match budget {
            Ok((standing, untold)) => print_budget(standing, untold),
            Err((name, reason)) => say!("budget {name}: not checked: {reason}"),
        }
    }
    if check.budgets.is_empty() {
        say!("no budget is set; `bill budget set NAME --amount MONEY` sets one");
    }
    for ((currency, watched), seen) in check.watched.iter().zip(&check.seen) {
        print_month(watched, currency);
        if !watched.not_judged.is_empty() {
            say!("unusual days: not judged: {}", watched.not_judged);
        }
        if let Some(judged) = &watched.judged {
            say!("unusual days: {}", judged.words());
        }
        if let Some(incomplete) = &watched.incomplete {
            say!("left out because they are not whole yet: {} to {}", incomplete.first, incomplete.last);
        }
        let with = || watched.anomalies.iter().zip(seen);
        for (anomaly, seen) in with().filter(|(_, seen)| **seen == Seen::New) {
            print_anomaly(anomaly, *seen, currency);
        }
        for (anomaly, seen) in with().filter(|(_, seen)| **seen == Seen::Known).take(KNOWN_SHOWN) {
            print_anomaly(anomaly, *seen, currency);
        }
        if watched.not_judged.is_empty() && watched.anomalies.is_empty() {
            say!("unusual days: none");
        }
    }
    if check.fresh().next().is_some() {
        say!(
            "to do: find out what made them, then `bill acknowledge ID` (or `all`); `bill check --once` tells once"
        );
    }
}

/// What the month is expected to come to, and what is not in it.
fn print_month(watched: &Watched, currency: &str) {
    let money = |amount: Money| units::money(amount, currency);
    let Some(month) = &watched.month else { return };
    let name = month.from.month_words();
    let Some((sum, parts)) = month.sum.zip(month.parts) else {
        say!("no forecast of {name}: {}", month.refused);
        return;
    };
    let [low, high] = sum.interval_80.map(money);
    say!(
        "{name}, charges that start in it, {}: {} expected, 80 % interval {low} to {high}",
        watched.basis.column(),
        money(sum.expected)
    );
    let beside = gross_words(&parts.beside, currency);
    let beside = if beside.is_empty() { String::new() } else { format!(", {beside}") };
    say!(
        "  of it by the day {}{beside}; credits, refunds and single charges are not expected",
        money(parts.running)
    );
    for before in watched.months.iter().rev().filter(|before| before.month < month.from).take(1) {
        let beside = gross_words(&before.parts.beside, currency);
        let beside = if beside.is_empty() { String::new() } else { format!(", {beside}") };
        say!(
            "{}: {}, of it by the day {}{beside}",
            before.month.month_words(),
            money(before.total),
            money(before.parts.running)
        );
        if let Some(billed) = before.billed.as_ref().filter(|billed| !billed.is_one()) {
            say!("  {}", billed.words(currency));
        }
    }
}

fn print_budget(standing: &Standing, untold: &[Tier]) {
    let Standing { budget, actual, forecast, .. } = standing;
    let money = |amount: Money| units::money(amount, &budget.currency);
    let month = standing.month.month_words();
    say!(
        "budget {}: {} of {} spent in {month} ({:.0} %), {} of {} days whole; {}",
        budget.name,
        money(*actual),
        money(budget.amount),
        budget.percent(*actual),
        standing.whole_days,
        standing.days_in_month,
        budget.scope()
    );
    match forecast {
        Some(forecast) if standing.whole_days < standing.days_in_month => say!(
            "  at the month's end {} ({:.0} %), 80 % interval {} to {}",
            money(forecast.expected),
            budget.percent(forecast.expected),
            money(forecast.interval_80[0]),
            money(forecast.interval_80[1])
        ),
        Some(_) => {}
        None => say!("  no forecast: {}", standing.no_forecast),
    }
    let highest = |on: On| untold.iter().filter(|tier| tier.on == on).map(|tier| tier.percent).max();
    if let Some(percent) = highest(On::Actual) {
        say!("  reached: {percent} % is spent");
    }
    if let Some(percent) = highest(On::Forecast) {
        say!("  reached: {percent} % is expected by the month's end");
    }
}

fn print_anomaly(anomaly: &Anomaly, seen: Seen, currency: &str) {
    let state = match seen {
        Seen::New => "new",
        Seen::Known => "known",
        Seen::Acknowledged => "acknowledged",
    };
    let (difference, part) = (anomaly.difference(), anomaly.part.as_deref().unwrap_or("the whole bill"));
    let sign = if difference >= Money::ZERO { "+" } else { "" };
    let until = match (anomaly.last == anomaly.first, anomaly.goes_on) {
        (true, false) => String::new(),
        (_, true) => ", goes on".to_owned(),
        (false, false) => format!(" to {}", anomaly.last),
    };
    let percent =
        anomaly.percent().map_or_else(String::new, |percent| format!(" ({percent:+.0} %)").replace('-', "−"));
    say!(
        "{state}: {part}, {}{until}: {sign}{}{percent}, {} instead of {}",
        anomaly.first,
        units::money(difference, currency),
        units::money(anomaly.actual, currency),
        units::money(anomaly.expected, currency)
    );
    for driver in anomaly.drivers.iter().take(DRIVERS_SHOWN) {
        let difference = driver.difference();
        let sign = if difference >= Money::ZERO { "+" } else { "" };
        say!(
            "  {} {}: {sign}{}",
            driver.what.to_lowercase(),
            driver.value,
            units::money(difference, currency)
        );
    }
    say!("  id: {}", anomaly.id);
}

/// The documented JSON form.
fn document(check: &Check) -> Value {
    let budgets: Vec<Value> = check
        .budgets
        .iter()
        .map(|budget| match budget {
            Ok((standing, untold)) => json!({
                "standing": standing,
                "actual_percent": standing.budget.percent(standing.actual),
                "forecast_percent": standing.forecast.map(|forecast| standing.budget.percent(forecast.expected)),
                "new_tiers": untold,
            }),
            Err((name, reason)) => json!({ "budget": name, "reason": reason }),
        })
        .collect();
    let bills: Vec<Value> = check
        .watched
        .iter()
        .zip(&check.seen)
        .map(|((currency, watched), seen)| {
            let anomalies: Vec<Value> = watched
                .anomalies
                .iter()
                .zip(seen)
                .map(|(anomaly, seen)| {
                    json!({
                        "state": seen,
                        "difference": anomaly.difference(),
                        "difference_percent": anomaly.percent(),
                        "anomaly": anomaly,
                    })
                })
                .collect();
            json!({
                "currency": currency,
                "basis": watched.basis.column(),
                "whole_days": watched.whole_days,
                "incomplete": watched.incomplete,
                "days_without_rows": watched.gaps,
                "judged": watched.judged,
                "beside_the_days": watched.beside,
                "tax_share": watched.tax_share,
                "months": watched.months,
                "month": watched.month,
                "next_90_days": watched.ahead,
                "tested": watched.tested,
                "not_judged": watched.not_judged,
                "anomalies": anomalies,
            })
        })
        .collect();
    json!({
        "last_day": check.last_day,
        "budgets_reached": check.reached(),
        "new_anomalies": check.fresh().count(),
        "not_checked": check.unchecked(),
        "budgets": budgets,
        "bills": bills,
    })
}

fn set(session: &mut Session, what: &BudgetArgs) -> anyhow::Result<()> {
    let state = session.app.state();
    let currency = match &what.currency {
        Some(currency) => currency.trim().to_uppercase(),
        None => state.bill_currency().map(str::to_owned).context(
            "the bills are in several currencies, or there are none; name the budget's: --currency CODE",
        )?,
    };
    let tiers = |on, percents: &[u32]| -> Vec<Tier> {
        percents.iter().map(|percent| Tier { percent: *percent, on }).collect()
    };
    let budget = Budget {
        name: what.name.trim().to_owned(),
        amount: what.amount,
        currency,
        basis: what.cost.into(),
        filters: filters(&what.filters)?,
        tiers: [tiers(On::Actual, &what.actual), tiers(On::Forecast, &what.forecast)].concat(),
    };
    let known = state.watch.budgets.iter().any(|other| other.name == budget.name);
    let replaces = known.then(|| budget.name.clone());
    let said = budget.clone();
    send(session, WatchCommand::PutBudget { replaces, budget: Box::new(budget) })?;
    if session.json {
        return Session::print_json(&said);
    }
    let changed = if known { " (changed)" } else { "" };
    say!(
        "budget {}{changed}: {} a month; {}; {}",
        said.name,
        units::money(said.amount, &said.currency),
        said.scope(),
        said.tier_words()
    );
    if session.app.state().bills.is_empty() {
        say!("the project has no bill yet, so nothing is known of what is spent");
    }
    Ok(())
}

/// Values of one column are alternatives.
fn filters(texts: &[String]) -> anyhow::Result<Vec<Filter>> {
    let mut filters: Vec<Filter> = Vec::new();
    for text in texts {
        let filter = Filter::parse(text)?;
        let like = |other: &&mut Filter| {
            (&other.column, other.how, other.not) == (&filter.column, filter.how, filter.not)
                && filter.how != How::Within
        };
        match filters.iter_mut().find(like) {
            Some(other) => other.values.extend(filter.values),
            None => filters.push(filter),
        }
    }
    Ok(filters)
}

fn list(session: &mut Session) -> anyhow::Result<()> {
    if session.app.state().watch.budgets.is_empty() {
        if session.json {
            return Session::print_json(&json!([]));
        }
        say!("no budget is set; `bill budget set NAME --amount MONEY` sets one");
        return Ok(());
    }
    if session.json {
        let check = session.app.check(None)?;
        return Session::print_json(&document(&check)["budgets"]);
    }
    let check = session.app.check(None)?;
    let budgets = &session.app.state().watch.budgets;
    let of_name = |name: &String| budgets.iter().find(|budget| budget.name == *name);
    let rows: Vec<Vec<String>> = check
        .budgets
        .iter()
        .map(|budget| match budget {
            Ok((standing, _)) => {
                let money = |amount: Money| units::money(amount, &standing.budget.currency);
                vec![
                    standing.budget.name.clone(),
                    standing.budget.scope(),
                    standing.month.month_words(),
                    money(standing.budget.amount),
                    money(standing.actual),
                    standing
                        .forecast
                        .map_or_else(|| "not known".to_owned(), |forecast| money(forecast.expected)),
                ]
            }
            Err((name, reason)) => {
                let scope = of_name(name).map_or_else(String::new, Budget::scope);
                vec![name.clone(), scope, reason.clone(), String::new(), String::new(), String::new()]
            }
        })
        .collect();
    table::print(&["budget", "of", "charge month", "amount", "spent", "expected"], &rows);
    Ok(())
}

fn acknowledge(session: &mut Session, ids: &[String]) -> anyhow::Result<()> {
    let check = session.app.check(None)?;
    let everything = ids.iter().any(|id| id == "all");
    let all = || {
        let each = check.watched.iter();
        each.flat_map(|(currency, watched)| watched.anomalies.iter().map(move |anomaly| (currency, anomaly)))
    };
    if let Some(unknown) = ids.iter().find(|id| *id != "all" && !all().any(|(_, anomaly)| anomaly.id == **id))
    {
        bail!("there is no anomaly “{unknown}”; `bill check` names them");
    }
    let marks: Vec<Mark> = all()
        .filter(|(_, anomaly)| everything || ids.contains(&anomaly.id))
        .map(|(currency, anomaly)| Mark::of(anomaly, currency, Seen::Acknowledged))
        .collect();
    let count = marks.len();
    send(session, WatchCommand::Mark(marks))?;
    if session.json {
        return Session::print_json(&json!({ "acknowledged": count }));
    }
    say!("{count} acknowledged");
    Ok(())
}
