//! Cost of AI by day, rule and line, with the tokens, requests and machine hours that the bill counts.
//!
//! Unlike the views of spend, which leave a charge on the day it starts, the ledger spreads a charge over its charge
//! period, evenly and to the last digit: storage billed once a month is paid on every day of it. What requests cost
//! on a day could not be said otherwise.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::{LINE_COLUMN, Line};
use crate::bill::columns::ColumnType;
use crate::bill::error::BillError;
use crate::bill::exact::{Exact, SCALE};
use crate::bill::filter::{self, Resolved};
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::moment::{self, PER_DAY, PER_SEC};
use crate::bill::query::{Bill, ColumnRef, Part, Query, mixed};
use crate::bill::reconcile::Covered;
use crate::bill::rules::Class;
use crate::bill::warehouse::{Asking, Table};
use crate::bill::{Basis, Filter};

/// A charge over more days than this has a mistyped year; it stays on the day it starts.
const MOST_DAYS: i64 = 4_000;
const DAY_SECS: i64 = PER_DAY / PER_SEC;
const HOURS: [&str; 6] = ["hours", "hour", "hrs", "hr", "h", "instance-hours"];
/// What rows of requests are called that an export of token counts becomes.
const REQUESTS: &str = "model requests";

/// What a rule's rows cost on a day, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerCell {
    /// Start of the day, seconds since 1970-01-01 UTC.
    pub day: i64,
    /// The rule.
    pub rule_id: String,
    /// Its class.
    pub class: Class,
    /// Part of the inference spend.
    pub counted: bool,
    /// The line.
    pub line: Line,
    /// The cost, as far as the rule claims it.
    pub cost: Exact,
}

/// What a bill counts beside money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuantityKind {
    /// Tokens read, cached ones not among them.
    InputTokens,
    /// Tokens read from a cache or written to one.
    CachedTokens,
    /// Tokens written.
    OutputTokens,
    /// Requests to a model API.
    Requests,
    /// Hours that machines of the class Machines ran.
    MachineHours,
    /// Hours that managed endpoints ran.
    EndpointHours,
}

/// How much of it on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// Start of the day, seconds since 1970-01-01 UTC.
    pub day: i64,
    /// Of what.
    pub kind: QuantityKind,
    /// How much.
    pub amount: Exact,
}

/// Cost of AI by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Which of the four costs.
    pub basis: Basis,
    /// The currency; `None` without rows that cost something.
    pub currency: Option<String>,
    /// By day, rule and line; days without cost have no cell.
    pub cells: Vec<LedgerCell>,
    /// All rows asked about, whatever rule they have.
    pub total: Exact,
    /// Rows without a rule, and what rules left of theirs.
    pub rest: Exact,
    /// Rows of rules without a readable charge period: in no cell.
    pub undated: Exact,
    /// How many rows have a charge period of several days and were spread over them.
    pub spread_rows: u64,
    /// Days that the bills cover from midnight to midnight UTC: starts, ascending.
    pub days: Vec<i64>,
    /// Days that they cover in part.
    pub partial_days: Vec<i64>,
    /// Of [`Self::days`], those on which no bill has a row, as far as bills are of days: nothing was used, or the rows
    /// are missing.
    pub empty_days: Vec<i64>,
    /// Each provider whose bills are of days: the first and the last day with rows, starts in seconds since 1970-01-01
    /// UTC. Several bills of a provider are one. Known of imported bills; none for a warehouse's table.
    pub providers: Vec<(String, i64, i64)>,
    /// Tokens, requests and hours by day.
    pub quantities: Vec<Quantity>,
    /// Units of tokens or hours that are not understood, and how many rows have them.
    pub unread_units: BTreeMap<String, u64>,
}

impl Bill {
    /// Cost of AI by day, by the rules the bill is looked at through.
    ///
    /// # Errors
    /// An unknown column; rows in several currencies; a sum that does not fit.
    pub fn ledger(&self, filters: &[Filter], basis: Basis) -> Result<Ledger, BillError> {
        let rules = self.rules();
        let mut keys = vec![
            self.resolve("BillingCurrency")?,
            ColumnRef::Plain { name: RULE_COLUMN.to_owned(), kind: ColumnType::Text },
            self.resolve(LINE_COLUMN)?,
            self.resolve("ChargePeriodStart")?,
        ];
        keys.extend(self.resolve("ChargePeriodEnd").ok());
        let too_large = || BillError::TooLarge { column: basis.column().to_owned() };
        let add = |a: Exact, b: Exact| a.checked_add(b).ok_or_else(too_large);
        let mut currencies = BTreeSet::new();
        let (mut total, mut rest, mut undated) = (Exact::default(), Exact::default(), Exact::default());
        let mut spread_rows = 0;
        let mut cells: BTreeMap<(i64, usize, Line), Exact> = BTreeMap::new();
        for (key, sums) in self.sums(&keys, filters, "add up the cost of AI by day")? {
            let mut key = key.into_iter();
            sums.add_currency(key.next().flatten(), &mut currencies);
            let cost = sums.costs[basis.place()];
            total = add(total, cost)?;
            let rule = key.next().flatten();
            let place = rule.and_then(|id| rules.rules.iter().position(|entry| entry.id() == id));
            let line = key.next().flatten().and_then(|id| Line::of_id(&id));
            let (Some(place), Some(line)) = (place, line) else {
                rest = add(rest, cost)?;
                continue;
            };
            let (claimed, left) = rules.rules[place].share().split(cost);
            rest = add(rest, left)?;
            let start = key.next().flatten().and_then(|text| moment::read(&text));
            let end = key.next().flatten().and_then(|text| moment::read(&text));
            let Some(start) = start else {
                undated = add(undated, claimed)?;
                continue;
            };
            let parts = spread(claimed, start, end);
            if parts.len() > 1 {
                spread_rows += sums.rows;
            }
            for (day, part) in parts {
                let slot = cells.entry((day, place, line)).or_default();
                *slot = add(*slot, part)?;
            }
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let (days, partial_days) = self.days(filters)?;
        let empty_days = self.empty_days(&days);
        let (quantities, unread_units) = self.quantities(filters)?;
        Ok(Ledger {
            basis,
            currency: currencies.into_iter().next(),
            cells: cells
                .into_iter()
                .map(|((day, place, line), cost)| {
                    let rule = &rules.rules[place];
                    LedgerCell {
                        day: day.div_euclid(PER_SEC),
                        rule_id: rule.id().to_owned(),
                        class: rule.class(),
                        counted: rule.counted(),
                        line,
                        cost,
                    }
                })
                .collect(),
            total,
            rest,
            undated,
            spread_rows,
            days,
            partial_days,
            empty_days,
            providers: self.provider_days(),
            quantities,
            unread_units,
        })
    }

    /// Days that the bills cover whole and in part: starts in seconds since 1970-01-01 UTC.
    fn days(&self, filters: &[Filter]) -> Result<(Vec<i64>, Vec<i64>), BillError> {
        let (mut whole, mut part) = (BTreeSet::new(), BTreeSet::new());
        for (start, end) in self.covered_spans(filters, i64::MIN, i64::MAX)? {
            let mut day = moment::day_start(start);
            while day < end {
                let is_whole = day >= start && day + PER_DAY <= end;
                if is_whole { &mut whole } else { &mut part }.insert(day.div_euclid(PER_SEC));
                day += PER_DAY;
            }
        }
        part.retain(|day| !whole.contains(day));
        Ok((whole.into_iter().collect(), part.into_iter().collect()))
    }

    /// Of these days, those on which no bill has a row; none where some bill is not of days, or kept no books.
    fn empty_days(&self, days: &[i64]) -> Vec<i64> {
        let mut seen = BTreeSet::new();
        for imported in self.imported() {
            let Some(books) =
                imported.ledger.as_deref().filter(|books| books.covered.iter().all(Covered::is_daily))
            else {
                return Vec::new();
            };
            seen.extend(
                books.covered.iter().flat_map(|covered| covered.days.keys()).map(|day| day * DAY_SECS),
            );
        }
        days.iter().copied().filter(|day| !seen.contains(day)).collect()
    }

    /// The first and the last day that each provider has rows of.
    fn provider_days(&self) -> Vec<(String, i64, i64)> {
        let mut found: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        let books = self.imported().filter_map(|imported| imported.ledger.as_deref());
        for covered in books.flat_map(|books| &books.covered).filter(|covered| covered.is_daily()) {
            let ends = covered.days.first_key_value().zip(covered.days.last_key_value());
            let Some(((first, _), (last, _))) = ends else { continue };
            let slot = found.entry(&covered.provider).or_insert((*first, *last));
            *slot = (slot.0.min(*first), slot.1.max(*last));
        }
        let each = found.into_iter();
        each.map(|(name, (first, last))| (name.to_owned(), first * DAY_SECS, last * DAY_SECS)).collect()
    }

    /// Tokens, requests and hours by day; units that are not understood.
    fn quantities(&self, filters: &[Filter]) -> Result<(Vec<Quantity>, BTreeMap<String, u64>), BillError> {
        let filters = self.resolve_filters(filters)?;
        let mut found: BTreeMap<(i64, QuantityKind), Exact> = BTreeMap::new();
        let mut unread = BTreeMap::new();
        for part in &self.parts {
            let rows = match &part.table {
                Some(table) => table_quantities(table, &filters, part.asking(&self.stop))?,
                None => part_quantities(part, &filters)?,
            };
            for row in rows {
                let Some((kind, factor)) = kind_of(&row) else {
                    if row.line != Line::OtherModelApi {
                        *unread.entry(row.unit).or_insert(0) += row.rows;
                    }
                    continue;
                };
                let too_large = || BillError::TooLarge { column: "ConsumedQuantity".to_owned() };
                let amount = row.amount.checked_mul(factor).ok_or_else(too_large)?;
                let Some(start) = row.start else { continue };
                for (day, part) in spread(amount, start, row.end) {
                    let slot = found.entry((day, kind)).or_default();
                    *slot = slot.checked_add(part).ok_or_else(too_large)?;
                }
            }
        }
        let quantities = found
            .into_iter()
            .map(|((day, kind), amount)| Quantity { day: day.div_euclid(PER_SEC), kind, amount })
            .collect();
        Ok((quantities, unread))
    }
}

/// An amount over the days from a start to an end (exclusive) in microseconds: starts of days and parts that add up to
/// the amount. Without an end, or with one that is not later, all of it is on the day of the start.
fn spread(amount: Exact, start: i64, end: Option<i64>) -> Vec<(i64, Exact)> {
    let first = moment::day_start(start);
    let Some(end) = end.filter(|end| *end > first + PER_DAY && *end - first <= MOST_DAYS * PER_DAY) else {
        return vec![(first, amount)];
    };
    let length = i128::from(end - start);
    let until = |moment: i64| {
        let elapsed = i128::from(moment - start);
        // Multiplied after dividing, so that it fits; what the division leaves is multiplied before.
        amount.0 / length * elapsed + amount.0 % length * elapsed / length
    };
    let mut parts = Vec::new();
    let (mut day, mut before) = (first, 0);
    while day < end {
        let next = (day + PER_DAY).min(end);
        let now = if next == end { amount.0 } else { until(next) };
        parts.push((day, Exact(now - before)));
        before = now;
        day += PER_DAY;
    }
    parts
}

/// Rows of one kind, start and end, and what they count.
struct Counted {
    line: Line,
    unit: String,
    is_requests: bool,
    start: Option<i64>,
    end: Option<i64>,
    amount: Exact,
    rows: u64,
}

fn kind_of(row: &Counted) -> Option<(QuantityKind, Exact)> {
    const ONE: i128 = 10_i128.pow(SCALE);
    let kind = match row.line {
        Line::InputTokens => QuantityKind::InputTokens,
        Line::CachedTokens => QuantityKind::CachedTokens,
        Line::OutputTokens => QuantityKind::OutputTokens,
        Line::Machines | Line::ManagedEndpoints => {
            let hours = HOURS.iter().any(|unit| row.unit.eq_ignore_ascii_case(unit));
            let kind = if row.line == Line::Machines {
                QuantityKind::MachineHours
            } else {
                QuantityKind::EndpointHours
            };
            return hours.then_some((kind, Exact(ONE)));
        }
        _ if row.is_requests => return Some((QuantityKind::Requests, Exact(ONE))),
        _ => return None,
    };
    tokens_in(&row.unit).map(|factor| (kind, Exact(factor * ONE)))
}

/// How many tokens a unit is: `Tokens`, `1K tokens`, `1M`, `1000 tokens`, `Count`.
fn tokens_in(unit: &str) -> Option<i128> {
    let unit = unit.to_lowercase();
    let bare = unit.replace("tokens", "").replace("token", "").replace(['-', ',', '/', ' '], "");
    Some(match bare.as_str() {
        "" | "1" | "count" | "unit" | "units" => 1,
        "k" | "1k" | "1000" | "thousand" => 1_000,
        "m" | "1m" | "1000000" | "million" => 1_000_000,
        _ => return None,
    })
}

/// What [`part_quantities`] tells of a warehouse's table.
fn table_quantities(
    table: &Table,
    filters: &[Resolved],
    asking: Asking<'_>,
) -> Result<Vec<Counted>, BillError> {
    let plain = |name: &str, kind| ColumnRef::Plain { name: name.to_owned(), kind };
    let keys = [
        plain(LINE_COLUMN, ColumnType::Text),
        plain("ChargePeriodStart", ColumnType::Time),
        plain("ChargePeriodEnd", ColumnType::Time),
    ];
    let found = table.metered(&keys, filters, (&QUANTITIES, REQUESTS), ADDING, asking)?;
    let counted = found.into_iter().filter_map(|metered| {
        let mut key = metered.key.into_iter();
        let mut next = || key.next().flatten();
        let line = Line::of_id(&next()?).filter(|line| COUNTED_LINES.contains(line))?;
        let mut moment = || next().and_then(|text| moment::read(&text));
        let (start, end) = (moment(), moment());
        let (unit, is_requests) = (next().unwrap_or_default(), next().as_deref() == Some("1"));
        Some(Counted { line, unit, is_requests, start, end, amount: metered.amount, rows: metered.rows })
    });
    Ok(counted.collect())
}

/// Lines whose rows count something.
const COUNTED_LINES: [Line; 6] = [
    Line::InputTokens,
    Line::CachedTokens,
    Line::OutputTokens,
    Line::OtherModelApi,
    Line::Machines,
    Line::ManagedEndpoints,
];
/// Quantities and their units. Where the consumed quantity is empty, the priced one counts (CUR has no other).
const QUANTITIES: [(&str, &str); 2] =
    [("ConsumedQuantity", "ConsumedUnit"), ("PricingQuantity", "PricingUnit")];
/// What is being done, for messages.
const ADDING: &str = "add up tokens and hours by day";

fn part_quantities(part: &Part, filters: &[Resolved]) -> Result<Vec<Counted>, BillError> {
    let doing = ADDING;
    let failed = |source| BillError::Query { doing, source };
    let Some((quantity, unit)) =
        QUANTITIES.into_iter().find(|(quantity, unit)| part.has(quantity) && part.has(unit))
    else {
        return Ok(Vec::new());
    };
    let second = QUANTITIES[1];
    let has_second = quantity != second.0 && part.has(second.0) && part.has(second.1);
    let (amount, unit) = if has_second {
        let first = || col(quantity).is_not_null();
        (
            when(first()).then(col(quantity)).otherwise(col(second.0)),
            when(first()).then(col(unit)).otherwise(col(second.1)),
        )
    } else {
        (col(quantity), col(unit))
    };
    let time = |name: &str| {
        if part.has(name) { col(name).to_physical() } else { lit(NULL).cast(DataType::Int64) }
    };
    let requests = if part.has("SkuMeter") {
        col("SkuMeter").str().contains_literal(lit(REQUESTS)).fill_null(lit(false))
    } else {
        lit(false)
    };
    let lines = Series::new("lines".into(), COUNTED_LINES.map(Line::id).as_slice());
    let named = filters.iter().filter_map(Resolved::column_name).chain([LINE_COLUMN]);
    let mut frame = part.scan_for(named)?;
    if let Some(condition) = filter::condition(part, filters)? {
        frame = frame.filter(condition);
    }
    let query = frame
        .filter(col(LINE_COLUMN).is_in(lit(lines).implode(false), false).fill_null(lit(false)))
        .filter(col("ChargeCategory").eq(lit("Usage")).fill_null(lit(false)))
        .group_by([
            col(LINE_COLUMN).alias("line"),
            unit.alias("unit"),
            requests.alias("requests"),
            time("ChargePeriodStart").alias("start"),
            time("ChargePeriodEnd").alias("end"),
        ])
        .agg([amount.sum().alias("amount"), len().alias("rows")]);
    let frame = Query(doing).collect(query)?;
    let column = |name: &str| frame.column(name).map_err(failed);
    let mut found = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        let get = |name: &str| column(name).and_then(|column| column.get(row).map_err(failed));
        let amount = match get("amount")? {
            AnyValue::Decimal(digits, _, scale) if scale == SCALE as usize => Exact(digits),
            _ => continue,
        };
        let text = |name: &str| get(name).map(|value| value.get_str().map(str::to_owned).unwrap_or_default());
        let Some(line) = Line::of_id(&text("line")?) else { continue };
        found.push(Counted {
            line,
            unit: text("unit")?,
            is_requests: matches!(get("requests")?, AnyValue::Boolean(true)),
            start: get("start")?.extract::<i64>(),
            end: get("end")?.extract::<i64>(),
            amount,
            rows: get("rows")?.extract::<u64>().unwrap_or_default(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    #[test]
    fn a_charge_is_spread_over_its_days_to_the_last_digit() {
        let day = |text: &str| moment::read(text).unwrap();
        let (start, end) = (day("2026-10-01T00:00:00Z"), day("2026-11-01T00:00:00Z"));
        let parts = spread(exact("10"), start, Some(end));
        assert_eq!(parts.len(), 31);
        assert_eq!(parts.iter().map(|(_, part)| part.0).sum::<i128>(), exact("10").0);
        // 10 ÷ 31 = 0.32258064516129032258…
        assert_eq!(parts[0], (start, exact("0.322580645161290322")));
        // From noon to noon: half a day each side of a whole one.
        let parts = spread(exact("-4"), start + PER_DAY / 2, Some(start + 2 * PER_DAY + PER_DAY / 2));
        let amounts: Vec<_> = parts.iter().map(|(_, part)| part.to_string()).collect();
        assert_eq!(amounts, ["-1", "-2", "-1"]);
        for end in [None, Some(start), Some(start - 1), Some(start + PER_DAY), Some(i64::MAX)] {
            assert_eq!(spread(exact("7"), start, end), [(start, exact("7"))], "{end:?}");
        }
        let hour = spread(exact("7"), start + 5, Some(start + 3_600 * PER_SEC));
        assert_eq!(hour, [(start, exact("7"))]);
    }

    #[test]
    fn units_of_tokens_are_understood_or_said_not_to_be() {
        for (unit, tokens) in [
            ("Tokens", Some(1)),
            ("1K tokens", Some(1_000)),
            ("1M", Some(1_000_000)),
            ("1,000 tokens", Some(1_000)),
            ("1000000 Tokens", Some(1_000_000)),
            ("count", Some(1)),
            ("Images", None),
            ("10K", None),
        ] {
            assert_eq!(tokens_in(unit), tokens, "{unit}");
        }
    }
}
