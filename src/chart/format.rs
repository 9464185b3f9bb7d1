//! Values of an axis as text: ticks share one unit and one number of decimals; a hover line carries its unit.

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::{Axis, Scale, ShadeScale};
use crate::units;

/// The sign written before amounts of a currency unit (`USD` → `$`), where there is a well-known one.
pub fn currency_sign(unit: &str) -> Option<&'static str> {
    match unit {
        "USD" => Some("$"),
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        _ => None,
    }
}

/// A value with its unit, three digits: `12.3 ms`, `$0.0123`, `int8` on an axis of categories, a date on an axis
/// of time.
pub fn value(axis: &Axis, value: f64) -> String {
    match &axis.scale {
        Scale::Time => date_time(value),
        Scale::Categories(names) => {
            category(names, value).map_or_else(|| units::three_digits(value), str::to_owned)
        }
        Scale::Linear { .. } | Scale::Log10 => amount(value, &axis.unit),
    }
}

/// A value of a colour scale with its unit, without trailing zeros: `$0.00001`.
pub fn shade_value(scale: &ShadeScale, value: f64) -> String {
    with_unit(value, &scale.unit, trimmed(&units::three_digits(value.abs())))
}

/// `0.500` → `0.5`, `2.00` → `2`; `100` stays.
fn trimmed(number: &str) -> &str {
    if number.contains('.') && !number.contains('e') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    }
}

fn amount(value: f64, unit: &str) -> String {
    if currency_sign(unit).is_some()
        && let Some(money) = units::Money::from_f64(value)
    {
        return units::money(money, unit);
    }
    with_unit(value, unit, &units::three_digits(value.abs()))
}

fn with_unit(value: f64, unit: &str, number: &str) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    match currency_sign(unit) {
        Some(currency) => format!("{sign}{currency}{number}"),
        None if unit.is_empty() => format!("{sign}{number}"),
        None if unit == "%" => format!("{sign}{number}%"),
        None => format!("{sign}{number} {unit}"),
    }
}

/// The name at a place on an axis of categories; `None` between and outside of them.
pub fn category(names: &[String], value: f64) -> Option<&str> {
    let index = value.round();
    if index < 0.0 || (value - index).abs() > 0.5 || !value.is_finite() {
        return None;
    }
    names.get(index as usize).map(String::as_str)
}

/// Seconds since 1970 as a moment; `None` outside of the calendar.
pub fn moment(seconds: f64) -> Option<DateTime<Utc>> {
    if !seconds.is_finite() || seconds.abs() > 1e13 {
        return None;
    }
    DateTime::from_timestamp_millis((seconds * 1_000.0).round() as i64)
}

/// `3 Jun 2026`, with the time of day where it is not midnight: `3 Jun 2026 14:05`. UTC.
pub fn date_time(seconds: f64) -> String {
    let Some(moment) = moment(seconds) else {
        return units::three_digits(seconds);
    };
    let midnight = moment.num_seconds_from_midnight() == 0;
    let day = format!("{} {} {}", moment.day(), month(moment.month()), moment.year());
    match (midnight, moment.second()) {
        (true, _) => day,
        (false, 0) => format!("{day} {:02}:{:02}", moment.hour(), moment.minute()),
        (false, second) => format!("{day} {:02}:{:02}:{second:02}", moment.hour(), moment.minute()),
    }
}

/// Three letters of a month, 1 to 12.
pub(super) fn month(number: u32) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES[(number.clamp(1, 12) - 1) as usize]
}

/// A tick's number, with the decimals its step needs: thousands grouped, millions and more shortened (`1.5 M`),
/// the currency's sign before it. `largest` is the largest magnitude on the axis, so that all ticks are shortened
/// alike.
pub fn tick(value: f64, step: f64, largest: f64, unit: &str) -> String {
    let (divisor, suffix) = match largest {
        l if l >= 1e12 => (1e12, " T"),
        l if l >= 1e9 => (1e9, " G"),
        l if l >= 1e6 => (1e6, " M"),
        _ => (1.0, ""),
    };
    let (number, suffix) = if value == 0.0 {
        ("0".to_owned(), "")
    } else {
        (decimals(value.abs() / divisor, step / divisor), suffix)
    };
    let sign = if value < 0.0 && number.bytes().any(|b| (b'1'..=b'9').contains(&b)) { "−" } else { "" };
    let currency = currency_sign(unit).unwrap_or("");
    let percent = if unit == "%" { "%" } else { "" };
    format!("{sign}{currency}{number}{suffix}{percent}")
}

/// A tick of a logarithmic axis: `0.01`, `5`, `200`, `20 k`, `1 M`.
pub fn log_tick(value: f64, unit: &str) -> String {
    let currency = currency_sign(unit).unwrap_or("");
    let percent = if unit == "%" { "%" } else { "" };
    let (shown, suffix) = match value {
        v if v >= 0.999_5e12 => (v / 1e12, " T"),
        v if v >= 0.999_5e9 => (v / 1e9, " G"),
        v if v >= 0.999_5e6 => (v / 1e6, " M"),
        v if v >= 0.999_5e4 => (v / 1e3, " k"),
        v => (v, ""),
    };
    if shown < 0.999_5e-6 {
        return format!("{currency}{shown:.0e}{percent}");
    }
    // One significant digit is all a 1-2-5 tick has; at and above 1 it is whole.
    let places = if shown >= 0.999_5 { 0 } else { (-(shown.log10() + 1e-9).floor()) as usize };
    let number =
        if places == 0 { units::group_thousands(shown.round() as u128) } else { format!("{shown:.places$}") };
    format!("{currency}{number}{suffix}{percent}")
}

/// A number with as many decimals as the step between its neighbours needs.
fn decimals(magnitude: f64, step: f64) -> String {
    let places = if step >= 1.0 || step <= 0.0 { 0 } else { (-(step.log10() + 1e-9).floor()) as usize };
    let places = places.min(12);
    // A step of 2.5 or 0.125 needs more decimals than its magnitude says.
    let whole = |places: usize| {
        let scaled = step * 10_f64.powi(i32::try_from(places).unwrap_or(i32::MAX));
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
    };
    let places = (places..places + 3).find(|places| whole(*places)).unwrap_or(places + 3);
    let text = format!("{magnitude:.places$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let grouped = whole.parse::<u128>().map_or_else(|_ignored| whole.to_owned(), units::group_thousands);
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_have_the_decimals_their_step_needs() {
        for (value, step, largest, unit, shown) in [
            (0.0, 5.0, 20.0, "ms", "0"),
            (2.5, 2.5, 10.0, "ms", "2.5"),
            (0.25, 0.25, 1.0, "", "0.25"),
            (375_000.0, 125_000.0, 1e6, "", "0.375 M"),
            (0.1, 0.05, 0.3, "", "0.10"),
            (12_000.0, 2_000.0, 20_000.0, "", "12,000"),
            (1_500_000.0, 500_000.0, 3e6, "", "1.5 M"),
            (200.0, 100.0, 900.0, "USD", "$200"),
            (-200.0, 100.0, 900.0, "USD", "−$200"),
            (50.0, 10.0, 100.0, "%", "50%"),
            (-0.0, 1.0, 5.0, "", "0"),
        ] {
            assert_eq!(tick(value, step, largest, unit), shown);
        }
    }

    #[test]
    fn log_ticks_are_short() {
        for (value, shown) in [
            (0.001, "0.001"),
            (0.02, "0.02"),
            (0.5, "0.5"),
            (1.0, "1"),
            (2_000.0, "2,000"),
            (10_000.0, "10 k"),
            (5e6, "5 M"),
            (1e-8, "1e-8"),
        ] {
            assert_eq!(log_tick(value, ""), shown);
        }
        assert_eq!(log_tick(0.05, "USD"), "$0.05");
    }

    #[test]
    fn moments_are_dates_with_the_time_only_where_it_matters() {
        // `date -u -d @1767225600` = Thu Jan 1 00:00:00 UTC 2026.
        assert_eq!(date_time(1_767_225_600.0), "1 Jan 2026");
        assert_eq!(date_time(1_767_225_600.0 + 3_660.0), "1 Jan 2026 01:01");
        assert_eq!(date_time(f64::NAN), "not a number");
    }

    #[test]
    fn values_carry_their_unit() {
        let axis = Axis::new("Latency", "ms", Scale::Log10);
        assert_eq!(value(&axis, 12.345), "12.3 ms");
        let axis = Axis::new("Cost", "USD", Scale::Linear { from_zero: true });
        assert_eq!(value(&axis, -0.0123), "−$0.0123");
        let scale = ShadeScale { label: String::new(), unit: "USD".into(), low: 0.0, high: 1.0, log: false };
        assert_eq!(shade_value(&scale, 0.000_01), "$0.00001");
        assert_eq!(shade_value(&scale, 1_200.0), "$1,200");
        let axis = Axis::new("Variant", "", Scale::Categories(vec!["fp32".into(), "int8".into()]));
        assert_eq!(value(&axis, 1.2), "int8");
        assert_eq!(value(&axis, 7.0), "7.00");
    }
}
