//! What the application remembers of its user between runs, in one JSON file. Not part of any project.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// How many recent projects and files are kept.
const RECENT: usize = 12;

/// Light, dark, or as the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// The user's settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colours of the window.
    pub theme: Theme,
    /// ONNX Runtime library to use before any other.
    pub runtime: Option<PathBuf>,
    /// Never fetch anything.
    pub offline: bool,
    /// Projects and files opened lately, the latest first.
    pub recent: Vec<PathBuf>,
}

impl Settings {
    /// Reads the settings; the defaults where there are none yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read: it is left as it is.
    pub fn load(config: &Path) -> anyhow::Result<Self> {
        let path = config.join("settings.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", path.display()));
            }
        };
        serde_json::from_str(&text)
            .with_context(|| format!("the settings are not readable; mend or delete {}", path.display()))
    }

    /// Writes the settings: a new file, then renamed over the old one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, config: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(config).with_context(|| format!("could not make {}", config.display()))?;
        let mut file = tempfile::NamedTempFile::new_in(config)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.persist(config.join("settings.json"))?;
        Ok(())
    }

    /// Notes that a file was opened.
    pub fn opened(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_no_cwd| path.to_owned());
        self.recent.retain(|other| *other != path);
        self.recent.insert(0, path);
        self.recent.truncate(RECENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_a_damaged_file_is_an_error_not_a_reset() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::load(folder.path()).unwrap();
        settings.opened(Path::new("/a"));
        settings.opened(Path::new("/b"));
        settings.opened(Path::new("/a"));
        settings.save(folder.path()).unwrap();
        assert_eq!(Settings::load(folder.path()).unwrap().recent, [PathBuf::from("/a"), "/b".into()]);

        std::fs::write(folder.path().join("settings.json"), "{").unwrap();
        assert!(Settings::load(folder.path()).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join("settings.json")).unwrap(), "{");
    }
}
