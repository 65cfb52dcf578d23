//! Where to begin reading in order to see everything recorded since an instant.

use tenure_core::{Lane, Span, Timestamp};

use super::prune::pruned_until;
use super::read::{LaneRow, expired, lanes};
use super::{FeedError, Positions};
use crate::db::Db;
use crate::error::SqlError;
use crate::with_pool;

/// Numbers of a lane stand in commit order, but each transaction says for itself when it was: by the
/// clock of its replica, and before it waited for the lane. So the search begins a little earlier.
const SKEW: Span = Span::from_micros(60_000_000);

const NEXT: &str = "
    SELECT seq, recorded_at FROM change
    WHERE lane = $1 AND seq > $2
    ORDER BY seq
    LIMIT 1";

/// Returns a position behind which every change recorded at `at` or later stands, and some of the
/// minute before.
///
/// # Errors
/// When changes of that time may have been deleted, or the database fails.
pub async fn since(db: &Db, at: Timestamp) -> Result<Positions, FeedError> {
    let rows = lanes(db).await?;
    if pruned_until(db).await?.is_some_and(|until| at <= until) {
        return Err(expired(db, &rows));
    }
    let mut seqs = Vec::with_capacity(rows.len());
    for (lane, row) in (0..).zip(&rows) {
        seqs.push(first_before(db, lane, row, at - SKEW).await?);
    }
    Ok(Positions::of(db, seqs))
}

/// Halves the numbers of a lane until the first one recorded at or after the instant is found, and
/// returns the number before it.
async fn first_before(db: &Db, lane: Lane, row: &LaneRow, at: Timestamp) -> Result<i64, SqlError> {
    let (mut before, mut until) = (row.pruned, row.head);
    while before < until {
        let middle = before + (until - before) / 2;
        let next: Option<(i64, i64)> = with_pool!(db, |pool| {
            let next = sqlx::query_as(NEXT).bind(lane).bind(middle);
            next.fetch_optional(pool).await?
        });
        match next {
            Some((seq, recorded_at)) if recorded_at < at.as_micros() => before = seq,
            _ => until = middle,
        }
    }
    Ok(before)
}
