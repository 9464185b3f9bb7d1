//! Talks with a process that holds a driver ([`super::driver_process`]): starts it, asks, stops it. Several questions at a
//! time are asked through a pool of such processes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::column::TableColumn;
use super::error::WarehouseError;
use super::protocol::{Reply, Request};
use super::spec::{Resolved, Spec};

/// The hidden command that serves a driver.
pub const SUBCOMMAND: &str = "warehouse-driver";
/// Rows of an answer at most: beyond this it is no aggregate any more.
pub const MOST_ROWS: u64 = 1_000_000;
/// How often a waiting question looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How long a driver may take to stop when asked, before its process is ended.
const GRACE: Duration = Duration::from_millis(1_500);
/// How long connecting may take at least, however little time a question has.
const CONNECT: Duration = Duration::from_mins(1);
/// Processes for one table at a time.
const MOST_SESSIONS: usize = 3;
/// Replies that may wait: a driver that is faster than what is done with its rows must not fill the memory.
const REPLIES_WAITING: usize = 16;
/// Lines of a driver's standard error that are kept.
const LINES_KEPT: usize = 6;

/// Whether the caller wants no answer any more.
#[derive(Clone)]
pub struct Stop(Arc<dyn Fn() -> bool + Send + Sync>);

impl Stop {
    /// Asked about twenty times a second.
    pub fn when(asked: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(asked))
    }

    /// True once it is to stop.
    pub fn is_asked(&self) -> bool {
        (self.0)()
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::when(|| false)
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_asked() { "Stop(asked)" } else { "Stop(not asked)" })
    }
}

/// A row of an answer.
pub(super) type Row = Vec<Option<String>>;

/// The answer to a question.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its columns.
    pub(super) columns: Vec<TableColumn>,
    /// Its rows.
    pub(super) rows: Vec<Row>,
}

/// A process with a connected driver; ended when dropped.
struct Session {
    child: Child,
    input: ChildStdin,
    replies: Receiver<Reply>,
    last_words: Arc<Mutex<VecDeque<String>>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended already; nobody is left to be told otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why a question got no answer, before it is told for which table.
enum Trouble {
    Stopped,
    TimeOut,
    Crashed,
}

impl Session {
    fn start(program: &Path) -> Result<Self, WarehouseError> {
        let failed =
            |problem: String| WarehouseError::Start { program: program.display().to_string(), problem };
        let mut child = Command::new(program)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("its pipes are missing".to_owned()));
        };
        let (sender, replies) = sync_channel(REPLIES_WAITING);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // What is no reply was printed by a driver.
                if let Ok(reply) = serde_json::from_str::<Reply>(&line)
                    && sender.send(reply).is_err()
                {
                    break;
                }
            }
        });
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&last_words);
        std::thread::spawn(move || keep_last_lines(errors, &kept));
        Ok(Self { child, input, replies, last_words })
    }

    fn send(&mut self, request: &Request) -> Result<(), Trouble> {
        let mut line = serde_json::to_vec(request).map_err(|_cannot| Trouble::Crashed)?;
        line.push(b'\n');
        self.input.write_all(&line).and_then(|()| self.input.flush()).map_err(|_gone| Trouble::Crashed)
    }

    /// The next reply; asks the driver to stop where the caller wants to or the time is up.
    fn next(&mut self, until: Instant, stop: &Stop) -> Result<Reply, Trouble> {
        loop {
            let trouble = if stop.is_asked() {
                Trouble::Stopped
            } else if Instant::now() >= until {
                Trouble::TimeOut
            } else {
                match self.replies.recv_timeout(LOOK) {
                    Ok(reply) => return Ok(reply),
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return Err(Trouble::Crashed),
                }
            };
            // So that the warehouse stops working, too. The process is ended by whoever drops this.
            if self.send(&Request::Cancel).is_ok() {
                self.wait_for_the_end(Instant::now() + GRACE);
            }
            return Err(trouble);
        }
    }

    /// Lets rows that are on their way pass, until the driver has stopped or the time is up.
    fn wait_for_the_end(&self, until: Instant) {
        while let Ok(Reply::Columns(_) | Reply::Rows(_)) =
            self.replies.recv_timeout(until.saturating_duration_since(Instant::now()))
        {}
    }

    fn last_words(&self) -> String {
        // Its last lines may still be on their way.
        std::thread::sleep(LOOK);
        let lines = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join(" | ")
    }
}

fn keep_last_lines(errors: impl Read, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(line);
        if kept.len() > LINES_KEPT {
            kept.pop_front();
        }
    }
}

/// The processes of one table.
pub(super) struct Pool {
    program: PathBuf,
    driver: String,
    spec: Spec,
    resolved: Resolved,
    state: Mutex<PoolState>,
    free: Condvar,
}

#[derive(Default)]
struct PoolState {
    idle: Vec<Session>,
    busy: usize,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never its options: secrets are among them.
        f.debug_struct("Pool").field("driver", &self.driver).field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool whose processes are `program` and load `driver`. Nothing is started yet.
    pub(super) fn new(program: &Path, driver: String, spec: &Spec, resolved: Resolved) -> Self {
        Self {
            program: program.to_owned(),
            driver,
            spec: spec.clone(),
            resolved,
            state: Mutex::default(),
            free: Condvar::new(),
        }
    }

    /// Asks one `SELECT` and takes the whole answer in.
    pub(super) fn ask(
        &self,
        sql: &str,
        doing: &str,
        most_rows: u64,
        stop: &Stop,
    ) -> Result<Answer, WarehouseError> {
        let mut rows = Vec::new();
        let columns = self.ask_each(sql, doing, most_rows, stop, &mut |more| {
            rows.extend(more);
            Ok::<_, WarehouseError>(())
        })?;
        Ok(Answer { columns, rows })
    }

    /// Asks one `SELECT` and hands its rows on as they come; gives its columns. Where `each` fails, the question ends.
    pub(super) fn ask_each<E: From<WarehouseError>>(
        &self,
        sql: &str,
        doing: &str,
        most_rows: u64,
        stop: &Stop,
        each: &mut dyn FnMut(Vec<Row>) -> Result<(), E>,
    ) -> Result<Vec<TableColumn>, E> {
        let until = Instant::now() + Duration::from_secs(self.spec.timeout_secs());
        let mut place = self.take(until, stop)?;
        let mut session = match place.session.take() {
            Some(session) => session,
            None => self.connect(stop)?,
        };
        tracing::debug!(sql, "asking the warehouse");
        // What connecting took is not the question's.
        let until = Instant::now() + Duration::from_secs(self.spec.timeout_secs());
        let request = Request::Query { sql: sql.to_owned(), most_rows };
        let (mut columns, mut taken) = (Vec::new(), 0);
        let mut next = session.send(&request).and_then(|()| session.next(until, stop));
        loop {
            match next {
                Ok(Reply::Columns(found)) => columns = found,
                Ok(Reply::Rows(rows)) => {
                    taken += rows.len() as u64;
                    each(rows)?;
                }
                Ok(end) => {
                    // Its rows stay unread in the driver.
                    if end != Reply::TooMany {
                        place.session = Some(session);
                    }
                    self.judge(end, taken, doing, most_rows)?;
                    return Ok(columns);
                }
                Err(trouble) => return Err(self.trouble(&trouble, &session).into()),
            }
            next = session.next(until, stop);
        }
    }

    fn judge(&self, end: Reply, taken: u64, doing: &str, most_rows: u64) -> Result<(), WarehouseError> {
        let table = self.spec.place();
        match end {
            Reply::Done { rows } if rows == taken => Ok(()),
            Reply::Done { rows } => {
                let problem =
                    format!("{taken} of its {rows} rows came through from the driver's process; ask again");
                Err(WarehouseError::Answer { problem, table })
            }
            Reply::TooMany => Err(WarehouseError::TooMany { most: most_rows, table }),
            Reply::Failed { message, .. } => Err(WarehouseError::Query {
                doing: doing.to_owned(),
                problem: self.without_secrets(&message),
                table,
            }),
            other => Err(WarehouseError::Answer { problem: format!("{other:?}"), table }),
        }
    }

    fn trouble(&self, trouble: &Trouble, session: &Session) -> WarehouseError {
        match trouble {
            Trouble::Stopped => WarehouseError::Stopped,
            Trouble::TimeOut => {
                WarehouseError::TimeOut { seconds: self.spec.timeout_secs(), table: self.spec.place() }
            }
            Trouble::Crashed => {
                WarehouseError::Crashed { last_words: self.without_secrets(&session.last_words()) }
            }
        }
    }

    /// Starts a process and connects.
    fn connect(&self, stop: &Stop) -> Result<Session, WarehouseError> {
        let mut session = Session::start(&self.program)?;
        let request = Request::Connect {
            driver: self.driver.clone(),
            entrypoint: self.spec.entrypoint.clone(),
            options: self.resolved.options.clone(),
            dialect: self.spec.dialect,
        };
        // A cluster that starts for the first session needs minutes.
        let allowed = Duration::from_secs(self.spec.timeout_secs()).max(CONNECT);
        let until = Instant::now() + allowed;
        let address =
            || if self.spec.uri.is_empty() { self.spec.driver.clone() } else { self.spec.uri.clone() };
        match session.send(&request).and_then(|()| session.next(until, stop)) {
            Ok(Reply::Connected) => Ok(session),
            Ok(Reply::Failed { loading: true, message }) => Err(WarehouseError::Load {
                problem: self.without_secrets(&message),
                driver: self.driver.clone(),
            }),
            Ok(Reply::Failed { message, .. }) => {
                Err(WarehouseError::Connect { problem: self.without_secrets(&message), address: address() })
            }
            Ok(other) => {
                Err(WarehouseError::Answer { problem: format!("{other:?}"), table: self.spec.place() })
            }
            Err(Trouble::TimeOut) => {
                let problem = format!("it has not answered within {} s", allowed.as_secs());
                Err(WarehouseError::Connect { problem, address: address() })
            }
            Err(trouble) => Err(self.trouble(&trouble, &session)),
        }
    }

    /// A place in the pool, with a connected session where one is idle; waits while all are busy.
    fn take(&self, until: Instant, stop: &Stop) -> Result<Place<'_>, WarehouseError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.busy >= MOST_SESSIONS {
            if stop.is_asked() {
                return Err(WarehouseError::Stopped);
            }
            if Instant::now() >= until {
                return Err(WarehouseError::TimeOut {
                    seconds: self.spec.timeout_secs(),
                    table: self.spec.place(),
                });
            }
            state = self.free.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.busy += 1;
        // One whose process has ended meanwhile is of no use.
        let mut session = state.idle.pop();
        while session.as_mut().is_some_and(|session| !matches!(session.child.try_wait(), Ok(None))) {
            session = state.idle.pop();
        }
        Ok(Place { pool: self, session })
    }

    /// What a driver says, without the secrets it may repeat.
    fn without_secrets(&self, text: &str) -> String {
        self.resolved
            .secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "•••"))
    }
}

/// A place in the pool; given back when dropped, with its session where that can be used again.
struct Place<'p> {
    pool: &'p Pool,
    session: Option<Session>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.busy -= 1;
        state.idle.extend(self.session.take());
        drop(state);
        self.pool.free.notify_one();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::bill::warehouse::spec::Secrets;

    /// A process that plays the driver's part: it connects, and then does what `then` says once it is asked.
    fn pool(folder: &Path, then: &str, timeout_secs: u64) -> Pool {
        let program = folder.join("driver.sh");
        let text = format!(
            "#!/bin/sh\nread line\necho '\"connected\"'\nread line\ntouch {}/asked\n{then}\n",
            folder.display()
        );
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let spec = Spec { table: "t".to_owned(), uri: "x://h".to_owned(), timeout_secs, ..Spec::default() };
        let resolved = spec.resolve(&Secrets { password: Some("hunter2".to_owned()) }).unwrap();
        Pool::new(&program, "driver.so".to_owned(), &spec, resolved)
    }

    fn asked(then: &str, timeout_secs: u64) -> Result<Answer, WarehouseError> {
        let folder = tempfile::tempdir().unwrap();
        pool(folder.path(), then, timeout_secs).ask("SELECT 1", "count", 3, &Stop::default())
    }

    const ROWS: &str = r#"echo '{"columns":[{"name":"a","held":"text"}]}'; echo 'a driver prints'; echo '{"rows":[["x"],[null]]}'"#;

    #[test]
    fn an_answer_comes_in_pieces_and_what_a_driver_prints_is_none() {
        let answer =
            asked(&format!("{ROWS}; {ROWS}; echo '{{\"done\":{{\"rows\":4}}}}'; sleep 60"), 60).unwrap();
        assert_eq!(answer.rows.len(), 4);
        assert_eq!((answer.rows[0][0].as_deref(), answer.rows[1][0].as_deref()), (Some("x"), None));
        assert_eq!(answer.columns[0].name, "a");
        // A driver that prints into a line spoils it.
        let error = asked(&format!("{ROWS}; echo '{{\"done\":{{\"rows\":3}}}}'; sleep 60"), 60).unwrap_err();
        assert!(error.to_string().contains("2 of its 3 rows came through"), "{error}");
    }

    #[test]
    fn a_question_that_is_stopped_or_takes_too_long_ends() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(folder.path(), &format!("{ROWS}; sleep 600"), 600);
        let sign = folder.path().join("asked");
        let stop = Stop::when(move || sign.exists());
        assert_eq!(pool.ask("SELECT 1", "count", 3, &stop).unwrap_err(), WarehouseError::Stopped);
        assert!(pool.state.lock().unwrap().idle.is_empty());

        let error = asked("sleep 600", 1).unwrap_err();
        assert_eq!(error, WarehouseError::TimeOut { seconds: 1, table: "t at x://h".to_owned() });
    }

    #[test]
    fn rows_are_handed_on_as_they_come_and_whoever_fails_on_them_ends_the_question() {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(folder.path(), &format!("{ROWS}; {ROWS}; sleep 600"), 600);
        let mut seen = 0;
        let ended = pool.ask_each("SELECT 1", "count", 9, &Stop::default(), &mut |rows| {
            seen += rows.len();
            if seen > 2 { Err(WarehouseError::Stopped) } else { Ok(()) }
        });
        assert_eq!((ended.unwrap_err(), seen), (WarehouseError::Stopped, 4));
        // Its rows would be in the way of the next question.
        assert!(pool.state.lock().unwrap().idle.is_empty());
    }

    #[test]
    fn a_crash_costs_one_question_and_secrets_are_not_repeated() {
        let error = asked("echo 'panic: lost hunter2' >&2; exit 3", 60).unwrap_err();
        assert!(error.to_string().contains("its last words: panic: lost •••"), "{error}");
        let failed = r#"echo '{"failed":{"loading":false,"message":"no user hunter2"}}'; sleep 60"#;
        let error = asked(failed, 60).unwrap_err();
        assert_eq!(error.to_string(), "the warehouse cannot count: no user •••: t at x://h");
        let error = asked("echo '\"too_many\"'; sleep 60", 60).unwrap_err();
        assert!(error.to_string().starts_with("the answer has more than 3 rows"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_told() {
        let spec = Spec { table: "t".to_owned(), ..Spec::default() };
        let resolved = spec.resolve(&Secrets::default()).unwrap();
        let pool = Pool::new(Path::new("/no/such/program"), String::new(), &spec, resolved);
        let error = pool.ask("SELECT 1", "count", 1, &Stop::default()).unwrap_err();
        assert!(error.to_string().contains("cannot start a process for the driver"), "{error}");
    }
}
