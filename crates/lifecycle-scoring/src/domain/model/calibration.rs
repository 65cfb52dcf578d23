//! From log-odds that rank to probabilities that mean what they say.

use serde::{Deserialize, Serialize};

use super::super::encoding::Matrix;
use super::folds::{pick, split, stratified};
use super::logistic::Logistic;
use super::metrics::{log_loss, measure, number};
use super::sigmoid;

/// Folds in which the kinds of calibration compete.
const FOLDS: usize = 5;
/// Log losses closer than this are equal; the smaller calibration error decides.
const LOSS_TIE: f64 = 5e-4;
/// How much smaller the calibration error of steps must be than that of a line: steps give many
/// customers the same probability, and nobody can say any more who of them is called first.
const STEPS_PENALTY: f64 = 5e-3;

/// A monotone map from log-odds to probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Calibration {
    /// The log-odds are right as they are.
    Identity,
    /// A straight line through the log-odds (Platt).
    Platt {
        /// The slope, above 0.
        slope: f64,
        /// The offset.
        offset: f64,
    },
    /// Steps that never fall, joined by straight lines.
    Isotonic {
        /// Log-odds, ascending.
        margins: Vec<f64>,
        /// Probabilities at them, never falling.
        probabilities: Vec<f64>,
    },
}

impl Calibration {
    /// Returns the probability of log-odds.
    #[must_use]
    pub fn probability(&self, margin: f64) -> f64 {
        match self {
            Self::Identity => sigmoid(margin),
            Self::Platt { slope, offset } => sigmoid(slope * margin + offset),
            Self::Isotonic {
                margins,
                probabilities,
            } => interpolate(margins, probabilities, margin),
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Platt { .. } => "platt",
            Self::Isotonic { .. } => "isotonic",
        }
    }
}

fn interpolate(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let above = xs.partition_point(|known| *known <= x);
    match (above.checked_sub(1), xs.get(above)) {
        (None, _) => ys.first().copied().unwrap_or(0.5),
        (Some(last), None) => ys[last],
        (Some(below), Some(right)) => {
            let share = (x - xs[below]) / (right - xs[below]);
            ys[below] + share * (ys[above] - ys[below])
        }
    }
}

/// Fits one kind of calibration to log-odds and outcomes.
type Fit = fn(&[f64], &[bool]) -> Calibration;

/// The kinds that compete, the simplest first.
const KINDS: [Fit; 3] = [|_, _| Calibration::Identity, platt, isotonic];

/// Chooses the kind of calibration that predicts best in folds it was not fitted on, and fits it to
/// everything. Returns it with the probabilities that it gave out of fold.
#[must_use]
pub fn choose(margins: &[f64], labels: &[bool], seed: u64) -> (Calibration, Vec<f64>) {
    // The scores are out of fold already; here one customer's examples need not stay together.
    let groups: Vec<u64> = (0..labels.len() as u64).collect();
    let folds = stratified(labels, &groups, FOLDS, seed);
    let mut tried: Vec<(usize, Vec<f64>, f64, f64)> = Vec::new();
    for (kind, fit) in KINDS.iter().enumerate() {
        let mut probabilities = vec![0.0; margins.len()];
        for fold in 0..FOLDS {
            let (outside, inside) = split(&folds, fold);
            let fitted = fit(&pick(margins, &outside), &pick(labels, &outside));
            for row in inside {
                probabilities[row] = fitted.probability(margins[row]);
            }
        }
        let loss = log_loss(labels, &probabilities);
        let ece = measure(labels, &probabilities).ece;
        tried.push((kind, probabilities, loss, ece));
    }
    let least = tried
        .iter()
        .map(|(_, _, loss, _)| *loss)
        .fold(f64::INFINITY, f64::min);
    tried.retain(|(_, _, loss, _)| *loss <= least + LOSS_TIE);
    let last = KINDS.len() - 1;
    let cost = |kind: usize, ece: f64| ece + if kind == last { STEPS_PENALTY } else { 0.0 };
    let best = tried
        .into_iter()
        .min_by(|a, b| cost(a.0, a.3).total_cmp(&cost(b.0, b.3)));
    let (kind, probabilities, _, _) = best.expect("the one with the least loss is there");
    (KINDS[kind](margins, labels), probabilities)
}

/// Fits a straight line. The slope is kept above 0: a map that turns the order around would be a
/// broken model, not a calibration.
fn platt(margins: &[f64], labels: &[bool]) -> Calibration {
    let matrix = Matrix {
        values: margins.to_vec(),
        width: 1,
    };
    let fitted = Logistic::fit(&matrix, labels, 1e-6);
    let slope = fitted.weights[0] * fitted.scales[0];
    if slope <= 1e-6 {
        return Calibration::Identity;
    }
    Calibration::Platt {
        slope,
        offset: fitted.intercept - slope * fitted.means[0],
    }
}

/// Fits steps by pooling adjacent violators, joins the middles of the steps, and keeps every step
/// half a customer away from certainty.
fn isotonic(margins: &[f64], labels: &[bool]) -> Calibration {
    struct Block {
        margin_sum: f64,
        positives: f64,
        count: f64,
    }
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
    let mut blocks: Vec<Block> = Vec::new();
    for row in order {
        let positives = f64::from(u8::from(labels[row]));
        blocks.push(Block {
            margin_sum: margins[row],
            positives,
            count: 1.0,
        });
        while let [.., before, last] = blocks.as_slice()
            && before.positives * last.count >= last.positives * before.count
        {
            let last = blocks.pop().expect("there are two");
            let before = blocks.last_mut().expect("there is one more");
            before.margin_sum += last.margin_sum;
            before.positives += last.positives;
            before.count += last.count;
        }
    }
    let edge = 0.5 / (number(margins.len()) + 1.0);
    let rate = |b: &Block| {
        let half = 0.5 / (b.count + 1.0);
        (b.positives / b.count).clamp(half.max(edge), 1.0 - half.max(edge))
    };
    let margins = blocks.iter().map(|b| b.margin_sum / b.count).collect();
    let mut probabilities: Vec<f64> = blocks.iter().map(rate).collect();
    // Keeping small steps away from certainty must not make them fall.
    for i in 1..probabilities.len() {
        probabilities[i] = probabilities[i].max(probabilities[i - 1]);
    }
    Calibration::Isotonic {
        margins,
        probabilities,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_core::hash::mix64;

    /// Customers with known true log-odds and outcomes drawn from them.
    fn drawn(count: u32, truth: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
        let uniform = |seed: u32| {
            f64::from(u32::try_from(mix64(u64::from(seed)) >> 32).unwrap()) / f64::from(u32::MAX)
        };
        let margins: Vec<f64> = (0..count).map(|i| 8.0 * uniform(2 * i + 1) - 4.0).collect();
        let labels = margins.iter().zip(0_u32..);
        let labels = labels
            .map(|(m, i)| uniform(2 * i + 2) < truth(*m))
            .collect();
        (margins, labels)
    }

    #[test]
    fn a_straight_distortion_is_found_and_undone() {
        let (margins, labels) = drawn(20_000, |m| sigmoid(0.5 * m - 1.0));

        let Calibration::Platt { slope, offset } = platt(&margins, &labels) else {
            panic!("a line was expected")
        };

        assert!(
            (slope - 0.5).abs() < 0.03 && (offset + 1.0).abs() < 0.05,
            "{slope} {offset}"
        );
    }

    #[test]
    fn a_bent_distortion_needs_steps() {
        let truth = |m: f64| if m < 0.0 { 0.05 } else { 0.6 };
        let (margins, labels) = drawn(20_000, truth);

        let (chosen, _) = choose(&margins, &labels, 1);

        assert_eq!(chosen.name(), "isotonic");
        assert!((chosen.probability(-2.0) - 0.05).abs() < 0.02);
        assert!((chosen.probability(2.0) - 0.6).abs() < 0.04);
    }

    #[test]
    fn steps_never_fall_and_are_never_certain() {
        let (margins, labels) = drawn(500, sigmoid);

        let steps = isotonic(&margins, &labels);

        let at: Vec<f64> = (-60..60)
            .map(|m| steps.probability(f64::from(m) / 10.0))
            .collect();
        assert!(at.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(at.iter().all(|p| *p > 0.0 && *p < 1.0));
    }
}
