//! Billing accounts and what they pay for.

pub(in crate::api) mod accounts;
pub(in crate::api) mod payments;

pub(super) use payments::require_customer;
use tenure_core::Money;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::account_service_server::AccountService;
use tenure_rpc::fields::time;
use tonic::{Request, Response};

use super::{Answer, Api, show};
use crate::domain::account::{BillingAccount, Payment, Reimbursement};

#[tonic::async_trait]
impl AccountService for Api {
    async fn upsert_billing_account(
        &self,
        request: Request<wire::UpsertBillingAccountRequest>,
    ) -> Answer<wire::UpsertBillingAccountResponse> {
        accounts::upsert(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_billing_accounts(
        &self,
        request: Request<wire::ListBillingAccountsRequest>,
    ) -> Answer<wire::ListBillingAccountsResponse> {
        Ok(Response::new(
            accounts::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn add_account_subscription(
        &self,
        request: Request<wire::AddAccountSubscriptionRequest>,
    ) -> Answer<wire::AddAccountSubscriptionResponse> {
        payments::add(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn end_account_subscription(
        &self,
        request: Request<wire::EndAccountSubscriptionRequest>,
    ) -> Answer<wire::EndAccountSubscriptionResponse> {
        payments::end(&self.0, &request.into_inner())
            .await
            .map(Response::new)
    }

    async fn list_account_subscriptions(
        &self,
        request: Request<wire::ListAccountSubscriptionsRequest>,
    ) -> Answer<wire::ListAccountSubscriptionsResponse> {
        Ok(Response::new(
            payments::list(&self.0, &request.into_inner()).await?,
        ))
    }

    async fn get_subscription_payer(
        &self,
        request: Request<wire::GetSubscriptionPayerRequest>,
    ) -> Answer<wire::GetSubscriptionPayerResponse> {
        Ok(Response::new(
            payments::payer(&self.0, &request.into_inner()).await?,
        ))
    }
}

pub(super) fn account(account: &BillingAccount) -> wire::BillingAccount {
    use wire::corporate_terms::Reimbursement as Wire;
    let corporate_terms = account.corporate.map(|terms| wire::CorporateTerms {
        monthly_fee_waived: terms.is_fee_waived,
        reimbursement: terms.reimbursement.map(|it| match it {
            Reimbursement::Amount(minor) => Wire::Amount(show::money(Money {
                currency: account.currency,
                minor,
            })),
            Reimbursement::BasisPoints(points) => Wire::BasisPoints(points),
        }),
    });
    wire::BillingAccount {
        account_id: account.id.to_string(),
        customer_id: account.customer.to_string(),
        kind: account.kind.number(),
        name: account.name.clone(),
        state: account.state.number(),
        currency_code: account.currency.to_string(),
        billing_cycle_day: account.cycle_day,
        corporate_terms,
        create_time: Some(time(account.created_at)),
        update_time: Some(time(account.updated_at)),
    }
}

pub(super) fn payment(payment: &Payment) -> wire::AccountSubscription {
    wire::AccountSubscription {
        account_id: payment.account.to_string(),
        payer_customer_id: payment.payer.to_string(),
        customer_id: payment.user.to_string(),
        subscription_id: payment.subscription.to_string(),
        from_time: Some(time(payment.valid.from())),
        until_time: payment.valid.end().map(time),
    }
}
