//! `Slice` and `Transpose`: elements picked and put in another order, with their values where they are tracked.

use super::{Call, Shape, Value, place, product};

/// Start, step and length along one axis.
#[derive(Debug, Clone, Copy)]
struct Stride {
    start: i128,
    step: i128,
    length: u64,
}

/// ONNX's `Slice`: bounds are clamped, negative ones count from the end, steps may be negative.
pub(super) fn slice(call: &Call) -> Option<Value> {
    let shape = call.shape(0)?;
    let rank = shape.len();
    let starts = call.list("starts", 1);
    let axes: Vec<usize> = if call.has_no_list("axes", 3) {
        let count = match &starts {
            Some(starts) => starts.len(),
            None => usize::try_from(call.input(1)?.size(0)?).ok()?,
        };
        (0..count.min(rank)).collect()
    } else {
        call.list("axes", 3)?.iter().map(|axis| place(*axis, rank)).collect::<Option<_>>()?
    };
    let steps = if call.input(4).is_some() { call.input(4)?.integers() } else { Some(vec![1; axes.len()]) };
    let bounds = starts.zip(call.list("ends", 2)).zip(steps);
    let whole = |size: &Option<u64>| size.map(|length| Stride { start: 0, step: 1, length });
    let mut strides: Vec<Option<Stride>> = shape.iter().map(whole).collect();
    for (index, axis) in axes.iter().enumerate() {
        // Without bounds the other axes are still known.
        strides[*axis] = bounds.as_ref().and_then(|((starts, ends), steps)| {
            stride(shape[*axis]?, *starts.get(index)?, *ends.get(index)?, *steps.get(index)?)
        });
    }
    let sliced: Shape = strides.iter().map(|stride| stride.map(|stride| stride.length)).collect();
    let strides: Option<Vec<Stride>> = strides.into_iter().collect();
    let numbers = strides.and_then(|strides| {
        remapped(call.input(0)?, &sliced, |place, at| {
            let Stride { start, step, .. } = strides[place];
            (place, u64::try_from(start + i128::from(at) * step).unwrap_or(0))
        })
    });
    Some(Value { numbers, ..Value::new(call.data_type(0), Some(sliced)) })
}

fn stride(size: u64, start: i64, end: i64, step: i64) -> Option<Stride> {
    let (size, step) = (i128::from(size), i128::from(step));
    let from_end = |at: i64| if at < 0 { i128::from(at) + size } else { i128::from(at) };
    let (start, length) = match step.signum() {
        1 => {
            let start = from_end(start).clamp(0, size);
            (start, (from_end(end).clamp(0, size) - start + step - 1) / step)
        }
        -1 if size > 0 => {
            let start = from_end(start).clamp(0, size - 1);
            (start, (start - from_end(end).clamp(-1, size - 1) - step - 1) / -step)
        }
        -1 => (0, 0),
        _ => return None,
    };
    Some(Stride { start, step, length: u64::try_from(length.max(0)).ok()? })
}

/// Dimensions in another order; reversed when no order is given.
pub(super) fn transpose(call: &Call) -> Option<Value> {
    let shape = call.shape(0)?;
    let order: Vec<usize> = match call.node.ints("perm") {
        None => (0..shape.len()).rev().collect(),
        Some(perm) => perm.iter().map(|axis| place(*axis, shape.len())).collect::<Option<_>>()?,
    };
    let moved: Shape = order.iter().map(|axis| shape[*axis]).collect();
    let numbers = remapped(call.input(0)?, &moved, |place, at| (order[place], at));
    Some(Value { numbers, ..Value::new(call.data_type(0), Some(moved)) })
}

/// The tracked elements of `input` in an output of shape `output`; `source` says which axis and index of the input
/// an axis and index of the output come from.
fn remapped(
    input: &Value,
    output: &Shape,
    source: impl Fn(usize, u64) -> (usize, u64),
) -> Option<Vec<Option<f64>>> {
    let numbers = input.numbers.as_ref()?;
    let before = input.sizes()?;
    let after: Vec<u64> = output.iter().copied().collect::<Option<_>>()?;
    let count = product(&after).filter(|count| *count <= numbers.len() as u64)?;
    let picked = (0..count).map(|flat| {
        let mut rest = flat;
        let mut from = vec![0; before.len()];
        for (place, size) in after.iter().enumerate().rev() {
            let (axis, index) = source(place, rest % size);
            from[axis] = index;
            rest /= size;
        }
        let offset = from.iter().zip(&before).fold(0_u64, |offset, (index, size)| offset * size + index);
        numbers.get(usize::try_from(offset).ok()?).copied().flatten()
    });
    Some(picked.collect())
}
