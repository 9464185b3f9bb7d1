//! Reads an ONNX file (a protobuf message) into a [`Model`]. Knows no disk: bytes come in, and what must be known of
//! files beside the model comes through [`External`].

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;

use super::outline::{check_outline, other_format};
use super::proto::{GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto};
use super::weights::{element_type, weigh};
use super::{Dim, ElementType, Flops, InputHint, Model, Port, count, guess, hints};

/// The largest file protobuf can hold, in bytes: 2 GiB − 1. Larger models keep weights in external data.
pub const MAX_FILE_BYTES: u64 = (1 << 31) - 1;

/// The one dimension of a port whose number of dimensions the model does not say.
pub const UNKNOWN_RANK: &str = "unknown rank";

/// What must be known of the files beside a model.
pub trait External {
    /// Length in bytes of the file at `location`, relative to the model's folder. The location has been checked to
    /// be relative and without `..`; links that lead out of the folder are for the implementation to refuse.
    fn length(&self, location: &str) -> Result<u64, ExternalProblem>;
}

/// There are no files beside the model: every external tensor is missing.
#[derive(Debug, Clone, Copy)]
pub struct NoExternal;

impl External for NoExternal {
    fn length(&self, _location: &str) -> Result<u64, ExternalProblem> {
        Err(ExternalProblem::Missing)
    }
}

/// What is wrong with external data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExternalProblem {
    /// Absolute, with `..`, or a link that leads out.
    #[error("it lies outside the model's folder, which is refused; put the data beside the model")]
    Outside,
    /// No such file.
    #[error("there is no such file; put it beside the model")]
    Missing,
    /// Not a regular file, or the system refuses to read it.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The file ends before the tensor does.
    #[error(
        "the tensor's {length} bytes from byte {offset} on do not fit the file's {file_bytes}; \
         the file is cut short or belongs to another model"
    )]
    Short {
        /// First byte of the tensor.
        offset: u64,
        /// Bytes of the tensor.
        length: u64,
        /// Bytes of the file.
        file_bytes: u64,
    },
    /// The length the model says is not what the dimensions need.
    #[error("the tensor's dimensions need {needed} bytes, the model says {said}")]
    WrongLength {
        /// Bytes the dimensions need.
        needed: u64,
        /// Bytes the model says.
        said: u64,
    },
    /// The model gives no location.
    #[error("the model does not say in which file")]
    NoLocation,
    /// `offset` or `length` is not a number.
    #[error("its {key} `{text}` is not a number")]
    BadNumber {
        /// `offset` or `length`.
        key: String,
        /// What the model says.
        text: String,
    },
}

/// Why bytes are not a model we can read. The file's path is the caller's to add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No bytes.
    #[error("the file is empty (0 bytes); download or export it again")]
    Empty,
    /// Larger than protobuf allows.
    #[error(
        "the file has {bytes} bytes, more than the {MAX_FILE_BYTES} an ONNX file can have; \
         save the model with its weights as external data"
    )]
    TooLarge {
        /// Bytes of the file.
        bytes: u64,
    },
    /// Something else than ONNX, and we can say what.
    #[error("this is {what}, not an ONNX model; {next}")]
    OtherFormat {
        /// What it is.
        what: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Not a protobuf message of ONNX's shape.
    #[error("this is not an ONNX model: {why}")]
    NotOnnx {
        /// What was found.
        why: String,
    },
    /// The file ends inside a field.
    #[error(
        "the file is cut short: a field at byte {at} needs {needed} bytes and only {found} follow; \
         download or export it again"
    )]
    Truncated {
        /// Where the field's value starts.
        at: u64,
        /// Bytes the field needs.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// A message that decodes but is no whole model.
    #[error("the model is not whole: {why}; download or export it again")]
    Incomplete {
        /// What is missing.
        why: &'static str,
    },
    /// A tensor whose values do not match its dimensions.
    #[error(
        "{what} needs {needed} {unit} by its dimensions and has {found}; the file is cut short or damaged, \
         download or export it again"
    )]
    Short {
        /// The tensor.
        what: String,
        /// What the dimensions need.
        needed: u64,
        /// What is there.
        found: u64,
        /// `bytes`, `values` or `texts`.
        unit: &'static str,
    },
    /// A dimension below 0.
    #[error("{what} has a dimension of {size}; the file is damaged")]
    NegativeDim {
        /// The tensor, input or output.
        what: String,
        /// The dimension.
        size: i64,
    },
    /// Dimensions whose product is no count.
    #[error("{what} has dimensions {dims}, more elements than 2^63; the file is damaged")]
    HugeDims {
        /// The tensor, input or output.
        what: String,
        /// Its dimensions.
        dims: String,
    },
    /// A stored tensor of a type we do not know.
    #[error(
        "{what} has element type {data_type}, which ONNX 1.19 does not define; a newer Inferometer may read it"
    )]
    UnknownType {
        /// The tensor.
        what: String,
        /// Number of the type in `TensorProto.DataType`.
        data_type: i32,
    },
    /// External data that cannot be used.
    #[error("{what} is kept in the file `{location}`: {problem}")]
    External {
        /// The tensor.
        what: String,
        /// The location as the model gives it.
        location: String,
        /// What is wrong.
        problem: ExternalProblem,
    },
    /// Functions that call each other in a circle, or too deep.
    #[error("the model's function `{name}` calls itself; the file is damaged")]
    Recursive {
        /// The function.
        name: String,
    },
}

/// What a file holds: the model, and which files beside it belong to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The model; its `sha256` is empty, since the files beside it are part of the identity.
    pub model: Model,
    /// Locations of external data, relative to the model's folder, sorted.
    pub external: Vec<String>,
}

/// Reads a model from the bytes of its file, without copying its weights. `name` is shown to people.
pub fn parse(name: &str, bytes: Bytes, external: &dyn External) -> Result<Parsed, ModelError> {
    let file_bytes = bytes.len() as u64;
    if file_bytes == 0 {
        return Err(ModelError::Empty);
    }
    if file_bytes > MAX_FILE_BYTES {
        return Err(ModelError::TooLarge { bytes: file_bytes });
    }
    if let Some((what, next)) = other_format(&bytes) {
        return Err(ModelError::OtherFormat { what, next });
    }
    check_outline(&bytes)?;
    let proto = ModelProto::decode(bytes).map_err(|error| ModelError::NotOnnx { why: error.to_string() })?;
    let Some(graph) = &proto.graph else {
        return Err(ModelError::Incomplete { why: "it has no graph" });
    };
    if graph.node.is_empty() && graph.output.is_empty() {
        return Err(ModelError::Incomplete { why: "its graph has no operators and no outputs" });
    }
    if proto.opset_import.is_empty() && proto.ir_version >= 3 {
        return Err(ModelError::Incomplete { why: "it does not say which operator set it uses" });
    }
    let weights = weigh(&proto, external)?;
    let inputs = inputs(&proto, graph)?;
    let outputs =
        graph.output.iter().map(|value| port("output", value, InputHint::Any)).collect::<Result<_, _>>()?;
    let mut opset = BTreeMap::new();
    for import in &proto.opset_import {
        let domain = if import.domain == "ai.onnx" { String::new() } else { import.domain.clone() };
        opset.insert(domain, import.version);
    }
    let mut model = Model {
        name: name.to_owned(),
        sha256: String::new(),
        file_bytes,
        inputs,
        outputs,
        operators: operators(&proto, graph)?,
        parameters: weights.parameters,
        weight_bytes: weights.bytes,
        bytes_by_precision: weights.bytes_by_precision,
        opset,
        producer: format!("{} {}", proto.producer_name, proto.producer_version).trim().to_owned(),
        ir_version: proto.ir_version,
        flops: Flops::default(),
    };
    model.flops = count::flops(&proto, graph, &model);
    Ok(Parsed { model, external: weights.external.into_iter().collect() })
}

/// Inputs a caller must give: those without an initializer.
fn inputs(proto: &ModelProto, graph: &GraphProto) -> Result<Vec<Port>, ModelError> {
    let hints = hints::hints(proto, graph);
    graph
        .open_inputs()
        .map(|value| port("input", value, hints.get(&value.name).cloned().unwrap_or_default()))
        .collect()
}

fn port(kind: &str, value: &ValueInfoProto, hint: InputHint) -> Result<Port, ModelError> {
    let what = format!("{kind} `{}`", value.name);
    let tensor = value.r#type.as_ref().and_then(|TypeProto { tensor_type }| tensor_type.as_ref());
    let Some(tensor) = tensor else {
        // A sequence, a map or an optional.
        return Ok(Port { name: value.name.clone(), element: ElementType::Other, shape: Vec::new(), hint });
    };
    let shape = match &tensor.shape {
        None => vec![Dim::Named(UNKNOWN_RANK.to_owned())],
        Some(shape) => shape.dim.iter().map(|dim| read_dim(&what, dim)).collect::<Result<_, _>>()?,
    };
    let mut product = 1_u64;
    for dim in &shape {
        if let Dim::Fixed(size) = dim {
            let next = product.checked_mul((*size).max(1)).filter(|product| *product < 1 << 63);
            product =
                next.ok_or_else(|| ModelError::HugeDims { what: what.clone(), dims: format!("{shape:?}") })?;
        }
    }
    Ok(Port { name: value.name.clone(), element: element_type(tensor.elem_type), shape, hint })
}

fn read_dim(what: &str, dim: &super::proto::DimensionProto) -> Result<Dim, ModelError> {
    Ok(match (dim.dim_value, &dim.dim_param) {
        // Paddle and older exporters write −1 for "not known".
        (Some(-1), _) => Dim::Unknown,
        (Some(size), _) => Dim::Fixed(
            u64::try_from(size)
                .map_err(|_negative| ModelError::NegativeDim { what: what.to_owned(), size })?,
        ),
        (None, Some(name)) if !guess::is_placeholder(name) => Dim::Named(name.clone()),
        _ => Dim::Unknown,
    })
}

/// Nodes by operator, those of sub-graphs included. A call of one of the model's own functions counts as the
/// function's nodes, because that is what runs.
fn operators(proto: &ModelProto, graph: &GraphProto) -> Result<BTreeMap<String, u64>, ModelError> {
    let mut counts = BTreeMap::new();
    let mut done: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    add_operators(proto, &graph.node, &mut counts, &mut done, &mut Vec::new())?;
    Ok(counts)
}

fn add_operators(
    proto: &ModelProto,
    nodes: &[NodeProto],
    counts: &mut BTreeMap<String, u64>,
    done: &mut BTreeMap<String, BTreeMap<String, u64>>,
    calling: &mut Vec<String>,
) -> Result<(), ModelError> {
    for node in nodes {
        for inner in node.graphs() {
            add_operators(proto, &inner.node, counts, done, calling)?;
        }
        let Some(function) = proto.function(node) else {
            let count: &mut u64 = counts.entry(node.operator()).or_default();
            *count = count.saturating_add(1);
            continue;
        };
        let name = format!("{}::{}::{}", function.domain, function.name, function.overload);
        if calling.contains(&name) {
            return Err(ModelError::Recursive { name: function.name.clone() });
        }
        if !done.contains_key(&name) {
            calling.push(name.clone());
            let mut inside = BTreeMap::new();
            add_operators(proto, &function.node, &mut inside, done, calling)?;
            calling.pop();
            done.insert(name.clone(), inside);
        }
        for (operator, inside) in &done[&name] {
            let count: &mut u64 = counts.entry(operator.clone()).or_default();
            *count = count.saturating_add(*inside);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::build::{self, constant, floats, graph, node, numbers, raw, scalar, value};
    use super::super::proto::data_type as ty;
    use super::*;

    /// y = x·w + b, with `w` and `b` as given.
    fn linear(weights: Vec<super::super::proto::TensorProto>) -> ModelProto {
        let input = vec![value("x", ty::FLOAT, &["batch", "3"]), value("w", ty::FLOAT, &["3", "2"])];
        build::model(graph(input, weights, vec![node("Gemm", &["x", "w", "b"], &["y"], vec![])], &["y"]))
    }

    #[test]
    fn initializers_are_no_inputs() {
        let model = build::parse(&linear(vec![floats("w", &[3, 2]), floats("b", &[2])])).unwrap();
        assert_eq!(model.inputs.len(), 1);
        assert_eq!(model.inputs[0].shape, [Dim::Named("batch".to_owned()), Dim::Fixed(3)]);
        assert_eq!((model.parameters, model.weight_bytes), (8, 32));
        assert_eq!((model.opset[""], model.ir_version, model.producer.as_str()), (21, 10, "test"));
    }

    #[test]
    fn a_tensor_with_fewer_bytes_than_its_dimensions_need_is_named() {
        let error =
            build::parse(&linear(vec![raw("w", ty::FLOAT, &[3, 2], 23), floats("b", &[2])])).unwrap_err();
        let expected =
            ModelError::Short { what: "initializer `w`".to_owned(), needed: 24, found: 23, unit: "bytes" };
        assert_eq!(error, expected);
        // Nothing at all, as when the file was cut at the border of a field.
        let error = build::parse(&linear(vec![raw("w", ty::FLOAT, &[3, 2], 0)])).unwrap_err();
        assert!(matches!(error, ModelError::Short { needed: 6, found: 0, unit: "values", .. }), "{error:?}");
    }

    #[test]
    fn impossible_dimensions_are_errors() {
        let huge = build::parse(&linear(vec![raw("w", ty::FLOAT, &[1 << 32, 1 << 31], 4)])).unwrap_err();
        assert!(matches!(huge, ModelError::HugeDims { .. }), "{huge:?}");
        // 2⁶² elements are a count, their bytes are not there.
        let large = build::parse(&linear(vec![raw("w", ty::FLOAT, &[1 << 31, 1 << 31], 4)])).unwrap_err();
        assert!(matches!(large, ModelError::HugeDims { .. } | ModelError::Short { .. }), "{large:?}");
        let negative = build::parse(&linear(vec![raw("w", ty::FLOAT, &[-2], 4)])).unwrap_err();
        assert_eq!(negative, ModelError::NegativeDim { what: "initializer `w`".to_owned(), size: -2 });
        let input = |dims: &[&str]| {
            build::model(graph(
                vec![value("x", ty::FLOAT, dims)],
                vec![],
                vec![node("Relu", &["x"], &["y"], vec![])],
                &["y"],
            ))
        };
        let huge = build::parse(&input(&["4294967296", "4294967296"])).unwrap_err();
        assert!(huge.to_string().contains("input `x`"), "{huge}");
        assert!(matches!(build::parse(&input(&["-3"])), Err(ModelError::NegativeDim { .. })));
        assert_eq!(build::parse(&input(&["-1"])).unwrap().inputs[0].shape, [Dim::Unknown]);
    }

    #[test]
    fn bytes_are_counted_by_precision_with_small_types_packed() {
        let mut int4_in_entries = raw("p", ty::INT4, &[3], 0);
        int4_in_entries.int32_data = vec![0x21, 0x03];
        let mut half = raw("h", ty::FLOAT16, &[2], 0);
        half.int32_data = vec![0x3C00, 0];
        let mut words = raw("s", ty::STRING, &[2], 0);
        words.string_data = vec![Bytes::from_static(b"one"), Bytes::from_static(b"three")];
        let weights = vec![
            raw("q", ty::UINT4, &[5], 3),
            int4_in_entries,
            half,
            words,
            raw("i", ty::INT8, &[7], 7),
            floats("b", &[2]),
        ];
        let model = build::parse(&linear(weights)).unwrap();
        let expected =
            [("uint4", 3), ("int4", 2), ("float16", 4), ("string", 8), ("int8", 7), ("float32", 8)];
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)).collect();
        assert_eq!(model.bytes_by_precision, expected);
        assert_eq!((model.parameters, model.weight_bytes), (5 + 3 + 2 + 2 + 7 + 2, 32));
    }

    #[test]
    fn weights_in_constant_nodes_count_and_shapes_do_not() {
        let nodes = vec![
            constant("w", floats("", &[3, 4])),
            constant("axes", numbers("", &[0, 1])),
            constant("half", scalar("", ty::FLOAT, 1)),
            constant("scales", floats("", &[4])),
            node("Resize", &["x", "", "scales"], &["r"], vec![]),
            node("MatMul", &["r", "w"], &["y"], vec![]),
        ];
        let input = vec![value("x", ty::FLOAT, &["1", "1", "2", "3"])];
        let model = build::parse(&build::model(graph(input, vec![], nodes, &["y"]))).unwrap();
        assert_eq!((model.parameters, model.weight_bytes), (12, 48));
        assert_eq!(model.operators["Constant"], 4);
    }

    #[test]
    fn operators_of_branches_functions_and_domains_are_counted() {
        let branch = |op: &str| graph(vec![], vec![], vec![node(op, &["x"], &["z"], vec![])], &["z"]);
        let branches =
            vec![build::body("then_branch", branch("Relu")), build::body("else_branch", branch("Exp"))];
        let function = super::super::proto::FunctionProto {
            name: "Twice".to_owned(),
            domain: "mine".to_owned(),
            input: build::strings(&["a"]),
            output: build::strings(&["c"]),
            node: vec![node("Relu", &["a"], &["b"], vec![]), node("Relu", &["b"], &["c"], vec![])],
            ..Default::default()
        };
        let nodes = vec![
            node("If", &["cond"], &["t"], branches),
            node("mine::Twice", &["t"], &["u"], vec![]),
            node("com.microsoft::Gelu", &["u"], &["y"], vec![]),
        ];
        let input = vec![value("cond", ty::BOOL, &[]), value("x", ty::FLOAT, &["4"])];
        let model =
            build::parse(&build::with_function(graph(input, vec![], nodes, &["y"]), function)).unwrap();
        let expected = [("If", 1), ("Relu", 3), ("Exp", 1), ("com.microsoft::Gelu", 1)];
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(model.operators, expected);
    }

    #[test]
    fn a_function_that_calls_itself_is_refused() {
        let function = super::super::proto::FunctionProto {
            name: "F".to_owned(),
            domain: "mine".to_owned(),
            input: build::strings(&["a"]),
            output: build::strings(&["b"]),
            node: vec![node("mine::F", &["a"], &["b"], vec![])],
            ..Default::default()
        };
        let graph = graph(
            vec![value("x", ty::FLOAT, &["1"])],
            vec![],
            vec![node("mine::F", &["x"], &["y"], vec![])],
            &["y"],
        );
        let error = build::parse(&build::with_function(graph, function)).unwrap_err();
        assert_eq!(error, ModelError::Recursive { name: "F".to_owned() });
    }

    #[test]
    fn a_message_that_is_no_whole_model_is_refused() {
        let whole = linear(vec![floats("w", &[3, 2]), floats("b", &[2])]);
        let no_graph = ModelProto { graph: None, ..whole.clone() };
        assert!(build::parse(&no_graph).unwrap_err().to_string().contains("no graph"));
        // What is left when the file is cut right after the graph, which comes before the operator sets.
        let no_opset = ModelProto { opset_import: vec![], ..whole };
        assert!(build::parse(&no_opset).unwrap_err().to_string().contains("operator set"));
    }

    #[test]
    fn unknown_ranks_and_other_types_are_told_from_scalars() {
        let mut unknown = value("x", ty::FLOAT, &[]);
        unknown.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape = None;
        let sequence = ValueInfoProto { name: "s".to_owned(), r#type: Some(TypeProto::default()) };
        let inputs = vec![unknown, sequence, value("n", ty::INT64, &[])];
        let model = build::model(graph(inputs, vec![], vec![node("Relu", &["x"], &["y"], vec![])], &["y"]));
        let model = build::parse(&model).unwrap();
        assert!(model.inputs[0].has_unknown_rank());
        assert_eq!((model.inputs[1].element, model.inputs[1].shape.len()), (ElementType::Other, 0));
        assert_eq!((model.inputs[2].element, model.inputs[2].shape.len()), (ElementType::Int64, 0));
        // Nothing is known of the shape, so nothing is counted.
        assert_eq!((model.flops.total, model.flops.uncounted["Relu"]), (None, 1));
    }
}
