//! What stands beside an entry that touches a partner, and the settlements made of that.

use std::collections::BTreeMap;

use super::finding::{Breach, Invariant, holds, same};
use crate::domain::entry::{Entry, EntryKind, Record};
use crate::domain::partner::{
    Bill, BillLine, Direction, LineKey, Moved, SettlementState, partner_movement,
};

/// The stored row of an entry that touches a partner, as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRow {
    /// The partner.
    pub partner: String,
    /// Direction, points, terms, funded part, instant of the decision.
    pub numbers: [i64; 5],
    /// The type of the points.
    pub points_type: String,
    /// The settlement that it is in; 0 for none.
    pub settled_in: i64,
    /// The numbers that this settlement is about: behind the first, up to the second.
    pub range: Option<(i64, i64)>,
}

impl PartnerRow {
    /// Returns the row that a record should have.
    fn of(record: &Record) -> Option<(String, [i64; 5], String)> {
        let Record::Entry(entry) = record else {
            return None;
        };
        let moved = partner_movement(entry)?;
        let numbers = [
            moved.direction.number().into(),
            moved.points,
            moved.note.terms,
            moved.note.share.into(),
            entry.decided_at.as_micros(),
        ];
        let note = moved.note;
        Some((
            note.partner.to_string(),
            numbers,
            note.points_type.to_string(),
        ))
    }
}

/// The row beside a record says what the record says, and is in at most one settlement: one that is
/// about its number.
pub(super) fn beside(record: &Record, seq: i64, row: Option<&PartnerRow>) -> Result<(), Breach> {
    if let Record::Entry(entry) = record {
        funder(entry)?;
    }
    let found = row.map(|row| (row.partner.clone(), row.numbers, row.points_type.clone()));
    same(
        Invariant::Stored,
        "the row of a partner: partner; direction, points, terms, funded part, instant; type",
        &PartnerRow::of(record),
        &found,
    )?;
    let Some(row) = row.filter(|row| row.settled_in != 0) else {
        return Ok(());
    };
    let is_within = row.range.is_some_and(|(from, to)| from < seq && seq <= to);
    holds(
        is_within,
        Invariant::Books,
        &format!("settlement {} of partner {}", row.settled_in, row.partner),
        &format!("one about record {seq}"),
        row.range.map_or_else(
            || "none".to_owned(),
            |(from, to)| format!("one about {} to {to}", from + 1),
        ),
    )
}

/// The partner of an earning is the one whose points it made.
fn funder(entry: &Entry) -> Result<(), Breach> {
    if entry.kind != EntryKind::Earn {
        return Ok(());
    }
    let origin = entry.allocations.first().map(|lot| &lot.origin);
    let lot = origin.map_or(("", ""), |it| (&*it.partner, &*it.points_type));
    let said = entry.partner.as_deref();
    same(
        Invariant::Books,
        "the partner who funds the points, and their type, for points that one does",
        &(!lot.0.is_empty()).then_some(lot),
        &said.map(|note| (&*note.partner, &*note.points_type)),
    )
}

/// A settlement as it is stored, with what its entries add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementSeen {
    /// The partner.
    pub partner: String,
    /// Its number.
    pub number: i64,
    /// How far it is.
    pub state: SettlementState,
    /// Entries, sum of what was earned, sum of what was spent, as they are stored.
    pub totals: [i64; 3],
    /// The stored lines.
    pub lines: Vec<BillLine>,
    /// What the entries that are marked for it add up to.
    pub entries: BTreeMap<LineKey, Moved>,
    /// The same, priced; nothing when its terms cannot be found.
    pub bill: Option<Bill>,
}

impl SettlementSeen {
    /// Compares the settlement with its entries.
    ///
    /// # Errors
    /// The first line that is not what its entries say; or a sum.
    pub fn check(&self) -> Result<(), Breach> {
        let name = format!("settlement {} of partner {}", self.number, self.partner);
        let stored: BTreeMap<&LineKey, Moved> = self
            .lines
            .iter()
            .map(|line| (&line.key, line.moved))
            .collect();
        let keys = self.entries.keys().chain(stored.keys().copied());
        for key in keys {
            same(
                Invariant::Books,
                &format!("{name}: {key:?}"),
                &self.entries.get(key).copied().unwrap_or_default(),
                &stored.get(key).copied().unwrap_or_default(),
            )?;
        }
        if self.state == SettlementState::Running {
            return Ok(());
        }
        let Some(bill) = &self.bill else {
            let what = format!("{name}: the terms of its entries");
            return Err(Breach::new(Invariant::Books, what, "stored ones", "none"));
        };
        for (wanted, found) in bill.lines.iter().zip(&self.lines) {
            same(Invariant::Books, &format!("{name}: a line"), wanted, found)?;
        }
        let entries = self.entries.values().map(|moved| moved.entries).sum();
        same(
            Invariant::Books,
            &format!("{name}: entries, sums of what was earned and spent"),
            &[
                entries,
                bill.sum(Direction::Accrual),
                bill.sum(Direction::Burn),
            ],
            &self.totals,
        )
    }
}
