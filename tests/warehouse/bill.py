"""Writes two bills in FOCUS as Parquet, with everything that makes two engines disagree, and prints their sums.

usage: python3 bill.py FOLDER

decimals.parquet: DECIMAL(38,18), timestamps with a zone (one of them not UTC), tags as JSON text
doubles.parquet:  DOUBLE and text amounts, timestamps without a zone and dates as text, tags as a MAP

Both have amounts of eighteen places, negative and tiny ones, cells that are empty, NULL or the text `NULL`, names with
quotes and backslashes, tags that are numbers, empty, missing or no JSON, and rows of every inference class.
The sums printed are Python's `decimal`: of doubles and texts, those of their shortest text.
"""

import datetime as dt
import decimal
import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

decimal.getcontext().prec = 60
D = decimal.Decimal
ROWS = 3000
SERVICES = [
    ("Amazon Elastic Compute Cloud", "Compute", "Virtual Machines"),
    ("Amazon Bedrock", "AI and Machine Learning", "Generative AI"),
    ("Amazon SageMaker", "AI and Machine Learning", "Machine Learning"),
    ("O'Brien \\ \"Söhne\" `x`", "Other", ""),
    ("", "Storage", None),
    ("NULL", None, "NULL"),
    (None, "Networking", "Content Delivery"),
    ("  ", "Compute", "Containers"),
]
DESCRIPTIONS = [
    "$1.006 per On Demand Linux g5.xlarge Instance Hour",
    "USE1-Claude-input-tokens",
    "$1.515 per Host:ml.g5.xlarge hour",
    "$0.023 per GB",
    None,
]
TAGS = [
    {"team": "search", "workload": "llm-inference"},
    {"team": "ads", "purpose": "training", "size": "2"},
    {"user:cost-centre": "a.b 'c' \"d\"", "team": "zü\u0301rich"},
    {"team": ""},
    {},
    None,
]


def rows():
    draw = random.Random(7)
    start = dt.datetime(2026, 4, 28, 5, 0, tzinfo=dt.timezone.utc)
    for number in range(ROWS):
        service, category, subcategory = draw.choice(SERVICES)
        digits = draw.choice([2, 6, 10, 12, 18])
        amount = D(draw.randrange(-(10 ** min(digits, 12)), 10 ** min(digits + 3, 18))).scaleb(-digits)
        begin = start + dt.timedelta(minutes=47 * number % 60000)
        yield {
            "amount": None if draw.random() < 0.02 else amount,
            "service": service,
            "category": category,
            "subcategory": subcategory,
            "description": draw.choice(DESCRIPTIONS),
            "charge": draw.choice(["Usage", "Usage", "Usage", "Tax", "Credit"]),
            "begin": begin,
            "end": begin + dt.timedelta(hours=1),
            "region": draw.choice(["us-east-1", "eu-central-1", None]),
            "tags": draw.choice(TAGS),
            "odd": draw.random() < 0.01,
            "resource": f"i-{draw.randrange(700):04}",
            "team": draw.choice(["one", "two", None]),
            # What follows is drawn from the number, not at random.
            "sku": None if number % 13 == 0 else f"sku-{number % 11}",
            "unit": ["Hours", "GB", None][number % 3],
            "priced": None if number % 17 == 0 else D(number % 97 + 1) / 8,
            "consumed": None if number % 5 == 0 else D(number % 89) / 4,
            "consumed_unit": ["1K tokens", "Hours", "Images"][number // 3 % 3],
            "meter": [None, "gpt model requests", "gpt input tokens"][number // 7 % 3],
            "period": begin.replace(day=1, hour=0, minute=0) if number % 4 else None,
            "frequency": ["Usage-Based", "One-Time", "Recurring"][number // 500 % 3],
            "commitment": ["Used", "Unused", None, None][number // 9 % 4],
        }


def common(rows):
    text = lambda key: pa.array([row[key] for row in rows], pa.string())
    return {
        "BillingCurrency": pa.array(["USD"] * len(rows), pa.string()),
        "BillingAccountId": pa.array(["000123456789"] * len(rows), pa.string()),
        "ChargeCategory": text("charge"),
        "ChargeDescription": text("description"),
        "ServiceName": text("service"),
        "ServiceCategory": text("category"),
        "ServiceSubcategory": text("subcategory"),
        "RegionId": text("region"),
        "ResourceId": text("resource"),
        "x_Team": text("team"),
        "SkuId": text("sku"),
        "SkuMeter": text("meter"),
        "PricingUnit": text("unit"),
        "ConsumedUnit": text("consumed_unit"),
        "ChargeFrequency": text("frequency"),
        "CommitmentDiscountStatus": text("commitment"),
        "CommitmentDiscountId": pa.array([row["commitment"] and row["resource"][:4] for row in rows], pa.string()),
    }


def json_tags(row):
    if row["odd"]:
        return "no JSON {"
    tags = row["tags"]
    return None if tags is None else json.dumps(tags, ensure_ascii=len(row["resource"]) % 2 == 0)


def decimals(rows):
    money = pa.decimal128(38, 18)
    exact = lambda factor: [None if row["amount"] is None else row["amount"] * factor for row in rows]
    stamp = lambda key: pa.array([row[key] for row in rows], pa.timestamp("us", "UTC"))
    columns = {name: exact(D(factor)) for name, factor in
               [("BilledCost", 1), ("EffectiveCost", 1), ("ListCost", 2), ("ContractedCost", 1)]}
    table = {name: pa.array([v if v is None else v.quantize(D(1).scaleb(-18)) for v in values], money)
             for name, values in columns.items()}
    table |= common(rows)
    table["ChargePeriodStart"], table["ChargePeriodEnd"] = stamp("begin"), stamp("end")
    table["BillingPeriodStart"] = pa.array([row["period"] for row in rows], pa.timestamp("us", "Europe/Berlin"))
    table["PricingQuantity"] = pa.array([row["priced"] for row in rows], pa.decimal128(20, 6))
    table["ConsumedQuantity"] = pa.array([row["consumed"] for row in rows], pa.decimal128(38, 18))
    table["Tags"] = pa.array([json_tags(row) for row in rows], pa.string())
    return table, columns


def shortest(value):
    return None if value is None else D(repr(value)).quantize(D(1).scaleb(-18), decimal.ROUND_HALF_UP)


# Texts that are amounts, and texts that are none: what is too large for DECIMAL(38,18) is none.
TEXTS = ["1.5e-7", "-2E-9", "+7", "12.5e-3", "+1.5e-7", "-.5e-3", ".5e2", "1.25E+3", "1e5", "1e-0", " 7.5 ", "1.5e-30",
         "-.25", "5.", "0.0000000000000000005", "-0.00000000000000000049", "1.2345678901234567e-5", "007"]
NO_AMOUNTS = ["", "NULL", "n/a", "1e99", "123456789012345678901234", "1e-99999999999", "1,5", "0x1F", "--1", "e5", "Infinity"]
FLOATS = [1e-7, -2.5e-9, 0.1, 123456.789012, 98765432.125, -1.0e-18, 1.2345678901234567e-5, 5e-19, 4.9e-19, 1e16,
          -123456789012345.67]
NO_FLOATS = [float("nan"), float("inf"), 1e22]
# Ends of charge periods that are moments, and texts that are none.
ENDS = ["2026-05-09 10:00:00 UTC", "2026-05-09T12:00:00+02:00", "2026-05-09", " 2026-05-09T10:00:00Z ",
        "2026-05-09T10:00:00.25Z", "2026-05-09T10:00"]
NO_ENDS = ["2026", "2026-05", "12:30", "2026-02-30", "2026-05-09T25:00:00Z", "1778320800", "NULL", "", "tomorrow"]


def doubles(rows):
    floats = [None if row["amount"] is None else float(row["amount"]) for row in rows]
    texts = [None if value is None else format(D(repr(value)), "f") for value in floats]
    odd = FLOATS + NO_FLOATS
    floats[: len(odd)] = odd
    odd = TEXTS + NO_AMOUNTS
    texts[: len(odd)] = odd
    ends = [row["end"].strftime("%Y-%m-%dT%H:%M:%SZ") for row in rows]
    odd = ENDS + NO_ENDS
    ends[: len(odd)] = odd
    naive = lambda key: [row[key] and row[key].replace(tzinfo=None) for row in rows]
    table = {
        "BilledCost": pa.array(floats, pa.float64()),
        "EffectiveCost": pa.array(texts, pa.string()),
        "ListCost": pa.array([number % 7 for number in range(len(rows))], pa.int64()),
    }
    table |= common(rows)
    table["ChargePeriodStart"] = pa.array(naive("begin"), pa.timestamp("ms"))
    table["ChargePeriodEnd"] = pa.array(ends, pa.string())
    table["BillingPeriodStart"] = pa.array([row["period"] and row["period"].date() for row in rows], pa.date32())
    table["PricingQuantity"] = pa.array([row["priced"] and float(row["priced"]) for row in rows], pa.float64())
    table["ConsumedQuantity"] = pa.array([None if row["consumed"] is None else str(row["consumed"]) for row in rows])
    pairs = [None if row["tags"] is None else list(row["tags"].items()) for row in rows]
    table["Tags"] = pa.array(pairs, pa.map_(pa.string(), pa.string()))
    readable = lambda text: text is not None and text not in NO_AMOUNTS
    exact = lambda text: D(text).quantize(D(1).scaleb(-18), decimal.ROUND_HALF_UP)
    columns = {
        "BilledCost": [None if value in NO_FLOATS or value != value else shortest(value) for value in floats],
        "EffectiveCost": [exact(text) if readable(text) else None for text in texts],
        "ListCost": [D(number % 7) for number in range(len(rows))],
    }
    return table, columns


def main():
    folder = Path(sys.argv[1])
    drawn = list(rows())
    for name, (table, columns) in [("decimals", decimals(drawn)), ("doubles", doubles(drawn))]:
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
        for column, values in columns.items():
            known = [value for value in values if value is not None]
            print(name, column, len(known), format(sum(known, D(0)).normalize(), "f"))


main()
