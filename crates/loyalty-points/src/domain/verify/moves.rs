//! What an entry of each kind does to the lots, by its own word, and whether it might.

use std::sync::Arc;

use super::finding::{Breach, Invariant, holds, same};
use super::lots::{Taken, brought, by, one_of, taken};
use super::replay::Replay;
use crate::domain::account::Lot;
use crate::domain::entry::{Allocation, Entry, EntryKind};
use crate::domain::policy::OrderOfUse;
use crate::domain::standing::Blocked;

impl Replay {
    pub(super) fn apply(
        &mut self,
        entry: &Entry,
        target: Option<&Entry>,
        orders: &[OrderOfUse],
    ) -> Result<(), Breach> {
        let applied = match entry.kind {
            EntryKind::Earn => self.earn(entry),
            EntryKind::Adjust if entry.points > 0 => self.earn(entry),
            EntryKind::Redeem | EntryKind::Adjust => self.spend(entry, -entry.points, orders),
            EntryKind::RepayDebt => {
                same(
                    Invariant::Debt,
                    "the debt that is repaid",
                    &entry.points,
                    &entry.debt,
                )?;
                self.spend(entry, -entry.points, orders)
            }
            EntryKind::Hold => self.hold(entry, orders),
            EntryKind::Confirm => self.confirm(entry, orders),
            EntryKind::Release | EntryKind::HoldTimeout => self.give_back(entry),
            EntryKind::Expire => self.expire(entry),
            EntryKind::Activate => self.activate(entry),
            EntryKind::ReverseRedeem => self.bring_back(entry, target),
            EntryKind::ReverseEarn => self.revoke(entry, target, orders),
            EntryKind::Reinstate => self.reinstate(entry, target),
            EntryKind::Block | EntryKind::Unblock => self.block(entry),
            EntryKind::Fulfil => Ok(()),
            EntryKind::Recipient => {
                if let Some(peer) = &entry.peer {
                    let registered = (peer.account.clone(), entry.decided_at);
                    self.registered.insert(registered.0, registered.1);
                }
                Ok(())
            }
            EntryKind::Close => self.close(entry),
            EntryKind::Void => self.void(entry),
            EntryKind::TransferOut => self.give(entry, orders),
            EntryKind::TransferIn => self.receive(entry),
            EntryKind::PoolMember
            | EntryKind::PoolJoin
            | EntryKind::PoolRemove
            | EntryKind::PoolLeave
            | EntryKind::PoolOut
            | EntryKind::PoolIn => self.pool(entry, orders),
        };
        applied.and_then(|()| self.for_member(entry))
    }

    /// Points that come as one new lot of the entry's id.
    fn earn(&mut self, entry: &Entry) -> Result<(), Breach> {
        let [part] = entry.allocations.as_slice() else {
            let found = entry.allocations.len().to_string();
            let what = "lots that an earning makes";
            return Err(Breach::new(Invariant::Allocation, what, "1", found));
        };
        same(
            Invariant::Lot,
            "the id of the new lot",
            &entry.id,
            &part.lot,
        )?;
        same(
            Invariant::Lot,
            "what came to the new lot",
            &part.points,
            &part.original,
        )?;
        holds(
            part.points > 0,
            Invariant::Lot,
            "what came to the new lot",
            "more than 0",
            part.points,
        )?;
        self.lots.insert(part.to_lot())
    }

    /// Takes points of lots that can be spent, in the order of use.
    fn spend(&mut self, entry: &Entry, points: i64, orders: &[OrderOfUse]) -> Result<(), Breach> {
        let wanted: Vec<Vec<Taken>> = orders
            .iter()
            .map(|order| self.lots.wanted(points, entry.decided_at, by(*order)))
            .collect();
        self.not_expired(entry)?;
        one_of(
            Invariant::Allocation,
            "the lots in the order of use",
            &wanted,
            &taken(&entry.allocations),
        )?;
        self.take(&entry.allocations)
    }

    /// No lot that had expired is spent.
    pub(super) fn not_expired(&self, entry: &Entry) -> Result<(), Breach> {
        for part in &entry.allocations {
            let expires_at = self.lots.get(part.lot).map(|lot| lot.expires_at);
            holds(
                expires_at.is_none_or(|at| at > entry.decided_at),
                Invariant::Allocation,
                &format!(
                    "the expiry of lot {}, spent at {}",
                    part.lot, entry.decided_at
                ),
                "later",
                part.expires_at,
            )?;
        }
        Ok(())
    }

    /// Takes what is not held of lots.
    pub(super) fn take(&mut self, parts: &[Allocation]) -> Result<(), Breach> {
        for part in parts {
            let lot = self.lots.of(part)?;
            holds(
                part.points < 0,
                Invariant::Allocation,
                "points of a lot that are taken",
                "less than 0",
                part.points,
            )?;
            lot.remaining += part.points;
        }
        Ok(())
    }

    fn expire(&mut self, entry: &Entry) -> Result<(), Breach> {
        for part in &entry.allocations {
            let lot = self.lots.of(part)?;
            let (remaining, expires_at) = (lot.remaining, lot.expires_at);
            same(
                Invariant::Allocation,
                "what expires of a lot",
                &-remaining,
                &part.points,
            )?;
            // A member of staff may let points expire before their time.
            holds(
                expires_at <= entry.decided_at || entry.note.is_some(),
                Invariant::Allocation,
                "the expiry of a lot that is booked",
                &format!("not after {}", entry.decided_at),
                expires_at,
            )?;
        }
        self.take(&entry.allocations)
    }

    fn activate(&mut self, entry: &Entry) -> Result<(), Breach> {
        for part in &entry.allocations {
            let lot = self.lots.of(part)?;
            let found = (lot.active_from.is_some(), lot.remaining);
            same(
                Invariant::Lot,
                "a lot that becomes active: whether it waits, its points",
                &(true, part.points),
                &found,
            )?;
            lot.active_from = None;
        }
        Ok(())
    }

    fn block(&mut self, entry: &Entry) -> Result<(), Breach> {
        let Some(block) = entry.note.as_ref().and_then(|note| note.block) else {
            let what = "the block of the entry";
            return Err(Breach::new(Invariant::Stored, what, "one", "none"));
        };
        let blocks = &mut self.standing.blocks;
        let before = blocks.len();
        blocks.retain(|set| set.block != block);
        let was_set = blocks.len() < before;
        if entry.kind == EntryKind::Block {
            let reason: Arc<str> = entry.source.clone();
            blocks.push(Blocked { block, reason });
        }
        same(
            Invariant::Account,
            "whether the block was set before",
            &(entry.kind == EntryKind::Unblock),
            &was_set,
        )
    }

    /// All points become void, or went to another account before; nothing may come any more.
    fn close(&mut self, entry: &Entry) -> Result<(), Breach> {
        self.void(entry)?;
        self.standing.is_closed = true;
        Ok(())
    }

    /// All points become void.
    fn void(&mut self, entry: &Entry) -> Result<(), Breach> {
        let all: Vec<Taken> = self
            .lots
            .all
            .iter()
            .map(|lot| (lot.id, lot.remaining))
            .collect();
        one_of(
            Invariant::Allocation,
            "the lots that become void",
            &[all],
            &taken(&entry.allocations),
        )?;
        holds(
            self.holds.is_empty(),
            Invariant::Hold,
            "open holds of an account whose points are void",
            "0",
            self.holds.len(),
        )?;
        self.take(&entry.allocations)?;
        same(
            Invariant::Debt,
            "the debt that is forgiven",
            &-self.debt,
            &entry.debt,
        )
    }

    /// Points that go to another account: those of a special kind first; or all, with the account.
    pub(super) fn give(&mut self, entry: &Entry, orders: &[OrderOfUse]) -> Result<(), Breach> {
        let special = |order: OrderOfUse| {
            let by = by(order);
            move |lot: &Lot| {
                let (_, first, second, id) = by(lot);
                (lot.origin.points_type.is_empty(), first, second, id)
            }
        };
        let (points, at) = (-entry.points, entry.decided_at);
        let mut wanted: Vec<Vec<Taken>> = orders
            .iter()
            .map(|order| self.lots.wanted(points, at, special(*order)))
            .collect();
        let is_merge = entry.note.is_some() && self.lots.sums().balance == points;
        if is_merge {
            let all = self.lots.all.iter().map(|lot| (lot.id, lot.remaining));
            wanted.push(all.collect());
        } else {
            self.not_expired(entry)?;
        }
        one_of(
            Invariant::Allocation,
            "the lots in the order of giving",
            &wanted,
            &taken(&entry.allocations),
        )?;
        self.take(&entry.allocations)?;
        for part in &entry.allocations {
            self.lots.mark_shared(part.lot);
        }
        if entry.note.is_none() && entry.kind == EntryKind::TransferOut {
            self.gift(entry.decided_at, points, 0);
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, entry: &Entry) -> Result<(), Breach> {
        for (lot, points) in brought(&entry.allocations) {
            holds(
                points > 0,
                Invariant::Allocation,
                "points of a lot that came",
                "more than 0",
                points,
            )?;
            self.lots.mark_shared(lot);
        }
        for part in &entry.allocations {
            if self.lots.get(part.lot).is_some() {
                let lot = self.lots.of(part)?;
                lot.original += part.points;
                lot.remaining += part.points;
                let original = lot.original;
                same(
                    Invariant::Lot,
                    "what came to the lot in all",
                    &original,
                    &part.original,
                )?;
            } else {
                let (came, original) = (part.points, part.original);
                same(Invariant::Lot, "what came to the lot", &came, &original)?;
                self.lots.insert(part.to_lot())?;
            }
        }
        if entry.note.is_none() && entry.kind == EntryKind::TransferIn {
            self.gift(entry.decided_at, 0, entry.points);
        }
        Ok(())
    }

    /// Counts a gift in its calendar month.
    fn gift(&mut self, at: tenure_core::Timestamp, out: i64, received: i64) {
        let (year, month, _) = at.date();
        let month = i32::from(year) * 12 + i32::from(month) - 1;
        let gifts = &mut self.standing.gifts;
        if gifts.month != month {
            *gifts = crate::domain::standing::MonthlyGifts {
                month,
                ..Default::default()
            };
        }
        gifts.out += out;
        gifts.received += received;
    }
}
