//! The project: one `SQLite` file.
//!
//! Write-ahead logging with full synchronisation, so that a finished measurement survives the process being
//! killed at any moment. Structured values are JSON columns; raw samples are blobs of integer nanoseconds.
//! Big bills are not in here: the project names them by hash, the bill store holds them.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::series_blob;
use crate::measure::{Point, Run, Series, Summary};

/// The layout this version writes. Older ones are migrated, newer ones refused.
const LAYOUT: i64 = 2;
/// `application_id` in the `SQLite` header, so that another program's database is not taken for a project: "Infm".
const APPLICATION_ID: i64 = 0x496e_666d;

/// An open project file.
#[derive(Debug)]
pub struct Project {
    connection: Connection,
    path: Option<PathBuf>,
}

/// A stored measurement without its raw samples, which [`Project::series`] reads when they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its number in the project.
    pub id: i64,
    /// Everything but the series of its runs, which are empty here.
    pub point: Point,
    /// What the samples say.
    pub summary: Summary,
}

/// A value to be kept under a kind and a key, as text; see [`Project::change_items`].
#[derive(Debug)]
pub struct Item {
    kind: &'static str,
    key: String,
    place: i64,
    value: String,
}

impl Item {
    /// A value; `place` orders the values of a kind.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn new<T: Serialize>(
        kind: &'static str,
        key: String,
        place: usize,
        value: &T,
    ) -> anyhow::Result<Self> {
        Ok(Self { kind, key, place: i64::try_from(place)?, value: serde_json::to_string(value)? })
    }
}

impl Project {
    /// Opens a project, or makes one where there is no file.
    ///
    /// # Errors
    /// When the file is not a project, was written by a newer version, or cannot be read or written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        // SQLite says no more than that it cannot open it.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            bail!(
                "there is no folder {} to keep the project in; make it, or name another place: {}",
                folder.display(),
                path.display()
            );
        }
        if path.is_dir() {
            bail!("this is a folder, and a project is one file; name a file in it: {}", path.display());
        }
        let connection = Connection::open(path)
            .map_err(|error| anyhow!("could not open the project: {error}: {}", path.display()))?;
        Self::prepare(connection, Some(path.to_owned()))
            .map_err(|error| anyhow!("could not use the project: {error:#}: {}", path.display()))
    }

    /// A project that lives as long as the process, for commands without `--project`.
    ///
    /// # Errors
    /// When `SQLite` cannot start.
    pub fn in_memory() -> anyhow::Result<Self> {
        Self::prepare(Connection::open_in_memory()?, None)
    }

    fn prepare(mut connection: Connection, path: Option<PathBuf>) -> anyhow::Result<Self> {
        // The first read tells whether this is SQLite at all.
        let application: i64 = connection
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(|error| match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::NotADatabase) => anyhow!(
                    "this is not an Inferometer project (not an SQLite file); name another file, or one that is not \
                     there yet"
                ),
                _ => error.into(),
            })?;
        let layout: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 && application != APPLICATION_ID {
            bail!(
                "this is another program's SQLite database, not an Inferometer project; name another file, or one that \
                 is not there yet"
            );
        }
        if layout > LAYOUT {
            bail!(
                "it was written by a newer Inferometer (layout {layout}, this one knows {LAYOUT}); \
                 update Inferometer to open it"
            );
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_row| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        if layout < LAYOUT {
            let change = connection.transaction()?;
            if layout < 1 {
                change.pragma_update(None, "application_id", APPLICATION_ID)?;
                change.execute_batch(super::layout::CREATE)?;
            } else {
                super::layout::from_1_to_2(&change)?;
            }
            change.pragma_update(None, "user_version", LAYOUT)?;
            change.commit()?;
        }
        Ok(Self { connection, path })
    }

    /// The file; `None` for a project in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Commits a whole measurement, raw samples and all, and gives its number.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn add_point(&mut self, point: &Point, summary: &Summary) -> anyhow::Result<i64> {
        let change = self.connection.transaction()?;
        let id = write_point(&change, None, point, summary)?;
        for (place, run) in point.runs.iter().enumerate() {
            write_run(&change, id, place, run, Some(&run.measured.series))?;
        }
        change.commit().context("could not keep a measurement in the project")?;
        Ok(id)
    }

    /// Commits one run, the last of `point`'s, to a measurement that is there, or to a new one, and with it what
    /// `beside` keeps of the measurement's number: all of it, or nothing. Without a `run` only what is known of the
    /// measurement changes. Gives its number.
    ///
    /// # Errors
    /// When the disk refuses, and those of `beside`.
    pub fn add_run(
        &mut self,
        id: Option<i64>,
        point: &Point,
        run: Option<&Run>,
        summary: &Summary,
        beside: impl FnOnce(i64) -> anyhow::Result<Option<Item>>,
    ) -> anyhow::Result<i64> {
        let change = self.connection.transaction()?;
        let id = write_point(&change, id, point, summary)?;
        if let Some(run) = run {
            let place = point.runs.len().saturating_sub(1);
            write_run(&change, id, place, run, Some(&run.measured.series))?;
        }
        if let Some(item) = beside(id)? {
            write_item(&change, &item)?;
        }
        change.commit().context("could not keep a finished run in the project")?;
        Ok(id)
    }

    /// Changes what is known of one run and of its measurement; the raw samples stay as they are.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn change_run(
        &mut self,
        id: i64,
        place: usize,
        point: &Point,
        summary: &Summary,
    ) -> anyhow::Result<()> {
        let change = self.connection.transaction()?;
        write_point(&change, Some(id), point, summary)?;
        let run = point.runs.get(place).with_context(|| format!("there is no run {}", place + 1))?;
        write_run(&change, id, place, run, None)?;
        Ok(change.commit()?)
    }

    /// Every measurement, in the order they were made.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn points(&self) -> anyhow::Result<Vec<Stored>> {
        let mut query = self.connection.prepare("SELECT id, point, summary FROM point ORDER BY id")?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let mut stored = rows
            .map(|row| {
                let (id, point, summary) = row?;
                Ok(Stored {
                    id,
                    point: serde_json::from_str(&point)
                        .with_context(|| format!("measurement {id} in the project is damaged"))?,
                    summary: serde_json::from_str(&summary)
                        .with_context(|| format!("the summary of measurement {id} is damaged"))?,
                })
            })
            .collect::<anyhow::Result<Vec<Stored>>>()?;
        let mut query = self.connection.prepare("SELECT point, run FROM run ORDER BY point, place")?;
        let rows = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (id, text) = row?;
            let run: Run = serde_json::from_str(&text)
                .with_context(|| format!("a run of measurement {id} in the project is damaged"))?;
            if let Ok(place) = stored.binary_search_by_key(&id, |stored| stored.id) {
                stored[place].point.runs.push(run);
            }
        }
        Ok(stored)
    }

    /// The raw samples of a measurement: a series for each run, in order.
    ///
    /// # Errors
    /// When there is no such measurement or it is damaged.
    pub fn series(&self, id: i64) -> anyhow::Result<Vec<Series>> {
        let known: Option<i64> = self
            .connection
            .query_row("SELECT id FROM point WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        known.with_context(|| format!("the project has no measurement {id}"))?;
        let mut query = self.connection.prepare("SELECT series FROM run WHERE point = ?1 ORDER BY place")?;
        let rows = query.query_map([id], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|blob| {
            series_blob::unpack(&blob?)
                .with_context(|| format!("the samples of measurement {id} are damaged"))
        })
        .collect()
    }

    /// A measurement with its raw samples.
    ///
    /// # Errors
    /// When it is not there or damaged.
    pub fn full_point(&self, stored: &Stored) -> anyhow::Result<Point> {
        let mut point = stored.point.clone();
        for (run, series) in point.runs.iter_mut().zip(self.series(stored.id)?) {
            run.measured.series = series;
        }
        Ok(point)
    }

    /// Takes measurements out of the project.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove_points(&mut self, ids: &[i64]) -> anyhow::Result<()> {
        let change = self.connection.transaction()?;
        for id in ids {
            change.execute("DELETE FROM run WHERE point = ?1", [id])?;
            change.execute("DELETE FROM point WHERE id = ?1", [id])?;
        }
        Ok(change.commit()?)
    }

    /// Keeps a value under a kind and a key; `place` orders the values of a kind.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put<T: Serialize>(&self, kind: &str, key: &str, place: usize, value: &T) -> anyhow::Result<()> {
        self.connection.execute(
            "INSERT INTO item (kind, key, place, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, key) DO UPDATE SET place = ?3, value = ?4",
            params![kind, key, i64::try_from(place)?, serde_json::to_string(value)?],
        )?;
        Ok(())
    }

    /// Takes one value out; nothing happens when it is not there.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, kind: &str, key: &str) -> anyhow::Result<()> {
        self.connection.execute("DELETE FROM item WHERE kind = ?1 AND key = ?2", [kind, key])?;
        Ok(())
    }

    /// Takes values out by kind and key, then keeps others: all of it, or nothing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn change_items(&mut self, removed: &[(&str, String)], kept: &[Item]) -> anyhow::Result<()> {
        let change = self.connection.transaction()?;
        for (kind, key) in removed {
            change.execute("DELETE FROM item WHERE kind = ?1 AND key = ?2", [*kind, key.as_str()])?;
        }
        for item in kept {
            write_item(&change, item)?;
        }
        change.commit().context("could not change what the project keeps")
    }

    /// One value.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn get<T: DeserializeOwned>(&self, kind: &str, key: &str) -> anyhow::Result<Option<T>> {
        let text: Option<String> = self
            .connection
            .query_row("SELECT value FROM item WHERE kind = ?1 AND key = ?2", [kind, key], |row| row.get(0))
            .optional()?;
        text.map(|text| serde_json::from_str(&text))
            .transpose()
            .with_context(|| format!("the project's `{kind}` is damaged"))
    }

    /// All values of a kind, in their order.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn all<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<Vec<(String, T)>> {
        let mut query =
            self.connection.prepare("SELECT key, value FROM item WHERE kind = ?1 ORDER BY place, key")?;
        let rows = query.query_map([kind], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (key, text) = row?;
            let value = serde_json::from_str(&text)
                .with_context(|| format!("`{key}` among the project's `{kind}` is damaged"))?;
            Ok((key, value))
        })
        .collect()
    }

    /// Writes a complete copy of the project to another file, which must not exist.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        if path.exists() {
            bail!("there is a file already; choose another name: {}", path.display());
        }
        let text = path.to_str().context("the path is not valid Unicode, which SQLite needs")?;
        self.connection
            .execute("VACUUM INTO ?1", [text])
            .with_context(|| format!("could not write the project to {}", path.display()))?;
        Ok(())
    }
}

/// Writes what is known of a measurement without its runs; gives its number.
fn write_point(
    change: &Transaction<'_>,
    id: Option<i64>,
    point: &Point,
    summary: &Summary,
) -> anyhow::Result<i64> {
    let head = Point { runs: Vec::new(), ..point.clone() };
    let (head, summary) = (serde_json::to_string(&head)?, serde_json::to_string(summary)?);
    let Some(id) = id else {
        change.execute("INSERT INTO point (point, summary) VALUES (?1, ?2)", params![head, summary])?;
        return Ok(change.last_insert_rowid());
    };
    let changed = change
        .execute("UPDATE point SET point = ?2, summary = ?3 WHERE id = ?1", params![id, head, summary])?;
    if changed == 0 {
        bail!("the measurement was removed while it was being made; its further runs are not kept");
    }
    Ok(id)
}

/// Writes a run; without a series the one that is there stays.
fn write_run(
    change: &Transaction<'_>,
    id: i64,
    place: usize,
    run: &Run,
    series: Option<&Series>,
) -> anyhow::Result<()> {
    let (place, text) = (i64::try_from(place)?, serde_json::to_string(&run.without_series())?);
    match series {
        Some(series) => change.execute(
            "INSERT OR REPLACE INTO run (point, place, run, series) VALUES (?1, ?2, ?3, ?4)",
            params![id, place, text, series_blob::pack(series)],
        )?,
        None => change
            .execute("UPDATE run SET run = ?3 WHERE point = ?1 AND place = ?2", params![id, place, text])?,
    };
    Ok(())
}

/// Writes a value, in the place of the one with its kind and key.
fn write_item(change: &Transaction<'_>, item: &Item) -> anyhow::Result<()> {
    let Item { kind, key, place, value } = item;
    change.execute(
        "INSERT OR REPLACE INTO item (kind, key, place, value) VALUES (?1, ?2, ?3, ?4)",
        params![kind, key, place, value],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::Fingerprint;
    use crate::measure::{Config, Ended, Measured};

    /// A measurement of one run, of one query.
    fn point() -> Point {
        let series = Series { began_nanos: vec![0], latency_nanos: vec![5], ..Series::default() };
        let measured = Measured { queries: 1, wall_nanos: 5, series, ..Measured::default() };
        Point {
            model: "m.onnx".to_owned(),
            model_sha256: "m".to_owned(),
            config: Config::default(),
            input_shapes: std::collections::BTreeMap::new(),
            found_dims: std::collections::BTreeMap::new(),
            runs: vec![Run { started_unix_secs: 1, measured, moved_warm_up: None }],
            ended: None,
            runtime_version: String::new(),
            fingerprint: Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 1,
        }
    }

    #[test]
    fn a_run_and_what_is_kept_beside_it_are_committed_as_one() {
        let mut project = Project::in_memory().unwrap();
        let point = point();
        let summary = Summary::of(&point);
        let item = |id| Item::new("sweep", "now".to_owned(), 0, &vec![id]).map(Some);
        // The disk refuses what comes second, as it would if it were full by then.
        let refuse = "CREATE TRIGGER full BEFORE INSERT ON item BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        project.connection.execute_batch(refuse).unwrap();
        let message = project.add_run(None, &point, point.runs.first(), &summary, item).unwrap_err();
        assert!(format!("{message:#}").contains("disk full"), "{message:#}");
        assert_eq!(project.points().unwrap(), [], "half of it was kept");
        project.connection.execute_batch("DROP TRIGGER full").unwrap();
        let id = project.add_run(None, &point, point.runs.first(), &summary, item).unwrap();
        assert_eq!(project.get::<Vec<i64>>("sweep", "now").unwrap(), Some(vec![id]));
        assert_eq!(project.points().unwrap()[0].point.runs.len(), 1);
        // Why it ended comes without a run, and leaves those that are there.
        let failed = Ended::Failed { message: "killed".to_owned() };
        let point = Point { ended: Some(failed.clone()), ..point.without_series() };
        project.add_run(Some(id), &point, None, &summary, |_| Ok(None)).unwrap();
        let stored = project.points().unwrap();
        assert_eq!((stored.len(), &stored[0].point.ended), (1, &Some(failed)));
        assert_eq!(project.series(id).unwrap()[0].latency_nanos, [5]);
    }

    #[test]
    fn a_text_file_and_another_programs_database_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "just some notes, long enough not to be an empty database").unwrap();
        let message = format!("{:#}", Project::open(&text).unwrap_err());
        assert!(message.contains("not an Inferometer project"), "{message}");
        assert!(std::fs::read_to_string(&text).unwrap().starts_with("just some notes"));

        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        let message = format!("{:#}", Project::open(&other).unwrap_err());
        assert!(message.contains("another program's"), "{message}");
    }

    #[test]
    fn a_newer_layout_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.inferometer");
        drop(Project::open(&path).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let message = format!("{:#}", Project::open(&path).unwrap_err());
        assert!(message.contains("newer Inferometer") && message.contains("update"), "{message}");
    }

    #[test]
    fn values_keep_their_order_and_are_replaced_and_removed_by_key() {
        let project = Project::in_memory().unwrap();
        project.put("profile", "b", 0, &1).unwrap();
        project.put("profile", "a", 1, &2).unwrap();
        project.put("profile", "b", 0, &10).unwrap();
        assert_eq!(project.all::<i32>("profile").unwrap(), [("b".into(), 10), ("a".into(), 2)]);
        project.remove("profile", "b").unwrap();
        assert_eq!(project.all::<i32>("profile").unwrap(), [("a".into(), 2)]);
    }
}
