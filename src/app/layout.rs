//! The tables of a project file, and the way from an older layout to this one.

use anyhow::Context;
use rusqlite::{Transaction, params};
use serde_json::{Value, json};

use super::series_blob;
use crate::measure::{Point, Series, Summary};

/// The tables of a new project.
pub(super) const CREATE: &str = "CREATE TABLE point (
   id INTEGER PRIMARY KEY,
   point TEXT NOT NULL,
   summary TEXT NOT NULL
 ) STRICT;
 CREATE TABLE run (
   point INTEGER NOT NULL,
   place INTEGER NOT NULL,
   run TEXT NOT NULL,
   series BLOB NOT NULL,
   PRIMARY KEY (point, place)
 ) STRICT;
 CREATE TABLE item (
   kind TEXT NOT NULL,
   key TEXT NOT NULL,
   place INTEGER NOT NULL,
   value TEXT NOT NULL,
   PRIMARY KEY (kind, key)
 ) STRICT;";

/// Layout 1 had one run a measurement, its numbers beside the rest and its latencies in a column of their own.
///
/// # Errors
/// When a measurement cannot be read; nothing is changed then.
pub(super) fn from_1_to_2(change: &Transaction<'_>) -> anyhow::Result<()> {
    let old: Vec<(i64, String, Vec<u8>)> = change
        .prepare("SELECT id, point, latencies FROM point ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    change.execute_batch(&format!(
        "DROP TABLE point; ALTER TABLE item RENAME TO old_item; {CREATE} \
         INSERT INTO item SELECT kind, key, place, value FROM old_item; DROP TABLE old_item;"
    ))?;
    for (id, text, blob) in old {
        let damaged = || format!("measurement {id} in the project is damaged");
        let latency_nanos = latencies_of_1(&blob).with_context(damaged)?;
        let value: Value = serde_json::from_str(&text).with_context(damaged)?;
        let point = point_of_1(&value, latency_nanos).with_context(damaged)?;
        let summary = Summary::of(&point);
        let head = Point { runs: Vec::new(), ..point.clone() };
        change.execute(
            "INSERT INTO point (id, point, summary) VALUES (?1, ?2, ?3)",
            params![id, serde_json::to_string(&head)?, serde_json::to_string(&summary)?],
        )?;
        for (place, run) in (0_i64..).zip(&point.runs) {
            change.execute(
                "INSERT INTO run (point, place, run, series) VALUES (?1, ?2, ?3, ?4)",
                params![
                    id,
                    place,
                    serde_json::to_string(&run.without_series())?,
                    series_blob::pack(&run.measured.series)
                ],
            )?;
        }
    }
    Ok(())
}

fn point_of_1(old: &Value, latency_nanos: Vec<u64>) -> anyhow::Result<Point> {
    let series = Series::one_after_another(latency_nanos);
    let queries = series.len();
    let run = json!({
        "started_unix_secs": old["started_unix_secs"],
        "measured": {
            "load_nanos": old["load_nanos"],
            "first_inference_nanos": old["first_inference_nanos"],
            // The warm-up of that time was not recorded.
            "unrecorded_inferences": old["warm_up_inferences"],
            "series": series,
            "queries": queries,
            "warm_up": 0,
            "steadiness": null,
            "wall_nanos": old["wall_nanos"],
            "cpu_nanos": old["cpu_nanos"],
            "peak_memory_bytes": old["peak_memory_bytes"],
            "input_shapes": old["input_shapes"],
            "runtime_version": old["runtime_version"],
        },
    });
    Ok(serde_json::from_value(json!({
        "model": old["model"],
        "model_sha256": old["model_sha256"],
        "config": old["config"],
        "input_shapes": old["input_shapes"],
        "found_dims": old["found_dims"],
        "runs": [run],
        "ended": "as_asked",
        "runtime_version": old["runtime_version"],
        "fingerprint": old["fingerprint"],
        "started_unix_secs": old["started_unix_secs"],
    }))?)
}

/// A tag byte (bytes a sample, 4 or 8), then little-endian integers.
fn latencies_of_1(blob: &[u8]) -> Option<Vec<u64>> {
    let (&width, body) = blob.split_first()?;
    let width = usize::from(width);
    if !matches!(width, 4 | 8) || body.len() % width != 0 {
        return None;
    }
    Some(
        body.chunks_exact(width)
            .map(|chunk| {
                let mut bytes = [0; 8];
                bytes[..width].copy_from_slice(chunk);
                u64::from_le_bytes(bytes)
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::project::Project;
    use super::*;

    /// A project as version 0.1 of layout 1 wrote it: tables, pragmas and the JSON of a measurement.
    fn project_of_1(path: &std::path::Path) {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA application_id = 0x496e666d; PRAGMA user_version = 1;
                 CREATE TABLE point (id INTEGER PRIMARY KEY, point TEXT NOT NULL, summary TEXT NOT NULL,
                   latencies BLOB NOT NULL) STRICT;
                 CREATE TABLE item (kind TEXT NOT NULL, key TEXT NOT NULL, place INTEGER NOT NULL,
                   value TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT;
                 INSERT INTO item VALUES ('labelled', 'now', 0, '\"digits.npz\"');",
            )
            .unwrap();
        let point = r#"{"model":"m.onnx","model_sha256":"ab","config":{"batch":2,"threads":1,"provider":"CPU",
            "dims":{"height":32},"seconds":1.0,"seed":5},"input_shapes":{"x":[2,3]},"found_dims":{},
            "load_nanos":7,"first_inference_nanos":8,"warm_up_inferences":9,"latencies_nanos":[],
            "wall_nanos":60,"cpu_nanos":11,"peak_memory_bytes":12,"runtime_version":"1.31.1",
            "fingerprint":{"cpu":"c","logical_cpus":2,"physical_cores":null,"memory_bytes":null,
            "system":"linux","gpus":[],"driver":null},"started_unix_secs":13}"#;
        let latencies = [vec![4_u8], (10_u32..22).flat_map(u32::to_le_bytes).collect()].concat();
        connection.execute("INSERT INTO point VALUES (3, ?1, '{}', ?2)", params![point, latencies]).unwrap();
    }

    #[test]
    fn a_project_of_layout_1_is_opened_with_its_samples_and_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.inferometer");
        project_of_1(&path);
        let project = Project::open(&path).unwrap();
        let points = project.points().unwrap();
        assert_eq!((points.len(), points[0].id), (1, 3));
        let (point, summary) = (&points[0].point, &points[0].summary);
        assert_eq!((point.config.batch, point.config.instances, point.config.is_plain()), (2, 1, true));
        assert_eq!((point.load_nanos(), point.peak_memory_bytes(), point.samples()), (Some(7), Some(12), 12));
        // Twelve inferences of 2 items in 60 ns; the 6th of 10 … 21 ns.
        assert!((summary.throughput_per_second / 4e8 - 1.0).abs() < 1e-9);
        assert_eq!(summary.p50.ms, Some(15e-6));
        assert_eq!(project.series(3).unwrap()[0].latency_nanos, (10..22).collect::<Vec<u64>>());
        assert_eq!(project.get::<String>("labelled", "now").unwrap().as_deref(), Some("digits.npz"));
        // And again, as a project of this layout.
        drop(project);
        assert_eq!(Project::open(&path).unwrap().points().unwrap().len(), 1);
    }
}
