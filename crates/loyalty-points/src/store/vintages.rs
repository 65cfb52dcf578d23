//! Vintages: entries summed behind the writers' backs, each once, in slices.
//!
//! What has been summed is known by a position in each lane, which moves by compare-and-swap in the
//! transaction of the sums. So any number of replicas may sum at once, and a crash loses nothing.

use std::collections::HashMap;

use tenure_core::{Lane, ProgrammeId};
use tenure_sql::tx::TxConnection;
use tenure_sql::{Db, SqlError, Tx, with_tx};

use super::row::{self, RecordRow};
use super::rows::{RowStatement, Script, Values};
use crate::domain::{Change, Entry, Record, VintageKey, Vintages, needs_hold};

/// The most entries of one transaction: few enough that its writing is a matter of milliseconds.
const SLICE: i64 = 2_000;

/// Entries of a lane after one number, up to another one.
pub(super) type Range = (Lane, i64, i64);

const UNSUMMED: &str = "
    SELECT lane.lane, COALESCE(done.seq, 0), lane.seq
    FROM lane
    LEFT JOIN vintage_position AS done ON done.lane = lane.lane
    WHERE lane.seq > COALESCE(done.seq, 0)
    ORDER BY lane.lane";

/// Returns the entries of each lane that are not in the sums, lanes ascending.
pub(super) async fn unsummed(tx: &mut Tx) -> Result<Vec<Range>, SqlError> {
    Ok(with_tx!(tx, |conn| {
        sqlx::query_as(UNSUMMED).fetch_all(conn).await?
    }))
}

/// Sums every entry that was committed when the call came; returns how many this call did.
pub(crate) async fn sum_vintages(db: &Db) -> Result<i64, SqlError> {
    let mut heads: Option<HashMap<Lane, i64>> = None;
    let mut summed = 0;
    loop {
        let mut reading = db.begin_snapshot().await?;
        let ahead = unsummed(&mut reading).await?;
        let heads = heads
            .get_or_insert_with(|| ahead.iter().map(|(lane, _, head)| (*lane, *head)).collect());
        let slice = slice(&ahead, heads);
        if slice.is_empty() {
            return Ok(summed);
        }
        let mut vintages = Vintages::default();
        for range in &slice {
            add_entries(&mut reading, *range, &mut vintages).await?;
        }
        reading.rollback().await?;
        // Where another replica was faster, the next round begins where it ended.
        summed += write(db, &slice, &vintages.finish()).await?;
    }
}

/// Returns the first [`SLICE`] of the entries up to `heads`.
fn slice(ahead: &[Range], heads: &HashMap<Lane, i64>) -> Vec<Range> {
    let mut left = SLICE;
    let mut slice = Vec::new();
    for (lane, from, _) in ahead {
        let head = heads.get(lane).copied().unwrap_or(0);
        let until = head.min(from + left);
        if until > *from {
            left -= until - from;
            slice.push((*lane, *from, until));
        }
    }
    slice
}

const ENTRIES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, a.programme_id
    FROM entry AS e
    JOIN account AS a ON a.lane = e.lane AND a.account_id = e.account_id
    -- Openings and refusals move nothing.
    WHERE e.lane = $1 AND e.seq > $2 AND e.seq <= $3 AND e.kind > 0
    ORDER BY e.seq";
const ENTRY: &str = "
    SELECT lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at, request_id,
           body
    FROM entry
    WHERE lane = $1 AND seq = $2";

type EntryRow = (
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
    String,
);

/// Adds the entries of a range.
pub(super) async fn add_entries(
    tx: &mut Tx,
    (lane, after, until): Range,
    vintages: &mut Vintages,
) -> Result<(), SqlError> {
    let rows: Vec<EntryRow> = with_tx!(tx, |conn| {
        let entries = sqlx::query_as(ENTRIES).bind(lane).bind(after).bind(until);
        entries.fetch_all(conn).await?
    });
    for row in rows {
        let (lane, seq, previous, account, kind, points, decided, recorded, request, body, of) =
            row;
        let row = (
            lane, seq, previous, account, kind, points, decided, recorded, request, body,
        );
        let entry = entry(row)?;
        let programme = ProgrammeId::parse(&of);
        let programme = programme.map_err(|_| SqlError::corrupt("a stored key is none"))?;
        let made = match &entry.hold {
            Some(hold) if needs_hold(&entry) => Some(read(tx, lane, hold.id.seq()).await?),
            _ => None,
        };
        vintages.add(&entry, &programme, made.as_ref());
    }
    Ok(())
}

async fn read(tx: &mut Tx, lane: Lane, seq: i64) -> Result<Entry, SqlError> {
    let row: RecordRow = with_tx!(tx, |conn| {
        let entry = sqlx::query_as(ENTRY).bind(lane).bind(seq);
        entry.fetch_one(conn).await?
    });
    entry(row)
}

fn entry(row: RecordRow) -> Result<Entry, SqlError> {
    match row::record(row)? {
        (Record::Entry(entry), _) => Ok(entry),
        _ => Err(SqlError::corrupt("a record is not the entry it should be")),
    }
}

const CREATE: &str = "
    INSERT INTO vintage_position (lane, seq) VALUES ($1, 0)
    ON CONFLICT (lane) DO NOTHING";
const MOVE: &str = "UPDATE vintage_position SET seq = $3 WHERE lane = $1 AND seq = $2";

/// Moves the positions over `slice` and adds its sums; returns how many entries that were, none when
/// another replica was faster. All writers take lanes in ascending order.
async fn write(db: &Db, slice: &[Range], sums: &[(VintageKey, Change)]) -> Result<i64, SqlError> {
    let mut tx = db.begin().await?;
    let mut entries = 0;
    for (lane, from, until) in slice {
        let moved = with_tx!(tx, |conn| {
            if *from == 0 {
                sqlx::query(CREATE).bind(lane).execute(&mut *conn).await?;
            }
            let step = sqlx::query(MOVE).bind(lane).bind(from).bind(until);
            step.execute(conn).await?.rows_affected()
        });
        if moved != 1 {
            tx.rollback().await?;
            return Ok(0);
        }
        entries += until - from;
    }
    add(&mut tx, sums).await?;
    tx.commit().await?;
    Ok(entries)
}

const ADD_POSTGRES: &str = "
    INSERT INTO vintage (lane, programme_id, earn_month, points_type, partner_id, day, kind, points,
                         held, pending)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[],
                         $6::BIGINT[], $7::INTEGER[], $8::BIGINT[], $9::BIGINT[], $10::BIGINT[])
    ON CONFLICT (lane, programme_id, earn_month, points_type, partner_id, day, kind) DO UPDATE
    SET points = vintage.points + EXCLUDED.points, held = vintage.held + EXCLUDED.held,
        pending = vintage.pending + EXCLUDED.pending";
static ADD_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO vintage (lane, programme_id, earn_month, points_type, partner_id, day, kind,
                                  points, held, pending)
    SELECT * FROM {rows} WHERE column1 IS NOT NULL
    ON CONFLICT (lane, programme_id, earn_month, points_type, partner_id, day, kind) DO UPDATE
    SET points = vintage.points + EXCLUDED.points, held = vintage.held + EXCLUDED.held,
        pending = vintage.pending + EXCLUDED.pending",
    10,
);

type Sum = (VintageKey, Change);

async fn add(tx: &mut Tx, sums: &[Sum]) -> Result<(), SqlError> {
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = sums.iter().map(|(key, _)| key.lane).collect();
            let kinds: Vec<i32> = sums.iter().map(|(key, _)| i32::from(key.kind)).collect();
            let numbers = |of: fn(&Sum) -> i64| -> Vec<i64> { sums.iter().map(of).collect() };
            let texts = |of: for<'s> fn(&'s VintageKey) -> &'s str| -> Vec<&str> {
                sums.iter().map(|(key, _)| of(key)).collect()
            };
            let add = sqlx::query(ADD_POSTGRES)
                .bind(lanes)
                .bind(texts(|key| key.cohort.programme.as_str()))
                .bind(numbers(|(key, _)| key.cohort.month))
                .bind(texts(|key| &key.cohort.points_type))
                .bind(texts(|key| &key.cohort.partner))
                .bind(numbers(|(key, _)| key.day))
                .bind(kinds)
                .bind(numbers(|(_, change)| change.points))
                .bind(numbers(|(_, change)| change.held))
                .bind(numbers(|(_, change)| change.pending));
            add.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let mut script = Script::default();
            script.add(&ADD_SQLITE, sums, bind);
            script.run(conn).await?;
        }
    }
    Ok(())
}

fn bind(values: &mut Values, (key, change): &Sum) {
    values
        .bind(key.lane)
        .bind(key.cohort.programme.as_str())
        .bind(key.cohort.month)
        .bind(&*key.cohort.points_type)
        .bind(&*key.cohort.partner)
        .bind(key.day)
        .bind(key.kind)
        .bind(change.points)
        .bind(change.held)
        .bind(change.pending);
}
