//! `inferometer import FILE… --project P`: take files into a project.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::session::Session;

pub(super) fn run(session: &mut Session, files: Vec<PathBuf>) -> anyhow::Result<()> {
    if !session.has_project {
        bail!("name the project that takes the files in: --project FILE (it is made where it is not there)");
    }
    let (reports, done) = session.take_in(files);
    if session.json {
        let files: Vec<_> = reports
            .iter()
            .map(|report| {
                let mut document = json!({
                    "path": report.path,
                    "kind": report.kind,
                    "warnings": report.warnings,
                });
                if let Some(rows) = report.rows {
                    document["rows"] = json!(rows);
                }
                if let Some(points) = report.points {
                    document["points"] = json!(points);
                }
                if let Some(error) = &report.error {
                    document["reason"] = json!(error);
                }
                document
            })
            .collect();
        Session::print_json(&json!({ "files": files }))?;
    } else {
        for report in &reports {
            let Some(kind) = &report.kind else { continue };
            let count = match (report.rows, report.points) {
                (Some(rows), _) => format!(", {rows} rows"),
                (None, Some(points)) => format!(", {points} measurements"),
                (None, None) => String::new(),
            };
            say!("{kind}{count}: {}", report.path.display());
            super::bill::print_warnings(&report.warnings);
        }
    }
    done
}
