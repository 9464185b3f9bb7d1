//! The generators against answers of known length: a spinning or sleeping answerer, or none at all.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::measure::resources;
use crate::measure::scenario::{Arrivals, Batcher};

/// Answers after `length`, asleep: many fit on one processor.
struct Sleeper(Duration);

impl Answerer for Sleeper {
    fn answer(&mut self, _batch: u32) -> Result<(Instant, Instant), String> {
        let started = Instant::now();
        std::thread::sleep(self.0);
        Ok((started, Instant::now()))
    }
}

/// Fails at its n-th inference.
struct Breaks(u32);

impl Answerer for Breaks {
    fn answer(&mut self, _batch: u32) -> Result<(Instant, Instant), String> {
        self.0 = self.0.checked_sub(1).ok_or("out of order")?;
        let started = Instant::now();
        Ok((started, started + Duration::from_micros(10)))
    }
}

fn plan(scenario: &Scenario, millis: u64) -> Plan<'_> {
    let least = Duration::from_millis(millis);
    Plan { scenario, batch: 1, least, most: least * 20, min_queries: 0, seed: 1 }
}

fn sleepers(count: usize, micros: u64) -> Vec<Sleeper> {
    (0..count).map(|_| Sleeper(Duration::from_micros(micros))).collect()
}

fn server(rate: f64, batcher: Option<Batcher>) -> Scenario {
    Scenario::Server { arrivals: Arrivals::Constant, rate: Rate::PerSecond(rate), batcher }
}

#[test]
fn both_minima_are_kept_and_the_longest_time_ends_a_run_as_invalid() {
    let scenario = Scenario::SingleStream;
    let asked = Plan { min_queries: 60, ..plan(&scenario, 5) };
    let record = run(asked, &mut sleepers(1, 1_000)).unwrap();
    assert_eq!((record.series.len(), record.invalid.as_slice()), (60, &[] as &[String]));
    assert!(record.wall >= Duration::from_millis(60));
    let impossible = Plan { min_queries: 1_000_000, most: Duration::from_millis(20), ..asked };
    let record = run(impossible, &mut sleepers(1, 1_000)).unwrap();
    assert!(record.invalid[0].contains("too few queries"), "{:?}", record.invalid);
}

#[test]
fn a_query_of_several_samples_takes_as_long_as_its_inferences_one_after_another_or_side_by_side() {
    let scenario = Scenario::MultiStream { samples_per_query: 4 };
    let median = |answerers| {
        let mut latencies =
            run(plan(&scenario, 60), &mut sleepers(answerers, 3_000)).unwrap().series.latency_nanos;
        latencies.sort_unstable();
        latencies[latencies.len() / 2]
    };
    let (alone, four) = (median(1), median(4));
    assert!(alone >= 12_000_000, "{alone}");
    assert!(four >= 3_000_000 && four < alone, "{four}");
}

#[test]
fn samples_are_shared_by_whoever_is_free_and_more_answerers_than_inferences_are_not_used() {
    let scenario = Scenario::MultiStream { samples_per_query: 8 };
    // 8 samples in batches of 2 are 4 inferences, whatever each of two or nine answerers takes of them.
    for answerers in [1, 2, 4, 9] {
        let taken = AtomicU64::new(0);
        let mut counting: Vec<Counts<'_>> = (0..answerers).map(|_| Counts(&taken)).collect();
        let asked = Plan { batch: 2, min_queries: 25, ..plan(&scenario, 5) };
        let record = run(asked, &mut counting).unwrap();
        let queries = record.series.len() as u64;
        assert!(queries >= 25 && taken.load(Ordering::Relaxed) == queries * 4, "{answerers}: {queries}");
        let services = record.series.service_nanos.iter().zip(&record.series.latency_nanos);
        assert!(services.clone().all(|(service, latency)| service <= latency), "{record:?}");
        assert!(record.generator_cpu_nanos.is_some());
    }
}

/// Counts its inferences of two items.
struct Counts<'c>(&'c AtomicU64);

impl Answerer for Counts<'_> {
    fn answer(&mut self, batch: u32) -> Result<(Instant, Instant), String> {
        assert_eq!(batch, 2);
        let started = Instant::now();
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok((started, Instant::now()))
    }
}

/// Fails, or panics, at its n-th inference; before, it takes its time.
struct Falls {
    after: u32,
    panics: bool,
}

impl Answerer for Falls {
    fn answer(&mut self, _batch: u32) -> Result<(Instant, Instant), String> {
        let started = Instant::now();
        if self.after == 0 {
            assert!(!self.panics, "as asked");
            return Err("fell".to_owned());
        }
        self.after -= 1;
        std::thread::sleep(Duration::from_micros(200));
        Ok((started, Instant::now()))
    }
}

#[test]
fn a_helper_that_fails_or_breaks_off_ends_the_run_and_so_does_the_caller() {
    let scenario = Scenario::MultiStream { samples_per_query: 6 };
    let steady = || Falls { after: u32::MAX, panics: false };
    for (place, panics, words) in
        [(0, false, "fell"), (1, false, "fell"), (2, false, "fell"), (2, true, "ended unexpectedly")]
    {
        let mut answerers = [steady(), steady(), steady()];
        answerers[place] = Falls { after: 3, panics };
        let message = run(plan(&scenario, 60_000), &mut answerers).unwrap_err();
        assert!(message.contains(words), "{place}: {message}");
    }
}

#[test]
fn the_generators_own_cpu_time_is_told() {
    let before = resources::cpu_nanos().unwrap();
    let record = run(plan(&server(500.0, None), 100), &mut sleepers(1, 100)).unwrap();
    let all = resources::cpu_nanos().unwrap() - before;
    // It spins up to 120 µs before each of 50 queries; the answerer sleeps.
    let own = record.generator_cpu_nanos.unwrap();
    // Whole microseconds are told of the process.
    assert!(own > 0 && own <= all + 1_000_000, "{own} of {all}");
    let closed = run(plan(&Scenario::SingleStream, 5), &mut sleepers(1, 100)).unwrap();
    assert_eq!(closed.generator_cpu_nanos, Some(0));
}

#[test]
fn what_watches_is_told_when_the_series_begins_after_the_search() {
    let begun = std::cell::Cell::new((0, Instant::now()));
    let begins = || begun.set((begun.get().0 + 1, Instant::now()));
    let start = Instant::now();
    let scenario = Scenario::Server {
        arrivals: Arrivals::Constant,
        rate: Rate::Highest { p99_limit_ms: 100.0, tolerance: 0.5 },
        batcher: None,
    };
    let asked = Plan { most: Duration::from_secs(20), ..plan(&scenario, 50) };
    let record = run_watched(asked, &mut sleepers(1, 300), &begins).unwrap();
    let (times, at) = begun.get();
    assert_eq!(times, 1);
    // All trials came before, the series after.
    assert!(record.wall <= at.elapsed() && at - start > Duration::from_millis(300), "{record:?}");
    run_watched(plan(&Scenario::Offline, 5), &mut sleepers(1, 300), &begins).unwrap();
    assert_eq!(begun.get().0, 2);
}

#[test]
fn clients_wait_for_their_answer_and_think() {
    let scenario = Scenario::ClosedLoop { in_flight: 3, think_ms: 4.0 };
    let record = run(plan(&scenario, 100), &mut sleepers(3, 1_000)).unwrap();
    // Each client: at least 1 ms of answer and 4 ms of thought, so at most 3 × 100/5 queries and the last ones.
    assert!(record.series.len() <= 63 + 3, "{}", record.series.len());
    assert!(record.series.len() >= 3);
    assert!(record.series.began_nanos.is_sorted());
}

#[test]
fn offline_latencies_count_from_the_beginning_and_services_from_their_own_start() {
    let record = run(plan(&Scenario::Offline, 30), &mut sleepers(2, 2_000)).unwrap();
    let series = &record.series;
    assert!(series.latency_nanos.is_sorted());
    assert!(*series.latency_nanos.last().unwrap() >= 30_000_000);
    assert!(series.service_nanos.iter().all(|service| (2_000_000..30_000_000).contains(service)));
}

#[test]
fn a_server_counts_from_the_intended_time_so_that_a_queue_shows() {
    // 10 ms of work every 6 ms, for 120 ms: the n-th query waits for all before it.
    let record = run(plan(&server(1_000.0 / 6.0, None), 120), &mut sleepers(1, 10_000)).unwrap();
    let series = &record.series;
    assert_eq!(series.len(), 20, "one every 6 ms from 6 ms on to the one at 120 ms");
    for (place, latency) in series.latency_nanos.iter().enumerate() {
        assert!(*latency >= 10_000_000 + place as u64 * 4_000_000 - 100_000, "{place}: {latency}");
    }
    for (place, began) in series.began_nanos.iter().enumerate() {
        assert_eq!(
            *began / 1_000,
            (place as u64 + 1) * 6_000,
            "exactly the schedule, however late the sending"
        );
    }
    assert!(record.lateness_nanos.is_some());
}

#[test]
fn a_batcher_joins_those_that_wait_up_to_its_size_and_delay() {
    let batcher = Batcher { max_batch: 4, max_delay_ms: 1_000.0 };
    // Every 2 ms one: a batch is full after 8 ms, long before the delay is over.
    let record = run(plan(&server(500.0, Some(batcher)), 100), &mut sleepers(1, 100)).unwrap();
    let full = record.series.batch.iter().filter(|batch| **batch == 4).count();
    assert!(full >= record.series.len() - 3, "{:?}", record.series.batch);
    // Without company one waits the delay: at least 5 ms.
    let alone = Batcher { max_batch: 4, max_delay_ms: 5.0 };
    let record = run(plan(&server(20.0, Some(alone)), 120), &mut sleepers(1, 100)).unwrap();
    assert!(record.series.latency_nanos.iter().all(|latency| *latency >= 5_000_000), "{record:?}");
}

#[test]
fn a_batchers_delay_is_no_overload() {
    // Each waits 60 ms for company that comes after 100 ms, three times as long as an overloaded queue may.
    let batcher = Some(Batcher { max_batch: 64, max_delay_ms: 60.0 });
    let scenario = server(10.0, batcher);
    let patience = Duration::from_millis(20);
    let order = pool::Order { arrivals: &Arrivals::Constant, rate: 10.0, batcher, patience };
    let record = pool::server(plan(&scenario, 300), order, &mut sleepers(1, 100)).unwrap();
    assert_eq!((record.series.len(), record.invalid.as_slice()), (3, &[] as &[String]));
    assert!(record.series.latency_nanos.iter().all(|latency| *latency >= 60_000_000), "{record:?}");
    let patient = Scenario::Server {
        arrivals: Arrivals::Constant,
        rate: Rate::PerSecond(1.0),
        batcher: Some(Batcher { max_batch: 4, max_delay_ms: 61_000.0 }),
    };
    assert!(patient.check().unwrap_err().contains("give at most 60000"));
}

#[test]
fn more_than_can_be_answered_is_said() {
    let scenario = server(2_000.0, None);
    let overloaded = Plan { most: Duration::from_secs(1), ..plan(&scenario, 100) };
    let order = pool::Order {
        arrivals: &Arrivals::Constant,
        rate: 2_000.0,
        batcher: None,
        patience: Duration::from_millis(20),
    };
    let record = pool::server(overloaded, order, &mut sleepers(1, 20_000)).unwrap();
    assert!(record.invalid[0].contains("overloaded"), "{:?}", record.invalid);
}

#[test]
fn the_highest_rate_is_found_between_what_passes_and_what_fails() {
    // One answerer of at least 0.3 ms with constant arrivals: no rate above 3,333/s can be answered.
    let scenario = Scenario::Server {
        arrivals: Arrivals::Constant,
        rate: Rate::Highest { p99_limit_ms: 100.0, tolerance: 0.2 },
        batcher: None,
    };
    let asked = Plan { most: Duration::from_secs(20), ..plan(&scenario, 50) };
    let record = run(asked, &mut sleepers(1, 300)).unwrap();
    let passed =
        record.trials.iter().filter(|trial| trial.passed).map(|trial| trial.rate).fold(0.0, f64::max);
    let failed = record
        .trials
        .iter()
        .filter(|trial| !trial.passed)
        .map(|trial| trial.rate)
        .fold(f64::INFINITY, f64::min);
    assert!(passed > 0.0 && passed < 3_334.0 && passed < failed, "{:?}", record.trials);
    let impossible = Scenario::Server {
        arrivals: Arrivals::Constant,
        rate: Rate::Highest { p99_limit_ms: 0.5, tolerance: 0.2 },
        batcher: None,
    };
    let asked = Plan { most: Duration::from_secs(20), ..plan(&impossible, 50) };
    let message = run(asked, &mut sleepers(1, 2_000)).unwrap_err();
    assert!(message.contains("no rate keeps the p99 within 0.5 ms"), "{message}");
    let short = Plan { scenario: &scenario, most: Duration::from_millis(300), ..asked };
    let message = run(short, &mut sleepers(1, 2_000)).unwrap_err();
    assert!(message.contains("queries fit into the 0.3 s"), "{message}");
}

#[test]
fn one_that_fails_ends_the_run_with_its_words() {
    for scenario in [
        Scenario::SingleStream,
        Scenario::MultiStream { samples_per_query: 3 },
        Scenario::ClosedLoop { in_flight: 2, think_ms: 0.0 },
        Scenario::Offline,
        server(500.0, None),
    ] {
        let mut answerers = [Breaks(5), Breaks(5)];
        let count = answerers_of(&scenario);
        let message = run(plan(&scenario, 10_000), &mut answerers[..count]).unwrap_err();
        assert_eq!(message, "out of order", "{scenario}");
    }
}

fn answerers_of(scenario: &Scenario) -> usize {
    answerers(scenario, 2) as usize
}
