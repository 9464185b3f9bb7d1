//! Sets the floating-point operations each node needs beside its time.
//!
//! ONNX Runtime renames and fuses nodes, so a node of the profile is matched to the model's
//!
//! 1. by its name, without the `_token_1` that a node which replaced another bears, when the operator is the same
//!    or a variant of it (`QLinearConv` of `Conv`); or
//! 2. by the output that a convolution in blocked layout is named after (`relu0.out_nchwc`), with the nodes that
//!    were fused into it counted in.
//!
//! What matches nothing is worked out from the shapes the profiler wrote, where these are enough for its operator
//! type, and otherwise stays unknown: counted, never guessed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{NodeTime, Profile, TensorShape};
use crate::model::node_cost::{NodeCost, Operand, flops_of};

/// How many nodes' operations are known, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CostMatch {
    /// Matched to a node of the model.
    pub by_model: u64,
    /// Worked out from the shapes in the profile.
    pub by_shapes: u64,
    /// Not known.
    pub unknown: u64,
}

/// Fills in [`NodeTime::flops`] (of one call) and what follows from it. `costs` are those of the model at the input
/// shapes that were profiled ([`crate::model::node_cost::node_costs`]).
pub fn attach_costs(profile: &mut Profile, costs: &[NodeCost]) -> CostMatch {
    let graph = Graph::new(costs);
    let mut found = CostMatch::default();
    let mut unmatched = Vec::new();
    for (place, node) in profile.nodes.iter_mut().enumerate() {
        node.flops = None;
        if let Some(members) = graph.members(node).filter(|_| !node.shapes_vary) {
            node.flops = members.iter().try_fold(0_u64, |sum, member| sum.checked_add(costs[*member].flops?));
            let first = &costs[members[0]];
            node.domain.get_or_insert_with(|| first.domain.clone());
        }
        if node.flops.is_some() {
            found.by_model += 1;
        } else {
            unmatched.push(place);
        }
    }
    // One compiled node that took over the whole model does all of its work.
    if let [node] = profile.nodes.as_mut_slice()
        && node.is_compiled()
        && let Some(all) = costs.iter().try_fold(0_u64, |sum, cost| sum.checked_add(cost.flops?))
    {
        node.flops = Some(all);
        found = CostMatch { by_model: 1, ..CostMatch::default() };
        unmatched.clear();
    }
    for place in unmatched {
        let node = &mut profile.nodes[place];
        node.flops = by_shapes(node);
        if node.flops.is_some() {
            found.by_shapes += 1;
        } else {
            found.unknown += 1;
        }
    }
    profile.sum_up();
    found
}

/// The model's nodes by name and by output.
struct Graph<'c> {
    costs: &'c [NodeCost],
    by_name: HashMap<&'c str, Option<usize>>,
    by_output: HashMap<&'c str, usize>,
}

impl<'c> Graph<'c> {
    fn new(costs: &'c [NodeCost]) -> Self {
        let mut by_name: HashMap<&str, Option<usize>> = HashMap::new();
        let mut by_output = HashMap::new();
        for (place, cost) in costs.iter().enumerate() {
            if !cost.name.is_empty() {
                // A name that two nodes share tells neither.
                by_name.entry(&cost.name).and_modify(|known| *known = None).or_insert(Some(place));
            }
            by_output.extend(cost.outputs.iter().map(|output| (output.as_str(), place)));
        }
        Self { costs, by_name, by_output }
    }

    /// The model's nodes that a node of the profile does the work of; never empty.
    fn members(&self, node: &NodeTime) -> Option<Vec<usize>> {
        let named = [node.name.as_str(), replaced(&node.name)];
        if let Some(place) = named.iter().find_map(|name| *self.by_name.get(name)?) {
            return node.op_type.ends_with(&self.costs[place].op_type).then(|| vec![place]);
        }
        let output = node.name.strip_suffix("_nchwc")?;
        let mut place = *self.by_output.get(output)?;
        let mut members = vec![place];
        // Back from the activation or the sum to the convolution it was fused into.
        while self.costs[place].op_type != node.op_type {
            if members.len() > MOST_FUSED {
                return None;
            }
            let inputs = &self.costs[place].inputs;
            let before: Vec<usize> =
                inputs.iter().filter_map(|input| self.by_output.get(input.as_str()).copied()).collect();
            let of_type = |place: &&usize| self.costs[**place].op_type == node.op_type;
            let mut likely = before.iter().filter(of_type);
            place = match (likely.next(), likely.next(), &before[..]) {
                (Some(only), None, _) | (None, _, [only]) => *only,
                // Of a sum of two convolutions either may be the one.
                _ => return None,
            };
            members.push(place);
        }
        Some(members)
    }
}

/// `conv0_token_1` → `conv0`: the node that this one took the place of.
fn replaced(name: &str) -> &str {
    match name.rsplit_once("_token_") {
        Some((before, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => name,
    }
}

/// Nodes fused into one at most: convolution, scale, sum, activation.
const MOST_FUSED: usize = 4;

/// The cost by the shapes in the profile, for operators whose cost they fix.
fn by_shapes(node: &NodeTime) -> Option<u64> {
    if node.shapes_vary || node.is_compiled() {
        return None;
    }
    let operands = |shapes: &[TensorShape]| shapes.iter().map(operand).collect::<Option<Vec<_>>>();
    flops_of(&node.op_type, &operands(&node.inputs)?, &operands(&node.outputs)?)
}

fn operand(shape: &TensorShape) -> Option<Operand> {
    let dims = shape.dims.iter().map(|size| u64::try_from(*size).ok()).collect::<Option<Vec<u64>>>()?;
    Some(Operand { element: shape.element.clone(), dims })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(name: &str, op_type: &str, inputs: &[&str], output: &str, flops: Option<u64>) -> NodeCost {
        NodeCost {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            domain: String::new(),
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            outputs: vec![output.to_owned()],
            flops,
        }
    }

    fn node(name: &str, op_type: &str) -> NodeTime {
        NodeTime {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            provider: "CPUExecutionProvider".to_owned(),
            calls: 3,
            self_nanos: 3_000,
            total_nanos: 3_000,
            ..NodeTime::default()
        }
    }

    fn tensor(dims: &[i64]) -> TensorShape {
        TensorShape { element: "float".to_owned(), dims: dims.to_vec() }
    }

    fn attached(nodes: Vec<NodeTime>, costs: &[NodeCost]) -> (Profile, CostMatch) {
        let mut profile = Profile { runs: 3, nodes, ..Profile::default() };
        let found = attach_costs(&mut profile, costs);
        (profile, found)
    }

    /// conv → relu; conv2 + relu → relu2; and a pooling that was quantized.
    fn graph() -> Vec<NodeCost> {
        vec![
            cost("conv", "Conv", &["x", "w"], "c", Some(1_000)),
            cost("relu", "Relu", &["c"], "r", Some(10)),
            cost("conv2", "Conv", &["r", "w2"], "c2", Some(2_000)),
            cost("sum", "Add", &["c2", "r"], "s", Some(20)),
            cost("relu2", "Relu", &["s"], "r2", Some(30)),
            cost("pool", "MaxPool", &["r2"], "p", Some(7)),
        ]
    }

    #[test]
    fn nodes_match_by_name_and_fused_ones_carry_what_was_fused() {
        let nodes = vec![
            node("conv", "FusedConv"),
            node("r_nchwc", "Conv"),
            node("r2_nchwc", "Conv"),
            node("pool_token_12", "NhwcMaxPool"),
            node("sum", "Mystery"),
        ];
        let (profile, found) = attached(nodes, &graph());
        let flops: Vec<Option<u64>> = profile.nodes.iter().map(|node| node.flops).collect();
        assert_eq!(flops, [Some(1_000), Some(1_010), Some(2_050), Some(7), None]);
        assert_eq!(found, CostMatch { by_model: 4, by_shapes: 0, unknown: 1 });
        let op = |name: &str| profile.by_op.iter().find(|op| op.op_type == name).unwrap().flops;
        assert_eq!((op("Conv"), op("Mystery")), (Some(3 * (1_010 + 2_050)), None));
    }

    #[test]
    fn of_two_convolutions_that_are_added_up_neither_is_picked() {
        let costs = [
            cost("left", "Conv", &["x"], "l", Some(100)),
            cost("right", "Conv", &["x"], "r", Some(900)),
            cost("sum", "Add", &["l", "r"], "s", Some(5)),
        ];
        let (profile, found) = attached(vec![node("s_nchwc", "Conv")], &costs);
        assert_eq!((profile.nodes[0].flops, found.unknown), (None, 1));
    }

    #[test]
    fn what_matches_nothing_is_worked_out_from_its_shapes_unless_they_vary() {
        let product = NodeTime {
            inputs: vec![tensor(&[2, 8]), tensor(&[8, 5])],
            outputs: vec![tensor(&[2, 5])],
            ..node("made_by_the_runtime", "MatMul")
        };
        let varying = NodeTime { shapes_vary: true, name: "conv".to_owned(), ..product.clone() };
        let (profile, found) = attached(vec![product, varying, node("again", "Loop")], &graph());
        assert_eq!((profile.nodes[0].flops, profile.nodes[1].flops), (Some(160), None));
        assert_eq!(found, CostMatch { by_model: 0, by_shapes: 2, unknown: 1 });
    }

    #[test]
    fn names_that_tell_nothing_match_nothing() {
        let twice = vec![
            cost("same", "Relu", &["x"], "a", Some(1)),
            cost("same", "Relu", &["a"], "b", Some(2)),
            cost("", "Relu", &["b"], "c", Some(3)),
        ];
        let (_, found) =
            attached(vec![node("same", "Relu"), node("", "Relu"), node("z_nchwc", "Conv")], &twice);
        assert_eq!(found.unknown, 3);
    }

    #[test]
    fn one_compiled_node_does_the_whole_models_work() {
        let compiled = NodeTime {
            provider: "OpenVINOExecutionProvider".to_owned(),
            ..node("OpenVINOExecutionProvider_OpenVINO-EP-subgraph_1_0", "OpenVINO-EP-subgraph_1")
        };
        let (profile, found) = attached(vec![compiled.clone()], &graph());
        assert_eq!((profile.nodes[0].flops, found.by_model), (Some(3_067), 1));
        // Beside another node it does the rest, which nothing tells.
        let (profile, _) = attached(vec![compiled, node("pool", "MaxPool")], &graph());
        assert_eq!((profile.nodes[0].flops, profile.nodes[1].flops), (None, Some(7)));
    }
}
