//! Parties: status, name, contact media, relationships.

pub(in crate::api) mod facts;
mod relations;
pub(super) mod show;

use tenure_core::{Timestamp, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::party_service_server::PartyService;
use tenure_rpc::fields;
use tonic::{Request, Response};

use super::{Answer, Api};
use crate::domain::Interval;

#[tonic::async_trait]
impl PartyService for Api {
    async fn get_party(
        &self,
        request: Request<wire::GetPartyRequest>,
    ) -> Answer<wire::GetPartyResponse> {
        Ok(Response::new(
            facts::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn set_party_name(
        &self,
        request: Request<wire::SetPartyNameRequest>,
    ) -> Answer<wire::SetPartyNameResponse> {
        facts::set_name(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn change_customer_status(
        &self,
        request: Request<wire::ChangeCustomerStatusRequest>,
    ) -> Answer<wire::ChangeCustomerStatusResponse> {
        facts::change_status(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_customer_statuses(
        &self,
        request: Request<wire::ListCustomerStatusesRequest>,
    ) -> Answer<wire::ListCustomerStatusesResponse> {
        Ok(Response::new(
            facts::list_statuses(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn put_contact_medium(
        &self,
        request: Request<wire::PutContactMediumRequest>,
    ) -> Answer<wire::PutContactMediumResponse> {
        facts::put_medium(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn create_relationship(
        &self,
        request: Request<wire::CreateRelationshipRequest>,
    ) -> Answer<wire::CreateRelationshipResponse> {
        relations::create(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn end_relationship(
        &self,
        request: Request<wire::EndRelationshipRequest>,
    ) -> Answer<wire::EndRelationshipResponse> {
        relations::end(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_relationships(
        &self,
        request: Request<wire::ListRelationshipsRequest>,
    ) -> Answer<wire::ListRelationshipsResponse> {
        Ok(Response::new(
            relations::list(&self.0, &request.into_inner()).await?,
        ))
    }
}

/// Returns the interval of `from_time` and `until_time`, or notes why it is none. It begins now where
/// nothing is said.
pub(super) fn interval(
    violations: &mut Violations,
    from: Option<&prost_types::Timestamp>,
    until: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Option<Interval> {
    let begins = fields::optional_time(violations, "from_time", from);
    let ends = fields::optional_time(violations, "until_time", until);
    if from.is_some() && begins.is_none() || until.is_some() && ends.is_none() {
        return None;
    }
    let interval = Interval::new(begins.unwrap_or(now), ends);
    if interval.is_none() {
        violations.add("until_time", "after from_time", "not after it");
    }
    interval
}
