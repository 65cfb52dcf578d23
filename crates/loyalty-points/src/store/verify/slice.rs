//! Some records of a lane that follow each other, and all that stands beside them.

use std::collections::{BTreeMap, HashMap};

use tenure_core::Lane;
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx, with_tx};

use super::{RawRow, entries_at, moves_at, partners, places, raw_record};
use crate::domain::{
    DAY, Entry, EntryId, PartnerRow, RawRecord, Record, RecordKey, Seal, StockRecord, TotalRow,
    day_of, decode_record,
};
use crate::store::{row, seals};

/// A record with its row.
pub(crate) type Known = (
    RawRecord,
    Option<String>,
    Option<(Record, Option<RecordKey>)>,
);

/// Some records of a lane, as one snapshot has them.
#[derive(Debug)]
pub(crate) struct LaneSlice {
    /// The last number of the lane.
    pub(crate) head: i64,
    /// The number of a record behind it, which there must not be.
    pub(crate) beyond: Option<i64>,
    /// The next sealed blocks.
    pub(crate) seals: Vec<Seal>,
    /// The records: row, programme of the account, and what it says when it can be read.
    pub(crate) records: Vec<Known>,
    /// Stored endings, by the number of the entry that wrote them.
    pub(crate) endings: HashMap<i64, (i64, i64, i64)>,
    /// The records of the stocks that entries drew on.
    pub(crate) drawn: HashMap<(Lane, i64), StockRecord>,
    /// The entries on the other side of transfers, and those that drew on stocks.
    pub(crate) peers: HashMap<(Lane, i64), Entry>,
    /// Records whose request another one before them has, and which.
    pub(crate) same_request: HashMap<i64, i64>,
    /// Earnings whose source another one before them has, and which.
    pub(crate) same_source: HashMap<i64, i64>,
    /// First and last number of stored totals.
    pub(crate) totals: HashMap<(String, i64, i32), (i64, i64)>,
    /// Rows of partners by number.
    pub(crate) partners: HashMap<i64, PartnerRow>,
    /// The number of such a row behind the last record, which there must not be.
    pub(crate) partner_beyond: Option<i64>,
}

const HEAD: &str = "
    SELECT l.seq, (SELECT MIN(e.seq) FROM entry AS e WHERE e.lane = $1 AND e.seq > l.seq)
    FROM lane AS l
    WHERE l.lane = $1";
const RECORDS: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.earned_source, e.body, a.programme_id
    FROM entry AS e
    LEFT JOIN account AS a ON a.lane = e.lane AND a.account_id = e.account_id
    WHERE e.lane = $1 AND e.seq > $2 AND e.seq <= $3
    ORDER BY e.seq";
/// CROSS JOIN keeps the order of the tables on SQLite.
const SAME_REQUEST: &str = "
    SELECT e.seq, MIN(o.seq)
    FROM entry AS e
    CROSS JOIN entry AS o
    WHERE e.lane = $1 AND e.seq > $2 AND e.seq <= $3 AND e.request_id IS NOT NULL
        AND o.lane = e.lane AND o.request_id = e.request_id AND o.request_id IS NOT NULL
        AND o.seq < e.seq
    GROUP BY e.seq";
const SAME_SOURCE: &str = "
    SELECT e.seq, MIN(o.seq)
    FROM entry AS e
    CROSS JOIN entry AS o
    WHERE e.lane = $1 AND e.seq > $2 AND e.seq <= $3 AND e.earned_source IS NOT NULL
        AND o.lane = e.lane AND o.account_id = e.account_id AND o.earned_source = e.earned_source
        AND o.earned_source IS NOT NULL AND o.seq < e.seq
    GROUP BY e.seq";

/// How many blocks are looked at together.
const SEALS_MAX: i64 = 4;

/// Reads the records behind `after`: those of the next sealed blocks behind `block` (none when it is
/// nothing), else at most `limit`.
pub(crate) async fn slice(
    tx: &mut Tx,
    lane: Lane,
    after: i64,
    block: Option<i64>,
    limit: i64,
) -> Result<LaneSlice, SqlError> {
    let (head, beyond): (i64, Option<i64>) = with_tx!(tx, |conn| {
        sqlx::query_as(HEAD).bind(lane).fetch_one(conn).await?
    });
    let seals = match block {
        Some(block) => seals::after(tx, lane, block, SEALS_MAX).await?,
        None => Vec::new(),
    };
    let sealed = seals.last().map_or(after + limit, |seal| seal.last_seq);
    // A damaged seal must not have us read a whole lane.
    let until = sealed
        .min(head)
        .min(after + (SEALS_MAX + 1) * seals::BLOCK_MAX);
    let range = (lane, after, until);
    let records = records(tx, range).await?;
    let (partners, partner_beyond) = partners::rows(tx, range, head).await?;
    let entries: Vec<&Entry> = records.iter().filter_map(entry).collect();
    let ended: Vec<i64> = entries
        .iter()
        .filter_map(|entry| entry.ends())
        .map(EntryId::seq)
        .collect();
    let peers = entries
        .iter()
        .filter_map(|entry| entry.peer.as_ref()?.entry);
    let moves = records.iter().filter_map(|(.., known)| match known {
        Some((Record::Stock(moved), _)) => moved.moved.entry,
        _ => None,
    });
    let peers = places(peers.chain(moves));
    let parts = entries.iter().filter_map(|entry| entry.stock.as_ref());
    let parts = places(parts.map(|part| part.record));
    let days: Vec<i64> = entries
        .iter()
        .map(|entry| day_of(entry.decided_at))
        .collect();
    Ok(LaneSlice {
        head,
        beyond,
        seals,
        endings: endings(tx, lane, &ended).await?,
        peers: entries_at(tx, &peers).await?,
        drawn: moves_at(tx, &parts).await?,
        same_request: earlier(tx, SAME_REQUEST, range).await?,
        same_source: earlier(tx, SAME_SOURCE, range).await?,
        totals: totals(tx, lane, &days).await?,
        partners,
        partner_beyond,
        records,
    })
}

fn entry((.., known): &Known) -> Option<&Entry> {
    match known {
        Some((Record::Entry(entry), _)) => Some(entry),
        _ => None,
    }
}

type Range = (Lane, i64, i64);

async fn records(tx: &mut Tx, (lane, after, until): Range) -> Result<Vec<Known>, SqlError> {
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
        Option<String>,
        Vec<u8>,
        Option<String>,
    );
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let records = sqlx::query_as(RECORDS).bind(lane).bind(after).bind(until);
        records.fetch_all(conn).await?
    });
    let known = |row: Row| {
        let programme = row.11;
        let row: RawRow = (
            row.0, row.1, row.2, row.3, row.4, row.5, row.6, row.7, row.8, row.9, row.10,
        );
        let raw = raw_record(row);
        let record = row::columns(&raw).and_then(|columns| decode_record(columns, &raw.body).ok());
        (raw, programme, record)
    };
    Ok(rows.into_iter().map(known).collect())
}

async fn earlier(
    tx: &mut Tx,
    sql: &'static str,
    (lane, after, until): Range,
) -> Result<HashMap<i64, i64>, SqlError> {
    let rows: Vec<(i64, i64)> = with_tx!(tx, |conn| {
        let earlier = sqlx::query_as(sql).bind(lane).bind(after).bind(until);
        earlier.fetch_all(conn).await?
    });
    Ok(rows.into_iter().collect())
}

const ENDINGS_POSTGRES: &str = "
    SELECT seq, points_before, points, by_seq FROM ending
    WHERE lane = $1 AND seq = ANY($2)";
const ENDINGS_SQLITE: &str = "
    SELECT o.seq, o.points_before, o.points, o.by_seq
    FROM json_each($2) AS wanted
    CROSS JOIN ending AS o
    WHERE o.lane = $1 AND o.seq = wanted.value";

async fn endings(
    tx: &mut Tx,
    lane: Lane,
    ended: &[i64],
) -> Result<HashMap<i64, (i64, i64, i64)>, SqlError> {
    if ended.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, i64, i64, i64)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let endings = sqlx::query_as(ENDINGS_POSTGRES).bind(lane).bind(ended);
            endings.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let ended = serde_json::to_string(ended).expect("numbers are always JSON");
            let endings = sqlx::query_as(ENDINGS_SQLITE).bind(lane).bind(ended);
            endings.fetch_all(conn).await?
        }
    };
    let by = |(seq, before, points, by)| (by, (seq, before, points));
    Ok(rows.into_iter().map(by).collect())
}

const TOTALS: &str = "
    SELECT programme_id, day, kind, points, first_seq, last_seq FROM total
    WHERE lane = $1 AND day >= $2 AND day <= $3";

type Total = (String, i64, i32, i64, i64, i64);

async fn total_rows(
    tx: &mut Tx,
    lane: Lane,
    (first, last): (i64, i64),
) -> Result<Vec<Total>, SqlError> {
    Ok(with_tx!(tx, |conn| {
        let totals = sqlx::query_as(TOTALS).bind(lane).bind(first).bind(last);
        totals.fetch_all(conn).await?
    }))
}

async fn totals(
    tx: &mut Tx,
    lane: Lane,
    days: &[i64],
) -> Result<HashMap<(String, i64, i32), (i64, i64)>, SqlError> {
    let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
        return Ok(HashMap::new());
    };
    let rows = total_rows(tx, lane, (*first, *last)).await?;
    let range = |(programme, day, kind, _, first, last)| ((programme, day, kind), (first, last));
    Ok(rows.into_iter().map(range).collect())
}

/// What the totals should be, from all records of a lane.
const SUMS: &str = "
    SELECT a.programme_id, (e.decided_at - ((e.decided_at % $2) + $2) % $2) / $2 AS day, e.kind,
           CAST(SUM(e.points) AS BIGINT), MIN(e.seq), MAX(e.seq)
    FROM entry AS e
    JOIN account AS a ON a.lane = e.lane AND a.account_id = e.account_id
    WHERE e.lane = $1 AND e.kind > 0 AND e.points <> 0
    GROUP BY a.programme_id, day, e.kind";

/// Asks `mark` whether the stored totals of a lane are those of its entries. When they are not, all
/// entries are added up to find the first total that is wrong: returned as wanted and found.
pub(crate) async fn totals_differ(
    tx: &mut Tx,
    lane: Lane,
    mark: impl FnOnce(&[TotalRow]) -> bool,
) -> Result<Option<(Option<TotalRow>, Option<TotalRow>)>, SqlError> {
    let stored = total_rows(tx, lane, (i64::MIN, i64::MAX)).await?;
    let stored: Vec<TotalRow> = stored.into_iter().map(total).collect();
    if mark(&stored) {
        return Ok(None);
    }
    let sums: Vec<Total> = with_tx!(tx, |conn| {
        let sums = sqlx::query_as(SUMS).bind(lane).bind(DAY);
        sums.fetch_all(conn).await?
    });
    let by_key = |rows: Vec<TotalRow>| -> BTreeMap<(String, i64, i32), TotalRow> {
        let key = |row: &TotalRow| (row.programme.clone(), row.day, row.kind);
        rows.into_iter().map(|row| (key(&row), row)).collect()
    };
    let (wanted, found) = (
        by_key(sums.into_iter().map(total).collect()),
        by_key(stored),
    );
    let keys = wanted.keys().chain(found.keys());
    let different = keys.filter(|key| wanted.get(*key) != found.get(*key));
    let first = different.min_by_key(|key| {
        let first = |rows: &BTreeMap<_, TotalRow>| rows.get(*key).map(|row| row.first_seq);
        first(&wanted).or_else(|| first(&found))
    });
    Ok(first.map(|key| (wanted.get(key).cloned(), found.get(key).cloned())))
}

fn total((programme, day, kind, points, first_seq, last_seq): Total) -> TotalRow {
    TotalRow {
        programme,
        day,
        kind,
        points,
        first_seq,
        last_seq,
    }
}
