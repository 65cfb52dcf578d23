//! What the model does with pools: who is in one, what goes in, and what is spent for whom.

use super::{Doing, Done, Fact, Micros, Model, No};
use crate::domain::{EntryKind, Operation};

/// Points that a member put into a pool, or that were spent from it for a member.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolMove {
    at: Micros,
    member: usize,
    /// Spent, and not put in.
    spent: bool,
    points: i64,
}

impl Model {
    /// Returns the members of a pool, in the order in which they came.
    pub(crate) fn members(&self, pool: usize) -> Vec<usize> {
        let own = self.pools().iter().filter(|(of, _)| *of == pool);
        own.map(|(_, member)| *member).collect()
    }

    /// Returns the pool of which an account is a member.
    pub(crate) fn pool_of(&self, member: usize) -> Option<usize> {
        let mut pairs = self.pools().iter();
        pairs.find(|(_, of)| *of == member).map(|(pool, _)| *pool)
    }

    /// Returns all pools, each with a member.
    pub(crate) fn pools(&self) -> &[(usize, usize)] {
        &self.members
    }

    pub(super) fn is_in_pool(&self, account: usize) -> bool {
        self.pool_of(account).is_some() || !self.members(account).is_empty()
    }

    /// Refuses what only an account may do that is in no pool.
    pub(super) fn require_no_pool(&self, account: usize) -> Result<(), No> {
        match self.is_in_pool(account) {
            true => Err(No::of("POOL_NOT_LEFT", account)),
            false => Ok(()),
        }
    }

    pub(super) fn join(&mut self, pool: usize, member: usize) -> Done {
        if self.accounts[member].is_closed {
            return Err(No::of("ACCOUNT_CLOSED", member));
        }
        if let Some(other) = self.pool_of(member) {
            return Err(No::because("POOL_MEMBER_EXISTS")
                .with("member_account_id", Fact::Account(member))
                .with("pool_account_id", Fact::Account(other)));
        }
        self.require_no_pool(member)?;
        if self.pool_of(pool).is_some() {
            return Err(No::of("POOL_NOT_LEFT", pool));
        }
        self.members.push((pool, member));
        Ok((EntryKind::PoolMember, Vec::new()))
    }

    fn require_member(&self, pool: usize, member: usize) -> Result<(), No> {
        if self.pool_of(member) == Some(pool) {
            return Ok(());
        }
        Err(No::because("POOL_MEMBER_NOT_FOUND")
            .with("member_account_id", Fact::Account(member))
            .with("pool_account_id", Fact::Account(pool)))
    }

    pub(super) fn contribute(
        &mut self,
        member: usize,
        pool: usize,
        points: i64,
        now: Micros,
    ) -> Done {
        if self.accounts[pool].is_closed {
            return Err(No::of("ACCOUNT_CLOSED", pool));
        }
        self.require_member(pool, member)?;
        self.require_free(member, Operation::Transfer)?;
        self.require_free(pool, Operation::Earn)?;
        let moved = PoolMove {
            at: now,
            member,
            spent: false,
            points,
        };
        let limit = self.rules.policies.pool.contribute_month_max;
        self.require_pool_limit((member, "CONTRIBUTE"), limit, moved)?;
        self.require_enough(member, points)?;
        self.pool_moves.push(moved);
        Ok((EntryKind::PoolOut, self.give(member, pool, points)))
    }

    pub(super) fn redeem_for(
        &mut self,
        pool: usize,
        member: usize,
        points: i64,
        now: Micros,
    ) -> Done {
        self.require_member(pool, member)?;
        let moved = PoolMove {
            at: now,
            member,
            spent: true,
            points,
        };
        let limit = self.rules.policies.pool.spend_month_max;
        self.require_pool_limit((pool, "SPEND"), limit, moved)?;
        self.require_free(pool, Operation::Redeem)?;
        self.require_enough(pool, points)?;
        self.pool_moves.push(moved);
        Ok((EntryKind::Redeem, self.take(pool, points, Doing::Gone)))
    }

    /// Refuses what would be more of its kind than a member may move in a calendar month.
    fn require_pool_limit(
        &self,
        (account, direction): (usize, &str),
        limit: i64,
        wanted: PoolMove,
    ) -> Result<(), No> {
        let month = |instant| {
            let (year, month, _) = self.at(instant).date();
            (year, month)
        };
        let same = |it: &&PoolMove| {
            (it.member, it.spent, month(it.at)) == (wanted.member, wanted.spent, month(wanted.at))
        };
        let moved = self.pool_moves.iter().filter(same);
        let moved: i64 = moved.map(|it| it.points).sum();
        if limit == 0 || moved + wanted.points <= limit {
            return Ok(());
        }
        Err(No::of("POOL_LIMIT", account)
            .with("direction", Fact::Word(direction.to_owned()))
            .with("limit_points", Fact::Number(limit))
            .with("moved_points", Fact::Number(moved))
            .with("needed_points", Fact::Number(wanted.points)))
    }
}
