//! Databases for a while: made on a PostgreSQL server for one benchmark, dropped after it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tenure_core::{Clock as _, Ids, SystemClock};

use crate::error::SqlError;

/// A database of its own on a PostgreSQL server.
#[derive(Debug)]
pub struct ScratchDatabase {
    options: PgConnectOptions,
    name: String,
}

impl ScratchDatabase {
    /// Creates an empty database on the server that `url` names.
    ///
    /// # Errors
    /// When the URL is none, the server does not answer, or databases may not be created there.
    pub async fn create(url: &str) -> Result<Self, SqlError> {
        let options: PgConnectOptions = url.parse()?;
        let name = format!(
            "tenure_scratch_{}",
            Ids::system().uuid(SystemClock.now()).simple()
        );
        let mut connection = PgConnection::connect_with(&options).await?;
        connection
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await?;
        connection.close().await?;
        Ok(Self { options, name })
    }

    /// Returns the URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        self.options
            .clone()
            .database(&self.name)
            .to_url_lossy()
            .to_string()
    }

    /// Drops the database, whoever is still connected to it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn drop(self) -> Result<(), SqlError> {
        let mut connection = PgConnection::connect_with(&self.options).await?;
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        connection.execute(AssertSqlSafe(drop)).await?;
        connection.close().await?;
        Ok(())
    }
}
