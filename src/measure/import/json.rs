//! JSON as benchmark tools write it: numbers in strings, `NaN` and `Infinity` where nothing was measured, files cut
//! by a killed run.
//!
//! What is not a number becomes absent, with a warning, never 0. Must not know any format of results.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use serde_json::Value;

use super::source::Source;
use super::{ImportError, fields};

/// Most values in one JSON file that is held in memory (a value takes some 70 bytes).
const VALUE_LIMIT: usize = 4_000_000;
/// Longest element of a list that is read as a stream.
const ELEMENT_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// How many places with `NaN` are named one by one.
const NAMED_GAPS: usize = 5;

/// Reads one JSON value of at most 64 MiB and 4 million values.
pub(crate) fn whole(source: &mut Source) -> Result<Value, ImportError> {
    let text = source.text()?;
    parse(source, &text, 1)
}

/// Reads JSON Lines: each value with its line number. Blank lines are skipped; a broken line is an error, but a
/// broken last line (a run that was killed) is left out with a warning if there are lines before it. Of more lines or
/// values than an honest sweep has, nothing is kept.
pub(crate) fn lines(source: &mut Source) -> Result<Vec<(u64, Value)>, ImportError> {
    let text = source.text()?;
    let last = text.trim_end().lines().count();
    let (mut values, mut separators) = (Vec::new(), 0);
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let number = index as u64 + 1;
        fields::check_count(source, values.len() + 1)?;
        separators += separators_in(line);
        check_values(source, separators)?;
        match parse(source, line, number) {
            Ok(value) => values.push((number, value)),
            Err(ImportError::Broken { problem, .. }) if index + 1 == last && !values.is_empty() => {
                source.warn(format!("line {number}"), format!("the last line is left out: {problem}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(values)
}

/// Commas, of which there are about as many as values.
fn separators_in(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b',').count()
}

fn check_values(source: &Source, count: usize) -> Result<(), ImportError> {
    if count <= VALUE_LIMIT {
        return Ok(());
    }
    Err(source.broken(
        "the file",
        format!("it holds more than {VALUE_LIMIT} values"),
        "export fewer requests into one file",
    ))
}

/// Parses JSON text that begins on line `first_line` of the file.
pub(crate) fn parse(source: &mut Source, text: &str, first_line: u64) -> Result<Value, ImportError> {
    check_values(source, separators_in(text))?;
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(first) => {
            let (mended, gaps) = without_non_numbers(text);
            let found = if gaps.is_empty() { Err(first) } else { serde_json::from_str(&mended) };
            match found {
                Ok(value) => {
                    for (line, column, word) in gaps.iter().take(NAMED_GAPS) {
                        let line = *line as u64 + first_line - 1;
                        source.warn(
                            format!("line {line}, column {column}"),
                            format!("{word} is no number: it is taken as absent"),
                        );
                    }
                    if gaps.len() > NAMED_GAPS {
                        let more = gaps.len() - NAMED_GAPS;
                        source.warn("later lines", format!("{more} more values are no numbers and absent"));
                    }
                    Ok(value)
                }
                Err(error) => Err(broken(source, &error, &gaps, first_line)),
            }
        }
    }
}

/// The message for JSON that does not parse.
fn broken(
    source: &Source,
    error: &serde_json::Error,
    gaps: &[(usize, usize, &str)],
    first_line: u64,
) -> ImportError {
    // Each word before the place made its line longer or shorter.
    let shift: isize = gaps
        .iter()
        .filter(|(line, column, _)| *line == error.line() && *column < error.column())
        .map(|(_, _, word)| 4 - word.len().cast_signed())
        .sum();
    let column = error.column().saturating_add_signed(-shift);
    let place = format!("line {}, column {column}", error.line() as u64 + first_line - 1);
    let full = error.to_string();
    let problem = full.rsplit_once(" at line ").map_or(full.as_str(), |(problem, _)| problem);
    if error.is_eof() {
        source.broken(
            place,
            "the JSON ends in the middle",
            "copy the file again or repeat the run: it is cut",
        )
    } else {
        source.broken(place, problem, "check that the file is the tool's own and complete")
    }
}

/// The text with `null` in place of `NaN`, `Infinity` and their like outside strings, and where they stood: line and
/// column from 1 in the original, and the word.
fn without_non_numbers(text: &str) -> (String, Vec<(usize, usize, &str)>) {
    const WORDS: [&str; 11] =
        ["-Infinity", "+Infinity", "Infinity", "-NaN", "NaN", "-nan", "nan", "-inf", "+inf", "inf", "None"];
    let bytes = text.as_bytes();
    let mut mended = String::with_capacity(text.len() + 16);
    let mut gaps = Vec::new();
    let (mut at, mut copied, mut line, mut line_start, mut in_string) = (0, 0, 1, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                line += 1;
                line_start = at + 1;
            }
            b'"' => in_string = !in_string,
            b'\\' if in_string => at += 1,
            b'N' | b'n' | b'I' | b'i' | b'-' | b'+' if !in_string => {
                let rest = &bytes[at..];
                let word = WORDS.iter().find(|word| {
                    rest.starts_with(word.as_bytes())
                        && !rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric)
                });
                if let Some(word) = word {
                    mended.push_str(text.get(copied..at).unwrap_or_default());
                    mended.push_str("null");
                    gaps.push((line, at - line_start + 1, *word));
                    at += word.len();
                    copied = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    mended.push_str(text.get(copied..).unwrap_or_default());
    (mended, gaps)
}

/// A number, also when it is written in a string; `None` for what is none or not finite.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => number_in(text),
        _ => None,
    }
}

/// A number in text, with white space around it; `None` for what is none or not finite.
pub(crate) fn number_in(text: &str) -> Option<f64> {
    let text = text.trim();
    // Rust's parser takes "infinity" and "nan"; a benchmark's file means "not measured" by them.
    if text.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.')) {
        text.parse().ok().filter(|number: &f64| number.is_finite())
    } else {
        None
    }
}

/// A whole number that is not negative, also in a string or as `8.0`.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) if number.is_u64() => number.as_u64(),
        Value::String(text) if text.trim().parse::<u64>().is_ok() => text.trim().parse().ok(),
        other => number(other).filter(|n| *n >= 0.0 && n.fract() == 0.0 && *n < 9e15).map(|n| n as u64),
    }
}

/// Text as it is; numbers and truth values as written; `None` for nothing, empty text, lists and objects.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The member's number.
pub(crate) fn number_at(value: &Value, key: &str) -> Option<f64> {
    value.get(key).and_then(number)
}

/// The member's whole number.
pub(crate) fn count_at(value: &Value, key: &str) -> Option<u64> {
    value.get(key).and_then(count)
}

/// The member's text.
pub(crate) fn text_at(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(text)
}

/// Hands the elements of a top-level list to `each`, one at a time, with their index: for lists that do not fit into
/// memory. `each` answers what is wrong with an element, which is then the error.
pub(crate) fn for_each_element(
    source: &mut Source,
    mut each: impl FnMut(usize, Value) -> Result<(), String>,
) -> Result<(), ImportError> {
    // One element is held in memory: what is read since the last one is counted.
    let since = Rc::new(Cell::new(0));
    let metered = Metered { inner: source.reader()?, since: Rc::clone(&since) };
    let mut parser = serde_json::Deserializer::from_reader(metered);
    let mut index = 0_usize;
    let mut refused = None;
    let visitor = Elements {
        each: |value| {
            since.set(0);
            let answer = each(index, value);
            index += 1;
            answer.map_err(|problem| refused = Some((index - 1, problem)))
        },
    };
    let read = serde::Deserializer::deserialize_seq(&mut parser, visitor).and_then(|()| parser.end());
    if let Some((index, problem)) = refused {
        return Err(source.broken(format!("[{index}]"), problem, "check that the file is the tool's own"));
    }
    read.map_err(|error| {
        if error.is_io() { source.read_error(&error.into()) } else { broken(source, &error, &[], 1) }
    })
}

/// Refuses to go on when one element is too long.
struct Metered<R> {
    inner: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.since.get() > ELEMENT_LIMIT_BYTES {
            let problem = "one element is longer than any honest one (16 MiB)";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
        }
        let count = self.inner.read(into)?;
        self.since.set(self.since.get() + count);
        Ok(count)
    }
}

/// A list that is not kept.
struct Elements<F> {
    each: F,
}

impl<'de, F: FnMut(Value) -> Result<(), ()>> serde::de::Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(value) = list.next_element::<Value>()? {
            (self.each)(value).map_err(|()| serde::de::Error::custom("refused"))?;
        }
        Ok(())
    }
}
