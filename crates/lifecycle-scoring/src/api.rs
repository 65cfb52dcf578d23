//! The RPCs of `tenure.scoring.v1.ScoringService`, one line each.

mod funnel;
mod lifecycle;
mod list;
mod model;
mod once;
mod run;
mod score;
mod value;
pub(crate) mod watch;
pub(crate) mod words;

use std::sync::Arc;

use tenure_proto::scoring::v1 as proto;
use tenure_proto::scoring::v1::scoring_service_server::ScoringService;
use tenure_rpc::IntoStatus;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::{DOMAIN, Error, job};

/// The handlers.
pub(crate) struct Api(pub(crate) Arc<App>);

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    result
        .map(Response::new)
        .map_err(|error| error.into_status(DOMAIN))
}

#[tonic::async_trait]
impl ScoringService for Api {
    async fn score_customer(
        &self,
        request: Request<proto::ScoreCustomerRequest>,
    ) -> Result<Response<proto::ScoreCustomerResponse>, Status> {
        answer(score::one(&self.0, request.into_inner()).await)
    }

    async fn score_customers(
        &self,
        request: Request<proto::ScoreCustomersRequest>,
    ) -> Result<Response<proto::ScoreCustomersResponse>, Status> {
        answer(score::several(&self.0, request.into_inner()).await)
    }

    async fn get_lifecycle(
        &self,
        request: Request<proto::GetLifecycleRequest>,
    ) -> Result<Response<proto::GetLifecycleResponse>, Status> {
        answer(lifecycle::get(&self.0, request.into_inner()).await)
    }

    async fn list_stage_intervals(
        &self,
        request: Request<proto::ListStageIntervalsRequest>,
    ) -> Result<Response<proto::ListStageIntervalsResponse>, Status> {
        answer(lifecycle::list(&self.0, request.into_inner()).await)
    }

    async fn list_scores(
        &self,
        request: Request<proto::ListScoresRequest>,
    ) -> Result<Response<proto::ListScoresResponse>, Status> {
        answer(list::scores(&self.0, request.into_inner()).await)
    }

    async fn get_funnel(
        &self,
        _: Request<proto::GetFunnelRequest>,
    ) -> Result<Response<proto::GetFunnelResponse>, Status> {
        answer(funnel::get(&self.0).await)
    }

    async fn estimate_value(
        &self,
        request: Request<proto::EstimateValueRequest>,
    ) -> Result<Response<proto::EstimateValueResponse>, Status> {
        answer(value::estimate(&request.into_inner()))
    }

    async fn train_model(
        &self,
        request: Request<proto::TrainModelRequest>,
    ) -> Result<Response<proto::TrainModelResponse>, Status> {
        model::train(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_model(
        &self,
        request: Request<proto::GetModelRequest>,
    ) -> Result<Response<proto::GetModelResponse>, Status> {
        answer(model::get(&self.0, request.into_inner()).await)
    }

    async fn list_models(
        &self,
        request: Request<proto::ListModelsRequest>,
    ) -> Result<Response<proto::ListModelsResponse>, Status> {
        answer(model::list(&self.0, request.into_inner()).await)
    }

    async fn create_scoring_run(
        &self,
        request: Request<proto::CreateScoringRunRequest>,
    ) -> Result<Response<proto::CreateScoringRunResponse>, Status> {
        run::create(&self.0, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_scoring_run(
        &self,
        request: Request<proto::GetScoringRunRequest>,
    ) -> Result<Response<proto::GetScoringRunResponse>, Status> {
        answer(run::get(&self.0, request.into_inner()).await)
    }

    async fn list_scoring_runs(
        &self,
        request: Request<proto::ListScoringRunsRequest>,
    ) -> Result<Response<proto::ListScoringRunsResponse>, Status> {
        answer(run::list(&self.0, request.into_inner()).await)
    }

    async fn catch_up(
        &self,
        _: Request<proto::CatchUpRequest>,
    ) -> Result<Response<proto::CatchUpResponse>, Status> {
        let applied = job::read_feed(&self.0).await;
        answer(applied.map(|applied_count| proto::CatchUpResponse { applied_count }))
    }

    type WatchChangesStream = tenure_rpc::feed::ResponseStream<proto::WatchChangesResponse>;

    async fn watch_changes(
        &self,
        request: Request<proto::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        watch::changes(&self.0, request.into_inner()).map(Response::new)
    }
}
