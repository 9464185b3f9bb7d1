//! The search behind the offers: every measured configuration on every machine, as small rows without words.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::sizing::{self, Sizing};
use super::{Measured, Question};
use crate::hardware::{Profile, Purchase, Unfit, sessions};
use crate::units::{HOURS_PER_MONTH, Money};

/// The fewest samples from which anything can be said of a 99th percentile with 99 % confidence (MLPerf Inference's
/// early stopping).
const FEWEST_SAMPLES: usize = 662;

/// One offer before it has words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Index into the measurements.
    pub measured: usize,
    /// Index into the profiles.
    pub profile: usize,
    /// Sessions on one machine.
    pub sessions: u64,
    /// Machines and times.
    pub sizing: Sizing,
    /// A month of all machines.
    pub cost: Money,
}

/// The search and what it found.
pub(super) struct Search<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// What was measured.
    pub measured: &'a [Measured],
    /// What can be bought.
    pub profiles: &'a [Profile],
    /// Unsorted until the answer is made.
    pub rows: Vec<Row>,
    left_out: [usize; LeftOut::ALL.len()],
}

impl<'a> Search<'a> {
    /// Nothing searched yet.
    pub(super) fn new(question: &'a Question, measured: &'a [Measured], profiles: &'a [Profile]) -> Self {
        Self { question, measured, profiles, rows: Vec::new(), left_out: [0; LeftOut::ALL.len()] }
    }

    fn leave_out(&mut self, why: LeftOut) {
        if let Some(place) = LeftOut::ALL.iter().position(|one| *one == why) {
            self.left_out[place] += 1;
        }
    }

    /// Fills `rows`.
    pub(super) fn run(&mut self) {
        let Self { question, measured, profiles, .. } = *self;
        // With no bill open the first machine says what the money is.
        let currency = match question.currency.as_str() {
            "" => profiles.first().map_or("", |profile| profile.currency.as_str()),
            named => named,
        };
        let mut machines = Vec::with_capacity(profiles.len());
        for (index, profile) in profiles.iter().enumerate() {
            match usable(profile, currency) {
                Ok((speed, month)) => machines.push((index, profile, speed, month)),
                Err(why) => self.leave_out(why),
            }
        }
        // Only sessions and speed decide how many machines are needed; thousands of prices share a sizing.
        let mut sizings: HashMap<(u64, u64), Option<Sizing>> = HashMap::new();
        self.rows.reserve(machines.len().saturating_mul(measured.len()));
        for (measured_index, one) in measured.iter().enumerate() {
            if let Err(why) = check(one) {
                self.leave_out(why);
                continue;
            }
            sizings.clear();
            for &(profile_index, profile, speed, month) in &machines {
                let sessions = match sessions(profile, &one.provider, one.threads, one.peak_memory_bytes) {
                    Ok(sessions) => sessions,
                    Err(why) => {
                        self.leave_out(LeftOut::Unfit(why));
                        continue;
                    }
                };
                let sizing = *sizings
                    .entry((sessions, speed.to_bits()))
                    .or_insert_with(|| sizing::size(question, one, sessions, speed));
                let offer = sizing.and_then(|sizing| Some((sizing, many(month, sizing.replicas)?)));
                let Some((sizing, cost)) = offer else {
                    self.leave_out(LeftOut::TooMany);
                    continue;
                };
                self.rows.push(Row {
                    measured: measured_index,
                    profile: profile_index,
                    sessions,
                    sizing,
                    cost,
                });
            }
        }
    }

    /// The first row in the answer's order among those that pass.
    pub(super) fn first(&self, pass: impl Fn(&Row) -> bool) -> Option<&Row> {
        self.rows.iter().filter(|row| pass(row)).min_by(|a, b| order(a, b))
    }

    /// The cheapest row within the limit.
    pub(super) fn winner(&self) -> Option<&Row> {
        self.first(|row| row.sizing.meets_limit)
    }

    /// Today costs less than every row within the limit, of which there is at least one.
    pub(super) fn staying_is_cheapest(&self) -> bool {
        self.winner().zip(self.question.today_per_month).is_some_and(|(row, today)| today < row.cost)
    }

    /// The price stands over another machine's measurement.
    pub(super) fn is_assumed(&self, row: &Row) -> bool {
        !(self.profiles[row.profile].is_measured_machine && self.measured[row.measured].same_machine)
    }

    /// All measurements are too short to tell a p99.
    pub(super) fn all_too_short(&self) -> bool {
        self.measured.iter().all(|one| check(one) == Err(LeftOut::FewSamples))
    }

    /// What was left out, a plural noun phrase each, with how many.
    pub(super) fn left_out_words(&self) -> Vec<(String, usize)> {
        LeftOut::ALL
            .iter()
            .zip(self.left_out)
            .filter(|(_, count)| *count > 0)
            .map(|(why, count)| (why.words().to_owned(), count))
            .collect()
    }
}

/// Why something is not among the offers; each is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeftOut {
    NoSpeed,
    OtherCurrency,
    BadMachine,
    BadMeasurement,
    FewSamples,
    Unfit(Unfit),
    TooMany,
}

impl LeftOut {
    const ALL: [Self; 10] = [
        Self::NoSpeed,
        Self::OtherCurrency,
        Self::BadMachine,
        Self::BadMeasurement,
        Self::FewSamples,
        Self::Unfit(Unfit::AcceleratorUnused),
        Self::Unfit(Unfit::AcceleratorMissing),
        Self::Unfit(Unfit::TooManyThreads),
        Self::Unfit(Unfit::Memory),
        Self::TooMany,
    ];

    /// A plural noun phrase, to stand before the count.
    fn words(self) -> &'static str {
        match self {
            Self::NoSpeed => "machines whose speed relative to the measured one is not known",
            Self::OtherCurrency => "machines priced in another currency",
            Self::BadMachine => "machines with an unusable price, speed or number of virtual CPUs",
            Self::BadMeasurement => "measurements without a usable latency or throughput",
            Self::FewSamples => "measurements with fewer than 662 samples, which tell no p99",
            Self::Unfit(Unfit::AcceleratorUnused) => {
                "pairings of a CPU measurement with a machine that has an accelerator"
            }
            Self::Unfit(Unfit::AcceleratorMissing) => {
                "pairings of an accelerator measurement with a machine that has none"
            }
            Self::Unfit(Unfit::TooManyThreads) => {
                "pairings of a measurement with a machine that has fewer virtual CPUs than its threads"
            }
            Self::Unfit(Unfit::Memory) => {
                "pairings of a measurement with a machine whose memory it does not fit"
            }
            Self::TooMany => "pairings that would need more than a million machines",
        }
    }
}

/// Speed relative to the measured machine and the price of a month of 730 hours.
fn usable(profile: &Profile, currency: &str) -> Result<(f64, Money), LeftOut> {
    if profile.currency != currency {
        return Err(LeftOut::OtherCurrency);
    }
    let speed = match profile.speed_factor {
        Some(speed) => speed,
        None if profile.is_measured_machine => 1.0,
        None => return Err(LeftOut::NoSpeed),
    };
    let month = many(profile.price_per_hour, HOURS_PER_MONTH as u64).ok_or(LeftOut::BadMachine)?;
    let positive = |value: f64| value.is_finite() && value > 0.0;
    // Only a machine of one's own is free; a price list's zero is a price that is not known.
    let priced = month > Money::ZERO || (month == Money::ZERO && profile.purchase == Purchase::Owned);
    if positive(speed) && positive(profile.vcpu) && priced {
        Ok((speed, month))
    } else {
        Err(LeftOut::BadMachine)
    }
}

/// Whether the measurement can be planned with.
fn check(measured: &Measured) -> Result<(), LeftOut> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let speeds = [measured.p50_ms, measured.p99_ms, measured.throughput_per_second];
    if measured.batch == 0 || !speeds.into_iter().all(positive) {
        Err(LeftOut::BadMeasurement)
    } else if measured.samples < FEWEST_SAMPLES {
        Err(LeftOut::FewSamples)
    } else {
        Ok(())
    }
}

/// Exactly `count` times the amount; `None` when it does not fit.
fn many(amount: Money, count: u64) -> Option<Money> {
    amount.scaled().checked_mul(i128::from(count)).map(Money::from_scaled)
}

/// Those within the limit by cost, the others by how near they come to it; ties in the order given.
pub(super) fn order(a: &Row, b: &Row) -> Ordering {
    let by_p99 = || p99_key(a).total_cmp(&p99_key(b));
    let by_cost = || a.cost.cmp(&b.cost).then(a.sizing.replicas.cmp(&b.sizing.replicas));
    match (a.sizing.meets_limit, b.sizing.meets_limit) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (true, true) => by_cost().then_with(by_p99),
        (false, false) => by_p99().then_with(by_cost),
    }
    .then(a.measured.cmp(&b.measured))
    .then(a.profile.cmp(&b.profile))
}

fn p99_key(row: &Row) -> f64 {
    row.sizing.p99_ms.unwrap_or(f64::INFINITY)
}
