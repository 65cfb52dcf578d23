//! `TrainModel`, `GetModel` and `ListModels`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tenure_core::{CustomerId, PageError, PageToken, RequestId, Span, Timestamp, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::{IntoStatus, RequestError, fields};
use tenure_sql::SqlError;
use tokio::time::Instant;
use tonic::Status;

use super::once::{self, Once};
use crate::app::App;
use crate::store::model::{self, ModelRow};
use crate::{DOMAIN, Error, job};

const INSTANTS_MAX: usize = 36;
const FOLD_ASSIGNMENTS_MAX: usize = 100_000;
const FOLD_MAX: i32 = 19;
const EXCLUDED_MAX: usize = 200;
const NAME_LENGTH_MAX: usize = 128;
const DAY_SECONDS: i64 = 86_400;
const YEAR_SECONDS: i64 = 366 * DAY_SECONDS;

/// How long a call may wait for an end.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(50);
/// How long before its own end a waiting call answers with what there is.
const MARGIN: Duration = Duration::from_millis(250);
/// How often a waiting call looks.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// Begins to train a model.
pub(crate) async fn train(
    app: &Arc<App>,
    request: proto::TrainModelRequest,
) -> Result<proto::TrainModelResponse, Status> {
    let now = app.clock.now();
    let request_id = check(&request, now).map_err(|error| error.into_status(DOMAIN))?;
    let mut begun = match once::begin(app, request_id, &request, now).await? {
        Once::New(begun) => begun,
        Once::Before(answer) => return Ok(answer),
    };
    let model_id = app.ids.uuid(now).to_string();
    let summary = proto::Model {
        model_id: model_id.clone(),
        state: model::TRAINING,
        horizon: request.horizon,
        as_of_times: request.as_of_times.clone(),
        create_time: Some(fields::time(now)),
        ..proto::Model::default()
    };
    let written = async {
        let (request, summary) = (request.encode_to_vec(), summary.encode_to_vec());
        model::create(&mut begun.tx, &model_id, &request, &summary).await?;
        let response = proto::TrainModelResponse {
            model: Some(proto::Model::decode(summary.as_slice()).map_err(unreadable)?),
            replayed: false,
        };
        once::record(begun, &response).await?;
        Ok::<_, Error>(response)
    };
    let response = written.await.map_err(|error| error.into_status(DOMAIN))?;
    job::training::spawn(app, model_id);
    Ok(response)
}

fn check(request: &proto::TrainModelRequest, now: Timestamp) -> Result<RequestId, Error> {
    let mut violations = Violations::new();
    let v = &mut violations;
    let request_id = fields::request_id(v, &request.request_id);
    let count = request.as_of_times.len();
    if count == 0 || count > INSTANTS_MAX {
        v.add(
            "as_of_times",
            format!("1 to {INSTANTS_MAX} items"),
            format!("{count} items"),
        );
    }
    let seconds = request.horizon.map_or(0, |horizon| horizon.seconds);
    let seconds = seconds.clamp(0, YEAR_SECONDS + 1);
    if !(DAY_SECONDS..=YEAR_SECONDS).contains(&seconds) {
        v.add("horizon", "1 day to 1 year", format!("{seconds} seconds"));
    }
    for (index, time) in request.as_of_times.iter().enumerate().take(INSTANTS_MAX) {
        let field = format!("as_of_times[{index}]");
        let at = v.take(&field, fields::parse_time(time));
        // Before its end nobody knows who leaves: all would count as staying.
        if at.is_some_and(|at| at + Span::from_seconds(seconds) > now) {
            let wanted = "an instant after which the horizon has passed";
            v.add(&field, wanted, "one whose horizon lies ahead");
        }
    }
    if fields::at_most(v, "folds", &request.folds, FOLD_ASSIGNMENTS_MAX) {
        let mut seen = HashSet::new();
        for (index, fold) in request.folds.iter().enumerate() {
            let field = format!("folds[{index}]");
            v.take(
                &format!("{field}.customer_id"),
                CustomerId::parse(&fold.customer_id),
            );
            if !(0..=FOLD_MAX).contains(&fold.fold) {
                v.add(
                    &format!("{field}.fold"),
                    format!("0 to {FOLD_MAX}"),
                    fold.fold.to_string(),
                );
            }
            if !seen.insert(fold.customer_id.as_str()) {
                v.add(
                    &format!("{field}.customer_id"),
                    "each customer once",
                    "a second time",
                );
            }
        }
    }
    if fields::at_most(
        v,
        "excluded_features",
        &request.excluded_features,
        EXCLUDED_MAX,
    ) {
        for (index, name) in request.excluded_features.iter().enumerate() {
            fields::text(
                v,
                &format!("excluded_features[{index}]"),
                name,
                NAME_LENGTH_MAX,
            );
        }
    }
    violations.into_result().map_err(RequestError::from)?;
    Ok(request_id.expect("no violation was found"))
}

fn unreadable(_: prost::DecodeError) -> SqlError {
    SqlError::corrupt("the stored summary of a model cannot be read")
}

fn message(row: &ModelRow) -> Result<proto::Model, SqlError> {
    let mut model = proto::Model::decode(row.summary.as_slice()).map_err(unreadable)?;
    model.state = row.state;
    model.progress = row.progress;
    Ok(model)
}

/// Returns a wait as asked for, when it is one.
pub(crate) fn wait(violations: &mut Violations, wait: Option<prost_types::Duration>) -> Duration {
    let Some(wanted) = wait else {
        return Duration::ZERO;
    };
    match Duration::try_from(wanted) {
        Ok(wait) if wait <= WAIT_MAX => wait,
        _ => {
            let found = format!("{} seconds", wanted.seconds);
            violations.add("wait_duration", "0 to 50 seconds", found);
            Duration::ZERO
        }
    }
}

/// Returns until when a call waits: as long as asked, but not so long that its own time runs out.
pub(crate) fn wait_end(wait: Duration) -> Instant {
    let end = Instant::now() + wait;
    let deadline = tenure_rpc::call::deadline();
    let deadline = deadline.and_then(|deadline| deadline.checked_sub(MARGIN));
    deadline.map_or(end, |deadline| end.min(deadline))
}

/// Returns a model, the active one when none is named; waits for the end of its training when asked
/// to.
pub(crate) async fn get(
    app: &App,
    request: proto::GetModelRequest,
) -> Result<proto::GetModelResponse, Error> {
    let mut violations = Violations::new();
    let wait = wait(&mut violations, request.wait_duration);
    violations.into_result().map_err(RequestError::from)?;
    let end = wait_end(wait);
    loop {
        let row = if request.model_id.is_empty() {
            model::active(&app.db).await?.ok_or(Error::NoActiveModel)?
        } else {
            let found = model::get(&app.db, &request.model_id).await?;
            found.ok_or_else(|| Error::ModelNotFound {
                model_id: request.model_id.clone(),
            })?
        };
        let is_over = Instant::now() >= end || app.lifecycle.is_draining();
        if row.state != model::TRAINING || is_over {
            return Ok(proto::GetModelResponse {
                model: Some(message(&row)?),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Lists models, newest first.
pub(crate) async fn list(
    app: &App,
    request: proto::ListModelsRequest,
) -> Result<proto::ListModelsResponse, Error> {
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, request.page_size);
    violations.into_result().map_err(RequestError::from)?;
    let size = size.expect("no violation was found");
    let before = before(&request.page_token)?;
    let found = model::list(&app.db, &before, size.probe()).await?;
    let (rows, next) = tenure_core::page::cut(found, size, |last| vec![last.model_id.clone()]);
    let models = rows.iter().map(|row| {
        let mut model = message(row)?;
        model.importances.clear();
        if let Some(metrics) = &mut model.metrics {
            metrics.bins.clear();
        }
        Ok::<_, SqlError>(model)
    });
    Ok(proto::ListModelsResponse {
        models: models.collect::<Result<_, _>>()?,
        next_page_token: next.map_or(String::new(), |token| token.seal(&[])),
    })
}

/// Returns the id before which a page of a newest-first list begins.
pub(crate) fn before(page_token: &str) -> Result<String, RequestError> {
    let token = fields::page_token(page_token, &[])?;
    match token.as_ref().map(PageToken::keys) {
        // Ids are hexadecimal digits and hyphens: a tilde sorts behind all of them.
        None => Ok("~".into()),
        Some([id]) => Ok(id.clone()),
        Some(_) => Err(PageError::Invalid.into()),
    }
}
