"""Writes every bill as FOCUS 1.2 Parquet and holds the files against the official rules and use-case queries.

    check.py INFEROMETER --wheels DIR [--only TEXT] [--explain]

What may fail stands in allowed.toml, each with its reason; what fails beside it, and what stands there without failing,
ends with 1. Called by `run`, which makes the environment.
"""

import argparse
import contextlib
import fnmatch
import json
import logging
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import duckdb

import queries

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
RULES = "1.2.0.1"


def bills():
    """Name and file of every bill. Files that stand beside another (price tables) are no bills of their own."""
    found = {"own/sample": PROJECT / "sample-data/bill-focus-1.2.csv.gz"}
    for folder, under in ((PROJECT / "tests/it/fixtures/bills", "fixtures"), (HERE / "bills", "own")):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".csv", ".jsonl", ".json") and path.name != "list_prices.csv":
                found[f"{under}/{path.relative_to(folder)}"] = path
    samples = os.environ.get("INFEROMETER_SAMPLES")
    if samples:
        folder = Path(samples) / "bills"
        if not folder.is_dir():
            sys.exit(f"INFEROMETER_SAMPLES names no folder with `bills` in it: {samples}")
        for path in sorted(folder.rglob("*")):
            # Kubernetes allocations are no bill: their money stands on the cloud's.
            if path.is_file() and "opencost" not in path.parts:
                found[f"samples/{path.relative_to(folder)}"] = path
    return found, bool(samples)


def export(program, path, out, home):
    """Writes a bill as FOCUS; its own account of it."""
    command = [program, "bill", "--json", "--focus", out, path]
    done = subprocess.run(command, env={**os.environ, "INFEROMETER_HOME": home}, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"cannot write {path} as FOCUS: {done.stderr}")
    return json.loads(done.stdout)


def validate(job):
    """The rules that fail in a file: rule id → column, function, the validator's words, ids of what it consists of."""
    name, path = job
    logging.disable(logging.CRITICAL)
    # It opens its currency codes by a relative path.
    import focus_validator

    os.chdir(Path(focus_validator.__file__).parent.parent)
    from focus_validator.validator import Validator

    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing):
        validator = Validator(
            data_filename=str(path),
            output_destination=os.devnull,
            output_type="unittest",
            rules_version=RULES,
            # It asks a server for newer rules otherwise.
            rules_block_remote_download=True,
            focus_dataset="CostAndUsage",
            applicability_criteria="ALL",
        )
        validator.load()
        results = validator.spec_rules.validate(validator.focus_data, data_filename=str(path))
    failed = {}
    for rule_id, result in results.by_rule_id.items():
        if result["ok"] or result["details"].get("skipped"):
            continue
        rule = results.rules[rule_id]
        failed[rule_id] = {
            "column": rule.reference,
            "function": str(rule.function).rsplit(".", 1)[-1],
            "says": rule.validation_criteria.must_satisfy,
            "found": str(result["details"].get("message", "")),
            "parts": list(rule.validation_criteria.dependencies or []),
        }
    return name, len(results.by_rule_id), failed


def own_failures(failed):
    """Without rules that only consist of others, one of which fails: they say nothing of their own."""

    def is_consequence(rule):
        return rule["function"] == "Composite" and any(part in failed for part in rule["parts"])

    return {rule_id: rule for rule_id, rule in failed.items() if not is_consequence(rule)}


def column_of(rule_id, rule):
    """The column a rule is about; a rule that a column be there is of the data set."""
    if rule["function"] == "Presence":
        return rule["says"].split(" ", 1)[0]
    return rule["column"]


class Allowed:
    """allowed.toml, and which of its entries were needed."""

    def __init__(self, path):
        with open(path, "rb") as file:
            told = tomllib.load(file)
        self.untold = told.get("untold", [])
        self.allow = told.get("allow", [])
        for entry in self.untold + self.allow:
            if not entry.get("reason", "").strip():
                sys.exit(f"an entry of {path.name} has no reason: {entry}")
        self.used = set()

    @staticmethod
    def covers(entry, bill):
        return [pattern for pattern in entry.get("bills", ["*"]) if fnmatch.fnmatch(bill, pattern)]

    def explains(self, bill, rule_id, rule, table):
        """Whether a failure may be. `table` asks the file itself."""
        column = column_of(rule_id, rule)
        # Of a column of moments without any value the validator thinks that it is not there.
        about_null = any(words in rule["found"] for words in ("NOT be NULL", "(missing column)", "MUST be present"))
        for place, entry in enumerate(self.untold):
            patterns = self.covers(entry, bill)
            if patterns and column in entry["columns"] and about_null:
                if table(f'SELECT count(*) FROM bill WHERE "{column}" IS NULL') > 0:
                    self.used.update(("untold", place, pattern) for pattern in patterns)
                    self.used.add(("untold", place, column))
                    return True
        for place, entry in enumerate(self.allow):
            patterns = self.covers(entry, bill)
            if patterns and rule_id in entry["rules"]:
                if "breaks" in entry and table(f"SELECT count(*) FROM bill WHERE {entry['breaks']}") > 0:
                    continue
                self.used.update(("allow", place, pattern) for pattern in patterns)
                self.used.add(("allow", place, rule_id))
                return True
        return False

    def unused(self, names, has_samples):
        """Entries that nothing needed, as far as the bills that they are about were there."""
        for kind, entries, what in (("untold", self.untold, "columns"), ("allow", self.allow, "rules")):
            for place, entry in enumerate(entries):
                patterns = entry.get("bills", ["*"])
                present = [pattern for pattern in patterns if has_samples or not pattern.startswith("samples/")]
                if not has_samples and len(present) < len(patterns) or not has_samples and patterns == ["*"]:
                    continue
                for part in present + entry[what]:
                    if (kind, place, part) not in self.used:
                        yield f"{part} ({entry['reason']})"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    arguments.add_argument("program")
    arguments.add_argument("--wheels", required=True, type=Path)
    arguments.add_argument("--only", default="", help="bills whose name has this text")
    arguments.add_argument("--explain", action="store_true", help="show what the validator says of every failure")
    asked = arguments.parse_args()
    program = str(Path(asked.program).resolve())
    found, has_samples = bills()
    found = {name: path for name, path in found.items() if asked.only in name}
    allowed = Allowed(HERE / "allowed.toml")
    problems = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for place, (name, path) in enumerate(found.items()):
            files[name] = Path(folder) / f"{place}.parquet"
            told = export(program, path, files[name], folder)
            rows = duckdb.sql(f"SELECT count(*) FROM read_parquet('{files[name]}')").fetchone()[0]
            if rows != told["rows"]:
                problems.append(f"{name}: {told['rows']} rows became {rows} in the file")
        with multiprocessing.get_context("spawn").Pool(min(4, os.cpu_count() or 1)) as pool:
            answers = pool.map(validate, files.items(), chunksize=1)
        for name, checked, failed in answers:
            connection = duckdb.connect()
            connection.sql(f"CREATE VIEW bill AS SELECT * FROM read_parquet('{files[name]}')")
            table = lambda question: connection.sql(question).fetchone()[0]
            own = own_failures(failed)
            left = {rule_id: rule for rule_id, rule in own.items() if not allowed.explains(name, rule_id, rule, table)}
            print(f"{name}: {checked - len(failed)} of {checked} rules hold, {len(own) - len(left)} are explained")
            for rule_id, rule in (own if asked.explain else left).items():
                print(f"    {'' if rule_id in left else '(explained) '}{rule_id}: {rule['says']} {rule['found']}")
            problems.extend(f"{name}: {rule_id} {rule['says']}" for rule_id, rule in left.items())
        if not asked.only:
            for entry in allowed.unused(found, has_samples):
                problems.append(f"allowed.toml explains what does not fail: {entry}")
        print(f"rules checked in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        problems.extend(queries.check(program, asked.wheels, files, folder))
        print(f"queries checked in {time.monotonic() - began:.0f} s")
    for problem in problems:
        print(f"FAILED {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
