//! Values of small integer tensors: what exporters compute shapes with.

use super::super::proto::data_type as ty;
use super::{Call, Value, place};

/// Element by element, for two operands where one may be a single value.
pub(super) fn binary(call: &Call, op: impl Fn(f64, f64) -> f64) -> Option<Vec<Option<f64>>> {
    let first = call.input(0)?.numbers.as_ref()?;
    let second = call.input(1)?.numbers.as_ref()?;
    let both = |a: Option<f64>, b: Option<f64>| Some(op(a?, b?));
    match (first.len(), second.len()) {
        (a, b) if a == b && call.input(0)?.rank() == call.input(1)?.rank() => {
            Some(first.iter().zip(second).map(|(a, b)| both(*a, *b)).collect())
        }
        (_, 1) => Some(first.iter().map(|a| both(*a, second[0])).collect()),
        (1, _) => Some(second.iter().map(|b| both(first[0], *b)).collect()),
        _ => None,
    }
}

/// The values after an elementwise operator; `None` when they are not known or the operator is not one that
/// shapes are computed with.
pub(super) fn elementwise(call: &Call) -> Option<Vec<Option<f64>>> {
    let whole = matches!(call.data_type(0), ty::INT32 | ty::INT64);
    let truth = |truth: bool| if truth { 1.0 } else { 0.0 };
    let unary = |op: fn(f64) -> f64| {
        let numbers = call.input(0)?.numbers.as_ref()?;
        Some(numbers.iter().map(|number| number.map(op)).collect())
    };
    match call.node.op_type.as_str() {
        "Add" => binary(call, |a, b| a + b),
        "Sub" => binary(call, |a, b| a - b),
        "Mul" => binary(call, |a, b| a * b),
        "Div" => binary(call, |a, b| if whole { (a / b).trunc() } else { a / b }),
        "Mod" => binary(call, |a, b| a - b * (a / b).floor()),
        "Max" if call.inputs.len() == 2 => binary(call, f64::max),
        "Min" if call.inputs.len() == 2 => binary(call, f64::min),
        "Equal" => binary(call, |a, b| truth((a - b).abs() < f64::EPSILON)),
        "Greater" => binary(call, |a, b| truth(a > b)),
        "GreaterOrEqual" => binary(call, |a, b| truth(a >= b)),
        "Less" => binary(call, |a, b| truth(a < b)),
        "LessOrEqual" => binary(call, |a, b| truth(a <= b)),
        "And" => binary(call, |a, b| truth(a > 0.0 && b > 0.0)),
        "Or" => binary(call, |a, b| truth(a > 0.0 || b > 0.0)),
        "Not" => unary(|a| if a > 0.0 { 0.0 } else { 1.0 }),
        "Neg" => unary(|a| -a),
        "Abs" => unary(f64::abs),
        "Floor" => unary(f64::floor),
        "Ceil" => unary(f64::ceil),
        "Sqrt" => unary(f64::sqrt),
        "Identity" => call.input(0)?.numbers.clone(),
        "Cast" => {
            let numbers = call.input(0)?.numbers.clone()?;
            let to_whole = matches!(call.int("to", 0), 6 | 7);
            let cast = |number: f64| if to_whole { number.trunc() } else { number };
            Some(numbers.into_iter().map(|number| number.map(cast)).collect())
        }
        "Where" => {
            let condition = call.input(0)?.numbers.as_ref()?;
            let pick = |operand: usize, at: usize| -> Option<f64> {
                let numbers = call.input(operand)?.numbers.as_ref()?;
                if numbers.len() == 1 { numbers[0] } else { numbers.get(at).copied().flatten() }
            };
            let len = [1, 2]
                .iter()
                .map(|place| call.input(*place).and_then(|value| value.numbers.as_ref()).map_or(0, Vec::len));
            let len = len.max().unwrap_or(0).max(condition.len());
            let at = |at: usize| {
                if condition.len() == 1 { condition[0] } else { condition.get(at).copied().flatten() }
            };
            Some((0..len).map(|index| pick(if at(index)? > 0.0 { 1 } else { 2 }, index)).collect())
        }
        _ => None,
    }
}

/// The product or sum over all elements of a vector (`ReduceProd` of a shape).
pub(super) fn reduce(call: &Call) -> Option<Vec<Option<f64>>> {
    let input = call.input(0)?;
    if input.rank()? > 1 {
        return None;
    }
    let numbers: Option<Vec<f64>> = input.numbers.as_ref()?.iter().copied().collect();
    let numbers = numbers?;
    let result = match call.node.op_type.as_str() {
        "ReduceProd" => numbers.iter().product(),
        "ReduceSum" => numbers.iter().sum(),
        "ReduceMax" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        _ => return None,
    };
    Some(vec![Some(result)])
}

/// The values picked out of a vector by `Gather` along its one axis.
pub(super) fn gather(call: &Call) -> Option<Vec<Option<f64>>> {
    let data: &Value = call.input(0)?;
    if data.rank()? != 1 {
        return None;
    }
    let numbers = data.numbers.as_ref()?;
    let pick =
        |index: i64| place(index, numbers.len()).and_then(|index| numbers.get(index)).copied().flatten();
    Some(call.input(1)?.integers()?.into_iter().map(pick).collect())
}
