//! Takes in what jobs have found: written to the project file first, then shown.

use anyhow::{Context, bail};

use super::project::{Item, Stored};
use super::state::{Demand, ModelEntry, Scenario, TraceRate, Unfinished};
use super::{App, Command, Finding, Level, Ran, config_words};
use crate::bill::Imported;
use crate::hardware::Profile;
use crate::measure::{Ended, Point, Run, Summary};
use crate::units::Money;

impl App {
    /// Takes in one finding.
    ///
    /// # Errors
    /// When the project file cannot keep it; then it is not shown either.
    pub(super) fn take(&mut self, finding: Finding) -> anyhow::Result<()> {
        match finding {
            Finding::Notice(notice) => self.notices.push_back(notice),
            Finding::File(report) => self.reports.push(report),
            Finding::Model(entry) => self.take_model(*entry)?,
            Finding::Bill(bill) => self.take_bill(*bill)?,
            Finding::Warehouse(spec, bill) => self.take_warehouse(*spec, *bill)?,
            Finding::WarehouseTried(tried) => self.state.warehouse_try = Some(*tried),
            Finding::Overlay(overlay) => self.take_overlay(*overlay)?,
            Finding::Trace(trace) => {
                self.project.put("trace", "now", 0, &trace)?;
                self.state.trace = Some(trace);
                // A demand nobody has set gives way to one that was measured.
                if self.state.scenario.demand == Scenario::default().demand {
                    let demand = Demand::Trace { rate: TraceRate::Peak };
                    let scenario = Scenario { demand, ..self.state.scenario.clone() };
                    self.project.put("scenario", "now", 0, &scenario)?;
                    self.state.scenario = scenario;
                }
            }
            Finding::Served(served) => self.take_served(served)?,
            Finding::Rules(rules) => self.handle_lens(Command::SetRules(rules))?,
            Finding::Labelled(path) => {
                self.project.put("labelled", "now", 0, &path)?;
                self.state.labelled = Some(path);
            }
            Finding::Profiles(profiles) => {
                for profile in profiles {
                    self.keep_profile(profile)?;
                }
            }
            Finding::Points(points) => {
                let mut known = 0;
                for point in points {
                    if self.state.points.iter().any(|stored| is_same(&stored.point, &point)) {
                        known += 1;
                        continue;
                    }
                    let summary = Summary::of(&point);
                    let id = self.project.add_point(&point, &summary)?;
                    self.state.points.push(Stored { id, point: point.without_series(), summary });
                }
                if known > 0 {
                    let text = format!(
                        "{known} measurement{} in the project already and {} not taken in again",
                        if known == 1 { " is" } else { "s are" },
                        if known == 1 { "was" } else { "were" },
                    );
                    self.notify(Level::Info, text);
                }
            }
            Finding::Results(files) => self.take_results(files)?,
            Finding::Ran(ran) => self.take_run(*ran)?,
            Finding::TakenUp(points) => {
                // Those that it cannot add to are no part of it: it measures their configurations anew.
                if let Some(unfinished) = &self.state.unfinished {
                    let unfinished = Unfinished { points, ..unfinished.clone() };
                    self.project.put("sweep", "now", 0, &unfinished)?;
                    self.state.unfinished = Some(unfinished);
                }
            }
            Finding::SweepEnded => {
                self.project.remove("sweep", "now")?;
                self.state.unfinished = None;
            }
            Finding::Failure(failure) => {
                let config = config_words(failure.config.as_ref());
                self.notify(Level::Warning, format!("{}{config}: {}", failure.model, failure.message));
                self.state.failures.push(failure);
            }
            Finding::Runtimes(found) => self.state.runtimes = Some(found),
            Finding::Accuracy(sha256, accuracy) => {
                let place = self.state.models.iter().position(|entry| entry.model.sha256 == sha256);
                if let Some(place) = place {
                    let entry = ModelEntry { accuracy: Some(accuracy), ..self.state.models[place].clone() };
                    self.project.put("model", &sha256, place, &entry)?;
                    self.state.models[place] = entry;
                }
            }
            Finding::Agreement(a, b, agreement) => {
                let pair = (a, b);
                self.project.put("agreement", &format!("{} {}", pair.0, pair.1), 0, &(&pair, &agreement))?;
                self.state.agreements.insert(pair, *agreement);
            }
            Finding::Breakdown(breakdown) => self.take_breakdown(*breakdown)?,
            Finding::Surveyed(name, survey) => {
                self.state.surveys.insert(name, *survey);
            }
            Finding::Duel(duel) => self.take_duel(&duel)?,
            Finding::OpenedDuel(duel) => self.take_opened_duel(&duel)?,
            Finding::OpenedBreakdown(breakdown) => self.take_opened_breakdown(*breakdown)?,
            Finding::Answer(generation, query, answer) => {
                if generation == self.bills_generation {
                    self.state.asked.remove(&query);
                    self.forget_pages(&query);
                    self.state.queries.insert(query, answer);
                }
            }
        }
        Ok(())
    }

    /// Adds a run to its measurement, which the first run makes. The run and the sweep's list of measurements are
    /// committed as one: a sweep that goes on after a crash neither repeats the run nor adds it to another.
    fn take_run(&mut self, ran: Ran) -> anyhow::Result<()> {
        let Ran { place, id, mut point, run, mut summary } = ran;
        let known = self.sweep_points.get(&place).copied().or(id);
        if known.is_none() && run.is_none() {
            // None of its runs could be kept, which was said.
            return Ok(());
        }
        // The runs that the project has, and this one. One that it could not keep is no part of the measurement; a
        // warm-up that was moved while the sweep goes on stays where it was moved to.
        let stored = self.state.points.iter().find(|stored| Some(stored.id) == known);
        let mut runs = stored.map_or_else(Vec::new, |stored| stored.point.runs.clone());
        runs.extend(run.as_ref().map(Run::without_series));
        let is_lost = runs.len() < point.runs.len();
        if is_lost || runs.iter().any(|run| run.moved_warm_up.is_some()) {
            let kept = stored.map_or_else(|| Ok(Vec::new()), |stored| self.project.series(stored.id))?;
            let newest = run.as_ref().map(|run| run.measured.series.clone());
            let mut full = Point { runs: runs.clone(), ..point.clone() };
            for (run, series) in full.runs.iter_mut().zip(kept.into_iter().chain(newest)) {
                run.measured.series = series;
            }
            summary = Summary::of(&full);
        }
        if is_lost && point.ended.as_ref().is_some_and(|ended| !ended.is_failure()) {
            point.ended =
                Some(Ended::Failed { message: "a run could not be kept in the project".to_owned() });
        }
        point.runs = runs;
        let unfinished = self.state.unfinished.as_ref().filter(|_| known.is_none());
        let id = self.project.add_run(known, &point, run.as_ref(), &summary, |id| {
            let Some(unfinished) = unfinished else { return Ok(None) };
            let mut unfinished = unfinished.clone();
            unfinished.points.push(id);
            Item::new("sweep", "now".to_owned(), 0, &unfinished).map(Some)
        })?;
        if known.is_none() {
            self.sweep_points.insert(place, id);
            if let Some(unfinished) = &mut self.state.unfinished {
                unfinished.points.push(id);
            }
        }
        let stored = Stored { id, point, summary };
        match self.state.points.iter_mut().find(|other| other.id == id) {
            Some(other) => *other = stored,
            None => self.state.points.push(stored),
        }
        Ok(())
    }

    /// Moves what counts as warm-up in one run, and derives the summary again.
    pub(super) fn move_warm_up(&mut self, id: i64, run: usize, queries: Option<u64>) -> anyhow::Result<()> {
        let place = self.state.points.iter().position(|stored| stored.id == id);
        let place = place.context("that measurement is not in the project any more")?;
        let mut full = self.project.full_point(&self.state.points[place])?;
        let moved =
            full.runs.get_mut(run).with_context(|| format!("the measurement has no run {}", run + 1))?;
        if let Some(queries) = queries
            && queries >= moved.measured.queries
        {
            bail!(
                "a warm-up of {queries} queries leaves nothing of the {} of this run; move it to the left",
                moved.measured.queries
            );
        }
        moved.moved_warm_up = queries;
        let summary = Summary::of(&full);
        let point = full.without_series();
        self.project.change_run(id, run, &point, &summary)?;
        self.state.points[place] = Stored { id, point, summary };
        Ok(())
    }

    /// A model with a known hash keeps what was computed of it; one that a file no longer holds leaves the list.
    fn take_model(&mut self, entry: ModelEntry) -> anyhow::Result<()> {
        let sha256 = entry.model.sha256.clone();
        let replaced: Vec<String> = self
            .state
            .models
            .iter()
            .filter(|other| other.path == entry.path && other.model.sha256 != sha256)
            .map(|other| other.model.sha256.clone())
            .collect();
        for old in &replaced {
            self.project.remove("model", old)?;
            self.state.models.retain(|other| other.model.sha256 != *old);
        }
        let place = self.state.models.iter().position(|other| other.model.sha256 == sha256);
        let accuracy = place.and_then(|place| self.state.models[place].accuracy);
        let entry = ModelEntry { accuracy, ..entry };
        self.project.put("model", &sha256, place.unwrap_or(self.state.models.len()), &entry)?;
        match place {
            Some(place) => self.state.models[place] = entry,
            None => self.state.models.push(entry),
        }
        Ok(())
    }

    pub(super) fn take_bill(&mut self, bill: Imported) -> anyhow::Result<()> {
        let before = self.state.counting.claims.clone();
        // The same file as an older reader read it.
        let content =
            |hash: &str| hash.split_once('-').map_or(hash, |(content, _version)| content).to_owned();
        let is_older =
            |other: &&Imported| other.hash != bill.hash && content(&other.hash) == content(&bill.hash);
        let older: Vec<String> =
            self.state.bills.iter().filter(is_older).map(|other| other.hash.clone()).collect();
        for hash in older {
            self.project.remove("bill", &hash)?;
            self.state.bills.retain(|other| other.hash != hash);
        }
        let alike = |other: &&Imported| {
            let same = (other.rows, &other.totals, other.first_charge_unix_secs, other.last_charge_unix_secs)
                == (bill.rows, &bill.totals, bill.first_charge_unix_secs, bill.last_charge_unix_secs);
            // Where rows can be compared, they tell.
            let can = |one: &Imported| one.slices.iter().any(|slice| !slice.sample.is_empty());
            other.hash != bill.hash && same && !(can(other) && can(&bill))
        };
        if let Some(other) = self.state.bills.iter().find(alike) {
            let text = format!(
                "{} has the same rows, period and totals as {}: if it is the same bill, remove one, or it counts twice",
                bill.file, other.file
            );
            self.notify(Level::Warning, text);
        } else if let Some(other) = self.state.bills.iter().find(|other| is_grouped_otherwise(other, &bill)) {
            let text = format!(
                "{} has the same period and total as {}: if both are the same charges, grouped otherwise, remove one, or \
                 they count twice",
                bill.file, other.file
            );
            self.notify(Level::Warning, text);
        }
        if let Some(other) = self.state.bills.iter().find(|other| other.hash == bill.hash) {
            let known = if other.file == bill.file { String::new() } else { format!(" as {}", other.file) };
            let text = format!("{} is taken in already{known}, byte for byte: it counts once", bill.file);
            self.notify(Level::Info, text);
        }
        self.project.put("bill", &bill.hash, self.state.bills.len(), &bill)?;
        self.state.bills.retain(|other| other.hash != bill.hash);
        let hash = bill.hash.clone();
        self.state.bills.push(bill);
        self.bills_changed();
        self.tell_claims(&hash, &before);
        Ok(())
    }

    /// Answers about the old set of bills are worth nothing now.
    pub(super) fn bills_changed(&mut self) {
        self.bills_generation += 1;
        // A warehouse need not go on with what nobody waits for.
        for job in self.jobs.running().filter(|job| job.title == super::query::ASK) {
            job.cancel();
        }
        self.recount();
        self.state.queries.clear();
        self.state.asked.clear();
        self.pages.clear();
    }

    /// Adds a profile, or changes the one with the same id.
    pub(super) fn keep_profile(&mut self, profile: Profile) -> anyhow::Result<()> {
        let place = self.state.profiles.iter().position(|other| other.id == profile.id);
        self.project.put("profile", &profile.id, place.unwrap_or(self.state.profiles.len()), &profile)?;
        match place {
            Some(place) => self.state.profiles[place] = profile,
            None => self.state.profiles.push(profile),
        }
        Ok(())
    }
}

/// Whether two are the same money told by two groupings, such as a download by service and one by region: of a summary
/// no row is in both, so that rows do not tell. A total of nothing says nothing.
fn is_grouped_otherwise(one: &Imported, other: &Imported) -> bool {
    let times = |bill: &Imported| (bill.first_charge_unix_secs, bill.last_charge_unix_secs);
    let sums = |bill: &Imported| -> Vec<(String, Option<Money>)> {
        let sums = bill.totals.iter();
        sums.map(|(currency, costs)| (currency.clone(), costs.billed_cost)).collect()
    };
    let told = sums(one);
    one.hash != other.hash
        && one.kind == other.kind
        && one.rows != other.rows
        && times(one) == times(other)
        && told.iter().any(|(_, sum)| sum.is_some_and(|sum| sum != Money::ZERO))
        && told == sums(other)
}

/// Whether two are one measurement, met twice: numbers that two measurements never share to the nanosecond.
fn is_same(one: &Point, other: &Point) -> bool {
    let runs = |point: &Point| -> Vec<(u64, u64, u64)> {
        let of = |run: &Run| (run.started_unix_secs, run.measured.queries, run.measured.wall_nanos);
        point.runs.iter().map(of).collect()
    };
    one.model_sha256 == other.model_sha256
        && one.config.key() == other.config.key()
        && one.started_unix_secs == other.started_unix_secs
        && runs(one) == runs(other)
}
