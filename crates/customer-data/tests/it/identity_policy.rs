//! Policies, and what they make of a base.

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::MatchForm as Form;
use tenure_proto::customer::v1::{MatchFindingKind as Kind, MatchFindingState as State};
use tenure_testkit::assert_code;
use tonic::Code;

use crate::identity_base::*;
use crate::identity_suite::*;
use crate::suite::*;

#[tokio::test]
async fn a_policy_is_a_draft_then_active_then_retired_and_blocked_values_are_not_kept() {
    each_suite(async |suite| {
        let first = suite.policy(policy()).await.unwrap();
        let second = suite.policy(wire::IdentityPolicy::default()).await.unwrap();
        assert_eq!([first.version, second.version], [1, 2]);
        assert!(first.keys[2].blocked_values.is_empty());
        assert_eq!(first.keys[2].blocked_fingerprints.len(), 1);
        assert_eq!(first.keys[0].parts, policy().keys[0].parts);

        suite.activate(1).await.unwrap();
        let active = suite.activate(2).await.unwrap();
        assert_eq!(active.state(), wire::IdentityPolicyState::Active);
        let mut states = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = wire::ListIdentityPoliciesRequest {
                page_size: 1,
                page_token,
            };
            let page = suite
                .identity()
                .list_identity_policies(request)
                .await
                .unwrap()
                .into_inner();
            states.extend(page.policies.iter().map(|it| (it.version, it.state())));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        use wire::IdentityPolicyState::{Active, Retired};
        assert_eq!(states, [(2, Active), (1, Retired)]);
        let unknown = suite.activate(3).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "IDENTITY_POLICY_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn every_mistake_of_a_policy_is_named() {
    each_suite(async |suite| {
        let wrong = wire::IdentityPolicy {
            keys: vec![
                wire::MatchKey {
                    customers_max: 11,
                    blocked_values: vec!["x".into()],
                    ..key(
                        "Mail",
                        vec![part(&["email"], Form::Email), part(&[], Form::Unspecified)],
                        0,
                    )
                },
                key("Mail", Vec::new(), 1),
            ],
            propose_weight: 50,
            merge_weight: 40,
            record_members_max: 65,
            sources: vec![wire::SourceTrust {
                system: String::new(),
                trust: 101,
            }],
            rules: vec![wire::SurvivorshipRule {
                field: "join_time".into(),
                criteria: vec![9],
            }],
            ..Default::default()
        };
        let refused = suite.policy(wrong).await.unwrap_err();
        let mut named = fields(&refused);
        named.sort_unstable();
        named.dedup();
        let mut expected = [
            "keys[0].name",
            "keys[0].weight",
            "keys[0].customers_max",
            "keys[0].parts[0].fields[0]",
            "keys[0].parts[1].fields",
            "keys[0].parts[1].form",
            "keys[0].blocked_values[0]",
            "keys[1].name",
            "keys[1].parts",
            "merge_weight",
            "record_members_max",
            "sources[0].system",
            "sources[0].trust",
            "rules[0].field",
            "rules[0].criteria",
        ]
        .map(|field| format!("policy.{field}"));
        expected.sort_unstable();
        assert_eq!(named, expected);
    })
    .await;
}

#[tokio::test]
async fn fields_follow_the_policy_in_force_and_say_why() {
    each_suite(async |mut suite| {
        let known = |customer: wire::Customer, system: &str| wire::Customer {
            external_ids: vec![external(system, &customer.customer_id)],
            ..customer
        };
        let trusted = person("ann", &[("city", "Bern"), ("mail", "a")]);
        suite.upsert(vec![known(trusted, "crm")]).await.unwrap();
        suite.clock.advance(Span::from_days(1));
        let newer = person("ann2", &[("city", "Basel"), ("mail", "b")]);
        suite.upsert(vec![known(newer, "web")]).await.unwrap();
        suite.merge("ann", &["ann2"]).await.unwrap();
        // Without a policy the newest stands.
        assert!(
            suite
                .get("ann")
                .await
                .attributes
                .contains(&text("mail", "b"))
        );

        suite.policy(policy()).await.unwrap();
        suite.activate(1).await.unwrap();

        let explained = suite.explain("ann2").await;
        let whole = explained.customer.unwrap();
        assert_eq!(Some(&whole), Some(&suite.get("ann").await));
        assert!(whole.attributes.contains(&text("mail", "a")));
        assert!(whole.attributes.contains(&text("city", "Basel")));
        assert_eq!(explained.policy_version, 1);
        let origin = |field: &str| {
            let origin = explained
                .origins
                .iter()
                .find(|it| it.field == field)
                .unwrap();
            (origin.customer_id.as_str(), origin.reason())
        };
        use wire::OriginReason::{Agreement, Recency, SourceTrust};
        assert_eq!(origin("attributes.mail"), ("ann", SourceTrust));
        assert_eq!(origin("attributes.city"), ("ann2", Recency));
        assert_eq!(origin("kind").1, Agreement);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_says_what_a_policy_would_do_and_changes_nothing() {
    each_suite(async |mut suite| {
        base(&mut suite).await;
        suite.policy(policy()).await.unwrap();
        let told = suite.changes().await.len();

        let run = suite.run(1).await;

        assert_eq!(run.state(), wire::MatchingRunState::Completed);
        assert!(run.dry);
        let counts = (run.customer_count, run.merge_count, run.proposal_count);
        assert_eq!(counts, (13, 2, 1));
        assert_eq!(
            (
                run.quarantine_count,
                run.split_count,
                run.shared_value_count
            ),
            (0, 0, 1)
        );
        let mut merges = suite.findings(&run, Kind::Merge).await;
        merges.sort_by(|a, b| a.customer_ids.cmp(&b.customer_ids));
        let expected = [
            pair("ann1+ann2", "document"),
            pair("bob1+bob2", "phone_and_birth"),
        ];
        assert_eq!(about(&merges), expected);
        assert!(merges.iter().all(|it| it.fingerprint.len() == 32));
        let proposals = suite.findings(&run, Kind::Proposal).await;
        assert_eq!(about(&proposals), [pair("eve1+eve2", "email")]);
        assert_eq!(proposals[0].weight, 40);
        assert_eq!(suite.changes().await.len(), told);
        let refused = suite.apply(&run).await.unwrap_err();
        assert_code(
            &refused,
            Code::FailedPrecondition,
            "MATCHING_RUN_NOT_APPLICABLE",
        );
    })
    .await;
}

#[tokio::test]
async fn merges_of_a_policy_say_what_caused_them_and_skip_who_agrees_no_longer() {
    each_suite(async |mut suite| {
        base(&mut suite).await;
        suite.policy(policy()).await.unwrap();
        suite.activate(1).await.unwrap();
        let run = suite.run(1).await;
        suite
            .upsert(vec![person("bob2", &[("birth_date", "1991-01-01")])])
            .await
            .unwrap();

        let applied = suite.apply(&run).await.unwrap();

        let counts = (
            applied.merged_count,
            applied.skipped_count,
            applied.remaining_count,
        );
        assert_eq!(counts, (1, 1, 0));
        let explained = suite.explain("ann2").await;
        assert_eq!(explained.record, record("ann1", &["ann1", "ann2"]));
        let merges = suite.findings(&run, Kind::Merge).await;
        let ann = merges.iter().find(|it| it.match_key == "document").unwrap();
        let bob = merges.iter().find(|it| it.match_key != "document").unwrap();
        let cause = explained.links[0].cause.clone().unwrap();
        let edge = (
            cause.policy_version,
            cause.match_key.as_str(),
            cause.fingerprint,
        );
        assert_eq!(edge, (1, "document", ann.fingerprint.clone()));
        assert_eq!((ann.state(), bob.state()), (State::Applied, State::Skipped));
        assert_eq!(bob.reason, "DISAGREE");
        assert_eq!(
            suite.explain("bob1").await.record,
            record("bob1", &["bob1"])
        );

        // What is one already is found no more; a policy without the key would take it apart.
        let again = suite.run(1).await;
        assert_eq!((again.merge_count, again.split_count), (0, 0));
        let other = wire::IdentityPolicy {
            keys: policy().keys[1..].to_vec(),
            ..policy()
        };
        suite.policy(other).await.unwrap();
        let dry = suite.run(2).await;
        assert_eq!((dry.dry, dry.merge_count, dry.split_count), (true, 0, 1));
        let splits = suite.findings(&dry, Kind::Split).await;
        assert_eq!(splits[0].merge_id, explained.links[0].merge_id);
        suite.unmerge(&splits[0].merge_id).await.unwrap();
        assert_eq!(
            suite.explain("ann2").await.record,
            record("ann2", &["ann2"])
        );
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_grows_too_large_waits_for_a_person() {
    each_suite(async |mut suite| {
        let people = [
            person("c1", &[("document", "A1"), ("email", "x@example.com")]),
            person(
                "c2",
                &[
                    ("document", "A1"),
                    ("birth_date", "1990-01-01"),
                    ("contact_number", "+41315550002"),
                ],
            ),
            person(
                "c3",
                &[
                    ("document", "A3"),
                    ("birth_date", "1990-01-01"),
                    ("contact_number", "+41315550002"),
                ],
            ),
            person("c4", &[("document", "A3")]),
        ];
        suite.upsert(people.to_vec()).await.unwrap();
        suite.policy(policy()).await.unwrap();
        suite.activate(1).await.unwrap();

        let run = suite.run(1).await;

        assert_eq!((run.merge_count, run.quarantine_count), (0, 1));
        let waiting = suite.in_quarantine().await;
        assert_eq!(waiting[0].customer_ids, ["c1", "c2", "c3", "c4"]);
        assert_eq!(waiting, suite.findings(&run, Kind::Quarantine).await);
        assert_eq!(suite.apply(&run).await.unwrap().merged_count, 0);
        // Later runs do not begin it anew.
        assert_eq!(suite.run(1).await.quarantine_count, 0);
        let resolve = wire::ResolveQuarantineRequest {
            request_id: fresh(),
            run_id: run.run_id.clone(),
            number: waiting[0].number,
            actor: "clerk".into(),
            reason: "TWO_PEOPLE".into(),
        };
        let resolved = suite
            .identity()
            .resolve_quarantine(resolve.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(resolved.finding.unwrap().state(), State::Resolved);
        assert!(suite.in_quarantine().await.is_empty());
        let repeated = suite
            .identity()
            .resolve_quarantine(resolve.clone())
            .await
            .unwrap()
            .into_inner();
        assert!(repeated.replayed);
        let twice = wire::ResolveQuarantineRequest {
            request_id: fresh(),
            ..resolve
        };
        let twice = suite
            .identity()
            .resolve_quarantine(twice)
            .await
            .unwrap_err();
        assert_code(&twice, Code::NotFound, "QUARANTINE_NOT_FOUND");
        assert_eq!(suite.run(1).await.quarantine_count, 0);
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_not_there_is_refused() {
    each_suite(async |suite| {
        let run_id = fresh();
        let request = wire::GetMatchingRunRequest {
            run_id: run_id.clone(),
        };
        let unknown = suite
            .identity()
            .get_matching_run(request)
            .await
            .unwrap_err();
        assert_code(&unknown, Code::NotFound, "MATCHING_RUN_NOT_FOUND");
        let request_id = fresh();
        let request = wire::RunMatchingRequest {
            request_id,
            policy_version: 7,
        };
        let unknown = suite.identity().run_matching(request).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "IDENTITY_POLICY_NOT_FOUND");
        let wrong = wire::ListMatchFindingsRequest::default();
        let wrong = suite
            .identity()
            .list_match_findings(wrong)
            .await
            .unwrap_err();
        assert_eq!(fields(&wrong), ["run_id", "kind"]);
    })
    .await;
}
