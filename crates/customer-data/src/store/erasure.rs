//! Tables `erasure` and `erasure_receipt`: who was erased, and what was done for it.

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::rows::read;
use super::seal::{Wrapped, key_of};
use super::subscription;
use crate::domain::words::ErasureState;
use crate::domain::{Erasure, ErasureReceipt, Msisdn};
use crate::store::{Db, Tx};

const GET: &str = "
    SELECT erasure_id, customer_id, reason, requested_by, state, feed_seq, created_at, completed_at
    FROM erasure
    WHERE lane = $1 AND erasure_id = $2";
const LIST: &str = "
    SELECT erasure_id, customer_id, reason, requested_by, state, feed_seq, created_at, completed_at
    FROM erasure
    WHERE erasure_id < $1 AND ($2 = 0 OR state = $2)
    ORDER BY erasure_id DESC
    LIMIT $3";
const INSERT: &str = "
    INSERT INTO erasure (lane, erasure_id, customer_id, reason, requested_by, state, feed_seq,
                         created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const SET_STATE: &str = "
    UPDATE erasure SET state = $3, completed_at = $4
    WHERE lane = $1 AND erasure_id = $2";
/// The first receipt of a step counts.
const RECEIVE: &str = "
    INSERT INTO erasure_receipt (lane, erasure_id, service, step, row_count, done_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING";
const RECEIPTS: &str = "
    SELECT service, step, row_count, done_at FROM erasure_receipt
    WHERE lane = $1 AND erasure_id = $2
    ORDER BY done_at, service, step";
const FEED_HEAD: &str = "SELECT seq FROM lane WHERE lane = $1";
const NUMBERS: &str = concat!(
    "
    SELECT msisdn, ",
    key_of!("subscription"),
    " FROM subscription
    WHERE lane = $1 AND customer_id = $2 AND msisdn IS NOT NULL"
);

type Row = (String, String, String, String, i32, i64, i64, Option<i64>);
type ReceiptRow = (String, String, i64, i64);

/// Returns the lane of an erasure.
#[must_use]
pub fn lane(lanes: Lanes, id: Uuid) -> Lane {
    lanes.of(&id.to_string())
}

/// Returns an erasure with its receipts.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: Uuid) -> Result<Option<Erasure>, SqlError> {
    let lane = lane(db.lanes(), id);
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(GET)
            .bind(lane)
            .bind(id.to_string())
            .fetch_optional(pool)
            .await?
    });
    let Some(mut erasure) = row.map(known).transpose()? else {
        return Ok(None);
    };
    erasure.receipts = receipts(db, lane, id).await?;
    Ok(Some(erasure))
}

async fn receipts(db: &Db, lane: Lane, id: Uuid) -> Result<Vec<ErasureReceipt>, SqlError> {
    let rows: Vec<ReceiptRow> = with_pool!(db, |pool| {
        sqlx::query_as(RECEIPTS)
            .bind(lane)
            .bind(id.to_string())
            .fetch_all(pool)
            .await?
    });
    Ok(rows.into_iter().map(receipt).collect())
}

/// Returns up to `limit` erasures with their receipts, newest first, older than the one with the id
/// `before` (nothing for the first page).
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    state: Option<ErasureState>,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Erasure>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            // Behind every UUID.
            .bind(before.unwrap_or("g"))
            .bind(state.map_or(0, ErasureState::number))
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let mut erasures = Vec::with_capacity(rows.len());
    for row in rows {
        let mut erasure = known(row)?;
        erasure.receipts = receipts(db, lane(db.lanes(), erasure.id), erasure.id).await?;
        erasures.push(erasure);
    }
    Ok(erasures)
}

/// Returns an erasure with its receipts as this transaction sees it; lock its lane before to change
/// it.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, lanes: Lanes, id: Uuid) -> Result<Option<Erasure>, SqlError> {
    let lane = lane(lanes, id);
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(GET)
            .bind(lane)
            .bind(id.to_string())
            .fetch_optional(conn)
            .await?
    });
    let Some(mut erasure) = row.map(known).transpose()? else {
        return Ok(None);
    };
    let rows: Vec<ReceiptRow> = with_tx!(tx, |conn| {
        sqlx::query_as(RECEIPTS)
            .bind(lane)
            .bind(id.to_string())
            .fetch_all(conn)
            .await?
    });
    erasure.receipts = rows.into_iter().map(receipt).collect();
    Ok(Some(erasure))
}

/// Stores a new erasure with its receipts.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, lanes: Lanes, erasure: &Erasure) -> Result<(), SqlError> {
    let lane = lane(lanes, erasure.id);
    with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(lane)
            .bind(erasure.id.to_string())
            .bind(erasure.customer.as_str())
            .bind(&erasure.reason)
            .bind(&erasure.requested_by)
            .bind(erasure.state.number())
            .bind(erasure.feed_seq)
            .bind(erasure.created_at.as_micros())
            .execute(conn)
            .await?;
    });
    for receipt in &erasure.receipts {
        receive(tx, lanes, erasure.id, receipt).await?;
    }
    Ok(())
}

/// Stores a receipt.
///
/// # Errors
/// When the database fails.
pub async fn receive(
    tx: &mut Tx,
    lanes: Lanes,
    id: Uuid,
    receipt: &ErasureReceipt,
) -> Result<(), SqlError> {
    let lane = lane(lanes, id);
    with_tx!(tx, |conn| {
        sqlx::query(RECEIVE)
            .bind(lane)
            .bind(id.to_string())
            .bind(&receipt.service)
            .bind(&receipt.step)
            .bind(receipt.rows)
            .bind(receipt.done_at.as_micros())
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Stores how far an erasure is.
///
/// # Errors
/// When the database fails.
pub async fn set_state(tx: &mut Tx, lanes: Lanes, erasure: &Erasure) -> Result<(), SqlError> {
    let lane = lane(lanes, erasure.id);
    with_tx!(tx, |conn| {
        sqlx::query(SET_STATE)
            .bind(lane)
            .bind(erasure.id.to_string())
            .bind(erasure.state.number())
            .bind(erasure.completed_at.map(Timestamp::as_micros))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns the number of the last change in the customer's lane, which is locked.
///
/// # Errors
/// When the database fails.
pub async fn feed_head(tx: &mut Tx, lane: Lane) -> Result<i64, SqlError> {
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(FEED_HEAD)
        .bind(lane)
        .fetch_one(conn)
        .await?))
}

/// Returns the numbers that the subscriptions of a customer have.
///
/// # Errors
/// When the database fails.
pub async fn numbers(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
) -> Result<Vec<Msisdn>, SqlError> {
    let lane = lanes.of(customer.as_str());
    let rows: Vec<(String, Wrapped)> = with_tx!(tx, |conn| {
        sqlx::query_as(NUMBERS)
            .bind(lane)
            .bind(customer.as_str())
            .fetch_all(conn)
            .await?
    });
    let number = |(sealed, key): &(String, Wrapped)| {
        let opener = tx.keys().opener(customer.as_str(), key)?;
        subscription::known_number(&opener.text(subscription::NUMBER, sealed)?)
    };
    let numbers = rows.iter().map(number);
    numbers.filter_map(Result::transpose).collect()
}

fn receipt((service, step, rows, done_at): ReceiptRow) -> ErasureReceipt {
    ErasureReceipt {
        service,
        step,
        rows,
        done_at: Timestamp::from_micros(done_at),
    }
}

fn known(row: Row) -> Result<Erasure, SqlError> {
    let (id, customer, reason, requested_by, state, feed_seq, created, completed) = row;
    Ok(Erasure {
        id: read("erasure_id", Uuid::try_parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        reason,
        requested_by,
        state: read("state", ErasureState::from_number(state))?,
        feed_seq,
        created_at: Timestamp::from_micros(created),
        completed_at: completed.map(Timestamp::from_micros),
        receipts: Vec::new(),
    })
}
