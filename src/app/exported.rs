//! Measurements in a file of their own: what `bench --json` prints on a machine that has no window, and what a
//! window elsewhere opens.
//!
//! The document says `"format": "inferometer measurements"` and its `"format_version"`. Each of its `"points"` has
//! the numbers people read, and under `"measurement"` everything a project keeps: the point, and for each run its
//! raw samples, the bytes of [`super::series_blob`] in base64.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::documents::{PROFILE_FORMAT, RACE_FORMAT};
use super::project::Stored;
use super::{App, series_blob};
use crate::bill::lens::RULES_FORMAT;
use crate::measure::{Point, Run};

/// The document's `"format"`.
pub const FORMAT: &str = "inferometer measurements";
/// The `"format_version"` this version writes; it reads all up to it.
pub const FORMAT_VERSION: u64 = 1;
/// A larger file is none of ours: a day of samples at 1,000 a second is a tenth of it.
const MAX_BYTES: u64 = 8 << 30;

#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u64,
}

#[derive(Deserialize)]
struct Document {
    points: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    measurement: Option<Kept>,
}

#[derive(Deserialize)]
struct Kept {
    point: Point,
    samples: Vec<String>,
}

impl App {
    /// A measurement as the value of `"measurement"`.
    ///
    /// # Errors
    /// When the project cannot give its samples.
    pub fn measurement_document(&self, stored: &Stored) -> anyhow::Result<Value> {
        let samples: Vec<String> =
            self.series(stored.id)?.iter().map(|series| STANDARD.encode(series_blob::pack(series))).collect();
        Ok(json!({ "point": stored.point.without_series(), "samples": samples }))
    }
}

/// The format of a document of ours, by its content: a JSON object that names it. `None` for other files.
pub(super) fn format_of(path: &Path) -> std::io::Result<Option<&'static str>> {
    let mut reader = BufReader::new(File::open(path)?);
    let wanted =
        [FORMAT, RACE_FORMAT, PROFILE_FORMAT, RULES_FORMAT].map(|format| (format, format!("\"{format}\"")));
    let longest = wanted.iter().map(|(_, text)| text.len()).max().unwrap_or(0);
    let mut block = vec![0; 1 << 16];
    let mut window: Vec<u8> = Vec::new();
    let mut first = true;
    loop {
        let count = reader.read(&mut block)?;
        if count == 0 {
            return Ok(None);
        }
        if first && block[..count].iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Ok(None);
        }
        first = false;
        window.extend_from_slice(&block[..count]);
        let found = |text: &str| window.windows(text.len()).any(|bytes| bytes == text.as_bytes());
        if let Some((format, _)) = wanted.iter().find(|(_, text)| found(text)) {
            return Ok(Some(format));
        }
        // The name may lie across two blocks.
        window.drain(..window.len().saturating_sub(longest));
    }
}

/// The measurements in such a document, raw samples and all.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Point>> {
    let read = || {
        let bytes = std::fs::metadata(path)?.len();
        if bytes > MAX_BYTES {
            bail!("these are {bytes} bytes, more than any file of measurements has");
        }
        points(|| File::open(path).map(BufReader::new))
    };
    read().map_err(|error| anyhow!("could not read the measurements: {error:#}: {}", path.display()))
}

/// The measurements in a document that is in memory, raw samples and all.
///
/// # Errors
/// What is wrong with it, in words; nothing of it is used then.
pub fn measurements(document: &[u8]) -> anyhow::Result<Vec<Point>> {
    points(|| Ok(document))
}

/// The measurements in what `open` gives each time anew.
fn points<R: Read>(open: impl Fn() -> std::io::Result<R>) -> anyhow::Result<Vec<Point>> {
    let Head { format, format_version } =
        serde_json::from_reader(open()?).map_err(|error| damaged(error, "bench --json"))?;
    if format != FORMAT {
        bail!("its format is “{format}”, not “{FORMAT}”");
    }
    if format_version > FORMAT_VERSION {
        bail!(
            "it was written by a newer Inferometer (format version {format_version}, this one knows \
             {FORMAT_VERSION}); update Inferometer to open it"
        );
    }
    let Document { points } =
        serde_json::from_reader(open()?).map_err(|error| damaged(error, "bench --json"))?;
    points
        .into_iter()
        .enumerate()
        .map(|(place, entry)| point(entry).with_context(|| format!("measurement {}", place + 1)))
        .collect()
}

/// What is wrong with a document that `command` wrote, and what to do.
pub(super) fn damaged(error: serde_json::Error, command: &str) -> anyhow::Error {
    let advice = match error.classify() {
        serde_json::error::Category::Eof => "the file ends too early; copy it again".to_owned(),
        _ => format!("the file is damaged, or was changed; write it again with `inferometer {command}`"),
    };
    anyhow::Error::new(error).context(advice)
}

fn point(entry: Entry) -> anyhow::Result<Point> {
    let Kept { point, samples } = entry
        .measurement
        .context("it has no raw samples, so it cannot be opened here; measure again without --no-samples")?;
    if samples.len() != point.runs.len() {
        bail!("it has {} runs and the samples of {}; the file is damaged", point.runs.len(), samples.len());
    }
    let mut runs = Vec::with_capacity(samples.len());
    for (place, (run, samples)) in point.runs.iter().zip(samples).enumerate() {
        let number = place + 1;
        let bytes = STANDARD
            .decode(samples)
            .with_context(|| format!("the samples of run {number} are damaged (not base64)"))?;
        let series = series_blob::unpack(&bytes)
            .with_context(|| format!("the samples of run {number} are damaged"))?;
        let queries = run.measured.queries;
        if series.len() as u64 != queries {
            bail!(
                "run {number} says {queries} queries and has the samples of {}; the file is damaged",
                series.len()
            );
        }
        let mut measured = run.measured.clone();
        measured.series = series;
        runs.push(Run { measured, ..run.clone() });
    }
    Ok(Point { runs, ..point })
}
