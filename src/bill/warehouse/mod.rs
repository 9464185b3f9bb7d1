//! Bills that live in a warehouse: the questions a file is asked, pushed down as SQL through ADBC. Only aggregates come
//! back.
//!
//! [`Spec`] names a table and how it is reached, without secrets; [`Table`] is a connected one. A connected table is
//! registered for the life of the process under its hash, so that [`crate::bill::Bill::open`] takes it beside files. Drivers
//! are found by [`drivers`] and loaded in a process of their own ([`driver_process`]), which [`session`] talks to.
//! [`dialect`] and `question` write the SQL and are pure.
//!
//! Everything a question does with the sums is the code that also asks files: the warehouse only takes the place of the
//! Parquet store in `Bill::add_up`. What comes back are exact decimals of eighteen places, so that both answer alike to
//! the last digit.

pub mod column;
pub mod dialect;
pub mod driver_process;
pub mod drivers;
pub mod error;
pub mod focus_view;
pub mod protocol;
pub mod session;
pub mod spec;

mod alike;
mod cells;
mod look_through;
mod question;
mod rows;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub use dialect::Dialect;
pub use error::WarehouseError;
pub use look_through::Look;
pub use session::Stop;
pub use spec::{HASH_START, Secrets, Spec};
pub use table::{Found, Table};

pub(super) use rows::Page;
pub(super) use table::Asking;

use super::import::Imported;

/// Where a table is, and the connected one.
type Known = (String, Option<Arc<Table>>);

/// The tables this process knows of, by hash: where each is, and the connected one. Their processes end with this one.
static TABLES: Mutex<BTreeMap<String, Known>> = Mutex::new(BTreeMap::new());

/// Whether a bill's hash is that of a warehouse's table.
pub fn is_table(hash: &str) -> bool {
    hash.starts_with(HASH_START)
}

/// What kind of bill a table is, in words.
fn kind_of(kind: &str, dialect: Dialect) -> String {
    format!("{kind} in {}", dialect.words())
}

/// Whether a bill's kind is that of a warehouse's table.
pub(super) fn is_kind(kind: &str) -> bool {
    Dialect::ALL.iter().any(|dialect| kind.ends_with(&kind_of("", *dialect)))
}

/// Registers a table that was looked through, instead of an earlier one of the same hash, and gives its report.
///
/// # Errors
/// It was not looked through.
pub fn register(table: Table) -> Result<Imported, WarehouseError> {
    let place = table.place();
    let imported =
        table.imported.clone().ok_or_else(|| WarehouseError::NotConnected { table: place.clone() })?;
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    tables.insert(imported.hash.clone(), (place, Some(Arc::new(table))));
    Ok(imported)
}

/// Makes a table known that nobody has connected yet, so that what is said about it names it.
pub fn announce(spec: &Spec) {
    let mut tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    tables.entry(spec.hash()).or_insert_with(|| (spec.place(), None));
}

/// Forgets a table; its processes end.
pub fn forget(hash: &str) {
    TABLES.lock().unwrap_or_else(PoisonError::into_inner).remove(hash);
}

/// Whether this process is connected to the table of this hash.
pub fn is_connected(hash: &str) -> bool {
    let tables = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
    tables.get(hash).is_some_and(|(_, table)| table.is_some())
}

/// The connected table of this hash and its report.
pub(super) fn connected(hash: &str) -> Result<(Arc<Table>, Imported), WarehouseError> {
    let known = TABLES.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
    let (place, table) = known.unwrap_or_else(|| (hash.to_owned(), None));
    let not_connected = || WarehouseError::NotConnected { table: place.clone() };
    let table = table.ok_or_else(not_connected)?;
    let imported = table.imported.clone().ok_or_else(not_connected)?;
    Ok((table, imported))
}
