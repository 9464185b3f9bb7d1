//! Who sells, what is sold and where it is, in a row of Azure cost details.

use super::super::Agreement;
use super::super::charges::{Charge, word};
use super::super::words;
use super::{In, Notes, Out, Row};
use crate::bill::formats::inputs::{count_word, object_text};
use crate::bill::formats::mapping::Filled;

/// Who bills, sells, makes and pays.
pub(super) fn parties(row: &Row<'_, '_>, agreement: Agreement, filled: &mut Filled) {
    let profile = row.cell(In::ProfileId);
    let by_profile = matches!(agreement, Agreement::Customer | Agreement::Partner) && !profile.is_empty();
    let (id, name, kind) = if by_profile {
        (profile, row.cell(In::ProfileName), "Billing Profile")
    } else {
        (row.cell(In::AccountId), row.cell(In::AccountName), "Billing Account")
    };
    filled.account(id, kind);
    filled.set(Out::BillingAccountName, name);
    filled.sub_account(row.cell(In::SubscriptionId), "Subscription");

    filled.sold_by("Microsoft");
    let partner = row.cell(In::PartnerName);
    if !partner.is_empty() {
        filled.set(Out::InvoiceIssuerName, partner);
    }
    let marketplace = word(row.cell(In::PublisherType)) == "marketplace";
    let publisher = row.cell(In::PublisherName);
    let publisher = if publisher.is_empty() && !marketplace { "Microsoft" } else { publisher };
    filled.set(Out::PublisherName, publisher);
}

/// Service and SKU.
pub(super) fn what(row: &Row<'_, '_>, filled: &mut Filled, notes: &mut Notes) {
    let category = row.cell(In::MeterCategory);
    let subcategory = row.cell(In::MeterSubCategory);
    let service = words::service(category, subcategory, row.cell(In::ServiceFamily));
    let own = row.first(&[In::MeterCategory, In::ServiceName, In::ConsumedService]);
    filled.set(Out::ServiceName, service.name.unwrap_or(own));
    filled.service_place(service.place);
    if !service.known && !own.is_empty() {
        count_word(&mut notes.services, own);
    }
    let product = row.cell(In::Product);
    if product.is_empty() {
        let parts = [category, subcategory, row.cell(In::MeterName)];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        filled.set(Out::ChargeDescription, &parts.join(" - "));
    } else {
        filled.set(Out::ChargeDescription, product);
    }

    let details = object_text(row.cell(In::AdditionalInfo));
    let facts = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&details).ok();
    let fact = |name: &str| facts.as_ref().and_then(|facts| facts.get(name));
    let text = |name: &str| fact(name).and_then(serde_json::Value::as_str);
    let machine = text("ServiceType").filter(|name| is_machine(name));
    // What a commitment is for stands in the name of its order: `Reserved VM Instance, Standard_B1s, UK South, 3 Years`.
    let ordered = || {
        row.cell(In::OrderName)
            .split([',', ' '])
            .find(|name| is_machine(name))
            .filter(|_| row.charge != Charge::Usage)
    };
    // The traffic and the addresses of a machine name it too, and are none.
    let may_be_machine = ["Compute", "AI and Machine Learning", "Other"].contains(&service.place.0);
    let machine = machine.or_else(ordered).filter(|_| may_be_machine);
    filled.set(Out::x_InstanceType, machine.unwrap_or(""));
    if let Some(reserved) = text("VMCapacityReservationId").filter(|id| !id.is_empty()) {
        filled.set(Out::CapacityReservationId, &reserved.to_lowercase());
        // What a machine uses of the capacity is on the machine's row, what none uses on the reservation's own.
        let own = row.cell(In::ResourceId).to_lowercase().contains("/capacityreservations/");
        filled.set(Out::CapacityReservationStatus, if own { "Unused" } else { "Used" });
    }
    if row.charge == Charge::Tax {
        return;
    }
    filled.set(Out::SkuMeter, row.cell(In::MeterName));
    let product_id = row.cell(In::ProductId);
    let (sku, price) = if product_id.is_empty() {
        (row.cell(In::MeterId), row.cell(In::PartNumber))
    } else {
        (product_id, row.cell(In::MeterId))
    };
    filled.set(Out::SkuId, sku);
    filled.set(Out::SkuPriceId, price);
    if let Some(machine) = machine
        && !price.is_empty()
    {
        let mut known = serde_json::Map::new();
        if let Some(cores) = fact("VCPUs").filter(|cores| cores.is_u64()) {
            known.insert("CoreCount".to_owned(), cores.clone());
        }
        known.insert("InstanceType".to_owned(), machine.into());
        filled.set(Out::SkuPriceDetails, &serde_json::Value::Object(known).to_string());
    }
}

/// A size of virtual machine, as against the other things that call themselves a service type.
fn is_machine(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["standard_", "basic_"].iter().any(|start| name.starts_with(start))
}

/// Where it is, whose it is, what it is called.
pub(super) fn resource(row: &Row<'_, '_>, filled: &mut Filled, notes: &mut Notes) {
    let location = row.cell(In::Location);
    match words::region(location) {
        Some((id, name)) => {
            filled.set(Out::RegionId, id);
            filled.set(Out::RegionName, name);
        }
        None if ["", "unassigned", "unknown"].contains(&words::squeezed(location).as_str()) => {}
        None => {
            count_word(&mut notes.regions, location);
            filled.set(Out::RegionId, &words::squeezed(location));
            filled.set(Out::RegionName, location);
        }
    }
    // Exports write one resource in several casings; Azure's own FOCUS export has them lower case.
    let id = row.cell(In::ResourceId).to_lowercase();
    let mut segments = id.rsplit("/providers/").next().unwrap_or("").split('/');
    let is_path = id.contains("/providers/");
    let kind = match (segments.next(), segments.next()) {
        (Some(provider), Some(kind)) if is_path => format!("{provider}/{kind}"),
        _ => String::new(),
    };
    let told = row.cell(In::ResourceType);
    filled.set(Out::ResourceType, if told.is_empty() { &kind } else { told });
    let name = row.cell(In::ResourceName);
    let last = row.cell(In::ResourceId).rsplit('/').next().unwrap_or("");
    filled.set(Out::ResourceName, if name.is_empty() { last } else { name });
    filled.set(Out::ResourceId, &id);
    filled.set(Out::x_ResourceGroupName, &row.cell(In::ResourceGroup).to_lowercase());
    filled.set(Out::Tags, &object_text(row.cell(In::Tags)));
}

/// The reservation or savings plan.
pub(super) fn commitment(row: &Row<'_, '_>, filled: &mut Filled) {
    let id = row.first(&[In::BenefitId, In::ReservationId]);
    if !row.committed || id.is_empty() {
        return;
    }
    let id = id.to_lowercase();
    let savings_plan = id.contains("/microsoft.billingbenefits/")
        || (!id.contains("/microsoft.capacity/")
            && (word(row.cell(In::PricingModel)) == "savingsplan"
                || word(row.cell(In::ChargeType)) == "unusedsavingsplan"));
    let (category, kind) = if savings_plan { ("Spend", "Savings Plan") } else { ("Usage", "Reservation") };
    filled.set(Out::CommitmentDiscountCategory, category);
    filled.set(Out::CommitmentDiscountType, kind);
    filled.set(Out::CommitmentDiscountId, &id);
    filled.set(Out::CommitmentDiscountName, row.first(&[In::BenefitName, In::ReservationName]));
    let status = match row.charge {
        Charge::Usage => "Used",
        Charge::Unused => "Unused",
        _ => "",
    };
    filled.set(Out::CommitmentDiscountStatus, status);
}
