//! Table `msisdn`: who held a number when, in the lane of the number.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool};

use super::rows::{self, RowsSql, execute, load_rows, read, rows_sql};
use crate::domain::{Book, Holding, Msisdn};

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
    "INSERT INTO msisdn (lane, msisdn, held_from, held_until, customer_id, subscription_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS BIGINT),
            CAST(value ->> 3 AS BIGINT), value ->> 4, value ->> 5
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, msisdn, held_from) DO UPDATE SET
         held_until = EXCLUDED.held_until, customer_id = EXCLUDED.customer_id,
         subscription_id = EXCLUDED.subscription_id"
);
const FIND: &str = "
    SELECT customer_id, subscription_id FROM msisdn
    WHERE lane = $1 AND msisdn = $2 AND held_from <= $3 AND held_until > $3";

type Row = (String, i64, i64, String, String);

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
    let keys: Vec<_> = numbers
        .iter()
        .map(|number| (lanes.of(number.as_str()), number.as_str()))
        .collect();
    for (number, from, until, customer, subscription) in load_rows!(tx, LOAD, keys, Row) {
        let number = read("msisdn", Msisdn::parse(&number).ok())?;
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
    fn row(lanes: Lanes, (number, from): &(Msisdn, Timestamp)) -> (Lane, &str, i64) {
        let number = number.as_str();
        (lanes.of(number), number, from.as_micros())
    }
    let key = |number| row(lanes, number);
    let gone: Vec<_> = book.numbers.removed().map(key).collect();
    execute(tx, REMOVE, &gone).await?;
    let (created, changed) = book.numbers.saved(|number, holding| {
        let (lane, number, from) = row(lanes, number);
        let until = holding.until.as_micros();
        let (customer, subscription) = (&holding.customer, &holding.subscription);
        (
            lane,
            number,
            from,
            until,
            customer.as_str(),
            subscription.as_str(),
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
    let found: Option<(String, String)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(FIND)
            .bind(lane)
            .bind(number.as_str())
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
