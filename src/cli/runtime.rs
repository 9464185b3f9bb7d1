//! `inferometer runtime list|install`: the ONNX Runtimes of this machine.

use serde_json::json;

use super::args::{Runtime, RuntimeFlavour};
use super::session::Session;
use super::table;
use crate::app::{Options, runtime_search};
use crate::measure::cancel::Cancel;
use crate::measure::install::{self, Flavour};
use crate::measure::runtime::{self, Found, Origin};

pub(super) fn run(what: &Runtime, options: &Options, json: bool) -> anyhow::Result<()> {
    match what {
        Runtime::List => {
            let found = runtime::list(&runtime_search(options), &options.launcher, &Cancel::new())?;
            if json {
                return Session::print_json(&json!({ "runtimes": found }));
            }
            if found.is_empty() {
                say!("No ONNX Runtime was found. `inferometer runtime install` fetches one through pip.");
                return Ok(());
            }
            let usable: Vec<Found> = found.iter().filter(|found| found.problem.is_none()).cloned().collect();
            let is_used = |library: &Found, provider: &str| {
                runtime::choose(&usable, provider).is_some_and(|chosen| chosen.path == library.path)
            };
            let rows: Vec<Vec<String>> = found
                .iter()
                .map(|found| {
                    let version = match &found.problem {
                        Some(problem) => format!("cannot be used: {problem}"),
                        None => found.version.clone().unwrap_or_default(),
                    };
                    let used = found.providers.iter().filter(|provider| is_used(found, provider));
                    let used = used.map(String::as_str);
                    vec![
                        origin_words(found.origin).to_owned(),
                        version,
                        found.providers.join(", "),
                        used.collect::<Vec<_>>().join(", "),
                        found.path.display().to_string(),
                    ]
                })
                .collect();
            table::print(&["found in", "version", "execution providers", "used for", "library"], &rows);
            Ok(())
        }
        Runtime::Install { flavour } => {
            let flavour = match flavour {
                RuntimeFlavour::Cpu => Flavour::Cpu,
                RuntimeFlavour::Gpu => Flavour::Gpu,
                RuntimeFlavour::Openvino => Flavour::OpenVino,
            };
            let mut say = |text: &str| eprintln!("{text}");
            if options.offline {
                anyhow::bail!(
                    "--offline forbids fetching a runtime; allow it, or name a library with --runtime"
                );
            }
            let pythons = runtime_search(options).pythons;
            let folder = options.folders.runtimes();
            let path = install::install(flavour, &folder, &pythons, &Cancel::new(), &mut say)?;
            if json {
                return Session::print_json(&json!({ "library": path }));
            }
            say!("{}", path.display());
            Ok(())
        }
    }
}

fn origin_words(origin: Origin) -> &'static str {
    match origin {
        Origin::Setting => "--runtime or the settings",
        Origin::Environment => "ORT_DYLIB_PATH",
        Origin::DataFolder => "the data folder",
        Origin::Python => "Python",
        Origin::System => "the library path",
    }
}
