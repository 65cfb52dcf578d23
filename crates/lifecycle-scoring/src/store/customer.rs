//! Table `customer_state`: what is remembered of each customer.

use sqlx::QueryBuilder;
use tenure_core::Lane;
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use super::score::ScoreRow;
use crate::domain::stage::Placement;
use crate::domain::state::CustomerState;

/// Rows of one statement: three values each, far below the 32,766 that SQLite binds.
const ROWS_MAX: usize = 500;

/// The columns of a customer with where they stand; the score's are null for who was never placed.
const SELECT: &str = "
    SELECT c.customer_id, c.state,
           s.customer_id, s.stage, s.stage_since, s.evaluated_at, s.placement, s.policy_version,
           s.churn_probability, s.risk_band, s.model_version, s.horizon_us, s.currency,
           s.monthly_revenue_minor, s.lifetime_value_minor, s.value_tier
    FROM customer_state c
    LEFT JOIN score s ON s.lane = c.lane AND s.customer_id = c.customer_id
    WHERE c.lane = ";

const FORGET: [&str; 3] = [
    "DELETE FROM customer_state WHERE lane = $1 AND customer_id = $2",
    "DELETE FROM score WHERE lane = $1 AND customer_id = $2",
    "DELETE FROM stage_interval WHERE lane = $1 AND customer_id = $2",
];

/// A customer as stored.
#[derive(Debug)]
pub(crate) struct Known {
    /// Who.
    pub(crate) customer_id: String,
    /// What is remembered.
    pub(crate) state: CustomerState,
    /// Where they stand, and the score that was last written.
    pub(crate) score: Option<ScoreRow>,
}

impl Known {
    /// Returns where the customer stands.
    pub(crate) fn placement(&self) -> Result<Option<Placement>, SqlError> {
        self.score.as_ref().map(ScoreRow::to_placement).transpose()
    }
}

type Row = (
    String,
    Vec<u8>,
    Option<String>,
    Option<i32>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<i32>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i32>,
);

fn known(row: Row) -> Result<Known, SqlError> {
    let (
        customer_id,
        state,
        scored,
        stage,
        since,
        at,
        placement,
        policy,
        p,
        band,
        model,
        horizon,
        currency,
        revenue,
        value,
        tier,
    ) = row;
    let state = CustomerState::decode(&state)
        .map_err(|_| SqlError::corrupt("the stored state of a customer cannot be read"))?;
    let score = (|| {
        Some(ScoreRow {
            customer_id: scored?,
            stage: stage?,
            stage_since: since?,
            evaluated_at: at?,
            placement: placement?,
            policy_version: policy?,
            churn_probability: p?,
            risk_band: band?,
            model_version: model?,
            horizon_us: horizon?,
            currency,
            monthly_revenue_minor: revenue,
            lifetime_value_minor: value?,
            value_tier: tier?,
        })
    })();
    Ok(Known {
        customer_id,
        state,
        score,
    })
}

/// Deletes everything of a customer and returns how many rows there were.
pub(crate) async fn forget(tx: &mut Tx, lane: Lane, id: &str) -> Result<u64, SqlError> {
    let mut rows = 0;
    for sql in FORGET {
        rows += with_tx!(tx, |conn| {
            let forget = sqlx::query(sql).bind(lane).bind(id);
            forget.execute(conn).await?.rows_affected()
        });
    }
    Ok(rows)
}

/// Returns the known ones among `ids`, which are all of `lane`, in no particular order.
pub(crate) async fn load(db: &Db, lane: Lane, ids: &[String]) -> Result<Vec<Known>, SqlError> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ROWS_MAX) {
        let rows: Vec<Row> = with_pool!(db, |pool| {
            let mut query = QueryBuilder::new(SELECT);
            query.push_bind(lane).push(" AND c.customer_id IN (");
            let mut list = query.separated(", ");
            ids.iter().for_each(|id| {
                list.push_bind(id);
            });
            query.push(")");
            query.build_query_as().fetch_all(pool).await?
        });
        found.extend(rows);
    }
    found.into_iter().map(known).collect()
}

/// The same within a transaction.
pub(crate) async fn load_in(tx: &mut Tx, lane: Lane, ids: &[&str]) -> Result<Vec<Known>, SqlError> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ROWS_MAX) {
        let rows: Vec<Row> = with_tx!(tx, |conn| {
            let mut query = QueryBuilder::new(SELECT);
            query.push_bind(lane).push(" AND c.customer_id IN (");
            let mut list = query.separated(", ");
            ids.iter().for_each(|id| {
                list.push_bind(*id);
            });
            query.push(")");
            query.build_query_as().fetch_all(conn).await?
        });
        found.extend(rows);
    }
    found.into_iter().map(known).collect()
}

/// Returns the next `count` customers of `lane` after `after`, by id, within a transaction.
pub(crate) async fn next_in(
    tx: &mut Tx,
    lane: Lane,
    after: &str,
    count: i64,
) -> Result<Vec<Known>, SqlError> {
    let rows: Vec<Row> = with_tx!(tx, |conn| {
        let mut query = QueryBuilder::new(SELECT);
        query
            .push_bind(lane)
            .push(" AND c.customer_id > ")
            .push_bind(after);
        query
            .push(" ORDER BY c.customer_id LIMIT ")
            .push_bind(count);
        query.build_query_as().fetch_all(conn).await?
    });
    rows.into_iter().map(known).collect()
}

/// Returns the next `count` customers of `lane` after `after`, by id.
pub(crate) async fn next(
    db: &Db,
    lane: Lane,
    after: &str,
    count: i64,
) -> Result<Vec<Known>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let mut query = QueryBuilder::new(SELECT);
        query
            .push_bind(lane)
            .push(" AND c.customer_id > ")
            .push_bind(after);
        query
            .push(" ORDER BY c.customer_id LIMIT ")
            .push_bind(count);
        query.build_query_as().fetch_all(pool).await?
    });
    rows.into_iter().map(known).collect()
}

const COUNT: &str = "SELECT COUNT(*) FROM customer_state WHERE lane = $1";

/// Returns how many customers a lane has.
pub(crate) async fn count(db: &Db, lane: Lane) -> Result<i64, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(COUNT)
        .bind(lane)
        .fetch_one(pool)
        .await?))
}

/// Writes the states of customers of one lane.
pub(crate) async fn save(
    tx: &mut Tx,
    lane: Lane,
    states: &[(&str, Vec<u8>)],
) -> Result<(), SqlError> {
    for states in states.chunks(ROWS_MAX) {
        with_tx!(tx, |conn| {
            let mut query =
                QueryBuilder::new("INSERT INTO customer_state (lane, customer_id, state) ");
            query.push_values(states, |mut row, (id, state)| {
                row.push_bind(lane)
                    .push_bind(*id)
                    .push_bind(state.as_slice());
            });
            query.push(" ON CONFLICT (lane, customer_id) DO UPDATE SET state = EXCLUDED.state");
            query.build().execute(conn).await?;
        });
    }
    Ok(())
}
