//! Tables `prospect` and `lead`.

use tenure_core::{CustomerId, Lanes, LeadId, Timestamp};
use tenure_sql::{SqlError, with_pool, with_tx};

use super::rows::{page_by_id, read};
use super::seal::{Wrapped, key_of, need};
use crate::domain::Fact;
use crate::domain::lead::{Lead, LeadState, Prospect};
use crate::domain::words::CustomerKind;
use crate::store::{Db, Tx};
use crate::vault::Keys;

const PROSPECT: &str = concat!(
    "
    SELECT customer_id, kind, display_name, source, created_at, updated_at, activated_at, ",
    key_of!("prospect"),
    "
    FROM prospect
    WHERE lane = $1 AND customer_id = $2"
);
const PROSPECTS: &str = concat!(
    "
    SELECT customer_id, kind, display_name, source, created_at, updated_at, activated_at, ",
    key_of!("prospect"),
    "
    FROM prospect
    WHERE customer_id > $1
    ORDER BY customer_id
    LIMIT $2"
);
const SAVE_PROSPECT: &str = "
    INSERT INTO prospect (lane, customer_id, kind, display_name, source, created_at, updated_at,
                          activated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (lane, customer_id) DO UPDATE SET
        kind = EXCLUDED.kind, display_name = EXCLUDED.display_name, source = EXCLUDED.source,
        updated_at = EXCLUDED.updated_at, activated_at = EXCLUDED.activated_at";
const LEAD: &str = concat!(
    "
    SELECT customer_id, lead_id, source, interest, state, lost_reason, state_since, created_at, ",
    key_of!("lead"),
    "
    FROM lead
    WHERE lane = $1 AND customer_id = $2 AND lead_id = $3"
);
const LEADS_OF: &str = concat!(
    "
    SELECT customer_id, lead_id, source, interest, state, lost_reason, state_since, created_at, ",
    key_of!("lead"),
    "
    FROM lead
    WHERE lane = $1 AND customer_id = $2 AND lead_id > $3 AND ($4 = 0 OR state = $4)
    ORDER BY lead_id
    LIMIT $5"
);
const LEADS_IN: &str = concat!(
    "
    SELECT customer_id, lead_id, source, interest, state, lost_reason, state_since, created_at, ",
    key_of!("lead"),
    "
    FROM lead
    WHERE state = $1 AND lead_id > $2
    ORDER BY lead_id
    LIMIT $3"
);
const LEADS: &str = concat!(
    "
    SELECT customer_id, lead_id, source, interest, state, lost_reason, state_since, created_at, ",
    key_of!("lead"),
    "
    FROM lead
    WHERE lead_id > $1
    ORDER BY lead_id
    LIMIT $2"
);
/// In the order of the table's key, for a snapshot.
const PAGE: &str = concat!(
    "
    SELECT customer_id, lead_id, source, interest, state, lost_reason, state_since, created_at, ",
    key_of!("lead"),
    "
    FROM lead
    WHERE lane = $1 AND (customer_id, lead_id) > ($2, $3)
    ORDER BY customer_id, lead_id
    LIMIT $4"
);
const SAVE_LEAD: &str = "
    INSERT INTO lead (lane, customer_id, lead_id, source, interest, state, lost_reason,
                      state_since, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (lane, customer_id, lead_id) DO UPDATE SET
        source = EXCLUDED.source, interest = EXCLUDED.interest, state = EXCLUDED.state,
        lost_reason = EXCLUDED.lost_reason, state_since = EXCLUDED.state_since";

type ProspectRow = (String, i32, String, String, i64, i64, Option<i64>, Wrapped);
type LeadRow = (
    String,
    String,
    String,
    String,
    i32,
    String,
    i64,
    i64,
    Wrapped,
);

const NAME: &str = "prospect.display_name";
const INTEREST: &str = "lead.interest";
const LOST_REASON: &str = "lead.lost_reason";

/// Returns a prospect, behind the lock of the lane.
///
/// # Errors
/// When the database fails.
pub async fn load_prospect(
    tx: &mut Tx,
    lanes: Lanes,
    id: &CustomerId,
) -> Result<Option<Prospect>, SqlError> {
    let lane = lanes.of(id.as_str());
    let row: Option<ProspectRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(PROSPECT).bind(lane).bind(id.as_str());
        query.fetch_optional(conn).await?
    });
    row.map(|row| prospect(tx.keys(), row)).transpose()
}

/// Returns true when there is such a prospect.
///
/// # Errors
/// When the database fails.
pub async fn is_prospect(db: &Db, id: &CustomerId) -> Result<bool, SqlError> {
    let lane = db.lanes().of(id.as_str());
    let row: Option<ProspectRow> = with_pool!(db, |pool| {
        let query = sqlx::query_as(PROSPECT).bind(lane).bind(id.as_str());
        query.fetch_optional(pool).await?
    });
    Ok(row.is_some())
}

/// Returns up to `limit` prospects whose ids follow `after`.
///
/// # Errors
/// When the database fails.
pub async fn list_prospects(db: &Db, after: &str, limit: i64) -> Result<Vec<Prospect>, SqlError> {
    let rows: Vec<ProspectRow> = with_pool!(db, |pool| {
        sqlx::query_as(PROSPECTS)
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let keys = db.keys().await?;
    rows.into_iter().map(|row| prospect(keys, row)).collect()
}

fn prospect(keys: &Keys, row: ProspectRow) -> Result<Prospect, SqlError> {
    let (id, kind, name, source, created, updated, activated, key) = row;
    let display_name = keys.opener(&id, &key)?.text(NAME, &name)?;
    Ok(Prospect {
        id: read("customer_id", CustomerId::parse(&id).ok())?,
        kind: read("kind", CustomerKind::from_number(kind))?,
        display_name,
        source,
        created_at: Timestamp::from_micros(created),
        updated_at: Timestamp::from_micros(updated),
        activated_at: activated.map(Timestamp::from_micros),
    })
}

/// Saves a prospect.
///
/// # Errors
/// When the database fails.
pub async fn save_prospect(tx: &mut Tx, lanes: Lanes, it: &Prospect) -> Result<(), SqlError> {
    need(tx, lanes, [&it.id]).await?;
    let name = tx.seal_text(&it.id, NAME, &it.display_name);
    let id = it.id.as_str();
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_PROSPECT)
            .bind(lanes.of(id))
            .bind(id)
            .bind(it.kind.number());
        let query = query.bind(name).bind(&it.source);
        let query = query
            .bind(it.created_at.as_micros())
            .bind(it.updated_at.as_micros());
        query
            .bind(it.activated_at.map(Timestamp::as_micros))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Returns a lead, behind the lock of the lane.
///
/// # Errors
/// When the database fails.
pub async fn load(
    tx: &mut Tx,
    lanes: Lanes,
    customer: &CustomerId,
    id: &LeadId,
) -> Result<Option<Lead>, SqlError> {
    let lane = lanes.of(customer.as_str());
    let row: Option<LeadRow> = with_tx!(tx, |conn| {
        let query = sqlx::query_as(LEAD).bind(lane).bind(customer.as_str());
        query.bind(id.as_str()).fetch_optional(conn).await?
    });
    row.map(|row| lead(tx.keys(), row)).transpose()
}

/// Returns up to `limit` leads whose ids follow `after`: of a customer, in a state, or all.
///
/// # Errors
/// When the database fails.
pub async fn list(
    db: &Db,
    customer: Option<&CustomerId>,
    state: Option<LeadState>,
    after: &str,
    limit: i64,
) -> Result<Vec<Lead>, SqlError> {
    let rows: Vec<LeadRow> = match (customer, state) {
        (Some(customer), state) => {
            let lane = db.lanes().of(customer.as_str());
            let state = state.map_or(0, LeadState::number);
            with_pool!(db, |pool| {
                let query = sqlx::query_as(LEADS_OF).bind(lane).bind(customer.as_str());
                query
                    .bind(after)
                    .bind(state)
                    .bind(limit)
                    .fetch_all(pool)
                    .await?
            })
        }
        (None, Some(state)) => with_pool!(db, |pool| {
            let query = sqlx::query_as(LEADS_IN).bind(state.number());
            query.bind(after).bind(limit).fetch_all(pool).await?
        }),
        (None, None) => with_pool!(db, |pool| {
            sqlx::query_as(LEADS)
                .bind(after)
                .bind(limit)
                .fetch_all(pool)
                .await?
        }),
    };
    let keys = db.keys().await?;
    rows.into_iter().map(|row| lead(keys, row)).collect()
}

fn lead(keys: &Keys, row: LeadRow) -> Result<Lead, SqlError> {
    let (customer, id, source, interest, state, lost_reason, since, created, key) = row;
    let opener = keys.opener(&customer, &key)?;
    let interest = opener.text(INTEREST, &interest)?;
    let lost_reason = opener.text(LOST_REASON, &lost_reason)?;
    Ok(Lead {
        id: read("lead_id", LeadId::parse(&id).ok())?,
        customer: read("customer_id", CustomerId::parse(&customer).ok())?,
        source,
        interest,
        state: read("state", LeadState::from_number(state))?,
        lost_reason,
        state_since: Timestamp::from_micros(since),
        created_at: Timestamp::from_micros(created),
    })
}

/// Saves a lead.
///
/// # Errors
/// When the database fails.
pub async fn save(tx: &mut Tx, lanes: Lanes, lead: &Lead) -> Result<(), SqlError> {
    need(tx, lanes, [&lead.customer]).await?;
    let interest = tx.seal_text(&lead.customer, INTEREST, &lead.interest);
    let lost_reason = tx.seal_text(&lead.customer, LOST_REASON, &lead.lost_reason);
    let customer = lead.customer.as_str();
    with_tx!(tx, |conn| {
        let query = sqlx::query(SAVE_LEAD)
            .bind(lanes.of(customer))
            .bind(customer);
        let query = query
            .bind(lead.id.as_str())
            .bind(&lead.source)
            .bind(interest);
        let query = query.bind(lead.state.number()).bind(lost_reason);
        let query = query.bind(lead.state_since.as_micros());
        query
            .bind(lead.created_at.as_micros())
            .execute(conn)
            .await?;
    });
    Ok(())
}

page_by_id!(sealed PAGE, LeadRow, lead => Fact::Lead);
