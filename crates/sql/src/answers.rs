//! Answers already given, so that a repeated request gets the same one and its effect once.

use tenure_core::{Lane, Lanes, RequestId, Timestamp};
use uuid::Uuid;

use crate::db::Db;
use crate::error::SqlError;
use crate::tx::Tx;
use crate::{with_pool, with_tx};

/// Nobody proves who is calling yet: request ids stand under one name for all.
const PRINCIPAL: &str = "anonymous";

/// What makes two requests the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The lane that keeps the answer.
    pub lane: Lane,
    /// Who asked; ids of one caller mean nothing to another.
    pub principal: &'a str,
    /// The method, for example `tenure.loyalty.v1.LoyaltyService/RedeemPoints`.
    pub method: &'static str,
    /// The id the caller chose.
    pub request_id: Uuid,
}

impl Key<'static> {
    /// Returns the key of a request, in the lane of its id: whatever requests are about, a second
    /// use of an id meets the first.
    #[must_use]
    pub fn of(lanes: Lanes, method: &'static str, request_id: RequestId) -> Self {
        Self {
            lane: lanes.of(&request_id.to_string()),
            principal: PRINCIPAL,
            method,
            request_id: request_id.0,
        }
    }
}

/// What the database knows of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody answered it: act, then [`record`] the answer in the same transaction.
    New,
    /// It was answered. Compare the fingerprint (another one means another body under the same id),
    /// then repeat the answer.
    Answered {
        /// The fingerprint of the request that was answered.
        fingerprint: Vec<u8>,
        /// The answer as it was recorded.
        answer: Vec<u8>,
    },
}

/// On PostgreSQL a second claimant waits at the unique index until the first has ended.
const CLAIM: &str = "
    INSERT INTO answer (lane, principal, method, request_id, fingerprint, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING";
const READ: &str = "
    SELECT fingerprint, answer FROM answer
    WHERE lane = $1 AND request_id = $2 AND method = $3 AND principal = $4";
const RECORD: &str = "
    UPDATE answer SET answer = $5
    WHERE lane = $1 AND request_id = $2 AND method = $3 AND principal = $4";
const FORGET: &str = "
    DELETE FROM answer
    WHERE lane = $1 AND request_id = $2 AND method = $3 AND principal = $4";

/// Claims a request for this transaction, or returns the answer it got before.
///
/// # Errors
/// When the database fails, or the claim was committed without an answer.
pub async fn claim(
    tx: &mut Tx,
    key: &Key<'_>,
    fingerprint: &[u8],
    now: Timestamp,
) -> Result<Claim, SqlError> {
    let id = key.request_id.as_bytes().as_slice();
    let claimed = with_tx!(tx, |conn| {
        sqlx::query(CLAIM)
            .bind(key.lane)
            .bind(key.principal)
            .bind(key.method)
            .bind(id)
            .bind(fingerprint)
            .bind(now.as_micros())
            .execute(conn)
            .await?
            .rows_affected()
    });
    if claimed == 1 {
        return Ok(Claim::New);
    }
    let answered: Option<(Vec<u8>, Option<Vec<u8>>)> = with_tx!(tx, |conn| {
        sqlx::query_as(READ)
            .bind(key.lane)
            .bind(id)
            .bind(key.method)
            .bind(key.principal)
            .fetch_optional(conn)
            .await?
    });
    match answered {
        Some((fingerprint, Some(answer))) => Ok(Claim::Answered {
            fingerprint,
            answer,
        }),
        Some((_, None)) => Err(SqlError::corrupt(
            "a request was claimed but never answered",
        )),
        // Pruned between the two statements: the caller's next try is a new request.
        None => Err(SqlError::new(
            crate::SqlErrorKind::Busy,
            "an answer was just pruned",
        )),
    }
}

/// Records the answer of a request that this transaction claimed.
///
/// # Errors
/// When the database fails, or the request was not claimed.
pub async fn record(tx: &mut Tx, key: &Key<'_>, answer: &[u8]) -> Result<(), SqlError> {
    let recorded = with_tx!(tx, |conn| {
        sqlx::query(RECORD)
            .bind(key.lane)
            .bind(key.request_id.as_bytes().as_slice())
            .bind(key.method)
            .bind(key.principal)
            .bind(answer)
            .execute(conn)
            .await?
            .rows_affected()
    });
    require_one(recorded)
}

/// Gives a claim back, for a use case that ends in an answer that must not be stored but still
/// commits something.
///
/// # Errors
/// When the database fails, or the request was not claimed.
pub async fn forget(tx: &mut Tx, key: &Key<'_>) -> Result<(), SqlError> {
    let forgotten = with_tx!(tx, |conn| {
        sqlx::query(FORGET)
            .bind(key.lane)
            .bind(key.request_id.as_bytes().as_slice())
            .bind(key.method)
            .bind(key.principal)
            .execute(conn)
            .await?
            .rows_affected()
    });
    require_one(forgotten)
}

fn require_one(rows: u64) -> Result<(), SqlError> {
    if rows == 1 {
        return Ok(());
    }
    Err(SqlError::new(
        crate::SqlErrorKind::Other,
        "the request was not claimed",
    ))
}

/// How many answers one transaction looks at while pruning: a writer waits no longer than that.
const PRUNE_WINDOW: i64 = 5_000;

const WINDOW_END: &str = "
    SELECT request_id FROM answer
    WHERE lane = $1 AND request_id > $2
    ORDER BY request_id
    LIMIT 1 OFFSET $3";
const DELETE_WINDOW: &str = "
    DELETE FROM answer
    WHERE lane = $1 AND request_id > $2 AND request_id <= $3 AND created_at < $4";

/// Deletes the answers given before `older_than`, lane by lane in small transactions, and returns
/// how many. There is no index on the time: pruning is rare, claiming is not.
///
/// # Errors
/// When the database fails; what was deleted so far stays deleted.
pub async fn prune(db: &Db, older_than: Timestamp) -> Result<u64, SqlError> {
    let mut pruned = 0;
    for lane in db.lanes().all() {
        let mut after = Vec::new();
        loop {
            let end: Option<Vec<u8>> = with_pool!(db, |pool| {
                sqlx::query_scalar(WINDOW_END)
                    .bind(lane)
                    .bind(&after)
                    .bind(PRUNE_WINDOW - 1)
                    .fetch_optional(pool)
                    .await?
            });
            let last = end.is_none();
            // Longer than any request id, and so behind all of them.
            let end = end.unwrap_or_else(|| vec![0xff; 17]);
            pruned += prune_window(db, lane, &after, &end, older_than).await?;
            if last {
                break;
            }
            after = end;
        }
    }
    Ok(pruned)
}

async fn prune_window(
    db: &Db,
    lane: Lane,
    after: &[u8],
    end: &[u8],
    older_than: Timestamp,
) -> Result<u64, SqlError> {
    let mut tx = db.begin().await?;
    let pruned = with_tx!(tx, |conn| {
        sqlx::query(DELETE_WINDOW)
            .bind(lane)
            .bind(after)
            .bind(end)
            .bind(older_than.as_micros())
            .execute(conn)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(pruned)
}
