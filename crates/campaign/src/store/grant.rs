//! Points that are owed: columns `grant_at`, `grant_tries` and `granted_points` of `enrolment`.

use tenure_core::{CampaignId, CustomerId, Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::enrolment::{Row, columns, from_row};
use super::stored;
use crate::domain::contact::ContactId;
use crate::domain::enrolment::Enrolment;

pub(super) const OWED: &str = "
    SELECT enrolment.campaign_id, customer_id, contact_id, bonus_points, grant_tries
    FROM enrolment
    JOIN campaign ON campaign.campaign_id = enrolment.campaign_id
    WHERE lane = $1 AND grant_at <= $2 AND contact_id IS NOT NULL AND contact_id > $3
    ORDER BY contact_id
    LIMIT $4";
/// The condition on `grant_at` lets the first of several replicas win.
const GRANTED: &str = concat!(
    "UPDATE enrolment SET grant_at = NULL, granted_points = $4
    WHERE lane = $1 AND campaign_id = $2 AND customer_id = $3 AND grant_at IS NOT NULL
    RETURNING ",
    columns!()
);
const LATER: &str = "
    UPDATE enrolment SET grant_at = $4, grant_tries = $5
    WHERE lane = $1 AND campaign_id = $2 AND customer_id = $3 AND grant_at IS NOT NULL";

/// Points that are owed to a customer.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    /// The lane of the customer.
    pub(crate) lane: Lane,
    /// The campaign.
    pub(crate) campaign: CampaignId,
    /// The customer.
    pub(crate) customer: CustomerId,
    /// The contact that was accepted.
    pub(crate) contact: ContactId,
    /// How many.
    pub(crate) points: i64,
    /// How often it was tried in vain.
    pub(crate) tries: i64,
}

/// Returns what is owed in a lane and due until `due`, by contact, after `after`.
pub(crate) async fn owed(
    db: &Db,
    lane: Lane,
    due: Timestamp,
    after: &str,
    limit: i64,
) -> Result<Vec<Owed>, SqlError> {
    let rows: Vec<(String, String, String, i64, i64)> = with_pool!(db, |pool| {
        sqlx::query_as(OWED)
            .bind(lane)
            .bind(due.as_micros())
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    let parse = |(campaign, customer, contact, points, tries): (String, String, String, _, _)| {
        Ok(Owed {
            lane,
            campaign: stored(CampaignId::parse(&campaign), "campaign_id")?,
            customer: stored(CustomerId::parse(&customer), "customer_id")?,
            contact: stored(ContactId::parse(&contact), "contact_id")?,
            points,
            tries,
        })
    };
    rows.into_iter().map(parse).collect()
}

/// Notes that the points are booked, and returns the enrolment; nothing when somebody else noted it
/// before.
pub(crate) async fn granted(tx: &mut Tx, owed: &Owed) -> Result<Option<Enrolment>, SqlError> {
    let row: Option<Row> = with_tx!(tx, |conn| {
        sqlx::query_as(GRANTED)
            .bind(owed.lane)
            .bind(owed.campaign.as_str())
            .bind(owed.customer.as_str())
            .bind(owed.points)
            .fetch_optional(conn)
            .await?
    });
    row.map(from_row).transpose()
}

/// Notes that a try was in vain, and from when on to try again.
pub(crate) async fn later(tx: &mut Tx, owed: &Owed, at: Timestamp) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        sqlx::query(LATER)
            .bind(owed.lane)
            .bind(owed.campaign.as_str())
            .bind(owed.customer.as_str())
            .bind(at.as_micros())
            .bind(owed.tries + 1)
            .execute(conn)
            .await?;
    });
    Ok(())
}
