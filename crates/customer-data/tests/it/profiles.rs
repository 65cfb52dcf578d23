//! Profiles: what is believed of customers, by whom, since when and how far.

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::profile_service_client::ProfileServiceClient;
use tenure_proto::r#type::v1::Attribute;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::{Code, Status};

use crate::suite::*;

pub(crate) fn profiles(suite: &Suite) -> ProfileServiceClient<Transport> {
    ProfileServiceClient::new(suite.transport.clone())
}

pub(crate) fn claim(customer: &str, source: &str, attribute: Attribute) -> wire::ProfileClaim {
    wire::ProfileClaim {
        customer_id: customer.into(),
        attribute: Some(attribute),
        source: source.into(),
        ..Default::default()
    }
}

fn recording(claims: Vec<wire::ProfileClaim>) -> wire::RecordProfileClaimsRequest {
    wire::RecordProfileClaimsRequest {
        request_id: fresh(),
        claims,
    }
}

pub(crate) async fn record(
    suite: &Suite,
    claims: Vec<wire::ProfileClaim>,
) -> Result<wire::RecordProfileClaimsResponse, Status> {
    let answer = profiles(suite)
        .record_profile_claims(recording(claims))
        .await?;
    Ok(answer.into_inner())
}

async fn profile(suite: &Suite, customer: &str) -> wire::GetProfileResponse {
    let customer_id = customer.into();
    let request = wire::GetProfileRequest { customer_id };
    let answer = profiles(suite).get_profile(request).await.unwrap();
    answer.into_inner()
}

/// Name, text, source, trust, reason and how many there were, of each attribute that is shown.
async fn shown(suite: &Suite, customer: &str) -> Vec<String> {
    let shown = profile(suite, customer).await.attributes;
    let line = |it: &wire::ProfileAttribute| {
        let attribute = it.attribute.clone().unwrap();
        let value = attribute.value.and_then(|value| value.kind);
        let value = match value {
            Some(Kind::Text(text)) => text,
            other => format!("{other:?}"),
        };
        let reason = it.reason().as_str_name();
        let reason = reason.trim_start_matches("ORIGIN_REASON_");
        let (name, source, trust) = (attribute.name, &it.source, it.trust);
        format!(
            "{name}={value} {source} {trust} {reason} {}",
            it.claim_count
        )
    };
    shown.iter().map(line).collect()
}

/// Observed some days after 2024-01-01, trusted so far.
fn seen(days: i64, trust: i32, claim: wire::ProfileClaim) -> wire::ProfileClaim {
    wire::ProfileClaim {
        observe_time: later(days),
        trust,
        ..claim
    }
}

#[tokio::test]
async fn the_most_trusted_claim_is_shown_and_the_others_are_kept() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let survey = seen(10, 80, claim("ada", "survey", text("hobby", "chess")));
        let model = seen(20, 40, claim("ada", "model", text("hobby", "golf")));
        let lines = attribute("household_size", Some(Kind::Integer(3)));
        let lines = claim("ada", "model", lines);
        let request = recording(vec![survey.clone(), model.clone(), lines]);

        let mut client = profiles(&suite);
        let first = client.record_profile_claims(request.clone()).await.unwrap();
        let again = client.record_profile_claims(request).await.unwrap();

        let first = first.into_inner();
        assert_eq!((first.recorded_count, first.ignored_count), (3, 0));
        assert!(!first.replayed && again.into_inner().replayed);
        let expected = [
            "hobby=chess survey 80 SOURCE_TRUST 2",
            "household_size=Some(Integer(3)) model 0 ONLY_VALUE 1",
        ];
        assert_eq!(shown(&suite, "ada").await, expected);
        let found = &profile(&suite, "ada").await.attributes[0];
        assert_eq!(found.observe_time, later(10));
        assert_eq!(found.customer_id, "ada");

        let mut request = wire::ListProfileClaimsRequest {
            customer_id: "ada".into(),
            name: "hobby".into(),
            page_size: 1,
            page_token: String::new(),
        };
        let mut listed = Vec::new();
        loop {
            let page = client.list_profile_claims(request.clone()).await.unwrap();
            let page = page.into_inner();
            listed.extend(page.claims);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let recorded = listed[0].record_time;
        assert!(recorded.is_some());
        let with_time = |claim| wire::ProfileClaim {
            record_time: recorded,
            ..claim
        };
        assert_eq!(listed, [with_time(model), with_time(survey)]);
        let told = suite.changes().await;
        let told = told.iter().filter_map(|it| match &it.fact {
            Some(Fact::ProfileClaim(claim)) => Some((it.event_time, claim)),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], (later(10), &listed[1]));
    })
    .await;
}

#[tokio::test]
async fn a_source_corrects_withdraws_and_is_not_believed_about_the_past() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let says = |days, value| seen(days, 0, claim("ada", "survey", text("hobby", value)));
        record(&suite, vec![says(20, "golf")]).await.unwrap();

        let late = record(&suite, vec![says(10, "chess")]).await.unwrap();
        assert_eq!((late.recorded_count, late.ignored_count), (0, 1));
        let same = record(&suite, vec![says(20, "golf")]).await.unwrap();
        assert_eq!((same.recorded_count, same.ignored_count), (0, 1));
        assert_eq!(
            shown(&suite, "ada").await,
            ["hobby=golf survey 0 ONLY_VALUE 1"]
        );
        record(&suite, vec![says(30, "go")]).await.unwrap();
        assert_eq!(
            shown(&suite, "ada").await,
            ["hobby=go survey 0 ONLY_VALUE 1"]
        );

        let withdrawn = claim("ada", "survey", attribute("hobby", None));
        record(&suite, vec![seen(40, 0, withdrawn)]).await.unwrap();
        record(&suite, vec![says(39, "late")]).await.unwrap();
        assert!(shown(&suite, "ada").await.is_empty());
        let request = wire::ListProfileClaimsRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        let kept = profiles(&suite).list_profile_claims(request).await.unwrap();
        let kept = kept.into_inner().claims;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].attribute.as_ref().unwrap().value, None);
    })
    .await;
}

#[tokio::test]
async fn what_has_expired_is_not_shown() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let until = |date| wire::ProfileClaim {
            expire_time: day(date),
            ..seen(10, 90, claim("ada", "survey", text("hobby", "chess")))
        };
        let model = seen(5, 0, claim("ada", "model", text("hobby", "golf")));
        record(&suite, vec![until("2025-01-03"), model])
            .await
            .unwrap();
        let before = shown(&suite, "ada").await;

        suite.clock.advance(Span::from_days(3));

        assert_eq!(before, ["hobby=chess survey 90 SOURCE_TRUST 2"]);
        assert_eq!(
            shown(&suite, "ada").await,
            ["hobby=golf model 0 ONLY_VALUE 1"]
        );
    })
    .await;
}

#[tokio::test]
async fn the_identity_policy_says_whom_to_trust_and_what_decides() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let crm = seen(10, 0, claim("ada", "crm", text("language", "de")));
        let web = seen(20, 0, claim("ada", "web", text("language", "en")));
        record(&suite, vec![crm, web]).await.unwrap();
        assert_eq!(shown(&suite, "ada").await, ["language=en web 0 RECENCY 2"]);

        let trusted = |system: &str, trust| wire::SourceTrust {
            system: system.into(),
            trust,
        };
        let born = crate::identity_base::part(&["attributes.birth_date"], wire::MatchForm::Date);
        let mut policy = wire::IdentityPolicy {
            sources: vec![trusted("crm", 70), trusted("web", 30)],
            keys: vec![crate::identity_base::key("birth", vec![born], 50)],
            propose_weight: 40,
            ..Default::default()
        };
        let first = suite.policy(policy.clone()).await.unwrap();
        suite.activate(first.version).await.unwrap();
        assert_eq!(
            shown(&suite, "ada").await,
            ["language=de crm 70 SOURCE_TRUST 2"]
        );
        assert_eq!(profile(&suite, "ada").await.policy_version, first.version);

        policy.rules = vec![wire::SurvivorshipRule {
            field: "profile.language".into(),
            criteria: vec![wire::SurvivorshipCriterion::Recency.into()],
        }];
        let second = suite.policy(policy).await.unwrap();
        suite.activate(second.version).await.unwrap();
        assert_eq!(shown(&suite, "ada").await, ["language=en web 30 RECENCY 2"]);
    })
    .await;
}

#[tokio::test]
async fn a_merged_record_is_believed_whole_and_parts_again() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "ada-web"]).await;
        let one = seen(10, 50, claim("ada", "survey", text("hobby", "chess")));
        let other = seen(10, 60, claim("ada-web", "survey", text("hobby", "golf")));
        record(&suite, vec![one, other]).await.unwrap();
        let alone = shown(&suite, "ada").await;

        let merged = suite.merge("ada", &["ada-web"]).await.unwrap();

        let whole = ["hobby=golf survey 60 SOURCE_TRUST 2"];
        assert_eq!(shown(&suite, "ada").await, whole);
        assert_eq!(shown(&suite, "ada-web").await, whole);
        let origin = &profile(&suite, "ada").await.attributes[0];
        assert_eq!(origin.customer_id, "ada-web");
        suite.unmerge(&merged.merge_id).await.unwrap();
        assert_eq!(shown(&suite, "ada").await, alone);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_claim_is_refused() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada"]).await;
        let good = || claim("ada", "survey", text("hobby", "chess"));
        let stranger = claim("eve", "survey", text("hobby", "chess"));
        let refused = record(&suite, vec![good(), stranger]).await.unwrap_err();
        assert_code(&refused, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(fields(&refused), ["claims[1].customer_id"]);
        assert!(shown(&suite, "ada").await.is_empty(), "all or none");

        let nothing = wire::ProfileClaim::default();
        let wrong = wire::ProfileClaim {
            trust: 101,
            observe_time: later(5),
            expire_time: later(5),
            ..claim("ada", "süd", text("Hobby", &"x".repeat(257)))
        };
        let ahead = seen(3_000, -1, good());
        let refused = record(&suite, vec![nothing, wrong, ahead])
            .await
            .unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let mut found = fields(&refused);
        found.sort();
        assert_eq!(
            found,
            [
                "claims[0].attribute",
                "claims[0].customer_id",
                "claims[0].source",
                "claims[1].attribute.name",
                "claims[1].attribute.value",
                "claims[1].expire_time",
                "claims[1].source",
                "claims[1].trust",
                "claims[2].observe_time",
                "claims[2].trust",
            ]
        );
        let refused = record(&suite, vec![good(), good()]).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let refused = record(&suite, Vec::new()).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        let customer_id = "eve".to_owned();
        let request = wire::GetProfileRequest { customer_id };
        let refused = profiles(&suite).get_profile(request).await.unwrap_err();
        assert_code(&refused, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_customer_has_at_most_two_hundred_claims() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob"]).await;
        let numbered = |n: usize| claim("ada", "model", text(&format!("n{n}"), "x"));
        let all: Vec<_> = (0..200).map(numbered).collect();
        record(&suite, all).await.unwrap();

        let bobs = claim("bob", "model", text("hobby", "chess"));
        let one_more = record(&suite, vec![bobs, numbered(200)]).await.unwrap_err();

        assert_code(&one_more, Code::FailedPrecondition, "PROFILE_FULL");
        assert_eq!(fields(&one_more), ["claims[1].customer_id"]);
        assert!(shown(&suite, "bob").await.is_empty());
        let surer = wire::ProfileClaim {
            trust: 5,
            ..numbered(7)
        };
        let surer = record(&suite, vec![surer]).await.unwrap();
        assert_eq!(surer.recorded_count, 1, "what is known is not one more");
    })
    .await;
}
