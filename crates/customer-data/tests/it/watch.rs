//! The change feed.

use tenure_core::{Clock, Span};
use tenure_customer_data::MIGRATIONS;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_testkit::{assert_code, each_backend};
use tonic::Code;

use crate::suite::*;

fn word(change: &wire::Change) -> &'static str {
    match change.fact.as_ref().unwrap() {
        Fact::Customer(_) => "customer",
        Fact::Subscription(_) => "subscription",
        Fact::Bill(_) => "bill",
        Fact::UsageSummary(_) => "usage",
        Fact::Interaction(_) => "interaction",
        Fact::Consent(_) => "consent",
        Fact::Erasure(_) => "erasure",
        Fact::Removal(_) => "removal",
        Fact::Complaint(_) => "complaint",
        Fact::Promise(_) => "promise",
        Fact::Survey(_) => "survey",
        Fact::Merge(_) => "merge",
        _ => "another",
    }
}

#[tokio::test]
async fn every_change_of_a_customer_comes_in_order_with_its_times() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2024-02-01")])
            .await
            .unwrap();
        suite.bill(vec![sent("ada", "B1", 0)]).await.unwrap();
        suite.bill(vec![settled("ada", "B1", 0)]).await.unwrap();
        let usage_summaries = vec![month("ada", "S1", "2024-02-01")];
        let usage = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries,
        };
        suite
            .client
            .batch_upsert_usage_summaries(usage)
            .await
            .unwrap();
        let interactions = vec![complaint("ada", "I1", 3)];
        let contacts = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions,
        };
        suite
            .client
            .batch_upsert_interactions(contacts)
            .await
            .unwrap();
        let end = terminate("ada", "S1", day("2024-12-01"));
        suite.client.terminate_subscription(end).await.unwrap();

        let changes = suite.changes().await;

        let told: Vec<_> = changes.iter().map(|c| (word(c), c.event_time)).collect();
        assert_eq!(
            told,
            [
                ("customer", day("2025-01-01")),
                ("subscription", day("2024-02-01")),
                ("bill", later(0)),
                ("bill", later(10)),
                ("usage", day("2024-03-01")),
                ("interaction", later(3)),
                ("subscription", day("2024-12-01")),
            ]
        );
        assert!(changes.iter().all(|c| c.record_time == day("2025-01-01")));
        assert!(changes.iter().all(|c| c.customer_id == "ada"));
    })
    .await;
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_and_follows_what_comes() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let all = wire::WatchChangesRequest::default();
        let mut stream = suite.client.watch_changes(all).await.unwrap().into_inner();
        let mut resume_token = String::new();
        while let Some(batch) = stream.message().await.unwrap() {
            resume_token = batch.resume_token;
        }

        let follow = wire::WatchChangesRequest {
            resume_token,
            follow: true,
            ..Default::default()
        };
        let mut stream = suite
            .client
            .watch_changes(follow)
            .await
            .unwrap()
            .into_inner();
        let quiet = stream.message().await.unwrap().unwrap();
        assert!(quiet.changes.is_empty());
        suite.upsert(vec![customer("bob")]).await.unwrap();
        let heard = stream.message().await.unwrap().unwrap();

        let ids: Vec<_> = heard
            .changes
            .iter()
            .map(|c| c.customer_id.as_str())
            .collect();
        assert_eq!(ids, ["bob"]);
        assert_ne!(heard.resume_token, quiet.resume_token);
    })
    .await;
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused() {
    each_suite(async |mut suite| {
        let foreign = wire::WatchChangesRequest {
            resume_token: "x".into(),
            follow: true,
            ..Default::default()
        };
        let refused = suite.client.watch_changes(foreign).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_RESUME_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn a_token_older_than_what_is_kept_is_refused() {
    each_backend(&MIGRATIONS, async |db| {
        let mut suite = Suite::new(db.clone()).with_customers(&["ada"]).await;
        let old = tenure_sql::feed::heads(&db).await.unwrap().to_token();
        // Another one of the same lane is deleted behind the reader.
        suite.upsert(vec![customer("ada2")]).await.unwrap();
        suite.bill(vec![sent("ada", "B1", 0)]).await.unwrap();
        let tomorrow = suite.clock.now() + Span::from_days(1);
        tenure_sql::feed::prune(&db, tomorrow).await.unwrap();

        let first = wire::WatchChangesRequest {
            resume_token: old,
            ..Default::default()
        };
        let mut stream = suite
            .client
            .watch_changes(first)
            .await
            .unwrap()
            .into_inner();
        let refused = stream.message().await.unwrap_err();

        assert_code(&refused, Code::OutOfRange, "RESUME_TOKEN_EXPIRED");
    })
    .await;
}

#[tokio::test]
async fn large_changes_come_in_messages_that_a_client_can_read() {
    each_suite(async |mut suite| {
        let attributes: Vec<_> = (0..200)
            .map(|n| text(&format!("a{n}"), &"x".repeat(256)))
            .collect();
        for batch in 0..4 {
            let large = |n: usize| wire::Customer {
                attributes: attributes.clone(),
                ..customer(&format!("C{batch}-{n}"))
            };
            suite.upsert((0..40).map(large).collect()).await.unwrap();
        }

        assert_eq!(suite.changes().await.len(), 160);
        let everybody = wire::ListCustomersRequest {
            page_size: 1_000,
            ..Default::default()
        };
        let page = suite
            .client
            .list_customers(everybody)
            .await
            .unwrap()
            .into_inner();
        assert!(page.customers.len() < 160 && !page.next_page_token.is_empty());
    })
    .await;
}
