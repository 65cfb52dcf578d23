//! Logistic regression with an L2 penalty, by iteratively reweighted least squares.

use serde::{Deserialize, Serialize};

use super::super::encoding::Matrix;
use super::super::features::Direction;
use super::metrics::number;
use super::sigmoid;

/// Newton steps at most; a dozen are enough where the penalty keeps weights finite.
const STEPS_MAX: usize = 50;
/// Steps smaller than this change nothing that anybody could see.
const STEP_MIN: f64 = 1e-8;
/// Half-steps at most when a full one would make matters worse.
const HALVINGS_MAX: u32 = 20;

/// A logistic regression over standardised columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Logistic {
    /// The log-odds of the mean row.
    pub intercept: f64,
    /// Per column: the mean, which also stands for what is unknown.
    pub means: Vec<f64>,
    /// Per column: one over the standard deviation, 0 for a column that does not vary.
    pub scales: Vec<f64>,
    /// Per column: the weight of one standard deviation.
    pub weights: Vec<f64>,
}

impl Logistic {
    /// Returns how many columns it reads.
    #[must_use]
    pub fn width(&self) -> usize {
        self.weights.len()
    }

    /// Returns what each column adds to the intercept for `row`.
    pub fn contributions<'a>(&'a self, row: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        row.iter().enumerate().map(|(column, value)| {
            if value.is_nan() {
                return 0.0;
            }
            self.weights[column] * (value - self.means[column]) * self.scales[column]
        })
    }

    /// Returns the log-odds of `row`.
    #[must_use]
    pub fn margin(&self, row: &[f64]) -> f64 {
        self.intercept + self.contributions(row).sum::<f64>()
    }

    /// Fits the weights that maximise the likelihood less `penalty` / 2 times their squares.
    #[must_use]
    pub fn fit(matrix: &Matrix, labels: &[bool], penalty: f64) -> Self {
        Self::fit_within(matrix, labels, penalty, &[])
    }

    /// Does the same where some columns may only go one way: the one that goes furthest the other way loses
    /// its weight, until none does.
    #[must_use]
    pub fn fit_within(
        matrix: &Matrix,
        labels: &[bool],
        penalty: f64,
        directions: &[Option<Direction>],
    ) -> Self {
        let (means, mut scales) = standard(matrix);
        loop {
            let fitted = Self::fit_scaled(matrix, labels, penalty, (&means, &scales));
            match fitted.furthest_astray(directions) {
                Some(column) => scales[column] = 0.0,
                None => return fitted,
            }
        }
    }

    fn furthest_astray(&self, directions: &[Option<Direction>]) -> Option<usize> {
        let astray = |(weight, direction): (&f64, &Option<Direction>)| match direction {
            Some(Direction::Rising) => -weight,
            Some(Direction::Falling) => *weight,
            None => 0.0,
        };
        let all = self.weights.iter().zip(directions).map(astray).enumerate();
        let (column, by) = all.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (by > 0.0 && self.scales[column] > 0.0).then_some(column)
    }

    fn fit_scaled(
        matrix: &Matrix,
        labels: &[bool],
        penalty: f64,
        (means, scales): (&[f64], &[f64]),
    ) -> Self {
        let mut standardised = matrix.clone();
        for row in standardised.values.chunks_exact_mut(matrix.width.max(1)) {
            for ((value, mean), scale) in row.iter_mut().zip(means).zip(scales) {
                *value = if value.is_nan() {
                    0.0
                } else {
                    (*value - mean) * scale
                };
            }
        }
        // The last weight is the intercept, which is not penalised.
        let weights = solve(&standardised, labels, penalty);
        let (intercept, weights) = weights.split_last().expect("there is always an intercept");
        Self {
            intercept: *intercept,
            weights: weights.to_vec(),
            means: means.to_vec(),
            scales: scales.to_vec(),
        }
    }
}

fn standard(matrix: &Matrix) -> (Vec<f64>, Vec<f64>) {
    let rows = || matrix.values.chunks_exact(matrix.width.max(1));
    let columns = (0..matrix.width).map(|column| {
        let known = || {
            rows()
                .map(|row| row[column])
                .filter(|value| !value.is_nan())
        };
        let count = number(known().count()).max(1.0);
        let mean = known().sum::<f64>() / count;
        let deviation = (known().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
        (
            mean,
            if deviation > 1e-12 {
                1.0 / deviation
            } else {
                0.0
            },
        )
    });
    columns.unzip()
}

fn margin(weights: &[f64], row: &[f64]) -> f64 {
    let (intercept, weights) = weights.split_last().expect("there is always an intercept");
    intercept + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f64>()
}

fn loss(matrix: &Matrix, labels: &[bool], weights: &[f64], penalty: f64) -> f64 {
    let width = matrix.width;
    let squares: f64 = weights[..width].iter().map(|w| w * w).sum();
    let rows = matrix.values.chunks_exact(width.max(1)).zip(labels);
    let fit: f64 = rows
        .map(|(row, label)| {
            let m = margin(weights, row);
            let towards = if *label { -m } else { m };
            // ln(1 + e^x) without overflow.
            towards.max(0.0) + (-towards.abs()).exp().ln_1p()
        })
        .sum();
    fit + penalty / 2.0 * squares
}

fn solve(matrix: &Matrix, labels: &[bool], penalty: f64) -> Vec<f64> {
    let size = matrix.width + 1;
    let mut weights = vec![0.0; size];
    let positives = number(labels.iter().filter(|l| **l).count());
    weights[size - 1] = super::log_odds((positives + 0.5) / (number(labels.len()) + 1.0));
    let mut best = loss(matrix, labels, &weights, penalty);
    for _ in 0..STEPS_MAX {
        let (gradient, hessian) = derivatives(matrix, labels, &weights, penalty);
        let step = cholesky_solve(hessian, gradient, size);
        let mut length = 1.0;
        let next = (0..HALVINGS_MAX).find_map(|_| {
            let tried: Vec<f64> = weights
                .iter()
                .zip(&step)
                .map(|(w, s)| w - length * s)
                .collect();
            let loss = loss(matrix, labels, &tried, penalty);
            length /= 2.0;
            (loss <= best).then_some((tried, loss))
        });
        let Some((tried, loss)) = next else { break };
        let largest = weights
            .iter()
            .zip(&tried)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f64::max);
        (weights, best) = (tried, loss);
        if largest < STEP_MIN {
            break;
        }
    }
    weights
}

fn derivatives(
    matrix: &Matrix,
    labels: &[bool],
    weights: &[f64],
    penalty: f64,
) -> (Vec<f64>, Vec<f64>) {
    let (width, size) = (matrix.width, matrix.width + 1);
    let mut gradient = vec![0.0; size];
    // Only the lower triangle is filled and read.
    let mut hessian = vec![0.0; size * size];
    let mut row = vec![1.0; size];
    for (values, label) in matrix.values.chunks_exact(width.max(1)).zip(labels) {
        row[..width].copy_from_slice(values);
        let p = sigmoid(margin(weights, values));
        let error = p - f64::from(u8::from(*label));
        let weight = (p * (1.0 - p)).max(1e-10);
        for i in 0..size {
            gradient[i] += error * row[i];
            let scaled = weight * row[i];
            if scaled != 0.0 {
                let line = &mut hessian[i * size..=i * size + i];
                line.iter_mut()
                    .zip(&row)
                    .for_each(|(h, x)| *h += scaled * x);
            }
        }
    }
    for i in 0..width {
        gradient[i] += penalty * weights[i];
        hessian[i * size + i] += penalty;
    }
    (gradient, hessian)
}

/// Solves `a` x = `b` for a symmetric positive definite `a` of which the lower triangle is given.
fn cholesky_solve(mut a: Vec<f64>, mut b: Vec<f64>, size: usize) -> Vec<f64> {
    for i in 0..size {
        for j in 0..=i {
            let products = (0..j)
                .map(|k| a[i * size + k] * a[j * size + k])
                .sum::<f64>();
            let rest = a[i * size + j] - products;
            // A pivot of nothing is a column that others explain: it stays where it is.
            a[i * size + j] = if i == j {
                rest.max(1e-12).sqrt()
            } else {
                rest / a[j * size + j]
            };
        }
    }
    for i in 0..size {
        let known: f64 = (0..i).map(|k| a[i * size + k] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| a[k * size + i] * b[k]).sum();
        b[i] = (b[i] - known) / a[i * size + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i * 37 % 101) / 10.0).collect();
        let matrix = Matrix { values, width: 4 };
        let labels: Vec<bool> = (0..100)
            .map(|i| matrix.row(i)[0] + matrix.row(i)[2] > 9.0)
            .collect();

        let fitted = Logistic::fit(&matrix, &labels, 1.0);

        // d/dw of the penalised loss, by its definition.
        for column in 0..4 {
            let sum: f64 = (0..100)
                .map(|i| {
                    let row = matrix.row(i);
                    let x = (row[column] - fitted.means[column]) * fitted.scales[column];
                    (sigmoid(fitted.margin(row)) - f64::from(u8::from(labels[i]))) * x
                })
                .sum();
            let gradient = sum + fitted.weights[column];
            assert!(gradient.abs() < 1e-6, "column {column}: {gradient}");
        }
    }

    /// With one binary column and no penalty the fit is the table's log odds ratio.
    #[test]
    fn a_two_by_two_table_gives_its_log_odds() {
        let mut values = vec![0.0; 100];
        values.extend(vec![1.0; 100]);
        let labels: Vec<bool> = (0..200)
            .map(|i| i < 20 || (100..160).contains(&i))
            .collect();

        let fitted = Logistic::fit(&Matrix { values, width: 1 }, &labels, 0.0);

        assert!((fitted.margin(&[0.0]) - (20.0_f64 / 80.0).ln()).abs() < 1e-6);
        assert!((fitted.margin(&[1.0]) - (60.0_f64 / 40.0).ln()).abs() < 1e-6);
    }

    /// Of two columns that say the same the one that may not say it is left out, and the other takes over.
    #[test]
    fn a_column_that_may_only_fall_never_raises() {
        let values: Vec<f64> = (0..200)
            .flat_map(|i| [f64::from(i % 7), f64::from(i * 37 % 11)])
            .collect();
        let matrix = Matrix { values, width: 2 };
        let labels: Vec<bool> = (0..200)
            .map(|i| matrix.row(i)[0] + matrix.row(i)[1] > 8.0)
            .collect();
        let falling = [Some(Direction::Falling), None];

        let free = Logistic::fit(&matrix, &labels, 1.0);
        let bound = Logistic::fit_within(&matrix, &labels, 1.0, &falling);

        assert!(free.weights[0] > 0.0);
        assert_eq!(bound.weights[0], 0.0);
        assert_eq!(bound.margin(&[0.0, 5.0]), bound.margin(&[6.0, 5.0]));
        assert!(bound.weights[1] > 0.0);
        let rising = [Some(Direction::Rising), Some(Direction::Rising)];
        assert_eq!(Logistic::fit_within(&matrix, &labels, 1.0, &rising), free);
    }

    #[test]
    fn unknown_and_constant_columns_say_nothing() {
        let values = vec![f64::NAN, 5.0, 1.0, 5.0, 0.0, 5.0, 1.0, 5.0];
        let labels = [true, true, false, true];

        let fitted = Logistic::fit(&Matrix { values, width: 2 }, &labels, 1.0);

        let contributions: Vec<f64> = fitted.contributions(&[f64::NAN, 9.0]).collect();
        assert_eq!(contributions, [0.0, 0.0]);
    }

    #[test]
    fn separable_classes_do_not_diverge() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let labels: Vec<bool> = (0..100).map(|i| i >= 50).collect();

        let fitted = Logistic::fit(&Matrix { values, width: 1 }, &labels, 1.0);

        assert!(fitted.weights[0].is_finite() && fitted.weights[0] > 1.0);
    }
}
