//! What a path names: one file, the members of a ZIP archive, the files of a folder or of a pattern, or those that a
//! manifest lists. All of it is one delivery, imported as a whole or not at all.
//!
//! Of several deliveries of one report and period that lie in a folder, the newest is taken and the others are said
//! to be left out; so is every file that is no bill, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::error::BillError;
use super::formats::Kind;
use super::input::{self, Input};
use super::manifest::{Manifest, ManifestFile, period_of_key};
use super::rows::kind_of;

/// Files looked at in a folder at most.
const MOST_FILES: usize = 20_000;
/// Bytes of a manifest at most.
const MOST_MANIFEST_BYTES: u64 = 16 << 20;
/// Folders above a manifest in which its files are looked for.
const MOST_ABOVE: usize = 8;
/// Reasons quoted when there is no bill at all.
const QUOTED: usize = 3;

/// One file of a delivery, known to be a bill.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Where its bytes are.
    pub input: Input,
    /// Its name within the delivery: the path from the folder or in the archive.
    pub name: String,
    /// Its format.
    pub kind: Kind,
    /// Rows it has by its manifest.
    pub told_rows: Option<u64>,
}

/// A file that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name within the delivery.
    pub file: String,
    /// Why.
    pub why: String,
}

/// Everything that a path names.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The file, folder or pattern.
    pub path: PathBuf,
    /// What it is called: its last part.
    pub name: String,
    /// The bills in it.
    pub pieces: Vec<Piece>,
    /// What else is in it.
    pub skipped: Vec<Skipped>,
    /// It is one file by itself.
    pub is_single: bool,
}

/// Whether a path is a pattern: `cur/2026-*/*.csv.gz`. A file of that very name goes before.
pub fn is_pattern(path: &Path) -> bool {
    !path.exists() && path.to_string_lossy().contains(['*', '?', '['])
}

/// Finds out what a path names. `cancel` is asked between files.
///
/// # Errors
/// There is no bill, or one that is there cannot be read; a manifest's files are missing.
pub fn find(path: &Path, cancel: &dyn Fn() -> bool) -> Result<Delivery, BillError> {
    let name = name_of(path);
    let named = |place, found: Found| found.into_delivery(path, name.clone(), place);
    if path.is_dir() {
        let files = files_below(path)?;
        return named("in the folder", choose(path, files, cancel)?);
    }
    if is_pattern(path) {
        let files = matching(path)?;
        let root = fixed_part(path);
        return named("by the pattern", choose(&root, files, cancel)?);
    }
    let single = Input::file(path);
    let mut start = [0_u8; 4];
    let read = std::fs::File::open(path)
        .and_then(|mut file| std::io::Read::read(&mut file, &mut start))
        .map_err(|source| BillError::Read { path: path.to_owned(), source })?;
    if input::is_archive(&start[..read]) {
        return named("in the ZIP archive", of_archive(path, cancel)?);
    }
    if let Some(manifest) = manifest_of(&single) {
        return named("in the delivery", of_manifest(path, &manifest, cancel)?);
    }
    let kind = kind_of(&single)?;
    let piece = Piece { input: single, name: name.clone(), kind, told_rows: None };
    Ok(Delivery { path: path.to_owned(), name, pieces: vec![piece], skipped: Vec::new(), is_single: true })
}

/// The last part of a path; of `.` and `..` that of the folder that is meant.
fn name_of(path: &Path) -> String {
    let shown = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let real = || path.canonicalize().ok().and_then(|path| shown(&path));
    shown(path).or_else(real).unwrap_or_else(|| path.display().to_string())
}

/// Bills and others.
#[derive(Default)]
struct Found {
    pieces: Vec<Piece>,
    skipped: Vec<Skipped>,
}

impl Found {
    /// Takes a file that is a bill, says why another is not taken; a bill that is damaged is an error.
    fn look(&mut self, input: Input, name: String) -> Result<(), BillError> {
        match kind_of(&input) {
            Ok(kind) => self.pieces.push(Piece { input, name, kind, told_rows: None }),
            Err(BillError::NotABill { found, .. }) => self.skip(name, format!("no bill: {found}")),
            // The header of a bill ends.
            Err(BillError::LongRow { line: ..=1, mebibytes, .. }) => {
                self.skip(name, format!("no bill: its first line has more than {mebibytes} MiB"));
            }
            Err(BillError::Empty { .. }) => self.skip(name, "empty (0 bytes)".to_owned()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn skip(&mut self, file: String, why: String) {
        self.skipped.push(Skipped { file, why });
    }

    fn into_delivery(self, path: &Path, name: String, place: &'static str) -> Result<Delivery, BillError> {
        let Self { pieces, skipped } = self;
        if pieces.iter().all(|piece| piece.kind == Kind::DatabricksPrices) {
            let quote = |skipped: &Skipped| format!("{}: {}", skipped.file, skipped.why);
            return Err(BillError::NoBillIn {
                place,
                skipped: skipped.iter().take(QUOTED).map(quote).collect(),
                path: path.to_owned(),
            });
        }
        Ok(Delivery { path: path.to_owned(), name, pieces, skipped, is_single: false })
    }
}

/// All files of a folder and the folders in it, in order. What begins with a dot is none of the user's files.
///
/// # Errors
/// A folder that cannot be read, or too many files.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, BillError> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    // Links may lead to a folder twice, and in a circle.
    let mut seen = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        let read_error = |source| BillError::Read { path: folder.clone(), source };
        if !seen.insert(folder.canonicalize().map_err(read_error)?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(read_error)? {
            let entry = entry.map_err(read_error)?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                files.push(path);
            }
            if files.len() > MOST_FILES {
                return Err(too_many(&folder));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn too_many(path: &Path) -> BillError {
    let found = format!("more than {MOST_FILES} files; name a folder further down, or a pattern");
    BillError::NotABill { found, path: path.to_owned() }
}

/// The files a pattern matches, in order.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, BillError> {
    let text = pattern.to_string_lossy();
    let wrong = |found: String| BillError::NotABill { found, path: pattern.to_owned() };
    let paths = glob::glob(&text).map_err(|error| wrong(format!("a pattern that is none ({error})")))?;
    let mut files = Vec::new();
    for path in paths {
        let path =
            path.map_err(|error| BillError::Read { path: error.path().to_owned(), source: error.into() })?;
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(too_many(pattern));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The part of a pattern before its first wildcard, in whole folders.
fn fixed_part(pattern: &Path) -> PathBuf {
    let is_fixed =
        |part: &std::path::Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    pattern.components().take_while(is_fixed).collect()
}

fn of_archive(path: &Path, cancel: &dyn Fn() -> bool) -> Result<Found, BillError> {
    let mut found = Found::default();
    for (name, input) in input::members(path)? {
        if cancel() {
            return Err(BillError::Cancelled);
        }
        let base = name.rsplit(['/', '\\']).next().unwrap_or(&name);
        // What a Mac adds to each archive.
        if base.starts_with('.') || name.starts_with("__MACOSX/") {
            continue;
        }
        if manifest_of(&input).is_some() {
            found.skip(name, "a manifest".to_owned());
            continue;
        }
        found.look(input, name)?;
    }
    Ok(found)
}

/// A manifest, if that is what a file is.
fn manifest_of(input: &Input) -> Option<Manifest> {
    let name = input.shown().file_name()?.to_string_lossy().to_ascii_lowercase();
    if !name.contains("manifest")
        || input.shown().extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("json"))
    {
        return None;
    }
    let bytes = input.read_small(MOST_MANIFEST_BYTES).ok()?;
    Manifest::read(std::str::from_utf8(&bytes).ok()?)
}

/// The files that one manifest lists.
fn of_manifest(path: &Path, manifest: &Manifest, cancel: &dyn Fn() -> bool) -> Result<Found, BillError> {
    let mut found = Found::default();
    let mut missing = Vec::new();
    for file in &manifest.files {
        if cancel() {
            return Err(BillError::Cancelled);
        }
        let Some(at) = beside(path, &file.key) else {
            missing.push(file.key.clone());
            continue;
        };
        // Listed as a bill: what is none, is an error here.
        let input = Input::file(&at);
        let kind = kind_of(&input)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let name =
            at.strip_prefix(folder).map_or_else(|_| file.key.clone(), |name| name.display().to_string());
        found.pieces.push(Piece { input, name, kind, told_rows: file.rows });
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(BillError::ManifestFiles { missing, path: path.to_owned() })
    }
}

/// Where a file of a manifest lies: as much of its key as there is, below the manifest's folder or one above.
fn beside(manifest: &Path, key: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = key.split('/').filter(|part| !part.is_empty()).collect();
    // A key never leads out of the folder it is looked for in.
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return None;
    }
    let folder = manifest.parent().unwrap_or(Path::new("."));
    (0..parts.len()).find_map(|from| {
        let end: PathBuf = parts[from..].iter().collect();
        folder.ancestors().take(MOST_ABOVE).map(|above| above.join(&end)).find(|path| path.is_file())
    })
}

/// The time a file was last changed.
fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|about| about.modified()).ok()
}

/// A manifest in a folder, and its files that are there.
struct Listed {
    manifest: Manifest,
    at: PathBuf,
    files: BTreeMap<PathBuf, ManifestFile>,
    missing: Vec<String>,
}

impl Listed {
    fn of(at: PathBuf, manifest: Manifest) -> Self {
        let (mut files, mut missing) = (BTreeMap::new(), Vec::new());
        for file in &manifest.files {
            match beside(&at, &file.key) {
                Some(path) => {
                    files.insert(path, file.clone());
                }
                None => missing.push(file.key.clone()),
            }
        }
        Self { manifest, at, files, missing }
    }

    /// Later deliveries have more: when it was made, that it lies above the others, which is where AWS keeps the manifest
    /// of the latest, and when its files came.
    fn age(&self) -> (Option<i64>, std::cmp::Reverse<usize>, Option<SystemTime>) {
        let came = self.files.keys().filter_map(|path| modified(path)).max();
        (self.manifest.made, std::cmp::Reverse(self.at.components().count()), came)
    }
}

/// Of the files of a folder or pattern, those that count: of several deliveries of one period the newest.
fn choose(root: &Path, files: Vec<PathBuf>, cancel: &dyn Fn() -> bool) -> Result<Found, BillError> {
    let mut found = Found::default();
    let name_of = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let (mut listed, mut others) = (Vec::new(), Vec::new());
    for file in files {
        match manifest_of(&Input::file(&file)) {
            Some(manifest) => {
                found.skip(name_of(&file), "a manifest; its files are read".to_owned());
                listed.push(Listed::of(file, manifest));
            }
            None => others.push(file),
        }
    }
    let mut earlier = earlier_by_manifest(&listed, root)?;
    let told: BTreeMap<&PathBuf, &ManifestFile> = listed
        .iter()
        .flat_map(|listed| &listed.files)
        .filter(|(path, _)| !earlier.contains_key(*path))
        .collect();
    earlier.extend(earlier_by_folder(root, &others, &earlier, &told));
    // What lies among the files of a manifest and is not listed, is left of an earlier delivery, if it is of their kind.
    let mut of_manifests: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for path in told.keys() {
        of_manifests.entry(path.parent().unwrap_or(root)).or_default().push(path);
    }
    for file in &others {
        if cancel() {
            return Err(BillError::Cancelled);
        }
        let name = name_of(file);
        if let Some(why) = earlier.get(file) {
            found.skip(name, why.clone());
            continue;
        }
        // A pattern or folder may hold archives, whose members are files like others.
        if is_archive_file(file) {
            match input::members(file) {
                Ok(members) => {
                    for (member, input) in members {
                        found.look(input, format!("{name}/{member}"))?;
                    }
                }
                Err(BillError::Workbook { .. }) => {
                    found.skip(name, "an Excel workbook; save its sheet as CSV".to_owned());
                }
                Err(error) => return Err(error),
            }
            continue;
        }
        let before = found.pieces.len();
        found.look(Input::file(file), name)?;
        let Some(piece) = found.pieces.get_mut(before) else { continue };
        if let Some(told) = told.get(file) {
            piece.told_rows = told.rows;
        } else if let Some(listed) = file.parent().and_then(|folder| of_manifests.get(folder)) {
            let family = piece.kind.family();
            let is_alike =
                |path: &&&Path| kind_of(&Input::file(path)).is_ok_and(|kind| kind.family() == family);
            if let Some(piece) = listed.first().filter(is_alike).and_then(|_| found.pieces.pop()) {
                found.skip(piece.name, "the manifest of the files beside it does not list it".to_owned());
            }
        }
    }
    Ok(found)
}

fn is_archive_file(path: &Path) -> bool {
    let mut start = [0_u8; 4];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut start));
    read.is_ok_and(|read| input::is_archive(&start[..read]))
}

/// Files of deliveries that a later manifest replaces, each with the words why it does not count.
fn earlier_by_manifest(listed: &[Listed], root: &Path) -> Result<BTreeMap<PathBuf, String>, BillError> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Listed>> = BTreeMap::new();
    for one in listed {
        let Manifest { report, account, period, .. } = &one.manifest;
        groups.entry((report, account, period)).or_default().push(one);
    }
    let mut counted: BTreeSet<&PathBuf> = BTreeSet::new();
    let mut earlier = BTreeMap::new();
    for group in groups.into_values() {
        // Deliveries whose files are not here cannot be the one to read.
        let Some(newest) = group.iter().filter(|one| !one.files.is_empty()).max_by_key(|one| one.age())
        else {
            continue;
        };
        if !newest.missing.is_empty() {
            let (missing, path) = (newest.missing.clone(), newest.at.clone());
            return Err(BillError::ManifestFiles { missing, path });
        }
        counted.extend(newest.files.keys());
        for file in group.iter().flat_map(|one| one.files.keys()) {
            let at = newest.at.strip_prefix(root).unwrap_or(&newest.at);
            let why = format!(
                "of an earlier delivery of {}; {} lists the newest",
                period_words(&newest.manifest.period),
                at.display()
            );
            earlier.insert(file.clone(), why);
        }
    }
    earlier.retain(|file, _| !counted.contains(file));
    Ok(earlier)
}

fn period_words(period: &str) -> &str {
    if period.is_empty() { "the same report" } else { period.get(..7).unwrap_or(period) }
}

/// Files in folders of earlier assemblies, where no manifest tells: `…/20231101-20231201/ASSEMBLY/file`. The folder
/// whose files are the newest counts; where all came at one time, nothing tells and all are read.
fn earlier_by_folder(
    root: &Path,
    files: &[PathBuf],
    known: &BTreeMap<PathBuf, String>,
    told: &BTreeMap<&PathBuf, &ManifestFile>,
) -> BTreeMap<PathBuf, String> {
    let mut earlier = BTreeMap::new();
    let mut periods: BTreeMap<PathBuf, BTreeMap<PathBuf, Vec<&PathBuf>>> = BTreeMap::new();
    for file in files.iter().filter(|file| !known.contains_key(*file)) {
        let Some(folder) = file.parent() else { continue };
        let Some(period) = folder.parent() else { continue };
        let period_name =
            period.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_id = folder.file_name().is_some_and(|name| is_delivery_id(&name.to_string_lossy()));
        if is_id && period_of_key(&period_name).is_some() {
            periods.entry(period.to_owned()).or_default().entry(folder.to_owned()).or_default().push(file);
        }
    }
    for assemblies in periods.into_values().filter(|assemblies| assemblies.len() > 1) {
        let age = |files: &[&PathBuf]| {
            let is_listed = files.iter().any(|file| told.contains_key(file));
            files.iter().filter_map(|file| modified(file)).max().map(|came| (is_listed, came))
        };
        let newest = assemblies.values().filter_map(|files| age(files)).max();
        let mut of_newest = assemblies.iter().filter(|(_, files)| age(files) == newest);
        let (Some((folder, _)), None) = (of_newest.next(), of_newest.next()) else { continue };
        let at = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
        for file in assemblies.iter().filter(|(other, _)| *other != folder).flat_map(|(_, files)| files) {
            earlier.insert((*file).clone(), format!("of an earlier delivery; that in {at} is newer"));
        }
    }
    earlier
}

/// Whether a folder's name is the number of a delivery: a GUID, or a moment as AWS and Azure write it.
fn is_delivery_id(name: &str) -> bool {
    let is_guid = name.len() == 36
        && name
            .char_indices()
            .all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { c.is_ascii_hexdigit() });
    let digits = name.chars().filter(char::is_ascii_digit).count();
    is_guid || (digits >= 12 && name.chars().all(|c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | '-')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_deliveries_are_told_from_other_names() {
        for name in ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "20231105T010203Z", "202402030405"] {
            assert!(is_delivery_id(name), "{name}");
        }
        for name in ["data", "20231101-20231201x", "f81d4fae-7dec-11d0-a765", "part-0001"] {
            assert!(!is_delivery_id(name), "{name}");
        }
    }

    #[test]
    fn a_pattern_is_rooted_in_its_fixed_folders() {
        assert_eq!(fixed_part(Path::new("/a/cur/2026-*/*.csv.gz")), Path::new("/a/cur"));
        assert!(is_pattern(Path::new("/no/such/2026-*/x.csv")) && !is_pattern(Path::new("/no/such.csv")));
    }

    #[test]
    fn a_key_is_found_by_as_much_of_it_as_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("cur/20231101-20231201/a1");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("c-1.csv"), "x").unwrap();
        let manifest = folder.path().join("cur/20231101-20231201/c-Manifest.json");
        let key = "prefix/cur/20231101-20231201/a1/c-1.csv";
        assert_eq!(beside(&manifest, key), Some(deep.join("c-1.csv")));
        assert_eq!(beside(&manifest, "../../../a1/c-1.csv"), None);
        assert_eq!(beside(&manifest, "other.csv"), None);
    }
}
