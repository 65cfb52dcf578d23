//! Customers: create, upsert, get, look up.

use tenure_proto::customer::v1 as wire;
use tenure_proto::customer::v1::lookup_customer_request::Key;
use tenure_proto::r#type::v1::attribute_value::Kind;
use tenure_testkit::{assert_code, assert_reason, error_info};
use tonic::Code;

use crate::suite::*;

fn create(customer: wire::Customer) -> wire::CreateCustomerRequest {
    wire::CreateCustomerRequest {
        request_id: fresh(),
        customer: Some(customer),
    }
}

fn ada() -> wire::Customer {
    wire::Customer {
        display_name: "Ada".into(),
        external_ids: vec![external("crm", "7"), external("billing", "x")],
        attributes: vec![
            text("payment_method", "card"),
            attribute("partner", Some(Kind::Flag(true))),
            attribute("score", Some(Kind::Number(0.5))),
            attribute("lines", Some(Kind::Integer(-3))),
            attribute("seen", Some(Kind::Instant(day("2024-02-29").unwrap()))),
        ],
        join_time: day("2020-05-01"),
        ..customer("ada")
    }
}

#[tokio::test]
async fn a_created_customer_is_read_back_whole() {
    each_suite(async |mut suite| {
        let created = suite
            .client
            .create_customer(create(ada()))
            .await
            .unwrap()
            .into_inner();

        let read = suite.get("ada").await;
        assert_eq!(created.customer, Some(read.clone()));
        assert_eq!(read.create_time, day("2025-01-01"));
        let mut sorted = ada();
        sorted.attributes.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.external_ids.sort_by(|a, b| a.system.cmp(&b.system));
        let given = wire::Customer {
            create_time: read.create_time,
            update_time: read.update_time,
            etag: read.etag.clone(),
            ..sorted
        };
        assert_eq!(read, given);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_creation_answers_the_same_and_another_body_is_refused() {
    each_suite(async |mut suite| {
        let request = create(ada());
        let first = suite
            .client
            .create_customer(request.clone())
            .await
            .unwrap()
            .into_inner();

        suite.clock.advance(tenure_core::Span::from_days(1));
        let again = suite
            .client
            .create_customer(request.clone())
            .await
            .unwrap()
            .into_inner();
        assert_eq!(again.customer, first.customer);
        assert!(again.replayed && !first.replayed);

        let other = wire::CreateCustomerRequest {
            customer: Some(customer("bob")),
            ..request
        };
        let refused = suite.client.create_customer(other).await.unwrap_err();
        assert_code(&refused, Code::InvalidArgument, "REQUEST_ID_REUSED");
        assert_eq!(error_info(&refused).metadata["fields"], "customer");
    })
    .await;
}

#[tokio::test]
async fn a_known_customer_is_not_created_again_and_the_refusal_is_repeated() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let request = create(customer("ada"));

        for _ in 0..2 {
            let refused = suite
                .client
                .create_customer(request.clone())
                .await
                .unwrap_err();
            assert_code(&refused, Code::AlreadyExists, "CUSTOMER_EXISTS");
            assert_eq!(error_info(&refused).metadata["customer_id"], "ada");
            assert_eq!(error_info(&refused).domain, "customer.tenure");
        }
    })
    .await;
}

#[tokio::test]
async fn one_of_many_concurrent_creations_wins() {
    each_suite(async |suite| {
        let calls = (0..8).map(|_| {
            let mut client = suite.client.clone();
            async move { client.create_customer(create(customer("ada"))).await }
        });

        let answers = futures_util::future::join_all(calls).await;

        let refused: Vec<_> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .collect();
        assert_eq!(refused.len(), 7);
        refused
            .iter()
            .for_each(|status| assert_reason(status, "CUSTOMER_EXISTS"));
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    each_suite(async |mut suite| {
        let wrong = wire::Customer {
            customer_id: "a b".into(),
            kind: 9,
            display_name: "x".repeat(201),
            external_ids: vec![external("", "7"), external("crm", "")],
            attributes: vec![
                text("Bad", "x"),
                text("long", &"x".repeat(257)),
                attribute("nan", Some(Kind::Number(f64::NAN))),
                text("twice", "x"),
                text("twice", "y"),
            ],
            ..Default::default()
        };

        let request = wire::CreateCustomerRequest {
            request_id: "one".into(),
            customer: Some(wrong),
        };
        let refused = suite.client.create_customer(request).await.unwrap_err();

        assert_code(&refused, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(
            fields(&refused),
            [
                "request_id",
                "customer.customer_id",
                "customer.kind",
                "customer.display_name",
                "customer.external_ids[0].system",
                "customer.external_ids[1].id",
                "customer.attributes[0].name",
                "customer.attributes[1].value",
                "customer.attributes[2].value",
                "customer.attributes[4].name",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn an_upsert_creates_changes_and_leaves_alone() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["bob"]).await;
        suite.client.create_customer(create(ada())).await.unwrap();
        let before = suite.changes().await.len();
        suite.clock.advance(tenure_core::Span::from_days(1));

        let changed = wire::Customer {
            customer_id: "ada".into(),
            external_ids: vec![external("crm", "8")],
            attributes: vec![text("payment_method", "cash"), attribute("partner", None)],
            ..Default::default()
        };
        let batch = vec![changed, customer("bob"), customer("cleo")];
        let counted = suite.upsert(batch).await.unwrap();

        assert_eq!((counted.created_count, counted.updated_count), (1, 1));
        let ada = suite.get("ada").await;
        assert_eq!(ada.display_name, "Ada");
        assert_eq!(
            ada.external_ids,
            [external("billing", "x"), external("crm", "8")]
        );
        let names: Vec<_> = ada.attributes.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["lines", "payment_method", "score", "seen"]);
        assert_eq!(ada.update_time, day("2025-01-02"));
        assert_eq!(suite.get("bob").await.update_time, day("2025-01-01"));
        assert_eq!(suite.changes().await.len(), before + 2);
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_taken_in_wholly_or_not_at_all() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["bob"]).await;
        suite.client.create_customer(create(ada())).await.unwrap();

        let thief = |id| wire::Customer {
            external_ids: vec![external("crm", "7")],
            ..customer(id)
        };
        let batch = vec![customer("cleo"), thief("dan"), thief("bob")];
        let refused = suite.upsert(batch).await.unwrap_err();

        assert_code(&refused, Code::AlreadyExists, "EXTERNAL_ID_TAKEN");
        let metadata = error_info(&refused).metadata;
        assert_eq!(
            (
                metadata["system"].as_str(),
                metadata["customer_id"].as_str()
            ),
            ("crm", "ada")
        );
        assert_eq!(
            fields(&refused),
            ["customers[1].external_ids", "customers[2].external_ids"]
        );
        let cleo = wire::GetCustomerRequest {
            customer_id: "cleo".into(),
        };
        let missing = suite.client.get_customer(cleo).await.unwrap_err();
        assert_code(&missing, Code::NotFound, "CUSTOMER_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn a_batch_has_limits_and_no_id_twice() {
    each_suite(async |mut suite| {
        let empty = suite.upsert(Vec::new()).await.unwrap_err();
        assert_eq!(fields(&empty), ["customers"]);

        let many = (0..1_001).map(|n| customer(&format!("C{n}"))).collect();
        assert_eq!(
            fields(&suite.upsert(many).await.unwrap_err()),
            ["customers"]
        );

        let twice = vec![customer("a"), customer("b"), customer("a")];
        let twice = suite.upsert(twice).await.unwrap_err();
        assert_eq!(fields(&twice), ["customers[2].customer_id"]);

        let number = suite
            .upsert(vec![customer("+4912345678")])
            .await
            .unwrap_err();
        assert_eq!(fields(&number), ["customers[0].customer_id"]);

        let kindless = wire::Customer {
            kind: 0,
            ..customer("new")
        };
        let kindless = suite.upsert(vec![kindless]).await.unwrap_err();
        assert_code(&kindless, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(fields(&kindless), ["customers[0].kind"]);
    })
    .await;
}

#[tokio::test]
async fn a_stale_etag_is_refused_and_the_current_one_is_not() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["ada"]).await;
        let etag = suite.get("ada").await.etag;
        let named = |name: &str| wire::Customer {
            display_name: name.into(),
            etag: etag.clone(),
            ..customer("ada")
        };

        suite.upsert(vec![named("Ada")]).await.unwrap();
        assert_ne!(suite.get("ada").await.etag, etag);

        let refused = suite.upsert(vec![named("Bea")]).await.unwrap_err();
        assert_code(&refused, Code::Aborted, "ETAG_MISMATCH");
        assert_eq!(fields(&refused), ["customers[0].etag"]);
    })
    .await;
}

#[tokio::test]
async fn customers_are_found_by_external_id_while_it_is_theirs() {
    each_suite(async |suite| {
        let mut suite = suite.with_customers(&["bob"]).await;
        suite.client.create_customer(create(ada())).await.unwrap();
        let by = |id| wire::LookupCustomerRequest {
            key: Some(Key::ExternalId(id)),
            at_time: None,
        };

        let found = suite
            .client
            .lookup_customer(by(external("crm", "7")))
            .await
            .unwrap();
        assert_eq!(found.into_inner().customer.unwrap().customer_id, "ada");

        let renamed = wire::Customer {
            external_ids: vec![external("crm", "8")],
            ..customer("ada")
        };
        suite.upsert(vec![renamed]).await.unwrap();
        let gone = suite
            .client
            .lookup_customer(by(external("crm", "7")))
            .await
            .unwrap_err();
        assert_code(&gone, Code::NotFound, "CUSTOMER_NOT_FOUND");
        assert_eq!(error_info(&gone).metadata["lookup"], "external_id");

        let heir = wire::Customer {
            external_ids: vec![external("crm", "7")],
            ..customer("bob")
        };
        suite.upsert(vec![heir]).await.unwrap();
        let found = suite
            .client
            .lookup_customer(by(external("crm", "7")))
            .await
            .unwrap();
        assert_eq!(found.into_inner().customer.unwrap().customer_id, "bob");

        let keyless = suite
            .client
            .lookup_customer(wire::LookupCustomerRequest::default())
            .await;
        assert_eq!(fields(&keyless.unwrap_err()), ["key"]);
        let dated = wire::LookupCustomerRequest {
            at_time: day("2024-01-01"),
            ..by(external("crm", "7"))
        };
        let dated = suite.client.lookup_customer(dated).await.unwrap_err();
        assert_eq!(fields(&dated), ["at_time"]);
    })
    .await;
}
