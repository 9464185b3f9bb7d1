//! Counts what is done in a sweep and estimates what is left.

use std::path::Path;
use std::time::{Duration, Instant};

use super::effort::{FIRST_GUESS_SECS, run_secs};
use super::{Config, Event, Outcome, Point, Summary, Sweep};
use crate::measure::cancel::Cancel;

/// Where a sweep stands.
pub(super) struct Progress<'e> {
    on_event: &'e mut dyn FnMut(Event),
    outcome: Outcome,
    total: usize,
    least_runs: usize,
    /// Runs made in this sweep.
    runs: usize,
    /// Runs of configurations that are not over yet.
    open_runs: usize,
    /// What a run takes until there is experience, in seconds.
    guess: f64,
    begin: Instant,
    /// When the current run began.
    current: Instant,
    now: String,
    last_tick: Instant,
    /// Configurations were lost with the connection to their machine: there is something left to go on with.
    lost: bool,
}

/// Between two reports while nothing changes.
const TICK: Duration = Duration::from_millis(250);

impl<'e> Progress<'e> {
    pub(super) fn new(sweep: &Sweep, configs: &[Config], on_event: &'e mut dyn FnMut(Event)) -> Self {
        let begin = Instant::now();
        let longest = configs.iter().map(run_secs).reduce(f64::max);
        Self {
            on_event,
            outcome: Outcome::default(),
            total: sweep.models.len() * configs.len(),
            least_runs: sweep.effort.least_runs.max(1) as usize,
            runs: 0,
            open_runs: 0,
            guess: longest.unwrap_or(sweep.seconds) + FIRST_GUESS_SECS,
            begin,
            current: begin,
            now: String::new(),
            last_tick: begin,
            lost: false,
        }
    }

    pub(super) fn started(&mut self) {
        (self.on_event)(Event::Started { total: self.total });
    }

    fn done(&self) -> usize {
        self.outcome.finished + self.outcome.failed
    }

    pub(super) fn now(&mut self, words: String) {
        self.now = words;
        self.report();
    }

    pub(super) fn tick(&mut self) {
        if self.last_tick.elapsed() >= TICK {
            self.report();
        }
    }

    fn report(&mut self) {
        self.last_tick = Instant::now();
        let left = self.runs_left() as f64;
        let event = Event::Progress {
            done: self.done(),
            total: self.total,
            fraction: self.runs as f64 / (self.runs as f64 + left).max(1.0),
            now: self.now.clone(),
            seconds_left: self.seconds_left(left),
        };
        (self.on_event)(event);
    }

    /// Runs still to be made, if every configuration that is not over needs no more than the fewest.
    fn runs_left(&self) -> usize {
        let open = self.total.saturating_sub(self.done());
        (open * self.least_runs).saturating_sub(self.open_runs).max(open)
    }

    /// Runs left × what one took on average so far, less what the current one has used.
    fn seconds_left(&self, runs_left: f64) -> f64 {
        let each = if self.runs == 0 {
            self.guess
        } else {
            (self.current - self.begin).as_secs_f64() / self.runs as f64
        };
        (each * runs_left - self.current.elapsed().as_secs_f64().min(each)).max(0.0)
    }

    /// A configuration of an earlier sweep.
    pub(super) fn taken_up(&mut self, runs: usize, over: bool) {
        if over {
            self.outcome.finished += 1;
        } else {
            self.open_runs += runs;
        }
    }

    /// All configurations of an earlier sweep that this one goes on with.
    pub(super) fn took_up(&mut self, places: Vec<usize>) {
        (self.on_event)(Event::TakenUp(places));
    }

    /// A run is done: the last of `point`'s.
    pub(super) fn ran(&mut self, place: usize, before: Option<usize>, point: &Point, summary: &Summary) {
        self.runs += 1;
        self.open_runs += 1;
        if point.ended.is_some() {
            self.outcome.finished += 1;
            self.open_runs = self.open_runs.saturating_sub(point.runs.len());
        }
        self.current = Instant::now();
        if let Some(run) = point.runs.last() {
            let run = Box::new(run.clone());
            let summary = Box::new(*summary);
            let point = Box::new(point.without_series());
            (self.on_event)(Event::Ran { place, before, point, run, summary });
        }
    }

    /// `point` gets no further run, because one failed.
    pub(super) fn ended(&mut self, place: usize, before: Option<usize>, point: &Point) {
        self.open_runs = self.open_runs.saturating_sub(point.runs.len());
        let summary = Box::new(Summary::of(point));
        (self.on_event)(Event::Ended { place, before, point: Box::new(point.without_series()), summary });
    }

    pub(super) fn failed(&mut self, model: &Path, config: Option<&Config>, message: String, configs: usize) {
        self.outcome.failed += configs;
        self.current = Instant::now();
        let config = config.cloned().map(Box::new);
        (self.on_event)(Event::Failed { model: model.to_owned(), config, message });
    }

    /// What failed last was the connection, not the configuration.
    pub(super) fn lost(&mut self) {
        self.lost = true;
    }

    pub(super) fn outcome(self, cancel: &Cancel) -> Outcome {
        let cancelled = self.lost || cancel.is_cancelled() && self.done() < self.total;
        Outcome { cancelled, ..self.outcome }
    }
}
