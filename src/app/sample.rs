//! The sample project: carried in the binary, unpacked once into the data folder.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::bill::Filter;

use super::spend::Spend;
use super::state::{Demand, Scenario, TraceRate};

/// The sample files: name, content.
const FILES: &[(&str, &[u8])] = &[
    ("digits-cnn.onnx", include_bytes!("../../sample-data/models/digits-cnn.onnx")),
    ("digits-cnn-int8.onnx", include_bytes!("../../sample-data/models/digits-cnn-int8.onnx")),
    ("digits-student.onnx", include_bytes!("../../sample-data/models/digits-student.onnx")),
    ("digits-test.npz", include_bytes!("../../sample-data/digits-test.npz")),
    ("bill-focus-1.2.csv.gz", include_bytes!("../../sample-data/bill-focus-1.2.csv.gz")),
    ("demand-week.csv", include_bytes!("../../sample-data/demand-week.csv")),
];

/// Unpacks the sample files into `folder`, leaving alone those that are there, and names them all.
///
/// # Errors
/// When the folder cannot be written.
pub fn unpack(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    FILES
        .iter()
        .map(|(name, content)| {
            let path = folder.join(name);
            let there = std::fs::metadata(&path).is_ok_and(|meta| meta.len() == content.len() as u64);
            if !there {
                let mut file = tempfile::NamedTempFile::new_in(folder)?;
                std::io::Write::write_all(&mut file, content)?;
                file.persist(&path).with_context(|| format!("could not write {}", path.display()))?;
            }
            Ok(path)
        })
        .collect()
}

/// What the sample project asks: the peak of the sample demand, beside what the bill shows for the service that
/// serves it.
pub fn scenario() -> Scenario {
    let only = |column: &str, value: &str| Filter::is(column, [value]);
    Scenario {
        demand: Demand::Trace { rate: TraceRate::Peak },
        filters: vec![only("Tags.app", "digits"), only("Tags.workload", "serving")],
        // The bill opens whole: what one service costs is a question that the other pages ask.
        spend: Spend { whole: true, ..Spend::default() },
        ..Scenario::default()
    }
}
