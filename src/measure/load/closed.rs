//! Closed loops: the next query is sent when an answer has come. SingleStream, MultiStream, N clients.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Gate, not_started};
use super::{Answerer, Plan, Record, nanos, room, team};
use crate::measure::point::Series;

/// One query after another. Between two inferences there are two additions to vectors and a comparison.
pub(super) fn single_stream(plan: Plan<'_>, answerer: &mut impl Answerer) -> Result<Record, String> {
    let mut began_nanos = Vec::new();
    let mut latency_nanos = Vec::new();
    // The first inference tells how much room is needed; it counts like any other.
    let (begin, mut ended) = answerer.answer(plan.batch)?;
    let more = room(plan, ended - begin);
    began_nanos.reserve(more);
    latency_nanos.reserve(more);
    began_nanos.push(0);
    latency_nanos.push(nanos(ended - begin));
    loop {
        let so_far = ended - begin;
        if (so_far >= plan.least && latency_nanos.len() as u64 >= plan.min_queries) || so_far >= plan.most {
            break;
        }
        let (started, done) = answerer.answer(plan.batch)?;
        began_nanos.push(nanos(started - begin));
        latency_nanos.push(nanos(done - started));
        ended = done;
    }
    let series = Series { began_nanos, latency_nanos, ..Series::default() };
    Ok(Record { series, wall: ended - begin, generator_cpu_nanos: Some(0), ..Record::default() })
}

/// Queries of several samples: their inferences are spread over the answerers, the query ends with the last.
pub(super) fn multi_stream<A: Answerer>(
    plan: Plan<'_>,
    samples_per_query: u32,
    answerers: &mut [A],
) -> Result<Record, String> {
    let inferences = u64::from(samples_per_query.div_ceil(plan.batch.max(1)));
    // More answerers than inferences would only wait.
    let count = answerers.len().min(usize::try_from(inferences).unwrap_or(usize::MAX));
    let (record, spun) = team::together(plan.batch, &mut answerers[..count], |team| {
        let (mut series, begin) = (Series::default(), Instant::now());
        let mut ended = begin;
        while ((ended - begin) < plan.least || (series.len() as u64) < plan.min_queries)
            && (ended - begin) < plan.most
        {
            let started = Instant::now();
            let share = team.answer(inferences)?;
            ended = share.ended;
            series.began_nanos.push(nanos(started - begin));
            series.latency_nanos.push(nanos(ended - started));
            series.service_nanos.push(share.busy_nanos);
        }
        Ok(Record { series, wall: ended - begin, ..Record::default() })
    })?;
    Ok(Record { generator_cpu_nanos: Some(spun), ..record })
}

/// N clients, each with an answerer of its own.
pub(super) fn closed_loop<A: Answerer>(
    plan: Plan<'_>,
    think: Duration,
    answerers: &mut [A],
) -> Result<Record, String> {
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let (gate, begin) = (Gate::default(), std::sync::OnceLock::new());
    let clients: Vec<(Vec<(u64, u64)>, Instant)> = std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for answerer in answerers.iter_mut() {
            let (stop, sent, gate, begin) = (&stop, &sent, &gate, &begin);
            let run = move || {
                if !gate.pass() {
                    return Ok((Vec::new(), Instant::now()));
                }
                let begin = *begin.get_or_init(Instant::now);
                let client = client(plan, think, answerer, begin, stop, sent);
                // One that fails ends all.
                stop.store(true, Ordering::Relaxed);
                client
            };
            let started = std::thread::Builder::new().spawn_scoped(scope, run);
            handles.push(started.map_err(|error| {
                gate.send_home();
                not_started(&error)
            })?);
        }
        gate.open(handles.len());
        handles.into_iter().map(joined).collect::<Result<_, String>>()
    })?;
    let begin = begin.get().copied().unwrap_or_else(Instant::now);
    let ended = clients.iter().map(|(_, ended)| *ended).max().unwrap_or(begin);
    let mut queries: Vec<(u64, u64)> = clients.into_iter().flat_map(|(queries, _)| queries).collect();
    queries.sort_by_key(|(began, _)| *began);
    let (began_nanos, latency_nanos) = queries.into_iter().unzip();
    let series = Series { began_nanos, latency_nanos, ..Series::default() };
    Ok(Record { series, wall: ended - begin, generator_cpu_nanos: Some(0), ..Record::default() })
}

/// One client's queries as (began, latency), and the moment of its last answer.
fn client(
    plan: Plan<'_>,
    think: Duration,
    answerer: &mut impl Answerer,
    begin: Instant,
    stop: &AtomicBool,
    sent: &AtomicU64,
) -> Result<(Vec<(u64, u64)>, Instant), String> {
    let mut queries = Vec::with_capacity(1 << 16);
    let mut ended = begin;
    while !stop.load(Ordering::Relaxed) {
        let (started, done) = answerer.answer(plan.batch)?;
        queries.push((nanos(started.saturating_duration_since(begin)), nanos(done - started)));
        ended = done;
        let all = sent.fetch_add(1, Ordering::Relaxed) + 1;
        let so_far = ended - begin;
        if (so_far >= plan.least && all >= plan.min_queries) || so_far >= plan.most {
            break;
        }
        if !think.is_zero() {
            // Asleep to the end: spinning would wake the processor before the query does, which is what pauses are
            // measured for. A client asleep for long still hears when the run is over.
            let until = (ended + think).min(begin + plan.most);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }
    Ok((queries, ended))
}

/// What a thread returned; a panic in it becomes an error.
pub(super) fn joined<T>(handle: std::thread::ScopedJoinHandle<'_, Result<T, String>>) -> Result<T, String> {
    handle.join().unwrap_or_else(|_panic| Err("a load generator's thread ended unexpectedly".to_owned()))
}
