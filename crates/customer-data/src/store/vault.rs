//! What the database keeps of keys: a check value of the master key, and a developer's key.

use tenure_sql::{Db, SqlError, with_tx};

/// A value that follows from the master key.
pub const CHECK: &str = "master_key_check";
/// The master key where none is configured.
pub const KEY: &str = "master_key";

const KEEP: &str = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const READ: &str = "SELECT value FROM meta WHERE key = $1";

/// Keeps a value, unless there is one, and returns the one that is kept: replicas that start together
/// agree.
///
/// # Errors
/// When the database fails.
pub async fn agree(db: &Db, key: &str, value: &str) -> Result<String, SqlError> {
    let known: Option<String> = tenure_sql::with_pool!(db, |pool| {
        sqlx::query_scalar(READ)
            .bind(key)
            .fetch_optional(pool)
            .await?
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let mut tx = db.begin().await?;
    let kept: String = with_tx!(tx, |conn| {
        sqlx::query(KEEP)
            .bind(key)
            .bind(value)
            .execute(&mut *conn)
            .await?;
        sqlx::query_scalar(READ).bind(key).fetch_one(conn).await?
    });
    tx.commit().await?;
    Ok(kept)
}
