//! The change feed of campaigns and enrolments.

use tenure_core::Span;
use tenure_proto::campaign::v1::change::Fact;
use tenure_proto::campaign::v1::*;
use tenure_proto::customer::v1::ChurnKind;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, each_suite};

async fn changes(suite: &Suite, resume_token: &str) -> (Vec<Change>, String) {
    let request = WatchChangesRequest {
        resume_token: resume_token.to_owned(),
        follow: false,
    };
    let mut stream = suite
        .client
        .clone()
        .watch_changes(request)
        .await
        .unwrap()
        .into_inner();
    let (mut changes, mut token) = (Vec::new(), resume_token.to_owned());
    while let Some(message) = stream.message().await.unwrap() {
        changes.extend(message.changes);
        token = message.resume_token;
    }
    (changes, token)
}

#[tokio::test]
async fn the_feed_tells_the_life_of_a_campaign_and_of_each_enrolment() {
    each_suite(async |suite| {
        let suite = suite.with_customers(12);
        for number in 0..12 {
            suite.subscribe(number, "line");
        }
        suite.run(campaign("spring")).await;
        let (begun, token) = changes(&suite, "").await;
        let states: Vec<_> = begun
            .iter()
            .filter_map(|change| match &change.fact {
                Some(Fact::Campaign(campaign)) => Some(campaign.state()),
                _ => None,
            })
            .collect();
        let life = [
            CampaignState::Draft,
            CampaignState::Approved,
            CampaignState::Enrolling,
            CampaignState::Running,
        ];
        assert_eq!(states, life);
        assert_eq!(begun.len(), 4 + 12);

        let contacts = suite.deliver(1).await;
        suite
            .respond(&contacts, ResponseKind::Accepted)
            .await
            .unwrap();
        suite.catch_up().await.unwrap();
        let number: usize = contacts[0].customer_id[1..].parse().unwrap();
        let at = suite.now() + Span::from_days(1);
        suite.terminate(number, "line", ChurnKind::Competitor, at);
        suite.catch_up().await.unwrap();

        let (news, _) = changes(&suite, &token).await;
        let enrolments: Vec<_> = news
            .into_iter()
            .map(|change| match change.fact {
                Some(Fact::Enrolment(enrolment)) => enrolment,
                other => panic!("{other:?}"),
            })
            .collect();
        let contact = |at: usize| enrolments[at].contact.clone().unwrap();
        assert_eq!(enrolments.len(), 4);
        assert_eq!(contact(0).state(), ContactState::Delivered);
        assert_eq!(contact(1).response(), ResponseKind::Accepted);
        assert_eq!(contact(2).granted_points, 100);
        assert_eq!(enrolments[3].churn_time, Some(tenure_rpc::fields::time(at)));
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_none_of_ours_is_refused() {
    each_suite(async |mut suite| {
        let request = WatchChangesRequest {
            resume_token: "mine".into(),
            follow: false,
        };
        let stream = suite.client.watch_changes(request).await;

        let refused = match stream {
            Err(refused) => refused,
            Ok(stream) => stream.into_inner().message().await.unwrap_err(),
        };
        assert_reason(&refused, "INVALID_RESUME_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn a_token_older_than_what_is_kept_is_refused() {
    each_suite(async |mut suite| {
        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();
        let (_, token) = changes(&suite, "").await;
        suite.approve("spring", "bob").await.unwrap();
        let later = suite.now() + Span::from_days(1);
        tenure_sql::feed::prune(&suite.db, later).await.unwrap();

        let request = WatchChangesRequest {
            resume_token: token,
            follow: false,
        };
        let stream = suite.client.watch_changes(request).await;

        let refused = match stream {
            Err(refused) => refused,
            Ok(stream) => stream.into_inner().message().await.unwrap_err(),
        };
        assert_reason(&refused, "RESUME_TOKEN_EXPIRED");
    })
    .await;
}
