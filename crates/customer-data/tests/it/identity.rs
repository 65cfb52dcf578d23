//! Customers that are one: merges, their undoing, and what reads make of them.

use std::collections::BTreeMap;

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::brief_touchpoint_request;
use tenure_proto::customer::v1::briefing_service_client::BriefingServiceClient;
use tenure_proto::customer::v1::change::Fact;
use tenure_proto::customer::v1::lookup_customer_request::Key;
use tenure_testkit::assert_code;
use tonic::Code;

use crate::identity_suite::*;
use crate::suite::*;

#[tokio::test]
async fn every_id_of_a_record_answers_with_the_record() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let loser = wire::Customer {
            display_name: "Ada L".into(),
            external_ids: vec![external("crm", "7")],
            attributes: vec![text("city", "Bern")],
            ..customer("bob")
        };
        let survivor = wire::Customer {
            display_name: "Ada".into(),
            ..customer("ada")
        };
        suite.upsert(vec![loser, survivor]).await.unwrap();
        let line = line("bob", "S1", "+999123456", "2024-01-01");
        suite.subscribe(vec![line]).await.unwrap();

        let merged = suite.merge("ada", &["bob"]).await.unwrap();

        assert_eq!(merged.record, record("ada", &["ada", "bob"]));
        let asked = wire::GetCustomerRequest {
            customer_id: "bob".into(),
        };
        let answer = suite.client.get_customer(asked).await.unwrap().into_inner();
        let whole = suite.get("ada").await;
        assert_eq!(answer.merged_customer_id, "bob");
        assert_eq!(answer.customer, Some(whole.clone()));
        assert_eq!(whole.customer_id, "ada");
        assert_eq!(whole.attributes, [text("city", "Bern")]);
        for key in [
            Key::Msisdn("+999123456".into()),
            Key::ExternalId(external("crm", "7")),
        ] {
            let request = wire::LookupCustomerRequest {
                key: Some(key),
                at_time: None,
            };
            let found = suite
                .client
                .lookup_customer(request)
                .await
                .unwrap()
                .into_inner();
            assert_eq!(found.customer, Some(whole.clone()));
            assert_eq!(found.merged_customer_id, "bob");
        }
        let all = wire::ListCustomersRequest::default();
        let all = suite.client.list_customers(all).await.unwrap().into_inner();
        assert_eq!(all.customers, [whole]);
        // Whoever keeps books by id gets what was written for it.
        let customer_ids = vec!["bob".to_owned()];
        let own = wire::BatchGetCustomersRequest { customer_ids };
        let own = suite
            .client
            .batch_get_customers(own)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(own.customers[0].display_name, "Ada L");
    })
    .await;
}

#[tokio::test]
async fn what_any_member_has_is_listed_for_each_in_order_page_by_page() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        fill(&mut suite).await;
        suite.merge("ada", &["bob"]).await.unwrap();
        suite.merge("eve", &["bob"]).await.unwrap();

        for asked in ["ada", "bob", "eve"] {
            for size in [1, 2, 100] {
                let seen = suite.everything(asked, size).await;
                // The same subscription twice: it was given from one to the other.
                assert_eq!(
                    seen["subscriptions"],
                    ["S1 ada", "S1 bob", "S2 bob", "S3 ada"]
                );
                assert_eq!(seen["bills"], ["B4 bob", "B2 ada", "B3 bob", "B1 ada"]);
                assert_eq!(
                    seen["usage"],
                    ["2024-02 bob", "2024-02 ada", "2024-01 bob", "2024-01 ada"]
                );
                assert_eq!(seen["interactions"], ["I3 bob", "I1 ada", "I2 bob"]);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_written_for_a_member_stays_its_own() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let merged = suite.merge("ada", &["bob"]).await.unwrap();

        suite.bill(vec![sent("bob", "B1", 0)]).await.unwrap();
        suite.bill(vec![sent("ada", "B2", 1)]).await.unwrap();
        let named = wire::Customer {
            display_name: "Bob".into(),
            ..customer("bob")
        };
        suite.upsert(vec![named]).await.unwrap();

        assert_eq!(
            suite.everything("ada", 9).await["bills"],
            ["B2 ada", "B1 bob"]
        );
        assert_eq!(suite.get("ada").await.display_name, "Bob");
        suite.unmerge(&merged.merge_id).await.unwrap();
        assert_eq!(suite.everything("ada", 9).await["bills"], ["B2 ada"]);
        assert_eq!(suite.everything("bob", 9).await["bills"], ["B1 bob"]);
        assert_eq!(suite.get("ada").await.display_name, "");
        assert_eq!(suite.get("bob").await.display_name, "Bob");
        // An id is never free again.
        let request = wire::CreateCustomerRequest {
            request_id: fresh(),
            customer: Some(customer("bob")),
        };
        let again = suite.client.create_customer(request).await.unwrap_err();
        assert_code(&again, Code::AlreadyExists, "CUSTOMER_EXISTS");
    })
    .await;
}

#[tokio::test]
async fn the_nameless_never_survive_the_named() {
    each_suite(async |mut suite| {
        let ada = wire::Customer {
            display_name: "Ada".into(),
            attributes: vec![text("city", "Bern")],
            ..customer("ada")
        };
        let visitor = wire::Customer {
            external_ids: vec![external("web", "cookie")],
            attributes: vec![text("city", "nowhere")],
            ..customer("visitor")
        };
        suite.upsert(vec![ada, visitor]).await.unwrap();

        let merged = suite.merge("visitor", &["ada"]).await.unwrap();

        assert_eq!(merged.record, record("ada", &["ada", "visitor"]));
        let whole = suite.get("visitor").await;
        assert_eq!(whole.customer_id, "ada");
        assert_eq!(whole.attributes, [text("city", "Bern")]);
        let key = Some(Key::ExternalId(external("web", "cookie")));
        let request = wire::LookupCustomerRequest { key, at_time: None };
        let found = suite
            .client
            .lookup_customer(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(found.customer, Some(whole));
    })
    .await;
}

#[tokio::test]
async fn a_repeat_answers_the_same_and_another_body_is_refused() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        let request = merge_request("ada", &["bob"]);
        let first = suite
            .identity()
            .merge_customers(request.clone())
            .await
            .unwrap()
            .into_inner();
        suite.clock.advance(Span::from_days(1));

        let again = suite
            .identity()
            .merge_customers(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert!(again.replayed && !first.replayed);
        assert_eq!(again.merge_id, first.merge_id);
        let other = wire::MergeCustomersRequest {
            loser_customer_ids: vec!["eve".into()],
            ..request
        };
        let refused = suite.identity().merge_customers(other).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");

        let request = unmerge_request(&first.merge_id);
        let first = suite
            .identity()
            .unmerge_customers(request.clone())
            .await
            .unwrap()
            .into_inner();
        let again = suite
            .identity()
            .unmerge_customers(request)
            .await
            .unwrap()
            .into_inner();
        assert!(again.replayed && !first.replayed);
        assert_eq!(again.records, first.records);
        let records = ["ada", "bob"].map(|id| record(id, &[id]).unwrap());
        assert_eq!(first.records, records);
    })
    .await;
}

#[tokio::test]
async fn a_merge_that_cannot_be_is_refused_and_changes_nothing() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        let merged = suite.merge("ada", &["bob"]).await.unwrap();
        suite.merge("bob", &["eve"]).await.unwrap();
        let told = suite.changes().await.len();

        let circles = [
            ("eve", "ada"),
            ("ada", "ada"),
            ("ada", "eve"),
            ("bob", "ada"),
        ];
        for (survivor, loser) in circles {
            let refused = suite.merge(survivor, &[loser]).await.unwrap_err();
            assert_code(&refused, Code::FailedPrecondition, "ALREADY_ONE_RECORD");
        }
        let nobody = suite.merge("ada", &["nobody"]).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
        let empty = wire::MergeCustomersRequest::default();
        let wrong = suite.identity().merge_customers(empty).await.unwrap_err();
        let named = [
            "request_id",
            "survivor_customer_id",
            "loser_customer_ids",
            "actor",
        ];
        assert_eq!(fields(&wrong), named);
        let unknown = suite.unmerge(&fresh()).await.unwrap_err();
        assert_code(&unknown, Code::NotFound, "MERGE_NOT_FOUND");
        let wrong = suite.unmerge("x").await.unwrap_err();
        assert_eq!(fields(&wrong), ["merge_id"]);
        assert_eq!(suite.changes().await.len(), told);

        suite.unmerge(&merged.merge_id).await.unwrap();
        let undone = suite.unmerge(&merged.merge_id).await.unwrap_err();
        assert_code(&undone, Code::FailedPrecondition, "MERGE_UNDONE");
    })
    .await;
}

#[tokio::test]
async fn a_record_has_at_most_sixty_four_members() {
    each_suite(async |mut suite| {
        let ids: Vec<String> = (0..66).map(|n| format!("C{n:02}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        suite
            .upsert(ids.iter().map(|id| customer(id)).collect())
            .await
            .unwrap();
        for losers in ids[1..65].chunks(16).take(3) {
            suite.merge(ids[0], losers).await.unwrap();
        }
        let losers = &ids[49..65];
        let refused = suite.merge(ids[0], losers).await.unwrap_err();
        assert_code(&refused, Code::FailedPrecondition, "RECORD_TOO_LARGE");
        suite.merge(ids[0], &losers[1..]).await.unwrap();
        assert_eq!(
            suite
                .explain("C40")
                .await
                .record
                .unwrap()
                .member_customer_ids
                .len(),
            64
        );
    })
    .await;
}

#[tokio::test]
async fn every_member_is_told_what_its_record_is_now() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        let merged = suite.merge("ada", &["bob"]).await.unwrap();
        suite.merge("ada", &["eve"]).await.unwrap();
        suite.unmerge(&merged.merge_id).await.unwrap();

        let mut told: BTreeMap<String, Vec<(i32, String)>> = BTreeMap::new();
        for change in suite.changes().await {
            if let Some(Fact::Merge(merge)) = change.fact {
                let record = merge.record.unwrap();
                let members = record.member_customer_ids.join("+");
                let state = format!("{}: {members}", record.survivor_customer_id);
                told.entry(change.customer_id)
                    .or_default()
                    .push((merge.kind, state));
                assert_eq!(merge.cause.unwrap().actor, "clerk");
            }
        }
        let of = |states: &[(i32, &str)]| -> Vec<(i32, String)> {
            states
                .iter()
                .map(|(kind, state)| (*kind, (*state).to_owned()))
                .collect()
        };
        let (pair, all) = ((1, "ada: ada+bob"), (1, "ada: ada+bob+eve"));
        assert_eq!(told["ada"], of(&[pair, all, (2, "ada: ada+eve")]));
        assert_eq!(told["bob"], of(&[pair, all, (2, "bob: bob")]));
        assert_eq!(told["eve"], of(&[all, (2, "ada: ada+eve")]));
    })
    .await;
}

#[tokio::test]
async fn links_say_who_decided_when_and_why_and_stay_when_they_are_undone() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        let first = suite.merge("ada", &["bob"]).await.unwrap();
        suite.clock.advance(Span::from_days(1));
        suite.merge("bob", &["eve"]).await.unwrap();
        suite.clock.advance(Span::from_days(1));
        let links = suite.explain("eve").await.links;
        let pairs: Vec<_> = links
            .iter()
            .map(|it| {
                (
                    it.survivor_customer_id.as_str(),
                    it.loser_customer_id.as_str(),
                )
            })
            .collect();
        assert_eq!(pairs, [("ada", "bob"), ("bob", "eve")]);
        suite.unmerge(&first.merge_id).await.unwrap();

        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = wire::ListMergeLinksRequest {
                customer_id: "bob".into(),
                page_size: 1,
                page_token,
            };
            let page = suite
                .identity()
                .list_merge_links(request)
                .await
                .unwrap()
                .into_inner();
            seen.extend(page.links);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0], links[1]);
        assert_eq!(seen[1].merge_time, day("2025-01-01"));
        assert_eq!(seen[1].unmerge_time, day("2025-01-03"));
        let words = (
            seen[1].unmerge_actor.as_str(),
            seen[1].unmerge_reason.as_str(),
        );
        assert_eq!(words, ("clerk", "MISTAKE"));
        let nobody = wire::ExplainIdentityRequest {
            customer_id: "nobody".into(),
        };
        let nobody = suite.identity().explain_identity(nobody).await.unwrap_err();
        assert_code(&nobody, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_new_reader_is_told_the_records_there_are() {
    each_suite(async |suite| {
        let suite = suite.with_customers(&["ada", "bob", "eve"]).await;
        suite.merge("ada", &["bob"]).await.unwrap();
        let request = wire::WatchChangesRequest {
            start: wire::WatchStart::Snapshot.into(),
            fact_kinds: vec!["merge".into()],
            ..Default::default()
        };
        let mut client = suite.client.clone();
        let mut stream = client.watch_changes(request).await.unwrap().into_inner();
        let mut told = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            for change in message.changes {
                let Some(Fact::Merge(merge)) = change.fact else {
                    panic!("only merges were asked for");
                };
                told.push((change.customer_id, merge.kind, merge.record));
            }
        }
        told.sort_by(|a, b| a.0.cmp(&b.0));
        let whole = record("ada", &["ada", "bob"]);
        let of = |id: &str| (id.to_owned(), 1, whole.clone());
        assert_eq!(told, [of("ada"), of("bob")]);
    })
    .await;
}

#[tokio::test]
async fn a_touchpoint_is_briefed_on_the_whole_record() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        fill(&mut suite).await;
        suite.merge("ada", &["bob"]).await.unwrap();
        let mut client = BriefingServiceClient::new(suite.transport.clone());
        for id in ["ada", "bob"] {
            let request = wire::BriefTouchpointRequest {
                key: Some(brief_touchpoint_request::Key::CustomerId(id.into())),
                channel: 2,
            };
            let answer = client.brief_touchpoint(request).await.unwrap().into_inner();
            let briefing = answer.briefing.unwrap();
            assert_eq!(briefing.caller.unwrap().customer_id, "ada");
            let mut lines: Vec<_> = briefing
                .subscriptions
                .unwrap()
                .subscriptions
                .into_iter()
                .map(|it| it.subscription_id)
                .collect();
            lines.sort_unstable();
            assert_eq!(lines, ["S1", "S2", "S3"]);
            let contacts = briefing.contacts.unwrap().interactions;
            let contacts: Vec<_> = contacts
                .iter()
                .map(|it| it.interaction_id.as_str())
                .collect();
            assert_eq!(contacts, ["I3", "I1", "I2"]);
        }
    })
    .await;
}
