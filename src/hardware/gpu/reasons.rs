//! NVML's clock event reasons (formerly throttle reasons): why a GPU runs slower than it could.
//!
//! Bits as `nvml.h` names them, `nvmlClocksEventReason…`.

/// Nothing to do: the clocks are low because nobody asks for more.
const IDLE: u64 = 0x1;
/// Held at the clocks somebody set.
const APPLICATION_CLOCKS: u64 = 0x2;

const WORDS: [(u64, &str); 9] = [
    (IDLE, "idle"),
    (APPLICATION_CLOCKS, "held at the clocks set for applications"),
    (0x4, "at its power limit"),
    (0x8, "hardware slowdown: too hot or too much power drawn"),
    (0x10, "held back by another GPU of its group"),
    (0x20, "too hot (the driver lowers the clocks)"),
    (0x40, "too hot (the hardware halves the clocks)"),
    (0x80, "power brake from outside, such as the power supply"),
    (0x100, "held at the clocks set for the display"),
];

/// Those reasons that mean the GPU is kept from the speed it was set to: all but idle and application clocks.
pub const fn slowing(reasons: u64) -> u64 {
    reasons & !(IDLE | APPLICATION_CLOCKS)
}

/// A reason a set bit, in words, lowest bit first.
pub fn throttle_words(reasons: u64) -> Vec<String> {
    let mut words: Vec<String> =
        WORDS.iter().filter(|(bit, _)| reasons & bit != 0).map(|(_, words)| (*words).to_owned()).collect();
    let unknown = reasons & !WORDS.iter().fold(0, |known, (bit, _)| known | bit);
    if unknown != 0 {
        words.push(format!("a reason this program does not know ({unknown:#x})"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_and_set_clocks_are_no_slowdown() {
        assert_eq!(slowing(0x1 | 0x2), 0);
        assert_eq!(slowing(0x1 | 0x4 | 0x40), 0x44);
    }

    #[test]
    fn every_reason_has_words_even_a_new_one() {
        assert_eq!(throttle_words(0), Vec::<String>::new());
        let words = throttle_words(0x4 | 0x20 | 0x8000);
        assert_eq!(
            words,
            [
                "at its power limit",
                "too hot (the driver lowers the clocks)",
                "a reason this program does not know (0x8000)"
            ]
        );
    }
}
