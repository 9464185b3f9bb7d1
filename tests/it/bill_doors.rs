//! How bills get in when something is in the way: a full disk, a file that goes away, a folder with other things in it,
//! encodings; and what `bill FILE… --project P` takes from the project.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use inferometer::app::{Query, QueryResult};
use inferometer::bill::{self, BillError, Imported, Store, delivery};
use inferometer::units::Money;
use serde_json::Value;

use super::bill_deliveries::{app, open};

const HEADER: &str =
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,BillingAccountId,ResourceId";

/// A FOCUS table of October: a row for each cost.
fn focus(currency: &str, costs: &[&str]) -> String {
    let rows = costs
        .iter()
        .enumerate()
        .map(|(row, cost)| format!("{cost},{currency},Usage,2026-10-{:02}T00:00:00Z,acc,r-{row}\n", row + 1));
    format!("{HEADER}\n{}", rows.collect::<String>())
}

/// A bill whose rows hardly compress: texts of a generator of Marsaglia's.
fn large(rows: u32) -> String {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let rows = (0..rows).map(|_| {
        format!("1,USD,Usage,2026-10-01T00:00:00Z,acc,{:016x}{:016x}{:016x}\n", random(), random(), random())
    });
    format!("{HEADER}\n{}", rows.collect::<String>())
}

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("home/data/bills"));
        Self { folder, store }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, path: &Path) -> Result<Imported, BillError> {
        bill::import(path, &self.store, &mut |_done| (), &|| false)
    }

    fn stored(&self) -> Vec<String> {
        let names = fs::read_dir(self.store.folder()).into_iter().flatten();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn inferometer(&self, arguments: &[&str]) -> Output {
        Process::new(env!("CARGO_BIN_EXE_inferometer"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("INFEROMETER_HOME", self.folder.path().join("home"))
            .output()
            .unwrap()
    }

    /// The same where no file may be larger than so many KiB, which refuses as a full disk does.
    fn cramped(&self, kibibytes: u32, arguments: &str) -> Output {
        let program = env!("CARGO_BIN_EXE_inferometer");
        Process::new("bash")
            .args(["-c", &format!("trap '' XFSZ; ulimit -f {kibibytes}; exec '{program}' {arguments}")])
            .current_dir(self.folder.path())
            .env("INFEROMETER_HOME", self.folder.path().join("home"))
            .output()
            .unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[cfg(unix)]
fn a_bill_that_there_is_no_room_for_is_told_and_what_was_there_stays() {
    let bench = Bench::new();
    bench.write("small.csv", focus("USD", &["1.25"]));
    bench.write("large.csv", large(20_000));
    assert!(bench.inferometer(&["bill", "in/small.csv"]).status.success());
    let before = bench.stored();
    assert_eq!(before.len(), 2);
    let refused = bench.cramped(200, "bill in/large.csv");
    let words = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("no room for it on that disk; make room") && words.contains("bills"), "{words}");
    assert_eq!(bench.stored(), before);
    // With room for the rows and none for the report, neither stays.
    let again = json(&bench.cramped(200, "bill in/small.csv --json"));
    assert_eq!(again["total"]["BilledCost"], "1.25");
    // A Parquet member of an archive is unpacked to be read.
    let out = bench.folder.path().join("large.parquet");
    let written = bench.inferometer(&["bill", "in/large.csv", "--focus", out.to_str().unwrap()]);
    assert!(written.status.success(), "{}", said(&written));
    let mut archive = zip::ZipWriter::new(fs::File::create(bench.folder.path().join("a.zip")).unwrap());
    archive.start_file("a.parquet", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&fs::read(out).unwrap()).unwrap();
    archive.finish().unwrap();
    let before = bench.stored();
    let words = said(&bench.cramped(200, "bill a.zip"));
    assert!(words.contains("folder for temporary files") && words.contains("a.zip/a.parquet"), "{words}");
    assert!(!words.contains("damaged"), "{words}");
    assert_eq!(bench.stored(), before);
}

#[test]
#[cfg(unix)]
fn a_file_that_goes_away_while_it_is_read_leaves_nothing() {
    let bench = Bench::new();
    let small = bench.import(&bench.write("small.csv", focus("USD", &["1.25"]))).unwrap();
    let before = bench.stored();
    // Before it is hashed, while it is, and while its rows are read.
    for share in [0.0, 0.05, 0.5] {
        let path = bench.write("gone.csv", large(20_000));
        let delivery = delivery::find(&path, &|| false).unwrap();
        if share == 0.0 {
            fs::remove_file(&path).unwrap();
        }
        let mut reached = false;
        let mut progress = |done: f64| {
            if !reached && done >= share && share > 0.0 {
                reached = true;
                fs::remove_file(&path).unwrap();
            }
        };
        let error = bill::import_delivery(&delivery, &bench.store, &mut progress, &|| false).unwrap_err();
        assert!(matches!(error, BillError::Read { .. }), "{share}: {error:?}");
        assert!(error.to_string().ends_with("gone.csv"), "{error}");
        assert_eq!(bench.stored(), before, "{share}");
    }
    // A file of many.
    let first = bench.write("many/1.csv", focus("USD", &["1"]));
    bench.write("many/2.csv", large(20_000));
    let delivery = delivery::find(first.parent().unwrap(), &|| false).unwrap();
    let mut progress = |done: f64| {
        if done >= 0.5 {
            let _ = fs::remove_file(&first);
        }
    };
    let error = bill::import_delivery(&delivery, &bench.store, &mut progress, &|| false).unwrap_err();
    assert!(error.to_string().ends_with("1.csv"), "{error}");
    assert_eq!(bench.stored(), before);
    let bill = bill::Bill::open(&[&small.hash], &bench.store).unwrap();
    assert_eq!(bill.totals(&[]).unwrap().costs.billed_cost, Some("1.25".parse().unwrap()));
}

#[test]
fn what_a_killed_import_left_is_removed_and_what_is_written_now_is_not() {
    let bench = Bench::new();
    fs::create_dir_all(bench.store.folder()).unwrap();
    let days = |days: u64| std::time::SystemTime::now() - std::time::Duration::from_hours(24 * days);
    for (name, age) in [(".importing-old", days(2)), (".importing-new", days(0)), ("other", days(9))] {
        let file = fs::File::create(bench.store.folder().join(name)).unwrap();
        file.set_modified(age).unwrap();
    }
    bench.import(&bench.write("b.csv", focus("USD", &["1"]))).unwrap();
    let names = bench.stored();
    assert_eq!(&names[..1], [".importing-new"]);
    assert!(names.contains(&"other".to_owned()) && names.len() == 4, "{names:?}");
}

#[test]
fn a_folder_with_other_things_in_it_is_read_all_the_same() {
    let bench = Bench::new();
    bench.write("m/bill.csv", focus("USD", &["1", "2"]));
    // No line of it ends; a table of anything else; a workbook.
    bench.write("m/long.txt", "x".repeat(2 << 20));
    bench.write("m/machines.csv", "name,price\na,1\n");
    let mut workbook = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    workbook.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
    bench.write("m/book.xlsx", workbook.finish().unwrap().into_inner());
    let deep: PathBuf = (0..40).map(|depth| format!("d{depth}")).collect();
    bench.write(&format!("m/{}/deep.csv", deep.display()), focus("USD", &["0.5"]).replace("r-", "deep-"));
    let folder = bench.folder.path().join("in/m");
    #[cfg(unix)]
    {
        // One leads in a circle, one to a bill that lies elsewhere.
        std::os::unix::fs::symlink(&folder, folder.join("again")).unwrap();
        bench.write("elsewhere/linked.csv", focus("USD", &["0.25"]).replace("r-", "linked-"));
        std::os::unix::fs::symlink(bench.folder.path().join("in/elsewhere"), folder.join("link")).unwrap();
    }
    let imported = bench.import(&folder).unwrap();
    let expected: Money = if cfg!(unix) { "3.75" } else { "3.5" }.parse().unwrap();
    assert_eq!(imported.totals["USD"].billed_cost, Some(expected));
    let why = |name: &str| imported.skipped.iter().find(|one| one.file == name).map(|one| one.why.clone());
    assert!(why("long.txt").unwrap().contains("first line has more than 1 MiB"));
    assert!(why("book.xlsx").unwrap().contains("Excel workbook"));
    assert!(why("machines.csv").unwrap().contains("no bill"));
    assert_eq!(imported.skipped.len(), 3, "{:?}", imported.skipped);
    // By itself a workbook is refused with what to do.
    let error = bench.import(&folder.join("book.xlsx")).unwrap_err().to_string();
    assert!(error.contains("save its sheet as CSV"), "{error}");
    // A folder has its own name, however it is reached.
    let dot = delivery::find(&folder.join("d0/.."), &|| false).unwrap();
    assert_eq!(dot.name, "m");
}

#[test]
fn another_providers_file_beside_a_manifest_is_no_earlier_delivery() {
    let bench = Bench::new();
    let listed = focus("USD", &["1"]);
    bench.write("m/c-1.csv", &listed);
    bench.write("m/c-0.csv", focus("USD", &["100"]));
    bench.write(
        "m/deepseek.csv",
        "user_id,start_time_iso,end_time_iso,model,wallet_type,cost,currency\n\
         u,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,m,w,0.5,CNY\n",
    );
    bench.write(
        "m/c-Manifest.json",
        r#"{"assemblyId":"a","account":"1","reportName":"c","billingPeriod":{"start":"20261001T000000.000Z"},
            "reportKeys":["p/c/20261001-20261101/a/c-1.csv"]}"#,
    );
    let delivery = delivery::find(&bench.folder.path().join("in/m"), &|| false).unwrap();
    let names: Vec<&str> = delivery.pieces.iter().map(|piece| piece.name.as_str()).collect();
    assert_eq!(names, ["c-1.csv", "deepseek.csv"]);
    let left = delivery.skipped.iter().find(|skipped| skipped.file == "c-0.csv").unwrap();
    assert!(left.why.contains("does not list it"), "{left:?}");
}

#[test]
fn each_file_that_is_cut_off_is_named() {
    let bench = Bench::new();
    for name in ["m/1.csv", "m/2.csv"] {
        let text = focus("USD", &["1", "2", "3", "4", "5"]);
        bench.write(name, text[..text.len() - 2].replace("r-", name));
    }
    let imported = bench.import(&bench.folder.path().join("in/m")).unwrap();
    let cut = imported.warnings.iter().filter(|warning| warning.message.contains("may be cut off"));
    assert_eq!(cut.map(|warning| warning.file.as_str()).collect::<Vec<_>>(), ["1.csv", "2.csv"]);
    assert_eq!(imported.rows, 10);
}

#[test]
fn files_that_were_joined_have_their_header_once() {
    let bench = Bench::new();
    let text = focus("USD", &["1", "2"]);
    let joined = format!("{text}\u{feff}{text}");
    let imported = bench.import(&bench.write("b.csv", joined)).unwrap();
    assert_eq!((imported.rows, imported.dropped), (4, 0));
    assert_eq!(imported.totals["USD"].billed_cost, Some("6".parse().unwrap()));
    assert_eq!(imported.missing.len(), 0);
    let said = |words: &str| imported.warnings.iter().any(|warning| warning.message.contains(words));
    assert!(said("the header stands 1 more time"), "{:?}", imported.warnings);
}

#[test]
fn encodings_are_read_or_named() {
    let bench = Bench::new();
    // The console's report on a machine that writes Windows-1252, where 0x80 is the euro sign.
    let mut bytes =
        b"Date,Service description,Service ID,SKU description,SKU ID,Usage amount,Usage unit,".to_vec();
    for name in ["List cost", "Negotiated savings", "Savings programs", "Other savings", "Unrounded subtotal"]
    {
        bytes.extend(format!("{name} (").bytes().chain([0x80, b')', b',']));
    }
    bytes.extend(b"Subtotal (\x80)\n2026-10-15,Caf\xe9,A,B,C,1,count,1.56,0,0,0,1.555990,1.56\n");
    let imported = bench.import(&bench.write("report.csv", &bytes)).unwrap();
    assert_eq!(imported.totals["EUR"].billed_cost, Some("1.55599".parse().unwrap()));
    let lines: Vec<u64> = imported.warnings.iter().filter_map(|warning| warning.line).collect();
    assert_eq!(lines, [1, 2], "{:?}", imported.warnings);
    // Excel's "Unicode text" has tabs between its cells; PowerShell sends answers of an API into such files.
    let table =
        focus("EUR", &["1.10", "2.25"]).replace(',', "\t").replace("r-1", "größe-😀").replace('\n', "\r\n");
    let cost_explorer = r#"{"ResultsByTime":[{"TimePeriod":{"Start":"2026-10-01","End":"2026-10-02"},"Estimated":false,
        "Total":{"UnblendedCost":{"Amount":"3.35","Unit":"EUR"}},"Groups":[]}]}"#;
    for (name, text) in [("u.txt", table.as_str()), ("u.json", cost_explorer)] {
        let units: Vec<u16> = [0xfeff].into_iter().chain(text.encode_utf16()).collect();
        let (little, big): (Vec<u8>, Vec<u8>) = (
            units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            units.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        );
        for (order, bytes) in [("le", little), ("be", big)] {
            let imported = bench.import(&bench.write(&format!("{order}-{name}"), bytes)).unwrap();
            assert_eq!(imported.totals["EUR"].billed_cost, Some("3.35".parse().unwrap()), "{order} {name}");
            let said = imported.warnings.iter().filter(|warning| warning.message.contains("UTF-16 text"));
            assert_eq!(said.count(), 1, "{:?}", imported.warnings);
        }
    }
    let resources = |imported: &Imported| {
        let at = imported.columns.iter().position(|name| name == "ResourceId").unwrap();
        imported.profiles[at].values.values.clone()
    };
    let again = bench.import(&bench.folder.path().join("in/le-u.txt")).unwrap();
    assert!(resources(&again).contains("größe-😀"), "{:?}", resources(&again));
}

/// As a spreadsheet set to German saves a FOCUS table and Azure's cost details. Expectations by hand.
#[test]
fn decimal_commas_are_read_where_the_file_tells_them() {
    let bench = Bench::new();
    let focus = "BilledCost;EffectiveCost;BillingCurrency;ChargeCategory;ChargePeriodStart;ConsumedQuantity;SkuId\n\
        0,05;1.234,5600;EUR;Usage;01.10.2026 00:00;1.024;1,5\n\
        4,125E-08;1,234;EUR;Usage;31.10.2026 00:00;12;2,5\n";
    let imported = bench.import(&bench.write("focus.csv", focus)).unwrap();
    let totals = &imported.totals["EUR"];
    assert_eq!(totals.billed_cost, Some("0.0500000413".parse().unwrap()));
    assert_eq!(totals.effective_cost, Some("1235.794".parse().unwrap()));
    assert_eq!(imported.missing.len(), 0, "{:?}", imported.warnings);
    assert_eq!(imported.first_charge_unix_secs, Some(1_790_812_800));
    let at = imported.columns.iter().position(|name| name == "SkuId").unwrap();
    assert!(imported.profiles[at].values.values.contains("1,5"), "a text stays as it is");
    let said = |imported: &Imported, words: &str| {
        imported.warnings.iter().any(|warning| warning.message.contains(words))
    };
    assert!(
        said(
            &imported,
            "such as `0,05`, and were read so in the columns BilledCost, EffectiveCost; so were those \
        of ConsumedQuantity"
        ),
        "{:?}",
        imported.warnings
    );
    assert!(said(&imported, "day.month.year"), "{:?}", imported.warnings);
    let azure = "Abonnement-ID (SubscriptionId);Datum (Date);MeterId;MeterCategory;Menge (Quantity);\
        Kosten (CostInBillingCurrency);BillingCurrencyCode;UnitPrice;PartNumber;ChargeType\n\
        s;31.05.2026;m;Virtual Machines;24;1.002,64;EUR;0,11;p;Usage\n";
    let imported = bench.import(&bench.write("azure.csv", azure)).unwrap();
    assert_eq!(
        imported.totals["EUR"].billed_cost,
        Some("1002.64".parse().unwrap()),
        "{:?}",
        imported.warnings
    );
    assert_eq!(imported.totals["EUR"].contracted_cost, Some("2.64".parse().unwrap()));
    assert_eq!(imported.first_charge_unix_secs, Some(1_780_185_600));

    // Nothing in it can be one thing only, so it stays unread.
    let unsure = focus.replace("0,05", "1,005").replace("4,125E-08", "2,250").replace("1.234,5600", "1");
    let imported = bench.import(&bench.write("unsure.csv", unsure)).unwrap();
    assert_eq!(imported.missing["BilledCost"].unreadable, 2, "{:?}", imported.warnings);
    assert!(!said(&imported, "decimal comma"), "{:?}", imported.warnings);
}

#[test]
fn a_list_of_objects_that_is_cut_off_is_refused_with_its_line() {
    let bench = Bench::new();
    let row = r#"{"BilledCost": 1.10, "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargePeriodStart": "2026-10-01"}"#;
    let list = format!("[\n{row},\n{row},\n 7\n]\n");
    let imported = bench.import(&bench.write("b.json", &list)).unwrap();
    assert_eq!((imported.rows, imported.dropped), (2, 1));
    assert_eq!(imported.totals["USD"].billed_cost, Some("2.2".parse().unwrap()));
    assert_eq!(imported.warnings.iter().filter_map(|warning| warning.line).collect::<Vec<_>>(), [4]);
    let before = bench.stored();
    for (text, words) in [
        (list[..list.len() - 30].to_owned(), "ends within a list on line 3"),
        (format!("{list}x"), "goes on behind its list on line 6"),
    ] {
        let error = bench.import(&bench.write("b.json", text)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(bench.stored(), before);
}

/// Downloads of Cost Explorer by service and by region are the same money twice, and have no row in common.
#[test]
fn the_same_total_grouped_otherwise_is_told() {
    let bench = Bench::new();
    let mut app = app(bench.folder.path());
    let by = |name: &str, columns: &str, days: [&str; 2]| {
        bench.write(
            name,
            format!(
                "{columns},Total costs($)\nService total,{}\n2026-10-01,{}\n2026-10-02,{}\n",
                "15,5,20", days[0], days[1]
            ),
        )
    };
    let service = by("service.csv", "Service,Amazon SageMaker($),Tax($)", ["10,2,12", "5,3,8"]);
    let region = bench.write(
        "region.csv",
        "Region,us-east-1($),eu-west-1($),NoRegion($),Total costs($)\nRegion total,8,7,5,20\n2026-10-01,6,4,2,12\n\
         2026-10-02,2,3,3,8\n",
    );
    assert_eq!(open(&mut app, service), [""; 0]);
    let notices = open(&mut app, region);
    assert!(notices.iter().any(|text| text.contains("grouped otherwise")), "{notices:?}");
}

/// An account that is told with the word NULL, or with a space, is none, or that text: what came again is left out by it.
#[test]
fn what_came_again_is_left_out_however_its_account_is_written() {
    for account in ["NULL", " acc ", "", "acc"] {
        let bench = Bench::new();
        let mut app = app(bench.folder.path());
        let first = focus("USD", &["1", "2"]).replace(",acc,", &format!(",{account},"));
        let again = focus("USD", &["1", "2", "4"]).replace(",acc,", &format!(",{account},"));
        open(&mut app, bench.write("first.csv", first));
        open(&mut app, bench.write("again.csv", again));
        assert_eq!(app.state().counting.claims.len(), 1, "{account:?}");
        let QueryResult::Totals(totals) = app.answer(&Query::Totals { filters: Vec::new() }).unwrap() else {
            panic!()
        };
        assert_eq!(totals.exact["BilledCost"], "7", "{account:?}");
    }
}

#[test]
fn a_folder_without_a_bill_is_told_in_the_words_of_bills() {
    let bench = Bench::new();
    bench.write("empty/.keep", "");
    bench.write("other/notes.md", "# notes");
    for (folder, words) in
        [("in/empty", "no bill was found in the folder"), ("in/other", "notes.md: no bill")]
    {
        let output = bench.inferometer(&["bill", folder]);
        assert!(!output.status.success());
        let said = said(&output);
        assert!(said.contains(words) && !said.contains("result"), "{said}");
    }
    // What lies over bills may lie alone.
    bench.write(
        "over/allocation.json",
        r#"{"code":200,"data":[{"a":{"properties":{"cluster":"c"},"cpuCost":1,"gpuCost":2.5,"totalCost":3.5}}]}"#,
    );
    let over = json(&bench.inferometer(&["bill", "in/over", "--json"]));
    assert_eq!(over["overlays"][0]["items"][0]["total"], "3.5");
}

#[test]
fn named_bills_are_answered_with_the_projects_rates_and_decisions_and_change_nothing_in_it() {
    let bench = Bench::new();
    bench.write("old.csv", focus("EUR", &["1", "2"]));
    bench.write("new.csv", focus("EUR", &["1", "2", "4"]));
    let kept = bench.inferometer(&["import", "in/old.csv", "in/new.csv", "--project", "p.inferometer"]);
    assert!(kept.status.success(), "{}", said(&kept));
    let ask = |arguments: &[&str]| json(&bench.inferometer(arguments));
    let set = [
        "bill",
        "--project",
        "p.inferometer",
        "--in",
        "USD",
        "--rate",
        "EUR=1.5",
        "--count",
        "old.csv",
        "--json",
    ];
    let own = ask(&set);
    assert_eq!((&own["currency"], &own["total"]["BilledCost"]), (&"USD".into(), &"4.5".into()));
    // By themselves: as billed, and the newest counts.
    let alone = ask(&["bill", "in/old.csv", "in/new.csv", "--json"]);
    assert_eq!((&alone["currency"], &alone["total"]["BilledCost"]), (&"EUR".into(), &"7".into()));
    let with = ask(&["bill", "in/old.csv", "in/new.csv", "--project", "p.inferometer", "--json"]);
    assert_eq!((&with["currency"], &with["total"]["BilledCost"]), (&"USD".into(), &"4.5".into()));
    // Other bills in other rates, and the project is as it was.
    bench.write("third.csv", focus("EUR", &["8"]).replace("2026-10", "2026-11"));
    let third = ["bill", "in/third.csv", "--project", "p.inferometer", "--rate", "EUR=2", "--json"];
    assert_eq!(ask(&third)["total"]["BilledCost"], "16");
    assert_eq!(ask(&["bill", "--project", "p.inferometer", "--json"])["total"], own["total"]);
    let missing = bench.inferometer(&["bill", "in/old.csv", "--project", "none.inferometer"]);
    assert!(said(&missing).contains("there is no such project"), "{}", said(&missing));
    assert!(!bench.folder.path().join("none.inferometer").exists());
}
