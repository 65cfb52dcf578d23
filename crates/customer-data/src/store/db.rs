//! The database of this service: as any other, with the keys of personal data at hand.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use tenure_sql::SqlError;

use crate::PrivacyConfig;
use crate::vault::{CustomerKey, Keys, Vault};

/// A database and its keys, which are opened when they are first needed. Clones share both.
#[derive(Debug, Clone)]
pub struct Db {
    inner: tenure_sql::Db,
    vault: Vault,
}

impl Db {
    /// Creates one with the master key of the settings.
    #[must_use]
    pub fn new(inner: tenure_sql::Db, config: &PrivacyConfig) -> Self {
        let vault = Vault::of(config);
        Self { inner, vault }
    }

    /// Returns the keys that follow from the master key.
    ///
    /// # Errors
    /// When the database fails, or the master key cannot be had or is another than before.
    pub(crate) async fn keys(&self) -> Result<&Arc<Keys>, SqlError> {
        self.vault.keys(&self.inner).await
    }

    /// Begins a transaction as [`tenure_sql::Db::begin`] does.
    ///
    /// # Errors
    /// As there, or when the master key cannot be had or is another than before.
    pub async fn begin(&self) -> Result<Tx, SqlError> {
        let keys = Arc::clone(self.keys().await?);
        Ok(Tx::new(self.inner.begin().await?, keys))
    }

    /// Begins a transaction as [`tenure_sql::Db::begin_by_key`] does.
    ///
    /// # Errors
    /// The same.
    pub async fn begin_by_key(&self) -> Result<Tx, SqlError> {
        let keys = Arc::clone(self.keys().await?);
        Ok(Tx::new(self.inner.begin_by_key().await?, keys))
    }

    /// Begins a transaction as [`tenure_sql::Db::begin_snapshot`] does.
    ///
    /// # Errors
    /// The same.
    pub async fn begin_snapshot(&self) -> Result<Tx, SqlError> {
        let keys = Arc::clone(self.keys().await?);
        Ok(Tx::new(self.inner.begin_snapshot().await?, keys))
    }
}

impl Deref for Db {
    type Target = tenure_sql::Db;

    fn deref(&self) -> &tenure_sql::Db {
        &self.inner
    }
}

/// A transaction, with the keys of those customers of whom it writes something.
#[derive(Debug)]
pub struct Tx {
    inner: tenure_sql::Tx,
    keys: Arc<Keys>,
    customers: HashMap<String, CustomerKey>,
}

impl Tx {
    fn new(inner: tenure_sql::Tx, keys: Arc<Keys>) -> Self {
        Self {
            inner,
            keys,
            customers: HashMap::new(),
        }
    }

    /// Returns the keys that follow from the master key.
    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Returns the keys of customers that were asked for in this transaction.
    pub(crate) fn customers(&self) -> &HashMap<String, CustomerKey> {
        &self.customers
    }

    /// The same, to add or to forget some.
    pub(super) fn customers_mut(&mut self) -> &mut HashMap<String, CustomerKey> {
        &mut self.customers
    }

    /// Commits as [`tenure_sql::Tx::commit`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn commit(self) -> Result<(), SqlError> {
        self.inner.commit().await
    }

    /// Undoes everything as [`tenure_sql::Tx::rollback`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn rollback(self) -> Result<(), SqlError> {
        self.inner.rollback().await
    }
}

impl Deref for Tx {
    type Target = tenure_sql::Tx;

    fn deref(&self) -> &tenure_sql::Tx {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut tenure_sql::Tx {
        &mut self.inner
    }
}
