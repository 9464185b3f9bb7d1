//! Bills as JSON: documents of APIs, objects a line, allocations of OpenCost.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// What is put before the bytes: nothing, and the beginning of each kind of document or line.
const BEGINNINGS: [&str; 7] = [
    "",
    "{\"ResultsByTime\":[{\"TimePeriod\":{\"Start\":\"2026-10-01\"},\"Groups\":[{\"Keys\":[\"a\"],\"Metrics\":{\"UnblendedCost\":{\"Amount\":",
    "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\",\"start_time\":1,\"end_time\":2,\"results\":[{\"amount\":{\"value\":",
    "{\"data\":[{\"starting_at\":\"2026-10-01T00:00:00Z\",\"results\":[{\"amount\":\"1\",\"currency\":",
    "{\"billing_account_id\":\"a\",\"service\":{\"id\":\"1\"},\"sku\":{\"id\":\"2\"},\"usage\":{\"amount\":1},\"cost\":1,\"currency\":\"USD\",\"credits\":[{\"amount\":-1}]}\n{\"credits\":",
    "{\"sku_name\":\"s\",\"usage_quantity\":1,\"usage_unit\":\"DBU\",\"billing_origin_product\":\"SQL\",\"usage_start_time\":\"2026-10-01\",\"usage_end_time\":\"\",\"cloud\":\"AWS\"}\n{\"usage_metadata\":",
    "{\"code\":200,\"data\":[{\"a\":{\"properties\":{\"cluster\":\"c\"},\"totalCost\":1,\"cpuCost\":",
];

fuzz_target!(|bytes: &[u8]| {
    families::read_bill_after("b.json", &BEGINNINGS, bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        for beginning in BEGINNINGS {
            let _ = inferometer::bill::overlay::read(&[beginning, text].concat(), "b.json");
        }
    }
});
