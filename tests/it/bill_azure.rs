//! Azure's public samples of an actual and an amortized export. Expected sums: Python's `decimal` over the file's own
//! columns (`Cost`, `Quantity × PayGPrice`, `Quantity × UnitPrice`) by charge type and pricing model, each cell rounded to
//! eighteen places and the sum to the ten of `Money`.

use std::path::PathBuf;

use inferometer::bill::{self, Costs, MissingCells, Store};

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_actual_and_the_amortized_azure_sample_add_up() {
    let samples = PathBuf::from(std::env::var_os("INFEROMETER_SAMPLES").expect("it names the sample folder"));
    for (name, rows, sums, verdict) in [
        (
            "Actual",
            11,
            ["8.5450077867", "5.2950077867", "5.2950077190", "8.5450077190"],
            "an actual cost export",
        ),
        (
            "Amortized",
            28,
            ["15.7977801362", "16.2969321366", "15.8111275948", "16.9791275948"],
            "an amortized cost export",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("bills"));
        let path = samples.join(format!("bills/azure/EA_{name}Cost_Small.csv"));
        let imported = bill::import(&path, &store, &mut |_done| (), &|| false).unwrap();
        assert_eq!(imported.kind, "Azure cost details (Enterprise Agreement)");
        assert_eq!((imported.rows, imported.dropped), (rows, 0));
        let [billed, effective, list, contracted] = sums.map(|sum| Some(sum.parse().unwrap()));
        let costs = Costs {
            billed_cost: billed,
            effective_cost: effective,
            list_cost: list,
            contracted_cost: contracted,
        };
        assert_eq!(imported.totals["USD"], costs, "{name}");
        // The reservation's list price is written as 0, which it is not.
        assert_eq!(imported.missing["ListCost"], MissingCells { empty: 1, unreadable: 0 });
        assert!(imported.warnings.iter().any(|warning| warning.message.contains(verdict)), "{name}");
    }
}
