//! Starts worker processes and talks with them: this program again, or the same on a [`Target`], where files are
//! brought before a request names them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cancel::Cancel;
use super::native::NO_TELEMETRY;
use super::protocol::{Event, PROTOCOL, Request, event_in};
use super::reach::{self, End};
use super::target::Target;
use super::transfer::{self, Courier, Kind};

/// How a worker is started, and how long it may be silent.
#[derive(Debug, Clone)]
pub struct Launcher {
    prefix: Vec<String>,
    target: String,
    /// The other machine, where it is one, and what has been brought there.
    there: Option<Arc<There>>,
    silence: Duration,
    greeting: Duration,
}

/// Another machine.
#[derive(Debug)]
struct There {
    target: Target,
    courier: Courier,
}

/// Time another machine may take to greet. Whoever waits longer waits for a password, or for a machine to be free.
pub const GREETING: Duration = Duration::from_mins(2);

/// Time a worker may take without a word beyond what the request needs: loading and compiling big models is slow.
pub const SILENCE: Duration = Duration::from_mins(10);

/// Why a worker gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WorkerError {
    /// It could not be started.
    #[error("cannot start a worker with `{command}`: {problem}")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        problem: String,
    },
    /// No worker answers on another machine.
    #[error("cannot reach `{target}`: {how}; {hint}{}", last_words(stderr))]
    Unreachable {
        /// The command prefix.
        target: String,
        /// What was found.
        how: String,
        /// What to do.
        hint: &'static str,
        /// The last lines of the command's standard error.
        stderr: Vec<String>,
    },
    /// The connection to another machine broke.
    #[error("the connection to `{target}` was lost: {how}{}", last_words(stderr))]
    Lost {
        /// The command prefix.
        target: String,
        /// What was found.
        how: String,
        /// The last lines of the command's standard error.
        stderr: Vec<String>,
    },
    /// It is another version of this program.
    #[error(
        "Inferometer{} is version {version}, which speaks protocol {protocol}; this is version {} with protocol \
         {PROTOCOL}. Install the same version on both",
        on_target(target),
        env!("CARGO_PKG_VERSION")
    )]
    OtherVersion {
        /// The command prefix; empty for this machine.
        target: String,
        /// Its version.
        version: String,
        /// Its protocol.
        protocol: u32,
    },
    /// It ended without an answer.
    #[error("the worker {how}{}", last_words(stderr))]
    Crashed {
        /// `was killed by SIGSEGV`, `ended with exit code 3`.
        how: String,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
    /// It said nothing for too long and was killed.
    #[error("the worker gave no sign of life for {seconds} s and was ended{}", last_words(stderr))]
    Silent {
        /// How long.
        seconds: u64,
        /// The last lines of its standard error.
        stderr: Vec<String>,
    },
    /// It speaks another language.
    #[error("the worker's answer is not understood ({0}); is it another version of Inferometer?")]
    Protocol(String),
    /// It answered that it cannot; the runtime's own words where it was the runtime.
    #[error("{0}")]
    Refused(String),
    /// The user asked to stop.
    #[error("stopped")]
    Cancelled,
}

fn last_words(stderr: &[String]) -> String {
    if stderr.is_empty() { String::new() } else { format!("; its last words: {}", stderr.join(" | ")) }
}

fn on_target(target: &str) -> String {
    if target.is_empty() { String::new() } else { format!(" on `{target}`") }
}

impl WorkerError {
    /// Whether it was the way to the worker and not what it was asked: trying something else there is no use.
    pub fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Start { .. } | Self::Unreachable { .. } | Self::Lost { .. } | Self::OtherVersion { .. }
        )
    }
}

impl Launcher {
    /// Workers on this machine: this program again.
    pub fn this_program() -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        let here = Self::command(vec![program.to_string_lossy().into_owned()]);
        Ok(Self { target: String::new(), ..here })
    }

    /// Workers by a command; `worker` is appended to it.
    pub fn command(prefix: Vec<String>) -> Self {
        Self { target: prefix.join(" "), prefix, there: None, silence: SILENCE, greeting: SILENCE }
    }

    /// Workers on another machine. Clones know of each other's files there.
    pub fn to(target: &Target) -> Self {
        let there = There { target: target.clone(), courier: Courier::default() };
        Self {
            target: target.prefix(),
            prefix: target.words(),
            there: Some(Arc::new(there)),
            silence: SILENCE,
            greeting: GREETING,
        }
    }

    /// Sees to it that a file and what belongs to it are on the other machine before they are needed, and gives the
    /// SHA-256 of all of it ([`super::model_file::read`]'s); `None` on this machine, where nothing is to be done.
    /// `on_sent` gets the bytes sent and those to be sent.
    pub fn bring(
        &self,
        path: &Path,
        kind: Kind,
        cancel: &Cancel,
        on_sent: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<String>, WorkerError> {
        let Some(there) = &self.there else { return Ok(None) };
        let brought = there.courier.bring(&mut self.start(cancel)?, path, kind, cancel, on_sent)?;
        Ok(Some(brought.sha256))
    }

    /// Another limit to silence than [`SILENCE`].
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, greeting: silence, ..self }
    }

    /// How the machine is reached: empty for this one, else the command prefix.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The command line of a worker, as shown to people.
    pub fn command_line(&self) -> String {
        format!("{} worker", self.prefix.join(" "))
    }

    /// Starts a worker and waits for its greeting.
    pub fn start(&self, cancel: &Cancel) -> Result<Worker, WorkerError> {
        let start = |problem: String| WorkerError::Start { command: self.command_line(), problem };
        let Some((program, arguments)) = self.prefix.split_first() else {
            return Err(start("the command is empty".to_owned()));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .arg("worker")
            .env(NO_TELEMETRY.0, NO_TELEMETRY.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| start(error.to_string()))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(start("its pipes are missing".to_owned()));
        };
        let (sender, events) = channel();
        std::thread::spawn(move || read_events(output, &sender));
        let stderr = Arc::new(Mutex::new(VecDeque::new()));
        let shared = Arc::clone(&stderr);
        let errors = std::thread::spawn(move || keep_last_lines(errors, &shared));
        let mut worker = Worker {
            child,
            input: Some(written_beside(input)),
            events,
            stderr,
            errors: Some(errors),
            there: self.there.clone(),
            greeted: false,
            silence: self.silence,
        };
        match worker.next(cancel, Instant::now() + self.greeting, self.greeting, &mut || ())? {
            Event::Hello { protocol: PROTOCOL, .. } => {
                worker.greeted = true;
                Ok(worker)
            }
            Event::Hello { protocol, version } => {
                Err(WorkerError::OtherVersion { target: self.target.clone(), version, protocol })
            }
            other => Err(WorkerError::Protocol(format!("{other:?} instead of a greeting"))),
        }
    }
}

/// A running worker; ended when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    /// Lines on their way to its standard input.
    input: Option<Sender<Vec<u8>>>,
    events: Receiver<Result<Event, String>>,
    stderr: Arc<Mutex<VecDeque<String>>>,
    errors: Option<JoinHandle<()>>,
    there: Option<Arc<There>>,
    greeted: bool,
    silence: Duration,
}

/// Writes what is sent to `input` on a thread of its own: a worker, or a line to another machine, that takes nothing
/// in holds nobody up. That the input is closed shows in the worker's end.
fn written_beside(mut input: ChildStdin) -> Sender<Vec<u8>> {
    let (sender, lines) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        for line in lines {
            if input.write_all(&line).and_then(|()| input.flush()).is_err() {
                return;
            }
        }
    });
    sender
}

/// Lines of standard error kept.
const LINES_KEPT: usize = 20;
/// How often a waiting app looks at its cancel flag.
const LOOK: Duration = Duration::from_millis(50);
/// How long a worker that closed its output may take to end, and its last words to arrive. A process it started
/// may hold its pipes open for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How much later than the processes it started this program may note Ctrl-C.
const CTRL_C: Duration = Duration::from_millis(100);
/// Between two looks at a process that is about to end.
const SOON: Duration = Duration::from_millis(5);

impl Worker {
    /// The process's number, for people and tests.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request and waits for its last event. `busy_for` is how long the worker will rightly be silent;
    /// `on_stage` gets the events before the last, `on_wait` is called about twenty times a second.
    ///
    /// Paths of models and inputs are this machine's; on another one, the files are brought there first. So is the
    /// path that outputs are written to: they are brought back.
    pub fn ask(
        &mut self,
        request: &Request,
        busy_for: Duration,
        cancel: &Cancel,
        on_stage: &mut dyn FnMut(&Event),
        on_wait: &mut dyn FnMut(),
    ) -> Result<Event, WorkerError> {
        let Some(there) = self.there.clone() else {
            return self.ask_as_it_is(request, busy_for, cancel, on_stage, on_wait);
        };
        let carried = there.courier.carried(self, request, cancel)?;
        let answer = self.ask_as_it_is(&carried, busy_for, cancel, on_stage, on_wait)?;
        if let (Request::Outputs { out: Some(out), .. }, Event::Written { bytes, sha256 }) =
            (request, &answer)
        {
            transfer::bring_back(self, (*bytes, sha256), out, cancel)?;
        }
        Ok(answer)
    }

    /// The same with paths that are the worker's own.
    pub(super) fn ask_as_it_is(
        &mut self,
        request: &Request,
        busy_for: Duration,
        cancel: &Cancel,
        on_stage: &mut dyn FnMut(&Event),
        on_wait: &mut dyn FnMut(),
    ) -> Result<Event, WorkerError> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| WorkerError::Protocol(error.to_string()))?;
        line.push(b'\n');
        if self.input.as_ref().is_none_or(|input| input.send(line).is_err()) {
            return Err(self.gone(cancel));
        }
        let silence = self.silence.saturating_add(busy_for);
        loop {
            match self.next(cancel, Instant::now() + silence, silence, on_wait)? {
                Event::Failed { message } => return Err(WorkerError::Refused(message)),
                stage @ Event::Stage { .. } => on_stage(&stage),
                last => return Ok(last),
            }
        }
    }

    fn next(
        &mut self,
        cancel: &Cancel,
        deadline: Instant,
        silence: Duration,
        on_wait: &mut dyn FnMut(),
    ) -> Result<Event, WorkerError> {
        let mut gone_since: Option<Instant> = None;
        loop {
            if cancel.is_cancelled() {
                self.end();
                return Err(WorkerError::Cancelled);
            }
            match self.events.recv_timeout(LOOK) {
                Ok(Ok(event)) => return Ok(event),
                Ok(Err(problem)) => return Err(WorkerError::Protocol(problem)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.gone(cancel)),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    self.end();
                    let (seconds, stderr) = (silence.as_secs(), self.last_lines());
                    return Err(match &self.there {
                        Some(there) if !self.greeted => reach::no_greeting(&there.target, seconds, stderr),
                        _ => WorkerError::Silent { seconds, stderr },
                    });
                }
                Err(RecvTimeoutError::Timeout) => {
                    // A worker that is gone says nothing more, even where another process holds its output open.
                    if matches!(self.child.try_wait(), Ok(Some(_)))
                        && gone_since.get_or_insert_with(Instant::now).elapsed() >= LAST_WORDS
                    {
                        return Err(self.gone(cancel));
                    }
                    on_wait();
                }
            }
        }
    }

    /// The worker is gone: because somebody stops all of this, or by itself. Ctrl-C in a terminal reaches `ssh`
    /// before this program has noted it.
    fn gone(&mut self, cancel: &Cancel) -> WorkerError {
        let begin = Instant::now();
        while !cancel.is_cancelled() && begin.elapsed() < CTRL_C {
            std::thread::sleep(SOON);
        }
        if cancel.is_cancelled() {
            self.end();
            return WorkerError::Cancelled;
        }
        self.crashed()
    }

    /// The worker closed its output: says how it ended.
    fn crashed(&mut self) -> WorkerError {
        self.input = None;
        let (code, how) = match self.wait() {
            Some(Ok(status)) => (status.code(), how_it_ended(status)),
            Some(Err(error)) => (None, format!("is gone ({error})")),
            None => {
                self.end();
                (None, "closed its output without ending, and was ended".to_owned())
            }
        };
        let stderr = self.last_lines();
        match &self.there {
            None => WorkerError::Crashed { how, stderr },
            Some(there) if self.greeted => reach::lost(&there.target, End { code, how, stderr }),
            Some(there) => reach::not_reached(&there.target, End { code, how, stderr }),
        }
    }

    /// What is left in its standard error once it has ended.
    fn last_lines(&mut self) -> Vec<String> {
        if let Some(errors) = self.errors.take()
            && within_last_words(|| errors.is_finished().then_some(())).is_some()
        {
            // A panic in it has nothing to tell.
            let _: Result<(), _> = errors.join();
        }
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn end(&mut self) {
        self.input = None;
        // Both fail only when it has already ended.
        let _: Result<(), _> = self.child.kill();
        let _: Option<std::io::Result<ExitStatus>> = self.wait();
    }

    /// How it ended; `None` when it has not within [`LAST_WORDS`].
    fn wait(&mut self) -> Option<std::io::Result<ExitStatus>> {
        within_last_words(|| self.child.try_wait().transpose())
    }
}

/// The first answer of `look` within [`LAST_WORDS`].
fn within_last_words<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        let answer = look();
        if answer.is_some() || begin.elapsed() >= LAST_WORDS {
            return answer;
        }
        std::thread::sleep(SOON);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(number) = status.signal() {
            let name = nix::sys::signal::Signal::try_from(number)
                .map_or_else(|_unknown| format!("signal {number}"), |signal| signal.as_str().to_owned());
            let hint = if name == "SIGKILL" { " (the system does that when memory runs out)" } else { "" };
            return format!("was killed by {name}{hint}");
        }
    }
    status.code().map_or_else(
        || "ended without an exit code".to_owned(),
        |code| format!("ended with exit code {code}"),
    )
}

/// Sends the events among a worker's lines until its output ends.
fn read_events(output: impl Read, sender: &Sender<Result<Event, String>>) {
    for_each_line(output, |line| {
        if let Some(event) = event_in(line) {
            return sender.send(event.map_err(|error| error.to_string())).is_ok();
        }
        if !line.is_empty() {
            tracing::debug!("worker: {line}");
        }
        true
    });
}

fn keep_last_lines(errors: impl Read, kept: &Mutex<VecDeque<String>>) {
    for_each_line(errors, |line| {
        let line = line.trim();
        if !line.is_empty() {
            tracing::debug!("worker: {line}");
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == LINES_KEPT {
                kept.pop_front();
            }
            kept.push_back(line.to_owned());
        }
        true
    });
}

/// Calls `visit` with each line, until it says false or the stream ends. Bytes that are no text are replaced.
fn for_each_line(stream: impl Read, mut visit: impl FnMut(&str) -> bool) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                if !visit(text.trim_end_matches(['\n', '\r'])) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let launcher = Launcher::command(vec!["/nonexistent/inferometer".to_owned()]);
        let error = launcher.start(&Cancel::new()).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/inferometer worker"), "{error}");
    }

    #[cfg(unix)]
    fn shell(script: &str) -> Launcher {
        Launcher::command(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()])
    }

    /// The greeting of a worker, said by a shell.
    #[cfg(unix)]
    fn hello() -> String {
        format!(r#"echo '@inferometer {{"hello":{{"protocol":{PROTOCOL},"version":"0"}}}}'; "#)
    }

    #[cfg(unix)]
    fn load() -> Request {
        Request::Describe { runtime: "x".into() }
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_says_how_and_keeps_the_last_words() {
        let hello = hello();
        let mut worker = shell(&format!("{hello} read x; echo out of luck >&2; kill -SEGV $$"))
            .start(&Cancel::new())
            .unwrap();
        let error = worker
            .ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ())
            .unwrap_err()
            .to_string();
        assert!(error.contains("SIGSEGV") && error.contains("out of luck"), "{error}");
    }

    /// The processes that `sleep` outlive the worker by far more than a test may take.
    #[cfg(unix)]
    #[test]
    fn a_grandchild_that_keeps_the_pipes_holds_nobody_up() {
        let hello = hello();
        for (pipes, how) in [
            ("sleep 1000 >/dev/null", "exit code 3"), // keeps standard error
            ("sleep 1000", "exit code 3"),            // keeps standard output, too
        ] {
            let script = format!("{hello} read x; {pipes} & echo $! >&2; echo out of luck >&2; exit 3");
            let mut worker = shell(&script).start(&Cancel::new()).unwrap();
            let error =
                worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap_err();
            let WorkerError::Crashed { how: said, stderr } = &error else { panic!("{error:?}") };
            let sleeper = nix::unistd::Pid::from_raw(stderr[0].parse().unwrap());
            nix::sys::signal::kill(sleeper, nix::sys::signal::Signal::SIGKILL).unwrap();
            assert!(said.contains(how) && stderr[1] == "out of luck", "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_closes_its_output_and_stays_is_ended() {
        let mut worker =
            shell(&format!("{} read x; exec sleep 1000 >&- 2>&-", hello())).start(&Cancel::new()).unwrap();
        let error = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap_err();
        assert!(error.to_string().contains("was ended"), "{error}");
        assert!(matches!(worker.child.try_wait(), Ok(Some(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_silent_worker_is_ended() {
        let launcher =
            shell(&format!("{} exec sleep 1000", hello())).with_silence(Duration::from_millis(100));
        let mut worker = launcher.start(&Cancel::new()).unwrap();
        let answer = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ());
        assert!(matches!(answer, Err(WorkerError::Silent { .. })), "{answer:?}");
    }

    #[cfg(unix)]
    #[test]
    fn cancelling_ends_a_busy_worker() {
        let mut worker = shell(&format!("{} exec sleep 1000", hello())).start(&Cancel::new()).unwrap();
        let cancel = Cancel::new();
        let asked = cancel.clone();
        let answer = worker.ask(&load(), Duration::ZERO, &cancel, &mut |_| (), &mut move || asked.cancel());
        assert!(matches!(answer, Err(WorkerError::Cancelled)), "{answer:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_worker_that_ctrl_c_reaches_first_was_stopped_and_not_lost() {
        let mut worker = shell(&format!("{} read x; exit 255", hello())).start(&Cancel::new()).unwrap();
        let cancel = Cancel::new();
        let soon = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(CTRL_C / 3);
            soon.cancel();
        });
        let answer = worker.ask(&load(), Duration::ZERO, &cancel, &mut |_| (), &mut || ());
        assert!(matches!(answer, Err(WorkerError::Cancelled)), "{answer:?}");
    }

    #[cfg(unix)]
    #[test]
    fn noise_is_ignored_and_another_version_refused() {
        let hello = hello();
        let chatty = format!(
            "echo welcome; {hello} read x; echo noise; echo '@inferometer {{\"loaded\":{{\"load_nanos\":7}}}}'"
        );
        let mut worker = shell(&chatty).start(&Cancel::new()).unwrap();
        let answer = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap();
        assert_eq!(answer, Event::Loaded { load_nanos: 7 });
        let other = shell(r#"echo '@inferometer {"hello":{"protocol":99,"version":"9"}}'; exec cat"#);
        assert!(other.start(&Cancel::new()).unwrap_err().to_string().contains("version 9"));
    }
}
