//! Tables `sim` and `customer_sim`: who was given a SIM when.

use tenure_core::{CustomerId, Lane, Lanes, SubscriptionId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::party::interval;
use super::rows::read;
use super::seal::{Wrapped, key_of, need};
use super::subscription;
use crate::domain::sim::{Iccid, OWNERS_MAX, SimHolding};
use crate::domain::{Fact, Subscription};
use crate::store::{Db, Tx};
use crate::vault::Keys;

/// Those that reach an instant or begin after it, newest first.
const OF_SIM: &str = "
    SELECT customer_id, subscription_id, valid_from, valid_until FROM sim
    WHERE lane = $1 AND iccid = $2 AND valid_until > $3
    ORDER BY valid_from DESC";
const OF_SUBSCRIPTION: &str = concat!(
    "
    SELECT iccid, customer_id, subscription_id, valid_from, valid_until, ",
    key_of!("customer_sim"),
    " FROM customer_sim
    WHERE lane = $1 AND customer_id = $2 AND subscription_id = $3
    ORDER BY valid_from"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT iccid, customer_id, subscription_id, valid_from, valid_until, ",
    key_of!("customer_sim"),
    " FROM customer_sim
    WHERE lane = $1 AND (customer_id, subscription_id, valid_from) > ($2, $3, $4)
    ORDER BY customer_id, subscription_id, valid_from
    LIMIT $5"
);
const SAVE: &str = "
    INSERT INTO sim (lane, iccid, valid_from, valid_until, customer_id, subscription_id)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (lane, iccid, valid_from) DO UPDATE SET
        valid_until = EXCLUDED.valid_until, customer_id = EXCLUDED.customer_id,
        subscription_id = EXCLUDED.subscription_id";
const SAVE_OF_CUSTOMER: &str = "
    INSERT INTO customer_sim (lane, customer_id, subscription_id, valid_from, valid_until, iccid)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (lane, customer_id, subscription_id, valid_from) DO UPDATE SET
        valid_until = EXCLUDED.valid_until, iccid = EXCLUDED.iccid";

type SimRow = (String, String, i64, i64);
type Row = (String, String, String, i64, i64, Wrapped);

const ICCID: &str = "customer_sim.iccid";

/// Returns by what a SIM is found: nobody reads the ICCID from it.
fn index(keys: &Keys, iccid: &Iccid) -> String {
    keys.index("iccid", iccid.as_str().as_bytes())
}

fn known(keys: &Keys, row: Row) -> Result<SimHolding, SqlError> {
    let (iccid, customer, subscription, from, until, key) = row;
    let iccid = keys.opener(&customer, &key)?.text(ICCID, &iccid)?;
    let iccid = read("iccid", Iccid::parse(&iccid).ok())?;
    of_sim(&iccid, (customer, subscription, from, until))
}

fn of_sim(
    iccid: &Iccid,
    (customer, subscription, from, until): SimRow,
) -> Result<SimHolding, SqlError> {
    Ok(SimHolding {
        iccid: iccid.clone(),
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        subscription: read("subscription_id", SubscriptionId::parse(&subscription).ok())?,
        valid: interval(from, until)?,
    })
}

/// Returns the holdings of a SIM that end after an instant, newest first, behind the lock of its lane.
///
/// # Errors
/// When the database fails.
pub async fn load_of_sim(
    tx: &mut Tx,
    lanes: Lanes,
    iccid: &Iccid,
    since: Timestamp,
) -> Result<Vec<SimHolding>, SqlError> {
    let lane = lanes.of(iccid.as_str());
    let index = index(tx.keys(), iccid);
    let rows: Vec<SimRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(OF_SIM).bind(lane).bind(index);
        query.bind(since.as_micros()).fetch_all(conn).await?
    });
    rows.into_iter().map(|row| of_sim(iccid, row)).collect()
}

/// Returns the subscription that a holding is of last: as whoever took it over last has it, or as it
/// ended.
///
/// # Errors
/// When the database fails.
pub async fn last_record(
    tx: &mut Tx,
    lanes: Lanes,
    holding: &SimHolding,
) -> Result<Option<Subscription>, SqlError> {
    let mut customer = holding.customer.clone();
    let mut last = None;
    for _ in 0..OWNERS_MAX {
        let id = &holding.subscription;
        let Some(record) = subscription::load_one(tx, lanes, &customer, id).await? else {
            break;
        };
        let next = record.standing.transferred_to.clone();
        last = Some(record);
        match next {
            Some(next) => customer = next,
            None => break,
        }
    }
    Ok(last)
}

/// Returns the record of a subscription of a customer, then those of whoever had it before.
///
/// # Errors
/// When the database fails.
pub async fn load_records(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Vec<Subscription>, SqlError> {
    let mut records: Vec<Subscription> = Vec::new();
    let mut next = Some(customer.clone());
    while let Some(customer) = next.take().filter(|_| records.len() < OWNERS_MAX) {
        let Some(record) = subscription::load_one(tx, lanes, &customer, id).await? else {
            break;
        };
        next.clone_from(&record.standing.transferred_from);
        records.push(record);
    }
    Ok(records)
}

/// Returns all holdings of a subscription, whoever had it, behind the locks of their lanes.
///
/// # Errors
/// When the database fails.
pub async fn load_of(
    tx: &mut Tx,
    lanes: Lanes,
    records: &[Subscription],
) -> Result<Vec<SimHolding>, SqlError> {
    let mut holdings = Vec::new();
    for record in records {
        let (customer, id) = (record.customer.as_str(), record.id.as_str());
        let rows: Vec<Row> = with_tx!(tx, |conn| {
            let query = sqlx::query_as(OF_SUBSCRIPTION).bind(lanes.of(customer));
            query.bind(customer).bind(id).fetch_all(conn).await?
        });
        for row in rows {
            holdings.push(known(tx.keys(), row)?);
        }
    }
    Ok(holdings)
}

/// Returns what a customer held with a subscription, oldest first; nothing when there is none.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: &CustomerId,
    id: &SubscriptionId,
) -> Result<Option<Vec<SimHolding>>, SqlError> {
    let Some(own) = subscription::get(db, customer, id).await? else {
        return Ok(None);
    };
    let keys = db.keys().await?;
    let mut holdings = Vec::new();
    let mut next = Some(own.clone());
    for _ in 0..OWNERS_MAX {
        let Some(record) = next.take() else { break };
        let owner = record.customer.as_str();
        let lane = db.lanes().of(owner);
        let rows: Vec<Row> = with_pool!(db, |pool| {
            let query = sqlx::query_as(OF_SUBSCRIPTION).bind(lane).bind(owner);
            query.bind(id.as_str()).fetch_all(pool).await?
        });
        for row in rows {
            holdings.extend(known(keys, row)?.while_had(&own));
        }
        if let Some(before) = &record.standing.transferred_from {
            next = subscription::get(db, before, id).await?;
        }
    }
    holdings.sort_by_key(|it| it.valid.from());
    Ok(Some(holdings))
}

/// Returns who holds or held a SIM at an instant, and with which subscription.
///
/// # Errors
/// When the database fails.
pub async fn find(
    db: &Db,
    iccid: &Iccid,
    at: Timestamp,
) -> Result<Option<(CustomerId, SubscriptionId)>, SqlError> {
    let lane = db.lanes().of(iccid.as_str());
    let index = index(db.keys().await?, iccid);
    let rows: Vec<SimRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(OF_SIM).bind(lane).bind(index);
        query.bind(at.as_micros()).fetch_all(pool).await?
    });
    for row in rows {
        let holding = of_sim(iccid, row)?;
        if !holding.valid.contains(at) {
            continue;
        }
        let mut customer = Some(holding.customer);
        for _ in 0..OWNERS_MAX {
            let Some(id) = customer.take() else { break };
            let record = subscription::get(db, &id, &holding.subscription).await?;
            let Some(record) = record else { break };
            if at < record.until() {
                return Ok(Some((id, holding.subscription)));
            }
            customer = record.standing.transferred_to;
        }
    }
    Ok(None)
}

/// Saves a holding in the lanes of the SIM and of whom it was given to.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, it: &SimHolding) -> Result<(), SqlError> {
    need(tx, lanes, [&it.customer]).await?;
    let (index, sealed) = (
        index(tx.keys(), &it.iccid),
        tx.seal_text(&it.customer, ICCID, it.iccid.as_str()),
    );
    let (iccid, customer) = (it.iccid.as_str(), it.customer.as_str());
    let id = it.subscription.as_str();
    let (from, until) = (it.valid.from().as_micros(), it.valid.until().as_micros());
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE)
            .bind(lanes.of(iccid))
            .bind(index)
            .bind(from);
        query
            .bind(until)
            .bind(customer)
            .bind(id)
            .execute(conn)
            .await?;
    });
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_OF_CUSTOMER)
            .bind(lanes.of(customer))
            .bind(customer);
        query
            .bind(id)
            .bind(from)
            .bind(until)
            .bind(sealed)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns up to `limit` holdings of the customers of a lane that follow the one of which `after` is
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
    let (customer, id, from) = (part(), part(), part());
    let from = from.parse().unwrap_or(i64::MIN);
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let page = sqlx::query_as(PAGE).bind(lane).bind(customer).bind(id);
        page.bind(from).bind(limit).fetch_all(conn).await?
    });
    let fact = |row: Row| {
        let it = known(tx.keys(), row)?;
        let key = format!(
            "{} {} {}",
            it.customer,
            it.subscription,
            it.valid.from().as_micros()
        );
        Ok((key, Fact::Sim(it)))
    };
    rows.into_iter().map(fact).collect()
}
