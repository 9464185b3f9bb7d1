//! `spl.txt`: one reading of the power meter a second, cut to the run by the detail log's `power_begin` and
//! `power_end`.
//!
//! The rule is the submission checker's: readings strictly between the two moments; mean power; energy is mean power
//! times the run's length.

use std::path::Path;

use chrono::{NaiveDateTime, TimeDelta};

use super::super::json::{number_at, number_in, whole};
use super::super::source::Source;
use super::super::{Foreign, Quantity, Statistic, Unit};

const FORMAT: &str = "%m-%d-%Y %H:%M:%S%.f";

fn moment(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text.trim(), FORMAT).ok()
}

/// Seconds between two moments of a log; `None` when one is unreadable or they are the wrong way round.
pub(super) fn seconds_between(begin: &str, end: &str) -> Option<f64> {
    let length = moment(end)? - moment(begin)?;
    (length > TimeDelta::zero()).then(|| length.as_seconds_f64())
}

/// Adds mean power and energy of the run, where a power log lies beside.
pub(super) fn add(
    source: &mut Source,
    foreign: &mut Foreign,
    folder: &Path,
    window: Option<&(String, String)>,
) {
    let path = folder.join("spl.txt");
    if !path.is_file() {
        return;
    }
    let times = window.and_then(|(begin, end)| Some((moment(begin)?, moment(end)?)));
    let Some((begin, end)) = times else {
        source.warn(
            "spl.txt",
            "the power log is not used: without a detail log's power_begin and power_end it cannot be cut to the run",
        );
        return;
    };
    let begin = begin + zone(folder, "client.json");
    let end = end + zone(folder, "client.json");
    let meter = zone(folder, "server.json");
    let mut sum = 0.0;
    let mut count = 0_u64;
    let mut unreadable = 0_u64;
    let read = Source::open(&path).and_then(|mut log| {
        log.for_each_line(|_, _, line| {
            let mut cells = line.split(',');
            let (Some("Time"), Some(time), Some("Watts"), Some(watts)) =
                (cells.next(), cells.next(), cells.next(), cells.next())
            else {
                unreadable += u64::from(!line.trim().is_empty());
                return Ok(());
            };
            match (moment(time), number_in(watts)) {
                (Some(time), Some(watts)) => {
                    let time = time + meter;
                    // The meter writes 0 or less where it had no reading.
                    if time > begin && time < end && watts > 0.0 {
                        sum += watts;
                        count += 1;
                    }
                }
                _ => unreadable += 1,
            }
            Ok(())
        })
    });
    if let Err(error) = read {
        source.warn("spl.txt", format!("the power log is not used: {error}"));
        return;
    }
    if unreadable > 0 {
        source.warn("spl.txt", format!("{unreadable} lines are no readings and left out"));
    }
    if count == 0 {
        source.warn(
            "spl.txt",
            "no reading falls into the run: the clocks of the meter and the run differ; power is not used",
        );
        return;
    }
    let watts = sum / count as f64;
    let seconds = (end - begin).as_seconds_f64();
    foreign.add(Quantity::Power, Statistic::Mean, Some(watts), Unit::Watts);
    foreign.add(Quantity::Energy, Statistic::Total, Some(watts * seconds), Unit::Joules);
    foreign.note(format!(
        "Power is of the whole system at the wall: the mean of {count} readings of the meter during the run."
    ));
}

/// Hours east that the power tools recorded, as a shift of that side's clock.
fn zone(folder: &Path, name: &str) -> TimeDelta {
    let side = folder.parent().map(|performance| performance.join("power").join(name));
    let seconds = side
        .filter(|path| path.is_file())
        .and_then(|path| Source::open(&path).ok())
        .and_then(|mut file| whole(&mut file).ok())
        .and_then(|json| number_at(&json, "timezone"))
        .filter(|seconds| seconds.abs() <= 86_400.0)
        .unwrap_or(0.0);
    TimeDelta::seconds(seconds as i64)
}
