//! How much values are spread as before, and how late they come.

/// From here on a population stability index is worth a look, and from [`ALARM`] on it is a shift: the
/// usual limits (N. Siddiqi, Credit Risk Scorecards, 2006; B. Yurdakul, Statistical Properties of
/// Population Stability Index, 2018).
const NOTICE: f64 = 0.1;
const ALARM: f64 = 0.25;
/// With fewer rows chance alone moves the index past the limits.
const ROWS_MIN: i64 = 100;
/// The share of an empty bin, of which there is no logarithm.
const SHARE_MIN: f64 = 0.000_1;

/// Upper ends of the bins of lags, in hours; above the last one is one bin more.
pub const LAG_HOURS: [i64; 11] = [1, 6, 24, 48, 96, 168, 336, 720, 2_160, 4_320, 8_760];

super::numbered! {
    /// What an index means.
    Drift {
        /// Nothing: there are too few rows.
        TooFew = 1,
        /// As before.
        Stable = 2,
        /// To be looked at.
        Notice = 3,
        /// Something else than before.
        Alarm = 4,
    }
}

/// Returns the population stability index of counts in the same bins: the sum of
/// `(a - e) * ln(a / e)` over the shares of both. Nothing when there are too few.
#[must_use]
pub fn stability_index(expected: &[i64], actual: &[i64]) -> Option<f64> {
    let (before, now) = (expected.iter().sum::<i64>(), actual.iter().sum::<i64>());
    if before < ROWS_MIN || now < ROWS_MIN {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share is no more exact")]
    let share = |count: i64, of: i64| (count as f64 / of as f64).max(SHARE_MIN);
    let bins = expected.iter().zip(actual);
    let part = bins.map(|(e, a)| {
        let (e, a) = (share(*e, before), share(*a, now));
        (a - e) * (a / e).ln()
    });
    Some(part.sum())
}

/// Returns what the greater of indexes means.
#[must_use]
pub fn drift(indexes: &[Option<f64>]) -> Drift {
    let greatest = indexes.iter().flatten().copied().reduce(f64::max);
    match greatest {
        None => Drift::TooFew,
        Some(index) if index >= ALARM => Drift::Alarm,
        Some(index) if index >= NOTICE => Drift::Notice,
        Some(_) => Drift::Stable,
    }
}

/// Returns the hours that a share of lags (in percent) does not exceed; nothing when there are none, or
/// it is in the last, open bin.
#[must_use]
pub fn lag_hours(counts: &[i64], percent: i64) -> Option<i64> {
    let all: i64 = counts.iter().sum();
    let mut below = 0;
    for (hours, count) in LAG_HOURS.iter().zip(counts) {
        below += count;
        if all > 0 && below.saturating_mul(100) >= all.saturating_mul(percent) {
            return Some(*hours);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_index_is_that_of_the_formula() {
        // By hand: (0.3 - 0.5) ln(0.6) + (0.7 - 0.5) ln(1.4) = 0.2 ln(7/3).
        let index = stability_index(&[500, 500], &[300, 700]).unwrap();

        assert!((index - 0.169_459_572_077_440_73).abs() < 1e-12, "{index}");
        assert_eq!(drift(&[Some(index), None]), Drift::Notice);
    }

    #[test]
    fn the_limits_are_the_usual_ones() {
        let cases = [
            (0.099, Drift::Stable),
            (0.1, Drift::Notice),
            (0.25, Drift::Alarm),
        ];
        for (index, wanted) in cases {
            assert_eq!(drift(&[Some(0.0), Some(index)]), wanted);
        }
        assert_eq!(drift(&[None, None]), Drift::TooFew);
        assert_eq!(stability_index(&[99], &[1_000]), None);
        assert_eq!(stability_index(&[1_000], &[99]), None);
    }

    #[test]
    fn lags_are_told_by_the_end_of_their_bin() {
        let mut counts = [0; 12];
        counts[0] = 50;
        counts[2] = 45;
        counts[11] = 5;

        assert_eq!(lag_hours(&counts, 50), Some(1));
        assert_eq!(lag_hours(&counts, 95), Some(24));
        assert_eq!(lag_hours(&counts, 96), None);
        assert_eq!(lag_hours(&[0; 12], 50), None);
    }

    proptest! {
        #[test]
        fn the_index_is_symmetric_not_negative_and_zero_for_the_same(
            pairs in prop::collection::vec((0_i64..1_000, 0_i64..1_000), 2..32),
        ) {
            let (mut one, mut two): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            one[0] += 100;
            two[0] += 100;
            let there = stability_index(&one, &two).unwrap();
            let back = stability_index(&two, &one).unwrap();
            prop_assert!(there >= 0.0);
            prop_assert!((there - back).abs() < 1e-9);
            prop_assert!(stability_index(&one, &one).unwrap().abs() < 1e-12);
        }
    }
}
