//! Enrolment: who takes part, once and for ever, whatever breaks meanwhile.

use std::time::Duration;

use tenure_core::Span;
use tenure_core::hash::bucket;
use tenure_proto::campaign::v1::*;
use tenure_proto::scoring::v1::ScoreOrder;
use tenure_rpc::fields::time;
use tenure_testkit::assert_reason;

use crate::suite::{campaign, customer_id, each_suite};

fn ids(enrolments: &[Enrolment]) -> Vec<String> {
    enrolments
        .iter()
        .map(|enrolment| enrolment.customer_id.clone())
        .collect()
}

#[tokio::test]
async fn everybody_in_the_audience_is_enrolled_and_only_the_treated_get_a_contact() {
    each_suite(async |suite| {
        let suite = suite.with_customers(35);
        let launched_at = suite.now();

        let running = suite.run(campaign("spring")).await;

        let enrolments = suite.enrolments("spring").await;
        assert_eq!(
            ids(&enrolments),
            (0..35).map(customer_id).collect::<Vec<_>>()
        );
        for (number, enrolment) in enrolments.iter().enumerate() {
            // The assignment that the API promises: anybody can compute it.
            let place = bucket("spring", &customer_id(number), 1_000_000);
            let arm = if place < 500_000 {
                Arm::Control
            } else {
                Arm::Treated
            };
            assert_eq!(enrolment.arm(), arm);
            assert_eq!(enrolment.contact.is_some(), arm == Arm::Treated);
            assert_eq!(enrolment.enrol_time, Some(time(launched_at)));
            assert_eq!(enrolment.churn_probability, number as f64 / 1_000.0);
            assert_eq!(enrolment.churn_time, None);
        }
        let treated = enrolments
            .iter()
            .filter(|one| one.arm() == Arm::Treated)
            .count();
        assert_eq!(running.treated_count, i64::try_from(treated).unwrap());
        assert_eq!(running.control_count, 35 - i64::try_from(treated).unwrap());
    })
    .await;
}

#[tokio::test]
async fn the_most_likely_to_leave_come_first_when_there_is_a_limit() {
    each_suite(async |suite| {
        let suite = suite.with_customers(30);
        let audience = Some(Audience {
            max_customers: 12,
            ..Audience::default()
        });

        suite
            .run(Campaign {
                audience,
                ..campaign("spring")
            })
            .await;

        let enrolled = ids(&suite.enrolments("spring").await);
        assert_eq!(enrolled, (18..30).map(customer_id).collect::<Vec<_>>());
        let request = suite.scoring.state().requests[0].clone();
        assert_eq!(request.order(), ScoreOrder::ChurnProbabilityDescending);
        // Everybody but those who left.
        assert_eq!(request.stages, [1, 2, 3, 4]);
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_that_broke_off_is_ended_by_another_instance_with_the_same_result() {
    each_suite(async |suite| {
        let suite = suite.with_customers(45);
        // Two pages pass, then lifecycle-scoring is gone.
        suite.scoring.state().ends_at = Some(20);
        suite.begin(campaign("spring")).await;
        let refused = suite.catch_up().await.unwrap_err();
        assert_reason(&refused, "DEPENDENCY_UNAVAILABLE");
        let half = suite.get("spring").await.unwrap();
        assert_eq!(half.state(), CampaignState::Enrolling);
        assert_eq!(half.treated_count + half.control_count, 20);
        suite.lifecycle.kill();

        suite.scoring.state().ends_at = None;
        let other = suite.replica(2);
        other.catch_up().await.unwrap();

        let enrolments = other.enrolments("spring").await;
        assert_eq!(
            ids(&enrolments),
            (0..45).map(customer_id).collect::<Vec<_>>()
        );
        let ended = other.get("spring").await.unwrap();
        assert_eq!(ended.state(), CampaignState::Running);
        assert_eq!(ended.treated_count + ended.control_count, 45);
        let contacts = enrolments
            .iter()
            .filter(|one| one.contact.is_some())
            .count();
        assert_eq!(ended.treated_count, i64::try_from(contacts).unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_caller_can_wait_for_the_end_of_enrolment() {
    each_suite(async |mut suite| {
        suite = suite.with_customers(25);
        suite.begin(campaign("spring")).await;

        // Nobody calls CatchUp: the launch itself began the work.
        let wait = prost_types::Duration {
            seconds: 50,
            nanos: 0,
        };
        let mut request = tonic::Request::new(GetCampaignRequest {
            campaign_id: "spring".into(),
            wait_duration: Some(wait),
        });
        request.set_timeout(Duration::from_secs(55));
        let campaign = suite
            .client
            .get_campaign(request)
            .await
            .unwrap()
            .into_inner()
            .campaign;

        let campaign = campaign.unwrap();
        assert_eq!(campaign.state(), CampaignState::Running);
        assert_eq!(campaign.treated_count + campaign.control_count, 25);
        let wait = prost_types::Duration {
            seconds: 51,
            nanos: 0,
        };
        let request = GetCampaignRequest {
            campaign_id: "spring".into(),
            wait_duration: Some(wait),
        };
        let refused = suite.client.get_campaign(request).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
    })
    .await;
}

#[tokio::test]
async fn enrolment_rests_during_a_pause_and_goes_on_after_it() {
    each_suite(async |suite| {
        let suite = suite.with_customers(25);
        suite.scoring.state().ends_at = Some(10);
        suite.begin(campaign("spring")).await;
        suite.catch_up().await.unwrap_err();
        suite.pause("spring").await.unwrap();
        suite.scoring.state().ends_at = None;

        suite.catch_up().await.unwrap();
        assert_eq!(suite.enrolments("spring").await.len(), 10);
        assert_eq!(
            suite.resume("spring").await.unwrap().state(),
            CampaignState::Enrolling
        );
        suite.catch_up().await.unwrap();

        assert_eq!(suite.enrolments("spring").await.len(), 25);
        assert_eq!(
            suite.get("spring").await.unwrap().state(),
            CampaignState::Running
        );
    })
    .await;
}

#[tokio::test]
async fn enrolment_stops_when_the_campaign_ends() {
    each_suite(async |suite| {
        let suite = suite.with_customers(25);
        suite.scoring.state().ends_at = Some(10);
        suite.begin(campaign("spring")).await;
        suite.catch_up().await.unwrap_err();

        suite.end("spring").await.unwrap();
        suite.scoring.state().ends_at = None;
        suite.catch_up().await.unwrap();

        assert_eq!(suite.enrolments("spring").await.len(), 10);
        assert_eq!(
            suite.get("spring").await.unwrap().state(),
            CampaignState::Ended
        );
    })
    .await;
}

#[tokio::test]
async fn enrolments_are_listed_by_customer_and_arm_page_by_page() {
    each_suite(async |mut suite| {
        suite = suite.with_customers(40);
        suite.run(campaign("spring")).await;
        let all = suite.enrolments("spring").await;
        for arm in [Arm::Unspecified, Arm::Treated, Arm::Control] {
            let expected: Vec<_> = all
                .iter()
                .filter(|one| arm == Arm::Unspecified || one.arm() == arm)
                .collect();

            let mut found = Vec::new();
            let mut page_token = String::new();
            loop {
                let request = ListEnrolmentsRequest {
                    campaign_id: "spring".into(),
                    arm: arm.into(),
                    page_size: 7,
                    page_token,
                };
                let page = suite
                    .client
                    .list_enrolments(request)
                    .await
                    .unwrap()
                    .into_inner();
                assert!(page.enrolments.len() <= 7);
                found.extend(page.enrolments);
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }

            assert_eq!(found.iter().collect::<Vec<_>>(), expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_of_enrolments_is_refused_where_it_makes_no_sense() {
    each_suite(async |mut suite| {
        suite = suite.with_customers(5);
        suite.run(campaign("spring")).await;
        let request = |campaign: &str, arm: i32, token: &str| ListEnrolmentsRequest {
            campaign_id: campaign.into(),
            arm,
            page_size: 1,
            page_token: token.into(),
        };

        let refused = suite
            .client
            .list_enrolments(request("none", 0, ""))
            .await
            .unwrap_err();
        assert_reason(&refused, "CAMPAIGN_NOT_FOUND");
        let refused = suite
            .client
            .list_enrolments(request("spring", 7, ""))
            .await
            .unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");
        let page = suite
            .client
            .list_enrolments(request("spring", 0, ""))
            .await
            .unwrap();
        let token = page.into_inner().next_page_token;
        let refused = suite
            .client
            .list_enrolments(request("spring", 1, &token))
            .await
            .unwrap_err();
        assert_reason(&refused, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}

#[tokio::test]
async fn a_launch_is_timed_by_the_clock_and_later_pages_keep_its_time() {
    each_suite(async |suite| {
        let suite = suite.with_customers(15);
        let launched_at = suite.now();
        suite.scoring.state().ends_at = Some(10);
        suite.begin(campaign("spring")).await;
        suite.catch_up().await.unwrap_err();
        suite.scoring.state().ends_at = None;
        suite.clock.advance(Span::from_days(1));

        suite.catch_up().await.unwrap();

        let enrolments = suite.enrolments("spring").await;
        assert_eq!(enrolments.len(), 15);
        assert!(
            enrolments
                .iter()
                .all(|one| one.enrol_time == Some(time(launched_at)))
        );
    })
    .await;
}
