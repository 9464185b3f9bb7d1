"""Writes `sample-data/numbers.json`: what each sample file holds, worked out from the files alone.

It imports nothing from the scripts that made them, so a test that compares the app with these numbers compares
it with a second reading of the same files: ONNX Runtime for accuracy, Python's decimals for money.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
from collections import defaultdict
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
# Sums of Decimal(38,10) values must not be rounded on the way.
getcontext().prec = 60


def plain(value: Decimal) -> str:
    """Plain notation without trailing zeros."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def parameters(model: onnx.ModelProto) -> int:
    """Trained numbers: elements of the weights and biases of Conv and Gemm, dequantised ones included.

    Scales and zero points of quantisation are not counted.
    """
    sizes = {weight.name: int(np.prod(weight.dims)) for weight in model.graph.initializer}
    behind = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    trained = {
        behind.get(name, name)
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm")
        for name in node.input[1:]
    }
    return sum(sizes[name] for name in trained)


def of_model(path: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Size and accuracy on the held-out images, one image after another so that no batch can hide an error."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = [int(session.run(["logits"], {"images": image[None]})[0].argmax()) for image in images]
    correct = int((np.array(answers) == labels).sum())
    return {
        "parameters": parameters(onnx.load(path)),
        "held_out_images": len(labels),
        "correct": correct,
        "accuracy": correct / len(labels),
    }


def of_bill(path: Path) -> dict[str, Any]:
    """Rows and exact sums of the four costs, in all and by service and by kind of charge."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def sums(members: list[dict[str, str]]) -> dict[str, Any]:
        costs = {cost: plain(sum((Decimal(row[cost]) for row in members), Decimal(0))) for cost in COSTS}
        return {"rows": len(members), **costs}

    def by(column: str) -> dict[str, Any]:
        groups: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in rows:
            groups[row[column]].append(row)
        return {key: sums(members) for key, members in sorted(groups.items())}

    unused = [row for row in rows if row["CommitmentDiscountStatus"] == "Unused"]
    (currency,) = {row["BillingCurrency"] for row in rows}
    return {
        "columns": len(rows[0]),
        "currency": currency,
        **sums(rows),
        "by_service_name": by("ServiceName"),
        "by_charge_category": by("ChargeCategory"),
        "by_billing_period_start": by("BillingPeriodStart"),
        "unused_commitment": {
            "hours": plain(sum((Decimal(row["CommitmentDiscountQuantity"]) for row in unused), Decimal(0))),
            **sums(unused),
        },
    }


def of_demand(path: Path) -> dict[str, Any]:
    """Length, total and rates of the trace."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stamps = np.array([row["timestamp"].removesuffix("Z") for row in rows], dtype="datetime64[s]")
    (interval,) = {int(step) for step in np.diff(stamps).astype(int)}
    requests = [int(row["requests"]) for row in rows]
    return {
        "start": rows[0]["timestamp"],
        "intervals": len(rows),
        "interval_seconds": interval,
        "total_requests": sum(requests),
        "mean_requests_per_second": sum(requests) / (len(rows) * interval),
        "peak_requests_per_second": max(requests) / interval,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent)
    out: Path = parser.parse_args().out
    held_out = np.load(out / "digits-test.npz")
    models = sorted((out / "models").glob("*.onnx"))
    bill, demand = out / "bill-focus-1.2.csv.gz", out / "demand-week.csv"
    files = [*models, out / "digits-test.npz", bill, demand]
    numbers = {
        "files": {
            str(path.relative_to(out).as_posix()): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in files
        },
        "models": {path.name: of_model(path, held_out["images"], held_out["labels"]) for path in models},
        "bill": of_bill(bill),
        "demand": of_demand(demand),
        "made_with": {"onnxruntime": onnxruntime.__version__},
    }
    (out / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
