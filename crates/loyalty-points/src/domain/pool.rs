//! Family pools: accounts into which members give points, and from which they may spend.
//!
//! What a member gives keeps its kind, its expiry and its funder. The pool knows which lots came from
//! whom, so that who leaves can take back what is left of them.

use std::sync::Arc;

use tenure_core::{AccountId, Timestamp};

use super::account::{Account, Hold, Lot};
use super::apply::{Context, act};
use super::command::Command;
use super::entry::{Allocation, EntryKind};
use super::entry_id::EntryId;
use super::journal::{Journal, Movement};
use super::policy::{Operation, PoolLeaving};
use super::programme::Programme;
use super::refusal::Refusal;
use super::spend::require_points;
use super::standing::month;
use super::transfer::{Pair, give, receive, require_room};

/// Points that were moved within a calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Monthly {
    /// The month: twelve times the year, plus the months before.
    pub month: i32,
    /// The points.
    pub points: i64,
}

impl Monthly {
    /// Returns the points of the month of `at`.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> i64 {
        if self.month == month(at) {
            self.points
        } else {
            0
        }
    }

    /// Adds points at `at`.
    pub fn add(&mut self, at: Timestamp, points: i64) {
        *self = Self {
            month: month(at),
            points: self.at(at) + points,
        };
    }
}

/// A member of a pool, as the pool knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's account.
    pub account: AccountId,
    /// What came from the member: points of lots.
    pub lots: Vec<(EntryId, i64)>,
    /// The holds that were made for the member and are still open.
    pub holds: Vec<EntryId>,
    /// What the member spent this month.
    pub spent: Monthly,
}

/// What an account has to do with pools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pool {
    /// The members of the account, when it is a pool, in the order in which they came.
    pub members: Vec<Member>,
    /// The pool of which the account is a member.
    pub member_of: Option<AccountId>,
    /// What the account contributed this month.
    pub contributed: Monthly,
}

impl Member {
    /// Returns a member who has done nothing yet.
    #[must_use]
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            lots: Vec::new(),
            holds: Vec::new(),
            spent: Monthly::default(),
        }
    }

    /// Notes what came; what came before of lots that are gone is forgotten.
    pub fn contribute(&mut self, parts: &[Allocation], lots: &[Lot]) {
        for part in parts {
            match self.lots.iter_mut().find(|(lot, _)| *lot == part.lot) {
                Some((_, points)) => *points += part.points,
                None => self.lots.push((part.lot, part.points)),
            }
        }
        let exists = |id: EntryId| lots.iter().any(|lot| lot.id == id);
        self.lots.retain(|(lot, _)| exists(*lot));
    }

    /// Notes a hold that was made for the member; ended ones are forgotten.
    pub fn hold(&mut self, id: EntryId, open: &[Hold]) {
        self.holds
            .retain(|id| open.iter().any(|hold| hold.id == *id));
        self.holds.push(id);
    }

    /// Returns what is left of what came from the member: lots that can be spent, and points of them.
    #[must_use]
    pub fn left(&self, lots: &[Lot]) -> Vec<(EntryId, i64)> {
        let left = |(id, points): &(EntryId, i64)| {
            let lot = lots.iter().find(|lot| lot.id == *id)?;
            let points = lot.available().min(*points);
            (points > 0).then_some((*id, points))
        };
        self.lots.iter().filter_map(left).collect()
    }

    /// Returns what open holds keep aside for the member.
    fn held(&self, open: &[Hold]) -> i64 {
        let own = open.iter().filter(|hold| self.holds.contains(&hold.id));
        own.map(|hold| hold.points).sum()
    }
}

impl Account {
    fn pool(&self) -> Option<&Pool> {
        self.standing.as_ref()?.pool.as_deref()
    }

    fn pool_mut(&mut self) -> &mut Pool {
        self.standing_mut().pool.get_or_insert_default()
    }

    fn member(&self, id: &AccountId) -> Option<&Member> {
        let mut members = self.pool()?.members.iter();
        members.find(|member| member.account == *id)
    }

    fn member_mut(&mut self, id: &AccountId) -> Option<&mut Member> {
        let mut members = self.pool_mut().members.iter_mut();
        members.find(|member| member.account == *id)
    }

    /// Refuses what only an account may do that has nothing to do with pools.
    pub(super) fn require_no_pool(&self) -> Result<(), Refusal> {
        let pool = self.pool();
        if pool.is_some_and(|pool| pool.member_of.is_some() || !pool.members.is_empty()) {
            return Err(Refusal::PoolNotLeft {
                account: self.id.to_string(),
            });
        }
        Ok(())
    }

    fn require_member(&self, id: &AccountId) -> Result<&Member, Refusal> {
        self.member(id).ok_or_else(|| Refusal::PoolMemberNotFound {
            account: self.id.to_string(),
            member: id.to_string(),
        })
    }
}

/// Makes an account a member of a pool.
pub(super) fn add(
    (pool, member): (&mut Account, &mut Account),
    programme: &Programme,
) -> Result<Pair, Refusal> {
    let most = programme.policies.pool.members_max;
    if let Some(other) = member.pool().and_then(|it| it.member_of.as_ref()) {
        return Err(Refusal::PoolMemberExists {
            member: member.id.to_string(),
            pool: other.to_string(),
        });
    }
    member.require_no_pool()?;
    if pool.pool().is_some_and(|it| it.member_of.is_some()) {
        return Err(Refusal::PoolNotLeft {
            account: pool.id.to_string(),
        });
    }
    let members = pool.pool().map_or(0, |it| it.members.len());
    if members >= usize::from(most) {
        return Err(Refusal::PoolMemberLimit {
            account: pool.id.to_string(),
            limit: most.into(),
        });
    }
    pool.pool_mut().members.push(Member::new(member.id.clone()));
    member.pool_mut().member_of = Some(pool.id.clone());
    let still = |kind| Movement::new(kind, 0, 0);
    Ok((still(EntryKind::PoolMember), still(EntryKind::PoolJoin)))
}

/// Takes a member out of a pool; by policy, what is left of what came from it goes back.
pub(super) fn remove(
    (pool, member): (&mut Account, &mut Account),
    programme: &Programme,
) -> Result<Pair, Refusal> {
    let left = pool.require_member(&member.id)?.left(&pool.lots);
    let mut out = Movement::new(EntryKind::PoolRemove, 0, 0);
    let mut incoming = Movement::new(EntryKind::PoolLeave, 0, 0);
    if programme.policies.pool.on_leave == PoolLeaving::ReturnRemaining {
        let part = |(id, points): &(EntryId, i64)| {
            let lot = pool.lots.iter().find(|lot| lot.id == *id);
            Allocation::of(lot.expect("what is left lies in a lot"), -points)
        };
        let taken: Vec<Allocation> = left.iter().map(part).collect();
        let points = left.iter().map(|(_, points)| points).sum();
        require_room(member, &taken, points)?;
        for (id, points) in &left {
            let lot = pool.lot_mut(*id).expect("what is left lies in a lot");
            lot.remaining -= points;
        }
        pool.drop_empty_lots();
        (out.points, incoming.points) = (-points, points);
        incoming.allocations = receive(member, &taken);
        out.allocations = taken;
    }
    let leaving = &member.id;
    pool.pool_mut().members.retain(|it| it.account != *leaving);
    member.pool_mut().member_of = None;
    Ok((out, incoming))
}

/// Moves points of a member into the pool.
pub(super) fn contribute(
    (member, pool): (&mut Account, &mut Account),
    points: i64,
    at: Timestamp,
    programme: &Programme,
    source: &Arc<str>,
) -> Result<Pair, Refusal> {
    pool.require_member(&member.id)?;
    let policies = &programme.policies;
    member.require_free(Operation::Transfer, policies)?;
    pool.require_free(Operation::Earn, policies)?;
    let moved = member.pool().map_or(0, |it| it.contributed.at(at));
    require_limit(
        (member, "CONTRIBUTE"),
        policies.pool.contribute_month_max,
        moved,
        points,
    )?;
    require_points(member, points, at)?;
    let kinds = (EntryKind::PoolOut, EntryKind::PoolIn);
    let pair = give((member, pool), points, programme, source, kinds)?;
    member.pool_mut().contributed.add(at, points);
    let lots = std::mem::take(&mut pool.lots);
    let giver = pool.member_mut(&member.id).expect("it is a member");
    giver.contribute(&pair.1.allocations, &lots);
    pool.lots = lots;
    Ok(pair)
}

fn require_limit(
    (account, direction): (&Account, &str),
    limit: i64,
    moved: i64,
    needed: i64,
) -> Result<(), Refusal> {
    if limit == 0 || needed <= limit - moved {
        return Ok(());
    }
    Err(Refusal::PoolLimit {
        account: account.id.to_string(),
        direction: direction.to_owned(),
        limit,
        moved,
        needed,
    })
}

/// Spends points of a pool for a member, or puts them aside.
pub(super) fn for_member(
    account: &mut Account,
    at: Timestamp,
    (id, command): (&AccountId, &Command),
    context: Context<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Refusal> {
    let (Command::Redeem { points, .. } | Command::Hold { points, .. }) = command else {
        unreachable!("nothing else is done for a member");
    };
    let member = account.require_member(id)?;
    let limit = journal.programme().policies.pool.spend_month_max;
    let moved = member.spent.at(at) + member.held(&account.holds);
    require_limit((account, "SPEND"), limit, moved, *points)?;
    act(account, at, command, context, journal)?;
    journal.name_member(id);
    let made = match command {
        Command::Hold { .. } => account.holds.last().map(|hold| hold.id),
        _ => None,
    };
    let holds = std::mem::take(&mut account.holds);
    let member = account.member_mut(id).expect("it is a member");
    match made {
        Some(made) => member.hold(made, &holds),
        None => member.spent.add(at, *points),
    }
    account.holds = holds;
    Ok(())
}

/// Notes what a hold spent that was made for a member, when it was confirmed.
pub(super) fn confirmed(
    account: &mut Account,
    at: Timestamp,
    hold: EntryId,
    journal: &mut Journal<'_>,
) {
    let Some(pool) = account.pool() else {
        return;
    };
    let mut members = pool.members.iter();
    let Some(member) = members.find(|member| member.holds.contains(&hold)) else {
        return;
    };
    let id = member.account.clone();
    let points = journal.entries().last().map_or(0, |entry| -entry.points);
    journal.name_member(&id);
    let member = account.member_mut(&id).expect("it is a member");
    member.spent.add(at, points);
    member.holds.retain(|open| *open != hold);
}
