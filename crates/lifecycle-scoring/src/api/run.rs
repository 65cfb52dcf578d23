//! `CreateScoringRun`, `GetScoringRun` and `ListScoringRuns`.

use std::sync::Arc;

use tenure_core::{Timestamp, Violations};
use tenure_proto::scoring::v1 as proto;
use tenure_rpc::{IntoStatus, RequestError, fields};
use tokio::time::Instant;
use tonic::Status;

use super::model::{LOOK, before, wait, wait_end};
use super::once::{self, Once};
use crate::app::App;
use crate::store::run::{self, RunRow};
use crate::{DOMAIN, Error, job};

/// Begins to score everybody.
pub(crate) async fn create(
    app: &Arc<App>,
    request: proto::CreateScoringRunRequest,
) -> Result<proto::CreateScoringRunResponse, Status> {
    let now = app.clock.now();
    let mut violations = Violations::new();
    let request_id = fields::request_id(&mut violations, &request.request_id);
    let wanted = request.score_time.as_ref();
    let score_at = fields::optional_time(&mut violations, "score_time", wanted);
    if score_at.is_some_and(|at| at > now) {
        violations.add(
            "score_time",
            "an instant that has come",
            "one that lies ahead",
        );
    }
    let checked = violations.into_result().map_err(RequestError::from);
    checked.map_err(|error| Error::from(error).into_status(DOMAIN))?;
    let request_id = request_id.expect("no violation was found");
    let begun = match once::begin(app, request_id, &request, now).await? {
        Once::New(begun) => begun,
        Once::Before(answer) => return Ok(answer),
    };
    let response = write(app, begun, score_at.unwrap_or(now), now).await;
    let response = response.map_err(|error| error.into_status(DOMAIN))?;
    let id = response
        .scoring_run
        .as_ref()
        .map_or(String::new(), |run| run.scoring_run_id.clone());
    job::scoring::spawn(app, id);
    Ok(response)
}

async fn write(
    app: &App,
    mut begun: Box<once::Begun>,
    score_at: Timestamp,
    now: Timestamp,
) -> Result<proto::CreateScoringRunResponse, Error> {
    if run::latest(&mut begun.tx)
        .await?
        .is_some_and(|latest| latest > score_at)
    {
        let mut violations = Violations::new();
        violations.add(
            "score_time",
            "the instant of the latest run or later",
            "an earlier one",
        );
        violations.into_result().map_err(RequestError::from)?;
    }
    let run = RunRow {
        scoring_run_id: app.ids.uuid(now).to_string(),
        state: run::state::RUNNING,
        score_at,
        next_lane: 0,
        after_customer: String::new(),
        scored: 0,
        changed: 0,
        moved: 0,
        customers: 0,
        created_at: now,
        finished_at: None,
    };
    run::create(&mut begun.tx, &run).await?;
    let scoring_run = Some(message(&run));
    let response = proto::CreateScoringRunResponse {
        scoring_run,
        replayed: false,
    };
    once::record(begun, &response).await?;
    Ok(response)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs no more than 52 bits"
)]
fn message(run: &RunRow) -> proto::ScoringRun {
    let progress = match run.state {
        run::state::COMPLETED => 1.0,
        _ => (run.scored as f64 / run.customers.max(1) as f64).min(1.0),
    };
    proto::ScoringRun {
        scoring_run_id: run.scoring_run_id.clone(),
        state: run.state,
        score_time: Some(fields::time(run.score_at)),
        scored_count: run.scored,
        changed_count: run.changed,
        moved_count: run.moved,
        progress,
        create_time: Some(fields::time(run.created_at)),
        finish_time: run.finished_at.map(fields::time),
    }
}

/// Returns a run; waits for its end when asked to.
pub(crate) async fn get(
    app: &App,
    request: proto::GetScoringRunRequest,
) -> Result<proto::GetScoringRunResponse, Error> {
    let mut violations = Violations::new();
    if request.scoring_run_id.is_empty() {
        violations.add("scoring_run_id", "an id", "nothing");
    }
    let wait = wait(&mut violations, request.wait_duration);
    violations.into_result().map_err(RequestError::from)?;
    let end = wait_end(wait);
    loop {
        let scoring_run_id = request.scoring_run_id.clone();
        let found = run::get(&app.db, &scoring_run_id).await?;
        let run = found.ok_or(Error::ScoringRunNotFound { scoring_run_id })?;
        let is_over = Instant::now() >= end || app.lifecycle.is_draining();
        if run.state != run::state::RUNNING || is_over {
            return Ok(proto::GetScoringRunResponse {
                scoring_run: Some(message(&run)),
            });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Lists runs, newest first.
pub(crate) async fn list(
    app: &App,
    request: proto::ListScoringRunsRequest,
) -> Result<proto::ListScoringRunsResponse, Error> {
    let mut violations = Violations::new();
    let size = fields::page_size(&mut violations, request.page_size);
    violations.into_result().map_err(RequestError::from)?;
    let size = size.expect("no violation was found");
    let before = before(&request.page_token)?;
    let found = run::list(&app.db, &before, size.probe()).await?;
    let (runs, next) =
        tenure_core::page::cut(found, size, |last| vec![last.scoring_run_id.clone()]);
    Ok(proto::ListScoringRunsResponse {
        scoring_runs: runs.iter().map(message).collect(),
        next_page_token: next.map_or(String::new(), |token| token.seal(&[])),
    })
}
