//! Calls around the facts: request ids, batches, pages, lookups, endings, imports, the feed.

use tenure_proto::customer::v1 as wire;
use tenure_testkit::assert_code;
use tonic::{Code, Status};

use super::{Mistake, NUMBER, assert_each, assert_quotes_nobody, assert_told};
use crate::suite::*;

const REQUEST_IDS: [(&str, &str); 5] = [
    ("", "found nothing"),
    ("one", "3 bytes that are none"),
    ("00000000-0000-0000-0000-000000000000", "the nil UUID"),
    (
        "0198c0de-0000-7000-8000-00000000000",
        "35 bytes that are none",
    ),
    (
        "0198c0de-0000-7000-8000-00000000000g",
        "36 bytes that are none",
    ),
];

#[tokio::test]
async fn a_write_without_a_request_id_is_told_so() {
    each_suite(async |mut suite| {
        for (request_id, told) in REQUEST_IDS {
            let request = wire::CreateCustomerRequest {
                request_id: request_id.into(),
                customer: Some(customer("ada")),
            };
            let refused = suite.client.create_customer(request).await.unwrap_err();
            assert_told(&refused, "request_id", told);
        }
        assert!(suite.changes().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn batches_hold_one_to_a_thousand_items_and_none_twice() {
    each_suite(async |mut suite| {
        let many = (0..1_001).map(|n| customer(&format!("c{n}"))).collect();
        let batches: [(Vec<_>, &str, &str); 3] = [
            (Vec::new(), "customers", "1 to 1,000 items"),
            (many, "customers", "found 1001 items"),
            (
                vec![customer("a"), customer("a")],
                "customers[1].customer_id",
                "found that of customers[0]",
            ),
        ];
        for (customers, field, told) in batches {
            let refused = suite.upsert(customers).await.unwrap_err();
            assert_told(&refused, field, told);
        }
        let ids = vec!["a".to_owned(); 1_001];
        let request = wire::BatchGetCustomersRequest { customer_ids: ids };
        let refused = suite.client.batch_get_customers(request).await.unwrap_err();
        assert_told(&refused, "customer_ids", "found 1001 items");
        assert!(suite.changes().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn pages_are_asked_for_as_they_are_given() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada", "bob"]).await;
        let mut list = async |page_size: i32, page_token: &str| {
            let page_token = page_token.to_owned();
            let request = wire::ListCustomersRequest {
                page_size,
                page_token,
            };
            suite.client.list_customers(request).await
        };
        assert_told(&list(-1, "").await.unwrap_err(), "page_size", "found -1");
        for token in ["x", "bm90IG91cnM=", "\u{0}", &"A".repeat(5_000)] {
            let refused = list(1, token).await.unwrap_err();
            assert_code(&refused, Code::InvalidArgument, "INVALID_PAGE_TOKEN");
        }
        let of_customers = list(1, "").await.unwrap().into_inner().next_page_token;
        let request = wire::ListBillsRequest {
            customer_id: "ada".into(),
            page_token: of_customers,
            ..Default::default()
        };
        let refused = suite.client.list_bills(request).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "PAGE_TOKEN_MISMATCH");
    })
    .await;
}

async fn look_up(suite: &mut Suite, request: wire::LookupCustomerRequest) -> Result<(), Status> {
    suite.client.lookup_customer(request).await.map(drop)
}

#[tokio::test]
async fn a_lookup_asks_by_one_well_formed_key() {
    use wire::lookup_customer_request::Key;
    each_suite(async |mut suite| {
        let number = |text: &str| Some(Key::Msisdn(text.into()));
        let name = |system: &str, id: &str| Some(Key::ExternalId(external(system, id)));
        let keys = [
            (None, "key", "found nothing"),
            (number(""), "msisdn", "found nothing"),
            (number("999123456789"), "msisdn", "12 bytes that are none"),
            (name("", "1"), "external_id.system", "1 to 64"),
            (name("crm", ""), "external_id.id", "found nothing"),
        ];
        for (key, field, told) in keys {
            let request = wire::LookupCustomerRequest { key, at_time: None };
            let refused = look_up(&mut suite, request).await.unwrap_err();
            assert_told(&refused, field, told);
        }
        let at_time = later(0);
        let request = wire::LookupCustomerRequest {
            key: name("crm", "1"),
            at_time,
        };
        let refused = look_up(&mut suite, request).await.unwrap_err();
        assert_eq!(fields(&refused), ["at_time"], "{refused:?}");

        let request = wire::LookupCustomerRequest {
            key: number(NUMBER),
            at_time: None,
        };
        let refused = look_up(&mut suite, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert_quotes_nobody(&refused);
    })
    .await;
}

const ENDINGS: &[Mistake<wire::TerminateSubscriptionRequest>] = &[
    (|t| t.request_id.clear(), "request_id", "a UUID"),
    (|t| t.customer_id.clear(), "customer_id", "found nothing"),
    (
        |t| t.subscription_id = "x".repeat(65),
        "subscription_id",
        "found 65 bytes",
    ),
    (|t| t.churn_kind = 0, "churn_kind", "found nothing"),
    (|t| t.churn_kind = 99, "churn_kind", "found the number 99"),
    (
        |t| t.churn_reason = "x".repeat(129),
        "churn_reason",
        "found 129 bytes",
    ),
    (
        |t| t.churn_reason = "\u{1b}[2J".into(),
        "churn_reason",
        "U+001B at byte 0",
    ),
    (
        |t| t.terminate_time = day("2025-01-03"),
        "terminate_time",
        "at most a day from now",
    ),
    (
        |t| {
            t.churn_kind = 2;
            t.ported_out = true;
        },
        "ported_out",
        "only with a competitor",
    ),
];

#[tokio::test]
async fn every_mistake_in_an_ending_is_told() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let numbered = line("ada", "L1", NUMBER, "2024-01-01");
        suite.subscribe(vec![numbered]).await.unwrap();
        let good = terminate("ada", "L1", None);
        assert_each(&mut suite, good, ENDINGS, async |suite, bad| {
            suite.client.terminate_subscription(bad).await.map(drop)
        })
        .await;
    })
    .await;
}

const IMPORTS: &[Mistake<wire::CreateImportRequest>] = &[
    (|i| i.request_id = "x".into(), "request_id", "a UUID"),
    (|i| i.source_name.clear(), "source_name", "found nothing"),
    (
        |i| i.source_name = "x".repeat(201),
        "source_name",
        "found 201 bytes",
    ),
    (|i| i.source_name = "a\nb".into(), "source_name", "U+000A"),
    (|i| i.content_digest.clear(), "content_digest", "64"),
    (
        |i| i.content_digest = "a".repeat(63),
        "content_digest",
        "64",
    ),
    (
        |i| i.content_digest = "g".repeat(64),
        "content_digest",
        "64",
    ),
    (
        |i| i.mapping_digest = "é".repeat(32),
        "mapping_digest",
        "64",
    ),
];

#[tokio::test]
async fn every_mistake_in_the_begin_of_an_import_is_told() {
    each_suite(async |mut suite| {
        let good = wire::CreateImportRequest {
            request_id: fresh(),
            source_name: "file.csv".into(),
            content_digest: "1".repeat(64),
            mapping_digest: "2".repeat(64),
        };
        assert_each(&mut suite, good, IMPORTS, async |suite, bad| {
            suite.client.create_import(bad).await.map(drop)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_feed_goes_on_from_its_own_positions_only() {
    each_suite(async |mut suite| {
        for token in ["x", "bm90IG91cnM=", "\u{0}", &"A".repeat(5_000)] {
            let request = wire::WatchChangesRequest {
                resume_token: token.into(),
                ..Default::default()
            };
            let refused = match suite.client.watch_changes(request).await {
                Ok(stream) => stream.into_inner().message().await.unwrap_err(),
                Err(refused) => refused,
            };
            assert_code(&refused, Code::InvalidArgument, "INVALID_RESUME_TOKEN");
        }
    })
    .await;
}
