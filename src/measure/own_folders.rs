//! Where a worker looks for and keeps what is Inferometer's own on its machine: the folders that the application
//! there uses, so that a runtime fetched by the one is found by the other.

use std::path::{Path, PathBuf};

/// Everything below one folder, where that is set.
const HOME: &str = "INFEROMETER_HOME";

fn of_user(below_home: &str, of_platform: impl Fn(&directories::ProjectDirs) -> &Path) -> Option<PathBuf> {
    if let Some(home) = std::env::var_os(HOME).filter(|home| !home.is_empty()) {
        return Some(PathBuf::from(home).join(below_home));
    }
    directories::ProjectDirs::from("", "", "inferometer").map(|dirs| of_platform(&dirs).to_owned())
}

/// Installed ONNX Runtimes, a folder each; `None` for a user without a home folder.
pub(super) fn runtimes() -> Option<PathBuf> {
    Some(of_user("data", directories::ProjectDirs::data_local_dir)?.join("runtimes"))
}

/// Files that other machines have sent to be measured here.
pub(super) fn sent_files() -> Option<PathBuf> {
    Some(of_user("cache", directories::ProjectDirs::cache_dir)?.join("sent"))
}
