//! Table `relationship`: a row in the lane of each of both customers.

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes, RelationshipId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::party::interval;
use super::rows::{RowsSql, execute, load_rows, read, rows_sql};
use super::seal::{Wrapped, key_of, need};
use crate::domain::relationship::{Edges, HIERARCHY_MAX, Relationship, RelationshipKind};
use crate::domain::{Fact, Interval};
use crate::store::{Db, Tx};
use crate::vault::Keys;

const FIRST: i32 = 1;
const SECOND: i32 = 2;

const GET: &str = concat!(
    "
    SELECT customer_id, relationship_id, kind, side, other_customer_id, role, valid_from,
           valid_until, created_at, updated_at, ",
    key_of!("relationship"),
    "
    FROM relationship
    WHERE lane = $1 AND customer_id = $2 AND relationship_id = $3"
);
const LIST: &str = concat!(
    "
    SELECT customer_id, relationship_id, kind, side, other_customer_id, role, valid_from,
           valid_until, created_at, updated_at, ",
    key_of!("relationship"),
    "
    FROM relationship
    WHERE lane = $1 AND customer_id = $2 AND relationship_id > $3
      AND valid_from <= $4 AND valid_until > $4
      AND ($5 = 0 OR kind = $5)
    ORDER BY relationship_id
    LIMIT $6"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, relationship_id, kind, side, other_customer_id, role, valid_from,
           valid_until, created_at, updated_at, ",
    key_of!("relationship"),
    "
    FROM relationship
    WHERE lane = $1 AND (customer_id, relationship_id) > ($2, $3)
    ORDER BY customer_id, relationship_id
    LIMIT $4"
);
/// Either may be the first.
const BETWEEN: &str = "
    SELECT valid_from, valid_until FROM relationship
    WHERE lane = $1 AND customer_id = $2 AND kind = $3 AND side IN (1, 2)
      AND other_customer_id = $4";
const NEXT: RowsSql = rows_sql!(
    "SELECT r.customer_id, r.other_customer_id, r.valid_from, r.valid_until
     FROM",
    "JOIN relationship AS r ON r.lane = CAST(value ->> 0 AS INTEGER)
                           AND r.customer_id = value ->> 1
                           AND r.kind = CAST(value ->> 2 AS INTEGER)
                           AND r.side = 1
     ORDER BY r.customer_id, r.other_customer_id
     LIMIT 2000"
);
const SAVE: RowsSql = rows_sql!(
    "INSERT INTO relationship (lane, customer_id, relationship_id, kind, side, other_customer_id,
                               role, valid_from, valid_until, created_at, updated_at)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS INTEGER),
            CAST(value ->> 4 AS INTEGER), value ->> 5, value ->> 6, CAST(value ->> 7 AS BIGINT),
            CAST(value ->> 8 AS BIGINT), CAST(value ->> 9 AS BIGINT), CAST(value ->> 10 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, relationship_id) DO UPDATE SET
         valid_until = EXCLUDED.valid_until, updated_at = EXCLUDED.updated_at"
);

/// The limit of [`NEXT`].
const NEXT_MAX: usize = 2_000;

type Row = (
    String,
    String,
    i32,
    i32,
    String,
    String,
    i64,
    i64,
    i64,
    i64,
    Wrapped,
);

const ROLE: &str = "relationship.role";

/// Returns the lane behind which cycles of hierarchical kinds are looked for: whoever adds to a
/// hierarchy holds it, so that what was looked at stays as it is.
#[must_use]
pub fn hierarchy_lane(lanes: Lanes) -> Lane {
    lanes.of("hierarchy of relationships")
}

/// Returns a relationship of a customer.
///
/// # Errors
/// When the database fails.
pub async fn get(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: RelationshipId,
) -> Result<Option<Relationship>, SqlError> {
    let (lane, id) = (lanes.of(customer.as_str()), id.to_string());
    let row: Option<Row> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(GET).bind(lane).bind(customer.as_str());
        query.bind(id).fetch_optional(conn).await?
    });
    row.map(|row| known(tx.keys(), row)).transpose()
}

/// Returns up to `limit` relationships of a customer at an instant whose ids follow `after`; of all
/// kinds where none is given.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    kind: Option<RelationshipKind>,
    at: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<Relationship>, SqlError> {
    let (lane, kind) = (
        db.lanes().of(customer.as_str()),
        kind.map_or(0, RelationshipKind::number),
    );
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST).bind(lane).bind(customer.as_str());
        let query = query.bind(after).bind(at.as_micros()).bind(kind);
        query.bind(limit).fetch_all(pool).await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| known(keys, row)).collect()
}

/// Returns when two customers are related by a kind, whoever is the first.
///
/// # Errors
/// When the database fails.
pub async fn between(
    tx: &mut Tx,
    lanes: Lanes,
    relationship: &Relationship,
) -> Result<Vec<Interval>, SqlError> {
    let (first, kind) = (relationship.first.as_str(), relationship.kind.number());
    let lane = lanes.of(first);
    let rows: Vec<(i64, i64)> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(BETWEEN).bind(lane).bind(first).bind(kind);
        query
            .bind(relationship.second.as_str())
            .fetch_all(conn)
            .await?
    });
    rows.into_iter()
        .map(|(from, until)| interval(from, until))
        .collect()
}

/// Loads whom the second customer can reach by relationships of the kind, behind the lock of
/// [`hierarchy_lane`]; nothing where there are more than a hierarchy may have.
///
/// # Errors
/// When the database fails.
pub async fn reachable(
    tx: &mut Tx,
    lanes: Lanes,
    relationship: &Relationship,
) -> Result<Option<Edges>, SqlError> {
    let mut edges = Edges::new();
    if !relationship.kind.is_hierarchical() {
        return Ok(Some(edges));
    }
    let kind = relationship.kind.number();
    let mut todo = BTreeSet::from([relationship.second.clone()]);
    while !todo.is_empty() {
        if edges.len() + todo.len() > HIERARCHY_MAX {
            return Ok(None);
        }
        let keys: Vec<_> = todo
            .iter()
            .map(|id| (lanes.of(id.as_str()), id.as_str(), kind))
            .collect();
        let rows = load_rows!(tx, NEXT, keys, (String, String, i64, i64));
        if rows.len() == NEXT_MAX {
            return Ok(None);
        }
        for id in std::mem::take(&mut todo) {
            edges.insert(id, Vec::new());
        }
        for (from, to, since, until) in rows {
            let from = read("customer_id", CustomerId::parse(&from).ok())?;
            let to = read("other_customer_id", CustomerId::parse(&to).ok())?;
            if !edges.contains_key(&to) {
                todo.insert(to.clone());
            }
            edges
                .entry(from)
                .or_default()
                .push((to, interval(since, until)?));
        }
    }
    Ok(Some(edges))
}

/// Saves a relationship in the lanes of both customers.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, it: &Relationship) -> Result<(), SqlError> {
    need(tx, lanes, [&it.first, &it.second]).await?;
    let row = |side: i32, customer: &CustomerId, other: &CustomerId| {
        (
            lanes.of(customer.as_str()),
            customer.as_str().to_owned(),
            it.id.to_string(),
            it.kind.number(),
            side,
            other.as_str().to_owned(),
            tx.seal_text(customer, ROLE, &it.role),
            it.valid.from().as_micros(),
            it.valid.until().as_micros(),
            it.created_at.as_micros(),
            it.updated_at.as_micros(),
        )
    };
    let rows = [
        row(FIRST, &it.first, &it.second),
        row(SECOND, &it.second, &it.first),
    ];
    execute(tx, SAVE, &rows).await
}

/// Returns up to `limit` relationships of a lane that follow the one of which `after` is the key, each
/// with its key and as its customer is told, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let (customer, id) = after.split_once(' ').unwrap_or_default();
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(id);
        page.bind(limit).fetch_all(conn).await?
    });
    let fact = |row: Row| {
        let key = format!("{} {}", row.0, row.1);
        let told = read("customer_id", CustomerId::parse(&row.0).ok())?;
        Ok((key, Fact::Relationship(told, known(tx.keys(), row)?)))
    };
    rows.into_iter().map(fact).collect()
}

fn known(keys: &Keys, row: Row) -> Result<Relationship, SqlError> {
    let (customer, id, kind, side, other, role, from, until, created, updated, key) = row;
    let role = keys.opener(&customer, &key)?.text(ROLE, &role)?;
    let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
    let other = read("other_customer_id", CustomerId::parse(&other).ok())?;
    let (first, second) = if side == FIRST {
        (customer, other)
    } else {
        (other, customer)
    };
    Ok(Relationship {
        id: read("relationship_id", RelationshipId::parse(&id).ok())?,
        kind: read("kind", RelationshipKind::from_number(kind))?,
        first,
        second,
        role,
        valid: interval(from, until)?,
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
    })
}
