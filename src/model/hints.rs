//! What the graph says of an input's values: indices of a table, or a mask.
//!
//! An input is followed through operators that keep its values (casts, reshapes, slices…) into sub-graphs, until
//! something uses it as an index of a constant table: then its values are ids below the table's rows, the fewest
//! where there are several tables. A mask is known by its name, by a mask input of a fused attention operator, or
//! by the `1 − mask` of an extended attention mask.

use std::collections::{BTreeMap, BTreeSet};

use super::InputHint;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto};

/// Hints by input name; inputs that are not there have none.
pub(super) fn hints(proto: &ModelProto, graph: &GraphProto) -> BTreeMap<String, InputHint> {
    let mut found = Found::default();
    let mut scope = Scope::default();
    for value in graph.open_inputs() {
        scope.carries.insert(value.name.clone(), value.name.clone());
    }
    follow(proto, graph, &scope, &mut found, 0);
    let mut hints = BTreeMap::new();
    for value in &graph.input {
        let hint = if let Some(below) = found.ids.get(&value.name) {
            InputHint::Ids { below: *below }
        } else if found.masks.contains(&value.name) || says_mask(&value.name) {
            InputHint::Mask
        } else {
            continue;
        };
        hints.insert(value.name.clone(), hint);
    }
    hints
}

#[derive(Default)]
struct Found {
    ids: BTreeMap<String, u64>,
    masks: BTreeSet<String>,
}

/// What names mean at one place of the graph.
#[derive(Default, Clone)]
struct Scope {
    /// Value → the model input whose values it has.
    carries: BTreeMap<String, String>,
    /// Constant → its dimensions.
    constants: BTreeMap<String, Vec<i64>>,
    /// Constants that are the single number one.
    ones: BTreeSet<String>,
    /// Single non-negative integers.
    scalars: BTreeMap<String, u64>,
}

impl Scope {
    fn constant(&mut self, name: &str, tensor: &TensorProto) {
        self.constants.insert(name.to_owned(), tensor.dims.clone());
        if tensor.dims.iter().all(|size| *size == 1)
            && let Some(value) = tensor.numbers().and_then(|numbers| numbers.first().copied())
        {
            if (value - 1.0).abs() < f64::EPSILON {
                self.ones.insert(name.to_owned());
            }
            if value >= 0.0 && value.fract() == 0.0 {
                self.scalars.insert(name.to_owned(), value as u64);
            }
        }
    }
}

fn follow(proto: &ModelProto, graph: &GraphProto, outer: &Scope, found: &mut Found, depth: usize) {
    let mut scope = outer.clone();
    for tensor in &graph.initializer {
        scope.constant(&tensor.name, tensor);
    }
    follow_nodes(proto, &graph.node, &mut scope, found, depth);
}

fn follow_nodes(proto: &ModelProto, nodes: &[NodeProto], scope: &mut Scope, found: &mut Found, depth: usize) {
    // Deep enough for real models; a damaged one must not exhaust the stack.
    if depth > 16 {
        return;
    }
    for node in nodes {
        for inner in node.graphs() {
            follow(proto, inner, scope, found, depth + 1);
        }
        if let Some(function) = proto.function(node) {
            let mut inside = Scope::default();
            for (formal, actual) in function.input.iter().zip(&node.input) {
                if let Some(source) = scope.carries.get(actual) {
                    inside.carries.insert(formal.clone(), source.clone());
                }
                if let Some(dims) = scope.constants.get(actual) {
                    inside.constants.insert(formal.clone(), dims.clone());
                }
                if scope.ones.contains(actual) {
                    inside.ones.insert(formal.clone());
                }
            }
            follow_nodes(proto, &function.node, &mut inside, found, depth + 1);
            continue;
        }
        look_at(node, scope, found);
    }
}

fn look_at(node: &NodeProto, scope: &mut Scope, found: &mut Found) {
    let input = |place: usize| node.input.get(place).map_or("", String::as_str);
    let Some(output) = node.output.first() else { return };
    let index = |scope: &Scope, found: &mut Found, indices: &str, table: &str, axis: i64| {
        let (Some(source), Some(dims)) = (scope.carries.get(indices), scope.constants.get(table)) else {
            return;
        };
        let rows = super::infer::place(axis, dims.len()).and_then(|axis| dims.get(axis));
        let Some(rows) = rows.and_then(|rows| u64::try_from(*rows).ok()) else { return };
        found.ids.entry(source.clone()).and_modify(|below| *below = rows.min(*below)).or_insert(rows);
    };
    let mask = |scope: &Scope, found: &mut Found, name: &str| {
        if let Some(source) = scope.carries.get(name) {
            found.masks.insert(source.clone());
        }
    };
    match node.op_type.as_str() {
        "Constant" => {
            if let Some(tensor) = node.attribute("value").and_then(|attribute| attribute.t.as_ref()) {
                scope.constant(output, tensor);
            } else if let Some(value) = node.attribute("value_int") {
                scope.scalars.extend(u64::try_from(value.i).map(|number| (output.clone(), number)));
            }
        }
        "Gather" => {
            index(scope, found, input(1), input(0), node.int("axis").unwrap_or(0));
            // Ids picked out of ids are ids.
            carry(scope, input(0), output);
        }
        "GatherElements" => index(scope, found, input(1), input(0), node.int("axis").unwrap_or(0)),
        "GatherBlockQuantized" => {
            index(scope, found, input(1), input(0), node.int("gather_axis").unwrap_or(0));
        }
        "OneHot" => {
            if let (Some(source), Some(depth)) = (scope.carries.get(input(0)), scope.scalars.get(input(1))) {
                found
                    .ids
                    .entry(source.clone())
                    .and_modify(|below| *below = (*depth).min(*below))
                    .or_insert(*depth);
            }
        }
        "EmbedLayerNormalization" => {
            index(scope, found, input(0), input(2), 0);
            index(scope, found, input(1), input(4), 0);
            mask(scope, found, input(7));
        }
        "Attention" if node.domain == "com.microsoft" => mask(scope, found, input(3)),
        "MultiHeadAttention" => mask(scope, found, input(4)),
        "Sub" if scope.ones.contains(input(0)) => mask(scope, found, input(1)),
        "Identity" | "Cast" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Expand"
        | "Tile" | "Slice" | "Split" | "Clip" | "DequantizeLinear" => {
            for output in &node.output {
                carry(scope, input(0), output);
            }
            if let Some(dims) = constant_after(node, scope, input(0)) {
                scope.constants.insert(output.clone(), dims);
            }
            if matches!(node.op_type.as_str(), "Identity" | "Cast" | "Reshape" | "Unsqueeze" | "Squeeze") {
                if scope.ones.contains(input(0)) {
                    scope.ones.insert(output.clone());
                }
                if let Some(number) = scope.scalars.get(input(0)).copied() {
                    scope.scalars.insert(output.clone(), number);
                }
            }
        }
        _ => {}
    }
}

fn carry(scope: &mut Scope, from: &str, to: &str) {
    if let Some(source) = scope.carries.get(from).cloned() {
        scope.carries.insert(to.to_owned(), source);
    }
}

/// Dimensions of a constant after an operator that keeps or permutes them.
fn constant_after(node: &NodeProto, scope: &Scope, input: &str) -> Option<Vec<i64>> {
    let dims = scope.constants.get(input)?;
    match node.op_type.as_str() {
        "Identity" | "Cast" | "Clip" | "DequantizeLinear" => Some(dims.clone()),
        "Transpose" => match node.ints("perm") {
            None => Some(dims.iter().rev().copied().collect()),
            Some(perm) => perm.iter().map(|place| dims.get(usize::try_from(*place).ok()?).copied()).collect(),
        },
        _ => None,
    }
}

fn says_mask(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == "mask" || word == "masks")
        || name.ends_with("mask")
}

#[cfg(test)]
mod tests {
    use super::super::build::{self, body, floats, graph, int, node, numbers, scalar, value};
    use super::super::proto::data_type as ty;
    use super::*;

    fn hints_of(model: &ModelProto) -> BTreeMap<String, InputHint> {
        let model = build::parse(model).unwrap();
        model.inputs.into_iter().map(|port| (port.name, port.hint)).collect()
    }

    #[test]
    fn ids_are_bounded_by_the_smallest_table_behind_casts_and_reshapes() {
        let nodes = vec![
            node("Cast", &["ids"], &["a"], vec![int("to", 7)]),
            node("Reshape", &["a", "flat"], &["b"], vec![]),
            node("Gather", &["large", "b"], &["c"], vec![]),
            node("Gather", &["small", "b"], &["d"], vec![int("axis", 1)]),
            node("Add", &["c", "d"], &["y"], vec![]),
        ];
        let tables = vec![floats("large", &[50, 4]), floats("small", &[2, 30]), numbers("flat", &[-1])];
        let model =
            build::model(graph(vec![value("ids", ty::INT32, &["batch", "seq"])], tables, nodes, &["y"]));
        assert_eq!(hints_of(&model)["ids"], InputHint::Ids { below: 30 });
    }

    #[test]
    fn ids_are_followed_into_branches_and_quantized_tables() {
        let inner = graph(vec![], vec![], vec![node("Gather", &["table", "ids"], &["z"], vec![])], &["z"]);
        let nodes = vec![
            node("DequantizeLinear", &["packed", "scale"], &["table"], vec![]),
            node(
                "If",
                &["flag"],
                &["y"],
                vec![body("then_branch", inner.clone()), body("else_branch", inner)],
            ),
        ];
        let inputs = vec![value("ids", ty::INT64, &["seq"]), value("flag", ty::BOOL, &[])];
        let weights = vec![build::raw("packed", ty::INT8, &[9, 4], 36), scalar("scale", ty::FLOAT, 1)];
        let hints = hints_of(&build::model(graph(inputs, weights, nodes, &["y"])));
        assert_eq!((&hints["ids"], &hints["flag"]), (&InputHint::Ids { below: 9 }, &InputHint::Any));
    }

    #[test]
    fn masks_are_known_by_name_and_by_what_is_done_with_them() {
        let nodes = vec![
            node("Unsqueeze", &["valid", "axes"], &["a"], vec![]),
            node("Cast", &["a"], &["b"], vec![int("to", 1)]),
            node("Sub", &["one", "b"], &["c"], vec![]),
            node("Mul", &["x", "c"], &["d"], vec![]),
            node("Mul", &["d", "attention_mask"], &["y"], vec![]),
        ];
        let inputs = vec![
            value("valid", ty::INT64, &["batch", "seq"]),
            value("attention_mask", ty::FLOAT, &["batch", "seq"]),
            value("x", ty::FLOAT, &["batch", "seq"]),
            value("unmasked", ty::FLOAT, &["batch", "seq"]),
        ];
        let weights = vec![scalar("one", ty::FLOAT, 1), numbers("axes", &[1])];
        let hints = hints_of(&build::model(graph(inputs, weights, nodes, &["y"])));
        assert_eq!((&hints["valid"], &hints["attention_mask"]), (&InputHint::Mask, &InputHint::Mask));
        assert_eq!((&hints["x"], &hints["unmasked"]), (&InputHint::Any, &InputHint::Any));
    }
}
