//! Points for those who accept.

use tenure_core::Span;
use tenure_proto::campaign::v1::*;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, each_suite};

async fn accepted(suite: Suite, count: i32) -> (Suite, Vec<Contact>) {
    let suite = suite.with_customers(20);
    suite.run(campaign("spring")).await;
    let contacts = suite.deliver(count).await;
    suite
        .respond(&contacts, ResponseKind::Accepted)
        .await
        .unwrap();
    (suite, contacts)
}

async fn granted(suite: &Suite) -> Vec<i64> {
    let contacts = suite
        .enrolments("spring")
        .await
        .into_iter()
        .filter_map(|one| one.contact);
    contacts
        .map(|contact| contact.granted_points)
        .filter(|points| *points > 0)
        .collect()
}

#[tokio::test]
async fn who_accepts_gets_the_points_and_who_declines_does_not() {
    each_suite(async |suite| {
        let (suite, contacts) = accepted(suite, 2).await;
        let declined = suite.deliver(1).await;
        suite
            .respond(&declined, ResponseKind::Declined)
            .await
            .unwrap();

        suite.catch_up().await.unwrap();

        assert_eq!(granted(&suite).await, [100, 100]);
        assert_eq!(suite.results("spring").await.granted_points, 200);
        let requests = suite.loyalty.state().requests.clone();
        assert_eq!(requests.len(), 2);
        for contact in &contacts {
            let source = format!("campaign/spring/{}", contact.customer_id);
            let request = requests
                .iter()
                .find(|request| request.source == source)
                .unwrap();
            assert_eq!(request.account_id, contact.customer_id);
            assert_eq!(request.points, 100);
            assert!(request.open_account);
        }
    })
    .await;
}

#[tokio::test]
async fn a_grant_that_failed_is_tried_again_under_the_same_id() {
    each_suite(async |suite| {
        let (suite, _) = accepted(suite, 1).await;
        suite.loyalty.state().gate.refusals = 1;
        let refused = suite.catch_up().await.unwrap_err();
        assert_reason(&refused, "DEPENDENCY_UNAVAILABLE");
        assert_eq!(
            tenure_rpc::status::metadata(&refused, "service").unwrap(),
            "loyalty-points"
        );
        assert_eq!(granted(&suite).await, [0; 0]);

        suite.catch_up().await.unwrap();
        suite.catch_up().await.unwrap();

        assert_eq!(granted(&suite).await, [100]);
        let state = suite.loyalty.state();
        assert_eq!(state.earned.values().sum::<i64>(), 100);
        assert_eq!(state.requests.len(), 2);
        assert_eq!(state.requests[0], state.requests[1]);
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_does_not_grant_twice() {
    each_suite(async |suite| {
        let (suite, _) = accepted(suite, 1).await;
        suite.loyalty.state().loses_answer = true;
        suite.catch_up().await.unwrap_err();

        suite.catch_up().await.unwrap();

        assert_eq!(granted(&suite).await, [100]);
        assert_eq!(suite.loyalty.state().earned.values().sum::<i64>(), 100);
    })
    .await;
}

#[tokio::test]
async fn points_that_were_earned_before_count_as_granted() {
    each_suite(async |suite| {
        let (suite, contacts) = accepted(suite, 1).await;
        let source = format!("campaign/spring/{}", contacts[0].customer_id);
        suite.loyalty.state().earned.insert(source, 100);

        suite.catch_up().await.unwrap();

        assert_eq!(granted(&suite).await, [100]);
        assert_eq!(suite.loyalty.state().earned.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_for_good_holds_nobody_up() {
    each_suite(async |suite| {
        let (suite, _) = accepted(suite, 2).await;
        suite.loyalty.state().refuses = true;

        suite.catch_up().await.unwrap();

        assert_eq!(granted(&suite).await, [0; 0]);
        assert_eq!(suite.loyalty.state().requests.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn background_work_grants_without_being_asked() {
    each_suite(async |suite| {
        suite.service.spawn_jobs(&suite.lifecycle);
        let (suite, _) = accepted(suite, 3).await;

        // Following the feed is the way to wait for something without a clock.
        let request = WatchChangesRequest {
            resume_token: String::new(),
            follow: true,
        };
        let mut stream = suite
            .client
            .clone()
            .watch_changes(request)
            .await
            .unwrap()
            .into_inner();
        let mut granted = 0;
        while granted < 3 {
            let message = stream.message().await.unwrap().unwrap();
            let news = message
                .changes
                .into_iter()
                .filter(|change| match &change.fact {
                    Some(change::Fact::Enrolment(one)) => one
                        .contact
                        .as_ref()
                        .is_some_and(|contact| contact.granted_points > 0),
                    _ => false,
                });
            granted += news.count();
        }

        assert_eq!(granted, 3);
        drop(stream);
        suite
            .lifecycle
            .finish(std::time::Duration::from_secs(10))
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_campaign_without_bonus_owes_nothing() {
    each_suite(async |suite| {
        let suite = suite.with_customers(10);
        suite
            .run(Campaign {
                bonus_points: 0,
                ..campaign("spring")
            })
            .await;
        let contacts = suite.deliver(1_000).await;

        suite
            .respond(&contacts, ResponseKind::Accepted)
            .await
            .unwrap();
        suite.clock.advance(Span::from_days(1));
        suite.catch_up().await.unwrap();

        assert_eq!(suite.loyalty.state().requests, []);
    })
    .await;
}
