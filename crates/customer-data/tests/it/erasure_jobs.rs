//! Erasures as jobs: repeated, listed, waiting for others, refused.

use tenure_customer_data::{Config, MIGRATIONS, Peers, PrivacyConfig};
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::ErasureState as State;
use tenure_sql::Db;
use tenure_testkit::{assert_code, each_backend};
use tonic::Code;

use crate::erasure::{erase, erased, get, privacy, run};
use crate::suite::*;

fn with(db: Db, privacy: PrivacyConfig) -> Suite {
    let config = Config {
        privacy,
        ..Config::default()
    };
    Suite::with(db, config, Peers::default())
}

#[tokio::test]
async fn an_erasure_is_repeated_listed_and_waits_for_the_receipts_of_others() {
    each_backend(&MIGRATIONS, async |db| {
        let privacy_config = PrivacyConfig {
            erasure_services: vec!["lifecycle-scoring".into()],
            ..PrivacyConfig::default()
        };
        let suite = with(db, privacy_config);
        let suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        let request = erase("ada");
        let first = privacy(&suite).erase_customer(request.clone()).await;
        let again = privacy(&suite).erase_customer(request).await;
        let (first, again) = (first.unwrap().into_inner(), again.unwrap().into_inner());
        assert_eq!((first.replayed, again.replayed), (false, true));
        assert_eq!(first.erasure, again.erasure);
        assert_eq!(run(&suite).await, (4, 1));
        assert_eq!(run(&suite).await, (0, 1));
        let id = first.erasure.unwrap().erasure_id;
        let waiting = get(&suite, &id).await.unwrap();
        assert_eq!(waiting.state(), State::Running);
        assert_eq!(waiting.awaited_services, ["lifecycle-scoring"]);

        let receipt = wire::RecordErasureReceiptRequest {
            request_id: fresh(),
            erasure_id: id.clone(),
            service: "lifecycle-scoring".into(),
            step: "records".into(),
            row_count: 3,
        };
        let received = privacy(&suite).record_erasure_receipt(receipt).await;

        let received = received.unwrap().into_inner().erasure.unwrap();
        assert_eq!(received.state(), State::Completed);
        assert_eq!(received, get(&suite, &id).await.unwrap());
        suite.clock.advance(tenure_core::Span::from_days(1));
        for customer in ["bob", "eve"] {
            privacy(&suite)
                .erase_customer(erase(customer))
                .await
                .unwrap();
            suite.clock.advance(tenure_core::Span::from_days(1));
        }
        let list = async |state: State, token: &str| {
            let request = wire::ListErasuresRequest {
                state: state.into(),
                page_size: 1,
                page_token: token.into(),
            };
            let page = privacy(&suite).list_erasures(request).await.unwrap();
            let page = page.into_inner();
            (page.erasures[0].customer_id.clone(), page.next_page_token)
        };
        assert_eq!(
            list(State::Completed, "").await,
            ("ada".into(), String::new())
        );
        let (newest, token) = list(State::Running, "").await;
        let (older, end) = list(State::Running, &token).await;
        assert_eq!((&*newest, &*older, &*end), ("eve", "bob", ""));
    })
    .await;
}

#[tokio::test]
async fn wrong_requests_about_erasures_are_refused() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let mut client = privacy(&suite);
        let unknown = client.erase_customer(erase("eve")).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let wrong = wire::EraseCustomerRequest {
            reason: "x".repeat(129),
            requested_by: "x".repeat(65),
            ..erase("")
        };
        let wrong = client.erase_customer(wrong).await.unwrap_err();
        assert_eq!(fields(&wrong), ["customer_id", "reason", "requested_by"]);
        let missing = get(&suite, &fresh()).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "ERASURE_NOT_FOUND");
        assert_eq!(fields(&get(&suite, "x").await.unwrap_err()), ["erasure_id"]);
        let lift = wire::LiftSuppressionRequest {
            request_id: fresh(),
            erasure_id: fresh(),
        };
        let missing = client.lift_suppression(lift).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "ERASURE_NOT_FOUND");
        let receipt = wire::RecordErasureReceiptRequest {
            request_id: fresh(),
            erasure_id: fresh(),
            service: "customer-data".into(),
            step: String::new(),
            row_count: -1,
        };
        let wrong = client.record_erasure_receipt(receipt.clone()).await;
        assert_eq!(
            fields(&wrong.unwrap_err()),
            ["step", "service", "row_count"]
        );
        let receipt = wire::RecordErasureReceiptRequest {
            service: "campaign".into(),
            step: "records".into(),
            row_count: 0,
            ..receipt
        };
        let missing = client.record_erasure_receipt(receipt).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "ERASURE_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn another_master_key_than_before_is_refused() {
    each_backend(&MIGRATIONS, async |db| {
        let with_key = |digit: &str| PrivacyConfig {
            master_key_secret: digit.repeat(64),
            ..PrivacyConfig::default()
        };
        let suite = with(db.clone(), with_key("1"));
        let suite = suite.with_customers(&["ada", "bob"]).await;
        erased(&suite, "ada").await;

        let suite = with(db, with_key("2"));
        let refused = privacy(&suite).erase_customer(erase("bob")).await;

        assert_code(&refused.unwrap_err(), Code::Internal, "INTERNAL_ERROR");
    })
    .await;
}
