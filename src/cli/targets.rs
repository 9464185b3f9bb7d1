//! `inferometer targets list|check|add|remove`: other machines to measure on.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::args::{Targets, There};
use super::session::Session;
use super::table;
use crate::app::Command;
use crate::measure::{Survey, Target};
use crate::units;

pub(super) fn run(session: &mut Session, what: &Targets) -> anyhow::Result<()> {
    match what {
        Targets::List => {
            let targets = &session.app.state().targets;
            if session.json {
                return Session::print_json(&json!({ "targets": targets }));
            }
            if targets.is_empty() {
                say!("No other machine is kept. `inferometer targets add NAME \"ssh user@host\"` keeps one.");
                return Ok(());
            }
            let rows: Vec<Vec<String>> = targets
                .iter()
                .map(|target| vec![target.name.clone(), target.prefix(), target.program.clone()])
                .collect();
            table::print(&["name", "reached by", "program there"], &rows);
            Ok(())
        }
        Targets::Check { target, program } => check(session, target, program.as_deref()),
        Targets::Add { name, command, program } => {
            let target = Target::parse(name, command, program.as_deref().unwrap_or_default())?;
            let before = session.app.state().target(name).map(Target::prefix);
            session.run(Command::PutTarget(Box::new(target.clone())))?;
            if session.json {
                return Session::print_json(&json!({ "target": target }));
            }
            let instead = before.map_or_else(String::new, |before| format!(" (instead of: {before})"));
            say!("{name} is reached by: {}{instead}", target.prefix());
            say!("`inferometer targets check {name}` tells whether it answers.");
            Ok(())
        }
        Targets::Remove { name } => {
            if session.app.state().target(name).is_none() {
                bail!("there is no machine called “{name}”; {}", kept(session));
            }
            session.run(Command::RemoveTarget(name.clone()))?;
            if session.json {
                return Session::print_json(&json!({ "removed": name }));
            }
            say!("{name} is forgotten; what it measured stays in its projects.");
            Ok(())
        }
    }
}

/// Names of the machines that are kept, in words.
fn kept(session: &Session) -> String {
    let names: Vec<&str> = session.app.state().targets.iter().map(|target| target.name.as_str()).collect();
    if names.is_empty() { "you keep none yet".to_owned() } else { format!("yours: {}", names.join(", ")) }
}

/// Whether a single word can be a command: a path, or a program on the search path.
fn is_program(word: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    word.contains(['/', '\\'])
        || std::env::split_paths(&paths)
            .any(|folder| folder.join(word).is_file() || folder.join(format!("{word}.exe")).is_file())
}

/// The name of the machine that `text` means: one that is kept, or one that this command alone knows by the command
/// that reaches it.
pub(super) fn named(session: &mut Session, text: &str, program: Option<&str>) -> anyhow::Result<String> {
    if let Some(target) = session.app.state().target(text) {
        let Some(program) = program else { return Ok(text.to_owned()) };
        let target = Target { program: program.to_owned(), ..target.clone() };
        session.run(Command::UseTarget(Box::new(target)))?;
        return Ok(text.to_owned());
    }
    let target = Target::parse("", text, program.unwrap_or_default())?;
    if let [word] = target.command.as_slice()
        && !is_program(word)
    {
        bail!(
            "there is no machine called “{word}”, and no command of that name; {}. Keep one with `inferometer targets \
             add {word} \"ssh user@host\"`, or give the command that reaches it, such as \"ssh user@host\"",
            kept(session)
        );
    }
    let name = target.name.clone();
    session.run(Command::UseTarget(Box::new(target)))?;
    Ok(name)
}

/// The same for options that may name none.
pub(super) fn of(session: &mut Session, there: &There) -> anyhow::Result<Option<String>> {
    let There { target, target_program } = there;
    target.as_ref().map(|text| named(session, text, target_program.as_deref())).transpose()
}

fn check(session: &mut Session, text: &str, program: Option<&str>) -> anyhow::Result<()> {
    let name = named(session, text, program)?;
    session.run(Command::CheckTarget(name.clone()))?;
    let survey = session.app.state().surveys.get(&name).context("the machine gave no answer")?;
    let survey = match survey {
        Ok(survey) => survey,
        Err(problem) => bail!("{problem}"),
    };
    if session.json {
        return Session::print_json(&document(&name, survey));
    }
    let Survey { version, host, machine, runtimes } = survey;
    if let Some(host) = host {
        say!("{host}");
    }
    say!("Inferometer {version}");
    say!("{}, {} logical CPUs", machine.cpu, machine.logical_cpus);
    if let Some(bytes) = machine.memory_bytes {
        say!("{} memory", units::bytes(bytes));
    }
    say!("{}", machine.system);
    for gpu in &machine.gpus {
        say!("{gpu}");
    }
    if runtimes.is_empty() {
        say!("No ONNX Runtime; `inferometer runtime install` there fetches one through pip.");
    }
    for found in runtimes {
        match &found.problem {
            None => say!(
                "ONNX Runtime {}: {}: {}",
                found.version.as_deref().unwrap_or("of unknown version"),
                found.providers.join(", "),
                found.path.display()
            ),
            Some(problem) => say!("cannot be used: {problem}: {}", found.path.display()),
        }
    }
    Ok(())
}

fn document(name: &str, survey: &Survey) -> Value {
    json!({
        "target": name,
        "version": survey.version,
        "host": survey.host,
        "machine": survey.machine,
        "runtimes": survey.runtimes,
    })
}
