//! Table `complaint_step`.

use tenure_core::{ComplaintId, CustomerId, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool};

use crate::domain::Book;
use crate::domain::complaint::Step;
use crate::domain::complaint::words::State;
use crate::store::rows::{RowsSql, execute, read, rows_sql, staff};
use crate::store::seal::{Opener, Wrapped, key_of, need};
use crate::store::{Db, Tx};

const SAVE: RowsSql = rows_sql!(
    "INSERT INTO complaint_step (lane, customer_id, complaint_id, step_number, state, department,
                                 person, begun_at, promised_until, ended_at, breach_at, reason)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            CAST(value ->> 4 AS INTEGER), value ->> 5, value ->> 6, CAST(value ->> 7 AS BIGINT),
            CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT),
            CAST(value ->> 10 AS BIGINT), value ->> 11
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, complaint_id, step_number) DO UPDATE SET
         ended_at = EXCLUDED.ended_at, breach_at = EXCLUDED.breach_at"
);
const LIST: &str = concat!(
    "
    SELECT step_number, state, department, person, begun_at, promised_until, ended_at, breach_at,
           reason, ",
    key_of!("complaint_step"),
    "
    FROM complaint_step
    WHERE lane = $1 AND customer_id = $2 AND complaint_id = $3 AND step_number > $4
    ORDER BY step_number
    LIMIT $5"
);

type Row = (
    i32,
    i32,
    String,
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    String,
    Wrapped,
);

const REASON: &str = "complaint_step.reason";

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.care.steps.written();
    need(tx, lanes, written.map(|(((customer, _), _), _)| customer)).await?;
    let rows: Vec<_> = book
        .care
        .steps
        .written()
        .map(|(((customer, id), number), step)| {
            (
                lanes.of(customer.as_str()),
                customer.as_str(),
                id.as_str(),
                number,
                step.state.number(),
                step.owner.department.as_str(),
                step.owner.person.as_str(),
                step.begun_at.as_micros(),
                step.promised_until.map(Timestamp::as_micros),
                step.ended_at.map(Timestamp::as_micros),
                step.breach_at.map(Timestamp::as_micros),
                tx.seal_text(customer, REASON, &step.reason),
            )
        })
        .collect();
    execute(tx, SAVE, &rows).await
}

/// Returns up to `limit` steps of a complaint that come after a number, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    (customer, id): (&CustomerId, &ComplaintId),
    after: i32,
    limit: i64,
) -> Result<Vec<Step>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        let query = query.bind(id.as_str()).bind(after);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    let step = |row: Row| {
        let opener = keys.opener(customer.as_str(), &row.9)?;
        known(&opener, row)
    };
    rows.into_iter().map(step).collect()
}

fn known(opener: &Opener<'_>, row: Row) -> Result<Step, SqlError> {
    let (number, state, department, person, begun, promised, ended, breach, reason, _) = row;
    Ok(Step {
        number,
        state: read("state", State::from_number(state))?,
        owner: staff(&department, &person)?,
        begun_at: Timestamp::from_micros(begun),
        promised_until: promised.map(Timestamp::from_micros),
        ended_at: ended.map(Timestamp::from_micros),
        breach_at: breach.map(Timestamp::from_micros),
        reason: opener.text(REASON, &reason)?,
    })
}
