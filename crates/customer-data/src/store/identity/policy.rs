//! Table `identity_policy`: versions of the rules, few and never changed.

use tenure_core::{Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use crate::domain::identity::{Policy, Rules};
use crate::store::rows::read;
use crate::store::{Db, Tx};

const LAST: &str = "SELECT COALESCE(MAX(version), 0) FROM identity_policy WHERE lane = $1";
const ADD: &str = "
    INSERT INTO identity_policy (lane, version, body, created_at, activated_at, is_active)
    VALUES ($1, $2, $3, $4, NULL, 0)";
const RETIRE: &str = "
    UPDATE identity_policy SET is_active = 0
    WHERE lane = $1 AND is_active = 1";
const ACTIVATE: &str = "
    UPDATE identity_policy SET is_active = 1, activated_at = $3
    WHERE lane = $1 AND version = $2";
const GET: &str = "
    SELECT version, body, created_at, activated_at, is_active FROM identity_policy
    WHERE lane = $1 AND version = $2";
const ACTIVE: &str = "
    SELECT version, body, created_at, activated_at, is_active FROM identity_policy
    WHERE lane = $1 AND is_active = 1";
const LIST: &str = "
    SELECT version, body, created_at, activated_at, is_active FROM identity_policy
    WHERE lane = $1 AND version < $2
    ORDER BY version DESC
    LIMIT $3";

type Row = (i64, String, i64, Option<i64>, i32);

/// Returns the lane of all policies. Who adds or activates one locks it first.
#[must_use]
pub fn lane(lanes: Lanes) -> Lane {
    lanes.of("identity_policy")
}

/// Adds the next version and returns it.
///
/// # Errors
/// When the database fails.
pub async fn add(
    tx: &mut Tx,
    lanes: Lanes,
    rules: Rules,
    now: Timestamp,
) -> Result<Policy, SqlError> {
    let lane = lane(lanes);
    let last: i64 = with_tx!(tx, |conn| {
        sqlx::query_scalar(LAST).bind(lane).fetch_one(conn).await?
    });
    let version = last + 1;
    let body = serde_json::to_string(&rules).expect("rules are always JSON");
    with_tx!(tx, |conn| {
        let query = sqlx::query(ADD).bind(lane).bind(version).bind(body);
        query.bind(now.as_micros()).execute(conn).await?;
    });
    Ok(Policy {
        version,
        rules,
        created_at: now,
        activated_at: None,
        is_active: false,
    })
}

/// Puts a version in force and returns it; nothing when there is none.
///
/// # Errors
/// When the database fails.
pub async fn activate(
    tx: &mut Tx,
    lanes: Lanes,
    version: i64,
    now: Timestamp,
) -> Result<Option<Policy>, SqlError> {
    let lane = lane(lanes);
    with_tx!(tx, |conn| {
        sqlx::query(RETIRE).bind(lane).execute(conn).await?;
    });
    with_tx!(tx, |conn| {
        let query = sqlx::query(ACTIVATE).bind(lane).bind(version);
        query.bind(now.as_micros()).execute(conn).await?;
    });
    let row: Option<Row> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(GET).bind(lane).bind(version);
        query.fetch_optional(conn).await?
    });
    row.map(known).transpose()
}

/// Returns a version.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, version: i64) -> Result<Option<Policy>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(GET).bind(lane(db.lanes())).bind(version);
        query.fetch_optional(pool).await?
    });
    row.map(known).transpose()
}

/// Returns the version in force; nothing while there is none.
///
/// # Errors
/// When the database fails.
pub async fn active(db: &Db) -> Result<Option<Policy>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(ACTIVE).bind(lane(db.lanes()));
        query.fetch_optional(pool).await?
    });
    row.map(known).transpose()
}

/// Returns up to `limit` versions below `before`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, before: i64, limit: i64) -> Result<Vec<Policy>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane(db.lanes())).bind(before);
        query.bind(limit).fetch_all(pool).await?
    });
    rows.into_iter().map(known).collect()
}

fn known((version, body, created, activated, is_active): Row) -> Result<Policy, SqlError> {
    Ok(Policy {
        version,
        rules: read("body", serde_json::from_str(&body).ok())?,
        created_at: Timestamp::from_micros(created),
        activated_at: activated.map(Timestamp::from_micros),
        is_active: is_active != 0,
    })
}
