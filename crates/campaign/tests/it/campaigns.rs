//! Campaigns from the draft to the end.

use tenure_proto::campaign::v1::*;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_proto::r#type::v1::{AttributeValue, LifecycleStage, RiskBand};
use tenure_testkit::assert_reason;

use crate::suite::{campaign, each_suite, request_id};

#[tokio::test]
async fn a_campaign_is_created_as_a_draft() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        let value = Some(AttributeValue {
            kind: Some(Kind::Number(0.1 + 0.2)),
        });
        let condition = AttributeCondition {
            name: "spend".into(),
            comparison: Comparison::GreaterOrEqual.into(),
            value,
        };
        let audience = Some(Audience {
            stages: vec![LifecycleStage::Decline.into()],
            risk_bands: vec![RiskBand::High.into(), RiskBand::Critical.into()],
            value_tiers: vec![],
            min_churn_probability: 0.3,
            conditions: vec![condition],
            max_customers: 500,
        });
        let wanted = Campaign {
            audience,
            ..campaign("spring")
        };
        // What callers may not set is ignored.
        let meddled = Campaign {
            approver: "ada".into(),
            state: CampaignState::Running.into(),
            treated_count: 9,
            etag: "mine".into(),
            ..wanted.clone()
        };

        let created = suite.create(meddled).await.unwrap();

        let expected = Campaign {
            state: CampaignState::Draft.into(),
            create_time: Some(tenure_rpc::fields::time(suite.now())),
            etag: created.etag.clone(),
            ..wanted
        };
        assert_eq!(created, expected);
        assert_eq!(suite.get("spring").await.unwrap(), created);
    })
    .await;
}

#[tokio::test]
async fn a_campaign_goes_from_draft_to_end() {
    each_suite(async |suite| {
        let suite = suite.with_customers(3);
        suite.create_offer().await.unwrap();
        let draft = suite.create(campaign("spring")).await.unwrap();
        let approved = suite.approve("spring", "bob").await.unwrap();
        assert_eq!(approved.state(), CampaignState::Approved);
        assert_eq!(approved.approver, "bob");
        assert_ne!(approved.etag, draft.etag);

        let launched = suite.launch("spring").await.unwrap();
        assert_eq!(launched.state(), CampaignState::Enrolling);
        assert_eq!(
            launched.launch_time,
            Some(tenure_rpc::fields::time(suite.now()))
        );
        suite.catch_up().await.unwrap();
        assert_eq!(
            suite.get("spring").await.unwrap().state(),
            CampaignState::Running
        );
        assert_eq!(
            suite.pause("spring").await.unwrap().state(),
            CampaignState::Paused
        );
        assert_eq!(
            suite.resume("spring").await.unwrap().state(),
            CampaignState::Running
        );
        let ended = suite.end("spring").await.unwrap();

        assert_eq!(ended.state(), CampaignState::Ended);
        assert_eq!(ended.end_time, Some(tenure_rpc::fields::time(suite.now())));
        assert_eq!(ended.treated_count + ended.control_count, 3);
    })
    .await;
}

#[tokio::test]
async fn steps_out_of_order_are_refused_and_name_the_state() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();

        let refusals = [
            suite.launch("spring").await.unwrap_err(),
            suite.pause("spring").await.unwrap_err(),
            suite.resume("spring").await.unwrap_err(),
            suite.end("spring").await.unwrap_err(),
        ];

        for refused in refusals {
            assert_reason(&refused, "INVALID_STATE_TRANSITION");
            assert_eq!(
                tenure_rpc::status::metadata(&refused, "state").unwrap(),
                "DRAFT"
            );
        }
        let request = GetCampaignResultsRequest {
            campaign_id: "spring".into(),
            confidence_level: 0.0,
        };
        let refused = suite
            .client
            .clone()
            .get_campaign_results(request)
            .await
            .unwrap_err();
        assert_reason(&refused, "INVALID_STATE_TRANSITION");
    })
    .await;
}

#[tokio::test]
async fn an_author_may_not_approve() {
    each_suite(async |suite| {
        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();

        let refused = suite.approve("spring", "ada").await.unwrap_err();

        assert_reason(&refused, "APPROVER_IS_AUTHOR");
        assert_eq!(
            suite.get("spring").await.unwrap().state(),
            CampaignState::Draft
        );
        // Blanks do not make somebody else of the author.
        assert_reason(
            &suite.approve("spring", "ada ").await.unwrap_err(),
            "INVALID_FIELDS",
        );
    })
    .await;
}

#[tokio::test]
async fn an_approval_of_another_version_is_refused() {
    each_suite(async |mut suite| {
        suite.create_offer().await.unwrap();
        let draft = suite.create(campaign("spring")).await.unwrap();
        let approve = |etag: &str| ApproveCampaignRequest {
            request_id: request_id(),
            campaign_id: "spring".into(),
            approver: "bob".into(),
            etag: etag.to_owned(),
        };

        let refused = suite
            .client
            .approve_campaign(approve("other"))
            .await
            .unwrap_err();
        assert_reason(&refused, "ETAG_MISMATCH");

        assert!(
            suite
                .client
                .approve_campaign(approve(&draft.etag))
                .await
                .is_ok()
        );
    })
    .await;
}

#[tokio::test]
async fn a_repeated_step_answers_the_same_and_so_does_a_repeated_refusal() {
    each_suite(async |mut suite| {
        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();
        let launch = LaunchCampaignRequest {
            request_id: request_id(),
            campaign_id: "spring".into(),
        };
        let too_early = suite
            .client
            .launch_campaign(launch.clone())
            .await
            .unwrap_err();
        suite.approve("spring", "bob").await.unwrap();

        // The state would allow it by now, but this request was answered.
        let repeated = suite.client.launch_campaign(launch).await.unwrap_err();
        assert_eq!(repeated.message(), too_early.message());
        assert_reason(&repeated, "INVALID_STATE_TRANSITION");

        let launch = LaunchCampaignRequest {
            request_id: request_id(),
            campaign_id: "spring".into(),
        };
        let first = suite
            .client
            .launch_campaign(launch.clone())
            .await
            .unwrap()
            .into_inner();
        let again = suite
            .client
            .launch_campaign(launch)
            .await
            .unwrap()
            .into_inner();
        assert!(again.replayed);
        assert_eq!(again.campaign, first.campaign);
    })
    .await;
}

#[tokio::test]
async fn campaigns_need_what_they_refer_to() {
    each_suite(async |suite| {
        let refused = suite.create(campaign("spring")).await.unwrap_err();
        assert_reason(&refused, "OFFER_NOT_FOUND");

        suite.create_offer().await.unwrap();
        suite.create(campaign("spring")).await.unwrap();
        let refused = suite.create(campaign("spring")).await.unwrap_err();
        assert_reason(&refused, "CAMPAIGN_EXISTS");

        let refusals = [
            suite.get("none").await.unwrap_err(),
            suite.approve("none", "bob").await.unwrap_err(),
            suite.launch("none").await.unwrap_err(),
            suite.pause("none").await.unwrap_err(),
            suite.resume("none").await.unwrap_err(),
            suite.end("none").await.unwrap_err(),
        ];
        for refused in refusals {
            assert_reason(&refused, "CAMPAIGN_NOT_FOUND");
        }
    })
    .await;
}

#[tokio::test]
async fn campaigns_are_listed_by_id_page_by_page() {
    each_suite(async |mut suite| {
        suite.create_offer().await.unwrap();
        for id in ["summer", "spring", "winter"] {
            suite.create(campaign(id)).await.unwrap();
        }

        let request = ListCampaignsRequest {
            page_size: 2,
            page_token: String::new(),
        };
        let first = suite
            .client
            .list_campaigns(request)
            .await
            .unwrap()
            .into_inner();
        let page_token = first.next_page_token.clone();
        let request = ListCampaignsRequest {
            page_size: 2,
            page_token,
        };
        let second = suite
            .client
            .list_campaigns(request)
            .await
            .unwrap()
            .into_inner();

        let ids = |page: ListCampaignsResponse| {
            page.campaigns
                .into_iter()
                .map(|campaign| campaign.campaign_id)
                .collect::<Vec<_>>()
        };
        assert_eq!(second.next_page_token, "");
        assert_eq!(ids(first), ["spring", "summer"]);
        assert_eq!(ids(second), ["winter"]);
    })
    .await;
}
