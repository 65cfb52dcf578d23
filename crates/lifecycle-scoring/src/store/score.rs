//! Table `score`: where each customer stands, and the last score.

use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use tenure_core::{Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

use crate::domain::assess::{Assessment, Tier};
use crate::domain::band::Band;
use crate::domain::stage::{Candidate, Evidence, Placement, Stage};

/// Rows of one statement: fifteen values each, below the 32,766 that SQLite binds.
const ROWS_MAX: usize = 500;

const BANDS: [Band; 4] = [Band::Low, Band::Medium, Band::High, Band::Critical];

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoreRow {
    pub(crate) customer_id: String,
    /// 1 to 5 for A to E.
    pub(crate) stage: i32,
    pub(crate) stage_since: i64,
    pub(crate) evaluated_at: i64,
    /// Evidence and candidate as JSON.
    pub(crate) placement: String,
    pub(crate) policy_version: String,
    pub(crate) churn_probability: f64,
    /// 1 to 4; 0 where no model was there to say.
    pub(crate) risk_band: i32,
    pub(crate) model_version: String,
    pub(crate) horizon_us: i64,
    pub(crate) currency: Option<String>,
    pub(crate) monthly_revenue_minor: Option<i64>,
    pub(crate) lifetime_value_minor: i64,
    /// 0 to 4 as in [`Tier::ALL`].
    pub(crate) value_tier: i32,
}

/// The part of a placement that is stored as JSON.
#[derive(Serialize, Deserialize)]
struct Stored {
    evidence: Vec<Evidence>,
    candidate: Option<StoredCandidate>,
}

#[derive(Serialize, Deserialize)]
struct StoredCandidate {
    stage: i32,
    seen: u32,
    last_at: i64,
}

/// Returns the number of a stage: 1 to 5 for A to E.
pub(crate) fn stage_number(stage: Stage) -> i32 {
    position(&Stage::ALL, stage) + 1
}

/// Returns the stage of a stored number.
pub(crate) fn stage_of(number: i32) -> Result<Stage, SqlError> {
    let index = usize::try_from(number - 1).ok();
    let stage = index.and_then(|index| Stage::ALL.get(index).copied());
    stage.ok_or_else(|| SqlError::corrupt("a stored stage is not within 1 to 5"))
}

fn position<T: PartialEq + Copy>(all: &[T], one: T) -> i32 {
    let place = all
        .iter()
        .position(|known| *known == one)
        .expect("every value is listed");
    i32::try_from(place).expect("a handful")
}

impl ScoreRow {
    /// Returns the row of an assessment.
    pub(crate) fn of(customer_id: &str, policy_version: &str, said: &Assessment) -> Self {
        let placement = &said.placement;
        let stored = Stored {
            evidence: placement.evidence.clone(),
            candidate: placement.candidate.as_ref().map(|c| StoredCandidate {
                stage: stage_number(c.stage),
                seen: c.seen,
                last_at: c.last_at.as_micros(),
            }),
        };
        let risk = said.risk.as_ref();
        Self {
            customer_id: customer_id.into(),
            stage: stage_number(placement.stage),
            stage_since: placement.since.as_micros(),
            evaluated_at: placement.evaluated_at.as_micros(),
            placement: serde_json::to_string(&stored).expect("finite numbers and text"),
            policy_version: policy_version.into(),
            churn_probability: risk.map_or(0.0, |risk| risk.probability),
            risk_band: said.band.map_or(0, |band| position(&BANDS, band) + 1),
            model_version: risk.map_or(String::new(), |risk| risk.model_version.clone()),
            horizon_us: risk.map_or(0, |risk| risk.horizon.as_micros()),
            currency: said.currency.map(|currency| currency.to_string()),
            monthly_revenue_minor: said.monthly_revenue_minor,
            lifetime_value_minor: said.lifetime_value_minor,
            value_tier: position(&Tier::ALL, said.tier),
        }
    }

    /// Returns where the customer stands.
    pub(crate) fn to_placement(&self) -> Result<Placement, SqlError> {
        let stored = self.stored()?;
        let candidate = stored.candidate.map(|c| {
            let last_at = Timestamp::from_micros(c.last_at);
            Ok::<_, SqlError>(Candidate {
                stage: stage_of(c.stage)?,
                seen: c.seen,
                last_at,
            })
        });
        Ok(Placement {
            stage: stage_of(self.stage)?,
            since: Timestamp::from_micros(self.stage_since),
            evaluated_at: Timestamp::from_micros(self.evaluated_at),
            evidence: stored.evidence,
            candidate: candidate.transpose()?,
        })
    }

    /// Returns what spoke for the stage.
    pub(crate) fn evidence(&self) -> Result<Vec<Evidence>, SqlError> {
        self.stored().map(|stored| stored.evidence)
    }

    fn stored(&self) -> Result<Stored, SqlError> {
        serde_json::from_str(&self.placement)
            .map_err(|_| SqlError::corrupt("a stored placement is not JSON of ours"))
    }

    /// Returns true when `self` says the same as `other`, whenever that was.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        Self {
            evaluated_at: other.evaluated_at,
            ..self.clone()
        } == *other
    }
}

/// Writes rows of one lane.
pub(crate) async fn save(tx: &mut Tx, lane: Lane, rows: &[&ScoreRow]) -> Result<(), SqlError> {
    for rows in rows.chunks(ROWS_MAX) {
        with_tx!(tx, |conn| {
            let mut query = QueryBuilder::new(
                "INSERT INTO score (lane, customer_id, stage, stage_since, evaluated_at, placement, \
                 policy_version, churn_probability, risk_band, model_version, horizon_us, currency, \
                 monthly_revenue_minor, lifetime_value_minor, value_tier) ",
            );
            query.push_values(rows, |mut values, row| {
                values
                    .push_bind(lane)
                    .push_bind(&row.customer_id)
                    .push_bind(row.stage);
                values
                    .push_bind(row.stage_since)
                    .push_bind(row.evaluated_at);
                values
                    .push_bind(&row.placement)
                    .push_bind(&row.policy_version);
                values
                    .push_bind(row.churn_probability)
                    .push_bind(row.risk_band);
                values
                    .push_bind(&row.model_version)
                    .push_bind(row.horizon_us);
                values
                    .push_bind(&row.currency)
                    .push_bind(row.monthly_revenue_minor);
                values
                    .push_bind(row.lifetime_value_minor)
                    .push_bind(row.value_tier);
            });
            query.push(
                " ON CONFLICT (lane, customer_id) DO UPDATE SET stage = EXCLUDED.stage, \
                 stage_since = EXCLUDED.stage_since, evaluated_at = EXCLUDED.evaluated_at, \
                 placement = EXCLUDED.placement, policy_version = EXCLUDED.policy_version, \
                 churn_probability = EXCLUDED.churn_probability, risk_band = EXCLUDED.risk_band, \
                 model_version = EXCLUDED.model_version, horizon_us = EXCLUDED.horizon_us, \
                 currency = EXCLUDED.currency, \
                 monthly_revenue_minor = EXCLUDED.monthly_revenue_minor, \
                 lifetime_value_minor = EXCLUDED.lifetime_value_minor, \
                 value_tier = EXCLUDED.value_tier",
            );
            query.build().execute(conn).await?;
        });
    }
    Ok(())
}

/// In which order scores are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// By ascending customer id.
    Customer,
    /// Most likely to leave first.
    Probability,
    /// Most valuable first.
    Value,
}

/// Which scores are listed; an empty list means all.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) stages: Vec<i32>,
    pub(crate) bands: Vec<i32>,
    pub(crate) tiers: Vec<i32>,
    pub(crate) probability_min: f64,
    pub(crate) order: Order,
}

/// The place after which a page begins.
#[derive(Debug, Clone)]
pub(crate) struct After {
    pub(crate) customer_id: String,
    pub(crate) churn_probability: f64,
    pub(crate) lifetime_value_minor: i64,
}

type Row = (
    String,
    i32,
    i64,
    i64,
    String,
    String,
    f64,
    i32,
    String,
    i64,
    Option<String>,
    Option<i64>,
    i64,
    i32,
);

fn row(
    (
        customer_id,
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
    ): Row,
) -> ScoreRow {
    ScoreRow {
        customer_id,
        stage,
        stage_since: since,
        evaluated_at: at,
        placement,
        policy_version: policy,
        churn_probability: p,
        risk_band: band,
        model_version: model,
        horizon_us: horizon,
        currency,
        monthly_revenue_minor: revenue,
        lifetime_value_minor: value,
        value_tier: tier,
    }
}

const SELECT: &str = "
    SELECT customer_id, stage, stage_since, evaluated_at, placement, policy_version,
           churn_probability, risk_band, model_version, horizon_us, currency,
           monthly_revenue_minor, lifetime_value_minor, value_tier
    FROM score
    WHERE lane = ";

/// Returns the first `count` scores of one lane after `after`.
async fn list_lane(
    db: &Db,
    lane: Lane,
    filter: &Filter,
    after: Option<&After>,
    count: i64,
) -> Result<Vec<ScoreRow>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        let mut query = QueryBuilder::new(SELECT);
        query.push_bind(lane);
        let lists = [
            ("stage", &filter.stages),
            ("risk_band", &filter.bands),
            ("value_tier", &filter.tiers),
        ];
        for (column, wanted) in lists.into_iter().filter(|(_, wanted)| !wanted.is_empty()) {
            query.push(" AND ").push(column).push(" IN (");
            let mut list = query.separated(", ");
            wanted.iter().for_each(|number| {
                list.push_bind(*number);
            });
            query.push(")");
        }
        if filter.probability_min > 0.0 {
            query
                .push(" AND churn_probability >= ")
                .push_bind(filter.probability_min);
        }
        if let Some(after) = after {
            let id = after.customer_id.as_str();
            match filter.order {
                Order::Customer => query.push(" AND customer_id > ").push_bind(id),
                Order::Probability => {
                    let p = after.churn_probability;
                    query.push(" AND (churn_probability < ").push_bind(p);
                    query.push(" OR churn_probability = ").push_bind(p);
                    query.push(" AND customer_id > ").push_bind(id).push(")")
                }
                Order::Value => {
                    let value = after.lifetime_value_minor;
                    query.push(" AND (lifetime_value_minor < ").push_bind(value);
                    query.push(" OR lifetime_value_minor = ").push_bind(value);
                    query.push(" AND customer_id > ").push_bind(id).push(")")
                }
            };
        }
        query.push(match filter.order {
            Order::Customer => " ORDER BY customer_id LIMIT ",
            Order::Probability => " ORDER BY churn_probability DESC, customer_id LIMIT ",
            Order::Value => " ORDER BY lifetime_value_minor DESC, customer_id LIMIT ",
        });
        query.push_bind(count);
        query.build_query_as().fetch_all(pool).await?
    });
    Ok(rows.into_iter().map(row).collect())
}

/// Returns the first `count` scores of all customers after `after`: asks lane by lane and merges,
/// so that each statement stays within one lane.
pub(crate) async fn list(
    db: &Db,
    filter: &Filter,
    after: Option<&After>,
    count: i64,
) -> Result<Vec<ScoreRow>, SqlError> {
    let mut merged = Vec::new();
    for lane in db.lanes().all() {
        merged.extend(list_lane(db, lane, filter, after, count).await?);
    }
    merged.sort_by(|a: &ScoreRow, b| {
        let first = match filter.order {
            Order::Customer => std::cmp::Ordering::Equal,
            Order::Probability => b.churn_probability.total_cmp(&a.churn_probability),
            Order::Value => b.lifetime_value_minor.cmp(&a.lifetime_value_minor),
        };
        first.then_with(|| a.customer_id.cmp(&b.customer_id))
    });
    merged.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    Ok(merged)
}

/// The customers of one stage and currency.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Level {
    pub(crate) stage: i32,
    pub(crate) currency: Option<String>,
    pub(crate) customers: i64,
    pub(crate) probability_sum: f64,
    pub(crate) revenue_minor: Option<i64>,
}

type Count = (i32, Option<String>, i64, f64, Option<i64>);

const FUNNEL: &str = "
    SELECT stage, currency, COUNT(*), SUM(churn_probability),
           CAST(SUM(monthly_revenue_minor) AS BIGINT) -- PostgreSQL sums BIGINT to NUMERIC.
    FROM score
    WHERE lane = $1
    GROUP BY stage, currency";

/// Counts the customers of each stage and currency, lane by lane.
pub(crate) async fn funnel(db: &Db) -> Result<Vec<Level>, SqlError> {
    let mut levels = Vec::new();
    for lane in db.lanes().all() {
        let rows: Vec<Count> = with_pool!(db, |pool| {
            sqlx::query_as(FUNNEL).bind(lane).fetch_all(pool).await?
        });
        levels.extend(
            rows.into_iter()
                .map(|(stage, currency, customers, sum, revenue)| Level {
                    stage,
                    currency,
                    customers,
                    probability_sum: sum,
                    revenue_minor: revenue,
                }),
        );
    }
    Ok(levels)
}
