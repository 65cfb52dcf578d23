//! Entries that take others back: never more than they moved.

use super::finding::{Breach, Invariant, holds, same};
use super::lots::{Taken, by, one_of, taken};
use super::replay::Replay;
use crate::domain::entry::{Allocation, Entry, EntryKind, Reversal};
use crate::domain::partner::PartnerNote;
use crate::domain::policy::OrderOfUse;

/// Returns the partner that an entry touches, but for what it says of the moment.
fn touched(entry: &Entry) -> Option<PartnerNote> {
    let note = entry.partner.as_deref()?;
    Some(PartnerNote {
        low: None,
        ..note.clone()
    })
}

impl Replay {
    /// Returns the entry that is taken back, when so much of it may be.
    fn target<'t>(
        &mut self,
        entry: &Entry,
        target: Option<&'t Entry>,
        kinds: &[EntryKind],
    ) -> Result<(&'t Entry, Reversal), Breach> {
        use Invariant::Reversal;
        let missing =
            |what: &str| Breach::new(Reversal, what, "an earlier entry of the account", "none");
        let Some(reversal) = entry.reversal.as_deref().cloned() else {
            return Err(missing("what the entry takes back"));
        };
        let is_own = |target: &&Entry| {
            target.id == reversal.entry
                && target.account == entry.account
                && target.id.seq() < entry.id.seq()
        };
        let Some(target) = target.filter(is_own) else {
            return Err(missing("the entry that is taken back"));
        };
        holds(
            kinds.contains(&target.kind),
            Reversal,
            "the kind of the entry that is taken back",
            &kinds
                .iter()
                .map(|kind| kind.name())
                .collect::<Vec<_>>()
                .join(" or "),
            target.kind.name(),
        )?;
        same(
            Reversal,
            "the partner that it touches",
            &touched(target),
            &touched(entry),
        )?;
        let before = self.returned.entry(target.id.seq()).or_default();
        same(
            Reversal,
            "points taken back before",
            &*before,
            &reversal.before,
        )?;
        *before += reversal.points;
        let found = format!(
            "{} of {}",
            reversal.before + reversal.points,
            target.points.abs()
        );
        holds(
            reversal.points > 0 && *before <= target.points.abs(),
            Reversal,
            "points taken back in all",
            "no more than it moved",
            found,
        )?;
        Ok((target, reversal))
    }

    /// Spent points come back to their lots, the last first; those of expired lots may go to new ones.
    pub(super) fn bring_back(
        &mut self,
        entry: &Entry,
        target: Option<&Entry>,
    ) -> Result<(), Breach> {
        let kinds = [EntryKind::Redeem, EntryKind::Confirm];
        let (target, reversal) = self.target(entry, target, &kinds)?;
        same(
            Invariant::Reversal,
            "points that come back",
            &reversal.points,
            &entry.points,
        )?;
        let wanted = last_of(&target.allocations, reversal.before, reversal.points);
        let is_alike = wanted.len() == entry.allocations.len()
            && wanted.iter().zip(&entry.allocations).all(|(old, new)| {
                let to_same = old.0.lot == new.lot && old.0.expires_at == new.expires_at;
                let to_new = new.lot.of_entry() == entry.id && old.0.expires_at <= entry.decided_at;
                old.1 == new.points && (to_same || to_new)
            });
        if !is_alike {
            let wanted: Vec<Taken> = wanted.iter().map(|(part, n)| (part.lot, *n)).collect();
            let found: Vec<Taken> = entry
                .allocations
                .iter()
                .map(|p| (p.lot, p.points))
                .collect();
            let what = "the lots that points come back to";
            return one_of(Invariant::Reversal, what, &[wanted], &found);
        }
        for part in &entry.allocations {
            if self.lots.get(part.lot).is_some() {
                self.lots.of(part)?.remaining += part.points;
            } else {
                self.lots.insert(part.to_lot())?;
            }
        }
        Ok(())
    }

    /// An earning goes: what is left of its lot, then others in the order of use; the rest is owed or
    /// named.
    pub(super) fn revoke(
        &mut self,
        entry: &Entry,
        target: Option<&Entry>,
        orders: &[OrderOfUse],
    ) -> Result<(), Breach> {
        let (target, reversal) = self.target(entry, target, &[EntryKind::Earn])?;
        same(
            Invariant::Reversal,
            "points taken, owed and missing",
            &reversal.points,
            &(-entry.points + entry.debt + reversal.shortfall),
        )?;
        holds(
            reversal.shortfall >= 0 && entry.debt >= 0,
            Invariant::Reversal,
            "points owed and missing",
            "not negative",
            format!("{} and {}", entry.debt, reversal.shortfall),
        )?;
        let own = self.lots.get(target.id).map_or(0, |lot| lot.remaining);
        let own = own.min(-entry.points);
        let others = -entry.points - own;
        let found = taken(&entry.allocations);
        let what = "the earning's own lot, then others in the order of use";
        let first: Vec<Taken> = (own > 0).then_some((target.id, own)).into_iter().collect();
        let split = first.len().min(entry.allocations.len());
        // What others give is looked for when the own lot has given.
        one_of(Invariant::Allocation, what, &[first], &found[..split])?;
        self.take(&entry.allocations[..split])?;
        let wanted: Vec<Vec<Taken>> = orders
            .iter()
            .map(|order| self.lots.wanted(others, entry.decided_at, by(*order)))
            .collect();
        one_of(Invariant::Allocation, what, &wanted, &found[split..])?;
        self.take(&entry.allocations[split..])
    }

    /// Expired points come again, as new lots.
    pub(super) fn reinstate(
        &mut self,
        entry: &Entry,
        target: Option<&Entry>,
    ) -> Result<(), Breach> {
        let (target, reversal) = self.target(entry, target, &[EntryKind::Expire])?;
        same(
            Invariant::Reversal,
            "points reinstated, all at once",
            &(-target.points, 0),
            &(reversal.points, reversal.before),
        )?;
        let gone: Vec<i64> = target.allocations.iter().map(|part| -part.points).collect();
        let back: Vec<i64> = entry.allocations.iter().map(|part| part.points).collect();
        same(
            Invariant::Reversal,
            "the points of each lot that comes again",
            &gone,
            &back,
        )?;
        for part in &entry.allocations {
            same(
                Invariant::Lot,
                "the entry that made the lot, what came to it",
                &(entry.id, part.points),
                &(part.lot.of_entry(), part.original),
            )?;
            self.lots.insert(part.to_lot())?;
        }
        Ok(())
    }
}

/// Returns what comes back next when `before` points came back already: what was spent last first.
fn last_of(spent: &[Allocation], before: i64, points: i64) -> Vec<(&Allocation, i64)> {
    // The points of the spending, counted from its end: those from `before` to `before + points`.
    let (mut passed, mut back) = (0, Vec::new());
    for part in spent.iter().rev() {
        let (from, to) = (passed, passed - part.points);
        let share = to.min(before + points) - from.max(before);
        if share > 0 {
            back.push((part, share));
        }
        passed = to;
    }
    back.reverse();
    back
}
