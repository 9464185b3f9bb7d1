//! What Cost Explorer can group by, and the columns that a group's value fills.

use serde_json::{Map, Value};

use super::super::cur::letters;
use super::super::names::{Services, instance_type, region_name};

/// A dimension, tag or cost category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dimension {
    Service,
    Account,
    Region,
    UsageType,
    ChargeType,
    /// A column that takes the value as it is.
    Plain(&'static str),
    Tag(String),
    CostCategory(String),
    /// One that no column of FOCUS is for.
    Other(String),
}

impl Dimension {
    /// Dimensions by the letters of their names, in the console and in the API.
    fn known(name: &str) -> Option<Self> {
        Some(match letters(name).as_str() {
            "service" | "servicename" => Self::Service,
            "linkedaccount" | "linkedaccountname" | "account" => Self::Account,
            "region" => Self::Region,
            "usagetype" => Self::UsageType,
            "chargetype" | "recordtype" => Self::ChargeType,
            "availabilityzone" | "az" => Self::Plain("AvailabilityZone"),
            "instancetype" => Self::Plain("x_InstanceType"),
            "operation" | "apioperation" => Self::Plain("x_Operation"),
            "purchaseoption" | "purchasetype" => Self::Plain("x_PurchaseOption"),
            "resource" | "resourceid" => Self::Plain("ResourceId"),
            "legalentity" | "legalentityname" => Self::Plain("PublisherName"),
            "billingentity" => Self::Plain("x_BillingEntity"),
            "invoicingentity" => Self::Plain("x_InvoicingEntity"),
            "usagetypegroup" | "platform" | "operatingsystem" | "tenancy" | "databaseengine"
            | "cacheengine" | "deploymentoption" | "subscriptionid" | "savingsplanarn"
            | "savingsplanstype" | "reservationid" | "paymentoption" | "scope" | "instancetypefamily" => {
                Self::Other(name.to_owned())
            }
            _ => return None,
        })
    }

    /// A name of Amazon's own, and not the key of a tag.
    pub fn is_known(name: &str) -> bool {
        Self::known(name).is_some()
    }

    /// The first column of a download names the dimension, or the key of the tag.
    pub fn of_download(name: &str) -> Self {
        Self::known(name).unwrap_or_else(|| {
            let key = name.strip_prefix("Tag: ").or_else(|| name.strip_prefix("Tag:")).unwrap_or(name);
            Self::Tag(key.trim().to_owned())
        })
    }

    /// `DIMENSION.SERVICE`, `TAG.team`, `COST_CATEGORY.unit`, or a number where the answer does not say.
    pub fn of_answer(name: &str) -> Self {
        match name.split_once('.') {
            Some(("TAG", key)) => Self::Tag(key.to_owned()),
            Some(("COST_CATEGORY", key)) => Self::CostCategory(key.to_owned()),
            Some((_, key)) => Self::known(key).unwrap_or_else(|| Self::Other(key.to_owned())),
            None => Self::Other(format!("Group{name}")),
        }
    }

    /// One key of many that a column holds as an object.
    pub fn is_pair(&self) -> bool {
        matches!(self, Self::Tag(_) | Self::CostCategory(_))
    }

    /// The columns it fills.
    pub fn columns(&self) -> Vec<String> {
        let names: &[&str] = match self {
            Self::Service => &["ServiceName", "ServiceCategory", "ServiceSubcategory", "ChargeCategory"],
            Self::Account => &["SubAccountId", "SubAccountName"],
            Self::Region => &["RegionId", "RegionName"],
            Self::UsageType => &["x_UsageType", "x_InstanceType"],
            Self::ChargeType => &["x_LineItemType", "ChargeCategory"],
            Self::Plain(name) => &[name],
            Self::Tag(_) => &["Tags"],
            Self::CostCategory(_) => &["x_CostCategories"],
            Self::Other(name) => return vec![own_column(name)],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// What the value means, by column; `None` of it where it says that there is none.
    pub fn cells(&self, value: &str, services: &mut Services) -> Vec<(String, String)> {
        let value = value.trim();
        if value.is_empty() || self.is_none(value) {
            return Vec::new();
        }
        let cell = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        match self {
            Self::Service => {
                let (category, subcategory) = services.category(value, "");
                let mut cells = vec![
                    cell("ServiceName", value),
                    cell("ServiceCategory", category),
                    cell("ServiceSubcategory", subcategory),
                ];
                if value == "Tax" {
                    cells.push(cell("ChargeCategory", "Tax"));
                }
                cells
            }
            Self::Account => {
                let (name, id) = account(value);
                vec![cell("SubAccountId", id), cell("SubAccountName", name)]
            }
            Self::Region if ["global", "any"].contains(&value.to_ascii_lowercase().as_str()) => Vec::new(),
            Self::Region => {
                vec![cell("RegionId", value), cell("RegionName", region_name(value).unwrap_or(""))]
            }
            Self::UsageType => {
                vec![cell("x_UsageType", value), cell("x_InstanceType", instance_type("", value, ""))]
            }
            Self::ChargeType => {
                vec![cell("x_LineItemType", value), cell("ChargeCategory", category(value))]
            }
            Self::Plain(name) => vec![cell(name, value)],
            Self::Tag(key) => vec![cell("Tags", &pair(key, value))],
            Self::CostCategory(key) => vec![cell("x_CostCategories", &pair(key, value))],
            Self::Other(name) => vec![(own_column(name), value.to_owned())],
        }
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
    }

    /// `No tag key: team`, `No instance type`, `NoRegion`.
    fn is_none(&self, value: &str) -> bool {
        let value = letters(value);
        match self {
            Self::Tag(_) => value.starts_with("notagkey"),
            Self::CostCategory(_) => value.starts_with("nocostcategory"),
            _ => [
                "noinstancetype",
                "noregion",
                "nooperation",
                "nousagetype",
                "noaz",
                "noavailabilityzone",
                "noresourceid",
                "noplatform",
                "noservice",
            ]
            .contains(&value.as_str()),
        }
    }
}

/// Answers give `team$chat` for the tag `team`, and `team$` where a row has no such tag.
fn pair(key: &str, value: &str) -> String {
    let value = value.strip_prefix(key).and_then(|rest| rest.strip_prefix('$')).unwrap_or(value);
    if value.is_empty() {
        return String::new();
    }
    Value::Object(Map::from_iter([(key.to_owned(), Value::from(value))])).to_string()
}

/// `Research (123456789012)` → the name and the number; without a number, the number is the value.
fn account(value: &str) -> (&str, &str) {
    let is_number = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match value.strip_suffix(')').and_then(|value| value.rsplit_once('(')) {
        Some((name, id)) if is_number(id) => (name.trim(), id),
        _ => ("", value),
    }
}

/// `ChargeCategory` of a charge type as the console and the API call it; empty where a type does not tell.
fn category(value: &str) -> &'static str {
    match letters(value).as_str() {
        "tax" => "Tax",
        "credit" => "Credit",
        name if name.ends_with("fee") => "Purchase",
        name if name.ends_with("usage") || name.ends_with("discount") || name.ends_with("negation") => {
            "Usage"
        }
        _ => "",
    }
}

/// `USAGE_TYPE_GROUP` and `Usage type group` → `x_UsageTypeGroup`.
fn own_column(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let shouted = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    words.fold("x_".to_owned(), |mut column, word| {
        let (first, rest) = word.split_at(1);
        column.push_str(&first.to_ascii_uppercase());
        column.push_str(&if shouted { rest.to_ascii_lowercase() } else { rest.to_owned() });
        column
    })
}
