//! Waiting for long work of lifecycle-scoring.

use anyhow::{Context as _, Result, ensure};
use prost_types::Duration;
use tenure_proto::scoring::v1 as pb;
use tenure_proto::scoring::v1::scoring_service_client::ScoringServiceClient;
use tenure_rpc::Transport;

use crate::wire::patient;

/// How long one question may wait for the end: long enough to ask rarely, short enough to show how
/// far it is.
const WAIT: Duration = Duration {
    seconds: 1,
    nanos: 0,
};

/// Waits until the training of `model` has ended.
///
/// # Errors
/// When it failed, with its reason, or the service does not answer.
pub(crate) async fn model(
    client: &mut ScoringServiceClient<Transport>,
    mut model: pb::Model,
) -> Result<pb::Model> {
    while model.state() == pb::ModelState::Training {
        let request = pb::GetModelRequest {
            model_id: model.model_id,
            wait_duration: Some(WAIT),
        };
        let answer = client
            .get_model(patient(request))
            .await
            .context("get_model")?;
        model = answer.into_inner().model.unwrap_or_default();
    }
    ensure!(
        model.state() != pb::ModelState::Failed,
        "training failed: {}",
        model.failure
    );
    Ok(model)
}

/// Waits until a scoring run has ended; `progress` is told how far it is, from 0 to 1.
///
/// # Errors
/// When it failed, or the service does not answer.
pub(crate) async fn scoring_run(
    client: &mut ScoringServiceClient<Transport>,
    mut run: pb::ScoringRun,
    progress: impl Fn(f64),
) -> Result<pb::ScoringRun> {
    while run.state() == pb::ScoringRunState::Running {
        let request = pb::GetScoringRunRequest {
            scoring_run_id: run.scoring_run_id,
            wait_duration: Some(WAIT),
        };
        let answer = client
            .get_scoring_run(patient(request))
            .await
            .context("get_scoring_run")?;
        run = answer.into_inner().scoring_run.unwrap_or_default();
        progress(run.progress.clamp(0.0, 1.0));
    }
    ensure!(
        run.state() == pb::ScoringRunState::Completed,
        "the scoring run failed"
    );
    Ok(run)
}
