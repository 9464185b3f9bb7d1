//! ZIP archives and manifests: the archive itself of any bytes, any bytes as its member, and manifests.
#![no_main]

use std::io::{Cursor, Write};

use inferometer::bill::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

/// How manifests begin.
const BEGINNINGS: [&str; 4] = [
    "",
    "{\"assemblyId\":\"a\",\"reportName\":\"r\",\"billingPeriod\":{\"start\":\"20261001T000000.000Z\"},\"reportKeys\":[",
    "{\"exportArn\":\"a\",\"executionId\":\"e\",\"dataFiles\":[\"s3://b/BILLING_PERIOD=2026-10/x.csv\",",
    "{\"exportConfig\":{\"exportName\":\"e\"},\"runInfo\":{\"submittedTime\":\"2026-10-01T00:00:00Z\"},\"blobs\":[{\"blobName\":",
];

fuzz_target!(|bytes: &[u8]| {
    families::read_bill("b.zip", &[b"PK\x03\x04".as_slice(), bytes].concat());
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("a/b.csv", options).expect("a member");
    archive.write_all(b"BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart\n").expect("its header");
    archive.write_all(bytes).expect("its rows");
    families::read_bill("b.zip", archive.finish().expect("an archive").get_ref());
    families::read_bill_after("b-Manifest.json", &BEGINNINGS, bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        for beginning in BEGINNINGS {
            let _ = Manifest::read(&[beginning, text].concat());
        }
    }
});
