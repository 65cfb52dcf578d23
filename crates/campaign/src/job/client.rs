//! The services that this one calls.

use tenure_proto::customer::v1::customer_service_client::CustomerServiceClient;
use tenure_proto::customer::v1::privacy_service_client::PrivacyServiceClient;
use tenure_proto::customer::v1::{
    BatchGetCustomersRequest, Customer, Erased, WatchChangesRequest, WatchChangesResponse,
};
use tenure_proto::loyalty::v1::EarnPointsRequest;
use tenure_proto::loyalty::v1::loyalty_service_client::LoyaltyServiceClient;
use tenure_proto::scoring::v1::scoring_service_client::ScoringServiceClient;
use tenure_proto::scoring::v1::{ListScoresRequest, ListScoresResponse};
use tenure_rpc::{Transport, erasure, retry_unavailable};
use tonic::{Code, Status, Streaming};

use crate::NAME;
use crate::error::Error;

const CUSTOMER_DATA: &str = "customer-data";
const LIFECYCLE_SCORING: &str = "lifecycle-scoring";
const LOYALTY_POINTS: &str = "loyalty-points";

/// How often a read is tried.
const TRIES: u32 = 3;
/// How many customers are asked for at once: with all attributes filled some thousand would not fit
/// a message.
const CUSTOMERS_MAX: usize = 200;

/// Clients of the services that this one calls.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    customers: CustomerServiceClient<Transport>,
    privacy: PrivacyServiceClient<Transport>,
    scores: ScoringServiceClient<Transport>,
    points: LoyaltyServiceClient<Transport>,
}

impl Clients {
    pub(crate) fn new(customers: Transport, scores: Transport, points: Transport) -> Self {
        Self {
            privacy: PrivacyServiceClient::new(customers.clone()),
            customers: CustomerServiceClient::new(customers),
            scores: ScoringServiceClient::new(scores),
            points: LoyaltyServiceClient::new(points),
        }
    }

    /// Returns a page of scores.
    pub(crate) async fn list_scores(
        &self,
        request: &ListScoresRequest,
    ) -> Result<ListScoresResponse, Error> {
        let call = || {
            let (mut client, request) = (self.scores.clone(), request.clone());
            async move { client.list_scores(request).await }
        };
        let response = retry_unavailable(TRIES, call).await;
        Ok(response
            .map_err(|status| failed(LIFECYCLE_SCORING, &status))?
            .into_inner())
    }

    /// Returns those of the customers that exist.
    pub(crate) async fn get_customers(&self, ids: &[String]) -> Result<Vec<Customer>, Error> {
        let mut customers = Vec::with_capacity(ids.len());
        let (mut rest, mut share) = (ids, CUSTOMERS_MAX);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(share.min(rest.len()));
            match self.batch_get_customers(now).await {
                Ok(found) => {
                    customers.extend(found);
                    rest = later;
                }
                // These have so much to them that their answer is too large: ask for fewer.
                Err(status) if is_too_large(&status) && now.len() > 1 => share = now.len() / 2,
                Err(status) => return Err(failed(CUSTOMER_DATA, &status)),
            }
        }
        Ok(customers)
    }

    async fn batch_get_customers(&self, ids: &[String]) -> Result<Vec<Customer>, Status> {
        let call = || {
            let mut client = self.customers.clone();
            let request = BatchGetCustomersRequest {
                customer_ids: ids.to_vec(),
            };
            async move { client.batch_get_customers(request).await }
        };
        Ok(retry_unavailable(TRIES, call).await?.into_inner().customers)
    }

    /// Opens the feed of customer-data.
    pub(crate) async fn watch_customers(
        &self,
        resume_token: String,
        follow: bool,
    ) -> Result<Streaming<WatchChangesResponse>, Status> {
        let request = WatchChangesRequest {
            resume_token,
            follow,
            ..Default::default()
        };
        Ok(self
            .customers
            .clone()
            .watch_changes(request)
            .await?
            .into_inner())
    }

    /// Tells customer-data how many rows were forgotten for an erasure.
    pub(crate) async fn give_receipt(
        &self,
        erased: &Erased,
        request_id: String,
        rows: i64,
    ) -> Result<(), Error> {
        let told = erasure::give_receipt(self.privacy.clone(), erased, NAME, request_id, rows);
        told.await.map_err(|status| failed(CUSTOMER_DATA, &status))
    }

    /// Has points booked. The caller decides what a refusal means.
    pub(crate) async fn earn_points(&self, request: EarnPointsRequest) -> Result<(), Status> {
        self.points.clone().earn_points(request).await.map(drop)
    }
}

fn is_too_large(status: &Status) -> bool {
    matches!(status.code(), Code::ResourceExhausted | Code::OutOfRange)
}

/// Returns true for what may go better a little later.
pub(crate) fn is_passing(status: &Status) -> bool {
    let code = status.code();
    matches!(
        code,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted
    )
}

/// Returns the error for a call to another service that failed.
pub(crate) fn failed(service: &'static str, status: &Status) -> Error {
    let message = format!("{:?}: {}", status.code(), status.message());
    if is_passing(status) {
        Error::DependencyUnavailable { service, message }
    } else {
        Error::DependencyRefused { service, message }
    }
}

/// Returns the error for points that could not be booked.
pub(crate) fn points_failed(status: &Status) -> Error {
    failed(LOYALTY_POINTS, status)
}

/// Returns the error for a feed that could not be read.
pub(crate) fn feed_failed(status: &Status) -> Error {
    failed(CUSTOMER_DATA, status)
}
