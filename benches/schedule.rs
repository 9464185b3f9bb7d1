//! How well the load generators keep to their schedule, and what a query costs besides its inference: against an
//! answerer that does nothing.
//!
//! Prints the delay between the intended and the actual time of sending at 2,000 queries a second (goal: p99 under
//! 200 µs on an idle machine with two cores), and the time of one closed-loop query (goal: under 1 µs).
//!
//! ```text
//! cargo bench --profile release --bench schedule       # ROUNDS=5 SECONDS=5 by default
//! ```
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::time::{Duration, Instant};

use inferometer::measure::load::{self, Answerer, Plan};
use inferometer::measure::{Arrivals, Rate, Scenario};

/// Answers at once.
struct Nothing;

impl Answerer for Nothing {
    fn answer(&mut self, _batch: u32) -> Result<(Instant, Instant), String> {
        let now = Instant::now();
        Ok((now, now))
    }
}

fn main() {
    let rounds: usize = setting("ROUNDS", 5);
    let length = Duration::from_secs_f64(setting("SECONDS", 5.0));
    let server =
        Scenario::Server { arrivals: Arrivals::Poisson, rate: Rate::PerSecond(2_000.0), batcher: None };
    let mut p99 = Vec::new();
    let mut each = Vec::new();
    for round in 0..rounds {
        let record = load::run(plan(&server, length, round as u64), &mut [Nothing]).unwrap();
        let [p50_nanos, p99_nanos, most_nanos] = record.lateness_nanos.unwrap();
        println!(
            "round {round}: sent late by {:.1} us at p50, {:.1} us at p99, {:.1} us at most; {}",
            p50_nanos as f64 / 1e3,
            p99_nanos as f64 / 1e3,
            most_nanos as f64 / 1e3,
            if record.invalid.is_empty() { "valid".to_owned() } else { record.invalid.join("; ") }
        );
        p99.push(p99_nanos as f64 / 1e3);
        let short = Duration::from_millis(200);
        let record = load::run(plan(&Scenario::SingleStream, short, 0), &mut [Nothing]).unwrap();
        each.push(record.wall.as_nanos() as f64 / record.series.len() as f64);
    }
    println!("lateness at p99, median of {rounds} rounds: {:.1} us", median(&mut p99));
    println!("one closed-loop query with two clock readings: {:.1} ns", median(&mut each));
}

fn plan(scenario: &Scenario, least: Duration, seed: u64) -> Plan<'_> {
    Plan { scenario, batch: 1, least, most: least * 2, min_queries: 0, seed }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
