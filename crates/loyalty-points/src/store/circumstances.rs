//! What is known of customers, read and written as sets.

use std::collections::HashMap;

use tenure_core::{AccountId, CustomerId, Lane, Timestamp};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, Tx};

use crate::domain::{Circumstances, SubscriptionState};

const SUBSCRIPTIONS_POSTGRES: &str = "
    SELECT s.customer_id, s.subscription_id, s.state, s.since
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, customer_id)
    JOIN customer_subscription AS s ON s.lane = wanted.lane AND s.customer_id = wanted.customer_id";
const SUBSCRIPTIONS_SQLITE: &str = "
    SELECT s.customer_id, s.subscription_id, s.state, s.since
    FROM json_each($1) AS wanted
    CROSS JOIN customer_subscription AS s
    WHERE s.lane = wanted.value ->> 0 AND s.customer_id = wanted.value ->> 1";
const PAYMENTS_POSTGRES: &str = "
    SELECT p.customer_id, p.in_arrears, p.since
    FROM UNNEST($1::INTEGER[], $2::TEXT[]) AS wanted (lane, customer_id)
    JOIN customer_payment AS p ON p.lane = wanted.lane AND p.customer_id = wanted.customer_id";
const PAYMENTS_SQLITE: &str = "
    SELECT p.customer_id, p.in_arrears, p.since
    FROM json_each($1) AS wanted
    CROSS JOIN customer_payment AS p
    WHERE p.lane = wanted.value ->> 0 AND p.customer_id = wanted.value ->> 1";

type SubscriptionRow = (String, String, i32, i64);
type PaymentRow = (String, i32, i64);

/// Returns what is known of customers whose lanes are locked, by customer; nothing of strangers.
pub(super) async fn load(
    tx: &mut Tx,
    wanted: &[(Lane, &CustomerId)],
) -> Result<HashMap<String, Circumstances>, SqlError> {
    let lanes: Vec<Lane> = wanted.iter().map(|(lane, _)| *lane).collect();
    let ids: Vec<&str> = wanted.iter().map(|(_, id)| id.as_str()).collect();
    let (subscriptions, payments): (Vec<SubscriptionRow>, Vec<PaymentRow>) = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let find = sqlx::query_as(SUBSCRIPTIONS_POSTGRES).bind(&lanes);
            let subscriptions = find.bind(&ids).fetch_all(&mut *conn).await?;
            let find = sqlx::query_as(PAYMENTS_POSTGRES).bind(&lanes).bind(&ids);
            (subscriptions, find.fetch_all(conn).await?)
        }
        TxConnection::Sqlite(conn) => {
            let pairs: Vec<(Lane, &str)> = lanes.into_iter().zip(ids).collect();
            let pairs = serde_json::to_string(&pairs).expect("numbers and text are JSON");
            let find = sqlx::query_as(SUBSCRIPTIONS_SQLITE).bind(&pairs);
            let subscriptions = find.fetch_all(&mut *conn).await?;
            let find = sqlx::query_as(PAYMENTS_SQLITE).bind(&pairs);
            (subscriptions, find.fetch_all(conn).await?)
        }
    };
    let mut known: HashMap<String, Circumstances> = HashMap::new();
    for (customer, subscription, state, since) in subscriptions {
        let state = i16::try_from(state).ok();
        let state = state.and_then(SubscriptionState::from_number);
        let state = state.ok_or_else(|| SqlError::corrupt("a stored state is none"))?;
        let of = &mut known.entry(customer).or_default().subscriptions;
        of.insert(subscription, (state, Timestamp::from_micros(since)));
    }
    for (customer, in_arrears, since) in payments {
        let since = Timestamp::from_micros(since);
        known.entry(customer).or_default().arrears = Some((in_arrears != 0, since));
    }
    Ok(known)
}

/// What a subscription of a customer is now known to be.
pub(super) type Subscription<'s> = (Lane, &'s str, &'s str, SubscriptionState, Timestamp);
/// How a customer is now known to pay.
pub(super) type Payment<'p> = (Lane, &'p str, bool, Timestamp);

const SAVE_SUBSCRIPTIONS_POSTGRES: &str = "
    INSERT INTO customer_subscription (lane, customer_id, subscription_id, state, since)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::TEXT[], $4::INTEGER[], $5::BIGINT[])
    ON CONFLICT (lane, customer_id, subscription_id) DO UPDATE
    SET state = EXCLUDED.state, since = EXCLUDED.since";
const SAVE_SUBSCRIPTIONS_SQLITE: &str = "
    INSERT INTO customer_subscription (lane, customer_id, subscription_id, state, since)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
    FROM json_each($1) WHERE TRUE
    ON CONFLICT (lane, customer_id, subscription_id) DO UPDATE
    SET state = EXCLUDED.state, since = EXCLUDED.since";

/// Writes subscriptions down, each once.
pub(super) async fn save_subscriptions(
    tx: &mut Tx,
    rows: &[Subscription<'_>],
) -> Result<(), SqlError> {
    if rows.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = rows.iter().map(|row| row.0).collect();
            let customers: Vec<&str> = rows.iter().map(|row| row.1).collect();
            let ids: Vec<&str> = rows.iter().map(|row| row.2).collect();
            let states: Vec<i32> = rows.iter().map(|row| row.3.number().into()).collect();
            let since: Vec<i64> = rows.iter().map(|row| row.4.as_micros()).collect();
            let save = sqlx::query(SAVE_SUBSCRIPTIONS_POSTGRES).bind(lanes);
            let save = save.bind(customers).bind(ids).bind(states).bind(since);
            save.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let row = |row: &Subscription<'_>| {
                let (lane, customer, id, state, since) = *row;
                let (customer, id) = (customer.to_owned(), id.to_owned());
                (lane, customer, id, state.number(), since.as_micros())
            };
            let rows: Vec<_> = rows.iter().map(row).collect();
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            let save = sqlx::query(SAVE_SUBSCRIPTIONS_SQLITE).bind(rows);
            save.execute(conn).await?;
        }
    }
    Ok(())
}

const SAVE_PAYMENTS_POSTGRES: &str = "
    INSERT INTO customer_payment (lane, customer_id, in_arrears, since)
    SELECT * FROM UNNEST($1::INTEGER[], $2::TEXT[], $3::INTEGER[], $4::BIGINT[])
    ON CONFLICT (lane, customer_id) DO UPDATE
    SET in_arrears = EXCLUDED.in_arrears, since = EXCLUDED.since";
const SAVE_PAYMENTS_SQLITE: &str = "
    INSERT INTO customer_payment (lane, customer_id, in_arrears, since)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
    FROM json_each($1) WHERE TRUE
    ON CONFLICT (lane, customer_id) DO UPDATE
    SET in_arrears = EXCLUDED.in_arrears, since = EXCLUDED.since";

/// Writes down how customers pay, each once.
pub(super) async fn save_payments(tx: &mut Tx, rows: &[Payment<'_>]) -> Result<(), SqlError> {
    if rows.is_empty() {
        return Ok(());
    }
    match tx.connection() {
        TxConnection::Postgres(conn) => {
            let lanes: Vec<Lane> = rows.iter().map(|row| row.0).collect();
            let customers: Vec<&str> = rows.iter().map(|row| row.1).collect();
            let arrears: Vec<i32> = rows.iter().map(|row| row.2.into()).collect();
            let since: Vec<i64> = rows.iter().map(|row| row.3.as_micros()).collect();
            let save = sqlx::query(SAVE_PAYMENTS_POSTGRES).bind(lanes);
            let save = save.bind(customers).bind(arrears).bind(since);
            save.execute(conn).await?;
        }
        TxConnection::Sqlite(conn) => {
            let row = |row: &Payment<'_>| {
                let (lane, customer, in_arrears, since) = *row;
                (
                    lane,
                    customer.to_owned(),
                    i32::from(in_arrears),
                    since.as_micros(),
                )
            };
            let rows: Vec<_> = rows.iter().map(row).collect();
            let rows = serde_json::to_string(&rows).expect("numbers and text are JSON");
            let save = sqlx::query(SAVE_PAYMENTS_SQLITE).bind(rows);
            save.execute(conn).await?;
        }
    }
    Ok(())
}

const ACCOUNTS_POSTGRES: &str = "
    SELECT customer_id, lane, account_id FROM account
    WHERE customer_id = ANY($1)
    ORDER BY customer_id, account_id";
const ACCOUNTS_SQLITE: &str = "
    SELECT a.customer_id, a.lane, a.account_id
    FROM json_each($1) AS wanted
    CROSS JOIN account AS a
    WHERE a.customer_id = wanted.value
    ORDER BY a.customer_id, a.account_id";

/// Returns the accounts of customers, so that their lanes can be locked.
pub(super) async fn accounts_of(
    tx: &mut Tx,
    customers: &[&str],
) -> Result<Vec<(String, Lane, AccountId)>, SqlError> {
    if customers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, Lane, String)> = match tx.connection() {
        TxConnection::Postgres(conn) => {
            let find = sqlx::query_as(ACCOUNTS_POSTGRES).bind(customers);
            find.fetch_all(conn).await?
        }
        TxConnection::Sqlite(conn) => {
            let customers = serde_json::to_string(customers).expect("text is JSON");
            let find = sqlx::query_as(ACCOUNTS_SQLITE).bind(customers);
            find.fetch_all(conn).await?
        }
    };
    let account = |(customer, lane, id): (String, Lane, String)| {
        let id = AccountId::parse(&id);
        let id = id.map_err(|_| SqlError::corrupt("a stored account id is none"))?;
        Ok((customer, lane, id))
    };
    rows.into_iter().map(account).collect()
}
