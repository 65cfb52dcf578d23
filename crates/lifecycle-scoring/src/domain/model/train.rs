//! Training: trees, a logistic regression and their blend compete, the best is calibrated, and the
//! whole is measured on customers it has not seen.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenure_core::hash::mix64;

use super::super::encoding::{Encoding, Matrix};
use super::super::explain::Contribution;
use super::super::trees::Forest;
use super::boost::{self, BoostError, SHAPES, Shape};
use super::calibration::{self, Calibration};
use super::examples::Examples;
use super::folds::{pick, split, stratified};
use super::logistic::Logistic;
use super::metrics::{BINS, Bin, Metrics, log_loss, measure, number, reliability};
use super::{Artefact, Mix, Model, prior_shift, sigmoid};

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

/// The candidates for the champion, with what they are called.
const MIXES: [(&str, Mix); 3] = [
    (
        "TREES",
        Mix {
            trees: 1.0,
            logistic: 0.0,
        },
    ),
    (
        "LOGISTIC",
        Mix {
            trees: 0.0,
            logistic: 1.0,
        },
    ),
    (
        "BLEND",
        Mix {
            trees: 0.75,
            logistic: 0.25,
        },
    ),
];

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
        self.calibration.probability(blend(
            self.mix,
            self.forest.margin(row),
            self.logistic.margin(row),
        ))
    }
}

fn blend(mix: Mix, trees: f64, logistic: f64) -> f64 {
    mix.trees * trees + mix.logistic * logistic
}

/// Some examples in numbers.
struct Part {
    matrix: Matrix,
    labels: Vec<bool>,
    groups: Vec<u64>,
}

impl Part {
    fn of(whole: &Self, rows: &[usize]) -> Self {
        Self {
            matrix: whole.matrix.select(rows),
            labels: pick(&whole.labels, rows),
            groups: pick(&whole.groups, rows),
        }
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
        labels: examples.labels.clone(),
        groups: examples.groups.clone(),
    };
    let (last, held_out) = compete(&whole, examples, options, progress)?;
    let rate = number(churned) / number(count);
    let artefact = Artefact {
        encoding,
        forest: if last.mix.trees == 0.0 {
            Forest::default()
        } else {
            last.forest
        },
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

/// Learns from some examples: tunes the trees, lets the candidates compete out of fold, calibrates
/// the winner on the same out-of-fold scores.
fn fit(part: &Part, seed: u64) -> Result<Fitted, TrainError> {
    let seed = mix64(seed);
    let count = part.labels.len();
    let inner = if count < LARGE {
        INNER_FOLDS
    } else {
        INNER_FOLDS_LARGE
    };
    let folds = stratified(&part.labels, &part.groups, inner, seed);
    let (shape, trees) = tune(part, seed)?;
    let (mut by_trees, mut by_logistic) = (vec![0.0; count], vec![0.0; count]);
    for fold in 0..inner {
        let (outside, inside) = split(&folds, fold);
        let train = Part::of(part, &outside);
        let forest = boost::train(&train.matrix, &train.labels, shape, trees, seed)?;
        let logistic = Logistic::fit(&train.matrix, &train.labels, PENALTY);
        for row in inside {
            by_trees[row] = forest.margin(part.matrix.row(row));
            by_logistic[row] = logistic.margin(part.matrix.row(row));
        }
    }
    let margins_of = |mix: Mix| -> Vec<f64> {
        by_trees
            .iter()
            .zip(&by_logistic)
            .map(|(t, l)| blend(mix, *t, *l))
            .collect()
    };
    let loss_of = |mix: Mix| {
        let p: Vec<f64> = margins_of(mix).into_iter().map(sigmoid).collect();
        log_loss(&part.labels, &p)
    };
    let best = MIXES
        .iter()
        .min_by(|a, b| loss_of(a.1).total_cmp(&loss_of(b.1)));
    let (name, mix) = *best.expect("there are three candidates");
    let (calibration, _) = calibration::choose(&margins_of(mix), &part.labels, seed);
    let trees = (number(trees) * TREES_FACTOR).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to 1,150"
    )]
    let trees = trees as usize;
    Ok(Fitted {
        name,
        forest: boost::train(&part.matrix, &part.labels, shape, trees, seed)?,
        logistic: Logistic::fit(&part.matrix, &part.labels, PENALTY),
        mix,
        calibration,
    })
}

/// Finds the shape that predicts a held-out fifth best, and how many trees that takes.
fn tune(part: &Part, seed: u64) -> Result<(Shape, usize), TrainError> {
    // Of many examples some are enough: only the first five of the folds are used.
    let parts = 5 * part.labels.len().div_ceil(TUNE_MAX).max(1);
    let folds = stratified(&part.labels, &part.groups, parts, seed);
    let of = |wanted: std::ops::Range<usize>| -> Vec<usize> {
        (0..folds.len())
            .filter(|row| wanted.contains(&folds[*row]))
            .collect()
    };
    let (train, held) = (Part::of(part, &of(1..5)), Part::of(part, &of(0..1)));
    let mut best: Option<(f64, Shape, usize)> = None;
    for shape in SHAPES {
        let (trees, loss) = boost::trees_needed(
            (&train.matrix, &train.labels),
            (&held.matrix, &held.labels),
            shape,
            seed,
        )?;
        if best.is_none_or(|(least, _, _)| loss < least) {
            best = Some((loss, shape, trees));
        }
    }
    let (_, shape, trees) = best.expect("there is more than one shape");
    Ok((shape, trees))
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
