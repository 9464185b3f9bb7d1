//! What a run did over time, by what its scenario can show: latency, throughput, or a queue that builds up.
//!
//! - One query after another, and closed loops: the latencies themselves ([`warmup`]).
//! - Offline, whose latencies only say when an inference was done: the throughput, as the time that each so many
//!   completions took, judged in the same way.
//! - Server: latencies go up and down with the queue, so the inferences are judged without their waiting; and where
//!   queries come at a constant rate, whether the wait goes on growing, which is overload before it is given up.
//!   With a dynamic batcher inferences differ by their size, so that only the queue is judged.

use super::point::Series;
use super::scenario::{Arrivals, Scenario};
use super::stats::warmup::{self, MIN_SAMPLES, Steadiness, Verdict};
use crate::units::{duration_ms, group_thousands, three_digits};

/// Groups of completions that a throughput is judged by, at most.
const MOST_GROUPS: u64 = 1_000;
/// Slices of a run whose waits are compared.
const SLICES: usize = 8;
/// Of the 28 pairs of slices, those where the later one waits longer less those where the earlier one does (Mann, 1945;
/// Kendall's S). By chance 22 and more come once in a thousand, were slices independent.
const GROWING: i32 = 22;

/// What `series` did over time; `None` where nothing can be said: a trace's own ups and downs through a batcher.
pub(super) fn steadiness(scenario: &Scenario, series: &Series) -> Option<Steadiness> {
    match scenario {
        Scenario::SingleStream | Scenario::MultiStream { .. } | Scenario::ClosedLoop { .. } => {
            Some(warmup::steadiness(&series.latency_nanos))
        }
        Scenario::Offline => Some(throughput(series)),
        Scenario::Server { arrivals, batcher, .. } => {
            let is_constant = !matches!(arrivals, Arrivals::Trace { .. });
            server(series, is_constant, batcher.is_some())
        }
    }
}

/// Without a cut or levels: those would be drawn over latencies.
fn said(verdict: Verdict, sentence: String) -> Steadiness {
    Steadiness {
        verdict,
        cut: 0,
        level_nanos: None,
        segments: Vec::new(),
        disturbances: 0,
        disturbed_share: 0.0,
        sentence,
    }
}

fn too_few(have: usize, need: usize, what: &str) -> Steadiness {
    let sentence =
        format!("Too few inferences to judge {what}: {} of {}.", grouped(have as u64), grouped(need as u64));
    said(Verdict::TooFew { have, need }, sentence)
}

fn grouped(count: u64) -> String {
    group_thousands(count.into())
}

/// The rate at which inferences were completed.
fn throughput(series: &Series) -> Steadiness {
    let ends = &series.latency_nanos;
    let (count, wall) = (ends.len() as u64, ends.last().copied().unwrap_or(0).max(1));
    // Sessions side by side end together; a group holds the same number of each.
    let busy: u128 = series.service_nanos.iter().map(|nanos| u128::from(*nanos)).sum();
    let beside = ((busy as f64 / wall as f64).round() as u64).max(1);
    let group = beside * count.div_ceil(beside * MOST_GROUPS).max(1);
    let marks = ends.iter().skip(group as usize - 1).step_by(group as usize);
    let mut last = 0;
    let times: Vec<u64> = marks
        .map(|end| {
            let time = end.saturating_sub(last).max(1);
            last = *end;
            time
        })
        .collect();
    if times.len() < MIN_SAMPLES {
        return too_few(ends.len(), MIN_SAMPLES * beside as usize, "the throughput over time");
    }
    let found = warmup::steadiness(&times);
    let rate = |nanos: f64| format!("{} inferences/s", three_digits(group as f64 * 1e9 / nanos));
    let tenth = times.len() / 10;
    let (first, end) = (median(&times[..tenth]), median(&times[times.len() - tenth..]));
    let cut = grouped(found.cut as u64 * group);
    let of = grouped(count);
    let sentence = match (found.verdict, found.level_nanos) {
        (Verdict::Flat, level) => {
            format!(
                "Flat: the throughput is steady at {} from the first to the last.",
                rate(level.unwrap_or(end))
            )
        }
        (Verdict::WarmUp, level) => format!(
            "Warm-up: the first {cut} of {of} inferences came at a lower rate, and count; steady at {} from there.",
            rate(level.unwrap_or(end))
        ),
        (Verdict::Drift, Some(level)) => format!(
            "Drift: the first {cut} of {of} inferences came at a higher rate ({}), then it slowed down to {}.",
            rate(first),
            rate(level)
        ),
        (Verdict::Drift, None) if end > first => format!(
            "Drift: the throughput fell from {} to {}; look for throttling or other work.",
            rate(first),
            rate(end)
        ),
        (Verdict::Drift, None) => {
            format!(
                "Drift: the throughput was still rising, from {} to {}; run longer.",
                rate(first),
                rate(end)
            )
        }
        (Verdict::NoSteadyState, _) => {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize] as f64;
            format!(
                "No steady state: the throughput moved between {} and {} without settling.",
                rate(at(0.95)),
                rate(at(0.05))
            )
        }
        (Verdict::TooFew { .. }, _) => found.sentence,
    };
    said(found.verdict, sentence)
}

/// An open loop: the queue where the rate is constant, and the inferences themselves where they are of one size.
fn server(series: &Series, is_constant: bool, has_batcher: bool) -> Option<Steadiness> {
    let Series { latency_nanos, service_nanos, .. } = series;
    if is_constant && latency_nanos.len() >= MIN_SAMPLES {
        let waits: Vec<u64> = latency_nanos
            .iter()
            .zip(service_nanos)
            .map(|(latency, service)| latency.saturating_sub(*service))
            .collect();
        if let Some((first, last)) = growing(&waits, median(service_nanos)) {
            let sentence = format!(
                "Drift: the queue builds up, from a median wait of {} to {} while queries came at a constant rate, as \
                 many as can be answered or more; lower the rate.",
                duration_ms(first / 1e6),
                duration_ms(last / 1e6)
            );
            return Some(said(Verdict::Drift, sentence));
        }
    }
    let queue = if is_constant { "; no queue builds up" } else { "" };
    if !has_batcher {
        let found = warmup::steadiness(service_nanos);
        return Some(said(found.verdict, format!("{} Waiting is left out{queue}.", found.sentence)));
    }
    let have = latency_nanos.len();
    is_constant.then(|| {
        if have < MIN_SAMPLES {
            return too_few(have, MIN_SAMPLES, "the queue over time");
        }
        said(Verdict::Flat, format!("Flat: no queue builds up over {} queries.", grouped(have as u64)))
    })
}

/// The median waits of the first and the last slice, in nanoseconds, where they go on growing: by their ranks, to more
/// than twice as much, and by more than an inference takes.
fn growing(waits: &[u64], inference: f64) -> Option<(f64, f64)> {
    let medians: Vec<f64> = (0..SLICES)
        .map(|slice| median(&waits[slice * waits.len() / SLICES..(slice + 1) * waits.len() / SLICES]))
        .collect();
    let mut score = 0;
    for (place, earlier) in medians.iter().enumerate() {
        for later in &medians[place + 1..] {
            score += i32::from(later > earlier) - i32::from(later < earlier);
        }
    }
    let (first, last) = (*medians.first()?, *medians.last()?);
    (score >= GROWING && last > 2.0 * first && last - first > inference).then_some((first, last))
}

/// The lower median, 0 of nothing.
fn median(nanos: &[u64]) -> f64 {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).map_or(0.0, |nanos| *nanos as f64)
}

#[cfg(test)]
mod tests {
    use super::super::load::arrivals::Schedule;
    use super::super::scenario::{Batcher, Rate};
    use super::*;

    /// Offline on `beside` sessions, each inference as long as `millis` says of the share of them that is done.
    fn offline(count: usize, beside: usize, millis: impl Fn(f64) -> f64) -> Series {
        let mut free = vec![0_u64; beside];
        let mut done: Vec<(u64, u64)> = (0..count)
            .map(|place| {
                let service = (millis(place as f64 / count as f64) * 1e6) as u64;
                let session = place % beside;
                free[session] += service;
                (free[session], service)
            })
            .collect();
        done.sort_unstable();
        let (latency_nanos, service_nanos) = done.into_iter().unzip();
        Series { began_nanos: vec![0; count], latency_nanos, service_nanos, ..Series::default() }
    }

    fn judged(scenario: &str, series: &Series) -> Steadiness {
        steadiness(&scenario.parse().unwrap(), series).unwrap()
    }

    #[test]
    fn offline_is_judged_by_its_throughput() {
        // Two sessions of 4 ms an inference: 500 a second.
        let flat = judged("offline", &offline(4_000, 2, |_| 4.0));
        assert_eq!(flat.verdict, Verdict::Flat);
        assert!(flat.sentence.contains("steady at 500 inferences/s"), "{}", flat.sentence);
        assert_eq!((flat.cut, flat.level_nanos, flat.segments.len()), (0, None, 0));
        // From half of it on 5 ms: 400 a second.
        let slower = judged("offline", &offline(4_000, 2, |done| if done > 0.5 { 5.0 } else { 4.0 }));
        assert_eq!(slower.verdict, Verdict::Drift);
        let words = "the first 2,000 of 4,000 inferences came at a higher rate (500 inferences/s), then it slowed down \
                     to 400 inferences/s";
        assert!(slower.sentence.contains(words), "{}", slower.sentence);
        let drift = judged("offline", &offline(4_000, 2, |done| 4.0 + 2.0 * done));
        assert!(drift.sentence.starts_with("Drift: the throughput fell from"), "{}", drift.sentence);
        let warm = judged("offline", &offline(4_000, 2, |done| if done < 0.2 { 6.0 } else { 4.0 }));
        assert_eq!(warm.verdict, Verdict::WarmUp);
        assert!(warm.sentence.contains("and count; steady at 500 inferences/s"), "{}", warm.sentence);
        let few = judged("offline", &offline(150, 2, |_| 4.0));
        assert_eq!(few.verdict, Verdict::TooFew { have: 150, need: 200 });
    }

    /// A queue with one answerer of 1 ms and Poisson arrivals (Lindley's recursion).
    fn queue(rate: f64, count: usize, seed: u64) -> Series {
        let (mut series, mut free) = (Series::default(), 0);
        let arrivals = Arrivals::Poisson;
        for at in Schedule::new(&arrivals, rate, seed).unwrap().take(count) {
            let began = at.as_nanos() as u64;
            free = free.max(began) + 1_000_000;
            series.began_nanos.push(began);
            series.latency_nanos.push(free - began);
            series.service_nanos.push(1_000_000);
        }
        series
    }

    #[test]
    fn a_queue_that_builds_up_is_told_from_one_that_only_moves() {
        let verdicts = |rate: f64| -> usize {
            let is_drift =
                |seed: &u64| judged("server:100", &queue(rate, 4_000, *seed)).verdict == Verdict::Drift;
            (0..100).filter(is_drift).count()
        };
        // 1,000 a second can be answered.
        assert_eq!((verdicts(300.0), verdicts(1_200.0)), (0, 100));
        assert!(verdicts(800.0) <= 1, "{}", verdicts(800.0));
        let grown = judged("server:1200", &queue(1_200.0, 4_000, 1));
        assert!(grown.sentence.starts_with("Drift: the queue builds up, from a median wait of"), "{grown:?}");
        let well = judged("server:300", &queue(300.0, 4_000, 1));
        assert_eq!(
            well.sentence,
            "Flat: steady at 1.00 ms over all 4,000 inferences. Waiting is left out; no queue builds up."
        );
    }

    #[test]
    fn what_cannot_be_judged_is_not() {
        let batcher = Some(Batcher { max_batch: 4, max_delay_ms: 1.0 });
        let trace = Arrivals::Trace { times_secs: vec![0.0, 1.0], name: "t".to_owned() };
        let of =
            |arrivals: Arrivals, batcher| Scenario::Server { arrivals, rate: Rate::PerSecond(1.0), batcher };
        let grown = queue(1_200.0, 1_000, 1);
        assert_eq!(steadiness(&of(trace.clone(), batcher), &grown), None);
        // A trace's own busy hour is no overload; its inferences are judged all the same.
        assert_eq!(steadiness(&of(trace, None), &grown).unwrap().verdict, Verdict::Flat);
        let found = steadiness(&of(Arrivals::Poisson, batcher), &queue(300.0, 1_000, 1)).unwrap();
        assert_eq!(found.sentence, "Flat: no queue builds up over 1,000 queries.");
    }
}
