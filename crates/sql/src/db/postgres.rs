//! Connects to PostgreSQL: the primary of a list of servers, and its successor after a failover.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, PgPool};
use tokio::sync::Mutex;

use super::DbOptions;
use crate::error::{SqlError, SqlErrorKind};

/// How long one server may take to say whether it is the primary.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a call waits for a connection before somebody asks where the primary is.
const PATIENCE: Duration = Duration::from_millis(500);
/// A connection that rested longer is asked for a sign of life before it is used again. Asking each
/// time would cost a round trip a call.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// Distinct statements kept prepared per connection; a service has about a hundred.
const STATEMENTS_MAX: usize = 512;
/// A waiter for a lock gives up, and a writer that hangs in its transaction loses it (and with it
/// its lanes). JIT compilation costs more than it gives for statements this small.
const SESSION: &str = "
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '60s';
    SET jit = off";
/// Further, for statements that find sets of rows by their keys: each is planned once and by index.
const BY_KEY: &str = "
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off";
/// A committer and each of the jobs beside it need one at a time.
const BY_KEY_MAX: u32 = 8;
const IS_STANDBY: &str = "SELECT pg_is_in_recovery()";

/// The servers of a cluster; one of them is the primary.
#[derive(Debug)]
pub(super) struct Servers {
    members: Vec<PgConnectOptions>,
    /// Held by whoever looks for the primary; one search at a time is enough.
    search: Mutex<()>,
}

impl Servers {
    pub(super) fn none() -> Self {
        Self {
            members: Vec::new(),
            search: Mutex::new(()),
        }
    }

    pub(super) fn parse(urls: &str) -> Result<Self, SqlError> {
        let mut members = Vec::new();
        for url in urls.split(',') {
            let options = PgConnectOptions::from_str(url.trim()).map_err(|_| {
                // The URL is not repeated: it may hold a password.
                SqlError::new(
                    SqlErrorKind::Other,
                    "wanted postgres://user@host:port/database",
                )
            })?;
            let options = options.statement_cache_capacity(STATEMENTS_MAX);
            members.push(options.application_name("tenure"));
        }
        Ok(Self {
            members,
            search: Mutex::new(()),
        })
    }

    /// Returns the first server that is a primary.
    async fn primary(&self) -> Result<PgConnectOptions, SqlError> {
        let mut last = SqlError::new(SqlErrorKind::Disconnected, "no server is a primary");
        for member in &self.members {
            match tokio::time::timeout(PROBE_TIMEOUT, is_primary(member)).await {
                Ok(Ok(true)) => return Ok(member.clone()),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => last = error.into(),
                Err(_) => {
                    last = SqlError::new(SqlErrorKind::Disconnected, "a server does not answer");
                }
            }
        }
        Err(last)
    }

    /// Runs `work`, which needs a connection, and looks for a new primary whenever it has to wait
    /// long: the pool asks again and again where it is led to at that moment.
    pub(super) async fn accompany<T>(&self, pool: &PgPool, work: impl Future<Output = T>) -> T {
        if self.members.len() < 2 {
            return work.await;
        }
        // On the heap, because every transaction of every caller would grow by its size.
        let search = Box::pin(async {
            loop {
                tokio::time::sleep(PATIENCE).await;
                self.fail_over(pool).await;
            }
        });
        tokio::select! {
            done = work => done,
            never = search => never,
        }
    }

    /// Leads `pool` to the primary of today; true when there is one.
    pub(super) async fn fail_over(&self, pool: &PgPool) -> bool {
        if self.members.len() < 2 {
            return false;
        }
        // Who waited for another's search profits from its result.
        let Ok(_alone) = self.search.try_lock() else {
            let _waited = self.search.lock().await;
            return true;
        };
        match self.primary().await {
            Ok(primary) => {
                tracing::warn!(
                    db.host = primary.get_host(),
                    "leading the pool to the primary"
                );
                pool.set_connect_options(primary);
                true
            }
            Err(_) => false,
        }
    }
}

async fn is_primary(server: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connection = server.connect().await?;
    let standby: bool = sqlx::query_scalar(IS_STANDBY)
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(!standby)
}

/// Opens a pool for anything, and one for statements that find sets of rows by their keys. The latter
/// is opened when it is first used.
pub(super) async fn open(
    servers: &Servers,
    options: &DbOptions,
) -> Result<(PgPool, PgPool), SqlError> {
    let primary = servers.primary().await?;
    let by_key = (options.connections_max / 4).clamp(1, BY_KEY_MAX);
    let others = options.connections_max.saturating_sub(by_key).max(1);
    let by_key = pool(by_key, options, Some(BY_KEY)).connect_lazy_with(primary.clone());
    let others = pool(others, options, None).connect_with(primary).await?;
    Ok((others, by_key))
}

fn pool(connections_max: u32, options: &DbOptions, further: Option<&'static str>) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(move |connection, _| Box::pin(prepare(connection, further)))
        .before_acquire(|connection, rested| {
            Box::pin(async move {
                if rested.idle_for < TRUSTED_IDLE {
                    return Ok(true);
                }
                refuse_standby(connection).await?;
                Ok(true)
            })
        })
}

async fn prepare(
    connection: &mut PgConnection,
    further: Option<&'static str>,
) -> Result<(), sqlx::Error> {
    refuse_standby(connection).await?;
    for settings in [Some(SESSION), further].into_iter().flatten() {
        connection.execute(sqlx::raw_sql(settings)).await?;
    }
    Ok(())
}

async fn refuse_standby(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let standby: bool = sqlx::query_scalar(IS_STANDBY).fetch_one(connection).await?;
    if standby {
        return Err(sqlx::Error::Configuration(
            "the server became a standby".into(),
        ));
    }
    Ok(())
}
