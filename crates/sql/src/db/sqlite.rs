//! Opens a SQLite file so that it loses nothing and nobody waits in vain.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _, SqlitePool};

use super::{DbOptions, Pools};
use crate::error::{SqlError, SqlErrorKind};

/// How long a connection waits for the lock of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a file is opened that somebody else creates at that moment, and how long in between.
const OPENINGS_MAX: u32 = 100;
const OPENING_PAUSE: Duration = Duration::from_millis(20);
/// How many connections read for calls. Each is a thread with pages and prepared statements of its own:
/// more than there are processors only wait for each other, and are all cold after a start.
const READERS: RangeInclusive<usize> = 2..=8;
/// How many connections read long, so that no call waits for one of them.
const SNAPSHOTS_MAX: u32 = 4;
/// How long such a connection rests before it is closed.
const SNAPSHOT_IDLE: Duration = Duration::from_secs(60);
/// Distinct statements kept prepared per connection; a service has about a hundred.
const STATEMENTS_MAX: usize = 512;

pub(super) async fn open(path: &str, options: &DbOptions) -> Result<Pools, SqlError> {
    if path.is_empty() || path.contains(":memory:") {
        let wanted = "wanted a file: in memory every pooled connection is a database of its own";
        return Err(SqlError::new(SqlErrorKind::Other, wanted));
    }
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_MAX)
        // NORMAL loses acknowledged commits when the power fails.
        .synchronous(SqliteSynchronous::Full)
        // 32 MiB of pages, in KiB.
        .pragma("cache_size", "-32768")
        .pragma("temp_store", "memory")
        // 32 MiB of log between checkpoints, in pages: a page that many commits touch is copied into
        // the database once for all of them.
        .pragma("wal_autocheckpoint", "8192")
        // The log shrinks back to 64 MiB after a burst.
        .pragma("journal_size_limit", "67108864");
    // The frames of a commit reach the log in one call; readers write none.
    let log = tenure_sqlite_log::register();
    let log = log.map_err(|error| SqlError::new(SqlErrorKind::Other, error.to_string()))?;
    let writing = connect
        .clone()
        .vfs(log)
        .journal_mode(SqliteJournalMode::Wal);
    let write = open_for_writing(writing, options).await?;
    let reading = connect.pragma("query_only", "on");
    let pool = |connections_max| {
        SqlitePoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(options.acquire_timeout)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    Ok(Pools::Sqlite {
        read: pool(readers(options)).connect_lazy_with(reading.clone()),
        snapshots: pool(SNAPSHOTS_MAX)
            .idle_timeout(SNAPSHOT_IDLE)
            .connect_lazy_with(reading),
        write,
    })
}

fn readers(options: &DbOptions) -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let useful = processors.clamp(*READERS.start(), *READERS.end());
    u32::try_from(useful).map_or(1, |useful| useful.min(options.connections_max).max(1))
}

/// Whoever creates the file switches it to its log, and SQLite waits for nobody's lock then: others
/// who open it in that moment are refused, and try again.
async fn open_for_writing(
    connect: SqliteConnectOptions,
    options: &DbOptions,
) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // When the disk is full SQLite ends a transaction by itself, and the driver, whose ROLLBACK
        // then fails, counts it as open for ever: whoever comes next gets a new connection.
        .before_acquire(|conn, _| Box::pin(async { Ok(!conn.is_in_transaction()) }));
    for _ in 1..OPENINGS_MAX {
        match pool.clone().connect_with(connect.clone()).await {
            Err(error) if is_locked(&error) => tokio::time::sleep(OPENING_PAUSE).await,
            opened => return opened,
        }
    }
    pool.connect_with(connect).await
}

fn is_locked(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|error| error.code().is_some_and(|code| code == "5"))
}

/// Runs statements as one transaction.
pub(super) async fn run(
    write: &SqlitePool,
    statements: String,
    values: SqliteArguments,
) -> Result<(), sqlx::Error> {
    let mut conn = write.acquire().await?;
    let transaction = AssertSqlSafe(format!("BEGIN IMMEDIATE;{statements}COMMIT"));
    let Err(error) = sqlx::query_with(transaction, values)
        .execute(&mut *conn)
        .await
    else {
        return Ok(());
    };
    // SQLite may have ended the transaction by itself, or never begun it; what cannot be told apart
    // goes on with a new connection.
    if sqlx::query("ROLLBACK").execute(&mut *conn).await.is_err() {
        conn.close().await?;
    }
    Err(error)
}
