//! Bills, usage and interactions in batches.

use tenure_proto::customer::v1 as wire;
use tenure_testkit::{assert_code, error_info};
use tonic::Code;

use crate::suite::*;

#[tokio::test]
async fn a_bill_goes_from_sent_to_settled_and_then_stays() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let counted = suite
            .bill(vec![sent("ada", "B1", 0), settled("ada", "B2", 30)])
            .await;
        assert_eq!(counted.unwrap().created_count, 2);
        let counted = suite
            .bill(vec![settled("ada", "B1", 0), settled("ada", "B2", 30)])
            .await;
        assert_eq!(counted.unwrap().updated_count, 1);

        let refused = suite
            .bill(vec![sent("ada", "B3", 60), sent("ada", "B1", 0)])
            .await;
        let refused = refused.unwrap_err();
        assert_code(&refused, Code::FailedPrecondition, "BILL_SETTLED");
        assert_eq!(error_info(&refused).metadata["bill_id"], "B1");
        assert_eq!(fields(&refused), ["bills[1].state"]);

        let request = wire::ListBillsRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        let bills = suite
            .client
            .list_bills(request)
            .await
            .unwrap()
            .into_inner()
            .bills;
        let update_time = day("2025-01-01");
        let stored = |bill| wire::Bill {
            update_time,
            ..bill
        };
        assert_eq!(
            bills,
            [
                stored(settled("ada", "B2", 30)),
                stored(settled("ada", "B1", 0))
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn wrong_bills_are_named_by_their_place() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let early = wire::Bill {
            due_time: later(-1),
            ..sent("ada", "B1", 0)
        };
        let moneyless = wire::Bill {
            amount: None,
            state: 7,
            ..sent("ada", "B2", 0)
        };
        let unpaid = wire::Bill {
            settle_time: None,
            ..settled("ada", "B3", 0)
        };

        let refused = suite
            .bill(vec![early, moneyless, unpaid])
            .await
            .unwrap_err();
        let named = [
            "bills[0].due_time",
            "bills[1].amount",
            "bills[1].state",
            "bills[2].settle_time",
        ];
        assert_eq!(fields(&refused), named);

        let unknown = suite
            .bill(vec![sent("ada", "B1", 0), sent("nobody", "B2", 0)])
            .await;
        let unknown = unknown.unwrap_err();
        assert_code(&unknown, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(fields(&unknown), ["bills[1].customer_id"]);
        assert_eq!(error_info(&unknown).metadata["customer_id"], "nobody");

        suite.bill(vec![sent("ada", "B1", 0)]).await.unwrap();
        let others = suite.bill(vec![sent("bob", "B1", 0)]).await.unwrap_err();
        assert_code(&others, Code::AlreadyExists, "BILL_EXISTS");
    })
    .await;
}

#[tokio::test]
async fn a_bill_is_not_of_the_future_nor_of_an_amount_that_nobody_can_add_up() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        // The clock shows 2025-01-01, which is 366 days after 2024-01-01.
        let late = settled("ada", "B1", 368);
        let early = wire::Bill {
            settle_time: later(99),
            ..settled("ada", "B2", 100)
        };
        let large = wire::Bill {
            amount: euro(9_000_000_000_000_000_000),
            paid_amount: euro(-1_000_000_000_000_001),
            ..settled("ada", "B3", 0)
        };
        let refused = suite.bill(vec![late, early, large]).await.unwrap_err();
        let named = [
            "bills[0].issue_time",
            "bills[0].settle_time",
            "bills[1].settle_time",
            "bills[2].amount.amount_minor",
            "bills[2].paid_amount.amount_minor",
        ];
        assert_eq!(fields(&refused), named);

        let last = wire::Bill {
            amount: euro(1_000_000_000_000_000),
            ..sent("ada", "B1", 367)
        };
        suite.bill(vec![last]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn usage_and_interactions_are_not_of_the_future() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let usage = wire::UsageSummary {
            sms_count: 1_000_000_000_001,
            ..month("ada", "", "2025-02-01")
        };
        let request = wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries: vec![usage],
        };
        let refused = suite.client.batch_upsert_usage_summaries(request).await;
        let named = [
            "usage_summaries[0].start_time",
            "usage_summaries[0].sms_count",
        ];
        assert_eq!(fields(&refused.unwrap_err()), named);

        let request = wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions: vec![complaint("ada", "I1", 367), complaint("ada", "I2", 368)],
        };
        let refused = suite.client.batch_upsert_interactions(request).await;
        let named = ["interactions[1].event_time"];
        assert_eq!(fields(&refused.unwrap_err()), named);
    })
    .await;
}

#[tokio::test]
async fn a_later_usage_summary_replaces_the_earlier_one() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        suite
            .subscribe(vec![line("ada", "S1", "", "2023-01-01")])
            .await
            .unwrap();
        let request = |usage_summaries| wire::BatchUpsertUsageSummariesRequest {
            request_id: fresh(),
            usage_summaries,
        };
        let (whole, one) = (
            month("ada", "", "2024-01-01"),
            month("ada", "S1", "2024-01-01"),
        );
        let first = request(vec![whole.clone(), one.clone()]);
        let counted = suite
            .client
            .batch_upsert_usage_summaries(first.clone())
            .await
            .unwrap();
        assert_eq!(counted.into_inner().created_count, 2);
        let again = suite
            .client
            .batch_upsert_usage_summaries(first)
            .await
            .unwrap();
        assert!(again.into_inner().replayed);

        let more = wire::UsageSummary {
            sms_count: 9,
            ..one
        };
        let counted = suite
            .client
            .batch_upsert_usage_summaries(request(vec![more.clone()]))
            .await;
        assert_eq!(counted.unwrap().into_inner().updated_count, 1);
        let list = wire::ListUsageSummariesRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        let listed = suite
            .client
            .list_usage_summaries(list)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(listed.usage_summaries, [more, whole.clone()]);

        let wrong = wire::UsageSummary {
            start_time: day("2024-01-02"),
            data_megabytes: -1,
            ..whole
        };
        let wrong = suite
            .client
            .batch_upsert_usage_summaries(request(vec![wrong]))
            .await;
        let named = [
            "usage_summaries[0].data_megabytes",
            "usage_summaries[0].start_time",
        ];
        assert_eq!(fields(&wrong.unwrap_err()), named);
        let unknown = request(vec![month("ada", "S9", "2024-01-01")]);
        let unknown = suite
            .client
            .batch_upsert_usage_summaries(unknown)
            .await
            .unwrap_err();
        assert_code(&unknown, Code::NotFound, "SUBSCRIPTION_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn an_interaction_with_a_known_id_replaces_it() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let request = |interactions| wire::BatchUpsertInteractionsRequest {
            request_id: fresh(),
            interactions,
        };
        let open = request(vec![complaint("ada", "I1", 1), complaint("ada", "I2", 2)]);
        let counted = suite
            .client
            .batch_upsert_interactions(open.clone())
            .await
            .unwrap();
        assert_eq!(counted.into_inner().created_count, 2);
        let again = suite
            .client
            .batch_upsert_interactions(open)
            .await
            .unwrap()
            .into_inner();
        assert_eq!((again.created_count, again.replayed), (2, true));

        let closed = wire::Interaction {
            resolution: "CREDIT".into(),
            ..complaint("ada", "I1", 1)
        };
        let counted = suite
            .client
            .batch_upsert_interactions(request(vec![closed.clone()]))
            .await;
        assert_eq!(counted.unwrap().into_inner().updated_count, 1);
        let list = wire::ListInteractionsRequest {
            customer_id: "ada".into(),
            ..Default::default()
        };
        let listed = suite
            .client
            .list_interactions(list)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(listed.interactions, [complaint("ada", "I2", 2), closed]);

        let others = request(vec![complaint("bob", "I1", 1)]);
        let others = suite
            .client
            .batch_upsert_interactions(others)
            .await
            .unwrap_err();
        assert_code(&others, Code::AlreadyExists, "INTERACTION_EXISTS");
        let wordless = wire::Interaction {
            channel: 0,
            direction: 5,
            kind: 0,
            ..complaint("ada", "I3", 1)
        };
        let wordless = suite
            .client
            .batch_upsert_interactions(request(vec![wordless]))
            .await;
        let named = ["channel", "direction", "kind"].map(|name| format!("interactions[0].{name}"));
        assert_eq!(fields(&wordless.unwrap_err()), named);
    })
    .await;
}
