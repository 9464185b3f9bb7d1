//! The process that holds a driver: `inferometer warehouse-driver`, hidden, started by [`super::session`].
//!
//! A driver is somebody else's native code (most are Go programs with a runtime of their own): when it crashes or hangs,
//! this process ends and the application does not. It asks nothing that writes.

use std::io::{BufRead, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use adbc_core::options::{AdbcVersion, OptionConnection, OptionDatabase, OptionValue};
use adbc_core::{CancelHandle, Connection, Database, Driver, LOAD_FLAG_DEFAULT, Optionable, Statement};
use adbc_driver_manager::{ManagedConnection, ManagedDriver};
use arrow_array::RecordBatchReader;

use super::cells;
use super::dialect::Dialect;
use super::protocol::{Reply, Request};

/// Rows in one line of the answer.
const ROWS_A_LINE: usize = 2_048;

/// What can be stopped now.
type Stoppable = Arc<Mutex<Option<Box<dyn CancelHandle>>>>;

/// Serves requests from standard input until it ends.
///
/// # Errors
/// Standard output is gone.
pub fn serve() -> std::io::Result<()> {
    let stoppable = Stoppable::default();
    let requests = read_requests(&stoppable);
    let mut connection = None;
    for request in requests {
        match request {
            Request::Connect { driver, entrypoint, options, dialect } => {
                let connected = connect(&driver, entrypoint.as_deref(), options, dialect);
                send(&match connected {
                    Ok(connected) => {
                        connection = Some(connected);
                        Reply::Connected
                    }
                    Err(failed) => failed,
                })?;
            }
            Request::Query { sql, most_rows } => {
                let outcome = match &mut connection {
                    Some(connection) => query(connection, &sql, most_rows, &stoppable)?,
                    None => failed("nothing is connected"),
                };
                *stoppable.lock().unwrap_or_else(PoisonError::into_inner) = None;
                send(&outcome)?;
            }
            Request::Cancel => {}
        }
    }
    Ok(())
}

/// Reads requests on a thread of its own, so that one to stop is heard while a question is being answered. The end of the
/// input ends the process, whatever a driver is doing.
fn read_requests(stoppable: &Stoppable) -> Receiver<Request> {
    let (sender, requests) = channel();
    let stoppable = Arc::clone(stoppable);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let Ok(request) = serde_json::from_str(&line) else { break };
            if matches!(request, Request::Cancel) {
                let handle = stoppable.lock().unwrap_or_else(PoisonError::into_inner).take();
                // A driver that cannot stop is ended from outside.
                let _ = handle.map(|handle| handle.try_cancel());
            } else if sender.send(request).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    requests
}

fn send(reply: &Reply) -> std::io::Result<()> {
    // What a driver may have printed before is a line of its own then.
    let mut line = vec![b'\n'];
    serde_json::to_writer(&mut line, reply)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

fn failed(message: impl Into<String>) -> Reply {
    Reply::Failed { loading: false, message: message.into() }
}

/// A driver's error in its own words, without the status that says the same again.
fn words(error: &adbc_core::error::Error) -> Reply {
    failed(if error.message.trim().is_empty() { error.to_string() } else { error.message.trim().to_owned() })
}

fn connect(
    driver: &str,
    entrypoint: Option<&str>,
    options: Vec<(String, String)>,
    dialect: Dialect,
) -> Result<ManagedConnection, Reply> {
    let entrypoint = entrypoint.map(str::as_bytes);
    let load = |version| ManagedDriver::load_from_name(driver, entrypoint, version, LOAD_FLAG_DEFAULT, None);
    let mut driver = load(AdbcVersion::V110)
        .or_else(|_older| load(AdbcVersion::V100))
        .map_err(|error| Reply::Failed { loading: true, message: error.message })?;
    let options = options.into_iter().map(|(key, value)| {
        let key = match key.as_str() {
            "uri" => OptionDatabase::Uri,
            "username" => OptionDatabase::Username,
            "password" => OptionDatabase::Password,
            _ => OptionDatabase::Other(key),
        };
        (key, OptionValue::String(value))
    });
    let database = driver.new_database_with_opts(options).map_err(|error| words(&error))?;
    let mut connection = database.new_connection().map_err(|error| words(&error))?;
    // Most drivers know no such switch; every statement is a SELECT all the same.
    let _ = connection.set_option(OptionConnection::ReadOnly, OptionValue::from(true));
    for sql in dialect.prelude() {
        let set = || -> adbc_core::error::Result<()> {
            let mut statement = connection.new_statement()?;
            statement.set_sql_query(sql)?;
            statement.execute_update().map(|_rows| ())
        };
        let mut set = set;
        // An engine that does not know the setting needs none.
        let _ = set();
    }
    if let Some(hours) = zone_hours(&mut connection, dialect).filter(|hours| *hours != 24) {
        return Err(failed(format!(
            "its session is not in UTC and cannot be set to it (noon in January and in July are {hours} o'clock together, \
             not 24), so days would be cut elsewhere than in a file; set the time zone of the server or the user to UTC"
        )));
    }
    Ok(connection)
}

/// What [`Dialect::zone_sql`] comes to; `None` where it cannot be asked.
fn zone_hours(connection: &mut ManagedConnection, dialect: Dialect) -> Option<u32> {
    let sql = dialect.zone_sql()?;
    let mut statement = connection.new_statement().ok()?;
    statement.set_sql_query(&sql).ok()?;
    let mut reader = statement.execute().ok()?;
    let rows = cells::rows(&reader.next()?.ok()?).ok()?;
    let text = rows.first()?.first()?.clone()?;
    // Some engines count in decimals.
    text.split('.').next()?.parse().ok()
}

/// Whether a statement only reads: one `SELECT`.
pub(super) fn reads(sql: &str) -> bool {
    sql.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("SELECT ")) && !sql.trim_end().ends_with(';')
}

/// Asks; the rows go out as they come. The last reply is returned.
fn query(
    connection: &mut ManagedConnection,
    sql: &str,
    most_rows: u64,
    stoppable: &Stoppable,
) -> std::io::Result<Reply> {
    if !reads(sql) {
        return Ok(failed("only SELECT statements are sent to a warehouse"));
    }
    let begin = || {
        let mut statement = connection.new_statement()?;
        statement.set_sql_query(sql)?;
        *stoppable.lock().unwrap_or_else(PoisonError::into_inner) = Some(statement.get_cancel_handle());
        let reader = statement.execute()?;
        Ok((statement, reader))
    };
    let mut begin = begin;
    let (_statement, reader) = match begin() {
        Ok(begun) => begun,
        Err(error) => return Ok(words(&error)),
    };
    let columns = reader.schema().fields().iter().map(|field| cells::describe(field)).collect();
    send(&Reply::Columns(columns))?;
    let mut count: u64 = 0;
    for batch in reader {
        let rows = match batch.map_err(|error| error.to_string()).and_then(|batch| cells::rows(&batch)) {
            Ok(rows) => rows,
            Err(message) => return Ok(failed(message)),
        };
        count += rows.len() as u64;
        if count > most_rows {
            return Ok(Reply::TooMany);
        }
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            send(&Reply::Rows(rows.by_ref().take(ROWS_A_LINE).collect()))?;
        }
    }
    Ok(Reply::Done { rows: count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_select_is_sent() {
        assert!(reads("SELECT 1") && reads("select a FROM b"));
        for sql in
            ["DELETE FROM t", "DROP TABLE t", "WITH x AS (SELECT 1) SELECT 1", "SELECT 1;", "", "SELECT"]
        {
            assert!(!reads(sql), "{sql}");
        }
    }
}
