//! Subscriptions, their ends, and the numbers they hold.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::lookup_customer_request::Key;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::suite::*;

const NUMBER: &str = "+999123456789";

async fn holder(suite: &mut Suite, at: &str) -> Result<(String, String), tonic::Status> {
    let request = wire::LookupCustomerRequest {
        key: Some(Key::Msisdn(NUMBER.into())),
        at_time: Some(at).filter(|at| !at.is_empty()).and_then(day),
    };
    let found = suite.client.lookup_customer(request).await?.into_inner();
    Ok((found.customer.unwrap().customer_id, found.subscription_id))
}

#[tokio::test]
async fn a_subscription_is_read_back_whole_and_a_repeat_answers_the_same() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let given = wire::Subscription {
            contract_end_time: day("2026-01-01"),
            ..line("ada", "S1", NUMBER, "2024-01-01")
        };
        let request = wire::BatchUpsertSubscriptionsRequest {
            request_id: fresh(),
            subscriptions: vec![given.clone()],
        };

        let first = suite
            .client
            .batch_upsert_subscriptions(request.clone())
            .await
            .unwrap();
        let again = suite
            .client
            .batch_upsert_subscriptions(request)
            .await
            .unwrap()
            .into_inner();

        assert_eq!(first.into_inner().created_count, 1);
        assert_eq!((again.created_count, again.replayed), (1, true));
        let stored = wire::Subscription {
            state: wire::SubscriptionState::Active.into(),
            update_time: day("2025-01-01"),
            state_time: day("2024-01-01"),
            ..given
        };
        assert_eq!(
            suite.subscriptions("ada").await,
            std::slice::from_ref(&stored)
        );
        let unchanged = suite.subscribe(vec![stored]).await.unwrap();
        assert_eq!((unchanged.created_count, unchanged.updated_count), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_recycled_number_belongs_to_whoever_held_it_at_the_time() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite
            .subscribe(vec![line("ada", "S1", NUMBER, "2024-01-01")])
            .await
            .unwrap();
        let taken = suite
            .subscribe(vec![line("bob", "S2", NUMBER, "2024-06-01")])
            .await;
        let taken = taken.unwrap_err();
        assert_code(&taken, Code::AlreadyExists, "MSISDN_TAKEN");
        assert_eq!(error_info(&taken).metadata["subscription_id"], "S2");
        assert_eq!(fields(&taken), ["subscriptions[0].msisdn"]);
        assert!(!format!("{taken:?}").contains(NUMBER));

        let end = terminate("ada", "S1", day("2024-05-01"));
        let ended = suite
            .client
            .terminate_subscription(end)
            .await
            .unwrap()
            .into_inner();
        let ended = ended.subscription.unwrap();
        assert_eq!(ended.state, i32::from(wire::SubscriptionState::Terminated));
        assert_eq!(ended.terminate_time, day("2024-05-01"));
        suite
            .subscribe(vec![line("bob", "S2", NUMBER, "2024-06-01")])
            .await
            .unwrap();

        let ada = ("ada".to_owned(), "S1".to_owned());
        let bob = ("bob".to_owned(), "S2".to_owned());
        assert_eq!(holder(&mut suite, "2024-01-01").await.unwrap(), ada);
        assert_eq!(holder(&mut suite, "2024-04-30").await.unwrap(), ada);
        let nobody = holder(&mut suite, "2024-05-01").await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(error_info(&nobody).metadata["lookup"], "msisdn");
        assert_eq!(holder(&mut suite, "2024-06-01").await.unwrap(), bob);
        assert_eq!(holder(&mut suite, "").await.unwrap(), bob);
    })
    .await;
}

#[tokio::test]
async fn one_of_many_concurrent_claims_of_a_number_wins() {
    each_suite(async |suite| {
        let ids: Vec<String> = (0..6).map(|n| format!("C{n}")).collect();
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let suite = suite.with_customers(&names).await;
        let calls = ids.iter().map(|id| {
            let mut client = suite.client.clone();
            let subscriptions = vec![line(id, &format!("S-{id}"), NUMBER, "2024-01-01")];
            async move {
                let request = wire::BatchUpsertSubscriptionsRequest {
                    request_id: fresh(),
                    subscriptions,
                };
                client.batch_upsert_subscriptions(request).await
            }
        });

        let answers = futures_util::future::join_all(calls).await;

        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_number_that_was_exchanged_is_free_at_once() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite
            .subscribe(vec![line("ada", "S1", NUMBER, "2024-01-01")])
            .await
            .unwrap();

        let exchange = vec![
            line("ada", "S1", "+999000000001", "2024-01-01"),
            line("bob", "S2", NUMBER, "2025-01-01"),
        ];
        suite.subscribe(exchange).await.unwrap();

        assert_eq!(holder(&mut suite, "2024-12-31").await.unwrap().0, "ada");
        assert_eq!(holder(&mut suite, "2025-01-01").await.unwrap().0, "bob");
    })
    .await;
}

#[tokio::test]
async fn an_ending_is_repeated_and_refused_for_each_reason() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2024-01-01")])
            .await
            .unwrap();
        let mut refuse = async |request: wire::TerminateSubscriptionRequest| {
            suite
                .client
                .terminate_subscription(request)
                .await
                .unwrap_err()
        };
        let unknown = refuse(terminate("nobody", "S1", None)).await;
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let others = refuse(terminate("bob", "S1", None)).await;
        assert_code(&others, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
        let early = refuse(terminate("ada", "S1", day("2023-12-31"))).await;
        assert_code(&early, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(fields(&early), ["terminate_time"]);
        let ahead = refuse(terminate("ada", "S1", day("2025-01-03"))).await;
        assert_eq!(fields(&ahead), ["terminate_time"]);
        let kindless = refuse(wire::TerminateSubscriptionRequest {
            churn_kind: 0,
            churn_reason: "x".repeat(129),
            ..terminate("ada", "", None)
        });
        let named = fields(&kindless.await);
        assert_eq!(named, ["subscription_id", "churn_kind", "churn_reason"]);

        let request = terminate("ada", "S1", None);
        let first = suite
            .client
            .terminate_subscription(request.clone())
            .await
            .unwrap();
        let again = suite
            .client
            .terminate_subscription(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(again.subscription, first.into_inner().subscription);
        assert!(again.replayed);
        let twice = suite
            .client
            .terminate_subscription(terminate("ada", "S1", None))
            .await;
        assert_code(
            &twice.unwrap_err(),
            Code::FailedPrecondition,
            "SUBSCRIPTION_TERMINATED",
        );
        let revived = suite
            .subscribe(vec![line("ada", "S1", "", "2024-01-01")])
            .await;
        assert_code(
            &revived.unwrap_err(),
            Code::FailedPrecondition,
            "SUBSCRIPTION_TERMINATED",
        );
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_subscriptions_names_everything_that_is_against_it() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2024-01-01")])
            .await
            .unwrap();

        let batch = vec![
            line("bob", "S1", "", "2024-01-01"),
            line("nobody", "S2", "", "2024-01-01"),
            line("bob", "S3", "", "2024-01-01"),
        ];
        let refused = suite.subscribe(batch).await.unwrap_err();
        assert_code(&refused, Code::AlreadyExists, "SUBSCRIPTION_EXISTS");
        let named = fields(&refused);
        assert_eq!(
            named,
            [
                "subscriptions[0].subscription_id",
                "subscriptions[1].customer_id"
            ]
        );
        assert!(suite.subscriptions("bob").await.is_empty());

        let contradictory = wire::Subscription {
            service: 0,
            product_code: String::new(),
            msisdn: "12".into(),
            churn_kind: 1,
            churn_reason: "x".into(),
            ..line("bob", "S3", "", "2024-01-01")
        };
        let late = wire::Subscription {
            contract_end_time: day("2023-01-01"),
            terminate_time: day("2023-01-01"),
            churn_kind: 1,
            ..line("bob", "S4", "", "2024-01-01")
        };
        let refused = suite
            .subscribe(vec![contradictory, late])
            .await
            .unwrap_err();
        assert_eq!(
            fields(&refused),
            [
                "subscriptions[0].service",
                "subscriptions[0].product_code",
                "subscriptions[0].msisdn",
                "subscriptions[0].churn_kind",
                "subscriptions[0].churn_reason",
                "subscriptions[1].contract_end_time",
                "subscriptions[1].terminate_time",
            ]
        );
    })
    .await;
}
