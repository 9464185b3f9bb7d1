"""Makes bills with other programs, adds them up, and compares what inferometer says of them.

    check.py INFEROMETER [--keep FOLDER]

Each bill is asked as it came, with its columns and rows in other orders, and split into files that are one bill as a
folder. The totals are Python's decimal's, by the formulas of the providers, written here a second time. Called by `run`,
which makes the environment.
"""

import argparse
import ast
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from decimal import Decimal, getcontext
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
FROM, UNTIL = "2026-10-01", "2026-11-05"
ORDERS = 3
ROWS = 1_500
getcontext().prec = 60


def number(text):
    """An amount; an empty cell is none, and adds nothing."""
    return Decimal(text) if text and text != "NULL" else Decimal(0)


def aws(row):
    """CUR: as billed, and amortised by the formula of the CUDOS summary view."""
    cell = lambda name: row.get(name) or ""
    kind, unblended = cell("lineItem/LineItemType"), number(cell("lineItem/UnblendedCost"))
    effective = {
        "SavingsPlanCoveredUsage": lambda: number(cell("savingsPlan/SavingsPlanEffectiveCost")),
        "SavingsPlanRecurringFee": lambda: number(cell("savingsPlan/TotalCommitmentToDate"))
        - number(cell("savingsPlan/UsedCommitment")),
        "SavingsPlanNegation": Decimal,
        "SavingsPlanUpfrontFee": Decimal,
        "DiscountedUsage": lambda: number(cell("reservation/EffectiveCost")),
        "RIFee": lambda: number(cell("reservation/UnusedAmortizedUpfrontFeeForBillingPeriod"))
        + number(cell("reservation/UnusedRecurringFee")),
    }
    return {"BilledCost": unblended, "EffectiveCost": effective.get(kind, lambda: unblended)()}


def azure(row):
    """Cost details without reservations: both are what it cost."""
    cost = number(row["CostInBillingCurrency"])
    return {"BilledCost": cost, "EffectiveCost": cost}


def gcp(row):
    """Cost with all its credits; a promotion pays for what was used and is no part of what it cost."""
    cost, credits = number(row["cost"]), ast.literal_eval(row["credits"] or "[]")
    amounts = [(credit["type"], Decimal(str(credit["amount"]))) for credit in credits]
    billed = cost + sum(amount for _, amount in amounts)
    return {"BilledCost": billed, "EffectiveCost": billed - sum(a for kind, a in amounts if kind == "PROMOTION")}


def focus(row):
    return {cost: number(row[cost]) for cost in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")}


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {done.stdout}{done.stderr}")


def bills(folder):
    """Name, files and formula of every bill."""
    for provider, formula in (("aws", aws), ("azure", azure), ("gcp", gcp)):
        inside = folder / f"nise-{provider}"
        inside.mkdir()
        more = ["-r"] if provider == "gcp" else []
        template = ["--static-report-file", HERE / f"{provider}.yml"]
        run([BIN / "nise", "report", provider, "-s", FROM, "-e", UNTIL, "-w", *more, *template], inside)
        yield inside.name, sorted(inside.glob("*.csv")), formula
    for provider, version in (("aws", "1.2"), ("azure", "1.2"), ("gcp", "1.2"), ("aws", "1.3"), ("gcp", "1.3")):
        inside = folder / f"focus-{provider}-{version}"
        what = ["--provider", provider, "--focus-version", version, "--rows", str(ROWS), "--seed", "7"]
        run([BIN / "focus-toolkit", "generate", *what, "--out", inside], folder)
        yield inside.name, sorted(inside.glob("*cost_and_usage*.csv")), focus


def table(files):
    """The rows of all files, and their columns."""
    rows, columns = [], []
    for file in files:
        with open(file, newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            columns += [name for name in reader.fieldnames if name not in columns]
            rows += list(reader)
    return rows, columns


def write(path, rows, columns):
    with open(path, "w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def totals(program, path, home):
    """What inferometer says: rows, totals by their column, currency."""
    command = [program, "bill", "--json", path]
    done = subprocess.run(command, env={**os.environ, "INFEROMETER_HOME": str(home)}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cannot read {path}: {done.stderr}")
    said = json.loads(done.stdout)
    if said["delivered_several_times"]:
        sys.exit(f"parts of one bill are taken for deliveries of the same charges: {said['delivered_several_times']}")
    return said["rows"], said["total"]


def compare(what, said, rows, wanted):
    found, total = said
    off = [f"{found} rows, not {rows}"] if found != rows else []
    for cost, amount in wanted.items():
        # The store keeps eighteen places.
        if total[cost] is None or abs(Decimal(total[cost]) - amount) > Decimal(rows) * Decimal("1e-18"):
            off.append(f"{cost} {total[cost]}, not {amount}")
    if off:
        sys.exit(f"{what}: {'; '.join(off)}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program", type=Path)
    arguments.add_argument("--keep", type=Path, help="leave the bills in this folder")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        home = Path(temporary) / "home"
        for name, files, formula in bills(folder):
            rows, columns = table(files)
            if not rows:
                sys.exit(f"{name}: the program made no rows")
            wanted = {}
            for row in rows:
                for cost, amount in formula(row).items():
                    wanted[cost] = wanted.get(cost, Decimal(0)) + amount
            if not any(wanted.values()):
                sys.exit(f"{name}: its rows cost nothing, which tests nothing")
            compare(name, totals(options.program, folder / name, home), len(rows), wanted)
            for seed in range(ORDERS):
                chance = random.Random(seed)
                mixed = chance.sample(rows, len(rows))
                inside = folder / f"{name}-{seed}"
                inside.mkdir()
                cuts = sorted(chance.sample(range(1, len(mixed)), 2))
                for place, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(mixed)])):
                    write(inside / f"{place}.csv", mixed[start:end], chance.sample(columns, len(columns)))
                compare(f"{name}, split and in order {seed}", totals(options.program, inside, home), len(rows), wanted)
                whole = folder / f"{name}-{seed}.csv"
                write(whole, mixed, chance.sample(columns, len(columns)))
                compare(f"{name} in order {seed}", totals(options.program, whole, home), len(rows), wanted)
            said = ", ".join(f"{cost} {amount.normalize():f}" for cost, amount in wanted.items())
            print(f"{name}: {len(rows)} rows in {len(files)} files, {said}")


if __name__ == "__main__":
    main()
