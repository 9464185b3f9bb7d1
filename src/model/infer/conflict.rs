//! Tells shapes that an operator cannot take: the assumed size of a dynamic dimension was wrong.

use super::{Call, broadcast, is_variadic, place, product};

/// True when the operator's inputs are known well enough to see that they do not fit each other. Only the operators
/// at which wrong sizes show in practice are looked at.
pub(in super::super) fn contradicts(call: &Call) -> bool {
    found(call).unwrap_or(false)
}

fn found(call: &Call) -> Option<bool> {
    let differ = |first: Option<u64>, second: Option<u64>| Some(first? != second?);
    match call.node.op_type.as_str() {
        "Reshape" => reshape(call),
        "Concat" => {
            let first = call.shape(0)?;
            let axis = place(call.int("axis", 0), first.len())?;
            let fits = |other: usize| {
                let other = call.shape(other)?;
                let mut sizes = first.iter().zip(other).enumerate();
                Some(
                    other.len() == first.len()
                        && sizes.all(|(at, (a, b))| at == axis || a.is_none() || b.is_none() || a == b),
                )
            };
            Some((1..call.inputs.len()).any(|other| fits(other) == Some(false)))
        }
        "MatMul" => {
            let (first, second) = (call.shape(0)?, call.shape(1)?);
            let inner = second.len().checked_sub(2).unwrap_or(second.len().checked_sub(1)?);
            differ(*first.last()?, *second.get(inner)?)
        }
        "Gemm" => {
            let inner = call.input(0)?.size(usize::from(call.int("transA", 0) == 0));
            differ(inner, call.input(1)?.size(usize::from(call.int("transB", 0) != 0)))
        }
        "Conv" => {
            let groups = u64::try_from(call.int("group", 1)).ok()?;
            let channels = call.input(1)?.size(1)?.checked_mul(groups)?;
            let too_small = call.shape(0)?.iter().skip(2).any(|size| *size == Some(0));
            Some(too_small || differ(call.input(0)?.size(1), Some(channels)) == Some(true))
        }
        "LSTM" | "GRU" | "RNN" => differ(call.input(0)?.size(2), call.input(1)?.size(2)),
        op if is_variadic(op) && call.inputs.len() == 2 => {
            Some(broadcast(call.shape(0)?, call.shape(1)?).is_none())
        }
        _ => None,
    }
}

/// A target whose elements are not as many as the input's.
fn reshape(call: &Call) -> Option<bool> {
    let elements = call.input(0)?.elements()?;
    let shape = call.shape(0)?;
    let target = call.list("shape", 1)?;
    let sizes = target.iter().enumerate().filter(|(_, size)| **size >= 0).map(|(at, size)| match size {
        0 if call.int("allowzero", 0) == 0 => shape.get(at).copied().flatten(),
        size => u64::try_from(*size).ok(),
    });
    let others = product(&sizes.collect::<Option<Vec<u64>>>()?)?;
    Some(if target.contains(&-1) {
        others == 0 || !elements.is_multiple_of(others)
    } else {
        others != elements
    })
}
