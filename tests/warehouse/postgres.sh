#!/usr/bin/env bash
# Compares the answers of a PostgreSQL server with those of the local engine on the same rows, to the last digit.
#
# usage: tests/warehouse/postgres.sh INFEROMETER
#
# Needs Debian's postgresql (any version from 12; its programs may be named by PG_BIN) and a Python that has
# adbc-driver-postgresql, adbc-driver-manager and pyarrow (PYTHON, default python3). Starts a server of its own in a
# temporary folder, on a socket no other server uses, and removes both at the end.
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}
folder=$(mktemp -d)
port=${PORT:-54329}
# A server refuses to run as root.
as() { if [ "$(id -u)" = 0 ]; then runuser -u "${PG_USER:-postgres}" -- "$@"; else "$@"; fi; }
stop() {
  as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT
chmod 755 "$folder"
mkdir "$folder/server" && { [ "$(id -u)" != 0 ] || chown "${PG_USER:-postgres}" "$folder" "$folder/server"; }
printf 'p@ss word' > "$folder/password" && chmod 644 "$folder/password"
as "$bin/initdb" -D "$folder/data" -U bills -A scram-sha-256 --pwfile "$folder/password" >/dev/null
as "$bin/pg_ctl" -D "$folder/data" -w -o "-p $port -c listen_addresses=127.0.0.1 -k $folder/server" -l "$folder/server/log" start >/dev/null

"$python" "$here/bill.py" "$folder"
export PGPASSWORD_OF_BILLS='p@ss word'
"$python" - "$folder" "$port" <<'PYTHON'
import sys
import adbc_driver_postgresql.dbapi as postgres
import pyarrow as pa, pyarrow.parquet as pq
folder, port = sys.argv[1:]
with postgres.connect(f"postgresql://bills:p%40ss%20word@127.0.0.1:{port}/postgres") as connection:
    for name in ["decimals", "doubles"]:
        table = pq.read_table(f"{folder}/{name}.parquet")
        if name == "doubles":
            # No maps there: tags are jsonb.
            import json
            tags = [None if pairs is None else json.dumps(dict(pairs)) for pairs in table["Tags"].to_pylist()]
            table = table.set_column(table.column_names.index("Tags"), "Tags", pa.array(tags, pa.string()))
        with connection.cursor() as cursor:
            cursor.adbc_ingest(name, table, mode="create")
            if name == "doubles":
                cursor.execute('ALTER TABLE doubles ALTER COLUMN "Tags" TYPE jsonb USING "Tags"::jsonb')
            else:
                for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]:
                    cursor.execute(f'ALTER TABLE decimals ALTER COLUMN "{cost}" TYPE numeric(38,18)')
        connection.commit()
PYTHON
export INFEROMETER_HOME=$folder/home INFEROMETER_PYTHON=$python
mkdir "$folder/home"
for table in decimals doubles; do
  "$python" "$here/compare.py" "$program" "$folder/$table.parquet" \
    --warehouse "postgresql://bills@127.0.0.1:$port/postgres" --password-env PGPASSWORD_OF_BILLS --table "$table"
done
