//! Stored tensors: how large they are, in which precision, and whether all their bytes are there.

use std::collections::{BTreeMap, BTreeSet};

use super::ElementType;
use super::onnx::{External, ExternalProblem, ModelError};
use super::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, data_type as ty};

/// What all stored weights add up to.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub parameters: u64,
    pub bytes: u64,
    pub bytes_by_precision: BTreeMap<String, u64>,
    /// External files by the location the model gives.
    pub external: BTreeSet<String>,
}

/// The element type of a `TensorProto.DataType` number.
pub(super) fn element_type(data_type: i32) -> ElementType {
    match data_type {
        ty::FLOAT => ElementType::Float32,
        ty::UINT8 => ElementType::Uint8,
        ty::INT8 => ElementType::Int8,
        ty::UINT16 => ElementType::Uint16,
        ty::INT16 => ElementType::Int16,
        ty::INT32 => ElementType::Int32,
        ty::INT64 => ElementType::Int64,
        ty::STRING => ElementType::String,
        ty::BOOL => ElementType::Bool,
        ty::FLOAT16 => ElementType::Float16,
        ty::DOUBLE => ElementType::Float64,
        ty::UINT32 => ElementType::Uint32,
        ty::UINT64 => ElementType::Uint64,
        ty::COMPLEX64 => ElementType::Complex64,
        ty::COMPLEX128 => ElementType::Complex128,
        ty::BFLOAT16 => ElementType::Bfloat16,
        ty::FLOAT8E4M3FN..=ty::FLOAT8E5M2FNUZ | ty::FLOAT8E8M0 => ElementType::Float8,
        ty::UINT4 => ElementType::Uint4,
        ty::INT4 => ElementType::Int4,
        _ => ElementType::Other,
    }
}

/// Name and bits of one element; `None` for a type we do not know. Texts have no fixed size: 0 bits.
fn precision(data_type: i32) -> Option<(&'static str, u64)> {
    Some(match data_type {
        ty::FLOAT => ("float32", 32),
        ty::UINT8 => ("uint8", 8),
        ty::INT8 => ("int8", 8),
        ty::UINT16 => ("uint16", 16),
        ty::INT16 => ("int16", 16),
        ty::INT32 => ("int32", 32),
        ty::INT64 => ("int64", 64),
        ty::STRING => ("string", 0),
        ty::BOOL => ("bool", 8),
        ty::FLOAT16 => ("float16", 16),
        ty::DOUBLE => ("float64", 64),
        ty::UINT32 => ("uint32", 32),
        ty::UINT64 => ("uint64", 64),
        ty::COMPLEX64 => ("complex64", 64),
        ty::COMPLEX128 => ("complex128", 128),
        ty::BFLOAT16 => ("bfloat16", 16),
        ty::FLOAT8E4M3FN => ("float8e4m3fn", 8),
        ty::FLOAT8E4M3FNUZ => ("float8e4m3fnuz", 8),
        ty::FLOAT8E5M2 => ("float8e5m2", 8),
        ty::FLOAT8E5M2FNUZ => ("float8e5m2fnuz", 8),
        ty::UINT4 => ("uint4", 4),
        ty::INT4 => ("int4", 4),
        ty::FLOAT4E2M1 => ("float4e2m1", 4),
        ty::FLOAT8E8M0 => ("float8e8m0", 8),
        ty::UINT2 => ("uint2", 2),
        ty::INT2 => ("int2", 2),
        _ => return None,
    })
}

/// The number of elements `dims` say, refusing negative sizes and products of 2⁶³ and more.
pub(super) fn element_count(what: &str, dims: &[i64]) -> Result<u64, ModelError> {
    if let Some(size) = dims.iter().find(|size| **size < 0) {
        return Err(ModelError::NegativeDim { what: what.to_owned(), size: *size });
    }
    if dims.contains(&0) {
        return Ok(0);
    }
    dims.iter()
        .try_fold(1_i64, |product, size| product.checked_mul(*size))
        .map(i64::unsigned_abs)
        .ok_or_else(|| ModelError::HugeDims { what: what.to_owned(), dims: format!("{dims:?}") })
}

/// Adds up every stored tensor of the model, each checked to have all its bytes.
pub(super) fn weigh(model: &ModelProto, external: &dyn External) -> Result<Weights, ModelError> {
    let mut weights = Weights::default();
    if let Some(graph) = &model.graph {
        weights.graph(graph, external)?;
    }
    for FunctionProto { node, .. } in &model.functions {
        weights.nodes(node, external)?;
    }
    Ok(weights)
}

impl Weights {
    fn graph(&mut self, graph: &GraphProto, external: &dyn External) -> Result<(), ModelError> {
        for tensor in &graph.initializer {
            let what = format!("initializer `{}`", tensor.name);
            let bytes = self.checked_bytes(&what, tensor, external)?;
            self.add(tensor, &what, bytes)?;
        }
        for sparse in &graph.sparse_initializer {
            for tensor in sparse.values.iter().chain(&sparse.indices) {
                let what = format!("sparse initializer `{}`", tensor.name);
                let bytes = self.checked_bytes(&what, tensor, external)?;
                self.add(tensor, &what, bytes)?;
            }
        }
        self.nodes(&graph.node, external)
    }

    fn nodes(&mut self, nodes: &[NodeProto], external: &dyn External) -> Result<(), ModelError> {
        // Factors of a Resize are no weights, although they are floats in a Constant.
        let resized: BTreeSet<&str> = nodes
            .iter()
            .filter(|node| matches!(node.op_type.as_str(), "Resize" | "Upsample"))
            .flat_map(|node| node.input.iter().skip(1).map(String::as_str))
            .collect();
        for node in nodes {
            for attribute in &node.attribute {
                let Some(tensor) = &attribute.t else { continue };
                let output = node.output.first().map_or("", String::as_str);
                let what = format!("constant `{output}`");
                let bytes = self.checked_bytes(&what, tensor, external)?;
                if node.op_type == "Constant" && is_weight(tensor) && !resized.contains(output) {
                    self.add(tensor, &what, bytes)?;
                }
            }
            for graph in node.graphs() {
                self.graph(graph, external)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, tensor: &TensorProto, what: &str, bytes: u64) -> Result<(), ModelError> {
        let huge = || ModelError::HugeDims { what: what.to_owned(), dims: format!("{:?}", tensor.dims) };
        let elements = element_count(what, &tensor.dims)?;
        self.parameters = self.parameters.checked_add(elements).ok_or_else(huge)?;
        self.bytes = self.bytes.checked_add(bytes).ok_or_else(huge)?;
        let name = precision(tensor.data_type).map_or("unknown", |(name, _)| name);
        *self.bytes_by_precision.entry(name.to_owned()).or_default() += bytes;
        Ok(())
    }

    /// Bytes of the tensor's values, after checking that the file or the external file has them.
    fn checked_bytes(
        &mut self,
        what: &str,
        tensor: &TensorProto,
        external: &dyn External,
    ) -> Result<u64, ModelError> {
        let elements = element_count(what, &tensor.dims)?;
        let Some((_, bits)) = precision(tensor.data_type) else {
            return Err(ModelError::UnknownType { what: what.to_owned(), data_type: tensor.data_type });
        };
        if tensor.data_type == ty::STRING {
            let found = tensor.string_data.len() as u64;
            if found != elements {
                return Err(ModelError::Short {
                    what: what.to_owned(),
                    needed: elements,
                    found,
                    unit: "texts",
                });
            }
            return Ok(tensor.string_data.iter().map(|text| text.len() as u64).sum());
        }
        let needed =
            u64::try_from((u128::from(elements) * u128::from(bits)).div_ceil(8)).map_err(|_too_big| {
                ModelError::HugeDims { what: what.to_owned(), dims: format!("{:?}", tensor.dims) }
            })?;
        if tensor.data_location == 1 {
            self.check_external(what, tensor, needed, external)?;
            return Ok(needed);
        }
        let (needed_here, found, unit) = if tensor.raw_data.is_empty() {
            typed_values(tensor, elements, bits)
        } else {
            (needed, tensor.raw_data.len() as u64, "bytes")
        };
        if found != needed_here {
            return Err(ModelError::Short { what: what.to_owned(), needed: needed_here, found, unit });
        }
        Ok(needed)
    }

    fn check_external(
        &mut self,
        what: &str,
        tensor: &TensorProto,
        needed: u64,
        external: &dyn External,
    ) -> Result<(), ModelError> {
        let value = |key: &str| {
            tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
        };
        let location = value("location").unwrap_or("");
        let fail =
            |problem| ModelError::External { what: what.to_owned(), location: location.to_owned(), problem };
        let number = |key: &str| match value(key) {
            None | Some("") => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_bad| {
                fail(ExternalProblem::BadNumber { key: key.to_owned(), text: text.to_owned() })
            }),
        };
        if location.is_empty() {
            return Err(fail(ExternalProblem::NoLocation));
        }
        if leaves_folder(location) {
            return Err(fail(ExternalProblem::Outside));
        }
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?.unwrap_or(needed);
        if length != needed {
            return Err(fail(ExternalProblem::WrongLength { needed, said: length }));
        }
        let file_bytes = external.length(location).map_err(fail)?;
        if offset.checked_add(length).is_none_or(|end| end > file_bytes) {
            return Err(fail(ExternalProblem::Short { offset, length, file_bytes }));
        }
        self.external.insert(location.to_owned());
        Ok(())
    }
}

/// True for a location that is absolute or climbs out, on any platform: a model made on one is read on another.
fn leaves_folder(location: &str) -> bool {
    let mut parts = location.split(['/', '\\']);
    location.starts_with(['/', '\\'])
        || location.as_bytes().get(1) == Some(&b':')
        || parts.any(|part| part == "..")
}

/// Weights that exporters keep in `Constant` nodes (Paddle, spox): floats and 8-bit values with more than one
/// element. Shapes, axes and scalars are integers or single values.
fn is_weight(tensor: &TensorProto) -> bool {
    let is_number = !matches!(tensor.data_type, ty::INT32 | ty::INT64 | ty::BOOL | ty::STRING);
    is_number && !tensor.dims.is_empty() && tensor.dims.iter().any(|size| *size > 1)
}

/// How many entries the typed field of a tensor without raw bytes needs, and has (`TensorProto` in onnx.proto3).
fn typed_values(tensor: &TensorProto, elements: u64, bits: u64) -> (u64, u64, &'static str) {
    match tensor.data_type {
        ty::FLOAT => (elements, tensor.float_data.len() as u64, "values"),
        ty::COMPLEX64 => (elements * 2, tensor.float_data.len() as u64, "values"),
        ty::DOUBLE => (elements, tensor.double_data.len() as u64, "values"),
        ty::COMPLEX128 => (elements * 2, tensor.double_data.len() as u64, "values"),
        ty::INT64 => (elements, tensor.int64_data.len() as u64, "values"),
        ty::UINT32 | ty::UINT64 => (elements, tensor.uint64_data.len() as u64, "values"),
        // Types below 8 bits are packed into bytes, each in one entry.
        _ if bits < 8 => (
            (u128::from(elements) * u128::from(bits)).div_ceil(8) as u64,
            tensor.int32_data.len() as u64,
            "values",
        ),
        _ => (elements, tensor.int32_data.len() as u64, "values"),
    }
}
