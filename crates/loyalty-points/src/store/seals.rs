//! The chain over the records of each lane, sealed in blocks outside the hot path.

use tenure_core::{Lane, Timestamp};
use tenure_sql::{Db, SqlError, SqlErrorKind, Tx, with_pool, with_tx};

use super::verify::{RawRow, raw_record};
use crate::domain::{BlockHash, NO_BLOCK, Seal, Sealing};

/// The most records of a block: what one slice of reading takes.
pub(crate) const BLOCK_MAX: i64 = 1_024;

const LAST: &str = "
    SELECT block, first_seq, last_seq, hash FROM seal
    WHERE lane = $1
    ORDER BY block DESC
    LIMIT 1";
const HEAD: &str = "SELECT seq FROM lane WHERE lane = $1";
const RECORDS: &str = "
    SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
           earned_source, body
    FROM entry
    WHERE lane = $1 AND seq > $2 AND seq <= $3
    ORDER BY seq";
const INSERT: &str = "
    INSERT INTO seal (lane, block, first_seq, last_seq, hash, sealed_at)
    VALUES ($1, $2, $3, $4, $5, $6)";
const AFTER: &str = "
    SELECT block, first_seq, last_seq, hash FROM seal
    WHERE lane = $1 AND block > $2
    ORDER BY block
    LIMIT $3";

type SealRow = (i64, i64, i64, Vec<u8>);

fn seal((block, first_seq, last_seq, hash): SealRow) -> Seal {
    // A digest of another length matches nothing, which is what it shall do.
    let hash = BlockHash::try_from(hash.as_slice()).unwrap_or([0xff; 32]);
    Seal {
        block,
        first_seq,
        last_seq,
        hash,
    }
}

/// Returns the seals of a lane behind a block.
pub(super) async fn after(
    tx: &mut Tx,
    lane: Lane,
    block: i64,
    limit: i64,
) -> Result<Vec<Seal>, SqlError> {
    let rows: Vec<SealRow> = with_tx!(tx, |conn| {
        let seals = sqlx::query_as(AFTER).bind(lane).bind(block).bind(limit);
        seals.fetch_all(conn).await?
    });
    Ok(rows.into_iter().map(seal).collect())
}

/// How many blocks one transaction writes: commits are what writers would wait for.
const BLOCKS_MAX: usize = 16;

/// Seals the next records of a lane, some blocks of them. Returns how many: none when all are sealed,
/// or another replica was faster.
pub(crate) async fn seal_next(db: &Db, lane: Lane, now: Timestamp) -> Result<i64, SqlError> {
    let (last, head): (Option<SealRow>, i64) = with_pool!(db, |pool| {
        let last = sqlx::query_as(LAST).bind(lane).fetch_optional(pool).await?;
        let head = sqlx::query_scalar(HEAD).bind(lane).fetch_one(pool).await?;
        (last, head)
    });
    let none = (0, 0, 0, NO_BLOCK.to_vec());
    let mut before = seal(last.unwrap_or(none));
    let from = before.last_seq;
    let mut blocks = Vec::new();
    while before.last_seq < head && blocks.len() < BLOCKS_MAX {
        before = block(db, lane, &before, head).await?;
        blocks.push(before.clone());
    }
    if blocks.is_empty() {
        return Ok(0);
    }
    match insert(db, lane, &blocks, now).await {
        Ok(()) => Ok(before.last_seq - from),
        Err(error) if error.kind() == SqlErrorKind::Duplicate => Ok(0),
        Err(error) => Err(error),
    }
}

/// Returns the block that follows `before`.
async fn block(db: &Db, lane: Lane, before: &Seal, head: i64) -> Result<Seal, SqlError> {
    let (from, until) = (before.last_seq, head.min(before.last_seq + BLOCK_MAX));
    let rows: Vec<RawRow> = with_pool!(db, |pool| {
        let records = sqlx::query_as(RECORDS).bind(lane).bind(from).bind(until);
        records.fetch_all(pool).await?
    });
    if i64::try_from(rows.len()).ok() != Some(until - from) {
        // What is missing must not be sealed away.
        let message = format!("lane {lane} has a gap after {from}");
        return Err(SqlError::corrupt(message));
    }
    let mut sealing = Sealing::after(&before.hash);
    for record in rows.into_iter().map(raw_record) {
        sealing.add(&record);
    }
    Ok(Seal {
        block: before.block + 1,
        first_seq: from + 1,
        last_seq: until,
        hash: sealing.finish(),
    })
}

async fn insert(db: &Db, lane: Lane, blocks: &[Seal], now: Timestamp) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    for seal in blocks {
        with_tx!(tx, |conn| {
            let insert = sqlx::query(INSERT).bind(lane).bind(seal.block);
            let insert = insert.bind(seal.first_seq).bind(seal.last_seq);
            let insert = insert.bind(seal.hash.to_vec()).bind(now.as_micros());
            insert.execute(conn).await?;
        });
    }
    tx.commit().await
}
