//! Tables `identity_link` and `identity_merge`: who was linked with whom, when and why.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};
use uuid::Uuid;

use super::key;
use crate::domain::identity::{Cause, Link, LinkHistory, Named};
use crate::store::rows::{RowsSql, execute, load_rows, read, rows_sql};
use crate::store::seal::{Wrapped, key_of, need};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const IN_FORCE: RowsSql = rows_sql!(
    "SELECT link.merge_id, link.ordinal, link.survivor_customer_id, link.loser_customer_id, link.survivor_has_name,
            link.loser_has_name
     FROM",
    "JOIN identity_link AS link ON link.lane = CAST(value ->> 0 AS INTEGER)
                               AND link.loser_customer_id = value ->> 1
     WHERE link.until IS NULL"
);
const ADD: RowsSql = rows_sql!(
    "INSERT INTO identity_link (lane, loser_customer_id, merge_id, survivor_customer_id, ordinal, survivor_has_name,
                                loser_has_name, since, policy_version, match_key, fingerprint,
                                actor, reason)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3,
            CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS INTEGER),
            CAST(value ->> 6 AS INTEGER), CAST(value ->> 7 AS BIGINT),
            CAST(value ->> 8 AS BIGINT), value ->> 9, value ->> 10, value ->> 11, value ->> 12
     FROM",
    ""
);
const ADD_NAMED: RowsSql = rows_sql!(
    "INSERT INTO identity_merge (lane, merge_id, loser_customer_id, survivor_customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, value ->> 3
     FROM",
    ""
);
const NAMED: &str = "
    SELECT survivor_customer_id, loser_customer_id FROM identity_merge
    WHERE lane = $1 AND merge_id = $2
    ORDER BY loser_customer_id";
const UNDO: &str = "
    UPDATE identity_link SET until = $4, until_actor = $5, until_reason = $6
    WHERE lane = $1 AND loser_customer_id = $2 AND merge_id = $3";
const LIST: &str = concat!(
    "
    SELECT merge_id, ordinal, survivor_customer_id, loser_customer_id, survivor_has_name, loser_has_name, since,
           policy_version, match_key, fingerprint, actor, reason, until, until_actor, until_reason, ",
    key_of!("identity_link", "loser_customer_id"),
    "
    FROM identity_link
    WHERE ((lane = $1 AND loser_customer_id = $2) OR survivor_customer_id = $2)
      AND (since < $3 OR (since = $3 AND (merge_id, loser_customer_id) > ($4, $5)))
    ORDER BY since DESC, merge_id, loser_customer_id
    LIMIT $6"
);
const MAKING: &str = concat!(
    "
    SELECT merge_id, ordinal, survivor_customer_id, loser_customer_id, survivor_has_name, loser_has_name, since,
           policy_version, match_key, fingerprint, actor, reason, until, until_actor, until_reason, ",
    key_of!("identity_link", "loser_customer_id"),
    "
    FROM identity_link
    WHERE lane = $1 AND loser_customer_id = $2 AND until IS NULL"
);

const LIST_LANE: &str = concat!(
    "
    SELECT merge_id, ordinal, survivor_customer_id, loser_customer_id, survivor_has_name, loser_has_name, since,
           policy_version, match_key, fingerprint, actor, reason, until, until_actor, until_reason, ",
    key_of!("identity_link", "loser_customer_id"),
    "
    FROM identity_link
    WHERE lane = $1 AND (loser_customer_id, merge_id) > ($2, $3) AND until IS NULL
    ORDER BY loser_customer_id, merge_id
    LIMIT $4"
);

type LinkRow = (String, i64, String, String, i32, i32);

type Row = (
    String,
    i64,
    String,
    String,
    i32,
    i32,
    i64,
    i64,
    String,
    String,
    String,
    String,
    Option<i64>,
    Option<String>,
    Option<String>,
    Wrapped,
);

const REASON: &str = "identity_link.reason";
const UNTIL_REASON: &str = "identity_link.until_reason";

fn link(row: LinkRow) -> Result<Link, SqlError> {
    let (merge, ordinal, survivor, loser, survivor_has_name, loser_has_name) = row;
    Ok(Link {
        merge: read("merge_id", Uuid::try_parse(&merge).ok())?,
        ordinal,
        survivor: read("survivor_customer_id", CustomerId::parse(&survivor).ok())?,
        loser: read("loser_customer_id", CustomerId::parse(&loser).ok())?,
        survivor_has_name: survivor_has_name != 0,
        loser_has_name: loser_has_name != 0,
    })
}

fn history(keys: &Keys, row: Row) -> Result<LinkHistory, SqlError> {
    let opener = keys.opener(&row.3, &row.15)?;
    let reason = opener.text(REASON, &row.11)?;
    let until_reason = opener.text(UNTIL_REASON, row.14.as_deref().unwrap_or_default())?;
    let (merge, ordinal, survivor, loser, survivor_has_name, loser_has_name, since, ..) = row;
    let undone = row.12.map(|at| {
        let actor = row.13.unwrap_or_default();
        (Timestamp::from_micros(at), actor, until_reason)
    });
    Ok(LinkHistory {
        link: link((
            merge,
            ordinal,
            survivor,
            loser,
            survivor_has_name,
            loser_has_name,
        ))?,
        since: Timestamp::from_micros(since),
        cause: Cause {
            policy_version: row.7,
            match_key: row.8,
            fingerprint: row.9,
            actor: row.10,
            reason,
        },
        undone,
    })
}

/// Returns the links in force whose losers are among some customers.
pub(super) async fn in_force(
    tx: &mut Tx,
    lanes: Lanes,
    losers: &BTreeSet<CustomerId>,
) -> Result<Vec<Link>, SqlError> {
    let keys: Vec<_> = losers.iter().map(|it| key(lanes, it)).collect();
    let rows = load_rows!(tx, IN_FORCE, keys, LinkRow);
    rows.into_iter().map(link).collect()
}

/// Adds the links of a merge.
///
/// # Errors
/// When the database fails.
pub async fn add(
    tx: &mut Tx,
    lanes: Lanes,
    links: &[Link],
    since: Timestamp,
    cause: &Cause,
) -> Result<(), SqlError> {
    need(tx, lanes, links.iter().map(|link| &link.loser)).await?;
    let rows: Vec<_> = links
        .iter()
        .map(|link| {
            let (lane, loser) = key(lanes, &link.loser);
            (
                lane,
                loser,
                link.merge.to_string(),
                link.survivor.as_str(),
                link.ordinal,
                i32::from(link.survivor_has_name),
                i32::from(link.loser_has_name),
                since.as_micros(),
                cause.policy_version,
                &cause.match_key,
                &cause.fingerprint,
                &cause.actor,
                tx.seal_text(&link.loser, REASON, &cause.reason),
            )
        })
        .collect();
    execute(tx, ADD, &rows).await?;
    let named: Vec<_> = links
        .iter()
        .map(|link| {
            let merge = link.merge.to_string();
            let (loser, survivor) = (link.loser.as_str(), link.survivor.as_str());
            (lanes.of(&merge), merge, loser, survivor)
        })
        .collect();
    execute(tx, ADD_NAMED, &named).await
}

/// Returns whom a merge names; nothing when there is no such merge.
///
/// # Errors
/// When the database fails.
pub async fn named(db: &Db, merge: Uuid) -> Result<Option<Named>, SqlError> {
    let merge = merge.to_string();
    let rows: Vec<(String, String)> = with_pool!(db, |pool| {
        let lane = db.lanes().of(&merge);
        let query = sqlx::query_as(NAMED).bind(lane).bind(&merge);
        query.fetch_all(pool).await?
    });
    let Some((survivor, _)) = rows.first() else {
        return Ok(None);
    };
    let survivor = read("survivor_customer_id", CustomerId::parse(survivor).ok())?;
    let mut losers = Vec::with_capacity(rows.len());
    for (_, loser) in &rows {
        losers.push(read("loser_customer_id", CustomerId::parse(loser).ok())?);
    }
    Ok(Some(Named { survivor, losers }))
}

/// Notes that links were undone.
///
/// # Errors
/// When the database fails.
pub async fn undo(
    tx: &mut Tx,
    lanes: Lanes,
    links: &[Link],
    until: Timestamp,
    cause: &Cause,
) -> Result<(), SqlError> {
    need(tx, lanes, links.iter().map(|link| &link.loser)).await?;
    for link in links {
        let reason = tx.seal_text(&link.loser, UNTIL_REASON, &cause.reason);
        let (lane, loser) = key(lanes, &link.loser);
        let merge = link.merge.to_string();
        with_tx!(tx, |conn| {
            let query = sqlx::query(UNDO).bind(lane).bind(loser).bind(&merge);
            let query = query.bind(until.as_micros()).bind(&cause.actor);
            query.bind(reason).execute(conn).await?;
        });
    }
    Ok(())
}

/// Returns up to `limit` links that name a customer and come after the one made at `after.0` by merge
/// `after.1` with the loser `after.2`, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    after: (i64, &str, &str),
    limit: i64,
) -> Result<Vec<LinkHistory>, SqlError> {
    let (lane, customer) = key(db.lanes(), customer);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer);
        let query = query.bind(after.0).bind(after.1).bind(after.2);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| history(keys, row)).collect()
}

/// Returns up to `limit` links in force of the losers of a lane that come after one of a loser by a
/// merge.
///
/// # Errors
/// When the database fails.
pub async fn list_lane(
    db: &Db,
    lane: Lane,
    (loser, merge): &(String, String),
    limit: i64,
) -> Result<Vec<LinkHistory>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST_LANE).bind(lane).bind(loser);
        query.bind(merge).bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| history(keys, row)).collect()
}

/// Returns the links in force that make a record, in the order in which they were made.
///
/// # Errors
/// When the database fails.
pub async fn making(db: &Db, members: &BTreeSet<CustomerId>) -> Result<Vec<LinkHistory>, SqlError> {
    let mut links = Vec::new();
    for member in members {
        let (lane, member): (Lane, &str) = key(db.lanes(), member);
        let rows: Vec<Row> = with_pool!(db, |pool| {
            let query = sqlx::query_as(MAKING).bind(lane).bind(member);
            query.fetch_all(pool).await?
        });
        for row in rows {
            links.push(history(db.keys().await?, row)?);
        }
    }
    links.sort_by_key(|it| (it.link.ordinal, it.link.merge));
    Ok(links)
}
