//! Accounts whose customers left, until their points are void or they come back.

use std::collections::BTreeSet;

use tenure_core::{AccountId, Clock, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_tx};

use super::accounts;
use super::memory::Memory;
use super::rules::Rules;
use super::transact;
use crate::domain::{Account, Command, Order, order_of_news};

const NOTE: &str = "
    INSERT INTO leaver (lane, account_id, void_from, source) VALUES ($1, $2, $3, $4)
    ON CONFLICT (lane, account_id) DO UPDATE
    SET void_from = EXCLUDED.void_from, source = EXCLUDED.source";
const FORGET: &str = "DELETE FROM leaver WHERE lane = $1 AND account_id = $2";

/// Notes from when on the points of an account are void.
pub(super) async fn note(
    tx: &mut Tx,
    (lane, account): (Lane, &AccountId),
    void_from: Timestamp,
    source: &str,
) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let note = sqlx::query(NOTE).bind(lane).bind(account.as_str());
        let note = note.bind(void_from.as_micros()).bind(source);
        note.execute(conn).await?;
    });
    Ok(())
}

/// Forgets that the points of an account were to be void.
pub(super) async fn forget(
    tx: &mut Tx,
    (lane, account): (Lane, &AccountId),
) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let forget = sqlx::query(FORGET).bind(lane).bind(account.as_str());
        forget.execute(conn).await?;
    });
    Ok(())
}

const DUE: &str = "
    SELECT account_id, source FROM leaver
    WHERE lane = $1 AND void_from <= $2
    ORDER BY void_from, account_id
    LIMIT $3";

/// Makes the points of up to `limit` accounts of a lane void whose time is up; returns how many
/// accounts there were.
pub(crate) async fn void_due(
    db: &Db,
    clock: &dyn Clock,
    rules: &Rules,
    lane: Lane,
    limit: usize,
) -> Result<usize, SqlError> {
    rules.known(db, clock.now()).await?;
    let mut tx = db.begin_by_key().await?;
    let wanted = BTreeSet::from([lane]);
    let (mut ledger, epoch) = transact::lock(&mut tx, &wanted, &mut Memory::none()).await?;
    let catalogue = rules.under_lock(&mut tx, epoch).await?;
    let now = clock.now();
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let due: Vec<(String, String)> = with_tx!(&mut tx, |conn| {
        let due = sqlx::query_as(DUE).bind(lane).bind(now.as_micros());
        due.bind(most).fetch_all(conn).await?
    });
    if due.is_empty() {
        return Ok(0);
    }
    let mut orders = Vec::with_capacity(due.len());
    for (account, source) in due {
        let account = AccountId::parse(&account);
        let account = account.map_err(|_| SqlError::corrupt("a stored account id is none"))?;
        let order = order_of_news(&source);
        orders.push(Order {
            lane,
            account,
            request: None,
            command: Command::Void { order },
        });
    }
    let ids: Vec<(Lane, &AccountId)> = orders.iter().map(|it| (lane, &it.account)).collect();
    for account in accounts::load(&mut tx, &ids).await? {
        ledger.load_account(account);
    }
    for order in &orders {
        forget(&mut tx, (lane, &order.account)).await?;
        let found = ledger.account(&order.account);
        let rules = catalogue.of_account(found.map(|account| &account.programme), now);
        if let Some(rules) = rules.filter(|_| found.is_some_and(has_something)) {
            ledger.decide(order, now, &rules.programme);
        }
    }
    transact::write(&mut tx, ledger).await?;
    tx.commit().await?;
    Ok(orders.len())
}

/// Returns true when there is anything to become void, or to give away.
pub(super) fn has_something(account: &Account) -> bool {
    let is_empty = account.lots.is_empty() && account.holds.is_empty() && account.debt == 0;
    !account.is_closed() && !is_empty
}
