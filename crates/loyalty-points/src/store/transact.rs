//! Writing use cases: lock the lanes, load what the commands need, decide in memory, write as sets.
//!
//! Every writer locks the lanes of what it touches first and in ascending order, and what is
//! remembered from one transaction to the next ([`Memory`]) holds only while nobody else wrote. So
//! committers, sweeps, the feed's consumer and other replicas may all write at once.

use std::collections::{BTreeSet, HashSet};

use tenure_core::{AccountId, Clock, Lane, RequestId};
use tenure_sql::feed::consumer;
use tenure_sql::{Db, SqlError, SqlErrorKind, Tx};

use super::memory::Memory;
use super::{accounts, answers, entries, lanes};
use crate::domain::{Command, Decision, EntryId, Ledger, Order, Programme, Writes};

/// Decides orders in their sequence, in one transaction; those of one slice stand or fall together.
/// Returns the decisions in the sequence of all orders.
///
/// Requests are taken for new ones while none came again lately: every answer carries its request id
/// under a unique key, so a repeat spoils the transaction, and then all of its requests are looked up.
pub(crate) async fn decide(
    db: &Db,
    clock: &dyn Clock,
    programme: &Programme,
    orders: &[&[Order]],
    memory: &mut Memory,
) -> Result<Vec<Decision>, SqlError> {
    if memory.trusts() {
        match attempt(db, clock, programme, orders, memory, Repeats::Trusted).await {
            Err(error) if error.kind() == SqlErrorKind::Duplicate => memory.distrust(),
            done => return done,
        }
    }
    attempt(db, clock, programme, orders, memory, Repeats::LookedUp).await
}

async fn attempt(
    db: &Db,
    clock: &dyn Clock,
    programme: &Programme,
    orders: &[&[Order]],
    memory: &mut Memory,
    repeats: Repeats,
) -> Result<Vec<Decision>, SqlError> {
    let mut tx = db.begin_by_key().await?;
    let decided = decide_in(&mut tx, clock, programme, orders, memory, repeats).await?;
    let (decisions, writes) = decided;
    tx.commit().await?;
    let Writes {
        heads,
        changed,
        opened,
        untouched,
        ..
    } = writes;
    for accounts in [changed, opened, untouched] {
        memory.keep(&heads, accounts);
    }
    Ok(decisions)
}

/// How it is known which requests were answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// They are looked up.
    LookedUp,
    /// They are taken for new; the unique key of their answers finds out.
    Trusted,
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
    orders: &[Order],
) -> Result<Option<Vec<Decision>>, SqlError> {
    let mut tx = db.begin_by_key().await?;
    let Move {
        consumer: name,
        from,
        to,
    } = step;
    if !consumer::advance(&mut tx, name, from, to, clock.now()).await? {
        return Ok(None);
    }
    let (memory, repeats) = (&mut Memory::none(), Repeats::LookedUp);
    let orders: Vec<&[Order]> = orders.iter().map(std::slice::from_ref).collect();
    let (decisions, _) = decide_in(&mut tx, clock, programme, &orders, memory, repeats).await?;
    tx.commit().await?;
    Ok(Some(decisions))
}

async fn decide_in(
    tx: &mut Tx,
    clock: &dyn Clock,
    programme: &Programme,
    orders: &[&[Order]],
    memory: &mut Memory,
    repeats: Repeats,
) -> Result<(Vec<Decision>, Writes), SqlError> {
    if orders.is_empty() {
        return Ok(Default::default());
    }
    let groups = orders;
    let orders: &[&Order] = &groups.iter().copied().flatten().collect::<Vec<_>>();
    let mut wanted: BTreeSet<Lane> = orders.iter().map(|order| order.lane).collect();
    wanted.extend(peers(orders).map(|(lane, _)| lane));
    let mut ledger = lock(tx, &wanted, memory).await?;
    load(tx, orders, &mut ledger, memory).await?;
    if repeats == Repeats::LookedUp {
        load_answers(tx, orders, &mut ledger).await?;
    }
    // Read after the locks: whoever waited decides for the instant at which it is its turn.
    let now = clock.now();
    let mut decisions = Vec::with_capacity(orders.len());
    for group in groups {
        match group {
            [order] => decisions.push(ledger.decide(order, now, programme)),
            together => decisions.extend(ledger.decide_together(together, now, programme)),
        }
    }
    if repeats == Repeats::Trusted && decisions.contains(&Decision::ExpiresInThePast) {
        // It leaves no record that could show that it was answered otherwise before.
        return Err(SqlError::new(
            SqlErrorKind::Duplicate,
            "a request may be a repeat",
        ));
    }
    let writes = write(tx, ledger).await?;
    Ok((decisions, writes))
}

/// Returns the other accounts that the orders touch, and where they are.
fn peers<'o>(orders: &[&'o Order]) -> impl Iterator<Item = (Lane, &'o AccountId)> {
    let peers = orders.iter().filter_map(|order| order.command.peer());
    peers.map(|to| (to.lane, &to.account))
}

async fn lock(
    tx: &mut Tx,
    wanted: &BTreeSet<Lane>,
    memory: &mut Memory,
) -> Result<Ledger, SqlError> {
    let wanted: Vec<Lane> = wanted.iter().copied().collect();
    let mut ledger = Ledger::default();
    for (lane, seq) in lanes::lock(tx, &wanted).await? {
        memory.meet(lane, seq);
        ledger.load_head(lane, seq);
    }
    Ok(ledger)
}

/// Loads what the orders refer to, each kind of thing as one set.
async fn load(
    tx: &mut Tx,
    orders: &[&Order],
    ledger: &mut Ledger,
    memory: &mut Memory,
) -> Result<(), SqlError> {
    let mut ids: HashSet<(Lane, &AccountId)> = orders
        .iter()
        .map(|order| (order.lane, &order.account))
        .collect();
    ids.extend(peers(orders));
    let mut unknown: Vec<(Lane, &AccountId)> = Vec::new();
    for (lane, id) in ids {
        match memory.take(lane, id) {
            Some(account) => ledger.load_account(account),
            None => unknown.push((lane, id)),
        }
    }
    if !unknown.is_empty() {
        for account in accounts::load(tx, &unknown).await? {
            ledger.load_account(account);
        }
    }
    load_sources(tx, orders, ledger).await?;
    load_targets(tx, orders, ledger).await
}

async fn load_answers(tx: &mut Tx, orders: &[&Order], ledger: &mut Ledger) -> Result<(), SqlError> {
    let requests: HashSet<(Lane, RequestId)> = orders
        .iter()
        .filter_map(|order| Some((order.lane, order.request.as_ref()?.id)))
        .collect();
    if !requests.is_empty() {
        let requests: Vec<(Lane, RequestId)> = requests.into_iter().collect();
        answers::load(tx, &requests, ledger).await?;
    }
    Ok(())
}

async fn load_sources(tx: &mut Tx, orders: &[&Order], ledger: &mut Ledger) -> Result<(), SqlError> {
    let sources: HashSet<(Lane, &AccountId, &str)> = orders
        .iter()
        .filter_map(|order| match &order.command {
            Command::Earn(earn) => Some((order.lane, &order.account, &*earn.source)),
            _ => None,
        })
        .collect();
    if !sources.is_empty() {
        let sources: Vec<(Lane, &AccountId, &str)> = sources.into_iter().collect();
        for (account, source, entry) in entries::sources(tx, &sources).await? {
            ledger.load_source(account, &source, entry);
        }
    }
    Ok(())
}

async fn load_targets(tx: &mut Tx, orders: &[&Order], ledger: &mut Ledger) -> Result<(), SqlError> {
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

async fn write(tx: &mut Tx, ledger: Ledger) -> Result<Writes, SqlError> {
    let writes = ledger.finish();
    entries::write(tx, &writes).await?;
    entries::write_endings(tx, &writes).await?;
    Ok(writes)
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
    let mut tx = db.begin_by_key().await?;
    let mut ledger = lock(&mut tx, &BTreeSet::from([lane]), &mut Memory::none()).await?;
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
    write(&mut tx, ledger).await?;
    tx.commit().await?;
    Ok(Settled {
        accounts: due.len(),
        expired_points,
    })
}
