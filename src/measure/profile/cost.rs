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
        if let Some(members) = graph.members(node) {
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
            let mut before = inputs.iter().filter_map(|input| self.by_output.get(input.as_str()));
            place = *before.find(|before| {
                let op_type = &self.costs[**before].op_type;
                *op_type == node.op_type || members.len() < MOST_FUSED && inputs.len() == 1
            })?;
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
