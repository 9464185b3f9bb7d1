//! `llama-bench` of llama.cpp: CSV, JSON, JSON Lines and SQL text (`-o csv|json|jsonl|sql`).
//!
//! The columns grow with every version and are read by name. `avg_ts` is the mean over repetitions of tokens ÷ time,
//! `stddev_*` the sample standard deviation; there are no percentiles. Must not know its Markdown tables, which have a
//! reader of their own.

use serde_json::{Map, Value};

use super::fields::{self, Row, for_each_row, last_part};
use super::source::{Head, Kind, Source, shorten};
use super::{Foreign, ImportError, Includes, Quantity, Results, Samples, Statistic, Unit, json};

/// Most tests in SQL text that are kept.
const TEST_LIMIT: usize = 20_000;

/// Whether a file begins like one of the four.
pub(super) fn detects(head: &Head) -> bool {
    const NAMES: [&str; 3] = ["model_filename", "avg_ns", "avg_ts"];
    match head.kind() {
        Kind::JsonLines | Kind::Json => head.has_keys(1, &NAMES) || head.has_keys(2, &NAMES),
        Kind::Csv | Kind::Text if is_sql(head) => NAMES.iter().all(|name| head.contains(name)),
        Kind::Csv => {
            let columns = head.columns(',');
            NAMES.iter().all(|name| columns.contains(name))
        }
        _ => false,
    }
}

fn is_sql(head: &Head) -> bool {
    head.first_line().starts_with("CREATE TABLE") || head.first_line().starts_with("INSERT INTO")
}

/// Reads the file.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let head = source.head();
    if is_sql(head) {
        read_sql(source, &mut results)?;
    } else if head.is_json() {
        read_json(source, &mut results)?;
    } else {
        for_each_row(source, |source, row| {
            if let Some(test) = table_row(source, row) {
                results.results.extend(describe(source, row.place(), &test));
            }
            Ok(())
        })?;
    }
    fields::needs_results(source, &results)?;
    Ok(results)
}

fn read_json(source: &mut Source, results: &mut Results) -> Result<(), ImportError> {
    let tests: Vec<(String, Value)> = if source.head().kind() == Kind::JsonLines {
        json::lines(source)?.into_iter().map(|(line, value)| (format!("line {line}"), value)).collect()
    } else {
        match json::whole(source)? {
            Value::Array(list) => {
                list.into_iter().enumerate().map(|(at, value)| (format!("[{at}]"), value)).collect()
            }
            value => vec![("line 1".to_owned(), value)],
        }
    };
    fields::check_count(source, tests.len())?;
    for (place, test) in tests {
        match test.as_object() {
            Some(test) => results.results.extend(describe(source, place, test)),
            None => source.warn(place, "it is no object: it is left out"),
        }
    }
    Ok(())
}

/// A row of the table by name. A row with too few or too many values is used only as far as it proves itself.
fn table_row(source: &mut Source, row: &Row<'_>) -> Option<Map<String, Value>> {
    if row.fits() {
        let cells = row.cells().filter(|(_, cell)| !cell.is_empty());
        return Some(cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect());
    }
    let mended = misfit(row);
    if mended.is_some() {
        source.warn(
            row.place(),
            format!(
                "{}: only the columns up to model_n_params and from n_prompt on are used, since their rate and time \
                 agree",
                row.misfit()
            ),
        );
    } else {
        source.warn(row.place(), format!("{}: the row is left out", row.misfit()));
    }
    mended
}

/// A row whose values do not match the header: its first nine columns counted from the left and those from `n_prompt` on
/// counted from the right, if time, tokens and rate then agree with each other.
fn misfit(row: &Row<'_>) -> Option<Map<String, Value>> {
    let names = row.names();
    let from = names.iter().position(|name| name == "n_prompt")?;
    let until = names.iter().position(|name| name == "model_n_params")?;
    let mut test: Map<String, Value> =
        row.cells().take(until + 1).map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect();
    for (at, name) in names.iter().enumerate().skip(from) {
        test.insert(name.clone(), Value::from(row.back_from_end(names.len() - 1 - at)?));
    }
    let number = |key: &str| test.get(key).and_then(json::number);
    let tokens = number("n_prompt")? + number("n_gen")?;
    let (time, rate) = (number("avg_ns")?, number("avg_ts")?);
    let spread = number("stddev_ns").unwrap_or(0.0) / time;
    // The mean of tokens/time is above tokens/mean time by about the squared spread of the times.
    let agrees = (rate * time / (tokens * 1e9) - 1.0).abs() < 2.0 * spread * spread + 1e-3;
    let dated = test.get("test_time").and_then(Value::as_str).is_some_and(|time| time.get(4..5) == Some("-"));
    (agrees && dated && tokens > 0.0).then_some(test)
}

/// SQL as the tool prints it: `INSERT INTO llama_bench (a, b) VALUES ('1', '2');`. Quotes in values are not doubled
/// there, so that values are split at `', '`.
fn read_sql(source: &mut Source, results: &mut Results) -> Result<(), ImportError> {
    let mut tests = 0;
    source.for_each_line(|source, line, text| {
        let Some(rest) = text.trim().strip_prefix("INSERT INTO ") else { return Ok(()) };
        let place = format!("line {line}");
        tests += 1;
        if tests > TEST_LIMIT {
            return Err(source.broken(
                place,
                format!("it has more than {TEST_LIMIT} tests"),
                "check that this is the tool's own file",
            ));
        }
        match insert(rest) {
            Some(test) => results.results.extend(describe(source, place, &test)),
            None => source.warn(place, format!("it is no whole INSERT: {:?} is left out", shorten(text, 60))),
        }
        Ok(())
    })
}

/// The members of one INSERT after `INSERT INTO `.
fn insert(rest: &str) -> Option<Map<String, Value>> {
    let (names, values) = rest.split_once('(')?.1.split_once(')')?;
    let values = values.trim().strip_prefix("VALUES")?.trim().strip_prefix("('")?.strip_suffix("');")?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let values: Vec<&str> = values.split("', '").collect();
    (names.len() == values.len()).then(|| {
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect()
    })
}

/// One test.
fn describe(source: &mut Source, place: String, test: &Map<String, Value>) -> Option<Foreign> {
    let number = |key: &str| test.get(key).and_then(json::number);
    let text = |key: &str| test.get(key).and_then(json::text);
    let (Some(prompt), Some(generated)) = (number("n_prompt"), number("n_gen")) else {
        source.warn(place, "it has no n_prompt or n_gen: the test is left out");
        return None;
    };
    let rate = number("avg_ts");
    if rate.is_none() && number("avg_ns").is_none() {
        source.warn(place, "it has neither avg_ts nor avg_ns: the test is left out");
        return None;
    }
    let mut foreign = source.foreign("llama-bench", place.clone());
    foreign.tool_version = match (text("build_number"), text("build_commit")) {
        (Some(number), Some(commit)) => Some(format!("{number} ({commit})")),
        (number, commit) => number.or(commit),
    };
    foreign.model = text("model_filename").map(|name| last_part(&name).to_owned());
    foreign.precision = text("model_type").and_then(|kind| kind.splitn(3, ' ').nth(2).map(str::to_owned));
    let machine: Vec<String> = ["gpu_info", "cpu_info"].into_iter().filter_map(text).collect();
    foreign.system = (!machine.is_empty()).then(|| machine.join(", "));
    foreign.framework =
        Some(text("backends").map_or("llama.cpp".to_owned(), |backends| format!("llama.cpp {backends}")));
    let (quantity, mut name) = match (prompt > 0.0, generated > 0.0) {
        (true, true) => (Quantity::TotalTokens, format!("pp{prompt}+tg{generated}")),
        (false, true) => (Quantity::OutputTokens, format!("tg{generated}")),
        _ => (Quantity::InputTokens, format!("pp{prompt}")),
    };
    if let Some(depth) = number("n_depth").filter(|depth| *depth > 0.0) {
        name = format!("{name} @ d{depth}");
    }
    foreign.scenario = Some(name.clone());
    foreign.concurrency = Some(1.0);
    foreign.add(quantity.clone(), Statistic::Mean, rate, Unit::TokensPerSecond);
    foreign.add(quantity, Statistic::StdDev, number("stddev_ts"), Unit::TokensPerSecond);
    foreign.add_time(Quantity::Latency, Statistic::Mean, number("avg_ns"), 1.0);
    foreign.add_time(Quantity::Latency, Statistic::StdDev, number("stddev_ns"), 1.0);
    foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: Some(false) };
    samples(source, &place, test, &mut foreign);
    let known =
        ["model_filename", "build_commit", "build_number", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts"];
    for (key, value) in test {
        if !known.contains(&key.as_str())
            && let Some(value) = json::text(value)
        {
            foreign.set(key, value);
        }
    }
    foreign.note(format!("The latency is that of the whole test {name}, one sequence, not of one token."));
    foreign.note("The rate is the mean over repetitions of tokens ÷ time, not all tokens ÷ all time.");
    Some(foreign)
}

/// The repetitions' times.
fn samples(source: &mut Source, place: &str, test: &Map<String, Value>, foreign: &mut Foreign) {
    let Some(list) = test.get("samples_ns").and_then(Value::as_array) else { return };
    let nanos: Vec<u64> = list.iter().filter_map(json::count).collect();
    if nanos.len() < list.len() {
        source.warn(
            format!("{place}.samples_ns"),
            format!("{} values are no times: they are left out", list.len() - nanos.len()),
        );
    }
    foreign.set("repetitions", list.len().to_string());
    if !nanos.is_empty() {
        foreign.samples.push(Samples { quantity: Quantity::Latency, nanos, began_nanos: Vec::new() });
    }
}
