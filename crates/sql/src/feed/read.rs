//! Reading the feed: only lanes that moved, each in its order, never past what is committed.

use tenure_core::{Lane, Timestamp};

use super::positions::invalid;
use super::{Change, FeedError, Positions};
use crate::db::Db;
use crate::error::SqlError;
use crate::with_pool;

const LANES: &str = "SELECT seq, pruned_seq, compacted_seq FROM lane ORDER BY lane";

/// How far the feed of a lane goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneRow {
    /// The last number.
    pub(super) head: i64,
    /// Nothing is kept up to this number.
    pub(super) pruned: i64,
    /// Numbers may be missing up to this one.
    pub(super) compacted: i64,
}

/// Every row of the range comes back, wanted or not, so that a gap is seen; but only wanted ones
/// bring their body.
const RANGE_SQLITE: &str = "
    SELECT seq, kind, key, happened_at, recorded_at,
           CASE WHEN $4 = '[]' OR kind IN (SELECT value FROM json_each($4)) THEN body END
    FROM change
    WHERE lane = $1 AND seq > $2 AND seq <= $3
    ORDER BY seq";
const RANGE_POSTGRES: &str = "
    SELECT seq, kind, key, happened_at, recorded_at,
           CASE WHEN $4 = '[]' OR $4::JSONB ? kind THEN body END
    FROM change
    WHERE lane = $1 AND seq > $2 AND seq <= $3
    ORDER BY seq";

type Row = (i64, String, String, i64, i64, Option<Vec<u8>>);

/// Returns up to about `limit` changes after `after`, with the positions behind them.
///
/// Changes of one lane come in order; lanes with much to read do not starve the others. With
/// `kinds` (empty means all) the limit counts what was looked at: nothing found does not mean that
/// the end is reached; equal positions do.
///
/// # Errors
/// When the position is no longer kept, or lies behind the end of the feed.
pub async fn read(
    db: &Db,
    after: &Positions,
    kinds: &[String],
    limit: usize,
) -> Result<(Vec<Change>, Positions), FeedError> {
    let heads = lanes(db).await?;
    let mut seqs = after.seqs(db.lanes().count());
    check(db, &heads, &seqs)?;
    let kinds = serde_json::to_string(kinds).expect("text is always JSON");
    let mut moved = heads
        .iter()
        .zip(&seqs)
        .filter(|(row, seq)| row.head > **seq)
        .count();
    let mut left = i64::try_from(limit.max(moved)).unwrap_or(i64::MAX);
    let mut changes = Vec::new();
    for (lane, row) in (0..).zip(&heads) {
        let seq = &mut seqs[lane as usize];
        if row.head <= *seq {
            continue;
        }
        let share = left / i64::try_from(moved).expect("at most 1,024 lanes");
        let until = row.head.min(seq.saturating_add(share));
        read_range(db, (lane, row), *seq, until, &kinds, &mut changes).await?;
        left -= until - *seq;
        moved -= 1;
        *seq = until;
    }
    Ok((changes, Positions::of(db, seqs)))
}

async fn read_range(
    db: &Db,
    (lane, lane_row): (Lane, &LaneRow),
    after: i64,
    until: i64,
    kinds: &str,
    changes: &mut Vec<Change>,
) -> Result<(), FeedError> {
    let sql = db.pick(RANGE_SQLITE, RANGE_POSTGRES);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let range = sqlx::query_as(sql)
            .bind(lane)
            .bind(after)
            .bind(until)
            .bind(kinds);
        range.fetch_all(pool).await?
    });
    let is_whole = i64::try_from(rows.len()).ok() == Some(until - after);
    if !is_whole && after >= lane_row.compacted {
        return Err(gap(db, lane, after).await);
    }
    for (seq, kind, key, happened_at, recorded_at, body) in rows {
        let Some(body) = body else { continue };
        let happened_at = Timestamp::from_micros(happened_at);
        let recorded_at = Timestamp::from_micros(recorded_at);
        changes.push(Change {
            lane,
            seq,
            kind,
            key,
            happened_at,
            recorded_at,
            body,
        });
    }
    Ok(())
}

/// Tells why numbers are missing: they were pruned while we read, or the feed is damaged.
pub(super) async fn gap(db: &Db, lane: Lane, after: i64) -> FeedError {
    match lanes(db).await {
        Ok(now) if now.get(lane as usize).is_some_and(|row| row.pruned > after) => {
            expired(db, &now)
        }
        Ok(_) => SqlError::corrupt(format!("lane {lane} has a gap after {after}")).into(),
        Err(error) => error,
    }
}

pub(super) fn check(db: &Db, heads: &[LaneRow], seqs: &[i64]) -> Result<(), FeedError> {
    if heads.len() != seqs.len() {
        return Err(SqlError::corrupt("table lane does not hold all lanes").into());
    }
    for (row, seq) in heads.iter().zip(seqs) {
        if *seq > row.head {
            return Err(invalid(
                "it lies behind the end of the feed, which was reset",
            ));
        }
        if *seq < row.pruned {
            return Err(expired(db, heads));
        }
    }
    Ok(())
}

pub(super) fn expired(db: &Db, lanes: &[LaneRow]) -> FeedError {
    let earliest = Positions::of(db, lanes.iter().map(|row| row.pruned).collect());
    FeedError::TokenExpired {
        earliest: earliest.to_token(),
    }
}

/// Returns the position behind the last change: where a reader goes on that took a snapshot after
/// asking for it.
///
/// # Errors
/// When the database fails.
pub async fn heads(db: &Db) -> Result<Positions, FeedError> {
    let lanes = lanes(db).await?;
    Ok(Positions::of(
        db,
        lanes.iter().map(|row| row.head).collect(),
    ))
}

/// Returns the position before the first change that is kept.
///
/// # Errors
/// When the database fails.
pub async fn earliest(db: &Db) -> Result<Positions, FeedError> {
    let lanes = lanes(db).await?;
    Ok(Positions::of(
        db,
        lanes.iter().map(|row| row.pruned).collect(),
    ))
}

/// Returns how far each lane goes.
pub(super) async fn lanes(db: &Db) -> Result<Vec<LaneRow>, FeedError> {
    let rows: Vec<(i64, i64, i64)> =
        with_pool!(db, |pool| { sqlx::query_as(LANES).fetch_all(pool).await? });
    let row = |(head, pruned, compacted)| LaneRow {
        head,
        pruned,
        compacted,
    };
    Ok(rows.into_iter().map(row).collect())
}
