//! Measurements as a table: a row each, and below it what must be known of their numbers, each thing said once.

use std::collections::BTreeMap;

use super::table;
use crate::app::project::Stored;
use crate::measure::monitor::Severity;
use crate::measure::{Arrivals, Config, Estimate, Point, Rate, Scenario};
use crate::units;

/// Sorts configurations as one would list them, numbers by their size.
pub(super) fn order(config: &Config) -> impl Ord + use<> {
    let Config { provider, optimisation, dims, threads, instances, batch, scenario, .. } = config;
    (provider.clone(), *optimisation, dims.clone(), *threads, *instances, *batch, scenario_order(scenario))
}

/// The kind of a scenario, then its numbers in thousandths, then its words.
fn scenario_order(scenario: &Scenario) -> (u8, [u64; 2], String) {
    let thousandths = |number: f64| (number * 1e3) as u64;
    let (kind, numbers) = match scenario {
        Scenario::SingleStream => (0, [0, 0]),
        Scenario::MultiStream { samples_per_query } => (1, [u64::from(*samples_per_query), 0]),
        Scenario::ClosedLoop { in_flight, think_ms } => (2, [u64::from(*in_flight), thousandths(*think_ms)]),
        Scenario::Server { arrivals, rate, .. } => {
            let (kind, number) = match rate {
                Rate::PerSecond(rate) => (3, *rate),
                Rate::Highest { p99_limit_ms, .. } => (4, *p99_limit_ms),
            };
            let burstiness = match arrivals {
                Arrivals::Constant => 0,
                Arrivals::Poisson => 1,
                Arrivals::Gamma { cv } => thousandths(*cv).saturating_add(2),
                Arrivals::Trace { .. } => u64::MAX,
            };
            (kind, [thousandths(number), burstiness])
        }
        Scenario::Offline => (5, [0, 0]),
    };
    (kind, numbers, scenario.to_string())
}

/// Things to know of rows, each once, with the rows it is true of.
#[derive(Default)]
pub(super) struct Notes {
    /// By the text without its numbers: the text, and the rows.
    said: Vec<(String, Said)>,
}

struct Said {
    text: String,
    rows: Vec<usize>,
}

impl Notes {
    pub(super) fn add(&mut self, row: usize, text: &str) {
        let shape: String =
            pieces(text).map(|(piece, is_number)| if is_number { "#" } else { piece }).collect();
        match self.said.iter_mut().find(|(other, _)| *other == shape) {
            Some((_, said)) => {
                said.text = merged(&said.text, text);
                if !said.rows.contains(&row) {
                    said.rows.push(row);
                }
            }
            None => self.said.push((shape, Said { text: text.to_owned(), rows: vec![row] })),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// `[1] [3]`: the notes of a row.
    pub(super) fn marks(&self, row: usize) -> String {
        let numbers = self.said.iter().enumerate().filter(|(_, (_, said))| said.rows.contains(&row));
        numbers.map(|(place, _)| format!("[{}]", place + 1)).collect::<Vec<_>>().join(" ")
    }

    /// A line each, under a table of so many rows.
    pub(super) fn lines(&self, rows: usize) -> impl Iterator<Item = String> {
        self.said.iter().enumerate().map(move |(place, (_, said))| {
            let of = if rows == 1 { String::new() } else { format!("{} of {rows} rows: ", said.rows.len()) };
            format!("[{}] {of}{}", place + 1, said.text)
        })
    }
}

/// A text in pieces that are numbers (with commas and points between digits) and pieces that are not. Two numbers with
/// `–` between are one: a range.
fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_number = first.is_ascii_digit();
        let mut end = rest.len();
        for (at, character) in rest.char_indices() {
            let after = rest[at + character.len_utf8()..].chars().next();
            let joins =
                matches!(character, ',' | '.' | '–') && after.is_some_and(|next| next.is_ascii_digit());
            let goes_on =
                if is_number { character.is_ascii_digit() || joins } else { !character.is_ascii_digit() };
            if !goes_on {
                end = at;
                break;
            }
        }
        let (piece, left) = rest.split_at(end);
        rest = left;
        Some((piece, is_number))
    })
}

/// Two texts that differ in their numbers as one, with ranges: `12–40 of the 100 asked for`.
fn merged(one: &str, other: &str) -> String {
    let value = |text: &str| text.replace(',', "").parse::<f64>().unwrap_or(f64::NAN);
    let range = |of: &str, number: &str| -> String {
        let (low, high) = of.split_once('–').unwrap_or((of, of));
        let (low, high) = match value(number) {
            found if found < value(low) => (number, high),
            found if found > value(high) => (low, number),
            _ => (low, high),
        };
        if low == high { low.to_owned() } else { format!("{low}–{high}") }
    };
    let both = pieces(one).zip(pieces(other));
    both.map(|((of, is_number), (new, _))| if is_number { range(of, new) } else { of.to_owned() }).collect()
}

/// What must be known of each row.
fn notes_of(points: &[&Stored]) -> Notes {
    let mut notes = Notes::default();
    for (row, stored) in points.iter().enumerate() {
        if let Some(ended) = stored.point.ended.as_ref().filter(|ended| ended.is_failure()) {
            notes.add(row, &ended.words());
        }
        for reason in stored.point.invalid() {
            notes.add(row, &format!("not valid: {reason}"));
        }
    }
    for (row, stored) in points.iter().enumerate() {
        for text in doubts(&stored.point) {
            notes.add(row, &text);
        }
    }
    for (row, stored) in points.iter().enumerate() {
        for (name, size) in &stored.point.found_dims {
            notes.add(row, &format!("{name} = {size} was found by trying"));
        }
    }
    notes
}

/// What makes the numbers of a measurement doubtful, and how many of its runs had it.
fn doubts(point: &Point) -> Vec<String> {
    let of_runs = |runs: usize| match (runs, point.runs.len()) {
        (runs, all) if runs == all => String::new(),
        (runs, all) => format!(" ({runs} of {all} runs)"),
    };
    let findings = point.findings().into_iter().filter(|(finding, _)| finding.severity > Severity::Note);
    let mut doubts: Vec<String> =
        findings.map(|(finding, runs)| format!("{}{}", finding.words, of_runs(runs))).collect();
    let mut unsteady: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &point.runs {
        if let Some(steadiness) = run.measured.steadiness.as_ref().filter(|found| !found.is_well()) {
            *unsteady.entry(&steadiness.sentence).or_default() += 1;
        }
    }
    doubts.extend(unsteady.into_iter().map(|(sentence, runs)| format!("{sentence}{}", of_runs(runs))));
    doubts
}

/// Prints the measurements, in the order given.
pub(super) fn print(points: &[&Stored]) {
    let notes = notes_of(points);
    let mut rows: Vec<Vec<String>> = points.iter().map(|stored| row(stored)).collect();
    let mut head = vec![
        "model",
        "batch",
        "threads",
        "p50",
        "p90",
        "p95",
        "p99",
        "items/s",
        "load",
        "first",
        "peak memory",
        "samples, runs",
    ];
    if !notes.is_empty() {
        head.push("notes");
        for (place, (row, stored)) in rows.iter_mut().zip(points).enumerate() {
            let invalid = if stored.point.invalid().is_empty() { "" } else { "not valid " };
            row.push(format!("{invalid}{}", notes.marks(place)));
        }
    }
    table::print(&head, &rows);
    for line in notes.lines(points.len()) {
        say!("{line}");
    }
    if points.iter().any(|stored| stored.summary.runs > 1) {
        say!("± is half the 95 % interval over independent runs; a percentile is that of a typical run.");
    }
    if let Some(first) = points.first() {
        let machine = &first.point.fingerprint;
        say!("ONNX Runtime {} on {}, {} logical CPUs", versions(points), machine.cpu, machine.logical_cpus);
        if !first.point.target.is_empty() {
            say!("Measured there: {}", first.point.target);
        }
    }
}

/// `1.31.1`; where providers ran in several versions, `1.31.1 (CPU), 1.24.1 (OpenVINO)`.
fn versions(points: &[&Stored]) -> String {
    let mut versions: Vec<(&str, Vec<&str>)> = Vec::new();
    for stored in points {
        let (version, provider) = (&stored.point.runtime_version, stored.point.config.provider.as_str());
        match versions.iter_mut().find(|(known, _)| known == version) {
            Some((_, providers)) if providers.contains(&provider) => {}
            Some((_, providers)) => providers.push(provider),
            None => versions.push((version, vec![provider])),
        }
    }
    match versions.as_slice() {
        [(only, _)] => (*only).to_owned(),
        several => {
            let words = several.iter().map(|(version, used)| format!("{version} ({})", used.join(", ")));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

fn row(stored: &Stored) -> Vec<String> {
    let millis = |nanos: Option<u64>| {
        nanos.map_or_else(|| "not known".to_owned(), |nanos| units::duration_ms(nanos as f64 / 1e6))
    };
    let latency = |estimate: &Estimate| match (estimate.ms, estimate.doubt()) {
        (Some(ms), Some(doubt)) => format!("{} {doubt}", units::duration_ms(ms)),
        (Some(ms), None) => units::duration_ms(ms),
        (None, _) => format!("{} of {} samples", estimate.have, estimate.need),
    };
    let (point, summary) = (&stored.point, &stored.summary);
    let usual = std::iter::once(point.model.clone());
    let provider = (point.config.provider != "CPU").then(|| point.config.provider.clone());
    vec![
        usual.chain(provider).chain(point.config.unusual()).collect::<Vec<_>>().join(", "),
        point.config.batch.to_string(),
        point.config.threads.to_string(),
        latency(&summary.p50),
        latency(&summary.p90),
        latency(&summary.p95),
        latency(&summary.p99),
        units::three_digits(summary.throughput_per_second),
        millis(point.load_nanos()),
        millis(point.first_inference_nanos()),
        point.peak_memory_bytes().map_or_else(|| "not known".to_owned(), units::bytes),
        format!("{}, {}", summary.samples, summary.runs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(batch: u64, threads: u32, scenario: &str) -> Config {
        Config {
            batch,
            threads,
            provider: "CPU".to_owned(),
            dims: BTreeMap::new(),
            seconds: 1.0,
            min_queries: 0,
            seed: 0,
            inputs: None,
            instances: 1,
            optimisation: crate::measure::Optimisation::All,
            scenario: scenario.parse().unwrap(),
        }
    }

    #[test]
    fn configurations_are_listed_by_the_size_of_their_numbers() {
        let mut all = [
            config(16, 2, "single"),
            config(2, 1, "server:200"),
            config(2, 1, "closed:10"),
            config(16, 1, "single"),
            config(2, 1, "closed:2"),
            config(2, 1, "server:30"),
            config(2, 10, "single"),
            config(2, 1, "single"),
        ];
        all.sort_by_cached_key(order);
        let told: Vec<String> =
            all.iter().map(|c| format!("{} {} {}", c.threads, c.batch, c.scenario)).collect();
        assert_eq!(
            told,
            [
                "1 2 SingleStream",
                "1 2 closed loop, 2 in flight",
                "1 2 closed loop, 10 in flight",
                "1 2 Server, 30/s Poisson",
                "1 2 Server, 200/s Poisson",
                "1 16 SingleStream",
                "2 16 SingleStream",
                "10 2 SingleStream",
            ]
        );
    }

    #[test]
    fn what_is_true_of_several_rows_is_said_once_with_the_range_of_its_numbers() {
        let mut notes = Notes::default();
        notes.add(0, "not valid: too few queries: 1,200 of the 5,000 asked for in 1.5 s; allow a longer run");
        notes.add(2, "not valid: too few queries: 40 of the 5,000 asked for in 1.5 s; allow a longer run");
        notes.add(2, "not valid: too few queries: 700 of the 5,000 asked for in 2.25 s; allow a longer run");
        notes.add(1, "h = 320 was found by trying");
        assert_eq!([0, 1, 2, 3].map(|row| notes.marks(row)), ["[1]", "[2]", "[1]", ""]);
        assert_eq!(
            notes.lines(4).collect::<Vec<_>>(),
            [
                "[1] 2 of 4 rows: not valid: too few queries: 40–1,200 of the 5,000 asked for in 1.5–2.25 s; allow a \
                 longer run",
                "[2] 1 of 4 rows: h = 320 was found by trying",
            ]
        );
    }
}
