//! A folder of results: which files in it are results, in a stable order, within bounds.
//!
//! Must not know what the formats mean, only that two logs of one run are one result.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::source::Source;
use super::{ImportError, Results, Warning, mlperf, openvino, read_source, readers};
use crate::units;

/// Deepest folder that is entered: a submission tree is ten deep.
const DEPTH_LIMIT: usize = 20;
/// Most files that are looked at: a whole round of submissions has some tens of thousands.
const FILE_LIMIT: usize = 100_000;
/// Most result files that are kept.
const RESULT_LIMIT: usize = 10_000;

/// Reads every result file under `folder`.
pub(super) fn read(folder: &Path) -> Result<Vec<Results>, ImportError> {
    let (mut warnings, mut broken) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    walk(folder, 0, &mut files, &mut warnings)?;
    let mut found = Vec::new();
    let mut done = HashSet::new();
    for path in &files {
        if found.len() == RESULT_LIMIT {
            let message = format!("more than {RESULT_LIMIT} result files: the rest is left out");
            warnings.push(Warning { place: shown(folder, path), message });
            break;
        }
        let Ok(source) = Source::open(path) else {
            broken.push(Warning { place: shown(folder, path), message: "it cannot be opened".to_owned() });
            continue;
        };
        let Some(reader) = readers().find(|reader| (reader.detects)(source.head())) else { continue };
        if done.contains(path) {
            continue;
        }
        let format = reader.format;
        match read_source(source) {
            Ok(results) if results.results.is_empty() => {
                for Warning { place, message } in results.warnings {
                    let place = format!("{}, {place}", shown(folder, path));
                    warnings.push(Warning { place, message });
                }
            }
            Ok(results) => {
                // The detail log was completed by its summary, which sorts after it.
                if format == mlperf::DETAIL {
                    done.extend(mlperf::partner_path(path, "detail", "summary"));
                }
                found.push(results);
            }
            Err(error) => broken.push(Warning { place: shown(folder, path), message: error.to_string() }),
        }
    }
    openvino::join(&mut found);
    if found.is_empty() && warnings.is_empty() && broken.is_empty() {
        return Err(ImportError::Unknown {
            path: folder.to_owned(),
            found: format!("a folder with {} files, none of which is a result", files.len()),
            advice: "choose the folder that the benchmark tool wrote its results into".to_owned(),
        });
    }
    if !warnings.is_empty() || !broken.is_empty() {
        let (format, path) = ("folder".to_owned(), folder.to_owned());
        let own = Results { format, path, results: Vec::new(), warnings, broken };
        found.insert(0, own);
    }
    Ok(found)
}

/// The files under `folder`, each folder's own files first, both in the order of their names (`run 2` before `run 10`).
fn walk(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    warnings: &mut Vec<Warning>,
) -> Result<(), ImportError> {
    let io = |error: std::io::Error| ImportError::Io { path: folder.to_owned(), problem: error.to_string() };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        entries.push((entry.path(), entry.file_type().map_err(io)?));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    entries
        .sort_by(|(one, _), (two, _)| units::number_order(&name(one), &name(two)).then_with(|| one.cmp(two)));
    for (path, kind) in &entries {
        if files.len() == FILE_LIMIT {
            let message = format!("more than {FILE_LIMIT} files: the rest is left out");
            warnings.push(Warning { place: path.display().to_string(), message });
            return Ok(());
        }
        // A link to a file is as good as the file; a link to a folder could lead round in a circle.
        if kind.is_file() || kind.is_symlink() && path.is_file() {
            files.push(path.clone());
        }
    }
    for (path, kind) in &entries {
        if !kind.is_dir() || files.len() == FILE_LIMIT {
            continue;
        }
        if depth == DEPTH_LIMIT {
            let message = format!("deeper than {DEPTH_LIMIT} folders: left out");
            warnings.push(Warning { place: path.display().to_string(), message });
        } else if let Err(error) = walk(path, depth + 1, files, warnings) {
            warnings.push(Warning { place: path.display().to_string(), message: error.to_string() });
        }
    }
    Ok(())
}

/// The file's place inside the folder.
fn shown(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}
