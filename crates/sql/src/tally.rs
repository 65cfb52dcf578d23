//! Effects that show whatever happened twice, or out of order: for trials of those who read a feed.

use tenure_core::{Lanes, Timestamp};

use crate::db::Db;
use crate::error::SqlError;
use crate::feed::consumer;
use crate::migrate::{Migration, Migrations};
use crate::tx::Tx;
use crate::{with_pool, with_tx};

/// The tables of effects.
pub const MIGRATIONS: Migrations = Migrations {
    sqlite: &[Migration {
        version: 101,
        name: "0101_tally",
        sql: "CREATE TABLE effect (
                  lane INTEGER NOT NULL, what TEXT NOT NULL, times INTEGER NOT NULL,
                  PRIMARY KEY (lane, what)
              ) STRICT, WITHOUT ROWID;
              CREATE TABLE latest (
                  lane INTEGER NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
                  backwards INTEGER NOT NULL,
                  PRIMARY KEY (lane, key)
              ) STRICT, WITHOUT ROWID;",
    }],
    postgres: &[Migration {
        version: 101,
        name: "0101_tally",
        sql: "CREATE TABLE effect (
                  lane INTEGER NOT NULL, what TEXT COLLATE \"C\" NOT NULL, times BIGINT NOT NULL,
                  PRIMARY KEY (lane, what)
              );
              CREATE TABLE latest (
                  lane INTEGER NOT NULL, key TEXT COLLATE \"C\" NOT NULL, number BIGINT NOT NULL,
                  backwards BIGINT NOT NULL,
                  PRIMARY KEY (lane, key)
              );",
    }],
};

/// An effect is counted, not set: done twice it shows.
const COUNT: &str = "
    INSERT INTO effect (lane, what, times) VALUES ($1, $2, 1)
    ON CONFLICT (lane, what) DO UPDATE SET times = effect.times + 1";
/// A number that does not follow the one before is counted as a step backwards.
const STEP: &str = "
    INSERT INTO latest (lane, key, number, backwards) VALUES ($1, $2, $3, 0)
    ON CONFLICT (lane, key) DO UPDATE
    SET backwards = latest.backwards
                    + CASE WHEN EXCLUDED.number > latest.number THEN 0 ELSE 1 END,
        number = EXCLUDED.number";
const EFFECTS: &str = "SELECT what, times FROM effect ORDER BY what";
const BACKWARDS: &str = "SELECT CAST(COALESCE(SUM(backwards), 0) AS BIGINT) FROM latest";

/// One change as a trial sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What tells the change from all others.
    pub what: String,
    /// What it is about: changes about one thing come in order.
    pub key: String,
    /// Ascends with every change about the key.
    pub number: i64,
}

/// Applies a batch of the feed and moves the consumer in the same transaction. False means that
/// somebody else was faster, and that nothing was done.
///
/// # Errors
/// When the database fails.
pub async fn apply(
    db: &Db,
    name: &str,
    (from, to): (Option<&str>, &str),
    batch: &[Seen],
    now: Timestamp,
) -> Result<bool, SqlError> {
    let mut tx = db.begin().await?;
    if !consumer::advance(&mut tx, name, from, to, now).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    for seen in batch {
        note(&mut tx, db.lanes(), seen).await?;
    }
    tx.commit().await?;
    Ok(true)
}

async fn note(tx: &mut Tx, lanes: Lanes, seen: &Seen) -> Result<(), SqlError> {
    let lane = lanes.of(&seen.key);
    with_tx!(tx, |conn| {
        let count = sqlx::query(COUNT).bind(lane).bind(&seen.what);
        count.execute(&mut *conn).await?;
        let step = sqlx::query(STEP).bind(lane).bind(&seen.key);
        step.bind(seen.number).execute(conn).await?;
    });
    Ok(())
}

/// Returns every effect with how often it happened, by name, and how many steps went backwards.
///
/// # Errors
/// When the database fails.
pub async fn read(db: &Db) -> Result<(Vec<(String, i64)>, i64), SqlError> {
    let effects = with_pool!(db, |pool| sqlx::query_as(EFFECTS).fetch_all(pool).await?);
    let backwards = with_pool!(db, |pool| sqlx::query_scalar(BACKWARDS)
        .fetch_one(pool)
        .await?);
    Ok((effects, backwards))
}
