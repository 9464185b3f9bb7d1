//! Finds ADBC drivers: a library or manifest by its path, the libraries in Python packages (`adbc-driver-flightsql` and
//! others carry one), and whatever the ADBC driver manager finds by a manifest's name.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::dialect::Dialect;
use super::error::WarehouseError;

/// A driver that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The name, as options spell it.
    pub name: &'static str,
    /// The Python package that carries it.
    pub package: &'static str,
    /// What it connects to, for people.
    pub words: &'static str,
    /// How an address looks.
    pub example: &'static str,
    /// The dialect that usually goes with it.
    pub dialect: Dialect,
}

/// The drivers that are known by name.
pub const KNOWN: &[Known] = &[
    Known {
        name: "flightsql",
        package: "adbc-driver-flightsql",
        words: "Flight SQL",
        example: "grpc://host:32010",
        dialect: Dialect::DataFusion,
    },
    Known {
        name: "spark",
        package: "adbc-driver-spark",
        words: "Spark Connect",
        example: "sc://host:15002",
        dialect: Dialect::Spark,
    },
    Known {
        name: "postgresql",
        package: "adbc-driver-postgresql",
        words: "PostgreSQL",
        example: "postgresql://user@host:5432/database",
        dialect: Dialect::Postgres,
    },
    Known {
        name: "bigquery",
        package: "adbc-driver-bigquery",
        words: "BigQuery",
        example: "",
        dialect: Dialect::BigQuery,
    },
    Known {
        name: "snowflake",
        package: "adbc-driver-snowflake",
        words: "Snowflake",
        example: "user@account/database/schema?warehouse=NAME",
        dialect: Dialect::Snowflake,
    },
];

/// The known driver of this name; `postgres`, `flight-sql` and the package's name too.
pub fn known(name: &str) -> Option<&'static Known> {
    let name = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let name = name.strip_prefix("adbc-driver-").unwrap_or(&name).replace('-', "");
    let name = if name == "postgres" { "postgresql" } else { name.as_str() };
    KNOWN.iter().find(|known| known.name == name)
}

/// The driver that an address such as `sc://…` needs.
pub fn for_address(uri: &str) -> Option<&'static Known> {
    let (scheme, _) = uri.split_once("://")?;
    known(match scheme.to_ascii_lowercase().as_str() {
        "sc" => "spark",
        "grpc" | "grpc+tls" | "grpc+tcp" | "grpc+unix" | "flightsql" => "flightsql",
        "postgresql" | "postgres" => "postgresql",
        "bigquery" => "bigquery",
        "snowflake" => "snowflake",
        _ => return None,
    })
}

/// Where drivers are looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Python programs, each asked for its packages.
    pub pythons: Vec<String>,
}

impl Search {
    /// This machine's: the Python that `INFEROMETER_PYTHON` names, then those on the search path.
    pub fn of_this_machine() -> Self {
        let named = std::env::var("INFEROMETER_PYTHON").ok().filter(|python| !python.is_empty());
        let usual = if cfg!(windows) { ["python", "python3"] } else { ["python3", "python"] };
        Self { pythons: named.into_iter().chain(usual.map(str::to_owned)).collect() }
    }

    /// What the driver manager is to load for this name: the path of a library or manifest, or the name itself where a
    /// manifest of that name may be found.
    ///
    /// # Errors
    /// A path where nothing is; a known driver that no Python has and no manifest names.
    pub fn find(&self, driver: &str) -> Result<String, WarehouseError> {
        let driver = driver.trim();
        if is_path(driver) {
            let path = Path::new(driver);
            let problem = "there is no such file; name an ADBC driver's library or manifest (.toml)";
            return if path.is_file() {
                let full = std::path::absolute(path).unwrap_or_else(|_no_folder| path.to_owned());
                Ok(full.to_string_lossy().into_owned())
            } else {
                Err(WarehouseError::Load { problem: problem.to_owned(), driver: driver.to_owned() })
            };
        }
        let name = known(driver).map_or(driver, |known| known.name);
        if let Some(path) = manifest(name) {
            return Ok(path.to_string_lossy().into_owned());
        }
        if let Some(path) = self.python_library(name) {
            return Ok(path.to_string_lossy().into_owned());
        }
        let hint = if let Some(known) = known(driver) {
            let python = self.pythons.first().map_or("python3", String::as_str);
            let package = known.package;
            format!("`{python} -m pip install {package}` brings it; a library elsewhere is named by its path")
        } else {
            let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
            let names = names.join(", ");
            format!("known by name are {names}; any other is named by the path of its library")
        };
        Err(WarehouseError::NoDriver { driver: driver.to_owned(), pythons: self.pythons.join(", "), hint })
    }

    /// The library of the package `adbc_driver_<name>` in the first Python that has it. The package is located, not
    /// imported.
    fn python_library(&self, name: &str) -> Option<PathBuf> {
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        // Not in the folder that happens to be the current one: what is found here is loaded.
        let locate = format!(
            "import sys; sys.path = [p for p in sys.path if p]; import importlib.util as u; \
             s = u.find_spec('adbc_driver_{name}'); print((s and s.origin) or '')"
        );
        self.pythons.iter().find_map(|python| {
            let asked = Command::new(python).args(["-c", &locate]).stdin(Stdio::null()).output();
            let output = asked.ok().filter(|output| output.status.success())?;
            let origin = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            library_in(Path::new(&origin).parent()?, name)
        })
    }
}

fn is_path(driver: &str) -> bool {
    driver.contains(['/', '\\'])
        || Path::new(driver)
            .extension()
            .is_some_and(|ending| ["so", "dylib", "dll", "toml"].iter().any(|known| ending == *known))
}

/// The driver's library in the folder of its Python package; wheels name it `.so` on every platform.
fn library_in(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [
        format!("libadbc_driver_{name}.so"),
        format!("libadbc_driver_{name}.dylib"),
        format!("adbc_driver_{name}.dll"),
    ];
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The driver manifest of this name in the folders the ADBC specification names: `ADBC_DRIVER_PATH`, the user's, the
/// system's.
fn manifest(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("ADBC_DRIVER_PATH")
        .map(|paths| std::env::split_paths(&paths).collect())
        .unwrap_or_default();
    if let Some(dirs) = directories::BaseDirs::new() {
        let ends: &[&str] =
            if cfg!(target_os = "linux") { &["adbc", "drivers"] } else { &["ADBC", "Drivers"] };
        folders.push(ends.iter().fold(dirs.config_dir().to_owned(), |path, end| path.join(end)));
    }
    if cfg!(target_os = "linux") {
        folders.push(PathBuf::from("/etc/adbc/drivers"));
    } else if cfg!(target_os = "macos") {
        folders.push(PathBuf::from("/Library/Application Support/ADBC/Drivers"));
    }
    folders.into_iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_known_by_several_names() {
        for name in ["postgres", "PostgreSQL", "adbc_driver_postgresql", "adbc-driver-postgresql"] {
            assert_eq!(known(name).unwrap().package, "adbc-driver-postgresql", "{name}");
        }
        assert_eq!(known("flight-sql").unwrap().name, "flightsql");
        assert!(known("oracle").is_none());
        for (uri, name) in [
            ("sc://h:15002", Some("spark")),
            ("grpc+tls://h:1", Some("flightsql")),
            ("postgresql://h/db", Some("postgresql")),
            ("https://h", None),
            ("h", None),
        ] {
            assert_eq!(for_address(uri).map(|known| known.name), name, "{uri}");
        }
    }

    #[test]
    fn a_missing_driver_is_told_with_the_command_that_brings_it() {
        let nowhere = Search { pythons: vec!["no-such-python".to_owned()] };
        let error = nowhere.find("flightsql").unwrap_err().to_string();
        assert!(error.contains("`no-such-python -m pip install adbc-driver-flightsql` brings it"), "{error}");
        let error = nowhere.find("oracle").unwrap_err().to_string();
        assert!(error.contains("known by name are flightsql, spark"), "{error}");
        let error = nowhere.find("/no/such/libdriver.so").unwrap_err().to_string();
        assert!(error.ends_with(": /no/such/libdriver.so") && error.contains("no such file"), "{error}");
    }

    #[test]
    fn a_library_is_found_in_its_package() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(library_in(folder.path(), "spark"), None);
        let path = folder.path().join("libadbc_driver_spark.so");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(library_in(folder.path(), "spark"), Some(path));
    }
}
