//! Importing a large CUR against Python's polars reading the same file into Parquet (`scan_csv` without inference,
//! `sink_parquet`), by turns: the goal is no slower than that, below 1.5 GB. polars only copies text; the import also
//! maps each row to FOCUS, keeps exact sums and profiles of columns, and looks at every cell.
//!
//! The bill is a real one amplified: its rows again and again with identifiers, hours and costs of their own,
//! compressed with gzip.
//!
//! ```text
//! python3.11 -m venv venv && venv/bin/pip install polars
//! INFEROMETER_PYTHON=$PWD/venv/bin/python BILL=cur.csv ROWS=10000000 cargo bench --profile release --bench bill_import
//! ```
//!
//! `ROWS` (1,000,000), `REPEATS` (3), `FOLDER` (a temporary one; it takes about 1 GB a million rows) may be set.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails stops")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

const PEER: &str = "
import sys, polars
polars.scan_csv(sys.argv[1], infer_schema=False).sink_parquet(sys.argv[2])
print(polars.__version__)
";

fn main() {
    let (Some(python), Some(bill)) = (std::env::var_os("INFEROMETER_PYTHON"), std::env::var_os("BILL"))
    else {
        println!("set BILL to a CUR as CSV, and INFEROMETER_PYTHON to a Python that has polars");
        return;
    };
    let setting = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rows, repeats) = (setting("ROWS", 1_000_000), setting("REPEATS", 3));
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("FOLDER").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let file = folder.join(format!("cur-{rows}.csv.gz"));
    if !file.exists() {
        let plain = amplify(Path::new(&bill), rows, &file);
        println!("{rows} rows, {} MB as text", plain >> 20);
    }
    println!("{} MB with gzip", std::fs::metadata(&file).unwrap().len() >> 20);
    let mut ratios = Vec::new();
    for turn in 0..repeats {
        let ours = || {
            let home = folder.join(format!("home-{turn}"));
            let mut command = Command::new(env!("CARGO_BIN_EXE_inferometer"));
            command.arg("bill").arg(&file).arg("--json").env("INFEROMETER_HOME", &home);
            let found = timed(command);
            std::fs::remove_dir_all(home).unwrap();
            found
        };
        let theirs = || {
            let out = folder.join("peer.parquet");
            let mut command = Command::new(&python);
            command.args(["-c", PEER]).arg(&file).arg(&out);
            let found = timed(command);
            std::fs::remove_file(out).unwrap();
            found
        };
        let (ours, theirs) = if turn % 2 == 0 {
            (ours(), theirs())
        } else {
            let theirs = theirs();
            (ours(), theirs)
        };
        let ratio = ours.0.as_secs_f64() / theirs.0.as_secs_f64();
        println!(
            "inferometer {:.1} s, {} MB; polars {:.1} s, {} MB; ratio {ratio:.2}",
            ours.0.as_secs_f64(),
            ours.1 >> 10,
            theirs.0.as_secs_f64(),
            theirs.1 >> 10
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2} (the goal is 1.00)", ratios[ratios.len() / 2]);
}

/// How long a command took, and its largest resident memory in KiB.
fn timed(mut command: Command) -> (Duration, u64) {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let kib = std::fs::read_to_string(&status).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        });
        most = most.max(kib.unwrap_or(0));
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{command:?} {ended}");
            return (begin.elapsed(), most);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Writes a bill of so many rows made of those of `bill`; the bytes of its text.
fn amplify(bill: &Path, rows: u64, to: &Path) -> u64 {
    let mut reader = csv::Reader::from_path(bill).unwrap();
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let identity = place("identity/LineItemId");
    let begins = [place("lineItem/UsageStartDate"), place("lineItem/UsageEndDate")];
    let cost = place("lineItem/UnblendedCost");
    let known: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let encoder = GzEncoder::new(BufWriter::new(File::create(to).unwrap()), Compression::fast());
    let mut writer = csv::Writer::from_writer(Counted { inner: encoder, bytes: 0 });
    writer.write_record(&header).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for row in 0..rows {
        let record = &known[row as usize % known.len()];
        let drawn = random.next_u64();
        // An hour of the month, the same for both ends but for the hour.
        let (day, hour) = (1 + drawn % 28, drawn / 28 % 23);
        for (column, cell) in record.iter().enumerate() {
            if Some(column) == identity {
                writer.write_field(format!("{drawn:016x}{row:036x}")).unwrap();
            } else if let Some(end) = begins.iter().position(|place| *place == Some(column))
                && cell.len() >= 10
            {
                let hour = hour + end as u64;
                writer.write_field(format!("{}-{day:02}T{hour:02}:00:00Z", &cell[..7])).unwrap();
            } else if Some(column) == cost && cell.parse::<f64>().is_ok_and(|cost| cost > 0.0) {
                writer.write_field(format!("0.{:010}", drawn % 1_000_000_000)).unwrap();
            } else {
                writer.write_field(cell).unwrap();
            }
        }
        writer.write_record(None::<&[u8]>).unwrap();
    }
    let counted = writer.into_inner().unwrap_or_else(|_| panic!("the bill cannot be written"));
    counted.inner.finish().unwrap().flush().unwrap();
    counted.bytes
}

struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}
