//! Amounts as a person reads them: `1,234.50`, `(12.00)`, `$ 3.10`, `1.234,5`.
//!
//! The importer reads plain decimal numbers only, and what it cannot read is missing from its sums. A file's own sum
//! has it all the same, which is how such a cell is noticed and what it is worth is told. Knows no file.

use crate::bill::exact::Exact;

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing: empty, or the word `NULL`.
    Nothing,
    /// A plain decimal number.
    Plain(Exact),
    /// A number, not plainly written.
    Odd(Exact),
    /// Something else.
    Unreadable,
}

/// Reads a cell.
pub(super) fn read(text: &str) -> Said {
    let text = text.trim();
    if text.is_empty() || text == "NULL" {
        return Said::Nothing;
    }
    match Exact::read(text) {
        Ok(read) => Said::Plain(read.value),
        Err(_) => odd(text).map_or(Said::Unreadable, Said::Odd),
    }
}

/// A number with brackets, signs of currencies or separators of thousands.
fn odd(text: &str) -> Option<Exact> {
    let (text, bracketed) = match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) => (inside.trim(), true),
        None => (text, false),
    };
    let is_part = |c: char| c.is_ascii_digit() || "+-−.,".contains(c);
    let text = without_name(text).trim_matches(|c: char| !is_part(c));
    let (text, trailing) = match text.strip_suffix(['-', '−']) {
        Some(rest) => (rest.trim_end(), true),
        None => (text, false),
    };
    let (text, leading) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    // A currency may stand between sign and number: `-$5`.
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit() && !"+-−.,".contains(c));
    let digits: String =
        digits.chars().filter(|c| !c.is_whitespace() && !['\'', '’', '_'].contains(c)).collect();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',') {
        return None;
    }
    let plain = without_separators(&digits)?;
    let value = Exact::read(&plain).ok()?.value;
    let signs = u8::from(bracketed) + u8::from(trailing) + u8::from(leading);
    match signs {
        0 => Some(value),
        1 => Some(Exact(-value.0)),
        // Brackets around a minus are one minus; more than that is nothing known.
        2 if bracketed => Some(Exact(-value.0)),
        _ => None,
    }
}

/// Without the point of a currency's short name before the number: `Rs. 500`, `kr. 12,50`.
fn without_name(text: &str) -> &str {
    let name = text.trim_start_matches(char::is_alphabetic);
    match name.strip_prefix('.') {
        Some(rest) if name.len() < text.len() => rest,
        _ => text,
    }
}

/// Digits and one point, from digits with points and commas: the last of two kinds is the decimal one.
fn without_separators(text: &str) -> Option<String> {
    let (points, commas) = (text.matches('.').count(), text.matches(',').count());
    let (thousands, decimal) = match (points, commas) {
        (0 | 1, 0) => return Some(text.to_owned()),
        (0, 1) => {
            let (whole, fraction) = text.split_once(',')?;
            let groups = fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
            if groups { (',', '.') } else { ('.', ',') }
        }
        (0, _) => (',', '.'),
        (_, 0) => ('.', ','),
        _ if text.rfind('.') > text.rfind(',') => (',', '.'),
        _ => ('.', ','),
    };
    let (whole, fraction) = match text.split_once(decimal) {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, ""),
    };
    if fraction.contains(['.', ',']) {
        return None;
    }
    let mut groups = whole.split(thousands);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    // India groups by two before the last three.
    let right = rest.last().is_none_or(|last| last.len() == 3)
        && rest.iter().all(|group| (2..=3).contains(&group.len()))
        && (rest.is_empty() || (1..=3).contains(&first.len()));
    let whole: String = whole.chars().filter(|c| *c != thousands).collect();
    right.then(|| if fraction.is_empty() { whole.clone() } else { format!("{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_are_plain_and_others_are_read_as_a_person_would() {
        let exact = |text: &str| Exact::read(text).unwrap().value;
        for (text, plain) in [("12.5", "12.5"), (" -0.1 ", "-0.1"), ("2.3E-9", "0.0000000023")] {
            assert_eq!(read(text), Said::Plain(exact(plain)), "{text}");
        }
        for (text, plain) in [
            ("(1.23)", "-1.23"),
            ("1,234.5", "1234.5"),
            ("1,234,567", "1234567"),
            ("12,34,567.80", "1234567.8"),
            ("1.234,50", "1234.5"),
            ("0,895", "0.895"),
            ("12,5", "12.5"),
            ("$ 3.10", "3.1"),
            ("-$5", "-5"),
            ("($1,000.00)", "-1000"),
            ("3.10 USD", "3.1"),
            ("5.00-", "-5"),
            ("−7", "-7"),
            ("1 234,5", "1234.5"),
            ("Rs. 500", "500"),
            ("Rs.1,000.50", "1000.5"),
            ("kr. 12,50", "12.5"),
            ("US$ 3.10", "3.1"),
        ] {
            assert_eq!(read(text), Said::Odd(exact(plain)), "{text}");
        }
        for text in ["", "  ", "NULL"] {
            assert_eq!(read(text), Said::Nothing, "{text:?}");
        }
        for text in ["n/a", "1,23,4.5.6", "1.2.3,4", "2026-01-01", "--5", "()", "12,3456,789"] {
            assert_eq!(read(text), Said::Unreadable, "{text}");
        }
    }
}
