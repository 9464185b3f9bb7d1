//! Floating-point operations of one node, from the shapes of its inputs and outputs.
//!
//! A multiplication and an addition are two operations, as in "FLOPs" of the literature (half as many
//! multiply-accumulates). What each operator counts:
//!
//! - convolutions and matrix products: two for each product of two elements, one for each element of a bias;
//! - pooling: one for each element of the window; reductions and global pooling: one for each element read;
//! - elementwise operators and activations: one for each element of the output, however many machine
//!   instructions an exponential takes; comparisons, logic and arithmetic on plain integers (indices): none;
//! - softmax: five an element (maximum, difference, exponential, sum, quotient); batch normalisation: two (scale
//!   and shift, as folded for inference); other normalisations: seven (mean, difference, square, sum, quotient,
//!   scale, shift), root-mean-square ones four, with the residual addition one more;
//! - quantizing and dequantizing: none, as a cast; runtimes fuse them into the operators around them, so that a
//!   model with and without its quantization nodes counts the same; finding the range for it counts two an element;
//! - recurrent layers: two for each weight used in each step and direction, two for each bias pair, and the
//!   gates' pointwise work (LSTM nine, GRU eight, plain one for each hidden element);
//! - attention: the products of queries with keys and of scores with values, five an element for the softmax;
//! - resizing: none for nearest, 2·2ᵈ − 1 an output element for linear and 2·4ᵈ − 1 for cubic, over the d
//!   dimensions that change;
//! - operators that move, pick or describe values: none.
//!
//! An operator not on the list, or one whose shapes are not known, is `None`: named, not guessed.

use super::infer::{self, Call, Value, is_numeric_work, product};

/// Operations of one node; `None` when the operator is not known or its shapes are not.
pub(super) fn flops(call: &Call, outputs: &[Value]) -> Option<u64> {
    if !matches!(call.node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") {
        return None;
    }
    let op = call.node.op_type.as_str();
    let output = outputs.first();
    let out = || output?.elements();
    let read = || call.input(0)?.elements();
    let bias = |place: usize| if call.input(place).is_some() { out() } else { Some(0) };
    match op {
        "Conv" => sum(&[conv(call, output?, 1)?, bias(2)?]),
        // The residual input of the fused operator is added, its activation applied.
        "FusedConv" | "NhwcFusedConv" => {
            let activation = if call.node.attribute("activation").is_some() { out()? } else { 0 };
            sum(&[conv(call, output?, 1)?, bias(2)?, bias(3)?, activation])
        }
        "ConvInteger" => conv(call, output?, 1),
        "QLinearConv" => sum(&[conv(call, output?, 3)?, bias(8)?]),
        "ConvTranspose" => {
            // Every input element meets the kernel of every output channel of its group.
            let per_input = product(&[call.input(1)?.size(1)?, product(&infer::kernel(call, 1)?)?])?;
            sum(&[twice(&[read()?, per_input])?, bias(2)?])
        }
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
            let rank = call.input(0)?.rank()?;
            twice(&[out()?, call.input(0)?.size(rank.checked_sub(1)?)?])
        }
        "MatMulIntegerToFloat" | "DynamicQuantizeMatMul" => {
            let rank = call.input(0)?.rank()?;
            sum(&[twice(&[out()?, call.input(0)?.size(rank.checked_sub(1)?)?])?, out()?])
        }
        "FusedMatMul" | "TransposeMatMul" => {
            let rank = call.input(0)?.rank()?;
            let inner = if call.int("transA", 0) != 0 { rank.checked_sub(2)? } else { rank.checked_sub(1)? };
            twice(&[out()?, call.input(0)?.size(inner)?])
        }
        "MatMulNBits" => twice(&[out()?, u64::try_from(call.node.int("K")?).ok()?]),
        "Gemm" | "FusedGemm" | "QGemm" => {
            let inner = call.input(0)?.size(usize::from(call.int("transA", 0) == 0))?;
            sum(&[twice(&[out()?, inner])?, bias(if op == "QGemm" { 6 } else { 2 })?])
        }
        "Einsum" => {
            let (sizes, _) = infer::einsum_sizes(call)?;
            let sizes: Option<Vec<u64>> = sizes.into_iter().map(|(_, size)| size).collect();
            let all = product(&sizes?)?;
            all.checked_mul(if call.inputs.len() > 1 { 2 * (call.inputs.len() as u64 - 1) } else { 1 })
        }
        "MaxPool" | "AveragePool" | "LpPool" | "QLinearAveragePool" => {
            product(&[out()?, product(&infer::kernel(call, usize::MAX)?)?])
        }
        "GlobalAveragePool"
        | "GlobalMaxPool"
        | "GlobalLpPool"
        | "QLinearGlobalAveragePool"
        | "ArgMax"
        | "ArgMin" => read(),
        "LSTM" | "GRU" | "RNN" | "DynamicQuantizeLSTM" => recurrent(call),
        "Attention" | "MultiHeadAttention" | "GroupQueryAttention" => attention(call),
        "BatchNormalization" | "BiasGelu" | "BiasAdd" => product(&[2, out()?]),
        "DynamicQuantizeLinear" => product(&[2, read()?]),
        "Softmax" | "LogSoftmax" | "QLinearSoftmax" | "SkipSimplifiedLayerNormalization" => {
            product(&[5, out()?])
        }
        "InstanceNormalization"
        | "GroupNormalization"
        | "LayerNormalization"
        | "MeanVarianceNormalization" => product(&[7, out()?]),
        "SkipLayerNormalization" | "EmbedLayerNormalization" => product(&[8, out()?]),
        "SimplifiedLayerNormalization" | "RMSNormalization" => product(&[4, out()?]),
        "LpNormalization" | "RotaryEmbedding" => product(&[3, out()?]),
        // Square, sum over the window, power and scale.
        "LRN" => product(&[u64::try_from(call.node.int("size")?).ok()?.checked_add(4)?, out()?]),
        "QLinearAdd" | "QLinearMul" => out(),
        "Resize" | "Upsample" => resize(call, output?),
        _ if infer::is_logical(op) || is_move(op) => Some(0),
        _ if op.starts_with("Reduce") => {
            if is_numeric_work(call.data_type(0)) {
                read()
            } else {
                Some(0)
            }
        }
        "Sum" | "Mean" | "Max" | "Min" => {
            if is_numeric_work(call.data_type(0)) {
                product(&[(call.inputs.len() as u64).saturating_sub(1).max(1), out()?])
            } else {
                Some(0)
            }
        }
        _ if infer::is_activation(op) || infer::is_variadic(op) || op == "CumSum" => {
            if is_numeric_work(call.data_type(0)) { out() } else { Some(0) }
        }
        _ => None,
    }
}

/// Operators that move, pick, describe or make values without arithmetic on them.
fn is_move(op: &str) -> bool {
    matches!(
        op,
        "Constant"
            | "ConstantOfShape"
            | "Identity"
            | "Reshape"
            | "Flatten"
            | "Squeeze"
            | "Unsqueeze"
            | "Transpose"
            | "Concat"
            | "QLinearConcat"
            | "Split"
            | "Slice"
            | "Gather"
            | "GatherElements"
            | "GatherND"
            | "GatherBlockQuantized"
            | "Scatter"
            | "ScatterElements"
            | "ScatterND"
            | "TensorScatter"
            | "Expand"
            | "Tile"
            | "Pad"
            | "Shape"
            | "Size"
            | "Cast"
            | "CastLike"
            | "QuantizeLinear"
            | "DequantizeLinear"
            | "Where"
            | "Range"
            | "OneHot"
            | "NonZero"
            | "TopK"
            | "DepthToSpace"
            | "SpaceToDepth"
            | "Dropout"
            | "EyeLike"
            | "Compress"
            | "Unique"
            | "ReverseSequence"
            | "Trilu"
            | "CenterCropPad"
            | "Hardmax"
            | "BitShift"
            | "BitwiseAnd"
            | "BitwiseOr"
            | "BitwiseXor"
            | "BitwiseNot"
            | "SequenceEmpty"
            | "SequenceConstruct"
            | "SequenceInsert"
            | "SequenceErase"
            | "SequenceAt"
            | "SequenceLength"
            | "SplitToSequence"
            | "ConcatFromSequence"
            | "Optional"
            | "OptionalGetElement"
            | "OptionalHasElement"
            | "RandomNormal"
            | "RandomUniform"
            | "RandomNormalLike"
            | "RandomUniformLike"
            | "Bernoulli"
            | "Multinomial"
            | "If"
    )
}

fn twice(factors: &[u64]) -> Option<u64> {
    product(factors)?.checked_mul(2)
}

fn sum(parts: &[u64]) -> Option<u64> {
    parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(*part))
}

/// Each output element is a sum over the kernel and the input channels of its group.
fn conv(call: &Call, output: &Value, weights: usize) -> Option<u64> {
    let channels = call.input(weights)?.size(1)?;
    twice(&[output.elements()?, channels, product(&infer::kernel(call, weights)?)?])
}

fn recurrent(call: &Call) -> Option<u64> {
    let [first, second, features] = call.input(0)?.sizes()?[..] else { return None };
    let weights = call.input(1)?.sizes()?;
    let recurrence = call.input(2)?.sizes()?;
    let steps = first.checked_mul(second)?;
    let directions = *weights.first()?;
    let (gates, pointwise) = match call.node.op_type.as_str() {
        "LSTM" | "DynamicQuantizeLSTM" => (4, 9),
        "GRU" => (3, 8),
        _ => (1, 1),
    };
    let hidden = match call.node.int("hidden_size") {
        Some(hidden) => u64::try_from(hidden).ok()?,
        None => *recurrence.get(2)?,
    };
    let products = twice(&[gates, hidden, features.checked_add(hidden)?])?;
    let biases = if call.input(3).is_some() { product(&[2, gates, hidden])? } else { 0 };
    product(&[steps, directions, sum(&[products, biases, product(&[pointwise, hidden])?])?])
}

fn attention(call: &Call) -> Option<u64> {
    let query = call.input(0)?.sizes()?;
    if call.node.op_type == "Attention" && call.node.domain == "com.microsoft" {
        let [batch, length, features] = query[..] else { return None };
        let all = call.input(1)?.size(1)?;
        let (queries, values) = match call.node.ints("qkv_hidden_sizes") {
            Some([queries, _, values]) => (u64::try_from(*queries).ok()?, u64::try_from(*values).ok()?),
            _ => (all / 3, all / 3),
        };
        // A past makes the keys longer.
        let keys = match call.input(4) {
            Some(past) => length.checked_add(past.size(3)?)?,
            None => length,
        };
        let heads = u64::try_from(call.node.int("num_heads")?).ok()?;
        return sum(&[
            twice(&[batch, length, features, all])?,
            if call.input(2).is_some() { product(&[batch, length, all])? } else { 0 },
            twice(&[batch, length, keys, queries.checked_add(values)?])?,
            product(&[5, batch, heads, length, keys])?,
        ]);
    }
    let (key, value) = (call.input(1)?.sizes()?, call.input(2)?.sizes()?);
    let past_length = |place: usize| match call.input(place) {
        Some(past) => past.size(2),
        None => Some(0),
    };
    let (batch, length, features, heads, keys, values) = match (call.node.op_type.as_str(), &query[..]) {
        ("Attention", [batch, heads, length, features]) => {
            let keys = key.get(2)?.checked_add(past_length(4)?)?;
            (*batch, *length, heads.checked_mul(*features)?, *heads, keys, heads.checked_mul(*value.get(3)?)?)
        }
        (op, [batch, length, features]) => {
            let heads = call.node.int("num_heads").or_else(|| call.node.int("q_num_heads"))?;
            let heads = u64::try_from(heads).ok().filter(|heads| *heads > 0)?;
            let past = match op {
                "GroupQueryAttention" => past_length(3)?,
                "MultiHeadAttention" => past_length(6)?,
                _ => past_length(4)?,
            };
            // Keys and values of attention across sequences may come with heads apart.
            let (new, values) = match (&key[..], &value[..]) {
                ([_, new, _], [_, _, values]) => (*new, *values),
                ([_, _, new, _], [_, heads, _, values]) => (*new, heads.checked_mul(*values)?),
                _ => return None,
            };
            // Grouped heads share values: each query head reads its own copy.
            let values = if op == "MultiHeadAttention" { values } else { *features };
            (*batch, *length, *features, heads, new.checked_add(past)?, values)
        }
        _ => return None,
    };
    sum(&[
        twice(&[batch, length, keys, features.checked_add(values)?])?,
        product(&[5, batch, heads, length, keys])?,
    ])
}

fn resize(call: &Call, output: &Value) -> Option<u64> {
    let (before, after) = (call.input(0)?.sizes()?, output.sizes()?);
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count() as u32;
    let per_element = match call.node.text("mode") {
        Some("linear") => 2 * 2_u64.checked_pow(changed)? - 1,
        Some("cubic") => 2 * 4_u64.checked_pow(changed)? - 1,
        _ => 0,
    };
    if changed == 0 { Some(0) } else { product(&[per_element, output.elements()?]) }
}
