//! Bills as separated text: headers, then rows of each format.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// What is put before the bytes: nothing, and the header of each format with a row begun.
const BEGINNINGS: [&str; 13] = [
    "",
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,Tags\r\n1,USD,Usage,",
    "BilledCost;BillingCurrency;ChargeCategory;ChargePeriodStart;EffectiveCost;Tags\n1.234,5;EUR;Usage;31.05.2026;0,05;[]\n",
    "lineItem/LineItemType,lineItem/UnblendedCost,lineItem/UsageStartDate,lineItem/CurrencyCode,identity/LineItemId,bill/PayerAccountId\nUsage,",
    "line_item_line_item_type,line_item_unblended_cost,line_item_usage_start_date,bill_payer_account_name,product,resource_tags\nTax,",
    "Service,Amazon SageMaker($),Tax($),Total costs($)\nService total,",
    "billing_account_id,service.id,sku.id,usage.amount,cost,credits,labels,usage_start_time,currency\na,",
    "Invoice number,1\n\nBilling account name,Project ID,Service description,Service ID,SKU description,SKU ID,Cost type,Usage start date,Cost ($)\n",
    "MeterId,MeterCategory,CostInBillingCurrency,PartNumber,Date,ChargeType,PricingModel,Tags,Quantity\nm,",
    "lineItem/tenantId,cost/productSku,cost/myCost,lineItem/intervalUsageStart,usage/billedQuantity,cost/currencyCode\nt,",
    "sku_name,usage_quantity,usage_unit,billing_origin_product,usage_start_time,usage_end_time,cloud,record_type\ns,",
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item\n1,",
    "usage_date_utc,model_version,usage_input_tokens_no_cache,usage_output_tokens,web_search_count\n",
];

fuzz_target!(|bytes: &[u8]| {
    families::read_bill_after("b.csv", &BEGINNINGS, bytes);
    // The same kind of table as UTF-16, which the bytes may break anywhere.
    let units = "\u{feff}BilledCost\tBillingCurrency\tChargeCategory\tChargePeriodStart\r\n".encode_utf16();
    let beginning: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    families::read_bill("u.txt", &[&beginning, bytes].concat());
});
