//! What really ran where: nodes that another execution provider than the one asked for had to run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NodeTime, Profile, share};

/// Nodes that did not run on the provider that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fallbacks {
    /// The provider asked for, by the app's name (`CUDA`).
    pub asked: String,
    /// Nodes that ran, without copies.
    pub all_nodes: u64,
    /// Those of them that another provider ran.
    pub count: u64,
    /// Their part of the time of all nodes, 0 to 1.
    pub share_of_time: f64,
    /// Each of them: name, operator type and provider, the longest first.
    pub nodes: Vec<FallenBack>,
    /// Copies between the machine's memory and the device's.
    pub copies: u64,
    /// Their part of the time of all nodes, 0 to 1.
    pub copies_share_of_time: f64,
    /// Nodes of the provider asked for that stand for a whole part of the model, whose inside is not shown.
    pub compiled: u64,
    /// All of this in a sentence or two.
    pub sentence: String,
}

/// A node that another provider ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FallenBack {
    /// The node's name.
    pub name: String,
    /// Its operator type.
    pub op_type: String,
    /// The provider that ran it, by the app's name.
    pub provider: String,
    /// Its time in the counted runs, in nanoseconds.
    pub nanos: u64,
}

/// `CUDAExecutionProvider` → `CUDA`, by the names the app uses: `TensorrtExecutionProvider` → `TensorRT`,
/// `DmlExecutionProvider` → `DirectML`. The app's own names stay as they are.
pub fn short_provider(runtime_name: &str) -> &str {
    match runtime_name.strip_suffix("ExecutionProvider").unwrap_or(runtime_name) {
        "Tensorrt" => "TensorRT",
        "Dml" => "DirectML",
        name => name,
    }
}

/// The provider in a sentence: `the CPU`, `CUDA`, `an unnamed provider`.
pub fn provider_words(name: &str) -> String {
    match short_provider(name) {
        "" => "an unnamed provider".to_owned(),
        "CPU" => "the CPU".to_owned(),
        name => name.to_owned(),
    }
}

impl Profile {
    /// Which nodes ran on another provider than `asked` (the app's name or the runtime's).
    pub fn fallbacks(&self, asked: &str) -> Fallbacks {
        let asked = short_provider(asked);
        let is_asked = |node: &NodeTime| short_provider(&node.provider).eq_ignore_ascii_case(asked);
        let all_time = self.kernel_nanos();
        let time =
            |nodes: &[&NodeTime]| nodes.iter().fold(0_u64, |sum, node| sum.saturating_add(node.self_nanos));
        let (copies, nodes): (Vec<&NodeTime>, Vec<&NodeTime>) =
            self.nodes.iter().partition(|node| node.is_copy());
        let mut fallen: Vec<&NodeTime> = nodes.iter().copied().filter(|node| !is_asked(node)).collect();
        fallen.sort_by_key(|node| std::cmp::Reverse(node.self_nanos));
        let compiled: Vec<&NodeTime> =
            nodes.iter().copied().filter(|node| is_asked(node) && node.is_compiled()).collect();
        let mut answer = Fallbacks {
            asked: asked.to_owned(),
            all_nodes: nodes.len() as u64,
            count: fallen.len() as u64,
            share_of_time: share(time(&fallen), all_time),
            nodes: fallen
                .iter()
                .map(|node| FallenBack {
                    name: node.name.clone(),
                    op_type: node.op_type.clone(),
                    provider: short_provider(&node.provider).to_owned(),
                    nanos: node.self_nanos,
                })
                .collect(),
            copies: copies.len() as u64,
            copies_share_of_time: share(time(&copies), all_time),
            compiled: compiled.len() as u64,
            sentence: String::new(),
        };
        answer.sentence = sentence(&answer, all_time);
        answer
    }
}

/// Operator types named in a sentence; the rest is counted.
const MOST_NAMED: usize = 4;

fn sentence(fallbacks: &Fallbacks, all_time: u64) -> String {
    let Fallbacks { asked, all_nodes, count, nodes, copies, copies_share_of_time, compiled, .. } = fallbacks;
    let on_asked = provider_words(asked);
    if *all_nodes == 0 {
        return "The profile holds no node's time, so it does not say what ran where.".to_owned();
    }
    let mut text = if *count == 0 && compiled == all_nodes {
        String::new()
    } else if *count == 0 {
        match all_nodes {
            1 => format!("The only node ran on {on_asked}, as asked."),
            _ => format!("All {all_nodes} nodes ran on {on_asked}, as asked."),
        }
    } else {
        let mut by_provider: BTreeMap<&str, (u64, u64, Vec<&str>)> = BTreeMap::new();
        for node in nodes {
            let (count, nanos, types) = by_provider.entry(&node.provider).or_default();
            *count += 1;
            *nanos = nanos.saturating_add(node.nanos);
            if !types.contains(&node.op_type.as_str()) {
                types.push(&node.op_type);
            }
        }
        let parts = by_provider.into_iter().map(|(provider, (count, nanos, types))| {
            let more = types.len().saturating_sub(MOST_NAMED);
            let named = types.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join(", ");
            let named = if more > 0 { format!("{named} and {more} more") } else { named };
            let percent = percent(share(nanos, all_time));
            let words = provider_words(provider);
            let counted = if *all_nodes == 1 {
                "The only node".to_owned()
            } else if count == *all_nodes {
                format!("All {count} nodes")
            } else {
                format!("{count} of {all_nodes} nodes")
            };
            format!("{counted} ({named}) ran on {words}, {percent} of the time")
        });
        format!("{}.", parts.collect::<Vec<_>>().join("; "))
    };
    let mut more = |sentence: String| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&sentence);
    };
    match (*compiled, *count) {
        (0, 0) => {}
        (0, _) if count == all_nodes => more(format!("Nothing ran on {on_asked}.")),
        (0, _) => {}
        (1, 0) if *all_nodes == 1 => more(format!(
            "{asked} took over the whole model as one compiled node; the profile does not show what is inside."
        )),
        (parts, _) => more(format!(
            "{asked} runs {parts} {} of the model as compiled nodes; the profile does not show what is inside.",
            if parts == 1 { "part" } else { "parts" }
        )),
    }
    if *copies > 0 {
        let nodes = if *copies == 1 { "node copies" } else { "nodes copy" };
        more(format!(
            "{copies} more {nodes} between the machine's memory and the device's, {} of the time.",
            percent(*copies_share_of_time)
        ));
    }
    text
}

/// `12 %`, `0.4 %`; what is there but rounds to nothing is `under 0.1 %`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        small if small < 0.1 => "under 0.1 %".to_owned(),
        small if small < 9.95 => format!("{small:.1} %"),
        large => format!("{large:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, op_type: &str, provider: &str, micros: u64) -> NodeTime {
        NodeTime {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            provider: format!("{provider}ExecutionProvider"),
            calls: 1,
            total_nanos: micros * 1_000,
            self_nanos: micros * 1_000,
            ..NodeTime::default()
        }
    }

    fn profile(nodes: Vec<NodeTime>) -> Profile {
        Profile { runs: 1, nodes, ..Profile::default() }
    }

    #[test]
    fn nodes_elsewhere_are_counted_named_and_timed_and_copies_apart() {
        let profile = profile(vec![
            node("conv", "Conv", "CUDA", 80),
            node("out", "MemcpyToHost", "CUDA", 3),
            node("resize", "Resize", "CPU", 4),
            node("topk", "TopK", "CPU", 8),
            node("back", "MemcpyFromHost", "CUDA", 2),
            node("head", "Gemm", "CUDA", 3),
        ]);
        let found = profile.fallbacks("cuda");
        assert_eq!((found.count, found.all_nodes, found.copies, found.compiled), (2, 4, 2, 0));
        assert!((found.share_of_time - 0.12).abs() < 1e-12);
        assert!((found.copies_share_of_time - 0.05).abs() < 1e-12);
        let names: Vec<(&str, &str)> =
            found.nodes.iter().map(|node| (node.name.as_str(), node.op_type.as_str())).collect();
        assert_eq!(names, [("topk", "TopK"), ("resize", "Resize")]);
        assert_eq!(
            found.sentence,
            "2 of 4 nodes (TopK, Resize) ran on the CPU, 12 % of the time. 2 more nodes copy between the \
             machine's memory and the device's, 5.0 % of the time."
        );
        assert_eq!(profile.fallbacks("CUDAExecutionProvider"), profile.fallbacks("CUDA"));
    }

    #[test]
    fn a_compiled_part_is_said_to_hide_its_inside() {
        let part = |number: u64| {
            let name = format!("OpenVINOExecutionProvider_OpenVINO-EP-subgraph_{number}_0");
            node(&name, &format!("OpenVINO-EP-subgraph_{number}"), "OpenVINO", 45)
        };
        assert_eq!(
            profile(vec![part(1)]).fallbacks("OpenVINO").sentence,
            "OpenVINO took over the whole model as one compiled node; the profile does not show what is inside."
        );
        let split = profile(vec![part(1), node("nms", "NonMaxSuppression", "CPU", 10), part(2)]);
        assert_eq!(
            split.fallbacks("OpenVINO").sentence,
            "1 of 3 nodes (NonMaxSuppression) ran on the CPU, 10 % of the time. OpenVINO runs 2 parts of the model \
             as compiled nodes; the profile does not show what is inside."
        );
    }

    #[test]
    fn all_and_nothing_are_said_plainly() {
        let profile = profile(vec![node("a", "Add", "CPU", 1), node("b", "Mul", "CPU", 1)]);
        assert_eq!(profile.fallbacks("CPU").sentence, "All 2 nodes ran on the CPU, as asked.");
        let found = profile.fallbacks("TensorRT");
        assert_eq!(found.count, 2);
        assert_eq!(
            found.sentence,
            "All 2 nodes (Add, Mul) ran on the CPU, 100 % of the time. Nothing ran on TensorRT."
        );
        assert!(Profile::default().fallbacks("CPU").sentence.contains("does not say what ran where"));
    }

    #[test]
    fn the_runtimes_names_and_the_apps_are_one() {
        let tensorrt = node("TensorrtExecutionProvider_TRTKernel_graph_1_0", "TRTKernel", "Tensorrt", 1);
        assert_eq!(profile(vec![tensorrt]).fallbacks("TensorRT").count, 0);
        assert_eq!(short_provider("DmlExecutionProvider"), "DirectML");
        assert_eq!(provider_words(""), "an unnamed provider");
    }
}
