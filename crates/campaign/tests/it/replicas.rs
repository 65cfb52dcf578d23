//! Several instances at once on one database.

use std::collections::HashSet;

use tenure_proto::campaign::v1::{CampaignState, ResponseKind};
use tenure_proto::customer::v1::ChurnKind;

use crate::suite::{Suite, campaign, customer_id, each_suite, pull};

#[tokio::test(flavor = "multi_thread")]
async fn two_senders_never_get_the_same_contact() {
    each_suite(async |suite| {
        let suite = suite.with_customers(200);
        let running = suite.run(campaign("spring")).await;
        let senders = [
            suite.clone(),
            suite.replica(2),
            suite.replica(3),
            suite.replica(4),
        ];

        let pulls = senders.iter().map(async |sender| {
            let mut pulled = Vec::new();
            loop {
                let request = pull(7);
                let answer = sender.client.clone().pull_contacts(request).await.unwrap();
                let contacts = answer.into_inner().contacts;
                if contacts.is_empty() {
                    return pulled;
                }
                pulled.extend(contacts);
            }
        });
        let pulled = futures_util::future::join_all(pulls).await.concat();

        let distinct: HashSet<_> = pulled.iter().map(|one| one.contact_id.as_str()).collect();
        assert_eq!(pulled.len(), distinct.len());
        assert_eq!(
            i64::try_from(distinct.len()).unwrap(),
            running.treated_count
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_enrol_one_campaign_enrol_everybody_once() {
    each_suite(async |suite| {
        let suite = suite.with_customers(95);
        let others = [suite.replica(2), suite.replica(3)];
        suite.begin(campaign("spring")).await;

        let all = [&suite, &others[0], &others[1]].map(Suite::catch_up);
        for caught_up in futures_util::future::join_all(all).await {
            caught_up.unwrap();
        }

        let campaign = suite.get("spring").await.unwrap();
        assert_eq!(campaign.state(), CampaignState::Running);
        assert_eq!(campaign.treated_count + campaign.control_count, 95);
        let enrolments = suite.enrolments("spring").await;
        let ids: Vec<_> = enrolments.into_iter().map(|one| one.customer_id).collect();
        assert_eq!(ids, (0..95).map(customer_id).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_catch_up_apply_news_and_grant_points_once() {
    each_suite(async |suite| {
        let suite = suite.with_customers(30);
        let other = suite.replica(2);
        suite.run(campaign("spring")).await;
        let contacts = suite.deliver(1_000).await;
        suite
            .respond(&contacts, ResponseKind::Accepted)
            .await
            .unwrap();
        for number in 0..30 {
            suite.subscribe(number, "line");
            let at = suite.now() + tenure_core::Span::from_days(1);
            suite.terminate(number, "line", ChurnKind::Competitor, at);
        }

        let (one, two) = futures_util::future::join(suite.catch_up(), other.catch_up()).await;

        assert_eq!(one.unwrap() + two.unwrap(), 60);
        let points = i64::try_from(contacts.len()).unwrap() * 100;
        assert_eq!(suite.results("spring").await.granted_points, points);
        assert_eq!(suite.loyalty.state().earned.values().sum::<i64>(), points);
        let enrolments = suite.enrolments("spring").await;
        assert!(enrolments.iter().all(|one| one.churn_time.is_some()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_that_are_enrolled_at_once_do_not_stand_in_each_others_way() {
    each_suite(async |suite| {
        let suite = suite.with_customers(60);
        let others = [suite.replica(2), suite.replica(3)];
        suite.create_offer().await.unwrap();
        let names = ["spring", "summer", "autumn", "winter", "easter", "advent"];
        for name in names {
            suite.create(campaign(name)).await.unwrap();
            suite.approve(name, "bob").await.unwrap();
        }

        for name in names {
            suite.launch(name).await.unwrap();
        }
        let all = [&suite, &others[0], &others[1]].map(Suite::catch_up);
        for caught_up in futures_util::future::join_all(all).await {
            caught_up.unwrap();
        }

        for name in names {
            let campaign = suite.get(name).await.unwrap();
            assert_eq!(campaign.state(), CampaignState::Running);
            assert_eq!(campaign.treated_count + campaign.control_count, 60);
        }
    })
    .await;
}
