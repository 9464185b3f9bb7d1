//! Where an axis has its marks and what is written at them, and how values map to places.
//!
//! A *place* is what is spread evenly over the axis: the value itself, or its decimal logarithm. This is the only
//! code that knows how the two relate.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

use super::format;
use super::{Axis, Scale};

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where, in places.
    pub place: f64,
    /// What is written; `None` for a mark without text.
    pub label: Option<String>,
    /// A line that carries the eye (a labelled tick, a decade).
    pub major: bool,
}

/// The place of a value; `None` where it has none: not finite, or not above zero on a logarithmic axis.
pub fn place(scale: &Scale, value: f64) -> Option<f64> {
    match scale {
        Scale::Log10 => (value > 0.0 && value.is_finite()).then(|| value.log10()),
        Scale::Linear { .. } | Scale::Time | Scale::Categories(_) => value.is_finite().then_some(value),
    }
}

/// The value at a place: the inverse of [`place`].
pub fn value(scale: &Scale, place: f64) -> f64 {
    match scale {
        Scale::Log10 => 10_f64.powf(place),
        Scale::Linear { .. } | Scale::Time | Scale::Categories(_) => place,
    }
}

/// The ticks of an axis that shows the places from `low` to `high` on `length` points of the screen, where a label
/// needs about `label_length` points. Sorted by place.
pub fn ticks(axis: &Axis, low: f64, high: f64, length: f64, label_length: f64) -> Vec<Tick> {
    if !(low.is_finite() && high.is_finite() && high > low && length > 0.0) {
        return Vec::new();
    }
    let most = (length / label_length.max(1.0)).floor().clamp(2.0, 12.0);
    let mut ticks = match &axis.scale {
        Scale::Linear { .. } => linear(low, high, most, &axis.unit),
        Scale::Log10 => logarithmic(low, high, length, label_length, &axis.unit),
        Scale::Time => time(low, high, most),
        Scale::Categories(names) => categories(names, low, high),
    };
    ticks.sort_by(|one, other| one.place.total_cmp(&other.place));
    ticks
}

/// The step of 1, 2 or 5 × 10ⁿ that gives at most `most` intervals (2.5 is left out: its labels are longer).
pub fn nice_step(span: f64, most: f64) -> f64 {
    let raw = span / most;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = raw / power;
    // A hair of tolerance, so that a span of exactly 5 steps of 0.2 is not given steps of 0.5.
    let nice = if factor <= 1.0 + 1e-9 {
        1.0
    } else if factor <= 2.0 + 1e-9 {
        2.0
    } else if factor <= 5.0 + 1e-9 {
        5.0
    } else {
        10.0
    };
    nice * power
}

fn linear(low: f64, high: f64, most: f64, unit: &str) -> Vec<Tick> {
    let step = nice_step(high - low, most);
    let largest = low.abs().max(high.abs());
    multiples(low, high, step)
        .map(|place| Tick { place, label: Some(format::tick(place, step, largest, unit)), major: true })
        .collect()
}

/// The multiples of `step` in [low, high], computed from whole numbers so that 0.3 is not 0.30000000000000004.
fn multiples(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (low / step - 1e-9).ceil();
    let last = (high / step + 1e-9).floor();
    let count = if last >= first { ((last - first) as usize).min(1_000) + 1 } else { 0 };
    // Dividing by a power of ten is exact where multiplying by 0.1 is not.
    let inverse = (1.0 / step).round();
    let exact = step < 1.0 && (inverse * step - 1.0).abs() < 1e-9;
    (0..count).map(move |index| {
        let whole = first + index as f64;
        let value = if exact { whole / inverse } else { whole * step };
        if value == 0.0 { 0.0 } else { value }
    })
}

/// Decades, with 2 and 5 where there is room, and quiet lines at the other whole digits.
fn logarithmic(low: f64, high: f64, length: f64, label_length: f64, unit: &str) -> Vec<Tick> {
    let per_decade = length / (high - low);
    if high - low < 0.7 {
        // Less than a decade in view: even steps of the value read better than one lonely label.
        let (from, to) = (10_f64.powf(low), 10_f64.powf(high));
        let most = (length / label_length.max(1.0)).floor().clamp(2.0, 8.0);
        return linear(from, to, most, unit)
            .into_iter()
            .filter(|tick| tick.place > 0.0)
            .map(|tick| Tick { place: tick.place.log10(), ..tick })
            .collect();
    }
    // Distances between neighbours of 1-2-5: 0.30, 0.40, 0.30 of a decade.
    let with_two_and_five = per_decade * 0.30 >= label_length;
    let with_three = !with_two_and_five && per_decade * 0.477 >= label_length;
    let every = (label_length / per_decade).ceil().max(1.0) as i64;
    let (first, last) = (low.floor() as i64, high.ceil() as i64);
    let mut ticks = Vec::new();
    for decade in first..=last {
        for digit in 1..10_u8 {
            let place = decade as f64 + f64::from(digit).log10();
            if place < low - 1e-9 || place > high + 1e-9 {
                continue;
            }
            let labelled = match digit {
                1 => decade.rem_euclid(every) == 0,
                2 | 5 => with_two_and_five,
                3 => with_three,
                _ => false,
            };
            if !labelled && digit != 1 && per_decade < 60.0 {
                continue;
            }
            let value = if decade < 0 {
                f64::from(digit) / 10_f64.powi(-(decade as i32))
            } else {
                f64::from(digit) * 10_f64.powi(decade as i32)
            };
            ticks.push(Tick {
                place,
                label: labelled.then(|| format::log_tick(value, unit)),
                major: digit == 1,
            });
        }
    }
    ticks
}

fn categories(names: &[String], low: f64, high: f64) -> Vec<Tick> {
    names
        .iter()
        .enumerate()
        .map(|(index, name)| Tick { place: index as f64, label: Some(name.clone()), major: true })
        .filter(|tick| tick.place >= low && tick.place <= high)
        .collect()
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

fn time(low: f64, high: f64, most: f64) -> Vec<Tick> {
    let span = high - low;
    let fine = [
        1.0,
        2.0,
        5.0,
        10.0,
        15.0,
        30.0,
        MINUTE,
        2.0 * MINUTE,
        5.0 * MINUTE,
        10.0 * MINUTE,
        15.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        3.0 * HOUR,
        6.0 * HOUR,
        12.0 * HOUR,
        DAY,
        2.0 * DAY,
    ];
    if span < 1.0 {
        return linear(low, high, most, "");
    }
    if let Some(step) = fine.into_iter().find(|step| span / step <= most) {
        return steps_of_seconds(low, high, step);
    }
    // Weeks begin on Mondays; 1970-01-05 was one.
    for days in [7.0, 14.0] {
        if span / (days * DAY) <= most {
            let monday = 4.0 * DAY;
            return steps_of_seconds(low - monday, high - monday, days * DAY)
                .into_iter()
                .map(|tick| date_tick(tick.place + monday))
                .collect();
        }
    }
    let months = [1_u32, 2, 3, 6, 12, 24, 60, 120, 240, 600]
        .into_iter()
        .find(|months| span / (f64::from(*months) * 30.44 * DAY) <= most)
        .unwrap_or(1_200);
    steps_of_months(low, high, months)
}

fn steps_of_seconds(low: f64, high: f64, step: f64) -> Vec<Tick> {
    multiples(low, high, step)
        .map(|place| if step >= DAY { date_tick(place) } else { clock_tick(place, step) })
        .collect()
}

fn clock_tick(place: f64, step: f64) -> Tick {
    let label = format::moment(place).map(|moment| {
        if place.rem_euclid(DAY) < 0.5 {
            day_and_month(moment)
        } else if step < MINUTE {
            moment.format("%H:%M:%S").to_string()
        } else {
            moment.format("%H:%M").to_string()
        }
    });
    Tick { place, label, major: place.rem_euclid(DAY) < 0.5 }
}

fn date_tick(place: f64) -> Tick {
    Tick { place, label: format::moment(place).map(day_and_month), major: true }
}

fn day_and_month(moment: DateTime<Utc>) -> String {
    format!("{} {}", moment.day(), format::month(moment.month()))
}

fn steps_of_months(low: f64, high: f64, months: u32) -> Vec<Tick> {
    let Some(start) = format::moment(low) else { return Vec::new() };
    // Steps are counted from January of year 0, so that quarters are quarters.
    let months_from_zero = start.year() * 12 + start.month0().cast_signed();
    let step = months.cast_signed();
    let first = months_from_zero.div_euclid(step) * step;
    let Some(mut date) = NaiveDate::from_ymd_opt(first.div_euclid(12), first.rem_euclid(12) as u32 + 1, 1)
    else {
        return Vec::new();
    };
    let mut ticks: Vec<Tick> = Vec::new();
    loop {
        let place = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() as f64;
        if place > high || ticks.len() > 1_000 {
            return ticks;
        }
        if place >= low {
            let year = date.month() == 1 || ticks.is_empty();
            let label = match (months >= 12, year) {
                (true, _) => date.year().to_string(),
                (false, true) => format!("{} {}", format::month(date.month()), date.year()),
                (false, false) => format::month(date.month()).to_owned(),
            };
            ticks.push(Tick { place, label: Some(label), major: true });
        }
        let Some(next) = date.checked_add_months(Months::new(months)) else { return ticks };
        date = next;
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "these places are exact in binary")]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().filter_map(|tick| tick.label.as_deref()).collect()
    }

    fn axis(scale: Scale) -> Axis {
        Axis::new("Axis", "", scale)
    }

    #[test]
    fn places_and_values_are_inverse_and_refuse_what_has_no_logarithm() {
        assert_eq!(place(&Scale::Log10, 1_000.0), Some(3.0));
        assert!((value(&Scale::Log10, 0.778_151_250_38) - 6.0).abs() < 1e-9);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(place(&Scale::Log10, bad), None);
        }
        assert_eq!(place(&Scale::Time, f64::NEG_INFINITY), None);
        assert_eq!(place(&Scale::Linear { from_zero: true }, -3.5), Some(-3.5));
    }

    #[test]
    fn linear_ticks_are_round_and_exact() {
        let ticks = ticks(&axis(Scale::Linear { from_zero: false }), -0.05, 0.65, 160.0, 40.0);
        assert_eq!(labels(&ticks), ["0", "0.2", "0.4", "0.6"]);
        assert_eq!(ticks.iter().map(|t| t.place).collect::<Vec<_>>(), [0.0, 0.2, 0.4, 0.6]);
        assert!((nice_step(100.0, 5.0) - 20.0).abs() < 1e-12);
        assert!((nice_step(0.7, 7.0) - 0.1).abs() < 1e-12);
        assert!((nice_step(11.0, 5.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn decades_get_two_and_five_where_there_is_room() {
        let wide = ticks(&axis(Scale::Log10), 0.0, 2.0, 600.0, 40.0);
        assert_eq!(labels(&wide), ["1", "2", "5", "10", "20", "50", "100"]);
        assert!(wide.len() > 7, "the other digits are there without a label");
        let narrow = ticks(&axis(Scale::Log10), 0.0, 6.0, 200.0, 40.0);
        assert_eq!(labels(&narrow), ["1", "100", "10 k", "1 M"]);
        let zoomed = ticks(&axis(Scale::Log10), 2.0, 2.3, 400.0, 50.0);
        assert_eq!(labels(&zoomed), ["100", "120", "140", "160", "180"]);
        assert!((zoomed[1].place - 120_f64.log10()).abs() < 1e-12);
    }

    #[test]
    fn three_months_are_marked_at_calendar_places() {
        // 2026-01-01 to 2026-04-02, by `date -u`.
        let found = ticks(&axis(Scale::Time), 1_767_225_600.0, 1_775_088_000.0, 700.0, 160.0);
        assert_eq!(labels(&found), ["Jan 2026", "Feb", "Mar", "Apr"]);
        assert_eq!(found[1].place, 1_769_904_000.0); // 2026-02-01
        let weeks = ticks(&axis(Scale::Time), 1_767_225_600.0, 1_769_904_000.0, 700.0, 100.0);
        assert_eq!(labels(&weeks), ["5 Jan", "12 Jan", "19 Jan", "26 Jan"]); // Mondays of 2026
        let hours = ticks(&axis(Scale::Time), 1_767_225_600.0, 1_767_225_600.0 + DAY, 500.0, 100.0);
        assert_eq!(labels(&hours), ["1 Jan", "06:00", "12:00", "18:00", "2 Jan"]);
    }

    #[test]
    fn an_empty_or_broken_range_has_no_ticks() {
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert!(ticks(&axis(Scale::Log10), low, high, 100.0, 20.0).is_empty());
        }
    }
}
