//! Table `subscription`.

use std::collections::BTreeSet;

use serde::Serialize;
use tenure_core::{Currency, CustomerId, Lane, Lanes, Money, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{self, RowsSql, load_rows, page_by_id, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use super::standing;
use crate::domain::words::{ChurnKind, ServiceKind};
use crate::domain::{Book, Fact, Interval, Msisdn, Subscription, Termination};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const LOAD: RowsSql = rows_sql!(
    key_of "s",
    "SELECT s.customer_id, s.subscription_id, s.service, s.product_code, s.msisdn, s.msisdn_from,
            s.started_at, s.contract_ends_at, s.fee_currency, s.fee_minor, s.terminated_at,
            s.churn_kind, s.churn_reason, s.updated_at, s.standing",
    "JOIN subscription AS s ON s.lane = CAST(value ->> 0 AS INTEGER)
                           AND s.customer_id = value ->> 1
                           AND s.subscription_id = value ->> 2"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO subscription (lane, customer_id, subscription_id, service, product_code, msisdn,
                               msisdn_from, started_at, contract_ends_at, fee_currency, fee_minor,
                               terminated_at, churn_kind, churn_reason, updated_at, standing)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            value ->> 4, value ->> 5, CAST(value ->> 6 AS BIGINT), CAST(value ->> 7 AS BIGINT),
            CAST(value ->> 8 AS BIGINT), value ->> 9, CAST(value ->> 10 AS BIGINT),
            CAST(value ->> 11 AS BIGINT), CAST(value ->> 12 AS INTEGER), value ->> 13,
            CAST(value ->> 14 AS BIGINT), value ->> 15
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, subscription_id) DO UPDATE SET
         service = EXCLUDED.service, product_code = EXCLUDED.product_code,
         msisdn = EXCLUDED.msisdn, msisdn_from = EXCLUDED.msisdn_from,
         started_at = EXCLUDED.started_at, contract_ends_at = EXCLUDED.contract_ends_at,
         fee_currency = EXCLUDED.fee_currency, fee_minor = EXCLUDED.fee_minor,
         terminated_at = EXCLUDED.terminated_at, churn_kind = EXCLUDED.churn_kind,
         churn_reason = EXCLUDED.churn_reason, updated_at = EXCLUDED.updated_at,
         standing = EXCLUDED.standing"
);
const GET: &str = concat!(
    "
    SELECT customer_id, subscription_id, service, product_code, msisdn, msisdn_from, started_at,
           contract_ends_at, fee_currency, fee_minor, terminated_at, churn_kind, churn_reason,
           updated_at, standing, ",
    key_of!("subscription"),
    "
    FROM subscription
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3"
);
/// Those of a set of customers that ended in an interval.
const ENDED: RowsSql = rows_sql!(
    key_of "s",
    "SELECT s.customer_id, s.subscription_id, s.service, s.product_code, s.msisdn, s.msisdn_from,
            s.started_at, s.contract_ends_at, s.fee_currency, s.fee_minor, s.terminated_at,
            s.churn_kind, s.churn_reason, s.updated_at, s.standing",
    "JOIN subscription AS s ON s.lane = CAST(value ->> 0 AS INTEGER)
                           AND s.customer_id = value ->> 1
     WHERE s.terminated_at >= $2 AND s.terminated_at < $3"
);
const LIST: &str = concat!(
    "
    SELECT customer_id, subscription_id, service, product_code, msisdn, msisdn_from, started_at,
           contract_ends_at, fee_currency, fee_minor, terminated_at, churn_kind, churn_reason,
           updated_at, standing, ",
    key_of!("subscription"),
    "
    FROM subscription
    WHERE lane = $1 AND customer_id = $2
      AND subscription_id >= $3 AND (subscription_id > $3 OR customer_id > $4)
    ORDER BY subscription_id
    LIMIT $5"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, subscription_id, service, product_code, msisdn, msisdn_from, started_at,
           contract_ends_at, fee_currency, fee_minor, terminated_at, churn_kind, churn_reason,
           updated_at, standing, ",
    key_of!("subscription"),
    "
    FROM subscription
    WHERE lane = $1 AND (customer_id, subscription_id) > ($2, $3)
    ORDER BY customer_id, subscription_id
    LIMIT $4"
);
/// The subscription that is asked about comes first, lest it be cut off.
const RUNNING: &str = concat!(
    "
    SELECT customer_id, subscription_id, service, product_code, msisdn, msisdn_from, started_at,
           contract_ends_at, fee_currency, fee_minor, terminated_at, churn_kind, churn_reason,
           updated_at, standing, ",
    key_of!("subscription"),
    "
    FROM subscription
    WHERE lane = $1 AND customer_id = $2 AND (terminated_at IS NULL OR terminated_at > $3)
    ORDER BY CASE WHEN subscription_id = $4 THEN 0 ELSE 1 END, subscription_id
    LIMIT $5"
);
const NUMBERS: &str = concat!(
    "
    SELECT customer_id, msisdn, ",
    key_of!("subscription"),
    " FROM subscription
    WHERE lane = $1 AND customer_id > $2 AND customer_id <= $3
      AND msisdn IS NOT NULL AND terminated_at IS NULL"
);
const NUMBERS_OF: &str = concat!(
    "
    SELECT customer_id, msisdn, ",
    key_of!("subscription"),
    " FROM subscription
    WHERE lane = $1 AND customer_id = $2 AND msisdn IS NOT NULL AND terminated_at IS NULL"
);

type Row = (
    String,
    String,
    i32,
    String,
    Option<String>,
    Option<i64>,
    i64,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i32>,
    String,
    i64,
    Option<String>,
    Wrapped,
);
type NumberRow = (String, String, Wrapped);

pub(super) const NUMBER: &str = "subscription.msisdn";
const REASON: &str = "subscription.churn_reason";
const STANDING: &str = "subscription.standing";

pub(super) async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    keys: &BTreeSet<(CustomerId, SubscriptionId)>,
    book: &mut Book,
) -> Result<(), SqlError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|(customer, id)| (lanes.of(customer.as_str()), customer.as_str(), id.as_str()))
        .collect();
    for row in load_rows!(tx, LOAD, keys, Row) {
        let subscription = known(tx.keys(), row)?;
        let key = (subscription.customer.clone(), subscription.id.clone());
        book.subscriptions.load(key, subscription);
    }
    Ok(())
}

pub(super) async fn save(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    fn row<'s>(tx: &Tx, lanes: Lanes, s: &'s Subscription) -> impl Serialize + use<'s> {
        let end = s.termination.as_ref();
        let seal = |column, text: &str| tx.seal_text(&s.customer, column, text);
        (
            lanes.of(s.customer.as_str()),
            s.customer.as_str(),
            s.id.as_str(),
            s.service.number(),
            &s.product_code,
            s.msisdn.as_ref().map(|it| seal(NUMBER, it.as_str())),
            s.msisdn_from.map(Timestamp::as_micros),
            s.started_at.as_micros(),
            s.contract_ends_at.map(Timestamp::as_micros),
            s.monthly_fee.as_ref().map(|fee| fee.currency.as_str()),
            s.monthly_fee.map(|fee| fee.minor),
            end.map(|end| end.at.as_micros()),
            end.map(|end| end.kind.number()),
            seal(REASON, end.map_or("", |end| &end.reason)),
            s.updated_at.as_micros(),
            standing::encode(s).map(|standing| seal(STANDING, &standing)),
        )
    }
    let written = book.subscriptions.written();
    need(tx, lanes, written.map(|((customer, _), _)| customer)).await?;
    let (created, changed) = book.subscriptions.saved(|_, s| row(tx, lanes, s));
    rows::save(tx, SAVE, &created, &changed).await
}

/// Returns up to `limit` subscriptions of a customer that come after the one with the id `after.0` of
/// the customer `after.1`, by id: one that was given to another customer stands with both.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Subscription>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        let query = query.bind(after.0).bind(after.1);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

page_by_id!(sealed PAGE, Row, known => Fact::Subscription);

/// Returns up to `limit` subscriptions of a customer that have not ended by `now`: `first` if it is
/// one of them, then by id.
///
/// # Errors
/// When the database fails.
pub async fn running(
    db: &Db,
    customer: &CustomerId,
    first: Option<&SubscriptionId>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Subscription>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(RUNNING)
            .bind(lane)
            .bind(customer.as_str())
            .bind(now.as_micros())
            .bind(first.map_or("", SubscriptionId::as_str))
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns the numbers that running subscriptions hold, of the customers of a lane that come after one
/// id up to another.
///
/// # Errors
/// When the database fails.
pub async fn numbers(
    db: &Db,
    lane: Lane,
    (after, last): (&str, &str),
) -> Result<Vec<(CustomerId, Msisdn)>, SqlError> {
    let rows: Vec<NumberRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(NUMBERS).bind(lane).bind(after);
        query.bind(last).fetch_all(pool).await?
    });
    numbers_in(db.keys().await?, rows)
}

/// Returns the numbers that running subscriptions of a customer hold.
///
/// # Errors
/// When the database fails.
pub async fn numbers_of(db: &Db, customer: &CustomerId) -> Result<Vec<Msisdn>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<NumberRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(NUMBERS_OF).bind(lane);
        query.bind(customer.as_str()).fetch_all(pool).await?
    });
    let numbers = numbers_in(db.keys().await?, rows)?;
    Ok(numbers.into_iter().map(|(_, number)| number).collect())
}

/// Returns the number of a column that was opened; nothing where its key is gone.
pub(super) fn known_number(text: &str) -> Result<Option<Msisdn>, SqlError> {
    match text {
        "" => Ok(None),
        text => read("msisdn", Msisdn::parse(text).ok()).map(Some),
    }
}

fn numbers_in(keys: &Keys, rows: Vec<NumberRow>) -> Result<Vec<(CustomerId, Msisdn)>, SqlError> {
    let mut numbers = Vec::with_capacity(rows.len());
    for (customer, number, key) in rows {
        let number = keys.opener(&customer, &key)?.text(NUMBER, &number)?;
        let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
        numbers.extend(known_number(&number)?.map(|number| (customer, number)));
    }
    Ok(numbers)
}

/// Returns a subscription of a customer.
///
/// # Errors
/// When the database fails.
pub async fn get(
    db: &Db,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Option<Subscription>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(GET).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(pool).await?
    });
    let keys = db.keys().await?;
    row.map(|row| known(keys, row)).transpose()
}

/// Returns a subscription of a customer as a transaction sees it.
///
/// # Errors
/// When the database fails.
pub(super) async fn load_one(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Option<Subscription>, SqlError> {
    let lane = lanes.of(customer.as_str());
    let row: Option<Row> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(GET).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(conn).await?
    });
    row.map(|row| known(tx.keys(), row)).transpose()
}

/// Returns those subscriptions of a set of customers, named with their lanes, that ended in an interval.
///
/// # Errors
/// When the database fails.
pub(super) async fn ended(
    db: &Db,
    customers: &str,
    during: Interval,
) -> Result<Vec<Subscription>, SqlError> {
    let sql = db.pick(ENDED.sqlite, ENDED.postgres);
    let (from, until) = (during.from().as_micros(), during.until().as_micros());
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(sql).bind(customers).bind(from).bind(until);
        query.fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

fn known(keys: &Keys, row: Row) -> Result<Subscription, SqlError> {
    let (customer, id, service, product_code, msisdn, msisdn_from, started, ..) = row;
    let opener = keys.opener(&customer, &row.15)?;
    let started = Timestamp::from_micros(started);
    let instant = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    let number = |sealed: String| known_number(&opener.text(NUMBER, &sealed)?);
    let monthly_fee = match (row.8, row.9) {
        (Some(code), Some(minor)) => {
            let currency = read("fee_currency", Currency::parse(&code).ok())?;
            Some(Money { currency, minor })
        }
        _ => None,
    };
    let termination = match (row.10, row.11) {
        (Some(at), Some(kind)) => Some(Termination {
            at: Timestamp::from_micros(at),
            kind: read("churn_kind", ChurnKind::from_number(kind))?,
            reason: opener.text(REASON, &row.12)?,
            is_ported_out: false,
        }),
        _ => None,
    };
    let mut subscription = Subscription {
        id: read("subscription_id", SubscriptionId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        service: read("service", ServiceKind::from_number(service))?,
        product_code,
        msisdn: msisdn.map(number).transpose()?.flatten(),
        msisdn_from: instant(msisdn_from),
        started_at: started,
        contract_ends_at: instant(row.7),
        monthly_fee,
        termination,
        standing: standing::unchanged(started, instant(row.10)),
        updated_at: Timestamp::from_micros(row.13),
    };
    let standing = opener.text(STANDING, row.14.as_deref().unwrap_or_default())?;
    if !standing.is_empty() {
        standing::decode(&standing, &mut subscription)?;
    }
    Ok(subscription)
}
