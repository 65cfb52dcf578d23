//! Terms of subscriptions: penalties, notices, signs of leaving.

pub(in crate::api) mod binding;
mod signals;

use tenure_core::{CustomerId, SubscriptionId, Violations};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::subscription_terms_service_server::SubscriptionTermsService;
use tenure_rpc::fields::time;
use tonic::{Request, Response};

use super::once::Write;
use super::{Answer, Api, show};
use crate::Error;
use crate::domain::refusal::Reason;
use crate::domain::terms::{Notice, Signal, Terms};
use crate::domain::{Refusal, Subscription, Touched};

#[tonic::async_trait]
impl SubscriptionTermsService for Api {
    async fn set_contract_penalty(
        &self,
        request: Request<wire::SetContractPenaltyRequest>,
    ) -> Answer<wire::SetContractPenaltyResponse> {
        binding::set_penalty(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn give_termination_notice(
        &self,
        request: Request<wire::GiveTerminationNoticeRequest>,
    ) -> Answer<wire::GiveTerminationNoticeResponse> {
        binding::give(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn withdraw_termination_notice(
        &self,
        request: Request<wire::WithdrawTerminationNoticeRequest>,
    ) -> Answer<wire::WithdrawTerminationNoticeResponse> {
        binding::withdraw(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_subscription_terms(
        &self,
        request: Request<wire::GetSubscriptionTermsRequest>,
    ) -> Answer<wire::GetSubscriptionTermsResponse> {
        Ok(Response::new(
            binding::get(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn list_termination_notices(
        &self,
        request: Request<wire::ListTerminationNoticesRequest>,
    ) -> Answer<wire::ListTerminationNoticesResponse> {
        Ok(Response::new(
            binding::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn record_leaving_signal(
        &self,
        request: Request<wire::RecordLeavingSignalRequest>,
    ) -> Answer<wire::RecordLeavingSignalResponse> {
        signals::record(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_leaving_signals(
        &self,
        request: Request<wire::ListLeavingSignalsRequest>,
    ) -> Answer<wire::ListLeavingSignalsResponse> {
        Ok(Response::new(
            signals::list(&self.0, &request.into_inner()).await?,
        ))
    }
}

type Which = (CustomerId, SubscriptionId);

/// Parses whose subscription is meant.
fn which(violations: &mut Violations, customer: &str, subscription: &str) -> Option<Which> {
    let customer = violations.take("customer_id", CustomerId::parse(customer));
    let subscription = SubscriptionId::parse(subscription);
    customer.zip(violations.take("subscription_id", subscription))
}

/// Loads a subscription of a customer behind the lock of the customer's lane.
async fn open(write: &mut Write, (customer, id): &Which) -> Result<Subscription, Error> {
    let mut touched = Touched::default();
    touched.customers.insert(customer.clone());
    let key = (customer.clone(), id.clone());
    touched.subscriptions.insert(key.clone());
    let book = write.open(&touched).await?;
    if book.customers.get(customer).is_none() {
        let (key, value) = ("customer_id", customer.to_string());
        return Err(Error::CustomerNotFound { key, value });
    }
    let known = book.subscriptions.get(&key).cloned();
    known.ok_or_else(|| no_subscription(id))
}

pub(super) fn no_subscription(id: &SubscriptionId) -> Error {
    let (reason, wanted) = (
        Reason::SubscriptionNotFound,
        "a subscription of this customer",
    );
    let refusal = Refusal::new(reason, "subscription_id", wanted, "another");
    Error::refused(refusal.with("subscription_id", id.as_str()), "")
}

pub(super) fn terms(terms: &Terms) -> wire::SubscriptionTerms {
    wire::SubscriptionTerms {
        customer_id: terms.customer.to_string(),
        subscription_id: terms.subscription.to_string(),
        penalty: terms.penalty.map(|penalty| wire::ContractPenalty {
            amount: Some(show::money(penalty.amount)),
            shape: penalty.shape.number(),
            falls_from_time: penalty.falls_from.map(time),
        }),
        penalty_due: terms.due.map(show::money),
        notice: terms.notice().map(notice),
    }
}

fn notice(notice: &Notice) -> wire::TerminationNotice {
    wire::TerminationNotice {
        notice_time: Some(time(notice.given_at)),
        effective_time: Some(time(notice.effective_at)),
        reason: notice.reason.clone(),
        withdraw_time: notice.withdrawn_at.map(time),
    }
}

pub(super) fn signal(signal: &Signal) -> wire::LeavingSignal {
    let subscription = signal.subscription.as_ref();
    wire::LeavingSignal {
        signal_id: signal.id.to_string(),
        customer_id: signal.customer.to_string(),
        subscription_id: subscription.map_or(String::new(), ToString::to_string),
        kind: signal.kind.number(),
        competitor_code: signal.competitor_code.clone(),
        event_time: Some(time(signal.happened_at)),
    }
}
