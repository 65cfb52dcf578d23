//! Deferred money that becomes revenue as points are used: the cumulative catch-up.

use super::{Share, rounded};

/// How far the points of a vintage are, and the money that is deferred for all of them.
///
/// Revenue to date is the allocated money times the points used, divided by the points expected to
/// be used in the end. A changed expectation changes what was recognised to date; a period's revenue
/// is the difference between its end and its start, so periods always add up to the whole, whatever
/// they are. Breakage is part of it: what is not expected to be used is recognised in proportion to
/// what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The money, in minor units.
    pub allocated: i64,
    /// The points that it is for: issued, less what was taken back.
    pub issued: i64,
    /// Of them, those that were used.
    pub used: i64,
    /// Of them, those that can still be used.
    pub outstanding: i64,
    /// Which share of the issued points is expected to be used in the end.
    pub expected: Share,
}

impl Progress {
    /// Returns the points expected to be used in the end, in millionths: not fewer than were used
    /// already, and not more than were used and can still be. So when nothing is outstanding any
    /// more, all is revenue.
    fn expected_millionths(&self) -> i128 {
        let whole = i128::from(Share::WHOLE);
        let used = i128::from(self.used.max(0)) * whole;
        let possible = used + i128::from(self.outstanding.max(0)) * whole;
        let expected = i128::from(self.issued) * i128::from(self.expected.ppm());
        expected.clamp(used, possible)
    }

    /// Returns the revenue to date. Where nothing is expected to be used any more, that is all.
    #[must_use]
    pub fn recognised(&self) -> i64 {
        let expected = self.expected_millionths();
        if expected == 0 {
            return self.allocated;
        }
        let used = i128::from(self.used.max(0)) * i128::from(Share::WHOLE);
        in_proportion(self.allocated, used, expected)
    }

    /// Returns what stays deferred: the liability.
    #[must_use]
    pub fn deferred(&self) -> i64 {
        self.allocated - self.recognised()
    }

    /// Returns the part of the revenue to date that is breakage: what goes beyond the used points'
    /// own share of the money.
    #[must_use]
    pub fn breakage(&self) -> i64 {
        let (used, issued) = (i128::from(self.used.max(0)), i128::from(self.issued));
        if issued <= 0 {
            return self.recognised();
        }
        self.recognised() - in_proportion(self.allocated, used.min(issued), issued)
    }

    /// Returns how many of the outstanding points are expected never to be used, rounded.
    #[must_use]
    pub fn expected_breakage(&self) -> i64 {
        let whole = i128::from(Share::WHOLE);
        let total = i128::from(self.used.max(0)) + i128::from(self.outstanding.max(0));
        let unused = rounded(total * whole - self.expected_millionths(), whole);
        i64::try_from(unused).expect("no more than are outstanding")
    }
}

/// Returns `amount * part / whole`, rounded; the part is not more than the whole.
fn in_proportion(amount: i64, part: i128, whole: i128) -> i64 {
    let amount = i128::from(amount.max(0));
    let share = amount
        .checked_mul(part)
        .map_or_else(|| approximate(amount, part, whole), |it| rounded(it, whole));
    i64::try_from(share).expect("a part is not more than the whole")
}

/// Divides first where the product is beyond 128 bits. Part and whole are then so large that what is
/// lost is far below a minor unit.
fn approximate(amount: i128, part: i128, whole: i128) -> i128 {
    let scale = whole / (i128::MAX / amount.max(1)) + 1;
    rounded(amount * (part / scale), whole / scale).min(amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn progress(allocated: i64, issued: i64, used: i64, ppm: u32) -> Progress {
        Progress {
            allocated,
            issued,
            used,
            outstanding: issued - used,
            expected: Share::from_ppm(ppm).unwrap(),
        }
    }

    /// KPMG's worked example 10A (the shape of IE267 to IE270 of the standard): 9,000 for 10,000
    /// points, 97 % expected.
    #[test]
    fn kpmg_a_changed_estimate_is_caught_up_in_the_year_it_changes() {
        let second_year = progress(9_000, 10_000, 4_500, 970_000).recognised();
        assert_eq!(second_year, 4_175);

        let of_third_year = |ppm| progress(9_000, 10_000, 8_500, ppm).recognised() - second_year;
        assert_eq!(of_third_year(990_000), 3_552);
        assert_eq!(of_third_year(920_000), 4_140);
    }

    /// The same example: at the end of the second year 300 of 5,500 points are expected to break, and
    /// 9,000 x 4,500 / 10,000 = 4,050 is for the used points themselves.
    #[test]
    fn kpmg_breakage_is_recognised_in_proportion_to_use() {
        let second_year = progress(9_000, 10_000, 4_500, 970_000);

        assert_eq!(second_year.expected_breakage(), 300);
        assert_eq!(second_year.breakage(), 4_175 - 4_050);
        assert_eq!(second_year.deferred(), 9_000 - 4_175);
    }

    #[test]
    fn what_can_no_longer_be_used_is_revenue() {
        let expired = Progress {
            outstanding: 0,
            ..progress(9_000, 10_000, 4_500, 970_000)
        };
        assert_eq!((expired.recognised(), expired.deferred()), (9_000, 0));
        assert_eq!(
            (expired.breakage(), expired.expected_breakage()),
            (4_950, 0)
        );

        let hopeless = progress(9_000, 10_000, 0, 0);
        assert_eq!(hopeless.recognised(), 9_000);
        let more_than_expected = progress(9_000, 10_000, 9_900, 970_000);
        assert_eq!(more_than_expected.recognised(), 9_000);
    }

    #[test]
    fn numbers_beyond_128_bits_are_divided_first() {
        let huge = progress(i64::MAX, i64::MAX, i64::MAX / 2, 1_000_000);
        let half = i64::MAX / 2;
        assert!((huge.recognised() - half).abs() <= 1 << 40);
    }

    /// Issued points, then what is used and what expires in each period.
    fn history() -> impl Strategy<Value = (i64, i64, Vec<(i64, i64, u32)>)> {
        let period = (0_i64..400, 0_i64..100, 0_u32..=1_000_000);
        (
            0_i64..1_000_000,
            0_i64..3_000,
            proptest::collection::vec(period, 0..12),
        )
    }

    fn states(allocated: i64, issued: i64, periods: &[(i64, i64, u32)]) -> Vec<Progress> {
        let mut now = Progress {
            used: 0,
            outstanding: issued,
            ..progress(allocated, issued, 0, 1_000_000)
        };
        let mut states = Vec::new();
        for (used, expired, ppm) in periods {
            let used = (*used).min(now.outstanding);
            let expired = (*expired).min(now.outstanding - used);
            now.used += used;
            now.outstanding -= used + expired;
            now.expected = Share::from_ppm(*ppm).unwrap();
            states.push(now);
        }
        states
    }

    proptest! {
        #[test]
        fn never_more_is_recognised_than_was_allocated((allocated, issued, periods) in history()) {
            for state in states(allocated, issued, &periods) {
                prop_assert!((0..=allocated).contains(&state.recognised()));
                prop_assert_eq!(state.recognised() + state.deferred(), allocated);
                prop_assert!(state.breakage() >= 0);
                prop_assert!((0..=state.outstanding).contains(&state.expected_breakage()));
            }
        }

        #[test]
        fn what_periods_recognise_adds_up_whatever_their_order(
            (allocated, issued, periods) in history(),
        ) {
            let total = |periods: &[(i64, i64, u32)]| {
                let mut recognised = vec![0];
                let states = states(allocated, issued, periods);
                recognised.extend(states.iter().map(Progress::recognised));
                let revenue: Vec<i64> = recognised.windows(2).map(|pair| pair[1] - pair[0]).collect();
                revenue.iter().sum::<i64>()
            };
            // The same use and the same last expectation in another order of periods.
            let mut periods: Vec<_> = periods.into_iter().map(|(used, ..)| (used, 0, 700_000)).collect();
            let forwards = total(&periods);
            periods.reverse();
            prop_assert_eq!(total(&periods), forwards);
            let all: i64 = periods.iter().map(|(used, ..)| used).sum();
            let at_once = total(&[(all, 0, 700_000)]);
            if !periods.is_empty() {
                prop_assert_eq!(at_once, forwards);
            }
        }

        #[test]
        fn all_is_recognised_in_the_end((allocated, issued, mut periods) in history()) {
            periods.push((0, i64::MAX, 500_000));
            let end = *states(allocated, issued, &periods).last().unwrap();
            prop_assert_eq!(end.recognised(), allocated);
        }
    }
}
