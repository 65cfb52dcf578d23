//! A transaction on either database.

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use crate::error::SqlError;
use crate::signal::FeedBell;

/// A transaction that writes. Dropping it rolls back.
///
/// On SQLite it holds the one connection for writing from its first moment (`BEGIN IMMEDIATE`), so
/// what it reads cannot change under it. On PostgreSQL it is READ COMMITTED: take the lanes first
/// ([`crate::feed::lock_lanes`]) where a decision depends on what was read.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    bell: FeedBell,
    rings: bool,
}

#[derive(Debug)]
enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// The connection inside a transaction; [`crate::with_tx!`] matches on it.
#[derive(Debug)]
pub enum TxConnection<'t> {
    /// A connection to SQLite.
    Sqlite(&'t mut SqliteConnection),
    /// A connection to PostgreSQL.
    Postgres(&'t mut PgConnection),
}

impl Tx {
    pub(crate) fn sqlite(tx: Transaction<'static, Sqlite>, bell: FeedBell) -> Self {
        Self {
            inner: Inner::Sqlite(tx),
            bell,
            rings: false,
        }
    }

    pub(crate) fn postgres(tx: Transaction<'static, Postgres>, bell: FeedBell) -> Self {
        Self {
            inner: Inner::Postgres(tx),
            bell,
            rings: false,
        }
    }

    /// Returns the connection, for [`crate::with_tx!`].
    pub fn connection(&mut self) -> TxConnection<'_> {
        match &mut self.inner {
            Inner::Sqlite(tx) => TxConnection::Sqlite(tx),
            Inner::Postgres(tx) => TxConnection::Postgres(tx),
        }
    }

    /// Returns true on PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }

    /// Returns the statement for this database, where the dialects differ.
    #[must_use]
    pub fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// Wakes the followers of this database's change feed once the commit is done.
    /// [`crate::feed::append`] calls it; whoever keeps a feed in tables of its own does too.
    pub fn ring_on_commit(&mut self) {
        self.rings = true;
    }

    /// Makes everything durable, then wakes the followers of the change feed.
    ///
    /// # Errors
    /// When the database could not commit. After [`crate::SqlErrorKind::Disconnected`] the outcome
    /// is unknown: repeat the request with the same request id.
    pub async fn commit(self) -> Result<(), SqlError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        if self.rings {
            self.bell.ring();
        }
        Ok(())
    }

    /// Undoes everything now; dropping does the same a little later.
    ///
    /// # Errors
    /// When the connection broke, which undoes everything as well.
    pub async fn rollback(self) -> Result<(), SqlError> {
        match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await?,
            Inner::Postgres(tx) => tx.rollback().await?,
        }
        Ok(())
    }
}
