//! Orders of rewards: where they stand. What they say is in their last entry.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tenure_core::{AccountId, Lane, PageSize, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::row::{self, RecordRow};
use super::stocks::run;
use crate::domain::{
    Command, Entry, EntryId, Ledger, Order, OrderRow, OrderState, Record, RewardCommand,
    RewardOrder, Writes,
};

/// An order, and the entry that says it.
#[derive(Debug, Clone)]
pub(crate) struct FoundOrder {
    pub(crate) order: RewardOrder,
    pub(crate) entry: Entry,
}

fn found(row: RecordRow) -> Result<FoundOrder, SqlError> {
    let corrupt = || SqlError::corrupt("the last entry of an order says nothing of it");
    let (record, _) = row::record(row)?;
    let Record::Entry(entry) = record else {
        return Err(corrupt());
    };
    let order = entry.reward.as_deref().cloned().ok_or_else(corrupt)?;
    Ok(FoundOrder { order, entry })
}

const LOAD_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS wanted (lane, seq)
    JOIN reward_order AS o ON o.lane = wanted.lane AND o.seq = wanted.seq
    JOIN entry AS e ON e.lane = o.lane AND e.seq = o.by_seq";
const LOAD_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM json_each($1) AS wanted
    CROSS JOIN reward_order AS o
    CROSS JOIN entry AS e
    WHERE o.lane = wanted.value ->> 0 AND o.seq = wanted.value ->> 1
        AND e.lane = o.lane AND e.seq = o.by_seq";

/// Loads the orders that commands name, and how many of limited rewards accounts have.
pub(super) async fn load(
    tx: &mut Tx,
    orders: &[&Order],
    now: Timestamp,
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    let named = orders.iter().filter_map(|order| {
        let id = order.command.reward_order()?;
        // An id of another lane cannot be an order of this account.
        (id.lane() == order.lane).then_some((id.lane(), id.seq()))
    });
    let named: BTreeSet<(Lane, i64)> = named.collect();
    if !named.is_empty() {
        let named: Vec<(Lane, i64)> = named.into_iter().collect();
        for found in find(tx, &named).await? {
            ledger.load_order(found.entry.account, found.order);
        }
    }
    load_had(tx, orders, now, ledger).await
}

async fn find(tx: &mut Tx, named: &[(Lane, i64)]) -> Result<Vec<FoundOrder>, SqlError> {
    let rows: Vec<RecordRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let (lanes, seqs): (Vec<Lane>, Vec<i64>) = named.iter().copied().unzip();
            let load = sqlx::query_as(LOAD_POSTGRES).bind(lanes).bind(seqs);
            load.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let named = serde_json::to_string(named).expect("numbers are always JSON");
            let load = sqlx::query_as(LOAD_SQLITE).bind(named);
            load.fetch_all(conn).await?
        }
    };
    rows.into_iter().map(found).collect()
}

/// Orders that were cancelled (4), refunded (5) or not confirmed in time count for no limit.
const HAD_POSTGRES: &str = "
    SELECT wanted.account_id, wanted.reward_id, CAST(COALESCE(SUM(o.quantity), 0) AS BIGINT)
    FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[]) AS wanted (lane, account_id, reward_id)
    LEFT JOIN reward_order AS o ON o.lane = wanted.lane AND o.account_id = wanted.account_id
        AND o.reward_id = wanted.reward_id
        AND (o.state IN (2, 3) OR (o.state = 1 AND o.expires_at > $4))
    GROUP BY wanted.account_id, wanted.reward_id";
const HAD_SQLITE: &str = "
    SELECT wanted.value ->> 1, wanted.value ->> 2, COALESCE(SUM(o.quantity), 0)
    FROM json_each($1) AS wanted
    LEFT JOIN reward_order AS o ON o.lane = wanted.value ->> 0
        AND o.account_id = wanted.value ->> 1 AND o.reward_id = wanted.value ->> 2
        AND (o.state IN (2, 3) OR (o.state = 1 AND o.expires_at > $2))
    GROUP BY wanted.value ->> 1, wanted.value ->> 2";

type Wanted<'w> = (Lane, &'w AccountId, &'w Arc<str>);

async fn load_had(
    tx: &mut Tx,
    orders: &[&Order],
    now: Timestamp,
    ledger: &mut Ledger,
) -> Result<(), SqlError> {
    let limited = orders.iter().filter_map(|order| match &order.command {
        Command::Reward(command) => match &**command {
            RewardCommand::Buy(buying) => {
                let offer = buying.offer.as_ref()?;
                let is_limited = offer.terms.account_max > 0;
                is_limited.then_some((order.lane, &order.account, &offer.reward))
            }
            RewardCommand::Go { .. } => None,
        },
        _ => None,
    });
    let wanted: HashSet<Wanted<'_>> = limited.collect();
    if wanted.is_empty() {
        return Ok(());
    }
    for (account, reward, quantity) in had(tx, &wanted, now).await? {
        let key = wanted
            .iter()
            .find(|(_, id, key)| id.as_str() == account && ***key == *reward);
        if let Some((_, account, reward)) = key {
            ledger.load_had((*account).clone(), (*reward).clone(), quantity);
        }
    }
    Ok(())
}

async fn had(
    tx: &mut Tx,
    wanted: &HashSet<Wanted<'_>>,
    now: Timestamp,
) -> Result<Vec<(String, String, i64)>, SqlError> {
    let now = now.as_micros();
    Ok(match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|it| it.0).collect();
            let accounts: Vec<&str> = wanted.iter().map(|it| it.1.as_str()).collect();
            let rewards: Vec<&str> = wanted.iter().map(|it| &**it.2).collect();
            let had = sqlx::query_as(HAD_POSTGRES).bind(lanes).bind(accounts);
            had.bind(rewards).bind(now).fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str, &str)> = wanted
                .iter()
                .map(|it| (it.0, it.1.as_str(), &**it.2))
                .collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are JSON");
            let had = sqlx::query_as(HAD_SQLITE).bind(wanted).bind(now);
            had.fetch_all(conn).await?
        }
    })
}

const WRITE_POSTGRES: &str = "
    INSERT INTO reward_order (lane, seq, account_id, reward_id, state, quantity, expires_at, by_seq)
    SELECT (v ->> 0)::INTEGER, (v ->> 1)::BIGINT, v ->> 2, v ->> 3, (v ->> 4)::BIGINT,
           (v ->> 5)::BIGINT, (v ->> 6)::BIGINT, (v ->> 7)::BIGINT
    FROM JSON_ARRAY_ELEMENTS($1::JSON) AS v
    ON CONFLICT (lane, seq) DO UPDATE
    SET state = EXCLUDED.state, quantity = EXCLUDED.quantity, by_seq = EXCLUDED.by_seq";
const WRITE_SQLITE: &str = "
    INSERT INTO reward_order (lane, seq, account_id, reward_id, state, quantity, expires_at, by_seq)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
           value ->> 7
    FROM json_each($1)
    WHERE TRUE -- Else SQLite takes the conflict clause for that of a join.
    ON CONFLICT (lane, seq) DO UPDATE
    SET state = EXCLUDED.state, quantity = EXCLUDED.quantity, by_seq = EXCLUDED.by_seq";

/// Writes where the orders stand that the entries changed; each at most once, because its id is known
/// only after it was made, and a step but the last one of a transaction is followed by another.
pub(super) async fn write(tx: &mut Tx, writes: &Writes) -> Result<(), SqlError> {
    let entries = writes
        .records
        .iter()
        .filter_map(|(record, _)| record.entry());
    let changed: Vec<(&Entry, &RewardOrder)> = entries
        .filter_map(|entry| Some((entry, entry.reward.as_deref()?)))
        .collect();
    // PostgreSQL refuses to write a row twice in one statement.
    let mut last: Vec<(&Entry, &RewardOrder)> = Vec::with_capacity(changed.len());
    let mut seen: HashSet<EntryId> = HashSet::with_capacity(changed.len());
    for (entry, order) in changed.into_iter().rev() {
        if seen.insert(order.id) {
            last.push((entry, order));
        }
    }
    run(tx, WRITE_SQLITE, WRITE_POSTGRES, &last, |(entry, order)| {
        serde_json::json!([
            order.id.lane(),
            order.id.seq(),
            entry.account.as_str(),
            &*order.reward,
            order.state.number(),
            order.counted(),
            order.expires_at.unwrap_or(Timestamp::MAX).as_micros(),
            entry.id.seq(),
        ])
    })
    .await
}

const ORDER: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM reward_order AS o
    JOIN entry AS e ON e.lane = o.lane AND e.seq = o.by_seq
    WHERE o.lane = $1 AND o.seq = $2";

/// Returns an order of an account.
pub(crate) async fn order(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    id: EntryId,
) -> Result<Option<FoundOrder>, SqlError> {
    if id.lane() != lane {
        return Ok(None);
    }
    let row: Option<RecordRow> = with_pool!(db, |pool| {
        let order = sqlx::query_as(ORDER).bind(lane).bind(id.seq());
        order.fetch_optional(pool).await?
    });
    let order = row.map(found).transpose()?;
    Ok(order.filter(|it| it.order.id == id && it.entry.account == *account))
}

/// How many of the rewards an account has, those that count.
const ALL_HAD: &str = "
    SELECT reward_id, CAST(SUM(quantity) AS BIGINT)
    FROM reward_order
    WHERE lane = $1 AND account_id = $2
        AND (state IN (2, 3) OR (state = 1 AND expires_at > $3))
    GROUP BY reward_id";

/// Returns how many of each reward an account has.
pub(crate) async fn all_had(
    db: &Db,
    lane: Lane,
    account: &AccountId,
    now: Timestamp,
) -> Result<Vec<(String, i64)>, SqlError> {
    Ok(with_pool!(db, |pool| {
        let had = sqlx::query_as(ALL_HAD).bind(lane).bind(account.as_str());
        had.bind(now.as_micros()).fetch_all(pool).await?
    }))
}

const BETWEEN: &str = "
    SELECT account_id, seq, reward_id, state, quantity, expires_at, by_seq
    FROM reward_order
    WHERE lane = $1 AND account_id >= $2 AND account_id <= $3
    ORDER BY account_id, seq";

/// Returns where the orders of accounts between two ids stand, by account.
pub(crate) async fn between(
    tx: &mut Tx,
    lane: Lane,
    (first, last): &(String, String),
) -> Result<HashMap<String, Vec<OrderRow>>, SqlError> {
    let rows: Vec<(String, i64, String, i64, i64, i64, i64)> = with_tx!(tx, |conn| {
        let between = sqlx::query_as(BETWEEN).bind(lane).bind(first).bind(last);
        between.fetch_all(conn).await?
    });
    let mut by_account: HashMap<String, Vec<OrderRow>> = HashMap::new();
    for (account, seq, reward, state, quantity, expires_at, by_seq) in rows {
        // No state has the number 255.
        let state = u8::try_from(state).unwrap_or(u8::MAX);
        let row = (seq, reward, state, quantity, expires_at, by_seq);
        by_account.entry(account).or_default().push(row);
    }
    Ok(by_account)
}

/// Which orders are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Which<'w> {
    /// Of this account; of all, when there is none.
    pub(crate) account: Option<(Lane, &'w AccountId)>,
    /// In this state at `now`.
    pub(crate) state: Option<OrderState>,
    pub(crate) now: Timestamp,
    /// Behind this lane and number.
    pub(crate) after: (Lane, i64),
}

/// Reserved ones are those whose time is not over; those whose time is over have expired.
const PAGE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM reward_order AS o
    JOIN entry AS e ON e.lane = o.lane AND e.seq = o.by_seq
    WHERE (o.lane, o.seq) > ($1, $2)
        AND ($3 = 0 OR o.state = $3) AND o.expires_at > $4 AND o.expires_at <= $5
    ORDER BY o.lane, o.seq
    LIMIT $6";
const PAGE_OF_ACCOUNT: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM reward_order AS o
    JOIN entry AS e ON e.lane = o.lane AND e.seq = o.by_seq
    WHERE (o.lane, o.seq) > ($1, $2)
        AND ($3 = 0 OR o.state = $3) AND o.expires_at > $4 AND o.expires_at <= $5
        AND o.lane = $7 AND o.account_id = $8
    ORDER BY o.lane, o.seq
    LIMIT $6";

/// Returns a page of orders, and one more if there are.
pub(crate) async fn page(
    db: &Db,
    which: Which<'_>,
    size: PageSize,
) -> Result<Vec<FoundOrder>, SqlError> {
    let now = which.now.as_micros();
    let (state, from, to) = match which.state {
        None => (0, i64::MIN, i64::MAX),
        Some(OrderState::Reserved) => (OrderState::Reserved.number(), now, i64::MAX),
        Some(OrderState::Expired) => (OrderState::Reserved.number(), i64::MIN, now),
        Some(state) => (state.number(), i64::MIN, i64::MAX),
    };
    let (lane, seq) = which.after;
    let rows: Vec<RecordRow> = match which.account {
        None => with_pool!(db, |pool| {
            let page = sqlx::query_as(PAGE).bind(lane).bind(seq);
            let page = page.bind(i64::from(state)).bind(from).bind(to);
            page.bind(size.probe()).fetch_all(pool).await?
        }),
        Some((of, account)) => with_pool!(db, |pool| {
            let page = sqlx::query_as(PAGE_OF_ACCOUNT).bind(lane).bind(seq);
            let page = page.bind(i64::from(state)).bind(from).bind(to);
            let page = page.bind(size.probe()).bind(of).bind(account.as_str());
            page.fetch_all(pool).await?
        }),
    };
    rows.into_iter().map(found).collect()
}
