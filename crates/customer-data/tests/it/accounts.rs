//! Billing accounts, and for which subscriptions they pay.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::account_service_client::AccountServiceClient;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::{BillingAccountKind as Kind, BillingAccountState as State};
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

type Accounts = AccountServiceClient<Transport>;

fn account(customer: &str, id: &str) -> wire::BillingAccount {
    wire::BillingAccount {
        account_id: id.into(),
        customer_id: customer.into(),
        kind: Kind::Personal.into(),
        state: State::Active.into(),
        currency_code: "EUR".into(),
        billing_cycle_day: 28,
        ..Default::default()
    }
}

fn upsert(account: wire::BillingAccount) -> wire::UpsertBillingAccountRequest {
    wire::UpsertBillingAccountRequest {
        request_id: fresh(),
        billing_account: Some(account),
    }
}

fn pays(payer: &str, account: &str, user: &str, from: &str) -> wire::AddAccountSubscriptionRequest {
    wire::AddAccountSubscriptionRequest {
        request_id: fresh(),
        payer_customer_id: payer.into(),
        account_id: account.into(),
        customer_id: user.into(),
        subscription_id: "S1".into(),
        from_time: day(from),
        until_time: None,
    }
}

type Answer<T> = Result<T, tonic::Status>;

async fn put(
    accounts: &mut Accounts,
    account: wire::BillingAccount,
) -> Answer<wire::BillingAccount> {
    let answer = accounts.upsert_billing_account(upsert(account)).await?;
    Ok(answer.into_inner().billing_account.unwrap())
}

async fn pay(
    accounts: &mut Accounts,
    (payer, account): (&str, &str),
    user: &str,
    from: &str,
) -> Answer<wire::AddAccountSubscriptionResponse> {
    let request = pays(payer, account, user, from);
    Ok(accounts
        .add_account_subscription(request)
        .await?
        .into_inner())
}

fn end(until: &str) -> wire::EndAccountSubscriptionRequest {
    wire::EndAccountSubscriptionRequest {
        request_id: fresh(),
        customer_id: "ada".into(),
        subscription_id: "S1".into(),
        until_time: day(until),
    }
}

fn corporate(basis_points: i32) -> wire::BillingAccount {
    let reimbursement = wire::corporate_terms::Reimbursement::BasisPoints(basis_points);
    wire::BillingAccount {
        kind: Kind::Corporate.into(),
        corporate_terms: Some(wire::CorporateTerms {
            monthly_fee_waived: true,
            reimbursement: Some(reimbursement),
        }),
        ..account("acme", "A1")
    }
}

/// A suite whose acme has the account A1 and whose ada has the subscription S1.
async fn with_account(suite: Suite) -> (Suite, Accounts) {
    let mut suite = suite.with_customers(&["acme", "ada"]).await;
    let lines = vec![line("ada", "S1", "+999123456", "2024-01-01")];
    suite.subscribe(lines).await.unwrap();
    let mut accounts = AccountServiceClient::new(suite.transport.clone());
    accounts
        .upsert_billing_account(upsert(account("acme", "A1")))
        .await
        .unwrap();
    (suite, accounts)
}

#[tokio::test]
async fn an_account_is_taken_in_changed_and_closed_for_ever() {
    each_suite(async |suite| {
        let (mut suite, mut accounts) = with_account(suite).await;
        let changed = put(&mut accounts, corporate(5_000)).await.unwrap();
        assert_eq!(changed.corporate_terms, corporate(5_000).corporate_terms);
        let mut fixed = corporate(5_000);
        let amount = wire::corporate_terms::Reimbursement::Amount(euro(900).unwrap());
        fixed.corporate_terms.as_mut().unwrap().reimbursement = Some(amount);
        fixed.state = State::Closed.into();
        let closed = put(&mut accounts, fixed.clone()).await.unwrap();
        assert_eq!(closed.corporate_terms, fixed.corporate_terms);

        // What is known already is no change.
        let same = upsert(fixed);
        let same_answer = accounts.upsert_billing_account(same.clone()).await.unwrap();
        assert_eq!(same_answer.into_inner().billing_account, Some(closed));
        let repeated = accounts.upsert_billing_account(same).await.unwrap();
        assert!(repeated.into_inner().replayed);
        let reopened = put(&mut accounts, corporate(5_000)).await.unwrap_err();
        assert_code(
            &reopened,
            Code::FailedPrecondition,
            "BILLING_ACCOUNT_CLOSED",
        );
        let paid = pay(&mut accounts, ("acme", "A1"), "ada", "2024-01-01").await;
        let reason = "BILLING_ACCOUNT_CLOSED";
        assert_code(&paid.unwrap_err(), Code::FailedPrecondition, reason);
        let changes = suite.changes().await;
        let told = |it: &&wire::Change| matches!(it.fact, Some(Fact::Account(_)));
        assert_eq!(changes.iter().filter(told).count(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_account_has_one_customer_one_currency_and_fields_within_limits() {
    each_suite(async |suite| {
        let (_, mut accounts) = with_account(suite).await;
        let foreign = put(&mut accounts, account("ada", "A1")).await.unwrap_err();
        assert_code(&foreign, Code::AlreadyExists, "BILLING_ACCOUNT_EXISTS");
        let unknown = put(&mut accounts, account("eve", "A2")).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let other = wire::BillingAccount {
            currency_code: "USD".into(),
            ..account("acme", "A1")
        };
        let other = put(&mut accounts, other).await.unwrap_err();
        assert_eq!(fields(&other), ["billing_account.currency_code"]);
        let wrong = wire::BillingAccount {
            billing_cycle_day: 29,
            kind: Kind::Personal.into(),
            ..corporate(10_001)
        };
        let wrong = put(&mut accounts, wrong).await.unwrap_err();
        let expected = [
            "billing_account.corporate_terms.basis_points",
            "billing_account.billing_cycle_day",
            "billing_account.corporate_terms",
        ];
        assert_eq!(fields(&wrong), expected);
    })
    .await;
}

#[tokio::test]
async fn accounts_come_in_pages() {
    each_suite(async |suite| {
        let (_, mut accounts) = with_account(suite).await;
        accounts
            .upsert_billing_account(upsert(account("acme", "A2")))
            .await
            .unwrap();
        let mut request = wire::ListBillingAccountsRequest {
            customer_id: "acme".into(),
            page_size: 1,
            ..Default::default()
        };
        let first = accounts
            .list_billing_accounts(request.clone())
            .await
            .unwrap()
            .into_inner();
        request.page_token = first.next_page_token.clone();
        let second = accounts
            .list_billing_accounts(request)
            .await
            .unwrap()
            .into_inner();
        let ids = [&first, &second].map(|page| page.billing_accounts[0].account_id.clone());
        assert_eq!(
            (ids, second.next_page_token),
            (["A1".into(), "A2".into()], String::new())
        );
    })
    .await;
}

#[tokio::test]
async fn one_account_at_a_time_pays_for_a_subscription() {
    each_suite(async |suite| {
        let (mut suite, mut accounts) = with_account(suite).await;
        put(&mut accounts, account("ada", "A2")).await.unwrap();
        let request = pays("acme", "A1", "ada", "2024-01-01");
        accounts
            .add_account_subscription(request.clone())
            .await
            .unwrap();
        let repeated = accounts.add_account_subscription(request).await.unwrap();
        assert!(repeated.into_inner().replayed);
        let own = ("ada", "A2");
        let twice = pay(&mut accounts, own, "ada", "2024-06-01")
            .await
            .unwrap_err();
        assert_code(&twice, Code::AlreadyExists, "SUBSCRIPTION_PAID");
        let request = end("2024-06-01");
        accounts
            .end_account_subscription(request.clone())
            .await
            .unwrap();
        let repeated = accounts.end_account_subscription(request).await.unwrap();
        assert!(repeated.into_inner().replayed);
        pay(&mut accounts, own, "ada", "2024-06-01").await.unwrap();

        let mut payers = Vec::new();
        for at in ["2023-12-31", "2024-01-01", "2024-05-31", "2024-06-01"] {
            let request = wire::GetSubscriptionPayerRequest {
                customer_id: "ada".into(),
                subscription_id: "S1".into(),
                at_time: day(at),
            };
            let found = accounts.get_subscription_payer(request).await.unwrap();
            let found = found.into_inner().account_subscription;
            payers.push(found.map_or(String::new(), |it| it.account_id));
        }
        assert_eq!(payers, ["", "A1", "A1", "A2"]);
        let mut told: Vec<String> = Vec::new();
        for change in suite.changes().await {
            if let Some(Fact::AccountSubscription(_)) = change.fact {
                told.push(change.customer_id);
            }
        }
        told.sort();
        // Begun and ended by acme for ada, begun by ada alone.
        assert_eq!(told, ["acme", "acme", "ada", "ada", "ada"]);
    })
    .await;
}

#[tokio::test]
async fn a_payer_reads_what_an_account_pays_and_nobody_pays_for_what_is_not_there() {
    each_suite(async |suite| {
        let (_, mut accounts) = with_account(suite).await;
        let acme = ("acme", "A1");
        pay(&mut accounts, acme, "ada", "2024-01-01").await.unwrap();
        accounts
            .end_account_subscription(end("2024-06-01"))
            .await
            .unwrap();
        let list = |at: &str| wire::ListAccountSubscriptionsRequest {
            payer_customer_id: "acme".into(),
            account_id: "A1".into(),
            at_time: day(at),
            ..Default::default()
        };
        let paid = accounts
            .list_account_subscriptions(list("2024-03-01"))
            .await
            .unwrap();
        let paid = paid.into_inner().account_subscriptions;
        assert_eq!((paid.len(), paid[0].customer_id.as_str()), (1, "ada"));
        let none = accounts
            .list_account_subscriptions(list("2024-07-01"))
            .await
            .unwrap();
        assert!(none.into_inner().account_subscriptions.is_empty());

        let early = accounts
            .end_account_subscription(end("2023-06-01"))
            .await
            .unwrap_err();
        assert_code(&early, Code::NotFound, "SUBSCRIPTION_NOT_PAID");
        let other = pay(&mut accounts, ("ada", "A1"), "ada", "2024-07-01").await;
        assert_code(
            &other.unwrap_err(),
            Code::NotFound,
            "BILLING_ACCOUNT_NOT_FOUND",
        );
        let other = pay(&mut accounts, acme, "acme", "2024-07-01")
            .await
            .unwrap_err();
        assert_code(&other, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
    })
    .await;
}
