//! `inferometer bill FILE --reconcile`: whether bills agree with their files, with invoices and with each other.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use super::session::Session;
use super::table;
use crate::app::Command;
use crate::bill::reconcile::{
    Certainty, Check, InvoiceTotal, Ledger, Portion, Reconciliation, Scope, StatedCheck, Target, Verdict,
    Where, amount_words, charges, missed_words, money_words, read_total, rows_words,
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
    /// What the invoice says: of everything, or of an invoice id, a month such as 2026-10, an account or a currency, or
    /// several of these with commas. Kept in the project where no files are named. Exit code 2 when the bill says
    /// something else, or has no row of an invoice that is kept
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

/// A bill is not what its invoice says, or not what it says of itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
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
    let missed: Vec<(&Reconciliation, &StatedCheck)> = found
        .iter()
        .flat_map(|one| one.stated.iter().map(move |stated| (one, stated)))
        .filter(|(_, stated)| !stated.agrees)
        .collect();
    let without_rows = session.app.state().invoices_without_rows();
    if session.json {
        let agrees = off.is_empty() && without_rows.is_empty() && missed.is_empty();
        Session::print_json(
            &json!({ "agrees": agrees, "bills": found, "invoices_without_rows": without_rows }),
        )?;
    } else {
        for one in &found {
            print(one);
        }
        for invoice in &without_rows {
            say!("! {}", without_rows_words(invoice));
        }
    }
    if let Some(check) = off.first() {
        let words = crate::bill::reconcile::off_words(check);
        let of = check.invoice.target.words();
        return Err(Off(format!("the bill does not agree with the invoice: {of}: {words}")).into());
    }
    if let Some((one, stated)) = missed.first() {
        let words = missed_words(stated);
        return Err(Off(format!("the bill does not add up to its own total: {words}: {}", one.file)).into());
    }
    match without_rows.first() {
        Some(invoice) => {
            let words = without_rows_words(invoice);
            Err(Off(format!("the bill does not agree with the invoice: {words}")).into())
        }
        None => Ok(()),
    }
}

/// What is said of an invoice that nothing is compared with.
fn without_rows_words(invoice: &InvoiceTotal) -> String {
    format!(
        "{}: the invoice says {}, and no open bill has a row of it",
        invoice.target.words(),
        money_words(invoice.total, &invoice.target.currency)
    )
}

/// `TOTAL` or `ID=TOTAL`, where `ID` is one or several of what rows are told apart by: `2026-10, EUR`.
fn invoice_of(session: &Session, text: &str, tolerance: Money) -> anyhow::Result<InvoiceTotal> {
    let (id, amount) = text.rsplit_once('=').map_or((None, text), |(id, amount)| (Some(id.trim()), amount));
    let total = read_total(amount).with_context(|| {
        format!("`{amount}` is no amount; write --invoice 1234.56 or --invoice ID=1234.56")
    })?;
    let ledgers: Vec<&Ledger> =
        session.app.state().bills.iter().filter_map(|bill| bill.ledger.as_deref()).collect();
    let scopes: Vec<&Scope> = ledgers.iter().flat_map(|ledger| &ledger.scopes).collect();
    if scopes.is_empty() {
        bail!("the bill has no rows that an invoice could be of");
    }
    let mut target = Target::default();
    let mut currency = None;
    let known = |part: &str| scopes.iter().any(|scope| kind_of(part, scope).is_some());
    let parts: Vec<&str> = match id {
        None => Vec::new(),
        Some(whole) if known(whole) => vec![whole],
        Some(several) => several.split(',').map(str::trim).filter(|part| !part.is_empty()).collect(),
    };
    for part in parts {
        let kind = scopes.iter().filter_map(|scope| kind_of(part, scope)).min();
        match kind {
            Some(Part::Invoice) => target.invoice = Some(part.trim_start_matches(INVOICE).to_owned()),
            Some(Part::Period) => target.period = Some(part.to_owned()),
            Some(Part::Currency) => currency = Some(part.to_ascii_uppercase()),
            Some(Part::Account) => target.account = Some(account_of(part, &scopes)?),
            None => {
                let known: Vec<String> =
                    charges(&ledgers).iter().take(NAMED).map(|charged| charged.target.words()).collect();
                bail!(
                    "no row is of the invoice, month, account or currency `{part}`; the bill has {}",
                    known.join("; ")
                );
            }
        }
    }
    let mut currencies: Vec<&str> = scopes
        .iter()
        .map(|scope| scope.currency.as_str())
        .filter(|name| currency.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name)))
        .filter(|name| {
            let of = Target { currency: (*name).to_owned(), ..target.clone() };
            scopes.iter().any(|scope| of.has(scope))
        })
        .collect();
    currencies.sort_unstable();
    currencies.dedup();
    match currencies.as_slice() {
        [only] => {
            Ok(InvoiceTotal { target: Target { currency: (*only).to_owned(), ..target }, total, tolerance })
        }
        [] => bail!("no row is of all that `{}` names", id.unwrap_or_default()),
        [first, ..] => {
            let before = id.map_or_else(String::new, |id| format!("{id},"));
            bail!(
                "the rows are in several currencies ({}); say of which: --invoice {before}{first}={amount}",
                currencies.join(", ")
            )
        }
    }
}

/// How an invoice is called where its rows are named in words.
const INVOICE: &str = "invoice ";

/// What rows are told apart by, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Invoice,
    Period,
    Currency,
    Account,
}

/// What of a scope a word names; `None` when it names none of it.
fn kind_of(word: &str, scope: &Scope) -> Option<Part> {
    let is = |own: &str| !own.is_empty() && own == word;
    if is(&scope.invoice) || word.strip_prefix(INVOICE).is_some_and(|id| id == scope.invoice) {
        return Some(Part::Invoice);
    }
    if is(&scope.period) {
        return Some(Part::Period);
    }
    if !scope.currency.is_empty() && scope.currency.eq_ignore_ascii_case(word) {
        return Some(Part::Currency);
    }
    (is(&scope.account) || is(&scope.account_id)).then_some(Part::Account)
}

/// The account that a name or an id means.
fn account_of(word: &str, scopes: &[&Scope]) -> anyhow::Result<String> {
    let is = |scope: &&&Scope| scope.account == word || scope.account_id == word;
    let mut names: Vec<&str> = scopes.iter().filter(is).map(|scope| scope.account.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        _ => bail!("`{word}` is an account of several who charge; name one of {}", names.join(", ")),
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
                match sum.without {
                    0 => sum.rows.to_string(),
                    without => format!("{} of {}", sum.rows - without, sum.rows),
                },
                sum.column.clone().unwrap_or_else(|| "the file has none".to_owned()),
                show(sum.own),
                show(sum.difference),
            ]
        })
        .collect();
    if !rows.is_empty() {
        table::print(
            &["cost", "in the store", "of rows", "the file's own column", "its sum", "difference"],
            &rows,
        );
    }
    print_counted(found);
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

/// What of the sums is in the totals and what is not, where not all of it is.
fn print_counted(found: &Reconciliation) {
    let line = |name: &str, currency: &str, portion: &Portion| {
        let sums = portion.sums.map(|sum| sum.map_or_else(String::new, |sum| sum.to_string()));
        let mut row = vec![format!("{name} {currency}").trim_end().to_owned(), portion.rows.to_string()];
        row.extend(sums);
        row
    };
    let rows: Vec<Vec<String>> = found
        .counted
        .iter()
        .flat_map(|of| {
            let currency = of.currency.as_str();
            [
                line("counts in totals", currency, &of.counts),
                line("does not: delivered again", currency, &of.does_not),
                line("in the store", currency, &of.together()),
            ]
        })
        .collect();
    if !rows.is_empty() {
        say!("");
        table::print(&["", "rows", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost"], &rows);
    }
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
        table::print(&["charged for (billing month)", "rows", "billed"], &rows);
    }
    for check in &found.checks {
        let currency = &check.invoice.target.currency;
        let says = money_words(check.invoice.total, currency);
        let of = match check.bills {
            0 | 1 => check.invoice.target.words(),
            bills => format!("{}, of all {bills} bills together", check.invoice.target.words()),
        };
        if check.is_within_tolerance() {
            let tolerance = money_words(check.invoice.tolerance, currency);
            say!("invoice of {of}: {says}, agrees within {tolerance}");
        } else if check.agrees {
            say!("invoice of {of}: {says}, agrees");
        } else {
            let words = crate::bill::reconcile::off_words(check);
            say!("invoice of {of}: {says}. {words}");
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
