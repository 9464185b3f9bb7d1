//! Which ONNX Runtime libraries this machine has, in the order they are used: an explicit setting,
//! `ORT_DYLIB_PATH`, the app's data folder, an `onnxruntime` in the current Python environment, the system's
//! library path. One is fetched ([`super::install`]) when there is none.
//!
//! A library is asked what it is in a worker process, because a process can load only one, and a broken one may
//! crash whoever loads it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::install::{self, Flavour, InstallError};
use super::launcher::{Launcher, WorkerError};
use super::protocol::{Event, Request};

/// Where a library was found; also the order in which they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The user's setting or option.
    Setting,
    /// `ORT_DYLIB_PATH`.
    Environment,
    /// Fetched earlier by this app.
    DataFolder,
    /// An `onnxruntime` package of the current Python environment.
    Python,
    /// The system's library path.
    System,
}

/// A library on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The library file.
    pub path: PathBuf,
    /// Where it was found.
    pub origin: Origin,
    /// `1.31.1`; `None` when it does not say.
    pub version: Option<String>,
    /// Its execution providers, by the names the app uses (`CPU`, `CUDA`, …); empty when it cannot be used.
    pub providers: Vec<String>,
    /// What it is built for, judged by its providers.
    pub flavour: Option<Flavour>,
    /// Why it cannot be used, in the loader's own words; `None` when it can.
    pub problem: Option<String>,
}

/// Where to look. [`Search::of_this_machine`] is what the app uses; tests narrow it.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// An explicit library.
    pub setting: Option<PathBuf>,
    /// The value of `ORT_DYLIB_PATH`.
    pub variable: Option<PathBuf>,
    /// The folder that fetched runtimes are unpacked into.
    pub data_folder: Option<PathBuf>,
    /// Python programs to ask, the first that runs is the current environment's.
    pub pythons: Vec<String>,
    /// Folders of the system's library path.
    pub system_folders: Vec<PathBuf>,
}

/// Why there is no runtime to measure with.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A library the user named cannot be used.
    #[error("cannot use the ONNX Runtime library that {} names: {problem}: {}", origin_words(*origin), path.display())]
    Named {
        /// Who named it.
        origin: Origin,
        /// Why not.
        problem: String,
        /// The library.
        path: PathBuf,
    },
    /// None is there and none may be fetched.
    #[error(
        "no usable ONNX Runtime library is on this machine{}, and --offline forbids fetching one; either run \
         `inferometer runtime install` once while online, or get an ONNX Runtime 1.22 or newer yourself and name \
         its library with --runtime or ORT_DYLIB_PATH",
        tried_words(tried)
    )]
    Offline {
        /// What was there and could not be used.
        tried: Vec<Found>,
    },
    /// None is there and fetching failed.
    #[error("no usable ONNX Runtime library is on this machine{}; {source}", tried_words(tried))]
    Fetch {
        /// What was there and could not be used.
        tried: Vec<Found>,
        /// Why fetching failed.
        source: InstallError,
    },
    /// The runtimes here lack a provider.
    #[error(
        "no ONNX Runtime on this machine offers {provider}; there are {offered}; {}",
        other_providers(provider)
    )]
    Provider {
        /// The provider asked for.
        provider: String,
        /// Those there are.
        offered: String,
    },
    /// A worker could not be started.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

fn origin_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Setting => "--runtime or the setting",
        Origin::Environment => "ORT_DYLIB_PATH",
        Origin::DataFolder => "the data folder",
        Origin::Python => "Python",
        Origin::System => "the library path",
    }
}

/// How to get a provider that is not there.
pub(super) fn other_providers(provider: &str) -> String {
    match Flavour::that_has(provider) {
        Some(flavour) => format!("`inferometer runtime install {}` fetches one that does", flavour.name()),
        None => "`inferometer runtime install gpu` fetches one with CUDA and TensorRT, `inferometer runtime install \
                 openvino` one with OpenVINO; a library of your own is named with --runtime or ORT_DYLIB_PATH"
            .to_owned(),
    }
}

fn tried_words(tried: &[Found]) -> String {
    let each: Vec<String> = tried
        .iter()
        .filter_map(|found| Some(format!("{}: {}", found.path.display(), found.problem.as_deref()?)))
        .collect();
    if each.is_empty() { String::new() } else { format!(" (tried {})", each.join("; ")) }
}

impl Search {
    /// The places of this machine, with the user's setting if there is one.
    pub fn of_this_machine(setting: Option<PathBuf>) -> Self {
        Self {
            setting,
            variable: std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from),
            data_folder: directories::ProjectDirs::from("", "", "inferometer")
                .map(|dirs| dirs.data_local_dir().join("runtimes")),
            pythons: install::PYTHONS.iter().map(|name| (*name).to_owned()).collect(),
            system_folders: system_folders(),
        }
    }

    /// Libraries in the order of use, each once, without loading any. Those the user named are listed even when
    /// they are not there.
    pub fn candidates(&self) -> Vec<(Origin, PathBuf)> {
        let mut all: Vec<(Origin, PathBuf)> = Vec::new();
        all.extend(self.setting.iter().map(|path| (Origin::Setting, path.clone())));
        all.extend(self.variable.iter().map(|path| (Origin::Environment, path.clone())));
        if let Some(folder) = &self.data_folder {
            let installed = install::installed(folder);
            all.extend(installed.into_iter().map(|path| (Origin::DataFolder, path)));
        }
        all.extend(python_library(&self.pythons).map(|path| (Origin::Python, path)));
        for folder in &self.system_folders {
            all.extend(library_in(folder).map(|path| (Origin::System, path)));
        }
        let mut seen = Vec::new();
        all.retain(|(_, path)| {
            let real = path.canonicalize().unwrap_or_else(|_absent| path.clone());
            let new = !seen.contains(&real);
            seen.push(real);
            new
        });
        all
    }
}

/// Every library of this machine with what it says of itself.
pub fn list(search: &Search, launcher: &Launcher, cancel: &Cancel) -> Result<Vec<Found>, RuntimeError> {
    search.candidates().into_iter().map(|(origin, path)| describe(origin, &path, launcher, cancel)).collect()
}

/// Libraries that between them offer `providers`, in the order of use; one is fetched when there is none at all.
/// `say` gets lines for the user, such as what is being fetched.
///
/// A library that the user named and that cannot be used is an error; another one is passed over with a line.
pub fn ensure(
    search: &Search,
    launcher: &Launcher,
    providers: &[String],
    offline: bool,
    cancel: &Cancel,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Found>, RuntimeError> {
    let mut usable: Vec<Found> = Vec::new();
    let mut tried = Vec::new();
    for (origin, path) in search.candidates() {
        let enough = !usable.is_empty() && lacking(&usable, providers).is_none();
        if enough && !may_be_better(&path, &usable, providers) {
            continue;
        }
        let found = describe(origin, &path, launcher, cancel)?;
        match &found.problem {
            None => usable.push(found),
            Some(problem) if matches!(origin, Origin::Setting | Origin::Environment) => {
                return Err(RuntimeError::Named { origin, problem: problem.clone(), path });
            }
            Some(problem) => {
                if !enough {
                    say(&format!("passing over {}: {problem}", path.display()));
                }
                tried.push(found);
            }
        }
    }
    if usable.is_empty() {
        if offline {
            return Err(RuntimeError::Offline { tried });
        }
        let fetched = match &search.data_folder {
            Some(folder) => install::install(Flavour::Cpu, folder, &search.pythons, cancel, say),
            None => Err(InstallError::NoFolder),
        };
        let path = match fetched {
            Ok(path) => path,
            Err(source) => return Err(RuntimeError::Fetch { tried, source }),
        };
        let found = describe(Origin::DataFolder, &path, launcher, cancel)?;
        if let Some(problem) = found.problem {
            return Err(RuntimeError::Named { origin: Origin::DataFolder, problem, path });
        }
        usable.push(found);
    }
    match lacking(&usable, providers) {
        None => Ok(usable),
        Some(provider) => {
            let mut offered: Vec<&str> =
                usable.iter().flat_map(|found| &found.providers).map(String::as_str).collect();
            offered.sort_unstable();
            offered.dedup();
            Err(RuntimeError::Provider { provider: provider.clone(), offered: offered.join(", ") })
        }
    }
}

fn lacking<'p>(usable: &[Found], providers: &'p [String]) -> Option<&'p String> {
    providers.iter().find(|provider| choose(usable, provider).is_none())
}

/// The provider that every build has.
const CPU: &str = "CPU";

/// The library that runs a provider: the first that offers it. For `CPU`, which builds for other devices have too and
/// often in an older version, it is the plain CPU build with the newest version; what the user named goes before it.
pub fn choose<'f>(usable: &'f [Found], provider: &str) -> Option<&'f Found> {
    let offers =
        |found: &&Found| found.providers.iter().any(|offered| offered.eq_ignore_ascii_case(provider));
    let first = usable.iter().find(offers)?;
    if !provider.eq_ignore_ascii_case(CPU) || first.is_named() {
        return Some(first);
    }
    let plain = usable.iter().filter(offers).filter(|found| found.is_plain());
    // The first of several with the same version.
    plain.rev().max_by_key(|found| found.version.as_deref().map(numbers)).or(Some(first))
}

/// Whether an unknown library may take the place of the one chosen for the CPU. Loading one takes a process, so those
/// whose file says that they are no newer are left alone.
fn may_be_better(path: &Path, usable: &[Found], providers: &[String]) -> bool {
    let asked = providers.iter().any(|provider| provider.eq_ignore_ascii_case(CPU));
    let Some(chosen) = choose(usable, CPU).filter(|chosen| asked && !chosen.is_named()) else { return false };
    let newer =
        |version: String| chosen.version.as_deref().is_none_or(|known| numbers(&version) > numbers(known));
    !chosen.is_plain() || version_of_file(path).is_none_or(newer)
}

/// `1.31.1` as numbers that compare.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

impl Found {
    /// Whether the user named it.
    fn is_named(&self) -> bool {
        matches!(self.origin, Origin::Setting | Origin::Environment)
    }

    /// Whether it is built for CPUs alone.
    fn is_plain(&self) -> bool {
        self.flavour == Some(Flavour::Cpu)
    }
}

/// The version of a library that was named for a provider, asked on the machine it is on; `None` when it does not say.
pub(super) fn version_for(
    library: &Path,
    provider: &str,
    launcher: &Launcher,
    cancel: &Cancel,
) -> Result<Option<String>, WorkerError> {
    let request = Request::Describe { runtime: library.to_owned() };
    let mut worker = launcher.start(cancel)?;
    match worker.ask(&request, Duration::ZERO, cancel, &mut |_| (), &mut || ())? {
        Event::Described { version, providers } => {
            if providers.iter().any(|offered| offered.eq_ignore_ascii_case(provider)) {
                return Ok(version);
            }
            Err(WorkerError::Refused(format!(
                "the library does not offer {provider}; it offers {}: {}",
                providers.join(", "),
                library.display()
            )))
        }
        other => Err(WorkerError::Protocol(format!("{other:?} instead of what the library is"))),
    }
}

/// What a library says of itself, asked in a worker.
pub fn describe(
    origin: Origin,
    path: &Path,
    launcher: &Launcher,
    cancel: &Cancel,
) -> Result<Found, RuntimeError> {
    let mut found = Found {
        path: path.to_owned(),
        origin,
        version: version_of_file(path),
        providers: Vec::new(),
        flavour: None,
        problem: None,
    };
    if !path.is_file() {
        found.problem = Some("there is no such file".to_owned());
        return Ok(found);
    }
    let request = Request::Describe { runtime: path.to_owned() };
    let mut worker = launcher.start(cancel)?;
    match worker.ask(&request, Duration::ZERO, cancel, &mut |_| (), &mut || ()) {
        Ok(Event::Described { version, providers }) => {
            found.version = version;
            found.flavour = Some(Flavour::of_providers(&providers));
            found.providers = providers;
        }
        Ok(other) => found.problem = Some(format!("the worker answered {other:?}")),
        Err(WorkerError::Cancelled) => return Err(WorkerError::Cancelled.into()),
        Err(error) => found.problem = Some(error.to_string()),
    }
    Ok(found)
}

/// `libonnxruntime.so.1.31.1`, `libonnxruntime.1.31.1.dylib` → `1.31.1`, links followed; for other names what the
/// Python package's file beside it says.
pub(super) fn version_of_file(path: &Path) -> Option<String> {
    let real = path.canonicalize().ok()?;
    let name = real.file_name()?.to_str()?;
    let version = name
        .strip_prefix("libonnxruntime.so.")
        .or_else(|| name.strip_prefix("libonnxruntime.")?.strip_suffix(".dylib"))
        .filter(|version| version.contains('.') && version.starts_with(|first: char| first.is_ascii_digit()));
    if let Some(version) = version {
        return Some(version.to_owned());
    }
    let about = std::fs::read_to_string(real.parent()?.join(PACKAGE_FACTS)).ok()?;
    let line = about.lines().find_map(|line| line.strip_prefix("__version__"))?;
    Some(line.trim_matches([' ', '=', '\'', '"']).to_owned())
}

/// A file of the Python package that names its version.
pub(super) const PACKAGE_FACTS: &str = "build_and_package_info.py";

/// The ONNX Runtime library in a folder, by the platform's name for it; the highest version where there are many.
pub(super) fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(is_library_name))
        .collect();
    libraries.sort_by_cached_key(|path| version_of_file(path).map(|version| numbers(&version)));
    libraries.pop()
}

fn is_library_name(name: &str) -> bool {
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        name == "libonnxruntime.dylib"
            || name
                .strip_prefix("libonnxruntime.")
                .and_then(|rest| rest.strip_suffix(".dylib"))
                .is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    } else {
        name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")
    }
}

/// The library of the `onnxruntime` package of the first Python that runs. The package is located, not imported.
fn python_library(pythons: &[String]) -> Option<PathBuf> {
    const LOCATE: &str =
        "import importlib.util as u; s = u.find_spec('onnxruntime'); print((s and s.origin) or '')";
    for python in pythons {
        let asked = Command::new(python).args(["-c", LOCATE]).stdin(Stdio::null()).output();
        let Some(output) = asked.ok().filter(|output| output.status.success()) else { continue };
        let origin = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return library_in(&Path::new(&origin).parent()?.join("capi"));
    }
    None
}

fn system_folders() -> Vec<PathBuf> {
    let variable = if cfg!(windows) {
        "PATH"
    } else if cfg!(target_os = "macos") {
        "DYLD_LIBRARY_PATH"
    } else {
        "LD_LIBRARY_PATH"
    };
    let mut folders: Vec<PathBuf> =
        std::env::var_os(variable).map(|paths| std::env::split_paths(&paths).collect()).unwrap_or_default();
    let usual: &[&str] = if cfg!(windows) {
        &[]
    } else if cfg!(target_os = "macos") {
        &["/usr/local/lib", "/opt/homebrew/lib"]
    } else {
        &[
            "/usr/local/lib",
            "/usr/local/lib64",
            "/usr/lib",
            "/usr/lib64",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
        ]
    };
    folders.extend(usual.iter().map(PathBuf::from));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_use_is_the_documented_one_and_each_is_listed_once() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(install::library_file_name("1.30.0"));
        std::fs::write(&library, b"").unwrap();
        let search = Search {
            setting: Some("/a/setting".into()),
            variable: Some("/a/variable".into()),
            data_folder: None,
            pythons: Vec::new(),
            system_folders: vec![folder.path().to_owned(), folder.path().to_owned()],
        };
        assert_eq!(
            search.candidates(),
            [
                (Origin::Setting, "/a/setting".into()),
                (Origin::Environment, "/a/variable".into()),
                (Origin::System, library)
            ]
        );
    }

    #[test]
    #[cfg(not(windows))]
    fn versions_are_compared_as_numbers() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["1.9.0", "1.31.1", "1.22.0"] {
            std::fs::write(folder.path().join(install::library_file_name(version)), b"").unwrap();
        }
        let library = library_in(folder.path()).unwrap();
        assert_eq!(version_of_file(&library).as_deref(), Some("1.31.1"));
    }

    fn found(origin: Origin, version: &str, providers: &[&str]) -> Found {
        let providers: Vec<String> = providers.iter().map(|name| (*name).to_owned()).collect();
        Found {
            path: format!("/{version}").into(),
            origin,
            version: Some(version.to_owned()),
            flavour: Some(Flavour::of_providers(&providers)),
            providers,
            problem: None,
        }
    }

    #[test]
    fn the_cpu_is_measured_with_the_newest_plain_build() {
        let openvino = found(Origin::DataFolder, "1.24.1", &["OpenVINO", "CPU"]);
        let old = found(Origin::System, "1.9.0", &["CPU"]);
        let new = found(Origin::Python, "1.31.1", &["CPU"]);
        let chosen = |usable: &[Found], provider| {
            choose(usable, provider).map(|found| found.version.clone().unwrap_or_default())
        };
        let all = [openvino.clone(), old.clone(), new.clone()];
        assert_eq!(chosen(&all, "cpu").as_deref(), Some("1.31.1"));
        assert_eq!(chosen(&all, "OpenVINO").as_deref(), Some("1.24.1"));
        assert_eq!(chosen(&all, "CUDA"), None);
        assert_eq!(chosen(&all[..1], "CPU").as_deref(), Some("1.24.1"));
        // What the user named goes before it, whatever it is.
        for origin in [Origin::Setting, Origin::Environment] {
            let named = Found { origin, ..openvino.clone() };
            assert_eq!(chosen(&[named, new.clone()], "CPU").as_deref(), Some("1.24.1"));
        }
        let again = Found { path: "/again".into(), ..new.clone() };
        assert_eq!(choose(&[new.clone(), again], "CPU").unwrap().path, new.path);
    }

    #[test]
    #[cfg(not(windows))]
    fn only_what_may_be_a_newer_plain_build_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let at = |version| folder.path().join(install::library_file_name(version));
        for version in ["1.30.0", "1.32.0"] {
            std::fs::write(at(version), b"").unwrap();
        }
        let cpu = ["CPU".to_owned()];
        let plain = [found(Origin::DataFolder, "1.31.1", &["CPU"])];
        assert!(!may_be_better(&at("1.30.0"), &plain, &cpu));
        assert!(may_be_better(&at("1.32.0"), &plain, &cpu));
        assert!(!may_be_better(&at("1.32.0"), &plain, &["OpenVINO".to_owned()]));
        let openvino = [found(Origin::DataFolder, "1.31.1", &["OpenVINO", "CPU"])];
        assert!(may_be_better(&at("1.30.0"), &openvino, &cpu));
        let named = [Found { origin: Origin::Setting, ..openvino[0].clone() }];
        assert!(!may_be_better(&at("1.32.0"), &named, &cpu));
    }

    #[test]
    fn the_package_beside_a_library_says_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("onnxruntime.dll");
        std::fs::write(&library, b"").unwrap();
        assert_eq!(version_of_file(&library), None);
        std::fs::write(folder.path().join(PACKAGE_FACTS), "package_name = 'x'\n__version__ = '1.31.1'\n")
            .unwrap();
        assert_eq!(version_of_file(&library).as_deref(), Some("1.31.1"));
    }
}
