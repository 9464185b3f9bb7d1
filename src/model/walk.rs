//! Walks a graph in order, works out each value's shape, and adds up what each node costs.
//!
//! A node that depends on no input is folded when the model is loaded and costs nothing. Of an `If` whose
//! condition is not known the costlier branch counts; a `Loop` counts its body times its trips where those are
//! known, and is named as uncounted where they are not; a `Scan` its body times the length it scans.

use std::collections::{BTreeMap, HashMap};

use super::infer::{self, Call, Shape, Value};
use super::node_cost::NodeCost;
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use super::{Model, cost};

/// Most nodes looked at, functions and bodies counted each time they are entered: a damaged or hostile file must
/// not take forever. The largest real graphs have some hundred thousand.
pub(super) const MOST_NODES: u64 = 4_000_000;
/// Deepest nesting of branches, bodies and functions.
const DEEPEST: usize = 40;

/// What the nodes seen so far cost.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub by_operator: BTreeMap<String, u64>,
    pub uncounted: BTreeMap<String, u64>,
    /// Nodes whose cost is known and not nothing by being folded.
    pub counted: u64,
}

impl Tally {
    fn add(&mut self, operator: String, flops: Option<u64>) {
        let known =
            flops.and_then(|flops| self.by_operator.get(&operator).copied().unwrap_or(0).checked_add(flops));
        match known {
            Some(sum) => {
                self.by_operator.insert(operator, sum);
                self.counted += 1;
            }
            None => *self.uncounted.entry(operator).or_default() += 1,
        }
    }

    fn merge(&mut self, other: Self, times: u64) {
        for (operator, flops) in other.by_operator {
            match flops.checked_mul(times) {
                Some(flops) => self.add(operator, Some(flops)),
                None => self.add(operator, None),
            }
        }
        for (operator, nodes) in other.uncounted {
            *self.uncounted.entry(operator).or_default() += nodes;
        }
    }

    fn total(&self) -> u128 {
        self.by_operator.values().map(|flops| u128::from(*flops)).sum()
    }
}

/// The values in sight at one place: those of this graph, then those of the graphs around it.
struct Scope<'a, 'p> {
    values: HashMap<&'a str, Value>,
    outer: Option<&'p Scope<'a, 'p>>,
    depth: usize,
}

impl Scope<'_, '_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }
}

/// One walk at one choice of sizes.
pub(super) struct Walk<'a> {
    pub proto: &'a ModelProto,
    /// Sizes of named dimensions.
    pub assumed: &'a BTreeMap<String, u64>,
    /// Nodes that may still be looked at.
    pub left: u64,
    /// Nodes whose inputs cannot have the shapes they would have at the assumed sizes.
    pub conflicts: u64,
    /// What each node costs, where that is asked for.
    pub list: Option<Vec<NodeCost>>,
}

impl<'a> Walk<'a> {
    /// The cost of the whole model at these input shapes.
    pub fn model(
        &mut self,
        graph: &'a GraphProto,
        model: &Model,
        shapes: &BTreeMap<String, Vec<u64>>,
    ) -> Tally {
        let values = graph.input.iter().map(|input| {
            let unknown_rank =
                model.inputs.iter().any(|port| port.name == input.name && port.has_unknown_rank());
            let sizes = shapes.get(&input.name).filter(|_| !unknown_rank);
            let shape = sizes.map(|sizes| sizes.iter().copied().map(Some).collect());
            (input.name.as_str(), Value::new(self.declared(input).data_type, shape))
        });
        self.graph(graph, values.collect(), None).0
    }

    /// What a type annotation says, with named dimensions at their assumed sizes.
    fn declared(&self, value: &ValueInfoProto) -> Value {
        let Some(tensor) = value.r#type.as_ref().and_then(|value_type| value_type.tensor_type.as_ref())
        else {
            return Value::default();
        };
        let shape = tensor.shape.as_ref().map(|shape| {
            let sizes = shape.dim.iter().map(|dim| match (dim.dim_value, &dim.dim_param) {
                (Some(size), _) => u64::try_from(size).ok(),
                (None, Some(name)) => self.assumed.get(name).copied(),
                (None, None) => None,
            });
            sizes.collect::<Shape>()
        });
        Value::new(tensor.elem_type, shape)
    }

    /// The cost of a graph and what is known of its outputs.
    fn graph(
        &mut self,
        graph: &'a GraphProto,
        mut values: HashMap<&'a str, Value>,
        outer: Option<&Scope<'a, '_>>,
    ) -> (Tally, Vec<Value>) {
        for tensor in &graph.initializer {
            values.insert(&tensor.name, Value::of_tensor(tensor));
        }
        for sparse in &graph.sparse_initializer {
            if let Some(TensorProto { name, data_type, .. }) = &sparse.values {
                let shape = sparse.dims.iter().map(|size| u64::try_from(*size).ok()).collect();
                values.insert(name, Value { constant: true, ..Value::new(*data_type, Some(shape)) });
            }
        }
        let annotated: HashMap<&str, Value> = graph
            .value_info
            .iter()
            .chain(&graph.output)
            .map(|value| (value.name.as_str(), self.declared(value)))
            .collect();
        let depth = outer.map_or(0, |outer| outer.depth + 1);
        let mut scope = Scope { values, outer, depth };
        let tally = self.nodes(&graph.node, &mut scope, &annotated, &[]);
        let outputs = graph
            .output
            .iter()
            .map(|output| scope.get(&output.name).cloned().unwrap_or_else(|| self.declared(output)))
            .collect();
        (tally, outputs)
    }

    fn nodes(
        &mut self,
        nodes: &'a [NodeProto],
        scope: &mut Scope<'a, '_>,
        annotated: &HashMap<&str, Value>,
        attributes: &[AttributeProto],
    ) -> Tally {
        let mut tally = Tally::default();
        for node in nodes {
            if self.left == 0 || scope.depth > DEEPEST {
                tally.add(node.operator(), None);
                continue;
            }
            self.left -= 1;
            let inputs: Vec<Option<Value>> = node
                .input
                .iter()
                .map(|name| (!name.is_empty()).then(|| scope.get(name).cloned().unwrap_or_default()))
                .collect();
            let mut outputs = self.node(node, inputs, scope, attributes, &mut tally);
            outputs.resize(node.output.len(), Value::default());
            for (name, mut value) in node.output.iter().zip(outputs) {
                if let Some(said) = annotated.get(name.as_str()) {
                    complete(&mut value, said);
                }
                if !name.is_empty() {
                    scope.values.insert(name, value);
                }
            }
        }
        tally
    }

    /// Adds one node's cost to the tally and says what is known of its outputs.
    fn node(
        &mut self,
        node: &'a NodeProto,
        inputs: Vec<Option<Value>>,
        scope: &Scope<'a, '_>,
        attributes: &[AttributeProto],
        tally: &mut Tally,
    ) -> Vec<Value> {
        if let Some(function) = self.proto.function(node) {
            let given = with_attributes(node, attributes);
            let given = given.as_ref().unwrap_or(node);
            let mut passed = given.attribute.clone();
            for default in &function.attribute_proto {
                if given.attribute(&default.name).is_none() {
                    passed.push(default.clone());
                }
            }
            let values = function.input.iter().map(String::as_str).zip(inputs.into_iter().flatten());
            let mut inside = Scope { values: values.collect(), outer: None, depth: scope.depth + 1 };
            // Its nodes are not the file's: each call has its own copy of them.
            let list = self.list.take();
            let body = self.nodes(&function.node, &mut inside, &HashMap::new(), &passed);
            self.list = list;
            tally.merge(body, 1);
            return function
                .output
                .iter()
                .map(|name| inside.get(name).cloned().unwrap_or_default())
                .collect();
        }
        let default_domain = matches!(node.domain.as_str(), "" | "ai.onnx");
        let with_graphs = match node.op_type.as_str() {
            "If" if default_domain => Some(self.branches(node, &inputs, scope, tally)),
            "Loop" if default_domain => Some(self.repeat(node, &inputs, scope, tally)),
            "Scan" if default_domain => Some(self.scan(node, &inputs, scope, tally)),
            _ => None,
        };
        if let Some(outputs) = with_graphs {
            self.note(node, Some(0));
            return outputs;
        }
        let resolved = with_attributes(node, attributes);
        let call = Call { node: resolved.as_ref().unwrap_or(node), inputs };
        self.conflicts += u64::from(infer::contradicts(&call));
        let outputs = infer::outputs(&call);
        let folded = outputs.first().is_some_and(|value| value.constant);
        if folded {
            return outputs;
        }
        let flops = cost::flops(&call, &outputs);
        self.note(node, flops);
        tally.add(node.operator(), flops);
        outputs
    }

    /// Adds a node to the list where there is one.
    fn note(&mut self, node: &NodeProto, flops: Option<u64>) {
        if let Some(list) = &mut self.list {
            list.push(NodeCost {
                name: node.name.clone(),
                op_type: node.op_type.clone(),
                domain: node.domain.clone(),
                inputs: node.input.clone(),
                outputs: node.output.clone(),
                flops,
            });
        }
    }

    fn branches(
        &mut self,
        node: &'a NodeProto,
        inputs: &[Option<Value>],
        scope: &Scope<'a, '_>,
        tally: &mut Tally,
    ) -> Vec<Value> {
        let branch = |name: &str| node.attribute(name).and_then(|attribute| attribute.g.as_ref());
        let (Some(yes), Some(no)) = (branch("then_branch"), branch("else_branch")) else {
            tally.add(node.operator(), None);
            return Vec::new();
        };
        let condition =
            inputs.first().cloned().flatten().and_then(|value| value.numbers?.first().copied()?);
        let chosen = match condition {
            Some(truth) => Some(if truth > 0.0 { yes } else { no }),
            None => None,
        };
        if let Some(graph) = chosen {
            let (cost, outputs) = self.graph(graph, HashMap::new(), Some(scope));
            tally.merge(cost, 1);
            return outputs;
        }
        // A branch that is not taken may well not fit.
        let conflicts = self.conflicts;
        let (first, first_outputs) = self.graph(yes, HashMap::new(), Some(scope));
        let (second, second_outputs) = self.graph(no, HashMap::new(), Some(scope));
        self.conflicts = conflicts;
        let costlier = if first.total() >= second.total() { first } else { second };
        tally.merge(costlier, 1);
        let both = first_outputs.into_iter().zip(second_outputs);
        both.map(|(a, b)| agreed(&a, &b)).collect()
    }

    fn repeat(
        &mut self,
        node: &'a NodeProto,
        inputs: &[Option<Value>],
        scope: &Scope<'a, '_>,
        tally: &mut Tally,
    ) -> Vec<Value> {
        let Some(body) = node.attribute("body").and_then(|attribute| attribute.g.as_ref()) else {
            tally.add(node.operator(), None);
            return Vec::new();
        };
        let number = |place: usize| {
            inputs.get(place).cloned().flatten().and_then(|value| value.numbers?.first().copied()?)
        };
        let has = |place: usize| inputs.get(place).is_some_and(Option::is_some);
        let carried = inputs.len().saturating_sub(2);
        let mut values: HashMap<&str, Value> = HashMap::new();
        let scalar = |data_type| Value::new(data_type, Some(Vec::new()));
        let truth = Value { numbers: Some(vec![Some(1.0)]), ..scalar(super::proto::data_type::BOOL) };
        for (place, formal) in body.input.iter().enumerate() {
            let value = match place {
                0 => scalar(super::proto::data_type::INT64),
                1 => truth.clone(),
                // What a later trip sees may differ from the first; only what does not change is kept below.
                _ => Value {
                    numbers: None,
                    constant: false,
                    ..inputs.get(place).cloned().flatten().unwrap_or_default()
                },
            };
            values.insert(&formal.name, value);
        }
        let (cost, outputs) = self.graph(body, values.clone(), Some(scope));
        let goes_on = outputs.first().and_then(|value| value.numbers.clone()?.first().copied()?);
        let starts = if has(1) { number(1) } else { Some(1.0) };
        let steady = (0..carried).all(|index| {
            let before = body.input.get(index + 2).and_then(|formal| values.get(formal.name.as_str()));
            let after = outputs.get(index + 1);
            before.zip(after).is_some_and(|(before, after)| before.shape == after.shape)
        });
        let trips = match (number(0), starts, goes_on) {
            (Some(trips), Some(start), Some(more)) if start > 0.0 && more > 0.0 && steady && trips >= 0.0 => {
                Some(trips as u64)
            }
            _ => None,
        };
        match trips {
            Some(trips) => tally.merge(cost, trips),
            None => tally.add(node.operator(), None),
        }
        let finals = (0..carried).map(|index| {
            let before = inputs.get(index + 2).cloned().flatten().unwrap_or_default();
            agreed(&before, outputs.get(index + 1).unwrap_or(&Value::default()))
        });
        let scanned = outputs.iter().skip(1 + carried).map(|value| stacked(value, trips));
        finals.chain(scanned).collect()
    }

    fn scan(
        &mut self,
        node: &'a NodeProto,
        inputs: &[Option<Value>],
        scope: &Scope<'a, '_>,
        tally: &mut Tally,
    ) -> Vec<Value> {
        let body = node.attribute("body").and_then(|attribute| attribute.g.as_ref());
        let scanned = node.int("num_scan_inputs").and_then(|count| usize::try_from(count).ok());
        let moved = ["scan_input_axes", "scan_output_axes"]
            .iter()
            .any(|name| node.ints(name).is_some_and(|axes| axes.iter().any(|axis| *axis != 0)));
        // Operator set 8 scans along the second dimension and has one input more.
        let imports = &self.proto.opset_import;
        let old = imports.iter().any(|import| import.domain.is_empty() && import.version < 9);
        let (Some(body), Some(scanned), false) = (body, scanned, moved || old) else {
            tally.add(node.operator(), None);
            return Vec::new();
        };
        let states = inputs.len().saturating_sub(scanned);
        let steps = inputs.get(states).cloned().flatten().and_then(|value| value.size(0));
        let mut values: HashMap<&str, Value> = HashMap::new();
        for (place, formal) in body.input.iter().enumerate() {
            let mut value = inputs.get(place).cloned().flatten().unwrap_or_default();
            value.numbers = None;
            value.constant = false;
            if place >= states
                && let Some(shape) = &mut value.shape
                && !shape.is_empty()
            {
                shape.remove(0);
            }
            values.insert(&formal.name, value);
        }
        let (cost, outputs) = self.graph(body, values, Some(scope));
        match steps {
            Some(steps) => tally.merge(cost, steps),
            None => tally.add(node.operator(), None),
        }
        let plain = |value: &Value| Value { numbers: None, constant: false, ..value.clone() };
        let finals = outputs.iter().take(states).map(plain);
        finals.chain(outputs.iter().skip(states).map(|value| stacked(value, steps))).collect()
    }
}

/// What holds whichever of both values it is.
fn agreed(first: &Value, second: &Value) -> Value {
    Value {
        data_type: if first.data_type == second.data_type { first.data_type } else { 0 },
        shape: infer::common(first.shape.as_ref(), second.shape.as_ref()),
        numbers: None,
        constant: false,
    }
}

/// One value of each trip, stacked along a new first dimension.
fn stacked(value: &Value, trips: Option<u64>) -> Value {
    let shape = value.shape.as_ref().map(|shape| [&[trips], shape.as_slice()].concat());
    Value::new(value.data_type, shape)
}

/// Fills in from an annotation what the rules could not find out.
fn complete(value: &mut Value, said: &Value) {
    if value.data_type == 0 {
        value.data_type = said.data_type;
    }
    match (&mut value.shape, &said.shape) {
        (None, Some(said)) => value.shape = Some(said.clone()),
        (Some(shape), Some(said)) if shape.len() == said.len() => {
            for (size, said) in shape.iter_mut().zip(said) {
                *size = size.or(*said);
            }
        }
        _ => {}
    }
}

/// A node of a function with the caller's attributes in place of its references; `None` when it has none.
fn with_attributes(node: &NodeProto, given: &[AttributeProto]) -> Option<NodeProto> {
    if node.attribute.iter().all(|attribute| attribute.ref_attr_name.is_empty()) {
        return None;
    }
    let attribute = node.attribute.iter().filter_map(|attribute| {
        if attribute.ref_attr_name.is_empty() {
            return Some(attribute.clone());
        }
        let value = given.iter().find(|value| value.name == attribute.ref_attr_name)?;
        Some(AttributeProto { name: attribute.name.clone(), ..value.clone() })
    });
    Some(NodeProto { attribute: attribute.collect(), ..node.clone() })
}
