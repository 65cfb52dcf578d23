//! What the taking back of an import has to know of customers, and the rows that go with it.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;
use tenure_core::{BillId, CustomerId, InteractionId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_tx};
use uuid::Uuid;

use super::Tx;
use super::personal::{Fate, Place, TABLES};
use super::rows::{RowsSql, load_rows, read, rows_sql};
use crate::domain::words::UsagePeriod;
use crate::domain::{Touched, UsageKey};

const MADE: &str = "
    SELECT customer_id FROM customer
    WHERE lane = $1 AND customer_id > $2 AND import_id = $3
    ORDER BY customer_id
    LIMIT $4";
const SUBSCRIPTIONS: RowsSql = rows_sql!(
    "SELECT s.customer_id, s.subscription_id
     FROM",
    "JOIN subscription AS s ON s.lane = CAST(value ->> 0 AS INTEGER)
                           AND s.customer_id = value ->> 1"
);
const BILLS: RowsSql = rows_sql!(
    "SELECT b.customer_id, b.bill_id
     FROM",
    "JOIN bill AS b ON b.lane = CAST(value ->> 0 AS INTEGER)
                   AND b.customer_id = value ->> 1"
);
const INTERACTIONS: RowsSql = rows_sql!(
    "SELECT i.customer_id, i.interaction_id
     FROM",
    "JOIN interaction AS i ON i.lane = CAST(value ->> 0 AS INTEGER)
                          AND i.customer_id = value ->> 1"
);
const USAGE: RowsSql = rows_sql!(
    "SELECT u.customer_id, u.started_at, u.period, u.subscription_id
     FROM",
    "JOIN usage_summary AS u ON u.lane = CAST(value ->> 0 AS INTEGER)
                            AND u.customer_id = value ->> 1"
);
/// A group stands in its own lane, with the customer whose it is.
const GROUPS: &str = "SELECT DISTINCT customer_id FROM customer_group WHERE customer_id IN ";
/// What names a subscription of a customer, in the customer's lane.
const OF_SUBSCRIPTION: [&str; 5] = [
    "subscription_payer",
    "subscription_penalty",
    "termination_notice",
    "leaving_signal",
    "customer_sim",
];
/// Usage of a subscription that the import did not make.
const USED: RowsSql = rows_sql!(
    "SELECT u.customer_id, u.subscription_id
     FROM",
    "JOIN usage_summary AS u ON u.lane = CAST(value ->> 0 AS INTEGER)
                            AND u.customer_id = value ->> 1
                            AND u.subscription_id = value ->> 2
     WHERE NOT EXISTS (
         SELECT 1 FROM import_undo AS m
         WHERE m.lane = u.lane AND m.customer_id = u.customer_id AND m.import_id = value ->> 3
           AND m.kind = 1 AND m.before IS NULL
           AND m.fact_key = CAST(u.started_at AS TEXT) || ' ' || CAST(u.period AS TEXT) || ' '
                            || u.subscription_id)"
);
/// Tables that imports fill, or that say nothing of the customer.
const OF_IMPORTS: [&str; 8] = [
    "customer",
    "customer_key",
    "subscription",
    "bill",
    "usage_summary",
    "interaction",
    "import_undo",
    "import_conflict",
];

/// Returns up to `limit` customers of a lane whose ids follow `after`, by id, whose last import it was.
///
/// # Errors
/// When the database fails.
pub async fn made(
    tx: &mut Tx,
    (lane, after): (Lane, &str),
    import_id: Uuid,
    limit: i64,
) -> Result<Vec<CustomerId>, SqlError> {
    let rows: Vec<String> = with_tx!(tx, |conn| {
        sqlx::query_scalar(MADE)
            .bind(lane)
            .bind(after)
            .bind(import_id.to_string())
            .bind(limit)
            .fetch_all(conn)
            .await?
    });
    let parse = |id: &String| read("customer_id", CustomerId::parse(id).ok());
    rows.iter().map(parse).collect()
}

/// Returns the keys of everything that imports can have made of customers of a lane.
///
/// # Errors
/// When the database fails.
pub async fn touched(
    tx: &mut Tx,
    lane: Lane,
    customers: &BTreeSet<CustomerId>,
) -> Result<Touched, SqlError> {
    let keys: Vec<_> = customers.iter().map(|id| (lane, id.as_str())).collect();
    let mut touched = Touched::default();
    touched.customers.clone_from(customers);
    let customer = |id: &str| read("customer_id", CustomerId::parse(id).ok());
    for (of, id) in load_rows!(tx, SUBSCRIPTIONS, keys, (String, String)) {
        let id = read("subscription_id", SubscriptionId::parse(&id).ok())?;
        touched.subscriptions.insert((customer(&of)?, id));
    }
    let keys: Vec<_> = customers.iter().map(|id| (lane, id.as_str())).collect();
    for (of, id) in load_rows!(tx, BILLS, keys, (String, String)) {
        let id = read("bill_id", BillId::parse(&id).ok())?;
        touched.bills.insert((customer(&of)?, id));
    }
    let keys: Vec<_> = customers.iter().map(|id| (lane, id.as_str())).collect();
    for (of, id) in load_rows!(tx, INTERACTIONS, keys, (String, String)) {
        let id = read("interaction_id", InteractionId::parse(&id).ok())?;
        touched.interactions.insert((customer(&of)?, id));
    }
    let keys: Vec<_> = customers.iter().map(|id| (lane, id.as_str())).collect();
    for (of, started, period, id) in load_rows!(tx, USAGE, keys, (String, i64, i32, String)) {
        let parse = |id: String| read("subscription_id", SubscriptionId::parse(&id).ok());
        touched.usage.insert(UsageKey {
            customer: customer(&of)?,
            started_at: Timestamp::from_micros(started),
            period: read("period", UsagePeriod::from_number(period))?,
            subscription: (!id.is_empty()).then(|| parse(id)).transpose()?,
        });
    }
    Ok(touched)
}

/// Returns those of customers of a lane of whom something is kept that no import made. What was known of
/// somebody who was to become a customer does not count.
///
/// # Errors
/// When the database fails.
pub async fn in_use(
    tx: &mut Tx,
    lane: Lane,
    customers: &BTreeSet<CustomerId>,
) -> Result<BTreeSet<CustomerId>, SqlError> {
    let keys: Vec<_> = customers.iter().map(CustomerId::as_str).collect();
    let keys = super::rows::encode(&keys);
    let given = tx.pick(
        "(SELECT value FROM json_each($1))",
        "(SELECT jsonb_array_elements_text($1::JSONB))",
    );
    let own = TABLES.iter().filter(|table| {
        let is_own = table.place == Place::Customer && table.fate == Fate::Deleted;
        is_own && !OF_IMPORTS.contains(&table.name)
    });
    let of_lane = own.map(|table| {
        let (name, column) = (table.name, table.customers[0]);
        let since = match name {
            "prospect" => later("t.updated_at"),
            "lead" => later("t.state_since"),
            _ => String::new(),
        };
        format!(
            "SELECT DISTINCT t.{column} FROM {name} AS t
             WHERE t.lane = $2 AND t.{column} IN {given}{since}"
        )
    });
    let of_lane: Vec<String> = of_lane.collect();
    let mut found = BTreeSet::new();
    for sql in of_lane {
        let rows: Vec<String> = with_tx!(tx, |conn| {
            let query = sqlx::query_scalar(AssertSqlSafe(sql));
            query.bind(&keys).bind(lane).fetch_all(conn).await?
        });
        found.extend(rows);
    }
    let groups: Vec<String> = with_tx!(tx, |conn| {
        let query = sqlx::query_scalar(AssertSqlSafe(format!("{GROUPS}{given}")));
        query.bind(&keys).fetch_all(conn).await?
    });
    found.extend(groups);
    let parse = |id: &String| read("customer_id", CustomerId::parse(id).ok());
    found.iter().map(parse).collect()
}

/// The condition that a column of `t` is later than the customer.
fn later(column: &str) -> String {
    format!(
        " AND EXISTS (SELECT 1 FROM customer AS c
                      WHERE c.lane = t.lane AND c.customer_id = t.customer_id
                        AND {column} > c.created_at)"
    )
}

/// Returns those of subscriptions that something is about that the import did not make.
///
/// # Errors
/// When the database fails.
pub async fn subscriptions_in_use(
    tx: &mut Tx,
    lanes: Lanes,
    import_id: Uuid,
    subscriptions: &BTreeSet<(CustomerId, SubscriptionId)>,
) -> Result<BTreeSet<(CustomerId, SubscriptionId)>, SqlError> {
    if subscriptions.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let import_id = import_id.to_string();
    let key = |(of, id): &(CustomerId, SubscriptionId)| {
        let lane = lanes.of(of.as_str());
        (lane, of.to_string(), id.to_string(), import_id.clone())
    };
    let keys: Vec<_> = subscriptions.iter().map(key).collect();
    for row in load_rows!(tx, USED, keys, (String, String)) {
        found.insert(row);
    }
    let keys: Vec<_> = subscriptions.iter().map(key).collect();
    let keys = super::rows::encode(&keys);
    let given = tx.pick(
        "json_each($1) AS given",
        "jsonb_array_elements($1::JSONB) AS given (value)",
    );
    for name in OF_SUBSCRIPTION {
        let sql = format!(
            "SELECT DISTINCT t.customer_id, t.subscription_id FROM {given}
             JOIN {name} AS t ON t.lane = CAST(value ->> 0 AS INTEGER)
                             AND t.customer_id = value ->> 1
                             AND t.subscription_id = value ->> 2"
        );
        let rows: Vec<(String, String)> = with_tx!(tx, |conn| {
            let query = sqlx::query_as(AssertSqlSafe(sql)).bind(&keys);
            query.fetch_all(conn).await?
        });
        found.extend(rows);
    }
    let parse = |(of, id): (String, String)| {
        let of = read("customer_id", CustomerId::parse(&of).ok())?;
        Ok((
            of,
            read("subscription_id", SubscriptionId::parse(&id).ok())?,
        ))
    };
    found.into_iter().map(parse).collect()
}
