//! Tables `subscription_penalty`, `termination_notice` and `leaving_signal`.

use tenure_core::{Currency, CustomerId, Lane, Lanes, Money, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::rows::{RowsSql, read, rows_sql};
use super::seal::{Opener, Wrapped, key_of, need};
use crate::domain::terms::{Notice, Penalty, PenaltyShape, Signal, SignalKind, Terms};
use crate::domain::{Fact, Interval};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const PENALTY: &str = "
    SELECT currency, amount_minor, shape, falls_from FROM subscription_penalty
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3";
const SAVE_PENALTY: &str = "
    INSERT INTO subscription_penalty (lane, customer_id, subscription_id, currency, amount_minor,
                                      shape, falls_from)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (lane, customer_id, subscription_id) DO UPDATE SET
        currency = EXCLUDED.currency, amount_minor = EXCLUDED.amount_minor,
        shape = EXCLUDED.shape, falls_from = EXCLUDED.falls_from";
const REMOVE_PENALTY: &str = "
    DELETE FROM subscription_penalty
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3";
const NOTICES: &str = concat!(
    "
    SELECT given_at, effective_at, reason, withdrawn_at, ",
    key_of!("termination_notice"),
    " FROM termination_notice
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3 AND given_at < $4
    ORDER BY given_at DESC
    LIMIT $5"
);
const SAVE_NOTICE: &str = "
    INSERT INTO termination_notice (lane, customer_id, subscription_id, given_at, effective_at,
                                    reason, withdrawn_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (lane, customer_id, subscription_id, given_at) DO UPDATE SET
        withdrawn_at = EXCLUDED.withdrawn_at";
const SIGNALS: &str = "
    SELECT happened_at, signal_id, subscription_id, kind, competitor_code FROM leaving_signal
    WHERE lane = $1 AND customer_id = $2 AND (happened_at, signal_id) < ($3, $4)
    ORDER BY happened_at DESC, signal_id DESC
    LIMIT $5";
/// Subscriptions of which anything is known here, in order, for a snapshot.
const PAGE: &str = "
    SELECT customer_id, subscription_id FROM (
        SELECT customer_id, subscription_id FROM subscription_penalty
        WHERE lane = $1 AND (customer_id, subscription_id) > ($2, $3)
        UNION
        SELECT customer_id, subscription_id FROM termination_notice
        WHERE lane = $1 AND (customer_id, subscription_id) > ($2, $3)) AS known
    ORDER BY customer_id, subscription_id
    LIMIT $4";
/// In the order of the table's key, for the same.
const PAGE_OF_SIGNALS: &str = "
    SELECT happened_at, signal_id, subscription_id, kind, competitor_code, customer_id
    FROM leaving_signal
    WHERE lane = $1 AND (customer_id, happened_at, signal_id) > ($2, $3, $4)
    ORDER BY customer_id, happened_at, signal_id
    LIMIT $5";
/// Those of a set of customers who gave notice in an interval and did not withdraw it.
const NOTICED: RowsSql = rows_sql!(
    "SELECT COUNT(DISTINCT n.customer_id)
     FROM",
    "JOIN termination_notice AS n ON n.lane = CAST(value ->> 0 AS INTEGER)
                                 AND n.customer_id = value ->> 1
     WHERE n.given_at >= $2 AND n.given_at < $3 AND n.withdrawn_at IS NULL"
);
const SAVE_SIGNAL: &str = "
    INSERT INTO leaving_signal (lane, customer_id, happened_at, signal_id, subscription_id, kind,
                                competitor_code)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

type PenaltyRow = (String, i64, i32, Option<i64>);
type NoticeRow = (i64, i64, String, Option<i64>, Wrapped);
type SignalRow = (i64, String, String, i32, String);

const REASON: &str = "termination_notice.reason";

/// Loads the terms of a subscription, behind the lock of the customer's lane.
///
/// # Errors
/// When the database fails.
pub async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Terms, SqlError> {
    load_of(tx, lanes.of(customer.as_str()), customer, id).await
}

async fn load_of(
    tx: &mut Tx,
    lane: Lane,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Terms, SqlError> {
    let penalty: Option<PenaltyRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(PENALTY).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(conn).await?
    });
    let notices: Vec<NoticeRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(NOTICES).bind(lane).bind(customer.as_str());
        let query = query.bind(id.as_str()).bind(i64::MAX).bind(1_i64);
        query.fetch_all(conn).await?
    });
    terms(tx.keys(), (customer, id), penalty, notices)
}

/// Returns the terms of a subscription.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, customer: &CustomerId, id: &SubscriptionId) -> Result<Terms, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let penalty: Option<PenaltyRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(PENALTY).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(pool).await?
    });
    let notices: Vec<NoticeRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(NOTICES).bind(lane).bind(customer.as_str());
        let query = query.bind(id.as_str()).bind(i64::MAX).bind(1_i64);
        query.fetch_all(pool).await?
    });
    terms(db.keys().await?, (customer, id), penalty, notices)
}

fn terms(
    keys: &Keys,
    (customer, id): (&CustomerId, &SubscriptionId),
    penalty: Option<PenaltyRow>,
    notices: Vec<NoticeRow>,
) -> Result<Terms, SqlError> {
    let penalty = match penalty {
        Some((currency, minor, shape, falls_from)) => Some(Penalty {
            amount: Money {
                currency: read("currency", Currency::parse(&currency).ok())?,
                minor,
            },
            shape: read("shape", PenaltyShape::from_number(shape))?,
            falls_from: falls_from.map(Timestamp::from_micros),
        }),
        None => None,
    };
    Ok(Terms {
        customer: customer.clone(),
        subscription: id.clone(),
        penalty,
        due: None,
        last_notice: self::notices(keys, customer, notices)?.into_iter().next(),
    })
}

fn notices(
    keys: &Keys,
    customer: &CustomerId,
    rows: Vec<NoticeRow>,
) -> Result<Vec<Notice>, SqlError> {
    let read = |row: NoticeRow| notice(&keys.opener(customer.as_str(), &row.4)?, row);
    rows.into_iter().map(read).collect()
}

fn notice(
    opener: &Opener<'_>,
    (given, effective, reason, withdrawn, _): NoticeRow,
) -> Result<Notice, SqlError> {
    Ok(Notice {
        given_at: Timestamp::from_micros(given),
        effective_at: Timestamp::from_micros(effective),
        reason: opener.text(REASON, &reason)?,
        withdrawn_at: withdrawn.map(Timestamp::from_micros),
    })
}

/// Returns up to `limit` notices of a subscription that were given before `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_notices(
    db: &Db,
    (customer, id): (&CustomerId, &SubscriptionId),
    before: i64,
    limit: i64,
) -> Result<Vec<Notice>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<NoticeRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(NOTICES).bind(lane).bind(customer.as_str());
        query
            .bind(id.as_str())
            .bind(before)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    notices(db.keys().await?, customer, rows)
}

/// Saves or removes the penalty.
///
/// # Errors
/// When the database fails.
pub async fn save_penalty(tx: &mut Tx, lanes: Lanes, terms: &Terms) -> Result<(), SqlError> {
    let (customer, id) = (terms.customer.as_str(), terms.subscription.as_str());
    let lane = lanes.of(customer);
    match &terms.penalty {
        None => with_tx!(tx, |conn| {
            let query = sqlx::query(REMOVE_PENALTY).bind(lane).bind(customer);
            query.bind(id).execute(conn).await?;
        }),
        Some(penalty) => with_tx!(tx, |conn| {
            let query = sqlx::query(SAVE_PENALTY).bind(lane).bind(customer).bind(id);
            let query = query
                .bind(penalty.amount.currency.as_str())
                .bind(penalty.amount.minor);
            let query = query.bind(penalty.shape.number());
            query
                .bind(penalty.falls_from.map(Timestamp::as_micros))
                .execute(conn)
                .await?;
        }),
    }
    Ok(())
}

/// Saves the last notice.
///
/// # Errors
/// When the database fails.
pub async fn save_notice(tx: &mut Tx, lanes: Lanes, terms: &Terms) -> Result<(), SqlError> {
    let (customer, id) = (terms.customer.as_str(), terms.subscription.as_str());
    let Some(notice) = &terms.last_notice else {
        return Ok(());
    };
    need(tx, lanes, [&terms.customer]).await?;
    let reason = tx.seal_text(&terms.customer, REASON, &notice.reason);
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_NOTICE)
            .bind(lanes.of(customer))
            .bind(customer)
            .bind(id);
        let query = query
            .bind(notice.given_at.as_micros())
            .bind(notice.effective_at.as_micros());
        let query = query.bind(reason);
        query
            .bind(notice.withdrawn_at.map(Timestamp::as_micros))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Saves a sign of leaving.
///
/// # Errors
/// When the database fails.
pub async fn save_signal(tx: &mut Tx, lanes: Lanes, signal: &Signal) -> Result<(), SqlError> {
    let customer = signal.customer.as_str();
    let subscription = signal.subscription.as_ref().map_or("", |id| id.as_str());
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_SIGNAL)
            .bind(lanes.of(customer))
            .bind(customer);
        let query = query
            .bind(signal.happened_at.as_micros())
            .bind(signal.id.to_string());
        let query = query.bind(subscription).bind(signal.kind.number());
        query.bind(&signal.competitor_code).execute(conn).await?;
    });
    Ok(())
}

/// Returns up to `limit` signs of leaving of a customer before the one of `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list_signals(
    db: &Db,
    customer: &CustomerId,
    before: (i64, &str),
    limit: i64,
) -> Result<Vec<Signal>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<SignalRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(SIGNALS).bind(lane).bind(customer.as_str());
        query
            .bind(before.0)
            .bind(before.1)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(|row| signal(customer, row)).collect()
}

fn signal(customer: &CustomerId, row: SignalRow) -> Result<Signal, SqlError> {
    let (happened, id, subscription, kind, competitor_code) = row;
    let subscription = match subscription.as_str() {
        "" => None,
        id => Some(read("subscription_id", SubscriptionId::parse(id).ok())?),
    };
    Ok(Signal {
        id: read("signal_id", Uuid::try_parse(&id).ok())?,
        customer: customer.clone(),
        subscription,
        kind: read("kind", SignalKind::from_number(kind))?,
        competitor_code,
        happened_at: Timestamp::from_micros(happened),
    })
}

/// Returns how many of a set of customers, named with their lanes, gave notice in an interval and did
/// not withdraw it.
///
/// # Errors
/// When the database fails.
pub(super) async fn noticed(db: &Db, customers: &str, during: Interval) -> Result<i64, SqlError> {
    let sql = db.pick(NOTICED.sqlite, NOTICED.postgres);
    let (from, until) = (during.from().as_micros(), during.until().as_micros());
    Ok(with_pool!(db, |pool| {
        let query = sqlx::query_scalar(sql)
            .bind(customers)
            .bind(from)
            .bind(until);
        query.fetch_one(pool).await?
    }))
}

/// Returns the terms of up to `limit` subscriptions of a lane that follow the one of which `after` is
/// the key, each with its key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let (customer, id) = after.split_once(' ').unwrap_or_default();
    let keys: Vec<(String, String)> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(id);
        page.bind(limit).fetch_all(conn).await?
    });
    let mut facts = Vec::with_capacity(keys.len());
    for (customer, id) in keys {
        let key = format!("{customer} {id}");
        let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
        let id = read("subscription_id", SubscriptionId::parse(&id).ok())?;
        facts.push((key, Fact::Terms(load_of(tx, lane, &customer, &id).await?)));
    }
    Ok(facts)
}

/// The same of signs of leaving.
///
/// # Errors
/// When the database fails.
pub(super) async fn page_of_signals(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let mut parts = after.split(' ');
    let mut part = || parts.next().unwrap_or_default();
    let (customer, at, id) = (part(), part(), part());
    let at = at.parse().unwrap_or(i64::MIN);
    let rows: Vec<(i64, String, String, i32, String, String)> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE_OF_SIGNALS).bind(lane).bind(customer);
        page.bind(at).bind(id).bind(limit).fetch_all(conn).await?
    });
    let fact = |row: (i64, String, String, i32, String, String)| {
        let key = format!("{} {} {}", row.5, row.0, row.1);
        let customer = read("customer_id", CustomerId::parse(&row.5).ok())?;
        let signal = signal(&customer, (row.0, row.1, row.2, row.3, row.4))?;
        Ok((key, Fact::Signal(signal)))
    };
    rows.into_iter().map(fact).collect()
}
