//! `inferometer inspect MODEL`: what an ONNX file holds, without running it.

use serde_json::json;

use super::args::Inspect;
use super::session::Session;
use super::table;
use crate::model::{Model, Port};
use crate::units;

pub(super) fn run(session: &mut Session, what: &Inspect) -> anyhow::Result<()> {
    let hashes = session.all_models(std::slice::from_ref(&what.model))?;
    let Some(entry) = hashes.first().and_then(|sha256| session.app.state().model(sha256)) else {
        anyhow::bail!("the model was read and is not in the project: {}", what.model.display());
    };
    if session.json {
        Session::print_json(&document(&entry.model))
    } else {
        print(&entry.model);
        Ok(())
    }
}

/// The documented JSON form of a model.
pub(super) fn document(model: &Model) -> serde_json::Value {
    let ports = |ports: &[Port]| -> Vec<_> {
        ports
            .iter()
            .map(|port| json!({"name": port.name, "type": port.element, "shape": port.shape}))
            .collect()
    };
    let mut document = json!({
        "name": model.name,
        "sha256": model.sha256,
        "file_bytes": model.file_bytes,
        "inputs": ports(&model.inputs),
        "outputs": ports(&model.outputs),
        "parameters": model.parameters,
        "weight_bytes": model.weight_bytes,
        "bytes_by_precision": model.bytes_by_precision,
        "flops": model.flops.total,
        "flops_by_operator": model.flops.by_operator,
        "flops_uncounted_operators": model.flops.uncounted,
        "flops_assumed_dimensions": model.flops.assumed,
        "operators": model.operators,
        "opset": model.opset.get("").copied(),
        "opsets": model.opset,
        "producer": model.producer,
        "ir_version": model.ir_version,
    });
    if model.flops.total.is_none() {
        document["flops_reason"] = json!("no operator with known shapes could be counted");
    }
    if !model.opset.contains_key("") {
        document["opset_reason"] = json!("the file imports no ONNX operator set");
    }
    document
}

fn print(model: &Model) {
    say!("{}  {}", model.name, units::bytes(model.file_bytes));
    say!("producer    {}", model.producer);
    let opsets: Vec<String> = model
        .opset
        .iter()
        .map(
            |(domain, version)| {
                if domain.is_empty() { version.to_string() } else { format!("{domain} {version}") }
            },
        )
        .collect();
    say!("opset       {}, IR version {}", opsets.join(", "), model.ir_version);
    say!("parameters  {}, {}", units::si(model.parameters as f64), units::bytes(model.weight_bytes));
    for (precision, bytes) in &model.bytes_by_precision {
        say!("            {precision}: {}", units::bytes(*bytes));
    }
    match model.flops.total {
        Some(flops) => say!("FLOPs       {} per inference", units::si(flops as f64)),
        None => say!("FLOPs       not known: no operator with known shapes could be counted"),
    }
    for (name, size) in &model.flops.assumed {
        say!("            assuming {name} = {size}");
    }
    if !model.flops.uncounted.is_empty() {
        let names: Vec<String> =
            model.flops.uncounted.iter().map(|(name, count)| format!("{count} × {name}")).collect();
        say!("            not counted: {}", names.join(", "));
    }
    say!("");
    let row = |way: &str, port: &Port| {
        let element =
            serde_json::to_value(port.element).ok().and_then(|name| name.as_str().map(str::to_owned));
        vec![way.to_owned(), port.name.clone(), element.unwrap_or_default(), port.shape_words()]
    };
    let ports: Vec<Vec<String>> = model
        .inputs
        .iter()
        .map(|port| row("input", port))
        .chain(model.outputs.iter().map(|port| row("output", port)))
        .collect();
    table::print(&["", "name", "type", "shape"], &ports);
    say!("");
    let mut operators: Vec<(&String, &u64)> = model.operators.iter().collect();
    operators.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let rows: Vec<Vec<String>> = operators
        .into_iter()
        .map(|(name, count)| {
            let flops = model.flops.by_operator.get(name);
            vec![name.clone(), count.to_string(), flops.map_or_else(String::new, |f| units::si(*f as f64))]
        })
        .collect();
    table::print(&["operator", "nodes", "FLOPs"], &rows);
}
