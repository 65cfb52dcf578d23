//! Gradient boosted trees, trained by forust and taken over into our own form.

use forust_ml::constraints::Constraint;
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;
use forust_ml::{GradientBooster, Matrix as ForustMatrix};

use super::super::encoding::Matrix;
use super::super::features::Direction;
use super::super::trees::{Forest, Node, Tree};

/// Trees at most; early stopping ends far before.
const TREES_MAX: usize = 1_000;
/// Trees without a better log loss after which training stops.
const PATIENCE: usize = 40;
/// Leaves are limited, not depth; this only keeps the slowest path bounded.
const DEPTH_MAX: usize = 10;
const SUBSAMPLE: f32 = 0.8;
/// Bins of a column: on sets of some thousands of customers finer ones cost time and gain nothing.
const BINS: u16 = 128;

/// What trees learn from.
#[derive(Debug, Clone, Copy)]
pub struct Data<'d> {
    /// The examples.
    pub matrix: &'d Matrix,
    /// Whether they left.
    pub labels: &'d [bool],
    /// Which way the risk may go with each column; empty where all are free.
    pub directions: &'d [Option<Direction>],
}

/// The shape of trees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Leaves of a tree at most.
    pub leaves: usize,
    /// The least training weight in a leaf.
    pub leaf_weight_min: f32,
    /// The penalty on the weights of leaves.
    pub l2: f32,
    /// The share of columns that each tree may use.
    pub columns: f64,
    /// How much of what a tree finds is believed.
    pub rate: f32,
}

/// The shapes that are trained, from smooth to detailed. They err in different places, so that their sum
/// is better than each: of some more that were tried on two public sets these three were as good as all.
pub const SHAPES: [Shape; 3] = [
    Shape {
        leaves: 4,
        leaf_weight_min: 5.0,
        l2: 1.0,
        columns: 0.5,
        rate: 0.1,
    },
    Shape {
        leaves: 31,
        leaf_weight_min: 1.5,
        l2: 1.0,
        columns: 0.8,
        rate: 0.05,
    },
    Shape {
        leaves: 31,
        leaf_weight_min: 1.0,
        l2: 0.1,
        columns: 1.0,
        rate: 0.1,
    },
];

/// Training that did not end with trees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the trees could not be trained: {0}")]
pub struct BoostError(String);

fn booster(
    shape: Shape,
    directions: &[Option<Direction>],
    trees: usize,
    seed: u64,
) -> GradientBooster {
    let constraints = directions
        .iter()
        .enumerate()
        .filter_map(|(column, direction)| {
            let constraint = match (*direction)? {
                Direction::Rising => Constraint::Positive,
                Direction::Falling => Constraint::Negative,
            };
            Some((column, constraint))
        });
    let mut booster = GradientBooster::default()
        .set_objective_type(ObjectiveType::LogLoss)
        .set_iterations(trees)
        .set_learning_rate(shape.rate)
        .set_max_depth(DEPTH_MAX)
        .set_max_leaves(shape.leaves)
        .set_min_leaf_weight(shape.leaf_weight_min)
        .set_l2(shape.l2)
        .set_nbins(BINS)
        .set_subsample(SUBSAMPLE)
        .set_sample_method(SampleMethod::Random)
        .set_colsample_bytree(shape.columns)
        .set_monotone_constraints(Some(constraints.collect()))
        .set_initialize_base_score(true)
        .set_seed(seed)
        // One thread: sums come in one order, so that equal seeds give equal models anywhere.
        .set_parallel(false);
    booster.grow_policy = GrowPolicy::LossGuide;
    booster
}

fn numbers(labels: &[bool]) -> Vec<f64> {
    labels
        .iter()
        .map(|label| f64::from(u8::from(*label)))
        .collect()
}

/// Trees that were trained until others were predicted no better.
#[derive(Debug)]
pub struct Explored {
    /// All trees, those after the best number too.
    pub forest: Forest,
    /// The log loss on the others after each tree.
    pub losses: Vec<f64>,
}

/// Trains on some rows until others are predicted no better for a while.
///
/// # Errors
/// When forust refuses the data.
pub fn explore(
    train: Data<'_>,
    held: Data<'_>,
    shape: Shape,
    seed: u64,
) -> Result<Explored, BoostError> {
    let (columns, held_columns) = (train.matrix.by_column(), held.matrix.by_column());
    let (y, held_y) = (numbers(train.labels), numbers(held.labels));
    let (weights, held_weights) = (vec![1.0; y.len()], vec![1.0; held_y.len()]);
    let data = ForustMatrix::new(&columns, train.matrix.height(), train.matrix.width);
    let others = ForustMatrix::new(&held_columns, held.matrix.height(), held.matrix.width);
    let mut booster =
        booster(shape, train.directions, TREES_MAX, seed).set_early_stopping_rounds(Some(PATIENCE));
    let evaluation = vec![(others, held_y.as_slice(), held_weights.as_slice())];
    booster
        .fit(&data, &y, &weights, Some(evaluation))
        .map_err(|error| BoostError(error.to_string()))?;
    let forest = kept_to(train.directions, &booster);
    let history = booster.evaluation_history.as_ref();
    let loss = |tree: usize| history.map_or(f64::INFINITY, |history| *history.get(tree, 0));
    Ok(Explored {
        losses: (0..forest.trees.len()).map(loss).collect(),
        forest,
    })
}

/// Returns the number of trees after which the losses of several folds together are least.
#[must_use]
pub fn best_count(folds: &[Explored]) -> usize {
    let longest = folds.iter().map(|fold| fold.losses.len()).max();
    let after = |fold: &Explored, trees: usize| {
        let last = fold.losses.len().saturating_sub(1);
        fold.losses.get(trees.min(last)).copied().unwrap_or(0.0)
    };
    let total = |trees: usize| -> f64 { folds.iter().map(|fold| after(fold, trees)).sum() };
    let best = (0..longest.unwrap_or(0)).min_by(|a, b| total(*a).total_cmp(&total(*b)));
    best.map_or(0, |last| last + 1)
}

/// Trains a given number of trees.
///
/// # Errors
/// When forust refuses the data.
pub fn train(data: Data<'_>, shape: Shape, trees: usize, seed: u64) -> Result<Forest, BoostError> {
    trained(data, shape, trees, seed).map(|booster| kept_to(data.directions, &booster))
}

fn trained(
    Data {
        matrix,
        labels,
        directions,
    }: Data<'_>,
    shape: Shape,
    trees: usize,
    seed: u64,
) -> Result<GradientBooster, BoostError> {
    let columns = matrix.by_column();
    let data = ForustMatrix::new(&columns, matrix.height(), matrix.width);
    let (y, weights) = (numbers(labels), vec![1.0; labels.len()]);
    let mut booster = booster(shape, directions, trees.min(TREES_MAX), seed);
    booster
        .fit(&data, &y, &weights, None)
        .map_err(|error| BoostError(error.to_string()))?;
    Ok(booster)
}

/// Returns the trees in our own form, kept to the directions of columns: forust keeps to them but for some
/// leaves, by a small amount.
fn kept_to(directions: &[Option<Direction>], booster: &GradientBooster) -> Forest {
    let mut forest = take_over(booster);
    for tree in &mut forest.trees {
        tree.straighten(directions);
    }
    forest
}

/// Returns the trees in our own form.
fn take_over(booster: &GradientBooster) -> Forest {
    let place = |n: usize| u32::try_from(n).expect("fewer than 2^32 nodes");
    let tree = |tree: &forust_ml::tree::Tree| {
        let nodes = tree.nodes.iter().enumerate().map(|(index, node)| Node {
            column: if node.is_leaf {
                0
            } else {
                place(node.split_feature)
            },
            threshold: if node.is_leaf { 0.0 } else { node.split_value },
            left: place(if node.is_leaf { index } else { node.left_child }),
            right: place(if node.is_leaf {
                index
            } else {
                node.right_child
            }),
            missing_right: !node.is_leaf && node.missing_node == node.right_child,
            value: if node.is_leaf {
                f64::from(node.weight_value)
            } else {
                0.0
            },
            cover: f64::from(node.hessian_sum),
        });
        Tree {
            nodes: nodes.collect(),
        }
    };
    Forest {
        base: booster.base_score,
        trees: booster.trees.iter().map(tree).collect(),
    }
}

#[cfg(test)]
mod tests {
    use forust_ml::gradientbooster::ContributionsMethod;
    use tenure_core::hash::mix64;

    use super::*;

    /// Rows with a bend, an interaction and holes.
    fn data(height: u64) -> (Matrix, Vec<bool>) {
        let uniform = |n: u64| f64::from(u32::try_from(mix64(n) >> 40).unwrap()) / 2_f64.powi(24);
        let mut values = Vec::new();
        let mut labels = Vec::new();
        for row in 0..height {
            let x: Vec<f64> = (0..5).map(|c| uniform(row * 7 + c + 1)).collect();
            let odds = 4.0 * x[0] * x[1] - 2.0 * (x[2] - 0.5).abs() - 1.0;
            labels.push(uniform(row * 7 + 6) < super::super::sigmoid(odds));
            let hole = |c: usize| {
                if uniform(row * 7 + c as u64 + 999_983) < 0.1 {
                    f64::NAN
                } else {
                    x[c]
                }
            };
            values.extend((0..5).map(hole));
        }
        (Matrix { values, width: 5 }, labels)
    }

    fn free<'d>(matrix: &'d Matrix, labels: &'d [bool]) -> Data<'d> {
        Data {
            matrix,
            labels,
            directions: &[],
        }
    }

    /// The risk rises with the first column, and the trees are told that it may not.
    #[test]
    fn trees_never_go_the_way_that_a_column_may_not() {
        let (matrix, labels) = data(2_000);
        let directions = [
            Some(Direction::Falling),
            Some(Direction::Rising),
            None,
            None,
            None,
        ];
        let bound = Data {
            directions: &directions,
            ..free(&matrix, &labels)
        };

        for shape in SHAPES {
            let forest = train(bound, shape, 60, 3).unwrap();
            let unbound = train(free(&matrix, &labels), shape, 60, 3).unwrap();
            let rises = |forest: &Forest, column: usize| {
                let steps = (0..2_000).map(|row| {
                    let mut moved = matrix.row(row % 200).to_vec();
                    moved[column] = f64::from(u32::try_from(row / 200).unwrap()) / 10.0;
                    let before = forest.margin(&moved);
                    moved[column] += 0.1;
                    forest.margin(&moved) - before
                });
                let (up, down) = steps.fold((0.0_f64, 0.0_f64), |(up, down), by| {
                    (up.max(by), down.min(by))
                });
                (up, down)
            };
            assert!(rises(&unbound, 0).0 > 0.0);
            assert_eq!(rises(&forest, 0).0, 0.0);
            assert_eq!(rises(&forest, 1).1, 0.0);
        }
    }

    #[test]
    fn our_trees_answer_as_the_ones_they_were_taken_from() {
        let (matrix, labels) = data(2_000);
        let booster = trained(free(&matrix, &labels), SHAPES[1], 60, 3).unwrap();
        let columns = matrix.by_column();
        let theirs = booster.predict(&ForustMatrix::new(&columns, 2_000, 5), false);

        let ours = take_over(&booster);

        assert!(ours.is_sound(5));
        for (row, expected) in theirs.iter().enumerate() {
            assert_eq!(ours.margin(matrix.row(row)).to_bits(), expected.to_bits());
        }
    }

    /// forust sums in single precision, so the comparison can only be as sharp as that.
    #[test]
    fn our_contributions_are_the_ones_of_the_reference() {
        let (matrix, labels) = data(2_000);
        let booster = trained(free(&matrix, &labels), SHAPES[1], 40, 3).unwrap();
        let columns = matrix.select(&(0..50).collect::<Vec<_>>()).by_column();
        let sample = ForustMatrix::new(&columns, 50, 5);
        let theirs = booster.predict_contributions(&sample, ContributionsMethod::Shapley, false);

        let forest = take_over(&booster);

        for row in 0..50 {
            let mut ours = [0.0; 5];
            let mean = forest.contributions(matrix.row(row), &mut ours);
            let expected = &theirs[row * 6..(row + 1) * 6];
            assert!((mean - expected[5]).abs() < 1e-4, "{mean} {}", expected[5]);
            for (found, expected) in ours.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
            let sum: f64 = ours.iter().sum();
            assert!((mean + sum - forest.margin(matrix.row(row))).abs() < 1e-6);
        }
    }

    #[test]
    fn the_best_count_is_where_all_folds_together_lose_least() {
        let fold = |losses: &[f64]| Explored {
            forest: Forest::default(),
            losses: losses.to_vec(),
        };

        // 1.2, 1.0, 0.8 + 0.1, 0.9 + 0.1: the shorter one stays where it ended.
        let folds = [fold(&[0.7, 0.6, 0.5, 0.6]), fold(&[0.5, 0.4, 0.4])];

        assert_eq!(best_count(&folds), 3);
        assert_eq!(best_count(&[]), 0);
    }

    #[test]
    fn exploring_goes_on_past_the_best_number_of_trees() {
        let (matrix, labels) = data(1_000);
        let (outside, inside): (Vec<usize>, Vec<usize>) = (0..1_000).partition(|row| row % 5 != 0);
        let part = |rows: &[usize]| {
            (
                matrix.select(rows),
                super::super::folds::pick(&labels, rows),
            )
        };
        let ((train, y), (held, held_y)) = (part(&outside), part(&inside));

        let found = explore(free(&train, &y), free(&held, &held_y), SHAPES[1], 3).unwrap();

        let best = best_count(std::slice::from_ref(&found));
        assert!(0 < best && best < found.forest.trees.len());
        let p: Vec<f64> = (0..held.height())
            .map(|row| super::super::sigmoid(found.forest.first(best).margin(held.row(row))))
            .collect();
        let loss = super::super::metrics::log_loss(&held_y, &p);
        assert!((loss - found.losses[best - 1]).abs() < 1e-6);
    }

    #[test]
    fn equal_seeds_give_equal_trees() {
        let (matrix, labels) = data(500);

        let [a, b, c] =
            [1, 1, 2].map(|seed| train(free(&matrix, &labels), SHAPES[0], 20, seed).unwrap());

        assert_eq!(a, b);
        assert_ne!(a, c);
    }
}
