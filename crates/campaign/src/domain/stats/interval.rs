//! Confidence intervals of a proportion and of the difference of two.

use super::normal::quantile;

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proportion {
    /// How many have the property; at most `total`.
    pub(crate) count: u64,
    /// How many there are.
    pub(crate) total: u64,
}

impl Proportion {
    /// Returns the share; nothing of nothing.
    #[expect(clippy::cast_precision_loss, reason = "customers are fewer than 2^53")]
    pub(crate) fn share(self) -> Option<f64> {
        (self.total > 0).then(|| self.count as f64 / self.total as f64)
    }
}

/// The difference of two proportions, with an interval that holds the true one as often as was
/// asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    /// First less second.
    pub(crate) estimate: f64,
    /// Lower end.
    pub(crate) lower: f64,
    /// Upper end.
    pub(crate) upper: f64,
}

/// Returns the score interval of one proportion without continuity correction (Wilson 1927), or
/// nothing of nothing. `z` is the normal quantile of the wanted level.
#[expect(clippy::cast_precision_loss, reason = "customers are fewer than 2^53")]
fn wilson(proportion: Proportion, z: f64) -> Option<(f64, f64)> {
    let p = proportion.share()?;
    let n = proportion.total as f64;
    let centre = 2.0 * n * p + z * z;
    let width = z * (z * z + 4.0 * n * p * (1.0 - p)).sqrt();
    let scale = 2.0 * (n + z * z);
    Some((
        ((centre - width) / scale).max(0.0),
        ((centre + width) / scale).min(1.0),
    ))
}

/// Returns `first - second` with the hybrid score interval (Newcombe, Statistics in Medicine 17,
/// 1998, 873-890, method 10), or nothing when one of them is of nothing.
///
/// Unlike the textbook interval it keeps its level with few customers and with shares near 0 or 1,
/// which is where retention is, and never leaves -1 to 1.
pub(crate) fn newcombe(first: Proportion, second: Proportion, level: f64) -> Option<Difference> {
    let z = quantile(0.5 + level / 2.0);
    let (p1, p2) = (first.share()?, second.share()?);
    let (l1, u1) = wilson(first, z)?;
    let (l2, u2) = wilson(second, z)?;
    let estimate = p1 - p2;
    Some(Difference {
        estimate,
        lower: (estimate - (p1 - l1).hypot(u2 - p2)).max(-1.0),
        upper: (estimate + (u1 - p1).hypot(p2 - l2)).min(1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64, total: u64) -> Proportion {
        Proportion { count, total }
    }

    /// Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
    #[test]
    fn intervals_of_one_proportion_are_those_of_the_paper() {
        let z = quantile(0.975);
        let table = [
            (of(81, 263), 0.2553, 0.3662),
            (of(15, 148), 0.0624, 0.1605),
            (of(0, 20), 0.0, 0.1611),
            (of(1, 29), 0.0061, 0.1718),
        ];
        for (proportion, lower, upper) in table {
            let found = wilson(proportion, z).unwrap();
            assert!(
                (found.0 - lower).abs() < 5e-5 && (found.1 - upper).abs() < 5e-5,
                "{found:?}"
            );
        }
    }

    /// Newcombe, Statistics in Medicine 17, 1998, 873-890, table II, method 10.
    #[test]
    fn intervals_of_a_difference_are_those_of_the_paper() {
        let table = [
            (of(56, 70), of(48, 80), 0.0524, 0.3339),
            (of(9, 10), of(3, 10), 0.1705, 0.8090),
            (of(6, 7), of(2, 7), 0.0582, 0.8062),
            (of(5, 56), of(0, 29), -0.0381, 0.1926),
            (of(0, 10), of(0, 20), -0.1611, 0.2775),
            (of(0, 10), of(0, 10), -0.2775, 0.2775),
            (of(10, 10), of(0, 20), 0.6791, 1.0),
            (of(10, 10), of(0, 10), 0.6075, 1.0),
        ];
        for (first, second, lower, upper) in table {
            let found = newcombe(first, second, 0.95).unwrap();
            assert!(
                (found.lower - lower).abs() < 5e-5,
                "{first:?} {second:?} {found:?}"
            );
            assert!(
                (found.upper - upper).abs() < 5e-5,
                "{first:?} {second:?} {found:?}"
            );
        }
    }

    #[test]
    fn there_is_no_difference_to_nothing() {
        assert_eq!(newcombe(of(0, 0), of(1, 2), 0.95), None);
        assert_eq!(newcombe(of(1, 2), of(0, 0), 0.95), None);
    }

    /// Returns the probabilities of 0 to `n` successes, by the recurrence of the binomial.
    fn binomial(n: u32, p: f64) -> Vec<f64> {
        let mut at = (1.0 - p).powi(i32::try_from(n).unwrap());
        let mut all = vec![at];
        for k in 0..n {
            at *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
            all.push(at);
        }
        all
    }

    /// Returns how often the interval holds the truth, exactly: summed over all outcomes.
    fn coverage((n1, p1): (u32, f64), (n2, p2): (u32, f64), level: f64) -> f64 {
        let (first, second) = (binomial(n1, p1), binomial(n2, p2));
        let mut held = 0.0;
        for (count1, probability1) in (0_u64..).zip(&first) {
            for (count2, probability2) in (0_u64..).zip(&second) {
                let found = newcombe(of(count1, n1.into()), of(count2, n2.into()), level).unwrap();
                if found.lower <= p1 - p2 && p1 - p2 <= found.upper {
                    held += probability1 * probability2;
                }
            }
        }
        held
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let pairs = [
            ((50, 0.5), (50, 0.5)),
            ((100, 0.9), (100, 0.8)),
            ((200, 0.85), (40, 0.8)),
            ((30, 0.3), (60, 0.6)),
            ((150, 0.95), (50, 0.9)),
        ];
        for (first, second) in pairs {
            let held = coverage(first, second, 0.95);
            assert!(
                (0.93..=0.97).contains(&held),
                "{first:?} {second:?}: {held}"
            );
            let held = coverage(first, second, 0.8);
            assert!(
                (0.77..=0.84).contains(&held),
                "{first:?} {second:?}: {held}"
            );
        }
    }
}
