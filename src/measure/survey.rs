//! What a machine is that measures: its fingerprint and the ONNX Runtimes it has, asked of a worker there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::launcher::{Launcher, WorkerError};
use super::own_folders;
use super::protocol::{Event, Request};
use super::runtime::{self, Found, Search};
use crate::hardware::Fingerprint;

/// What a worker tells of its machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Inferometer's version there.
    pub version: String,
    /// The machine's own name; `None` when it does not tell.
    pub host: Option<String>,
    /// The machine.
    pub machine: Fingerprint,
    /// Its ONNX Runtimes, in the order of use, those among them that cannot be used.
    pub runtimes: Vec<Found>,
}

impl Survey {
    /// This machine, with the runtimes that its environment and Inferometer's data folder have. Each is loaded in a
    /// process of its own.
    pub(super) fn of_this_machine() -> Result<Self, String> {
        let launcher = Launcher::this_program().map_err(|error| {
            format!("could not find this program's own file to start workers from: {error}")
        })?;
        let here = Search::of_this_machine(None);
        let search = Search { data_folder: own_folders::runtimes(), ..here };
        let runtimes =
            runtime::list(&search, &launcher, &Cancel::new()).map_err(|error| error.to_string())?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: sysinfo::System::host_name().ok().filter(|name| !name.is_empty()),
            machine: Fingerprint::read(),
            runtimes,
        })
    }

    /// The runtimes that can be used.
    pub fn usable(&self) -> impl Iterator<Item = &Found> {
        self.runtimes.iter().filter(|found| found.problem.is_none())
    }

    /// The runtimes that between them offer `providers`, or what is missing and what to do there. `target` is how
    /// the machine is reached.
    pub fn runtimes_for(&self, providers: &[String], target: &str) -> Result<Vec<Found>, String> {
        let usable: Vec<Found> = self.usable().cloned().collect();
        if usable.is_empty() {
            let tried: Vec<String> = self
                .runtimes
                .iter()
                .filter_map(|found| Some(format!("{}: {}", found.path.display(), found.problem.as_deref()?)))
                .collect();
            let tried =
                if tried.is_empty() { String::new() } else { format!(" (tried {})", tried.join("; ")) };
            return Err(format!(
                "`{target}` has no usable ONNX Runtime{tried}; run `inferometer runtime install` there, or set \
                 ORT_DYLIB_PATH there"
            ));
        }
        match providers.iter().find(|provider| runtime::choose(&usable, provider).is_none()) {
            None => Ok(usable),
            Some(provider) => {
                let mut offered: Vec<&str> =
                    usable.iter().flat_map(|found| &found.providers).map(String::as_str).collect();
                offered.sort_unstable();
                offered.dedup();
                Err(format!(
                    "no ONNX Runtime on `{target}` offers {provider}; there are {}; there, {}",
                    offered.join(", "),
                    runtime::other_providers(provider)
                ))
            }
        }
    }
}

/// Time a machine may take to look at itself and its runtimes.
const LOOKING: Duration = Duration::from_mins(2);

/// Asks a machine what it is.
pub fn survey(launcher: &Launcher, cancel: &Cancel) -> Result<Survey, WorkerError> {
    let mut worker = launcher.start(cancel)?;
    match worker.ask(&Request::Survey, LOOKING, cancel, &mut |_| (), &mut || ())? {
        Event::Surveyed(survey) => Ok(*survey),
        other => Err(WorkerError::Protocol(format!("{other:?} instead of a survey"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::runtime::Origin;
    use super::*;

    fn found(providers: &[&str], problem: Option<&str>) -> Found {
        Found {
            path: "/lib/libonnxruntime.so".into(),
            origin: Origin::System,
            version: Some("1.31.1".to_owned()),
            providers: providers.iter().map(|name| (*name).to_owned()).collect(),
            flavour: None,
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn what_a_machine_lacks_is_said_with_what_to_do_there() {
        let survey = |runtimes| Survey {
            version: "0".to_owned(),
            host: None,
            machine: Fingerprint::default(),
            runtimes,
        };
        let cpu = ["CPU".to_owned()];
        let broken = survey(vec![found(&[], Some("wrong architecture"))]);
        let words = broken.runtimes_for(&cpu, "ssh h").unwrap_err();
        assert!(words.contains("wrong architecture") && words.contains("runtime install"), "{words}");
        let plain = survey(vec![found(&[], Some("no")), found(&["CPU"], None)]);
        assert_eq!(plain.runtimes_for(&cpu, "ssh h").unwrap().len(), 1);
        let words = plain.runtimes_for(&["CUDA".to_owned()], "ssh h").unwrap_err();
        assert!(words.contains("CUDA") && words.contains("they offer CPU"), "{words}");
    }
}
