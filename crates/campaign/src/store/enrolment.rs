//! Table `enrolment`: rows as the domain sees them, pages of the audience, pages for callers.

use std::collections::HashSet;

use sqlx::QueryBuilder;
use tenure_core::{CampaignId, CustomerId, Lane, PageSize, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};
use uuid::Uuid;

use super::{micros, number, stored, word};
use crate::domain::assignment::Arm;
use crate::domain::contact::{Answer, Contact, ContactId, ContactState, Lease};
use crate::domain::enrolment::Enrolment;

/// The columns of [`Row`], in a macro because SQL constants are put together at compile time.
macro_rules! columns {
    () => {
        "lane, campaign_id, customer_id, arm, enrolled_at, churn_probability, churned_at,
         contact_id, contact_state, ready_at, lease_token, delivered_at, answer, answered_at,
         granted_points"
    };
}
pub(super) use columns;

/// What [`columns`] reads.
pub(super) type Row = (
    Lane,
    String,
    String,
    i64,
    i64,
    f64,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
);

/// What is set when a customer is enrolled; the rest begins as NULL.
const INSERT: &str = "
    INSERT INTO enrolment (lane, campaign_id, customer_id, arm, enrolled_at, churn_probability,
                           churned_at, contact_id, contact_state, ready_at) ";
/// Rows of one statement: 10 values each, well below the 32,766 that SQLite binds.
const INSERT_ROWS_MAX: usize = 500;

/// One lane's share of a page; the lanes are merged.
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM enrolment
    WHERE lane = $1 AND campaign_id = $2 AND customer_id > $3 AND ($4 = 0 OR arm = $4)
    ORDER BY customer_id
    LIMIT $5"
);

/// Inserts enrolments and returns which customers were not enrolled before.
pub(crate) async fn insert(
    tx: &mut Tx,
    enrolments: &[Enrolment],
) -> Result<HashSet<String>, SqlError> {
    let mut inserted = HashSet::new();
    for chunk in enrolments.chunks(INSERT_ROWS_MAX) {
        let rows: Vec<(String,)> = with_tx!(tx, |conn| {
            let mut insert = QueryBuilder::new(INSERT);
            insert.push_values(chunk, |mut row, enrolment| {
                let contact = enrolment.contact.as_ref();
                let state = contact.map(|contact| i64::from(contact.state.number()));
                let ready_at = contact.map(|_| enrolment.enrolled_at.as_micros());
                row.push_bind(enrolment.lane)
                    .push_bind(enrolment.campaign.as_str())
                    .push_bind(enrolment.customer.as_str())
                    .push_bind(i64::from(enrolment.arm.number()))
                    .push_bind(enrolment.enrolled_at.as_micros())
                    .push_bind(enrolment.churn_probability)
                    .push_bind(micros(enrolment.churned_at))
                    .push_bind(contact.map(|contact| contact.id.to_string()))
                    .push_bind(state)
                    .push_bind(ready_at);
            });
            insert.push(" ON CONFLICT (lane, campaign_id, customer_id) DO NOTHING");
            insert.push(" RETURNING customer_id");
            insert.build_query_as().fetch_all(conn).await?
        });
        inserted.extend(rows.into_iter().map(|(customer,)| customer));
    }
    Ok(inserted)
}

/// Returns the enrolments of a campaign after a customer, one more than a page, by customer.
pub(crate) async fn list(
    db: &Db,
    campaign: &CampaignId,
    arm: Option<Arm>,
    after: &str,
    size: PageSize,
) -> Result<Vec<Enrolment>, SqlError> {
    let arm = i64::from(arm.map_or(0, Arm::number));
    let mut merged = Vec::new();
    for lane in db.lanes().all() {
        let rows: Vec<Row> = with_pool!(db, |pool| {
            sqlx::query_as(LIST)
                .bind(lane)
                .bind(campaign.as_str())
                .bind(after)
                .bind(arm)
                .bind(size.probe())
                .fetch_all(pool)
                .await?
        });
        merged.extend(rows);
    }
    merged.sort_unstable_by(|a, b| a.2.cmp(&b.2));
    merged.truncate(size.get() + 1);
    merged.into_iter().map(from_row).collect()
}

/// Returns a row as the domain sees it.
pub(super) fn from_row(row: Row) -> Result<Enrolment, SqlError> {
    let (lane, campaign, customer, arm, enrolled_at, churn_probability, churned_at, ..) = &row;
    Ok(Enrolment {
        lane: *lane,
        campaign: stored(CampaignId::parse(campaign), "campaign_id")?,
        customer: stored(CustomerId::parse(customer), "customer_id")?,
        arm: word(Arm::from_number(number(*arm)), "arm")?,
        enrolled_at: Timestamp::from_micros(*enrolled_at),
        churn_probability: *churn_probability,
        churned_at: churned_at.map(Timestamp::from_micros),
        contact: contact(row)?,
    })
}

fn contact(row: Row) -> Result<Option<Contact>, SqlError> {
    let (.., id, state, ready_at, token, delivered_at, answer, answered_at, granted_points) = row;
    let (Some(id), Some(state)) = (id, state) else {
        return Ok(None);
    };
    let lease = match (token, ready_at) {
        (Some(token), Some(ready_at)) => Some(Lease {
            token: word(Uuid::try_parse(&token).ok(), "lease_token")?,
            expires_at: Timestamp::from_micros(ready_at),
        }),
        _ => None,
    };
    let answer = match (answer, answered_at) {
        (Some(answer), Some(at)) => Some((
            word(Answer::from_number(number(answer)), "answer")?,
            Timestamp::from_micros(at),
        )),
        _ => None,
    };
    Ok(Some(Contact {
        id: stored(ContactId::parse(&id), "contact_id")?,
        state: word(ContactState::from_number(number(state)), "contact_state")?,
        lease,
        delivered_at: delivered_at.map(Timestamp::from_micros),
        answer,
        granted_points,
    }))
}
