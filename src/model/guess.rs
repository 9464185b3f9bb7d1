//! What the names and places of dynamic dimensions suggest: which is the batch, and which sizes are worth trying.
//!
//! Everything here is a guess from conventions of exporters; `dims` turns guesses into sizes, and the user's word
//! goes over them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Dim, ElementType, Model, Port};

/// One axis of one input, by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AxisRef {
    pub input: usize,
    pub place: usize,
}

/// A sum of products.
pub(super) type Sum = Vec<Vec<Factor>>;

/// One factor of a product in a dimension's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Factor {
    Number(u64),
    Dim(String),
}

/// True for the names that exporters write where they mean "no name".
pub(super) fn is_placeholder(name: &str) -> bool {
    let name = name.trim();
    name.is_empty() || ["?", "-1", "*", "None", "none", "unknown", "Unknown"].contains(&name)
}

/// The dimension's name, or `input.place` when it has none.
pub(super) fn dim_name(input: &str, place: usize, dim: &Dim) -> String {
    match dim {
        Dim::Named(name) if !is_placeholder(name) => name.clone(),
        _ => format!("{input}.{place}"),
    }
}

/// The dynamic dimensions of the inputs by name, each with its axes in the model's order.
pub(super) fn groups(model: &Model) -> BTreeMap<String, Vec<AxisRef>> {
    let mut groups: BTreeMap<String, Vec<AxisRef>> = BTreeMap::new();
    for (input, port) in model.inputs.iter().enumerate() {
        for (place, dim) in port.shape.iter().enumerate() {
            if !matches!(dim, Dim::Fixed(_)) {
                groups.entry(dim_name(&port.name, place, dim)).or_default().push(AxisRef { input, place });
            }
        }
    }
    groups
}

/// The dimensions that are the batch: those called so; else the first dimensions of the inputs with two or more
/// dimensions, unless their names say something else. Nameless first dimensions join either, and so does the one
/// dynamic dimension of a recurrent state laid out as (layers, batch, features).
pub(super) fn batch_groups(model: &Model) -> BTreeSet<String> {
    let groups = groups(model);
    let mut batch: BTreeSet<String> = groups.keys().filter(|name| says_batch(name)).cloned().collect();
    let named = !batch.is_empty();
    for port in &model.inputs {
        if port.shape.len() < 2 {
            continue;
        }
        let Some(dim @ (Dim::Named(_) | Dim::Unknown)) = port.shape.first() else { continue };
        let name = dim_name(&port.name, 0, dim);
        let nameless = matches!(dim, Dim::Unknown) || is_opaque(&name) || !groups.contains_key(&name);
        let nameless = nameless || name == format!("{}.0", port.name);
        if nameless || (!named && batch.is_empty() && !says_other(&name)) {
            batch.insert(name);
        }
    }
    if !batch.is_empty() {
        let states = model.inputs.iter().filter_map(state_batch);
        batch.extend(states);
    }
    batch
}

/// The batch of a recurrent state (layers × directions, batch, features), when that is its only dynamic dimension.
fn state_batch(port: &Port) -> Option<String> {
    let [Dim::Fixed(layers), dim @ (Dim::Named(_) | Dim::Unknown), Dim::Fixed(_)] = port.shape.as_slice()
    else {
        return None;
    };
    let name = port.name.to_ascii_lowercase();
    let stateful = ["state", "hidden", "cell", "cache", "memory"].iter().any(|word| name.contains(word))
        || ["h", "c", "h0", "c0", "h_0", "c_0", "hn", "cn", "h_in", "c_in"].contains(&name.as_str());
    let dim_name = dim_name(&port.name, 1, dim);
    let nameless = matches!(dim, Dim::Unknown) || is_opaque(&dim_name);
    (nameless && (*layers >= 2 || stateful)).then_some(dim_name)
}

/// Lower-case words of a name: `BatchSize_1` → `batch`, `size`, `1`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous_lower = false;
    let mut open = false;
    for letter in name.chars() {
        if letter.is_alphanumeric() {
            if !open || (letter.is_uppercase() && previous_lower) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(letter.to_lowercase());
            }
        }
        open = letter.is_alphanumeric();
        previous_lower = letter.is_lowercase();
    }
    words
}

fn has_word(name: &str, wanted: &[&str]) -> bool {
    words(name).iter().any(|word| wanted.contains(&word.as_str()))
}

fn is_expression(name: &str) -> bool {
    name.contains(['+', '*', '/'])
}

fn says_batch(name: &str) -> bool {
    if is_expression(name) {
        return false;
    }
    let whole = name.trim().to_ascii_lowercase();
    ["n", "b", "bs", "nb", "bsz"].contains(&whole.as_str())
        || has_word(name, &["batch", "batchsize", "minibatch", "batches"])
}

/// True for names that say what the axis is, and it is not the batch.
fn says_other(name: &str) -> bool {
    is_expression(name)
        || has_word(name, SEQUENCE)
        || has_word(name, SAMPLES)
        || has_word(name, HEIGHT)
        || has_word(name, WIDTH)
        || has_word(
            name,
            &["channel", "channels", "boxes", "box", "rois", "roi", "classes", "points", "nodes"],
        )
        || has_word(name, &["edges", "heads", "layers", "features", "vocab", "depth"])
}

/// True for names a tool made up: `unk__12`, `p2o.DynamicDimension.0`, `dynamic_axes_1`, `s0`, `d_3`.
fn is_opaque(name: &str) -> bool {
    let opaque =
        ["unk", "dynamicdimension", "dynamic", "dimension", "axes", "axis", "p2o", "dim", "s", "d", "sym"];
    let words = words(name);
    !words.is_empty()
        && words.iter().all(|word| {
            let stem = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
            stem.is_empty() || opaque.contains(&stem)
        })
        || name.contains("DynamicDimension")
        || name.ends_with("dynamic_axes_1")
}

const SEQUENCE: &[&str] = &[
    "seq", "sequence", "seqlen", "length", "len", "tokens", "token", "src", "tgt", "text", "words", "time",
    "t", "l",
];
const SAMPLES: &[&str] = &["samples", "sample", "audio", "waveform", "wave", "wav", "signal"];
const FRAMES: &[&str] = &["frames", "frame", "mel", "steps", "timesteps"];
const PAST: &[&str] = &["past", "cache", "kv"];
const HEIGHT: &[&str] = &["height", "h", "rows"];
const WIDTH: &[&str] = &["width", "w", "cols", "columns"];

const IMAGE_SIZES: &[u64] = &[224, 320, 640, 48, 32, 256, 512, 28, 299, 416, 1024];
const CHANNELS: &[u64] = &[3, 1, 4];
const TOKEN_COUNTS: &[u64] = &[128, 64, 32, 16, 8, 256, 512, 1];
const SAMPLE_COUNTS: &[u64] = &[512, 576, 256, 1024, 16_000, 400, 160, 480, 1536];
const FRAME_COUNTS: &[u64] = &[128, 100, 64, 32, 16, 1, 200, 256, 3000];
const PAST_LENGTHS: &[u64] = &[16, 0, 1, 128];
const OTHERS: &[u64] = &[1, 2, 8, 16, 32, 64, 128, 224, 256, 512, 4, 3];

/// Sizes worth trying for a dimension, the likeliest first: by its name, else by its place in the first input that
/// has it.
pub(super) fn candidates(model: &Model, group: &[AxisRef]) -> Vec<u64> {
    let Some(axis) = group.first() else { return OTHERS.to_vec() };
    let port = &model.inputs[axis.input];
    let name = dim_name(&port.name, axis.place, &port.shape[axis.place]);
    let named = matches!(&port.shape[axis.place], Dim::Named(given) if *given == name) && !is_opaque(&name);
    let by_name = if named { by_name(&name, port) } else { None };
    let likely = by_name.or_else(|| by_place(port, axis.place)).unwrap_or(OTHERS);
    let mut sizes = likely.to_vec();
    sizes.extend(OTHERS.iter().filter(|size| !likely.contains(size)));
    sizes
}

fn by_name(name: &str, port: &Port) -> Option<&'static [u64]> {
    if has_word(name, PAST) {
        Some(PAST_LENGTHS)
    } else if has_word(name, SAMPLES) {
        Some(SAMPLE_COUNTS)
    } else if has_word(name, FRAMES) {
        Some(FRAME_COUNTS)
    } else if has_word(name, SEQUENCE) {
        // A long row of floats is sound, a row of integers is text.
        let sound =
            port.shape.len() <= 2 && is_float(port.element) && !matches!(port.shape[..], [_, Dim::Fixed(_)]);
        Some(if sound { SAMPLE_COUNTS } else { TOKEN_COUNTS })
    } else if has_word(name, HEIGHT) || has_word(name, WIDTH) || has_word(name, &["size", "image", "pixels"])
    {
        Some(IMAGE_SIZES)
    } else if has_word(name, &["channel", "channels", "c"]) {
        Some(CHANNELS)
    } else {
        None
    }
}

fn by_place(port: &Port, place: usize) -> Option<&'static [u64]> {
    let few = |dim: &Dim| matches!(dim, Dim::Fixed(1 | 3 | 4));
    match (port.shape.as_slice(), place) {
        // Pictures: channels last, else channels first.
        ([_, _, _, channels], 1 | 2) if few(channels) => Some(IMAGE_SIZES),
        ([_, first, _, _], 2 | 3) if !few(&port.shape[3]) || few(first) => Some(IMAGE_SIZES),
        ([_, _, _, _], 1) => Some(CHANNELS),
        // A picture without a batch.
        ([channels, _, _], 1 | 2) if few(channels) && is_pixel(port.element) => Some(IMAGE_SIZES),
        ([_, _, _], 1 | 2) => Some(FRAME_COUNTS),
        ([_, _], 1) | ([_], 0) if is_float(port.element) => Some(SAMPLE_COUNTS),
        ([_, _], 1) => Some(TOKEN_COUNTS),
        _ => None,
    }
}

fn is_float(element: ElementType) -> bool {
    matches!(
        element,
        ElementType::Float32 | ElementType::Float64 | ElementType::Float16 | ElementType::Bfloat16
    )
}

fn is_pixel(element: ElementType) -> bool {
    is_float(element) || element == ElementType::Uint8
}

/// `past_sequence_length + 1` as a sum of products of numbers and of other dimensions that are plain names;
/// `None` for a plain name and for a sum of anything else.
pub(super) fn sum_of(name: &str, groups: &BTreeMap<String, Vec<AxisRef>>) -> Option<Sum> {
    if !is_expression(name) || name.contains('/') {
        return None;
    }
    name.split('+')
        .map(|term| {
            term.split('*')
                .map(|factor| {
                    let factor = factor.trim();
                    match factor.parse::<u64>() {
                        Ok(number) => Some(Factor::Number(number)),
                        Err(_not_a_number) => {
                            groups.contains_key(factor).then(|| Factor::Dim(factor.to_owned()))
                        }
                    }
                })
                .collect()
        })
        .collect()
}
