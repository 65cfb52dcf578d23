//! Follows all records of a lane in their order, in constant memory.
//!
//! What would need memory for every record (does each stand in the chain of its account? are the
//! totals the sums of the entries?) is compared by sums of scrambled numbers: equal sets have equal
//! sums, and different ones have different sums but for one chance in 2^64.

use tenure_core::Lane;
use tenure_core::hash::{fnv1a64, mix64};

use super::finding::{Breach, Finding, Invariant, holds, same};
use super::partner::{self, PartnerRow};
use super::stock::{both_drawn, both_moved};
use crate::domain::entry::{Entry, EntryKind, Record, RecordKey};
use crate::domain::postings::postings;
use crate::domain::seal::RawRecord;
use crate::domain::stock::StockRecord;
use crate::domain::total::day_of;

/// A set of numbers, as far as it takes to tell whether two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// How many.
    pub count: i64,
    /// Their sum, wrapping.
    pub sum: i64,
    /// The sum of their scrambled values, wrapping.
    pub mix: u64,
}

impl Seen {
    /// Adds a number.
    pub fn add(&mut self, number: i64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
        self.mix = self.mix.wrapping_add(mix64(number.cast_unsigned() ^ SALT));
    }
}

/// `mix64(0)` is 0.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stored total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalRow {
    /// The programme.
    pub programme: String,
    /// The day.
    pub day: i64,
    /// The kind of the entries.
    pub kind: i32,
    /// What they add up to.
    pub points: i64,
    /// The number of the first of them.
    pub first_seq: i64,
    /// The number of the last of them.
    pub last_seq: i64,
}

/// Returns what `points` of one kind and day add to the scrambled sum over all totals.
#[must_use]
pub fn total_mark(programme: &str, day: i64, kind: i32, points: i64) -> u64 {
    let key = fnv1a64(programme.as_bytes());
    let key = mix64(key ^ SALT) ^ day.cast_unsigned();
    let key = mix64(key ^ SALT) ^ u64::from(kind.cast_unsigned());
    mix64(key ^ SALT).wrapping_mul(points.cast_unsigned())
}

/// What stands beside a record in other rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Neighbour<'n> {
    /// The programme of its account; nothing when there is no such account.
    pub programme: Option<&'n str>,
    /// The stored ending that it wrote: number of what ended, points before, points.
    pub ending: Option<(i64, i64, i64)>,
    /// The entry on the other side of its transfer.
    pub peer: Option<&'n Entry>,
    /// The record of the stock that an entry drew on.
    pub stock: Option<&'n StockRecord>,
    /// The entry that drew, for a record of a stock.
    pub drawn: Option<&'n Entry>,
    /// An earlier record of its request.
    pub same_request: Option<i64>,
    /// An earlier record of its source.
    pub same_source: Option<i64>,
    /// The stored row of the partner that it touches.
    pub partner: Option<&'n PartnerRow>,
}

/// Follows the records of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneCheck {
    /// The number of the last record.
    pub seq: i64,
    /// The records that stand in chains of accounts.
    pub chained: Seen,
    /// The scrambled sum over their totals.
    pub totals: u64,
}

impl LaneCheck {
    /// Looks at the number of the next record, whether it can be read or not.
    ///
    /// # Errors
    /// When records are missing before it.
    pub fn step(&mut self, lane: Lane, seq: i64) -> Result<(), Finding> {
        let wanted = self.seq + 1;
        self.seq = seq;
        same(
            Invariant::Sequence,
            "the number of the next record of the lane",
            &wanted,
            &seq,
        )
        .map_err(|breach| breach.at(lane, wanted, None, ""))
    }

    /// Takes a record in that can be read.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn feed(
        &mut self,
        raw: &RawRecord,
        (record, key): (&Record, Option<&RecordKey>),
        beside: Neighbour<'_>,
        total: impl Fn(&str, i64, i32) -> Option<(i64, i64)>,
    ) -> Result<(), Finding> {
        let id = match record {
            Record::Opened(it) => it.id,
            Record::Entry(it) => it.id,
            Record::Refused(it) => it.id,
            Record::Notice(it) => it.id,
            Record::Stock(it) => it.id,
        };
        let counted = self.count(raw, record, beside);
        counted
            .and_then(|()| columns(raw, record, key))
            .and_then(|()| once(beside))
            .and_then(|()| partner::beside(record, raw.seq, beside.partner))
            .and_then(|()| match record {
                Record::Entry(entry) => entry_alone(entry, beside, total),
                Record::Stock(moved) => both_moved(moved, beside.drawn),
                _ => Ok(()),
            })
            .map_err(|breach| breach.at(raw.lane, raw.seq, Some(id), &raw.account_id))
    }

    fn count(
        &mut self,
        raw: &RawRecord,
        record: &Record,
        beside: Neighbour<'_>,
    ) -> Result<(), Breach> {
        if matches!(record, Record::Refused(_)) {
            return Ok(());
        }
        let is_chained = !matches!(record, Record::Notice(_));
        if is_chained {
            self.chained.add(raw.seq);
        }
        if matches!(record, Record::Stock(_)) {
            return Ok(());
        }
        let Some(programme) = beside.programme else {
            let what = "the account of the record";
            return Err(Breach::new(Invariant::Stored, what, "a stored one", "none"));
        };
        if let Record::Entry(entry) = record {
            let day = day_of(entry.decided_at);
            let mark = total_mark(programme, day, raw.kind, entry.points);
            self.totals = self.totals.wrapping_add(mark);
        }
        Ok(())
    }
}

/// The columns agree with the body.
fn columns(raw: &RawRecord, record: &Record, key: Option<&RecordKey>) -> Result<(), Breach> {
    let (request, source, is_linked) = match record {
        Record::Opened(it) => (it.request, None, raw.previous_seq == 0),
        Record::Refused(it) => (Some(it.request), None, raw.previous_seq == 0),
        Record::Notice(_) => (None, None, raw.previous_seq == 0),
        Record::Stock(it) => {
            let is_first = it.number == 1 && raw.previous_seq == 0;
            let is_later = it.number > 1 && (1..raw.seq).contains(&raw.previous_seq);
            (None, None, is_first || is_later)
        }
        Record::Entry(it) => {
            let source = (it.kind == EntryKind::Earn).then_some(&*it.source);
            (it.request, source, (1..raw.seq).contains(&raw.previous_seq))
        }
    };
    holds(
        is_linked,
        Invariant::Sequence,
        "the number of the account's record before",
        "one that lies before, for an entry",
        raw.previous_seq,
    )?;
    same(
        Invariant::Request,
        "whether a request stands behind the record",
        &request.is_some(),
        &key.is_some(),
    )?;
    same(
        Invariant::Request,
        "the source that earned",
        &source,
        &raw.earned_source.as_deref(),
    )
}

/// Its request and its source had no effect before.
fn once(beside: Neighbour<'_>) -> Result<(), Breach> {
    for (what, before) in [
        ("an earlier record of the same request", beside.same_request),
        ("an earlier earning of the same source", beside.same_source),
    ] {
        if let Some(seq) = before {
            let found = format!("record {seq}");
            return Err(Breach::new(Invariant::Request, what, "none", found));
        }
    }
    Ok(())
}

/// What can be said of an entry without those before it.
fn entry_alone(
    entry: &Entry,
    beside: Neighbour<'_>,
    total: impl Fn(&str, i64, i32) -> Option<(i64, i64)>,
) -> Result<(), Breach> {
    let sum: i64 = postings(entry).iter().map(|(_, points)| points).sum();
    same(Invariant::Postings, "the sum of the postings", &0, &sum)?;
    both_sides(entry, beside.peer)?;
    both_drawn(entry, beside.stock)?;
    let wanted = entry.ends().map(|ended| {
        let (points, before) = entry.takes_back();
        (ended.seq(), before, points)
    });
    same(
        Invariant::Stored,
        "the stored ending: record, points before, points",
        &wanted,
        &beside.ending,
    )?;
    let (seq, day) = (entry.id.seq(), day_of(entry.decided_at));
    if entry.points != 0
        && let Some(programme) = beside.programme
    {
        let range = total(programme, day, i32::from(entry.kind.number()));
        holds(
            range.is_some_and(|(first, last)| (first..=last).contains(&seq)),
            Invariant::Stored,
            "the total of the entry's day and kind",
            &format!("one whose records reach over {seq}"),
            range.map_or_else(
                || "none".to_owned(),
                |(first, last)| format!("{first} to {last}"),
            ),
        )?;
    }
    Ok(())
}

/// What leaves one account of a transfer comes to the other.
fn both_sides(entry: &Entry, peer: Option<&Entry>) -> Result<(), Breach> {
    let other = match entry.kind {
        EntryKind::TransferOut => EntryKind::TransferIn,
        EntryKind::TransferIn => EntryKind::TransferOut,
        EntryKind::PoolMember => EntryKind::PoolJoin,
        EntryKind::PoolJoin => EntryKind::PoolMember,
        EntryKind::PoolRemove => EntryKind::PoolLeave,
        EntryKind::PoolLeave => EntryKind::PoolRemove,
        EntryKind::PoolOut => EntryKind::PoolIn,
        EntryKind::PoolIn => EntryKind::PoolOut,
        _ => return Ok(()),
    };
    let Some(peer) = peer else {
        let what = "the other side of the transfer";
        return Err(Breach::new(Invariant::Postings, what, "an entry", "none"));
    };
    let named = entry.peer.as_ref().map(|it| it.account.as_str());
    let names = peer.peer.as_ref().and_then(|it| it.entry);
    same(
        Invariant::Postings,
        "the other side of the transfer: kind, account, entry it names, points, debt",
        &(other, named, Some(entry.id), -entry.points, -entry.debt),
        &(
            peer.kind,
            Some(peer.account.as_str()),
            names,
            peer.points,
            peer.debt,
        ),
    )
}
