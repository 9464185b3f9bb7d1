//! Shapes of the values inside a graph, worked out from the shapes of its inputs, operator by operator.
//!
//! The rules are those of the ONNX operator specification (opset 1 to 24) and, for fused operators, of ONNX
//! Runtime's contrib operators. What cannot be known stays unknown: a rule returns `None` rather than a guess.

mod conflict;
mod fold;
mod layers;
mod moves;
mod pick;

pub(super) use conflict::contradicts;
pub(super) use layers::{einsum_sizes, is_activation, is_logical, is_variadic, kernel};

use super::proto::{NodeProto, TensorProto, data_type};

/// Sizes of a value's dimensions; `None` = not known.
pub(super) type Shape = Vec<Option<u64>>;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Value {
    /// Number of the element type in `TensorProto.DataType`; 0 = not known.
    pub data_type: i32,
    /// `None` = not even the number of dimensions is known.
    pub shape: Option<Shape>,
    /// The elements of small tensors that shapes depend on, row-major, each known or not.
    pub numbers: Option<Vec<Option<f64>>>,
    /// Depends on no input of the model: computed once, when the model is loaded.
    pub constant: bool,
}

/// Most elements whose values are tracked.
const MOST_NUMBERS: usize = 4096;

impl Value {
    /// A value of this type and shape.
    pub fn new(data_type: i32, shape: Option<Shape>) -> Self {
        Self { data_type, shape, ..Self::default() }
    }

    /// A stored tensor.
    pub fn of_tensor(tensor: &TensorProto) -> Self {
        let shape = tensor.dims.iter().map(|size| u64::try_from(*size).ok()).collect();
        let numbers = tensor.numbers().map(|numbers| numbers.into_iter().map(Some).collect());
        Self { data_type: tensor.data_type, shape: Some(shape), numbers, constant: true }
    }

    /// The sizes when all are known.
    pub fn sizes(&self) -> Option<Vec<u64>> {
        self.shape.as_ref()?.iter().copied().collect()
    }

    /// The number of elements, when it is known and fits.
    pub fn elements(&self) -> Option<u64> {
        product(&self.sizes()?)
    }

    /// The number of dimensions.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// The size of one dimension, when it is known.
    pub fn size(&self, place: usize) -> Option<u64> {
        self.shape.as_ref()?.get(place).copied().flatten()
    }

    /// Values as integers, when all are known.
    pub fn integers(&self) -> Option<Vec<i64>> {
        self.numbers.as_ref()?.iter().map(|number| number.map(|number| number as i64)).collect()
    }
}

/// One node with what is known of its inputs.
pub(super) struct Call<'a> {
    pub node: &'a NodeProto,
    /// `None` for an input that is left out.
    pub inputs: Vec<Option<Value>>,
}

impl Call<'_> {
    /// The input at this place, if it is there.
    pub fn input(&self, place: usize) -> Option<&Value> {
        self.inputs.get(place).and_then(Option::as_ref)
    }

    /// The shape of the input at this place.
    pub fn shape(&self, place: usize) -> Option<&Shape> {
        self.input(place)?.shape.as_ref()
    }

    /// Element type of the input at this place; 0 = not known.
    pub fn data_type(&self, place: usize) -> i32 {
        self.input(place).map_or(0, |value| value.data_type)
    }

    /// An integer attribute with its default.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.node.int(name).unwrap_or(default)
    }

    /// A list given as an attribute in old operator sets and as an input in new ones.
    pub fn list(&self, attribute: &str, place: usize) -> Option<Vec<i64>> {
        match self.node.ints(attribute) {
            Some(ints) => Some(ints.to_vec()),
            None => self.input(place)?.integers(),
        }
    }

    /// True when the list of [`Self::list`] is given neither way.
    pub fn has_no_list(&self, attribute: &str, place: usize) -> bool {
        self.node.attribute(attribute).is_none() && self.input(place).is_none()
    }
}

/// What is known of a node's outputs. Operators without a rule give unknown values.
pub(super) fn outputs(call: &Call) -> Vec<Value> {
    let count = call.node.output.len();
    let mut values = moves::outputs(call).or_else(|| layers::outputs(call)).unwrap_or_default();
    values.resize(count, Value::default());
    let constant = call.inputs.iter().flatten().all(|value| value.constant) && !is_random(call.node);
    for value in &mut values {
        value.constant = constant;
        if value.numbers.as_ref().is_some_and(|numbers| numbers.len() > MOST_NUMBERS) {
            value.numbers = None;
        }
    }
    values
}

fn is_random(node: &NodeProto) -> bool {
    node.op_type.starts_with("Random") || matches!(node.op_type.as_str(), "Multinomial" | "Bernoulli")
}

/// The product, when it fits.
pub(super) fn product(sizes: &[u64]) -> Option<u64> {
    sizes.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))
}

/// A place counted from the end when negative, within `rank`.
pub(super) fn place(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if axis < 0 { axis + rank } else { axis };
    (0..rank).contains(&axis).then_some(axis as usize)
}

/// Multidirectional broadcasting (ONNX specification, "Broadcasting in ONNX").
pub(super) fn broadcast(first: &Shape, second: &Shape) -> Option<Shape> {
    let rank = first.len().max(second.len());
    let at = |shape: &Shape, place: usize| {
        let missing = rank - shape.len();
        if place < missing { Some(1) } else { shape[place - missing] }
    };
    (0..rank)
        .map(|place| match (at(first, place), at(second, place)) {
            (Some(1), other) | (other, Some(1)) => Some(other),
            // A size above 1 wins over an unknown one, which must be it or 1.
            (Some(size), None) | (None, Some(size)) => Some(Some(size)),
            (None, None) => Some(None),
            (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        })
        .collect()
}

/// What both shapes agree on.
pub(super) fn common(first: Option<&Shape>, second: Option<&Shape>) -> Option<Shape> {
    let (first, second) = (first?, second?);
    (first.len() == second.len())
        .then(|| first.iter().zip(second).map(|(a, b)| if a == b { *a } else { None }).collect())
}

/// True for element types whose arithmetic is floating-point or stands for it (quantized 8 bits and less).
pub(super) fn is_numeric_work(data_type: i32) -> bool {
    !matches!(
        data_type,
        data_type::INT32
            | data_type::INT64
            | data_type::UINT32
            | data_type::UINT64
            | data_type::BOOL
            | data_type::STRING
            | data_type::INT16
            | data_type::UINT16
    )
}
