//! Entries, read and written as sets: the largest statement of the hot path.

use tenure_core::{AccountId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use super::accounts::{self, AccountColumns};
use super::row::{self, RecordRow};
use crate::domain::{EntryId, EntryKind, Record, Request, Target, Writes, encode_record};

/// Moves the lanes on, writes the accounts and the entries, in one round trip.
const WRITE_POSTGRES: &str = "
    WITH head AS (
        UPDATE lane SET seq = new.seq
        FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS new (lane, seq)
        WHERE lane.lane = new.lane
    ), changed AS (
        UPDATE account
        SET balance = new.balance, next_due = new.next_due, updated_at = new.updated_at,
            state = new.state
        FROM UNNEST($3::INTEGER[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BYTEA[])
            AS new (lane, account_id, balance, next_due, updated_at, state)
        WHERE account.lane = new.lane AND account.account_id = new.account_id
    )
    INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at,
                       request_id, earned_source, body)
    SELECT * FROM UNNEST($9::INTEGER[], $10::BIGINT[], $11::BIGINT[], $12::TEXT[], $13::INTEGER[],
                         $14::BIGINT[], $15::BIGINT[], $16::BIGINT[], $17::BYTEA[], $18::TEXT[],
                         $19::BYTEA[])";
const HEADS_SQLITE: &str = "
    UPDATE lane SET seq = new.value ->> 1
    FROM json_each($1) AS new
    WHERE lane.lane = new.value ->> 0";
/// A request id stands in front of its body.
const INSERT_SQLITE: &str = "
    INSERT INTO entry (lane, seq, previous_seq, account_id, kind, points, decided_at, recorded_at,
                       request_id, earned_source, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
           value ->> 6, value ->> 7,
           CASE WHEN value ->> 8 > 0 THEN SUBSTR($2, value ->> 10, 16) END, value ->> 9,
           SUBSTR($2, (value ->> 10) + (value ->> 8), value ->> 11)
    FROM json_each($1)";

/// Entries as columns, for set-wise statements.
#[derive(Default)]
struct EntryColumns<'a> {
    lanes: Vec<Lane>,
    seqs: Vec<i64>,
    previous: Vec<i64>,
    accounts: Vec<&'a str>,
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
        let (id, account, decided_at) = match record {
            Record::Opened(opened) => (opened.id, &opened.account, opened.at),
            Record::Entry(entry) => (entry.id, &entry.account, entry.decided_at),
        };
        let (kind, points, previous, recorded_at) = match record {
            Record::Opened(opened) => (0, 0, 0, opened.at),
            Record::Entry(e) => (
                i32::from(e.kind.number()),
                e.points,
                e.previous,
                e.recorded_at,
            ),
        };
        self.lanes.push(id.lane());
        self.seqs.push(id.seq());
        self.previous.push(previous);
        self.accounts.push(account.as_str());
        self.kinds.push(kind);
        self.points.push(points);
        self.decided.push(decided_at.as_micros());
        self.recorded.push(recorded_at.as_micros());
        self.requests
            .push(request.map(|request| request.id.0.as_bytes().as_slice()));
        self.sources.push(match record {
            Record::Entry(entry) if entry.kind == EntryKind::Earn => Some(&*entry.source),
            _ => None,
        });
        self.bodies.push(encode_record(record, request));
    }

    fn to_json(&self) -> (String, Vec<u8>) {
        let mut bytes = Vec::with_capacity(self.bodies.len() * 192);
        let mut rows = Vec::with_capacity(self.bodies.len());
        for index in 0..self.bodies.len() {
            let (request, body) = (
                self.requests[index].unwrap_or_default(),
                &self.bodies[index],
            );
            // SUBSTR counts from one.
            let blob = (request.len(), bytes.len() + 1, body.len());
            rows.push((
                self.lanes[index],
                self.seqs[index],
                self.previous[index],
                self.accounts[index],
                self.kinds[index],
                self.points[index],
                self.decided[index],
                self.recorded[index],
                blob.0,
                self.sources[index],
                blob.1,
                blob.2,
            ));
            bytes.extend_from_slice(request);
            bytes.extend_from_slice(body);
        }
        (
            serde_json::to_string(&rows).expect("numbers and text are always JSON"),
            bytes,
        )
    }
}

/// Writes everything but what is rare, see [`Writes`].
pub(super) async fn write(tx: &mut Tx, writes: &Writes) -> Result<(), SqlError> {
    if writes.records.is_empty() {
        return Ok(());
    }
    let entries = EntryColumns::of(writes);
    match tx.connection() {
        TxConnection::Postgres(conn) => write_postgres(conn, writes, entries).await?,
        TxConnection::Sqlite(conn) => {
            let heads = serde_json::to_string(&writes.heads).expect("numbers are always JSON");
            sqlx::query(HEADS_SQLITE)
                .bind(heads)
                .execute(&mut *conn)
                .await?;
            accounts::update_sqlite(conn, writes).await?;
            let (rows, bytes) = entries.to_json();
            sqlx::query(INSERT_SQLITE)
                .bind(rows)
                .bind(bytes)
                .execute(conn)
                .await?;
        }
    }
    tx.ring_on_commit();
    Ok(())
}

async fn write_postgres(
    conn: &mut sqlx::PgConnection,
    writes: &Writes,
    entries: EntryColumns<'_>,
) -> Result<(), SqlError> {
    let accounts = AccountColumns::of(&writes.changed);
    let write = sqlx::query(WRITE_POSTGRES)
        .bind(
            writes
                .heads
                .iter()
                .map(|(lane, _)| *lane)
                .collect::<Vec<_>>(),
        )
        .bind(writes.heads.iter().map(|(_, seq)| *seq).collect::<Vec<_>>())
        .bind(accounts.lanes)
        .bind(accounts.ids)
        .bind(accounts.balances)
        .bind(accounts.dues)
        .bind(accounts.updated)
        .bind(accounts.states);
    let write = write
        .bind(entries.lanes)
        .bind(entries.seqs)
        .bind(entries.previous);
    let write = write
        .bind(entries.accounts)
        .bind(entries.kinds)
        .bind(entries.points);
    let write = write
        .bind(entries.decided)
        .bind(entries.recorded)
        .bind(entries.requests);
    write
        .bind(entries.sources)
        .bind(entries.bodies)
        .execute(conn)
        .await?;
    Ok(())
}

const ENDINGS_POSTGRES: &str = "
    INSERT INTO ending (lane, seq, by_seq)
    SELECT * FROM UNNEST($1::INTEGER[], $2::BIGINT[], $3::BIGINT[])";
const ENDINGS_SQLITE: &str = "
    INSERT INTO ending (lane, seq, by_seq)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1)";

/// Writes down which entries ended others. The key refuses what was ended before: a last guard, as
/// the decision knew it.
pub(super) async fn write_endings(tx: &mut Tx, writes: &Writes) -> Result<(), SqlError> {
    let ending = |record: &Record| match record {
        Record::Entry(entry) => Some((entry.id.lane(), entry.ends()?.seq(), entry.id.seq())),
        Record::Opened(_) => None,
    };
    let endings: Vec<(Lane, i64, i64)> = writes
        .records
        .iter()
        .filter_map(|(record, _)| ending(record))
        .collect();
    if endings.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let insert = sqlx::query(ENDINGS_POSTGRES)
                .bind(endings.iter().map(|ending| ending.0).collect::<Vec<_>>())
                .bind(endings.iter().map(|ending| ending.1).collect::<Vec<_>>())
                .bind(endings.iter().map(|ending| ending.2).collect::<Vec<_>>());
            insert.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let endings = serde_json::to_string(&endings).expect("numbers are always JSON");
            sqlx::query(ENDINGS_SQLITE)
                .bind(endings)
                .execute(conn)
                .await?;
        }
    }
    Ok(())
}

const TARGETS_POSTGRES: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, b.seq, b.kind, b.recorded_at
    FROM UNNEST($1::INTEGER[], $2::BIGINT[]) AS wanted (lane, seq)
    JOIN entry AS e ON e.lane = wanted.lane AND e.seq = wanted.seq
    LEFT JOIN ending ON ending.lane = e.lane AND ending.seq = e.seq
    LEFT JOIN entry AS b ON b.lane = ending.lane AND b.seq = ending.by_seq";
const TARGETS_SQLITE: &str = "
    SELECT e.lane, e.seq, e.previous_seq, e.account_id, e.kind, e.points, e.decided_at,
           e.recorded_at, e.request_id, e.body, b.seq, b.kind, b.recorded_at
    FROM json_each($1) AS wanted
    CROSS JOIN entry AS e
    LEFT JOIN ending ON ending.lane = e.lane AND ending.seq = e.seq
    LEFT JOIN entry AS b ON b.lane = ending.lane AND b.seq = ending.by_seq
    WHERE e.lane = wanted.value ->> 0 AND e.seq = wanted.value ->> 1";

/// A record, then number, kind and instant of recording of what ended it.
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
    Ok(Some(Target { entry, ended_by }))
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
