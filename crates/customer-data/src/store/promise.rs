//! Table `promise`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tenure_core::{ComplaintId, CustomerId, Lanes, PromiseId, Timestamp};
use tenure_sql::{SqlError, with_pool};

use super::OfCustomer;
use super::rows::{RowsSql, execute, load_rows, page_by_id, read, rows_sql, staff};
use super::seal::{Wrapped, key_of, need};
use crate::domain::promise::PromiseState;
use crate::domain::words::Channel;
use crate::domain::{Book, Fact, Promise};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    key_of "p",
    "SELECT p.customer_id, p.promise_id, p.complaint_id, p.department, p.person, p.state,
            p.promised_at, p.due_at, p.record",
    "JOIN promise AS p ON p.lane = CAST(value ->> 0 AS INTEGER)
                      AND p.customer_id = value ->> 1
                      AND p.promise_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO promise (lane, customer_id, promise_id, complaint_id, department, person, state,
                          promised_at, due_at, owed_at, unnoted_at, record)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3, value ->> 4,
            value ->> 5, CAST(value ->> 6 AS INTEGER), CAST(value ->> 7 AS BIGINT),
            CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT),
            CAST(value ->> 10 AS BIGINT), value ->> 11
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, promise_id) DO UPDATE SET
         state = EXCLUDED.state, owed_at = EXCLUDED.owed_at, unnoted_at = EXCLUDED.unnoted_at,
         record = EXCLUDED.record"
);
/// A customer has few promises: sorting them costs less than an index that every write has to keep.
const LIST: &str = concat!(
    "
    SELECT customer_id, promise_id, complaint_id, department, person, state, promised_at, due_at,
           record, ",
    key_of!("promise"),
    "
    FROM promise
    WHERE lane = $1 AND customer_id = $2 AND ($3 = 0 OR owed_at IS NOT NULL)
      AND (promised_at < $4 OR (promised_at = $4 AND promise_id > $5))
    ORDER BY promised_at DESC, promise_id
    LIMIT $6"
);
/// What is owed first, by when; then what was broken, the one that was due last first.
const UNKEPT: &str = concat!(
    "
    SELECT customer_id, promise_id, complaint_id, department, person, state, promised_at, due_at,
           record, ",
    key_of!("promise"),
    "
    FROM promise
    WHERE lane = $1 AND customer_id = $2 AND (owed_at IS NOT NULL OR state = $3)
    ORDER BY CASE WHEN owed_at IS NULL THEN 1 ELSE 0 END,
             CASE WHEN owed_at IS NULL THEN -due_at ELSE due_at END, promise_id
    LIMIT $4"
);
const LIST_OWED: &str = concat!(
    "
    SELECT customer_id, promise_id, complaint_id, department, person, state, promised_at, due_at,
           record, ",
    key_of!("promise"),
    "
    FROM promise
    WHERE owed_at < $1 AND ($2 = '' OR department = $2)
      AND (owed_at > $3 OR (owed_at = $3 AND promise_id > $4))
    ORDER BY owed_at, promise_id
    LIMIT $5"
);
const DUE: &str = "
    SELECT customer_id, promise_id
    FROM promise
    WHERE unnoted_at < $1
    ORDER BY unnoted_at
    LIMIT $2";
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, promise_id, complaint_id, department, person, state, promised_at, due_at,
           record, ",
    key_of!("promise"),
    "
    FROM promise
    WHERE lane = $1 AND (customer_id, promise_id) > ($2, $3)
    ORDER BY customer_id, promise_id
    LIMIT $4"
);

type Row = (
    String,
    String,
    Option<String>,
    String,
    String,
    i32,
    i64,
    i64,
    String,
    Wrapped,
);

const RECORD: &str = "promise.record";

/// What a promise says beyond its columns. Instants are microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Record {
    subject: String,
    text: String,
    channel: i32,
    settled_at: Option<i64>,
    overdue_at: Option<i64>,
    reason: String,
    updated_at: i64,
}

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, PromiseId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let promise = known(tx.keys(), row)?;
        let key = (promise.customer.clone(), promise.id.clone());
        book.care.promises.load(key, promise);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.care.promises.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let row = |p: &Promise| {
        let record = Record {
            subject: p.subject.clone(),
            text: p.text.clone(),
            channel: p.channel.number(),
            settled_at: p.settled_at.map(Timestamp::as_micros),
            overdue_at: p.overdue_at.map(Timestamp::as_micros),
            reason: p.reason.clone(),
            updated_at: p.updated_at.as_micros(),
        };
        let record = serde_json::to_string(&record).expect("numbers and text are always JSON");
        let due_at = p.due_at.as_micros();
        (
            lanes.of(p.customer.as_str()),
            p.customer.to_string(),
            p.id.to_string(),
            p.complaint.as_ref().map(ToString::to_string),
            p.promised_by.department.to_string(),
            p.promised_by.person.to_string(),
            p.state.number(),
            p.promised_at.as_micros(),
            due_at,
            p.state.is_unsettled().then_some(due_at),
            (p.state == PromiseState::Open).then_some(due_at),
            tx.seal_text(&p.customer, RECORD, &record),
        )
    };
    let rows: Vec<_> = book.care.promises.written().map(|(_, p)| row(p)).collect();
    execute(tx, SAVE, &rows).await
}

/// Returns up to `limit` promises to a customer that come after the one made at `after.0` with the
/// id `after.1`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    of: OfCustomer<'_>,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Promise>, SqlError> {
    let lane = db.lanes().of(of.customer.as_str());
    let open_only = i64::from(of.is_open_only);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(of.customer.as_str());
        let query = query.bind(open_only).bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` promises to a customer that are owed still, by when, then such as were broken,
/// the one that was due last first.
///
/// # Errors
/// When the database fails.
pub async fn unkept(db: &Db, customer: &CustomerId, limit: i64) -> Result<Vec<Promise>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let broken = PromiseState::Broken.number();
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(UNKEPT).bind(lane).bind(customer.as_str());
        query.bind(broken).bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` promises of a department, or of all, that were due before `now` and are
/// owed still, after the one due at `after.0` with the id `after.1`, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list_overdue(
    db: &Db,
    department: &str,
    now: Timestamp,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Promise>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST_OWED).bind(now.as_micros());
        let query = query.bind(department).bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` promises due before `now` that nobody noted as overdue, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn due(
    db: &Db,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(CustomerId, PromiseId)>, SqlError> {
    let rows: Vec<(String, String)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(DUE).bind(now.as_micros());
        query.bind(limit).fetch_all(pool).await?
    });
    let key = |(customer, id): (String, String)| {
        Ok((
            read("customer_id", CustomerId::parse(&customer).ok())?,
            read("promise_id", PromiseId::parse(&id).ok())?,
        ))
    };
    rows.into_iter().map(key).collect()
}

page_by_id!(sealed PAGE, Row, known => Fact::Promise);

fn known(keys: &Keys, row: Row) -> Result<Promise, SqlError> {
    let (customer, id, complaint, department, person, state, promised, due, record, key) = row;
    let record = keys.opener(&customer, &key)?.text(RECORD, &record)?;
    let record: Record = read("record", serde_json::from_str(&record).ok())?;
    let complaint = complaint.map(|id| ComplaintId::parse(&id));
    Ok(Promise {
        id: read("promise_id", PromiseId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        complaint: read("complaint_id", complaint.transpose().ok())?,
        promised_by: staff(&department, &person)?,
        subject: record.subject,
        text: record.text,
        channel: read("record", Channel::from_number(record.channel))?,
        promised_at: Timestamp::from_micros(promised),
        due_at: Timestamp::from_micros(due),
        state: read("state", PromiseState::from_number(state))?,
        settled_at: record.settled_at.map(Timestamp::from_micros),
        overdue_at: record.overdue_at.map(Timestamp::from_micros),
        reason: record.reason,
        updated_at: Timestamp::from_micros(record.updated_at),
    })
}
