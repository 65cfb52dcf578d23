//! Table `suppression`: fingerprints by which erased people are recognised, in the lane of the
//! fingerprint.

use std::collections::BTreeMap;

use tenure_core::{Lanes, Timestamp};
use tenure_sql::{SqlError, with_tx};
use uuid::Uuid;

use super::rows::{RowsSql, execute, load_rows, read, rows_sql};
use crate::domain::privacy::IdentifierKind;
use crate::store::{Db, Tx};

const IS_EMPTY: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM suppression LIMIT 1) AS first";
const FIND: RowsSql = rows_sql!(
    "SELECT s.fingerprint, s.erasure_id
     FROM",
    "JOIN suppression AS s ON s.lane = CAST(value ->> 0 AS INTEGER)
                          AND s.fingerprint = value ->> 1"
);
const KEEP: RowsSql = rows_sql!(
    "INSERT INTO suppression (lane, fingerprint, erasure_id, kind, created_at)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            CAST(value ->> 4 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT DO NOTHING"
);
const LIFT: &str = "DELETE FROM suppression WHERE lane = $1 AND erasure_id = $2";

/// Returns true when nobody is suppressed: the common case, in which nothing has to be computed.
///
/// # Errors
/// When the database fails.
pub async fn is_empty(tx: &mut Tx) -> Result<bool, SqlError> {
    let found: i64 = with_tx!(tx, |conn| sqlx::query_scalar(IS_EMPTY)
        .fetch_one(conn)
        .await?);
    Ok(found == 0)
}

/// Returns the erasures that kept some of the fingerprints.
///
/// # Errors
/// When the database fails.
pub async fn find(
    tx: &mut Tx,
    lanes: Lanes,
    fingerprints: &[&str],
) -> Result<BTreeMap<String, Uuid>, SqlError> {
    let keys: Vec<_> = fingerprints
        .iter()
        .map(|print| (lanes.of(print), print))
        .collect();
    let mut found = BTreeMap::new();
    for (fingerprint, erasure) in load_rows!(tx, FIND, keys, (String, String)) {
        found.insert(
            fingerprint,
            read("erasure_id", Uuid::try_parse(&erasure).ok())?,
        );
    }
    Ok(found)
}

/// Keeps fingerprints of an erased person.
///
/// # Errors
/// When the database fails.
pub async fn keep(
    tx: &mut Tx,
    lanes: Lanes,
    erasure: Uuid,
    fingerprints: &[(IdentifierKind, String)],
    now: Timestamp,
) -> Result<(), SqlError> {
    let row = |(kind, print): &(IdentifierKind, String)| {
        let (lane, at) = (lanes.of(print), now.as_micros());
        (lane, print.clone(), erasure.to_string(), kind.number(), at)
    };
    let rows: Vec<_> = fingerprints.iter().map(row).collect();
    execute(tx, KEEP, &rows).await
}

/// Forgets the fingerprints of an erasure and returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn lift(tx: &mut Tx, db: &Db, erasure: Uuid) -> Result<u64, SqlError> {
    let mut lifted = 0;
    for lane in db.lanes().all() {
        lifted += with_tx!(tx, |conn| {
            sqlx::query(LIFT)
                .bind(lane)
                .bind(erasure.to_string())
                .execute(conn)
                .await?
                .rows_affected()
        });
    }
    Ok(lifted)
}
