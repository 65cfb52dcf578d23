//! Deleting old changes that later ones replace: of each fact the last one stays.
//!
//! A reader from far behind then sees less than what happened, and ends with the same state. Numbers
//! of a lane are missing up to `compacted_seq` and nowhere else.

use std::collections::HashSet;

use tenure_core::hash::{fnv1a64, mix64};
use tenure_core::{Lane, Timestamp};

use super::prune::last_old;
use super::read::{LaneRow, lanes};
use super::{Change, FeedError};
use crate::db::Db;
use crate::error::SqlError;
use crate::{with_pool, with_tx};

/// How many changes are looked at, and deleted, at once: the lane's writers wait no longer than that.
const WINDOW: i64 = 1_000;
/// A lane is compacted again once this part of it is new, so that the work stays in proportion.
const PART_NEW: i64 = 10;

/// Backwards: the last change of a fact is met first.
const WINDOW_SQL: &str = "
    SELECT seq, kind, key, happened_at, recorded_at, body
    FROM change
    WHERE lane = $1 AND seq > $2 AND seq <= $3
    ORDER BY seq DESC
    LIMIT $4";
const MARK: &str = "
    UPDATE lane SET compacted_seq = $2
    WHERE lane = $1 AND compacted_seq < $2";
const DELETE: &str = "DELETE FROM change WHERE lane = $1 AND seq = $2";

type Row = (i64, String, String, i64, i64, Vec<u8>);

/// Deletes, of the changes recorded up to `keep_after`, all but the last of each fact, and returns
/// how many. `fact_of` names the fact that a change is about, uniquely in its lane; a change of
/// which it names none stays.
///
/// It remembers 16 bytes for each fact of one lane.
///
/// # Errors
/// When the database fails; what was deleted so far stays deleted, which does no harm.
pub async fn compact(
    db: &Db,
    keep_after: Timestamp,
    fact_of: impl Fn(&Change) -> Option<String>,
) -> Result<u64, FeedError> {
    let mut deleted = 0;
    for (lane, row) in (0..).zip(lanes(db).await?) {
        let until = last_old(db, lane, keep_after).await?;
        let (new, all) = (until - row.compacted, until - row.pruned);
        if new > 0 && new.saturating_mul(PART_NEW) >= all {
            deleted += compact_lane(db, lane, &row, until, &fact_of).await?;
        }
    }
    Ok(deleted)
}

async fn compact_lane(
    db: &Db,
    lane: Lane,
    row: &LaneRow,
    until: i64,
    fact_of: &impl Fn(&Change) -> Option<String>,
) -> Result<u64, SqlError> {
    // Marked first: whoever finds a number missing knows why.
    let mut tx = db.begin().await?;
    with_tx!(tx, |conn| {
        let mark = sqlx::query(MARK).bind(lane).bind(until);
        mark.execute(conn).await?;
    });
    tx.commit().await?;
    let (mut met, mut at, mut deleted) = (HashSet::new(), until, 0);
    loop {
        let rows = window(db, lane, row.pruned, at).await?;
        let Some(last) = rows.last() else {
            return Ok(deleted);
        };
        at = last.0 - 1;
        let mut replaced = Vec::new();
        for row in rows {
            let change = change(lane, row);
            if fact_of(&change).is_some_and(|fact| !met.insert(digest(&change.kind, &fact))) {
                replaced.push(change.seq);
            }
        }
        deleted += replaced.len() as u64;
        delete(db, lane, &replaced).await?;
    }
}

/// A hundred and twenty-eight bits: facts are not taken for one another.
fn digest(kind: &str, fact: &str) -> (u64, u64) {
    let text = format!("{kind}\0{fact}");
    let backwards: Vec<u8> = text.bytes().rev().collect();
    (mix64(fnv1a64(text.as_bytes())), mix64(fnv1a64(&backwards)))
}

async fn window(db: &Db, lane: Lane, after: i64, until: i64) -> Result<Vec<Row>, SqlError> {
    Ok(with_pool!(db, |pool| {
        let window = sqlx::query_as(WINDOW_SQL).bind(lane).bind(after);
        window.bind(until).bind(WINDOW).fetch_all(pool).await?
    }))
}

fn change(lane: Lane, row: Row) -> Change {
    let (seq, kind, key, happened_at, recorded_at, body) = row;
    Change {
        lane,
        seq,
        kind,
        key,
        happened_at: Timestamp::from_micros(happened_at),
        recorded_at: Timestamp::from_micros(recorded_at),
        body,
    }
}

async fn delete(db: &Db, lane: Lane, seqs: &[i64]) -> Result<(), SqlError> {
    if seqs.is_empty() {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    for seq in seqs {
        with_tx!(tx, |conn| {
            let delete = sqlx::query(DELETE).bind(lane).bind(*seq);
            delete.execute(conn).await?;
        });
    }
    tx.commit().await
}
