//! Prospects and leads.

pub(in crate::api) mod leads;
pub(in crate::api) mod prospects;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::lead_service_server::LeadService;
use tenure_rpc::fields::time;
use tonic::{Request, Response};

use super::{Answer, Api};
use crate::domain::lead::{Lead, Prospect};

#[tonic::async_trait]
impl LeadService for Api {
    async fn upsert_prospect(
        &self,
        request: Request<wire::UpsertProspectRequest>,
    ) -> Answer<wire::UpsertProspectResponse> {
        prospects::upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn activate_prospect(
        &self,
        request: Request<wire::ActivateProspectRequest>,
    ) -> Answer<wire::ActivateProspectResponse> {
        prospects::activate(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_prospects(
        &self,
        request: Request<wire::ListProspectsRequest>,
    ) -> Answer<wire::ListProspectsResponse> {
        Ok(Response::new(
            prospects::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn upsert_lead(
        &self,
        request: Request<wire::UpsertLeadRequest>,
    ) -> Answer<wire::UpsertLeadResponse> {
        leads::upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn change_lead_state(
        &self,
        request: Request<wire::ChangeLeadStateRequest>,
    ) -> Answer<wire::ChangeLeadStateResponse> {
        leads::change_state(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_leads(
        &self,
        request: Request<wire::ListLeadsRequest>,
    ) -> Answer<wire::ListLeadsResponse> {
        Ok(Response::new(
            leads::list(&self.0, &request.into_inner()).await?,
        ))
    }
}

pub(super) fn prospect(prospect: &Prospect) -> wire::Prospect {
    wire::Prospect {
        prospect_id: prospect.id.to_string(),
        kind: prospect.kind.number(),
        display_name: prospect.display_name.clone(),
        source: prospect.source.clone(),
        create_time: Some(time(prospect.created_at)),
        update_time: Some(time(prospect.updated_at)),
        activate_time: prospect.activated_at.map(time),
    }
}

pub(super) fn lead(lead: &Lead) -> wire::Lead {
    wire::Lead {
        lead_id: lead.id.to_string(),
        customer_id: lead.customer.to_string(),
        source: lead.source.clone(),
        interest: lead.interest.clone(),
        state: lead.state.number(),
        lost_reason: lead.lost_reason.clone(),
        state_time: Some(time(lead.state_since)),
        create_time: Some(time(lead.created_at)),
    }
}
