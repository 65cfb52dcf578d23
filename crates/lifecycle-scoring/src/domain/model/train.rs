//! Training: trees, a logistic regression and their blend compete, the best is calibrated, and the
//! whole is measured on customers it has not seen.
//!
//! A customer is only ever judged by what was learned from others: the weights of a blend and the calibration
//! come from inner folds, the measures from outer ones.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenure_core::hash::mix64;

use super::super::encoding::{Encoding, Matrix};
use super::super::explain::Contribution;
use super::super::features::Direction;
use super::super::trees::Forest;
use super::boost::{self, BoostError, Data, SHAPES, Shape};
use super::calibration::{self, Calibration};
use super::examples::Examples;
use super::folds::{pick, split, stratified};
use super::logistic::Logistic;
use super::metrics::{BINS, Bin, Metrics, measure, number, reliability};
use super::stack::{self, Stack};
use super::{Artefact, Mix, Model, prior_shift};

/// Folds within the training part, for the champion and the calibration.
const INNER_FOLDS: usize = 5;
/// The same where there are so many examples that three say it as well.
const INNER_FOLDS_LARGE: usize = 3;
/// Examples from which on a training part is large.
const LARGE: usize = 10_000;
/// Examples that shapes are compared on at most.
const TUNE_MAX: usize = 12_000;
/// The penalty of the logistic regression, on weights of standardised columns.
const PENALTY: f64 = 1.0;
/// More rows need more trees than were found best on four fifths of them.
const TREES_FACTOR: f64 = 1.15;
/// Examples that importances are measured on: the mean over these says it well enough.
const IMPORTANCE_SAMPLE: usize = 500;
/// Examples of each outcome without which nothing can be learned, let alone measured.
const EXAMPLES_MIN: usize = 50;

/// What may be chosen in training.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Decides what is random.
    pub seed: u64,
    /// Features that must not be used.
    pub excluded: Vec<String>,
    /// The true share of leavers, where the examples hold more of them than there are.
    pub true_rate: Option<f64>,
    /// Threads at most; the result does not depend on it.
    pub threads: usize,
}

/// A trained model and how good it is.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// What won: `TREES`, `LOGISTIC` or `BLEND`.
    pub algorithm: &'static str,
    /// Measures on held-out examples: the mean over folds, the calibration error pooled.
    pub metrics: Metrics,
    /// Measures on all held-out examples together.
    pub pooled: Metrics,
    /// Predicted and observed shares on all held-out examples.
    pub bins: [Bin; BINS],
    /// How much the model relies on each feature, the strongest first.
    pub importances: Vec<Contribution>,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Too few customers, or too few of one outcome.
    #[error(
        "{churned} of {examples} customers left; at least {EXAMPLES_MIN} of each outcome are needed"
    )]
    TooFew {
        /// Examples.
        examples: usize,
        /// Of these, leavers.
        churned: usize,
    },
    /// All customers look the same.
    #[error("no feature differs between customers")]
    NoFeatures,
    /// Somebody did not want to wait for the end.
    #[error("training was stopped")]
    Stopped,
    /// The trees failed.
    #[error(transparent)]
    Boost(#[from] BoostError),
    /// The result does not hold together, which is a mistake of ours.
    #[error(transparent)]
    Model(#[from] super::ModelError),
}

/// Learned from some examples, ready for others.
struct Fitted {
    name: &'static str,
    forest: Forest,
    logistic: Logistic,
    mix: Mix,
    calibration: Calibration,
}

impl Fitted {
    fn probability(&self, row: &[f64]) -> f64 {
        let trees = self.mix.trees * self.forest.margin(row);
        let logistic = self.mix.logistic * self.logistic.margin(row);
        self.calibration.probability(trees + logistic)
    }
}

/// Some examples in numbers.
struct Part {
    matrix: Matrix,
    directions: Vec<Option<Direction>>,
    labels: Vec<bool>,
    groups: Vec<u64>,
}

impl Part {
    fn of(whole: &Self, rows: &[usize]) -> Self {
        Self {
            matrix: whole.matrix.select(rows),
            directions: whole.directions.clone(),
            labels: pick(&whole.labels, rows),
            groups: pick(&whole.groups, rows),
        }
    }

    fn data(&self) -> Data<'_> {
        Data {
            matrix: &self.matrix,
            labels: &self.labels,
            directions: &self.directions,
        }
    }

    fn logistic(&self) -> Logistic {
        Logistic::fit_within(&self.matrix, &self.labels, PENALTY, &self.directions)
    }
}

/// Trains a model and measures it. `progress` is told the share that is done, from any thread, and
/// answers whether to go on.
///
/// # Errors
/// When there are too few examples, or nothing to learn from.
pub fn train(
    examples: &Examples,
    options: &Options,
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Trained, TrainError> {
    let (count, churned) = (examples.labels.len(), examples.churned());
    if churned < EXAMPLES_MIN || count - churned < EXAMPLES_MIN {
        return Err(TrainError::TooFew {
            examples: count,
            churned,
        });
    }
    // Columns are learned from the features alone, so that held-out outcomes cannot leak.
    let encoding = Encoding::learn(&examples.rows, &options.excluded);
    if encoding.columns.is_empty() {
        return Err(TrainError::NoFeatures);
    }
    let whole = Part {
        matrix: encoding.matrix(&examples.rows),
        directions: encoding.directions(),
        labels: examples.labels.clone(),
        groups: examples.groups.clone(),
    };
    let (last, held_out) = compete(&whole, examples, options, progress)?;
    let rate = number(churned) / number(count);
    let artefact = Artefact {
        encoding,
        forest: last.forest,
        logistic: last.logistic,
        mix: last.mix,
        calibration: last.calibration,
        prior_shift: options
            .true_rate
            .map_or(0.0, |true_rate| prior_shift(rate, true_rate)),
    };
    let model = Model::new(artefact)?;
    let sample: Vec<usize> = (0..count)
        .step_by(count.div_ceil(IMPORTANCE_SAMPLE))
        .collect();
    let pooled = measure(&whole.labels, &held_out.probabilities);
    Ok(Trained {
        importances: model.importances(&whole.matrix.select(&sample)),
        model,
        algorithm: last.name,
        metrics: Metrics {
            ece: pooled.ece,
            ..mean(&held_out.per_fold)
        },
        pooled,
        bins: reliability(&whole.labels, &held_out.probabilities),
    })
}

/// What models said of examples that they had not seen.
struct HeldOut {
    probabilities: Vec<f64>,
    per_fold: Vec<Metrics>,
}

/// Learns from everything, and for each fold from everything else, which measures it.
fn compete(
    whole: &Part,
    examples: &Examples,
    options: &Options,
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<(Fitted, HeldOut), TrainError> {
    let mut folds = examples.folds.clone();
    folds.sort_unstable();
    folds.dedup();
    let jobs: Vec<Option<usize>> = folds.into_iter().map(Some).chain([None]).collect();
    let mut results = run(&jobs, options.threads, progress, |job| {
        let Some(fold) = job else {
            return fit(whole, options.seed).map(|fitted| (fitted, Vec::new()));
        };
        let (outside, inside) = split(&examples.folds, *fold);
        let fitted = fit(&Part::of(whole, &outside), options.seed)?;
        let probability = |row: usize| fitted.probability(whole.matrix.row(row));
        let probabilities: Vec<f64> = inside.into_iter().map(probability).collect();
        Ok((fitted, probabilities))
    })?;
    let (last, _) = results.pop().expect("the last job is the whole");
    let mut held_out = HeldOut {
        probabilities: vec![0.0; whole.labels.len()],
        per_fold: Vec::new(),
    };
    for (job, (_, probabilities)) in jobs.iter().zip(&results) {
        let fold = job.expect("all but the last job hold out a fold");
        let (_, inside) = split(&examples.folds, fold);
        let labels = pick(&whole.labels, &inside);
        held_out.per_fold.push(measure(&labels, probabilities));
        for (row, probability) in inside.into_iter().zip(probabilities) {
            held_out.probabilities[row] = *probability;
        }
    }
    Ok((last, held_out))
}

/// Runs jobs on several threads; results come in the order of the jobs.
fn run<J: Sync, T: Send>(
    jobs: &[J],
    threads: usize,
    progress: &(dyn Fn(f64) -> bool + Sync),
    work: impl Fn(&J) -> Result<T, TrainError> + Sync,
) -> Result<Vec<T>, TrainError> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let slots: Vec<Mutex<Option<Result<T, TrainError>>>> =
        jobs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { break };
                    let share = number(done.load(Ordering::Relaxed)) / number(jobs.len());
                    let result = if progress(share) {
                        work(job)
                    } else {
                        Err(TrainError::Stopped)
                    };
                    *slots[index].lock().expect("no other thread has this slot") = Some(result);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let taken = slots.into_iter().map(|slot| {
        let result = slot.into_inner().expect("no thread panicked with it");
        result.expect("every job was done")
    });
    taken.collect()
}

/// Some examples to learn from, and others to be judged by it.
struct Inner {
    train: Part,
    held: Part,
    /// Where the others stand among all.
    rows: Vec<usize>,
}

/// What each learner said of examples that it had not seen.
struct Tried {
    shapes: Vec<Shape>,
    /// How many trees of each shape are best for all examples.
    trees: Vec<usize>,
    /// The log-odds of each example: a list for each shape, then that of the logistic regression.
    said: Vec<Vec<f64>>,
}

/// Learns from some examples: has trees of several shapes and a logistic regression judge each inner fold
/// by the others, lets the candidates compete with that, and calibrates the winner on it.
fn fit(part: &Part, seed: u64) -> Result<Fitted, TrainError> {
    let seed = mix64(seed);
    let count = if part.labels.len() < LARGE {
        INNER_FOLDS
    } else {
        INNER_FOLDS_LARGE
    };
    let folds = stratified(&part.labels, &part.groups, count, seed);
    let tried = try_all(part, &folds, seed)?;
    let said: Vec<&[f64]> = tried.said.iter().map(Vec::as_slice).collect();
    let loss = |learners: Range<usize>| stack::held_out_loss(&said[learners], &part.labels, &folds);
    let shapes = tried.shapes.len();
    // The logistic regression is the last of the learners, behind the trees of each shape.
    let candidates = [
        ("LOGISTIC", shapes..shapes + 1),
        ("TREES", 0..shapes),
        ("BLEND", 0..shapes + 1),
    ];
    let best = candidates
        .into_iter()
        .min_by(|a, b| loss(a.1.clone()).total_cmp(&loss(b.1.clone())));
    let (name, learners) = best.expect("there are three candidates");
    let stack = Stack::fit(&said[learners.clone()], &part.labels);
    let margins = stack.margins(&said[learners.clone()]);
    let (calibration, _) = calibration::choose(&margins, &part.labels, seed);
    let (forest, mix) = assemble(part, &tried, learners, &stack, seed)?;
    Ok(Fitted {
        name,
        forest,
        logistic: part.logistic(),
        mix,
        calibration,
    })
}

fn try_all(part: &Part, folds: &[usize], seed: u64) -> Result<Tried, TrainError> {
    let inner = |fold: usize| {
        let (outside, rows) = split(folds, fold);
        let (train, held) = (Part::of(part, &outside), Part::of(part, &rows));
        Inner { train, held, rows }
    };
    let last = folds.iter().max().copied().unwrap_or(0);
    let inner: Vec<Inner> = (0..=last).map(inner).collect();
    let shapes = shapes(part, seed)?;
    let mut tried = Tried {
        trees: Vec::new(),
        said: Vec::new(),
        shapes,
    };
    let unsaid = vec![0.0; part.labels.len()];
    for shape in &tried.shapes {
        let explore = |it: &Inner| boost::explore(it.train.data(), it.held.data(), *shape, seed);
        let explored = inner.iter().map(explore).collect::<Result<Vec<_>, _>>()?;
        let best = boost::best_count(&explored);
        let mut said = unsaid.clone();
        for (it, found) in inner.iter().zip(explored) {
            let forest = found.forest.first(best);
            it.judge(&mut said, |row| forest.margin(row));
        }
        tried.trees.push(of_all(best));
        tried.said.push(said);
    }
    let mut said = unsaid;
    for it in &inner {
        let logistic = it.train.logistic();
        it.judge(&mut said, |row| logistic.margin(row));
    }
    tried.said.push(said);
    Ok(tried)
}

impl Inner {
    fn judge(&self, said: &mut [f64], margin: impl Fn(&[f64]) -> f64) {
        for (place, row) in self.rows.iter().enumerate() {
            said[*row] = margin(self.held.matrix.row(place));
        }
    }
}

/// Returns how many trees all examples need, where some of them needed so many.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "1 to 1,150"
)]
fn of_all(trees: usize) -> usize {
    (number(trees) * TREES_FACTOR).round() as usize
}

/// Trains the learners of the champion on all examples, and makes one forest of all trees.
fn assemble(
    part: &Part,
    tried: &Tried,
    learners: Range<usize>,
    stack: &Stack,
    seed: u64,
) -> Result<(Forest, Mix), TrainError> {
    let mut forest = Forest {
        base: stack.intercept,
        trees: Vec::new(),
    };
    let mut logistic = 0.0;
    for (learner, weight) in learners.zip(&stack.weights) {
        match tried.shapes.get(learner) {
            Some(_) if *weight == 0.0 => {}
            Some(shape) => {
                let trained = boost::train(part.data(), *shape, tried.trees[learner], seed)?;
                forest.add(*weight, trained);
            }
            None => logistic = *weight,
        }
    }
    Ok((
        forest,
        Mix {
            trees: 1.0,
            logistic,
        },
    ))
}

/// Returns the shapes of trees that are trained: all; of many examples, which take long and leave less to
/// chance, the one that predicts a held-out fifth of some best.
fn shapes(part: &Part, seed: u64) -> Result<Vec<Shape>, TrainError> {
    if part.labels.len() < LARGE {
        return Ok(SHAPES.to_vec());
    }
    let parts = 5 * part.labels.len().div_ceil(TUNE_MAX).max(1);
    let folds = stratified(&part.labels, &part.groups, parts, seed);
    let of = |wanted: Range<usize>| -> Part {
        let rows: Vec<usize> = (0..folds.len())
            .filter(|row| wanted.contains(&folds[*row]))
            .collect();
        Part::of(part, &rows)
    };
    let (train, held) = (of(1..5), of(0..1));
    let mut best: Option<(f64, Shape)> = None;
    for shape in SHAPES {
        let found = boost::explore(train.data(), held.data(), shape, seed)?;
        let loss = found.losses.into_iter().fold(f64::INFINITY, f64::min);
        if best.is_none_or(|(least, _)| loss < least) {
            best = Some((loss, shape));
        }
    }
    let (_, shape) = best.expect("there is more than one shape");
    Ok(vec![shape])
}

fn mean(folds: &[Metrics]) -> Metrics {
    let count = number(folds.len());
    let of = |get: fn(&Metrics) -> f64| folds.iter().map(get).sum::<f64>() / count;
    Metrics {
        auc: of(|m| m.auc),
        log_loss: of(|m| m.log_loss),
        brier: of(|m| m.brier),
        ece: of(|m| m.ece),
        lift_10: of(|m| m.lift_10),
    }
}
