//! Holds: made, and ended once.

use super::finding::{Breach, Invariant, holds, same};
use super::lots::{Taken, by, one_of, taken};
use super::replay::Replay;
use crate::domain::account::{Hold, Part};
use crate::domain::entry::{Entry, EntryKind, HoldFacts};
use crate::domain::policy::OrderOfUse;

fn facts(entry: &Entry) -> Result<&HoldFacts, Breach> {
    let missing = || Breach::new(Invariant::Hold, "the hold of the entry", "one", "none");
    entry.hold.as_ref().ok_or_else(missing)
}

impl Replay {
    pub(super) fn hold(&mut self, entry: &Entry, orders: &[OrderOfUse]) -> Result<(), Breach> {
        let facts = facts(entry)?;
        let wanted: Vec<Vec<Taken>> = orders
            .iter()
            .map(|order| self.lots.wanted(facts.points, entry.decided_at, by(*order)))
            .collect();
        self.not_expired(entry)?;
        let parts = taken(&entry.allocations);
        let what = "the lots in the order of use";
        one_of(Invariant::Allocation, what, &wanted, &parts)?;
        self.take(&entry.allocations)?;
        for part in &entry.allocations {
            self.lots.of(part)?.held -= part.points;
        }
        same(
            Invariant::Hold,
            "a new hold: its id, points, points confirmed",
            &(entry.id, entry.held, 0),
            &(facts.id, facts.points, facts.confirmed),
        )?;
        holds(
            facts.created_at == entry.decided_at && facts.expires_at >= facts.created_at,
            Invariant::Hold,
            "the time of a new hold",
            &format!("from {} on", entry.decided_at),
            format!("{} to {}", facts.created_at, facts.expires_at),
        )?;
        self.holds.push(Hold {
            id: facts.id,
            points: facts.points,
            created_at: facts.created_at,
            expires_at: facts.expires_at,
            source: facts.source.clone(),
            parts: parts
                .into_iter()
                .map(|(lot, points)| Part { lot, points })
                .collect(),
        });
        Ok(())
    }

    /// Closes the hold that an entry ends: it was open, and is told as it was made.
    fn end(&mut self, entry: &Entry) -> Result<Hold, Breach> {
        let facts = facts(entry)?;
        let Some(place) = self.holds.iter().position(|hold| hold.id == facts.id) else {
            let what = format!("hold {}", facts.id);
            return Err(Breach::new(
                Invariant::Hold,
                what,
                "open until now",
                "not open",
            ));
        };
        let hold = self.holds.remove(place);
        same(
            Invariant::Hold,
            "the hold: its points, its time",
            &(hold.points, hold.created_at, hold.expires_at),
            &(facts.points, facts.created_at, facts.expires_at),
        )?;
        same(
            Invariant::Hold,
            "held points that the entry ends",
            &-hold.points,
            &entry.held,
        )?;
        let is_over = hold.expires_at <= entry.decided_at;
        same(
            Invariant::Hold,
            "whether the hold has run out",
            &(entry.kind == EntryKind::HoldTimeout),
            &is_over,
        )?;
        for part in &hold.parts {
            let held = self
                .lots
                .all
                .iter_mut()
                .find(|lot| lot.id == part.lot && lot.held >= part.points);
            let Some(lot) = held else {
                let what = format!("held points of lot {}", part.lot);
                let wanted = format!("at least {}", part.points);
                return Err(Breach::new(Invariant::Hold, what, wanted, "fewer"));
            };
            // All of it is free again; what is spent is taken from there.
            lot.held -= part.points;
            lot.remaining += part.points;
        }
        Ok(hold)
    }

    pub(super) fn give_back(&mut self, entry: &Entry) -> Result<(), Breach> {
        let hold = self.end(entry)?;
        let parts: Vec<Taken> = entry
            .allocations
            .iter()
            .map(|part| (part.lot, part.points))
            .collect();
        let wanted = hold.parts.iter().map(|part| (part.lot, part.points));
        let what = "the lots that the hold gives back";
        one_of(Invariant::Hold, what, &[wanted.collect()], &parts)?;
        same(
            Invariant::Hold,
            "points confirmed of a hold that was given back",
            &0,
            &facts(entry)?.confirmed,
        )
    }

    /// Spends the first points of the hold, then, when more was asked for, what can be spent.
    pub(super) fn confirm(&mut self, entry: &Entry, orders: &[OrderOfUse]) -> Result<(), Breach> {
        let hold = self.end(entry)?;
        same(
            Invariant::Hold,
            "points confirmed",
            &-entry.points,
            &facts(entry)?.confirmed,
        )?;
        let mut left = -entry.points;
        let mut from_hold: Vec<Taken> = Vec::new();
        for part in &hold.parts {
            let spent = part.points.min(left);
            if spent > 0 {
                from_hold.push((part.lot, spent));
                left -= spent;
            }
        }
        self.take(&parts_of(entry, &from_hold))?;
        let wanted: Vec<Vec<Taken>> = orders
            .iter()
            .map(|order| {
                let more = self.lots.wanted(left, entry.decided_at, by(*order));
                joined(&from_hold, more)
            })
            .collect();
        let what = "the lots of the hold, then those in the order of use";
        let found = taken(&entry.allocations);
        one_of(Invariant::Hold, what, &wanted, &found)?;
        let rest: Vec<Taken> = found
            .into_iter()
            .map(|(lot, points)| {
                let held = from_hold.iter().find(|part| part.0 == lot);
                (lot, points - held.map_or(0, |part| part.1))
            })
            .filter(|part| part.1 > 0)
            .collect();
        self.take(&parts_of(entry, &rest))
    }
}

/// Returns allocations of an entry with other numbers of points.
fn parts_of(entry: &Entry, parts: &[Taken]) -> Vec<crate::domain::entry::Allocation> {
    let mut of = Vec::new();
    for (lot, points) in parts {
        if let Some(known) = entry.allocations.iter().find(|known| known.lot == *lot) {
            let mut part = known.clone();
            part.points = -points;
            of.push(part);
        }
    }
    of
}

/// Adds what comes in addition to the parts of a lot that are there.
fn joined(first: &[Taken], more: Vec<Taken>) -> Vec<Taken> {
    let mut all = first.to_vec();
    for (lot, points) in more {
        match all.iter_mut().find(|known| known.0 == lot) {
            Some(known) => known.1 += points,
            None => all.push((lot, points)),
        }
    }
    all
}
