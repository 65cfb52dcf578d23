//! Table `customer`.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::rows::Bytes;
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::facts;
use super::rows::{self, RowsSql, encode, load_rows, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::words::CustomerKind;
use crate::domain::{Book, Customer, Fact, ImportMark};
use crate::store::{Db, Tx};
use crate::vault::Keys;

macro_rules! save_head {
    () => {
        "INSERT INTO customer (lane, customer_id, kind, display_name, joined_at, created_at, updated_at,
                               version, import_id, import_line, facts)
         SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS INTEGER), value ->> 3,
                CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS BIGINT),
                CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT), value ->> 8,
                CAST(value ->> 9 AS BIGINT), "
    };
}
macro_rules! save_tail {
    () => {
        "WHERE TRUE -- Without it SQLite takes ON CONFLICT for a join condition.
         ON CONFLICT (lane, customer_id) DO UPDATE SET
             kind = EXCLUDED.kind, display_name = EXCLUDED.display_name,
             joined_at = EXCLUDED.joined_at, updated_at = EXCLUDED.updated_at,
             version = EXCLUDED.version, import_id = EXCLUDED.import_id,
             import_line = EXCLUDED.import_line, facts = EXCLUDED.facts"
    };
}

const LOAD: RowsSql = rows_sql!(
    key_of "customer",
    "SELECT customer.customer_id, customer.kind, customer.display_name, customer.joined_at,
            customer.created_at, customer.updated_at, customer.version, customer.import_id,
            customer.import_line, customer.facts",
    "JOIN customer ON customer.lane = CAST(value ->> 0 AS INTEGER)
                  AND customer.customer_id = value ->> 1"
);
/// Facts are bytes, which JSON cannot hold: there they are hexadecimal digits.
const SAVE: RowsSql = RowsSql {
    sqlite: concat!(
        save_head!(),
        "value ->> 10 FROM json_each($1) AS given ",
        save_tail!()
    ),
    postgres: concat!(
        save_head!(),
        "DECODE(value ->> 10, 'hex') FROM jsonb_array_elements($1::JSONB) AS given (value) ",
        save_tail!()
    ),
};
const GET: &str = concat!(
    "
    SELECT customer_id, kind, display_name, joined_at, created_at, updated_at, version, import_id,
           import_line, facts, ",
    key_of!("customer"),
    "
    FROM customer
    WHERE lane = $1 AND customer_id = $2"
);
const LIST: &str = concat!(
    "
    SELECT customer_id, kind, display_name, joined_at, created_at, updated_at, version, import_id,
           import_line, facts, ",
    key_of!("customer"),
    "
    FROM customer
    WHERE customer_id > $1
      AND NOT EXISTS (
          SELECT 1 FROM identity_alias
          WHERE identity_alias.lane = customer.lane
            AND identity_alias.customer_id = customer.customer_id
            AND identity_alias.survivor_customer_id <> customer.customer_id)
    ORDER BY customer_id
    LIMIT $2"
);
/// In the order of the table's key.
const PAGE: &str = concat!(
    "
    SELECT customer_id, kind, display_name, joined_at, created_at, updated_at, version, import_id,
           import_line, facts, ",
    key_of!("customer"),
    "
    FROM customer
    WHERE lane = $1 AND customer_id > $2
    ORDER BY customer_id
    LIMIT $3"
);
const COUNT: &str = "SELECT COUNT(*) FROM customer";

type Row = (
    String,
    i32,
    String,
    i64,
    i64,
    i64,
    i64,
    Option<String>,
    Option<i64>,
    Vec<u8>,
    Wrapped,
);

const NAME: &str = "customer.display_name";
const FACTS: &str = "customer.facts";

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    ids: &BTreeSet<CustomerId>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = ids
        .iter()
        .map(|id| (lanes.of(id.as_str()), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let customer = known(tx.keys(), row)?;
        for id in &customer.external_ids {
            book.external_ids.load(id.clone(), customer.id.clone());
        }
        book.customers.load(customer.id.clone(), customer);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let written = book.customers.written().map(|(id, _)| id);
    need(tx, lanes, written).await?;
    let import = |customer: &Customer| customer.import.map(|mark| mark.import_id.to_string());
    let (created, changed) = book.customers.saved(|id, customer| {
        (
            lanes.of(id.as_str()),
            id.as_str(),
            customer.kind.number(),
            tx.seal_text(id, NAME, &customer.display_name),
            customer.joined_at.as_micros(),
            customer.created_at.as_micros(),
            customer.updated_at.as_micros(),
            customer.version,
            import(customer),
            customer.import.map(|mark| mark.line),
            Bytes(tx.seal(id, FACTS, &facts::encode(customer))),
        )
    });
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns a customer.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: &CustomerId) -> Result<Option<Customer>, SqlError> {
    let lane = db.lanes().of(id.as_str());
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(GET)
            .bind(lane)
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?
    });
    let keys = db.keys().await?;
    row.map(|row| known(keys, row)).transpose()
}

/// Returns a customer as this transaction sees it.
///
/// # Errors
/// When the database fails.
pub async fn load_one(
    tx: &mut Tx,
    lanes: Lanes,
    id: &CustomerId,
) -> Result<Option<Customer>, SqlError> {
    let keys = vec![(lanes.of(id.as_str()), id.as_str())];
    let mut rows = load_rows!(tx, LOAD, keys, Row);
    let row = rows.pop();
    row.map(|row| known(tx.keys(), row)).transpose()
}

/// Returns those of some customers that exist, in any order.
///
/// # Errors
/// When the database fails.
pub async fn get_all(db: &Db, ids: &[CustomerId]) -> Result<Vec<Customer>, SqlError> {
    let lanes = db.lanes();
    let keys: Vec<_> = ids
        .iter()
        .map(|id| (lanes.of(id.as_str()), id.as_str()))
        .collect();
    let sql = db.pick(LOAD.sqlite, LOAD.postgres);
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(sql)
        .bind(encode(&keys))
        .fetch_all(pool)
        .await?);
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` customers whose ids follow `after`, by id, without those that were merged into
/// others.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, after: &str, limit: i64) -> Result<Vec<Customer>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns up to `limit` customers of a lane that follow the one of which `after` is the key, each with
/// its key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(after);
        page.bind(limit).fetch_all(conn).await?
    });
    rows.into_iter()
        .map(|row| {
            let fact = known(tx.keys(), row)?;
            Ok((fact.id.to_string(), Fact::Customer(fact)))
        })
        .collect()
}

/// Returns up to `limit` customers of a lane whose ids follow `after`, by id: all of them, also those
/// that were merged into others.
///
/// # Errors
/// When the database fails.
pub async fn list_lane(
    db: &Db,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<Customer>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(PAGE).bind(lane).bind(after);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns how many customers there are.
///
/// # Errors
/// When the database fails.
pub async fn count(db: &Db) -> Result<i64, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(COUNT)
        .fetch_one(pool)
        .await?))
}

fn known(keys: &Keys, row: Row) -> Result<Customer, SqlError> {
    let (id, kind, name, joined, created, updated, version, import, line, sealed, key) = row;
    let opener = keys.opener(&id, &key)?;
    let display_name = opener.text(NAME, &name)?;
    let (attributes, external_ids, payment) = facts::decode(&opener.bytes(FACTS, &sealed)?)?;
    let import = match (import, line) {
        (Some(import), Some(line)) => {
            let import_id = read("import_id", Uuid::try_parse(&import).ok())?;
            Some(ImportMark { import_id, line })
        }
        _ => None,
    };
    Ok(Customer {
        id: read("customer_id", CustomerId::parse(&id).ok())?,
        kind: read("kind", CustomerKind::from_number(kind))?,
        display_name,
        external_ids,
        attributes,
        joined_at: Timestamp::from_micros(joined),
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
        payment,
        version,
        import,
    })
}
