//! Machines and prices.

use std::collections::HashSet;
use std::path::PathBuf;

use inferometer::hardware::{Fingerprint, PriceBook, Purchase, Query, cost_per_million, defaults};
use inferometer::units::Money;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Looked up by hand in the public tables that `assets/ATTRIBUTION.md` names. Commitments of the GCP table are
/// dollars a month of 730 hours: 47.79018 and 34.13626.
#[test]
fn known_prices_are_the_sources_own() {
    let book = PriceBook::builtin();
    for (provider, instance, region, purchase, price) in [
        ("AWS", "c7i.large", "us-east-1", Purchase::OnDemand, "0.08925"),
        ("AWS", "g4dn.xlarge", "us-east-1", Purchase::OnDemand, "0.526"),
        ("AWS", "g6e.xlarge", "us-east-1", Purchase::OnDemand, "1.861"),
        ("AWS", "p5.48xlarge", "us-east-1", Purchase::OnDemand, "55.04"),
        ("AWS", "m5.large", "us-gov-west-1", Purchase::OnDemand, "0.121"),
        ("Azure", "Standard_D2s_v5", "eastus", Purchase::OnDemand, "0.096"),
        ("Azure", "Standard_NC24ads_A100_v4", "eastus", Purchase::OnDemand, "3.673"),
        ("Azure", "Standard_ND96isr_H100_v5", "eastus", Purchase::OnDemand, "98.32"),
        ("Azure", "Standard_ND96isr_MI300X_v5", "eastus2", Purchase::OnDemand, "48"),
        ("GCP", "n2-standard-2", "us-east4", Purchase::OnDemand, "0.109378"),
        ("GCP", "n2-standard-2", "us-east4", Purchase::Spot, "0.025036"),
        ("GCP", "n2-standard-2", "us-east4", Purchase::Committed1y, "0.065466"),
        ("GCP", "n2-standard-2", "us-east4", Purchase::Committed3y, "0.046762"),
        ("GCP", "g2-standard-4", "us-east4", Purchase::OnDemand, "0.704517808"),
    ] {
        let entry =
            book.find(provider, instance, region).unwrap_or_else(|| panic!("{instance} is not there"));
        assert_eq!(entry.price(purchase), Some(money(price)), "{instance} {region} {purchase}");
    }
}

/// Specifications from the providers' instance documentation as the same tables have it; Azure's from the name.
#[test]
fn known_specifications_are_the_sources_own() {
    let book = PriceBook::builtin();
    for (provider, instance, region, vcpu, memory_gib, accelerator, count) in [
        ("AWS", "c7i.large", "us-east-1", Some(2.0), Some(4.0), None, None),
        ("AWS", "g4dn.xlarge", "us-east-1", Some(4.0), Some(16.0), Some("NVIDIA T4"), Some(1.0)),
        ("AWS", "g6f.large", "us-east-1", Some(2.0), Some(8.0), Some("NVIDIA L4"), Some(0.125)),
        ("AWS", "inf2.48xlarge", "us-east-1", Some(192.0), Some(768.0), Some("AWS Inferentia2"), Some(12.0)),
        ("Azure", "Standard_D2s_v5", "eastus", Some(2.0), None, None, None),
        ("Azure", "Standard_E16-4s_v5", "eastus", Some(4.0), None, None, None),
        ("Azure", "Standard_D2_v2", "eastus", None, None, None, None),
        ("Azure", "Standard_NC4as_T4_v3", "eastus", Some(4.0), None, Some("NVIDIA T4"), None),
        ("GCP", "a3-highgpu-8g", "us-east4", Some(208.0), Some(1872.0), Some("NVIDIA H100 80GB"), Some(8.0)),
        ("GCP", "e2-micro", "us-east4", Some(0.25), Some(1.0), None, None),
    ] {
        let entry =
            book.find(provider, instance, region).unwrap_or_else(|| panic!("{instance} is not there"));
        let found = (entry.vcpu(), entry.memory_gib(), entry.accelerator(), entry.accelerator_count());
        assert_eq!(found, (vcpu, memory_gib, accelerator, count), "{instance}");
    }
}

#[test]
fn a_shared_or_uncounted_accelerator_is_said_in_the_profile() {
    let book = PriceBook::builtin();
    let accelerator = |provider, instance, region| {
        let profile = book.find(provider, instance, region).unwrap().profile(Purchase::OnDemand).unwrap();
        profile.check().unwrap();
        (profile.accelerator.unwrap(), profile.accelerator_count)
    };
    assert_eq!(accelerator("AWS", "g6f.large", "us-east-1"), ("NVIDIA L4 (1/8 share)".to_owned(), 1));
    assert_eq!(accelerator("AWS", "g6.48xlarge", "us-east-1"), ("NVIDIA L4".to_owned(), 8));
    assert_eq!(accelerator("Azure", "Standard_NC4as_T4_v3", "eastus"), ("NVIDIA T4".to_owned(), 0));
}

#[test]
fn what_no_source_states_is_absent_and_not_zero() {
    let book = PriceBook::builtin();
    let price =
        |provider, instance, region, purchase| book.find(provider, instance, region).unwrap().price(purchase);
    assert_eq!(price("AWS", "c7i.large", "us-east-1", Purchase::Spot), None);
    assert_eq!(price("AWS", "c7i.large", "us-east-1", Purchase::Owned), None);
    assert_eq!(price("GCP", "a2-ultragpu-1g", "us-east4", Purchase::Committed1y), None);
    // The source repeats the ordinary month's price where no commitment is sold.
    assert_eq!(price("GCP", "f1-micro", "us-east4", Purchase::Committed3y), None);
    // The source has 0.000000 for it, which is no price.
    assert!(book.find("Azure", "Standard_M16bs_v4", "eastus").is_none());
    // The source's prices in China are in yuan.
    assert!(book.find("AWS", "m5.large", "cn-north-1").is_none());
    assert!(book.entries().all(|entry| {
        Purchase::ALL.into_iter().filter_map(|way| entry.price(way)).all(|price| price > Money::ZERO)
    }));
}

#[test]
fn the_book_knows_three_providers_their_regions_and_where_prices_come_from() {
    let book = PriceBook::builtin();
    assert_eq!(book.providers().collect::<Vec<_>>(), ["AWS", "Azure", "GCP"]);
    let regions = |provider| book.regions(provider).len();
    assert_eq!((regions("AWS"), regions("Azure"), regions("GCP"), regions("Nobody")), (3, 57, 43, 0));
    assert_eq!(book.currency(), "USD");
    for source in book.sources() {
        assert_eq!(source.licence, "Apache-2.0");
        assert!(source.date.starts_with("2026-"), "{source:?}");
        assert_eq!(book.entries().filter(|e| e.provider() == source.provider).count(), source.rows);
    }
}

#[test]
fn a_search_narrows_with_every_word_and_condition() {
    let book = PriceBook::builtin();
    let find = |text: &str| book.search(&Query { text: text.to_owned(), ..Query::default() });
    let l4 = find("l4 us-east4");
    assert!(!l4.is_empty() && l4.len() < find("l4").len());
    assert!(l4.iter().all(|e| e.region() == "us-east4" && e.accelerator() == Some("NVIDIA L4")), "{l4:?}");
    let spot = book.search(&Query { purchase: Some(Purchase::Spot), ..Query::default() });
    assert!(
        !spot.is_empty() && spot.iter().all(|e| e.provider() == "GCP"),
        "only GCP's source has spot prices"
    );
}

#[test]
fn a_default_profile_prices_a_measurement() {
    let fingerprint = Fingerprint { system: "linux 6.1 x86_64".to_owned(), ..Fingerprint::default() };
    let profiles = defaults(&fingerprint);
    let profile = profiles.iter().find(|p| p.id == "aws/c7i.large/us-east-1/on_demand").unwrap();
    assert_eq!(profile.name, "AWS c7i.large");
    assert!(profile.source.starts_with("karpenter-provider-aws 1d92708, 2026-07-20"), "{}", profile.source);
    // 0.08925 ÷ (250 × 0.5 × 3,600) × 1,000,000, by hand.
    assert_eq!(cost_per_million(profile.price_per_hour, 250.0, 0.5), Some(money("0.1983333333")));
}

fn sample_rows(file: &str) -> Vec<Vec<String>> {
    let folder =
        std::env::var_os("INFEROMETER_SAMPLES").expect("INFEROMETER_SAMPLES names the folder of samples");
    let path = PathBuf::from(folder).join("prices").join(file);
    let mut reader =
        csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn every_aws_and_azure_price_is_the_source_files() {
    let book = PriceBook::builtin();
    for (provider, file, rows_in_file) in [
        ("AWS", "aws-karpenter/aws_ondemand_linux_prices.csv", 3_002),
        ("Azure", "azure-karpenter/azure_ondemand_linux_prices.csv", 67_672),
    ] {
        let rows = sample_rows(file);
        assert_eq!(rows.len(), rows_in_file);
        let mut kept = HashSet::new();
        for row in &rows {
            let [region, instance, price] = row.as_slice() else { panic!("{row:?}") };
            let (instance, price) = (instance.trim(), money(price));
            let entry = book.find(provider, instance, region);
            // Azure's `Dsv3_Type1` and the like are dedicated hosts; China is priced in yuan.
            let is_kept = price > Money::ZERO
                && !region.starts_with("cn-")
                && (provider == "AWS" || instance.starts_with("Standard_") || instance.starts_with("Basic_"));
            assert_eq!(entry.and_then(|e| e.price(Purchase::OnDemand)), is_kept.then_some(price), "{row:?}");
            if is_kept {
                kept.insert((instance.to_owned(), region.clone()));
            }
        }
        let in_book = book.entries().filter(|entry| entry.provider() == provider).count();
        assert_eq!(in_book, kept.len(), "the book has {provider} prices that the source has not");
    }
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn every_gcp_price_is_the_source_files() {
    let book = PriceBook::builtin();
    let rows = sample_rows("gcp-cyclenerd/gcp_instance_prices.csv");
    assert_eq!(rows.len(), 17_720);
    let amount = |cell: &str| cell.parse::<f64>().ok().filter(|price| *price > 0.0);
    let mut in_source = 0;
    for row in &rows {
        let [instance, cpu, ram, _, _, region, hour, spot, month, year, three_years, _] = row.as_slice()
        else {
            panic!("{row:?}")
        };
        let month = amount(month);
        // A commitment is a month of 730 hours, and cheaper than the ordinary month.
        let commitment = |cell: &str| {
            amount(cell).filter(|price| month.is_none_or(|month| *price < month)).map(|p| p / 730.0)
        };
        let expected = [
            (Purchase::OnDemand, amount(hour)),
            (Purchase::Spot, amount(spot)),
            (Purchase::Committed1y, commitment(year)),
            (Purchase::Committed3y, commitment(three_years)),
        ];
        let entry = book.find("GCP", instance, region);
        assert_eq!(entry.is_some(), expected.iter().any(|(_, price)| price.is_some()), "{row:?}");
        let Some(entry) = entry else { continue };
        in_source += 1;
        assert_eq!(entry.vcpu(), amount(cpu), "{row:?}");
        assert_eq!(entry.memory_gib(), amount(ram), "{row:?}");
        for (way, expected) in expected {
            let found = entry.price(way).map(Money::to_f64);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-10,
                (found, expected) => found == expected,
            };
            assert!(same, "{way}: {found:?} is not {expected:?} in {row:?}");
        }
    }
    assert_eq!(book.entries().filter(|entry| entry.provider() == "GCP").count(), in_source);
}
