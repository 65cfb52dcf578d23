//! Deciding before the lanes are locked, where all that is needed is remembered: one call of the
//! database then locks, checks that nobody else wrote meanwhile, and writes.

use tenure_core::Timestamp;
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, SqlErrorKind};

use super::entries;
use super::lanes::{self, Ground};
use super::memory::{Memory, Remembrance};
use super::rows::Script;
use super::transact::{decide_all, keep, touched};
use crate::domain::{Catalogue, Decision, Ledger, Order, Writes};

/// What was decided before the lanes were locked: right if nobody else wrote meanwhile.
pub(super) struct Foreseen {
    decisions: Vec<Decision>,
    writes: Writes,
    ground: Ground,
}

/// Decides orders by what is remembered, if that is all that they take. What is decided before the
/// lanes are locked, and written in one call, nobody waits for.
pub(super) fn foresee(
    catalogue: &Catalogue,
    now: Timestamp,
    groups: &[&[Order]],
    memory: &mut Memory,
) -> Result<Option<Foreseen>, SqlError> {
    let orders: Vec<&Order> = groups.iter().copied().flatten().collect();
    if orders.is_empty() || !orders.iter().all(|it| it.command.takes_accounts_only()) {
        return Ok(None);
    }
    let Some(Remembrance { accounts, heads }) = memory.take_all(&touched(&orders)) else {
        return Ok(None);
    };
    let mut ledger = Ledger::default();
    ledger.load_partners(catalogue.partners.clone());
    for (lane, head) in &heads {
        ledger.load_head(*lane, *head);
    }
    for account in accounts {
        ledger.load_account(account);
    }
    let decisions = decide_all(&mut ledger, groups, catalogue, now)?;
    let epoch = catalogue.epoch;
    Ok(Some(Foreseen {
        decisions,
        writes: ledger.finish(),
        ground: Ground { heads, epoch },
    }))
}

impl Foreseen {
    /// Writes it down, in one call; nothing if somebody else wrote or changed the rules meanwhile. A
    /// request that is not new is a duplicate.
    pub(super) async fn confirm(
        self,
        db: &Db,
        memory: &mut Memory,
    ) -> Result<Option<Vec<Decision>>, SqlError> {
        let is_written = if db.is_postgres() {
            self.write_postgres(db).await?
        } else {
            self.write_sqlite(db).await?
        };
        if !is_written {
            return Ok(None);
        }
        db.ring();
        keep(memory, self.writes);
        Ok(Some(self.decisions))
    }

    async fn write_sqlite(&self, db: &Db) -> Result<bool, SqlError> {
        let mut script = Script::default();
        lanes::move_on_from(&mut script, &self.ground, &self.writes.heads);
        entries::write_sqlite(&mut script, &self.writes);
        let (text, values) = script.into_parts();
        match db.run_on_sqlite(text, values).await {
            Err(error) if error.kind() == SqlErrorKind::Check => Ok(false),
            done => done.map(|()| true),
        }
    }

    /// One statement is a transaction of its own, and mostly enough.
    async fn write_postgres(&self, db: &Db) -> Result<bool, SqlError> {
        let (writes, ground) = (&self.writes, Some(&self.ground));
        if !entries::has_more(writes) {
            let mut conn = db.acquire_by_key().await?;
            return entries::write_postgres(&mut conn, writes, ground).await;
        }
        let mut tx = db.begin_by_key().await?;
        if let TxConnection::Postgres(conn) = tx.connection() {
            if !entries::write_postgres(&mut *conn, writes, ground).await? {
                return Ok(false);
            }
            entries::write_more_postgres(conn, writes).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}
