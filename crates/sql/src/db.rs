//! One database of either kind: its pools, its transactions, its identity.

mod postgres;
mod sqlite;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteArguments;
use sqlx::{PgPool, Postgres, SqlitePool};
use tenure_core::Lanes;
use uuid::Uuid;

use crate::error::{SqlError, SqlErrorKind};
use crate::identity::{self, Identity};
use crate::migrate::{MigrateError, Migrations, migrate};
use crate::signal::{FeedBell, FeedSignal};
use crate::tx::Tx;
use crate::with_pool;

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct DbOptions {
    /// The most connections one process opens, at least 2. On SQLite those that read for calls: not more
    /// than there are processors are used.
    pub connections_max: u32,
    /// How long a call waits for a connection before it is refused as unavailable.
    pub acquire_timeout: Duration,
    /// The number of lanes, used only when the database is created.
    pub lanes: Lanes,
}

impl Default for DbOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            acquire_timeout: Duration::from_secs(5),
            lanes: Lanes::DEFAULT,
        }
    }
}

/// A database. Clones share its pools.
#[derive(Debug, Clone)]
pub struct Db {
    pools: Pools,
    shared: Arc<Shared>,
}

/// The connections of a database; [`crate::with_pool!`] matches on it.
#[derive(Debug, Clone)]
pub enum Pools {
    /// One file: one connection that writes, and pools of connections that cannot.
    Sqlite {
        /// For reading only; every connection refuses to write.
        read: SqlitePool,
        /// The same, for [`Db::begin_snapshot`] alone: what reads long keeps no call waiting.
        snapshots: SqlitePool,
        /// The one connection for writing, used by [`Db::begin`] alone.
        write: SqlitePool,
    },
    /// The primary of a server or cluster.
    Postgres(PgPool),
}

/// The connections of a process to a database, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// All that are open.
    pub open: u32,
    /// Those that rest.
    pub idle: usize,
}

#[derive(Debug)]
struct Shared {
    options: DbOptions,
    bell: FeedBell,
    identity: OnceLock<Identity>,
    /// The servers to ask when the primary is gone; empty on SQLite.
    servers: postgres::Servers,
    /// Connections to PostgreSQL for statements that find sets of rows by their keys.
    by_key: Option<PgPool>,
}

impl Db {
    /// Connects to `sqlite:///path/file.db` (created with its folder if missing) or to
    /// `postgres://...`. Several PostgreSQL URLs, separated by commas, name the members of a
    /// cluster: the one that is the primary is used, now and after a failover.
    ///
    /// # Errors
    /// When the URL is neither, or the database cannot be opened.
    pub async fn connect(url: &str, options: &DbOptions) -> Result<Self, SqlError> {
        let (pools, servers, by_key) = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let pools = sqlite::open(path, options).await?;
            (pools, postgres::Servers::none(), None)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let servers = postgres::Servers::parse(url)?;
            let (pool, by_key) = postgres::open(&servers, options).await?;
            (Pools::Postgres(pool), servers, Some(by_key))
        } else {
            // The URL is not repeated: it may hold a password.
            let wanted = "wanted sqlite:///path/file.db or postgres://host/database";
            return Err(SqlError::new(SqlErrorKind::Other, wanted));
        };
        let db = Self {
            pools,
            shared: Arc::new(Shared {
                options: options.clone(),
                bell: FeedBell::new(),
                identity: OnceLock::new(),
                servers,
                by_key,
            }),
        };
        if let Some(identity) = identity::load(&db).await? {
            db.identify(identity);
        }
        Ok(db)
    }

    /// Connects and migrates: what a service does at its start.
    ///
    /// # Errors
    /// When the database cannot be opened or migrated.
    pub async fn open(
        url: &str,
        options: &DbOptions,
        migrations: &Migrations,
    ) -> Result<Self, MigrateError> {
        let db = Self::connect(url, options).await?;
        migrate(&db, migrations).await?;
        Ok(db)
    }

    /// Begins a transaction that writes: IMMEDIATE on SQLite, READ COMMITTED on PostgreSQL.
    ///
    /// Connections that broke while they rested are passed over, so that a restart or a failover of
    /// the server is not the caller's business.
    ///
    /// # Errors
    /// When no connection or no lock could be had in time.
    pub async fn begin(&self) -> Result<Tx, SqlError> {
        let Pools::Postgres(pool) = &self.pools else {
            return self.begin_on_sqlite().await;
        };
        self.begin_on(pool).await
    }

    /// Begins a transaction like [`Db::begin`] for statements that find sets of rows by their keys.
    ///
    /// PostgreSQL then plans each once and by index. Otherwise a table that grew since it was last
    /// analysed is read whole for some dozens of its rows, and each execution may be planned anew
    /// (measured: twice the processor time for a batch).
    ///
    /// # Errors
    /// When no connection or no lock could be had in time.
    pub async fn begin_by_key(&self) -> Result<Tx, SqlError> {
        match &self.shared.by_key {
            Some(pool) => self.begin_on(pool).await,
            None => self.begin_on_sqlite().await,
        }
    }

    /// Returns a connection to PostgreSQL for one statement that finds sets of rows by their keys, as
    /// those of [`Db::begin_by_key`] do: without a transaction around it, it is one by itself.
    ///
    /// # Errors
    /// When no connection could be had in time.
    ///
    /// # Panics
    /// On SQLite.
    pub async fn acquire_by_key(&self) -> Result<PoolConnection<Postgres>, SqlError> {
        let by_key = self.shared.by_key.as_ref();
        let pool = by_key.expect("the statement is PostgreSQL's");
        let servers = &self.shared.servers;
        Ok(servers.accompany(pool, pool.acquire()).await?)
    }

    /// Begins a transaction that only reads: all its statements see the database as it was at the
    /// first of them, and hold up no writer. Statements find their rows by key, as those of
    /// [`Db::begin_by_key`] do.
    ///
    /// # Errors
    /// When no connection could be had in time.
    pub async fn begin_snapshot(&self) -> Result<Tx, SqlError> {
        let bell = self.shared.bell.clone();
        Ok(match &self.pools {
            Pools::Sqlite { snapshots, .. } => {
                Tx::sqlite(snapshots.begin_with("BEGIN").await?, bell)
            }
            Pools::Postgres(pool) => {
                let begin = pool.begin_with(
                    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                     SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off;
                     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off",
                );
                let begun = self.shared.servers.accompany(pool, begin).await?;
                Tx::postgres(begun, bell)
            }
        })
    }

    /// Runs statements, each ended by a semicolon, as a transaction of their own in one call of SQLite's
    /// thread: every call goes there and back, and under load waits for a core both times. All of
    /// them are durable then, or none was done.
    ///
    /// # Errors
    /// When one of the statements fails, or the commit.
    ///
    /// # Panics
    /// On PostgreSQL.
    pub async fn run_on_sqlite(
        &self,
        statements: String,
        values: SqliteArguments,
    ) -> Result<(), SqlError> {
        match &self.pools {
            Pools::Sqlite { write, .. } => Ok(sqlite::run(write, statements, values).await?),
            Pools::Postgres(_) => panic!("the statements are SQLite's"),
        }
    }

    /// A plain BEGIN that reads first and writes later fails as soon as somebody wrote in between;
    /// IMMEDIATE waits at its start instead.
    async fn begin_on_sqlite(&self) -> Result<Tx, SqlError> {
        let Pools::Sqlite { write, .. } = &self.pools else {
            unreachable!("PostgreSQL has pools of its own");
        };
        let begun = Box::pin(write.begin_with("BEGIN IMMEDIATE")).await?;
        Ok(Tx::sqlite(begun, self.shared.bell.clone()))
    }

    async fn begin_on(&self, pool: &PgPool) -> Result<Tx, SqlError> {
        // On the heap, because the driver's futures are large and every use case holds this one.
        let mut begun = Box::pin(self.begin_once(pool)).await;
        for attempt in 0..=self.shared.options.connections_max {
            match &begun {
                Err(error) if Box::pin(self.may_recover(pool, error, attempt)).await => {
                    begun = Box::pin(self.begin_once(pool)).await;
                }
                _ => break,
            }
        }
        begun
    }

    async fn begin_once(&self, pool: &PgPool) -> Result<Tx, SqlError> {
        let begun = self.shared.servers.accompany(pool, pool.begin()).await?;
        Ok(Tx::postgres(begun, self.shared.bell.clone()))
    }

    /// Returns true when what failed before it did anything may succeed at once: there is a new
    /// primary, or another connection of the pool is still whole.
    async fn may_recover(&self, pool: &PgPool, error: &SqlError, attempt: u32) -> bool {
        if attempt == 0 && error.is_unavailable() && self.shared.servers.fail_over(pool).await {
            return true;
        }
        // A connection that broke while it rested says nothing about the next one; a server that
        // gives no connection at all says enough.
        error.kind() == SqlErrorKind::Disconnected && pool.acquire().await.is_ok()
    }

    /// Asks the database for a sign of life; after a failover this finds the new primary.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), SqlError> {
        let mut answered = self.ping_once().await;
        let Pools::Postgres(pool) = &self.pools else {
            return answered;
        };
        for attempt in 0..=self.shared.options.connections_max {
            match &answered {
                Err(error) if Box::pin(self.may_recover(pool, error, attempt)).await => {
                    answered = self.ping_once().await;
                }
                _ => break,
            }
        }
        answered
    }

    /// Returns how many bytes the database occupies, without logs.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn size_bytes(&self) -> Result<i64, SqlError> {
        let size = self.pick(
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            "SELECT pg_database_size(current_database())",
        );
        Ok(with_pool!(self, |pool| {
            sqlx::query_scalar(size).fetch_one(pool).await?
        }))
    }

    async fn ping_once(&self) -> Result<(), SqlError> {
        with_pool!(self, |pool| {
            sqlx::query("SELECT 1").execute(pool).await?;
        });
        Ok(())
    }

    /// Returns the pools, for [`crate::with_pool!`].
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Returns true on PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Returns the file of the database; nothing on PostgreSQL.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match &self.pools {
            Pools::Sqlite { write, .. } => Some(write.connect_options().get_filename().to_owned()),
            Pools::Postgres(_) => None,
        }
    }

    /// Returns the statement for this database, where the dialects differ.
    #[must_use]
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// Returns the lanes of the database, chosen when it was created.
    ///
    /// # Panics
    /// When the database was never migrated: a service opens its database with [`Db::open`].
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        self.identity().lanes
    }

    /// Returns the id the database got when it was created, which its resume tokens carry.
    ///
    /// # Panics
    /// When the database was never migrated.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.identity().id
    }

    fn identity(&self) -> Identity {
        *self
            .shared
            .identity
            .get()
            .expect("a database is migrated before it is used")
    }

    pub(crate) fn identify(&self, identity: Identity) {
        // Whoever came first read the same rows.
        let _ = self.shared.identity.set(identity);
    }

    pub(crate) fn options(&self) -> &DbOptions {
        &self.shared.options
    }

    /// Returns a signal that fires when this process appended to the change feed.
    #[must_use]
    pub fn feed_signal(&self) -> FeedSignal {
        self.shared.bell.listen()
    }

    /// Wakes the followers of the change feed without a transaction, for example at shutdown.
    pub fn ring(&self) {
        self.shared.bell.ring();
    }

    /// Returns how many connections are open, and how many of them rest: for the metrics.
    #[must_use]
    pub fn connections(&self) -> Connections {
        match &self.pools {
            Pools::Sqlite {
                read,
                snapshots,
                write,
            } => {
                let pools = [read, snapshots, write];
                Connections {
                    open: pools.iter().map(|pool| pool.size()).sum(),
                    idle: pools.iter().map(|pool| pool.num_idle()).sum(),
                }
            }
            Pools::Postgres(pool) => {
                let pools = || {
                    [Some(pool), self.shared.by_key.as_ref()]
                        .into_iter()
                        .flatten()
                };
                Connections {
                    open: pools().map(PgPool::size).sum(),
                    idle: pools().map(PgPool::num_idle).sum(),
                }
            }
        }
    }

    /// Closes all connections once their work is done.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite {
                read,
                snapshots,
                write,
            } => {
                read.close().await;
                snapshots.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => {
                pool.close().await;
                if let Some(by_key) = &self.shared.by_key {
                    by_key.close().await;
                }
            }
        }
    }
}
