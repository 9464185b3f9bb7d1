//! Bills in a warehouse, on a real engine: `LakeSail`'s Sail, over Flight SQL through Apache's ADBC driver. Its answers are
//! those of the local engine on the same Parquet files, to the last digit. Apache Spark itself and `PostgreSQL` are asked the
//! same by `tests/warehouse/spark.sh` and `postgres.sh`.
//!
//! Sail, the driver and pyarrow come from `PyPI`, into the folder of [`crate::wheels`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use inferometer::app::jobs::End;
use inferometer::app::{self, App, Folders, Options};
use inferometer::bill::warehouse::{self, Dialect, Look, Secrets, Spec, Stop, Table, WarehouseError};
use inferometer::bill::{self, Basis, Bill, BillError, Filter, Granularity, Imported, RuleSet, Store};
use inferometer::measure::launcher::Launcher;
use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_inferometer");
const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };
const PACKAGES: [&str; 4] =
    ["pysail==0.7.2", "adbc-driver-flightsql==1.13.0", "datafusion==55.0.0", "pyarrow==26.0.1"];

/// The folder with the packages, filled once.
fn packages() -> PathBuf {
    let cache = crate::wheels::cache_folder();
    fs::create_dir_all(&cache).unwrap();
    let done = cache.join("warehouse-sail-0.7.2-datafusion-55");
    let lock = File::create(cache.join("warehouse-sail-0.7.2-datafusion-55.lock")).unwrap();
    lock.lock().unwrap();
    if !done.is_dir() {
        let folder = tempfile::tempdir_in(&cache).unwrap();
        let output = Command::new(PYTHON)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary=:all:",
                "--target",
            ])
            .arg(folder.path())
            .args(PACKAGES)
            .output()
            .unwrap_or_else(|e| panic!("cannot fetch {PACKAGES:?}: `{PYTHON}` does not start: {e}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "cannot fetch {PACKAGES:?}; install pip or check the network:\n{said}"
        );
        fs::rename(folder.keep(), &done).unwrap();
    }
    done
}

pub fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new(PYTHON);
    command.args(arguments).env("PYTHONPATH", packages()).stdin(Stdio::null());
    command
}

/// The driver's library.
fn driver() -> String {
    let path = packages().join("adbc_driver_flightsql/libadbc_driver_flightsql.so");
    assert!(path.is_file(), "the wheel has no library: {}", path.display());
    path.to_string_lossy().into_owned()
}

/// Folder with the two bills that `tests/warehouse/bill.py` writes.
fn bills() -> &'static Path {
    static BILLS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = BILLS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warehouse/bill.py");
        let output = python(&[]).arg(script).arg(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    folder.path()
}

/// A running Sail, ended when dropped.
pub struct Sail {
    server: Child,
    port: u16,
}

impl Sail {
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let main = "import sys; from pysail.cli import main; sys.exit(main())";
        let mut server = python(&["-c", main, "flight", "server", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_mins(2);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.try_wait().unwrap().is_none(), "Sail ended before it answered");
            assert!(Instant::now() < deadline, "Sail does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { server, port }
    }

    pub fn uri(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// The bill of this name as a table.
    fn spec(&self, name: &str) -> Spec {
        Spec { table: format!("parquet.`{}`", bills().join(name).display()), ..self.any() }
    }

    pub fn any(&self) -> Spec {
        Spec {
            driver: driver(),
            uri: self.uri(),
            dialect: Dialect::Spark,
            timeout_secs: 120,
            ..Spec::default()
        }
    }
}

impl Drop for Sail {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

pub fn connect(spec: &Spec) -> Result<Table, WarehouseError> {
    Table::connect(spec, &Secrets::default(), Path::new(PROGRAM), &Stop::default())
}

/// The same bill out of the local store and out of the warehouse. Rules are judged apart where more groups than
/// `most_judged` would come back.
fn both(name: &str, there: &Spec, program: &Path, store: &Store, most_judged: u64) -> (Bill, Bill) {
    let local = bill::import(&bills().join(name), store, &mut |_done| (), &|| false).unwrap();
    let table = Table::connect(there, &Secrets::default(), program, &Stop::default()).unwrap();
    let table = table.judging_apart_beyond(most_judged);
    let there = table.look_through(Look::Values, &Stop::default(), &mut |_done, _doing| ()).unwrap();
    let there = warehouse::register(there).unwrap();
    assert_eq!(there.missing, local.missing, "{name}: cells that are empty, and those that cannot be read");
    let period = |bill: &Imported| (bill.rows, bill.first_charge_unix_secs, bill.last_charge_unix_secs);
    assert_eq!(period(&there), period(&local), "{name}");
    let accounts = |bill: &Imported| -> BTreeMap<_, _> {
        let slices = bill.slices.iter();
        slices
            .map(|slice| {
                ((slice.account.clone(), slice.period_unix_secs), (slice.rows, slice.reaches_unix_secs))
            })
            .collect()
    };
    assert_eq!(accounts(&there), accounts(&local), "{name}");
    let rules = RuleSet::default();
    let open =
        |hash: &String| Bill::open(std::slice::from_ref(hash), store).unwrap().with_rules(&rules, store);
    (open(&local.hash), open(&there.hash))
}

pub fn filters(texts: &[&str]) -> Vec<Filter> {
    texts.iter().map(|text| Filter::parse(text).unwrap()).collect()
}

/// Asks both and compares.
pub fn same<T: PartialEq + Debug>(
    bills: &(Bill, Bill),
    what: &str,
    ask: impl Fn(&Bill) -> Result<T, BillError>,
) -> T {
    let (local, there) = (ask(&bills.0).unwrap(), ask(&bills.1).unwrap());
    assert_eq!(local, there, "{what}: the local engine on the left, the warehouse on the right");
    there
}

/// Asks an engine everything a bill can be asked.
fn answers_alike(program: &Path, spec: impl Fn(&str) -> Spec) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    // What tests/warehouse/bill.py prints: sums of Python's `decimal`, of doubles those of their shortest text.
    for (name, billed, effective, filled) in [
        ("decimals.parquet", "1165660.050752951272090554", "1165660.050752951272090554", (2949, 2949)),
        (
            "doubles.parquet",
            "9876543311035612.264009665570156301",
            "1252245.863183210816933348",
            (2946, 2938),
        ),
    ] {
        let bills = both(name, &spec(name), program, &store, 1_000_000);
        let totals = same(&bills, "totals", |bill| bill.totals(&[]));
        assert_eq!((totals.rows, totals.currency.as_deref()), (3000, Some("USD")));
        assert_eq!(
            (totals.exact["BilledCost"].as_str(), totals.exact["EffectiveCost"].as_str()),
            (billed, effective)
        );
        assert_eq!((3000 - totals.missing["BilledCost"], 3000 - totals.missing["EffectiveCost"]), filled);

        for wanted in [
            &["ServiceName="][..],
            &["ServiceName=O'Brien \\ \"Söhne\" `x`"],
            &["ServiceName=NULL"],
            &["ChargePeriodStart=2026-05"],
            &["ChargePeriodStart=2026-05-03", "RegionId="],
            &["ChargePeriodStart=2026-05-03T02:02:00Z"],
            &["Tags.team=ads", "ChargeCategory=Usage"],
            &["Tags.team="],
            &["Tags.user:cost-centre=a.b 'c' \"d\""],
            &["x_InferenceRule=managed-endpoint"],
            &["x_Team=three"],
        ] {
            let wanted = filters(wanted);
            same(&bills, &format!("{name} {wanted:?}"), |bill| bill.totals(&wanted));
        }
        for by in [
            &["ServiceName"][..],
            &["ServiceCategory", "ServiceSubcategory", "RegionId", "x_Team"],
            &["Tags.team"],
            &["Tags.size", "Tags.user:cost-centre"],
            &["ResourceId"],
            &["ChargePeriodStart"],
            &["x_InferenceRule", "ServiceName"],
        ] {
            let groups = same(&bills, &format!("{name} by {by:?}"), |bill| {
                bill.group_by(by, &filters(&["ChargeCategory=Usage"]), Basis::BilledCost)
            });
            assert!(groups.len() > 1, "{by:?}");
        }
        for granularity in [Granularity::Day, Granularity::Month] {
            let series = same(&bills, &format!("{name} by {granularity:?}"), |bill| {
                bill.over_time(Some("ServiceName"), &[], Basis::EffectiveCost, granularity, 3)
            });
            assert_eq!(series.series.len(), 4);
        }
        let share = same(&bills, "inference", |bill| bill.inference(&[]));
        assert!(share.inference_rows > 0 && share.by_rule.len() >= 5, "{share:?}");
        same(&bills, "covered time", |bill| bill.covered_secs(&filters(&["ChargePeriodStart=2026-05"])));
        same(&bills, "inference a month", |bill| bill.monthly_inference(&[], Basis::BilledCost));

        // What filters offer.
        let values = |bill: &Bill| -> Vec<_> {
            let all = bill.columns().into_iter();
            all.filter(|column| column.groupable).map(|column| (column.name, column.values.values)).collect()
        };
        let (mut local, mut there) = (values(&bills.0), values(&bills.1));
        local.sort();
        there.sort();
        assert_eq!(local, there);
        crate::warehouse_questions::answer_alike(name, &bills, &store);
        // The same where rules are tried on what they look at alone.
        let bills = both(name, &spec(name), program, &store, 2);
        crate::warehouse_questions::answer_by_rules_alike(name, &bills, &store);
    }
}

#[test]
fn a_warehouse_answers_like_the_local_engine_to_the_last_digit() {
    let sail = Sail::start();
    answers_alike(Path::new(PROGRAM), |name| sail.spec(name));
}

/// `DataFusion` has no server of its own on `PyPI`: a script takes the place of the process with the driver, and runs what it
/// is asked on the engine.
#[test]
#[cfg(unix)]
fn datafusion_understands_its_dialect_and_answers_alike() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warehouse/datafusion_driver.py");
    let program = folder.path().join("driver");
    let text = format!(
        "#!/bin/sh\nPYTHONPATH='{}' exec {PYTHON} '{}' '{}'\n",
        packages().display(),
        script.display(),
        bills().display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    answers_alike(&program, |name| Spec {
        driver: driver(),
        dialect: Dialect::DataFusion,
        table: name.trim_end_matches(".parquet").to_owned(),
        ..Spec::default()
    });
}

#[test]
fn files_and_a_warehouse_are_one_bill() {
    let sail = Sail::start();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let name = "decimals.parquet";
    let (local, there) = both(name, &sail.spec(name), Path::new(PROGRAM), &store, 1_000_000);
    let hashes: Vec<String> =
        local.imported().chain(there.imported()).map(|imported| imported.hash.clone()).collect();
    let both = Bill::open(&hashes, &store).unwrap();
    let totals = both.totals(&[]).unwrap();
    // Twice what one has: 1165660.050752951272090554.
    assert_eq!((totals.rows, totals.exact["BilledCost"].as_str()), (6000, "2331320.101505902544181108"));
    let one = local.group_by(&["ServiceName"], &[], Basis::BilledCost).unwrap();
    let twice = both.group_by(&["ServiceName"], &[], Basis::BilledCost).unwrap();
    assert!(one.iter().zip(&twice).all(|(one, twice)| one.key == twice.key && 2 * one.rows == twice.rows));
    assert!(both.starts().unwrap().hours);
    // The rows of both in one order: each of the file's has its like in the table.
    let sorted = |bill: &Bill, offset, limit| bill.rows_by(&[], "BilledCost", true, offset, limit).unwrap();
    let (one, twice) = (sorted(&local, 5, 20), sorted(&both, 10, 40));
    let cost = one.columns.iter().position(|name| name == "BilledCost").unwrap();
    let cost_there = twice.columns.iter().position(|name| name == "BilledCost").unwrap();
    assert_eq!((twice.total_rows, twice.rows.len()), (6000, 40));
    for (place, row) in twice.rows.iter().enumerate() {
        assert_eq!(row[cost_there], one.rows[place / 2][cost], "row {place}");
    }
    let far = both.rows_by(&[], "BilledCost", true, 20_000, 40).unwrap_err();
    assert!(far.to_string().contains("beyond row 10000"), "{far}");
    let error =
        both.write_focus(&[], &folder.path().join("x.csv"), bill::FocusFile::Csv, &|| false).unwrap_err();
    assert!(error.to_string().contains("a warehouse gives aggregates and not its rows"), "{error}");
}

#[test]
fn what_goes_wrong_is_said_and_what_is_stopped_ends() {
    let sail = Sail::start();
    let said = |spec: &Spec| connect(spec).unwrap_err().to_string();

    let missing = Spec { table: "no_such.table_here".to_owned(), ..sail.any() };
    assert!(said(&missing).contains("cannot read the table's columns"), "{}", said(&missing));
    let other = bills().join("other.parquet");
    let write =
        "import sys, pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({'a': [1]}), sys.argv[1])";
    assert!(python(&["-c", write]).arg(&other).status().unwrap().success());
    let no_bill = said(&sail.spec("other.parquet"));
    assert!(
        no_bill.contains("it lacks BilledCost, BillingCurrency, ChargeCategory, ChargePeriodStart"),
        "{no_bill}"
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = said(&Spec { uri: format!("grpc://127.0.0.1:{closed}"), ..sail.spec("decimals.parquet") });
    assert!(nobody.contains("connection refused"), "{nobody}");
    let library = bills().join("decimals.parquet").to_string_lossy().into_owned();
    let no_driver = said(&Spec { driver: library + ".so", ..sail.spec("decimals.parquet") });
    assert!(no_driver.contains("there is no such file"), "{no_driver}");

    let broken = bills().join("broken.so");
    fs::write(&broken, "no library").unwrap();
    let driver = broken.to_string_lossy().into_owned();
    let no_library = said(&Spec { driver, ..sail.spec("decimals.parquet") });
    assert!(no_library.starts_with("cannot load the ADBC driver: "), "{no_library}");
    assert!(no_library.contains("broken.so: ") && !no_library.contains('\n'), "{no_library}");

    // An answer that nobody waits for.
    let stopped = Table::connect(
        &sail.spec("decimals.parquet"),
        &Secrets::default(),
        Path::new(PROGRAM),
        &Stop::when(|| true),
    );
    assert_eq!(stopped.unwrap_err(), WarehouseError::Stopped);
}

#[test]
fn the_command_line_asks_a_warehouse_and_a_project_keeps_it_without_secrets() {
    let sail = Sail::start();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let run = |arguments: &[&str]| {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .env("INFEROMETER_HOME", folder.path())
            .env("PYTHONPATH", packages())
            .env("PASSWORD_OF_SAIL", "correct horse")
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let json = |arguments: &[&str]| -> Value {
        let (done, out, said) = run(arguments);
        assert!(done, "{arguments:?}: {said}");
        serde_json::from_str(&out).unwrap()
    };
    let (uri, spec) = (sail.uri(), sail.spec("decimals.parquet"));
    // Its driver is found in the Python packages.
    let table = ["bill", "--warehouse", &uri, "--dialect", "spark", "--table", &spec.table];
    let table = |more: &[&'static str]| [&table[..], more].concat();
    let file = bills().join("decimals.parquet");
    let there = json(&table(&["--by", "ServiceName", "--json"]));
    let here = json(&["bill", file.to_str().unwrap(), "--by", "ServiceName", "--json"]);
    for key in ["rows", "currency", "total", "groups", "inference", "missing_cells"] {
        assert_eq!(there[key], here[key], "{key}");
    }
    let found = json(&table(&["--look", "--json"]));
    assert_eq!((&found["rows"], &found["kind"]), (&Value::from(3000), &Value::from("FOCUS 1.1")));

    let project_text = project.to_str().unwrap();
    let header = "adbc.flight.sql.rpc.call_header.x-token=env:PASSWORD_OF_SAIL";
    let (done, _, said) =
        run(&[&table(&["--keep", "--option", header, "--project"])[..], &[project_text]].concat());
    assert!(done, "{said}");
    let kept = fs::read(&project).unwrap();
    let has = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("PASSWORD_OF_SAIL") && !has("correct horse"));
    // A project that is opened connects to nothing by itself.
    let (done, _, said) = run(&["bill", "--project", project_text]);
    assert!(!done && said.contains("is not connected"), "{said}");
    let again = json(&["bill", "--project", project_text, "--connect", "--json"]);
    assert_eq!(again["total"], here["total"]);

    let (done, _, said) = run(&table(&["--look", "--password-env", "INFEROMETER_NO_SUCH"]));
    assert!(!done && said.contains("INFEROMETER_NO_SUCH"), "{said}");
    let (done, _, said) = run(&["bill", "--warehouse", "sc://h/;token=abc", "--table", "t"]);
    assert!(!done && said.contains("has a password or token in it") && !said.contains("abc"), "{said}");
}

#[test]
fn the_application_takes_a_table_among_the_bills_and_forgets_it() {
    let sail = Sail::start();
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::new(Options {
        folders: Folders::below(folder.path()),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec![PROGRAM.to_owned()]),
    })
    .unwrap();
    let spec = sail.spec("doubles.parquet");
    let hash = spec.hash();
    let command = app::Command::TryWarehouse(Box::new(spec.clone()), Secrets::default());
    let job = app.handle(command).unwrap().unwrap();
    assert_eq!(app.wait(job, |_app| ()), End::Done);
    let tried = app.state().warehouse_try.clone().unwrap();
    assert_eq!(tried.outcome.unwrap().currencies, [("USD".to_owned(), 3000)]);
    assert!(app.state().bills.is_empty());

    let command = app::Command::ConnectWarehouse(Box::new(spec), Secrets::default(), Look::Values);
    let job = app.handle(command).unwrap().unwrap();
    assert_eq!(app.wait(job, |_app| ()), End::Done);
    assert_eq!(app.state().bills[0].hash, hash);
    let query =
        app::Query::Groups { by: vec!["x_Team".to_owned()], filters: Vec::new(), basis: Basis::ListCost };
    let app::QueryResult::Groups(groups) = app.answer(&query).unwrap() else { panic!() };
    assert_eq!(groups.iter().map(|group| group.rows).sum::<u64>(), 3000);

    app.handle(app::Command::RemoveBill(hash.clone())).unwrap();
    assert!(app.state().bills.is_empty() && app.state().warehouses.is_empty());
    assert!(!warehouse::is_connected(&hash));
}
