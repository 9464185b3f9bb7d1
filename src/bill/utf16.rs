//! UTF-16 text as UTF-8: what Excel saves as "Unicode text" and PowerShell writes when output is sent to a file.
//!
//! Told by its byte order mark alone, because without one text of two bytes a character looks like binary data.

use std::io::{self, Read};

/// Units decoded at once.
const UNITS: usize = 32 * 1024;

/// The order of the bytes of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The low byte first.
    Little,
    /// The high byte first.
    Big,
}

impl Order {
    /// The order that a byte order mark tells. UTF-32, whose mark begins alike, has none.
    pub fn told_by(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xfe, 0, 0, ..] => None,
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }
}

/// What is said of a file that was read so.
pub(super) const WORDS: &str =
    "the file is UTF-16 text, as Excel's \"Unicode text\" is, and was read as such";

/// Whether bytes look like UTF-16 without a mark: nearly every second one is zero, as in text of Western letters.
pub(super) fn looks_unmarked(head: &[u8]) -> bool {
    let (mut zeros, pairs) = ([0_usize; 2], head.len() / 2);
    for pair in head.chunks_exact(2) {
        zeros[0] += usize::from(pair[0] == 0);
        zeros[1] += usize::from(pair[1] == 0);
    }
    let [even, odd] = zeros;
    pairs >= 4 && ((odd * 10 >= pairs * 8 && even == 0) || (even * 10 >= pairs * 8 && odd == 0))
}

/// A reader of UTF-8 over one of UTF-16; the mark is left out. What is no character is U+FFFD, as is half of a unit at
/// the end.
pub(super) struct Decoded<R> {
    inner: R,
    order: Order,
    bytes: Vec<u8>,
    /// The first half of a pair whose second is not read yet.
    high: Option<u16>,
    is_begun: bool,
    text: String,
    at: usize,
}

impl<R: Read> Decoded<R> {
    /// Over bytes that begin with a mark of this order.
    pub fn new(inner: R, order: Order) -> Self {
        Self { inner, order, bytes: Vec::new(), high: None, is_begun: false, text: String::new(), at: 0 }
    }

    /// Decodes the next units; nothing at the end.
    fn refill(&mut self) -> io::Result<()> {
        let Self { inner, order, bytes, high, is_begun, text, at } = self;
        *at = 0;
        text.clear();
        bytes.clear();
        inner.take(2 * UNITS as u64).read_to_end(bytes)?;
        let is_last = bytes.len() < 2 * UNITS;
        let mut halves = bytes.chunks_exact(2);
        let mut units: Vec<u16> = high.take().into_iter().collect();
        units.extend(halves.by_ref().map(|pair| match order {
            Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
            Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
        }));
        if !*is_begun && !units.is_empty() {
            *is_begun = true;
            units.remove(0);
        }
        if !is_last && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            *high = units.pop();
        }
        text.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        if !halves.remainder().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() && !buffer.is_empty() {
            self.refill()?;
        }
        let left = &self.text.as_bytes()[self.at..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, order: Order) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        match order {
            Order::Little => units.flat_map(u16::to_le_bytes).collect(),
            Order::Big => units.flat_map(u16::to_be_bytes).collect(),
        }
    }

    fn decoded(bytes: &[u8]) -> String {
        let mut text = String::new();
        Decoded::new(bytes, Order::told_by(bytes).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn text_comes_back_whatever_the_order_and_wherever_it_is_cut_into_pieces() {
        // A pair of units over the end of a piece.
        for before in [0, UNITS - 3, UNITS - 2, UNITS - 1, UNITS, 2 * UNITS - 2] {
            let text = format!("{}😀\u{feff}ä€\r\n", "x".repeat(before));
            for order in [Order::Little, Order::Big] {
                assert!(decoded(&encoded(&text, order)) == text, "{before} {order:?}");
            }
        }
        assert_eq!(decoded(&[0xff, 0xfe]), "");
    }

    #[test]
    fn what_is_no_character_is_marked() {
        assert_eq!(decoded(&[0xff, 0xfe, b'a', 0, 0x00, 0xd8, b'b', 0]), "a\u{fffd}b");
        assert_eq!(decoded(&[0xfe, 0xff, 0, b'a', 0]), "a\u{fffd}");
        assert_eq!(decoded(&[0xfe, 0xff, 0, b'a', 0xd8, 0]), "a\u{fffd}");
    }

    #[test]
    fn text_without_a_mark_is_suspected_and_binary_data_is_not() {
        let unmarked = |text: &str, order| looks_unmarked(&encoded(text, order)[2..]);
        assert!(unmarked("BilledCost\tTags\r\n", Order::Little) && unmarked("Größe;Kosten\n", Order::Big));
        assert!(!looks_unmarked(b"\x08\x0a\x12\x07pytorch\x00") && !looks_unmarked(b"a\0b\0"));
        assert!(!looks_unmarked(&[0; 64]) && !looks_unmarked(b"plain text, no zeros"));
        assert_eq!(Order::told_by(&[0xff, 0xfe, 0, 0]), None);
    }
}
