//! What is too old, kind by kind: one walk through each table of a lane, in windows of customers.
//!
//! Tables are read along their keys, which begin with lane and customer, so that no index is kept for
//! this and no window reads a row that another one reads.

use sqlx::AssertSqlSafe;
use tenure_core::{CustomerId, Lane, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::read;
use crate::domain::retention::RetentionKind;
use crate::store::{Db, Tx};

/// Customers of a lane who stand next to each other; both ends belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The lane.
    pub lane: Lane,
    /// The first customer, or before.
    pub from: String,
    /// The last one.
    pub until: String,
}

/// Where rows of a kind lie, and which are too old: `t` is the row, `$4` the instant from which on they
/// are kept.
struct Aged {
    table: &'static str,
    old: &'static str,
    /// A table whose rows go along, and which of them: `t` is such a row.
    along: Option<(&'static str, &'static str)>,
}

const fn aged(table: &'static str, old: &'static str) -> Aged {
    Aged {
        table,
        old,
        along: None,
    }
}

/// A consent counts no longer when it has expired, or when a later one of the same scope has taken its
/// place. What expired hid all older ones of its scope, and they are older than it: they go together,
/// so none of them counts again.
const CONSENT_IS_OLD: &str = "
    t.valid_until < $4 OR EXISTS (
        SELECT 1 FROM consent AS later
        WHERE later.lane = t.lane AND later.customer_id = t.customer_id
          AND later.purpose = t.purpose AND later.channel = t.channel
          AND later.contact_point = t.contact_point
          AND (later.valid_from, later.recorded_at) > (t.valid_from, t.recorded_at)
          AND later.valid_from < $4)";

/// Who has had subscriptions, of which none has run since, with whom nothing is left to settle, who
/// stands for nobody else (a payer, a head of a household, one of several merged ids).
const CUSTOMER_HAS_LEFT: &str = "
    EXISTS (SELECT 1 FROM subscription AS s
            WHERE s.lane = t.lane AND s.customer_id = t.customer_id)
    AND NOT EXISTS (SELECT 1 FROM subscription AS s
                    WHERE s.lane = t.lane AND s.customer_id = t.customer_id
                      AND (s.terminated_at IS NULL OR s.terminated_at >= $4))
    AND NOT EXISTS (SELECT 1 FROM bill AS b
                    WHERE b.lane = t.lane AND b.customer_id = t.customer_id AND b.state <> 3)
    AND NOT EXISTS (SELECT 1 FROM complaint AS c
                    WHERE c.lane = t.lane AND c.customer_id = t.customer_id
                      AND c.ended_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM promise AS p
                    WHERE p.lane = t.lane AND p.customer_id = t.customer_id
                      AND p.owed_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM relationship AS r
                    WHERE r.lane = t.lane AND r.customer_id = t.customer_id
                      AND r.valid_until >= $4)
    AND NOT EXISTS (SELECT 1 FROM account_subscription AS a
                    WHERE a.lane = t.lane AND a.customer_id = t.customer_id
                      AND a.valid_until >= $4)
    AND NOT EXISTS (SELECT 1 FROM lead AS l
                    WHERE l.lane = t.lane AND l.customer_id = t.customer_id
                      AND l.state_since >= $4)
    AND NOT EXISTS (SELECT 1 FROM identity_alias AS i
                    WHERE i.lane = t.lane AND i.customer_id = t.customer_id)
    AND NOT EXISTS (SELECT 1 FROM identity_member AS m
                    WHERE m.lane = t.lane AND m.survivor_customer_id = t.customer_id
                      AND m.member_customer_id <> t.customer_id)";

fn of(kind: RetentionKind) -> Aged {
    match kind {
        RetentionKind::Interaction => aged("interaction", "t.happened_at < $4"),
        RetentionKind::Usage => aged("usage_summary", "t.started_at < $4"),
        RetentionKind::Bill => aged("bill", "t.state = 3 AND t.settled_at < $4"),
        RetentionKind::Survey => aged("survey", "t.answered_at < $4"),
        RetentionKind::Complaint => Aged {
            along: Some((
                "complaint_step",
                "EXISTS (SELECT 1 FROM complaint AS c
                         WHERE c.lane = t.lane AND c.customer_id = t.customer_id
                           AND c.complaint_id = t.complaint_id AND c.ended_at < $4)",
            )),
            ..aged("complaint", "t.ended_at < $4")
        },
        RetentionKind::Promise => aged("promise", "t.owed_at IS NULL AND t.due_at < $4"),
        RetentionKind::Consent => aged("consent", CONSENT_IS_OLD),
        RetentionKind::Access => aged("access", "t.accessed_at < $4"),
        RetentionKind::Churned => aged("customer", CUSTOMER_HAS_LEFT),
        RetentionKind::Profile => aged("profile_claim", "t.observed_at < $4"),
    }
}

/// Returns the next window of a kind's table that has up to `rows` rows (and all of its last
/// customer's), or nothing behind the last row.
///
/// # Errors
/// When the database fails.
pub async fn window(
    db: &Db,
    kind: RetentionKind,
    lane: Lane,
    from: &str,
    rows: i64,
) -> Result<Option<Window>, SqlError> {
    let sql = format!(
        "SELECT MAX(customer_id) FROM (
             SELECT customer_id FROM {} WHERE lane = $1 AND customer_id >= $2
             ORDER BY customer_id LIMIT $3) AS next",
        of(kind).table
    );
    let until: Option<String> = with_pool!(db, |pool| {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(lane)
            .bind(from)
            .bind(rows)
            .fetch_one(pool)
            .await?
    });
    Ok(until.map(|until| Window {
        lane,
        from: from.to_owned(),
        until,
    }))
}

/// Returns how many rows of a window are too old.
///
/// # Errors
/// When the database fails.
pub async fn count(
    db: &Db,
    kind: RetentionKind,
    window: &Window,
    kept_since: Timestamp,
) -> Result<i64, SqlError> {
    let Aged { table, old, .. } = of(kind);
    let sql = format!("SELECT COUNT(*) {}", within(table, old));
    Ok(with_pool!(db, |pool| {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(window.lane)
            .bind(&window.from)
            .bind(&window.until)
            .bind(kept_since.as_micros())
            .fetch_one(pool)
            .await?
    }))
}

/// Deletes the rows of a window that are too old, and returns how many there were. The lane is locked.
///
/// # Errors
/// When the database fails.
pub async fn delete(
    tx: &mut Tx,
    kind: RetentionKind,
    window: &Window,
    kept_since: Timestamp,
) -> Result<i64, SqlError> {
    let aged = of(kind);
    if let Some((table, old)) = aged.along {
        delete_from(tx, table, old, window, kept_since).await?;
    }
    delete_from(tx, aged.table, aged.old, window, kept_since).await
}

async fn delete_from(
    tx: &mut Tx,
    table: &str,
    old: &str,
    window: &Window,
    kept_since: Timestamp,
) -> Result<i64, SqlError> {
    let sql = format!("DELETE {}", within(table, old));
    let deleted = with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(window.lane)
            .bind(&window.from)
            .bind(&window.until)
            .bind(kept_since.as_micros())
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}

/// Returns up to `limit` customers of a window who have left. The lane is locked.
///
/// # Errors
/// When the database fails.
pub async fn left(
    tx: &mut Tx,
    window: &Window,
    kept_since: Timestamp,
    limit: i64,
) -> Result<Vec<CustomerId>, SqlError> {
    let Aged { table, old, .. } = of(RetentionKind::Churned);
    let within = within(table, old);
    let sql = format!("SELECT t.customer_id {within} ORDER BY t.customer_id LIMIT $5");
    let rows: Vec<String> = with_tx!(tx, |conn| {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(window.lane)
            .bind(&window.from)
            .bind(&window.until)
            .bind(kept_since.as_micros())
            .bind(limit)
            .fetch_all(conn)
            .await?
    });
    let parse = |id: &String| read("customer_id", CustomerId::parse(id).ok());
    rows.iter().map(parse).collect()
}

fn within(table: &str, old: &str) -> String {
    format!(
        "FROM {table} AS t
         WHERE t.lane = $1 AND t.customer_id >= $2 AND t.customer_id <= $3 AND ({old})"
    )
}
