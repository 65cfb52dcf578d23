//! Table `external_id`: whom the names in other systems mean, in the lane of the name.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{CustomerId, Lanes};
use tenure_sql::{SqlError, with_pool};

use super::rows::{self, RowsSql, execute, load_rows, read, rows_sql};
use crate::domain::{Book, ExternalId};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    "SELECT external_id.system, external_id.id, external_id.customer_id
     FROM",
    "JOIN external_id ON external_id.lane = CAST(value ->> 0 AS INTEGER)
                     AND external_id.system = value ->> 1
                     AND external_id.id = value ->> 2"
);
/// SQLite uses no more than the first column of an index for a list of rows, so it is told each column
/// as well.
const REMOVE: RowsSql = RowsSql {
    sqlite: "
    DELETE FROM external_id
    WHERE lane IN (SELECT CAST(value ->> 0 AS INTEGER) FROM json_each($1))
      AND system IN (SELECT CAST(value ->> 1 AS TEXT) FROM json_each($1))
      AND id IN (SELECT CAST(value ->> 2 AS TEXT) FROM json_each($1))
      AND (lane, system, id) IN (
          SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2 FROM json_each($1))",
    postgres: "
    DELETE FROM external_id
    USING jsonb_array_elements($1::JSONB) AS given (value)
    WHERE lane = CAST(value ->> 0 AS INTEGER) AND system = value ->> 1 AND id = value ->> 2",
};
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO external_id (lane, system, id, customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, system, id) DO UPDATE SET customer_id = EXCLUDED.customer_id"
);
const FIND: &str = "
    SELECT customer_id FROM external_id
    WHERE lane = $1 AND system = $2 AND id = $3";

/// Returns by what an id is found: nobody reads the id from it.
fn index(keys: &Keys, id: &ExternalId) -> String {
    keys.index("external_id", id.key().as_bytes())
}

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    ids: &BTreeSet<ExternalId>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let indexed = |id: &ExternalId| (index(tx.keys(), id), id.clone());
    let ids: BTreeMap<String, ExternalId> = ids.iter().map(indexed).collect();
    let keys: Vec<_> = ids
        .iter()
        .map(|(index, id)| (lanes.of(&id.key()), id.system(), index.as_str()))
        .collect();
    for (_, index, customer) in load_rows!(tx, LOAD, keys, (String, String, String)) {
        let id = read("id", ids.get(&index).cloned())?;
        book.external_ids
            .load(id, read("customer_id", CustomerId::parse(&customer).ok())?);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let keys = tx.keys().clone();
    let gone: Vec<_> = book
        .external_ids
        .removed()
        .map(|id| (lanes.of(&id.key()), id.system(), index(&keys, id)))
        .collect();
    execute(tx, REMOVE, &gone).await?;
    let (created, changed) = book.external_ids.saved(|id, customer| {
        let lane = lanes.of(&id.key());
        (lane, id.system(), index(&keys, id), customer.as_str())
    });
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns the customer whom a name in another system means.
///
/// # Errors
/// When the database fails.
pub async fn find(db: &Db, id: &ExternalId) -> Result<Option<CustomerId>, SqlError> {
    let lane = db.lanes().of(&id.key());
    let index = index(db.keys().await?, id);
    let found: Option<String> = with_pool!(db, |pool| {
        let query = sqlx::query_scalar(FIND)
            .bind(lane)
            .bind(id.system())
            .bind(index);
        query.fetch_optional(pool).await?
    });
    found
        .map(|id| read("customer_id", CustomerId::parse(&id).ok()))
        .transpose()
}
