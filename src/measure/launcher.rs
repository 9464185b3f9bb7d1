//! Starts worker processes and talks with them: this program again, or the same behind a command prefix (`ssh
//! HOST inferometer`), which is how other machines are measured.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cancel::Cancel;
use super::native::NO_TELEMETRY;
use super::protocol::{Event, PROTOCOL, Request, event_in};

/// How a worker is started, and how long it may be silent.
#[derive(Debug, Clone)]
pub struct Launcher {
    prefix: Vec<String>,
    target: String,
    silence: Duration,
}

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

impl Launcher {
    /// Workers on this machine: this program again.
    pub fn this_program() -> std::io::Result<Self> {
        let program = std::env::current_exe()?;
        let here = Self::command(vec![program.to_string_lossy().into_owned()]);
        Ok(Self { target: String::new(), ..here })
    }

    /// Workers by a command; `worker` is appended to it.
    pub fn command(prefix: Vec<String>) -> Self {
        Self { target: prefix.join(" "), prefix, silence: SILENCE }
    }

    /// Another limit to silence than [`SILENCE`].
    #[must_use]
    pub fn with_silence(self, silence: Duration) -> Self {
        Self { silence, ..self }
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
        let mut worker =
            Worker { child, input: Some(input), events, stderr, errors: Some(errors), silence: self.silence };
        match worker.next(cancel, Instant::now() + self.silence, self.silence, &mut || ())? {
            Event::Hello { protocol: PROTOCOL, .. } => Ok(worker),
            Event::Hello { protocol, version } => Err(WorkerError::Protocol(format!(
                "it is version {version} with protocol {protocol}, this program has protocol {PROTOCOL}"
            ))),
            other => Err(WorkerError::Protocol(format!("{other:?} instead of a greeting"))),
        }
    }
}

/// A running worker; ended when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Result<Event, String>>,
    stderr: Arc<Mutex<VecDeque<String>>>,
    errors: Option<JoinHandle<()>>,
    silence: Duration,
}

/// Lines of standard error kept.
const LINES_KEPT: usize = 20;
/// How often a waiting app looks at its cancel flag.
const LOOK: Duration = Duration::from_millis(50);
/// How long a worker that closed its output may take to end, and its last words to arrive. A process it started
/// may hold its pipes open for ever.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Between two looks at a process that is about to end.
const SOON: Duration = Duration::from_millis(5);

impl Worker {
    /// The process's number, for people and tests.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request and waits for its last event. `busy_for` is how long the worker will rightly be silent;
    /// `on_stage` gets the events before the last, `on_wait` is called about twenty times a second.
    pub fn ask(
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
        let sent = self.input.as_mut().map(|input| input.write_all(&line).and_then(|()| input.flush()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.crashed());
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
                Err(RecvTimeoutError::Disconnected) if cancel.is_cancelled() => {
                    return Err(WorkerError::Cancelled);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.crashed()),
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                    self.end();
                    return Err(WorkerError::Silent {
                        seconds: silence.as_secs(),
                        stderr: self.last_lines(),
                    });
                }
                Err(RecvTimeoutError::Timeout) => {
                    // A worker that is gone says nothing more, even where another process holds its output open.
                    if matches!(self.child.try_wait(), Ok(Some(_)))
                        && gone_since.get_or_insert_with(Instant::now).elapsed() >= LAST_WORDS
                    {
                        return Err(self.crashed());
                    }
                    on_wait();
                }
            }
        }
    }

    /// The worker closed its output: says how it ended.
    fn crashed(&mut self) -> WorkerError {
        self.input = None;
        let how = match self.wait() {
            Some(Ok(status)) => how_it_ended(status),
            Some(Err(error)) => format!("is gone ({error})"),
            None => {
                self.end();
                "closed its output without ending, and was ended".to_owned()
            }
        };
        WorkerError::Crashed { how, stderr: self.last_lines() }
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

    #[cfg(unix)]
    const HELLO: &str = r#"echo '@inferometer {"hello":{"protocol":2,"version":"0"}}'; "#;

    #[cfg(unix)]
    fn load() -> Request {
        Request::Describe { runtime: "x".into() }
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_says_how_and_keeps_the_last_words() {
        let mut worker = shell(&format!("{HELLO} read x; echo out of luck >&2; kill -SEGV $$"))
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
        for (pipes, how) in [
            ("sleep 1000 >/dev/null", "exit code 3"), // keeps standard error
            ("sleep 1000", "exit code 3"),            // keeps standard output, too
        ] {
            let script = format!("{HELLO} read x; {pipes} & echo $! >&2; echo out of luck >&2; exit 3");
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
            shell(&format!("{HELLO} read x; exec sleep 1000 >&- 2>&-")).start(&Cancel::new()).unwrap();
        let error = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap_err();
        assert!(error.to_string().contains("was ended"), "{error}");
        assert!(matches!(worker.child.try_wait(), Ok(Some(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_silent_worker_is_ended() {
        let launcher = shell(&format!("{HELLO} exec sleep 1000")).with_silence(Duration::from_millis(100));
        let mut worker = launcher.start(&Cancel::new()).unwrap();
        let answer = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ());
        assert!(matches!(answer, Err(WorkerError::Silent { .. })), "{answer:?}");
    }

    #[cfg(unix)]
    #[test]
    fn cancelling_ends_a_busy_worker() {
        let mut worker = shell(&format!("{HELLO} exec sleep 1000")).start(&Cancel::new()).unwrap();
        let cancel = Cancel::new();
        let asked = cancel.clone();
        let answer = worker.ask(&load(), Duration::ZERO, &cancel, &mut |_| (), &mut move || asked.cancel());
        assert!(matches!(answer, Err(WorkerError::Cancelled)), "{answer:?}");
    }

    #[cfg(unix)]
    #[test]
    fn noise_is_ignored_and_another_version_refused() {
        let chatty = format!(
            "echo welcome; {HELLO} read x; echo noise; echo '@inferometer {{\"loaded\":{{\"load_nanos\":7}}}}'"
        );
        let mut worker = shell(&chatty).start(&Cancel::new()).unwrap();
        let answer = worker.ask(&load(), Duration::ZERO, &Cancel::new(), &mut |_| (), &mut || ()).unwrap();
        assert_eq!(answer, Event::Loaded { load_nanos: 7 });
        let other = shell(r#"echo '@inferometer {"hello":{"protocol":99,"version":"9"}}'; exec cat"#);
        assert!(other.start(&Cancel::new()).unwrap_err().to_string().contains("version 9"));
    }
}
