//! What a verification reads: each function in the snapshot that it is given.

mod chains;
mod partners;
mod slice;

use std::collections::HashMap;

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::row::{self, AccountRow, RecordRow};
use crate::domain::{Account, Entry, EntryId, RawRecord, Record, StockRecord};

pub(crate) use chains::{chains, marks};
pub(crate) use partners::settlement_after;
pub(crate) use slice::{LaneSlice, slice, totals_differ};

/// lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
/// earned_source, body.
pub(super) type RawRow = (
    Lane,
    i64,
    i64,
    String,
    i32,
    i64,
    i64,
    i64,
    Option<Vec<u8>>,
    Option<String>,
    Vec<u8>,
);

pub(crate) fn raw_record(row: RawRow) -> RawRecord {
    let (lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, ..) = row;
    RawRecord {
        lane,
        seq,
        previous_seq,
        account_id,
        kind,
        points,
        decided_at,
        recorded_at,
        request_id: row.8,
        earned_source: row.9,
        body: row.10,
    }
}

const HEADS: &str = "SELECT CAST(SUM(seq) AS BIGINT) FROM lane";

/// Returns how many records all lanes have.
pub(crate) async fn heads(db: &Db) -> Result<i64, SqlError> {
    let sum: Option<i64> = with_pool!(db, |pool| {
        sqlx::query_scalar(HEADS).fetch_one(pool).await?
    });
    Ok(sum.unwrap_or(0))
}

const AT_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS wanted (lane, seq)
    JOIN entry AS e ON e.lane = wanted.lane AND e.seq = wanted.seq";
const AT_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    WHERE e.lane = wanted.value ->> 0 AND e.seq = wanted.value ->> 1";

/// Returns the entries at these places; those that are none, or cannot be read, are left out.
pub(crate) async fn entries_at(
    tx: &mut Tx,
    places: &[(Lane, i64)],
) -> Result<HashMap<(Lane, i64), Entry>, SqlError> {
    let records = records_at(tx, places).await?;
    let entry = |(place, record)| match record {
        Record::Entry(entry) => Some((place, entry)),
        _ => None,
    };
    Ok(records.into_iter().filter_map(entry).collect())
}

/// Returns the movements of stocks at these places; those that are none, or cannot be read, are left
/// out.
pub(crate) async fn moves_at(
    tx: &mut Tx,
    places: &[(Lane, i64)],
) -> Result<HashMap<(Lane, i64), StockRecord>, SqlError> {
    let records = records_at(tx, places).await?;
    let moved = |(place, record)| match record {
        Record::Stock(moved) => Some((place, moved)),
        _ => None,
    };
    Ok(records.into_iter().filter_map(moved).collect())
}

async fn records_at(
    tx: &mut Tx,
    places: &[(Lane, i64)],
) -> Result<Vec<((Lane, i64), Record)>, SqlError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<RecordRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let (lanes, seqs): (Vec<Lane>, Vec<i64>) = places.iter().copied().unzip();
            let at = sqlx::query_as(AT_POSTGRES).bind(lanes).bind(seqs);
            at.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let places = serde_json::to_string(places).expect("numbers are always JSON");
            let at = sqlx::query_as(AT_SQLITE).bind(places);
            at.fetch_all(conn).await?
        }
    };
    let read = |row: RecordRow| {
        let place = (row.0, row.1);
        Some((place, row::record(row).ok()?.0))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

const ENDINGS: &str = "
    SELECT seq, points_before, points, by_seq FROM ending
    WHERE lane = $1 AND (seq, points_before) > ($2, $3)
    ORDER BY seq, points_before
    LIMIT $4";

/// A stored ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredEnding {
    /// The number of what ended, how many points came back before, and how many then.
    pub(crate) said: (i64, i64, i64),
    /// The number of the entry that ended it.
    pub(crate) by_seq: i64,
}

/// Returns the stored endings of a lane behind one of them.
pub(crate) async fn endings_after(
    tx: &mut Tx,
    lane: Lane,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<StoredEnding>, SqlError> {
    let rows: Vec<(i64, i64, i64, i64)> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(ENDINGS).bind(lane).bind(after.0);
        let page = page.bind(after.1).bind(limit);
        page.fetch_all(conn).await?
    });
    let ending = |(seq, before, points, by_seq)| StoredEnding {
        said: (seq, before, points),
        by_seq,
    };
    Ok(rows.into_iter().map(ending).collect())
}

const ACCOUNTS: &str = "
    SELECT lane, account_id, customer_id, programme_id, created_at, updated_at, state, balance,
           next_due
    FROM account
    WHERE lane = $1 AND account_id > $2
    ORDER BY account_id
    LIMIT $3";

/// An account as it is stored.
#[derive(Debug)]
pub(crate) struct StoredAccount {
    /// Its id.
    pub(crate) id: String,
    /// What stands in its row; nothing when it cannot be read.
    pub(crate) account: Option<Account>,
    /// The column that repeats its balance.
    pub(crate) balance: i64,
    /// The column that repeats when something is due.
    pub(crate) next_due: i64,
}

/// Returns the accounts of a lane behind an id.
pub(crate) async fn accounts_after(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<StoredAccount>, SqlError> {
    type Row = (Lane, String, String, String, i64, i64, Vec<u8>, i64, i64);
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(ACCOUNTS).bind(lane).bind(after).bind(limit);
        page.fetch_all(conn).await?
    });
    let stored = |(lane, id, customer, programme, created, updated, state, balance, next_due)| {
        let row: AccountRow = (lane, id, customer, programme, created, updated, state);
        StoredAccount {
            id: row.1.clone(),
            account: row::account(row).ok(),
            balance,
            next_due,
        }
    };
    Ok(rows.into_iter().map(stored).collect())
}

/// Reads a record from its row; nothing when it cannot be read.
fn read(row: RecordRow) -> Option<Record> {
    row::record(row).ok().map(|(record, _)| record)
}

/// Returns the places of entries in their lanes.
pub(crate) fn places(ids: impl Iterator<Item = EntryId>) -> Vec<(Lane, i64)> {
    ids.map(|id| (id.lane(), id.seq())).collect()
}
