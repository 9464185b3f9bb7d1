//! `inferometer bill --table …`: a bill that lives in a warehouse.

use anyhow::{Context, bail};
use clap::Args;

use super::session::Session;
use super::table;
use crate::app::Command;
use crate::bill::warehouse::drivers::{self, KNOWN};
use crate::bill::warehouse::{Dialect, Look, Secrets, Spec, is_connected};
use crate::units;

/// Where the bill lives instead of a file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "A bill in a warehouse")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct Warehouse {
    /// Address of the warehouse, such as `sc://host:15002`, `grpc://host:32010`, `postgresql://user@host/database`
    #[arg(long = "warehouse", value_name = "URI", requires = "table")]
    pub uri: Option<String>,
    /// Table or view in FOCUS, asked instead of files: TABLE, SCHEMA.TABLE, CATALOG.SCHEMA.TABLE
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// ADBC driver: flightsql, spark, postgresql, bigquery, snowflake, or the path of a library or manifest [default:
    /// told by the address]
    #[arg(long, value_name = "DRIVER", requires = "table")]
    pub driver: Option<String>,
    /// Whose SQL it speaks: spark, datafusion, bigquery, snowflake, postgres [default: told by the driver]
    #[arg(long, value_name = "DIALECT", requires = "table")]
    pub dialect: Option<String>,
    /// User, where the address does not name one
    #[arg(long, value_name = "NAME", requires = "table")]
    pub user: Option<String>,
    /// Environment variable that holds the password or token
    #[arg(long, value_name = "VARIABLE", requires = "table")]
    pub password_env: Option<String>,
    /// Another option of the driver; a value env:VARIABLE is read from the environment
    #[arg(long = "option", value_name = "KEY=VALUE", requires = "table")]
    pub options: Vec<String>,
    /// Seconds a question may take
    #[arg(long, value_name = "SECONDS", requires = "table")]
    pub timeout: Option<u64>,
    /// Only tell what the table is: its columns, rows, currencies
    #[arg(long, requires = "table")]
    pub look: bool,
    /// Only print the SQL of a view in FOCUS, for a table that is an AWS CUR or Google Cloud's billing export; nothing is
    /// changed there
    #[arg(long, requires = "table", conflicts_with_all = ["look", "keep"])]
    pub focus_view: bool,
    /// Also keep the table, without secrets, in the project
    #[arg(long, requires_all = ["table", "project"])]
    pub keep: bool,
    /// Connect the project's own tables
    #[arg(long, conflicts_with = "table")]
    pub connect: bool,
}

impl Warehouse {
    /// Whether the project's own bills are left out.
    pub fn is_by_itself(&self) -> bool {
        self.table.is_some() && !self.keep
    }

    fn spec(&self) -> anyhow::Result<Option<Spec>> {
        let Some(table) = &self.table else { return Ok(None) };
        let uri = self.uri.clone().unwrap_or_default();
        let driver = match &self.driver {
            Some(driver) => driver.clone(),
            None => drivers::for_address(&uri).map(|known| known.name.to_owned()).with_context(|| {
                let names: Vec<&str> = KNOWN.iter().map(|known| known.name).collect();
                format!(
                    "the address does not tell which driver it needs; name one with --driver: {}",
                    names.join(", ")
                )
            })?,
        };
        let dialect = match &self.dialect {
            Some(name) => Dialect::named(name).with_context(|| {
                let names = Dialect::ALL.map(Dialect::name).join(", ");
                format!("`{name}` is no dialect that is known; those are {names}")
            })?,
            None => drivers::known(&driver).map(|known| known.dialect).with_context(|| {
                format!("the driver does not tell whose SQL it needs; say it with --dialect: {driver}")
            })?,
        };
        let options = self
            .options
            .iter()
            .map(|text| {
                let pair = text.split_once('=').filter(|(key, _)| !key.trim().is_empty());
                pair.map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
                    .with_context(|| format!("`{text}` is no option of a driver; write KEY=VALUE"))
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Some(Spec {
            driver,
            entrypoint: None,
            uri,
            user: self.user.clone().unwrap_or_default(),
            password_env: self.password_env.clone().unwrap_or_default(),
            options,
            dialect,
            table: table.clone(),
            timeout_secs: self.timeout.unwrap_or_default(),
        }))
    }
}

/// Connects what is named. True when everything asked for is done with that.
pub(super) fn connect(session: &mut Session, what: &Warehouse) -> anyhow::Result<bool> {
    if what.connect {
        let tables: Vec<(String, Spec)> =
            session.app.state().warehouses.iter().map(|(hash, spec)| (hash.clone(), spec.clone())).collect();
        if tables.is_empty() {
            bail!("the project has no table of a warehouse to connect");
        }
        for (_, spec) in tables.into_iter().filter(|(hash, _)| !is_connected(hash)) {
            session.run(Command::ConnectWarehouse(Box::new(spec), Secrets::default(), Look::Values))?;
        }
    }
    let Some(spec) = what.spec()? else { return Ok(false) };
    if what.focus_view {
        print_view(session, spec)?;
        return Ok(true);
    }
    if what.look {
        look(session, spec)?;
        return Ok(true);
    }
    // Whoever asks once chooses no filters from lists.
    let look = if what.keep { Look::Values } else { Look::Totals };
    session.run(Command::ConnectWarehouse(Box::new(spec), Secrets::default(), look))?;
    Ok(false)
}

/// Prints the SQL that shows another export as FOCUS.
fn print_view(session: &mut Session, spec: Spec) -> anyhow::Result<()> {
    session.run(Command::TryWarehouse(Box::new(spec), Secrets::default()))?;
    let tried = session.app.state().warehouse_try.clone().context("the warehouse was not reached")?;
    let sql = match (tried.view, tried.outcome) {
        (Some(sql), _) => sql,
        (None, Ok(found)) => {
            bail!("the table is {} already and needs no view: {}", found.kind, tried.spec.place())
        }
        (None, Err(problem)) => bail!(problem),
    };
    if session.json {
        return Session::print_json(&serde_json::json!({ "sql": sql }));
    }
    say!("{}", sql.trim_end());
    Ok(())
}

fn look(session: &mut Session, spec: Spec) -> anyhow::Result<()> {
    session.run(Command::TryWarehouse(Box::new(spec), Secrets::default()))?;
    let tried = session.app.state().warehouse_try.clone().context("the warehouse was not reached")?;
    let found = tried.outcome.map_err(anyhow::Error::msg)?;
    if session.json {
        return Session::print_json(&found);
    }
    say!("{}: {}, {} rows", tried.spec.place(), found.kind, units::group_thousands(u128::from(found.rows)));
    for (currency, rows) in &found.currencies {
        let name = if currency.is_empty() { "no currency" } else { currency };
        say!("{name}: {} rows", units::group_thousands(u128::from(*rows)));
    }
    for remark in &found.remarks {
        say!("note: {remark}");
    }
    let rows: Vec<Vec<String>> =
        found.columns.iter().map(|(name, held)| vec![name.clone(), held.clone()]).collect();
    table::print(&["column", "held as"], &rows);
    Ok(())
}
