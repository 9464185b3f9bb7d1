//! The Server scenario: a generator that keeps to a schedule, a queue, and answerers that take from it, one query
//! at a time or by a dynamic batcher.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::arrivals::Schedule;
use super::closed::joined;
use super::gate::not_started;
use super::{Answerer, Plan, Record, nanos, wait};
use crate::measure::point::Series;
use crate::measure::resources::thread_cpu_nanos;
use crate::measure::scenario::{Arrivals, Batcher};
use crate::measure::stats::Percentile;

/// How long a query may wait before the run is given up as overloaded, the delay of a batcher not counted.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What arrives and how it is joined.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order<'a> {
    pub arrivals: &'a Arrivals,
    /// Queries a second.
    pub rate: f64,
    pub batcher: Option<Batcher>,
    /// How long a query may wait before the run is given up, the batcher's delay not counted.
    pub patience: Duration,
}

impl Order<'_> {
    /// The age from which on a query in the queue means overload: waiting for company is none.
    fn overdue(&self) -> Duration {
        self.patience + self.batcher.map_or(Duration::ZERO, Batcher::max_delay)
    }
}

/// A query in the queue: its place in the series, and when it was sent.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    place: usize,
    sent: Instant,
}

/// An answered query.
struct Answered {
    place: usize,
    ended: Instant,
    service: u64,
    batch: u32,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Waiting>,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    news: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The age of the query that waits longest.
    fn oldest(&self) -> Option<Duration> {
        self.lock().queue.front().map(|query| query.sent.elapsed())
    }

    fn put(&self, query: Waiting) {
        self.lock().queue.push_back(query);
        self.news.notify_one();
    }

    /// No more queries come; `forget` drops those that wait, and says how many.
    fn close(&self, forget: bool) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let dropped = if forget { std::mem::take(&mut state.queue).len() } else { 0 };
        drop(state);
        self.news.notify_all();
        dropped
    }

    /// Takes the queries of the next inference; empty when no more come.
    fn take(&self, batcher: Option<Batcher>, taken: &mut Vec<Waiting>) {
        taken.clear();
        let (most, delay) = match batcher {
            None => (1, Duration::ZERO),
            Some(batcher) => (batcher.max_batch.max(1) as usize, batcher.max_delay()),
        };
        let mut state = self.lock();
        loop {
            match state.queue.front() {
                None if state.closed => return,
                None => state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(first) => {
                    let left = delay.saturating_sub(first.sent.elapsed());
                    if state.queue.len() >= most || left.is_zero() || state.closed {
                        let count = most.min(state.queue.len());
                        taken.extend(state.queue.drain(..count));
                        // Whoever else waits may be needed for the rest.
                        if !state.queue.is_empty() {
                            self.news.notify_one();
                        }
                        return;
                    }
                    let waited = self.news.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}

/// Sends queries by the schedule of `order` and records each from its intended time.
pub(super) fn server<A: Answerer>(
    plan: Plan<'_>,
    order: Order<'_>,
    answerers: &mut [A],
) -> Result<Record, String> {
    let schedule = Schedule::new(order.arrivals, order.rate, plan.seed)?;
    let queue = Queue::default();
    let queue = &queue;
    std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for answerer in answerers.iter_mut() {
            let work = move || {
                let served = serve(answerer, plan.batch, order.batcher, queue);
                if served.is_err() {
                    queue.close(true);
                }
                served
            };
            let started = std::thread::Builder::new().spawn_scoped(scope, work);
            handles.push(started.map_err(|error| {
                queue.close(true);
                not_started(&error)
            })?);
        }
        let begin = Instant::now();
        let cpu_before = thread_cpu_nanos();
        let sent = send(plan, order, schedule, queue, begin);
        let cpu = thread_cpu_nanos().zip(cpu_before);
        let mut answered = Vec::with_capacity(sent.intended.len());
        for handle in handles {
            answered.extend(joined(handle)?);
        }
        let mut record = record(sent, answered, begin);
        record.generator_cpu_nanos = cpu.map(|(now, before)| now.saturating_sub(before));
        if order.batcher.is_none() {
            record.series.batch.clear();
        }
        Ok(record)
    })
}

/// What the generator did.
struct Sent {
    intended: Vec<Instant>,
    lateness: Vec<u64>,
    /// Queries given up when the queue grew without end.
    dropped: usize,
}

/// The generator: its thread does nothing else.
fn send(plan: Plan<'_>, order: Order<'_>, schedule: Schedule<'_>, queue: &Queue, begin: Instant) -> Sent {
    let mut sent = Sent { intended: Vec::new(), lateness: Vec::new(), dropped: 0 };
    let expected = (order.rate * plan.most.as_secs_f64()).min(f64::from(1 << 22)) as usize;
    sent.intended.reserve(expected);
    sent.lateness.reserve(expected);
    let mut last = Duration::ZERO;
    for offset in schedule {
        // The query that crosses the end is sent, so that the series is as long as asked.
        let enough = last >= plan.least && sent.intended.len() as u64 >= plan.min_queries;
        if enough || last >= plan.most || offset > plan.most.saturating_mul(2) {
            break;
        }
        last = offset;
        let intended = begin + offset;
        wait::until(intended);
        if queue.oldest().is_some_and(|age| age > order.overdue()) {
            sent.dropped = queue.close(true).max(1);
            return sent;
        }
        if queue.lock().closed {
            return sent;
        }
        let now = Instant::now();
        queue.put(Waiting { place: sent.intended.len(), sent: now });
        sent.intended.push(intended);
        sent.lateness.push(nanos(now.saturating_duration_since(intended)));
    }
    // The answers of those that wait still count; a queue that cannot be emptied is overload, too.
    while queue.oldest().is_some_and(|age| age <= order.overdue()) {
        std::thread::sleep(Duration::from_millis(1));
    }
    sent.dropped = queue.close(queue.oldest().is_some());
    sent
}

fn serve(
    answerer: &mut impl Answerer,
    batch: u32,
    batcher: Option<Batcher>,
    queue: &Queue,
) -> Result<Vec<Answered>, String> {
    let mut all = Vec::with_capacity(1 << 16);
    let mut taken = Vec::new();
    loop {
        queue.take(batcher, &mut taken);
        if taken.is_empty() {
            return Ok(all);
        }
        let size = if batcher.is_some() { u32::try_from(taken.len()).unwrap_or(u32::MAX) } else { batch };
        let (from, to) = answerer.answer(size)?;
        let service = nanos(to - from);
        all.extend(taken.iter().map(|query| Answered {
            place: query.place,
            ended: to,
            service,
            batch: size,
        }));
    }
}

fn record(sent: Sent, mut answered: Vec<Answered>, begin: Instant) -> Record {
    let Sent { intended, mut lateness, dropped } = sent;
    answered.sort_by_key(|query| query.place);
    let mut series = Series::default();
    let mut ended = begin;
    for query in &answered {
        let from = intended[query.place];
        series.began_nanos.push(nanos(from.saturating_duration_since(begin)));
        series.latency_nanos.push(nanos(query.ended.saturating_duration_since(from)));
        series.service_nanos.push(query.service);
        series.batch.push(query.batch);
        ended = ended.max(query.ended);
    }
    lateness.sort_unstable();
    let late = [Percentile::P50.of(&lateness), Percentile::P99.of(&lateness), lateness.last().copied()];
    let late = late.map(|late| late.unwrap_or(0));
    let mut record = Record {
        series,
        wall: ended - begin,
        lateness_nanos: (!lateness.is_empty()).then_some(late),
        ..Record::default()
    };
    if dropped > 0 {
        record.invalid.push(format!(
            "overloaded: queries came faster than they were answered, and {dropped} were given up; lower the rate"
        ));
    }
    record
}
