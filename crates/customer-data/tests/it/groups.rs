//! Groups, their members, and what tells that one leaves together.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::GroupKind as Kind;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::group_service_client::GroupServiceClient;
use tenure_proto::customer::v1::subscription_terms_service_client::SubscriptionTermsServiceClient;
use tenure_rpc::Transport;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::suite::*;

type Groups = GroupServiceClient<Transport>;

fn group(id: &str) -> wire::Group {
    wire::Group {
        group_id: id.into(),
        kind: Kind::Corporate.into(),
        name: "A group".into(),
        place_code: "CELL-1".into(),
        ..Default::default()
    }
}

fn upsert(group: wire::Group) -> wire::UpsertGroupRequest {
    wire::UpsertGroupRequest {
        request_id: fresh(),
        group: Some(group),
    }
}

fn add(id: &str, members: &[&str], from: &str) -> wire::AddGroupMembersRequest {
    let member = |id: &&str| wire::NewGroupMember {
        customer_id: (*id).into(),
        from_time: day(from),
        until_time: None,
    };
    wire::AddGroupMembersRequest {
        request_id: fresh(),
        group_id: id.into(),
        members: members.iter().map(member).collect(),
    }
}

fn end(id: &str, member: &str, until: &str) -> wire::EndGroupMembershipRequest {
    wire::EndGroupMembershipRequest {
        request_id: fresh(),
        group_id: id.into(),
        customer_id: member.into(),
        until_time: day(until),
    }
}

async fn members(groups: &mut Groups, id: &str, at: &str) -> Vec<String> {
    let request = wire::ListGroupMembersRequest {
        group_id: id.into(),
        at_time: day(at),
        ..Default::default()
    };
    let answer = groups
        .list_group_members(request)
        .await
        .unwrap()
        .into_inner();
    answer
        .memberships
        .into_iter()
        .map(|it| it.customer_id)
        .collect()
}

/// A suite whose ada and bob are in the group G1 since 2024-01-01.
async fn with_group(suite: Suite) -> (Suite, Groups) {
    let suite = suite.with_customers(&["acme", "ada", "bob", "cy"]).await;
    let mut groups = GroupServiceClient::new(suite.transport.clone());
    let group = wire::Group {
        customer_id: "acme".into(),
        member_count_max: 2,
        ..group("G1")
    };
    groups.upsert_group(upsert(group)).await.unwrap();
    groups
        .add_group_members(add("G1", &["ada", "bob"], "2024-01-01"))
        .await
        .unwrap();
    (suite, groups)
}

#[tokio::test]
async fn members_come_and_go_and_each_is_told() {
    each_suite(async |suite| {
        let (mut suite, mut groups) = with_group(suite).await;
        let request = end("G1", "ada", "2024-06-01");
        groups.end_group_membership(request.clone()).await.unwrap();
        assert!(
            groups
                .end_group_membership(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let request = add("G1", &["cy"], "2024-06-01");
        let added = groups
            .add_group_members(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(added.created_count, 1);
        assert!(
            groups
                .add_group_members(request)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );

        assert_eq!(
            members(&mut groups, "G1", "2024-06-01").await,
            ["bob", "cy"]
        );
        let mut told = Vec::new();
        for change in suite.changes().await {
            if let Some(Fact::Group(it)) = change.fact {
                assert_eq!(it.group_kind(), Kind::Corporate);
                told.push((change.customer_id, it.until_time.is_some()));
            }
        }
        told.sort();
        let told: Vec<_> = told
            .iter()
            .map(|(who, ended)| (who.as_str(), *ended))
            .collect();
        assert_eq!(
            told,
            [("ada", false), ("ada", true), ("bob", false), ("cy", false)]
        );
    })
    .await;
}

#[tokio::test]
async fn both_sides_list_a_membership_while_it_is_valid() {
    each_suite(async |suite| {
        let (_, mut groups) = with_group(suite).await;
        groups
            .end_group_membership(end("G1", "ada", "2024-06-01"))
            .await
            .unwrap();

        assert!(members(&mut groups, "G1", "2023-12-31").await.is_empty());
        assert_eq!(
            members(&mut groups, "G1", "2024-05-31").await,
            ["ada", "bob"]
        );
        assert_eq!(members(&mut groups, "G1", "2024-06-01").await, ["bob"]);
        let list = |at: &str| wire::ListGroupsRequest {
            customer_id: "ada".into(),
            at_time: day(at),
            ..Default::default()
        };
        let then = groups
            .list_groups(list("2024-05-31"))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(then.memberships[0].group_id, "G1");
        assert_eq!(then.memberships[0].until_time, day("2024-06-01"));
        let now = groups
            .list_groups(list("2024-06-01"))
            .await
            .unwrap()
            .into_inner();
        assert!(now.memberships.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_group_has_limits_and_names_who_passes_them() {
    each_suite(async |suite| {
        let (_, mut groups) = with_group(suite).await;
        let full = groups
            .add_group_members(add("G1", &["cy"], "2024-02-01"))
            .await
            .unwrap_err();
        assert_code(&full, Code::FailedPrecondition, "GROUP_FULL");
        let twice = groups
            .add_group_members(add("G1", &["ada"], "2024-02-01"))
            .await
            .unwrap_err();
        assert_code(&twice, Code::AlreadyExists, "GROUP_MEMBER_EXISTS");
        assert_eq!(fields(&twice), ["members[0].from_time"]);
        let stranger = groups
            .add_group_members(add("G1", &["cy", "eve"], "2024-02-01"))
            .await;
        let stranger = stranger.unwrap_err();
        assert_code(&stranger, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(fields(&stranger), ["members[1].customer_id"]);
        let none = groups
            .add_group_members(add("G9", &["cy"], "2024-02-01"))
            .await
            .unwrap_err();
        assert_code(&none, Code::NotFound, "GROUP_NOT_FOUND");
        let gone = groups
            .end_group_membership(end("G1", "cy", "2024-02-01"))
            .await
            .unwrap_err();
        assert_code(&gone, Code::NotFound, "GROUP_MEMBER_NOT_FOUND");
        let large = wire::Group {
            member_count_max: 10_001,
            ..group("G2")
        };
        let large = groups.upsert_group(upsert(large)).await.unwrap_err();
        assert_eq!(fields(&large), ["group.member_count_max"]);
        let other = wire::Group {
            kind: Kind::Calling.into(),
            ..group("G1")
        };
        let other = groups.upsert_group(upsert(other)).await.unwrap_err();
        assert_eq!(fields(&other), ["group.kind"]);
    })
    .await;
}

#[tokio::test]
async fn a_group_that_may_be_larger_takes_more_and_lists_them_in_pages() {
    each_suite(async |suite| {
        let (_, mut groups) = with_group(suite).await;
        let wider = upsert(wire::Group {
            customer_id: "acme".into(),
            ..group("G1")
        });
        groups.upsert_group(wider.clone()).await.unwrap();
        assert!(
            groups
                .upsert_group(wider)
                .await
                .unwrap()
                .into_inner()
                .replayed
        );
        let request = wire::GetGroupRequest {
            group_id: "G1".into(),
        };
        let known = groups
            .get_group(request)
            .await
            .unwrap()
            .into_inner()
            .group
            .unwrap();
        assert_eq!(
            (known.member_count_max, known.customer_id.as_str()),
            (10_000, "acme")
        );
        groups
            .add_group_members(add("G1", &["cy"], "2024-02-01"))
            .await
            .unwrap();
        let page = wire::ListGroupMembersRequest {
            group_id: "G1".into(),
            at_time: day("2024-03-01"),
            page_size: 2,
            ..Default::default()
        };
        let first = groups
            .list_group_members(page.clone())
            .await
            .unwrap()
            .into_inner();
        let token = first.next_page_token;
        let rest = wire::ListGroupMembersRequest {
            page_token: token,
            ..page
        };
        let rest = groups.list_group_members(rest).await.unwrap().into_inner();
        assert_eq!((first.memberships.len(), rest.memberships.len()), (2, 1));
    })
    .await;
}

fn called(customer: &str, start: &str, voice: i64, forwarded: i64) -> wire::UsageSummary {
    wire::UsageSummary {
        voice_seconds: voice,
        in_group_voice_seconds: voice / 2,
        voice_count: voice / 60,
        forwarded_offnet_seconds: forwarded,
        forwarded_offnet_count: forwarded / 60,
        ..month(customer, "", start)
    }
}

/// Ada ports her number out and leaves, bob forwards his calls; cy is no member.
async fn lead_a_life(suite: &mut Suite, groups: &mut Groups) {
    let lines = vec![
        line("ada", "S1", "+999123456", "2024-01-01"),
        line("bob", "S2", "+999123457", "2024-01-01"),
        line("cy", "S3", "+999123458", "2024-01-01"),
    ];
    suite.subscribe(lines).await.unwrap();
    let bills = vec![
        sent("ada", "B1", 31), // 2024-02-01
        sent("acme", "B2", 40),
        sent("bob", "B3", 70), // 2024-03-11
        sent("cy", "B4", 70),
    ];
    suite.bill(bills).await.unwrap();
    let usage_summaries = vec![
        called("ada", "2024-02-01", 600, 0),
        called("bob", "2024-02-01", 1_200, 60),
        // Part of what stands in the summary of all subscriptions.
        wire::UsageSummary {
            subscription_id: "S2".into(),
            ..called("bob", "2024-02-01", 900, 0)
        },
        called("bob", "2024-03-01", 120, 600),
        called("cy", "2024-03-01", 9_000, 9_000),
    ];
    let request = wire::BatchUpsertUsageSummariesRequest {
        request_id: fresh(),
        usage_summaries,
    };
    suite
        .client
        .batch_upsert_usage_summaries(request)
        .await
        .unwrap();
    let ported = wire::TerminateSubscriptionRequest {
        ported_out: true,
        ..terminate("ada", "S1", day("2024-03-10"))
    };
    suite.client.terminate_subscription(ported).await.unwrap();
    groups
        .end_group_membership(end("G1", "ada", "2024-03-15"))
        .await
        .unwrap();
    let notice = wire::GiveTerminationNoticeRequest {
        request_id: fresh(),
        customer_id: "bob".into(),
        subscription_id: "S2".into(),
        notice_time: day("2024-03-20"),
        effective_time: day("2024-06-01"),
        reason: String::new(),
    };
    let mut terms = SubscriptionTermsServiceClient::new(suite.transport.clone());
    terms.give_termination_notice(notice).await.unwrap();
}

#[tokio::test]
async fn the_pulse_of_a_group_compares_an_interval_with_the_one_before() {
    each_suite(async |suite| {
        let (mut suite, mut groups) = with_group(suite).await;
        lead_a_life(&mut suite, &mut groups).await;
        let request = wire::GetGroupPulseRequest {
            group_id: "G1".into(),
            from_time: day("2024-03-01"),
            until_time: day("2024-04-01"),
            usage_period: 0,
        };
        let answer = groups
            .get_group_pulse(request.clone())
            .await
            .unwrap()
            .into_inner();

        let (now, before) = (answer.pulse.unwrap(), answer.pulse_before.unwrap());
        assert_eq!(
            (before.from_time, before.until_time),
            (day("2024-01-30"), day("2024-03-01"))
        );
        let counts = |it: &wire::GroupPulse| {
            (
                it.member_count,
                it.joined_count,
                it.left_count,
                it.terminated_count,
                it.ported_out_count,
            )
        };
        assert_eq!(
            (counts(&before), counts(&now)),
            ((2, 0, 0, 0, 0), (2, 0, 1, 1, 1))
        );
        assert_eq!((before.noticed_count, now.noticed_count), (0, 1));
        assert_eq!(before.billed, [euro(4_000).unwrap()]);
        assert_eq!(now.billed, [euro(2_000).unwrap()]);
        let calls = |it: &wire::GroupPulse| (it.voice_seconds, it.forwarded_offnet_seconds);
        assert_eq!((calls(&before), calls(&now)), ((1_800, 60), (120, 600)));
        assert_eq!(
            (before.in_group_voice_seconds, before.voice_count),
            (900, 30)
        );
        assert_eq!(
            (before.forwarded_offnet_count, now.forwarded_offnet_count),
            (1, 10)
        );
        let long = wire::GetGroupPulseRequest {
            until_time: day("2025-03-03"),
            ..request
        };
        let long = groups.get_group_pulse(long).await.unwrap_err();
        assert_eq!(fields(&long), ["until_time"]);
    })
    .await;
}
