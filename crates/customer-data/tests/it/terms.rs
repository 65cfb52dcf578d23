//! Penalties, notices and signs of leaving.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;
use tenure_proto::customer::v1::{LeavingSignalKind as Kind, PenaltyShape as Shape};
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

type Terms = SubscriptionTermsServiceClient<Transport>;
type Answer<T> = Result<T, tonic::Status>;

/// A suite whose ada is bound with S1 from 2024-01-01 for 100 days.
async fn with_contract(suite: Suite) -> (Suite, Terms) {
    let mut suite = suite.with_customers(&["ada", "bob"]).await;
    let bound = wire::Subscription {
        contract_end_time: later(100),
        ..line("ada", "S1", "+999123456", "2024-01-01")
    };
    let free = line("bob", "S2", "+999123457", "2024-01-01");
    suite.subscribe(vec![bound, free]).await.unwrap();
    let terms = SubscriptionTermsServiceClient::new(suite.transport.clone());
    (suite, terms)
}

fn penalty(minor: i64, shape: Shape) -> Option<wire::ContractPenalty> {
    Some(wire::ContractPenalty {
        amount: euro(minor),
        shape: shape.into(),
        falls_from_time: None,
    })
}

fn set(
    customer: &str,
    id: &str,
    penalty: Option<wire::ContractPenalty>,
) -> wire::SetContractPenaltyRequest {
    wire::SetContractPenaltyRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        penalty,
    }
}

fn give(customer: &str, id: &str, given: &str) -> wire::GiveTerminationNoticeRequest {
    wire::GiveTerminationNoticeRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        notice_time: day(given),
        effective_time: day("2024-12-31"),
        reason: "PRICE".into(),
    }
}

fn withdraw(customer: &str, id: &str, at: &str) -> wire::WithdrawTerminationNoticeRequest {
    wire::WithdrawTerminationNoticeRequest {
        request_id: fresh(),
        customer_id: customer.into(),
        subscription_id: id.into(),
        withdraw_time: day(at),
    }
}

async fn known(terms: &mut Terms, id: &str, days: i64) -> Answer<wire::SubscriptionTerms> {
    let request = wire::GetSubscriptionTermsRequest {
        customer_id: "ada".into(),
        subscription_id: id.into(),
        at_time: later(days),
    };
    let answer = terms.get_subscription_terms(request).await?.into_inner();
    Ok(answer.terms.unwrap())
}

#[tokio::test]
async fn a_penalty_falls_until_the_contract_ends() {
    each_suite(async |suite| {
        let (_, mut terms) = with_contract(suite).await;
        let request = set("ada", "S1", penalty(10_000, Shape::Falling));
        terms.set_contract_penalty(request.clone()).await.unwrap();
        let repeated = terms.set_contract_penalty(request).await.unwrap();
        assert!(repeated.into_inner().replayed);

        let mut due = Vec::new();
        for days in [0, 25, 99, 100, 200] {
            let known = known(&mut terms, "S1", days).await.unwrap();
            due.push(known.penalty_due.unwrap().amount_minor);
        }
        assert_eq!(due, [10_000, 7_500, 100, 0, 0]);
        let fixed = set("ada", "S1", penalty(900, Shape::Fixed));
        terms.set_contract_penalty(fixed).await.unwrap();
        let now = known(&mut terms, "S1", 99).await.unwrap();
        assert_eq!(now.penalty_due, euro(900));
        terms
            .set_contract_penalty(set("ada", "S1", None))
            .await
            .unwrap();
        let none = known(&mut terms, "S1", 99).await.unwrap();
        assert_eq!((none.penalty, none.penalty_due), (None, None));

        let free = set("bob", "S2", penalty(900, Shape::Fixed));
        let free = terms.set_contract_penalty(free).await.unwrap_err();
        assert_eq!(fields(&free), ["penalty"]);
        let nothing = set("ada", "S1", penalty(0, Shape::Fixed));
        let nothing = terms.set_contract_penalty(nothing).await.unwrap_err();
        assert_eq!(fields(&nothing), ["penalty.amount.amount_minor"]);
        let other = known(&mut terms, "S2", 0).await.unwrap_err();
        assert_code(&other, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_notice_is_given_withdrawn_and_given_again() {
    each_suite(async |suite| {
        let (mut suite, mut terms) = with_contract(suite).await;
        let none = terms.withdraw_termination_notice(withdraw("ada", "S1", "2024-02-01"));
        let none = none.await.unwrap_err();
        assert_code(&none, Code::FailedPrecondition, "NOTICE_NOT_GIVEN");
        let request = give("ada", "S1", "2024-02-01");
        terms
            .give_termination_notice(request.clone())
            .await
            .unwrap();
        let repeated = terms.give_termination_notice(request).await.unwrap();
        assert!(repeated.into_inner().replayed);
        let twice = terms
            .give_termination_notice(give("ada", "S1", "2024-02-02"))
            .await;
        assert_code(
            &twice.unwrap_err(),
            Code::FailedPrecondition,
            "NOTICE_STANDS",
        );
        let request = withdraw("ada", "S1", "2024-03-01");
        terms
            .withdraw_termination_notice(request.clone())
            .await
            .unwrap();
        let repeated = terms.withdraw_termination_notice(request).await.unwrap();
        assert!(repeated.into_inner().replayed);
        assert_eq!(known(&mut terms, "S1", 0).await.unwrap().notice, None);
        let again = give("ada", "S1", "2024-04-01");
        terms.give_termination_notice(again).await.unwrap();

        let stands = known(&mut terms, "S1", 0).await.unwrap().notice.unwrap();
        assert_eq!(
            (stands.notice_time, stands.reason.as_str()),
            (day("2024-04-01"), "PRICE")
        );
        let mut page = wire::ListTerminationNoticesRequest {
            customer_id: "ada".into(),
            subscription_id: "S1".into(),
            page_size: 1,
            ..Default::default()
        };
        let first = terms
            .list_termination_notices(page.clone())
            .await
            .unwrap()
            .into_inner();
        page.page_token = first.next_page_token;
        let second = terms
            .list_termination_notices(page)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(first.notices[0].withdraw_time, None);
        assert_eq!(second.notices[0].withdraw_time, day("2024-03-01"));
        let mut told = Vec::new();
        for change in suite.changes().await {
            if let Some(Fact::SubscriptionTerms(terms)) = change.fact {
                told.push(terms.notice.is_some());
            }
        }
        assert_eq!(told, [true, false, true]);
    })
    .await;
}

#[tokio::test]
async fn only_a_subscription_that_runs_is_under_notice_and_times_follow_each_other() {
    each_suite(async |suite| {
        let (mut suite, mut terms) = with_contract(suite).await;
        let backwards = wire::GiveTerminationNoticeRequest {
            effective_time: day("2024-01-31"),
            ..give("ada", "S1", "2024-02-01")
        };
        let backwards = terms.give_termination_notice(backwards).await.unwrap_err();
        assert_eq!(fields(&backwards), ["effective_time"]);
        let ahead = give("ada", "S1", "2025-06-01");
        let ahead = terms.give_termination_notice(ahead).await.unwrap_err();
        assert_eq!(fields(&ahead), ["notice_time", "effective_time"]);
        let end = terminate("ada", "S1", day("2024-05-01"));
        suite.client.terminate_subscription(end).await.unwrap();

        let ended = terms
            .give_termination_notice(give("ada", "S1", "2024-06-01"))
            .await;

        let reason = "SUBSCRIPTION_TERMINATED";
        assert_code(&ended.unwrap_err(), Code::FailedPrecondition, reason);
    })
    .await;
}

#[tokio::test]
async fn signs_of_leaving_are_recorded_and_listed_newest_first() {
    each_suite(async |suite| {
        let (mut suite, mut terms) = with_contract(suite).await;
        let signal = |kind: Kind, code: &str, at: &str| wire::RecordLeavingSignalRequest {
            request_id: fresh(),
            customer_id: "ada".into(),
            subscription_id: "S1".into(),
            kind: kind.into(),
            competitor_code: code.into(),
            event_time: day(at),
        };
        let request = signal(Kind::PortingCodeRequested, "", "2024-02-01");
        terms.record_leaving_signal(request.clone()).await.unwrap();
        let repeated = terms.record_leaving_signal(request).await.unwrap();
        assert!(repeated.into_inner().replayed);
        let named = signal(Kind::CompetitorNamed, "RIVAL", "2024-03-01");
        terms.record_leaving_signal(named).await.unwrap();

        let mut page = wire::ListLeavingSignalsRequest {
            customer_id: "ada".into(),
            page_size: 1,
            ..Default::default()
        };
        let first = terms
            .list_leaving_signals(page.clone())
            .await
            .unwrap()
            .into_inner();
        page.page_token = first.next_page_token;
        let second = terms.list_leaving_signals(page).await.unwrap().into_inner();
        let seen = [&first.signals[0], &second.signals[0]];
        let codes = seen.map(|it| (it.kind(), it.competitor_code.as_str()));
        let expected = [
            (Kind::CompetitorNamed, "RIVAL"),
            (Kind::PortingCodeRequested, ""),
        ];
        assert_eq!((codes, second.next_page_token.as_str()), (expected, ""));
        let nameless = signal(Kind::CompetitorNamed, "", "2024-03-01");
        let nameless = terms.record_leaving_signal(nameless).await.unwrap_err();
        assert_eq!(fields(&nameless), ["competitor_code"]);
        let foreign = wire::RecordLeavingSignalRequest {
            subscription_id: "S2".into(),
            ..signal(Kind::PortabilityEnquiry, "", "2024-03-01")
        };
        let foreign = terms.record_leaving_signal(foreign).await.unwrap_err();
        assert_code(&foreign, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
        let changes = suite.changes().await;
        let told = |it: &&wire::Change| matches!(it.fact, Some(Fact::LeavingSignal(_)));
        assert_eq!(changes.iter().filter(told).count(), 2);
    })
    .await;
}
