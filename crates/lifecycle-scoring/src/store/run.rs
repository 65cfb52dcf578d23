//! Table `scoring_run`: runs over all customers, and how far they are.

use tenure_core::{Lane, Timestamp};
use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

/// How far a run is; the numbers are those of the API.
pub(crate) mod state {
    pub(crate) const RUNNING: i32 = 1;
    pub(crate) const COMPLETED: i32 = 2;
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunRow {
    pub(crate) scoring_run_id: String,
    pub(crate) state: i32,
    pub(crate) score_at: Timestamp,
    /// The lane that is being scored.
    pub(crate) next_lane: Lane,
    /// The last customer of it that was.
    pub(crate) after_customer: String,
    pub(crate) scored: i64,
    pub(crate) changed: i64,
    pub(crate) moved: i64,
    /// How many customers there were when the run began.
    pub(crate) customers: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) finished_at: Option<Timestamp>,
}

type Row = (
    String,
    i32,
    i64,
    i32,
    String,
    i64,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
);

fn row(
    (
        id,
        state,
        score_at,
        next_lane,
        after_customer,
        scored,
        changed,
        moved,
        customers,
        created,
        finished,
    ): Row,
) -> RunRow {
    RunRow {
        scoring_run_id: id,
        state,
        score_at: Timestamp::from_micros(score_at),
        next_lane,
        after_customer,
        scored,
        changed,
        moved,
        customers,
        created_at: Timestamp::from_micros(created),
        finished_at: finished.map(Timestamp::from_micros),
    }
}

const INSERT: &str = "
    INSERT INTO scoring_run (scoring_run_id, state, score_at, next_lane, after_customer,
        scored_count, changed_count, moved_count, customer_count, created_at)
    VALUES ($1, $2, $3, 0, '', 0, 0, 0, 0, $4)";

/// Writes a run that is to begin.
pub(crate) async fn create(tx: &mut Tx, run: &RunRow) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let query = sqlx::query(INSERT)
            .bind(&run.scoring_run_id)
            .bind(run.state);
        let query = query
            .bind(run.score_at.as_micros())
            .bind(run.created_at.as_micros());
        query.execute(conn).await?;
    });
    Ok(())
}

const LATEST: &str = "SELECT MAX(score_at) FROM scoring_run";

/// Returns the latest instant that any run is for.
pub(crate) async fn latest(tx: &mut Tx) -> Result<Option<Timestamp>, SqlError> {
    let latest: Option<i64> = with_tx!(tx, |conn| sqlx::query_scalar(LATEST)
        .fetch_one(conn)
        .await?);
    Ok(latest.map(Timestamp::from_micros))
}

const GET: &str = "
    SELECT scoring_run_id, state, score_at, next_lane, after_customer, scored_count, changed_count,
           moved_count, customer_count, created_at, finished_at
    FROM scoring_run
    WHERE scoring_run_id = $1";

/// Returns one run.
pub(crate) async fn get(db: &Db, id: &str) -> Result<Option<RunRow>, SqlError> {
    let found: Option<Row> = with_pool!(db, |pool| sqlx::query_as(GET)
        .bind(id)
        .fetch_optional(pool)
        .await?);
    Ok(found.map(row))
}

const LIST: &str = "
    SELECT scoring_run_id, state, score_at, next_lane, after_customer, scored_count, changed_count,
           moved_count, customer_count, created_at, finished_at
    FROM scoring_run
    WHERE scoring_run_id < $1
    ORDER BY scoring_run_id DESC
    LIMIT $2";

/// Returns the first `count` runs before `before`, newest first.
pub(crate) async fn list(db: &Db, before: &str, count: i64) -> Result<Vec<RunRow>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(before)
            .bind(count)
            .fetch_all(pool)
            .await?
    });
    Ok(rows.into_iter().map(row).collect())
}

const RUNNING: &str = "
    SELECT scoring_run_id FROM scoring_run WHERE state = 1 ORDER BY scoring_run_id";

/// Returns the runs that have not ended, oldest first.
pub(crate) async fn running(db: &Db) -> Result<Vec<String>, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(RUNNING)
        .fetch_all(pool)
        .await?))
}

const ADVANCE: &str = "
    UPDATE scoring_run
    SET next_lane = $4, after_customer = $5, scored_count = $6, changed_count = $7,
        moved_count = $8, customer_count = $9, state = $10, finished_at = $11
    WHERE scoring_run_id = $1 AND state = 1 AND next_lane = $2 AND after_customer = $3";

/// Moves a run on, unless another replica did so since `from` was read.
pub(crate) async fn advance(tx: &mut Tx, from: &RunRow, to: &RunRow) -> Result<bool, SqlError> {
    let moved = with_tx!(tx, |conn| {
        let query = sqlx::query(ADVANCE)
            .bind(&from.scoring_run_id)
            .bind(from.next_lane);
        let query = query
            .bind(&from.after_customer)
            .bind(to.next_lane)
            .bind(&to.after_customer);
        let query = query
            .bind(to.scored)
            .bind(to.changed)
            .bind(to.moved)
            .bind(to.customers);
        let query = query
            .bind(to.state)
            .bind(to.finished_at.map(Timestamp::as_micros));
        query.execute(conn).await?.rows_affected()
    });
    Ok(moved == 1)
}
