//! Databases on the PostgreSQL server for tests: made for one test, dropped after it.

use std::sync::Once;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tenure_core::{Clock, SystemClock};

use crate::request_id;

/// A database older than this was left behind by a killed test run.
const LEFTOVER_AGE: Duration = Duration::from_secs(3_600);
/// Every database of ours starts so; then follow the second of its birth and a random part.
const PREFIX: &str = "tenure_test_";

/// A database of its own on the server for tests. It has a hostile locale: text that is not
/// `COLLATE "C"` sorts otherwise than on SQLite.
pub(crate) struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let server = server();
        let born = SystemClock.now().as_micros() / 1_000_000;
        let name = format!("{PREFIX}{born}_{}", request_id().simple());
        let mut connection = connect(&server).await;
        static SWEPT: Once = Once::new();
        let mut sweep = false;
        SWEPT.call_once(|| sweep = true);
        if sweep {
            drop_leftovers(&mut connection, born).await;
        }
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' \
             LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"
        );
        if let Err(error) = connection.execute(AssertSqlSafe(create)).await {
            panic!(
                "the server for tests must be PostgreSQL 15 or later, know ICU, and let us create databases: {error}"
            );
        }
        connection.close().await.expect("the server is there");
        Self { server, name }
    }

    /// Returns the URL: the server's, with this database instead of the one named there.
    pub(crate) fn url(&self) -> String {
        let options: PgConnectOptions = self.server.parse().expect("it was parsed before");
        let mut url = options.database(&self.name).to_url_lossy();
        // A commit that waits for the disk takes most of a test's time, and no test cuts the power.
        url.query_pairs_mut()
            .append_pair("options", "-c synchronous_commit=off");
        url.to_string()
    }

    pub(crate) async fn drop(self) {
        let mut connection = connect(&self.server).await;
        drop_database(&mut connection, &self.name).await;
        connection.close().await.expect("the server is there");
    }
}

/// Returns the URL of the server for tests, where databases may be created.
///
/// # Panics
/// When TENURE_TEST_POSTGRES is not set: `cargo xtask test` sets it.
#[must_use]
pub fn server() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "an input of the tests themselves"
    )]
    let server = std::env::var("TENURE_TEST_POSTGRES");
    match server {
        Ok(server) => server,
        Err(_) => panic!(
            "every store test runs on PostgreSQL too: run `cargo xtask test`, which starts one, or \
             set TENURE_TEST_POSTGRES to the URL of a server where databases may be created"
        ),
    }
}

async fn connect(server: &str) -> PgConnection {
    match PgConnection::connect(server).await {
        Ok(connection) => connection,
        Err(error) => panic!("TENURE_TEST_POSTGRES names a server that cannot be used: {error}"),
    }
}

async fn drop_database(connection: &mut PgConnection, name: &str) {
    // FORCE also ends the connections of a test that panicked.
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    if let Err(error) = connection.execute(AssertSqlSafe(drop)).await {
        eprintln!("database {name} was left behind: {error}");
    }
}

async fn drop_leftovers(connection: &mut PgConnection, now: i64) {
    let names: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database")
        .fetch_all(&mut *connection)
        .await
        .expect("the catalogue can be read");
    for name in names {
        let born = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('_').next()?.parse().ok());
        let oldest = now - LEFTOVER_AGE.as_secs().cast_signed();
        if born.is_some_and(|born: i64| born < oldest) {
            drop_database(connection, &name).await;
        }
    }
}
