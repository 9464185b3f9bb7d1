//! Which table of which warehouse, and how it is reached: what a project keeps of it, and the secrets, which it never
//! keeps. A secret comes from an environment variable or is asked for in each session.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dialect::Dialect;
use super::error::WarehouseError;

/// How the hash of a warehouse's table begins; a file's is 64 hexadecimal digits and a version.
pub const HASH_START: &str = "warehouse_";
/// How an option's value begins that is read from an environment variable.
const FROM_ENVIRONMENT: &str = "env:";

/// A table of a warehouse and how it is reached, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// The ADBC driver: `flightsql`, `spark`, `postgresql`, `bigquery`, `snowflake`, the name of a driver manifest, or the
    /// path of a library or manifest.
    pub driver: String,
    /// The driver's first function, where it is not the usual one.
    pub entrypoint: Option<String>,
    /// The address, as the driver wants it: `grpc://host:32010`, `sc://host:15002`, `postgresql://user@host/db`.
    pub uri: String,
    /// The user, where the address does not name one.
    pub user: String,
    /// The environment variable that holds the password or token; empty = none, or it is asked for.
    pub password_env: String,
    /// More options of the driver. A value `env:NAME` is read from the environment variable `NAME` when connecting.
    pub options: BTreeMap<String, String>,
    /// Whose SQL it speaks.
    pub dialect: Dialect,
    /// The table or view: `catalog.schema.table`, parts with dots in them in quotes.
    pub table: String,
    /// How long a question may take, in seconds; 0 = [`USUAL_TIMEOUT_SECS`].
    pub timeout_secs: u64,
}

/// How long a question may take where nothing else is said, in seconds.
pub const USUAL_TIMEOUT_SECS: u64 = 300;

/// What only this session knows. Its `Debug` form shows nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// The password or token.
    pub password: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.password.is_some() { "Secrets(given)" } else { "Secrets(none)" })
    }
}

/// Options for the driver, and which texts must not be shown.
pub(super) struct Resolved {
    pub(super) options: Vec<(String, String)>,
    pub(super) secrets: Vec<String>,
}

impl Spec {
    /// The name of this table among the bills: the same address, driver and table are the same bill.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        // A driver has several names: `postgres` is `postgresql`.
        let driver = super::drivers::known(&self.driver).map_or(self.driver.as_str(), |known| known.name);
        for part in [driver, &self.uri, &self.table] {
            hasher.update(part.trim());
            hasher.update([0]);
        }
        let mut hash = HASH_START.to_owned();
        for byte in hasher.finalize().iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        hash
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        let uri = self.uri.trim();
        if uri.is_empty() { self.table.clone() } else { format!("{} at {uri}", self.table.trim()) }
    }

    /// How long a question may take, in seconds.
    pub fn timeout_secs(&self) -> u64 {
        if self.timeout_secs == 0 { USUAL_TIMEOUT_SECS } else { self.timeout_secs }
    }

    /// Refuses what must not be kept or cannot be used.
    ///
    /// # Errors
    /// A password in the address or among the options; no table.
    pub fn check(&self) -> Result<(), WarehouseError> {
        table_parts(&self.table)?;
        if has_password(&self.uri) {
            return Err(WarehouseError::SecretInAddress);
        }
        let mut secret = self.options.iter().filter(|(key, value)| {
            is_secret(key) && !value.is_empty() && !value.starts_with(FROM_ENVIRONMENT)
        });
        match secret.next() {
            Some((option, _)) => Err(WarehouseError::SecretInOption { option: option.clone() }),
            None => Ok(()),
        }
    }

    /// The name of its table, part by part.
    ///
    /// # Errors
    /// It is empty or a quote is not closed.
    pub fn table_parts(&self) -> Result<Vec<String>, WarehouseError> {
        table_parts(&self.table)
    }

    /// The driver's options with the secrets in them.
    ///
    /// # Errors
    /// An environment variable is not set.
    pub(super) fn resolve(&self, given: &Secrets) -> Result<Resolved, WarehouseError> {
        let from_environment = |variable: &str, what: &str| {
            std::env::var(variable).map_err(|_unset| WarehouseError::Variable {
                variable: variable.to_owned(),
                what: what.to_owned(),
            })
        };
        let mut secrets = Vec::new();
        let password = match (&given.password, self.password_env.trim()) {
            (Some(password), _) => Some(password.clone()),
            (None, "") => None,
            (None, variable) => Some(from_environment(variable, "password")?),
        };
        let mut options = Vec::new();
        let uri = self.uri.trim();
        if !uri.is_empty() {
            options.push(("uri".to_owned(), uri.to_owned()));
        }
        let by_address = is_by_address(&self.driver, uri);
        if let Some(password) = password {
            secrets.push(password.clone());
            if by_address {
                // libpq takes no password but in its address; Snowflake's driver takes none beside one.
                if let Some((_, address)) = options.first_mut() {
                    *address = with_password(address, self.user.trim(), &password);
                    secrets.push(escape(&password));
                }
            } else {
                options.push(("password".to_owned(), password));
            }
        }
        if !self.user.trim().is_empty() && !by_address {
            options.push(("username".to_owned(), self.user.trim().to_owned()));
        }
        for (key, value) in &self.options {
            let value = match value.strip_prefix(FROM_ENVIRONMENT) {
                Some(variable) => {
                    let value = from_environment(variable.trim(), key)?;
                    secrets.push(value.clone());
                    value
                }
                None => value.clone(),
            };
            options.push((key.clone(), value));
        }
        secrets.retain(|secret| !secret.is_empty());
        Ok(Resolved { options, secrets })
    }
}

/// Whether the driver takes user and password in its address only.
fn is_by_address(driver: &str, uri: &str) -> bool {
    driver.contains("postgres") || (driver.contains("snowflake") && !uri.is_empty())
}

/// Whether an option's name says that its value is secret.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "token",
        "secret",
        "private_key",
        "api_key",
        "apikey",
        "access_key",
        "credential",
        "authorization",
        "cookie",
    ]
    .iter()
    .any(|word| key.contains(word))
        && !["token_uri", "token_type", "token_url"].iter().any(|end| key.ends_with(end))
}

/// `scheme://user:password@host`, or a parameter such as `;token=…` or `?password=…`.
fn has_password(uri: &str) -> bool {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    // A password may have a slash in it that ought to be escaped.
    let in_user = rest.split_once('@').is_some_and(|(before, _)| {
        let host = before.rfind(']').map_or(before, |end| &before[end..]);
        host.split_once(':').is_some_and(|(_, after)| {
            let port = after.split(['/', '?', ';']).next().unwrap_or_default();
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            port.len() == after.len() || !is_port
        })
    });
    let in_parameter = rest.replace(" =", "=").split(['?', '&', ';', '/', ' ']).any(|part| {
        part.split_once('=')
            .is_some_and(|(key, value)| is_secret(key) && (!value.trim().is_empty() || rest.contains(" = ")))
    });
    in_user || in_parameter
}

/// Puts user and password into `[scheme://][user@]host…`.
fn with_password(uri: &str, user: &str, password: &str) -> String {
    let start = uri.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = uri.split_at(start);
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let (named, host) = authority.rsplit_once('@').unwrap_or((user, authority));
    let named = if named.is_empty() { user.to_owned() } else { named.to_owned() };
    format!("{scheme}{named}:{}@{host}{path}", escape(password))
}

/// Percent-encoded, for an address.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// The parts of a table's name; a part in backticks, double quotes or brackets may have dots in it.
fn table_parts(text: &str) -> Result<Vec<String>, WarehouseError> {
    let bad = || WarehouseError::TableName { text: text.to_owned() };
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let part;
        if let Some(quote) = rest.chars().next().filter(|first| ['`', '"'].contains(first)) {
            let (inside, after) = rest[1..].split_once(quote).ok_or_else(bad)?;
            part = inside;
            rest = after;
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            part = rest[..end].trim();
            rest = &rest[end..];
        }
        if part.is_empty() || part.contains('\0') {
            return Err(bad());
        }
        parts.push(part.to_owned());
        if rest.is_empty() {
            return Ok(parts);
        }
        rest = rest.strip_prefix('.').ok_or_else(bad)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(driver: &str, uri: &str) -> Spec {
        Spec { driver: driver.into(), uri: uri.into(), table: "t".into(), ..Spec::default() }
    }

    #[test]
    fn a_tables_name_is_read_part_by_part() {
        let parts = |text: &str| table_parts(text).map_err(|error| error.to_string());
        assert_eq!(parts(" a.b . c ").unwrap(), ["a", "b", "c"]);
        assert_eq!(parts("parquet.`/data/bill.parquet`").unwrap(), ["parquet", "/data/bill.parquet"]);
        assert_eq!(parts("\"My Schema\".t").unwrap(), ["My Schema", "t"]);
        for bad in ["", ".", "a.", "a..b", "`a", "`a`b", "\"\""] {
            assert!(parts(bad).unwrap_err().contains("is no table's name"), "{bad}");
        }
    }

    #[test]
    fn a_password_never_stands_in_what_is_kept() {
        for uri in [
            "postgresql://me:pw@host/db",
            "sc://host:15002/;token=abc",
            "postgresql://host/db?password=x",
            "grpc://host?access_token=x",
            // A slash that ought to be escaped, libpq's other form, an address of numbers.
            "postgresql://me:p/w@host/db",
            "host=h user=me password = x",
            "postgresql://me:1234@[::1]:5432/db",
        ] {
            assert_eq!(spec("x", uri).check(), Err(WarehouseError::SecretInAddress), "{uri}");
        }
        for uri in [
            "postgresql://me@host:5432/db",
            "sc://host:15002/;user_id=me@firm.com",
            "grpc+tls://[::1]:1",
            "grpc://[::1]:1/?user=a@b",
            "",
        ] {
            assert_eq!(spec("x", uri).check(), Ok(()), "{uri}");
        }
        for option in [
            "adbc.flight.sql.authorization_header",
            "adbc.flight.sql.rpc.call_header.x-api-key",
            "adbc.snowflake.passwd",
            "s3.access-key",
        ] {
            let mut with_option = spec("flightsql", "grpc://h");
            with_option.options.insert(option.into(), "Bearer x".into());
            assert_eq!(with_option.check(), Err(WarehouseError::SecretInOption { option: option.into() }));
            with_option.options.insert(option.into(), "env:HEADER".into());
            assert_eq!(with_option.check(), Ok(()));
        }
        let secrets = Secrets { password: Some("hunter2".into()) };
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn secrets_go_where_the_driver_wants_them() {
        let secrets = Secrets { password: Some("p@ss".into()) };
        let resolved =
            Spec { user: "me".into(), ..spec("flightsql", "grpc://h:1") }.resolve(&secrets).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            resolved.options,
            [pair("uri", "grpc://h:1"), pair("password", "p@ss"), pair("username", "me")]
        );
        for (uri, user) in [("postgresql://me@h/db?x=1", ""), ("postgresql://h/db?x=1", "me")] {
            let spec = Spec { user: user.into(), ..spec("postgresql", uri) };
            let resolved = spec.resolve(&secrets).unwrap();
            assert_eq!(resolved.options, [pair("uri", "postgresql://me:p%40ss@h/db?x=1")]);
            assert_eq!(resolved.secrets, ["p@ss", "p%40ss"]);
        }
        let resolved = spec("snowflake", "me@account/db?warehouse=w").resolve(&secrets).unwrap();
        assert_eq!(resolved.options, [pair("uri", "me:p%40ss@account/db?warehouse=w")]);
        let unset = Spec { password_env: "INFEROMETER_NO_SUCH".into(), ..spec("x", "") };
        let error = unset.resolve(&Secrets::default()).err().unwrap().to_string();
        assert!(error.contains("INFEROMETER_NO_SUCH"), "{error}");
    }

    #[test]
    fn one_table_is_one_bill_whoever_asks() {
        let one = spec("spark", "sc://h");
        let other = Spec { user: "x".into(), timeout_secs: 5, ..one.clone() };
        assert_eq!(one.hash(), other.hash());
        assert!(one.hash().starts_with(HASH_START));
        assert_ne!(one.hash(), Spec { table: "u".into(), ..one.clone() }.hash());
        assert_eq!(spec("postgres", "x://h").hash(), spec("postgresql", "x://h").hash());
    }
}
