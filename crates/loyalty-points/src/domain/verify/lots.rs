//! Lots of an account as its records tell them, and in which order they were to be used.

use std::collections::HashSet;

use tenure_core::Timestamp;

use super::finding::{Breach, Invariant, holds, same};
use crate::domain::account::Lot;
use crate::domain::entry::Allocation;
use crate::domain::entry_id::EntryId;
use crate::domain::policy::OrderOfUse;

/// A lot and points of it.
pub(super) type Taken = (EntryId, i64);

/// Sums over lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sums {
    pub(super) balance: i64,
    pub(super) available: i64,
    pub(super) held: i64,
    pub(super) pending: i64,
}

/// The lots, in the order in which they expire.
#[derive(Debug, Clone, Default)]
pub(super) struct Lots {
    pub(super) all: Vec<Lot>,
    /// Lots of which points came or went by transfers: what came is not told by one number.
    shared: HashSet<EntryId>,
}

fn place(lot: &Lot) -> (Timestamp, Timestamp, EntryId) {
    (lot.expires_at, lot.earned_at, lot.id)
}

impl Lots {
    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for lot in &self.all {
            sums.balance += lot.remaining + lot.held;
            sums.held += lot.held;
            if lot.active_from.is_some() {
                sums.pending += lot.remaining;
            } else {
                sums.available += lot.remaining;
            }
        }
        sums
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Lot> {
        self.all.iter().find(|lot| lot.id == id)
    }

    /// Returns the lot of an allocation, which must be told alike by both.
    pub(super) fn of(&mut self, part: &Allocation) -> Result<&mut Lot, Breach> {
        let found = self.all.iter_mut().find(|lot| lot.id == part.lot);
        let Some(lot) = found else {
            let what = format!("lot {} of the entry", part.lot);
            return Err(Breach::new(
                Invariant::Lot,
                what,
                "a lot with points",
                "none",
            ));
        };
        let facts = |earned: Timestamp, expires: Timestamp, partner: &str| {
            (earned.as_micros(), expires.as_micros(), partner.to_owned())
        };
        same(
            Invariant::Lot,
            "the origin of a lot",
            &facts(lot.earned_at, lot.expires_at, &lot.origin.partner),
            &facts(part.earned_at, part.expires_at, &part.origin.partner),
        )?;
        Ok(lot)
    }

    /// Adds a lot.
    pub(super) fn insert(&mut self, lot: Lot) -> Result<(), Breach> {
        if self.get(lot.id).is_some() {
            let what = format!("lot {} of the entry", lot.id);
            return Err(Breach::new(
                Invariant::Lot,
                what,
                "a new lot",
                "one that exists",
            ));
        }
        let at = self.all.partition_point(|other| place(other) < place(&lot));
        self.all.insert(at, lot);
        Ok(())
    }

    pub(super) fn mark_shared(&mut self, id: EntryId) {
        self.shared.insert(id);
    }

    /// Ends an entry: forgets lots without points, and checks the others.
    pub(super) fn settle(&mut self) -> Result<(), Breach> {
        self.all.retain(|lot| lot.remaining != 0 || lot.held != 0);
        for lot in &self.all {
            let found = format!(
                "{} remaining, {} held of {}",
                lot.remaining, lot.held, lot.original
            );
            let fits = lot.remaining + lot.held <= lot.original || self.shared.contains(&lot.id);
            holds(
                lot.remaining >= 0 && lot.held >= 0 && fits,
                Invariant::Lot,
                &format!("lot {}", lot.id),
                "not negative, and no more than came",
                found,
            )?;
        }
        Ok(())
    }

    /// Returns what a spending of `points` was to take, in an order.
    pub(super) fn wanted(
        &self,
        points: i64,
        at: Timestamp,
        key: impl Fn(&Lot) -> (bool, Timestamp, Timestamp, EntryId),
    ) -> Vec<Taken> {
        let spendable = |lot: &&Lot| lot.active_from.is_none() && lot.expires_at > at;
        let mut lots: Vec<&Lot> = self.all.iter().filter(spendable).collect();
        lots.sort_by_key(|lot| key(lot));
        let mut left = points;
        let mut taken = Vec::new();
        for lot in lots {
            let part = lot.remaining.min(left);
            if part > 0 {
                taken.push((lot.id, part));
                left -= part;
            }
        }
        taken
    }
}

/// Returns the place of a lot in an order of use.
pub(super) fn by(order: OrderOfUse) -> impl Fn(&Lot) -> (bool, Timestamp, Timestamp, EntryId) {
    move |lot| match order {
        OrderOfUse::ExpiryFirst => (false, lot.expires_at, lot.earned_at, lot.id),
        OrderOfUse::EarnedFirst => (false, lot.earned_at, lot.expires_at, lot.id),
    }
}

/// Returns what allocations took, as positive numbers.
pub(super) fn taken(parts: &[Allocation]) -> Vec<Taken> {
    parts.iter().map(|part| (part.lot, -part.points)).collect()
}

/// Returns what allocations brought.
pub(super) fn brought(parts: &[Allocation]) -> Vec<Taken> {
    parts.iter().map(|part| (part.lot, part.points)).collect()
}

pub(super) fn show(parts: &[Taken]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|(lot, points)| format!("{points} of {lot}"))
        .collect();
    if parts.is_empty() {
        return "nothing".to_owned();
    }
    parts.join(", ")
}

/// Demands that one of several lists of parts is the one found.
pub(super) fn one_of(
    invariant: Invariant,
    what: &str,
    wanted: &[Vec<Taken>],
    found: &[Taken],
) -> Result<(), Breach> {
    if wanted.iter().any(|wanted| wanted == found) {
        return Ok(());
    }
    let first = wanted.first().map(|parts| show(parts)).unwrap_or_default();
    Err(Breach::new(invariant, what, first, show(found)))
}
