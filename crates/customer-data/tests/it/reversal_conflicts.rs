//! Reverting an import after which somebody changed something: that stays, and is told.

use tenure_core::Span;
use tenure_proto::customer::v1 as wire;
use wire::ImportConflictReason as Reason;

use crate::reversal::{file, reversals, reverted};
use crate::suite::*;

/// Returns the conflicts of an import, page by page.
async fn conflicts(suite: &Suite, id: &str, size: i32) -> Vec<Told> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListImportConflictsRequest {
            import_id: id.into(),
            page_size: size,
            page_token,
        };
        let page = reversals(suite).list_import_conflicts(request).await;
        let page = page.unwrap().into_inner();
        all.extend(page.import_conflicts.into_iter().map(|it| {
            let reason = it.reason();
            (it.customer_id, it.fact_kind, it.fact_id, reason)
        }));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            all.sort();
            return all;
        }
    }
}

type Told = (String, String, String, Reason);

fn told(all: &[Told]) -> Vec<(&str, &str, &str, Reason)> {
    fn text(it: &Told) -> (&str, &str, &str, Reason) {
        (&it.0, &it.1, &it.2, it.3)
    }
    all.iter().map(text).collect()
}

#[tokio::test]
async fn a_made_customer_whom_somebody_touched_stays_whole() {
    each_suite(async |mut suite| {
        let rows = "changed,N,1,1,L0,+9990009991,9.00,,,\n\
                    billed,N,2,1,L0,+9990009992,9.00,B0,,\n\
                    used,N,3,1,,,,,5,\n\
                    first_used,N,4,1,,,,,,\n\
                    moved,N,5,1,L0,+9990009995,9.00,,,\n\
                    complained,N,6,1,,,,,,\n\
                    untouched,N,7,1,L0,+9990009997,9.00,B0,5,I0\n";
        let import = file(rows).run(&suite).await.unwrap().import;
        suite.clock.advance(Span::from_seconds(60));
        let renamed = wire::Customer {
            display_name: "Other".into(),
            ..customer("changed")
        };
        suite.upsert(vec![renamed]).await.unwrap();
        suite.bill(vec![sent("billed", "later", 30)]).await.unwrap();
        let usage = |of: &str| month(of, "", "2024-09-01");
        let usage = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries: vec![usage("used"), usage("first_used")],
        };
        suite
            .client
            .batch_upsert_usage_summaries(usage)
            .await
            .unwrap();
        let line = line("moved", "moved-L0", "+9990009998", "2024-07-01");
        suite.subscribe(vec![line]).await.unwrap();
        crate::care_suite::fill_one(&suite, "complained").await;
        let kept = suite.get("changed").await;
        suite.clock.advance(Span::from_seconds(60));

        let reversal = reverted(&suite, &import.import_id).await;

        assert_eq!(reversal.removed_customer_count, 1);
        assert_eq!(reversal.conflict_count, 6);
        let all = conflicts(&suite, &import.import_id, 4).await;
        let changed = |id| (id, "customer", "", Reason::Changed);
        assert_eq!(
            told(&all),
            [
                changed("billed"),
                changed("changed"),
                ("complained", "customer", "", Reason::InUse),
                changed("first_used"),
                changed("moved"),
                changed("used"),
            ]
        );
        assert_eq!(suite.get("changed").await, kept);
        assert_eq!(
            suite.subscriptions("changed").await[0].msisdn,
            "+9990009991"
        );
        assert_eq!(suite.subscriptions("moved").await[0].msisdn, "+9990009998");
        let gone = wire::GetCustomerRequest {
            customer_id: "untouched".into(),
        };
        assert!(suite.client.get_customer(gone).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn of_a_known_customer_the_fact_that_somebody_changed_stays_and_all_others_are_as_before() {
    each_suite(async |mut suite| {
        let rows = "renamed,N,1,1,L0,+9990009991,9.00,B0,5,\n\
                    billed,N,2,1,L0,+9990009992,9.00,B0,5,\n\
                    sold,N,3,1,L0,+9990009993,9.00,,,\n\
                    named,N,4,1,,,,,,\n";
        file(rows).run(&suite).await.unwrap();
        suite.clock.advance(Span::from_seconds(60));
        let rows = "renamed,M,11,2,L0,+9990009991,8.00,B0,6,\n\
                    billed,M,12,2,L0,+9990009992,8.00,B0,6,\n\
                    sold,M,13,2,L0,+99900099983,9.00,,,\n\
                    named,M,14,2,L7,+99900099987,7.00,,,\n";
        let import = file(rows).run(&suite).await.unwrap().import;
        assert_eq!(import.rejected_row_count, 0);
        suite.clock.advance(Span::from_seconds(60));
        let renamed = wire::Customer {
            display_name: "Other".into(),
            ..suite.get("renamed").await
        };
        suite.upsert(vec![renamed]).await.unwrap();
        suite
            .bill(vec![settled("billed", "billed-B0", 30)])
            .await
            .unwrap();
        suite.clock.advance(Span::from_days(2));
        // The number and the name that the import set free are somebody else's now.
        let other = wire::Customer {
            external_ids: vec![external("crm", "4")],
            ..customer("other")
        };
        suite.upsert(vec![other]).await.unwrap();
        let line = line("other", "other-1", "+9990009993", "2025-01-02");
        suite.subscribe(vec![line]).await.unwrap();
        let usage = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries: vec![month("named", "named-L7", "2024-09-01")],
        };
        suite
            .client
            .batch_upsert_usage_summaries(usage)
            .await
            .unwrap();
        suite.clock.advance(Span::from_seconds(60));

        let reversal = reverted(&suite, &import.import_id).await;

        let all = conflicts(&suite, &import.import_id, 0).await;
        assert_eq!(
            told(&all),
            [
                ("billed", "bill", "billed-B0", Reason::Changed),
                ("named", "customer", "", Reason::Taken),
                ("named", "subscription", "named-L7", Reason::InUse),
                ("renamed", "customer", "", Reason::Changed),
                ("sold", "subscription", "sold-L0", Reason::Taken),
            ]
        );
        assert_eq!(
            (reversal.conflict_count, reversal.removed_customer_count),
            (5, 0)
        );
        assert_eq!(suite.get("renamed").await.display_name, "Other");
        assert_eq!(
            suite.subscriptions("renamed").await[0].monthly_fee,
            euro(900)
        );
        assert_eq!(suite.get("billed").await.display_name, "N");
        assert_eq!(suite.subscriptions("sold").await[0].msisdn, "+99900099983");
        assert_eq!(suite.get("sold").await.display_name, "N");
        assert_eq!(suite.get("named").await.display_name, "M");
    })
    .await;
}

#[tokio::test]
async fn whom_a_later_import_took_in_stays() {
    each_suite(async |mut suite| {
        file("known,N,1,1,,,,,,\n").run(&suite).await.unwrap();
        suite.clock.advance(Span::from_seconds(60));
        let rows = "known,M,1,1,,,,,,\nmade,M,2,1,L0,+9990009991,9.00,,5,\nalone,M,3,1,,,,,,\n";
        let import = file(rows).run(&suite).await.unwrap().import;
        suite.clock.advance(Span::from_seconds(60));
        let rows = "known,O,1,1,,,,,,\nmade,M,2,1,L0,+9990009991,9.00,,5,\n";
        file(rows).run(&suite).await.unwrap();
        suite.clock.advance(Span::from_seconds(60));

        let reversal = reverted(&suite, &import.import_id).await;

        assert_eq!(
            (reversal.conflict_count, reversal.removed_customer_count),
            (2, 1)
        );
        let all = conflicts(&suite, &import.import_id, 1).await;
        let later = |id| (id, "customer", "", Reason::LaterImport);
        assert_eq!(told(&all), [later("known"), later("made")]);
        assert_eq!(suite.get("known").await.display_name, "O");
        assert_eq!(suite.subscriptions("made").await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_gets_a_number_back_waits_until_its_holder_of_the_same_file_has_none() {
    each_suite(async |mut suite| {
        file("a,N,1,1,L0,+9990009991,9.00,,,\nb,N,2,1,L0,+9990009992,9.00,,,\n")
            .run(&suite)
            .await
            .unwrap();
        suite.clock.advance(Span::from_seconds(60));
        // Each takes over what the one before it has just given up.
        let rows = "b,N,3,1,L0,+9990009993,9.00,,,\na,N,2,1,L0,+9990009992,9.00,,,\n\
                    z,N,1,1,L0,+9990009991,9.00,,,\n";
        let import = file(rows).run(&suite).await.unwrap().import;
        assert_eq!(
            import.rejected_row_count, 1,
            "z began before a gave the number up"
        );
        suite.clock.advance(Span::from_seconds(60));

        let reversal = reverted(&suite, &import.import_id).await;

        assert_eq!(reversal.conflict_count, 0);
        assert_eq!(suite.subscriptions("a").await[0].msisdn, "+9990009991");
        assert_eq!(suite.subscriptions("b").await[0].msisdn, "+9990009992");
        assert_eq!(suite.get("a").await.external_ids, [external("crm", "1")]);
        assert_eq!(suite.get("b").await.external_ids, [external("crm", "2")]);
    })
    .await;
}
