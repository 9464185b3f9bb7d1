//! FLOPs of a whole model: its graph walked at sizes that fit, each node's cost added up.
//!
//! Dynamic dimensions of the inputs are assumed at batch 1 and at the first sizes worth trying that contradict
//! nothing in the graph, and named in the result.

use std::collections::BTreeMap;

use super::proto::{GraphProto, ModelProto};
use super::walk::{MOST_NODES, Tally, Walk};
use super::{Flops, Model, dims};

/// FLOPs of one inference at the assumed sizes; see the module for what is assumed and `cost` for what counts.
pub(super) fn flops(proto: &ModelProto, graph: &GraphProto, model: &Model) -> Flops {
    let Ok(resolution) = dims::resolve(model, 1, &BTreeMap::new()) else { return Flops::default() };
    let batch = resolution.batch_names(model);
    let mut best: Option<(u64, Tally, BTreeMap<String, u64>)> = None;
    let mut looked_at = 0;
    for mut assumed in resolution.guesses() {
        let shapes = resolution.shapes(&assumed).unwrap_or_default();
        assumed.extend(batch.iter().map(|name| (name.clone(), 1)));
        let mut walk = Walk { proto, assumed: &assumed, left: MOST_NODES, conflicts: 0, list: None };
        let tally = walk.model(graph, model, &shapes);
        looked_at += MOST_NODES - walk.left;
        let conflicts = walk.conflicts;
        if best.as_ref().is_none_or(|(fewest, ..)| conflicts < *fewest) {
            best = Some((conflicts, tally, assumed));
        }
        if conflicts == 0 || looked_at > MOST_NODES_TRYING {
            break;
        }
    }
    let Some((_, tally, assumed)) = best else { return Flops::default() };
    let total = tally.by_operator.values().try_fold(0_u64, |sum, part| sum.checked_add(*part));
    let counted_none = tally.counted == 0 && !tally.uncounted.is_empty();
    Flops {
        total: total.filter(|_| !counted_none),
        by_operator: tally.by_operator.into_iter().filter(|(_, count)| *count > 0).collect(),
        uncounted: tally.uncounted,
        assumed,
    }
}

/// Most nodes looked at before the search for sizes without a contradiction stops.
const MOST_NODES_TRYING: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::super::build::{
        self, body, constant, floats, graph, int, ints, node, numbers, scalar, text, value,
    };
    use super::super::proto::{FunctionProto, data_type as ty};
    use super::*;
    use crate::model::proto::{AttributeProto, NodeProto};

    fn flops_of(graph: GraphProto) -> Flops {
        build::parse(&build::model(graph)).unwrap().flops
    }

    /// One node over float inputs and weights of these dimensions.
    fn one(node: NodeProto, inputs: &[(&str, &[&str])], weights: &[(&str, &[i64])]) -> Flops {
        let inputs = inputs.iter().map(|(name, dims)| value(name, ty::FLOAT, dims)).collect();
        let weights = weights.iter().map(|(name, dims)| floats(name, dims)).collect();
        let outputs = node.output.clone();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        flops_of(graph(inputs, weights, vec![node], &outputs))
    }

    #[test]
    fn layers_cost_what_their_definition_says() {
        // Each worked out by hand from the operator's definition.
        let conv = node("Conv", &["x", "w", "b"], &["y"], vec![ints("pads", &[1, 1, 1, 1]), int("group", 2)]);
        let flops = one(conv, &[("x", &["N", "4", "5", "6"])], &[("w", &[8, 2, 3, 3]), ("b", &[8])]);
        // 8·5·6 outputs, each 2 channels of its group × 3 × 3 products, and a bias.
        assert_eq!(flops.total, Some(8 * 5 * 6 * (2 * 2 * 9 + 1)));
        assert_eq!(flops.assumed, [("N".to_owned(), 1)].into());

        let strided =
            node("Conv", &["x", "w"], &["y"], vec![ints("strides", &[2, 2]), ints("dilations", &[2, 2])]);
        // Reach 5 in 9 and 10: 3 × 3 places.
        assert_eq!(
            one(strided, &[("x", &["1", "1", "9", "10"])], &[("w", &[1, 1, 3, 3])]).total,
            Some(9 * 2 * 9)
        );

        let transposed = node("ConvTranspose", &["x", "w"], &["y"], vec![ints("strides", &[2, 2])]);
        // 3·4·4 inputs, each spread over 5 channels × 2 × 2.
        assert_eq!(
            one(transposed, &[("x", &["1", "3", "4", "4"])], &[("w", &[3, 5, 2, 2])]).total,
            Some(2 * 48 * 20)
        );

        let gemm = node("Gemm", &["x", "w", "b"], &["y"], vec![int("transB", 1)]);
        assert_eq!(
            one(gemm, &[("x", &["batch", "7"])], &[("w", &[3, 7]), ("b", &[3])]).total,
            Some(2 * 3 * 7 + 3)
        );

        let matmul = node("MatMul", &["x", "z"], &["y"], vec![]);
        // 2 × 5 pairs of 3×4 and 4×6, one operand broadcast.
        assert_eq!(
            one(matmul, &[("x", &["2", "1", "3", "4"]), ("z", &["5", "4", "6"])], &[]).total,
            Some(2 * 10 * 18 * 4)
        );

        let pool = node(
            "MaxPool",
            &["x"],
            &["y"],
            vec![ints("kernel_shape", &[3]), ints("strides", &[2]), int("ceil_mode", 1)],
        );
        // 8 → ⌈(8 − 3) ÷ 2⌉ + 1 = 4 windows of 3.
        assert_eq!(one(pool, &[("x", &["1", "2", "8"])], &[]).total, Some(2 * 4 * 3));

        let lstm = node(
            "LSTM",
            &["x", "w", "r", "b"],
            &["y"],
            vec![int("hidden_size", 5), text("direction", "bidirectional")],
        );
        let weights: &[(&str, &[i64])] = &[("w", &[2, 20, 3]), ("r", &[2, 20, 5]), ("b", &[2, 40])];
        // 7 steps, 2 directions: 8·5·(3 + 5) products, 8·5 biases, 9·5 pointwise.
        assert_eq!(one(lstm, &[("x", &["7", "1", "3"])], weights).total, Some(14 * (320 + 40 + 45)));

        let einsum = node("Einsum", &["x", "z"], &["y"], vec![text("equation", "bhid,bhjd->bhij")]);
        assert_eq!(
            one(einsum, &[("x", &["1", "2", "3", "4"]), ("z", &["1", "2", "5", "4"])], &[]).total,
            Some(2 * 2 * 3 * 5 * 4)
        );

        let heads = vec![int("num_heads", 2), int("unidirectional", 1)];
        let attention = node("com.microsoft::Attention", &["x", "w", "b"], &["y"], heads);
        // Projection 6→24 with bias, 2·4·4·(8 + 8) products of queries, keys and values, softmax over 2·4·4.
        assert_eq!(
            one(attention, &[("x", &["1", "4", "6"])], &[("w", &[6, 24]), ("b", &[24])]).total,
            Some(2 * 4 * 6 * 24 + 4 * 24 + 2 * 16 * 16 + 5 * 32)
        );
    }

    #[test]
    fn shapes_computed_inside_the_graph_are_followed() {
        // x.reshape(x.shape[0], −1) as exporters write it, then a product that needs the result.
        let nodes = vec![
            node("Shape", &["x"], &["s"], vec![]),
            node("Gather", &["s", "zero"], &["n"], vec![]),
            node("Unsqueeze", &["n", "axes"], &["n1"], vec![]),
            node("Concat", &["n1", "rest"], &["target"], vec![int("axis", 0)]),
            node("Reshape", &["x", "target"], &["flat"], vec![]),
            node("MatMul", &["flat", "w"], &["y"], vec![]),
        ];
        let weights = vec![
            scalar("zero", ty::INT64, 0),
            numbers("axes", &[0]),
            numbers("rest", &[-1]),
            floats("w", &[24, 10]),
        ];
        let flops =
            flops_of(graph(vec![value("x", ty::FLOAT, &["batch", "2", "3", "4"])], weights, nodes, &["y"]));
        assert_eq!(flops.by_operator, [("MatMul".to_owned(), 480)].into());
        assert_eq!(flops.uncounted, BTreeMap::new());
    }

    #[test]
    fn what_is_not_known_is_named_not_guessed() {
        let nodes = vec![
            node("NonZero", &["x"], &["places"], vec![]),
            node("Cast", &["places"], &["f"], vec![int("to", 1)]),
            node("Exp", &["f"], &["e"], vec![]),
            node("custom::Magic", &["x"], &["m"], vec![]),
            node("Relu", &["x"], &["r"], vec![]),
        ];
        let flops =
            flops_of(graph(vec![value("x", ty::FLOAT, &["3", "3"])], vec![], nodes, &["e", "m", "r"]));
        assert_eq!(flops.total, Some(9));
        assert_eq!(flops.uncounted, [("Exp".to_owned(), 1), ("custom::Magic".to_owned(), 1)].into());
    }

    #[test]
    fn what_depends_on_no_input_is_folded() {
        let nodes = vec![
            node("DequantizeLinear", &["q", "scale"], &["w"], vec![]),
            node("MatMul", &["x", "w"], &["y"], vec![]),
        ];
        let weights = vec![build::raw("q", ty::INT8, &[4, 5], 20), scalar("scale", ty::FLOAT, 1)];
        let flops = flops_of(graph(vec![value("x", ty::FLOAT, &["2", "4"])], weights, nodes, &["y"]));
        assert_eq!(flops.by_operator, [("MatMul".to_owned(), 80)].into());
    }

    #[test]
    fn loops_count_their_trips_and_branches_the_costlier_side() {
        let step = vec![node("Identity", &["go"], &["more"], vec![]), node("Relu", &["v"], &["w"], vec![])];
        let inner = graph(
            vec![value("i", ty::INT64, &[]), value("go", ty::BOOL, &[]), value("v", ty::FLOAT, &["10"])],
            vec![],
            step,
            &["more", "w"],
        );
        let looped = |trips: &str| {
            let nodes = vec![
                constant("five", scalar("", ty::INT64, 5)),
                node("Loop", &[trips, "", "x"], &["y"], vec![body("body", inner.clone())]),
            ];
            let inputs = vec![value("x", ty::FLOAT, &["10"]), value("n", ty::INT64, &[])];
            flops_of(graph(inputs, vec![], nodes, &["y"]))
        };
        assert_eq!(looped("five").by_operator, [("Relu".to_owned(), 50)].into());
        let unknown = looped("n");
        assert_eq!((unknown.total, unknown.uncounted), (None, [("Loop".to_owned(), 1)].into()));

        let scanned = graph(
            vec![value("s", ty::FLOAT, &["4"]), value("row", ty::FLOAT, &["4"])],
            vec![],
            vec![node("Add", &["s", "row"], &["t"], vec![])],
            &["t"],
        );
        let scan =
            node("Scan", &["x", "rows"], &["y"], vec![int("num_scan_inputs", 1), body("body", scanned)]);
        assert_eq!(one(scan, &[("x", &["4"]), ("rows", &["6", "4"])], &[]).total, Some(24));

        let side = |nodes| graph(vec![], vec![], nodes, &["z"]);
        let cheap = side(vec![node("Relu", &["x"], &["z"], vec![])]);
        let dear = side(vec![node("Softmax", &["x"], &["z"], vec![])]);
        let branches = vec![body("then_branch", cheap), body("else_branch", dear)];
        let nodes = vec![node("If", &["c"], &["y"], branches), node("Exp", &["y"], &["e"], vec![])];
        let inputs = vec![value("x", ty::FLOAT, &["10"]), value("c", ty::BOOL, &[])];
        let flops = flops_of(graph(inputs, vec![], nodes, &["e"]));
        assert_eq!(flops.by_operator, [("Exp".to_owned(), 10), ("Softmax".to_owned(), 50)].into());
    }

    #[test]
    fn functions_cost_what_their_bodies_do_with_the_callers_attributes() {
        let reference = AttributeProto { ref_attr_name: "side".to_owned(), ..ints("kernel_shape", &[]) };
        let function = FunctionProto {
            name: "Pooled".to_owned(),
            domain: "mine".to_owned(),
            input: build::strings(&["a"]),
            output: build::strings(&["b"]),
            node: vec![node("AveragePool", &["a"], &["b"], vec![reference])],
            ..FunctionProto::default()
        };
        let call = node("mine::Pooled", &["x"], &["y"], vec![ints("side", &[2, 2])]);
        let graph = graph(vec![value("x", ty::FLOAT, &["1", "1", "4", "4"])], vec![], vec![call], &["y"]);
        let flops = build::parse(&build::with_function(graph, function)).unwrap().flops;
        assert_eq!(flops.by_operator, [("AveragePool".to_owned(), 9 * 4)].into());
    }

    #[test]
    fn impossible_sizes_are_not_assumed() {
        // 224 is tried first for an unnamed height, but only 28 × 28 pixels make the vector the weights need.
        let nodes =
            vec![node("Flatten", &["x"], &["flat"], vec![]), node("MatMul", &["flat", "w"], &["y"], vec![])];
        let input = vec![value("x", ty::FLOAT, &["batch", "1", "height", "width"])];
        let flops = flops_of(graph(input, vec![floats("w", &[784, 10])], nodes, &["y"]));
        assert_eq!((flops.assumed["height"], flops.assumed["width"]), (28, 28));
        assert_eq!(flops.total, Some(15_680));
    }

    #[test]
    fn operations_beyond_64_bits_are_not_counted() {
        let nodes = vec![node("MatMul", &["x", "z"], &["y"], vec![])];
        let side = &["3000000000", "3000000000"];
        let inputs = vec![value("x", ty::FLOAT, side), value("z", ty::FLOAT, side)];
        let flops = flops_of(graph(inputs, vec![], nodes, &["y"]));
        assert_eq!((flops.total, flops.uncounted["MatMul"]), (None, 1));
    }
}
