//! Tables `identity_*`: who is one customer with whom.
//!
//! Reads of a record begin with [`record_of`]; lists ask each member and put the pages together
//! ([`page_of_all`]). Writes load what hangs together with [`load`] behind the locks of its lanes.

pub mod link;
pub mod policy;
pub mod run;

use std::collections::BTreeSet;

use tenure_core::{CustomerId, Lane, Lanes};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{RowsSql, encode, execute, load_rows, read, rows_sql};
use crate::domain::Fact;
use crate::domain::identity::{Graph, Merge, Record};
use crate::store::{Db, Tx};

const RECORD: &str = "
    SELECT member.survivor_customer_id, member.member_customer_id
    FROM identity_alias
    JOIN identity_member AS member ON member.lane = identity_alias.survivor_lane
                                  AND member.survivor_customer_id = identity_alias.survivor_customer_id
    WHERE identity_alias.lane = $1 AND identity_alias.customer_id = $2";
/// In the order of the key, for a snapshot.
const PAGE: &str = "
    SELECT alias.customer_id, alias.survivor_customer_id, member.member_customer_id
    FROM (SELECT customer_id, survivor_lane, survivor_customer_id FROM identity_alias
          WHERE lane = $1 AND customer_id > $2
          ORDER BY customer_id
          LIMIT $3) AS alias
    JOIN identity_member AS member ON member.lane = alias.survivor_lane
                                  AND member.survivor_customer_id = alias.survivor_customer_id
    ORDER BY alias.customer_id, member.member_customer_id";
const MEMBERS: RowsSql = rows_sql!(
    "SELECT member.survivor_customer_id, member.member_customer_id
     FROM",
    "JOIN identity_alias ON identity_alias.lane = CAST(value ->> 0 AS INTEGER)
                        AND identity_alias.customer_id = value ->> 1
     JOIN identity_member AS member ON member.lane = identity_alias.survivor_lane
                                   AND member.survivor_customer_id = identity_alias.survivor_customer_id"
);
/// SQLite uses no more than the first column of an index for a list of rows, so it is told each column
/// as well.
const REMOVE_ALIASES: RowsSql = RowsSql {
    sqlite: "
    DELETE FROM identity_alias
    WHERE lane IN (SELECT CAST(value ->> 0 AS INTEGER) FROM json_each($1))
      AND customer_id IN (SELECT CAST(value ->> 1 AS TEXT) FROM json_each($1))",
    postgres: "
    DELETE FROM identity_alias
    USING jsonb_array_elements($1::JSONB) AS given (value)
    WHERE lane = CAST(value ->> 0 AS INTEGER) AND customer_id = value ->> 1",
};
const REMOVE_MEMBERS: RowsSql = RowsSql {
    sqlite: "
    DELETE FROM identity_member
    WHERE lane IN (SELECT CAST(value ->> 0 AS INTEGER) FROM json_each($1))
      AND survivor_customer_id IN (SELECT CAST(value ->> 1 AS TEXT) FROM json_each($1))",
    postgres: "
    DELETE FROM identity_member
    USING jsonb_array_elements($1::JSONB) AS given (value)
    WHERE lane = CAST(value ->> 0 AS INTEGER) AND survivor_customer_id = value ->> 1",
};
const ADD_ALIASES: RowsSql = rows_sql!(
    "INSERT INTO identity_alias (lane, customer_id, survivor_lane, survivor_customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, CAST(value ->> 2 AS INTEGER), value ->> 3
     FROM",
    ""
);
const ADD_MEMBERS: RowsSql = rows_sql!(
    "INSERT INTO identity_member (lane, survivor_customer_id, member_customer_id)
     SELECT CAST(value ->> 0 AS INTEGER), value ->> 1, value ->> 2
     FROM",
    ""
);

/// Returns the record that a customer belongs to; of one that was never merged, its own.
///
/// # Errors
/// When the database fails.
pub async fn record_of(db: &Db, customer: &CustomerId) -> Result<Record, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let rows: Vec<(String, String)> = with_pool!(db, |pool| {
        let query = sqlx::query_as(RECORD).bind(lane).bind(customer.as_str());
        query.fetch_all(pool).await?
    });
    let mut record = Record::alone(customer.clone());
    for (survivor, member) in rows {
        record.survivor = read("survivor_customer_id", CustomerId::parse(&survivor).ok())?;
        let member = read("member_customer_id", CustomerId::parse(&member).ok())?;
        record.members.insert(member);
    }
    Ok(record)
}

/// Returns every id of the record that a customer belongs to, in ascending order: what a list of
/// anything that customers have must ask for.
///
/// # Errors
/// When the database fails.
pub async fn members_of(db: &Db, customer: &CustomerId) -> Result<Vec<CustomerId>, SqlError> {
    let record = record_of(db, customer).await?;
    Ok(record.members.into_iter().collect())
}

/// Returns the members of all records that some customers belong to, each with its survivor. Who was
/// never merged is not among them.
///
/// # Errors
/// When the database fails.
pub async fn members_of_all(
    db: &Db,
    customers: &[CustomerId],
) -> Result<BTreeSet<(CustomerId, CustomerId)>, SqlError> {
    let lanes = db.lanes();
    let keys: Vec<_> = customers.iter().map(|it| key(lanes, it)).collect();
    let sql = db.pick(MEMBERS.sqlite, MEMBERS.postgres);
    let rows: Vec<(String, String)> = with_pool!(db, |pool| sqlx::query_as(sql)
        .bind(encode(&keys))
        .fetch_all(pool)
        .await?);
    rows.into_iter().map(known).collect()
}

fn key(lanes: Lanes, customer: &CustomerId) -> (Lane, &str) {
    (lanes.of(customer.as_str()), customer.as_str())
}

fn known((survivor, member): (String, String)) -> Result<(CustomerId, CustomerId), SqlError> {
    Ok((
        read("survivor_customer_id", CustomerId::parse(&survivor).ok())?,
        read("member_customer_id", CustomerId::parse(&member).ok())?,
    ))
}

/// Puts one page of a list together from the pages of all members (each asked for `limit` rows after the
/// last one that was shown): `order` is the order of the list, with the member at its end where two
/// members may have rows of one key.
pub fn page_of_all<T, O: Ord>(mut rows: Vec<T>, limit: i64, order: impl Fn(&T) -> O) -> Vec<T> {
    rows.sort_by_key(order);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows
}

/// Returns the records of up to `limit` members of a lane that follow the one of which `after` is the id,
/// each with its id, as a transaction sees them. Which merges made a record is not said there.
///
/// # Errors
/// When the database fails.
pub(super) async fn page(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Fact)>, SqlError> {
    let rows: Vec<(String, String, String)> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(after);
        page.bind(limit).fetch_all(conn).await?
    });
    let mut facts = Vec::new();
    for rows in rows.chunk_by(|a, b| a.0 == b.0) {
        let (customer, survivor, _) = &rows[0];
        let customer = read("customer_id", CustomerId::parse(customer).ok())?;
        let survivor = read("survivor_customer_id", CustomerId::parse(survivor).ok())?;
        let mut members = BTreeSet::new();
        for (_, _, member) in rows {
            members.insert(read("member_customer_id", CustomerId::parse(member).ok())?);
        }
        let record = Record { survivor, members };
        facts.push((
            customer.to_string(),
            Fact::Merge(Merge::found(customer, record)),
        ));
    }
    Ok(facts)
}

/// Returns some customers, all members of their records, and the links in force between them. Final
/// only behind the locks of all of their lanes.
///
/// # Errors
/// When the database fails.
pub async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    customers: &BTreeSet<CustomerId>,
) -> Result<Graph, SqlError> {
    let mut members = customers.clone();
    let keys: Vec<_> = customers.iter().map(|it| key(lanes, it)).collect();
    for row in load_rows!(tx, MEMBERS, keys, (String, String)) {
        members.insert(known(row)?.1);
    }
    let links = link::in_force(tx, lanes, &members).await?;
    Ok(Graph { members, links })
}

/// Returns the lanes of customers.
#[must_use]
pub fn lanes_of(lanes: Lanes, customers: &BTreeSet<CustomerId>) -> BTreeSet<Lane> {
    customers.iter().map(|it| lanes.of(it.as_str())).collect()
}

/// Writes which records the members of a graph belong to now.
///
/// # Errors
/// When the database fails.
pub async fn save_records(
    tx: &mut Tx,
    lanes: Lanes,
    graph: &Graph,
    records: &[Record],
) -> Result<(), SqlError> {
    let all: Vec<_> = graph.members.iter().map(|it| key(lanes, it)).collect();
    execute(tx, REMOVE_ALIASES, &all).await?;
    execute(tx, REMOVE_MEMBERS, &all).await?;
    let (mut aliases, mut members) = (Vec::new(), Vec::new());
    for record in records.iter().filter(|record| !record.is_single()) {
        let (survivor_lane, survivor) = key(lanes, &record.survivor);
        for member in &record.members {
            let (lane, member) = key(lanes, member);
            aliases.push((lane, member, survivor_lane, survivor));
            members.push((survivor_lane, survivor, member));
        }
    }
    execute(tx, ADD_ALIASES, &aliases).await?;
    execute(tx, ADD_MEMBERS, &members).await
}
