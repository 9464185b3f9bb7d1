//! What every command needs: the application in a project, jobs waited for with their progress on stderr, Ctrl+C.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::bail;
use serde::Serialize;

use crate::app::jobs::{End, Job, JobId, Progress};
use crate::app::{App, Command, Failure, FileReport, Level, Options, Query, QueryResult, config_words};
use crate::units;

/// How often Ctrl+C was pressed.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// Exit code of a command that Ctrl+C stopped: 128 + SIGINT, as shells count.
pub(super) const EXIT_STOPPED: u8 = 130;

/// Ctrl+C stopped the command; in words what became of its work.
#[derive(Debug, thiserror::Error)]
#[error("stopped; {0}")]
pub(super) struct Stopped(&'static str);

/// A command's application and its manner of speaking.
pub struct Session {
    /// The application.
    pub app: App,
    /// One JSON document on stdout.
    pub json: bool,
    /// Whether a project file was named.
    pub has_project: bool,
}

impl Session {
    /// Opens the project, or one in memory.
    pub fn open(options: Options, project: Option<&Path>, json: bool) -> anyhow::Result<Self> {
        let mut app = App::new(options)?;
        if let Some(path) = project {
            app.handle(Command::OpenProject(path.to_owned()))?;
        }
        // A second Ctrl+C ends the process at once; a handler that is there already (tests) is fine.
        let _ = ctrlc::set_handler(|| {
            if INTERRUPTS.fetch_add(1, Ordering::SeqCst) > 0 {
                std::process::exit(EXIT_STOPPED.into());
            }
        });
        Ok(Self { app, json, has_project: project.is_some() })
    }

    /// Sends a command and waits for the job it starts.
    pub fn run(&mut self, command: Command) -> anyhow::Result<()> {
        let measures = matches!(command, Command::Measure(_) | Command::Resume);
        let Some(job) = self.app.handle(command)? else { return Ok(()) };
        self.wait(job, measures)
    }

    /// Waits for a job: messages and progress go to stderr, and each measurement it finishes where it `measures`;
    /// Ctrl+C stops it and keeps what it finished.
    fn wait(&mut self, id: JobId, measures: bool) -> anyhow::Result<()> {
        let live = std::io::stderr().is_terminal();
        let mut shown = String::new();
        let ended = self.app.state().points.iter().filter(|stored| stored.point.ended.is_some());
        let mut told: BTreeSet<i64> = ended.map(|stored| stored.id).collect();
        let end = self.app.wait(id, |app| {
            if INTERRUPTS.load(Ordering::SeqCst) > 0 {
                // Cancelling cannot fail.
                let _ = app.handle(Command::Cancel(id));
            }
            while let Some(notice) = app.next_notice() {
                clear(live, &shown);
                shown.clear();
                match notice.level {
                    Level::Info => eprintln!("{}", notice.text),
                    Level::Warning => eprintln!("warning: {}", notice.text),
                    // The job's own end says it.
                    Level::Error => {}
                }
            }
            for stored in &app.state().points {
                if !measures || stored.point.ended.is_none() || !told.insert(stored.id) {
                    continue;
                }
                clear(live, &shown);
                shown.clear();
                eprintln!(
                    "{}{}: p50 {}, {} items/s{}",
                    stored.point.model,
                    config_words(Some(&stored.point.config)),
                    stored.summary.p50.words(),
                    units::three_digits(stored.summary.throughput_per_second),
                    if stored.point.invalid().is_empty() { "" } else { ", not valid" }
                );
            }
            if live && let Some(job) = app.jobs().iter().find(|job| job.id == id) {
                let line = progress_line(job);
                if line != shown {
                    clear(live, &shown);
                    eprint!("{line}");
                    let _ = std::io::stderr().flush();
                    shown = line;
                }
            }
        });
        clear(live, &shown);
        let losses = self.app.take_losses();
        if !losses.is_empty() {
            bail!("the project could not keep what was done: {}", losses.join("; "));
        }
        match end {
            End::Done => Ok(()),
            End::Cancelled if self.has_project => {
                Err(Stopped("what was finished is kept in the project").into())
            }
            End::Cancelled => Err(Stopped("without --project nothing is kept").into()),
            End::Failed(message) => bail!("{message}"),
        }
    }

    /// Takes files in and tells what became of each, even when some failed.
    pub fn take_in(&mut self, files: Vec<PathBuf>) -> (Vec<FileReport>, anyhow::Result<()>) {
        let done = self.run(Command::OpenFiles(files));
        (self.app.take_reports(), done)
    }

    /// The same for bills.
    pub fn take_in_bills(&mut self, files: Vec<PathBuf>) -> (Vec<FileReport>, anyhow::Result<()>) {
        let done = self.run(Command::OpenBills(files));
        (self.app.take_reports(), done)
    }

    /// Takes models in and gives their hashes in the order asked for, each once, and those that could not be read.
    /// Without files: the project's models.
    pub fn models(&mut self, files: &[PathBuf]) -> anyhow::Result<(Vec<String>, Vec<Failure>)> {
        let mut hashes: Vec<String> = Vec::new();
        if files.is_empty() {
            hashes.extend(self.app.state().models.iter().map(|entry| entry.model.sha256.clone()));
            if hashes.is_empty() {
                bail!("no model is named and the project has none; name at least one ONNX file");
            }
            return Ok((hashes, Vec::new()));
        }
        let done = self.run(Command::OpenModels(files.to_vec()));
        let reports = self.app.take_reports();
        if reports.len() < files.len() {
            done?;
        }
        let mut failures = Vec::new();
        for report in reports {
            match report.model {
                Some(sha256) if hashes.contains(&sha256) => {}
                Some(sha256) => hashes.push(sha256),
                None => {
                    let model = report.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    failures.push(Failure { model, config: None, message: report.error.unwrap_or_default() });
                }
            }
        }
        Ok((hashes, failures))
    }

    /// The same for commands that need every model named.
    pub fn all_models(&mut self, files: &[PathBuf]) -> anyhow::Result<Vec<String>> {
        let (hashes, failures) = self.models(files)?;
        match failures.first() {
            Some(failure) => bail!("{}", failure.message),
            None => Ok(hashes),
        }
    }

    /// Asks the bills and waits for the answer.
    pub fn ask(&mut self, query: &Query) -> anyhow::Result<QueryResult> {
        self.app.answer(query)
    }

    /// Waits until nothing runs any more, so that everything derived is there.
    pub fn settle(&mut self) {
        while self.app.jobs().iter().any(|job| job.end.is_none()) {
            self.app.poll();
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Prints the one JSON document.
    pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
        say!("{}", serde_json::to_string_pretty(value)?);
        Ok(())
    }
}

fn clear(live: bool, shown: &str) {
    if live && !shown.is_empty() {
        eprint!("\r{}\r", " ".repeat(shown.chars().count()));
    }
}

fn progress_line(job: &Job) -> String {
    let Progress { fraction, doing, seconds_left } = &job.progress;
    let done = fraction.map_or_else(String::new, |fraction| format!("{:3.0} % ", fraction * 100.0));
    let left = seconds_left.map_or_else(String::new, |left| format!(", {left:.0} s left"));
    format!("{done}{doing}{left}")
}
