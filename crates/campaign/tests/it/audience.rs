//! Counting an audience before a launch.

use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::AttributeValue;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, customer_id, each_suite};

async fn preview(suite: &Suite, audience: Audience) -> i64 {
    let request = PreviewAudienceRequest {
        audience: Some(audience),
    };
    let response = suite
        .client
        .clone()
        .preview_audience(request)
        .await
        .unwrap();
    response.into_inner().customer_count
}

#[tokio::test]
async fn a_preview_counts_whom_a_launch_would_enrol() {
    each_suite(async |suite| {
        let suite = suite.with_customers(25);
        for number in 0..8 {
            suite.set_attribute(number, "payment", Kind::Text("cash".into()));
        }
        suite.set_attribute(8, "payment", Kind::Text("card".into()));
        let condition = |comparison: Comparison| AttributeCondition {
            name: "payment".into(),
            comparison: comparison.into(),
            value: Some(AttributeValue {
                kind: Some(Kind::Text("cash".into())),
            }),
        };
        let with = |conditions| Audience {
            conditions,
            ..Audience::default()
        };

        assert_eq!(preview(&suite, Audience::default()).await, 25);
        let likely = Audience {
            min_churn_probability: 0.02,
            ..Audience::default()
        };
        assert_eq!(preview(&suite, likely).await, 5);
        assert_eq!(
            preview(
                &suite,
                Audience {
                    max_customers: 7,
                    ..Audience::default()
                }
            )
            .await,
            7
        );
        assert_eq!(
            preview(&suite, with(vec![condition(Comparison::Equal)])).await,
            8
        );
        // Of most customers the attribute is unknown, which is not the same as not equal.
        assert_eq!(
            preview(&suite, with(vec![condition(Comparison::NotEqual)])).await,
            1
        );
        // Answers that are too large are asked for in parts.
        suite.customers.state().fits = Some(3);
        assert_eq!(
            preview(&suite, with(vec![condition(Comparison::Equal)])).await,
            8
        );
        assert!(
            suite
                .customers
                .state()
                .customers
                .contains_key(&customer_id(24))
        );
    })
    .await;
}

#[tokio::test]
async fn a_preview_needs_an_audience_and_the_services_behind_it() {
    each_suite(async |mut suite| {
        let request = PreviewAudienceRequest { audience: None };
        let refused = suite.client.preview_audience(request).await.unwrap_err();
        assert_reason(&refused, "INVALID_FIELDS");

        suite.scoring.state().gate.refusals = 3;
        let request = PreviewAudienceRequest {
            audience: Some(Audience::default()),
        };
        let refused = suite.client.preview_audience(request).await.unwrap_err();
        assert_reason(&refused, "DEPENDENCY_UNAVAILABLE");
        assert_eq!(
            tenure_rpc::status::metadata(&refused, "service").unwrap(),
            "lifecycle-scoring"
        );
    })
    .await;
}
