//! What callers are told when something below the service breaks.

use std::time::Duration;

use tenure_proto::campaign::v1::*;
use tenure_testkit::assert_reason;

use crate::suite::{campaign, each_suite};

#[tokio::test]
async fn a_database_that_does_not_answer_is_said_to_be_unavailable() {
    each_suite(async |suite| {
        suite.db.close().await;

        let read = suite.get("spring").await.unwrap_err();
        let written = suite.create_offer().await.unwrap_err();

        assert_reason(&read, "DATABASE_UNAVAILABLE");
        assert_reason(&written, "DATABASE_UNAVAILABLE");
    })
    .await;
}

#[tokio::test]
async fn damaged_data_is_our_mistake_and_tells_nothing_but_a_correlation_id() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();
        let mut tx = suite.db.begin().await.unwrap();
        tenure_sql::with_tx!(tx, |conn| {
            sqlx::query("UPDATE campaign SET audience = 'secret'")
                .execute(conn)
                .await
                .unwrap();
        });
        tx.commit().await.unwrap();

        let refused = suite.get("spring").await.unwrap_err();

        assert_reason(&refused, "INTERNAL_ERROR");
        assert!(tenure_rpc::status::metadata(&refused, "correlation_id").is_some());
        assert!(!refused.message().contains("secret") && !refused.message().contains("audience"));
    })
    .await;
}

#[tokio::test]
async fn a_follower_is_told_when_the_server_goes_away() {
    each_suite(async |mut suite| {
        let request = WatchChangesRequest {
            resume_token: String::new(),
            follow: true,
        };
        let mut stream = suite
            .client
            .watch_changes(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap().changes, []);

        suite.lifecycle.stop();

        let ended = loop {
            match stream.message().await {
                Ok(Some(message)) => assert_eq!(message.changes, []),
                Ok(None) => panic!("the stream ended without a word"),
                Err(status) => break status,
            }
        };
        assert_reason(&ended, "SERVER_DRAINING");
    })
    .await;
}

#[tokio::test]
async fn background_work_takes_up_an_enrolment_that_nobody_goes_on_with() {
    each_suite(async |suite| {
        let suite = suite.with_customers(25);
        suite.scoring.state().ends_at = Some(10);
        suite.begin(campaign("spring")).await;
        suite.catch_up().await.unwrap_err();
        // The instance that launched the campaign is gone.
        suite.lifecycle.kill();
        suite.scoring.state().ends_at = None;

        let mut other = suite.replica(2);
        other.service.spawn_jobs(&other.lifecycle);

        let wait_duration = Some(prost_types::Duration {
            seconds: 50,
            nanos: 0,
        });
        let request = GetCampaignRequest {
            campaign_id: "spring".into(),
            wait_duration,
        };
        let mut request = tonic::Request::new(request);
        request.set_timeout(Duration::from_secs(55));
        let response = other
            .client
            .get_campaign(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(response.campaign.unwrap().state(), CampaignState::Running);
        assert_eq!(other.enrolments("spring").await.len(), 25);
        other.lifecycle.finish(Duration::from_secs(10)).await;
    })
    .await;
}
