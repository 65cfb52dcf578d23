//! Deleting old changes, and remembering up to where.

use tenure_core::{Lane, Timestamp};

use crate::db::Db;
use crate::error::SqlError;
use crate::{with_pool, with_tx};

/// How many changes one transaction deletes: the lane's writers wait no longer than that.
const WINDOW: i64 = 5_000;

/// The first change to keep; numbers are taken from the lane when all are old.
const FIRST_KEPT: &str = "
    SELECT seq FROM change
    WHERE lane = $1 AND recorded_at > $2
    ORDER BY seq
    LIMIT 1";
const LANE: &str = "SELECT seq, pruned_seq FROM lane WHERE lane = $1";
const MARK: &str = "UPDATE lane SET pruned_seq = $2 WHERE lane = $1 AND pruned_seq < $2";
/// Tells whoever asks for the changes since an instant whether some of them may be gone.
const NOTE: &str = "
    INSERT INTO meta (key, value) VALUES ('feed_pruned_until', $1)
    ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value
    WHERE CAST(meta.value AS BIGINT) < CAST(EXCLUDED.value AS BIGINT)";
const NOTED: &str = "SELECT value FROM meta WHERE key = 'feed_pruned_until'";
const DELETE: &str = "DELETE FROM change WHERE lane = $1 AND seq <= $2";

/// Deletes the changes recorded up to `keep_after`, lane by lane in small transactions, and returns
/// how many. Readers behind them are told that their token expired.
///
/// # Errors
/// When the database fails; what was deleted so far stays deleted.
pub async fn prune(db: &Db, keep_after: Timestamp) -> Result<u64, SqlError> {
    let mut pruned = 0;
    for lane in db.lanes().all() {
        pruned += prune_lane(db, lane, keep_after).await?;
    }
    Ok(pruned)
}

async fn prune_lane(db: &Db, lane: Lane, keep_after: Timestamp) -> Result<u64, SqlError> {
    // The head is read first: what is appended meanwhile is newer than it.
    let (head, mut at): (i64, i64) = with_pool!(db, |pool| sqlx::query_as(LANE)
        .bind(lane)
        .fetch_one(pool)
        .await?);
    let until = last_old_before(db, lane, head, keep_after).await?;
    let mut pruned = 0;
    while at < until {
        at = until.min(at + WINDOW);
        pruned += prune_until(db, lane, at, keep_after).await?;
    }
    Ok(pruned)
}

/// Returns the number of the last change of a lane that was recorded up to `keep_after`, and none
/// after it.
pub(super) async fn last_old(db: &Db, lane: Lane, keep_after: Timestamp) -> Result<i64, SqlError> {
    let (head, _): (i64, i64) = with_pool!(db, |pool| sqlx::query_as(LANE)
        .bind(lane)
        .fetch_one(pool)
        .await?);
    last_old_before(db, lane, head, keep_after).await
}

async fn last_old_before(
    db: &Db,
    lane: Lane,
    head: i64,
    keep_after: Timestamp,
) -> Result<i64, SqlError> {
    let kept: Option<i64> = with_pool!(db, |pool| {
        let first = sqlx::query_scalar(FIRST_KEPT)
            .bind(lane)
            .bind(keep_after.as_micros());
        first.fetch_optional(pool).await?
    });
    Ok(kept.map_or(head, |kept| kept - 1))
}

async fn prune_until(
    db: &Db,
    lane: Lane,
    seq: i64,
    keep_after: Timestamp,
) -> Result<u64, SqlError> {
    let mut tx = db.begin().await?;
    let deleted = with_tx!(tx, |conn| {
        sqlx::query(NOTE)
            .bind(keep_after.as_micros().to_string())
            .execute(&mut *conn)
            .await?;
        sqlx::query(MARK)
            .bind(lane)
            .bind(seq)
            .execute(&mut *conn)
            .await?;
        sqlx::query(DELETE)
            .bind(lane)
            .bind(seq)
            .execute(conn)
            .await?
            .rows_affected()
    });
    tx.commit().await?;
    Ok(deleted)
}

/// Returns the instant up to which changes were deleted, if any were.
pub(super) async fn pruned_until(db: &Db) -> Result<Option<Timestamp>, SqlError> {
    let noted: Option<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(NOTED).fetch_optional(pool).await?
    });
    Ok(noted
        .and_then(|micros| micros.parse().ok())
        .map(Timestamp::from_micros))
}
