//! Table `import`. It has few rows: one for each file.

use tenure_core::{Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::rows::read;
use crate::domain::{Import, ImportState};
use crate::store::{Db, Tx};

const COLUMNS_OF_ONE: &str = "
    SELECT import_id, source_name, content_digest, mapping_digest, state, next_batch_number,
           done_bytes, done_lines, accepted_rows, rejected_rows, created_at, updated_at,
           is_undo_kept
    FROM import
    WHERE lane = $1 AND import_id = $2";
const LIST: &str = "
    SELECT import_id, source_name, content_digest, mapping_digest, state, next_batch_number,
           done_bytes, done_lines, accepted_rows, rejected_rows, created_at, updated_at,
           is_undo_kept
    FROM import
    WHERE created_at < $1 OR (created_at = $1 AND import_id > $2)
    ORDER BY created_at DESC, import_id
    LIMIT $3";
const INSERT: &str = "
    INSERT INTO import (lane, import_id, source_name, content_digest, mapping_digest, state,
                        next_batch_number, done_bytes, done_lines, accepted_rows, rejected_rows,
                        created_at, updated_at, is_undo_kept)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    ON CONFLICT DO NOTHING";
const UPDATE: &str = "
    UPDATE import SET state = $3, next_batch_number = $4, done_bytes = $5, done_lines = $6,
                      accepted_rows = $7, rejected_rows = $8, updated_at = $9
    WHERE lane = $1 AND import_id = $2";

type Row = (
    String,
    String,
    String,
    String,
    i32,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    i32,
);

/// Returns the lane of an import.
#[must_use]
pub fn lane(lanes: Lanes, id: Uuid) -> Lane {
    lanes.of(&id.to_string())
}

/// Returns an import.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: Uuid) -> Result<Option<Import>, SqlError> {
    let (lane, id) = (lane(db.lanes(), id), id.to_string());
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(COLUMNS_OF_ONE)
            .bind(lane)
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    row.map(known).transpose()
}

/// Returns an import as this transaction sees it; lock its lane before to change it.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, lanes: Lanes, id: Uuid) -> Result<Option<Import>, SqlError> {
    let (lane, id) = (lane(lanes, id), id.to_string());
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(COLUMNS_OF_ONE)
            .bind(lane)
            .bind(id)
            .fetch_optional(conn)
            .await?
    });
    row.map(known).transpose()
}

/// Stores a new import; one that is there already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &mut Tx, lanes: Lanes, import: &Import) -> Result<(), SqlError> {
    let lane = lane(lanes, import.id);
    with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(lane)
            .bind(import.id.to_string())
            .bind(&import.source_name)
            .bind(&import.content_digest)
            .bind(&import.mapping_digest)
            .bind(import.state.number())
            .bind(import.next_batch_number)
            .bind(import.done_bytes)
            .bind(import.done_lines)
            .bind(import.accepted_rows)
            .bind(import.rejected_rows)
            .bind(import.created_at.as_micros())
            .bind(import.updated_at.as_micros())
            .bind(i32::from(import.is_undo_kept))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Stores how far an import is.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx, lanes: Lanes, import: &Import) -> Result<(), SqlError> {
    let lane = lane(lanes, import.id);
    with_tx!(tx, |conn| {
        sqlx::query(UPDATE)
            .bind(lane)
            .bind(import.id.to_string())
            .bind(import.state.number())
            .bind(import.next_batch_number)
            .bind(import.done_bytes)
            .bind(import.done_lines)
            .bind(import.accepted_rows)
            .bind(import.rejected_rows)
            .bind(import.updated_at.as_micros())
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns up to `limit` imports that come after the one begun at `after.0` with the id `after.1`,
/// newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, after: (i64, &str), limit: i64) -> Result<Vec<Import>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(after.0)
            .bind(after.1)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(known).collect()
}

fn known(row: Row) -> Result<Import, SqlError> {
    let (id, source_name, content_digest, mapping_digest, state, next_batch_number, ..) = row;
    Ok(Import {
        id: read("import_id", Uuid::try_parse(&id).ok())?,
        source_name,
        content_digest,
        mapping_digest,
        state: read("state", ImportState::from_number(state))?,
        next_batch_number,
        done_bytes: row.6,
        done_lines: row.7,
        accepted_rows: row.8,
        rejected_rows: row.9,
        created_at: Timestamp::from_micros(row.10),
        updated_at: Timestamp::from_micros(row.11),
        is_undo_kept: row.12 != 0,
    })
}
