//! Who a database is: an id of its own and a number of lanes, both chosen once.

use sqlx::{Executor, QueryBuilder};
use tenure_core::{Clock, Ids, Lanes, SystemClock};
use uuid::Uuid;

use crate::db::Db;
use crate::error::SqlError;
use crate::{with_pool, with_tx};

/// What never changes about a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) lanes: Lanes,
    pub(crate) id: Uuid,
}

const HAS_TABLE_SQLITE: &str = "
    SELECT COUNT(*) FROM sqlite_schema
    WHERE type = 'table' AND name = $1";
const HAS_TABLE_POSTGRES: &str = "
    SELECT COUNT(*) FROM pg_catalog.pg_tables
    WHERE schemaname = CURRENT_SCHEMA() AND tablename = $1";

const READ_META: &str = "SELECT value FROM meta WHERE key = $1";
/// Whoever comes first decides; replicas that start together agree.
const WRITE_META: &str = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const LANES: &str = "lanes";
const DATABASE_ID: &str = "database_id";

/// Returns true when the database has a table of this name.
pub(crate) async fn has_table(db: &Db, name: &str) -> Result<bool, SqlError> {
    let sql = db.pick(HAS_TABLE_SQLITE, HAS_TABLE_POSTGRES);
    let count: i64 = with_pool!(db, |pool| sqlx::query_scalar(sql)
        .bind(name)
        .fetch_one(pool)
        .await?);
    Ok(count > 0)
}

/// Reads the identity of a database, or nothing when it was never migrated.
pub(crate) async fn load(db: &Db) -> Result<Option<Identity>, SqlError> {
    if !has_table(db, "meta").await? {
        return Ok(None);
    }
    let (Some(lanes), Some(id)) = (read(db, LANES).await?, read(db, DATABASE_ID).await?) else {
        return Ok(None);
    };
    let lanes = lanes.parse().ok().and_then(Lanes::new);
    match (lanes, Uuid::try_parse(&id)) {
        (Some(lanes), Ok(id)) => Ok(Some(Identity { lanes, id })),
        _ => Err(SqlError::corrupt("table meta does not hold an identity")),
    }
}

async fn read(db: &Db, key: &str) -> Result<Option<String>, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(READ_META)
        .bind(key)
        .fetch_optional(pool)
        .await?))
}

/// Gives a new database its identity and its lanes; an older one keeps them.
pub(crate) async fn ensure(db: &Db) -> Result<Identity, SqlError> {
    if let Some(identity) = load(db).await? {
        return Ok(identity);
    }
    let id = Ids::system().uuid(SystemClock.now());
    let mut tx = db.begin().await?;
    let wanted = [
        (LANES, db.options().lanes.count().to_string()),
        (DATABASE_ID, id.to_string()),
    ];
    for (key, value) in wanted {
        with_tx!(tx, |conn| {
            sqlx::query(WRITE_META)
                .bind(key)
                .bind(value)
                .execute(conn)
                .await?;
        });
    }
    let lanes: String = with_tx!(tx, |conn| sqlx::query_scalar(READ_META)
        .bind(LANES)
        .fetch_one(conn)
        .await?);
    let lanes = lanes.parse().ok().and_then(Lanes::new);
    let lanes = lanes.ok_or_else(|| SqlError::corrupt("table meta holds no number of lanes"))?;
    with_tx!(tx, |conn| {
        let mut insert = QueryBuilder::new("INSERT INTO lane (lane) ");
        insert.push_values(lanes.all(), |mut row, lane| {
            row.push_bind(lane);
        });
        insert.push(" ON CONFLICT DO NOTHING");
        conn.execute(insert.build()).await?;
    });
    tx.commit().await?;
    load(db)
        .await?
        .ok_or_else(|| SqlError::corrupt("table meta is empty"))
}
