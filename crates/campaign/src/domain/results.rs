//! What a campaign achieved: everybody who was to be treated against everybody who was left alone.

use tenure_core::{Span, Timestamp};

use super::stats::{Difference, Proportion, SampleRatio, newcombe, sample_ratio};

/// The customers of one arm, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ArmTally {
    /// How many were enrolled.
    pub(crate) customers: u64,
    /// How many of them left of their own will within the window.
    pub(crate) churned: u64,
}

impl ArmTally {
    /// Returns who stayed, of all.
    pub(crate) fn retained(self) -> Proportion {
        Proportion {
            count: self.customers.saturating_sub(self.churned),
            total: self.customers,
        }
    }
}

/// A campaign, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Who was to be treated, whether or not a message arrived (intention to treat).
    pub(crate) treated: ArmTally,
    /// Who was left alone.
    pub(crate) control: ArmTally,
    /// Contacts delivered.
    pub(crate) delivered: u64,
    /// Customers who accepted.
    pub(crate) accepted: u64,
    /// Customers who declined.
    pub(crate) declined: u64,
    /// Points granted.
    pub(crate) granted_points: i64,
}

/// The time in which staying and leaving counts: after the launch, up to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The launch; what happened at this instant or before does not count.
    pub(crate) after: Timestamp,
    /// The last instant that counts.
    pub(crate) until: Timestamp,
    /// True when the window is over.
    pub(crate) is_final: bool,
}

/// Returns the time that can be measured at `now`.
pub(crate) fn measured(launched_at: Timestamp, window: Span, now: Timestamp) -> Measured {
    let end = launched_at + window;
    Measured {
        after: launched_at,
        until: end.min(now),
        is_final: now >= end,
    }
}

/// What the counts say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Findings {
    /// Share of the treated who stayed, less that of the control group; nothing while one of the
    /// two is empty.
    pub(crate) effect: Option<Difference>,
    /// Whether the groups have the sizes that were asked for.
    pub(crate) sample_ratio: SampleRatio,
}

/// Compares the arms, with an interval of `level`.
pub(crate) fn compare(tally: &Tally, control_share: f64, level: f64) -> Findings {
    let (treated, control) = (tally.treated.retained(), tally.control.retained());
    Findings {
        effect: newcombe(treated, control, level),
        sample_ratio: sample_ratio(treated.total, control.total, control_share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Timestamp {
        Timestamp::from_date(2025, 1, day).unwrap()
    }

    #[test]
    fn what_can_be_measured_grows_until_the_window_ends() {
        let at = |now| measured(day(1), Span::from_days(10), now);

        assert_eq!(
            at(day(5)),
            Measured {
                after: day(1),
                until: day(5),
                is_final: false
            }
        );
        assert_eq!(
            at(day(11)),
            Measured {
                after: day(1),
                until: day(11),
                is_final: true
            }
        );
        assert_eq!(
            at(day(20)),
            Measured {
                after: day(1),
                until: day(11),
                is_final: true
            }
        );
    }

    /// Newcombe 1998, table II, example a: 56 of 70 against 48 of 80.
    #[test]
    fn the_effect_is_the_difference_of_those_who_stayed() {
        let tally = Tally {
            treated: ArmTally {
                customers: 70,
                churned: 14,
            },
            control: ArmTally {
                customers: 80,
                churned: 32,
            },
            ..Tally::default()
        };

        let found = compare(&tally, 0.5, 0.95);

        let effect = found.effect.unwrap();
        assert!((effect.estimate - 0.2).abs() < 1e-12);
        assert!((effect.lower - 0.0524).abs() < 5e-5);
        assert!((effect.upper - 0.3339).abs() < 5e-5);
        assert!(found.sample_ratio.passed());
    }

    #[test]
    fn there_is_no_effect_without_a_control_group() {
        let treated = ArmTally {
            customers: 5,
            churned: 1,
        };
        let found = compare(
            &Tally {
                treated,
                ..Tally::default()
            },
            0.5,
            0.95,
        );

        assert_eq!(found.effect, None);
    }
}
