//! Money paid for what nobody used, as far as the bill tells.
//!
//! Some rows say it themselves: the unused part of a commitment or of a capacity reservation, and meters that exist
//! only for idle things (an address without a machine). Other things show by what is missing: a load balancer, a
//! gateway or a public endpoint that is paid by the hour and for which the bill has no row of traffic. A bill does not
//! tell whether a disk is attached, so disks are never called idle. Each finding names its rule. Meters are known of AWS
//! and, for addresses, of Google; unused commitments and reservations are FOCUS columns, whoever wrote the bill.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::days::add;
use crate::bill::exact::Exact;
use crate::bill::query::{Bill, ColumnRef, mixed};
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

/// Resources named for each rule.
const NAMED: usize = 50;

/// Something paid for and not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// The rule's lasting name.
    pub rule: &'static str,
    /// What it means.
    pub words: &'static str,
    /// The bill says so itself; otherwise it follows from rows that are missing.
    pub told: bool,
    /// What it cost.
    pub cost: Money,
    /// Resources (or commitments) and what each cost, the most expensive first; `None` = the bill names none.
    pub resources: Vec<(Option<String>, Money)>,
    /// How many there are in all.
    pub count: u64,
}

/// What a bill says of idle things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdleView {
    /// Which cost.
    pub basis: Basis,
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// Each rule that found something, the most expensive first.
    pub found: Vec<Idle>,
    /// The sum.
    pub total: Money,
    /// What the bill lacks for a rule to be tried, in words; empty when it has all.
    pub not_tried: Vec<String>,
}

/// Meters that exist only for idle things; compared without case.
const IDLE_METERS: &[(&str, &str, &[&str])] = &[
    (
        "idle-address",
        "Public addresses without a machine",
        // AWS usage types; Google's SKU for reserved addresses that nothing uses.
        &["elasticip:idleaddress", "publicipv4:idleaddress", "static ip charge"],
    ),
    (
        "unused-reservation-meter",
        "Reserved capacity that no machine ran in",
        // AWS On-Demand Capacity Reservations, shared and dedicated.
        &["unusedbox:", "unusedded:"],
    ),
];

/// Things paid by the hour for which AWS writes traffic in a row of its own: words of the hour's meter, words of the traffic's.
const WITHOUT_TRAFFIC: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "load-balancer-without-traffic",
        "Load balancers without a row of traffic",
        &["loadbalancerusage"],
        &["lcuusage", "dataprocessing"],
    ),
    (
        "gateway-without-traffic",
        "NAT gateways without a row of traffic",
        &["natgateway-hours"],
        &["natgateway-bytes"],
    ),
    (
        "private-endpoint-without-traffic",
        "Private endpoints without a row of traffic",
        &["vpcendpoint-hours"],
        &["vpcendpoint-bytes"],
    ),
];

/// What is known of a group of rows.
struct Row {
    cells: [Option<String>; 7],
    cost: Exact,
}

const COLUMNS: [&str; 7] = [
    "CommitmentDiscountStatus",
    "CapacityReservationStatus",
    "CommitmentDiscountId",
    "CapacityReservationId",
    "ResourceId",
    "SkuMeter",
    "ChargeDescription",
];

impl IdleView {
    /// Looks for idle things in the rows that all filters hold for.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies.
    pub fn of(bill: &Bill, filters: &[Filter], basis: Basis) -> Result<Self, BillError> {
        let mut resolved: Vec<Option<ColumnRef>> =
            COLUMNS.iter().map(|name| bill.resolve(name).ok()).collect();
        if resolved[5].is_none() {
            resolved[5] = bill.resolve("x_UsageType").ok();
        }
        let mut keys: Vec<ColumnRef> = resolved.iter().flatten().cloned().collect();
        keys.push(bill.resolve("BillingCurrency")?);
        let mut currencies = BTreeSet::new();
        let mut rows = Vec::new();
        for (key, sums) in bill.sums(&keys, filters, "look for idle things")? {
            let mut key = key.into_iter();
            let cells =
                std::array::from_fn(|place| resolved[place].as_ref().and_then(|_| key.next().flatten()));
            sums.add_currency(key.next().flatten(), &mut currencies);
            rows.push(Row { cells, cost: sums.costs[basis.place()] });
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let mut view = Self::from_rows(&rows, basis)?;
        view.currency = currencies.into_iter().next();
        let lacks = |place: usize, what: &str| {
            resolved[place].is_none().then(|| format!("{what}: the bill has no {}", COLUMNS[place]))
        };
        view.not_tried.extend(lacks(0, "unused commitments"));
        view.not_tried.extend(lacks(4, "things without traffic"));
        view.not_tried.extend(lacks(1, "unused capacity reservations"));
        Ok(view)
    }

    fn from_rows(rows: &[Row], basis: Basis) -> Result<Self, BillError> {
        let is = |cell: &Option<String>, word: &str| {
            cell.as_deref().is_some_and(|cell| cell.eq_ignore_ascii_case(word))
        };
        let meters: Vec<String> = rows
            .iter()
            .map(|row| {
                let words: Vec<&str> = row.cells[5..].iter().flatten().map(String::as_str).collect();
                words.join("\n").to_lowercase()
            })
            .collect();
        let mut found = Vec::new();
        let mut taken = vec![false; rows.len()];
        let mut take = |rule, words, told, name: usize, holds: &dyn Fn(usize) -> bool| {
            let mut by_name: BTreeMap<Option<&str>, Exact> = BTreeMap::new();
            for place in 0..rows.len() {
                if !taken[place] && holds(place) {
                    taken[place] = true;
                    let slot = by_name.entry(rows[place].cells[name].as_deref()).or_default();
                    *slot = add(*slot, rows[place].cost, basis)?;
                }
            }
            found.extend(idle(rule, words, told, by_name, basis)?);
            Ok::<(), BillError>(())
        };
        take("unused-commitment", "Commitments that nobody used", true, 2, &|place| {
            is(&rows[place].cells[0], "Unused")
        })?;
        take("unused-capacity", "Capacity reservations that nobody used", true, 3, &|place| {
            is(&rows[place].cells[1], "Unused")
        })?;
        for (rule, words, meter_words) in IDLE_METERS {
            take(rule, words, true, 4, &|place| {
                // Google charges "Static Ip Charge on a … VM" for addresses that are in use.
                !meters[place].contains("charge on a")
                    && meter_words.iter().any(|word| meters[place].contains(word))
            })?;
        }
        for (rule, words, hours, traffic) in WITHOUT_TRAFFIC {
            let busy: BTreeSet<&str> = (0..rows.len())
                .filter(|place| traffic.iter().any(|word| meters[*place].contains(word)))
                .filter_map(|place| rows[place].cells[4].as_deref())
                .collect();
            take(rule, words, false, 4, &|place| {
                let Some(resource) = rows[place].cells[4].as_deref() else { return false };
                hours.iter().any(|word| meters[place].contains(word)) && !busy.contains(resource)
            })?;
        }
        found.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.rule.cmp(b.rule)));
        let total = found.iter().map(|idle| idle.cost).sum();
        Ok(Self { basis, currency: None, found, total, not_tried: Vec::new() })
    }
}

fn idle(
    rule: &'static str,
    words: &'static str,
    told: bool,
    by_name: BTreeMap<Option<&str>, Exact>,
    basis: Basis,
) -> Result<Option<Idle>, BillError> {
    let cost = by_name.values().try_fold(Exact::default(), |sum, cost| add(sum, *cost, basis))?.to_money();
    if by_name.is_empty() || cost == Money::ZERO {
        return Ok(None);
    }
    let count = by_name.len() as u64;
    let mut resources: Vec<(Option<String>, Money)> =
        by_name.into_iter().map(|(name, cost)| (name.map(str::to_owned), cost.to_money())).collect();
    resources.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    resources.truncate(NAMED);
    Ok(Some(Idle { rule, words, told, cost, resources, count }))
}
