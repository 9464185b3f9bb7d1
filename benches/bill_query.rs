//! Grouping a large bill by three keys with a filter, against `DuckDB` on the same Parquet file, by turns: the goal is at
//! most 1.2 times its time, below 2 GB.
//!
//! The bill is the sample bill, imported and then repeated on other days. Both add up the four costs exactly and count
//! their cells, and what they find is compared to the last digit.
//!
//! ```text
//! python3.11 -m venv venv && venv/bin/pip install duckdb
//! INFEROMETER_PYTHON=$PWD/venv/bin/python ROWS=10000000 cargo bench --profile release --bench bill_query
//! ```
//!
//! `ROWS` (1,000,000), `REPEATS` (7) and `FOLDER` (a temporary one) may be set.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails stops")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use inferometer::bill::{self, Basis, Bill, Filter, Store};
use polars::prelude::*;

/// Rows of a row group, as the import writes them.
const GROUP: usize = 65_536;
/// Answers one line for each line it is given.
const PEER: &str = "
import sys, time, resource, duckdb
path = sys.argv[1]
# It would stand among the answers.
duckdb.sql('SET enable_progress_bar = false')
costs = ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost']
sums = ', '.join(f'sum({c}), count({c})' for c in costs)
keys = 'ServiceName, ResourceName, PricingUnit, BillingCurrency'
query = f\"SELECT {keys}, count(*), {sums} FROM read_parquet('{path}') WHERE ChargeCategory = 'Usage' GROUP BY {keys}\"
for line in sys.stdin:
    begin, cpu = time.perf_counter(), time.process_time()
    rows = duckdb.sql(query).fetchall()
    took, cpu = time.perf_counter() - begin, time.process_time() - cpu
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(took, cpu, kib, len(rows), sum(row[7] for row in rows), duckdb.__version__, flush=True)
";

fn main() {
    let Some(python) = std::env::var_os("INFEROMETER_PYTHON") else {
        println!("set INFEROMETER_PYTHON to a Python that has duckdb");
        return;
    };
    let setting = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rows, repeats) = (setting("ROWS", 1_000_000), setting("REPEATS", 7));
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("FOLDER").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let store = Store::at(folder.join(format!("bills-{rows}")));
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/bill-focus-1.2.csv.gz");
    let imported = bill::import(&sample, &store, &mut |_done| (), &|| false).unwrap();
    if std::env::var_os("AMPLIFY").is_some() {
        amplify(&imported.path, rows);
        return;
    }
    let stored = ParquetReader::new(std::fs::File::open(&imported.path).unwrap()).num_rows().unwrap();
    if stored != rows {
        // In a process of its own, so that its memory is not ours.
        let made = Command::new(std::env::current_exe().unwrap())
            .envs([("AMPLIFY", "1"), ("ROWS", &rows.to_string())])
            .env("FOLDER", &folder)
            .status()
            .unwrap();
        assert!(made.success());
    }
    println!("{rows} rows, {} MB", std::fs::metadata(&imported.path).unwrap().len() >> 20);

    let mut peer = Peer::start(&python, &imported.path);
    let bill = Bill::open(&[&imported.hash], &store).unwrap();
    let filters = [Filter::is("ChargeCategory", ["Usage"])];
    let keys = ["ServiceName", "ResourceName", "PricingUnit"];
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_cpu, mut their_cpu) = (Vec::new(), Vec::new());
    for turn in 0..=repeats {
        let (begin, cpu) = (Instant::now(), own_cpu_secs());
        let groups = bill.group_by(&keys, &filters, Basis::EffectiveCost).unwrap();
        let (took, cpu) = (begin.elapsed().as_secs_f64(), own_cpu_secs() - cpu);
        let other = peer.ask();
        let total: inferometer::units::Money =
            groups.iter().filter_map(|group| group.costs.effective_cost).sum();
        assert_eq!(groups.len(), other.groups, "as many groups");
        assert_eq!(total, other.total.parse().unwrap(), "the same total");
        // The first of each reads the file into the system's cache.
        if turn > 0 {
            ours.push(took);
            theirs.push(other.seconds);
            ratios.push(took / other.seconds);
            our_cpu.push(cpu);
            their_cpu.push(other.cpu_seconds);
        }
        if turn == repeats {
            println!("{} groups, {total}; DuckDB {}", groups.len(), other.version);
            println!("memory: inferometer {} MB, DuckDB {} MB", own_kib() >> 10, other.kib >> 10);
        }
    }
    println!("inferometer {:.3} s, DuckDB {:.3} s", median(&mut ours), median(&mut theirs));
    println!("median ratio {:.2} (the goal is 1.20)", median(&mut ratios));
    // Tells more on a machine that others use too.
    let (ours, theirs) = (median(&mut our_cpu), median(&mut their_cpu));
    println!("processor time: inferometer {ours:.2} s, DuckDB {theirs:.2} s, ratio {:.2}", ours / theirs);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Processor time of this process, in the system's ticks of 10 ms.
fn own_cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are the twelfth and thirteenth words there.
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Largest resident memory of this process.
fn own_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Repeats the stored rows until there are so many, each time a day later.
fn amplify(path: &Path, rows: usize) {
    let frame = ParquetReader::new(std::fs::File::open(path).unwrap()).finish().unwrap();
    let out = path.with_extension("amplified");
    let mut writer = ParquetWriter::new(std::fs::File::create(&out).unwrap())
        .with_compression(ParquetCompression::Zstd(None))
        .batched(frame.schema())
        .unwrap();
    let mut waiting: Option<DataFrame> = None;
    let mut written = 0;
    for day in 0_i64.. {
        let kind = frame.column("ChargePeriodStart").unwrap().dtype().clone();
        let later = (col("ChargePeriodStart").to_physical() + lit(day % 365 * 86_400_000_000)).cast(kind);
        let next = frame.clone().lazy().with_columns([later]).collect().unwrap();
        let all = match waiting.take() {
            Some(mut before) => {
                before.vstack_mut(&next).unwrap();
                before
            }
            None => next,
        };
        let left = rows - written;
        if all.height() >= GROUP.min(left) {
            let mut batch = all.slice(0, GROUP.min(left));
            batch.rechunk_mut();
            writer.write_batch(&batch).unwrap();
            written += batch.height();
            waiting = Some(all.slice(i64::try_from(batch.height()).unwrap(), all.height()));
        } else {
            waiting = Some(all);
        }
        if written == rows {
            break;
        }
    }
    writer.finish().unwrap();
    std::fs::rename(out, path).unwrap();
}

struct Peer {
    _child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

struct Answer {
    seconds: f64,
    cpu_seconds: f64,
    kib: u64,
    groups: usize,
    total: String,
    version: String,
}

impl Peer {
    fn start(python: &std::ffi::OsStr, path: &Path) -> Self {
        let mut child = Command::new(python)
            .args(["-c", PEER])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { _child: child, to, from }
    }

    fn ask(&mut self) -> Answer {
        writeln!(self.to).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut word = || words.next().expect("DuckDB answers six words");
        Answer {
            seconds: word().parse().unwrap(),
            cpu_seconds: word().parse().unwrap(),
            kib: word().parse().unwrap(),
            groups: word().parse().unwrap(),
            total: word(),
            version: word(),
        }
    }
}
