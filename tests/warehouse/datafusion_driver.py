"""Plays the part of the process that holds a driver, over DataFusion itself: what is asked is run by the engine as it is, so
that the SQL of its dialect is tried on it. Tables are the Parquet files of a folder, maps in them as JSON text.

usage: python3 datafusion_driver.py FOLDER (requests on standard input, replies on standard output)
"""

import datetime as dt
import json
import sys
from pathlib import Path

import datafusion
import pyarrow as pa
import pyarrow.parquet as pq


def held(field):
    kind = field.type
    if pa.types.is_decimal(kind):
        return "decimal"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_timestamp(kind):
        return {"moment": {"zoned": kind.tz is not None}}
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_map(kind):
        return "map"
    if pa.types.is_boolean(kind):
        return "truth"
    return "text"


def cell(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        value = value if value.tzinfo else value.replace(tzinfo=dt.timezone.utc)
        text = value.astimezone(dt.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return text.replace(".000000Z", "Z")
    if isinstance(value, dt.date):
        return value.isoformat() + "T00:00:00Z"
    if isinstance(value, (int, float)):
        return repr(value)
    return format(value, "f")


def say(reply):
    print(json.dumps(reply), flush=True)


def main():
    context = datafusion.SessionContext()
    for path in Path(sys.argv[1]).glob("*.parquet"):
        table = pq.read_table(path)
        for place, field in enumerate(table.schema):
            # The engine has no function that makes a text of a map.
            if pa.types.is_map(field.type):
                texts = [None if pairs is None else json.dumps(dict(pairs)) for pairs in table[place].to_pylist()]
                table = table.set_column(place, field.name, pa.array(texts, pa.string()))
        context.register_record_batches(path.stem, [table.to_batches()])
    for line in sys.stdin:
        request = json.loads(line)
        if "connect" in request:
            say("connected")
            continue
        try:
            table = context.sql(request["query"]["sql"]).to_arrow_table()
            if len(table) > request["query"]["most_rows"]:
                say("too_many")
                continue
            # Python knows no nanoseconds.
            fields = [pa.field(f.name, pa.timestamp("us", f.type.tz)) if pa.types.is_timestamp(f.type) else f
                      for f in table.schema]
            say({"columns": [{"name": field.name, "held": held(field)} for field in table.schema]})
            columns = table.cast(pa.schema(fields)).to_pydict().values() if len(table) else []
            say({"rows": [[cell(value) for value in row] for row in zip(*columns)]})
            say({"done": {"rows": len(table)}})
        except Exception as error:
            say({"failed": {"loading": False, "message": str(error)}})


main()
