//! Values made for a model's inputs, so that a model can be measured without a data file.
//!
//! The same port, shape and seed give the same values on every platform: the generator is `ChaCha8`, whose output
//! is defined bit for bit, and values are made from its bits by integer arithmetic and exact conversions only
//! (no logarithm or sine, which differ between systems in their last digit).
//!
//! What is made, by [`InputHint`] first and then by element type:
//!
//! - ids: uniform in `0..below`;
//! - masks: all ones, which is what one unpadded item has; a mask with holes would let a runtime that skips
//!   masked work look faster than it is on a full item;
//! - floats: uniform in `[0, 1)`, the range of a picture scaled to one: safe behind `Log` and `Sqrt`, inside the
//!   calibrated range of most quantized models, and never denormal (steps of 2⁻²⁴, 2⁻¹¹ for half precision and
//!   2⁻⁸ for bfloat16);
//! - 8-bit integers: uniform over the whole range (pixels, quantized values);
//! - wider integers: 0 or 1, which are valid indices of most things; an input whose name says it is a length gets
//!   ones, and one whose name says it is a sampling rate gets 16,000;
//! - booleans: fair coins; texts: words of 3 to 8 lower-case letters.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ElementType, InputHint, Port};

/// Most elements one generated input may have: 2²⁸, 1 GiB of float32.
pub const MAX_ELEMENTS: u64 = 1 << 28;

/// Values of a tensor in row-major order. Half precision is kept as bits.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum TensorData {
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// IEEE 754 binary16 bits.
    F16(Vec<u16>),
    /// bfloat16 bits: the upper half of a float32.
    Bf16(Vec<u16>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

impl TensorData {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::F16(values) | Self::Bf16(values) | Self::U16(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// True when there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type, as ONNX calls it.
    pub fn element(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::Float32,
            Self::F64(_) => ElementType::Float64,
            Self::F16(_) => ElementType::Float16,
            Self::Bf16(_) => ElementType::Bfloat16,
            Self::I8(_) => ElementType::Int8,
            Self::U8(_) => ElementType::Uint8,
            Self::I16(_) => ElementType::Int16,
            Self::U16(_) => ElementType::Uint16,
            Self::I32(_) => ElementType::Int32,
            Self::U32(_) => ElementType::Uint32,
            Self::I64(_) => ElementType::Int64,
            Self::U64(_) => ElementType::Uint64,
            Self::Bool(_) => ElementType::Bool,
            Self::Text(_) => ElementType::String,
        }
    }
}

/// One input's values with their shape; `data.len()` is the product of `shape`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// The input's name in the graph.
    pub name: String,
    /// Dimensions; empty for a scalar.
    pub shape: Vec<u64>,
    /// Values in row-major order.
    pub data: TensorData,
}

/// Why no values can be made for an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The shape asks for more than [`MAX_ELEMENTS`].
    #[error(
        "cannot make values for input `{input}`: shape {shape:?} has {elements} elements, more than the \
         {MAX_ELEMENTS} allowed; choose a smaller batch or smaller dynamic dimensions"
    )]
    TooLarge {
        /// The input's name.
        input: String,
        /// The shape asked for.
        shape: Vec<u64>,
        /// Its number of elements, in words (it may not fit an integer).
        elements: String,
    },
    /// Values of this element type cannot be made.
    #[error(
        "cannot make values of type {element:?} for input `{input}`; give its values in a .npy or .npz file, \
         or export the model with float or integer inputs"
    )]
    Unsupported {
        /// The input's name.
        input: String,
        /// Its element type.
        element: ElementType,
    },
    /// The embedding behind an input has no rows, so no id is valid.
    #[error("cannot make ids for input `{input}`: the table they index has no rows")]
    EmptyTable {
        /// The input's name.
        input: String,
    },
}

/// Values for `port` in `shape`, the same for the same `seed` on every platform; see the module for what is made.
/// Inputs of different names get different values from one seed.
pub fn generate(port: &Port, shape: &[u64], seed: u64) -> Result<Tensor, InputError> {
    let count = element_count(&port.name, shape)?;
    let mut values = Values { rng: ChaCha8Rng::seed_from_u64(seed) };
    values.rng.set_stream(stream_of(&port.name));
    let integers = integer_range(port)?;
    let ones = port.hint == InputHint::Mask;
    let data = match port.element {
        ElementType::Float32 => TensorData::F32(values.many(count, |v| match integers {
            Some(range) => v.integer(range) as f32,
            None => v.steps(24) as f32 / 16_777_216.0,
        })),
        ElementType::Float64 => TensorData::F64(values.many(count, |v| match integers {
            Some(range) => v.integer(range) as f64,
            None => v.steps(53) as f64 / 9_007_199_254_740_992.0,
        })),
        ElementType::Float16 => {
            TensorData::F16(values.many(count, |v| if ones { 0x3C00 } else { half_bits(v.steps(11)) }))
        }
        ElementType::Bfloat16 => TensorData::Bf16(values.many(count, |v| {
            if ones { 0x3F80 } else { ((v.steps(8) as f32 / 256.0).to_bits() >> 16) as u16 }
        })),
        ElementType::Int8 => {
            let range = integers.unwrap_or((-128, 127));
            TensorData::I8(values.many(count, |v| v.integer(range) as i8))
        }
        ElementType::Uint8 => {
            let range = integers.unwrap_or((0, 255));
            TensorData::U8(values.many(count, |v| v.integer(range) as u8))
        }
        ElementType::Int16 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::I16(values.many(count, |v| v.integer(range) as i16))
        }
        ElementType::Uint16 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::U16(values.many(count, |v| v.integer(range) as u16))
        }
        ElementType::Int32 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::I32(values.many(count, |v| v.integer(range) as i32))
        }
        ElementType::Uint32 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::U32(values.many(count, |v| v.integer(range) as u32))
        }
        ElementType::Int64 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::I64(values.many(count, |v| v.integer(range)))
        }
        ElementType::Uint64 => {
            let range = integers.unwrap_or((0, 1));
            TensorData::U64(values.many(count, |v| v.integer(range) as u64))
        }
        ElementType::Bool => TensorData::Bool(values.many(count, |v| ones || v.steps(1) == 1)),
        ElementType::String => TensorData::Text(values.many(count, Values::word)),
        ElementType::Float8
        | ElementType::Int4
        | ElementType::Uint4
        | ElementType::Complex64
        | ElementType::Complex128
        | ElementType::Other => {
            return Err(InputError::Unsupported { input: port.name.clone(), element: port.element });
        }
    };
    Ok(Tensor { name: port.name.clone(), shape: shape.to_vec(), data })
}

fn element_count(input: &str, shape: &[u64]) -> Result<usize, InputError> {
    let product = if shape.contains(&0) {
        Some(0)
    } else {
        shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))
    };
    product.filter(|count| *count <= MAX_ELEMENTS).and_then(|count| usize::try_from(count).ok()).ok_or_else(
        || InputError::TooLarge {
            input: input.to_owned(),
            shape: shape.to_vec(),
            elements: product.map_or_else(|| "more than 2^64".to_owned(), |count| count.to_string()),
        },
    )
}

/// First and last value an integer-like input may have; `None` = the type's own default.
fn integer_range(port: &Port) -> Result<Option<(i64, i64)>, InputError> {
    match port.hint {
        InputHint::Mask => return Ok(Some((1, 1))),
        InputHint::Ids { below: 0 } => return Err(InputError::EmptyTable { input: port.name.clone() }),
        InputHint::Ids { below } => {
            // A table larger than the type's largest value is indexed up to that value.
            let largest = match port.element {
                ElementType::Int8 => 0x7F,
                ElementType::Uint8 => 0xFF,
                ElementType::Int16 => 0x7FFF,
                ElementType::Uint16 => 0xFFFF,
                ElementType::Int32 => 0x7FFF_FFFF,
                ElementType::Uint32 => 0xFFFF_FFFF,
                // Whole numbers beyond these are not exact.
                ElementType::Float32 => 1 << 24,
                ElementType::Float64 => 1 << 53,
                _ => i64::MAX,
            };
            return Ok(Some((0, i64::try_from(below - 1).unwrap_or(i64::MAX).min(largest))));
        }
        InputHint::Any => {}
    }
    let wide_integer = matches!(
        port.element,
        ElementType::Int16
            | ElementType::Uint16
            | ElementType::Int32
            | ElementType::Uint32
            | ElementType::Int64
            | ElementType::Uint64
    );
    if !wide_integer {
        return Ok(None);
    }
    let name = port.name.to_ascii_lowercase();
    let is_rate = ["sr", "sample_rate", "sampling_rate", "samplerate"].contains(&name.as_str());
    let is_length = ["len", "length", "lengths", "lens"].iter().any(|word| name.ends_with(word));
    if is_rate {
        Ok(Some((16_000, 16_000)))
    } else if is_length {
        Ok(Some((1, 1)))
    } else {
        Ok(None)
    }
}

struct Values {
    rng: ChaCha8Rng,
}

impl Values {
    fn many<T>(&mut self, count: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| one(self)).collect()
    }

    /// Uniform in `0..2^bits`, for 1 to 64 bits.
    fn steps(&mut self, bits: u32) -> u64 {
        if bits <= 32 {
            u64::from(self.rng.next_u32() >> (32 - bits))
        } else {
            self.rng.next_u64() >> (64 - bits)
        }
    }

    /// Uniform between both bounds, both included. The bias of the fixed-point product is below span ÷ 2⁶⁴.
    fn integer(&mut self, (first, last): (i64, i64)) -> i64 {
        let span = (i128::from(last) - i128::from(first) + 1).unsigned_abs();
        let offset = (u128::from(self.rng.next_u64()) * span) >> 64;
        // INVARIANT: offset < span, so the sum lies in first..=last.
        (i128::from(first) + i128::from(offset as u64)) as i64
    }

    fn word(&mut self) -> String {
        let letters = self.integer((3, 8));
        (0..letters).map(|_| char::from(b'a' + self.integer((0, 25)) as u8)).collect()
    }
}

/// Bits of `step` × 2⁻¹¹ as IEEE 754 binary16; exact, because `step` has at most 11 bits.
fn half_bits(step: u64) -> u16 {
    if step == 0 {
        return 0;
    }
    let exponent = step.ilog2();
    let mantissa = (step << (10 - exponent)) & 0x3FF;
    // The value is 1.mantissa × 2^(exponent − 11); binary16 keeps exponents with a bias of 15.
    ((exponent as u16 + 4) << 10) | mantissa as u16
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): gives each input name its own stream of the generator.
fn stream_of(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::super::Dim;
    use super::*;

    fn port(name: &str, element: ElementType, hint: InputHint) -> Port {
        Port { name: name.to_owned(), element, shape: vec![Dim::Unknown], hint }
    }

    #[test]
    fn ids_stay_inside_the_table_and_reach_both_ends() {
        let ids = port("input_ids", ElementType::Int64, InputHint::Ids { below: 7 });
        let TensorData::I64(values) = generate(&ids, &[4, 100], 1).unwrap().data else { panic!("not int64") };
        assert_eq!(values.len(), 400);
        assert_eq!((values.iter().min(), values.iter().max()), (Some(&0), Some(&6)));
    }

    #[test]
    fn masks_are_ones_in_every_type() {
        for (element, expected) in [
            (ElementType::Int64, TensorData::I64(vec![1; 3])),
            (ElementType::Float32, TensorData::F32(vec![1.0; 3])),
            (ElementType::Float16, TensorData::F16(vec![0x3C00; 3])),
            (ElementType::Bfloat16, TensorData::Bf16(vec![0x3F80; 3])),
            (ElementType::Bool, TensorData::Bool(vec![true; 3])),
        ] {
            assert_eq!(
                generate(&port("attention_mask", element, InputHint::Mask), &[3], 9).unwrap().data,
                expected
            );
        }
    }

    #[test]
    fn floats_cover_the_unit_interval_evenly() {
        let pixels = port("x", ElementType::Float32, InputHint::Any);
        let TensorData::F32(values) = generate(&pixels, &[10_000], 3).unwrap().data else {
            panic!("not float32")
        };
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / 10_000.0;
        // Mean 1/2, standard error 1/√12/√10,000 = 0.0029: five of them.
        assert!((mean - 0.5).abs() < 0.015, "mean {mean}");
    }

    #[test]
    fn half_precision_bits_are_exact() {
        // Python: struct.pack('<e', k / 2048).
        for (step, bits) in [(0, 0x0000), (1, 0x1000), (1024, 0x3800), (1536, 0x3A00), (2047, 0x3BFF)] {
            assert_eq!(half_bits(step), bits, "step {step}");
        }
    }

    #[test]
    fn the_seed_decides_and_the_name_tells_inputs_apart() {
        let a = port("a", ElementType::Float32, InputHint::Any);
        let b = port("b", ElementType::Float32, InputHint::Any);
        let values = |port: &Port, seed| generate(port, &[64], seed).unwrap().data;
        assert_eq!(values(&a, 5), values(&a, 5));
        assert_ne!(values(&a, 5), values(&a, 6));
        assert_ne!(values(&a, 5), values(&b, 5));
    }

    #[test]
    fn integers_without_a_hint_follow_type_and_name() {
        let make = |name: &str, element| generate(&port(name, element, InputHint::Any), &[500], 2).unwrap();
        let TensorData::U8(pixels) = make("image", ElementType::Uint8).data else { panic!("not uint8") };
        assert!(pixels.iter().max() > Some(&240) && pixels.iter().min() < Some(&15));
        assert_eq!(make("feature_lengths", ElementType::Int32).data, TensorData::I32(vec![1; 500]));
        assert_eq!(make("sr", ElementType::Int64).data, TensorData::I64(vec![16_000; 500]));
        let TensorData::I64(other) = make("position", ElementType::Int64).data else { panic!("not int64") };
        assert!(other.iter().all(|value| (0..=1).contains(value)));
    }

    #[test]
    fn scalars_have_one_element_and_empty_shapes_none() {
        let x = port("x", ElementType::Float64, InputHint::Any);
        assert_eq!(generate(&x, &[], 0).unwrap().data.len(), 1);
        assert!(generate(&x, &[2, 0, u64::MAX], 0).unwrap().data.is_empty());
    }

    #[test]
    fn impossible_requests_are_refused_in_words() {
        let x = port("x", ElementType::Float32, InputHint::Any);
        let error = generate(&x, &[1 << 15, 1 << 15], 0).unwrap_err().to_string();
        assert!(error.contains("`x`") && error.contains("1073741824 elements"), "{error}");
        let error = generate(&x, &[u64::MAX, 3], 0).unwrap_err().to_string();
        assert!(error.contains("more than 2^64"), "{error}");
        let packed = port("w", ElementType::Int4, InputHint::Any);
        assert!(matches!(generate(&packed, &[2], 0), Err(InputError::Unsupported { .. })));
        let empty = port("ids", ElementType::Int64, InputHint::Ids { below: 0 });
        assert!(matches!(generate(&empty, &[2], 0), Err(InputError::EmptyTable { .. })));
    }
}
