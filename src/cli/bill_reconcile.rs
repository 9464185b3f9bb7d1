//! `inferometer bill FILE --reconcile`: whether bills agree with their files, with invoices and with each other.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::session::Session;
use super::table;
use crate::app::Command;
use crate::bill::reconcile::{
    Certainty, Check, InvoiceTotal, Reconciliation, Target, Verdict, Where, amount_words, charges,
    read_total, rows_words,
};
use crate::bill::warnings::Trouble;
use crate::units::Money;

/// Whether bills agree with their files and with invoices.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Reconciliation")]
pub struct Reconciling {
    /// Instead: rows read, kept and left out, sums beside the file's own, double counting, periods, and the invoice
    #[arg(long, conflicts_with_all = ["by", "filters", "focus"])]
    pub reconcile: bool,
    /// What the invoice says: of everything, or of an invoice id, a month such as 2026-10, or a currency. Kept in the
    /// project where no files are named. Exit code 2 when the bill says something else
    #[arg(long, value_name = "TOTAL|ID=TOTAL", allow_hyphen_values = true, requires = "reconcile")]
    pub invoice: Vec<String>,
    /// What the bill may differ from each of these invoices by
    #[arg(long, value_name = "AMOUNT", requires = "invoice", default_value = "0.00")]
    pub tolerance: String,
}

/// Exit code of a command that found a bill to be something else than its invoice.
pub(super) const EXIT_OFF: u8 = 2;
/// Examples of lines that are printed.
const LINES: usize = 5;
/// Invoices named in an error.
const NAMED: usize = 12;

/// A bill is not what its invoice says.
#[derive(Debug, thiserror::Error)]
#[error("the bill does not agree with the invoice: {0}")]
pub(super) struct Off(String);

pub(super) fn run(session: &mut Session, what: &Reconciling) -> anyhow::Result<()> {
    let tolerance = read_total(&what.tolerance)
        .with_context(|| format!("`{}` is no amount; write --tolerance 0.05", what.tolerance))?;
    for text in &what.invoice {
        let invoice = invoice_of(session, text, tolerance)?;
        session.run(Command::PutInvoice(Box::new(invoice)))?;
    }
    let found = session.app.state().reconciliations();
    let off: Vec<&Check> = found.iter().flat_map(|one| &one.checks).filter(|check| !check.agrees).collect();
    if session.json {
        Session::print_json(&json!({ "agrees": off.is_empty(), "bills": found }))?;
    } else {
        for one in &found {
            print(one);
        }
    }
    match off.first() {
        Some(check) => {
            let words = crate::bill::reconcile::off_words(check);
            Err(Off(format!("{}: {words}", check.invoice.target.words())).into())
        }
        None => Ok(()),
    }
}

/// `TOTAL` or `ID=TOTAL`.
fn invoice_of(session: &Session, text: &str, tolerance: Money) -> anyhow::Result<InvoiceTotal> {
    let (id, amount) = text.rsplit_once('=').map_or((None, text), |(id, amount)| (Some(id.trim()), amount));
    let total = read_total(amount).with_context(|| {
        format!("`{amount}` is no amount; write --invoice 1234.56 or --invoice ID=1234.56")
    })?;
    let ledgers: Vec<_> =
        session.app.state().bills.iter().filter_map(|bill| bill.ledger.as_deref()).collect();
    let scopes = || ledgers.iter().flat_map(|ledger| &ledger.scopes);
    let currencies = |is: &dyn Fn(&crate::bill::reconcile::Scope) -> bool| {
        let mut found: Vec<&str> =
            scopes().filter(|scope| is(scope)).map(|scope| scope.currency.as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let target = match id {
        None => (None, None, currencies(&|_| true)),
        Some(id) => {
            let by_invoice = currencies(&|scope| scope.invoice == id);
            let by_period = currencies(&|scope| scope.period == id);
            let by_currency = currencies(&|scope| scope.currency.eq_ignore_ascii_case(id));
            if !by_invoice.is_empty() {
                (None, Some(id.to_owned()), by_invoice)
            } else if !by_period.is_empty() {
                (Some(id.to_owned()), None, by_period)
            } else if !by_currency.is_empty() {
                (None, None, by_currency)
            } else {
                let known: Vec<String> =
                    charges(&ledgers).iter().take(NAMED).map(|charged| charged.target.words()).collect();
                bail!(
                    "no row is of the invoice, month or currency `{id}`; the bill has {}",
                    known.join("; ")
                );
            }
        }
    };
    match target {
        (period, invoice, currencies) if currencies.len() == 1 => {
            let currency = currencies.into_iter().next().unwrap_or_default();
            Ok(InvoiceTotal { target: Target { account: None, period, invoice, currency }, total, tolerance })
        }
        (_, _, currencies) if currencies.is_empty() => {
            bail!("the bill has no rows that an invoice could be of")
        }
        (_, _, currencies) => bail!(
            "the rows are in several currencies ({}); say of which: --invoice {}={amount}",
            currencies.join(", "),
            currencies.first().map_or("", String::as_str)
        ),
    }
}

fn print(found: &Reconciliation) {
    say!("{}", found.file);
    say!("{}", found.headline);
    if found.verdict == Verdict::NoLedger {
        say!("");
        return;
    }
    for point in &found.points {
        say!("! {point}");
    }
    for note in &found.notes {
        say!("- {note}");
    }
    say!("");
    let (read, kept, stored) = found.rows;
    let became = if stored == kept { String::new() } else { format!(" as {stored}") };
    say!("rows: {read} read, {kept} kept{became}, {} left out", read - kept);
    for out in &found.left_out {
        let lines: Vec<String> = out.examples.iter().take(LINES).map(Where::words).collect();
        let more = if out.rows as usize > lines.len() { ", …" } else { "" };
        say!("  {}: {} ({}{more})", rows_words(out.rows), out.reason.words(), lines.join(", "));
    }
    say!("");
    print_sums(found);
    print_invoices(found);
    print_rest(found);
}

fn print_sums(found: &Reconciliation) {
    let show = |amount: Option<crate::bill::exact::Exact>| {
        amount.map(|amount| amount.to_string()).unwrap_or_default()
    };
    let rows: Vec<Vec<String>> = found
        .sums
        .iter()
        .map(|sum| {
            vec![
                format!("{} {}", sum.basis.column(), sum.currency),
                show(sum.stored),
                sum.column.clone().unwrap_or_else(|| "the file has none".to_owned()),
                show(sum.own),
                show(sum.difference),
            ]
        })
        .collect();
    if !rows.is_empty() {
        table::print(&["cost", "in the store", "the file's own column", "its sum", "difference"], &rows);
    }
    for sum in found.sums.iter().filter(|sum| !sum.steps.is_empty()) {
        for step in &sum.steps {
            let mark = if step.explained { " " } else { "!" };
            say!("{mark} {} {}: {} ({})", sum.basis.column(), step.amount, step.words, rows_words(step.rows));
        }
    }
    for other in &found.others {
        say!("  beside: {} {} {}", other.column, other.sum, other.currency);
    }
    for stated in &found.stated {
        let agrees = if stated.agrees { "as its rows add up" } else { "its rows add up to something else" };
        say!("  stated: {} {}, {agrees} ({})", stated.name, stated.stated, stated.sum);
    }
    say!("");
}

fn print_invoices(found: &Reconciliation) {
    let rows: Vec<Vec<String>> = found
        .charges
        .iter()
        .map(|charged| {
            let billed = charged.billed.map_or_else(
                || "not known".to_owned(),
                |billed| amount_words(billed, &charged.target.currency),
            );
            vec![charged.target.words(), charged.rows.to_string(), billed]
        })
        .collect();
    if !rows.is_empty() {
        table::print(&["charged for", "rows", "billed"], &rows);
    }
    for check in &found.checks {
        let currency = &check.invoice.target.currency;
        let says = format!("{} {currency}", check.invoice.total);
        if check.agrees {
            say!("invoice of {}: {says}, agrees", check.invoice.target.words());
        } else {
            let words = crate::bill::reconcile::off_words(check);
            say!("invoice of {}: {says}. {words}", check.invoice.target.words());
        }
    }
    say!("");
}

fn print_rest(found: &Reconciliation) {
    for trap in &found.traps {
        let how = match trap.certainty {
            Certainty::Avoided => "not counted twice",
            Certainty::Possible => "may count twice",
            Certainty::Certain => "counts twice",
        };
        say!("{how}: {}", trap.words);
    }
    for coverage in &found.coverage {
        let unit = if coverage.daily { "days" } else { "months" };
        say!(
            "{}: {} to {}, {unit} with rows {}, without {}",
            coverage.provider,
            coverage.first,
            coverage.last,
            coverage.present,
            coverage.missing_count
        );
        for (first, last) in coverage.missing.iter().take(LINES) {
            say!("  no rows: {}", if first == last { first.clone() } else { format!("{first} to {last}") });
        }
    }
    for check in &found.true_up {
        say!("true-up of {}: {}", check.sums.period, check.words);
    }
    for tally in found.troubles.iter().filter(|tally| tally.trouble != Trouble::Ragged) {
        let column = tally.column.as_deref().unwrap_or("rows");
        say!("{column}: {} {}", tally.count, tally.trouble.plural().trim_start_matches("more "));
        for warning in tally.examples.iter().take(LINES) {
            let line = warning.line.map_or_else(String::new, |line| format!("line {line}: "));
            say!("  {line}{}", warning.message);
        }
    }
    say!("");
}
