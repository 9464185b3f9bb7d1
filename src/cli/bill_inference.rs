//! `inferometer bill --inference`: spend sorted by rules, what a request and a million tokens cost, cost of ownership.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::numbers::{above_zero, share};
use super::session::Session;
use super::table;
use crate::app::lens::{self, LensAnswer, UnitOf};
use crate::app::{Command, Kind, Query, QueryResult};
use crate::bill::lens::Candidate;
use crate::bill::{Basis, Costs, Filter, Group, InferenceShare, Ledger, RuleSet};
use crate::plan::tco::Source;
use crate::plan::unit_cost::{Period, Side, Utilisation};
use crate::units::{self, Money};

/// Candidates printed as text.
const CANDIDATES: usize = 12;

/// What `bill --inference` takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Inference")]
pub struct Inference {
    /// Also sort the spend: which rule caught what, cost per request and per million tokens, cost of ownership
    #[arg(long = "inference", id = "inference")]
    pub on: bool,
    /// Rules to sort by, as JSON; the project's own are replaced by them
    #[arg(long, value_name = "FILE", requires = "inference")]
    pub rules: Option<PathBuf>,
    /// What was served: a demand trace, or a table with the columns date, requests, `tokens_in`, `tokens_out`
    #[arg(long, value_name = "FILE", requires = "inference")]
    pub trace: Option<PathBuf>,
    /// Share of the capacity paid by the hour that was used, above 0 and at most 1
    #[arg(long, value_name = "SHARE", value_parser = share, requires = "inference")]
    pub used: Option<f64>,
    /// Requests per second one machine serves at full load, to find the share that was used
    #[arg(long, value_name = "RATE", value_parser = above_zero, requires = "inference", conflicts_with = "used")]
    pub machine_rps: Option<f64>,
    /// How many input tokens an output token weighs
    #[arg(long, value_name = "N", value_parser = above_zero, requires = "inference")]
    pub output_weight: Option<f64>,
    /// Width of the periods
    #[arg(long, value_enum, default_value = "day", requires = "inference")]
    pub period: Width,
}

/// Width of the periods of unit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Width {
    /// Calendar days
    Day,
    /// Weeks from Monday
    Week,
    /// Calendar months
    Month,
}

/// Sets rules, demand and settings as asked, before anything is answered.
pub(super) fn prepare(session: &mut Session, what: &Inference) -> anyhow::Result<()> {
    if let Some(path) = &what.rules {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("could not read the inference rules: {}", path.display()))?;
        let rules = RuleSet::read(&text).with_context(|| path.display().to_string())?;
        session.run(Command::SetRules(Box::new(rules)))?;
    }
    if let Some(path) = &what.trace {
        let (reports, done) = session.take_in(vec![path.clone()]);
        done?;
        match reports.first().and_then(|report| report.kind.as_ref()) {
            Some(Kind::Demand | Kind::Served) => {}
            Some(other) => bail!("this is not a demand trace but a {other}: {}", path.display()),
            None => bail!("this is not a demand trace: {}", path.display()),
        }
        let mut settings = session.app.state().lens.clone();
        settings.source = None;
        session.run(Command::SetLens(Box::new(settings)))?;
    }
    let mut settings = session.app.state().lens.clone();
    if let Some(used) = what.used {
        let share = Money::from_f64(used).and_then(|share| share.try_into().ok());
        settings.utilisation =
            Utilisation::Given { share: share.context("the share does not fit ten places")? };
    }
    if let Some(per_machine_rps) = what.machine_rps {
        settings.utilisation = Utilisation::Measured { per_machine_rps };
    }
    if let Some(weight) = what.output_weight {
        settings.output_weight = Money::from_f64(weight);
    }
    settings.period = match what.period {
        Width::Day => Period::Day,
        Width::Week => Period::Week,
        Width::Month => Period::Month,
    };
    if settings != session.app.state().lens {
        session.run(Command::SetLens(Box::new(settings)))?;
    }
    Ok(())
}

/// What the lens says.
pub(super) struct Answer {
    currency: String,
    share: InferenceShare,
    rules: RuleSet,
    ledger: std::sync::Arc<Ledger>,
    lens: LensAnswer,
    candidates: (Vec<Candidate>, usize),
    dimensions: Vec<(String, Vec<Group>)>,
}

/// Asks the bills.
pub(super) fn ask(
    session: &mut Session,
    filters: &[Filter],
    basis: Basis,
    share: &InferenceShare,
) -> anyhow::Result<Answer> {
    let other = || anyhow::anyhow!("the bill store answered another question");
    let QueryResult::Ledger(ledger) = session.ask(&Query::Ledger { filters: filters.to_vec(), basis })?
    else {
        return Err(other());
    };
    let candidates = match session.ask(&Query::Candidates { filters: filters.to_vec() })? {
        QueryResult::Candidates(found, all) => (found, all),
        _ => return Err(other()),
    };
    let rules = session.app.state().rules.clone();
    let mut dimensions = Vec::new();
    for dimension in &rules.dimensions {
        match session.ask(&lens::by_dimension(filters, &dimension.name, basis))? {
            QueryResult::Groups(groups) => {
                dimensions.push((dimension.name.clone(), lens::of_dimension(&groups, &rules, basis)));
            }
            _ => return Err(other()),
        }
    }
    let state = session.app.state();
    Ok(Answer {
        currency: share.currency.clone().unwrap_or_default(),
        share: share.clone(),
        lens: lens::answer(state, &ledger),
        rules,
        ledger,
        candidates,
        dimensions,
    })
}

impl Answer {
    /// The documented JSON form, to be merged into the document's `inference`.
    pub(super) fn document(&self) -> Value {
        let days = |days: &[i64]| days.iter().map(|day| day_words(*day)).collect::<Vec<_>>();
        json!({
            "classes": self.share.by_class,
            "rest": self.share.rest,
            "rest_rows": self.share.rest_rows,
            "rule_set": self.rules.document(),
            "candidates": self.candidates.0,
            "candidates_total": self.candidates.1,
            "dimensions": self.dimensions.iter().map(|(name, groups)| json!({
                "name": name,
                "groups": groups,
            })).collect::<Vec<_>>(),
            "whole_days": days(&self.ledger.days),
            "partial_days": days(&self.ledger.partial_days),
            "units_not_understood": self.ledger.unread_units,
            "demand": self.lens.demand.as_ref().map(|(source, name)| json!({ "source": source, "name": name })),
            "demand_problem": self.lens.demand_problem,
            "unit_costs": self.lens.units,
            "matrix": self.lens.verdict.map(|verdict| json!({
                "allocation_is_high": verdict.allocation_is_high,
                "usage_is_high": verdict.usage_is_high,
                "words": verdict.words(),
            })),
            "tco": self.lens.tco,
        })
    }

    pub(super) fn print(&self, basis: Basis) {
        let money = |amount: Option<Money>| {
            amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, &self.currency))
        };
        let cost = |costs: &Costs| money(costs.get(basis));
        let mut rows: Vec<Vec<String>> = self
            .share
            .by_class
            .iter()
            .map(|class| vec![class.class.words().to_owned(), class.rows.to_string(), cost(&class.costs)])
            .collect();
        rows.push(vec!["The rest".to_owned(), self.share.rest_rows.to_string(), cost(&self.share.rest)]);
        rows.push(vec!["Total".to_owned(), self.share.rows.to_string(), cost(&self.share.total)]);
        table::print(&["class", "rows", basis.column()], &rows);
        say!("");
        for (name, groups) in &self.dimensions {
            let rows: Vec<Vec<String>> = groups
                .iter()
                .map(|group| {
                    let value = group.key.first().cloned().flatten().unwrap_or_else(|| "(none)".to_owned());
                    vec![value, group.rows.to_string(), cost(&group.costs)]
                })
                .collect();
            if !rows.is_empty() {
                let head = format!("inference by {}", name.to_lowercase());
                table::print(&[&head, "rows", basis.column()], &rows);
                say!("");
            }
        }
        self.print_units();
        self.print_tco();
        let (found, all) = &self.candidates;
        if !found.is_empty() {
            let rows: Vec<Vec<String>> = found
                .iter()
                .take(CANDIDATES)
                .map(|one| {
                    vec![
                        one.service.clone(),
                        one.meter.clone(),
                        one.why.clone(),
                        one.rows.to_string(),
                        cost(&one.costs),
                    ]
                })
                .collect();
            table::print(
                &["no rule caught, may be AI", "meter", "because of", "rows", basis.column()],
                &rows,
            );
            if *all > rows.len() {
                say!("and {} more", all - rows.len());
            }
            say!("");
        }
    }

    fn print_units(&self) {
        if let Some(problem) = &self.lens.demand_problem {
            say!("unit costs: {problem}");
        }
        let (Some(units), Some((source, name))) = (&self.lens.units, &self.lens.demand) else { return };
        say!(
            "unit costs from {name} ({}): {} days joined, {} only in the bill, {} only in the demand",
            source.words().to_lowercase(),
            units.total.map_or(0, |unit| unit.days),
            units.days_only_in_bill,
            units.days_only_in_demand
        );
        if let Some(total) = units.total {
            let sides: [(&str, Option<Side>); 2] =
                [("allocation", Some(total.allocation)), ("usage", total.usage)];
            let rows: Vec<Vec<String>> = sides
                .iter()
                .map(|(basis, side)| {
                    let money = |amount: Option<Money>| {
                        amount.map_or_else(
                            || "not known".to_owned(),
                            |amount| units::money(amount, &self.currency),
                        )
                    };
                    let mut row = vec![(*basis).to_owned(), money(side.map(|side| side.cost))];
                    row.extend(UnitOf::ALL.iter().map(|unit| money(side.and_then(|side| unit.of(&side)))));
                    row
                })
                .collect();
            let mut head = vec!["basis", "cost"];
            head.extend(UnitOf::ALL.map(UnitOf::words));
            table::print(&head, &rows);
        }
        for note in &units.notes {
            say!("{note}");
        }
        say!("");
    }

    fn print_tco(&self) {
        let tco = &self.lens.tco;
        let money = |amount: Option<Money>| {
            amount.map_or_else(|| "–".to_owned(), |amount| units::money(amount, &self.currency))
        };
        let rows: Vec<Vec<String>> = tco
            .lines
            .iter()
            .filter(|line| line.source != Source::Missing)
            .chain([&tco.total])
            .map(|line| {
                let source = match &line.source {
                    _ if !line.included => "not in the total".to_owned(),
                    Source::Entered(source) => format!("entered: {source}"),
                    Source::Bill | Source::Missing => "bill".to_owned(),
                };
                vec![line.words.clone(), source, money(line.cost), money(line.per_month)]
            })
            .collect();
        let over = format!("over {} days", tco.days);
        table::print(&["cost of ownership", "from", &over, "per month"], &rows);
        say!("");
    }
}

fn day_words(unix_secs: i64) -> String {
    chrono::DateTime::from_timestamp(unix_secs, 0)
        .map_or_else(|| unix_secs.to_string(), |moment| moment.format("%Y-%m-%d").to_string())
}
