//! Bills of many files: folders, patterns, archives and manifests are one import; what is delivered again replaces.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use inferometer::app::{App, Command, Folders, Options, Query, QueryResult};
use inferometer::bill::claims::{Choice, Why};
use inferometer::bill::{self, Basis, Bill, BillError, Imported, Store, delivery};
use inferometer::measure::launcher::Launcher;
use inferometer::units::Money;

/// A FOCUS table: account, day, resource, cost of each row, in this order of columns.
fn focus(order: [usize; 4], rows: &[(&str, u32, &str, &str)]) -> String {
    let names = ["BillingAccountId", "ChargePeriodStart", "ResourceId", "BilledCost"];
    let line = |cells: [String; 4]| {
        let cells: Vec<&str> = order.iter().map(|at| cells[*at].as_str()).collect();
        format!("{},USD,Usage,Compute\n", cells.join(","))
    };
    let mut text = line(names.map(str::to_owned)).replace(",USD,Usage,Compute", "");
    text = text.trim_end().to_owned() + ",BillingCurrency,ChargeCategory,ServiceCategory\n";
    for (account, day, resource, cost) in rows {
        text += &line([
            (*account).to_owned(),
            format!("2026-10-{day:02}T00:00:00Z"),
            (*resource).to_owned(),
            (*cost).to_owned(),
        ]);
    }
    text
}

const ORDER: [usize; 4] = [0, 1, 2, 3];

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("store"));
        Self { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("in").join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn zip(&self, name: &str, members: &[(&str, &[u8])]) -> PathBuf {
        let path = self.write(name, "");
        let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, bytes) in members {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap();
        path
    }

    fn import(&self, path: &Path) -> Result<Imported, BillError> {
        bill::import(path, &self.store, &mut |_done| (), &|| false)
    }

    fn stored(&self) -> usize {
        fs::read_dir(self.store.folder()).map_or(0, Iterator::count)
    }
}

fn billed(imported: &Imported) -> Money {
    imported.totals["USD"].billed_cost.unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// 1.25 + 2.5 + 0.125, whichever way the rows are split into files and whatever the order of columns.
#[test]
fn folder_pattern_and_archive_are_one_bill_with_the_rows_of_each_file() {
    let bench = Bench::new();
    let one = focus(ORDER, &[("a", 1, "r1", "1.25"), ("a", 2, "r2", "2.5")]);
    let two = focus([3, 1, 0, 2], &[("a", 3, "r3", "0.125")]);
    bench.write("cur/2026-10/part-1.csv", &one);
    bench.write("cur/2026-10/part-2.csv.gz", gzip(&two));
    bench.write("cur/README.md", "# nothing\n");
    bench.write("cur/empty.csv", "");
    let archive =
        bench.zip("all.zip", &[("a/part-1.csv", one.as_bytes()), ("a/b/part-2.csv.gz", &gzip(&two))]);
    let folder = bench.path("cur");
    for (path, skipped) in
        [(folder.clone(), 2), (folder.join("2026-*/*.csv*"), 0), (archive, 0), (folder.join("2026-1?"), 0)]
    {
        let imported = bench.import(&path).unwrap();
        assert_eq!((imported.rows, billed(&imported)), (3, money("3.875")), "{}", path.display());
        let rows: Vec<u64> = imported.parts.iter().map(|part| part.rows).collect();
        assert_eq!((rows, imported.skipped.len()), (vec![2, 1], skipped), "{}", path.display());
        let bill = Bill::open(&[&imported.hash], &bench.store).unwrap();
        let groups = bill.group_by(&["x_SourceFile"], &[], Basis::BilledCost).unwrap();
        assert_eq!(groups[0].costs.billed_cost, Some(money("3.75")));
        assert_eq!(groups[0].key[0].as_deref(), Some(imported.parts[0].file.as_str()));
        // The same again comes out of the store.
        assert_eq!(bench.import(&path).unwrap(), imported);
    }
    let skipped = bench.import(&folder).unwrap().skipped;
    assert_eq!(skipped[0].file, "README.md");
    assert!(skipped[0].why.contains("no bill") && skipped[1].why.contains("empty"), "{skipped:?}");
}

#[test]
fn columns_that_only_some_files_have_are_united_by_name() {
    let bench = Bench::new();
    bench.write("m/1.csv", focus(ORDER, &[("a", 1, "r", "1")]));
    let with_more = focus(ORDER, &[("a", 2, "r", "2")])
        .replace("ServiceCategory\n", "ServiceCategory,x_Extra\n")
        .replace("Compute\n", "Compute,seen\n");
    bench.write("m/2.csv", with_more);
    let imported = bench.import(&bench.path("m")).unwrap();
    let bill = Bill::open(&[&imported.hash], &bench.store).unwrap();
    let groups = bill.group_by(&["x_Extra"], &[], Basis::BilledCost).unwrap();
    let found: Vec<_> = groups.iter().map(|g| (g.key[0].as_deref(), g.costs.billed_cost)).collect();
    assert_eq!(found, [(Some("seen"), Some(money("2"))), (None, Some(money("1")))]);
}

#[test]
fn one_bad_part_is_named_and_nothing_is_kept() {
    let bench = Bench::new();
    bench.write("m/1.csv", focus(ORDER, &[("a", 1, "r", "1")]));
    let many: Vec<(&str, u32, &str, &str)> = vec![("a", 2, "r", "2"); 20_000];
    let packed = gzip(&focus(ORDER, &many));
    bench.write("m/2.csv.gz", &packed[..packed.len() / 2]);
    let error = bench.import(&bench.path("m")).unwrap_err();
    assert!(matches!(error, BillError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().ends_with("m/2.csv.gz"), "{error}");
    assert_eq!(bench.stored(), 0);
    let cancelled = bill::import(&bench.path("m/1.csv"), &bench.store, &mut |_done| (), &|| true);
    assert!(matches!(cancelled, Err(BillError::Cancelled)) && bench.stored() == 0);
}

/// Files of AWS's layout; the manifest above names the assembly that counts.
#[test]
fn of_many_assemblies_the_one_of_the_manifest_counts() {
    let bench = Bench::new();
    let (old, new) = ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "0a1b2c3d-7dec-11d0-a765-00a0c91e6bf6");
    bench.write(&format!("cur/20261001-20261101/{old}/c-1.csv"), focus(ORDER, &[("a", 1, "r", "10")]));
    bench.write(&format!("cur/20261001-20261101/{new}/c-1.csv"), focus(ORDER, &[("a", 1, "r", "1")]));
    bench.write(&format!("cur/20261001-20261101/{new}/c-2.csv"), focus(ORDER, &[("a", 2, "r", "2")]));
    let manifest = |assembly: &str, files: &[&str]| {
        let keys: Vec<String> =
            files.iter().map(|file| format!("\"p/cur/20261001-20261101/{assembly}/{file}\"")).collect();
        format!(
            "{{\"assemblyId\":\"{assembly}\",\"account\":\"1\",\"reportName\":\"c\",\
             \"billingPeriod\":{{\"start\":\"20261001T000000.000Z\",\"end\":\"20261101T000000.000Z\"}},\
             \"reportKeys\":[{}]}}",
            keys.join(",")
        )
    };
    let top = bench.write("cur/20261001-20261101/c-Manifest.json", manifest(new, &["c-1.csv", "c-2.csv"]));
    // Named itself, and found in its folder.
    for path in [top.clone(), bench.path("cur")] {
        let imported = bench.import(&path).unwrap();
        assert_eq!((imported.parts.len(), billed(&imported)), (2, money("3")), "{}", path.display());
    }
    let skipped = bench.import(&bench.path("cur")).unwrap().skipped;
    assert!(
        skipped.iter().any(|one| one.file.contains(old) && one.why.contains("earlier delivery")),
        "{skipped:?}"
    );
    // Without any manifest the folder with the newest files counts.
    fs::remove_file(&top).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
    for file in ["c-1.csv", "c-2.csv"] {
        let file = fs::File::options()
            .write(true)
            .open(bench.path(&format!("cur/20261001-20261101/{new}/{file}")))
            .unwrap();
        file.set_modified(later).unwrap();
    }
    assert_eq!(billed(&bench.import(&bench.path("cur")).unwrap()), money("3"));
    // A manifest whose files are not all there.
    let lonely = bench.write("x/c-Manifest.json", manifest(new, &["c-9.csv"]));
    let error = bench.import(&lonely).unwrap_err().to_string();
    assert!(error.contains("lists 1 file that is not beside it") && error.contains("c-9.csv"), "{error}");
}

#[test]
fn azures_manifest_tells_how_many_rows_there_must_be() {
    let bench = Bench::new();
    bench.write("e/part_0.csv", focus(ORDER, &[("a", 1, "r", "1")]));
    let manifest = bench.write(
        "e/manifest.json",
        r#"{"exportConfig":{"exportName":"e","type":"FocusCost"},"runInfo":{"runId":"1"},
            "blobs":[{"blobName":"container/e/part_0.csv","byteCount":1,"dataRowCount":2}]}"#,
    );
    let imported = bench.import(&manifest).unwrap();
    assert!(
        imported.warnings.iter().any(|warning| warning.message.contains("says 2 rows, and 1 were found")),
        "{:?}",
        imported.warnings
    );
}

#[test]
fn several_formats_in_a_folder_are_several_bills() {
    let bench = Bench::new();
    bench.write("m/focus.csv", focus(ORDER, &[("a", 1, "r", "1")]));
    bench.write(
        "m/deepseek.csv",
        "user_id,start_time_iso,end_time_iso,model,wallet_type,cost,currency\n\
         u,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,m,w,0.5,CNY\n",
    );
    let delivery = delivery::find(&bench.path("m"), &|| false).unwrap();
    let bills = bill::import_delivery(&delivery, &bench.store, &mut |_done| (), &|| false).unwrap();
    let kinds: Vec<&str> = bills.iter().map(|bill| bill.kind.as_str()).collect();
    assert_eq!(kinds, ["DeepSeek costs", "FOCUS 1.0"]);
    assert!(matches!(bench.import(&bench.path("m")), Err(BillError::SeveralBills { count: 2, .. })));
}

/// An application of its own below a folder.
pub(super) fn app(folder: &Path) -> App {
    App::new(Options {
        folders: Folders::below(folder),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec!["true".to_owned()]),
    })
    .unwrap()
}

/// What is said while a path is opened.
pub(super) fn open(app: &mut App, path: PathBuf) -> Vec<String> {
    let job = app.handle(Command::OpenFiles(vec![path])).unwrap().unwrap();
    app.wait(job, |_app| ());
    std::iter::from_fn(|| app.next_notice()).map(|notice| notice.text).collect()
}

fn total(app: &mut App) -> Money {
    match app.answer(&Query::Totals { filters: Vec::new() }).unwrap() {
        QueryResult::Totals(totals) => totals.costs.billed_cost.unwrap(),
        _ => panic!("another question was answered"),
    }
}

/// October first as of the 2nd, then as of the 3rd with a corrected row; November beside it stays.
#[test]
fn a_month_that_is_delivered_again_replaces_and_never_adds() {
    let bench = Bench::new();
    let mut app = app(bench.folder.path());
    let november = focus(ORDER, &[("a", 1, "n", "100")]).replace("2026-10-", "2026-11-");
    let first = focus(ORDER, &[("a", 1, "r1", "1"), ("a", 2, "r2", "2")]);
    bench.write("first/10.csv", first);
    bench.write("first/11.csv", november);
    let again = focus(ORDER, &[("a", 1, "r1", "1"), ("a", 2, "r2", "2.5"), ("a", 3, "r3", "4")]);
    let again = bench.write("again.csv", again);
    assert_eq!(open(&mut app, bench.path("first")), [""; 0]);
    assert_eq!(total(&mut app), money("103"));
    let notices = open(&mut app, again);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("2026-10 of account a came again: again.csv counts"), "{notices:?}");
    assert_eq!(total(&mut app), money("107.5"));
    let claim = app.state().counting.claims[0].clone();
    assert_eq!((claim.why, claim.standings.len()), (Why::Redelivered, 2));
    let mut choose = |choice| {
        app.handle(Command::CountBill { claim: claim.key(), choice }).unwrap();
        total(&mut app)
    };
    let first = claim.standings.iter().find(|one| !one.counts).unwrap();
    let only = Choice::Only { hash: first.hash.clone(), files: first.files.clone() };
    assert_eq!(choose(Some(only)), money("103"));
    assert_eq!(choose(Some(Choice::All)), money("110.5"));
    assert_eq!(choose(None), money("107.5"));
}
