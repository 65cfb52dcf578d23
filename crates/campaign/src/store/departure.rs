//! Tables `active_subscription` and `departure`, and what departures mean for enrolments.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::{CustomerId, Lane, Timestamp};
use tenure_sql::{SqlError, Tx, with_tx};

use super::enrolment::{Row, columns, from_row};
use super::json;
use crate::domain::enrolment::Enrolment;

pub(super) const ACTIVE_SQLITE: &str = "
    SELECT customer_id, subscription_id FROM active_subscription
    WHERE lane = $1 AND customer_id IN (SELECT value FROM json_each($2))";
const ACTIVE_POSTGRES: &str = "
    SELECT customer_id, subscription_id FROM active_subscription
    WHERE lane = $1 AND customer_id IN (SELECT JSONB_ARRAY_ELEMENTS_TEXT($2::JSONB))";

const ADD_SQLITE: &str = "
    INSERT INTO active_subscription (lane, customer_id, subscription_id)
    SELECT $1, value ->> 0, value ->> 1 FROM json_each($2)
    WHERE TRUE -- Without it SQLite reads ON as part of a join.
    ON CONFLICT DO NOTHING";
const ADD_POSTGRES: &str = "
    INSERT INTO active_subscription (lane, customer_id, subscription_id)
    SELECT $1, value ->> 0, value ->> 1 FROM JSONB_ARRAY_ELEMENTS($2::JSONB) AS row (value)
    ON CONFLICT DO NOTHING";

const REMOVE_SQLITE: &str = "
    DELETE FROM active_subscription
    WHERE lane = $1 AND (customer_id, subscription_id) IN (
        SELECT value ->> 0, value ->> 1 FROM json_each($2))";
const REMOVE_POSTGRES: &str = "
    DELETE FROM active_subscription
    WHERE lane = $1 AND (customer_id, subscription_id) IN (
        SELECT value ->> 0, value ->> 1 FROM JSONB_ARRAY_ELEMENTS($2::JSONB) AS row (value))";

const LEAVE_SQLITE: &str = "
    INSERT INTO departure (lane, customer_id, left_at)
    SELECT $1, value ->> 0, value ->> 1 FROM json_each($2)
    WHERE TRUE -- Without it SQLite reads ON as part of a join.
    ON CONFLICT (lane, customer_id) DO UPDATE SET left_at = EXCLUDED.left_at
    WHERE departure.left_at < EXCLUDED.left_at";
const LEAVE_POSTGRES: &str = "
    INSERT INTO departure (lane, customer_id, left_at)
    SELECT $1, value ->> 0, (value ->> 1)::BIGINT
    FROM JSONB_ARRAY_ELEMENTS($2::JSONB) AS row (value)
    ON CONFLICT (lane, customer_id) DO UPDATE SET left_at = EXCLUDED.left_at
    WHERE departure.left_at < EXCLUDED.left_at";

/// The first departure after the enrolment counts, in whichever order we learn of several.
pub(super) const CHURN: &str = concat!(
    "UPDATE enrolment SET churned_at = $3
    WHERE lane = $1 AND customer_id = $2 AND enrolled_at < $3
        AND (churned_at IS NULL OR churned_at > $3)
    RETURNING ",
    columns!()
);

pub(super) const LEFT_SQLITE: &str = "
    SELECT customer_id, left_at FROM departure
    WHERE lane = $1 AND left_at > $2 AND customer_id IN (SELECT value FROM json_each($3))";
const LEFT_POSTGRES: &str = "
    SELECT customer_id, left_at FROM departure
    WHERE lane = $1 AND left_at > $2
        AND customer_id IN (SELECT JSONB_ARRAY_ELEMENTS_TEXT($3::JSONB))";

/// Returns the running subscriptions of some customers of a lane.
pub(crate) async fn active(
    tx: &mut Tx,
    lane: Lane,
    customers: &[&str],
) -> Result<BTreeMap<String, BTreeSet<String>>, SqlError> {
    let sql = tx.pick(ACTIVE_SQLITE, ACTIVE_POSTGRES);
    let rows: Vec<(String, String)> = with_tx!(tx, |conn| {
        sqlx::query_as(sql)
            .bind(lane)
            .bind(json(&customers))
            .fetch_all(conn)
            .await?
    });
    let mut active = BTreeMap::<String, BTreeSet<String>>::new();
    for (customer, subscription) in rows {
        active.entry(customer).or_default().insert(subscription);
    }
    Ok(active)
}

/// Adds subscriptions that run and removes those that do not, each with its customer.
pub(crate) async fn change_active(
    tx: &mut Tx,
    lane: Lane,
    begun: &[(&str, &str)],
    ended: &[(&str, &str)],
) -> Result<(), SqlError> {
    let add = tx.pick(ADD_SQLITE, ADD_POSTGRES);
    let remove = tx.pick(REMOVE_SQLITE, REMOVE_POSTGRES);
    for (sql, rows) in [(add, begun), (remove, ended)] {
        if rows.is_empty() {
            continue;
        }
        with_tx!(tx, |conn| {
            sqlx::query(sql)
                .bind(lane)
                .bind(json(&rows))
                .execute(conn)
                .await?;
        });
    }
    Ok(())
}

/// Notes when customers left, no customer twice.
pub(crate) async fn leave(tx: &mut Tx, lane: Lane, left: &[(&str, i64)]) -> Result<(), SqlError> {
    let sql = tx.pick(LEAVE_SQLITE, LEAVE_POSTGRES);
    with_tx!(tx, |conn| {
        sqlx::query(sql)
            .bind(lane)
            .bind(json(&left))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Notes in all campaigns of a customer that the customer left at `at`, and returns the enrolments
/// for which that was news.
pub(crate) async fn churn(
    tx: &mut Tx,
    lane: Lane,
    customer: &str,
    at: Timestamp,
) -> Result<Vec<Enrolment>, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(CHURN)
            .bind(lane)
            .bind(customer)
            .bind(at.as_micros())
            .fetch_all(conn)
            .await?
    });
    rows.into_iter().map(from_row).collect()
}

/// Returns which of some customers of a lane left after an instant, and when.
pub(crate) async fn left_after(
    tx: &mut Tx,
    lane: Lane,
    after: Timestamp,
    customers: &[&CustomerId],
) -> Result<BTreeMap<String, Timestamp>, SqlError> {
    let sql = tx.pick(LEFT_SQLITE, LEFT_POSTGRES);
    let customers: Vec<&str> = customers.iter().map(|customer| customer.as_str()).collect();
    let rows: Vec<(String, i64)> = with_tx!(tx, |conn| {
        sqlx::query_as(sql)
            .bind(lane)
            .bind(after.as_micros())
            .bind(json(&customers))
            .fetch_all(conn)
            .await?
    });
    Ok(rows
        .into_iter()
        .map(|(id, at)| (id, Timestamp::from_micros(at)))
        .collect())
}
