//! `inferometer bill FILE…`: sum, group and judge cloud bills.

use std::sync::Arc;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};

use super::bill_explore::{self, More};
use super::bill_inference;
use super::bill_reconcile;
use super::bill_warehouse::{self, Warehouse};
use super::session::Session;
use super::table;
use crate::app::{Command, Query, QueryResult};
use crate::bill::{Basis, Costs, Group, InferenceShare, Totals, Warning};
use crate::units::{self, Money};

/// How many warnings are printed as text; `--json` has them all.
const WARNINGS_SHOWN: usize = 12;

/// `bill`
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct Bill {
    /// What to do instead of adding up
    #[command(subcommand)]
    pub command: Option<super::bill_watch::BillCommand>,
    /// Bills, answered by themselves; without any, the project's. A folder, a ZIP, a manifest or a quoted pattern
    /// ('cur/2026-*/*.csv.gz') is one bill of many files. With --project they are answered with the project's rates, rules,
    /// demand and decisions on what counts; its own bills and invoices are left out, and nothing is written to it
    pub files: Vec<PathBuf>,
    /// Columns to group by, outermost first; `Tags.KEY` for a tag
    #[arg(long, value_delimiter = ',', value_name = "COLUMN,…")]
    pub by: Vec<String>,
    /// Keep only rows with this value; COLUMN~TEXT for what contains a text, COLUMN=FROM..TO for amounts and dates, *~TEXT
    /// for any column, - before it for the other rows
    #[arg(long = "where", value_name = "COLUMN=VALUE", allow_hyphen_values = true)]
    pub filters: Vec<String>,
    /// The same, several between commas, several values between bars: ServiceName=A|B,-RegionId=eu-west-1
    #[arg(long, value_name = "COLUMN=VALUE,…", allow_hyphen_values = true)]
    pub filter: Vec<String>,
    /// Cost over time, by the first column of --by
    #[arg(long, value_name = "WIDTH")]
    pub per: Option<super::bill_explore::Per>,
    /// First day or month of the charges (2026-05-01, 2026-05)
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Last day or month of the charges, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// The earlier period that --from and --to are compared with: what drives the difference, price against quantity
    #[arg(long, value_name = "FROM..TO", requires = "from", requires = "to")]
    pub compare: Option<String>,
    /// The cost over time and of the comparison [default: effective]
    #[arg(long, value_name = "COST")]
    pub cost: Option<super::bill_explore::Cost>,
    /// The groups, cost over time or the comparison as CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Of charges that were delivered several times, count this bill or file; `all` counts all of them
    #[arg(long, value_name = "NAME")]
    pub count: Vec<String>,
    /// Also write these rows as FOCUS 1.2 to a file that ends in .csv or .parquet
    #[arg(long, value_name = "FILE")]
    pub focus: Option<PathBuf>,
    /// A bill in a warehouse
    #[command(flatten)]
    pub warehouse: Warehouse,
    /// The inference lens
    #[command(flatten)]
    pub lens: super::bill_inference::Inference,
    /// Reconciliation
    #[command(flatten)]
    pub reconciling: super::bill_reconcile::Reconciling,
    /// In which currency
    #[command(flatten)]
    pub rates: super::bill_rates::RateArgs,
}

pub(super) fn run(session: &mut Session, what: &Bill) -> anyhow::Result<()> {
    if let Some(command) = &what.command {
        return super::bill_watch::run(session, command);
    }
    let filters = bill_explore::filters(what)?;
    if !what.files.is_empty() {
        let (reports, done) = session.take_in_bills(what.files.clone());
        done?;
        for report in &reports {
            match &report.kind {
                Some(crate::app::Kind::Bill(_) | crate::app::Kind::Overlay) => {}
                Some(other) => bail!("this is not a bill but a {other}: {}", report.path.display()),
                None => bail!("this is not a bill: {}", report.path.display()),
            }
        }
    }
    if bill_warehouse::connect(session, &what.warehouse)? {
        return Ok(());
    }
    super::bill_deliveries::count(session, &what.count)?;
    let state = session.app.state();
    if state.bills.is_empty() && !state.overlays.is_empty() {
        return super::bill_deliveries::print_overlays(session);
    }
    if state.bills.is_empty() {
        bail!("no bill is named and the project has none; name at least one file");
    }
    if what.reconciling.reconcile {
        return bill_reconcile::run(session, &what.reconciling);
    }
    if let Some(to) = &what.focus {
        let to = std::path::absolute(to)?;
        session.run(Command::WriteFocus { filters: filters.clone(), to, replace: false })?;
    }
    bill_inference::prepare(session, &what.lens)?;
    what.rates.apply(session)?;
    let state = session.app.state();
    let warnings: Vec<Warning> = state.bills.iter().flat_map(|bill| bill.warnings.clone()).collect();

    let QueryResult::Totals(total) = session.ask(&Query::Totals { filters: filters.clone() })? else {
        bail!("the bill store answered another question");
    };
    let groups = if what.by.is_empty() {
        Vec::new()
    } else {
        match session.ask(&Query::Groups {
            by: what.by.clone(),
            filters: filters.clone(),
            basis: what.cost.map_or(Basis::EffectiveCost, Into::into),
        })? {
            QueryResult::Groups(groups) => Arc::unwrap_or_clone(groups),
            _ => bail!("the bill store answered another question"),
        }
    };
    let more = More::ask(session, what, &filters)?;
    if what.csv {
        let currency = total.currency.as_deref().unwrap_or_default();
        say!("{}", more.csv(&what.by, &groups, currency)?.trim_end());
        return Ok(());
    }
    let inference = Query::Inference { filters: filters.clone(), basis: Basis::EffectiveCost };
    let QueryResult::Inference(share, monthly) = session.ask(&inference)? else {
        bail!("the bill store answered another question");
    };
    let lens = if what.lens.on {
        Some(bill_inference::ask(session, &filters, Basis::EffectiveCost, &share)?)
    } else {
        None
    };
    let currency = total.currency.clone().unwrap_or_default();
    let answer = Answer { currency, total, groups, share: *share, monthly, warnings, lens };
    if session.json {
        let mut document = answer.document();
        more.add_to(&mut document);
        super::bill_deliveries::add_to(&mut document, session.app.state());
        return Session::print_json(&document);
    }
    super::bill_deliveries::print(session.app.state());
    answer.print(&what.by);
    more.print(&what.by);
    if !session.app.state().overlays.is_empty() {
        super::bill_deliveries::print_overlays(session)?;
    }
    print_warnings(&answer.warnings);
    Ok(())
}

/// What the bills say.
struct Answer {
    currency: String,
    total: Totals,
    groups: Vec<Group>,
    share: InferenceShare,
    monthly: Option<Money>,
    warnings: Vec<Warning>,
    lens: Option<bill_inference::Answer>,
}

impl Answer {
    /// The documented JSON form.
    fn document(&self) -> Value {
        let with = |sums: &Costs, more: Value| {
            let mut document = costs(sums);
            if let Value::Object(more) = more {
                document.extend(more);
            }
            Value::Object(document)
        };
        let groups: Vec<Value> = self
            .groups
            .iter()
            .map(|group| with(&group.costs, json!({ "key": group.key, "rows": group.rows })))
            .collect();
        let rules: Vec<Value> = self
            .share
            .by_rule
            .iter()
            .map(|rule| {
                let more = json!({
                    "rule": rule.rule_id,
                    "words": rule.words,
                    "class": rule.class,
                    "counted": rule.counted,
                    "rows": rule.rows,
                });
                with(&rule.costs, more)
            })
            .collect();
        let converted = self.total.converted.as_ref().map(|conversion| json!(conversion.rates));
        let more = json!({
            "rows": self.share.inference_rows,
            "rules": rules,
            "EffectiveCost_per_month": self.monthly,
            "EffectiveCost_per_month_reason": self.monthly.is_none().then_some(
                "no row is inference, or the period the bill covers is not known",
            ),
        });
        let mut inference = with(&self.share.inference, more);
        if let (Value::Object(inference), Some(Value::Object(lens))) =
            (&mut inference, self.lens.as_ref().map(bill_inference::Answer::document))
        {
            inference.extend(lens);
        }
        json!({
            "rows": self.total.rows,
            "currency": self.total.currency,
            "converted_at": converted,
            "total": with(&self.total.costs, json!(self.total.exact)),
            "missing_cells": self.total.missing,
            "groups": groups,
            "inference": inference,
            "warnings": self.warnings,
        })
    }

    fn print(&self, by: &[String]) {
        match self.total.rows {
            0 => say!("0 rows: the bill has none, or --where leaves none"),
            rows => say!("{rows} rows, {}{}", self.currency, self.converted()),
        }
        self.table(
            "",
            &[
                ("total".to_owned(), self.total.rows, &self.total.costs),
                ("inference".to_owned(), self.share.inference_rows, &self.share.inference),
            ],
        );
        let rules: Vec<_> = self
            .share
            .by_rule
            .iter()
            .map(|rule| {
                let counted = if rule.counted { "" } else { " (not counted)" };
                (format!("{}{counted}", rule.words), rule.rows, &rule.costs)
            })
            .collect();
        self.table("inference by rule", &rules);
        if let Some(lens) = &self.lens {
            lens.print(Basis::EffectiveCost);
        }
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| {
                let key: Vec<&str> =
                    group.key.iter().map(|part| part.as_deref().unwrap_or("(no value)")).collect();
                (key.join(" / "), group.rows, &group.costs)
            })
            .collect();
        self.table(&by.join(" / "), &groups);
    }

    /// `, converted at 1 EUR = 1.08 USD (ECB)`; nothing where amounts are as billed.
    fn converted(&self) -> String {
        self.total.converted.as_ref().map_or_else(String::new, |conversion| format!(", {conversion}"))
    }

    fn table(&self, of: &str, lines: &[(String, u64, &Costs)]) {
        if lines.is_empty() {
            return;
        }
        let money = |amount: Option<Money>| {
            amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, &self.currency))
        };
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|(name, rows, costs)| {
                vec![
                    name.clone(),
                    rows.to_string(),
                    money(costs.billed_cost),
                    money(costs.effective_cost),
                    money(costs.list_cost),
                    money(costs.contracted_cost),
                ]
            })
            .collect();
        table::print(&[of, "rows", "billed", "effective", "list", "contracted"], &rows);
        say!("");
    }
}

/// The four costs under their FOCUS names; `null` with a `reason` where the file has no such column.
fn costs(costs: &Costs) -> Map<String, Value> {
    let mut document = match json!(costs) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    if document.values().any(Value::is_null) {
        document
            .insert("reason".to_owned(), json!("the file has no such column, or no readable value in it"));
    }
    document
}

/// Warnings as text, on stderr.
pub(super) fn print_warnings(warnings: &[Warning]) {
    for warning in warnings.iter().take(WARNINGS_SHOWN) {
        let line = warning.line.map_or_else(String::new, |line| format!(" line {line}"));
        let column = warning.column.as_ref().map_or_else(String::new, |column| format!(", {column}"));
        eprintln!("warning: {}{line}{column}: {}", warning.file, warning.message);
    }
    if warnings.len() > WARNINGS_SHOWN {
        eprintln!("warning: and {} more (all of them with --json)", warnings.len() - WARNINGS_SHOWN);
    }
}
