//! `tenure.campaign.v1.CampaignService`: one line for each RPC, the rest in one file per group.

mod action;
mod audience;
mod campaign;
pub(crate) mod change;
mod contact;
mod enrolment;
mod offer;
mod response;
mod results;
mod step;
mod turn;
mod watch;
mod wire;

pub(crate) use audience::value_of;

use std::sync::Arc;

use tenure_proto::campaign::v1::campaign_service_server::CampaignService;
use tenure_proto::campaign::v1::*;
use tenure_rpc::feed::ResponseStream;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::{DOMAIN, Inner, job};

/// The handlers. Clones share the service.
#[derive(Clone)]
pub(crate) struct Api(Arc<Inner>);

impl Api {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    fn inner(&self) -> &Inner {
        &self.0
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        tenure_rpc::to_status(&error, DOMAIN)
    }
}

/// What a handler answers.
type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CampaignService for Api {
    type WatchChangesStream = ResponseStream<WatchChangesResponse>;

    async fn create_offer(&self, r: Request<CreateOfferRequest>) -> Answer<CreateOfferResponse> {
        offer::create(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn get_offer(&self, r: Request<GetOfferRequest>) -> Answer<GetOfferResponse> {
        Ok(Response::new(offer::get(&self.0, r.get_ref()).await?))
    }

    async fn list_offers(&self, r: Request<ListOffersRequest>) -> Answer<ListOffersResponse> {
        Ok(Response::new(offer::list(&self.0, r.get_ref()).await?))
    }

    async fn create_campaign(
        &self,
        r: Request<CreateCampaignRequest>,
    ) -> Answer<CreateCampaignResponse> {
        campaign::create(&self.0, r.get_ref())
            .await
            .map(Response::new)
    }

    async fn get_campaign(&self, r: Request<GetCampaignRequest>) -> Answer<GetCampaignResponse> {
        Ok(Response::new(campaign::get(&self.0, r.get_ref()).await?))
    }

    async fn list_campaigns(
        &self,
        r: Request<ListCampaignsRequest>,
    ) -> Answer<ListCampaignsResponse> {
        Ok(Response::new(campaign::list(&self.0, r.get_ref()).await?))
    }

    async fn preview_audience(
        &self,
        r: Request<PreviewAudienceRequest>,
    ) -> Answer<PreviewAudienceResponse> {
        Ok(Response::new(
            audience::preview(&self.0, r.into_inner()).await?,
        ))
    }

    async fn approve_campaign(
        &self,
        r: Request<ApproveCampaignRequest>,
    ) -> Answer<ApproveCampaignResponse> {
        step::approve(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn launch_campaign(
        &self,
        r: Request<LaunchCampaignRequest>,
    ) -> Answer<LaunchCampaignResponse> {
        step::launch(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn pause_campaign(
        &self,
        r: Request<PauseCampaignRequest>,
    ) -> Answer<PauseCampaignResponse> {
        step::pause(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn resume_campaign(
        &self,
        r: Request<ResumeCampaignRequest>,
    ) -> Answer<ResumeCampaignResponse> {
        step::resume(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn end_campaign(&self, r: Request<EndCampaignRequest>) -> Answer<EndCampaignResponse> {
        step::end(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn pull_contacts(&self, r: Request<PullContactsRequest>) -> Answer<PullContactsResponse> {
        contact::pull(&self.0, r.get_ref()).await.map(Response::new)
    }

    async fn acknowledge_contacts(
        &self,
        r: Request<AcknowledgeContactsRequest>,
    ) -> Answer<AcknowledgeContactsResponse> {
        contact::acknowledge(&self.0, r.get_ref())
            .await
            .map(Response::new)
    }

    async fn record_responses(
        &self,
        r: Request<RecordResponsesRequest>,
    ) -> Answer<RecordResponsesResponse> {
        response::record(&self.0, r.get_ref())
            .await
            .map(Response::new)
    }

    async fn list_enrolments(
        &self,
        r: Request<ListEnrolmentsRequest>,
    ) -> Answer<ListEnrolmentsResponse> {
        Ok(Response::new(enrolment::list(&self.0, r.get_ref()).await?))
    }

    async fn get_campaign_results(
        &self,
        r: Request<GetCampaignResultsRequest>,
    ) -> Answer<GetCampaignResultsResponse> {
        Ok(Response::new(results::get(&self.0, r.get_ref()).await?))
    }

    async fn catch_up(&self, _: Request<CatchUpRequest>) -> Answer<CatchUpResponse> {
        let applied_count = job::catch_up(&self.0).await?;
        Ok(Response::new(CatchUpResponse { applied_count }))
    }

    async fn watch_changes(
        &self,
        r: Request<WatchChangesRequest>,
    ) -> Answer<Self::WatchChangesStream> {
        Ok(Response::new(watch::watch(&self.0, r.into_inner())))
    }
}
