"""Writes exports as their tables stand in a warehouse, made from a seed: AWS CUR 2.0 with lines of every type, and Google
Cloud's detailed billing export. With a CSV of the legacy CUR that one, too, under the names that Athena gives its columns.

usage: python3 exports.py FOLDER [CUR.csv]
"""

import csv
import datetime as dt
import random
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

MOMENT = pa.timestamp("us", "UTC")
MAP = pa.map_(pa.string(), pa.string())
OCTOBER = dt.datetime(2026, 10, 1, tzinfo=dt.timezone.utc)
NOVEMBER = dt.datetime(2026, 11, 1, tzinfo=dt.timezone.utc)
PLAN = "arn:aws:savingsplans::1:savingsplan/s1"
RESERVATION = "arn:aws:ec2:us-east-1:1:reserved-instances/r1"
CAPACITY = "arn:aws:ec2:us-east-1:1:capacity-reservation/cr-1"
LINES = ["Usage"] * 8 + [
    "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee",
    "SavingsPlanUpfrontFee", "RIFee", "Fee", "FlatRateSubscription", "Tax", "Credit", "Refund", "EdpDiscount",
    "BundledDiscount", "SomethingNew",
]
PRODUCTS = [
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "BoxUsage:p5.48xlarge", "p5.48xlarge"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "USE1-SpotUsage:g5.xlarge", "g5.xlarge"),
    ("AmazonS3", "Amazon Simple Storage Service", "TimedStorage-ByteHrs", None),
    ("AmazonBedrock", None, "USE1-Claude4.6Opus-input-tokens", None),
    ("ComputeSavingsPlans", "Savings Plans for AWS Compute usage", "ComputeSP:1yrNoUpfront", None),
    ("1a2b3c", "A seller's product", "Seller:Units", None),
]
STAMPS = {"bill_billing_period_start_date", "bill_billing_period_end_date", "line_item_usage_start_date",
          "line_item_usage_end_date"}
MAPS = {"product", "resource_tags", "discount", "cost_category"}
TEXTS = {"pricing_public_on_demand_rate", "reservation_total_reserved_units", "reservation_total_reserved_normalized_units"}


def cur2():
    chance = random.Random(20261001)

    def money():
        return chance.choice([round(chance.uniform(0, 50), 10), round(chance.uniform(0, 1e-5), 15), 0.0, 4.125e-8, 1234.5])

    rows = []
    for _ in range(1500):
        line = chance.choice(LINES)
        code, name, usage, instance = chance.choice(PRODUCTS)
        start = OCTOBER + dt.timedelta(hours=chance.randrange(744))
        cost = -money() if line in ("SavingsPlanNegation", "Credit", "Refund", "EdpDiscount", "BundledDiscount") else money()
        row = {
            "bill_payer_account_id": "100000000001", "bill_payer_account_name": "Payer", "bill_bill_type": "Anniversary",
            "bill_invoice_id": chance.choice([None, "", "I-1"]), "bill_billing_entity": "AWS",
            "bill_invoicing_entity": chance.choice([None, "Amazon Web Services, Inc."]),
            "bill_billing_period_start_date": OCTOBER, "bill_billing_period_end_date": NOVEMBER,
            "line_item_usage_account_id": chance.choice(["1", "2", ""]), "line_item_usage_account_name": "one",
            "line_item_line_item_type": line, "line_item_usage_start_date": start,
            "line_item_usage_end_date": start + dt.timedelta(seconds=chance.choice([3600, 3599])),
            "line_item_product_code": code, "line_item_usage_type": usage,
            "line_item_operation": chance.choice(["RunInstances", "RunInstances", None, "EKSPod-EC2"]),
            "line_item_availability_zone": chance.choice([None, "us-east-1a"]),
            "line_item_resource_id": chance.choice([None, "i-0abc", "vol-1"]),
            "line_item_usage_amount": chance.choice([None, 1.0, 24.5, 3e-7]),
            "line_item_normalized_usage_amount": chance.choice([None, 8.0]), "line_item_currency_code": "USD",
            "line_item_unblended_cost": cost, "line_item_net_unblended_cost": chance.choice([None, None, cost / 2]),
            "line_item_line_item_description": chance.choice(["$1 per hour", "Sign up charge for subscription: 1"]),
            "line_item_tax_type": chance.choice([None, None, "VAT"]), "line_item_legal_entity": chance.choice([None, "Seller"]),
            "product": [(key, value) for key, value in [("product_name", name), ("region", "us-east-1")] if value],
            "product_instance_type": instance, "product_region_code": chance.choice([None, "us-east-1", "global"]),
            "product_sku": chance.choice([None, "", "SKU1"]), "product_product_family": "Compute Instance",
            "pricing_rate_code": chance.choice([None, "SKU2.TERM.RATE"]), "pricing_rate_id": "42", "pricing_currency": "USD",
            "pricing_public_on_demand_cost": chance.choice([None, 0.0, money(), money()]),
            "pricing_public_on_demand_rate": chance.choice([None, "0.0000125000", "55.0400000000"]),
            "pricing_unit": chance.choice([None, "Hrs", "GB-Mo", "1K tokens"]),
            "reservation_reservation_a_r_n": chance.choice([None, RESERVATION, CAPACITY]),
            "reservation_subscription_id": chance.choice([None, "77"]),
            "reservation_effective_cost": chance.choice([None, money(), money()]),
            "reservation_net_effective_cost": chance.choice([None, None, money()]),
            "reservation_total_reserved_units": chance.choice([None, "744"]),
            "reservation_total_reserved_normalized_units": chance.choice([None, "5952.0"]),
            "reservation_unused_quantity": chance.choice([None, 3.0]),
            "reservation_unused_normalized_unit_quantity": chance.choice([None, 24.0]),
            "reservation_unused_amortized_upfront_fee_for_billing_period": chance.choice([None, 0.0, 0.0, money()]),
            "reservation_unused_recurring_fee": chance.choice([0.0, 0.0, money()]),
            "savings_plan_savings_plan_a_r_n": PLAN if line.startswith("SavingsPlan") else None,
            "savings_plan_savings_plan_effective_cost": chance.choice([None, money(), money()]),
            "savings_plan_total_commitment_to_date": chance.choice([None, 4.0, 4.0]),
            "savings_plan_used_commitment": chance.choice([4.0, 3.25, 1.000000000000001]),
            "discount": [("total_discount", repr(-money()))] if chance.random() < 0.2 else [],
            "resource_tags": chance.choice([[], [("user_team", "search")], [("user_team", "ads"), ("aws_created_by", "me")]]),
            "cost_category": [],
        }
        rows.append(row)

    def kind(name):
        if name in STAMPS:
            return MOMENT
        if name in MAPS:
            return MAP
        ends = ("_cost", "_amount", "_quantity", "_fee", "_date", "_commitment", "_for_billing_period")
        return pa.float64() if name.endswith(ends) and name not in TEXTS else pa.string()

    names = list(rows[0])
    return pa.table({name: pa.array([row[name] for row in rows], kind(name)) for name in names})


def gcp():
    chance = random.Random(20261002)
    text, number = pa.string(), pa.float64()
    pairs = pa.list_(pa.struct([("key", text), ("value", text)]))
    credit = pa.list_(pa.struct([("id", text), ("full_name", text), ("type", text), ("name", text), ("amount", number)]))
    kinds = ["PROMOTION", "SUSTAINED_USAGE_DISCOUNT", "COMMITTED_USAGE_DISCOUNT", "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"]
    rows = []
    for _ in range(800):
        start = OCTOBER + dt.timedelta(hours=chance.randrange(744))
        cost = chance.choice([round(chance.uniform(0, 20), 6), 2.3e-7, 0.0, 1e-10, round(chance.uniform(0, 1), 15)])
        given = [{"id": "c", "full_name": "Credit", "type": chance.choice(kinds), "name": "n",
                  "amount": -round(cost * chance.random(), 12)} for _ in range(chance.choice([0, 0, 1, 1, 2, 3]))]
        service = chance.choice(["Compute Engine", "BigQuery", "Vertex AI", "Gemini API", "Something new"])
        rows.append({
            "billing_account_id": "01A-B", "service": {"id": "s", "description": service},
            "sku": {"id": "k", "description": chance.choice(["N2 Core", "Spot Preemptible A100", "Commitment v1: Cpu"])},
            "usage_start_time": start, "usage_end_time": start + dt.timedelta(hours=1),
            "project": {"id": chance.choice(["p1", "p2"]), "name": "Project"},
            "labels": chance.choice([[], None, [{"key": "team", "value": "search"}]]),
            "system_labels": chance.choice([[], [{"key": "compute.googleapis.com/machine_spec", "value": "a3-highgpu-8g"}]]),
            "location": {"location": "us-central1", "region": chance.choice([None, "us-central1"]), "zone": None},
            "cost": cost, "currency": "USD", "usage": {"amount": 3600.0, "unit": "seconds",
                                                       "amount_in_pricing_units": 1.0, "pricing_unit": "hour"},
            "credits": chance.choice([given, given, given, None]), "invoice": {"month": chance.choice(["202610", "202611"])},
            "cost_type": chance.choice(["regular", "regular", "regular", "tax", "adjustment", "rounding_error"]),
            "adjustment_info": {"id": chance.choice([None, None, "a1"])}, "cost_at_list": chance.choice([None, cost * 2]),
            "resource": {"name": "vm-1", "global_name": chance.choice([None, "//compute.googleapis.com/projects/p/instances/1"])},
            "price": {"effective_price": 0.0125}, "subscription": {"instance_id": chance.choice([None, None, "sub-1"])},
            "seller_name": chance.choice([None, "Seller"]),
        })
    of = lambda *names: pa.struct([(name, text) for name in names])
    schema = pa.schema([
        ("billing_account_id", text), ("service", of("id", "description")), ("sku", of("id", "description")),
        ("usage_start_time", MOMENT), ("usage_end_time", MOMENT), ("project", of("id", "name")), ("labels", pairs),
        ("system_labels", pairs), ("location", of("location", "region", "zone")), ("cost", number), ("currency", text),
        ("usage", pa.struct([("amount", number), ("unit", text), ("amount_in_pricing_units", number), ("pricing_unit", text)])),
        ("credits", credit), ("invoice", of("month")), ("cost_type", text), ("adjustment_info", of("id")),
        ("cost_at_list", number), ("resource", of("name", "global_name")), ("price", pa.struct([("effective_price", number)])),
        ("subscription", of("instance_id")), ("seller_name", text),
    ])
    return pa.Table.from_pylist(rows, schema)


def athena(path):
    """Columns as Athena calls them, every cell a text."""
    def name(column):
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[/:]", "_", column).replace("__", "_").lower()

    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    columns = {}
    for place, column in enumerate(rows[0]):
        columns.setdefault(name(column), pa.array([row[place] for row in rows[1:]], pa.string()))
    return pa.table(columns)


def main():
    folder = Path(sys.argv[1])
    pq.write_table(cur2(), folder / "cur2.parquet")
    pq.write_table(gcp(), folder / "gcp.parquet")
    if len(sys.argv) > 2:
        pq.write_table(athena(sys.argv[2]), folder / "cur.parquet")


main()
