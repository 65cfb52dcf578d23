//! Who is one customer with whom: one line for each RPC into the file that answers it.

mod explain;
mod matching;
mod merge;
pub(in crate::api) mod parse;
mod policy;
mod record;
pub(super) mod show;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::identity_service_server::IdentityService;
use tonic::{Request, Response};

use super::{Answer, Api};

pub(super) use record::{as_records, find, members, page_of_record, whole};

#[tonic::async_trait]
impl IdentityService for Api {
    async fn merge_customers(
        &self,
        request: Request<wire::MergeCustomersRequest>,
    ) -> Answer<wire::MergeCustomersResponse> {
        merge::merge(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn unmerge_customers(
        &self,
        request: Request<wire::UnmergeCustomersRequest>,
    ) -> Answer<wire::UnmergeCustomersResponse> {
        merge::unmerge(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn explain_identity(
        &self,
        request: Request<wire::ExplainIdentityRequest>,
    ) -> Answer<wire::ExplainIdentityResponse> {
        Ok(Response::new(
            explain::explain(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_merge_links(
        &self,
        request: Request<wire::ListMergeLinksRequest>,
    ) -> Answer<wire::ListMergeLinksResponse> {
        Ok(Response::new(
            explain::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn create_identity_policy(
        &self,
        request: Request<wire::CreateIdentityPolicyRequest>,
    ) -> Answer<wire::CreateIdentityPolicyResponse> {
        policy::create(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn activate_identity_policy(
        &self,
        request: Request<wire::ActivateIdentityPolicyRequest>,
    ) -> Answer<wire::ActivateIdentityPolicyResponse> {
        policy::activate(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_identity_policies(
        &self,
        request: Request<wire::ListIdentityPoliciesRequest>,
    ) -> Answer<wire::ListIdentityPoliciesResponse> {
        Ok(Response::new(
            policy::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn run_matching(
        &self,
        request: Request<wire::RunMatchingRequest>,
    ) -> Answer<wire::RunMatchingResponse> {
        matching::run(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_matching_run(
        &self,
        request: Request<wire::GetMatchingRunRequest>,
    ) -> Answer<wire::GetMatchingRunResponse> {
        Ok(Response::new(
            matching::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_match_findings(
        &self,
        request: Request<wire::ListMatchFindingsRequest>,
    ) -> Answer<wire::ListMatchFindingsResponse> {
        Ok(Response::new(
            matching::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn apply_matching(
        &self,
        request: Request<wire::ApplyMatchingRequest>,
    ) -> Answer<wire::ApplyMatchingResponse> {
        matching::apply(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_quarantine(
        &self,
        request: Request<wire::ListQuarantineRequest>,
    ) -> Answer<wire::ListQuarantineResponse> {
        Ok(Response::new(
            matching::quarantine(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn resolve_quarantine(
        &self,
        request: Request<wire::ResolveQuarantineRequest>,
    ) -> Answer<wire::ResolveQuarantineResponse> {
        matching::resolve(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }
}
