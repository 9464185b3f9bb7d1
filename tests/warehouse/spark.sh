#!/usr/bin/env bash
# Compares the answers of an Apache Spark cluster with those of the local engine on the same rows, to the last digit.
#
# usage: tests/warehouse/spark.sh INFEROMETER
#
# Starts a standalone cluster from the `pyspark` of PyPI: a master, two workers with an executor each and a Spark Connect
# server, every one a process of its own (six JVMs, about 2 GB of memory), and stops them at the end. Needs Java 17 or newer
# and a Python that has pyspark (4.2), adbc-driver-spark and pyarrow (PYTHON, default python3):
#   python3 -m venv spark && spark/bin/pip install pyspark==4.2.1 adbc-driver-spark==0.3.0 pyarrow
set -euo pipefail
program=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
folder=$(mktemp -d)
port=${PORT:-15002}
master_port=${MASTER_PORT:-7077}
home=$("$python" -c 'import pyspark, pathlib; print(pathlib.Path(pyspark.__file__).parent)')
export SPARK_HOME=$home SPARK_LOCAL_IP=127.0.0.1 SPARK_NO_DAEMONIZE=1 SPARK_LOG_DIR=$folder
processes=()
stop() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in "${processes[@]}"; do wait "$process" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap stop EXIT
start() { local log=$folder/$1.log; shift; "$@" >"$log" 2>&1 & processes+=("$!"); }
# Waits until a log says something; a process that ends meanwhile is told with its last lines.
until_says() {
  for _ in $(seq 240); do
    grep -q "$2" "$folder/$1.log" 2>/dev/null && return 0
    sleep 0.5
  done
  echo "$1 did not say \"$2\":" >&2
  tail -20 "$folder/$1.log" >&2
  exit 1
}

began=$SECONDS
start master "$home/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$master_port" --webui-port 0
until_says master "New state: ALIVE"
for worker in 1 2; do
  start "worker$worker" "$home/bin/spark-class" org.apache.spark.deploy.worker.Worker -c 1 -m 1g --webui-port 0 \
    --work-dir "$folder/work$worker" "spark://127.0.0.1:$master_port"
done
for worker in 1 2; do until_says "worker$worker" "Successfully registered with master"; done
start connect "$home/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer \
  --master "spark://127.0.0.1:$master_port" --conf spark.connect.grpc.binding.port="$port" \
  --conf spark.executor.memory=512m --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 spark-internal
until_says connect "Spark Connect server started"
echo "Apache Spark $("$python" -c 'import pyspark; print(pyspark.__version__)'): master, two workers and Connect server are up after $((SECONDS - began)) s, $(pgrep -c -f "org.apache.spark.*" || true) processes"

"$python" "$here/bill.py" "$folder"
export INFEROMETER_HOME=$folder/home INFEROMETER_PYTHON=$python
mkdir "$folder/home"
for table in decimals doubles; do
  "$python" "$here/compare.py" "$program" "$folder/$table.parquet" \
    --warehouse "sc://127.0.0.1:$port" --table "parquet.\`$folder/$table.parquet\`"
done
