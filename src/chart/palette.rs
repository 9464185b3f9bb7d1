//! Which colour, marker and dash an [`Ink`] is. Plain RGB; knows no egui and no theme but the background.
//!
//! The eight series colours start from the hues of Okabe and Ito ("Color Universal Design", 2008), with the
//! lightness moved so that each has a contrast of at least 3 to its background (WCAG 2.2, 1.4.11) and the pairs
//! stay apart under simulated colour-vision deficiency; a marker shape for each is the second channel.

use super::Ink;

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// What a chart is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Background {
    /// The dark window.
    Dark,
    /// The light window and light exports.
    Light,
    /// White paper.
    Print,
}

/// Shape of a series' points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the shapes are what they are called")]
pub enum Marker {
    Circle,
    Square,
    Diamond,
    TriangleUp,
    TriangleDown,
    Cross,
    Plus,
    Hexagon,
}

/// How a series' line is broken: solid for the first eight, so that a dashed line can mean "predicted".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the dashes are what they are called")]
pub enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// Number of series before colours repeat.
pub const SERIES: usize = 8;

const DARK: [Rgb; SERIES] = [
    Rgb(0x4C, 0x86, 0xEA), // blue
    Rgb(0xF0, 0x93, 0x2B), // orange
    Rgb(0x4C, 0xB8, 0x94), // bluish green
    Rgb(0xB0, 0x6B, 0xA6), // reddish purple
    Rgb(0x62, 0xCD, 0xFF), // sky blue
    Rgb(0xD8, 0x48, 0x2F), // vermilion
    Rgb(0xF4, 0xD0, 0x3F), // yellow
    Rgb(0xDA, 0xE4, 0xEE), // the black of a dark background
];
const LIGHT: [Rgb; SERIES] = [
    Rgb(0x1F, 0x5F, 0xBF),
    Rgb(0xD0, 0x7F, 0x00),
    Rgb(0x0B, 0x8F, 0x72),
    Rgb(0x8A, 0x2A, 0x82),
    Rgb(0x3B, 0x9A, 0xC9),
    Rgb(0x9E, 0x2E, 0x14),
    Rgb(0x87, 0x79, 0x0F),
    Rgb(0x2A, 0x34, 0x3C),
];
const MARKERS: [Marker; SERIES] = [
    Marker::Circle,
    Marker::Square,
    Marker::Diamond,
    Marker::TriangleUp,
    Marker::TriangleDown,
    Marker::Cross,
    Marker::Plus,
    Marker::Hexagon,
];

/// The surface charts are drawn on.
pub const fn surface(background: Background) -> Rgb {
    match background {
        Background::Dark => Rgb(0x16, 0x19, 0x1E),
        Background::Light | Background::Print => Rgb(0xFF, 0xFF, 0xFF),
    }
}

/// Text that is read first: titles, values.
pub const fn strong(background: Background) -> Rgb {
    match background {
        Background::Dark => Rgb(0xEE, 0xF1, 0xF5),
        Background::Light => Rgb(0x15, 0x19, 0x1F),
        Background::Print => Rgb(0x00, 0x00, 0x00),
    }
}

/// Text that is read second: ticks, notes, units. Contrast at least 4.5 (WCAG 2.2, 1.4.3).
pub const fn quiet(background: Background) -> Rgb {
    match background {
        Background::Dark => Rgb(0xA3, 0xAC, 0xB8),
        Background::Light => Rgb(0x55, 0x5E, 0x6A),
        Background::Print => Rgb(0x40, 0x46, 0x4E),
    }
}

/// The chosen point, the winner.
pub const fn accent(background: Background) -> Rgb {
    match background {
        Background::Dark => Rgb(0xFF, 0x5C, 0x9A),
        Background::Light | Background::Print => Rgb(0xC2, 0x18, 0x5B),
    }
}

/// The colour of an ink.
pub const fn ink(ink: Ink, background: Background) -> Rgb {
    match ink {
        Ink::Series(number) => match background {
            Background::Dark => DARK[number % SERIES],
            Background::Light | Background::Print => LIGHT[number % SERIES],
        },
        Ink::Strong => strong(background),
        Ink::Quiet => quiet(background),
        Ink::Accent => accent(background),
    }
}

/// The marker of an ink.
pub const fn marker(ink: Ink) -> Marker {
    match ink {
        Ink::Series(number) => MARKERS[number % SERIES],
        Ink::Strong | Ink::Quiet => Marker::Circle,
        Ink::Accent => Marker::Diamond,
    }
}

/// The dash of an ink: past the eighth series colours repeat with another dash.
pub const fn dash(ink: Ink) -> Dash {
    match ink {
        Ink::Series(number) => match (number / SERIES) % 3 {
            0 => Dash::Solid,
            1 => Dash::Dashed,
            _ => Dash::Dotted,
        },
        Ink::Strong | Ink::Quiet | Ink::Accent => Dash::Solid,
    }
}

/// The colour at a position in [0, 1] of the colour scale (outside: the nearer end).
///
/// An even path through `OKLab`: lightness rises linearly, hue turns from violet over blue-green to yellow, so equal
/// steps of the value look like equal steps, also in grey. Its range of lightness keeps a contrast of at least 3
/// to the background at both ends.
pub fn shade(position: f64, background: Background) -> Rgb {
    // Lightness, chroma, hue in degrees at five even stops; the chroma is what sRGB can show at that place.
    const DARK_STOPS: [[f64; 3]; 5] = [
        [0.550, 0.165, 300.0],
        [0.645, 0.120, 250.0],
        [0.740, 0.110, 200.0],
        [0.835, 0.140, 150.0],
        [0.930, 0.150, 108.0],
    ];
    const LIGHT_STOPS: [[f64; 3]; 5] = [
        [0.320, 0.150, 300.0],
        [0.405, 0.110, 255.0],
        [0.490, 0.080, 205.0],
        [0.575, 0.110, 155.0],
        [0.660, 0.130, 112.0],
    ];
    let stops = match background {
        Background::Dark => &DARK_STOPS,
        Background::Light | Background::Print => &LIGHT_STOPS,
    };
    let position = if position.is_nan() { 0.0 } else { position.clamp(0.0, 1.0) };
    let along = position * (stops.len() - 1) as f64;
    let index = (along.floor() as usize).min(stops.len() - 2);
    let part = along - index as f64;
    let mix = |channel: usize| stops[index][channel] * (1.0 - part) + stops[index + 1][channel] * part;
    from_oklch(mix(0), mix(1), mix(2))
}

/// `OKLCh` to sRGB, clipped (Ottosson, "A perceptual color space for image processing", 2020).
fn from_oklch(lightness: f64, chroma: f64, hue_degrees: f64) -> Rgb {
    let (sin, cos) = hue_degrees.to_radians().sin_cos();
    let (green_red, blue_yellow) = (chroma * cos, chroma * sin);
    let cone = |from_green_red: f64, from_blue_yellow: f64| {
        (lightness + from_green_red * green_red + from_blue_yellow * blue_yellow).powi(3)
    };
    let long = cone(0.396_337_777_4, 0.215_803_757_3);
    let medium = cone(-0.105_561_345_8, -0.063_854_172_8);
    let short = cone(-0.089_484_177_5, -1.291_485_548_0);
    let encode = |linear: f64| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded =
            if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    };
    Rgb(
        encode(4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short),
        encode(-1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short),
        encode(-0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701_0 * short),
    )
}

/// Contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
pub fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Relative luminance, 0 to 1 (WCAG 2.2).
fn luminance(Rgb(red, green, blue): Rgb) -> f64 {
    0.2126 * to_linear(red) + 0.7152 * to_linear(green) + 0.0722 * to_linear(blue)
}

fn to_linear(channel: u8) -> f64 {
    let value = f64::from(channel) / 255.0;
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKGROUNDS: [Background; 3] = [Background::Dark, Background::Light, Background::Print];

    fn oklab(red: f64, green: f64, blue: f64) -> [f64; 3] {
        let l = (0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue).cbrt();
        let m = (0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue).cbrt();
        let s = (0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    /// Severity 1.0 matrices of Machado, Oliveira and Fernandes (2009): normal, protan, deutan, tritan.
    const VISION: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    fn seen(Rgb(red, green, blue): Rgb, vision: &[[f64; 3]; 3]) -> [f64; 3] {
        let linear = [to_linear(red), to_linear(green), to_linear(blue)];
        let [r, g, b] =
            vision.map(|row| row.iter().zip(linear).map(|(f, v)| f * v).sum::<f64>().clamp(0.0, 1.0));
        oklab(r, g, b)
    }

    fn distance(one: [f64; 3], other: [f64; 3]) -> f64 {
        one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn contrast_of_black_on_white_is_twenty_one() {
        // WCAG 2.2: the largest ratio there is.
        assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 1e-9);
        // #767676 on white is the well-known lightest grey that passes 4.5.
        assert!((contrast(Rgb(0x76, 0x76, 0x76), Rgb(255, 255, 255)) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_ink_stands_out_from_its_background() {
        for background in BACKGROUNDS {
            for number in 0..SERIES {
                let ratio = contrast(ink(Ink::Series(number), background), surface(background));
                assert!(ratio >= 3.0, "series {number} on {background:?}: {ratio:.2}");
            }
            for text in [Ink::Strong, Ink::Quiet, Ink::Accent] {
                let ratio = contrast(ink(text, background), surface(background));
                assert!(ratio >= 4.5, "{text:?} on {background:?}: {ratio:.2}");
            }
        }
    }

    #[test]
    fn inks_stay_apart_for_colour_blind_readers() {
        for background in BACKGROUNDS {
            for vision in &VISION {
                for one in 0..SERIES {
                    for other in 0..one {
                        let apart = distance(
                            seen(ink(Ink::Series(one), background), vision),
                            seen(ink(Ink::Series(other), background), vision),
                        );
                        assert!(apart > 0.04, "{one} and {other} on {background:?}: {apart:.3}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_colour_scale_is_even_and_visible_on_its_background() {
        for background in BACKGROUNDS {
            let steps: Vec<f64> = (0..=20)
                .map(|step| {
                    let colour = shade(f64::from(step) / 20.0, background);
                    let ratio = contrast(colour, surface(background));
                    assert!(ratio >= 3.0, "position {step}/20 on {background:?}: {ratio:.2}");
                    seen(colour, &VISION[0])[0]
                })
                .collect();
            let rises: Vec<f64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mean = rises.iter().sum::<f64>() / rises.len() as f64;
            for rise in rises {
                assert!((rise - mean).abs() < 0.45 * mean, "uneven lightness on {background:?}: {rise:.4}");
            }
        }
    }

    #[test]
    fn markers_and_dashes_tell_series_apart_when_colours_repeat() {
        let looks: std::collections::HashSet<_> = (0..24)
            .map(|number| {
                let ink = Ink::Series(number);
                (marker(ink), dash(ink), super::ink(ink, Background::Light))
            })
            .collect();
        assert_eq!(looks.len(), 24);
    }
}
