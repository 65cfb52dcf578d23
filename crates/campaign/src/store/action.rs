//! What campaigns have for one customer: tables `enrolment`, `campaign` and `offer`, read together.

use tenure_core::{CampaignId, CustomerId, OfferId, Timestamp};
use tenure_sql::{Db, SqlError, with_pool};

use super::{number, stored, word};
use crate::domain::action::NextAction;
use crate::domain::contact::{ContactId, ContactState};
use crate::domain::state::State;
use crate::domain::words::{Channel, OfferKind};

/// What waits for another channel is not shown: that channel will make the offer.
pub(super) const PEEK: &str = "
    SELECT enrolment.campaign_id, enrolment.contact_id, enrolment.delivered_at, campaign.offer_id,
           offer.display_name, offer.description, offer.kind, campaign.bonus_points,
           campaign.channel
    FROM enrolment
    JOIN campaign ON campaign.campaign_id = enrolment.campaign_id
    JOIN offer ON offer.offer_id = campaign.offer_id
    WHERE enrolment.lane = $1 AND enrolment.customer_id = $2
      AND enrolment.contact_id IS NOT NULL -- The control group is left alone.
      AND enrolment.answer IS NULL AND enrolment.churned_at IS NULL
      AND campaign.state IN ($3, $4)
      AND (enrolment.contact_state = $5
           OR (enrolment.contact_state IN ($6, $7) AND campaign.channel = $8))
    ORDER BY CASE WHEN enrolment.contact_state = $5 THEN 1 ELSE 0 END,
             campaign.launched_at DESC, enrolment.campaign_id
    LIMIT $9";

type Row = (
    String,
    String,
    Option<i64>,
    String,
    String,
    String,
    i64,
    i64,
    i64,
);

/// Returns what campaigns that are under way have for a customer at a channel, best first.
pub(crate) async fn peek(
    db: &Db,
    customer: &CustomerId,
    channel: Channel,
    limit: i64,
) -> Result<Vec<NextAction>, SqlError> {
    let lane = db.lanes().of(customer.as_str());
    let of = |number: i32| i64::from(number);
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(PEEK)
            .bind(lane)
            .bind(customer.as_str())
            .bind(of(State::Enrolling.number()))
            .bind(of(State::Running.number()))
            .bind(of(ContactState::Delivered.number()))
            .bind(of(ContactState::Pending.number()))
            .bind(of(ContactState::Leased.number()))
            .bind(of(channel.number()))
            .bind(limit)
            .fetch_all(pool)
            .await?
    });
    rows.into_iter().map(from_row).collect()
}

fn from_row(row: Row) -> Result<NextAction, SqlError> {
    let (campaign, contact, delivered_at, offer, offer_name, offer_description, ..) = row;
    Ok(NextAction {
        campaign: stored(CampaignId::parse(&campaign), "campaign_id")?,
        contact: stored(ContactId::parse(&contact), "contact_id")?,
        offer: stored(OfferId::parse(&offer), "offer_id")?,
        offer_name,
        offer_description,
        offer_kind: word(OfferKind::from_number(number(row.6)), "kind")?,
        bonus_points: row.7,
        channel: word(Channel::from_number(number(row.8)), "channel")?,
        delivered_at: delivered_at.map(Timestamp::from_micros),
    })
}
