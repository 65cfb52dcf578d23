//! Tables `complaint` and `complaint_step`.

mod record;
mod step;

use std::collections::BTreeSet;

use tenure_core::{ComplaintId, CustomerId, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool};

pub use step::list as list_steps;

use super::OfCustomer;
use super::rows::{RowsSql, execute, load_rows, page_by_id, read, rows_sql, staff};
use super::seal::{Wrapped, key_of, need};
use crate::domain::complaint::words::{Kind, Severity, State};
use crate::domain::{Book, Complaint, Fact, StaffMember};
use crate::store::{Db, Tx};
use crate::vault::Keys;
use record::Record;

const LOAD: RowsSql = rows_sql!(
    key_of "c",
    "SELECT c.customer_id, c.complaint_id, c.kind, c.severity, c.state, c.department, c.person,
            c.created_at, c.ended_at, c.record",
    "JOIN complaint AS c ON c.lane = CAST(value ->> 0 AS INTEGER)
                        AND c.customer_id = value ->> 1
                        AND c.complaint_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO complaint (lane, customer_id, complaint_id, kind, severity, state, department,
                            person, created_at, ended_at, urgent_at, due_at, record)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            CAST(value ->> 4 AS INTEGER), CAST(value ->> 5 AS INTEGER), value ->> 6, value ->> 7,
            CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT),
            CAST(value ->> 10 AS BIGINT), CAST(value ->> 11 AS BIGINT), value ->> 12
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, complaint_id) DO UPDATE SET
         state = EXCLUDED.state, department = EXCLUDED.department, person = EXCLUDED.person,
         ended_at = EXCLUDED.ended_at, urgent_at = EXCLUDED.urgent_at, due_at = EXCLUDED.due_at,
         record = EXCLUDED.record"
);
/// A complaint by its own id; whose it is stands in the lane of the id.
const GET: &str = concat!(
    "
    SELECT c.customer_id, c.complaint_id, c.kind, c.severity, c.state, c.department, c.person,
           c.created_at, c.ended_at, c.record, ",
    key_of!("c"),
    "
    FROM complaint AS c
    WHERE c.lane = $1 AND c.customer_id = $2 AND c.complaint_id = $3"
);
const OWNER: &str = "
    SELECT customer_id
    FROM owner
    WHERE lane = $1 AND kind = 'complaint' AND id = $2";
/// A customer has few complaints: sorting them costs less than an index that every write has to keep.
const LIST: &str = concat!(
    "
    SELECT customer_id, complaint_id, kind, severity, state, department, person, created_at,
           ended_at, record, ",
    key_of!("complaint"),
    "
    FROM complaint
    WHERE lane = $1 AND customer_id = $2 AND ($3 = 0 OR ended_at IS NULL)
      AND (created_at < $4 OR (created_at = $4 AND complaint_id > $5))
    ORDER BY created_at DESC, complaint_id
    LIMIT $6"
);
/// Those that end first by their promise come first.
const OPEN: &str = concat!(
    "
    SELECT customer_id, complaint_id, kind, severity, state, department, person, created_at,
           ended_at, record, ",
    key_of!("complaint"),
    "
    FROM complaint
    WHERE lane = $1 AND customer_id = $2 AND ended_at IS NULL
    ORDER BY urgent_at, complaint_id
    LIMIT $3"
);
const LIST_OWNED: &str = concat!(
    "
    SELECT customer_id, complaint_id, kind, severity, state, department, person, created_at,
           ended_at, record, ",
    key_of!("complaint"),
    "
    FROM complaint
    WHERE department = $1 AND urgent_at IS NOT NULL AND ($2 = '' OR person = $2)
      AND urgent_at < $3
      AND (urgent_at > $4 OR (urgent_at = $4 AND complaint_id > $5))
    ORDER BY urgent_at, complaint_id
    LIMIT $6"
);
const DUE: &str = "
    SELECT customer_id, complaint_id
    FROM complaint
    WHERE due_at < $1
    ORDER BY due_at
    LIMIT $2";
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, complaint_id, kind, severity, state, department, person, created_at,
           ended_at, record, ",
    key_of!("complaint"),
    "
    FROM complaint
    WHERE lane = $1 AND (customer_id, complaint_id) > ($2, $3)
    ORDER BY customer_id, complaint_id
    LIMIT $4"
);

type Row = (
    String,
    String,
    i32,
    i32,
    i32,
    String,
    String,
    i64,
    Option<i64>,
    String,
    Wrapped,
);

const RECORD: &str = "complaint.record";

/// What the columns say.
struct Columns {
    id: ComplaintId,
    customer: CustomerId,
    kind: Kind,
    severity: Severity,
    state: State,
    owner: StaffMember,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
}

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, ComplaintId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let complaint = known(tx.keys(), row)?;
        let key = (complaint.customer.clone(), complaint.id.clone());
        book.care.complaints.load(key, complaint);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.care.complaints.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let row = |c: &Complaint| {
        let promised = c.step.promised_until.unwrap_or(Timestamp::MAX);
        let urgent_at = c.ended_at.is_none().then_some(promised.as_micros());
        let record = serde_json::to_string(&Record::of(c));
        let record = record.expect("numbers and text are always JSON");
        (
            lanes.of(c.customer.as_str()),
            c.customer.to_string(),
            c.id.to_string(),
            c.kind.number(),
            c.severity.number(),
            c.state().number(),
            c.step.owner.department.to_string(),
            c.step.owner.person.to_string(),
            c.created_at.as_micros(),
            c.ended_at.map(Timestamp::as_micros),
            urgent_at,
            c.due_at().map(Timestamp::as_micros),
            tx.seal_text(&c.customer, RECORD, &record),
        )
    };
    let rows: Vec<_> = book
        .care
        .complaints
        .written()
        .map(|(_, c)| row(c))
        .collect();
    execute(tx, SAVE, &rows).await?;
    step::save(tx, lanes, book).await
}

/// Returns a complaint by its id, whosesoever it is.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: &ComplaintId) -> Result<Option<Complaint>, SqlError> {
    let lane = db.lanes().of(id.as_str());
    let owner: Option<String> = with_pool!(db, |pool| {
        let query = sqlx::query_scalar(OWNER).bind(lane);
        query.bind(id.as_str()).fetch_optional(pool).await?
    });
    let Some(customer) = owner else {
        return Ok(None);
    };
    let lane = db.lanes().of(&customer);
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(GET).bind(lane).bind(&customer);
        query.bind(id.as_str()).fetch_optional(pool).await?
    });
    let keys = db.keys().await?;
    row.map(|row| known(keys, row)).transpose()
}

/// Returns up to `limit` complaints of a customer that come after the one taken in at `after.0` with
/// the id `after.1`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    of: OfCustomer<'_>,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Complaint>, SqlError> {
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

/// Returns up to `limit` complaints of a customer that have not ended, the one that is promised for the
/// earliest time first.
///
/// # Errors
/// When the database fails.
pub async fn open(db: &Db, customer: &CustomerId, limit: i64) -> Result<Vec<Complaint>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(OPEN).bind(lane).bind(customer.as_str());
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Whose open complaints to list.
#[derive(Debug, Clone, Copy)]
pub struct OfOwner<'a> {
    /// The department.
    pub department: &'a str,
    /// The person; empty for all of the department.
    pub person: &'a str,
    /// Only those with a promised time before this.
    pub promised_before: Option<Timestamp>,
}

/// Returns up to `limit` open complaints of an owner that come after the one promised for `after.0`
/// with the id `after.1`, the most urgent first.
///
/// # Errors
/// When the database fails.
pub async fn list_owned(
    db: &Db,
    of: OfOwner<'_>,
    after: (i64, &str),
    limit: i64,
) -> Result<Vec<Complaint>, SqlError> {
    let before = of.promised_before.map_or(i64::MAX, Timestamp::as_micros);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST_OWNED).bind(of.department);
        let query = query.bind(of.person).bind(before);
        let query = query.bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` complaints with a promised time before `now` that nobody noted as passed,
/// the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn due(
    db: &Db,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(CustomerId, ComplaintId)>, SqlError> {
    let rows: Vec<(String, String)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(DUE).bind(now.as_micros());
        query.bind(limit).fetch_all(pool).await?
    });
    let key = |(customer, id): (String, String)| {
        Ok((
            read("customer_id", CustomerId::parse(&customer).ok())?,
            read("complaint_id", ComplaintId::parse(&id).ok())?,
        ))
    };
    rows.into_iter().map(key).collect()
}

page_by_id!(sealed PAGE, Row, known => Fact::Complaint);

fn known(keys: &Keys, row: Row) -> Result<Complaint, SqlError> {
    let (customer, id, kind, severity, state, department, person, created, ended, ..) = row;
    let record = keys.opener(&customer, &row.10)?.text(RECORD, &row.9)?;
    let columns = Columns {
        id: read("complaint_id", ComplaintId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        kind: read("kind", Kind::from_number(kind))?,
        severity: read("severity", Severity::from_number(severity))?,
        state: read("state", State::from_number(state))?,
        owner: staff(&department, &person)?,
        created_at: Timestamp::from_micros(created),
        ended_at: ended.map(Timestamp::from_micros),
    };
    let record: Record = read("record", serde_json::from_str(&record).ok())?;
    record.join(columns)
}
