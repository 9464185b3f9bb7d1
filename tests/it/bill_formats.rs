//! Bills that are not FOCUS: samples of each format against the totals that are known of them, and files of our own
//! through the whole import.

use std::path::PathBuf;

use inferometer::bill::{self, BillError, Imported, Store};
use inferometer::units::Money;

fn samples() -> PathBuf {
    PathBuf::from(
        std::env::var_os("INFEROMETER_SAMPLES")
            .expect("INFEROMETER_SAMPLES names the folder of sample files"),
    )
    .join("bills")
}

fn import(path: &std::path::Path) -> Result<Imported, BillError> {
    let folder = tempfile::tempdir().unwrap();
    bill::import(path, &Store::at(folder.path()), &mut |_done| (), &|| false)
}

/// Imports bytes as a file of this name.
fn import_bytes(name: &str, bytes: &[u8]) -> Result<Imported, BillError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    import(&path)
}

/// Kind, rows, currency and billed cost.
fn told(imported: &Imported) -> (&str, u64, &str, Option<Money>) {
    let (currency, costs) = imported.single_total().unwrap();
    (&imported.kind, imported.rows, currency, costs.billed_cost)
}

/// Sums by hand from the files' few rows.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_layouts_of_consoles_and_apis_add_up() {
    for (name, kind, rows, currency, billed) in [
        ("openai_costs_dashboard.csv", "OpenAI costs", 1, "USD", "0.895874"),
        ("openai_organization_costs.json", "OpenAI costs", 1, "USD", "0.06"),
        ("anthropic_console_cost.csv", "Anthropic costs", 2, "USD", "18.76"),
        ("anthropic_cost_report.json", "Anthropic cost report", 1, "USD", "1.2345"),
        ("deepseek_cost.csv", "DeepSeek costs", 1, "CNY", "0.42"),
        // 94.081234 − 1.50; 1.555990.
        ("gcp_console_cost_table.csv", "Google Cloud cost table", 2, "USD", "92.581234"),
        ("gcp_console_reports.csv", "Google Cloud cost report", 1, "USD", "1.55599"),
    ] {
        let imported = import(&samples().join("shapes").join(name)).unwrap();
        assert_eq!(told(&imported), (kind, rows, currency, Some(billed.parse().unwrap())), "{name}");
    }
    // Counts of tokens cost nothing that is known.
    for (name, kind, rows) in [
        ("openai_completions_usage_dashboard.csv", "OpenAI token usage", 4),
        ("anthropic_console_tokens.csv", "Anthropic token usage", 3),
    ] {
        let imported = import(&samples().join("shapes").join(name)).unwrap();
        assert_eq!((imported.kind.as_str(), imported.rows), (kind, rows));
        assert!(imported.totals.values().all(|costs| costs.billed_cost.is_none()), "{name}");
    }
}

const LINE: &str = r#"{"billing_account_id":"a","service":{"id":"1","description":"Vertex AI"},"sku":{"id":"2","description":"Online Prediction"},"usage_start_time":"2026-10-01 00:00:00 UTC","usage_end_time":"2026-10-01 01:00:00 UTC","cost":0.1000000000000000055,"currency":"USD","usage":{"amount":1},"credits":[{"type":"DISCOUNT","amount":-0.05}],"invoice":{"month":"202610"}}"#;

#[test]
fn json_lines_keep_every_digit_and_a_line_that_breaks_off_is_told_of() {
    // BigQuery leaves out what has no value: the first line has no labels.
    let second = LINE.replacen("\"cost\"", "\"labels\":[{\"key\":\"team\",\"value\":\"x\"}],\"cost\"", 1);
    let text = format!("{LINE}\n\n{second}\r\n{}", &LINE[..100]);
    let imported = import_bytes("export.json", text.as_bytes()).unwrap();
    // 2 × (0.1000000000000000055 − 0.05), rounded to the ten places of Money.
    let billed = Some("0.1".parse().unwrap());
    assert_eq!(told(&imported), ("Google Cloud billing export", 2, "USD", billed));
    assert_eq!(imported.dropped, 1);
    let cut = imported.warnings.iter().find(|warning| warning.line == Some(4)).unwrap();
    assert!(cut.message.contains("may be cut off"), "{cut:?}");
    assert!(imported.columns.iter().any(|column| column == "Tags"));
    let tags = imported.columns.iter().position(|column| column == "Tags").unwrap();
    assert!(imported.profiles[tags].keys.contains_key("team"));
}

/// Rows in a list, and pages that follow one after another in a file.
#[test]
fn lists_of_rows_and_pages_of_an_answer_are_read_whole() {
    let list = format!("[{LINE},\n {}]", LINE.replace("-0.05", "0"));
    let imported = import_bytes("export.json", list.as_bytes()).unwrap();
    // 0.0500000000000000055 + 0.1000000000000000055.
    let billed = Some("0.15".parse().unwrap());
    assert_eq!(told(&imported), ("Google Cloud billing export", 2, "USD", billed));
    let page = |day: u32, token: &str| {
        format!(
            r#"{{"ResultsByTime":[{{"TimePeriod":{{"Start":"2026-10-0{day}","End":"2026-10-0{}"}},"Estimated":false,
            "Total":{{"UnblendedCost":{{"Amount":"1.5","Unit":"USD"}}}},"Groups":[]}}]{token}}}"#,
            day + 1
        )
    };
    let pages = format!("{}\n{}\n", page(1, r#","NextPageToken":"abc""#), page(2, ""));
    let whole = import_bytes("costs.json", pages.as_bytes()).unwrap();
    assert_eq!(told(&whole), ("AWS Cost Explorer", 2, "USD", Some("3".parse().unwrap())));
    let says_more = |imported: &Imported| {
        imported
            .warnings
            .iter()
            .any(|warning| warning.message.contains("more pages follow (`NextPageToken`)"))
    };
    let first = import_bytes("costs.json", page(1, r#","NextPageToken":"abc""#).as_bytes()).unwrap();
    assert!(says_more(&first) && !says_more(&whole), "{:?}", first.warnings);
}

#[test]
fn a_line_with_a_byte_that_is_no_utf_8_keeps_its_other_characters() {
    let line = LINE.replace("Online Prediction", "Größe \u{fffd}");
    let at = line.find('\u{fffd}').unwrap();
    let bytes = [&line.as_bytes()[..at], b"\xe4", &line.as_bytes()[at + 3..], b"\n"].concat();
    let imported = import_bytes("export.json", &bytes).unwrap();
    assert_eq!((imported.rows, imported.dropped), (1, 0));
    let sku = imported.columns.iter().position(|column| column == "SkuMeter").unwrap();
    assert!(imported.profiles[sku].values.values.contains("Größe ä"), "{:?}", imported.profiles[sku]);
    assert!(
        imported
            .warnings
            .iter()
            .any(|warning| warning.line == Some(1) && warning.message.contains("Latin-1"))
    );
}

#[test]
fn json_that_is_no_bill_is_refused_with_what_it_is() {
    for (text, words) in [
        ("{\"data\": [1, 2]}", "JSON whose objects have `data`"),
        ("{\"data\": [1,\n 2", "line 2"),
        ("[]", "no bill's"),
        ("{\"a\":1}\n{\"a\":2}\n", "JSON whose objects have `a`"),
    ] {
        let error = import_bytes("x.json", text.as_bytes()).unwrap_err();
        assert!(matches!(error, BillError::NotABill { .. }));
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
}

const USAGE: &str = "account_id,sku_name,cloud,usage_start_time,usage_end_time,usage_unit,usage_quantity,\
                     billing_origin_product,record_type\n\
                     a,SERVING,AWS,2026-02-01T00:00:00Z,2026-02-01T01:00:00Z,DBU,10.5,MODEL_SERVING,ORIGINAL\n";
const PRICES: &str = "sku_name,cloud,currency_code,usage_unit,pricing.default,price_start_time,price_end_time\n\
                      SERVING,AWS,USD,DBU,0.07,2025-01-01T00:00:00Z,\n";

#[test]
fn databricks_usage_is_priced_with_the_table_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let usage = at("usage.csv", USAGE);
    let alone = import(&usage).unwrap();
    assert!(alone.totals.values().all(|costs| costs.billed_cost.is_none()));
    assert!(alone.warnings.iter().any(|warning| warning.message.contains("into the same folder")));
    let prices = at("prices.csv", PRICES);
    let priced = import(&usage).unwrap();
    // 10.5 × 0.07.
    assert_eq!(told(&priced), ("Databricks usage", 1, "USD", Some("0.735".parse().unwrap())));
    assert_ne!(alone.hash, priced.hash);
    let error = import(&prices).unwrap_err().to_string();
    assert!(error.contains("no bill: put them beside the usage"), "{error}");
    at("more.csv", PRICES);
    let error = import(&usage).unwrap_err().to_string();
    assert!(error.contains("two price tables"), "{error}");
}

/// Written and read again, a bill is the same; the columns that are not of FOCUS begin with `x_`.
#[test]
fn a_bill_written_as_focus_is_the_same_bill() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("bills"));
    let path = folder.path().join("export.json");
    std::fs::write(&path, LINE).unwrap();
    let imported = bill::import(&path, &store, &mut |_done| (), &|| false).unwrap();
    let bill = bill::Bill::open(&[&imported.hash], &store).unwrap();
    for (name, form) in [("out.csv", bill::FocusFile::Csv), ("out.parquet", bill::FocusFile::Parquet)] {
        let out = folder.path().join(name);
        let written = bill.write_focus(&[], &out, form, &|| false).unwrap();
        assert_eq!(written.rows, 1);
        // The line tells no list price, and the export says so.
        assert!(written.untold.contains(&("ListCost".to_owned(), 1)), "{:?}", written.untold);
        let again = bill::import(&out, &store, &mut |_done| (), &|| false).unwrap();
        assert_eq!(again.kind, "FOCUS 1.2");
        assert_eq!((again.rows, &again.totals, again.dropped), (1, &imported.totals, 0));
        assert_eq!(again.first_charge_unix_secs, imported.first_charge_unix_secs);
        let own = again.columns.iter().filter(|name| bill::columns::find(name).is_none());
        assert!(own.clone().count() > 5 && own.into_iter().all(|name| name.starts_with("x_")), "{again:?}");
    }
    let error = bill.write_focus(&[], &folder.path().join("no/folder.csv"), bill::FocusFile::Csv, &|| false);
    assert!(error.unwrap_err().to_string().contains("nothing was written"));
    let cancelled = bill.write_focus(&[], &folder.path().join("c.csv"), bill::FocusFile::Csv, &|| true);
    assert!(matches!(cancelled, Err(BillError::Cancelled)) && !folder.path().join("c.csv").exists());
}
