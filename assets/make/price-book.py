#!/usr/bin/env python3
"""Make the price book that ships with the application from public price tables.

    python3 assets/make/price-book.py PRICES_FOLDER OUTPUT_FOLDER

PRICES_FOLDER holds aws-karpenter/, azure-karpenter/ and gcp-cyclenerd/ (the CSV files named in INPUTS).
OUTPUT_FOLDER receives price-book.csv.gz and price-book.json. Python 3.9 or newer, standard library only;
the same inputs give the same table, byte for byte before compression.

Rules, so that no price is invented:
- A price that is missing, zero or not in US dollars is left out, and counted in price-book.json.
- Prices stay decimals: nothing passes through a binary float. More than ten decimal places are rounded.
- What a source does not state (memory of Azure machines, for one) stays an empty cell.
"""

import csv
import gzip
import hashlib
import io
import json
import re
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

INPUTS = {
    "AWS": {
        "source": "karpenter-provider-aws",
        "repository": "https://github.com/aws/karpenter-provider-aws",
        "revision": "1d92708",
        "licence": "Apache-2.0",
        "date": "2026-07-20",
        "prices": "on-demand, Linux",
        "files": ["aws-karpenter/aws_ondemand_linux_prices.csv", "aws-karpenter/aws_instance_specs.csv"],
    },
    "Azure": {
        "source": "karpenter-provider-azure",
        "repository": "https://github.com/Azure/karpenter-provider-azure",
        "revision": "352646f",
        "licence": "Apache-2.0",
        "date": "2026-06-18",
        "prices": "on-demand, Linux",
        "files": ["azure-karpenter/azure_ondemand_linux_prices.csv"],
    },
    "GCP": {
        "source": "google-cloud-pricing-cost-calculator",
        "repository": "https://github.com/Cyclenerd/google-cloud-pricing-cost-calculator",
        "revision": "fd66b26",
        "licence": "Apache-2.0",
        "date": "2026-07-30",
        "prices": "on-demand without sustained-use discount, spot, one-year and three-year commitments",
        "files": ["gcp-cyclenerd/gcp_instance_prices.csv"],
    },
}

COLUMNS = [
    "provider", "instance", "vcpu", "memory_gib", "accelerator", "accelerator_count",
    "region", "on_demand", "spot", "committed_1y", "committed_3y",
]
# The source's commitment prices are dollars a month of this many hours: its own month ÷ hour is 730 wherever
# no sustained-use discount applies.
HOURS_PER_MONTH = Decimal(730)

AWS_ACCELERATORS = {
    "t4": "NVIDIA T4", "t4g": "NVIDIA T4G", "l4": "NVIDIA L4", "l40s": "NVIDIA L40S", "a10g": "NVIDIA A10G",
    "v100": "NVIDIA V100", "a100": "NVIDIA A100", "h100": "NVIDIA H100", "h200": "NVIDIA H200",
    "b200": "NVIDIA B200", "b300": "NVIDIA B300", "rtx-pro-4500": "NVIDIA RTX PRO 4500",
    "rtx-pro-server-6000": "NVIDIA RTX PRO 6000", "radeon-pro-v520": "AMD Radeon Pro V520",
    "inferentia": "AWS Inferentia", "inferentia2": "AWS Inferentia2", "trainium": "AWS Trainium",
    "trainium2": "AWS Trainium2", "qualcomm-ai100": "Qualcomm AI 100",
}
GCP_ACCELERATORS = {
    "l4": "NVIDIA L4", "a100": "NVIDIA A100 40GB", "a100-80gb": "NVIDIA A100 80GB",
    "h100-80gb": "NVIDIA H100 80GB", "h100-80gb-mega": "NVIDIA H100 80GB Mega", "rtx6000": "NVIDIA RTX PRO 6000",
}
# The accelerator part of an Azure size name, as Azure's naming convention has it.
AZURE_ACCELERATORS = {
    "T4": "NVIDIA T4", "A10": "NVIDIA A10", "A100": "NVIDIA A100", "H100": "NVIDIA H100", "H200": "NVIDIA H200",
    "GB200": "NVIDIA GB200", "RTXPRO6000BSE": "NVIDIA RTX PRO 6000", "MI300X": "AMD Instinct MI300X",
    "V620": "AMD Radeon PRO V620", "V710": "AMD Radeon PRO V710", "MA35D": "AMD Alveo MA35D",
}
# Families and versions whose number is a rank, not a count of virtual CPUs (they predate the convention).
AZURE_RANKED = re.compile(r"^(Basic_A\d+|Standard_(A\d+|DS?\d+(-\d+)?i?(_v2)?(_Promo)?|GS?\d+(-\d+)?))$")
AZURE_NAME = re.compile(
    r"^Standard_(?P<family>[A-Z]+)(?P<vcpu>\d+)(?:-(?P<active>\d+))?(?P<features>[a-z]*)"
    r"(?:-(?P<active_late>\d+))?(?P<rest>(?:_\w+)*)$"
)


def decimal_text(value):
    """A decimal as short text: at most ten places, no exponent, no trailing zeros."""
    text = format(value.quantize(Decimal("1e-10"), rounding=ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def price(text, left_out, why):
    """The price in `text`, or None when there is none: an empty or zero cell is not a price of nothing."""
    if not text.strip():
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        sys.exit(f"price-book: `{text}` is not a price ({why})")
    if value <= 0:
        left_out[why] += 1
        return None
    return value


def rows(folder, name):
    path = folder / name
    if not path.is_file():
        sys.exit(f"price-book: the input {name} is missing; looked in {folder}")
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def accelerator_name(names, word, where):
    if word not in names:
        sys.exit(f"price-book: {where} has the accelerator `{word}`, which this script has no name for")
    return names[word]


def aws(folder, left_out):
    prices, specs = INPUTS["AWS"]["files"]
    specs = {row["InstanceType"]: row for row in rows(folder, specs)}
    # A shared GPU is stated as 0 GPUs with a part of the memory that the whole one has.
    whole = {}
    for row in specs.values():
        if row["instance-gpu-name"] and int(row["instance-gpu-count"]) > 0:
            memory = int(row["instance-gpu-memory"])
            whole[row["instance-gpu-name"]] = max(memory, whole.get(row["instance-gpu-name"], 0))
    for row in rows(folder, prices):
        if row["Region"].startswith("cn-"):
            # The source keeps what the pricing service answers, and in China that is yuan.
            left_out["AWS: price in CNY"] += 1
            continue
        on_demand = price(row["PriceUsdPerHour"], left_out, "AWS: on-demand price of zero")
        if on_demand is None:
            continue
        instance, vcpu, memory, accelerator, count = row["InstanceType"], "", "", "", ""
        if spec := specs.get(instance):
            vcpu = spec["instance-cpu"]
            memory = decimal_text(Decimal(spec["instance-memory"]) / 1024)
            if word := spec["instance-gpu-name"]:
                accelerator = accelerator_name(AWS_ACCELERATORS, word, instance)
                count = Decimal(spec["instance-gpu-count"])
                if count == 0:
                    share = Decimal(spec["instance-gpu-memory"]) / whole[word]
                    count = Decimal(round(share * 8)) / 8
                count = decimal_text(count)
            elif word := spec["instance-accelerator-name"]:
                accelerator = accelerator_name(AWS_ACCELERATORS, word, instance)
                count = spec["instance-accelerator-count"]
        yield (("AWS", instance, vcpu, memory, accelerator, count), row["Region"], (on_demand, None, None, None))


def azure_machine(name):
    """(vCPU, accelerator) that a size name states; empty where it states nothing."""
    if AZURE_RANKED.match(name):
        return "", ""
    match = AZURE_NAME.match(name)
    if not match or match["family"] == "SQLG":
        return "", ""
    vcpu = match["active"] or match["active_late"] or match["vcpu"]
    accelerator = ""
    if match["family"].startswith("N"):
        known = [AZURE_ACCELERATORS[part] for part in match["rest"].split("_") if part in AZURE_ACCELERATORS]
        accelerator = known[0] if known else ("FPGA" if match["family"] == "NP" else "GPU")
    return vcpu, accelerator


def azure(folder, left_out):
    (prices,) = INPUTS["Azure"]["files"]
    for row in rows(folder, prices):
        name = row["Sku"].strip()
        if not name.startswith(("Standard_", "Basic_")):
            left_out["Azure: a dedicated host or a placeholder, not a machine"] += 1
            continue
        on_demand = price(row["PriceUsdPerHour"], left_out, "Azure: on-demand price of zero")
        if on_demand is None:
            continue
        vcpu, accelerator = azure_machine(name)
        yield (("Azure", name, vcpu, "", accelerator, ""), row["Region"], (on_demand, None, None, None))


def gcp(folder, left_out):
    (prices,) = INPUTS["GCP"]["files"]
    for row in rows(folder, prices):
        on_demand = price(row["Hour"], left_out, "GCP: on-demand price of zero")
        spot = price(row["HourSpot"], left_out, "GCP: spot price of zero")
        month = price(row["Month"], left_out, "GCP: month price of zero")
        committed = []
        for column in ("Month1y", "Month3y"):
            value = price(row[column], left_out, "GCP: commitment price of zero")
            if value is not None and (month is None or value >= month):
                # Shared-core machines repeat the ordinary month's price: no commitment is sold for them.
                left_out["GCP: a commitment price that is the ordinary month's"] += 1
                value = None
            committed.append(value / HOURS_PER_MONTH if value is not None else None)
        if on_demand is None and spot is None and not any(committed):
            left_out["GCP: no price at all"] += 1
            continue
        accelerator = count = ""
        if row["GpuName"]:
            accelerator = accelerator_name(GCP_ACCELERATORS, row["GpuName"], row["InstanceType"])
            count = decimal_text(Decimal(row["GpuCount"]))
        machine = (
            "GCP", row["InstanceType"], decimal_text(Decimal(row["Cpu"])), decimal_text(Decimal(row["RamGb"])),
            accelerator, count,
        )
        yield machine, row["Region"], (on_demand, spot, *committed)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: price-book.py PRICES_FOLDER OUTPUT_FOLDER")
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    left_out = Counter()
    table = sorted([*aws(folder, left_out), *azure(folder, left_out), *gcp(folder, left_out)], key=lambda row: row[:2])
    keys = [(machine[0], machine[1], region) for machine, region, _ in table]
    if twice := [key for key, count in Counter(keys).items() if count > 1]:
        sys.exit(f"price-book: {twice[0]} has more than one price")

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    previous = None
    for machine, region, prices in table:
        # The cells of a machine are written once: an empty provider means "the machine of the row above".
        cells = ("",) * len(machine) if machine == previous else machine
        previous = machine
        writer.writerow([*cells, region, *("" if p is None else decimal_text(p) for p in prices)])
    plain = text.getvalue().encode()
    about = {
        "currency": "USD",
        "unit": "hour",
        "rows": len(table),
        "machines": len({machine for machine, _, _ in table}),
        "sha256": hashlib.sha256(plain).hexdigest(),
        "left_out": dict(sorted(left_out.items())),
        "sources": [
            {"provider": provider, "rows": sum(machine[0] == provider for machine, _, _ in table),
             **{key: value for key, value in source.items() if key != "files"}}
            for provider, source in INPUTS.items()
        ],
    }
    output.mkdir(parents=True, exist_ok=True)
    (output / "price-book.csv.gz").write_bytes(gzip.compress(plain, 9, mtime=0))
    (output / "price-book.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
