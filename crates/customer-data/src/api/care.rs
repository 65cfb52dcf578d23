//! Complaints and promises: one line for each RPC into the file that answers it.

mod complaint;
mod list;
mod matter;
mod promise;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::complaint_service_server::ComplaintService;
use tonic::{Request, Response};

use super::{Answer, Api};
use crate::{Error, job};

#[tonic::async_trait]
impl ComplaintService for Api {
    async fn create_complaint(
        &self,
        request: Request<wire::CreateComplaintRequest>,
    ) -> Answer<wire::CreateComplaintResponse> {
        complaint::create(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn hand_over_complaint(
        &self,
        request: Request<wire::HandOverComplaintRequest>,
    ) -> Answer<wire::HandOverComplaintResponse> {
        complaint::hand_over(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn change_complaint_state(
        &self,
        request: Request<wire::ChangeComplaintStateRequest>,
    ) -> Answer<wire::ChangeComplaintStateResponse> {
        complaint::change_state(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn notify_customer(
        &self,
        request: Request<wire::NotifyCustomerRequest>,
    ) -> Answer<wire::NotifyCustomerResponse> {
        matter::notify(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn propose_resolution(
        &self,
        request: Request<wire::ProposeResolutionRequest>,
    ) -> Answer<wire::ProposeResolutionResponse> {
        matter::propose(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn answer_resolution(
        &self,
        request: Request<wire::AnswerResolutionRequest>,
    ) -> Answer<wire::AnswerResolutionResponse> {
        matter::answer(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn record_promise(
        &self,
        request: Request<wire::RecordPromiseRequest>,
    ) -> Answer<wire::RecordPromiseResponse> {
        promise::record(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn keep_promise(
        &self,
        request: Request<wire::KeepPromiseRequest>,
    ) -> Answer<wire::KeepPromiseResponse> {
        promise::keep(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn break_promise(
        &self,
        request: Request<wire::BreakPromiseRequest>,
    ) -> Answer<wire::BreakPromiseResponse> {
        promise::break_off(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn withdraw_promise(
        &self,
        request: Request<wire::WithdrawPromiseRequest>,
    ) -> Answer<wire::WithdrawPromiseResponse> {
        promise::withdraw(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_complaint(
        &self,
        request: Request<wire::GetComplaintRequest>,
    ) -> Answer<wire::GetComplaintResponse> {
        Ok(Response::new(
            complaint::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_complaints(
        &self,
        request: Request<wire::ListComplaintsRequest>,
    ) -> Answer<wire::ListComplaintsResponse> {
        Ok(Response::new(
            list::complaints(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_owned_complaints(
        &self,
        request: Request<wire::ListOwnedComplaintsRequest>,
    ) -> Answer<wire::ListOwnedComplaintsResponse> {
        Ok(Response::new(
            list::owned(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_complaint_steps(
        &self,
        request: Request<wire::ListComplaintStepsRequest>,
    ) -> Answer<wire::ListComplaintStepsResponse> {
        Ok(Response::new(
            list::steps(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_promises(
        &self,
        request: Request<wire::ListPromisesRequest>,
    ) -> Answer<wire::ListPromisesResponse> {
        Ok(Response::new(
            list::promises(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_overdue_promises(
        &self,
        request: Request<wire::ListOverduePromisesRequest>,
    ) -> Answer<wire::ListOverduePromisesResponse> {
        Ok(Response::new(
            list::overdue(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn catch_up(&self, _: Request<wire::CatchUpRequest>) -> Answer<wire::CatchUpResponse> {
        let noted = job::note_due(&self.0).await.map_err(Error::from)?;
        Ok(Response::new(wire::CatchUpResponse {
            breach_count: noted.breaches,
            overdue_count: noted.overdue,
        }))
    }
}
