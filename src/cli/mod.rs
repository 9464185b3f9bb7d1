//! The command line: one file a subcommand. Every command takes `--json` (one document on stdout, units in the key
//! names, diagnostics on stderr) and `--project FILE`, and succeeds only when it did what was asked.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command line is for")]

/// Prints a line on stdout. A reader that has left (`| head`) ends the program quietly, a full disk with an error.
macro_rules! say {
    ($($part:tt)*) => { crate::cli::out::line(format_args!($($part)*)) };
}

mod args;
mod bench;
mod bill;
mod bill_commitments;
mod bill_currencies;
mod bill_deliveries;
mod bill_explore;
mod bill_inference;
mod bill_rates;
mod bill_reconcile;
mod bill_warehouse;
mod bill_watch;
mod compare;
mod demo;
mod export;
mod import;
mod inspect;
mod numbers;
mod out;
mod plan;
mod points;
mod profile;
mod race;
mod runtime;
mod session;
mod table;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

pub use args::{Arguments, Command};

use crate::app::{self, App, Folders, Options, Settings};
use crate::measure::launcher::Launcher;
use crate::measure::worker;

/// Reads the process's arguments; prints help or what is wrong and exits where clap says so.
pub fn parse() -> Arguments {
    Arguments::read()
}

/// Sends the log to stderr: warnings, or what `INFEROMETER_LOG` asks for. Silent in a worker, whose stderr is kept
/// for the runtime's own words.
pub fn start_log(arguments: &Arguments) {
    if matches!(arguments.command, Some(Command::Worker | Command::WarehouseDriver)) {
        return;
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("INFEROMETER_LOG")
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Prints an error and its causes, once.
pub fn print_error(error: &anyhow::Error) {
    eprintln!("inferometer: {error:#}");
}

/// What the process ends with after an error: 130 (128 + SIGINT, as shells count) where Ctrl+C stopped it, 2 where a
/// bill is not what its invoice says or a check has something to tell, else 1.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(<dyn std::error::Error>::is::<bill_reconcile::Off>) {
        return ExitCode::from(bill_reconcile::EXIT_OFF);
    }
    if error.chain().any(<dyn std::error::Error>::is::<bill_watch::Alert>) {
        return ExitCode::from(bill_watch::EXIT_ALERT);
    }
    let stopped = error.chain().any(<dyn std::error::Error>::is::<session::Stopped>);
    if stopped { ExitCode::from(session::EXIT_STOPPED) } else { ExitCode::FAILURE }
}

fn options(arguments: &Arguments, settings: &Settings, folders: Folders) -> anyhow::Result<Options> {
    Ok(Options {
        folders,
        runtime: arguments.runtime.clone().or_else(|| settings.runtime.clone()),
        offline: arguments.offline || settings.offline,
        launcher: Launcher::this_program()
            .context("could not find this program's own file to start workers from")?,
    })
}

/// The application for the window: the project asked for, else the last one, else the sample project.
///
/// # Errors
/// When the project cannot be opened.
pub fn window_app(arguments: &Arguments) -> anyhow::Result<(App, Vec<PathBuf>)> {
    let folders = Folders::of_user()?;
    let settings = Settings::load(&folders.config)?;
    if let Some(absent) = arguments.files.iter().find(|path| !path.exists()) {
        anyhow::bail!("this is neither a command nor a file: {}", absent.display());
    }
    let mut app = App::new(options(arguments, &settings, folders)?)?;
    let mut files = arguments.files.clone();
    let is_project = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "inferometer");
    let project = arguments.project.clone().or_else(|| match files.as_slice() {
        [only] if is_project(only) => files.pop(),
        _ => None,
    });
    if let Some(path) = project {
        app.handle(app::Command::OpenProject(path))?;
    } else if !files.is_empty() {
        app.handle(app::Command::NewProject)?;
    } else if let Some(last) = settings.recent.iter().find(|path| is_project(path) && path.exists()) {
        app.handle(app::Command::OpenProject(last.clone()))?;
    } else {
        app.handle(app::Command::OpenSample)?;
    }
    Ok((app, files))
}

/// Runs one command.
///
/// # Errors
/// When it did not do what was asked; what it did until then is kept.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(command) = arguments.command.clone() else {
        anyhow::bail!("no command was given");
    };
    if matches!(command, Command::Worker) {
        std::process::exit(worker::main().into());
    }
    if matches!(command, Command::WarehouseDriver) {
        return Ok(crate::bill::warehouse::driver_process::serve()?);
    }
    let folders = Folders::of_user()?;
    let settings = Settings::load(&folders.config)?;
    let options = options(arguments, &settings, folders)?;
    let json = arguments.json;
    if let Command::Runtime { what } = command {
        return runtime::run(&what, &options, json);
    }
    let target = match &command {
        Command::Bench(what) => what.target.as_ref(),
        Command::Profile(what) => what.target.as_ref(),
        Command::Compare(what) => what.there.target.as_ref(),
        Command::Selftest(what) => what.there.target.as_ref(),
        _ => None,
    };
    if target.is_some() && arguments.runtime.is_some() {
        anyhow::bail!(
            "--runtime names a library of this machine, which --target does not use; set ORT_DYLIB_PATH on the other \
             machine"
        );
    }
    // Bills that are named are answered by themselves, the project's own would be added to them; of the project they have
    // its rates, its rules and its decisions.
    let by_themselves =
        matches!(&command, Command::Bill(what) if !what.files.is_empty() || what.warehouse.is_by_itself());
    let project = arguments.project.as_deref().filter(|_| !by_themselves);
    let makes_project = matches!(
        command,
        Command::Import { .. }
            | Command::Bench(_)
            | Command::Inspect(_)
            | Command::Compare(_)
            | Command::Profile(_)
            | Command::Selftest(_)
    );
    let keeps_table = matches!(&command, Command::Bill(what) if what.warehouse.keep);
    match project {
        Some(path) if matches!(command, Command::Demo { .. }) => {
            anyhow::bail!(
                "demo makes a project of its own in its folder; leave --project out: {}",
                path.display()
            );
        }
        Some(path) if !makes_project && !keeps_table && !path.exists() => {
            anyhow::bail!("there is no such project; `import` and `bench` make one: {}", path.display());
        }
        None if matches!(command, Command::Plan(_) | Command::Export(_) | Command::Report { .. }) => {
            anyhow::bail!("name the project: --project FILE");
        }
        _ => {}
    }
    let mut session = session::Session::open(options, project, json)?;
    if let Some(path) = arguments.project.as_deref().filter(|_| by_themselves) {
        session.run(crate::app::Command::BorrowBillSettings(path.to_owned()))?;
    }
    match command {
        Command::Inspect(what) => inspect::run(&mut session, &what),
        Command::Bench(what) => bench::run(&mut session, what),
        Command::Compare(what) => compare::run(&mut session, &what),
        Command::Profile(what) => profile::run(&mut session, what),
        Command::Selftest(what) => race::selftest(&mut session, &what),
        Command::Import { files } => import::run(&mut session, files),
        Command::Bill(what) => bill::run(&mut session, &what),
        Command::Plan(what) => plan::run(&mut session, &what),
        Command::Export(what) => export::run(&mut session, &what),
        Command::Report { to, force } => export::report(&mut session, &to, force),
        Command::Demo { out, seconds, runs } => demo::run(&mut session, &out, seconds, runs),
        Command::Targets { what } => targets::run(&mut session, &what),
        Command::Runtime { .. } | Command::Worker | Command::WarehouseDriver => Ok(()),
    }
}
