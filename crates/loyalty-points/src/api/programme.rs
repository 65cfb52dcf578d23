//! The RPCs of `ProgrammeService`: one line each into the files below.

mod change;
mod earning;
mod effects_policy;
mod pool_policy;
mod programmes;
mod rules_in;
mod rules_out;
mod tiers;
mod versions;

use std::sync::Arc;

use tenure_proto::loyalty::v1::programme_service_server::ProgrammeService;
use tenure_proto::loyalty::v1::*;
use tenure_rpc::IntoStatus;
use tenure_rpc::feed::ResponseStream;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::{DOMAIN, Shared};

/// The gRPC face of programmes.
pub(crate) struct ProgrammeApi(pub(crate) Arc<Shared>);

/// A call fails with an error of ours, or with the stored status of an earlier call.
pub(in crate::api) enum Failed {
    Error(Error),
    Stored(Status),
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

pub(in crate::api) fn answer<T>(answered: Result<T, Failed>) -> Result<Response<T>, Status> {
    answered.map(Response::new).map_err(|failed| match failed {
        Failed::Error(error) => error.into_status(DOMAIN),
        Failed::Stored(status) => status,
    })
}

/// The signature of a unary RPC is long; what differs is the name and the two messages.
macro_rules! unary {
    ($($name:ident: $request:ident -> $response:ident = $handler:path;)*) => {
        #[tonic::async_trait]
        impl ProgrammeService for ProgrammeApi {
            $(async fn $name(
                &self,
                request: Request<$request>,
            ) -> Result<Response<$response>, Status> {
                answer($handler(&self.0, request.into_inner()).await)
            })*

            type SimulateProgrammeChangeStream = ResponseStream<SimulateProgrammeChangeResponse>;

            async fn simulate_programme_change(
                &self,
                request: Request<SimulateProgrammeChangeRequest>,
            ) -> Result<Response<Self::SimulateProgrammeChangeStream>, Status> {
                answer(change::simulate(&self.0, request.into_inner()).await)
            }
        }
    };
}

unary! {
    create_programme: CreateProgrammeRequest -> CreateProgrammeResponse = programmes::create;
    get_programme: GetProgrammeRequest -> GetProgrammeResponse = programmes::get;
    list_programmes: ListProgrammesRequest -> ListProgrammesResponse = programmes::list;
    create_programme_version: CreateProgrammeVersionRequest -> CreateProgrammeVersionResponse
        = versions::create;
    activate_programme_version: ActivateProgrammeVersionRequest -> ActivateProgrammeVersionResponse
        = versions::activate;
    get_programme_version: GetProgrammeVersionRequest -> GetProgrammeVersionResponse = versions::get;
    list_programme_versions: ListProgrammeVersionsRequest -> ListProgrammeVersionsResponse
        = versions::list;
    earn_for_event: EarnForEventRequest -> EarnForEventResponse = earning::earn;
    simulate_earning: SimulateEarningRequest -> SimulateEarningResponse = earning::simulate;
    evaluate_tiers: EvaluateTiersRequest -> EvaluateTiersResponse = tiers::evaluate;
    get_tier: GetTierRequest -> GetTierResponse = tiers::get;
    list_tier_history: ListTierHistoryRequest -> ListTierHistoryResponse = tiers::history;
}
