//! Many rows at once: what a set-wise statement costs too much for.
//!
//! SQLite: one prepared statement, stepped row by row without leaving the thread. PostgreSQL: one
//! statement for arrays, each of which holds a column. A row is a tuple of integers, texts, [`Bytes`] and
//! options of them, in the order of the statement's places or columns.

mod columns;

pub use columns::ColumnType;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use sqlx::{PgConnection, SqlSafeStr, SqliteConnection};
use tenure_sqlite_log::rows::{self, RowsError};

use crate::error::{SqlError, sqlite_error};

/// Fewer rows than this are not worth telling the runtime that its thread is busy.
const FEW: usize = 64;

/// A value of a BLOB or BYTEA column. In JSON, which cannot hold bytes, it is their hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<B>(pub B);

impl<B: AsRef<[u8]>> Serialize for Bytes<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&Hex(self.0.as_ref()))
        } else {
            serializer.serialize_bytes(self.0.as_ref())
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Runs a statement of SQLite once for each row.
///
/// # Errors
/// When SQLite refuses a row; those before it are written as far as the transaction goes.
pub async fn write_on_sqlite<R: Serialize>(
    conn: &mut SqliteConnection,
    sql: &str,
    rows: &[R],
) -> Result<(), SqlError> {
    let mut handle = conn.lock_handle().await?;
    in_place(rows.len(), || rows::write(&mut handle, sql, rows))
}

/// Runs a query of SQLite once for each key and returns all rows that it finds.
///
/// # Errors
/// When SQLite refuses, or a row is not of the type asked for.
pub async fn read_on_sqlite<K: Serialize, T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    sql: &str,
    keys: &[K],
) -> Result<Vec<T>, SqlError> {
    let mut handle = conn.lock_handle().await?;
    in_place(keys.len(), || rows::read(&mut handle, sql, keys))
}

/// Runs a statement of PostgreSQL once for all rows: `$1`, `$2` and so on are arrays of the values in their
/// first, second and further places, for `UNNEST`. Integers are sent as BIGINT; a cast says what they are.
///
/// It is one message of the protocol. `COPY` takes the server less time, but is several, and the last of
/// them, of five bytes, waits up to 40 ms: sqlx 0.9.0 does not turn off Nagle's algorithm
/// (<https://github.com/transact-rs/sqlx/issues/4335>).
///
/// # Errors
/// When the database fails or refuses a row, for example because its key is taken.
pub async fn run_on_postgres<R: Serialize>(
    conn: &mut PgConnection,
    sql: impl SqlSafeStr,
    types: &[ColumnType],
    rows: &[R],
) -> Result<(), SqlError> {
    let columns = columns::encode(types, rows)?;
    sqlx::query_with(sql, columns).execute(conn).await?;
    Ok(())
}

/// Works in the calling thread; when it takes longer, the runtime lets others run elsewhere.
fn in_place<T>(rows: usize, work: impl FnOnce() -> Result<T, RowsError>) -> Result<T, SqlError> {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let has_threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    let done = if has_threads && rows > FEW {
        tokio::task::block_in_place(work)
    } else {
        work()
    };
    done.map_err(|error| sqlite_error(error.code, &error.message))
}
