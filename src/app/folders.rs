//! Where the application keeps what is its own: settings, bills, runtimes, the unpacked sample project.
//!
//! The platform's folders, or everything below `INFEROMETER_HOME` where that is set (tests, portable installs).

use std::path::{Path, PathBuf};

/// The application's folders. They are made when something is first written into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Bills in Parquet, ONNX Runtime libraries, the sample project.
    pub data: PathBuf,
    /// `settings.json`.
    pub config: PathBuf,
}

impl Folders {
    /// The platform's folders for this user.
    ///
    /// # Errors
    /// When the system names no home folder and `INFEROMETER_HOME` is not set.
    pub fn of_user() -> anyhow::Result<Self> {
        if let Some(home) = std::env::var_os("INFEROMETER_HOME").filter(|home| !home.is_empty()) {
            return Ok(Self::below(Path::new(&home)));
        }
        let dirs = directories::ProjectDirs::from("", "", "inferometer").ok_or_else(|| {
            anyhow::anyhow!("this user has no home folder to keep data in; set INFEROMETER_HOME to a folder")
        })?;
        Ok(Self { data: dirs.data_local_dir().to_owned(), config: dirs.config_dir().to_owned() })
    }

    /// Everything below one folder.
    pub fn below(home: &Path) -> Self {
        Self { data: home.join("data"), config: home.join("config") }
    }

    /// The content-addressed Parquet store of bills.
    pub fn bills(&self) -> PathBuf {
        self.data.join("bills")
    }

    /// Installed ONNX Runtimes, a folder each.
    pub fn runtimes(&self) -> PathBuf {
        self.data.join("runtimes")
    }

    /// The unpacked sample data and its project.
    pub fn sample(&self) -> PathBuf {
        self.data.join("sample")
    }
}
