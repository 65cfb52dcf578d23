//! The two macros that let one SQL text run on both databases.
//!
//! They are macros because a function could not be written: each arm must see its own driver's
//! types, or every signature up to the service would be generic over the driver.

/// Runs a body against the pool for reading, once per database type.
///
/// The body is an expression in the caller's own function: `?` and `.await` work, and each arm is
/// natively typed (`pool` is a `&SqlitePool` or a `&PgPool`).
///
/// ```
/// # use tenure_sql::{Db, SqlError, with_pool};
/// const COUNT: &str = "SELECT COUNT(*) FROM change WHERE lane = $1";
///
/// async fn count(db: &Db, lane: i32) -> Result<i64, SqlError> {
///     let count = with_pool!(db, |pool| {
///         sqlx::query_scalar(COUNT).bind(lane).fetch_one(pool).await?
///     });
///     Ok(count)
/// }
/// ```
#[macro_export]
macro_rules! with_pool {
    ($db:expr, |$pool:ident| $body:expr) => {
        match $db.pools() {
            $crate::db::Pools::Sqlite { read: $pool, .. } => $body,
            $crate::db::Pools::Postgres($pool) => $body,
        }
    };
}

/// Runs a body inside a transaction, once per database type; `conn` is a `&mut SqliteConnection` or
/// a `&mut PgConnection`. Write `&mut *conn` for every statement but the last.
///
/// ```
/// # use tenure_sql::{SqlError, Tx, with_tx};
/// const TOUCH: &str = "UPDATE consumer SET moved_at = $2 WHERE name = $1";
///
/// async fn touch(tx: &mut Tx, name: &str, at: i64) -> Result<bool, SqlError> {
///     let touched = with_tx!(tx, |conn| {
///         sqlx::query(TOUCH).bind(name).bind(at).execute(conn).await?.rows_affected()
///     });
///     Ok(touched == 1)
/// }
/// ```
#[macro_export]
macro_rules! with_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match $tx.connection() {
            $crate::tx::TxConnection::Sqlite($conn) => $body,
            $crate::tx::TxConnection::Postgres($conn) => $body,
        }
    };
}
