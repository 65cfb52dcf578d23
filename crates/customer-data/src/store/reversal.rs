//! Tables `import_reversal` and `import_conflict`: how far imports are taken back, and what stays.

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::import::lane;
use super::import_undo::{keyed, numbered};
use super::rows::{self, RowsSql, read, rows_sql};
use super::{Db, Tx};
use crate::domain::reversal::{Conflict, ConflictReason, Phase, Reversal};

const GET: &str = "
    SELECT phase, at_lane, at_customer_key, walk_done, walk_left, removed_customers,
           restored_customers, removed_facts, restored_facts, conflicts, created_at, completed_at
    FROM import_reversal
    WHERE lane = $1 AND import_id = $2";
const SAVE: &str = "
    INSERT INTO import_reversal (lane, import_id, phase, at_lane, at_customer_key, walk_done, walk_left,
                                 removed_customers, restored_customers, removed_facts,
                                 restored_facts, conflicts, created_at, completed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT (lane, import_id) DO UPDATE SET
        phase = EXCLUDED.phase, at_lane = EXCLUDED.at_lane,
        at_customer_key = EXCLUDED.at_customer_key, walk_done = EXCLUDED.walk_done,
        walk_left = EXCLUDED.walk_left, removed_customers = EXCLUDED.removed_customers,
        restored_customers = EXCLUDED.restored_customers, removed_facts = EXCLUDED.removed_facts,
        restored_facts = EXCLUDED.restored_facts, conflicts = EXCLUDED.conflicts,
        completed_at = EXCLUDED.completed_at";
/// There are few that are not done.
const UNDONE: &str = "
    SELECT import_id FROM import_reversal WHERE completed_at IS NULL ORDER BY import_id LIMIT $1";
const CONFLICT: RowsSql = rows_sql!(
    "INSERT INTO import_conflict (lane, customer_id, import_id, kind, fact_key, reason)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            value ->> 4, CAST(value ->> 5 AS INTEGER)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, import_id, kind, fact_key) DO UPDATE SET
         reason = EXCLUDED.reason"
);
const CONFLICTS: &str = "
    SELECT customer_id, kind, fact_key, reason FROM import_conflict
    WHERE import_id = $1
      AND (lane, customer_id, kind, fact_key) > ($2, $3, $4, $5)
    ORDER BY lane, customer_id, kind, fact_key
    LIMIT $6";

type Row = (
    i32,
    i32,
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
);

/// Returns how far the taking back of an import is.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: Uuid) -> Result<Option<Reversal>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(GET)
            .bind(lane(db.lanes(), id))
            .bind(id.to_string())
            .fetch_optional(pool)
            .await?
    });
    row.map(|row| known(id, row)).transpose()
}

/// Returns how far it is, as this transaction sees it; lock the import's lane before to change it.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, lanes: Lanes, id: Uuid) -> Result<Option<Reversal>, SqlError> {
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(GET)
            .bind(lane(lanes, id))
            .bind(id.to_string())
            .fetch_optional(conn)
            .await?
    });
    row.map(|row| known(id, row)).transpose()
}

/// Stores how far it is.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, it: &Reversal) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        sqlx::query(SAVE)
            .bind(lane(lanes, it.import_id))
            .bind(it.import_id.to_string())
            .bind(it.phase.number())
            .bind(it.at.0)
            .bind(&it.at.1)
            .bind(it.walk_done)
            .bind(it.walk_left)
            .bind(it.removed_customers)
            .bind(it.restored_customers)
            .bind(it.removed_facts)
            .bind(it.restored_facts)
            .bind(it.conflicts)
            .bind(it.created_at.as_micros())
            .bind(it.completed_at.map(Timestamp::as_micros))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns up to `limit` imports that are being taken back.
///
/// # Errors
/// When the database fails.
pub async fn undone(db: &Db, limit: i64) -> Result<Vec<Uuid>, SqlError> {
    let ids: Vec<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(UNDONE)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let parse = |id: &String| read("import_id", Uuid::try_parse(id).ok());
    ids.iter().map(parse).collect()
}

/// Notes facts that stay as they are.
///
/// # Errors
/// When the database fails.
pub async fn note(
    tx: &mut Tx,
    lanes: Lanes,
    import_id: Uuid,
    conflicts: &[Conflict],
) -> Result<(), SqlError> {
    let row = |it: &Conflict| {
        let (kind, key) = numbered(&it.key);
        (
            lanes.of(it.customer.as_str()),
            it.customer.to_string(),
            import_id.to_string(),
            kind,
            key,
            it.reason.number(),
        )
    };
    let rows: Vec<_> = conflicts.iter().map(row).collect();
    rows::save(tx, CONFLICT, &[], &rows).await
}

/// Where a page of conflicts begins: behind lane, customer, number of the kind and key.
pub type After<'a> = (Lane, &'a str, i32, &'a str);

/// Returns up to `limit` facts that the taking back of an import left as they are, each with its place.
///
/// # Errors
/// When the database fails.
pub async fn conflicts(
    db: &Db,
    import_id: Uuid,
    after: After<'_>,
    limit: i64,
) -> Result<Vec<(Conflict, i32, String)>, SqlError> {
    let rows: Vec<(String, i32, String, i32)> = with_pool!(db, |pool| {
        sqlx::query_as(CONFLICTS)
            .bind(import_id.to_string())
            .bind(after.0)
            .bind(after.1)
            .bind(after.2)
            .bind(after.3)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let conflict = |(customer, kind, key, reason): (String, i32, String, i32)| {
        let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
        let conflict = Conflict {
            key: keyed(&customer, kind, &key)?,
            customer,
            reason: read("reason", ConflictReason::from_number(reason))?,
        };
        Ok((conflict, kind, key))
    };
    rows.into_iter().map(conflict).collect()
}

fn known(import_id: Uuid, row: Row) -> Result<Reversal, SqlError> {
    Ok(Reversal {
        import_id,
        phase: read("phase", Phase::from_number(row.0))?,
        at: (row.1, row.2),
        walk_done: row.3,
        walk_left: row.4,
        removed_customers: row.5,
        restored_customers: row.6,
        removed_facts: row.7,
        restored_facts: row.8,
        conflicts: row.9,
        created_at: Timestamp::from_micros(row.10),
        completed_at: row.11.map(Timestamp::from_micros),
    })
}
