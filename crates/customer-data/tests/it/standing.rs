//! Subscriptions that are suspended, resumed and taken over; customers in arrears.

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::{SubscriptionState as State, SuspensionKind as Kind};
use tenure_rpc::fields::parse_time;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

const NUMBER: &str = "+999123456789";

fn suspend(customer: &str, id: &str, kind: Kind, at: &str) -> wire::SuspendSubscriptionRequest {
    wire::SuspendSubscriptionRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        suspension_kind: kind.into(),
        suspension_reason: "R1".into(),
        suspend_time: day(at),
    }
}

fn resume(customer: &str, id: &str, at: &str) -> wire::ResumeSubscriptionRequest {
    wire::ResumeSubscriptionRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        resume_time: day(at),
    }
}

fn transfer(customer: &str, id: &str, to: &str, at: &str) -> wire::TransferSubscriptionRequest {
    wire::TransferSubscriptionRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        to_customer_id: to.into(),
        transfer_time: day(at),
    }
}

/// A suite whose ada has the subscription S1 since 2024-01-01.
async fn with_line(suite: Suite) -> Suite {
    let mut suite = suite.with_customers(&["ada", "bob"]).await;
    let lines = vec![line("ada", "S1", NUMBER, "2024-01-01")];
    suite.subscribe(lines).await.unwrap();
    suite
}

/// Returns the states of all subscriptions, as the feed told them.
async fn told(suite: &mut Suite) -> Vec<(String, State, Option<prost_types::Timestamp>)> {
    let subscription = |change: wire::Change| match change.fact {
        Some(Fact::Subscription(it)) => Some((it.customer_id.clone(), it.state(), it.state_time)),
        _ => None,
    };
    let changes = suite.changes().await;
    changes.into_iter().filter_map(subscription).collect()
}

#[tokio::test]
async fn a_suspension_and_its_end_are_told_once_each() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;
        let asked = suspend("ada", "S1", Kind::Arrears, "2024-03-01");

        let first = suite.client.suspend_subscription(asked.clone()).await;
        let again = suite.client.suspend_subscription(asked).await.unwrap();
        let same = suspend("ada", "S1", Kind::Arrears, "2024-03-09");
        suite.client.suspend_subscription(same).await.unwrap();
        let back = resume("ada", "S1", "2024-04-01");
        let back = suite.client.resume_subscription(back).await.unwrap();
        let idle = resume("ada", "S1", "2024-05-01");
        suite.client.resume_subscription(idle).await.unwrap();

        let first = first.unwrap().into_inner().subscription.unwrap();
        assert_eq!(first.state(), State::Suspended);
        assert_eq!(first.suspension_kind(), Kind::Arrears);
        assert_eq!(first.suspension_reason, "R1");
        assert!(again.into_inner().replayed);
        let back = back.into_inner().subscription.unwrap();
        assert_eq!((back.state(), back.suspension_kind), (State::Active, 0));
        let ada = || "ada".to_owned();
        assert_eq!(
            told(&mut suite).await,
            [
                (ada(), State::Active, day("2024-01-01")),
                (ada(), State::Suspended, day("2024-03-01")),
                (ada(), State::Active, day("2024-04-01")),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn an_upsert_neither_suspends_nor_resumes() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;
        let asked = suspend("ada", "S1", Kind::Requested, "2024-03-01");
        suite.client.suspend_subscription(asked).await.unwrap();

        let dearer = wire::Subscription {
            monthly_fee: euro(3_000),
            ..line("ada", "S1", "+999000000001", "2024-01-01")
        };
        let upserted = suite.subscribe(vec![dearer]).await.unwrap();

        assert_eq!(upserted.updated_count, 1);
        let stored = suite.subscriptions("ada").await.remove(0);
        assert_eq!(stored.state(), State::Suspended);
        assert_eq!(stored.msisdn, "+999000000001");
        assert_eq!(stored.state_time, day("2024-03-01"));
    })
    .await;
}

#[tokio::test]
async fn each_change_of_the_state_lies_behind_the_one_before() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;
        let asked = suspend("ada", "S1", Kind::Forced, "2024-03-01");
        suite.client.suspend_subscription(asked).await.unwrap();
        // All three are told for instants before the suspension.
        let back = resume("ada", "S1", "2024-02-01");
        suite.client.resume_subscription(back).await.unwrap();
        let asked = suspend("ada", "S1", Kind::PendingTermination, "2024-02-02");
        suite.client.suspend_subscription(asked).await.unwrap();
        let end = terminate("ada", "S1", day("2024-02-03"));
        suite.client.terminate_subscription(end).await.unwrap();

        let told = told(&mut suite).await;
        let times = told
            .iter()
            .map(|(.., at)| parse_time(&at.unwrap()).unwrap());
        let times: Vec<_> = times.collect();
        let step = Span::from_micros(1);
        let start = times[1];
        assert_eq!(
            &times[2..],
            [
                start + step,
                start + step + step,
                start + step + step + step
            ]
        );
        assert_eq!(told[4].1, State::Terminated);
    })
    .await;
}

#[tokio::test]
async fn a_subscription_that_is_taken_over_ends_for_one_and_begins_for_the_other() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;
        let asked = transfer("ada", "S1", "bob", "2024-06-01");

        let moved = suite.client.transfer_subscription(asked).await.unwrap();

        let moved = moved.into_inner().subscription.unwrap();
        assert_eq!(
            (moved.customer_id.as_str(), moved.state()),
            ("bob", State::Active)
        );
        assert_eq!(moved.transferred_from_customer_id, "ada");
        assert_eq!(
            (moved.start_time, moved.msisdn.as_str()),
            (day("2024-06-01"), NUMBER)
        );
        let old = suite.subscriptions("ada").await.remove(0);
        assert_eq!(old.state(), State::Terminated);
        assert_eq!(old.churn_kind(), wire::ChurnKind::InternalMigration);
        assert_eq!(old.transferred_to_customer_id, "bob");
        for (at, owner) in [("2024-05-31", "ada"), ("2024-06-01", "bob")] {
            let request = wire::LookupCustomerRequest {
                key: Some(wire::lookup_customer_request::Key::Msisdn(NUMBER.into())),
                at_time: day(at),
            };
            let found = suite.client.lookup_customer(request).await.unwrap();
            assert_eq!(found.into_inner().customer.unwrap().customer_id, owner);
        }
        // The id is bob's now; he may give the subscription back.
        let stolen = suite
            .subscribe(vec![line("ada", "S1", "", "2024-01-01")])
            .await;
        assert_code(
            &stolen.unwrap_err(),
            Code::FailedPrecondition,
            "SUBSCRIPTION_TERMINATED",
        );
        let back = transfer("bob", "S1", "ada", "2024-07-01");
        suite.client.transfer_subscription(back).await.unwrap();
        assert_eq!(suite.subscriptions("ada").await[0].state(), State::Active);
        assert_eq!(
            suite.subscriptions("bob").await[0].state(),
            State::Terminated
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_suspended_or_taken_over_is_refused() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;

        let unknown = suspend("ada", "S9", Kind::Forced, "2024-03-01");
        let unknown = suite
            .client
            .suspend_subscription(unknown)
            .await
            .unwrap_err();
        assert_code(&unknown, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
        let stranger = transfer("ada", "S1", "cyd", "2024-06-01");
        let stranger = suite
            .client
            .transfer_subscription(stranger)
            .await
            .unwrap_err();
        assert_code(&stranger, Code::NotFound, "CUSTOMER_NOT_FOUND");
        for (to, at, field) in [
            ("ada", "2024-06-01", "to_customer_id"),
            ("bob", "2023-06-01", "transfer_time"),
        ] {
            let wrong = transfer("ada", "S1", to, at);
            let wrong = suite.client.transfer_subscription(wrong).await.unwrap_err();
            assert_code(&wrong, Code::InvalidArgument, "INVALID_FIELDS");
            assert_eq!(fields(&wrong), [field]);
        }
        let late = suspend("ada", "S1", Kind::Unspecified, "2025-01-03");
        let late = suite.client.suspend_subscription(late).await.unwrap_err();
        assert_eq!(fields(&late), ["suspend_time", "suspension_kind"]);
        let end = terminate("ada", "S1", day("2024-12-01"));
        suite.client.terminate_subscription(end).await.unwrap();
        let ended = resume("ada", "S1", "2024-12-02");
        let ended = suite.client.resume_subscription(ended).await.unwrap_err();
        assert_code(&ended, Code::FailedPrecondition, "SUBSCRIPTION_TERMINATED");
    })
    .await;
}

#[tokio::test]
async fn only_who_goes_to_a_competitor_takes_the_number_there() {
    each_suite(async |suite| {
        let mut suite = with_line(suite).await;
        let end = wire::TerminateSubscriptionRequest {
            ported_out: true,
            ..terminate("ada", "S1", day("2024-12-01"))
        };
        let wrong = wire::TerminateSubscriptionRequest {
            churn_kind: wire::ChurnKind::Fraud.into(),
            ..end.clone()
        };

        let wrong = suite
            .client
            .terminate_subscription(wrong)
            .await
            .unwrap_err();
        suite.client.terminate_subscription(end).await.unwrap();

        assert_eq!(fields(&wrong), ["ported_out"]);
        assert!(suite.subscriptions("ada").await[0].ported_out);
    })
    .await;
}

#[tokio::test]
async fn the_payment_status_of_a_customer_is_told_with_every_change_of_it() {
    use wire::PaymentStatus::{InArrears, Paid, Unspecified};
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let with = |status: wire::PaymentStatus| wire::Customer {
            payment_status: status.into(),
            ..customer("ada")
        };

        for status in [InArrears, InArrears, Unspecified, Paid] {
            suite.upsert(vec![with(status)]).await.unwrap();
        }

        let customer = |change: wire::Change| match change.fact {
            Some(Fact::Customer(it)) => Some((it.payment_status(), it.payment_status_time)),
            _ => None,
        };
        let told = suite.changes().await.into_iter().filter_map(customer);
        let told: Vec<_> = told.collect();
        let statuses: Vec<_> = told.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [Unspecified, InArrears, Paid]);
        let times = told[1..]
            .iter()
            .map(|(_, at)| parse_time(&at.unwrap()).unwrap());
        let times: Vec<_> = times.collect();
        assert!(times[0] < times[1]);
        assert_eq!(suite.get("ada").await.payment_status(), Paid);
    })
    .await;
}
