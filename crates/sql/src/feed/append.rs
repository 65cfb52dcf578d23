//! Appending to the feed: number the changes of each lane under its lock, insert them as one set.

use std::collections::BTreeMap;

use sqlx::{PgConnection, SqliteConnection};
use tenure_core::{Lane, Timestamp};

use crate::error::{SqlError, SqlErrorKind};
use crate::rows::{self, Bytes};
use crate::tx::{Tx, TxConnection};

/// Something that happened, to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// The lane of the key.
    pub lane: Lane,
    /// What happened, in the service's own words.
    pub kind: &'static str,
    /// What it happened to: a customer or an account.
    pub key: String,
    /// When it was true in the world.
    pub happened_at: Timestamp,
    /// The encoded message.
    pub body: Vec<u8>,
}

/// Locks in the order of the lanes: whoever needs several never waits in a circle.
const LOCK_LANES: &str = "
    SELECT lane FROM lane
    WHERE lane = ANY($1)
    ORDER BY lane
    FOR NO KEY UPDATE";

/// Locks the lanes in ascending order, moves them on and inserts the changes, in one round trip. A
/// change's number is counted back from its lane's new one.
const APPEND_POSTGRES: &str = "
    WITH wanted AS (
        SELECT lane.lane, count.n
        FROM lane
        JOIN UNNEST($1::INTEGER[], $2::BIGINT[]) AS count (lane, n) ON count.lane = lane.lane
        ORDER BY lane.lane
        FOR NO KEY UPDATE OF lane
    ), head AS (
        UPDATE lane SET seq = lane.seq + wanted.n
        FROM wanted
        WHERE lane.lane = wanted.lane
        RETURNING lane.lane, lane.seq
    ), inserted AS (
        INSERT INTO change (lane, seq, kind, key, happened_at, recorded_at, body)
        SELECT new.lane, head.seq - new.back, new.kind, new.key, new.happened_at, $3, new.body
        FROM UNNEST($4::INTEGER[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::BIGINT[], $9::BYTEA[])
            AS new (lane, back, kind, key, happened_at, body)
        JOIN head ON head.lane = new.lane
    )
    SELECT lane, seq FROM head";

const MOVE_LANES_SQLITE: &str = "
    UPDATE lane SET seq = lane.seq + wanted.n
    FROM (SELECT CAST(key AS INTEGER) AS lane, value AS n FROM json_each($1)) AS wanted
    WHERE lane.lane = wanted.lane
    RETURNING lane, seq";
/// The bodies come as one BLOB and are cut from it, because JSON cannot hold bytes.
const INSERT_SQLITE: &str = "
    INSERT INTO change (lane, seq, kind, key, happened_at, recorded_at, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, $2,
           SUBSTR($3, value ->> 5, value ->> 6)
    FROM json_each($1)";

/// From so many changes on they are written as rows: taking a set apart then costs more.
const MANY: usize = 64;
const INSERT_ROW_SQLITE: &str = "
    INSERT INTO change (lane, seq, kind, key, happened_at, recorded_at, body)
    VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Locks lanes until the end of the transaction, for a use case that decides on what it reads before
/// it knows its changes. Ask once for all lanes it may touch. On SQLite the transaction is alone
/// anyway.
///
/// # Errors
/// When the database fails, or there is no such lane.
pub async fn lock_lanes(tx: &mut Tx, lanes: &[Lane]) -> Result<(), SqlError> {
    let mut wanted = lanes.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let TxConnection::Postgres(conn) = tx.connection() else {
        return Ok(());
    };
    let locked: Vec<Lane> = sqlx::query_scalar(LOCK_LANES)
        .bind(&wanted)
        .fetch_all(conn)
        .await?;
    if locked == wanted {
        Ok(())
    } else {
        Err(no_such_lane())
    }
}

/// Appends changes and returns where each of them stands, in the order given. Followers in this
/// process are woken by the commit.
///
/// Append once per transaction, as its last statement: the lanes stay locked until the commit, and
/// two calls could lock in different orders.
///
/// # Errors
/// When the database fails, or there is no such lane.
pub async fn append(
    tx: &mut Tx,
    changes: Vec<NewChange>,
    recorded_at: Timestamp,
) -> Result<Vec<(Lane, i64)>, SqlError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut counts = BTreeMap::<Lane, i64>::new();
    for change in &changes {
        *counts.entry(change.lane).or_default() += 1;
    }
    let lanes: Vec<Lane> = changes.iter().map(|change| change.lane).collect();
    let at = match tx.connection() {
        TxConnection::Sqlite(conn) => append_sqlite(conn, changes, &counts, recorded_at).await?,
        TxConnection::Postgres(conn) => {
            let backs = backs(&lanes, &counts);
            let heads = append_postgres(conn, changes, &counts, &backs, recorded_at).await?;
            number(&lanes, &counts, &heads)?
        }
    };
    tx.ring_on_commit();
    Ok(at)
}

/// A row of the table.
type Numbered<'a> = (Lane, i64, &'static str, &'a str, i64, i64, Bytes<&'a [u8]>);

fn numbered<'a>(
    changes: &'a [NewChange],
    at: &[(Lane, i64)],
    recorded_at: Timestamp,
) -> Vec<Numbered<'a>> {
    let recorded = recorded_at.as_micros();
    let row = |(change, (lane, seq)): (&'a NewChange, &(Lane, i64))| {
        let (key, happened) = (change.key.as_str(), change.happened_at.as_micros());
        let body = Bytes(change.body.as_slice());
        (*lane, *seq, change.kind, key, happened, recorded, body)
    };
    changes.iter().zip(at).map(row).collect()
}

/// Returns how many changes of the same lane follow each change.
fn backs(lanes: &[Lane], counts: &BTreeMap<Lane, i64>) -> Vec<i64> {
    let mut left = counts.clone();
    let mut backs = Vec::with_capacity(lanes.len());
    for lane in lanes {
        let left = left.entry(*lane).or_default();
        *left -= 1;
        backs.push(*left);
    }
    backs
}

/// Returns lane and number of each change, counted back from the new heads.
fn number(
    lanes: &[Lane],
    counts: &BTreeMap<Lane, i64>,
    heads: &[(Lane, i64)],
) -> Result<Vec<(Lane, i64)>, SqlError> {
    let heads: BTreeMap<Lane, i64> = heads.iter().copied().collect();
    if heads.len() != counts.len() {
        return Err(no_such_lane());
    }
    let backs = backs(lanes, counts);
    Ok(lanes
        .iter()
        .zip(backs)
        .map(|(lane, back)| (*lane, heads[lane] - back))
        .collect())
}

fn no_such_lane() -> SqlError {
    SqlError::new(
        SqlErrorKind::Other,
        "a change names a lane that the database does not have",
    )
}

async fn append_postgres(
    conn: &mut PgConnection,
    changes: Vec<NewChange>,
    counts: &BTreeMap<Lane, i64>,
    backs: &[i64],
    recorded_at: Timestamp,
) -> Result<Vec<(Lane, i64)>, SqlError> {
    let size = changes.len();
    let (mut lanes, mut kinds) = (Vec::with_capacity(size), Vec::with_capacity(size));
    let (mut keys, mut happened) = (Vec::with_capacity(size), Vec::with_capacity(size));
    let mut bodies = Vec::with_capacity(size);
    for change in changes {
        lanes.push(change.lane);
        kinds.push(change.kind);
        keys.push(change.key);
        happened.push(change.happened_at.as_micros());
        bodies.push(change.body);
    }
    let heads = sqlx::query_as(APPEND_POSTGRES)
        .bind(counts.keys().copied().collect::<Vec<_>>())
        .bind(counts.values().copied().collect::<Vec<_>>())
        .bind(recorded_at.as_micros())
        .bind(lanes)
        .bind(backs)
        .bind(kinds)
        .bind(keys)
        .bind(happened)
        .bind(bodies)
        .fetch_all(conn)
        .await?;
    Ok(heads)
}

async fn append_sqlite(
    conn: &mut SqliteConnection,
    changes: Vec<NewChange>,
    counts: &BTreeMap<Lane, i64>,
    recorded_at: Timestamp,
) -> Result<Vec<(Lane, i64)>, SqlError> {
    let wanted = serde_json::to_string(counts).expect("numbers are always JSON");
    let heads: Vec<(Lane, i64)> = sqlx::query_as(MOVE_LANES_SQLITE)
        .bind(wanted)
        .fetch_all(&mut *conn)
        .await?;
    let lanes: Vec<Lane> = changes.iter().map(|change| change.lane).collect();
    let at = number(&lanes, counts, &heads)?;
    if changes.len() >= MANY {
        let rows = numbered(&changes, &at, recorded_at);
        rows::write_on_sqlite(conn, INSERT_ROW_SQLITE, &rows).await?;
        return Ok(at);
    }
    let mut bodies = Vec::new();
    let mut rows = Vec::with_capacity(changes.len());
    for (change, (lane, seq)) in changes.iter().zip(&at) {
        let (kind, key, happened) = (change.kind, &change.key, change.happened_at.as_micros());
        // SUBSTR counts from one.
        rows.push((
            lane,
            seq,
            kind,
            key,
            happened,
            bodies.len() + 1,
            change.body.len(),
        ));
        bodies.extend_from_slice(&change.body);
    }
    let rows = serde_json::to_string(&rows).expect("numbers and text are always JSON");
    sqlx::query(INSERT_SQLITE)
        .bind(rows)
        .bind(recorded_at.as_micros())
        .bind(bodies)
        .execute(conn)
        .await?;
    Ok(at)
}
