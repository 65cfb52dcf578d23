//! Tables `customer_group`, `group_member` and `group_membership`.

use std::collections::HashMap;

use tenure_core::{CustomerId, GroupId, Lane, Lanes, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::party::interval;
use super::rows::{RowsSql, execute, read, rows_sql};
use super::seal::{self, Opener, need};
use crate::domain::group::{Group, GroupKind, Membership};
use crate::domain::{Fact, Interval};
use crate::store::{Db, Tx};
use crate::vault::CustomerKey;

const GET: &str = "
    SELECT kind, name, customer_id, place_code, member_count_max, created_at, updated_at
    FROM customer_group
    WHERE lane = $1 AND group_id = $2";
const SAVE: &str = "
    INSERT INTO customer_group (lane, group_id, kind, name, customer_id, place_code,
                                member_count_max, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (lane, group_id) DO UPDATE SET
        name = EXCLUDED.name, customer_id = EXCLUDED.customer_id,
        place_code = EXCLUDED.place_code, member_count_max = EXCLUDED.member_count_max,
        updated_at = EXCLUDED.updated_at";
/// Whoever is no member any more before an instant has no part in anything after it.
const SINCE: &str = "
    SELECT customer_id, valid_from, valid_until FROM group_member
    WHERE lane = $1 AND group_id = $2 AND valid_until > $3 AND valid_from < $4";
const OF_ONE: &str = "
    SELECT customer_id, valid_from, valid_until FROM group_member
    WHERE lane = $1 AND group_id = $2 AND customer_id = $3
    ORDER BY valid_from";
const MEMBERS: &str = "
    SELECT customer_id, valid_from, valid_until FROM group_member
    WHERE lane = $1 AND group_id = $2 AND customer_id > $3
      AND valid_from <= $4 AND valid_until > $4
    ORDER BY customer_id
    LIMIT $5";
const OF_CUSTOMER: &str = "
    SELECT group_id, group_kind, valid_from, valid_until FROM group_membership
    WHERE lane = $1 AND customer_id = $2 AND group_id >= $3 AND (group_id, customer_id) > ($3, $4)
      AND valid_from <= $5 AND valid_until > $5
    ORDER BY group_id
    LIMIT $6";
/// In the order of the table's key, for a snapshot.
const PAGE: &str = "
    SELECT customer_id, group_id, group_kind, valid_from, valid_until FROM group_membership
    WHERE lane = $1 AND (customer_id, group_id, valid_from) > ($2, $3, $4)
    ORDER BY customer_id, group_id, valid_from
    LIMIT $5";
const SAVE_MEMBER: RowsSql = rows_sql!(
    "INSERT INTO group_member (lane, group_id, customer_id, valid_from, valid_until)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            CAST(value ->> 4 AS BIGINT)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, group_id, customer_id, valid_from) DO UPDATE SET
         valid_until = EXCLUDED.valid_until"
);
const SAVE_MEMBERSHIP: RowsSql = rows_sql!(
    "INSERT INTO group_membership (lane, customer_id, group_id, valid_from, valid_until, group_kind)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT),
            CAST(value ->> 4 AS BIGINT), CAST(value ->> 5 AS INTEGER)
     FROM",
    "WHERE TRUE
     ON CONFLICT (lane, customer_id, group_id, valid_from) DO UPDATE SET
         valid_until = EXCLUDED.valid_until"
);

type Row = (i32, String, String, String, i64, i64, i64);
type MemberRow = (String, i64, i64);
type Member = (CustomerId, Interval);

const NAME: &str = "customer_group.name";

/// Returns a group, in a transaction that holds its lane.
///
/// # Errors
/// When the database fails.
pub async fn load(tx: &mut Tx, lanes: Lanes, id: &GroupId) -> Result<Option<Group>, SqlError> {
    let lane = lanes.of(id.as_str());
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(GET)
            .bind(lane)
            .bind(id.as_str())
            .fetch_optional(conn)
            .await?
    });
    let Some(group) = row.map(|row| known(id, row)).transpose()? else {
        return Ok(None);
    };
    let owner = group.customer.iter().map(CustomerId::as_str).collect();
    seal::find(tx, lanes, &owner).await?;
    open(group, tx.customers()).map(Some)
}

/// Returns a group.
///
/// # Errors
/// When the database fails.
pub async fn get(db: &Db, id: &GroupId) -> Result<Option<Group>, SqlError> {
    let lane = db.lanes().of(id.as_str());
    let row: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(GET)
            .bind(lane)
            .bind(id.as_str())
            .fetch_optional(pool)
            .await?
    });
    let Some(group) = row.map(|row| known(id, row)).transpose()? else {
        return Ok(None);
    };
    let owner = group.customer.iter().map(CustomerId::as_str).collect();
    let keys = seal::get(db, &owner).await?;
    open(group, &keys).map(Some)
}

/// Opens the name of a group that belongs to a customer: it may be a family's. That of a place or an
/// exchange is nobody's.
fn open(mut group: Group, keys: &HashMap<String, CustomerKey>) -> Result<Group, SqlError> {
    if let Some(customer) = &group.customer {
        let opener = Opener::new(customer.as_str(), keys.get(customer.as_str()));
        group.name = opener.text(NAME, &group.name)?;
    }
    Ok(group)
}

fn known(id: &GroupId, row: Row) -> Result<Group, SqlError> {
    let (kind, name, customer, place_code, member_count_max, created, updated) = row;
    let customer = match customer.as_str() {
        "" => None,
        id => Some(read("customer_id", CustomerId::parse(id).ok())?),
    };
    Ok(Group {
        id: id.clone(),
        kind: read("kind", GroupKind::from_number(kind))?,
        name,
        customer,
        place_code,
        member_count_max,
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
    })
}

/// Saves a group.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, group: &Group) -> Result<(), SqlError> {
    need(tx, lanes, &group.customer).await?;
    let name = match &group.customer {
        Some(customer) => tx.seal_text(customer, NAME, &group.name),
        None => group.name.clone(),
    };
    let id = group.id.as_str();
    let customer = group.customer.as_ref().map_or("", |id| id.as_str());
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE)
            .bind(lanes.of(id))
            .bind(id)
            .bind(group.kind.number());
        let query = query.bind(name).bind(customer).bind(&group.place_code);
        let query = query
            .bind(group.member_count_max)
            .bind(group.created_at.as_micros());
        query
            .bind(group.updated_at.as_micros())
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns all memberships of a group that end after an instant, in a transaction that holds its lane.
///
/// # Errors
/// When the database fails.
pub async fn load_since(
    tx: &mut Tx,
    lanes: Lanes,
    id: &GroupId,
    since: Timestamp,
) -> Result<Vec<Member>, SqlError> {
    let (lane, last) = (lanes.of(id.as_str()), Timestamp::MAX.as_micros());
    let rows: Vec<MemberRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(SINCE).bind(lane).bind(id.as_str());
        query
            .bind(since.as_micros())
            .bind(last)
            .fetch_all(conn)
            .await?
    });
    rows.into_iter().map(member).collect()
}

/// Returns all memberships of a group in an interval.
///
/// # Errors
/// When the database fails.
pub async fn during(db: &Db, id: &GroupId, during: Interval) -> Result<Vec<Member>, SqlError> {
    let lane = db.lanes().of(id.as_str());
    let (from, until) = (during.from().as_micros(), during.until().as_micros());
    let rows: Vec<MemberRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(SINCE).bind(lane).bind(id.as_str());
        query.bind(from).bind(until).fetch_all(pool).await?
    });
    rows.into_iter().map(member).collect()
}

/// Returns all memberships of one customer in a group, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn load_member(
    tx: &mut Tx,
    lanes: Lanes,
    id: &GroupId,
    customer: &CustomerId,
) -> Result<Vec<Member>, SqlError> {
    let lane = lanes.of(id.as_str());
    let rows: Vec<MemberRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(OF_ONE).bind(lane).bind(id.as_str());
        query.bind(customer.as_str()).fetch_all(conn).await?
    });
    rows.into_iter().map(member).collect()
}

/// Returns up to `limit` members of a group at an instant whose ids follow `after`.
///
/// # Errors
/// When the database fails.
pub async fn members(
    db: &Db,
    group: &Group,
    at: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<Membership>, SqlError> {
    let lane = db.lanes().of(group.id.as_str());
    let rows: Vec<MemberRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(MEMBERS).bind(lane).bind(group.id.as_str());
        query
            .bind(after)
            .bind(at.as_micros())
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let membership = |row: MemberRow| {
        let (customer, valid) = member(row)?;
        Ok(Membership {
            group: group.id.clone(),
            kind: group.kind,
            customer,
            valid,
        })
    };
    rows.into_iter().map(membership).collect()
}

fn member((customer, from, until): MemberRow) -> Result<Member, SqlError> {
    let customer = read("customer_id", CustomerId::parse(&customer).ok())?;
    Ok((customer, interval(from, until)?))
}

/// Returns up to `limit` memberships of a customer at an instant in groups whose ids follow `after`.
///
/// # Errors
/// When the database fails.
pub async fn of_customer(
    db: &Db,
    customer: &CustomerId,
    at: Timestamp,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Membership>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<(String, i32, i64, i64)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(OF_CUSTOMER)
            .bind(lane)
            .bind(customer.as_str());
        query
            .bind(after.0)
            .bind(after.1)
            .bind(at.as_micros())
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let membership = |(group, kind, from, until): (String, i32, i64, i64)| {
        Ok(Membership {
            group: read("group_id", GroupId::parse(&group).ok())?,
            kind: read("group_kind", GroupKind::from_number(kind))?,
            customer: customer.clone(),
            valid: interval(from, until)?,
        })
    };
    rows.into_iter().map(membership).collect()
}

/// Saves memberships in the lanes of group and members.
///
/// # Errors
/// When the database fails.
pub async fn save_members(tx: &mut Tx, lanes: Lanes, rows: &[Membership]) -> Result<(), SqlError> {
    let span = |it: &Membership| (it.valid.from().as_micros(), it.valid.until().as_micros());
    let members: Vec<_> = rows
        .iter()
        .map(|it| {
            let (group, customer, (from, until)) =
                (it.group.as_str(), it.customer.as_str(), span(it));
            (lanes.of(group), group, customer, from, until)
        })
        .collect();
    execute(tx, SAVE_MEMBER, &members).await?;
    let memberships: Vec<_> = rows
        .iter()
        .map(|it| {
            let (group, customer, (from, until)) =
                (it.group.as_str(), it.customer.as_str(), span(it));
            (
                lanes.of(customer),
                customer,
                group,
                from,
                until,
                it.kind.number(),
            )
        })
        .collect();
    execute(tx, SAVE_MEMBERSHIP, &memberships).await
}

/// Returns up to `limit` memberships of the customers of a lane that follow the one of which `after` is
/// the key, each with its key, as a transaction sees them.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let mut parts = after.split(' ');
    let mut part = || parts.next().unwrap_or_default();
    let (customer, group, from) = (part(), part(), part());
    let from = from.parse().unwrap_or(i64::MIN);
    let rows: Vec<(String, String, i32, i64, i64)> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(group);
        page.bind(from).bind(limit).fetch_all(conn).await?
    });
    let fact = |(customer, group, kind, from, until): (String, String, i32, i64, i64)| {
        let key = format!("{customer} {group} {from}");
        let membership = Membership {
            group: read("group_id", GroupId::parse(&group).ok())?,
            kind: read("group_kind", GroupKind::from_number(kind))?,
            customer: read("customer_id", CustomerId::parse(&customer).ok())?,
            valid: interval(from, until)?,
        };
        Ok((key, Fact::Group(membership)))
    };
    rows.into_iter().map(fact).collect()
}
