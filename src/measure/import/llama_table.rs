//! `llama-bench`'s Markdown tables: what it prints unless told otherwise (`-o md`), alone, after the log lines of a
//! backend, or pasted into notes; any number of tables in one text.
//!
//! A table has only the columns whose values differ from the defaults, rates with two digits, and no times. Must not
//! know the other formats of the tool, which keep what this one rounds.

use super::fields::{check_count, needs_results};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Metric, Quantity, Results, Statistic, Unit, json};

/// What every one of its tables has had since the first version.
const COLUMNS: [&str; 3] = ["model", "test", "t/s"];

/// Whether one of the first lines is the head of such a table.
pub(super) fn detects(head: &Head) -> bool {
    !head.is_json() && head.lines().any(|line| cells(line).is_some_and(|names| is_head(&names)))
}

/// Reads every table of the text.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut names: Option<Vec<String>> = None;
    let mut devices: Vec<String> = Vec::new();
    // Results of tables whose build is not said yet: the tool says it behind them.
    let mut unbuilt = 0;
    source.for_each_line_of_text(|source, number, line| {
        if let Some(version) = line.trim().strip_prefix("build: ").and_then(version) {
            for foreign in &mut results.results[unbuilt..] {
                foreign.tool_version = Some(version.clone());
            }
            unbuilt = results.results.len();
            devices.clear();
            return Ok(());
        }
        if let Some(device) = device(line) {
            devices.push(device.to_owned());
        }
        if !line.trim_start().starts_with('|') {
            // A blank line ends a table; log lines of a backend do not.
            names = names.take().filter(|_| !line.trim().is_empty());
            return Ok(());
        }
        let place = format!("line {number}");
        let Some(cells) = cells(line) else {
            if names.is_some() {
                source.warn(place, "the row does not end with |: it is cut and left out");
            }
            return Ok(());
        };
        if is_head(&cells) {
            names = Some(cells.iter().map(|name| (*name).to_owned()).collect());
            return Ok(());
        }
        let Some(names) = &names else { return Ok(()) };
        if cells.iter().all(|cell| cell.chars().all(|char| matches!(char, '-' | ':'))) {
            return Ok(());
        }
        if cells.len() != names.len() {
            let counts = format!("{} values under {} column names", cells.len(), names.len());
            source.warn(place, format!("{counts}: the row is left out"));
            return Ok(());
        }
        check_count(source, results.results.len() + 1)?;
        let row: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(cells).collect();
        match test(source, &place, &row, &devices) {
            Ok(foreign) => results.results.push(foreign),
            Err(problem) => source.warn(place, format!("{problem}: the row is left out")),
        }
        Ok(())
    })?;
    for foreign in &mut results.results[unbuilt..] {
        foreign.note(
            "No line “build: …” follows the table: it may be cut, and the tool's version is not known.",
        );
    }
    needs_results(source, &results)?;
    Ok(results)
}

/// The cells of a table's line; `None` for any other line, and for one that is cut.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(str::trim).collect())
}

fn is_head(cells: &[&str]) -> bool {
    COLUMNS.iter().all(|name| cells.contains(name))
}

/// `8cf427ff (5163)` as the other formats have it: `5163 (8cf427ff)`.
fn version(build: &str) -> Option<String> {
    let (commit, number) = build.trim().strip_suffix(')')?.split_once(" (")?;
    Some(format!("{number} ({commit})"))
}

/// `  Device 0: NVIDIA GeForce RTX 4090, compute capability 8.9, VMM: yes`, as CUDA and HIP backends log it.
fn device(line: &str) -> Option<&str> {
    let (number, rest) = line.trim().strip_prefix("Device ")?.split_once(": ")?;
    number.parse::<u32>().ok()?;
    rest.split(',').next().map(str::trim).filter(|name| !name.is_empty())
}

/// What a test did: prompt tokens, generated tokens, tokens of context before.
struct Test {
    prompt: u64,
    generated: u64,
    depth: u64,
}

impl Test {
    /// Reads `pp512`, `tg 128`, `pp512+tg128 @ d4096`.
    fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        let (work, depth) =
            text.split_once("@d").map_or((text.as_str(), None), |(work, depth)| (work, Some(depth)));
        let depth = depth.map_or(Some(0), |depth| depth.parse().ok())?;
        let mut test = Self { prompt: 0, generated: 0, depth };
        for part in work.split('+') {
            match part.split_at_checked(2)? {
                ("pp", count) => test.prompt = count.parse().ok()?,
                ("tg", count) => test.generated = count.parse().ok()?,
                _ => return None,
            }
        }
        Some(test)
    }

    /// As the other formats' tests are named here.
    fn name(&self) -> String {
        let Self { prompt, generated, depth } = self;
        let work = match (prompt, generated) {
            (0, _) => format!("tg{generated}"),
            (_, 0) => format!("pp{prompt}"),
            _ => format!("pp{prompt}+tg{generated}"),
        };
        if *depth > 0 { format!("{work} @ d{depth}") } else { work }
    }

    fn quantity(&self) -> Quantity {
        match (self.prompt, self.generated) {
            (0, _) => Quantity::OutputTokens,
            (_, 0) => Quantity::InputTokens,
            _ => Quantity::TotalTokens,
        }
    }
}

/// One row as a result, or what is wrong with it.
fn test(source: &Source, place: &str, row: &[(&str, &str)], devices: &[String]) -> Result<Foreign, String> {
    let cell = |wanted: &str| row.iter().find(|(name, _)| *name == wanted).map_or("", |(_, cell)| *cell);
    let test = Test::parse(cell("test"))
        .ok_or_else(|| format!("{:?} is no test like pp512 or tg128", cell("test")))?;
    let rate = cell("t/s");
    // Between the two stands ±, or what a wrong encoding made of it.
    let mut words = rate.split_whitespace();
    let mean = words.next();
    let spread = words.next_back();
    if mean.and_then(json::number_in).is_none_or(|rate| rate < 0.0) {
        return Err(format!("{rate:?} is no rate"));
    }
    let mut foreign = source.foreign("llama-bench", place);
    let model = cell("model");
    foreign.model = Some(model.to_owned()).filter(|model| !model.is_empty());
    foreign.precision = model.splitn(3, ' ').nth(2).map(str::to_owned);
    foreign.system = (!devices.is_empty()).then(|| devices.join(", "));
    let backend = cell("backend");
    foreign.framework = Some(format!("llama.cpp {backend}").trim_end().to_owned());
    foreign.scenario = Some(test.name());
    foreign.concurrency = Some(1.0);
    foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: Some(false) };
    for (statistic, word) in [(Statistic::Mean, mean), (Statistic::StdDev, spread)] {
        if let Some(word) = word
            && let Some(value) = json::number_in(word).filter(|value| *value >= 0.0)
        {
            let rounding = Some(half_digit(word));
            let unit = Unit::TokensPerSecond;
            foreign.metrics.push(Metric { quantity: test.quantity(), statistic, value, unit, rounding });
        }
    }
    let known = ["model", "test", "t/s", "backend"];
    for (name, value) in row.iter().filter(|(name, _)| !known.contains(name)) {
        foreign.set(*name, *value);
    }
    foreign.note("The rate is the mean over repetitions of tokens ÷ time, not all tokens ÷ all time.");
    foreign.note(
        "The Markdown table has rounded rates and no times, repetitions or machine; -o json keeps them.",
    );
    Ok(foreign)
}

/// Half of the last digit of a number as it is written: 0.005 for `132.19`.
fn half_digit(word: &str) -> f64 {
    let digits = word.split_once('.').map_or(0, |(_, digits)| digits.len());
    0.5 / 10_f64.powi(i32::try_from(digits.min(300)).unwrap_or(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_in_old_and_new_spelling() {
        for (text, name) in [
            ("pp 512", "pp512"),
            ("tg128", "tg128"),
            ("pp512+tg64", "pp512+tg64"),
            ("tg128 @ d4096", "tg128 @ d4096"),
        ] {
            assert_eq!(Test::parse(text).unwrap().name(), name);
        }
        for text in ["", "pp", "xx12", "pp1+", "tg128 @ d", "ppé", "pp-1"] {
            assert!(Test::parse(text).is_none(), "{text}");
        }
    }
}
