//! Do two models give the same answers? Runs both on the same inputs, in workers, and compares their outputs; and
//! counts the right answers of one model on a labelled set.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::cancel::Cancel;
use super::engine::Output;
use super::exchange::Reader;
use super::inputs::{self, Arrays, LABELS};
use super::launcher::WorkerError;
use super::protocol::{Event, Fed, Feed, Request, SessionSpec, Source};
use super::sweep::{Tools, runtime_for};
pub use super::tally::{Accuracy, Agreement, OutputAgreement};
use super::tally::{Right, Tally};
use super::{model_file, shapes};
use crate::model::{Dim, Model, Port};

/// How two models are compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Execution provider of both.
    pub provider: String,
    /// Intra-operator threads of both.
    pub threads: u32,
    /// Sizes of dynamic dimensions, by name or place.
    pub dims: BTreeMap<String, u64>,
    /// Seed of the first generated inference; the others count up from it.
    pub seed: u64,
    /// A `.npy` or `.npz` file with inputs, and with `labels` where accuracy is asked; `None` = generated inputs.
    pub inputs: Option<std::path::PathBuf>,
}

impl Default for Question {
    fn default() -> Self {
        Self { provider: "CPU".to_owned(), threads: 1, dims: BTreeMap::new(), seed: 0, inputs: None }
    }
}

/// Why models cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// A model file or its runtime.
    #[error("cannot run {model}: {problem}")]
    Model {
        /// Its file name.
        model: String,
        /// Why.
        problem: String,
    },
    /// The inputs.
    #[error(transparent)]
    Inputs(#[from] inputs::FeedError),
    /// The models do not take or give the same things.
    #[error("{a} and {b} cannot be compared: {reason}")]
    Different {
        /// First model.
        a: String,
        /// Second model.
        b: String,
        /// What differs.
        reason: String,
    },
    /// Right answers cannot be counted.
    #[error("cannot count the right answers of {model}: {reason}")]
    NoScores {
        /// Its file name.
        model: String,
        /// Why.
        reason: String,
    },
    /// The temporary file between worker and app.
    #[error("cannot keep the outputs: {0}")]
    Disk(#[from] std::io::Error),
    /// The user asked to stop.
    #[error("stopped")]
    Cancelled,
}

/// Generated inferences compared when there is no input file.
pub const GENERATED_RUNS: u64 = 16;
/// Items in one inference over an input file, where the model leaves the batch open.
const FILE_BATCH: u64 = 64;

/// Runs both models on the same inputs and compares the outputs.
pub fn agree(
    a: &Path,
    b: &Path,
    question: &Question,
    tools: Tools<'_>,
    cancel: &Cancel,
) -> Result<Agreement, AgreementError> {
    let first = Side::prepare(a, question, None, tools, cancel)?;
    let second = Side::prepare(b, question, Some(&first), tools, cancel)?;
    let labels = question.inputs.as_deref().map(labels_if_any).transpose()?.flatten();
    let folder = tempfile::tempdir()?;
    let (file_a, file_b) = (folder.path().join("a"), folder.path().join("b"));
    first.run(&file_a, tools, cancel)?;
    second.run(&file_b, tools, cancel)?;
    let (mut reader_a, mut reader_b) = (Reader::open(&file_a)?, Reader::open(&file_b)?);
    let different = |reason: String| AgreementError::Different { a: first.name(), b: second.name(), reason };

    let mut tally = Tally::new(labels.is_some());
    let (mut right_a, mut right_b) = (Right::default(), Right::default());
    for chunk in &first.chunks {
        let (Some(outputs_a), Some(outputs_b)) = (reader_a.next_run()?, reader_b.next_run()?) else {
            return Err(different("one of them gave fewer outputs".to_owned()));
        };
        let outputs_a = keep_items(outputs_a, chunk);
        let outputs_b = keep_items(in_order_of(&outputs_a, outputs_b).map_err(&different)?, chunk);
        tally.add(&outputs_a, &outputs_b, chunk.items).map_err(&different)?;
        if let Some(labels) = &labels {
            right_a.add(&outputs_a, chunk.items, labels_of(chunk, labels));
            right_b.add(&outputs_b, chunk.items, labels_of(chunk, labels));
        }
    }
    let samples = first.chunks.iter().map(|chunk| chunk.items).sum();
    let agreement = tally.agreement(samples, right_a.accuracy(), right_b.accuracy()).map_err(different)?;
    Ok(Agreement { target: tools.launcher.target().to_owned(), ..agreement })
}

/// Counts the right answers of a model on a labelled set (`question.inputs` with an array called `labels`).
pub fn accuracy(
    model: &Path,
    question: &Question,
    tools: Tools<'_>,
    cancel: &Cancel,
) -> Result<Accuracy, AgreementError> {
    let side = Side::prepare(model, question, None, tools, cancel)?;
    let no_scores = |reason: String| AgreementError::NoScores { model: side.name(), reason };
    let Some(path) = &question.inputs else {
        return Err(no_scores("no labelled set is given".to_owned()));
    };
    let labels = inputs::labels(path)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("outputs");
    side.run(&file, tools, cancel)?;
    let mut reader = Reader::open(&file)?;
    let mut right = Right::default();
    for chunk in &side.chunks {
        let outputs = reader.next_run()?.ok_or_else(|| no_scores("outputs are missing".to_owned()))?;
        right.add(&keep_items(outputs, chunk), chunk.items, labels_of(chunk, &labels));
    }
    right.count.ok_or_else(|| {
        no_scores("none of its outputs is a row of scores, or one class, for each item".to_owned())
    })
}

fn labels_if_any(path: &Path) -> Result<Option<Vec<i64>>, inputs::FeedError> {
    let has_labels = Arrays::open(path)?.shapes().contains_key(LABELS);
    if has_labels { inputs::labels(path).map(Some) } else { Ok(None) }
}

fn labels_of<'l>(chunk: &Chunk, labels: &'l [i64]) -> &'l [i64] {
    usize::try_from(chunk.first).ok().and_then(|first| labels.get(first..)).unwrap_or(&[])
}

/// One inference of the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chunk {
    /// Place of the first item in the input file.
    first: u64,
    /// Items that count.
    items: u64,
    /// Items that are run: more than `items` at the end of a file when the model fixes the batch.
    batch: u64,
}

/// One of the models, with everything to run it.
struct Side {
    model: Model,
    session: SessionSpec,
    chunks: Vec<Chunk>,
    feeds: Vec<Feed>,
}

impl Side {
    /// Reads a model and makes its feeds; those of `like`, renamed, when there is a first model.
    fn prepare(
        path: &Path,
        question: &Question,
        like: Option<&Side>,
        tools: Tools<'_>,
        cancel: &Cancel,
    ) -> Result<Self, AgreementError> {
        let problem = |problem: String| AgreementError::Model { model: shapes::file_name(path), problem };
        let model = model_file::read(path).map_err(|error| problem(error.to_string()))?;
        let runtime = runtime_for(tools, &question.provider).map_err(|error| problem(error.to_string()))?;
        let session = SessionSpec {
            runtime,
            model: path.to_owned(),
            provider: question.provider.clone(),
            threads: question.threads,
            optimisation: super::Optimisation::All,
        };
        if let Some(first) = like {
            let feeds = first
                .feeds
                .iter()
                .map(|feed| renamed(feed, &model.inputs))
                .collect::<Result<Vec<Feed>, String>>()
                .map_err(|reason| AgreementError::Different {
                    a: first.name(),
                    b: model.name.clone(),
                    reason,
                })?;
            return Ok(Self { model, session, chunks: first.chunks.clone(), feeds });
        }
        let arrays = question.inputs.as_deref().map(Arrays::open).transpose()?;
        let wanted = if arrays.is_some() { FILE_BATCH } else { 1 };
        let batch = shapes::batch_of(&model, wanted, &question.dims);
        let resolution = shapes::resolve(&model, batch, &question.dims, arrays.as_ref()).map_err(&problem)?;
        let batched = resolution.has_batch();
        let source = |place: u64| match &question.inputs {
            Some(path) => Source::File { path: path.clone(), first: place },
            None => Source::Generated { seed: question.seed.wrapping_add(place) },
        };
        let found =
            shapes::find(tools.launcher, &session, &model, &resolution, &source(0), cancel, &mut |_| ())
                .map_err(|error| match error {
                    WorkerError::Cancelled => AgreementError::Cancelled,
                    other => problem(other.to_string()),
                })?;
        let chunks = match &arrays {
            None => (0..GENERATED_RUNS).map(|place| Chunk { first: place, items: batch, batch }).collect(),
            Some(arrays) => chunks(items_in(arrays, &model)?, batch, batched),
        };
        let mut feeds = Vec::with_capacity(chunks.len());
        for chunk in &chunks {
            let sizes = shapes::resolve(&model, chunk.batch, &question.dims, arrays.as_ref())
                .map_err(&problem)?
                .shapes(&found)
                .ok_or_else(|| problem("the sizes of its dynamic dimensions are too large".to_owned()))?;
            feeds.push(shapes::feed_of(&model, &sizes, source(chunk.first)));
        }
        Ok(Self { model, session, chunks, feeds })
    }

    fn name(&self) -> String {
        self.model.name.clone()
    }

    fn run(&self, out: &Path, tools: Tools<'_>, cancel: &Cancel) -> Result<(), AgreementError> {
        let request = Request::Outputs {
            session: self.session.clone(),
            feeds: self.feeds.clone(),
            out: Some(out.to_owned()),
        };
        let answer = tools
            .launcher
            .start(cancel)
            .and_then(|mut worker| worker.ask(&request, Duration::ZERO, cancel, &mut |_| (), &mut || ()));
        match answer {
            Ok(Event::Written { .. }) => Ok(()),
            Ok(other) => Err(AgreementError::Model {
                model: self.name(),
                problem: WorkerError::Protocol(format!("{other:?} instead of outputs")).to_string(),
            }),
            Err(WorkerError::Cancelled) => Err(AgreementError::Cancelled),
            Err(error) => Err(AgreementError::Model { model: self.name(), problem: error.to_string() }),
        }
    }
}

/// Items of an input file: the first dimension of the first input's array. Labels must be one an item.
fn items_in(arrays: &Arrays, model: &Model) -> Result<u64, AgreementError> {
    let Some(port) = model.inputs.first() else { return Ok(1) };
    let name = arrays.array_for(port, model.inputs.len())?;
    let shape = &arrays.shapes()[name];
    let items = if shape.len() == port.shape.len() { shape.first().copied().unwrap_or(1) } else { 1 };
    match arrays.shapes().get(LABELS).and_then(|shape| shape.first()) {
        Some(labels) if *labels != items => Err(AgreementError::Inputs(inputs::FeedError::File {
            problem: format!(
                "`{name}` has {items} items and `{LABELS}` has {labels}; give one label an item"
            ),
            path: arrays.path().to_owned(),
        })),
        _ => Ok(items),
    }
}

fn chunks(items: u64, batch: u64, batch_is_open: bool) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < items {
        let left = batch.min(items - first);
        chunks.push(Chunk { first, items: left, batch: if batch_is_open { left } else { batch } });
        first += left;
    }
    chunks
}

/// The feed of the first model for the second one's inputs: by name where the names are the same, else the only
/// one. Values are made for the first model's port, so that both get the same.
fn renamed(feed: &Feed, ports: &[Port]) -> Result<Feed, String> {
    let other_inputs = || {
        let first: Vec<String> = feed.ports.iter().map(|fed| format!("`{}`", fed.port.name)).collect();
        let second: Vec<String> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
        format!("one takes {} and the other {}", first.join(", "), second.join(", "))
    };
    if feed.ports.len() != ports.len() {
        return Err(other_inputs());
    }
    let only = ports.len() == 1;
    let fed = ports.iter().map(|port| {
        let same =
            feed.ports.iter().find(|fed| only || fed.port.name == port.name).ok_or_else(other_inputs)?;
        if same.port.element != port.element {
            return Err(format!(
                "input `{}` is {:?} in one and {:?} in the other",
                port.name, same.port.element, port.element
            ));
        }
        let fits = same.shape.len() == port.shape.len()
            && same.shape.iter().zip(&port.shape).all(|(size, dim)| match dim {
                Dim::Fixed(fixed) => fixed == size,
                Dim::Named(_) | Dim::Unknown => true,
            });
        if !fits {
            return Err(format!(
                "input `{}` has another shape than the {:?} of the first",
                port.name, same.shape
            ));
        }
        Ok(Fed { name: port.name.clone(), ..same.clone() })
    });
    Ok(Feed { ports: fed.collect::<Result<_, _>>()?, source: feed.source.clone() })
}

/// The second model's outputs in the order of the first one's: by name where the names are the same, else by place.
fn in_order_of(first: &[Output], second: Vec<Output>) -> Result<Vec<Output>, String> {
    if first.len() != second.len() {
        let names = |outputs: &[Output]| {
            outputs.iter().map(|output| format!("`{}`", output.name)).collect::<Vec<_>>().join(", ")
        };
        return Err(format!("one gives {} and the other {}", names(first), names(&second)));
    }
    let mut by_name: BTreeMap<String, Output> =
        second.iter().map(|output| (output.name.clone(), output.clone())).collect();
    let ordered: Option<Vec<Output>> = first.iter().map(|output| by_name.remove(&output.name)).collect();
    Ok(ordered.unwrap_or(second))
}

/// Only the items that count, where a fixed batch ran more.
fn keep_items(outputs: Vec<Output>, chunk: &Chunk) -> Vec<Output> {
    if chunk.items == chunk.batch {
        return outputs;
    }
    outputs
        .into_iter()
        .map(|mut output| {
            if output.shape.first() == Some(&chunk.batch) {
                let each = output.values.len() / usize::try_from(chunk.batch).unwrap_or(1).max(1);
                output.values.truncate(each * usize::try_from(chunk.items).unwrap_or(0));
                output.shape[0] = chunk.items;
            }
            output
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, shape: &[u64], values: &[f64]) -> Output {
        Output { name: name.to_owned(), shape: shape.to_vec(), float: true, values: values.to_vec() }
    }

    #[test]
    fn a_fixed_batch_runs_more_than_it_counts() {
        assert_eq!(
            chunks(5, 2, false),
            [(0, 2, 2), (2, 2, 2), (4, 1, 2)].map(|(first, items, batch)| Chunk { first, items, batch })
        );
        assert_eq!(chunks(5, 4, true)[1], Chunk { first: 4, items: 1, batch: 1 });
        let kept = keep_items(vec![output("y", &[2, 2], &[1., 2., 3., 4.])], &chunks(5, 2, false)[2]);
        assert_eq!(kept, [output("y", &[1, 2], &[1., 2.])]);
    }

    #[test]
    fn outputs_are_matched_by_name_then_by_place() {
        let first = [output("a", &[1], &[1.]), output("b", &[1], &[2.])];
        let swapped = vec![first[1].clone(), first[0].clone()];
        assert_eq!(in_order_of(&first, swapped).unwrap(), first);
        let others = vec![output("x", &[1], &[1.]), output("y", &[1], &[2.])];
        assert_eq!(in_order_of(&first, others.clone()).unwrap(), others);
        assert!(in_order_of(&first, Vec::new()).unwrap_err().contains("`a`, `b`"));
    }
}
