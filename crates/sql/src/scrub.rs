//! Taking what was deleted out of the files of the database, not only out of its tables.

use sqlx::AssertSqlSafe;

use crate::db::{Db, Pools};
use crate::error::SqlError;

/// Rewrites a SQLite database without what was deleted from it, and empties its log. The file keeps
/// deleted rows otherwise: in free pages, and between the rows of pages that were once split, where
/// `PRAGMA secure_delete` does not reach. Writers wait meanwhile.
///
/// On PostgreSQL it vacuums `tables`: their dead rows are given free, and overwritten as the space is
/// used again.
///
/// False means that a reader held the log: ask again later.
///
/// # Errors
/// When the database fails, for example because the disk has no room for the copy.
pub async fn scrub(db: &Db, tables: &[&'static str]) -> Result<bool, SqlError> {
    match db.pools() {
        Pools::Sqlite { write, .. } => {
            let mut conn = write.acquire().await?;
            // The copy of a large database does not fit the memory that others are happy with.
            sqlx::query("PRAGMA temp_store = file")
                .execute(&mut *conn)
                .await?;
            let vacuumed = sqlx::query("VACUUM").execute(&mut *conn).await;
            sqlx::query("PRAGMA temp_store = memory")
                .execute(&mut *conn)
                .await?;
            vacuumed?;
            let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&mut *conn)
                .await?;
            Ok(busy == 0)
        }
        Pools::Postgres(pool) => {
            for table in tables {
                let vacuum = AssertSqlSafe(format!("VACUUM {table}"));
                sqlx::query(vacuum).execute(pool).await?;
            }
            Ok(true)
        }
    }
}
