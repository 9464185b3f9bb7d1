//! Manifests: what a provider says of the files it has delivered. Of AWS (legacy reports and Data Exports), and of
//! Azure's exports, FOCUS among them.
//!
//! Knows the text of a manifest only, no disk.

use super::formats::node::Node;
use super::moment;

/// What a manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Which report or export this is a delivery of; deliveries of one report and period replace each other.
    pub report: String,
    /// The account, billing profile or subscription it is of.
    pub account: String,
    /// First day of the period, `2026-10-01`; empty where it is not told.
    pub period: String,
    /// The number of this delivery.
    pub delivery: String,
    /// When it was made, in microseconds.
    pub made: Option<i64>,
    /// The files, as the provider stores them.
    pub files: Vec<ManifestFile>,
}

/// One file of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Its key in the provider's storage, without the bucket.
    pub key: String,
    /// Its rows, where that is told.
    pub rows: Option<u64>,
}

impl Manifest {
    /// Reads a manifest; `None` when the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let node = Node::parse(text.trim_start_matches('\u{feff}')).ok()?;
        aws(&node).or_else(|| azure(&node))
    }
}

fn text(node: Option<&Node<'_>>) -> String {
    node.map(Node::cell).unwrap_or_default()
}

/// AWS: `reportKeys` of legacy reports, `dataFiles` of Data Exports.
fn aws(node: &Node<'_>) -> Option<Manifest> {
    let files = ["reportKeys", "dataFiles"].iter().find_map(|name| node.get(name)?.as_list())?;
    let files: Vec<ManifestFile> = files
        .iter()
        .map(|file| {
            let key = match file {
                Node::Object(_) => text(["key", "path", "uri"].iter().find_map(|name| file.get(name))),
                other => other.cell(),
            };
            ManifestFile { key: without_bucket(&key).to_owned(), rows: None }
        })
        .collect();
    let first = |names: &[&str]| {
        names.iter().map(|name| text(node.get(name))).find(|text| !text.is_empty()).unwrap_or_default()
    };
    let told = text(node.get("billingPeriod").and_then(|period| period.get("start")));
    let period = day(&told).or_else(|| files.iter().find_map(|file| period_of_key(&file.key)));
    Some(Manifest {
        report: first(&["reportName", "exportName", "exportArn", "reportId", "tableName"]),
        account: first(&["account", "accountId"]),
        period: period.unwrap_or_default(),
        delivery: first(&["assemblyId", "executionId"]),
        made: None,
        files,
    })
}

/// Azure: `blobs`, with what each holds.
fn azure(node: &Node<'_>) -> Option<Manifest> {
    let blobs = node.get("blobs")?.as_list()?;
    let config = node.get("exportConfig");
    let run = node.get("runInfo");
    let of = |part: Option<&Node<'_>>, name: &str| text(part.and_then(|part| part.get(name)));
    let files = blobs
        .iter()
        .map(|blob| ManifestFile {
            key: text(blob.get("blobName")),
            rows: blob.get("dataRowCount").and_then(Node::as_i64).and_then(|rows| u64::try_from(rows).ok()),
        })
        .filter(|file| !file.key.is_empty())
        .collect();
    Some(Manifest {
        // Two types of cost are two reports, whatever the user calls them.
        report: format!("{} {}", of(config, "exportName"), of(config, "type")).trim().to_owned(),
        account: of(config, "resourceId"),
        period: day(&of(run, "startDate")).unwrap_or_default(),
        delivery: of(run, "runId"),
        made: moment::read(&of(run, "submittedTime")),
        files,
    })
}

/// `s3://bucket/key` → `key`.
fn without_bucket(key: &str) -> &str {
    let Some(rest) = key.strip_prefix("s3://") else { return key.trim_start_matches('/') };
    rest.split_once('/').map_or(rest, |(_bucket, key)| key)
}

/// `20261001T000000.000Z` or `2026-10-01T00:00:00Z` → `2026-10-01`.
fn day(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').take(8).collect();
    let is_date = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_date.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

/// The period in a key: `…/20261001-20261101/…`, `…/BILLING_PERIOD=2026-10/…`.
pub fn period_of_key(key: &str) -> Option<String> {
    key.split('/').find_map(|part| {
        if let Some(month) = part.strip_prefix("BILLING_PERIOD=") {
            return day(&format!("{month}-01"));
        }
        let (start, end) = part.split_once('-')?;
        day(end).filter(|_| end.len() == 8 && start.len() == 8)?;
        day(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layouts of AWS's and Microsoft's documentation.
    #[test]
    fn manifests_of_three_kinds_say_what_was_delivered() {
        let legacy = r#"{"assemblyId":"20231105T000000Z","account":"123456789012","columns":[],"charset":"UTF-8",
            "compression":"GZIP","contentType":"text/csv","reportId":"abc","reportName":"cur",
            "billingPeriod":{"start":"20231101T000000.000Z","end":"20231201T000000.000Z"},"bucket":"b",
            "reportKeys":["p/cur/20231101-20231201/a1/cur-00001.csv.gz"]}"#;
        let legacy = Manifest::read(legacy).unwrap();
        assert_eq!((legacy.report.as_str(), legacy.account.as_str()), ("cur", "123456789012"));
        assert_eq!((legacy.period.as_str(), legacy.delivery.as_str()), ("2023-11-01", "20231105T000000Z"));
        assert_eq!(legacy.files[0].key, "p/cur/20231101-20231201/a1/cur-00001.csv.gz");

        let export = r#"{"exportArn":"arn:x","executionId":"e-1","compression":"PARQUET",
            "dataFiles":["s3://bucket/p/cur2/data/BILLING_PERIOD=2026-10/e-1/cur2-00001.snappy.parquet"]}"#;
        let export = Manifest::read(export).unwrap();
        assert_eq!((export.period.as_str(), export.delivery.as_str()), ("2026-10-01", "e-1"));
        assert_eq!(export.files[0].key, "p/cur2/data/BILLING_PERIOD=2026-10/e-1/cur2-00001.snappy.parquet");

        let azure = r#"{"manifestVersion":"2024-04-01","blobCount":1,"dataRowCount":7,
            "exportConfig":{"exportName":"costs","resourceId":"/providers/Microsoft.Billing/x","type":"ActualCost"},
            "runInfo":{"submittedTime":"2024-02-03T04:05:06Z","runId":"r","startDate":"2024-01-01T00:00:00"},
            "blobs":[{"blobName":"c/costs/20240101-20240131/r/part_0.csv","byteCount":9,"dataRowCount":7}]}"#;
        let azure = Manifest::read(azure).unwrap();
        assert_eq!((azure.report.as_str(), azure.period.as_str()), ("costs ActualCost", "2024-01-01"));
        assert_eq!(azure.files[0].rows, Some(7));
        // From `date -u -d 2024-02-03T04:05:06Z +%s`.
        assert_eq!(azure.made, Some(1_706_933_106 * moment::PER_SEC));
        for other in ["{}", "[", "{\"data\":[]}"] {
            assert_eq!(Manifest::read(other), None);
        }
    }

    #[test]
    fn keys_tell_the_period() {
        assert_eq!(period_of_key("a/20231101-20231201/b").as_deref(), Some("2023-11-01"));
        assert_eq!(period_of_key("a/BILLING_PERIOD=2026-02/b.csv").as_deref(), Some("2026-02-01"));
        assert_eq!(period_of_key("a/part-0001/b"), None);
    }
}
