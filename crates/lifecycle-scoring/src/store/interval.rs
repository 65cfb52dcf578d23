//! Table `stage_interval`: the stages of each customer, without gaps.

use sqlx::QueryBuilder;
use tenure_core::{Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::score::{ScoreRow, stage_of};
use crate::domain::stage::{Evidence, Stage};

/// Rows of one statement: six values each.
const ROWS_MAX: usize = 500;

/// A time that a customer spent in one stage.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interval {
    pub(crate) stage: Stage,
    pub(crate) start_at: Timestamp,
    /// Not set while it lasts.
    pub(crate) end_at: Option<Timestamp>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) policy_version: String,
}

const FORGET_LATER: &str = "
    DELETE FROM stage_interval
    WHERE lane = $1 AND customer_id = $2 AND start_at >= $3";
const END_LAST: &str = "
    UPDATE stage_interval SET end_at = $3
    WHERE lane = $1 AND customer_id = $2 AND start_at = (
        SELECT MAX(start_at) FROM stage_interval WHERE lane = $1 AND customer_id = $2)";

/// Writes the beginning of stages. What stood from then on is forgotten and what stood before ends
/// then: a fact that came late (an activation of last month) moves the border, and no gap and no
/// overlap can be. `is_first` says of a row that its customer was never placed before.
pub(crate) async fn begin(
    tx: &mut Tx,
    lane: Lane,
    rows: &[(&ScoreRow, bool)],
) -> Result<(), SqlError> {
    for (row, _) in rows.iter().filter(|(_, is_first)| !is_first) {
        with_tx!(tx, |conn| {
            let forget = sqlx::query(FORGET_LATER).bind(lane).bind(&row.customer_id);
            forget.bind(row.stage_since).execute(&mut *conn).await?;
            let end = sqlx::query(END_LAST).bind(lane).bind(&row.customer_id);
            end.bind(row.stage_since).execute(conn).await?;
        });
    }
    for rows in rows.chunks(ROWS_MAX) {
        let mut written = Vec::with_capacity(rows.len());
        for (row, _) in rows {
            let evidence =
                serde_json::to_string(&row.evidence()?).expect("finite numbers and text");
            written.push((row, evidence));
        }
        with_tx!(tx, |conn| {
            let mut query = QueryBuilder::new(
                "INSERT INTO stage_interval (lane, customer_id, start_at, stage, evidence, policy_version) ",
            );
            query.push_values(&written, |mut values, (row, evidence)| {
                values
                    .push_bind(lane)
                    .push_bind(&row.customer_id)
                    .push_bind(row.stage_since);
                values
                    .push_bind(row.stage)
                    .push_bind(evidence)
                    .push_bind(&row.policy_version);
            });
            query.build().execute(conn).await?;
        });
    }
    Ok(())
}

type Row = (i32, i64, Option<i64>, String, String);

fn interval((stage, start, end, evidence, policy_version): Row) -> Result<Interval, SqlError> {
    Ok(Interval {
        stage: stage_of(stage)?,
        start_at: Timestamp::from_micros(start),
        end_at: end.map(Timestamp::from_micros),
        evidence: serde_json::from_str(&evidence)
            .map_err(|_| SqlError::corrupt("stored evidence is not JSON of ours"))?,
        policy_version,
    })
}

const AT: &str = "
    SELECT stage, start_at, end_at, evidence, policy_version
    FROM stage_interval
    WHERE lane = $1 AND customer_id = $2 AND start_at <= $3
    ORDER BY start_at DESC
    LIMIT 1";

/// Returns the stage that a customer was in at `at`.
pub(crate) async fn at(
    db: &Db,
    lane: Lane,
    customer_id: &str,
    at: Timestamp,
) -> Result<Option<Interval>, SqlError> {
    let row: Option<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(AT)
            .bind(lane)
            .bind(customer_id)
            .bind(at.as_micros());
        query.fetch_optional(pool).await?
    });
    row.map(interval).transpose()
}

const LIST: &str = "
    SELECT stage, start_at, end_at, evidence, policy_version
    FROM stage_interval
    WHERE lane = $1 AND customer_id = $2 AND start_at > $3
    ORDER BY start_at
    LIMIT $4";

/// Returns the first `count` stages of a customer that began after `after`.
pub(crate) async fn list(
    db: &Db,
    lane: Lane,
    customer_id: &str,
    after: i64,
    count: i64,
) -> Result<Vec<Interval>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let query = sqlx::query_as(LIST)
            .bind(lane)
            .bind(customer_id)
            .bind(after)
            .bind(count);
        query.fetch_all(pool).await?
    });
    rows.into_iter().map(interval).collect()
}
