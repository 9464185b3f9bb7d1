//! What two models' outputs on the same inputs add up to: differences, angle, equal classes, right answers. Pure.

use serde::{Deserialize, Serialize};

use super::engine::Output;

/// How far two models agree on the same inputs.
///
/// All numbers are finite. Differences and angle are over the pairs of values where both are finite numbers;
/// [`Self::non_finite`] counts the pairs that disagree because one of them is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Largest absolute difference of any two output values.
    pub max_abs: f64,
    /// Mean absolute difference.
    pub mean_abs: f64,
    /// Cosine of the angle between all output values of one and of the other; 1 = the same direction.
    pub cosine: f64,
    /// Pairs of output values of which only one is a finite number, or that are different infinities, or an
    /// infinity and NaN. Two equal infinities or two NaN agree.
    #[serde(default)]
    pub non_finite: u64,
    /// Share of items whose highest score is at the same place, where just one output is a row of floating-point
    /// scores for each item; with a labelled set, the share of equal classes.
    pub top1: Option<f64>,
    /// Items compared.
    pub samples: u64,
    /// Share of right answers of the first model, where the inputs have labels.
    pub accuracy_a: Option<f64>,
    /// Share of right answers of the second model.
    pub accuracy_b: Option<f64>,
    /// The same for each output.
    pub outputs: Vec<OutputAgreement>,
    /// How the machine that ran them was reached: empty for this one, else the command prefix.
    #[serde(default)]
    pub target: String,
}

/// How far one output agrees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputAgreement {
    /// Its name in the first model.
    pub name: String,
    /// Values compared.
    pub values: u64,
    /// See [`Agreement::max_abs`].
    pub max_abs: f64,
    /// See [`Agreement::mean_abs`].
    pub mean_abs: f64,
    /// See [`Agreement::cosine`].
    pub cosine: f64,
    /// See [`Agreement::non_finite`]. Where this is 0 and no pair is finite, the output is the same in both.
    #[serde(default)]
    pub non_finite: u64,
}

/// Right answers on a labelled set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Items whose highest score is at their label.
    pub right: u64,
    /// Items.
    pub total: u64,
}

impl Accuracy {
    /// `right` ÷ `total`; `None` for an empty set.
    pub fn share(self) -> Option<f64> {
        (self.total > 0).then(|| self.right as f64 / self.total as f64)
    }
}

/// The class of each item by a row of floating-point scores, two or more: the highest wins, the first of equals.
/// Other things than scores have that shape, too: where no labels say that this is a classifier, it must be the
/// only such output. With labels it is the first one, or else the first output that is one whole number an item.
/// `None` when no output tells classes.
fn classes(outputs: &[Output], items: u64, labelled: bool) -> Option<Vec<usize>> {
    let rows = usize::try_from(items).ok().filter(|rows| *rows > 0)?;
    let mut scores = outputs.iter().filter(|output| {
        // Trailing dimensions of 1, as some exporters leave them, do not make another kind of output.
        let mut wide = output.shape.iter().skip(1).filter(|size| **size != 1);
        let is_row = wide.next().is_some_and(|scores| *scores >= 2) && wide.next().is_none();
        output.float && output.shape.first() == Some(&items) && is_row
    });
    if let Some(output) = scores.next() {
        let told = labelled || scores.next().is_none();
        return told.then(|| output.values.chunks_exact(output.values.len() / rows).map(highest).collect());
    }
    if !labelled {
        return None;
    }
    let whole = |output: &&Output| {
        output.shape.first() == Some(&items)
            && output.values.len() == rows
            && output.values.iter().all(|value| *value >= 0.0 && value.fract() == 0.0)
    };
    let output = outputs.iter().find(whole)?;
    Some(output.values.iter().map(|value| *value as usize).collect())
}

fn highest(scores: &[f64]) -> usize {
    let mut best = 0;
    for (place, score) in scores.iter().enumerate() {
        if *score > scores[best] || (scores[best].is_nan() && !score.is_nan()) {
            best = place;
        }
    }
    best
}

/// Counts right answers; stays empty when the outputs have no classes.
#[derive(Debug, Default)]
pub(super) struct Right {
    pub(super) count: Option<Accuracy>,
}

impl Right {
    /// `labels` are those of the items of `outputs`, and may go on after them.
    pub(super) fn add(&mut self, outputs: &[Output], items: u64, labels: &[i64]) {
        let Some(classes) = classes(outputs, items, true) else { return };
        let right = classes.iter().zip(labels).filter(|(class, label)| i64::try_from(**class) == Ok(**label));
        let count = self.count.get_or_insert(Accuracy { right: 0, total: 0 });
        count.right += right.count() as u64;
        count.total += items;
    }

    pub(super) fn accuracy(&self) -> Option<f64> {
        self.count.and_then(Accuracy::share)
    }
}

/// Differences added up over all inferences.
#[derive(Debug)]
pub(super) struct Tally {
    /// The inputs have labels: the models are classifiers.
    labelled: bool,
    outputs: Vec<(String, Sums)>,
    same_class: Option<(u64, u64)>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sums {
    values: u64,
    /// Pairs where both are finite.
    finite: u64,
    non_finite: u64,
    max_abs: f64,
    sum_abs: f64,
    dot: f64,
    squares_a: f64,
    squares_b: f64,
}

impl Sums {
    fn add(&mut self, a: f64, b: f64) {
        self.values += 1;
        if !a.is_finite() || !b.is_finite() {
            // Which NaN it is depends on the machine, and says nothing.
            let same = (a.is_nan() && b.is_nan()) || a.total_cmp(&b).is_eq();
            self.non_finite += u64::from(!same);
            return;
        }
        let difference = (a - b).abs();
        self.finite += 1;
        self.max_abs = self.max_abs.max(difference);
        self.sum_abs += difference;
        self.dot += a * b;
        self.squares_a += a * a;
        self.squares_b += b * b;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            finite: self.finite + other.finite,
            non_finite: self.non_finite + other.non_finite,
            max_abs: self.max_abs.max(other.max_abs),
            sum_abs: self.sum_abs + other.sum_abs,
            dot: self.dot + other.dot,
            squares_a: self.squares_a + other.squares_a,
            squares_b: self.squares_b + other.squares_b,
        }
    }

    fn mean_abs(self) -> f64 {
        if self.finite == 0 { 0.0 } else { self.sum_abs / self.finite as f64 }
    }

    /// 1 for two zero vectors, which are the same; 0 when only one is zero.
    fn cosine(self) -> f64 {
        if self.squares_a == 0.0 && self.squares_b == 0.0 {
            1.0
        } else if self.squares_a == 0.0 || self.squares_b == 0.0 {
            0.0
        } else {
            (self.dot / (self.squares_a.sqrt() * self.squares_b.sqrt())).clamp(-1.0, 1.0)
        }
    }
}

impl Tally {
    /// For inputs with or without labels.
    pub(super) fn new(labelled: bool) -> Self {
        Self { labelled, outputs: Vec::new(), same_class: None }
    }

    /// Adds the outputs of one inference of both models; the reason when they cannot be compared.
    pub(super) fn add(&mut self, a: &[Output], b: &[Output], items: u64) -> Result<(), String> {
        if self.outputs.is_empty() {
            self.outputs = a.iter().map(|output| (output.name.clone(), Sums::default())).collect();
        }
        for ((one, other), (_, sums)) in a.iter().zip(b).zip(&mut self.outputs) {
            if one.shape != other.shape {
                return Err(format!(
                    "output `{}` has shape {:?} in one and {:?} in the other",
                    one.name, one.shape, other.shape
                ));
            }
            one.values.iter().zip(&other.values).for_each(|(a, b)| sums.add(*a, *b));
        }
        if let (Some(a), Some(b)) = (classes(a, items, self.labelled), classes(b, items, self.labelled)) {
            let (same, all) = self.same_class.get_or_insert((0, 0));
            *same += a.iter().zip(&b).filter(|(a, b)| a == b).count() as u64;
            *all += items;
        }
        Ok(())
    }

    /// What it adds up to; the reason when the numbers cannot be told.
    pub(super) fn agreement(
        self,
        samples: u64,
        accuracy_a: Option<f64>,
        accuracy_b: Option<f64>,
    ) -> Result<Agreement, String> {
        let all = self.outputs.iter().fold(Sums::default(), |all, (_, sums)| all.plus(*sums));
        if all.values == 0 {
            return Err("their outputs on these inputs are empty; give other inputs".to_owned());
        }
        if all.finite == 0 {
            return Err(format!(
                "none of their {} output values is a finite number in both (the others are NaN or infinite); give \
                 inputs of the kind the models were made for",
                all.values
            ));
        }
        let unlike = |sums: &Sums| sums.finite == 0 && sums.non_finite > 0;
        if let Some((name, sums)) = self.outputs.iter().find(|(_, sums)| unlike(sums)) {
            return Err(format!(
                "none of the {} values of output `{name}` is a finite number in both (the others are NaN or \
                 infinite); give inputs of the kind the models were made for",
                sums.values
            ));
        }
        // The differences and products are no larger than these.
        if !(all.squares_a + all.squares_b).is_finite() || !all.sum_abs.is_finite() {
            return Err("their output values are too large to compare (1e150 and more)".to_owned());
        }
        Ok(Agreement {
            max_abs: all.max_abs,
            mean_abs: all.mean_abs(),
            cosine: all.cosine(),
            non_finite: all.non_finite,
            top1: self.same_class.map(|(same, all)| same as f64 / all as f64),
            samples,
            accuracy_a,
            accuracy_b,
            outputs: self
                .outputs
                .into_iter()
                .map(|(name, sums)| OutputAgreement {
                    name,
                    values: sums.values,
                    max_abs: sums.max_abs,
                    mean_abs: sums.mean_abs(),
                    cosine: sums.cosine(),
                    non_finite: sums.non_finite,
                })
                .collect(),
            target: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, shape: &[u64], values: &[f64]) -> Output {
        Output { name: name.to_owned(), shape: shape.to_vec(), float: true, values: values.to_vec() }
    }

    fn integers(name: &str, shape: &[u64], values: &[f64]) -> Output {
        Output { float: false, ..output(name, shape, values) }
    }

    /// The agreement of two models with one output of these values.
    fn agreement_of(a: &[f64], b: &[f64]) -> Result<Agreement, String> {
        let shape = [1, a.len() as u64];
        let mut tally = Tally::new(false);
        tally.add(&[output("y", &shape, a)], &[output("y", &shape, b)], 1).unwrap();
        tally.agreement(1, None, None)
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-12, "{value} instead of {expected}");
    }

    #[test]
    fn differences_and_angle_are_those_of_the_formulas() {
        let mut tally = Tally::new(false);
        tally
            .add(&[output("y", &[2, 2], &[1., 2., 3., 4.])], &[output("y", &[2, 2], &[1., 2.5, 3., 2.])], 2)
            .unwrap();
        let agreement = tally.agreement(2, None, None).unwrap();
        close(agreement.max_abs, 2.0);
        close(agreement.mean_abs, 0.625);
        // (1 + 5 + 9 + 8) ÷ (√30 · √20.25), computed by hand.
        close(agreement.cosine, 23.0 / (30.0_f64.sqrt() * 4.5));
        assert_eq!(agreement.top1, Some(0.5));
    }

    #[test]
    fn values_that_are_no_numbers_are_counted_apart_and_everything_stays_finite() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let agreement =
            agreement_of(&[1., 2., nan, -nan, -inf, inf, nan, 5.], &[1., 4., 1., nan, -inf, -inf, inf, inf])
                .unwrap();
        // Pairs 3, 6, 7 and 8 disagree; of the rest only (1, 1) and (2, 4) are numbers.
        assert_eq!((agreement.non_finite, agreement.outputs[0].non_finite), (4, 4));
        assert_eq!(agreement.outputs[0].values, 8);
        close(agreement.max_abs, 2.0);
        close(agreement.mean_abs, 1.0);
        close(agreement.cosine, 9.0 / (5.0_f64.sqrt() * 17.0_f64.sqrt()));

        let text = serde_json::to_string(&agreement).unwrap();
        assert_eq!(serde_json::from_str::<Agreement>(&text).unwrap(), agreement);
        // As projects had it before the pairs were counted.
        let older = text.replace("\"non_finite\":4,", "").replace(",\"non_finite\":4", "");
        assert!(!older.contains("non_finite"), "{older}");
        assert_eq!(serde_json::from_str::<Agreement>(&older).unwrap().non_finite, 0);
    }

    #[test]
    fn without_any_number_to_compare_there_is_no_agreement() {
        let inf = f64::INFINITY;
        let error = agreement_of(&[f64::NAN, inf], &[1.0, inf]).unwrap_err();
        assert!(error.contains("none of their 2 output values is a finite number"), "{error}");
        assert!(agreement_of(&[], &[]).unwrap_err().contains("empty"));
        assert!(agreement_of(&[1e200], &[1.0]).unwrap_err().contains("too large"));
        let mut tally = Tally::new(false);
        let one = [output("p", &[1], &[1.0]), output("mask", &[1], &[inf])];
        tally.add(&one, &[one[0].clone(), output("mask", &[1], &[0.0])], 1).unwrap();
        assert!(tally.agreement(1, None, None).unwrap_err().contains("`mask`"));
        let mut tally = Tally::new(false);
        tally.add(&one, &one, 1).unwrap();
        let same = tally.agreement(1, None, None).unwrap();
        assert_eq!((same.non_finite, same.outputs[1].values), (0, 1));
    }

    #[test]
    fn only_one_row_of_scores_tells_classes_unless_there_are_labels() {
        let scores = output("p", &[2, 3], &[0.1, 0.8, 0.1, 0.5, 0.2, 0.3]);
        assert_eq!(classes(std::slice::from_ref(&scores), 2, false), Some(vec![1, 0]));
        // As scikit-learn's models have it.
        let label = integers("label", &[2], &[1., 0.]);
        assert_eq!(classes(&[label.clone(), scores.clone()], 2, false), Some(vec![1, 0]));
        assert_eq!(classes(std::slice::from_ref(&label), 2, false), None);
        assert_eq!(classes(&[label], 2, true), Some(vec![1, 0]));
        // A second such output: an embedding, a box.
        let two = [scores.clone(), output("box", &[2, 4], &[0.; 8])];
        assert_eq!(classes(&two, 2, false), None);
        assert_eq!(classes(&two, 2, true), Some(vec![1, 0]));
        // One value an item is no row, nor is none, nor are token numbers.
        assert_eq!(classes(&[output("price", &[2, 1], &[3., 4.])], 2, false), None);
        assert_eq!(classes(&[output("none", &[2, 0], &[])], 2, false), None);
        assert_eq!(classes(&[integers("tokens", &[2, 3], &[0.; 6])], 2, false), None);
    }

    #[test]
    fn right_answers_are_counted_from_scores_or_classes() {
        let mut right = Right::default();
        right.add(&[output("p", &[2, 3], &[0.1, 0.8, 0.1, 0.5, 0.2, 0.3])], 2, &[1, 2]);
        assert_eq!(right.count, Some(Accuracy { right: 1, total: 2 }));
        let mut right = Right::default();
        right.add(&[integers("label", &[2], &[1., 2.])], 2, &[1, 2]);
        assert_eq!(right.accuracy(), Some(1.0));
        let mut right = Right::default();
        right.add(&[output("map", &[2, 4, 4], &[0.; 32])], 2, &[1, 2]);
        assert_eq!(right.accuracy(), None);
    }
}
