//! What customers have beside bills and subscriptions, asked of a whole record.

use std::collections::BTreeMap;

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::account_service_client::AccountServiceClient;
use tenure_proto::customer::v1::consent_service_client::ConsentServiceClient;
use tenure_proto::customer::v1::group_service_client::GroupServiceClient;
use tenure_proto::customer::v1::party_service_client::PartyServiceClient;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;
use tenure_proto::customer::v1::survey_service_client::SurveyServiceClient;
use tenure_rpc::Transport;

use crate::care_suite::{care, fill_one};
use crate::suite::*;

type Consents = ConsentServiceClient<Transport>;
type Groups = GroupServiceClient<Transport>;
type Terms = SubscriptionTermsServiceClient<Transport>;

/// Calls a list page by page and returns what `$show` makes of its rows.
macro_rules! pages {
    ($client:expr, $call:ident, $request:ident { $($field:ident: $value:expr),* }, $size:expr, $list:ident, $show:expr) => {{
        let (mut client, mut seen, mut page_token) = ($client, Vec::new(), String::new());
        loop {
            let request = wire::$request {
                $($field: $value,)*
                page_size: $size,
                page_token,
            };
            let page = client.$call(request).await.unwrap().into_inner();
            seen.extend(page.$list.into_iter().map($show));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break seen;
            }
        }
    }};
}

type Lists = BTreeMap<&'static str, Vec<String>>;

async fn lists(suite: &Suite, id: &str, size: i32) -> Lists {
    let mut lists = lists_of_care(suite, id, size).await;
    lists.extend(lists_of_ties(suite, id, size).await);
    lists
}

async fn lists_of_care(suite: &Suite, id: &str, size: i32) -> Lists {
    let surveys = SurveyServiceClient::new(suite.transport.clone());
    let terms = Terms::new(suite.transport.clone());
    let complaints = pages!(
        care(suite),
        list_complaints,
        ListComplaintsRequest {
            customer_id: id.into(),
            open_only: false
        },
        size,
        complaints,
        |it: wire::Complaint| format!("{} {}", it.complaint_id, it.customer_id)
    );
    let promises = pages!(
        care(suite),
        list_promises,
        ListPromisesRequest {
            customer_id: id.into(),
            open_only: false
        },
        size,
        promises,
        |it: wire::Promise| format!("{} {}", it.promise_id, it.customer_id)
    );
    let surveys = pages!(
        surveys,
        list_surveys,
        ListSurveysRequest {
            customer_id: id.into()
        },
        size,
        surveys,
        |it: wire::Survey| format!("{} {}", it.survey_id, it.customer_id)
    );
    let claims = pages!(
        crate::profiles::profiles(suite),
        list_profile_claims,
        ListProfileClaimsRequest {
            customer_id: id.into(),
            name: String::new()
        },
        size,
        claims,
        |it: wire::ProfileClaim| format!("{} {}", it.source, it.customer_id)
    );
    let signals = pages!(
        terms,
        list_leaving_signals,
        ListLeavingSignalsRequest {
            customer_id: id.into()
        },
        size,
        signals,
        |it: wire::LeavingSignal| it.customer_id
    );
    BTreeMap::from([
        ("complaints", complaints),
        ("promises", promises),
        ("surveys", surveys),
        ("signals", signals),
        ("claims", claims),
    ])
}

async fn lists_of_ties(suite: &Suite, id: &str, size: i32) -> Lists {
    let transport = || suite.transport.clone();
    let consents = pages!(
        Consents::new(transport()),
        list_consents,
        ListConsentsRequest {
            customer_id: id.into(),
            purpose: 0
        },
        size,
        consents,
        |it: wire::Consent| format!("{:?} {}", it.status(), it.customer_id)
    );
    let accounts = pages!(
        AccountServiceClient::new(transport()),
        list_billing_accounts,
        ListBillingAccountsRequest {
            customer_id: id.into()
        },
        size,
        billing_accounts,
        |it: wire::BillingAccount| it.account_id
    );
    let groups = pages!(
        Groups::new(transport()),
        list_groups,
        ListGroupsRequest {
            customer_id: id.into(),
            at_time: None
        },
        size,
        memberships,
        |it: wire::GroupMembership| format!("{} {}", it.group_id, it.customer_id)
    );
    let related = pages!(
        PartyServiceClient::new(transport()),
        list_relationships,
        ListRelationshipsRequest {
            customer_id: id.into(),
            at_time: None,
            kind: 0
        },
        size,
        relationships,
        |it: wire::Relationship| format!("{} {}", it.from_customer_id, it.to_customer_id)
    );
    BTreeMap::from([
        ("consents", consents),
        ("accounts", accounts),
        ("groups", groups),
        ("related", related),
    ])
}

async fn steps(suite: &Suite, id: &str, size: i32) -> Vec<String> {
    pages!(
        care(suite),
        list_complaint_steps,
        ListComplaintStepsRequest {
            customer_id: id.into(),
            complaint_id: "T-ada".into()
        },
        size,
        steps,
        |it: wire::ComplaintStep| it.owner.unwrap().person_code
    )
}

async fn consent(suite: &Suite, id: &str, status: wire::ConsentStatus) {
    let request = wire::RecordConsentRequest {
        request_id: fresh(),
        consent: Some(wire::Consent {
            customer_id: id.into(),
            purpose: wire::ConsentPurpose::Marketing.into(),
            status: status.into(),
            legal_basis: wire::LegalBasis::Consent.into(),
            valid_from: day("2025-01-01"),
            source: "web-shop".into(),
            ..Default::default()
        }),
    };
    let mut ledger = Consents::new(suite.transport.clone());
    ledger.record_consent(request).await.unwrap();
}

async fn may_be_called(suite: &Suite, id: &str) -> bool {
    let request = wire::CheckConsentRequest {
        customer_id: id.into(),
        purpose: wire::ConsentPurpose::Marketing.into(),
        ..Default::default()
    };
    let mut ledger = Consents::new(suite.transport.clone());
    let answer = ledger.check_consent(request).await.unwrap();
    answer.into_inner().allowed
}

/// Gives ada and bob one of each, and what is between them.
async fn fill(suite: &mut Suite) {
    for id in ["ada", "bob"] {
        let first = line(id, &format!("S-{id}"), "", "2024-01-01");
        suite.subscribe(vec![first]).await.unwrap();
        fill_one(suite, id).await;
        crate::fill::account_and_group(suite, id).await;
        let signal = wire::RecordLeavingSignalRequest {
            request_id: fresh(),
            customer_id: id.into(),
            kind: wire::LeavingSignalKind::PortabilityEnquiry.into(),
            ..Default::default()
        };
        let mut terms = Terms::new(suite.transport.clone());
        terms.record_leaving_signal(signal).await.unwrap();
        let believed = crate::profiles::claim(id, "survey", text("hobby", "chess"));
        crate::profiles::record(suite, vec![believed])
            .await
            .unwrap();
    }
    let member = wire::AddGroupMembersRequest {
        request_id: fresh(),
        group_id: "G-ada".into(),
        members: vec![wire::NewGroupMember {
            customer_id: "bob".into(),
            ..Default::default()
        }],
    };
    let mut groups = Groups::new(suite.transport.clone());
    groups.add_group_members(member).await.unwrap();
    let paid = wire::CreateRelationshipRequest {
        request_id: fresh(),
        kind: wire::RelationshipKind::Payer.into(),
        from_customer_id: "ada".into(),
        to_customer_id: "bob".into(),
        ..Default::default()
    };
    let mut parties = PartyServiceClient::new(suite.transport.clone());
    parties.create_relationship(paid).await.unwrap();
    // Both say it at one instant.
    consent(suite, "ada", wire::ConsentStatus::Granted).await;
    consent(suite, "bob", wire::ConsentStatus::Refused).await;
}

/// Sorts what both lists hold, and keeps one of what both hold.
fn together(ada: &Lists, bob: &Lists) -> Lists {
    let mut all = ada.clone();
    for (list, rows) in bob {
        let of = all.get_mut(list).unwrap();
        of.extend(rows.iter().filter(|_| *list != "related").cloned());
        of.sort();
    }
    all
}

#[tokio::test]
async fn every_list_answers_for_all_members_of_a_record_in_pages_of_any_size() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        fill(&mut suite).await;
        let ada = lists(&suite, "ada", 9).await;
        let bob = lists(&suite, "bob", 9).await;
        let wanted = together(&ada, &bob);
        assert!(may_be_called(&suite, "ada").await);

        let merged = suite.merge("ada", &["bob"]).await.unwrap();

        for (asked, size) in [("ada", 1), ("bob", 1), ("ada", 9), ("bob", 2)] {
            let mut found = lists(&suite, asked, size).await;
            found.values_mut().for_each(|rows| rows.sort());
            assert_eq!(found, wanted, "{asked} in pages of {size}");
            assert_eq!(steps(&suite, asked, size).await, ["d7", "n2"]);
            assert!(!may_be_called(&suite, asked).await);
        }
        suite.unmerge(&merged.merge_id).await.unwrap();
        assert_eq!(lists(&suite, "ada", 1).await, ada);
        assert_eq!(lists(&suite, "bob", 1).await, bob);
        assert!(may_be_called(&suite, "ada").await);
    })
    .await;
}
