//! Entries, read and written as sets: the largest statement of the hot path.

use std::sync::Arc;

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::accounts::{self, AccountColumns};
use super::lanes::{self, Ground};
use super::partner_entries;
use super::row::{self, RecordRow};
use super::rows::{RowStatement, Script, Values};
use super::totals::{self, TotalColumns};
use crate::domain::{
    Columns, Entry, EntryId, EntryKind, Record, Request, Target, Writes, encode_record,
};

/// Moves the lanes on, writes the accounts, the entries and their totals, in one round trip; returns
/// false and writes nothing when the lanes have other numbers or rules than was foreseen. Every part
/// reads `gate`, and so none touches a row before the lanes are locked.
const WRITE_POSTGRES: &str = "
    WITH held AS MATERIALIZED (
        SELECT lane, seq, epoch FROM lane
        WHERE lane = ANY($1)
        ORDER BY lane
        FOR NO KEY UPDATE
    ), gate AS MATERIALIZED (
        SELECT BOOL_AND($28::BIGINT IS NULL
                        OR held.seq IS NOT DISTINCT FROM new.seq AND held.epoch = $28) AS is_open
        FROM UNNEST($1::INTEGER[], $27::BIGINT[]) AS new (lane, seq)
        LEFT JOIN held ON held.lane = new.lane
    ), head AS (
        UPDATE lane SET seq = new.seq
        FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS new (lane, seq), gate
        WHERE gate.is_open AND lane.lane = new.lane
    ), changed AS (
        UPDATE account
        SET balance = new.balance, next_due = new.next_due, updated_at = new.updated_at,
            state = new.state
        FROM UNNEST($3::INTEGER[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BYTEA[])
            AS new (lane, account_id, balance, next_due, updated_at, state), gate
        WHERE gate.is_open AND account.lane = new.lane AND account.account_id = new.account_id
    ), added AS (
        INSERT INTO total (lane, programme_id, day, kind, points, first_seq, last_seq)
        SELECT new.* FROM UNNEST($20::INTEGER[], $21::TEXT[], $22::BIGINT[], $23::INTEGER[],
                                 $24::BIGINT[], $25::BIGINT[], $26::BIGINT[]) AS new, gate
        WHERE gate.is_open
        ON CONFLICT (lane, programme_id, day, kind) DO UPDATE
        SET points = total.points + EXCLUDED.points,
            first_seq = LEAST(total.first_seq, EXCLUDED.first_seq),
            last_seq = GREATEST(total.last_seq, EXCLUDED.last_seq)
    ), entered AS (
        INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at,
                           request_id, earned_source, body)
        SELECT new.* FROM UNNEST($9::INTEGER[], $10::BIGINT[], $11::BIGINT[], $12::TEXT[],
                                 $13::INTEGER[], $14::BIGINT[], $15::BIGINT[], $16::BIGINT[],
                                 $17::BYTEA[], $18::TEXT[], $19::BYTEA[]) AS new, gate
        WHERE gate.is_open
    )
    SELECT is_open FROM gate";
static INSERT_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at,
                                recorded_at, request_id, earned_source, body)
    SELECT * FROM {rows} WHERE column1 IS NOT NULL",
    11,
);

/// A record and the request behind it, as [`Writes`] has them.
type Written = (Arc<Record>, Option<Arc<Request>>);

/// Returns the source of an earning, which earns once.
fn earned_source(record: &Record) -> Option<&str> {
    match record {
        Record::Entry(entry) if entry.kind == EntryKind::Earn => Some(&*entry.source),
        _ => None,
    }
}

/// Entries as columns, for set-wise statements on PostgreSQL.
#[derive(Default)]
struct EntryColumns<'a> {
    lanes: Vec<Lane>,
    seqs: Vec<i64>,
    previous: Vec<i64>,
    accounts: Vec<String>,
    kinds: Vec<i32>,
    points: Vec<i64>,
    decided: Vec<i64>,
    recorded: Vec<i64>,
    requests: Vec<Option<&'a [u8]>>,
    sources: Vec<Option<&'a str>>,
    bodies: Vec<Vec<u8>>,
}

impl<'a> EntryColumns<'a> {
    fn of(writes: &'a Writes) -> Self {
        let mut columns = Self::default();
        for (record, request) in &writes.records {
            columns.push(record, request.as_deref());
        }
        columns
    }

    fn push(&mut self, record: &'a Record, request: Option<&'a Request>) {
        let row = Columns::of(record);
        self.lanes.push(row.id.lane());
        self.seqs.push(row.id.seq());
        self.previous.push(row.previous);
        self.accounts.push(row.account.to_string());
        self.kinds.push(i32::from(row.kind));
        self.points.push(row.points);
        self.decided.push(row.decided_at.as_micros());
        self.recorded.push(row.recorded_at.as_micros());
        self.requests
            .push(request.map(|request| request.id.0.as_bytes().as_slice()));
        self.sources.push(earned_source(record));
        self.bodies.push(encode_record(record, request));
    }
}

/// Writes down what was decided.
pub(super) async fn write(tx: &mut Tx, writes: &Writes) -> Result<(), SqlError> {
    if writes.records.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            write_postgres(conn, writes, None).await?;
            write_more_postgres(conn, writes).await?;
        }
        TxConnection::Sqlite(conn) => {
            let mut script = Script::default();
            lanes::move_on(&mut script, &writes.heads);
            write_sqlite(&mut script, writes);
            script.run(conn).await?;
        }
    }
    tx.ring_on_commit();
    Ok(())
}

/// Returns true when a batch has more to write than the one statement on PostgreSQL writes.
pub(super) fn has_more(writes: &Writes) -> bool {
    !writes.opened.is_empty() || !endings(writes).is_empty() || partner_entries::any(writes)
}

/// Writes what is mostly not there.
pub(super) async fn write_more_postgres(
    conn: &mut sqlx::PgConnection,
    writes: &Writes,
) -> Result<(), SqlError> {
    accounts::insert_postgres(conn, &writes.opened).await?;
    write_endings_postgres(conn, writes).await?;
    partner_entries::write_postgres(conn, writes).await
}

/// Adds the writing of all but the numbers of lanes.
pub(super) fn write_sqlite(script: &mut Script, writes: &Writes) {
    accounts::write_sqlite(script, writes);
    script.add(&INSERT_SQLITE, &writes.records, bind);
    script.add(&ENDINGS_SQLITE, &endings(writes), bind_ending);
    totals::add_sqlite(script, &writes.totals);
    partner_entries::write_sqlite(script, writes);
}

fn bind(values: &mut Values, (record, request): &Written) {
    let row = Columns::of(record);
    let request = request.as_deref();
    values
        .bind(row.id.lane())
        .bind(row.id.seq())
        .bind(row.previous)
        .bind(row.account.as_str())
        .bind(row.kind)
        .bind(row.points)
        .bind(row.decided_at.as_micros())
        .bind(row.recorded_at.as_micros())
        .bind(request.map(|request| request.id.0.as_bytes().as_slice()))
        .bind(earned_source(record))
        .bind(encode_record(record, request));
}

/// Writes what was decided, if nothing changed since then where it was `foreseen`.
pub(super) async fn write_postgres(
    conn: &mut sqlx::PgConnection,
    writes: &Writes,
    foreseen: Option<&Ground>,
) -> Result<bool, SqlError> {
    let accounts = AccountColumns::of(&writes.changed);
    let entries = EntryColumns::of(writes);
    let totals = TotalColumns::of(&writes.totals);
    let moves = match foreseen {
        Some(ground) => ground.moves(&writes.heads),
        None => writes.heads.iter().map(|it| (it.0, 0, it.1)).collect(),
    };
    let lanes: Vec<Lane> = moves.iter().map(|it| it.0).collect();
    let (before, heads): (Vec<i64>, Vec<i64>) = moves.iter().map(|it| (it.1, it.2)).unzip();
    let write = sqlx::query_scalar(WRITE_POSTGRES).bind(lanes).bind(heads);
    let write = write
        .bind(accounts.lanes)
        .bind(accounts.ids)
        .bind(accounts.balances)
        .bind(accounts.dues)
        .bind(accounts.updated)
        .bind(accounts.states);
    let write = write
        .bind(entries.lanes)
        .bind(entries.seqs)
        .bind(entries.previous)
        .bind(entries.accounts)
        .bind(entries.kinds)
        .bind(entries.points)
        .bind(entries.decided)
        .bind(entries.recorded)
        .bind(entries.requests)
        .bind(entries.sources)
        .bind(entries.bodies);
    let write = write
        .bind(totals.lanes)
        .bind(totals.programmes)
        .bind(totals.days)
        .bind(totals.kinds)
        .bind(totals.points)
        .bind(totals.firsts)
        .bind(totals.lasts);
    let write = write.bind(before).bind(foreseen.map(|ground| ground.epoch));
    let written: Option<bool> = write.fetch_one(conn).await?;
    Ok(written == Some(true))
}

const ENDINGS_POSTGRES: &str = "
    INSERT INTO ending (lane, seq, points_before, points, by_seq)
    SELECT * FROM UNNEST($1::INTEGER[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[])";
static ENDINGS_SQLITE: RowStatement = RowStatement::new(
    "INSERT OR FAIL INTO ending (lane, seq, points_before, points, by_seq)
    SELECT * FROM {rows} WHERE column1 IS NOT NULL",
    5,
);

/// An entry that was ended: its lane and number, the points that had come back before and those that
/// come back now, and the number of the entry that ended it.
type Ending = (Lane, i64, i64, i64, i64);

/// Returns which entries ended others. The key refuses what was ended before: a last guard, as the
/// decision knew it.
fn endings(writes: &Writes) -> Vec<Ending> {
    let ending = |entry: &Entry| {
        let (points, before) = entry.takes_back();
        let ended = entry.ends()?.seq();
        Some((entry.id.lane(), ended, before, points, entry.id.seq()))
    };
    let records = writes.records.iter();
    records
        .filter_map(|(record, _)| record.entry().and_then(ending))
        .collect()
}

fn bind_ending(values: &mut Values, ending: &Ending) {
    let (lane, seq, before, points, by) = ending;
    values.bind(*lane).bind(*seq).bind(*before);
    values.bind(*points).bind(*by);
}

async fn write_endings_postgres(
    conn: &mut sqlx::PgConnection,
    writes: &Writes,
) -> Result<(), SqlError> {
    let endings = endings(writes);
    if endings.is_empty() {
        return Ok(());
    }
    let insert = sqlx::query(ENDINGS_POSTGRES)
        .bind(endings.iter().map(|ending| ending.0).collect::<Vec<_>>())
        .bind(endings.iter().map(|ending| ending.1).collect::<Vec<_>>())
        .bind(endings.iter().map(|ending| ending.2).collect::<Vec<_>>())
        .bind(endings.iter().map(|ending| ending.3).collect::<Vec<_>>())
        .bind(endings.iter().map(|ending| ending.4).collect::<Vec<_>>());
    insert.execute(conn).await?;
    Ok(())
}

const TARGETS_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, b.seq, b.kind, b.recorded_at,
           ending.points_before + ending.points
    FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS wanted (lane, seq)
    JOIN entry AS e ON e.lane = wanted.lane AND e.seq = wanted.seq
    LEFT JOIN ending ON ending.lane = e.lane AND ending.seq = e.seq
        -- The last one: the others were partial.
        AND ending.points_before = (SELECT MAX(points_before) FROM ending AS o
                                    WHERE o.lane = e.lane AND o.seq = e.seq)
    LEFT JOIN entry AS b ON b.lane = ending.lane AND b.seq = ending.by_seq";
const TARGETS_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, b.seq, b.kind, b.recorded_at,
           ending.points_before + ending.points
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    LEFT JOIN ending ON ending.lane = e.lane AND ending.seq = e.seq
        -- The last one: the others were partial.
        AND ending.points_before = (SELECT MAX(points_before) FROM ending AS o
                                    WHERE o.lane = e.lane AND o.seq = e.seq)
    LEFT JOIN entry AS b ON b.lane = ending.lane AND b.seq = ending.by_seq
    WHERE e.lane = wanted.value ->> 0 AND e.seq = wanted.value ->> 1";

/// A record, then number, kind and instant of recording of what ended it, and how many of its points
/// came back.
pub(super) type TargetRow = (
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
    Option<i64>,
    Option<i32>,
    Option<i64>,
    Option<i64>,
);

/// Loads the entries that commands refer to, and what ended them.
pub(super) async fn targets(tx: &mut Tx, ids: &[EntryId]) -> Result<Vec<Target>, SqlError> {
    let rows: Vec<TargetRow> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = ids.iter().map(|id| id.lane()).collect();
            let seqs: Vec<i64> = ids.iter().map(|id| id.seq()).collect();
            sqlx::query_as(TARGETS_POSTGRES)
                .bind(lanes)
                .bind(seqs)
                .fetch_all(conn)
                .await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, i64)> = ids.iter().map(|id| (id.lane(), id.seq())).collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers are always JSON");
            sqlx::query_as(TARGETS_SQLITE)
                .bind(wanted)
                .fetch_all(conn)
                .await?
        }
    };
    let targets: Result<Vec<Option<Target>>, SqlError> = rows.into_iter().map(target).collect();
    Ok(targets?.into_iter().flatten().collect())
}

/// Returns the target in a row; nothing when the row is the opening of an account.
pub(super) fn target(row: TargetRow) -> Result<Option<Target>, SqlError> {
    let (lane, seq, previous, account, kind, points, decided, recorded, request, body, ..) = row;
    let record: RecordRow = (
        lane, seq, previous, account, kind, points, decided, recorded, request, body,
    );
    let (record, _) = row::record(record)?;
    let Record::Entry(entry) = record else {
        return Ok(None);
    };
    let ended_by = match (row.10, row.11, row.12) {
        (Some(seq), Some(kind), Some(recorded_at)) => {
            let kind = i16::try_from(kind).ok().and_then(EntryKind::from_number);
            let kind = kind.ok_or_else(|| SqlError::corrupt("a stored kind is none"))?;
            Some((
                EntryId::new(Timestamp::from_micros(recorded_at), lane, seq),
                kind,
            ))
        }
        _ => None,
    };
    Ok(Some(Target {
        entry,
        ended_by,
        reversed: row.13.unwrap_or(0),
    }))
}

const SOURCES_POSTGRES: &str = "
    SELECT e.lane, e.account_id, e.earned_source, e.seq, e.recorded_at
    FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[]) AS wanted (lane, account_id, source)
    JOIN entry AS e ON e.lane = wanted.lane AND e.account_id = wanted.account_id
        AND e.earned_source = wanted.source
    WHERE e.earned_source IS NOT NULL";
const SOURCES_SQLITE: &str = "
    SELECT e.lane, e.account_id, e.earned_source, e.seq, e.recorded_at
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    WHERE e.lane = wanted.value ->> 0 AND e.account_id = wanted.value ->> 1
        AND e.earned_source = wanted.value ->> 2 AND e.earned_source IS NOT NULL";

/// Returns which of the sources have earned, and in which entry.
pub(super) async fn sources(
    tx: &mut Tx,
    wanted: &[(Lane, &AccountId, &str)],
) -> Result<Vec<(AccountId, String, EntryId)>, SqlError> {
    let rows: Vec<(Lane, String, String, i64, i64)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = wanted.iter().map(|(lane, ..)| *lane).collect();
            let ids: Vec<&str> = wanted.iter().map(|(_, id, _)| id.as_str()).collect();
            let sources: Vec<&str> = wanted.iter().map(|(.., source)| *source).collect();
            let query = sqlx::query_as(SOURCES_POSTGRES)
                .bind(lanes)
                .bind(ids)
                .bind(sources);
            query.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let wanted: Vec<(Lane, &str, &str)> = wanted
                .iter()
                .map(|(lane, id, source)| (*lane, id.as_str(), *source))
                .collect();
            let wanted = serde_json::to_string(&wanted).expect("numbers and text are always JSON");
            sqlx::query_as(SOURCES_SQLITE)
                .bind(wanted)
                .fetch_all(conn)
                .await?
        }
    };
    let earned = |(lane, account, source, seq, recorded_at): (Lane, String, String, i64, i64)| {
        let account = AccountId::parse(&account)
            .map_err(|_| SqlError::corrupt("a stored account id is none"))?;
        Ok((
            account,
            source,
            EntryId::new(Timestamp::from_micros(recorded_at), lane, seq),
        ))
    };
    rows.into_iter().map(earned).collect()
}
