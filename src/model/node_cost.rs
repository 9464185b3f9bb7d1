//! What each node of a model costs at given input shapes: the list behind the sums of [`Flops`](super::Flops).
//!
//! Counts as `cost` does; knows nothing of times.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;

use super::infer::{Call, Shape, Value};
use super::onnx::ModelError;
use super::proto::{AttributeProto, ModelProto, NodeProto, data_type as ty};
use super::walk::{MOST_NODES, Walk};
use super::{Dim, Model, cost};

/// One node of the graph or of a sub-graph; those of the model's own functions are not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCost {
    /// The node's name; empty when it has none.
    pub name: String,
    /// Operator type, without its domain.
    pub op_type: String,
    /// Operator domain; empty = ONNX's own.
    pub domain: String,
    /// Names of its inputs.
    pub inputs: Vec<String>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
    /// Floating-point operations each time it runs; `None` when they cannot be known. `If`, `Loop` and `Scan` are 0:
    /// what is inside them is listed on its own.
    pub flops: Option<u64>,
}

/// The cost of each node that runs, in the file's order, when the inputs have these `shapes` (by name; those the
/// model fixes may be left out).
///
/// `model` is what [`super::onnx::parse`] made of the same `bytes`. Nodes that depend on no input are not listed,
/// because they are computed when the model is loaded.
pub fn node_costs(
    model: &Model,
    bytes: Bytes,
    shapes: &BTreeMap<String, Vec<u64>>,
) -> Result<Vec<NodeCost>, ModelError> {
    let proto = ModelProto::decode(bytes).map_err(|error| ModelError::NotOnnx { why: error.to_string() })?;
    let Some(graph) = &proto.graph else {
        return Err(ModelError::Incomplete { why: "it has no graph" });
    };
    let mut assumed = BTreeMap::new();
    for port in &model.inputs {
        let sizes = shapes.get(&port.name).map_or(&[][..], Vec::as_slice);
        for (dim, size) in port.shape.iter().zip(sizes) {
            if let Dim::Named(name) = dim {
                assumed.insert(name.clone(), *size);
            }
        }
    }
    let mut shapes = shapes.clone();
    for port in &model.inputs {
        let sizes = port.shape.iter().map(|dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Named(name) => assumed.get(name).copied(),
            Dim::Unknown => None,
        });
        if let (false, Some(sizes)) = (shapes.contains_key(&port.name), sizes.collect()) {
            shapes.insert(port.name.clone(), sizes);
        }
    }
    let mut walk =
        Walk { proto: &proto, assumed: &assumed, left: MOST_NODES, conflicts: 0, list: Some(Vec::new()) };
    walk.model(graph, model, &shapes);
    Ok(walk.list.unwrap_or_default())
}

/// A tensor whose shape is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// Element type in C's words, as ONNX Runtime's profiler writes it: `float`, `int64`.
    pub element: String,
    /// Dimensions; empty for a scalar.
    pub dims: Vec<u64>,
}

/// Operations of one call by its operator type and shapes alone; `None` when they depend on an attribute (a
/// window's size, an equation) or the operator is not known.
pub fn flops_of(op_type: &str, inputs: &[Operand], outputs: &[Operand]) -> Option<u64> {
    match op_type {
        // Blocked layouts of ONNX Runtime and copies between memories move values; of nodes with sub-graphs, the
        // nodes inside do the work.
        "ReorderInput" | "ReorderOutput" | "MemcpyFromHost" | "MemcpyToHost" | "If" | "Loop" | "Scan" => {
            return Some(0);
        }
        // Depends on the mode and the padding, which shapes do not tell.
        "Resize" | "Upsample" | "FusedConv" | "NhwcFusedConv" => return None,
        _ => {}
    }
    let last_two = |operand: &Operand| match operand.dims[..] {
        [.., rows, columns] => Some((rows, columns)),
        _ => None,
    };
    let mut attribute = Vec::new();
    let mut set = |name: &str, i: i64| {
        attribute.push(AttributeProto { name: name.to_owned(), i, r#type: 2, ..AttributeProto::default() });
    };
    match op_type {
        // The first operand is transposed when its rows are not the output's; where both are the same size, so
        // are the sums.
        "Gemm" | "FusedGemm" | "QGemm" | "FusedMatMul" | "TransposeMatMul" => {
            let rows = last_two(outputs.first()?)?.0;
            set("transA", i64::from(last_two(inputs.first()?)?.0 != rows));
        }
        "MatMulNBits" => set("K", i64::try_from(*inputs.first()?.dims.last()?).ok()?),
        _ => {}
    }
    let value = |operand: &Operand| {
        let shape: Shape = operand.dims.iter().copied().map(Some).collect();
        Value::new(data_type(&operand.element), Some(shape))
    };
    let node = NodeProto {
        op_type: op_type.to_owned(),
        output: vec![String::new(); outputs.len()],
        attribute,
        ..NodeProto::default()
    };
    let call = Call { node: &node, inputs: inputs.iter().map(|operand| Some(value(operand))).collect() };
    cost::flops(&call, &outputs.iter().map(value).collect::<Vec<_>>())
}

/// The number in `TensorProto.DataType` of C's words; 0 = not known.
fn data_type(element: &str) -> i32 {
    match element {
        "float" => ty::FLOAT,
        "double" => ty::DOUBLE,
        "float16" => ty::FLOAT16,
        "bfloat16" => ty::BFLOAT16,
        "int8" => ty::INT8,
        "uint8" => ty::UINT8,
        "int16" => ty::INT16,
        "uint16" => ty::UINT16,
        "int32" => ty::INT32,
        "uint32" => ty::UINT32,
        "int64" => ty::INT64,
        "uint64" => ty::UINT64,
        "bool" => ty::BOOL,
        "string" => ty::STRING,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::{self, body, floats, graph, ints, node, numbers, value};
    use super::super::onnx::{NoExternal, parse};
    use super::*;

    fn named(name: &str, mut node: NodeProto) -> NodeProto {
        name.clone_into(&mut node.name);
        node
    }

    fn costs(graph: super::super::proto::GraphProto, shapes: &[(&str, &[u64])]) -> Vec<NodeCost> {
        let bytes = Bytes::from(build::model(graph).encode_to_vec());
        let model = parse("test.onnx", bytes.clone(), &NoExternal).unwrap().model;
        let shapes = shapes.iter().map(|(name, sizes)| ((*name).to_owned(), sizes.to_vec())).collect();
        node_costs(&model, bytes, &shapes).unwrap()
    }

    #[test]
    fn each_node_costs_what_the_given_shapes_need() {
        let nodes = vec![
            named("first", node("Conv", &["x", "w"], &["c"], vec![ints("pads", &[1, 1, 1, 1])])),
            named("second", node("Relu", &["c"], &["r"], vec![])),
            // Depends on no input: not listed.
            named("folded", node("Exp", &["w"], &["e"], vec![])),
            named("third", node("Mystery", &["r"], &["y"], vec![])),
        ];
        let input = vec![value("x", ty::FLOAT, &["batch", "3", "size", "size"])];
        let costs =
            costs(graph(input, vec![floats("w", &[5, 3, 3, 3])], nodes, &["y"]), &[("x", &[4, 3, 10, 10])]);
        let seen: Vec<(&str, Option<u64>)> =
            costs.iter().map(|cost| (cost.name.as_str(), cost.flops)).collect();
        // 4·5·10·10 outputs, each 2 × 3 channels × 9 places; one a Relu output.
        assert_eq!(seen, [("first", Some(108_000)), ("second", Some(2_000)), ("third", None)]);
        assert_eq!(costs[1].outputs, ["r"]);
    }

    #[test]
    fn nodes_of_a_body_are_listed_once_at_the_cost_of_one_trip() {
        let inside = graph(
            vec![value("i", ty::INT64, &[]), value("go", ty::BOOL, &[]), value("a", ty::FLOAT, &["6", "6"])],
            vec![],
            vec![
                named("again", node("Identity", &["go"], &["on"], vec![])),
                named("inner", node("MatMul", &["a", "w"], &["b"], vec![])),
            ],
            &["on", "b"],
        );
        let looped = named("loop", node("Loop", &["n", "", "x"], &["y"], vec![body("body", inside)]));
        let weights = vec![floats("w", &[6, 6]), numbers("n", &[7])];
        let costs =
            costs(graph(vec![value("x", ty::FLOAT, &["6", "6"])], weights, vec![looped], &["y"]), &[]);
        let seen: Vec<(&str, Option<u64>)> =
            costs.iter().map(|cost| (cost.name.as_str(), cost.flops)).collect();
        assert_eq!(seen, [("again", Some(0)), ("inner", Some(432)), ("loop", Some(0))]);
    }

    #[test]
    fn shapes_alone_tell_products_and_convolutions() {
        let tensor = |dims: &[u64]| Operand { element: "float".to_owned(), dims: dims.to_vec() };
        let cost = |op: &str, inputs: &[&[u64]], output: &[u64]| {
            let inputs: Vec<Operand> = inputs.iter().map(|dims| tensor(dims)).collect();
            flops_of(op, &inputs, &[tensor(output)])
        };
        assert_eq!(cost("MatMul", &[&[2, 3, 4], &[4, 5]], &[2, 3, 5]), Some(2 * 2 * 3 * 5 * 4));
        assert_eq!(cost("Gemm", &[&[4, 3], &[4, 5], &[5]], &[3, 5]), Some(2 * 3 * 5 * 4 + 15));
        assert_eq!(cost("Gemm", &[&[3, 4], &[5, 4]], &[3, 5]), Some(2 * 3 * 5 * 4));
        assert_eq!(cost("Conv", &[&[1, 4, 5, 5], &[8, 2, 3, 3]], &[1, 8, 3, 3]), Some(2 * 72 * 2 * 9));
        assert_eq!(cost("ReorderOutput", &[&[1, 8]], &[1, 8]), Some(0));
        // The window is an attribute, and nothing is known of the last.
        assert_eq!(cost("MaxPool", &[&[1, 8, 4, 4]], &[1, 8, 2, 2]), None);
        assert_eq!(cost("Resize", &[&[1, 8, 4, 4]], &[1, 8, 8, 8]), None);
        assert_eq!(cost("Mystery", &[&[1]], &[1]), None);
        assert_eq!(cost("Gemm", &[], &[]), None);
    }
}
