//! How much each of several learners counts (stacking): a logistic regression over what they said of
//! examples that they had not seen, in which none counts against itself.
//!
//! Source: L. Breiman, "Stacked Regressions", Machine Learning 24 (1996), which finds that weights must not
//! be negative.

use super::super::encoding::Matrix;
use super::super::features::Direction;
use super::folds::{pick, split};
use super::logistic::Logistic;
use super::metrics::log_loss;
use super::sigmoid;

/// The penalty on weights of standardised log-odds: enough to share between learners that say the same.
const PENALTY: f64 = 1.0;

/// Weights of learners.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Added to all.
    pub intercept: f64,
    /// Of each learner, 0 or more.
    pub weights: Vec<f64>,
}

impl Stack {
    /// Weighs learners by the log-odds that each gave to every example.
    #[must_use]
    pub fn fit(said: &[&[f64]], labels: &[bool]) -> Self {
        let matrix = side_by_side(said, labels.len());
        let rising = vec![Some(Direction::Rising); said.len()];
        let fitted = Logistic::fit_within(&matrix, labels, PENALTY, &rising);
        let scaled = fitted.weights.iter().zip(&fitted.scales);
        let weights: Vec<f64> = scaled.map(|(weight, scale)| weight * scale).collect();
        let at_means = weights.iter().zip(&fitted.means).map(|(w, mean)| w * mean);
        Self {
            intercept: fitted.intercept - at_means.sum::<f64>(),
            weights,
        }
    }

    /// Returns the log-odds of every example, from those that the learners gave.
    #[must_use]
    pub fn margins(&self, said: &[&[f64]]) -> Vec<f64> {
        let count = said.first().map_or(0, |learner| learner.len());
        let mut margins = vec![self.intercept; count];
        for (weight, learner) in self.weights.iter().zip(said) {
            for (margin, said) in margins.iter_mut().zip(*learner) {
                *margin += weight * said;
            }
        }
        margins
    }
}

/// Returns the log loss of learners whose weights were found on other folds than the one they are
/// measured on.
#[must_use]
pub fn held_out_loss(said: &[&[f64]], labels: &[bool], folds: &[usize]) -> f64 {
    let mut probabilities = vec![0.0; labels.len()];
    let last = folds.iter().max().copied().unwrap_or(0);
    for fold in 0..=last {
        let (outside, inside) = split(folds, fold);
        let of = |rows: &[usize]| -> Vec<Vec<f64>> {
            said.iter().map(|learner| pick(learner, rows)).collect()
        };
        let (known, unknown) = (of(&outside), of(&inside));
        let known: Vec<&[f64]> = known.iter().map(Vec::as_slice).collect();
        let unknown: Vec<&[f64]> = unknown.iter().map(Vec::as_slice).collect();
        let stack = Stack::fit(&known, &pick(labels, &outside));
        for (row, margin) in inside.iter().zip(stack.margins(&unknown)) {
            probabilities[*row] = sigmoid(margin);
        }
    }
    log_loss(labels, &probabilities)
}

fn side_by_side(columns: &[&[f64]], height: usize) -> Matrix {
    let rows = (0..height).flat_map(|row| columns.iter().map(move |column| column[row]));
    Matrix {
        values: rows.collect(),
        width: columns.len(),
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::hash::mix64;

    use super::*;

    fn uniform(n: u64) -> f64 {
        f64::from(u32::try_from(mix64(n) >> 40).unwrap()) / 2_f64.powi(24)
    }

    /// Two halves of what decides, a third learner that says the opposite of the first, and one that
    /// knows nothing.
    fn learners(count: u64) -> (Vec<Vec<f64>>, Vec<bool>) {
        let half = |row: u64, which: u64| 4.0 * uniform(row * 5 + which) - 2.0;
        let (mut said, mut labels) = (vec![Vec::new(); 4], Vec::new());
        for row in 0..count {
            let (a, b) = (half(row, 1), half(row, 2));
            let all = [a, b, -a, half(row, 3)];
            said.iter_mut()
                .zip(all)
                .for_each(|(list, value)| list.push(value));
            labels.push(uniform(row * 5 + 4) < sigmoid(a + 0.5 * b));
        }
        (said, labels)
    }

    #[test]
    fn weights_are_those_that_made_the_labels_and_none_is_negative() {
        let (said, labels) = learners(20_000);
        let said: Vec<&[f64]> = said.iter().map(Vec::as_slice).collect();

        let stack = Stack::fit(&said, &labels);

        assert!(stack.weights.iter().all(|weight| *weight >= 0.0));
        // Four times the standard error of a slope, 1 / sqrt(n p q var), with var 4/3.
        let error = 4.0 / (20_000.0_f64 * 0.2 * 4.0 / 3.0).sqrt();
        assert!((stack.weights[0] - 1.0).abs() < error);
        assert!((stack.weights[1] - 0.5).abs() < error);
        assert_eq!(stack.weights[2], 0.0);
        assert!(stack.weights[3] < error && stack.intercept.abs() < error);
    }

    #[test]
    fn margins_are_the_weighted_sum() {
        let stack = Stack {
            intercept: 0.5,
            weights: vec![2.0, 0.0],
        };

        assert_eq!(stack.margins(&[&[1.0, -1.0], &[9.0, 9.0]]), [2.5, -1.5]);
    }

    #[test]
    fn who_knows_more_loses_less_on_what_was_held_out() {
        let (said, labels) = learners(4_000);
        let folds: Vec<usize> = (0..4_000).map(|row| row % 5).collect();

        let one = held_out_loss(&[&said[0]], &labels, &folds);
        let both = held_out_loss(&[&said[0], &said[1]], &labels, &folds);
        let none = held_out_loss(&[&said[3]], &labels, &folds);

        assert!(both < one && one < none, "{both} {one} {none}");
    }
}
