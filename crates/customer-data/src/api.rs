//! The RPCs: one line for each into the file that answers it.

mod access;
mod account;
mod apply;
pub(crate) mod briefing;
mod care;
mod consent;
mod consent_service;
pub(crate) mod contact;
pub(crate) mod customer;
mod erasure;
mod export;
mod group;
pub(crate) mod guard;
mod identity;
mod import;
mod lead;
mod once;
mod page;
mod parse;
mod party;
pub(crate) mod payment;
mod preview;
mod privacy_service;
mod profile;
mod quality;
mod resource;
mod retention;
mod reversal;
mod rows;
mod screen;
mod sealed_answer;
mod show;
mod standing;
pub(crate) mod subscription;
mod survey;
mod terms;
mod turn;
pub(crate) mod watch;

use std::sync::Arc;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::customer_service_server::CustomerService;
use tonic::{Request, Response, Status};

pub(crate) use once::save;
pub(crate) use turn::Turns;

use crate::Deps;

pub(crate) use consent_service::ConsentApi;
pub(crate) use privacy_service::PrivacyApi;

/// The service as tonic calls it.
#[derive(Debug, Clone)]
pub(crate) struct Api(pub(crate) Arc<Deps>, pub(crate) Turns);

/// What an RPC answers.
type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CustomerService for Api {
    type WatchChangesStream = tenure_rpc::feed::ResponseStream<wire::WatchChangesResponse>;

    async fn create_customer(
        &self,
        request: Request<wire::CreateCustomerRequest>,
    ) -> Answer<wire::CreateCustomerResponse> {
        customer::create(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn batch_upsert_customers(
        &self,
        request: Request<wire::BatchUpsertCustomersRequest>,
    ) -> Answer<wire::BatchUpsertCustomersResponse> {
        customer::batch_upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_customer(
        &self,
        request: Request<wire::GetCustomerRequest>,
    ) -> Answer<wire::GetCustomerResponse> {
        Ok(Response::new(
            customer::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn batch_get_customers(
        &self,
        request: Request<wire::BatchGetCustomersRequest>,
    ) -> Answer<wire::BatchGetCustomersResponse> {
        Ok(Response::new(
            customer::batch_get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_customers(
        &self,
        request: Request<wire::ListCustomersRequest>,
    ) -> Answer<wire::ListCustomersResponse> {
        Ok(Response::new(
            customer::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn lookup_customer(
        &self,
        request: Request<wire::LookupCustomerRequest>,
    ) -> Answer<wire::LookupCustomerResponse> {
        Ok(Response::new(
            customer::lookup(&self.0, request.into_inner()).await?,
        ))
    }

    async fn batch_upsert_subscriptions(
        &self,
        request: Request<wire::BatchUpsertSubscriptionsRequest>,
    ) -> Answer<wire::BatchUpsertSubscriptionsResponse> {
        subscription::batch_upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_subscriptions(
        &self,
        request: Request<wire::ListSubscriptionsRequest>,
    ) -> Answer<wire::ListSubscriptionsResponse> {
        Ok(Response::new(
            subscription::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn terminate_subscription(
        &self,
        request: Request<wire::TerminateSubscriptionRequest>,
    ) -> Answer<wire::TerminateSubscriptionResponse> {
        subscription::terminate(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn suspend_subscription(
        &self,
        request: Request<wire::SuspendSubscriptionRequest>,
    ) -> Answer<wire::SuspendSubscriptionResponse> {
        standing::suspend(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn resume_subscription(
        &self,
        request: Request<wire::ResumeSubscriptionRequest>,
    ) -> Answer<wire::ResumeSubscriptionResponse> {
        standing::resume(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn transfer_subscription(
        &self,
        request: Request<wire::TransferSubscriptionRequest>,
    ) -> Answer<wire::TransferSubscriptionResponse> {
        standing::transfer(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn batch_upsert_bills(
        &self,
        request: Request<wire::BatchUpsertBillsRequest>,
    ) -> Answer<wire::BatchUpsertBillsResponse> {
        payment::batch_upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_bills(
        &self,
        request: Request<wire::ListBillsRequest>,
    ) -> Answer<wire::ListBillsResponse> {
        Ok(Response::new(
            payment::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn batch_upsert_usage_summaries(
        &self,
        request: Request<wire::BatchUpsertUsageSummariesRequest>,
    ) -> Answer<wire::BatchUpsertUsageSummariesResponse> {
        contact::batch_upsert_usage(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_usage_summaries(
        &self,
        request: Request<wire::ListUsageSummariesRequest>,
    ) -> Answer<wire::ListUsageSummariesResponse> {
        Ok(Response::new(
            contact::list_usage(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn batch_upsert_interactions(
        &self,
        request: Request<wire::BatchUpsertInteractionsRequest>,
    ) -> Answer<wire::BatchUpsertInteractionsResponse> {
        contact::batch_upsert_interactions(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_interactions(
        &self,
        request: Request<wire::ListInteractionsRequest>,
    ) -> Answer<wire::ListInteractionsResponse> {
        Ok(Response::new(
            contact::list_interactions(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn create_import(
        &self,
        request: Request<wire::CreateImportRequest>,
    ) -> Answer<wire::CreateImportResponse> {
        import::create(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn apply_import_batch(
        &self,
        request: Request<wire::ApplyImportBatchRequest>,
    ) -> Answer<wire::ApplyImportBatchResponse> {
        apply::apply(&self.0, &self.1, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_import(
        &self,
        request: Request<wire::GetImportRequest>,
    ) -> Answer<wire::GetImportResponse> {
        Ok(Response::new(
            import::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_imports(
        &self,
        request: Request<wire::ListImportsRequest>,
    ) -> Answer<wire::ListImportsResponse> {
        Ok(Response::new(
            import::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn watch_changes(
        &self,
        request: Request<wire::WatchChangesRequest>,
    ) -> Answer<Self::WatchChangesStream> {
        Ok(Response::new(watch::decoded(
            &self.0,
            request.into_inner(),
        )?))
    }
}

#[cfg(test)]
mod fuzz_tests;
