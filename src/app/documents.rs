//! Races and profiles in files of their own: what `compare --json`, `selftest --json` and `profile --json` print on a
//! machine that has no window, and what a window elsewhere opens.
//!
//! Each document says its `"format"` and `"format_version"`, as measurements do ([`super::exported`]). Beside the
//! numbers people read it has under `"measurement"` what a project keeps: the race, and for each of its rounds the
//! latencies as the bytes of [`super::series_blob`] in base64; or the whole profile.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::exported::{FORMAT_VERSION, damaged};
use super::{App, series_blob};
use crate::measure::Series;
use crate::measure::breakdown::Breakdown;
use crate::measure::duel::{Duel, Round};

/// The `"format"` of a race.
pub const RACE_FORMAT: &str = "inferometer race";
/// The `"format"` of a profile.
pub const PROFILE_FORMAT: &str = "inferometer profile";
/// A larger file is none of ours: a race keeps 200,000 latencies, a profile some thousand nodes.
const MAX_BYTES: u64 = 512 << 20;

#[derive(Deserialize)]
struct Document<T> {
    format: String,
    format_version: u64,
    measurement: Option<T>,
}

#[derive(Deserialize)]
struct KeptRace {
    duel: Duel,
    rounds: Vec<KeptRound>,
}

/// A round; empty blocks are left out.
#[derive(Serialize, Deserialize)]
struct KeptRound {
    group: u32,
    #[serde(default)]
    set: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    a: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    b: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    again: String,
}

#[derive(Deserialize)]
struct KeptProfile {
    breakdown: Breakdown,
}

/// Adds to a document what makes it one that can be opened.
fn sealed(mut document: Value, format: &str, measurement: Value) -> Value {
    document["format"] = json!(format);
    document["format_version"] = json!(FORMAT_VERSION);
    document["measurement"] = measurement;
    document
}

impl App {
    /// A document of a race, with what a project keeps of it.
    ///
    /// # Errors
    /// When the project cannot give its latencies.
    pub fn race_document(&self, document: Value, duel: &Duel) -> anyhow::Result<Value> {
        let rounds: Vec<KeptRound> = self.rounds(duel)?.iter().map(packed).collect();
        let measurement = json!({ "duel": duel.without_rounds(), "rounds": rounds });
        Ok(sealed(document, RACE_FORMAT, measurement))
    }
}

/// A document of a profile, with what a project keeps of it.
pub fn profile_document(document: Value, breakdown: &Breakdown) -> Value {
    sealed(document, PROFILE_FORMAT, json!({ "breakdown": breakdown }))
}

/// The race in such a document, with its latencies.
pub(super) fn read_race(path: &Path) -> anyhow::Result<Duel> {
    let KeptRace { duel, rounds } = read(path, "race", RACE_FORMAT, "compare --json")?;
    if rounds.len() as u64 != duel.pairs {
        bail!(
            "the race says {} blocks and has the latencies of {}; the file is damaged: {}",
            duel.pairs,
            rounds.len(),
            path.display()
        );
    }
    let rounds = rounds.into_iter().enumerate().map(|(place, round)| {
        unpacked(&round)
            .with_context(|| format!("the latencies of round {} are damaged: {}", place + 1, path.display()))
    });
    Ok(Duel { rounds: rounds.collect::<anyhow::Result<_>>()?, ..duel })
}

/// The profile in such a document.
pub(super) fn read_profile(path: &Path) -> anyhow::Result<Breakdown> {
    let KeptProfile { breakdown } = read(path, "profile", PROFILE_FORMAT, "profile --json")?;
    Ok(breakdown)
}

fn read<T: DeserializeOwned>(path: &Path, what: &str, wanted: &str, command: &str) -> anyhow::Result<T> {
    let context = || format!("could not read the {what} in {}", path.display());
    let bytes = std::fs::metadata(path).with_context(context)?.len();
    if bytes > MAX_BYTES {
        bail!("these are {bytes} bytes, more than any {what} has: {}", path.display());
    }
    // What it is comes first: a newer one may have another shape.
    let open = || File::open(path).map(BufReader::new).with_context(context);
    let damaged = |error| damaged(error, command);
    let head: Document<serde::de::IgnoredAny> =
        serde_json::from_reader(open()?).map_err(damaged).with_context(context)?;
    if head.format != wanted {
        bail!("its format is “{}”, not “{wanted}”: {}", head.format, path.display());
    }
    if head.format_version > FORMAT_VERSION {
        bail!(
            "it was written by a newer Inferometer (format version {}, this one knows {FORMAT_VERSION}); update \
             Inferometer to open it: {}",
            head.format_version,
            path.display()
        );
    }
    let document: Document<T> = serde_json::from_reader(open()?).map_err(damaged).with_context(context)?;
    document.measurement.with_context(|| {
        format!("it lacks its “measurement”; write it again with `inferometer {command}`: {}", path.display())
    })
}

fn packed(round: &Round) -> KeptRound {
    let block = |latency_nanos: &Vec<u64>| {
        if latency_nanos.is_empty() {
            return String::new();
        }
        STANDARD
            .encode(series_blob::pack(&Series { latency_nanos: latency_nanos.clone(), ..Series::default() }))
    };
    KeptRound {
        group: round.group,
        set: round.set,
        a: block(&round.a),
        b: block(&round.b),
        again: block(&round.again),
    }
}

fn unpacked(round: &KeptRound) -> Option<Round> {
    let block = |text: &String| {
        if text.is_empty() {
            return Some(Vec::new());
        }
        Some(series_blob::unpack(&STANDARD.decode(text).ok()?)?.latency_nanos)
    };
    let KeptRound { group, set, a, b, again } = round;
    Some(Round { group: *group, set: *set, a: block(a)?, b: block(b)?, again: block(again)? })
}
