//! Table `msisdn`: who held a number when, in the lane of the number.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{CustomerId, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool};

use super::rows::{self, RowsSql, execute, load_rows, read, rows_sql};
use super::seal::need;
use crate::domain::{Book, Holding, Msisdn};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    "SELECT msisdn.msisdn, msisdn.held_from, msisdn.held_until, msisdn.customer_id,
            msisdn.subscription_id
     FROM",
    "JOIN msisdn ON msisdn.lane = CAST(value ->> 0 AS INTEGER)
                AND msisdn.msisdn = value ->> 1"
);
/// SQLite uses no more than the first column of an index for a list of rows, so it is told each column
/// as well.
const REMOVE: RowsSql = RowsSql {
    sqlite: "
    DELETE FROM msisdn
    WHERE lane IN (SELECT CAST(value ->> 0 AS INTEGER) FROM json_each($1))
      AND msisdn IN (SELECT CAST(value ->> 1 AS TEXT) FROM json_each($1))
      AND (lane, msisdn, held_from) IN (
          SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT)
          FROM json_each($1))",
    postgres: "
    DELETE FROM msisdn
    USING jsonb_array_elements($1::JSONB) AS given (value)
    WHERE lane = CAST(value ->> 0 AS INTEGER) AND msisdn = value ->> 1
      AND held_from = CAST(value ->> 2 AS BIGINT)",
};
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO msisdn (lane, msisdn, held_from, held_until, customer_id, subscription_id, sealed)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT), value ->> 4, value ->> 5, value ->> 6
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, msisdn, held_from) DO UPDATE SET
         held_until = EXCLUDED.held_until, customer_id = EXCLUDED.customer_id,
         subscription_id = EXCLUDED.subscription_id, sealed = EXCLUDED.sealed"
);
const FIND: &str = "
    SELECT customer_id, subscription_id FROM msisdn
    WHERE lane = $1 AND msisdn = $2 AND held_from <= $3 AND held_until > $3";

type Row = (String, i64, i64, String, String);

const SEALED: &str = "msisdn.sealed";

/// Returns by what a number is found.
fn index(keys: &Keys, number: &Msisdn) -> String {
    keys.index("msisdn", number.as_str().as_bytes())
}

/// Loads the holdings of the numbers that are claimed, and of those that the loaded subscriptions
/// have.
pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    claimed: &BTreeSet<Msisdn>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let had = book
        .subscriptions
        .range(..)
        .filter_map(|(_, known)| known.msisdn.clone());
    let numbers: BTreeSet<Msisdn> = claimed.iter().cloned().chain(had).collect();
    let indexed = |number: Msisdn| (index(tx.keys(), &number), number);
    let numbers: BTreeMap<String, Msisdn> = numbers.into_iter().map(indexed).collect();
    let keys: Vec<_> = numbers
        .iter()
        .map(|(index, number)| (lanes.of(number.as_str()), index.as_str()))
        .collect();
    for (index, from, until, customer, subscription) in load_rows!(tx, LOAD, keys, Row) {
        let number = read("msisdn", numbers.get(&index).cloned())?;
        let (customer, subscription) = parties(&customer, &subscription)?;
        let holding = Holding {
            until: Timestamp::from_micros(until),
            customer,
            subscription,
        };
        book.numbers
            .load((number, Timestamp::from_micros(from)), holding);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let keys = tx.keys().clone();
    let key = |(number, from): &(Msisdn, Timestamp)| {
        let lane = lanes.of(number.as_str());
        (lane, index(&keys, number), from.as_micros())
    };
    let gone: Vec<_> = book.numbers.removed().map(key).collect();
    execute(tx, REMOVE, &gone).await?;
    let written = book.numbers.written().map(|(_, holding)| &holding.customer);
    need(tx, lanes, written).await?;
    let (created, changed) = book.numbers.saved(|number, holding| {
        let (lane, index, from) = key(number);
        let until = holding.until.as_micros();
        let (customer, subscription) = (&holding.customer, &holding.subscription);
        (
            lane,
            index,
            from,
            until,
            customer.as_str(),
            subscription.as_str(),
            tx.seal_text(customer, SEALED, number.0.as_str()),
        )
    });
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns who holds or held a number at an instant, and with which subscription.
///
/// # Errors
/// When the database fails.
pub async fn find(
    db: &Db,
    number: &Msisdn,
    at: Timestamp,
) -> Result<Option<(CustomerId, SubscriptionId)>, SqlError> {
    let lane = db.lanes().of(number.as_str());
    let index = index(db.keys().await?, number);
    let found: Option<(String, String)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(FIND)
            .bind(lane)
            .bind(index)
            .bind(at.as_micros());
        query.fetch_optional(pool).await?
    });
    found
        .map(|(customer, subscription)| parties(&customer, &subscription))
        .transpose()
}

fn parties(customer: &str, subscription: &str) -> Result<(CustomerId, SubscriptionId), SqlError> {
    let customer = read("customer_id", CustomerId::parse(customer).ok())?;
    Ok((
        customer,
        read("subscription_id", SubscriptionId::parse(subscription).ok())?,
    ))
}
