//! The contact in a row of `enrolment`: pulled under a lease, found by its id, stored again.

use tenure_core::{CampaignId, Lane, Timestamp};
use tenure_sql::{SqlError, Tx, with_tx};
use uuid::Uuid;

use super::enrolment::{Row, columns, from_row};
use super::{json, micros};
use crate::domain::contact::{ContactId, ContactState};
use crate::domain::enrolment::Enrolment;

/// Waiting contacts and those whose lease ran out stand together in the index, in the order of
/// readiness: what is read is what is handed out.
pub(super) const PULL_SQLITE: &str = concat!(
    "UPDATE enrolment SET contact_state = $5, lease_token = $6, ready_at = $7
    WHERE lane = $1 AND campaign_id = $2 AND customer_id IN (
        SELECT customer_id FROM enrolment
        WHERE lane = $1 AND campaign_id = $2 AND ready_at <= $3
        ORDER BY ready_at
        LIMIT $4)
    RETURNING ",
    columns!()
);
/// Two who pull at once never wait for each other and never get the same. Materialised, because a
/// plan that ran the inner query twice would pick further rows the second time, past the limit.
const PULL_POSTGRES: &str = concat!(
    "WITH picked AS MATERIALIZED (
        SELECT customer_id AS picked_id FROM enrolment
        WHERE lane = $1 AND campaign_id = $2 AND ready_at <= $3
        ORDER BY ready_at
        LIMIT $4
        FOR UPDATE SKIP LOCKED)
    UPDATE enrolment SET contact_state = $5, lease_token = $6, ready_at = $7
    FROM picked
    WHERE lane = $1 AND campaign_id = $2 AND customer_id = picked_id
    RETURNING ",
    columns!()
);

pub(super) const BY_IDS_SQLITE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enrolment
    WHERE lane = $1 AND contact_id IN (SELECT value FROM json_each($2))"
);
const BY_IDS_POSTGRES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enrolment
    WHERE lane = $1 AND contact_id IN (SELECT JSONB_ARRAY_ELEMENTS_TEXT($2::JSONB))
    ORDER BY customer_id, campaign_id
    FOR NO KEY UPDATE"
);

/// Points that become owed are noted; what was owed before stays so.
pub(super) const SAVE_SQLITE: &str = "
    UPDATE enrolment
    SET contact_state = saved.state, ready_at = saved.ready_at, lease_token = saved.token,
        delivered_at = saved.delivered_at, answer = saved.answer,
        answered_at = saved.answered_at, grant_at = COALESCE(saved.grant_at, enrolment.grant_at)
    FROM (
        SELECT value ->> 0 AS campaign_id, value ->> 1 AS customer_id, value ->> 2 AS state,
               value ->> 3 AS ready_at, value ->> 4 AS token, value ->> 5 AS delivered_at,
               value ->> 6 AS answer, value ->> 7 AS answered_at, value ->> 8 AS grant_at
        FROM json_each($2)) AS saved
    WHERE enrolment.lane = $1 AND enrolment.campaign_id = saved.campaign_id
        AND enrolment.customer_id = saved.customer_id";
const SAVE_POSTGRES: &str = "
    UPDATE enrolment
    SET contact_state = saved.state, ready_at = saved.ready_at, lease_token = saved.token,
        delivered_at = saved.delivered_at, answer = saved.answer,
        answered_at = saved.answered_at, grant_at = COALESCE(saved.grant_at, enrolment.grant_at)
    FROM (
        SELECT value ->> 0 AS campaign_id, value ->> 1 AS customer_id,
               (value ->> 2)::BIGINT AS state, (value ->> 3)::BIGINT AS ready_at,
               value ->> 4 AS token, (value ->> 5)::BIGINT AS delivered_at,
               (value ->> 6)::BIGINT AS answer, (value ->> 7)::BIGINT AS answered_at,
               (value ->> 8)::BIGINT AS grant_at
        FROM JSONB_ARRAY_ELEMENTS($2::JSONB) AS row (value)) AS saved
    WHERE enrolment.lane = $1 AND enrolment.campaign_id = saved.campaign_id
        AND enrolment.customer_id = saved.customer_id";

/// Who pulls, until when.
pub(crate) struct Pull {
    /// The token of the new lease.
    pub(crate) token: Uuid,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// The present.
    pub(crate) now: Timestamp,
}

/// Leases up to `limit` contacts of one lane of a campaign.
pub(crate) async fn pull(
    tx: &mut Tx,
    lane: Lane,
    campaign: &CampaignId,
    limit: usize,
    pull: &Pull,
) -> Result<Vec<Enrolment>, SqlError> {
    let sql = tx.pick(PULL_SQLITE, PULL_POSTGRES);
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(sql)
            .bind(lane)
            .bind(campaign.as_str())
            .bind(pull.now.as_micros())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(i64::from(ContactState::Leased.number()))
            .bind(pull.token.to_string())
            .bind(pull.expires_at.as_micros())
            .fetch_all(conn)
            .await?
    });
    rows.into_iter().map(from_row).collect()
}

/// Returns the enrolments of some contacts of one lane, which must be locked; unknown ids are left
/// out.
pub(crate) async fn by_ids(
    tx: &mut Tx,
    lane: Lane,
    ids: &[ContactId],
) -> Result<Vec<Enrolment>, SqlError> {
    let sql = tx.pick(BY_IDS_SQLITE, BY_IDS_POSTGRES);
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(sql)
            .bind(lane)
            .bind(json(&ids))
            .fetch_all(conn)
            .await?
    });
    rows.into_iter().map(from_row).collect()
}

/// Stores the contacts of some enrolments of one lane. Those in `owed_from` owe points from that
/// instant on.
pub(crate) async fn save(
    tx: &mut Tx,
    lane: Lane,
    enrolments: &[(Enrolment, Option<Timestamp>)],
) -> Result<(), SqlError> {
    let row = |(enrolment, owed_from): &(Enrolment, Option<Timestamp>)| {
        let contact = enrolment.contact.as_ref()?;
        let ready_at = match contact.state {
            ContactState::Pending => Some(enrolment.enrolled_at),
            ContactState::Leased => contact.lease.map(|lease| lease.expires_at),
            ContactState::Delivered | ContactState::Failed => None,
        };
        Some((
            enrolment.campaign.to_string(),
            enrolment.customer.to_string(),
            contact.state.number(),
            micros(ready_at),
            contact.lease.map(|lease| lease.token.to_string()),
            micros(contact.delivered_at),
            contact.answer.map(|(answer, _)| answer.number()),
            contact.answer.map(|(_, at)| at.as_micros()),
            micros(*owed_from),
        ))
    };
    let rows: Vec<_> = enrolments.iter().filter_map(row).collect();
    let sql = tx.pick(SAVE_SQLITE, SAVE_POSTGRES);
    with_tx!(tx, |conn| {
        sqlx::query(sql)
            .bind(lane)
            .bind(json(&rows))
            .execute(conn)
            .await?;
    });
    Ok(())
}
