//! Other tools' results in a project: read from files and folders, kept, taken out again.
//!
//! Each file is known by the hash of its content, so that a second import replaces the first. Raw samples never stay
//! in memory: they are kept in the project beside the result, whatever their number, and the state only says how many
//! there are.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::intake::file_name;
use super::project::Item;
use super::{App, series_blob};
use crate::bill::Warning;
use crate::measure::Series;
use crate::measure::import::{self, Quantity, Results, Samples};

/// Where results stand in the project's table of items.
const KIND: &str = "results";
/// Where their raw samples stand: the key of the file, a space and the place in [`ResultFile::samples`].
const SAMPLES: &str = "result samples";
/// Warnings quoted when a file holds nothing that can be used.
const QUOTED: usize = 3;

/// One file of another tool, in the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultFile {
    /// SHA-256 of the file's content.
    pub key: String,
    /// What it says; the raw samples are left out.
    pub results: Results,
    /// The raw samples that the project keeps.
    #[serde(default)]
    pub samples: Vec<SampleCount>,
}

/// Raw samples that are kept in the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCount {
    /// Which of the file's results they belong to.
    pub result: usize,
    /// What was sampled.
    pub quantity: Quantity,
    /// How many there are.
    pub count: usize,
}

/// A file as it was read, its raw samples packed.
pub(super) struct Read {
    file: ResultFile,
    packed: Vec<String>,
}

/// What a path of other tools' results gave.
pub(super) struct Found {
    /// The files.
    pub files: Vec<Read>,
    /// Results in all of them.
    pub count: u64,
    /// What could not be used.
    pub warnings: Vec<Warning>,
    /// Files of a folder that are broken: nothing of them is taken in.
    pub broken: Vec<Warning>,
}

impl Found {
    /// What is said when not all of a folder could be taken in, in words.
    pub fn failure(&self, path: &Path) -> Option<String> {
        let count = self.broken.len();
        let said: Vec<&str> = self.broken.iter().take(QUOTED).map(|broken| broken.message.as_str()).collect();
        let more = if count > QUOTED { format!("; and {} more", count - QUOTED) } else { String::new() };
        let s = if count == 1 { "" } else { "s" };
        (count > 0).then(|| {
            format!(
                "{count} file{s} of the folder could not be read, the rest was taken in ({}{more}): {}",
                said.join("; "),
                path.display()
            )
        })
    }

    /// The keys of the files, in order.
    pub fn keys(&self) -> Vec<String> {
        self.files.iter().map(|read| read.file.key.clone()).collect()
    }
}

/// Reads a result file, or all of a folder.
///
/// # Errors
/// In words, when nothing in it can be used; then nothing of it is kept.
pub(super) fn read(path: &Path) -> Result<Found, String> {
    let mut found = Found { files: Vec::new(), count: 0, warnings: Vec::new(), broken: Vec::new() };
    let mut keys = BTreeSet::new();
    for results in import::read(path).map_err(|error| super::words(&error))? {
        // In a folder many files have the same name.
        let inside = results.path.strip_prefix(path).unwrap_or(&results.path);
        let name = if inside.as_os_str().is_empty() { file_name(path) } else { inside.display().to_string() };
        found.broken.extend(results.broken.iter().map(|broken| Warning {
            file: broken.place.clone(),
            line: None,
            column: None,
            message: broken.message.clone(),
        }));
        found.warnings.extend(results.warnings.iter().map(|warning| of_results(&name, warning)));
        if results.results.is_empty() {
            continue;
        }
        let count = results.results.len() as u64;
        let read = packed(results)?;
        if keys.insert(read.file.key.clone()) {
            found.count += count;
            found.files.push(read);
        } else {
            found.warnings.push(Warning {
                file: name,
                line: None,
                column: None,
                message: "another file of this folder has the same content; it is kept once".to_owned(),
            });
        }
    }
    if found.files.is_empty() {
        let all = found.broken.iter().chain(&found.warnings);
        let said: Vec<String> = all.take(QUOTED).map(|warning| warning.message.clone()).collect();
        return Err(format!(
            "no result in it can be used, so nothing was taken in ({}); check that the run finished: {}",
            said.join("; "),
            path.display()
        ));
    }
    Ok(found)
}

/// Takes the raw samples apart from the rest.
fn packed(mut results: Results) -> Result<Read, String> {
    let key = key_of(&results)?;
    let (mut samples, mut packed) = (Vec::new(), Vec::new());
    for (place, foreign) in results.results.iter_mut().enumerate() {
        for Samples { quantity, nanos, began_nanos } in std::mem::take(&mut foreign.samples) {
            samples.push(SampleCount { result: place, quantity, count: nanos.len() });
            let series = Series { began_nanos, latency_nanos: nanos, ..Series::default() };
            packed.push(STANDARD.encode(series_blob::pack(&series)));
        }
    }
    Ok(Read { file: ResultFile { key, results, samples }, packed })
}

/// SHA-256 of the file's content; of what was read, where a folder is one result.
fn key_of(results: &Results) -> Result<String, String> {
    let mut hasher = Sha256::new();
    let path = &results.path;
    if path.is_file() {
        let unreadable =
            |error: std::io::Error| format!("could not read the file again ({error}): {}", path.display());
        let mut file = std::fs::File::open(path).map_err(unreadable)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => hasher.update(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    } else {
        let text = serde_json::to_vec(results).map_err(|error| error.to_string())?;
        hasher.update(text);
    }
    Ok(hasher.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// A warning of a reader as the file list shows it.
fn of_results(file: &str, warning: &import::Warning) -> Warning {
    let import::Warning { place, message } = warning;
    let line = place.strip_prefix("line ").and_then(|number| number.parse().ok());
    let message =
        if line.is_some() || place.is_empty() { message.clone() } else { format!("{place}: {message}") };
    Warning { file: file.to_owned(), line, column: None, message }
}

impl App {
    /// The raw samples of a file's results, in the order of [`ResultFile::samples`].
    ///
    /// # Errors
    /// When they are damaged.
    pub fn result_samples(&self, file: &ResultFile) -> anyhow::Result<Vec<Samples>> {
        let samples = file.samples.iter().enumerate().map(|(place, samples)| {
            let damaged =
                || format!("the samples of {} in the project are damaged", file.results.path.display());
            let text: Option<String> = self.project.get(SAMPLES, &samples_key(&file.key, place))?;
            let bytes = STANDARD.decode(text.with_context(damaged)?).with_context(damaged)?;
            let series = series_blob::unpack(&bytes).with_context(damaged)?;
            Ok(Samples {
                quantity: samples.quantity.clone(),
                nanos: series.latency_nanos,
                began_nanos: series.began_nanos,
            })
        });
        samples.collect()
    }

    /// A file's results with their raw samples.
    ///
    /// # Errors
    /// When the samples are damaged.
    pub fn full_results(&self, file: &ResultFile) -> anyhow::Result<Results> {
        let mut results = file.results.clone();
        for (samples, place) in self.result_samples(file)?.into_iter().zip(&file.samples) {
            results.results[place.result].samples.push(samples);
        }
        Ok(results)
    }

    /// Keeps files, each in place of an earlier import of the same content: all of them, or none.
    pub(super) fn take_results(&mut self, files: Vec<Read>) -> anyhow::Result<()> {
        let mut kept = self.state.results.clone();
        let (mut removed, mut items) = (Vec::new(), Vec::new());
        for Read { file, packed } in files {
            let known = kept.iter().position(|other| other.key == file.key);
            let place = known.unwrap_or(kept.len());
            if let Some(known) = known {
                removed.extend(sample_keys(&kept[known]));
            }
            for (number, samples) in packed.iter().enumerate() {
                items.push(Item::new(SAMPLES, samples_key(&file.key, number), 0, samples)?);
            }
            items.push(Item::new(KIND, file.key.clone(), place, &file)?);
            match known {
                Some(known) => kept[known] = file,
                None => kept.push(file),
            }
        }
        self.project.change_items(&removed, &items)?;
        self.state.results = kept;
        Ok(())
    }

    /// Takes files out, by their keys.
    pub(super) fn remove_results(&mut self, keys: &[String]) -> anyhow::Result<()> {
        let mut removed = Vec::new();
        for file in self.state.results.iter().filter(|file| keys.contains(&file.key)) {
            removed.push((KIND, file.key.clone()));
            removed.extend(sample_keys(file));
        }
        self.project.change_items(&removed, &[])?;
        self.state.results.retain(|file| !keys.contains(&file.key));
        Ok(())
    }
}

/// The files of a project, in the order they were taken in.
///
/// # Errors
/// When one is damaged.
pub(super) fn load(project: &super::project::Project) -> anyhow::Result<Vec<ResultFile>> {
    Ok(project.all(KIND)?.into_iter().map(|(_key, file)| file).collect())
}

fn samples_key(key: &str, place: usize) -> String {
    format!("{key} {place}")
}

fn sample_keys(file: &ResultFile) -> impl Iterator<Item = (&'static str, String)> {
    (0..file.samples.len()).map(|place| (SAMPLES, samples_key(&file.key, place)))
}
