//! Sizes of a model's dynamic dimensions: which axis is the batch, what the user set, what must be found by trying.
//!
//! Knows nothing of a runtime: it says which sizes are worth trying and in what order; `measure` tries them.
//!
//! Dimensions with the same name have the same size (ONNX IR specification, "Static tensor shapes"). Names that
//! only say "unknown" (`?`, `None`, `-1`) are no names. A name that is a sum or product of other names, as
//! exporters of language models write (`past_sequence_length + 1`), follows those names.

use std::collections::{BTreeMap, BTreeSet};

use super::guess;
use super::{Dim, Model, Port};

/// Where one axis of an input gets its size from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axis {
    /// The model says so.
    Fixed(u64),
    /// The items of one inference.
    Batch(u64),
    /// The user says so.
    Set(u64),
    /// Nobody says: the place in [`Resolution::free`].
    Free(usize),
    /// A sum of products of other axes and numbers.
    Sum(Vec<Vec<Axis>>),
}

/// The axes of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputAxes {
    /// The input's name.
    pub input: String,
    /// One for each dimension; empty for a scalar.
    pub axes: Vec<Axis>,
}

/// A dynamic dimension that nobody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeDim {
    /// The dimension's name, or `input.place` (`images.2`) when it has none.
    pub name: String,
    /// Sizes worth trying, the likeliest first; never empty.
    pub candidates: Vec<u64>,
}

/// Where the size of every axis of every input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    inputs: Vec<InputAxes>,
    free: Vec<FreeDim>,
}

/// Why sizes cannot be given to a model's inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DimError {
    /// A key that is no dynamic dimension of the model.
    #[error("cannot set dimension `{key}` of {model}: it has no such dimension; {known}")]
    Unknown {
        /// What the user wrote.
        key: String,
        /// The model's name.
        model: String,
        /// What there is, in words.
        known: String,
    },
    /// A key that names a dimension whose size the model fixes at something else.
    #[error(
        "cannot set dimension `{key}` of {model} to {asked}: the model fixes it at {fixed}; leave it out, \
         or export the model with this dimension dynamic"
    )]
    Fixed {
        /// What the user wrote.
        key: String,
        /// The model's name.
        model: String,
        /// What the user asked for.
        asked: u64,
        /// What the model says.
        fixed: u64,
    },
    /// Two keys that mean the same dimension with different sizes.
    #[error("dimension `{name}` of {model} is set twice, to {first} and to {second}; set it once")]
    Twice {
        /// The dimension.
        name: String,
        /// The model's name.
        model: String,
        /// The size of the first key.
        first: u64,
        /// The size of the second key.
        second: u64,
    },
    /// A size for the dimension that is the batch, other than the batch asked for.
    #[error(
        "dimension `{name}` of {model} is the batch, which is {batch} here; set it as the batch size, not as {size}"
    )]
    IsBatch {
        /// The dimension.
        name: String,
        /// The model's name.
        model: String,
        /// The batch asked for.
        batch: u64,
        /// The size asked for.
        size: u64,
    },
    /// A batch of none.
    #[error("cannot run {model} with batch 0; the smallest batch is 1")]
    Zero {
        /// The model's name.
        model: String,
    },
    /// A batch the model cannot take.
    #[error("cannot run {model} with batch {batch}: {why}")]
    Batch {
        /// The model's name.
        model: String,
        /// The batch asked for.
        batch: u64,
        /// Why not and what to do, in words.
        why: String,
    },
}

/// Finds where the size of each input's axes comes from, for `batch` items in one inference.
///
/// The keys of `set` are names of dimensions, or `input.place` counted from 0 (`images.2`). What the user sets
/// wins over what is recognised: setting the batch axis to another size makes it an axis like the others. A model
/// whose batch is fixed is taken with 1, too: whether its items are counted right is [`check_batch`]'s matter.
pub fn resolve(model: &Model, batch: u64, set: &BTreeMap<String, u64>) -> Result<Resolution, DimError> {
    if batch == 0 {
        return Err(DimError::Zero { model: model.name.clone() });
    }
    let groups = guess::groups(model);
    let asked = asked_sizes(model, set)?;
    let recognised = guess::batch_groups(model);
    // A dimension that is only taken for the batch may be set; one that says it is the batch may not, or its items
    // would be counted wrongly.
    for name in recognised.iter().filter(|name| name.to_lowercase().contains("batch")) {
        if let Some(size) = asked.get(name).filter(|size| **size != batch) {
            let (name, model) = (name.clone(), model.name.clone());
            return Err(DimError::IsBatch { name, model, batch, size: *size });
        }
    }
    let batch_groups: BTreeSet<String> = recognised
        .iter()
        .filter(|name| asked.get(*name).is_none_or(|size| *size == batch))
        .cloned()
        .collect();
    if batch > 1 && batch_groups.is_empty() && !has_fixed_batch(model, batch) {
        let why = no_batch_reason(model, &recognised);
        return Err(DimError::Batch { model: model.name.clone(), batch, why });
    }

    let mut free: Vec<FreeDim> = Vec::new();
    let mut axis_of: BTreeMap<String, Axis> = BTreeMap::new();
    let mut sums: Vec<(String, guess::Sum)> = Vec::new();
    for (name, group) in &groups {
        let axis = if batch_groups.contains(name) {
            Axis::Batch(batch)
        } else if let Some(size) = asked.get(name) {
            Axis::Set(*size)
        } else if let Some(sum) = guess::sum_of(name, &groups) {
            sums.push((name.clone(), sum));
            continue;
        } else {
            let mut candidates = guess::candidates(model, group);
            // The size the operations were counted at contradicts nothing in the graph.
            if let Some(fitting) = model.flops.assumed.get(name) {
                candidates.retain(|size| size != fitting);
                candidates.insert(0, *fitting);
            }
            free.push(FreeDim { name: name.clone(), candidates });
            Axis::Free(free.len() - 1)
        };
        axis_of.insert(name.clone(), axis);
    }
    for (name, sum) in sums {
        let terms = sum.iter().map(|term| {
            let factors = term.iter().map(|factor| match factor {
                guess::Factor::Number(number) => Axis::Fixed(*number),
                // A sum names plain dimensions only (`guess::sum_of`), all of which are placed above.
                guess::Factor::Dim(dim) => axis_of.get(dim).cloned().unwrap_or(Axis::Fixed(1)),
            });
            factors.collect()
        });
        let axis = Axis::Sum(terms.collect());
        axis_of.insert(name, axis);
    }

    let inputs = model.inputs.iter().map(|port| {
        let axes = port.shape.iter().enumerate().map(|(place, dim)| match dim {
            Dim::Fixed(size) => Axis::Fixed(*size),
            dynamic => axis_of
                .get(&guess::dim_name(&port.name, place, dynamic))
                .cloned()
                // INVARIANT: every dynamic dimension is in a group, and every group has an axis.
                .unwrap_or(Axis::Fixed(1)),
        });
        InputAxes { input: port.name.clone(), axes: axes.collect() }
    });
    Ok(Resolution { inputs: inputs.collect(), free })
}

impl Resolution {
    /// The dimensions a size must be found for; empty when every size is known.
    pub fn free(&self) -> &[FreeDim] {
        &self.free
    }

    /// Every input with where its sizes come from, in the model's order.
    pub fn inputs(&self) -> &[InputAxes] {
        &self.inputs
    }

    /// The shape of each input, when `found` has a size for each of [`Self::free`]; `None` when one is missing or
    /// a sum of sizes does not fit 64 bits.
    pub fn shapes(&self, found: &BTreeMap<String, u64>) -> Option<BTreeMap<String, Vec<u64>>> {
        let sizes: Vec<u64> =
            self.free.iter().map(|dim| found.get(&dim.name).copied()).collect::<Option<_>>()?;
        self.inputs
            .iter()
            .map(|input| {
                let shape: Option<Vec<u64>> = input.axes.iter().map(|axis| axis.size(&sizes)).collect();
                Some((input.input.clone(), shape?))
            })
            .collect()
    }

    /// Sizes for all free dimensions in the order worth trying: the first candidates; then each dimension's others
    /// with the first of the rest; then the second candidates of all, the third, and so on. At least one; a single
    /// empty one when nothing is free.
    pub fn guesses(&self) -> impl Iterator<Item = BTreeMap<String, u64>> {
        let Self { free, .. } = self;
        let pick = |choose: &dyn Fn(usize) -> usize| -> BTreeMap<String, u64> {
            let dims = free.iter().enumerate();
            dims.map(|(place, dim)| {
                let choice = choose(place).min(dim.candidates.len() - 1);
                (dim.name.clone(), dim.candidates[choice])
            })
            .collect()
        };
        let mut guesses = vec![pick(&|_| 0)];
        for (place, dim) in free.iter().enumerate() {
            guesses.extend(
                (1..dim.candidates.len()).map(|choice| pick(&|at| if at == place { choice } else { 0 })),
            );
        }
        if free.len() > 1 {
            let most = free.iter().map(|dim| dim.candidates.len()).max().unwrap_or(0);
            guesses.extend((1..most).map(|choice| pick(&|_| choice)));
        }
        guesses.into_iter()
    }

    /// Places of the batch: the input's name and the axis, counted from 0.
    pub fn batch_axes(&self) -> Vec<(&str, usize)> {
        self.inputs
            .iter()
            .flat_map(|input| {
                let places = input.axes.iter().enumerate();
                places
                    .filter(|(_, axis)| matches!(axis, Axis::Batch(_)))
                    .map(|(place, _)| (input.input.as_str(), place))
            })
            .collect()
    }

    /// Names of the dimensions that are the batch; `input.place` for a nameless one.
    pub fn batch_names(&self, model: &Model) -> BTreeSet<String> {
        let name = |(input, place): (&str, usize)| {
            let port = model.inputs.iter().find(|port| port.name == input)?;
            Some(guess::dim_name(input, place, port.shape.get(place)?))
        };
        self.batch_axes().into_iter().filter_map(name).collect()
    }

    /// True when the batch can be chosen.
    pub fn has_batch(&self) -> bool {
        !self.batch_axes().is_empty()
    }
}

impl Axis {
    fn size(&self, free: &[u64]) -> Option<u64> {
        match self {
            Self::Fixed(size) | Self::Batch(size) | Self::Set(size) => Some(*size),
            Self::Free(place) => free.get(*place).copied(),
            Self::Sum(terms) => terms.iter().try_fold(0_u64, |sum, factors| {
                let product = factors
                    .iter()
                    .try_fold(1_u64, |product, factor| product.checked_mul(factor.size(free)?))?;
                sum.checked_add(product)
            }),
        }
    }
}

/// The user's sizes by the dimension's own name.
fn asked_sizes(model: &Model, set: &BTreeMap<String, u64>) -> Result<BTreeMap<String, u64>, DimError> {
    let names: BTreeSet<String> = guess::groups(model).into_keys().collect();
    let mut asked: BTreeMap<String, u64> = BTreeMap::new();
    for (key, size) in set {
        let name = if names.contains(key) {
            key.clone()
        } else {
            match place_of(model, key) {
                Some((input, place, Dim::Fixed(fixed))) => {
                    if fixed == size {
                        continue;
                    }
                    return Err(DimError::Fixed {
                        key: format!("{input}.{place}"),
                        model: model.name.clone(),
                        asked: *size,
                        fixed: *fixed,
                    });
                }
                Some((input, place, dynamic)) => guess::dim_name(input, place, dynamic),
                None => {
                    return Err(DimError::Unknown {
                        key: key.clone(),
                        model: model.name.clone(),
                        known: known_dims(model),
                    });
                }
            }
        };
        if let Some(first) = asked.insert(name.clone(), *size)
            && first != *size
        {
            return Err(DimError::Twice { name, model: model.name.clone(), first, second: *size });
        }
    }
    Ok(asked)
}

/// `images.2` → the input, the place and what the model says of it.
fn place_of<'a>(model: &'a Model, key: &str) -> Option<(&'a str, usize, &'a Dim)> {
    let (input, place) = key.rsplit_once('.')?;
    let place: usize = place.parse().ok()?;
    let port = model.inputs.iter().find(|port| port.name == input)?;
    Some((&port.name, place, port.shape.get(place)?))
}

fn known_dims(model: &Model) -> String {
    let names = guess::groups(model).into_iter().map(|(name, group)| {
        let places: Vec<String> =
            group.iter().map(|axis| format!("{}.{}", model.inputs[axis.input].name, axis.place)).collect();
        if places == [name.as_str()] {
            format!("`{name}`")
        } else {
            format!("`{name}` ({})", places.join(", "))
        }
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        "all its dimensions are fixed".to_owned()
    } else {
        format!("its dynamic dimensions are {}", names.join(", "))
    }
}

/// The batch a model was made for, when it is fixed at more than 1: the first dimension of every input and output
/// but scalars.
///
/// Nothing in a graph says what a fixed dimension means, so this is `None` where it may be something else: where
/// one of them has another first dimension or an open one, and for the channels of a picture without a batch.
pub fn fixed_batch(model: &Model) -> Option<u64> {
    let Some(Dim::Fixed(batch)) = model.inputs.iter().find(|port| port.shape.len() >= 2)?.shape.first()
    else {
        return None;
    };
    let has_batch = |port: &Port| port.shape.is_empty() || port.shape.first() == Some(&Dim::Fixed(*batch));
    let is_picture = |port: &Port| port.shape.len() == 3 && matches!(batch, 3 | 4);
    let told = model.outputs.iter().any(|port| !port.shape.is_empty())
        && model.inputs.iter().chain(&model.outputs).all(has_batch)
        && !model.inputs.iter().any(is_picture)
        && guess::batch_groups(model).is_empty();
    (told && *batch > 1).then_some(*batch)
}

/// Refuses another batch than the one the model was made for: its items would be counted wrong.
pub fn check_batch(model: &Model, batch: u64) -> Result<(), DimError> {
    match fixed_batch(model) {
        Some(fixed) if fixed != batch => {
            Err(DimError::Batch { model: model.name.clone(), batch, why: made_for(fixed) })
        }
        _ => Ok(()),
    }
}

fn made_for(batch: u64) -> String {
    format!("this model was made for batches of {batch}; use --batch {batch}")
}

/// True when every input and output that is not a scalar or vector has this fixed first dimension: a model
/// exported for one batch larger than 1.
fn has_fixed_batch(model: &Model, batch: u64) -> bool {
    let mut ports = model.inputs.iter().chain(&model.outputs).filter(|port| port.shape.len() >= 2).peekable();
    ports.peek().is_some() && ports.all(|port| port.shape.first() == Some(&Dim::Fixed(batch)))
}

fn no_batch_reason(model: &Model, recognised: &BTreeSet<String>) -> String {
    if let Some(name) = recognised.first() {
        return format!(
            "its batch axis `{name}` is set to another size; leave that out, or ask for that batch"
        );
    }
    if let Some(batch) = fixed_batch(model) {
        return made_for(batch);
    }
    let first = model.inputs.iter().find(|port| port.shape.len() >= 2);
    match first.map(|port| (port, &port.shape[0])) {
        Some((port, Dim::Fixed(size))) => format!(
            "it was exported with a fixed batch (the first dimension of input `{}` is {size}); use batch {size}, \
             or export it with a dynamic first dimension",
            port.name
        ),
        _ => "none of its dimensions is recognised as the batch; use batch 1 and set its dynamic dimensions \
              by name or place"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ElementType, Flops, InputHint};
    use super::*;

    fn named(name: &str) -> Dim {
        Dim::Named(name.to_owned())
    }

    fn port(name: &str, element: ElementType, shape: Vec<Dim>) -> Port {
        Port { name: name.to_owned(), element, shape, hint: InputHint::Any }
    }

    fn model(inputs: Vec<Port>) -> Model {
        Model {
            name: "m.onnx".to_owned(),
            sha256: String::new(),
            file_bytes: 0,
            inputs,
            outputs: Vec::new(),
            operators: BTreeMap::new(),
            parameters: 0,
            weight_bytes: 0,
            bytes_by_precision: BTreeMap::new(),
            opset: BTreeMap::new(),
            producer: String::new(),
            ir_version: 8,
            flops: Flops::default(),
        }
    }

    fn sizes(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect()
    }

    fn classifier() -> Model {
        let shape = vec![named("batch"), Dim::Fixed(3), named("height"), named("width")];
        model(vec![port("images", ElementType::Float32, shape)])
    }

    /// The inputs of `silero_vad.onnx` in silero-vad 6.2.3.
    fn silero() -> Model {
        model(vec![
            port("input", ElementType::Float32, vec![Dim::Unknown, Dim::Unknown]),
            port("state", ElementType::Float32, vec![Dim::Fixed(2), Dim::Unknown, Dim::Fixed(128)]),
            port("sr", ElementType::Int64, vec![]),
        ])
    }

    #[test]
    fn names_and_places_set_the_same_dimension() {
        let resolution = resolve(&classifier(), 4, &sizes(&[("height", 320), ("images.3", 640)])).unwrap();
        assert!(resolution.free().is_empty());
        assert_eq!(resolution.batch_axes(), [("images", 0)]);
        assert_eq!(resolution.shapes(&BTreeMap::new()).unwrap()["images"], [4, 3, 320, 640]);
    }

    #[test]
    fn unset_dimensions_are_free_with_sizes_to_try() {
        let resolution = resolve(&classifier(), 1, &BTreeMap::new()).unwrap();
        let free: Vec<_> =
            resolution.free().iter().map(|dim| (dim.name.as_str(), dim.candidates[0])).collect();
        assert_eq!(free, [("height", 224), ("width", 224)]);
        assert_eq!(resolution.shapes(&sizes(&[("height", 224)])), None);
        let guesses: Vec<Vec<u64>> =
            resolution.guesses().map(|guess| resolution.shapes(&guess).unwrap()["images"].clone()).collect();
        assert_eq!(guesses[..2], [[1, 3, 224, 224], [1, 3, 320, 224]]);
        assert!(guesses.contains(&vec![1, 3, 224, 48]) && guesses.contains(&vec![1, 3, 32, 32]));
    }

    #[test]
    fn the_batch_of_a_recurrent_state_is_recognised() {
        let resolution = resolve(&silero(), 3, &BTreeMap::new()).unwrap();
        assert_eq!(resolution.batch_axes(), [("input", 0), ("state", 1)]);
        assert_eq!(resolution.free().len(), 1);
        assert_eq!(resolution.free()[0].name, "input.1");
        assert_eq!(resolution.free()[0].candidates[..3], [512, 576, 256]);
        let shapes = resolution.shapes(&sizes(&[("input.1", 512)])).unwrap();
        assert_eq!((&shapes["input"][..], &shapes["state"][..]), (&[3, 512][..], &[2, 3, 128][..]));
        assert_eq!(shapes["sr"], [0_u64; 0]);
    }

    #[test]
    fn names_that_tools_make_up_are_judged_by_place() {
        // ch_PP-OCRv4_rec_infer.onnx in rapidocr-onnxruntime 1.4.4.
        let shape =
            vec![named("p2o.DynamicDimension.0"), Dim::Fixed(3), named("?"), named("p2o.DynamicDimension.1")];
        let resolution = resolve(&model(vec![port("x", ElementType::Float32, shape)]), 2, &BTreeMap::new());
        let resolution = resolution.unwrap();
        assert_eq!(resolution.batch_axes(), [("x", 0)]);
        let names: Vec<_> = resolution.free().iter().map(|dim| dim.name.as_str()).collect();
        assert_eq!(names, ["p2o.DynamicDimension.1", "x.2"]);
        assert!(resolution.free().iter().all(|dim| dim.candidates[0] == 224 && dim.candidates.contains(&48)));
    }

    #[test]
    fn a_sequence_first_is_not_a_batch() {
        let steps = port("input", ElementType::Float32, vec![named("sequence_length"), Dim::Fixed(576)]);
        let state = port("h", ElementType::Float32, vec![Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(128)]);
        let model = model(vec![steps, state]);
        let resolution = resolve(&model, 1, &BTreeMap::new()).unwrap();
        assert!(!resolution.has_batch());
        assert_eq!(resolution.free()[0].name, "sequence_length");
        let error = resolve(&model, 2, &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("batch 2"), "{error}");
    }

    #[test]
    fn language_model_lengths_follow_each_other() {
        let ids = vec![named("batch_size"), named("sequence_length")];
        let mask = vec![named("batch_size"), named("past_sequence_length + sequence_length")];
        let past = vec![named("batch_size"), Dim::Fixed(4), named("past_sequence_length"), Dim::Fixed(64)];
        let model = model(vec![
            port("input_ids", ElementType::Int64, ids),
            port("attention_mask", ElementType::Int64, mask),
            port("past_key_values.0.key", ElementType::Float32, past),
        ]);
        let resolution = resolve(&model, 2, &sizes(&[("sequence_length", 5)])).unwrap();
        let names: Vec<_> = resolution.free().iter().map(|dim| dim.name.as_str()).collect();
        assert_eq!(names, ["past_sequence_length"]);
        let shapes = resolution.shapes(&sizes(&[("past_sequence_length", 7)])).unwrap();
        assert_eq!(shapes["attention_mask"], [2, 12]);
        assert_eq!(shapes["past_key_values.0.key"], [2, 4, 7, 64]);
        let by_place = resolve(&model, 2, &sizes(&[("past_key_values.0.key.2", 3)])).unwrap();
        assert_eq!(by_place.free().len(), 1);
    }

    #[test]
    fn mistakes_are_named() {
        let error = resolve(&classifier(), 1, &sizes(&[("hight", 320)])).unwrap_err().to_string();
        assert!(error.contains("`hight`") && error.contains("`height` (images.2)"), "{error}");
        let error = resolve(&classifier(), 1, &sizes(&[("images.1", 4)])).unwrap_err().to_string();
        assert!(error.contains("fixes it at 3"), "{error}");
        assert!(resolve(&classifier(), 1, &sizes(&[("images.1", 3)])).is_ok());
        let error = resolve(&classifier(), 1, &sizes(&[("height", 1), ("images.2", 2)])).unwrap_err();
        assert!(matches!(error, DimError::Twice { .. }));
        assert!(matches!(resolve(&classifier(), 0, &BTreeMap::new()), Err(DimError::Zero { .. })));
    }

    #[test]
    fn the_size_operations_were_counted_at_is_tried_first() {
        let mut model = classifier();
        model.flops.assumed = sizes(&[("batch", 1), ("height", 48), ("width", 320)]);
        let resolution = resolve(&model, 2, &BTreeMap::new()).unwrap();
        let first: Vec<_> = resolution.free().iter().map(|dim| dim.candidates[..2].to_vec()).collect();
        assert_eq!(first, [[48, 224], [320, 224]]);
    }

    #[test]
    fn a_fixed_batch_is_said() {
        let shape = vec![Dim::Fixed(1), Dim::Fixed(3), Dim::Fixed(8), Dim::Fixed(8)];
        let model = model(vec![port("x", ElementType::Float32, shape)]);
        assert!(resolve(&model, 1, &BTreeMap::new()).is_ok());
        let error = resolve(&model, 8, &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("fixed batch") && error.contains("input `x` is 1"), "{error}");
        let mut eight = model;
        eight.inputs[0].shape[0] = Dim::Fixed(8);
        eight.outputs = vec![port("y", ElementType::Float32, vec![Dim::Fixed(8), Dim::Fixed(10)])];
        assert!(resolve(&eight, 8, &BTreeMap::new()).is_ok());
        let words = "this model was made for batches of 8; use --batch 8";
        assert!(resolve(&eight, 4, &BTreeMap::new()).unwrap_err().to_string().contains(words));
        assert!(check_batch(&eight, 1).unwrap_err().to_string().ends_with(words));
        assert!(check_batch(&eight, 8).is_ok());
        // A list of classes and a scalar setting change nothing.
        eight.outputs.push(port("label", ElementType::Int64, vec![Dim::Fixed(8)]));
        eight.inputs.push(port("threshold", ElementType::Float32, vec![]));
        assert_eq!(fixed_batch(&eight), Some(8));
    }

    #[test]
    fn a_fixed_first_dimension_that_may_be_something_else_is_no_batch() {
        let fixed = |sizes: &[u64]| sizes.iter().map(|size| Dim::Fixed(*size)).collect::<Vec<_>>();
        let of = |inputs: &[Vec<Dim>], output: Vec<Dim>| {
            let inputs = inputs.iter().map(|shape| port("x", ElementType::Float32, shape.clone()));
            let mut model = model(inputs.collect());
            model.outputs = vec![port("y", ElementType::Float32, output)];
            model
        };
        for other in [
            silero(),
            classifier(),
            // One picture, a grey one, a filter of a picture, a sound, layers of a state, batch 1.
            of(&[fixed(&[3, 224, 224])], fixed(&[1000])),
            of(&[fixed(&[28, 28])], fixed(&[10])),
            of(&[fixed(&[3, 224, 224])], fixed(&[3, 224, 224])),
            of(&[fixed(&[16_000])], fixed(&[16_000])),
            of(&[fixed(&[8, 100]), fixed(&[2, 8, 64])], fixed(&[8, 10])),
            of(&[fixed(&[1, 3, 8, 8])], fixed(&[1, 10])),
            // Boxes found in the picture: their number is not the batch.
            of(&[fixed(&[8, 3, 64, 64])], vec![named("boxes"), Dim::Fixed(7)]),
            of(&[fixed(&[8, 3, 64, 64])], Vec::new()),
        ] {
            assert_eq!(fixed_batch(&other), None, "{other:?}");
            assert!(check_batch(&other, 1).is_ok());
        }
    }

    #[test]
    fn what_is_only_taken_for_the_batch_may_be_set_and_what_is_called_batch_may_not() {
        let set = sizes(&[("batch", 3), ("height", 8), ("width", 8)]);
        let error = resolve(&classifier(), 1, &set).unwrap_err().to_string();
        assert!(error.contains("`batch` of m.onnx is the batch, which is 1 here"), "{error}");
        assert!(resolve(&classifier(), 3, &set).unwrap().has_batch());

        let mut short = classifier();
        for port in short.inputs.iter_mut().chain(&mut short.outputs) {
            port.shape[0] = Dim::Named("N".to_owned());
        }
        let set = sizes(&[("N", 3), ("height", 8), ("width", 8)]);
        let resolution = resolve(&short, 1, &set).unwrap();
        assert!(!resolution.has_batch());
        assert_eq!(resolution.shapes(&BTreeMap::new()).unwrap()["images"], [3, 3, 8, 8]);
        let error = resolve(&short, 2, &set).unwrap_err().to_string();
        assert!(error.contains("`N` is set to another size"), "{error}");
    }
}
