//! Exports that stand in a warehouse as their providers deliver them are asked through a view in FOCUS, whose SQL we write:
//! Sail runs it, and its answers are those of the local import of the same rows, to the last digit.

use std::path::{Path, PathBuf};
use std::process::Command;

use inferometer::bill::warehouse::{self, Look, Secrets, Spec, Stop, Table, WarehouseError};
use inferometer::bill::{self, Basis, Bill, Store};

use super::warehouse::{PROGRAM, Sail, connect, python, same};

/// What the exports are grouped by; all that a view fills, but moments and amounts.
const CUR: [&[&str]; 5] = [
    &["ServiceName"],
    &[
        "ServiceCategory",
        "ServiceSubcategory",
        "ChargeCategory",
        "x_LineItemType",
        "ChargeFrequency",
        "ChargeClass",
    ],
    &[
        "PricingCategory",
        "x_PurchaseOption",
        "CommitmentDiscountStatus",
        "CommitmentDiscountId",
        "CommitmentDiscountCategory",
        "CommitmentDiscountType",
        "CommitmentDiscountUnit",
        "CapacityReservationId",
        "CapacityReservationStatus",
    ],
    &[
        "SubAccountId",
        "SubAccountType",
        "BillingAccountType",
        "InvoiceId",
        "PublisherName",
        "RegionId",
        "RegionName",
        "AvailabilityZone",
        "ResourceId",
    ],
    &["SkuId", "SkuMeter", "SkuPriceId", "PricingUnit", "ConsumedUnit", "PricingCurrency"],
];
const GCP: [&[&str]; 4] = [
    &["ServiceName"],
    &[
        "ServiceCategory",
        "ServiceSubcategory",
        "ChargeCategory",
        "x_CostType",
        "ChargeFrequency",
        "ChargeClass",
    ],
    &[
        "PricingCategory",
        "CommitmentDiscountStatus",
        "CommitmentDiscountId",
        "CommitmentDiscountCategory",
        "CommitmentDiscountType",
        "Tags.team",
    ],
    &[
        "SubAccountId",
        "PublisherName",
        "RegionId",
        "RegionName",
        "ResourceId",
        "x_InstanceType",
        "SkuMeter",
        "ConsumedUnit",
    ],
];

/// Folder with the exports that `tests/warehouse/exports.py` writes.
fn exports(more: Option<&Path>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warehouse/exports.py");
    let output = python(&[]).arg(script).arg(folder.path()).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

/// Runs a statement there.
fn run(sail: &Sail, sql: &str) {
    const RUN: &str = "import sys, adbc_driver_flightsql.dbapi as dbapi
with dbapi.connect(sys.argv[1]) as connection, connection.cursor() as cursor:
    cursor.execute(sys.argv[2]); cursor.fetchall()";
    let output = python(&["-W", "ignore", "-c", RUN, &sail.uri(), sql]).output().unwrap();
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a view of a table, asks it and compares the answers with those of the file.
fn answers_alike(sail: &Sail, file: &Path, by: &[&[&str]]) {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    run(sail, &format!("CREATE TABLE {name} USING parquet LOCATION '{}'", file.display()));
    let spec = Spec { table: name.clone(), ..sail.any() };
    let error = connect(&spec).unwrap_err();
    assert!(error.to_string().contains("the SQL of such a view can be had"), "{error}");
    let WarehouseError::NotABill { view: Some(sql), .. } = error else { panic!("{error}") };
    run(sail, &sql);

    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let local = bill::import(file, &store, &mut |_done| (), &|| false).unwrap();
    let there = Spec { table: format!("{name}_focus"), ..spec };
    let table = Table::connect(&there, &Secrets::default(), Path::new(PROGRAM), &Stop::default()).unwrap();
    let table = table.look_through(Look::Totals, &Stop::default(), &mut |_done, _doing| ()).unwrap();
    let there = warehouse::register(table).unwrap();
    assert_eq!(there.missing, local.missing, "{name}");
    let period = |bill: &bill::Imported| (bill.rows, bill.first_charge_unix_secs, bill.last_charge_unix_secs);
    assert_eq!(period(&there), period(&local), "{name}");
    let open = |hash: &String| Bill::open(std::slice::from_ref(hash), &store).unwrap();
    let bills = (open(&local.hash), open(&there.hash));
    let totals = same(&bills, &name, |bill| bill.totals(&[]));
    assert_eq!(totals.exact.len(), 4, "all four costs: {totals:?}");
    for by in by {
        let what = format!("{name} by {by:?}");
        let groups = same(&bills, &what, |bill| bill.group_by(by, &[], Basis::EffectiveCost));
        assert!(!groups.is_empty(), "{what}");
    }
}

#[test]
fn a_view_of_an_export_answers_as_its_file_does() {
    let sail = Sail::start();
    let folder = exports(None);
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    answers_alike(&sail, &file("cur2.parquet"), &CUR);
    answers_alike(&sail, &file("gcp.parquet"), &GCP);

    // The same SQL at the command line, and what is FOCUS already.
    let ask = |table: &str| {
        let spec = sail.any();
        let output = Command::new(PROGRAM)
            .args(["bill", "--warehouse", &spec.uri, "--driver", &spec.driver, "--dialect", "spark"])
            .args(["--table", table, "--focus-view"])
            .env("INFEROMETER_HOME", folder.path())
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (sql, said) = ask("cur2");
    assert!(sql.contains("CREATE VIEW `cur2_focus` AS") && said.is_empty(), "{sql}{said}");
    assert!(
        ask("cur2_focus").1.contains("is FOCUS 1.2 already and needs no view"),
        "{:?}",
        ask("cur2_focus")
    );
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn a_view_of_the_sample_report_answers_as_its_file_does() {
    let sail = Sail::start();
    let samples = PathBuf::from(std::env::var_os("INFEROMETER_SAMPLES").unwrap());
    let report = samples.join("bills/aws-cur-legacy/sample-anonymous-aws-export-dataset.csv");
    let folder = exports(Some(&report));
    answers_alike(&sail, &folder.path().join("cur.parquet"), &CUR);
}
