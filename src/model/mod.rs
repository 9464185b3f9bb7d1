//! An ONNX file as a value: inputs, operators, parameters, precision, FLOPs, and inputs made for it.
//!
//! Pure: no disk, no clock, no runtime. Bytes come in; `measure::model_file` reads them from disk.

#[cfg(test)]
mod build;
mod cost;
mod count;
pub mod dims;
mod guess;
mod hints;
mod infer;
pub mod inputs;
pub mod node_cost;
pub mod onnx;
mod outline;
pub mod proto;
mod walk;
mod weights;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known of a model without running it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// File name without its folder, as shown to people.
    pub name: String,
    /// Lower-case hexadecimal SHA-256 of the file and its external data: the model's identity.
    pub sha256: String,
    /// Size of the `.onnx` file, in bytes, without external data.
    pub file_bytes: u64,
    /// The values a caller must give, in the file's order; initializers are not among them.
    pub inputs: Vec<Port>,
    /// The values the model returns, in the file's order.
    pub outputs: Vec<Port>,
    /// Nodes by operator type, sub-graphs included: `Conv` → 12; other domains as `com.microsoft::FusedConv`.
    pub operators: BTreeMap<String, u64>,
    /// Elements of all weights: initializers, and float or 8-bit tensors of more than one element in `Constant`
    /// nodes, where some exporters keep their weights. Sub-graphs and functions included.
    pub parameters: u64,
    /// Bytes of the same tensors, external data included.
    pub weight_bytes: u64,
    /// Bytes of the same tensors by element type: `float32` → 3,400,000.
    pub bytes_by_precision: BTreeMap<String, u64>,
    /// Imported operator sets: domain (empty = ONNX) → version.
    pub opset: BTreeMap<String, i64>,
    /// Producer name and version, as the file says.
    pub producer: String,
    /// ONNX IR version.
    pub ir_version: i64,
    /// Floating-point operations of one inference.
    pub flops: Flops,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The value's name in the graph.
    pub name: String,
    /// Element type.
    pub element: ElementType,
    /// Dimensions; empty for a scalar, and one `Dim::Named` of [`onnx::UNKNOWN_RANK`] when the model does not say
    /// how many there are.
    pub shape: Vec<Dim>,
    /// What generated values must respect (inputs only).
    pub hint: InputHint,
}

impl Port {
    /// True when the model does not say how many dimensions there are.
    pub fn has_unknown_rank(&self) -> bool {
        matches!(self.shape.as_slice(), [Dim::Named(name)] if name == onnx::UNKNOWN_RANK)
    }

    /// The shape for people: `[batch, 3, 32, 32]`, `scalar`, `number of dimensions not stated`.
    pub fn shape_words(&self) -> String {
        if self.has_unknown_rank() {
            return "number of dimensions not stated".to_owned();
        }
        if self.shape.is_empty() {
            return "scalar".to_owned();
        }
        let dims: Vec<String> = self
            .shape
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => size.to_string(),
                Dim::Named(name) => name.clone(),
                Dim::Unknown => "?".to_owned(),
            })
            .collect();
        format!("[{}]", dims.join(", "))
    }
}

/// One dimension of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// Known when the model was made.
    Fixed(u64),
    /// Dynamic; the same name means the same size.
    Named(String),
    /// Dynamic and nameless.
    Unknown,
}

/// What the graph says of an input's values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum InputHint {
    /// Nothing: random values of the type are fine.
    #[default]
    Any,
    /// Indices into a table of this many rows (an embedding behind `Gather`): values in `0..below`.
    Ids {
        /// First value that is out of bounds.
        below: u64,
    },
    /// Ones and zeros.
    Mask,
}

/// ONNX element types (onnx.proto3, `TensorProto.DataType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum ElementType {
    Float32,
    Float64,
    Float16,
    Bfloat16,
    Float8,
    Int4,
    Uint4,
    Int8,
    Uint8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Bool,
    String,
    Complex64,
    Complex128,
    Other,
}

/// Floating-point operations of one inference at batch 1 (a multiply-add counts as two).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Flops {
    /// The sum over the nodes that could be counted; `None` when none could.
    pub total: Option<u64>,
    /// The share by operator type.
    pub by_operator: BTreeMap<String, u64>,
    /// Operator types that were not counted, with how many nodes each: unknown ones are named, not guessed.
    pub uncounted: BTreeMap<String, u64>,
    /// Values assumed for dynamic dimensions: name → size.
    pub assumed: BTreeMap<String, u64>,
}
