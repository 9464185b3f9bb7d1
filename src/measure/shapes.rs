//! The shapes a model's inputs get: from the model, the user, an input file, and for what is still unknown by
//! trying sizes in a worker until the model accepts one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::cancel::Cancel;
use super::inputs::Arrays;
use super::launcher::{Launcher, Worker, WorkerError};
use super::protocol::{Fed, Feed, Request, SessionSpec, Source};
use crate::model::Model;
use crate::model::dims::{self, Resolution};

/// Combinations of sizes tried before giving up.
pub const MOST_TRIES: usize = 64;

/// Where each size comes from, for `batch` items. Sizes that the user `set` win over those of the input file;
/// where both speak of one dimension they must agree. A model that was made for another batch is refused: one
/// inference would be counted as `batch` items.
pub fn resolve(
    model: &Model,
    batch: u64,
    set: &BTreeMap<String, u64>,
    arrays: Option<&Arrays>,
) -> Result<Resolution, String> {
    dims::check_batch(model, batch).map_err(|error| error.to_string())?;
    let resolution = dims::resolve(model, batch, set).map_err(|error| error.to_string())?;
    let Some(arrays) = arrays else { return Ok(resolution) };
    let mut all = set.clone();
    let from_file =
        arrays.dims(&model.inputs, &resolution.batch_axes()).map_err(|error| error.to_string())?;
    for (name, size) in from_file {
        all.entry(name).or_insert(size);
    }
    dims::resolve(model, batch, &all)
        .map_err(|error| format!("{error} (sizes of the input file: {})", arrays.path().display()))
}

/// The batch a model is best run with when it may be chosen: `wanted`, or what the model was exported for.
pub fn batch_of(model: &Model, wanted: u64, set: &BTreeMap<String, u64>) -> u64 {
    if let Some(batch) = dims::fixed_batch(model) {
        return batch;
    }
    let fixed = model.inputs.iter().find_map(|port| match port.shape.first() {
        Some(crate::model::Dim::Fixed(size)) if port.shape.len() >= 2 => Some(*size),
        _ => None,
    });
    [Some(wanted), fixed, Some(1)]
        .into_iter()
        .flatten()
        .find(|batch| dims::resolve(model, *batch, set).is_ok())
        .unwrap_or(1)
}

/// The feed of a model for shapes by input name.
pub fn feed_of(model: &Model, shapes: &BTreeMap<String, Vec<u64>>, source: Source) -> Feed {
    let fed = model.inputs.iter().filter_map(|port| {
        Some(Fed { port: port.clone(), shape: shapes.get(&port.name)?.clone(), name: port.name.clone() })
    });
    Feed { ports: fed.collect(), source }
}

/// Sizes for the free dimensions of `resolution` that the model accepts, found by running it once for each try,
/// likeliest first. The runtime's own words when the model cannot even be loaded.
pub fn find(
    launcher: &Launcher,
    session: &SessionSpec,
    model: &Model,
    resolution: &Resolution,
    source: &Source,
    cancel: &Cancel,
    on_try: &mut dyn FnMut(&str),
) -> Result<BTreeMap<String, u64>, WorkerError> {
    if resolution.free().is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut worker = launcher.start(cancel)?;
    ask(&mut worker, &Request::Load { session: session.clone() }, cancel)?;
    let mut worker = Some(worker);
    let mut first_refusal = None;
    let sizes: Vec<&[u64]> = resolution.free().iter().map(|dim| dim.candidates.as_slice()).collect();
    for choice in combinations(&sizes) {
        let found: BTreeMap<String, u64> =
            resolution.free().iter().zip(choice).map(|(dim, size)| (dim.name.clone(), size)).collect();
        let Some(shapes) = resolution.shapes(&found) else { continue };
        on_try(&words(&found));
        let request =
            Request::Probe { session: session.clone(), feed: feed_of(model, &shapes, source.clone()) };
        let mut trying = match worker.take() {
            Some(worker) => worker,
            None => launcher.start(cancel)?,
        };
        match ask(&mut trying, &request, cancel) {
            Ok(()) => return Ok(found),
            Err(error) if matches!(error, WorkerError::Cancelled) || error.is_connection() => {
                return Err(error);
            }
            Err(WorkerError::Refused(message)) => {
                first_refusal.get_or_insert((found, message));
                worker = Some(trying);
            }
            // A size may crash the runtime; the next one gets a new worker.
            Err(other) => {
                first_refusal.get_or_insert((found, other.to_string()));
            }
        }
    }
    let names: Vec<String> = resolution.free().iter().map(|dim| format!("`{}`", dim.name)).collect();
    let refusal = first_refusal
        .map(|(found, message)| format!("; with {} it said: {message}", words(&found)))
        .unwrap_or_default();
    Err(WorkerError::Refused(format!(
        "no size tried for {} is accepted by the model; set them by name or place, as in --dim {}=320{refusal}",
        names.join(" and "),
        resolution.free().first().map_or("height", |dim| dim.name.as_str()),
    )))
}

fn ask(worker: &mut Worker, request: &Request, cancel: &Cancel) -> Result<(), WorkerError> {
    worker.ask(request, Duration::ZERO, cancel, &mut |_| (), &mut || ()).map(|_answer| ())
}

fn words(sizes: &BTreeMap<String, u64>) -> String {
    let each: Vec<String> = sizes.iter().map(|(name, size)| format!("{name}={size}")).collect();
    each.join(", ")
}

/// Choices of one value from each list, those with the likeliest values first: by the sum of places, then by the
/// first list's place. At most [`MOST_TRIES`].
fn combinations(lists: &[&[u64]]) -> Vec<Vec<u64>> {
    let mut choices: Vec<(usize, Vec<usize>)> = vec![(0, Vec::new())];
    for list in lists {
        let mut longer: Vec<(usize, Vec<usize>)> = choices
            .iter()
            .flat_map(|(sum, places)| {
                (0..list.len()).map(move |place| (sum + place, [places.as_slice(), &[place]].concat()))
            })
            .collect();
        // A prefix with a larger sum cannot come before the first MOST_TRIES.
        longer.sort();
        longer.truncate(MOST_TRIES);
        choices = longer;
    }
    choices
        .into_iter()
        .map(|(_, places)| places.iter().zip(lists).map(|(place, list)| list[*place]).collect())
        .collect()
}

/// File name of a model, as shown to people.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likely_sizes_come_first_and_the_number_of_tries_is_bounded() {
        let tries = combinations(&[&[1, 2, 3], &[10, 20]]);
        assert_eq!(tries, [[1, 10], [1, 20], [2, 10], [2, 20], [3, 10], [3, 20]]);
        let many: Vec<u64> = (0..50).collect();
        let tries = combinations(&[&many, &many, &many]);
        assert_eq!(tries.len(), MOST_TRIES);
        assert_eq!(tries[0], [0, 0, 0]);
        assert_eq!(combinations(&[]), [Vec::<u64>::new()]);
    }
}
