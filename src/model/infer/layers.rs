//! Operators that compute: convolutions, products, pooling, reductions, recurrent layers, everything elementwise.

use super::super::proto::data_type as ty;
use super::{Call, Shape, Value, broadcast, fold, place};

/// What is known of the outputs; `None` for an operator without a rule.
pub(super) fn outputs(call: &Call) -> Option<Vec<Value>> {
    let data_type = call.data_type(0);
    let one = |shape: Option<Shape>| Some(vec![Value::new(data_type, shape)]);
    let op = call.node.op_type.as_str();
    match op {
        "Conv" | "FusedConv" | "NhwcFusedConv" => one(conv(call, 0, 1)),
        "ConvInteger" => Some(vec![Value::new(ty::INT32, conv(call, 0, 1))]),
        "QLinearConv" => Some(vec![Value::new(call.data_type(7), conv(call, 0, 3))]),
        "ConvTranspose" => one(conv_transpose(call)),
        "MaxPool" | "AveragePool" | "LpPool" | "QLinearAveragePool" => {
            let shape = pool(call)?;
            Some(vec![Value::new(data_type, Some(shape.clone())), Value::new(ty::INT64, Some(shape))])
        }
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" | "QLinearGlobalAveragePool" => {
            let mut shape = call.shape(0)?.clone();
            let rank = shape.len();
            let spatial = if call.int("channels_last", 0) == 1 { 1..rank.max(1) - 1 } else { 2..rank };
            shape.get_mut(spatial)?.fill(Some(1));
            one(Some(shape))
        }
        "MatMul" => one(matmul(call.shape(0)?, call.shape(1)?)),
        "FusedMatMul" | "TransposeMatMul" => {
            let turned = |place: usize, attribute: &str| {
                let mut shape = call.shape(place)?.clone();
                let rank = shape.len();
                if call.int(attribute, 0) != 0 && rank >= 2 {
                    shape.swap(rank - 1, rank - 2);
                }
                Some(shape)
            };
            one(matmul(&turned(0, "transA")?, &turned(1, "transB")?))
        }
        "MatMulInteger" => Some(vec![Value::new(ty::INT32, matmul(call.shape(0)?, call.shape(1)?))]),
        "MatMulIntegerToFloat" | "DynamicQuantizeMatMul" => {
            Some(vec![Value::new(ty::FLOAT, matmul(call.shape(0)?, call.shape(1)?))])
        }
        "QLinearMatMul" => Some(vec![Value::new(call.data_type(7), matmul(call.shape(0)?, call.shape(3)?))]),
        "MatMulNBits" => {
            let (_, kept) = call.shape(0)?.split_last()?;
            one(Some([kept, &[u64::try_from(call.node.int("N")?).ok()]].concat()))
        }
        "Gemm" | "FusedGemm" => one(gemm(call, 0, 1)),
        "QGemm" => Some(vec![Value::new(call.data_type(8), gemm(call, 0, 3))]),
        "Einsum" => one(einsum(call)),
        "LSTM" | "GRU" | "RNN" | "DynamicQuantizeLSTM" => recurrent(call),
        _ if op.starts_with("Reduce") => {
            Some(vec![Value { numbers: fold::reduce(call), ..reduced(call, data_type)? }])
        }
        "ArgMax" | "ArgMin" => reduced(call, ty::INT64).map(|value| vec![value]),
        "DynamicQuantizeLinear" => Some(vec![
            Value::new(ty::UINT8, call.shape(0).cloned()),
            Value::new(ty::FLOAT, Some(Vec::new())),
            Value::new(ty::UINT8, Some(Vec::new())),
        ]),
        "QuantizeLinear" => {
            let asked = call.int("output_dtype", 0) as i32;
            let data_type = match call.input(2) {
                Some(zero_point) => zero_point.data_type,
                None if asked != 0 => asked,
                None => ty::UINT8,
            };
            Some(vec![Value::new(data_type, call.shape(0).cloned())])
        }
        "DequantizeLinear" | "CastLike" => Some(vec![Value::new(call.data_type(1), call.shape(0).cloned())]),
        "Cast" => {
            let numbers = fold::elementwise(call);
            Some(vec![Value { numbers, ..Value::new(call.int("to", 0) as i32, call.shape(0).cloned()) }])
        }
        "Where" => {
            let shape = broadcast(call.shape(0)?, &broadcast(call.shape(1)?, call.shape(2)?)?);
            Some(vec![Value { numbers: fold::elementwise(call), ..Value::new(call.data_type(1), shape) }])
        }
        "QLinearAdd" | "QLinearMul" => one(broadcast(call.shape(0)?, call.shape(3)?)),
        "EmbedLayerNormalization" => {
            let ids = call.shape(0)?;
            let hidden = call.input(2)?.size(1);
            let data_type = call.data_type(2);
            Some(vec![
                Value::new(data_type, Some([ids.as_slice(), &[hidden]].concat())),
                Value::new(ty::INT32, Some(vec![ids.first().copied().flatten()])),
            ])
        }
        "Attention" => attention(call),
        "MultiHeadAttention" | "GroupQueryAttention" => {
            // Packed queries, keys and values have another layout.
            call.input(1)?;
            one(call.shape(0).cloned())
        }
        _ if is_logical(op) => {
            Some(vec![Value { numbers: fold::elementwise(call), ..Value::new(ty::BOOL, elementwise(call)) }])
        }
        _ if keeps_shape(op) => one(call.shape(0).cloned()),
        _ if is_variadic(op) => {
            Some(vec![Value { numbers: fold::elementwise(call), ..Value::new(data_type, elementwise(call)) }])
        }
        _ => None,
    }
}

/// Comparisons and logic: true or false for each element.
pub(in super::super) fn is_logical(op: &str) -> bool {
    matches!(
        op,
        "Equal"
            | "Greater"
            | "GreaterOrEqual"
            | "Less"
            | "LessOrEqual"
            | "And"
            | "Or"
            | "Xor"
            | "Not"
            | "IsNaN"
            | "IsInf"
    )
}

/// Elementwise operators with one or more operands of shapes that broadcast.
pub(in super::super) fn is_variadic(op: &str) -> bool {
    matches!(
        op,
        "Add"
            | "Sub"
            | "Mul"
            | "Div"
            | "Pow"
            | "Mod"
            | "Max"
            | "Min"
            | "Sum"
            | "Mean"
            | "BitShift"
            | "BitwiseAnd"
            | "BitwiseOr"
            | "BitwiseXor"
            | "BitwiseNot"
            | "Abs"
            | "Neg"
            | "Sqrt"
            | "Floor"
            | "Ceil"
            | "Round"
            | "Sign"
            | "Reciprocal"
            | "Identity"
            | "BiasAdd"
    )
}

/// Operators whose first output has the shape of their first input.
pub(in super::super) fn keeps_shape(op: &str) -> bool {
    is_activation(op) || is_normalisation(op) || matches!(op, "Dropout" | "CumSum" | "RotaryEmbedding")
}

/// Functions of one element (with constants besides).
pub(in super::super) fn is_activation(op: &str) -> bool {
    matches!(
        op,
        "Relu"
            | "PRelu"
            | "LeakyRelu"
            | "Elu"
            | "Selu"
            | "Celu"
            | "ThresholdedRelu"
            | "Sigmoid"
            | "HardSigmoid"
            | "HardSwish"
            | "Tanh"
            | "Softplus"
            | "Softsign"
            | "Gelu"
            | "FastGelu"
            | "BiasGelu"
            | "QuickGelu"
            | "Mish"
            | "Swish"
            | "Erf"
            | "Exp"
            | "Log"
            | "Sin"
            | "Cos"
            | "Tan"
            | "Asin"
            | "Acos"
            | "Atan"
            | "Sinh"
            | "Cosh"
            | "Asinh"
            | "Acosh"
            | "Atanh"
            | "Clip"
            | "Shrink"
            | "QLinearSigmoid"
            | "QLinearLeakyRelu"
    )
}

/// Operators that scale elements by statistics over others.
pub(in super::super) fn is_normalisation(op: &str) -> bool {
    matches!(
        op,
        "BatchNormalization"
            | "InstanceNormalization"
            | "GroupNormalization"
            | "LayerNormalization"
            | "SimplifiedLayerNormalization"
            | "RMSNormalization"
            | "SkipLayerNormalization"
            | "SkipSimplifiedLayerNormalization"
            | "LpNormalization"
            | "MeanVarianceNormalization"
            | "LRN"
            | "Softmax"
            | "LogSoftmax"
            | "Hardmax"
            | "QLinearSoftmax"
    )
}

fn elementwise(call: &Call) -> Option<Shape> {
    let mut shape = call.shape(0)?.clone();
    for place in 1..call.inputs.len() {
        shape = broadcast(&shape, call.shape(place)?)?;
    }
    Some(shape)
}

/// Attributes of a window that moves over spatial dimensions, one entry for each dimension.
struct Window {
    kernel: Vec<u64>,
    strides: Vec<u64>,
    dilations: Vec<u64>,
    /// At the start of each dimension, then at the end of each.
    pads: Vec<i64>,
}

fn window(call: &Call, kernel: Vec<u64>) -> Option<Window> {
    let spatial = kernel.len();
    let list = |name: &str| match call.node.ints(name) {
        Some(list) if list.len() == spatial => {
            list.iter().map(|v| u64::try_from(*v).ok().filter(|v| *v > 0)).collect()
        }
        Some(list) if !list.is_empty() => None,
        _ => Some(vec![1; spatial]),
    };
    let pads = match call.node.ints("pads") {
        Some(pads) if pads.len() == 2 * spatial => pads.to_vec(),
        Some(pads) if !pads.is_empty() => return None,
        _ => vec![0; 2 * spatial],
    };
    Some(Window { strides: list("strides")?, dilations: list("dilations")?, kernel, pads })
}

impl Window {
    /// The size a dimension has after the window has moved over it.
    fn slide(&self, call: &Call, dim: usize, size: u64, ceil: bool) -> Option<u64> {
        let stride = self.strides[dim];
        let reach = self.dilations[dim].checked_mul(self.kernel[dim].checked_sub(1)?)?.checked_add(1)?;
        match call.node.text("auto_pad") {
            Some("SAME_UPPER" | "SAME_LOWER") => return Some(size.div_ceil(stride)),
            Some("VALID") => return Some(size.checked_sub(reach)? / stride + 1),
            _ => {}
        }
        let (before, after) = (self.pads[dim], self.pads[dim + self.kernel.len()]);
        let padded = i64::try_from(size).ok()?.checked_add(before)?.checked_add(after)?;
        let room = u64::try_from(padded).ok()?.checked_sub(reach)?;
        let mut steps = if ceil { room.div_ceil(stride) } else { room / stride };
        // A window that would start in the padding at the end is left out.
        if ceil && i64::try_from(steps * stride).ok()? >= i64::try_from(size).ok()?.checked_add(before)? {
            steps = steps.saturating_sub(1);
        }
        Some(steps + 1)
    }
}

/// Spatial sizes of a kernel: the attribute, else the weights' own dimensions.
pub(in super::super) fn kernel(call: &Call, weights: usize) -> Option<Vec<u64>> {
    match call.node.ints("kernel_shape") {
        Some(kernel) if !kernel.is_empty() => kernel.iter().map(|size| u64::try_from(*size).ok()).collect(),
        _ => call.shape(weights)?.get(2..)?.iter().copied().collect(),
    }
}

fn conv(call: &Call, data: usize, weights: usize) -> Option<Shape> {
    let shape = call.shape(data)?;
    let window = window(call, kernel(call, weights)?)?;
    if shape.len() != window.kernel.len() + 2 {
        return None;
    }
    let spatial = shape[2..].iter().enumerate().map(|(dim, size)| window.slide(call, dim, (*size)?, false));
    Some([shape[0], call.input(weights)?.size(0)].into_iter().chain(spatial).collect())
}

fn conv_transpose(call: &Call) -> Option<Shape> {
    let shape = call.shape(0)?;
    let window = window(call, kernel(call, 1)?)?;
    let spatial = window.kernel.len();
    if shape.len() != spatial + 2 {
        return None;
    }
    let groups = u64::try_from(call.int("group", 1)).ok()?;
    let channels = call.input(1)?.size(1).and_then(|size| size.checked_mul(groups));
    let extra = call.node.ints("output_padding").unwrap_or(&[]);
    let sizes = (0..spatial).map(|dim| {
        if let Some(asked) = call.node.ints("output_shape").and_then(|asked| asked.get(dim)) {
            return u64::try_from(*asked).ok();
        }
        let size = i64::try_from(shape[dim + 2]?).ok()?;
        let stride = i64::try_from(window.strides[dim]).ok()?;
        if matches!(call.node.text("auto_pad"), Some("SAME_UPPER" | "SAME_LOWER")) {
            return u64::try_from(size.checked_mul(stride)?).ok();
        }
        let reach =
            i64::try_from(window.dilations[dim].checked_mul(window.kernel[dim].checked_sub(1)?)?).ok()? + 1;
        let pads = window.pads[dim].saturating_add(window.pads[dim + spatial]);
        let grown = stride
            .checked_mul(size - 1)?
            .checked_add(extra.get(dim).copied().unwrap_or(0).checked_add(reach)?)?;
        u64::try_from(grown.checked_sub(pads)?).ok()
    });
    Some([shape[0], channels].into_iter().chain(sizes).collect())
}

fn pool(call: &Call) -> Option<Shape> {
    let shape = call.shape(0)?;
    let window = window(call, kernel(call, usize::MAX)?)?;
    let spatial = window.kernel.len();
    if shape.len() != spatial + 2 {
        return None;
    }
    let ceil = call.int("ceil_mode", 0) != 0;
    let first = if call.int("channels_last", 0) == 1 { 1 } else { 2 };
    let mut pooled = shape.clone();
    for dim in 0..spatial {
        pooled[first + dim] = shape[first + dim].and_then(|size| window.slide(call, dim, size, ceil));
    }
    Some(pooled)
}

/// numpy.matmul's rule: vectors become matrices, the dimensions before the last two broadcast.
fn matmul(first: &Shape, second: &Shape) -> Option<Shape> {
    match (first.as_slice(), second.as_slice()) {
        ([], _) | (_, []) => None,
        ([_], [_]) => Some(Vec::new()),
        ([_], [batch @ .., _, n]) => Some([batch, &[*n]].concat()),
        ([batch @ .., m, _], [_]) => Some([batch, &[*m]].concat()),
        ([batch_a @ .., m, _], [batch_b @ .., _, n]) => {
            let mut shape = broadcast(&batch_a.to_vec(), &batch_b.to_vec())?;
            shape.extend([*m, *n]);
            Some(shape)
        }
    }
}

fn gemm(call: &Call, a: usize, b: usize) -> Option<Shape> {
    let rows = call.input(a)?.size(usize::from(call.int("transA", 0) != 0));
    let columns = call.input(b)?.size(usize::from(call.int("transB", 0) == 0));
    Some(vec![rows, columns])
}

/// The letters of an Einsum equation with their sizes, and the letters of its output.
pub(in super::super) type Letters = (Vec<(char, Option<u64>)>, String);

/// The sizes of the letters of an Einsum equation; `None` when it has an ellipsis or the shapes do not fit it.
pub(in super::super) fn einsum_sizes(call: &Call) -> Option<Letters> {
    let equation: String = call.node.text("equation")?.chars().filter(|letter| *letter != ' ').collect();
    let (operands, output) = equation.split_once("->")?;
    if equation.contains('.') {
        return None;
    }
    let mut sizes: Vec<(char, Option<u64>)> = Vec::new();
    for (place, letters) in operands.split(',').enumerate() {
        let shape = call.shape(place)?;
        if shape.len() != letters.chars().count() {
            return None;
        }
        for (letter, size) in letters.chars().zip(shape) {
            match sizes.iter_mut().find(|(known, _)| *known == letter) {
                Some((_, known)) => *known = known.or(*size),
                None => sizes.push((letter, *size)),
            }
        }
    }
    Some((sizes, output.to_owned()))
}

fn einsum(call: &Call) -> Option<Shape> {
    let (sizes, output) = einsum_sizes(call)?;
    output
        .chars()
        .map(|letter| sizes.iter().find(|(known, _)| *known == letter).map(|(_, size)| *size))
        .collect()
}

fn reduced(call: &Call, data_type: i32) -> Option<Value> {
    let shape = call.shape(0)?;
    let rank = shape.len();
    let arg = call.node.op_type.starts_with("Arg");
    let axes = if arg {
        vec![call.int("axis", 0)]
    } else if call.has_no_list("axes", 1) {
        Vec::new()
    } else {
        call.list("axes", 1)?
    };
    let mut axes: Vec<usize> = axes.iter().map(|axis| place(*axis, rank)).collect::<Option<_>>()?;
    if axes.is_empty() && call.int("noop_with_empty_axes", 0) == 0 {
        axes = (0..rank).collect();
    }
    let keep = call.int("keepdims", 1) != 0;
    let sizes = shape
        .iter()
        .enumerate()
        .filter_map(|(at, size)| if axes.contains(&at) { keep.then_some(Some(1)) } else { Some(*size) });
    Some(Value::new(data_type, Some(sizes.collect())))
}

fn recurrent(call: &Call) -> Option<Vec<Value>> {
    let data_type = call.data_type(0);
    let [first, second, _] = call.shape(0)?.as_slice() else { return None };
    let hidden = match call.node.int("hidden_size") {
        Some(hidden) => u64::try_from(hidden).ok(),
        None => call.input(2)?.size(2),
    };
    let directions = Some(if call.node.text("direction") == Some("bidirectional") { 2 } else { 1 });
    let (sequence, state) = if call.int("layout", 0) == 0 {
        (vec![*first, directions, *second, hidden], vec![directions, *second, hidden])
    } else {
        (vec![*first, *second, directions, hidden], vec![*first, directions, hidden])
    };
    let states = Value::new(data_type, Some(state));
    Some(vec![Value::new(data_type, Some(sequence)), states.clone(), states])
}

/// ONNX's own attention (operator set 23) and ONNX Runtime's fused one.
fn attention(call: &Call) -> Option<Vec<Value>> {
    let data_type = call.data_type(0);
    let query = call.shape(0)?;
    if call.node.domain == "com.microsoft" {
        // Weights are (input, queries + keys + values).
        let values = match call.node.ints("qkv_hidden_sizes") {
            Some([_, _, values]) => u64::try_from(*values).ok(),
            _ => call.input(1)?.size(1).map(|all| all / 3),
        };
        let (_, kept) = query.split_last()?;
        return Some(vec![Value::new(data_type, Some([kept, &[values]].concat()))]);
    }
    // Four dimensions: the output has the queries' heads and length, and the values' features.
    let (_, kept) = query.split_last()?;
    let features = match query.len() {
        4 => call.input(2)?.size(3),
        3 if call.node.int("q_num_heads") == call.node.int("kv_num_heads") => call.input(2)?.size(2),
        _ => return None,
    };
    Some(vec![Value::new(data_type, Some([kept, &[features]].concat()))])
}
