//! Oracle Cloud cost reports: columns `lineItem/…`, `product/…`, `usage/…`, `cost/…`, `tags/…`.
//!
//! A correction is a row of its own, usually negative, that names the corrected one (`lineItem/backreferenceNo`); both
//! stay, so that sums are right. Times come in two forms in one file (`…T10:00Z`, `…T11:00:00Z`). The report's own
//! description is Oracle's "Cost and Usage Reports Overview".

use std::path::Path;

use super::inputs::{Inputs, count_word, inputs, listed};
use super::mapping::{Fill, Filled, Header, Mapping, amount, outputs};
use super::{Kind, Plan};
use crate::bill::error::BillError;
use crate::bill::warnings::{Place, Warnings};

inputs! {
    Start: ["lineItem/intervalUsageStart"],
    MyCost: ["cost/myCost"],
    Currency: ["cost/currencyCode"],
    End: ["lineItem/intervalUsageEnd"],
    ReferenceNo: ["lineItem/referenceNo"],
    TenantId: ["lineItem/tenantId"],
    IsCorrection: ["lineItem/isCorrection"],
    BackreferenceNo: ["lineItem/backreferenceNo"],
    Service: ["product/service"],
    CompartmentId: ["product/compartmentId"],
    CompartmentName: ["product/compartmentName"],
    Region: ["product/region"],
    Domain: ["product/availabilityDomain"],
    ResourceId: ["product/resourceId"],
    Description: ["product/Description"],
    Quantity: ["usage/billedQuantity"],
    SubscriptionId: ["cost/subscriptionId"],
    Sku: ["cost/productSku"],
    UnitPrice: ["cost/unitPrice"],
    BillingUnit: ["cost/billingUnitReadable"],
    SkuUnit: ["cost/skuUnitDescription"],
    Overage: ["cost/overageFlag"],
}

outputs!(
    ChargeClass,
    SubAccountName,
    RegionId,
    RegionName,
    AvailabilityZone,
    ResourceId,
    ResourceType,
    SkuPriceId,
    PricingQuantity,
    PricingUnit,
    ListUnitPrice,
    ContractedUnitPrice,
    Tags,
    x_ReferenceNo,
    x_CorrectedReferenceNo,
    x_CompartmentId,
    x_CompartmentName,
    x_OverageFlag,
);

/// Cells that go over as they are.
const COPIED: &[(In, Out)] = &[
    (In::Description, Out::ChargeDescription),
    (In::Description, Out::SkuMeter),
    (In::CompartmentName, Out::SubAccountName),
    (In::Service, Out::ServiceName),
    (In::Domain, Out::AvailabilityZone),
    (In::ResourceId, Out::ResourceId),
    (In::Sku, Out::SkuId),
    (In::Sku, Out::SkuPriceId),
    (In::Quantity, Out::PricingQuantity),
    (In::BillingUnit, Out::PricingUnit),
    (In::Quantity, Out::ConsumedQuantity),
    (In::SkuUnit, Out::ConsumedUnit),
    (In::UnitPrice, Out::ListUnitPrice),
    (In::UnitPrice, Out::ContractedUnitPrice),
    (In::ReferenceNo, Out::x_ReferenceNo),
    (In::BackreferenceNo, Out::x_CorrectedReferenceNo),
    (In::CompartmentId, Out::x_CompartmentId),
    (In::CompartmentName, Out::x_CompartmentName),
    (In::Overage, Out::x_OverageFlag),
];

const TAGS: &str = "tags/";

/// Whether a header is that of a cost report, or of the usage report without costs.
pub fn is_report(header: &[String]) -> bool {
    let header = Header::new(header);
    let usage = ["cost/myCost", "cost/productSku", "usage/consumedQuantity"];
    header.has(&["lineItem/tenantId"]) && usage.iter().any(|name| header.at(&[name]).is_some())
}

/// How to read a cost report.
///
/// # Errors
/// Columns without which nothing can be said are missing: a usage report has no costs at all.
pub fn plan(header: &[String], path: &Path) -> Result<Plan, BillError> {
    let inputs = Inputs::of(In::NAMES, header);
    inputs.need(&[In::Start, In::MyCost, In::Currency], path)?;
    let mut used = inputs.found_but::<In>(&[]);
    let mut tags = Vec::new();
    for (place, name) in header.iter().enumerate() {
        let name = name.trim();
        if name.get(..TAGS.len()).is_some_and(|start| start.eq_ignore_ascii_case(TAGS)) {
            tags.push((place, name[TAGS.len()..].to_owned()));
            used.push(place);
        }
    }
    let remarks = vec![
        (
            Some("BilledCost".to_owned()),
            "is cost/myCost. A contract of annual universal credits is invoiced only for what exceeds them, which is \
             cost/myCostOverage; that column is kept"
                .to_owned(),
        ),
        (
            Some("ListCost".to_owned()),
            "is usage/billedQuantity × cost/unitPrice, the only price in the report; Oracle does not say there whether \
             a contract lowered it"
                .to_owned(),
        ),
    ];
    let fill = Report { inputs, tags, corrections: 0, services: Vec::new() };
    let (targets, mapper) = Mapping::new(fill, Out::NAMES, header, &used);
    Ok(Plan { kind: Kind::Oci, targets, remarks, mapper: Box::new(mapper) })
}

struct Report {
    inputs: Inputs,
    /// Columns of tags and the tags' keys.
    tags: Vec<(usize, String)>,
    corrections: u64,
    services: Vec<(String, u64)>,
}

impl Fill for Report {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let cell = |column: In| self.inputs.cell(cells, column);
        for (from, to) in COPIED {
            filled.set(*to, cell(*from));
        }
        filled.currency(cell(In::Currency));
        for cost in [Out::BilledCost, Out::EffectiveCost, Out::ContractedCost] {
            filled.set(cost, cell(In::MyCost));
        }
        // Text that is no number is warned of where its own column is read.
        let mut silent = Warnings::new("");
        let mut number = |column: In| amount(cell(column), self.inputs.name(column), place, &mut silent);
        if let (Some(quantity), Some(price)) = (number(In::Quantity), number(In::UnitPrice))
            && let Some(list) = quantity.checked_mul(price)
        {
            filled.set_amount(Out::ListCost, list);
        }
        filled.charge("Usage", "Usage-Based");
        if is_true(cell(In::IsCorrection)) {
            self.corrections += 1;
            filled.set(Out::ChargeClass, "Correction");
        }
        filled.sold_by("Oracle");
        let [start, end] =
            [In::Start, In::End].map(|column| self.inputs.moment(cells, column, place, warnings));
        filled.charge_period(start, end);
        filled.billed_with(start);

        let (tenant, subscription) = (cell(In::TenantId), cell(In::SubscriptionId));
        let (account, kind) =
            if subscription.is_empty() { (tenant, "Tenancy") } else { (subscription, "Subscription") };
        filled.account(account, kind);
        filled.sub_account(tenant, "Tenancy");

        let service = cell(In::Service);
        filled.service_place(service_place(service).unwrap_or_else(|| {
            count_word(&mut self.services, service);
            ("Other", "Other (Other)")
        }));

        let region = cell(In::Region);
        let known = REGIONS
            .iter()
            .find(|(id, short, _)| region.eq_ignore_ascii_case(id) || region.eq_ignore_ascii_case(short));
        filled.set(Out::RegionId, known.map_or(region, |(id, _, _)| id));
        filled.set(Out::RegionName, known.map_or(region, |(_, _, name)| name));

        // `ocid1.instance.oc1.iad.…`: the kind of resource is the second part.
        let mut parts = cell(In::ResourceId).split('.');
        if parts.next() == Some("ocid1") {
            filled.set(Out::ResourceType, parts.next().unwrap_or(""));
        }
        filled.set(Out::Tags, &self.tags_of(cells));
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        if self.corrections > 0 {
            let words = "rows correct earlier ones, which may stand in other reports; both are kept, so that sums over \
                         all reports are right";
            warnings.about_file(Some("ChargeClass"), format!("{words}: {}", self.corrections));
        }
        if !self.services.is_empty() {
            let words = "services that are not in our table count as Other";
            warnings.about_file(Some("ServiceCategory"), format!("{words}: {}", listed(&self.services)));
        }
    }
}

impl Report {
    /// The row's tags as a JSON object.
    fn tags_of(&self, cells: &[&str]) -> String {
        let tags: serde_json::Map<String, serde_json::Value> = self
            .tags
            .iter()
            .map(|(place, key)| (key, super::mapping::cell(cells, Some(*place))))
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.clone(), value.into()))
            .collect();
        if tags.is_empty() { String::new() } else { serde_json::Value::Object(tags).to_string() }
    }
}

fn is_true(text: &str) -> bool {
    ["true", "1", "y", "yes"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Category and subcategory of a service of Oracle's, by its name in reports.
fn service_place(service: &str) -> Option<(&'static str, &'static str)> {
    let place = match service.to_ascii_uppercase().replace(' ', "_").as_str() {
        "COMPUTE" => ("Compute", "Virtual Machines"),
        "CONTAINER_INSTANCES" | "CONTAINER_ENGINE" | "OKE" | "CONTAINER_ENGINE_FOR_KUBERNETES" => {
            ("Compute", "Containers")
        }
        "FUNCTIONS" => ("Compute", "Serverless Compute"),
        "BLOCK_STORAGE" => ("Storage", "Block Storage"),
        "OBJECT_STORAGE" | "OBJECTSTORE" | "ARCHIVE_STORAGE" => ("Storage", "Object Storage"),
        "FILE_STORAGE" => ("Storage", "File Storage"),
        "NETWORK" | "VIRTUAL_CLOUD_NETWORK" | "VCN" | "FAST_CONNECT" | "FASTCONNECT" => {
            ("Networking", "Network Connectivity")
        }
        "LOAD_BALANCER" | "LBAAS" => ("Networking", "Application Networking"),
        "DNS" => ("Networking", "Network Infrastructure"),
        "WAF" | "NETWORK_FIREWALL" => ("Networking", "Network Security"),
        "DATABASE" | "AUTONOMOUS_DATABASE" | "MYSQL" | "POSTGRESQL" => ("Databases", "Relational Databases"),
        "NOSQL" => ("Databases", "NoSQL Databases"),
        "REDIS" => ("Databases", "Caching"),
        "AUTONOMOUS_DATA_WAREHOUSE" => ("Databases", "Data Warehouses"),
        "GENERATIVE_AI" | "GENERATIVEAI" | "GENERATIVE_AI_AGENTS" => {
            ("AI and Machine Learning", "Generative AI")
        }
        "DATA_SCIENCE" | "DATASCIENCE" => ("AI and Machine Learning", "Machine Learning"),
        "AI_LANGUAGE" | "LANGUAGE" => ("AI and Machine Learning", "Natural Language Processing"),
        "AI_SERVICES" | "SPEECH" | "VISION" | "AI_VISION" | "AI_SPEECH" | "DOCUMENT_UNDERSTANDING" => {
            ("AI and Machine Learning", "AI Platforms")
        }
        "DATA_FLOW" | "DATAFLOW" | "DATA_INTEGRATION" | "BIG_DATA" => ("Analytics", "Data Processing"),
        "ANALYTICS" => ("Analytics", "Business Intelligence"),
        "STREAMING" | "QUEUE" | "NOTIFICATIONS" | "ONS" => ("Integration", "Messaging"),
        "API_GATEWAY" => ("Integration", "API Management"),
        "INTEGRATION" => ("Integration", "Workflow Orchestration"),
        "TELEMETRY" | "MONITORING" | "LOGGING" | "LOG_ANALYTICS" | "LOGGING_ANALYTICS" | "APM" => {
            ("Management and Governance", "Observability")
        }
        "VAULT" | "KMS" | "KEY_MANAGEMENT" => ("Security", "Secret Management"),
        "IDENTITY" | "IDCS" => ("Identity", "Identity and Access Management"),
        _ => return None,
    };
    Some(place)
}

/// Id, the three letters that older reports write, and name.
const REGIONS: &[(&str, &str, &str)] = &[
    ("ap-chuncheon-1", "yny", "South Korea North (Chuncheon)"),
    ("ap-hyderabad-1", "hyd", "India South (Hyderabad)"),
    ("ap-melbourne-1", "mel", "Australia Southeast (Melbourne)"),
    ("ap-mumbai-1", "bom", "India West (Mumbai)"),
    ("ap-osaka-1", "kix", "Japan Central (Osaka)"),
    ("ap-seoul-1", "icn", "South Korea Central (Seoul)"),
    ("ap-singapore-1", "sin", "Singapore (Singapore)"),
    ("ap-sydney-1", "syd", "Australia East (Sydney)"),
    ("ap-tokyo-1", "nrt", "Japan East (Tokyo)"),
    ("ca-montreal-1", "yul", "Canada Southeast (Montreal)"),
    ("ca-toronto-1", "yyz", "Canada Southeast (Toronto)"),
    ("eu-amsterdam-1", "ams", "Netherlands Northwest (Amsterdam)"),
    ("eu-frankfurt-1", "fra", "Germany Central (Frankfurt)"),
    ("eu-madrid-1", "mad", "Spain Central (Madrid)"),
    ("eu-marseille-1", "mrs", "France South (Marseille)"),
    ("eu-milan-1", "lin", "Italy Northwest (Milan)"),
    ("eu-paris-1", "cdg", "France Central (Paris)"),
    ("eu-stockholm-1", "arn", "Sweden Central (Stockholm)"),
    ("eu-zurich-1", "zrh", "Switzerland North (Zurich)"),
    ("il-jerusalem-1", "mtz", "Israel Central (Jerusalem)"),
    ("me-abudhabi-1", "auh", "UAE Central (Abu Dhabi)"),
    ("me-dubai-1", "dxb", "UAE East (Dubai)"),
    ("me-jeddah-1", "jed", "Saudi Arabia West (Jeddah)"),
    ("mx-queretaro-1", "qro", "Mexico Central (Queretaro)"),
    ("sa-santiago-1", "scl", "Chile Central (Santiago)"),
    ("sa-saopaulo-1", "gru", "Brazil East (Sao Paulo)"),
    ("sa-vinhedo-1", "vcp", "Brazil Southeast (Vinhedo)"),
    ("uk-cardiff-1", "cwl", "UK West (Newport)"),
    ("uk-london-1", "lhr", "UK South (London)"),
    ("us-ashburn-1", "iad", "US East (Ashburn)"),
    ("us-chicago-1", "ord", "US Midwest (Chicago)"),
    ("us-phoenix-1", "phx", "US West (Phoenix)"),
    ("us-sanjose-1", "sjc", "US West (San Jose)"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::formats::inputs::testing::{read, reversed, split};

    const HEADER: &str = "lineItem/referenceNo,lineItem/tenantId,lineItem/intervalUsageStart,lineItem/intervalUsageEnd,\
        product/service,product/compartmentId,product/compartmentName,product/region,product/availabilityDomain,\
        product/resourceId,usage/billedQuantity,usage/billedQuantityOverage,cost/subscriptionId,cost/productSku,\
        product/Description,cost/unitPrice,cost/unitPriceOverage,cost/myCost,cost/myCostOverage,cost/currencyCode,\
        cost/billingUnitReadable,cost/skuUnitDescription,cost/overageFlag,lineItem/isCorrection,\
        lineItem/backreferenceNo,tags/Oracle-Tags.CreatedBy,tags/DevRel\\redbull.key";

    /// An hour of a GPU, its correction, and storage at 10⁻⁹.
    fn report() -> String {
        let rows = [
            "r1,t1,2021-03-31T22:00Z,2021-03-31T23:00:00Z,COMPUTE,c1,prod,IAD,iad-ad-1,ocid1.instance.oc1.iad.x,2,0,s1,\
             B91234,GPU Standard - H100,1.25,0,2.5,0,USD,GPU Per Hour,GPU Per Hour,N,false,,alice,\"say \"\"hi\"\"\"",
            "r2,t1,2021-03-31T23:00:00Z,2021-04-01T00:00Z,COMPUTE,c1,prod,us-ashburn-1,iad-ad-1,\
             ocid1.instance.oc1.iad.x,-2,0,s1,B91234,GPU Standard - H100,1.25,0,-2.5,0,USD,GPU Per Hour,GPU Per Hour,\
             N,true,r1,,",
            "r3,t1,2021-03-31T22:00Z,2021-03-31T23:00Z,WIDGETS,c1,prod,moon-1,,,1.25E-7,0,,B2,Widgets,0.02,0,\
             2.323760000E-9,0,USD,Widget,Widget,N,false,,,",
        ];
        format!("{HEADER}\n{}\n", rows.join("\n"))
    }

    #[test]
    fn both_forms_of_time_and_every_digit_are_read() {
        let outcome = read(&report());
        assert_eq!(outcome.kind, "Oracle Cloud cost report");
        assert_eq!(
            outcome.column("ChargePeriodStart"),
            ["2021-03-31T22:00:00Z", "2021-03-31T23:00:00Z", "2021-03-31T22:00:00Z"]
        );
        assert_eq!(
            outcome.column("ChargePeriodEnd"),
            ["2021-03-31T23:00:00Z", "2021-04-01T00:00:00Z", "2021-03-31T23:00:00Z"]
        );
        assert_eq!(outcome.column("BillingPeriodStart")[1], "2021-03-01T00:00:00Z");
        assert_eq!(outcome.column("BillingPeriodEnd")[1], "2021-04-01T00:00:00Z");
        // 2.5 − 2.5 + 2.32376 × 10⁻⁹.
        for cost in ["BilledCost", "EffectiveCost", "ContractedCost"] {
            assert_eq!(outcome.sum(cost), "0.00000000232376", "{cost}");
        }
        // 2 × 1.25; −2 × 1.25; 1.25 × 10⁻⁷ × 0.02.
        assert_eq!(outcome.column("ListCost"), ["2.5", "-2.5", "0.0000000025"]);
    }

    #[test]
    fn a_correction_is_marked_and_stays() {
        let outcome = read(&report());
        assert_eq!(outcome.column("ChargeClass"), ["", "Correction", ""]);
        assert_eq!(outcome.column("x_CorrectedReferenceNo"), ["", "r1", ""]);
        assert!(outcome.warns("rows correct earlier ones"), "{:?}", outcome.warnings);
    }

    #[test]
    fn tags_regions_and_accounts_become_focus() {
        let outcome = read(&report());
        let tags: serde_json::Value = serde_json::from_str(outcome.column("Tags")[0]).unwrap();
        assert_eq!(
            tags,
            serde_json::json!({"Oracle-Tags.CreatedBy": "alice", "DevRel\\redbull.key": "say \"hi\""})
        );
        assert_eq!(outcome.column("Tags")[1], "");
        assert_eq!(outcome.column("RegionId"), ["us-ashburn-1", "us-ashburn-1", "moon-1"]);
        assert_eq!(outcome.column("RegionName")[0], "US East (Ashburn)");
        assert_eq!(outcome.column("BillingAccountId"), ["s1", "s1", "t1"]);
        assert_eq!(outcome.column("ResourceType"), ["instance", "instance", ""]);
        assert_eq!(outcome.column("ServiceCategory"), ["Compute", "Compute", "Other"]);
        assert!(outcome.warns("count as Other: `WIDGETS`"));
        assert_eq!(outcome.rows[0]["cost/myCostOverage"], "0");
    }

    #[test]
    fn the_order_of_columns_does_not_matter() {
        assert_eq!(read(&report()).rows, reversed(&report()).rows);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_never_zero() {
        let text = report()
            .replace(",2.5,0,USD", ",2;5,0,USD")
            .replace("T22:00Z", "T99:00Z")
            .replace("1.25E-7", "x");
        let outcome = read(&text);
        assert_eq!(outcome.column("ChargePeriodStart")[0], "");
        assert!(outcome.warns("`2021-03-31T99:00Z` is not a time"), "{:?}", outcome.warnings);
        // The table reads the cost itself, and complains about what it cannot read.
        assert_eq!(outcome.column("BilledCost")[0], "2;5");
        assert_eq!(outcome.column("ListCost")[2], "");
    }

    #[test]
    fn a_usage_report_is_refused_for_its_missing_costs() {
        let (header, _) = split(
            "lineItem/referenceNo,lineItem/tenantId,lineItem/intervalUsageStart,lineItem/intervalUsageEnd,\
             product/service,product/resource,usage/consumedQuantity,usage/billedQuantity\n",
        );
        let error = crate::bill::formats::plan(&header, &[], Path::new("f.csv")).unwrap_err();
        assert!(error.to_string().contains("cost/myCost, cost/currencyCode"), "{error}");
    }
}
