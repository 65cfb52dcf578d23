//! `PrivacyService`: one line for each RPC into the file that answers it.

use std::sync::Arc;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::privacy_service_server::PrivacyService;
use tonic::{Request, Response};

use super::{Answer, access, erasure, export, retention};
use crate::Deps;
use crate::job::access::AccessLog;

/// The service as tonic calls it.
#[derive(Debug, Clone)]
pub(crate) struct PrivacyApi(pub(crate) Arc<Deps>, pub(crate) AccessLog);

#[tonic::async_trait]
impl PrivacyService for PrivacyApi {
    async fn erase_customer(
        &self,
        request: Request<wire::EraseCustomerRequest>,
    ) -> Answer<wire::EraseCustomerResponse> {
        let erased = erasure::erase(&self.0, request.get_ref()).await?;
        Ok(Response::new(erased))
    }

    async fn get_erasure(
        &self,
        request: Request<wire::GetErasureRequest>,
    ) -> Answer<wire::GetErasureResponse> {
        let found = erasure::get(&self.0, request.get_ref()).await?;
        Ok(Response::new(found))
    }

    async fn list_erasures(
        &self,
        request: Request<wire::ListErasuresRequest>,
    ) -> Answer<wire::ListErasuresResponse> {
        let page = erasure::list(&self.0, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn run_erasures(
        &self,
        _: Request<wire::RunErasuresRequest>,
    ) -> Answer<wire::RunErasuresResponse> {
        Ok(Response::new(erasure::run(&self.0).await?))
    }

    async fn record_erasure_receipt(
        &self,
        request: Request<wire::RecordErasureReceiptRequest>,
    ) -> Answer<wire::RecordErasureReceiptResponse> {
        let received = erasure::receive(&self.0, request.get_ref()).await?;
        Ok(Response::new(received))
    }

    async fn lift_suppression(
        &self,
        request: Request<wire::LiftSuppressionRequest>,
    ) -> Answer<wire::LiftSuppressionResponse> {
        let lifted = erasure::lift(&self.0, request.get_ref()).await?;
        Ok(Response::new(lifted))
    }

    async fn export_customer(
        &self,
        request: Request<wire::ExportCustomerRequest>,
    ) -> Answer<wire::ExportCustomerResponse> {
        let page = export::customer(&self.0, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn list_accesses(
        &self,
        request: Request<wire::ListAccessesRequest>,
    ) -> Answer<wire::ListAccessesResponse> {
        let page = access::list(&self.0, &self.1, request.get_ref()).await?;
        Ok(Response::new(page))
    }

    async fn run_retention(
        &self,
        request: Request<wire::RunRetentionRequest>,
    ) -> Answer<wire::RunRetentionResponse> {
        let ran = retention::retain(&self.0, request.get_ref()).await?;
        Ok(Response::new(ran))
    }
}
