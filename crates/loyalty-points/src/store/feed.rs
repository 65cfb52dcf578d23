//! The change feed of this service: the entries themselves, numbered as `tenure_sql::feed` asks.

use tenure_core::{CustomerId, Lane};
use tenure_sql::feed::{FeedError, Positions, heads};
use tenure_sql::{Db, SqlError, with_pool};

use super::row::{self, RecordRow};
use crate::domain::Record;

/// A record, and whose account it is about; a refused request may name an account of nobody.
#[derive(Debug)]
pub(crate) struct FeedRecord {
    pub(crate) record: Record,
    pub(crate) customer: Option<CustomerId>,
}

const RANGE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, a.customer_id
    FROM entry AS e
    LEFT JOIN account AS a ON a.lane = e.lane AND a.account_id = e.account_id
    WHERE e.lane = $1 AND e.seq > $2 AND e.seq <= $3
    ORDER BY e.seq";

type FeedRow = (
    Lane,
    i64,
    i64,
    String,
    i32,
    i64,
    i64,
    i64,
    Option<Vec<u8>>,
    Vec<u8>,
    Option<String>,
);

/// Returns up to about `limit` records after a token, those of a lane in their order, and the token
/// behind them. Nothing at the head of the feed.
pub(crate) async fn changes_after(
    db: &Db,
    token: &str,
    limit: usize,
) -> Result<(Vec<FeedRecord>, String), FeedError> {
    let after = Positions::from_token(db, token)?;
    let heads = heads(db).await?;
    if !heads.reaches(&after) {
        return Err(FeedError::InvalidToken {
            why: "it lies behind the end of the feed",
        });
    }
    let lanes = || db.lanes().all();
    let mut moved = lanes()
        .filter(|lane| heads.get(*lane) > after.get(*lane))
        .count();
    let mut left = i64::try_from(limit.max(moved)).unwrap_or(i64::MAX);
    let (mut records, mut seqs) = (Vec::new(), Vec::new());
    for lane in lanes() {
        let (seq, head) = (after.get(lane), heads.get(lane));
        let mut until = seq;
        if head > seq {
            // Each lane has its share, so that none starves.
            let share = left / i64::try_from(moved).expect("at most 1,024 lanes");
            until = head.min(seq + share.max(1));
            read_range(db, lane, (seq, until), &mut records).await?;
            left -= until - seq;
            moved -= 1;
        }
        seqs.push(until);
    }
    Ok((records, Positions::of(db, seqs).to_token()))
}

async fn read_range(
    db: &Db,
    lane: Lane,
    (after, until): (i64, i64),
    records: &mut Vec<FeedRecord>,
) -> Result<(), SqlError> {
    let rows: Vec<FeedRow> = with_pool!(db, |pool| {
        sqlx::query_as(RANGE)
            .bind(lane)
            .bind(after)
            .bind(until)
            .fetch_all(pool)
            .await?
    });
    if i64::try_from(rows.len()).ok() != Some(until - after) {
        return Err(SqlError::corrupt(format!(
            "lane {lane} has a gap after {after}"
        )));
    }
    for (lane, seq, previous, account, kind, points, decided, recorded, request, body, customer) in
        rows
    {
        let row: RecordRow = (
            lane, seq, previous, account, kind, points, decided, recorded, request, body,
        );
        let (record, _) = row::record(row)?;
        let customer = customer.map(|id| CustomerId::parse(&id)).transpose();
        let customer = customer.map_err(|_| SqlError::corrupt("a stored customer id is none"))?;
        records.push(FeedRecord { record, customer });
    }
    Ok(())
}
