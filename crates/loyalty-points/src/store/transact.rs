//! Writing use cases: lock the lanes, load what the commands need, decide in memory, write as sets.
//!
//! Every writer locks the lanes of what it touches first and in ascending order, and nothing is
//! remembered from one transaction to the next. So committers, sweeps, the feed's consumer and other
//! replicas may all write at once.

use std::collections::{BTreeSet, HashSet};

use tenure_core::{AccountId, Clock, Lane, RequestId, Timestamp};
use tenure_sql::feed::consumer;
use tenure_sql::{Db, SqlError, Tx};

use super::{accounts, answers, entries, lanes, totals};
use crate::domain::{Command, Decision, EntryId, Ledger, Order, Programme};

/// Decides orders in their sequence, in one transaction.
pub(crate) async fn decide(
    db: &Db,
    clock: &dyn Clock,
    programme: &Programme,
    orders: &[&Order],
) -> Result<Vec<Decision>, SqlError> {
    let mut tx = db.begin().await?;
    let decisions = decide_in(&mut tx, clock, programme, orders).await?;
    tx.commit().await?;
    Ok(decisions)
}

/// Where a consumer goes from and to with the orders of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move<'m> {
    pub(crate) consumer: &'m str,
    pub(crate) from: Option<&'m str>,
    pub(crate) to: &'m str,
}

/// Moves the consumer and decides the orders of its batch, in one transaction; nothing when another
/// replica was faster.
pub(crate) async fn decide_from_feed(
    db: &Db,
    clock: &dyn Clock,
    programme: &Programme,
    step: Move<'_>,
    orders: &[&Order],
) -> Result<Option<Vec<Decision>>, SqlError> {
    let mut tx = db.begin().await?;
    let Move {
        consumer: name,
        from,
        to,
    } = step;
    if !consumer::advance(&mut tx, name, from, to, clock.now()).await? {
        return Ok(None);
    }
    let decisions = decide_in(&mut tx, clock, programme, orders).await?;
    tx.commit().await?;
    Ok(Some(decisions))
}

async fn decide_in(
    tx: &mut Tx,
    clock: &dyn Clock,
    programme: &Programme,
    orders: &[&Order],
) -> Result<Vec<Decision>, SqlError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: BTreeSet<Lane> = orders.iter().map(|order| order.lane).collect();
    let mut ledger = lock(tx, &wanted).await?;
    load(tx, orders, &mut ledger).await?;
    // Read after the locks: whoever waited decides for the instant at which it is its turn.
    let now = clock.now();
    let decisions = orders
        .iter()
        .map(|order| ledger.decide(order, now, programme))
        .collect();
    write(tx, ledger, now).await?;
    Ok(decisions)
}

async fn lock(tx: &mut Tx, wanted: &BTreeSet<Lane>) -> Result<Ledger, SqlError> {
    let wanted: Vec<Lane> = wanted.iter().copied().collect();
    let mut ledger = Ledger::default();
    for (lane, seq) in lanes::lock(tx, &wanted).await? {
        ledger.load_head(lane, seq);
    }
    Ok(ledger)
}

/// Loads what the orders refer to, each kind of thing as one set.
async fn load(tx: &mut Tx, orders: &[&Order], ledger: &mut Ledger) -> Result<(), SqlError> {
    let ids: HashSet<(Lane, &AccountId)> = orders
        .iter()
        .map(|order| (order.lane, &order.account))
        .collect();
    let ids: Vec<(Lane, &AccountId)> = ids.into_iter().collect();
    for account in accounts::load(tx, &ids).await? {
        ledger.load_account(account);
    }
    let requests: HashSet<(Lane, RequestId)> = orders
        .iter()
        .filter_map(|order| Some((order.lane, order.request.as_ref()?.id)))
        .collect();
    if !requests.is_empty() {
        let requests: Vec<(Lane, RequestId)> = requests.into_iter().collect();
        answers::load(tx, &requests, ledger).await?;
    }
    let sources: HashSet<(Lane, &AccountId, &str)> = orders
        .iter()
        .filter_map(|order| match &order.command {
            Command::Earn { source, .. } => Some((order.lane, &order.account, &**source)),
            _ => None,
        })
        .collect();
    if !sources.is_empty() {
        let sources: Vec<(Lane, &AccountId, &str)> = sources.into_iter().collect();
        for (account, source, entry) in entries::sources(tx, &sources).await? {
            ledger.load_source(account, &source, entry);
        }
    }
    // An id of another lane cannot be an entry of this account.
    let targets: HashSet<EntryId> = orders
        .iter()
        .filter_map(|order| order.command.target().filter(|id| id.lane() == order.lane))
        .collect();
    if !targets.is_empty() {
        let targets: Vec<EntryId> = targets.into_iter().collect();
        for target in entries::targets(tx, &targets).await? {
            ledger.load_target(target);
        }
    }
    Ok(())
}

async fn write(tx: &mut Tx, ledger: Ledger, now: Timestamp) -> Result<(), SqlError> {
    let writes = ledger.finish();
    accounts::insert(tx, &writes.opened).await?;
    entries::write(tx, &writes).await?;
    entries::write_endings(tx, &writes).await?;
    totals::write(tx, &writes.totals).await?;
    answers::write_refusals(tx, &writes, now).await
}

/// What a slice of a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) accounts: usize,
    pub(crate) expired_points: i64,
}

/// Books what is due on up to `limit` accounts of a lane.
pub(crate) async fn settle_due(
    db: &Db,
    clock: &dyn Clock,
    programme: &Programme,
    lane: Lane,
    limit: usize,
) -> Result<Settled, SqlError> {
    let mut tx = db.begin().await?;
    let mut ledger = lock(&mut tx, &BTreeSet::from([lane])).await?;
    let now = clock.now();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let due = accounts::due(&mut tx, lane, now, limit).await?;
    if due.is_empty() {
        return Ok(Settled {
            accounts: 0,
            expired_points: 0,
        });
    }
    let wanted: Vec<(Lane, &AccountId)> = due.iter().map(|id| (lane, id)).collect();
    for account in accounts::load(&mut tx, &wanted).await? {
        ledger.load_account(account);
    }
    let expired_points = due.iter().map(|id| ledger.settle(id, now, programme)).sum();
    write(&mut tx, ledger, now).await?;
    tx.commit().await?;
    Ok(Settled {
        accounts: due.len(),
        expired_points,
    })
}
