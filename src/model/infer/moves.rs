//! Operators that move, pick or describe values without computing with them.

use super::super::proto::data_type as ty;
use super::{Call, Shape, Value, broadcast, fold, pick, place, product};

/// What is known of the outputs; `None` for an operator without a rule here or whose rule cannot be applied.
#[expect(clippy::too_many_lines, reason = "one arm an operator")]
pub(super) fn outputs(call: &Call) -> Option<Vec<Value>> {
    let data_type = call.data_type(0);
    let one = |shape: Option<Shape>| Some(vec![Value::new(data_type, shape)]);
    match call.node.op_type.as_str() {
        "Constant" => Some(vec![constant(call)?]),
        "ConstantOfShape" => {
            let sizes = call.input(0)?.integers()?;
            let value = call.node.attribute("value").and_then(|attribute| attribute.t.as_ref());
            let data_type = value.map_or(ty::FLOAT, |tensor| tensor.data_type);
            let number = value.map_or(Some(0.0), |tensor| tensor.numbers()?.first().copied());
            let mut output = Value::new(data_type, Some(known(&sizes)));
            let elements = output.elements()?;
            if elements <= 64 {
                output.numbers = Some(vec![number; elements as usize]);
            }
            Some(vec![output])
        }
        "Shape" => {
            let shape = call.shape(0)?;
            let rank = i64::try_from(shape.len()).ok()?;
            let clamp = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
            let (start, end) = (clamp(call.int("start", 0)), clamp(call.int("end", rank)));
            let part = shape.get(start..end.max(start))?;
            let numbers = part.iter().map(|size| size.map(|size| size as f64)).collect();
            Some(vec![Value {
                numbers: Some(numbers),
                ..Value::new(ty::INT64, Some(vec![Some(part.len() as u64)]))
            }])
        }
        "Size" => {
            let numbers = Some(vec![call.input(0)?.elements().map(|count| count as f64)]);
            Some(vec![Value { numbers, ..Value::new(ty::INT64, Some(Vec::new())) }])
        }
        "Reshape" => with_numbers(call, reshape(call)),
        "Flatten" => {
            let sizes = call.input(0)?.sizes()?;
            let axis = call.int("axis", 1);
            let at_end = usize::try_from(axis) == Ok(sizes.len());
            let axis = if at_end { sizes.len() } else { place(axis, sizes.len())? };
            one(Some(vec![product(&sizes[..axis]), product(&sizes[axis..])]))
        }
        "Squeeze" => with_numbers(call, squeeze(call)),
        "Unsqueeze" => with_numbers(call, unsqueeze(call)),
        "Transpose" => Some(vec![pick::transpose(call)?]),
        "Concat" | "ConcatFromSequence" => concat(call, &(0..call.inputs.len()).collect::<Vec<_>>()),
        "QLinearConcat" => {
            // Scale and zero point of the output, then value, scale and zero point of each input.
            let mut output = concat(call, &(2..call.inputs.len()).step_by(3).collect::<Vec<_>>())?;
            output[0].data_type = call.data_type(2);
            Some(output)
        }
        "Split" => split(call),
        "Slice" => Some(vec![pick::slice(call)?]),
        "Gather" | "GatherBlockQuantized" => {
            let (data, indices) = (call.shape(0)?, call.shape(1)?);
            let axis =
                place(call.node.int("axis").or(call.node.int("gather_axis")).unwrap_or(0), data.len())?;
            let shape = [&data[..axis], &indices[..], &data[axis + 1..]].concat();
            let data_type = if call.node.op_type == "Gather" { data_type } else { call.data_type(2) };
            Some(vec![Value { numbers: fold::gather(call), ..Value::new(data_type, Some(shape)) }])
        }
        "GatherElements" => one(call.shape(1).cloned()),
        "GatherND" => {
            let (data, indices) = (call.shape(0)?, call.shape(1)?);
            let (last, kept) = indices.split_last()?;
            let from = usize::try_from((*last)?).ok()? + usize::try_from(call.int("batch_dims", 0)).ok()?;
            one(Some([kept, data.get(from..)?].concat()))
        }
        "Expand" => {
            let target = known(&call.input(1)?.integers()?);
            one(broadcast(call.shape(0)?, &target))
        }
        "Tile" => {
            let repeats = call.input(1)?.integers()?;
            let shape = call.shape(0)?.iter().zip(&repeats);
            one(Some(
                shape
                    .map(|(size, times)| size.and_then(|s| s.checked_mul(u64::try_from(*times).ok()?)))
                    .collect(),
            ))
        }
        "Pad" => {
            let pads = call.list("pads", 1)?;
            let shape = call.shape(0)?;
            let rank = shape.len();
            let axes: Vec<usize> = match call.input(3) {
                Some(axes) => {
                    axes.integers()?.iter().map(|axis| place(*axis, rank)).collect::<Option<_>>()?
                }
                None => (0..rank).collect(),
            };
            let mut padded = shape.clone();
            for (index, axis) in axes.iter().enumerate() {
                let both = i128::from(*pads.get(index)?) + i128::from(*pads.get(index + axes.len())?);
                padded[*axis] = padded[*axis].and_then(|size| u64::try_from(i128::from(size) + both).ok());
            }
            one(Some(padded))
        }
        "Range" => {
            let number = |place: usize| call.input(place)?.numbers.as_ref()?.first().copied().flatten();
            let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
            let count = ((limit - start) / step).ceil().max(0.0);
            if !count.is_finite() || count > 1e12 {
                return None;
            }
            let numbers = (count <= 4096.0)
                .then(|| (0..count as u64).map(|index| Some(start + index as f64 * step)).collect());
            Some(vec![Value { numbers, ..Value::new(data_type, Some(vec![Some(count as u64)])) }])
        }
        "OneHot" => {
            let depth = *call.input(1)?.integers()?.first()?;
            let mut shape = call.shape(0)?.clone();
            let axis = place(call.int("axis", -1), shape.len() + 1)?;
            shape.insert(axis, u64::try_from(depth).ok());
            Some(vec![Value::new(call.data_type(2), Some(shape))])
        }
        "NonZero" => Some(vec![Value::new(ty::INT64, Some(vec![Some(call.input(0)?.rank()? as u64), None]))]),
        "DepthToSpace" => {
            let block = u64::try_from(call.int("blocksize", 0)).ok().filter(|block| *block > 0)?;
            let [batch, channels, height, width] = call.shape(0)?.as_slice() else { return None };
            let grow = |size: &Option<u64>| size.and_then(|size| size.checked_mul(block));
            one(Some(vec![*batch, channels.map(|c| c / block / block), grow(height), grow(width)]))
        }
        "SpaceToDepth" => {
            let block = u64::try_from(call.int("blocksize", 0)).ok().filter(|block| *block > 0)?;
            let [batch, channels, height, width] = call.shape(0)?.as_slice() else { return None };
            let deep = channels.and_then(|c| c.checked_mul(block)?.checked_mul(block));
            one(Some(vec![*batch, deep, height.map(|h| h / block), width.map(|w| w / block)]))
        }
        "Resize" | "Upsample" => one(resize(call)),
        "TopK" => {
            let k = match call.node.int("k") {
                Some(k) => k,
                None => *call.input(1)?.integers()?.first()?,
            };
            let mut shape = call.shape(0)?.clone();
            let axis = place(call.int("axis", -1), shape.len())?;
            shape[axis] = u64::try_from(k).ok();
            Some(vec![Value::new(data_type, Some(shape.clone())), Value::new(ty::INT64, Some(shape))])
        }
        "ScatterElements" | "Scatter" | "ScatterND" | "Trilu" | "ReverseSequence" | "TensorScatter" => {
            one(call.shape(0).cloned())
        }
        "EyeLike" | "Bernoulli" | "RandomNormalLike" | "RandomUniformLike" => {
            let asked = call.int("dtype", 0) as i32;
            let shape = call.shape(0).cloned();
            Some(vec![Value::new(if asked == 0 { data_type } else { asked }, shape)])
        }
        "RandomNormal" | "RandomUniform" => {
            let shape = known(call.node.ints("shape")?);
            Some(vec![Value::new(call.int("dtype", 1) as i32, Some(shape))])
        }
        _ => None,
    }
}

/// Sizes from numbers; negative ones are not known.
fn known(sizes: &[i64]) -> Shape {
    sizes.iter().map(|size| u64::try_from(*size).ok()).collect()
}

/// A value of another shape with the same elements in the same order.
fn with_numbers(call: &Call, shape: Option<Shape>) -> Option<Vec<Value>> {
    let input = call.input(0)?;
    Some(vec![Value { numbers: input.numbers.clone(), ..Value::new(input.data_type, shape) }])
}

fn constant(call: &Call) -> Option<Value> {
    let vector = |data_type, numbers: Vec<Option<f64>>| Value {
        data_type,
        shape: Some(vec![Some(numbers.len() as u64)]),
        numbers: Some(numbers),
        constant: true,
    };
    let scalar = |data_type, number: f64| Value {
        data_type,
        shape: Some(Vec::new()),
        numbers: Some(vec![Some(number)]),
        constant: true,
    };
    let attribute = call.node.attribute.first()?;
    Some(match attribute.name.as_str() {
        "value" => Value::of_tensor(attribute.t.as_ref()?),
        "value_int" => scalar(ty::INT64, attribute.i as f64),
        "value_float" => scalar(ty::FLOAT, f64::from(attribute.f)),
        "value_ints" => vector(ty::INT64, attribute.ints.iter().map(|v| Some(*v as f64)).collect()),
        "value_floats" => vector(ty::FLOAT, attribute.floats.iter().map(|v| Some(f64::from(*v))).collect()),
        "value_string" => Value::new(ty::STRING, Some(Vec::new())),
        "value_strings" => Value::new(ty::STRING, Some(vec![Some(attribute.strings.len() as u64)])),
        "sparse_value" => {
            let sparse = attribute.sparse_tensor.as_ref()?;
            Value::new(sparse.values.as_ref()?.data_type, Some(known(&sparse.dims)))
        }
        _ => return None,
    })
}

fn reshape(call: &Call) -> Option<Shape> {
    // Operator set 1 has the shape as an attribute.
    let target: Vec<Option<f64>> = match call.node.ints("shape") {
        Some(ints) => ints.iter().map(|size| Some(*size as f64)).collect(),
        None => call.input(1)?.numbers.clone()?,
    };
    let allow_zero = call.int("allowzero", 0) != 0;
    let input = call.shape(0);
    let mut shape: Shape = Vec::with_capacity(target.len());
    let mut rest = None;
    for (index, size) in target.iter().enumerate() {
        match size {
            None => shape.push(None),
            Some(0.0) if !allow_zero => {
                shape.push(input.and_then(|input| input.get(index).copied().flatten()));
            }
            Some(size) if *size < 0.0 => {
                rest = Some(index);
                shape.push(None);
            }
            Some(size) => shape.push(Some(*size as u64)),
        }
    }
    // −1 is what is left; so is one unknown size when no −1 is there.
    let unknown: Vec<usize> = (0..shape.len()).filter(|index| shape[*index].is_none()).collect();
    if let [index] = unknown[..]
        && rest.is_none_or(|rest| rest == index)
        && let Some(elements) = call.input(0)?.elements()
    {
        let others: Vec<u64> = shape.iter().copied().flatten().collect();
        let others = product(&others)?;
        shape[index] = elements.checked_div(others);
    }
    Some(shape)
}

fn squeeze(call: &Call) -> Option<Shape> {
    let shape = call.shape(0)?;
    if call.has_no_list("axes", 1) {
        let sizes: Option<Vec<u64>> = shape.iter().copied().collect();
        return Some(sizes?.into_iter().filter(|size| *size != 1).map(Some).collect());
    }
    let axes = call.list("axes", 1)?;
    let axes: Vec<usize> = axes.iter().map(|axis| place(*axis, shape.len())).collect::<Option<_>>()?;
    Some(shape.iter().enumerate().filter(|(at, _)| !axes.contains(at)).map(|(_, size)| *size).collect())
}

fn unsqueeze(call: &Call) -> Option<Shape> {
    let shape = call.shape(0)?;
    let axes = call.list("axes", 1)?;
    let rank = shape.len() + axes.len();
    let mut axes: Vec<usize> = axes.iter().map(|axis| place(*axis, rank)).collect::<Option<_>>()?;
    axes.sort_unstable();
    let mut grown = shape.clone();
    for axis in axes {
        if axis > grown.len() {
            return None;
        }
        grown.insert(axis, Some(1));
    }
    Some(grown)
}

fn concat(call: &Call, places: &[usize]) -> Option<Vec<Value>> {
    let shapes: Vec<&Shape> = places.iter().map(|place| call.shape(*place)).collect::<Option<_>>()?;
    let first = *shapes.first()?;
    let axis = place(call.int("axis", 0), first.len())?;
    let mut shape = first.clone();
    for other in &shapes[1..] {
        if other.len() != shape.len() {
            return None;
        }
        for (at, (size, more)) in shape.iter_mut().zip(*other).enumerate() {
            *size =
                if at == axis { size.zip(*more).and_then(|(a, b)| a.checked_add(b)) } else { size.or(*more) };
        }
    }
    let numbers = (first.len() == 1)
        .then(|| {
            places.iter().try_fold(Vec::new(), |mut all, place| {
                let value = call.input(*place)?;
                match &value.numbers {
                    Some(numbers) => all.extend(numbers.iter().copied()),
                    // A part of known length whose elements are not known.
                    None => {
                        all.extend(vec![None; usize::try_from(value.size(0)?).ok().filter(|n| *n <= 64)?]);
                    }
                }
                Some(all)
            })
        })
        .flatten();
    Some(vec![Value { numbers, ..Value::new(call.data_type(*places.first()?), Some(shape)) }])
}

fn split(call: &Call) -> Option<Vec<Value>> {
    let shape = call.shape(0)?;
    let axis = place(call.int("axis", 0), shape.len())?;
    let parts = call.node.output.len() as u64;
    let sizes: Vec<Option<u64>> = if call.has_no_list("split", 1) {
        // Equal parts, the last one smaller.
        let whole = shape[axis]?;
        let part = whole.div_ceil(parts.max(1));
        (0..parts).map(|index| Some(part.min(whole.saturating_sub(index * part)))).collect()
    } else {
        known(&call.list("split", 1)?)
    };
    let numbers = call.input(0)?.numbers.as_ref().filter(|_| shape.len() == 1);
    let mut from = 0_usize;
    let values = sizes.into_iter().map(|size| {
        let mut part = shape.clone();
        part[axis] = size;
        let end = from.saturating_add(size.unwrap_or(0) as usize);
        let part_numbers = numbers.and_then(|numbers| numbers.get(from..end)).map(<[_]>::to_vec);
        from = end;
        Value { numbers: part_numbers, ..Value::new(call.data_type(0), Some(part)) }
    });
    Some(values.collect())
}

fn resize(call: &Call) -> Option<Shape> {
    let shape = call.shape(0)?;
    let rank = shape.len();
    let numbers = |place: usize| -> Option<Vec<f64>> {
        let numbers: Option<Vec<f64>> = call.input(place)?.numbers.as_ref()?.iter().copied().collect();
        numbers.filter(|numbers| !numbers.is_empty())
    };
    let axes: Vec<usize> = match call.node.ints("axes") {
        Some(axes) => axes.iter().map(|axis| place(*axis, rank)).collect::<Option<_>>()?,
        None => (0..rank).collect(),
    };
    let scaled = |scales: &[f64]| {
        let mut resized = shape.clone();
        for (axis, scale) in axes.iter().zip(scales) {
            resized[*axis] = resized[*axis].map(|size| (size as f64 * scale).floor() as u64);
        }
        Some(resized)
    };
    if call.node.op_type == "Upsample" {
        return match call.node.attribute("scales") {
            Some(scales) => scaled(&scales.floats.iter().map(|scale| f64::from(*scale)).collect::<Vec<_>>()),
            None => scaled(&numbers(1)?),
        };
    }
    // Operator set 10 has (X, scales), later ones (X, roi, scales, sizes).
    if let Some(sizes) = call.input(3) {
        let sizes = sizes.numbers.as_ref()?;
        let mut resized = shape.clone();
        for (axis, size) in axes.iter().zip(sizes) {
            resized[*axis] = size.map(|size| size as u64);
        }
        // "not_larger" and "not_smaller" keep the picture's proportions.
        return call
            .node
            .text("keep_aspect_ratio_policy")
            .is_none_or(|policy| policy == "stretch")
            .then_some(resized);
    }
    let scales = if call.inputs.len() == 2 { numbers(1) } else { numbers(2) };
    scaled(&scales?)
}
