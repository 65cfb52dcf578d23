//! Things that are counted while they are given away: rewards on a shelf, points bought in advance.
//!
//! A stock lives in a lane of its own key. An order that draws on one ([`Draw`]) is decided under the
//! locks of both lanes and written in one transaction: points and things move, or neither does. Each
//! movement is a record of the stock's lane; together they are all there is to know of a stock.

#[cfg(test)]
mod agree;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tenure_core::violation::Mismatch;
use tenure_core::{AccountId, Lane, Timestamp};

use super::entry_id::EntryId;
use super::refusal::Refusal;

/// The most things of a stock that may ever have been in it: sums of them still fit.
pub const STOCK_MAX: i64 = 1_000_000_000_000;

/// The key of a stock, told apart from accounts by whoever makes it, such as `reward:mug`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StockId(Arc<str>);

impl StockId {
    /// Parses a key; it has the form of all keys.
    ///
    /// # Errors
    /// When it has not.
    pub fn parse(text: &str) -> Result<Self, Mismatch> {
        AccountId::parse(text).map(|_| Self(text.into()))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A stock and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockPlace {
    /// Its lane.
    pub lane: Lane,
    /// The stock.
    pub stock: StockId,
}

impl StockPlace {
    /// Returns the refusal of a stock that is not there.
    #[must_use]
    pub fn out_of_stock(&self, needed: i64) -> Refusal {
        Refusal::OutOfStock {
            stock: self.stock.to_string(),
            available: 0,
            needed,
        }
    }
}

/// What an order does to a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockAct {
    /// Takes so many out for good.
    Take {
        /// How many.
        quantity: i64,
    },
    /// Puts so many aside, for as long as the order's hold lasts.
    Reserve {
        /// How many.
        quantity: i64,
    },
    /// Takes out what was put aside.
    Sell {
        /// The record that put it aside.
        reservation: EntryId,
    },
    /// Gives back what was put aside.
    Release {
        /// The record that put it aside.
        reservation: EntryId,
    },
    /// Brings back what was taken out.
    Return {
        /// How many.
        quantity: i64,
    },
    /// Counts what was taken out as come back and lost: it was broken, or is nowhere.
    Lose {
        /// How many.
        quantity: i64,
    },
}

/// A stock that an order draws on, in the transaction of its points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// The stock.
    pub place: StockPlace,
    /// What is done to it.
    pub act: StockAct,
}

/// What moved things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StockKind {
    /// They came in: the first ones, or more.
    Add = 41,
    /// They went to somebody.
    Take = 42,
    /// They were put aside.
    Reserve = 43,
    /// What was put aside went to somebody.
    Sell = 44,
    /// What was put aside is free again.
    Release = 45,
    /// What was put aside was not fetched in time, and is free again.
    Timeout = 46,
    /// What went to somebody came back.
    Return = 47,
    /// They are gone: broken, lost, expired.
    WriteOff = 48,
    /// What went to somebody came back and is gone.
    Lose = 49,
}

const KINDS: [StockKind; 9] = [
    StockKind::Add,
    StockKind::Take,
    StockKind::Reserve,
    StockKind::Sell,
    StockKind::Release,
    StockKind::Timeout,
    StockKind::Return,
    StockKind::WriteOff,
    StockKind::Lose,
];

impl StockKind {
    /// Returns the number under which the kind is stored.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the kind stored under `number`.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.number() == number)
    }
}

/// How many things there were and are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many ever came in.
    pub added: i64,
    /// How many went to somebody.
    pub sold: i64,
    /// How many of those came back.
    pub returned: i64,
    /// How many are gone.
    pub written_off: i64,
    /// How many of those that are there are put aside.
    pub reserved: i64,
}

impl Counts {
    /// Returns how many are there, those that are put aside included.
    #[must_use]
    pub fn on_hand(&self) -> i64 {
        self.added - self.sold + self.returned - self.written_off
    }

    /// Returns how many may be taken.
    #[must_use]
    pub fn free(&self) -> i64 {
        self.on_hand() - self.reserved
    }

    /// Moves things; false, and nothing moves, when they are not there to be moved.
    #[must_use]
    pub fn apply(&mut self, kind: StockKind, quantity: i64) -> bool {
        let mut to = *self;
        match kind {
            StockKind::Add => to.added += quantity,
            StockKind::Take => to.sold += quantity,
            StockKind::Reserve => to.reserved += quantity,
            StockKind::Sell => {
                to.reserved -= quantity;
                to.sold += quantity;
            }
            StockKind::Release | StockKind::Timeout => to.reserved -= quantity,
            StockKind::Return => to.returned += quantity,
            StockKind::WriteOff => to.written_off += quantity,
            StockKind::Lose => {
                to.returned += quantity;
                to.written_off += quantity;
            }
        }
        let holds = to.free() >= 0
            && to.reserved >= 0
            && to.returned <= to.sold
            && (0..=STOCK_MAX).contains(&to.added);
        if holds {
            *self = to;
        }
        holds
    }
}

/// Things put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Its id: that of the record that made it.
    pub id: EntryId,
    /// How many.
    pub quantity: i64,
    /// From then on they are free again.
    pub expires_at: Timestamp,
}

/// A stock as a whole. Of its reservations only those are known that a transaction loaded or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stock {
    /// Where it is.
    pub place: StockPlace,
    /// How many things there were and are.
    pub counts: Counts,
    /// How many records it has.
    pub records: i64,
    /// The number in the lane of its last record; 0 before the first.
    pub last_seq: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The instant of its last record.
    pub updated_at: Timestamp,
    /// The open reservations that are known, by id.
    pub reservations: BTreeMap<EntryId, Reservation>,
}

/// What a record of a stock says beyond its counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockMove {
    /// What moved them.
    pub kind: StockKind,
    /// How many.
    pub quantity: i64,
    /// The reservation that it makes or ends: of the first, its own id.
    pub reservation: Option<Reservation>,
    /// The entry of an account that was written with it.
    pub entry: Option<EntryId>,
    /// Why, where a member of staff did it.
    pub reason: Arc<str>,
    /// Which member of staff, in the operator's own key.
    pub author: Arc<str>,
}

impl StockMove {
    /// Returns a movement that no order and nobody of the staff stands behind.
    #[must_use]
    pub fn new(kind: StockKind, quantity: i64) -> Self {
        Self {
            kind,
            quantity,
            reservation: None,
            entry: None,
            reason: "".into(),
            author: "".into(),
        }
    }
}

/// One movement of things, written down for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockRecord {
    /// Where it stands in the lane.
    pub id: EntryId,
    /// The stock.
    pub stock: StockId,
    /// 1, 2, 3 and so on within the stock.
    pub number: i64,
    /// What moved.
    pub moved: StockMove,
    /// The counts afterwards.
    pub counts: Counts,
    /// The instant it was decided for.
    pub decided_at: Timestamp,
    /// When it was written down.
    pub recorded_at: Timestamp,
    /// The number in the lane of the stock's record before this one.
    pub previous: i64,
}

/// What an entry of an account says about the stock that it drew on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockPart {
    /// The stock.
    pub stock: StockId,
    /// The record of the stock.
    pub record: EntryId,
    /// How many things.
    pub quantity: i64,
}

impl Stock {
    /// Returns a stock as it is before its first record.
    #[must_use]
    pub fn new(place: StockPlace) -> Self {
        Self {
            place,
            counts: Counts::default(),
            records: 0,
            last_seq: 0,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
            reservations: BTreeMap::new(),
        }
    }

    /// Returns the reservations that are known and not fetched by `at`.
    #[must_use]
    pub fn due(&self, at: Timestamp) -> Vec<Reservation> {
        let open = self.reservations.values();
        open.filter(|it| it.expires_at <= at).copied().collect()
    }

    /// Returns what an act comes to; `until` is when a reservation would end.
    ///
    /// # Errors
    /// When there are not enough, or the reservation is over.
    pub fn plan(&self, act: StockAct, until: Timestamp) -> Result<StockMove, Refusal> {
        let reserved = |id: EntryId| {
            let open = self.reservations.get(&id).copied();
            // Whoever names one has a hold that ends with it.
            open.ok_or_else(|| self.place.out_of_stock(0))
        };
        let ended = |kind, reservation: Reservation| StockMove {
            reservation: Some(reservation),
            ..StockMove::new(kind, reservation.quantity)
        };
        let moved = match act {
            StockAct::Take { quantity } => StockMove::new(StockKind::Take, quantity),
            StockAct::Reserve { quantity } => StockMove {
                reservation: Some(Reservation {
                    // The record that is to come names itself.
                    id: EntryId::new(Timestamp::MIN, 0, 0),
                    quantity,
                    expires_at: until,
                }),
                ..StockMove::new(StockKind::Reserve, quantity)
            },
            StockAct::Sell { reservation } => ended(StockKind::Sell, reserved(reservation)?),
            StockAct::Release { reservation } => ended(StockKind::Release, reserved(reservation)?),
            StockAct::Return { quantity } => StockMove::new(StockKind::Return, quantity),
            StockAct::Lose { quantity } => StockMove::new(StockKind::Lose, quantity),
        };
        self.check(&moved)?;
        Ok(moved)
    }

    /// Refuses a movement of things that are not there.
    ///
    /// # Errors
    /// When there are not enough.
    pub fn check(&self, moved: &StockMove) -> Result<(), Refusal> {
        let mut counts = self.counts;
        if counts.apply(moved.kind, moved.quantity) {
            return Ok(());
        }
        Err(Refusal::OutOfStock {
            stock: self.place.stock.to_string(),
            available: self.counts.free(),
            needed: moved.quantity,
        })
    }

    /// Makes a movement that was checked, and returns what to write down as the record `id`.
    pub(super) fn apply(
        &mut self,
        mut moved: StockMove,
        id: EntryId,
        (now, at): (Timestamp, Timestamp),
    ) -> StockRecord {
        let is_there = self.counts.apply(moved.kind, moved.quantity);
        debug_assert!(is_there, "a movement is checked before it is made");
        if let Some(reservation) = &mut moved.reservation {
            if moved.kind == StockKind::Reserve {
                reservation.id = id;
                self.reservations.insert(id, *reservation);
            } else {
                self.reservations.remove(&reservation.id);
            }
        }
        if self.records == 0 {
            self.created_at = at;
        }
        self.records += 1;
        self.updated_at = at;
        let previous = std::mem::replace(&mut self.last_seq, id.seq());
        StockRecord {
            id,
            stock: self.place.stock.clone(),
            number: self.records,
            moved,
            counts: self.counts,
            decided_at: at,
            recorded_at: now,
            previous,
        }
    }
}
