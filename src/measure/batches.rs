//! The inputs of every batch size that a dynamic batcher may choose, held once: a smaller batch is the first rows of
//! the largest.
//!
//! That holds where items are the input's first dimension. Other inputs (the state of a recurrent network, whose items
//! are its second) get values of their own for each size, as far as memory is for them. Must not know ONNX Runtime.

use super::inputs::{self, FeedError};
use super::protocol::{Fed, Feed};
use crate::model::ElementType;
use crate::model::inputs::Tensor;
use crate::units;

/// Memory for the values that sizes cannot share, in bytes, all sizes together.
const MOST_BYTES: u64 = 2 << 30;

/// The inputs of one inference, or of each batch size from 1 up.
#[derive(Debug)]
pub(super) struct Batches {
    /// Those of the largest batch, or of the only one.
    pub largest: Vec<Tensor>,
    /// Those of the smaller ones in ascending order, each in the order of the largest's.
    pub smaller: Vec<Vec<Part>>,
}

/// One input of a smaller batch.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// The first values of the largest batch's, as many as this shape holds.
    Rows(Vec<u64>),
    /// Values of its own.
    Own(Tensor),
}

/// Why there are no inputs.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    /// Values could not be made or read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// There is no feed.
    #[error("the request has no inputs")]
    None,
    /// What cannot be shared is too large.
    #[error(
        "the inputs of all batch sizes up to {batches} take {} more than those of the largest, and at most {} are held: \
         {inputs} cannot be shared between sizes; give the batcher a smaller largest batch",
        units::bytes(*bytes),
        units::bytes(MOST_BYTES)
    )]
    TooLarge {
        /// Batch sizes.
        batches: usize,
        /// Bytes that are needed.
        bytes: u64,
        /// The inputs that need them.
        inputs: String,
    },
}

impl Batches {
    /// The values of `feeds`, in ascending order of batch size.
    pub(super) fn read(feeds: &[Feed]) -> Result<Self, BatchError> {
        let Some((last, smaller)) = feeds.split_last() else { return Err(BatchError::None) };
        let shares = |fed: &Fed| {
            last.ports.iter().find(|other| other.name == fed.name).is_some_and(|whole| shares(fed, whole))
        };
        let mut names: Vec<String> = Vec::new();
        let mut bytes = 0_u64;
        for fed in smaller.iter().flat_map(|feed| &feed.ports) {
            let own = if shares(fed) { copied_bytes(fed) } else { Some(size_bytes(fed)) };
            let Some(own) = own else { continue };
            bytes = bytes.saturating_add(own);
            let name = format!("`{}`", fed.name);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if bytes > MOST_BYTES {
            return Err(BatchError::TooLarge { batches: feeds.len(), bytes, inputs: names.join(", ") });
        }
        let largest = inputs::tensors(last)?;
        let smaller = smaller.iter().map(|feed| {
            let own: Vec<Fed> = feed.ports.iter().filter(|fed| !shares(fed)).cloned().collect();
            let own = if own.is_empty() {
                Vec::new()
            } else {
                inputs::tensors(&Feed { ports: own, source: feed.source.clone() })?
            };
            let mut own = own.into_iter();
            let part = |fed: &Fed| {
                if shares(fed) { Some(Part::Rows(fed.shape.clone())) } else { own.next().map(Part::Own) }
            };
            Ok(feed.ports.iter().filter_map(part).collect())
        });
        let smaller = smaller.collect::<Result<_, FeedError>>()?;
        Ok(Self { largest, smaller })
    }
}

/// Whether an input of a smaller batch is the beginning of the largest's: alike but for fewer rows.
fn shares(fed: &Fed, whole: &Fed) -> bool {
    match (fed.shape.split_first(), whole.shape.split_first()) {
        (Some((rows, rest)), Some((all, of_all))) => rows <= all && rest == of_all,
        (None, None) => true,
        _ => false,
    }
}

/// Bytes of the copy that the runtime's own memory gets where it cannot be shared; `None` where it can.
fn copied_bytes(fed: &Fed) -> Option<u64> {
    let copied =
        matches!(fed.port.element, ElementType::Float16 | ElementType::Bfloat16 | ElementType::String);
    copied.then(|| size_bytes(fed))
}

/// Bytes of an input's values; texts are taken to be eight letters and their place.
fn size_bytes(fed: &Fed) -> u64 {
    let each = match fed.port.element {
        ElementType::Float16 | ElementType::Bfloat16 | ElementType::Int16 | ElementType::Uint16 => 2,
        ElementType::Float32 | ElementType::Int32 | ElementType::Uint32 => 4,
        ElementType::Float64 | ElementType::Int64 | ElementType::Uint64 => 8,
        ElementType::String => 32,
        _ => 1,
    };
    fed.shape.iter().fold(each, |bytes, size| bytes.saturating_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Source;
    use super::*;
    use crate::model::inputs::TensorData;
    use crate::model::{InputHint, Port};

    fn fed(name: &str, element: ElementType, shape: &[u64]) -> Fed {
        let port = Port { name: name.to_owned(), element, shape: Vec::new(), hint: InputHint::Any };
        Fed { port, shape: shape.to_vec(), name: name.to_owned() }
    }

    /// Feeds of batches from 1 up, with an input made from the batch.
    fn feeds(batches: u64, ports: impl Fn(u64) -> Vec<Fed>) -> Vec<Feed> {
        (1..=batches)
            .map(|batch| Feed { ports: ports(batch), source: Source::Generated { seed: 3 } })
            .collect()
    }

    #[test]
    fn rows_are_shared_and_other_shapes_are_made() {
        let ports = |batch| {
            vec![
                fed("x", ElementType::Float32, &[batch, 3]),
                fed("state", ElementType::Float32, &[2, batch, 4]),
                fed("rate", ElementType::Int64, &[]),
            ]
        };
        let batches = Batches::read(&feeds(3, ports)).unwrap();
        assert_eq!(batches.largest[0].data.len(), 9);
        let [first, second] = &batches.smaller[..] else { panic!("{:?}", batches.smaller) };
        assert_eq!((&first[0], &first[2]), (&Part::Rows(vec![1, 3]), &Part::Rows(Vec::new())));
        let Part::Own(state) = &second[1] else { panic!("{second:?}") };
        assert_eq!((state.name.as_str(), &state.shape, state.data.len()), ("state", &vec![2, 2, 4], 16));
        let TensorData::F32(_) = &state.data else { panic!("{state:?}") };
    }

    #[test]
    fn what_cannot_be_held_is_refused_with_its_bytes_before_it_is_made() {
        // Items first: only the largest is held, whatever the others would take.
        let pictures = |batch| vec![fed("x", ElementType::Float32, &[batch, 3, 32, 32])];
        assert_eq!(Batches::read(&feeds(64, pictures)).unwrap().smaller.len(), 63);
        // Items in the second dimension: 1 + 2 + … + 63 = 2,016 items of 2 MiB: 4,227,858,432 bytes.
        let states = |batch| vec![fed("h", ElementType::Float32, &[2, batch, 1 << 18])];
        let error = Batches::read(&feeds(64, states)).unwrap_err();
        let BatchError::TooLarge { batches: 64, bytes: 4_227_858_432, inputs } = &error else {
            panic!("{error}")
        };
        assert_eq!(inputs, "`h`");
        assert!(error.to_string().contains("give the batcher a smaller largest batch"), "{error}");
        assert!(matches!(Batches::read(&[]), Err(BatchError::None)));
    }
}
