//! How far this service has read the feeds of others, moved in the transaction of the effect.

use tenure_core::Timestamp;

use crate::db::Db;
use crate::error::SqlError;
use crate::tx::Tx;
use crate::{with_pool, with_tx};

const POSITION: &str = "SELECT resume_token FROM consumer WHERE name = $1";
const CREATE: &str = "
    INSERT INTO consumer (name, resume_token, moved_at)
    VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING";
const MOVE: &str = "
    UPDATE consumer SET resume_token = $3, moved_at = $4
    WHERE name = $1 AND resume_token = $2";

/// Returns the resume token up to which the consumer has applied its source; nothing before its
/// first batch.
///
/// # Errors
/// When the database fails.
pub async fn position(db: &Db, name: &str) -> Result<Option<String>, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(POSITION)
        .bind(name)
        .fetch_optional(pool)
        .await?))
}

/// Moves the consumer from one token to the next. Call it before the effects of the batch, in their
/// transaction: a second replica with the same batch then waits, and learns that it came too late.
///
/// False means that another replica was faster: roll back and read the position again.
///
/// # Errors
/// When the database fails.
pub async fn advance(
    tx: &mut Tx,
    name: &str,
    from: Option<&str>,
    to: &str,
    now: Timestamp,
) -> Result<bool, SqlError> {
    let now = now.as_micros();
    let moved = match from {
        None => with_tx!(tx, |conn| {
            sqlx::query(CREATE)
                .bind(name)
                .bind(to)
                .bind(now)
                .execute(conn)
                .await?
                .rows_affected()
        }),
        Some(from) => with_tx!(tx, |conn| {
            let moving = sqlx::query(MOVE).bind(name).bind(from).bind(to).bind(now);
            moving.execute(conn).await?.rows_affected()
        }),
    };
    Ok(moved == 1)
}
