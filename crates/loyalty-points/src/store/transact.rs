//! Writing use cases: lock the lanes, load what the commands need, decide in memory, write as sets.
//!
//! Every writer locks the lanes of what it touches first and in ascending order, and what is
//! remembered from one transaction to the next ([`Memory`]) holds only while nobody else wrote. So
//! committers, sweeps, the feed's consumer and other replicas may all write at once.

use std::collections::{BTreeSet, HashSet};

use tenure_core::{AccountId, Clock, Lane, Lanes, RequestId, Timestamp};
use tenure_sql::feed::consumer;
use tenure_sql::{Db, SqlError, SqlErrorKind, Tx};

use super::foresee::foresee;
use super::memory::Memory;
use super::openings::Openings;
use super::rules::Rules;
use super::{accounts, answers, blocks, entries, lanes, merges, orders as reward_orders, stocks};
use crate::domain::{
    Account, Catalogue, Command, Decision, EntryId, Ledger, Order, Programme, Refusal, Stock,
    StockMove, StockPlace, Writes,
};

/// Decides orders in their sequence, in one transaction; those of one slice stand or fall together.
/// Returns the decisions in the sequence of all orders.
///
/// Requests are taken for new ones while none came again lately: every answer carries its request id
/// under a unique key, so a repeat spoils the transaction, and then all of its requests are looked up.
pub(crate) async fn decide(
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    orders: &[&[Order]],
    memory: &mut Memory,
) -> Result<Vec<Decision>, SqlError> {
    let known = rules.known(db, clock.now()).await?;
    if memory.trusts() {
        match trusting(db, clock, (rules, &known), orders, memory).await {
            Err(error) if error.kind() == SqlErrorKind::Duplicate => memory.distrust(),
            done => return done,
        }
    }
    let known = rules.known(db, clock.now()).await?;
    match attempt(
        db,
        clock,
        (rules, &known),
        orders,
        memory,
        Repeats::LookedUp,
    )
    .await
    {
        Err(error) if error.kind() == SqlErrorKind::Duplicate => {}
        done => return done,
    }
    // Blocks of points had come that were not known: now they are.
    let known = rules.known(db, clock.now()).await?;
    attempt(
        db,
        clock,
        (rules, &known),
        orders,
        memory,
        Repeats::LookedUp,
    )
    .await
}

/// Decides orders that are taken for new; before the lanes are locked, where that can be.
async fn trusting(
    db: &Db,
    clock: &dyn Clock,
    rules: (&Rules, &Catalogue),
    orders: &[&[Order]],
    memory: &mut Memory,
) -> Result<Vec<Decision>, SqlError> {
    if let Some(foreseen) = foresee(rules.1, clock.now(), orders, memory)?
        && let Some(decisions) = foreseen.confirm(db, memory).await?
    {
        return Ok(decisions);
    }
    attempt(db, clock, rules, orders, memory, Repeats::Trusted).await
}

async fn attempt(
    db: &Db,
    clock: &dyn Clock,
    rules: (&Rules, &Catalogue),
    orders: &[&[Order]],
    memory: &mut Memory,
    repeats: Repeats,
) -> Result<Vec<Decision>, SqlError> {
    let mut tx = db.begin_by_key().await?;
    let at = (db.lanes(), clock);
    let decided = decide_in(&mut tx, at, rules, orders, memory, repeats).await?;
    let (decisions, writes) = decided;
    tx.commit().await?;
    keep(memory, writes);
    Ok(decisions)
}

/// Remembers what a commit left behind.
pub(super) fn keep(memory: &mut Memory, writes: Writes) {
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
}

/// How it is known which requests were answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    /// They are looked up.
    LookedUp,
    /// They are taken for new; the unique key of their answers finds out.
    Trusted,
}

/// Where a consumer goes from and to with a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move<'m> {
    pub(crate) consumer: &'m str,
    pub(crate) from: Option<&'m str>,
    pub(crate) to: &'m str,
}

impl Move<'_> {
    /// Moves the consumer; false when another replica was faster.
    pub(super) async fn advance(&self, tx: &mut Tx, now: Timestamp) -> Result<bool, SqlError> {
        consumer::advance(tx, self.consumer, self.from, self.to, now).await
    }
}

async fn decide_in(
    tx: &mut Tx,
    (lanes, clock): (Lanes, &dyn Clock),
    (rules, known): (&Rules, &Catalogue),
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
    let draws = stocks::draws(orders);
    wanted.extend(draws.iter().map(|draw| draw.place.lane));
    let places = blocks::touched(tx, &known.partners, orders).await?;
    wanted.extend(places.iter().map(|place| place.lane));
    let openings = Openings::of(tx, lanes, orders).await?;
    wanted.extend(openings.lanes());
    let (mut ledger, epoch) = lock(tx, &wanted, memory).await?;
    let catalogue = rules.under_lock(tx, epoch).await?;
    if epoch != known.epoch && blocks::touched(tx, &catalogue.partners, orders).await? != places {
        // Blocks were bought meanwhile: the second attempt knows them.
        return Err(SqlError::new(
            SqlErrorKind::Duplicate,
            "blocks of points are new",
        ));
    }
    ledger.load_partners(catalogue.partners.clone());
    load(tx, orders, &mut ledger, memory).await?;
    openings.load(tx, &mut ledger).await?;
    if repeats == Repeats::LookedUp {
        load_answers(tx, orders, &mut ledger).await?;
    }
    // Read after the locks: whoever waited decides for the instant at which it is its turn.
    let now = clock.now();
    stocks::load(tx, &draws, now, &mut ledger).await?;
    load_blocks(tx, &places, now, &mut ledger).await?;
    reward_orders::load(tx, orders, now, &mut ledger).await?;
    load_targets(tx, orders, &mut ledger).await?;
    let decisions = decide_all(&mut ledger, groups, &catalogue, now)?;
    if repeats == Repeats::Trusted && decisions.contains(&Decision::ExpiresInThePast) {
        // It leaves no record that could show that it was answered otherwise before.
        return Err(SqlError::new(
            SqlErrorKind::Duplicate,
            "a request may be a repeat",
        ));
    }
    let writes = write(tx, ledger).await?;
    for (order, decision) in orders.iter().zip(&decisions) {
        if let (Command::Merge { to, .. }, Decision::New(Ok(_))) = (&order.command, decision) {
            let from = (order.lane, &order.account);
            merges::note(tx, (from, to), &writes, (&catalogue, now)).await?;
        }
    }
    Ok((decisions, writes))
}

/// Decides orders in their sequence, with what was loaded for them.
pub(super) fn decide_all(
    ledger: &mut Ledger,
    groups: &[&[Order]],
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Vec<Decision>, SqlError> {
    let mut decisions = Vec::with_capacity(groups.len());
    let default = default_of(catalogue, now)?;
    let programme_of = |order: &Order, account: Option<&Account>| match &order.command {
        Command::Open { programme, .. } if account.is_none() => catalogue
            .in_force(programme, now)
            .map_or(default, |rules| &rules.programme),
        _ => of_account(catalogue, account, now, default),
    };
    for group in groups {
        match group {
            [order] => {
                let programme = programme_of(order, ledger.account(&order.account));
                decisions.push(ledger.decide(order, now, programme));
            }
            together => decisions.extend(ledger.decide_together(together, now, &programme_of)),
        }
    }
    Ok(decisions)
}

/// Returns the rules of the default programme, which always has some.
fn default_of(catalogue: &Catalogue, now: Timestamp) -> Result<&Programme, SqlError> {
    let rules = catalogue.of_account(None, now);
    let rules = rules.ok_or_else(|| SqlError::corrupt("the default programme has no rules"))?;
    Ok(&rules.programme)
}

/// Returns the rules of an account's programme; those of the default one for an account that is not
/// there yet.
fn of_account<'c>(
    catalogue: &'c Catalogue,
    account: Option<&Account>,
    now: Timestamp,
    default: &'c Programme,
) -> &'c Programme {
    let own = account.and_then(|account| catalogue.in_force(&account.programme, now));
    own.map_or(default, |rules| &rules.programme)
}

/// Returns the other accounts that the orders touch, and where they are.
fn peers<'o>(orders: &[&'o Order]) -> impl Iterator<Item = (Lane, &'o AccountId)> {
    let peers = orders.iter().filter_map(|order| order.command.peer());
    peers.map(|to| (to.lane, &to.account))
}

/// Returns all accounts that the orders touch, and where they are.
pub(super) fn touched<'o>(orders: &[&'o Order]) -> HashSet<(Lane, &'o AccountId)> {
    let own = orders.iter().map(|order| (order.lane, &order.account));
    own.chain(peers(orders)).collect()
}

/// Locks lanes and returns a ledger that knows their numbers, and the epoch of the rules.
pub(super) async fn lock(
    tx: &mut Tx,
    wanted: &BTreeSet<Lane>,
    memory: &mut Memory,
) -> Result<(Ledger, i64), SqlError> {
    let wanted: Vec<Lane> = wanted.iter().copied().collect();
    let mut ledger = Ledger::default();
    let locked = lanes::lock(tx, &wanted).await?;
    for (lane, seq) in locked.heads {
        memory.meet(lane, seq);
        ledger.load_head(lane, seq);
    }
    Ok((ledger, locked.epoch))
}

/// Loads what the orders refer to, each kind of thing as one set.
async fn load(
    tx: &mut Tx,
    orders: &[&Order],
    ledger: &mut Ledger,
    memory: &mut Memory,
) -> Result<(), SqlError> {
    let ids = touched(orders);
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
    load_sources(tx, orders, ledger).await
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
        .chain(ledger.entries_of_orders())
        .collect();
    if !targets.is_empty() {
        let targets: Vec<EntryId> = targets.into_iter().collect();
        for target in entries::targets(tx, &targets).await? {
            ledger.load_target(target);
        }
    }
    Ok(())
}

/// Writes down what a ledger decided.
pub(super) async fn write(tx: &mut Tx, ledger: Ledger) -> Result<Writes, SqlError> {
    let writes = ledger.finish();
    entries::write(tx, &writes).await?;
    stocks::write(tx, &writes).await?;
    reward_orders::write(tx, &writes).await?;
    Ok(writes)
}

/// Loads the stocks of blocks.
pub(super) async fn load_blocks(
    tx: &mut Tx,
    places: &[StockPlace],
    now: Timestamp,
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    if places.is_empty() {
        return Ok(());
    }
    let places: Vec<&StockPlace> = places.iter().collect();
    for stock in stocks::find(tx, &places, &[], now).await? {
        ledger.load_stock(stock);
    }
    Ok(())
}

/// Moves things of a stock by hand, opening it when there is none; in a transaction that has locked no
/// lane yet. Returns the stock as it is then, or why nothing moved.
pub(crate) async fn move_stock(
    tx: &mut Tx,
    place: &StockPlace,
    moved: StockMove,
    clock: &dyn Clock,
) -> Result<Result<Stock, Refusal>, SqlError> {
    let wanted = BTreeSet::from([place.lane]);
    let (mut ledger, _) = lock(tx, &wanted, &mut Memory::none()).await?;
    let now = clock.now();
    for stock in stocks::find(tx, &[place], &[], now).await? {
        ledger.load_stock(stock);
    }
    let done = ledger.move_stock(place, moved, now);
    let stock = ledger.stock(&place.stock).cloned();
    write(tx, ledger).await?;
    let missing = || SqlError::corrupt("a stock that moved is not there");
    Ok(match done {
        Ok(()) => Ok(stock.ok_or_else(missing)?),
        Err(refusal) => Err(refusal),
    })
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
    rules: &Rules,
    lane: Lane,
    limit: usize,
) -> Result<Settled, SqlError> {
    rules.known(db, clock.now()).await?;
    let mut tx = db.begin_by_key().await?;
    let wanted = BTreeSet::from([lane]);
    let (mut ledger, epoch) = lock(&mut tx, &wanted, &mut Memory::none()).await?;
    let catalogue = rules.under_lock(&mut tx, epoch).await?;
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
    let default = default_of(&catalogue, now)?;
    let mut expired_points = 0;
    for id in &due {
        let programme = of_account(&catalogue, ledger.account(id), now, default);
        expired_points += ledger.settle(id, now, programme);
    }
    write(&mut tx, ledger).await?;
    tx.commit().await?;
    Ok(Settled {
        accounts: due.len(),
        expired_points,
    })
}
