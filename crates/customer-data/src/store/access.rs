//! Table `access`: who was shown what of whom. Statements here add and read, and retention deletes.

use tenure_core::Timestamp;
use tenure_sql::{SqlError, with_pool};

use super::rows::{RowsSql, execute, read, rows_sql};
use crate::domain::Access;
use crate::domain::access::View;
use crate::store::Db;

/// A batch that is written again because nobody knows whether it was committed is not written twice.
const ADD: RowsSql = rows_sql!(
    "INSERT INTO access (lane, customer_id, access_id, accessed_at, principal, method, view,
                         purpose)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            value ->> 4, value ->> 5, CAST(value ->> 6 AS INTEGER), value ->> 7
     FROM",
    "WHERE TRUE ON CONFLICT DO NOTHING"
);
/// The table's key, read backwards.
const LIST: &str = "
    SELECT customer_id, access_id, accessed_at, principal, method, view, purpose
    FROM access
    WHERE lane = $1 AND customer_id = $2 AND access_id < $3
    ORDER BY access_id DESC
    LIMIT $4";

type Row = (String, String, i64, String, String, i32, String);

/// Adds records.
///
/// # Errors
/// When the database fails.
pub async fn add(db: &Db, accesses: &[Access]) -> Result<(), SqlError> {
    if accesses.is_empty() {
        return Ok(());
    }
    let lanes = db.lanes();
    let row = |it: &Access| {
        serde_json::json!([
            lanes.of(&it.customer),
            it.customer,
            it.id,
            it.at.as_micros(),
            it.principal,
            it.method,
            it.view.number(),
            it.purpose,
        ])
    };
    let mut rows: Vec<_> = accesses.iter().map(row).collect();
    // Replicas that write at once take the same way through the table.
    rows.sort_by_cached_key(|row| (row[0].as_i64(), row[1].to_string(), row[2].to_string()));
    let mut tx = db.begin().await?;
    execute(&mut tx, ADD, &rows).await?;
    tx.commit().await
}

/// Returns records of one customer, the newest first, from before the record `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &str,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Access>, SqlError> {
    // Behind every id: they are hexadecimal digits.
    let before = before.unwrap_or("~");
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(db.lanes().of(customer))
            .bind(customer)
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(known).collect()
}

fn known(row: Row) -> Result<Access, SqlError> {
    let (customer, id, at, principal, method, view, purpose) = row;
    Ok(Access {
        id,
        customer,
        at: Timestamp::from_micros(at),
        principal,
        method,
        view: read("view", View::from_number(view))?,
        purpose,
    })
}
