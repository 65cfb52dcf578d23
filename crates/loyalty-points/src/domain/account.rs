//! An account as a whole: its live lots, its open holds, its debt, its standing.

use std::sync::{Arc, LazyLock};

use tenure_core::{AccountId, CustomerId, Lane, ProgrammeId, Timestamp};

use super::entry_id::EntryId;
use super::policy::OrderOfUse;
use super::standing::Standing;

/// Where points come from: what does not change as they move from lot to lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The kind of points, such as `promotion`; empty for those of ordinary earnings.
    pub points_type: Arc<str>,
    /// The partner who funds them; empty when the operator does.
    pub partner: Arc<str>,
    /// The version of the programme's rules under which they were made.
    pub version: Arc<str>,
}

impl Origin {
    /// Returns the origin of ordinary points.
    #[must_use]
    pub fn ordinary(version: &Arc<str>) -> Self {
        static NONE: LazyLock<Arc<str>> = LazyLock::new(|| "".into());
        Self {
            points_type: NONE.clone(),
            partner: NONE.clone(),
            version: version.clone(),
        }
    }
}

/// Points that were earned together and expire together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// Its id: that of the entry that made it, see [`EntryId::of_lot`]. Points that are given to
    /// another account keep it.
    pub id: EntryId,
    /// When it was earned.
    pub earned_at: Timestamp,
    /// When its points become available, while they are not: [`Timestamp::MAX`] when somebody has
    /// to activate them. Nothing once they are.
    pub active_from: Option<Timestamp>,
    /// From then on its points cannot be spent; [`Timestamp::MAX`] for ever.
    pub expires_at: Timestamp,
    /// How many points of it came to this account.
    pub original: i64,
    /// How many can still be spent, or will be when they are active.
    pub remaining: i64,
    /// How many are held.
    pub held: i64,
    /// Where they come from.
    pub origin: Arc<Origin>,
}

impl Lot {
    /// Returns the place in the order in which lots expire and, mostly, are spent.
    #[must_use]
    pub fn order(&self) -> (Timestamp, Timestamp, EntryId) {
        (self.expires_at, self.earned_at, self.id)
    }

    /// Returns the place in the order of spending.
    #[must_use]
    pub fn order_by(&self, order: OrderOfUse) -> (Timestamp, Timestamp, EntryId) {
        match order {
            OrderOfUse::ExpiryFirst => self.order(),
            OrderOfUse::EarnedFirst => (self.earned_at, self.expires_at, self.id),
        }
    }

    /// Returns how many points can be spent now.
    #[must_use]
    pub fn available(&self) -> i64 {
        if self.active_from.is_none() {
            self.remaining
        } else {
            0
        }
    }

    /// Returns how many points wait for their activation.
    #[must_use]
    pub fn pending(&self) -> i64 {
        self.remaining - self.available()
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
    /// The lots that hold points, in the order in which they expire.
    pub lots: Vec<Lot>,
    /// The open holds, oldest first.
    pub holds: Vec<Hold>,
    /// Points that were taken back after they were spent; the next points that come repay them. An
    /// account with debt has no available points.
    pub debt: i64,
    /// The last day (from 1970-01-01 in UTC) on which points expired, and how many did.
    pub expired: (i64, i64),
    /// What few accounts have.
    pub standing: Option<Box<Standing>>,
}

impl Account {
    /// Returns an account as it is before its first record.
    #[must_use]
    pub fn new(lane: Lane, id: AccountId, customer: CustomerId, programme: ProgrammeId) -> Self {
        Self {
            lane,
            id,
            customer,
            programme,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
            entries: 0,
            last_seq: 0,
            lots: Vec::new(),
            holds: Vec::new(),
            debt: 0,
            expired: (0, 0),
            standing: None,
        }
    }

    /// Returns the points that can be spent; expired ones are among them until they are settled.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.lots.iter().map(Lot::available).sum()
    }

    /// Returns the points that are held.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.lots.iter().map(|lot| lot.held).sum()
    }

    /// Returns the points that wait for their activation.
    #[must_use]
    pub fn pending(&self) -> i64 {
        self.lots.iter().map(Lot::pending).sum()
    }

    /// Returns all points.
    #[must_use]
    pub fn balance(&self) -> i64 {
        self.lots.iter().map(|lot| lot.remaining + lot.held).sum()
    }

    /// Returns the next instant at which a lot or a hold is due; [`Timestamp::MAX`] when none is.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        let lots = self.lots.iter().filter(|lot| lot.remaining > 0);
        let lots = lots.map(|lot| {
            lot.expires_at
                .min(lot.active_from.unwrap_or(Timestamp::MAX))
        });
        let holds = self.holds.iter().map(|hold| hold.expires_at);
        lots.chain(holds).fold(Timestamp::MAX, Timestamp::min)
    }

    /// Returns when points that are not held expire next, pending ones included.
    #[must_use]
    pub(super) fn next_lot_expiry(&self) -> Option<Timestamp> {
        let next = self.lots.iter().find(|lot| lot.remaining > 0)?.expires_at;
        (next < Timestamp::MAX).then_some(next)
    }

    /// Returns when available points expire next, and how many.
    #[must_use]
    pub fn next_expiry(&self) -> Option<(Timestamp, i64)> {
        let live = || self.lots.iter().filter(|lot| lot.available() > 0);
        let at = live().next()?.expires_at;
        if at == Timestamp::MAX {
            return None;
        }
        let expiring = live().filter(|lot| lot.expires_at == at);
        Some((at, expiring.map(Lot::available).sum()))
    }

    /// Returns when pending points become available next by themselves.
    #[must_use]
    pub fn next_activation(&self) -> Option<Timestamp> {
        let waiting = self.lots.iter().filter(|lot| lot.remaining > 0);
        let next = waiting.filter_map(|lot| lot.active_from).min();
        next.filter(|at| *at < Timestamp::MAX)
    }

    /// Returns the open hold with this id.
    #[must_use]
    pub fn hold(&self, id: EntryId) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    /// Returns what few accounts have, to change it.
    pub(super) fn standing_mut(&mut self) -> &mut Standing {
        self.standing.get_or_insert_default()
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
