//! Writes the ledger of a bill while it is imported: told of every row of the file before it is mapped, and of every
//! row of the store that comes of it.
//!
//! What it costs is a share of the import's time, so texts that are the same as in the row before are not read again.

mod days;
mod scopes;

use std::collections::HashMap;

use super::amount::Said;
use super::ledger::{Ledger, LeftOut, Line, OwnColumn, Reason, Scope, Stated, Where};
use super::own::{Layout, letters};
use super::sketch::{Hash, Sketch};
use crate::bill::columns::COSTS;
use crate::bill::exact::Exact;
use crate::bill::formats::azure::COST_VIEW_COLUMN;
use crate::bill::formats::mapping::trimmed;
use crate::bill::formats::{Kind, Target};
use crate::bill::moment;
use crate::bill::warnings::{Place, Warnings};
use days::Days;
use scopes::Scopes;

/// Examples kept of each kind.
const EXAMPLES: usize = 10;
/// Kinds of rows kept apart.
const KINDS: usize = 400;
/// Decimal places at most in a stated total.
const PLACES: u32 = 10;
/// Columns that together tell a row from all others, where it has no identity of its own.
const TELLING: [&str; 14] = [
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingAccountId",
    "SubAccountId",
    "ResourceId",
    "SkuId",
    "SkuPriceId",
    "SkuMeter",
    "ChargeDescription",
    "ChargeCategory",
    "BilledCost",
    "EffectiveCost",
    "ConsumedQuantity",
    "Tags",
];

/// Where the rows of the store have what is written down.
#[derive(Default)]
struct Stored {
    costs: [Option<usize>; 4],
    currency: Option<usize>,
    invoice: Option<usize>,
    period: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    category: Option<usize>,
    issuer: Option<usize>,
    provider: Option<usize>,
    account: Option<usize>,
    sub_account: Option<usize>,
    seller: Option<usize>,
    view: Option<usize>,
    telling: Vec<usize>,
}

/// The row that is being read.
#[derive(Default)]
struct Current {
    row: u64,
    line: Option<u64>,
    place: usize,
    said: Vec<Said>,
    reason: Option<Reason>,
    is_total: bool,
    identified: bool,
    stored: bool,
}

/// The writer.
#[derive(Default)]
pub struct Keeper {
    ledger: Ledger,
    file: String,
    layout: Option<Layout>,
    /// Place in [`Ledger::own`] of each own column of this file.
    own_at: Vec<usize>,
    stored: Stored,
    lines: HashMap<(String, String), usize>,
    /// The line asked for last.
    last_line: Option<usize>,
    scopes: Scopes,
    days: Days,
    current: Current,
    /// The row before, while nothing of it is in the store: some readers hand a row on with the next one.
    waiting: Option<Current>,
    kind: String,
    currency: String,
    /// The file is one of several.
    is_part: bool,
    sketch: Sketch,
}

/// A cell with a value.
fn value<'c>(cells: &[&'c str], at: Option<usize>) -> &'c str {
    at.and_then(|at| cells.get(at)).map_or("", |text| trimmed(text))
}

fn add(to: &mut Exact, amount: Exact, too_large: &mut bool) {
    match to.checked_add(amount) {
        Some(sum) => *to = sum,
        None => *too_large = true,
    }
}

impl Keeper {
    /// Begins a file, or the next one of several that are one bill: its header, and what stands before that.
    pub fn begin(
        &mut self,
        file: &str,
        is_part: bool,
        kind: Kind,
        (header, preamble): (&[String], &[(String, String)]),
        targets: &[Target],
    ) {
        self.settle();
        file.clone_into(&mut self.file);
        self.is_part = is_part;
        let layout = Layout::of(kind, header);
        self.own_at = layout
            .own
            .iter()
            .map(|own| {
                let known = self.ledger.own.iter().position(|other| other.name == own.name);
                known.unwrap_or_else(|| {
                    self.ledger.own.push(OwnColumn {
                        name: own.name.clone(),
                        against: own.against.clone(),
                        formula: matches!(own.take, super::own::Take::Amortised),
                        filled: 0,
                        empty: 0,
                        odd: 0,
                        unreadable: 0,
                        examples: Vec::new(),
                    });
                    self.ledger.own.len() - 1
                })
            })
            .collect();
        let own = self.ledger.own.len();
        for line in &mut self.ledger.lines {
            line.own.resize(own, Exact::default());
        }
        for (name, text) in preamble.iter().filter(|(name, _)| name.to_lowercase().contains("total")) {
            self.state(name, text, Where { file: file.to_owned(), line: None, row: None });
        }
        let at = |name: &str| targets.iter().position(|target| target.name == name);
        self.stored = Stored {
            costs: COSTS.map(at),
            currency: at("BillingCurrency"),
            invoice: at("InvoiceId"),
            period: at("BillingPeriodStart"),
            start: at("ChargePeriodStart"),
            end: at("ChargePeriodEnd"),
            category: at("ChargeCategory"),
            issuer: at("InvoiceIssuerName"),
            provider: at("ProviderName").or(at("ServiceProviderName")),
            account: at("BillingAccountId"),
            sub_account: at("SubAccountId"),
            seller: at("x_BillingEntity"),
            view: at(COST_VIEW_COLUMN),
            telling: TELLING.iter().filter_map(|name| at(name)).collect(),
        };
        self.layout = Some(layout);
    }

    /// Writes a stated total down, if it is one.
    fn state(&mut self, name: &str, text: &str, place: Where) {
        if let Said::Plain(amount) | Said::Odd(amount) = super::amount::read(text) {
            let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
            let places = digits.rsplit_once(['.', ',']).map_or(0, |(_, fraction)| fraction.len());
            let places = if digits.contains(['e', 'E']) { PLACES as usize } else { places };
            let places = u32::try_from(places).unwrap_or(PLACES).min(PLACES);
            self.ledger.stated.push(Stated { name: name.trim().to_owned(), amount, places, place });
        }
    }

    /// A row of the file, before it is mapped.
    pub fn read(&mut self, cells: &[&str], place: Place) {
        let Some(layout) = self.layout.take() else { return };
        self.read_with(&layout, cells, place);
        self.layout = Some(layout);
    }

    fn read_with(&mut self, layout: &Layout, cells: &[&str], place: Place) {
        self.ledger.rows_read += 1;
        let mut said = std::mem::take(&mut self.current.said);
        layout.amounts(cells, &mut said);
        let reason = layout.no_charge(cells);
        let is_total = reason == Some(Reason::TotalLine);
        layout.kind(cells, &mut self.kind);
        // What has no currency of its own is in that of the rows around it.
        if let Some(at) = layout.currency {
            let text = value(cells, Some(at));
            if !text.eq_ignore_ascii_case(&self.currency) {
                self.currency = text.to_ascii_uppercase();
            }
        }
        let here = Where { file: String::new(), line: place.line, row: Some(place.row) };
        if is_total {
            let label = cells.iter().map(|text| text.trim()).find(|text| letters(text).contains("total"));
            let amount = layout.own.iter().position(|own| !own.against.is_empty());
            if let (Some(label), Some(own)) = (label.map(str::to_owned), amount) {
                let text = match said[own] {
                    Said::Plain(amount) | Said::Odd(amount) => amount.to_string(),
                    Said::Nothing | Said::Unreadable => String::new(),
                };
                let place = Where { file: self.file.clone(), ..here.clone() };
                self.state(&label, &text, place);
            }
        } else {
            for (own, said) in said.iter().enumerate() {
                let column = &mut self.ledger.own[self.own_at[own]];
                match said {
                    Said::Nothing => column.empty += 1,
                    Said::Plain(_) => column.filled += 1,
                    Said::Odd(_) | Said::Unreadable => {
                        if matches!(said, Said::Odd(_)) {
                            column.filled += 1;
                            column.odd += 1;
                        } else {
                            column.unreadable += 1;
                        }
                        if column.examples.len() < EXAMPLES {
                            let text = crate::bill::table::short(layout.text(own, cells));
                            let place = Where { file: self.file.clone(), ..here.clone() };
                            column.examples.push((place, text));
                        }
                    }
                }
            }
            if reason != Some(Reason::SplitCost)
                && let Some(formula) = &layout.aws
            {
                formula.true_up(cells, &self.currency, &mut self.ledger.true_up);
            }
        }
        // Some tables have the column and nothing in it.
        let identified = layout.identity.first().is_some_and(|at| !value(cells, Some(*at)).is_empty());
        if identified {
            let mut hash = Hash::new();
            for at in &layout.identity {
                hash.add(cells.get(*at).map_or("", |text| text.trim()));
            }
            self.sketch.add(hash.finish());
            self.ledger.has_identity = true;
        }
        self.current = Current {
            row: place.row,
            line: place.line,
            place: usize::MAX,
            said,
            reason,
            is_total,
            identified,
            stored: false,
        };
    }

    /// The row of the file is mapped as far as it will be for now.
    pub fn done(&mut self) {
        let current = std::mem::take(&mut self.current);
        if current.stored {
            // Its buffer serves the next row.
            self.current.said = current.said;
            return;
        }
        self.settle();
        self.waiting = Some(Current { place: self.line(), ..current });
    }

    /// A row that nothing came of is left out.
    fn settle(&mut self) {
        let Some(row) = self.waiting.take() else { return };
        let reason = row.reason.unwrap_or(Reason::Other);
        self.leave_out(reason, 1, Where { file: self.file.clone(), line: row.line, row: Some(row.row) });
        if row.is_total {
            return;
        }
        let (currency, kind) = {
            let line = &self.ledger.lines[row.place];
            (line.currency.clone(), line.kind.clone())
        };
        let place = self.line_of(&currency, &kind, Some(reason));
        self.count(&row.said, place);
    }

    fn leave_out(&mut self, reason: Reason, rows: u64, place: Where) {
        let known = self.ledger.left_out.iter().position(|out| out.reason == reason);
        let at = known.unwrap_or_else(|| {
            self.ledger.left_out.push(LeftOut { reason, rows: 0, examples: Vec::new() });
            self.ledger.left_out.len() - 1
        });
        let out = &mut self.ledger.left_out[at];
        out.rows += rows;
        if out.examples.len() < EXAMPLES {
            out.examples.push(place);
        }
    }

    /// Adds a row's own amounts to a line.
    fn count(&mut self, said: &[Said], place: usize) {
        let line = &mut self.ledger.lines[place];
        line.rows += 1;
        for (own, said) in said.iter().enumerate() {
            let at = self.own_at[own];
            let (amount, is_odd) = match said {
                Said::Plain(amount) => (*amount, false),
                Said::Odd(amount) => (*amount, true),
                Said::Nothing | Said::Unreadable => continue,
            };
            let too_large = &mut self.ledger.too_large;
            add(&mut line.own[at], amount, too_large);
            let against = self.layout.as_ref().and_then(|layout| layout.own.get(own)).map(|own| &own.against);
            for basis in against.into_iter().flatten() {
                add(&mut line.compared[basis.place()], amount, too_large);
                if is_odd {
                    add(&mut line.odd[basis.place()], amount, too_large);
                }
            }
        }
    }

    /// The line of the row that is being read.
    fn line(&mut self) -> usize {
        let (currency, kind) = (std::mem::take(&mut self.currency), std::mem::take(&mut self.kind));
        let place = self.line_of(&currency, &kind, None);
        (self.currency, self.kind) = (currency, kind);
        place
    }

    fn line_of(&mut self, currency: &str, kind: &str, left_out: Option<Reason>) -> usize {
        let is_last =
            |line: &&Line| line.left_out == left_out && line.kind == kind && line.currency == currency;
        if self.last_line.and_then(|place| self.ledger.lines.get(place)).as_ref().is_some_and(is_last)
            && let Some(place) = self.last_line
        {
            return place;
        }
        // The few reasons are told apart by a mark that no cell begins with.
        let key = match left_out {
            None => kind.to_owned(),
            Some(reason) => format!("\0{reason:?} {kind}"),
        };
        let key = (currency.to_owned(), key);
        if let Some(place) = self.lines.get(&key) {
            self.last_line = Some(*place);
            return *place;
        }
        let lumped = self.ledger.lines.len() >= KINDS;
        self.ledger.kinds_lumped |= lumped;
        let name = if lumped { "" } else { kind };
        let same = |line: &Line| line.currency == currency && line.kind == name && line.left_out == left_out;
        let place = self.ledger.lines.iter().position(same).unwrap_or_else(|| {
            let own = self.ledger.own.len();
            self.ledger.lines.push(Line {
                currency: currency.to_owned(),
                kind: name.to_owned(),
                left_out,
                rows: 0,
                own: vec![Exact::default(); own],
                compared: [Exact::default(); 4],
                odd: [Exact::default(); 4],
                stored_rows: 0,
                stored: [Exact::default(); 4],
                stored_filled: [0; 4],
            });
            self.ledger.lines.len() - 1
        });
        if self.lines.len() < KINDS * 4 {
            self.lines.insert(key, place);
        }
        place
    }

    /// A row of the store, which comes of the file's row at `place`.
    pub fn store(&mut self, cells: &[&str], place: Place) {
        let own_currency = self.layout.as_ref().is_some_and(|layout| layout.currency.is_some());
        if !own_currency {
            let text = value(cells, self.stored.currency);
            if !text.eq_ignore_ascii_case(&self.currency) {
                self.currency = text.to_ascii_uppercase();
            }
        }
        let line = if self.current.row == place.row {
            if !self.current.stored {
                self.current.stored = true;
                let line = self.line();
                self.current.place = line;
                let said = std::mem::take(&mut self.current.said);
                if !self.current.is_total {
                    self.count(&said, line);
                }
                self.current.said = said;
                self.ledger.rows_kept += 1;
            }
            self.current.place
        } else if let Some(row) = self.waiting.take_if(|row| row.row == place.row) {
            // Its currency may only be known now.
            let kind = self.ledger.lines[row.place].kind.clone();
            let currency = self.currency.clone();
            let line = self.line_of(&currency, &kind, None);
            self.count(&row.said, line);
            self.ledger.rows_kept += 1;
            self.current.place = if self.current.stored { self.current.place } else { line };
            line
        } else {
            self.line()
        };
        self.ledger.rows_stored += 1;
        let mut costs = [None; 4];
        // What is billed is what it effectively cost more often than not.
        let mut last = ("", None);
        for (cost, at) in costs.iter_mut().zip(self.stored.costs) {
            let text = value(cells, at);
            if text != last.0 {
                last = (text, Exact::read(text).ok().map(|read| read.value));
            }
            *cost = last.1;
        }
        let too_large = &mut self.ledger.too_large;
        let to = &mut self.ledger.lines[line];
        to.stored_rows += 1;
        for (place, cost) in costs.iter().enumerate() {
            if let Some(cost) = cost {
                add(&mut to.stored[place], *cost, too_large);
                to.stored_filled[place] += 1;
            }
        }
        self.days.add(cells, &self.stored);
        let part = if self.is_part { self.file.as_str() } else { "" };
        self.scopes.add(cells, &self.stored, costs, self.days.start(), part);
        let view = value(cells, self.stored.view);
        if !view.is_empty() {
            match self.ledger.views.get_mut(view) {
                Some(rows) => *rows += 1,
                None => drop(self.ledger.views.insert(view.to_owned(), 1)),
            }
        }
        if !self.current.identified {
            let mut hash = Hash::new();
            for at in &self.stored.telling {
                hash.add(value(cells, Some(*at)));
            }
            self.sketch.add(hash.finish());
        }
    }

    /// Closes the ledger. `misshapen` rows never came here, because they do not line up with the header.
    pub fn finish(mut self, misshapen: u64, warnings: &Warnings) -> Ledger {
        self.settle();
        self.ledger.rows_read += misshapen;
        self.ledger.troubles = warnings.tally();
        if misshapen > 0 {
            use crate::bill::warnings::Trouble;
            let of_rows = |trouble: Trouble| matches!(trouble, Trouble::Ragged | Trouble::NotJson);
            let examples = self
                .ledger
                .troubles
                .iter()
                .filter(|tally| of_rows(tally.trouble) && tally.column.is_none())
                .flat_map(|tally| &tally.examples)
                .map(|warning| Where { file: warning.file.clone(), line: warning.line, row: None })
                .take(EXAMPLES)
                .collect();
            self.ledger.left_out.push(LeftOut { reason: Reason::Misshapen, rows: misshapen, examples });
        }
        self.ledger.covered = self.days.finish();
        let scopes = self.scopes.finish();
        self.ledger.scopes = scopes.found;
        self.ledger.scopes_lumped = scopes.lumped;
        self.ledger.too_large |= scopes.too_large;
        self.ledger.left_out.sort_by_key(|out| out.reason);
        // Lines that a waiting row asked for and did not need.
        self.ledger.lines.retain(|line| line.rows > 0 || line.stored_rows > 0);
        self.ledger
            .lines
            .sort_by(|a, b| (&a.currency, a.left_out, &a.kind).cmp(&(&b.currency, b.left_out, &b.kind)));
        self.ledger.scopes.sort_by(|a, b| {
            let key = |scope: &Scope| (scope.account.clone(), scope.period.clone(), scope.currency.clone());
            (key(a), &a.invoice).cmp(&(key(b), &b.invoice))
        });
        self.ledger.true_up.sort_by(|a, b| (&a.period, &a.currency).cmp(&(&b.period, &b.currency)));
        self.ledger.sketch = self.sketch;
        self.ledger
    }
}

/// `2026-10`, the month that a moment is in.
fn month_of(micros: i64) -> String {
    let mut text = moment::show(micros);
    text.truncate(7);
    text
}
