//! Files of any kind, taken in: told apart by what is in them, read by the part that knows them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::documents::{PROFILE_FORMAT, RACE_FORMAT};
use super::jobs::{JobId, Link, Progress};
use super::project::Project;
use super::state::ModelEntry;
use super::{App, Finding, documents, exported, results, words};
use crate::bill::lens::RULES_FORMAT;
use crate::bill::overlay::Overlay;
use crate::bill::{self, BillError, Delivery, RuleSet, Store, Warning, delivery, overlay};
use crate::measure::{Point, import, model_file};
use crate::{demand, hardware};

/// Bytes of the largest file that is looked at for hardware profiles: a row has some hundred.
const MOST_PROFILE_BYTES: u64 = 64 << 20;

/// What a file was taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An ONNX model.
    Model,
    /// Requests over time.
    Demand,
    /// Requests and tokens served, by day.
    Served,
    /// Rules that sort spend.
    Rules,
    /// Inputs, with labels where the file has them.
    Inputs,
    /// Hardware profiles.
    Profiles,
    /// Another project, whose measurements were taken over.
    Project,
    /// Measurements that `bench --json` wrote.
    Measurements,
    /// A race that `compare --json` or `selftest --json` wrote.
    Race,
    /// A profile that `profile --json` wrote.
    Profile,
    /// Results of another tool.
    Results,
    /// Allocations of `OpenCost` or Kubecost, which lie beside bills.
    Overlay,
    /// A cloud bill, with its format: `FOCUS 1.2`.
    #[serde(untagged)]
    Bill(String),
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Bill(format) => format,
            Self::Demand => "demand trace",
            Self::Served => "table of requests and tokens",
            Self::Rules => "inference rules",
            Self::Inputs => "inputs",
            Self::Profiles => "hardware profiles",
            Self::Project => "project",
            Self::Measurements => "measurements",
            Self::Race => "race",
            Self::Profile => "profile",
            Self::Results => "results",
            Self::Overlay => "allocations, an overlay that is never added to bills",
        })
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// What it was taken for; `None` when it could not be read.
    pub kind: Option<Kind>,
    /// Rows taken in (bills, demand, profiles).
    pub rows: Option<u64>,
    /// Measurements taken in.
    pub points: Option<u64>,
    /// Results of other tools taken in.
    pub results: Option<u64>,
    /// Keys of the result files taken in.
    pub result_files: Vec<String>,
    /// Hash of the model taken in.
    pub model: Option<String>,
    /// What it says, in a sentence: a race's verdict, where the time goes.
    pub says: Option<String>,
    /// What was not understood, and where.
    pub warnings: Vec<Warning>,
    /// Files of a folder that could not be read, and why; the others were taken in.
    pub broken: Vec<Warning>,
    /// Why nothing was taken in.
    pub error: Option<String>,
}

/// What was read, before it is reported.
pub(super) struct Taken {
    kind: Kind,
    rows: Option<u64>,
    points: Option<u64>,
    /// Other tools' results and the keys of their files.
    results: Option<(u64, Vec<String>)>,
    says: Option<String>,
    warnings: Vec<Warning>,
    /// Broken files of a folder, and what is said of them together.
    broken: Vec<Warning>,
    failure: Option<String>,
    finding: Finding,
    /// What else was found.
    more: Vec<Finding>,
}

/// Reads one file: its path, the bill store, the job, and how far it is within the file.
pub(super) type Reader = fn(&Path, &Path, &Link<Finding>, &mut dyn FnMut(f64)) -> Result<Taken, String>;

impl App {
    /// Reads files one after the other as a job. Each ends in a [`FileReport`]; one that fails stops no other.
    pub(super) fn take_in(&mut self, paths: Vec<PathBuf>, read: Reader) -> JobId {
        let store = self.options.folders.bills();
        let count = paths.len();
        let title = if count == 1 { "Read 1 file".to_owned() } else { format!("Read {count} files") };
        self.jobs.start(title, move |link| {
            let mut failed = Vec::new();
            for (index, path) in paths.into_iter().enumerate() {
                if link.cancel.is_cancelled() {
                    break;
                }
                let name = file_name(&path);
                let at = |within: f64| Progress {
                    fraction: Some((index as f64 + within) / count as f64),
                    doing: format!("Reading {name}"),
                    seconds_left: None,
                };
                link.progress(at(0.0));
                let path = std::path::absolute(&path).unwrap_or(path);
                let report = match read(&path, &store, link, &mut |within| link.progress(at(within))) {
                    Ok(taken) => {
                        let model = match &taken.finding {
                            Finding::Model(entry) => Some(entry.model.sha256.clone()),
                            _ => None,
                        };
                        for more in taken.more {
                            link.found(more);
                        }
                        link.found(taken.finding);
                        failed.extend(taken.failure);
                        let (results, result_files) = taken.results.unzip();
                        FileReport {
                            path,
                            kind: Some(taken.kind),
                            rows: taken.rows,
                            points: taken.points,
                            results,
                            result_files: result_files.unwrap_or_default(),
                            model,
                            says: taken.says,
                            warnings: taken.warnings,
                            broken: taken.broken,
                            error: None,
                        }
                    }
                    Err(message) => {
                        failed.push(message.clone());
                        FileReport {
                            path,
                            kind: None,
                            rows: None,
                            points: None,
                            results: None,
                            result_files: Vec::new(),
                            model: None,
                            says: None,
                            warnings: Vec::new(),
                            broken: Vec::new(),
                            error: Some(message),
                        }
                    }
                };
                link.found(Finding::File(report));
            }
            match (failed.len(), count) {
                (0, _) => Ok(()),
                (_, 1) => Err(failed.join("\n")),
                (several, _) => {
                    Err(format!("{several} of {count} files were not taken in\n{}", failed.join("\n")))
                }
            }
        })
    }
}

/// The file's name without its folder.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// An ONNX model, whatever the file is called.
pub(super) fn read_model(
    path: &Path,
    _store: &Path,
    _link: &Link<Finding>,
    _progress: &mut dyn FnMut(f64),
) -> Result<Taken, String> {
    let model = model_file::read(path).map_err(|error| words(&error))?;
    let entry = ModelEntry { path: path.to_owned(), model, accuracy: None, present: true };
    Ok(taken(Kind::Model, None, Vec::new(), Finding::Model(Box::new(entry))))
}

/// As [`read`], where a bill is meant: of a folder without one nothing else is said.
pub(super) fn read_bill(
    path: &Path,
    store: &Path,
    link: &Link<Finding>,
    progress: &mut dyn FnMut(f64),
) -> Result<Taken, String> {
    if path.is_dir() {
        return take_folder(path, store, link, progress).map_err(|error| words(&error));
    }
    read(path, store, link, progress)
}

/// Told by what is in it where that tells, by the extension where it does not.
pub(super) fn read(
    path: &Path,
    store: &Path,
    link: &Link<Finding>,
    progress: &mut dyn FnMut(f64),
) -> Result<Taken, String> {
    if path.is_dir() {
        return match take_folder(path, store, link, progress) {
            Ok(taken) => Ok(taken),
            // A folder of bills with a broken one holds no results; in one of results nothing need be a bill.
            Err(error) => take_results(path).map_err(|no_results| match error {
                BillError::NoBillIn { .. } => no_results,
                error => words(&error),
            }),
        };
    }
    if delivery::is_pattern(path) {
        return take_bills(path, store, link, progress).map_err(|error| words(&error));
    }
    let mut head = [0_u8; 16];
    let length = std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read(&mut file, &mut head))
        .map_err(|error| {
            format!("could not read the file: {}: {}", model_file::system_words(&error), path.display())
        })?;
    let name = file_name(path);
    let extension =
        path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if length == 0 {
        return Err(format!("the file is empty (0 bytes); nothing was taken in: {}", path.display()));
    }
    if extension == "onnx" || model_file::is_model(path) {
        return read_model(path, store, link, progress);
    }
    if head.starts_with(b"SQLite format 3\0") {
        let (count, points) = project_points(path).map_err(|error| format!("{error:#}"))?;
        let taken = taken(Kind::Project, None, Vec::new(), Finding::Points(points));
        return Ok(Taken { points: Some(count), ..taken });
    }
    if let Some(format) = exported::format_of(path).unwrap_or(None) {
        return ours(path, format).map_err(|error| format!("{error:#}"));
    }
    if head.starts_with(b"\x93NUMPY") || (head.starts_with(b"PK\x03\x04") && extension == "npz") {
        crate::measure::inputs::Arrays::open(path).map_err(|error| words(&error))?;
        return Ok(taken(Kind::Inputs, None, Vec::new(), Finding::Labelled(path.to_owned())));
    }
    // Before bills and traces, because it never claims one.
    if import::detect(path).is_some() {
        return take_results(path);
    }
    match overlay::open(path) {
        Ok(Some(overlay)) => return Ok(take_overlay(overlay, &name)),
        Ok(None) => {}
        Err(error) => return Err(words(&error)),
    }
    match delivery::find(path, &|| link.cancel.is_cancelled()) {
        Ok(delivery) => take_delivery(&delivery, store, link, progress).map_err(|error| words(&error)),
        Err(
            error @ (BillError::Archive { .. }
            | BillError::Workbook { .. }
            | BillError::Unpack { .. }
            | BillError::ManifestFiles { .. }
            | BillError::NoBillIn { .. }),
        ) => Err(words(&error)),
        // A table of tokens has the columns of a trace, too.
        Err(_) if demand::is_served(path) => take_served(path, &name),
        Err(bill_error) => {
            let demand_error = match demand::read(path) {
                Ok(import) => {
                    let rows = Some(import.trace.requests.len() as u64);
                    let warnings = import
                        .warnings
                        .into_iter()
                        .map(|warning| of_file(&name, warning.line, warning.message))
                        .collect();
                    return Ok(taken(Kind::Demand, rows, warnings, Finding::Trace(import.trace)));
                }
                Err(error) => error.problem,
            };
            // What it is instead is known, and no trace either.
            let is_binary = head[..length].contains(&0) || head.starts_with(b"\xff\xfe");
            if is_binary && matches!(bill_error, BillError::NotABill { .. }) {
                return Err(words(&bill_error));
            }
            // What is no table at all is not read a third time, nor what is larger than any list of machines.
            let is_table =
                !matches!(demand_error, demand::Problem::NotTable(_) | demand::Problem::LongRow { .. });
            let is_small = path.metadata().is_ok_and(|data| data.len() <= MOST_PROFILE_BYTES);
            let file = std::fs::File::open(path).ok().filter(|_| is_table && is_small);
            let profiles = file.and_then(|file| hardware::read_csv(file, &name).ok());
            if let Some(import) = profiles {
                let rows = Some(import.profiles.len() as u64);
                let warnings = import
                    .problems
                    .into_iter()
                    .map(|problem| of_file(&name, Some(problem.line), problem.message))
                    .collect();
                return Ok(taken(Kind::Profiles, rows, warnings, Finding::Profiles(import.profiles)));
            }
            let as_bill = words(&bill_error);
            let shown = path.display().to_string();
            let as_bill = as_bill.strip_suffix(&shown).map_or(&*as_bill, |text| text.trim_end_matches(": "));
            Err(format!(
                "{as_bill}. As a demand trace: {demand_error}. Inferometer reads ONNX models, cloud bills (CSV, JSON, \
                 Parquet), demand traces (CSV with a time column), inputs (.npy, .npz), hardware profiles (CSV), \
                 results of benchmark tools, its own projects and what its bench, compare and profile --json printed: \
                  {shown}"
            ))
        }
    }
}

/// The bills of a folder and what lies over them; or that alone, where there is no bill.
fn take_folder(
    path: &Path,
    store: &Path,
    link: &Link<Finding>,
    progress: &mut dyn FnMut(f64),
) -> Result<Taken, BillError> {
    let no_bill = match take_bills(path, store, link, progress) {
        Err(error @ BillError::NoBillIn { .. }) => error,
        other => return other,
    };
    let mut overlays = Vec::new();
    for file in delivery::files_below(path)? {
        if link.cancel.is_cancelled() {
            return Err(BillError::Cancelled);
        }
        overlays.extend(overlay::open(&file).ok().flatten());
    }
    let rows = overlays.iter().map(|overlay| overlay.items.len() as u64).sum();
    let of = |overlay: &Overlay| {
        let (file, problems) = (overlay.file.clone(), overlay.problems.clone());
        problems.into_iter().map(move |problem| of_file(&file, None, problem))
    };
    let warnings = overlays.iter().flat_map(of).collect();
    let mut overlays = overlays.into_iter().map(|overlay| Finding::Overlay(Box::new(overlay)));
    let Some(first) = overlays.next() else { return Err(no_bill) };
    let more = overlays.collect();
    Ok(Taken { more, ..taken(Kind::Overlay, Some(rows), warnings, first) })
}

/// Everything that a path names, as bills.
fn take_bills(
    path: &Path,
    store: &Path,
    link: &Link<Finding>,
    progress: &mut dyn FnMut(f64),
) -> Result<Taken, BillError> {
    let delivery = delivery::find(path, &|| link.cancel.is_cancelled())?;
    take_delivery(&delivery, store, link, progress)
}

fn take_delivery(
    delivery: &Delivery,
    store: &Path,
    link: &Link<Finding>,
    progress: &mut dyn FnMut(f64),
) -> Result<Taken, BillError> {
    let cancel = || link.cancel.is_cancelled();
    let mut bills = bill::import_delivery(delivery, &Store::at(store), progress, &cancel)?;
    let kinds: Vec<&str> = bills.iter().map(|bill| bill.kind.as_str()).collect();
    let kind = Kind::Bill(kinds.join(", "));
    let rows = bills.iter().map(|bill| bill.rows).sum();
    let mut warnings: Vec<Warning> = bills.iter().flat_map(|bill| bill.warnings.clone()).collect();
    let skipped = delivery.skipped.iter();
    warnings
        .extend(skipped.map(|skipped| of_file(&skipped.file, None, format!("left out: {}", skipped.why))));
    let files: usize = bills.iter().map(|bill| bill.parts.len()).sum();
    let says = (!delivery.is_single).then(|| {
        let left_out = match delivery.skipped.len() {
            0 => String::new(),
            count => format!(", {count} left out"),
        };
        format!("{files} file{}{left_out}", if files == 1 { "" } else { "s" })
    });
    let mut overlays = Vec::new();
    for skipped in delivery.skipped.iter().filter(|_| delivery.path.is_dir()) {
        // Beside bills there may be what lies over them.
        if let Ok(Some(overlay)) = overlay::open(&delivery.path.join(&skipped.file)) {
            warnings.retain(|warning| warning.file != skipped.file);
            overlays.push(Finding::Overlay(Box::new(overlay)));
        }
    }
    let Some(last) = bills.pop() else { return Err(BillError::NoBill) };
    let more = bills.into_iter().map(|bill| Finding::Bill(Box::new(bill))).chain(overlays).collect();
    let taken = taken(kind, Some(rows), warnings, Finding::Bill(Box::new(last)));
    Ok(Taken { says, more, ..taken })
}

/// Allocations that lie over bills.
fn take_overlay(overlay: Overlay, name: &str) -> Taken {
    let rows = Some(overlay.items.len() as u64);
    let problems = overlay.problems.iter();
    let warnings = problems.map(|problem| of_file(name, None, problem.clone())).collect();
    taken(Kind::Overlay, rows, warnings, Finding::Overlay(Box::new(overlay)))
}

/// A table of requests and tokens.
fn take_served(path: &Path, name: &str) -> Result<Taken, String> {
    let import = demand::read_served(path).map_err(|error| words(&error))?;
    let warnings = import.warnings.into_iter();
    let warnings = warnings.map(|warning| of_file(name, warning.line, warning.message)).collect();
    Ok(taken(Kind::Served, Some(import.rows), warnings, Finding::Served(import.served)))
}

fn of_file(file: &str, line: Option<u64>, message: String) -> Warning {
    Warning { file: file.to_owned(), line, column: None, message }
}

/// What `bench --json` and others of our commands wrote.
fn ours(path: &Path, format: &str) -> anyhow::Result<Taken> {
    match format {
        RACE_FORMAT => {
            let duel = documents::read_race(path)?;
            let says = Some(duel.sentence.clone());
            let taken = taken(Kind::Race, None, Vec::new(), Finding::OpenedDuel(Box::new(duel)));
            Ok(Taken { says, ..taken })
        }
        RULES_FORMAT => {
            let text = std::fs::read_to_string(path)?;
            let rules = RuleSet::read(&text).with_context(|| path.display().to_string())?;
            let rows = Some(rules.rules.len() as u64);
            Ok(taken(Kind::Rules, rows, Vec::new(), Finding::Rules(Box::new(rules))))
        }
        PROFILE_FORMAT => {
            let breakdown = documents::read_profile(path)?;
            let says = Some(breakdown.takes_most());
            let taken = taken(Kind::Profile, None, Vec::new(), Finding::OpenedBreakdown(Box::new(breakdown)));
            Ok(Taken { says, ..taken })
        }
        _ => {
            let points = exported::read(path)?;
            let count = points.len() as u64;
            let taken = taken(Kind::Measurements, None, Vec::new(), Finding::Points(points));
            Ok(Taken { points: Some(count), ..taken })
        }
    }
}

/// Results of another tool: a file, or a folder of them.
fn take_results(path: &Path) -> Result<Taken, String> {
    let found = results::read(path)?;
    let (keys, failure) = (found.keys(), found.failure(path));
    let results::Found { files, count, warnings, broken } = found;
    let taken = taken(Kind::Results, None, warnings, Finding::Results(files));
    Ok(Taken { results: Some((count, keys)), broken, failure, ..taken })
}

fn taken(kind: Kind, rows: Option<u64>, warnings: Vec<Warning>, finding: Finding) -> Taken {
    Taken {
        kind,
        rows,
        points: None,
        results: None,
        says: None,
        warnings,
        broken: Vec::new(),
        failure: None,
        finding,
        more: Vec::new(),
    }
}

/// The measurements of another project, raw samples and all.
fn project_points(path: &Path) -> anyhow::Result<(u64, Vec<Point>)> {
    let project = Project::open(path)?;
    let points = project
        .points()?
        .into_iter()
        .map(|stored| project.full_point(&stored))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok((points.len() as u64, points))
}
