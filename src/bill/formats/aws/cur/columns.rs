//! The columns of the report, found by their letters.

use crate::bill::formats::mapping::cell;

/// Declares the columns that are read, by the letters of their names.
macro_rules! inputs {
    ($($column:ident = $letters:literal),* $(,)?) => {
        /// A column of the report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum In { $($column),* }

        pub(super) const INPUTS: &[(In, &str)] = &[$((In::$column, $letters)),*];
    };
}

inputs! {
    InvoiceId = "billinvoiceid",
    InvoicingEntity = "billinvoicingentity",
    BillingEntity = "billbillingentity",
    BillType = "billbilltype",
    PayerId = "billpayeraccountid",
    PayerName = "billpayeraccountname",
    PeriodStart = "billbillingperiodstartdate",
    PeriodEnd = "billbillingperiodenddate",
    AccountId = "lineitemusageaccountid",
    AccountName = "lineitemusageaccountname",
    LineType = "lineitemlineitemtype",
    UsageStart = "lineitemusagestartdate",
    UsageEnd = "lineitemusageenddate",
    ProductCode = "lineitemproductcode",
    UsageType = "lineitemusagetype",
    Operation = "lineitemoperation",
    Zone = "lineitemavailabilityzone",
    Resource = "lineitemresourceid",
    Amount = "lineitemusageamount",
    NormalizedAmount = "lineitemnormalizedusageamount",
    Currency = "lineitemcurrencycode",
    Unblended = "lineitemunblendedcost",
    NetUnblended = "lineitemnetunblendedcost",
    Description = "lineitemlineitemdescription",
    TaxType = "lineitemtaxtype",
    LegalEntity = "lineitemlegalentity",
    Discount = "discounttotaldiscount",
    Discounts = "discount",
    Product = "product",
    ProductName = "productproductname",
    ProductFamily = "productproductfamily",
    InstanceType = "productinstancetype",
    RegionCode = "productregioncode",
    Region = "productregion",
    FromRegion = "productfromregioncode",
    Location = "productlocation",
    LocationType = "productlocationtype",
    Cores = "productvcpu",
    Memory = "productmemory",
    Gpus = "productgpu",
    System = "productoperatingsystem",
    Sku = "productsku",
    RateCode = "pricingratecode",
    RateId = "pricingrateid",
    PricingCurrency = "pricingcurrency",
    PublicCost = "pricingpublicondemandcost",
    PublicRate = "pricingpublicondemandrate",
    Unit = "pricingunit",
    ReservationArn = "reservationreservationarn",
    SubscriptionId = "reservationsubscriptionid",
    ReservedEffective = "reservationeffectivecost",
    ReservedNetEffective = "reservationneteffectivecost",
    ReservedUnits = "reservationtotalreservedunits",
    ReservedNormalized = "reservationtotalreservednormalizedunits",
    UnusedUnits = "reservationunusedquantity",
    UnusedNormalized = "reservationunusednormalizedunitquantity",
    UnusedUpfront = "reservationunusedamortizedupfrontfeeforbillingperiod",
    UnusedRecurring = "reservationunusedrecurringfee",
    NetUnusedUpfront = "reservationnetunusedamortizedupfrontfeeforbillingperiod",
    NetUnusedRecurring = "reservationnetunusedrecurringfee",
    PlanArn = "savingsplansavingsplanarn",
    PlanEffective = "savingsplansavingsplaneffectivecost",
    PlanNetEffective = "savingsplannetsavingsplaneffectivecost",
    PlanTotal = "savingsplantotalcommitmenttodate",
    PlanUsed = "savingsplanusedcommitment",
    CapacityArn = "capacityreservationcapacityreservationarn",
    CapacityStatus = "capacityreservationcapacityreservationstatus",
}

/// Columns that nothing but costs, quantities, times, commitments and the operation is made of.
#[rustfmt::skip]
pub(super) const SLIGHT: &[In] = &[
    In::UsageStart, In::UsageEnd, In::Operation, In::Amount, In::NormalizedAmount, In::Unblended, In::NetUnblended,
    In::Discount, In::PublicCost, In::PublicRate, In::Unit, In::ReservationArn, In::SubscriptionId,
    In::ReservedEffective, In::ReservedNetEffective, In::ReservedUnits, In::ReservedNormalized, In::UnusedUnits,
    In::UnusedNormalized, In::UnusedUpfront, In::UnusedRecurring, In::NetUnusedUpfront, In::NetUnusedRecurring,
    In::PlanEffective, In::PlanNetEffective, In::PlanTotal, In::PlanUsed,
];

/// A name's letters and digits in lower case: `lineItem/UnblendedCost` and `line_item_unblended_cost` are one, and
/// so are `savingsPlan/SavingsPlanARN` and `savings_plan_savings_plan_a_r_n`.
pub(in crate::bill) fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Columns of amounts, which a further row of the same line must not repeat.
pub(super) fn is_amount(name: &str) -> bool {
    let letters = letters(name);
    let money = ["lineitem", "reservation", "savingsplan", "splitlineitem", "discount", "pricingpublic"];
    let words =
        ["time", "type", "option", "term", "region", "status", "zone", "family", "id", "arn", "entity"];
    money.iter().any(|start| letters.starts_with(start)) && !words.iter().any(|end| letters.ends_with(end))
}

/// Where the columns stand. One column may be there under two spellings, when a table was made of reports of both
/// kinds; a row has its value under one of them.
pub(super) struct Found {
    /// Of each column the first place.
    first: Vec<Option<usize>>,
    /// And all of those that have several.
    several: Vec<(In, Vec<usize>)>,
}

impl Found {
    pub fn new(header: &[String]) -> Self {
        let names: Vec<String> = header.iter().map(|name| letters(name)).collect();
        let places = |wanted: &str| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(place, _)| place).collect()
        };
        let all = INPUTS.iter().map(|(column, wanted)| (*column, places(wanted)));
        Self {
            first: all.clone().map(|(_, places)| places.first().copied()).collect(),
            several: all.filter(|(_, places)| places.len() > 1).collect(),
        }
    }

    pub fn at(&self, column: In) -> Option<usize> {
        self.first[column as usize]
    }

    pub fn text<'c>(&self, cells: &[&'c str], column: In) -> &'c str {
        let text = cell(cells, self.first[column as usize]);
        if !text.is_empty() || self.several.is_empty() {
            return text;
        }
        let places = self.several.iter().filter(|(known, _)| *known == column).flat_map(|(_, places)| places);
        places.map(|place| cell(cells, Some(*place))).find(|text| !text.is_empty()).unwrap_or("")
    }

    /// Places of the columns that more hangs on than costs, quantities, times and the operation.
    pub fn lasting(&self) -> impl Iterator<Item = usize> {
        let is_lasting = |column: In| !SLIGHT.contains(&column);
        let first = INPUTS.iter().zip(&self.first).filter(move |((column, _), _)| is_lasting(*column));
        let others = self.several.iter().filter(move |(column, _)| is_lasting(*column));
        first.filter_map(|(_, place)| *place).chain(others.flat_map(|(_, places)| places.iter().copied()))
    }

    /// A column that stands twice under one spelling; attributes of products may differ in case only.
    pub fn twice(&self, header: &[String]) -> Option<String> {
        let is_product = |column: In| INPUTS[column as usize].1.starts_with("product");
        self.several.iter().filter(|(column, _)| !is_product(*column)).find_map(|(_, places)| {
            let again = |at: usize| {
                let same = |place: &usize| header[*place].trim().eq_ignore_ascii_case(header[at].trim());
                places.iter().filter(|place| same(place)).count() > 1
            };
            places.iter().find(|place| again(**place)).map(|place| header[*place].clone())
        })
    }
}
