//! Points by when they were earned: vintages, read off the entries' allocations.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::{Lane, ProgrammeId, Timestamp};

use super::account::Origin;
use super::entry::{Allocation, Entry, EntryKind};
use super::total::day_of;

/// Points of one programme that were earned in one month and are of one kind and partner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cohort {
    /// The programme.
    pub programme: ProgrammeId,
    /// The first day of the month in UTC, counted from 1970-01-01.
    pub month: i64,
    /// The kind of points; empty for those of ordinary earnings.
    pub points_type: Arc<str>,
    /// The partner who funds them; empty when the operator does.
    pub partner: Arc<str>,
}

impl Cohort {
    /// Returns the cohort of points of `programme` that were earned at `earned_at`.
    #[must_use]
    pub fn of(programme: &ProgrammeId, earned_at: Timestamp, origin: &Origin) -> Self {
        Self {
            programme: programme.clone(),
            month: day_of(earned_at.month_start()),
            points_type: origin.points_type.clone(),
            partner: origin.partner.clone(),
        }
    }
}

/// Changes of points: of all, and of those that are held or pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// Of all points.
    pub points: i64,
    /// Of held ones.
    pub held: i64,
    /// Of pending ones.
    pub pending: i64,
}

impl Change {
    /// Adds another change.
    pub fn add(&mut self, other: Self) {
        self.points += other.points;
        self.held += other.held;
        self.pending += other.pending;
    }
}

/// What entries of one lane and kind, decided for one day, changed of one cohort: the key of a sum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VintageKey {
    /// The lane.
    pub lane: Lane,
    /// The points.
    pub cohort: Cohort,
    /// The day, counted from 1970-01-01 in UTC.
    pub day: i64,
    /// The number of the kind of the entries.
    pub kind: i16,
}

/// Sums over entries.
#[derive(Debug, Default)]
pub struct Vintages(BTreeMap<VintageKey, Change>);

impl Vintages {
    /// Adds an entry of an account of `programme`. An entry that confirms a hold needs the one that
    /// made it, see [`needs_hold`].
    pub fn add(&mut self, entry: &Entry, programme: &ProgrammeId, made: Option<&Entry>) {
        let mut sum = Change::default();
        for allocation in &entry.allocations {
            let change = change(entry, allocation);
            sum.add(change);
            self.put(entry, programme, allocation, change);
        }
        if entry.kind == EntryKind::Confirm {
            // All that was held is no longer, whatever was spent of it.
            let held = made.unwrap_or(entry);
            for allocation in &held.allocations {
                let change = Change {
                    held: allocation.points,
                    ..Change::default()
                };
                sum.add(change);
                self.put(entry, programme, allocation, change);
            }
        }
        debug_assert_eq!(
            sum,
            Change {
                points: entry.points,
                held: entry.held,
                pending: entry.pending
            },
            "the allocations of entry {} say what it says",
            entry.id
        );
    }

    fn put(&mut self, entry: &Entry, programme: &ProgrammeId, of: &Allocation, change: Change) {
        let key = VintageKey {
            lane: entry.id.lane(),
            cohort: Cohort::of(programme, of.earned_at, &of.origin),
            day: day_of(entry.decided_at),
            kind: entry.kind.number(),
        };
        self.0.entry(key).or_default().add(change);
    }

    /// Returns the sums by lane, cohort, day and kind.
    #[must_use]
    pub fn finish(self) -> Vec<(VintageKey, Change)> {
        self.0.into_iter().collect()
    }
}

/// Returns true when an entry does not tell by itself which lots its hold had kept: it confirmed
/// less, or more, than was held.
#[must_use]
pub fn needs_hold(entry: &Entry) -> bool {
    entry.kind == EntryKind::Confirm && entry.points != entry.held
}

fn change(entry: &Entry, allocation: &Allocation) -> Change {
    let points = allocation.points;
    match entry.kind {
        // Between what is available and what is held; what leaves the one comes to the other.
        EntryKind::Hold | EntryKind::Release | EntryKind::HoldTimeout => Change {
            held: -points,
            ..Change::default()
        },
        EntryKind::Activate => Change {
            pending: -points,
            ..Change::default()
        },
        _ => Change {
            points,
            held: 0,
            pending: if allocation.active_from.is_some() {
                points
            } else {
                0
            },
        },
    }
}

/// Changes of points by what moved them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Movements {
    /// Earned.
    pub earned: i64,
    /// Redeemed, holds that were confirmed included.
    pub redeemed: i64,
    /// Expired.
    pub expired: i64,
    /// Redemptions taken back.
    pub reversed_redeemed: i64,
    /// Earnings taken back.
    pub reversed_earned: i64,
    /// Added by staff, less what staff took away.
    pub adjusted: i64,
    /// Expired points given again.
    pub reinstated: i64,
    /// Made void, by closings or otherwise.
    pub voided: i64,
    /// Used to repay debt.
    pub debt_repaid: i64,
    /// Received from other accounts, less what was given.
    pub transferred: i64,
    /// How many more are held.
    pub held: i64,
    /// And how many more are pending.
    pub pending: i64,
}

impl Movements {
    /// Adds what entries of one kind changed.
    pub fn add(&mut self, kind: EntryKind, change: Change) {
        let points = change.points;
        match kind {
            EntryKind::Earn => self.earned += points,
            EntryKind::Redeem | EntryKind::Confirm => self.redeemed -= points,
            EntryKind::Expire => self.expired -= points,
            EntryKind::ReverseRedeem => self.reversed_redeemed += points,
            EntryKind::ReverseEarn => self.reversed_earned -= points,
            EntryKind::Adjust => self.adjusted += points,
            EntryKind::Reinstate => self.reinstated += points,
            EntryKind::Close | EntryKind::Void => self.voided -= points,
            EntryKind::RepayDebt => self.debt_repaid -= points,
            EntryKind::TransferOut
            | EntryKind::TransferIn
            | EntryKind::PoolRemove
            | EntryKind::PoolLeave
            | EntryKind::PoolOut
            | EntryKind::PoolIn => self.transferred += points,
            EntryKind::Hold
            | EntryKind::Release
            | EntryKind::HoldTimeout
            | EntryKind::Activate
            | EntryKind::Block
            | EntryKind::Unblock
            | EntryKind::PoolMember
            | EntryKind::PoolJoin
            | EntryKind::Fulfil
            | EntryKind::Recipient => {}
        }
        self.held += change.held;
        self.pending += change.pending;
    }

    /// Adds those of another cohort.
    pub fn merge(&mut self, other: &Self) {
        self.earned += other.earned;
        self.redeemed += other.redeemed;
        self.expired += other.expired;
        self.reversed_redeemed += other.reversed_redeemed;
        self.reversed_earned += other.reversed_earned;
        self.adjusted += other.adjusted;
        self.reinstated += other.reinstated;
        self.voided += other.voided;
        self.debt_repaid += other.debt_repaid;
        self.transferred += other.transferred;
        self.held += other.held;
        self.pending += other.pending;
    }

    /// Returns how many more are outstanding, held and pending ones included.
    #[must_use]
    pub fn outstanding(&self) -> i64 {
        self.issued() - self.used() - self.lapsed() + self.transferred
    }

    /// Returns what was issued, less what was taken back, by reversals or staff.
    #[must_use]
    pub fn issued(&self) -> i64 {
        self.earned - self.reversed_earned + self.adjusted
    }

    /// Returns what was used: redeemed, less what came back. Points that repaid debt are among
    /// them, for they pay for what had been redeemed with points that were taken back later.
    #[must_use]
    pub fn used(&self) -> i64 {
        self.redeemed - self.reversed_redeemed + self.debt_repaid
    }

    /// Returns what was lost: expired and not given again, or void.
    #[must_use]
    pub fn lapsed(&self) -> i64 {
        self.expired - self.reinstated + self.voided
    }
}
