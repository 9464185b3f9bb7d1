//! Fetches an ONNX Runtime once, through the user's own `pip`, from the Python package that carries it.
//!
//! The wheel must have the SHA-256 written here; only its libraries and notices are unpacked, into a folder of
//! their own that appears complete or not at all. The wheels for one `CPython` version are pinned, and `pip` is
//! asked for that one whatever Python it runs in, because the library inside does not depend on it.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cancel::Cancel;
use super::runtime;

/// What an ONNX Runtime is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Processors.
    Cpu,
    /// NVIDIA GPUs: CUDA and `TensorRT`.
    Gpu,
    /// Intel processors and GPUs.
    OpenVino,
}

impl Flavour {
    /// All, in the order of use.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::OpenVino];

    /// `cpu`, `gpu`, `openvino`: as the command line takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::OpenVino => "openvino",
        }
    }

    /// The Python package and version that carries it.
    pub fn package(self) -> (&'static str, &'static str) {
        match self {
            Self::Cpu => ("onnxruntime", "1.31.1"),
            Self::Gpu => ("onnxruntime-gpu", "1.31.1"),
            Self::OpenVino => ("onnxruntime-openvino", "1.24.1"),
        }
    }

    /// The flavour whose package has a provider; `None` for those no package has.
    pub fn that_has(provider: &str) -> Option<Self> {
        match provider.to_ascii_lowercase().as_str() {
            "cpu" => Some(Self::Cpu),
            "cuda" | "tensorrt" => Some(Self::Gpu),
            "openvino" => Some(Self::OpenVino),
            _ => None,
        }
    }

    /// Judged by the providers a library has.
    pub fn of_providers(providers: &[String]) -> Self {
        let flavours = providers.iter().filter_map(|provider| Self::that_has(provider));
        flavours.max().unwrap_or(Self::Cpu)
    }
}

/// Python programs tried, in order.
pub(super) const PYTHONS: [&str; 2] =
    if cfg!(windows) { ["python", "python3"] } else { ["python3", "python"] };

/// A wheel that may be unpacked.
struct Wheel {
    flavour: Flavour,
    os: &'static str,
    arch: &'static str,
    bytes: u64,
    sha256: &'static str,
}

const fn wheel(
    flavour: Flavour,
    os: &'static str,
    arch: &'static str,
    bytes: u64,
    sha256: &'static str,
) -> Wheel {
    Wheel { flavour, os, arch, bytes, sha256 }
}

/// `CPython` version the pinned wheels are for.
const PYTHON_TAG: (&str, &str) = ("3.12", "cp312");

/// Sizes and hashes of the wheels as the package index had them on 2026-11-21; each was downloaded and checked.
/// No Windows wheel of the `OpenVINO` flavour: it lacks the libraries it needs.
const WHEELS: [Wheel; 8] = [
    wheel(
        Flavour::Cpu,
        "linux",
        "x86_64",
        23_760_988,
        "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
    ),
    wheel(
        Flavour::Cpu,
        "linux",
        "aarch64",
        21_420_803,
        "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
    ),
    wheel(
        Flavour::Cpu,
        "macos",
        "aarch64",
        20_882_125,
        "96dd2564b10ea7153ad9c207e7cd8e5917cb3ba521e0e0a62ac03486fdc8d56c",
    ),
    wheel(
        Flavour::Cpu,
        "windows",
        "x86_64",
        14_888_466,
        "ae8a9a351efda685cc59a66226cdefaa37a126c1d66872ca23a2de9425326130",
    ),
    wheel(
        Flavour::Cpu,
        "windows",
        "aarch64",
        14_740_724,
        "fe8b9ac1ae8e894e12c47ee82e4f6dfc1835768133687257866469fda80d0bf1",
    ),
    wheel(
        Flavour::Gpu,
        "linux",
        "x86_64",
        255_569_273,
        "05d548956197b9d01f59b625de740e0d6be3593f874e241a12dc0362650ecdf7",
    ),
    wheel(
        Flavour::Gpu,
        "windows",
        "x86_64",
        168_098_228,
        "2bb1e9373baba88f6415257f5b6a589d23e23c16004f7d89adf4344eada5749e",
    ),
    wheel(
        Flavour::OpenVino,
        "linux",
        "x86_64",
        84_433_207,
        "d617fac2f59a6ab5ea59a788c3e1592240a129642519aaeaa774761dfe35150e",
    ),
];

/// Why no runtime was fetched.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The platform gives no folder for application data.
    #[error(
        "there is no folder for application data to unpack a runtime into; name a library with --runtime"
    )]
    NoFolder,
    /// No wheel is known for this machine.
    #[error(
        "no ONNX Runtime package of flavour `{flavour}` is known for {system}; get an ONNX Runtime 1.22 or newer \
         yourself and name its library with --runtime or ORT_DYLIB_PATH"
    )]
    Platform {
        /// Asked for.
        flavour: &'static str,
        /// `linux x86_64`.
        system: String,
    },
    /// No Python with pip.
    #[error(
        "fetching one needs Python with pip, and there is none ({problem}); either install it (Debian and Ubuntu: \
         `apt install python3-pip`), or get an ONNX Runtime 1.22 or newer yourself and name its library with \
         --runtime or ORT_DYLIB_PATH"
    )]
    NoPip {
        /// What was tried.
        problem: String,
    },
    /// pip ran and failed.
    #[error(
        "pip could not download {package} ({problem}); check the network and pip's index settings, or get an ONNX \
         Runtime 1.22 or newer yourself and name its library with --runtime or ORT_DYLIB_PATH"
    )]
    Download {
        /// `onnxruntime==1.31.1`.
        package: String,
        /// The last lines pip wrote.
        problem: String,
    },
    /// Not the file that was pinned.
    #[error(
        "the downloaded {file} has SHA-256 {found}, but {expected} is the one known to be good; it was thrown away"
    )]
    Hash {
        /// The wheel.
        file: String,
        /// Its hash.
        found: String,
        /// The pinned one.
        expected: String,
    },
    /// The disk.
    #[error("cannot unpack ONNX Runtime: {problem}: {}", path.display())]
    Unpack {
        /// What happened.
        problem: String,
        /// Where.
        path: PathBuf,
    },
    /// The user asked to stop.
    #[error("stopped")]
    Cancelled,
}

/// Libraries fetched earlier into `folder`, in the order of [`Flavour::ALL`], newest first within one.
pub fn installed(folder: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(folder).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<(usize, Reverse<String>)> = names
        .filter_map(|name| {
            let (package, _) = name.rsplit_once('-')?;
            let place = Flavour::ALL.iter().position(|flavour| flavour.package().0 == package)?;
            Some((place, Reverse(name)))
        })
        .collect();
    found.sort();
    found.into_iter().filter_map(|(_, Reverse(name))| runtime::library_in(&folder.join(name))).collect()
}

/// Fetches a flavour into `folder` unless it is there, and returns its library. `say` gets a line that says what
/// is fetched, how big it is and where it goes, before it happens.
pub fn install(
    flavour: Flavour,
    folder: &Path,
    pythons: &[String],
    cancel: &Cancel,
    say: &mut dyn FnMut(&str),
) -> Result<PathBuf, InstallError> {
    let (package, version) = flavour.package();
    let target = folder.join(format!("{package}-{version}"));
    if let Some(library) = runtime::library_in(&target) {
        say(&format!("{package} {version} is already there: {}", library.display()));
        return Ok(library);
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let wheel = WHEELS
        .iter()
        .find(|wheel| (wheel.flavour, wheel.os, wheel.arch) == (flavour, os, arch))
        .ok_or_else(|| InstallError::Platform { flavour: flavour.name(), system: format!("{os} {arch}") })?;
    let python = python_with_pip(pythons)?;
    say(&format!(
        "fetching ONNX Runtime {version} ({package}, {:.0} MB) once with pip into {}",
        wheel.bytes as f64 / 1e6,
        target.display()
    ));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| InstallError::Unpack { problem: error.to_string(), path }
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let temporary = tempfile::Builder::new().prefix(".fetch-").tempdir_in(folder).map_err(at(folder))?;
    let downloaded = download(&python, package, version, temporary.path(), cancel)?;
    check(&downloaded, wheel.sha256)?;
    let unpacked = temporary.path().join("unpacked");
    let file = File::open(&downloaded).map_err(at(&downloaded))?;
    unpack(file, &unpacked).map_err(|problem| InstallError::Unpack { problem, path: unpacked.clone() })?;
    if let Err(error) = std::fs::rename(&unpacked, &target) {
        // Another process may have been faster; its copy is as good.
        if runtime::library_in(&target).is_none() {
            return Err(at(&target)(error));
        }
    }
    let library = runtime::library_in(&target).ok_or_else(|| InstallError::Unpack {
        problem: format!("{package} {version} holds no ONNX Runtime library"),
        path: target.clone(),
    })?;
    say(&format!("ONNX Runtime {version} is ready: {}", library.display()));
    Ok(library)
}

fn python_with_pip(pythons: &[String]) -> Result<String, InstallError> {
    let mut problems = Vec::new();
    for python in pythons {
        let asked = Command::new(python).args(["-m", "pip", "--version"]).stdin(Stdio::null()).output();
        match asked {
            Ok(output) if output.status.success() => return Ok(python.clone()),
            Ok(output) => problems.push(format!("{python}: {}", last_lines(&output.stderr))),
            Err(error) => problems.push(format!("{python}: {error}")),
        }
    }
    Err(InstallError::NoPip { problem: problems.join("; ") })
}

fn download(
    python: &str,
    package: &str,
    version: &str,
    folder: &Path,
    cancel: &Cancel,
) -> Result<PathBuf, InstallError> {
    let package = format!("{package}=={version}");
    let failed = |problem: String| InstallError::Download { package: package.clone(), problem };
    let log = folder.join("pip.log");
    let log_file = File::create(&log).map_err(|error| failed(error.to_string()))?;
    let wheels = folder.join("wheel");
    let mut pip = Command::new(python)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"])
        .args(["--quiet", "--no-input", "--implementation", "cp", "--python-version", PYTHON_TAG.0])
        .args(["--abi", PYTHON_TAG.1, "--dest"])
        .arg(&wheels)
        .arg(&package)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log_file)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let status = loop {
        if cancel.is_cancelled() {
            // Fails only when it has already ended.
            let _: Result<(), _> = pip.kill();
            let _: Result<_, _> = pip.wait();
            return Err(InstallError::Cancelled);
        }
        match pip.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => return Err(failed(error.to_string())),
        }
    };
    if !status.success() {
        return Err(failed(last_lines(&std::fs::read(&log).unwrap_or_default())));
    }
    std::fs::read_dir(&wheels)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| failed("it left no file".to_owned()))
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(2)..].join("; ")
}

fn check(file: &Path, expected: &str) -> Result<(), InstallError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unreadable =
        |error: std::io::Error| InstallError::Unpack { problem: error.to_string(), path: file.to_owned() };
    let mut hash = Sha256::new();
    let mut reader = File::open(file).map_err(unreadable)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    let found = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _: std::fmt::Result = write!(text, "{byte:02x}");
        text
    });
    if found == expected {
        Ok(())
    } else {
        Err(InstallError::Hash { file: name, found, expected: expected.to_owned() })
    }
}

/// Unpacks libraries and notices of a wheel into a new folder, all side by side, as the libraries look for each
/// other.
fn unpack(wheel: impl Read + Seek, folder: &Path) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    std::fs::create_dir_all(folder).map_err(|error| words(&error))?;
    let mut archive = zip::ZipArchive::new(wheel).map_err(|error| words(&error))?;
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(|error| words(&error))?;
        let name = entry.name().map_err(|error| words(&error))?.into_owned();
        if let Some(file_name) = wanted(&name) {
            let mut file = File::create(folder.join(file_name)).map_err(|error| words(&error))?;
            std::io::copy(&mut entry, &mut file).map_err(|error| words(&error))?;
        }
    }
    Ok(())
}

/// The file name to unpack a wheel's entry to; `None` for what is not needed: Python code and the Python binding.
fn wanted(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix("onnxruntime/")?;
    let (folder, name) = rest.rsplit_once('/').unwrap_or(("", rest));
    // Wheels spell these in lower case; `libopenvino.so.2541` is a library, too.
    let library = name.split('.').skip(1).any(|part| ["dll", "dylib", "so"].contains(&part));
    let wanted = match folder {
        "" => ["LICENSE", "ThirdPartyNotices.txt", "Privacy.md"].contains(&name),
        "capi" => name == runtime::PACKAGE_FACTS || (library && !name.starts_with("onnxruntime_pybind11")),
        _ => false,
    };
    (wanted && !name.is_empty() && !name.contains(['\\', ':'])).then_some(name)
}

/// The platform's file name for a library of some version.
#[cfg(test)]
pub(super) fn library_file_name(version: &str) -> String {
    if cfg!(windows) {
        "onnxruntime.dll".to_owned()
    } else if cfg!(target_os = "macos") {
        format!("libonnxruntime.{version}.dylib")
    } else {
        format!("libonnxruntime.so.{version}")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    #[test]
    fn only_libraries_and_notices_are_unpacked() {
        let mut wheel = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let library = library_file_name("1.31.1");
        let inside = format!("onnxruntime/capi/{library}");
        for name in [
            inside.as_str(),
            "onnxruntime/capi/onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so",
            "onnxruntime/capi/libonnxruntime_providers_shared.so",
            "onnxruntime/capi/training/evil.so",
            "onnxruntime/capi/../../outside.so",
            "onnxruntime/LICENSE",
            "onnxruntime/__init__.py",
            "elsewhere/x.so",
        ] {
            wheel.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            wheel.write_all(name.as_bytes()).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("onnxruntime-1.31.1");
        unpack(wheel.finish().unwrap(), &target).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(&target)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut expected =
            vec!["LICENSE".to_owned(), library, "libonnxruntime_providers_shared.so".to_owned()];
        expected.sort();
        assert_eq!(names, expected);
        assert_eq!(installed(folder.path()).len(), 1);
    }

    #[test]
    fn another_file_than_the_pinned_one_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        // FIPS 180-2, appendix B.1: SHA-256 of "abc".
        check(file.path(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        let error = check(file.path(), WHEELS[0].sha256).unwrap_err().to_string();
        assert!(error.contains("ba7816bf") && error.contains(WHEELS[0].sha256), "{error}");
    }

    #[test]
    fn without_pip_both_ways_out_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let pythons = ["no-such-python".to_owned()];
        let error = install(Flavour::Cpu, folder.path(), &pythons, &Cancel::new(), &mut |_| ())
            .unwrap_err()
            .to_string();
        assert!(error.contains("pip") && error.contains("--runtime"), "{error}");
    }

    #[test]
    fn every_flavour_of_linux_and_the_cpu_of_every_system_is_pinned() {
        let has = |flavour, os| WHEELS.iter().any(|wheel| wheel.flavour == flavour && wheel.os == os);
        assert!(Flavour::ALL.iter().all(|flavour| has(*flavour, "linux")));
        assert!(["linux", "macos", "windows"].iter().all(|os| has(Flavour::Cpu, os)));
        assert!(WHEELS.iter().all(|wheel| wheel.sha256.len() == 64 && wheel.bytes > 10_000_000));
    }

    #[test]
    fn flavours_are_told_by_their_providers() {
        let providers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(Flavour::of_providers(&providers(&["Azure", "CPU"])), Flavour::Cpu);
        assert_eq!(Flavour::of_providers(&providers(&["TensorRT", "CUDA", "CPU"])), Flavour::Gpu);
        assert_eq!(Flavour::of_providers(&providers(&["OpenVINO", "CPU"])), Flavour::OpenVino);
    }
}
