//! What a thousand requests and a million tokens cost: spend by day joined with what was served that day.
//!
//! On two bases, as OpenCost and llm-d have them (`costBasis=allocation|usage`, llm-d "Track Inference Cost"):
//! - **allocation**: all that is paid for the capacity, idle included. It answers "what does it cost us", and is the
//!   side to compare with an API's price.
//! - **usage**: the part of it that was used. What is metered by use (tokens, traffic, storage) counts whole; capacity
//!   that is paid by the hour counts by its utilisation, given or measured; what was committed and not used, nothing.
//!
//! What is divided is what counts as inference, before tax, as the prices are that it is compared with. AI whose
//! purpose the bill does not tell counts where its class is chosen, and how much of it was used is then not known.
//!
//! Only days are joined that both the bill and the demand cover whole; the others are counted and said, never guessed.
//! Money stays exact up to the last division, which is rounded once to ten places.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bill::exact::{Exact, SCALE};
use crate::bill::lens::{LedgerCell, QuantityKind, Share};
use crate::bill::{Class, Ledger, Line};
use crate::demand::{Counts, Served};
use crate::units::{self, Money};

const DAY_SECS: i64 = 86_400;
const HOUR_SECS: i128 = 3_600;
const ONE: i128 = 10_i128.pow(SCALE);
/// Units named in a note.
const NAMED: usize = 4;

/// How much of the capacity that is paid by the hour was used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Utilisation {
    /// Nobody said.
    #[default]
    Unknown,
    /// A share, given by the user, of machines, endpoints and provisioned throughput alike.
    Given {
        /// Above 0 and at most 1.
        share: Share,
    },
    /// From the demand: requests served ÷ requests that the billed hours could have served at a measured rate.
    Measured {
        /// Requests per second that one machine serves at full load.
        per_machine_rps: f64,
    },
}

/// The width of a period, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Calendar days.
    #[default]
    Day,
    /// Weeks from Monday.
    Week,
    /// Calendar months.
    Month,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Spend by day.
    pub ledger: &'a Ledger,
    /// What was served by day.
    pub served: &'a Served,
    /// Classes whose cost is divided.
    pub classes: &'a [Class],
    /// Use of capacity paid by the hour.
    pub utilisation: Utilisation,
    /// How many input tokens an output token weighs, where cost that no bill splits is split between them.
    pub output_weight: Option<Money>,
    /// Width of the periods.
    pub period: Period,
}

impl Question<'_> {
    /// Whether the cost of a cell is of a chosen class and of a rule that counts. Of AI of unknown purpose, and of
    /// training, no rule counts: choosing the class is asking for it all the same.
    fn is_asked(&self, cell: &LedgerCell) -> bool {
        let never_counted = matches!(cell.class, Class::Unknown | Class::Training);
        self.classes.contains(&cell.class) && (cell.counted || never_counted)
    }

    /// Whether the cost of a cell is divided.
    fn divides(&self, cell: &LedgerCell) -> bool {
        self.is_asked(cell) && cell.line != Line::Tax
    }

    /// What such cells cost together.
    fn sum_of(&self, wanted: impl Fn(&LedgerCell) -> bool) -> i128 {
        self.ledger.cells.iter().filter(|cell| wanted(cell)).map(|cell| cell.cost.0).sum()
    }

    /// Machine hours by day, of the chosen classes.
    fn hours(&self) -> BTreeMap<i64, Exact> {
        let mut hours: BTreeMap<i64, Exact> = BTreeMap::new();
        for quantity in &self.ledger.quantities {
            let class = match quantity.kind {
                QuantityKind::MachineHours => Class::Machine,
                QuantityKind::EndpointHours => Class::ManagedEndpoint,
                _ => continue,
            };
            if self.classes.contains(&class) {
                let slot = hours.entry(quantity.day).or_default();
                *slot = slot.checked_add(quantity.amount).unwrap_or(*slot);
            }
        }
        hours
    }

    /// How much of what a cell pays for was used.
    fn used(&self, cell: &LedgerCell, hours: &BTreeMap<i64, Exact>) -> Used {
        match cell.line {
            Line::UnusedCapacity => return Used::Nothing,
            _ if cell.class == Class::Unknown => return Used::Unknown,
            line if !line.is_capacity() && !is_credit_on_capacity(cell) => return Used::Whole,
            _ => {}
        }
        match self.utilisation {
            Utilisation::Unknown => Used::Unknown,
            Utilisation::Given { share } => Used::Part(share),
            Utilisation::Measured { .. } if cell.line == Line::ProvisionedThroughput => Used::Unknown,
            Utilisation::Measured { per_machine_rps } => {
                let requests = self.served.days.get(&cell.day).and_then(|counts| counts.requests);
                let possible = Money::from_f64(per_machine_rps)
                    .and_then(Exact::from_money)
                    .and_then(|rate| rate.checked_mul(*hours.get(&cell.day)?))
                    .and_then(|per_hour| per_hour.0.checked_mul(HOUR_SECS))
                    .filter(|possible| *possible > 0);
                match requests.zip(possible) {
                    Some((requests, possible)) => {
                        Used::Ratio { of: whole(requests), possible: Exact(possible) }
                    }
                    None => Used::Unknown,
                }
            }
        }
    }
}

/// What is given back of capacity follows the capacity.
fn is_credit_on_capacity(cell: &LedgerCell) -> bool {
    cell.line == Line::Credits && matches!(cell.class, Class::Machine | Class::ManagedEndpoint)
}

/// A count as an exact amount.
fn whole(count: u64) -> Exact {
    Exact(i128::from(count) * ONE)
}

/// Cost and what it comes to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Side {
    /// All of it.
    pub cost: Money,
    /// Per 1,000 requests.
    pub per_thousand_requests: Option<Money>,
    /// Per million tokens read.
    pub per_million_tokens_in: Option<Money>,
    /// Per million tokens written.
    pub per_million_tokens_out: Option<Money>,
    /// Per million tokens in both directions.
    pub per_million_tokens: Option<Money>,
}

/// A period, or all days together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Start of the period, seconds since 1970-01-01 UTC.
    pub start_unix_secs: i64,
    /// Days of it that are joined.
    pub days: usize,
    /// What was served on them.
    pub counts: Counts,
    /// All that is paid for the capacity.
    pub allocation: Side,
    /// The part that was used; `None` where that is not known.
    pub usage: Option<Side>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnitCosts {
    /// All joined days; `None` without any.
    pub total: Option<Unit>,
    /// By period, ascending; periods without a joined day are left out.
    pub periods: Vec<Unit>,
    /// Whole days of the bill on which nothing is known of the demand.
    pub days_only_in_bill: usize,
    /// Days of the demand that the bill does not cover whole.
    pub days_only_in_demand: usize,
    /// Cost of the classes on days that are not joined, before tax.
    pub cost_outside: Money,
    /// Share of the capacity cost that was used, over the joined days; `None` without capacity or where not known.
    pub utilisation: Option<f64>,
    /// What should be known about the numbers.
    pub notes: Vec<String>,
    /// The joined days: starts in seconds since 1970-01-01 UTC, ascending.
    #[serde(skip)]
    pub joined: Vec<i64>,
}

/// Cost of one day.
#[derive(Debug, Clone, Copy, Default)]
struct DayCost {
    all: Sides,
    used: Sides,
    /// Capacity paid by the hour, and the part of it that was used.
    capacity: i128,
    capacity_used: i128,
    /// False where the used part of some capacity is not known.
    usage_known: bool,
}

/// Cost by the token it is for.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    tokens_in: i128,
    tokens_out: i128,
    /// For neither alone.
    shared: i128,
}

impl Sides {
    fn total(self) -> i128 {
        self.tokens_in + self.tokens_out + self.shared
    }

    fn add(&mut self, line: Line, cost: i128) {
        match line {
            Line::InputTokens | Line::CachedTokens => self.tokens_in += cost,
            Line::OutputTokens => self.tokens_out += cost,
            _ => self.shared += cost,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            tokens_in: self.tokens_in + other.tokens_in,
            tokens_out: self.tokens_out + other.tokens_out,
            shared: self.shared + other.shared,
        }
    }
}

/// Joins spend and demand.
pub fn unit_costs(question: &Question<'_>) -> UnitCosts {
    let Question { ledger, served, period, output_weight, .. } = *question;
    let bill_days: BTreeSet<i64> = ledger.days.iter().copied().collect();
    let empty_days: BTreeSet<i64> = ledger.empty_days.iter().copied().collect();
    // What was asked for on a day that the bill has no row of was not free: its rows are missing.
    let is_missing =
        |day: &i64| empty_days.contains(day) && served.days.get(day).is_some_and(Counts::has_any);
    let in_both = served.days.keys().copied().filter(|day| bill_days.contains(day));
    let (missing, joined): (Vec<i64>, Vec<i64>) = in_both.partition(is_missing);
    let mut notes = Vec::new();
    if !missing.is_empty() {
        notes.push(format!(
            "On {} there was demand and no bill has a row: left out, because the cost of such a day is not known.",
            days_words(missing.len())
        ));
    }
    let costs = days(question, &joined, &mut notes);
    let mut periods: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for day in &joined {
        periods.entry(period_start(*day, period)).or_default().push(*day);
    }
    let unit = |start: i64, days: &[i64]| {
        let mut counts = Counts::NONE;
        let mut cost = DayCost { usage_known: true, ..DayCost::default() };
        for day in days {
            counts = counts.plus(served.days.get(day).copied().unwrap_or_default());
            if let Some(one) = costs.get(day) {
                cost.all = cost.all.plus(one.all);
                cost.used = cost.used.plus(one.used);
                cost.usage_known &= one.usage_known;
            }
        }
        Unit {
            start_unix_secs: start,
            days: days.len(),
            counts,
            allocation: side(cost.all, counts, output_weight),
            usage: cost.usage_known.then(|| side(cost.used, counts, output_weight)),
        }
    };
    let total = joined.first().map(|first| unit(*first, &joined));
    let capacity: i128 = costs.values().map(|cost| cost.capacity).sum();
    let used: i128 = costs.values().map(|cost| cost.capacity_used).sum();
    let known = costs.values().all(|cost| cost.usage_known);
    let outside = question.sum_of(|cell| question.divides(cell) && joined.binary_search(&cell.day).is_err());
    notes.extend(left_out_notes(question, &joined));
    let shared = costs.values().any(|cost| cost.all.shared != 0);
    if shared && output_weight.is_none() && total.is_some_and(|unit| unit.counts.tokens().is_some()) {
        notes.push(
            "Part of the cost serves tokens in both directions and the bill does not split it: without a weight of \
             output tokens there is no cost per million of each direction."
                .to_owned(),
        );
    }
    notes.extend(provider_note(ledger, &joined));
    notes.extend(coverage_notes(question));
    let days_only_in_bill = bill_days.len() - joined.len() - missing.len();
    UnitCosts {
        periods: periods.iter().map(|(start, days)| unit(*start, days)).collect(),
        total,
        days_only_in_bill,
        days_only_in_demand: served.days.len() - joined.len(),
        cost_outside: Exact(outside).to_money(),
        utilisation: (capacity > 0 && known).then(|| used as f64 / capacity as f64),
        notes,
        joined,
    }
}

/// What of the joined days is in no unit cost.
fn left_out_notes(question: &Question<'_>, joined: &[i64]) -> Vec<String> {
    let is_joined = |cell: &LedgerCell| joined.binary_search(&cell.day).is_ok();
    let currency = question.ledger.currency.as_deref().unwrap_or_default();
    let words = |amount: i128| units::money(Exact(amount).to_money(), currency);
    let mut notes = Vec::new();
    let tax = question.sum_of(|cell| question.is_asked(cell) && cell.line == Line::Tax && is_joined(cell));
    if tax != 0 {
        notes.push(format!("Tax ({}) is left out, as prices are before tax.", words(tax)));
    }
    let unknown =
        question.sum_of(|cell| cell.class == Class::Unknown && cell.line != Line::Tax && is_joined(cell));
    if unknown != 0 && !question.classes.contains(&Class::Unknown) {
        notes.push(format!(
            "AI of unknown purpose ({}) is in no unit cost. Tell its purpose by a rule or a dimension, or choose its class.",
            words(unknown)
        ));
    }
    notes
}

/// What of the bill and the demand could not be used as it is.
fn coverage_notes(question: &Question<'_>) -> Vec<String> {
    let Question { ledger, served, .. } = *question;
    let mut notes = Vec::new();
    if !ledger.unread_units.is_empty() {
        let rows: u64 = ledger.unread_units.values().sum();
        let names: Vec<&str> = ledger.unread_units.keys().map(String::as_str).take(NAMED).collect();
        let more = if ledger.unread_units.len() > NAMED { ", …" } else { "" };
        notes.push(format!(
            "{} rows of tokens or machines count in units that are not understood ({}{more}): their cost is in, their \
             tokens and hours are not.",
            units::group_thousands(u128::from(rows)),
            names.join(", ")
        ));
    }
    if ledger.spread_rows > 0 {
        let (s, are, were) = if ledger.spread_rows == 1 { ("", "is", "was") } else { ("s", "are", "were") };
        notes.push(format!(
            "{} row{s} {are} charged for longer than a day and {were} spread over the charge period.",
            units::group_thousands(u128::from(ledger.spread_rows))
        ));
    }
    if ledger.undated != Exact::default() {
        notes.push("Rows without a readable charge period are on no day and in no unit cost.".to_owned());
    }
    let partial = ledger.partial_days.len() + served.partial_days.len();
    if partial > 0 {
        let are = if partial == 1 { "is" } else { "are" };
        notes.push(format!(
            "{} {are} covered only in part by the bill or the demand, and left out.",
            days_words(partial)
        ));
    }
    notes
}

/// The joined days on which the bills of some provider have ended or not begun.
fn provider_note(ledger: &Ledger, joined: &[i64]) -> Option<String> {
    let lacks = |day: &&i64| ledger.providers.iter().any(|(_, first, last)| *day < first || *day > last);
    let days = joined.iter().filter(lacks).count();
    if days == 0 {
        return None;
    }
    let name =
        |name: &str| if name.is_empty() { "a provider without a name".to_owned() } else { name.to_owned() };
    let spans: Vec<String> = ledger
        .providers
        .iter()
        .map(|(provider, first, last)| format!("{} {} to {}", name(provider), date(*first), date(*last)))
        .collect();
    let lack = if days == 1 { "lacks" } else { "lack" };
    Some(format!(
        "The bills do not cover the same days ({}): {} of those joined {lack} the cost of a provider, so that what is          divided looks cheaper than it is.",
        spans.join(", "),
        days_words(days)
    ))
}

/// `2026-05-28`, of seconds since 1970-01-01 UTC.
fn date(unix_secs: i64) -> String {
    chrono::DateTime::from_timestamp(unix_secs, 0)
        .map_or_else(|| unix_secs.to_string(), |moment| moment.format("%Y-%m-%d").to_string())
}

/// Cost of each joined day, whole and used.
fn days(question: &Question<'_>, joined: &[i64], notes: &mut Vec<String>) -> BTreeMap<i64, DayCost> {
    let hours = question.hours();
    let mut costs: BTreeMap<i64, DayCost> =
        joined.iter().map(|day| (*day, DayCost { usage_known: true, ..DayCost::default() })).collect();
    let (mut over, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for cell in question.ledger.cells.iter().filter(|cell| question.divides(cell)) {
        let Some(day) = costs.get_mut(&cell.day) else { continue };
        day.all.add(cell.line, cell.cost.0);
        let used = match question.used(cell, &hours) {
            Used::Whole => {
                day.used.add(cell.line, cell.cost.0);
                continue;
            }
            Used::Nothing => Some(Exact::default()),
            Used::Part(share) => Some(share.split(cell.cost).0),
            Used::Ratio { of, possible } if of > possible => {
                over.insert(cell.day);
                Some(cell.cost)
            }
            Used::Ratio { of, possible } => cell.cost.checked_mul_div(of, possible),
            Used::Unknown => None,
        };
        day.capacity += cell.cost.0;
        if let Some(used) = used {
            day.used.add(cell.line, used.0);
            day.capacity_used += used.0;
        } else {
            day.usage_known = false;
            unknown.insert(if cell.class == Class::Unknown { Line::Unknown } else { cell.line });
        }
    }
    if !over.is_empty() {
        notes.push(format!(
            "On {} more was served than the billed hours could at the given rate; {} as fully used.",
            days_words(over.len()),
            if over.len() == 1 { "it counts" } else { "they count" }
        ));
    }
    for line in unknown {
        let what_to_do = match line {
            Line::Unknown => "Tell its purpose by a rule or a dimension.",
            Line::ProvisionedThroughput => "Give its utilisation.",
            _ => "Give its utilisation, or the rate that one machine serves.",
        };
        notes.push(format!(
            "{}: how much of it was used is not known, so there is no cost by usage. {what_to_do}",
            line.words()
        ));
    }
    costs
}

/// `1 day`, `12 days`.
fn days_words(days: usize) -> String {
    format!("{days} day{}", if days == 1 { "" } else { "s" })
}

fn side(cost: Sides, counts: Counts, output_weight: Option<Money>) -> Side {
    const MILLION: u64 = 1_000_000;
    let (mut tokens_in, mut tokens_out) = (Some(cost.tokens_in), Some(cost.tokens_out));
    if cost.shared != 0 {
        let counted = output_weight.and_then(Exact::from_money).zip(counts.tokens_in.zip(counts.tokens_out));
        let of_in = counted.and_then(|(weight, (read, written))| {
            let all = whole(read).checked_add(whole(written).checked_mul(weight)?)?;
            Exact(cost.shared).checked_mul_div(whole(read), all)
        });
        tokens_in = of_in.map(|of_in| cost.tokens_in + of_in.0);
        tokens_out = of_in.map(|of_in| cost.tokens_out + cost.shared - of_in.0);
    }
    let per = |cost: i128, per: u64, count: Option<u64>| ratio(Exact(cost), per, count?);
    Side {
        cost: Exact(cost.total()).to_money(),
        per_thousand_requests: per(cost.total(), 1_000, counts.requests),
        per_million_tokens_in: tokens_in.and_then(|cost| per(cost, MILLION, counts.tokens_in)),
        per_million_tokens_out: tokens_out.and_then(|cost| per(cost, MILLION, counts.tokens_out)),
        per_million_tokens: per(cost.total(), MILLION, counts.tokens()),
    }
}

/// How much of what is paid for was used.
enum Used {
    /// It is metered by use.
    Whole,
    /// It was committed and stood idle.
    Nothing,
    /// A share of it.
    Part(Share),
    /// So much of what was possible.
    Ratio { of: Exact, possible: Exact },
    /// Nobody said.
    Unknown,
}

/// cost × per ÷ count, rounded once to ten places, half away from zero; `None` for a count of 0 or where it does not
/// fit.
pub fn ratio(cost: Exact, per: u64, count: u64) -> Option<Money> {
    // Exact has eighteen places and money ten: eight digits go with the count.
    const PLACES: i128 = 100_000_000;
    let divisor = i128::from(count).checked_mul(PLACES).filter(|divisor| *divisor > 0)?;
    let product = cost.0.checked_mul(i128::from(per))?;
    let magnitude = product.abs();
    let rounded = magnitude / divisor + i128::from(magnitude % divisor >= divisor - divisor / 2);
    Some(Money::from_scaled(if product < 0 { -rounded } else { rounded }))
}

/// The start of the period a day falls in.
fn period_start(day: i64, period: Period) -> i64 {
    match period {
        Period::Day => day,
        // 1970-01-01 was a Thursday, three days after a Monday.
        Period::Week => (day / DAY_SECS + 3).div_euclid(7) * 7 * DAY_SECS - 3 * DAY_SECS,
        Period::Month => crate::bill::moment::month_start(day * crate::bill::moment::PER_SEC)
            .map_or(day, |micros| micros.div_euclid(crate::bill::moment::PER_SEC)),
    }
}

/// What the pair of costs says, as OpenCost and llm-d read it: high or low beside a reference price for the same unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Allocation above the reference.
    pub allocation_is_high: bool,
    /// Usage above the reference.
    pub usage_is_high: bool,
}

impl Verdict {
    /// Beside a reference price.
    pub fn of(allocation: Money, usage: Money, reference: Money) -> Self {
        Self { allocation_is_high: allocation > reference, usage_is_high: usage > reference }
    }

    /// What it means and what to look at.
    /// Source: OpenCost, "First-of-a-Kind Kubernetes Inference Cost Tracking" (1.121.0, 2026-07).
    pub fn words(self) -> &'static str {
        match (self.allocation_is_high, self.usage_is_high) {
            (true, false) => {
                "Dear to keep ready, cheap to run: utilisation is the problem. Share or consolidate the capacity."
            }
            (true, true) => {
                "Dear to keep ready and dear to run: ask whether this model on this hardware is the right choice."
            }
            (false, false) => "Well sized: cheaper than the reference even with its idle time.",
            (false, true) => {
                "Cheap to keep, dear to run: look at the model's size, its precision and the hardware."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bill::Basis;
    use crate::bill::lens::{LedgerCell, Quantity};

    /// date -u -d 2026-10-19 +%s, a Monday.
    const DAY: i64 = 1_792_368_000;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn cell(day: i64, class: Class, line: Line, cost: &str) -> LedgerCell {
        LedgerCell {
            day: DAY + day * DAY_SECS,
            rule_id: String::new(),
            class,
            counted: true,
            line,
            cost: exact(cost),
        }
    }

    fn ledger(days: i64, cells: Vec<LedgerCell>) -> Ledger {
        Ledger {
            basis: Basis::EffectiveCost,
            currency: Some("USD".to_owned()),
            cells,
            total: Exact::default(),
            rest: Exact::default(),
            undated: Exact::default(),
            spread_rows: 0,
            days: (0..days).map(|day| DAY + day * DAY_SECS).collect(),
            partial_days: Vec::new(),
            empty_days: Vec::new(),
            providers: Vec::new(),
            quantities: Vec::new(),
            unread_units: BTreeMap::new(),
        }
    }

    fn served(days: &[(i64, Counts)]) -> Served {
        Served {
            source: "t".to_owned(),
            days: days.iter().map(|(day, counts)| (DAY + day * DAY_SECS, *counts)).collect(),
            partial_days: Vec::new(),
        }
    }

    fn counts(requests: u64, tokens_in: u64, tokens_out: u64) -> Counts {
        Counts { requests: Some(requests), tokens_in: Some(tokens_in), tokens_out: Some(tokens_out) }
    }

    fn ask(ledger: &Ledger, served: &Served, utilisation: Utilisation, weight: Option<&str>) -> UnitCosts {
        unit_costs(&Question {
            ledger,
            served,
            classes: &[Class::ModelApi, Class::ManagedEndpoint, Class::Machine, Class::Supporting],
            utilisation,
            output_weight: weight.map(money),
            period: Period::Week,
        })
    }

    /// By hand: two days, 24 + 24 for machines, 2 unused, 1 for storage; half used.
    #[test]
    fn allocation_has_the_idle_cost_in_it_and_usage_has_not() {
        let cells = vec![
            cell(0, Class::Machine, Line::Machines, "24"),
            cell(1, Class::Machine, Line::Machines, "24"),
            cell(1, Class::Supporting, Line::UnusedCapacity, "2"),
            cell(1, Class::Supporting, Line::Storage, "1"),
            cell(2, Class::Machine, Line::Machines, "100"),
            cell(1, Class::Training, Line::Training, "1000"),
        ];
        let demand = served(&[(0, counts(3_000, 0, 0)), (1, counts(7_000, 0, 0)), (9, counts(1, 0, 0))]);
        let half = Utilisation::Given { share: Share::read("0.5").unwrap() };
        let answer = ask(&ledger(3, cells.clone()), &demand, half, None);
        let total = answer.total.unwrap();
        assert_eq!((total.days, total.counts.requests), (2, Some(10_000)));
        assert_eq!(total.allocation.cost, money("51"));
        // 51 × 1,000 ÷ 10,000.
        assert_eq!(total.allocation.per_thousand_requests, Some(money("5.1")));
        // 48 ÷ 2 + 1.
        assert_eq!(total.usage.unwrap().cost, money("25"));
        assert_eq!(total.usage.unwrap().per_thousand_requests, Some(money("2.5")));
        assert_eq!(total.allocation.per_million_tokens, None);
        assert_eq!((answer.days_only_in_bill, answer.days_only_in_demand), (1, 1));
        assert_eq!(answer.cost_outside, money("100"));
        // 24 of 50: what is committed and unused is capacity, too.
        assert!((answer.utilisation.unwrap() - 0.48).abs() < 1e-12);
        assert_eq!(answer.periods.len(), 1);
        let unknown = ask(&ledger(3, cells), &demand, Utilisation::Unknown, None);
        assert_eq!(unknown.total.unwrap().usage, None);
        assert!(
            unknown.notes.iter().any(|note| note.contains("Compute for inference")),
            "{:?}",
            unknown.notes
        );
    }

    /// What does not count as inference, or is tax, is in no unit cost; what is of unknown purpose is where it is asked
    /// for, and its use is not known. By hand: 10 + 4 − 2 of credit; 5 of unknown purpose, 3 of it idle.
    #[test]
    fn what_is_divided_counts_as_inference_and_is_before_tax() {
        let not_counted = LedgerCell { counted: false, ..cell(0, Class::Machine, Line::Machines, "1000") };
        let unknown = |line, cost| LedgerCell { counted: false, ..cell(0, Class::Unknown, line, cost) };
        let cells = vec![
            cell(0, Class::Machine, Line::Machines, "10"),
            cell(0, Class::Machine, Line::Credits, "-2"),
            cell(0, Class::ModelApi, Line::InputTokens, "4"),
            cell(0, Class::ModelApi, Line::Tax, "0.32"),
            not_counted,
            unknown(Line::Unknown, "2"),
            unknown(Line::UnusedCapacity, "3"),
            unknown(Line::Tax, "0.5"),
        ];
        let book = ledger(1, cells);
        let demand = served(&[(0, counts(1_000, 0, 0))]);
        let half = Utilisation::Given { share: Share::read("0.5").unwrap() };
        let answer = ask(&book, &demand, half, None);
        let total = answer.total.unwrap();
        assert_eq!(total.allocation.cost, money("12"));
        // Half of 10 − 2, and the tokens.
        assert_eq!(total.usage.unwrap().cost, money("8"));
        assert!((answer.utilisation.unwrap() - 0.5).abs() < 1e-12);
        let says = |words: &str| answer.notes.iter().any(|note| note.starts_with(words));
        assert!(
            says("Tax ($0.320) is left out") && says("AI of unknown purpose ($5.00)"),
            "{:?}",
            answer.notes
        );
        let answer = unit_costs(&Question {
            ledger: &book,
            served: &demand,
            classes: &[Class::ModelApi, Class::Machine, Class::Unknown],
            utilisation: half,
            output_weight: None,
            period: Period::Day,
        });
        let total = answer.total.unwrap();
        assert_eq!((total.allocation.cost, total.usage), (money("17"), None));
        assert!(answer.notes.iter().any(|note| note.contains("purpose by a rule")), "{:?}", answer.notes);
    }

    /// Two days of one provider, one of the other.
    #[test]
    fn a_day_that_lacks_the_cost_of_a_provider_is_told() {
        let mut book = ledger(2, vec![cell(0, Class::Machine, Line::Machines, "10")]);
        let demand = served(&[(0, counts(1, 0, 0)), (1, counts(1, 0, 0))]);
        book.providers = vec![("AWS".to_owned(), DAY, DAY + DAY_SECS), ("Google Cloud".to_owned(), DAY, DAY)];
        let says = |book: &Ledger| {
            let notes = ask(book, &demand, Utilisation::Unknown, None).notes;
            notes.into_iter().find(|note| note.starts_with("The bills do not cover the same days"))
        };
        let note = says(&book).unwrap();
        assert!(note.contains("Google Cloud") && note.contains("1 day of those joined lacks"), "{note}");
        book.providers[1].2 = DAY + DAY_SECS;
        assert_eq!(says(&book), None);
    }

    /// Hours of endpoints say nothing of machines when only these are asked for: 24 h × 3,600 × 0.1 = 8,640 possible,
    /// 4,320 asked.
    #[test]
    fn utilisation_is_of_the_classes_that_are_divided() {
        let mut book = ledger(1, vec![cell(0, Class::Machine, Line::Machines, "10")]);
        let hours = |kind, amount: &str| Quantity { day: DAY, kind, amount: exact(amount) };
        book.quantities =
            vec![hours(QuantityKind::MachineHours, "24"), hours(QuantityKind::EndpointHours, "240")];
        book.unread_units = BTreeMap::from([("DBU".to_owned(), 7)]);
        let answer = unit_costs(&Question {
            ledger: &book,
            served: &served(&[(0, counts(4_320, 0, 0))]),
            classes: &[Class::Machine],
            utilisation: Utilisation::Measured { per_machine_rps: 0.1 },
            output_weight: None,
            period: Period::Day,
        });
        assert_eq!(answer.total.unwrap().usage.unwrap().cost, money("5"));
        assert!(
            answer.notes.iter().any(|note| note.contains("7 rows") && note.contains("DBU")),
            "{:?}",
            answer.notes
        );
    }

    /// A bill without rows on the second day: what was asked for then is left out, a third day without either is not.
    #[test]
    fn a_day_that_the_bill_has_no_row_of_is_not_taken_as_free() {
        let mut book = ledger(3, vec![cell(0, Class::Machine, Line::Machines, "10")]);
        book.empty_days = vec![DAY + DAY_SECS, DAY + 2 * DAY_SECS];
        let demand = served(&[(0, counts(1_000, 0, 0)), (1, counts(1_000, 0, 0)), (2, counts(0, 0, 0))]);
        let answer = ask(&book, &demand, Utilisation::Unknown, None);
        let total = answer.total.unwrap();
        assert_eq!((total.days, total.allocation.per_thousand_requests), (2, Some(money("10"))));
        assert_eq!((answer.days_only_in_bill, answer.days_only_in_demand), (0, 1));
        assert!(answer.notes[0].starts_with("On 1 day there was demand"), "{:?}", answer.notes);
    }

    /// 2 machines × 24 h × 3,600 × 0.1 requests/s = 17,280 possible; 4,320 asked: a quarter of 48.
    #[test]
    fn utilisation_is_measured_from_hours_and_a_rate() {
        let mut book = ledger(1, vec![cell(0, Class::Machine, Line::Machines, "48")]);
        book.quantities = vec![Quantity { day: DAY, kind: QuantityKind::MachineHours, amount: exact("48") }];
        let demand = served(&[(0, counts(4_320, 0, 0))]);
        let answer = ask(&book, &demand, Utilisation::Measured { per_machine_rps: 0.1 }, None);
        assert_eq!(answer.total.unwrap().usage.unwrap().cost, money("12"));
        let over = ask(&book, &demand, Utilisation::Measured { per_machine_rps: 0.001 }, None);
        assert_eq!(over.total.unwrap().usage.unwrap().cost, money("48"));
        assert!(over.notes.iter().any(|note| note.contains("On 1 day more was served")), "{:?}", over.notes);
        book.quantities.clear();
        let unknown = ask(&book, &demand, Utilisation::Measured { per_machine_rps: 0.1 }, None);
        assert_eq!(unknown.total.unwrap().usage, None);
    }

    #[test]
    fn tokens_are_split_by_the_bill_where_it_can_and_by_a_weight_where_one_is_given() {
        let api = vec![
            cell(0, Class::ModelApi, Line::InputTokens, "3"),
            cell(0, Class::ModelApi, Line::CachedTokens, "1"),
            cell(0, Class::ModelApi, Line::OutputTokens, "5"),
        ];
        let demand = served(&[(0, counts(10, 2_000_000, 1_000_000))]);
        let side =
            ask(&ledger(1, api.clone()), &demand, Utilisation::Unknown, None).total.unwrap().allocation;
        assert_eq!(side.per_million_tokens_in, Some(money("2")));
        assert_eq!(side.per_million_tokens_out, Some(money("5")));
        assert_eq!(side.per_million_tokens, Some(money("3")));
        let mut mixed = api;
        mixed.push(cell(0, Class::Supporting, Line::Traffic, "6"));
        let answer = ask(&ledger(1, mixed.clone()), &demand, Utilisation::Unknown, None);
        let side = answer.total.unwrap().allocation;
        assert_eq!((side.per_million_tokens_in, side.per_million_tokens), (None, Some(money("5"))));
        assert!(
            answer.notes.iter().any(|note| note.contains("weight of output tokens")),
            "{:?}",
            answer.notes
        );
        // An output token weighs 4: of 6, 2 ÷ (2 + 4) go to input.
        let side = ask(&ledger(1, mixed), &demand, Utilisation::Unknown, Some("4")).total.unwrap().allocation;
        // 4 + 2 for two million read, 5 + 4 for one written.
        assert_eq!(side.per_million_tokens_in, Some(money("3")));
        assert_eq!(side.per_million_tokens_out, Some(money("9")));
    }

    /// Python: `(Decimal(c)*per/n).quantize(Decimal("1e-10"), ROUND_HALF_UP)`.
    #[test]
    fn a_ratio_is_rounded_once() {
        for (cost, per, count, expected) in [
            ("1", 1_000, 3, Some("333.3333333333")),
            ("2", 1_000, 3, Some("666.6666666667")),
            ("-2", 1, 3, Some("-0.6666666667")),
            ("0.000000000000000001", 1_000_000, 1, Some("0.000000000001")),
            ("0.00000000005", 1, 1, Some("0.0000000001")),
            ("1", 1_000, 0, None),
            ("99999999999999999999", 1_000_000, 1, None),
        ] {
            let expected = expected.map(money);
            assert_eq!(ratio(exact(cost), per, count), expected, "{cost} × {per} ÷ {count}");
        }
    }

    #[test]
    fn periods_start_on_mondays_and_on_the_first() {
        for (day, period, start) in [
            (3, Period::Week, 0),
            (6, Period::Week, 0),
            (7, Period::Week, 7),
            (-1, Period::Week, -7),
            (3, Period::Month, -18),
            (5, Period::Day, 5),
        ] {
            assert_eq!(
                period_start(DAY + day * DAY_SECS, period),
                DAY + start * DAY_SECS,
                "{day} {period:?}"
            );
        }
    }

    #[test]
    fn the_matrix_says_what_to_look_at() {
        let verdict = Verdict::of(money("9"), money("1"), money("3"));
        assert!(verdict.words().contains("utilisation is the problem"), "{}", verdict.words());
        assert!(Verdict::of(money("2"), money("1"), money("3")).words().contains("Well sized"));
    }
}
