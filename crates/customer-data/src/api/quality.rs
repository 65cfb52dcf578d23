//! The quality of what sources send: one line for each RPC into the file that answers it.

pub(super) mod gate;
mod parse;
mod policy;
mod report;
mod value;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::quality_service_server::QualityService;
use tonic::{Request, Response};

use super::{Answer, Api};

#[tonic::async_trait]
impl QualityService for Api {
    async fn set_quality_policy(
        &self,
        request: Request<wire::SetQualityPolicyRequest>,
    ) -> Answer<wire::SetQualityPolicyResponse> {
        policy::set(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_quality_policy(
        &self,
        request: Request<wire::GetQualityPolicyRequest>,
    ) -> Answer<wire::GetQualityPolicyResponse> {
        Ok(Response::new(
            policy::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_quality_policies(
        &self,
        request: Request<wire::ListQualityPoliciesRequest>,
    ) -> Answer<wire::ListQualityPoliciesResponse> {
        Ok(Response::new(
            policy::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn get_quality_report(
        &self,
        request: Request<wire::GetQualityReportRequest>,
    ) -> Answer<wire::GetQualityReportResponse> {
        Ok(Response::new(
            report::report(&self.0, &request.into_inner()).await?,
        ))
    }
}
