//! Small models built by hand, for tests.

use prost::Message;
use prost::bytes::Bytes;

use super::Model;
use super::onnx::{self, ModelError, NoExternal};
use super::proto::{
    AttributeProto, DimensionProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type as ty,
};

pub fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// `"batch"` is a named dimension, `"?"` an unknown one, `"3"` a fixed one.
pub fn value(name: &str, elem_type: i32, dims: &[&str]) -> ValueInfoProto {
    let dim = |text: &&str| match (text.parse::<i64>(), *text) {
        (Ok(size), _) => DimensionProto { dim_value: Some(size), dim_param: None },
        (_, "?") => DimensionProto::default(),
        (_, name) => DimensionProto { dim_value: None, dim_param: Some(name.to_owned()) },
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

pub fn node(op_type: &str, input: &[&str], output: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let (domain, op_type) = op_type.split_once("::").unwrap_or(("", op_type));
    NodeProto {
        input: strings(input),
        output: strings(output),
        op_type: op_type.to_owned(),
        domain: domain.to_owned(),
        attribute,
        ..NodeProto::default()
    }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i, r#type: 2, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_owned(), ints: ints.to_vec(), r#type: 7, ..AttributeProto::default() }
}

pub fn text(name: &str, text: &str) -> AttributeProto {
    let s = Bytes::copy_from_slice(text.as_bytes());
    AttributeProto { name: name.to_owned(), s, r#type: 3, ..AttributeProto::default() }
}

pub fn body(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { name: name.to_owned(), g: Some(graph), r#type: 5, ..AttributeProto::default() }
}

pub fn constant(output: &str, tensor: TensorProto) -> NodeProto {
    let value =
        AttributeProto { name: "value".to_owned(), t: Some(tensor), r#type: 4, ..AttributeProto::default() };
    node("Constant", &[], &[output], vec![value])
}

/// A float32 tensor of zeros in raw bytes.
pub fn floats(name: &str, dims: &[i64]) -> TensorProto {
    let elements: i64 = dims.iter().product();
    raw(name, ty::FLOAT, dims, 4 * usize::try_from(elements).unwrap())
}

/// A tensor with this many raw bytes, whatever its dimensions.
pub fn raw(name: &str, data_type: i32, dims: &[i64], bytes: usize) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type,
        raw_data: Bytes::from(vec![0; bytes]),
        ..TensorProto::default()
    }
}

/// An int64 vector.
pub fn numbers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: ty::INT64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A scalar of a type kept in `int32_data`, or of float32.
pub fn scalar(name: &str, data_type: i32, value: i32) -> TensorProto {
    let mut tensor = TensorProto { name: name.to_owned(), data_type, ..TensorProto::default() };
    match data_type {
        ty::FLOAT => tensor.float_data.push(value as f32),
        ty::INT64 => tensor.int64_data.push(value.into()),
        _ => tensor.int32_data.push(value),
    }
    tensor
}

pub fn graph(
    input: Vec<ValueInfoProto>,
    initializer: Vec<TensorProto>,
    node: Vec<NodeProto>,
    output: &[&str],
) -> GraphProto {
    let output = output.iter().map(|name| ValueInfoProto { name: (*name).to_owned(), r#type: None });
    GraphProto { input, initializer, node, output: output.collect(), ..GraphProto::default() }
}

pub fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 10,
        producer_name: "test".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 21 }],
        ..ModelProto::default()
    }
}

pub fn with_function(graph: GraphProto, function: FunctionProto) -> ModelProto {
    ModelProto { functions: vec![function], ..model(graph) }
}

pub fn parse(model: &ModelProto) -> Result<Model, ModelError> {
    let bytes = Bytes::from(model.encode_to_vec());
    onnx::parse("test.onnx", bytes, &NoExternal).map(|parsed| parsed.model)
}
