//! Spans of validity: from an instant, which is part of them, until another, which is not.

use tenure_core::Timestamp;

/// When a fact is valid. Never empty: `from` lies before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    from: Timestamp,
    until: Timestamp,
}

impl Interval {
    /// Creates an interval; without an end it lasts. Nothing, when it would be empty.
    #[must_use]
    pub fn new(from: Timestamp, until: Option<Timestamp>) -> Option<Self> {
        let until = until.unwrap_or(Timestamp::MAX);
        (from < until).then_some(Self { from, until })
    }

    /// Returns the first instant.
    #[must_use]
    pub fn from(self) -> Timestamp {
        self.from
    }

    /// Returns the first instant after it; [`Timestamp::MAX`] while nobody knows an end.
    #[must_use]
    pub fn until(self) -> Timestamp {
        self.until
    }

    /// Returns the first instant after it, where somebody knows it.
    #[must_use]
    pub fn end(self) -> Option<Timestamp> {
        (self.until < Timestamp::MAX).then_some(self.until)
    }

    /// Returns true when the instant is part of it.
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Returns true when both have an instant in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.until && other.from < self.until
    }

    /// Returns what both have in common.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let until = self.until.min(other.until);
        Self::new(self.from.max(other.from), Some(until))
    }

    /// Returns true when all of `other` is part of it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }

    /// Returns it with another end; nothing when that lies not within it.
    #[must_use]
    pub fn cut(self, until: Timestamp) -> Option<Self> {
        if until > self.until {
            return None;
        }
        Self::new(self.from, Some(until))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const LAST: i64 = 12;

    fn at(instant: i64) -> Timestamp {
        Timestamp::from_micros(instant)
    }

    /// The instants of an interval below [`LAST`], one by one.
    fn naive(interval: Interval) -> BTreeSet<i64> {
        (0..LAST).filter(|n| interval.contains(at(*n))).collect()
    }

    fn intervals() -> impl Strategy<Value = Interval> {
        (0..LAST - 1, 1..LAST, any::<bool>()).prop_map(|(from, length, lasts)| {
            let until = at((from + length).min(LAST));
            Interval::new(at(from), (!lasts).then_some(until)).unwrap()
        })
    }

    proptest! {
        #[test]
        fn intervals_are_sets_of_instants(a in intervals(), b in intervals(), cut in 0..LAST) {
            let (ones, others) = (naive(a), naive(b));
            let both: BTreeSet<i64> = ones.intersection(&others).copied().collect();

            prop_assert_eq!(a.overlaps(b), !both.is_empty());
            prop_assert_eq!(a.intersection(b).map(naive).unwrap_or_default(), both);
            let is_open = |interval: Interval| interval.end().is_none();
            let longer = is_open(a) || !is_open(b);
            prop_assert_eq!(a.covers(b), others.is_subset(&ones) && longer);
            let before: BTreeSet<i64> = ones.iter().copied().filter(|n| *n < cut).collect();
            if let Some(shorter) = a.cut(at(cut)) {
                prop_assert_eq!(naive(shorter), before);
            } else {
                prop_assert!(before.is_empty() || !ones.contains(&cut));
            }
        }
    }

    #[test]
    fn an_interval_has_at_least_one_instant() {
        assert_eq!(Interval::new(at(3), Some(at(3))), None);
        assert_eq!(Interval::new(at(3), Some(at(2))), None);
        let lasting = Interval::new(at(3), None).unwrap();
        assert_eq!(lasting.end(), None);
        assert_eq!(lasting.cut(at(5)).unwrap().end(), Some(at(5)));
    }
}
