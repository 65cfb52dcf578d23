//! What a campaign may hold.

use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::AttributeValue;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_testkit::assert_reason;

use crate::suite::{Suite, campaign, days, each_suite};

/// Makes one field of a campaign wrong.
type Spoil = fn(&mut Campaign);

const FIELDS: [(&str, Spoil); 14] = [
    ("campaign_id", |c| c.campaign_id.clear()),
    ("display_name", |c| c.display_name = "x".repeat(201)),
    ("objective", |c| c.objective.clear()),
    ("offer_id", |c| c.offer_id.clear()),
    ("channel", |c| c.channel = 0),
    ("audience", |c| c.audience = None),
    ("control_share", |c| c.control_share = 0.0),
    ("control_share", |c| c.control_share = f64::NAN),
    ("control_share", |c| c.control_share = 0.91),
    ("bonus_points", |c| c.bonus_points = 1_000_001),
    ("measurement_window", |c| c.measurement_window = None),
    ("measurement_window", |c| {
        c.measurement_window = Some(days(0));
    }),
    ("measurement_window", |c| {
        c.measurement_window = Some(days(367));
    }),
    ("author", |c| c.author.clear()),
];

/// Makes one field of an audience wrong.
type SpoilAudience = fn(&mut Audience);

const AUDIENCE_FIELDS: [(&str, SpoilAudience); 10] = [
    ("stages", |a| a.stages = vec![0]),
    ("risk_bands", |a| a.risk_bands = vec![99]),
    ("min_churn_probability", |a| a.min_churn_probability = 1.1),
    ("max_customers", |a| a.max_customers = -1),
    ("conditions", |a| {
        a.conditions = vec![AttributeCondition::default(); 21];
    }),
    ("conditions[0].name", |a| {
        a.conditions[0].name = "Payment".into();
    }),
    ("conditions[0].comparison", |a| {
        a.conditions[0].comparison = 0;
    }),
    // Text has no size.
    ("conditions[0].value", |a| {
        a.conditions[0].comparison = Comparison::Less.into();
    }),
    ("conditions[0].value", |a| a.conditions[0].value = None),
    ("conditions[0].value.number", |a| {
        a.conditions[0].value = Some(AttributeValue {
            kind: Some(Kind::Number(f64::NAN)),
        });
    }),
];

async fn assert_refused(suite: &Suite, campaign: Campaign, field: &str) {
    let refused = suite.create(campaign).await.unwrap_err();

    assert_reason(&refused, "INVALID_FIELDS");
    use tonic_types::StatusExt;
    let violations = refused.get_details_bad_request().unwrap().field_violations;
    let found: Vec<_> = violations
        .iter()
        .map(|violation| violation.field.as_str())
        .collect();
    assert_eq!(found, [field]);
}

#[tokio::test]
async fn every_field_of_a_campaign_has_its_limits() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        for (field, spoil) in FIELDS {
            let mut campaign = campaign("spring");
            spoil(&mut campaign);
            assert_refused(&suite, campaign, &format!("campaign.{field}")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_field_of_an_audience_has_its_limits() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        let fair = AttributeCondition {
            name: "payment".into(),
            comparison: Comparison::Equal.into(),
            value: Some(AttributeValue {
                kind: Some(Kind::Text("cash".into())),
            }),
        };
        for (field, spoil) in AUDIENCE_FIELDS {
            let mut audience = Audience {
                conditions: vec![fair.clone()],
                ..Audience::default()
            };
            spoil(&mut audience);
            let campaign = Campaign {
                audience: Some(audience),
                ..campaign("spring")
            };
            assert_refused(&suite, campaign, &format!("campaign.audience.{field}")).await;
        }
    })
    .await;
}
