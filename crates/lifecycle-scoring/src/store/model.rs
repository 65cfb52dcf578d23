//! Table `model`: what was trained, and which model scores.

use tenure_sql::{Db, SqlError, Tx, with_pool, with_tx};

/// The number of a model that is being trained; in statements, 2 is active, 3 retired, 4 failed, as
/// in the API.
pub(crate) const TRAINING: i32 = 1;

/// What is told of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelRow {
    pub(crate) model_id: String,
    pub(crate) state: i32,
    /// The message of the API, as encoded.
    pub(crate) summary: Vec<u8>,
    pub(crate) progress: f64,
}

type Row = (String, i32, Vec<u8>, f64);

fn row((model_id, state, summary, progress): Row) -> ModelRow {
    ModelRow {
        model_id,
        state,
        summary,
        progress,
    }
}

const INSERT: &str = "
    INSERT INTO model (model_id, state, request, summary, progress)
    VALUES ($1, $2, $3, $4, 0)";

/// Writes a model that is to be trained.
pub(crate) async fn create(
    tx: &mut Tx,
    model_id: &str,
    request: &[u8],
    summary: &[u8],
) -> Result<(), SqlError> {
    with_tx!(tx, |conn| {
        let query = sqlx::query(INSERT).bind(model_id).bind(TRAINING);
        query.bind(request).bind(summary).execute(conn).await?;
    });
    Ok(())
}

const GET: &str = "SELECT model_id, state, summary, progress FROM model WHERE model_id = $1";
const GET_ACTIVE: &str = "
    SELECT model_id, state, summary, progress FROM model WHERE state = 2";

/// Returns one model.
pub(crate) async fn get(db: &Db, model_id: &str) -> Result<Option<ModelRow>, SqlError> {
    let found: Option<Row> = with_pool!(db, |pool| {
        sqlx::query_as(GET)
            .bind(model_id)
            .fetch_optional(pool)
            .await?
    });
    Ok(found.map(row))
}

/// Returns the model that scores.
pub(crate) async fn active(db: &Db) -> Result<Option<ModelRow>, SqlError> {
    let found: Option<Row> = with_pool!(db, |pool| sqlx::query_as(GET_ACTIVE)
        .fetch_optional(pool)
        .await?);
    Ok(found.map(row))
}

const LIST: &str = "
    SELECT model_id, state, summary, progress FROM model
    WHERE model_id < $1
    ORDER BY model_id DESC
    LIMIT $2";

/// Returns the first `count` models before `before`, newest first.
pub(crate) async fn list(db: &Db, before: &str, count: i64) -> Result<Vec<ModelRow>, SqlError> {
    let rows: Vec<Row> = with_pool!(db, |pool| {
        sqlx::query_as(LIST)
            .bind(before)
            .bind(count)
            .fetch_all(pool)
            .await?
    });
    Ok(rows.into_iter().map(row).collect())
}

const LIST_TRAINING: &str = "SELECT model_id FROM model WHERE state = 1 ORDER BY model_id";

/// Returns the models whose training has not ended.
pub(crate) async fn training(db: &Db) -> Result<Vec<String>, SqlError> {
    Ok(with_pool!(db, |pool| sqlx::query_scalar(LIST_TRAINING)
        .fetch_all(pool)
        .await?))
}

const REQUEST: &str = "SELECT request FROM model WHERE model_id = $1";

/// Returns what was asked for.
pub(crate) async fn request(db: &Db, model_id: &str) -> Result<Option<Vec<u8>>, SqlError> {
    Ok(with_pool!(db, |pool| {
        sqlx::query_scalar(REQUEST)
            .bind(model_id)
            .fetch_optional(pool)
            .await?
    }))
}

const ARTEFACT: &str = "SELECT artefact FROM model WHERE state = 2";

/// Returns the stored form of the model that scores.
pub(crate) async fn active_artefact(db: &Db) -> Result<Option<String>, SqlError> {
    let found: Option<Option<String>> = with_pool!(db, |pool| sqlx::query_scalar(ARTEFACT)
        .fetch_optional(pool)
        .await?);
    Ok(found.flatten())
}

const ACTIVE_VERSION: &str = "SELECT version FROM model WHERE state = 2";

/// Returns the version of the model that scores.
pub(crate) async fn active_version(db: &Db) -> Result<Option<String>, SqlError> {
    let found: Option<Option<String>> = with_pool!(db, |pool| sqlx::query_scalar(ACTIVE_VERSION)
        .fetch_optional(pool)
        .await?);
    Ok(found.flatten())
}

const SET_PROGRESS: &str = "UPDATE model SET progress = $2 WHERE model_id = $1 AND state = 1";

/// Notes how far training is.
pub(crate) async fn set_progress(db: &Db, model_id: &str, progress: f64) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    with_tx!(tx, |conn| {
        sqlx::query(SET_PROGRESS)
            .bind(model_id)
            .bind(progress)
            .execute(conn)
            .await?;
    });
    tx.commit().await
}

const RETIRE: &str = "UPDATE model SET state = 3 WHERE state = 2";
const ACTIVATE: &str = "
    UPDATE model SET state = 2, summary = $2, version = $3, artefact = $4, progress = 1
    WHERE model_id = $1 AND state = 1";

/// Makes a trained model the one that scores. Does nothing when its training has ended already,
/// which happens when two replicas trained it.
pub(crate) async fn activate(
    db: &Db,
    model_id: &str,
    summary: &[u8],
    version: &str,
    artefact: &str,
) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    let activated = with_tx!(tx, |conn| {
        sqlx::query(RETIRE).execute(&mut *conn).await?;
        let query = sqlx::query(ACTIVATE).bind(model_id).bind(summary);
        query
            .bind(version)
            .bind(artefact)
            .execute(conn)
            .await?
            .rows_affected()
    });
    if activated == 1 {
        tx.commit().await
    } else {
        tx.rollback().await
    }
}

const FAIL: &str = "
    UPDATE model SET state = 4, summary = $2 WHERE model_id = $1 AND state = 1";

/// Notes that there will be no model.
pub(crate) async fn fail(db: &Db, model_id: &str, summary: &[u8]) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    with_tx!(tx, |conn| {
        sqlx::query(FAIL)
            .bind(model_id)
            .bind(summary)
            .execute(conn)
            .await?;
    });
    tx.commit().await
}
