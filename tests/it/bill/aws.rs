//! Amazon's reports among the public samples. Expected sums are those of their own columns (Python's `decimal`).

use super::{Bench, costs, money, samples};

/// A real report of November 2023. Σ `lineItem/UnblendedCost` is 1.68230869740; Σ `pricing/publicOnDemandCost` is
/// 3.35617269490, to which the taxes, which have no price, add 0.08 as billed.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn the_real_legacy_report_adds_up() {
    let bench = Bench::new();
    let path = samples().join("bills/aws-cur-legacy/sample-anonymous-aws-export-dataset.csv");
    let imported = bench.import(&path).unwrap();
    assert_eq!((imported.kind.as_str(), imported.rows, imported.dropped), ("AWS CUR", 1_281, 0));
    assert_eq!(imported.totals["USD"], costs("1.6823086974", "1.6823086974", "3.4361726949", "3.4361726949"));
    assert!(imported.missing.is_empty(), "{:?}", imported.missing);
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn a_cost_explorer_download_has_its_own_total() {
    let bench = Bench::new();
    let imported = bench.import(&samples().join("bills/shapes/aws_cost_explorer_download.csv")).unwrap();
    assert_eq!((imported.kind.as_str(), imported.rows), ("AWS Cost Explorer", 6));
    assert_eq!(imported.totals["USD"].billed_cost, Some(money("20412.04")));
    assert_eq!(imported.totals["USD"].effective_cost, None, "it does not tell");
}
