//! Table `customer_key`, and personal columns: sealed when a row is made, opened when it is read.
//!
//! Writers call `need` with everybody of whom they write something, then seal. A row is read with the
//! key of its customer beside it (`key_of!`), so that no read needs a further statement, and no key is
//! remembered that was deleted meanwhile.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use tenure_core::{CustomerId, Lane, Lanes};
use tenure_sql::rows::Bytes;
use tenure_sql::{SqlError, with_pool};

use super::rows::{self, RowsSql, encode, load_rows, read, rows_sql};
use super::{Db, Tx};
use crate::domain::seal::Place;
use crate::vault::{CustomerKey, Keys};

const LOAD: RowsSql = rows_sql!(
    "SELECT k.customer_id, k.wrapped
     FROM",
    "JOIN customer_key AS k ON k.lane = CAST(value ->> 0 AS INTEGER)
                           AND k.customer_id = value ->> 1"
);
const DROP_UNUSED: RowsSql = rows_sql!(
    "DELETE FROM customer_key
     WHERE (lane, customer_id) IN (SELECT CAST(value ->> 0 AS INTEGER), value ->> 1 FROM",
    ")
       AND NOT EXISTS (SELECT 1 FROM prospect AS p
                       WHERE p.lane = customer_key.lane
                         AND p.customer_id = customer_key.customer_id)"
);
macro_rules! save_head {
    () => {
        "INSERT INTO customer_key (lane, customer_id, wrapped)
         SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, "
    };
}
/// Keys are bytes, which JSON cannot hold: there they are hexadecimal digits.
const SAVE: RowsSql = RowsSql {
    sqlite: concat!(save_head!(), "value ->> 2 FROM json_each($1) AS given "),
    postgres: concat!(
        save_head!(),
        "DECODE(value ->> 2, 'hex') FROM jsonb_array_elements($1::JSONB) AS given (value)"
    ),
};

/// Makes the column that holds the key of the customer of a row of a table; nothing where it is gone. A
/// macro, because `concat!` alone joins texts into a constant.
macro_rules! key_of {
    ($table:literal) => {
        $crate::store::seal::key_of!($table, "customer_id")
    };
    ($table:literal, $customer:literal) => {
        concat!(
            "(SELECT customer_key.wrapped FROM customer_key
              WHERE customer_key.lane = ",
            $table,
            ".lane AND customer_key.customer_id = ",
            $table,
            ".",
            $customer,
            ")"
        )
    };
}
pub(super) use key_of;

/// The column of [`key_of`].
pub(super) type Wrapped = Option<Vec<u8>>;

/// Has the keys of customers at hand in a transaction, new ones for those who have none. Their lanes are
/// locked.
///
/// # Errors
/// When the database fails.
pub(crate) async fn need<'c>(
    tx: &mut Tx,
    lanes: Lanes,
    customers: impl IntoIterator<Item = &'c CustomerId>,
) -> Result<(), SqlError> {
    let customers = customers.into_iter().map(CustomerId::as_str);
    let unknown = |id: &&str| !tx.customers().contains_key(*id);
    let unknown: BTreeSet<&str> = customers.filter(unknown).collect();
    find(tx, lanes, &unknown).await?;
    let has_none = |id: &&&str| !tx.customers().contains_key(**id);
    let newcomers: Vec<&str> = unknown.iter().filter(has_none).copied().collect();
    if newcomers.is_empty() {
        return Ok(());
    }
    let keys = tx.keys().clone();
    let mut created = Vec::with_capacity(newcomers.len());
    for id in newcomers {
        let key = keys.new_key();
        created.push((lanes.of(id), id, Bytes(keys.seal_key(id, &key))));
        tx.customers_mut().insert(id.to_owned(), key);
    }
    rows::save(tx, SAVE, &created, &[]).await
}

/// Has those keys at hand that there are.
///
/// # Errors
/// When the database fails.
pub(crate) async fn find(
    tx: &mut Tx,
    lanes: Lanes,
    customers: &BTreeSet<&str>,
) -> Result<(), SqlError> {
    let unknown = |id: &&&str| !tx.customers().contains_key(**id);
    let keys: Vec<_> = customers.iter().filter(unknown).collect();
    let keys: Vec<_> = keys.into_iter().map(|id| (lanes.of(id), *id)).collect();
    for (id, wrapped) in load_rows!(tx, LOAD, keys, (String, Vec<u8>)) {
        let key = read("wrapped", tx.keys().open_key(&id, &wrapped))?;
        tx.customers_mut().insert(id, key);
    }
    Ok(())
}

/// Deletes the keys of customers, named with their lanes, who are gone, unless they are prospects still.
///
/// # Errors
/// When the database fails.
pub(super) async fn drop_unused(tx: &mut Tx, customers: &[(Lane, &str)]) -> Result<(), SqlError> {
    for (_, id) in customers {
        tx.customers_mut().remove(*id);
    }
    rows::execute(tx, DROP_UNUSED, customers).await
}

/// Returns the keys of customers who have one, outside of a transaction.
///
/// # Errors
/// When the database fails.
pub(crate) async fn get(
    db: &Db,
    customers: &BTreeSet<&str>,
) -> Result<HashMap<String, CustomerKey>, SqlError> {
    if customers.is_empty() {
        return Ok(HashMap::new());
    }
    let (keys, lanes) = (db.keys().await?, db.lanes());
    let asked: Vec<_> = customers.iter().map(|id| (lanes.of(id), *id)).collect();
    let (sql, asked) = (db.pick(LOAD.sqlite, LOAD.postgres), encode(&asked));
    let rows: Vec<(String, Vec<u8>)> = with_pool!(db, |pool| {
        sqlx::query_as(sql).bind(asked).fetch_all(pool).await?
    });
    let key = |(id, wrapped): (String, Vec<u8>)| {
        let key = read("wrapped", keys.open_key(&id, &wrapped))?;
        Ok((id, key))
    };
    rows.into_iter().map(key).collect()
}

impl Tx {
    /// Returns the key of a customer who was asked for with [`need`].
    pub(crate) fn key(&self, customer: &CustomerId) -> &CustomerKey {
        let key = self.customers().get(customer.as_str());
        key.expect("keys are asked for before rows are made")
    }

    /// Forgets the key of a customer who is erased.
    pub(super) fn forget(&mut self, customer: &CustomerId) {
        self.customers_mut().remove(customer.as_str());
    }

    /// Returns bytes as a column holds them.
    pub(super) fn seal(&self, customer: &CustomerId, column: &str, value: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(value.len() + crate::domain::seal::FURTHER_BYTES);
        let place = Place {
            column,
            customer: customer.as_str(),
        };
        self.keys()
            .seal_behind(&mut sealed, self.key(customer), place, value);
        sealed
    }

    /// Returns a text as a column holds it, which is a text too. That there is none is no secret.
    pub(super) fn seal_text(&self, customer: &CustomerId, column: &str, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        BASE64.encode(self.seal(customer, column, text.as_bytes()))
    }
}

/// Opens the personal columns of a row.
pub(super) struct Opener<'c> {
    customer: &'c str,
    /// Nothing once the customer is erased: what is sealed then reads as nothing.
    key: Option<CustomerKey>,
}

impl Keys {
    /// Returns what opens a row, from the key beside it.
    pub(super) fn opener<'c>(
        &self,
        customer: &'c str,
        wrapped: &Wrapped,
    ) -> Result<Opener<'c>, SqlError> {
        let open = |wrapped: &Vec<u8>| read("wrapped", self.open_key(customer, wrapped));
        let key = wrapped.as_ref().map(open).transpose()?;
        Ok(Opener { customer, key })
    }
}

impl<'c> Opener<'c> {
    /// Creates one with a key that was asked for.
    pub(super) fn new(customer: &'c str, key: Option<&CustomerKey>) -> Self {
        let key = key.cloned();
        Self { customer, key }
    }

    /// Returns the bytes of a column.
    pub(super) fn bytes(&self, column: &str, stored: &[u8]) -> Result<Vec<u8>, SqlError> {
        let place = Place {
            column,
            customer: self.customer,
        };
        match &self.key {
            Some(key) => read(column, key.open(place, stored)),
            None => Ok(Vec::new()),
        }
    }

    /// Returns the text of a column.
    pub(super) fn text(&self, column: &str, stored: &str) -> Result<String, SqlError> {
        if stored.is_empty() {
            return Ok(String::new());
        }
        let sealed = read(column, BASE64.decode(stored).ok())?;
        read(column, String::from_utf8(self.bytes(column, &sealed)?).ok())
    }
}
