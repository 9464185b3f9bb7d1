//! Offline: all samples are there at once, and the answerers take the next batch as soon as they are free.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, OnceLock};
use std::time::Instant;

use super::closed::joined;
use super::{Answerer, Plan, Record, nanos};
use crate::measure::point::Series;

/// An entry of the series is one inference: its latency counts from the beginning, its service from its own start.
pub(super) fn offline<A: Answerer>(plan: Plan<'_>, answerers: &mut [A]) -> Result<Record, String> {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let (barrier, begin) = (Barrier::new(answerers.len()), OnceLock::new());
    let work = |answerer: &mut A| {
        barrier.wait();
        let begin = *begin.get_or_init(Instant::now);
        let mut entries: Vec<(u64, u64)> = Vec::with_capacity(1 << 16);
        let mut ended = begin;
        while !stop.load(Ordering::Relaxed) {
            let (from, to) = answerer.answer(plan.batch)?;
            entries.push((nanos(to.saturating_duration_since(begin)), nanos(to - from)));
            ended = to;
            let all = done.fetch_add(1, Ordering::Relaxed) + 1;
            let so_far = to.saturating_duration_since(begin);
            if (so_far >= plan.least && all >= plan.min_queries) || so_far >= plan.most {
                break;
            }
        }
        Ok((entries, ended))
    };
    let work = &work;
    let parts: Vec<(Vec<(u64, u64)>, Instant)> = std::thread::scope(|scope| {
        let handles: Vec<_> = answerers
            .iter_mut()
            .map(|answerer| {
                let stop = &stop;
                scope.spawn(move || {
                    let part = work(answerer);
                    stop.store(true, Ordering::Relaxed);
                    part
                })
            })
            .collect();
        handles.into_iter().map(joined).collect::<Result<_, String>>()
    })?;
    let begin = begin.get().copied().unwrap_or_else(Instant::now);
    let ended = parts.iter().map(|(_, ended)| *ended).max().unwrap_or(begin);
    let mut entries: Vec<(u64, u64)> = parts.into_iter().flat_map(|(entries, _)| entries).collect();
    entries.sort_unstable();
    let (latency_nanos, service_nanos): (Vec<u64>, Vec<u64>) = entries.into_iter().unzip();
    let series =
        Series { began_nanos: vec![0; latency_nanos.len()], latency_nanos, service_nanos, batch: Vec::new() };
    Ok(Record { series, wall: ended - begin, ..Record::default() })
}
