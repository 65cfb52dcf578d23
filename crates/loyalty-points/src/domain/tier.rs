//! Tiers: earned with points that count for them and with money paid, never with the balance.
//!
//! A tier is reached at once. It is kept to the end of the period after the one in which it was last
//! earned, and some days of grace; then what was earned meanwhile decides.

use serde::{Deserialize, Serialize};
use tenure_core::{Span, Timestamp};

use super::programme::Zone;

/// Over which time points are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierPeriod {
    /// A calendar year of the programme.
    CalendarYear,
    /// The last so many months.
    Rolling(u16),
}

/// One tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Its name.
    pub key: String,
    /// How many counting points it takes.
    pub qualifying_min: i64,
    /// How much must have been paid beside that, in minor units; 0 for nothing.
    pub paid_min: i64,
    /// By what base points are multiplied, in basis points.
    pub multiplier: u32,
    /// What else its members have, as keys that channels know.
    pub benefits: Vec<String>,
}

/// The tiers of a programme, the lowest first. Below all of them is no tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierPolicy {
    /// Over which time points are counted.
    pub period: TierPeriod,
    /// How many days after its end a tier is still kept.
    pub grace_days: u16,
    /// The tiers.
    pub tiers: Vec<Tier>,
}

/// What an account has achieved in a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Achieved {
    /// Points that count.
    pub qualifying: i64,
    /// Money paid, in minor units.
    pub paid: i64,
}

/// An entry of which points were taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// How many points it earned.
    pub points: i64,
    /// How many of them count.
    pub qualifying: i64,
    /// How many were taken back.
    pub back: i64,
}

impl Achieved {
    /// Returns what counts no more of an event that earned so many points and paid so much: of each
    /// entry the share that was taken back, and of the payment the share of all points. Shares are
    /// rounded up, as nothing counts that did not stay.
    #[must_use]
    pub fn taken_back((points, paid): (i64, i64), entries: &[Revoked]) -> Self {
        let of_entry = |entry: &Revoked| share(entry.qualifying, entry.back, entry.points);
        let back = entries.iter().map(|entry| entry.back).sum();
        Self {
            qualifying: entries.iter().map(of_entry).sum(),
            paid: share(paid, back, points),
        }
    }

    /// Returns what is left without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            qualifying: self.qualifying - other.qualifying,
            paid: self.paid - other.paid,
        }
    }
}

/// Returns `part / whole` of `amount`, rounded up; never more than the amount.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if part >= whole {
        return amount;
    }
    let (amount, part, whole) = (i128::from(amount), i128::from(part), i128::from(whole));
    let share = (amount * part + whole - 1) / whole;
    i64::try_from(share).expect("a share is no more than the amount")
}

/// The tier of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierState {
    /// The tier; empty for none.
    pub tier: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when it is kept, without the grace; [`Timestamp::MAX`] without a tier.
    pub kept_until: Timestamp,
}

/// The spans of time over which points are counted at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spans {
    /// What counts now: from its first instant on.
    pub current: Timestamp,
    /// The period before: its first instant; it ends where the current one starts.
    pub previous: Timestamp,
}

impl TierPolicy {
    /// The most tiers.
    pub const TIERS_MAX: usize = 16;

    /// Returns a tier by its key.
    #[must_use]
    pub fn tier(&self, key: &str) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.key == key)
    }

    /// Returns where the periods lie at `now`.
    #[must_use]
    pub fn spans(&self, now: Timestamp, zone: &Zone) -> Spans {
        match self.period {
            TierPeriod::CalendarYear => {
                let (year, _) = zone.month(now).parts();
                Spans {
                    current: zone.year_start(year),
                    previous: zone.year_start(year - 1),
                }
            }
            TierPeriod::Rolling(months) => Spans {
                current: zone.minus_months(now, months),
                previous: zone.minus_months(now, months),
            },
        }
    }

    /// Returns until when a tier that is earned at `now` is kept.
    fn kept_until(&self, now: Timestamp, zone: &Zone) -> Timestamp {
        match self.period {
            TierPeriod::CalendarYear => {
                let (year, _) = zone.month(now).parts();
                zone.year_start(year + 2)
            }
            TierPeriod::Rolling(months) => zone.plus_months(now, months),
        }
    }

    /// Returns the rank of the highest tier that `achieved` reaches: 1 for the lowest, 0 for none.
    fn rank(&self, achieved: Achieved) -> usize {
        let reached = self.tiers.iter().rposition(|tier| {
            achieved.qualifying >= tier.qualifying_min && achieved.paid >= tier.paid_min
        });
        reached.map_or(0, |index| index + 1)
    }

    fn rank_of(&self, key: &str) -> usize {
        let found = self.tiers.iter().position(|tier| tier.key == key);
        found.map_or(0, |index| index + 1)
    }

    /// Returns the tier that an account has at `now`, given what it had, what it achieved in the
    /// current period and in the one before.
    #[must_use]
    pub fn assess(
        &self,
        had: Option<&TierState>,
        current: Achieved,
        previous: Achieved,
        now: Timestamp,
        zone: &Zone,
    ) -> TierState {
        let reached = self.rank(current);
        let rank = had.map_or(0, |had| self.rank_of(&had.tier));
        let state = |rank: usize, since: Timestamp, kept_until: Timestamp| TierState {
            tier: rank
                .checked_sub(1)
                .map_or_else(String::new, |index| self.tiers[index].key.clone()),
            since,
            kept_until,
        };
        let Some(had) = had else {
            let kept = self.kept_or_for_ever(reached, now, zone);
            return state(reached, now, kept);
        };
        if reached > rank {
            return state(reached, now, self.kept_until(now, zone));
        }
        if rank == 0 {
            // A tier that the programme has no more is none.
            let since = if had.tier.is_empty() { had.since } else { now };
            return state(0, since, Timestamp::MAX);
        }
        if reached == rank {
            let kept = self.kept_until(now, zone).max(had.kept_until);
            return state(rank, had.since, kept);
        }
        if now < had.kept_until + Span::from_days(i64::from(self.grace_days)) {
            return had.clone();
        }
        let falls_to = reached.max(self.rank(previous)).min(rank);
        let kept = self.kept_or_for_ever(falls_to, now, zone);
        if falls_to == rank {
            // Earned again in the year that ended: kept to the end of this one.
            let kept = had
                .kept_until
                .max(self.kept_until(self.spans(now, zone).previous, zone));
            return state(rank, had.since, kept);
        }
        state(falls_to, now, kept)
    }

    fn kept_or_for_ever(&self, rank: usize, now: Timestamp, zone: &Zone) -> Timestamp {
        if rank == 0 {
            Timestamp::MAX
        } else {
            self.kept_until(now, zone)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn tier(key: &str, qualifying_min: i64, paid_min: i64) -> Tier {
        Tier {
            key: key.to_owned(),
            qualifying_min,
            paid_min,
            multiplier: 10_000,
            benefits: Vec::new(),
        }
    }

    fn policy(period: TierPeriod) -> TierPolicy {
        TierPolicy {
            period,
            grace_days: 31,
            tiers: vec![
                tier("silver", 1_000, 0),
                tier("gold", 5_000, 0),
                tier("diamond", 10_000, 1_000_000),
            ],
        }
    }

    fn achieved(qualifying: i64) -> Achieved {
        Achieved {
            qualifying,
            paid: 0,
        }
    }

    #[test]
    fn a_tier_is_reached_at_once_and_needs_both_points_and_value() {
        let policy = policy(TierPeriod::CalendarYear);
        let now = at("2025-03-10");
        let assess = |current| {
            let state = policy.assess(None, current, Achieved::default(), now, &Zone::UTC);
            state.tier
        };

        assert_eq!(assess(achieved(999)), "");
        assert_eq!(assess(achieved(1_000)), "silver");
        assert_eq!(assess(achieved(10_000)), "gold");
        let paid = Achieved {
            qualifying: 10_000,
            paid: 1_000_000,
        };
        assert_eq!(assess(paid), "diamond");
    }

    /// 5 of 15 and 7 of 30 points: a third of 10 and 7/30 of 3 count no more, and 12/45 of the money.
    #[test]
    fn shares_of_what_was_taken_back_are_rounded_up_and_add_up_to_all() {
        let entry = |points, qualifying, back| Revoked {
            points,
            qualifying,
            back,
        };
        let taken = |paid, entries: &[Revoked]| {
            let back = Achieved::taken_back((45, paid), entries);
            (back.qualifying, back.paid)
        };

        assert_eq!(
            taken(100, &[entry(15, 10, 5), entry(30, 3, 7)]),
            (4 + 1, 27)
        );
        assert_eq!(
            taken(100, &[entry(15, 10, 15), entry(30, 3, 30)]),
            (13, 100)
        );
        assert_eq!(taken(i64::MAX, &[entry(15, i64::MAX, 15)]).0, i64::MAX);
        assert_eq!(taken(100, &[entry(0, 0, 0)]), (0, 0));
    }

    #[test]
    fn a_tier_of_a_calendar_year_is_kept_through_the_next_and_its_grace() {
        let policy = policy(TierPeriod::CalendarYear);
        let none = Achieved::default();
        let gold = policy.assess(None, achieved(5_000), none, at("2025-03-10"), &Zone::UTC);
        assert_eq!(
            (gold.tier.as_str(), gold.kept_until),
            ("gold", at("2027-01-01"))
        );

        let later = |current, previous, now: &str| {
            policy.assess(Some(&gold), current, previous, at(now), &Zone::UTC)
        };
        // Nothing more is earned: kept to the end of 2026 and 31 days.
        assert_eq!(later(none, achieved(5_000), "2026-12-31").tier, "gold");
        assert_eq!(later(none, none, "2027-01-31").tier, "gold");
        assert_eq!(later(none, none, "2027-02-01").tier, "");
        // What the year that ended has earned decides, not the balance and not the peak.
        assert_eq!(later(none, achieved(1_500), "2027-02-01").tier, "silver");
        let again = later(none, achieved(6_000), "2027-02-01");
        assert_eq!(
            (again.tier.as_str(), again.since),
            ("gold", at("2025-03-10"))
        );
        assert_eq!(again.kept_until, at("2028-01-01"));
    }

    #[test]
    fn a_rolling_tier_is_kept_for_as_long_as_it_took_to_earn() {
        let policy = policy(TierPeriod::Rolling(12));
        let none = Achieved::default();
        let silver = policy.assess(None, achieved(1_000), none, at("2025-03-10"), &Zone::UTC);
        assert_eq!(silver.kept_until, at("2026-03-10"));

        let kept = policy.assess(Some(&silver), none, none, at("2026-04-09"), &Zone::UTC);
        let lost = policy.assess(Some(&silver), none, none, at("2026-04-10"), &Zone::UTC);
        let earned = achieved(1_200);
        let again = policy.assess(Some(&silver), earned, none, at("2026-02-01"), &Zone::UTC);

        assert_eq!((kept.tier.as_str(), lost.tier.as_str()), ("silver", ""));
        assert_eq!(again.kept_until, at("2027-02-01"));
        assert_eq!(again.since, silver.since);
    }

    #[test]
    fn a_tier_that_the_programme_has_no_more_is_none() {
        let policy = policy(TierPeriod::CalendarYear);
        let had = TierState {
            tier: "platinum".to_owned(),
            since: at("2024-01-01"),
            kept_until: at("2026-01-01"),
        };
        let none = Achieved::default();

        let state = policy.assess(Some(&had), none, none, at("2025-01-01"), &Zone::UTC);

        assert_eq!((state.tier.as_str(), state.since), ("", at("2025-01-01")));
    }
}
