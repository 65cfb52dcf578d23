//! Pools: who is a member, what came from whom, and what was spent for whom.

use tenure_core::AccountId;

use super::finding::{Breach, Invariant, holds};
use super::lots::{one_of, taken};
use super::replay::Replay;
use crate::domain::entry::{Entry, EntryKind};
use crate::domain::policy::OrderOfUse;
use crate::domain::pool::{Member, Pool};

impl Replay {
    /// An entry of a pool or of a member of one.
    pub(super) fn pool(&mut self, entry: &Entry, orders: &[OrderOfUse]) -> Result<(), Breach> {
        let Some(peer) = entry.peer.as_ref().map(|peer| peer.account.clone()) else {
            let what = "the other account of an entry of a pool";
            return Err(Breach::new(Invariant::Stored, what, "one", "none"));
        };
        match entry.kind {
            EntryKind::PoolMember => {
                let is_new = self.member(&peer).is_none();
                member_is(is_new, "not there before", &peer)?;
                self.pool_mut().members.push(Member::new(peer));
            }
            EntryKind::PoolJoin => {
                member_is(self.pool_mut().member_of.is_none(), "in no pool", &peer)?;
                self.pool_mut().member_of = Some(peer);
            }
            EntryKind::PoolRemove => self.remove(entry, &peer)?,
            EntryKind::PoolLeave => {
                member_is(self.is_in(&peer), "in this pool", &peer)?;
                self.receive(entry)?;
                self.pool_mut().member_of = None;
            }
            EntryKind::PoolOut => {
                member_is(self.is_in(&peer), "in this pool", &peer)?;
                self.give(entry, orders)?;
                let contributed = &mut self.pool_mut().contributed;
                contributed.add(entry.decided_at, -entry.points);
            }
            _ => {
                self.receive(entry)?;
                let lots = self.lots.all.clone();
                let member = self.require(&peer)?;
                member.contribute(&entry.allocations, &lots);
            }
        }
        Ok(())
    }

    /// What goes with a member is what is left of what came from it, or nothing.
    fn remove(&mut self, entry: &Entry, peer: &AccountId) -> Result<(), Breach> {
        let lots = self.lots.all.clone();
        let left = self.require(peer)?.left(&lots);
        one_of(
            Invariant::Allocation,
            "what is left of a member's lots",
            &[left, Vec::new()],
            &taken(&entry.allocations),
        )?;
        self.take(&entry.allocations)?;
        for part in &entry.allocations {
            self.lots.mark_shared(part.lot);
        }
        self.pool_mut().members.retain(|it| it.account != *peer);
        Ok(())
    }

    /// What was spent or put aside for a member.
    pub(super) fn for_member(&mut self, entry: &Entry) -> Result<(), Breach> {
        let Some(peer) = &entry.peer else {
            return Ok(());
        };
        if !matches!(
            entry.kind,
            EntryKind::Redeem | EntryKind::Hold | EntryKind::Confirm
        ) {
            return Ok(());
        }
        let open = self.holds.clone();
        let member = self.require(&peer.account)?;
        match (entry.kind, &entry.hold) {
            (EntryKind::Hold, Some(hold)) => member.hold(hold.id, &open),
            (kind, hold) => {
                member.spent.add(entry.decided_at, -entry.points);
                if let (EntryKind::Confirm, Some(hold)) = (kind, hold) {
                    member.holds.retain(|id| *id != hold.id);
                }
            }
        }
        Ok(())
    }

    fn pool_mut(&mut self) -> &mut Pool {
        self.standing.pool.get_or_insert_default()
    }

    fn is_in(&mut self, pool: &AccountId) -> bool {
        self.pool_mut().member_of.as_ref() == Some(pool)
    }

    fn member(&mut self, id: &AccountId) -> Option<&mut Member> {
        let mut members = self.pool_mut().members.iter_mut();
        members.find(|member| member.account == *id)
    }

    fn require(&mut self, id: &AccountId) -> Result<&mut Member, Breach> {
        let what = "the member of the pool whom the entry names";
        let missing = || Breach::new(Invariant::Stored, what, "a member", id.to_string());
        self.member(id).ok_or_else(missing)
    }
}

fn member_is(is: bool, wanted: &str, peer: &AccountId) -> Result<(), Breach> {
    holds(is, Invariant::Stored, "a member of a pool", wanted, peer)
}
