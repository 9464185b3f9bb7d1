//! `inferometer bill FILE…`: sum, group and judge cloud bills.

use std::sync::Arc;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::{Map, Value, json};

use super::bill_currencies::Several;
use super::bill_explore::{self, More};
use super::bill_inference;
use super::bill_reconcile;
use super::bill_warehouse::{self, Warehouse};
use super::session::Session;
use super::table;
use crate::app::{Command, Query, QueryResult};
use crate::bill::{Basis, Costs, Filter, Group, InferenceShare, Totals, Warning};
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
    if let Some(several) = Several::of(session, what, &filters)? {
        several.print(session, what)?;
    } else {
        let (answer, more) = answer_of(session, what, &filters)?;
        if what.csv {
            say!("{}", more.csv(&what.by, &answer.groups, &answer.currency)?.trim_end());
            return Ok(());
        }
        if session.json {
            let mut document = answer.document();
            more.add_to(&mut document);
            super::bill_deliveries::add_to(&mut document, session.app.state());
            return Session::print_json(&document);
        }
        super::bill_deliveries::print(session.app.state());
        answer.print(&what.by);
        more.print(&what.by);
    }
    if what.csv || session.json {
        return Ok(());
    }
    if !session.app.state().overlays.is_empty() {
        super::bill_deliveries::print_overlays(session)?;
    }
    print_warnings(&warnings);
    Ok(())
}

/// Asks for all that is wanted of rows in one currency.
pub(super) fn answer_of(
    session: &mut Session,
    what: &Bill,
    filters: &[Filter],
) -> anyhow::Result<(Answer, More)> {
    let warnings: Vec<Warning> =
        session.app.state().bills.iter().flat_map(|bill| bill.warnings.clone()).collect();
    let filters = filters.to_vec();
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
    Ok((Answer { currency, total, groups, share: *share, monthly, warnings, lens }, more))
}

/// What the bills say.
pub(super) struct Answer {
    pub(super) currency: String,
    total: Totals,
    pub(super) groups: Vec<Group>,
    share: InferenceShare,
    monthly: Option<Money>,
    warnings: Vec<Warning>,
    lens: Option<bill_inference::Answer>,
}

impl Answer {
    /// The documented JSON form.
    pub(super) fn document(&self) -> Value {
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
            .map(|group| with(&group.costs, json!({ "key": group.key, "rows": group.rows, "missing_cells": missing_cells(&group.missing) })))
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
                    "missing_cells": missing_cells(&rule.missing),
                });
                with(&rule.costs, more)
            })
            .collect();
        let converted = self.total.converted.as_ref().map(|conversion| json!(conversion.rates));
        let unnamed = self.total.converted.as_ref().map_or(0, |conversion| conversion.left_out_rows);
        let more = json!({
            "rows": self.share.inference_rows,
            "missing_cells": missing_cells(&self.share.inference_missing),
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
            "left_out_rows_without_currency": unnamed,
            "total": with(&self.total.costs, json!(self.total.exact)),
            "missing_cells": self.total.missing,
            "groups": groups,
            "inference": inference,
            "warnings": self.warnings,
        })
    }

    pub(super) fn print(&self, by: &[String]) {
        match self.total.rows {
            0 => say!("0 rows: the bill has none, or --where leaves none"),
            rows if self.currency.is_empty() => say!("{rows} rows, no currency{}", self.converted()),
            rows => say!("{rows} rows, {}{}", self.currency, self.converted()),
        }
        self.table(
            "",
            &[
                Row {
                    name: "total".to_owned(),
                    rows: self.total.rows,
                    costs: &self.total.costs,
                    missing: BASES.map(|basis| self.total.missing(basis)),
                },
                Row {
                    name: "inference".to_owned(),
                    rows: self.share.inference_rows,
                    costs: &self.share.inference,
                    missing: self.share.inference_missing,
                },
            ],
        );
        let rules: Vec<_> = self
            .share
            .by_rule
            .iter()
            .map(|rule| {
                let counted = if rule.counted { "" } else { " (not counted)" };
                let name = format!("{}{counted}", rule.words);
                Row { name, rows: rule.rows, costs: &rule.costs, missing: rule.missing }
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
                let name = key.join(" / ");
                Row { name, rows: group.rows, costs: &group.costs, missing: group.missing }
            })
            .collect();
        self.table(&by.join(" / "), &groups);
    }

    /// `, converted at 1 EUR = 1.08 USD (ECB)`; nothing where amounts are as billed.
    fn converted(&self) -> String {
        self.total.converted.as_ref().map_or_else(String::new, |conversion| format!(", {conversion}"))
    }

    fn table(&self, of: &str, lines: &[Row<'_>]) {
        if lines.is_empty() {
            return;
        }
        let cost = |line: &Row<'_>, place: usize| {
            let Some(amount) = line.costs.get(BASES[place]) else { return "not known".to_owned() };
            let words = units::money(amount, &self.currency);
            match line.missing[place] {
                0 => words,
                missing => format!("{words} ({} of {} rows)", line.rows - missing, line.rows),
            }
        };
        let rows: Vec<Vec<String>> = lines
            .iter()
            .map(|line| {
                let mut row = vec![line.name.clone(), line.rows.to_string()];
                row.extend((0..BASES.len()).map(|place| cost(line, place)));
                row
            })
            .collect();
        table::print(&[of, "rows", "billed", "effective", "list", "contracted"], &rows);
        say!("");
    }
}

/// The costs in the order of their columns.
const BASES: [Basis; 4] = [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];

/// A line of a table of costs.
struct Row<'a> {
    name: String,
    rows: u64,
    costs: &'a Costs,
    /// Rows that are not in the sum of each cost.
    missing: [u64; 4],
}

/// Rows without a value of each cost, by its name; none for a cost that all rows have.
fn missing_cells(missing: &[u64; 4]) -> Map<String, Value> {
    let some = BASES.into_iter().zip(missing).filter(|(_, missing)| **missing > 0);
    some.map(|(basis, missing)| (basis.column().to_owned(), json!(missing))).collect()
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
