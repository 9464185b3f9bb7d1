//! The compute roof as a model: a chain of square matrix products that any ONNX runtime runs on any provider.
//!
//! One input `x` of n × n is multiplied again and again with one stored n × n matrix, so that the cost of feeding
//! the input and fetching the output (on a GPU: over the bus) is spread over [`PRODUCTS`] products of 2·n³
//! operations. The stored values are random with mean 0 and variance 1/n: lengths of rows stay what they are, so that
//! no number grows without bound or becomes so small that the processor slows down.

use prost::Message;
use prost::bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::ElementType;
use crate::model::proto::{
    DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, data_type as ty,
};

/// Products in the chain.
pub const PRODUCTS: u64 = 8;
/// Sides worth trying; small ones start fast, large ones use every thread.
pub const SIDES: [u64; 4] = [256, 512, 1024, 2048];
/// Largest side: its weights fit an ONNX file in every type.
const LARGEST_SIDE: u64 = 8192;
/// Name of the model's only input.
pub const INPUT: &str = "x";

/// Why there is no such model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GemmError {
    /// No products of this type.
    #[error("cannot make a matrix product of {0:?}: choose float32, float64, float16, bfloat16 or int8")]
    Element(ElementType),
    /// Too small or too large.
    #[error("cannot make a matrix product of side {0}: choose 1 to {LARGEST_SIDE}")]
    Side(u64),
}

/// Operations of one run of [`gemm_model`]: [`PRODUCTS`] × 2·n³ (integer ones for int8).
pub fn gemm_flops(side: u64) -> Option<u64> {
    side.checked_pow(3)?.checked_mul(2 * PRODUCTS)
}

/// Bytes of an ONNX file with the chain of products; its input `x` has the type `element`, or `uint8` for `Int8`
/// (quantized products take unsigned activations and signed weights).
pub fn gemm_model(side: u64, element: ElementType) -> Result<Vec<u8>, GemmError> {
    if side == 0 || side > LARGEST_SIDE {
        return Err(GemmError::Side(side));
    }
    let (data_type, weights) = weights(side, element)?;
    let dims = vec![side.cast_signed(); 2];
    let tensor = |name: &str, data_type, dims: Vec<i64>, raw: Vec<u8>| TensorProto {
        name: name.to_owned(),
        dims,
        data_type,
        raw_data: Bytes::from(raw),
        ..TensorProto::default()
    };
    let quantized = element == ElementType::Int8;
    let stored = if quantized { ty::INT8 } else { data_type };
    let mut initializer = vec![tensor("w", stored, dims, weights)];
    if quantized {
        // Weights of about ±40 in n terms: with this scale a row keeps its length, in steps of 1/16.
        let scale = 1.0 / (40.0 * (side as f32).sqrt());
        initializer.push(tensor("step", ty::FLOAT, Vec::new(), (1.0_f32 / 16.0).to_le_bytes().to_vec()));
        initializer.push(tensor("w_step", ty::FLOAT, Vec::new(), scale.to_le_bytes().to_vec()));
        initializer.push(tensor("zero", ty::UINT8, Vec::new(), vec![128]));
        initializer.push(tensor("w_zero", ty::INT8, Vec::new(), vec![0]));
    }
    let node = (0..PRODUCTS).map(|place| {
        let from = if place == 0 { INPUT.to_owned() } else { format!("y{place}") };
        let names: Vec<String> = if quantized {
            let rest = ["step", "zero", "w", "w_step", "w_zero", "step", "zero"];
            std::iter::once(from).chain(rest.map(str::to_owned)).collect()
        } else {
            vec![from, "w".to_owned()]
        };
        NodeProto {
            input: names,
            output: vec![if place + 1 == PRODUCTS { "y".to_owned() } else { format!("y{}", place + 1) }],
            name: format!("product_{place}"),
            op_type: if quantized { "QLinearMatMul" } else { "MatMul" }.to_owned(),
            ..NodeProto::default()
        }
    });
    let graph = GraphProto {
        node: node.collect(),
        name: "gemm".to_owned(),
        initializer,
        input: vec![port(INPUT, data_type, side)],
        output: vec![port("y", data_type, side)],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: 8,
        producer_name: "inferometer".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        ..ModelProto::default()
    };
    Ok(model.encode_to_vec())
}

fn port(name: &str, elem_type: i32, side: u64) -> ValueInfoProto {
    let dim = DimensionProto { dim_value: Some(side.cast_signed()), dim_param: None };
    let shape = Some(TensorShapeProto { dim: vec![dim; 2] });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

/// The input's type and the bytes of the stored matrix.
fn weights(side: u64, element: ElementType) -> Result<(i32, Vec<u8>), GemmError> {
    let mut random = ChaCha8Rng::seed_from_u64(side);
    // Uniform over ±√(3/n): variance 1/n.
    let reach = (3.0 / side as f32).sqrt();
    let mut next = move || random.next_u32() as f32 / (u32::MAX as f32) * 2.0 - 1.0;
    let mut unit = || next() * reach;
    Ok(match element {
        ElementType::Float32 => (ty::FLOAT, fill(side, || unit().to_le_bytes())),
        ElementType::Float64 => (ty::DOUBLE, fill(side, || f64::from(unit()).to_le_bytes())),
        ElementType::Float16 => (ty::FLOAT16, fill(side, || half(unit()).to_le_bytes())),
        // The upper half of a float32.
        ElementType::Bfloat16 => {
            (ty::BFLOAT16, fill(side, || ((unit().to_bits() >> 16) as u16).to_le_bytes()))
        }
        // Uniform over ±69: standard deviation 40.
        ElementType::Int8 => (ty::UINT8, fill(side, || ((next() * 69.0).round() as i8).to_le_bytes())),
        other => return Err(GemmError::Element(other)),
    })
}

fn fill<const N: usize>(side: u64, mut each: impl FnMut() -> [u8; N]) -> Vec<u8> {
    (0..side * side).flat_map(|_| each()).collect()
}

/// IEEE 754 half precision of a number below 2, rounded toward zero; what is under 2⁻¹⁴ becomes 0.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let exponent = ((bits >> 23) & 0xFF).cast_signed() - 127 + 15;
    if exponent <= 0 {
        return sign;
    }
    sign | ((exponent as u16) << 10) | ((bits >> 13) & 0x3FF) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::{NoExternal, parse};

    #[test]
    fn the_model_costs_what_it_says() {
        for element in [ElementType::Float32, ElementType::Float64, ElementType::Float16, ElementType::Int8] {
            let bytes = gemm_model(64, element).unwrap();
            let model = parse("gemm.onnx", Bytes::from(bytes), &NoExternal).unwrap().model;
            // 8 products of 2·64³.
            assert_eq!(
                (gemm_flops(64), model.flops.total),
                (Some(4_194_304), Some(4_194_304)),
                "{element:?}"
            );
            assert_eq!((model.inputs.len(), model.inputs[0].name.as_str()), (1, INPUT));
            assert!(model.flops.uncounted.is_empty());
        }
    }

    #[test]
    fn stored_values_keep_the_length_of_a_row() {
        let bytes = gemm_model(256, ElementType::Float32).unwrap();
        let model = ModelProto::decode(&bytes[..]).unwrap();
        let raw = &model.graph.unwrap().initializer[0].raw_data;
        let squares: f64 =
            raw.as_chunks().0.iter().map(|four| f64::from(f32::from_le_bytes(*four)).powi(2)).sum();
        // n² values of variance 1/n add up to n; the sum's own spread is under 1 %.
        assert!((squares / 256.0 - 1.0).abs() < 0.03, "{squares}");
    }

    #[test]
    fn halves_are_the_standards() {
        // IEEE 754-2008 binary16: 1, −0.5, 0.1 (0x2E66 = 0.0999756), 2⁻²⁰.
        let halves = [1.0, -0.5, 0.1, 9.536_743e-7].map(half);
        assert_eq!(halves, [0x3C00, 0xB800, 0x2E66, 0]);
    }

    #[test]
    fn impossible_products_are_refused() {
        assert_eq!(gemm_model(0, ElementType::Float32), Err(GemmError::Side(0)));
        assert_eq!(gemm_model(100_000, ElementType::Float32), Err(GemmError::Side(100_000)));
        assert_eq!(gemm_model(8, ElementType::Bool), Err(GemmError::Element(ElementType::Bool)));
        assert_eq!(gemm_flops(u64::MAX), None);
    }
}
