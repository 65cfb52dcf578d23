//! Follows the records of one stock, from its first on, by counting of its own.

use std::collections::BTreeMap;

use tenure_core::{Lane, Timestamp};

use super::finding::{Breach, Finding, Invariant, holds, same};
use crate::domain::entry::{Entry, Record};
use crate::domain::entry_id::EntryId;
use crate::domain::stock::{Counts, Reservation, Stock, StockId, StockKind, StockRecord};

/// A stock as its records tell it.
#[derive(Debug)]
pub struct StockReplay {
    stock: StockId,
    number: i64,
    last_seq: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// What is on the shelf, and may be taken.
    free: i64,
    /// What customers have.
    out: i64,
    counts: Counts,
    open: BTreeMap<EntryId, Reservation>,
}

impl StockReplay {
    /// Starts before the first record of a stock.
    #[must_use]
    pub fn new(stock: StockId) -> Self {
        Self {
            stock,
            number: 0,
            last_seq: 0,
            created_at: Timestamp::MIN,
            updated_at: Timestamp::MIN,
            free: 0,
            out: 0,
            counts: Counts::default(),
            open: BTreeMap::new(),
        }
    }

    /// Takes the next record in.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn feed(&mut self, record: &Record, lane: Lane, seq: i64) -> Result<(), Finding> {
        let fed = match record {
            Record::Stock(record) => self.enter(record),
            _ => Err(Breach::new(
                Invariant::Sequence,
                "a record of the stock's chain",
                "a movement of it",
                "another one",
            )),
        };
        fed.map_err(|breach| breach.at(lane, seq, None, self.stock.as_str()))
    }

    fn enter(&mut self, record: &StockRecord) -> Result<(), Breach> {
        same(
            Invariant::Sequence,
            "stock, number and record before of a movement",
            &(&self.stock, self.number + 1, self.last_seq),
            &(&record.stock, record.number, record.previous),
        )?;
        holds(
            record.decided_at >= self.updated_at,
            Invariant::Sequence,
            "the instant of a movement",
            &format!("not before {}", self.updated_at),
            record.decided_at,
        )?;
        if self.number == 0 {
            self.created_at = record.decided_at;
        }
        self.number += 1;
        self.last_seq = record.id.seq();
        self.updated_at = record.decided_at;
        self.reserve(record)?;
        self.shift(record.moved.kind, record.moved.quantity);
        holds(
            record.moved.quantity > 0 || record.moved.kind == StockKind::Add,
            Invariant::Catalogue,
            "how many things moved",
            "more than 0",
            record.moved.quantity,
        )?;
        holds(
            self.free >= 0 && self.out >= 0,
            Invariant::Catalogue,
            "what is on the shelf and what customers have",
            "not negative",
            format!("{} and {}", self.free, self.out),
        )?;
        same(
            Invariant::Catalogue,
            "the counts after a movement",
            &self.counts,
            &record.counts,
        )
    }

    /// Follows what is put aside: each ends once, and in time.
    fn reserve(&mut self, record: &StockRecord) -> Result<(), Breach> {
        let said = record.moved.reservation;
        match record.moved.kind {
            StockKind::Reserve => {
                let found = said.map(|it| (it.id, it.quantity));
                let wanted = Some((record.id, record.moved.quantity));
                let what = "the reservation that is made";
                same(Invariant::Catalogue, what, &wanted, &found)?;
                self.open.extend(said.map(|it| (it.id, it)));
                Ok(())
            }
            StockKind::Sell | StockKind::Release | StockKind::Timeout => {
                let open = said.and_then(|it| self.open.remove(&it.id));
                let found = said.filter(|it| it.quantity == record.moved.quantity);
                let what = "the open reservation that is ended";
                let is_open = open.is_some() && open == found;
                holds(is_open, Invariant::Catalogue, what, "one", "none")?;
                let expires_at = said.map_or(Timestamp::MIN, |it| it.expires_at);
                let is_over = expires_at <= record.decided_at;
                same(
                    Invariant::Catalogue,
                    "whether the reservation was over",
                    &(record.moved.kind == StockKind::Timeout),
                    &is_over,
                )
            }
            _ => same(
                Invariant::Catalogue,
                "the reservation of a movement that needs none",
                &None,
                &said,
            ),
        }
    }

    /// Moves things between shelf, reserve, customers and nowhere.
    fn shift(&mut self, kind: StockKind, quantity: i64) {
        match kind {
            StockKind::Add => {
                self.free += quantity;
                self.counts.added += quantity;
            }
            StockKind::Take => {
                self.free -= quantity;
                self.out += quantity;
                self.counts.sold += quantity;
            }
            StockKind::Reserve => {
                self.free -= quantity;
            }
            StockKind::Sell => {
                self.out += quantity;
                self.counts.sold += quantity;
            }
            StockKind::Release | StockKind::Timeout => self.free += quantity,
            StockKind::Return => {
                self.out -= quantity;
                self.free += quantity;
                self.counts.returned += quantity;
            }
            StockKind::WriteOff => {
                self.free -= quantity;
                self.counts.written_off += quantity;
            }
            StockKind::Lose => {
                self.out -= quantity;
                self.counts.returned += quantity;
                self.counts.written_off += quantity;
            }
        }
        self.counts.reserved = self.open.values().map(|it| it.quantity).sum();
    }

    /// Compares the stock as it is stored, with its stored reservations.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, stored: &Stock, reservations: &[Reservation]) -> Result<(), Breach> {
        same(
            Invariant::Catalogue,
            "the counts of the stored stock",
            &self.counts,
            &stored.counts,
        )?;
        same(
            Invariant::Catalogue,
            "what is there: added, less sold and written off, plus returned",
            &(self.free + self.counts.reserved),
            &stored.counts.on_hand(),
        )?;
        let open: Vec<Reservation> = self.open.values().copied().collect();
        same(
            Invariant::Stored,
            "the stored reservations of the stock",
            &open.as_slice(),
            &reservations,
        )?;
        same(
            Invariant::Stored,
            "records, last record, opening and last change of the stored stock",
            &(self.number, self.last_seq, self.created_at, self.updated_at),
            &(
                stored.records,
                stored.last_seq,
                stored.created_at,
                stored.updated_at,
            ),
        )
    }
}

/// An entry that drew on a stock and the record of the stock name each other.
pub(super) fn both_drawn(entry: &Entry, record: Option<&StockRecord>) -> Result<(), Breach> {
    let Some(part) = &entry.stock else {
        return Ok(());
    };
    let wanted = Some((&part.stock, part.quantity, Some(entry.id)));
    let found = record.map(|it| (&it.stock, it.moved.quantity, it.moved.entry));
    let what = "the movement of the stock that the entry drew on";
    same(Invariant::Catalogue, what, &wanted, &found)
}

/// The same from the other side.
pub(super) fn both_moved(record: &StockRecord, entry: Option<&Entry>) -> Result<(), Breach> {
    if record.moved.entry.is_none() {
        return Ok(());
    }
    let found = entry
        .and_then(|entry| entry.stock.as_ref())
        .map(|part| part.record);
    let what = "the entry that drew on the stock";
    same(Invariant::Catalogue, what, &Some(record.id), &found)
}
