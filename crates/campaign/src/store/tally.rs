//! Counting a campaign, lane by lane.

use tenure_core::{CampaignId, Lane};
use tenure_sql::{Db, SqlError, with_pool};

use super::{count, number};
use crate::domain::assignment::Arm;
use crate::domain::contact::{Answer, ContactState};
use crate::domain::results::{Measured, Tally};

const TALLY: &str = "
    SELECT arm, COUNT(*),
           CAST(SUM(CASE WHEN churned_at > $3 AND churned_at <= $4 THEN 1 ELSE 0 END) AS BIGINT),
           CAST(SUM(CASE WHEN contact_state = $5 THEN 1 ELSE 0 END) AS BIGINT),
           CAST(SUM(CASE WHEN answer = $6 THEN 1 ELSE 0 END) AS BIGINT),
           CAST(SUM(CASE WHEN answer = $7 THEN 1 ELSE 0 END) AS BIGINT),
           CAST(SUM(granted_points) AS BIGINT)
    FROM enrolment
    WHERE lane = $1 AND campaign_id = $2
    GROUP BY arm";

type Row = (i64, i64, i64, i64, i64, i64, i64);

/// Counts everybody in a campaign; leaving counts within the measured time.
pub(crate) async fn tally(
    db: &Db,
    campaign: &CampaignId,
    measured: Measured,
) -> Result<Tally, SqlError> {
    let mut tally = Tally::default();
    for lane in db.lanes().all() {
        for row in lane_rows(db, lane, campaign, measured).await? {
            add(&mut tally, row)?;
        }
    }
    Ok(tally)
}

async fn lane_rows(
    db: &Db,
    lane: Lane,
    campaign: &CampaignId,
    measured: Measured,
) -> Result<Vec<Row>, SqlError> {
    Ok(with_pool!(db, |pool| {
        sqlx::query_as(TALLY)
            .bind(lane)
            .bind(campaign.as_str())
            .bind(measured.after.as_micros())
            .bind(measured.until.as_micros())
            .bind(i64::from(ContactState::Delivered.number()))
            .bind(i64::from(Answer::Accepted.number()))
            .bind(i64::from(Answer::Declined.number()))
            .fetch_all(pool)
            .await?
    }))
}

fn add(tally: &mut Tally, row: Row) -> Result<(), SqlError> {
    let (arm, customers, churned, delivered, accepted, declined, points) = row;
    let arm = match Arm::from_number(number(arm)) {
        Some(Arm::Treated) => &mut tally.treated,
        Some(Arm::Control) => &mut tally.control,
        None => return Err(SqlError::corrupt("column arm holds an unknown number")),
    };
    arm.customers += count(customers)?;
    arm.churned += count(churned)?;
    tally.delivered += count(delivered)?;
    tally.accepted += count(accepted)?;
    tally.declined += count(declined)?;
    tally.granted_points += points;
    Ok(())
}
