//! The records of accounts along their chains.

use std::collections::HashMap;

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use super::read;
use crate::domain::Record;

/// Each chain from its given end backwards, so many records of it.
const CHAINS_POSTGRES: &str = "
    WITH RECURSIVE chain (start, lane, seq, previous_seq, account_id, kind, points, decided_at,
                          recorded_at, request_id, body, n) AS (
        SELECT e.seq, e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
               e.recorded_at, e.request_id, e.body, wanted.n
        FROM UNNEST($2::BIGINT[], $3::BIGINT[]) AS wanted (seq, n)
        JOIN entry AS e ON e.lane = $1 AND e.seq = wanted.seq
        UNION ALL
        SELECT chain.start, e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points,
               e.decided_at, e.recorded_at, e.request_id, e.body, chain.n - 1
        FROM chain
        JOIN entry AS e ON e.lane = $1 AND e.seq = chain.previous_seq
        -- Backwards only: a damaged chain may lead round in a circle.
        WHERE chain.n > 1 AND chain.previous_seq < chain.seq
    )
    SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
           body, start
    FROM chain
    ORDER BY start, seq";
const CHAINS_SQLITE: &str = "
    WITH RECURSIVE chain (start, lane, seq, previous_seq, account_id, kind, points, decided_at,
                          recorded_at, request_id, body, n) AS (
        SELECT e.seq, e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
               e.recorded_at, e.request_id, e.body, wanted.value ->> 1
        FROM json_each($2) AS wanted
        CROSS JOIN entry AS e
        WHERE e.lane = $1 AND e.seq = wanted.value ->> 0
        UNION ALL
        SELECT chain.start, e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points,
               e.decided_at, e.recorded_at, e.request_id, e.body, chain.n - 1
        FROM chain
        CROSS JOIN entry AS e
        -- Backwards only: a damaged chain may lead round in a circle.
        WHERE e.lane = $1 AND e.seq = chain.previous_seq
            AND chain.n > 1 AND chain.previous_seq < chain.seq
    )
    SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
           body, start
    FROM chain
    ORDER BY start, seq";

type Row = (
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
    i64,
);

/// Records by the end of their chain, oldest first: number in the lane, number of the record before,
/// and the record when it can be read.
pub(crate) type Chains = HashMap<i64, Vec<(i64, i64, Option<Record>)>>;

/// Returns the last records of chains: for each its last number, and how many.
pub(crate) async fn chains(
    tx: &mut Tx,
    lane: Lane,
    wanted: &[(i64, i64)],
) -> Result<Chains, SqlError> {
    let rows: Vec<Row> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let (seqs, counts): (Vec<i64>, Vec<i64>) = wanted.iter().copied().unzip();
            let chains = sqlx::query_as(CHAINS_POSTGRES).bind(lane);
            chains.bind(seqs).bind(counts).fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted = serde_json::to_string(wanted).expect("numbers are always JSON");
            let chains = sqlx::query_as(CHAINS_SQLITE).bind(lane).bind(wanted);
            chains.fetch_all(conn).await?
        }
    };
    let mut chains = Chains::new();
    for row in rows {
        let (lane, seq, previous, account, kind, points, decided, recorded, ..) = row;
        let start = row.10;
        let record = (
            lane, seq, previous, account, kind, points, decided, recorded, row.8, row.9,
        );
        chains
            .entry(start)
            .or_default()
            .push((seq, previous, read(record)));
    }
    Ok(chains)
}

const WALK: &str = "
    WITH RECURSIVE chain (seq, previous_seq, n) AS (
        SELECT seq, previous_seq, 1 FROM entry WHERE lane = $1 AND seq = $2
        UNION ALL
        SELECT e.seq, e.previous_seq, chain.n + 1
        FROM chain
        JOIN entry AS e ON e.lane = $1 AND e.seq = chain.previous_seq
        WHERE chain.n < $3 AND chain.previous_seq < chain.seq
    )
    SELECT previous_seq FROM chain ORDER BY seq LIMIT 1";

/// Returns the ends of the pieces of a long chain, oldest first, each of at most `piece` records.
pub(crate) async fn marks(
    tx: &mut Tx,
    lane: Lane,
    last: i64,
    (piece, pieces_max): (i64, i64),
) -> Result<Vec<i64>, SqlError> {
    let mut marks = vec![last];
    for _ in 1..pieces_max {
        let end = marks.last().copied().unwrap_or(last);
        let before: Option<i64> = with_tx!(tx, |conn| {
            let walk = sqlx::query_scalar(WALK).bind(lane).bind(end).bind(piece);
            walk.fetch_optional(conn).await?
        });
        match before {
            Some(before) if (1..end).contains(&before) => marks.push(before),
            _ => break,
        }
    }
    marks.reverse();
    Ok(marks)
}
