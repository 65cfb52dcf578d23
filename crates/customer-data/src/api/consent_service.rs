//! `ConsentService`: one line for each RPC into the file that answers it.

use std::sync::Arc;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::consent_service_server::ConsentService;
use tonic::{Request, Response};

use super::{Answer, consent};
use crate::Deps;

/// The service as tonic calls it.
#[derive(Debug, Clone)]
pub(crate) struct ConsentApi(pub(crate) Arc<Deps>);

#[tonic::async_trait]
impl ConsentService for ConsentApi {
    async fn record_consent(
        &self,
        request: Request<wire::RecordConsentRequest>,
    ) -> Answer<wire::RecordConsentResponse> {
        consent::record(&self.0, request.get_ref())
            .await
            .map(Response::new)
    }

    async fn batch_record_consents(
        &self,
        request: Request<wire::BatchRecordConsentsRequest>,
    ) -> Answer<wire::BatchRecordConsentsResponse> {
        consent::batch_record(&self.0, request.get_ref())
            .await
            .map(Response::new)
    }

    async fn check_consent(
        &self,
        request: Request<wire::CheckConsentRequest>,
    ) -> Answer<wire::CheckConsentResponse> {
        Ok(Response::new(
            consent::check(&self.0, request.get_ref()).await?,
        ))
    }

    async fn list_consents(
        &self,
        request: Request<wire::ListConsentsRequest>,
    ) -> Answer<wire::ListConsentsResponse> {
        Ok(Response::new(
            consent::list(&self.0, request.get_ref()).await?,
        ))
    }
}
