//! How good probabilities are: do they rank, and do they mean what they say.

use serde::{Deserialize, Serialize};

/// Bins of equal width for the calibration error and the reliability diagram.
pub const BINS: usize = 10;

/// Measures of a set of scored customers whose outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// Chance that a leaver scores above a stayer (area under the ROC curve).
    pub auc: f64,
    /// Mean negative log likelihood.
    pub log_loss: f64,
    /// Mean squared error.
    pub brier: f64,
    /// Expected calibration error over bins of equal width.
    pub ece: f64,
    /// Share of leavers in the top tenth over the share of leavers in all.
    pub lift_10: f64,
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bin {
    /// How many customers fell into it.
    pub count: u64,
    /// Their mean probability.
    pub predicted: f64,
    /// The share of them that left.
    pub observed: f64,
}

/// Returns all measures.
#[must_use]
pub fn measure(labels: &[bool], probabilities: &[f64]) -> Metrics {
    Metrics {
        auc: auc(labels, probabilities),
        log_loss: log_loss(labels, probabilities),
        brier: brier(labels, probabilities),
        ece: ece(&reliability(labels, probabilities)),
        lift_10: lift(labels, probabilities, 0.1),
    }
}

/// Returns the area under the ROC curve: ranks with ties shared (Mann and Whitney). 0.5 where one
/// of the classes is empty.
#[must_use]
pub fn auc(labels: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut rank_sum, mut positives, mut start) = (0.0, 0.0, 0);
    while start < order.len() {
        let tied = order[start..]
            .iter()
            .take_while(|i| scores[**i] == scores[order[start]]);
        let end = start + tied.count().max(1);
        let rank = (number(start) + number(end) + 1.0) / 2.0;
        let hits = number(order[start..end].iter().filter(|i| labels[**i]).count());
        rank_sum += rank * hits;
        positives += hits;
        start = end;
    }
    let negatives = number(labels.len()) - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    (rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives)
}

/// Returns the mean negative log likelihood; probabilities are kept 1e-9 away from 0 and 1.
#[must_use]
pub fn log_loss(labels: &[bool], probabilities: &[f64]) -> f64 {
    mean(labels, probabilities, |label, p| {
        let p = p.clamp(1e-9, 1.0 - 1e-9);
        -if label { p } else { 1.0 - p }.ln()
    })
}

fn brier(labels: &[bool], probabilities: &[f64]) -> f64 {
    mean(labels, probabilities, |label, p| {
        (p - f64::from(u8::from(label))).powi(2)
    })
}

/// Returns the bins of equal width, from the lowest probabilities to the highest.
#[must_use]
pub fn reliability(labels: &[bool], probabilities: &[f64]) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for (label, p) in labels.iter().zip(probabilities) {
        let edge = (1..BINS)
            .take_while(|edge| *p >= number(*edge) / number(BINS))
            .count();
        let bin = &mut bins[edge];
        bin.count += 1;
        bin.predicted += p;
        bin.observed += f64::from(u8::from(*label));
    }
    for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
        let count = number(usize::try_from(bin.count).unwrap_or(usize::MAX));
        bin.predicted /= count;
        bin.observed /= count;
    }
    bins
}

fn ece(bins: &[Bin; BINS]) -> f64 {
    let count = |bin: &Bin| number(usize::try_from(bin.count).unwrap_or(usize::MAX));
    let all: f64 = bins.iter().map(count).sum();
    bins.iter()
        .map(|bin| count(bin) / all * (bin.predicted - bin.observed).abs())
        .sum()
}

/// Returns how much denser leavers are in the top `share` than in all.
fn lift(labels: &[bool], scores: &[f64], share: f64) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let top = share * number(order.len());
    let taken = (0..order.len())
        .take_while(|i| number(*i) < top)
        .count()
        .max(1);
    let rate = |indices: &[usize]| {
        number(indices.iter().filter(|i| labels[**i]).count()) / number(indices.len())
    };
    rate(&order[..taken.min(order.len())]) / rate(&order)
}

fn mean(labels: &[bool], probabilities: &[f64], of: impl Fn(bool, f64) -> f64) -> f64 {
    let sum: f64 = labels
        .iter()
        .zip(probabilities)
        .map(|(label, p)| of(*label, *p))
        .sum();
    sum / number(labels.len())
}

/// Returns a count as a float.
pub(crate) fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs_and_halves_ties() {
        let labels = [false, true, false, true];

        // Pairs: (.4 over .1), (.4 over .4: half), (.8 over .1), (.8 over .4).
        assert!((auc(&labels, &[0.1, 0.4, 0.4, 0.8]) - 3.5 / 4.0).abs() < 1e-12);
        assert!((auc(&labels, &[0.5; 4]) - 0.5).abs() < 1e-12);
        assert!((auc(&[true, true], &[0.1, 0.2]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn losses_follow_their_formulas() {
        let metrics = measure(&[true, false], &[0.8, 0.4]);

        assert!((metrics.log_loss - -(0.8_f64.ln() + 0.6_f64.ln()) / 2.0).abs() < 1e-12);
        assert!((metrics.brier - (0.04 + 0.16) / 2.0).abs() < 1e-12);
        // Two bins with one customer each, off by 0.2 and 0.4.
        assert!((metrics.ece - 0.3).abs() < 1e-12);
    }

    #[test]
    fn lift_is_the_density_of_the_top_over_that_of_all() {
        let labels: Vec<bool> = (0..100).map(|i| !(8..98).contains(&i)).collect();
        let scores: Vec<f64> = (0..100).map(|i| 1.0 - f64::from(i) / 100.0).collect();

        // 8 of the top 10 against 10 of 100.
        assert!((measure(&labels, &scores).lift_10 - 8.0).abs() < 1e-12);
    }
}
