//! Deleting the rows that a book has removed, of the tables whose facts are told: only the taking back of an
//! import removes those.

use serde::Serialize;
use sqlx::AssertSqlSafe;
use tenure_core::{Lanes, SubscriptionId};
use tenure_sql::tx::TxConnection;
use tenure_sql::{SqlError, rows as many};

use super::Tx;
use super::rows::encode;
use super::seal;
use crate::domain::Book;

/// A table and the columns of its key with their types.
struct Table(&'static str, &'static [(&'static str, &'static str)]);

const LANE: (&str, &str) = ("lane", "INTEGER");
const CUSTOMER_ID: (&str, &str) = ("customer_id", "TEXT");

const CUSTOMER: Table = Table("customer", &[LANE, CUSTOMER_ID]);
const SUBSCRIPTION: Table = Table(
    "subscription",
    &[LANE, CUSTOMER_ID, ("subscription_id", "TEXT")],
);
const BILL: Table = Table("bill", &[LANE, CUSTOMER_ID, ("bill_id", "TEXT")]);
const INTERACTION: Table = Table(
    "interaction",
    &[LANE, CUSTOMER_ID, ("interaction_id", "TEXT")],
);
const USAGE: Table = Table(
    "usage_summary",
    &[
        LANE,
        CUSTOMER_ID,
        ("started_at", "BIGINT"),
        ("period", "INTEGER"),
        ("subscription_id", "TEXT"),
    ],
);
const OWNER: Table = Table("owner", &[LANE, ("kind", "TEXT"), ("id", "TEXT")]);

/// Deletes rows by their keys.
async fn execute<R: Serialize>(tx: &mut Tx, table: Table, keys: &[R]) -> Result<(), SqlError> {
    if keys.is_empty() {
        return Ok(());
    }
    let Table(name, columns) = table;
    let columns = columns.iter().enumerate();
    match tx.connection() {
        TxConnection::Sqlite(conn) => {
            let equal = columns.map(|(at, (column, _))| format!("{column} = ?{}", at + 1));
            let equal: Vec<String> = equal.collect();
            let sql = format!("DELETE FROM {name} WHERE {}", equal.join(" AND "));
            many::write_on_sqlite(conn, &sql, keys).await
        }
        TxConnection::Postgres(conn) => {
            let equal = columns
                .map(|(at, (column, kind))| format!("t.{column} = CAST(value ->> {at} AS {kind})"));
            let equal: Vec<String> = equal.collect();
            let sql = format!(
                "DELETE FROM {name} AS t USING jsonb_array_elements($1::JSONB) AS given (value)
                 WHERE {}",
                equal.join(" AND ")
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(encode(keys));
            query.execute(conn).await?;
            Ok(())
        }
    }
}

/// Deletes what the book has removed.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &mut Tx, lanes: Lanes, book: &Book) -> Result<(), SqlError> {
    let of = |customer: &str| lanes.of(customer);
    let rows: Vec<_> = book
        .usage
        .removed()
        .map(|key| {
            let (customer, period) = (key.customer.as_str(), key.period.number());
            let subscription = key.subscription.as_ref().map_or("", SubscriptionId::as_str);
            let started_at = key.started_at.as_micros();
            (of(customer), customer, started_at, period, subscription)
        })
        .collect();
    execute(tx, USAGE, &rows).await?;
    let removed = book.interactions.removed();
    let rows: Vec<_> = removed
        .map(|(it, id)| (of(it.as_str()), it.as_str(), id.as_str()))
        .collect();
    execute(tx, INTERACTION, &rows).await?;
    let removed = book.bills.removed();
    let rows: Vec<_> = removed
        .map(|(it, id)| (of(it.as_str()), it.as_str(), id.as_str()))
        .collect();
    execute(tx, BILL, &rows).await?;
    let removed = book.subscriptions.removed();
    let rows: Vec<_> = removed
        .map(|(it, id)| (of(it.as_str()), it.as_str(), id.as_str()))
        .collect();
    execute(tx, SUBSCRIPTION, &rows).await?;
    let removed = book.customers.removed();
    let rows: Vec<_> = removed.map(|it| (of(it.as_str()), it.as_str())).collect();
    execute(tx, CUSTOMER, &rows).await?;
    seal::drop_unused(tx, &rows).await?;
    let removed = book.owners.removed();
    let rows: Vec<_> = removed
        .map(|(owned, id)| (lanes.of(id), owned.as_str(), &**id))
        .collect();
    execute(tx, OWNER, &rows).await
}
