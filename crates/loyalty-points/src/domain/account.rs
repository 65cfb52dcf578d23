//! An account as a whole: its live lots and its open holds.

use std::sync::Arc;

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, Timestamp};

use super::entry_id::EntryId;

/// Points that were earned together and expire together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Its id: that of the entry that earned it.
    pub id: EntryId,
    /// When it was earned.
    pub earned_at: Timestamp,
    /// From then on its points cannot be spent; [`Timestamp::MAX`] for ever.
    pub expires_at: Timestamp,
    /// How many points it was earned with.
    pub original: i64,
    /// How many can still be spent.
    pub remaining: i64,
    /// How many are held.
    pub held: i64,
}

impl Lot {
    /// Returns the place in the order of spending: what expires first, then what was earned first.
    #[must_use]
    pub fn order(&self) -> (Timestamp, Timestamp, EntryId) {
        (self.expires_at, self.earned_at, self.id)
    }
}

/// Points of one lot in a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The lot.
    pub lot: EntryId,
    /// How many.
    pub points: i64,
}

/// Points put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id: that of the entry that made it.
    pub id: EntryId,
    /// How many.
    pub points: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it cannot be confirmed.
    pub expires_at: Timestamp,
    /// What it is for.
    pub source: Arc<str>,
    /// The lots, in the order of spending.
    pub parts: Vec<Part>,
}

/// An account. Its time never runs backwards, whatever the clocks of the replicas say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its lane.
    pub lane: Lane,
    /// Its id.
    pub id: AccountId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Under whose rules.
    pub programme: ProgrammeId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The instant of its last entry.
    pub updated_at: Timestamp,
    /// How many entries it has.
    pub entries: i64,
    /// The number in the lane of its last record.
    pub last_seq: i64,
    /// The lots that hold points, in the order of spending.
    pub lots: Vec<Lot>,
    /// The open holds, oldest first.
    pub holds: Vec<Hold>,
}

impl Account {
    /// Returns the points that are not held; expired ones are among them until they are settled.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.lots.iter().map(|lot| lot.remaining).sum()
    }

    /// Returns the points that are held.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.lots.iter().map(|lot| lot.held).sum()
    }

    /// Returns all points.
    #[must_use]
    pub fn balance(&self) -> i64 {
        self.available() + self.held()
    }

    /// Returns the next instant at which a lot or a hold is due; [`Timestamp::MAX`] when none is.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        let lot = self.next_expiry().map_or(Timestamp::MAX, |(at, _)| at);
        self.holds
            .iter()
            .map(|hold| hold.expires_at)
            .fold(lot, Timestamp::min)
    }

    /// Returns when available points expire next, and how many.
    #[must_use]
    pub fn next_expiry(&self) -> Option<(Timestamp, i64)> {
        let live = || self.lots.iter().filter(|lot| lot.remaining > 0);
        let at = live().next()?.expires_at;
        if at == Timestamp::MAX {
            return None;
        }
        Some((
            at,
            live()
                .filter(|lot| lot.expires_at == at)
                .map(|lot| lot.remaining)
                .sum(),
        ))
    }

    /// Returns the open hold with this id.
    #[must_use]
    pub fn hold(&self, id: EntryId) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    pub(super) fn lot_mut(&mut self, id: EntryId) -> Option<&mut Lot> {
        self.lots.iter_mut().find(|lot| lot.id == id)
    }

    /// Adds a lot at its place in the order.
    pub(super) fn insert_lot(&mut self, lot: Lot) {
        let at = self
            .lots
            .partition_point(|other| other.order() < lot.order());
        self.lots.insert(at, lot);
    }

    /// Forgets the lots that hold nothing.
    pub(super) fn drop_empty_lots(&mut self) {
        self.lots.retain(|lot| lot.remaining > 0 || lot.held > 0);
    }
}
