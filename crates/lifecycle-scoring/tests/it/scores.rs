//! Scores asked for and scores listed.

use tenure_proto::customer::v1::ChurnKind;
use tenure_proto::scoring::v1 as scoring;
use tenure_proto::r#type::v1::{LifecycleStage, ValueTier};
use tonic::Code;

use crate::suite::{Suite, at, bill, customer, each, subscription, wrong_fields};

#[tokio::test]
async fn each_of_several_is_a_score_or_a_status_of_its_own() {
    each(async |suite| {
        suite.set("2024-06-01");
        suite.push([subscription("ada", at("2024-01-01"), None)]);
        suite.catch_up().await;
        let customer_ids = vec!["nobody".to_owned(), "ada".into(), "ada".into()];
        let request = scoring::ScoreCustomersRequest { customer_ids, with_reasons: true };

        let items = suite.client.clone().score_customers(request).await.unwrap().into_inner().items;

        use scoring::score_item::Result::{Error, Score};
        assert!(matches!(&items[0].result, Some(Error(e)) if e.reason == "CUSTOMER_NOT_FOUND" && e.code == 5));
        for item in &items[1..] {
            assert!(matches!(&item.result, Some(Score(s)) if s.stage() == LifecycleStage::Growth));
        }
    })
    .await;
}

#[tokio::test]
async fn wrong_and_too_many_ids_are_refused() {
    each(async |suite| {
        let mut client = suite.client.clone();
        let several = |customer_ids| scoring::ScoreCustomersRequest {
            customer_ids,
            with_reasons: false,
        };
        let one = scoring::ScoreCustomerRequest {
            customer_id: "nobody".into(),
        };

        let none = client
            .score_customers(several(Vec::new()))
            .await
            .unwrap_err();
        let many = client
            .score_customers(several(vec!["a".into(); 1_001]))
            .await
            .unwrap_err();
        let odd = client
            .score_customers(several(vec!["ok".into(), "not ok".into()]))
            .await
            .unwrap_err();
        let nobody = client.score_customer(one).await.unwrap_err();

        for refused in [&none, &many, &odd] {
            tenure_testkit::assert_code(refused, Code::InvalidArgument, "INVALID_FIELDS");
        }
        assert_eq!(wrong_fields(&odd), ["customer_ids[1]"]);
        tenure_testkit::assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_score_asked_for_is_not_stored() {
    each(async |suite| {
        suite.set("2024-06-01");
        suite.push([subscription("ada", at("2024-01-01"), None)]);
        suite.catch_up().await;
        let (_, token) = suite.feed("").await;
        suite.set("2026-06-01");

        suite.score("ada").await;

        assert_eq!(suite.feed(&token).await.0, []);
    })
    .await;
}

/// Forty customers with bills of 5.00, 10.00, and so on up to 200.00; five have left; one is a
/// prospect.
async fn book(suite: &Suite) {
    suite.set("2024-06-15");
    suite.push([customer("prospect", at("2024-01-01"), &[])]);
    for number in 1..=40_i64 {
        let id = format!("c{number:02}");
        let ended = (number % 8 == 0).then_some((at("2024-06-10"), ChurnKind::Competitor));
        suite.push([subscription(&id, at("2022-01-01"), ended)]);
        suite.push((0..3).map(|m| bill(&id, at("2024-04-01").plus_months(m), number * 500)));
    }
    suite.run().await;
}

async fn listed(suite: &Suite, request: &scoring::ListScoresRequest) -> Vec<scoring::Score> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = scoring::ListScoresRequest {
            page_token,
            page_size: 7,
            ..request.clone()
        };
        let page = suite
            .client
            .clone()
            .list_scores(request)
            .await
            .unwrap()
            .into_inner();
        all.extend(page.scores);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn scores_are_listed_in_each_order_without_loss() {
    each(async |suite| {
        book(&suite).await;
        let by = |order: scoring::ScoreOrder| scoring::ListScoresRequest {
            order: order.into(),
            ..scoring::ListScoresRequest::default()
        };

        let by_id = listed(&suite, &by(scoring::ScoreOrder::Unspecified)).await;
        let by_risk = listed(&suite, &by(scoring::ScoreOrder::ChurnProbabilityDescending)).await;
        let by_value = listed(&suite, &by(scoring::ScoreOrder::LifetimeValueDescending)).await;

        assert_eq!([by_id.len(), by_risk.len(), by_value.len()], [41; 3]);
        assert!(by_id.is_sorted_by(|a, b| a.customer_id < b.customer_id));
        let key = |s: &scoring::Score| (s.churn_probability, s.customer_id.clone());
        assert!(
            by_risk.is_sorted_by(|a, b| {
                a.churn_probability > b.churn_probability || key(a) < key(b)
            })
        );
        let value = |s: &scoring::Score| s.lifetime_value.as_ref().map_or(0, |m| m.amount_minor);
        assert!(by_value.is_sorted_by(|a, b| value(a) >= value(b)));
        assert_eq!(by_value[0].customer_id, "c39");
    })
    .await;
}

#[tokio::test]
async fn scores_are_filtered_by_stage_and_tier() {
    each(async |suite| {
        book(&suite).await;
        let churned = scoring::ListScoresRequest {
            stages: vec![
                LifecycleStage::Churned.into(),
                LifecycleStage::Acquisition.into(),
            ],
            ..scoring::ListScoresRequest::default()
        };
        let high = scoring::ListScoresRequest {
            value_tiers: vec![ValueTier::High.into()],
            order: scoring::ScoreOrder::LifetimeValueDescending.into(),
            ..scoring::ListScoresRequest::default()
        };
        let risky = scoring::ListScoresRequest {
            min_churn_probability: 0.5,
            ..scoring::ListScoresRequest::default()
        };

        assert_eq!(listed(&suite, &churned).await.len(), 6);
        let high = listed(&suite, &high).await;
        assert!(!high.is_empty() && high.iter().all(|s| s.value_tier() == ValueTier::High));
        assert!(
            high.iter()
                .all(|s| s.lifetime_value.as_ref().unwrap().amount_minor >= 90_000)
        );
        // Without a model nobody is likely to leave.
        assert_eq!(listed(&suite, &risky).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn wrong_filters_and_tokens_of_other_lists_are_refused() {
    each(async |suite| {
        book(&suite).await;
        let mut client = suite.client.clone();
        let wrong = scoring::ListScoresRequest {
            stages: vec![0],
            risk_bands: vec![42],
            min_churn_probability: 2.0,
            order: 9,
            page_size: -1,
            ..scoring::ListScoresRequest::default()
        };
        let first = scoring::ListScoresRequest {
            page_size: 1,
            ..Default::default()
        };
        let token = client
            .list_scores(first)
            .await
            .unwrap()
            .into_inner()
            .next_page_token;
        let other = scoring::ListScoresRequest {
            page_token: token,
            stages: vec![LifecycleStage::Growth.into()],
            ..scoring::ListScoresRequest::default()
        };

        let refused = client.list_scores(wrong).await.unwrap_err();
        let mismatch = client.list_scores(other).await.unwrap_err();

        tenure_testkit::assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let expected = [
            "stages[0]",
            "risk_bands[0]",
            "min_churn_probability",
            "order",
            "page_size",
        ];
        assert_eq!(wrong_fields(&refused), expected);
        tenure_testkit::assert_code(&mismatch, Code::InvalidArgument, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}
